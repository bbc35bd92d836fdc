"""How the command ends: a crash is never taken for a finding, and signals end it with a word and a kept table."""

from __future__ import annotations

import errno
import io
import json
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from patience import SECONDS
from typer.testing import CliRunner

from evo.errors import InputError
from experiments import cli
from experiments.cli import exits
from experiments.cli.app import app, main
from experiments.cli.output import say
from experiments.cli.signals import EndedBySignal, signals_heard
from experiments.reports.printing import PlainConsole
from experiments.running.driver import Driver
from experiments.running.launch import run_grid
from experiments.store.files import StoreError
from experiments.store.results import load

GRID = 'name = "mine"\nruns = 20\nbatch = 10\n[[arm]]\nlabel = "a"\nproblem = {type = "BlockOneMax", k = 2, l = 4}\n'
GRID += 'mutator = {type = "Resample", p = 0.5}\nschedule = {type = "AllBlocks"}\n'
COMMANDS = [
    ["run", "mine.toml"],
    ["predict", "mine.toml"],
    ["status", "results"],
    ["check", "results"],
    ["fit", "results"],
    ["time", "results"],
    ["report", "results"],
    ["export", "results", "--to", "csv", "--out", "new"],
    ["check-operator", "operators:Resample(p=0.5)"],
]


@pytest.fixture(autouse=True)
def where(tmp_path, monkeypatch) -> Path:
    (tmp_path / "mine.toml").write_text(GRID)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def raising(error: BaseException) -> Any:
    def broken(*args: object, **options: object) -> None:
        raise error

    return broken


def break_all(monkeypatch, error: BaseException) -> None:
    """Let the first thing that each command does go wrong."""
    for place in (
        "experiments.store.launches.status.status",
        "experiments.store.results.load",
        "evo.conformance.check_part",
    ):
        monkeypatch.setattr(place, raising(error))
    monkeypatch.setattr("experiments.cli.app.grid_of", raising(error))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_an_uncaught_error_ends_with_70_and_one_line(monkeypatch, words):
    break_all(monkeypatch, KeyError("what\nnobody foresaw"))
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (70, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: a fault of the testbed, KeyError: ")
    assert re.search(r" at \S+\.py:\d+; please report this line, the command and its input", done.stderr)
    monkeypatch.setenv(exits.TRACEBACK, "1")
    assert "Traceback (most recent call last)" in CliRunner().invoke(app, words).stderr


def crash_in(*files: str) -> BaseException:
    """A KeyError that went through these files, from the outermost on, each at its second line."""
    call: Any = eval(compile("\n(lambda: {}['x'])", files[-1], "eval"))
    for file in reversed(files[:-1]):
        call = eval(compile("\n(lambda: call())", file, "eval"), {"call": call})
    try:
        call()
    except KeyError as error:
        return error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None)
    raise AssertionError


def test_a_fault_is_placed_in_the_own_code_if_it_went_through_any() -> None:
    own, theirs = str(Path(exits.__file__).parent / "own.py"), "/elsewhere/lib/of/theirs.py"
    assert " at experiments/cli/own.py:2; please" in exits._crash(crash_in(theirs, own, theirs))
    assert " at lib/of/theirs.py:2; please" in exits._crash(crash_in("/elsewhere/first.py", theirs))
    assert "KeyError: 'x'; please" in exits._crash(KeyError("x"))


ERRORS = {
    70: [KeyError("x"), AssertionError(), TypeError("no"), RecursionError(), UnicodeError(), ZeroDivisionError()],
    5: [OSError(errno.ENOSPC, "No space left on device"), PermissionError("no"), StoreError("no")],
    2: [InputError("no"), MemoryError(), RuntimeError("can't start new thread"), ImportError("failed to map segment")],
    130: [KeyboardInterrupt(), EndedBySignal("SIGTERM")],
    141: [BrokenPipeError(), OSError(errno.EPIPE, "Broken pipe")],
}
CASES = [(code, error) for code, errors in ERRORS.items() for error in errors]


@pytest.mark.parametrize(("code", "error"), CASES, ids=lambda case: getattr(type(case), "__name__", case))
def test_no_error_ends_with_the_exit_of_a_finding(monkeypatch, code, error):
    monkeypatch.setattr("experiments.cli.exits._forget_output", lambda: None)
    break_all(monkeypatch, error)
    done = CliRunner().invoke(app, ["check", "results"])
    assert done.exit_code == code
    assert done.stderr.count("\n") == (0 if code == 141 else 1)


def test_a_table_that_nobody_reads_any_more_is_no_finding(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("experiments.cli.exits._forget_output", lambda: None)
    monkeypatch.setattr("experiments.cli.showing.commands.new_console", lambda: PlainConsole(file=Gone()))
    assert CliRunner().invoke(app, ["show", "presets"]).exit_code == 141


class Broken(io.StringIO):
    """A stream that takes nothing; rich and `_forget_output` put another file in the place of its own."""

    def __init__(self, number: int, file: io.TextIOWrapper) -> None:
        super().__init__()
        self.number, self.fileno = number, file.fileno  # type: ignore[method-assign]

    def write(self, text: str) -> int:
        raise OSError(self.number, "no")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["show", "--help"], ["nonsense"], ["show", "--nonsense"]])
@pytest.mark.parametrize(("number", "code"), [(errno.EPIPE, 141), (errno.ENOSPC, 5)])
def test_helps_and_refusals_that_nobody_takes_are_no_finding(monkeypatch, words, number, code, where):
    """Parser and rich end with 1 there."""
    monkeypatch.setattr("sys.argv", ["llm-evo", *words])
    with (where / "spare").open("w") as file:
        monkeypatch.setattr("sys.stdout", Broken(number, file))
        monkeypatch.setattr("sys.stderr", Broken(number, file))
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == (2 if words == ["nonsense"] else code)


