"""The study `measured`: known values, money by hand, and a small one of three pairs end to end."""

from dataclasses import replace

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, Prompt, UntilResolved
from experiments import Cell, Grid, Verdict, predict, run_grid
from experiments.checks.check import check
from experiments.fits.claims import check_claims
from experiments.reports.measured import measured as measured_of
from experiments.studies import measured
from experiments.studies.measured import AGENT, GLOBAL, LOCAL, PAPER, RANDOM, WEAK, K, L, arm
from operators import FixKeep
from problems import BlockOneMax

GRID = measured.grid()


def cells_of(name, pair):
    return GRID.arms[arm(name, pair)]


def calls(name, pair):
    (cell,) = [cell for cell in cells_of(name, pair) if cell.problem.k == K and cell.cost != measured.PRICES]
    return predict(cell).mean


@pytest.mark.parametrize(
    ("pair", "expected"),
    [(AGENT, (3.2, 60.5, 272)), (WEAK, (227, 200, 900))],
)
def test_calls_with_measured_pairs(pair, expected):
    found = [calls(name, pair) for name in (GLOBAL, LOCAL, RANDOM)]
    assert found == [pytest.approx(value, abs=0.5 if value > 100 else 0.05) for value in expected]
    assert found[1] == pytest.approx(K / pair[0])  # theory 2h
    assert found[2] == pytest.approx(K / pair[0] * sum(1 / i for i in range(1, K + 1)))  # theory 2b


def bill(name, pair, ratio):
    """Dollars of a run: calls times what a call reads and writes."""
    written = K * L if name == GLOBAL else L
    read = ratio * L - L + written
    return calls(name, pair) * (read * 0.15e-6 + written * 0.6e-6)


@pytest.mark.parametrize("pair", [AGENT, WEAK])
def test_money_is_what_calls_read_and_write(pair):
    for name in (GLOBAL, LOCAL):
        priced = {cell.prompt.head // L + 1: cell for cell in cells_of(name, pair) if cell.cost == measured.PRICES}
        assert tuple(priced) == measured.RATIOS
        for ratio, cell in priced.items():
            assert predict(cell, "cost").mean == pytest.approx(bill(name, pair, ratio))
            assert predict(cell, "cost").mean != pytest.approx(bill(name, pair, ratio + 1))


def test_every_pair_has_all_schedules_and_the_paper_no_bill():
    assert set(GRID.arms) == {arm(name, pair) for pair in measured.PAIRS for name in (GLOBAL, LOCAL, RANDOM)}
    assert [cell.problem.k for cell in cells_of(GLOBAL, PAPER)] == [2, 4, 7, 10]
    keeps = [keep for _, keep in measured.REAL]
    assert keeps == sorted(keeps, reverse=True)
    assert (min(keeps), max(keeps)) == (0.88, 0.9977)


@pytest.fixture(scope="module")
def small():
    """Three pairs, k = 4, 7, 50, 300 runs a cell."""
    arms = {
        arm(name, pair): [cell for cell in cells_of(name, pair) if cell.problem.k in (4, 7, K)]
        for pair in (PAPER, AGENT, WEAK)
        for name in (GLOBAL, LOCAL, RANDOM)
    }
    results = run_grid(Grid("some-pairs", arms, runs=300, batch=300), workers=1)
    checked = check(results)
    return results, measured_of(results, checked)


@pytest.mark.statistical
def test_a_small_study_says_who_wins(small):
    """False-fail rate 1e-6 of the cells; ratios of means within 30 %, five of their standard errors."""
    results, arms = small
    checked = check(results, alpha=1e-6)
    assert checked.count(Verdict.DIFFERS) == 0
    found = measured.findings(arms)
    text = " ".join(found.sentences)
    assert "1.126e+15 calls with fix = keep = 1/2 (exact)" in text
    assert "In calls GLOBAL wins with 1 of the 2 measured pairs" in text
    assert "20 tokens for each it writes, with 1 of them, all with keep >= 0.9977" in text
    assert [row[0] for row in found.rows] == ["0.5 / 0.5", "0.827 / 0.9977", "0.25 / 0.93"]
    exact = {pair: calls(GLOBAL, pair) / calls(LOCAL, pair) for pair in (AGENT, WEAK)}
    for row, pair in zip(found.rows[1:], (AGENT, WEAK), strict=True):
        tokens, passes = (float(each.replace(",", "")) for each in row[4:6])
        assert tokens == pytest.approx(K * exact[pair], rel=0.3)
        assert passes == pytest.approx(K * exact[pair] * (3 * K * L - 1) / (3 * L - 1), rel=0.3)
    claims = [each for each in measured.STUDY.claims if each.arm == arm(GLOBAL, WEAK)]
    assert Verdict.DIFFERS not in [each.verdict for each in check_claims(results, claims)]


def test_another_winner_is_told(small):
    """GLOBAL at a tenth of its calls and cost would win with both pairs."""
    _, arms = small
    quick = {
        name: [replace(each, hit=each.hit / 10, calls=each.calls / 10, cost=each.cost / 100) for each in cells]
        if name.endswith(GLOBAL)
        else cells
        for name, cells in arms.items()
    }
    text = " ".join(measured.findings(quick).sentences)
    assert "In calls GLOBAL wins with 2 of the 2 measured pairs" in text
    assert "with 2 of them, all with keep >= 0.93" in text


def test_points_of_the_money_panel_are_ratios_of_means(small):
    _, arms = small
    axes = measured.figure(arms).axes
    assert len(axes) == 2
    whole, local = (
        [each.cost.mean() for each in arms[arm(name, AGENT)] if each.cell.cost == measured.PRICES]
        for name in (GLOBAL, LOCAL)
    )
    drawn = axes[1].containers[0].lines[0]
    assert drawn.get_xdata().tolist() == list(measured.RATIOS)
    assert drawn.get_ydata().tolist() == pytest.approx(list(np.array(whole) / np.array(local)))


def ratio_with_heads(pair, whole, local):
    """GLOBAL / LOCAL in money with so many tokens of instructions in front of their calls."""
    fix, keep = pair
    task, model = BlockOneMax(k=K, l=L), FixKeep(fix=fix, keep=keep)
    costs = [
        predict(Cell(task, model, schedule, OnePlusLambda(), Prompt(head), measured.PRICES), "cost").mean
        for schedule, head in ((AllBlocks(), whole), (UntilResolved(), local))
    ]
    return costs[0] / costs[1]


@pytest.mark.parametrize("pair", measured.REAL)
def test_what_the_page_says_of_other_readings_of_20_to_1(pair):
    """docs/studies.md: instructions that shrink with the chunk, and 20 : 1 counted in a call on all blocks."""
    same = ratio_with_heads(pair, 19 * L, 19 * L)
    assert same == pytest.approx(bill(GLOBAL, pair, 20) / bill(LOCAL, pair, 20))
    written = K * calls(GLOBAL, pair) / calls(LOCAL, pair)
    assert ratio_with_heads(pair, 19 * K * L, 19 * L) == pytest.approx(written)
    assert written > same > ratio_with_heads(pair, 19 * K * L, 19 * K * L)
