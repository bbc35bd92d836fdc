"""`Measured` against fractions written anew: its law, its tables, its samples, and runs with verdicts.

Statistical tests: false-fail rate 1e-6 for all of them in this file together (DKW, exact binomial p-values).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from evo import AllBlocks, Budget, InputError, Latency, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from evo.conformance import check_mutator
from evo.laws.mixtures import ComponentLaw
from evo.text import canonical
from experiments import Cell, Grid, check, run_grid, sweep
from experiments.grids.toml import load_grid
from experiments.predictions.forecast import forecast
from experiments.predictions.predict import predict
from experiments.predictions.quality.table import fitness_table
from experiments.predictions.verdict import Verdict
from operators import Fading, FixKeep, Malformed, Measured, Refuse, Sparse
from problems import BlockOneMax

FIX, KEEP = {1: 0.35, 5: 0.2}, {1: 0.97, 5: 0.96}
PART = Measured(fix=FIX, keep=KEEP, rho_fix=0.25, rho_keep=0.5)


# ------------------------------------------------------------------------------------------- the law, in fractions


def urn(n, p, rho):
    """P(x of n) of a beta-binomial law with mean p and correlation rho, block by block: Polya's urn; fractions."""
    p, rho, found = Fraction(p), Fraction(rho), [Fraction(1)]
    for drawn in range(n):
        spread = 1 - rho + rho * drawn
        later = [Fraction(0)] * (drawn + 2)
        for x, chance in enumerate(found):
            right = (p * (1 - rho) + rho * x) / spread if spread else p
            later[x + 1] += chance * right
            later[x] += chance * (1 - right)
        found = later
    return found


def convolved(one, other):
    found = [Fraction(0)] * (len(one) + len(other) - 1)
    for (x, p), (y, q) in itertools.product(enumerate(one), enumerate(other)):
        found[x + y] += p * q
    return found


def exact(fix, keep, rho_fix, rho_keep, g, i):
    return [float(p) for p in convolved(urn(i, fix, rho_fix), urn(g - i, keep, rho_keep))]


ENDS = (0.0, 0.3, 1.0)
RHOS = (0.0, 1e-9, 0.25, 1 - 2**-30, 1.0)


@pytest.mark.parametrize("g", [1, 2, 5])
def test_the_law_is_the_convolution_of_two_urns(g):
    for fix, keep, rho_fix, rho_keep in itertools.product(ENDS, ENDS, RHOS, RHOS):
        law = Measured({g: fix}, {g: keep}, rho_fix, rho_keep).law
        for i in range(g + 1):
            wanted = exact(fix, keep, rho_fix, rho_keep, g, i)
            assert law.pmf(g, i) == pytest.approx(wanted, rel=1e-12, abs=1e-300)
            assert ComponentLaw.pmf(law, g, i) == pytest.approx(wanted, rel=1e-11, abs=1e-15)


def test_long_chunks_have_their_law_too():
    law = Measured({40: 0.2}, {40: 0.96}, 0.3, 0.6).law
    for i in (0, 7, 40):
        assert law.pmf(40, i) == pytest.approx(exact(0.2, 0.96, 0.3, 0.6, 40, i), rel=1e-11)
        assert ComponentLaw.pmf(law, 40, i) == pytest.approx(law.pmf(40, i), rel=1e-9)


def test_a_quality_of_repairs_is_not_one_of_keeps():
    """Twin: rho_fix and rho_keep exchanged, or one for both, give another law."""
    wanted = exact(0.2, 0.96, 0.25, 0.5, 5, 3)
    for rho_fix, rho_keep in ((0.5, 0.25), (0.25, 0.25), (0.5, 0.5)):
        other = Measured({5: 0.2}, {5: 0.96}, rho_fix, rho_keep).law.pmf(5, 3)
        assert np.abs(other - wanted).max() > 1e-3
    assert PART.law.pmf(5, 3) == pytest.approx(wanted, rel=1e-12)


