"""Pages show what was measured, in the form in which the command prints it; that it is still so fast nobody asserts."""

import json
from copy import deepcopy
from pathlib import Path

import bench_growth
import pytest
from bench_engines import CONTESTANTS, PEERS, RUNS, takes_part
from contestants import missing
from printed import few, line_of, markers, page, write_between
from tasks import TASKS

from experiments.running.agenda import SECONDS_A_TASK
from experiments.running.driver import SECONDS_BETWEEN_WRITES

HERE = Path(__file__).parent
SPEED = HERE.parents[1] / "docs" / "speed.md"
GROWTH = json.loads((HERE / "growth.json").read_text())
FOUND = json.loads((HERE / "engines.json").read_text())


def on_page(found, name="engines"):
    begin, end = markers(name)
    return f"{begin}\n\n```text\n{page(found)}\n```\n\n{end}" in SPEED.read_text()


def test_growth_is_shown_as_measured():
    begin, end = markers("growth")
    text = bench_growth.page(GROWTH)
    assert f"{begin}\n\n```text\n{text}\n```\n\n{end}" in SPEED.read_text()
    assert max(map(len, text.splitlines())) <= 80
    other = deepcopy(GROWTH)
    other["rows"][0]["seconds"] *= 2
    assert bench_growth.page(other) not in SPEED.read_text()
    runners = {f"runners, {axis}" for axis in bench_growth.RUNNERS_STEPS}
    assert {row["axis"] for row in GROWTH["rows"]} == {*bench_growth.STEPS, *runners, "cells", *bench_growth.CLOCKED}
    along = [row["at"] for row in GROWTH["rows"] if row["axis"] == "dask workers"]
    assert along == [*bench_growth.DASK_WORKERS]


def test_the_page_shows_what_was_measured():
    assert on_page(FOUND)


def test_another_number_is_not_on_the_page():
    other = deepcopy(FOUND)
    other["tasks"][0]["calls a second"]["blocks"] = [2 * rate for rate in other["tasks"][0]["calls a second"]["blocks"]]
    assert not on_page(other)


def test_all_searches_and_contestants_are_there():
    assert [(task["k"], task["name"]) for task in FOUND["tasks"]] == [(task.k, task.name) for task in TASKS]
    assert FOUND["runs"] == RUNS
    assert len(FOUND["versions"]) == len(PEERS)  # nobody was missing
    for task, found in zip(TASKS, FOUND["tasks"], strict=True):
        left_out = {name for name in CONTESTANTS if f"{name}, k = {task.k}, {task.name}" in FOUND["left out"]}
        expected = {name for name in CONTESTANTS if takes_part(name, task)} - left_out
        assert set(found["calls a second"]) == expected
        assert {len(rates) for rates in found["calls a second"].values()} == {FOUND["repeats"]}


def test_the_table_fits_a_terminal_and_tells_what_it_leaves_out():
    lines = page(FOUND | {"left out": {"C++": "no g++ was found"}}).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "left out: C++: no g++ was found"


def test_ratios_are_of_the_same_repeat():
    rates = {"ours": [10.0, 30.0, 20.0], "DEAP": [1.0, 2.0, 4.0]}  # 10, 15, 5 times
    assert line_of("ours", rates).split() == ["ours", "20", "10", "5", "-", "15", "-", "-"]


def test_numbers_have_three_digits():
    assert [few(value) for value in (0.012345, 1.0, 45.67, 12345.6, 1.5e9)] == [
        "0.0123", "1", "45.7", "12,300", "1.50e+09"
    ]  # fmt: skip


def test_who_is_missing_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing("C++") == "no g++ was found"
    assert missing("blocks") == missing("numpy") == ""


def test_a_page_without_the_markers_is_refused(tmp_path):
    bare = tmp_path / "bare.md"
    bare.write_text("# Speed\n")
    with pytest.raises(ValueError, match="expected the lines <!-- engines: begin -->"):
        write_between(bare, "engines", "table")
    bare.write_text("<!-- engines: begin -->\nold\n<!-- engines: end -->\n")
    write_between(bare, "engines", "table")
    assert bare.read_text() == "<!-- engines: begin -->\n\n```text\ntable\n```\n\n<!-- engines: end -->\n"


def test_a_thousand_workers_are_computed_from_what_was_measured():
    text = (SPEED.parent / "beyond-one-machine.md").read_text()
    cores, scheduler, driver = 1000, 1.5e-3, 1.2e-3 + 0.4e-3
    assert SECONDS_BETWEEN_WRITES == 2.0
    asked = cores / SECONDS_A_TASK
    for said in (
        "| a task at the scheduler | 1.5 - 2.9 ms",
        "| a task at the driver | 1.2 - 2.5 ms",
        "0.4 ms with 1,000 (2.5 million rows a second)",
        "8 kB at the scheduler",
        f"1,000 / 0.3 = {asked:,.0f}",
        f"| the scheduler, 1.5 ms a task | {1 / scheduler:,.0f} tasks a second | {asked:,.0f} |",
        f"of 1,000 runs | {1 / driver:,.0f} tasks a second | {asked:,.0f} |",
        f"1,000 x 1.5 ms = {cores * scheduler:g} s or more",
        f"unless tasks take {cores * driver:g} s or more",
        f"{asked * 1000 / 1e6:.1f} million, in batches of 1,000 runs",
        f"{cores / (cores * driver) * 1000 / 1e6:.1f} million with tasks of {cores * driver:g} s",
        f"{2 * cores * 8e3 / 1e6:.0f} MB",
        f"{60 / SECONDS_BETWEEN_WRITES:.0f} a minute",
    ):
        assert said in text, said
