"""The engine `deap`: the same cells run by DEAP's own (mu+lambda) loop; and our mutators for DEAP's toolboxes.

Independent of `evo.engine.one_parent` is the evolutionary loop, one run at a time: `deap.algorithms.eaMuPlusLambda`
(when an offspring is cloned, varied, evaluated and compared), `deap.base.Fitness` (what is better),
`deap.tools.selBest` (the choice), solutions as Python lists with a fitness of the whole solution, and the counting.
Ours in both engines, so that their agreement says nothing about them: problem, mutator, schedule, limits, and the
checks of their answers.
"""

from __future__ import annotations

import math
import multiprocessing
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator

from evo.batch import Batch, RunCounts, Trace
from evo.chunks import draws_subsets
from evo.costs.ledger import expect_countable
from evo.engine.contracts import drawn_traits, fitness_of, rewritten
from evo.engine.optimum import Optimum, first_solutions
from evo.errors import InputError
from evo.evaluation import is_noisy
from evo.protocols import AnyMutator, BoolArray, Chunk
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import invalid_is_down
from evo.search import Search

GENERATIONS_A_LOOP = 1000
"""DEAP's logbook keeps an entry a generation: a long run is a sequence of loops, so that memory stays bounded."""

_ONE = np.ones(1, dtype=np.int64)
Individual = TypeVar("Individual")
Positions = int | Sequence[int] | Callable[[Any, Generator], Iterable[int]] | None


