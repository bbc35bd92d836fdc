"""What decides of a law beside its estimate, by hand: spreads, bounds, error rates, and what more runs would tell."""

import math
from dataclasses import dataclass, replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from evo import MuPlusLambda, OnePlusLambda, OnlyIncorrect
from experiments import Cell
from experiments.fits import calibration, fit, speedups
from experiments.fits.constants import _by_runs, _constant, _exactly
from experiments.fits.evidence.reading import is_memoryless
from experiments.fits.evidence.spreads import WORST, log_error
from experiments.fits.families.advice import FACTORS, POWER, runs_for_bend, where_they_part
from experiments.fits.families.choice import knot_of
from experiments.fits.laws import Estimate, Told
from experiments.fits.quantities import Quantity, out_of_floats, parsed, values_of
from experiments.fits.ratios import Ratio, Side
from experiments.fits.series import Series, _of_runs
from experiments.fits.speedups import FEWEST_RUNS
from experiments.fits.tails import Tail, tail_declared
from experiments.predictions.verdict import Verdict
from experiments.store.by_cell import RunArrays
from operators import BetaBlocks, BetaQuality, FixKeep, Malformed, Refuse
from problems import BlockOneMax, Noisy

# ----------------------------------------------------------------------------------------------------------- spreads


def levels(n):
    return (np.arange(n) + 0.5) / n


def test_the_error_of_a_spread_is_that_of_its_law():
    """Influence of v on ln(s^2/m^2): ((v-m)/s)^2 - 1 - 2 (v/m - 1); 4/n of exponential times, 2/n of normal ones."""
    exponential = -np.log1p(-levels(100_000))
    assert log_error(exponential) * 1e5 == pytest.approx(4.0, rel=0.01)
    normal = 1000.0 + ndtri(levels(100_000))
    assert log_error(normal) * 1e5 == pytest.approx(2.0, rel=0.01)
    few = np.array([1.0, 1.0, 1.0, 9.0, 2.0])
    m, s2 = few.mean(), few.var()
    influence = (few - m) ** 2 / s2 - 1 - 2 * (few / m - 1)
    assert log_error(few) == pytest.approx(min(max(influence.var() / 5, 1 / 5), WORST))
    assert (log_error(np.ones(8)), log_error(np.ones(1))) == (0.25, 1.0)  # nothing is known of them


def series(samples, unit=1.0) -> Series:
    x, runs = np.arange(1.0, len(samples) + 1), np.array([float(len(each)) for each in samples])
    means, variances = (np.array([made(each) for each in samples]) for made in (np.mean, lambda v: np.var(v, ddof=1)))
    return Series(
        "a", "a", {}, 1, x, tuple(map(str, x)), runs, 0 * x, means, variances, runs * means / unit, unit + 0 * x, True,
        means, (Tail.LIGHT,) * len(x), samples=tuple(samples),
    )  # fmt: skip


@pytest.mark.parametrize("unit", [1.0, 3.0])
@pytest.mark.parametrize("steps", [2.0, 5.0, 40.0])
def test_runs_without_memory_have_the_variance_of_geometric_times(steps, unit):
    """steps (steps - 1) units^2, to the last draw; half of it, or steps^2 of few, is another law."""
    time = unit * np.ceil(np.log1p(-levels(20_000)) / math.log1p(-1 / steps))
    assert is_memoryless(series([time], unit))
    assert not is_memoryless(series([time.mean() + (time - time.mean()) * math.sqrt(0.7)], unit))
    assert not is_memoryless(series([time, np.full(20_000, steps * unit)], unit))  # one cell that differs is enough


@pytest.mark.parametrize(("twice", "skipped"), [(500, True), (501, False)])
def test_the_spread_of_a_time_of_a_step_and_a_half_says_nothing_of_its_law(twice, skipped):
    """Runs of one step and of two have a third of the variance of geometric times, which is looked at above 1.5."""
    assert is_memoryless(series([np.repeat([1.0, 2.0], [1000 - twice, twice])])) is skipped


# ------------------------------------------------------------------------------------------------------------- tails

