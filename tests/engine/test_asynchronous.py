"""Workers that never wait: run for run against the sequential runner, by hand, and against a naive event loop.

Statistical tests: fixed seed, false-fail rate 1e-6 each (|z| < 4.9); the discrepancy that they find is asserted.
"""

import heapq
import secrets
from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Asynchronous,
    Budget,
    Decomposed,
    InputError,
    Latency,
    Merged,
    OnePlusLambda,
    OnlyIncorrect,
    Prompt,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine import asynchronous, one_parent, rounds, run_batch
from evo.schedules import UniformSubset
from evo.search import Search
from evo.seeding import streams
from experiments import Grid, run_grid
from experiments.checks.ledger import ledger_fault
from experiments.grids.cell import Cell
from experiments.grids.grid import sweep
from operators import FixKeep, Malformed, Resample, Spill, Vote
from problems import BlockOneMax, Noisy, UnequalBlocks

HALF = Resample(0.5)
Z = 4.9
SEED = 1


@pytest.fixture(autouse=True)
def vary_seed(request, monkeypatch):
    """Other draws than always, if --vary-seed asks for the real false-fail rate."""
    if request.config.getoption("--vary-seed", default=False):
        monkeypatch.setattr(f"{__name__}.SEED", secrets.randbits(32))


def run(problem, schedule, runner, runs=300, mutator=HALF, limits=(), trace=False):
    counts, found = run_batch(
        Search(problem, mutator, schedule, runner), Batch(streams(SEED, "async", 0), runs, limits, trace)
    )
    return (counts, found) if trace else counts


DOWN = UntilResolved(2, invalid="down")


