"""The checks of a runner: parents and survivors, the number of offspring, and what a batch of its runs counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.batch import Batch, RunCounts
from evo.conformance.determinism import drawn_checks, guarded, once, same_answers, same_law
from evo.conformance.parts import part_checks
from evo.conformance.results import (
    FALSE_FAIL_RATE,
    CheckResult,
    DoesNotApply,
    NotChecked,
    NotConforming,
    PartCheck,
    results,
)
from evo.costs.budget import Limit
from evo.costs.ledger import Prompt
from evo.declarations import declared
from evo.engine import run_batch
from evo.engine.contracts import adjusted, described, named_parents, named_survivors, offspring_of_each
from evo.errors import InputError
from evo.laws.counts import IndependentBlocks
from evo.protocols import AnyRunner, BoolArray, FloatArray, IntArray
from evo.runners.protocol import Adjusting, Describing, OwnGenerations, OwnLoop, Pool, Runner
from evo.schedules import RoundRobin
from evo.search import Search
from evo.seeding import streams

RUNS = 64
GENERATIONS = 40
FITNESS = 5
"""Different fitness values in the pools that are shown, so that many are equal."""
BUDGET = 200.0
LOOP_CALLS = 2000


def check_runner(runner: AnyRunner) -> tuple[CheckResult, ...]:
    """Run all checks of a runner."""
    return results(runner_checks(runner))


def runner_checks(runner: AnyRunner) -> list[PartCheck]:
    """The checks of a runner, to be run one by one."""
    founders = once(lambda: _founders(runner))
    placed = guarded(founders, "founders", "founders and lam are not what they must be")
    survived = once(placed(lambda: _survivors(runner)))
    kept = guarded(survived, "survivors", "survivors does not answer as it must")
    chosen = once(placed(kept(lambda: _parents(runner))))
    named = guarded(chosen, "parents", "parents does not answer as it must")
    checks = {
        "founders": founders,
        "features": placed(lambda: _features(runner)),
        "survivors": survived,
        "parents": chosen,
        "offspring a generation": placed(lambda: _adjusting(runner)),
        "generations": placed(lambda: _own_generations(runner)),
        **{word: named(check) for word, check in _drawn(runner).items()},
        "a batch": placed(lambda: _batch(runner)),
    }
    return [*part_checks(runner), *(PartCheck(name, runner, check) for name, check in checks.items())]


def _drawn(runner: AnyRunner) -> dict[str, Callable[[], str]]:
    """The checks of what `parents` draws."""
    name = f"{type(runner).__name__}.parents"
    at_the_end: list[Pool] = []

    def rows(n: int, rng: Generator) -> IntArray:
        simple = _simple(runner)
        if not at_the_end:
            at_the_end.extend(list(_pools(simple, 1, np.random.default_rng(3)))[-1:])
        (pool,) = at_the_end
        features = None if pool.features is None else np.repeat(pool.features, n, axis=0)
        same = Pool(np.repeat(pool.seen, n, axis=0), np.repeat(pool.born, n, axis=0), pool.generation, features)
        return named_parents(simple, same, rng)[0][:, 0]

    def answers(rng: Generator) -> tuple[IntArray, ...]:
        simple = _simple(runner)
        return tuple(named_parents(simple, pool, rng)[0] for pool in _pools(simple, RUNS, np.random.default_rng(3)))

    def batch() -> str:
        rng = np.random.default_rng(2)
        loop = np.concatenate([rows(1, rng) for _ in range(LOOP_CALLS)])
        most = len(runner.founders)
        return same_law(
            "place of a parent", rows(LOOP_CALLS, np.random.default_rng(1)), loop, most, FALSE_FAIL_RATE / 2
        )

    return drawn_checks(name, answers, batch, rows, FALSE_FAIL_RATE / 2)


def _simple(runner: AnyRunner) -> Runner:
    if isinstance(runner, OwnGenerations):
        raise DoesNotApply("the runner has generations of its own (protocol `OwnGenerations`)")
    if not isinstance(runner, Runner):
        raise NotConforming(
            f"{type(runner).__name__} must have `parents` and `survivors` (protocol `Runner`), or `fits`, `answers` "
            "and `in_flight` (protocol `OwnGenerations`)"
        )
    return runner


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _founders(runner: AnyRunner) -> str:
    name, founders, lam = type(runner).__name__, runner.founders, runner.lam
    if not _is_whole(lam) or lam < 1:
        raise NotConforming(f"{name}.lam must be a whole number >= 1, got {lam!r}")
    if not isinstance(founders, tuple) or not all(type(place) is int and place >= -1 for place in founders):
        raise NotConforming(f"{name}.founders must be a tuple of whole numbers >= -1, one a place, got {founders!r}")
    if set(founders) - {-1} != set(range(max(founders, default=-1) + 1)) or max(founders, default=-1) < 0:
        raise NotConforming(
            f"{name}.founders must name the initial solutions 0, 1, .. without a gap, at least one, got {founders!r}"
        )
    return f"{len(founders)} places, {max(founders) + 1} filled at first; lam = {lam}"


def _pools(runner: Runner, runs: int, rng: Generator) -> Iterator[Pool]:
    """What a runner is shown over GENERATIONS generations of random fitness, by its own choices; arrays read-only."""
    places = np.array(runner.founders)
    seen = np.where(places >= 0, rng.integers(FITNESS, size=(runs, len(places))), -np.inf)
    born = np.zeros(seen.shape, dtype=np.int64)
    features = _described(runner, seen.shape, np.random.default_rng(6))
    for number in range(GENERATIONS + 1):
        pool = Pool(_read_only(seen), _read_only(born), number, features)
        yield pool
        offspring = _offspring(runs, runner.lam, rng)
        pool = _meets(runner, pool, number)
        stay = named_survivors(runner, pool, offspring)
        calls = np.broadcast_to(runner.lam * number + 1 + np.arange(runner.lam), offspring.shape)
        seen, born = _stayed(seen, offspring, stay), _stayed(born, calls, stay)
        features = None if features is None else _stayed(features, pool.arriving, stay)


def _stayed(old: Any, new: Any, stay: IntArray) -> Any:
    """What holds of those who stay."""
    return _read_only(np.take_along_axis(np.concatenate((old, new), axis=1), stay, axis=1))


def _described(runner: Runner, shape: tuple[int, ...], rng: Generator) -> IntArray | None:
    """Features of random solutions, int of a shape; None for a runner that looks at fitness alone."""
    if not isinstance(runner, Describing):
        return None
    return _read_only(described(runner, rng.random((*shape, BLOCKS)) < rng.random((shape[0], 1, 1))))  # type: ignore[no-any-return]  # of the kind of what is given


def _meets(runner: Runner, pool: Pool, seed: int) -> Pool:
    """The pool with features of the offspring that come."""
    shape = (len(pool.seen), runner.lam)
    return replace(pool, arriving=_described(runner, shape, np.random.default_rng([7, seed])))


def _alone(pool: Pool, row: int) -> Pool:
    """One run of a pool."""
    one = slice(row, row + 1)
    features, arriving = (None if of is None else of[one] for of in (pool.features, pool.arriving))
    return Pool(pool.seen[one], pool.born[one], pool.generation, features, arriving)


def _offspring(runs: int, lam: int, rng: Generator) -> FloatArray:
    """Seen fitness of offspring, some of them invalid, in some runs all; float [runs, lam], read-only."""
    made = rng.integers(FITNESS, size=(runs, lam)).astype(np.float64)
    invalid = (rng.random((runs, lam)) < 0.2) | (rng.random((runs, 1)) < 0.1)
    return _read_only(np.where(invalid, -np.inf, made))  # type: ignore[no-any-return]  # of the shape of what is given


def _read_only(values: Any) -> Any:
    values.flags.writeable = False
    return values


def _parents(runner: AnyRunner) -> str:
    simple, rng = _simple(runner), np.random.default_rng(1)
    for pool in _pools(simple, RUNS, np.random.default_rng(3)):
        named_parents(simple, pool, rng)
    return f"a filled place for each of {simple.lam} offspring, in {GENERATIONS + 1} generations of {RUNS} runs"


def _survivors(runner: AnyRunner) -> str:
    simple, rng = _simple(runner), np.random.default_rng(4)
    name = f"{type(runner).__name__}.survivors"
    for pool in _pools(simple, RUNS, np.random.default_rng(3)):
        offspring, pool = _offspring(RUNS, simple.lam, rng), _meets(simple, pool, pool.generation)
        stay = named_survivors(simple, pool, offspring)
        if not same_answers(stay, named_survivors(simple, pool, offspring)):
            raise NotConforming(f"{name} answers differently when asked again; draw only in `parents`")
        kept = np.take_along_axis(np.concatenate((pool.seen, offspring), axis=1), stay, axis=1)
        if np.isneginf(kept).all(axis=1).any():
            raise NotConforming(f"{name} keeps no solution of a run; one place at least must hold one")
        row = pool.generation % RUNS
        alone = _alone(pool, row)
        if not same_answers(stay[row : row + 1], named_survivors(simple, alone, offspring[row : row + 1])):
            raise NotConforming(f"{name} answers otherwise for a run alone than in a batch; rows are runs of their own")
        if declared(runner, "in_parts") and not _same_in_parts(simple, alone, offspring[row : row + 1], stay[row]):
            raise NotConforming(
                f"{name} keeps others when it is told of a part of the offspring first; leave out `in_parts`"
            )
    return f"of {simple.lam} offspring, some or all invalid; a batch is as many single runs"


def _same_in_parts(runner: Runner, pool: Pool, offspring: FloatArray, stay: IntArray) -> bool:
    """Whether the same stay of one run if its offspring come in two parts, those who stay of each, and then both."""
    places, lam = pool.seen.shape[1], offspring.shape[1]

    def staying(some: IntArray) -> IntArray:
        arriving = None if pool.arriving is None else pool.arriving[:, some]
        kept = named_survivors(runner, replace(pool, arriving=arriving), offspring[:, some])[0]
        return np.sort(np.concatenate((kept[kept < places], places + some[kept[kept >= places] - places])))

    parts = [part for part in np.array_split(np.arange(lam), 2) if len(part)]
    named = [kept[kept >= places] - places for kept in map(staying, parts)]
    told = np.concatenate(named)
    return np.array_equal(staying(told if len(told) else np.zeros(1, dtype=np.int64)), np.sort(stay))


def _features(runner: AnyRunner) -> str:
    if not isinstance(runner, Describing):
        if hasattr(runner, "describe"):
            raise NotConforming(
                f"{type(runner).__name__}: features of solutions need `describe` and `fits`, beside `parents` and "
                "`survivors` (protocol `Describing`), got only some of them"
            )
        raise DoesNotApply("the runner looks at fitness alone")
    name, rng = f"{type(runner).__name__}.describe", np.random.default_rng(8)
    solutions = _read_only(rng.random((RUNS, 3, BLOCKS)) < rng.random((RUNS, 1, 1)))
    features = described(runner, solutions)
    if not same_answers(features, described(runner, solutions)):
        raise NotConforming(f"{name} answers differently when asked again; a feature is of the solution alone")
    for row in range(0, RUNS, 8):
        if not same_answers(features[row : row + 1], described(runner, solutions[row : row + 1])):
            raise NotConforming(f"{name} answers otherwise for a run alone than in a batch; rows are runs of their own")
    return (
        f"cells {features.min()} to {features.max()} of {len(runner.founders)} for random solutions of {BLOCKS} blocks"
    )


def _adjusting(runner: AnyRunner) -> str:
    if not isinstance(runner, Adjusting):
        if hasattr(runner, "offspring") or hasattr(runner, "adjust"):
            raise NotConforming(
                f"{type(runner).__name__}: a number of offspring that varies needs `initial_state`, `offspring` and "
                "`adjust` (protocol `Adjusting`), got only some of them"
            )
        raise DoesNotApply("every generation has lam offspring")
    name, rng = type(runner).__name__, np.random.default_rng(5)
    state, numbers = np.full(RUNS, float(runner.initial_state)), set[int]()
    for pool in _pools(runner, RUNS, np.random.default_rng(3)):
        number = offspring_of_each(runner, _read_only(state))
        numbers.update(number.tolist())
        made = np.arange(runner.lam) < number[:, None]
        offspring = _read_only(np.where(made, _offspring(RUNS, runner.lam, rng), -np.inf))
        after, row = adjusted(runner, state, pool, offspring), pool.generation % RUNS
        alone = _alone(pool, row)
        if not same_answers(
            after[row : row + 1], adjusted(runner, state[row : row + 1], alone, offspring[row : row + 1])
        ):
            raise NotConforming(f"{name}.adjust answers otherwise for a run alone than in a batch, or when asked again")
        state = after
    return f"from {min(numbers)} to {max(numbers)} offspring a generation, of at most lam = {runner.lam}"


def _own_generations(runner: AnyRunner) -> str:
    if not isinstance(runner, OwnGenerations):
        raise DoesNotApply("a generation is lam offspring of chosen parents")
    name, flight = type(runner).__name__, runner.in_flight
    if not _is_whole(flight) or flight < 0:
        raise NotConforming(f"{name}.in_flight must be a whole number >= 0, got {flight!r}")
    generations = np.arange(GENERATIONS)
    least, most = (np.asarray(number) for number in runner.answers(generations, RoundRobin(), BLOCKS))
    if least.shape != generations.shape or most.shape != generations.shape:
        raise NotConforming(f"{name}.answers must give two arrays in the shape of the generations")
    if least[0] or most[0] or (least > most).any() or (np.diff(least) < 0).any() or (np.diff(most) < 0).any():
        raise NotConforming(f"{name}.answers must be 0 for no generation, and rise: the fewest and the most answers")
    return f"{least[-1]} to {most[-1]} answers in {GENERATIONS - 1} generations, {flight} in flight at the end"


BLOCKS = 6


class _Mutator:
    law = IndependentBlocks(0.5, 0.5)

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        return rng.random(correct.shape) < 0.5


def _batch(runner: AnyRunner) -> str:
    """Whole runs on a small problem, twice, and what they count."""
    search = Search(_Blocks(), _Mutator(), RoundRobin(), runner)
    if isinstance(runner, OwnGenerations):
        try:
            runner.fits(search.problem, search.mutator, search.schedule, Prompt())
        except InputError as error:
            raise NotChecked(f"the runner does not serve {BLOCKS} blocks in turn: {error}") from None
    counts = [_counts(search) for _ in range(2)]
    if not all(same_answers(getattr(counts[0], name), getattr(counts[1], name)) for name in ("hit", "calls")):
        raise NotConforming(
            f"{type(runner).__name__} gives other runs for the same seed; draw from the `rng` handed over"
        )
    return _expect_books(runner, counts[0])


def _counts(search: Search) -> RunCounts:
    return run_batch(search, Batch(streams(1, "check-operator", 0), RUNS, [Limit(1.0, 0.0, BUDGET)]))[0]


def _expect_books(runner: AnyRunner, counts: RunCounts) -> str:
    """Check hits and calls against each other, and runs without a hit against the budget."""
    name, hits = type(runner).__name__, counts.hit >= 0
    if ((counts.calls < BUDGET) & ~hits).any():
        raise NotConforming(f"{name}: a run without a hit (-1) ended before its budget of {BUDGET:.0f} calls")
    last = runner.lam if isinstance(runner, Runner) else runner.in_flight + 1 if isinstance(runner, OwnLoop) else None
    if last is not None and (hits & (counts.hit > 0) & (counts.hit <= counts.calls - last)).any():
        raise NotConforming(
            f"{name}: hit is the number of the offspring that was the first optimum, one of the last generation's; got "
            "an earlier one"
        )
    return f"{int(hits.sum())} of {RUNS} runs hit within {BUDGET:.0f} calls; calls and hits hang together"


class _Blocks:
    """The number of correct blocks; all incorrect at first."""

    k, l = BLOCKS, 1

    def initial(self, runs: int, rng: Generator) -> BoolArray:
        return np.zeros((runs, BLOCKS), dtype=np.bool_)

    def fitness(self, correct: BoolArray) -> IntArray:
        return np.asarray(correct.sum(axis=-1))

    def change(self, before: BoolArray, after: BoolArray) -> IntArray:
        return np.asarray(after.sum(axis=-1) - before.sum(axis=-1))
