"""Checks of the parameters of parts: each turns a value into the plain Python number it stands for, or says why not.

They are called from `__post_init__` of frozen dataclasses, so that a part that exists is valid, and so that
`m=1`, `m=1.0` and `m=np.float64(1)` are one and the same part.
"""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from numbers import Integral, Real

from evo.errors import InputError

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 500
_SHOWN.maxtuple = _SHOWN.maxlist = _SHOWN.maxdict = _SHOWN.maxset = 12


def shown(value: object) -> str:
    """The repr of a value for a message, shortened; never raises.

    >>> shown(0.5), shown(-(10**5000))
    ('0.5', 'a number of thousands of digits')
    """
    try:
        return _SHOWN.repr(value)
    except ValueError:  # Python's own limit; of numbers, also those inside a list
        return f"{'' if isinstance(value, int) else 'what has '}a number of thousands of digits"


def shape_shown(value: object) -> str:
    """An array in a message by its type and shape, anything else as `shown`.

    >>> import numpy as np
    >>> shape_shown(np.ones(1000)), shape_shown(None)
    ('an array of float64 [1000]', 'None')
    """
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"an array of {value.dtype} {list(value.shape)}"
    return shown(value)


def suggestion(word: object, known: Iterable[str]) -> str:
    """`; did you mean 'X'?` for the nearest known word, or nothing.

    >>> suggestion("Resampel", ["Resample", "Refuse"])
    "; did you mean 'Resample'?"
    """
    if not isinstance(word, str):
        return ""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def expect_parameters(part: type, given: Iterable[str]) -> None:
    """Check that a part's dataclass takes the parameters that a text or file gives it, and that none is missing.

    Raises: InputError naming the first that is unknown or missing.

    >>> from evo.runners.one_plus_lambda import OnePlusLambda
    >>> expect_parameters(OnePlusLambda, ["lambda"])
    Traceback (most recent call last):
    evo.errors.InputError: OnePlusLambda has no parameter 'lambda'; did you mean 'lam'?; allowed: lam, accept, threshold
    """
    parameters = [field for field in fields(part) if field.init]
    allowed = [field.name for field in parameters]
    listed, there = ", ".join(allowed) or "none", set(given)
    for name in given:
        if name not in allowed:
            raise InputError(f"{part.__name__} has no parameter {name!r}{suggestion(name, allowed)}; allowed: {listed}")
    for field in parameters:
        if field.name not in there and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{part.__name__} needs the parameter {field.name!r}, got none; allowed: {listed}")


def probability(part: object, *names: str) -> None:
    """Check that the named fields are numbers in [0, 1].

    Raises: InputError unless it is a number in the interval (NaN is not).
    """
    for name in names:
        value = _real(part, name, "a probability in [0, 1]")
        if not 0.0 <= value <= 1.0:
            raise _wrong(part, name, "a probability in [0, 1]")
        object.__setattr__(part, name, value)


def non_negative(part: object, *names: str) -> None:
    """Check that the named fields are finite numbers >= 0.

    Raises: InputError.
    """
    for name in names:
        value = _real(part, name, "a finite number >= 0")
        if not (0.0 <= value < math.inf):
            raise _wrong(part, name, "a finite number >= 0")
        object.__setattr__(part, name, value)


def finite(part: object, *names: str) -> None:
    """Check that the named fields are finite numbers.

    Raises: InputError.
    """
    for name in names:
        value = _real(part, name, "a finite number")
        if not math.isfinite(value):
            raise _wrong(part, name, "a finite number")
        object.__setattr__(part, name, value + 0.0)  # -0.0 is 0


def positive(part: object, *names: str) -> None:
    """Check that the named fields are finite numbers > 0.

    Raises: InputError.
    """
    for name in names:
        value = _real(part, name, "a finite number > 0")
        if not (0.0 < value < math.inf):
            raise _wrong(part, name, "a finite number > 0")
        object.__setattr__(part, name, value)


def whole(part: object, name: str, *, least: int, most: int | None = None, none: bool = False) -> None:
    """Check that the named field is a whole number >= `least` (and <= `most`), or None where that may be.

    Raises: InputError.
    """
    if none and getattr(part, name) is None:
        return
    expected = f"a whole number >= {least}" if most is None else f"a whole number from {least} to {most}"
    value = _real(part, name, expected)
    if not math.isfinite(value) or value != int(value) or value < least or (most is not None and value > most):
        raise _wrong(part, name, expected)
    exact = getattr(part, name)
    object.__setattr__(part, name, int(exact))


def choice(part: object, name: str, allowed: Sequence[str]) -> None:
    """Check that the named field is one of the allowed words.

    Raises: InputError.
    """
    if not isinstance(getattr(part, name), str) or getattr(part, name) not in allowed:
        raise _wrong(part, name, " or ".join(repr(word) for word in allowed))


def flag(part: object, *names: str) -> None:
    """Check that the named fields are True or False.

    Raises: InputError.
    """
    for name in names:
        if not isinstance(getattr(part, name), bool):
            raise _wrong(part, name, "True or False")


def _real(part: object, name: str, expected: str) -> float:
    value = getattr(part, name)
    if isinstance(value, bool) or not isinstance(value, Real | Integral):
        raise _wrong(part, name, expected)
    try:
        return float(value)
    except OverflowError:
        raise _wrong(part, name, expected) from None


def _wrong(part: object, name: str, expected: str) -> InputError:
    return InputError(f"{type(part).__name__}: {name} must be {expected}, got {shown(getattr(part, name))}")
