"""Families with a curve, A u + c and A (x + c)^b: they are fitted by their means at both ends of the range.

Where the curve goes to 0, A and c go to infinity, and an iteration by them creeps: the twin below does.
"""

import numpy as np
import pytest
from scipy import optimize

from experiments.fits.evidence.cells import Means, joined
from experiments.fits.families import likelihoods
from experiments.fits.families.choice import choose
from experiments.fits.families.forms import FORMS, NAMED, RIVALS
from experiments.fits.families.likelihoods import _named, fitted
from experiments.fits.families.models import Model
from experiments.fits.laws import ScalingLaw

X = np.array([2.0, 3, 4, 6, 8, 12, 16, 24, 32])
CURVED = ("power + c", "exponential + c", "saturating", "shifted power")
FEW = 60
"""Evaluations of a fit. Of 117 series, four families each, 12 on average; by A and c 64 of A (x + c)^b, 300 at most."""


def evidence(means):
    """Means with a standard error of 1 %."""
    return joined(X, [(range(len(X)), Means(means, np.full(len(X), 1e-4), np.full(len(X), np.inf)))])


@pytest.fixture
def counted(monkeypatch):
    """How often a fit is evaluated."""
    made, plain = [], optimize.leastsq

    def counting(off, start, **more):
        made.append(0)

        def once(free):
            made[-1] += 1
            return off(free)

        return plain(once, start, **more)

    monkeypatch.setattr("scipy.optimize.leastsq", counting)
    return made


