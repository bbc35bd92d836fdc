"""Landscapes: what a problem declares about its fitness, for exact predictions.

A problem says so by a property `landscape`:

    @property
    def landscape(self):
        return OfCounts(range(self.k + 1))

All correct must be the only best solution, whatever the landscape. `llm-evo check-operator` compares the declaration
with `fitness`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.declarations import declared
from evo.errors import OperatorError
from evo.protocols import FloatArray
from evo.text import type_name


@dataclass(frozen=True)
class OfCounts:
    """The fitness depends on the number c of correct blocks alone: f(x) = by_count[c].

    Attributes:
        by_count: k+1 numbers, the fitness of 0..k correct blocks; the last is the only largest.

    >>> OfCounts(range(4)).increasing, OfCounts((3, 2, 1, 4)).increasing
    (True, False)
    """

    by_count: Sequence[float]

    @property
    def increasing(self) -> bool:
        """Whether more correct blocks are always better: then a run follows the law of BlockOneMax."""
        if isinstance(self.by_count, range):
            return self.by_count.step > 0
        return bool((np.diff(np.asarray(self.by_count, dtype=np.float64)) > 0).all())


@dataclass(frozen=True)
class Weighted:
    """A linear fitness: f(x) = c + the sum of w_j over the correct blocks j.

    Attributes:
        weights: w_1, .., w_k, all positive.
    """

    weights: Sequence[float]


@dataclass(frozen=True)
class Leading:
    """The fitness rises with the number of correct blocks before the first incorrect one, and with nothing else."""


@dataclass(frozen=True)
class OnlyOptimum:
    """Any fitness whose unique optimum is the solution with all blocks correct."""


Landscape = OfCounts | Weighted | Leading | OnlyOptimum


def landscape_of(problem: Any) -> Landscape | None:
    """The landscape that a problem's own class declares; None if it declares none.

    A subclass may behave differently and inherits no claim.

    Raises: OperatorError if the declaration is not a landscape or does not fit k blocks.
    """
    found = declared(problem, "landscape")
    if found is None:
        return None
    name = f"{type_name(type(problem))}.landscape"
    if not isinstance(found, Landscape):
        raise OperatorError(
            f"{name} must be OfCounts(by_count), Weighted(weights), Leading() or OnlyOptimum() of evo.landscapes, got "
            f"{found!r:.100}; write @property above it"
        )
    if isinstance(found, OfCounts):
        rising = isinstance(found.by_count, range) and len(found.by_count) == problem.k + 1 and found.increasing
        values = None if rising else _numbers(name, "by_count", found.by_count, problem.k + 1)
        if values is not None and not (values[:-1] < values[-1]).all():
            raise OperatorError(f"{name}: the fitness of k = {problem.k} correct blocks must be the only largest one")
    if isinstance(found, Weighted) and not (_numbers(name, "weights", found.weights, problem.k) > 0).all():
        raise OperatorError(f"{name}: all weights must be positive, got {found.weights!r:.100}")
    return found


def _numbers(name: str, field: str, values: Any, size: int) -> FloatArray:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (size,) or not np.isfinite(numbers).all():
        raise OperatorError(f"{name}: {field} must be {size} finite numbers, got {values!r:.100}")
    return numbers
