"""Rules about evaluators that err (theory 8)."""

from __future__ import annotations

from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import OnlyIncorrect, UniformChunk
from evo.theory import RunLaw
from evo.theory.problems.lasting_judges import LastingJudge, persistent_only_incorrect, persistent_uniform
from evo.theory.problems.on_counts import accepted_on_counts
from evo.theory.problems.stored_noise import stored_only_incorrect
from experiments.grids.cell import Cell
from experiments.predictions.conditions import (
    afresh,
    answers_valid,
    counts_suffice,
    is_a,
    judged_onemax,
    lasting,
    law_of,
    new_texts,
    noisy,
    noisy_onemax,
    on_counts,
    one_block,
    one_offspring,
    start_of,
    stored,
    strict,
)
from experiments.predictions.rules.acceptance import acceptance, verdict_errors
from experiments.predictions.rules.offspring import offspring_counts
from experiments.predictions.rules.rule import Rule
from problems import Judged, Noisy


def _afresh(cell: Cell) -> RunLaw:
    source = "theory 8a, 8b" if isinstance(cell.problem, Noisy) else "theory 8b, 8c"
    return accepted_on_counts(offspring_counts(cell), acceptance(cell), start_of(cell), source)


def _stored(cell: Cell) -> RunLaw:
    problem: Noisy = cell.problem  # type: ignore[assignment]  # the rule's condition
    fix = float(law_of(cell).pmf(1, 1)[1])
    return stored_only_incorrect(fix, problem.sigma, problem.k, start_of(cell), problem.samples)


def _judge(cell: Cell) -> LastingJudge:
    problem: Judged = cell.problem  # type: ignore[assignment]  # the rule's condition
    law = law_of(cell)
    fix, keep = (float(law.pmf(1, i)[1]) for i in (1, 0))
    return LastingJudge(fix, keep, *verdict_errors(problem))


_COMMON = (("a mutator that declares a law of counts", counts_suffice), is_a("runner", OnePlusLambda))
_LASTING = (
    *_COMMON,
    ("problem Judged around BlockOneMax", judged_onemax),
    ("verdicts that last: persistent, or of changed blocks with reevaluate = false; samples = 1", lasting),
    ("g = 1", one_block),
    ('accept = "strict"', strict),
    ("answers that are always valid", answers_valid),
    ("calls that write their blocks anew", new_texts),
)

OF_NOISE = (
    Rule(
        "parent and offspring judged afresh",
        (
            ("problem Noisy or Judged, of the number of correct blocks", noisy),
            ("parent and offspring judged afresh", afresh),
            ("schedule AllBlocks or UniformSubset, or UniformChunk or OnlyIncorrect of g = 1", on_counts),
            ("lam = 1", one_offspring),
            *_COMMON,
        ),
        _afresh,
    ),
    Rule(
        "the parent keeps the value that it was accepted with",
        (
            ("problem Noisy around BlockOneMax", noisy_onemax),
            ("reevaluate = false", stored),
            is_a("schedule", OnlyIncorrect),
            ("g = 1", one_block),
            ("lam = 1", one_offspring),
            ('accept = "strict"', strict),
            ("answers that are always valid", answers_valid),
            *_COMMON,
        ),
        _stored,
    ),
    Rule(
        "verdicts that last, only incorrect blocks",
        (*_LASTING, is_a("schedule", OnlyIncorrect)),
        lambda cell: persistent_only_incorrect(_judge(cell), cell.problem.k, start_of(cell), cell.runner.lam),
    ),
    Rule(
        "verdicts that last, random blocks",
        (*_LASTING, is_a("schedule", UniformChunk)),
        lambda cell: persistent_uniform(_judge(cell), cell.problem.k, start_of(cell), cell.runner.lam),
    ),
)
