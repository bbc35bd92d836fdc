"""The exact numbers of the page: costs of cells and of programs of calls."""

from __future__ import annotations

from typing import Any

from evo import AllBlocks, OnePlusLambda, UntilResolved
from evo.costs.ledger import Prompt
from evo.costs.prices import LLMPrimitive
from evo.programs import ENTRIES
from evo.protocols import AnyMutator, CostModel, Schedule
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from operators import FixKeep, Resample
from problems import BlockOneMax

HALF = Resample(p=0.5)
PASSES, SQUARES, CALLS = "pass_tokens", "pass_tokens_squared", "calls"


def of(program: Any, entry: str = PASSES, role: str = "") -> float:
    """An entry of the expected ledger, each role's times the size of its model; of one role, if it is named."""
    ledger = program.expected().ledger
    at = ENTRIES.index(entry)
    sizes = [1.0 if entry == CALLS else each.model.size for each in program.roles]
    shown = [not role or each.name == role for each in program.roles]
    return float(sum(size * row[at] for size, row, there in zip(sizes, ledger, shown, strict=True) if there))


def done(program: Any) -> float:
    """The chance that a program's task is done right."""
    return float(program.expected().done)


def cell(schedule: Schedule, k: int, l: int = 16, mutator: AnyMutator = HALF, **more: Any) -> Cell:
    """A cell of Section 3.3: strict (1+1)-EA, all blocks incorrect at first."""
    return Cell(BlockOneMax(k=k, l=l), mutator, schedule, OnePlusLambda(), **more)


def calls(schedule: Schedule, k: int, mutator: AnyMutator = HALF) -> float:
    """Exact mean calls."""
    return predict(cell(schedule, k, mutator=mutator)).mean


def with_rates(schedule: Schedule, k: int, fix: float, keep: float) -> float:
    """Exact mean calls with fix and keep."""
    return calls(schedule, k, FixKeep(fix=fix, keep=keep))


def cost(
    schedule: Schedule, k: int, l: int = 16, price: CostModel | None = None, prompt: Prompt | None = None
) -> float:
    """Exact mean cost."""
    made = cell(schedule, k, l, cost=price or LLMPrimitive(), prompt=prompt or Prompt())
    return predict(made, "cost").mean


def speedup(k: int, l: int = 16, price: CostModel | None = None, prompt: Prompt | None = None) -> float:
    """Exact cost of GLOBAL over that of LOCAL (UntilResolved), which may see more than its block."""
    return cost(AllBlocks(), k, l, price) / cost(UntilResolved(), k, l, price, prompt)
