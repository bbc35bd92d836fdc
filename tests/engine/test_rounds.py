"""Merged rounds: exact laws, a naive loop, what is refused, and bookkeeping.

Statistical tests: fixed seed, false-fail rate 1e-6 each (|z| < 4.9); the discrepancy that they find is asserted.
"""

import secrets
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Budget,
    Decomposed,
    InputError,
    Merged,
    OnePlusLambda,
    OnlyIncorrect,
    Rewritten,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.batch import Batch
from evo.chunks import Chunks
from evo.costs.budget import Limit
from evo.engine import one_parent, rounds, run_batch
from evo.engine.rounds import lowest_incorrect
from evo.laws.counts import IndependentBlocks
from evo.schedules import EachChunk
from evo.search import Search
from evo.seeding import streams
from evo.theory import Start
from evo.theory.schedules.each_chunk import one_kept
from evo.theory.schedules.merged import merged_in_turn, merged_only_incorrect
from experiments import Grid, run_grid
from experiments.checks.ledger import ledger_fault
from experiments.grids.cell import Cell
from experiments.grids.grid import sweep
from experiments.predictions.predict import predict
from operators import FixKeep, Malformed, Misaligned, Resample, Spill, Vote
from problems import BlockOneMax, Judged, Noisy, UnequalBlocks

HALF, UNEQUAL = Resample(0.5), FixKeep(0.4, 0.7)
Z = 4.9
SEED = 1


@pytest.fixture(autouse=True)
def vary_seed(request, monkeypatch):
    """Other draws than always, if --vary-seed asks for the real false-fail rate."""
    if request.config.getoption("--vary-seed", default=False):
        monkeypatch.setattr(f"{__name__}.SEED", secrets.randbits(32))


def run(problem, schedule, runner, runs=8000, mutator=HALF, limits=(), trace=False):
    counts, found = run_batch(
        Search(problem, mutator, schedule, runner), Batch(streams(SEED, "merge", 0), runs, limits, trace)
    )
    return (counts, found) if trace else counts


def short_calls(counts):
    """Calls on the shorter last chunk, int [runs]."""
    return 0 * counts.calls if counts.shortfalls is None else counts.shortfalls[:, 0]


def agrees(values, mean, within=0.03):
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - mean) < Z * error
    assert Z * error < within * mean, f"too few runs to find a discrepancy of {within:.0%}"


@pytest.mark.statistical
@pytest.mark.parametrize("g", [1, 2])
@pytest.mark.parametrize("workers", [None, 1, 2, 3])
@pytest.mark.parametrize("schedule", [RoundRobin, OnlyIncorrect], ids=["RoundRobin", "OnlyIncorrect"])
def test_exact_means(schedule, workers, g):
    formula = merged_in_turn if schedule is RoundRobin else merged_only_incorrect
    law = formula(IndependentBlocks(0.4, 0.7), 5, g, Start(5, p0=0.2), workers)
    counts = run(BlockOneMax(5, 1, start=0.2), schedule(g), Merged(workers), mutator=UNEQUAL)
    agrees(counts.hit, law.hit.mean, 0.05)
    np.testing.assert_array_equal(counts.hit, counts.calls)
    np.testing.assert_array_equal(counts.evaluations, counts.calls)
    if g == 2:
        agrees(short_calls(counts), law.calls_on_last_chunk, 0.06)
    if g == 1 or schedule is RoundRobin or workers != 2:
        agrees(counts.generations, law.generations.mean, 0.05)


@pytest.mark.statistical
def test_a_wrong_value_would_be_found():
    counts = run(BlockOneMax(10, 1), RoundRobin(), Merged(), mutator=FixKeep(0.9, 0.5))
    agrees(counts.generations, 1.7580052613672029863, 0.03)
    with pytest.raises(AssertionError):
        agrees(counts.generations, 1.04 * 1.7580052613672029863)


