"""Predictions for every operator that errs: reference values, refusals, and simulation of random nestings."""

import math
import re
from random import Random

import pytest

from evo import AllBlocks, Budget, NoPrediction, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.laws.mixtures import BetaQualityLaw
from evo.schedules import Decomposed
from evo.statistics import dkw_halfwidth, dkw_p_value, law_distance
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from experiments.predictions.rules import row_and_law
from experiments.predictions.setting import Setting, always_valid
from experiments.running.simulation import simulate
from operators import (
    BetaBlocks,
    BetaQuality,
    BetaRunQuality,
    Decaying,
    FixKeep,
    Halving,
    Malformed,
    PerBlock,
    Refuse,
    Resample,
    Sparse,
    Spill,
    Vote,
)
from problems import BlockOneMax

SEQ, RR, RANDOM, ORACLE, GLOBAL = UntilResolved(), RoundRobin(), UniformChunk(), OnlyIncorrect(), AllBlocks()
DOWN = UntilResolved(invalid="down")
HALF = Resample(0.5)
P4 = PerBlock((1 / 2, 1 / 3, 1 / 4, 4 / 5))


def cell(k, schedule, mutator, lam=1, accept="strict", budget=Budget(), **start):  # noqa: B008  # parts are immutable
    return Cell(BlockOneMax(k, 2, **start), mutator, schedule, OnePlusLambda(lam, accept), budget=budget)


def bits(n):
    return Sparse(FixKeep(1, 0), 1 / n)


REFERENCES = [
    ("rls-onemax-uniform-n100", cell(100, RANDOM, FixKeep(1, 0), start=0.5), 449.42303370796749514),
    ("rls-onemax-uniform-n1000", cell(1000, RANDOM, FixKeep(1, 0), start=0.5), 6792.3236799903996032),
    ("noop-random", cell(4, RANDOM, Refuse(HALF, 0.1)), 18.518518518518518519),
    ("noop-seq", cell(4, SEQ, Refuse(HALF, 0.1)), 8.8888888888888888889),
    ("noop-per-block-global", cell(4, GLOBAL, Sparse(HALF, 0.25)), 21.165585904822210888),
    ("malformed-rr", cell(4, RR, Malformed(HALF, 0.1)), 14.687035344081184489),
    ("malformed-seq", cell(4, DOWN, Malformed(HALF, 0.1)), 11.075485361199646914),
    ("spill-oracle-k4-strict", cell(4, ORACLE, Spill(HALF, 0.1)), 9.4348422496570644719),
    ("spill-oracle-k4-weak", cell(4, ORACLE, Spill(HALF, 0.1), accept="weak"), 9.4348422496570644719),
    ("spill-random-k4-strict", cell(4, RANDOM, Spill(HALF, 0.1)), 20.875171467764060357),
    ("spill-random-k4-weak", cell(4, RANDOM, Spill(HALF, 0.1), accept="weak"), 20.875171467764060357),
    ("spill-random-k20", cell(20, RANDOM, Spill(HALF, 0.05)), 311.80402476655929457),
    ("spill-rr-strict", cell(4, RR, Spill(HALF, 0.1)), 17.056486220766653650),
    ("hetero-oracle", cell(4, ORACLE, P4), 10.25),
    ("hetero-random", cell(4, RANDOM, P4), 23.083270063556296757),
    ("hetero-rr", cell(4, RR, P4), 19.573280316004774209),
    ("beta-oracle", cell(10, ORACLE, BetaBlocks(5, 3)), 17.5),
    ("quality-global-k4-beta1,1", cell(4, GLOBAL, BetaQuality(1, 1)), 5),
    ("quality-global-k20-beta2,1", cell(20, GLOBAL, BetaQuality(2, 1)), 11),
    ("quality-oracle-k4-beta2,1", cell(4, ORACLE, BetaQuality(2, 1)), 6),
    ("quality-global-k4-beta1,2", cell(4, GLOBAL, BetaQuality(1, 2)), 15),
    ("quality-global-k20-beta1,2", cell(20, GLOBAL, BetaQuality(1, 2)), 231),
    ("quality-oracle-k4-beta1,2", cell(4, ORACLE, BetaQuality(1, 2)), 12),
    ("quality-global-k4-beta2,3", cell(4, GLOBAL, BetaQuality(2, 3)), 14),
    ("quality-global-k20-beta2,3", cell(20, GLOBAL, BetaQuality(2, 3)), 506),
    ("quality-oracle-k4-beta2,3", cell(4, ORACLE, BetaQuality(2, 3)), 10),
    ("ea-onemax-n10-lam1", cell(10, GLOBAL, bits(10)), 56.143435296506745275),
    ("ea-onemax-n10-lam8", cell(10, GLOBAL, bits(10), 8), 10.474450833682147925),
    ("ea-onemax-n50-lam1", cell(50, GLOBAL, bits(50)), 485.66252707488323603),
    ("ea-onemax-n500-uniform", cell(500, GLOBAL, bits(500), start=0.5), 7509.335324381219),
    ("ea-onemax-n1000-uniform", cell(1000, GLOBAL, bits(1000), start=0.5), 16894.68929641383),
    ("run quality, global", cell(2, GLOBAL, BetaRunQuality(4, 1)), 2),
]


