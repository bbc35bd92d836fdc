"""Laws of exact means against published constants, given forms and constants, crossovers, laws at another place."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from evo import AllBlocks, LLMPrimitive, OnePlusLambda, RoundRobin, UniformChunk, UntilResolved
from evo.errors import InputError
from experiments import Cell, Grid, fit, load_grid, run_grid
from experiments.cli.app import app
from experiments.fits import predicted
from experiments.fits.constants import form_of, judged
from experiments.fits.crossovers import crossovers
from experiments.fits.laws import Told
from experiments.fits.predicted import Constant, grown
from operators import BetaBlocks, FixKeep, Resample
from problems import BlockOneMax, Jump, LeadingBlocks

KS = (16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512)
EULER = np.euler_gamma
A_CALL = LLMPrimitive(m=0.0, per_call=1.0)
LINEAR = next(each for each in predicted.EXPANSIONS if each.name == "linear")


def ea(k, problem=BlockOneMax):
    """The (1+1)-EA with rate 1/k from a random start (theory 7a)."""
    return Cell(problem(k, 1, start=0.5), FixKeep(1 / k, 1 - 1 / k), AllBlocks(), OnePlusLambda())


def searched(k, mutator=None, schedule=None, **more):
    return Cell(BlockOneMax(k, 1), mutator or Resample(0.5), schedule or UniformChunk(), OnePlusLambda(), **more)


def exact(cells, **how):
    (growth,) = fit(cells, **how).growths
    assert growth.told is Told.LAW, str(growth)
    return growth.law


def test_the_expansion_of_the_ea_on_onemax():
    """e k ln k - 1.8925417883 k + (e/2) ln k + 0.59789875 (Hwang et al. 2018; theory 14)."""
    law = exact([ea(k) for k in KS])
    assert law.family.name == "x log x"
    for name, value, within in (("A", math.e, 1e-5), ("B", -1.8925417883, 1e-4), ("C", math.e / 2, 5e-3)):
        assert law[name].value == pytest.approx(value, rel=within)
    assert law["D"].value == pytest.approx(0.59789875, abs=0.05)


@pytest.mark.parametrize(
    ("cell", "name", "constants"),
    [
        # RLS from a random start: k ln k + (gamma - ln 2) k + 1/2 (B. and C. Doerr; theory 14)
        (
            lambda k: Cell(BlockOneMax(k, 1, start=0.5), FixKeep(1.0, 0.0), UniformChunk(), OnePlusLambda()),
            "x log x",
            {"A": 1.0, "B": EULER - math.log(2)},
        ),
        (lambda k: searched(k), "x log x", {"A": 2.0, "B": 2 * EULER}),
        (lambda k: searched(k, schedule=RoundRobin()), "x log x", {"A": 1 / math.log(2)}),
        (lambda k: searched(k, schedule=UntilResolved()), "linear", {"A": 2.0}),
        (lambda k: searched(k, FixKeep(0.5, 1.0), AllBlocks()), "logarithm", {"A": 1 / math.log(2)}),
        (
            lambda k: Cell(LeadingBlocks(k, 1), Resample(0.5), UniformChunk(), OnePlusLambda()),
            "quadratic",
            {"A": 2.0},
        ),
    ],
)
def test_known_laws_come_out_of_exact_means(cell, name, constants):
    law = exact([cell(k) for k in (8, 16, 32, 64, 128, 256, 512)])
    assert law.family.name == name
    for letter, value in constants.items():
        assert law[letter].value == pytest.approx(value, rel=1e-3, abs=1e-3)


def test_the_ea_on_leading_ones_and_jump():
    """(e - 1)/2 n^2 on LeadingOnes (theory 7b), e n^m in the end on Jump_m (7d; Doerr et al.)."""
    leading = exact([ea(k, LeadingBlocks) for k in (16, 23, 32, 45, 64, 91, 128)])
    assert (leading.family.name, leading["A"].value) == ("quadratic", pytest.approx((math.e - 1) / 2, rel=1e-5))
    jump = exact([ea(k, partial(Jump, m=3)) for k in (8, 12, 16, 24, 32, 48, 64, 96)])
    assert (jump.family.name, jump["A"].value) == ("cubic", pytest.approx(math.e, rel=1e-3))


def test_the_twin_a_sum_of_two_powers_is_told_by_no_family():
    x = np.array([8.0, 16, 32, 64, 128, 256, 512])
    assert grown("a", "k", x, x**1.5 + 30 * x**0.5).told is not Told.LAW
    assert grown("a", "k", x, np.where(x < 60, 2 * x, x**2 / 30)).told is Told.NONE


def test_the_error_of_a_constant_is_what_both_ends_and_a_lower_term_move_it_by():
    """A line through means that curve a bit, of relative errors: all, without the last, without the first, with 1/x."""
    x = np.array([2.0, 4, 8, 16, 32])
    means = 3 * x + 5 + np.array([0.2, 0.0, 0.1, 0.0, 0.3])

    def of(inside, *more):
        columns = np.column_stack([x, np.ones(5), *more])
        scaled = columns[inside] / means[inside, None]
        free = np.linalg.lstsq(scaled, np.ones(len(scaled)), rcond=None)[0]
        return free[:2], abs(float(columns[-1] @ free) / means[-1] - 1)

    every, last, first = slice(None), slice(None, -1), slice(1, None)
    made = predicted._fitted(replace(LINEAR, lower=("1/x",)), "k", x, means, "hit")
    more = [[], [1 / x]]
    best, other = sorted(more, key=lambda terms: of(last, *terms)[1])
    whole, ahead, behind = (of(inside, *best)[0] for inside in (every, last, first))
    errors = abs(whole - ahead) + abs(whole - behind) + abs(whole - of(every, *other)[0])
    assert made.foretold == pytest.approx(of(last, *best)[1])
    assert [each.value for each in made.constants] == pytest.approx(whole)
    assert [each.error for each in made.constants] == pytest.approx(errors)


def test_the_cost_of_all_blocks_is_exponential_times_power():
    law = exact([searched(k, schedule=AllBlocks()) for k in range(4, 20, 2)], quantity="cost")
    assert law.family.name == "exponential x power"
    assert (law["base"].value, law["b"].value) == pytest.approx((2.0, 2.0), rel=1e-3)


def test_a_given_constant_is_tested_against_exact_means():
    found = fit([ea(k) for k in KS])
    assert [str(each.verdict) for each in judged(found, "x log x", {"A": math.e})] == ["AGREES"]
    assert [str(each.verdict) for each in judged(found, "x log x", {"A": 2.7})] == ["DIFFERS"]
    assert [str(each.verdict) for each in judged(found, "power", {})] == ["DIFFERS"]
    with pytest.raises(InputError, match="has the constants A, B, C, D"):
        judged(found, "x log x", {"b": 1.0})


def test_exact_means_that_tell_no_law():
    (refused,) = fit([searched(k, BetaBlocks(1.0, 1.0)) for k in (2, 4, 8, 16)]).refused
    assert refused.reason == "the mean at 2 is infinite; ask for the median"
    assert "at 4 values" in fit([searched(k) for k in (2, 4, 8)]).refused[0].reason
    with pytest.raises(InputError, match="expected a parameter of the grid"):
        fit([searched(k) for k in (2, 4, 8, 16)], along="lamb")


POSITIVE = "a law needs positive values of the parameter, each once"


@pytest.mark.parametrize(
    ("x", "means", "reason"),
    [
        ((0.5, 1, 2, 4), (1, 2, 3, 4), ""),
        ((1, 2, 3, 4), (1, 2, 3, 4), ""),
        ((0.001, 1, 2, 3), (1, 2, 3, 4), ""),
        ((0, 1, 2, 3), (1, 2, 3, 4), POSITIVE),
        ((-1, 1, 2, 3), (1, 2, 3, 4), POSITIVE),
        ((1, 2, 2, 3), (1, 2, 3, 4), POSITIVE),
        ((1, 2, 3), (1, 2, 3), "exact means at 4 values of the parameter at least are expected, got 3"),
        ((1, 2, 3, 4), (1, 2, math.inf, math.inf), "the mean at 3 is infinite; ask for the median"),
        ((1, 2, 3, 4), (0.001, 1, 2, 3), ""),
        ((1, 2, 3, 4), (0, 1, 2, 3), "a law needs positive means"),
        ((1, 2, 3, 4), (-1, 1, 2, 3), "a law needs positive means"),
    ],
)
def test_exact_means_of_four_positive_places_have_a_law(x, means, reason):
    assert predicted._refuse(np.array(x, dtype=float), np.array(means, dtype=float)) == reason


@pytest.fixture(scope="module")
def runs():
    arms = {
        "random": [searched(k) for k in (4, 8, 16, 32, 64, 128)],
        "all": [searched(k, FixKeep(0.5, 0.7), AllBlocks(), cost=A_CALL) for k in range(2, 16, 2)],
        "one": [searched(k, FixKeep(0.5, 0.7), UniformChunk(), cost=A_CALL) for k in range(2, 16, 2)],
    }
    return run_grid(Grid("g", arms, runs=1000, batch=1000), workers=1)


def test_a_given_constant_of_the_limit_is_not_judged_by_a_range(runs):
    """2 k H_k at k = 4 to 128: the best k (A ln k + c) on this range has another A than 2, and that is said."""
    tests = {each.series: each for each in judged(fit(runs), "x log x", {"A": 1.94})}
    assert str(tests["random"].verdict) == "AGREES"
    found = {each.series: each for each in judged(fit(runs), "x log x", {"A": 2.1})}["random"]
    assert str(found.verdict) in ("CANNOT_TELL", "DIFFERS")
    assert str(found.verdict) != "CANNOT_TELL" or "--predicted tells" in found.reason
    power = {each.series: each for each in judged(fit(runs), "linear", {})}["random"]
    assert str(power.verdict) == "DIFFERS"
    with pytest.raises(InputError, match="--base: x log x has the constants A, c"):
        judged(fit(runs), "x log x", {"base": 2.0})


def test_a_law_beyond_its_range_is_marked_and_has_a_wider_band(runs):
    law = next(growth.left[0] for growth in fit(runs).growths if growth.series == "random")
    inside, beyond = law.at(64), law.at(1024)
    assert "EXTRAPOLATED" in beyond.name
    assert "EXTRAPOLATED" not in inside.name
    assert beyond.low <= 2 * 1024 * sum(1 / j for j in range(1, 1025)) * 1.03
    assert (beyond.high - beyond.low) / beyond.value > (inside.high - inside.low) / inside.value
    with pytest.raises(InputError, match="a positive value of k"):
        law.at(0)
    with pytest.raises(InputError, match="a fitted law"):
        replace(law, curve=None).at(4)


def test_a_crossover_has_an_interval_and_the_exact_one_beside_it(runs):
    """At a price a call rewriting all blocks is cheaper while there are few: until k = 11 or so at keep = 0.7."""
    (found,) = crossovers(runs, "all", "one")
    means = [
        [runs.predict(str(cell), "cost").mean for cell in runs.cells.index[runs.cells["arm"] == arm]]
        for arm in ("all", "one")
    ]
    (at,) = np.flatnonzero(np.diff(np.sign(np.log(np.divide(*means)))))
    assert 2 + 2 * at <= found.exact <= 4 + 2 * at
    assert found.low <= found.exact <= found.high
    assert found.low <= found.value <= found.high
    assert found.high - found.low < 2
    assert "one is cheaper from k = " in str(found)
    (turned,) = crossovers(runs, "one", "all")
    assert (turned.value, turned.rises) == (pytest.approx(found.value), False)
    (same,) = crossovers(runs, "one", "one")
    assert str(same).endswith("CANNOT TELL, the intervals of the ratio hold 1 everywhere; run more")


def test_where_no_crossover_is_told_the_values_that_are_told_are_named(monkeypatch):
    """At k = 1 the two cost the same, which no number of runs tells; beyond, one is cheaper for sure."""

    def told(ratios):
        ratios = np.asarray(ratios)
        table = pd.DataFrame({"k": range(1, len(ratios) + 1), "slow": "all", "fast": "one", "speedup": ratios})
        table = table.assign(low=ratios / 1.1, high=ratios * 1.1, exact=ratios)
        monkeypatch.setattr("experiments.fits.crossovers.speedup", lambda *_: table)
        (found,) = crossovers(None, "all", "one")
        return str(found)

    head = "all against one: CANNOT TELL, "
    elsewhere = ", and the intervals of the ratio hold 1 elsewhere; run other values, or more"
    assert told([1.01, 2.0, 4.0]) == f"{head}one is cheaper at k = 2, 3{elsewhere}"
    assert told([1.01, 0.5, 0.25]) == f"{head}all is cheaper at k = 2, 3{elsewhere}"
    twice = "the measured ratio is 1 at 2 places: one is cheaper at k = 1, 3, all is cheaper at k = 2; run more"
    assert told([2.0, 0.5, 2.0]) == head + twice
    assert told([0.5, 2.0]).startswith("all against one: one is cheaper from k = 1.5")


@pytest.mark.parametrize(
    ("ratios", "more", "told"),
    [
        # ln(ratio) is linear between values: -ln 2 to ln 2, and of the exact one -2 ln 2 to ln 2
        ([0.5, 2.0, 4.0], {"exact": [0.25, 2, 4]}, "one is cheaper from k = 1.5 [1.431, 1.569] (exact means 1.667) on"),
        ([4.0, 2.0, 0.5], {}, "all is cheaper from k = 2.5 [2.431, 2.569] (exact means 2.5) on"),
        ([0.5, 1.05, 4.0], {"exact": [0.5, 2.0, 0.5]}, "one is cheaper from k = 1.934 [1.806, 2.035] on"),
        # without an interval, or a ratio, a value does not count
        ([0.5, 1.0, 2.0], {"low": [0.4, np.nan, 1.8]}, "one is cheaper from k = 2 [1.862, 2.218] (exact means 2) on"),
        ([0.5, np.nan, 2.0], {"low": [0.4, 0.1, 1.8], "exact": np.nan}, "one is cheaper from k = 2 [1.862, 2.218] on"),
        ([0.5, 0.0, 2.0], {"low": [0.4, 0.0, 1.8], "exact": 0.0}, "one is cheaper from k = 2 [1.862, 2.218] on"),
        # an interval down to 0 holds 1 from that value on
        ([0.5, 2.0, 4.0], {"low": [0.0, 1.8, 3.6]}, "one is cheaper from k = 1.5 [1, 1.431] (exact means 1.5) on"),
        ([1.2, 2.0, 4.0], {}, "no crossover: one is cheaper at all of k = 1 .. 3"),
        ([0.9, 0.5, 0.25], {}, "no crossover: all is cheaper at all of k = 1 .. 3"),
        ([0.5, np.nan, np.nan], {}, "CANNOT TELL, fewer than two values have a ratio with an interval"),
    ],
)  # fmt: skip
def test_a_crossover_lies_where_lines_between_logs_pass_1(ratios, more, told, monkeypatch):
    ratios = np.asarray(ratios)
    table = pd.DataFrame({"k": [1, 2, 3], "slow": "all", "fast": "one", "speedup": ratios})
    table = table.assign(low=ratios / 1.1, high=ratios * 1.1, exact=ratios).assign(**more)
    monkeypatch.setattr("experiments.fits.crossovers.speedup", lambda *_: table[::-1])
    (found,) = crossovers(None, "all", "one")
    assert str(found) == f"all against one: {told}"


@pytest.mark.parametrize(
    ("text", "name"), [("k ln k", "x log x"), ("A k^2", "square"), ("power", "power"), ("2 k", "")]
)
def test_a_form_may_be_written(text, name):
    if name:
        assert form_of(text) == name
    else:
        with pytest.raises(InputError, match="expected a form of growth, got '2 k'"):
            form_of(text)


def test_the_command_tells_exact_laws_crossovers_and_given_forms(tmp_path):
    names = ("UniformChunk", "RoundRobin")
    part = """problem = {type = "BlockOneMax", k = [4, 8, 16, 32, 64, 128], l = 4}
