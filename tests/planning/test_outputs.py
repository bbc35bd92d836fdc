"""Files of a plan: its grid is read and run as what was ranked, its figure shows who is beaten by nobody."""

import math
from itertools import combinations
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from evo.errors import InputError
from experiments import check, load_grid, plan, run_grid
from experiments.cli.app import app
from experiments.planning.grid_file import _simulated, grid_toml
from experiments.planning.numbers import Numbers
from experiments.reports.drawing import money_hours
from experiments.reports.drawing.money_hours import front, plan_figure

OPTIONS = """plan --k 12 --l 50 --fix 1=.4,2=.3,4=.2 --keep 1=.97,2=.96,4=.95 --operator refusals=.02,malformed=.08
--tokens instructions=500 --prices prompt=3,generated=15 --per 1e6 --seconds fixed=2,tail=.3,evaluation=12
--workers 4 --feedback none --no-hangs""".split()  # noqa: SIM905  # as it is typed
VALUES = {
    "operator.fix": {1: 0.4, 2: 0.3, 4: 0.2},
    "operator.keep": {1: 0.97, 2: 0.96, 4: 0.95},
    "operator.refusals": 0.02,
    "operator.malformed": 0.08,
    "tokens.instructions": 500,
    "tokens.block": 50,
    "prices.prompt": 3e-6,
    "prices.generated": 15e-6,
    "seconds.fixed": 2.0,
    "seconds.tail": 0.3,
    "seconds.evaluation": 12.0,
}


@pytest.fixture(scope="module")
def found():
    return plan(k=12, values=VALUES, feedback="none", workers=4, bands=0)


def test_the_grid_is_what_was_ranked(found, tmp_path):
    path = tmp_path / "best.toml"
    result = CliRunner().invoke(app, [*OPTIONS, "--rows", "7", "--all", "--toml", str(path)])
    assert result.exit_code == 0, result.output
    grid = load_grid(path)
    assert grid.name == "best"
    assert [cell.text for cell in grid.cells] == [each.candidate.cell.text for each in found.ranked[:7]]
    assert list(grid.labels.values()) == [str(each.candidate) for each in found.ranked[:7]]


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ((), ""),
        ((("hours_low", 0.1), ("hours_high", 0.2)), ""),  # drawn ones: a grid has no seconds
        ((("money", 0.125), ("hours_low", 0.1), ("calls", 3.0)),
         "# simulated by the plan (1,200 runs): money 2.5 +- 0.12, calls 40 +- 3\n"),
    ],
)  # fmt: skip
def test_an_arm_says_which_of_its_numbers_are_simulated(errors, told):
    assert _simulated(SimpleNamespace(numbers=Numbers(money=2.5, calls=40.0, runs=1200, errors=errors))) == told


@pytest.mark.statistical
def test_the_grid_runs_and_agrees_with_the_plan(found, tmp_path):
    """500 runs a cell; false-fail rate 1e-6. The twin: calls that repair less cost more than this would let pass."""
    path = tmp_path / "grid.toml"
    path.write_text(grid_toml(found, found.ranked[:3], runs=500), encoding="utf-8")
    results = run_grid(load_grid(path), workers=1)
    assert str(check(results, alpha=1e-6).verdict) == "AGREES"
    means = results.runs.groupby("cell")["cost"].mean()
    for each in found.ranked[:3]:
        assert means[each.candidate.cell.id] == pytest.approx(each.numbers.money, rel=0.1)
    other = plan(k=12, values=VALUES | {"operator.fix": {1: 0.3, 2: 0.2, 4: 0.1}}, feedback="none", workers=4, bands=0)
    assert other.best.numbers.money > 1.2 * found.best.numbers.money


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    result = CliRunner().invoke(app, [*OPTIONS, "--toml", str(path)])
    assert (result.exit_code, path.read_text()) == (2, "mine")
    assert "--toml: expected a file that is not there yet" in " ".join(result.output.split())
    nowhere = CliRunner().invoke(app, [*OPTIONS, "--toml", str(tmp_path / "no" / "grid.toml")])
    assert nowhere.exit_code not in (0, 1, 70)


def test_the_front_is_beaten_by_nobody(found):
    def beats(one, other):
        first, second = one.numbers, other.numbers
        no_worse = first.money <= second.money * (1 + 1e-9) and first.hours <= second.hours * (1 + 1e-9)
        return no_worse and (first.money < second.money * (1 - 1e-9) or first.hours < second.hours * (1 - 1e-9))

    on_it = front(found)
    assert len(on_it) > 2
    assert not [(one, other) for one in found.ranked for other in on_it if beats(one, other)]
    for each in found.ranked:  # all others are beaten by one of them, or equal one
        if each not in on_it:
            same = [one for one in on_it if one.numbers.money == pytest.approx(each.numbers.money, rel=1e-9)]
            assert any(beats(one, each) for one in on_it) or same, each


def overlapping(figure):
    """Pairs of numbers beside the front, and of words of the legend, that lie on each other."""
    figure.draw_without_rendering()
    ax = figure.axes[0]
    boxes = [text.get_window_extent() for text in (*ax.texts, *ax.get_legend().get_texts())]
    return [(one, other) for one, other in combinations(boxes, 2) if one.overlaps(other)]


def test_no_label_lies_on_another(found, monkeypatch):
    figure = plan_figure(found)
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("expected hours of a run", "expected money of a run")
    assert figure.get_suptitle() == "Ways to decompose 12 blocks"
    assert len(ax.texts) == len(front(found))
    assert not overlapping(figure)
    monkeypatch.setattr(money_hours, "OUT", 0.0)  # the twin: all numbers in one place
    monkeypatch.setattr(money_hours, "BETWEEN", 0.0)
    crowded = plan_figure(found)
    for text in crowded.axes[0].texts:
        text.set_position((0, 0))
        text.xy = (found.best.numbers.hours, found.best.numbers.money)
    assert overlapping(crowded)