@pytest.mark.parametrize(("of", "value"), [row[1:] for row in REFERENCES], ids=[row[0] for row in REFERENCES])
def test_reference_value(of, value):
    assert predict(of, "generations").mean == pytest.approx(value, rel=1e-9)


def test_onemax_by_resampling():
    free = 1 - (1 - 1 / 100) ** 100  # offspring equal to the parent are not counted
    assert free * predict(cell(100, GLOBAL, bits(100), start=0.5)).mean == pytest.approx(678.0528170259133, rel=1e-9)


def test_quality_is_a_power_law():
    k = 10**6
    assert k**3 * BetaQualityLaw(2, 3).pmf(k, k)[k] == pytest.approx(23.999784001319993160, rel=1e-9)
    assert 1 / BetaQualityLaw(2, 3).pmf(20, 20)[20] == pytest.approx(506, rel=1e-12)


def test_length_matters():
    assert predict(cell(4, OnlyIncorrect(2), Decaying((0.9, 0.8)))).mean == pytest.approx(2 / 0.64)
    assert predict(cell(4, OnlyIncorrect(2), Halving(0.8, 1))).mean == pytest.approx(2 / 0.16)
    assert predict(cell(4, ORACLE, Vote(Resample(0.9), 2))).mean == pytest.approx(4 / 0.98780487804878048780)


