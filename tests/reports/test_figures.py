"""Figures: what is drawn, and that nothing odd about a grid breaks or garbles them."""

import io
import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure

from evo import AllBlocks, Budget, LLMPrimitive, OnePlusLambda, RoundRobin, TokenPrices, UniformChunk, UntilResolved
from evo.errors import InputError
from experiments import Grid, fitness_figure, growth_figure, run_grid, sweep
from experiments.reports.drawing.labels import STEP, Box, End, _along, _away, _boxes_of, _fault, folded_title, spread
from experiments.reports.drawing.powers import ticks_at_powers
from experiments.reports.measured import Value
from experiments.reports.panels import Curve, Panel, panels_figure
from operators import FixKeep, Resample
from problems import BlockOneMax

ONE = OnePlusLambda()


@dataclass(frozen=True)
class Coin:
    """Resample without a declared law."""

    p: float

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.p


def cells(ks, mutator=None, schedule=None, runner=ONE, **more):
    problem = [BlockOneMax(k=k, l=8) for k in ks]
    parts = {"problem": problem, "mutator": mutator or Resample(0.5), "schedule": schedule or AllBlocks()}
    return sweep(**(parts | {"runner": runner} | more))


def drawn(arms, along="k", quantity="cost", runs=20):
    results = run_grid(Grid("figure", arms, runs=runs, batch=runs), workers=1)
    return growth_figure(results, along, quantity)


def labels(figure, number=0):
    """Boxes of the labels at the ends of the curves of a panel, by their text."""
    figure.draw_without_rendering()
    return boxes(figure.axes[number])


def boxes(ax):
    return [(text.get_text(), text.get_window_extent()) for text in ax.texts]


