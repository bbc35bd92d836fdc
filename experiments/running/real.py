"""Cells whose mutator is a real language model: what a launch needs for them, and how their calls end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from evo.errors import EvoError, InputError
from evo.forms.texts import asks_a_model
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.running.executors.executor import Executor, WorkersLost


class SpendingEnded(EvoError):
    """A cap on real calls: no request was sent that could have overstepped it."""


class EndpointLost(WorkersLost):
    """The endpoint gives no answers; those that it gave are kept."""


class RealExecution(Protocol):
    """How the calls of a launch are made; `experiments.RealCalls` is one."""

    def expect_ready(self, cells: Iterable[AnyCell]) -> None:
        """Check endpoint, key and cells, before anything is made.

        Raises: InputError.
        """
        ...

    def executor(self, out: Path, tell: Callable[[str], None]) -> Executor:
        """Who runs batches of such cells, into a results folder."""
        ...


def expect_real(cells: Iterable[AnyCell], real: RealExecution | None, out: object, others: bool) -> None:
    """Refuse real calls that nobody has asked for, or that cannot be kept.

    Args:
        cells: of the grid.
        real: how they are made.
        out: the results folder.
        others: whether workers, memory, a time limit or a scheduler are asked for.

    Raises: InputError.
    """
    asking = [cell for cell in cells if isinstance(cell, Cell) and asks_a_model(cell.mutator)]
    if real is None:
        if asking:
            raise InputError(
                f"{asking[0].text:.200}: its mutator makes real calls, which may cost money: run_grid(.., "
                "real=RealCalls(base_url=.., max_calls=..)), or --base-url and --max-calls of `llm-evo run`"
            )
        return
    if not asking:
        raise InputError("run_grid: real calls are for cells whose mutator is an LLM(..), got none in the grid")
    if out is None:
        raise InputError("run_grid: real calls need a results folder (out): their answers are kept there")
    if others:
        raise InputError(
            "run_grid: real calls are made by this process, many at once; leave out workers, time_limit, memory and "
            "scheduler"
        )
    real.expect_ready(cells)
