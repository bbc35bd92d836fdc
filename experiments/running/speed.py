"""How fast this machine is, beside the one that the constants of forecasts are from: a fraction of a second."""

from __future__ import annotations

import time

from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, UniformChunk, UntilResolved
from experiments.grids.cell import Cell
from experiments.predictions.forecast import Slowness, seconds_a_batch
from experiments.running.simulation import simulate
from operators import Halving, Resample
from problems import BlockOneMax

TRIES = 3
OFFSPRING = Cell(BlockOneMax(k=16, l=1), Resample(p=0.5), UniformChunk(g=8), OnePlusLambda()), 200
"""768 calls a run, thousands made at once."""
WORDS = Cell(BlockOneMax(k=10, l=1), Resample(p=0.5), AllBlocks(), OnePlusLambda()), 200
"""1,024 calls a run, on words of 64 blocks."""
ROUNDS = Cell(BlockOneMax(k=64, l=1), Halving(p=0.5, half=1), UntilResolved(), OnePlusLambda()), 50
"""128 calls a run, a round each: Halving does not run on words."""
ALONE = Cell(BlockOneMax(k=6, l=1), Resample(p=0.5), AllBlocks(), OnePlusLambda()), 10
"""One run at a time, under DEAP's loop."""


def slowness(engine: str = "blocks") -> Slowness:
    """Time fixed small batches, the best of three each, against what the constants say.

    Args:
        engine: "blocks", "deap" or "law".
    """
    if engine == "deap":
        return Slowness(offspring=_ratio(*ALONE, engine))
    if engine == "law":
        return Slowness(rounds=_ratio(*ROUNDS, engine))
    return Slowness(*(_ratio(*each, engine) for each in (OFFSPRING, ROUNDS, WORDS)))


def _ratio(cell: Cell, size: int, engine: str) -> float:
    """Measured seconds of a batch over those that the constants of the forecast expect."""
    taken = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        simulate(cell, 1, 0, size, engine)
        taken.append(time.perf_counter() - begun)
    return min(taken) / seconds_a_batch(cell, size, engine)
