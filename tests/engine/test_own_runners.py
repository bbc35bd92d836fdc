"""Runners of a user's own: a number of offspring that follows a state of the run, loops of their own, their checks.

Statistical tests: fixed seed, false-fail rate 1e-6 each (|z| < 4.9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo import InputError, Latency, Merged, OnePlusLambda, OperatorError, RoundRobin, UniformChunk, UntilResolved
from evo.batch import Batch
from evo.conformance import check_part, check_runner, kind_of, problem_checks, runners
from evo.costs.budget import Budget, Limit
from evo.engine import one_parent, populations, run_batch
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.parallel import Asynchronous
from evo.search import Search
from evo.seeding import streams
from experiments.checks.check import check
from experiments.checks.ledger import ledger_fault
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.waiting import timed
from experiments.running.launch import run_grid
from operators import FixKeep, Malformed, Resample, Vote
from problems import BlockOneMax, Judged, Noisy

Z = 4.9
HALF = Resample(p=0.5)


@dataclass(frozen=True)
class Doubling(OnePlusLambda):
    """Twice the offspring after a generation without progress, half as many after one with it."""

    initial_state = 1.0

    def offspring(self, state):
        return state.astype(np.int64)

    def adjust(self, state, pool, offspring):
        progress = offspring.max(axis=1) > pool.seen[:, 0]
        return np.clip(np.where(progress, state / 2, state * 2), 1, self.lam)


@dataclass(frozen=True)
class Always(OnePlusLambda):
    """Adjusts nothing: a fixed number of offspring, below lam."""

    number: int = 2
    initial_state = 0.0

    def offspring(self, state):
        return np.full(len(state), self.number)

    def adjust(self, state, pool, offspring):
        return state


def run(runner, problem=BlockOneMax(6, 4), schedule=RoundRobin(), mutator=HALF, runs=500, limits=(), seed=1):  # noqa: B008
    return run_batch(Search(problem, mutator, schedule, runner), Batch(streams(seed, "own", 0), runs, limits))[0]


# ------------------------------------------------------------------------------------------- lambda by a state


@pytest.mark.parametrize("mutator", [FixKeep(0.5, 0.9), Malformed(HALF, 0.2)], ids=["FixKeep", "Malformed"])
@pytest.mark.parametrize(
    "problem",
    [BlockOneMax(6, 4), Noisy(BlockOneMax(6, 4), 1.0), Judged(BlockOneMax(6, 4), 0.1, 0.1)],
    ids=["exact", "noisy", "judged"],
)
def test_all_lam_offspring_are_those_of_a_fixed_lam_draw_for_draw(problem, mutator):
    """The same loop with and without a state; twin: one offspring less has other runs."""
    same, fixed, less = (
        run(runner, problem, mutator=mutator, runs=100, limits=[Limit(1.0, 0.0, 300)])
        for runner in (Always(3, number=3), Fixed(3), Always(3, number=2))
    )
    for name in ("hit", "generations", "calls", "evaluations"):
        np.testing.assert_array_equal(getattr(same, name), getattr(fixed, name))
    assert (less.hit != fixed.hit).any()


@dataclass(frozen=True)
class Fixed(OnePlusLambda):
    """Runs in the loop for all runners, since it is no OnePlusLambda by type."""


def naive_doubling(rng, k, p, most):
    """One run with lists: hit, generations, calls."""
    state, parent, generation, calls = 1.0, [False] * k, 0, 0
    while True:
        children = []
        for _ in range(int(state)):
            child = parent.copy()
            child[generation % k] = rng.random() < p
            children.append(child)
            calls += 1
            if all(child):
                hit = calls - len(children) + next(i for i, one in enumerate(children, 1) if all(one))
                return hit, generation + 1, calls - len(children) + int(state)
        best = max(children, key=sum)
        progress = sum(best) > sum(parent)
        parent = best if progress else parent
        state = min(max(state / 2 if progress else state * 2, 1), most)
        generation += 1


def test_doubling_has_the_law_of_a_naive_loop():
    rng = np.random.default_rng(7)
    naive = np.array([naive_doubling(rng, 6, 0.5, 8) for _ in range(4000)])
    found = run(Doubling(8), runs=4000)
    for column, name in enumerate(("hit", "generations", "calls")):
        one, other = naive[:, column], getattr(found, name)
        error = np.hypot(one.std(ddof=1), other.std(ddof=1)) / np.sqrt(4000)
        assert abs(one.mean() - other.mean()) < Z * error, name
        assert 2 * Z * error < 0.15 * one.mean()  # the discrepancy that would have been found
    assert (found.hit > found.calls - 8).all()
    assert (found.hit < found.calls).any()  # inside a generation


def test_a_grid_of_it_adds_up_whatever_the_budget_and_does_not_depend_on_the_batch_of_others():
    cells = [
        Cell(BlockOneMax(k, 4), mutator, schedule, Doubling(8), budget=Budget(calls=calls))
        for k, calls in ((6, 10**6), (12, 60))
        for mutator in (Malformed(HALF, 0.2), Vote(HALF, 2))
        for schedule in (UniformChunk(), UntilResolved())
    ]
    results = run_grid(Grid("adjusting", cells, runs=100, batch=50), workers=1)
    for cell in cells:
        rows = results.runs[results.runs["cell"] == cell.id]
        assert ledger_fault(cell, rows) is None
        assert ledger_fault(cell, rows.assign(generations=rows["generations"] * 50)) is not None
        if not isinstance(cell.mutator, Vote) and rows["hit"].notna().any():
            assert "hit is not in the last generation" in ledger_fault(cell, rows.assign(hit=rows["hit"] + 8))
            assert ledger_fault(cell, rows.assign(hit=rows["hit"] - 8)) is not None
    assert results.runs["hit"].isna().any()
    assert {str(cell.verdict) for cell in check(results).cells} == {"CANNOT_TELL"}
    wide = run(Doubling(8), BlockOneMax(12, 4), runs=100, limits=[Limit(1.0, 0.0, 60)])
    long = run(Doubling(8), BlockOneMax(12, 4), runs=100, limits=[Limit(1.0, 0.0, 10**6)])
    both = wide.hit >= 0
    np.testing.assert_array_equal(wide.hit[both], long.hit[both])  # a budget touches no draw
    assert (long.hit[~both] > 60 - 8).all()


def test_the_trace_of_a_run_ends_with_it_though_others_go_on():
    """Runs make other numbers of offspring, so that a budget ends them in other generations."""
    search = Search(BlockOneMax(12, 4), HALF, RoundRobin(), Doubling(8))
    counts, trace = run_batch(search, Batch(streams(1, "own", 0), 200, [Limit(1.0, 0.0, 30)], trace=True))
    assert len(set(counts.generations[counts.hit < 0])) > 3
    assert (trace.call <= counts.calls[trace.run]).all()
    last = [trace.call[trace.run == run].max() for run in range(200)]
    assert (counts.calls - last < 8).any()  # some end with progress


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ({"offspring": lambda self, state: state}, r"offspring: expected whole numbers of shape \(20,\), got float64"),
        ({"offspring": lambda self, state: np.full(20, 9)}, "offspring: expected numbers from 0 to 8, got 9 to 9"),
        ({"offspring": lambda self, state: np.zeros(20, dtype=int)}, "offspring: expected at least 1 a run, got 0"),
        ({"adjust": lambda self, state, pool, made: 1.0}, r"adjust: expected numbers of shape \(20,\), got float"),
        ({"adjust": lambda self, state, pool, made: state * np.nan}, "adjust: expected finite numbers"),
    ],
)
def test_what_a_state_must_give(broken, expected):
    kind = dataclass(frozen=True)(type("Broken", (Doubling,), broken))
    with pytest.raises(OperatorError, match=f"Broken.{expected}"):
        run(kind(8), runs=20)


def test_waiting_time_of_generations_that_the_table_does_not_keep_is_refused():
    cell = Cell(BlockOneMax(6, 4), HALF, RoundRobin(), Doubling(8))
    results = run_grid(Grid("waiting", [cell], runs=50), workers=1)
    with pytest.raises(InputError, match=r"timed: expected generations of a known number of calls, got .*Doubling"):
        timed(results, 4, Latency(fixed=1.0))


# ------------------------------------------------------------------------------------------- a loop of its own


@dataclass(frozen=True)
class Brought:
    """The strict (1+3)-EA as a loop of its own, which counts as the protocol asks, or not: late, or other answers."""

    late: int = 0
    each: int = 3
    lam, founders, in_flight = 1, (0,), 0

    def fits(self, problem, mutator, schedule, prompt):
        pass

    def answers(self, generations, schedule, k):
        return self.each * generations, self.each * generations

    def run_batch(self, search, batch):
        counts, trace = one_parent.run_batch(replace(search, runner=OnePlusLambda(3)), batch)
        return replace(counts, hit=np.where(counts.hit >= 0, counts.calls - self.late, -1)), trace


@pytest.mark.parametrize(
    ("runner", "expected"),
    [
        (Brought(late=1), r"`hit` must be the number of all offspring that had returned .* got \d+ .*`Adjusting`"),
        (Brought(each=2), "expected as many calls as `answers` says"),
    ],
)
def test_what_a_loop_of_ones_own_counts_is_checked_and_said_as_such(runner, expected):
    assert (run(Brought()).hit > 0).all()
    with pytest.raises(OperatorError, match=expected):
        run(runner)
    assert [found.name for found in check_runner(runner) if found.passed is False] == ["a batch"]


def test_shapes_of_a_loop_of_ones_own():
    def seven(self, search, batch):
        return Brought().run_batch(search, replace(batch, runs=7))

    kind = dataclass(frozen=True)(type("Short", (Brought,), {"run_batch": seven}))
    with pytest.raises(OperatorError, match=r"Short\.run_batch: expected for hit whole numbers of shape \(500,\)"):
        run(kind())
    kind = dataclass(frozen=True)(type("Nothing", (Brought,), {"run_batch": lambda self, search, batch: (3, None)}))
    with pytest.raises(OperatorError, match=r"Nothing\.run_batch: expected RunCounts and a trace or None, got int"):
        run(kind())


def test_stored_rows_of_such_a_runner_say_what_hit_must_be():
    cell = Cell(BlockOneMax(6, 4), HALF, RoundRobin(), Brought())
    results = run_grid(Grid("own", [cell], runs=50), workers=1)
    assert ledger_fault(cell, results.runs) is None
    inside = results.runs.assign(hit=results.runs["hit"] - 1)
    assert "hit is not the number of all offspring that had returned" in ledger_fault(cell, inside)


# ------------------------------------------------------------------------------------------- conformance


GOOD = [
    OnePlusLambda(), OnePlusLambda(8, "weak"), Archive(3, lam=2), Archive(2, "last"), Archive(2, "proportional"),
    MapElites(1), MapElites(4, lam=2), MapElites(3, blocks=4), MapElites(8, "pattern"),
    MuPlusLambda(3, 2), Islands(2, 3, 2, migrate=5), Merged(3), Merged(), Asynchronous(3), Doubling(8), Brought(),
]  # fmt: skip


def one_check(runner, name):
    (check,) = (each for each in runners.runner_checks(runner) if each.name == name)
    return check.result()


@dataclass(frozen=True)
class Careful(Doubling):
    """Sees what is promised of the offspring: those of its number, and as invalid all that were not made."""

    def adjust(self, state, pool, offspring):
        beyond = np.arange(self.lam) >= self.offspring(state)[:, None]
        assert np.isneginf(offspring[beyond]).all()
        assert not np.isposinf(offspring).any()
        return super().adjust(state, pool, offspring)


def test_a_runner_is_shown_what_it_is_promised():
    assert (
        one_check(Careful(8), "offspring a generation").message
        == "from 1 to 8 offspring a generation, of at most lam = 8"
    )
    run(Careful(8), mutator=Malformed(HALF, 0.2), runs=20)


def test_a_runner_that_does_not_serve_the_problem_of_the_check_is_not_told_to_be_wrong():
    def refuses(self, *parts):
        raise InputError("not so few")

    batch = one_check(broken(Merged, (2,), fits=refuses), "a batch")
    assert batch.passed is None
    assert batch.message == "the runner does not serve 6 blocks in turn: not so few"


def test_populations_take_runners_with_parents_and_survivors_alone():
    search = Search(BlockOneMax(6, 4), HALF, RoundRobin(), Merged(2))
    with pytest.raises(InputError, match="expected a runner with `parents` and `survivors`, got Merged"):
        populations.run_batch(search, Batch(streams(1, "own", 0), 3))


def test_runners_are_checked_on_a_problem_and_a_mutator_that_conform():
    """5.3 standard errors of 10^5 blocks: false-fail rate 1e-7, and 0.01 would be found."""
    of = {each.name: each for each in problem_checks(runners._Blocks())}
    assert [of[name].result().passed for name in ("optimum", "change")] == [True, True]
    mutator, rng = runners._Mutator(), np.random.default_rng(1)
    for right in (False, True):
        fixed = mutator.rewrite(np.full((20_000, 5), right), rng).mean()
        assert fixed == pytest.approx(mutator.law.pmf(1, int(not right))[1], abs=5.3 * 0.5 / math.sqrt(10**5))


@pytest.mark.some("kind")
@pytest.mark.parametrize(("kind", "runner"), [(type(runner).__name__, runner) for runner in GOOD], ids=repr)
def test_runners_that_conform_pass_every_check(kind, runner):
    assert kind_of(runner) == "runner"
    wrong = [(found.name, found.message) for found in check_part(runner) if found.passed is False]
    local = "picklable" if type(runner).__module__ == __name__ else ""
    assert [(name, told) for name, told in wrong if name != local] == []


SAID = [
    (MapElites(7, lam=2), {
        "founders": "7 places, 1 filled at first; lam = 2",
        "parents": "a filled place for each of 2 offspring, in 41 generations of 64 runs",
        "survivors": "of 2 offspring, some or all invalid; a batch is as many single runs",
        "features": "cells 0 to 6 of 7 for random solutions of 6 blocks",
        "offspring a generation": "every generation has lam offspring",
        "generations": "a generation is lam offspring of chosen parents",
    }),
    (Doubling(8), {
        "founders": "1 places, 1 filled at first; lam = 8",
        "features": "the runner looks at fitness alone",
        "offspring a generation": "from 1 to 8 offspring a generation, of at most lam = 8",
    }),
    (Brought(), {
        "survivors": "the runner has generations of its own (protocol `OwnGenerations`)",
        "generations": "117 to 117 answers in 39 generations, 0 in flight at the end",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("runner", "said"), SAID, ids=["a grid", "adjusting", "its own loop"])
def test_what_was_looked_at_is_said_in_numbers(runner, said):
    assert {each.name: each.result().message for each in runners.runner_checks(runner) if each.name in said} == said


def test_the_cells_that_features_name_are_said_from_the_least_to_the_most():
    described = broken(MapElites, (7,), describe=lambda self, correct: np.minimum(correct.sum(axis=-1), 2) + 3)
    (said,) = (each.result() for each in runners.runner_checks(described) if each.name == "features")
    assert (said.passed, said.message) == (True, "cells 3 to 5 of 7 for random solutions of 6 blocks")


def broken(base=MuPlusLambda, parameters=(2,), **methods):
    return dataclass(frozen=True)(type("Broken", (base,), methods))(*parameters)


def draws_globally(self, pool, rng):
    return np.random.randint(2, size=(len(pool.seen), self.lam))  # noqa: NPY002  # what is looked for


def one_draw_for_all(self, pool, rng):
    return np.full((len(pool.seen), self.lam), rng.integers(2))


def keeps_the_invalid(self, pool, offspring):
    return np.tile([0, 2], (len(pool.seen), 1))


def forgets_a_place(self, pool, offspring):
    return np.zeros((len(pool.seen), 1), dtype=np.int64)


def looks_at_others(self, pool, offspring):
    """Each run keeps its parents unless the best offspring of the whole batch is its own."""
    stay = np.tile([0, 1], (len(pool.seen), 1))
    best = int(np.argmax(offspring[:, 0]))
    stay[best, 0] = 2 if offspring[best, 0] > -np.inf else 0
    return stay


def second_best(self, pool, offspring):
    at = np.argsort(-offspring, axis=1, kind="stable")[:, min(1, offspring.shape[1] - 1)]
    return np.where(offspring[np.arange(len(at)), at] > pool.seen[:, 0], 1 + at, 0)[:, None]


def writes(self, pool, offspring):
    offspring[:] = 0.0
    return MuPlusLambda.survivors(self, pool, offspring)


@pytest.mark.parametrize(
    ("runner", "name", "message"),
    [
        (broken(parents=draws_globally), "global generators", "parents uses the global generator"),
        (broken(parents=one_draw_for_all), "rows independent", "the rows of a batch of"),
        (broken(parents=lambda self, pool, rng: np.full((len(pool.seen), 1), 2)), "parents", "expected numbers from 0"),
        (broken(survivors=keeps_the_invalid), "survivors", "an invalid offspring (seen -inf) must not be kept"),
        (broken(survivors=forgets_a_place), "survivors", "expected whole numbers of shape (64, 2)"),
        (broken(survivors=looks_at_others), "survivors", "answers otherwise for a run alone than in a batch"),
        (broken(OnePlusLambda, (4,), survivors=second_best, in_parts=True), "survivors", "leave out `in_parts`"),
        (broken(survivors=writes), "survivors", "read-only"),
        (broken(founders=(0, 2)), "founders", "must name the initial solutions 0, 1, .. without a gap"),
        (broken(founders=(-1, -1)), "founders", "at least one, got (-1, -1)"),
        (broken(founders=[0, 1]), "founders", "must be a tuple of whole numbers >= -1"),
        (broken(OnePlusLambda, (0,), __post_init__=lambda self: None), "founders", "lam must be a whole number >= 1"),
        (broken(offspring=lambda self, state: state), "offspring a generation", "(protocol `Adjusting`), got only"),
        (broken(Doubling, (8,), adjust=lambda self, state, pool, made: state[::-1] + np.arange(len(state))),
         "offspring a generation", "expected numbers from 0 to 8"),
        (broken(Doubling, (8,), adjust=lambda self, state, pool, made: np.full(len(state), 1.0 + len(state) % 8)),
         "offspring a generation", "adjust answers otherwise for a run alone than in a batch"),
        (broken(describe=lambda self, correct: correct.sum(axis=-1)), "features", "need `describe` and `fits`, beside"),
        (broken(object, (), lam=1, founders=(0,)), "survivors", "must have `parents` and `survivors`"),
        (broken(Brought, (), answers=lambda self, generations, schedule, k: (generations + 1, generations + 1)),
         "generations", "answers must be 0 for no generation, and rise"),
        (broken(Brought, (), in_flight=-1), "generations", "in_flight must be a whole number >= 0, got -1"),
    ],
)  # fmt: skip
def test_runners_that_break_one_thing_are_told_which(runner, name, message):
    found = one_check(runner, name)
    assert found.passed is False
    assert message in found.message
