"""The command: help that answers at once, exit codes, errors in words, and output for narrow terminals and pipes."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from evo.errors import EvoError, InputError
from experiments.cli.app import _commands, app, main
from experiments.cli.unknown import refused_command
from experiments.grids.parts import PART_TYPES
from experiments.grids.toml import load_grid
from experiments.reports.overview import overview
from experiments.running.executors.executor import WorkersLost
from experiments.running.launch import run_grid
from experiments.store.files import StoreError, write_part
from experiments.store.results import load
from experiments.studies import STUDIES

COMMANDS = ("run", "status", "predict", "check", "fit", "report", "show")
HEAVY = {
    "pandas",
    "matplotlib",
    "statsmodels",
    "scipy",
    "scipy.stats",
    "pyarrow",
    "joblib",
    "deap",
    "numpy",
}
GRID = """
name = "mine"
runs = 600

[[arm]]
label    = "local"
problem  = {type = "BlockOneMax", k = [1, 2, 4], l = 16}
mutator  = {type = "Resample", p = 0.5}
schedule = {type = "UntilResolved"}
runner   = {type = "OnePlusLambda", lam = [1, 4]}
"""


@pytest.fixture(autouse=True)
def where(tmp_path, monkeypatch) -> Path:
    """A folder of its own with a grid in it, and a terminal of 80 columns."""
    (tmp_path / "grid.toml").write_text(GRID)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


def llm_evo(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="llm-evo")


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def run_it() -> Result:
    return llm_evo("run", "grid.toml", "--workers", "1", "--quiet")


def refused(*words: str, code: int = 2) -> str:
    """The message of a command that is refused: on stderr, in one piece, with its exit code."""
    done = llm_evo(*words)
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert done.stderr
    return done.stderr


# ------------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_with_an_example(command):
    done = llm_evo(command, "--help")
    assert done.exit_code == 0
    shown = " ".join(done.stdout.split())
    assert f"Example: llm-evo {command}" in shown
    assert f"Usage: llm-evo {command} [OPTIONS]" in shown
    assert "[[" not in shown
    assert "(results/NAME)" not in shown
    assert "inf" not in shown.split()
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_command_lists_its_commands():
    done = llm_evo("--help")
    assert done.exit_code == 0
    assert all(re.search(rf"│ {command} ", done.stdout) for command in COMMANDS)
    alone = llm_evo()
    assert alone.exit_code == 2
    assert alone.output.strip().startswith(done.output.strip())  # older releases of typer add the usage


def test_help_answers_before_anything_heavy_is_loaded():
    """One process asks for the help of all commands, one after the other: what any of them loads stays."""
    program = """
        import contextlib, sys
        from experiments.cli import main
        for words in ([], *([command] for command in sys.argv[1:])):
            sys.argv = ["llm-evo", *words, "--help"]
            with contextlib.suppress(SystemExit):
                main()
        print(*sys.modules, file=sys.stderr)
    """
    done = process("-c", textwrap.dedent(program), *COMMANDS)
    assert done.returncode == 0
    assert done.stdout.count("Usage: ") == 1 + len(COMMANDS)
    assert set(done.stderr.split()) >= {"experiments.cli.app", "typer"}
    assert HEAVY & set(done.stderr.split()) == set()


def test_importing_and_predicting_load_nothing_that_draws_or_tabulates():
    """Loading scipy.sparse takes ten times as long as predicting a usual cell and drawing a thousand runs of it."""
    program = """
        import sys, evo, problems, operators, experiments
        print(*sys.modules)
        from evo import AllBlocks, OnePlusLambda, RoundRobin, UniformChunk, UntilResolved
        for schedule in (AllBlocks(), RoundRobin(2), UniformChunk(), UniformChunk(2), UntilResolved()):
            cell = experiments.Cell(
                problems.BlockOneMax(4, l=1), operators.FixKeep(0.5, 0.9), schedule, OnePlusLambda(2)
            )
            print(experiments.predict(cell).mean)
        print(*sys.modules)
    """
    imported, *means, predicted = process("-c", textwrap.dedent(program)).stdout.splitlines()
    assert len(means) == 5
    assert "evo.theory.chains.moves" in predicted.split()
    assert {"pandas", "matplotlib", "statsmodels", "scipy", "pyarrow"} & {
        *imported.split(),
        *predicted.split(),
    } == set()


def test_a_grid_of_a_file_loads_no_study(tmp_path):
    (tmp_path / "mine.toml").write_text(GRID)
    program = """
        import sys
        from types import SimpleNamespace
        from experiments.cli.inputs import grid_of, study_of
        grid = grid_of(sys.argv[1], None, None, None)
        assert study_of(SimpleNamespace(grid={"name": grid.name})) is None
        print(*sys.modules)
    """
    loaded = process("-c", textwrap.dedent(program), str(tmp_path / "mine.toml")).stdout.split()
    assert "experiments.grids.toml" in loaded
    assert not [name for name in loaded if name.startswith("experiments.studies.")]


def test_a_study_is_loaded_alone_and_each_has_the_name_that_it_is_asked_for_by():
    program = """
        import sys
        from experiments.studies import STUDIES
        STUDIES["cost-models"].grid()
        print(*sys.modules)
    """
    loaded = process("-c", textwrap.dedent(program)).stdout.split()
    assert [name for name in loaded if name.startswith("experiments.studies.")] == ["experiments.studies.cost_models"]
    assert [study.name for study in STUDIES.values()] == list(STUDIES)
    assert "cost-models" in STUDIES
    assert "costs" not in STUDIES


def test_the_module_is_the_same_command():
    done = process("-m", "experiments", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "COMMAND [ARGS]" in done.stdout
    assert "predict" in done.stdout


# ------------------------------------------------------------------------------------------- the work


def test_show_lists_everything_that_a_grid_can_name():
    done = llm_evo("show")
    assert done.exit_code == 0
    for part in (part for parts in PART_TYPES.values() for part in parts):
        assert f"{part.__name__}(" in done.stdout
    for study in STUDIES:
        assert f"│ {study} " in done.stdout
    shown = " ".join(done.stdout.split())
    for parameters in (
        "FixKeep(fix, keep)",
        "UntilResolved(g=1, invalid='ignore')",
        "AllBlocks()",
        "OnePlusLambda(lam=1, accept='strict',",
    ):
        assert parameters in shown
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_predict_says_what_a_run_will_take_and_runs_nothing(where):
    done = llm_evo("predict", "grid.toml")
    assert done.exit_code == 0
    assert all(line.startswith("predicting ") for line in done.stderr.splitlines())  # told above two seconds
    for number in ("752", "1,504", "3,008"):  # 2k calls of 376 each
        assert number in done.stdout
    assert "600 runs a cell" in done.stdout
    assert "6 cells" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert [file.name for file in where.iterdir()] == ["grid.toml"]


@pytest.mark.parametrize("words", [("grid.toml",), pytest.param((), marks=pytest.mark.slow)], ids=["grid", "paper"])
def test_a_forecast_loses_no_digit_on_a_narrow_terminal(words, where):
    """In the small: the largest cells of each arm of the paper."""
    arms = [
        f'[[arm]]\nlabel = "{label}"\nproblem = {{type = "BlockOneMax", k = [1, 16], l = 64}}\n'
        f'mutator = {{type = "Resample", p = 0.5}}\nschedule = {{type = "{schedule}"}}\n'
        for label, schedule in (("GLOBAL", "AllBlocks"), ("LOCAL UntilResolved", "UntilResolved"))
    ]
    (where / "grid.toml").write_text('name = "mine"\nruns = 1000\n' + "".join(arms))
    done = llm_evo("predict", *words)
    assert done.exit_code == 0
    assert "…" not in done.stdout
    assert "65,536" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_run_says_what_it_found_and_writes_it_down(where):
    done = llm_evo("run", "grid.toml", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "mine: 6 cells, 600 runs each, into results/mine" in done.stdout
    assert "Calls to the optimum, lam = 1: measured mean, verdict (exact mean)" in done.stdout
    assert "0 DIFFERS" in done.stdout
    assert "Written to results/mine:" in done.stdout
    assert "already there" not in done.stdout
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    written = {file.name for file in (where / "results" / "mine").iterdir()}
    assert written == {
        "grid.json", "provenance.json", "cells.parquet", "runs", "summary.csv", "checks.csv", "laws.csv", "report.txt",
        "cost.png", "cost.svg", "quality.png", "quality.svg", "quality.csv", "report.html",
    }  # fmt: skip

    again = llm_evo("report", "results/mine")
    assert again.exit_code == 0
    assert "0 DIFFERS" in again.stdout
    checked = llm_evo("check", "results/mine")
    assert (checked.exit_code, checked.stderr) == (0, "")
    fitted = llm_evo("fit", "results/mine", "--along", "k", "--quantity", "cost")
    assert (fitted.exit_code, fitted.stderr) == (0, "")
    assert "Fitted laws" in fitted.stdout
    assert "3 cells carry no law of 2 parameters" in " ".join(fitted.stdout.split())


@pytest.mark.usefixtures("no_figures")
def test_a_quiet_run_says_only_the_verdict():
    done = run_it()
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("\nCheck against exact predictions: ")
    assert len(done.stdout.splitlines()) <= 20


@pytest.mark.usefixtures("no_figures")
def test_the_command_line_changes_the_grid(where):
    words = ("--runs", "7", "--seed", "5", "--engine", "deap", "--workers", "1", "--out", "there", "--quiet")
    done = llm_evo("run", "grid.toml", *words)
    assert done.exit_code == 0, done.output
    results = load(where / "there")
    assert (results.grid["runs"], results.grid["seed"], results.grid["engine"]) == (7, 5, "deap")
    assert len(results.runs) == 42
    assert not (where / "results").exists()


@pytest.mark.usefixtures("no_figures")
def test_a_label_of_any_characters_is_shown_as_it_is(where):
    (where / "grid.toml").write_text(GRID.replace('"local"', '"[/][red]a_b^c"'))
    done = llm_evo("run", "grid.toml", "--workers", "1", "--runs", "20")
    assert done.exit_code == 0, done.output
    assert "[/][red]a_b^c" in done.stdout
    assert "[/][red]a_b^c" in llm_evo("predict", "grid.toml").stdout
    assert "[/][red]a_b^c" in " ".join(llm_evo("check", "results/mine").stdout.split())


@pytest.mark.usefixtures("no_figures")
def test_a_budget_that_bites_is_told(where):
    (where / "grid.toml").write_text(GRID + 'budget = {type = "Budget", calls = 2}\n')
    done = llm_evo("run", "grid.toml", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert re.search(r"\d+ runs of [2-9] cells ended at their budget without the optimum", done.stdout)


@pytest.mark.usefixtures("no_figures")
def test_what_is_there_already_is_told():
    run_grid(replace(load_grid("grid.toml"), runs=20), "results/mine", workers=1)
    again = llm_evo("run", "grid.toml", "--workers", "1", "--runs", "20")
    assert "\n6 of 6 cells already there\n" in again.stdout
    assert "already there" not in llm_evo("run", "grid.toml", "--workers", "1", "--runs", "20", "--quiet").stdout


def test_a_mutator_without_a_law_floods_no_terminal(where, command):
    (where / "silent.py").write_text(
        "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Silent:\n    q: float = 0.5\n"
        "    def rewrite(self, correct, rng):\n        return rng.random(correct.shape) < self.q\n"
    )
    (where / "grid.toml").write_text(GRID.replace('"Resample", p = 0.5', '"silent:Silent", q = [0.4, 0.5]'))
    done = command("predict", "grid.toml", cwd=where)
    said = " ".join(done.stdout.split())
    why = "silent.Silent declares no law: it runs and is fitted, not predicted"
    assert f"local, q = 0.4, k = 1, lam = 1 (and 11 more cells, for the same reason): {why}" in said
    assert said.count("declares no law") == 1
    assert "needs" not in said
    quiet = command("run", "grid.toml", "--workers", "1", "--runs", "10", "--quiet", cwd=where, figures=False)
    assert len(quiet.stdout.splitlines()) <= 8
    assert why in " ".join(quiet.stdout.split())


@pytest.mark.usefixtures("no_figures")
def test_rows_of_one_arm_are_told_apart(where):
    (where / "grid.toml").write_text(GRID.replace("p = 0.5", "p = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]")
                                     .replace("[1, 2, 4]", "[1, 2]").replace("[1, 4]", "1"))  # fmt: skip
    forecast = llm_evo("predict", "grid.toml").stdout
    assert all(re.search(rf"^ +2 +0\.{i} ", forecast, re.MULTILINE) for i in (2, 5, 9))
    done = llm_evo("run", "grid.toml", "--workers", "1", "--runs", "20")
    shown = done.stdout.split("Fitted")[0]
    assert all(re.search(rf"^ +2 +0\.{i} ", shown, re.MULTILINE) for i in (2, 4))
    assert "Cell(" not in shown
    assert "local, p = 0.2, k = 1" in " ".join(llm_evo("check", "results/mine").stdout.split())


def test_no_heading_of_the_paper_breaks_within_a_word():
    summary = pd.DataFrame(
        [
            {"series": arm, "text": "Cell()", "k": 2, "lam": 1, "hit": 4.0, "hit_predicted": 4.0, "censored": 0,
             "verdict": "AGREES"}
            for arm in STUDIES["paper"].grid().arms
        ]
    )  # fmt: skip
    for width in (80, 130):
        console = Console(width=width, record=True, file=io.StringIO())
        for table in overview(summary, width):
            console.print(table)
        shown = console.export_text()
        assert max(map(len, shown.splitlines())) <= width
        assert all(line.rstrip().endswith("┃") for line in shown.splitlines() if line.startswith("┃"))  # none is cut
        for word in ("UntilResolved", "RoundRobin", "UniformChunk", "OnlyIncorrect"):
            assert word in shown


def test_what_is_not_known_of_a_row_is_a_dash():
    """Two rows of one arm, k and lam make the long table; of a cell without runs there is nothing to tell."""
    row = {
        "series": "a",
        "text": "Cell()",
        "k": 2,
        "lam": 1,
        "hit": 4.0,
        "hit_predicted": 4.0,
        "censored": 0,
        "verdict": "AGREES",
    }
    none = dict.fromkeys(("hit", "hit_predicted", "success_ratio", "cost"), float("nan"))
    (table,) = overview(
        pd.DataFrame([row | {"success_ratio": 1.0, "cost": 3.0}, row | none | {"verdict": "CANNOT_TELL"}]), 80
    )
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table)
    assert "- ? - -" in " ".join(console.export_text().split())


# ------------------------------------------------------------------------------------------- exit codes


@pytest.mark.usefixtures("no_figures")
def test_a_cell_that_differs_gives_exit_code_1(where):
    assert run_it().exit_code == 0
    one, two = load("results/mine").cells.query("`runner.lam` == 1")["sample"].iloc[:2]
    for part in (where / "results" / "mine" / "runs").iterdir():
        runs = pd.read_parquet(part)
        runs["sample"] = runs["sample"].replace({one: two, two: one})
        write_part(part.parent, runs)  # under the name of its checksum
        part.unlink()
    for command in ("check", "report"):
        done = llm_evo(command, "results/mine")
        assert done.exit_code == 1, done.output
        assert re.search(r"✗ local, k = 1, lam = 1: ", done.stdout)
        assert "0 DIFFERS" not in done.stdout
    assert run_it().exit_code == 1
    assert llm_evo("fit", "results/mine").exit_code == 0


@pytest.mark.usefixtures("no_figures")
def test_an_open_verdict_is_no_failure():
    done = llm_evo("run", "grid.toml", "--workers", "1", "--quiet", "--runs", "5")
    assert done.exit_code == 0
    assert re.search(r"[1-6] CANNOT TELL", done.stdout)
    assert re.search(r"\d+ more runs would tell", " ".join(done.stdout.split()))


def test_an_interruption_gives_exit_code_130(monkeypatch):
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.cli.run.run_grid", interrupted)
    done = llm_evo("run", "grid.toml", "--quiet")
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr == (
        "finished batches are kept in results/mine; the same command goes on from there\ninterrupted\n"
    )


def test_what_is_no_wrong_input_has_an_exit_code_of_its_own(monkeypatch):
    for error, code in (
        (WorkersLost("all gone"), 5),
        (StoreError("full"), 5),
        (InputError("no"), 2),
        (EvoError(""), 2),
    ):

        def broken(*args: object, error: Exception = error, **options: object) -> None:
            raise error

        monkeypatch.setattr("experiments.cli.run.run_grid", broken)
        assert f"error: {error}" in refused("run", "grid.toml", "--quiet", code=code)


# ------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize("command", ["run", "predict"])
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            "nosuch",
            f"expected a study ({', '.join(STUDIES)}), a file that ends in .toml, or a study of your own, ",
        ),
        ("papr", "got 'papr'; did you mean 'paper'?"),
        ("nosuch.toml", "nosuch.toml: cannot read the grid: No such file or directory"),
        (
            "grid.txt",
            '"mine.py:STUDY" or "package.module:STUDY", got \'grid.txt\'',
        ),
    ],
)
def test_a_study_or_file_that_is_none(command, target, expected):
    assert expected in refused(command, target)


def test_a_fault_in_a_file_is_told_with_file_and_key(where):
    (where / "grid.toml").write_text(GRID.replace("p = 0.5", "q = 0.5"))
    for command in ("run", "predict"):
        assert refused(command, "grid.toml") == (
            "error: grid.toml: arm 1 ('local'): mutator: Resample has no parameter 'q'; allowed: p\n"
        )
    (where / "grid.toml").write_text(GRID.replace("p = 0.5", "p = 0") + 'budget = "none"\n')
    for command in ("run", "predict"):
        assert "budget=None needs a predicted finite mean, got an infinite one for Cell(" in refused(
            command, "grid.toml"
        )
    assert not (where / "results").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--runs", "0"], "Grid: runs must be a whole number from 1 to 1000000000, got 0"),
        (["--runs", "many"], "Invalid value for '--runs'"),
        (["--seed", "-1"], "Grid: seed must be a whole number >= 0, got -1"),
        (["--engine", "lore"], "Grid: engine must be 'blocks' or 'deap' or 'law', got 'lore'"),
        (["--workers", "0"], "workers must be a whole number >= 1, got 0"),
        (["--out", "grid.toml"], "grid.toml: expected a results folder, as `llm-evo run` writes it, got a file"),
        (["--out", "."], "expected a results folder, as `llm-evo run` writes it, got a folder without grid.json"),
        (["--out", ""], "--out: expected a folder, got ''; leave it out for results/mine"),
        (["--bogus"], "No such option: --bogus"),
        (["more"], "unexpected extra argument"),
    ],
)
def test_an_option_that_does_not_fit(words, expected):
    assert expected in " ".join(re.sub("[│]", " ", refused("run", "grid.toml", *words)).split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("paper", "there is no command 'paper'; did you mean: llm-evo run paper"),
        ("papr --runs 9", "there is no command 'papr'; did you mean: llm-evo run paper --runs 9"),
        ("my.toml -q", "there is no command 'my.toml'; did you mean: llm-evo run my.toml -q"),
        ("my.py:STUDY", "there is no command 'my.py:STUDY'; did you mean: llm-evo run my.py:STUDY"),
        ("chek r", "there is no command 'chek'; did you mean: llm-evo check r"),
        ("check_operator X", "there is no command 'check_operator'; did you mean: llm-evo check-operator X"),
        ("a_folder", "there is no command 'a_folder'; did you mean: llm-evo report a_folder"),
        ("--runs 9", "expected a command before the option '--runs', as in: llm-evo run --runs 9"),
        ("zzz", "there is no command 'zzz'; commands: run, status, predict, check, fit, time, report, export, show, "),
    ],
)
def test_a_word_that_is_no_command(words, expected, monkeypatch, capsys):
    Path("a_folder").mkdir()
    Path("a_folder/grid.json").touch()
    monkeypatch.setattr(sys, "argv", ["llm-evo", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {expected}")


def test_every_command_is_let_through():
    assert set(COMMANDS) < set(_commands())
    for command in _commands():
        assert refused_command([command], _commands()) == ""
        assert llm_evo(command, "--help").exit_code == 0
    assert refused_command([], _commands()) == refused_command(["--help"], _commands()) == ""


def test_a_file_is_meant_by_its_name_without_toml():
    assert "got 'grid'; did you mean 'grid.toml'?" in refused("run", "grid")


@pytest.mark.parametrize("command", ["check", "fit", "report"])
def test_a_results_folder_that_is_none(command, where):
    assert "nosuch: expected a results folder, as `llm-evo run` writes it, got nothing of that name" in refused(
        command, "nosuch"
    )
    assert "got a folder without grid.json" in refused(command, str(where))
    assert "Missing argument 'RESULTS'" in refused(command)


def test_options_of_check_and_fit_that_do_not_fit():
    run_grid(load_grid("grid.toml"), "r", workers=1)
    assert "did you mean 'lam'?; what varies: problem.k, runner.lam; known: " in refused("fit", "r", "--along", "lamb")
    unknown = refused("fit", "r", "--along", "nosuch")
    assert "--along: expected a parameter of the grid, got 'nosuch'; what varies: problem.k, runner.lam; " in unknown
    assert "got 'hti'; did you mean 'hit'?" in refused("fit", "r", "--quantity", "hti")
    assert "fit: expected a range of the parameter, got from nan to inf" in refused("fit", "r", "--from", "nan")
    assert "got from 8.0 to 2.0" in refused("fit", "r", "--from", "8", "--to", "2")
    assert "fit: problem.l has one value in this grid, 16; name a parameter" in refused(
        "fit", "r", "--along", "problem.l"
    )
    assert "confidence must be between 0 and 1, got 2.0" in refused("fit", "r", "--confidence", "2")
    assert "expected 0 < alpha < 1" in refused("check", "r", "--alpha", "0")
    assert "expected 0 < alpha < 1" in refused("report", "r", "--alpha", "nan")


@pytest.mark.usefixtures("no_figures")
def test_a_damaged_store_is_told_and_not_a_traceback():
    folder = "[b]r[/i]"  # no markup of the terminal
    run_grid(load_grid("grid.toml"), folder, workers=1)
    (part,) = Path(folder, "runs").iterdir()
    part.write_bytes(part.read_bytes()[:100])
    for command in ("check", "fit", "report"):
        assert f"{part}: truncated or altered" in refused(command, folder, code=5)
    done = llm_evo("run", "grid.toml", "--out", folder)
    assert done.exit_code == 0
    assert f"note: {part}: truncated or altered" in done.stderr
    assert f"set aside as {folder}/damaged/{part.name}, its batches are computed anew" in done.stderr


# ------------------------------------------------------------------------------------------- pipes and colours


def test_pipes_get_no_escape_codes_and_errors_keep_to_stderr(where, command):
    done = command("run", "grid.toml", "--workers", "1", "--runs", "20", cwd=where, figures=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "\x1b" not in Path("results/mine/report.txt").read_text()
    failed = command("run", "papr", cwd=where)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("error: ")
    assert "\x1b" not in failed.stderr


def test_no_color_is_obeyed_on_a_terminal(where, command):
    plain = command("show", cwd=where, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color")
    coloured = command("show", cwd=where, FORCE_COLOR="1", TERM="xterm-256color")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain.stdout)
    assert "\x1b[" in coloured.stdout
