"""Scaling laws fitted to what was measured along a parameter, with intervals, by likelihood and never on logs.

* Memoryless series (every call hits with the same probability): hits out of calls are binomial, fitted as a GLM with
  a log link; censored runs enter the likelihood with the calls they made. For calls and cost, out of generations.
* Other series: the means, each with its own standard error, fitted on their own scale (weighted nonlinear least
  squares); a series with censored runs is refused, since the mean of the finished runs would be too small, and so is
  one with few runs, see `FEWEST_RUNS`, or with an infinite mean or variance (`experiments.fits.tails`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import compress

import numpy as np
from scipy.special import chdtrc

from evo.errors import InputError
from evo.statistics import normal_quantile
from experiments.fits.forms import FORMS, Form
from experiments.fits.laws import Estimate, Fits, Refusal, ScalingLaw
from experiments.fits.likelihoods import FEWEST_RUNS, Fitted, fitted
from experiments.fits.series import Series, series, values_along
from experiments.fits.tails import Tail
from experiments.grids.arguments import a_number, expect_a
from experiments.grids.stopping import UntilPrecise
from experiments.predictions.verdict import CONFIDENCE
from experiments.store.results import Results

COARSEST = 0.1
"""Precision of `UntilPrecise` up to which a sample variance that stopped the runs is a standard error to rely on.

Runs that stop when their sample variance is small have too small a one. Measured coverage of 95 % intervals and rate of
a misfit below 0.001 (20 cells), at precisions 0.05, 0.1 and 0.2: with exponential times 95 % and 0.001, 95 % and 0.001,
94 % and 0.02; with a tenth of them eleven times as long 95 % and 0.002, 94 % and 0.005, 91 % and 0.19.
"""

DRAWN = "Runs of the engine law were drawn from the predicted laws: a look ahead, no evidence for these."

Tried = tuple[Series, str, list[tuple[Form, Fitted]]]


def fit(
    results: Results,
    along: str = "k",
    quantity: str = "hit",
    least: float = -math.inf,
    most: float = math.inf,
    confidence: float = CONFIDENCE,
) -> Fits:
    """Fit scaling laws along a parameter.

    Args:
        results: of `run_grid` or `load`.
        along: the parameter, for example "k".
        quantity: "hit", "calls" or "cost"; of programs the ledger of a role, too, such as "qa.pass_tokens".
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
    values = values_along(results.cells, along).dropna().unique()
    if len(values) < 2:
        raise InputError(f"fit: {along} has one value in this grid, {values[0]:g}; name a parameter that varies")
    asked = ("fit", along, quantity, repr(least), repr(most))
    return _fits(
        results,
        results.once(asked, lambda: [_tried(results, each, least, most) for each in series(results, along, quantity)]),
        along,
        quantity,
        confidence,
    )


def fit_one(
    results: Results,
    part: Series,
    along: str,
    quantity: str,
    least: float = -math.inf,
    confidence: float = CONFIDENCE,
    claimed: str = "",
) -> Fits:
    """Fit scaling laws to one series of the results, or to a quotient of two (`experiments.fits.quotients`).

    Args:
        results: whose series it is.
        part: the series.
        along: the parameter, for the words of the laws.
        quantity: likewise.
        least: smallest value of the parameter to use.
        confidence: level of the intervals.
        claimed: name of a form that a claim is about, which is tried even if it is not asked always.
    """
    return _fits(results, [_tried(results, part, least, math.inf, claimed)], along, quantity, confidence)


def _fits(results: Results, found: list[Tried], along: str, quantity: str, confidence: float) -> Fits:
    laws: list[ScalingLaw] = []
    refused: list[Refusal] = []
    for part, reason, tried in found:
        if reason:
            refused.append(Refusal(part.label, reason))
        made = [_law(part, form, each, along, quantity, confidence) for form, each in tried]
        laws += sorted(made, key=_rank)
    return Fits(tuple(laws), tuple(refused), DRAWN if "law" in results.runs["engine"].unique() else "")


def _rank(law: ScalingLaw) -> tuple[float, int]:
    """By AIC; forms that it does not tell apart (an exact power of two is a quadratic, too) in the order of FORMS."""
    return round(law.aic, 6), FORMS.index(law.form)


def _tried(results: Results, whole: Series, least: float, most: float, claimed: str = "") -> Tried:
    """Of a series its part in the range, why it cannot be fitted (empty if it can), and the forms fitted to it."""
    part = _between(whole, least, most)
    reason, tried = _refuse(part) or _refuse_the_rule(results, part), []
    if not reason:
        asked = {"always", "exact"} if part.exact else {"always"}
        forms = (
            form
            for form in FORMS
            if len(part.x) > len(form.parameters) and (form.asked in asked or form.name == claimed)
        )
        tried = [(form, made) for form in forms if (made := fitted(part, form)) is not None]
        reason = "" if tried else "no form could be fitted"
    return part, reason, tried


def _between(part: Series, least: float, most: float) -> Series:
    keep = (part.x >= least) & (part.x <= most)
    arrays = {
        name: getattr(part, name)[keep]
        for name in ("x", "runs", "censored", "mean", "variance", "trials", "unit", "median")
    }
    return replace(part, cells=tuple(compress(part.cells, keep)), tails=tuple(compress(part.tails, keep)), **arrays)


def _refuse(part: Series) -> str:
    """Why a series cannot be fitted; empty if it can."""
    if len(part.x) < 3:
        return f"a law needs at least 3 cells, got {len(part.x)}"
    if (part.x <= 0).any():
        return "a law needs a positive parameter"
    if (part.runs < 2).any():
        return "a law needs at least 2 runs a cell"
    if heavy := _too_heavy(part):
        return heavy
    if not part.memoryless and not part.sure and (part.runs < FEWEST_RUNS).any():
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


def _too_heavy(part: Series) -> str:
    """Why means tell no law, where the tail of some cell is too heavy for one; empty if none is."""
    for tail in (Tail.NO_MEAN, Tail.NO_VARIANCE):
        if tail in part.tails:
            at, medians = part.x[part.tails.index(tail)], ", ".join(map(_in_words, part.median))
            return f"at {at:g} {tail.value}: means tell no law; compare quantiles, here the medians {medians}"
    return ""


def _in_words(median: float) -> str:
    return "(not reached)" if math.isinf(median) else f"{median:.4g}"


def _refuse_the_rule(results: Results, part: Series) -> str:
    """Why a series cannot be fitted for the rule that stopped its runs; empty if it can."""
    rule = results.asked
    if part.memoryless or not isinstance(rule, UntilPrecise) or rule.relative <= COARSEST:
        return ""
    return f"a law of means needs runs = UntilPrecise({COARSEST:g} or less) or a number, got {rule.relative:g}"


def _law(part: Series, form: Form, found: Fitted, along: str, quantity: str, confidence: float) -> ScalingLaw:
    """A fitted form with its intervals."""
    distance = max(0.0, found.distance)  # a deviance of 0 may be rounded below it
    z = normal_quantile(0.5 + confidence / 2)
    estimates = []
    for name, value, error in zip(form.parameters, found.values, found.errors, strict=True):
        ends = np.array([value - z * error, value, value + z * error])
        with np.errstate(over="ignore"):  # the constant and the base are fitted by their logs
            low, middle, high = np.exp(ends) if name in ("A", "base") and not form.summands else ends
        estimates.append(Estimate(name, float(middle), float(low), float(high)))
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
        float(chdtrc(len(part.x) - len(form.parameters), distance)),
        distance + 2 * len(form.parameters),
        found.method,
    )
