"""The results folder when things go wrong: damaged parts, a full disk, two launches at once, a driver killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from patience import SECONDS, wait_for
from typer.testing import CliRunner

from experiments.cli.app import app
from experiments.grids.toml import load_grid
from experiments.running.launch import run_grid
from experiments.store.batches import Batches
from experiments.store.files import part_name, write_json, write_part
from experiments.store.launches.lock import FolderLock, Holder, holder_of
from experiments.store.launches.provenance import read_launches
from experiments.store.launches.status import Starting, status
from experiments.store.results import load
from experiments.store.store import Store, StoreError
from experiments.store.table import DTYPES, KEY

pytestmark = pytest.mark.usefixtures("no_figures")
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX only")
GRID = """
    name = "small"
    runs = 50
    batch = 10

    [[arm]]
    label = "a"
    problem = {type = "BlockOneMax", k = [1, 2, 3, 4], l = 4}
    mutator = {type = "Resample", p = 0.5}
    schedule = {type = "AllBlocks"}
"""
CELLS, BATCHES = 4, 20


@pytest.fixture(autouse=True)
def a_part_a_batch(monkeypatch):
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)


@pytest.fixture
def toml(tmp_path) -> Path:
    file = tmp_path / "grid.toml"
    file.write_text(textwrap.dedent(GRID))
    return file


@pytest.fixture
def grid(toml):
    return load_grid(str(toml))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A results folder with a part for each batch, made once and then copied."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "grid.toml").write_text(textwrap.dedent(GRID))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
        patched.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)
        run_grid(load_grid(str(folder / "grid.toml")), folder / "out", workers=1)
    return folder / "out"


@pytest.fixture(scope="module")
def whole(made) -> pd.DataFrame:
    """The runs of a launch that nothing interrupts."""
    return load(made).runs


@pytest.fixture
def out(tmp_path, made) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def raw(out: Path) -> pd.DataFrame:
    """The rows as another Parquet reader sees them: through runs/*.parquet, nothing checked."""
    return pd.concat([pd.read_parquet(file) for file in out.glob("runs/*.parquet")], ignore_index=True)


def llm_evo(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words], prog_name="llm-evo")
    return done.exit_code, done.output


def parts(out: Path) -> list[Path]:
    return sorted((out / "runs").iterdir())


# ------------------------------------------------------------------------------------------- checksums


def test_the_name_of_a_part_is_its_checksum_and_other_readers_need_not_know(out, whole):
    assert len(parts(out)) == BATCHES
    for part in parts(out):
        assert part.name == f"part-sha256-{hashlib.sha256(part.read_bytes()).hexdigest()}.parquet"
    rows = raw(out).sort_values(KEY, ignore_index=True)
    samples = whole["cell"].map(load(out).cells["sample"])
    expected = whole.drop(columns=["cell", "cost"]).assign(sample=samples).sort_values(KEY, ignore_index=True)
    same(rows[list(expected)].astype(expected.dtypes), expected)


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def reword(content: bytes) -> bytes:
    """A whole Parquet file of other numbers."""
    from io import BytesIO

    table = pd.read_parquet(BytesIO(content))
    return bytes(table.assign(calls=table["calls"] + 1).to_parquet(index=False))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "a bit flipped": flip,
    "zeros, as after a power cut": lambda content: bytes(len(content)),
    "other numbers in a sound file": reword,
}


OFTEN = ("cut", "one byte short", "zeros, as after a power cut")
"""Damages like the others, and many of each kind in test_damaged_files.py."""


@pytest.mark.parametrize(
    "damage",
    [pytest.param(DAMAGES[name], id=name, marks=pytest.mark.slow if name in OFTEN else ()) for name in DAMAGES],
)
def test_a_damaged_part_is_named_set_aside_and_computed_again(out, grid, whole, damage):
    part = parts(out)[3]
    damaged = damage(part.read_bytes())
    part.write_bytes(damaged)
    for command in ("check", "fit", "report"):
        code, shown = llm_evo(command, out)
        assert code == 5
        assert f"error: {part}: truncated or altered: its SHA-256 is not that of its name; run the grid again" in shown
    assert part.read_bytes() == damaged  # reading changes nothing

    told: list[str] = []
    batches: list[int] = []
    results = run_grid(grid, out, 1, watch=lambda progress: batches.append(progress.batches), tell=told.append)
    same(results.runs, whole)
    assert batches == [BATCHES - 1, BATCHES]
    aside = out / "damaged" / part.name
    assert aside.read_bytes() == damaged
    assert told == [
        f"{part}: truncated or altered: its SHA-256 is not that of its name; set aside as {aside}, its batches are "
        "computed anew"
    ]
    assert read_launches(out)[-1]["told"] == told
    same(load(out).runs, whole)
    assert len(raw(out)) == len(whole)


def test_a_part_damaged_twice_is_kept_twice(out, grid):
    for content in (b"first", b"second"):
        part = parts(out)[0]  # the same rows make the same bytes, and these the same name
        part.write_bytes(content)
        with pytest.warns(UserWarning, match="set aside as .*/damaged/part-"):
            run_grid(grid, out, workers=1)
    assert {file.read_bytes() for file in (out / "damaged").iterdir()} == {b"first", b"second"}


