"""Which searches are run on words, and that nobody's code is passed over: the loop follows from the search alone."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from evo import AllBlocks, EachChunk, OnePlusLambda, RoundRobin, UniformChunk, UniformSubset, UntilResolved
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine import run_batch, words
from evo.engine.words.which import ONE_CHUNK, runs_on_words
from evo.errors import InputError
from evo.landscapes import OfCounts
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import Mixture, SparseLaw
from evo.search import Search
from evo.seeding import streams
from operators import Malformed, Resample, Sparse
from problems import BlockOneMax, LeadingBlocks, Noisy, UnequalBlocks

USUAL = {"problem": BlockOneMax(4, l=4), "mutator": Resample(0.5), "schedule": AllBlocks(), "runner": OnePlusLambda()}


@dataclass(frozen=True)
class Other(Resample):
    """Inherits `rewrite_words`, which says nothing of its own `rewrite`."""

    def rewrite(self, correct, rng):
        return correct


@dataclass(frozen=True)
class Drawn(Resample):
    """Draws something for each run."""

    def draw(self, runs, k, rng):
        return np.zeros(runs)


@dataclass(frozen=True)
class Told(Resample):
    """Is told of the whole solution."""

    sees: ClassVar[str] = "solution"


@dataclass(frozen=True)
class Lawless(Resample):
    """Says nothing of its law; its calls are as they were."""

    law = None


@dataclass(frozen=True)
class Together(Resample):
    """Makes all blocks of a call right, or none; by words and by blocks."""

    def rewrite(self, correct, rng):
        return np.broadcast_to(rng.random((len(correct), 1)) < self.p, correct.shape).copy()

    def rewrite_words(self, words, rng):
        right = rng.random((*words.shape[:-1], 1)) < self.p
        return np.where(right, ~np.uint64(0), np.uint64(0)) | np.zeros_like(words)


@dataclass(frozen=True)
class Thinned(Together):
    """Says by a law that rewrites some blocks alone that these come together."""

    @property
    def law(self):
        return SparseLaw(0.5, Mixture((0.5, 0.5), (IndependentBlocks(0.0, 0.0), IndependentBlocks(1.0, 1.0))))


@dataclass(frozen=True)
class Another(BlockOneMax):
    """A problem of somebody else's: its own fitness is asked, whatever it declares."""

    @property
    def landscape(self):
        return OfCounts(range(self.k + 1))


@dataclass(frozen=True)
class Always0:
    """A schedule of somebody else's, with chunks of all blocks."""

    oblivious: ClassVar[bool] = True

    def chunk_size(self, k):
        return k

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.zeros((len(pointer), ahead, 1), dtype=np.int64)

    def advance(self, pointer, moved, m, used):
        return pointer


class Own(UntilResolved):
    """A schedule of somebody else's, derived from one of these."""


def changed():
    """A mutator whose `rewrite` is another function, set on the object."""
    mutator = Resample(0.5)
    object.__setattr__(mutator, "rewrite", lambda correct, rng: correct)
    return mutator


@pytest.mark.parametrize(
    "parts",
    [
        *({"schedule": kind(g=3)} for kind in ONE_CHUNK),
        {"schedule": EachChunk()},
        {"schedule": UniformSubset()},
        {"schedule": Own()},
        {"mutator": Malformed(Resample(0.5), 0.1), "schedule": UntilResolved(invalid="down")},
        {"problem": LeadingBlocks(4, l=4), "schedule": RoundRobin()},
        {"runner": OnePlusLambda(accept="weak"), "schedule": UntilResolved()},
        {"schedule": Always0()},
        {"mutator": Malformed(Resample(0.5), 0.1)},
        {"mutator": Sparse(Malformed(Resample(0.5), 0.1), 0.5)},
        {"mutator": Other(0.5)},
        {"mutator": Sparse(Other(0.5), 0.5)},
        {"mutator": Drawn(0.5)},
        {"mutator": Told(0.5)},
        {"mutator": Sparse(Drawn(0.5), 0.5)},
        {"mutator": changed()},
        {"mutator": Sparse(changed(), 0.5)},
        {"mutator": Sparse(Together(0.5), 0.5)},
        {"mutator": Sparse(Sparse(Together(0.5), 0.5), 0.5)},
        {"mutator": Sparse(Lawless(0.5), 0.5)},
        {"mutator": Sparse(Thinned(0.5), 0.5)},
        {"problem": LeadingBlocks(4, l=4)},
        {"problem": UnequalBlocks((1, 2)), "schedule": UniformChunk()},
        {"problem": Noisy(BlockOneMax(4, l=4), 1.0)},
        {"problem": Another(4, l=4)},
        {"runner": OnePlusLambda(accept="weak")},
        {"runner": OnePlusLambda(threshold=0.5)},
    ],
    ids=lambda parts: " ".join(type(part).__name__ for part in parts.values()),
)
def test_whatever_words_do_not_have_is_run_on_blocks(parts):
    of = Search(**USUAL | parts)
    assert not runs_on_words(of)
    with pytest.raises(InputError, match=r"use evo\.engine\.run_batch"):
        words.run_batch(of, Batch(streams(1, "x", 0), 2))


def test_a_rewrite_of_ones_own_is_executed(monkeypatch):
    """None of these repairs a block: what the words of Resample would have done is not done."""
    monkeypatch.setattr(Resample, "rewrite_words", lambda *arguments: pytest.fail("words were rewritten"))
    for mutator in (Other(0.5), Sparse(Other(0.5), 0.5), changed()):
        of = Search(**USUAL | {"mutator": mutator})
        assert (run_batch(of, Batch(streams(1, "x", 0), 5, [Limit(1.0, 0.0, 50)]))[0].hit == -1).all()


@pytest.mark.parametrize(
    "parts",
    [
        {"mutator": Lawless(0.5)},
        {"mutator": Together(0.5)},
        {"mutator": Sparse(Sparse(Resample(0.5), 0.5), 0.5)},
        {"problem": UnequalBlocks((1, 2))},
        *({"schedule": kind(g)} for kind in ONE_CHUNK for g in (1, 2)),
        {"mutator": Together(0.5), "schedule": UntilResolved()},
    ],
)
def test_these_are_run_on_words(parts):
    """A law does not matter but inside `Sparse`, which asks for some blocks alone."""
    assert runs_on_words(Search(**USUAL | parts))