def assert_readable(figure):
    """No label overlaps another, or leaves the figure; nor does anything else that is written."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        written = boxes(ax)
        for i, (_, box) in enumerate(written):
            for _, other in written[:i]:
                overlap = min(box.y1, other.y1) - max(box.y0, other.y0)
                assert overlap < 1.0 or box.x0 > other.x1 or other.x0 > box.x1
            assert figure.bbox.x0 <= box.x0
            assert box.x1 <= figure.bbox.x1
            assert figure.bbox.y0 <= box.y0
            assert box.y1 <= figure.bbox.y1
    whole = [ax.get_tightbbox() for ax in figure.axes if ax.axison]  # with their own titles and labels
    around = [text.get_window_extent() for text in (figure._suptitle, figure._supxlabel) if text.get_text()]
    for box in (*whole, *around):
        assert min(box.x0, box.y0) >= -1.0  # a pixel: rounding
        assert box.x1 <= figure.bbox.x1 + 1.0
        assert box.y1 <= figure.bbox.y1 + 1.0
    for one, other in combinations((*whole, *around), 2):
        overlap = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(overlap) < 1.0


def points(ax):
    return [tuple(container.lines[0].get_xdata()) for container in ax.containers]


def curves(ax):
    return [line for line in ax.lines if line.get_linestyle() == "-" and line.get_marker() == "None"]


def test_points_over_curves_a_panel_a_lam():
    lams = [OnePlusLambda(lam=lam) for lam in (1, 8)]
    arms = {
        "GLOBAL": cells(range(1, 5), runner=lams),
        "LOCAL": cells([1, 2, 4, 8, 32], schedule=UntilResolved(), runner=lams),
    }
    figure = drawn(arms)
    assert [ax.get_title() for ax in figure.axes] == [f"lam = {lam} offspring a generation" for lam in (1, 8)]
    for number, ax in enumerate(figure.axes):
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")  # k spans 1:32
        assert ax.get_xlabel() == "k  (blocks of the solution)"
        assert points(ax) == [(1, 2, 3, 4), (1, 2, 4, 8, 32)]
        assert [len(curve.get_xdata()) for curve in curves(ax)] == [4, 5]
        assert sorted(text for text, _ in labels(figure, number)) == ["GLOBAL", "LOCAL"]
        assert 0.7 < ax.get_xlim()[0] < 1
        assert 32 < ax.get_xlim()[1] < 40
    assert figure.axes[0].get_ylabel() == "mean cost of a run  (sum of m c over forward passes)"
    # p = 1/2, l = 8, lam = 1: 2^k calls that cost (3 k^2 l^2 - k l)/2 each.
    exact = [2**k * (3 * 64 * k * k - 8 * k) / 2 for k in range(1, 5)]
    np.testing.assert_allclose(curves(figure.axes[0])[0].get_ydata(), exact, rtol=1e-12)
    assert "lines: exact" in figure.get_supxlabel()
    assert "triangles" not in figure.get_supxlabel()
    assert_readable(figure)


def test_censored_points_are_open_triangles_and_legend_says_so():
    figure = drawn({"a": cells(range(2, 9), budget=Budget(calls=40))})
    (ax,) = figure.axes
    triangles = [line for line in ax.lines if line.get_marker() == "^"]
    assert [line.get_markerfacecolor() for line in triangles] == ["none"]
    assert len(triangles[0].get_xdata()) + len(points(ax)[0]) == 7
    assert 8 in triangles[0].get_xdata()
    assert "open triangles: lower bounds" in figure.get_supxlabel().replace("\n", " ")
    assert ax.get_xscale() == "linear"
    assert_readable(figure)


ODD = {
    "one cell": ({"a": cells([3])}, "k"),
    "no prediction": ({"a": cells([1, 2, 3], Coin(0.5)), "b": cells([2, 4], schedule=UntilResolved(g=2))}, "k"),
    "infinite": ({"a": cells([1, 2, 3], FixKeep(0.0, 0.5), budget=Budget(calls=20)), "b": cells([1, 2])}, "k"),
    "nothing to do": ({"a": cells([], problem=[BlockOneMax(k=k, l=8, start=1.0) for k in (1, 2, 3)])}, "k"),
    "some done": ({"a": cells([], problem=[BlockOneMax(k=2, l=8, start=p) for p in (0.0, 0.5, 1.0)])}, "start"),
    "along lam": ({"a": cells([2, 4], runner=[OnePlusLambda(lam=lam) for lam in (1, 2, 8, 32)])}, "lam"),
    "along p": ({"a": cells([4], [Resample(p) for p in (0.2, 0.5, 0.9)])}, "mutator.p"),
    "along l": ({"a": cells([], problem=[BlockOneMax(k=2, l=l) for l in (1, 8, 64)])}, "l"),
    "long labels": ({f"{i}, an arm described at some length by its author": cells([2, 3], Resample(0.5 + i / 50))
                     for i in range(4)}, "k"),
    "many arms": ({f"arm {i}": cells([2, 4, 8], Resample(0.5 + i / 100), UniformChunk()) for i in range(18)}, "k"),
    "many lams": ({"a": cells([1, 2, 3], runner=[OnePlusLambda(lam=lam) for lam in range(1, 5)])}, "k"),
    "mixed arm": ({"a": [*cells([1, 2, 3], [Resample(0.5), FixKeep(0.5, 0.9)]),
                         *cells([1, 2], schedule=RoundRobin())]}, "k"),
}  # fmt: skip


OFTEN = ("long labels", "mixed arm", "many lams")
"""Several lines a panel, several panels, and names that need room: also in the figures of studies and of reports."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in OFTEN else ()) for name in ODD])
def test_odd_grids(name):
    """Warnings are errors here, so that Matplotlib's own complaints count."""
    arms, along = ODD[name]
    results = run_grid(Grid("figure", arms, runs=20, batch=20), workers=1)
    figure = growth_figure(results, along, "hit" if len(name) % 2 else "cost")
    assert_readable(figure)
    figure.savefig(io.BytesIO(), format="png", dpi=30)


def test_one_run_has_no_interval():
    assert_readable(drawn({"a": cells([1, 2, 3])}, runs=1))


def test_series_of_one_arm_have_names_and_colours_of_their_own():
    figure = drawn({"a": cells([1, 2, 3], [Resample(0.5), Resample(0.25)])})
    texts = figure.axes[0].texts
    assert sorted(text.get_text() for text in texts) == ["a, p = 0.25", "a, p = 0.5"]
    assert len({text.get_color() for text in texts}) == 2
    many = drawn({f"arm {i}": cells([1, 2], Resample(0.4 + i / 50)) for i in range(12)})
    pairs = {(c.lines[0].get_color(), c.lines[0].get_marker()) for c in many.axes[0].containers}
    assert len(pairs) == 12


def test_dollars_of_a_label_are_shown_as_they_are():
    figure = drawn({"10 $ a call, 2^k$": cells([1, 2, 3])})
    (text,) = figure.axes[0].texts
    assert text.get_text().replace("\n", " ") == r"10 \$ a call, 2^k\$"
    assert_readable(figure)


