"""The last value that is taken, or told in one way, and the first that is not: of grids, their files, calibrations."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evo import AllBlocks, OnePlusLambda
from evo.costs.ledger import Prompt
from evo.costs.overhead import Overhead
from evo.errors import InputError
from experiments import Cell, UntilPrecise
from experiments.grids import axes, cell, toml_axes
from experiments.grids.axes import grid_cells, span
from experiments.grids.described import values_told
from experiments.grids.grid import is_grid_name
from experiments.grids.labels import follows, tied_to
from experiments.grids.languages.arithmetic import Arithmetic
from experiments.grids.languages.where import Where
from experiments.grids.measured.file import Calibration, OperatorValues, Prices, calibration_toml, parse_calibration
from experiments.grids.measured.parts import prices_of
from experiments.grids.measured.values import per_g, tail, word
from experiments.grids.outside.toml_text import grid_text
from experiments.grids.stopping import as_runs
from experiments.grids.toml import load_grid
from operators import Resample
from problems import BlockOneMax

# ------------------------------------------------------------------------------------------------------------ axes


def test_an_axis_has_so_many_values_and_no_more(monkeypatch):
    monkeypatch.setattr(axes, "MOST_VALUES", 4)
    assert span(0, 3, count=4) == (0, 1, 2, 3)
    with pytest.raises(InputError, match="a range: count must be a whole number from 2 to 4, got 5"):
        span(0, 4, count=5)
    assert len(grid_cells(axes={"k": range(1, 5)}, make=lambda k: at(k=k))) == 4
    with pytest.raises(InputError, match=r"axes\.k: expected at most 4 values, got more"):
        grid_cells(axes={"k": range(1, 6)}, make=lambda k: at(k=k))


def test_a_range_of_two_values_is_its_ends():
    assert span(0.5, 3, count=2) == (0.5, 3)
    with pytest.raises(InputError, match="a range: count must be a whole number from 2 to 10,000, got 1"):
        span(0.5, 3, count=1)


def test_a_list_with_ranges_in_a_file_has_so_many_values_and_no_more(monkeypatch):
    monkeypatch.setattr(toml_axes, "MOST_VALUES", 4)
    range_of_three = {"from": 4, "to": 16, "factor": 2}
    assert toml_axes.items("k", [1, range_of_three]) == [1, 4, 8, 16]
    with pytest.raises(InputError, match=r"^k: expected at most 4 values, got more"):
        toml_axes.items("k", [1, 2, range_of_three])


# ----------------------------------------------------------------------------------------------------------- cells


@dataclass(frozen=True)
class Beside(Resample):
    """Reads 3 tokens of instructions and the chunk, and writes so many, beside each call."""

    writes: int = 0

    @property
    def overhead(self):
        return (Overhead(head=3, reads="chunk", writes=self.writes),)


HALF, CHUNK = Resample(0.5), Prompt()


def at(k=4, mutator=HALF, prompt=CHUNK):
    return Cell(BlockOneMax(k=k, l=2), mutator, AllBlocks(), OnePlusLambda(), prompt)


@pytest.mark.parametrize(("prompt", "tokens"), [(Prompt(), 8), (Prompt(head=5), 13), (Prompt(reasoning=6), 14)])
def test_calls_have_so_many_tokens_and_no_more(monkeypatch, prompt, tokens):
    """Four blocks of two tokens, with what stands before them, or is thought before them."""
    monkeypatch.setattr(cell, "MOST_TOKENS", tokens)
    at(prompt=prompt)
    monkeypatch.setattr(cell, "MOST_TOKENS", tokens - 1)
    told = f"expected calls that read and write at most {tokens - 1} tokens each, got {tokens}; lower k, l"
    with pytest.raises(InputError, match=told):
        at(prompt=prompt)


@pytest.mark.parametrize(("writes", "tokens"), [(0, 11), (15, 15)])
def test_work_beside_a_call_has_so_many_tokens_and_no_more(monkeypatch, writes, tokens):
    """It reads 3 + 4 x 2 tokens."""
    monkeypatch.setattr(cell, "MOST_TOKENS", tokens)
    at(mutator=Beside(0.5, writes))
    monkeypatch.setattr(cell, "MOST_TOKENS", tokens - 1)
    told = f"expected LLM work beside a call that reads and writes at most {tokens - 1} tokens, got {tokens}; lower"
    with pytest.raises(InputError, match=told):
        at(mutator=Beside(0.5, writes))


# ----------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 2, 3, 4, 5, 6], "1, 2, 3, 4, 5, 6"),
        ([1, 2, 3, 4, 5, 6, 7], "1 .. 7 (7 values)"),
        ([10**29, 2 * 10**29], f"{10**29}, {2 * 10**29}"),  # of 30 digits each
        ([10**29, 10**30], "1e+29 .. 1e+30 (2 values)"),
    ],
)
def test_values_are_listed_up_to_six_of_sixty_letters(values, told):
    assert values_told(values) == told


def test_names_of_grids_have_a_hundred_letters():
    assert [is_grid_name("x" * letters) for letters in (0, 1, 100, 101)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("values", "does"),
    [
        ([1, 1, 1, 2, 2, 3, 3], True),  # three steps, of which one has three k
        ([1, 1, 1, 2, 2, 2, 3, 3], True),
        ([1, 1, 1, 2, 2, 2, 3, 3, 3], False),
        ([1, 1, 2], False),  # two steps
        ([1, 1, 2, 3], True),
    ],
)
def test_three_steps_follow_the_size_if_one_has_fewer_than_three_sizes(values, does):
    sizes = range(2, 2 + len(values))
    cells = pd.DataFrame({"arm": "a", "mutator": "M", "problem.k": sizes, "mutator.s": values})
    assert follows(cells, "mutator.s", "problem.k").tolist() == [does] * len(values)


@pytest.mark.parametrize(
    ("sizes", "values", "told"),
    [
        ([2, 4, 8], [1 / 2, 1 / 4, 1 / 8], "1/k"),
        ([2, 4], [1 / 2, 1 / 4], "0.5 .. 0.25 with k"),
        ([0, 1, 2], [3.0, 5.0, 7.0], "3 .. 7 with k"),  # and nothing is divided by 0
        ([1, 2, 4], [0.0, 0.0, 0.0], "0"),
    ],
)
def test_a_formula_is_told_from_three_values_above_nothing(sizes, values, told):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tied_to(pd.DataFrame({"problem.k": sizes, "mutator.s": values}), "mutator.s", "problem.k") == told


# ------------------------------------------------------------------------------------------ arithmetic, conditions


def calculated(text):
    return Arithmetic.parse(text).value({"k": 2})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2**999", 2**999), ("$k**999", 2**999), ("2**-999", 2.0**-999), ("2**999 + (2**999 - 1)", 2**1000 - 1)],
)
def test_numbers_have_a_thousand_bits(text, expected):
    assert calculated(text) == expected


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("2**1000", "got a longer one"),
        ("2**1001", "got a power of more"),
        ("2**-1000", "got a longer one"),
        ("2**-1001", "got a power of more"),
        ("2**999 + 2**999", "got a longer one"),
    ],
)
def test_numbers_have_no_more_than_a_thousand_bits(text, got):
    with pytest.raises(InputError, match=got):
        calculated(text)


def test_a_calculation_has_two_hundred_letters():
    assert calculated("$k" + "+1" * 99) == 101
    assert calculated("  $k" + "+1" * 99 + "  ") == 101
    with pytest.raises(InputError, match="expected at most 200 characters, got 201"):
        calculated("$k+10" + "+1" * 98)


def test_a_condition_has_five_hundred_letters():
    assert Where.parse("g <=" + " " * 495 + "k", ["g", "k"]).text[-1] == "k"
    with pytest.raises(InputError, match="expected at most 500 characters, got 501; write several conditions"):
        Where.parse("g <=" + " " * 496 + "k", ["g", "k"])


# ----------------------------------------------------------------------------------------------------- calibration

OPERATOR = "[operator]\nfix = { 1 = 0.4 }\nkeep = { 1 = 0.9 }\n"
CENT, MORE = 0.01, math.nextafter(0.01, 1.0)


def measured(prices):
    return parse_calibration(f"{OPERATOR}[prices]\n{prices}")


@pytest.mark.parametrize("name", ["prompt", "generated", "cached", "reasoning"])
def test_a_price_of_a_cent_a_token_is_no_price_of_a_million(name):
    """One above it is asked about when it is read, and written so that it is not asked about again."""
    assert getattr(measured(f"{name} = {CENT!r}").prices, name) == CENT
    with pytest.raises(InputError, match=rf"^prices\.{name}: expected the price of a token, got 0\.01.*: per million"):
        measured(f"{name} = {MORE!r}")
    with pytest.raises(InputError) as other:
        measured(f"{name} = inf")
    assert str(other.value) == f"prices.{name}: expected a finite number >= 0, got inf"
    operator = OperatorValues(fix=((1, 0.4),), keep=((1, 0.9),))
    cheap, dear = (calibration_toml(Calibration(operator, prices=Prices(**{name: price}))) for price in (CENT, MORE))
    assert ("per = 1\n" in cheap, "per = 1\n" in dear) == (False, True)
    assert getattr(parse_calibration(dear).prices, name) == MORE
    units = [prices_of(Prices(**({"prompt": 0.0, "generated": 0.0} | {name: price}))).unit for price in (CENT, MORE)]
    assert units == [None, 1.0]


def refused(function, value):
    try:
        function(value)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("function", "taken", "beyond"),
    [
        (tail, 0.0, -5e-324),
        (tail, 10.0, np.nextafter(10.0, 11.0)),
        (word, "x" * 500, "x" * 501),
        (per_g, {"1": 0.5}, {"0": 0.5}),
        (per_g, {"1048576": 0.5}, {"1048577": 0.5}),
    ],
)
def test_values_of_a_calibration(function, taken, beyond):
    assert (refused(function, taken), refused(function, beyond)) == (False, True)


# ------------------------------------------------------------------------------------------------------- runs, TOML


def test_a_mean_is_known_from_a_hundred_runs_of_which_none_is_censored():
    """Runs that begin at the optimum have hit, too: they need no call."""
    rule = UntilPrecise(0.1, most=1000)
    for hit in (5, 0):
        hits = np.full(101, hit)
        assert rule.enough_at(hits, np.array([99, 100, 101])).tolist() == [False, True, True]
    hits[100] = -1
    assert rule.enough_at(hits, np.array([100, 101])).tolist() == [True, False]


@pytest.mark.parametrize(("taken", "beyond"), [(1, 0), (10**9, 10**9 + 1)])
def test_runs_of_a_cell(taken, beyond):
    assert as_runs(taken) == taken
    with pytest.raises(InputError, match=f"runs must be a whole number from 1 to .*, got {beyond}"):
        as_runs(beyond)


def file_of(folder: Path, head: str) -> Path:
    path = folder / "grid.toml"
    path.write_text(
        f'{head}\nname = "small"\n[[arm]]\nlabel = "a"\nproblem = {{type = "BlockOneMax", k = 2, l = 2}}\n'
        'mutator = {type = "Resample", p = 0.5}\nschedule = {type = "AllBlocks"}\n'
    )
    return path


def test_numbers_of_a_file_are_ones_that_can_be_written_down(tmp_path):
    """Of 4,096 bits, in the words of the key itself; hexadecimal ones are read at any length."""
    most = 2**4096 - 1
    with pytest.raises(InputError, match=rf"grid\.toml: Grid: seed must be .*, got {str(most)[:100]}"):
        load_grid(file_of(tmp_path, f"seed = {most:#x}"))
    with pytest.raises(InputError, match=r"grid\.toml: seed: expected a number, got one of thousands of digits"):
        load_grid(file_of(tmp_path, f"seed = {most + 1:#x}"))


def test_a_key_has_sixty_four_dots(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text("a" + ".a" * 64 + " = 1")
    assert grid_text(path) == path.read_text()
    path.write_text("a" + ".a" * 65 + " = 1")
    with pytest.raises(InputError, match=r"grid\.toml: expected keys of at most 64 dots, got 65 in one"):
        grid_text(path)
