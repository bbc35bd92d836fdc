"""Sums over very many whole numbers from few of their terms (theory 2g), and running integrals on equal panels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from evo.errors import NoPrediction
from evo.protocols import FloatArray

Terms = Callable[[Sequence[int]], FloatArray]  # sorted whole numbers [n] -> terms [n, sums]

NODES = 16  # of `Panels`, on a panel
_NODES = 20  # terms of a panel
ALL = 128  # panels of at most 128 numbers are summed term by term
_GRID = 4096  # up to here the sums of Legendre polynomials are taken term by term
_ACCURATE = 1e-14  # of the sum: what the last coefficients of a panel may contribute
_DROPPED = 1e-18  # of the sum: the rest that is left out


def long_sums(terms: Terms, end: int, most: int, orders: Sequence[float]) -> FloatArray:
    """Sums of terms(c) over the whole numbers 0 <= c < end, several at once; float [sums].

    On panels [c, 2c) the terms are interpolated at 20 whole numbers near the Gauss-Legendre nodes, and the
    interpolating polynomial is summed over all whole numbers of the panel. A panel whose last Legendre coefficients
    are not below 1e-14 of the sum is halved.

    Args:
        terms: smooth functions of c, >= 0.
        end: the end of the sums.
        most: how many terms may be computed.
        orders: for each sum a power n such that terms(c) / (c+1)^n does not rise with c: it bounds the rest, so that
            the sum stops where the rest is negligible. Infinite where no n is known: that sum is taken to its end.

    Raises: NoPrediction if it takes more terms.

    >>> round(float(long_sums(lambda c: np.exp(-1e-9 * np.array(c, dtype=float))[:, None], 10**11, 4000, [0])[0]), 3)
    1000000000.5
    """
    used = 0
    total = np.zeros(len(orders))
    first, stop = 0, min(end, ALL)
    while first < end:
        waiting = [(first, stop)]
        while waiting:
            low, high = waiting.pop()
            used += min(high - low, _NODES) if high - low > ALL else high - low
            if used > most:
                raise NoPrediction(f"the tail sums over {float(end):.3g} numbers take more than {most} terms")
            part, rest, latest = _panel(terms, low, high)
            if bool((rest <= _ACCURATE * (total + part)).all()):
                total = total + part
            else:
                waiting += [((low + high) // 2, high), (low, (low + high) // 2)]
        with np.errstate(over="ignore", invalid="ignore"):
            growth = [(float(end) / stop) ** n if n * math.log(end) < 700.0 else np.inf for n in orders]
            if bool((latest * growth * float(end) <= _DROPPED * total).all()):
                break
        first, stop = stop, min(end, 2 * stop)
    return total


def whole_rule(width: int) -> tuple[FloatArray, FloatArray]:
    """A quadrature rule for the sum of a smooth function over 0..width-1: places and their weights, float [n] each.

    >>> places, weights = whole_rule(1000)
    >>> len(places), round(float(weights @ places**2)), sum(n * n for n in range(1000))
    (20, 332833500, 332833500)
    """
    if width <= ALL:
        return np.arange(width, dtype=np.float64), np.ones(width)
    offsets, weights, _ = _rule(width)
    return np.array(offsets, dtype=np.float64), weights


def _panel(terms: Terms, low: int, high: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The sums over one panel, low <= c < high, a bound on the error of each, and its last term; float [sums] each."""
    if high - low <= ALL:
        values = terms(range(low, high))
        return values.sum(axis=0), np.zeros(values.shape[1]), values[-1]
    offsets, weights, last_coefficients = _rule(high - low)
    values = terms([low + offset for offset in offsets])
    error = np.abs(last_coefficients @ values).sum(axis=0) * float(high - low)
    return weights @ values, error, values[-1]


