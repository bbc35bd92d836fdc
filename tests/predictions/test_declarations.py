"""Parts of the user's own, predicted by what they declare; and refused where a declaration does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Archive,
    Asynchronous,
    Budget,
    IndependentBlocks,
    Islands,
    MuPlusLambda,
    NoPrediction,
    OnePlusLambda,
    OnlyIncorrect,
    OperatorError,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.evaluation import is_noisy
from evo.landscapes import Leading, OfCounts, OnlyOptimum, Weighted
from evo.laws import ByChunk
from evo.theory import Start, round_robin
from experiments import Cell, Grid, Verdict, check, predict, run_grid
from experiments.running.simulation import simulate
from operators import FixKeep, Resample
from problems import BlockOneMax, LeadingBlocks, Needle, Noisy, Trap, WeightedBlocks
from problems.starts import Starts

HALF, UNEVEN = Resample(0.5), FixKeep(fix=0.4, keep=0.7)
STRICT, WEAK = OnePlusLambda(), OnePlusLambda(accept="weak")


@dataclass(frozen=True)
class RoyalRoad(Starts):
    """Fitness is the number of finished groups of `group` blocks."""

    k: int
    l: int
    group: int = 2
    start: float = 0.0
    incorrect: int | None = None

    landscape: ClassVar = OnlyOptimum()

    def fitness(self, correct):
        return correct.reshape(*correct.shape[:-1], -1, self.group).all(axis=-1).sum(axis=-1)


@dataclass(frozen=True)
class Squared(Starts):
    """Fitness is the square of the number of correct blocks, less where few are correct: a function of counts."""

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None
    dip: int = 0

    @property
    def landscape(self):
        return OfCounts([c**2 if c >= self.dip else -c for c in range(self.k + 1)])

    def fitness(self, correct):
        c = correct.sum(axis=-1)
        return np.where(c >= self.dip, c**2, -c)


def means(problem, *others):
    return predict(Cell(problem, *others)).mean


def test_a_royal_road_has_theory_1a():
    assert means(RoyalRoad(10, 1), HALF, AllBlocks(), STRICT) == pytest.approx(2.0**10)
    assert means(RoyalRoad(10, 1, start=0.5), HALF, AllBlocks(), STRICT) == pytest.approx(2.0**10 * (1 - 2.0**-10))


def test_a_royal_road_of_few_blocks_is_enumerated():
    """Two blocks a group and as many a chunk: a group is a block of BlockOneMax that is repaired w.p. 1/4."""
    by_groups = means(BlockOneMax(3, 1), FixKeep(0.25, 0.25), RoundRobin(), STRICT)
    assert means(RoyalRoad(6, 1), HALF, RoundRobin(2), STRICT) == pytest.approx(by_groups, rel=1e-12)
    with pytest.raises(NoPrediction, match=r"all solutions, one by one: .* states, more than 4096"):
        means(RoyalRoad(20, 1), HALF, RoundRobin(2), STRICT)


def test_a_function_of_counts_has_the_chain_on_counts():
    known = predict(Cell(Squared(40, 1, dip=3, incorrect=20), UNEVEN, UniformChunk(), STRICT))
    assert known.mean == pytest.approx(means(BlockOneMax(40, 1, incorrect=20), UNEVEN, UniformChunk(), STRICT))
    assert means(Squared(4, 1), UNEVEN, RoundRobin(3), STRICT) == means(
        BlockOneMax(4, 1), UNEVEN, RoundRobin(3), STRICT
    )
    assert means(Squared(30, 1, dip=2), UNEVEN, AllBlocks(), WEAK) > 1


@pytest.mark.statistical
def test_runs_of_a_royal_road_agree(tmp_path):
    """`check` compares with its own false-alarm rate, 1e-6 here; fixed seed."""
    parts = [(AllBlocks(), STRICT), (RoundRobin(2), WEAK), (UniformChunk(), WEAK), (UntilResolved(), WEAK)]
    cells = [Cell(RoyalRoad(4, 1, start=0.4), HALF, *each, budget=Budget(calls=500)) for each in parts]
    cells.append(Cell(Squared(5, 1, dip=2), UNEVEN, UniformChunk(), OnePlusLambda(2), budget=Budget(calls=500)))
    checked = check(run_grid(Grid("own", cells, runs=2000, seed=3), tmp_path, workers=1), alpha=1e-6)
    assert {each.verdict for each in checked.cells} == {Verdict.AGREES}


@dataclass(frozen=True)
class Boasts(RoyalRoad):
    """Declares another landscape than it has."""

    @property
    def landscape(self):
        return OfCounts(range(self.k + 1))


@pytest.mark.statistical
def test_runs_of_a_problem_that_declares_another_landscape_differ(tmp_path):
    cells = [Cell(Boasts(4, 1), HALF, RoundRobin(), OnePlusLambda(accept="weak"), budget=Budget(calls=1000))]
    assert check(run_grid(Grid("own", cells, runs=2000), tmp_path, workers=1)).verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    "runner", [STRICT, OnePlusLambda(3, "weak"), Archive(2), MuPlusLambda(2), Islands(2, 2), Asynchronous(2)]
)
def test_a_fitness_is_never_asked_of_no_solution(runner):
    """An array of no solutions has no `reshape(..., -1, group)`."""
    for schedule in (RoundRobin(2), UniformChunk(), UntilResolved(2), OnlyIncorrect(2)):
        for problem in (RoyalRoad(4, 1, start=0.3), Noisy(RoyalRoad(4, 1, start=0.3), 0.2)):
            if is_noisy(problem) and type(runner) is Asynchronous:
                continue
            cell = Cell(problem, HALF, schedule, runner, budget=Budget(calls=30))
            assert len(simulate(cell, 1, 0, 300).hit) == 300


# ----------------------------------------------------------------------------------------------------- what holds


@dataclass(frozen=True)
class Inherits(RoyalRoad):
    """A subclass."""


@dataclass(frozen=True)
class Upside(BlockOneMax):
    """Counts what is wrong, but at the optimum; inherits the landscape and `change` of BlockOneMax."""

    def fitness(self, correct):
        return np.where(correct.all(axis=-1), self.k + 1, (~correct).sum(axis=-1))


@dataclass(frozen=True)
class OwnInitial(Starts):
    """Starts from one correct block, whatever `start` says."""

    k: int
    l: int
    start: float = 0.0
    incorrect: int | None = None
    landscape: ClassVar = OnlyOptimum()

    def fitness(self, correct):
        return correct.sum(axis=-1)

    def initial(self, runs, rng):
        return np.tile(np.arange(self.k) == 0, (runs, 1))


@dataclass(frozen=True)
class Bare:
    """Declares how it starts without `Starts`."""

    k: int
    l: int
    landscape: ClassVar = OnlyOptimum()

    def fitness(self, correct):
        return correct.sum(axis=-1)

    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=np.bool_)

    @property
    def initial_law(self):
        return Start(self.k)


def test_what_is_inherited_is_no_claim():
    for problem in (Inherits(4, 1), Upside(4, 1)):
        with pytest.raises(NoPrediction, match="which inherits its landscape and may behave differently"):
            means(problem, HALF, AllBlocks(), STRICT)
    with pytest.raises(NoPrediction, match=r"how runs of .*OwnInitial start is not known; build it on problems.Starts"):
        means(OwnInitial(4, 1), HALF, AllBlocks(), STRICT)
    assert means(Bare(4, 1), HALF, AllBlocks(), STRICT) == 16


def test_an_inherited_change_does_not_outrank_the_fitness(tmp_path):
    """The trap: from three incorrect blocks nothing is ever repaired one by one, unless `change` is believed."""
    cells = [Cell(Upside(4, 1, incorrect=3), FixKeep(1, 0), OnlyIncorrect(), STRICT, budget=Budget(calls=200))]
    assert run_grid(Grid("own", cells, runs=50), tmp_path, workers=1).runs.hit.isna().all()


def test_declarations_that_cannot_be_are_refused():
    for landscape, why in (
        (OfCounts((0, 1, 2)), "by_count must be 5 finite numbers"),
        (OfCounts((0, 1, 2, 9, 4)), "must be the only largest"),
        (Weighted((1, 1, 0, 1)), "all weights must be positive"),
        ("of counts", "must be OfCounts"),
    ):
        bad = dataclass(frozen=True)(type("Bad", (RoyalRoad,), {"landscape": landscape, "__annotations__": {}}))
        with pytest.raises(OperatorError, match=why):
            means(bad(4, 1), HALF, AllBlocks(), STRICT)


# ------------------------------------------------------------------------------------------------------- schedules


@dataclass(frozen=True)
class Mine(RoundRobin):
    """Chunks in turn, under a name of its own."""

    @property
    def same_as(self):
        return RoundRobin(self.g)


@dataclass(frozen=True)
class Doubled(RoundRobin):
    """Each chunk twice in succession: k/2 sweeps of one chunk after the other, two calls each."""

    oblivious: ClassVar[bool] = False

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return pointer[:, None, None] // 2

    def advance(self, pointer, moved, m, generations):
        return (pointer + generations) % (2 * m)

    def run_law(self, law, k, start):
        """All incorrect or not, of one block: the same calls as under RoundRobin."""
        if k > 1:
            raise NoPrediction("needs k = 1")
        return round_robin(law, k, 1, start)


@dataclass(frozen=True)
class OtherChunks(RoundRobin):
    same_as: ClassVar = RoundRobin(2)


def test_a_schedule_is_predicted_by_what_it_declares():
    assert means(BlockOneMax(4, 1), UNEVEN, Mine(2), STRICT) == means(BlockOneMax(4, 1), UNEVEN, RoundRobin(2), STRICT)
    assert predict(Cell(BlockOneMax(1, 1, start=0.3), HALF, Doubled(), STRICT)).mean == pytest.approx(1.4)
    with pytest.raises(OperatorError, match=r"OtherChunks.same_as is RoundRobin\(g=2\), which hands out g = 2 blocks"):
        means(BlockOneMax(4, 1), HALF, OtherChunks(), STRICT)


@pytest.mark.parametrize(
    ("problem", "runner", "why"),
    [
        (BlockOneMax(2, 1), STRICT, "as Doubled declares: needs k = 1"),
        (BlockOneMax(2, 1), OnePlusLambda(2), "as Doubled declares: needs lam = 1, got lam = 2"),
        (BlockOneMax(2, 1), WEAK, 'as Doubled declares: needs accept = "strict", got accept = "weak"'),
        (LeadingBlocks(2, 1), STRICT, "as Doubled declares: needs problem whose fitness rises"),
    ],
)
def test_what_its_formula_does_not_ask_for_must_be_neutral(problem, runner, why):
    with pytest.raises(NoPrediction, match=why):
        means(problem, Gone(0.5), Doubled(), runner)


@dataclass(frozen=True)
class Gone:
    """A law of counts of one's own, for single blocks only; without components no wrapper and no list maps it."""

    p: float

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.p

    @property
    def law(self):
        return OwnCounts(self.p)


