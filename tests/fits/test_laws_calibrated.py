"""How often a law is told, and rightly: known laws drawn again and again, and the rule of the least AIC as the twin.

Counts of ROUNDS draws of each truth, over all truths together. Said are 1 % of wrong families told and 1 % of true ones
refused; a count fails w.p. below 1e-3 at these rates, and w.p. above 0.99 at 10 %.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from experiments.fits.calibration import DOUBLING, KNOWN, UNKNOWN, calibrated, memoryless, sums
from experiments.fits.families.choice import choose

ROUNDS = 12
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def rng(request):
    return np.random.default_rng(None if request.config.getoption("--vary-seed") else 20261)


def least_aic(choice):
    """The rule before this one: of all families that could be fitted the one with the least AIC."""
    return min(choice.fits.values(), key=lambda made: made.distance + 2 * made.model.size).form.name


def most(trials, rate=0.01):
    """Errors that are too many for a rate: more have probability below 1e-3."""
    return int(binom.isf(1e-3, trials, rate))


@pytest.mark.slow
@pytest.mark.statistical
def test_no_wrong_family_is_told_and_the_true_one_is_not_refused(rng):
    told = right = refused = by_aic = trials = 0
    for draw in (memoryless, sums):
        for name, (x, law, _) in KNOWN.items():
            for _ in range(ROUNDS):
                choice = choose(draw(rng, x, law(x)))
                told += bool(choice.law)
                right += choice.law == name
                refused += "fit" in choice.dropped.get(name, "")
                by_aic += least_aic(choice) != name
                trials += 1
    assert binom.sf(most(trials), trials, 0.1) > 0.99
    assert told - right <= most(trials)
    assert refused <= most(trials)
    assert right > 0.5 * trials
    assert by_aic > 0.1 * trials  # the twin: such a rule names a wrong family again and again


@pytest.mark.statistical
@pytest.mark.parametrize("rounds", [3, pytest.param(ROUNDS, marks=pytest.mark.slow)])
def test_what_is_no_family_is_not_told(rounds, rng):
    """Curves of none of the families, at few runs and many; a law is told of pure noise and of them in at most 1 %."""
    told = trials = 0
    for name, (x, law) in UNKNOWN.items():
        right = "shifted power" if name == "shifted" else ""
        for _ in range(rounds):
            told += choose(sums(rng, x, law(x))).law not in ("", right)
            trials += 1
    for _ in range(4 * rounds):
        told += bool(choose(sums(rng, DOUBLING, np.exp(rng.normal(4.0, 0.5, 7)))).law)
        trials += 1
    assert told <= most(trials)


@pytest.mark.slow  # quick, censored runs of one family at a time: tests/fits/test_fits.py
@pytest.mark.statistical
@pytest.mark.parametrize("budget", [np.inf, 150.0])
def test_intervals_cover_with_and_without_censoring(budget, rng):
    """2^k for k = 1 to 10, up to 86 % of a cell censored: 95 % intervals. Fails w.p. 1e-3 at 93 %."""
    x, law, true = KNOWN["exponential"]
    covered = trials = 0
    for _ in range(100):
        made = choose(memoryless(rng, x, law(x), budget)).fits["exponential"]
        for value, error, name in zip(*made.told[:2], made.form.parameters, strict=True):
            covered += abs(value - np.log(true[name])) <= 1.96 * error
            trials += 1
    assert covered >= binom.ppf(1e-3, trials, 0.93)
    assert covered <= trials - 1  # the twin: intervals that are too wide cover always


@pytest.fixture(scope="module")
def written():
    return pd.read_csv(DOCS / "laws.csv")


def test_the_page_says_what_the_experiments_came_to(written):
    """What docs/laws.md says of them, and the limits that are asked of the rule."""
    runs = written["experiments"]
    wrong, refused, told, covered = (
        float((written[name] * runs).sum()) for name in ("told", "refused", "right", "covered")
    )
    wrong -= told
    named = written["covered_named"].fillna(0) @ (written["right"] * runs) / told
    said = " ".join((DOCS / "laws.md").read_text(encoding="utf-8").split())
    total = int(runs.sum())
    assert total >= 1000
    assert f"In {total:,} experiments" in said
    assert f"the law is told in {told / total:.1%}, a wrong one in {wrong / total:.1%}" in said
    assert f"the true family is refused in {refused / total:.1%}" in said
    assert f"cover {covered / total:.1%} ({named:.1%} where the law is told)" in said
    assert wrong / total <= 0.01
    assert refused / total <= 0.01
    assert 0.93 <= covered / total <= 0.97
    assert 0.93 <= named <= 0.97


@pytest.mark.slow
def test_the_table_is_what_the_command_writes(written):
    rounds = int(written["experiments"].iloc[0])
    made = calibrated(rounds, np.random.default_rng(2026))
    pd.testing.assert_frame_equal(made, written, rtol=1e-9)
