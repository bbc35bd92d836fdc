"""The command on terminals and pipes of any encoding, and with any backend of matplotlib: no character fails."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import experiments
from evo.errors import InputError
from experiments.cli.app import main
from experiments.cli.output import plain
from experiments.grids.arguments import a_path
from experiments.reports.printing import PlainConsole

ENCODINGS = ("cp1252", "cp850", "cp437", "gbk", "shift_jis", "ascii", "latin-1", "koi8-r", "utf-8", "utf-16", "cp037")
GRID = """
name = "mine"
runs = 20

[[arm]]
label    = "g\u00e9n\u00e9rations \u2014 \u03bb \u2264 \u221e"
problem  = {type = "BlockOneMax", k = [1, 2], l = 16}
mutator  = {type = "Resample", p = 0.5}
schedule = {type = "UntilResolved"}
"""
COMMANDS = [
    ["--help"],
    ["run", "--help"],
    ["show"],
    ["predict", "mine.toml"],
    ["run", "mine.toml", "--workers", "1"],
    ["status", "results/mine"],
    ["check", "results/mine"],
    ["fit", "results/mine"],
    ["time", "results/mine"],
    ["report", "results/mine"],
    ["run", "\udcff\u6f22.toml"],
    ["check", "\udcff\u6f22"],
]


@pytest.fixture(autouse=True)
def where(tmp_path, monkeypatch) -> Path:
    (tmp_path / "mine.toml").write_text(GRID, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


def llm_evo(monkeypatch, encoding: str, words: list[str]) -> tuple[object, str, str]:
    """Exit code, standard output and error, as a terminal of that encoding shows them."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="\n") for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr("sys.argv", ["llm-evo", *words])
        patch.setattr("sys.stdout", streams[0])
        patch.setattr("sys.stderr", streams[1])
        with pytest.raises(SystemExit) as end:
            main()
        for stream in streams:
            stream.flush()
    out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)  # type: ignore[attr-defined]
    return end.value.code, out, err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_speaks_every_encoding(monkeypatch, encoding):
    for words in COMMANDS if encoding == "ascii" else [COMMANDS[2], *COMMANDS[-2:]]:
        code, out, err = llm_evo(monkeypatch, encoding, words)
        assert code in ((2,) if "\udcff" in words[-1] else (0, None)), (words, err)
        assert "Unicode" not in err
        assert out or err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_cannot_be_shown_is_plain(monkeypatch, encoding):
    _, out, _ = llm_evo(monkeypatch, encoding, ["predict", "mine.toml"])
    for word in ("generations", "<=", "inf") if encoding == "ascii" else ("g\u00e9n\u00e9rations", "\u2014", "<="):
        assert word in out


def test_the_twin_fails_without_it(monkeypatch):
    monkeypatch.setattr("experiments.cli.app.show_anything", lambda: None)
    code, _, err = llm_evo(monkeypatch, "cp1252", ["predict", "mine.toml"])
    assert code == 70
    assert "a fault of the testbed, UnicodeEncodeError" in err


def test_every_character_has_a_plain_one():
    for number in range(0x80, 0x11000):
        assert plain(chr(number)).isascii()
    boxes = "\u250c\u2500\u252c\u2510\u2502\u2514\u2574\u2578\u2501\u2503"
    assert "".join(map(plain, boxes)) == "+-++|+---|"


@pytest.mark.slow  # quick, the same within this process: above
def test_a_process_without_utf_8_and_with_a_backend_of_another_environment(where):
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "LC_ALL": "C",
        "MPLBACKEND": "module://matplotlib_inline.nowhere",
    }
    command = [sys.executable, "-m", "experiments", "run", "mine.toml", "--workers", "1"]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert (where / "results" / "mine" / "cost.png").exists()
    assert "\u03bb \u2264 \u221e" in (where / "results" / "mine" / "report.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("backend", [pytest.param("nonsense", marks=pytest.mark.slow), "", "module://a.b"])
def test_any_backend_will_do(monkeypatch, backend):
    monkeypatch.setenv("MPLBACKEND", backend)
    assert llm_evo(monkeypatch, "utf-8", ["predict", "mine.toml"])[0] in (0, None)
    assert "MPLBACKEND" not in os.environ


def printed_plain(call):
    """Whether no words from outside can be markup: it is off, or meant; or a table or a line of parts is printed."""
    off = [each.value for each in call.keywords if each.arg == "markup"]
    if off:
        return isinstance(off[0], ast.Constant) and off[0].value is False
    what = call.args[0] if call.args else None
    return what is None or isinstance(what, ast.Name | ast.Call) or "[bold]" in ast.unparse(what)


def prints_of(source):
    """Every console.print of a source."""
    calls = (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call))
    return [each for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "print"]


def test_words_from_outside_are_never_markup():
    """Labels, reasons and names of files hold brackets; a text that is printed says that it is no markup."""
    files = sorted(Path(experiments.__file__).parent.rglob("*.py"))
    prints = [(file.name, each) for file in files for each in prints_of(file.read_text(encoding="utf-8"))]
    assert len(prints) > 50
    assert [(name, each.lineno) for name, each in prints if not printed_plain(each)] == []
    for faulty in ("console.print(reason[0])", 'console.print(f"{label}: x", markup=True)', 'console.print("a" + b)'):
        assert not printed_plain(*prints_of(faulty))


@pytest.mark.parametrize(("columns", "width"), [("0", 80), ("1", 1), ("100", 100)])
def test_a_terminal_of_no_columns_has_eighty(columns, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert PlainConsole(file=io.StringIO()).width == width
    assert llm_evo(monkeypatch, "utf-8", ["predict", "mine.toml"])[0] == 0


def test_a_path_that_a_locale_cannot_read_is_told_with_what_reads_it(monkeypatch):
    """What Python makes of the name in UTF-8 where names are ASCII; and of a name in Latin-1."""
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "ascii")
    with pytest.raises(InputError, match=r"^load: expected a path in ascii, .* got 'r\u00f6'; set PYTHONUTF8=1"):
        a_path("load", "r\udcc3\udcb6")
    with pytest.raises(InputError, match=r"^load: expected a path in UTF-8, got 'r\\udcf6'; rename it$"):
        a_path("load", "r\udcf6")