@pytest.mark.parametrize("name", CURVED)
@pytest.mark.parametrize("curve", [-0.7, -1e-3, -1e-4, -1e-9, 0.0, 1e-9, 1e-4, 1e-3, 0.7])
@pytest.mark.parametrize("ends", [(20.0, 300.0), (300.0, 20.0)])
def test_slopes_are_those_of_the_means(name, curve, ends):
    model, free = Model(NAMED[name], X[0], X[-1]), np.array([*np.log(ends), curve])
    logs, slopes = model.logs(free, X)
    assert np.exp(logs[[0, -1]]) == pytest.approx(ends, rel=1e-12)
    steps = 1e-6 * np.eye(3)
    expected = [(model.logs(free + step, X)[0] - model.logs(free - step, X)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(slopes.T, expected, rtol=1e-6, atol=1e-7)


CONSTANTS = [
    *(pytest.param(form, np.array([0.7, 1.3, 0.4, 2.1])[: len(form.parameters)], id=form.name)
      for form in (*FORMS, *RIVALS) if not form.bends),
    *(pytest.param(NAMED[name], np.array([*np.log(ends), curve]), id=f"{name} {ends} {curve}")
      for name in CURVED for ends in ((20.0, 300.0), (300.0, 20.0)) for curve in (-0.7, 0.2)),
]  # fmt: skip


@pytest.mark.parametrize(("form", "free"), CONSTANTS)
def test_errors_of_constants_follow_the_slopes_of_their_values(form, free):
    """Each constant that is told, along each free parameter, by differences."""
    model = Model(form, X[0], X[-1])
    values, slopes, logs = _named(model, free)
    assert len(values) == len(logs) == len(form.parameters)
    steps = 1e-6 * np.eye(len(free))
    expected = [(_named(model, free + step)[0] - _named(model, free - step)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(np.transpose(slopes), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "law", "constants"),
    [
        ("power + c", lambda x: 3 * x**1.5 + 40, {"A": 3, "c": 40, "b": 1.5}),
        ("power + c", lambda x: 50 - 60 * x**-1.0, {"A": -60, "c": 50, "b": -1}),
        ("exponential + c", lambda x: 2 * 1.2**x + 30, {"A": 2, "c": 30, "base": 1.2}),
        ("saturating", lambda x: 50 - 40 * 0.9**x, {"A": 40, "c": 50, "r": 0.9}),
        ("saturating", lambda x: 5 + 400 * 0.8**x, {"A": -400, "c": 5, "r": 0.8}),
        ("exponential + c", lambda x: 500 - 1.2**x, {"A": -1, "c": 500, "base": 1.2}),
        ("shifted power", lambda x: 2 * (x + 9) ** 1.5, {"A": 2, "b": 1.5, "c": 9}),
        ("shifted power", lambda x: 3 * (x - 1.5) ** 0.7, {"A": 3, "b": 0.7, "c": -1.5}),
        ("shifted power", lambda x: 500 / (x + 3), {"A": 500, "b": -1, "c": 3}),
    ],
)
def test_the_constants_of_a_known_law(name, law, constants):
    made = fitted(evidence(law(X)), NAMED[name])
    assert made.distance < 1e-12
    assert {each: made.value(each) for each in constants} == pytest.approx(constants, rel=1e-5)


@pytest.mark.parametrize("law", [lambda x: 5 * 1.2**x, lambda x: 100 / (40 - x), lambda x: 300 - 1.1**x])
def test_a_shift_that_runs_away_is_found_in_a_few_steps(law, counted):
    """Exponentials and what is beyond them: no A (x + c)^b, and that is said."""
    seen = evidence(law(X))
    assert fitted(seen, NAMED["shifted power"]) is None
    assert max(counted) <= FEW
    assert choose(seen).dropped["shifted power"] == "its shift runs away"


def test_a_curve_of_the_other_sign_is_found_in_a_few_steps(counted):
    """Of convex means `saturating` has r > 1: the law of `exponential + c`, which its start is far from."""
    seen = evidence(100 + 5 * X**1.7)
    rising, falling = (fitted(seen, NAMED[name]) for name in ("exponential + c", "saturating"))
    assert falling.distance == pytest.approx(rising.distance, rel=1e-6)
    assert max(counted) <= FEW


def test_the_twin_by_a_and_c_creeps(counted):
    seen = evidence(100 + 5 * X**1.7)

    def off(free):
        with np.errstate(all="ignore"):
            means = free[0] * np.exp(free[2] * (X - X[-1])) + free[1]
            return seen.roots(np.log(np.maximum(means, 1e-300)))

    start = np.array([-1e4, 1e4, -0.02 / (X[-1] - X[0])])
    *_, ended = optimize.leastsq(off, start, full_output=True, maxfev=likelihoods.MOST_STEPS, ftol=likelihoods.NEAR)
    assert ended not in likelihoods.CONVERGED_BY or max(counted) > FEW


def test_a_law_is_not_told_where_it_has_no_mean():
    made = fitted(evidence(3 * (X - 1.5) ** 0.7), NAMED["shifted power"])
    law = ScalingLaw("a", "a", {}, "hit", "k", made.form, (), 0.95, 2, 32, 9, 900, 0, 1, 0, "", curve=made)
    assert law.at(4).value == pytest.approx(3 * 2.5**0.7, rel=1e-6)
    assert (law.at(1).name, np.isnan(law.at(1).high)) == (
        "E[hit] at k = 1, EXTRAPOLATED, where this law has no mean",
        True,
    )


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize("shift", [*(32 * np.array(likelihoods.SHIFTS)), -0.9 * 2.0, -0.5 * 2.0])
def test_the_search_for_a_shifted_power_begins_at_the_law_where_its_shift_is_among_the_guesses(shift, falls):
    """3 (x + c)^1.7, or its inverse: shifts of so many ends of the range, or of a part of its begin, below it."""
    law = 3.0 * (X + shift) ** (-1.7 if falls else 1.7)
    model = Model(NAMED["shifted power"], X[0], X[-1])
    (start,) = likelihoods._starts(evidence(law), model)
    assert start == pytest.approx([*np.log(law[[0, -1]]), np.log((32 + shift) / (2 + shift))], rel=1e-9)
    np.testing.assert_allclose(model.logs(start, X)[0], np.log(law), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "curve"),
    [*(("power + c", b) for b in likelihoods.EXPONENTS if b > 0),
     *(("exponential + c", each / 30) for each in likelihoods.RATES)],
)  # fmt: skip
def test_the_search_for_a_curved_sum_begins_at_the_law_where_its_curve_is_among_the_guesses(name, curve):
    """2 u(x) + 50 for u = x^b or base^x, both ends of the range and the curve."""
    law = 2.0 * (X**curve if name == "power + c" else np.exp(curve * X)) + 50.0
    model = Model(NAMED[name], X[0], X[-1])
    start = likelihoods._starts(evidence(law), model)[0]
    assert start == pytest.approx([*np.log(law[[0, -1]]), curve], rel=1e-6)
