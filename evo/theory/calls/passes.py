"""Tokens read by the forward passes of a call, by literal enumeration (theory 12a, 12d)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256  # passes summed in 64 bits at a time (up to 2^27 tokens each); beyond, in whole numbers of any size


def passes(prompt: int, generated: int) -> NDArray[np.int64]:
    """Tokens that each of the passes reads, c, c+1, .., c+o-1 for a prompt of c and o generated tokens (theory 12a).

    >>> passes(3, 4).tolist()
    [3, 4, 5, 6]
    """
    return np.arange(prompt, prompt + generated, dtype=np.int64)


def call_sums(prompt: int, generated: int) -> tuple[int, int]:
    """Sum of c and sum of c^2 over the passes of one call; exact.

    Closed forms: co + o(o-1)/2 (theory 12a) and o c^2 + c o(o-1) + (o-1)o(2o-1)/6 (theory 12d), times m.

    >>> call_sums(200, 200)
    (59900, 18606700)
    """
    linear = quadratic = 0
    for first in range(0, generated, _BLOCK):
        block = passes(prompt + first, min(_BLOCK, generated - first))
        linear += int(block.sum())
        quadratic += int(block @ block)
    return linear, quadratic
