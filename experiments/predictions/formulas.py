"""Formulas that reduce a setting to the parameters of a formula in `evo.theory`."""

from __future__ import annotations

from typing import Any

import numpy as np

from evo.errors import NoPrediction
from evo.evaluation import NoisyProblem
from evo.landscapes import Landscape, OfCounts
from evo.laws.counts import CallLaw
from evo.laws.mixtures import ComponentLaw
from evo.laws.special import MisalignedLaw, PerBlockLaw, SpillLaw
from evo.protocols import AnyRunner, BoolArray, FloatArray, IntArray, Problem, Schedule
from evo.runners.archives import Archive, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UniformSubset, UntilResolved
from evo.theory import MAX_STATES, Geometric, RunLaw, Start, all_blocks, uniform_chunk
from evo.theory.calls.acceptance import (
    ahead_error,
    gaussian_acceptance,
    judged_acceptance,
    judged_block_acceptance,
    majority_error,
)
from evo.theory.calls.gains import at_least_once, completion, forgetful, incompletion
from evo.theory.calls.minibatch import minibatch_moves
from evo.theory.calls.offspring_counts import subset_offspring, whole_offspring, wrong_block_offspring
from evo.theory.chains.chain import check_states
from evo.theory.problems.archives import Keeper, archive_run
from evo.theory.problems.enumeration import (
    ALL,
    INCORRECT,
    RESOLVED,
    ROBIN,
    SUBSET,
    UNIFORM,
    BlockCall,
    enumerated,
    enumeration_states,
)
from evo.theory.problems.feature_grid import feature_grid_run
from evo.theory.problems.lasting_judges import LastingJudge, persistent_only_incorrect, persistent_uniform
from evo.theory.problems.on_counts import accepted_on_counts, first_run_of_successes, run_on_counts
from evo.theory.problems.stored_noise import stored_on_counts
from evo.theory.run_law import no_short_chunk
from evo.theory.schedules.each_chunk import one_kept
from problems import Judged, Minibatch, Noisy

KIND_OF_SCHEDULE = {
    AllBlocks: ALL,
    UntilResolved: RESOLVED,
    RoundRobin: ROBIN,
    UniformChunk: UNIFORM,
    UniformSubset: SUBSET,
    OnlyIncorrect: INCORRECT,
}


# ----------------------------------------------------------------------------------------------- the number of blocks


def offspring_counts(law: CallLaw, k: int, g: int, schedule: Schedule) -> FloatArray:
    """P(a valid offspring has j incorrect blocks | its parent has i), float [k+1, k+1]."""
    if g == k:
        return whole_offspring(law, k)
    if isinstance(schedule, OnlyIncorrect):
        return wrong_block_offspring(law, k)
    return subset_offspring(law, k, g)


def fitness_of_counts(
    law: CallLaw, k: int, g: int, schedule: Schedule, by_count: FloatArray, start: Start, lam: int, weak: bool
) -> RunLaw:
    """The chain on the number of incorrect blocks (theory 1f, 10)."""
    check_states(k, f"the counts of k={k} blocks")  # before its matrix is made
    if g == k and forgetful(law):
        completion(law, k, k)  # refuses a chance of the optimum that is too small for floats
    return run_on_counts(offspring_counts(law, k, g, schedule), by_count, start, lam, weak, "theory 1f, 10")


def needle_in_turn(law: CallLaw, k: int) -> RunLaw:
    """The first run of k successes (theory 10a).

    Raises: NoPrediction unless a call makes a block correct w.p. p whatever it was.
    """
    fix, keep = (float(law.pmf(1, i)[1]) for i in (1, 0))
    if fix != keep:
        raise NoPrediction(f"needs the same success whatever the block was, got fix = {fix:.4g}, keep = {keep:.4g}")
    return first_run_of_successes(law, k)


def fresh(law: CallLaw, k: int, start: Start, lam: int, runner: AnyRunner) -> RunLaw:
    """No offspring depends on a parent, so it does not matter who that is (theory 1a, 1c).

    Raises: NoPrediction unless a call gets all blocks right w.p. P whatever they were.
    """
    chance = completion(law, k, k)
    if chance is None:
        raise NoPrediction(
            "needs the same chance to get all blocks right whatever the parent, got one that depends on how many of "
            "its blocks are right"
        )
    done = float(at_least_once(start.optimal, len({place for place in runner.founders if place >= 0})))
    miss = incompletion(law, k, k)
    hit, generations = (Geometric.best_of(chance, calls, done, miss) for calls in (1, lam))
    return RunLaw(hit, generations, no_short_chunk, "theory 1a, 1c", lam)


