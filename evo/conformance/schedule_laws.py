"""Checks of a schedule's declarations `same_as` and `run_law`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.batch import Batch
from evo.chunks import Chunks, count_correct, draws_subsets
from evo.conformance.choosing import chunks_of, code, parents, pick, served
from evo.conformance.determinism import same_law
from evo.conformance.results import NotChecked, NotConforming
from evo.costs.budget import Budget
from evo.costs.ledger import LEDGER, CallTokens, Prompt
from evo.declarations import declared
from evo.engine import run_batch
from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.protocols import BoolArray, IntArray, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, EachChunk, OnlyIncorrect, RoundRobin, UniformChunk, UniformSubset, UntilResolved
from evo.search import Search
from evo.seeding import streams
from evo.statistics import bounded_mean_p_value, dkw_p_value, law_distance, only_moments
from evo.theory import RunLaw, Start

CERTAIN = (AllBlocks, EachChunk, OnlyIncorrect, RoundRobin, UntilResolved)
RANDOM = (UniformChunk, UniformSubset)
GENERATIONS, RUNS, LONG_RUNS = 12, 4000, 10_000
LAW = IndependentBlocks(fix=0.4, keep=0.7)


def same_as_holds(schedule: Schedule, alpha: float) -> str:
    """Check that a schedule chooses chunks like its `same_as`, for the same parents and moves."""
    name, same = type(schedule).__name__, declared(schedule, "same_as")
    if same is None:
        raise NotChecked(f"{name} redefines what it inherits as the same as another schedule: declare same_as anew")
    if type(same) not in (*CERTAIN, *RANDOM):
        known = ", ".join(kind.__name__ for kind in (*CERTAIN, *RANDOM))
        raise NotConforming(f"{name}.same_as must be one of the schedules {known}, got {same!r:.100}")
    for k in served(schedule)[:4]:
        if (same.chunk_size(k), draws_subsets(same)) != (schedule.chunk_size(k), draws_subsets(schedule)):
            raise NotConforming(f"{name}.same_as is {same!r:.100}, which cuts k = {k} blocks into other chunks")
        for lam in (1, 3):
            for step, (mine, its) in enumerate(_side_by_side(schedule, same, k, lam)):
                differ = type(same) in CERTAIN and not np.array_equal(mine, its)
                if differ or not _same_law(mine, its, k, alpha / (8 * GENERATIONS)):
                    raise NotConforming(
                        f"{name}.same_as is {same!r:.100}, which chooses other chunks in generation {step + 1} of k = "
                        f"{k} blocks, lam = {lam}; declare another one, or the law of a run of its own (run_law)"
                    )
    return f"chooses as {same!r:.100} for {GENERATIONS} generations of parents of all kinds"


def _side_by_side(schedule: Schedule, same: Schedule, k: int, lam: int) -> list[tuple[IntArray, IntArray]]:
    """The choices of both in each generation, int [runs, lam]; parents, and whether the fitness moved, are the same."""
    m, rng, own = chunks_of(schedule, k), np.random.default_rng(5), [np.random.default_rng(seed) for seed in (6, 7)]
    pointers, ones = [np.zeros(RUNS, dtype=np.int64)] * 2, np.ones(RUNS, dtype=np.int64)
    found = []
    for _ in range(GENERATIONS):
        correct, moved = parents(RUNS, k, rng), rng.random(RUNS) < 0.5
        chosen = [
            np.broadcast_to(code(each, k, pick(each, k, RUNS, 1, mine, at, lam, correct))[:, 0], (RUNS, lam))
            for each, mine, at in zip((schedule, same), own, pointers, strict=True)
        ]
        found.append((chosen[0], chosen[1]))
        pointers = [each.advance(at, moved, m, ones) for each, at in zip((schedule, same), pointers, strict=True)]
    return found


def _same_law(mine: IntArray, its: IntArray, k: int, alpha: float) -> bool:
    """Whether the first choices have the same law, and the differences of the first two offspring's."""
    try:
        same_law("chunk", mine[:, 0], its[:, 0], k, alpha / 2)
        if mine.shape[1] > 1:
            first, second = ((each[:, 1] - each[:, 0]) % max(k, 2) for each in (mine, its))
            same_law("chunk", first, second, k, alpha / 2)
    except NotConforming:
        return False
    return True


@dataclass(frozen=True)
class _Counted:
    """The number of correct blocks, all incorrect at first."""

    k: int
    l: int = 1

    def initial(self, runs: int, rng: Generator) -> BoolArray:
        return np.zeros((runs, self.k), dtype=np.bool_)

    def fitness(self, correct: BoolArray) -> IntArray:
        return count_correct(correct)


