"""Formulas that reduce a setting to the parameters of a law of the fitness in `evo.theory.quality`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.evaluation import NoisyProblem
from evo.landscapes import Landscape
from evo.laws.counts import CallLaw
from evo.laws.mixtures import ComponentLaw
from evo.laws.special import (
    BetaBlocksLaw,
    HiddenRepeatsLaw,
    LearningLaw,
    MisalignedLaw,
    PerBlockLaw,
    RunQualityLaw,
    SpillLaw,
)
from evo.protocols import AnyRunner, FloatArray, Problem, Schedule
from evo.schedules import AllBlocks
from evo.theory import RunLaw, Start
from evo.theory.operators import outside, per_block
from evo.theory.problems.on_counts import counts_process
from evo.theory.quality import difficulty, in_turn, processes, repeats, whole
from evo.theory.quality.law import FitnessLaw, StateFitness, Whens, settled
from evo.theory.quality.no_evaluator import accepted_in_turn, accepted_whatever
from evo.theory.quality.run_wide import FINE_STEP, RunWide
from evo.theory.quality.stored import stored_fitness
from evo.theory.run_law import Process
from evo.theory.schedules.merged import repair_chain
from experiments.predictions import formulas as f
from problems import Minibatch, Noisy


@dataclass(frozen=True, eq=False)
class Rising:
    """A law of the number of correct blocks c as one of a fitness that rises with it, f = by_count[c]."""

    law: FitnessLaw
    by_count: FloatArray

    @property
    def values(self) -> FloatArray:
        """The fitness of each number of correct blocks that the law has."""
        return np.asarray(self.by_count[self.law.values.astype(np.int64)])

    @property
    def source(self) -> str:
        """Labels of the formulas."""
        return self.law.source

    def after(self, generations: Whens) -> FloatArray:
        """P(each value), float [n, v]."""
        return self.law.after(generations)

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}), float [n]."""
        return self.law.improves(generations)


def rising(law: FitnessLaw, by_count: FloatArray) -> FitnessLaw:
    """The fitness by incorrect blocks, float [k+1], put on a law of the number of correct ones."""
    return Rising(law, np.asarray(by_count, dtype=np.float64)[::-1])


# ---------------------------------------------------------------------------------------------- whole solutions, counts


def sampled(law: CallLaw, k: int, start: Start, lam: int, runner: AnyRunner, by_count: FloatArray) -> FitnessLaw:
    """Best-of-t sampling, whoever the parents are (theory 1d)."""
    founders = len({place for place in runner.founders if place >= 0})
    return rising(whole.sampled(law, k, start, lam, founders), by_count)


def on_counts(
    law: CallLaw, k: int, g: int, schedule: Schedule, by_count: FloatArray, start: Start, lam: int, weak: bool
) -> FitnessLaw:
    """The chain on the number of incorrect blocks (theory 1f, 10)."""
    offspring = f.offspring_counts(law, k, g, schedule)
    return by_counts(counts_process(offspring, by_count, start, lam, weak), by_count, "theory 1f, 10, 17a")


def by_counts(process: Process | None, by_count: FloatArray, source: str) -> FitnessLaw:
    """The fitness of a process whose states are numbers of incorrect blocks."""
    values = np.asarray(by_count, dtype=np.float64)
    if process is None:
        return settled(values[::-1])
    return StateFitness(process.chain, values, np.eye(len(values))[list(process.states)], 0, None, source)