def test_no_curve_without_a_prediction():
    figure = drawn({"a": cells([1, 2, 3], Coin(0.5))})
    assert all(np.isnan(curve.get_ydata()).all() for curve in curves(figure.axes[0]))
    assert "lines" not in figure.get_supxlabel()
    infinite = drawn({"a": cells([1, 2, 3], FixKeep(0.0, 0.5), budget=Budget(calls=20))})
    assert all(np.isnan(curve.get_ydata()).all() for curve in curves(infinite.axes[0]))


def test_labels_of_axes_follow_quantity_and_price():
    arms = {"a": cells([1, 2], cost=LLMPrimitive(m=1, per_call=5))}
    assert drawn(arms).axes[0].get_ylabel() == "mean cost of a run  (unit of the cost model)"
    assert drawn(arms, quantity="hit").axes[0].get_ylabel() == "mean calls to the optimum"
    assert drawn(arms, quantity="calls").axes[0].get_ylabel() == "mean calls a run"


def test_the_same_results_give_the_same_picture():
    results = run_grid(Grid("figure", {"a": cells([1, 2, 3]), "b": cells([9])}, runs=5, batch=5), workers=1)
    first, second = io.BytesIO(), io.BytesIO()
    growth_figure(results).savefig(first, format="png")
    growth_figure(results).savefig(second, format="png")
    assert first.getvalue() == second.getvalue()


def test_a_long_title_has_as_many_lines_as_it_needs():
    """Of eight inches: 75 characters; a title that has room is as it was given."""
    results = run_grid(Grid("figure", {"a": cells([2])}, runs=2, batch=2), workers=1)
    title = " ".join(f"{number} words that are told of a figure" for number in range(5))
    for made in (partial(growth_figure, results), partial(fitness_figure, {"a": cells([2])[0]}, [1, 2])):
        lines = made(title=title).get_suptitle().splitlines()
        assert " ".join(lines) == title
        assert (len(lines), max(map(len, lines)) <= 75) == (3, True)
        assert made(title="As long as this").get_suptitle() == "As long as this"
    assert_readable(made(title=title))


def test_results_without_runs_are_refused():
    results = run_grid(Grid("figure", {"a": cells([1, 2, 3])}, runs=1, batch=1), workers=1)
    empty = results.with_runs(results.runs.iloc[:0])
    with pytest.raises(InputError, match="results with runs"):
        growth_figure(empty)
    with pytest.raises(InputError, match="did you mean"):
        growth_figure(results, along="kk")


@pytest.mark.parametrize("count", [1, 2, 7, 15])
def test_labels_spread_without_overlap_and_stay_in_order(count):
    rng = np.random.default_rng(3)
    for _ in range(200):
        centres = sorted(rng.beta(0.3, 0.3, count).tolist())
        sizes = rng.uniform(0.01, 1 / count, count).tolist()
        places = spread(centres, sizes)
        gaps = [b - a - (s + t) / 2 for a, b, s, t in zip(places, places[1:], sizes, sizes[1:], strict=False)]
        assert all(gap > -1e-9 for gap in gaps)
        assert places[0] - sizes[0] / 2 > -1e-9
        assert places[-1] + sizes[-1] / 2 < 1 + 1e-9


def line_of(label, y, colour=0):
    """A curve at 1, 2, 4, .. without measured points."""
    y = np.array(y, dtype=float)
    x = 2.0 ** np.arange(len(y))
    return Curve(label, x, [Value(each, each, each) for each in y], x, y, colour)


def hidden(figure, ax):
    """Names of curves that lie on a line, in pixels as drawn."""
    figure.draw_without_rendering()
    found = []
    for text in ax.texts:
        box = text.get_window_extent()
        for line in ax.lines:
            corners = line.get_transform().transform(line.get_xydata())
            if line.get_linestyle() == "None" or len(corners) < 2 or not text.get_text():
                continue
            steps = np.linspace(0, len(corners) - 1, 2000)
            x, y = (np.interp(steps, np.arange(len(corners)), corners[:, axis]) for axis in (0, 1))
            if ((x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)).any():
                found.append(text.get_text())
    return found


SHORT = [line_of("short, and so named", [1, 2, 4], 1), line_of("also short", [1.1, 2.1, 4.2], 2)]
LONG = line_of("long", [0.5, 1.5, 2.5, 4.4, 7.5, 20.0, 50.0])


