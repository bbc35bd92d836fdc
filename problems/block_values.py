"""A whole number for each block, as the field of a problem."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from evo.errors import InputError
from evo.parameters import shown

EXACT = 2**53
"""Whole numbers up to here are exact as floats, which is what engines compare."""


def whole_numbers(part: object, name: str) -> None:
    """Check that the named field is a tuple of whole numbers >= 1, one a block, that add up to at most 2^53.

    Raises: InputError.
    """
    values: Any = getattr(part, name)
    expected = f"{type(part).__name__}: {name} must be a tuple of whole numbers >= 1, one a block"
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, tuple | list) or not values:
        raise InputError(
            f"{expected}, got {shown(values)}; in a TOML file write a list in a list, {name} = [[1, 2, 4]]"
        )
    wrong = [value for value in values if not _is_whole(value)]
    if wrong:
        raise InputError(f"{expected}, got {shown(wrong[0])} among them")
    numbers = tuple(int(value) for value in values)
    if sum(numbers) > EXACT:
        raise InputError(f"{expected}, that add up to at most 2^53, so that sums are exact; got {sum(numbers):.4g}")
    object.__setattr__(part, name, numbers)


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    number: Any = value  # typeshed's Real has no order
    return bool(1 <= number <= EXACT and number == int(number))
