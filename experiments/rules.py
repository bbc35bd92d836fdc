"""Rules of exact prediction: for each family of formulas the conditions under which it holds.

Types are matched exactly: a subclass may behave differently and inherits no claim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evo import theory
from evo.decomposed import inner_schedule
from evo.errors import NoPrediction
from evo.laws import CallLaw, declared_law
from evo.mixtures import ComponentLaw
from evo.protocols import Schedule
from evo.runner import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved, invalid_is_down
from evo.theory import MAX_STATES, RunLaw
from evo.theory.beta_blocks import beta_all_blocks, beta_only_incorrect, beta_round_robin, beta_uniform_chunk
from evo.theory.enumeration import BlockCall, enumerated
from evo.theory.misread import until_misread
from evo.theory.per_block import (
    blocks_all_at_once,
    blocks_only_incorrect,
    blocks_round_robin,
    blocks_uniform_chunk,
    blocks_until_resolved,
)
from evo.theory.run_quality import (
    quality_all_blocks,
    quality_only_incorrect,
    quality_uniform_chunk,
    quality_until_resolved,
)
from evo.theory.spilling import spill_only_incorrect, spill_uniform_chunk
from experiments.cell import Cell
from experiments.conditions import (
    KINDS,
    all_incorrect,
    always_valid,
    counts_suffice,
    declares,
    exact_feedback,
    few_states,
    few_states_or_independent_start,
    independent_blocks,
    independent_start,
    is_a,
    law_of,
    misread,
    one_block,
    one_block_a_call,
    one_chunk,
    one_offspring,
    our_schedule,
    resolved_block,
    start_of,
    whole_solutions,
)
from experiments.refusals import missing_rules, no_law
from operators.beta_quality import RunQualityLaw
from operators.per_block import BetaBlocksLaw, PerBlockLaw
from operators.spill import SpillLaw
from problems import BlockOneMax

__all__ = ["RULES", "Rule", "always_valid", "rule_for"]


@dataclass(frozen=True)
class Rule:
    """When a family of formulas applies, and the law of a run that it gives.

    Attributes:
        name: what it is about.
        conditions: pairs of what is needed and a test that gives what the cell has instead, or None if it is met.
        run_law: the law of a run of a cell that meets them all.
        about: classes of laws that it is about, if not laws of counts; a refusal names only rules about the cell's law.
    """

    name: str
    conditions: tuple[tuple[str, Callable[[Cell], str | None]], ...]
    run_law: Callable[[Cell], RunLaw]
    about: tuple[type, ...] = ()

    def misses(self, cell: Cell) -> list[str]:
        """What the cell lacks."""
        found = ((needs, test(cell)) for needs, test in self.conditions)
        return [f"needs {needs}, got {got}" for needs, got in found if got is not None]


def rule_for(cell: Cell) -> Rule:
    """The first rule whose every condition the cell meets.

    Raises: NoPrediction naming the nearest rules about such laws and what the cell misses of them; or that the mutator
    declares no law.
    """
    misses = {rule.name: rule.misses(cell) for rule in RULES}
    for rule in RULES:
        if not misses[rule.name]:
            return rule
    law = declared_law(cell.mutator)
    if law is None:
        raise NoPrediction(no_law(cell))
    raise NoPrediction(missing_rules(cell, {rule.name: misses[rule.name] for rule in _relevant(law)}))


def _relevant(law: object) -> list[Rule]:
    """The rules about such a law; those about counts for any other."""
    about = [rule for rule in RULES if isinstance(law, rule.about)]
    of_counts = [rule for rule in RULES if not rule.about]
    return of_counts + about if isinstance(law, CallLaw) or not about else about


_COMMON = (
    is_a("problem", BlockOneMax),
    ("a mutator that declares a law of counts", counts_suffice),
    is_a("runner", OnePlusLambda),
)


def _chunked(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(law_of(cell), cell.problem.k, cell.chunks.g, start_of(cell), cell.runner.lam)


def _whole(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(law_of(cell), cell.problem.k, start_of(cell), cell.runner.lam)


def _enumerate(cell: Cell) -> RunLaw:
    law = declared_law(cell.mutator)
    if type(law) is PerBlockLaw:
        call = BlockCall(None, law.p)
    else:
        call = BlockCall(law.inside, spill=law.rate) if type(law) is SpillLaw else BlockCall(law)
    schedule: Schedule = inner_schedule(cell.schedule)
    weak, down = cell.runner.accept == "weak", invalid_is_down(schedule)
    kind = KINDS[type(schedule)]
    return enumerated(call, kind, cell.problem.k, cell.chunks.g, start_of(cell), cell.runner.lam, weak, down)


def _until_misread(cell: Cell) -> RunLaw:
    if few_states(cell) is None and independent_blocks(cell) is None:
        return _enumerate(cell)
    return until_misread(law_of(cell), cell.problem.k, start_of(cell), cell.runner.lam)


def _inside(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    """A formula of the law inside a spilling call and the rate."""
    return lambda cell: formula(
        _any_law(cell).inside, _any_law(cell).rate, cell.problem.k, start_of(cell), cell.runner.lam
    )


def _blocks(formula: Callable[..., RunLaw], any_lam: bool = True) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(_any_law(cell).p, cell.problem.k, start_of(cell), *_lam(cell, any_lam))


def _beta(formula: Callable[..., RunLaw], any_lam: bool = False) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(
        _any_law(cell).a, _any_law(cell).b, cell.problem.k, start_of(cell), *_lam(cell, any_lam)
    )


def _lam(cell: Cell, any_lam: bool) -> tuple[int, ...]:
    return (cell.runner.lam,) if any_lam else ()


def _any_law(cell: Cell) -> Any:
    return declared_law(cell.mutator)


_G1 = ("g = 1", one_block)
_LAM1 = ("lam = 1", one_offspring)
_WHOLE = (("schedule AllBlocks, RoundRobin, UniformChunk or OnlyIncorrect", whole_solutions), ("m = 1", one_chunk))
_INDEPENDENT = ("blocks that are independent at the start", independent_start)
_ALL_INCORRECT = ("all blocks incorrect at the start", all_incorrect)


def _rule(law: type, name: str, run_law: Callable[[Cell], RunLaw], *conditions: Any) -> Rule:
    common = (is_a("problem", BlockOneMax), declares(law), is_a("runner", OnePlusLambda))
    return Rule(name, (*common, *conditions), run_law, (law,))


_OF_COUNTS = (
    Rule("global mutation", (*_COMMON, is_a("schedule", AllBlocks)), _whole(theory.all_blocks)),
    Rule(
        "one block a call until resolved",
        (*_COMMON, is_a("schedule", UntilResolved), ("g = 1", one_block_a_call), ("exact feedback", exact_feedback)),
        _whole(theory.until_resolved),
    ),
    Rule("chunks in turn", (*_COMMON, is_a("schedule", RoundRobin)), _chunked(theory.round_robin)),
    Rule("random chunks", (*_COMMON, is_a("schedule", UniformChunk)), _chunked(theory.uniform_chunk)),
    Rule("only incorrect chunks", (*_COMMON, is_a("schedule", OnlyIncorrect)), _chunked(theory.only_incorrect)),
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

_OF_SPILL = (
    _rule(
        SpillLaw,
        "spilling, whole solutions",
        lambda cell: theory.all_blocks(_any_law(cell).inside, cell.problem.k, start_of(cell), cell.runner.lam),
        *_WHOLE,
    ),
    _rule(
        SpillLaw, "spilling, only incorrect blocks", _inside(spill_only_incorrect), is_a("schedule", OnlyIncorrect), _G1
    ),
    _rule(SpillLaw, "spilling, random blocks", _inside(spill_uniform_chunk), is_a("schedule", UniformChunk), _G1),
)

_OF_BLOCKS = (
    _rule(PerBlockLaw, "blocks that differ, whole solutions", _blocks(blocks_all_at_once), *_WHOLE),
    _rule(
        PerBlockLaw,
        "blocks that differ, only incorrect blocks",
        _blocks(blocks_only_incorrect),
        is_a("schedule", OnlyIncorrect),
        _G1,
        _INDEPENDENT,
    ),
    _rule(
        PerBlockLaw,
        "blocks that differ, one block a call until resolved",
        _blocks(blocks_until_resolved),
        is_a("schedule", UntilResolved),
        _G1,
        _INDEPENDENT,
    ),
    _rule(
        PerBlockLaw,
        "blocks that differ, in turn",
        _blocks(blocks_round_robin),
        is_a("schedule", RoundRobin),
        _G1,
        _INDEPENDENT,
    ),
    _rule(
        PerBlockLaw,
        "blocks that differ, random blocks",
        _blocks(blocks_uniform_chunk, any_lam=False),
        is_a("schedule", UniformChunk),
        _G1,
        _LAM1,
        _INDEPENDENT,
    ),
)

_OF_DIFFICULTY = (
    _rule(BetaBlocksLaw, "difficulties drawn, whole solutions", _beta(beta_all_blocks), *_WHOLE, _LAM1),
    _rule(
        BetaBlocksLaw,
        "difficulties drawn, only incorrect blocks",
        _beta(beta_only_incorrect),
        is_a("schedule", OnlyIncorrect),
        _G1,
        _LAM1,
    ),
    _rule(
        BetaBlocksLaw,
        "difficulties drawn, one block a call until resolved",
        _beta(beta_only_incorrect),
        is_a("schedule", UntilResolved),
        _G1,
        _LAM1,
        _ALL_INCORRECT,
    ),
    _rule(
        BetaBlocksLaw,
        "difficulties drawn, in turn",
        _beta(beta_round_robin, any_lam=True),
        is_a("schedule", RoundRobin),
        _G1,
        _INDEPENDENT,
    ),
    _rule(
        BetaBlocksLaw,
        "difficulties drawn, random blocks",
        _beta(beta_uniform_chunk),
        is_a("schedule", UniformChunk),
        _G1,
        _LAM1,
        _INDEPENDENT,
    ),
)

_OF_QUALITY = (
    _rule(RunQualityLaw, "quality of a run, whole solutions", _beta(quality_all_blocks, any_lam=True), *_WHOLE),
    _rule(
        RunQualityLaw,
        "quality of a run, only incorrect blocks",
        _beta(quality_only_incorrect),
        is_a("schedule", OnlyIncorrect),
        _G1,
        _LAM1,
    ),
    _rule(
        RunQualityLaw,
        "quality of a run, one block a call until resolved",
        _beta(quality_until_resolved),
        is_a("schedule", UntilResolved),
        _G1,
        _LAM1,
        _ALL_INCORRECT,
    ),
    _rule(
        RunQualityLaw,
        "quality of a run, random blocks",
        _beta(quality_uniform_chunk),
        is_a("schedule", UniformChunk),
        _G1,
        _LAM1,
        _INDEPENDENT,
    ),
)

_ENUMERATION = Rule(
    "all solutions, one by one",
    (
        is_a("problem", BlockOneMax),
        ("a mutator whose blocks are independent given the solution", independent_blocks),
        is_a("runner", OnePlusLambda),
        ("schedule AllBlocks, UntilResolved, RoundRobin, UniformChunk or OnlyIncorrect", our_schedule),
        ("g = 1 under UntilResolved", resolved_block),
        (f"at most {MAX_STATES} states", few_states),
    ),
    _enumerate,
    (ComponentLaw, PerBlockLaw, SpillLaw),
)

RULES = (*_OF_COUNTS, *_OF_SPILL, *_OF_BLOCKS, *_OF_DIFFICULTY, *_OF_QUALITY, _ENUMERATION)
"""The first whose every condition is met predicts; the last one, which needs no formula, only where k is small."""
