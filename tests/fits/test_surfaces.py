"""Growth along two parameters: Eq. 12 and Eq. 13 come out of runs, and a twin that is no product is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2

from evo import AllBlocks, OnePlusLambda, UntilResolved
from evo.errors import InputError
from experiments import Cell, Grid, run_grid
from experiments.fits import surfaces
from experiments.fits.laws import Refusal, Told
from experiments.fits.surfaces import _refuse, fit_surface
from operators import Resample
from problems import BlockOneMax

SIZES = (16, 32, 64, 128)


def cells(schedule, ks):
    return [Cell(BlockOneMax(k, l), Resample(0.5), schedule, OnePlusLambda()) for k in ks for l in SIZES]


@pytest.fixture(scope="module")
def runs():
    arms = {"all": cells(AllBlocks(), (2, 3, 4, 5, 6, 7, 8)), "one": cells(UntilResolved(), (2, 4, 8, 16))}
    return run_grid(Grid("surface", arms, runs=600, batch=600), workers=1)


def told(results, **how):
    return {each.series: each for each in fit_surface(results, ("k", "l"), **how)}


@pytest.mark.statistical
def test_equations_12_and_13_are_surfaces(runs):
    """2^k k^2 l^2 and k l^2: one seed, 99.9 % intervals."""
    found = told(runs, confidence=0.999)
    (law,) = found["all"].left
    assert (found["all"].told, law.text) == (Told.LAW, "E[cost] = A base^k k^b l^d")
    for name, value in (("base", 2.0), ("b", 2.0), ("d", 2.0)):
        assert law[name].low - 0.02 <= value <= law[name].high + 0.02  # 1 - 1/(3kl) is not a power
    (local,) = found["one"].left
    assert local.text == "E[cost] = A k^b l^d"
    assert (local["b"].value, local["d"].value) == (pytest.approx(1, abs=0.03), pytest.approx(2, abs=0.03))


def test_the_twin_that_is_no_product_is_refused(runs):
    k, l = (runs.runs["cell"].map(runs.cells[f"problem.{name}"]).to_numpy() for name in "kl")
    noise = np.random.default_rng(3).gamma(4.0, 0.25, len(k))
    off = runs.with_runs(runs.runs.assign(cost=(k**2 + l) * noise))
    assert told(off)["one"].told is Told.NONE
    assert "NONE, no product" in str(told(off)["one"])


def test_a_surface_that_cannot_be_fitted(runs):
    short = runs.with_runs(runs.runs[runs.runs["cell"].isin(runs.cells.index[:3])])
    (refused,) = (each for each in fit_surface(short, ("k", "l")) if each.series == "all")
    assert isinstance(refused, Refusal)
    assert "a surface needs 3 values of the first parameter" in str(refused)
    with pytest.raises(InputError, match="expected two parameters, got k twice"):
        fit_surface(runs, ("k", "k"))


SIX = [(x, y) for x in (1, 2, 4) for y in (1, 2)]
TOO_FEW = "a surface needs 3 values of the first parameter, 2 of the second, 6 cells; got {} cells"
POSITIVE, RUNS = "a surface needs positive parameters and means", "a law of means needs at least 100 runs a cell"


@pytest.mark.parametrize(
    ("places", "more", "said"),
    [
        (SIX, {}, ""),
        (SIX[:-1], {}, TOO_FEW.format(5)),
        ([(x, y) for x in (1, 2) for y in (1, 2, 4)], {}, TOO_FEW.format(6)),
        ([(x, 1) for x in range(1, 7)], {}, TOO_FEW.format(6)),
        ([(0, 1), *SIX], {}, POSITIVE),
        ([(1, 0), *SIX], {}, POSITIVE),
        (SIX, {"mean": 0.0}, POSITIVE),
        (SIX, {"runs": 99}, RUNS),
        (SIX, {"runs": 99, "memoryless": True}, ""),  # their law is known
        (SIX, {"runs": 99, "sure": True}, ""),  # exact means
    ],
)
def test_what_a_surface_needs_at_least(places, more, said):
    """Six cells are two more than the constants A, base, b and d. Of means and runs one that will not do is enough."""
    x, y = np.array(places, dtype=float).T
    part = SimpleNamespace(x=x, mean=np.full(len(x), 3.0), runs=np.full(len(x), 100), memoryless=False, sure=False)
    for name, value in more.items():
        if name in ("mean", "runs"):
            getattr(part, name)[-1] = value
        else:
            setattr(part, name, value)
    assert _refuse(part, y) == said


def test_intervals_are_two_sided_of_the_level_that_is_asked_for(runs):
    """Half-widths are normal quantiles of (1 + level)/2 times one error, of logs for A and base."""
    levels = {0.9: 1.644854, 0.999: 3.290527}
    for series in ("all", "one"):
        found = {level: told(runs, confidence=level)[series].left[0].estimates for level in levels}
        for each in zip(*found.values(), strict=True):
            assert len({(one.name, one.value) for one in each}) == 1
            plain = (lambda end: end) if each[0].name in ("b", "d") else np.log
            errors = [plain(one.high) - plain(one.low) for one in each]
            assert np.divide(errors, list(levels.values())) == pytest.approx(errors[0] / levels[0.9], rel=1e-5)
            assert plain(each[0].low) + plain(each[0].high) == pytest.approx(2 * plain(each[0].value))


FORMS = {"power": ("ln x",), "exponential": ("x",), "both": ("x", "ln x")}
TEXTS = {"power": "k^b l^d", "exponential": "base^k l^d", "both": "base^k k^b l^d"}
WORSE, BEST_OF_8, WORST_OF_9 = chi2.isf(1e-3, 1), chi2.isf(1e-3, 8), chi2.isf(1e-3, 9)


@pytest.mark.parametrize(
    ("power", "exponential", "both", "told", "left"),
    [
        (8.0, 500.0, 7.9, Told.LAW, ["power"]),
        (500.0, 8.0, 7.9, Told.LAW, ["exponential"]),
        (8.0, 9.0, 7.9, Told.UNDECIDED, ["power", "exponential"]),
        (WORST_OF_9 - 0.1, 500.0, WORST_OF_9 - 0.2, Told.LAW, ["power"]),  # of 12 cells less 3 constants
        (WORST_OF_9 + 0.1, 500.0, BEST_OF_8 - 0.1, Told.LAW, ["both"]),
        (WORST_OF_9 + 0.1, 500.0, BEST_OF_8 + 0.1, Told.NONE, []),
        (8.0 + WORSE - 0.1, 500.0, 8.0, Told.LAW, ["power"]),  # one more constant does not tell more
        (8.0 + WORSE + 0.1, 500.0, 8.0, Told.LAW, ["both"]),
        (8.0, 8.0 + WORSE, 7.9, Told.LAW, ["power"]),
        (0.1 + WORSE, 0.1 + WORSE, 0.0, Told.LAW, ["both"]),
    ],
)
def test_of_surfaces_those_are_left_that_fit_and_that_one_more_constant_does_not_beat(
    power, exponential, both, told, left, monkeypatch
):
    """Made-up deviances of 12 cells: a law fits at p >= 0.001, and is beaten by one constant more at p < 0.001."""
    x, y = np.array([(x, y) for x in (1, 2, 4) for y in (1, 2, 4, 8)], dtype=float).T
    deviances = {"power": power, "exponential": exponential, "both": both}
    found = {tuple(map(tuple, surfaces._design(FORMS[name], x, y).T)): far for name, far in deviances.items()}

    def fitted(evidence, of):
        assert evidence == "evidence"
        return np.ones(of.shape[1]), np.ones(of.shape[1]), found[tuple(map(tuple, of.T))]

    monkeypatch.setattr(surfaces, "evidence_of", lambda part: ("evidence", "spreads"))
    monkeypatch.setattr(surfaces, "_fitted", fitted)
    made = surfaces._surface(SimpleNamespace(label="a", x=x), y, ("k", "l"), "cost", 0.95)
    assert (made.series, made.told) == ("a", told)
    assert [law.text for law in made.left] == [f"E[cost] = A {TEXTS[name]}" for name in left]
    freedom = [8 if name == "both" else 9 for name in left]
    assert [law.misfit for law in made.left] == pytest.approx(
        [chi2.sf(deviances[name], of) for name, of in zip(left, freedom, strict=True)]
    )


@pytest.mark.parametrize("exact", [False, True])
def test_constants_of_a_surface_are_weighted_least_squares(exact):
    """Roots that are linear in the log of the mean: (X'WX)^-1 X'W y, and the errors of its diagonal."""
    rng = np.random.default_rng(1)
    x, y = np.array([(x, y) for x in (1, 2, 4) for y in (1, 2, 4)], dtype=float).T
    design, best, errors = surfaces._design(("ln x",), x, y), rng.normal(3.0, 0.3, 9), rng.uniform(0.1, 0.5, 9)
    assert design.tolist() == np.column_stack([np.ones(9), np.log(x), np.log(y)]).tolist()
    rounding = rng.uniform(1e-9, 1e-8, 9)
    evidence = SimpleNamespace(
        known=np.full(9, True), best=best, errors=errors, exact=rounding if exact else None,
        roots=lambda logs: (logs - best) / errors, slopes=lambda logs: 1 / errors,
    )  # fmt: skip
    free, found, distance = surfaces._fitted(evidence, design)
    expected = np.linalg.solve((design.T / errors**2) @ design, (design.T / errors**2) @ best)
    assert free == pytest.approx(expected, rel=1e-6)
    spread = rounding if exact else errors
    assert found == pytest.approx(np.sqrt(np.diag(np.linalg.inv((design.T / spread**2) @ design))), rel=1e-6)
    assert distance == pytest.approx((((best - design @ expected) / errors) ** 2).sum(), rel=1e-9)
