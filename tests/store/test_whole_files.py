"""Files that commands write beside results are there whole or not at all, and never in the place of somebody else's."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.cli.app import app
from experiments.cli.exits import HINDERED, INTERRUPTED
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.running.launch import run_grid
from experiments.store.files import write_new
from operators import Resample
from problems import BlockOneMax

CALLS = Path(__file__).parents[1] / "calibration" / "data" / "calls.csv"
PLAN = ("plan", "--k", "2", "--fix", "1=.5", "--keep", "1=.9", "--g", "1", "--lam", "1", "--no-hangs")
WRITE = {
    "init": (("init", "new.toml"), "new.toml"),
    "calibrate": (("calibrate", "calls.csv", "--out", "new.toml"), "new.toml"),
    "strip": (("record", "log.jsonl", "--strip", "new.jsonl"), "new.jsonl"),
    "plan": ((*PLAN, "--toml", "new.toml"), "new.toml"),
    "figure": (
        (
            *PLAN,
            "--prices",
            "prompt=1e-6,generated=1e-6",
            "--tokens",
            "block=9,instructions=0",
            "--seconds",
            "fixed=1",
            "--figure",
            "new.svg",
        ),
        "new.svg",
    ),
}


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=[pytest.mark.slow] * (each in ("calibrate", "plan", "figure"))) for each in WRITE],
)
def test_a_file_that_is_not_finished_is_not_there(command, tmp_path, monkeypatch):
    """The disk is full, or the command is ended, after most of the file is written; the same command then works."""
    words, name = WRITE[command]
    monkeypatch.chdir(tmp_path)
    Path("log.jsonl").write_text('{"request": {}, "status": 200}\n')
    Path("calls.csv").write_text("".join(CALLS.read_text().splitlines(keepends=True)[:9]))
    before = sorted(os.listdir())
    for error, code in (
        (OSError(errno.ENOSPC, "No space left on device"), HINDERED),
        (KeyboardInterrupt(), INTERRUPTED),
    ):

        def fails(opened, error=error):
            raise error

        with monkeypatch.context() as patched:
            patched.setattr("experiments.store.files.os.fsync", fails)
            done = CliRunner().invoke(app, words)
        assert done.exit_code == code, done.output
        assert sorted(os.listdir()) == before
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert sorted(os.listdir()) == sorted([*before, name])
    assert Path(name).stat().st_size


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_somebody_makes_meanwhile_stays(links, tmp_path, monkeypatch):
    file = tmp_path / "mine.toml"

    def linked(source, target):
        file.write_text("mine")
        if links:
            raise FileExistsError(errno.EEXIST, "File exists")
        raise OSError(errno.EPERM, "Operation not permitted")  # a disk that gives no file two names

    monkeypatch.setattr("experiments.store.files.os.link", linked)
    with pytest.raises(InputError, match=r"mine\.toml: somebody has made this file meanwhile; remove it or choose"):
        write_new(file, "ours")
    assert file.read_text() == "mine"
    assert os.listdir(tmp_path) == ["mine.toml"]


def test_a_disk_without_second_names_takes_the_file(tmp_path, monkeypatch):
    def refused(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("experiments.store.files.os.link", refused)
    write_new(tmp_path / "new.toml", "ours")
    assert (tmp_path / "new.toml").read_text() == "ours"
    assert os.listdir(tmp_path) == ["new.toml"]


def test_a_folder_that_takes_no_file_is_told_by_the_name_that_was_given(tmp_path):
    file = tmp_path / "none" / "new.toml"
    with pytest.raises(FileNotFoundError) as told:
        write_new(file, "ours")
    assert told.value.filename == str(file)


@pytest.mark.parametrize("leads_to", ["nowhere", "out"])
def test_a_link_that_leads_to_no_folder_is_told_as_one(leads_to, tmp_path):
    """Also one that leads to itself; making the folder said that a file exists."""
    (tmp_path / "out").symlink_to(leads_to)
    cell = Cell(BlockOneMax(k=1, l=2), Resample(0.5), AllBlocks(), OnePlusLambda())
    with pytest.raises(InputError, match="out: expected a folder, got a link that leads to none; remove it or choose"):
        run_grid(Grid("one", [cell], runs=1), tmp_path / "out", workers=1)
    assert os.listdir(tmp_path) == ["out"]
