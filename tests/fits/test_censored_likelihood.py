"""The likelihood of the mean of censored runs: by the predicted law where the runs follow it, else by Gamma laws."""

import numpy as np
import pytest
from scipy.special import gammainc

from experiments.fits.evidence import censoring
from experiments.fits.evidence.censoring import SHAPES, root_table


def drawn(shape, runs=400, seen=0.6):
    """Gamma times of mean 100, the longest ones censored."""
    times = np.random.default_rng(4).gamma(shape, 100 / shape, runs)
    reach = float(np.quantile(times, seen))
    return np.where(times > reach, np.inf, times), reach


def of_shape(shape):
    return lambda z: np.asarray(gammainc(shape, shape * z))


@pytest.mark.parametrize("shape", [0.4, 1.0, 10.0, 900.0])
def test_the_best_shape_is_found_by_a_few_of_them(shape):
    values, reach = drawn(shape)
    classes = censoring._classes(np.sort(values[values <= reach]), len(values), reach, 1e-9)
    grid = np.log(100) + np.linspace(-0.5, 0.5, 21)
    z = classes[0] / np.exp(grid)[:, None]
    every = np.max([censoring._chances(gammainc(a, a * z), classes[1]) for a in SHAPES], axis=0)
    np.testing.assert_array_equal(censoring._profile(grid, classes, None), every)


@pytest.mark.parametrize(("predicted", "follows"), [(10.0, True), (1.0, False)])
def test_the_predicted_law_is_used_where_the_runs_follow_it(predicted, follows):
    """The twin: a law that the runs do not follow is given up, and the table is that without a prediction."""
    values, reach = drawn(10.0)
    made, plain = (root_table(values, reach, 1e-9, law) for law in (of_shape(predicted), None))
    assert (made.assumed, plain.assumed) == (not follows, True)
    assert (len(made.grid) == len(plain.grid) and np.array_equal(made.roots, plain.roots)) is not follows
    assert made.best == pytest.approx(np.log(100), abs=0.1)