TAILS = [
    (0.9, Tail.NO_MEAN),
    (1.0, Tail.NO_MEAN),
    (1.01, Tail.NO_VARIANCE),
    (2.0, Tail.NO_VARIANCE),
    (2.01, Tail.LIGHT),
]


@pytest.mark.parametrize(("a", "tail"), TAILS)
def test_the_tail_that_parts_declare_changes_at_1_and_2(a, tail):
    """For runners of which no prediction tells it; also where the mutator is wrapped, and not by the second shape."""
    block = BetaBlocks(a=a, b=1.0)
    for mutator in (block, Malformed(block, 0.1), Refuse(Malformed(block, 0.1), 0.2)):
        cell = Cell(BlockOneMax(k=4, l=2), mutator, OnlyIncorrect(), MuPlusLambda(2))
        assert tail_declared(cell) is tail
    by_call = Cell(BlockOneMax(k=4, l=2), BetaQuality(a=a, b=1.0), OnlyIncorrect(), MuPlusLambda(2))
    assert tail_declared(by_call) is Tail.LIGHT  # a quality that is drawn for each call


@pytest.mark.parametrize(
    ("sigma", "reevaluate", "tail"), [(0.5, False, Tail.NO_VARIANCE), (0.5, True, Tail.LIGHT), (0.0, False, Tail.LIGHT)]
)
def test_a_value_of_noise_that_is_kept_leaves_no_variance(sigma, reevaluate, tail):
    problem = Noisy(BlockOneMax(k=4, l=2), sigma, reevaluate=reevaluate)
    assert tail_declared(Cell(problem, FixKeep(0.5, 0.9), OnlyIncorrect(), OnePlusLambda())) is tail
    heavier = Cell(problem, BetaBlocks(a=1.0, b=1.0), OnlyIncorrect(), OnePlusLambda())
    assert tail_declared(heavier) is Tail.NO_MEAN


# ------------------------------------------------------------------------------------------------ what more would tell


def family(law, error, end=10.0, parameters=("A",), exponent=1.0, name=""):
    model = SimpleNamespace(end=end, exponent=lambda free: (exponent, None))
    at = lambda x: (np.log(law(x)), np.full(len(x), error))  # noqa: E731  # as a fitted family has it
    return SimpleNamespace(model=model, form=SimpleNamespace(parameters=parameters, name=name), free=None, at=at)


THREE = [lambda x: 3 * x, lambda x: 0.3 * x**2, lambda x: 3 * x + 0.1 * x**2.2]
LEVEL = [lambda x: 30 + 0 * x, lambda x: 3 * x]


@pytest.mark.parametrize("laws", [THREE, LEVEL], ids=["three laws", "a constant"])
@pytest.mark.parametrize("square", [0.02, 1.0, 18.0])
def test_where_families_part_is_where_the_fewest_units_tell(laws, square):
    """Runs square/((ln E1 - ln E2)^2/4.6^2 - errors^2) of the pair that takes most, 100 at least; times the mean."""
    errors, ways = [0.01, 0.02, 0.015][: len(laws)], []
    for factor in FACTORS:
        x = math.ceil(10.0 * factor)
        means, runs = [law(x) for law in laws], 0.0
        for i, j in combinations(range(len(laws)), 2):
            room = math.log(means[i] / means[j]) ** 2 / POWER**2 - errors[i] ** 2 - errors[j] ** 2
            runs = max(runs, square / room if room > 0 else math.inf)
        ways.append((max(runs, 100) * max(means), x, means, runs))
    _, x, means, runs = min(ways)
    told = where_they_part([family(law, error) for law, error in zip(laws, errors, strict=True)], square, "k", True)
    numbers = ", ".join(f"{mean:.3g}" for mean in means)
    assert told.startswith(f"they part at k = {x:g} ({numbers}): ")
    said = float(told.split("): ")[1].split(" runs")[0].replace(",", ""))
    assert max(runs, 100) <= said <= max(1.1 * runs, 100)