@pytest.mark.parametrize(("text", "width", "lines"), [
    ("", 10, [""]), (" ", 10, [""]), ("word", 10, ["word"]), ("word", 1, ["w", "o", "r", "d"]),
    ("a word of ten", 13, ["a word of ten"]), ("a word of ten", 12, ["a word", "of ten"]),
    ("a longer_than_that word", 6, ["a long", "er_tha", "n_that", "word"]),
    ("more of a speed-up", 14, ["more of a", "speed-up"]), ("the speed-up of all", 10, ["the speed-", "up of all"]),
    (f"one{' ' * 50}two", 10, ["one two"]), ("one\n        two", 10, ["one two"]), ("one ", 2, ["on", "e"]),
    ("a $x + y$ b", 8, ["a", "$x + y$", "b"]), ("a $x + y$ b", 9, ["a $x + y$", "b"]),
    ("E $A k^b (ln k)^d$", 10, ["E", "$A k^b (ln k)^d$"]), ("at $max-min$", 8, ["at", "$max-min$"]),
])  # fmt: skip
def test_titles_are_folded_at_any_width_and_formulas_stay_whole(text, width, lines):
    assert folded_title(text, width).split("\n") == lines


def test_names_of_curves_that_end_early_lie_on_no_line():
    figure = panels_figure("t", [Panel("", "k", "cost", [LONG, *SHORT], log_x=2)])
    (ax,) = figure.axes
    assert hidden(figure, ax) == []
    assert_readable(figure)
    # A name that is put beside its end without a look lies on the long curve.
    end = (4.0, 4.0)
    ax.annotate("short, and so named", end, xytext=(8, 0), textcoords="offset points", va="center", fontsize=9)
    assert hidden(figure, ax) == ["short, and so named"]


AT, SIZE = np.array([2.0, 1.0]), np.array([4.0, 2.0])
NOTHING = np.empty((0, 2))
NAME = Box(2.11, 0.9, 0.5, 0.2)
"""Beside the end of a curve, at its height."""


@pytest.mark.parametrize(
    ("box", "away"),
    [
        (NAME, 0.11),
        (replace(NAME, x=1.39), 0.21),  # as near on the left is worse by a tenth
        (replace(NAME, y=1.2), math.hypot(0.11, 0.2) + 0.3),
        (replace(NAME, y=0.5), math.hypot(0.11, 0.3) + 0.4),
        (replace(NAME, x=2.0), 0.0),
    ],
)
def test_a_name_belongs_to_the_right_of_its_end_at_its_height(box, away):
    assert _away(box, AT, 1.0) == pytest.approx(away)


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        (NAME, 0),
        (Box(0.0, 0.0, 4.0, 2.0), 0),  # all of the axes
        (Box(1.9, -0.01, 0.5, 1.0), 30),
        (Box(1.9, 1.0, 0.5, 1.01), 30),
        (Box(-0.01, 0.9, 2.0, 0.2), 30),
        (Box(1.9, 0.9, 2.11, 0.2), 30),
    ],
)
def test_a_name_that_leaves_the_axes_on_any_side_is_wrong(box, fault):
    assert _fault(box, AT, NOTHING, [], SIZE) == fault


def test_a_name_on_another_is_worse_than_one_that_hides_places_or_whose_line_crosses_a_name():
    drawn = np.array([[2.2, 1.0], [2.05, 1.0], [2.67, 1.0], [2.0, 1.0], [2.7, 1.0], [2.2, 0.85], [2.2, 1.15]])
    assert _fault(NAME, AT, drawn, [], SIZE) == 3  # one, and one on each side within the reach of a point
    assert _fault(NAME, AT, NOTHING, [replace(NAME, x=2.6)], SIZE) == 100
    assert _fault(NAME, AT, NOTHING, [replace(NAME, x=2.62), replace(NAME, y=1.11)], SIZE) == 0
    far = replace(NAME, x=3.2)
    assert _fault(far, AT, NOTHING, [NAME], SIZE) == 10
    assert _fault(replace(NAME, x=2.19), AT, NOTHING, [Box(2.05, 0.9, 0.05, 0.2)], SIZE) == 0  # so near without a line


