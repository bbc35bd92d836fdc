"""What is written down of a launch: when, how, where, from which commit; and nothing of it in the tables."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from evo.errors import OperatorError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.running.launch import GridFailure, run_grid
from experiments.store.files import StoreError
from experiments.store.launches import provenance
from experiments.store.launches.provenance import begin, ended, git_states, read_launches, write_launch
from operators import Resample
from problems import BlockOneMax


def grid(runs: int = 20) -> Grid:
    cells = [Cell(BlockOneMax(k, 4), Resample(0.5), AllBlocks(), OnePlusLambda()) for k in (1, 2)]
    return Grid("tiny", cells, runs=runs, seed=3, batch=10)


def launches(folder: Path) -> list[dict[str, object]]:
    return read_launches(folder)


@pytest.fixture
def clock(monkeypatch) -> list[str]:
    """Times that are told one after the other."""
    times = [f"2030-01-0{day}T00:00:00+00:00" for day in range(1, 9)]
    monkeypatch.setattr(provenance, "_now", lambda: times.pop(0))
    return times


def test_two_runs_at_different_times_have_the_same_tables_and_another_provenance(tmp_path, clock):
    for name in ("one", "two"):
        run_grid(grid(), tmp_path / name, workers=1)
    one, two = (tmp_path / name for name in ("one", "two"))
    for file in ("cells.parquet", "grid.json"):
        assert (one / file).read_bytes() == (two / file).read_bytes()
    runs = [sorted(part.name for part in (folder / "runs").glob("*.parquet")) for folder in (one, two)]
    assert runs[0] == runs[1]  # the name is the checksum of what is in it
    assert (one / "runs" / runs[0][0]).read_bytes() == (two / "runs" / runs[0][0]).read_bytes()
    assert launches(one) != launches(two)
    assert [launch["started"] for launch in launches(one) + launches(two)] == [
        "2030-01-01T00:00:00+00:00",
        "2030-01-03T00:00:00+00:00",
    ]


def test_a_launch_tells_when_and_how_it_ended(tmp_path, clock):
    run_grid(grid(), tmp_path / "out", workers=1)
    run_grid(grid(40), tmp_path / "out", workers=1)
    first, second = launches(tmp_path / "out")
    assert (first["how"], first["ended"], first["runs"]) == ("finished", "2030-01-02T00:00:00+00:00", 20)
    assert (second["how"], second["ended"], second["runs"]) == ("finished", "2030-01-04T00:00:00+00:00", 40)
    assert (first["seed"], first["batch"], first["engine"]) == (3, 10, "blocks")
    assert first["hosts"] == [socket.gethostname()]


def test_a_launch_that_was_interrupted_or_failed_says_so(tmp_path, monkeypatch):
    def stopped(progress) -> None:
        raise KeyboardInterrupt

    def fails(*batch) -> None:
        raise OperatorError("nonsense")

    with pytest.raises(KeyboardInterrupt):
        run_grid(grid(), tmp_path / "out", workers=1, watch=stopped)
    monkeypatch.setattr("experiments.running.tasks.simulate", fails)
    with pytest.raises(GridFailure):
        run_grid(grid(), tmp_path / "out", workers=1)
    monkeypatch.undo()
    run_grid(grid(), tmp_path / "out", workers=1, retry_failed=True)
    assert [launch["how"] for launch in launches(tmp_path / "out")] == ["interrupted", "failed", "finished"]


def test_a_launch_that_was_killed_has_no_end(tmp_path):
    begun = begin(grid(), 4)
    write_launch(tmp_path, begun)
    write_launch(tmp_path, later := begin(grid(), 2))
    write_launch(tmp_path, ended(later, "finished", ["node1", socket.gethostname(), "node2"]), later)
    first, second = launches(tmp_path)
    assert (first["ended"], first["how"]) == (None, None)
    assert second["how"] == "finished"
    assert second["hosts"] == [socket.gethostname(), "node1", "node2"]


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"launches": 1}', "[" * 200_000])
def test_a_damaged_provenance_is_named(tmp_path, text):
    (tmp_path / "provenance.json").write_text(text)
    with pytest.raises(StoreError, match=r"provenance\.json: truncated or altered: .*; remove this file"):
        write_launch(tmp_path, {})
    assert (tmp_path / "provenance.json").read_text() == text


# ------------------------------------------------------------------------------------------------------------ git


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=me", "-c", "user.email=me@here", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *settings, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path) -> Path:
    """A work tree with a package in it."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    package = tmp_path / "tree" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (tmp_path / "tree" / "grid.toml").write_text("")
    git(tmp_path / "tree", "init")
    git(tmp_path / "tree", "add", ".")
    git(tmp_path / "tree", "commit", "-m", "all")
    return tmp_path / "tree"


def test_commit_and_changes_of_a_work_tree(tree):
    commit = git(tree, "rev-parse", "HEAD")
    clean = {"folder": str(tree), "commit": commit, "changed": False}
    assert git_states(tree / "package", tree) == {"testbed": clean, "grid": None}  # the same tree
    (tree / "results").mkdir()
    (tree / "results" / "new").write_text("untracked files, such as results, are no change")
    assert git_states(tree / "package", tree)["testbed"] == clean
    (tree / "grid.toml").write_text("changed")
    assert git_states(tree / "package", tree)["testbed"] == clean | {"changed": True}


def test_a_grid_in_another_tree_and_folders_without_one(tree, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert git_states(other, other) == {"testbed": None, "grid": None}
    git(other, "init")
    git(other, "commit", "--allow-empty", "-m", "none")
    found = git_states(tree / "package", other)
    assert (found["testbed"]["folder"], found["grid"]["folder"]) == (str(tree), str(other))


def test_a_package_that_is_installed_inside_a_tree_is_none_of_it(tree):
    installed = tree / ".venv" / "package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    found = git_states(installed, tree)
    assert (found["testbed"], found["grid"]["folder"]) == (None, str(tree))


def test_without_git_nothing_is_told(tree, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_states(tree / "package", tree) == {"testbed": None, "grid": None}


def test_git_is_asked_of_the_folder_whatever_the_environment_says(tree, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert git_states(tree / "package", tree)["testbed"]["changed"] is False


def test_the_tables_say_nothing_of_the_launch(tmp_path):
    run_grid(grid(), tmp_path / "out", workers=1)
    cells = pd.read_parquet(tmp_path / "out" / "cells.parquet")
    assert not {"started", "hosts", "git", "command"} & set(cells.columns)
