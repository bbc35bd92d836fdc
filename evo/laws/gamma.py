"""Ratios of Gamma functions whose arguments lie close together, without cancellation, for real and complex numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

_SHIFT = 32
"""Stirling's series is taken this far to the right, where four terms give all digits."""


def log1p(z: Any) -> Any:
    """The logarithm ln(1+z) to full accuracy for complex z too, where numpy's own is naive and rounds 1+z.

    Real part log1p(2x + x^2 + y^2)/2, imaginary part atan2(y, 1+x).

    >>> f"{log1p(complex(1e-15, 5e-16)):.12g}"
    '1e-15+5e-16j'
    """
    if not np.iscomplexobj(z):
        return np.log1p(z)
    x, y = np.real(z), np.imag(z)
    return 0.5 * np.log1p(x * (2.0 + x) + y * y) + 1j * np.arctan2(y, 1.0 + x)


def log_gamma_ratio(z: Any, a: Any) -> Any:
    """The difference ln Gamma(z) - ln Gamma(z+a) without cancellation for any Re z > 0, by a shift and Stirling.

    >>> round(float(np.exp(log_gamma_ratio(5.0, 2.0))), 12)          # 4!/6!
    0.033333333333
    """
    total = np.zeros_like(np.asarray(z) + np.asarray(a))
    for i in range(_SHIFT):
        total = total + log1p(a / (z + i))
    z = z + _SHIFT
    total = total - (z - 0.5) * log1p(a / z) - a * np.log(z + a) + a
    for c, power in ((1 / 12, 1), (-1 / 360, 3), (1 / 1260, 5), (-1 / 1680, 7)):
        total = total + c * ((1.0 / z) ** power - (1.0 / (z + a)) ** power)
    return total
