"""Grids: the cells of an experiment, in arms that belong together, and how many runs of each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from evo.costs.budget import Budget
from evo.costs.ledger import Prompt
from evo.costs.prices import LLMPrimitive
from evo.errors import InputError
from evo.parameters import choice, shown, whole
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import expect_label
from experiments.grids.cell import Cell
from experiments.grids.outside.sheet import Sheet, Told
from experiments.grids.outside.telling import expect_apart, expect_read
from experiments.grids.programs.cell import ProgramCell
from experiments.grids.stopping import EXPECTED, MOST_RUNS, STOPPING_RULES, Runs

ENGINES = ("blocks", "deap", "law")
MOST_BATCH = 2**16
MOST_CELLS = 100_000
NAME, MOST_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*", 100
"""Of a grid, and of its results folder; characters at the most."""


def is_grid_name(name: object) -> bool:
    """Whether a grid, and its results folder, can have this name."""
    return isinstance(name, str) and len(name) <= MOST_NAME and re.fullmatch(NAME, name) is not None


@dataclass(frozen=True, repr=False)
class Grid(Told):
    """The cells of an experiment and how they are run.

    Attributes:
        name: names the results folder.
        arms: cells by the label of the arm they belong to (a plain sequence of cells is one arm, labelled "cells").
        runs: runs a cell: a number, or `UntilPrecise` or `UntilSuccesses`, which look at the runs so far.
        seed: names the random streams, with the cell's text.
        batch: runs simulated together; part of the streams' names, so another batch size means other draws.
        engine: "blocks" (batched), "deap" (DEAP's own loop, one run at a time), or "law" (drawn from the declared law:
            for looking ahead, no evidence).

    Raises: InputError if a parameter is out of range, a cell stands in it twice, or there is no cell.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from problems import BlockOneMax
    >>> from operators import Resample
    >>> grid = Grid("tiny", sweep(problem=[BlockOneMax(k, l=16) for k in (1, 2, 3)], mutator=Resample(0.5),
    ...                           schedule=AllBlocks(), runner=OnePlusLambda()), runs=100)
    >>> len(grid.cells)
    3
    """

    name: str
    arms: Mapping[str, Sequence[AnyCell]] | Sequence[AnyCell]
    runs: Runs = 1000
    seed: int = 1
    batch: int = 500
    engine: str = "blocks"
    cells: tuple[AnyCell, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not is_grid_name(self.name):
            raise InputError(
                "Grid: name must be letters, digits, '.', '_' or '-' (it names the results folder), at most "
                f"{MOST_NAME}, got {shown(self.name)}"
            )
        self._check_runs()
        whole(self, "seed", least=0)
        whole(self, "batch", least=1, most=MOST_BATCH)
        choice(self, "engine", ENGINES)
        arms = self.arms if isinstance(self.arms, Mapping) else {"cells": self.arms}
        frozen = {label: self._arm(label, cells) for label, cells in arms.items()}
        expect_apart(f"Grid {self.name!r}", frozen)
        object.__setattr__(self, "arms", frozen)
        object.__setattr__(self, "cells", tuple(cell for cells in frozen.values() for cell in cells))
        self._check_cells()

    def __repr__(self) -> str:
        from experiments.grids.described import heading

        return f"<Grid {heading(self)}>"

    def sheet(self) -> Sheet:
        """What `print` says: how it is run, its arms, and what varies in each."""
        from experiments.grids.described import grid_sheet

        return grid_sheet(self)

    @property
    def labels(self) -> dict[str, str]:
        """The arm's label of each cell, by the cell's id."""
        assert isinstance(self.arms, Mapping)  # __post_init__ made it one
        return {cell.id: label for label, cells in self.arms.items() for cell in cells}

    @cached_property
    def samples(self) -> dict[str, list[AnyCell]]:
        """The cells that share their runs, by the name of these (`Cell.sample`)."""
        found: dict[str, list[AnyCell]] = {}
        for cell in self.cells:
            found.setdefault(cell.sample, []).append(cell)
        return found

    @property
    def surplus(self) -> int:
        """Runs that whole batches make beside those that the table keeps; 0 under a rule, which asks after a batch.

        >>> from evo import OnePlusLambda, UntilResolved
        >>> from operators import Resample
        >>> from problems import BlockOneMax
        >>> from experiments import Cell
        >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda())
        >>> Grid("few", [cell], runs=200).surplus, Grid("few", [cell], runs=200, batch=100).surplus
        (300, 0)
        """
        if not isinstance(self.runs, int):
            return 0
        return sum(-self.runs % cells[0].batch_size(self.batch) for cells in self.samples.values())

    def _check_runs(self) -> None:
        if type(self.runs) in STOPPING_RULES:
            return
        try:
            whole(self, "runs", least=1, most=MOST_RUNS)
        except InputError:
            if isinstance(self.runs, int | float):
                raise
            raise InputError(f"Grid: runs must be {EXPECTED}, got {shown(self.runs)}") from None

    def _arm(self, label: object, cells: object) -> tuple[AnyCell, ...]:
        expect_label(f"Grid {self.name!r}", label)
        expect_read(f"Grid {self.name!r}", str(label))
        if not isinstance(cells, Iterable):
            arm = f"Grid {self.name!r}: expected in the arm {shown(label)}"
            raise InputError(f"{arm} a list of cells, got {shown(cells)}")
        return tuple(cells)

    def _check_cells(self) -> None:
        if not self.cells:
            raise InputError(f"Grid {self.name!r}: expected at least one cell, got none")
        expect_few(len(self.cells), f"Grid {self.name!r}: ")
        for cell in self.cells:
            if not isinstance(cell, AnyCell):
                raise InputError(f"Grid {self.name!r}: expected cells, got {shown(cell)}")
            if refusal := cell.why_not(self.engine):
                raise InputError(f"Grid {self.name!r}: {refusal}")
        seen: set[str] = set()
        for cell in self.cells:
            if cell.text in seen:
                raise InputError(f"Grid {self.name!r}: the cell {cell.text} stands in it twice; leave one out")
            seen.add(cell.text)


def expect_few(cells: int, where: str = "") -> None:
    """Refuse more cells than a table of cells, and their predictions, have room and time for.

    Raises: InputError.
    """
    if cells > MOST_CELLS:
        raise InputError(
            f"{where}expected at most {MOST_CELLS:,} cells, got {cells:,} or more; shorten the axes, or make several "
            "grids of it"
        )


def sweep(
    *,
    problem: Any = None,
    mutator: Any = None,
    schedule: Any = None,
    runner: Any = None,
    prompt: Any = Prompt(),
    cost: Any = LLMPrimitive(),
    budget: Any = Budget(),
    program: Any = None,
) -> list[Any]:
    """All combinations of the parts: a list or tuple of parts is an axis.

    Either problem, mutator, schedule and runner, or a program: cells of searches, or of programs of calls. The last
    axis varies fastest. Where parts share an axis, axes run together, or some combinations are no cells:
    `experiments.grids.axes.grid_cells`.
    """
    search = {"problem": problem, "mutator": mutator, "schedule": schedule, "runner": runner}
    given = [name for name, part in search.items() if part is not None]
    if program is None and len(given) < len(search):
        missing = " and ".join(name for name in search if name not in given)
        raise InputError(f"sweep: expected problem, mutator, schedule and runner, or a program, got no {missing}")
    if program is not None and (given or prompt != Prompt() or budget not in (None, Budget())):
        beside = given or [name for name, same in (("prompt", prompt == Prompt()), ("budget", False)) if not same]
        raise InputError(f"sweep: a program has only cost beside it, got {' and '.join(beside[:3])}, too")
    if program is not None:
        axes = [_axis(program), _axis(cost)]
        expect_few(math.prod(map(len, axes)))
        return [ProgramCell(*parts) for parts in product(*axes)]
    axes = [_axis(part) for part in (*search.values(), prompt, cost, budget)]
    expect_few(math.prod(map(len, axes)))
    return [Cell(*parts) for parts in product(*axes)]


def _axis(part: Any) -> Sequence[Any]:
    return part if isinstance(part, list | tuple) else [part]
