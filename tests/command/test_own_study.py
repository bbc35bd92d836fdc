"""A study of one's own, `mine.py:STUDY` or `module:STUDY`: run, predicted, shown and reported like a named one."""

import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli.app import app
from experiments.grids import extensions

PAGE = Path(__file__).parents[2] / "docs" / "studies.md"
(SOURCE,) = re.findall(r"```python\n(# answering\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture(autouse=True)
def where(tmp_path, monkeypatch):
    """The file of docs/studies.md in a folder of its own, and a process that has not heard of it."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "answering.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(extensions, "_named", {})
    monkeypatch.setitem(sys.modules, "answering", None)  # so that it is taken out again in the end
    del sys.modules["answering"]


def llm_evo(*words):
    return CliRunner().invoke(app, list(words), prog_name="llm-evo")


@pytest.mark.usefixtures("no_figures")
def test_it_is_run_checked_claimed_and_reported_like_a_named_one(monkeypatch):
    done = llm_evo("run", "own/answering.py:STUDY", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "4 AGREES, 0 DIFFERS" in " ".join(done.output.split())
    assert "holds: linear" in done.output
    assert Path("results/answering/claims.csv").is_file()
    plain = llm_evo("report", "results/answering")
    assert plain.exit_code == 0, plain.output
    assert "holds: linear" not in plain.output  # a folder by itself asks for no code of the study
    again = llm_evo("report", "results/answering", "--study", "own/answering.py:STUDY")
    assert "holds: linear" in again.output
    monkeypatch.chdir("own")
    there = llm_evo("run", "answering:STUDY", "--out", "../results/answering", "--workers", "1")
    assert "4 of 4 cells already there" in there.output


def test_it_is_predicted_and_shown():
    assert "before anything runs" in llm_evo("predict", "own/answering.py:STUDY").output
    shown = llm_evo("show", "own/answering.py:STUDY").output
    assert "answering (study)" in shown
    assert " ".join(shown.split()).endswith(
        "llm-evo predict own/answering.py:STUDY, llm-evo run own/answering.py:STUDY"  # no page says what it found
    )


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("own/none.py:STUDY", 'own/none.py: there is no such file; a study of your own is "mine.py:STUDY"'),
        ("own/answering.py:STUDX", "has no 'STUDX'; did you mean 'STUDY'?"),
        ("own/answering.py:Answering", "expected a Study (experiments.reports.study.Study), got <class"),
        ("nothing.at.all:STUDY", "there is no module 'nothing.at.all'"),
        ("own/answering.py:NAMED", "the testbed has a study 'paper'; give yours another name"),
        ("own/answering.py:OTHER", "expected grid() to make a Grid of the study's name, 'other', got 'answering'"),
    ],
)
def test_what_is_no_study_is_told(target, told):
    with Path("own/answering.py").open("a") as file:
        file.write("\nfrom dataclasses import replace\n\nNAMED = replace(STUDY, name='paper')\n")
        file.write("OTHER = replace(STUDY, name='other')\n")
    done = llm_evo("run", target)
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert llm_evo("report", "own", "--study", "paper").stderr.startswith("error: --study: expected")
