"""Which cells have no mean, or a mean of runs without a standard error: what is known of the tail of `hit`.

Calls and cost of a run grow with its hit, so they share its tail.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import singledispatch
from typing import Any

from evo.errors import InputError, NoPrediction
from evo.laws.special import BetaBlocksLaw, RunQualityLaw
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.cell_text import runs_program
from experiments.predictions.predict import Prediction
from experiments.store.results import Results
from problems import Noisy


class Tail(Enum):
    """How heavy a tail is; the value says what that means for a mean of runs."""

    LIGHT = ""
    NO_VARIANCE = "the variance is infinite, so a mean of runs has no standard error"
    NO_MEAN = "the mean is infinite"


def tail_of(results: Results, cell_id: str) -> Tail:
    """The tail of a cell: by its prediction, by that which was stored, or by what is declared of its parts.

    LIGHT where nothing is known.
    """
    return results.once(("tail", cell_id), lambda: _tail_of(results, cell_id))


def _tail_of(results: Results, cell_id: str) -> Tail:
    if runs_program(str(results.cells.loc[cell_id, "text"])):
        return Tail.LIGHT  # what its runs count is finite, whether their task was done or not
    try:
        return tail_of_prediction(results.predict(cell_id, "hit"))
    except NoPrediction:
        return tail_declared(results.cell(cell_id))
    except InputError:
        stored = results.prediction(cell_id)
    if stored is None:
        return Tail.LIGHT
    return _by_moments(stored.means.get("hit", math.nan), stored.variances.get("hit", math.nan))


def tail_of_prediction(hit: Prediction) -> Tail:
    """The tail of a predicted law.

    >>> from evo import OnePlusLambda, OnlyIncorrect
    >>> from experiments.predictions.predict import predict
    >>> from operators import BetaBlocks
    >>> from problems import BlockOneMax
    >>> def of(a):
    ...     return Cell(BlockOneMax(k=4, l=16), BetaBlocks(a=a, b=1.0), OnlyIncorrect(), OnePlusLambda())
    >>> [tail_of_prediction(predict(of(a))).name for a in (1.0, 2.0, 3.0)]
    ['NO_MEAN', 'NO_VARIANCE', 'LIGHT']
    """
    if math.isinf(hit.mean):
        return Tail.NO_MEAN
    try:
        return _by_moments(hit.mean, hit.variance)
    except NoPrediction:
        return Tail.LIGHT


def _by_moments(mean: float, variance: float) -> Tail:
    if math.isinf(mean):
        return Tail.NO_MEAN
    return Tail.NO_VARIANCE if math.isinf(variance) else Tail.LIGHT


@singledispatch
def tail_declared(cell: AnyCell) -> Tail:
    """The tail where there is no prediction, from what is declared of the parts of a cell; LIGHT where nothing is."""
    return Tail.LIGHT


@tail_declared.register
def _(cell: Cell) -> Tail:
    """The tail of a search, from parts whose draws last.

    A block of success probability p ~ Beta(a, b) for the whole run takes at least Geom(p) calls under every schedule
    and runner: E[1/p] is infinite for a <= 1, E[1/p^2] for a <= 2 (theory 5b). A parent that keeps the value of noise
    that it was accepted with has an infinite variance (theory 8d).
    """
    shapes = [law.a for law in map(_law, _inside(cell.mutator)) if isinstance(law, BetaBlocksLaw | RunQualityLaw)]
    if any(a <= 1 for a in shapes):
        return Tail.NO_MEAN
    stored = any(isinstance(part, Noisy) and part.sigma > 0 and not part.reevaluate for part in _inside(cell.problem))
    return Tail.NO_VARIANCE if stored or any(a <= 2 for a in shapes) else Tail.LIGHT


def _law(part: Any) -> Any:
    return getattr(part, "law", None)


def _inside(part: Any) -> Iterator[Any]:
    """A part and all parts that it wraps."""
    yield part
    if is_dataclass(part):
        for each in fields(part):
            inner = getattr(part, each.name)
            if is_dataclass(inner):
                yield from _inside(inner)