@lru_cache(maxsize=512)
def _rule(width: int) -> tuple[tuple[int, ...], FloatArray, FloatArray]:
    """The rule on a panel of so many whole numbers: nodes, weights, and what tells the error.

    Returns:
        The nodes among 0..width-1; the weight of each in the sum over the panel; rows that turn values at the nodes
        into the last 3 Legendre coefficients, which are small where the sum is right.
    """
    legendre = np.polynomial.legendre
    ideal = legendre.leggauss(_NODES)[0]
    offsets = tuple(min(width - 1, int((float(x) + 1.0) / 2.0 * width)) for x in ideal)
    x = np.array([(2 * offset + 1 - width) / width for offset in offsets])
    inverse = np.linalg.inv(legendre.legvander(x, _NODES - 1))
    return offsets, _polynomial_sums(width) @ inverse, inverse[-3:]


def _polynomial_sums(width: int) -> FloatArray:
    """Sums of the Legendre polynomials P_j((2c+1-width)/width) over 0 <= c < width, j = 0, 1, ..; float [nodes].

    By the midpoint formula of Euler and Maclaurin, with terms B_2k(1/2) h^2k/(2k)! and h = 2/width.

    P_j^(d)(1) = (j+d)!/(2^d d! (j-d)!).
    """
    if width <= _GRID:
        return np.asarray(
            np.polynomial.legendre.legvander((2.0 * np.arange(width) + 1.0 - width) / width, _NODES - 1).sum(axis=0)
        )
    sums = np.zeros(_NODES)
    sums[0] = width
    h = 2.0 / width
    for j in range(2, _NODES, 2):
        for d, coefficient in ((1, -1 / 24), (3, 7 / 5760), (5, -31 / 967680)):
            derivative = np.prod(np.arange(j - d + 1.0, j + d + 1.0)) / (2.0**d * float(np.prod(np.arange(1.0, d + 1))))
            sums[j] += 2.0 * coefficient * h**d * (derivative if j >= d else 0.0)
    return sums


@dataclass(frozen=True)
class Panels:
    """`count` intervals (panels) of one width, the first from `left` on, with Gauss-Legendre nodes in each.

    >>> panels = Panels(left=0.0, width=0.5, count=2)
    >>> inner, whole = panels.beyond(np.exp(panels.nodes))
    >>> round(float(whole), 12), bool(np.allclose(inner, np.e - np.exp(panels.nodes), rtol=1e-13))
    (1.718281828459, True)
    """

    left: float
    width: float
    count: int

    @cached_property
    def nodes(self) -> FloatArray:
        """The nodes, float [count, NODES]."""
        edges = self.left + self.width * np.arange(self.count)
        return np.asarray(edges[:, None] + self.width * (0.5 + 0.5 * np.polynomial.legendre.leggauss(NODES)[0]))

    def beyond(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The integrals of functions from each node, [..., count, NODES], and from the left end, [...], to the right.

        Args:
            values: the functions at the nodes, [..., count, NODES].
        """
        weights, inside = self._rule
        rest = np.cumsum((values @ weights)[..., ::-1], axis=-1)[..., ::-1]
        inner = values @ inside
        inner[..., :-1, :] += rest[..., 1:, None]
        return inner, rest[..., 0]

    @cached_property
    def _rule(self) -> tuple[FloatArray, FloatArray]:
        """Weights of the nodes of a panel: in the integral over it, float [n], and in those from each node on.

        The latter, float [n, n], have a column a node: the integral from that node to the right end of the panel.

        By Legendre polynomials: the integral of P_r from x to 1 is (P_{r-1}(x) - P_{r+1}(x))/(2r+1), and 1 - x at 0.
        """
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        values = np.polynomial.legendre.legvander(nodes, NODES)
        order = np.arange(1, NODES)
        integrals = np.column_stack([1.0 - nodes, (values[:, : NODES - 1] - values[:, 2:]) / (2 * order + 1)])
        coefficients = (np.arange(NODES) + 0.5)[:, None] * values[:, :NODES].T * weights
        return 0.5 * self.width * weights, (0.5 * self.width * integrals @ coefficients).T