def test_places_along_a_line_lie_evenly_from_its_first_corner_to_its_last():
    """Corners 5, 6 and 0.5 inches apart: at most a step from place to place, counted along the line."""
    corners = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 10.0], [3.5, 10.0]])
    found = _along(corners)
    assert found[[0, -1]].tolist() == [[0.0, 0.0], [3.5, 10.0]]
    way = np.select([found[:, 1] <= 4, found[:, 0] == 3], [found[:, 1] * 5 / 4, 1 + found[:, 1]], 8 + found[:, 0])
    np.testing.assert_allclose(way, np.linspace(0, 11.5, len(found)), atol=1e-12)
    assert 11.5 / (len(found) - 1) <= STEP < 11.5 / (len(found) - 3)
    assert len(_along(np.array([[0.0, 0.0], [9e9, 0.0]]))) == 2000  # as many at the most
    assert _along(np.array([[1.0, 2.0]])).tolist() == [[1.0, 2.0]] * 2  # a point


def test_the_name_of_an_end_stands_to_its_right_where_nothing_is_and_to_its_left_where_something_is():
    end = End(1.0, 1.0, "name", "red")
    (fault, away), ((_, _, box),) = _boxes_of([(end, AT, 1.0)], NOTHING, SIZE)
    assert (fault, box.x) == (0.0, pytest.approx(2.11))
    assert away == pytest.approx(0.11, abs=0.03)
    beyond = np.column_stack([np.linspace(2.05, 4.0, 200), np.full(200, 1.0)])
    crowd = np.concatenate([beyond + np.array([0.0, up]) for up in np.arange(-1.0, 1.0, 0.05)])
    _, ((_, _, box),) = _boxes_of([(end, AT, 1.0)], crowd, SIZE)
    assert box.x + box.width == pytest.approx(2.0 - 0.11)


def test_a_curve_under_another_is_drawn_broad():
    below, above, apart = line_of("a", [1, 2, 4]), line_of("b", [1.01, 2.01, 4.02], 1), line_of("c", [2, 3, 9], 2)
    figure = panels_figure("t", [Panel("", "k", "cost", [below, above, apart], log_x=2)])
    assert [curve.get_linewidth() for curve in curves(figure.axes[0])] == [6, 2, 2]


def test_costs_in_different_units_have_panels_of_their_own():
    ks, prices = [1, 2, 3], TokenPrices(prompt=1e-6, generated=5e-6)
    figure = drawn({"passes": cells(ks), "large": cells(ks, cost=LLMPrimitive(m=9)), "money": cells(ks, cost=prices)})
    shown = {ax.get_ylabel(): [text.get_text() for text in ax.texts] for ax in figure.axes}
    assert shown == {
        "mean cost of a run  (money: prices per token, call or evaluation)": ["money"],
        "mean cost of a run  (sum of m c over forward passes)": ["passes", "large"],
    }
    assert_readable(figure)
    for ax in figure.axes:
        low, high = ax.get_ylim()
        assert high / low < 1e5  # the limits are those of its own unit: 10^10 on an axis in common


@pytest.mark.parametrize(("most", "alone"), [(1e3, True), (1e6, True), (900.0, False)])
def test_wide_logarithmic_axes_have_ticks_at_powers_of_ten_alone(most, alone):
    ax = Figure().subplots()
    ax.set_yscale("log")
    ax.set_ylim(1.0, most)
    ticks_at_powers(ax.yaxis)
    assert (len(ax.yaxis.get_minorticklocs()) == 0) is alone
    said = [label.get_text() for label in ax.yaxis.get_majorticklabels()]
    assert ("10³" in said) is alone


@pytest.mark.parametrize(("panels", "inches"), [(1, (7.8, 5.9)), (2, (10.8, 4.4)), (3, (10.8, 8.5)), (4, (10.8, 8.5))])
def test_a_figure_has_two_panels_side_by_side_and_room_for_names_each_with_the_labels_of_its_axes(panels, inches):
    """4.6 inches by 4.1 each, of a single one 6.2 by 5.6; 1.6 more for names of curves and 0.3 for the legend."""
    x = np.array([1.0, 2.0])
    curve = Curve("", x, [Value(y, y, y) for y in x], x, x)
    figure = panels_figure("t", [Panel(f"title {n}", f"x {n}", f"y {n}", [curve]) for n in range(panels)])
    if panels == 3:  # and what the marks mean in the place of the fourth
        assert_readable(figure)
    assert tuple(figure.get_size_inches()) == pytest.approx(inches)
    told = [(ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes]
    assert told == [(f"title {n}", f"x {n}", f"y {n}") for n in range(panels)]
