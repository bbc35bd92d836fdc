"""The study `paper`: a small one end to end, and the whole as a user runs it."""

import math
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import nbinom
from typer.testing import CliRunner

from experiments import Grid, load, run_grid
from experiments.cli.app import app
from experiments.reports.files import write
from experiments.reports.report import report
from experiments.studies import STUDIES, study_of
from experiments.studies.paper import CLAIMS, GLOBAL, LOCAL, LOCAL_K, NO_DAMAGE, SHARED_K, STUDY, L, grid

ARMS = [GLOBAL, *LOCAL, NO_DAMAGE]


def reported_on(results):
    return report(results, study=study_of(results))


def test_the_grid_is_that_of_section_3_3():
    whole = grid()
    assert STUDIES["paper"] is STUDY
    assert (whole.name, whole.runs, len(whole.cells)) == ("paper", 1000, 2 * (2 * 16 + 4 * 22))
    assert list(whole.arms) == ARMS
    assert (SHARED_K, LOCAL_K[16:]) == (tuple(range(1, 17)), (32, 64, 128, 256, 512, 1024))
    for cell in whole.cells:
        assert (cell.problem.l, cell.problem.start, cell.runner.accept, cell.cost.m) == (L, 0.0, "strict", 1)
        assert cell.runner.lam in (1, 8)
    assert {claim.arm for claim in CLAIMS} == set(ARMS)
    assert STUDY.speedup == (GLOBAL, "LOCAL UntilResolved")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """k up to 8, LOCAL also 16, 32 and 64; 200 runs a cell."""
    arms = {
        label: [cell for cell in cells if cell.problem.k in (*range(1, 9), *((16, 32, 64) if label in LOCAL else ()))]
        for label, cells in grid().arms.items()
    }
    folder = tmp_path_factory.mktemp("paper")
    made = reported_on(run_grid(Grid("paper", arms, runs=200, batch=200), folder, workers=1))
    return made, write(made, folder), folder


def test_a_small_study_end_to_end(small):
    made, files, folder = small
    names = ["summary.csv", "checks.csv", "laws.csv", "claims.csv", "speedup.csv", "report.txt", "cost.png", "cost.svg"]
    names += ["quality.png", "quality.svg", "quality.csv", "report.html"]
    assert [file.name for file in files] == names
    assert all(file.parent == folder and file.stat().st_size > 100 for file in files)
    assert made.study is STUDY
    assert [each.verdict for each in made.check.cells if each.verdict == "DIFFERS"] == []