def several_kept(law: CallLaw, k: int, g: int, schedule: Schedule, runner: AnyRunner, start: Start) -> RunLaw:
    """The chain on the numbers of incorrect blocks of all solutions that are kept."""
    if isinstance(runner, MuPlusLambda):
        keeper = Keeper(runner.mu, founders=runner.mu)
    else:
        assert isinstance(runner, Archive)  # the row's runner
        keeper = Keeper(runner.size, runner.parent)
    return archive_run(keeper, offspring_counts(law, k, g, schedule), start)


def feature_grid(
    law: CallLaw, k: int, g: int, schedule: Schedule, runner: AnyRunner, start: Start, by_count: FloatArray
) -> RunLaw:
    """The chain on the numbers of incorrect blocks in all cells of a feature grid."""
    assert isinstance(runner, MapElites)  # the row's runner
    cells = runner.cells_of_counts(k)
    assert cells is not None  # the row's condition
    return feature_grid_run(offspring_counts(law, k, g, schedule), cells[::-1].tolist(), by_count, start)


def each_chunk(law: CallLaw, k: int, start: Start, lam: int) -> RunLaw:
    """One offspring a block, of which one is kept (theory 11b).

    Raises: NoPrediction for another number of offspring than blocks.
    """
    if lam != k:
        raise NoPrediction(f"needs lam = k, one offspring a block, got lam = {lam} with k = {k}")
    return one_kept(law, k, start)


def without_evaluator(law: CallLaw, k: int, g: int, schedule: Schedule, start: Start) -> RunLaw:
    """Every valid answer is accepted: the first time that the current solution is optimal (theory 17c)."""
    offspring = offspring_counts(law, k, g, schedule)
    return accepted_on_counts(offspring, np.ones_like(offspring), start, "theory 17c, on counts")


# ------------------------------------------------------------------------------------------------ evaluators that err


def afresh(
    law: CallLaw, k: int, g: int, schedule: Schedule, evaluators: NoisyProblem, by_count: FloatArray, weak: bool,
    start: Start, threshold: float,
) -> RunLaw:  # fmt: skip
    """Parent and offspring are both evaluated in each generation (theory 8a to 8c, 17h)."""
    accept = acceptance(evaluators, by_count, k, g, weak, threshold)
    source = "theory 8a, 8b" if isinstance(evaluators, Noisy) else "theory 8b, 8c"
    return accepted_on_counts(offspring_counts(law, k, g, schedule), accept, start, source)


def acceptance(
    evaluators: NoisyProblem, by_count: FloatArray, k: int, g: int, weak: bool, threshold: float
) -> FloatArray:
    """P(an offspring with j incorrect blocks replaces a parent with i), both judged afresh; float [k+1, k+1].

    Raises: NoPrediction for judges whose scores must differ by more than a threshold.
    """
    if isinstance(evaluators, Noisy):
        return gaussian_acceptance(by_count, evaluators.sigma, evaluators.samples, weak, threshold)
    if threshold:
        raise NoPrediction(f"needs threshold = 0 where judges are asked, got threshold = {threshold:g}")
    assert isinstance(evaluators, Judged)  # the row's evaluators
    fp, fn = verdict_errors(evaluators)
    one_block = evaluators.blocks == "changed" and g < k
    return (judged_block_acceptance if one_block else judged_acceptance)(k, fp, fn, evaluators.samples, weak)


def verdict_errors(judged: Judged) -> tuple[float, float]:
    """Error rates of a verdict after the votes on it (theory 9a)."""
    if judged.ahead is not None:
        return ahead_error(judged.fp, judged.ahead), ahead_error(judged.fn, judged.ahead)
    return majority_error(judged.fp, judged.votes), majority_error(judged.fn, judged.votes)


def minibatch(
    law: ComponentLaw, k: int, g: int, schedule: Schedule, evaluators: Minibatch, weak: bool, start: Start
) -> RunLaw:
    """Both sides are judged on the same sample of the blocks (theory 17i)."""
    whole = g == k
    moves = minibatch_moves(law, k, g, evaluators.size, weak, isinstance(schedule, OnlyIncorrect) and not whole)
    offspring = offspring_counts(law, k, g, schedule)
    accept = np.divide(moves, offspring, out=np.zeros_like(moves), where=offspring > 0.0)
    return accepted_on_counts(offspring, np.minimum(accept, 1.0), start, "theory 17i, on counts")


