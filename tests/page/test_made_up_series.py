"""Points, bands and legends of the page's charts of growth, of series and laws that are made up."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from evo.errors import NoPrediction
from experiments.fits.quantities import MEAN, MEDIAN
from experiments.fits.tails import Tail
from experiments.reports.html.figures import of_series
from experiments.reports.html.figures.chart import Chart, Line
from experiments.reports.html.figures.of_series import Grown, legend_of
from experiments.reports.measured import Value

X = np.array([2.0, 4.0, 8.0])
NAN = math.nan


def growth(factor, error=0.1):
    """A law of so many times x, with the same error of its log everywhere."""
    curve = SimpleNamespace(at=lambda x: (np.log(factor * x), np.full(len(x), error)))
    return SimpleNamespace(curve=curve, text=f"calls = {factor} k")


def test_a_band_is_1_96_errors_of_the_log_wide_and_goes_a_little_beyond():
    at, mean, low, high = of_series._band(growth(3.0), X)
    assert set(X) <= set(at.tolist())
    assert (at[0], at[-1]) == (2.0, pytest.approx(8.0 * of_series.BEYOND))
    assert of_series.BEYOND > 1.0
    np.testing.assert_allclose(mean, 3.0 * at)
    np.testing.assert_allclose(low, mean * math.exp(-0.1959964), rtol=1e-6)
    np.testing.assert_allclose(high, mean * math.exp(0.1959964), rtol=1e-6)
    for nothing in (of_series._band(SimpleNamespace(curve=None), X), of_series._band(growth(3.0), X - 2.0)):
        assert [len(part) for part in nothing] == [0, 0, 0, 0]


def test_many_families_are_a_band_from_the_least_to_the_largest():
    left = [growth(4.0), growth(2.0), growth(8.0)]
    line = of_series._span(SimpleNamespace(left=left), Line("arm", 3), X)
    assert (line.label, line.slot, line.told, line.thin) == (
        "arm: one of 3 families",
        3,
        "middle of the families",
        True,
    )
    np.testing.assert_allclose(line.low, 2.0 * line.x)
    np.testing.assert_allclose(line.high, 8.0 * line.x)
    np.testing.assert_allclose(line.y, 4.0 * line.x)


def test_some_families_are_a_line_each_the_first_with_the_points():
    left = [growth(4.0), growth(2.0)]
    measured = Line("arm", 3, points_x=X, points=(Value(1, 1, 1),) * 3)
    first, second = of_series._families(SimpleNamespace(left=left), measured, X, 0)
    assert [line.label.replace(of_series.WHOLE, " ") for line in (first, second)] == ["arm: 4.0 k", "arm: or 2.0 k"]
    assert (first.told, second.told, len(first.points), len(second.points)) == ("4.0 k", "2.0 k", 3, 0)
    assert first.dashed != second.dashed
    np.testing.assert_allclose(second.y, 2.0 * second.x)


def test_up_to_three_families_are_lines_and_four_are_one_band():
    measured = Line("arm", 3, points_x=X, points=(Value(1, 1, 1),) * 3)
    made = [of_series._families(SimpleNamespace(left=[growth(2.0)] * many), measured, X, 0) for many in range(1, 6)]
    assert [len(lines) for lines in made] == [1, 2, 3, 1, 1]
    assert [len(lines[0].low) > 0 for lines in made] == [False, False, False, True, True]
    assert [lines[0].label for lines in made[3:]] == ["arm: one of 4 families", "arm: one of 5 families"]


@pytest.mark.parametrize(
    ("more", "value"),
    [
        ({}, Value(50.0, 50.0 - 1.959964 * 2.0, 50.0 + 1.959964 * 2.0)),  # sqrt(400 / 100)
        ({"censored": [1.0]}, Value(50.0, 50.0, math.inf)),
        ({"tails": [Tail.NO_MEAN]}, Value(50.0, 50.0, math.inf)),
        ({"tails": [Tail.NO_VARIANCE]}, Value(50.0, NAN, NAN)),
        ({"variance": [NAN]}, Value(50.0, NAN, NAN)),
        ({"statistic": "ert", "censored": [1.0]}, Value(50.0, 50.0 - 1.959964 * 2.0, 50.0 + 1.959964 * 2.0)),
        ({"statistic": MEDIAN}, Value(41.0, 39.0, 60.0)),  # the 40th and the 61st of 100: binomial(100, 1/2)
    ],
)
def test_a_point_has_the_interval_of_its_statistic(more, value):
    plain = {"statistic": MEAN, "mean": [50.0], "variance": [400.0], "runs": [100.0], "censored": [0.0]}
    plain |= {"tails": [Tail.LIGHT], "median": [41.0], "samples": [np.arange(99.0, -1.0, -1.0)]}
    found = of_series._value(SimpleNamespace(**plain | more), 0)
    assert (found.value, found.low, found.high) == pytest.approx((value.value, value.low, value.high), nan_ok=True)


def test_a_median_is_named_and_predicted_as_one(monkeypatch):
    monkeypatch.setattr(of_series, "unit_of", lambda results, each, quantity: f"mean {quantity}, not of means")
    median, mean = (SimpleNamespace(statistic=name, cells=["c", "d"]) for name in (MEDIAN, MEAN))
    assert of_series._unit(None, median, "median cost") == "median cost, not of means"
    assert of_series._unit(None, mean, "cost") == "mean cost, not of means"

    def predict(cell, quantity):
        if cell == "c":
            raise NoPrediction("none")
        return SimpleNamespace(quantile=lambda u: (quantity, u))

    results = SimpleNamespace(predict=predict)
    assert of_series._exact(results, median, 1, "median cost") == ("cost", 0.5)
    assert of_series._exact(results, median, 0, "median cost") is None
    monkeypatch.setattr(of_series, "predicted", lambda results, cell, quantity: (cell, quantity))
    assert of_series._exact(results, mean, 0, "cost") == ("c", "cost")


@pytest.mark.parametrize(
    ("label", "lam", "fixed", "name"),
    [
        ("arm, lam = 2", 2.0, {"runner.lam": 2}, "arm"),
        ("arm, lam = 2, l = 4", 2.0, {"runner.lam": 2, "problem.l": 4}, "arm, l = 4"),
        ("arm, lam = 2", 2.0, {}, "arm, lam = 2"),  # of an arm that is called so
        ("arm, lam = 2", None, {"runner.lam": 2}, "arm, lam = 2"),
        ("arm, lam = 20", 2.0, {"problem.l": 4}, "arm, lam = 20"),
    ],
)
def test_a_series_is_named_without_the_lam_of_its_charts(label, lam, fixed, name):
    assert of_series._name(SimpleNamespace(label=label, lam=lam, fixed=fixed)) == name


SOME = {"x": X, "y": X}
POINTS = "points: measured means with 95% intervals"


@pytest.mark.parametrize(
    ("lines", "of_laws", "left_out", "said"),
    [
        ([{}], False, "", [POINTS]),
        ([SOME], False, "", [POINTS, "lines: exact predictions (not fitted)"]),
        ([{"x": X, "y": X * NAN}], False, "", [POINTS]),
        ([{"points": (Value(1, 1, math.inf),)}], False, "",
         [POINTS, "open triangles: lower bounds, since runs were censored or the mean is infinite"]),
        ([{"points": (Value(1, NAN, NAN),)}], False, "3 more", [POINTS,
         "points without bars: the variance is infinite", "3 more"]),
        ([SOME | {"low": X}], True, "",
         [POINTS, "lines: fitted laws with 95% bands, a little beyond the range that was run"]),
        ([SOME | {"low": X, "thin": True}], True, "",
         [POINTS, "bands about a thin dashed line: all families of growth that the runs leave, where many are"]),
        ([SOME | {"thin": True}], True, "",
         [POINTS, "thin dashed lines: families of growth that the runs leave, where they tell no law"]),
        ([{"under_x": X}], True, "", [POINTS, "broad pale lines: exact means"]),
    ],
)  # fmt: skip
def test_the_legend_names_each_mark_that_is_there(lines, of_laws, left_out, said):
    chart = Chart("", "k", "cost", [Line("a", 0, **more) for more in lines])
    assert legend_of(Grown([chart], left_out, "mean"), of_laws) == "; ".join(said)


@pytest.mark.parametrize(
    ("x", "log", "ticks"),
    [
        ([2, 39], False, [2, 39]),
        ([2, 40], True, [2, 40]),
        ([0, 1, 40], False, [0, 1, 40]),  # a log scale has no place for nothing
        ([1, 2, 3, 4, 5, 6, 7, 8], False, [1, 2, 3, 4, 5, 6, 7, 8]),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], False, []),
    ],
)
def test_a_log_scale_from_twenty_times_on_and_a_tick_for_each_of_up_to_eight_values(x, log, ticks, monkeypatch):
    """Values that two series share count once."""
    both = [
        SimpleNamespace(label=name, x=np.array(x, float), mean=np.ones(len(x)), lam=1.0, fixed={}, statistic=MEAN)
        for name in "ab"
    ]
    monkeypatch.setattr(of_series, "series", lambda results, along, quantity: both)
    monkeypatch.setattr(of_series, "_unit", lambda results, each, quantity: "calls")
    monkeypatch.setattr(of_series, "_lines", lambda *arguments: [])
    (chart,) = of_series.growth_charts(None, "k", "calls").charts
    assert (chart.log_x, list(chart.x_ticks)) == (log, ticks)
