"""2,000 bad inputs: a clear error each, never a traceback, never a changed store.

Files with wrong characters, files with wrong values, parts and functions with wrong arguments, commands with wrong
options, results folders with a wrong grid.json. Whatever is accepted must then be forecast without a traceback too.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
import re
import shutil
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, fields, replace
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import SECONDS
from typer.core import TyperArgument, TyperOption

from evo import OnePlusLambda, UntilResolved
from evo.costs.latency import Latency
from evo.errors import EvoError, InputError
from evo.text import canonical
from experiments import (
    Cell,
    Grid,
    check,
    export_results,
    fit,
    forecast,
    grid_cells,
    load,
    predict,
    run_grid,
    span,
    speedup,
    summarise,
    sweep,
    timed,
    trace,
    waiting,
)
from experiments.cli.app import app
from experiments.cli.exits import CRASHED
from experiments.grids import extensions
from experiments.grids.parts import NESTED, PART_TYPES
from experiments.grids.toml import EXAMPLE, load_grid
from experiments.store.verify.seals import to_json
from operators import Resample
from problems import BlockOneMax

GROUP: Any = typer.main.get_command(app)
EXAMPLES = {"text": 500, "tables": 800, "parts": 300, "functions": 150, "command": 150, "folders": 100}


SHARES = pytest.mark.parametrize("share", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["a fifth", "all"])
"""All of them are a slow test; a fifth, which are other ones, is enough to find what is broken altogether."""


def tried(kind: str, share: int, act: Callable[..., None], **strategies: Any) -> None:
    """Act on all examples of a kind, or on so small a share of them."""
    few = settings(max_examples=EXAMPLES[kind] // share, derandomize=True, deadline=None, database=None)
    few(given(**strategies)(act))()


def test_they_are_two_thousand():
    assert sum(EXAMPLES.values()) == 2000


# ------------------------------------------------------------------------------------------- what is asked of each


class Hangs(BaseException):
    """No input may take this long."""


@contextmanager
def no_hang() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hangs(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


SAYS = re.compile(
    r"expected|must|needs?\b|unknown|cannot|got |no parameter|there is no|has (one|no)|twice|leaves|choose another|"
    r"come out otherwise|; take |declares no law|hands over"
)


def says_what_is_wrong(message: str, *named: object) -> None:
    assert SAYS.search(message), message
    assert "Traceback" not in message
    assert len(message) < 5000, f"{message[:300]}... of {len(message)} characters"
    for each in named:
        assert str(each) in message


def accepted_or_refused(act: Callable[[], Any], *named: object) -> Any:
    """What an act gives, None if it is refused with a clear error of ours; any other exception comes through."""
    try:
        with no_hang():
            return act()
    except EvoError as error:
        says_what_is_wrong(str(error), *named)
        return None


def forecast_or_refused(cell: Cell) -> None:
    """The forecast of a cell that was accepted, if it is small: the rest is for the tests of predictions."""
    if cell.problem.k <= 8 and cell.runner.lam <= 8 and cell.chunks.g <= 4:
        accepted_or_refused(lambda: predict(cell))
        accepted_or_refused(lambda: forecast(Grid("one", [cell], runs=2)))


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@dataclass(frozen=True)
class Kept:
    """A results folder that nothing may change."""

    folder: Path
    files: dict[str, str]
    scratch: Path

    def expect_unchanged(self) -> None:
        assert files_of(self.folder) == self.files


GOOD_CELLS = sweep(
    problem=[BlockOneMax(k, 2) for k in (1, 2, 3, 4)],
    mutator=Resample(0.5),
    schedule=UntilResolved(),
    runner=OnePlusLambda(2),
)


@pytest.fixture(scope="module", autouse=True)
def _packages_are_listed_once() -> Iterator[None]:
    """Nothing is installed meanwhile, and reading what is takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extensions, "entry_points", cache(extensions.entry_points))
        yield


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Kept:
    scratch = tmp_path_factory.mktemp("bad")
    folder = scratch / "kept"
    run_grid(Grid("kept-as-it-is", GOOD_CELLS, runs=20, batch=10), folder, workers=1)
    return Kept(folder, files_of(folder), scratch)


@pytest.fixture(scope="module")
def beside(kept) -> Iterator[None]:
    """A grid and a file that is no folder in the current folder."""
    (kept.scratch / "small.toml").write_text(EXAMPLE.replace("[4, 8, 16]", "[1, 2]").replace("1000", "2"))
    (kept.scratch / "file").write_text("no folder")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(kept.scratch)
        yield


