"""Scaling laws fitted to what was measured along a parameter: a set of families that the runs leave, never a winner.

Each cell has its likelihood (`experiments.fits.evidence`), each family is fitted by all of them together
(`experiments.fits.families.likelihoods`), and `experiments.fits.families.choice` says which are left. A series whose
mean or variance is infinite (`experiments.fits.tails`) gets a law of medians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, overload

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from evo.statistics import normal_quantile
from experiments.fits.along import expect_to_vary
from experiments.fits.evidence.cells import Evidence, Means, joined
from experiments.fits.evidence.reading import ASSUMED, FEWEST_RUNS, evidence_of
from experiments.fits.families.advice import runs_for_bend, where_they_part
from experiments.fits.families.choice import FEW_CELLS, Choice, choose
from experiments.fits.families.forms import FORMS, NAMED
from experiments.fits.families.likelihoods import Fitted, fitted
from experiments.fits.laws import POOR_FIT, Estimate, Fits, Growth, Refusal, ScalingLaw, Told
from experiments.fits.predicted import ExactFits, fit_predicted, of_cells
from experiments.fits.quantities import ERT, MEAN, MEDIAN, out_of_floats, parsed
from experiments.fits.series import Series, series
from experiments.fits.tails import Tail
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import a_number, expect_a
from experiments.grids.grid import Grid
from experiments.grids.labels import words
from experiments.grids.stopping import UntilPrecise
from experiments.predictions.predict import Prediction
from experiments.predictions.verdict import CONFIDENCE
from experiments.store.results import Results

COARSEST = 0.1
"""Precision of `UntilPrecise` up to which a sample variance that stopped the runs is a standard error to rely on.

Runs that stop when their sample variance is small have too small a one. Measured coverage of 95 % intervals and rate of
a misfit below 0.001 (20 cells), at precisions 0.05, 0.1 and 0.2: with exponential times 95 % and 0.001, 95 % and 0.001,
94 % and 0.02; with a tenth of them eleven times as long 95 % and 0.002, 94 % and 0.005, 91 % and 0.19.
"""
BY_GAMMA = "means of censored runs by a Gamma law, which is assumed; a median assumes no law"
DRAWN = "Runs of the engine law were drawn from the declared laws: a look ahead, no evidence for these."
MOST_PLACES = 8
"""Of those that are told where no family fits, by how far the means are off there."""


@dataclass(frozen=True, eq=False)
class Tried:
    """A series, why it cannot be fitted (empty if it can), and what was made of it."""

    part: Series
    reason: str
    note: str = ""
    method: str = ""
    evidence: Evidence | None = None
    choice: Choice | None = None


@overload
def fit(
    results: Sequence[AnyCell] | Grid, along: str = "k", quantity: str = "hit", least: float = ..., most: float = ...
) -> ExactFits: ...


@overload
def fit(
    results: Results,
    along: str = "k",
    quantity: str = "hit",
    least: float = ...,
    most: float = ...,
    confidence: float = ...,
) -> Fits: ...


def fit(
    results: Any,
    along: str = "k",
    quantity: str = "hit",
    least: float = -math.inf,
    most: float = math.inf,
    confidence: float = CONFIDENCE,
) -> Fits | ExactFits:
    """Fit scaling laws along a parameter.

    Args:
        results: of `run_grid` or `load`; or cells, or a grid: then their exact means are fitted, without a run, see
            `experiments.fits.predicted`.
        along: the parameter, for example "k".
        quantity: "hit", "calls", "cost" or another of `experiments.fits.quantities.KNOWN`; "median cost", "ERT cost";
            of programs the ledger of a role, too, such as "qa.pass_tokens".
        least: smallest value of the parameter to use: laws are asymptotic, small values may not follow them.
        most: largest value to use.
        confidence: level of the intervals.

    Raises: InputError for a parameter or quantity that the grid does not have, a parameter with one value in it, a
    range that is none, or a level outside (0, 1).
    """
    if isinstance(results, Grid | list | tuple):
        return fit_predicted(of_cells(results), along, quantity, least, most)
    expect_a(Results, "fit", results, "results of run_grid or load")
    least, most = a_number("fit: least", least), a_number("fit: most", most)
    confidence = a_number("fit: confidence", confidence)
    if not 0 < confidence < 1:
        raise InputError(f"fit: confidence must be between 0 and 1, got {confidence!r}")
    if not least <= most:  # nor if one is no number
        raise InputError(f"fit: expected a range of the parameter, got from {least!r} to {most!r}")
    expect_to_vary(results, along, "fit")
    tried = [_tried_once(results, each, along, quantity, least, most) for each in series(results, along, quantity)]
    return _fits(results, tried, along, quantity, confidence)


def _tried_once(
    results: Results, part: Series, along: str, quantity: str, least: float, most: float, claimed: str = ""
) -> Tried:
    """What a series was tried with; those of a results object are made once."""
    named = claimed if claimed and NAMED[claimed].asked != "always" else ""
    numbers = (part.mean.tobytes() + part.variance.tobytes()).hex()  # quotients of several quantities have one label
    asked = ("tried", along, quantity, repr(least), repr(most), named, part.label, numbers, *part.cells)
    return results.once(asked, lambda: _tried(results, part, along, least, most, named))


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
        claimed: name of a family that a claim is about, which is fitted even if it is not asked of such series.
    """
    tried = _tried_once(results, part, along, quantity, least, math.inf, claimed)
    return _fits(results, [tried], along, quantity, confidence)