mutator = {type = "FixKeep", fix = 0.5, keep = 0.7}"""
    arms = "".join(f'[[arm]]\nlabel = "{name}"\n{part}\nschedule = {{type = "{name}"}}\n' for name in names)
    (tmp_path / "g.toml").write_text(f'name = "g"\nruns = 200\n{arms}')

    def told(*words):
        done = CliRunner().invoke(app, ["fit", *map(str, words)])
        return " ".join((done.stdout + done.stderr).split())

    grid = tmp_path / "g.toml"
    assert "A k ln k + B k + C ln k + D, A = 2.0" in told(grid, "--predicted")
    assert "UniformChunk: AGREES" in told(grid, "--predicted", "--form", "k ln k", "--A", "2")
    assert "leave --predicted out" in told(grid, "--predicted", "--against", "UniformChunk,RoundRobin")
    assert "a constant of which form?" in told(grid, "--predicted", "--A", "2")
    run_grid(load_grid(grid), tmp_path / "r", workers=1)
    found = told(tmp_path / "r", "--against", "UniformChunk,RoundRobin", "--quantity", "cost")
    assert "UniformChunk against RoundRobin: " in found
    assert "EXTRAPOLATED" in told(tmp_path / "r", "--at", "256")
    assert "expected two arms" in told(tmp_path / "r", "--against", "UniformChunk")


@pytest.mark.parametrize(
    ("value", "error", "given", "verdict"),
    [
        (2.0, 0.1, 2.29, "AGREES"),
        (2.0, 0.1, 2.31, "DIFFERS"),
        (2.0, 0.0, 2.0019, "AGREES"),
        (2.0, 0.0, 2.0021, "DIFFERS"),
        (2.0, 0.29, 2.0, "AGREES"),
        (2.0, 0.31, 2.0, "CANNOT_TELL"),
    ],
)
def test_a_constant_of_exact_means_is_told_to_three_errors_or_a_thousandth(value, error, given, verdict):
    """Just within and just beyond; one whose error is above 15 % is not known."""
    fits = fit([searched(k) for k in KS[:6]])
    (growth,) = fits.growths
    (law,) = growth.left
    constants = [Constant("A", value, error) if each.name == "A" else each for each in law.constants]
    growth = replace(growth, left=(replace(law, constants=tuple(constants)),))
    (found,) = judged(replace(fits, growths=(growth,)), law.family.name, {"A": given})
    assert found.verdict == verdict


def test_medians_go_by_steps_and_a_narrow_range_of_them_tells_no_family():
    """2 k H_k at k = 140 to 200: k ln k of the means; of medians a step hides what tells families apart."""
    cells = [Cell(BlockOneMax(k, l=4), Resample(0.5), UniformChunk(), OnePlusLambda()) for k in range(140, 201, 10)]
    (means,), (medians,) = fit(cells).growths, fit(cells, quantity="median hit").growths
    assert means.law.family.name == "x log x"
    assert medians.law is None
    (found,) = judged(fit(cells, quantity="median hit"), "x log x", {})
    assert str(found.verdict) == "CANNOT_TELL"
    assert "steps" in found.reason
    x = np.array([4.0, 8, 16, 32, 64])
    assert grown("a", "k", x, 2 * x - 1, step=1 / 127).law.family.name == "linear"  # met by every median
