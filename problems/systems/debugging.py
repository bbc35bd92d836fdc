"""Iterative code debugging (Section 3.2): what the naive and the focused system have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import flag, positive, probability, whole
from evo.programs import Model, Role
from evo.protocols import BoolArray, FloatArray, IntArray
from problems.systems.votes import decision_error, decisions_err, expect_votes


@dataclass(frozen=True)
class Debugging:
    """Code of k functions of l tokens, b of them with a bug each; a QA that reports bugs, a debugger that repairs them.

    The paper's agents never err: the defaults. Here a look of QA at what has a bug overlooks it w.p. `miss`, and where
    there is none it cries wolf w.p. `alarm`; the naive QA, who looks at all functions at once, also where it overlooked
    them all, the focused QA not. A repair corrects the reported bug w.p. fix p^l and
    leaves each correct function that it rewrites correct w.p. keep p^l, p being the chance that a token is right.

    Attributes:
        k: functions.
        l: tokens of a function; n = k l.
        b: bugs, at most one in a function, in functions drawn at random.
        u: tokens of a message of QA.
        m_q: size of the QA's model.
        m_d: size of the debugger's model.
        head: tokens of instructions in front of every call.
        context: tokens that prompt and answer of a call may have together; None: no limit.
        cache: whether a role's prompt is read from the cache as far as its call before had the same (theory 18f).
        miss: chance that a vote of QA overlooks a bug.
        alarm: chance that a vote of QA reports a bug where it sees none.
        fix: chance of a repair, at first.
        keep: chance that a correct function stays correct when it is rewritten.
        p: chance that a token is written right: t tokens are w.p. p^t.
        votes: an odd number of answers of QA to each question, of which most decide; asked at the same time.
        copied: share of the decisions in which all votes are the first one again.
        fix_end: what the chance of a repair comes to by learning, fix_end - (fix_end - fix) 2^(-c/halfway) after c
            repairs (Section 5.5); None: nothing is learned.
        halfway: repairs until it is halfway there.
    """

    k: int
    l: int
    b: int
    u: int = 1
    m_q: float = 1.0
    m_d: float = 1.0
    head: int = 0
    context: int | None = None
    cache: bool = False
    miss: float = 0.0
    alarm: float = 0.0
    fix: float = 1.0
    keep: float = 1.0
    p: float = 1.0
    votes: int = 1
    copied: float = 0.0
    fix_end: float | None = None
    halfway: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("k", 1), ("l", 1), ("b", 0), ("u", 1), ("head", 0)):
            whole(self, name, least=least)
        if self.b > self.k:
            raise InputError(
                f"{type(self).__name__}: b must be at most k = {self.k}, one bug in a function (Section 3.2), got "
                f"{self.b}"
            )
        whole(self, "context", least=1, none=True)
        flag(self, "cache")
        positive(self, "m_q", "m_d", "halfway")
        probability(self, "miss", "alarm", "fix", "keep", "p")
        if self.fix_end is not None:
            probability(self, "fix_end")
        expect_votes(self, "votes")

    @property
    def n(self) -> int:
        """Tokens of the code, k l."""
        return self.k * self.l

    @property
    def roles(self) -> tuple[Role, ...]:
        """QA and debugger."""
        return self._role("qa", self.m_q), self._role("debugger", self.m_d)

    def _role(self, name: str, size: float) -> Role:
        return Role(name, Model(size=size, context=self.context))

    # What a look and a repair come to

    @property
    def look_misses(self) -> float:
        """P(a look overlooks a bug), after the votes."""
        return decision_error(self.miss, self.votes, self.copied)

    @property
    def look_alarms(self) -> float:
        """P(a look cries wolf), after the votes."""
        return decision_error(self.alarm, self.votes, self.copied)

    def repair_fixes(self, repairs: IntArray) -> FloatArray:
        """P(a repair corrects its bug) after that many repairs, in their shape."""
        if self.fix_end is None:
            fix = np.full(repairs.shape, self.fix)
        else:
            fix = self.fix_end - (self.fix_end - self.fix) * 2.0 ** (-repairs / self.halfway)
        return np.asarray(fix * self.p**self.l)

    @property
    def repair_keeps(self) -> float:
        """P(a correct function that is rewritten stays correct)."""
        return self.keep * self.p**self.l

    def _code(self, runs: int, rng: Generator) -> BoolArray:
        """Which functions are correct, bool [runs, k]: all but b, drawn at random."""
        correct = np.arange(self.k) >= self.b
        return rng.permuted(np.tile(correct, (runs, 1)), axis=1)

    def _overlooked(self, rng: Generator, shape: tuple[int, ...]) -> BoolArray:
        return decisions_err(rng, shape, self.miss, self.votes, self.copied)

    def _alarmed(self, rng: Generator, shape: tuple[int, ...]) -> BoolArray:
        return decisions_err(rng, shape, self.alarm, self.votes, self.copied)