@pytest.mark.parametrize("schedule", [RoundRobin(), OnlyIncorrect(), OnlyIncorrect(2), UntilResolved(2), DOWN], ids=str)
@pytest.mark.parametrize("mutator", [HALF, FixKeep(0.5, 1.0), Malformed(HALF, 0.2)], ids=str)
def test_one_worker_is_the_elitist_runner_run_for_run(schedule, mutator):
    """Under RoundRobin the fast loop looks ahead unless acceptance is weak; with g = 1 that changes nothing."""
    plain = OnePlusLambda(accept="weak" if schedule.oblivious else "strict")
    problem, limits = BlockOneMax(5, 1, start=0.3), [Limit(1.0, 0.0, 40)]
    one = run(problem, schedule, Asynchronous(1), 300, mutator, limits)
    other, _ = one_parent.run_batch(
        Search(problem, mutator, schedule, plain), Batch(streams(SEED, "async", 0), 300, limits)
    )
    for name in ("hit", "generations", "calls", "shortfalls", "evaluations"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(one.seconds, one.calls)


@pytest.mark.parametrize("schedule", [RoundRobin(), OnlyIncorrect(2), UntilResolved(2)], ids=str)
def test_one_worker_has_the_trace_of_the_elitist_runner_up_to_where_each_run_ends(schedule):
    """By a budget of evaluations, which runs of invalid answers reach with other calls each."""
    problem, mutator, limits = BlockOneMax(8, 1, start=0.3), Malformed(FixKeep(0.4, 0.9), 0.4), [Limit(0.0, 1.0, 12)]
    one, trace = run(problem, schedule, Asynchronous(1), 300, mutator, limits, trace=True)
    plain = OnePlusLambda(accept="weak" if schedule.oblivious else "strict")
    other, expected = one_parent.run_batch(
        Search(problem, mutator, schedule, plain), Batch(streams(SEED, "async", 0), 300, limits, True)
    )
    over = one.hit < 0
    assert len(set(one.calls[over].tolist())) > 3
    np.testing.assert_array_equal(one.calls, other.calls)
    np.testing.assert_array_equal(one.seconds, one.calls)

    def rows(found):
        return sorted(
            zip(*(getattr(found, name).tolist() for name in ("run", "call", "fitness", "spent")), strict=True)
        )

    risen = [row for before, row in zip([None, *rows(expected)], rows(expected), strict=False)
             if before is None or before[0] != row[0] or before[2] < row[2]]  # fmt: skip
    assert rows(trace) == risen


@pytest.mark.parametrize(
    ("loop", "runner", "other"), [(asynchronous, Asynchronous(2), "Asynchronous"), (rounds, Merged(2), "Merged")]
)
def test_a_loop_that_is_asked_itself_refuses_what_is_not_its_own(loop, runner, other):
    batch = Batch(streams(SEED, "async", 0), 2, ())
    for each, problem, said in (
        (OnePlusLambda(), BlockOneMax(4, 2), f"this loop runs {other}, got OnePlusLambda; use evo.engine.run_batch"),
        (runner, Noisy(BlockOneMax(4, 2), 0.5), f"{other}: expected exact evaluation, got Noisy"),
    ):
        with pytest.raises(InputError, match=said):
            loop.run_batch(Search(problem, HALF, RoundRobin(), each), batch)


@pytest.mark.parametrize("takes", ["fixed", "per_prompt_token", "per_generated_token", "evaluation"])
def test_whatever_takes_time_is_time_enough(takes):
    assert Asynchronous(2, Latency(**{takes: 0.5})).in_flight == 1


def test_three_sure_workers_by_hand():
    """Ten blocks, 2 s a call: three come back every 2 s, the tenth at 8 s with two others under way."""
    counts = run(BlockOneMax(10, 1), RoundRobin(), Asynchronous(3, Latency(fixed=2.0)), 2, FixKeep(1.0, 1.0))
    assert [counts.hit[0], counts.generations[0], counts.evaluations[0], counts.calls[0]] == [10, 10, 10, 12]
    assert counts.seconds.tolist() == [8.0, 8.0]


def test_a_worker_evaluates_its_answer_before_the_next_call():
    """The same with 3 s an evaluation: four turns of 5 s; an answer that cannot be applied takes as long."""
    latency = Latency(fixed=2.0, evaluation=3.0)
    counts = run(BlockOneMax(10, 1), RoundRobin(), Asynchronous(3, latency), 2, FixKeep(1.0, 1.0))
    assert counts.seconds.tolist() == [20.0, 20.0]
    broken = run(BlockOneMax(3, 1), RoundRobin(), Asynchronous(1, latency), 50, Malformed(HALF, 0.5))
    np.testing.assert_array_equal(broken.seconds, 5.0 * broken.calls)
    assert (broken.evaluations < broken.calls).any()


def test_the_tail_does_not_act_on_evaluations():
    latency = Latency(fixed=2.0, evaluation=3.0, tail=0.5)
    counts = run(BlockOneMax(3, 1), RoundRobin(), Asynchronous(1, latency), 50)
    without = run(BlockOneMax(3, 1), RoundRobin(), Asynchronous(1, replace(latency, evaluation=0.0)), 50)
    np.testing.assert_allclose(counts.seconds, without.seconds + 3.0 * counts.calls)


def test_a_short_chunk_takes_less_time():
    """Chunks of 2 and 1 tokens: the short one is back at 1 s, the first is called again, the other back at 2 s."""
    runner = Asynchronous(2, Latency(per_generated_token=1.0))
    counts = run(BlockOneMax(3, 1), RoundRobin(2), runner, 1, FixKeep(1.0, 1.0))
    assert [counts.hit[0], counts.calls[0], counts.shortfalls[0, 0], counts.seconds[0]] == [2, 3, 1, 2.0]


def test_a_late_answer_does_not_undo_a_repair():
    """AllBlocks with keep = 0: of two calls from all incorrect the first repairs all, the second comes too late."""
    counts, found = run(BlockOneMax(2, 1), AllBlocks(), Asynchronous(2), 3, FixKeep(1.0, 0.0), trace=True)
    assert counts.hit.tolist() == [1, 1, 1]
    assert counts.calls.tolist() == [2, 2, 2]
    assert sorted(found.fitness.tolist()) == [0.0] * 3 + [2.0] * 3


class Scripted:
    """Answers that are known beforehand, one call after the other: how many blocks of the chunk are correct."""

    def __init__(self, *correct):
        self.correct = iter(correct)

    def rewrite(self, correct, rng):
        return np.arange(correct.shape[1])[None] < next(self.correct)


def test_an_answer_that_comes_when_the_schedule_is_at_its_chunk_again_is_news_of_it():
    """UntilResolved on chunks of 9 and 1 blocks, a second a block, two workers.

    The call of 9 s is about the first chunk and returns at 18 s: at 9 s the other worker resolved that chunk, at 10 s
    the second one, and the schedule is at the first again. It is compared with the solution of 18 s, in which it
    repairs a block, so the schedule goes on, and the next call is on the second chunk.
    """
    #                   0 s  0 s  9 s  9 s  10 s 18 s 19 s
    answers = Scripted(0,   1,   2,   1,   9,   1,   1)  # fmt: skip
    runner = Asynchronous(2, Latency(per_generated_token=1.0))
    counts = run(BlockOneMax(10, 1), UntilResolved(9), runner, 1, answers)
    assert [counts.hit[0], counts.calls[0], counts.shortfalls[0, 0], counts.seconds[0]] == [6, 7, 3, 19.0]


def test_an_answer_that_comes_when_the_schedule_is_elsewhere_is_no_news():
    """The same, but the second chunk is wrong until 19 s: at 18 s the schedule is there, and stays."""
    #                   0 s  0 s  9 s  9 to 17 s  18 s  18 s  19 s  19 s
    answers = Scripted(0,   1,   2,   *([0] * 9), 1,    1,    9,    9)  # fmt: skip
    runner = Asynchronous(2, Latency(per_generated_token=1.0))
    counts = run(BlockOneMax(10, 1), UntilResolved(9), runner, 1, answers)
    assert [counts.hit[0], counts.calls[0], counts.shortfalls[0, 0], counts.seconds[0]] == [15, 16, 11, 28.0]


def test_an_answer_of_the_last_chunk_is_no_news_once_the_schedule_is_at_the_first_again():
    """UntilResolved on two chunks of two, two workers, a second a call: by hand, in the order of the calls.

    Both are on the first chunk, then on the last; at 2 s the one repairs a block, so that the schedule is at the first
    chunk again, and the other would damage one: the schedule stays, and both calls of then are on the first chunk.
    """
    #                   0 s   1 s   2 s   3 s
    answers = Scripted(1, 1, 1, 0, 2, 2, 2, 2)
    counts = run(BlockOneMax(4, 1), UntilResolved(2), Asynchronous(2, Latency(fixed=1.0)), 1, answers)
    assert [counts.hit[0], counts.calls[0], counts.seconds[0]] == [7, 8, 4.0]


def naive(k, g, schedule, workers, tail, rng, additive=True):
    """One run with an event queue: hit and seconds."""
    solution, m, started, at, queue = [False] * k, -(-k // g), 0, 0, []

    def begin(now, worker):
        nonlocal started, at
        if schedule is RoundRobin:
            chunk = started % m
        elif schedule is UniformChunk:
            chunk = int(rng.integers(m))
        elif schedule is UntilResolved:
            chunk = at % m
        else:  # the lowest that is incorrect and not under way, if there is one
            wrong = [c for c in range(m) if not all(solution[c * g : c * g + g])]
            busy = {call[2] for call in queue}
            chunk = next((c for c in wrong if c not in busy), wrong[0])
        started += 1
        after = (rng.random(len(solution[chunk * g : chunk * g + g])) < 0.5).tolist()
        child = list(solution)
        child[chunk * g : chunk * g + g] = after
        took = float(np.exp(tail * rng.standard_normal() - tail**2 / 2))
        heapq.heappush(queue, (now + took, worker, chunk, after, child, at))

    for worker in range(workers):
        begin(0.0, worker)
    returned = 0
    while True:
        now, worker, chunk, after, child, seen_at = heapq.heappop(queue)
        returned += 1
        place = slice(chunk * g, chunk * g + g)
        gain = sum(after) - sum(solution[place]) if additive else sum(child) - sum(solution)
        if gain > 0 and additive:
            solution[place] = after
        elif gain > 0:
            solution = child
        if gain != 0 and seen_at == at:
            at += 1
        if all(solution):
            return returned, now
        begin(now, worker)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("k", "schedule", "workers", "tail"),
    [
        (4, RoundRobin(2), 3, 1.0),
        (5, RoundRobin(2), 2, 0.5),
        (5, OnlyIncorrect(), 2, 1.0),
        (4, OnlyIncorrect(2), 4, 0.5),
        (3, AllBlocks(), 3, 1.0),
        (4, UniformChunk(), 3, 1.0),
        (4, UntilResolved(), 3, 1.0),
    ],
    ids=lambda value: str(value),
)
def test_against_an_event_queue(k, schedule, workers, tail):
    counts = run(BlockOneMax(k, 1), schedule, Asynchronous(workers, Latency(fixed=1.0, tail=tail)), 8000)
    rng = np.random.default_rng(SEED + 4)
    kind = RoundRobin if isinstance(schedule, AllBlocks) else type(schedule)
    hits, seconds = np.array([naive(k, schedule.chunk_size(k), kind, workers, tail, rng) for _ in range(2500)]).T
    for ours, theirs in ((counts.hit, hits), (counts.seconds, seconds)):
        error = np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
        assert abs(ours.mean() - theirs.mean()) < Z * error
        assert Z * error < 0.16 * theirs.mean(), "too few runs to find a discrepancy of 16 %"
    np.testing.assert_array_equal(counts.calls, counts.hit + workers - 1)


@dataclass(frozen=True)
class Whole(BlockOneMax):
    """The same fitness, which does not say that it is a sum over blocks."""

    @property
    def change(self):
        raise AttributeError


@pytest.mark.statistical
def test_without_an_additive_fitness_late_offspring_lose_what_others_repaired():
    latency = Latency(fixed=1.0, tail=1.0)
    counts = run(Whole(4, 1), RoundRobin(), Asynchronous(3, latency), 8000)
    merged = run(BlockOneMax(4, 1), RoundRobin(), Asynchronous(3, latency), 8000)
    rng = np.random.default_rng(SEED + 5)
    hits = np.array([naive(4, 1, RoundRobin, 3, 1.0, rng, additive=False)[0] for _ in range(2500)])
    error = np.sqrt(counts.hit.var(ddof=1) / 8000 + hits.var(ddof=1) / 2500)
    assert abs(counts.hit.mean() - hits.mean()) < Z * error < 0.1 * hits.mean()
    assert counts.hit.mean() > 1.1 * merged.hit.mean()


@dataclass(frozen=True)
class Needle:
    """No sum over blocks, and no `change`."""

    k: int = 3
    l: int = 1

    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=bool)

    def fitness(self, correct):
        return correct.all(axis=-1).astype(int)


