"""Error correction by asking again: first-to-ahead-by-K voting over answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.foreign import is_foreign
from evo.laws.changes import tells_changes
from evo.laws.counts import CallLaw, IndependentBlocks
from evo.laws.declared import SoundLaw, declared_calls, declared_law, one_that_changes_outside
from evo.laws.mixtures import ComponentLaw
from evo.parameters import choice, probability, whole
from evo.protocols import AnyMutator, BoolArray, Chunk, IntArray, Rewritten
from evo.text import type_name
from evo.theory.calls.voting import mean_votes, win_probability
from operators.wrapper import Wrapper, answer_of, handed_over, validity

MOST_AHEAD = 10**6
MOST_MEAN_VOTES = 1e5
"""Largest expected number of votes per answer; K^2 votes decide at p = 1/2."""
MOST_VOTES = 10_000_000
"""A vote that is not decided by then is an error of the parameters (an inner mutator that is never valid)."""
SOME_VOTES = 1_000
"""Number of votes after which the law is asked whether any answer can win."""
_STATES = ((1, "an incorrect"), (0, "a correct"))


@dataclass(frozen=True)
class Vote(Wrapper):
    """Asks again until one answer is `ahead` votes ahead of any other, and takes it; one block a call (theory 9a-9d).

    As error correction of a blind mutator voting is useless at the paper's p = 1/2 (K^2 votes, no information); what
    saves local search is that fitness is checked. All votes are calls in the ledger. Invalid answers are asked again.

    Attributes:
        inner: what gives the answers.
        ahead: the lead K.
        wrong: "one": all wrong answers are the same alternative; "distinct": no two wrong answers are alike.
        copied: probability that all votes of a call are copies of the first, correlated errors.

    >>> from operators import Resample
    >>> Vote(Resample(p=0.9), ahead=2).law.pmf(1, 1)[1].round(9).tolist()
    0.987804878
    """

    inner: AnyMutator
    ahead: int
    wrong: str = "one"
    copied: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, "ahead", least=1, most=MOST_AHEAD)
        choice(self, "wrong", ("one", "distinct"))
        probability(self, "copied")
        outside = one_that_changes_outside(self.inner)
        if outside is not None:
            raise self._cannot_wrap(outside)

    def fits(self, k: int, g: int) -> None:
        """Check that a call is about one block, and that its votes come to an end.

        Raises: InputError.
        """
        super().fits(k, g)
        for i, state in _STATES:
            votes = self.mean_calls(i)
            if votes is not None and MOST_MEAN_VOTES < votes < float("inf"):
                raise InputError(
                    f"Vote: expected at most {MOST_MEAN_VOTES:,.0f} votes on average, got {votes:,.4g} for {state} "
                    f"block with ahead = {self.ahead}; lower ahead, or take a mutator that is further from p = 1/2"
                )
        _expect_one_block(g)

    def rewrite(self, given: BoolArray | Chunk, rng: Generator) -> Rewritten:
        """The answers that won, and how many calls each took."""
        blocks = handed_over(given)
        _expect_one_block(blocks.shape[-1])
        if not isinstance(given, Chunk):
            given = blocks.reshape(-1, 1)
        n = blocks.size
        copied = rng.random(n) < self.copied
        votes, calls = np.zeros((n, 2), dtype=np.int64), np.zeros(n, dtype=np.int64)
        open_calls = np.arange(n)
        for vote in range(MOST_VOTES):
            some = _rows(given, open_calls)
            if vote == SOME_VOTES:
                self._expect_decidable(handed_over(some))
            answer = answer_of(self.inner, some, rng)
            if answer.solution is not None:
                raise self._cannot_wrap(self.inner)
            calls[open_calls] += self._paid(answer, copied[open_calls])
            self._count(votes, open_calls, answer, copied)
            open_calls = open_calls[~self._decided(votes[open_calls])]
            if len(open_calls) == 0:
                break
        else:
            raise InputError(f"Vote: {MOST_VOTES:,} votes decided nothing; is the mutator inside ever valid?")
        return Rewritten((votes[:, 1] > votes[:, 0]).reshape(blocks.shape), calls=calls.reshape(blocks.shape[:-1]))

    def _paid(self, answer: Rewritten, copied: BoolArray) -> IntArray:
        """LLM calls of each answer, copies included; among copied votes only the first can be invalid."""
        each = np.ones(len(copied), dtype=np.int64) if answer.calls is None else answer.calls
        return np.where(copied & validity(answer), self.ahead, 1) * each

    def _expect_decidable(self, blocks: BoolArray) -> None:
        """Refuse endless voting: by the law no answer can get ahead, since none is valid or none is right."""
        for i, state in _STATES:
            if (blocks == (i == 0)).any() and self.mean_calls(i) == float("inf"):
                raise InputError(
                    f"Vote: no answer of {type(self.inner).__name__} for {state} block ever gets {self.ahead} ahead: "
                    "it is never valid, or never right while no two wrong answers are alike"
                )

    def _cannot_wrap(self, outside: object) -> InputError:
        return InputError(
            f"Vote: cannot wrap {type(outside).__name__}, which changes blocks outside its chunk: votes are cast over "
            "the answer for one block; wrap it the other way round"
        )

    def _count(self, votes: IntArray, rows: IntArray, answer: Rewritten, copied: BoolArray) -> None:
        """Enter valid votes: column 1 for the correct answer, column 0 for the strongest wrong one."""
        valid = validity(answer)
        right = answer.correct[:, 0]
        weight = np.where(copied[rows], self.ahead, 1)  # the copies of a first vote decide at once
        votes[rows, 1] += weight * (valid & right)
        if self.wrong == "one":
            votes[rows, 0] += weight * (valid & ~right)
        else:
            votes[rows, 0] = np.maximum(votes[rows, 0], weight * (valid & ~right))

    def _decided(self, votes: IntArray) -> BoolArray:
        return np.asarray(np.abs(votes[:, 1] - votes[:, 0]) >= self.ahead)

    @property
    def law(self) -> ComponentLaw | None:
        """Law of the winning answer for one block; None if the mutator inside has none."""
        inner = _of_one_block(self.inner)
        if inner is None:
            return None
        sound = self._sound(inner)
        (fix, miss), (keep, damage) = (self._ends(*self.answers(sound, i)) for i in (1, 0))
        return IndependentBlocks(fix, keep, miss, damage)

    def _sound(self, inner: CallLaw) -> CallLaw:
        return SoundLaw(inner, type_name(type(self.inner))) if is_foreign(type(inner)) else inner

    @staticmethod
    def answers(inner: CallLaw, i: int) -> tuple[float, float]:
        """P(correct) and P(wrong) of one answer for a block that is incorrect (i = 1) or correct (i = 0)."""
        wrong, right = inner.pmf(1, i)
        return float(right), float(wrong)

    def _ends(self, right: float, wrong: float) -> tuple[float, float]:
        """P(the right answer wins) and P(it does not), each with its digits."""
        p, q = (right / (right + wrong), wrong / (right + wrong)) if right + wrong > 0 else (0.0, 1.0)
        wins = win_probability(p, self.ahead, self.wrong, q)
        loses = 1.0 - wins if self.wrong == "distinct" and self.ahead > 1 else win_probability(q, self.ahead, q=p)
        return self.copied * p + (1 - self.copied) * wins, self.copied * q + (1 - self.copied) * loses

    def mean_calls(self, i: int) -> float | None:
        """Expected calls of an answer for a block that is incorrect (i = 1) or correct (i = 0); None without a law."""
        inner = _of_one_block(self.inner)
        if inner is None:
            return None
        right, wrong = self.answers(self._sound(inner), i)
        valid = right + wrong
        if valid == 0:
            return float("inf")
        voted = mean_votes(right / valid, self.ahead, self.wrong)
        # Of copied votes only the first can be invalid; K - 1 more follow it.
        votes = self.copied * (1 / valid + self.ahead - 1) if self.copied else 0.0
        votes += (1 - self.copied) * voted / valid if self.copied < 1 else 0.0
        each = declared_calls(self.inner, i)
        return None if each is None else votes * each


def _of_one_block(inner: AnyMutator) -> CallLaw | None:
    """The law of the answers, of which votes need P(correct) alone; None if it is not one of blocks that are alike."""
    law = declared_law(inner)
    return law if isinstance(law, CallLaw) and (isinstance(law, ComponentLaw) or tells_changes(law)) else None


def _expect_one_block(g: int) -> None:
    if g != 1:
        raise InputError(f"Vote: votes are cast over the answer for one block, the schedule hands over g = {g}")


def _rows(given: BoolArray | Chunk, rows: IntArray) -> BoolArray | Chunk:
    """Some of the calls."""
    if not isinstance(given, Chunk):
        return given[rows]
    solution = None if given.solution is None else given.solution[rows]
    traits = None if given.traits is None else given.traits[rows]
    return Chunk(given.correct[rows], given.blocks[rows], given.generation[rows], solution, traits)
