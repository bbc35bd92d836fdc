"""A family fitted to a series: least squares of signed roots of the deviance (`experiments.fits.evidence.cells`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import chdtrc

from evo.protocols import FloatArray
from experiments.fits.evidence.cells import Evidence
from experiments.fits.families.forms import Form
from experiments.fits.families.models import Model

MOST_STEPS = 300
FLAT = 1e-13
"""Relative difference of the means at both ends below which a curved summand is none: it is rounding."""
NEAR, CLOSE, CONVERGED_BY = 1e-9, 1e-14, (1, 2, 3, 4)
"""Tolerance of the least squares, and where runs came out the same; the flags of MINPACK that say it was met, or that
nothing nearer can be told apart."""
EXPONENTS = (-3.0, -2.0, -1.0, -0.5, -0.2, 0.1, 0.3, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
RATES = (0.02, 0.1, 0.3, 0.7, 1.2, 2.0, 3.0, 5.0, 8.0, 14.0, 25.0)
"""Where the search for a curve begins: exponents, and log base times the range."""
SMALL = 1e-3
"""Share of the least mean that begins for a mean at an end of the range that is not positive."""
SHIFTS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""And shifts, in units of the end of the range."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A family fitted to a series.

    Attributes:
        model: the family over the range.
        free: its free parameters.
        covariance: of them.
        distance: the deviance.
        cells: cells that have a mean, and not only a bound.
    """

    model: Model
    free: FloatArray
    covariance: FloatArray
    distance: float
    cells: int

    @property
    def form(self) -> Form:
        """The family."""
        return self.model.form

    @property
    def misfit(self) -> float:
        """Probability that a true law of this family is as far off; 1 where nothing is left to judge by."""
        left = self.cells - self.model.size
        return float(chdtrc(left, self.distance)) if left > 0 else 1.0

    @cached_property
    def told(self) -> tuple[FloatArray, FloatArray, tuple[bool, ...]]:
        """The named parameters, their standard errors, and which of them are logs."""
        with np.errstate(over="ignore", invalid="ignore"):  # of a family that runs away
            values, slopes, logs = _named(self.model, self.free)
            errors = np.sqrt(np.maximum(0.0, np.diag(slopes @ self.covariance @ slopes.T)))
        return values, errors, logs

    def value(self, name: str) -> float:
        """A named parameter."""
        values, _, logs = self.told
        at = self.form.parameters.index(name)
        with np.errstate(over="ignore"):
            return float(np.exp(values[at]) if logs[at] else values[at])

    def at(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Log of the mean at x, and its standard error; NaN where A (x + c)^b has none."""
        with np.errstate(invalid="ignore", divide="ignore"):  # beyond the range a law may have none
            logs, slopes = self.model.logs(self.free, x)
            return logs, np.sqrt(np.maximum(0.0, ((slopes @ self.covariance) * slopes).sum(axis=1)))


def _named(model: Model, free: FloatArray) -> tuple[FloatArray, FloatArray, tuple[bool, ...]]:
    """Named parameters from free ones, their slopes, float [named, free], and which are logs."""
    form = model.form
    if form.shifted:
        return _named_of_shift(model, free)
    if not form.summands:
        return free, np.eye(len(free)), tuple(name in ("A", "base") for name in form.parameters)
    if form.curved:
        return _named_of_curve(model, free)
    scales = np.array([model.scale(name) for name in form.summands])
    values, slopes = free / scales, np.diag(1 / scales)
    if form.factored:
        a, b = values
        with np.errstate(divide="ignore", invalid="ignore"):  # a = 0, a bound: c is not known
            slopes = np.array([[1, 0], [-b / a**2, 1 / a]]) @ slopes
            values = np.array([a, b / a])
    return values, slopes, (False,) * len(values)


def _named_of_curve(model: Model, free: FloatArray) -> tuple[FloatArray, FloatArray, tuple[bool, ...]]:
    """A and c of A u + c from the means at both ends: A (u(end) - u(begin)) = last - first."""
    first, last = np.exp(free[:2])
    curve, power, sign = free[2], model.form.curved == "x^b", -1.0 if model.form.falls else 1.0
    whole = min(max(curve * model.reach, -700.0), 700.0)
    lead = (last - first) / np.expm1(whole)  # of the summand in units of the begin
    by_lead = np.array([-first, last, -lead * model.reach * np.exp(whole)]) / np.expm1(whole)
    at = np.log(model.begin) if power else model.begin
    slopes = np.array([by_lead / lead - [0, 0, at], [first, 0, 0] - by_lead, [0, 0, 1]])
    values = np.array([np.log(abs(lead)) - curve * at, first - lead, curve])
    if lead * sign < 0:  # c - A/x^b, or c + A r^x where c - A r^x is written: A is told with its sign
        a = -np.exp(values[0])
        return np.array([a, *values[1:]]), np.vstack([a * slopes[0], slopes[1:]]), (False, False, not power)
    return values, slopes, (True, False, not power)


def _named_of_shift(model: Model, free: FloatArray) -> tuple[FloatArray, FloatArray, tuple[bool, ...]]:
    """Log of A, b and c of A (x + c)^b from the logs of the means at both ends and z = ln((end + c) / (begin + c))."""
    z, reach = min(max(free[2], -700.0), 700.0), model.end - model.begin
    b, log = (free[1] - free[0]) / z, np.log(reach / abs(np.expm1(z)))  # of begin + c
    by_b, by_log = np.array([-1, 1, -b]) / z, np.array([0, 0, 1 / np.expm1(-z)])
    slopes = np.array([[1, 0, 0] - by_b * log - b * by_log, by_b, by_log * reach / np.expm1(z)])
    return np.array([free[0] - b * log, b, reach / np.expm1(z) - model.begin]), slopes, (True, False, False)


def fitted(evidence: Evidence, form: Form, knot: float | None = None, start: Fitted | None = None) -> Fitted | None:
    """A family fitted to the evidence; None if no fit is found.

    Args:
        evidence: of a series.
        form: the family.
        knot: where it may bend; None: it does not.
        start: a fit of the family without a bend to begin from, in units of its own range; found unless given.
    """
    if start is None:
        model = Model(form, float(evidence.x.min()), float(evidence.x.max()), knot)
    else:
        model = replace(start.model, knot=knot)
    with np.errstate(all="ignore"):
        if start is None:
            starts = _starts(evidence, model)
        else:
            starts = [start.free if knot is None else np.append(start.free, 0.0)]
        found = [_polished(evidence, model, each) for each in starts]
    made = [each for each in found if each is not None]
    return min(made, key=lambda each: each.distance, default=None)


def _polished(evidence: Evidence, model: Model, start: FloatArray) -> Fitted | None:
    from scipy.optimize import leastsq

    x = evidence.x
    known: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def found(free: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Roots and their slopes; those of the last parameters are kept, at which both are asked for."""
        key = free.tobytes()
        if key not in known:
            known.clear()
            logs, slopes = model.logs(free, x)
            roots, steep = evidence.roots_and_slopes(logs)
            known[key] = _finite(roots, 1e9), _finite(slopes * steep[:, None], 0.0)
        return known[key]

    def off(free: FloatArray) -> FloatArray:
        return found(free)[0]

    def slope(free: FloatArray) -> FloatArray:
        return found(free)[1]

    if len(start) > len(x):
        return None
    close = NEAR if evidence.exact is None else CLOSE
    free, *_, ended = leastsq(
        off, start, Dfun=slope, full_output=True, maxfev=MOST_STEPS, ftol=close, xtol=close, gtol=close
    )
    if model.form.curved and (abs(free[1] - free[0]) < FLAT or free[2] == 0):
        return None
    if model.form.shifted and model.knot is None and free[2] < model.least_of_shift:
        return None
    logs, slopes = model.logs(free, x)
    distance = float((off(free) ** 2).sum())
    if ended not in CONVERGED_BY or not np.isfinite([*free, distance, *logs]).all() or (logs < -600).any():
        return None
    weights = evidence.slopes(logs) if evidence.exact is None else 1 / evidence.exact
    inverse = np.linalg.pinv(slopes * weights[:, None])
    return Fitted(model, free, np.asarray(inverse @ inverse.T), distance, int(evidence.known.sum()))


def _finite(values: FloatArray, nan: float) -> FloatArray:
    """The values, with large ones where they are infinite, which the least squares cannot take."""
    return values if np.isfinite(values).all() else np.nan_to_num(values, nan=nan, posinf=1e9, neginf=-1e9)


def _starts(evidence: Evidence, model: Model) -> list[FloatArray]:
    """First guesses, by linear least squares: only where the iteration begins."""
    known = evidence.known
    x, logs, errors = evidence.x[known], evidence.best[known], evidence.errors[known]
    plain = replace(model, knot=None)
    bend = [0.0] if model.knot is not None else []
    if len(x) < 1:
        return []
    if model.form.shifted:
        return [_start_of_shift(plain, x, logs, errors, bend)]
    if not model.form.summands:
        design = plain.columns(x) / errors[:, None]
        if not np.isfinite(design).all():  # ln ln 1
            return []
        return [np.array([*np.linalg.lstsq(design, logs / errors, rcond=None)[0], *bend])]
    means = np.exp(logs)
    weights = 1 / (means * errors)
    if not model.form.curved:
        columns = plain.columns(x) * weights[:, None]
        return [np.array([*np.linalg.lstsq(columns, means * weights, rcond=None)[0], *bend])]
    reach = model.reach or 1.0
    rates = [(-each if model.form.falls else each) / reach for each in RATES]
    curves = np.array(EXPONENTS if model.form.curved == "x^b" else rates)
    far = np.log(x / plain.begin) if model.form.curved == "x^b" else x - plain.begin
    ends, left = _ends(np.expm1(curves[:, None] * far) / np.expm1(curves * reach)[:, None], means, weights)
    order = np.argsort(left)[: 2 if evidence.exact is not None else 1]
    least = SMALL * float(means.min())
    return [np.array([*np.log(np.maximum(ends[i], least)), curves[i], *bend]) for i in order]


def _start_of_shift(plain: Model, x: FloatArray, logs: FloatArray, errors: FloatArray, bend: list[float]) -> FloatArray:
    begin = plain.begin / plain.end
    shifts = np.array([-0.9 * begin, -0.5 * begin, *SHIFTS])
    curves = np.log((1 + shifts) / (begin + shifts))
    share = np.log1p(np.expm1(curves)[:, None] * plain.share_of_range(x)) / curves[:, None]
    ends, left = _ends(share, logs, 1 / errors)
    best = int(left.argmin())
    return np.array([*ends[best], curves[best], *bend])


def _ends(share: FloatArray, values: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The values at both ends by weighted least squares, and the squares that are left, a row a curve.

    Args:
        share: of the value at the end in that of each cell, float [curves, cells]; the rest is that at the begin.
        values: of the cells.
        weights: one over their standard errors.
    """
    first, last, y = (1 - share) * weights, share * weights, values * weights
    aa, ab, bb = (first**2).sum(axis=1), (first * last).sum(axis=1), (last**2).sum(axis=1)
    ay, by = first @ y, last @ y
    ends = np.column_stack([ay * bb - by * ab, by * aa - ay * ab]) / (aa * bb - ab**2)[:, None]
    left = ((first * ends[:, :1] + last * ends[:, 1:] - y) ** 2).sum(axis=1)
    return ends, np.where(np.isfinite(left), left, np.inf)
