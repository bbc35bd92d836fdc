"""The file grid.json of a results folder: the grid as it was run, and where parts of others in it are from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from evo.errors import InputError
from experiments.grid import Grid
from experiments.origins import Origin

FORMAT = 1


def describe(grid: Grid) -> dict[str, Any]:
    """The grid as it is written down: what names its streams, and its size."""
    numbers = {"runs": grid.runs, "seed": grid.seed, "batch": grid.batch, "engine": grid.engine}
    batches = sum(-(-grid.runs // cell.batch_size(grid.batch)) for cell in grid.cells)
    return {"format": FORMAT, "name": grid.name, **numbers, "cells": len(grid.cells), "batches": batches}


def read_grid(path: Path) -> dict[str, Any]:
    """The description of the grid in a results folder.

    Raises: InputError if the folder is none.
    """
    file = path / "grid.json"
    if not file.is_file():
        got = "a folder without grid.json" if path.is_dir() else ("a file" if path.exists() else "nothing of that name")
        raise InputError(f"{path}: expected a results folder, as `llm-evo run` writes it, got {got}")
    expected = {"format", "name", "runs", "seed", "batch", "engine", "cells"}
    try:
        grid = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file}: expected JSON as `llm-evo run` writes it, got a syntax error: {error}") from None
    if not isinstance(grid, dict) or not expected <= set(grid):
        raise InputError(f"{file}: expected the keys {', '.join(sorted(expected))}, got {grid!r:.200}")
    if grid["format"] != FORMAT:
        raise InputError(f"{file}: expected format {FORMAT}, got {grid['format']!r}; use the version that wrote it")
    for key in ("runs", "seed", "batch"):
        if not isinstance(grid[key], int):
            raise InputError(f"{file}: {key} must be a whole number, got {grid[key]!r}")
    parts, keys = grid.get("parts", {}), {each.name for each in fields(Origin)}
    if not isinstance(parts, dict) or any(not isinstance(one, dict) or set(one) != keys for one in parts.values()):
        raise InputError(f"{file}: expected under parts the keys {', '.join(sorted(keys))} of each, got {parts!r:.200}")
    return grid


def held_origins(grid: Mapping[str, Any]) -> dict[str, Origin]:
    """Where the parts of others are from, of a description read from grid.json."""
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
