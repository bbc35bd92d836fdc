"""Each file of a results folder, damaged in every way: told as damage with the file's name, or without effect.

No reader may end in another error than `StoreError` (exit code 5), whatever is in a file.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from evo.errors import EvoError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import UntilResolved
from experiments.checks.check import check
from experiments.fits.fit import fit
from experiments.grids.cell import cell_id
from experiments.grids.cells_table import WEIGHTS
from experiments.grids.grid import Grid, sweep
from experiments.grids.outside.reading import Unsound
from experiments.reports.files import write
from experiments.reports.report import report
from experiments.running.launch import run_grid
from experiments.store.failures import FailedBatch, write_failure
from experiments.store.files import StoreError, write_json, write_parquet, write_part
from experiments.store.launches.status import Planned, status
from experiments.store.results import load
from experiments.store.verify.cells import _table
from experiments.store.verify.columns import expect_told
from experiments.store.verify.pages import _struct, expect_pages
from operators import Resample
from problems import BlockOneMax

slow = pytest.mark.slow


def grid() -> Grid:
    cells = sweep(
        problem=[BlockOneMax(k, l=2) for k in (1, 2, 4)],
        mutator=Resample(0.5),
        schedule=UntilResolved(),
        runner=OnePlusLambda(),
    )
    return Grid("small", cells, runs=30, batch=10)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with everything that a store has: parts, a failure, and the files of a report."""
    folder: Path = tmp_path_factory.mktemp("made") / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
        patched.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)
        results = run_grid(grid(), folder, workers=1)
    cell = grid().cells[0]
    write_failure(folder, FailedBatch(cell.sample, 7, cell.text, "raised", "out to lunch", "here", "now"))
    write(report(results), folder)
    return folder


