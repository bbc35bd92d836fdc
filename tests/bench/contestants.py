"""The same searches by others: loops in Python and C++, as a careful user would write each with its own tools.

Each makes whole generations until `seconds` of CPU are spent, run after run, and returns the calls made and the
seconds: a call of them costs about the same at any time of a run.
"""

import contextlib
import random
import shutil
import subprocess
import tempfile
import time
import warnings
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from tasks import ONE_CHUNK

IN_TURN = ("resolved", "rounds")
AT_ONCE = 2**20
"""Blocks, lam offspring of all runs, that the loop over all runs makes at once: what a cache holds."""
RUNS = 500


class Over(Exception):
    """The time is over, or the run is."""


def by_deap(task, seconds):
    """DEAP's `eaMuPlusLambda`: list individuals, its own clone, its own bit flips."""
    from deap import algorithms, base, tools

    class Correct(base.Fitness):
        weights = (1.0,)

    class Solution(list):
        def __init__(self, blocks):
            super().__init__(blocks)
            self.fitness = Correct()

    rng = np.random.default_rng(1)

    def mutate(individual):
        if task.kind == "bits":
            return tools.mutFlipBit(individual, task.p)
        if task.kind in ONE_CHUNK:
            first = task.g * (random.randrange(task.k // task.g) if task.kind == "local" else chunk)
            individual[first : first + task.g] = [random.random() < task.p for _ in range(task.g)]
        else:
            individual[:] = (rng.random(task.k) < task.p).tolist()
        return (individual,)

    calls, chunk, begun = 0, 0, time.process_time()

    def select(candidates, mu):
        nonlocal calls, chunk
        calls += task.lam
        if task.kind in IN_TURN:
            fitness = [each.fitness.values[0] for each in candidates]  # the parent's first
            chunk = task.next_chunk(chunk, any(each != fitness[0] for each in fitness))
        best = tools.selBest(candidates, mu)
        if best[0].fitness.values[0] == task.k or time.process_time() - begun >= seconds:
            raise Over
        return best

    toolbox = base.Toolbox()
    toolbox.register("mutate", mutate)
    toolbox.register("evaluate", lambda solution: (sum(solution),))
    toolbox.register("select", select)
    while time.process_time() - begun < seconds:
        chunk = 0
        with contextlib.suppress(Over):
            most = (task.calls or 10**9) // task.lam
            algorithms.eaMuPlusLambda([Solution([False] * task.k)], toolbox, 1, task.lam, 0.0, 1.0, most, verbose=False)
    return calls, time.process_time() - begun


def by_ioh(task, seconds):
    """A loop in Python around the OneMax of `ioh`; offspring by numpy."""
    import ioh

    rng, calls, begun = np.random.default_rng(1), 0, time.process_time()
    problem = ioh.get_problem("OneMax", instance=1, dimension=task.k, problem_class=ioh.ProblemClass.PBO)
    while time.process_time() - begun < seconds:
        problem.reset()
        parent, fitness, made, chunk = np.zeros(task.k, dtype=np.int64), 0.0, 0, 0
        while fitness < task.k and made != task.calls and time.process_time() - begun < seconds:
            best, highest, moved = parent, fitness, False
            for _ in range(task.lam):
                child = _child(parent, task, rng, chunk)
                value = problem(child)
                moved |= value != fitness
                if value > highest:
                    best, highest = child, value
            parent, fitness, made, chunk = best, highest, made + task.lam, task.next_chunk(chunk, moved)
        calls += made
    return calls, time.process_time() - begun


def _child(parent, task, rng, chunk):
    if task.kind == "global":
        return (rng.random(task.k) < task.p).astype(np.int64)
    if task.kind == "bits":
        return parent ^ (rng.random(task.k) < task.p)
    child = parent.copy()
    first = task.g * (rng.integers(task.k // task.g) if task.kind == "local" else chunk)
    child[first : first + task.g] = rng.random(task.g) < task.p
    return child


def by_numpy(task, seconds):
    """The obvious loop of numpy: one run, the offspring of a generation at once."""
    rng, calls, begun = np.random.default_rng(1), 0, time.process_time()
    k, lam, p = task.k, task.lam, task.p
    each, g, own = np.arange(lam), task.g, np.arange(task.g)
    while time.process_time() - begun < seconds:
        parent, fitness, made, chunk = np.zeros(k, dtype=bool), 0, 0, 0
        while fitness < k and made != task.calls and time.process_time() - begun < seconds:
            if task.kind == "global":
                offspring = rng.random((lam, k)) < p
            elif task.kind == "bits":
                offspring = parent ^ (rng.random((lam, k)) < p)
            else:
                offspring = np.repeat(parent[None], lam, axis=0)
                first = g * rng.integers(k // g, size=(lam, 1)) if task.kind == "local" else g * chunk
                offspring[each[:, None], first + own] = rng.random((lam, g)) < p
            counts = offspring.sum(axis=1)
            chunk = task.next_chunk(chunk, (counts != fitness).any()) if task.kind in IN_TURN else chunk
            best = counts.argmax()
            if counts[best] > fitness:
                parent, fitness = offspring[best], counts[best]
            made += lam
        calls += made
    return calls, time.process_time() - begun


def by_numpy_at_once(task, seconds):
    """The loop of numpy that a specialist would write: many runs in step, arrays of one more dimension."""
    rng, calls, begun = np.random.default_rng(1), 0, time.process_time()
    k, lam, p = task.k, task.lam, task.p
    runs = max(1, min(RUNS, AT_ONCE // (lam * k)))
    while time.process_time() - begun < seconds:
        parents, fitness, made = np.zeros((runs, k), dtype=bool), np.zeros(runs, dtype=np.int64), 0
        turn, own = np.zeros(runs, dtype=np.int64), np.arange(task.g)
        while len(fitness) and made != task.calls and time.process_time() - begun < seconds:
            rows, n = np.arange(len(fitness)), len(fitness)
            if task.kind in ONE_CHUNK and task.g == 1:
                block = (
                    rng.integers(k, size=(n, lam)) if task.kind == "local" else np.broadcast_to(turn[:, None], (n, lam))
                )
                after = rng.random((n, lam)) < p
                change = after.astype(np.int8) - parents[rows[:, None], block]
                best = change.argmax(axis=1)
                better = np.flatnonzero(change[rows, best] > 0)
                parents[better, block[better, best[better]]] = True
                fitness[better] += 1
                turn = task.next_chunk(turn, (change != 0).any(axis=1)) if task.kind in IN_TURN else turn
            elif task.kind in ONE_CHUNK:
                chunk = rng.integers(k // task.g, size=(n, lam)) if task.kind == "local" else turn[:, None]
                blocks = np.broadcast_to(chunk[:, :, None] * task.g + own, (n, lam, task.g))
                after = rng.random((n, lam, task.g)) < p
                change = after.sum(axis=2) - parents[rows[:, None, None], blocks].sum(axis=2)
                best = change.argmax(axis=1)
                better = np.flatnonzero(change[rows, best] > 0)
                parents[better[:, None], blocks[better, best[better]]] = after[better, best[better]]
                fitness[better] += change[better, best[better]]
                turn = task.next_chunk(turn, (change != 0).any(axis=1)) if task.kind in IN_TURN else turn
            else:
                drawn = rng.random((n, lam, k)) < p
                offspring = drawn if task.kind == "global" else parents[:, None] ^ drawn
                counts = offspring.sum(axis=2)
                best = counts.argmax(axis=1)
                better = np.flatnonzero(counts[rows, best] > fitness)
                parents[better], fitness[better] = offspring[better, best[better]], counts[better, best[better]]
            made, calls = made + lam, calls + lam * n
            if (fitness == k).any():
                going = fitness < k
                parents, fitness, turn = parents[going], fitness[going], turn[going]
    return calls, time.process_time() - begun


def by_cpp(task, seconds):
    """A plain loop in C++ with mt19937."""
    arguments = (task.kind, task.k, task.lam, task.p, task.calls or 0, seconds, task.g)
    calls, spent = subprocess.check_output([compiled(), *map(str, arguments)], text=True).split()
    return int(calls), float(spent)


@cache
def compiled():
    """The program of `plain.cpp`; made once, by g++ -O2."""
    program = Path(tempfile.mkdtemp(prefix="plain-")) / "plain"
    subprocess.run(["g++", "-O2", "-o", program, Path(__file__).with_name("plain.cpp")], check=True)
    return program


def by_nevergrad(task, seconds):
    """The ask and tell of nevergrad's DiscreteOnePlusOne, whose mutation is its own."""
    import nevergrad

    calls, begun = 0, time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while time.process_time() - begun < seconds:
            bits = nevergrad.p.TransitionChoice([0, 1], repetitions=task.k)
            optimizer = nevergrad.optimizers.registry["DiscreteOnePlusOne"](parametrization=bits, budget=10**6)
            for _ in range(task.calls or 10**6):
                candidate = optimizer.ask()
                correct = sum(candidate.value)
                optimizer.tell(candidate, -correct)
                calls += 1
                if correct == task.k or time.process_time() - begun >= seconds:
                    break
    return calls, time.process_time() - begun


def by_engine(engine, runs, task, seconds):
    """Grids of one cell by `run_grid`, one after the other, each with a seed of its own: what a user has of it."""
    from experiments import Grid, run_grid

    cell = task.cell()
    calls, seed, begun = 0, 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        seed += 1
        grid = Grid("bench", [cell], runs=runs, batch=runs, seed=seed, engine=engine)
        calls += int(run_grid(grid, workers=1).runs["calls"].sum())
    return calls, spent


def missing(name):
    """Why a contestant cannot take part, in words; empty if it can."""
    if name == "C++":
        return "" if shutil.which("g++") else "no g++ was found"
    package = {"ioh": "ioh", "nevergrad": "nevergrad", "DEAP": "deap"}.get(name)
    return "" if package is None or find_spec(package) else f"the package {package} is not installed"


def release(name):
    """A contestant's version, as it says itself."""
    if name == "C++":
        return "g++ " + subprocess.check_output(["g++", "-dumpfullversion"], text=True).strip()
    return f"{name} {version(name.lower())}"