@pytest.mark.statistical
def test_without_an_additive_fitness_whole_offspring_replace():
    """A needle of 3 blocks, keep = fix: each call on all blocks is the optimum w.p. 1/8 (theory 1a)."""
    counts = run(Needle(), AllBlocks(), Asynchronous(4, Latency(fixed=1.0, tail=1.0)), 8000)
    assert abs(counts.hit.mean() - 8.0) < Z * counts.hit.std(ddof=1) / np.sqrt(8000) < 0.5


def test_subsets_and_votes_and_overhead():
    subsets = run(BlockOneMax(4, 1), UniformSubset(2), Asynchronous(3), 200)
    votes = run(BlockOneMax(4, 1), RoundRobin(), Asynchronous(3), 200, Vote(HALF, 2))
    beside = run(BlockOneMax(4, 1), Decomposed(OnlyIncorrect(), 3), Asynchronous(3, Latency(fixed=1.0)), 200)
    assert (subsets.hit > 0).all()
    assert (votes.calls > votes.hit + 2).all()
    np.testing.assert_array_equal(beside.seconds % 2.0, 0.0)  # each call waits for the one that decomposes


def test_a_budget_counts_what_was_started():
    """Three under way after each answer: the budget of 10 is reached when the eighth is back."""
    never = FixKeep(0.0, 1.0)
    counts = run(BlockOneMax(3, 1), RoundRobin(), Asynchronous(3), 4, never, [Limit(1.0, 0.0, 10)])
    assert counts.hit.tolist() == [-1] * 4
    assert counts.calls.tolist() == [10] * 4
    assert counts.generations.tolist() == [8] * 4
    assert counts.seconds.tolist() == [3.0] * 4


