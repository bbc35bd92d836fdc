"""The likelihood of the mean of censored runs: by the predicted law where the runs follow it, else by Gamma laws."""

import numpy as np
import pytest
from scipy.special import gammainc

from experiments.fits.evidence import censoring
from experiments.fits.evidence.censoring import SHAPES, median_table, root_table


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


@pytest.mark.parametrize(("hits", "runs", "ends", "counts"), [
    ([1, 2, 5], 7, [1.5, 2.5, 10.5], [1, 1, 1, 4]),
    ([1, 1, 1, 2], 4, [1.5, 10.5], [3, 1, 0]),
    ([3], 2, [10.5], [1, 1]),
    ([], 3, [10.5], [0, 3]),
    (range(1, 9), 9, [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 10.5], [1] * 8 + [1]),
])  # fmt: skip
def test_each_run_is_in_one_class_and_those_beyond_the_reach_in_the_last(hits, runs, ends, counts):
    found = censoring._classes(np.array(hits, dtype=float), runs, 10.0, 1.0)
    assert [part.tolist() for part in found] == [ends, counts]


def error_of_log_mean(values, reach):
    """1/sqrt(information), n sum (dp/d ln mu)^2/p over the classes, of a Gamma law of shape 10."""
    (ends, counts), step = censoring._classes(np.sort(values[values <= reach]), len(values), reach, 1e-9), 1e-4
    low, mid, high = (np.diff(np.r_[0.0, of_shape(10.0)(ends * np.exp(off) / 100), 1.0]) for off in (-step, 0, step))
    return 1 / np.sqrt(counts.sum() * (((high - low) / (2 * step)) ** 2 / mid).sum())


@pytest.mark.parametrize(("law", "wider"), [(of_shape(10.0), (0.9, 1.1)), (None, (1.0, 1.4))])
@pytest.mark.parametrize("unit", [1.0, 1e-4])
def test_roots_are_distances_from_the_best_in_errors_with_their_sign(law, wider, unit):
    """About (ln mu - best)/error, whatever the unit; an error is wider where the shape is to be found, too."""
    values, reach = drawn(10.0)
    made = root_table(values * unit, reach * unit, 1e-9 * unit, law)
    near = abs(made.grid - made.best) < 0.05
    _, slope, at_best = np.polyfit(made.grid[near] - made.best, made.roots[near], 2)
    assert wider[0] < 1 / (slope * error_of_log_mean(values, reach)) < wider[1]
    assert at_best == pytest.approx(0.0, abs=0.1)
    assert (np.sign(made.roots) == np.sign(made.grid - made.best)).all()
    assert np.ptp(np.sign(made.roots)) == 2.0


@pytest.mark.parametrize(
    ("values", "level", "below"),
    [
        ([9, 1, 2, 2, np.inf], 0.5, [0.5, 2.0, 3.5]),
        ([9, 1, 2, 2, np.inf], 0.25, [0.5, 2.0, 3.5]),
        ([9, 1, 2, 2, np.inf, np.inf], 0.75, [0.5, 2.0, 3.5]),  # the quantile lies beyond what was seen
        ([1, 4, 4, 4], 0.5, [0.5, 2.5]),
    ],
)
def test_of_a_quantile_those_below_and_half_of_those_at_a_value_are_binomial(values, level, below):
    """The root is that of twice the log-likelihood ratio of so many of all runs; censored ones are above each value."""
    values, share = np.array(values), np.array(below) / len(values)
    made = median_table(values, level)
    seen = np.unique(values[np.isfinite(values)])
    likelihood = share * np.log(share) + (1 - share) * np.log(1 - share)
    likelihood -= share * np.log(level) + (1 - share) * np.log(1 - level)
    roots = np.where(share > level, 1, -1) * np.sqrt(2 * len(values) * likelihood)
    np.testing.assert_allclose(made.grid[: len(seen)], np.log(seen))
    np.testing.assert_allclose(made.roots[: len(seen)], roots, atol=1e-12)
    bound = share[-1] < level
    assert made.roots[len(seen) :].tolist() == [0.0, 0.0] * int(bound)
    best = np.inf if bound else np.interp(0.0, roots, np.log(seen))
    assert made.best == pytest.approx(best)
