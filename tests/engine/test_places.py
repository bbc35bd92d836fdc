"""What runners choose among the solutions that they keep, in pieces and by short ways, is what a plain sort chooses."""

import tracemalloc

import numpy as np
import pytest

import problems.starts
from evo import EachChunk, OnlyIncorrect, RoundRobin, UntilResolved
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine import populations
from evo.runners import archives
from evo.runners.archives import Archive, MuPlusLambda, best_of, drawn, drawn_among, fittest
from evo.runners.protocol import Pool
from evo.search import Search
from evo.seeding import streams
from operators import Malformed, Resample
from problems import BlockOneMax


def pools(number=40):
    """Fitness with many ties and empty places, ages with ties."""
    rng = np.random.default_rng(1)
    for _ in range(number):
        runs, places = int(rng.integers(1, 9)), int(rng.integers(1, 12))
        seen = np.where(rng.random((runs, places)) < 0.2, -np.inf, rng.integers(4, size=(runs, places)))
        seen[:, 0] = 1.0
        yield Pool(seen, rng.integers(9, size=(runs, places)), 0), rng


def in_order(seen, born):
    """Places from the best on, the older first among equals, of one age the lower."""
    return sorted(range(len(seen)), key=lambda at: (-seen[at], born[at], at))


@pytest.mark.parametrize("at_once", [1, 2**13])
def test_the_best_are_the_first_of_a_sort(at_once, monkeypatch):
    monkeypatch.setattr(archives, "IN_CACHE", at_once)
    differs = 0
    for pool, rng in pools():
        number = int(rng.integers(1, pool.seen.shape[1] + 1))
        best = best_of(pool.seen, pool.born, number)
        younger = best_of(pool.seen, -pool.born, number)
        for row, order in enumerate(map(in_order, pool.seen, pool.born)):
            assert sorted(np.flatnonzero(best[row])) == sorted(order[:number])
            differs += sorted(np.flatnonzero(younger[row])) != sorted(order[:number])
        offspring = rng.integers(-1, 5, size=(len(best), int(rng.integers(1, 4)))).astype(np.float64)
        stay = fittest(pool, offspring)
        for row, (seen, born) in enumerate(zip(pool.seen, pool.born, strict=True)):
            born = [*born, *(9 + np.arange(offspring.shape[1]))]
            order = in_order([*seen, *offspring[row]], born)[: len(seen)]
            assert sorted(stay[row]) == sorted(order)
            assert all(who in (at, *range(len(seen), len(born))) for at, who in enumerate(stay[row]))
    assert differs > 20, "ages must matter"


def test_equal_weights_are_drawn_the_same_by_either_way():
    for pool, _ in pools():
        there = pool.seen > -np.inf
        ways = [drawn_among(there, 3, np.random.default_rng(2)), drawn(1.0 * there, 3, np.random.default_rng(2))]
        np.testing.assert_array_equal(*ways)
        assert there[np.arange(len(there))[:, None], ways[0]].all()


def test_many_offspring_of_many_places_take_little_memory(monkeypatch):
    weights = np.random.default_rng(1).random((20, 1000))

    def peak(at_once):
        monkeypatch.setattr(archives, "AT_ONCE", at_once)
        tracemalloc.start()
        found = drawn(weights, 1000, np.random.default_rng(2))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found, most

    (some, little), (whole, much) = peak(2**20), peak(2**40)
    np.testing.assert_array_equal(some, whole)
    assert little < 5e6 < 20e6 < much


def test_starts_are_the_same_in_pieces(monkeypatch):
    found = []
    for at_once in (1, 100, 2**17):
        monkeypatch.setattr(problems.starts, "DRAWN_AT_ONCE", at_once)
        found.append(BlockOneMax(7, 1, start=0.4).initial(33, np.random.default_rng(3)).tolist())
    assert found[0] == found[1] == found[2] == (np.random.default_rng(3).random((33, 7)) < 0.4).tolist()


@pytest.mark.parametrize("runner", [MuPlusLambda(3, 4), Archive(4, "proportional", 3)], ids=["mu + lam", "archive"])
@pytest.mark.parametrize("kind", [OnlyIncorrect, UntilResolved, RoundRobin, EachChunk])
def test_a_schedule_asked_once_says_what_it_says_of_each_parent(kind, runner):
    """A class of its own is asked parent by parent."""
    own = type("Own", (kind,), {})

    def hits(schedule):
        search = Search(BlockOneMax(5, 1, start=0.3), Malformed(Resample(0.5), 0.2), schedule, runner)
        return populations.run_batch(search, Batch(streams(1, "test", 0), 50, [Limit(1.0, 0.0, 100)]))[0].hit.tolist()

    assert hits(kind(2)) == hits(own(2)) != hits(kind(1))
