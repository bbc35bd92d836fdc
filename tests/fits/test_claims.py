"""Claims and speed-ups on tables drawn from known laws: how often a true one DIFFERS, and that false ones do."""

import io
import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import binom

from evo import AllBlocks, Budget, OnePlusLambda, OnlyIncorrect, QuadraticPrimitive, UniformChunk, UntilResolved
from evo.batch import RunCounts
from evo.costs.ledger import LEDGER
from evo.errors import InputError
from experiments import Cell, Grid, Results, Verdict, predict, run_grid, sweep
from experiments.fits.claims import Claim, check_claims
from experiments.fits.speedups import speedup
from experiments.fits.tails import Tail
from experiments.grids.cells_table import cells_table
from experiments.reports.terminal import _show_claims
from experiments.store.grid_json import grid_record
from experiments.store.table import batch_columns, no_runs, runs_table
from experiments.studies.paper import CLAIMS, GLOBAL, NO_DAMAGE, PRICE, grid
from operators import FixKeep, Resample
from problems import BlockOneMax

FALSE_FAIL = 1e-6
STUDY = {label: [cell for cell in arm if cell.runner.lam == 1] for label, arm in grid().arms.items()}
UNTIL_RESOLVED = "LOCAL UntilResolved"


@pytest.fixture
def rng(request):
    return np.random.default_rng(None if request.config.getoption("--vary-seed") else 20251)


class Drawing:
    """Tables of the same cells drawn again and again: only hits and what follows from them are written anew."""

    def __init__(self, arms, runs):
        one = np.ones(runs, dtype=np.int64)
        self.cells = {cell.id: cell for arm in arms.values() for cell in arm}
        made = [
            runs_table(
                [
                    (
                        cell.sample,
                        "blocks",
                        0,
                        batch_columns(cell, RunCounts(one, one, cell.runner.lam * one, cell.runner.lam * one)),
                    )
                ]
            )
            for cell in self.cells.values()
        ]
        drawn = Grid("drawn", arms, runs=runs, batch=runs)
        self.once = Results.of(grid_record(drawn), cells_table(drawn), pd.concat([no_runs(), *made], ignore_index=True))
        self.columns = [*LEDGER, "generations", "cost"]
        self.each = self.once.runs[self.columns].to_numpy()
        self.order = list(dict.fromkeys(self.once.runs["cell"]))

    def draw(self, hits):
        hit = np.concatenate([hits(self.cells[cell_id]) for cell_id in self.order])
        runs = self.once.runs.copy()
        generations = -(-hit // runs["calls"].to_numpy())
        runs[self.columns] = self.each * generations[:, None]
        runs["hit"] = pd.array(hit, dtype="Int64")
        return self.once.with_runs(runs)


@cache
def drawing(runs):
    """The table of the study, made once: each draw is a copy."""
    return Drawing(STUDY, runs)


@cache
def cdf(cell):
    law = predict(cell).law
    return law.cdf(np.arange(law.quantile(1 - 1e-9)))


class Sampler:
    """Draws `hit` of cells from their exact laws, by inversion; laws may be swapped for those of other cells."""

    def __init__(self, rng, runs, swap=lambda cell: cell):
        self.rng, self.runs, self.swap = rng, runs, swap

    def __call__(self, cell):
        return np.searchsorted(cdf(self.swap(cell)), self.rng.random(self.runs), side="right")


def verdicts(results):
    return {
        (each.claim.arm, "ratio" if each.claim.over else each.claim.quantity): each.verdict
        for each in check_claims(results, CLAIMS)
    }


def count_false(rng, grids):
    """How often each of the study's eight true claims DIFFERS and AGREES on honest tables of 1,000 runs a cell."""
    table, sample = drawing(1000), Sampler(rng, 1000)
    found = [verdicts(table.draw(sample)) for _ in range(grids)]
    assert all(len(each) == 8 for each in found)
    return [sum(verdict is wanted for each in found for verdict in each.values()) for wanted in Verdict]


@pytest.mark.statistical
@pytest.mark.parametrize("grids", [1, pytest.param(200, marks=pytest.mark.slow)])
def test_true_claims_rarely_differ(grids, rng):
    """Said: about 2 in 1,000 a claim. Fails w.p. 1e-6 at 4 in 1,000; 200 grids fail w.p. > 0.99 at 25 in 1,000."""
    agrees, differs, _ = count_false(rng, grids)
    print(f"{differs} of {8 * grids} true claims DIFFER, {agrees} AGREE")
    most = binom.isf(FALSE_FAIL, 8 * grids, 0.004)
    assert differs <= most
    assert grids < 200 or binom.sf(most, 8 * grids, 0.025) > 0.99
    assert agrees >= binom.ppf(FALSE_FAIL, 8 * grids, 0.98)


FALSE = {
    "an operator that samples 0.52": (
        lambda cell: replace(cell, mutator=Resample(0.52)) if type(cell.mutator) is Resample else cell,
        {(GLOBAL, "hit")},
    ),
    "no damage that is damage": (
        lambda cell: replace(cell, mutator=Resample(0.5)),
        {(NO_DAMAGE, "hit")},
    ),
    "UntilResolved that draws chunks": (
        lambda cell: (
            replace(cell, schedule=STUDY["LOCAL UniformChunk"][0].schedule)
            if type(cell.schedule) is UntilResolved
            else cell
        ),
        {(UNTIL_RESOLVED, "cost"), (GLOBAL, "ratio")},
    ),
    "UniformChunk that goes round": (
        lambda cell: (
            replace(cell, schedule=STUDY["LOCAL RoundRobin"][0].schedule)
            if type(cell.schedule) is type(STUDY["LOCAL UniformChunk"][0].schedule)
            else cell
        ),
        {("LOCAL UniformChunk", "cost")},
    ),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name == "UniformChunk that goes round" else ()) for name in FALSE],
)
def test_false_claims_differ(name, rng):
    swap, expected = FALSE[name]
    found = verdicts(drawing(1000).draw(Sampler(rng, 1000, swap)))
    assert expected <= {claim for claim, verdict in found.items() if verdict is Verdict.DIFFERS}


