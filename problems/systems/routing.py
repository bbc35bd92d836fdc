"""Routing among k tasks (Section 3.1): one generalist, or a delegator and a specialist for each task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import non_negative, positive, probability, shown, whole
from evo.programs import Calls, Desk, Expected, Model, Role, certain, expected_ledger, size_for
from evo.protocols import BoolArray, IntArray
from evo.theory.systems.routing import attempts_law, mean_attempts, name_tokens
from evo.theory.times.finite import FiniteLaw
from evo.theory.times.law import TimeLaw
from problems.systems.votes import decision_error, decisions_err, expect_votes

MOST_ATTEMPTS = 1000  # of a law of calls


@dataclass(frozen=True)
class Generalist:
    """One model for all k tasks, of size m_g = m_s k^x, reads the input of n tokens and answers: Theta(m_g n) (Eq. 1).

    Attributes:
        k: tasks.
        n: tokens of the input.
        o: tokens of the answer.
        m_s: size of a model for one task.
        x: exponent by which size grows with tasks; 1: the paper's assumption (Eq. 3, theory 13.9).
        right: chance that an answer is right.
        votes: an odd number of answers, of which most decide; asked at the same time.
        copied: share of the decisions in which all votes are the first one again.
        context: tokens that prompt and answer may have together; None: no limit.

    >>> Generalist(k=100, n=1000).roles[0].model.size
    100.0
    """

    k: int
    n: int
    o: int = 1
    m_s: float = 1.0
    x: float = 1.0
    right: float = 1.0
    votes: int = 1
    copied: float = 0.0
    context: int | None = None

    def __post_init__(self) -> None:
        for name in ("k", "n", "o"):
            whole(self, name, least=1)
        positive(self, "m_s")
        non_negative(self, "x")
        probability(self, "right")
        expect_votes(self, "votes")
        whole(self, "context", least=1, none=True)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The generalist."""
        return (Role("generalist", Model(size=size_for(self.m_s, self.k, self.x), context=self.context)),)

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Whether the answer is right, bool [runs]."""
        with desk.together():
            desk.call("generalist", prompt=self.n, writes=self.o, times=self.votes)
        return ~decisions_err(rng, (desk.runs,), 1.0 - self.right, self.votes, self.copied) & desk.running

    def expected(self) -> Expected:
        """The ledger to the last token."""
        fits = self.context is None or self.n + self.o <= self.context
        done = 1.0 - decision_error(1.0 - self.right, self.votes, self.copied) if fits else 0.0
        calls = self.votes if fits else 0
        made = [Calls("generalist", self.n, self.o, calls, at_once=self.votes)]
        ledger = expected_ledger(self.roles, made)
        source = "theory 12a, Eq. 1" if fits else "a call is longer than the context"
        return Expected(ledger, True, done, certain(calls), source, waits=made)


@dataclass(frozen=True)
class Routing:
    """A delegator reads h tokens and names the task, its specialist reads the input: Theta(m_d) + Theta(m_s n) (Eq. 2).

    The paper's agents never err: the defaults. Here what the delegator says names no specialist w.p. `nowhere`,
    which is seen at once, or else a wrong one w.p. `wrong`. A wrong specialist says so w.p. `seen`, in place of an
    answer; then, and after a name that is none, the delegator is asked again, up to so many attempts in all.

    Attributes:
        k: tasks, each as likely.
        n: tokens of the input.
        h: tokens of metadata in front of it.
        o: tokens of the answer.
        o_d: tokens of the delegator's answer; None: those that name one of the specialists, ceil(log_V k).
        vocabulary: V.
        m_s: size of a model for one task.
        m_d: size of the delegator; None: as large as the generalist, m_s k^x, which the paper finds "okay".
        x: exponent by which size grows with tasks.
        serves: how many tasks each specialist serves, k in all; a specialist of j tasks has size m_s j^x. Empty: one
            task each, as in the paper.
        wrong: chance that a vote of the delegator names a wrong specialist.
        nowhere: chance that the delegator's decision names none.
        seen: chance that a wrong specialist says so.
        attempts: most decisions of the delegator.
        right: chance that a vote of the right specialist is right.
        votes_d: an odd number of votes of the delegator on each decision, asked at the same time.
        votes_s: the same of a specialist.
        copied: share of the decisions in which all votes are the first one again.
        context: tokens that prompt and answer of a call may have together; None: no limit.

    Raises: InputError for a route to nowhere: tasks that no specialist serves.

    >>> [(role.name, role.model.size) for role in Routing(k=100, n=1000, h=10).roles]
    [('delegator', 100.0), ('specialist', 1.0)]
    """

    k: int
    n: int
    h: int
    o: int = 1
    o_d: int | None = None
    vocabulary: int = 100_000
    m_s: float = 1.0
    m_d: float | None = None
    x: float = 1.0
    serves: tuple[int, ...] = ()
    wrong: float = 0.0
    nowhere: float = 0.0
    seen: float = 0.0
    attempts: int = 1
    right: float = 1.0
    votes_d: int = 1
    votes_s: int = 1
    copied: float = 0.0
    context: int | None = None

    def __post_init__(self) -> None:
        for name in ("k", "n", "h", "o", "attempts"):
            whole(self, name, least=1)
        whole(self, "vocabulary", least=2)
        for name in ("o_d", "context"):
            whole(self, name, least=1, none=True)
        positive(self, "m_s", *(("m_d",) if self.m_d is not None else ()))
        non_negative(self, "x")
        probability(self, "wrong", "nowhere", "seen", "right")
        expect_votes(self, "votes_d", "votes_s")
        self._check_routes()

    def _check_routes(self) -> None:
        """Every task has a specialist, and a wrong one exists where one may be named.

        Raises: InputError.
        """
        served = tuple(self.serves) if isinstance(self.serves, tuple | list) else (None,)
        if any(isinstance(tasks, bool) or not isinstance(tasks, int) or tasks < 1 for tasks in served):
            raise InputError(
                f"Routing: serves must be whole numbers >= 1, the tasks of each specialist, got {shown(self.serves)}"
            )
        object.__setattr__(self, "serves", served)
        if served and sum(served) != self.k:
            left = self.k - sum(served)
            what = f"{left} would be routed to nowhere" if left > 0 else f"{-left} of them do not exist"
            raise InputError(
                f"Routing: serves must add up to the k = {self.k} tasks, got {sum(served)}: {what}; give each task a "
                "specialist"
            )
        if self.wrong and self._specialists < 2:
            raise InputError(
                f"Routing: wrong must be 0 where there is one specialist, whom each route leads to, got {self.wrong}"
            )

    @property
    def _specialists(self) -> int:
        return len(self.serves) or self.k

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        """The different numbers of tasks that specialists serve, ascending."""
        return tuple(sorted(set(self.serves))) or (1,)

    def _served(self, specialist: IntArray) -> IntArray:
        """Tasks of each specialist, in their shape."""
        return np.array(self.serves)[specialist] if self.serves else np.ones_like(specialist)

    def _own(self, task: IntArray) -> IntArray:
        """The specialist of each task, in their shape."""
        return np.repeat(np.arange(self._specialists), self.serves)[task] if self.serves else task

    def _name(self, tasks: int) -> str:
        return "specialist" if len(self._sizes) == 1 else f"specialist_of_{tasks}"

    @property
    def name_tokens(self) -> int:
        """Tokens of the delegator's answer."""
        return name_tokens(self._specialists, self.vocabulary) if self.o_d is None else self.o_d

    @property
    def roles(self) -> tuple[Role, ...]:
        """The delegator, and a specialist of each size."""
        m_d = size_for(self.m_s, self.k, self.x) if self.m_d is None else self.m_d
        specialists = [
            Role(self._name(tasks), Model(size=size_for(self.m_s, tasks, self.x), context=self.context))
            for tasks in self._sizes
        ]
        return Role("delegator", Model(size=m_d, context=self.context)), *specialists

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Whether the answer is the right specialist's and right, bool [runs]."""
        shape, specialists = (desk.runs,), self._specialists
        own = self._own(rng.integers(self.k, size=shape))
        asking, done = desk.running.copy(), np.zeros(shape, dtype=np.bool_)
        for _ in range(self.attempts):
            with desk.together():
                desk.call("delegator", prompt=self.h, writes=self.name_tokens, where=asking, times=self.votes_d)
            named = asking & (rng.random(shape) >= self.nowhere) & desk.running
            wrong = decisions_err(rng, shape, self.wrong, self.votes_d, self.copied)
            other = (own + 1 + rng.integers(max(1, specialists - 1), size=shape)) % specialists
            self._ask(desk, np.where(wrong, other, own), named)
            erred = decisions_err(rng, shape, 1.0 - self.right, self.votes_s, self.copied)
            done |= named & ~wrong & ~erred
            asking &= (~named | (wrong & (rng.random(shape) < self.seen))) & desk.running
            if not asking.any():
                break
        return done & desk.running

    def _ask(self, desk: Desk, specialist: IntArray, where: BoolArray) -> None:
        """Each run's specialist reads the input; votes are asked at the same time."""
        tasks = self._served(specialist)
        with desk.together():
            for size in self._sizes:
                asked = where & (tasks == size)
                desk.call(self._name(size), prompt=self.n, writes=self.o, where=asked, times=self.votes_s)

    def expected(self) -> Expected:
        """The ledger to the last token where nothing varies, else its mean (attempts are alike, theory 12b)."""
        limit = np.inf if self.context is None else self.context
        if self.h + self.name_tokens > limit:
            nothing = expected_ledger(self.roles, [])
            return Expected(nothing, True, 0.0, certain(0), "a call is longer than the context", waits=())
        fits = self.n + self.o <= limit
        wrong = decision_error(self.wrong, self.votes_d, self.copied)
        again = self.nowhere + (1.0 - self.nowhere) * wrong * self.seen if fits else self.nowhere
        asked = mean_attempts(again, self.attempts)
        answered = asked * (1.0 - self.nowhere) if fits else 0.0
        calls = [Calls("delegator", self.h, self.name_tokens, asked * self.votes_d, at_once=self.votes_d)]
        calls += self._answers(answered, wrong)
        ledger = expected_ledger(self.roles, calls)
        done = answered * (1.0 - wrong) * (1.0 - decision_error(1.0 - self.right, self.votes_s, self.copied))
        same_number = self.attempts == 1 or again in (0.0, 1.0)
        alike = same_number and self.nowhere in (0.0, 1.0) and (len(self._sizes) == 1 or not answered)
        law = self._law(again, fits) if not alike else certain(int(ledger[:, 0].sum()))
        return Expected(ledger, alike, min(done, 1.0), law, "theory 12b, Eq. 2, attempts cut off", waits=calls)

    def _law(self, again: float, fits: bool) -> TimeLaw | None:
        if self.attempts > MOST_ATTEMPTS:
            return None
        return FiniteLaw.of(attempts_law(self.attempts, self.nowhere, again, self.votes_d, self.votes_s if fits else 0))

    def _answers(self, answered: float, wrong: float) -> Iterator[Calls]:
        """Calls of specialists by size: of the right one, likely as its tasks, or of another one, each as likely."""
        for tasks in self._sizes:
            number = self.serves.count(tasks) if self.serves else self.k
            own = tasks * number / self.k
            other = (number - own) / max(1, self._specialists - 1)  # a right one is not among the others
            times = answered * self.votes_s * ((1.0 - wrong) * own + wrong * other)
            yield Calls(self._name(tasks), self.n, self.o, times, at_once=self.votes_s)
