"""The runs of a batch, all at once: each asks for its generation's calls, judges the answers and goes on."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.batch import RunCounts
from evo.costs.budget import any_reached
from evo.errors import InputError
from evo.forms.texts import TextCall, TextProblem, Unreadable
from evo.seeding import Streams, streams
from evo.text import canonical
from experiments.grids.cell import Cell
from experiments.serving.ask_tell import Ask, AskTell
from experiments.serving.real.answers import Answer
from experiments.serving.real.desk import Desk, Question, run_name
from experiments.store.table import MEASURED, Columns, batch_columns

ENTRIES = ("calls", "prompt_tokens", "generated_tokens", "cached_tokens", "reasoning_tokens")
"""Of the columns `measured.*` of the table of runs: requests sent, and what the endpoint told of their tokens."""
SEEDS = 2**31


@dataclass
class Ran:
    """What a run came to.

    Attributes:
        loop: its search.
        measured: of ENTRIES; all tokens -1 where the endpoint did not tell those of some call.
    """

    loop: AskTell
    measured: NDArray[np.int64]


class Broken(Exception):
    """Another run of the batch raised, so that its rows are lost: nothing more is asked for it."""


class BatchOfRuns:
    """Runs of one cell.

    Args:
        cell: whose problem has texts, and whose mutator asks a model.
        desk: where calls go over.
        judges: a thread in which texts are judged, so that a slow checker keeps no reply waiting.
    """

    def __init__(self, cell: Cell, desk: Desk, judges: ThreadPoolExecutor) -> None:
        self._cell, self._desk, self._judges = cell, desk, judges
        self._problem: Any = cell.problem
        self._mutator: Any = cell.mutator
        self._item = hashlib.sha256(canonical(cell.problem).encode()).hexdigest()[:12]
        self._broken = False

    async def columns(self, seed: int, batch: int, size: int) -> Columns:
        """What the table of runs tells of them.

        Raises: what a part or the desk raised, after all runs have taken what was under way.
        """
        texts = self._problem.texts
        correct = await self._judged(range(len(texts)), texts)
        self._expect_start(correct)
        batch_streams = streams(seed, self._cell.identity, batch)
        roles = (getattr(batch_streams, role.name).spawn(size) for role in fields(Streams))
        each = [Streams(*of_run) for of_run in zip(*roles, strict=True)]
        runs = [self._run(run_name(seed, self._cell.identity, batch, run), correct, each[run]) for run in range(size)]
        ended = await asyncio.gather(*runs, return_exceptions=True)
        errors = [error for error in ended if isinstance(error, BaseException)]
        if errors:
            raise next((error for error in errors if not isinstance(error, Broken)), errors[0])
        return self._table([one for one in ended if isinstance(one, Ran)])

    async def _run(self, name: str, correct: list[bool], drawn: Streams) -> Ran:
        try:
            return await self._ran(name, correct, drawn)
        except BaseException:
            self._broken = True
            raise

    async def _ran(self, name: str, correct: list[bool], drawn: Streams) -> Ran:
        """One run, to its hit or its budget."""
        cell, problem = self._cell, self._problem
        loop = AskTell(
            problem.k, tuple(problem.texts), sum(correct), cell.schedule, cell.runner, target=problem.k,
            correct=correct, l=problem.l, prompt=cell.prompt, streams=drawn,
        )  # fmt: skip
        spent, asked = np.zeros(len(ENTRIES), dtype=np.int64), Counter[str]()
        while not loop.done and not self._over(loop):
            if self._broken:
                raise Broken
            calls = [self._call(name, ask, asked) for ask in loop.ask_all()]
            for ask, answer, made, right in await _all(calls):
                spent = _plus(spent, answer)
                if made is None:
                    loop.tell(ask, valid=False)
                else:
                    loop.tell(ask, made, sum(right), correct=right)
        return Ran(loop, spent)

    async def _call(
        self, name: str, ask: Ask, asked: Counter[str]
    ) -> tuple[Ask, Answer, tuple[str, ...] | None, list[bool]]:
        """One call: its answer, the offspring if there is one, and which of its blocks are right."""
        content, tasks = ask.parent.content, self._problem.tasks
        call = TextCall(
            ask.blocks, tuple(content[at] for at in ask.blocks),
            tuple(tasks[at] if tasks else "" for at in ask.blocks), content,
        )  # fmt: skip
        request = dict(self._mutator.request(call))
        if getattr(self._mutator, "fresh_seed", False):
            request["seed"] = int(name, 16) * 1_000_003 % SEEDS + ask.call
        asked[word := repr(request)] += 1
        chunk = [bool(ask.parent.correct[at]) for at in ask.blocks]  # type: ignore[index]  # told with each tell
        known = {"g": len(chunk), "k": self._problem.k, "incorrect": chunk.count(False), "item": self._item}
        answer = await self._desk.ask(Question(name, ask.call, asked[word] - 1, request, known))
        if answer.outcome is not None:
            return ask, answer, None, []
        try:
            texts = self._mutator.read(call, answer.text)
        except Unreadable:
            self._desk.note(answer, {"outcome": "no_parse"})
            return ask, answer, None, []
        begun = time.perf_counter()
        after = await self._judged(ask.blocks, texts)
        seconds = max(1e-6, round(time.perf_counter() - begun, 6))
        self._desk.note(answer, {"outcome": "ok", "evaluation_seconds": seconds} | _counts(chunk, after))
        made, right = list(content), ask.parent.correct.tolist()  # type: ignore[union-attr]  # told with each tell
        for at, text, one in zip(ask.blocks, texts, after, strict=True):
            made[at], right[at] = text, one
        return ask, answer, tuple(made), right

    async def _judged(self, blocks: Any, texts: Any) -> list[bool]:
        """Which texts are right, as the checker says in its own thread."""
        judge: Callable[[int, str], bool] = self._problem.judge
        pairs = list(zip(blocks, texts, strict=True))
        run = asyncio.get_running_loop().run_in_executor
        return await run(self._judges, lambda: [judge(at, text) for at, text in pairs])

    def _expect_start(self, correct: list[bool]) -> None:
        """Check that the checker says of the start what the problem says.

        Raises: InputError.
        """
        said = self._problem.initial(1, np.random.default_rng(0))[0].tolist()
        if said != correct:
            found = tuple(at for at, one in enumerate(correct) if one)
            raise InputError(
                f"{type(self._problem).__name__}: expected the blocks that are right at the start in `right`, got "
                f"{self._problem.right}, where the checker finds {found}"
            )

    def _over(self, loop: AskTell) -> bool:
        counts = np.array([loop.calls]), np.array([loop.evaluations])
        return bool(any_reached(self._cell.limits, *counts, loop.shortfalls)[0])

    def _table(self, runs: list[Ran]) -> Columns:
        def of(values: list[int]) -> NDArray[np.int64]:
            return np.array(values, dtype=np.int64)

        loops = [run.loop for run in runs]
        counts = RunCounts(
            of([-1 if loop.hit is None else loop.hit for loop in loops]), of([loop.generations for loop in loops]),
            of([loop.calls for loop in loops]), of([loop.evaluations for loop in loops]), None,
            np.concatenate([loop.shortfalls for loop in loops]),
        )  # fmt: skip
        measured = np.array([run.measured for run in runs]).T
        made = dict(batch_columns(self._cell, counts))
        return made | {f"{MEASURED}.{name}": values for name, values in zip(ENTRIES, measured, strict=True)}


def expect_runnable(cell: Cell) -> None:
    """Refuse a cell of real calls that nobody can run here.

    Raises: InputError.
    """
    if not isinstance(cell.problem, TextProblem):
        raise InputError(f"{cell.text:.200}: expected a problem with texts, such as TextProblem(..), for a real model")
    if cell.tokens.calls != 1:
        raise InputError(f"{cell.text:.200}: its schedule or mutator declares LLM calls beside each call; none is made")
    start = tuple(cell.problem.texts)
    AskTell(
        cell.problem.k, start, 0, cell.schedule, cell.runner, correct=[False] * len(start), prompt=cell.prompt
    )  # refuses runners that it does not know


async def _all(calls: list[Any]) -> list[Any]:
    """What all calls came to, in their order; the first error after all have ended, so that no answer is dropped."""
    made = await asyncio.gather(*calls, return_exceptions=True)
    for one in made:
        if isinstance(one, BaseException):
            raise one
    return made


def _plus(spent: NDArray[np.int64], answer: Answer) -> NDArray[np.int64]:
    requests = spent[0] + answer.requests
    if answer.usage is None or (spent[1:] < 0).any():
        return np.array([requests, *[-1] * (len(ENTRIES) - 1)])
    return np.array([requests, *(spent[1:] + np.array(answer.usage))])


def _counts(before: list[bool], after: list[bool]) -> dict[str, int]:
    pairs = list(zip(before, after, strict=True))
    return {"repaired": pairs.count((False, True)), "kept": pairs.count((True, True))}
