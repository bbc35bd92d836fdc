"""Rules about mutators whose law is one of counts, on BlockOneMax, under each schedule (theory 1 to 4)."""

from __future__ import annotations

from evo import theory
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.theory import RunLaw
from evo.theory.schedules.misread import until_misread
from experiments.grids.cell import Cell
from experiments.predictions.conditions import (
    counts_suffice,
    exact_feedback,
    few_states,
    few_states_or_independent_start,
    independent_blocks,
    is_a,
    law_of,
    misread,
    one_block_a_call,
    onemax_like,
    start_of,
)
from experiments.predictions.rules.enumeration import enumerate_solutions
from experiments.predictions.rules.rule import Rule, chunked, whole

_COMMON = (
    ("problem BlockOneMax, or one whose runs have the same law", onemax_like),
    ("a mutator that declares a law of counts", counts_suffice),
    is_a("runner", OnePlusLambda),
)


def _until_misread(cell: Cell) -> RunLaw:
    if few_states(cell) is None and independent_blocks(cell) is None:
        return enumerate_solutions(cell)
    return until_misread(law_of(cell), cell.problem.k, start_of(cell), cell.runner.lam)


OF_COUNTS = (
    Rule("global mutation", (*_COMMON, is_a("schedule", AllBlocks)), whole(theory.all_blocks)),
    Rule(
        "one block a call until resolved",
        (*_COMMON, is_a("schedule", UntilResolved), ("g = 1", one_block_a_call), ("exact feedback", exact_feedback)),
        whole(theory.until_resolved),
    ),
    Rule("chunks in turn", (*_COMMON, is_a("schedule", RoundRobin)), chunked(theory.round_robin)),
    Rule("random chunks", (*_COMMON, is_a("schedule", UniformChunk)), chunked(theory.uniform_chunk)),
    Rule("only incorrect chunks", (*_COMMON, is_a("schedule", OnlyIncorrect)), chunked(theory.only_incorrect)),
    Rule(
        "one block a call until resolved, malformed output misread",
        (
            *_COMMON,
            is_a("schedule", UntilResolved),
            ("g = 1", one_block_a_call),
            ('invalid = "down"', misread),
            ("blocks that are independent at the start, or few states", few_states_or_independent_start),
        ),
        _until_misread,
    ),
)
"""Both kinds of acceptance give the same law here: an equally good offspring has equally many incorrect blocks."""
