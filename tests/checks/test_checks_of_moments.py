"""Times of which only mean and variance are known: the runs that are still needed are a bound, and said to be one."""

import re

from evo import OnePlusLambda, UniformChunk
from experiments import Grid, check, run_grid
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from operators import FixKeep
from problems import BlockOneMax


def test_a_number_of_runs_by_moments_alone_says_that_it_is_a_bound():
    """k = 64, g = 4: too many occupancies for a chain, so that the moments are known by Poissonization."""
    cell = Cell(BlockOneMax(64, 1), FixKeep(0.5, 0.9), UniformChunk(4), OnePlusLambda())
    law = predict(cell).law
    assert type(law).__name__ == "MomentsOnly"
    (found,) = check(run_grid(Grid("moments", [cell], runs=400), workers=1)).cells
    told = re.fullmatch(
        r"(\d+) more runs would tell a mean off by 25% \((\d+) in all\), by Chebyshev's bound, for only mean and "
        r"variance of this time are known; these 400 tell (no share yet|a mean off by \d+%), and if totals were normal "
        r"(\d+) would tell 25%",
        found.reason,
    )
    assert told, found.reason
    assert int(told[1]) + 400 == int(told[2]) > 100 * int(told[4])
