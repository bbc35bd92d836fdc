"""What parts declare for predictions, as `check-operator` sees it: a twin that must fail for each declaration.

Each check fails falsely w.p. 1e-6 at most; seeds are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from evo import AllBlocks, IndependentBlocks, RoundRobin, UniformChunk, UniformSubset, UntilResolved
from evo.conformance import mutator_checks, problem_checks, schedule_checks
from evo.conformance.results import NotChecked, NotConforming
from evo.conformance.schedule_laws import run_law_holds
from evo.errors import OperatorError
from evo.landscapes import Leading, OfCounts, OnlyOptimum, Weighted
from evo.laws import ByChunk
from evo.laws.declared import declared_law
from evo.theory import Start, round_robin
from problems import BlockOneMax, Jump, LeadingBlocks, Needle, Noisy, Trap, UnequalBlocks, WeightedBlocks
from problems.starts import Starts


def found(checks, name):
    """Result of one check; the others are not run."""
    return next(check for check in checks if check.name == name).result()


@dataclass(frozen=True)
class Problem(Starts):
    """A problem whose fitness and landscape are given."""

    k: int
    l: int = 1
    kind: str = "counts"
    says: str = "counts"
    start: float = 0.0
    incorrect: int | None = None

    KINDS: ClassVar[dict[str, Any]] = {
        "counts": lambda x: x.sum(axis=-1),
        "squares": lambda x: x.sum(axis=-1) ** 2,
        "weights": lambda x: x @ (1.0 + np.arange(x.shape[-1])),
        "product": lambda x: (x @ (1.0 + np.arange(x.shape[-1]))) ** 2,
        "leading": lambda x: 3 * np.cumprod(x, axis=-1).sum(axis=-1),
        "ties broken": lambda x: 3 * np.cumprod(x, axis=-1).sum(axis=-1) + 0.5 * x[..., -1],
        "roads": lambda x: x.all(axis=-1) * 1.0 + x[..., ::2].all(axis=-1),
        "ties": lambda x: x.any(axis=-1) * 1.0,
    }

    def fitness(self, correct):
        return np.asarray(self.KINDS[self.kind](correct))

    @property
    def landscape(self):
        return {
            "counts": OfCounts(range(self.k + 1)),
            "squares": OfCounts([c**2 for c in range(self.k + 1)]),
            "weights": Weighted([1 + j for j in range(self.k)]),
            "leading": Leading(),
            "anything": OnlyOptimum(),
        }[self.says]


@pytest.mark.parametrize("k", [4, 30])
@pytest.mark.parametrize("says", ["counts", "squares", "weights", "leading", "anything"])
def test_what_is_declared_of_a_fitness(says, k):
    for kind in ("counts", "squares", "weights", "product", "leading", "ties broken", "roads"):
        landscape = found(problem_checks(Problem(k, kind=kind, says=says)), "landscape")
        assert landscape.passed is (kind == says or says == "anything"), (kind, says, landscape.message)


def test_the_only_optimum_is_always_tested():
    assert found(problem_checks(Problem(4, kind="ties", says="anything")), "optimum").passed is False


@pytest.mark.parametrize(
    "problem",
    [
        BlockOneMax(5, 1, start=0.3),
        UnequalBlocks((3, 1, 2)),
        WeightedBlocks((3, 1, 2), 1, incorrect=2),
        LeadingBlocks(20, 1),
        Jump(6, 1, 2),
        Trap(5, 1),
        Needle(30, 1),
        Noisy(Trap(5, 1), 1.0),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_our_problems_are_what_they_declare(problem):
    checks = problem_checks(problem)
    assert [found(checks, name).passed for name in ("landscape", "initial law")] == [True, True]


@dataclass(frozen=True)
class Begins:
    """A problem with a start of its own."""

    k: int
    how: str
    l: int = 1
    landscape: ClassVar = OnlyOptimum()

    def fitness(self, correct):
        return correct.sum(axis=-1)

    def initial(self, runs, rng):
        k = self.k
        if self.how == "half":
            return rng.random((runs, k)) < 0.5
        if self.how == "all or none":
            return np.repeat(rng.random((runs, 1)) < 0.5, k, axis=1)
        if self.how == "the first":
            return np.tile(np.arange(k) >= k // 2, (runs, 1))
        if self.how == "neighbours":
            return (np.arange(k) + rng.integers(k, size=(runs, 1))) % k >= k // 2
        return rng.permuted(np.tile(np.arange(k) >= k // 2, (runs, 1)), axis=1)

    @property
    def initial_law(self):
        exactly = self.how in ("the first", "neighbours", "exactly")
        return Start(self.k, incorrect=self.k // 2) if exactly else Start(self.k, p0=0.5)


@pytest.mark.parametrize(
    ("how", "passed"),
    [("half", True), ("exactly", True), ("all or none", False), ("the first", False), ("neighbours", False)],
)
def test_what_is_declared_of_a_start(how, passed):
    assert found(problem_checks(Begins(6, how)), "initial law").passed is passed


def test_which_of_two_blocks_is_incorrect_is_seen_by_neither_count_nor_neighbours():
    told = found(problem_checks(Begins(2, "the first")), "initial law")
    assert told.passed is False
    assert told.message.startswith("P(block 0 is incorrect) is 0.5000 by initial_law")
    assert found(problem_checks(Begins(2, "exactly")), "initial law").passed is True


def test_another_rate_of_correct_blocks_is_found():
    @dataclass(frozen=True)
    class Other(Begins):
        @property
        def initial_law(self):
            return Start(self.k, p0=0.53)

    assert found(problem_checks(Other(6, "half")), "initial law").passed is False


def test_nothing_declared_is_nothing_to_check():
    @dataclass(frozen=True)
    class Redefines(BlockOneMax):
        def fitness(self, correct):
            return 2 * correct.sum(axis=-1)

        def initial(self, runs, rng):
            return np.zeros((runs, self.k), dtype=np.bool_)

    checks = problem_checks(Redefines(4, 1))
    assert [found(checks, name).passed for name in ("landscape", "initial law", "change")] == [None, None, None]


# ------------------------------------------------------------------------------------------------------- schedules


@dataclass(frozen=True)
class Turns(RoundRobin):
    @property
    def same_as(self):
        return RoundRobin(self.g)


@dataclass(frozen=True)
class Random(UniformChunk):
    @property
    def same_as(self):
        return UniformChunk(self.g)


@dataclass(frozen=True)
class TurnsSaysRandom(RoundRobin):
    @property
    def same_as(self):
        return UniformChunk(self.g)


@dataclass(frozen=True)
class WaitsSaysTurns(UntilResolved):
    @property
    def same_as(self):
        return RoundRobin(self.g)


@dataclass(frozen=True)
class RandomSaysSubset(UniformChunk):
    @property
    def same_as(self):
        return UniformSubset(self.g)


@dataclass(frozen=True)
class OneForAll(UniformChunk):
    """All offspring of a generation get the same random chunk."""

    same_as: ClassVar = UniformChunk(1)

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return rng.integers(m, size=(len(pointer), ahead, 1))


@dataclass(frozen=True)
class Redefined(Turns):
    """What it inherits is about other choices than its own."""

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return (pointer[:, None, None] + np.arange(ahead)[None, :, None]) % m


@dataclass(frozen=True)
class SaysLarger(RoundRobin):
    """It is the schedule that it names, on chunks of another length."""

    @property
    def same_as(self):
        return RoundRobin(self.g + 1)


@dataclass(frozen=True)
class Itself(AllBlocks):
    same_as: ClassVar = "AllBlocks"


@pytest.mark.parametrize(
    ("schedule", "passed", "message"),
    [
        (Turns(2), True, "chooses as RoundRobin(g=2) for 12 generations"),
        (Random(2), True, "chooses as UniformChunk(g=2) for 12 generations"),
        (TurnsSaysRandom(), False, "which chooses other chunks in generation 1 of k = 12 blocks, lam = 1;"),
        (WaitsSaysTurns(), False, "which chooses other chunks in generation 2 of k = 12 blocks, lam = 1;"),
        (RandomSaysSubset(2), False, "is UniformSubset(g=2), which cuts k = 12 blocks into other chunks"),
        (SaysLarger(2), False, "is RoundRobin(g=3), which cuts k = 12 blocks into other chunks"),
        (OneForAll(), False, "which chooses other chunks in generation 1 of k = 12 blocks, lam = 3;"),
        (Itself(), False, "RoundRobin, UntilResolved, UniformChunk, UniformSubset, got 'AllBlocks'"),
        (Redefined(), None, "declare same_as anew"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_schedule_says_that_it_is_the_same_as(schedule, passed, message):
    told = found(schedule_checks(schedule), "same as")
    assert told.passed is passed
    assert message in told.message


@dataclass(frozen=True)
class Backwards(RoundRobin):
    """The chunks in turn, the last first: with all blocks incorrect at first a run has the law of RoundRobin."""

    off: int = 0

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return (-1 - pointer[:, None, None] - np.arange(ahead)[None, :, None]) % m

    def run_law(self, law, k, g, start, lam):
        return round_robin(law, k, g, start, lam + self.off)


@dataclass(frozen=True)
class Turned(RoundRobin):
    """The chunks in turn, of which the law of a run is declared but for one field."""

    wrong: str = ""

    def run_law(self, law, k, g, start, lam):
        run = round_robin(law, k, g, start, lam)
        others = {
            "hit": round_robin(law, k, g, start, lam + 1).hit,
            "generations": round_robin(law, k, g, start, lam + 1).generations,
            "last_chunk": lambda: 1.3 * run.calls_on_last_chunk + 0.1,
            "lam": lam + 1,
        }
        return replace(run, **{self.wrong: others[self.wrong]}) if self.wrong else run


class Callable(IndependentBlocks):
    """A law that can be called, too."""

    def __call__(self, g):
        return self.pmf(g, g)


def test_a_law_may_be_callable_and_a_method_is_no_law():
    law = Callable(0.3, 0.9)
    assert declared_law(type("Op", (), {"law": law})()) is law
    method = type("Op", (), {"law": lambda self: law})()
    with pytest.raises(OperatorError, match="write @property above it"):
        declared_law(method)


def test_the_law_of_a_run_that_a_schedule_declares():
    assert found(schedule_checks(Backwards()), "law of a run").passed is True
    wrong = found(schedule_checks(Backwards(off=1)), "law of a run")
    assert wrong.passed is False
    assert "run_law is off by" in wrong.message


def test_the_law_of_a_run_of_other_choices_is_no_declaration():
    @dataclass(frozen=True)
    class Otherwise(Backwards):
        def choose(self, pointer, correct, m, ahead, lam, rng):
            return (pointer[:, None, None] + np.arange(ahead)[None, :, None]) % m

    with pytest.raises(NotChecked, match="Otherwise redefines what it inherits the law of a run of: declare it anew"):
        run_law_holds(Otherwise(), 1e-7)


@pytest.mark.some
@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("hit", "in P(hit <= t) for some t"),
        ("generations", "in P(generations <= t) for some t"),
        ("last_chunk", "last_chunk"),
        ("lam", "what is paid for is lam calls a generation"),
    ],
)
@pytest.mark.parametrize("g", [1, 2])
def test_every_field_of_a_declared_law_is_compared_with_runs(field, words, g):
    """`last_chunk` was not, so that a wrong one gave a wrong predicted cost which no check of the cell could see."""
    with pytest.raises(NotConforming) as wrong:
        run_law_holds(Turned(g, field), 1e-7)
    assert words in str(wrong.value)
    run_law_holds(Turned(g), 1e-7)


# -------------------------------------------------------------------------------------------- laws that depend on g


@dataclass(frozen=True)
class Measured:
    """Success that depends on the length of the chunk; the law says so, or not."""

    honest: bool

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < np.where(correct, 0.9, 0.5 if correct.shape[-1] == 1 else 0.4)

    @property
    def law(self):
        single, others = IndependentBlocks(0.5, 0.9), IndependentBlocks(0.4, 0.9)
        return ByChunk({1: single} | {g: others if self.honest else single for g in range(2, 65)})


@pytest.mark.parametrize("honest", [True, False])
def test_a_law_that_depends_on_the_length_of_the_chunk(honest):
    checks = mutator_checks(Measured(honest))
    assert found(checks, "law adds up").passed is True
    assert found(checks, "law holds").passed is honest
