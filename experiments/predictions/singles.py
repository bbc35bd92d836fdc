"""What single runs may take: quantiles beside the means, which hardly any run comes to."""

from __future__ import annotations

import math

from evo.errors import NoPrediction
from experiments.grids.any_cell import AnyCell
from experiments.grids.outside.sheet import Sheet
from experiments.predictions.predict import Prediction, predict

PER_CENT = (10, 50, 90)
OF = ("calls", "cost")


def singles(cell: AnyCell) -> dict[str, float]:
    """The 10, 50 and 90 % quantiles of calls and cost of one run, NaN where only a mean is known, or nothing.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from experiments.grids.cell import Cell
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> found = singles(Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda()))
    >>> [found[f"calls_{level}"] for level in PER_CENT]  # of a geometric law with mean 16
    [2.0, 11.0, 36.0]
    """
    return {f"{name}_{level}": value for name in OF for level, value in zip(PER_CENT, _of(cell, name), strict=True)}


def _of(cell: AnyCell, quantity: str) -> list[float]:
    try:
        known = predict(cell, quantity)
        return [float(known.quantile(level / 100)) for level in PER_CENT]
    except NoPrediction:
        return [math.nan] * len(PER_CENT)


def told_prediction(known: Prediction) -> Sheet:
    """A prediction in words: mean, spread, quantiles of single runs, source, what was checked and what is trusted.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from experiments.grids.cell import Cell
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> told = told_prediction(predict(Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), AllBlocks(), OnePlusLambda())))
    >>> told.title, told.rows[0], told.rows[2]
    ('exact prediction of hit', ('mean', '16'), ('10 / 50 / 90 % of runs', '2 / 11 / 36'))
    """
    rows = [("mean", f"{known.mean:.10g}"), *_spread(known), ("from", known.source)]
    rows += [("checked" if i == 0 else "", each) for i, each in enumerate(known.checked)]
    rows += [("trusted" if i == 0 else "", each) for i, each in enumerate(known.trusted)]
    rows += [("but", known.warning)] if known.warning else []
    return Sheet(f"{known.kind} prediction of {known.quantity}", ("", ""), tuple(rows))


def _spread(known: Prediction) -> list[tuple[str, str]]:
    """Variance and quantiles, where they are known."""
    try:
        quantiles = " / ".join(f"{known.quantile(level / 100):.6g}" for level in PER_CENT)
        levels = " / ".join(map(str, PER_CENT))
        return [("variance", f"{known.variance:.10g}"), (f"{levels} % of runs", quantiles)]
    except NoPrediction as error:
        return [("spread", str(error))]
