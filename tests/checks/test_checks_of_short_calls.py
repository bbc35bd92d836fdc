"""Calls on a shorter last chunk: a wrong prediction of them is a wrong predicted cost, and is found.

Each check fails falsely w.p. 1e-3 at most (fixed seeds); `last_chunk` off by half of all calls is found by 400 runs.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from evo import OnePlusLambda, RoundRobin
from evo.statistics import bounded_mean_p_value
from evo.theory import Geometric, round_robin
from experiments import Grid, check, run_grid
from experiments.checks.cell_tests import Outcome, _with_short_calls
from experiments.checks.short_calls import ShortCalls
from experiments.grids.cell import Cell
from operators import FixKeep
from problems import BlockOneMax


@dataclass(frozen=True)
class Turned(RoundRobin):
    """The chunks in turn; the law of a run is declared, with `off` calls too many on the short chunk."""

    off: float = 0.0

    def run_law(self, law, k, g, start, lam):
        run = round_robin(law, k, g, start, lam)
        return replace(run, last_chunk=lambda: run.calls_on_last_chunk + self.off * run.calls.mean)


@pytest.mark.statistical
@pytest.mark.parametrize(("off", "verdict"), [(0.0, "AGREES"), (0.6, "DIFFERS")])
def test_a_wrong_mean_of_short_calls_is_found(off, verdict):
    cell = Cell(BlockOneMax(5, 2), FixKeep(0.4, 0.9), Turned(2, off), OnePlusLambda())
    found = check(run_grid(Grid("short", [cell], runs=500), workers=1))
    assert str(found.verdict) == verdict, str(found)
    assert {outcome.test for outcome in found.cells[0].outcomes} == {"mean", "law", "calls", "short", "ledger"}
    if off:
        assert "the short last chunk" in found.cells[0].reason
        assert "hit" not in found.cells[0].reason


def test_the_bound_holds_for_the_worst_share_of_a_time():
    """s = T always: then the total is that of T, and the bound is above its exact tail."""
    law, runs = Geometric(0.5), 200
    for total in (380, 430, 480, 600):
        exact = min(law.total(runs).cdf(total), law.total(runs).tail(total - 1))
        assert bounded_mean_p_value(total, runs, 2.0, law) >= exact
    assert bounded_mean_p_value(800, runs, 2.0, law) < 1e-6


def test_calls_on_the_short_chunk_are_told_a_run():
    said = "mean calls on the short last chunk 2.6, predicted 2.0312, by which the cost goes"
    assert ShortCalls(predicted=2.03125, total=520).found(200) == said
    said = "mean calls on the short last chunk 0.33333, predicted 12346, by which the cost goes"
    assert ShortCalls(predicted=12345.67, total=1).found(3) == said


def test_two_tests_of_the_calls_share_the_level_of_one():
    """Either may fail, so that each p-value counts twice; other tests are as they were."""
    law, short = Geometric(0.5), ShortCalls(predicted=2.0, total=520)
    p = short.p_value(200, law)
    assert p == bounded_mean_p_value(520, 200, 2.0, law)
    assert 1e-6 < p < 0.5
    found = _with_short_calls(
        (Outcome("calls", 0.3, ""), Outcome("mean", 0.3, "")), short, 200, SimpleNamespace(law=law)
    )
    assert {each.test: each.p_value for each in found} == {"calls": 0.6, "mean": 0.3, "short": 2 * p}
    (certain,) = _with_short_calls((Outcome("calls", 0.7, ""),), short, 200, SimpleNamespace(law=law))[:1]
    assert certain.p_value == 1.0
