"""Conditions of prediction rules: each test gives what the cell has instead, or None if the condition is met."""

from __future__ import annotations

from collections.abc import Callable

from evo.decomposed import inner_schedule
from evo.evaluation import is_noisy
from evo.laws.counts import CallLaw
from evo.laws.declared import SUM_SLACK, SoundLaw, declared_law, nest, one_that_changes_outside
from evo.laws.mixtures import ComponentLaw
from evo.laws.special import BetaBlocksLaw, LearningLaw, MisalignedLaw, PerBlockLaw, RunQualityLaw, SpillLaw
from evo.protocols import Problem, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import (
    AllBlocks,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
    UniformSubset,
    UntilResolved,
    invalid_is_down,
)
from evo.text import canonical, type_name
from evo.theory import MAX_STATES, Start
from evo.theory.calls.gains import completion
from evo.theory.problems.enumeration import ALL, INCORRECT, RESOLVED, ROBIN, SUBSET, UNIFORM, enumeration_states
from experiments.grids.cell import Cell
from operators.refuse import Refuse
from operators.sparse import Sparse
from problems import BlockOneMax, Judged, Jump, LeadingBlocks, Needle, Noisy, Trap, UnequalBlocks, WeightedBlocks


def always_valid(cell: Cell) -> bool:
    """Whether the mutator's law, if it declares one, says that every answer is valid."""
    law, chunks = declared_law(cell.mutator), cell.chunks
    if type(law) in (PerBlockLaw, BetaBlocksLaw, RunQualityLaw, LearningLaw):
        return True
    if type(law) in (SpillLaw, MisalignedLaw):
        law = law.inside
    if not isinstance(law, CallLaw):
        return False
    law = SoundLaw(law, type_name(type(cell.mutator)))
    return all(abs(float(law.pmf(g, i).sum()) - 1) <= SUM_SLACK for g in {chunks.g, chunks.last} for i in range(g + 1))


def law_of(cell: Cell) -> CallLaw:
    """The law of counts of the mutator, each of its answers checked."""
    return SoundLaw(declared_law(cell.mutator), type_name(type(cell.mutator)))


def start_of(cell: Cell) -> Start:
    """The initial law."""
    problem: BlockOneMax = truth(cell)  # type: ignore[assignment]  # checked by the rule's condition
    return Start(problem.k, problem.start, problem.incorrect)


def truth(cell: Cell) -> Problem:
    """What is optimised, without the evaluators through whom it is seen."""
    return cell.problem.problem if is_noisy(cell.problem) else cell.problem


def schedule_of(cell: Cell) -> Schedule:
    """Which chunk each call gets, without what it costs to say so."""
    return inner_schedule(cell.schedule)


def is_a(kind: str, wanted: type) -> tuple[str, Callable[[Cell], str | None]]:
    """A part of exactly this class; the schedule without what it costs to say so."""

    def test(cell: Cell) -> str | None:
        part = getattr(cell, kind)
        found = type(inner_schedule(part) if kind == "schedule" else part)
        return None if found is wanted else type_name(found)

    return f"{kind} {wanted.__name__}", test


def is_one_of(kind: str, *wanted: type) -> tuple[str, Callable[[Cell], str | None]]:
    """A part of exactly one of these classes."""

    def test(cell: Cell) -> str | None:
        found = type(getattr(cell, kind))
        return None if found in wanted else type_name(found)

    return f"{kind} {', '.join(each.__name__ for each in wanted[:-1])} or {wanted[-1].__name__}", test


def not_a(kind: str, unwanted: type) -> tuple[str, Callable[[Cell], str | None]]:
    """Any part but one of this class."""

    def test(cell: Cell) -> str | None:
        part = getattr(cell, kind)
        found = type(inner_schedule(part) if kind == "schedule" else part)
        return type_name(found) if found is unwanted else None

    return f"{kind} other than {unwanted.__name__}", test


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
    if type(truth(cell)) not in LANDSCAPES or start_of(cell).independent:
        return None
    return f"incorrect = {start_of(cell).incorrect} at random positions"


