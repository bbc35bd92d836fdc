"""Predictions under noise and with several parents, against known values and the engine, and where they are refused.

The engine's runs: fixed seed, each test fails falsely w.p. 2e-6 at most (|z| < 4.9, and a DKW bound); a mean
off by 20 %, or a law off by 0.1, would be found.
"""

import math

import numpy as np
import pytest

from evo import AllBlocks, NoPrediction, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.batch import Batch
from evo.engine import run_batch
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.schedules import UniformSubset
from evo.search import Search
from evo.seeding import streams
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from operators import FixKeep, Malformed, PerBlock, Refuse, Resample, Spill
from problems import BlockOneMax, Judged, Noisy

HALF, UNEVEN = Resample(p=0.5), FixKeep(fix=0.4, keep=0.7)
FOUR = BlockOneMax(k=4, l=1)
ONE = OnePlusLambda()
Z = 4.9


def cell(problem=FOUR, schedule=None, runner=ONE, mutator=HALF):
    return Cell(problem, mutator, schedule or UniformChunk(), runner)


def kept(k, sigma):
    return Noisy(BlockOneMax(k, 1), sigma, reevaluate=False)


@pytest.mark.parametrize(
    ("name", "problem", "schedule", "value"),
    [
        ("noise-gauss-random-k4-s1-m1", Noisy(FOUR, 1.0), UniformChunk(), 29.499197769275200615),
        ("noise-gauss-random-k4-s1-m4", Noisy(FOUR, 1.0, samples=4), UniformChunk(), 19.579922593687432261),
        ("noise-gauss-random-k10-s1-m4", Noisy(BlockOneMax(10, 1), 1.0, 4), UniformChunk(), 79.489388778183688907),
        ("noise-gauss-oracle", Noisy(BlockOneMax(10, 1), 1.0), OnlyIncorrect(), 26.307137924622845987),
        ("noise-noreeval-j1-s1_2", kept(1, 0.5), OnlyIncorrect(), 2.5017403093721350929),
        ("noise-noreeval-j1-s2", kept(1, 2.0), OnlyIncorrect(), 121.11799461296124104),
        ("noise-noreeval-j3", kept(3, 0.5), OnlyIncorrect(), 7.625097426014822),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_reference_values(name, problem, schedule, value):
    assert predict(cell(problem, schedule)).mean == pytest.approx(value, rel=1e-9)


def test_the_calls_of_a_judge_that_votes():
    """Vote-judge-calls: p = 1/2, votes right w.p. 4/5, ahead by 3: two calls a rewrite that is voted correct."""
    known = predict(cell(Judged(BlockOneMax(1, 1), 0.2, 0.2, ahead=3, persistent=True), OnlyIncorrect()))
    error = 1 / (1 + 4**3)
    accepted = 0.5
    right = (1 - error) * 0.5 * (1 - error) / accepted  # and the initial text was judged wrong
    assert float(known.cdf(1)) == pytest.approx(right * accepted, rel=1e-12)
    assert float(known.cdf(math.inf)) == pytest.approx(right, rel=1e-12)
    assert math.isinf(known.mean)


SETTINGS = {
    "gauss, random": cell(Noisy(FOUR, 0.7), mutator=UNEVEN),
    "gauss, random, weak, samples": cell(Noisy(FOUR, 1.0, samples=2), runner=OnePlusLambda(accept="weak")),
    "gauss, whole": cell(Noisy(FOUR, 1.0), AllBlocks(), mutator=UNEVEN),
    "gauss, subsets": cell(Noisy(FOUR, 1.0), UniformSubset(2), mutator=UNEVEN),
    "gauss, in turn": cell(Noisy(FOUR, 1.0), RoundRobin()),
    "gauss, chunks at random": cell(Noisy(FOUR, 0.5), UniformChunk(g=2), mutator=UNEVEN),
    "gauss, blocks that differ": cell(Noisy(FOUR, 0.5), mutator=PerBlock((0.5, 0.3, 0.6, 0.8))),
    "gauss, some correct at first": cell(Noisy(BlockOneMax(4, 1, start=0.4), 1.0)),
    "gauss, malformed": cell(Noisy(FOUR, 1.0), mutator=Malformed(UNEVEN, 0.2)),
    "gauss, no noise": cell(Noisy(FOUR, 0.0), mutator=UNEVEN),
    "judged": cell(Judged(FOUR, 0.1, 0.2), mutator=UNEVEN),
    "judged, weak": cell(Judged(FOUR, 0.1, 0.2), runner=OnePlusLambda(accept="weak")),
    "judged, samples": cell(Judged(FOUR, 0.2, 0.2, samples=3)),
    "judged, votes": cell(Judged(FOUR, 0.2, 0.2, votes=3)),
    "judged, ahead": cell(Judged(FOUR, 0.2, 0.2, ahead=2)),
    "judged, changed": cell(Judged(FOUR, 0.1, 0.2, blocks="changed"), mutator=UNEVEN),
    "judged, changed, weak": cell(Judged(FOUR, 0.1, 0.1, blocks="changed"), runner=OnePlusLambda(accept="weak")),
    "judged, changed, samples": cell(Judged(FOUR, 0.2, 0.1, blocks="changed", samples=2)),
    "judged, changed, in turn": cell(Judged(FOUR, 0.1, 0.1, blocks="changed"), RoundRobin()),
    "judged, whole": cell(Judged(FOUR, 0.1, 0.2, blocks="changed"), AllBlocks()),
    "judged, only incorrect": cell(Judged(FOUR, 0.1, 0.2), OnlyIncorrect()),
    "archive, uniform": cell(runner=Archive(3), mutator=UNEVEN),
    "archive, proportional": cell(runner=Archive(4, "proportional")),
    "archive, last": cell(runner=Archive(4, "last"), mutator=UNEVEN),
    "archive, whole": cell(schedule=AllBlocks(), runner=Archive(3), mutator=UNEVEN),
    "archive, subsets": cell(schedule=UniformSubset(2), runner=Archive(3), mutator=UNEVEN),
    "archive, only incorrect": cell(schedule=OnlyIncorrect(), runner=Archive(3)),
    "archive, malformed": cell(runner=Archive(3), mutator=Malformed(HALF, 0.3)),
    "mu + 1": cell(BlockOneMax(4, 1, start=0.4), runner=MuPlusLambda(3)),
    "fresh, mu + 3": cell(BlockOneMax(2, 1, start=0.1), AllBlocks(), MuPlusLambda(3, lam=3)),
    "fresh, islands": cell(BlockOneMax(3, 1), AllBlocks(), Islands(3, 5)),
    "fresh, islands that migrate": cell(BlockOneMax(3, 1), AllBlocks(), Islands(2, 2, archive=2, migrate=1)),
    "fresh, archive of 2 offspring": cell(BlockOneMax(3, 1), AllBlocks(), Archive(10, "proportional", lam=2)),
    "subsets": cell(schedule=UniformSubset(3), mutator=UNEVEN, runner=OnePlusLambda(3)),
}  # fmt: skip


ROWS_HAVE_THEM = (
    "gauss, whole",
    "gauss, subsets",
    "gauss, in turn",
    "gauss, chunks at random",
    "gauss, no noise",
    "judged",
    "judged, weak",
    "judged, whole",
    "judged, only incorrect",
    "archive, uniform",
    "archive, whole",
    "archive, subsets",
    "archive, only incorrect",
    "subsets",
)
"""What nothing but a schedule tells from others: each row of the table has its runs (`test_rows.py`) and its chain."""


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(of, id=name, marks=pytest.mark.slow if name in ROWS_HAVE_THEM else ())
        for name, of in SETTINGS.items()
    ],
)
def test_predictions_hold_in_the_engine(of):
    known, runs = predict(of), 4000
    counts, _ = run_batch(
        Search(of.problem, of.mutator, of.schedule, of.runner), Batch(streams(3, of.identity, 0), runs)
    )
    assert abs(counts.hit.mean() - known.mean) < Z * math.sqrt(known.variance / runs)
    assert Z * math.sqrt(known.variance / runs) < 0.1 * known.mean
    times = np.unique(counts.hit)
    found = np.searchsorted(np.sort(counts.hit), times, side="right") / runs
    assert np.abs(found - known.cdf(times)).max() < math.sqrt(math.log(2e6) / (2 * runs)) < 0.05


