"""Rules about mutators whose blocks differ, spill, or share a quality, on BlockOneMax (theory 4c, 5, 6)."""

from __future__ import annotations

from collections.abc import Callable

from evo import theory
from evo.laws.special import BetaBlocksLaw, LearningLaw, MisalignedLaw, PerBlockLaw, RunQualityLaw, SpillLaw
from evo.schedules import OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.theory import RunLaw
from evo.theory.operators.difficulty import beta_all_blocks, beta_only_incorrect, beta_round_robin, beta_uniform_chunk
from evo.theory.operators.learning import learning_all_blocks
from evo.theory.operators.misaligned import misaligned_only_incorrect
from evo.theory.operators.per_block import (
    blocks_all_at_once,
    blocks_only_incorrect,
    blocks_round_robin,
    blocks_uniform_chunk,
    blocks_until_resolved,
)
from evo.theory.operators.quality_turns import quality_round_robin
from evo.theory.operators.run_quality import (
    quality_all_blocks,
    quality_only_incorrect,
    quality_uniform_chunk,
    quality_until_resolved,
)
from evo.theory.operators.spilling import spill_only_incorrect, spill_uniform_chunk
from experiments.grids.cell import Cell
from experiments.predictions.conditions import (
    all_incorrect,
    independent_start,
    is_a,
    one_block,
    one_chunk,
    one_offspring,
    start_of,
    whole_solutions,
)
from experiments.predictions.rules.rule import own_law, rule_of


