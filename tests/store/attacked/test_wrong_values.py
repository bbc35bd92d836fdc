"""Values that a results folder must not hold, one at a time, each refused in words; the ones just within are read."""

import enum
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda
from experiments import Cell, Grid, ProgramCell, load, run_grid
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import MOST_BATCH, MOST_CELLS
from experiments.grids.outside.reading import Unsound
from experiments.store.grid_json import _expect_values, grid_record
from experiments.store.third_party.origins import Origin
from experiments.store.verify.cells import _expect_columns, read_cells_file
from experiments.store.verify.columns import expect_told, is_null
from operators import Resample
from problems import BlockOneMax
from problems.systems import Generalist


@pytest.fixture(scope="module")
def grid():
    search = Cell(BlockOneMax(k=2, l=3), Resample(0.5), AllBlocks(), OnePlusLambda())
    return Grid("mine", {"searches": [search], "programs": [ProgramCell(Generalist(k=2, n=10))]}, runs=4, batch=4)


@pytest.fixture(scope="module")
def table(grid, tmp_path_factory):
    """What is stored of a search and of a program, with their predictions."""
    folder = tmp_path_factory.mktemp("stored") / "out"
    run_grid(grid, folder, workers=1)
    assert len(load(folder).cells) == 2
    return read_cells_file(folder / "cells.parquet")


NAN = np.nan


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("arm", ["a", 3], "arm: expected words, got 3"),
        ("arm", ["a", "b\n"], "arm"),
        ("sample", ["s91d3897c6443-07a43a94", "elsewhere/.."], "sample: expected names of runs, got 'elsewhere/..'"),
        ("weight.calls", [0.0, np.inf], "weight.calls: expected finite numbers, got inf"),
        ("weight.calls", [NAN, 0.0], "weight.calls: expected finite numbers, got nan"),
        ("weight.calls", ["0", "1"], "weight.calls: expected numbers, got"),
        ("problem.k", [1.0, NAN], None),
        ("problem.k", [0.0, NAN], "problem.k: expected whole numbers >= 1 of searches, got 0.0"),
        ("problem.k", [1.5, NAN], "problem.k: expected whole numbers >= 1 of searches, got 1.5"),
        ("problem.k", [np.inf, NAN], "problem.k: expected whole numbers >= 1 of searches, got inf"),
        ("problem.k", [2.0, 2.0], "problem.k: expected whole numbers >= 1 of searches, got 2.0"),
        ("runner.lam", [NAN, NAN], "runner.lam: expected whole numbers >= 1 of searches, got nan"),
        ("role.generalist.size", [NAN, 1e-9], None),
        ("role.generalist.size", [NAN, 0.0], "role.generalist.size: expected sizes > 0, got 0.0"),
        ("role.generalist.size", [NAN, np.inf], "role.generalist.size: expected sizes > 0, got inf"),
        ("predicted.hit.mean", [0.0, np.inf], None),
        ("predicted.hit.mean", [-1e-9, NAN], "predicted.hit.mean: expected numbers >= 0, got -1e-09"),
        ("prediction.source", ["theory", NAN], None),
        ("prediction.source", ["theory", 3], "prediction.source: expected words, got 3"),
        ("predicted.hit.times", [np.array([1, 2]), np.array([0.0])], "predicted.hit.times: expected lists of numbers"),
    ],
)
def test_a_table_of_cells_holds_what_its_columns_may(table, column, values, words):
    wrong = table.assign(**{column: values})
    if words is None:
        _expect_columns(wrong)
        return
    with pytest.raises(Unsound) as refused:
        _expect_columns(wrong)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("times", "cdf", "sound"),
    [
        ([0.0, 1.0, np.inf], [0.0, 0.5, 1.0], True),
        ([0.0, 1.0, 2.0], [0.5, 0.5, 0.5], True),
        ([0.0, 1.0, 1.0], [0.0, 0.5, 1.0], False),
        ([0.0, 2.0, 1.0], [0.0, 0.5, 1.0], False),
        ([-1.0, 1.0, 2.0], [0.0, 0.5, 1.0], False),
        ([0.0, 1.0, 2.0], [0.0, 0.5, 0.4], False),
        ([0.0, 1.0, 2.0], [-0.1, 0.5, 1.0], False),
        ([0.0, 1.0, 2.0], [0.0, 0.5, 1.1], False),
        ([0.0, 1.0], [0.0, 0.5, 1.0], False),
    ],
)
def test_a_stored_law_is_one(table, times, cdf, sound):
    first = {"predicted.hit.times": np.array(times), "predicted.hit.cdf": np.array(cdf)}
    changed = table.assign(**{name: [value, table[name].iloc[1]] for name, value in first.items()})
    if sound:
        _expect_columns(changed)
        return
    with pytest.raises(Unsound, match="expected rising times and the chances that they are reached"):
        _expect_columns(changed)