def test_a_linear_arm_does_not_bear_out_k_log_k(rng):
    linear = Sampler(rng, 1000, lambda cell: replace(cell, schedule=UntilResolved()) if cell.chunks.g == 1 else cell)
    found = verdicts(drawing(1000).draw(linear))
    assert found["LOCAL RoundRobin", "cost"] is not Verdict.AGREES
    assert found["LOCAL UniformChunk", "cost"] is not Verdict.AGREES


def test_an_asymptotic_constant_holds_with_many_runs(rng):
    """10,000 runs see the exact means bend: without its tolerance a true claim of A would DIFFER, with it it AGREES."""
    arm = {"LOCAL RoundRobin": STUDY["LOCAL RoundRobin"]}
    (claim,) = (claim for claim in CLAIMS if claim.arm in arm)
    drawn = Drawing(arm, 10_000).draw(Sampler(rng, 10_000))
    strict, lenient = check_claims(drawn, [replace(claim, value=1.47 * PRICE, tolerance=0.0), claim])
    assert (strict.verdict, lenient.verdict) == (Verdict.DIFFERS, Verdict.AGREES)
    assert lenient.claim.text == "A = 542.5 within 2%"  # 376/ln 2


def test_few_runs_cannot_tell(rng):
    found = verdicts(drawing(30).draw(Sampler(rng, 30)))
    assert {arm for (arm, _), verdict in found.items() if verdict is Verdict.AGREES} <= {GLOBAL}  # by its likelihood
    assert Verdict.DIFFERS not in found.values()


def text(each):
    """The claims table of one claim, without its lines."""
    console = Console(width=130, record=True, file=io.StringIO())
    _show_claims((each,), console)
    return " ".join(console.export_text().split())


