"""A cell as an arm of a grid's file (TOML), which reads back as the same cell."""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from typing import Any

from evo.errors import InputError
from experiments.grids.cell import Cell

KEYS = ("problem", "mutator", "schedule", "runner", "prompt", "cost", "budget")


def as_arm(cell: Cell, label: str) -> str:
    """The TOML of an arm that has this cell; what is at its default is left out, but for problem to runner.

    Raises: InputError for a value that a file cannot hold.

    >>> from experiments.presets.frameworks import preset
    >>> print(as_arm(preset("gepa", k=4), "gepa"))
    [[arm]]
    label = "gepa"
    problem = {type = "BlockOneMax", k = 4, l = 16}
    mutator = {type = "Resample", p = 0.5}
    schedule = {type = "RoundRobin"}
    runner = {type = "OnePlusLambda"}
    """
    default = {field.name: _default(field) for field in fields(Cell)}
    lines = ["[[arm]]", f"label = {toml_string(label)}"]
    for key in KEYS:
        value = getattr(cell, key)
        if value != default[key]:
            lines.append(f"{key} = {_value('none' if value is None else value)}")
    return "\n".join(lines)


def toml_string(text: str) -> str:
    r"""A string of TOML: as in JSON, but characters beyond 16 bits stand as they are, and DEL does not.

    >>> print(toml_string('a "quoted" word'))
    "a \"quoted\" word"
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _value(value: Any) -> str:
    if hasattr(type(value), "__dataclass_fields__"):
        given = {field.name: (getattr(value, field.name), _default(field)) for field in fields(value) if field.init}
        stated = [f"{name} = {_value(one)}" for name, (one, default) in given.items() if one != default]
        return "{" + ", ".join([f'type = "{type(value).__name__}"', *stated]) + "}"
    if isinstance(value, tuple):
        return _table(value) if _is_table(value) else f"[{_list(value)}]"  # a list of one: it would be an axis
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise InputError(f"as_arm: expected parts, numbers, words and lists of these, got {value!r:.100}")


def _list(values: tuple[Any, ...]) -> str:
    """A tuple, and those in it."""
    return "[" + ", ".join(_list(each) if isinstance(each, tuple) else _value(each) for each in values) + "]"


def _is_table(values: tuple[Any, ...]) -> bool:
    """Whether these are pairs of a chunk length and a probability, as `Measured` keeps them."""
    pairs = [each for each in values if isinstance(each, tuple) and len(each) == 2]
    return len(pairs) == len(values) > 0 and all(type(g) is int and type(p) is float for g, p in pairs)


def _table(pairs: tuple[Any, ...]) -> str:
    return "{" + ", ".join(f"{g} = {_value(p)}" for g, p in pairs) + "}"
