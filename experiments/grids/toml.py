"""Grids from TOML files: the same parts by name, lists as axes, errors with file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import fields
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError

from evo.errors import InputError, OperatorError
from evo.foreign import place
from evo.parameters import expect_parameters, shown, suggestion
from evo.text import as_declared
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import a_path
from experiments.grids.axes import at, limited
from experiments.grids.cell import Cell
from experiments.grids.extensions import find_named
from experiments.grids.grid import Grid, expect_few
from experiments.grids.measured.sources import Ready, with_sources
from experiments.grids.outside.toml_text import grid_text
from experiments.grids.parts import EVERY, INNER, PART_TYPES, find_part
from experiments.grids.programs.cell import ProgramCell
from experiments.grids.toml_axes import as_value, combined, items, put_in, references, worked_out

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


MOST_BITS = 2**12
"""Of a whole number at the most."""

_Find = Callable[[str, str], type]
"""Gives the class for a kind and a name."""


class _Arm(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    label: str
    problem: Any  # parts: `_parts` says what they must be
    mutator: Any
    schedule: Any
    runner: Any = {"type": "OnePlusLambda"}
    prompt: Any = {"type": "Prompt"}
    cost: Any = {"type": "LLMPrimitive"}
    budget: Any = {"type": "Budget"}
    axes: dict[str, Any] = {}
    zip: Any = []  # `combinations` and `Where` say what these must be
    where: Any = []


class _ProgramArm(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    label: str
    program: Any
    cost: Any = {"type": "LLMPrimitive"}
    budget: Any = "none"
    axes: dict[str, Any] = {}
    zip: Any = []
    where: Any = []


_AnyArm = _Arm | _ProgramArm
_KINDS = {_Arm: tuple(PART_TYPES), _ProgramArm: ("program", "cost", "budget")}
"""The tables of an arm that are parts, in the order in which its cells take them."""


def _kind_of_arm(written: Any) -> str:
    return "program" if isinstance(written, dict) and "program" in written else "search"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Any  # the values of these are Grid's to check
    arm: list[
        Annotated[Annotated[_Arm, Tag("search")] | Annotated[_ProgramArm, Tag("program")], Discriminator(_kind_of_arm)]
    ]
    runs: Any = 1000  # or a table for a stopping rule
    seed: Any = 1
    batch: Any = 500
    engine: Any = "blocks"


def load_grid(path: Path | str) -> Grid:
    """The grid of a TOML file.

    Top level: name, runs, seed, batch, engine, and one [[arm]] or more, each with a label and a table for problem,
    mutator, schedule, runner, prompt, cost, budget: `{type = "Name", parameter = value}`; or for program and
    cost, where the cells run a program of calls. A list of values, or of such
    tables, is an axis; the arm has all combinations. `budget = "none"` stands for no budget. A type is one of ours, or
    "module:Class" of a module beside the file (or anywhere on the path), or the name of an entry point of an installed
    package. `runs` is a number, or the table of a stopping rule, `{type = "UntilPrecise", relative = 0.05, most =
    20000}`.

    `mutator = {calibration = "calibration.toml"}` is what that file says of a call (a list of files is an axis);
    `prompt` and `cost` take it, too, and `cost = {published = "gemini-2.5-pro"}` are prices of `TokenPrices.published`.

    A range, `{from = 4, to = 64, step = 4}` (or factor, or count), stands for a list, or for some values of one. Axes
    named in `[arm.axes]` stand wherever the arm says "$name", or calculates with it as in "1/$k" (+ - * / **, sqrt,
    log), and vary slower than lists; `zip = [["k", "m"]]` has
    axes run together, and `where = ["g <= k"]` says which combinations of them are cells.

    Raises: InputError naming the file, the key, what was expected and what came.
    """
    path = a_path("load_grid", path)
    try:
        return _grid(_content(path), path)
    except RecursionError:
        raise InputError(f"{path}: expected numbers, words and lists of them, got deeper nesting") from None


def part_of(kind: str, text: str, folder: Path) -> Any:
    """The one part of an inline table, as a grid has it.

    Args:
        kind: mutator, schedule and so on.
        text: the table.
        folder: where modules are looked up, too.

    Raises: InputError.

    >>> part_of("mutator", '{type = "Refuse", inner = {type = "Resample", p = 0.5}, rate = 0.1}', Path())
    Refuse(inner=Resample(p=0.5), rate=0.1)
    """
    try:
        table = tomllib.loads(f"part = {text}")
        made = _parts(kind, kind, table.get("part"), cache(partial(find_named, folder=folder)))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f'{kind}: expected a table such as {{type = "Name", p = 0.5}}, got {error}') from None
    if len(made) != 1 or len(table) != 1:
        raise InputError(
            f"{kind}: expected one {kind}, got {len(made)} or more than a table: a list is an axis of a grid"
        )
    return made[0]


def _content(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(grid_text(path))
    except InputError:
        raise
    except ValueError as error:  # syntax, whole numbers of thousands of digits
        if str(error).startswith(("Duplicate", "Cannot overwrite", "Cannot declare")):
            raise InputError(f"{path}: expected each key once, got one again: {error}") from None
        raise InputError(f"{path}: expected TOML in UTF-8, got a syntax error: {error}") from None
    _refuse_endless_numbers(path, "", content)
    return content


def _refuse_endless_numbers(path: Path, key: str, value: Any) -> None:
    """Refuse numbers that Python itself does not write down, as hexadecimal ones in a file may be."""
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value, start=1)
        for step, inner in steps:
            _refuse_endless_numbers(path, f"{key}[{step}]" if isinstance(value, list) else f"{key}.{step}", inner)
    elif isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise InputError(f"{path}: {key[1:]}: expected a number, got one of thousands of digits")


def _grid(content: dict[str, Any], path: Path) -> Grid:
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error)}") from None
    arms: dict[str, list[AnyCell]] = {}
    for number, arm in enumerate(file.arm, start=1):
        place = f"{path}: arm {number} ({shown(arm.label)})"
        if arm.label in arms:
            raise InputError(f"{place}: label must be another one for each arm, got {shown(arm.label)} twice")
        arms[arm.label] = _cells(arm, place, path.parent.resolve())
        expect_few(sum(map(len, arms.values())), f"{path}: ")
    try:
        return Grid(file.name, arms, runs=_runs(file.runs), seed=file.seed, batch=file.batch, engine=file.engine)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _runs(value: Any) -> Any:
    """A stopping rule of a table with a type; anything else is Grid's to check."""
    if not isinstance(value, dict) or "type" not in value:
        return value
    rules = _parts("runs", "stopping rule", value, find_part)
    if len(rules) != 1:
        raise InputError(f"runs: expected one stopping rule for the whole grid, got a list of {len(rules)} values")
    return rules[0]


