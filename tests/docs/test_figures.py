"""Figures of the pages show what their commands draw now.

Each study that is run whole by the slow tests of tests/studies is compared there, and docs/plan.png in tests/planning.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.studies import STUDIES
from experiments.studies.systems import SYSTEMS

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = {"growth", "report", "fits"}
"""Times of a machine, a picture of a page, and thousands of experiments that take an hour."""


def test_each_figure_but_measured_ones_is_of_a_study_or_a_plan_and_says_what_it_shows(shows):
    names = {file.stem for file in DOCS.glob("*.png")} - MEASURED
    assert names - set(STUDIES) == {"plan"}
    said = [shows(DOCS / f"{name}.png") for name in sorted(names)]
    assert len(set(said)) == len(names)
    assert all(word.startswith("shows ") for word in said)


@pytest.mark.slow
@pytest.mark.parametrize("name", [study.name for study in SYSTEMS])
def test_a_study_of_systems_draws_the_figure_of_the_page(name, tmp_path, shows):
    words = [sys.executable, "-m", "experiments", "run", name, "--quiet", "--out", str(tmp_path)]
    subprocess.run(words, check=True, capture_output=True)
    assert shows(tmp_path / f"{name}.png") == shows(DOCS / f"{name}.png")