@pytest.fixture
def out(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def said(folder: Path) -> tuple[Any, ...]:
    """What `check`, `fit`, `report` and `status` say of a folder, but for times of the clock."""
    results = load(folder)
    failures = {cell: [each.message for each in failed] for cell, failed in results.failures.items()}
    laws = [(law.text, law.misfit, [str(each) for each in law.estimates]) for law in fit(results).best]
    told = [line for line in status(folder).lines() if line[0] != "last write"]
    summary = report(results).summary.to_csv()
    return str(check(results)), laws, summary, failures, told


def found_in(folder: Path) -> str:
    """Why a reader refuses the folder, or `status` names a damaged file; empty if neither."""
    try:
        results = load(folder)
        _ = results.failures
        lines = dict(status(folder).lines())
    except StoreError as error:
        return str(error)
    return "" if lines.get("damaged") == "none" else lines.get("damaged") or str(lines["launch"])


def files_of(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


# ------------------------------------------------------------------------------------------------- flipped bits


def flipped(folder: Path, files: list[Path], number: int, seed: int) -> tuple[int, int]:
    """How many of so many flipped bits were found, and how many were not and changed what is said."""
    draw, before = random.Random(seed), said(folder)
    found = missed = 0
    for n in range(number):
        file = files[n % len(files)]
        content = file.read_bytes()
        bit = draw.randrange(8 * len(content))
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        file.write_bytes(altered)
        if found_in(folder):
            found += 1
        else:
            missed += said(folder) != before
        file.write_bytes(content)
    return found, missed


@pytest.mark.parametrize(("number", "of"), [(12, 2), pytest.param(500, 1, marks=slow)])
def test_a_flipped_bit_is_found_or_has_no_effect(out, number, of):
    files = files_of(out)[::of]
    store = [file for file in files if file.suffix in (".json", ".parquet")]
    found, missed = flipped(out, files, number, 1)
    assert missed == 0
    assert found >= 0.8 * number * len(store) / len(files)


def test_without_checksums_flipped_bits_change_what_is_said(out, monkeypatch):
    monkeypatch.setattr("experiments.store.verify.seals.expect_sealed", lambda content: None)
    monkeypatch.setattr("experiments.store.verify.cells.expect_sealed", lambda content: None)
    file = next((out / "failures").iterdir())
    content, before = file.read_bytes(), said(out)
    file.write_bytes(content.replace(b"out to lunch", b"out to munch"))
    assert not found_in(out)
    assert said(out) != before


# ------------------------------------------------------------------------------------------------- damaged files

DEEP = b"[" * 200_000
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    2**70,
    0.5,
    float("nan"),
    float("inf"),
    "x",
    "\x1b[31m",
    [1],
    {"a": [1]},
    "../..",
]
COLUMNS: list[Callable[[pd.Series], Any]] = [
    lambda column: column.astype(str),
    lambda column: [[1.0, 2.0]] * len(column),
    lambda column: [{"a": 1}] * len(column),
    lambda column: -np.arange(1, len(column) + 1),
    lambda column: np.full(len(column), np.nan),
    lambda column: np.full(len(column), np.inf),
    lambda column: [None] * len(column),
    lambda column: [True] * len(column),
    lambda column: [b"x"] * len(column),
    lambda column: pd.Timestamp("2026-11-28"),
    lambda column: np.full(len(column), 2**62),
    lambda column: ["../../../mine"] * len(column),
]


def other_bytes(file: Path, draw: random.Random, files: list[Path]) -> None:
    content = file.read_bytes()
    cut = draw.randrange(len(content))
    file.write_bytes(
        draw.choice(
            [
                content[:cut], b"", bytes(len(content)), content + b"x", content[:cut] + content, DEEP,
                draw.choice(files).read_bytes() + b" ", b'{"a":' * 100_000, b"\xff" * 10, b"null", b"3", b"[]", b"{}",
                draw.randbytes(200), content[:cut] + draw.randbytes(8) + content[cut + 8 :],
            ]
        )
    )  # fmt: skip


def other_kind(file: Path, draw: random.Random, files: list[Path]) -> None:
    """Something else than a file under the file's name."""
    elsewhere = shutil.copy(file, file.parent.parent / f"elsewhere{file.suffix}")
    file.unlink()
    match draw.randrange(5):
        case 0:
            os.mkfifo(file)
        case 1:
            file.symlink_to(elsewhere)
        case 2:
            file.mkdir()
        case 3:
            file.symlink_to("/dev/zero")
        case 4:
            with socket.socket(socket.AF_UNIX) as server:
                here = os.getcwd()
                os.chdir(file.parent)
                try:
                    server.bind("a-socket")
                    os.rename("a-socket", file.name)
                finally:
                    os.chdir(here)


def other_values(file: Path, draw: random.Random, files: list[Path]) -> None:
    """A file with a checksum that fits, as somebody writes it who means it."""
    if file.suffix == ".json":
        record = json.loads(file.read_text())
        record.pop("checksum")
        for key in draw.sample(sorted(record), min(len(record), draw.choice([1, 1, 2]))):
            if draw.randrange(4):
                record[key] = draw.choice(VALUES)
            else:
                del record[key]
        write_json(file, record)
        return
    table = pd.read_parquet(BytesIO(file.read_bytes()))
    for name in draw.sample(list(table), draw.choice([1, 1, 2])):
        if draw.randrange(4):
            table[name] = draw.choice(COLUMNS)(table[name])
        else:
            table = table.drop(columns=name)
    if file.name == "cells.parquet":
        write_parquet(file, table)
    else:
        file.unlink()
        write_part(file.parent, table)


def damaged(made: Path, scratch: Path, number: int, seed: int) -> dict[str, int]:
    """So many damages, one at a time: how many of each kind were refused."""
    draw, refused = random.Random(seed), dict.fromkeys(("other_bytes", "other_kind", "other_values"), 0)
    folder = Path(shutil.copytree(made, scratch))
    names = [file.relative_to(made) for file in files_of(made) if file.suffix in (".json", ".parquet")]
    for n in range(number):
        spoil = (other_bytes, other_kind, other_values)[n % 3]
        name = names[(n // 3) % 4] if n % 2 else draw.choice(names)
        spoil(folder / name, draw, [folder / each for each in names])
        why = found_in(folder)  # any other error than StoreError ends the test
        if spoil is not other_values:
            assert why, (spoil.__name__, name)
        refused[spoil.__name__] += bool(why)
        if not why:
            with suppress(EvoError):
                said(folder)
        shutil.rmtree(folder)
        shutil.copytree(made, folder)
    return refused


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
@pytest.mark.parametrize("number", [36, pytest.param(2000, marks=slow)])
def test_a_damaged_file_is_refused_by_name_and_never_hangs(made, tmp_path, number):
    refused = damaged(made, tmp_path / "out", number, 2)
    assert refused["other_values"] > 0.7 * number / 3


def test_a_reader_that_trusts_its_files_ends_in_another_error(made, tmp_path, monkeypatch):
    """The twin: without the look at values, numbers that are words reach the arithmetic."""
    monkeypatch.setattr("experiments.store.verify.cells._expect_columns", lambda table: None)
    monkeypatch.setattr("experiments.store.verify.cells.expect_told", lambda row: None)
    out = Path(shutil.copytree(made, tmp_path / "out"))
    table = pd.read_parquet(out / "cells.parquet")
    write_parquet(out / "cells.parquet", table.assign(**{"weight.pass_tokens": "x"}))
    with pytest.raises(ValueError, match="could not convert"):
        load(out)


@pytest.mark.some
@pytest.mark.parametrize("spoil", [other_bytes, other_kind], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("name", ["cells.parquet", "provenance.json", "runs", "failures"])
def test_the_next_launch_makes_good_what_is_damaged(out, spoil, name):
    before, draw = said(out), random.Random(3)
    file = out / name if (out / name).is_file() else sorted((out / name).iterdir())[0]
    spoil(file, draw, files_of(out))
    results = run_grid(grid(), out, workers=1, tell=lambda message: None)
    assert str(check(results)) == before[0]
    assert said(out)[:3] == before[:3]


def test_columns_that_contradict_the_text_are_damage(out):
    table = pd.read_parquet(out / "cells.parquet")
    changes = {
        "problem.k": table["problem.k"] + 1, "runner.lam": 2, "mutator.p": 0.25, "problem": "Needle", "arm": "\x1b[2J",
        "weight.calls": 1.0, "cell": table["cell"].str.replace("c", "d"), "budget.calls": 7.0,
        "sample": list(reversed(table["sample"])), "text": table["text"].str.replace("k=4", "k=5"),
    }  # fmt: skip
    for name, values in changes.items():
        write_parquet(out / "cells.parquet", table.assign(**{name: values}))
        with pytest.raises(StoreError, match=r"cells\.parquet: .*; run the grid again to write it anew"):
            load(out)
    write_parquet(out / "cells.parquet", table)
    assert found_in(out) == ""


@pytest.mark.parametrize(("name", "value"), [
    ("problem", "my.Other"), ("problem.k", 5), ("problem.inner", "my.Other"), ("problem.inner.q", 0.25),
    ("problem.inner.most", 3.0), ("problem.word", "other"), ("mutator", "my.Problem"), ("mutator.inner", "Resample"),
    ("mutator.inner.k", 6), ("mutator.rate", None), ("schedule.g", 2), ("runner.lam", 1), ("budget.calls", 8.0),
])  # fmt: skip
def test_each_column_of_a_part_that_is_not_built_is_compared_with_its_text(name, value):
    """Numbers and words stand there as they are written; sizes of an inner problem have no columns."""
    problem = "my.Problem(inner=my.Inner(k=2, l=3, most=None, q=0.5), k=4, l=2, word='a')"
    mutator = "my.Mutator(inner=my.Inner(k=7), rate=0.125)"
    text = f"Cell(problem={problem}, mutator={mutator}, schedule=my.Turns(g=3), runner=my.Runner(lam=2))"
    text = f"{text[:-1]}, budget=Budget(calls=7))"
    right = {
        "problem": "my.Problem", "problem.k": 4, "problem.l": 2, "problem.inner": "my.Inner", "problem.inner.q": 0.5,
        "problem.inner.most": None, "problem.word": "a", "mutator": "my.Mutator", "mutator.inner": "my.Inner",
        "mutator.inner.k": 7, "mutator.rate": 0.125, "schedule": "my.Turns", "schedule.g": 3, "runner": "my.Runner",
        "runner.lam": 2, "budget.calls": 7.0, "cell": cell_id(text), "text": text, **dict.fromkeys(WEIGHTS, 0.0),
        "weight.pass_tokens": 1.0,
    }  # fmt: skip
    other_sizes = {"problem.inner.k": 9, "problem.inner.l": 9}
    expect_told(right | other_sizes)
    with pytest.raises(Unsound, match=rf"^{re.escape(name)} of the cell {right['cell']} is "):
        expect_told(right | {name: value})


def test_the_twin_of_columns_without_the_look_at_them_another_k_passes(out, monkeypatch):
    monkeypatch.setattr("experiments.store.verify.cells.expect_told", lambda row: None)
    table = pd.read_parquet(out / "cells.parquet")
    write_parquet(out / "cells.parquet", table.assign(**{"problem.k": table["problem.k"] + 1}))
    assert found_in(out) == ""


def larger() -> Grid:
    return replace(grid(), arms={"cells": [*grid().cells, replace(grid().cells[0], problem=BlockOneMax(8, l=2))]})


def test_a_launch_that_is_ended_while_it_plans_leaves_an_earlier_one_as_it_was(out):
    def stop(cell: Any, done: int, of: int) -> None:
        raise KeyboardInterrupt

    before = said(out)
    with pytest.raises(KeyboardInterrupt):
        run_grid(larger(), out, workers=1, predicting=stop)
    assert said(out) == before


def test_a_launch_that_is_ended_between_grid_and_cells_is_planned(out, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("experiments.store.store.write_parquet", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_grid(larger(), out, workers=1)
    assert isinstance(status(out), Planned)
    with pytest.raises(StoreError, match=r"expected the 4 cells of grid\.json, got 3 others: .*; run the grid again"):
        load(out)
    assert len(run_grid(larger(), out, workers=1).runs) == 4 * 30


def raise_interrupt(*arguments: Any) -> None:
    raise KeyboardInterrupt


def test_a_part_that_declares_more_than_parts_have_is_refused_before_it_is_read(out, monkeypatch):
    part = sorted((out / "runs").iterdir())[0]
    rows = pd.read_parquet(part)
    many = pd.concat([rows] * 20, ignore_index=True)
    write_part(out / "runs", many)
    monkeypatch.setattr("experiments.store.verify.part_values.MOST_ROWS", len(rows))
    monkeypatch.setattr("experiments.store.parts.expect_types", lambda schema: pytest.fail("it was read"))
    with pytest.raises(pytest.fail.Exception):  # of the parts that have so many rows
        load(out)
    monkeypatch.setattr("experiments.store.verify.part_values.MOST_ROWS", len(rows) - 1)
    with pytest.raises(StoreError, match=r"declares 200 rows in .* bytes, a part has at most 9 in"):
        load(out)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(out):
    for name, size in (("grid.json", 2**40), ("cells.parquet", 2**40), ("provenance.json", 2**40)):
        content = (out / name).read_bytes()
        with (out / name).open("r+b") as stream:
            stream.truncate(size)  # a hole: no disk is needed for it
        assert f"got {size:,}" in found_in(out)
        (out / name).write_bytes(content)


def as_parquet(**columns: Any) -> bytes:
    stream = BytesIO()
    parquet.write_table(pa.table(columns), stream, compression="zstd", data_page_version="2.0", store_schema=False)
    return stream.getvalue()


def test_a_small_file_that_unpacks_to_much_is_refused_before_it_is_read(out, monkeypatch):
    """Some 500 bytes that stand for 5 GB of words; and pages, whose headers need not agree with the footer."""
    bomb = as_parquet(cell=pa.DictionaryArray.from_arrays(np.zeros(50_000, dtype=np.int32), ["y" * 100_000]))
    assert len(bomb) < 1000
    with pytest.raises(Unsound, match="unpacks to words of up to 5,000,000,000 bytes"):
        _table(bomb)
    with pytest.raises(Unsound, match=r"x: expected words, numbers or lists of numbers, got list<"):
        _table(as_parquet(x=[["y"]]))
    long = as_parquet(a=["y" * 10**7], b=[[1.0] * 1000], c=pa.array([None], pa.float64()))
    footer = parquet.read_metadata(BytesIO(long))
    expect_pages(long, footer, 11 * 10**6, 1002)
    for most in ((10**7, 1002), (11 * 10**6, 1001)):
        with pytest.raises(Unsound, match="unpacks to more than"):
            expect_pages(long, footer, *most)
    monkeypatch.setattr("experiments.store.verify.part_values.MOST_BYTES", 10**3)
    assert "a part has at most 1,048,576 in 1,000" in found_in(out)


def test_headers_of_pages_in_any_bytes_are_told_or_refused():
    content, draw = as_parquet(a=list(range(1000)), b=["x", "y"] * 500, c=[[1.0]] * 1000), random.Random(4)
    footer = parquet.read_metadata(BytesIO(content))
    refused = 0
    for _ in range(500):
        altered = bytearray(content)
        for _ in range(3):
            altered[draw.randrange(len(content) - footer.serialized_size)] = draw.randrange(256)
        try:
            expect_pages(bytes(altered), footer, 10**5, 10**4)
        except Unsound:
            refused += 1
    assert refused > 50


NESTED = "1c"
"""A field, one further than the one before it, that is a struct."""


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("15 02 00", None),  # field 1: the whole number 1
        ("15 " + "80 " * 9 + "00 00", None),  # in ten bytes
        ("15 " + "80 " * 10 + "00 00", "a number without an end"),
        ("15 80", "ends outside of the file"),
        ("", "ends outside of the file"),
        ("18 02 61 62 00", None),  # words
        ("19 02 00", "a field of another kind"),  # a list
        (f"{NESTED} " * 8 + "00 " * 9, None),
        (f"{NESTED} " * 9 + "00 " * 10, "nested too deep"),
    ],
)
def test_a_header_is_read_as_far_as_headers_go(header, words):
    content = bytes.fromhex(header)
    if words is None:
        assert _struct(content, 0, 0)[1] == len(content)
        return
    with pytest.raises(Unsound, match=words):
        _struct(content, 0, 0)
