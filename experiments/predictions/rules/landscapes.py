"""Rules about other fitness functions than the number of correct blocks (theory 7, 10)."""

from __future__ import annotations

from collections.abc import Callable

from evo.errors import NoPrediction
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.theory import RunLaw
from evo.theory.problems.leading import (
    leading_all_blocks,
    leading_only_incorrect,
    leading_round_robin,
    leading_uniform_chunk,
    leading_until_resolved,
)
from evo.theory.problems.on_counts import run_on_counts
from evo.theory.problems.success_runs import first_run_of_successes
from experiments.grids.cell import Cell
from experiments.predictions.conditions import (
    accepts_weakly,
    all_incorrect,
    answers_valid,
    counts_suffice,
    exact_feedback,
    is_a,
    law_of,
    of_counts,
    on_counts,
    one_block,
    one_offspring,
    same_success,
    start_of,
    strict,
    weak,
)
from experiments.predictions.rules.acceptance import count_fitness
from experiments.predictions.rules.offspring import offspring_counts
from experiments.predictions.rules.rule import Condition, Rule, own_law, whole
from problems import LeadingBlocks, Needle

_COMMON = (("a mutator that declares a law of counts", counts_suffice), is_a("runner", OnePlusLambda))


def _on_counts(cell: Cell) -> RunLaw:
    return run_on_counts(
        offspring_counts(cell),
        count_fitness(cell),
        start_of(cell),
        cell.runner.lam,
        accepts_weakly(cell),
        "theory 1f, 10",
    )


def _leading(name: str, formula: Callable[..., RunLaw], schedule: type, *conditions: Condition) -> Rule:
    needs = (is_a("problem", LeadingBlocks), *_COMMON, is_a("schedule", schedule), *conditions)
    return Rule(f"leading blocks, {name}", needs, whole(formula))


def _leading_whole(cell: Cell) -> RunLaw:
    # by the declared law itself: its components say whether blocks are independent
    return leading_all_blocks(own_law(cell), cell.problem.k, start_of(cell), cell.runner.lam)


def _kept_start(cell: Cell) -> str | None:
    """A start that calls leave as it is, or calls that do not depend on the parent (theory 1a, 7b)."""
    if type(cell.problem) is not LeadingBlocks or counts_suffice(cell) is not None:
        return None  # another condition says so
    try:
        _leading_whole(cell)
    except NoPrediction as error:
        return str(error)
    return None


_G1, _STRICT = ("g = 1", one_block), ('accept = "strict"', strict)

OF_LANDSCAPES = (
    Rule(
        "fitness of the number of correct blocks",
        (
            ("problem of the number of correct blocks alone", of_counts),
            *_COMMON,
            ("schedule AllBlocks or UniformSubset, or UniformChunk or OnlyIncorrect of g = 1", on_counts),
        ),
        _on_counts,
    ),
    Rule(
        "a needle, in turn",
        (
            is_a("problem", Needle),
            *_COMMON,
            is_a("schedule", RoundRobin),
            _G1,
            ("lam = 1", one_offspring),
            ('accept = "weak"', weak),
            ("all blocks incorrect at the start", all_incorrect),
            ("the same success whatever the block was", same_success),
            ("answers that are always valid", answers_valid),
        ),
        lambda cell: first_run_of_successes(law_of(cell), cell.problem.k),
    ),
    Rule(
        "leading blocks, whole solutions",
        (
            is_a("problem", LeadingBlocks),
            *_COMMON,
            is_a("schedule", AllBlocks),
            ("blocks behind the prefix that stay as likely", _kept_start),
        ),
        _leading_whole,
    ),
    _leading("random blocks", leading_uniform_chunk, UniformChunk, _G1, _STRICT),
    _leading("in turn", leading_round_robin, RoundRobin, _G1, _STRICT),
    _leading("only incorrect blocks", leading_only_incorrect, OnlyIncorrect, _G1, _STRICT),
    _leading(
        "one block a call until resolved",
        leading_until_resolved,
        UntilResolved,
        _G1,
        ("exact feedback", exact_feedback),
    ),
)