def test_all_repaired_is_more_likely_the_more_blocks_share_a_quality():
    """E[q^i] = prod over j < i of (a+j)/(a+b+j) (theory 17f), .2^3 = .008 without a correlation."""
    chances = [float(Measured({3: 0.2}, {3: 1.0}, rho).law.pmf(3, 3)[3]) for rho in (0, 0.25, 0.5, 1)]
    a, b = 0.6, 2.4
    assert chances[1] == pytest.approx(a * (a + 1) * (a + 2) / ((a + b) * (a + b + 1) * (a + b + 2)))
    assert chances[0] == pytest.approx(0.008)
    assert chances[3] == pytest.approx(0.2)
    assert chances == sorted(chances)


def test_wrappers_map_its_law():
    for g, i in ((1, 1), (3, 2), (5, 0)):
        inner = np.array(PART.law.pmf(g, i))
        no_op = np.eye(g + 1)[g - i]
        nested = Malformed(Refuse(PART, rate=0.02), rate=0.08)
        assert nested.law.pmf(g, i) == pytest.approx(0.92 * (0.02 * no_op + 0.98 * inner), rel=1e-12, abs=1e-15)
        assert Sparse(PART, rate=1.0).law.pmf(g, i) == pytest.approx(inner, rel=1e-10)
    half = Sparse(Measured({2: 0.5}, {2: 1.0}, rho_fix=1.0), rate=0.5).law.pmf(2, 2)
    assert half == pytest.approx([0.5 + 0.5 / 4, 0.5 / 2, 0.5 / 4])  # both are repaired or none, each taken w.p. 1/2


# ------------------------------------------------------------------------------------------- the tables


def test_logits_are_linear_in_the_logarithm_of_g():
    fix = Measured({1: 0.5, 4: 0.2, 16: 0.5}, {1: 1.0, 16: 1.0})
    rates = {g: float(fix.law.pmf(g, g)[g]) ** (1 / g) for g in (1, 2, 4, 8, 16)}
    assert rates == pytest.approx({1: 1 / 2, 2: 1 / 3, 4: 1 / 5, 8: 1 / 3, 16: 1 / 2})  # odds 1, 1/2, 1/4, 1/2, 1
    linear = {g: 0.5 + (g - 1) / 3 * (0.2 - 0.5) for g in (2, 3)}
    assert abs(rates[2] - linear[2]) > 0.05  # twin


def test_beyond_the_table_the_nearest_is_taken_and_it_is_said():
    for g, nearest in ((2, 3), (3, 3), (9, 9), (12, 9)):
        part = Measured({3: 0.4, 9: 0.1}, {1: 0.9, 20: 0.9})
        rate = {3: 0.4, 9: 0.1}[nearest]
        assert part.law.pmf(g, g)[g] == pytest.approx(rate**g)
        told = part.doubt(g)
        assert told == ("" if g in (3, 9) else f"fix at g = {g} is extrapolated: that of g = {nearest} is taken, "
                                                "measured from g = 3 to 9")  # fmt: skip
    assert Measured({1: 0.4, 2: 0.4}, {3: 0.9, 4: 0.9}).doubt(5).count("extrapolated") == 2


def refused(words, make, *arguments, **named):
    with pytest.raises(InputError) as told:
        make(*arguments, **named)
    for word in words:
        assert word in str(told.value)


def cell(mutator, schedule=None, k=6):
    return Cell(BlockOneMax(k=k, l=2), mutator, schedule or RoundRobin(g=4), OnePlusLambda())


def test_nothing_is_guessed_from_one_length():
    for part in (Measured({4: 0.3}, {1: 0.9, 9: 0.8}), Refuse(Measured({1: 0.3, 8: 0.2}, {4: 0.9}), rate=0.1)):
        name = "fix" if part == Measured({4: 0.3}, {1: 0.9, 9: 0.8}) else "keep"
        refused([f"Measured: {name} is measured at g = 4 only", "g = 2", "second length"], cell, part)  # 6 = 4 + 2
        assert predict(cell(part, k=8)).mean > 0
    for first, last in ((0.0, 0.2), (0.2, 1.0), (0.0, 1.0)):
        refused(["fix at g = 2 lies between", "no logit"], cell, Measured({1: first, 4: last}, KEEP))
        assert cell(Measured({1: first, 4: last}, KEEP), k=8)  # both ends themselves are as measured
    for end in (0.0, 1.0):
        assert Measured({1: end, 4: end}, KEEP).law.pmf(2, 2)[2] == end