def test_a_part_whose_name_has_no_checksum_is_not_counted(out, grid, whole):
    part = parts(out)[0]
    part = part.rename(part.with_name("part-mine.parquet"))
    with pytest.raises(StoreError, match=r"part-mine\.parquet: its name has no SHA-256: the testbed did not write it"):
        load(out)
    told: list[str] = []
    same(run_grid(grid, out, workers=1, tell=told.append).runs, whole)
    assert "part-mine.parquet" in told[0]
    assert (out / "damaged" / "part-mine.parquet").exists()


def test_other_numbers_in_a_sound_file_of_the_right_name_pass(out, whole):
    """The proof that it is the checksum which finds them."""
    part = parts(out)[0]
    content = reword(part.read_bytes())
    part.unlink()
    part.with_name(part_name(hashlib.sha256(content).hexdigest())).write_bytes(content)
    assert (load(out).runs["calls"] != whole["calls"]).sum() == 10


def test_a_disk_that_does_not_give_the_bytes_is_no_damaged_part(out, grid, monkeypatch):
    def read(file: Path, most: int) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("experiments.store.parts.read_file", read)
        with pytest.raises(StoreError, match=r"part-.*: cannot be read \(.*Input/output error.*see to the disk"):
            run_grid(grid, out, workers=1)
    assert not (out / "damaged").exists()
    assert len(parts(out)) == BATCHES


# ------------------------------------------------------------------------------------------- onto the disk


def test_bytes_are_on_the_disk_before_they_have_a_name_and_then_the_name_is(out, grid, whole, monkeypatch):
    rows = whole.assign(sample=whole["cell"].map({cell.id: cell.sample for cell in grid.cells}))[list(DTYPES)]
    steps: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def name_of(opened: int) -> str:
        return Path(os.readlink(f"/proc/self/fd/{opened}")).name if Path("/proc/self/fd").is_dir() else "?"

    monkeypatch.setattr(os, "fsync", lambda opened: (steps.append(("fsync", name_of(opened))), fsync(opened))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append(("rename", names[0].name)), replace(*names))[1])
    with Store.open(out, grid) as store:
        steps.clear()
        store.add(rows)
    assert [step for step, _ in steps] == ["fsync", "rename", "fsync"]
    if Path("/proc/self/fd").is_dir():
        assert steps[0][1] == steps[1][1]
        assert steps[0][1].endswith(".tmp")
        assert steps[2][1] == "runs"


@posix
def test_a_disk_that_takes_no_more_bytes_leaves_no_part(tmp_path, grid, whole):
    """A real failing write: files of this process may not grow beyond a limit."""
    rows = whole.assign(sample=whole["cell"].map({cell.id: cell.sample for cell in grid.cells}))[list(DTYPES)]
    with Store.open(tmp_path / "out", grid) as store:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
            with pytest.raises(StoreError, match=r"out: cannot write results \(.*File too large.*run again to go on"):
                store.add(rows)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        assert parts(tmp_path / "out") == []
        assert not store.batches(grid).file
        store.add(rows)
        assert len(store.batches(grid).file) == BATCHES


