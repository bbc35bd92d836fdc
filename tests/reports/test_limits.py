"""Where tables of the terminal and exports change their form: the last value of one form, the first of the other."""

import io
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from evo import AllBlocks, OnePlusLambda
from evo.errors import InputError
from experiments import Cell, Grid, run_grid
from experiments.reports import ioh, terminal
from experiments.reports.listing.rows import Row, laid_out
from experiments.reports.overview import overview
from operators import Resample
from problems import BlockOneMax

NUMBERS = ("hit", "median", "hit_predicted", "cost", "cost_predicted", "ert", "success_predicted")
PLAIN = {"cell": "c", "lam": 1, "text": "Cell(problem=..)", "verdict": "AGREES", "censored": 0, "success_ratio": 1.0}


def tables(names, width=250, ks=(2,)):
    """What a report opens with, of a cell for each name and k; tables of costs come after."""
    rows = [PLAIN | dict.fromkeys(NUMBERS, 1.0) | {"series": name, "k": k} for name in names for k in ks]
    return overview(pd.DataFrame(rows), width)


def texts(table, column):
    return list(table.columns[column].cells)


@pytest.mark.parametrize(
    ("names", "across"),
    [
        (["a" * 10 + " " + "b" * 9], True),  # twenty: two lines of ten
        (["a" * 10 + " " + "b" * 10], False),
        (["a" * 12 + " " + "b" * 11], True),  # two lines as wide as its longest word
        (["a" * 12 + " " + "b" * 12], False),
        (list("abcdefg"), True),
        (list("abcdefgh"), False),
    ],
)
def test_up_to_seven_arms_whose_names_take_two_lines_stand_side_by_side(names, across):
    assert isinstance(tables(names)[0], Table) is across


@pytest.mark.parametrize(("width", "arms"), [(8 + 3 * 13, [3]), (8 + 3 * 13 - 1, [2, 1]), (8 + 2 * 13 - 1, [1, 1, 1])])
def test_a_table_has_as_many_arms_as_its_width_has_room_for(width, arms):
    """Eight characters of k, and of each arm ten with three between."""
    of_calls = tables("abc", width)[: len(arms)]
    assert [len(table.columns) - 1 for table in of_calls] == arms


@pytest.mark.parametrize(("width", "lines"), [(8 + 2 * 20, 1), (8 + 2 * 20 - 1, 2)])
def test_the_exact_mean_stands_beside_the_measured_one_where_each_arm_has_twenty_characters(width, lines):
    (cell,) = texts(tables("ab", width)[0], 1)
    assert len(cell.splitlines()) == lines


@pytest.mark.parametrize(("most", "listed"), [(13, range(1, 14)), (14, (1, 2, 4, 8))])
def test_up_to_thirteen_sizes_are_all_listed_and_of_more_the_powers_of_two(most, listed):
    assert texts(tables("a", ks=range(1, most + 1))[0], 0) == [str(k) for k in listed]


@pytest.mark.parametrize(("parameters", "columns"), [("pqr", True), ("pqrs", False)])
def test_up_to_three_parameters_have_columns(parameters, columns):
    rows = [
        Row(", ".join(["a", *(f"{name} = {value}" for name in parameters)]), {"k": "2", "hit": "3"}) for value in (1, 2)
    ]
    assert laid_out(rows, 250).by_columns is columns


@pytest.mark.parametrize(("ks", "told"), [((2, 4, 4, 2), False), ((2, 4, 8), True)])
def test_growth_of_drawn_runs_is_told_from_three_sizes_on(ks, told, monkeypatch):
    shown = []
    monkeypatch.setattr("experiments.fits.fit.fit", lambda results: results)
    monkeypatch.setattr(terminal, "show_fits", lambda fits, console: shown.append(fits))
    results = SimpleNamespace(runs=[0] * 9, cells=pd.DataFrame({"problem.k": ks}))
    terminal.show_drawn(results, Console(file=io.StringIO()))
    assert shown == ([results] if told else [])


def test_k_is_exported_to_ioh_up_to_its_largest_number_and_l_beyond_it_is_no_instance(monkeypatch):
    cell = Cell(BlockOneMax(k=3, l=4), Resample(0.5), AllBlocks(), OnePlusLambda())
    results = run_grid(Grid("mine", [cell], runs=2, batch=2), workers=1)

    def instance(most):
        monkeypatch.setattr(ioh, "MOST_NUMBER", most)
        (place,) = ioh._places(results)
        return place.instance

    assert ioh.MOST_NUMBER == 65_535
    assert (instance(5), instance(4), instance(3)) == (4, 4, 1)
    with pytest.raises(InputError, match=r"expected k to be at most 2, which .* can read as a dimension, got 3;"):
        instance(2)
