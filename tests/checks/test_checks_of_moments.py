"""Times of which only mean and variance are known: the runs that are still needed are a bound, and said to be one."""

import re
from types import SimpleNamespace

import pytest

from evo import OnePlusLambda, UniformChunk, statistics
from experiments import Grid, check, run_grid
from experiments.checks import power
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


@pytest.mark.parametrize("share", [*power.SHARES, None])
def test_what_so_few_runs_tell_is_the_least_share_or_none(share, monkeypatch):
    monkeypatch.setattr(statistics, "only_moments", lambda law: True)
    monkeypatch.setattr(statistics, "is_sure", lambda law: False)
    hit = SimpleNamespace(law="of moments", variance=1.0, mean=1.0)
    least = power.SHARES[-1] if share is None else share
    runs = statistics.runs_to_resolve_by_moments(1.0, least, 1e-3, power.POWER) - (share is None)
    told = power._of_moments(hit, runs, 1e-3, 0.25)
    words = "no share yet" if share is None else power.worth(share, of_law=False)
    assert f" tell {words}, " in told