def _fits(results: Results, found: list[Tried], along: str, quantity: str, confidence: float) -> Fits:
    laws: list[ScalingLaw] = []
    growths: list[Growth] = []
    refused: list[Refusal] = []
    for tried in found:
        if tried.reason or tried.choice is None:
            refused.append(Refusal(tried.part.label, tried.reason))
            continue
        made = {
            name: _law(results, tried, each, along, quantity, confidence) for name, each in tried.choice.fits.items()
        }
        growth = _growth(tried, made, along)
        growths.append(growth)
        rest = sorted((each for each in made.values() if each not in growth.left), key=lambda each: each.distance)
        laws += [*growth.left, *rest]
    note = DRAWN if "law" in results.runs["engine"].unique() else ""
    return Fits(tuple(laws), tuple(refused), note, tuple(growths))


def _tried(results: Results, whole: Series, along: str, least: float, most: float, claimed: str = "") -> Tried:
    part = between(whole, least, most)
    note = f"{', '.join(words(part.tied))}: the law is along {along} with what follows it" if part.tied else ""
    if part.statistic != MEDIAN and (heavy := _too_heavy(part)):
        if not part.samples:
            return Tried(part, heavy)
        part, said = replace(part, statistic=MEDIAN, memoryless=False), f"{heavy}: this is a law of medians"
        note = "; ".join(filter(None, [said, note]))
    reason = _refuse(part) or _refuse_the_rule(results, part)
    if reason:
        return Tried(part, reason, note)
    evidence, method = evidence_of(part)
    if method.endswith(ASSUMED):
        note = "; ".join(filter(None, [note, BY_GAMMA]))
    choice = choose(evidence, FORMS)
    if claimed and claimed not in choice.fits and (made := fitted(evidence, NAMED[claimed])) is not None:
        choice.fits[claimed] = made
        choice.dropped[claimed] = "only where runs come out the same"
    return Tried(part, "" if choice.fits else "no family could be fitted", note, method, evidence, choice)


def between(part: Series, least: float, most: float) -> Series:
    """The cells of a series in a range of the parameter."""
    keep = (part.x >= least) & (part.x <= most)
    names = ["x", "runs", "censored", "mean", "variance", "trials", "unit", "median"]
    kept: dict[str, Any] = {
        name: getattr(part, name)[keep] for name in [*names, *(["reach"] if len(part.reach) else [])]
    }
    kept |= {name: tuple(compress(getattr(part, name), keep)) for name in ("cells", "tails", "samples", "shapes")}
    return replace(part, **kept)


