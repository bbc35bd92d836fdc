"""What is said of a series because of its cells holds if it holds of every cell, wherever the odd one stands."""

from dataclasses import replace

import pytest

from evo import AllBlocks, OnePlusLambda
from experiments import Cell, Grid, ProgramCell, run_grid
from experiments.fits.series import series
from operators import Resample
from problems import BlockOneMax
from problems.systems import Routing

ROUTING = Routing(k=4, n=10, h=2, seen=1.0, attempts=3)


def routing(wrong, m_s):
    """Sure if no specialist is wrong, who would be seen and asked again."""
    return ProgramCell(replace(ROUTING, wrong=wrong, m_s=m_s))


def search(start, k):
    """Geometric from the first call on unless a run may begin at the optimum."""
    return Cell(BlockOneMax(k=k, l=2, start=start), Resample(p=0.5), AllBlocks(), OnePlusLambda())


@pytest.mark.parametrize(("name", "make", "along", "odd"), [
    ("sure", routing, "wrong", 0.25), ("memoryless", search, "start", 0.25),
])  # fmt: skip
def test_a_series_is_sure_or_memoryless_if_each_of_its_cells_is(name, make, along, odd):
    other = "m_s" if make is routing else "k"
    arms = {"all so": [make(0.0, size) for size in (1, 2, 4)], "no one": [make(odd, size) for size in (1, 2, 4)],
            "but one": [make(each, 5) for each in (0.0, odd)]}  # fmt: skip
    results = run_grid(Grid("alike", arms, runs=20), workers=1)
    told = {part.arm: getattr(part, name) for part in series(results, other) if part.arm != "but one"}
    assert told == {"all so": True, "no one": False}
    (mixed,) = [part for part in series(results, along) if part.arm == "but one"]
    assert mixed.x.tolist() == [0.0, odd]
    assert not getattr(mixed, name)
    assert not getattr(mixed, {"sure": "memoryless", "memoryless": "sure"}[name])
