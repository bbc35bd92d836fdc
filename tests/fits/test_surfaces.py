"""Growth along two parameters: Eq. 12 and Eq. 13 come out of runs, and a twin that is no product is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, UntilResolved
from evo.errors import InputError
from experiments import Cell, Grid, run_grid
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
