"""Which law the blocks follow: independent, beta-binomial (alike within a call), or of fixed difficulty per item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import betabinom, binom, chi2, norm

from evo.protocols import FloatArray
from experiments.calibration.blocks import LEAST_RHO, Counts, Estimate, best_mu, independent_likelihood, likeliest
from experiments.logs.calls import Words
from experiments.predictions.verdict import ALPHA, POWER, Verdict

MATTERS = 0.1
"""A correlation of two blocks, or a share of the calls, that a log must be able to tell for AGREES."""
MOST_BLOCKS = 10_000
"""Of a call whose whole law is compared."""
FEWEST_ITEMS = 20
EDGES = (0.0, 1 / 3, 2 / 3, 1.0)
"""Shares of right blocks of a call are compared in five classes: none, up to a third, two thirds, below all, all."""


@dataclass(frozen=True)
class LawCheck:
    """A law beside the log.

    Attributes:
        name: fix or keep.
        law: its name.
        verdict: whether the log agrees with it.
        reason: with numbers.
    """

    name: str
    law: str
    verdict: Verdict
    reason: str


def check_laws(
    name: str, groups: Sequence[Counts], rho: Estimate | None, items: Sequence[Words | None]
) -> list[LawCheck]:
    """The three laws for fix or keep.

    Args:
        name: fix or keep.
        groups: blocks of calls, by g.
        rho: the correlation of two blocks of a call.
        items: of each group, which item each call worked on; None if not told.
    """
    across = across_calls(groups, likeliest(groups)[0], items)
    return [
        LawCheck(name, "independent blocks", *_independent(groups, rho)),
        LawCheck(name, "beta-binomial", *_beta_binomial(groups, across)),
        LawCheck(name, "fixed difficulty per item", *_fixed_difficulty(rho, across)),
    ]


def _independent(groups: Sequence[Counts], rho: Estimate | None) -> tuple[Verdict, str]:
    if rho is None:
        return Verdict.CANNOT_TELL, "no call has two such blocks that could differ; log calls with g >= 2"
    ratio = 2.0 * (likeliest(groups)[1] - independent_likelihood(groups))
    p = 0.5 * float(chi2.sf(max(ratio, 0.0), 1))
    if p < ALPHA:
        return Verdict.DIFFERS, f"two blocks of a call correlate, rho {_with(rho)}"
    if rho.high <= MATTERS:
        return Verdict.AGREES, f"rho is below {MATTERS:g}: {_with(rho)}"
    if rho.value >= MATTERS:
        more = rho.n * ((norm.isf(ALPHA) + norm.isf(1.0 - POWER)) * _error(rho) / rho.value) ** 2 - rho.n
        return Verdict.CANNOT_TELL, f"rho {_with(rho)}; about {_round(more)} more calls tell it from 0"
    more = rho.n * ((rho.high - rho.value) / max(MATTERS - rho.value, MATTERS / 4)) ** 2 - rho.n
    return Verdict.CANNOT_TELL, f"rho {_with(rho)}; about {_round(more)} more calls tell it from {MATTERS:g}"


def _beta_binomial(groups: Sequence[Counts], across: Estimate | None) -> tuple[Verdict, str]:
    if across is not None and across.value > norm.isf(ALPHA) * _error(across):
        return Verdict.DIFFERS, f"two calls at one item are alike, correlation {_with(across)}"
    seen, expected, covariance, calls = shares_of_right(groups)
    if not calls:
        return Verdict.CANNOT_TELL, "no call has two such blocks; log calls with g >= 2"
    difference = seen - expected
    values, directions = np.linalg.eigh(covariance)
    told = values > 1e-9 * values.max()
    distance = float(((directions[:, told].T @ difference) ** 2 / values[told]).sum())
    p = float(chi2.sf(distance, int(told.sum())))
    worst = int(np.argmax(np.abs(difference)))
    what = ("none", "up to 1/3", "1/3 to 2/3", "2/3 to below all", "all")[worst]
    numbers = f"{what} right: {seen[worst]:.0f} of {calls} calls, {expected[worst]:.1f} by the law"
    if p < ALPHA:
        return Verdict.DIFFERS, f"{numbers} (p = {p:.1e})"
    reach = (norm.isf(ALPHA / 2) + norm.isf(1.0 - POWER)) * np.sqrt(np.diag(covariance)).max() / calls
    if reach <= MATTERS:
        return Verdict.AGREES, numbers
    more = calls * (reach / MATTERS) ** 2 - calls
    return Verdict.CANNOT_TELL, f"{numbers}; about {_round(more)} more calls tell a share that is {MATTERS:g} off"


def shares_of_right(groups: Sequence[Counts]) -> tuple[FloatArray, FloatArray, FloatArray, int]:
    """Calls by their share of right blocks, in five classes: seen, expected, covariance, and how many.

    The law is the likeliest beta-binomial of the groups, with one correlation.
    """
    rho = likeliest(groups)[0]
    seen, expected, covariance, calls = np.zeros(5), np.zeros(5), np.zeros((5, 5)), 0
    for counts in groups:
        mu = best_mu(counts, rho)[0]
        if not 0.0 < mu < 1.0:
            continue
        used = (counts.n > 1) & (counts.n <= MOST_BLOCKS)
        calls += int(used.sum())
        seen += np.bincount(_class(counts.y[used] / counts.n[used]), minlength=5)
        for n, times in zip(*np.unique(counts.n[used], return_counts=True), strict=True):
            y = np.arange(int(n) + 1)
            chances = np.bincount(_class(y / n), _pmf(y, int(n), mu, rho), minlength=5)
            expected += times * chances
            covariance += times * (np.diag(chances) - np.outer(chances, chances))
    return seen, expected, covariance, calls


def _class(shares: FloatArray) -> np.ndarray:
    return np.asarray(np.searchsorted(EDGES, shares, side="left") + (shares == 1.0))


def _pmf(y: np.ndarray, n: int, mu: float, rho: float) -> FloatArray:
    if rho < LEAST_RHO:
        return np.asarray(binom.pmf(y, n, mu))
    theta = (1.0 - rho) / rho
    return np.asarray(betabinom.pmf(y, n, mu * theta, (1.0 - mu) * theta))


def across_calls(groups: Sequence[Counts], rho: float, items: Sequence[Words | None]) -> Estimate | None:
    """The correlation of two blocks of two calls at one item, by moments; None for fewer than 20 such items.

    sum over pairs of calls at an item of r_j r_k / (n_j n_k mu (1 - mu)), r = y - n mu, each pair weighed by w_j w_k
    n_j n_k, w = 1 / (1 + (n - 1) rho). Its interval is that of the jackknife over items.
    """
    above, below = [], []
    for counts, words in zip(groups, items, strict=True):
        mu = best_mu(counts, rho)[0]
        if words is None or not 0.0 < mu < 1.0:
            continue
        codes = np.unique(words.astype(str), return_inverse=True)[1]
        weights = (words != "") / (1.0 + (counts.n - 1.0) * rho)
        residuals, sizes = weights * (counts.y - counts.n * mu), weights * counts.n
        above.append(np.bincount(codes, residuals) ** 2 - np.bincount(codes, residuals**2))
        below.append((np.bincount(codes, sizes) ** 2 - np.bincount(codes, sizes**2)) * mu * (1.0 - mu))
    if not above:
        return None
    tops, bottoms = np.concatenate(above), np.concatenate(below)
    number = int((bottoms > 0).sum())
    if number < FEWEST_ITEMS:
        return None
    value = float(tops.sum() / bottoms.sum())
    left_out = (tops.sum() - tops) / (bottoms.sum() - bottoms)
    error = 1.96 * float(np.sqrt((len(tops) - 1) / len(tops) * ((left_out - left_out.mean()) ** 2).sum()))
    return Estimate(value, value - error, value + error, number)


def _fixed_difficulty(rho: Estimate | None, across: Estimate | None) -> tuple[Verdict, str]:
    if across is None:
        need = f"log two calls or more at each of {FEWEST_ITEMS} items, in a column item"
        return Verdict.CANNOT_TELL, f"too few items were worked on twice; {need}"
    if rho is None:
        return (
            Verdict.CANNOT_TELL,
            f"two calls at an item correlate by {_with(across)}; blocks of a call cannot be told",
        )
    told = f"correlation of two calls at an item {_with(across)}, of two blocks of a call {_with(rho)}"
    apart = norm.isf(ALPHA / 2) * float(np.hypot(_error(across), _error(rho)))
    if across.value < rho.value - apart:
        return Verdict.DIFFERS, told
    if across.value > norm.isf(ALPHA) * _error(across) and across.high - across.value <= MATTERS:
        return Verdict.AGREES, told
    return Verdict.CANNOT_TELL, f"{told}; {_round(3 * across.n)} more items halve the interval"


def _error(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / (2 * 1.96)


def _with(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _round(calls: float) -> str:
    """A number of calls to two digits, upwards."""
    if calls < 10:
        return "10"
    unit = 10 ** (len(str(int(calls))) - 2)
    return f"{int(-(-calls // unit) * unit):,}"
