"""Of which searches the law of the fitness at a budget is known: a table like that of the times to the optimum."""

from __future__ import annotations

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.mixtures import ComponentLaw
from evo.laws.special import (
    BetaBlocksLaw,
    HiddenRepeatsLaw,
    LearningLaw,
    MisalignedLaw,
    PerBlockLaw,
    RepeatingLaw,
    RunQualityLaw,
    SpillLaw,
)
from evo.runners.archives import Archive, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.parallel import Merged
from evo.schedules import EachChunk, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.theory.quality.law import FitnessLaw
from experiments.predictions import conditions as c
from experiments.predictions.conditions import ANY, COUNT, COUNTS, ON_COUNTS, RISING, WHOLE
from experiments.predictions.quality import formulas as q
from experiments.predictions.refusals import TABLE
from experiments.predictions.rules import (
    ACCEPT,
    ALWAYS,
    BLOCKS,
    EVERY,
    FRESH,
    HIDDEN_IN,
    JUDGED_IN,
    ONE,
    REPEATED,
    REPEATED_IN,
    Row,
    first_fit,
)
from experiments.predictions.setting import Setting

PAGE = "docs/quality.md"


def repeated(refusing: Setting) -> FitnessLaw:
    """A mutator that repeats itself: the law of one that refuses instead (theory 17g)."""
    return row_and_fitness(refusing)[1]