def _cells(arm: _AnyArm, place: str, folder: Path) -> list[AnyCell]:
    find = cache(partial(find_named, folder=folder))
    try:
        cells: list[AnyCell] = []
        tables = {kind: getattr(arm, kind) for kind in _KINDS[type(arm)]}
        for chosen in combined(tables, arm.axes, arm.zip, arm.where):
            cells += _cells_at(arm, chosen, find, folder, len(cells))
            expect_few(len(cells))
        return cells
    except (InputError, OperatorError) as error:
        raise type(error)(f"{place}: {error}") from None


def _cells_at(arm: _AnyArm, chosen: dict[str, Any], find: _Find, folder: Path, before: int) -> list[AnyCell]:
    """The cells of one combination of the named axes: all combinations of the lists."""
    axes = []
    for kind in _KINDS[type(arm)]:
        written = getattr(arm, kind)
        try:
            put = with_sources(kind, kind, put_in(kind, written, chosen), folder)
        except InputError as error:
            raise InputError(f"{_at(kind, written, chosen)}{error}") from None
        try:
            axes.append(_parts(kind, kind, put, find))
        except InputError as error:
            raise InputError(f"{_at(kind, written, chosen)}{error}{worked_out(kind, written, chosen)}") from None
    limited(map(len, axes), before)
    cells: list[AnyCell] = []
    for parts in product(*axes):
        try:
            cells.append(Cell(*parts) if isinstance(arm, _Arm) else ProgramCell(*parts))
        except (InputError, OperatorError) as error:
            advice = _advice(arm, parts[0], parts[2]) if isinstance(arm, _Arm) else ""
            raise type(error)(f"{at(chosen)}{error}{advice}") from None
    return cells


def _at(kind: str, written: Any, chosen: dict[str, Any]) -> str:
    """Where an error arose in a part: the values of the axes that it uses."""
    return at({name: chosen[name] for name in references(kind, written)})


def _advice(arm: _Arm, problem: Any, schedule: Any) -> str:
    """How to leave out cells whose chunks would be longer than their solutions, where k or g has several values."""
    g, k = getattr(getattr(schedule, "schedule", schedule), "g", None), getattr(problem, "k", None)
    if not isinstance(g, int) or not isinstance(k, int) or g <= k:
        return ""
    written = {"g": _written(arm.schedule, "g"), "k": _written(arm.problem, "k")}
    names = {word: value.replace("$", "") for word, value in written.items() if isinstance(value, str)}
    if names:
        return f'; leave such cells out by where = ["{names.get("g", g)} <= {names.get("k", k)}"]'
    if any(isinstance(value, list | dict) for value in written.values()):
        return '; to leave such cells out, name k and g in [arm.axes], write "$k" and "$g", and where = ["g <= k"]'
    return ""


def _written(table: Any, word: str) -> Any:
    """What a table, or one inside it, says of a parameter; None if nothing."""
    if isinstance(table, list):
        return next((said for inner in table if (said := _written(inner, word)) is not None), None)
    if not isinstance(table, dict) or word in table:
        return table[word] if isinstance(table, dict) else None
    return next((said for inner in table.values() if (said := _written(inner, word)) is not None), None)


