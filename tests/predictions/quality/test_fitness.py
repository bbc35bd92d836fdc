"""Fitness at a budget: published values, what a budget pays for, closed forms, and what is refused (theory 17a)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Budget,
    Islands,
    Merged,
    OnePlusLambda,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.errors import InputError, NoPrediction
from evo.laws.special import BetaBlocksLaw
from evo.schedules import Decomposed
from evo.theory.calls.starts import Start
from evo.theory.quality.difficulty import beta_at_random
from experiments import Cell, fitness_table, predict
from experiments.grids.grid import Grid
from experiments.predictions.printed import printed_rules
from experiments.predictions.quality.rules import QUALITY_RULES
from operators import BetaBlocks, BetaRunQuality, FixKeep, Malformed, Resample, Vote
from problems import BlockOneMax, LeadingBlocks, Noisy, Trap, WeightedBlocks


@dataclass(frozen=True)
class EvaluationsToo:
    """A price of calls, and of evaluations."""

    call: float = 1.0
    evaluation: float = 0.0

    @property
    def weights(self):
        return np.array([self.call, self.evaluation, 0.0, 0.0, 0.0, 0.0])


KINDS = {kind.__name__: kind for kind in (UntilResolved, RoundRobin, UniformChunk, OnlyIncorrect)}

# schedule, k, g, fix, keep, lam, start, generations; E[fitness], P(solved), P(improve) in the first and last generation
VALUES = """
AllBlocks 5 5 0.5 0.5 1 0.0 40 4.7189066203612295 0.7191537556638454 0.96875 0.009107082289035343
AllBlocks 5 5 0.5 0.5 1 0.0 20 4.454329224065703 0.4700507153168766 0.96875 0.020118914565278343
AllBlocks 5 5 0.5 0.5 1 0.0 6 3.8700790982693434 0.17344778683036566 0.96875 0.09182799234986305
AllBlocks 6 6 0.3 0.9 1 0.0 8 5.305090830046865 0.455445657091834 0.8823509999999994 0.1543782553124597
AllBlocks 6 6 0.3 0.9 1 0.0 25 5.9767674368426515 0.9768430960897861 0.8823509999999994 0.005004045266111029
AllBlocks 6 6 0.3 0.9 1 0.0 50 5.999822724416635 0.9998227254610699 0.8823509999999994 3.8164612124570706e-05
AllBlocks 6 6 0.3 0.9 4 0.5 2 5.303315212160424 0.4382101603016706 0.8846618376307517 0.6138343169856444
AllBlocks 6 6 0.3 0.9 4 0.5 12 5.999707448043677 0.9997074505972668 0.8846618376307517 0.00034558068341244725
AllBlocks 6 6 0.3 0.9 4 0.5 6 5.968502225507431 0.9686203671845904 0.8846618376307517 0.03700248870192682
AllBlocks 5 5 0.2 0.99 1 0.25 3 3.0612358943365754 0.08482081404525751 0.5517054515917997 0.39078580173439764
UntilResolved 6 1 0.5 0.5 1 0.0 8 3.9609375 0.14453125 0.5 0.46875
UntilResolved 6 1 0.5 0.5 1 0.0 16 5.843536376953125 0.8949432373046875 0.5 0.075439453125
UntilResolved 6 1 0.5 0.5 1 0.0 2 1.0 0 0.5 0.5
UntilResolved 6 1 0.3 0.9 1 0.5 5 3.627120000000002 0.045230781250000004 0.15000000000000002 0.10571999999999993
UntilResolved 6 1 0.3 0.9 1 0.5 30 5.328993952463289 0.5793360943645249 0.15000000000000002 0.041490730927343546
UntilResolved 5 1 0.3 0.9 3 0.5 10 4.499683932286405 0.6425537517463686 0.3285 0.11105175328110806
UntilResolved 5 1 0.3 0.9 3 0.5 5 3.7407574913182717 0.2317053076068848 0.3285 0.20313903736627173
RoundRobin 6 1 0.5 0.5 1 0.0 5 2.5 0 0.5 0.5
RoundRobin 6 1 0.5 0.5 1 0.0 30 5.8125 0.8265522131696343 0.5 0.03125
RoundRobin 6 1 0.5 0.5 1 0.0 15 4.875 0.282623291015625 0.5 0.125
RoundRobin 6 2 0.3 0.9 1 0.0 24 5.57411598196288 0.6390826911090582 0.5099999999999999 0.05245329165505162
RoundRobin 6 2 0.3 0.9 1 0.0 4 2.2073999999999985 0.0020047499999999974 0.5099999999999999 0.3632999999999993
RoundRobin 5 2 0.4 0.8 2 0.3 7 4.510273163018239 0.5849593871735069 0.6522879999999995 0.14526640816127995
UniformChunk 6 1 0.5 0.5 1 0.0 10 3.4865766726924416 0.016616835243144862 0.49999999999999994 0.2284930297552329
UniformChunk 6 2 0.3 0.9 1 0.0 40 5.878835361502629 0.8837889708036034 0.51 0.01196651051580563
UniformChunk 6 2 0.3 0.9 1 0.0 20 5.185808141427348 0.4042358055739127 0.51 0.07982641961558004
UniformChunk 6 2 0.3 0.9 1 0.0 6 2.7734811467579994 0.006900012540000005 0.51 0.30962659097099937
UniformChunk 6 1 0.3 0.9 4 0.5 16 5.860900265826183 0.8671426311490742 0.4617000000000001 0.03135753501975799
UniformChunk 5 2 0.4 0.8 2 0.3 2 2.797635468781036 0.037406889438814796 0.6170453333333329 0.5132175393374812
UniformChunk 5 2 0.4 0.8 2 0.3 6 4.148236506960623 0.36617112551116276 0.6170453333333329 0.2176711561634674
OnlyIncorrect 6 1 0.3 0.9 1 0.0 4 1.2000000000000002 0 0.30000000000000004 0.30000000000000004
OnlyIncorrect 6 2 0.3 0.9 1 0.5 9 5.272346196792 0.5805785846118935 0.3445312499999998 0.14471394400020665
OnlyIncorrect 6 2 0.3 0.9 1 0.5 18 5.893443509470958 0.9244452903491537 0.3445312499999998 0.026950325675877823
OnlyIncorrect 6 2 0.3 0.9 1 0.5 3 4.004884312499997 0.14710065624999996 0.3445312499999998 0.2855573437499998
"""
"""Computed by a program that shares nothing with this one."""


@pytest.mark.parametrize("line", VALUES.strip().splitlines(), ids=lambda line: " ".join(line.split()[:8]))
def test_published_values(line):
    schedule, *numbers = line.split()
    k, g, fix, keep, lam, start, generations, fitness, solved, first, last = map(float, numbers)
    k, g, lam, generations = (int(number) for number in (k, g, lam, generations))
    chosen = AllBlocks() if schedule == "AllBlocks" else KINDS[schedule](g)
    cell = Cell(BlockOneMax(k, 4, start=start), FixKeep(fix, keep), chosen, OnePlusLambda(lam))
    found = predict(cell, "fitness", generations=generations)
    assert found.mean == pytest.approx(fitness, abs=1e-9)
    assert found.solved == pytest.approx(solved, abs=1e-9)
    assert found.improve == pytest.approx(last, abs=1e-9)
    assert predict(cell, "fitness", generations=1).improve == pytest.approx(first, abs=1e-9)
    assert found.solved == pytest.approx(float(predict(cell, "generations").cdf(generations)), abs=1e-12)


def cell(k=8, mutator=None, schedule=None, lam=1, **more):
    return Cell(BlockOneMax(k, 4), mutator or FixKeep(0.4, 0.8), schedule or UniformChunk(), OnePlusLambda(lam), **more)


def told(of, **budget):
    return predict(of, "fitness", **budget)


# ----------------------------------------------------------------------------------------------- what a budget pays for


@pytest.mark.parametrize(("calls", "generations"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_a_generation_that_is_begun_is_paid_whole(calls, generations):
    found = told(cell(lam=4), calls=calls)
    assert (found.generations, found.calls) == (generations, 4 * generations)
    assert found.mean == told(cell(lam=4), generations=generations).mean


def test_llm_calls_beside_an_answer_are_paid_for():
    assert told(cell(schedule=Decomposed(UniformChunk(), writes=3)), calls=9).generations == 5


@pytest.mark.parametrize(("cost", "generations"), [(1.0, 1), (1.99, 1), (2.0, 2), (2.0 - 1e-13, 2), (7.5, 7)])
def test_a_cost_buys_whole_calls(cost, generations):
    priced = cell(cost=LLMPrimitive())
    each = predict(priced, "cost").unit
    assert told(priced, cost=cost * each).generations == generations
    assert told(cell(lam=4, cost=LLMPrimitive()), cost=cost * each).generations == math.ceil(generations / 4)


def test_evaluations_are_paid_for():
    assert told(cell(cost=EvaluationsToo(evaluation=0.25)), cost=10.0).generations == 8
    noisy = Noisy(BlockOneMax(8, 4), 1.0, samples=2)  # both sides, two evaluations each
    priced = Cell(noisy, FixKeep(0.4, 0.8), UniformChunk(), OnePlusLambda(), cost=EvaluationsToo(evaluation=0.25))
    assert told(priced, cost=10.0).generations == 5


def test_starts_share_the_budget():
    one, best = told(cell(), calls=10), told(cell(), calls=31, starts=3)
    assert (best.generations, best.calls, best.starts) == (10, 30, 3)
    np.testing.assert_allclose(np.cumsum(best.chances), np.cumsum(one.chances) ** 3, atol=1e-12)
    assert best.mean == pytest.approx(sum(1 - float(one.cdf(v)) ** 3 for v in range(8)), abs=1e-12)
    later = told(cell(), calls=33, starts=3)
    assert best.gain == pytest.approx(later.mean - best.mean, abs=1e-12)
    assert best.gain_of_a_call == pytest.approx(best.gain / 3)
    with pytest.raises(NoPrediction, match="of one run"):
        _ = best.improve


def test_the_cell_s_own_budget_is_not_looked_at():
    assert told(cell(budget=Budget(calls=3)), calls=40).mean == told(cell(), calls=40).mean


def test_nothing_made_is_the_start():
    found = told(Cell(BlockOneMax(4, 2, start=0.5), Resample(0.5), AllBlocks(), OnePlusLambda()), generations=0)
    np.testing.assert_allclose(found.chances, [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16])
    assert (found.quantile(0.0), found.quantile(0.5)) == (0.0, 2.0)
    with pytest.raises(NoPrediction):
        _ = found.improve


# --------------------------------------------------------------------------------------------------------- closed forms


def test_closed_forms_of_counts():
    """E[f_t] = k - j (1 - a/k)^t (2c), k - j + E[min(j, Bin(t, a))] (2a), sum over v of 1 - F(v-1)^t (1d)."""
    k, a, t, j = 12, 0.4, 17, 5
    for kind, expected in (
        (UniformChunk, k - j * (1 - a / k) ** t),
        (OnlyIncorrect, k - j + sum(min(j, n) * math.comb(t, n) * a**n * (1 - a) ** (t - n) for n in range(t + 1))),
    ):
        one = Cell(BlockOneMax(k, 2, incorrect=j), FixKeep(a, 0.7), kind(), OnePlusLambda())
        assert told(one, calls=t).mean == pytest.approx(expected, rel=1e-12)
    cdf = [sum(math.comb(k, n) for n in range(v + 1)) / 2**k for v in range(k)]
    sampled = Cell(BlockOneMax(k, 2), Resample(0.5), AllBlocks(), OnePlusLambda(3))
    assert told(sampled, calls=3 * t).mean == pytest.approx(sum(1 - f ** (3 * t) for f in cdf), rel=1e-12)


def test_sampling_where_the_optimum_is_out_of_reach():
    """Theory 1d: k = 100, p = 1/2: 66.07 after a thousand calls, 73.84 after a million; and a budget of 10^15."""
    cell_of = Cell(BlockOneMax(100, 1), Resample(0.5), AllBlocks(), OnePlusLambda())
    assert [round(told(cell_of, calls=t).mean, 2) for t in (1000, 10**6)] == [66.07, 73.84]
    above = [sum(math.comb(100, n) for n in range(v, 101)) / 2**100 for v in range(1, 101)]
    expected = sum(-math.expm1(10**15 * math.log1p(-min(tail, 0.5))) for tail in above)
    assert told(cell_of, calls=10**15).mean == pytest.approx(expected, rel=1e-9)
    assert told(cell_of, calls=10**15).solved == pytest.approx(10**15 / 2**100, rel=1e-6)


def test_a_target_that_is_not_the_optimum():
    one = cell(schedule=RoundRobin(3), lam=2)
    found = told(one, calls=12)
    for j in range(9):
        assert float(found.at_least(8 - j)) == pytest.approx(1 - float(found.cdf(7.5 - j)), abs=1e-12)
    assert float(found.at_least(8)) == found.solved == pytest.approx(float(predict(one, "calls").cdf(12)), abs=1e-12)
    assert (float(found.at_least(0)), float(found.at_least(8.1)), float(found.cdf(-1))) == (1.0, 0.0, 0.0)


def test_large_cells():
    """Thousands of blocks, and long budgets, in moments; 20,000 calls in turn are 46 or 47 on each of 429 chunks."""
    own = {(size, n): told(cell(k=size, schedule=AllBlocks()), calls=n).mean for size in (7, 4) for n in (46, 47)}
    assert told(cell(k=3000, schedule=RoundRobin(7)), calls=20000).mean == pytest.approx(
        266 * own[7, 47] + 162 * own[7, 46] + own[4, 46], rel=1e-12
    )
    assert told(cell(k=1000), calls=10**5).mean == pytest.approx(1000 - 1000 * (1 - 0.4 / 1000) ** 1e5, rel=1e-12)


def test_a_chain_too_large_for_powers_is_followed_step_by_step():
    """16 chunks of 4 have 4,844 occupancies. By linearity E = m sum over n of P(Bin(t, 1/m) = n) E[chunk after n]."""
    m, t = 16, 60
    own = [told(cell(k=4, schedule=AllBlocks()), generations=n).mean for n in range(t + 1)]
    called = [math.comb(t, n) * (m - 1) ** (t - n) / m**t for n in range(t + 1)]
    expected = m * sum(p * f for p, f in zip(called, own, strict=True))
    assert told(cell(k=64, schedule=UniformChunk(4)), calls=t).mean == pytest.approx(expected, rel=1e-12)


# -------------------------------------------------------------------------------------------------------- other fitness


def test_other_fitness_functions():
    trap = Cell(Trap(6, 2), FixKeep(0.4, 0.8), AllBlocks(), OnePlusLambda())
    found = told(trap, calls=5)
    assert set(found.values.tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0}
    assert found.mean == pytest.approx(6 + found.solved)  # from the local optimum only the peak is better
    weights = WeightedBlocks((1, 2, 4), 2)
    found = told(Cell(weights, FixKeep(0.5, 0.8), RoundRobin(), OnePlusLambda()), calls=2)
    np.testing.assert_allclose(found.chances[found.chances > 0], [0.25] * 4)
    assert found.values[found.chances > 0].tolist() == [0.0, 1.0, 2.0, 3.0]
    leading = Cell(LeadingBlocks(4, 2), FixKeep(0.5, 0.8), OnlyIncorrect(), OnePlusLambda())
    assert told(leading, calls=3).mean == pytest.approx(1.5)


# -------------------------------------------------------------------------------------------------------------- refused


def test_what_is_no_budget():
    for budget in ({}, {"calls": 3, "cost": 2.0}):
        with pytest.raises(InputError, match="expected one of calls=, generations= or cost="):
            told(cell(), **budget)
    for name, wrong in (
        ("calls", 0), ("calls", -1), ("calls", 2.5), ("calls", True), ("calls", "9"), ("generations", -1),
        ("generations", 1.0), ("cost", 0.0), ("cost", math.nan), ("cost", math.inf), ("cost", "1"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=name):
            told(cell(), **{name: wrong})
    with pytest.raises(InputError, match="starts"):
        told(cell(), calls=9, starts=0)
    with pytest.raises(InputError, match="do not buy each of 10 starts one"):
        told(cell(), calls=9, starts=10)
    with pytest.raises(InputError, match="below the price of one call"):
        told(cell(), cost=1e-9)
    with pytest.raises(InputError, match="cost nothing"):
        told(cell(cost=TokenPrices(prompt=0.0, generated=0.0)), cost=1.0)


def test_a_budget_is_for_the_quantity_fitness_only():
    with pytest.raises(InputError, match="calls is for fitness or seconds"):
        predict(cell(), "hit", calls=3)
    with pytest.raises(InputError, match="got call"):
        predict(cell(), "fitness", call=3)
    with pytest.raises(InputError, match="expected a Cell"):
        predict("a cell", "fitness", calls=3)


@pytest.mark.parametrize("schedule", [OnlyIncorrect(), UniformChunk()], ids=str)
def test_difficulties_drawn_are_solved_as_soon_as_the_law_of_the_time_says(schedule):
    """P(all correct) after t calls is the cdf of the time, which other formulas give; sums over t are its mean."""
    made = replace(cell(12, BetaBlocks(2.5, 1.0), schedule), problem=BlockOneMax(12, 4, start=0.3))
    for calls in (30, 300, 3000):
        found = told(made, calls=calls)
        assert found.solved == pytest.approx(float(predict(made, "generations").cdf(calls)), rel=1e-10)
        assert float(found.law.after([calls]).sum()) == pytest.approx(1.0, abs=1e-12)
        step = found.law.after([calls, calls + 1]) @ found.law.values
        assert float(found.law.improves([calls + 1])[0]) == pytest.approx(float(np.diff(step)[0]), abs=1e-11)
    wrong = told(replace(made, mutator=BetaBlocks(2.4, 1.0)), calls=30).solved  # the twin
    assert wrong != pytest.approx(told(made, calls=30).solved, rel=1e-3)


def test_refusals_say_what_differs():
    with pytest.raises(NoPrediction, match=r"(?s)fitness at a .* got AllBlocks\n.* of the table in docs/quality.md"):
        told(cell(mutator=BetaBlocks(2.0, 1.0), schedule=AllBlocks()), calls=3)
    with pytest.raises(NoPrediction, match="followed for 65,536 calls, not 70,000"):
        told(cell(mutator=BetaBlocks(2.0, 1.0)), calls=70_000)
    with pytest.raises(NoPrediction, match=r"(?s)fitness at a .* got Islands"):
        told(replace(cell(mutator=BetaRunQuality(2.0, 1.0)), runner=Islands(2, 2)), calls=3)
    with pytest.raises(NoPrediction, match="random number of calls"):
        told(cell(mutator=Vote(FixKeep(0.4, 0.8), 2)), calls=3)
    votes = told(cell(mutator=Vote(FixKeep(0.4, 0.8), 2)), generations=3)
    with pytest.raises(NoPrediction, match="random"):
        _ = votes.calls
    with pytest.raises(NoPrediction, match="differ in price"):
        told(cell(schedule=OnlyIncorrect(3)), cost=1e6)
    with pytest.raises(NoPrediction, match="some offspring are not evaluated"):
        told(
            cell(mutator=Malformed(FixKeep(0.4, 0.8), 0.1), cost=EvaluationsToo(evaluation=1.0)),
            cost=1e6,
        )
    few = Cell(BlockOneMax(6, 2), FixKeep(0.4, 0.8), OnlyIncorrect(), Merged(3))
    with pytest.raises(NoPrediction, match="varying number of calls"):
        told(few, calls=6)
    assert told(few, generations=1).mean == pytest.approx(3 * 0.4)


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_the_page_prints_the_table(every):
    page = (Path(__file__).parents[3] / "docs" / "quality.md").read_text(encoding="utf-8")
    begin, end = "<!-- printed by experiments.predictions.printed -->\n", "\n<!-- end -->"
    assert page.count(begin) == page.count(end) == 1
    head, line, *printed = page.split(begin)[1].split(end)[0].splitlines()
    wanted = printed_rules(QUALITY_RULES[::every]).splitlines()
    assert [head, line, *printed[::every]] == wanted, "print it between the two markers"
    assert [row.split(" | ")[0] for row in printed] == [f"| {row.name}" for row in QUALITY_RULES]
    assert len({row.name for row in QUALITY_RULES}) == len(QUALITY_RULES)


@pytest.mark.parametrize(("k", "g", "lam"), [(5, 2, 1), (7, 3, 1), (7, 3, 2), (5, 4, 3), (9, 4, 1), (6, 3, 1)])
def test_a_cost_buys_the_calls_of_a_shorter_last_chunk_in_turn(k, g, lam):
    """Against a loop that adds up the prices of calls one by one; 6 = 2 x 3 has no shorter chunk."""
    cost = TokenPrices(prompt=1e-6, generated=5e-6, per_call=1e-5)
    searched = Cell(BlockOneMax(k, 4), FixKeep(0.3, 0.8), RoundRobin(g), OnePlusLambda(lam), cost=cost)
    sizes = [min(g, k - first) * 4 for first in range(0, k, g)]

    def price(answer):
        tokens = sizes[answer // lam % len(sizes)]
        return 1e-5 + 6e-6 * tokens

    spent = np.cumsum([price(n) for n in range(200)])
    for bought in (1, 2, 3, len(sizes) * lam, 17, 40, 41, 42, 120):
        for starts in (1, 3):
            for money in (spent[bought - 1], (spent[bought - 1] + spent[bought]) / 2):
                generations = -(-bought // lam)
                found = predict(searched, "fitness", cost=float(money) * starts, starts=starts)
                assert found.generations == generations, (bought, starts, money)


def test_a_cost_is_refused_where_cheap_calls_come_at_random():
    for schedule in (UniformChunk(2), OnlyIncorrect(2)):
        with pytest.raises(NoPrediction, match="when the cheap ones come is random"):
            told(Cell(BlockOneMax(5, 4), FixKeep(0.3, 0.8), schedule, OnePlusLambda()), cost=1e4)


@pytest.mark.parametrize(("k", "incorrect"), [(2, 1), (3, 1), (3, 2), (3, 3)])
def test_difficulties_of_some_incorrect_blocks_are_those_of_all_sequences_of_calls(k, incorrect):
    a, b = 1.2, 0.7
    law = beta_at_random(BetaBlocksLaw(a, b), k, Start(k, incorrect=incorrect))
    for calls in range(5):
        found = np.zeros(k + 1)
        for called in product(range(k), repeat=calls):  # blocks 0, .., j-1 are incorrect at first
            wrong = np.ones(1)
            for block in range(incorrect):
                stays = math.prod((b + n) / (a + b + n) for n in range(called.count(block)))
                wrong = np.convolve(wrong, (1.0 - stays, stays))
            found[: len(wrong)] += wrong / k**calls
        assert law.after([calls])[0] == pytest.approx(found, rel=1e-12, abs=1e-15)


def test_each_number_of_a_row_is_that_of_the_law():
    """Three offspring a generation, so that a call gains a third of what a generation does."""
    cell = Cell(BlockOneMax(8, 1), FixKeep(0.4, 0.8), UniformChunk(), OnePlusLambda(3))
    (row,) = fitness_table(Grid("tiny", [cell]), calls=30).to_dict("records")
    law = predict(cell, "fitness", calls=30)
    numbers = {"best": 8.0, "generations": 10, "mean": law.mean, "solved": law.solved, "improve": law.improve}
    numbers |= {"gain": law.gain / 3, "low": law.quantile(0.1), "median": law.quantile(0.5), "high": law.quantile(0.9)}
    assert {name: row[name] for name in numbers} == pytest.approx(numbers, rel=1e-12)
    assert len({round(each, 9) for each in numbers.values()}) >= 8
    assert (row["k"], row["lam"], row["source"], row["note"]) == (8, 3, law.source, "")
