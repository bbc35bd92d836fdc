"""Rules about rounds: offspring that are merged, or of which one is kept (theory 11)."""

from __future__ import annotations

from collections.abc import Callable

from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Merged
from evo.schedules import EachChunk, OnlyIncorrect, RoundRobin
from evo.theory import RunLaw
from evo.theory.schedules.each_chunk import one_kept
from evo.theory.schedules.merged import merged_in_turn, merged_only_incorrect
from experiments.grids.cell import Cell
from experiments.predictions.conditions import (
    counts_suffice,
    is_a,
    law_of,
    one_block,
    onemax_like,
    plain_onemax,
    start_of,
)
from experiments.predictions.rules.rule import Rule

_COMMON = (
    ("problem BlockOneMax, or one whose runs have the same law", onemax_like),
    ("a mutator that declares a law of counts", counts_suffice),
)


def _merged(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    def run_law(cell: Cell) -> RunLaw:
        runner: Merged = cell.runner  # type: ignore[assignment]  # the rule's condition
        return formula(law_of(cell), cell.problem.k, cell.chunks.g, start_of(cell), runner.workers)

    return run_law


def _one_each(cell: Cell) -> str | None:
    """One offspring for each block."""
    return None if cell.runner.lam == cell.problem.k else f"lam = {cell.runner.lam} with k = {cell.problem.k}"


OF_ROUNDS = (
    Rule(
        "merged rounds, chunks in turn",
        (*_COMMON, is_a("runner", Merged), is_a("schedule", RoundRobin)),
        _merged(merged_in_turn),
    ),
    Rule(
        "merged rounds, only incorrect chunks",
        (*_COMMON, is_a("runner", Merged), is_a("schedule", OnlyIncorrect)),
        _merged(merged_only_incorrect),
    ),
    Rule(
        "one offspring a block, one kept",
        (
            ("problem BlockOneMax or UnequalBlocks", plain_onemax),
            ("a mutator that declares a law of counts", counts_suffice),
            is_a("runner", OnePlusLambda),
            is_a("schedule", EachChunk),
            ("g = 1", one_block),
            ("lam = k", _one_each),
        ),
        lambda cell: one_kept(law_of(cell), cell.problem.k, start_of(cell)),
    ),
)
