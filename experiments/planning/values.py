"""What a plan knows of a model: a calibration, and what a user says instead of it, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evo.costs.published import Published
from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.grids.measured.file import TABLES, Calibration, OperatorValues, expect_intervals
from experiments.grids.measured.keys import unknown_key

Values = Mapping[str, Any]
"""Values by the keys of the calibration file, as {"operator.malformed": 0.08, "operator.fix": {1: 0.35}}."""
NOTHING = Calibration(OperatorValues())
TAKEN = ("operator", "tokens", "seconds", "prices", "problem")
"""Tables of the file whose values a plan takes."""
INTERVAL = "operator.interval."
"""Before the name of a value: between which chances it lies."""


def with_values(calibration: Calibration, values: Values) -> Calibration:
    """The calibration with some of its values replaced.

    Args:
        calibration: what it rests on; `NOTHING` if all is said in the values.
        values: by key, "table.name", or "operator.interval.name" for the interval of a chance.

    Raises: InputError naming the key, what was expected and what came.

    >>> with_values(NOTHING, {"problem.k": 40, "operator.fix": {1: 0.35}}).operator.fix
    ((1, 0.35),)
    """
    for key in sorted(values, key=lambda key: str(key).startswith(INTERVAL)):  # of the values that stand before them
        calibration = _with_value(calibration, key, values[key])
    if any(str(key).startswith(INTERVAL) for key in values):
        try:
            expect_intervals(calibration.operator)
        except InputError as error:
            raise InputError(f"plan: {error}") from None
    return calibration


def _with_value(calibration: Calibration, key: str, value: Any) -> Calibration:
    """The calibration with one value replaced."""
    of_interval = str(key).startswith(INTERVAL)
    table, name = ("operator.interval", key.removeprefix(INTERVAL)) if of_interval else _parted(key)
    if table not in (*TAKEN, "operator.interval"):
        raise InputError(f"plan: unknown key {shown(key)}{suggestion(key, all_keys())}; tables: {', '.join(TAKEN)}")
    if name not in TABLES[table][1]:
        raise InputError(f"plan: {unknown_key(table, name, TABLES[table][1])}")
    try:
        read = TABLES[table][1][name](_as_written(value))
    except ValueError as error:
        raise InputError(f"plan: {key}: {error}, got {shown(value)}") from None
    operator = calibration.operator
    if of_interval:
        return replace(calibration, operator=replace(operator, interval=replace(operator.interval, **{name: read})))
    changed = {name: read}
    if table == "operator":  # what was measured of the former value says nothing of this one
        unknown: dict[str, Any] = {name: () if name in ("fix", "keep") else None}
        changed["interval"] = replace(operator.interval, **unknown)
    return replace(calibration, **{table: replace(getattr(calibration, table), **changed)})


def _parted(key: Any) -> tuple[str, str]:
    table, _, name = str(key).partition(".")
    return table, name


def all_keys() -> list[str]:
    """The keys of all values that a plan takes."""
    return [f"{table}.{name}" for table in TAKEN for name in TABLES[table][1]]


def _as_written(value: Any) -> Any:
    """A table by whole numbers as TOML has it, by their digits; pairs as lists."""
    if isinstance(value, Mapping):
        return {str(g): _as_written(inner) for g, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


def prices_said(published: Published) -> dict[str, Any]:
    """Published prices by the keys of the calibration file, of a token each.

    >>> from evo.costs.published import published
    >>> prices_said(published("gemini-2.5-flash"))["prices.prompt"]
    3e-07
    """
    prices = published.prices
    per = prices.unit or 1.0
    found = {"prices.unit": prices.currency or None, "prices.call": prices.per_call or None}
    for name in ("prompt", "generated", "cached", "reasoning"):
        price = getattr(prices, name)
        found[f"prices.{name}"] = None if price is None else float(f"{price / per:.12g}")
    return {key: value for key, value in found.items() if value is not None}
