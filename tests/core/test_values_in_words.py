"""How values are told that a part's methods read: one of each kind, in words that another value would not have."""

import ctypes
import io
import math
import os
import random
import threading
import weakref
from enum import Enum
from fractions import Fraction
from functools import partial, partialmethod
from types import MappingProxyType

import numpy as np
import pytest

from evo.identity.code import digest
from evo.identity.values import Unseen, composite, plain, taken_apart


class Colour(Enum):
    """Two members."""

    RED = 1
    BLUE = 2


def told(value, path="it"):
    if isinstance(value, type) or callable(value):
        return value.__name__
    return plain(value) or composite(value, path, told)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "True"),
        (1.0, "1.0"),
        (None, "None"),
        ("x" * 20, repr("x" * 20)),
        (memoryview(b"ab"), "b'ab'"),
        (b"ab", "b'ab'"),
        (bytearray(b"ab"), "bytearray(b'ab')"),
        ("x" * 21, f"str {digest(repr('x' * 21))}"),
        (bytearray(b"x" * 40), f"bytearray {digest(repr(bytearray(b'x' * 40)))}"),
        (memoryview(b"x" * 40), f"bytes {digest(repr(b'x' * 40))}"),
        (10**119, str(10**119)),
        (10**120, f"{str(10**120)[:40]}.. {digest(str(10**120))}"),
        (10**130, f"{str(10**130)[:40]}.. {digest(str(10**130))}"),
        (Ellipsis, "Ellipsis"),
        (NotImplemented, "NotImplemented"),
        (-0.0, "-0.0"),
        (math.nan, "nan"),
        (-math.nan, f"nan {digest(np.float64(-math.nan).tobytes().hex())}"),
        (complex(0, -0.0), "-0j"),
        (complex(math.nan, -math.nan), "(nan+nanj)"),
        (np.float32(-math.nan), f"float32 nan {digest(np.float32(-math.nan).tobytes().hex())}"),
        (np.complex64(1), "complex64 (1+0j)"),
        (np.datetime64("2020-01-02"), "datetime64[D] datetime.date(2020, 1, 2)"),
        (np.str_("ab"), "<U2 'ab'"),
        (np.add, "<ufunc 'add'>"),
        (np.arange(3), "array int64 (3,) [0, 1, 2]"),
        (np.zeros((1, 2), "f4"), "array float32 (1, 2) [[0.0, 0.0]]"),
        (np.eye(2, order="F"), "array float64 (2, 2) by columns [[1.0, 0.0], [0.0, 1.0]]"),
        (np.arange(6), "array int64 (6,) [0, 1, 2, 3, 4, 5]"),
        (np.arange(7), f"array int64 (7,) {digest(np.arange(7).tobytes().hex())}"),
        (np.arange(14)[::2], f"array int64 (7,) {digest(np.arange(0, 14, 2).tobytes().hex())}"),
        (np.array([None, "a"]), "array object (2,) [None, 'a']"),
        (np.float32(0.5), "float32 0.5"),
        (np.dtype("int8"), "int8"),
        ([1], "[1]"),
        ((1,), "(1,)"),
        ((1, "a"), "(1, 'a')"),
        ({"b": 2, "a": 1}, "{'b': 2, 'a': 1}"),
        ({"b", "a"}, "{'a', 'b'}"),
        (set(), "set {}"),
        (frozenset(), "frozenset {}"),
        ((), "()"),
        ([], "[]"),
        ({}, "{}"),
        ({"__builtins__": 1, "a": 2}, "{'a': 2}"),
        ([[1], (2,)], "[[1], (2,)]"),
        (weakref.WeakSet(), "WeakSet {}"),
        (weakref.WeakValueDictionary(a=Colour), "WeakValueDictionary {'a': Colour}"),
        (weakref.WeakKeyDictionary({Colour: 1}), "WeakKeyDictionary {Colour: 1}"),
        (weakref.ref(Colour), "ReferenceType of Colour"),
        (frozenset({1}), "frozenset {1}"),
        (MappingProxyType({"a": 1}), "a view of {'a': 1}"),
        (partial(sorted, [1], key=len), "partial (sorted, ([1],), {'key': len})"),
        (partialmethod(sorted, [1], key=len), "partialmethod (sorted, ([1],), {'key': len})"),
        (partial(sorted, reverse=True), "partial (sorted, (), {'reverse': True})"),
        (Colour.BLUE, "Colour.BLUE"),
    ],
    ids=lambda each: each[:20] if isinstance(each, str) else "value",  # a repr has addresses, and orders of sets
)
def test_a_value_is_told_in_words(value, words):
    assert (plain(value) or composite(value, "it", told)) == words