@dataclass(frozen=True)
class OwnCounts:
    p: float

    def pmf(self, g, i):
        if g > 1:
            raise NoPrediction(f"measured for single blocks only, got g = {g}")
        return IndependentBlocks(self.p, self.p).pmf(g, i)


# ------------------------------------------------------------------------------------------- laws that depend on g


@dataclass(frozen=True)
class Measured:
    """fix and keep as they were measured, for single blocks and for pairs."""

    table: tuple[tuple[int, float, float], ...] = ((1, 0.5, 1.0), (2, 0.3, 0.6))

    def rewrite(self, correct, rng):
        fix, keep = {g: rest for g, *rest in self.table}[correct.shape[-1]]
        return rng.random(correct.shape) < np.where(correct, keep, fix)

    @property
    def law(self):
        return ByChunk({g: IndependentBlocks(fix, keep) for g, fix, keep in self.table})


def test_a_law_may_depend_on_the_length_of_the_chunk():
    only_single, only_pairs = FixKeep(0.5, 1.0), FixKeep(0.3, 0.6)
    for schedule, like in ((UntilResolved(), only_single), (RoundRobin(2), only_pairs), (UniformChunk(2), only_pairs)):
        for problem in (BlockOneMax(4, 1), Trap(4, 1), Needle(4, 1)):
            assert means(problem, Measured(), schedule, STRICT) == means(problem, like, schedule, STRICT)
    assert means(BlockOneMax(3, 1), Measured(), OnlyIncorrect(2), STRICT) == pytest.approx(
        means(BlockOneMax(2, 1), only_pairs, OnlyIncorrect(2), STRICT) + 2.0, rel=1e-12
    )
    by_list = WeightedBlocks((1, 1, 1), 1)  # equal weights: the chain of all solutions must say the same
    assert means(by_list, Measured(), RoundRobin(2), STRICT) == pytest.approx(
        means(BlockOneMax(3, 1), Measured(), RoundRobin(2), STRICT), rel=1e-12
    )
    with pytest.raises(NoPrediction, match=r"a call on g = 3 blocks is not declared, only for g = \[1, 2\]"):
        means(BlockOneMax(6, 1), Measured(), RoundRobin(3), STRICT)
    pairs = Measured(table=((2, 0.3, 0.6),))
    assert means(Trap(2, 1), pairs, AllBlocks(), STRICT) == means(Trap(2, 1), only_pairs, AllBlocks(), STRICT)


# ---------------------------------------------------------------------------------------------- the needle, in turn


@pytest.mark.parametrize(("k", "mean"), [(2, 16), (3, 68.3333333333)])
def test_a_needle_in_turn_where_success_depends_on_the_block(k, mean):
    assert means(Needle(k, 1), FixKeep(0.3, 0.1), RoundRobin(), WEAK) == pytest.approx(mean, rel=1e-9)


def test_a_long_needle_in_turn_is_refused_where_success_depends_on_the_block():
    with pytest.raises(NoPrediction, match=r"whatever the block was, got fix = 0\.5, keep = 0\.95"):
        means(Needle(10, 1), FixKeep(0.5, 0.95), RoundRobin(), WEAK)


def test_leading_blocks_of_ones_own():
    @dataclass(frozen=True)
    class Prefix(Starts):
        k: int
        l: int
        start: float = 0.0
        incorrect: int | None = None
        landscape: ClassVar = Leading()

        def fitness(self, correct):
            return np.cumprod(correct, axis=-1).sum(axis=-1)

    assert means(Prefix(4, 1, 0.25), HALF, UniformChunk(), STRICT) == pytest.approx(24.0)