def stored(law: CallLaw, k: int, g: int, schedule: Schedule, evaluators: Noisy, start: Start) -> RunLaw:
    """The parent keeps the value that it was accepted with (theory 8d, 17d, 17e)."""
    return stored_on_counts(offspring_counts(law, k, g, schedule), evaluators.sigma, start, evaluators.samples)


def lasting_only_incorrect(law: CallLaw, k: int, evaluators: Judged, start: Start, lam: int) -> RunLaw:
    """Verdicts that last, only incorrect blocks (theory 8e)."""
    return persistent_only_incorrect(_judge(law, evaluators), k, start, lam)


def lasting_random(law: CallLaw, k: int, evaluators: Judged, start: Start, lam: int) -> RunLaw:
    """Verdicts that last, random blocks (theory 8e)."""
    return persistent_uniform(_judge(law, evaluators), k, start, lam)


def _judge(law: CallLaw, evaluators: Judged) -> LastingJudge:
    fix, keep = (float(law.pmf(1, i)[1]) for i in (1, 0))
    return LastingJudge(fix, keep, *verdict_errors(evaluators))


# ------------------------------------------------------------------------------------------------------ all solutions


def all_solutions(
    law: Any, schedule: Schedule, k: int, g: int, problem: Problem, landscape: Landscape, start: Start, lam: int,
    weak: bool, down: bool,
) -> RunLaw:  # fmt: skip
    """The chain on all 2^k solutions and the places of the schedule's pointer, whatever the fitness."""
    kind = KIND_OF_SCHEDULE[type(schedule)]
    few = enumeration_states(kind, k, g) <= MAX_STATES  # else it is refused, and 2^k solutions are too many to judge
    counted = isinstance(landscape, OfCounts) and landscape.increasing
    fitness = all_fitness(problem) if few and not counted else None
    return enumerated(_call(law), kind, k, g, start, lam, weak, down, fitness)


def all_solutions_whole(
    law: Any, k: int, problem: Problem, landscape: Landscape, start: Start, lam: int, weak: bool
) -> RunLaw:
    """The chain on all 2^k solutions where a chunk is the whole solution: every schedule is as AllBlocks."""
    return all_solutions(law, AllBlocks(), k, k, problem, landscape, start, lam, weak, down=False)


def all_solutions_seen(
    law: Any, schedule: Schedule, k: int, g: int, evaluators: NoisyProblem, by_count: FloatArray, weak: bool,
    start: Start, threshold: float,
) -> RunLaw:  # fmt: skip
    """The same for solutions that are evaluated afresh by evaluators who err."""
    by_counts = acceptance(evaluators, by_count, k, g, weak, threshold)

    def accept(parent: int, children: IntArray) -> FloatArray:
        return np.asarray(by_counts[k - parent.bit_count(), k - np.bitwise_count(children).astype(np.int64)])

    return enumerated(_call(law), KIND_OF_SCHEDULE[type(schedule)], k, g, start, accept=accept)


def all_solutions_without_evaluator(law: Any, schedule: Schedule, k: int, g: int, start: Start) -> RunLaw:
    """The same where every valid answer is accepted (theory 17c)."""
    accept = lambda parent, children: np.ones(len(children))  # noqa: E731  # one line that is used once
    return enumerated(_call(law), KIND_OF_SCHEDULE[type(schedule)], k, g, start, accept=accept)


def _call(law: Any) -> BlockCall:
    if type(law) is PerBlockLaw:
        return BlockCall(None, law.p)
    return BlockCall(law.inside, spill=law.rate) if type(law) is SpillLaw else BlockCall(law)


def all_fitness(problem: Problem) -> FloatArray:
    """True fitness of each solution, float [2^k]; block j of solution n is bit j."""
    solutions: BoolArray = (np.arange(1 << problem.k)[:, None] >> np.arange(problem.k)) & 1 == 1
    return np.asarray(problem.fitness(solutions), dtype=np.float64)


# --------------------------------------------------------------------------------------------------------- laws inside


def inside_whole(law: SpillLaw | MisalignedLaw, k: int, start: Start, lam: int) -> RunLaw:
    """Whole solutions: nothing is outside the chunk, so that it is the law inside."""
    return all_blocks(law.inside, k, start, lam)


def inside_random(law: MisalignedLaw, k: int, start: Start, lam: int) -> RunLaw:
    """A random block is as random if it is missed: it is the law inside."""
    return uniform_chunk(law.inside, k, 1, start, lam)
