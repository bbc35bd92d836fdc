"""How many evaluations to average: against a chain that is written out here, at all numbers of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evo import AllBlocks, InputError, NoPrediction, OnePlusLambda, UniformChunk
from experiments import Cell, best_samples
from operators import FixKeep, Malformed
from problems import BlockOneMax, Noisy


def cell(k, sigma, fix, keep, schedule=None, **more):
    seen = Noisy(BlockOneMax(k, 2), sigma, **more)
    return Cell(seen, FixKeep(fix, keep), schedule or UniformChunk(), OnePlusLambda())


def literal_calls(k, sigma, fix, keep, m):
    """E[calls]: one random block a call; a change of one is seen through noise of sd sigma sqrt(2/m)."""
    accept = 0.5 * math.erfc(
        -math.sqrt(m) / (2.0 * sigma)
    )  # Phi(sqrt(m)/(sigma sqrt 2)), as Phi(x) = erfc(-x/sqrt 2)/2
    step = np.zeros((k, k))
    for wrong in range(1, k + 1):
        up, down = wrong / k * fix * accept, (k - wrong) / k * (1 - keep) * (1 - accept)
        step[wrong - 1, wrong - 1] = 1 - up - down
        if wrong > 1:
            step[wrong - 1, wrong - 2] = up
        if wrong < k:
            step[wrong - 1, wrong] = down
    return float(np.linalg.solve(np.eye(k) - step, np.ones(k))[k - 1])


@pytest.mark.parametrize(
    ("k", "sigma", "fix", "keep", "call", "evaluation"),
    [
        (6, 0.5, 0.5, 0.5, 0.0, 1.0),
        (10, 1.0, 0.5, 0.5, 10.0, 1.0),
        (10, 1.0, 0.4, 0.8, 5.0, 0.01),
        (8, 2.0, 0.3, 0.9, 3.0, 0.5),
    ],
)
def test_it_is_the_cheapest_of_all(k, sigma, fix, keep, call, evaluation):
    """Parents are evaluated again with each offspring; the twin pays for offspring alone and finds another price."""
    found = best_samples(cell(k, sigma, fix, keep), evaluation=evaluation, call=call)
    calls = [literal_calls(k, sigma, fix, keep, m) for m in range(1, 65)]
    prices = [each * (call + 2 * evaluation * m) for m, each in enumerate(calls, 1)]
    assert found.samples == 1 + int(np.argmin(prices))
    assert found.value == pytest.approx(min(prices), rel=1e-9)
    assert found.without == pytest.approx(prices[0], rel=1e-9)
    assert found.calls == pytest.approx(calls[found.samples - 1], rel=1e-9)
    twin = min(each * (call + evaluation * m) for m, each in enumerate(calls, 1))
    assert found.value != pytest.approx(twin, rel=1e-3)


def test_more_noise_more_blocks_and_dearer_calls_ask_for_more():
    by_sigma = [best_samples(cell(10, sigma, 0.5, 0.5), call=10.0).samples for sigma in (0.25, 1.0, 2.0)]
    by_price = [best_samples(cell(10, 1.0, 0.5, 0.5), call=price).samples for price in (0.0, 10.0, 1000.0)]
    assert by_sigma == sorted(set(by_sigma))
    assert by_price == [1, 4, 16]
    assert best_samples(cell(10, 1.0, 0.5, 0.5), call=1000.0, most=3).samples == 3
    assert best_samples(cell(10, 1.0, 0.5, 0.5, samples=7), call=10.0) == best_samples(
        cell(10, 1.0, 0.5, 0.5), call=10.0
    )


def test_answers_that_are_malformed_are_not_evaluated_and_no_price_is_guessed():
    priced = cell(6, 1.0, 0.5, 0.5)
    with pytest.raises(NoPrediction, match="some offspring are not evaluated"):
        best_samples(replace(priced, mutator=Malformed(priced.mutator, rate=0.2)), call=10.0)
    assert best_samples(replace(priced, mutator=Malformed(priced.mutator, rate=0.0)), call=10.0) == best_samples(
        priced, call=10.0
    )


def test_whole_solutions():
    assert best_samples(cell(4, 1.0, 0.3, 0.7, AllBlocks()), call=100.0).samples > 1


@pytest.mark.parametrize(
    ("of", "given", "words"),
    [
        (cell(4, 1.0, 0.5, 0.5, reevaluate=False), {}, "best_samples: expected Noisy"),
        (Cell(BlockOneMax(4, 2), FixKeep(0.5, 0.5), UniformChunk(), OnePlusLambda()), {}, "expected Noisy"),
        (cell(4, 1.0, 0.5, 0.5), {"evaluation": 0.0}, "averaged without end"),
        (cell(4, 1.0, 0.5, 0.5), {"call": -1.0}, "call must be a price >= 0"),
        (cell(4, 1.0, 0.5, 0.5), {"most": 0}, "most"),
    ],
)
def test_what_it_refuses(of, given, words):
    with pytest.raises(InputError, match=words):
        best_samples(of, **given)