@pytest.mark.parametrize("name", ["fix", "keep"])
def test_tables_hold_probabilities_by_length(name):
    def made(value):
        return Measured(**({"fix": FIX, "keep": KEEP} | {name: value}))

    for value in ({}, (), 0.5, "0.5", None, {1: None}, {1: "0.5"}, {1: True}, {1: -0.1}, {1: 1.1}, {1: math.nan},
                  {0: 0.5}, {-1: 0.5}, {1.5: 0.5}, {True: 0.5}, {"a": 0.5}, {"": 0.5}, {"1.0": 0.5}, {None: 0.5},
                  {"9" * 5000: 0.5}, {1: 0.5, "1": 0.5}, ((1, 0.5), (1, 0.4)), (1, 0.5), ((1,),),
                  {1: [0.5]}):  # fmt: skip
        refused([f"Measured: {name} must be a table of probabilities by chunk length"], made, value)
    for rho in (-0.1, 1.1, math.nan, "0", None, True):
        refused(["Measured: rho_fix must be a probability"], Measured, FIX, KEEP, rho)
        refused(["Measured: rho_keep must be a probability"], Measured, FIX, KEEP, 0.0, rho)


def test_all_ways_to_write_a_table_are_one_part():
    ways = [{1: 0.35, 5: 0.2}, {5: 0.2, 1: 0.35}, {"5": 0.2, "1": 0.35}, ((5, 0.2), (1, 0.35)), [[1, 0.35], [5, 0.2]],
            {np.int64(1): np.float64(0.35), 5: np.float32(0.25) - np.float32(0.05)}]  # fmt: skip
    texts = {canonical(Measured(way, KEEP)) for way in ways[:-1]}
    assert texts == {"Measured(fix=((1, 0.35,), (5, 0.2,),), keep=((1, 0.97,), (5, 0.96,),))"}
    assert Measured(fix={"123456789": 0.5, "12": 1}, keep=KEEP).fix == ((12, 1.0), (123_456_789, 0.5))
    assert Measured(ways[-1], KEEP).fix[0] == (1, 0.35)
    assert len({hash(Measured(way, KEEP)) for way in ways[:-1]}) == 1
    assert Cell.parse(cell(PART).text) == cell(PART)


GRID = """\
name = "mine"
runs = 10

[[arm]]
label    = "measured"
problem  = {type = "BlockOneMax", k = [4, 8], l = 2}
mutator  = {type = "Refuse", rate = 0.02, inner = {type = "Measured", fix = %s, keep = {1 = 0.97, 5 = 0.96}}}
schedule = {type = "RoundRobin", g = 4}
"""


