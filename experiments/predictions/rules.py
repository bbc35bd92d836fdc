"""What can be predicted exactly: a table of laws, schedules, runners, landscapes and the formula of each.

Types are matched exactly: a subclass may behave differently and inherits no claim. A formula is called with what it
asks for by name (`Setting`). What it does not ask for must have its neutral value (`conditions.NEUTRAL`: lam = 1,
g = 1, all incorrect, strict, exact feedback), unless the row says in `whatever` that it makes no difference. What else
a formula cannot do it refuses itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from evo.declarations import declared
from evo.errors import NoPrediction, OperatorError
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
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Merged
from evo.schedules import AllBlocks, EachChunk, OnlyIncorrect, RoundRobin, UniformChunk, UniformSubset, UntilResolved
from evo.text import type_name
from evo.theory import RunLaw, all_blocks, only_incorrect, round_robin, uniform_chunk, until_resolved
from evo.theory.operators import difficulty, learning, outside, per_block, repeats, run_quality
from evo.theory.problems import leading
from evo.theory.schedules.merged import merged_in_turn, merged_only_incorrect
from evo.theory.schedules.misread import until_misread
from experiments.predictions import conditions as c
from experiments.predictions import formulas as f
from experiments.predictions.conditions import ANY, COUNT, COUNTS, LEADING, NEUTRAL, ON_COUNTS, ONEMAX, RISING, WHOLE
from experiments.predictions.refusals import Missed, missing_rules, no_law
from experiments.predictions.setting import Setting, asked, run_law

Classes = type | tuple[type, ...]


@dataclass(frozen=True)
class Row:
    """One family of searches, and the formula for its runs.

    Attributes:
        name: what it is about.
        law: classes of the mutator's law; CallLaw and ComponentLaw stand for any class that has their methods.
        schedule: classes of the schedule, or a condition on it.
        runner: classes of the runner.
        landscape: what the fitness is, and how it is seen.
        formula: the law of a run (or of what the table is about), of parameters that a `Setting` has.
        needs: what else must be so.
        whatever: parameters that the formula does not take since they make no difference.
    """

    name: str
    law: Classes
    schedule: Classes | c.Condition
    runner: Classes
    landscape: c.Condition
    formula: Callable[..., Any]
    needs: tuple[c.Condition, ...] = ()
    whatever: tuple[str, ...] = ()

    @cached_property
    def parts(self) -> tuple[c.Condition, ...]:
        """The conditions on the classes of the parts."""
        schedule = self.schedule
        by_class = schedule if isinstance(schedule, c.Condition) else c.of_class("schedule", classes(schedule))
        return c.of_law(classes(self.law)), by_class, c.of_class("runner", classes(self.runner)), self.landscape

    @cached_property
    def limits(self) -> tuple[c.Condition, ...]:
        """What must be so for the formula to be about a setting of such parts."""
        given = {*asked(self.formula), *self.whatever}
        if self.schedule is WHOLE or self.schedule is AllBlocks:
            given.add("g")
        return (*(neutral for name, neutral in NEUTRAL.items() if name not in given), *self.needs)

    @property
    def checked(self) -> tuple[str, ...]:
        """All that the code checks, in words."""
        return tuple(condition.words for condition in (*self.parts, *self.limits))

    def missed(self, setting: Setting) -> Missed:
        """What the setting misses: of the parts, and if they fit, of the limits."""
        parts = [miss for condition in self.parts for miss in condition.miss(setting)]
        if parts:
            return Missed(self.name, len(parts), parts)
        try:
            return Missed(self.name, 0, [miss for condition in self.limits for miss in condition.miss(setting)])
        except NoPrediction as error:
            return Missed(self.name, 0, [str(error)])


def classes(given: Classes) -> tuple[type, ...]:
    """One class or several as a tuple."""
    return given if isinstance(given, tuple) else (given,)


ONE = OnePlusLambda
EVERY = (AllBlocks, UntilResolved, RoundRobin, UniformChunk, UniformSubset, OnlyIncorrect)
JUDGED_IN = (AllBlocks, RoundRobin, UniformChunk, UniformSubset, OnlyIncorrect)
BLOCKS = (ComponentLaw, PerBlockLaw, SpillLaw)
FRESH = (OnePlusLambda, Archive, MuPlusLambda, Islands, MapElites)
ALWAYS = ("always",)  # its condition says that it must be so
ACCEPT = ("weak",)  # an equally good offspring has equally many incorrect blocks where it counts

REPEATED = ("lam", "g", "start", "weak")  # asked by the formulas of the search that refuses instead
HIDDEN_IN = (AllBlocks, RoundRobin, OnlyIncorrect)
REPEATED_IN = (AllBlocks, RoundRobin, UniformChunk, OnlyIncorrect)


def repeated(refusing: Setting) -> RunLaw:
    """Runs of a mutator that repeats itself: those under refusals (theory 17g)."""
    run = row_and_law(refusing)[1]
    return replace(run, source=f"theory 17g; {run.source}")


RULES: tuple[Row, ...] = (
    # laws of counts on BlockOneMax (theory 1 to 4)
    Row("one block a call until resolved", CallLaw, UntilResolved, ONE, ONEMAX, until_resolved, whatever=ACCEPT),
    Row("chunks in turn", CallLaw, RoundRobin, ONE, ONEMAX, round_robin, whatever=ACCEPT),
    Row("random chunks", CallLaw, UniformChunk, ONE, ONEMAX, uniform_chunk, whatever=ACCEPT),
    Row("only incorrect chunks", CallLaw, OnlyIncorrect, ONE, ONEMAX, only_incorrect, whatever=ACCEPT),
    Row("global mutation", CallLaw, WHOLE, ONE, ONEMAX, all_blocks, whatever=ACCEPT),
    # calls that break blocks elsewhere (theory 4c)
    Row("spilling, whole solutions", SpillLaw, WHOLE, ONE, RISING, f.inside_whole, whatever=ACCEPT),
    Row("spilling, only incorrect blocks", SpillLaw, OnlyIncorrect, ONE, RISING,
        outside.spill_only_incorrect, whatever=ACCEPT),
    Row("spilling, random blocks", SpillLaw, UniformChunk, ONE, RISING, outside.spill_uniform_chunk, whatever=ACCEPT),
    # blocks that differ (theory 5a)
    Row("blocks that differ, whole solutions", PerBlockLaw, WHOLE, ONE, ANY,
        per_block.blocks_all_at_once, whatever=ACCEPT),
    Row("blocks that differ, only incorrect blocks", PerBlockLaw, OnlyIncorrect, ONE, RISING,
        per_block.blocks_only_incorrect, whatever=ACCEPT),
    Row("blocks that differ, one block a call until resolved", PerBlockLaw, UntilResolved, ONE, RISING,
        per_block.blocks_until_resolved, whatever=ACCEPT),
    Row("blocks that differ, in turn", PerBlockLaw, RoundRobin, ONE, RISING,
        per_block.blocks_round_robin, whatever=ACCEPT),
    Row("blocks that differ, random blocks", PerBlockLaw, UniformChunk, ONE, RISING,
        per_block.blocks_uniform_chunk, whatever=ACCEPT),
    # difficulties drawn for each block of a run (theory 5b, 5c)
    Row("difficulties drawn, whole solutions", BetaBlocksLaw, WHOLE, ONE, ANY,
        difficulty.beta_all_blocks, whatever=ACCEPT),
    Row("difficulties drawn, only incorrect blocks", BetaBlocksLaw, OnlyIncorrect, ONE, RISING,
        difficulty.beta_only_incorrect, whatever=ACCEPT),
    Row("difficulties drawn, one block a call until resolved", BetaBlocksLaw, UntilResolved, ONE, RISING,
        difficulty.beta_only_incorrect, (c.ALL_INCORRECT,), ACCEPT),
    Row("difficulties drawn, in turn", BetaBlocksLaw, RoundRobin, ONE, RISING,
        difficulty.beta_round_robin, whatever=ACCEPT),
    Row("difficulties drawn, random blocks", BetaBlocksLaw, UniformChunk, ONE, RISING,
        difficulty.beta_uniform_chunk, whatever=ACCEPT),
    # a quality drawn for each run (theory 6a)
    Row("quality of a run, in turn", RunQualityLaw, RoundRobin, ONE, RISING,
        run_quality.quality_round_robin, whatever=ACCEPT),
    Row("quality of a run, whole solutions", RunQualityLaw, WHOLE, ONE, ANY,
        run_quality.quality_all_blocks, whatever=ACCEPT),
    Row("quality of a run, only incorrect blocks", RunQualityLaw, OnlyIncorrect, ONE, RISING,
        run_quality.quality_only_incorrect, whatever=ACCEPT),
    Row("quality of a run, one block a call until resolved", RunQualityLaw, UntilResolved, ONE, RISING,
        run_quality.quality_until_resolved, whatever=ACCEPT),
    Row("quality of a run, random blocks", RunQualityLaw, UniformChunk, ONE, RISING,
        run_quality.quality_uniform_chunk, whatever=ACCEPT),
    # boundaries that miss, success that rises (Sections 5.3, 5.5)
    Row("boundaries that miss, whole solutions", MisalignedLaw, WHOLE, ONE, RISING, f.inside_whole, whatever=ACCEPT),
    Row("boundaries that miss, random blocks", MisalignedLaw, UniformChunk, ONE, RISING, f.inside_random,
        whatever=ACCEPT),
    Row("boundaries that miss, only incorrect blocks", MisalignedLaw, OnlyIncorrect, ONE, RISING,
        outside.misaligned_only_incorrect, whatever=ACCEPT),
    Row("success that rises with use, whole solutions", LearningLaw, WHOLE, ONE, ANY,
        learning.learning_all_blocks, whatever=ACCEPT),
    # other fitness functions (theory 1f, 7, 10)
    Row("fitness of the number of correct blocks", CallLaw, ON_COUNTS, ONE, COUNTS, f.fitness_of_counts),
    Row("a needle, in turn", CallLaw, RoundRobin, ONE, c.NEEDLE, f.needle_in_turn, (c.WEAK, c.VALID), ACCEPT),
    Row("leading blocks, whole solutions", CallLaw, WHOLE, ONE, LEADING, leading.leading_all_blocks, whatever=ACCEPT),
    Row("leading blocks, random blocks", CallLaw, UniformChunk, ONE, LEADING, leading.leading_uniform_chunk),
    Row("leading blocks, in turn", CallLaw, RoundRobin, ONE, LEADING, leading.leading_round_robin),
    Row("leading blocks, only incorrect blocks", CallLaw, OnlyIncorrect, ONE, LEADING, leading.leading_only_incorrect),
    Row("leading blocks, one block a call until resolved", CallLaw, UntilResolved, ONE, LEADING,
        leading.leading_until_resolved, whatever=ACCEPT),
    # no evaluator (theory 17c)
    Row("no evaluator", CallLaw, ON_COUNTS, ONE, COUNTS, f.without_evaluator, (c.ALWAYS,), ALWAYS),
    Row("all solutions, one by one, no evaluator", BLOCKS, JUDGED_IN, ONE, ANY, f.all_solutions_without_evaluator,
        (c.ALWAYS,), ALWAYS),
    # evaluators that err (theory 8)
    Row("parent and offspring judged afresh", CallLaw, ON_COUNTS, ONE, c.SEEN, f.afresh, (c.AFRESH,)),
    Row("judged on a minibatch", ComponentLaw, ON_COUNTS, ONE, c.MINIBATCH, f.minibatch),
    Row("the parent keeps the value that it was accepted with", CallLaw, ON_COUNTS, ONE, c.NOISY, f.stored,
        (c.STORED,), ACCEPT),
    Row("judgements that last, only incorrect blocks", CallLaw, OnlyIncorrect, ONE, c.JUDGED, f.lasting_only_incorrect,
        (c.LASTING, c.VALID, c.NEW_TEXTS)),
    Row("judgements that last, random blocks", CallLaw, UniformChunk, ONE, c.JUDGED, f.lasting_random,
        (c.LASTING, c.VALID, c.NEW_TEXTS)),
    # runners that keep several solutions, and rounds (theory 1a, 11)
    Row("whole solutions that do not depend on the parent", CallLaw, WHOLE, FRESH, ANY, f.fresh, whatever=ACCEPT),
    Row("several solutions kept", CallLaw, ON_COUNTS, (Archive, MuPlusLambda), COUNT, f.several_kept),
    Row("the best of each cell of a feature grid", CallLaw, ON_COUNTS, MapElites, COUNTS, f.feature_grid,
        (c.GRID_OF_COUNTS,)),
    Row("merged rounds, chunks in turn", CallLaw, RoundRobin, Merged, ONEMAX, merged_in_turn),
    Row("merged rounds, only incorrect chunks", CallLaw, OnlyIncorrect, Merged, ONEMAX, merged_only_incorrect),
    Row("one offspring a block, one kept", CallLaw, EachChunk, ONE, RISING, f.each_chunk, whatever=ACCEPT),
    # all solutions, one by one: no formula is needed where k is small (theory 4c, 5a, 8, 10)
    Row("all solutions, one by one, whole solutions", BLOCKS, WHOLE, ONE, ANY, f.all_solutions_whole),
    Row("all solutions, one by one", BLOCKS, EVERY, ONE, ANY, f.all_solutions, (c.RESOLVED_BLOCK,)),
    Row("all solutions, one by one, seen through evaluators that err", BLOCKS, JUDGED_IN, ONE, c.SEEN,
        f.all_solutions_seen, (c.AFRESH,)),
    # answers given again (theory 17g)
    Row("answers given again", RepeatingLaw, REPEATED_IN, ONE, RISING, repeated, (c.NO_NEWS,), REPEATED),
    Row("answers given again, some of them hidden", HiddenRepeatsLaw, HIDDEN_IN, ONE, RISING, repeats.hidden_repeats,
        whatever=ACCEPT),
    # malformed output misread (theory 4b): only the mean
    Row("one block a call until resolved, malformed output misread", CallLaw, UntilResolved, ONE, ONEMAX, until_misread,
        (c.MISREAD,), (*ACCEPT, "down")),
)  # fmt: skip
"""The first row that fits, and whose formula does not refuse, predicts."""


def rows_of(setting: Setting) -> Iterator[Row]:
    """The row that the schedule declares for itself, if any, and all others."""
    formula = declared(setting.schedule, "run_law")
    if formula is not None:
        kind = type(setting.schedule)
        if not callable(formula):
            raise OperatorError(f"{type_name(kind)}.run_law must be a method run_law(law, k, ..), got {formula!r:.100}")
        yield Row(f"as {kind.__name__} declares", CallLaw, kind, OnePlusLambda, RISING, formula)
    yield from RULES


def row_and_law(setting: Setting) -> tuple[Row, RunLaw]:
    """The first row that fits, and the law of a run by its formula.

    Raises: NoPrediction naming the nearest rows and what the setting misses of them; or that the mutator declares no
    law.
    """
    row, law = first_fit(rows_of(setting), setting)
    return row, law


def first_fit(rows: Iterable[Row], setting: Setting) -> tuple[Row, Any]:
    """The first of some rows that fits, and what its formula says.

    Raises: NoPrediction, as `row_and_law`.
    """
    if setting.law is None:
        raise NoPrediction(no_law(setting.search.mutator))
    tried = []
    for row in rows:
        missed = row.missed(setting)
        if not missed.reasons:
            try:
                return row, run_law(row.formula, setting)
            except NoPrediction as error:
                missed = Missed(row.name, 0, [str(error)])
        if not row.parts[0].miss(setting):
            tried.append(missed)
    raise NoPrediction(missing_rules(setting.search.text, tried))