def test_infinite_means_come_with_medians():
    for schedule in (GLOBAL, SEQ, ORACLE, RR, RANDOM):
        for mutator in (BetaBlocks(0.5, 1), BetaRunQuality(0.5, 1)):
            prediction = predict(cell(3, schedule, mutator))
            assert prediction.mean == prediction.variance == math.inf
            assert float(prediction.cdf(prediction.quantile(0.5))) >= 0.5
            assert 0 < float(prediction.cdf(1000)) < 1


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("of", "missing"),
    [
        (cell(20, RR, Spill(HALF, 0.1)), r"would have 2.097e\+07 states, more than 4096"),
        (cell(20, UniformChunk(2), Spill(HALF, 0.1)), "needs g = 1, got g = 2"),
        (cell(4, UntilResolved(2), Spill(HALF, 0.1)), "needs g = 1 under UntilResolved, got g = 2"),
        (cell(4, UntilResolved(2), P4), "needs g = 1 under UntilResolved, got g = 2"),
        (cell(4, UntilResolved(2), HALF), "needs g = 1 under UntilResolved, got g = 2"),
        (cell(4, RR, Sparse(P4, 0.5)), r"Sparse declares no law around PerBlock"),
        (cell(4, ORACLE, BetaBlocks(2, 1), 2), "needs lam = 1, got lam = 2"),
        (
            cell(4, RR, BetaBlocks(2, 1), incorrect=2),
            "needs blocks independent at the start",
        ),
        (cell(4, SEQ, BetaBlocks(2, 1), start=0.5), "needs all blocks incorrect at the start, got start = 0.5"),
        (
            cell(4, RoundRobin(2), BetaRunQuality(2, 1)),
            r"in turn: needs g = 1, got g = 2\n(.*\n)*  and 2 other rows of the table in",
        ),
        (cell(20, DOWN, Malformed(HALF, 0.1), incorrect=2), "needs blocks independent at the start"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_name_what_is_missing(of, missing):
    with pytest.raises(NoPrediction, match=missing) as caught:
        predict(of)
    head, *lines = str(caught.value).splitlines()
    assert head.startswith("no exact prediction for ") or len(lines) == 0
    for line in lines:
        assert re.match(r"  .+: .+|  and \d+ other rows? of the table in", line)


def row_of(of):
    return row_and_law(Setting(of.search))[0]


def test_rules_of_formulas_come_before_enumeration():
    assert row_of(cell(4, ORACLE, P4)).name == "blocks that differ, only incorrect blocks"
    assert row_of(cell(4, OnlyIncorrect(2), P4)).name == "all solutions, one by one"
    assert row_of(cell(4, RR, Spill(HALF, 0.1))).name == "all solutions, one by one"
    assert row_of(cell(4, Decomposed(RR, writes=1), HALF)).name == "chunks in turn"


def test_a_trap_too_large_for_a_chain_has_its_mean():
    of = cell(40, DOWN, Malformed(HALF, 0.1))
    assert predict(of).mean > 40 / 0.45
    with pytest.raises(NoPrediction, match="beyond the mean"):
        assert predict(of).variance


def test_who_is_always_valid():
    valid = (HALF, P4, BetaBlocks(1, 1), BetaRunQuality(1, 1), Spill(HALF, 0.1))
    assert [always_valid(cell(4, RR, mutator)) for mutator in valid] == [True] * len(valid)
    for mutator in (Malformed(HALF, 0.1), Spill(Malformed(HALF, 0.1), 0.1), Sparse(P4, 0.5)):
        assert not always_valid(cell(4, RR, mutator))


# ---------------------------------------------------------------------------------------------- against the engine

CELLS, RUNS = 60, 2000
EACH = 1e-6 / CELLS


def random_mutator(random, k, g):
    kind = random.randint(0, 9)
    if kind == 0:
        return PerBlock(tuple(random.choice((0.3, 0.5, 0.9)) for _ in range(k)))
    if kind == 1:
        return BetaBlocks(random.choice((0.7, 2)), random.choice((0.5, 1)))
    if kind == 2:
        return BetaRunQuality(random.choice((0.7, 2)), random.choice((0.5, 1)))
    inner = random.choice(
        [HALF, FixKeep(0.4, 0.9), BetaQuality(2, 1), Halving(0.8, 3), Decaying((0.9, 0.8, 0.7) + (0.6,) * k)]
    )
    for _ in range(random.randint(1, 3)):
        rate = random.choice((0.1, 0.4))
        wrapped = (Sparse(inner, 1 - rate), Refuse(inner, rate), Malformed(inner, rate, 0.05))
        inner = random.choice(wrapped)
    return Spill(inner, random.choice((0.05, 0.2))) if kind > 5 else inner


def random_cell(random):
    k = random.randint(2, 6)
    g = random.choice((1, 1, random.randint(1, k)))
    schedule = random.choice([GLOBAL, SEQ, DOWN, RoundRobin(g), UniformChunk(g), OnlyIncorrect(g)])
    start = random.choice([{}, {"start": 0.4}, {"incorrect": random.randint(1, k)}])
    lam, accept = random.choice((1, 1, 2, 3)), random.choice(("strict", "weak"))
    return cell(k, schedule, random_mutator(random, k, g), lam, accept, Budget(random.choice((30, 100))), **start)


def p_value(of, runs):
    law, hits = predict(of).law, runs.hit[runs.hit >= 0].astype(float)
    last = math.inf if len(hits) == len(runs.hit) else float(runs.calls[runs.hit < 0].min())
    return dkw_p_value(len(runs.hit), law_distance(hits, len(runs.hit), law, last))


@pytest.mark.statistical
@pytest.mark.parametrize("cells", [25, pytest.param(CELLS, marks=pytest.mark.slow)])
def test_random_nestings_follow_their_predictions(cells):
    """Whole laws by DKW; false-fail rate 1e-6 for all cells together; found w.p. 0.999: a cdf that is off by 0.12."""
    assert dkw_halfwidth(RUNS, EACH) + dkw_halfwidth(RUNS, 2e-3) < 0.12
    random, worst, number = Random(3), {}, 0
    while len(worst) < cells:
        of, number = random_cell(random), number + 1
        try:
            predict(of)
        except NoPrediction:
            continue
        worst[of.identity, number] = p_value(of, simulate(of, number, 0, RUNS))
    assert {text: p for text, p in worst.items() if p < EACH} == {}
    assert number < 3 * cells


@pytest.mark.statistical
def test_wrong_predictions_are_found():
    """The twin: the runs of one operator beside the prediction of another."""
    for right, wrong in (
        (Spill(HALF, 0.3), Spill(HALF, 0.1)),
        (P4, PerBlock((0.5, 0.5, 0.5, 0.5))),
        (BetaBlocks(1, 1), BetaRunQuality(1, 1)),
    ):
        runs = simulate(cell(4, ORACLE, right, budget=Budget(200)), 1, 0, RUNS)
        assert p_value(cell(4, ORACLE, right), runs) >= EACH > p_value(cell(4, ORACLE, wrong), runs)