def test_a_larger_budget_prolongs_the_same_runs():
    runner = Asynchronous(3, Latency(fixed=1.0, tail=1.0))
    short, long = (run(BlockOneMax(8, 1), RoundRobin(), runner, limits=[Limit(1.0, 0.0, n)]) for n in (30, 500))
    hit = short.hit >= 0
    assert 0.05 < hit.mean() < 0.95
    np.testing.assert_array_equal(short.hit[hit], long.hit[hit])
    np.testing.assert_array_equal(short.seconds[hit], long.seconds[hit])


def test_an_optimal_start_takes_no_time():
    counts = run(BlockOneMax(3, 1, start=1.0), RoundRobin(), Asynchronous(3), 2)
    assert (counts.hit.tolist(), counts.calls.tolist(), counts.seconds.tolist()) == ([0, 0], [0, 0], [0.0, 0.0])


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"problem": Noisy(BlockOneMax(3, 1), 1.0)}, "expected exact evaluation"),
        ({"problem": UnequalBlocks((1, 2, 3))}, "Asynchronous: expected blocks of equal length"),
        ({"mutator": Spill(HALF, 0.1)}, "changes nothing but its chunk"),
        ({"problem": BlockOneMax(2, 1), "mutator": Spill(HALF, 0.1)}, "changes nothing but its chunk"),
        ({"runner": Asynchronous(2, Latency(per_prompt_token=1.0)), "prompt": Prompt(head=9)}, "give the same to the"),
    ],
)
def test_what_does_not_fit_is_refused(parts, words):
    with pytest.raises(InputError, match=words):
        Cell(
            **{"problem": BlockOneMax(3, 1), "mutator": HALF, "schedule": RoundRobin(), "runner": Asynchronous(2)}
            | parts
        )