def test_of_places_that_take_as_much_the_first_is_named():
    """A constant 30 and what falls: a hundred runs tell at each, and each costs 30."""
    told = where_they_part([family(lambda x: 30 + 0 * x, 0.01), family(lambda x: 30 / x, 0.01)], 1.0, "k", True)
    assert told == "they part at k = 13 (30, 2.31): 100 runs there would tell"


@pytest.mark.parametrize(
    ("square", "said"),
    [
        (1e5, "they part at k = 12.5 (1, 99.5): 100,000 runs there would tell"),
        (1.001e5, "no k up to 16 times as large would tell with 100,000 runs; run more of these cells"),
    ],
)
def test_a_hundred_thousand_runs_are_advised_and_no_more(square, said):
    """Two laws that are 4.6 apart in their logs, with no error: so many runs as the square of the spread of one."""
    made = [family(None, 0.0), family(None, 0.0)]
    for each, log in zip(made, (0.0, POWER), strict=True):
        each.at = lambda x, log=log: (np.full(len(x), log), np.zeros(len(x)))
    assert where_they_part(made, square, "k", False) == said


BENDS = [
    ("A", 1, 0.2, "linear"),
    ("Ab", 3, 0.6, "power"),
    ("Abc", 3, 0.3, "power + c"),
    ("A", 0.0, 0.1, "constant"),
    ("Ac", 0.1, 0.07, "logarithm"),
]


@pytest.mark.parametrize(("parameters", "exponent", "margin", "name"), BENDS)
def test_the_runs_that_tell_a_bend_are_as_the_square_of_its_interval(parameters, exponent, margin, name):
    """A half-width h around a middle of a quarter of the margin: (h/(3/4 margin))^2 times the runs."""
    made = family(None, 0.0, parameters=tuple(parameters), exponent=exponent, name=name)
    for times, runs, said in ((2, 250, "1,000"), (4, 240, "3,900")):  # 16 times 240 is 3,840
        middle, half = margin / 4, times * 0.75 * margin
        told = runs_for_bend(made, (middle - half, middle + half), runs)
        assert told.startswith(f"some {said} runs a cell"), told
    assert runs_for_bend(made, (margin, 1.1 * margin), 250) == "larger values would tell"
    assert runs_for_bend(made, (0.1 * margin, 0.3 * margin), 250) == "larger values would tell"  # it does bend


# ------------------------------------------------------------------------------------------------------- error rates


@pytest.mark.parametrize("ratios", [1, 4])
def test_rows_share_the_error_rate_and_rows_without_a_ratio_have_none_of_it(ratios, monkeypatch):
    cost = np.arange(1.0, 401.0)
    side = Side(cost, 400, 200.5, 1e-3, Tail.LIGHT)
    made = [(float(k), {}, Ratio(side, side, 1.0, 0.05, 2)) for k in range(ratios)] + [(9.0, {}, "no runs yet")]
    monkeypatch.setattr(speedups, "series", lambda *asked: ())
    monkeypatch.setattr(speedups, "_of", lambda found, arm: [arm])
    monkeypatch.setattr(speedups, "_alike", lambda above, below: True)
    monkeypatch.setattr(speedups, "_ratios", lambda results, above, below: iter(made))
    monkeypatch.setattr(speedups, "expect_a", lambda *asked: None)
    table = speedups.speedup(None, "slow", "fast", alpha=0.04)
    rate = 0.04 / ratios / 2  # a rule that stopped them halves it once more
    low, high = Ratio(side, side, 1.0, 0.05, 2).interval(rate)
    assert table["low"][:ratios].tolist() == pytest.approx([low] * ratios, rel=1e-12)
    assert table["high"][:ratios].tolist() == pytest.approx([high] * ratios, rel=1e-12)
    assert table["note"][ratios] == "no runs yet"
    assert np.isnan(table["low"][ratios])