def told(words: list[str]) -> tuple[int, str]:
    """Exit code and output of a command, which must not end by a traceback."""
    shown = io.StringIO()
    with no_hang(), redirect_stdout(shown), redirect_stderr(shown), pytest.raises(SystemExit) as ended:
        GROUP.main(words, prog_name="llm-evo")
    assert "Traceback" not in shown.getvalue()
    assert ended.value.code != CRASHED
    return int(ended.value.code or 0), shown.getvalue()


def a_grid_or_refused(kept: Kept, content: bytes) -> None:
    file = kept.scratch / "grid.toml"
    file.write_bytes(content)
    grid = accepted_or_refused(lambda: load_grid(file), f"{file}: ")
    code, output = told(["run", str(file), "--out", str(kept.folder), "--workers", "1"])
    assert code == 2, "a grid of another name has no place in this folder"
    says_what_is_wrong(output.replace("\n", " "), kept.folder if grid else file)
    kept.expect_unchanged()
    if grid is not None:
        assert all(Cell.parse(cell.text) == cell for cell in grid.cells[:3])
        forecast_or_refused(grid.cells[-1])


# ------------------------------------------------------------------------------------------- files: wrong characters

ALL_SORTS = """\
name = "all-sorts"
runs = 10
seed = 3
batch = 5
engine = "blocks"

[[arm]]
label    = "lists and ranges"
problem  = {type = "WeightedBlocks", weights = [[1, 2, 4]], l = {from = 2, to = 8, step = 2}, start = [0.0, 0.5]}
mutator  = {type = "Refuse", inner = {type = "Malformed", inner = {type = "FixKeep", fix = 0.5, keep = 1}}, rate = 0.1}
schedule = {type = "RoundRobin", g = 1}
budget   = {type = "Budget", calls = 1000}

[[arm]]
label    = "named axes"
problem  = {type = "Noisy", problem = {type = "BlockOneMax", k = "$k", l = 4}, sigma = 0.5}
mutator  = "$mutator"
schedule = {type = "UntilResolved", g = "$g"}
runner   = {type = "OnePlusLambda", lam = [1, 2], accept = "strict"}
prompt   = {type = "Prompt", head = 20, shows = "solution"}
cost     = {type = "TokenPrices", prompt = 1e-6, generated = 3e-6}
zip      = [["k", "g"]]
where    = ["g <= k", "not (k == 4 and g == 2)"]

[arm.axes]
k = [2, 4]
g = {from = 1, to = 2, count = 2}
mutator = [{type = "Resample", p = 0.5}, {type = "BetaQuality", a = 2, b = 1}]
"""
SNIPPETS = st.sampled_from(
    ["'", '"', '"""', "'''", "[", "]", "[[", "]]", "{", "}", ",", "=", ".", "#", "$", "$$", "\\", "\\u", "\n", "\r",
     "\0", "nan", "-inf", "inf", "1e400", "-1", "0", "true", "0x" + "f" * 5000, "9" * 5000, "9" * 400,
     "1979-05-27T07:32:00Z", "07:32:00", "1_000", "0b", "+", "e", "\u00e9", "\u202e", "\U0001f9ec", "\ufeff",
     "[arm]\n", "[[arm]]\n",
     "[arm.axes]\n",
     "[[arm.axes.k]]\n", 'k = {type = "Resample"}', "[]", "{}", "''", "type = 1\n", "arm.problem.k = 2\n"]
)  # fmt: skip
WRONG_BYTES = st.sampled_from([b"\xff", b"\xfe\xff", b"\x80", b"\x00", b"\r", b"\xed\xa0\x80", b"\xef\xbb\xbf"])
ENCODINGS = st.sampled_from(["utf-8"] * 9 + ["utf-16", "utf-32", "latin-1", "cp037"])