def all_incorrect(cell: Cell) -> str | None:
    """All blocks incorrect at the start."""
    if type(truth(cell)) not in LANDSCAPES:
        return None
    start = start_of(cell)
    return None if start.law()[start.k] == 1.0 else f"start = {start.p0:g}, incorrect = {start.incorrect}"


KINDS = {
    AllBlocks: ALL,
    UntilResolved: RESOLVED,
    RoundRobin: ROBIN,
    UniformChunk: UNIFORM,
    UniformSubset: SUBSET,
    OnlyIncorrect: INCORRECT,
}


def whole_solutions(cell: Cell) -> str | None:
    """One chunk, that is all of the solution, by a schedule that has no other."""
    schedule = type(inner_schedule(cell.schedule))
    return None if schedule in KINDS and schedule not in (UntilResolved, UniformSubset) else type_name(schedule)


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


LANDSCAPES: tuple[type, ...] = (BlockOneMax, UnequalBlocks, WeightedBlocks, LeadingBlocks, Jump, Trap, Needle)
"""Problems whose fitness and start are known here."""
OF_COUNTS: tuple[type, ...] = (BlockOneMax, UnequalBlocks, Jump, Trap, Needle)
"""Those among them whose fitness is a function of the number of correct blocks."""


def landscape(cell: Cell) -> str | None:
    """A problem whose exact fitness is known here."""
    return None if type(cell.problem) in LANDSCAPES else type_name(type(cell.problem))


def of_counts(cell: Cell) -> str | None:
    """A problem whose exact fitness is a function of the number of correct blocks."""
    return None if type(cell.problem) in OF_COUNTS else type_name(type(cell.problem))


def onemax_like(cell: Cell) -> str | None:
    """A problem whose runs have the law of BlockOneMax.

    Weights do not matter where calls get one block, which goes up or down with it; nor where a chunk is finished w.p. P
    whatever it holds, for a finished chunk is always better (but of several chunks at once the heaviest wins).
    """
    if onemax_like_problem(cell.problem):
        return None
    if type(cell.problem) is not WeightedBlocks:
        return type_name(type(cell.problem))
    if cell.chunks.g == 1 or cell.problem.k == 1:
        return None
    if type(schedule_of(cell)) is UniformChunk and cell.runner.lam > 1 and cell.chunks.m > 1:
        return f"WeightedBlocks, lam = {cell.runner.lam} with chunks of g = {cell.chunks.g}"
    unlike = type(schedule_of(cell)) not in KINDS or type(schedule_of(cell)) is UniformSubset
    same = not unlike and type(cell.runner) is OnePlusLambda and same_success(cell) is None
    return None if same else f"WeightedBlocks with chunks of g = {cell.chunks.g}"


def all_at_once(cell: Cell) -> str | None:
    """Every call gets all blocks."""
    known = type(schedule_of(cell)) in KINDS
    return (
        None
        if known and cell.chunks.g == cell.problem.k
        else f"{type_name(type(schedule_of(cell)))}, g = {cell.chunks.g}"
    )


def same_success(cell: Cell) -> str | None:
    """P(a call gets all blocks of its chunk right) must not depend on how many of them were right (theory 1a)."""
    if counts_suffice(cell) is not None or type(truth(cell)) not in LANDSCAPES:
        return None  # another condition says what is missing
    # An elitist on the number of correct blocks never has more incorrect ones than at the start; others may.
    elitist = onemax_like_problem(cell.problem) and type(cell.runner) is OnePlusLambda
    most = max(1, start_of(cell).most) if elitist else cell.problem.k
    sizes = {cell.chunks.g, cell.chunks.last}
    same = all(completion(law_of(cell), size, min(size, most)) is not None for size in sizes)
    return None if same else "one that depends on how many were right"


