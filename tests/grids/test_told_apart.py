"""Names and texts of a user's own parts: people tell them apart, and readers of a folder read them back."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass

import pytest

from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.checks.check import check
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.described import arms_told, heading, values_told, varying
from experiments.grids.grid import Grid
from experiments.grids.labels import labels
from experiments.grids.outside.telling import seen_as
from experiments.reports.export import export_results
from experiments.running.launch import run_grid
from experiments.store.results import load
from operators import Malformed, Refuse, Resample
from problems import BlockOneMax


@dataclass(frozen=True)
class Named:
    """A mutator with a value of any kind."""

    name: object

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


def cell(mutator, k=1):
    return Cell(BlockOneMax(k, l=2), mutator, AllBlocks(), OnePlusLambda())


LIKE_LOCAL = {
    "a chosen form": "local\ufe0f",
    "a joiner": "lo\u034fcal",
    "a form of a Han character": "local\U000e0100",
    "a note without a head": "local\U0001d159",
    "Cyrillic o": "l\u043ecal",
    "Cyrillic a and palochka": "loc\u0430\u04cf",
    "Greek omicron": "l\u03bfcal",
    "Armenian o": "l\u0585cal",
    "Cyrillic capitals": "L\u041e\u0421\u0410L",
}


@pytest.mark.parametrize("how", LIKE_LOCAL)
def test_labels_that_look_alike_are_refused_and_shown_in_ascii(how):
    other = LIKE_LOCAL[how]
    with pytest.raises(InputError, match="expected labels that a reader can tell apart, got 'local' and '") as told:
        Grid("two", {"local": [cell(Named(1))], other: [cell(Named(2))]}, runs=1)
    assert str(told.value).isascii()
    assert Grid("one", {other: [cell(Named(1))]}, runs=1)


def test_labels_of_one_script_differ_by_their_letters_alone():
    """A capital that looks like a Latin letter is still the capital of its own."""
    assert Grid("two", {"вода": [cell(Named(1))], "beta": [cell(Named(2))]}, runs=1)
    with pytest.raises(InputError, match="tell apart"):
        Grid("two", {"вода": [cell(Named(1))], "ВОДА": [cell(Named(2))]}, runs=1)


def test_what_only_chooses_a_form_hides_no_formula_and_no_number():
    assert seen_as("\ufe0f=1+1") == "=1+1"
    for label in ("\ufe0f=1+1", "1\ufe0f0", "tr\u034fue"):
        with pytest.raises(InputError, match="which readers of tables take for"):
            Grid("one", {label: [cell(Named(1))]}, runs=1)


VALUES = {
    "a change of direction": ("ab", "a\u202eb"),
    "no width": ("ab", "a\u200bb"),
    "a chosen form": ("ab", "ab\ufe0f"),
    "another script": ("ab", "\u0430b"),
    "an end of a line": ("a b", "a\nb"),
    "a space at the end": ("a", "a "),
    "another parameter": ("a", "a, k = 3"),
    "a number": (1, "1"),
    "a fraction": (1.5, "1.5"),
    "yes": (True, "True"),
}


@pytest.mark.parametrize("how", VALUES)
def test_values_that_look_alike_make_series_of_different_names(how):
    ends = VALUES[how]
    named = set(labels(cells_table(Grid("two", [cell(Named(each)) for each in ends], runs=1))).values())
    assert len({seen_as(name) for name in named}) == 2
    assert all(
        name.isascii() and name.isprintable() and name.count(" = ") == 1 for name in named if "k = 3" not in name
    )
    assert not any(name.endswith("k = 3") for name in named)


def test_what_varies_is_told_with_all_its_characters():
    grid = Grid("two", [cell(Named(each)) for each in ("ab", "a\u202eb")], runs=1)
    assert arms_told(grid)[0][2] == r"name = ab, 'a\u202eb'"


@pytest.mark.parametrize(("values", "told"), [
    ([10**9 + i for i in range(6)], ", ".join(str(10**9 + i) for i in range(6))),  # 60 digits
    ([10**9 + i for i in range(5)] + [10**10], "1e+09 .. 1e+10 (6 values)"),  # 61
    (["ten_letter" + "s" * (i == 6) for i in range(1, 7)], "6 values"),
    (["a", 2, 3.5, None, True, "b"], "a, 2, 3.5, None, True, b"),
    ([4, 1, 7, 2, 3, 5, 6.25], "1 .. 7 (7 values)"),
    ([0.125, *range(1, 7)], "0.125 .. 6 (7 values)"),
    ([*range(6), "many"], "7 values"),
    (["many", *range(6)], "7 values"),
    ([*range(6), None], "7 values"),
])  # fmt: skip
def test_few_short_values_are_told_one_by_one_and_of_many_numbers_the_ends(values, told):
    assert values_told(values) == told


def test_values_of_several_types_are_read_back_from_the_folder(tmp_path):
    grid = Grid("two", [cell(Named(each), k) for k in (1, 2) for each in (1, "1", "one")], runs=3)
    run_grid(grid, tmp_path / "out", workers=1)
    named = load(tmp_path / "out").labels
    assert sorted(set(named.values())) == ["cells, name = '1'", "cells, name = 1", "cells, name = one"]
    assert named == labels(cells_table(grid))


def test_half_a_character_is_refused_before_a_file_would_not_take_it():
    with pytest.raises(
        InputError, match=r"a text that a file can hold in a part, got half of a character in '\\ud800'"
    ):
        cell(Named("\ud800"))


@pytest.mark.parametrize("name", ["A<b>", "=1+1", "A\x1b]8;;x\x07", "A(x=1)", "A\u202eB", "if", "A B", "", "A\ud83d"])
def test_a_class_whose_name_is_no_python_is_refused(name):
    kind = make_dataclass("Mine", [], frozen=True, namespace={"rewrite": Named.rewrite, "__module__": __name__})
    kind.__qualname__ = name
    with pytest.raises(InputError, match="expected a class whose name Python can read") as told:
        cell(kind())
    assert str(told.value).isprintable()


@pytest.mark.parametrize("name", ["mine\ud83d", "mine\x1b", "mi\u202ene"])
def test_a_class_of_a_module_whose_name_cannot_be_written_is_refused(name):
    """Half a character ended forecasts and runs with a fault of the encoder; others hid what stands behind them."""
    kind = make_dataclass("Mine", [], frozen=True, namespace={"rewrite": Named.rewrite})
    kind.__module__ = name
    with pytest.raises(InputError, match="'Mine': expected a class of a module whose name can be read") as told:
        cell(kind())
    assert str(told.value).isprintable()


def test_a_class_in_a_function_runs_in_memory_and_is_refused_before_it_runs_into_a_folder(tmp_path):
    """Its text is no Python: what had run could not be read back."""

    @dataclass(frozen=True)
    class Inside:
        def rewrite(self, correct, rng):
            return rng.random(correct.shape) < 0.5

    grid = Grid("one", [cell(Inside())], runs=3)
    assert len(run_grid(grid, workers=1).runs) == 3
    with pytest.raises(InputError, match=r"at the top level of a module, .* got '.*<locals>\.Inside'; move it there"):
        run_grid(grid, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


def test_a_spreadsheet_finds_no_formula_among_the_parameters(tmp_path):
    values = ("=1+1", "@SUM(A1)", "-cmd|x", "\t=1", "a\x00b", "a\x1b[31m", "plain")
    results = run_grid(Grid("csv", [cell(Named(each)) for each in values], runs=3), workers=1)
    assert check(results).cells
    written = (export_results(results, "csv", tmp_path / "out") / "cells.csv").read_text()
    assert written.replace("\n", "").isprintable()
    for value in values[:-1]:
        assert f",{value!a}," in written.replace('"', "")
    assert ",plain," in written


@pytest.mark.parametrize(
    ("arms", "engine", "told"),
    [
        (1, "blocks", "tiny: 1 cell, 7 runs a cell, seed 3"),
        (2, "blocks", "tiny: 2 cells in 2 arms, 7 runs a cell, seed 3"),
        (3, "law", "tiny: 3 cells in 3 arms, 7 runs a cell, seed 3, engine law"),
    ],
)
def test_a_grid_in_a_line_says_how_it_is_run(arms, engine, told):
    parts = Resample(0.5), AllBlocks(), OnePlusLambda()
    by_arm = {f"arm {k}": (Cell(BlockOneMax(k, 1), *parts),) for k in range(1, arms + 1)}
    assert heading(Grid("tiny", by_arm, runs=7, seed=3, engine=engine)) == told


def test_parameters_of_one_name_are_told_by_the_whole_of_it():
    """Both k and the chance of the mutator vary; the g of the schedule and the fix inside of a wrapper alone do not."""
    cells = [
        Cell(BlockOneMax(k, 1), Malformed(Refuse(Resample(0.5), rate), other), AllBlocks(), OnePlusLambda())
        for k, rate, other in ((2, 0.1, 0.2), (3, 0.3, 0.4))
    ]
    assert varying(cells) == "k = 2, 3; mutator.inner.rate = 0.1, 0.3; mutator.rate = 0.2, 0.4"
