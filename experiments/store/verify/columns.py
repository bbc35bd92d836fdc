"""Do the columns of a row of the table of cells say what the cell's text says?

A part is read once, however many cells have it, and nothing is imported for it: of third-party parts what their text
says is compared.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from evo.costs.budget import Budget
from evo.costs.ledger import Prompt
from evo.costs.prices import LLMPrimitive, weights_of
from evo.errors import EvoError
from evo.parameters import shown
from evo.programs.execute import roles_of
from evo.text import canonical, parse
from experiments.grids.cell import cell_id, sample_name
from experiments.grids.cell_text import foreign_in, kind_of_cell, parts_in, random_parts
from experiments.grids.cells_table import WEIGHTS, part_columns
from experiments.grids.outside.reading import Unsound
from experiments.grids.parts import find_any
from experiments.grids.programs.cell import program_sample

DEFAULTS = {"prompt": canonical(Prompt()), "cost": canonical(LLMPrimitive()), "budget": canonical(Budget())}
"""Texts of the parts that a cell's text may leave out."""
OWN_SIZES = {"problem": ("k", "l"), "runner": ("lam",)}
"""Columns that every cell has, whether they are fields of its part or not."""


def expect_told(row: Mapping[str, Any]) -> None:
    """Expect that a row is that of its text: id, name of the runs, types, parameters and prices.

    Columns that the table does not have are not asked for: earlier versions had fewer parameters.

    Raises: Unsound naming the column.
    """
    for name, told in _told(str(row["text"]), tuple(row[weight] for weight in WEIGHTS)).items():
        if name in row and not _same(row[name], told):
            raise Unsound(f"{name} of the cell {row['cell']} is {shown(row[name])}, its text says {shown(told)}")


def _told(text: str, weights: tuple[float, ...]) -> dict[str, Any]:
    """What a cell's text says of its columns; prices only where they are known without third-party parts."""
    try:
        cell, random = kind_of_cell(text), random_parts(text)
        defaults = DEFAULTS if cell == "Cell" else {"cost": DEFAULTS["cost"], "budget": "None"}
        texts = defaults | parts_in(text)
        order = [*random, *(kind for kind in defaults if texts[kind] != defaults[kind])]
        if text != f"{cell}({', '.join(f'{kind}={texts[kind]}' for kind in order)})":
            raise Unsound(f"expected the canonical text of a cell, got {shown(text):.200}")
        found: dict[str, Any] = {"cell": cell_id(text)}
        for kind, part in texts.items():
            found |= _part_told(kind, part)
    except EvoError as error:
        raise Unsound(str(error)) from None
    prices = tuple(found[weight] for weight in WEIGHTS) if WEIGHTS[0] in found else weights
    limits_cost = found.get("budget.cost") is not None
    if cell == "ProgramCell":
        return found | {"sample": program_sample(texts["program"])}
    search = ", ".join(texts[kind] for kind in random)
    found["sample"] = sample_name(search, texts["prompt"], texts["budget"], prices if limits_cost else None)
    return found


@lru_cache(maxsize=2**14)
def _part_told(kind: str, text: str) -> dict[str, Any]:
    """What the text of a part says of the columns."""
    if foreign_in(f"Part(part={text})"):
        return dict(_literals(kind, ast.parse(text, mode="eval").body))
    if text == "None":
        return part_columns(kind, None)
    part = parse(text, find_any)
    if canonical(part) != text:
        raise Unsound(f"expected the canonical text of a part, got {shown(text):.200}")
    found = part_columns(kind, part)
    found |= {f"{kind}.{size}": getattr(part, size) for size in OWN_SIZES.get(kind, ())}
    if kind == "program":
        found |= {f"role.{role.name}.size": role.model.size for role in roles_of(part)}
    return found | (dict(zip(WEIGHTS, map(float, weights_of(part)), strict=True)) if kind == "cost" else {})


def _literals(place: str, node: ast.expr) -> Mapping[str, Any]:
    """Types, and parameters that are written as numbers and words, of a part that is not built."""
    if not isinstance(node, ast.Call):
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return {}
        return {place: value if value is None or isinstance(value, int | float | str) else repr(value)}
    found: dict[str, Any] = {place: ast.unparse(node.func)}
    for word in node.keywords:
        inner_size = place.startswith("problem.") and word.arg in OWN_SIZES["problem"]
        if not inner_size:  # the cell's own columns have them
            found |= _literals(f"{place}.{word.arg}", word.value)
    return found


def is_null(value: object) -> bool:
    """Whether nothing stands in a place of a table."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _same(found: object, told: object) -> bool:
    """Whether a value of a table is the one that was told; numbers may be floats there, or words among words.

    A text has 1 for 1.0, alone and in tuples; where a column has words, so has the value.

    >>> _same("1.0", 1), _same("(1.0, inf)", "(1, inf)"), _same("1.0", "1"), _same("(1.5,)", "(1,)")
    (True, True, False, False)
    """
    if is_null(told):
        return is_null(found)
    if isinstance(told, int | float) and isinstance(found, int | float):
        return bool(found == told) or bool(found == float(told))
    if str(found) in (str(told), repr(told)):
        return True
    said = told if isinstance(told, int | float) else _value(str(told))
    alike = isinstance(told, int | float) or isinstance(said, tuple)
    return alike and isinstance(found, str) and bool(_value(found) == said)


def _value(words: str) -> Any:
    """The number or tuple that stands in words; the words themselves where there is none."""
    try:
        return ast.literal_eval(re.sub(r"\binf\b", "1e999", words))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return words