def test_tables_stand_in_grids_and_are_axes(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(GRID % "{1 = 0.35, 5 = 0.20}")
    one = load_grid(file).cells
    assert [made.mutator for made in one] == [Refuse(Measured(FIX, KEEP), rate=0.02)] * 2
    file.write_text(GRID % "[{1 = 0.35, 5 = 0.20}, {1 = 0.4, 5 = 0.3}]")
    assert {made.mutator.inner.fix for made in load_grid(file).cells} == {
        ((1, 0.35), (5, 0.2)),
        ((1, 0.4), (5, 0.3)),
    }
    file.write_text(GRID % '"$fix"' + "[arm.axes]\nfix = [{1 = 0.35, 5 = 0.20}, {1 = 0.4, 5 = 0.3}]\n")
    assert len(load_grid(file).cells) == 4
    file.write_text(GRID % '{1 = "$p", 5 = 0.20}' + "[arm.axes]\np = [0.3, 0.4]\n")
    assert sorted({made.mutator.inner.fix[0][1] for made in load_grid(file).cells}) == [0.3, 0.4]
    file.write_text(GRID % "{one = 0.35}")
    refused(["grid.toml", "mutator.inner", "the length 'one'"], load_grid, file)


# ------------------------------------------------------------------------------------------- samples and runs

SAMPLES, FALSE_FAIL = 100_000, 1e-6 / 60
EPSILON = math.sqrt(math.log(2 / FALSE_FAIL) / (2 * SAMPLES))  # DKW


def distance(values, pmf):
    found = np.cumsum(np.bincount(values, minlength=len(pmf))) / len(values)
    return np.abs(found - np.cumsum([float(p) for p in pmf])).max()


@pytest.mark.statistical
@pytest.mark.parametrize("rhos", [(0.0, 0.0), (0.25, 0.5), (1.0, 0.0), (0.0, 1.0), (1e-8, 1 - 1e-9)], ids=str)
def test_samples_follow_the_urns(rhos):
    """Repairs, keeps and both together, the law of which shows that they are independent; 0.02 off is found."""
    assert 2 * EPSILON < 0.02
    rng, correct = np.random.default_rng(7), np.zeros((SAMPLES, 5), dtype=np.bool_)
    correct[:, 3:] = True
    after = Measured({5: 0.4}, {5: 0.7}, *rhos).rewrite(correct, rng)
    repaired, kept = after[:, :3].sum(axis=1), after[:, 3:].sum(axis=1)
    repairs, keeps = urn(3, 0.4, rhos[0]), urn(2, 0.7, rhos[1])
    both = [p * q for p, q in itertools.product(repairs, keeps)]
    assert distance(repaired, repairs) <= EPSILON
    assert distance(kept, keeps) <= EPSILON
    assert distance(repaired * 3 + kept, both) <= EPSILON
    assert distance(repaired, urn(3, 0.4, abs(rhos[0] - 0.1))) > EPSILON  # twins
    assert distance(kept, urn(2, 0.7, abs(rhos[1] - 0.1))) > EPSILON


NESTED = Malformed(Refuse(PART, rate=0.1), rate=0.08)


def verdicts(cells, runs, engine="blocks"):
    found = check(run_grid(Grid("measured", cells, runs=runs, seed=3, engine=engine), workers=1))
    return [each.verdict for each in found.cells]


@pytest.mark.statistical
def test_runs_agree_with_the_predictions():
    """Chunks of 4 and 3 of 7 blocks, and of all; DIFFERS at 1e-3 over the grid if the law were another."""
    cells = sweep(
        problem=BlockOneMax(k=7, l=2, start=0.3),
        mutator=[PART, NESTED],
        schedule=[AllBlocks(), RoundRobin(g=4), UniformChunk(g=4), OnlyIncorrect(g=4)],
        runner=OnePlusLambda(lam=2),
    )
    assert verdicts(cells, 1500) == [Verdict.AGREES] * 8


@pytest.mark.slow
@pytest.mark.statistical
def test_runs_of_deap_agree_with_the_predictions():
    cells = sweep(problem=BlockOneMax(k=7, l=2), mutator=NESTED, schedule=RoundRobin(g=4), runner=OnePlusLambda())
    assert verdicts(cells, 1500, "deap") == [Verdict.AGREES]


@dataclass(frozen=True)
class Unlike(Measured):
    """Declares correlated calls and makes others."""

    def rewrite(self, correct, rng):
        return FixKeep(0.2, 0.96).rewrite(correct, rng)

    @property
    def law(self):
        return Measured(self.fix, self.keep, self.rho_fix, self.rho_keep).law


@pytest.mark.statistical
def test_a_call_without_the_correlation_is_found_out():
    """The same fix and keep: only the correlation differs."""
    twin = Unlike({5: 0.2}, {5: 0.96}, 0.25, 0.5)
    (found,) = verdicts([Cell(BlockOneMax(k=5, l=2), twin, AllBlocks(), OnePlusLambda())], 1500)
    assert found is Verdict.DIFFERS
    assert "law holds" in [each.name for each in check_mutator(twin) if each.passed is False]


def test_fitness_at_a_budget_follows_from_its_law():
    """AllBlocks, k = 2, both incorrect: one call, then two, by hand."""
    made = cell(Measured({2: 0.5}, {2: 0.9}, rho_fix=0.5), AllBlocks(), k=2)
    one = exact(0.5, 0.9, 0.5, 0.0, 2, 2)
    found = predict(made, "fitness", calls=1)
    assert found.mean == pytest.approx(one[1] + 2 * one[2])
    half = exact(0.5, 0.9, 0.5, 0.0, 2, 1)
    stays = one[0] * one[0], one[0] * one[1] + one[1] * (1 - half[2])
    assert predict(made, "fitness", calls=2).chances == pytest.approx([*stays, 1 - sum(stays)])


def test_the_cost_follows_from_the_calls():
    made = cell(PART, AllBlocks(), k=4)
    assert predict(made, "cost").mean == pytest.approx(predict(made, "calls").mean * predict(made, "cost").unit)
    assert predict(made, "calls").mean != pytest.approx(predict(cell(Measured(FIX, KEEP), AllBlocks(), k=4)).mean)


# ------------------------------------------------------------------------------------------- what is told of it


def extrapolating(**more):
    part = Refuse(Measured({1: 0.4, 2: 0.3}, {1: 0.9, 9: 0.9}), rate=0.1)
    return Cell(BlockOneMax(k=4, l=2), part, RoundRobin(g=3), OnePlusLambda(), **more)


TOLD = "fix at g = 3 is extrapolated: that of g = 2 is taken, measured from g = 1 to 2"


def test_every_number_that_rests_on_an_extrapolation_says_so():
    """Also of a nest, and of its cost and fitness; a cell within the tables is told with nothing (the twin)."""
    within = Cell(BlockOneMax(k=4, l=2), extrapolating().mutator, RoundRobin(g=2), OnePlusLambda())
    for quantity in ("hit", "calls", "generations", "cost"):
        assert predict(extrapolating(), quantity).warning == TOLD
        assert predict(within, quantity).warning == ""
    assert predict(extrapolating(), "fitness", calls=5).doubts == (TOLD,)
    assert predict(extrapolating(), "seconds", latency=Latency(fixed=1.0)).doubts == (TOLD,)
    assert predict(within, "fitness", calls=5).doubts == ()
    grid = Grid("told", [extrapolating(), within], runs=20, batch=20)
    assert forecast(grid)["note"].tolist() == [TOLD, ""]
    assert fitness_table(grid, calls=5)["note"].tolist() == [TOLD, ""]
    assert fitness_table(grid, calls=5)["mean"].notna().all()
    checked = check(run_grid(grid, workers=1))
    assert checked.doubts == (TOLD,)
    assert f"predicted with {TOLD}" in str(checked)


def test_a_note_stands_beside_other_notes():
    short = forecast(Grid("told", [extrapolating(budget=Budget(calls=2))], runs=20))["note"][0]
    assert short.startswith("mean ")
    assert short.endswith(TOLD)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 3.0])