def on_counts(cell: Cell) -> str | None:
    """Which blocks are called depends on the number of incorrect ones alone."""
    schedule = schedule_of(cell)
    if type(schedule) in (AllBlocks, UniformSubset):
        return None
    if type(schedule) in (UniformChunk, OnlyIncorrect, RoundRobin) and cell.chunks.g == cell.problem.k:
        return None
    if type(schedule) in (UniformChunk, OnlyIncorrect):
        return one_block(cell)
    return type_name(type(schedule))


def accepts_weakly(cell: Cell) -> bool:
    """Whether an equally good offspring replaces its parent."""
    return cell.runner == OnePlusLambda(cell.runner.lam, "weak")


def strict(cell: Cell) -> str | None:
    """An equally good offspring is rejected."""
    return 'accept = "weak"' if accepts_weakly(cell) else None


def weak(cell: Cell) -> str | None:
    """An equally good offspring replaces its parent."""
    return None if accepts_weakly(cell) else 'accept = "strict"'


def answers_valid(cell: Cell) -> str | None:
    """Every answer is valid."""
    return None if always_valid(cell) else "some that are not"


def noisy(cell: Cell) -> str | None:
    """Evaluators that err, whose acceptance depends on the number of correct blocks alone."""
    problem = cell.problem
    if type(problem) is Noisy and type(problem.problem) in OF_COUNTS:
        return None
    return judged_onemax(cell) if type(problem) is Judged else _named(problem)


def noisy_onemax(cell: Cell) -> str | None:
    """Gaussian noise on the number of correct blocks."""
    problem = cell.problem
    return None if type(problem) is Noisy and onemax_like_problem(problem.problem) else _named(problem)


def judged_onemax(cell: Cell) -> str | None:
    """Judges of the blocks of a problem whose fitness is their number."""
    problem = cell.problem
    return None if type(problem) is Judged and onemax_like_problem(problem.problem) else _named(problem)


def plain_onemax(cell: Cell) -> str | None:
    """All correct blocks count the same, so that of several repairs the first wins."""
    return None if onemax_like_problem(cell.problem) else type_name(type(cell.problem))


def onemax_like_problem(problem: Problem) -> bool:
    """Whether the fitness is the number of correct blocks."""
    return type(problem) in (BlockOneMax, UnequalBlocks)


def _named(problem: Problem) -> str:
    inside = f" around {type_name(type(problem.problem))}" if is_noisy(problem) else ""
    return type_name(type(problem)) + inside


def afresh(cell: Cell) -> str | None:
    """Parent and offspring are judged anew each generation, in as many blocks."""
    problem = cell.problem
    if not isinstance(problem, Noisy | Judged):
        return None
    if not problem.reevaluate:
        return "reevaluate = false"
    if isinstance(problem, Noisy):
        return None
    if problem.persistent:
        return "persistent = true"
    if problem.blocks == "all" or cell.chunks.g == problem.k:
        return None
    if cell.chunks.g > 1:
        return f'blocks = "changed" with g = {cell.chunks.g}'
    outside = one_that_changes_outside(cell.mutator)
    return None if outside is None else 'blocks = "changed", and calls that change others too'


def new_texts(cell: Cell) -> str | None:
    """Every call writes its blocks anew: a refusal leaves a text, and its verdict, as it was."""
    keeps = (each for each in nest(cell.mutator) if isinstance(each, Refuse | Sparse))
    return next((type_name(type(each)) for each in keeps), None)


def stored(cell: Cell) -> str | None:
    """The parent keeps its value."""
    problem = cell.problem
    return "reevaluate = true" if isinstance(problem, Noisy) and problem.reevaluate else None


def lasting(cell: Cell) -> str | None:
    """A text keeps its verdicts."""
    problem = cell.problem
    if not isinstance(problem, Judged):
        return None
    if problem.samples > 1:
        return f"samples = {problem.samples}"
    lasts = problem.persistent or (problem.blocks == "changed" and not problem.reevaluate)
    return None if lasts else "verdicts that are drawn anew"
