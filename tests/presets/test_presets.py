"""Frameworks in these parts: what the presets are, that files can hold them, and counts of the released packages.

Published counts: measured with unmodified packages (OpenEvolve 0.4.0, GEPA 0.1.4) against a simulated endpoint with fix
= keep = 1/2, all blocks incorrect at first: mean and standard error of the calls to the optimum.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evo import (
    AllBlocks,
    Budget,
    InputError,
    Islands,
    MapElites,
    NoPrediction,
    OnePlusLambda,
    Prompt,
    RoundRobin,
    TokenPrices,
    UniformChunk,
)
from experiments import Cell, Grid, check, load_grid, predict, run_grid
from experiments.cli.app import app
from experiments.presets import PRESETS, as_arm, preset
from operators import Decaying, FixKeep, FromLog, Malformed, Measured, PerBlock, Refuse, Resample
from problems import BlockOneMax, Minibatch, Noisy, UnequalBlocks

Z = 4.9
CHOSEN = {
    "openevolve": {"elitist": True},
    "map-elites": {"cells": 3},
    "shinka": {"count": 3, "size": 4},
    "alphaevolve-like": {"count": 2, "size": 5, "migrate": 3},
    "gepa": {"module_selector": "all", "minibatch": 2},
    "keep-if-better": {"sigma": 1.0, "reevaluate": True},
}
MEASURED = {
    ("openevolve", 4): (18.9, 1.2),
    ("openevolve", 5): (27.1, 2.4),
    ("openevolve", 6): (33.2, 2.9),
    ("gepa", 4): (10.8, 1.5),
    ("gepa", 6): (24.6, 4.4),
    ("gepa, all", 4): (67.6, 17.0),
    ("gepa, all", 6): (327.0, 110.0),
}
DEFAULT_SELECTION = {4: (112, 14), 5: (232, 18), 6: (333, 21)}


def expected(name, k):
    if name == "openevolve":
        return predict(preset(name, k, elitist=True)).mean
    if name == "gepa":
        return predict(preset(name, k)).mean
    return k * predict(preset("gepa", k, module_selector="all")).mean  # a proposal is a call for each module


@pytest.mark.parametrize(("name", "k"), MEASURED)
def test_counts_of_the_released_packages_are_those_of_their_presets(name, k):
    mean, error = MEASURED[name, k]
    assert abs(mean - expected(name, k)) < Z * error


def test_other_loops_are_told_from_them():
    """The twin: the default selection is not the elitist loop, nor is a proposal of k calls one call."""
    for k, (mean, error) in DEFAULT_SELECTION.items():
        assert abs(mean - expected("openevolve", k)) > Z * error
    mean, error = MEASURED["gepa", 4]
    assert abs(mean - expected("gepa, all", 4)) > Z * error


ELITIST = OnePlusLambda()
PARTS = {
    "openevolve": (lambda block: (block, UniformChunk(), Islands()), lambda block: (block, UniformChunk(), ELITIST)),
    "map-elites": (
        lambda block: (block, UniformChunk(), MapElites(6)),
        lambda block: (block, UniformChunk(), MapElites(3)),
    ),
    "shinka": (
        lambda block: (block, UniformChunk(), Islands(2, 20, archive=40)),
        lambda block: (block, UniformChunk(), Islands(3, 4, archive=12)),
    ),
    "alphaevolve-like": (
        lambda block: (block, UniformChunk(), Islands(5, 20, archive=10, migrate=10)),
        lambda block: (block, UniformChunk(), Islands(2, 5, archive=1, migrate=3)),
    ),
    "gepa": (lambda block: (block, RoundRobin(), ELITIST), lambda block: (Minibatch(block, 2), AllBlocks(), ELITIST)),
    "keep-if-better": (
        lambda block: (Noisy(block, 0.5, reevaluate=False), UniformChunk(), ELITIST),
        lambda block: (Noisy(block, 1.0, reevaluate=True), UniformChunk(), ELITIST),
    ),
}
"""Problem, schedule and runner of each preset on a block problem: as it comes, and with the options of `CHOSEN`."""


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_these_parts(name):
    """Every part, with what is asked of k, l and the start, and each option with another value than its default."""
    mine = FixKeep(0.3, 0.9)
    for parts, options in zip(PARTS[name], ({}, CHOSEN[name]), strict=True):
        for block, start in ((BlockOneMax(5, 16), {}), (BlockOneMax(5, 7, start=0.25), {"l": 7, "start": 0.25})):
            assert preset(name, 5, **start, **options) == Cell(parts(block)[0], Resample(p=0.5), *parts(block)[1:])
        made = preset(name, 5, mutator=mine, malformed=0.09, cell={"prompt": Prompt(head=9)}, **options)
        assert (made.mutator, made.prompt) == (Malformed(mine, 0.09), Prompt(head=9))


def test_every_option_of_every_preset_is_chosen():
    assert set(CHOSEN) == set(PARTS) == set(PRESETS)
    for name, found in PRESETS.items():
        assert set(CHOSEN[name]) == dict(found.options).keys()
        assert all(CHOSEN[name][option] != default for option, default in found.options)


def test_files_hold_them(tmp_path):
    cells = [preset(name, 4, **options) for name in PRESETS for options in ({}, CHOSEN[name])]
    more = {"prompt": Prompt(head=100), "budget": Budget(calls=500)}
    cells += [preset("gepa", 3, start=0.5, malformed=0.1, cell=more), preset("gepa", 3, cell={"budget": None})]
    arms = [as_arm(cell, f"arm {number}") for number, cell in enumerate(cells)]
    (tmp_path / "grid.toml").write_text('name = "all"\n' + "\n\n".join(arms))
    assert list(load_grid(tmp_path / "grid.toml").cells) == cells
    (tmp_path / "grid.toml").write_text('name = "all"\n' + arms[0].replace("k = 4", "k = 5"))
    assert list(load_grid(tmp_path / "grid.toml").cells) != cells[:1]


@pytest.mark.parametrize("label", ["🙂 漢", 'a "b" \\ c', "$k ]]", "# no comment"])
def test_files_hold_labels_of_any_signs(tmp_path, label):
    cell = preset("gepa", 4, cell={"cost": TokenPrices(1e-6, 2e-6, currency="€")})
    (tmp_path / "grid.toml").write_text('name = "all"\n' + as_arm(cell, label), encoding="utf-8")
    assert dict(load_grid(tmp_path / "grid.toml").arms) == {label: (cell,)}


TUPLES = [
    Measured(fix={1: 0.35, 5: 0.2}, keep={1: 0.97, 5: 0.96}, rho_fix=0.2),
    Refuse(Malformed(Measured(fix={1: 0.35}, keep={1: 1.0}), rate=0.1), rate=0.05),
    FromLog(log=[(1, 1, 0, 0, 3), (1, 1, 1, 0), (1, 0, 0, 0)]),
    PerBlock(p=(0.1, 0.2, 0.3, 0.4)),
    Decaying(table=(0.5, 0.4, 0.3, 0.2)),
]


@pytest.mark.parametrize("mutator", TUPLES, ids=lambda each: type(each).__name__)
def test_files_hold_tables_and_tuples_which_are_no_axes(tmp_path, mutator):
    lengths = UnequalBlocks(lengths=(3, 1, 2, 2))
    cells = [Cell(problem, mutator, UniformChunk(), OnePlusLambda()) for problem in (BlockOneMax(4, 2), lengths)]
    arms = [as_arm(cell, f"arm {number}") for number, cell in enumerate(cells)]
    (tmp_path / "grid.toml").write_text('name = "all"\n' + "\n\n".join(arms))
    assert list(load_grid(tmp_path / "grid.toml").cells) == cells


def test_the_command_prints_a_file_that_can_be_run(tmp_path):
    printed = CliRunner().invoke(app, ["show", "presets"])
    assert printed.exit_code == 0
    (tmp_path / "grid.toml").write_text(printed.output)
    assert list(load_grid(tmp_path / "grid.toml").cells) == [preset(name, 8) for name in PRESETS]
    wrong = CliRunner().invoke(app, ["show", "preset"])
    assert wrong.exit_code != 0


def test_they_run_and_agree_where_they_are_predicted():
    cells = [preset(name, 3, mutator=FixKeep(0.5, 0.8), cell={"budget": Budget(calls=2000)}) for name in PRESETS]
    found = check(run_grid(Grid("presets", cells, runs=1200, batch=1200), workers=1)).cells
    by_id = {cell.id: cell for cell in cells}
    for each in found:
        try:
            known = bool(predict(by_id[each.cell]).mean)
        except NoPrediction:
            known = False
        assert str(each.verdict) == ("AGREES" if known else "CANNOT_TELL")
    assert {str(each.verdict) for each in found} == {"AGREES", "CANNOT_TELL"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: preset("gepas", 4), "expected one of openevolve, .* got 'gepas'; did you mean 'gepa'"),
        (lambda: preset("gepa", 4, mini=2), "gepa has the options module_selector, minibatch, got 'mini'"),
        (lambda: preset("gepa", 4, module_selector="best"), "must be 'round_robin' or 'all', got 'best'"),
        (lambda: preset("map-elites", 4, cells=9), "at most 5 cells"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_the_page_names_every_preset_and_option():
    page = (Path(__file__).parents[2] / "docs" / "frameworks.md").read_text(encoding="utf-8")
    table = page.split("## What theory says")[0]
    assert set(re.findall(r'`preset\("([a-z-]+)"', table)) == set(PRESETS) | {"gepa"}
    for found in PRESETS.values():
        assert all(re.search(rf"\b{option}\b", page) for option, _ in found.options), found.name