def test_the_command_that_reports_again_knows_the_study(small, tmp_path, no_figures):
    """In a copy, where the figures, of which it makes none, are removed."""
    _, files, first = small
    folder = shutil.copytree(first, tmp_path / "paper")
    text = (first / "report.txt").read_text()
    shown = CliRunner().invoke(app, ["report", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert "What the paper claims, and the law that was measured" in shown.output
    assert f"{', '.join(file.name for file in files[:5])}" in " ".join(shown.output.split())
    assert (folder / "report.txt").read_text() == text
    assert not (folder / "quality.csv").exists()


def test_its_tables_read_back(small):
    made, files, _ = small
    tables = {file.stem: pd.read_csv(file) for file in files if file.suffix == ".csv"}
    summary = tables["summary"]
    assert len(summary) == len(made.results.cells) == 2 * (2 * 8 + 4 * 11)
    pd.testing.assert_frame_equal(summary, made.summary, check_dtype=False)
    assert (summary["success_ratio"] == 1).all()
    assert summary["hit_predicted"].notna().all()
    claims = tables["claims"]
    assert claims["arm"].tolist() == [claim.what for claim in CLAIMS]
    assert claims["claimed"].tolist() == [claim.text for claim in CLAIMS]
    assert "DIFFERS" not in set(claims["verdict"])
    # Three values of k from 16 on, and k^b fits too: the k log k claims must stay open.
    assert set(claims.loc[claims["arm"].isin(["LOCAL RoundRobin", "LOCAL UniformChunk"]), "verdict"]) == {"CANNOT_TELL"}
    assert claims.loc[claims["arm"] == "LOCAL UntilResolved", "verdict"].tolist() == ["AGREES"]
    speedup = tables["speedup"]
    assert speedup[["k", "lam"]].values.tolist() == [[k, lam] for lam in (1, 8) for k in range(1, 9)]
    one = speedup[speedup["lam"] == 1]
    assert one["exact"].tolist() == pytest.approx([2 ** (k - 1) * (3 * k * L - 1) / (3 * L - 1) for k in range(1, 9)])
    assert ((one["low"] < one["exact"]) & (one["exact"] < one["high"])).all()
    assert set(tables["laws"]["series"]) == {f"{arm}, lam = {lam}" for arm in ARMS for lam in (1, 8)}
    assert (tables["checks"].groupby("cell").size() == 4).all()


def test_columns_of_reports_are_named_on_the_page(small):
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page.split("## Columns of the reports")[1].split("\n## ")[0]))
    for name in ("summary", "claims", "speedup", "checks", "quality"):
        assert set(pd.read_csv(small[2] / f"{name}.csv").columns) <= named, name
    laws = set(pd.read_csv(small[2] / "laws.csv").columns)
    assert {each for each in laws if not re.fullmatch(r"(A|B|C|c|b|r|base)(_low|_high|_exact)?", each)} <= named


def test_its_text_says_what_holds(small):
    _, files, _ = small
    text = next(file for file in files if file.suffix == ".txt").read_text(encoding="utf-8")
    for words in ("2^k calls", "Eq. 12", "Eq. 13", "Eq. 14", "Speed-up", "Check against exact predictions"):
        assert words in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_fewer_runs_claim_less():
    arms = {label: cells[: 2 * 8] for label, cells in grid().arms.items()}
    made = reported_on(run_grid(Grid("paper", arms, runs=20, batch=20), workers=1))
    assert "AGREES" not in [each.verdict for each in made.claims if each.claim.arm in LOCAL]
    assert made.speedup is not None
    assert set(made.speedup["verdict"]) == {"CANNOT_TELL"}


def test_a_grid_of_that_name_with_other_arms_is_not_the_study():
    some = {"mine": grid().arms[GLOBAL][:6]}
    made = report(run_grid(replace(grid(), arms=some, runs=10, batch=10), workers=1))
    assert (made.study, made.claims, made.speedup) == (None, (), None)


@pytest.mark.slow
def test_the_whole_study_as_a_user_runs_it(tmp_path):
    folder = tmp_path / "paper"
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "run", "--out", str(folder)], capture_output=True, text=True, check=False
    )
    print(f"\nthe study took {time.perf_counter() - begun:.1f} s")
    assert done.returncode == 0, done.stdout + done.stderr
    summary, claims, speedup = (pd.read_csv(folder / f"{name}.csv") for name in ("summary", "claims", "speedup"))
    assert summary["verdict"].tolist() == ["AGREES"] * 240
    assert claims["verdict"].tolist() == ["AGREES"] * 8
    assert speedup["verdict"].tolist() == ["AGREES"] * 32
    # The total of 1,000 times Geom(2^-16) is negative binomial; seed 1 is fixed.
    runs = load(folder)
    largest = summary[(summary["arm"] == GLOBAL) & (summary["k"] == 16) & (summary["lam"] == 1)].iloc[0]
    total = runs.runs.loc[runs.runs["cell"] == largest["cell"], "hit"].sum()
    low, high = (1000 + nbinom.ppf(u, 1000, 2.0**-16) for u in (5e-7, 1 - 5e-7))
    assert low <= total <= high
    assert high / low < 1.4
    assert math.isclose(largest["hit"], total / 1000)
    assert "240 AGREES, 0 DIFFERS, 0 CANNOT TELL" in " ".join(done.stdout.split())