def test_how_often_a_law_is_told_and_covered_is_counted(monkeypatch):
    """Of three experiments two tell a law, one of them rightly; its intervals are those of the named ones."""
    came = [("affine", {}, 2), ("power", {"affine": "does not fit, p = 1e-9"}, 1), ("", {"affine": "x fits better"}, 0)]
    found = iter([SimpleNamespace(law=law, dropped=dropped, inside=inside) for law, dropped, inside in came])
    monkeypatch.setattr(calibration, "choose", lambda evidence: next(found))
    monkeypatch.setattr(calibration, "_inside", lambda choice, name, true: choice.inside)
    monkeypatch.setattr(calibration, "least_aic", lambda choice: choice.law)
    made = calibration.Counts("affine", "geometric", 0.0, 2)
    for _ in range(3):
        made.experiment()
    table = calibration.table_of([made])
    assert table.to_dict("records") == [
        {"law": "affine", "runs": "geometric", "censored": 0.0, "constants": 2, "experiments": 3, "told": 2, "right": 1}
        | {"refused": 2, "covered": 3, "covered_named": 2, "least_aic": 2}
    ]
    (shares,) = calibration.shares(table).to_dict("records")
    expected = {
        "told": 2 / 3,
        "right": 1 / 3,
        "refused": 2 / 3,
        "least_aic": 2 / 3,
        "covered": 1 / 2,
        "covered_named": 1,
    }
    assert {name: shares[name] for name in expected} == pytest.approx(expected)
    kinds = [(each.runs, each.censored) for each in calibration.cases(["linear"])]
    assert kinds == [(runs, share) for runs in ("geometric", "Gamma") for share in (0.0, calibration.CENSORED)]


# ---------------------------------------------------------------------------------------------- ranges and tolerances


def test_every_run_was_seen_up_to_the_first_that_was_censored():
    """Runs that end at 3 and 9, and two that were given up after 4 and 7: of those of more than 4 one is not seen."""
    runs = pd.DataFrame({"hit": [3.0, np.nan, np.nan, 9.0], "generations": [3.0, 4.0, 7.0, 9.0]})
    (*_, reach), ended = _of_runs(RunArrays.of(runs), 1.0, Quantity("hit", "mean", "hit"))
    assert reach == 4.0
    assert ended.tolist() == [3.0, math.inf, math.inf, 9.0]
    (*_, reach), _ = _of_runs(RunArrays.of(runs.iloc[[0, 3]]), 1.0, Quantity("hit", "mean", "hit"))
    assert reach == math.inf


@pytest.mark.parametrize(
    ("column", "statistic", "numbers"),
    [
        ("hit", "mean", (3, 1, 4, 4, 12, 1, 6, 4)),
        ("hit", "ERT", (3, 0, 6, 36, 12, 1, 6, 4)),  # (2 - 6, 4, 6 - 6) have the variance 16, times (3/2)^2
        ("cost", "mean", (3, 1, 30, 700, 12, 7.5, 60, 20)),
        ("cost", "ERT", (3, 0, 45, 925 * 2.25, 12, 7.5, 60, 20)),  # 10 - 45, 20, 60 - 45
    ],
)
def test_each_number_of_the_runs_of_a_cell(column, statistic, numbers):
    """Runs, censored, mean, variance, trials, unit, median, reach; ERT is the sum over the hits, and censors none."""
    runs = pd.DataFrame({"hit": [2.0, np.nan, 6.0], "generations": [2.0, 4.0, 6.0], "cost": [10.0, 20.0, 60.0]})
    found, _ = _of_runs(RunArrays.of(runs), 1.0, Quantity("", statistic, column))
    assert found == pytest.approx(numbers)


@pytest.mark.parametrize(
    ("text", "statistic", "column"),
    [
        ("rounds", "mean", "generations"),
        ("median makespan", "median", "seconds"),
        ("ert cost", "ERT", "cost"),
        ("MEDIAN", "median", "hit"),
        ("ERT tokens", "ERT", "tokens"),
    ],
)
def test_a_quantity_is_a_statistic_of_a_column(text, statistic, column):
    runs = pd.DataFrame({"generations": [1.0], "seconds": [1.0]})
    assert parsed(text, SimpleNamespace(runs=runs)) == Quantity(text, statistic, column)