@st.composite
def wrong_texts(draw: st.DrawFn) -> bytes:
    """A good file after one to four slips: characters and lines that are gone, doubled, swapped or others."""
    text = draw(st.sampled_from([ALL_SORTS, EXAMPLE]))
    for _ in range(draw(st.integers(1, 4))):
        lines = text.splitlines(keepends=True)
        at = draw(st.integers(0, max(0, len(text) - 1)))
        row, other = (draw(st.integers(0, max(0, len(lines) - 1))) for _ in range(2))
        numbers = [match.span() for match in re.finditer(r"[\d.]+", text)]
        match draw(st.integers(0, 8)) if lines else 0:
            case 0:
                text = text[:at] + draw(SNIPPETS) + text[at:]
            case 1:
                text = text[:at] + text[at + draw(st.integers(1, 9)) :]
            case 2:
                text = text[:at] + text[at : at + 2][::-1] + text[at + 2 :]
            case 3:
                text = text[:at] + text[at] + text[at:]
            case 4:
                lines[row], lines[other] = lines[other], lines[row]
                text = "".join(lines)
            case 5:
                text = "".join(lines[:row] + lines[row + 1 :])
            case 6:
                text = "".join(lines[: row + 1] + lines[row:])
            case 7 if numbers:
                start, end = draw(st.sampled_from(numbers))
                text = text[:start] + draw(SNIPPETS) + text[end:]
            case _:
                quote = draw(st.sampled_from(["'", "\u201c", "", "`", '""']))
                places = [match.start() for match in re.finditer('"', text)]
                text = text[: (place := draw(st.sampled_from(places or [0])))] + quote + text[place + 1 :]
    content = text.encode(draw(ENCODINGS), errors="replace")
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(WRONG_BYTES) + content[at:]
    return content


def test_the_files_are_good_before_they_are_spoilt(tmp_path):
    for text, cells in ((ALL_SORTS, 8 + 1 * 2 * 2), (EXAMPLE, 6)):
        (tmp_path / "good.toml").write_text(text)
        assert len(load_grid(tmp_path / "good.toml").cells) == cells


@SHARES
def test_a_file_with_wrong_characters(kept, share):
    def act(content):
        a_grid_or_refused(kept, content)

    tried("text", share, act, content=wrong_texts())


# ------------------------------------------------------------------------------------------- files: wrong values

PROBLEM = {"type": "BlockOneMax", "k": 4, "l": 2}
MUTATOR = {"type": "Resample", "p": 0.5}
GOOD: dict[str, list[dict[str, Any]]] = {
    "problem": [
        PROBLEM,
        {"type": "WeightedBlocks", "weights": [[1, 2]], "l": 2},
        {"type": "LeadingBlocks", "k": 2, "l": 2},
        {"type": "Jump", "k": 3, "l": 2, "m": 2},
        {"type": "Trap", "k": 2, "l": 2},
        {"type": "Needle", "k": 2, "l": 2},
        {"type": "UnequalBlocks", "lengths": [[2, 3]]},
        {"type": "Noisy", "problem": PROBLEM, "sigma": 0.5},
        {"type": "Judged", "problem": PROBLEM, "fp": 0.1, "fn": 0.1},
        {"type": "Minibatch", "problem": PROBLEM, "size": 2},
    ],
    "mutator": [
        MUTATOR,
        {"type": "FixKeep", "fix": 0.5, "keep": 0.9},
        {"type": "BetaQuality", "a": 2, "b": 1},
        {"type": "BetaRunQuality", "a": 2, "b": 1},
        {"type": "PerBlock", "p": [[0.5, 0.4, 0.3, 0.2]]},
        {"type": "BetaBlocks", "a": 2, "b": 1},
        {"type": "Decaying", "table": [[0.5, 0.25, 0.2, 0.1]]},
        {"type": "Halving", "p": 0.5, "half": 2},
        {"type": "Learning", "start": 0.1, "end": 0.9, "halfway": 5},
        {"type": "Measured", "fix": {"1": 0.35, "4": 0.2}, "keep": {"1": 0.97, "4": 0.96}, "rho_fix": 0.2},
        {"type": "FromLog", "log": [[[4, 4, 1, 0], [4, 3, 1, 0], [4, 2, 1, 0], [4, 1, 1, 0], [1, 1, 1, 0]]]},
        {"type": "Fading", "fix": 0.5, "keep": 0.9, "exponent": 1},
        *(
            {"type": name, "inner": MUTATOR, "rate": 0.1}
            for name in ("Sparse", "Refuse", "Malformed", "Spill", "Repeating")
        ),
        {"type": "Misaligned", "inner": MUTATOR, "rate": 0.1},
        {"type": "Vote", "inner": MUTATOR, "ahead": 2},
    ],
    "schedule": [
        *({"type": name, "g": 2} for name in ("RoundRobin", "UniformChunk", "UniformSubset", "EachChunk")),
        {"type": "AllBlocks"},
        {"type": "UntilResolved", "g": 1},
        {"type": "OnlyIncorrect", "g": 1},
        {"type": "Decomposed", "schedule": {"type": "RoundRobin", "g": 1}, "writes": 10},
    ],
    "runner": [
        {"type": "OnePlusLambda", "lam": 2},
        {"type": "MuPlusLambda", "mu": 2, "lam": 2},
        {"type": "Archive", "size": 2, "lam": 2},
        {"type": "Islands", "count": 2, "size": 2, "archive": 2, "migrate": 2},
        {"type": "MapElites", "cells": 2, "blocks": 1, "lam": 2},
        {"type": "Merged", "workers": 2},
        {"type": "Asynchronous", "workers": 2},
    ],
    "prompt": [{"type": "Prompt", "head": 3}],
    "cost": [
        {"type": "LLMPrimitive", "m": 2},
        {"type": "QuadraticPrimitive", "m": 2},
        {"type": "TokenPrices", "prompt": 1, "generated": 2, "unit": 1},
    ],
    "budget": [{"type": "Budget", "calls": 100}],
    "latency": [{"type": "Latency", "fixed": 1}],
    "checker": [{"type": "Exact", "texts": [["c", "d"]]}, {"type": "ByFunction", "name": "json:loads"}],
}
GOOD["problem"].append({"type": "TextProblem", "texts": [["a", "b"]], "checker": GOOD["checker"][0], "l": 1})
GOOD["mutator"].append({"type": "LLM", "model": "m"})
PARTS_OF = PART_TYPES | {
    kind: parts for kind, parts in NESTED.items() if kind != "stopping rule"
}  # `runs`, no part of cells
CLASSES = {part.__name__: part for parts in PARTS_OF.values() for part in parts}
OF_TABLES = [table for tables in GOOD.values() for table in tables]


