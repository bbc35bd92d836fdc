"""Gaussian noise with a stored parent's value: a lucky evaluation freezes the search (theory 8d)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.laws.counts import FloatArray, IndependentBlocks
from evo.theory.calls.gains import check_run
from evo.theory.calls.starts import Start
from evo.theory.numeric.sums import NODES, Panels
from evo.theory.problems.stored_tail import StoredTime
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.only_incorrect import only_incorrect
from evo.theory.times.closed import Geometric
from evo.theory.times.law import TimeLaw

ACCURACY = 1e-11  # relative; how well two grids, one twice as fine, must agree
MAX_NODES = 1 << 20  # of the finer grid
LOWEST = -9.5  # standard deviations; an evaluation is below it w.p. 1e-21
NEGLIGIBLE = math.log(1e-20)
LARGEST = 700.0  # exp of more is no float


def stored_only_incorrect(fix: float, sigma: float, k: int, start: Start, m: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, lam = 1, if a solution is evaluated once, when it is new (theory 8d).

    An evaluation is the fitness plus z ~ N(0, s^2), s = sigma/sqrt(m), and the parent keeps its z. From i incorrect
    blocks and z the hit, when the optimum becomes the current solution, takes V_i(z) calls in the mean, and with
    S(z) = P(noise > z), J_i(z) = int_z^inf V_i dPhi, a = fix

        V_i(z) (a S(z-1) + (1-a) S(z)) = 1 + a J_{i-1}(z-1) + (1-a) J_i(z), J_0 = 0, E = J_j(-inf).

    The variance is infinite for every s > 0: while z is kept a call is accepted w.p. at most S(z-1), so that
    E[T^2] >= E[S(z-1)^-2] = int dPhi(z)/S(z-1)^2, whose integrand grows like exp((z-2)^2/(2 s^2)). A mean of runs
    therefore converges slowly, and has no standard error; compare distributions. They are computed call by call
    (`StoredTime`), and not beyond some 10^5 calls.

    Args:
        fix: a, P(an incorrect block is correct after a call).
        sigma: standard deviation of one evaluation, in units of a block's fitness; 0 is no noise.
        k: blocks.
        start: the initial law.
        m: evaluations of a new solution, of which the mean is stored.

    Raises: InputError; asked for the mean, NoPrediction if it is above the largest float or not found to 1e-11.

    >>> round(stored_only_incorrect(0.5, 0.5, 1, Start(1)).hit.mean, 12)
    2.501740309372
    """
    check_run(k, start, 1)
    if not 0.0 <= fix <= 1.0 or not 0.0 <= sigma < math.inf or not m >= 1 or m % 1:
        raise InputError(
            "stored_only_incorrect: expected fix in [0, 1], a finite sigma >= 0 and a whole number m >= 1, got "
            f"fix={fix!r}, sigma={sigma!r}, m={m!r}"
        )
    if start.most == 0:
        return finished(1)
    if sigma == 0.0:
        return only_incorrect(IndependentBlocks(fix, 1.0), k, 1, start)
    s = max(sigma / math.sqrt(m), 1e-6)  # below 0.01 no float of the law depends on it
    hit: TimeLaw = StoredTime(fix, s, start, partial(_mean, fix, s, start)) if fix > 0.0 else _never(start)
    return RunLaw(hit, hit, no_short_chunk, "theory 8d")


def _mean(fix: float, s: float, start: Start) -> float:
    weights = start.law()[: start.most + 1]
    used = weights > 0.0
    return float(weights[used] @ stored_means(fix, s, start.most)[used])


def _never(start: Start) -> TimeLaw:
    return Geometric(success=0.0, zero=float(start.law()[0]))