def test_repairs_fade_and_keeps_do_not(exponent):
    law = Fading(0.8, 0.9, exponent).law
    for g, i in ((1, 1), (3, 2), (7, 0), (7, 7)):
        fix = Fraction(0.8) / Fraction(g**exponent)
        assert law.pmf(g, i) == pytest.approx(exact(fix, 0.9, 0, 0, g, i), rel=1e-12)
        assert ComponentLaw.pmf(law, g, i) == pytest.approx(law.pmf(g, i), rel=1e-12)
    assert Fading(0.8, 0.9, 0).law.pmf(5, 3) == pytest.approx(FixKeep(0.8, 0.9).law.pmf(5, 3))
    assert Fading(1, 0.9, 1e-12).law.pmf(2, 2)[0] == pytest.approx((1e-12 * math.log(2)) ** 2, rel=1e-3)  # digits
    for wrong in (-1, math.nan, math.inf, "1", None):
        refused(["Fading: exponent must be a finite number >= 0"], Fading, 0.5, 0.5, wrong)


@pytest.mark.statistical
def test_runs_of_a_fading_mutator_agree():
    made = sweep(
        problem=BlockOneMax(k=7, l=2),
        mutator=Fading(0.8, 0.95, 0.5),
        schedule=[RoundRobin(g=3), OnlyIncorrect(g=3)],
        runner=OnePlusLambda(),
    )
    assert verdicts(made, 1500) == [Verdict.AGREES] * 2
    assert "law holds" not in [each.name for each in check_mutator(Fading(0.8, 0.95, 0.5)) if each.passed is False]
