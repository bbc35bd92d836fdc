"""Conditions of prediction rules: each test gives what the cell has instead, or None if the condition is met."""

from __future__ import annotations

from collections.abc import Callable

from evo.decomposed import inner_schedule
from evo.laws import CallLaw, SoundLaw, declared_law
from evo.mixtures import ComponentLaw
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved, invalid_is_down
from evo.text import canonical, type_name
from evo.theory import MAX_STATES, Start
from evo.theory.enumeration import ALL, INCORRECT, RESOLVED, ROBIN, UNIFORM, enumeration_states
from experiments.cell import Cell
from operators.beta_quality import RunQualityLaw
from operators.per_block import BetaBlocksLaw, PerBlockLaw
from operators.spill import SpillLaw
from problems import BlockOneMax


def always_valid(cell: Cell) -> bool:
    """Whether the mutator's law, if it declares one, says that every answer is valid."""
    law, chunks = declared_law(cell.mutator), cell.chunks
    if type(law) in (PerBlockLaw, BetaBlocksLaw, RunQualityLaw):
        return True
    if type(law) is SpillLaw:
        law = law.inside
    if not isinstance(law, CallLaw):
        return False
    return all(abs(float(law.pmf(g, i).sum()) - 1) < 1e-9 for g in {chunks.g, chunks.last} for i in range(g + 1))


def law_of(cell: Cell) -> CallLaw:
    """The law of counts of the mutator, each of its answers checked."""
    return SoundLaw(declared_law(cell.mutator), type_name(type(cell.mutator)))


def start_of(cell: Cell) -> Start:
    """The initial law."""
    problem: BlockOneMax = cell.problem  # type: ignore[assignment]  # checked by the rule's condition
    return Start(problem.k, problem.start, problem.incorrect)


def is_a(kind: str, wanted: type) -> tuple[str, Callable[[Cell], str | None]]:
    """A part of exactly this class; the schedule without what it costs to say so."""

    def test(cell: Cell) -> str | None:
        part = getattr(cell, kind)
        found = type(inner_schedule(part) if kind == "schedule" else part)
        return None if found is wanted else type_name(found)

    return f"{kind} {wanted.__name__}", test


def counts_suffice(cell: Cell) -> str | None:
    """A law of counts; it holds only if the mutator's own class declares it."""
    kind = type(cell.mutator)
    law = declared_law(cell.mutator)
    if law is None and getattr(cell.mutator, "law", None) is not None:
        return f"{type_name(kind)}, which inherits its law and may behave differently; declare it in the class"
    if law is None:
        inner = getattr(cell.mutator, "inner", None)
        return f"{type_name(kind)} without one" + ("" if inner is None else f" (around {canonical(inner)})")
    return None if isinstance(law, CallLaw) else f"{type_name(kind)}, for whose law counts do not suffice"


def one_block_a_call(cell: Cell) -> str | None:
    """Chunks of one block, for schedules that read the fitness."""
    return (
        None if cell.chunks.g == 1 else f"g = {cell.chunks.g}, where a rise of f does not say that a chunk is finished"
    )


def exact_feedback(cell: Cell) -> str | None:
    """An invalid offspring must not pass for a fall of the fitness."""
    return None if not invalid_is_down(cell.schedule) or always_valid(cell) else 'invalid = "down"'


def declares(law: type) -> tuple[str, Callable[[Cell], str | None]]:
    """A law of exactly this class."""

    def test(cell: Cell) -> str | None:
        found = declared_law(cell.mutator)
        return None if type(found) is law else type_name(type(found)) if found is not None else "none"

    return f"a mutator that declares a {law.__name__}", test


def one_block(cell: Cell) -> str | None:
    """Chunks of one block."""
    return None if cell.chunks.g == 1 else f"g = {cell.chunks.g}"


def one_chunk(cell: Cell) -> str | None:
    """One chunk that is the whole solution."""
    return None if cell.chunks.m == 1 else f"m = {cell.chunks.m}"


def one_offspring(cell: Cell) -> str | None:
    """One offspring a generation."""
    return None if cell.runner.lam == 1 else f"lam = {cell.runner.lam}"


def independent_start(cell: Cell) -> str | None:
    """Blocks that are independent of each other at the start."""
    if type(cell.problem) is not BlockOneMax or start_of(cell).independent:
        return None
    return f"incorrect = {cell.problem.incorrect} at random positions"


def all_incorrect(cell: Cell) -> str | None:
    """All blocks incorrect at the start."""
    if type(cell.problem) is not BlockOneMax:
        return None
    start = start_of(cell)
    return None if start.law()[start.k] == 1.0 else f"start = {start.p0:g}, incorrect = {start.incorrect}"


KINDS = {AllBlocks: ALL, UntilResolved: RESOLVED, RoundRobin: ROBIN, UniformChunk: UNIFORM, OnlyIncorrect: INCORRECT}


def whole_solutions(cell: Cell) -> str | None:
    """One chunk, that is all of the solution, by a schedule that has no other."""
    schedule = type(inner_schedule(cell.schedule))
    return None if schedule in KINDS and schedule is not UntilResolved else type_name(schedule)


def our_schedule(cell: Cell) -> str | None:
    """A schedule that is known here."""
    schedule = type(inner_schedule(cell.schedule))
    return None if schedule in KINDS else type_name(schedule)


def resolved_block(cell: Cell) -> str | None:
    """Chunks of one block under UntilResolved."""
    return one_block_a_call(cell) if type(inner_schedule(cell.schedule)) is UntilResolved else None


def independent_blocks(cell: Cell) -> str | None:
    """A law under which blocks are independent given the solution and the call."""
    law = declared_law(cell.mutator)
    if type(law) in (PerBlockLaw, SpillLaw) or isinstance(law, ComponentLaw):
        return None
    return counts_suffice(cell) or f"{type_name(type(law))}, of counts only"


def few_states(cell: Cell) -> str | None:
    """Few enough solutions and pointers to list."""
    states = states_of(cell)
    return None if states <= MAX_STATES else f"{states:.4g}"


def states_of(cell: Cell) -> float:
    """Solutions times the places of the pointer."""
    kind = KINDS.get(type(inner_schedule(cell.schedule)))
    return enumeration_states(kind, cell.problem.k, cell.chunks.g) if kind is not None else 0.0


def few_states_or_independent_start(cell: Cell) -> str | None:
    """Few states, or blocks that are independent at the start."""
    return independent_start(cell) if few_states(cell) is not None or independent_blocks(cell) is not None else None


def misread(cell: Cell) -> str | None:
    """Malformed output that passes for a fall of the fitness."""
    return None if invalid_is_down(cell.schedule) else 'invalid = "ignore"'
