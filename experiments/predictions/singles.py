"""What single runs may take: quantiles beside the means, which hardly any run comes to."""

from __future__ import annotations

import math

from evo.errors import NoPrediction
from experiments.grids.any_cell import AnyCell
from experiments.predictions.predict import predict

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
