"""Gains that are too rare for floats do not matter at a budget: long chunks of runs of very low quality (theory 6a)."""

from __future__ import annotations

import numpy as np
import pytest

from evo import OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.theory.calls.gains import gains_of
from experiments import Cell, predict
from operators import BetaRunQuality, FixKeep
from problems import BlockOneMax

K, G, CALLS = 12, 11, 20


def binomial(n, q):
    law = np.ones(1)
    for _ in range(n):
        law = np.convolve(law, (1.0 - q, q))
    return law


def of_chunk(size, q):
    """P(i incorrect blocks -> j) of one call, elitist."""
    step = np.zeros((size + 1, size + 1))
    for i in range(size + 1):
        for right, chance in enumerate(binomial(size, q)):
            step[i, min(i, size - right)] += chance
    return step


def fitness_given(q, schedule):
    """E[correct blocks] after the calls where each is right w.p. q: chunks of 11 blocks and of one."""
    first, second = of_chunk(G, q), of_chunk(K - G, q)
    state = np.zeros((G + 1, 2))
    state[G, 1] = 1.0
    for call in range(CALLS):
        on_first, on_second = first.T @ state, state @ second
        one = on_second if call % 2 else on_first
        state = one if schedule == "in turn" else (on_first + on_second) / 2
    left = np.add.outer(np.arange(G + 1), np.arange(2))
    return K - float((state * left).sum())


@pytest.mark.parametrize(("schedule", "name"), [(RoundRobin(G), "in turn"), (UniformChunk(G), "random")])
def test_a_run_wide_quality_of_long_chunks(schedule, name):
    """q ~ Beta(1/2, 1): q = u^2, u uniform, over which the polynomial of a fixed degree is integrated exactly."""
    places, weights = np.polynomial.legendre.leggauss(230)  # exact up to degree 459 of u; here it is 2 * 11 * 20
    expected = sum(w / 2 * fitness_given(((u + 1) / 2) ** 2, name) for u, w in zip(places, weights, strict=True))
    cell = Cell(BlockOneMax(K, 4), BetaRunQuality(0.5, 1.0), schedule, OnePlusLambda())
    assert predict(cell, "fitness", calls=CALLS).mean == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("a", [0.05, pytest.param(1e-8, marks=pytest.mark.slow)])
def test_small_shapes_have_a_fitness_too(a):
    for schedule in (UniformChunk(G), OnlyIncorrect(G), RoundRobin(G)):
        cell = Cell(BlockOneMax(K, 4), BetaRunQuality(a, 1.0), schedule, OnePlusLambda())
        assert 0.0 < predict(cell, "fitness", calls=CALLS).mean < K


def test_rare_gains_are_dropped_at_a_budget_only():
    """A mean to the optimum rests on them, and is refused; a fitness within 2^63 calls does not."""
    law = IndependentBlocks(1e-30, 1e-30)
    with pytest.raises(NoPrediction, match="too small for floats"):
        gains_of(law, G)
    gains = gains_of(law, G, ever=False)
    assert gains[1].tolist() == [0.0]
    assert gains[G][0] == pytest.approx(G * 1e-30)
    never = Cell(BlockOneMax(K, 4), FixKeep(1e-30, 1e-30), UniformChunk(G), OnePlusLambda())
    assert predict(never, "fitness", calls=10**6).mean == pytest.approx(1e6 * (G + 1) / 2 * 1e-30, rel=1e-9)
