"""Distributions at many times together are those of one step after the other."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from evo.theory.chains.powers import Powers

RNG = np.random.default_rng(5)


def powers(states):
    moves = np.triu(RNG.random((states, states)), 1) * (RNG.random((states, states)) < 0.3)
    moves *= 0.2 / np.maximum(moves.sum(axis=0), 1e-300)
    leave = moves.sum(axis=0)
    return Powers(csr_array(moves), leave, 1 - leave), np.full(states, 1 / states)


@pytest.mark.parametrize("states", [3, 40, 90])  # dense and sparse powers
@pytest.mark.parametrize(
    "times", [[0], [5], [0, 1, 1, 2], [3, 3, 3], [1, 10, 11, 64, 1000, 1001], [7, 2**40, 2**40 + 1, 2**63 + 5]]
)
def test_at_is_advance_time_by_time(states, times):
    made, state = powers(states)
    top = made.plan(times[-1])
    found, before = made.at(state, times, top), state.copy()
    assert found.shape == (states, len(times))
    for column, time in zip(found.T, times, strict=True):
        assert column == pytest.approx(made.advance(state, time, top), rel=1e-12, abs=1e-300)
    assert (state == before).all()


def test_twin_a_step_that_is_missing_is_found():
    made, state = powers(40)
    top = made.plan(9)
    with pytest.raises(AssertionError):
        assert made.at(state, [4, 9], top)[:, 1] == pytest.approx(made.advance(state, 8, top), rel=1e-12)
