"""The description of a value: equal in every process for equal values, and short where the value is.

No `id`, no order of a set, no address: what has none of its own is taken apart, as pickle does it.
"""

from __future__ import annotations

import copyreg
import os
import weakref
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial, partialmethod
from types import MethodType
from typing import Any

import numpy as np

from evo.identity.code import digest
from evo.identity.whose import is_the_users

Refer = Callable[[object, str], str]
"""Describes a value that was met under a name."""
SHORT = 20
"""Characters of a word, or entries of an array, that are shown; longer ones are told by their digest."""
_CACHES = (weakref.ref, weakref.WeakKeyDictionary, weakref.WeakValueDictionary)


class Unseen(Exception):
    """A value without a description; the message says why."""


def plain(value: object) -> str | None:
    """The description of a value that holds no others; None if it is none.

    Raises: Unseen.

    >>> plain(0.1), plain("wild"), plain(np.float64(0.1)), plain([1])
    ('0.1', "'wild'", 'float64 0.1', None)
    """
    kind = type(value)
    if value is None or value is Ellipsis or value is NotImplemented or kind in (bool, int, float, complex):
        return _bounded(repr(value))
    if kind in (str, bytes, bytearray):
        text = repr(value)
        return text if len(text) <= SHORT + 2 else f"{kind.__name__} {digest(text)}"
    if isinstance(value, np.generic) and value.dtype.kind not in "OV":
        return f"{value.dtype} {value.item()!r}"
    if isinstance(value, np.ufunc) and value.__name__.endswith("(vectorized)"):
        raise Unseen("a ufunc of numpy.frompyfunc, which does not give its function back")
    if isinstance(value, np.dtype | np.ufunc):
        return str(value)
    return None


def composite(value: object, path: str, refer: Refer) -> str:
    """The description of a value that holds others.

    Raises: Unseen.
    """
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        inner = ", ".join(refer(item, f"{path}[{n}]") for n, item in enumerate(value))
        return _bounded(f"[{inner}]" if isinstance(value, list) else f"({inner})")
    if type(value) is dict:
        return _bounded("{" + ", ".join(_pair(key, item, path, refer) for key, item in value.items()) + "}")
    if type(value) in (set, frozenset):
        return _bounded("{" + ", ".join(sorted(refer(item, path) for item in value)) + "}")  # type: ignore[attr-defined]  # a set
    if isinstance(value, Mapping) and type(value).__name__ == "mappingproxy":
        return composite(dict(value), path, refer)
    if isinstance(value, np.ndarray):
        return _bounded(_array(value, path, refer) + _beside(value, path, refer))
    if isinstance(value, partial | partialmethod):
        parts = refer((value.func, value.args, dict(value.keywords)), path)
        return _bounded(f"partial {parts}")
    if isinstance(value, MethodType):
        return _bounded(f"{refer(value.__func__, path)} of {refer(value.__self__, f'{path}.__self__')}")
    if isinstance(value, Enum):
        return f"{refer(type(value), path)}.{value.name}"
    return ""


def instance(value: object, path: str, refer: Refer) -> str:
    """The description of an instance of a class of the user's: its class and what it holds."""
    held = {**_slots(value), **getattr(value, "__dict__", {})}
    inner = [f"{name}={refer(item, f'{path}.{name}')}" for name, item in held.items()]
    for kind, plainly in ((dict, dict), (list, list), (tuple, tuple), (set, set), (frozenset, frozenset)):
        if isinstance(value, kind):
            inner.append(refer(plainly(value), path))
    for simple in (str, int, float, complex):
        if isinstance(value, simple):
            inner.append(str(simple.__repr__(value)))
    return _bounded(f"{refer(type(value), path)}({', '.join(inner)})")


def taken_apart(value: Any, path: str, refer: Refer) -> str:
    """The description of an instance of a library's class, by what pickle would make it of.

    Raises: Unseen.
    """
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, _CACHES):
        return kind
    if path.endswith("['_random_state']"):
        return "the global generator"  # of a law of scipy's; whether it is used is looked at while it runs
    if isinstance(value, np.random.Generator | np.random.BitGenerator | np.random.RandomState) or _draws(value):
        raise Unseen("a generator of random numbers of its own, whose state goes on; draw from the rng that is passed")
    if type(value).__module__.partition(".")[0] in ("ctypes", "_ctypes", "_cffi_backend", "_io", "io"):
        raise Unseen(f"{kind}, which has no description")
    if isinstance(value, type(os.environ)):
        raise Unseen("the environment, which is another in each process")
    inside = getattr(value, "__wrapped__", None) or getattr(value, "py_func", None)
    if callable(inside):
        return _bounded(f"{kind} of {refer(inside, path)}")
    try:
        reduce: Any = copyreg.dispatch_table.get(type(value))
        made = reduce(value) if reduce else value.__reduce_ex__(4)
    except Exception:
        raise Unseen(f"{kind}, which has no description") from None
    if isinstance(made, str):
        return f"{kind} {made}"
    function, arguments, *rest = made
    pieces = [refer(arguments, path)]
    for piece in rest:
        if piece is not None and not callable(piece):
            held = piece if isinstance(piece, tuple | dict) else list(piece) if hasattr(piece, "__next__") else piece
            pieces.append(refer(held, path))
    return _bounded(f"{kind} {refer(function, path)} {' '.join(pieces)}")


def _draws(value: object) -> bool:
    return type(value).__module__ == "random"


def _array(value: np.ndarray[Any, Any], path: str, refer: Refer) -> str:
    head = f"array {value.dtype} {value.shape}"
    if value.dtype.hasobject:
        return f"{head} {refer(value.tolist(), path)}"
    if value.size <= SHORT // 3:
        return _bounded(f"{head} {value.tolist()}")
    return f"{head} {digest(np.ascontiguousarray(value).tobytes().hex())}"


def _beside(value: np.ndarray[Any, Any], path: str, refer: Refer) -> str:
    """What an array of another class than numpy's own has beside its entries."""
    if isinstance(value, np.ma.MaskedArray):
        mask = _array(np.ma.getmaskarray(value), path, refer)
        return f" masked {mask} by {value.fill_value!r}"
    if is_the_users(str(type(value).__module__)):
        return f" {instance(value, path, refer)}"
    return ""


def _pair(key: object, item: object, path: str, refer: Refer) -> str:
    name = refer(key, path)
    return f"{name}: {refer(item, f'{path}[{name}]')}"


def _slots(value: object) -> dict[str, object]:
    names = [name for kind in type(value).__mro__ for name in _words(vars(kind).get("__slots__", ()))]
    plainly = (name for name in names if name not in ("__dict__", "__weakref__"))
    return {name: getattr(value, name) for name in plainly if hasattr(value, name)}


def _words(names: Any) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _bounded(text: str) -> str:
    """A description of at most 120 characters; the digest of a longer one."""
    return text if len(text) <= 120 else f"{text[:40]}.. {digest(text)}"