def _refuse(part: Series) -> str:
    """Why a series cannot be fitted; empty if it can."""
    if len(part.x) < 3:
        fixed = f"; {', '.join(part.others)} varies within the arm, and each value is a series: fix it or name the arms"
        others = fixed if part.others else ""
        return f"a law needs at least 3 cells, got {len(part.x)}{others}"
    if (part.x <= 0).any():
        return "a law needs a positive parameter"
    if len(np.unique(part.x)) < len(part.x):
        return "two cells have the same value of the parameter"
    if (part.runs < 2).any():
        return "a law needs at least 2 runs a cell"
    if not part.memoryless and not part.sure and (part.runs < FEWEST_RUNS).any():
        return f"a law of means needs at least {FEWEST_RUNS} runs a cell, got {part.runs.min():.0f}"
    hits = part.runs - part.censored
    if (hits > 0).sum() < 3:
        return f"only {(hits > 0).sum()} cells have a hit; give a larger budget"
    if not part.samples and part.censored.any():
        return f"{part.censored.sum():.0f} runs are censored, so that there is no ratio of means; give a larger budget"
    if part.statistic == ERT and not np.isfinite(part.mean).all():
        return f"no run hit at {part.x[~np.isfinite(part.mean)][0]:g}; give a larger budget or a smaller range"
    if (part.mean <= 0).any() or not np.isfinite(part.mean).all():
        return "a law needs positive means"
    return out_of_floats(part.mean)


def _too_heavy(part: Series) -> str:
    """Why means tell no law, where the tail of some cell is too heavy for one; empty if none is."""
    for tail in (Tail.NO_MEAN, Tail.NO_VARIANCE):
        if tail in part.tails:
            return f"at {part.x[part.tails.index(tail)]:g} {tail.value}, and means tell no law"
    return ""


def _refuse_the_rule(results: Results, part: Series) -> str:
    """Why a series cannot be fitted for the rule that stopped its runs; empty if it can."""
    rule = results.asked
    if part.memoryless or not isinstance(rule, UntilPrecise) or rule.relative <= COARSEST:
        return ""
    return f"a law of means needs runs = UntilPrecise({COARSEST:g} or less) or a number, got {rule.relative:g}"


def _growth(tried: Tried, made: dict[str, ScalingLaw], along: str) -> Growth:
    part, choice, evidence = tried.part, tried.choice, tried.evidence
    assert choice is not None
    assert evidence is not None
    left = tuple(made[name] for name in choice.left)
    if choice.law:
        return Growth(part.label, Told.LAW, left, note=tried.note)
    if not left and (few := _few(choice)):
        return Growth(part.label, Told.UNDECIDED, (), few, "run more values of the parameter", tried.note)
    if not left:
        return Growth(part.label, Told.NONE, (), _residuals(evidence, choice, made), note=tried.note)
    if len(left) > 1:
        square = float((evidence.errors**2 * part.runs)[evidence.known][-1])
        fits = [choice.fits[name] for name in choice.left]
        advice = where_they_part(fits, square, along, bool((part.x == np.round(part.x)).all()))
        return Growth(part.label, Told.UNDECIDED, left, "the runs refuse none of these", advice, tried.note)
    return _bent(tried, choice, left, made)


def _few(choice: Choice) -> str:
    """Why there are too few cells to say that no family fits; empty if there are enough."""
    open_ones = [
        why for name, why in choice.dropped.items() if FEW_CELLS in why and choice.fits[name].misfit >= POOR_FIT
    ]
    return f"{open_ones[0]}, and simpler ones do not fit" if open_ones else ""


def _bent(tried: Tried, choice: Choice, left: tuple[ScalingLaw, ...], made: dict[str, ScalingLaw]) -> Growth:
    """One family is left, but the upper half of the range may grow otherwise."""
    assert choice.bend is not None
    richer = tuple(made[name] for name, why in choice.dropped.items() if why.startswith("not needed"))
    low, high = choice.bend
    whose = "the first" if richer else "it"
    reason = f"from the middle of the range on the exponent may be {low:+.2g} to {high:+.2g} off {whose}"
    advice = runs_for_bend(choice.fits[choice.left[0]], choice.bend, float(tried.part.runs.min()))
    return Growth(tried.part.label, Told.UNDECIDED, (*left, *richer), reason, advice, tried.note)


