"""Scaling laws fitted to what was measured along a parameter, with intervals, by likelihood and never on logs.

* Memoryless series (every call hits with the same probability): hits out of calls are binomial, fitted as a GLM with
  a log link; censored runs enter the likelihood with the calls they made. For calls and cost, out of generations.
* Other series: the means, each with its own standard error, fitted on their own scale (weighted nonlinear least
  squares); a series with censored runs is refused, since the mean of the finished runs would be too small, and so is
  one with few runs, see `FEWEST_RUNS`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np

from evo.errors import InputError
from evo.protocols import FloatArray
from evo.statistics import normal_quantile
from experiments.fits.forms import FORMS, Form
from experiments.fits.laws import Estimate, Fits, Refusal, ScalingLaw
from experiments.fits.series import Series, parameter_column, series
from experiments.grids.arguments import a_number, expect_a
from experiments.grids.stopping import UntilPrecise
from experiments.store.results import Results

LEAST_VARIANCE = 1 / 12
"""Of a whole number that was the same in every run."""
LEAST_LEAD = 3.1
"""Standard errors that A of a sum must be above 0: a linear law passes once in a thousand. So far from 0 must c of an
affine law be, too: without it the power law says the same."""
FEWEST_RUNS = 100
"""Runs a cell from which a sample variance is a standard error to rely on.

A small mean comes with a small sample variance, so fits lean to small means and see misfit where there is none.
Worst measured coverage of 95 % intervals (22 cells of exponential times), and false-alarm rate of a misfit below
0.001: 60 % and 0.11 at 10 runs, 80 % and 0.011 at 30, 91 % and 0.002 at 100, 95 % and 0.001 at 1,000.
"""
COARSEST = 0.1
"""Precision of `UntilPrecise` up to which a sample variance that stopped the runs is a standard error to rely on.

