"""The file grid.json of a results folder: the grid as it was run, and where its third-party parts came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from evo.errors import InputError
from evo.parameters import shown
from experiments.grids.arguments import expect_whole
from experiments.grids.grid import MOST_BATCH, Grid
from experiments.grids.stopping import as_runs, most_batches, written
from experiments.store.files import StoreError
from experiments.store.third_party import Origin

FORMAT = 2


def grid_record(grid: Grid) -> dict[str, Any]:
    """The grid as it is written down: what names its streams, and its size; of a stopping rule the most batches."""
    numbers = {"runs": written(grid.runs), "seed": grid.seed, "batch": grid.batch, "engine": grid.engine}
    batches = sum(most_batches(grid.runs, cell.batch_size(grid.batch)) for cell, *_ in grid.samples.values())
    return {"format": FORMAT, "name": grid.name, **numbers, "cells": len(grid.cells), "batches": batches}


def read_grid(path: Path) -> dict[str, Any]:
    """The description of the grid in a results folder.

    Raises: InputError if the folder is none; StoreError if it is of format 1.
    """
    file = path / "grid.json"
    if not file.is_file():
        got = "a folder without grid.json" if path.is_dir() else ("a file" if path.exists() else "nothing of that name")
        raise InputError(f"{path}: expected a results folder, as `llm-evo run` writes it, got {got}")
    expected = {"format", "name", "runs", "seed", "batch", "engine", "cells", "batches"}
    try:
        grid = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file}: expected JSON as `llm-evo run` writes it, got a syntax error: {error}") from None
    if not isinstance(grid, dict) or not expected <= set(grid):
        raise InputError(f"{file}: expected the keys {', '.join(sorted(expected))}, got {shown(grid)}")
    if grid["format"] == 1:
        raise StoreError(
            f"{path}: is of format 1, which names rows by their prices, too; run the grid into another folder (--out), "
            "or read this one by version 0.1.0"
        )
    if grid["format"] != FORMAT:
        raise InputError(
            f"{file}: expected format {FORMAT}, got {shown(grid['format'])}; use the version that wrote it"
        )
    _expect_values(file, grid)
    return grid


def _expect_values(file: Path, grid: Mapping[str, Any]) -> None:
    try:
        as_runs(grid["runs"])
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    for key, least in (("seed", 0), ("batch", 1), ("cells", 1), ("batches", 1)):
        expect_whole(f"{file}: {key}", grid[key], least)
    if grid["batch"] > MOST_BATCH:
        raise InputError(f"{file}: batch must be at most {MOST_BATCH}, got {shown(grid['batch'])}")
    for key in ("name", "engine"):
        if not isinstance(grid[key], str):
            raise InputError(f"{file}: {key} must be a word, got {shown(grid[key])}")
    parts, keys = grid.get("parts", {}), {each.name for each in fields(Origin)}
    if not isinstance(parts, dict) or any(not isinstance(one, dict) or set(one) != keys for one in parts.values()):
        raise InputError(f"{file}: expected under parts the keys {', '.join(sorted(keys))} of each, got {shown(parts)}")
    for name, origin in parts.items():
        _expect_origin(f"{file}: parts.{name}", origin)


def _expect_origin(role: str, origin: Mapping[str, Any]) -> None:
    """Expect words, or null where nothing is known."""
    for key, value in origin.items():
        words = value if key == "earlier" else [value]
        known = isinstance(words, list) and all(isinstance(word, str) for word in words)
        if not known and (value is not None or key in ("module", "earlier")):
            expected = "a list of words" if key == "earlier" else "a word"
            raise InputError(f"{role}.{key} must be {expected}, got {shown(value)}")


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
