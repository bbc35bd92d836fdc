"""Fitness as ranks: all that selection by comparison needs to know of a landscape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import InputError
from evo.protocols import IntArray


def ranks(fitness: ArrayLike, size: int, optimum: int, of: str) -> IntArray:
    """The rank of each value among the different ones, 0 the lowest, equal values alike; int [size].

    Args:
        fitness: real numbers, [size].
        size: how many there must be.
        optimum: the index of the only highest one.
        of: what they are the fitness of, for the message.

    Raises: InputError unless there are `size` finite numbers, highest at `optimum` alone.

    >>> ranks([9.0, 0.0, 0.5, 0.0], 4, 0, "counts").tolist()
    [2, 0, 1, 0]
    """
    values = np.asarray(fitness, dtype=np.float64)
    if values.shape != (size,) or not np.isfinite(values).all():
        raise InputError(f"fitness must hold a finite number for each of {size} {of}, got {fitness!r:.200}")
    if (values >= values[optimum]).sum() > 1:
        raise InputError(f"fitness must be highest at the optimum, index {optimum % size}, alone; got {fitness!r:.200}")
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