def test_rivals_widths_and_bounds(rng):
    arm = {GLOBAL: STUDY[GLOBAL]}
    drawn = Drawing(arm, 1000).draw(Sampler(rng, 1000))

    def verdict(**parts):
        base = {"arm": GLOBAL, "paper": "", "quantity": "hit", "form": "exponential", "parameter": "base", "value": 2.0}
        (each,) = check_claims(drawn, [Claim(**(base | {"holds": "so"} | parts))])
        return each.verdict, each.reason

    assert verdict() == (Verdict.AGREES, "so")
    (near,) = check_claims(drawn, [Claim(GLOBAL, "", "hit", "exponential", "base", 2.04, holds="so", tolerance=0.03)])
    assert not near.law["base"].low <= 2.04 <= near.law["base"].high
    assert "✓ agrees (base = 2.04 within 3%) so so" in text(near)
    assert "(base = 2.04 within 3%)" in text(near)
    assert f"{GLOBAL} paper - measured E[hit] = A base^k, base = " in text(near)
    assert "so does not hold: so" in text(replace(near, reason="does not hold: so"))
    for verdict_of, mark in ((Verdict.DIFFERS, "✗ differs"), (Verdict.CANNOT_TELL, "? cannot tell")):
        assert f"{mark} (base = 2.04 within 3%) so open: so" in text(replace(near, verdict=verdict_of))
    assert verdict(rival="exponential x power")[0] is Verdict.CANNOT_TELL  # which holds the law
    assert verdict(value=2.1, at_most=True)[0] is Verdict.AGREES
    assert verdict(value=2.0, at_most=True)[0] is Verdict.CANNOT_TELL
    assert verdict(value=1.9, at_most=True)[0] is Verdict.DIFFERS
    assert verdict(form="x log x", parameter="A")[0] is not Verdict.AGREES
    assert "too wide" in verdict(form="exponential x power", parameter="b", value=0.01, tolerance=3.0)[1]
    assert verdict(lam=8)[0] is Verdict.CANNOT_TELL  # only lam = 1 was run
    assert not check_claims(drawn, [replace(CLAIMS[0], arm="another")])


RATIO = {"slow": STUDY[GLOBAL][:8], "fast": STUDY[UNTIL_RESOLVED][:8]}


@pytest.mark.slow
@pytest.mark.statistical
def test_speedups_differ_as_rarely_as_said(rng):
    """30 tables at alpha = 0.05; fails w.p. 1e-6 at a true rate of 0.08 (the normal law), w.p. > 0.99 at 0.63."""
    table, sample = Drawing(RATIO, 400), Sampler(rng, 400)
    differing = missed = 0
    for _ in range(30):
        made = speedup(table.draw(sample), "slow", "fast", alpha=0.05)
        differing += (made["verdict"] == "DIFFERS").any()
        missed += ((made["exact"] < made["low"]) | (made["exact"] > made["high"])).any()
    print(f"of 30 honest tables {differing} have a speed-up that DIFFERS, {missed} an interval that misses")
    most = binom.isf(FALSE_FAIL, 30, 0.08)
    assert binom.sf(most, 30, 0.63) > 0.99
    assert max(differing, missed) <= most


def test_a_wrong_speedup_differs(rng):
    def swap(cell):
        return replace(cell, mutator=Resample(0.52))

    made = speedup(Drawing(RATIO, 1000).draw(Sampler(rng, 1000, swap)), "slow", "fast")
    assert made["verdict"].iloc[-1] == "DIFFERS"


@pytest.mark.parametrize("runs", [1, 2, 99])
def test_too_few_runs_never_tell_of_a_speedup(runs, rng):
    made = speedup(Drawing(RATIO, runs).draw(Sampler(rng, runs)), "slow", "fast")
    assert set(made["verdict"]) == {"CANNOT_TELL"}
    assert made[["low", "high"]].isna().all(axis=None)
    assert made["exact"].tolist() == pytest.approx([2 ** (k - 1) * (48 * k - 1) / 47 for k in range(1, 9)])


def test_a_wide_interval_of_a_speedup_does_not_agree(rng):
    made = speedup(Drawing(RATIO, 200).draw(Sampler(rng, 200)), "slow", "fast")
    assert set(made["verdict"]) <= {"CANNOT_TELL", "DIFFERS"}
    assert set(speedup(Drawing(RATIO, 1000).draw(Sampler(rng, 1000)), "slow", "fast")["verdict"]) == {"AGREES"}


@dataclass(frozen=True)
class NoLaw:
    def rewrite(self, correct, rng):
        return correct


