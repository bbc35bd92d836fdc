"""Where the numbers of a page come from: made-up launches, their table, and the commands that make it again."""

import re
from html import unescape
from types import SimpleNamespace

import pytest

from experiments.grids.outside.reading import Unsound
from experiments.reports.html.sections import provenance

WHOLE = {
    "started": "2026-01-02", "ended": "2026-01-03", "how": "2 workers", "command": ["/usr/bin/llm-evo", "run", "mine"],
    "git": {"testbed": {"commit": "0123456789abcdef", "changed": True}}, "hosts": ["here", "there"],
    "python": "3.11", "versions": {"numpy": "2.0", "scipy": "1.9"}, "platform": "Linux",
}  # fmt: skip
TOLD = ["2026-01-02", "2026-01-03", "2 workers", "llm-evo run mine", "0123456789ab, changed", "here, there"]


def content(name="my grid"):
    grid = {"name": name, "seed": 7, "runs": 40, "engine": "auto", "batch": 20}
    return SimpleNamespace(
        made=SimpleNamespace(
            results=SimpleNamespace(grid=grid, path="there", cells=[0] * 1234), check=SimpleNamespace(alpha=0.01)
        )
    )


def shown(launches, monkeypatch):
    """Facts by name, rows of the table, and the section."""
    monkeypatch.setattr(provenance, "read_launches", lambda path: launches)
    text = str(provenance.provenance(content()))
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]
    return facts, [[unescape(cell) for cell in row] for row in rows if row][1:], text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/opt/bin/llm-evo", "run", "my grid.toml"], "llm-evo run 'my grid.toml'"),
        (["/src/experiments/__main__.py", "run", "mine"], "llm-evo run mine"),  # python -m experiments
        (["/home/me/mine.py", "--fast"], "mine.py --fast"),
        (["llm-evo", "x" * 2100], "llm-evo " + "x" * 1992),
        ([], ""),
        (None, ""),
        ("llm-evo run mine", ""),  # no list: not written by a launch
    ],
    ids=range(7),
)
def test_a_command_is_what_a_person_types_and_a_script_keeps_its_name(words, said):
    assert provenance._command({"command": words}) == said
    again = provenance.commands(content(), [{"command": words}])
    assert again == [
        said or "llm-evo run 'my grid'",
        "llm-evo check 'results/my grid'",
        "llm-evo report 'results/my grid'",
    ]


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        (["--out", "a b"], "'a b'"),
        (["--out=c"], "c"),
        (["--out", "a", "--out", "b"], "b"),
        (["out", "d"], "'results/my grid'"),
        (["--out"], "'results/my grid'"),
    ],
    ids=str,
)
def test_what_reads_it_again_names_the_folder_of_the_last_launch(given, folder):
    launches = [{"command": ["llm-evo", "run", "mine", "--out", "elsewhere"]}, {"command": ["llm-evo", "run", *given]}]
    assert provenance.commands(content(), launches)[-2:] == [f"llm-evo check {folder}", f"llm-evo report {folder}"]


def test_a_launch_is_told_with_all_that_was_written_of_it(monkeypatch):
    facts, rows, _ = shown([WHOLE], monkeypatch)
    assert rows == [TOLD]
    assert facts == {
        "grid": "my grid", "seed": "7", "runs a cell": "40", "engine": "auto", "batch": "20", "cells": "1,234",
        "id of the table of cells": "-", "false-alarm rate": "0.01 over the grid", "Python": "3.11",
        "versions": "numpy 2.0, scipy 1.9", "platform": "Linux",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("without", "at", "said"),
    [("ended", 1, "killed"), ("how", 2, "-"), ("command", 3, "-"), ("git", 4, "-"), ("hosts", 5, "-")],
)
def test_what_was_not_written_of_a_launch_is_a_dash(without, at, said, monkeypatch):
    clean = WHOLE | {"git": {"testbed": {"commit": "0123456789abcdef", "changed": False}}}
    facts, rows, _ = shown([clean, WHOLE | {without: None, "versions": {}}], monkeypatch)
    assert rows[0] == [*TOLD[:4], "0123456789ab", TOLD[5]]
    assert facts["versions"] == "-"
    assert rows[1] == [said if place == at else each for place, each in enumerate(TOLD)]


@pytest.mark.parametrize("many", [20, 21])
def test_of_many_launches_the_last_twenty_are_told(many, monkeypatch):
    """And each command of them once; Python and versions are those of the last."""
    launches = [
        WHOLE | {"started": f"day {n}", "command": ["llm-evo", f"{(n + 1) // 2}"], "python": f"{n}"}
        for n in range(many)
    ]
    facts, rows, text = shown(launches, monkeypatch)
    assert [row[0] for row in rows] == [f"day {n}" for n in range(many - 20, many)]
    assert ("The last 20 of" in text, "The last 20 of 21 launches." in text) == (many > 20, many > 20)
    assert facts["Python"] == f"{many - 1}"
    again = unescape(text.split("<h3>To make it again</h3><pre>")[1].split("</pre>")[0]).split("\n")
    assert again[:-2] == [f"llm-evo {n}" for n in range(many - 20, 11)]


def test_launches_that_cannot_be_read_are_told_of_and_the_rest_stands(monkeypatch):
    def unsound(path):
        raise Unsound("no list")

    words = "<p>provenance.json cannot be read: no list</p>"
    assert words not in shown([WHOLE], monkeypatch)[2]
    monkeypatch.setattr(provenance, "read_launches", unsound)
    text = str(provenance.provenance(content()))
    assert words in text
    assert "llm-evo check 'results/my grid'" in unescape(text)
