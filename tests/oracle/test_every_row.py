"""Every row of the table of rules against a chain on whole solutions that shares nothing with the theory.

Random cells, ends and all (seed fixed): a few a row here, 200 a row in the slow part, 12 where what a run draws of its
own is integrated over. Exact up to rounding, so that any difference is a failure.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from random_cells import ROWS, Draw, heavy, worlds
from runs_of import Gridded, Kept, Rounds

from evo.errors import InputError, NoPrediction
from experiments.predictions.printed import predicts
from experiments.predictions.rules import RULES
from experiments.predictions.setting import Setting, run_law

LAST = 18
NAMED = pytest.mark.parametrize("row", RULES, ids=lambda row: row.name)


def cells_of(row, many, most_k, seed):
    """So many random cells that the row predicts."""
    draw, found = Draw(np.random.default_rng([seed, *row.name.encode()]), most_k), []
    for _ in range(60 * many):
        try:
            cell = ROWS[row.name].cell(draw)
        except InputError:  # parts that do not fit
            continue
        if predicts(row, cell):
            found.append(cell)
        if len(found) == many:
            return found
    raise AssertionError(f"only {len(found)} of {60 * many} cells are predicted")


def known(read):
    """What a law says, or None where it says that it does not know."""
    try:
        return read()
    except NoPrediction:
        return None


def compare(row, cell, run=None):
    """All that the row says of the cell against the chain."""
    run, case = run or run_law(row.formula, Setting(cell.search)), ROWS[row.name]
    infinite = heavy(row.name, cell) if ("Beta" in type(cell.mutator).__name__ and "drawn" in row.name) or (
        "quality of a run" in row.name) else (False, False)  # fmt: skip
    compare_moments(run, case.chain, cell, infinite)
    compare_law(run, case.chain, cell)


def averaged(values, weights):
    if weights is None:
        return values
    return [float(np.sum(value * weights)) for value in values]


def compare_moments(run, kind, cell, infinite):
    world, weights = worlds(cell, 0 if infinite[0] else 1 if infinite[1] else 2)
    found = kind(cell, world).moments()
    if found is None:
        return
    once, twice, hit, square, short = averaged(found, weights)
    optimal = once == 0
    for law, mean, second in ((run.generations, once, twice), (run.hit, hit, square)):
        expected = math.inf if infinite[0] and not optimal else mean
        assert known(lambda law=law: law.mean) in (None, pytest.approx(expected, rel=2e-9))
        variance = known(lambda law=law: law.variance)
        wanted = math.inf if math.isinf(mean) or (infinite[1] and not optimal) else second - mean * mean
        near = {} if math.isinf(wanted) else {"abs": 1e-9 * (second + 1e-3)}
        assert variance in (None, pytest.approx(wanted, rel=1e-7, **near))
        assert variance is None or variance >= 0
    if not math.isinf(once) and not infinite[0]:
        assert known(lambda: run.calls_on_last_chunk) in (None, pytest.approx(short, rel=2e-9, abs=1e-12))
    paid = known(lambda: run.calls.mean)
    if kind.__name__ == "Rounds":
        assert paid == run.hit.mean
    elif paid is not None:
        assert paid == pytest.approx(cell.runner.lam * run.generations.mean)


def compare_law(run, kind, cell):
    world, weights = worlds(cell, 0)
    both = [averaged(cdf, weights) for cdf in kind(cell, world).cdfs(LAST)]
    near = 1e-4 if kind.__name__ == "Stored" else 2e-10
    times = np.arange(LAST + 1)
    for law, cdf in zip((run.generations, run.hit), both, strict=True):
        told = known(lambda law=law: law.cdf(times))
        if told is None:
            continue
        np.testing.assert_allclose(told, cdf, rtol=near, atol=near / 10)
        np.testing.assert_allclose(law.tail(times), 1 - np.array(cdf), rtol=near, atol=near)
        for u in (0.1, 0.5, 0.9):
            if u < cdf[-1] - 10 * near and min(abs(p - u) for p in cdf) > 10 * near:
                assert law.quantile(u) == np.searchsorted(cdf, u)
        assert law.quantile(0.0) == 0.0


def test_every_row_has_its_cells():
    assert set(ROWS) == {row.name for row in RULES}


@NAMED
def test_rows_say_what_a_chain_on_whole_solutions_says(row):
    drawn = "drawn" in row.name
    for cell in cells_of(row, 2 if drawn else 5, 2 if drawn else 3, 1):
        compare(row, cell)


@pytest.mark.slow
@NAMED
def test_rows_say_what_a_chain_on_whole_solutions_says_of_many_cells(row):
    drawn, long = "drawn" in row.name, row.name.startswith(("difficulties", "quality", "success", "the parent keeps"))
    large = ROWS[row.name].chain in (Gridded, Kept, Rounds)  # thousands of states at k = 4
    for cell in cells_of(row, 12 if long else 200, 2 if drawn else 3 if large else 4, 2):
        compare(row, cell)
