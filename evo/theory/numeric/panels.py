"""Running integrals on equal panels by Gauss-Legendre nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.laws.counts import FloatArray

NODES = 16  # on a panel


@dataclass(frozen=True)
class Panels:
    """`count` panels of one width, the first from `left` on.

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
        """Weights [n] of a panel's integral, and [n, n] of those from each node, a column each, to its right end.

        By Legendre polynomials: the integral of P_r from x to 1 is (P_{r-1}(x) - P_{r+1}(x))/(2r+1), and 1 - x at 0.
        """
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        values = np.polynomial.legendre.legvander(nodes, NODES)
        order = np.arange(1, NODES)
        integrals = np.column_stack([1.0 - nodes, (values[:, : NODES - 1] - values[:, 2:]) / (2 * order + 1)])
        coefficients = (np.arange(NODES) + 0.5)[:, None] * values[:, :NODES].T * weights
        return 0.5 * self.width * weights, (0.5 * self.width * integrals @ coefficients).T
