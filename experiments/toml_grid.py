"""Grids from TOML files: the same parts by name, lists as axes, errors with file and key."""

from __future__ import annotations

import reprlib
import tomllib
from dataclasses import MISSING, fields
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from evo.errors import InputError, OperatorError
from evo.faults import place
from experiments.cell import Cell
from experiments.extensions import find_named
from experiments.grid import Grid
from experiments.parts import KINDS, NESTED, suggestion

EXAMPLE = """\
name = "mine"
runs = 1000

[[arm]]
label    = "local"
problem  = {type = "BlockOneMax", k = [4, 8, 16], l = 16}
mutator  = {type = "Resample", p = 0.5}
schedule = {type = "UntilResolved"}
runner   = {type = "OnePlusLambda", lam = [1, 8]}
"""


class _Arm(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    label: str
    problem: dict[str, Any]
    mutator: dict[str, Any]
    schedule: dict[str, Any]
    runner: dict[str, Any] = {"type": "OnePlusLambda"}
    prompt: dict[str, Any] = {"type": "Prompt"}
    cost: dict[str, Any] = {"type": "LLMPrimitive"}
    budget: Any = {"type": "Budget"}  # a table or "none"; `_parts` says so in one sentence


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Any  # the values of these are Grid's to check
    arm: list[_Arm]
    runs: Any = 1000
    seed: Any = 1
    batch: Any = 500
    engine: Any = "blocks"


def load_grid(path: Path | str) -> Grid:
    """The grid of a TOML file.

    Top level: name, runs, seed, batch, engine, and one [[arm]] or more, each with a label and a table for problem,
    mutator, schedule, runner, prompt, cost, budget: `{type = "Name", parameter = value}`. A list of values is an
    axis; the arm has all combinations. `budget = "none"` stands for no budget. A type is one of ours, or "module:Class"
    of a module beside the file (or anywhere on the path), or the name of an entry point of an installed package.

    Raises: InputError naming the file, the key, what was expected and what came.
    """
    path = Path(path)
    try:
        return _grid(_content(path), path)
    except RecursionError:
        raise InputError(f"{path}: expected numbers, words and lists of them, got deeper nesting") from None


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the grid: {error.strerror}") from None
    except ValueError as error:  # syntax, encoding, whole numbers of thousands of digits
        raise InputError(f"{path}: expected TOML in UTF-8, got a syntax error: {error}") from None


def _grid(content: dict[str, Any], path: Path) -> Grid:
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error)}") from None
    arms: dict[str, list[Cell]] = {}
    for number, arm in enumerate(file.arm, start=1):
        place = f"{path}: arm {number} ({arm.label!r})"
        if arm.label in arms:
            raise InputError(f"{place}: label must be another one for each arm, got {arm.label!r} twice")
        arms[arm.label] = _cells(arm, place, path.parent.resolve())
    try:
        return Grid(file.name, arms, runs=file.runs, seed=file.seed, batch=file.batch, engine=file.engine)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _cells(arm: _Arm, place: str, folder: Path) -> list[Cell]:
    try:
        axes = [_parts(kind, kind, getattr(arm, kind), folder) for kind in KINDS]
        return [Cell(*parts) for parts in product(*axes)]
    except (InputError, OperatorError) as error:
        raise type(error)(f"{place}: {error}") from None


def _parts(key: str, kind: str, table: Any, folder: Path) -> list[Any]:
    """The parts a table stands for: one for each combination of its lists."""
    if kind == "budget" and table == "none":
        return [None]
    if not isinstance(table, dict):
        raise InputError(f'{key}: expected a table or "none", got {reprlib.repr(table)}')
    values = dict(table)
    name = values.pop("type", None)
    if not isinstance(name, str):
        raise InputError(
            f'{key}: expected a table with a type, such as {{type = "{(KINDS | NESTED)[kind][0].__name__}"}}, '
            + (f"got type = {reprlib.repr(name)}" if "type" in table else "got none")
        )
    try:
        part = find_named(kind, name, folder)
        _check_keys(part, values)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
    axes = [[(word, item) for item in _axis(key, kind, word, value, folder)] for word, value in values.items()]
    try:
        return [part(**dict(chosen)) for chosen in product(*axes)]
    except InputError as error:
        raise InputError(f"{key}: {error}{_hint(part, values)}") from None
    except (MemoryError, RecursionError):
        raise
    except (Exception, SystemExit) as error:  # of a part of others, which may raise anything
        raise InputError(f"{key}: cannot build {name}: {type(error).__name__}: {error} {place(error, part)}") from error


def _hint(part: type, values: dict[str, Any]) -> str:
    """What to write for a table of numbers, which as a plain list is an axis."""
    for field in fields(part):
        value = values.get(field.name)
        if isinstance(value, list) and str(field.type).startswith("tuple") and not isinstance(value[0], list):
            return f"; a list is an axis, one value a cell: for one tuple write {field.name} = [{value!r:.100}]"
    return ""


def _axis(key: str, kind: str, word: str, value: Any, folder: Path) -> list[Any]:
    """The values of a parameter, `word`; a table with a type is a part.

    It is of the kind that the parameter's name says, as the latency or prompt of a runner; else of the same kind as
    what it is in: the mutator inside a wrapper.
    """
    key = f"{key}.{word}"
    kind, only = word if word in KINDS or word in NESTED else kind, NESTED.get(word, ())
    if isinstance(value, list) and not value:
        raise InputError(f"{key}: expected values in a list, got an empty one")
    found: list[Any] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and len(only) == 1:
            item = {"type": only[0].__name__} | item
        found += _parts(key, kind, item, folder) if isinstance(item, dict) and "type" in item else [_value(item)]
    return found


def _value(item: Any) -> Any:
    """A value of an axis; an inner list is one value, a tuple."""
    return tuple(_value(inner) for inner in item) if isinstance(item, list) else item


def _check_keys(part: type, values: dict[str, Any]) -> None:
    parameters = [field for field in fields(part) if field.init]
    allowed = [field.name for field in parameters]
    listed = ", ".join(allowed) or "none"
    for key in values:
        if key not in allowed:
            raise InputError(f"{part.__name__} has no parameter {key!r}{suggestion(key, allowed)}; allowed: {listed}")
    for field in parameters:
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{part.__name__} needs the parameter {field.name!r}, got none; allowed: {listed}")


def _explain(error: ValidationError) -> str:
    """The first fault of a file in one line: key, expected, got."""
    fault = error.errors()[0]
    key = _key(fault["loc"])
    if fault["type"] == "extra_forbidden":
        allowed = list(_Arm.model_fields if len(fault["loc"]) > 1 else _File.model_fields)
        word = str(fault["loc"][-1])
        if word in _File.model_fields:
            return f"unknown key {key!r}; {word} is a key of the whole file, write it above the first [[arm]]"
        return f"unknown key {key!r}{suggestion(word, allowed)}; allowed: {', '.join(allowed)}"
    if fault["type"] == "missing":
        return f"expected the key {key!r}, got none; a grid looks like this:\n\n{EXAMPLE}"
    if key == "arm":
        return f"arm: expected one [[arm]] or more, in two brackets, got {reprlib.repr(fault['input'])}"
    return f"{key}: {fault['msg'][:1].lower()}{fault['msg'][1:]}, got {reprlib.repr(fault['input'])}"


def _key(location: tuple[int | str, ...]) -> str:
    """`arm[1].mutator` from pydantic's location; arms are counted from 1."""
    words = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in location]
    return "".join(words).lstrip(".")
