"""What a plan knows of a model: a calibration, and what a user says instead of it, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.grids.measured.file import TABLES, Calibration, OperatorValues

Values = Mapping[str, Any]
"""Values by the keys of the calibration file, as {"operator.malformed": 0.08, "operator.fix": {1: 0.35}}."""
NOTHING = Calibration(OperatorValues())
TAKEN = ("operator", "tokens", "seconds", "prices", "problem")
"""Tables of the file whose values a plan takes."""


def with_values(calibration: Calibration, values: Values) -> Calibration:
    """The calibration with some of its values replaced.

    Args:
        calibration: what it rests on; `NOTHING` if all is said in the values.
        values: by key, "table.name".

    Raises: InputError naming the key, what was expected and what came.

    >>> with_values(NOTHING, {"problem.k": 40, "operator.fix": {1: 0.35}}).operator.fix
    ((1, 0.35),)
    """
    for key, value in values.items():
        table, _, name = key.partition(".")
        if key not in all_keys():
            raise InputError(f"plan: unknown key {shown(key)}{suggestion(key, all_keys())}")
        try:
            read = TABLES[table][1][name](_as_written(value))
        except ValueError as error:
            raise InputError(f"plan: {key}: {error}, got {shown(value)}") from None
        changed = {name: read}
        if table == "operator":  # what was measured of the former value says nothing of this one
            unknown: dict[str, Any] = {name: () if name in ("fix", "keep") else None}
            changed["interval"] = replace(calibration.operator.interval, **unknown)
        calibration = replace(calibration, **{table: replace(getattr(calibration, table), **changed)})
    return calibration


def all_keys() -> list[str]:
    """The keys of all values that a plan takes."""
    return [f"{table}.{name}" for table in TAKEN for name in TABLES[table][1]]


def _as_written(value: Any) -> Any:
    """A table by whole numbers as TOML has it, by their digits."""
    return {str(g): inner for g, inner in value.items()} if isinstance(value, Mapping) else value
