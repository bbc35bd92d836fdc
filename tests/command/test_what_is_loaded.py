"""A run loads what it uses: of a grid of one cell neither fits nor figures nor pools of workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GRID = """
name = "{name}"
runs = 20
batch = 20
"""
ARM = """
[[arm]]
label    = "{label}"
problem  = {{type = "BlockOneMax", k = {k}, l = 16}}
mutator  = {{type = "Resample", p = 0.5}}
schedule = {{type = "{schedule}"}}
runner   = {{type = "OnePlusLambda"}}
"""
LOCAL = {"label": "local", "schedule": "UntilResolved"}
GRIDS = {
    "one": ARM.format(**LOCAL, k=3),
    "level": ARM.format(**LOCAL, k=3) + ARM.format(label="in turn", schedule="RoundRobin", k=3),
    "rising": ARM.format(**LOCAL, k=[1, 2, 3]),
}
"""One cell; two arms at one k, which nothing is along; three values of k."""
NEVER = (
    "matplotlib", "scipy.stats", "scipy.signal", "scipy.optimize", "scipy.integrate", "joblib", "deap", "statsmodels",
    "experiments.fits.fit", "experiments.fits.claims", "experiments.fits.laws", "experiments.fits.series",
    "experiments.fits.speedups", "experiments.fits.families", "experiments.fits.evidence",
    "experiments.reports.figures", "experiments.reports.panels", "experiments.reports.html.figures.of_series",
    "experiments.running.executors.processes", "experiments.running.executors.process", "experiments.studies.paper",
    "experiments.planning", "experiments.calibration", "experiments.serving",
)  # fmt: skip
"""What one small cell has no use for."""
USED = ("matplotlib", "experiments.fits.fit", "experiments.reports.figures")
"""Of these, what three values of k do use."""
PROGRAM = """
import contextlib, sys
from experiments.cli import main
for name in sys.argv[1:]:
    sys.argv = ["llm-evo", "run", f"{name}.toml", "--quiet"]
    with contextlib.suppress(SystemExit):
        main()
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[Path, dict[str, set[str]]]:
    """The folder with the results of these grids, run by one process in this order; and what was loaded after each."""
    folder = tmp_path_factory.mktemp("ran")
    for name, arms in GRIDS.items():
        (folder / f"{name}.toml").write_text(GRID.format(name=name) + arms)
    command = [sys.executable, "-c", PROGRAM, *GRIDS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    lines = done.stderr.splitlines()
    assert len(lines) == len(GRIDS), done.stderr
    return folder / "results", {name: set(line.split()) for name, line in zip(GRIDS, lines, strict=True)}


def test_one_cell_loads_neither_fits_nor_figures_nor_a_pool(ran):
    loaded = ran[1]["one"]
    assert {"pandas", "pyarrow", "experiments.reports.html.page"} <= loaded
    assert loaded.isdisjoint(NEVER)


def test_three_values_of_k_load_what_they_are_fitted_and_drawn_with(ran):
    """The twin: what the list names is found where it is loaded."""
    assert set(USED) <= set(NEVER)
    assert set(USED) <= ran[1]["rising"]


def test_figures_are_drawn_where_there_is_something_to_compare(ran):
    drawn = {name: {file.stem for file in (ran[0] / name).glob("*.png")} for name in GRIDS}
    assert drawn == {"one": set(), "level": {"quality"}, "rising": {"quality", "cost"}}
    assert all((ran[0] / name / each).exists() for name in GRIDS for each in ("quality.csv", "report.html"))