def test_every_part_is_among_those_that_are_spoilt():
    assert {table["type"] for table in OF_TABLES} == set(CLASSES)
    assert all(built(table) for table in OF_TABLES)


def built(table: dict[str, Any]) -> Any:
    """The part of a good table, in Python."""
    values = dict(table)
    kind = CLASSES[values.pop("type")]
    for word, value in values.items():
        values[word] = (
            built(value)
            if isinstance(value, dict) and "type" in value
            else tuple(value[0])
            if isinstance(value, list)
            else value
        )
    return kind(**values)


@dataclass(frozen=True)
class Written:
    """A value as TOML writes it, where `str` would not say it so."""

    text: str


WORDS = ("", " ", "none", "$", "$k", "$$k", "$nosuch", "Resample", "chunk", "weak", "os:system", ":", "a:b:c", "nan",
         "\0", "\n", "é", "\U0001d48c", "x" * 2000, "-1", "4")  # fmt: skip
CONDITIONS = ("g <= k", "k", "1", "", "k <", "k == 'a'", "k / 0 == 1", "k ** k > 1", "__import__('os')", "k.real == 1",
              "(" * 99 + "k" + ")" * 99, "k < 2 < 1", "not " * 70 + "k == 1", "k == " + "9" * 4400, "1e400 < k",
              "k % 0 == 0", "k == nan", "lambda: 1", "k if k else k", "k == " + "1+" * 400 + "1", "\0", "k[0]",
              "k <= ½", "k == 1\nk", "0xfffffffff * 1e308 < k", "k < " + "0x" + "f" * 400)  # fmt: skip