@pytest.mark.parametrize(
    ("column", "lam", "values", "hit", "trials"),
    [
        ("hit", 3.0, [0, 12, 7], [0, math.nan, 7], [0, 12, 7]),  # a censored run spent lam times its generations
        ("cost", 3.0, [1, 2, 3], [0, math.nan, 7], [0, 4, 3]),
        ("tokens", 3.0, [11, 22, 33], [0, math.nan, 7], [0, 4, 3]),
        ("hit", math.nan, [0, 11, 8], [0, math.nan, 7], [0, 11, 8]),  # a program: its calls
        ("cost", math.nan, [1, 2, 3], [0, 11, 8], [1, 11, 8]),  # which ends by itself; one trial at least
    ],
)
def test_values_hits_and_trials_of_runs(column, lam, values, hit, trials):
    runs = {"hit": [0, math.nan, 7], "generations": [0, 4, 3], "calls": [0, 11, 8], "cost": [1, 2, 3]}
    runs |= {"prompt_tokens": [10, 20, 30], "generated_tokens": [1, 2, 3]}
    found = values_of(RunArrays.of(pd.DataFrame(runs, dtype=float)), lam, column)
    np.testing.assert_array_equal(found, [values, hit, trials])


@pytest.mark.parametrize(
    ("x", "knot"), [([1, 2, 3, 4], 2), ([1, 2, 3, 4, 5], 3), ([5, 1, 1, 4, 2, 4, 3, 8], 3)], ids=str
)
def test_the_knot_of_a_range_is_its_lower_middle(x, knot):
    """Of an even number of cells more lie above it than below: two at least of four."""
    assert knot_of(np.array(x, dtype=float)) == knot


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [(2.29, 0.1, "AGREES"), (2.31, 0.1, "DIFFERS"), (2.0019, 0.0, "AGREES"), (2.0021, 0.0, "DIFFERS")],
)  # fmt: skip
def test_a_constant_of_exact_means_is_met_within_three_errors_or_a_thousandth(value, error, verdict):
    constant = SimpleNamespace(name="A", value=value, error=error)
    law = SimpleNamespace(family=SimpleNamespace(name="linear"), constants=[constant], text="A k + c")
    growth = SimpleNamespace(series="a", left=[law], told=Told.LAW, coarse=False)
    assert _exactly(growth, "affine", {"A": 2.0}).verdict.name == verdict


def estimate(low, high, exact=math.nan):
    return Estimate("A", (low + high) / 2, low, high, exact)


WIDE = estimate(1.7, 2.31)
"""By more than 15 % of 2 either way."""


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (estimate(2.0, 2.2), Verdict.AGREES, "A = 2.1 [2, 2.2]"),
        (estimate(1.8, 2.0), Verdict.AGREES, "A = 1.9 [1.8, 2]"),
        (estimate(2.01, 2.2), Verdict.DIFFERS, "A = 2.105 [2.01, 2.2], not 2"),
        (estimate(1.8, 1.99), Verdict.DIFFERS, "A = 1.895 [1.8, 1.99], not 2"),
        (estimate(2.01, 2.2, 2.1), Verdict.CANNOT_TELL, ": on this range it is not 2; of the limit --predicted tells"),
        (estimate(2.01, 2.2, 2.3), Verdict.DIFFERS, "(exact means 2.3), not 2"),
        (estimate(1.701, 2.299), Verdict.AGREES, "A = 2 [1.701, 2.299]"),
        (WIDE, Verdict.CANNOT_TELL, "A = 2.005 [1.7, 2.31] is too wide to tell 2"),
    ],
)
def test_a_constant_of_runs_is_met_within_its_interval_if_that_is_narrow(found, verdict, words):
    told, reason = _constant(found, 2.0)
    assert told is verdict
    assert reason.endswith(words)


@dataclass(frozen=True)
class Law:
    """What is told of a fitted law."""

    name: str
    constants: tuple[Estimate, ...]
    dropped: str = ""
    series: str = "a"

    @property
    def form(self):
        return SimpleNamespace(name=self.name)

    @property
    def text(self):
        return f"E = {self.name}"

    @property
    def estimates(self):
        return self.constants

    def __getitem__(self, name):
        return self.constants["AB".index(name)]


NEAR = replace(estimate(2.9, 3.1), name="B")


