"""The last value that a plan takes, or tells in one way, and the first that it does not."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from evo.errors import InputError
from experiments import plan
from experiments.grids.measured.file import parse_calibration
from experiments.planning import hours_band
from experiments.planning.hours_band import times_drawn
from experiments.planning.inputs import Hang
from experiments.planning.model import Model
from experiments.planning.sensitivity import hangs

VALUES = {"operator.fix": {1: 0.4, 2: 0.3}, "operator.keep": {1: 0.97, 2: 0.96}}
ONE = {
    "values": VALUES,
    "schedules": ("RoundRobin",),
    "runners": ("OnePlusLambda",),
    "g": (1,),
    "lam": (1,),
    "exact": True,
}


@pytest.mark.parametrize(
    ("odds", "told"),
    [
        (1.0, "plan: odds: expected a factor > 1, at most 1e+06, got 1.0"),
        (math.nextafter(1.0, 2.0), None),
        (1e6, None),
        (math.nextafter(1e6, math.inf), "plan: odds: expected a factor > 1, at most 1e+06, got 1000000.0000000001"),
    ],
)
def test_odds_are_a_factor_above_one_up_to_a_million(odds, told):
    if told is None:
        assert plan(k=2, odds=odds, **ONE).odds == odds
        return
    with pytest.raises(InputError) as refused:
        plan(k=2, odds=odds, **ONE)
    assert str(refused.value) == told


@pytest.mark.parametrize("aim", [{"target": 2}, {"calls": 9}], ids=str)
def test_a_plan_with_an_aim_is_of_so_many_blocks_and_one_without_of_more(monkeypatch, aim):
    monkeypatch.setattr("experiments.planning.plan.MOST_AIMED", 3)
    assert len(plan(k=3, **aim, **ONE).ranked) == len(plan(k=4, **ONE).ranked) == 1
    with pytest.raises(InputError, match=r"problem\.k: expected at most 3 blocks with a budget or a target, got 4"):
        plan(k=4, **aim, **ONE)


def test_a_model_is_of_so_many_blocks(monkeypatch):
    monkeypatch.setattr("experiments.planning.model.MOST_BLOCKS", 3)
    text = "operator.fix = {{ 1 = 0.4 }}\noperator.keep = {{ 1 = 0.9 }}\nproblem.k = {k}"
    assert Model("pro", parse_calibration(text.format(k=3))).k == 3
    with pytest.raises(InputError, match=r"plan \(pro\): problem\.k: expected at most 3 blocks, got 4"):
        Model("pro", parse_calibration(text.format(k=4)))


@pytest.mark.parametrize(("most", "drawn"), [(6, [2, 4, 5, 5]), (5, [1, 4, 5, 6])])
def test_times_are_drawn_one_by_one_up_to_so_many(monkeypatch, most, drawn):
    """At the levels 1/8, 3/8, 5/8, 7/8 of six times.

    Of five places the cdf is straight between 1, 2, 4, 6: 1.25, 3.75, 4.75, and 4 + 2 x 0.475/0.6 = 5.58.
    """
    monkeypatch.setattr(hours_band, "TIMES", most)
    reached = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 1.0])
    law = SimpleNamespace(
        quantile=lambda u: 1.0 if u < 0.5 else 6.0, cdf=lambda t: reached[np.asarray(t).astype(int) - 1]
    )
    assert times_drawn(law, 4).tolist() == drawn


def test_a_pilot_of_just_so_many_calls_is_told_and_a_longer_one_is_a_tie(monkeypatch):
    """(1.959964 + 0.841621)^2 x 0.4 x 0.6/0.1^2 = 188.4 blocks, at half a dollar."""
    operator = SimpleNamespace(rho_fix=None, rho_keep=None)
    model = SimpleNamespace(name="", values=SimpleNamespace(operator=operator), price_of_a_call=lambda g: 0.5 * g)
    best = SimpleNamespace(candidate=SimpleNamespace(model=model, g=1), numbers=SimpleNamespace(calls=100.0))
    asked = SimpleNamespace(by="calls", best=best, ranked=[best])
    hang = Hang("", "operator.fix", 1, 0.4, 0.2, 0.6, True, flip=0.3, stake=2.0)
    monkeypatch.setattr(hangs, "MOST_CALLS", 189)
    told = hangs._settled(asked, hang)
    assert (told.pilot, told.price, told.tied) == (189, 94.5, False)
    monkeypatch.setattr(hangs, "MOST_CALLS", 188)
    told = hangs._settled(asked, hang)
    assert (told.pilot, math.isnan(told.price), told.tied) == (None, True, True)
