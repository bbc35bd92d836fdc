"""Fits: honest intervals on tables drawn from known laws, refusals with a reason, and series grouped as they should.

Coverage is counted over GRIDS simulated grids. A count fails w.p. 1e-6 if the true coverage is SLACK_COVERAGE, two
points below nominal (the intervals are normal approximations), and w.p. 0.99 if it is 0.63.
"""

import io
import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import binom

from evo import AllBlocks, Budget, OnePlusLambda, OnlyIncorrect, UniformChunk, UntilResolved
from evo.batch import RunCounts
from evo.costs.ledger import LEDGER
from evo.errors import InputError
from experiments import Cell, Grid, Results, fit, predict, sweep
from experiments.fits.evidence.cells import Hits, joined
from experiments.fits.evidence.censoring import median_table
from experiments.fits.evidence.reading import FEWEST_RUNS
from experiments.fits.families.forms import FORMS, NAMED
from experiments.fits.families.likelihoods import fitted
from experiments.fits.fit import exact_median
from experiments.fits.laws import Fits, Refusal, Told
from experiments.fits.series import series
from experiments.grids.cells_table import cells_table
from experiments.reports.terminal import show_fits
from experiments.store.grid_json import grid_record
from experiments.store.table import batch_columns, no_runs, runs_table
from operators import FixKeep, Resample
from problems import BlockOneMax

GRIDS = 80
FALSE_FAIL = 1e-6
SLACK_COVERAGE = 0.93
FEWEST_COVERED = int(binom.ppf(FALSE_FAIL, GRIDS, SLACK_COVERAGE))
CALLS = 308  # P(Geom(2^-8) > 308) = 0.30
EIGHT = range(1, 9)


@pytest.fixture
def rng(request):
    return np.random.default_rng(None if request.config.getoption("--vary-seed") else 20250)


def problems(ks, **more):
    return [BlockOneMax(k=k, l=16, **more) for k in ks]


def cells(ks, schedule=None, p=0.5, **more):
    mutator = Resample(p)
    parts = {"problem": problems(ks), "mutator": mutator, "schedule": schedule or AllBlocks()}
    return sweep(**(parts | {"runner": OnePlusLambda()} | more))