@dataclass(frozen=True)
class _FixKeep:
    """Blocks of a call are independent, as by `LAW`."""

    def rewrite(self, correct: BoolArray, rng: Generator) -> BoolArray:
        return rng.random(correct.shape) < np.where(correct, LAW.keep, LAW.fix)


def run_law_holds(schedule: Schedule, alpha: float) -> str:
    """Check all that a schedule declares of a run, for some k and lam that it serves, against runs."""
    formula = declared(schedule, "run_law")
    if formula is None:
        raise NotChecked(f"{type(schedule).__name__} redefines what it inherits the law of a run of: declare it anew")
    compared = []
    for k in sorted(served(schedule))[:4]:
        for lam in (1, 3):
            law = _law(formula, schedule, k, lam)
            if law is None:
                continue
            off = _off(law, Search(_Counted(k), _FixKeep(), schedule, OnePlusLambda(lam)), alpha / 8)
            if off:
                raise NotConforming(
                    f"{type(schedule).__name__}.run_law is off by {off}, k = {k}, lam = {lam}, fix = {LAW.fix}, keep = "
                    f"{LAW.keep}, compared with {LONG_RUNS:,} runs; mend it, or refuse what it is not about by raising "
                    "NoPrediction"
                )
            compared.append(f"k = {k}, lam = {lam}")
    if not compared:
        raise NotChecked("run_law refuses all that is tried: fix = 0.4, keep = 0.7, lam = 1 and 3, all incorrect")
    told = f"{LONG_RUNS:,} runs for {'; '.join(compared)}"
    return f"the laws of hit and generations, lam and calls on the last chunk are those of {told}"


def _off(law: RunLaw, search: Search, alpha: float) -> str:
    """What differs from runs, in words; empty if nothing does.

    Laws are compared by DKW, the mean number of calls on the short last chunk by `bounded_mean_p_value`: it is at most
    the number of all calls, whose law is known.
    """
    k, lam, chunks = search.problem.k, search.runner.lam, search.chunks
    if law.lam != lam:
        return f"lam = {law.lam} where it is {lam}: what is paid for is lam calls a generation"
    limits = Budget(calls=200 * k).limits(CallTokens.of(Prompt(), search.lengths), np.zeros(len(LEDGER)))
    counts, _ = run_batch(search, Batch(streams(1, search.text, 0), LONG_RUNS, limits))
    hit = counts.hit >= 0
    for name, times, law_of, unit in (
        ("hit", counts.hit, law.hit, lam),
        ("generations", counts.generations, law.generations, 1),
    ):
        last = np.inf if hit.all() else float(unit * counts.generations[~hit].min())
        if only_moments(law_of):
            continue
        distance = law_distance(times[hit].astype(np.float64), LONG_RUNS, law_of, last)
        if dkw_p_value(LONG_RUNS, distance) < alpha / 3:
            return f"{distance:.3f} in P({name} <= t) for some t"
    if chunks.short == 0:
        return (
            f"last_chunk = {law.calls_on_last_chunk:.4g}, where no chunk is shorter" if law.calls_on_last_chunk else ""
        )
    if not hit.all() or only_moments(law.calls):
        return ""
    assert counts.shortfalls is not None  # there is a shorter chunk
    total = float(counts.shortfalls[:, 0].sum()) / (chunks.g - chunks.last)
    if bounded_mean_p_value(total, LONG_RUNS, law.calls_on_last_chunk, law.calls) >= alpha / 3:
        return ""
    told = f"last_chunk = {law.calls_on_last_chunk:.4g} expected calls on the shorter last chunk"
    return f"{told}, {total / LONG_RUNS:.4g} in runs"


def _law(formula: Any, schedule: Schedule, k: int, lam: int) -> RunLaw | None:
    """The law by the formula; None if it refuses, or has no parameter for lam > 1 or g > 1."""
    g = Chunks.of(schedule, k).g
    given = {"law": LAW, "k": k, "g": g, "start": Start(k), "lam": lam, "weak": False, "schedule": schedule}
    asked = [name for name in inspect.signature(formula).parameters if name in given]
    if (lam > 1 and "lam" not in asked) or (g > 1 and "g" not in asked):
        return None
    try:
        law = formula(**{name: given[name] for name in asked})
    except NoPrediction:
        return None
    if not isinstance(law, RunLaw):
        raise NotConforming(f"{type(schedule).__name__}.run_law must return an evo.theory.RunLaw, got {law!r:.100}")
    return law
