"""The exercises of Section 3.4 as studies: small ones end to end, whole ones as a user runs them."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from experiments import Grid, ProgramCell, Verdict, predict, run_grid
from experiments.reports.files import write
from experiments.reports.report import report
from experiments.studies import STUDIES, study_of
from experiments.studies.exercises import EXERCISES, sorting

NAMES = [study.name for study in EXERCISES]
DOCS = Path(__file__).parents[2] / "docs"
QUICK = ("debate",)
"""Small exercises that are made each time; the others are for the slow step."""
RUNS = 120
COSTLY = 600
"""Mean calls of a run from which on a cell is left to the whole study."""


expected_calls = cache(lambda cell: predict(cell).mean)


def smaller(name):
    """Few runs of the cells of an exercise that are quick: of each arm those with few calls, or its first."""
    arms = {}
    for arm, cells in STUDIES[name].grid().arms.items():
        if isinstance(cells[0], ProgramCell):
            arms[arm] = cells[:3]
            continue
        quick = [cell for cell in cells if expected_calls(cell) < COSTLY]
        arms[arm] = quick or [replace(cell, budget=replace(cell.budget, calls=100)) for cell in cells[:3]]
    return Grid(name, arms, runs=RUNS, batch=RUNS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Reports of small exercises and the files they write, made when first asked for."""

    @cache
    def make(name):
        folder = tmp_path_factory.mktemp(name)
        results = run_grid(smaller(name), folder, workers=1)
        reported = report(results, study=STUDIES[name])
        return reported, write(reported, folder)

    return make


def test_each_is_a_study_of_its_own_that_llm_evo_runs():
    assert set(NAMES) <= set(STUDIES)
    for study in EXERCISES:
        grid = study.grid()
        assert grid.name == study.name
        assert "xercise" in study.question
        assert {claim.arm for claim in study.claims} <= set(grid.arms)
        assert study.claims


SMALL = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("name", SMALL)
def test_a_small_one_end_to_end(name, made):
    reported, files = made(name)
    assert [each.reason for each in reported.check.cells if each.verdict is Verdict.DIFFERS] == []
    assert [each.reason for each in reported.claims if each.verdict is Verdict.DIFFERS] == []
    assert {"summary.csv", "checks.csv", "claims.csv", "report.txt", f"{name}.png"} <= {file.name for file in files}
    assert study_of(reported.results) is STUDIES[name]


@pytest.mark.parametrize("name", SMALL)
def test_figures_say_what_they_show(name, made):
    figure = STUDIES[name].figure(made(name)[0].arms)
    assert figure._suptitle.get_text().replace("\n", " ") == STUDIES[name].title
    assert "points: measured" in figure.get_supxlabel()
    assert all(ax.containers and ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_whole_exercise_as_a_user_runs_it(name, tmp_path, shows):
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "run", name, "--out", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    summary, claims = (pd.read_csv(tmp_path / file) for file in ("summary.csv", "claims.csv"))
    known = ~summary["arm"].isin(UNKNOWN.get(name, ()))
    assert set(summary.loc[known, "verdict"]) == {"AGREES"}, summary.loc[known, "reason"].tolist()
    assert set(summary.loc[~known, "verdict"]) <= {"AGREES", "CANNOT_TELL"}
    assert set(claims["verdict"]) == {"AGREES"}, claims["reason"].tolist()
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    if (told := DOCS / f"{name}.png").exists():
        assert shows(tmp_path / f"{name}.png") == shows(told)


UNKNOWN = {"sorting": (sorting.ERRS, sorting.VOTES, sorting.COPIES)}
"""Arms without an exact prediction, but for the smallest n."""
