"""How values are told that a part's methods read: one of each kind, in words that another value would not have."""

from enum import Enum
from functools import partial
from types import MappingProxyType

import numpy as np
import pytest

from evo.identity.values import Unseen, composite, plain


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
        (np.float32(0.5), "float32 0.5"),
        (np.dtype("int8"), "int8"),
        ([1], "[1]"),
        ((1,), "(1,)"),
        ((1, "a"), "(1, 'a')"),
        ({"b": 2, "a": 1}, "{'b': 2, 'a': 1}"),
        ({"b", "a"}, "{'a', 'b'}"),
        (set(), "set {}"),
        (frozenset({1}), "frozenset {1}"),
        (MappingProxyType({"a": 1}), "a view of {'a': 1}"),
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
