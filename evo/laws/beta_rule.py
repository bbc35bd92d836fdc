"""A Gauss rule for the Beta law whose nodes keep their digits next to 0 and next to 1."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from evo.protocols import FloatArray

_LARGEST = 512
"""Nodes up to which they are singular values: these keep their digits however small, and take n^3 operations."""


@lru_cache(maxsize=256)
def beta_rule(a: float, b: float, degree: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, nodes q in (0, 1) and 1 - q with E[f(q)] = sum weight f(q) for q ~ Beta(a, b), f a polynomial.

    Gauss-Jacobi with n = ceil((degree+1)/2) nodes, exact up to the degree. The canonical moments of the law (Skibinsky
    1969) are ratios in which nothing cancels, and so are the pivots that they give of its Jacobi matrix.

    >>> weights, nodes, _ = beta_rule(2.0, 3.0, 4)
    >>> round(float(weights @ nodes**4), 12)          # B(6, 3)/B(2, 3)
    0.071428571429
    >>> weights, nodes, _ = beta_rule(1e-8, 1.0, 2)
    >>> round(float(weights @ (1.0 - nodes) * 1e-8 / (weights @ nodes)), 14)  # E[1 - q] a/E[q] = b
    1.0
    """
    n = max(1, -(-(degree + 1) // 2))
    below, above = _Half.of(a, b, n), _Half.of(b, a, n)
    nodes, rests = below.nodes(), above.nodes()[::-1]
    low = nodes < rests
    weights = np.append(below.weights(nodes[low]), above.weights(rests[~low]))
    return weights / weights.sum(), nodes, rests


class _Half:
    """The Jacobi matrix J = L L^T of a Beta law, L with two diagonals, whose squares are products of ratios."""

    def __init__(self, pivots: FloatArray, below: FloatArray) -> None:
        self._pivots, self._below = pivots, below
        self._diagonal = pivots + np.append(0.0, below)
        self._beside = np.sqrt(pivots[:-1] * below)

    @classmethod
    def of(cls, a: float, b: float, n: int) -> _Half:
        """The canonical moments are (a+i-1)/(a+b+2i-2) and i/(a+b+2i-1) in turn; what each lacks to 1 is no difference.

        A sum of a or b and whole numbers is taken last: a may be far below the rounding of 1.
        """
        i = np.arange(1.0, n + 1.0)
        odd, even = a + b + 2.0 * (i - 1.0), a + b + (2.0 * i - 1.0)
        rest = np.append(1.0, (a + b + (i[:-1] - 1.0)) / even[:-1])
        return cls(rest * (a + (i - 1.0)) / odd, (b + (i[:-1] - 1.0)) / odd[:-1] * i[:-1] / even[:-1])

    def nodes(self) -> FloatArray:
        """The eigenvalues of J in rising order, [n]."""
        from scipy.linalg import lapack, svd

        n = len(self._pivots)
        if n == 1:
            return self._pivots
        if n <= _LARGEST:
            factor = np.diag(np.sqrt(self._pivots)) + np.diag(np.sqrt(self._below), 1)
            # this driver rotates rows and columns only, which keeps the digits of small ones (Demmel and Kahan 1990)
            found = svd(factor, compute_uv=False, lapack_driver="gesvd") ** 2
        else:
            found = lapack.dpteqr(self._diagonal.copy(), self._beside.copy(), np.zeros((n, n)), compute_z=0)[0]
        return np.sort(found)

    def weights(self, nodes: FloatArray) -> FloatArray:
        """One over the sum of the squares of the orthonormal polynomials at nodes below 1/2, [nodes]."""
        before, now = np.zeros(len(nodes)), np.ones(len(nodes))
        total, beside = now.copy(), np.append(0.0, self._beside)
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(len(self._pivots) - 1):
                before, now = now, ((nodes - self._diagonal[k]) * now - beside[k] * before) / beside[k + 1]
                total += now**2
        return np.where(np.isfinite(total), 1.0 / total, 0.0)