@pytest.mark.statistical
def test_one_winner_a_generation():
    """The hit is in the last generation, at the place of the last incorrect block (theory 11b)."""
    law = one_kept(IndependentBlocks(0.4, 0.7), 5, Start(5, p0=0.2))
    counts = run(BlockOneMax(5, 1, start=0.2), EachChunk(), OnePlusLambda(lam=5), mutator=UNEQUAL)
    agrees(counts.hit, law.hit.mean)
    agrees(counts.generations, law.generations.mean)
    t = np.arange(100)
    off = np.abs((counts.hit[:, None] <= t).mean(axis=0) - law.hit.cdf(t)).max()
    assert off < np.sqrt(np.log(2e6) / (2 * len(counts.hit))) < 0.031  # DKW at 1e-6: a cdf off by 0.031 would show


def naive_merged(k, g, schedule, workers, limit, rng):
    """One run in plain loops: rounds, calls, calls on the short chunk, evaluations, hit."""
    solution, m, pointer = [False] * k, -(-k // g), 0
    width = m if workers is None else min(workers, m)
    rounds = calls = short = valid = 0
    while not all(solution) and calls < limit:
        chunks = [c for c in range(m) if not all(solution[c * g : c * g + g])][:width]
        if schedule is RoundRobin:
            chunks = [(pointer + n) % m for n in range(width)]
            pointer += width
        child = list(solution)
        for c in chunks:
            size = len(solution[c * g : c * g + g])
            after = [bool(x) for x in rng.random(size) < 0.5]
            calls, short = calls + 1, short + (size < g)
            if rng.random() < 0.3:
                continue
            valid += 1
            if sum(after) > sum(solution[c * g : c * g + g]):
                child[c * g : c * g + size] = after
        solution, rounds = child, rounds + 1
    return rounds, calls, short, valid, calls if all(solution) else -1


@pytest.mark.statistical
@pytest.mark.parametrize("schedule", [RoundRobin, OnlyIncorrect], ids=["RoundRobin", "OnlyIncorrect"])
@pytest.mark.parametrize("workers", [None, 2])
def test_counts_against_a_naive_loop(schedule, workers):
    """With malformed answers, a short last chunk and a budget; means of every count within 6 %."""
    limits = [Limit(1.0, 0.0, 30)]
    counts = run(BlockOneMax(5, 1), schedule(2), Merged(workers), 6000, Malformed(HALF, 0.3), limits)
    rng = np.random.default_rng(SEED + 1)
    naive = np.array([naive_merged(5, 2, schedule, workers, 30, rng) for _ in range(3000)])
    mine = np.column_stack([counts.generations, counts.calls, short_calls(counts), counts.evaluations, counts.hit])
    for ours, theirs in zip(mine.T, naive.T, strict=True):
        error = np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
        assert abs(ours.mean() - theirs.mean()) < Z * error
        assert Z * error < 0.12 * theirs.mean()
    assert 0 < (counts.hit < 0).mean() < 0.5
    assert (counts.calls[counts.hit < 0] >= 30).all()


def test_a_larger_budget_prolongs_the_same_runs():
    problem, runner = BlockOneMax(12, 1), Merged(3)
    short, long = (run(problem, RoundRobin(), runner, 300, limits=[Limit(1.0, 0.0, most)]) for most in (30, 500))
    hit = short.hit >= 0
    assert 0.05 < hit.mean() < 0.95
    np.testing.assert_array_equal(short.hit[hit], long.hit[hit])


def test_one_worker_is_the_elitist_runner_run_for_run():
    """Weak acceptance looks no generation ahead, and with g = 1 it is the same: equal means unchanged."""
    for schedule in (RoundRobin(), OnlyIncorrect()):
        merged = run(BlockOneMax(7, 1), schedule, Merged(1), 300)
        plain = run(BlockOneMax(7, 1), schedule, OnePlusLambda(accept="weak"), 300)
        for name in ("hit", "generations", "calls", "evaluations"):
            np.testing.assert_array_equal(getattr(merged, name), getattr(plain, name))


def test_a_trace_ends_at_the_optimum():
    counts, found = run(BlockOneMax(6, 1), RoundRobin(), Merged(), 50, trace=True)
    for number in range(50):
        rows = found.run == number
        assert (np.diff(found.fitness[rows]) > 0).all()
        assert (found.fitness[rows][-1], found.call[rows][-1]) == (6.0, counts.hit[number])


def test_the_lowest_chunks_that_hold_an_incorrect_block():
    correct = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]], dtype=bool)
    row, chunk = lowest_incorrect(correct, Chunks(g=2, m=3, last=1), 2)
    assert list(zip(row.tolist(), chunk.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2), (2, 0), (2, 1)]