@pytest.mark.parametrize(
    "pair", [("x" * 30, "x" * 29 + "y"), (np.arange(30.0), np.arange(30.0) + (np.arange(30) == 29))]
)
def test_what_is_long_is_told_by_its_digest(pair):
    one, other = (told(value) for value in pair)
    assert len(one) < 60
    assert one != other


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (np.frompyfunc(abs, 1, 1), "a ufunc of numpy.frompyfunc, which does not give its function back"),
        (np.dtype("f8", metadata={"a": 1}), "a dtype with metadata, which do not go with it to a worker"),
    ],
)
def test_what_has_no_words_says_why(value, why):
    with pytest.raises(Unseen, match=why):
        plain(value)


class Reduced:
    """What pickle would make it of is given."""

    def __init__(self, made):
        self.made = made

    def __reduce_ex__(self, version):
        return self.made


class Bound(Reduced):
    """A type of a name, as typing has them."""

    __bound__ = 3


class Wraps(Reduced):
    """A library's object around a function."""

    def __init__(self, name):
        setattr(self, name, sorted)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Reduced((dict, ())), "Reduced dict ()"),
        (Reduced((dict, (1,), None, iter([2]), iter([(3, 4)]))), "Reduced dict (1,) [2] [(3, 4)]"),
        (Reduced((dict, (), {"a": 1}, None, None, len)), "Reduced dict () {'a': 1}"),
        (Reduced((dict, (), (None, {"a": 1}))), "Reduced dict () (None, {'a': 1})"),
        (Bound("Name"), "Bound Name {'__bound__': 3}"),
        (Wraps("__wrapped__"), "Wraps of sorted"),
        (Wraps("py_func"), "Wraps of sorted"),
        (Fraction(1, 3), "fractions.Fraction Fraction (1, 3)"),
    ],
    ids=range(8),
)
def test_what_pickle_would_make_of_it_is_told(value, words):
    assert taken_apart(value, "it", told).removeprefix(f"{__name__}.") == words


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Reduced("Name"), "Reduced, of which only the name is known"),
        (threading.Lock(), "lock, which has no description"),
        (iter([1]), "an iterator, which goes on as it is read"),
        (np.random.default_rng(1), "a generator of random numbers of its own"),
        (np.random.PCG64(1), "a generator of random numbers of its own"),
        (np.random.RandomState(1), "a generator of random numbers of its own"),
        (random.Random(1), "a generator of random numbers of its own"),
        (ctypes.c_int(1), "ctypes.c_int, which has no description"),
        (io.StringIO(), "_io.StringIO, which has no description"),
        (os.environ, "the environment, which is another in each process"),
    ],
    ids=range(10),
)
def test_what_goes_on_by_itself_is_not_described(value, why):
    with pytest.raises(Unseen, match=why):
        taken_apart(value, "it", told)


def test_the_global_generator_of_a_law_is_named_and_another_is_not():
    assert taken_apart(np.random.mtrand._rand, "mine.norm['_random_state']", told) == "the global generator"
    with pytest.raises(Unseen):
        taken_apart(np.random.mtrand._rand, "mine.norm['random_state']", told)


def test_bytes_between_the_entries_of_an_array_say_nothing():
    kind = np.dtype("i1, f8", align=True)
    filled = np.frombuffer(bytearray(b"\xff" * 9 * kind.itemsize), kind)
    filled["f0"], filled["f1"] = 1, 2
    assert told(filled) == told(np.full(9, np.array((1, 2), kind)))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="long floats have no bytes that say nothing here")
@pytest.mark.parametrize("kind", [np.longdouble, np.clongdouble])
@pytest.mark.parametrize("value", [0.5, math.nan])
@pytest.mark.parametrize("size", [1, 30])
def test_bytes_behind_long_floats_say_nothing(kind, value, size):
    filled = np.full(size, value, kind)
    held = filled.view(np.uint8).reshape(-1, np.dtype(np.longdouble).itemsize)
    held[:, 10:] = 0
    before = told(filled)
    held[:, 10:] = 255
    assert told(filled) == before
    assert told(filled.real) == told(filled.real.copy())
