"""The description of a value: equal in every process for equal values, and short where the value is.

No `id`, no order of a set, no address: what has none of its own is taken apart, as pickle does it.
"""

from __future__ import annotations

import copyreg
import gc
import os
import random
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import cached_property, partial, partialmethod
from types import FunctionType, MappingProxyType, MemberDescriptorType, MethodType
from typing import Any

import numpy as np

from evo.identity.code import code_text, digest
from evo.identity.whose import is_immutable, is_the_users, is_the_users_class
from evo.identity.wrappers import Refer, of_own_class

SHORT = 20
"""Characters of a word, or entries of an array, that are shown; longer ones are told by their digest."""
WEAK = (weakref.ref, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_GENERATORS = (np.random.Generator, np.random.BitGenerator, np.random.RandomState, random.Random)
_OF_TYPES = ("__supertype__", "__value__", "__bound__", "__constraints__", "__covariant__", "__contravariant__")
_PLAIN: Mapping[type, Callable[[Any], object]] = {
    dict: lambda value: dict(dict.items(value)),
    list: lambda value: [*list.__iter__(value)],
    tuple: lambda value: (*tuple.__iter__(value),),
    set: lambda value: {*set.__iter__(value)},
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
    bytearray: lambda value: bytearray(memoryview(value)),
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
}
"""How to have what an instance of a class of the user's holds as one of Python's, whatever its own methods say."""


class Unseen(Exception):
    """A value without a description; the message says why."""


def plain(value: object) -> str | None:
    """The description of a value that holds no others; None if it is none.

    Raises: Unseen.

    >>> plain(0.1), plain("wild"), plain(np.float64(0.1)), plain([1])
    ('0.1', "'wild'", 'float64 0.1', None)
    """
    kind = type(value)
    if isinstance(value, Unseen):
        raise value
    if value is None or value is Ellipsis or value is NotImplemented or kind in (bool, int, float, complex):
        return _bounded(repr(value)) + _odd_bits(value)
    if kind in (str, bytes, bytearray, memoryview):
        given = value.tobytes() if isinstance(value, memoryview) else value  # a worker has the bytes
        text = repr(given)
        shown = text if len(text) <= SHORT + 2 else f"{type(given).__name__} {digest(text)}"
        return shown + _form(value)
    if isinstance(value, np.generic) and value.dtype.kind not in "OV":
        return f"{value.dtype} {value.item()!r}{_odd_bits(value)}"
    if isinstance(value, np.ufunc) and value.__name__.endswith("(vectorized)"):
        raise Unseen("a ufunc of numpy.frompyfunc, which does not give its function back")
    if isinstance(value, np.dtype) and value.metadata:
        raise Unseen("a dtype with metadata, which do not go with it to a worker")
    return str(value) if isinstance(value, np.dtype | np.ufunc) else None


def composite(value: Any, path: str, refer: Refer) -> str:
    """The description of a value that holds others.

    Raises: Unseen.
    """
    kind = type(value)
    if kind in (list, tuple):
        inner = ", ".join(refer(item, f"{path}[{n}]") for n, item in enumerate(value))
        return _bounded(f"[{inner}]" if kind is list else f"({inner}{',' if len(value) == 1 else ''})")
    if value is sys.modules:
        raise Unseen("all modules there are")
    if kind is dict:
        entries = ((key, item) for key, item in value.items() if key != "__builtins__")  # which `exec` puts in
        pairs = [_pair(key, item, path, refer) for key, item in entries]
        return _bounded("{" + ", ".join(pairs) + "}")
    if kind in (set, frozenset, weakref.WeakSet):
        inner = ", ".join(sorted(refer(item, path) for item in sorted(value, key=_order)))
        return _bounded(f"{{{inner}}}" if kind is set and inner else f"{kind.__name__} {{{inner}}}")
    if kind is MappingProxyType:
        if type(under := gc.get_referents(value)[0]) is not dict:
            refer(Unseen(f"a view of a {type(under).__name__}, of which a worker has the entries"), path)
        return _bounded(f"a view of {refer(dict(value), path)}")
    if isinstance(value, weakref.WeakValueDictionary | weakref.WeakKeyDictionary):
        return _bounded(f"{kind.__name__} {refer(dict(value), path)}{of_own_class(value, path, refer)}")
    if isinstance(value, weakref.ref):
        return _bounded(f"{kind.__name__} of {refer(value(), path)}{of_own_class(value, path, refer)}")
    if isinstance(value, np.ndarray):
        return _bounded(_array(value, path, refer) + _beside(value, path, refer))
    if isinstance(value, partial | partialmethod):
        parts = refer((value.func, value.args, dict(value.keywords)), path)
        name = "partial" if isinstance(value, partial) else "partialmethod"  # which puts the instance first
        return _bounded(f"{name} {parts}{of_own_class(value, path, refer)}")
    if isinstance(value, MethodType):
        return _bounded(f"{refer(value.__func__, path)} of {refer(value.__self__, f'{path}.__self__')}")
    if isinstance(value, Enum):
        return f"{refer(type(value), path)}.{value.name}"
    return ""


def instance(value: object, path: str, refer: Refer, changed: Mapping[str, str]) -> str:
    """The description of an instance of a class of the user's: its class and what it holds.

    What its methods change as they run is told, and not compared.
    """
    state = _state(type(value))
    inner = [refer(state(value), path)] if state else []
    for name, item in _held(value).items() if not state else ():
        if isinstance(getattr(type(value), name, None), cached_property):
            refer(Unseen("kept by cached_property, of what it read then"), f"{path}.{name}")
        elif name in changed:
            refer(Unseen(f"{changed[name]} changes it as it runs"), f"{path}.{name}")
        else:
            inner.append(f"{name}={refer(item, f'{path}.{name}')}")
    inner += [refer(each, path) for each in _built_in(value)]
    return _bounded(f"{refer(type(value), path)}({', '.join(inner)})")


def _state(kind: type) -> Callable[[object], object] | None:
    """How a library's class that a class of the user's is made of says what it holds, if it does."""
    given = (vars(base).get("__getstate__") for base in kind.__mro__[:-1] if not is_the_users_class(base))
    return next((each for each in given if each is not None), None)


def expect_stateless(value: object) -> None:
    """Refuse to describe what goes on by itself, or differs from process to process.

    Raises: Unseen.
    """
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, _GENERATORS):
        raise Unseen("a generator of random numbers of its own, whose state goes on; draw from the rng that is passed")
    if kind.partition(".")[0] in ("ctypes", "_ctypes", "_cffi_backend", "_io", "io"):
        raise Unseen(f"{kind}, which has no description")
    if isinstance(value, type(os.environ)):
        raise Unseen("the environment, which is another in each process")


