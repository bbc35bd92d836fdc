"""The simulated model: which blocks of a program a call rewrites, and what comes back."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from evo import AllBlocks, OnlyIncorrect, UniformChunk, UniformSubset
from evo.chunks import Chunks
from evo.engine.contracts import chosen_chunks, drawn_traits, rewritten
from evo.errors import InputError
from evo.parameters import shown
from evo.protocols import AnyMutator, Chunk, Schedule, is_informed
from evo.seeding import streams
from evo.text import canonical
from experiments.serving.evaluator import texts_of
from experiments.serving.faults import FAULTS, PROSE, REFUSAL, THOUGHTS, Faults
from experiments.serving.program import Blocks, Edit, edited, edits, shown_blocks
from experiments.serving.prompts.asked import Asked, NotUnderstood

STATELESS = (AllBlocks, OnlyIncorrect, UniformChunk, UniformSubset)
"""Schedules whose chunk a call can know that knows nothing of the calls before it."""
HTTP = ("http_429", "http_500", "timeout")
"""Faults that leave no answer."""


@dataclass(frozen=True)
class Answer:
    """What a call did, as the model knows it.

    Attributes:
        text: of the answer.
        finish: why it ended: stop or length.
        outcome: a word of the table of calls.
        fault: of FAULTS, empty for none.
        g, incorrect, repaired, kept: blocks handed over, of these incorrect before, repaired, and correct ones kept.
            None where no blocks were written.
        right: right blocks of the whole program, as the answer would leave them.
        thoughts: characters of the text that are thoughts.
    """

    text: str
    finish: str
    outcome: str
    fault: str = ""
    g: int | None = None
    incorrect: int | None = None
    repaired: int | None = None
    kept: int | None = None
    right: int | None = None
    thoughts: int = 0


@dataclass
class Model:
    """A mutator as a model that answers prompts.

    What is drawn is named by (seed, texts of the shown blocks, n), n counting how often these were shown before: the
    same program gets the same answers in the same order, whatever other requests come between. A wall clock or a score
    in the prompt changes nothing.

    Attributes:
        blocks: the problem.
        mutator: what a call does to its chunk.
        schedule: which blocks of those shown are the chunk.
        seed: of all that is drawn.
        faults: beside those of the mutator.
        honours_seed: whether a request with a `seed` gets the same answer each time, as some servers do.
    """

    blocks: Blocks
    mutator: AnyMutator
    schedule: Schedule = field(default_factory=AllBlocks)
    seed: int = 1
    faults: Faults = field(default_factory=lambda: Faults({}))
    honours_seed: bool = False

    def __post_init__(self) -> None:
        if type(self.schedule) not in STATELESS:
            known = ", ".join(kind.__name__ for kind in STATELESS)
            raise InputError(
                f"--schedule: expected one of {known}, whose chunk does not depend on earlier calls, got "
                f"{shown(self.schedule)}; a loop that has another schedule shows the blocks of its chunk alone"
            )
        if hasattr(self.mutator, "mean_calls"):
            raise InputError(
                f"serve: {type(self.mutator).__name__} takes several calls for an answer, and a request is one call; "
                "serve the mutator inside, and let the loop vote"
            )
        self._expect_fit(self.blocks.k)
        of_the_run = streams(self.seed, canonical(self.mutator), 0)
        self._traits: Any = drawn_traits(self.mutator, 1, self.blocks.k, of_the_run.mutator)
        self._seen: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def answer(self, asked: Asked, seed: int | None = None, most_tokens: int | None = None, choice: int = 0) -> Answer:
        """The answer to a prompt.

        Args:
            asked: what it asks for.
            seed: of the request.
            most_tokens: of the request.
            choice: which of its answers, from 0; a request that fails over HTTP does so at the first.

        Raises: NotUnderstood if the prompt shows no block of the problem.
        """
        there = shown_blocks(asked.program, self.blocks.k)
        if not there:
            raise NotUnderstood(
                f"expected blocks B0 to B{self.blocks.k - 1} in the current program, got only others; give `llm-evo "
                "serve` the k of the program"
            )
        if asked.whole:
            there = list(range(self.blocks.k))
        rng = self._drawn_by(asked.program, seed, choice)
        fault, thinks = self.faults.drawn(rng[0])
        if (fault == "search" and not asked.diff) or (fault in HTTP and choice):
            fault = ""
        if fault in HTTP:
            return Answer("", "", FAULTS[fault], fault)
        with self._lock:  # a mutator may remember
            made = self._written(asked, there, rng[1:], fault)
        if thinks:
            made = replace(made, text=THOUGHTS + made.text, thoughts=len(THOUGHTS))
        return _limited(made, most_tokens)

    def _drawn_by(self, program: str, seed: int | None, choice: int) -> list[Generator]:
        """Generators for faults, schedule, mutator and letters."""
        shown = repr(sorted((i, text) for i, text in texts_of(program).items() if i < self.blocks.k))
        name = hashlib.sha256(shown.encode()).digest()
        nth: tuple[int, ...]
        if self.honours_seed and seed is not None:
            nth = (1, seed % 2**64, *((choice,) if choice else ()))
        else:
            with self._lock:
                nth = (0, self._seen.get(name, 0))
                self._seen[name] = nth[1] + 1
        words = np.frombuffer(name, dtype=">u4")
        entropy = [self.seed, *map(int, words)]
        return [np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(*nth, role))) for role in range(4)]

    def _written(self, asked: Asked, there: list[int], rng: Sequence[Generator], fault: str) -> Answer:
        """The answer as the mutator makes it, and what is then wrong with it."""
        of_schedule, of_mutator, of_letters = rng
        before = np.array(self.blocks.scores(asked.program), dtype=np.bool_)
        chunk = self._chunk(np.array(there), before, of_schedule)
        correct, after, valid = self._rewritten(before, chunk, of_mutator)
        counts = {
            "g": len(chunk),
            "incorrect": int((~before[chunk]).sum()),
            "repaired": int((after & ~before)[chunk].sum()),
            "kept": int((after & before)[chunk].sum()),
            "right": int(after.sum()),
        }
        if not valid:
            fault = fault or "prose"
        new = {int(i): self.blocks.right(i) if after[i] else self.blocks.wrong(i, of_letters) for i in correct}
        made = edits(asked.program, new)
        return _spoilt(asked, edited(asked.program, made), made, fault, counts, of_letters)

    def _chunk(self, there: np.ndarray, before: np.ndarray, rng: Generator) -> np.ndarray:
        """The positions of the blocks that the call rewrites."""
        seen = before[there][None, :]
        self._expect_fit(len(there))
        chosen = chosen_chunks(self.schedule, np.zeros(1, dtype=np.int64), seen, 1, 1, rng)[:, 0, 0]
        cut = Chunks.of(self.schedule, len(there))
        (size, _), *_ = cut.groups(chosen)
        return np.asarray(there[cut.blocks(chosen, size)[0]])

    def _rewritten(self, before: np.ndarray, chunk: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray, bool]:
        """Which blocks are written, all blocks after the call, and whether the answer is well-formed."""
        given: Any = before[chunk][None, :]
        if is_informed(self.mutator):
            solution = before[None, :] if getattr(self.mutator, "sees", "chunk") == "solution" else None
            given = Chunk(given, chunk[None, :], np.zeros(1, dtype=np.int64), solution, self._traits)
        answer = rewritten(self.mutator, given, rng)
        after = before.copy() if answer.solution is None else answer.solution[0].copy()
        after[chunk] = answer.correct[0]
        written = np.union1d(chunk, np.flatnonzero(after != before))
        return written, after, answer.valid is None or bool(answer.valid[0])

    def _expect_fit(self, k: int) -> None:
        """Refuse chunks of k shown blocks that schedule or mutator cannot serve.

        Raises: InputError.
        """
        g = self.schedule.chunk_size(k)
        if hasattr(self.mutator, "fits"):
            self.mutator.fits(k, g)


def _spoilt(asked: Asked, program: str, made: list[Edit], fault: str, counts: dict[str, int], rng: Generator) -> Answer:
    """An answer with its fault; what could not be applied has no repaired or kept blocks."""
    language = asked.language
    if fault == "fence":
        language = "text" if language != "text" else "unknown"
    if fault == "search":
        made = [replace(edit, old=f"{edit.old}  # as it was") for edit in made]
    text = {"prose": PROSE, "refusal": REFUSAL, "empty": ""}.get(fault, asked.write(program, made, language))
    finish = "stop"
    if fault == "truncated":
        text, finish = text[: int(len(text) * rng.uniform(0.1, 0.9))], "length"
    if fault:
        return Answer(text, finish, FAULTS[fault], fault, counts["g"], counts["incorrect"])
    return Answer(text, finish, "ok", "", **counts)


def _limited(made: Answer, most_tokens: int | None) -> Answer:
    """An answer of no more tokens than the request allows."""
    if most_tokens is None or tokens(made.text) <= most_tokens:
        return made
    text = made.text[: 4 * most_tokens]
    made = replace(made, text=text, finish="length", thoughts=min(made.thoughts, len(text)))
    if made.outcome != "ok":
        return made
    return replace(made, outcome="truncated", repaired=None, kept=None, right=None)


def tokens(text: str) -> int:
    """Tokens of a text, four characters each, the last may be shorter.

    >>> tokens(""), tokens("abcde")
    (0, 2)
    """
    return -(-len(text) // 4)