def stored_means(fix: float, s: float, most: int) -> FloatArray:
    """E = J_j(-inf) for j = 0..most incorrect blocks, float [most+1]; from ever finer grids until two agree.

    Raises: NoPrediction if the mean is above the largest float, or the grids do not agree to 1e-11.

    >>> stored_means(0.5, 1.0, 3).round(9).tolist()
    [0.0, 6.869562406, 16.961044676, 28.817314222]
    """
    if fix == 0.0:
        return np.append(0.0, np.full(most, math.inf))
    coarse: FloatArray | None = None
    for halvings in range(1, 12):
        equation = _Equation.of(fix, s, 0.5**halvings)
        if equation is None:
            break
        fine = equation.means(most)
        if coarse is not None and np.allclose(fine, coarse, rtol=ACCURACY, atol=0.0):
            return fine
        coarse = fine
    raise NoPrediction(f"the mean with stored noise of s={s:g}, fix={fix:g} needs more than {MAX_NODES} nodes")


@dataclass(frozen=True)
class _Equation:
    """The equation for J solved in x = z/s, on panels of one width; a shift of z by 1 is a whole number of panels.

    J' = -rate (1 + a J_{i-1}(z-1) + (1-a) J_i), rate = phi/(a S(z-1) + (1-a) S(z)), by the integrating factor
    exp((1-a) C), C(z) = int_z^inf rate:  J_i = exp((1-a) C) int_z^inf rate (1 + a J_{i-1}(z-1)) exp(-(1-a) C).

    Attributes:
        fix: a.
        panels: the panels, in standard deviations.
        shift: panels that 1/s is.
        rate: at the nodes, [panels, NODES].
    """

    fix: float
    panels: Panels
    shift: int
    rate: FloatArray

    @classmethod
    def of(cls, fix: float, s: float, widest: float) -> _Equation | None:
        """Panels no wider than `widest`, None if there would be too many."""
        delta = 1.0 / s
        shift = math.ceil(delta / widest)
        width = delta / shift
        count = (_highest(fix, delta) - LOWEST) / width
        if count * NODES > MAX_NODES:
            return None
        panels = Panels(LOWEST, width, math.ceil(count))
        return cls(fix, panels, shift, _rate(panels.nodes, fix, delta))

    def means(self, most: int) -> FloatArray:
        """J_j(-inf) for j = 0..most."""
        rest = 1.0 - self.fix
        exponent, whole = self.panels.beyond(self.rate)
        total = float(whole)
        if rest * total > LARGEST:
            raise NoPrediction(f"the mean with stored noise is about exp({rest * total:.4g}), above the largest float")
        damped, grown = self.rate * np.exp(-rest * exponent), np.exp(rest * exponent)
        means, before = np.zeros(most + 1), np.zeros_like(self.rate)
        for j in range(1, most + 1):
            # left of the first panel J is constant, as the noise is never there
            later = np.full_like(before, means[j - 1])
            later[self.shift :] = before[: -self.shift]
            inner, whole = self.panels.beyond(damped * (1.0 + self.fix * later))
            before, means[j] = grown * inner, math.exp(rest * total) * float(whole)
        if not np.isfinite(means).all():
            raise NoPrediction("the mean with stored noise is above the largest float")
        return means


def _rate(x: FloatArray, fix: float, delta: float) -> FloatArray:
    """phi(x)/(a S(x-delta) + (1-a) S(x)) in standard deviations, from logarithms as both sides underflow."""
    from scipy.special import log_ndtr

    log_density = -0.5 * x**2 - 0.5 * math.log(2.0 * math.pi)
    with np.errstate(divide="ignore"):
        log_fixed, log_same = np.log(fix) + log_ndtr(delta - x), np.log1p(-fix) + log_ndtr(-x)
    return np.asarray(np.exp(log_density - np.logaddexp(log_fixed, log_same)))


def _highest(fix: float, delta: float) -> float:
    """Standard deviations beyond which the integral of the rate is negligible: rate <= phi(x)/(a S(x-delta))."""
    from scipy.special import log_ndtr

    x = 8.0
    while -0.5 * x**2 - math.log(fix * min(delta, 1.0)) - float(log_ndtr(delta - x)) > NEGLIGIBLE:
        x *= 1.05
    return x