def each_chunk(law: CallLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """One offspring a block, of which one is kept (theory 11b)."""
    return by_counts(f.each_chunk(law, k, start, lam).process, by_count, "theory 11b, 17a")


def afresh(
    law: CallLaw, k: int, g: int, schedule: Schedule, evaluators: NoisyProblem, by_count: FloatArray, weak: bool,
    start: Start, threshold: float,
) -> FitnessLaw:  # fmt: skip
    """Parent and offspring are both evaluated in each generation (theory 8a to 8c)."""
    run = f.afresh(law, k, g, schedule, evaluators, by_count, weak, start, threshold)
    return by_counts(run.process, by_count, f"{run.source}, 17a")


def minibatch(
    law: ComponentLaw, k: int, g: int, schedule: Schedule, evaluators: Minibatch, by_count: FloatArray, weak: bool,
    start: Start,
) -> FitnessLaw:  # fmt: skip
    """Both sides are judged on the same sample of the blocks (theory 17i)."""
    run = f.minibatch(law, k, g, schedule, evaluators, weak, start)
    return by_counts(run.process, by_count, "theory 17i, 17a")


def stored(law: CallLaw, k: int, g: int, schedule: Schedule, evaluators: Noisy, start: Start) -> FitnessLaw:
    """The parent keeps the value that it was accepted with (theory 17e)."""
    return stored_fitness(f.offspring_counts(law, k, g, schedule), evaluators.sigma, start, evaluators.samples)


def without_evaluator(
    law: CallLaw, k: int, g: int, schedule: Schedule, start: Start, by_count: FloatArray
) -> FitnessLaw:
    """Every valid answer is accepted, and nothing ends the run (theory 17c)."""
    return accepted_whatever(f.offspring_counts(law, k, g, schedule), by_count, start)


def in_turn_without_evaluator(law: CallLaw, k: int, g: int, start: Start, by_count: FloatArray) -> FitnessLaw:
    """The same, chunks in turn."""
    return rising(accepted_in_turn(law, k, g, start), by_count)


def hidden_repeats(
    law: HiddenRepeatsLaw, k: int, g: int, schedule: Schedule, start: Start, by_count: FloatArray
) -> FitnessLaw:
    """Answers that may be repeats, some of them hidden (theory 17g)."""
    return rising(repeats.hidden_repeats(law, k, g, schedule, start), by_count)


def several_kept(
    law: CallLaw, k: int, g: int, schedule: Schedule, runner: AnyRunner, start: Start, by_count: FloatArray
) -> FitnessLaw:
    """The best of all solutions that are kept."""
    run = f.several_kept(law, k, g, schedule, runner, start)
    return rising(processes.of_states(run, k, lambda state: int(state[0][0])), by_count)


def feature_grid(
    law: CallLaw, k: int, g: int, schedule: Schedule, runner: AnyRunner, start: Start, by_count: FloatArray
) -> FitnessLaw:
    """The best of all cells of a feature grid."""
    run = f.feature_grid(law, k, g, schedule, runner, start, by_count)
    return rising(processes.of_states(run, k, lambda state: int(min(state))), by_count)


# --------------------------------------------------------------------------------------------------------------- chunks


def random_chunks(law: CallLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Random chunks (theory 3b)."""
    return rising(processes.chunks_at_random(law, k, g, start, lam), by_count)


def incorrect_chunks(law: CallLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Only incorrect chunks (theory 3a)."""
    return rising(processes.incorrect_chunks(law, k, g, start, lam), by_count)


def until_resolved(law: CallLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """One block a call until resolved (theory 2h)."""
    return rising(processes.blocks_until_resolved(law, k, start, lam, g), by_count)


def chunks_in_turn(law: CallLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Chunks in turn (theory 2g)."""
    return rising(in_turn.chunks_in_turn(law, k, g, start, lam), by_count)


def merged_in_turn(law: CallLaw, k: int, g: int, start: Start, workers: int | None, by_count: FloatArray) -> FitnessLaw:
    """Rounds of workers in turn (theory 11a)."""
    return rising(in_turn.workers_in_turn(law, k, g, start, workers), by_count)


def merged_only_incorrect(law: CallLaw, k: int, start: Start, workers: int | None, by_count: FloatArray) -> FitnessLaw:
    """Rounds of workers on incorrect blocks (theory 11c)."""
    if start.most == 0:
        return settled(by_count[::-1])
    chain = repair_chain(law, start, workers or k)
    return by_counts(Process(tuple(range(1, start.most + 1)), chain), by_count, "theory 11c, 17a")


# ---------------------------------------------------------------------------------------- calls that change others, too


def inside_whole(law: SpillLaw | MisalignedLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Whole solutions: nothing is outside the chunk, so that it is the law inside."""
    return on_counts(law.inside, k, k, AllBlocks(), by_count, start, lam, weak=False)


def inside_random(law: MisalignedLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """A random block is as random if it is missed: it is the law inside."""
    return random_chunks(law.inside, k, 1, start, lam, by_count)


def spill_only_incorrect(law: SpillLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Only incorrect blocks, and others break (theory 4c)."""
    return by_counts(outside.spill_only_incorrect(law, k, start, lam).process, by_count, "theory 4c, 17a")


def spill_random(law: SpillLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Random blocks, and others break (theory 4c)."""
    return by_counts(outside.spill_uniform_chunk(law, k, start, lam).process, by_count, "theory 4c, 17a")


def misaligned_only_incorrect(law: MisalignedLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """The lowest incorrect block, or the one after it."""
    run = outside.misaligned_only_incorrect(law, k, start, lam)

    def incorrect(state: tuple[int, bool]) -> FloatArray:
        blocks, next_incorrect = state
        return _and_later(start, max(blocks - 2, 0), 1 + next_incorrect)

    return rising(processes.of_states(run, k, incorrect, rises=lambda _: True), by_count)


def _and_later(start: Start, blocks: int, more: int) -> FloatArray:
    """So many incorrect blocks, and those among other ones that are as at the start; float [k+1]."""
    law = np.append(np.zeros(more), start.independent_law(blocks))
    return np.append(law, np.zeros(start.k + 1 - len(law)))


# --------------------------------------------------------------------------------------------------- blocks that differ


def blocks_sampled(law: PerBlockLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Whole solutions of blocks that differ (theory 5a)."""
    return rising(whole.sampled_blocks(law, k, start, lam), by_count)


def blocks_only_incorrect(law: PerBlockLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """The lowest incorrect block first (theory 5a)."""
    run = per_block.blocks_only_incorrect(law, k, start, lam)
    found = processes.of_states(run, k, lambda left: _and_later(start, left - 1, 1), rises=lambda _: True)
    return rising(found, by_count)


def blocks_until_resolved(law: PerBlockLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """One block after the other (theory 5a)."""
    return rising(processes.one_sweep(per_block.blocks_until_resolved(law, k, start, lam), start), by_count)


def blocks_in_turn(law: PerBlockLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Blocks that differ, in turn (theory 5a)."""
    return rising(in_turn.blocks_in_turn(law, k, start, lam), by_count)


def beta_in_turn(law: BetaBlocksLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Difficulties drawn, in turn (theory 5c)."""
    return rising(in_turn.beta_in_turn(law, k, start, lam), by_count)


def beta_one_by_one(law: BetaBlocksLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Difficulties drawn, only incorrect blocks (theory 5c)."""
    return rising(difficulty.beta_one_by_one(law, k, start, lam), by_count)


def beta_at_random(law: BetaBlocksLaw, k: int, start: Start, by_count: FloatArray) -> FitnessLaw:
    """Difficulties drawn, random blocks (theory 5b)."""
    return rising(difficulty.beta_at_random(law, k, start), by_count)


def quality_sampled(law: RunQualityLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Whole solutions, of a quality drawn once a run (theory 6a)."""
    return rising(RunWide(law, lambda call: whole.sampled(call, k, start, lam), FINE_STEP), by_count)


def quality_random_chunks(
    law: RunQualityLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray
) -> FitnessLaw:
    """The same, random chunks."""
    return rising(RunWide(law, lambda call: processes.chunks_at_random(call, k, g, start, lam)), by_count)


def quality_incorrect_chunks(
    law: RunQualityLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray
) -> FitnessLaw:
    """The same, only incorrect chunks."""
    return rising(RunWide(law, lambda call: processes.incorrect_chunks(call, k, g, start, lam)), by_count)


def quality_until_resolved(
    law: RunQualityLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray
) -> FitnessLaw:
    """The same, one block a call until resolved."""
    return rising(RunWide(law, lambda call: processes.blocks_until_resolved(call, k, start, lam, g)), by_count)


def quality_in_turn(law: RunQualityLaw, k: int, g: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """The same, chunks in turn."""
    return rising(RunWide(law, lambda call: in_turn.chunks_in_turn(call, k, g, start, lam)), by_count)


def learned(law: LearningLaw, k: int, start: Start, lam: int, by_count: FloatArray) -> FitnessLaw:
    """Success that rises with use."""
    return rising(whole.learned(law, k, start, lam), by_count)


# -------------------------------------------------------------------------------------------------------- all solutions


def all_solutions(
    law: Any, schedule: Schedule, k: int, g: int, problem: Problem, landscape: Landscape, start: Start, lam: int,
    weak: bool, down: bool,
) -> FitnessLaw:  # fmt: skip
    """The chain on all 2^k solutions, of any fitness."""
    return by_solutions(f.all_solutions(law, schedule, k, g, problem, landscape, start, lam, weak, down), problem)


def all_solutions_whole(
    law: Any, k: int, problem: Problem, landscape: Landscape, start: Start, lam: int, weak: bool
) -> FitnessLaw:
    """The same where a chunk is the whole solution."""
    return by_solutions(f.all_solutions_whole(law, k, problem, landscape, start, lam, weak), problem)


def all_solutions_seen(
    law: Any, schedule: Schedule, k: int, g: int, evaluators: NoisyProblem, problem: Problem, by_count: FloatArray,
    weak: bool, start: Start, threshold: float,
) -> FitnessLaw:  # fmt: skip
    """The same for solutions that are evaluated afresh by evaluators who err."""
    run = f.all_solutions_seen(law, schedule, k, g, evaluators, by_count, weak, start, threshold)
    return by_solutions(run, problem)


def by_solutions(run: RunLaw, problem: Problem) -> FitnessLaw:
    """The fitness of a chain whose states are (solution as bits, pointer)."""
    values, index = np.unique(f.all_fitness(problem), return_inverse=True)
    if run.process is None:
        return settled(values)
    given = np.eye(len(values))[index[[solution for solution, _ in run.process.states]]]
    return StateFitness(run.process.chain, values, given, len(values) - 1, None, f"{run.source}, theory 17a")
