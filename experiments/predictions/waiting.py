"""Schedules that may wait for ever: UntilResolved, where no call moves the fitness."""

from __future__ import annotations

from evo.errors import NoPrediction
from evo.landscapes import Leading
from evo.laws.counts import CallLaw
from evo.laws.special import PerBlockLaw
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UntilResolved
from evo.text import type_name
from experiments.grids.cell import Cell
from experiments.predictions.setting import Setting

STAYS = "a run may wait for ever: UntilResolved stays at a chunk until the fitness moves, and no call moves it "
AT_CORRECT = f"{STAYS}where all blocks of the chunk are correct, since none is damaged"
BEHIND = f"{STAYS}where the chunk lies behind an incorrect block of {{problem}}"


def waits_for_ever(cell: Cell) -> str:
    """That a run may stay at a correct chunk for ever, in words; empty if none does, or it is not known.

    With one block a call only where correct blocks may stand before incorrect ones at the start; with more also where a
    call may repair a part of a chunk, which is then left.

    >>> from evo import Budget
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax
    >>> parts = FixKeep(0.5, 1.0), UntilResolved(), OnePlusLambda()
    >>> waits_for_ever(Cell(BlockOneMax(4, 1), *parts))
    ''
    >>> waits_for_ever(Cell(BlockOneMax(4, 1, start=0.5), *parts)) == AT_CORRECT
    True
    """
    of = Setting(cell.search)
    if type(of.schedule) is not UntilResolved or type(of.runner) is not OnePlusLambda or of.search.chunks.m == 1:
        return ""
    if of.evaluators is not None or of.down:
        return ""
    try:
        if isinstance(of.landscape, Leading) and isinstance(of.law, CallLaw) and _leaves_a_part(of):
            return BEHIND.format(problem=type_name(type(of.problem)))
        return AT_CORRECT if _at_correct(of) else ""
    except NoPrediction:  # how runs start is not known
        return ""


def _at_correct(of: Setting) -> bool:
    """Whether a run may come to a chunk that is correct, and stays so, before its end."""
    start, g = of.start, of.g
    before = start.p0 > 0.0 or start.k - start.most >= g  # a correct chunk before an incorrect one, at the start
    leaves = _leaves_a_part(of)
    if start.most == 0 or not (before or leaves):
        return False
    if isinstance(of.law, PerBlockLaw):
        sure = [min(of.law.p[first : first + g]) == 1.0 for first in range(0, of.k, g)]
        return any(sure if leaves else sure[:-1])
    sizes = {g, of.search.chunks.last} if leaves else {g}
    return isinstance(of.law, CallLaw) and any(not of.law.pmf(size, 0)[:size].any() for size in sizes)


def _leaves_a_part(of: Setting) -> bool:
    """Whether a call may repair a part of a chunk, which is then left, and come back."""
    if of.start.most < 2 or of.g == 1:
        return False
    if isinstance(of.law, PerBlockLaw):
        return any(0.0 < p < 1.0 for p in of.law.p)
    return isinstance(of.law, CallLaw) and bool(of.law.pmf(of.g, of.g)[1 : of.g].any())
