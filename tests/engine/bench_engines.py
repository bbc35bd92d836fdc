"""Speed of the engine `blocks` beside DEAP's own loop; ratios only, of the best of interleaved repeats.

    python tests/engine/bench_engines.py                              one table
    pytest tests/engine/bench_engines.py --benchmark-only             pytest-benchmark's tables

DEAP as it comes: `eaMuPlusLambda`, list individuals, its default clone (`copy.deepcopy`), and the same mutator on each
offspring's chunk; the schedules in plain Python, so that DEAP pays nothing for our arrays. The column "list clone" has
the clone replaced by a copy of the list, which a careful user of DEAP would do.
"""

import contextlib
import time
from dataclasses import dataclass

import numpy as np
import pytest
from deap import algorithms, base, tools

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine.one_parent import run_batch
from evo.search import Search
from evo.seeding import streams
from operators import Resample
from problems import BlockOneMax

K, HALF = 64, Resample(0.5)
PROBLEM = BlockOneMax(K, l=16)
SCHEDULES = (AllBlocks(), UntilResolved(), RoundRobin(), UniformChunk(), OnlyIncorrect())
LAMS = (1, 64)
RUNS = 4000
GLOBAL_RUNS, GLOBAL_CALLS = 1000, 4096  # 2^64 calls are out of reach: the same budget of calls a run for both
REPEATS = 5
REQUIRED = {True: 50, False: 100}  # GLOBAL, LOCAL


class Correct(base.Fitness):
    weights = (1.0,)


class Solution(list):
    def __init__(self, blocks):
        super().__init__(blocks)
        self.fitness = Correct()


class AtOptimum(Exception):
    pass


@dataclass
class DeapRun:
    """One run: DEAP's loop with the leanest operators that do what the cell says."""

    schedule: object
    lam: int
    rng: np.random.Generator
    pointer: int = 0
    generations: int = 0

    def mutate(self, individual):
        if isinstance(self.schedule, AllBlocks):
            individual[:] = HALF.rewrite(np.array([individual]), self.rng)[0].tolist()
            return (individual,)
        if isinstance(self.schedule, UniformChunk):
            block = int(self.rng.integers(K))
        elif isinstance(self.schedule, OnlyIncorrect):
            block = individual.index(False)
        else:
            block = self.pointer
        individual[block] = bool(HALF.rewrite(np.array([[individual[block]]]), self.rng)[0, 0])
        return (individual,)

    def select(self, candidates, mu):
        best = tools.selBest(candidates, mu)
        self.generations += 1
        if best[0].fitness.values[0] == K:
            raise AtOptimum
        if isinstance(self.schedule, RoundRobin):
            self.pointer = (self.pointer + 1) % K
        elif isinstance(self.schedule, UntilResolved):
            moved = any(one.fitness != candidates[0].fitness for one in candidates[1:])
            self.pointer = (self.pointer + moved) % K
        return best


def run_deap(schedule, lam, clone=None):
    """One run by DEAP; returns the calls made."""
    run = DeapRun(schedule, lam, np.random.default_rng(1))
    toolbox = base.Toolbox()
    toolbox.register("mutate", run.mutate)
    toolbox.register("evaluate", lambda solution: (sum(solution),))
    toolbox.register("select", run.select)
    if clone is not None:
        toolbox.register("clone", clone)
    generations = GLOBAL_CALLS // lam if isinstance(schedule, AllBlocks) else 10**6
    with contextlib.suppress(AtOptimum):
        algorithms.eaMuPlusLambda([Solution([False] * K)], toolbox, 1, lam, 0.0, 1.0, generations, verbose=False)
    return lam * run.generations


def run_blocks(schedule, lam):
    """A batch of runs by `blocks`; returns the calls made."""
    whole = isinstance(schedule, AllBlocks)
    runs, limits = (GLOBAL_RUNS, [Limit(1.0, 0.0, GLOBAL_CALLS)]) if whole else (RUNS, [])
    counts, _ = run_batch(
        Search(PROBLEM, HALF, schedule, OnePlusLambda(lam)), Batch(streams(1, "bench", 0), runs, limits)
    )
    return lam * int(counts.generations.sum())


def rate(run, *arguments, least=0.1):
    """Calls a second, over at least `least` seconds."""
    calls, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < least:
        calls += run(*arguments)
    return calls / spent


def compare(schedule, lam):
    """Best rates of `blocks`, DEAP, DEAP with the list clone; interleaved, so that they share what the machine does."""
    contenders = [(run_blocks, schedule, lam), (run_deap, schedule, lam), (run_deap, schedule, lam, Solution)]
    rates = [[rate(*contender) for contender in contenders] for _ in range(REPEATS)]
    return [max(column) for column in zip(*rates, strict=True)]


CELLS = [(schedule, lam) for schedule in SCHEDULES for lam in LAMS]


@pytest.mark.parametrize(("schedule", "lam"), CELLS, ids=str)
@pytest.mark.parametrize("engine", [run_blocks, run_deap])
def test_speed(benchmark, engine, schedule, lam):
    benchmark.group = f"{schedule}, lam = {lam}"
    benchmark.extra_info["calls"] = benchmark.pedantic(engine, (schedule, lam), rounds=3, iterations=1, warmup_rounds=1)


@pytest.mark.parametrize(("schedule", "lam"), CELLS, ids=str)
def test_ratio(benchmark, schedule, lam):
    """The only assertion here: `blocks` is as many times faster as is claimed."""
    blocks, deap, _ = benchmark.pedantic(compare, (schedule, lam))
    benchmark.extra_info["ratio"] = blocks / deap
    assert blocks / deap >= REQUIRED[isinstance(schedule, AllBlocks)]


def main():
    print(
        f"Calls a second, k = {K}, p = 1/2, all blocks incorrect at first. blocks: {RUNS} runs at once to the optimum; "
        f"AllBlocks: {GLOBAL_RUNS} runs of {GLOBAL_CALLS} calls."
    )
    heads = ("lam", "blocks", "DEAP", "ratio", "required", "list clone", "ratio")
    print(f"{'schedule':<20}" + "".join(f"{head:>12}" for head in heads))
    for schedule, lam in CELLS:
        blocks, deap, cloned = compare(schedule, lam)
        required = REQUIRED[isinstance(schedule, AllBlocks)]
        columns = (lam, blocks, deap, blocks / deap, required, cloned, blocks / cloned)
        print(f"{schedule!s:<20}" + "".join(f"{value:>12,.0f}" for value in columns), flush=True)


if __name__ == "__main__":
    main()
