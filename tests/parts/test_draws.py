"""However operators are made faster, their draws are those of their formulas, number by number: streams are frozen."""

import numpy as np
import pytest

from evo.chunks import count_correct
from operators import FixKeep, Sparse

BITS = pytest.mark.parametrize("source", [np.random.PCG64, np.random.MT19937])
CHANCES = pytest.mark.parametrize(("fix", "keep"), [(1, 0), (0, 1), (1, 1), (1, 0.3), (0.4, 0.9), (0.9, 0.4)])
SHAPES = pytest.mark.parametrize("shape", [(3, 9), (700, 9)], ids=["few", "many"])


def twice(source):
    """Two generators in one state, with the half of a number left over."""
    both = [np.random.Generator(source(3)) for _ in range(2)]
    for rng in both:
        rng.integers(5, dtype=np.uint32)
    return both


def by_formula(correct, fix, keep, rng):
    return rng.random(correct.shape) < np.where(correct, keep, fix)


def next_of(rng):
    return rng.integers(2**32, size=3, dtype=np.uint32).tolist()


@BITS
@CHANCES
@SHAPES
def test_fix_keep(source, fix, keep, shape):
    correct = np.random.default_rng(1).random(shape) < 0.5
    rng, other = twice(source)
    assert (FixKeep(fix, keep).rewrite(correct, rng) == by_formula(correct, fix, keep, other)).all()
    assert next_of(rng) == next_of(other)


@BITS
@CHANCES
@SHAPES
def test_sparse(source, fix, keep, shape):
    correct = np.random.default_rng(1).random(shape) < 0.5
    rng, other = twice(source)
    inside = by_formula(correct, fix, keep, other)
    expected = np.where(other.random(shape) < 0.3, inside, correct)
    assert (Sparse(FixKeep(fix, keep), 0.3).rewrite(correct, rng).correct == expected).all()
    assert next_of(rng) == next_of(other)


@pytest.mark.parametrize("g", [3, 8, 64, 100, 255, 257, 2040, 2048])
@pytest.mark.parametrize("before", [(), (5,), (0,), (2, 3)])
def test_blocks_are_counted_by_eights_as_one_by_one(g, before):
    correct = np.random.default_rng(1).random((*before, g)) < 0.7
    assert (count_correct(correct) == correct.sum(axis=-1)).all()
    assert (count_correct(correct[::-1]) == correct[::-1].sum(axis=-1)).all()
    assert (count_correct(correct | True) == g).all()
