"""Slabs of a round are put together: what all generations took alike, as one row, or generation by generation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evo.engine.generations import Best, Round, better_of, picked, stacked

RUNS, AHEAD, LAM = 2, 3, 4
ALIKE = np.array([1, LAM, LAM])
EACH = np.broadcast_to(ALIKE, (RUNS, AHEAD, 3)) - np.array([0, 0, 1])
"""One offspring of each generation is invalid."""


def a_round(spent, seed=1):
    """A round of any numbers."""
    rng = np.random.default_rng(seed)
    change, shape = rng.integers(-2, 3, (RUNS, AHEAD)).astype(float), (RUNS, AHEAD)
    number = rng.integers(0, LAM + 1, shape)
    after = rng.random((*shape, 5)) < 0.5
    return Round(change, number, np.zeros(shape, np.int64), after, None, change != 0, number, spent)


def whole(spent):
    return np.broadcast_to(spent, (RUNS, AHEAD, 3))


@pytest.mark.parametrize(("one", "other"), [(ALIKE, ALIKE), (ALIKE, EACH), (EACH, ALIKE), (EACH, EACH)])
def test_slabs_take_what_their_generations_took(one, other):
    below = stacked([a_round(one), a_round(other, 2)], (2 * RUNS, AHEAD))
    assert (np.broadcast_to(below.spent, (2 * RUNS, AHEAD, 3)) == np.concatenate([whole(one), whole(other)])).all()
    assert (below.valid(np.arange(2 * RUNS) * AHEAD) == np.repeat([one[..., 2].max(), other[..., 2].max()], RUNS)).all()
    beside = better_of(a_round(one), a_round(other, 2))
    assert (whole(beside.spent) == whole(one) + whole(other) - np.array([1, 0, 0])).all()  # a generation is one still


def test_the_better_of_two_slabs_is_kept_and_the_earlier_wins_ties():
    old, new = a_round(ALIKE), a_round(ALIKE, 2)
    both = better_of(old, new)
    assert (both.change == np.maximum(old.change, new.change)).all()
    later = new.change > old.change
    assert (both.after == np.where(later[..., None], new.after, old.after)).all()
    tied = better_of(old, replace(new, change=old.change))
    assert (tied.after == old.after).all()


@pytest.mark.parametrize("lam", [1, 3])
def test_the_best_of_each_generation_is_the_first_of_the_largest(lam):
    change = np.random.default_rng(3).integers(0, 3, (RUNS, AHEAD, lam)).astype(float)
    values = np.arange(change.size * 2).reshape(-1, 2)
    best = Best.of(change)
    for run in range(RUNS):
        for ahead in range(AHEAD):
            winner = change[run, ahead].tolist().index(change[run, ahead].max())
            assert best.winner[run, ahead] == winner
            assert (best.of_each(values)[run, ahead] == values[(run * AHEAD + ahead) * lam + winner]).all()
    assert (picked(best.of_each(values), np.array([AHEAD])) == best.of_each(values)[1, 0]).all()