def _inside(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    """A formula of the law inside a spilling call and the rate."""
    return lambda cell: formula(
        own_law(cell).inside, own_law(cell).rate, cell.problem.k, start_of(cell), cell.runner.lam
    )


def _blocks(formula: Callable[..., RunLaw], any_lam: bool = True) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(own_law(cell).p, cell.problem.k, start_of(cell), *_lam(cell, any_lam))


def _beta(formula: Callable[..., RunLaw], any_lam: bool = False) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(own_law(cell).a, own_law(cell).b, cell.problem.k, start_of(cell), *_lam(cell, any_lam))


def _lam(cell: Cell, any_lam: bool) -> tuple[int, ...]:
    return (cell.runner.lam,) if any_lam else ()


_G1 = ("g = 1", one_block)
_LAM1 = ("lam = 1", one_offspring)
_WHOLE = (("schedule AllBlocks, RoundRobin, UniformChunk or OnlyIncorrect", whole_solutions), ("m = 1", one_chunk))
_INDEPENDENT = ("blocks that are independent at the start", independent_start)
_ALL_INCORRECT = ("all blocks incorrect at the start", all_incorrect)


def _by_one(cell: Cell) -> str | None:
    law, k = own_law(cell), cell.problem.k
    if type(law) is not MisalignedLaw:
        return None  # another condition says so
    by = law.by
    return None if k > 1 and by % k == 1 else f"by = {by} with k = {k}"


OF_SPILL = (
    rule_of(
        SpillLaw,
        "spilling, whole solutions",
        lambda cell: theory.all_blocks(own_law(cell).inside, cell.problem.k, start_of(cell), cell.runner.lam),
        *_WHOLE,
    ),
    rule_of(
        SpillLaw, "spilling, only incorrect blocks", _inside(spill_only_incorrect), is_a("schedule", OnlyIncorrect), _G1
    ),
    rule_of(SpillLaw, "spilling, random blocks", _inside(spill_uniform_chunk), is_a("schedule", UniformChunk), _G1),
)

OF_BLOCKS = (
    rule_of(PerBlockLaw, "blocks that differ, whole solutions", _blocks(blocks_all_at_once), *_WHOLE),
    rule_of(
        PerBlockLaw,
        "blocks that differ, only incorrect blocks",
        _blocks(blocks_only_incorrect),
        is_a("schedule", OnlyIncorrect),
        _G1,
        _INDEPENDENT,
    ),
    rule_of(
        PerBlockLaw,
        "blocks that differ, one block a call until resolved",
        _blocks(blocks_until_resolved),
        is_a("schedule", UntilResolved),
        _G1,
        _INDEPENDENT,
    ),
    rule_of(
        PerBlockLaw,
        "blocks that differ, in turn",
        _blocks(blocks_round_robin),
        is_a("schedule", RoundRobin),
        _G1,
        _INDEPENDENT,
    ),
    rule_of(
        PerBlockLaw,
        "blocks that differ, random blocks",
        _blocks(blocks_uniform_chunk, any_lam=False),
        is_a("schedule", UniformChunk),
        _G1,
        _LAM1,
        _INDEPENDENT,
    ),
)

OF_DIFFICULTY = (
    rule_of(BetaBlocksLaw, "difficulties drawn, whole solutions", _beta(beta_all_blocks), *_WHOLE, _LAM1),
    rule_of(
        BetaBlocksLaw,
        "difficulties drawn, only incorrect blocks",
        _beta(beta_only_incorrect),
        is_a("schedule", OnlyIncorrect),
        _G1,
        _LAM1,
    ),
    rule_of(
        BetaBlocksLaw,
        "difficulties drawn, one block a call until resolved",
        _beta(beta_only_incorrect),
        is_a("schedule", UntilResolved),
        _G1,
        _LAM1,
        _ALL_INCORRECT,
    ),
    rule_of(
        BetaBlocksLaw,
        "difficulties drawn, in turn",
        _beta(beta_round_robin, any_lam=True),
        is_a("schedule", RoundRobin),
        _G1,
        _INDEPENDENT,
    ),
    rule_of(
        BetaBlocksLaw,
        "difficulties drawn, random blocks",
        _beta(beta_uniform_chunk),
        is_a("schedule", UniformChunk),
        _G1,
        _LAM1,
        _INDEPENDENT,
    ),
)

OF_QUALITY = (
    rule_of(
        RunQualityLaw,
        "quality of a run, in turn",
        _beta(quality_round_robin, any_lam=True),
        is_a("schedule", RoundRobin),
        _G1,
        _INDEPENDENT,
    ),
    rule_of(RunQualityLaw, "quality of a run, whole solutions", _beta(quality_all_blocks, any_lam=True), *_WHOLE),
    rule_of(
        RunQualityLaw,
        "quality of a run, only incorrect blocks",
        _beta(quality_only_incorrect),
        is_a("schedule", OnlyIncorrect),
        _G1,
        _LAM1,
    ),
    rule_of(
        RunQualityLaw,
        "quality of a run, one block a call until resolved",
        _beta(quality_until_resolved),
        is_a("schedule", UntilResolved),
        _G1,
        _LAM1,
        _ALL_INCORRECT,
    ),
    rule_of(
        RunQualityLaw,
        "quality of a run, random blocks",
        _beta(quality_uniform_chunk),
        is_a("schedule", UniformChunk),
        _G1,
        _LAM1,
        _INDEPENDENT,
    ),
)

OF_BOUNDARIES = (
    rule_of(
        MisalignedLaw,
        "boundaries that miss, whole solutions",
        lambda cell: theory.all_blocks(own_law(cell).inside, cell.problem.k, start_of(cell), cell.runner.lam),
        *_WHOLE,
    ),
    rule_of(
        MisalignedLaw,
        "boundaries that miss, random blocks",
        lambda cell: theory.uniform_chunk(own_law(cell).inside, cell.problem.k, 1, start_of(cell), cell.runner.lam),
        is_a("schedule", UniformChunk),
        _G1,
    ),
    rule_of(
        MisalignedLaw,
        "boundaries that miss, only incorrect blocks",
        lambda cell: misaligned_only_incorrect(
            own_law(cell).inside, own_law(cell).rate, cell.problem.k, start_of(cell), cell.runner.lam
        ),
        is_a("schedule", OnlyIncorrect),
        _G1,
        ("boundaries that miss by one block", _by_one),
        _INDEPENDENT,
    ),
)

OF_LEARNING = (
    rule_of(
        LearningLaw,
        "success that rises with use, whole solutions",
        lambda cell: learning_all_blocks(
            own_law(cell).start,
            own_law(cell).end,
            own_law(cell).halfway,
            cell.problem.k,
            start_of(cell),
            cell.runner.lam,
        ),
        *_WHOLE,
    ),
)