QUALITY_RULES: tuple[Row, ...] = (
    # laws of counts where the fitness rises with the number of correct blocks (theory 1d, 17a)
    Row("best of all samples", CallLaw, WHOLE, FRESH, RISING, q.sampled, whatever=ACCEPT),
    Row("the number of correct blocks", CallLaw, ON_COUNTS, ONE, COUNTS, q.on_counts),
    Row("random chunks", CallLaw, UniformChunk, ONE, RISING, q.random_chunks, whatever=ACCEPT),
    Row("only incorrect chunks", CallLaw, OnlyIncorrect, ONE, RISING, q.incorrect_chunks, whatever=ACCEPT),
    Row("one block a call until resolved", CallLaw, UntilResolved, ONE, RISING, q.until_resolved, whatever=ACCEPT),
    Row("chunks in turn", CallLaw, RoundRobin, ONE, RISING, q.chunks_in_turn, whatever=ACCEPT),
    Row("one offspring a block, one kept", CallLaw, EachChunk, ONE, RISING, q.each_chunk, whatever=ACCEPT),
    # calls that change blocks elsewhere (theory 4c, 5.3)
    Row("spilling, whole solutions", SpillLaw, WHOLE, ONE, RISING, q.inside_whole, whatever=ACCEPT),
    Row("spilling, only incorrect blocks", SpillLaw, OnlyIncorrect, ONE, RISING, q.spill_only_incorrect,
        whatever=ACCEPT),
    Row("spilling, random blocks", SpillLaw, UniformChunk, ONE, RISING, q.spill_random, whatever=ACCEPT),
    Row("boundaries that miss, whole solutions", MisalignedLaw, WHOLE, ONE, RISING, q.inside_whole, whatever=ACCEPT),
    Row("boundaries that miss, random blocks", MisalignedLaw, UniformChunk, ONE, RISING, q.inside_random,
        whatever=ACCEPT),
    Row("boundaries that miss, only incorrect blocks", MisalignedLaw, OnlyIncorrect, ONE, RISING,
        q.misaligned_only_incorrect, whatever=ACCEPT),
    # blocks that differ, success that rises (theory 5)
    Row("blocks that differ, whole solutions", PerBlockLaw, WHOLE, ONE, RISING, q.blocks_sampled, whatever=ACCEPT),
    Row("blocks that differ, only incorrect blocks", PerBlockLaw, OnlyIncorrect, ONE, RISING, q.blocks_only_incorrect,
        whatever=ACCEPT),
    Row("blocks that differ, one block a call until resolved", PerBlockLaw, UntilResolved, ONE, RISING,
        q.blocks_until_resolved, whatever=ACCEPT),
    Row("blocks that differ, in turn", PerBlockLaw, RoundRobin, ONE, RISING, q.blocks_in_turn, whatever=ACCEPT),
    Row("difficulties drawn, in turn", BetaBlocksLaw, RoundRobin, ONE, RISING, q.beta_in_turn, whatever=ACCEPT),
    Row("difficulties drawn, only incorrect blocks", BetaBlocksLaw, OnlyIncorrect, ONE, RISING, q.beta_one_by_one,
        whatever=ACCEPT),
    Row("difficulties drawn, one block a call until resolved", BetaBlocksLaw, UntilResolved, ONE, RISING,
        q.beta_one_by_one, (c.ALL_INCORRECT,), ACCEPT),
    Row("difficulties drawn, random blocks", BetaBlocksLaw, UniformChunk, ONE, RISING, q.beta_at_random,
        whatever=ACCEPT),
    Row("success that rises with use, whole solutions", LearningLaw, WHOLE, ONE, RISING, q.learned, whatever=ACCEPT),
    # a quality drawn for each run (theory 6a)
    Row("quality of a run, whole solutions", RunQualityLaw, WHOLE, ONE, RISING, q.quality_sampled, whatever=ACCEPT),
    Row("quality of a run, random blocks", RunQualityLaw, UniformChunk, ONE, RISING, q.quality_random_chunks,
        whatever=ACCEPT),
    Row("quality of a run, only incorrect blocks", RunQualityLaw, OnlyIncorrect, ONE, RISING,
        q.quality_incorrect_chunks, whatever=ACCEPT),
    Row("quality of a run, one block a call until resolved", RunQualityLaw, UntilResolved, ONE, RISING,
        q.quality_until_resolved, whatever=ACCEPT),
    Row("quality of a run, in turn", RunQualityLaw, RoundRobin, ONE, RISING, q.quality_in_turn, whatever=ACCEPT),
    # no evaluator (theory 17c)
    Row("no evaluator", CallLaw, ON_COUNTS, ONE, COUNTS, q.without_evaluator, (c.ALWAYS,), ALWAYS),
    Row("no evaluator, chunks in turn", CallLaw, RoundRobin, ONE, RISING, q.in_turn_without_evaluator, (c.ALWAYS,),
        ALWAYS),
    # evaluators that err (theory 8)
    Row("parent and offspring judged afresh", CallLaw, ON_COUNTS, ONE, c.SEEN, q.afresh, (c.AFRESH,)),
    Row("judged on a minibatch", ComponentLaw, ON_COUNTS, ONE, c.MINIBATCH, q.minibatch),
    Row("the parent keeps the value that it was accepted with", CallLaw, ON_COUNTS, ONE, c.NOISY, q.stored,
        (c.STORED,), ACCEPT),
    # runners that keep several solutions, and rounds (theory 11)
    Row("several solutions kept", CallLaw, ON_COUNTS, (Archive, MuPlusLambda), COUNT, q.several_kept),
    Row("the best of each cell of a feature grid", CallLaw, ON_COUNTS, MapElites, COUNT, q.feature_grid,
        (c.GRID_OF_COUNTS,)),
    Row("merged rounds, chunks in turn", CallLaw, RoundRobin, Merged, RISING, q.merged_in_turn),
    Row("merged rounds, only incorrect blocks", CallLaw, OnlyIncorrect, Merged, RISING, q.merged_only_incorrect),
    # answers given again (theory 17g)
    Row("answers given again", RepeatingLaw, REPEATED_IN, ONE, RISING, repeated, (c.NO_NEWS,), REPEATED),
    Row("answers given again, some of them hidden", HiddenRepeatsLaw, HIDDEN_IN, ONE, RISING, q.hidden_repeats,
        whatever=ACCEPT),
    # all solutions, one by one
    Row("all solutions, one by one, whole solutions", BLOCKS, WHOLE, ONE, ANY, q.all_solutions_whole),
    Row("all solutions, one by one", BLOCKS, EVERY, ONE, ANY, q.all_solutions),
    Row("all solutions, one by one, seen through evaluators that err", BLOCKS, JUDGED_IN, ONE, c.SEEN,
        q.all_solutions_seen, (c.AFRESH,)),
)  # fmt: skip
"""The first row that fits, and whose formula does not refuse, tells the fitness at a budget."""


def row_and_fitness(setting: Setting) -> tuple[Row, FitnessLaw]:
    """The first row that fits, and the law of the fitness by its formula.

    Raises: NoPrediction naming the nearest rows and what the setting misses of them.
    """
    try:
        row, law = first_fit(QUALITY_RULES, setting)
    except NoPrediction as error:
        told = str(error).replace(TABLE, PAGE)
        raise NoPrediction(f"fitness at a budget: {told}; `fitness_or_simulated` simulates it") from None
    return row, law