Runs that stop when their sample variance is small have too small a one. Measured coverage of 95 % intervals and rate of
a misfit below 0.001 (20 cells), at precisions 0.05, 0.1 and 0.2: with exponential times 95 % and 0.001, 95 % and 0.001,
94 % and 0.02; with a tenth of them eleven times as long 95 % and 0.002, 94 % and 0.005, 91 % and 0.19.
"""


DRAWN = "Runs of the engine law were drawn from the predicted laws: a look ahead, no evidence for these."


def fit(
    results: Results,
    along: str = "k",
    quantity: str = "hit",
    least: float = -math.inf,
    most: float = math.inf,
    confidence: float = 0.95,
) -> Fits:
    """Fit scaling laws along a parameter.

    Args:
        results: of `run_grid` or `load`.
        along: the parameter, for example "k".
        quantity: "hit", "calls" or "cost".
        least: smallest value of the parameter to use: laws are asymptotic, small values may not follow them.
        most: largest value to use.
        confidence: level of the intervals.

    Raises: InputError for a parameter or quantity that the grid does not have, a parameter with one value in it, a
    range that is none, or a level outside (0, 1).
    """
    expect_a(Results, "fit", results, "results of run_grid or load")
    least, most = a_number("fit: least", least), a_number("fit: most", most)
    confidence = a_number("fit: confidence", confidence)
    if not 0 < confidence < 1:
        raise InputError(f"fit: confidence must be between 0 and 1, got {confidence!r}")
    if not least <= most:  # nor if one is no number
        raise InputError(f"fit: expected a range of the parameter, got from {least!r} to {most!r}")
    values = results.cells[parameter_column(results.cells, along)].dropna().unique()
    if len(values) < 2:
        raise InputError(f"fit: {along} has one value in this grid, {values[0]:g}; name a parameter that varies")
    laws: list[ScalingLaw] = []
    refused: list[Refusal] = []
    for each in series(results, along, quantity):
        part = _between(each, least, most)
        reason = _refuse(part) or _refuse_the_rule(results, part)
        if reason:
            refused.append(Refusal(each.label, reason))
            continue
        tried = [_fit_form(part, form, along, quantity, confidence) for form in FORMS]
        fitted = [law for law in tried if law is not None]
        laws += sorted(fitted, key=lambda law: law.aic)
        if not fitted:
            refused.append(Refusal(each.label, "no form could be fitted"))
    return Fits(tuple(laws), tuple(refused), DRAWN if "law" in set(results.runs["engine"]) else "")


def _between(part: Series, least: float, most: float) -> Series:
    keep = (part.x >= least) & (part.x <= most)
    arrays = {
        name: getattr(part, name)[keep] for name in ("x", "runs", "censored", "mean", "variance", "trials", "unit")
    }
    cells = tuple(cell for cell, kept in zip(part.cells, keep, strict=True) if kept)
    return replace(part, cells=cells, **arrays)


def _refuse(part: Series) -> str:
    """Why a series cannot be fitted; empty if it can."""
    if len(part.x) < 3:
        return f"a law needs at least 3 cells, got {len(part.x)}"
    if (part.x <= 0).any():
        return "a law needs a positive parameter"
    if (part.runs < 2).any():
        return "a law needs at least 2 runs a cell"
    if not part.memoryless and (part.runs < FEWEST_RUNS).any():
        return f"a law of means needs at least {FEWEST_RUNS} runs a cell, got {part.runs.min():.0f}"
    hits = part.runs - part.censored
    if part.memoryless and (hits == 0).any():
        return f"no run hit at {part.x[hits == 0][0]:g}; give a larger budget or a smaller range"
    if not part.memoryless and part.censored.any():
        worst = int(np.argmax(part.censored))
        return (
            f"{part.censored[worst]:.0f} of {part.runs[worst]:.0f} runs are censored at {part.x[worst]:g}, so the mean "
            "is not known; give a larger budget or a smaller range"
        )
    if (part.mean <= 0).any():
        return "a law needs positive means"
    return ""


def _refuse_the_rule(results: Results, part: Series) -> str:
    """Why a series cannot be fitted for the rule that stopped its runs; empty if it can."""
    rule = results.asked
    if part.memoryless or not isinstance(rule, UntilPrecise) or rule.relative <= COARSEST:
        return ""
    return f"a law of means needs runs = UntilPrecise({COARSEST:g} or less) or a number, got {rule.relative:g}"


def _fit_form(part: Series, form: Form, along: str, quantity: str, confidence: float) -> ScalingLaw | None:
    """One form fitted to one series; None if it has too many parameters for it, or does not apply."""
    spare = len(part.x) - len(form.parameters)
    if spare < 1:
        return None
    if form.summands:
        found = _fit_sum(part, form)
    elif part.memoryless:
        found = _fit_binomial(part, form)
    else:
        found = _fit_means(part, form)
    if found is None:
        return None
    values, errors, distance, method = found
    distance = max(0.0, distance)  # a deviance of 0 may be rounded below it
    z = normal_quantile(0.5 + confidence / 2)
    estimates = []
    for name, value, error in zip(form.parameters, values, errors, strict=True):
        ends = np.array([value - z * error, value, value + z * error])
        with np.errstate(over="ignore"):  # the constant and the base are fitted by their logs
            low, middle, high = np.exp(ends) if name in ("A", "base") and form.terms else ends
        estimates.append(Estimate(name, float(middle), float(low), float(high)))
    from scipy.special import chdtrc

    return ScalingLaw(
        part.label,
        part.arm,
        part.fixed,
        quantity,
        along,
        form,
        tuple(estimates),
        confidence,
        float(part.x.min()),
        float(part.x.max()),
        len(part.x),
        int(part.runs.sum()),
        float(part.censored.sum() / part.runs.sum()),
        float(chdtrc(spare, distance)),
        distance + 2 * len(form.parameters),
        method,
    )


Fitted = tuple[FloatArray, FloatArray, float, str]
"""Parameters, their standard errors, chi-square or deviance, method."""


def _design(part: Series, form: Form) -> FloatArray:
    columns = {"x": part.x, "ln x": np.log(part.x)}
    return np.column_stack([np.ones(len(part.x)), *(columns[term] for term in form.terms)])


def _start(part: Series, form: Form) -> FloatArray:
    """A first guess, by least squares on logs: only where the iteration begins."""
    guess, *_ = np.linalg.lstsq(_design(part, form), np.log(part.mean), rcond=None)
    return np.asarray(guess)


def _fit_binomial(part: Series, form: Form) -> Fitted | None:
    """Hits out of trials: log P(hit) = log unit - log E, a binomial GLM with log link."""
    import statsmodels.api as sm

    hits = part.runs - part.censored
    counts = np.column_stack((hits, part.trials - hits))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the log link lets a wrong form leave [0, 1]; such a fit is refused below
        family = sm.families.Binomial(link=sm.families.links.Log())
        model = sm.GLM(counts, -_design(part, form), family=family, offset=np.log(part.unit))
        fitted = model.fit(start_params=_start(part, form))
    probabilities = part.unit * np.exp(-_design(part, form) @ fitted.params)
    known = np.isfinite([fitted.deviance, *fitted.params, *fitted.bse]).all()
    if not fitted.converged or not known or (probabilities > 1 + 1e-9).any():
        return None
    method = "binomial GLM, log link, on hits out of trials; assumes that every call hits with the same probability"
    return np.asarray(fitted.params), np.asarray(fitted.bse), float(fitted.deviance), method


def _errors(part: Series) -> FloatArray:
    """Standard errors of the means."""
    return np.sqrt(np.maximum(part.variance, LEAST_VARIANCE * part.unit**2) / part.runs)


def _fit_means(part: Series, form: Form) -> Fitted | None:
    """Means with their own standard errors, on their own scale."""
    from scipy.optimize import curve_fit

    design, errors = _design(part, form), _errors(part)

    def mean(_: FloatArray, *parameters: float) -> FloatArray:
        return np.asarray(np.exp(design @ np.asarray(parameters)))

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            values, covariance = curve_fit(
                mean, part.x, part.mean, p0=_start(part, form), sigma=errors, absolute_sigma=True, maxfev=5000
            )
        except (RuntimeError, ValueError):
            return None
        distance = float((((part.mean - mean(part.x, *values)) / errors) ** 2).sum())
    if not np.isfinite([*values, *covariance.ravel(), distance]).all():
        return None
    return values, np.sqrt(np.diag(covariance)), distance, _MEANS


def _fit_sum(part: Series, form: Form) -> Fitted | None:
    """E = A lead + B other by weighted least squares on the means; a factored one has c = B/A, by the delta method."""
    if part.censored.any() or (part.runs < FEWEST_RUNS).any():
        return None
    errors = _errors(part)
    x, log = part.x, np.log(part.x)
    columns = {"1": np.ones(len(x)), "ln x": log, "x": x, "x ln x": x * log, "x^2": x**2}
    design = np.column_stack([columns[name] for name in form.summands]) / errors[:, None]
    target = part.mean / errors
    covariance = np.linalg.inv(design.T @ design)
    a, b = covariance @ design.T @ target
    distance = float(((target - design @ (a, b)) ** 2).sum())
    if a < LEAST_LEAD * math.sqrt(covariance[0, 0]) or (design @ (a, b) <= 0).any():
        return None  # the leading term is not seen: the power form says the same
    if form.name == "affine" and abs(b) < LEAST_LEAD * math.sqrt(covariance[1, 1]):
        return None
    if form.factored:
        gradient = np.array([-b / a**2, 1 / a])
        values, error = np.array([a, b / a]), math.sqrt(gradient @ covariance @ gradient)
        return values, np.array([math.sqrt(covariance[0, 0]), error]), distance, _MEANS
    return np.array([a, b]), np.sqrt(np.diag(covariance)), distance, _MEANS


_MEANS = "weighted nonlinear least squares on the means, each with its own standard error"
