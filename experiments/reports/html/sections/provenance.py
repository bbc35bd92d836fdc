"""Where the numbers come from: launches, versions, seed, ids, and the commands that make them again."""

from __future__ import annotations

import itertools
import shlex
from pathlib import PurePath
from typing import Any

from experiments.grids.outside.reading import Unsound
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.table import Entry, table
from experiments.store.launches.provenance import read_launches

MOST_LAUNCHES = 20
MOST_WORDS = 2000
"""Characters of a command."""


def provenance(content: Content) -> Html:
    """The grid, its launches, and commands."""
    grid, path = content.made.results.grid, content.made.results.path
    try:
        launches = [] if path is None else read_launches(path)
        fault = ""
    except (Unsound, OSError) as error:
        launches, fault = [], f"provenance.json cannot be read: {error}"
    facts = {
        "grid": grid["name"], "seed": grid["seed"], "runs a cell": grid["runs"], "engine": grid["engine"],
        "batch": grid["batch"], "cells": f"{len(content.made.results.cells):,}",
        "id of the table of cells": grid.get("table", "-"),
        "false-alarm rate": f"{content.made.check.alpha:g} over the grid",
    }  # fmt: skip
    if launches:
        facts |= _facts(launches[-1])
    listed = tag("dl", *(part for name, value in facts.items() for part in (tag("dt", name), tag("dd", value))))
    rows = [_launch(each) for each in launches[-MOST_LAUNCHES:]]
    headings = ("began", "ended", "how", "command", "git commit", "hosts")
    cut = len(launches) > MOST_LAUNCHES
    caption = f"The last {MOST_LAUNCHES} of {len(launches)} launches." if cut else ""
    return joined([
        listed, tag("p", fault) if fault else "", table(headings, rows, caption),
        tag("h3", "To make it again"), tag("pre", "\n".join(commands(content, launches))),
    ])  # fmt: skip


def commands(content: Content, launches: list[dict[str, Any]]) -> list[str]:
    """The launches that filled the folder, and what reads it."""
    folder = shlex.quote(_folder(content, launches))
    launched = list(dict.fromkeys(_command(each) for each in launches[-MOST_LAUNCHES:]))
    made = [each for each in launched if each] or [f"llm-evo run {shlex.quote(str(content.made.results.grid['name']))}"]
    return [*made, f"llm-evo check {folder}", f"llm-evo report {folder}"]


def _folder(content: Content, launches: list[dict[str, Any]]) -> str:
    """The results folder as the last launch named it, or as it is named unless said."""
    words = launches[-1].get("command") if launches else None
    words = [str(word) for word in words] if isinstance(words, list) else []
    given = [word.removeprefix("--out=") for word in words if word.startswith("--out=")]
    given += [after for before, after in itertools.pairwise(words) if before == "--out"]
    return given[-1] if given else f"results/{content.made.results.grid['name']}"


def _command(launch: dict[str, Any]) -> str:
    words = launch.get("command")
    if not isinstance(words, list) or not words:
        return ""
    first, *rest = map(str, words)
    name = PurePath(first).name
    return shlex.join(["llm-evo" if name in ("llm-evo", "__main__.py") else name, *rest])[:MOST_WORDS]


def _facts(launch: dict[str, Any]) -> dict[str, str]:
    versions = launch.get("versions")
    known = versions if isinstance(versions, dict) else {}
    told = ", ".join(f"{name} {value}" for name, value in known.items())
    return {
        "Python": str(launch.get("python", "-")),
        "versions": told or "-",
        "platform": str(launch.get("platform", "-")),
    }


def _launch(launch: dict[str, Any]) -> list[Entry]:
    git = launch.get("git")
    state = git.get("testbed") if isinstance(git, dict) else None
    commit = "-"
    if isinstance(state, dict):
        commit = f"{str(state.get('commit'))[:12]}{', changed' if state.get('changed') else ''}"
    hosts = launch.get("hosts")
    return [
        Entry(str(launch.get("started"))), Entry(str(launch.get("ended") or "killed")),
        Entry(str(launch.get("how") or "-")), Entry(_command(launch) or "-"), Entry(commit),
        Entry(", ".join(map(str, hosts)) if isinstance(hosts, list) else "-"),
    ]  # fmt: skip