def test_votes_are_counted_as_calls():
    counts = run(BlockOneMax(4, 1), RoundRobin(), Merged(), 200, Vote(HALF, 2))
    assert (counts.calls > counts.hit).all()
    np.testing.assert_array_equal(counts.hit, 4 * counts.generations)


@dataclass(frozen=True)
class NotAdditive:
    """A needle: no sum over blocks, and no `change`."""

    k: int = 3
    l: int = 1

    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=bool)

    def fitness(self, correct):
        return correct.all(axis=-1).astype(int)


@dataclass(frozen=True)
class Leaks:
    """Breaks a block outside its chunk and does not say so before."""

    sees = "solution"

    def rewrite(self, chunk, rng):
        whole = chunk.solution.copy()
        whole[:, -1] ^= True
        after = rng.random(chunk.correct.shape) < 0.5
        whole[np.arange(len(whole))[:, None], chunk.blocks] = after
        return Rewritten(after, solution=whole)


@dataclass(frozen=True)
class Counts:
    """Makes all right, and notes how many calls are made at once."""

    asked: list[int] = field(default_factory=list, compare=False)

    def rewrite(self, chunk, rng):
        self.asked.append(len(chunk))
        return np.ones_like(chunk)


@pytest.mark.parametrize(
    ("problem", "mutator", "schedule", "words"),
    [
        (BlockOneMax(3, 1), HALF, AllBlocks(), "expected the schedule RoundRobin or OnlyIncorrect"),
        (BlockOneMax(3, 1), HALF, UntilResolved(), "expected the schedule RoundRobin or OnlyIncorrect"),
        (BlockOneMax(3, 1), HALF, Decomposed(UniformChunk(), 1), "got UniformChunk"),
        (Noisy(BlockOneMax(3, 1), 1.0), HALF, RoundRobin(), "expected exact evaluation, got Noisy"),
        (Judged(BlockOneMax(3, 1), 0.1, 0.1), HALF, RoundRobin(), "expected exact evaluation, got Judged"),
        (NotAdditive(), HALF, RoundRobin(), "additive fitness"),
        (UnequalBlocks((1, 2, 3)), HALF, RoundRobin(), "Merged: expected blocks of equal length"),
        (BlockOneMax(3, 1), Spill(HALF, 0.1), RoundRobin(), "changes nothing but its chunk, got Spill"),
        (BlockOneMax(2, 1), Spill(HALF, 0.1), RoundRobin(), "changes nothing but its chunk, got Spill"),
        (BlockOneMax(3, 1), Malformed(Misaligned(HALF, 0.1), 0.1), RoundRobin(), "got Misaligned"),
    ],
)
def test_what_cannot_be_merged_is_refused(problem, mutator, schedule, words):
    with pytest.raises(InputError, match=words):
        Cell(problem, mutator, schedule, Merged())
    with pytest.raises(InputError, match=words):
        run(problem, schedule, Merged(), 10, mutator)


def test_nothing_is_outside_the_only_chunk():
    counts = run(BlockOneMax(2, 1), RoundRobin(g=2), Merged(), 10, Spill(HALF, 0.1))
    assert (counts.hit > 0).all()