HUGE = Written("0x" + "f" * 5000)
SCALARS = st.one_of(
    st.sampled_from([HUGE, -1, 0, 10**330, True, math.nan]),
    st.sampled_from(
        [-1, 0, 1, 2, 3, 5, 9, 2**31, 2**53 + 1, 2**63, 10**30, 10**330, -(10**330), 0.0,
         -0.0, -0.5, 0.5, 1.0, 1.5, 2.5, 1e-320, 1e300, math.nan, math.inf, -math.inf, Written("1e400"),
         Written("1979-05-27T07:32:00-08:00"), Written("1979-05-27"), Written("00:00:00.5"), True, False]
    ),
    st.sampled_from(WORDS),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
)  # fmt: skip
ENDS = st.sampled_from([0, 1, 2, 4, -3, 10**12, 10**400, 0.5, 1e-9, 1e308, math.nan, math.inf, "a", True, [1]])
RANGES = st.fixed_dictionaries(
    {}, optional={word: ENDS for word in ("from", "to", "step", "factor", "count", "type", "by")}
)
VALUES = st.recursive(
    SCALARS | RANGES | st.sampled_from(OF_TABLES).map(copy.deepcopy),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "k", "p", "inner", "from", "to", "", "\0"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def written(value: Any) -> str:
    """A value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)} = {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value) + '"'
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value) if value > 10**4000 else str(value)
    return value.text if isinstance(value, Written) else str(value).lower()


def file_of(grid: dict[str, Any]) -> bytes:
    return "\n".join(f"{written(key)} = {written(value)}" for key, value in grid.items()).encode()


@st.composite
def good_grids(draw: st.DrawFn) -> dict[str, Any]:
    """A good grid: one part of any kind, all its parameters written out, and sometimes named axes."""
    arm: dict[str, Any] = {"label": "a", "problem": PROBLEM, "mutator": MUTATOR, "schedule": {"type": "UntilResolved"}}
    kind = draw(st.sampled_from(list(PART_TYPES)))
    table = draw(st.sampled_from(GOOD[kind]))
    arm = copy.deepcopy(arm | {kind: table})
    for field in fields(CLASSES[table["type"]]):
        if isinstance(field.default, int | float | str) and field.name not in table:
            arm[kind][field.name] = field.default
    if draw(st.integers(0, 3)) == 0:
        arm |= {"axes": {"k": [2, 4], "g": {"from": 1, "to": 2, "step": 1}}, "zip": [["k", "g"]], "where": ["g <= k"]}
        arm["problem"], arm["schedule"] = PROBLEM | {"k": "$k"}, {"type": "RoundRobin", "g": "$g"}
    return {"name": "other", "runs": 4, "seed": 1, "batch": 2, "engine": "blocks", "arm": [arm]}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in steps for place in [(*path, key), *places(inner, (*path, key))]]


@st.composite
def wrong_grids(draw: st.DrawFn) -> dict[str, Any]:
    """A good grid in which one to three values are others, gone, new, misspelt, or wrapped."""
    grid = draw(good_grids())
    for _ in range(draw(st.integers(1, 3))):
        found = places(grid)
        *way, last = draw(st.sampled_from([place for place in found if len(place) > 3] or found or [("name",)]))
        if draw(st.integers(0, 4)) == 0 and found:
            *way, last = draw(st.sampled_from(found))
        inside: Any = grid
        for step in way:
            inside = inside[step]
        here = inside.get(last) if isinstance(inside, dict) else inside[last]
        match draw(st.integers(0, 7)):
            case 0:
                inside.pop(last, None) if isinstance(inside, dict) else inside.pop(last)
            case 1 if isinstance(inside, dict):
                word = draw(st.sampled_from(["", "x", "k", "p", "from", "type", "inner", "where", f"{last}s"]))
                inside[word] = draw(VALUES)
            case 2 if isinstance(inside, dict) and len(str(last)) > 1:
                inside[str(last)[1::-1] + str(last)[2:]] = inside.pop(last, 1)
            case 3:
                inside[last] = [here, draw(VALUES)]
            case 4:
                inside[last] = draw(st.sampled_from(OF_TABLES)) | {"inner": here}
            case 5 if last == "where" or "where" in way:
                inside[last] = draw(st.sampled_from(CONDITIONS))
            case _:
                inside[last] = draw(VALUES)
        grid = copy.deepcopy(grid)  # no table in two places
    return grid


@SHARES
def test_a_file_with_wrong_values(kept, share):
    def act(grid):
        a_grid_or_refused(kept, file_of(grid))

    tried("tables", share, act, grid=wrong_grids())


@pytest.mark.parametrize("condition", CONDITIONS, ids=range(len(CONDITIONS)))
def test_a_file_with_a_wrong_condition(kept, condition):
    arm = {"label": "a", "problem": PROBLEM | {"k": "$k"}, "mutator": MUTATOR}
    arm |= {"schedule": {"type": "RoundRobin", "g": "$g"}, "axes": {"k": [2, 4], "g": [1, 2]}, "where": [condition]}
    a_grid_or_refused(kept, file_of({"name": "other", "arm": [arm]}))


def test_absurd_ranges_take_no_memory(kept):
    tracemalloc.start()
    try:
        for by, value in (("step", 1), ("count", 10**12), ("factor", 1.0000001), ("step", 1e-9)):
            for last in (10**12, 10**400, 1e308):
                table = PROBLEM | {"k": {"from": 1, "to": last, by: value}}
                arm = {"label": "a", "problem": table, "mutator": MUTATOR, "schedule": {"type": "AllBlocks"}}
                a_grid_or_refused(kept, file_of({"name": "other", "arm": [arm]}))
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------------- Python: parts, functions

WRONG: tuple[Any, ...] = (
    None, b"k", "", "a", "4", -1, 0, 2.5, math.nan, math.inf, -math.inf, True, 2**70, 10**330, 10**5000, -(10**5000),
    Fraction(1, 3), Decimal("NaN"), Decimal(10) ** 400, 1j, object, object(), date(1979, 5, 27), time(0), Resample,
    Resample(0.5), OnePlusLambda(), BlockOneMax(2, 2), (), (1, 2), ((),), (0.5, "a"), (10**5000,), (10**330, 1), [],
    [1], {}, {"k": 1}, {1, 2}, range(10**12), len, ..., NotImplemented, np.nan, np.int64(2), np.float32(0.5),
    np.bool_(True), np.array([]), np.array([1, 2]), np.array([[0.5]]), np.array([None]), np.array("a"), np.array(2),
)  # fmt: skip
NO_VALUES = st.one_of(
    st.sampled_from([10**5000, -(10**5000), 2**70, -1, 0, True, math.nan]),
    SCALARS.filter(lambda value: not isinstance(value, Written)),
    st.sampled_from(WRONG),
)


@pytest.mark.parametrize("table", OF_TABLES, ids=lambda table: table["type"])
def test_no_parameter_of_a_part_lets_a_wrong_value_out(table):
    part = built(table)
    for name in (field.name for field in fields(part) if field.init):
        for value in WRONG:
            made = accepted_or_refused(lambda name=name, value=value: replace(part, **{name: value}))
            if made is not None:
                assert accepted_or_refused(lambda made=made: canonical(made)), "a part that exists has a text"


@SHARES
def test_a_part_with_wrong_parameters(share):
    def act(table, data):
        part = built(table)
        names = [field.name for field in fields(part) if field.init]
        chosen = data.draw(st.lists(st.sampled_from(names), max_size=2)) if names else []
        changed = {name: data.draw(NO_VALUES) for name in chosen}
        made = accepted_or_refused(lambda: replace(part, **changed))
        if made is None:
            return
        accepted_or_refused(lambda: canonical(made))
        kind = next(kind for kind, parts in (PART_TYPES | NESTED).items() if type(part) in parts)
        if kind in NESTED:
            return
        parts = {name: getattr(GOOD_CELLS[3], name) for name in PART_TYPES}
        cell = accepted_or_refused(lambda: Cell(**(parts | {kind: made})))
        if cell is not None:
            accepted_or_refused(lambda: forecast_or_refused(cell))

    tried("parts", share, act, table=st.sampled_from(OF_TABLES), data=st.data())


FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Cell": (Cell, {name: getattr(GOOD_CELLS[0], name) for name in PART_TYPES}),
    "Cell.parse": (Cell.parse, {"text": GOOD_CELLS[0].text}),
    "Grid": (Grid, {"name": "other", "arms": {"a": GOOD_CELLS}, "runs": 2, "seed": 1, "batch": 2, "engine": "blocks"}),
    "sweep": (sweep, {name: getattr(GOOD_CELLS[0], name) for name in PART_TYPES}),
    "grid_cells": (grid_cells, {"axes": {"k": [1, 2]}, "make": lambda k: GOOD_CELLS[k], "where": None, "zip": ()}),
    "span": (span, {"start": 1, "to": 4, "step": 1, "factor": None, "count": None}),
    "load_grid": (load_grid, {"path": "grid.toml"}),
    "load": (load, {"path": "results"}),
    "run_grid": (run_grid, {"grid": Grid("other", GOOD_CELLS, runs=2, batch=2), "out": "results", "workers": 1}),
    "predict": (predict, {"cell": GOOD_CELLS[0], "quantity": "hit"}),
    "forecast": (forecast, {"grid": Grid("other", GOOD_CELLS[:1], runs=2, batch=2)}),
    "trace": (trace, {"cell": GOOD_CELLS[0], "seed": 1, "runs": 2, "engine": "blocks"}),
    "check": (check, {"results": "results", "alpha": 1e-3, "resolution": 0.25}),
    "fit": (fit, {"results": "results", "along": "k", "quantity": "hit", "least": 0, "most": 9, "confidence": 0.95}),
    "timed": (timed, {"results": "results", "workers": 1, "latency": Latency(1), "seed": 1}),
    "waiting": (waiting, {"results": "results", "workers": 1, "latency": Latency(1), "seed": 1}),
    "summarise": (summarise, {"results": "results", "checked": "checked"}),
    "speedup": (speedup, {"results": "results", "slow": "cells", "fast": "cells"}),
    "export_results": (export_results, {"results": "results", "to": "csv", "out": "out"}),
}


FEW = st.sampled_from([value for value in WRONG if not isinstance(value, int) or value < 100])
"""Runs are made at once: a number beyond all bounds would be taken at its word."""


@SHARES
def test_a_function_with_wrong_arguments(kept, beside, share):
    def act(name, data):
        function, good = FUNCTIONS[name]
        arguments = dict(good)
        if "results" in arguments:
            arguments["results"] = load(kept.folder)
        if "checked" in arguments:
            arguments["checked"] = check(arguments["results"])
        arguments |= {word: kept.folder for word in ("out", "path") if word in arguments}
        for word in data.draw(st.lists(st.sampled_from(list(good)), min_size=1, max_size=2, unique=True)):
            arguments[word] = data.draw(FEW if (name, word) == ("trace", "runs") else NO_VALUES)
        if name == "run_grid" and arguments["out"] != kept.folder:
            arguments["workers"] = data.draw(st.sampled_from([0, -1, "2", 1.5, math.nan, True]), label="workers")
        accepted_or_refused(lambda: function(**arguments))
        kept.expect_unchanged()

    tried("functions", share, act, name=st.sampled_from(list(FUNCTIONS)), data=st.data())


# ------------------------------------------------------------------------------------------- the command line

COMMANDS = {name: command for name, command in GROUP.commands.items() if name != "show"}
NO_OPTIONS = ("", " ", "abc", "-1", "0", "nan", "inf", "-inf", "1e400", "1.5", "9" * 5000, "é", "--", "-", "\n",
              "[bold]", "None", "true", "1,2", "0x10", "/nosuch/folder", "a\tb")  # fmt: skip
NO_PARTS = ("", ":", "operators", "operators:", ":Resample", "operators:Nosuch", "operators:Resample(",
            "os:system('x')", "operators:Resample", "operators:Resample(p=2)", "operators:Resample(p=nan)",
            "operators:Resample(0.5)",
            "operators:Resample(p=Resample(p=0.5))", "operators:Resample(q=1)", "operators.nosuch:X", "1:2", "é:é",
            "operators:Resample(p=" + "9" * 5000 + ")", "operators:Resample(p=" + "(" * 300, "Resample(p='a')",
            "operators:PerBlock(p=())", "operators:Refuse(inner=1, rate=0.5)", "x" * 5000)  # fmt: skip


@st.composite
def wrong_commands(draw: st.DrawFn) -> list[str]:
    """A command with one to three bad options; FOLDER, FILE and GRID stand for what is there."""
    name = draw(st.sampled_from(list(COMMANDS)))
    words = [name]
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, TyperArgument):
            targets, results = ("GRID", "FOLDER", *NO_OPTIONS), ("FOLDER", "FILE", *NO_OPTIONS)
            theirs = {"part": NO_PARTS, "target": targets}  # the others are given a folder of results, or a file
            words.append(
                draw(st.sampled_from(theirs.get(str(parameter.name), results)).filter(lambda word: word != "--"))
            )
    options = [each for each in COMMANDS[name].params if isinstance(each, TyperOption)]
    chosen = draw(st.lists(st.sampled_from(options), max_size=3)) if options else []
    needed = [each for each in options if each.required or name == "report" or (name, each.name) == ("run", "out")]
    for option in {id(each): each for each in [*chosen, *needed]}.values():
        words.append(option.opts[0])
        if (name, option.name) == ("run", "out"):
            words.append(draw(st.sampled_from(["FOLDER", "FILE", "FILE/x", "", " "])))  # others are good, and run
        elif not option.is_flag or draw(st.integers(0, 9)) == 0:
            words.append(draw(st.sampled_from(("FOLDER", "FILE", "GRID", *NO_OPTIONS))))
    return words


@SHARES
def test_a_command_with_wrong_options(kept, beside, share):
    def act(words):
        there = {"FOLDER": str(kept.folder), "FILE": "file", "GRID": "small.toml", "FILE/x": "file/x"}
        code, output = told([there.get(word, word) for word in words])
        assert code in (0, 1, 2, 5)
        if code in (2, 5):
            assert re.search("error|Error|Usage", output)
        kept.expect_unchanged()

    tried("command", share, act, words=wrong_commands())


# ------------------------------------------------------------------------------------------- folders: a wrong grid.json

KEYS = ["format", "name", "runs", "seed", "batch", "engine", "cells", "batches", "table", "parts"]
JSON = st.recursive(
    st.sampled_from([None, True, False, -1, 0, 1, 3, 2**70, 10**400, 0.5, 1e300, math.nan, math.inf, -math.inf])
    | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*KEYS, "module"]), inner, max_size=2),
    max_leaves=4,
)
ORIGIN = {"module": "nosuch", "named": "nosuch:X", "folder": "/nosuch", "sha256": "0", "earlier": ["1"]}
READERS = {
    "status": ["status"],
    "check": ["check"],
    "fit": ["fit", "--along", "k"],
    "time": ["time"],
    "csv": ["export", "--to", "csv", "--out"],
    "ioh": ["export", "--quiet", "--to", "ioh", "--out"],
}


@SHARES
def test_a_folder_with_a_wrong_grid_json(kept, share):
    def act(data):
        folder = kept.scratch / "spoilt"
        if not folder.exists():
            shutil.copytree(kept.folder, folder)
        grid = json.loads((kept.folder / "grid.json").read_text())
        for key in data.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True), label="keys"):
            match data.draw(st.integers(0, 5), label="how"):
                case 0:
                    grid.pop(key, None)
                case 1:
                    grid["parts"] = {"nosuch.X": ORIGIN | {data.draw(st.sampled_from(list(ORIGIN))): data.draw(JSON)}}
                case _:
                    grid[key] = data.draw(JSON, label=key)
        text = to_json(grid)
        if data.draw(st.integers(0, 9), label="cut") == 0:
            text = text[: data.draw(st.integers(0, len(text)))]
        (folder / "grid.json").write_bytes(text)
        before = files_of(folder)
        reader = READERS[data.draw(st.sampled_from(list(READERS)), label="reader")]
        out = kept.scratch / "exported"
        code, output = told([reader[0], str(folder), *reader[1:], *([str(out)] if reader[0] == "export" else [])])
        shutil.rmtree(out, ignore_errors=True)
        assert code in (0, 5)
        if code == 5:
            says_what_is_wrong(output.replace("\n", " "), folder)
        assert files_of(folder) == before

    tried("folders", share, act, data=st.data())


# ------------------------------------------------------------------------------------------- the twins


@dataclass(frozen=True)
class DividesByZero:
    """A part whose check of its parameter breaks."""

    p: float

    def __post_init__(self) -> None:
        raise ZeroDivisionError("float division by zero")


def raises(error: Exception) -> None:
    raise error


def test_the_oracle_finds_an_exception_that_is_none_of_ours():
    with pytest.raises(ZeroDivisionError):
        accepted_or_refused(lambda: DividesByZero(0.5))


@pytest.mark.parametrize("message", ["", "float division by zero", "expected\nTraceback (most recent call last)"])
def test_the_oracle_finds_a_message_that_says_nothing(message):
    with pytest.raises(AssertionError):
        accepted_or_refused(lambda: raises(InputError(message)))


def test_the_oracle_finds_a_message_without_its_file():
    with pytest.raises(AssertionError):
        accepted_or_refused(lambda: raises(InputError("expected a number, got 'a'")), "grid.toml: ")


def test_the_oracle_finds_a_traceback_of_a_command(monkeypatch, kept):
    monkeypatch.setattr("experiments.store.launches.status.status", lambda path: 1 / 0)
    with pytest.raises(AssertionError):
        told(["status", str(kept.folder)])


def test_the_oracle_finds_what_hangs(monkeypatch):
    monkeypatch.setattr(f"{__name__}.SECONDS", 0.01)
    with pytest.raises(Hangs):
        accepted_or_refused(lambda: [None for _ in iter(int, 1)])


def test_the_oracle_finds_a_changed_store(kept):
    file = kept.folder / "grid.json"
    before = file.read_bytes()
    file.write_bytes(before + b" ")
    with pytest.raises(AssertionError):
        kept.expect_unchanged()
    file.write_bytes(before)
    kept.expect_unchanged()
