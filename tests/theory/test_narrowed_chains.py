"""A run that has come far is on few states: the law on these alone is that on all of them."""

from __future__ import annotations

import numpy as np
import pytest

from evo.laws.counts import IndependentBlocks
from evo.theory.calls.starts import Start
from evo.theory.chains import powers
from evo.theory.chains.powers import Powers
from evo.theory.schedules.uniform_chunk import uniform_chunk
from evo.theory.schedules.until_resolved import until_resolved

K = 200
LEVELS = (2.0**-50, 0.1, 0.5, 0.9, 1 - 2.0**-50)
LAWS = {
    "one a generation": lambda: uniform_chunk(IndependentBlocks(0.5, 0.5), K, 1, Start(K)).hit,
    "several a generation": lambda: uniform_chunk(IndependentBlocks(0.3, 0.9), K, 1, Start(K), 8).hit,
    "a start of few": lambda: uniform_chunk(IndependentBlocks(0.5, 0.5), K, 1, Start(K, p0=0.9)).hit,
    "in order": lambda: until_resolved(IndependentBlocks(0.5, 0.5), K, Start(K), 8).hit,
}


TIMES = np.unique(np.geomspace(1, 40 * K, 300).round())


def told(law):
    return np.concatenate([law.cdf(TIMES), law.tail(TIMES), [law.quantile(u) for u in LEVELS]])


@pytest.fixture
def narrowed(monkeypatch):
    """Counts how often states are left out, or lets none be."""
    counted, honest = [], Powers.narrowed

    def counting(self, state):
        found = honest(self, state)
        counted.append(len(found[1]) < len(state))
        return found

    monkeypatch.setattr(Powers, "narrowed", counting)
    return counted


@pytest.mark.parametrize("case", LAWS)
def test_few_states_give_the_same_law(case, narrowed, monkeypatch):
    few = told(LAWS[case]())
    assert any(narrowed)
    monkeypatch.setattr(Powers, "narrowed", lambda self, state: (self, state))
    whole = told(LAWS[case]())
    np.testing.assert_allclose(few, whole, rtol=1e-12, atol=1e-90)


def test_states_that_hold_something_are_not_left_out(narrowed, monkeypatch):
    """The twin: what holds a tenth of the mass is missed."""
    whole = LAWS["one a generation"]().cdf(TIMES)
    monkeypatch.setattr(powers, "NOTHING", 0.1)
    assert np.abs(LAWS["one a generation"]().cdf(TIMES) - whole).max() > 1e-3


def test_where_runs_go_back_nothing_is_left_out():
    """From state 1 a run may get to state 40: whatever is on the upper states now, they are needed."""
    n = 41
    moves = np.diag(np.full(n - 1, 0.5), 1)
    moves[40, 1] = 0.1
    leave = moves.sum(axis=0)
    state = np.eye(n)[1]
    assert Powers(moves, leave, 1.0 - leave).narrowed(state)[1] is state
    moves[40, 1] = 0.0
    leave = moves.sum(axis=0)
    assert len(Powers(moves, leave, 1.0 - leave).narrowed(state)[1]) == 16