def test_the_figure_is_a_file_or_says_what_it_needs(tmp_path):
    path = tmp_path / "plan.png"
    assert CliRunner().invoke(app, [*OPTIONS, "--figure", str(path)]).exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    for options, told in (
        ([*OPTIONS, "--figure", "plan.txt"], "expected a file that ends in .png, .svg, .pdf, got 'plan.txt'"),
        (
            ["plan", "--k", "4", "--fix", "1=.4", "--keep", "1=.9", "--figure", str(path)],
            "a figure needs money and hours: expected prices.prompt and prices.generated, and seconds.fixed, "
            "seconds.per_generated_token or seconds.evaluation, got none",
        ),
    ):
        result = CliRunner().invoke(app, options)
        assert result.exit_code == 2
        assert told in " ".join(result.output.split())


def test_a_figure_shows_what_takes_at_most_thirty_times_the_least_money_and_the_least_hours():
    """The cheapest takes 1 and 20 hours, the fastest 20 and 1 hour: none beyond 30 of either is shown."""
    taken = {"cheapest": (1.0, 20.0), "fastest": (20.0, 1.0), "at both": (30.0, 30.0)}
    beyond = {"dear": (31.0, 2.0), "slow": (2.0, 31.0)}
    ranked = [
        SimpleNamespace(
            candidate=SimpleNamespace(name=name, g=1, lam=1, votes=1, model=SimpleNamespace(name="", k=4)),
            numbers=SimpleNamespace(money=money, hours=hours),
        )
        for name, (money, hours) in (taken | beyond).items()
    ]
    ax = plan_figure(SimpleNamespace(ranked=ranked, best=ranked[0], unit="$")).axes[0]
    shown = {line.get_label(): (*line.get_ydata(), *line.get_xdata()) for line in ax.lines}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("expected hours of a run", "expected money of a run, $")
    assert {name: shown[name] for name in taken} == taken
    assert not shown.keys() & beyond.keys()


def made_up(*numbers, **model):
    """A plan of candidates with these money and hours."""
    model = SimpleNamespace(name="", k=4, **({"priced": True, "timed": True} | model))
    ranked = [
        SimpleNamespace(
            candidate=SimpleNamespace(name=f"way {n}", g=1, lam=1, votes=1, model=model),
            numbers=SimpleNamespace(money=money, hours=hours, note="no formula" if math.isnan(money + hours) else ""),
        )
        for n, (money, hours) in enumerate(numbers)
    ]
    return SimpleNamespace(ranked=ranked, best=ranked[0], unit="")


@pytest.mark.parametrize(
    ("numbers", "scales"),
    [
        (((0.0, 1.0), (0.0, 2.0)), ("log", "linear")),
        (((1.0, 0.0),), ("linear", "log")),
    ],
)
def test_what_takes_nothing_stands_at_0_of_its_axis(numbers, scales):
    ax = plan_figure(made_up(*numbers)).axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == scales
    (money, hours), star = numbers[0], next(line for line in ax.lines if line.get_label() == "the choice")
    x, y = ax.transAxes.inverted().transform(star.get_transform().transform((hours, money)))
    assert 0 < x < 1
    assert 0 < y < 1


def astray(figure):
    """Words of a figure that leave it on any side; and parts of it that lie on each other."""
    ax, (width, height) = figure.axes[0], figure.bbox.size
    words = [ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts(), *figure.texts]
    boxes = {each.get_text(): each.get_window_extent() for each in words}
    lost = {text for text, box in boxes.items() if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height}
    parts = [ax, ax.get_legend(), ax.xaxis.label, ax.yaxis.label, *figure.texts]
    pairs = combinations([part.get_window_extent() for part in parts], 2)
    return lost, [pair for pair in pairs if pair[0].overlaps(pair[1])]


@pytest.mark.parametrize("most", [1.3, 25.0])
def test_ticks_are_plain_numbers_however_far_an_axis_reaches(most):
    """No powers of ten as formulas, and more than one number."""
    ax = plan_figure(made_up((1.0, most), (most, 1.0))).axes[0]
    for axis in (ax.xaxis, ax.yaxis):
        labels = [label.get_text() for label in (*axis.get_majorticklabels(), *axis.get_minorticklabels())]
        named = [float(label.replace(",", "")) for label in labels if label]
        assert len(named) > 1
        assert min(named) > 0


def test_what_has_no_place_is_counted_and_a_figure_of_nothing_says_why():
    figure = plan_figure(made_up((math.nan, 1.0), (1.0, 1.0), (math.inf, 1.0)))
    (ax,) = figure.axes
    assert figure.get_size_inches().tolist() == [10.0, 6.0]
    assert astray(figure) == (set(), [])  # title, axes, legend and what is told below have room beside each other
    assert "2 whose money or hours are not known or infinite, the choice among them" in " ".join(
        figure.get_supxlabel().split()
    )
    assert "the choice" not in {line.get_label() for line in ax.lines}
    for plan_, told in (
        (made_up((1.0, math.nan)), r"got of the best money 1 and hours not known \(no formula\); the plan without"),
        (made_up((math.inf, math.inf)), "got of the best money infinite and hours infinite; the plan without"),
        (made_up((1.0, math.nan), timed=False), r"hours: expected seconds\.fixed, .* or seconds\.evaluation, got none"),
    ):
        with pytest.raises(InputError, match=told):
            plan_figure(plan_)
