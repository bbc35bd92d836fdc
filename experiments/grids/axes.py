"""Named axes: ranges, axes that run together, and the cells of their combinations.

A grid in Python and a grid in a file say the same thing: `experiments.grids.toml` takes the values by name from
`[arm.axes]`, and has its tables in place of `make`.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from itertools import islice, product
from keyword import kwlist
from numbers import Integral, Real
from typing import Any

from evo.errors import InputError, OperatorError
from evo.parameters import shown, suggestion
from experiments.grids.any_cell import AnyCell
from experiments.grids.grid import expect_few
from experiments.grids.languages.where import WORDS

MOST_VALUES = 10_000
"""Values of an axis at the most."""
MOST_COMBINATIONS = 10**6
"""Combinations of the axes of an arm at the most, with those that a condition leaves out."""
_TAKEN = frozenset((*WORDS, *kwlist))
"""Words that a condition could not name an axis by."""


def span(
    start: float, to: float, *, step: float | None = None, factor: float | None = None, count: int | None = None
) -> tuple[float, ...]:
    """The values of a range, both ends included: by a step, by a factor, or so many at equal distances.

    Whole numbers stay whole, and others are as decimal arithmetic has them: 0.3, never 0.30000000000000004. A step
    or factor that does not meet `to` ends below it.

    Raises: InputError if not exactly one of step, factor and count is given, the range does not rise, or it has more
    than 10,000 values.

    >>> span(4, 16, step=4), span(4, 64, factor=2)
    ((4, 8, 12, 16), (4, 8, 16, 32, 64))
    >>> span(0.1, 0.9, count=5)
    (0.1, 0.3, 0.5, 0.7, 0.9)
    """
    given = {name: value for name, value in (("step", step), ("factor", factor), ("count", count)) if value is not None}
    if len(given) != 1:
        raise InputError(f"a range: expected one of step, factor and count, got {' and '.join(given) or 'none'}")
    ((by, value),) = given.items()
    numbers = [_finite(name, number) for name, number in (("from", start), ("to", to), (by, value))]
    first, last, move = (
        numbers if all(isinstance(each, int) for each in numbers) else [Decimal(str(n)) for n in numbers]
    )
    _expect(first < last, f"from must be below to = {shown(to)}", start)
    with localcontext(prec=60):
        if by == "count":
            fits = isinstance(numbers[2], int) and 2 <= move <= MOST_VALUES
            _expect(fits, f"count must be a whole number from 2 to {MOST_VALUES:,}", value)
            found: Iterable[Any] = (_share(first, last, i, int(move) - 1) for i in range(int(move)))
        elif by == "step":
            _expect(move > 0, "step must be > 0", value)
            found = _rise(first, last, lambda reached: reached + move)
        else:
            _expect(move > 1, "factor must be > 1", value)
            _expect(first > 0, "with a factor, from must be > 0", start)
            found = _rise(first, last, lambda reached: reached * move)
        return tuple(each if isinstance(each, int) else float(each) for each in found)


def _share(first: Any, last: Any, i: int, n: int) -> Any:
    """`first + (last - first) i/n`, whole if it is and the ends are."""
    if i == n:  # a far `from` would swallow the digits of `to`
        return last
    way = (last - first) * i
    return first + way // n if isinstance(way, int) and way % n == 0 else Decimal(first) + Decimal(way) / n


def _rise(reached: Any, last: Any, further: Callable[[Any], Any]) -> Iterator[Any]:
    for _ in range(MOST_VALUES):
        yield reached
        reached = further(reached)
        if reached > last:
            return
    raise InputError(f"a range: expected at most {MOST_VALUES:,} values, got more; take a larger step or factor")


def _finite(name: str, value: object) -> int | float:
    expected = f"{name} must be a finite number"
    _expect(isinstance(value, Real) and not isinstance(value, bool), expected, value)
    assert isinstance(value, Real)
    try:
        number = int(value) if isinstance(value, Integral) else float(value)
        _expect(math.isfinite(number), expected, value)
    except OverflowError:  # a whole number that no float holds
        raise InputError(f"a range: {expected}, got a whole number of more than 300 digits") from None
    return number


def _expect(fits: bool, expected: str, got: object) -> None:
    if not fits:
        raise InputError(f"a range: {expected}, got {shown(got)}")


def grid_cells(
    *,
    axes: Mapping[str, Iterable[Any]],
    make: Callable[..., AnyCell | Iterable[AnyCell]],
    where: Callable[..., bool] | None = None,
    zip: Iterable[Sequence[str]] = (),
) -> list[Any]:
    """The cells of named axes: `make` builds one (or a list of them) from a value of each axis.

    Args:
        axes: values by name, in the order of the cells; the last axis varies fastest.
        make: called with a value of each axis, by name.
        where: which combinations are cells; called with those axes that its parameters name.
        zip: groups of axes of equal length that run together, where the first of them stands.

    Raises: InputError if an axis is empty or `make` does not take it, names are unknown, axes that run together differ
    in length, `where` leaves nothing, or a cell is refused (with the values it was made from).

    >>> from evo import OnePlusLambda, RoundRobin
    >>> from problems import BlockOneMax
    >>> from operators import Resample
    >>> from experiments.grids.cell import Cell
    >>> cells = grid_cells(
    ...     axes={"k": span(2, 8, factor=2), "g": [1, 2, 4]},
    ...     make=lambda k, g: Cell(BlockOneMax(k, l=16), Resample(0.5), RoundRobin(g), OnePlusLambda()),
    ...     where=lambda k, g: g <= k,
    ... )
    >>> [(cell.problem.k, cell.schedule.g) for cell in cells]
    [(2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (8, 1), (8, 2), (8, 4)]
    """
    if not isinstance(axes, Mapping):
        raise InputError(f'grid_cells: axes must be a dict such as {{"k": [2, 4]}}, got {shown(axes)}')
    values = {name: _values(name, each) for name, each in axes.items()}
    taken = _parameters("make", make, values)
    for name in values:
        if name not in taken:
            raise InputError(
                f"grid_cells: make does not take the axis {shown(name)}; give it a parameter, or leave it out"
            )
    read = [] if where is None else _parameters("where", where, values)
    cells: list[AnyCell] = []
    left = total = 0
    for chosen in combinations(values, zip):
        total += 1
        if where is not None and not where(**{name: chosen[name] for name in read}):
            left += 1
            continue
        try:
            made = make(**chosen)
        except (InputError, OperatorError) as error:
            raise type(error)(f"{at(chosen)}{error}") from None
        if not isinstance(made, AnyCell | list | tuple):
            raise InputError(f"grid_cells: make must return a cell or a list of cells, got {shown(made)}")
        cells += [made] if isinstance(made, AnyCell) else made
        expect_few(len(cells))
    if left == total:
        raise InputError(f"grid_cells: where leaves none of {total:,} combinations")
    return cells


def combinations(values: Mapping[str, Sequence[Any]], together: Any = ()) -> Iterator[dict[str, Any]]:
    """All combinations of the values of axes, by name; axes that run together count as one, where the first stands.

    Raises: InputError if an axis or its name is none, the groups do not fit, or the combinations are too many.

    >>> list(combinations({"k": (2, 4), "p": (0.3,), "m": (1, 3)}, [["k", "m"]]))
    [{'k': 2, 'p': 0.3, 'm': 1}, {'k': 4, 'p': 0.3, 'm': 3}]
    """
    for name in values:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name in _TAKEN:
            raise InputError(f"axes: expected letters, digits and _ as the name of an axis, got {shown(name):.100}")
        if not values[name]:
            raise InputError(f"axes.{name}: expected values, got none")
    groups = _groups(values, together)
    limited(len(values[group[0]]) for group in groups)
    chosen = product(*(range(len(values[group[0]])) for group in groups))
    place = {name: number for number, group in enumerate(groups) for name in group}
    return ({name: values[name][numbers[place[name]]] for name in values} for numbers in chosen)


def limited(lengths: Iterable[int], before: int = 0) -> int:
    """The number of combinations of axes of these lengths, after some others.

    Raises: InputError if they are more than a million.
    """
    total = before + math.prod(lengths)
    if total > MOST_COMBINATIONS:
        raise InputError(
            f"expected at most {MOST_COMBINATIONS:,} combinations in an arm, got {total:,}; shorten the axes"
        )
    return total


def at(chosen: Mapping[str, Any]) -> str:
    """Where an error arose: `at k = 4, g = 8: `, or nothing without axes."""
    return f"at {', '.join(f'{name} = {shown(value)}' for name, value in chosen.items())}: " if chosen else ""


def _values(name: str, values: object) -> tuple[Any, ...]:
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | Mapping):
        raise InputError(f"axes.{name}: expected a list of values, or a span, got {shown(values)}")
    found = tuple(islice(values, MOST_VALUES + 1))
    if len(found) > MOST_VALUES:
        raise InputError(f"axes.{name}: expected at most {MOST_VALUES:,} values, got more")
    return found


def _groups(values: Mapping[str, Sequence[Any]], together: Any) -> list[list[str]]:
    """The axes in order, each with those that run with it."""
    if not isinstance(together, list | tuple) or not all(isinstance(group, list | tuple) for group in together):
        raise InputError(f'zip: expected lists of names in a list, as in [["k", "m"]], got {shown(together)}')
    seen: set[str] = set()
    for group in together:
        for name in group:
            if name not in list(values):
                near = suggestion(name, values)
                raise InputError(f"zip: unknown axis {shown(name):.100}{near}; axes: {', '.join(values) or 'none'}")
            if name in seen:
                raise InputError(f"zip: expected each axis once, got {name!r} again")
            seen.add(name)
        if len(group) < 2:
            raise InputError(f"zip: expected two axes or more that run together, got {list(group)}")
        if len({len(values[name]) for name in group}) > 1:
            lengths = " and ".join(f"{name} with {len(values[name])}" for name in group)
            raise InputError(f"zip: expected axes of equal length to run together, got {lengths} values")
    first = {name: next((list(group) for group in together if name in group), [name]) for name in values}
    return [group for name, group in first.items() if name == min(group, key=list(values).index)]


def _parameters(role: str, function: Callable[..., Any], values: Mapping[str, Any]) -> list[str]:
    """The axes that a function takes.

    Raises: InputError if it needs something else.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # not a function, or one that tells nothing
        raise InputError(f"grid_cells: {role} must be a function of the axes, got {shown(function)}") from None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return list(values)
    for parameter in parameters:
        if parameter.name not in values and parameter.default is parameter.empty:
            near = suggestion(parameter.name, values)
            raise InputError(
                f"grid_cells: {role} takes {parameter.name!r}, which is no axis{near}; axes: {', '.join(values)}"
            )
    return [parameter.name for parameter in parameters if parameter.name in values]
