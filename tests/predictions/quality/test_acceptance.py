"""Thresholds and minibatches of acceptance, and no evaluator: what the theory says in closed form (17c, 17h, 17i)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from evo import AllBlocks, Archive, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UniformSubset
from evo.errors import InputError, NoPrediction
from evo.theory.calls.acceptance import gaussian_acceptance
from evo.theory.quality.no_evaluator import block_after, level
from experiments import Cell, Grid, best_threshold, predict, trace
from operators import FixKeep
from problems import BlockOneMax, Judged, Minibatch, Noisy


def cell(problem, schedule=None, mutator=None, **runner):
    return Cell(problem, mutator or FixKeep(0.5, 0.5), schedule or UniformChunk(), OnePlusLambda(**runner))


def drift_mean(k, fix, keep, sigma, c):
    """(8b) with A(D) = Phi((D - c)/(sigma sqrt 2)): h_i = (1 + d_i h_{i+1})/u_i, E = sum of h_i, written anew."""

    def accepted(gain):
        return 0.5 * math.erfc(-(gain - c) / (2 * sigma))

    h = 0.0
    total = 0.0
    for i in range(k, 0, -1):
        up, down = i / k * fix * accepted(1), (k - i) / k * (1 - keep) * accepted(-1)
        h = (1 + down * h) / up
        total += h
    return total


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64, object])
def test_an_acceptance_is_the_same_whatever_numbers_the_fitness_is_given_in(dtype):
    expected = gaussian_acceptance([1.0, 0.0, 1.0], 0.3, m=2, threshold=0.1)
    assert expected[0, 1] < 0.5 < expected[1, 0]
    found = gaussian_acceptance(np.array([1, 0, 1]).astype(dtype), 0.3, m=2, threshold=0.1)
    assert found.dtype == np.float64
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("c", [-0.4, 0.0, 0.3, 0.5, 1.0, 2.5])
def test_a_threshold_by_the_drift(c):
    found = predict(cell(Noisy(BlockOneMax(10, 2), 0.5), threshold=c))
    assert found.mean == pytest.approx(drift_mean(10, 0.5, 0.5, 0.5, c), rel=1e-10)


@pytest.mark.parametrize(("k", "fix", "keep", "sigma"), [(10, 0.5, 0.5, 0.5), (8, 0.3, 0.9, 1.0), (20, 0.5, 0.5, 0.3)])
def test_the_best_threshold_is_that_of_a_fine_search(k, fix, keep, sigma):
    found = best_threshold(cell(Noisy(BlockOneMax(k, 2), sigma), mutator=FixKeep(fix, keep)))
    means = {c: drift_mean(k, fix, keep, sigma, c) for c in np.arange(-1 - 4 * sigma, 1 + 4 * sigma, 1e-3)}
    best = min(means, key=means.get)
    assert found.threshold == pytest.approx(best, abs=2e-3)
    assert found.value == pytest.approx(means[best], rel=1e-6)
    assert found.without == pytest.approx(drift_mean(k, fix, keep, sigma, 0.0), rel=1e-9)
    assert found.value < found.without
    assert (found.threshold > 0) == (keep < 0.9)  # where calls seldom damage, it is better to accept more


def test_the_best_threshold_at_a_budget():
    seen = cell(Noisy(BlockOneMax(10, 2), 1.0))
    found = best_threshold(seen, calls=60)
    tried = [predict(cell(Noisy(BlockOneMax(10, 2), 1.0), threshold=c), "fitness", calls=60).mean
             for c in np.linspace(-5, 5, 201)]  # fmt: skip
    assert found.value >= max(tried) - 1e-9
    assert found.without == pytest.approx(tried[100])


def test_thresholds_that_nothing_is_known_of():
    with pytest.raises(NoPrediction, match="threshold = 0"):
        predict(cell(BlockOneMax(4, 2), threshold=0.5))
    with pytest.raises(NoPrediction, match="threshold = 0"):
        predict(cell(Judged(BlockOneMax(4, 2), 0.1, 0.1), threshold=0.5))
    with pytest.raises(InputError, match="threshold"):
        OnePlusLambda(threshold=math.inf)
    with pytest.raises(InputError, match="expected Noisy"):
        best_threshold(cell(BlockOneMax(4, 2)))


@pytest.mark.parametrize("s", [1, 3, 8])
def test_a_minibatch_saves_nothing_for_edits_of_one_block(s):
    """RANDOM, g = 1: only a repaired block inside the sample is accepted: calls x k/s, blocks evaluated the same."""
    full = predict(cell(BlockOneMax(8, 2))).mean
    assert predict(cell(Minibatch(BlockOneMax(8, 2), s))).mean == pytest.approx(full * 8 / s, rel=1e-12)


def test_a_minibatch_of_all_blocks_is_exact_evaluation():
    for schedule in (AllBlocks(), OnlyIncorrect()):
        for accept in ("strict", "weak"):
            few, exact = (
                predict(cell(problem, schedule, FixKeep(0.3, 0.9), accept=accept), "fitness", calls=7)
                for problem in (Minibatch(BlockOneMax(5, 2), 5), BlockOneMax(5, 2))
            )
            np.testing.assert_allclose(few.chances, exact.chances, atol=1e-12)


def test_losses_slip_in_where_whole_solutions_are_rewritten():
    means = [predict(cell(Minibatch(BlockOneMax(12, 2), s), AllBlocks(), FixKeep(0.3, 0.9))).mean for s in (2, 6, 12)]
    assert means[0] > means[1] > means[2]
    with pytest.raises(InputError, match="size"):
        Minibatch(BlockOneMax(4, 2), 5)


# ------------------------------------------------------------------------------------------------------- no evaluator


def test_the_self_correction_loop():
    """CL = .9 and CS = .4 give U = .80; a model at .912 falls to .85 in four rounds at 1 - keep = .02 (17c)."""
    assert level(0.4, 0.9) == pytest.approx(0.8)
    assert block_after(0.02, 0.98, 0.912, 4) == pytest.approx(0.85, abs=0.001)
    assert block_after(0.0, 1.0, 0.3, 9) == 0.3
    with pytest.raises(InputError):
        level(0.0, 1.0)


@pytest.mark.parametrize(("fix", "keep", "x0"), [(0.4, 0.9, 0.0), (0.1, 0.6, 0.9), (1.0, 1.0, 0.3), (0.9, 0.05, 0.5)])
def test_each_block_goes_its_own_way(fix, keep, x0):
    k = 6
    for t in (0, 1, 2, 25):
        for schedule, own in ((AllBlocks(), t), (RoundRobin(), None), (UniformChunk(), None)):
            problem = BlockOneMax(k, 2, start=x0)
            found = predict(cell(problem, schedule, FixKeep(fix, keep), accept="always"), "fitness", generations=t)
            if own is not None:
                x = block_after(fix, keep, x0, own)
                assert found.variance == pytest.approx(k * x * (1 - x), abs=1e-9)
                expected = k * x
            elif type(schedule) is RoundRobin:
                expected = sum(block_after(fix, keep, x0, t // k + (j < t % k)) for j in range(k))
            else:  # alpha -> 1 - (1 - alpha)/k
                expected = k * block_after(fix / k, 1 - (1 - keep) / k, x0, t)
            assert found.mean == pytest.approx(expected, abs=1e-9)


def test_nothing_is_chosen_without_an_evaluator():
    for wrong in ({"lam": 2}, {"threshold": 0.5}):
        with pytest.raises(InputError, match="no evaluator that could choose"):
            OnePlusLambda(accept="always", **wrong)
    assert predict(cell(BlockOneMax(1, 2), mutator=FixKeep(0.25, 0.5), accept="always")).mean == 4.0


def before_anything_runs(cell, engine):
    return Grid("g", [cell], engine=engine)


def test_the_engine_deap_keeps_the_best_and_says_so():
    assert before_anything_runs(cell(BlockOneMax(4, 2)), engine="deap").engine == "deap"
    for runner in ({"accept": "always"}, {"threshold": 0.5}):
        for use in (trace, before_anything_runs):
            with pytest.raises(InputError, match="the engine deap keeps the best of parent and offspring"):
                use(cell(BlockOneMax(4, 2), **runner), engine="deap")
    for parts, named in (
        ({"problem": Noisy(BlockOneMax(4, 2), 0.5)}, "Noisy, UniformChunk and OnePlusLambda"),
        ({"schedule": UniformSubset(2)}, "BlockOneMax, UniformSubset and OnePlusLambda"),
        ({"runner": Archive(size=2)}, "BlockOneMax, UniformChunk and Archive"),
    ):
        for use in (trace, before_anything_runs):
            with pytest.raises(InputError, match=f"chunks of consecutive blocks; got {named}; use the engine blocks"):
                use(replace(cell(BlockOneMax(4, 2)), **parts), engine="deap")
