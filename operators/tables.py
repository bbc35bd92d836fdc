"""Checks of tables of probabilities, each converted to a tuple of floats."""

from __future__ import annotations

from numbers import Real

import numpy as np

from evo.errors import InputError
from evo.parameters import shown


def probabilities(part: object, name: str) -> None:
    """Check that the named field is a sequence of one or more probabilities.

    Raises: InputError unless the field is a nonempty sequence of numbers in [0, 1].
    """
    values = getattr(part, name)
    expected = f"{type(part).__name__}: {name} must be a tuple of probabilities in [0, 1], such as (0.9, 0.5)"
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, tuple | list) or not values:
        raise InputError(f"{expected}, got {shown(values)}")
    for value in values:
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not 0 <= value <= 1:  # type: ignore[operator]  # reals are ordered
            raise InputError(f"{expected}, got {shown(value)} in it")
    object.__setattr__(part, name, tuple(float(value) for value in values))