def test_a_word_for_a_terminal_that_is_not_there_does_not_go_among_the_results(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    say("a word")
    assert capsys.readouterr().out == ""


def test_ctrl_c_while_the_command_loads_is_no_traceback(monkeypatch):
    class Pressed:
        def find_spec(self, name: str, *rest: object) -> None:
            if name == "experiments.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "experiments.cli.app")
    monkeypatch.setattr("sys.meta_path", [Pressed(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == exits.INTERRUPTED


def test_ctrl_c_again_while_the_command_ends_is_the_same_end(monkeypatch):
    """The first one is told, and the second comes while that is written, which Python would end by the signal."""

    def pressed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["llm-evo", "--version"])
    monkeypatch.setattr(exits, "_forget_output", pressed)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == exits.INTERRUPTED


def test_the_codes_are_listed_where_users_look():
    root = Path(exits.__file__).parents[2]
    codes = {0, exits.DIFFERS, exits.WRONG_INPUT, exits.FAILED, exits.LIMITED, exits.HINDERED, exits.CRASHED}
    codes |= {exits.INTERRUPTED, exits.UNREAD}
    for file in ("docs/commands.md", "experiments/cli/app.py"):
        said = (root / file).read_text(encoding="utf-8").split("Exit codes:")[1].split("\n\n")[0]
        assert {int(number) for number in re.findall(r"\b\d+\b", said.split("* **")[0])} == codes, file


# ------------------------------------------------------------------------------------------------- signals

posix = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals are POSIX")


@pytest.fixture
def not_ignored():
    """Both signals as a terminal gives them: under `nohup`, where a suite may run, SIGHUP is ignored."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_the_first_signal_is_heard_and_later_ones_disturb_nothing(name, not_ignored):
    tidied = []

    def work() -> None:
        try:
            signal.raise_signal(getattr(signal, name))
        finally:
            for each in (signal.SIGTERM, signal.SIGHUP):
                signal.raise_signal(each)
            tidied.append(True)

    with pytest.raises(EndedBySignal, match=name), signals_heard():
        work()
    assert tidied
    assert {signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)} == {signal.SIG_DFL}


@posix
def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_heard():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
def test_a_signal_while_the_command_loads_ends_it_as_later(monkeypatch, not_ignored):
    class Sent:
        def find_spec(self, name: str, *rest: object) -> None:
            if name == "experiments.cli.app":
                signal.raise_signal(signal.SIGTERM)

    def unheard(number: int, frame: object) -> None:
        raise AssertionError("the command has not heard it")

    signal.signal(signal.SIGTERM, unheard)
    monkeypatch.delitem(sys.modules, "experiments.cli.app")
    monkeypatch.setattr("sys.meta_path", [Sent(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == exits.INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is unheard


def test_in_a_thread_signals_are_left_alone():
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(CliRunner().invoke(app, ["show"]).exit_code))
    thread.start()
    thread.join()
    assert done == [0]


SLOW = """
    import time
    from dataclasses import dataclass
    from pathlib import Path

    @dataclass(frozen=True)
    class Slow:
        def rewrite(self, correct, rng):
            if rng.bit_generator.seed_seq.spawn_key[0] > 2:
                Path("begun").touch()
                time.sleep(60)
            return rng.random(correct.shape) < 1.0
"""


@posix
@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGHUP", marks=pytest.mark.slow)])
def test_a_launch_that_is_sent_a_signal_keeps_its_table_and_says_so(where, name):
    (where / "slow.py").write_text(textwrap.dedent(SLOW))
    text = GRID.replace('"Resample", p = 0.5', '"slow:Slow"').replace("runs = 20", "runs = 60")
    (where / "mine.toml").write_text(text)
    command = [sys.executable, "-m", "experiments", "run", "mine.toml", "--workers", "1", "--quiet"]

    def listen() -> None:
        """Whoever runs the tests in the background may have had the signal ignored."""
        signal.signal(getattr(signal, name), signal.SIG_DFL)

    process = subprocess.Popen(
        command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listen
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not (where / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines() == [
        "finished batches are kept in results/mine; the same command goes on from there",
        f"ended by {name}",
    ]
    launches = json.loads((where / "results" / "mine" / "provenance.json").read_text())["launches"]
    assert [launch["how"] for launch in launches] == ["interrupted"]


# --------------------------------------------------------------------------------- Ctrl-C at the end of a grid


@posix
def test_a_grid_that_is_complete_was_not_interrupted(where):
    """Ctrl-C comes while the last batch is at work, which is finished first: nothing is left to go on with."""
    from experiments.grids.toml import load_grid

    def press(progress: Any) -> None:
        if progress.batches == progress.of_batches - 1:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        grid = load_grid(where / "mine.toml")
        results = run_grid(grid, where / "out", workers=1, watch=press, tell=lambda message: None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(results.runs) == len(load(where / "out").runs) == 20


@posix
def test_ctrl_c_while_the_last_part_is_written_loses_nothing(where, monkeypatch):
    from experiments.grids.toml import load_grid

    write = Driver._write

    def pressed(driver: Driver) -> None:
        signal.raise_signal(signal.SIGINT)
        write(driver)

    def stop(progress: Any) -> None:
        if progress.batches == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Driver, "_write", pressed)
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_grid(load_grid(where / "mine.toml"), where / "out", workers=1, watch=stop, tell=lambda message: None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(load(where / "out").runs) == 10