def results(arms, hits):
    """A table of runs that hit after the given calls, -1 for a run censored at its cell's budget on calls."""
    made = []
    for cell in (cell for arm in arms.values() for cell in arm):
        hit = np.asarray(hits(cell), dtype=np.int64)
        lam = cell.runner.lam
        last = np.where(hit < 0, cell.budget.calls, hit)
        generations = -(-last // lam)
        made.append(
            runs_table(
                [
                    (
                        cell.sample,
                        "blocks",
                        0,
                        batch_columns(cell, RunCounts(hit, generations, lam * generations, lam * generations)),
                    )
                ]
            )
        )
    runs = max(map(len, made))
    grid = Grid("drawn", arms, runs=max(1, runs), batch=max(1, runs))
    return Results.of(grid_record(grid), cells_table(grid), pd.concat([no_runs(), *made], ignore_index=True))


class Drawing:
    """Tables of the same cells drawn again and again: only hits and what follows from them are written anew."""

    def __init__(self, arms, runs):
        self.arms = arms
        self.once = results(arms, lambda cell: np.ones(runs))  # one generation a run: the ledger of a generation
        self.columns = [*LEDGER, "generations", "cost"]
        self.each = self.once.runs[self.columns].to_numpy()
        self.cells = {cell.id: cell for arm in arms.values() for cell in arm}
        self.order = list(dict.fromkeys(self.once.runs["cell"]))

    def draw(self, hits):
        hit = np.concatenate([hits(self.cells[cell_id]) for cell_id in self.order])
        lam = self.once.runs["calls"].to_numpy()
        most = np.repeat([self.cells[cell_id].budget.calls for cell_id in self.order], len(hit) // len(self.order))
        generations = -(-np.where(hit < 0, most, hit) // lam)
        runs = self.once.runs.copy()
        runs[self.columns] = self.each * generations[:, None]
        runs["hit"] = pd.array(np.where(hit < 0, 0, hit), dtype="Int64")
        runs.loc[hit < 0, "hit"] = pd.NA
        return self.once.with_runs(runs)


def geometric(rng, runs):
    """GLOBAL: Geom(p^k), cut off at the budget."""

    def hits(cell):
        drawn = rng.geometric(0.5**cell.problem.k, runs)
        return np.where(drawn > cell.budget.calls, -1, drawn)

    return hits


def resolved(rng, runs):
    """UntilResolved: k + NB(k, 1/2)."""
    return lambda cell: cell.problem.k + rng.negative_binomial(cell.problem.k, 0.5, runs)


def collected(rng, runs):
    """UniformChunk: sum over j of Geom(j/(2k)), mean 2 k H_k."""
    return lambda cell: sum(rng.geometric(j / (2 * cell.problem.k), runs) for j in range(1, cell.problem.k + 1))


def late(rng, runs):
    """Three calls more than UntilResolved: mean 2k + 3."""
    return lambda cell: 3 + resolved(rng, runs)(cell)


def careful(rng, runs):
    """AllBlocks with fix = 1/2, keep = 1: the largest of k Geom(1/2), mean (ln k + gamma)/ln 2 + 1/2 for large k."""
    return lambda cell: rng.geometric(0.5, (runs, cell.problem.k)).max(axis=1)


def law(fits, form):
    return next(each for each in fits.laws if each.form.name == form)


def try_only(form, monkeypatch):
    """Each form is fitted on its own: what is counted of one takes no others."""
    monkeypatch.setattr("experiments.fits.fit.FORMS", [each for each in FORMS if each.name == form])


def holds(estimate, value):
    return estimate.low <= value <= estimate.high


LAWS = {
    "GLOBAL base": (EIGHT, AllBlocks(), geometric, 100, "hit", "exponential", {"A": 1.0, "base": 2.0}),
    "GLOBAL cost": (EIGHT, AllBlocks(), geometric, 100, "cost", "exponential x power", {"base": 2.0, "b": 2.0}),
    "UntilResolved": ([1, 2, 4, 8, 16, 32, 64], UntilResolved(), resolved, 200, "hit", "power", {"A": 2.0, "b": 1.0}),
    "three more": ([1, 2, 4, 8, 16, 32, 64], UntilResolved(), late, 200, "hit", "affine", {"A": 2.0, "c": 3.0}),
    "careful": (
        [64, 128, 256, 512],
        UntilResolved(),
        careful,
        200,
        "hit",
        "logarithm",
        {"A": 1 / np.log(2), "c": np.euler_gamma + np.log(2) / 2},
    ),
    "UniformChunk": ([16, 32, 64, 128, 256], UniformChunk(), collected, 200, "hit", "x log x", {"A": 2.0}),
}


QUICK = ("GLOBAL base",)
"""By its hits out of trials; the five by means and their errors are for the slow step."""


def test_the_bound_on_coverage_tells():
    assert binom.cdf(FEWEST_COVERED - 1, GRIDS, SLACK_COVERAGE) <= FALSE_FAIL
    assert binom.cdf(FEWEST_COVERED - 1, GRIDS, 0.63) > 0.99


def test_drawings_are_tables_of_runs(rng):
    arms = {"a": cells([2, 3, 4], budget=Budget(calls=9), runner=OnePlusLambda(lam=4))}
    drawn = {cell.id: geometric(rng, 20)(cell) for cell in arms["a"]}
    written, whole = Drawing(arms, 20).draw(lambda cell: drawn[cell.id]), results(arms, lambda cell: drawn[cell.id])
    assert whole.runs["hit"].isna().any()
    pd.testing.assert_frame_equal(written.runs[whole.runs.columns], whole.runs, check_dtype=False)


@pytest.mark.statistical
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in LAWS])
def test_nominal_95_percent_intervals_cover(name, rng, monkeypatch):
    ks, schedule, draw, runs, quantity, form, true = LAWS[name]
    try_only(form, monkeypatch)
    table = Drawing({"arm": cells(ks, schedule)}, runs)
    covered = dict.fromkeys(true, 0)
    misfits = 0
    for _ in range(GRIDS):
        fitted = law(fit(table.draw(draw(rng, runs)), quantity=quantity), form)
        misfits += fitted.misfit < 0.05
        for parameter, value in true.items():
            covered[parameter] += holds(fitted[parameter], value)
    assert min(covered.values()) >= FEWEST_COVERED, covered
    assert misfits <= binom.isf(FALSE_FAIL, GRIDS, 0.08)  # nominal 0.05, and 3 points for 100 runs
    assert binom.sf(binom.isf(FALSE_FAIL, GRIDS, 0.08), GRIDS, 0.38) > 0.99


def test_intervals_are_as_wide_as_their_confidence_says(rng):
    """Quantiles of the normal law, 1.959964 and 0.674490, on the scale of logs."""
    drawn = results({"GLOBAL": cells(EIGHT)}, geometric(rng, 100))
    wide, narrow = (law(fit(drawn, confidence=share), "exponential")["base"] for share in (0.95, 0.5))
    for one, other in ((wide.high, narrow.high), (wide.low, narrow.low)):
        assert np.log(one / wide.value) / np.log(other / wide.value) == pytest.approx(1.959964 / 0.674490, rel=1e-5)


@pytest.mark.statistical
def test_censored_runs_enter_the_likelihood_and_a_fit_of_the_finished_runs_is_wrong(rng, monkeypatch):
    try_only("exponential", monkeypatch)
    table = Drawing({"GLOBAL": cells(EIGHT, budget=Budget(calls=CALLS))}, 100)
    largest = table.arms["GLOBAL"][-1].id
    covered = naive_covered = 0
    errors, shares = [], []
    for number in range(GRIDS):
        drawn = table.draw(geometric(rng, 100))
        fitted = law(fit(drawn), "exponential")
        covered += holds(fitted["base"], 2.0)
        errors.append(fitted["base"].value - 2.0)
        last = drawn.runs["cell"] == largest
        shares.append(drawn.runs.loc[last, "hit"].isna().mean())
        if number < 50:
            finished = drawn.with_runs(drawn.runs[drawn.runs["hit"].notna()])
            naive_covered += holds(law(fit(finished), "exponential")["base"], 2.0)
    assert np.mean(shares) == pytest.approx(0.3, abs=0.02)
    assert fitted.censored_share > 0.02
    assert covered >= FEWEST_COVERED
    assert naive_covered < binom.ppf(FALSE_FAIL, 50, SLACK_COVERAGE)
    # Bias below a fifth of the spread, at 4.9 standard errors of a mean of all grids.
    assert abs(np.mean(errors)) < (4.9 / np.sqrt(GRIDS) + 0.2) * np.std(errors)


@pytest.mark.statistical
def test_wrong_families_are_refused(rng):
    """Over 5 grids of each truth no wrong family is told, and the right one is: of 1 % errors 2 in 15 are 0.01."""
    wide = Drawing({"a": cells([1, 2, 4, 8, 16, 32, 64, 128], UntilResolved())}, 200)
    eight = Drawing({"a": cells(EIGHT)}, 400)
    doubling = Drawing({"a": cells([8, 16, 32, 64, 128, 256], UniformChunk())}, 1000)
    told = {"linear": [], "exponential": [], "x log x": []}
    for _ in range(5):
        told["linear"] += named(fit(wide.draw(resolved(rng, 200))))
        told["exponential"] += named(fit(eight.draw(geometric(rng, 400))))
        told["x log x"] += named(fit(doubling.draw(collected(rng, 1000))))
    for truth, names in told.items():
        assert set(names) <= {truth, ""}
        assert names.count(truth) >= 4


def named(fits):
    """The names of the laws that are told, empty where a series is undecided."""
    return [growth.law.form.name if growth.law else "" for growth in fits.growths]


def test_the_form_of_logarithmic_and_affine_growth_is_named(rng):
    ks = [4, 8, 16, 32, 64, 128, 256]
    assert named(fit(results({"a": cells(ks, UntilResolved())}, careful(rng, 1000)))) == ["logarithm"]
    assert named(fit(results({"a": cells(ks, UntilResolved())}, late(rng, 1000)))) == ["affine"]


def test_a_constant_that_is_not_seen_is_left_out(rng):
    """2k calls: affine and power laws hold the linear one, which is enough."""
    (growth,) = fit(results({"a": cells([4, 8, 16, 32, 64], UntilResolved())}, resolved(rng, 500))).growths
    assert (growth.told, growth.law.form.name) == (Told.LAW, "linear")
    richer = fit(results({"a": cells([4, 8, 16, 32, 64], UntilResolved())}, resolved(rng, 500)))
    assert law(richer, "affine").dropped == law(richer, "power").dropped == "not needed: linear is enough"


def test_laws_are_told_in_a_line_each_and_what_fits_badly_is_no_law(rng):
    good = fit(results({"a": cells(EIGHT)}, geometric(rng, 1000)))
    assert re.fullmatch(
        r"a: E\[hit\] = A base\^k, A = \S+ \[.*\] \(exact means 1\), base = \S+ \[.*\] \(exact means 2\) "
        r"\(k = 1 \.\. 8, p of the fit \S+\)",
        str(good),
    )
    assert str(good.best[0]) == str(good)
    jumps = results({"a": cells([1, 2, 3, 4, 5, 6], UntilResolved())}, lambda cell: 100 + 50 * (cell.problem.k % 2)
                    + rng.integers(0, 3, 200))  # fmt: skip
    bad = fit(jumps)
    assert (bad.best, bad.growths[0].told) == ((), Told.NONE)
    assert re.match(r"a: none of the families; nearest E\[hit\] = .*means off it in standard errors: 1: ", str(bad))
    many = fit(results({"a": cells(range(1, 13), UntilResolved())}, lambda cell: 100 + 50 * (cell.problem.k % 2)
                       + 900 * (cell.problem.k > 4) + rng.integers(0, 3, 200)))  # fmt: skip
    said = re.search(r"standard errors, the 8 largest of 12: ((?:\d+: [+-]\S+(?:, )?){8})", str(many))
    places = [int(each.partition(":")[0]) for each in said[1].split(", ")]
    assert places == sorted(set(places))
    console = Console(width=200, record=True, file=io.StringIO())
    show_fits(bad, console)
    listed = console.export_text(clear=False)
    assert "a: NONE; nearest:" in listed
    assert "  nearest E[hit] = " in listed
    refused = fit(results({"a": cells([1, 2])}, geometric(rng, 100)))
    assert str(refused) == "a: CANNOT TELL, a law needs at least 3 cells, got 2"
    alike = Fits((), (Refusal("a", "few"), Refusal("b", "none"), Refusal("c", "few"))).refused_alike
    assert alike == [("a and 1 more series", "few", 2), ("b", "none", 1)]


@pytest.mark.statistical
def test_a_short_range_is_undecided_and_says_what_would_tell(rng):
    """Three cells of 2 k^1.5, and coupons at k = 140 to 200: nothing is told of either."""

    def times(cell):
        return rng.geometric(0.5 / cell.problem.k**1.5, 500)

    three = fit(results({"a": cells([10, 11, 12], UntilResolved())}, times))
    assert not three.best
    coupons = fit(results({"a": cells([140, 160, 180, 200], UniformChunk())}, collected(rng, 500)))
    (growth,) = coupons.growths
    assert growth.told is Told.UNDECIDED
    assert {"power", "x log x", "affine"} <= {each.form.name for each in growth.left}
    assert "would tell" in growth.advice


@pytest.mark.statistical
def test_one_censored_run_or_most_of_them_leave_a_law(rng):
    """2k calls with half of the runs censored at the largest k, and k log k with 70 % there: likelihoods say so."""
    half = results({"a": cells([4, 8, 16, 32, 64], UntilResolved(), budget=Budget(calls=128))}, censored(resolved, rng))
    assert named(fit(half)) == ["linear"]
    assert holds(fit(half).best[0]["A"], 2.0)
    assert fit(half).growths[0].note == ""
    ks = [8, 16, 32, 64, 128, 256]
    most = results({"a": cells(ks, UniformChunk(), budget=Budget(calls=2900))}, censored(collected, rng))
    assert fit(most).laws[0].censored_share > 0.1
    assert named(fit(most)) in (["x log x"], [""])
    assert "x log x" in {each.form.name for each in fit(most).growths[0].left}


@pytest.mark.statistical
def test_censored_runs_that_are_not_as_predicted_are_taken_for_gamma_times_and_that_is_said(rng):
    arms = {"a": cells([4, 8, 16, 32, 64], UntilResolved(), budget=Budget(calls=128))}
    spread = results(arms, censored(lambda rng, runs: lambda cell: rng.geometric(0.5 / cell.problem.k, runs), rng))
    assert "by a Gamma law, which is assumed" in fit(spread).growths[0].note
    assert fit(spread, quantity="median hit").growths[0].note == ""


def censored(draw, rng):
    def hits(cell):
        drawn = draw(rng, 500)(cell)
        return np.where(drawn > cell.budget.calls, -1, drawn)

    return hits


def test_a_range_or_a_parameter_that_is_none(rng):
    drawn = results({"a": cells(EIGHT)}, geometric(rng, 100))
    for ends in ({"least": float("nan")}, {"most": float("nan")}, {"least": 5, "most": 4}):
        with pytest.raises(InputError, match="expected a range of the parameter"):
            fit(drawn, **ends)
    with pytest.raises(InputError, match="l has one value in this grid, 16; name a parameter that varies"):
        fit(drawn, along="l")


def test_no_fitted_probability_is_above_1(rng):
    fitted = fit(results({"a": cells(EIGHT)}, geometric(rng, 1000)))
    for each in fitted.laws:
        assert all(np.isfinite([estimate.low, estimate.high]).all() for estimate in each.estimates)
        if each.form.terms and each.fits:
            x = np.arange(1, 9)
            b, base = (
                each[name].value if name in each.form.parameters else 1.0 * (name == "base") for name in ("b", "base")
            )
            assert (each["A"].value * base**x * x**b >= 1 - 1e-9).all()


def test_series_that_cannot_be_fitted_are_refused_with_the_reason(rng):
    def reason(ks, hits, **more):
        fitted = fit(results({"a": cells(ks, **more)}, hits))
        assert not fitted.laws
        (refusal,) = fitted.refused
        assert refusal.series == "a"
        return refusal.reason

    assert "at least 3 cells, got 2" in reason([1, 2], geometric(rng, 100))
    assert "at least 2 runs" in reason([1, 2, 3], geometric(rng, 1))
    assert "positive means" in reason(
        [1, 2, 3], lambda cell: np.zeros(200), problem=problems([1, 2, 3], start=1.0), schedule=UniformChunk()
    )
    assert f"at least {FEWEST_RUNS} runs a cell, got 60" in reason(
        [2, 4, 8], resolved(rng, 60), schedule=UntilResolved()
    )
    never = reason([1, 2, 3], lambda cell: np.where(cell.problem.k == 3, -1, np.ones(50)), budget=Budget(calls=9))
    assert never == "only 2 cells have a hit; give a larger budget"


def test_a_parameter_that_is_not_positive_is_refused(rng):
    mutators = [Resample(p) for p in (0.0, 0.3, 0.6, 0.9)]
    parts = {"problem": BlockOneMax(k=4, l=16), "schedule": UntilResolved(), "runner": OnePlusLambda()}
    arms = {"a": sweep(mutator=mutators, **parts)}
    (refusal,) = fit(results(arms, resolved(rng, 200)), along="p").refused
    assert "positive parameter" in refusal.reason


def test_certain_success_is_fitted_or_refused_without_a_warning():
    """p = 1: every run is the same, and the binomial likelihood has its maximum at the edge."""
    for schedule in (AllBlocks(), UntilResolved()):
        fitted = fit(
            results(
                {"a": cells([1, 2, 3, 4], schedule, p=1.0)},
                lambda cell: np.full(200, -(-cell.problem.k // cell.chunks.g)),
            )
        )
        assert fitted.laws or fitted.refused
        for each in fitted.laws:
            assert 0 <= each.misfit <= 1


def test_cost_along_l_is_a_power_of_2():
    """p = 1 and k = 2: the cost is exactly 2 (3 l^2 - l)/2, whatever the run."""
    problem = [BlockOneMax(k=2, l=l) for l in (64, 128, 256, 512)]
    parts = {"mutator": Resample(1.0), "schedule": UntilResolved(), "runner": OnePlusLambda()}
    fitted = fit(results({"a": sweep(problem=problem, **parts)}, lambda cell: np.full(200, 2)), "problem.l", "cost")
    power = law(fitted, "power")
    assert power["b"].value == pytest.approx(2.0, abs=0.01)
    assert power.text == "E[cost] = A problem.l^b"
    assert (power.least, power.most, power.cells, power.runs) == (64, 512, 4, 800)


@pytest.mark.statistical
def test_along_p_the_power_is_minus_k(rng):
    parts = {"problem": BlockOneMax(k=3, l=16), "schedule": AllBlocks(), "runner": OnePlusLambda()}
    arms = {"a": sweep(mutator=[Resample(p) for p in (0.2, 0.4, 0.6, 0.8)], **parts)}
    fitted = law(fit(results(arms, lambda cell: rng.geometric(cell.mutator.p**3, 500)), along="mutator.p"), "power")
    assert fitted["b"].low - 0.1 < -3.0 < fitted["b"].high + 0.1  # half-width 0.04, so 0.14 is 6.6 standard errors
    assert fitted["b"].high - fitted["b"].low < 0.3


def test_along_lam_the_hit_of_global_does_not_grow(rng):
    arms = {"a": cells([5], runner=[OnePlusLambda(lam=lam) for lam in (1, 2, 4, 8, 16)])}
    drawn = results(arms, geometric(rng, 500))
    power = law(fit(drawn, along="lam"), "power")
    assert abs(power["b"].value) < 0.15
    assert series(drawn, "lam")[0].lam is None


@pytest.mark.parametrize("quantity", ["hit", "calls", "cost"])
def test_hits_out_of_trials_give_the_mean(quantity, rng):
    """Cost and calls follow whole generations: E = unit x trials / hits, also at lam = 8."""
    (found,) = series(results({"a": cells(EIGHT, runner=OnePlusLambda(lam=8))}, geometric(rng, 50)), quantity=quantity)
    assert found.memoryless
    assert found.lam == 8
    np.testing.assert_allclose(found.unit * found.trials / (found.runs - found.censored), found.mean, rtol=1e-12)


def test_x_log_x_is_not_offered_where_it_is_not_a_mean(rng):
    fitted = fit(results({"a": cells(range(4, 13))}, geometric(rng, 500)))
    x = np.arange(4, 13)
    for each in fitted.laws:
        if each.form.name == "x log x" and not each.dropped:
            assert (each["A"].value * x * (np.log(x) + each["c"].value) > 0).all()


@pytest.mark.filterwarnings("ignore")  # of statsmodels, about forms that leave [0, 1] on the way
@pytest.mark.parametrize(
    "growth", [lambda x: 1.2**x, lambda x: 2 * x**1.3, lambda x: 3 + x**2], ids=["2^k", "k^b", "k^2"]
)
def test_the_binomial_glm_is_that_of_statsmodels(rng, growth):
    sm = pytest.importorskip("statsmodels.api")
    x, runs = np.arange(1.0, 13.0), 400 * np.ones(12)
    trials = runs + rng.negative_binomial(400, 1 / growth(x))
    hits = runs - rng.integers(0, 50, 12)
    link = sm.families.Binomial(link=sm.families.links.Log())
    forms = {"exponential": [x], "power": [np.log(x)], "exponential x power": [x, np.log(x)]}
    for name, columns in forms.items():
        design = -np.column_stack([np.ones(12), *columns])
        start = np.linalg.lstsq(-design, np.log(growth(x)), rcond=None)[0]
        theirs = sm.GLM(np.column_stack((hits, trials - hits)), design, family=link).fit(start_params=start)
        ours = fitted(
            joined(x, [(range(12), Hits(hits.astype(float), trials.astype(float), np.ones(12)))]), NAMED[name]
        )
        assert (np.abs(ours.free - theirs.params) < 1e-3 * theirs.bse).all()
        assert ours.distance == pytest.approx(theirs.deviance, rel=1e-6)
        # expected information there, observed here: they agree as the fit does
        assert np.sqrt(np.diag(ours.covariance)) == pytest.approx(theirs.bse, rel=0.25)


def test_unknown_ambiguous_and_wordy_parameters(rng):
    drawn = results({"a": cells([1, 2, 3])}, geometric(rng, 10))
    with pytest.raises(InputError, match=r"'lamb'.*did you mean.*lam"):
        fit(drawn, along="lamb")
    with pytest.raises(InputError, match=r"'accept'.*known: "):
        fit(drawn, along="accept")
    with pytest.raises(InputError, match="quantity hit, calls or cost"):
        fit(drawn, quantity="coins")
    with pytest.raises(InputError, match="confidence"):
        fit(drawn, confidence=1.0)

    @dataclass(frozen=True)
    class Deep:
        k: int = 1

        def rewrite(self, correct, rng):
            return correct

    deep = Cell(BlockOneMax(k=2, l=16), Deep(), AllBlocks(), OnePlusLambda())
    with pytest.raises(InputError, match=r"several parts; write one of .*problem\.k"):
        fit(results({"a": [deep]}, lambda cell: [1]), along="k")


def test_least_and_most_cut_the_range(rng):
    drawn = results({"a": cells(EIGHT)}, geometric(rng, 100))
    cut = fit(drawn, least=3, most=6).laws[0]
    assert (cut.least, cut.most, cut.cells, cut.runs) == (3, 6, 4, 400)
    assert "got 2" in fit(drawn, least=3, most=4).refused[0].reason


def test_series_separate_all_that_varies(rng):
    ks = [1, 2, 3]
    arms = {
        "mixed": [
            *cells(ks, p=0.5),
            *cells(ks, p=0.25),
            *cells(ks, mutator=FixKeep(0.5, 0.9)),
            *cells(ks, UntilResolved(), runner=[OnePlusLambda(lam=lam) for lam in (1, 2)]),
        ],
        "plain": cells(ks, OnlyIncorrect()),
    }
    found = series(results(arms, geometric(rng, 5)))
    labels = [each.label for each in found]
    assert len(set(labels)) == len(labels) == 6
    assert all(each.x.tolist() == [1, 2, 3] for each in found)
    assert sum(len(each.cells) for each in found) == 18
    assert {each.fixed.get("mutator.p") for each in found if each.arm == "mixed"} == {0.5, 0.25, None}
    assert sorted(each.lam for each in found) == [1, 1, 1, 1, 1, 2]
    assert labels[-1] == "plain, mutator = Resample, p = 0.5, schedule = OnlyIncorrect, lam = 1"
    assert "keep = 0.9" not in "".join(labels)  # the type tells them apart
    laws = fit(results(arms, geometric(rng, 200)))
    assert {each.series for each in laws.laws} | {each.series for each in laws.refused} == set(labels)


def test_a_price_or_a_budget_makes_series_of_their_own(rng):
    """Two cells of one series never share x: whatever tells their texts apart is a column."""
    arms = {"a": [*cells([1, 2, 3]), *cells([1, 2, 3], budget=Budget(calls=500))]}
    found = series(results(arms, geometric(rng, 5)))
    assert [each.x.tolist() for each in found] == [[1, 2, 3], [1, 2, 3]]
    assert found[0].label != found[1].label


def test_cells_without_runs_are_left_out(rng):
    drawn = results({"a": cells([1, 2, 3, 4])}, geometric(rng, 50))
    last = drawn.cells.index[-1]
    (part,) = series(drawn.with_runs(drawn.runs[drawn.runs["cell"] != last]))
    assert part.x.tolist() == [1, 2, 3]
    (none,) = series(drawn.with_runs(drawn.runs.iloc[:0]))
    assert (none.label, len(none.x)) == ("a", 0)
    assert "got 0" in fit(drawn.with_runs(drawn.runs.iloc[:0])).refused[0].reason


@pytest.mark.statistical
def test_other_quantities_and_statistics_grow_as_they_should(rng):
    """2k calls: so many generations, 32 tokens a call; the same median; ERT is the mean where all runs hit."""
    drawn = results({"a": cells([4, 8, 16, 32, 64], UntilResolved())}, resolved(rng, 500))
    scales = {"rounds": 2.0, "evaluations": 2.0, "tokens": 2.0 * 32, "ERT": 2.0, "ERT evaluations": 2.0}
    for quantity, value in scales.items():
        (growth,) = fit(drawn, quantity=quantity).growths
        leading = growth.left[0]
        assert leading.form.name in ("linear", "affine")
        assert leading["A"].value == pytest.approx(value, rel=0.05)
    median = fit(drawn, quantity="median").growths[0].left[0]
    assert median.text.startswith("median[hit] = ")
    assert median.at(64).value == pytest.approx(128, rel=0.02)
    with pytest.raises(InputError, match="the quantity seconds was not recorded"):
        fit(drawn, quantity="makespan")


def test_ert_charges_censored_runs_and_is_not_known_without_a_hit(rng):
    """Geometric times cut off anywhere: all calls over hits is 2^k (the memoryless likelihood says the same)."""
    drawn = results({"a": cells(range(2, 9), budget=Budget(calls=150))}, geometric(rng, 2000))
    (growth,) = fit(drawn, quantity="ERT").growths
    assert law(fit(drawn, quantity="ERT"), "exponential")["base"].value == pytest.approx(2.0, abs=0.1)
    assert growth.told is not Told.NONE
    never = results({"a": cells([2, 3, 4, 5], budget=Budget(calls=9))},
                    lambda cell: np.where(cell.problem.k == 5, -1, np.ones(200)))  # fmt: skip
    assert "no run hit at 5" in fit(never, quantity="ERT").refused[0].reason


def test_what_varies_is_named_where_an_axis_or_an_arm_does_not_tell(rng):
    drawn = results({"a": cells(EIGHT)}, geometric(rng, 100))
    with pytest.raises(InputError, match=r"l has one value in this grid, 16; .*what varies: problem\.k"):
        fit(drawn, along="l")
    pairs = ((1, 0.3), (2, 0.5), (3, 0.3), (4, 0.5))
    mixed = {"a": [cell for k, p in pairs for cell in cells([k], p=p)]}
    reasons = {each.reason for each in fit(results(mixed, geometric(rng, 100))).refused}
    assert len(reasons) == 1
    assert "mutator.p varies within the arm, and each value is a series" in reasons.pop()
    along = {"a": [cell for k, p in ((1, 0.3), (2, 0.4), (3, 0.5), (4, 0.6)) for cell in cells([k], p=p)]}
    (growth,) = fit(results(along, geometric(rng, 100))).growths
    assert growth.note == "p = 0.3 .. 0.6 with k: the law is along k with what follows it"


def test_the_exact_median_is_read_as_that_of_runs(rng):
    """Small medians of whole numbers: the exact one by steps would lie off that of the runs, of any number of them."""
    for k in (1, 2, 3, 5):
        (cell,) = cells([k], UntilResolved())
        drawn = resolved(rng, 200_000)(cell).astype(float)
        known = predict(cell)
        assert exact_median(known) == pytest.approx(math.exp(median_table(drawn).best), rel=0.01)
    assert known.quantile(0.5) != pytest.approx(exact_median(known), rel=0.01)  # the twin