@pytest.mark.parametrize(  # two fsyncs a file: its bytes, its name; grid.json and cells first
    "after", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(6, marks=pytest.mark.slow), 9]
)
def test_a_disk_that_fails_to_keep_bytes_is_told_and_nothing_is_lost(tmp_path, grid, whole, monkeypatch, after):
    calls = 0
    original = os.fsync

    def fsync(opened: int) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(28, "No space left on device")
        original(opened)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(StoreError, match=r"out: cannot write results \(.*No space left.*run again to go on"):
            run_grid(grid, tmp_path / "out", workers=1)
    assert not list(tmp_path.rglob("*.tmp"))
    assert not (tmp_path / "out" / "driver.lock").exists()
    same(run_grid(grid, tmp_path / "out", workers=1).runs, whole)
    assert len(raw(tmp_path / "out")) == len(whole)


# ------------------------------------------------------------------------------------------- rows that are there twice


def test_two_parts_that_differ_on_a_run_are_an_error(out, grid):
    part = parts(out)[0]
    one = pd.read_parquet(part)
    write_part(out / "runs", one.head(5))
    assert len(load(out).runs) == CELLS * 50  # equal rows count once
    assert (status(out).cells, status(out).batches) == (CELLS, BATCHES)
    again = write_part(out / "runs", one.assign(calls=one["calls"] + (one["run"] == 7)))
    expected = (
        rf"out/runs: ({again.name} and {part.name}|{part.name} and {again.name}) differ in calls of "
        rf"sample {one['sample'].iloc[0]}, batch {one['batch'].iloc[0]}, run 7, .*remove the one that is wrong"
    )
    for read in (lambda: load(out), lambda: run_grid(grid, out, workers=1)):
        with pytest.raises(StoreError, match=expected):
            read()
    code, shown = llm_evo("status", out)
    assert code == 0
    assert re.search(rf"error +\S*{expected}", shown)


def test_of_two_copies_the_one_with_seconds_counts(out):
    for part in parts(out)[:1]:
        rows = pd.read_parquet(part)
        write_part(out / "runs", rows.assign(seconds=1.5))
    assert (load(out).runs["seconds"] == 1.5).sum() == 10
    write_part(out / "runs", rows.assign(seconds=2.5))
    with pytest.raises(StoreError, match="differ in seconds"):
        load(out)


# ------------------------------------------------------------------------------------------- two launches at once


def test_a_second_launch_says_who_is_at_work(out, grid, toml):
    with Store.open(out, grid):
        with pytest.raises(StoreError, match=rf"another launch is at work in this folder \(pid {os.getpid()} on \S+, "):
            Store.open(out, grid)
        code, shown = llm_evo("run", toml, "--out", out)
        assert code == 5
        assert f"pid {os.getpid()} on" in shown
        assert f"wait until it is done (`llm-evo status {out}` says how far it is), end it and run again" in shown
        assert status(out).driver == holder_of(out)
    assert holder_of(out) is None
    assert not (out / "driver.lock").exists()
    assert llm_evo("run", toml, "--out", out, "--quiet")[0] == 0


def test_a_lock_of_a_driver_that_is_gone_blocks_nobody(out, grid):
    (out / "driver.lock").write_text('{"pid": 1, "host": "elsewhere", "since": "long ago"}')
    assert holder_of(out) is None
    assert len(run_grid(grid, out, workers=1).runs) == CELLS * 50
    assert not (out / "driver.lock").exists()


@posix
def test_a_look_at_the_lock_keeps_no_launch_out(tmp_path):
    """As `llm-evo status` looks, but for far longer: a tenth of a second."""
    import fcntl
    import threading

    with (tmp_path / "driver.lock").open("w") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        over = threading.Timer(0.1, lambda: fcntl.flock(looked_at, fcntl.LOCK_UN))
        over.start()
        FolderLock.take(tmp_path).release()
        over.join()


