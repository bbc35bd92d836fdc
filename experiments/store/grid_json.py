"""The file grid.json of a results folder: the grid as it was run, and where its third-party parts came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from evo.errors import InputError
from evo.parameters import shown
from experiments.grids.arguments import expect_whole
from experiments.grids.grid import ENGINES, MOST_BATCH, MOST_CELLS, Grid, is_grid_name
from experiments.grids.outside.bounds import GRID_BYTES
from experiments.grids.outside.reading import Unsound, as_json, read_file
from experiments.grids.stopping import as_runs, most_batches, written
from experiments.store.files import StoreError
from experiments.store.third_party.origins import Origin
from experiments.store.verify.seals import from_json

FORMAT = 2
ADVICE = "bring this file back from a copy, or run the grid into another folder (--out)"


def grid_record(grid: Grid) -> dict[str, Any]:
    """The grid as it is written down: what names its streams, and its size; of a stopping rule the most batches."""
    numbers = {"runs": written(grid.runs), "seed": grid.seed, "batch": grid.batch, "engine": grid.engine}
    batches = sum(most_batches(grid.runs, cell.batch_size(grid.batch)) for cell, *_ in grid.samples.values())
    labels = grid.labels
    table = digest_of([labels[cell.id] for cell in grid.cells], [cell.text for cell in grid.cells])
    sizes = {"cells": len(grid.cells), "batches": batches}
    return {"format": FORMAT, "name": grid.name, **numbers, **sizes, "table": table}


def digest_of(arms: Iterable[str], texts: Iterable[str]) -> str:
    """What tells the table of cells of one grid from that of another: a SHA-256 of its labels and texts, in order."""
    hashed = hashlib.sha256()
    for arm, text in zip(arms, texts, strict=True):
        hashed.update(f"{arm}\n{text}\n".encode())
    return hashed.hexdigest()


def drawn_with(grid: Mapping[str, Any]) -> str:
    """What names the random streams of a grid's rows beside their sample and batch: its seed, and the runs of a batch.

    >>> drawn_with({"seed": 1, "batch": 200, "engine": "blocks"})
    '{"seed": 1, "batch": 200}'
    """
    return json.dumps({name: grid[name] for name in ("seed", "batch")})


def read_grid(path: Path) -> dict[str, Any]:
    """The description of the grid in a results folder.

    Raises: InputError if the folder is none; StoreError if it is of format 1, or the file is damaged.
    """
    file = path / "grid.json"
    try:
        content = read_file(file, GRID_BYTES)
        _refuse_format_1(path, as_json(content))
        grid = from_json(content)
        _expect_values(grid)
    except (FileNotFoundError, NotADirectoryError):
        got = "a folder without grid.json" if path.is_dir() else ("a file" if path.exists() else "nothing of that name")
        raise InputError(f"{path}: expected a results folder, as `llm-evo run` writes it, got {got}") from None
    except (Unsound, InputError) as error:
        raise StoreError(f"{file}: {error}; {ADVICE}") from None
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error}); see to the disk or its permissions") from None
    return grid


def _refuse_format_1(path: Path, grid: object) -> None:
    """Refuse what version 0.1.0 wrote, which has no checksum."""
    if isinstance(grid, dict) and grid.get("format") == 1:
        raise StoreError(
            f"{path}: expected format 2, got format 1, which names rows by their prices, too; run the grid into "
            "another folder (--out), or read this one by version 0.1.0"
        )


def _expect_values(grid: Mapping[str, Any]) -> None:
    """Expect the entries of the present format.

    Raises: Unsound, InputError.
    """
    expected = {"format", "name", "runs", "seed", "batch", "engine", "cells", "batches", "table"}
    if not expected <= set(grid):
        raise Unsound(f"expected the keys {', '.join(sorted(expected))}, got {shown(dict(grid))}")
    if grid["format"] != FORMAT:
        raise Unsound(f"expected format {FORMAT}, got {shown(grid['format'])}; use the version that wrote it")
    as_runs(grid["runs"])
    for key, least in (("seed", 0), ("batch", 1), ("cells", 1), ("batches", 1)):
        expect_whole(key, grid[key], least)
    for key, most in (("batch", MOST_BATCH), ("cells", MOST_CELLS)):
        if grid[key] > most:
            raise Unsound(f"{key} must be at most {most}, got {shown(grid[key])}")
    if grid["engine"] not in ENGINES:
        raise Unsound(f"expected the engine {' or '.join(ENGINES)}, got {shown(grid['engine'])}")
    if not is_grid_name(grid["name"]) or not isinstance(grid["table"], str):
        raise Unsound(f"expected words for name and table, got {shown(grid['name'])}, {shown(grid['table'])}")
    parts, keys = grid.get("parts", {}), {each.name for each in fields(Origin)}
    if not isinstance(parts, dict) or any(not isinstance(one, dict) or set(one) != keys for one in parts.values()):
        raise Unsound(f"expected under parts the keys {', '.join(sorted(keys))} of each, got {shown(parts)}")
    for name, origin in parts.items():
        _expect_origin(f"parts.{name}", origin)


def _expect_origin(role: str, origin: Mapping[str, Any]) -> None:
    """Expect words, or null where nothing is known."""
    reads = origin.get("reads")
    if reads is not None and not (isinstance(reads, dict) and all(isinstance(said, str) for said in reads.values())):
        raise Unsound(f"{role}.reads must be words by name, got {shown(reads)}")
    for key, value in origin.items():
        if key == "reads":
            continue
        words = value if key == "earlier" else [value]
        known = isinstance(words, list) and all(isinstance(word, str) for word in words)
        if not known and (value is not None or key in ("module", "earlier")):
            expected = "a list of words" if key == "earlier" else "a word"
            raise Unsound(f"{role}.{key} must be {expected}, got {shown(value)}")


def held_origins(grid: Mapping[str, Any]) -> dict[str, Origin]:
    """Where the third-party parts came from, by a description read from grid.json."""
    return {
        name: Origin(**(origin | {"earlier": tuple(origin["earlier"])}))
        for name, origin in grid.get("parts", {}).items()
    }


def check_same(path: Path, held: Mapping[str, Any], described: Mapping[str, Any]) -> None:
    """Check that a grid may go on in a folder of another one.

    Raises: InputError if their seeds, batches, engines or names differ.
    """
    for key in ("name", "seed", "batch", "engine"):
        if held[key] != described[key]:
            raise InputError(
                f"{path}: holds a grid run with {key} = {held[key]!r}, this one has {key} = {described[key]!r}; "
                "choose another folder with --out, or remove that one"
            )