def test_latencies_are_checked():
    with pytest.raises(InputError, match="calls that take time"):
        Asynchronous(2, Latency())
    with pytest.raises(InputError, match="latency must be a Latency"):
        Asynchronous(2, 3.0)
    with pytest.raises(InputError, match="tail must be a finite number >= 0"):
        Latency(tail=-1.0)


@pytest.mark.statistical
def test_the_factor_has_mean_one():
    x = Latency(fixed=1.0, tail=0.5).factors(100_000, np.random.default_rng(SEED))
    error = x.std(ddof=1) / np.sqrt(len(x))
    assert abs(x.mean() - 1.0) < Z * error < 0.01
    assert x.var() == pytest.approx(np.exp(0.25) - 1, rel=0.05)


def test_a_grid_adds_up_and_keeps_its_seconds():
    cells = sweep(
        problem=BlockOneMax(5, 4),
        mutator=[HALF, Malformed(HALF, 0.2), Vote(HALF, 2)],
        schedule=RoundRobin(),
        runner=[Asynchronous(1), Asynchronous(3, Latency(fixed=1.0, tail=1.0))],
        budget=Budget(calls=40),
    )
    results = run_grid(Grid("async", cells, runs=60, batch=60), workers=1)
    for cell in cells:
        rows = results.runs[results.runs["cell"] == cell.id]
        assert ledger_fault(cell, rows) is None
        assert (rows["seconds"] > 0).all()
        assert Cell.parse(cell.text) == cell
        if not isinstance(cell.mutator, Vote):
            assert "hit is not" in ledger_fault(cell, rows.assign(hit=rows["hit"] + 1))
            assert "calls are not as many as Asynchronous" in ledger_fault(cell, rows.assign(generations=2))
