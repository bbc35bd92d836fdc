"""Axes in a grid's file: lists and ranges, and named axes, to which "$k" and "1/$k" refer in any table of the arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.grids.axes import MOST_VALUES, at, combinations, span
from experiments.grids.languages.arithmetic import Arithmetic, is_calculated
from experiments.grids.languages.where import Where

_RANGE = ("from", "to", "step", "factor", "count")


def items(key: str, value: Any) -> list[Any]:
    """The values of a list, or the one that is none; ranges are spread out.

    Raises: InputError naming the key, if a list is empty or a range is none.

    >>> items("k", [1, 2, {"from": 4, "to": 16, "factor": 2}])
    [1, 2, 4, 8, 16]
    """
    if isinstance(value, list) and not value:
        raise InputError(f"{key}: expected values in a list, got an empty one")
    found: list[Any] = []
    for item in value if isinstance(value, list) else [value]:
        if not _is_range(item):
            found.append(item)
            continue
        found += _range(key, item)
        if len(found) > MOST_VALUES:
            raise InputError(f"{key}: expected at most {MOST_VALUES:,} values, got more")
    return found


def as_value(key: str, item: Any) -> Any:
    """A value of an axis; an inner list is one value, a tuple, with ranges spread out in it.

    >>> as_value("p", [0.1, {"from": 0.5, "to": 0.9, "count": 3}])
    (0.1, 0.5, 0.7, 0.9)
    """
    if not isinstance(item, list):
        return item
    spread = (_range(key, inner) if _is_range(inner) else [as_value(key, inner)] for inner in item)
    return tuple(chain.from_iterable(spread))


def references(key: str, value: Any) -> list[str]:
    """The axes that a table, list or word refers to, each once.

    Args:
        key: where it stands.
        value: what stands there.

    Raises: InputError naming the key, if a word with a dollar is no arithmetic on axes; "$$" is a dollar itself.

    >>> references("mutator", {"type": "Refuse", "inner": {"type": "Resample", "p": "1/$k"}, "rate": ["$r", 0.1]})
    ['k', 'r']
    """
    found = [name for where, text in _calculated(key, value) for name in _arithmetic(where, text).axes]
    return list(dict.fromkeys(found))


def put_in(key: str, value: Any, chosen: Mapping[str, Any]) -> Any:
    """A table, list or word with what a combination of the axes makes of each word with a dollar.

    Raises: InputError naming the key, if there is no such number.

    >>> put_in("problem", {"k": "$k", "l": "64/$k"}, {"k": 4})
    {'k': 4, 'l': 16}
    """
    if isinstance(value, dict):
        return {word: put_in(f"{key}.{word}", inner, chosen) for word, inner in value.items()}
    if isinstance(value, list):
        return [put_in(key, inner, chosen) for inner in value]
    if not isinstance(value, str):
        return value
    if not is_calculated(value):
        return value.replace("$$", "$")
    try:
        return Arithmetic.parse(value).value(chosen)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def worked_out(key: str, value: Any, chosen: Mapping[str, Any]) -> str:
    """What arithmetic made of the axes, to be added to an error: ` (problem.l = "64/$k" is 12.8)`; often nothing."""
    made = [
        f'{where} = "{text}" is {shown(put_in(where, text, chosen))}'
        for where, text in _calculated(key, value)
        if text.strip()[1:] not in chosen
    ]
    return f" ({', '.join(made)})" if made else ""


def _calculated(key: str, value: Any) -> list[tuple[str, str]]:
    """The words with a dollar in a table, list or word, each with the key where it stands."""
    if isinstance(value, dict):
        return [found for word, inner in value.items() for found in _calculated(f"{key}.{word}", inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _calculated(key, inner)]
    return [(key, value)] if isinstance(value, str) and is_calculated(value) else []


def _arithmetic(key: str, text: str) -> Arithmetic:
    try:
        return Arithmetic.parse(text)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def combined(
    tables: Mapping[str, Any], written: Mapping[str, Any], together: Any, where: Any
) -> Iterator[dict[str, Any]]:
    """The combinations of an arm's named axes that are cells; one, of nothing, without axes.

    Args:
        tables: of the parts, by kind.
        written: the axes, by name.
        together: `zip`, groups of names.
        where: conditions, or one.

    Raises: InputError if an axis is unknown or used nowhere, or no combination is left; as `combinations` and
    `Where`.
    """
    axes = {name: _named(f"axes.{name}", value) for name, value in written.items()}
    _check_use(tables, axes)
    conditions = _conditions(where, axes)
    left = total = 0
    for chosen in combinations(axes, together):
        total += 1
        try:
            if all(condition.holds(chosen) for condition in conditions):
                yield chosen
            else:
                left += 1
        except InputError as error:
            raise InputError(f"{at(chosen)}where: {error}") from None
    if left == total:
        raise InputError(f"where leaves none of {total:,} combinations of the axes; change it, or the axes")


def _is_range(item: Any) -> bool:
    return isinstance(item, dict) and "type" not in item and ("from" in item or "to" in item)


def _range(key: str, item: dict[str, Any]) -> tuple[float, ...]:
    for word in item:
        if word not in _RANGE:
            raise InputError(
                f"{key}: a range has no {word!r}{suggestion(word, _RANGE)}; write it as in "
                "{from = 4, to = 64, step = 4}, with a factor or a count in place of the step"
            )
    for word in ("from", "to"):
        if word not in item:
            raise InputError(f"{key}: a range: expected from and to, got no {word}")
    try:
        return span(item["from"], **{word: value for word, value in item.items() if word != "from"})
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _named(key: str, value: Any) -> list[Any]:
    """The values of a named axis; a table that is no range is a part, and a lone value an axis of one."""
    if _calculated(key, value):
        raise InputError(f"{key}: expected values, got a reference to another axis in {shown(value)}")
    return [as_value(key, put_in(key, item, {})) for item in items(key, value)]


def _check_use(tables: Mapping[str, Any], axes: Mapping[str, Any]) -> None:
    used: set[str] = set()
    for kind, table in tables.items():
        for name in references(kind, table):
            if name not in axes:
                known = f"{suggestion(name, axes)}; axes: {', '.join(axes)}" if axes else "; name it in [arm.axes]"
                raise InputError(f'{kind}: unknown axis "${name}"{known}')
            used.add(name)
    for name in axes:
        if name not in used:
            ours = name in (*tables, "zip", "where", "label")
            meant = f"; if it is the arm's {name}, write it above [arm.axes]" if ours else ""
            raise InputError(f'axes.{name}: expected "${name}" somewhere in the arm, got none{meant}')


def _conditions(where: Any, axes: Mapping[str, Any]) -> list[Where]:
    texts = [where] if isinstance(where, str) else where
    if not isinstance(texts, list):
        raise InputError(f'where: expected conditions in a list, as in ["g <= k"], got {shown(texts)}')
    found = []
    for number, text in enumerate(texts, start=1):
        try:
            found.append(Where.parse(text, axes))
        except InputError as error:
            raise InputError(f"where[{number}]: {error}") from None
    return found