@pytest.mark.parametrize(
    ("k", "workers", "runs_at_once"),
    [(6, None, 1), (6, 2, 3), (50, 1, 1), (20, 1, 3)],  # 60 blocks: 6 or 2 calls of 1 + 8 a run, or its k
)
def test_a_slab_of_rounds_holds_so_many_blocks(k, workers, runs_at_once, monkeypatch):
    monkeypatch.setattr(rounds, "SLAB_BLOCKS", 60)
    counts = Counts()
    run(BlockOneMax(k, 1), OnlyIncorrect(), Merged(workers), 7, counts)
    assert max(counts.asked) == runs_at_once * (workers or k)


def test_a_leak_that_was_not_declared_is_found_out():
    with pytest.raises(InputError, match="changed blocks outside its chunk"):
        run(BlockOneMax(3, 1), RoundRobin(), Merged(), 10, Leaks())


def test_workers_are_checked():
    with pytest.raises(InputError, match="workers must be a whole number from 1 to 10000"):
        Merged(0)


def max_of_geometrics(k, p):
    """Theory 11a: the sum over t of 1 - (1 - q^t)^k."""
    return sum(1 - (1 - (1 - p) ** t) ** k for t in range(200))


def test_a_grid_of_merged_cells_adds_up():
    cells = sweep(
        problem=BlockOneMax(5, 4),
        mutator=[HALF, Malformed(HALF, 0.2), Vote(HALF, 2)],
        schedule=[RoundRobin(), OnlyIncorrect(), Decomposed(OnlyIncorrect(), 3)],
        runner=[Merged(), Merged(2)],
        budget=Budget(calls=60),
    )
    results = run_grid(Grid("merged", cells, runs=60, batch=60), workers=1)
    for cell in cells:
        rows = results.runs[results.runs["cell"] == cell.id]
        assert ledger_fault(cell, rows) is None
        assert rows["seconds"].isna().all()
        late = rows.assign(hit=rows["hit"] + 1)
        if rows["hit"].notna().any():
            assert ledger_fault(cell, late) is not None or isinstance(cell.mutator, Vote)
        assert ledger_fault(cell, rows.assign(generations=rows["generations"] * 50)) is not None
    assert predict(cells[0], "generations").mean == pytest.approx(max_of_geometrics(5, 0.5), rel=1e-12)
    assert Cell.parse(cells[1].text) == cells[1]


@dataclass(frozen=True)
class Brought:
    """A runner that no engine knows, with a loop of its own: that of the strict (1+1)-EA."""

    lam, founders, in_flight = 1, (0,), 0

    def fits(self, problem, mutator, schedule, prompt):
        pass

    def answers(self, generations, schedule, k):
        return generations, generations

    def run_batch(self, search, batch):
        return one_parent.run_batch(replace(search, runner=OnePlusLambda()), batch)


def test_a_runner_may_bring_its_loop_along():
    """Its runs are those of its own loop, in the engine and in a grid; the ledger is checked by its `answers`."""
    parts = (BlockOneMax(5, 1), HALF, RoundRobin(g=2))
    problem, mutator, schedule = parts
    own, plain = (run(problem, schedule, runner, 200, mutator) for runner in (Brought(), OnePlusLambda()))
    np.testing.assert_array_equal(own.hit, plain.hit)
    results = run_grid(Grid("own", [Cell(*parts, Brought())], runs=50), workers=1)
    assert ledger_fault(Cell(*parts, Brought()), results.runs) is None
    assert "answers" in str(refusal(Cell, *parts, Silent()))
    with pytest.raises(InputError, match="this loop runs OnePlusLambda, got Merged"):
        one_parent.run_batch(Search(*parts, Merged()), Batch(streams(1, "own", 0), 1))


@dataclass(frozen=True)
class Silent:
    lam, founders = 1, (0,)

    def run_batch(self, search, batch):
        return one_parent.run_batch(search, batch)


def refusal(make, *parts):
    with pytest.raises(InputError) as caught:
        make(*parts)
    return caught.value