@pytest.mark.parametrize(
    ("law", "told", "left", "verdict", "words"),
    [
        (Law("quadratic", (estimate(1.9, 2.1), NEAR)), Told.LAW, "q", "AGREES",
         "E = quadratic, A = 2 [1.9, 2.1], B = 3 [2.9, 3.1]"),
        (Law("quadratic", (estimate(1.9, 2.1), NEAR)), Told.UNDECIDED, "qp", "CANNOT_TELL",
         "A = 2 [1.9, 2.1], B = 3 [2.9, 3.1]; left besides: E = power"),
        (Law("quadratic", (estimate(1.9, 2.1), NEAR)), Told.UNDECIDED, "q", "CANNOT_TELL", "no rival"),
        (Law("quadratic", (estimate(1.9, 2.1), NEAR), "not needed: linear holds"), Told.LAW, "p", "CANNOT_TELL",
         "left besides: E = power"),
        (Law("quadratic", (estimate(1.9, 2.1), NEAR), "p = 1e-9"), Told.LAW, "p", "DIFFERS", "E = quadratic: p = 1e-9"),
        (Law("quadratic", (estimate(1.9, 2.1), NEAR), "two cells carry no law"), Told.LAW, "p", "CANNOT_TELL",
         "E = quadratic: two cells carry no law"),
        (Law("quadratic", (WIDE, replace(estimate(4.0, 5.0), name="B"))), Told.LAW, "q", "DIFFERS",
         "B = 4.5 [4, 5], not 3"),
        (Law("quadratic", (WIDE, NEAR)), Told.LAW, "q", "CANNOT_TELL", "is too wide to tell 2"),
        (Law("quadratic", (WIDE, NEAR), series="b"), Told.LAW, "q", "CANNOT_TELL", "the form could not be fitted"),
        (Law("power", (WIDE, NEAR)), Told.LAW, "q", "CANNOT_TELL", "the form could not be fitted"),
    ],
)  # fmt: skip
def test_a_form_is_judged_by_what_the_runs_leave_then_by_its_constants(law, told, left, verdict, words):
    """A = 2 and B = 3 are given; one that differs goes before one that cannot tell."""
    there = {"q": law, "p": Law("power", ())}
    growth = SimpleNamespace(series="a", left=[there[each] for each in left], told=told, reason="no rival")
    found = _by_runs(SimpleNamespace(laws=(law,)), growth, "quadratic", {"A": 2.0, "B": 3.0})
    assert (found.series, found.verdict.name, words in found.reason) == ("a", verdict, True), found.reason


@pytest.mark.parametrize(
    ("stops", "error", "verdict"),
    [(1, 0.01, "AGREES"), (2, 0.01, "AGREES"), (1, 0.0, "DIFFERS"), (1, math.nan, "CANNOT_TELL")],
)
def test_columns_of_a_speed_up_are_those_of_its_ratio_at_the_error_rate_of_a_stop(stops, error, verdict):
    """Made up: ends of intervals are so many error rates away; where runs do not differ there is no interval."""
    ratio = SimpleNamespace(
        value=2.0, exact=2.02, exact_error=error, of="mean", note="noted", stops=stops,
        interval=lambda alpha: (2.0 - alpha, 2.0 + 2 * alpha),
        medians=lambda alpha: (5.0, 5.0 - alpha, 5.0 + 2 * alpha),
    )  # fmt: skip
    low, high = (2.0, 2.0) if error == 0 else (2.0 - 0.01 / stops, 2.0 + 0.02 / stops)
    assert speedups._columns(ratio, 0.01) == {
        "speedup": 2.0, "low": low, "high": high, "exact": 2.02, "verdict": verdict, "of": "mean", "note": "noted",
        "medians": 5.0, "medians_low": 5.0 - 0.01 / stops, "medians_high": 5.0 + 0.02 / stops,
    }  # fmt: skip
    assert speedups._columns("no runs yet", 0.01) == speedups.NOTHING | {"note": "no runs yet"}