def _parts(key: str, kind: str, table: Any, find: _Find) -> list[Any]:
    """The parts that a table, or a list of tables, stands for: one for each combination of its lists."""
    if kind == "budget" and table == "none":
        return [None]
    if isinstance(table, Ready):
        return [table.part]
    if isinstance(table, list):
        each = [_parts(f"{key}[{number}]", kind, item, find) for number, item in enumerate(items(key, table), start=1)]
        return [part for parts in each for part in parts]
    values = dict(table) if isinstance(table, dict) else {}
    name = values.pop("type", None)
    if not isinstance(name, str):
        known = EVERY[kind]
        example = f'{{type = "{known[0].__name__ if known else "module:Class"}"}}'
        got = f"type = {shown(name)}" if name is not None else "none" if isinstance(table, dict) else shown(table)
        more = (' or "none"' if kind == "budget" else "") + (", or a list of them" if kind not in INNER else "")
        raise InputError(f"{key}: expected a table with a type, such as {example}{more}, got {got}")
    try:
        part = find(kind, name)
        expect_parameters(part, values)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
    axes = [[(word, item) for item in _axis(key, kind, word, value, find)] for word, value in values.items()]
    limited(map(len, axes))
    try:
        return [part(**as_declared(part, dict(chosen))) for chosen in product(*axes)]
    except InputError as error:
        raise InputError(f"{key}: {error}{_hint(part, values)}") from None
    except (MemoryError, RecursionError):
        raise
    except (Exception, SystemExit) as error:  # of a third-party part, which may raise anything
        raise InputError(f"{key}: cannot build {name}: {type(error).__name__}: {error} {place(error, part)}") from error


def _hint(part: type, values: dict[str, Any]) -> str:
    """What to write for a table of numbers, which as a plain list is an axis, and for arithmetic without an axis."""
    for field in fields(part):
        value = values.get(field.name)
        if isinstance(value, str) and any(sign in value for sign in "+-*/("):
            return f'; to calculate with an axis write it with a dollar, as in {field.name} = "1/$k"'
        if isinstance(value, list) and str(field.type).startswith("tuple") and not isinstance(value[0], list | tuple):
            return f"; a list is an axis, one value a cell: for one tuple write {field.name} = [{shown(value):.100}]"
    return ""


def _axis(key: str, kind: str, word: str, value: Any, find: _Find) -> list[Any]:
    """The values of a parameter, `word`; a table with a type is a part.

    It is of the kind that the parameter's name says, as the latency or prompt of a runner; else of the same kind as
    what it is in: the mutator inside a wrapper.
    """
    key = f"{key}.{word}"
    kind, only = word if word in PART_TYPES or word in INNER else kind, INNER.get(word, ())
    found: list[Any] = []
    for item in items(key, value):
        if isinstance(item, dict) and len(only) == 1:
            item = {"type": only[0].__name__} | item
        is_part = isinstance(item, Ready) or (isinstance(item, dict) and "type" in item)
        found += _parts(key, kind, item, find) if is_part else [as_value(key, item)]
    return found


def _explain(error: ValidationError) -> str:
    """The first fault of a file in one line: key, expected, got; of an arm without a part an unknown key, if any."""
    faults = error.errors()
    strange = (each for each in faults if each["type"] == "extra_forbidden" and each["loc"][:2] == faults[0]["loc"][:2])
    fault = next(strange, faults[0]) if faults[0]["type"] == "missing" else faults[0]
    of_program = fault["loc"][2:3] == ("program",) and len(fault["loc"]) > 3
    location = fault["loc"][:2] + fault["loc"][3:] if fault["loc"][:1] == ("arm",) else fault["loc"]
    key = _key(location)
    if fault["type"] == "extra_forbidden":
        fields = _ProgramArm.model_fields if of_program else {**_Arm.model_fields, "program": None}
        allowed = list(fields if len(location) > 1 else _File.model_fields)
        word = str(location[-1])
        unknown = f"unknown key {shown(key)}"
        if of_program and word in _Arm.model_fields:
            return f"{unknown}: an arm with a program has no {word}, a program makes its calls itself"
        if word in _File.model_fields:
            return f"{unknown}; {word} is a key of the whole file, write it above the first [[arm]]"
        if word in _Arm.model_fields:
            return f"{unknown}; {word} is a key of an arm, write it below [[arm]] (a table: [arm.{word}])"
        return f"{unknown}{suggestion(word, allowed)}; allowed: {', '.join(allowed)}"
    if fault["type"] == "missing":
        axes = fault["input"].get("axes")
        if len(location) > 1 and isinstance(axes, dict) and location[-1] in axes:
            return f"expected the key {key!r}, got it in [arm.axes]; write it above, an arm's tables come last"
        return f"expected the key {key!r}, got none; a grid looks like this:\n\n{EXAMPLE}"
    if key == "arm":
        return f"arm: expected one [[arm]] or more, in two brackets, got {shown(fault['input'])}"
    return f"{key}: {fault['msg'][:1].lower()}{fault['msg'][1:]}, got {shown(fault['input'])}"


def _key(location: tuple[int | str, ...]) -> str:
    """`arm[1].mutator` from pydantic's location; arms are counted from 1."""
    words = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in location]
    return "".join(words).lstrip(".")