def test_speedups_of_odd_arms():
    """Only like with like; no ratio of a mean of 0 or an infinite one; no verdict without a finite prediction."""
    problem = [BlockOneMax(k=k, l=l) for l in (8, 16) for k in (1, 2)]
    runners = [OnePlusLambda(lam=lam) for lam in (1, 2)]
    parts = {"runner": runners, "problem": problem}
    arms = {
        "slow": sweep(mutator=Resample(1.0), schedule=AllBlocks(), **parts),
        "fast": sweep(mutator=Resample(1.0), schedule=UntilResolved(), **parts),
        "unknown": sweep(mutator=NoLaw(), schedule=AllBlocks(), budget=Budget(calls=9), **parts),
        "infinite": sweep(mutator=FixKeep(0.0, 0.5), schedule=AllBlocks(), budget=Budget(calls=9), **parts),
        "done": sweep(
            problem=[BlockOneMax(k=1, l=8, start=1.0)],
            mutator=Resample(1.0),
            schedule=AllBlocks(),
            runner=runners,
        ),
    }
    table = Drawing(arms, 120)
    one = table.draw(lambda cell: np.full(120, 0 if cell.problem.start else 1))
    made = speedup(one, "slow", "unknown")
    assert len(made) == 8
    assert list(made.columns[:5]) == ["k", "slow", "fast", "lam", "problem.l"]
    assert not made.duplicated(["k", "lam", "problem.l"]).any()
    assert set(made["verdict"]) == {"CANNOT_TELL"}
    assert made["speedup"].tolist() == [1.0] * 8
    never = speedup(one, "slow", "infinite")
    assert set(never["verdict"]) == {"CANNOT_TELL"}
    assert never[["speedup", "low", "high"]].isna().all(axis=None)
    assert set(never["note"]) == {Tail.NO_MEAN.value}
    done = speedup(one, "slow", "done")
    assert done["speedup"].isna().all()
    assert done["note"].str.fullmatch(r"no ratio: runs of done, l = 8, lam = \d cost nothing").all()
    along_lam = speedup(one, "slow", "unknown", along="lam")
    assert along_lam["lam"].tolist() == [1.0, 2.0] * 4
    # p = 1 makes k calls of UntilResolved certain, one generation each: no spread at all, equal but for rounding.
    certain = table.draw(
        lambda cell: np.full(
            120, cell.problem.k if type(cell.schedule) is UntilResolved and cell.runner.lam == 1 else 1
        )
    )
    exact = speedup(certain, "slow", "fast")
    assert set(exact.loc[exact["lam"] == 1, "verdict"]) == {"AGREES"}
    off = table.draw(lambda cell: np.full(120, 2))
    assert "DIFFERS" in set(speedup(off, "slow", "fast")["verdict"])
    censored = one.with_runs(one.runs.assign(hit=one.runs["hit"].where(one.runs["run"] > 0)))
    assert set(speedup(censored, "slow", "fast")["of"]) == {"ERT"}
    with pytest.raises(InputError, match="an arm of the grid, got 'slower'"):
        speedup(one, "slower", "fast")


def test_lam_of_a_grid_with_one_lam():
    arms = {
        name: sweep(
            problem=[BlockOneMax(k=k, l=8) for k in (1, 2, 3)],
            mutator=Resample(0.5),
            schedule=schedule,
            runner=OnePlusLambda(lam=8),
        )
        for name, schedule in ((GLOBAL, AllBlocks()), ("fast", UntilResolved()))
    }
    one = Drawing(arms, 120).draw(lambda cell: np.full(120, 8))
    assert speedup(one, GLOBAL, "fast")["lam"].tolist() == [8, 8, 8]
    (claimed,) = check_claims(one, CLAIMS[:1])  # of lam = 1
    assert claimed.verdict is Verdict.CANNOT_TELL
    assert math.isclose(CLAIMS[0].value, 2)


def test_a_claim_along_another_parameter_and_a_cubic_of_sure_runs():
    """k calls of G2(l, l) = 7/3 l^3 + .. each (theory 12d): the same in every run, so three terms can be told."""
    cells = [
        Cell(BlockOneMax(k=2, l=l), Resample(p=1.0), OnlyIncorrect(), OnePlusLambda(), cost=QuadraticPrimitive())
        for l in (2, 3, 5, 8, 13)
    ]
    results = run_grid(Grid("sure", {"a": cells}, runs=100), workers=1)

    def checked(**other):
        base = {"arm": "a", "paper": "", "quantity": "cost", "form": "cubic", "parameter": "A", "value": 14 / 3}
        return check_claims(results, [Claim(**(base | {"holds": "so", "along": "l"} | other))])

    assert [each.verdict for each in checked()] == [Verdict.AGREES]
    assert checked()[0].law.text == "E[cost] = A l^3 + B l^2 + C l"
    assert [each.verdict for each in checked(value=6.0)] == [Verdict.DIFFERS]  # a twin
    assert [each.verdict for each in checked(form="power", parameter="b", value=3.0)] == [Verdict.DIFFERS]
    assert checked(along="k") == []  # which does not vary