def test_a_lock_file_that_is_being_written_names_nobody(tmp_path):
    lock = FolderLock.take(tmp_path)
    (tmp_path / "driver.lock").write_text('{"pi')
    assert holder_of(tmp_path) == Holder("unknown", "unknown", "unknown")
    lock.release()


@posix
def test_a_lock_whose_file_was_removed_or_replaced_is_freed_and_takes_nobody_elses(tmp_path):
    first = FolderLock.take(tmp_path)
    (tmp_path / "driver.lock").unlink()
    second = FolderLock.take(tmp_path)
    first.release()
    with pytest.raises(StoreError, match="another launch is at work"):
        FolderLock.take(tmp_path)
    second.release()
    assert not list(tmp_path.iterdir())
    inner = tmp_path / "inner"
    inner.mkdir()
    last = FolderLock.take(inner)
    (inner / "driver.lock").unlink()
    inner.rmdir()
    inner.write_text("a file in the place of the folder")
    last.release()
    assert last._opened is None


def test_a_part_that_somebody_removes_during_the_launch_is_not_passed_over(tmp_path, grid, whole, monkeypatch):
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)

    def remove(progress: Any) -> None:
        if progress.batches == 3:
            next((tmp_path / "out" / "runs").glob("*.parquet")).unlink()

    with pytest.raises(StoreError, match=r"part-.*is gone \(parts gone: 1 of \d+\); somebody else has removed it"):
        run_grid(grid, tmp_path / "out", workers=1, watch=remove)
    same(run_grid(grid, tmp_path / "out", workers=1).runs, whole)