def taken_apart(value: Any, path: str, refer: Refer) -> str:
    """The description of an instance of a library's class, by what pickle would make it of.

    Raises: Unseen.
    """
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if path.endswith("['_random_state']"):
        return "the global generator"  # of a law of scipy's; whether it is used is looked at while it runs
    expect_stateless(value)
    if hasattr(type(value), "__next__"):
        raise Unseen("an iterator, which goes on as it is read")
    inside = getattr(value, "__wrapped__", None) or getattr(value, "py_func", None)
    if callable(inside):
        return _bounded(f"{kind} of {refer(inside, path)}")
    try:
        reduce: Any = copyreg.dispatch_table.get(type(value))
        made = reduce(value) if reduce else value.__reduce_ex__(4)
    except Exception:
        raise Unseen(f"{kind}, which has no description") from None
    if isinstance(made, str):
        return f"{kind} {made}{_of_a_name(value, path, refer)}"
    return _bounded(f"{kind} {' '.join(refer(piece, path) for piece in _pieces(made))}")


def _pieces(made: tuple[Any, ...]) -> list[Any]:
    """What pickle would make an instance of: a function, its arguments, and what is set then."""
    function, arguments, *rest = made
    given = [piece for piece in rest if piece is not None and not callable(piece)]
    plainly = [
        piece if isinstance(piece, tuple | dict) else list(piece) if hasattr(piece, "__next__") else piece
        for piece in given
    ]
    return [function, arguments, *plainly]


def _of_a_name(value: object, path: str, refer: Refer) -> str:
    """What an object is made of that pickle knows by its name alone, if a module of the user's has it."""
    held = {name: getattr(value, name) for name in _OF_TYPES if hasattr(value, name)}
    if held:
        return f" {refer(held, path)}"
    if is_the_users(str(getattr(value, "__module__", None) or "__main__")):
        raise Unseen(f"{type(value).__module__}.{type(value).__qualname__}, of which only the name is known")
    return ""