STUCK = {
    "lasting judgements, only incorrect": cell(Judged(FOUR, 0.1, 0.2, persistent=True), OnlyIncorrect()),
    "lasting judgements, random": cell(Judged(FOUR, 0.1, 0.2, persistent=True), mutator=UNEVEN),
    "lasting judgements of changed blocks": cell(Judged(FOUR, 0.1, 0.2, blocks="changed", reevaluate=False)),
    "lasting judgements that were voted on": cell(Judged(FOUR, 0.1, 0.2, votes=3, persistent=True)),
    "lasting judgements, some correct": cell(Judged(BlockOneMax(4, 1, 0.5), 0.1, 0.3, persistent=True), mutator=UNEVEN),
    "a value that is kept": cell(Noisy(FOUR, 1.0, reevaluate=False), OnlyIncorrect()),
}  # fmt: skip


@pytest.mark.parametrize("of", STUCK.values(), ids=STUCK)
def test_laws_without_a_variance_hold_in_the_engine(of):
    known, runs, budget = predict(of), 4000, 150
    assert math.isinf(known.variance)
    of = Cell(of.problem, of.mutator, of.schedule, of.runner, budget=type(of.budget)(calls=budget))
    counts, _ = run_batch(
        Search(of.problem, of.mutator, of.schedule, of.runner), Batch(streams(3, of.identity, 0), runs, of.limits)
    )
    times = np.arange(budget + 1)
    hits = np.sort(counts.hit[counts.hit >= 0])
    found = np.searchsorted(hits, times, side="right") / runs
    assert np.abs(found - known.cdf(times)).max() < math.sqrt(math.log(2e6) / (2 * runs)) < 0.05


