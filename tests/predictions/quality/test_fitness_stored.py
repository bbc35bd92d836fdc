"""Fitness at a budget where the parent keeps a noisy value: published values, each within its own error (17d, 17e)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, UniformChunk
from evo.theory.calls.offspring_counts import subset_offspring
from evo.theory.calls.starts import Start
from evo.theory.problems.stored_noise import StoredTime, moves_of
from experiments import Cell, predict
from operators import FixKeep
from problems import BlockOneMax, Noisy

KINDS = {kind.__name__: kind for kind in (AllBlocks, UniformChunk, OnlyIncorrect)}

# schedule, k, fix, keep, sigma, calls; E[hit], E[fitness], P(solved), the error of the two last
VALUES = """
UniformChunk 10 0.5 0.5 0.5 20 102.4330607293341 5.50785 0.0014904 4.056539149033256e-07
UniformChunk 10 0.5 0.5 0.5 100 102.4330607293341 9.537911 0.6722158 1.833068363765733e-07
UniformChunk 10 0.5 0.5 0.5 400 102.4330607293341 9.982897 0.9873257 8.292405162535488e-08
UniformChunk 20 0.5 0.5 1.0 20 38026.35277631883 3.869516 0.0 1.9347988686746476e-06
UniformChunk 20 0.5 0.5 1.0 100 38026.35277631883 9.552184 6.37e-05 1.1009596796895949e-05
UniformChunk 20 0.5 0.5 1.0 400 38026.35277631883 15.228273 0.050869 1.7025561062311567e-05
AllBlocks 6 0.5 0.5 0.5 20 102.55109164025478 5.076722 0.2549216 7.527871392909447e-08
AllBlocks 6 0.5 0.5 0.5 100 102.55109164025478 5.696635 0.7042923 1.54650221517727e-08
AllBlocks 6 0.5 0.5 0.5 400 102.55109164025478 5.963263 0.9633898 2.864848480665927e-08
UniformChunk 12 0.3 0.9 0.5 20 320.9424217872234 3.841159 3e-07 1.577412018782809e-07
UniformChunk 12 0.3 0.9 0.5 100 320.9424217872234 9.481198 0.0852959 1.2158658613259377e-06
UniformChunk 12 0.3 0.9 0.5 400 320.9424217872234 11.75125 0.8122935 1.0475831775380584e-06
OnlyIncorrect 12 0.3 0.9 0.5 20 56.85947365794696 4.698048 0.0015209 3.1688598944867863e-07
OnlyIncorrect 12 0.3 0.9 0.5 100 56.85947365794696 11.84447 0.9581799 5.689938067376943e-07
OnlyIncorrect 12 0.3 0.9 0.5 400 56.85947365794696 11.99592 0.9993065 4.14546121874082e-08
AllBlocks 10 0.5 0.95 0.3 20 6.22564024846654 9.997037 0.9970403 2.9899140940869984e-09
AllBlocks 10 0.5 0.95 0.3 100 6.22564024846654 9.999999 0.9999992 8.478551194457395e-12
AllBlocks 10 0.5 0.95 0.3 400 6.22564024846654 10.0 1.0 4.3520742565306136e-13
OnlyIncorrect 5 0.4 0.9 1.0 20 89.93257240310021 3.098709 0.2951402 6.47672396159038e-07
OnlyIncorrect 5 0.4 0.9 1.0 100 89.93257240310021 4.681916 0.8681816 6.989112044664125e-07
OnlyIncorrect 5 0.4 0.9 1.0 400 89.93257240310021 4.948977 0.9793318 2.0804205558278e-07
"""
"""Computed by a program that shares nothing with this one: differential equations, and a recursion on two grids."""
ROUNDED = 6e-7  # the last digit that is told


def noisy(schedule, k, fix, keep, sigma, **more):
    problem = Noisy(BlockOneMax(int(k), 4), sigma, reevaluate=False, **more)
    return Cell(problem, FixKeep(fix, keep), KINDS[schedule](), OnePlusLambda())


@pytest.mark.some("schedule", "k", "calls")
@pytest.mark.parametrize(
    ("schedule", "k", "calls", "numbers"),
    [(line.split()[0], *map(int, line.split()[1:6:4]), line.split()[2:]) for line in VALUES.strip().splitlines()],
)
def test_published_values(schedule, k, calls, numbers):
    fix, keep, sigma, _, hit, fitness, solved, error = map(float, numbers)
    found = predict(noisy(schedule, k, fix, keep, sigma), "fitness", calls=calls)
    assert found.mean == pytest.approx(fitness, abs=error + ROUNDED)
    assert found.solved == pytest.approx(solved, abs=error + ROUNDED)
    assert found.error < 1e-12
    if calls == 20:
        assert predict(noisy(schedule, k, fix, keep, sigma)).mean == pytest.approx(hit, rel=1e-9)


def test_the_estimate_of_the_error_sees_a_coarse_grid():
    moves = moves_of(subset_offspring(FixKeep(0.5, 0.5).law, 4, 1))
    fine, coarse = (StoredTime(moves, 0.06, Start(4), widest) for widest in (0.5, 20.0))
    times = np.array([30.0])
    off = abs(fine.incorrect_at(times) - coarse.incorrect_at(times)).max()
    assert off > 1e-9
    assert coarse.error_at(times) == pytest.approx(off, rel=0.5)
    assert fine.error_at(times) < 1e-13


def test_ends():
    """No noise is no noise, averaging is less noise, and a hit is P(solved)."""
    exact = Cell(BlockOneMax(6, 4), FixKeep(0.3, 0.9), UniformChunk(), OnePlusLambda())
    for calls in (1, 30):
        expected = predict(exact, "fitness", calls=calls)
        found = predict(noisy("UniformChunk", 6, 0.3, 0.9, 1e-3), "fitness", calls=calls)
        assert (found.mean, found.improve) == pytest.approx((expected.mean, expected.improve), rel=1e-12)
        four = predict(noisy("UniformChunk", 6, 0.3, 0.9, 2.0, samples=16), "fitness", calls=calls)
        one = predict(noisy("UniformChunk", 6, 0.3, 0.9, 0.5), "fitness", calls=calls)
        assert four.mean == pytest.approx(one.mean, rel=1e-12)
        hit = predict(noisy("UniformChunk", 6, 0.3, 0.9, 0.5))
        assert one.solved == pytest.approx(float(hit.cdf(calls)), abs=1e-12)


def test_a_mean_that_runs_cannot_show_is_told():
    heavy = predict(noisy("UniformChunk", 20, 0.5, 0.5, 1.0))
    assert heavy.mean == pytest.approx(38026.3528, rel=1e-8)
    assert math.isinf(heavy.variance)
    assert "a simulated mean lies low" in heavy.warning
    assert "quantiles" in heavy.warning
    assert heavy.quantile(0.5) < heavy.mean / 5  # which is why
    assert predict(Cell(BlockOneMax(4, 2), FixKeep(0.5, 0.5), UniformChunk(), OnePlusLambda())).warning == ""