def _built_in(value: Any) -> Iterator[object]:
    """What an instance holds by way of the library's classes that its own is made of.

    Each takes it apart itself, for what the user's class says of itself may be something else.
    """
    bases = [each for each in type(value).__mro__ if each is not object and not is_the_users_class(each)]
    taken = False
    for base in bases:
        if issubclass(base, np.ndarray):
            return  # its entries are told
        if base in _PLAIN:
            yield _PLAIN[base](value)
            return
        by_version, reduce = (vars(base).get(name) for name in ("__reduce_ex__", "__reduce__"))
        if (by_version or reduce) and not taken:
            made: Any = by_version(value, 4) if by_version else reduce(value)  # type: ignore[misc]  # one is there
            yield from _pieces(made) if isinstance(made, tuple) else [made]
            taken = True
    for base in bases if not taken else ():
        if is_immutable(base) and base.__basicsize__ > object.__basicsize__:
            yield Unseen(f"what {base.__module__}.{base.__qualname__} keeps of it, which has no description")


def _array(value: np.ndarray[Any, Any], path: str, refer: Refer) -> str:
    order = " by columns" if value.flags.fnc else ""
    head = f"array {value.dtype} {value.shape}{order}"
    if value.dtype.metadata:
        refer(value.dtype, path)
    if value.dtype.hasobject:
        return f"{head} {refer(value.tolist(), path)}"
    if value.size <= SHORT // 3:
        return _bounded(f"{head} {value.tolist()}{_odd_bits(value)}")
    if value.dtype.char in "gGV":  # bytes between the entries say nothing
        return f"{head} {digest(repr(value.tolist()))}"
    return f"{head} {digest(np.ascontiguousarray(value).tobytes().hex())}"


def _form(value: object) -> str:
    """As what a memory view gives its bytes, unless one by one, as the bytes that a worker has do."""
    if not isinstance(value, memoryview) or (value.format == "B" and value.ndim == 1):
        return ""
    return f" as {value.format} {value.shape}"


def _odd_bits(value: Any) -> str:
    """What tells not-a-numbers from the usual one: their sign, and what they carry."""
    if value == value if isinstance(value, float) else not isinstance(value, complex | np.generic | np.ndarray):
        return ""
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fc" or numbers.dtype.char in "gG" or not np.isnan(numbers).any():
        return ""
    usual = np.where(np.isnan(numbers), np.array(np.nan, numbers.dtype), numbers).tobytes()
    return "" if numbers.dtype.kind == "c" or numbers.tobytes() == usual else f" {digest(numbers.tobytes().hex())}"


def _beside(value: np.ndarray[Any, Any], path: str, refer: Refer) -> str:
    """What an array of another class than numpy's own has beside its entries."""
    if isinstance(value, np.ma.MaskedArray):
        mask = _array(np.ma.getmaskarray(value), path, refer)
        return f" masked {mask} by {value.fill_value!r}"
    if is_the_users_class(type(value)):
        return f" {instance(value, path, refer, {})}"
    return ""


def _order(item: object) -> str:
    """What the functions of one name in a set are told apart by, for the first of them has the name."""
    if not isinstance(item, FunctionType):
        return ""
    said = [code_text(item.__code__)]
    for cell in item.__closure__ or ():
        with suppress(ValueError, Unseen):
            said.append(str(plain(cell.cell_contents)))
    for value in (*(item.__defaults__ or ()), *(item.__kwdefaults__ or {}).values()):
        with suppress(Unseen):
            said.append(str(plain(value)))
    return " ".join(said)


def _pair(key: object, item: object, path: str, refer: Refer) -> str:
    name = refer(key, path)
    return f"{name}: {refer(item, f'{path}[{name}]')}"


def _held(value: object) -> dict[str, object]:
    """By name what an instance holds in slots and attributes; of two slots of one name one by its class, too."""
    found: dict[str, object] = {}
    for kind in type(value).__mro__:
        for name in _words(vars(kind).get("__slots__", ())):
            mangled = f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and name[-2:] != "__" else name
            slot = vars(kind).get(mangled)
            if isinstance(slot, MemberDescriptorType):
                with suppress(AttributeError):
                    found[f"{kind.__name__}.{mangled}" if mangled in found else mangled] = slot.__get__(value)
    try:
        kept: Mapping[str, object] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return found
    return found | {f"{name} of its own" if name in found else name: item for name, item in kept.items()}


def _words(names: Any) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _bounded(text: str) -> str:
    """A description of at most 120 characters; the digest of a longer one."""
    return text if len(text) <= 120 else f"{text[:40]}.. {digest(text)}"
