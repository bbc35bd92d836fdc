"""Where a file, or a word, can ask for more than the machine has: a bound, said before the work begins."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UntilResolved
from experiments.cli.app import app
from experiments.grids import grid as grids
from experiments.grids.axes import grid_cells
from experiments.grids.cell import Cell
from experiments.grids.grid import MOST_CELLS, Grid, sweep
from experiments.grids.outside.printable import is_printable, printable
from experiments.grids.outside.toml_text import MOST_BYTES, MOST_DOTS, most_dots
from experiments.grids.toml import load_grid
from experiments.running.launch import LimitReached, run_grid
from experiments.running.limits import GridLimits
from experiments.store.launches.status import Planned, status
from operators import Resample
from problems import BlockOneMax

TOML = """
name = "small"
runs = 10
[[arm]]
label = "LABEL"
problem = {type = "BlockOneMax", k = [1, 2], l = 2}
mutator = {type = "Resample", p = 0.5}
schedule = {type = "UntilResolved"}
"""


def cells(*ks: int) -> list[Cell]:
    return [Cell(BlockOneMax(k, 2), Resample(0.5), UntilResolved(), OnePlusLambda()) for k in ks or (1, 2)]


def toml(folder: Path, text: str) -> Path:
    file = folder / "grid.toml"
    file.write_bytes(text.encode())
    return file


# ------------------------------------------------------------------------------------------------- labels

ACT = ["\x1b[31m", "\x9b", "\x00", "\x07", "\r", "\n", "\t", "\x7f", "\u202e", "\u2066", "\u200f", "\u2028", "\ud800"]


@pytest.mark.parametrize("acts", ACT, ids=ascii)
def test_a_label_that_acts_on_a_terminal_is_refused(acts):
    assert not is_printable(f"a{acts}b")
    with pytest.raises(InputError, match="expected a label on one line, without control characters, got"):
        Grid("small", {f"a{acts}b": cells()})


@pytest.mark.parametrize("acts", [each for each in ACT if each not in "\n\t"], ids=ascii)
def test_what_acts_on_a_terminal_is_left_out_of_every_text(acts):
    assert not is_printable(acts)
    assert set(printable(f"a{acts}b")) <= set("ab[31m")


TAKEN_FOR = {
    "nothing": ["", " ", "\u200b", "\u2060\ufeff", "\u3164", "\u2800", "\u0301", "-", "...", "—"],
    "a missing value": ["nan", "NaN", "None", "NULL", "N/A", "#N/A", "<NA>", "na\u200bn", "\uff4e\uff41\uff4e", "inf"],
    "yes or no": ["TRUE", "False"],
    "a number": ["1", "-1", "1e5", "1,000", ".5", "50 %", "1j", "0x1F", "١٢", "\uff11", "1_000", "$5", "-inf", "007"],
    "a date": ["2026-01-02", "1/2", "3.4.2026", "2026-01-02T03:04", "12:30", "1:30 pm", "Jan 2026", "2-Mar", "MAR1"],
    "a formula": ["=A1", "+noise", "-c", "@home", "\uff1d1+A1"],
}


@pytest.mark.parametrize(
    ("label", "what"), [(each, what) for what, some in TAKEN_FOR.items() for each in some], ids=ascii
)
def test_a_label_that_a_reader_takes_for_something_else_is_refused(label, what, tmp_path):
    """In the same words in a file as in Python."""
    with pytest.raises(
        InputError, match=f"expected a label that is read as a name, .* take for {what};|at its ends"
    ) as one:
        Grid("small", {label: cells()})
    with pytest.raises(InputError) as other:
        load_grid(toml(tmp_path, TOML.replace("LABEL", label)))
    assert str(other.value) == f"{tmp_path / 'grid.toml'}: {one.value}"


@pytest.mark.parametrize("label", [" a", "a ", "a\u00a0"])
def test_a_label_with_spaces_at_its_ends_is_refused(label):
    with pytest.raises(InputError, match="expected a label without spaces at its ends, got"):
        Grid("small", {label: cells()})


@pytest.mark.parametrize(
    "other",
    ["LOCAL é", "local e\u0301", "lo\u200bcal é", "local\u00a0é", "local  é", "\uff4c\uff4f\uff43\uff41\uff4c é"],
)
def test_labels_that_look_alike_are_refused(other, tmp_path):
    with pytest.raises(InputError, match="expected labels that a reader can tell apart, got 'local é' and") as one:
        Grid("small", {"local é": cells(1), other: cells(2)})
    arms = [
        TOML.replace("LABEL", "local é").replace("[1, 2]", "1"),
        TOML.replace("LABEL", other).replace("[1, 2]", "2"),
    ]
    with pytest.raises(InputError) as two:
        load_grid(toml(tmp_path, arms[0] + "[[arm]]" + arms[1].partition("[[arm]]")[2]))
    assert str(two.value).endswith(str(one.value))


def test_labels_that_a_reader_tells_apart_are_taken():
    Grid("small", {label: cells(k) for k, label in enumerate(("k²", "k2", "k½", "lokal", "local", "Fall"), start=1)})


@pytest.mark.parametrize(
    "label",
    [
        "a",
        "ä ö, λ = 1 (50 %)",
        "中文",
        "x" * 200,
        "(1+1)-EA",
        "1/k",
        "g = 4",
        "none of them",
        "2 of 3",
        "1.5x",
        "1-opt",
        "true rate",
        "May",
        "\U0001f600",
        "\u0645\u06cc\u200c\u062e\u0648",
        "n.a. = 1",
        "2026 runs",
        "c1",
        "k^2",
        "[1]",
    ],
)
def test_other_labels_are_taken(label):
    assert list(Grid("small", {label: cells()}).labels.values()) == [label] * 2
    assert printable(label) == label


def test_a_label_and_a_name_are_short(tmp_path):
    with pytest.raises(InputError, match="expected a label of at most 200 characters, got 201"):
        Grid("small", {"x" * 201: cells()})
    with pytest.raises(InputError, match=r"name must be .* at most 100, got"):
        Grid("x" * 101, cells())
    begun = time.monotonic()
    with pytest.raises(InputError, match="expected at most 2,097,152 bytes, got 10,"):
        load_grid(toml(tmp_path, TOML.replace("LABEL", "x" * 10**7)))
    assert time.monotonic() - begun < 30


# ------------------------------------------------------------------------------------------------- a grid's file

DOTS = "a" + ".a" * 20_000


@pytest.mark.parametrize(
    "text",
    [
        f"{DOTS} = 1", f"[{DOTS}]", f"[[{DOTS}]]", f"x = {{{DOTS} = 1}}", DOTS.replace(".", " . "),
        DOTS.replace("a", '"a"') + " = 1", DOTS.replace("a", "'a'") + " = 1", f'"#{DOTS}" . {DOTS} = 1',
        f"x = [1, {{y.{DOTS} = 1}}]", f"{'a.' * (MOST_DOTS + 1)}a = 1",
    ],
    ids=range(10),
)  # fmt: skip
def test_a_key_of_endless_depth_is_refused_before_it_is_parsed(tmp_path, monkeypatch, text):
    monkeypatch.setattr("experiments.grids.toml.tomllib.loads", lambda text: pytest.fail("it was parsed"))
    with pytest.raises(InputError, match="expected keys of at most 64 dots, got"):
        load_grid(toml(tmp_path, text))


def test_long_lists_of_numbers_and_lines_of_dots_are_no_keys(tmp_path):
    numbers = ", ".join(f"{n / 1000}" for n in range(1, 1000))
    text = f"# {'.' * 500}\n" + TOML.replace("p = 0.5", f"p = [{numbers}]")
    assert most_dots(text) == 1
    assert len(load_grid(toml(tmp_path, text)).cells) == 2 * 999


def test_deep_lists_and_large_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="got deeper nesting"):
        load_grid(toml(tmp_path, "x = " + "[" * 200_000))
    file = toml(tmp_path, "#")
    with file.open("r+b") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match=r"grid\.toml: cannot read the grid: expected at most 2,097,152 bytes, got"):
        load_grid(file)


# ------------------------------------------------------------------------------------------------- cells, planning


def test_a_grid_has_no_more_cells_than_there_is_room_and_time_for(tmp_path, monkeypatch):
    ks, ps = range(1, 1001), range(1, 102)
    many = {"problem": [BlockOneMax(k, 2) for k in ks], "mutator": [Resample(n / 102) for n in ps]}
    with pytest.raises(InputError, match=rf"expected at most {MOST_CELLS:,} cells, got 101,000 or more; shorten"):
        sweep(**many, schedule=UntilResolved(), runner=OnePlusLambda())
    monkeypatch.setattr(grids, "MOST_CELLS", 3)
    assert len(Grid("small", cells(1, 2, 3)).cells) == 3
    with pytest.raises(InputError, match="expected at most 3 cells, got 4 or more"):
        Grid("small", cells(1, 2, 3, 4))
    with pytest.raises(InputError, match=r"grid\.toml: .*expected at most 3 cells, got 4 or more"):
        load_grid(toml(tmp_path, TOML.replace("[1, 2]", "[1, 2, 3, 4]")))
    two = TOML + TOML[TOML.index("[[arm]]") :].replace("LABEL", "other").replace("l = 2", "l = 3")
    with pytest.raises(InputError, match=r"grid\.toml: expected at most 3 cells, got 4 or more"):
        load_grid(toml(tmp_path, two))
    with pytest.raises(InputError, match="expected at most 3 cells, got 4 or more"):
        grid_cells(axes={"k": [1, 2, 3, 4]}, make=lambda k: cells(k)[0])


def test_seconds_of_planning_count(tmp_path, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr("experiments.running.limits.time.monotonic", lambda: float(next(clock)))
    said = r"seconds: \d+ of at most 2\) while its cells were predicted, \d of 9: nothing has run"
    with pytest.raises(LimitReached, match=said) as got:
        run_grid(Grid("small", cells(*range(1, 10)), runs=10), tmp_path / "out", 1, limits=GridLimits(seconds=2))
    assert got.value.results is None
    found = status(tmp_path / "out")
    assert isinstance(found, Planned)
    assert "planned, not begun: a launch was ended before the 9 cells were predicted" in dict(found.lines())["launch"]


@pytest.mark.usefixtures("no_figures")
def test_the_command_says_that_planning_reached_the_limit(tmp_path):
    file, out = str(toml(tmp_path, TOML)), str(tmp_path / "out")
    command = ["run", file, "--out", out, "--workers", "1", "--max-seconds", "1e-9"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 4
    assert "while its cells were predicted, 0 of 2: nothing has run yet" in done.output
    assert CliRunner().invoke(app, [*command[:-1], "1000"]).exit_code == 0  # and goes on with a larger one


def test_a_forecast_says_how_far_it_is():
    from experiments.predictions.forecast import forecast

    told: list[tuple[int, int]] = []
    table = forecast(Grid("small", cells(1, 2, 3)), watch=lambda cell, done, of: told.append((done, of)))
    assert told == [(0, 3), (1, 3), (2, 3)]
    assert len(table) == 3
