"""A results folder that somebody made to attack: whatever stands in it, nothing outside of it is touched or acts."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from patience import SECONDS
from typer.testing import CliRunner

from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UntilResolved
from experiments.cli.app import app
from experiments.grids.grid import Grid, sweep
from experiments.reports.files import write
from experiments.reports.report import report
from experiments.running.launch import run_grid
from experiments.store.failures import FailedBatch, write_failure
from experiments.store.files import StoreError, write_json, write_part
from experiments.store.launches.lock import FolderLock
from experiments.store.results import load
from experiments.store.store import Store
from operators import Resample
from problems import BlockOneMax

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
TOML = """
    name = "small"
    runs = 20
    batch = 10
    [[arm]]
    label = "a"
    problem = {type = "BlockOneMax", k = [1, 2, 4], l = 2}
    mutator = {type = "Resample", p = 0.5}
    schedule = {type = "UntilResolved"}
"""


def several(*values: str) -> list[Any]:
    """More of a kind of which one is always tried."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def grid(**changes: Any) -> Grid:
    cells = sweep(
        problem=[BlockOneMax(k, l=2) for k in (1, 2, 4)],
        mutator=Resample(0.5),
        schedule=UntilResolved(),
        runner=OnePlusLambda(),
    )
    return Grid("small", {"a": cells}, **({"runs": 20, "batch": 10} | changes))


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    def late(*arguments: Any) -> None:
        raise AssertionError(f"not done in {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def figures_where_they_are_asked_for(request) -> None:
    """Reports draw none unless it is their file that is spoilt."""
    if not re.search(r"(cost|quality|report)\.(png|svg|csv|html)", request.node.name):
        request.getfixturevalue("no_figures")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("made") / "out"
    write(report(run_grid(grid(), folder, workers=1)), folder)
    return folder


@pytest.fixture
def out(made, tmp_path) -> Path:
    (tmp_path / "grid.toml").write_text(TOML)
    return Path(shutil.copytree(made, tmp_path / "out"))


@pytest.fixture
def mine(tmp_path) -> Path:
    """The user's own files, beside the folder."""
    folder = tmp_path / "mine"
    (folder / "inner").mkdir(parents=True)
    for name in ("precious.txt", "victim.json", "victim-0.json", "inner/part-1.parquet", "draft.tmp"):
        (folder / name).write_text(f"my {name}")
    return folder


def seen(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def every_command(out: Path) -> list[int]:
    """All that reads or writes a folder, run on it: the exit codes."""
    words = [["status"], ["check"], ["fit"], ["time"], ["report"], ["export", "--to", "csv", "--out", f"{out}-csv"]]
    called = [[first, str(out), *more] for first, *more in words]
    called.append(["run", str(out.parent / "grid.toml"), "--out", str(out), "--workers", "1"])
    codes = []
    for command in called:
        done = CliRunner().invoke(app, command, prog_name="llm-evo")
        assert done.exception is None or isinstance(done.exception, SystemExit), (command, done.exception)
        assert not re.search("[\x1b\x9b\u202e]", done.output), command
        codes.append(done.exit_code)
    return codes


# ------------------------------------------------------------------------------------------------- links, names

REPORT = (
    "summary.csv",
    "checks.csv",
    "laws.csv",
    "cost.png",
    "cost.svg",
    "quality.png",
    "quality.svg",
    "quality.csv",
    "report.html",
)


@pytest.mark.parametrize(
    "name", ["cells.parquet", *several("grid.json", "provenance.json", "driver.lock", *REPORT), "report.txt"]
)
def test_a_link_in_the_place_of_a_file_is_never_followed(out, mine, name):
    before = seen(mine)
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(mine / "precious.txt")
    codes = every_command(out)
    assert seen(mine) == before
    assert set(codes) <= {0, 5}
    if name in ("report.txt", *REPORT):
        assert codes == [0] * len(codes)
        assert not (out / name).is_symlink()


def test_the_twin_of_links_writing_in_place_follows_them(out, mine, monkeypatch):
    monkeypatch.setattr("experiments.reports.files.write_whole", lambda file, write: write(file))
    (out / "report.txt").unlink()
    (out / "report.txt").symlink_to(mine / "precious.txt")
    write(report(load(out)), out)
    assert (mine / "precious.txt").read_text() != "my precious.txt"


@pytest.mark.parametrize("name", [*several("runs", "failures"), "damaged"])
def test_a_link_in_the_place_of_a_folder_is_refused(out, mine, name):
    before = seen(mine)
    part = sorted((out / "runs").iterdir())[0]
    part.write_bytes(b"damaged")  # to be set aside
    if (out / name).exists():
        shutil.rmtree(out / name)
    (out / name).symlink_to(mine / "inner", target_is_directory=True)
    codes = every_command(out)
    assert seen(mine) == before
    assert codes[-1] == 5
    assert "a link" in CliRunner().invoke(app, ["run", str(out.parent / "grid.toml"), "--out", str(out)]).output


def test_a_lock_that_is_one_file_with_something_of_the_users_is_not_written(out, mine):
    os.link(mine / "precious.txt", out / "driver.lock")
    with pytest.raises(StoreError, match=r"driver\.lock: expected the lock of a launch, .* another name, too; remove"):
        run_grid(grid(), out, workers=1)
    assert (mine / "precious.txt").read_text() == "my precious.txt"


@pytest.mark.parametrize(
    "name", ["../../mine/victim", *several("../mine/victim", "/etc/passwd", "..", "", "s0123456789ab-01234567/../x")]
)
def test_a_name_from_a_file_never_becomes_a_path(out, mine, name):
    before = seen(mine)
    sound = grid().cells[0]
    failed = {"sample": name, "batch": 0, "text": "x", "kind": "died", "message": "", "host": "", "when": ""}
    (out / "failures").mkdir()
    write_json(out / "failures" / f"{sound.sample}-0.json", failed)
    rows = pd.read_parquet(sorted((out / "runs").iterdir())[0])
    write_part(out / "runs", rows.assign(sample=name))
    assert set(every_command(out)) <= {0, 5}
    assert seen(mine) == before
    with pytest.raises(StoreError, match="expected the name of a batch"), Store.open(out, grid()) as store:
        store.forget_failures([(name, 0)])
    with pytest.raises(StoreError, match="expected the name of a batch"), Store.open(out, grid()) as store:
        store.note_failure(FailedBatch(name, 0, "x", "died", "", "", ""))


def test_the_twin_of_names_without_their_form_a_file_outside_is_deleted(out, mine, monkeypatch):
    monkeypatch.setattr("experiments.store.failures.is_sample", lambda name: True)
    (out / "failures").mkdir()
    with Store.open(out, grid()) as store:
        store.forget_failures([("../../mine/victim", 0)])
    assert not (mine / "victim-0.json").exists()


# ------------------------------------------------------------------------------------------------- no files at all


@pytest.mark.parametrize("kind", ["pipe", *several("folder", "device")])
@pytest.mark.parametrize(
    "name", ["runs", *several("grid.json", "provenance.json", "cells.parquet", "driver.lock", "failures")]
)
def test_something_else_in_the_place_of_a_file_is_refused_and_never_waited_for(out, name, kind):
    place = out / name
    if name == "failures":
        place.mkdir()
        place = place / f"{grid().cells[0].sample}-7.json"
    elif name == "runs":
        place = sorted(place.iterdir())[0]
    place.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("/dev/zero")
    codes = every_command(out)
    assert set(codes) <= {0, 5}
    assert 5 in codes or name in ("provenance.json", "failures")


def test_the_twin_of_pipes_one_that_is_merely_read_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(AssertionError, match="not done"):
        (tmp_path / "pipe").read_bytes()


def test_a_pipe_in_the_place_of_a_grid_is_refused(tmp_path):
    os.mkfifo(tmp_path / "grid.toml")
    done = CliRunner().invoke(app, ["run", str(tmp_path / "grid.toml")])
    assert done.exit_code == 2
    assert "cannot read the grid: expected a file, got a named pipe" in done.output


# ------------------------------------------------------------------------------------------------- what is the user's


@pytest.mark.parametrize("names", [["draft.tmp"], ["a.json.tmp", ".hidden.tmp"], ["driver.lock"], [f"{'0' * 32}.tmp"]])
def test_a_folder_with_files_of_the_users_is_not_empty(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match="got a folder without grid"):
        run_grid(grid(), tmp_path, workers=1)
    assert seen(tmp_path) == dict.fromkeys(names, b"mine")


def test_only_temporary_files_of_our_own_names_are_deleted(out, mine):
    names = ["a.tmp", ".tmp", "runs/b.tmp", "sub/c.tmp", f"sub/.part.{'0' * 32}.tmp", f"runs/.part.{'0' * 31}.tmp"]
    (out / "sub").mkdir()
    for name in names:
        (out / name).write_text("mine")
    ours = [out / f".grid.json.{'0' * 32}.tmp", out / "runs" / f".part.{'a' * 32}.tmp"]
    for file in ours:
        file.write_text("half")
    (out / f".x.{'1' * 32}.tmp").symlink_to(mine / "precious.txt")
    run_grid(grid(), out, workers=1)
    assert {name: (out / name).read_text() for name in names} == dict.fromkeys(names, "mine")
    assert not any(file.exists() for file in ours)
    assert (mine / "precious.txt").exists()


def test_the_twin_of_temporary_files_by_their_end_alone_the_users_are_deleted(out, monkeypatch):
    (out / "a.tmp").write_text("mine")
    monkeypatch.setattr("experiments.store.files.is_temporary", lambda name: name.endswith(".tmp"))
    run_grid(grid(), out, workers=1)
    assert not (out / "a.tmp").exists()


# ------------------------------------------------------------------------------------------------- words that act


def test_words_that_act_on_a_terminal_reach_none(out):
    cell = grid().cells[0]
    words = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
    write_failure(out, FailedBatch(cell.sample, 7, words, "raised", f"{words}\n{words}", words, words))
    launches = json.loads((out / "provenance.json").read_text())["launches"]
    write_json(out / "provenance.json", {"launches": [*launches, {"how": words, "started": words, "ended": words}]})
    lock = FolderLock.take(out)
    (out / "driver.lock").write_text(json.dumps({"pid": words, "host": words, "since": words}))
    assert set(every_command(out)) <= {0, 3, 5}
    lock.release()
    for command in ("status", "report"):
        done = CliRunner().invoke(app, [command, str(out)])
        assert done.exit_code == 0
        assert not re.search("[\x1b\x9b\u202e]", done.output)
    assert "]0;owned" in CliRunner().invoke(app, ["status", str(out)]).output  # what is left of it
    assert not re.search("[\x1b\x9b\u202e]", (out / "report.txt").read_text())


def test_the_twin_of_words_a_console_of_rich_lets_some_through(monkeypatch, out):
    import rich.console

    launches = [{"how": "a\x1b[2Jb", "started": "", "ended": ""}]
    write_json(out / "provenance.json", {"launches": launches})
    monkeypatch.setattr("experiments.reports.printing.PlainConsole", rich.console.Console)
    assert "\x1b[2J" in CliRunner().invoke(app, ["status", str(out)]).output
