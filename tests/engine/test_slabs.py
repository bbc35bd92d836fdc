"""Calls are made in slabs of bounded size, each with what belongs to its own runs; the slabs follow from the cell."""

from __future__ import annotations

import numpy as np
import pytest

from evo import OnePlusLambda, RoundRobin
from evo.engine import calls
from evo.engine.calls import BESIDE, Caller, Parents
from evo.engine.kept import Kept, Made
from evo.engine.optimum import Optimum
from evo.protocols import Rewritten
from evo.search import Search
from problems import BlockOneMax

K, G, RUNS = 6, 2, 11


class Told:
    """Keeps what it is told; every block is correct afterwards that is below the trait of its run."""

    sees = "solution"

    def __init__(self):
        self.chunks = []

    def draw(self, runs, k, rng):
        return np.arange(runs)

    def rewrite(self, chunk, rng):
        self.chunks.append(chunk)
        return Rewritten(chunk.blocks < chunk.traits[:, None])


def caller(mutator, lam=1):
    search = Search(BlockOneMax(K, 1), mutator, RoundRobin(G), OnePlusLambda(lam))
    return Caller(search.problem, mutator, search.lengths, lam)


@pytest.mark.parametrize(("most", "sizes"), [(1, [1] * 11), (4 * K, [4, 4, 3]), (2**18, [11])])
def test_each_slab_of_offspring_is_told_of_its_own_runs(monkeypatch, most, sizes):
    monkeypatch.setattr(calls, "SLAB_BLOCKS", most)
    mutator, rng = Told(), np.random.default_rng(1)
    parents = rng.random((RUNS, K)) < 0.5
    generations, traits, chunk = np.arange(RUNS) + 7, np.arange(RUNS) % 7, np.arange(RUNS) % 3
    made = caller(mutator).offspring(parents.copy(), generations, traits, chunk, rng)
    expected = parents.copy()
    for run in range(RUNS):
        blocks = 2 * chunk[run] + np.arange(2)
        expected[run, blocks] = blocks < traits[run]
    assert made.solutions.tolist() == expected.tolist()
    assert [len(each.correct) for each in mutator.chunks] == sizes
    for name, told in (("generation", generations), ("traits", traits), ("solution", parents)):
        assert np.concatenate([getattr(each, name) for each in mutator.chunks]).tolist() == told.tolist()


@pytest.mark.parametrize(("most", "sizes"), [
    (1, [1] * 20), (3 * (K + BESIDE), [3, 2] * 4), (10 * (K + BESIDE), [10, 10]), (2**18, [20]),
])  # fmt: skip
def test_offspring_of_a_generation_are_compared_across_slabs(monkeypatch, most, sizes):
    """Four runs of five offspring each: the winner, and the first optimum, by their numbers among all five."""
    monkeypatch.setattr(calls, "SLAB_BLOCKS", most)
    better = [4, 0, 3, 2]

    class Numbered(Told):
        def rewrite(self, chunk, rng):
            made = sum(len(each.correct) for each in self.chunks) + np.arange(len(chunk.correct))
            self.chunks.append(chunk)
            run, number = self.order[made].T
            good = np.array(better)[run] <= number
            return Rewritten(np.repeat(good[:, None], chunk.correct.shape[1], axis=1))

    mutator = Numbered()
    at_once = min(5, max(1, most // (K + BESIDE)))
    runs = max(1, max(1, most // (at_once * (K + BESIDE))))
    mutator.order = np.array([
        (run, number) for low in range(0, 4, runs) for first in range(0, 5, at_once)
        for run in range(low, min(low + runs, 4)) for number in range(first, min(first + at_once, 5))
    ])  # fmt: skip
    correct = np.ones((4, K), dtype=bool)
    correct[:, :2] = False
    parents = Parents(correct, np.full(4, 4.0), np.zeros(4, dtype=int), np.zeros(4, dtype=int))
    made = caller(mutator, 5).round(parents, np.zeros((4, 1, 1), dtype=int), np.random.default_rng(1))
    assert [len(each.correct) for each in mutator.chunks] == sizes
    assert made.winner.ravel().tolist() == better
    assert made.optimal.ravel().tolist() == [number + 1 for number in better]
    assert made.change.ravel().tolist() == [2.0] * 4
    assert made.moved.all()


def test_who_stays_comes_to_its_place_with_all_that_is_kept_of_it():
    """Two runs of three places and two offspring: one stays, two change places, an offspring comes twice."""
    kept = Kept(
        correct=np.arange(18).reshape(2, 3, 3) % 4 == 0, seen=np.arange(6.0).reshape(2, 3),
        born=np.arange(6).reshape(2, 3),
        optimal=np.zeros((2, 3), dtype=bool), fitness=np.arange(6.0).reshape(2, 3) / 10,
        features=np.arange(6).reshape(2, 3) + 20, judgements=np.arange(12).reshape(2, 3, 2) + 40,
    )  # fmt: skip
    made = Made(
        solutions=np.array([[[1, 1, 1], [0, 1, 0]], [[0, 0, 1], [1, 0, 1]]], dtype=bool),
        seen=np.array([[7.0, 8.0], [9.0, 10.0]]), number=np.array([2, 5]), features=np.array([[31, 32], [33, 34]]),
        judgements=np.arange(8).reshape(2, 2, 2) + 60,
    )  # fmt: skip
    stay, before = np.array([[1, 0, 3], [4, 1, 4]]), np.array([100, 200])
    expected = {
        name: [
            [(old[run].tolist() + new[run].tolist())[place] for place in stay[run]] for run in range(2)
        ]
        for name, old, new in (
            ("correct", kept.correct, made.solutions), ("seen", kept.seen, made.seen),
            ("features", kept.features, made.features), ("judgements", kept.judgements, made.judgements),
            ("born", kept.born, before[:, None] + 1 + made.number),
        )
    }  # fmt: skip
    kept.enter(stay, made, before, Optimum.of(BlockOneMax(3, 1)))
    for name, values in expected.items():
        assert getattr(kept, name).tolist() == values
    assert kept.optimal.tolist() == [[False, False, True], [False] * 3]
    entered = kept.correct.sum(axis=2).tolist()
    assert kept.fitness.tolist() == [entered[0], [entered[1][0], 0.4, entered[1][2]]]  # asked of those who move alone
