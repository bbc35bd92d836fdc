"""The numbers of the page: costs of cells and of programs of calls, exact and as their runs gave them."""

from __future__ import annotations

from functools import cache
from typing import Any

from evo import AllBlocks, OnePlusLambda, UntilResolved
from evo.costs.ledger import Prompt
from evo.costs.prices import LLMPrimitive
from evo.programs import ENTRIES
from evo.protocols import AnyMutator, CostModel, Schedule
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.paper.kept import kept_runs
from experiments.paper.numbers import Leaf, Number
from experiments.predictions.predict import predict
from operators import FixKeep, Resample
from problems import BlockOneMax

HALF = Resample(p=0.5)
PASSES, SQUARES, CALLS, DONE = "pass_tokens", "pass_tokens_squared", "calls", "done"
CELLS: dict[str, AnyCell] = {}
"""Every cell that was asked for a number, by its name."""


def number_of(cell: AnyCell, quantity: str, exact: float) -> Number:
    """A quantity of a cell, exact and as its runs gave it."""
    CELLS[cell.id] = cell
    leaf = Leaf(cell.id, quantity)
    row = kept_runs().get(leaf)
    return Number(exact, float(row["mean"]), frozenset({leaf})) if row else Number(exact, leaves=frozenset({leaf}))


def mean(cell: AnyCell, quantity: str = "hit") -> Number:
    """The mean of a quantity that cells have a prediction of."""
    return number_of(cell, quantity, predict(cell, quantity).mean)


def of(program: Any, entry: str = PASSES, role: str = "") -> Number:
    """An entry of the ledger, each role's times the size of its model; of one role, if it is named."""
    made, at = ProgramCell(program), ENTRIES.index(entry)
    rows = zip(program.roles, _ledger(program), strict=True)
    parts = [
        (1.0 if entry == CALLS else each.model.size) * number_of(made, f"{each.name}.{entry}", float(row[at]))
        for each, row in rows
        if not role or each.name == role
    ]
    return sum(parts[1:], parts[0])


def done(program: Any) -> Number:
    """The chance that a program's task is done right."""
    known = getattr(program, "done", None)
    return number_of(ProgramCell(program), DONE, float(program.expected().done if known is None else known))


def exactly(program: Any, entry: str = PASSES) -> float:
    """The exact number alone, of systems that are compared and not told."""
    return float(of(program, entry))


def cell(schedule: Schedule, k: int, l: int = 16, mutator: AnyMutator = HALF, **more: Any) -> Cell:
    """A cell of Section 3.3: strict (1+1)-EA, all blocks incorrect at first."""
    return Cell(BlockOneMax(k=k, l=l), mutator, schedule, OnePlusLambda(), **more)


def calls(schedule: Schedule, k: int, mutator: AnyMutator = HALF) -> Number:
    """Mean calls."""
    return mean(cell(schedule, k, mutator=mutator))


def with_rates(schedule: Schedule, k: int, fix: float, keep: float) -> Number:
    """Mean calls with fix and keep."""
    return calls(schedule, k, FixKeep(fix=fix, keep=keep))


def cost(
    schedule: Schedule, k: int, l: int = 16, price: CostModel | None = None, prompt: Prompt | None = None
) -> Number:
    """Mean cost."""
    return mean(cell(schedule, k, l, cost=price or LLMPrimitive(), prompt=prompt or Prompt()), "cost")


def speedup(k: int, l: int = 16, price: CostModel | None = None, prompt: Prompt | None = None) -> Number:
    """Cost of GLOBAL over that of LOCAL (UntilResolved), which may see more than its block."""
    return cost(AllBlocks(), k, l, price) / cost(UntilResolved(), k, l, price, prompt)


@cache
def _ledger(program: Any) -> Any:
    return program.expected().ledger
