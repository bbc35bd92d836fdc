"""The distribution of the hit under stored noise, call by call (theory 8d)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.calls.starts import Start
from evo.theory.numeric.sums import NODES, Panels
from evo.theory.times.law import TimeLaw, check_level, least_time

MOST_WORK = 1_000_000_000  # calls times values of u; some ten seconds
EDGE = 8.6  # standard deviations; an evaluation is further out w.p. 1e-17
WIDEST = 0.5  # of a panel, in standard deviations: the tails are within 1e-13 of those on finer ones

State = tuple[FloatArray, FloatArray, FloatArray]  # u_i, i = 1..most, at the nodes; its integrals (`Panels.beyond`)


class StoredTime:
    """Calls until the hit: OnlyIncorrect, g = 1, lam = 1, stored Gaussian noise of standard deviation s.

    The chance u_i(z) of no hit within n calls from i incorrect blocks and noise z is 1 at n = 0, and for n + 1

        a int_{z-1}^inf u_{i-1} dPhi + (1-a) int_z^inf u_i dPhi + (a P(noise < z-1) + (1-a) P(noise < z)) u_i(z).

    P(T > t) falls like 1/t, a little faster, so that the mean is finite and the variance is not.

    >>> time = StoredTime(0.5, 1.0, Start(1), lambda: 6.869562405506)
    >>> time.tail([0, 1, 2]).round(9).tolist(), time.quantile(0.5)
    ([1.0, 0.619875031, 0.429812546], 2.0)
    """

    def __init__(self, fix: float, s: float, start: Start, mean: Callable[[], float]) -> None:
        """Prepare; nothing is computed before it is asked for.

        Args:
            fix: a, P(an incorrect block is correct after a call), > 0.
            s: standard deviation of the stored noise, > 0.
            start: the initial law.
            mean: computes E[T] when asked.
        """
        self._fix, self._start, self._mean = fix, start, mean
        self._shift = math.ceil(1.0 / s / WIDEST)
        width = 1.0 / s / self._shift
        self._panels = Panels(-EDGE, width, math.ceil(2 * EDGE / width))
        self._tails = [float(start.law()[1:].sum())]
        self._state: State | None = None  # after as many calls as there are tails but one

    @cached_property
    def mean(self) -> float:
        """E[T].

        Raises: NoPrediction if it is above the largest float.
        """
        return self._mean()

    @property
    def variance(self) -> float:
        """Infinite."""
        return math.inf

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t) = 1 - P(T > t)."""
        return np.maximum(0.0, 1.0 - self.tail(t))

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t).

        Raises: NoPrediction for a finite t that would take too long.
        """
        times = np.floor(np.asarray(t, dtype=np.float64))
        usual = (times >= 0) & np.isfinite(times)
        tails = np.where(times == np.inf, 0.0, np.ones(times.shape))
        if usual.any():
            self._reach(int(times[usual].max()))
            tails[usual] = np.array(self._tails)[times[usual].astype(np.int64)]
        return tails

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u.

        Raises: NoPrediction where that would take too long.
        """
        check_level(u)
        return least_time(self, u)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def _reach(self, calls: int) -> None:
        """Go on to so many calls."""
        most, panels = self._start.most, self._panels
        feasible = MOST_WORK // (most * panels.count * NODES)
        if calls > feasible:
            raise NoPrediction(
                f"the distribution with stored noise is computed call by call, here up to {feasible} calls, not {calls}"
            )
        if calls < len(self._tails):
            return
        weights = self._start.law()[1 : most + 1]
        density, rejected = self._grid
        none = np.ones((most, *density.shape))
        none, inner, whole = self._state or (none, *panels.beyond(none * density))
        for _ in range(calls + 1 - len(self._tails)):
            # left of the first panel the noise never is
            fixed = np.zeros_like(inner)
            fixed[1:] = whole[:-1, None, None]
            fixed[1:, self._shift :] = inner[:-1, : -self._shift]
            none = self._fix * fixed + (1.0 - self._fix) * inner + rejected * none
            inner, whole = panels.beyond(none * density)
            self._tails.append(min(float(weights @ whole), self._tails[-1]))
        self._state = none, inner, whole

    @cached_property
    def _grid(self) -> tuple[FloatArray, FloatArray]:
        """The density of the noise, and the chance that a call is rejected, at the nodes."""
        from scipy.special import ndtr

        x = self._panels.nodes
        density = np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)
        shift = self._shift * self._panels.width
        return density, self._fix * ndtr(x - shift) + (1.0 - self._fix) * ndtr(x)
