"""The likelihoods that forms are fitted by: hits out of trials, and means with their own standard errors.

A series in which all runs of a cell came out the same is exact: a form is right only if it meets every mean up to
rounding, while the intervals of its parameters leave room for runs that would have come out otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from evo.protocols import FloatArray
from experiments.fits.forms import Form
from experiments.fits.series import Series

LEAST_VARIANCE = 1 / 12
"""Of a whole number that was the same in every run."""
ROUNDING = 1e-9
"""Relative error of a mean of runs that were all the same, and of a law that meets it."""
LEAST_LEAD = 3.1
"""Standard errors that A of a sum must be above 0: a linear law passes once in a thousand. So far from 0 must c of an
affine law be, too: without it the power law says the same."""
FEWEST_RUNS = 100
"""Runs a cell from which a sample variance is a standard error to rely on.

A small mean comes with a small sample variance, so fits lean to small means and see misfit where there is none.
Worst measured coverage of 95 % intervals (22 cells of exponential times), and false-alarm rate of a misfit below
0.001: 60 % and 0.11 at 10 runs, 80 % and 0.011 at 30, 91 % and 0.002 at 100, 95 % and 0.001 at 1,000.
"""
MOST_STEPS, CONVERGED, TINY = 100, 1e-8, float(np.finfo(float).eps)
"""Of the binomial GLM: steps, the change of the deviance that ends them, and the distance of p from 0 and 1."""
CLOSE, CONVERGED_BY = 1e-14, (1, 2, 3, 4)
"""Tolerance of the least squares, figures that do not move with the rounding of the means; and the flags of MINPACK
that say it was met, or that nothing nearer can be told apart."""
MEANS = "weighted nonlinear least squares on the means, each with its own standard error"
HITS = "binomial GLM, log link, on hits out of trials; assumes that every call hits with the same probability"


@dataclass(frozen=True, eq=False)
class Fitted:
    """A form fitted to a series.

    Attributes:
        values: its parameters; A and the base of a form with terms by their logs.
        errors: their standard errors.
        distance: chi-square or deviance.
        method: how it was fitted.
    """

    values: FloatArray
    errors: FloatArray
    distance: float
    method: str


def fitted(part: Series, form: Form) -> Fitted | None:
    """A form fitted by the likelihood of a series; None if it does not apply."""
    if form.summands:
        return _of_sum(part, form)
    return _of_hits(part, form) if part.memoryless and not part.exact else _of_means(part, form)


def _design(part: Series, form: Form) -> FloatArray:
    columns = {"x": part.x, "ln x": np.log(part.x)}
    return np.column_stack([np.ones(len(part.x)), *(columns[term] for term in form.terms)])


def _start(part: Series, form: Form) -> FloatArray:
    """A first guess, by least squares on logs: only where the iteration begins."""
    guess, *_ = np.linalg.lstsq(_design(part, form), np.log(part.mean), rcond=None)
    return np.asarray(guess)


def _of_hits(part: Series, form: Form) -> Fitted | None:
    """Hits out of trials: log P(hit) = log unit - log E, a binomial GLM with log link."""
    design, offset = -_design(part, form), np.log(part.unit)
    with np.errstate(all="ignore"):  # the log link lets a wrong form leave [0, 1]; such a fit is refused below
        found = _binomial_glm(part.runs - part.censored, part.trials, design, offset, _start(part, form))
        if found is None or (part.unit * np.exp(design @ found[0]) > 1 + 1e-9).any():
            return None
    return Fitted(*found, HITS)


def _binomial_glm(
    hits: FloatArray, trials: FloatArray, design: FloatArray, offset: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray, float] | None:
    """Parameters, standard errors and deviance of log p = offset + design @ parameters; None if it does not converge.

    Iteratively reweighted least squares (McCullagh and Nelder, Generalized Linear Models, 2.5): a regression of
    log p + (y - p)/p with weights n p/(1 - p), until the deviance moves by less than 1e-8. As statsmodels does it, with
    the same figures, but importing that takes as long as all else of a report.

    Args:
        hits: of each cell.
        trials: n; y is hits / n.
        design: [cells, parameters].
        offset: of log p.
        start: the parameters to begin from.
    """
    shares = hits / trials
    predictor = offset + design @ start
    before = _deviance(shares, trials, np.exp(predictor))
    for _ in range(MOST_STEPS):
        p = np.exp(predictor)
        inside = np.clip(p, TINY, 1 - TINY)  # on the way p may leave [0, 1]
        roots = p * np.sqrt(trials / (inside * (1 - inside)))
        target = predictor - offset + (shares - p) / p
        if not np.isfinite([*roots, *target]).all():
            return None
        parameters = np.linalg.lstsq(roots[:, None] * design, roots * target, rcond=None)[0]
        predictor = offset + design @ parameters
        deviance = _deviance(shares, trials, np.exp(predictor))
        if abs(deviance - before) <= CONVERGED:
            inverse = np.linalg.pinv(roots[:, None] * design)
            errors = np.sqrt(np.diag(inverse @ inverse.T))
            return (parameters, errors, deviance) if np.isfinite([deviance, *parameters, *errors]).all() else None
        before = deviance
    return None


def _deviance(shares: FloatArray, trials: FloatArray, p: FloatArray) -> float:
    """Twice the log of the likelihood ratio of the measured shares to p."""
    inside = np.clip(p, TINY, 1 - TINY)
    return float(2 * trials @ (rel_entr(shares, inside) + rel_entr(1 - shares, 1 - inside)))


def _errors(part: Series) -> FloatArray:
    """Standard errors of the means, for the intervals."""
    return np.sqrt(np.maximum(part.variance, LEAST_VARIANCE * part.unit**2) / part.runs)


def _scales(part: Series) -> FloatArray:
    """What a mean may be off a true law, for the choice of one: its standard error, or rounding if all is exact."""
    return ROUNDING * part.mean if part.exact else _errors(part)


def _covariance(slopes: FloatArray, part: Series) -> FloatArray:
    """Covariance of least-squares estimates, from the slopes of the means, float [cells, parameters]."""
    inverse = np.linalg.pinv(slopes / _errors(part)[:, None])
    return np.asarray(inverse @ inverse.T)


def _distance(part: Series, expected: FloatArray) -> float:
    """Chi-square of the means."""
    return float((((part.mean - expected) / _scales(part)) ** 2).sum())


def _of_means(part: Series, form: Form) -> Fitted | None:
    """Means with their own standard errors, on their own scale."""
    from scipy.optimize import leastsq

    design, scales = _design(part, form), _scales(part)

    def mean(parameters: FloatArray) -> FloatArray:
        return np.asarray(np.exp(design @ parameters))

    def off(parameters: FloatArray) -> FloatArray:
        return np.asarray((mean(parameters) - part.mean) / scales)

    def slope(parameters: FloatArray) -> FloatArray:
        return np.asarray(design * (mean(parameters) / scales)[:, None])

    with np.errstate(all="ignore"):
        found = leastsq(
            off, _start(part, form), Dfun=slope, full_output=True, maxfev=5000, ftol=CLOSE, xtol=CLOSE, gtol=CLOSE
        )
        values, ended = np.asarray(found[0]), found[-1]
        distance = _distance(part, mean(values))
        if ended not in CONVERGED_BY or not np.isfinite([*values, distance, *mean(values)]).all():
            return None
    covariance = _covariance(design * mean(values)[:, None], part)  # that of the solver has none of a perfect fit
    return Fitted(values, np.sqrt(np.diag(covariance)), distance, MEANS)


def _of_sum(part: Series, form: Form) -> Fitted | None:
    """A sum of terms, the leading one first, by weighted least squares on the means.

    A factored one, A (lead + c other), has c = B/A, by the delta method.
    """
    if part.censored.any() or (not part.sure and (part.runs < FEWEST_RUNS).any()):
        return None
    scales = _scales(part)
    x, log = part.x, np.log(part.x)
    columns = {"1": np.ones(len(x)), "ln x": log, "x": x, "x ln x": x * log, "x^2": x**2, "x^3": x**3}
    design = np.column_stack([columns[name] for name in form.summands])
    inverse = np.linalg.pinv(design / scales[:, None])
    found = inverse @ (part.mean / scales)
    seen = np.abs(found) > LEAST_LEAD * np.sqrt((inverse**2).sum(axis=1))
    expected = design @ found
    if found[0] < 0 or not seen[0] or (expected <= 0).any():
        return None  # the leading term is not seen: the power form says the same
    if form.name == "affine" and not seen[1]:
        return None
    covariance, distance = _covariance(design, part), _distance(part, expected)
    if form.factored:
        a, b = found
        gradient = np.array([-b / a**2, 1 / a])
        values, error = np.array([a, b / a]), math.sqrt(gradient @ covariance @ gradient)
        return Fitted(values, np.array([math.sqrt(covariance[0, 0]), error]), distance, MEANS)
    return Fitted(found, np.sqrt(np.diag(covariance)), distance, MEANS)