@posix
def test_a_disk_without_locks_is_told(tmp_path, grid, monkeypatch):
    def flock(opened: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("experiments.store.launches.lock.fcntl.flock", flock)
    with pytest.warns(UserWarning, match="no advisory locks .*No locks available.*start no second launch"):
        run_grid(grid, tmp_path / "out", workers=1)
    assert len(load(tmp_path / "out").runs) == CELLS * 50


DRIVERS = """
    import os, random, signal, sys, time
    from pathlib import Path

    import joblib, pandas  # before the fork, which is then fast
    from pyarrow import parquet

    from experiments.running import agenda, driver, launch as running, tasks
    from evo.errors import EvoError
    from experiments.store.launches.lock import FolderLock
    from experiments.store.store import Store
    from experiments.grids.toml import load_grid

    mode, out, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    grid = load_grid("grid.toml")
    agenda.SECONDS_A_TASK, driver.SECONDS_BETWEEN_WRITES = 0.0, -1.0


    def launch(prepare):
        child = os.fork()
        if child:
            return child
        code = 3
        try:
            prepare()
            running.run_grid(grid, out, workers=1)
            code = 0
        except EvoError as error:
            code = 2
            print(f"{error}\\n", end="", flush=True)  # one write: not mixed with another's
        finally:
            os._exit(code)


    def die():
        os.kill(os.getpid(), signal.SIGKILL)


    def die_at(step):
        '''Die before or after one of the steps that a store is written in, or in the middle of writing a file.'''
        left = [step]

        def deadly(original, torn=False):
            def call(*arguments, **named):
                left[0] -= 1
                target = next((each for each in arguments[:2] if isinstance(each, Path)), None)
                if left[0] == 0 and torn and target:
                    original(*arguments, **named)
                    os.truncate(target, target.stat().st_size // 2)
                if left[0] == 0:
                    die()
                result = original(*arguments, **named)
                left[0] -= 1
                if left[0] == 0:
                    die()
                return result
            return call

        os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)
        parquet.write_table = deadly(parquet.write_table, torn=True)
        Path.write_text = deadly(Path.write_text, torn=True)


    def report():
        print(*sorted(part.name for part in out.glob("runs/*.parquet")), flush=True)


    if mode == "moments":
        for _ in range(8):
            enough = min(20, len(list(out.glob("runs/*.parquet"))) + rng.randint(0, 3))
            child = launch(lambda: None)
            deadline = time.monotonic() + rng.choice([0.1, 20.0])  # some while they are still starting
            while len(list(out.glob("runs/*.parquet"))) < enough and time.monotonic() < deadline:
                time.sleep(0.0005)
            time.sleep(rng.uniform(0.0, 0.02))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            report()
    elif mode == "steps":
        for _ in range(12):
            step = rng.randint(1, 40)
            os.waitpid(launch(lambda: die_at(step)), 0)
            report()
    elif mode in ("together", "without lock"):
        def unlock():
            if mode == "without lock":
                FolderLock.take = lambda folder: FolderLock(folder / "driver.lock", None, "none here")
            simulate = tasks.simulate

            def slow(*arguments):
                with open("computed", "a") as file:
                    file.write("a batch\\n")
                time.sleep(0.04)
                return simulate(*arguments)

            tasks.simulate = slow

        children = [launch(unlock) for _ in range(4)]
        print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


def drivers(tmp_path: Path, mode: str, seed: int) -> list[str]:
    """Drivers of the grid as processes of their own."""
    (tmp_path / "drivers.py").write_text(textwrap.dedent(DRIVERS))
    command = [sys.executable, "-W", "ignore", "drivers.py", mode, str(tmp_path / "out"), str(seed)]
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
        timeout=SECONDS,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@posix
def test_launches_at_the_same_moment_compute_nothing_twice(tmp_path, toml, grid, whole):
    *messages, codes = drivers(tmp_path, "together", 1)
    counts = [json.loads(codes).count(code) for code in (0, 2)]
    assert sum(counts) == 4
    assert counts[0] >= 1  # more, if one is done before another gives up
    assert len(messages) == counts[1]
    assert [message for message in messages if "another launch is at work" not in message] == []
    assert (tmp_path / "computed").read_text().count("a batch") == BATCHES
    assert len(raw(tmp_path / "out")) == len(whole)
    same(load(tmp_path / "out").runs, whole)


@posix
@pytest.mark.slow
def test_without_the_lock_they_would_and_loading_counts_them_once(tmp_path, toml, grid, whole, monkeypatch):
    """The twin of the test above; the same batches have the same name, so only other groupings are there twice."""
    drivers(tmp_path, "without lock", 1)
    assert (tmp_path / "computed").read_text().count("a batch") > BATCHES
    same(load(tmp_path / "out").runs, whole)
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", 1000.0)
    monkeypatch.setattr(Store, "batches", lambda store, grid: Batches(store.parts))
    run_grid(grid, tmp_path / "out", workers=1)
    assert len(raw(tmp_path / "out")) == 2 * len(whole)
    same(load(tmp_path / "out").runs, whole)


# ------------------------------------------------------------------------------------------- kill -9


@posix
@pytest.mark.parametrize(
    ("mode", "seed"),
    [
        ("steps", 1),
        *(
            pytest.param(*other, marks=pytest.mark.slow)
            for other in [("moments", 1), ("moments", 2), ("steps", 2), ("steps", 3)]
        ),
    ],
)
def test_a_driver_killed_again_and_again_loses_nothing_and_does_nothing_twice(tmp_path, toml, grid, whole, mode, seed):
    seen = [set(line.split()) for line in drivers(tmp_path, mode, seed)]
    assert len(seen[-1]) > 0
    assert len({frozenset(names) for names in seen if len(names) < BATCHES}) >= 2  # killed in the middle
    told: list[str] = []
    out = tmp_path / "out"
    results = run_grid(grid, out, workers=1, tell=told.append)
    assert told == []
    same(results.runs, whole)
    at_last = {part.name for part in parts(out) if part.suffix == ".parquet"}
    for earlier, later in zip(seen, [*seen[1:], at_last], strict=True):
        assert earlier <= later
    rows = raw(out).sort_values(KEY, ignore_index=True)
    assert not rows.duplicated(KEY).any()
    samples = whole["cell"].map(load(out).cells["sample"])
    expected = whole.drop(columns=["cell", "cost"]).assign(sample=samples).sort_values(KEY, ignore_index=True)
    same(rows[list(expected)].astype(expected.dtypes), expected)
    assert not (out / "damaged").exists()
    assert not list(out.rglob("*.tmp"))
    assert not (out / "driver.lock").exists()


LAUNCH = """
    from experiments.running import agenda, driver
    from experiments.cli import main

    agenda.SECONDS_A_TASK, driver.SECONDS_BETWEEN_WRITES = 0.0, -1.0
    main()
"""


@contextmanager
def a_launch(tmp_path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`llm-evo run` as a process, with a mutator that takes its time."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LAUNCH), "run", "slow.toml", "--out", "out", "--quiet", *words],
        cwd=tmp_path, env=os.environ | {"TAKES_ITS_TIME": "0.3"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers too, which outlive it and hold its pipes for minutes
        process.communicate()


@posix
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_a_launch_is_seen_from_elsewhere_killed_and_gone_on_with(tmp_path, workers):
    (tmp_path / f"slow_half_{workers}.py").write_text(
        textwrap.dedent("""
            import os, time
            from dataclasses import dataclass

            @dataclass(frozen=True)
            class SlowHalf:
                def rewrite(self, correct, rng):
                    time.sleep(float(os.environ.get("TAKES_ITS_TIME", "0")))
                    return rng.random(correct.shape) < 0.5
        """)
    )
    text = (
        textwrap.dedent(GRID)
        .replace('"Resample", p = 0.5', f'"slow_half_{workers}:SlowHalf"')
        .replace("k = [1,", "k = [5,")
    )
    (tmp_path / "slow.toml").write_text(text)
    out = tmp_path / "out"
    with a_launch(tmp_path, "--workers", workers) as process:
        wait_for(lambda: list(out.glob("runs/*.parquet")) or process.poll() is not None)
        code, shown = llm_evo("status", out)
        assert code == 0
        assert re.search(rf"launch +at work: pid {process.pid} on \S+, since \d{{4}}-", shown)
        assert re.search(r"batches done +\d+ of 20\n", shown)
        code, shown = llm_evo("run", tmp_path / "slow.toml", "--out", out)
        assert code == 5
        assert f"(pid {process.pid} on " in shown
        process.kill()  # the driver only, not its workers
        process.wait()
        assert process.returncode == -signal.SIGKILL
        assert (out / "driver.lock").exists()
        code, shown = llm_evo("status", out)
        assert code == 0
        assert "none at work" in shown
        assert re.search(r"last launch +did not end: it was killed; it began 20\d\d-", shown)
        assert llm_evo("run", tmp_path / "slow.toml", "--out", out, "--quiet")[0] == 0
    same(load(out).runs, run_grid(load_grid(str(tmp_path / "slow.toml")), workers=1).runs)


# ------------------------------------------------------------------------------------------- llm-evo status


def shown_by_status(out: Path) -> dict[str, str]:
    code, shown = llm_evo("status", out)
    assert code == 0, shown
    title, *lines = shown.splitlines()
    assert title == f"small, in {out}"
    return {line[:12].rstrip(): line[14:] for line in lines}


def test_status_counts_cells_batches_and_runs(tmp_path, grid):
    out = tmp_path / "out"

    def stop(progress: Any) -> None:
        if progress.batches == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, out, workers=1, watch=stop)
    cells_done = int((load(out).runs.groupby("cell").size() == 50).sum())
    shown = shown_by_status(out)
    when = shown.pop("last write")
    assert re.fullmatch(r"interrupted, 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", shown.pop("last launch"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 \(\d+ s ago\)", when)
    assert shown == {
        "cells done": f"{cells_done} of 4",
        "batches done": "7 of 20",
        "runs": "70 of 200",
        "launch": "none at work",
        "damaged": "none",
    }
    run_grid(grid, out, workers=1)
    shown = shown_by_status(out)
    assert (shown["cells done"], shown["batches done"], shown["runs"]) == ("4 of 4", "20 of 20", "200 of 200")
    assert shown["last launch"].startswith("finished, 20")


def test_status_of_runs_that_do_not_fill_a_batch_and_of_a_smaller_grid(tmp_path, toml):
    out = tmp_path / "out"
    assert llm_evo("run", toml, "--out", out, "--runs", 25, "--quiet")[0] == 0
    shown = {name: said.partition(", since")[0] for name, said in shown_by_status(out).items()}
    assert (shown["cells done"], shown["batches done"], shown["runs"]) == ("4 of 4", "12 of 12", "100 of 100; 120 made")
    assert llm_evo("run", toml, "--out", out, "--runs", 5, "--quiet")[0] == 0
    shown = {name: said.partition(", since")[0] for name, said in shown_by_status(out).items()}
    assert (shown["cells done"], shown["batches done"], shown["runs"]) == ("4 of 4", "4 of 4", "20 of 20; 40 made")


def test_status_names_damaged_parts_and_touches_nothing(out, grid):
    part = parts(out)[5]
    part.write_bytes(b"PAR1")
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    shown = shown_by_status(out)
    assert shown["damaged"] == (
        f"{part.name}: truncated or altered: its SHA-256 is not that of its name; the next launch sets them aside and "
        "computes their batches anew"
    )
    assert (shown["cells done"], shown["batches done"]) == ("3 of 4", "19 of 20")
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    run_grid(grid, out, workers=1, tell=lambda message: None)
    shown = shown_by_status(out)
    assert shown["damaged"] == f"1 set aside in {out / 'damaged'}"
    assert shown["batches done"] == "20 of 20"


@pytest.mark.parametrize("how", ["failed", "stopped at a limit"])
def test_status_says_how_the_last_launch_ended(out, how):
    launches = read_launches(out)
    write_json(out / "provenance.json", {"launches": [*launches, launches[-1] | {"how": how, "ended": "then"}]})
    assert shown_by_status(out)["last launch"] == f"{how}, then"
    lock = FolderLock.take(out)  # a launch is at work, so nothing has ended
    assert "last launch" not in shown_by_status(out)
    lock.release()
    for nothing in ("[]", "[3]", "{", "null"):
        (out / "provenance.json").write_text(nothing)
        assert "last launch" not in shown_by_status(out)
    (out / "provenance.json").unlink()
    assert "last launch" not in shown_by_status(out)


@posix
@pytest.mark.parametrize("missing", ["grid.json", "cells.parquet"])
def test_status_of_a_launch_that_has_not_written_its_cells(out, missing):
    (out / missing).unlink()
    lock = FolderLock.take(out)
    code, shown = llm_evo("status", out)
    assert code == 0
    title, launch = shown.splitlines()
    assert title == f"a grid that is starting, in {out}"
    assert re.fullmatch(rf"launch +starting: pid {os.getpid()} on \S+, since 20\S+", launch)
    lock.release()
    code, shown = llm_evo("status", out)  # nobody is starting it
    assert code == (2 if missing == "grid.json" else 0)
    assert ("planned, not begun: a launch was ended before the 4 cells were predicted" in shown) == (code == 0)
    assert llm_evo("check", out)[0] == (2 if missing == "grid.json" else 5)


def test_status_of_a_launch_that_begins_while_it_is_asked(out, monkeypatch):
    """Nobody at work at first, then the cells are away: who took the folder between is named."""
    (out / "cells.parquet").unlink()
    seen = iter((None, Holder(7, "here", "now")))
    monkeypatch.setattr("experiments.store.launches.status.holder_of", lambda _: next(seen))
    assert status(out) == Starting(out, Holder(7, "here", "now"))


def test_status_of_no_results_folder(tmp_path):
    code, shown = llm_evo("status", tmp_path)
    assert code == 2
    assert "expected a results folder" in shown


def test_a_results_folder_may_be_moved(out, tmp_path, whole):
    shutil.move(out, tmp_path / "elsewhere")
    same(load(tmp_path / "elsewhere").runs, whole)