@pytest.mark.parametrize(
    ("of", "missing"),
    [
        (cell(Noisy(FOUR, 1.0), runner=OnePlusLambda(2)), "lam = 2"),
        (cell(Noisy(FOUR, 1.0, reevaluate=False), RoundRobin()), "RoundRobin"),
        (cell(Noisy(FOUR, 1.0), UntilResolved()), "UntilResolved"),
        (cell(Judged(FOUR, 0.1, 0.1, persistent=True, samples=2)), "samples = 2"),
        (cell(Judged(FOUR, 0.1, 0.1, persistent=True), runner=OnePlusLambda(accept="weak")), "weak"),
        (cell(Judged(FOUR, 0.1, 0.1, blocks="changed"), UniformSubset(2)), "changed"),
        (cell(Noisy(FOUR, 1.0), runner=Archive(2)), "Archive"),
        (cell(Judged(FOUR, 0.4, 0.4, blocks="changed"), mutator=Spill(UNEVEN, 0.3)), "change others"),
        (cell(Judged(FOUR, 0.2, 0.0, persistent=True), OnlyIncorrect(), mutator=Refuse(HALF, 0.8)), "Refuse"),
        (cell(runner=Islands()), "Islands"),
        (cell(runner=Archive(2, lam=2)), "lam = 2"),
        (cell(schedule=RoundRobin(), runner=Archive(2)), "RoundRobin"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_known_is_refused(of, missing):
    with pytest.raises(NoPrediction, match=missing):
        predict(of)


def test_an_archive_that_has_too_many_states_is_refused():
    with pytest.raises(NoPrediction, match="more than 4096 states"):
        predict(cell(BlockOneMax(20, 1), runner=Archive(50))).mean  # noqa: B018


def test_polynomial_only_with_enough_samples():
    """Theory 8b: k = 50, sigma = 1: 17867 times slower than without noise; m = 4 ln k samples: at most three times."""
    exact = predict(cell(BlockOneMax(50, 1))).mean
    assert predict(cell(Noisy(BlockOneMax(50, 1), 1.0))).mean / exact == pytest.approx(17867, rel=1e-4)
    assert predict(cell(Noisy(BlockOneMax(50, 1), 1.0, math.ceil(4 * math.log(50))))).mean < 3 * exact
