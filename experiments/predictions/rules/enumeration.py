"""Rules that list all solutions, for few blocks: no formula is needed, whatever the fitness (theory 4c, 5a, 8, 10)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evo.laws.declared import declared_law
from evo.laws.mixtures import ComponentLaw
from evo.laws.special import PerBlockLaw, SpillLaw
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UntilResolved, invalid_is_down
from evo.theory import MAX_STATES, RunLaw
from evo.theory.problems.enumeration import BlockCall, enumerated
from experiments.grids.cell import Cell
from experiments.predictions.conditions import (
    KINDS,
    accepts_weakly,
    afresh,
    few_states,
    independent_blocks,
    is_a,
    landscape,
    noisy,
    not_a,
    one_offspring,
    our_schedule,
    resolved_block,
    schedule_of,
    start_of,
    truth,
)
from experiments.predictions.rules.acceptance import acceptance
from experiments.predictions.rules.rule import Rule
from problems import BlockOneMax


def _call(cell: Cell) -> BlockCall:
    law = declared_law(cell.mutator)
    if type(law) is PerBlockLaw:
        return BlockCall(None, law.p)
    return BlockCall(law.inside, spill=law.rate) if type(law) is SpillLaw else BlockCall(law)


def enumerate_solutions(cell: Cell) -> RunLaw:
    """The chain on all solutions and pointers of a cell with an exact fitness."""
    schedule = schedule_of(cell)
    weak, down = accepts_weakly(cell), invalid_is_down(schedule)
    fitness = None if type(cell.problem) is BlockOneMax else _all_fitness(cell)
    kind, k, g = KINDS[type(schedule)], cell.problem.k, cell.chunks.g
    return enumerated(_call(cell), kind, k, g, start_of(cell), cell.runner.lam, weak, down, fitness)


def _all_solutions(k: int) -> BoolArray:
    """Bool [2^k, k]: block j of solution n is bit j."""
    return np.asarray((np.arange(1 << k)[:, None] >> np.arange(k)) & 1 == 1)


def _all_fitness(cell: Cell) -> FloatArray:
    """True fitness of each solution, float [2^k]."""
    return np.asarray(truth(cell).fitness(_all_solutions(cell.problem.k)), dtype=np.float64)


def _enumerate_noisy(cell: Cell) -> RunLaw:
    kind, k, g = KINDS[type(schedule_of(cell))], cell.problem.k, cell.chunks.g
    return enumerated(_call(cell), kind, k, g, start_of(cell), accept=_accept(cell))


def _accept(cell: Cell) -> Callable[[int, IntArray], FloatArray]:
    """P(an offspring replaces its parent), both as bits, from the numbers of their incorrect blocks."""
    k, by_counts = cell.problem.k, acceptance(cell)

    def accept(parent: int, children: IntArray) -> FloatArray:
        return np.asarray(by_counts[k - parent.bit_count(), k - np.bitwise_count(children).astype(np.int64)])

    return accept


_COMMON = (
    ("a mutator whose blocks are independent given the solution", independent_blocks),
    is_a("runner", OnePlusLambda),
    ("schedule AllBlocks, UntilResolved, RoundRobin, UniformChunk, UniformSubset or OnlyIncorrect", our_schedule),
    (f"at most {MAX_STATES} states", few_states),
)
_ABOUT = (ComponentLaw, PerBlockLaw, SpillLaw)

OF_SOLUTIONS = (
    Rule(
        "all solutions, one by one",
        (
            ("problem whose fitness is known", landscape),
            ("g = 1 under UntilResolved", resolved_block),
            *_COMMON,
        ),
        enumerate_solutions,
        _ABOUT,
    ),
    Rule(
        "all solutions, one by one, seen through evaluators that err",
        (
            ("problem Noisy or Judged, of the number of correct blocks", noisy),
            ("parent and offspring judged afresh", afresh),
            not_a("schedule", UntilResolved),
            ("lam = 1", one_offspring),
            *_COMMON,
        ),
        _enumerate_noisy,
        _ABOUT,
    ),
)