def test_columns_are_all_there_and_once(table):
    for name in ("text", "weight.calls", "problem.l"):
        with pytest.raises(Unsound, match=f"has no column {name}$"):
            _expect_columns(table.drop(columns=name))
    _expect_columns(table[table["arm"] == "programs"].drop(columns=["problem.k", "problem.l", "runner.lam"]))
    twice = table.set_axis([{"cost.m": "cost"}.get(name, name) for name in table.columns], axis=1)
    with pytest.raises(Unsound, match="has two columns of one name"):
        _expect_columns(twice)


ORIGIN = {each.name: None for each in fields(Origin)} | {"module": "m", "earlier": []}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"batch": MOST_BATCH, "cells": MOST_CELLS, "seed": 0, "batches": 1}, None),
        ({"batch": MOST_BATCH + 1}, f"batch must be at most {MOST_BATCH}, got {MOST_BATCH + 1}"),
        ({"cells": MOST_CELLS + 1}, f"cells must be at most {MOST_CELLS}, got {MOST_CELLS + 1}"),
        ({"seed": -1}, "seed"),
        ({"batch": 0}, "batch"),
        ({"batches": 0}, "batches"),
        ({"runs": 0}, "runs"),
        ({"format": 3}, "expected format 2, got 3; use the version that wrote it"),
        ({"engine": "magic"}, "expected the engine blocks or deap or law, got 'magic'"),
        ({"name": "../other"}, "expected words for name and table, got '../other', "),
        ({"table": 3}, "expected words for name and table, got 'mine', 3"),
        ({"table": None}, "expected words for name and table, got 'mine', None"),
        ({"parts": []}, "expected under parts the keys"),
        ({"parts": {"A": {}}}, "expected under parts the keys"),
        ({"parts": {"A": ORIGIN}}, None),
        ({"parts": {"A": ORIGIN | {"reads": {"m": "x"}, "earlier": ["x"]}}}, None),
        ({"parts": {"A": ORIGIN | {"module": None}}}, "parts.A.module must be a word, got None"),
        ({"parts": {"A": ORIGIN | {"earlier": None}}}, "parts.A.earlier must be a list of words, got None"),
        ({"parts": {"A": ORIGIN | {"earlier": [3]}}}, "parts.A.earlier must be a list of words, got [3]"),
        ({"parts": {"A": ORIGIN | {"reads": {"m": 3}}}}, "parts.A.reads must be words by name, got {'m': 3}"),
        ({"parts": {"A": ORIGIN | {"reads": []}}}, "parts.A.reads must be words by name, got []"),
    ],
)
def test_grid_json_holds_what_its_keys_may(grid, changed, words):
    record = grid_record(grid) | changed
    if words is None:
        _expect_values(record)
        return
    with pytest.raises((Unsound, ValueError)) as refused:
        _expect_values(record)
    assert words in str(refused.value)


@dataclass(frozen=True)
class Given:
    """A part of somebody's, which takes its values as they are."""

    value: object

    def rewrite(self, correct, rng):
        return correct


class Rate(enum.Enum):
    LOW = 0.3
    PAIR = (1, 2.5)
    NONE = None


class Level(enum.IntEnum):
    ONE = 1


class Pair(NamedTuple):
    first: float
    second: tuple[Level, Rate]


@dataclass(frozen=True)
class OfRate(Given):
    value: Rate


@dataclass(frozen=True)
class OfPair(Given):
    value: Pair


@dataclass(frozen=True)
class Mixed(Given):
    value: Rate | tuple | str | None


@pytest.mark.parametrize(
    ("kind", "values", "columns"),
    [
        (Given, [np.int64(3), 4], [3, 4]),
        (Given, [np.float32(0.5)], [0.5]),
        (Given, [np.bool_(True)], [True]),
        (OfRate, [Rate.LOW, Rate.NONE], [0.3, None]),
        (Given, [(1.0, 2)], ["(1.0, 2)"]),
        (Given, [(np.float64(1.0), np.inf, np.int8(2))], ["(1.0, inf, 2)"]),
        (OfPair, [Pair(1.0, (Level.ONE, Rate.PAIR))], ["(1.0, (1, (1, 2.5)))"]),
        (Given, [1.0, "1", "a", -0.0, True], ["1.0", "1", "a", "-0.0", "True"]),
        (Mixed, [Rate.LOW, (1.0,), "a", None], ["0.3", "(1.0,)", "a", None]),
        (Given, [np.inf, "inf", "(inf,)"], ["inf", "'inf'", "(inf,)"]),
    ],
)
def test_a_row_says_what_its_text_says_of_any_value(kind, values, columns):
    """A folder of such cells was taken for damaged by the launch that had made it, and by each later one."""
    cells = [Cell(BlockOneMax(k=2, l=3), kind(value), AllBlocks(), OnePlusLambda()) for value in values]
    rows = cells_table(Grid("x", cells, runs=1)).reset_index().to_dict("records")
    for row, column in zip(rows, columns, strict=True):
        expect_told(row)
        assert (None if is_null(row["mutator.value"]) else row["mutator.value"]) == column
        with pytest.raises(Unsound, match=r"^mutator\.value of the cell \w+ is .*, its text says"):
            expect_told(row | {"mutator.value": "(1.5, 2)"})
