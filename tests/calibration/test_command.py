"""The command `llm-evo calibrate`: what it says at 80 columns, the file it writes, and how it refuses."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from experiments.calibration.calibrate import calibrate
from experiments.cli.calibrated import show_kinds
from experiments.grids.measured.file import read_calibration
from experiments.logs.columns import COLUMNS, OUTCOMES
from experiments.logs.formats import read_calls

DATA = Path(__file__).parent / "data"
PAGE = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text()


@pytest.fixture
def folder(tmp_path):
    for name in ("calls.csv", "swe_attempts_300.csv", "codeevolve_thinned.csv.gz"):
        shutil.copy(DATA / name, tmp_path)
    return tmp_path


def test_the_example_of_the_docs_is_what_the_command_says(command, folder):
    ran = command("calibrate", "calls.csv", "--out", "calibration.toml", "--unit", "$", cwd=folder, COLUMNS="80")
    assert (ran.returncode, ran.stderr) == (0, "")
    shown = [line.rstrip() for line in ran.stdout.rstrip().split("\n")]
    example = PAGE.split("```console\n")[1].split("\n```")[0].split("\n")
    assert example[0] == "$ llm-evo calibrate calls.csv --out calibration.toml --unit '$'"
    assert shown == example[1:]
    assert max(map(len, shown)) <= 80
    made = read_calibration(folder / "calibration.toml")
    assert (made.source.log, made.source.rows, made.prices.unit) == ("calls.csv", 240, "$")


def test_the_example_in_python_is_what_it_says():
    names = {}
    code = PAGE.split("```python\n")[1].split("```")[0]
    exec("\n".join(line[4:] for line in code.split("\n")), names)
    assert f"gives `{names['told'](DATA / 'calls.csv')}`" in PAGE


def test_the_docs_list_all_columns_and_outcomes():
    for column in COLUMNS.values():
        assert f"| `{column.name}` | {column.meaning} |" in PAGE
    for kind, words in OUTCOMES.items():
        assert f"| {kind} | {', '.join(f'`{word}`' for word in words)} |" in PAGE


def test_attempts_and_islands(command, folder):
    ran = command("calibrate", "swe_attempts_300.csv", "--format", "swe", cwd=folder, COLUMNS="80")
    assert ran.returncode == 0
    for told in ("0.8122", "0.643 (", "a 0.4507, b 0.1042, log likelihood -247.497", "294 calls tell how fix and keep"):
        assert told in " ".join(ran.stdout.split())
    ran = command("calibrate", "codeevolve_thinned.csv.gz", "--format", "codeevolve", cwd=folder, COLUMNS="80")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Choose one with --model and --kind" in ran.stdout
    words = ("calibrate", "codeevolve_thinned.csv.gz", "--format", "codeevolve", "--model", "pro", "--out", "pro.toml")
    assert command(*words, cwd=folder, COLUMNS="80").returncode == 0
    written = (folder / "pro.toml").read_text()
    assert "# fix = { 1 = ... }  not in the log" in written
    assert written.startswith("# kept is not improved: ")
    assert "[prices]" not in written


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.csv",), "error: none.csv: cannot read the log: No such file or directory"),
        (("calls.csv", "--out", "calls.csv"), "error: --out: expected a file that is not there yet, got calls.csv"),
        (("calls.csv", "--out", "."), "error: --out: expected a file to write, got '.'"),
        (("calls.csv", "--model", "x"), "error: --model: calls.csv has no model, got 'x'"),
        (("calls.csv", "--format", "x"),
             "--format: expected auto, table, swe, codeevolve, openevolve, shinka, gepa, got"),
        (("calls.csv", "--unit", "a price"), "error: --unit: expected a word of at most 8 signs, such as $ or EUR"),
        (("calls.csv", "--unit", ""), "error: --unit: expected a word of at most 8 signs, such as $ or EUR, got ''"),
        (("calls.csv", "--format", "swe"), "error: calls.csv: line 2: expected the columns f2p_total"),
        (("codeevolve_thinned.csv.gz", "--format", "codeevolve", "--model", "por"),
         "error: --model: expected one of flash, pro, got 'por'; did you mean 'pro'?"),
        (("codeevolve_thinned.csv.gz", "--format", "codeevolve", "--out", "x.toml"),
         "got 3 sorts (model flash, kind code; model flash, kind meta; model pro, kind code); choose with"),
        (("half.jsonl",), "error: half.jsonl: line 2: expected one JSON object a line, got a syntax error"),
        (("calls.csv", "--out", "no/such/folder.toml"), "error: cannot read or write"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_one_message(command, folder, words, told):
    (folder / "half.jsonl").write_text('{"g": 1}\n{"g": 1, "incorr')
    ran = command("calibrate", *words, cwd=folder, COLUMNS="80")
    assert ran.returncode == (5 if "no/such" in words[-1] else 2)
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (folder / "x.toml").exists()


def test_a_table_of_one_g_and_nothing_else_says_what_to_buy(command, folder):
    (folder / "one.csv").write_text("g,incorrect,repaired,kept\n" + "4,2,1,2\n4,2,0,2\n" * 5)
    ran = command("calibrate", "one.csv", cwd=folder, COLUMNS="80")
    assert ran.returncode == 0
    assert "one granularity: one g (4): how fix and keep change" in ran.stdout
    assert "at one block a call (g = 1), on the same items: 50 calls tell" in ran.stdout
    assert "CANNOT TELL" in ran.stdout


def test_the_table_of_models_and_kinds_says_what_is_calibrated_of_each():
    calls = read_calls(DATA / "codeevolve_thinned.csv.gz", "codeevolve")
    console = Console(width=200, file=io.StringIO(), record=True)
    show_kinds(calls, console)
    rows = [
        [word.strip() for word in line.split("│")[1:-1]] for line in console.export_text().splitlines() if "│" in line
    ]
    assert len(rows) == len(calls.groups("model", "kind")) > 2
    for model, kind, number, malformed, *seconds in rows:
        part = calls.where((calls.word("model") == model) & (calls.word("kind") == kind))
        made = calibrate(part)
        assert number == f"{len(part):,}"
        assert malformed == ("-" if made.malformed is None else f"{made.malformed.value:.1%}".replace("%", " %"))
        law = made.seconds
        told = [] if law is None else [law.per_thousand.value, law.sigma.value, law.tail.value]
        assert seconds == ([f"{each:.3g}" for each in told] or ["-"] * 3)
    assert {row[3] for row in rows} - {"-", "0.0 %"}
