"""Ends: rates of 0, 1, nearly 0 and nearly 1, no incorrect block, one block, very many offspring.

For every row: no nan, no negative variance, no quantile below 0, no probability outside [0, 1]. Where the parts allow
it the chain on whole solutions says in exact fractions what is right.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from calls_of import World
from random_cells import ROWS, Draw
from runs_of import Gridded, Kept, OneParent, Rounds
from test_every_row import NAMED, known

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, UntilResolved
from evo.errors import InputError
from evo.laws.counts import IndependentBlocks
from evo.laws.special import BetaBlocksLaw, LearningLaw, RunQualityLaw
from experiments import Cell
from experiments.predictions.predict import predict
from experiments.predictions.printed import predicts
from experiments.predictions.rules import RULES
from experiments.predictions.setting import Setting, run_law
from operators import FixKeep, Learning, Refuse, Resample, Sparse, Vote
from problems import BlockOneMax

TINY, NEARLY = 1e-8, 1 - 1e-12
LEVELS = (0.0, 1e-12, 0.1, 0.5, 0.9, 1 - 1e-12)
FEW, MANY = 1, 4
LONG_SUMS = ("difficulties", "quality", "blocks that differ, in turn", "the parent")
"""Rows whose laws take seconds a cell: in the slow part alone."""


class Ends(Draw):
    """Parameters at their ends."""

    def share(self, low=0.05, high=0.95):
        if high > 1:  # of a Beta law
            return self.one(0.4, 1.0, 2.5)
        return self.one(TINY, 1e-3, 0.5, 1 - 1e-3, NEARLY)

    def rate(self):
        return self.one(0.0, TINY, 0.5, NEARLY, 1.0)

    def plain(self):
        return self.one(Resample(self.rate()), FixKeep(self.rate(), self.rate()), FixKeep(self.rate(), self.rate()))

    def k(self, least=1):
        return self.one(1, 2, 2)

    def lam(self, most=5):
        return self.one(1, 1, 1, 2, 2, 100_000) if most == 5 else self.one(1, 2)

    def start(self, k):
        some = ({}, {"start": TINY}, {"start": NEARLY}, {"start": 1.0}, {"start": 0.5})
        return self.one(*some, {"incorrect": 0}, {"incorrect": 1}, {"incorrect": k})


def cells_at_ends(row, many, seed=3):
    draw, found = Ends(np.random.default_rng([seed, *row.name.encode()])), []
    for _ in range(20 * many):
        try:
            cell = ROWS[row.name].cell(draw)
        except InputError:
            continue
        if predicts(row, cell):
            found.append(cell)
        if len(found) == many:
            break
    return found


def expect_sound(cell, run):
    """All that can be asked of a law, where it is known."""
    for law in (run.hit, run.generations, run.calls):
        mean, variance = known(lambda law=law: law.mean), known(lambda law=law: law.variance)
        assert mean is None or mean >= 0.0, cell.text
        assert variance is None or variance >= 0.0, cell.text
        times = np.array([-1.0, 0.0, 1.0, 2.0, 5.0, 100.0, math.inf])
        for of in (law.cdf, law.tail):
            told = known(lambda of=of, times=times: of(times))
            assert told is None or ((told >= 0.0) & (told <= 1.0)).all(), cell.text
        levels = [known(lambda u=u, law=law: law.quantile(u)) for u in LEVELS]
        assert all(level is None or level >= 0.0 for level in levels), cell.text
        assert None in levels or levels == sorted(levels), cell.text
    short = known(lambda: run.calls_on_last_chunk)
    assert short is None or short >= 0.0, cell.text
    for quantity in ("hit", "calls", "generations", "cost"):
        mean = known(lambda quantity=quantity: predict(cell, quantity).mean)
        assert mean is None or mean >= 0.0, cell.text


MUCH = pytest.mark.parametrize("many", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


@NAMED
@MUCH
def test_no_row_says_what_cannot_be(row, many):
    if many == FEW and row.name.startswith(LONG_SUMS):
        pytest.skip("long sums; in the slow part")
    cells = cells_at_ends(row, many)
    assert cells
    for cell in cells:
        expect_sound(cell, run_law(row.formula, Setting(cell.search)))


EXACT = [
    row
    for row in RULES
    if ROWS[row.name].chain in (OneParent, Gridded, Kept, Rounds)
    and row.law not in (BetaBlocksLaw, RunQualityLaw, LearningLaw)
]


def expect_exact(cell, run, kind):
    once, twice, hit, square, short = kind(cell, World(Fraction)).moments()
    near = 0.0 if cell.problem.incorrect is not None or cell.problem.start in (0.0, 1.0) else 1e-15
    """A start that is optimal w.p. 1 - 1e-12 leaves four digits of what it is not."""
    for law, mean, second in ((run.generations, once, twice), (run.hit, hit, square)):
        told, variance = known(lambda law=law: law.mean), known(lambda law=law: law.variance)
        if math.isinf(mean):
            assert (told, variance) in ((math.inf, math.inf), (None, None), (math.inf, None)), cell.text
            continue
        assert told is None or told == pytest.approx(float(mean), rel=1e-11, abs=near), cell.text
        right = float(second - mean * mean)
        assert variance is None or variance == pytest.approx(right, rel=1e-8, abs=max(near, 1e-300)), cell.text
    if not math.isinf(once):
        assert known(lambda: run.calls_on_last_chunk) in (None, pytest.approx(float(short), rel=1e-10, abs=near)), (
            cell.text
        )


@MUCH
@pytest.mark.parametrize("row", EXACT, ids=lambda row: row.name)
def test_rows_keep_their_digits(row, many):
    for cell in (cell for cell in cells_at_ends(row, 2 * many) if cell.runner.lam <= 2):
        expect_exact(cell, run_law(row.formula, Setting(cell.search)), ROWS[row.name].chain)


def cell_of(problem, mutator, schedule, lam=1):
    return Cell(problem, mutator, schedule, OnePlusLambda(lam), budget=None)


def test_published_ends():
    """Means and variances that were lost to a difference of nearly equal numbers once."""
    rarely = cell_of(BlockOneMax(2, 1, start=0.5), Sparse(FixKeep(1.0, 1 - 1e-9), rate=1e-8), UntilResolved())
    assert predict(rarely).mean == pytest.approx(2.5e16, rel=1e-6)
    never = Vote(Refuse(Resample(0.5), rate=1.0), ahead=2, wrong="distinct")
    for quantity in ("calls", "cost"):
        assert predict(cell_of(BlockOneMax(1, 2, incorrect=0), never, OnlyIncorrect()), quantity).mean == 0.0
    many = predict(cell_of(BlockOneMax(8, 1), Resample(0.5), AllBlocks(), 5000), "generations")
    assert many.variance == pytest.approx(3.17011935e-9, rel=1e-8)
    for k in (1, 5, 40):
        assert predict(cell_of(BlockOneMax(k, 1), Learning(1.0, 0.0, 5.0), AllBlocks())).mean == 1.0


def test_the_same_law_from_fewer_digits_is_found():
    """The twin: what 1 - fix and 1 - keep lose is seen."""
    row = next(row for row in RULES if row.name == "one block a call until resolved")
    cell = cell_of(BlockOneMax(2, 1, start=0.5), Sparse(FixKeep(1.0, 1 - 1e-9), rate=1e-5), UntilResolved())
    run = run_law(row.formula, Setting(cell.search))
    expect_exact(cell, run, OneParent)
    rounded = IndependentBlocks(1e-5, 1 - 1e-14)
    with pytest.raises(AssertionError):
        expect_exact(cell, row.formula(rounded, 2, Setting(cell.search).start), OneParent)