def claims_on_a_speed_up(p, ks, runs, **claimed):
    arms = {
        name: [Cell(BlockOneMax(k=k, l=8), Resample(p=p), schedule, OnePlusLambda()) for k in ks]
        for name, schedule in (("slow", AllBlocks()), ("fast", UntilResolved()))
    }
    results = run_grid(Grid("quotient", arms, runs=runs), workers=1)
    base = {"arm": "slow", "over": "fast", "paper": "", "holds": "so"} | claimed
    return lambda **other: check_claims(results, [Claim(**(base | other))])


def test_a_claim_on_a_speed_up_of_sure_runs():
    """G(kl, kl) over k G(l, l) = (3kl - 1)/(3l - 1): affine in k, to the last digit (theory 12e)."""
    checked = claims_on_a_speed_up(
        1.0, (1, 2, 3, 5, 8), 100, quantity="cost", form="affine", parameter="A", value=24 / 23
    )
    (found,) = checked()
    assert found.verdict is Verdict.AGREES
    assert found.law["c"].value == pytest.approx(-1 / 23)
    assert (found.law.text, found.claim.what) == ("E[speed-up] = A k + c", "slow / fast")
    assert found.law["A"].value == pytest.approx(24 / 23)
    assert [each.verdict for each in checked(value=2.0)] == [Verdict.DIFFERS]  # twins
    assert [each.verdict for each in checked(over="slow", form="constant", value=1.0)] == [Verdict.AGREES]
    assert checked(over="nobody") == []
    (calls,) = checked(quantity="calls", form="power", parameter="b", value=-1.0)  # of the same cells: 1 over k
    assert calls.verdict is not Verdict.DIFFERS, calls.reason
    assert calls.law["b"].value == pytest.approx(-1.0)


@pytest.mark.statistical
def test_a_claim_on_a_speed_up_of_runs_that_vary():
    """2^k calls over 2k (Eq. 14): a base off by an eighth is seen. False-fail rate that of a claim, one seed."""
    checked = claims_on_a_speed_up(
        0.5, range(1, 9), 1000, quantity="hit", form="exponential x power", parameter="base", value=2.0
    )
    (found,) = checked()
    assert found.verdict is Verdict.AGREES, found.reason
    assert found.law["base"].high - found.law["base"].low < 0.25
    assert [each.verdict for each in checked(value=2.25)] == [Verdict.DIFFERS]
    assert [each.verdict for each in checked(form="power", parameter="b")] == [Verdict.DIFFERS]


def test_the_variance_of_a_quotient_is_that_of_many_tables():
    """A thousand quotients of two means of 50 exponential times: their spread is the stated one within 15 %."""
    from experiments.fits.quotients import quotient
    from experiments.fits.series import Series

    rng = np.random.default_rng(5)

    def drawn(mean, runs):
        values = rng.exponential(mean, runs)
        whole = np.array([1.0])
        return Series(
            "", "", {}, 1, whole, ("c",), runs * whole, 0 * whole, values.mean() * whole, values.var(ddof=1) * whole,
            whole, whole, False, whole, (Tail.LIGHT,),
        )  # fmt: skip

    made = [quotient(drawn(6.0, 100), drawn(2.0, 50)) for _ in range(1000)]
    spread = np.std([each.mean[0] for each in made])
    stated = np.sqrt(np.mean([each.variance[0] / each.runs[0] for each in made]))
    assert stated == pytest.approx(spread, rel=0.15)
    assert spread == pytest.approx(3 * math.sqrt(1 / 100 + 1 / 50), rel=0.15)


@pytest.mark.statistical
def test_three_terms_bear_out_a_claim():
    """k H_k = k ln k + gamma k + 1/2 + ..: A = 1. False-fail rate that of a claim, one seed."""
    cells = [Cell(BlockOneMax(k=k, l=8), Resample(p=1.0), UniformChunk(), OnePlusLambda()) for k in (4, 8, 16, 32, 64)]
    results = run_grid(Grid("coupons", {"a": cells}, runs=2500), workers=1)
    base = {"arm": "a", "paper": "", "quantity": "hit", "form": "x log x + x", "parameter": "A", "holds": "so"}
    claims = [Claim(**(base | {"value": value, "tolerance": 0.05})) for value in (1.0, 1.3)]
    assert [each.verdict for each in check_claims(results, claims)] == [Verdict.AGREES, Verdict.DIFFERS]
    assert check_claims(results, [replace(claims[0], arm="nobody")]) == []