@pytest.mark.parametrize(
    ("runs", "sure", "costs", "hits", "found"),
    [
        ((FEWEST_RUNS, FEWEST_RUNS), False, (2, 3), (1, 1), True),
        ((FEWEST_RUNS - 1, FEWEST_RUNS), False, (2, 3), (1, 1), False),
        ((FEWEST_RUNS, FEWEST_RUNS - 1), False, (2, 3), (1, 1), False),
        ((1, 1), True, (2, 3), (1, 1), True),
        ((999, 999), False, (2, 3), (0, 1), True),
        ((999, 999), False, (2, 3), (0, 0), "no ratio: no run of either hit; give a larger budget"),
        ((999, 999), False, (0, 3), (1, 1), "no ratio: runs of slow cost nothing"),
        ((999, 999), False, (0, 0), (1, 1), "no ratio: runs of slow and fast cost nothing"),
    ],
)
def test_a_ratio_is_judged_from_enough_runs_on_and_needs_costs_and_a_hit(runs, sure, costs, hits, found, monkeypatch):
    sides = iter([SimpleNamespace(cost=cost, hits=hit) for cost, hit in zip(costs, hits, strict=True)])
    monkeypatch.setattr(speedups, "Side", SimpleNamespace(of=lambda *_: next(sides)))
    monkeypatch.setattr(speedups, "Ratio", lambda slower, faster, enough, *_: enough)
    monkeypatch.setattr(speedups, "_exact", lambda results, ends, enough: (enough, 0.0))
    ends = [
        SimpleNamespace(label=label, x=np.array([4.0, 8.0]), cells=["other", label], tails=[0, 0], sure=sure,
                        runs=[1, made], mean=[5.0, cost])
        for label, made, cost in zip(("slow", "fast"), runs, costs, strict=True)
    ]  # fmt: skip
    results = SimpleNamespace(numbers=lambda cell: cell, asked=1)
    assert speedups._ratio(results, *ends, 8.0) == found


@pytest.mark.parametrize(("means", "got"), [
    ([1e-140, 1.0], ""), ([1.0, 1e140], ""), ([1e-140, 1e140], ""), ([], ""),
    ([9e-141, 1.0], "9e-141"), ([1.0, 1.1e140], "1.1e+140"), ([1e-140, 2e140], "2e+140"), ([3e-141, 2e140], "3e-141"),
])  # fmt: skip
def test_a_mean_whose_square_leaves_floats_is_named(means, got):
    told = f"a law needs means from 1e-140 to 1e+140, whose squares are floats, got {got}; change the unit"
    assert out_of_floats(np.array(means)) == (told if got else "")


@pytest.mark.parametrize(("runs", "said"), [(99, "a law of means needs at least 100 runs a cell, got 99"), (100, "")])
def test_a_law_of_means_needs_a_hundred_runs_of_each_cell(runs, said):
    """Of times whose law is not known; a geometric one has errors of its own from few runs on."""
    part = series([np.arange(1.0, each + 1) for each in (200, runs, 200)])
    assert fit._refuse(replace(part, memoryless=False)) == said
    assert fit._refuse(part) == ""


@pytest.mark.parametrize(
    ("cells", "said"),
    [(8, "errors: 1: +1.0, 2: +2.0, 3: +3.0,"), (9, "errors, the 8 largest of 9: 2: +2.0, 3: +3.0, 4: +4.0,")],
)
def test_eight_means_that_lie_off_are_all_of_eight_and_the_largest_of_nine(cells, said):
    """The mean at each x lies as many standard errors above the nearest family."""
    near = SimpleNamespace(distance=1.0, form=SimpleNamespace(name="linear"), at=lambda x: (np.log(x), None))
    choice = SimpleNamespace(fits={"linear": near}, dropped={"linear": "does not fit, p = 1e-9"})
    evidence = SimpleNamespace(x=np.arange(1.0, cells + 1), roots=lambda logs: -np.exp(logs))
    told = fit._residuals(evidence, choice, {"linear": SimpleNamespace(text="E = A k")})
    assert told.startswith(f"nearest E = A k (does not fit, p = 1e-9), means off it in standard {said}")
    assert told.endswith(f"{cells}: +{cells}.0")
