"""What docs/frameworks.md tells of the released packages, beside theory."""

import re
from pathlib import Path

import pytest

from evo import AllBlocks, OnePlusLambda, UniformChunk
from experiments import Cell, predict
from experiments.presets import preset
from operators import FixKeep, Resample
from problems import BlockOneMax

PAGE = Path(__file__).parents[3] / "docs" / "frameworks.md"
ROW = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<mean>[\d.]+) \+- (?P<error>[\d.]+) \| (?P<runs>\d+) \| (?P<theory>[\d.]+) \|$", re.M
)
ROWS = {row["what"]: row for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))}
Z = 4.9
"""Standard errors; of a million tables one is farther off."""


def theory(what):
    """The mean that theory has for a row of the table."""
    if what.startswith("`k_module_problem`"):
        return predict(Cell(BlockOneMax(k=4, l=1), FixKeep(fix=1 / 4, keep=0), UniformChunk(), OnePlusLambda())).mean
    k = int(re.search(r"k = (\d)", what)[1])
    if what.startswith("GEPA"):
        at_once = "at once" in what
        law = predict(preset("gepa", k=k, module_selector="all" if at_once else "round_robin"))
        return law.mean * (k if at_once else 1)
    schedule = AllBlocks() if "whole files" in what else UniformChunk()
    return predict(Cell(BlockOneMax(k=k, l=2), Resample(p=0.5), schedule, OnePlusLambda())).mean


def test_the_table_has_all_that_is_measured():
    assert len(ROWS) == 16


@pytest.mark.parametrize("what", ROWS)
def test_the_table_is_what_theory_says_or_says_that_it_is_not(what):
    mean, error, told = (float(ROWS[what][name]) for name in ("mean", "error", "theory"))
    assert told == pytest.approx(theory(what), abs=0.05)
    if "defaults" in what:
        assert mean - Z * error > told or "Shinka" in what
    else:
        assert abs(mean - told) < Z * error


def test_what_the_defaults_cost_is_the_quotient_of_the_table():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    rows = [ROWS[f"OpenEvolve, edits of one block, k = {k}, defaults"] for k in (4, 5, 6)]
    factors = [float(row["mean"]) / theory(row["what"]) for row in rows]
    assert "Its defaults pay {:.1f}, {:.1f} and {:.1f} times".format(*factors) in page
    islands = [calls / theory(f"k = {k}") for k, calls in ((4, 164), (6, 437))]
    assert "{:.1f} and {:.1f} times at k = 4 and 6 (164 and 437 calls, below)".format(*islands) in page
