"""However operators are made faster, their draws are those of their formulas, number by number: streams are frozen."""

import numpy as np
import pytest

from evo.chunks import count_correct
from evo.protocols import Chunk, Rewritten
from operators import BetaBlocks, FixKeep, Malformed, PerBlock, Refuse, Resample, Sparse, Spill
from problems.systems.votes import decisions_err

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


@BITS
@pytest.mark.parametrize("copied", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("votes", [1, 3, 5])
def test_decisions_by_votes(source, votes, copied):
    """Each vote, and then which decisions are all the first one's; who is asked once draws no more than that."""
    rng, other = twice(source)
    wrong = other.random((500, 2, votes)) < 0.4
    most = wrong.sum(axis=-1) * 2 > votes
    expected = most if votes == 1 else np.where(other.random((500, 2)) < copied, wrong[..., 0], most)
    assert (decisions_err(rng, (500, 2), 0.4, votes, copied) == expected).all()
    assert next_of(rng) == next_of(other)


class Lowest:
    """Draws the lowest number that there is, 0."""

    bit_generator = None

    def random(self, shape):
        return np.zeros(shape)


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("mutator", [Resample(0), FixKeep(0, 0), PerBlock((0, 0, 0)), BetaBlocks(1, 1)])
def test_a_block_of_probability_0_is_never_right_whatever_is_drawn(mutator, right):
    correct = np.full((4, 3), right)
    chunk = Chunk(correct, np.tile(np.arange(3), (4, 1)), np.zeros(4, int), traits=np.zeros((4, 3)))
    bare = type(mutator) in (Resample, FixKeep)
    assert mutator.rewrite(correct if bare else chunk, Lowest()).tolist() == [[False] * 3] * 4


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("wrapper", [Sparse, Refuse, Malformed, Spill])
def test_what_a_wrapper_does_with_probability_0_it_never_does_whatever_is_drawn(wrapper, right):
    correct = np.full((4, 3), right)
    chunk = Chunk(correct, np.tile(np.arange(3), (4, 1)), np.zeros(4, int), np.full((4, 5), right))
    answer = wrapper(Resample(1), 0).rewrite(chunk if wrapper is Spill else correct, Lowest())
    answer = answer if isinstance(answer, Rewritten) else Rewritten(answer)
    assert (answer.correct == (right if wrapper is Sparse else True)).all()
    assert answer.valid is None or answer.valid.all()
    assert answer.solution is None or (answer.solution == right).all()


@pytest.mark.parametrize("g", [3, 8, 64, 100, 255, 257, 2040, 2048])
@pytest.mark.parametrize("before", [(), (5,), (0,), (2, 3)])
def test_blocks_are_counted_by_eights_as_one_by_one(g, before):
    correct = np.random.default_rng(1).random((*before, g)) < 0.7
    assert (count_correct(correct) == correct.sum(axis=-1)).all()
    assert (count_correct(correct[::-1]) == correct[::-1].sum(axis=-1)).all()
    assert (count_correct(correct | True) == g).all()
