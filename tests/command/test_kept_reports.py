"""A report that would be the same is read, not made; whatever it is made of makes it anew when it changes."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli.app import app
from experiments.predictions.verdict import Verdict
from experiments.reports import kept
from experiments.reports.kept import KeptReport, checksums, keep, kept_report
from experiments.store.failures import FailedBatch, write_failure
from experiments.store.launches.state import state_file
from experiments.store.results import load

GRID = """name = "mine"
runs = 20
batch = 10
[[arm]]
label = "a"
problem = {type = "BlockOneMax", k = [1, 2], l = 4}
mutator = {type = "Resample", p = 0.5}
schedule = {type = "AllBlocks"}
"""
FOLDER = Path("results/mine")
REPORT = ("report", str(FOLDER))


class Made(Exception):
    """A report was made."""


@pytest.fixture(autouse=True)
def where(tmp_path, monkeypatch, once):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    Path("mine.toml").write_text(GRID)


def llm_evo(*words):
    return CliRunner().invoke(app, list(words), prog_name="llm-evo")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder that was run and reported, and what was kept of it."""
    folder = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "80")
        patch.delenv("FORCE_COLOR", raising=False)
        Path("mine.toml").write_text(GRID)
        run_it()
        return folder / FOLDER, state_file("reports", FOLDER)


@pytest.fixture
def reported(where, once):
    """The same in the place of this test."""
    shutil.copytree(once[0], FOLDER)
    state_file("reports", FOLDER).parent.mkdir(parents=True)
    shutil.copy(once[1], state_file("reports", FOLDER))


def run_it(*words):
    done = llm_evo("run", "mine.toml", "--workers", "1", *words)
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def none_is_made(monkeypatch):
    """After the first reports, a report that is made ends in an error."""

    def begin():
        def made(*args, **options):
            raise Made

        monkeypatch.setattr("experiments.reports.report.report", made)

    return begin


def is_made(*words):
    done = llm_evo(*words)
    return done.exit_code == 70 and "Made" in done.output


def test_a_second_report_is_read_and_says_the_same(none_is_made):
    made = run_it().stdout
    files = {
        file: file.read_bytes() for file in FOLDER.iterdir() if file.suffix in (".csv", ".txt", ".png", ".svg", ".html")
    }
    assert len(files) == 9
    none_is_made()
    again, rerun = llm_evo(*REPORT), run_it().stdout
    assert "Check against exact predictions: 0 AGREES, 0 DIFFERS, 2 CANNOT TELL" in again.stdout
    said = again.stdout.partition("\nWritten to")[0]
    assert said in made
    assert said in rerun
    assert again.exit_code == 0
    assert all(file.read_bytes() == content for file, content in files.items())
    assert llm_evo("run", "mine.toml", "--quiet").exit_code == 70  # the verdicts alone, which nobody has seen


def change_alpha():
    return (*REPORT, "--alpha", "0.01")


def remove_the_figure():
    (FOLDER / "cost.png").unlink()
    return REPORT


def alter_a_table():
    (FOLDER / "summary.csv").write_text((FOLDER / "summary.csv").read_text() + "\n")
    return REPORT


def put_a_link_in_place_of_a_file():
    (FOLDER / "report.txt").rename("elsewhere.txt")
    (FOLDER / "report.txt").symlink_to(Path("elsewhere.txt").resolve())
    return REPORT


def run_more():
    done = llm_evo("run", "mine.toml", "--workers", "1", "--runs", "30")
    assert done.exit_code == 70, done.output
    return REPORT


def note_a_failure():
    cells = load(FOLDER).cells
    write_failure(FOLDER, FailedBatch(cells["sample"].iloc[0], 7, cells["text"].iloc[0], "raised", "no", "", "now"))
    return REPORT


def damage_what_is_kept():
    file = state_file("reports", FOLDER)
    file.write_text(file.read_text().replace("CANNOT_TELL", "AGREES"))
    return REPORT


def widen_the_terminal():
    os.environ["COLUMNS"] = "100"
    return REPORT


CHANGES = [change_alpha, remove_the_figure, alter_a_table, run_more, note_a_failure, damage_what_is_kept]
CHANGES += [widen_the_terminal, put_a_link_in_place_of_a_file]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_report_is_made_of_makes_it_anew(change, reported, none_is_made):
    none_is_made()
    assert not is_made(*REPORT)
    assert is_made(*change())


def test_other_code_and_other_libraries_make_it_anew(monkeypatch, reported, none_is_made):
    none_is_made()
    for name, other in (("version", lambda name: "0.0"), ("PACKAGES", ("evo", "operators", "problems"))):
        with monkeypatch.context() as patch:
            patch.setattr(kept, name, other)
            kept._made_with.cache_clear()
            assert is_made(*REPORT)
        kept._made_with.cache_clear()
    assert not is_made(*REPORT)


def test_a_damaged_part_is_told_though_the_report_is_kept(reported, none_is_made):
    none_is_made()
    part = next((FOLDER / "runs").iterdir())
    part.write_bytes(part.read_bytes()[:-1])
    done = llm_evo(*REPORT)
    assert done.exit_code == 5
    assert "truncated or altered" in done.stderr


def test_check_computes_its_verdicts_always(monkeypatch, reported):
    monkeypatch.setattr("experiments.checks.check.made_tests", None)
    assert llm_evo(*REPORT).exit_code == 0
    assert llm_evo("check", str(FOLDER)).exit_code == 70


def test_of_parts_of_a_user_nothing_is_kept(none_is_made):
    Path("part_of_mine.py").write_text("from operators import Resample\n\n\nclass Mine(Resample):\n    pass\n")
    Path("mine.toml").write_text(GRID.replace('"Resample"', '"part_of_mine:Mine"'))
    run_it()
    assert not state_file("reports", FOLDER).exists()
    none_is_made()
    assert is_made(*REPORT)


def test_a_folder_brings_no_report_along(reported, none_is_made):
    """What is kept is of a folder of this user: a copy of it in another place is reported anew."""
    none_is_made()
    FOLDER.rename("stranger")
    assert is_made("report", "stranger")
    held = json.loads(state_file("reports", FOLDER).read_text())
    assert held["verdict"] == "CANNOT_TELL"
    assert not state_file("reports", FOLDER).is_relative_to(Path.cwd() / "results")


def test_where_nothing_can_be_kept_each_report_is_made(tmp_path, monkeypatch, none_is_made):
    (tmp_path / "file").touch()
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
    first = run_it()
    assert "Check against exact predictions" in first.stdout
    none_is_made()
    assert is_made(*REPORT)


@pytest.mark.parametrize("looks", [1, kept.MOST_LOOKS, kept.MOST_LOOKS + 2])
def test_a_kept_report_is_read_as_it_was_and_of_many_looks_the_last_are(looks, tmp_path):
    (tmp_path / "report.html").write_text("page")
    shown = {f"look {n}": f"text {n}" for n in range(looks)}
    made = KeptReport("key", Verdict.CANNOT_TELL, checksums([tmp_path / "report.html"]), shown)
    keep(tmp_path, made)
    last = dict(list(shown.items())[max(0, looks - 8) :])
    assert kept_report(tmp_path, "key") == replace(made, shown=last)
    assert kept_report(tmp_path, "another") is kept_report(tmp_path, None) is None
    (tmp_path / "report.html").write_text("another page")
    assert kept_report(tmp_path, "key") is None