def run_batch_deap(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of independent runs of the (1+lambda)-EA by `deap.algorithms.eaMuPlusLambda`.

    Arguments, returns and errors are those of `evo.engine.run_batch`; the law of what is returned is the
    same, the draws are not. Each run has its own streams, so that a larger budget prolongs the same trajectories.
    Memory: that of one run, of lists, which holds 1 + lam solutions of k objects, 8 bytes each.
    The global `random`, from which DEAP draws (one parent out of one, mutation with probability 1), is left as it was.

    Raises: OperatorError if a part breaks its contract, InputError if the schedule does not fit k.
    """
    from deap import base

    if reason := why_not_deap(search):
        raise InputError(reason)
    runner = search.runner
    assert isinstance(runner, OnePlusLambda)  # why_not_deap has looked

    class Maximised(base.Fitness):  # type: ignore[misc]  # deap has no types
        weights = (1.0,)

    problem, streams = search.problem, batch.streams
    start, _, optimum = first_solutions(problem, batch.runs, streams.start)
    traits: Any = drawn_traits(search.mutator, batch.runs, problem.k, streams.mutator)
    state = random.getstate()
    try:
        done = []
        for number in range(batch.runs):
            run = _Run(search, runner, batch, optimum)
            run.traits = None if traits is None else traits[number : number + 1]
            run.go(_Solution(start[number].tolist(), Maximised()))
            done.append(run)
    finally:
        random.setstate(state)
    hits, paid = (
        np.array(column, dtype=np.int64) for column in zip(*((run.hit, run.paid) for run in done), strict=True)
    )
    return RunCounts.of(hits, paid), _traced(done) if batch.trace else None


def why_not_deap(search: Search) -> str:
    """Why this engine has no loop for a search, in words; empty if it has one."""
    problem, schedule, runner = search.problem, search.schedule, search.runner
    if type(runner) is not OnePlusLambda or is_noisy(problem) or draws_subsets(schedule):
        return (
            "the engine deap runs OnePlusLambda on an exact fitness with chunks of consecutive blocks; got "
            f"{type(problem).__name__}, {type(schedule).__name__} and {type(runner).__name__}; use the engine blocks"
        )
    if runner.accept == "always" or runner.threshold:
        return f"the engine deap keeps the best of parent and offspring, got {runner!r:.100}; use the engine blocks"
    return ""


def _traced(done: Sequence[_Run]) -> Trace:
    """The improvements of all runs."""
    rows = [(number, call, fitness) for number, run in enumerate(done) for call, fitness in run.improvements]
    run_column, call_column, fitness_column = zip(*rows, strict=True)
    return Trace(np.array(run_column), np.array(call_column), np.array(fitness_column, dtype=np.float64))


class _Solution(list[bool]):
    """A DEAP individual: its blocks, its DEAP fitness, and whether the call that made it was valid."""

    def __init__(self, blocks: Iterable[bool], fitness: Any) -> None:
        super().__init__(blocks)
        self.fitness = fitness
        self.valid = True

    def clone(self) -> _Solution:
        """A copy to be mutated; without a fitness, which DEAP deletes after mutation."""
        return _Solution(self, type(self.fitness)())


class _RunIsOver(Exception):
    """Raised to leave DEAP's loop: the last generation hit the optimum or reached a limit."""


class _Run:
    """One run: the operators that DEAP's loop calls, with their counters."""

    def __init__(self, search: Search, runner: OnePlusLambda, batch: Batch, optimum: Optimum) -> None:
        self.problem, self.mutator, self.schedule, self.runner = search.problem, search.mutator, search.schedule, runner
        self.optimum = optimum
        self.limits, self.chunks, streams = batch.limits, search.chunks, batch.streams
        self.schedule_rng, self.mutator_rng = streams.schedule.spawn(1)[0], streams.mutator.spawn(1)[0]
        self.lengths = search.lengths
        self.shortfalls = np.zeros(self.lengths.powers, dtype=np.int64)
        self.traits: Any = None
        self.pointer = np.zeros(1, dtype=np.int64)
        self.handed_out: list[int] = []
        self.hit, self.generations, self.calls, self.evaluations = -1, 0, 0, 0
        self.improvements: list[tuple[int, float]] = []

    def go(self, parent: _Solution) -> None:
        """The whole run."""
        from deap import algorithms, base

        toolbox = base.Toolbox()
        toolbox.register("clone", _Solution.clone)
        for name in ("mutate", "evaluate", "select"):
            toolbox.register(name, getattr(self, name))
        parent.fitness.values = self.evaluate(parent)
        self.improvements.append((0, parent.fitness.values[0]))
        if all(parent):
            self.hit = 0
            return
        population = [parent]
        self.begin_generation(parent)
        try:
            while True:
                algorithms.eaMuPlusLambda(
                    population,
                    toolbox,
                    mu=1,
                    lambda_=self.runner.lam,
                    cxpb=0.0,
                    mutpb=1.0,
                    ngen=GENERATIONS_A_LOOP,
                    verbose=False,
                )
        except _RunIsOver:
            return

    def begin_generation(self, parent: _Solution) -> None:
        """Ask the schedule for the chunks of the calls to come."""
        lam = self.runner.lam
        correct = np.array([parent], dtype=np.bool_)
        chosen = self.schedule.choose(self.pointer, correct, self.chunks.m, 1, lam, self.schedule_rng)
        each: list[int] = chosen[0, 0].tolist()
        self.handed_out = each * lam if len(each) == 1 else each[::-1]

    def mutate(self, individual: _Solution) -> tuple[_Solution]:
        """One call on the next chunk that the schedule hands out."""
        chunk, g = self.handed_out.pop(), self.chunks.g
        blocks = range(chunk * g, min(chunk * g + g, self.problem.k))
        individual.valid, calls = _call(
            individual, self.mutator, self.mutator_rng, blocks, self.generations, self.traits
        )
        self.calls += calls
        self.shortfalls += self.lengths.sums(np.array([chunk]), np.array([calls]), (1, 1, 1))[0, 0]
        expect_countable(self.shortfalls)
        return (individual,)

    def evaluate(self, individual: _Solution) -> tuple[float]:
        """The problem's fitness of the whole solution; minus infinity, unevaluated, where the call was invalid."""
        if not individual.valid:
            return (-math.inf,)
        return (float(fitness_of(self.problem, "an offspring", np.array([individual], dtype=np.bool_))[0]),)

    def select(self, candidates: list[_Solution], mu: int) -> list[_Solution]:
        """Select the next parent, count the generation and advance the schedule."""
        from deap import tools

        parent, *offspring = candidates
        before = self.runner.lam * self.generations
        self.generations += 1
        valid = [one for one in offspring if one.valid]
        self.evaluations += len(valid)
        # selBest sorts stably: the first of equally good ones, so the parent's place decides between equals.
        ranked = [parent, *offspring] if self.runner.accept == "strict" else [*offspring, parent]
        best: _Solution = tools.selBest(ranked, mu)[0]
        if best.fitness > parent.fitness:
            call = next(number for number, one in enumerate(offspring, start=1) if one is best)
            self.improvements.append((before + call, best.fitness.values[0]))
            self.optimum.refuse_rivals(np.array([best], dtype=np.bool_), np.array(best.fitness.values))

        optimal = (number for number, one in enumerate(offspring, start=1) if one.valid and all(one))
        first = next(optimal, None)
        if first is not None:
            self.hit = before + first
        if first is not None or self.spent():
            raise _RunIsOver
        moved = np.array([any(one.fitness != parent.fitness for one in valid)])
        if invalid_is_down(self.schedule):
            moved |= len(valid) < len(offspring)
        self.pointer = self.schedule.advance(self.pointer, moved, self.chunks.m, _ONE)
        self.begin_generation(best)
        return [best]

    @property
    def paid(self) -> list[int]:
        """What the run has spent, as `RunCounts.of` wants it."""
        return [self.generations, self.calls, self.evaluations, *self.shortfalls.tolist()]

    def spent(self) -> bool:
        """Whether a limit is reached."""
        if not self.limits:
            return False
        calls, evaluations = (np.array([count]) for count in (self.calls, self.evaluations))
        return any(limit.reached(calls, evaluations, self.shortfalls[None])[0] for limit in self.limits)


def _call(
    individual: Any,
    mutator: AnyMutator,
    rng: Generator,
    blocks: Sequence[int],
    generation: int = 0,
    traits: Any = None,
) -> tuple[bool, int]:
    """Hand some blocks of a solution to the mutator and write its answer back; whether it is valid, and its calls."""
    given: Any = _read(individual, blocks)
    given.flags.writeable = False  # an operator that writes into its input is found out
    sees = getattr(mutator, "sees", "chunk")
    if sees != "chunk" or traits is not None:
        solution = _read(individual, range(len(individual))) if sees == "solution" else None
        positions = np.array([blocks], dtype=np.int64)
        given = Chunk(given, positions, np.array([generation]), solution, traits)
    answer = rewritten(mutator, given, rng)
    calls = 1 if answer.calls is None else int(answer.calls[0])
    if answer.valid is not None and not answer.valid[0]:
        return False, calls
    if answer.solution is not None:
        _write(individual, range(len(individual)), answer.solution[0])
    _write(individual, blocks, answer.correct[0])
    return True, calls


def _write(individual: Any, blocks: Sequence[int], correct: BoolArray) -> None:
    """Set some blocks of a solution, each in its own type."""
    for block, value in zip(blocks, correct.tolist(), strict=True):
        individual[block] = type(individual[block])(value)


def _read(individual: Any, blocks: Sequence[int]) -> BoolArray:
    """Some blocks of a solution as one row, bool [1, g]."""
    values = [individual[block] for block in blocks]
    if not all(value in (0, 1) for value in values):
        raise InputError(
            f"mutate_chunk: expected an individual of 0 and 1 (or False and True), one a block, got {values!r}; "
            "1 says that the block is correct"
        )
    return np.array([values], dtype=np.bool_)


def mutate_chunk(
    individual: Individual, mutator: AnyMutator, rng: Generator, blocks: Positions = None
) -> tuple[Individual]:
    """One simulated LLM call as a mutation operator for a DEAP toolbox of your own.

    The individual (a list or array of 0/1 or bools, 1 for a correct block) is changed in place, its fitness is left
    to DEAP. A call whose answer is not valid leaves it as it was.

    Args:
        individual: the solution, k blocks.
        mutator: the simulated LLM call; one that draws something for a run needs `run_batch_deap`.
        rng: where the mutator draws from; DEAP's own choices come from the global `random`.
        blocks: positions handed over, from 0: all (None: GLOBAL mutation), one, a sequence, or a function of
            (individual, rng) that chooses them, such as `random_chunk(1)` (LOCAL mutation).

    Returns:
        `(individual,)`, as DEAP wants it.

    Raises: InputError if the individual or the positions do not fit, or if a pool of processes calls it with a
    copy of a generator, all of which draw the same; OperatorError if the mutator breaks its contract.

    In a pool of processes each call needs a generator of its own: `pool.starmap(mutate_chunk, [(one, mutator, stream)
    for one, stream in zip(offspring, rng.spawn(len(offspring)))])`.

    A whole run: the (1+4)-EA on eight blocks, all incorrect at first.

    >>> import random
    >>> from deap import algorithms, base, tools
    >>> from operators import Resample
    >>> class Correct(base.Fitness):
    ...     weights = (1.0,)
    >>> class Solution(list):
    ...     def __init__(self, blocks):
    ...         super().__init__(blocks)
    ...         self.fitness = Correct()
    >>> toolbox, rng = base.Toolbox(), np.random.default_rng(1)
    >>> toolbox.register("mutate", mutate_chunk, mutator=Resample(0.5), rng=rng, blocks=random_chunk(1))
    >>> toolbox.register("evaluate", lambda solution: (sum(solution),))
    >>> toolbox.register("select", tools.selBest)
    >>> population, logbook = algorithms.eaMuPlusLambda(
    ...     [Solution([0] * 8)], toolbox, mu=1, lambda_=4, cxpb=0.0, mutpb=1.0, ngen=50, verbose=False)
    >>> population
    [[1, 1, 1, 1, 1, 1, 1, 1]]
    """
    _expect_a_stream_of_its_own(rng, sys._getframe(1).f_globals.get("__name__", ""))
    if hasattr(mutator, "draw"):
        raise InputError(
            f"mutate_chunk: {type(mutator).__name__} draws something for a whole run (`draw`), and a single call knows "
            "of no run; use run_batch_deap"
        )
    k = len(individual)  # type: ignore[arg-type]  # any list or array
    chosen: Any = blocks(individual, rng) if callable(blocks) else blocks
    chosen = range(k) if chosen is None else [chosen] if np.ndim(chosen) == 0 else list(chosen)
    if not all(0 <= block < k for block in chosen) or len(set(chosen)) < len(chosen):
        raise InputError(f"mutate_chunk: expected different positions from 0 to k-1 = {k - 1}, got {list(chosen)}")
    _call(individual, mutator, rng, chosen)
    return (individual,)


_POOLS = ("multiprocessing", "concurrent", "joblib", "distributed")


def _expect_a_stream_of_its_own(rng: Generator, caller: str) -> None:
    """In a process of a pool that calls `mutate_chunk` itself: the generator was pickled, and copies draw the same.

    Args:
        rng: the generator.
        caller: the module that calls.

    Raises: InputError unless the generator is a new one of `spawn`.
    """
    if caller.partition(".")[0] not in _POOLS or multiprocessing.parent_process() is None:
        return
    global _last_sent
    seeds = rng.bit_generator.seed_seq
    spawned = isinstance(seeds, np.random.SeedSequence) and bool(seeds.spawn_key)
    if not spawned or rng is _last_sent:
        raise InputError(
            "mutate_chunk: expected a generator of its own for each call of a pool of processes, got one that was "
            "pickled: its copies draw the same, and offspring would be equal; mutate in one process and map only "
            "`evaluate`, or give each call its own: pool.starmap(mutate_chunk, [(one, mutator, stream) for one, stream "
            "in zip(offspring, rng.spawn(len(offspring)))])"
        )
    _last_sent = rng


_last_sent: Generator | None = None  # kept, so that no other generator has its place in memory


def random_chunk(g: int) -> Callable[[Any, Generator], Sequence[int]]:
    """For `mutate_chunk`: a uniformly random one of the chunks of g consecutive blocks, the last may be shorter.

    Raises: InputError, when it is used, unless 1 <= g <= k.

    >>> chunk = random_chunk(3)([0] * 8, np.random.default_rng(1))
    >>> list(chunk) in ([0, 1, 2], [3, 4, 5], [6, 7])
    True
    """
    return partial(_uniform_positions, g)


def __getattr__(name: str) -> Any:
    if name != "uniform_chunk":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("evo.engine.deap.uniform_chunk is now random_chunk", DeprecationWarning, stacklevel=2)
    return random_chunk


def _uniform_positions(g: int, individual: Any, rng: Generator) -> Sequence[int]:
    k = len(individual)
    if not 1 <= g <= k:
        raise InputError(f"random_chunk: chunk size g must be from 1 to k = {k}, got g = {g}")
    chunk = int(rng.integers(-(-k // g)))
    return range(chunk * g, min(chunk * g + g, k))