def _residuals(evidence: Evidence, choice: Choice, made: dict[str, ScalingLaw]) -> str:
    """The nearest family, and where the means lie above and below it, in standard errors, at most at some places."""
    if not choice.fits:
        return "no family could be fitted"
    near = min(choice.fits.values(), key=lambda each: each.distance)
    off = -evidence.roots(near.at(evidence.x)[0])
    kept = np.sort(np.argsort(-np.abs(off), kind="stable")[:MOST_PLACES])
    shape = ", ".join(f"{evidence.x[i]:g}: {off[i]:+.1f}" for i in kept)
    most = f", the {MOST_PLACES} largest of {len(off)}" if len(off) > MOST_PLACES else ""
    law = made[near.form.name]
    why = choice.dropped[near.form.name]
    return f"nearest {law.text} ({why}), means off it in standard errors{most}: {shape}"


def _law(results: Results, tried: Tried, found: Fitted, along: str, quantity: str, confidence: float) -> ScalingLaw:
    """A fitted form with its intervals."""
    part, choice, name = tried.part, tried.choice, found.form.name
    assert choice is not None
    exact = _of_exact_means(results, tried, found, quantity) if name in choice.left else {}
    asked = parsed(quantity, results) if quantity != "speed-up" else None
    changed = asked is not None and part.statistic != asked.statistic
    return ScalingLaw(
        part.label,
        part.arm,
        part.fixed,
        f"{part.statistic} {quantity}" if changed else quantity,
        along,
        found.form,
        _estimates(found, confidence, exact),
        confidence,
        float(part.x.min()),
        float(part.x.max()),
        len(part.x),
        int(part.runs.sum()),
        float(part.censored.sum() / part.runs.sum()),
        found.misfit,
        max(0.0, found.distance),
        tried.method,
        choice.dropped.get(name, ""),
        found,
    )


def _estimates(found: Fitted, confidence: float, exact: dict[str, float]) -> tuple[Estimate, ...]:
    z = normal_quantile(0.5 + confidence / 2)
    estimates = []
    for name, value, error, log in zip(found.form.parameters, *found.told, strict=True):
        ends = np.array([value - z * error, value, value + z * error])
        with np.errstate(over="ignore"):
            low, middle, high = np.exp(ends) if log else ends
        estimates.append(Estimate(name, float(middle), float(low), float(high), exact.get(name, math.nan)))
    return tuple(estimates)


def _of_exact_means(results: Results, tried: Tried, found: Fitted, quantity: str) -> dict[str, float]:
    """The constants that the same fit gives of the exact means of the cells; empty where those are not known."""
    part, evidence = tried.part, tried.evidence
    assert evidence is not None
    if quantity == "speed-up" or part.statistic == ERT or evidence.exact is not None:
        return {}
    means = _exact_means(results, part, quantity)
    if means is None:
        return {}
    known = evidence.known
    x, squares = part.x[known], evidence.errors[known] ** 2
    exact = joined(x, [(range(len(x)), Means(means[known], squares, np.full(len(x), np.inf)))])
    made = fitted(exact, found.form, start=found)
    return {} if made is None else {name: made.value(name) for name in found.form.parameters}


def _exact_means(results: Results, part: Series, quantity: str) -> FloatArray | None:
    column = parsed(quantity, results).column
    try:
        known = [results.predict(cell, column) for cell in part.cells]
        found = np.array([each.mean if part.statistic == MEAN else exact_median(each) for each in known])
    except (InputError, NoPrediction):
        return None
    return found if np.isfinite(found).all() and (found > 0).all() else None


def exact_median(known: Prediction) -> float:
    """The median of a predicted law as that of runs is read: where half of a step counts as below.

    A median of whole numbers that is small has steps as large as itself; between two of them the share is linear in
    their logs, as in `experiments.fits.evidence.censoring.median_table`.
    """
    whole = known.quantile(0.5)
    times = whole + known.unit * np.arange(-2.0, 2.0)
    if known.unit <= 0 or not math.isfinite(whole):
        return whole
    below = np.asarray(known.cdf(times))
    shares, at = (below[1:] + below[:-1]) / 2, times[1:]
    return float(np.exp(np.interp(0.5, shares[at > 0], np.log(at[at > 0]))))
