"""A grid in words: how it is run, its arms, and what varies in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from evo.text import parameters
from experiments.grids.cells_table import part_columns
from experiments.grids.outside.sheet import Sheet
from experiments.grids.outside.telling import told_apart
from experiments.grids.stopping import in_words

if TYPE_CHECKING:
    from experiments.grids.any_cell import AnyCell
    from experiments.grids.grid import Grid

LISTED = 6
"""Values of an axis that are all told; of more the ends and their number."""


def heading(grid: Grid) -> str:
    """The name of a grid, and how it is run, on one line."""
    arms = len(grid.arms)
    cells = f"{len(grid.cells):,} cell{'' if len(grid.cells) == 1 else 's'}"
    drawn = "" if grid.engine == "blocks" else f", engine {grid.engine}"
    in_arms = f" in {arms} arms" if arms > 1 else ""
    return f"{grid.name}: {cells}{in_arms}, {in_words(grid.runs)} a cell, seed {grid.seed}{drawn}"


def grid_sheet(grid: Grid) -> Sheet:
    """A row an arm."""
    rows = tuple((label, f"{cells:,}", varies) for label, cells, varies in arms_told(grid))
    return Sheet(heading(grid), ("arm", "cells", "what varies"), rows)


def arms_told(grid: Grid) -> list[tuple[str, int, str]]:
    """Label, cells and what varies of each arm.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from experiments.grids.grid import Grid, sweep
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> tasks = [BlockOneMax(k, l=16) for k in (1, 2, 3)]
    >>> cells = sweep(problem=tasks, mutator=Resample(0.5), schedule=AllBlocks(), runner=OnePlusLambda())
    >>> arms_told(Grid("tiny", cells))
    [('cells', 3, 'k = 1, 2, 3')]
    """
    assert isinstance(grid.arms, Mapping)  # Grid made it one
    return [(label, len(cells), varying(cells)) for label, cells in grid.arms.items()]


def varying(cells: Iterable[AnyCell]) -> str:
    """What differs between some cells, with its values."""
    values: dict[str, dict[object, None]] = {}
    for cell in cells:
        for kind, part in parameters(cell).items():
            for name, value in part_columns(kind, part).items():
                values.setdefault(name, {})[value] = None
    told = {name: list(each) for name, each in values.items() if len(each) > 1}
    short = [name.rpartition(".")[2] for name in told]
    return "; ".join(
        f"{name if short.count(last) > 1 else last} = {values_told(told[name])}"
        for name, last in zip(told, short, strict=True)
    )


def values_told(values: list[object]) -> str:
    """A few values, or the ends of many.

    >>> values_told([1, 2, 4]), values_told(list(range(1, 17)))
    ('1, 2, 4', '1 .. 16 (16 values)')
    """
    said = [
        f"{value:.6g}" if isinstance(value, float) else told_apart(value) if isinstance(value, str) else str(value)
        for value in values
    ]
    if len(said) <= LISTED and sum(map(len, said)) <= 60:
        return ", ".join(said)
    if all(isinstance(value, int | float) for value in values):
        low, high = (f"{end(values):.6g}" for end in (min, max))  # type: ignore[type-var]  # all are numbers
        return f"{low} .. {high} ({len(values)} values)"
    return f"{len(values)} values"