def arrivals(hits, runs=600):
    """A table in which so many runs of the arm "stuck" arrive."""
    cell = Cell(BlockOneMax(k=2, l=3), Resample(p=0.5), UntilResolved(), OnePlusLambda())
    results = run_grid(Grid("stuck", {"stuck": [cell]}, runs=runs, batch=runs), workers=1)
    changed = results.runs.copy()
    changed.loc[changed.index[hits:], "hit"] = pd.NA
    return results.with_runs(changed)


def test_a_claim_that_no_run_arrives_is_of_the_runs():
    claim = Claim("stuck", "never (3.3.3)", "hit", "never", "share of runs", 0.0, "holds")
    (none,) = check_claims(arrivals(0), [claim])
    assert (none.verdict, none.reason, none.found) == (Verdict.AGREES, "holds", "0 of 600 runs arrive")
    (one,) = check_claims(arrivals(1), [claim])
    assert (one.verdict, one.reason) == (Verdict.DIFFERS, "1 of 600 runs arrive")
    (few,) = check_claims(arrivals(0, runs=20), [claim])
    assert (few.verdict, few.reason) == (Verdict.CANNOT_TELL, "only 0 of 20 runs arrive")
    assert "0 of 600 runs arrive" in text(none)
    assert "(no run arrives)" in text(none)


@pytest.mark.parametrize(
    ("runs", "verdict", "reason"),
    [(499, Verdict.CANNOT_TELL, "only 0 of 499 runs arrive"), (500, Verdict.AGREES, "holds")],
)
def test_five_hundred_runs_without_a_hit_bear_out_that_none_arrives(runs, verdict, reason):
    (found,) = check_claims(arrivals(0, runs), [Claim("stuck", "never", "hit", "never", "share of runs", 0.0, "holds")])
    assert (found.verdict, found.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("least", "verdict", "found"),
    [(2.0, Verdict.DIFFERS, "600 of 1,200 runs arrive"), (3.0, Verdict.AGREES, "0 of 600 runs arrive")],
)
def test_that_no_run_arrives_is_claimed_from_the_least_k_on(least, verdict, found):
    cells = [Cell(BlockOneMax(k=k, l=3), Resample(p=0.5), UntilResolved(), OnePlusLambda()) for k in (2, 3)]
    results = run_grid(Grid("stuck", {"stuck": cells}, runs=600, batch=600), workers=1)
    changed = results.runs.copy()
    changed.loc[changed["cell"] == cells[1].id, "hit"] = pd.NA
    claim = Claim("stuck", "never", "hit", "never", "share of runs", 0.0, "holds", least=least)
    (told,) = check_claims(results.with_runs(changed), [claim])
    assert (told.verdict, told.found) == (verdict, found)


def test_the_longest_series_of_an_arm_is_asked():
    """One arm along l at k = 1 and along k at l = 3: a claim along each."""
    cells = [Cell(BlockOneMax(k=1, l=l), Resample(p=1.0), OnlyIncorrect(), OnePlusLambda()) for l in (30, 40, 50, 60)]
    cells += [Cell(BlockOneMax(k=k, l=3), Resample(p=1.0), OnlyIncorrect(), OnePlusLambda()) for k in (1, 2, 4, 8)]
    results = run_grid(Grid("both", {"a": cells}, runs=100), workers=1)
    along_k = Claim("a", "", "cost", "power", "b", 1.0, "holds")
    along_l = Claim("a", "", "cost", "quadratic", "A", 1.5, "holds", along="l", theory="G(l, l) (12a)")
    assert [each.verdict for each in check_claims(results, [along_k, along_l])] == [Verdict.AGREES] * 2
    wrong = [replace(along_k, value=2.0), replace(along_l, value=2.0)]
    assert [each.verdict for each in check_claims(results, wrong)] == [Verdict.DIFFERS] * 2
    assert "(A = 1.5)" in text(check_claims(results, [along_l])[0])
    assert "G(l, l) (12a)" in text(check_claims(results, [along_l])[0])
