"""Pages show what was measured, in the form in which the command prints it; that it is still so fast nobody asserts."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from bench_engines import CONTESTANTS, PEERS, RUNS, takes_part
from contestants import missing
from printed import few, line_of, markers, page, write_between
from tasks import TASKS

HERE = Path(__file__).parent
SPEED = HERE.parents[1] / "docs" / "speed.md"
FOUND = json.loads((HERE / "engines.json").read_text())


def on_page(found, name="engines"):
    begin, end = markers(name)
    return f"{begin}\n\n```text\n{page(found)}\n```\n\n{end}" in SPEED.read_text()


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
