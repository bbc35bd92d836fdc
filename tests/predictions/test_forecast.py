"""Forecasts: where budgets of any kind end a run, what is spent by then, totals, and what is refused as too much."""

import io
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from rich.console import Console

from evo import (
    AllBlocks,
    Asynchronous,
    Decomposed,
    EachChunk,
    Merged,
    MuPlusLambda,
    OnePlusLambda,
    OnlyIncorrect,
    Prompt,
    RoundRobin,
    UniformChunk,
    UniformSubset,
    UntilResolved,
)
from evo.costs.budget import Budget
from evo.costs.ledger import LEDGER
from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.engine.words.which import ONE_CHUNK
from evo.errors import InputError
from experiments.cli.predicting.forecast import show_forecast, totals
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.predictions.forecast import MOST_CALLS, Slowness, check_budgets, forecast, seconds_a_batch
from experiments.predictions.predict import predict
from experiments.predictions.within_budget import (
    calls_within,
    generations_within,
    mean_cost,
    mean_tokens,
    within_budget,
)
from experiments.reports.measured import number
from experiments.running.launch import run_grid
from experiments.running.simulation import simulate
from experiments.running.speed import slowness
from experiments.store.table import batch_columns, runs_table
from operators import FixKeep, Halving, Malformed, Repeating, Resample, Vote
from problems import BlockOneMax, Judged, Noisy, UnequalBlocks

FALSE_FAIL = 1e-6
STUCK = FixKeep(0.0, 0.5)
PRICES = TokenPrices(prompt=3e-7, generated=1e-6, per_call=0.01)


@dataclass(frozen=True)
class Lawless:
    """A mutator that declares no law."""

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


@dataclass(frozen=True)
class EvaluationsToo:
    """A token written costs 1, an evaluation more."""

    evaluation: float

    @property
    def weights(self):
        return np.array([0.0, self.evaluation, 0.0, 1.0, 0.0, 0.0])  # the two later entries are 0


def cell_of(k=4, mutator=Resample(0.5), schedule=AllBlocks(), lam=1, problem=None, runner=None, **more):  # noqa: B008  # parts are immutable
    return Cell(problem or BlockOneMax(k, 4), mutator, schedule, runner or OnePlusLambda(lam), **more)


def only(entry, most):
    return Budget(**({"calls": None} | {entry: most}))


# ------------------------------------------------------------------------------------------- where a budget ends a run


UNEQUAL = UnequalBlocks((7, 1, 12, 3, 5))
ENDS = {
    "whole solutions": cell_of(5, STUCK, lam=3),
    "short last chunk": cell_of(5, STUCK, RoundRobin(g=2), lam=2),
    "short last chunk, random": cell_of(5, STUCK, UniformChunk(g=2), lam=2, prompt=Prompt(head=7)),
    "one each": cell_of(5, STUCK, EachChunk(), lam=5),
    "beside": cell_of(5, STUCK, Decomposed(RoundRobin(), writes=3), lam=2, prompt=Prompt(3, "solution")),
    "unequal lengths": cell_of(mutator=STUCK, schedule=UniformChunk(g=2), problem=UNEQUAL),
    "unequal lengths, any subset": cell_of(mutator=STUCK, schedule=UniformSubset(g=2), problem=UNEQUAL),
    "unequal lengths, whole": cell_of(mutator=STUCK, problem=UNEQUAL),
    "malformed": cell_of(5, Malformed(STUCK, 0.3), lam=3),
    "noisy": cell_of(mutator=STUCK, schedule=UniformChunk(), lam=2, problem=Noisy(BlockOneMax(5, 3), 1.0)),
    "judged": cell_of(mutator=STUCK, schedule=UniformChunk(), problem=Judged(BlockOneMax(5, 3), 0.1, 0.1)),
    "votes": cell_of(5, Vote(STUCK, 2), RoundRobin(), lam=2),
    "several kept": cell_of(5, STUCK, UniformChunk(), runner=MuPlusLambda(3, lam=2)),
    "merged rounds": cell_of(5, STUCK, RoundRobin(g=2), runner=Merged(2)),
    "merged rounds, only incorrect": cell_of(5, STUCK, OnlyIncorrect(), runner=Merged(3)),
    "workers": cell_of(5, STUCK, RoundRobin(), runner=Asynchronous(3)),
}
ONE_PRICE = {"whole solutions", "one each", "beside", "unequal lengths, whole", "several kept", "workers"}


@pytest.mark.some(at_least=40)
@pytest.mark.parametrize("entry", [*LEDGER, "cost"])
@pytest.mark.parametrize("name", ENDS)
def test_a_budget_ends_a_run_where_the_forecast_says(name, entry):
    """Runs that never hit, executed: between the fewest and the most generations, which are equal for one price."""
    ends = ENDS[name]
    ends = replace(ends, prompt=Prompt(ends.prompt.head + 3, ends.prompt.shows, cached=2, reasoning=1))
    for most in (1, 7, 61, 500):
        if entry == "cost":
            cell = replace(ends, cost=PRICES, budget=only("cost", most / 300))
        else:
            cell = replace(ends, budget=only(entry, most))
        fewest, latest = generations_within(cell)
        generations = simulate(cell, 1, 0, 5).generations
        assert (fewest <= generations).all()
        assert (generations <= latest).all()
        assert fewest == latest or name not in ONE_PRICE
        assert math.isfinite(latest) or (name == "malformed" and entry == "evaluations")


@pytest.mark.parametrize("entry", ["cached_tokens", "reasoning_tokens"])
def test_a_limit_that_no_call_comes_nearer_to_is_refused(entry):
    with pytest.raises(InputError, match=f"budget.{entry}: expected a prompt with"):
        cell_of(budget=only(entry, 10))
    assert cell_of(budget=Budget(calls=5), prompt=Prompt(2, cached=1)).budget == Budget(calls=5)


@pytest.mark.parametrize("entry", [*LEDGER, "cost"])
def test_what_a_budget_of_any_kind_leaves_is_what_so_many_calls_leave(entry):
    """Ten calls' worth of anything: E[min(T, 10)] of a geometric T, and the twin that is one more than that."""
    base = cell_of(cost=LLMPrimitive(m=3, per_call=1), prompt=Prompt(head=5, cached=2, reasoning=1))
    ledger = base.tokens.ledger(*np.array([[10], [10]]))[0]
    ten = float(ledger @ base.cost.weights) if entry == "cost" else int(ledger[LEDGER.index(entry)])
    exact = [sum((1 - 2.0**-4) ** t for t in range(most)) for most in (10, 11)]
    for more, calls, share in ((0, exact[0], (1 - 2.0**-4) ** 10), (1, exact[1], (1 - 2.0**-4) ** 11)):
        cell = replace(base, budget=only(entry, ten + more))
        within = within_budget(cell)
        assert (within.mean, within.last) == (16.0, 10.0 + more)
        assert within.calls == pytest.approx(calls, rel=1e-12)
        assert within.censored == pytest.approx(share, rel=1e-12)
        assert mean_cost(cell, within) == pytest.approx(calls * float(ledger @ base.cost.weights) / 10, rel=1e-12)
        assert mean_tokens(cell, within) == pytest.approx((calls * 21, calls * 17), rel=1e-12)
        row = forecast(Grid("tiny", [cell])).iloc[0]
        assert row["spent"] == within.calls
        assert (row["read"], row["written"]) == mean_tokens(cell, within)


@pytest.mark.statistical
@pytest.mark.parametrize("entry", ["pass_tokens", "evaluations", "cost"])
def test_forecasts_are_what_runs_come_to(entry):
    """Means of 4,000 runs within 6 standard errors, false-fail rate 1e-8; where prices differ they are bounds."""
    most = {"pass_tokens": 2500, "evaluations": 30, "cost": 0.31}[entry]
    for schedule in (UniformChunk(), RoundRobin(g=2), UntilResolved()):
        cell = cell_of(5, FixKeep(0.4, 0.8), schedule, lam=2, cost=PRICES, budget=only(entry, most))
        within, runs = (
            within_budget(cell),
            runs_table([(cell.sample, "blocks", 0, batch_columns(cell, simulate(cell, 3, 0, 4000)))]),
        )
        runs["cost"] = runs[list(LEDGER)].to_numpy(dtype=float) @ PRICES.weights
        foretold = (within.calls, *mean_tokens(cell, within), mean_cost(cell, within))
        one_price = cell.chunks.last == cell.chunks.g
        for name, mean in zip(("calls", "prompt_tokens", "generated_tokens", "cost"), foretold, strict=True):
            error = 6 * runs[name].std() / math.sqrt(len(runs))
            assert error < 0.07 * mean
            assert runs[name].mean() < mean + error
            assert runs[name].mean() > mean - error or not (one_price or (name == "calls" and entry == "evaluations"))
        if within.censored is not None:
            error = math.sqrt(math.log(2 / FALSE_FAIL) / (2 * len(runs)))  # Hoeffding
            assert runs["hit"].isna().mean() == pytest.approx(within.censored, abs=error)
        assert (within.censored is None) == (not one_price and entry == "pass_tokens")


def test_the_share_of_censored_runs_is_never_told_too_small():
    """Blocks of 1 and 3 tokens, one after the other: whoever pays for the dear block more often ends sooner."""

    def unfinished(blocks, left):
        if not blocks or left <= 0:
            return float(bool(blocks))
        return 0.9 * unfinished(blocks[1:], left - blocks[0]) + 0.1 * unfinished(blocks, left - blocks[0])

    search = UnequalBlocks((1, 3)), FixKeep(0.9, 1.0), OnlyIncorrect(), OnePlusLambda()
    cell = Cell(*search, budget=only("generated_tokens", 21))
    fewest, latest = generations_within(cell)
    exact, told = unfinished((1, 3), 21), within_budget(cell).censored
    early, late = (predict(cell, "generations").law.tail(t) for t in (fewest, latest))
    assert (fewest, latest) == (7, 21)
    assert late < 1e-9 < 1e-7 < exact < told == early < exact + 1e-4


def test_without_a_budget_the_mean_stands():
    for budget in (None, Budget(calls=None, cost=5.0)):
        cell = cell_of(cost=LLMPrimitive(m=0), budget=budget)
        assert generations_within(cell) == (math.inf, math.inf)
        within = within_budget(cell)
        assert (within.calls, within.censored) == (16.0, 0.0)
        assert mean_cost(cell, within) == 0.0
    several = cell_of(mutator=Vote(Resample(0.6), 2), schedule=OnlyIncorrect())
    assert calls_within(several) == predict(several, "calls").mean
    assert mean_cost(several, within_budget(several)) == predict(several, "cost").mean


def spent_by_runs(cell, runs):
    """Calls, tokens read and written and cost of executed runs, float [runs, 4]."""
    table = runs_table([(cell.sample, "blocks", 0, batch_columns(cell, simulate(cell, 2, 0, runs)))])
    ledger = table[list(LEDGER)].to_numpy(dtype=float)
    return np.column_stack((ledger[:, [0, 2, 3]], ledger @ cell.weights))


DIFFER_IN_PRICE = {
    "short last chunk": Cell(
        BlockOneMax(21, 16), Resample(0.5), RoundRobin(g=20), OnePlusLambda(), budget=Budget(calls=1000)
    ),
    "evaluations paid": cell_of(
        7, FixKeep(0.01, 0.5), RoundRobin(g=3), lam=2, cost=EvaluationsToo(5.0), budget=only("evaluations", 60)
    ),
}


@pytest.mark.statistical
@pytest.mark.parametrize("name", DIFFER_IN_PRICE)
def test_what_differs_in_price_is_capped_by_the_largest_price_within_the_budget(name):
    """Above the mean of 400 runs less 6 standard errors (false-fail rate 1e-8), and no more than twice it.

    Hits within the budget that no run has met have a rate below ln(1e8)/400, and cost at most all that is spent.

    The twin: the mean without the budget, which says more than ten times as much.
    """
    cell = DIFFER_IN_PRICE[name]
    within, spent = within_budget(cell), spent_by_runs(cell, 400)
    foretold = (within.calls, *mean_tokens(cell, within), mean_cost(cell, within))
    for at, most in enumerate(foretold):
        mean, error = spent[:, at].mean(), 6 * spent[:, at].std() / math.sqrt(len(spent))
        error = error or mean * math.log(1e8) / len(spent)
        assert mean - error <= most <= 2 * mean
    assert mean_cost(cell, within) < predict(cell, "cost").mean / 10
    assert within.at_most
    assert "(at most, where calls differ in price)" in " ".join(totals(forecast(Grid("tiny", [cell])), 1))


def test_ten_thousand_tokens_at_most():
    cell = DIFFER_IN_PRICE["short last chunk"]
    assert predict(cell, "cost").mean > 1e10
    read, written = mean_tokens(cell, within_budget(cell))
    assert 0.99 * 1000 * 320 < read == written <= 1000 * 320


def test_what_no_budget_cuts_is_no_bound_though_calls_differ_in_price():
    for cell in (
        cell_of(5, schedule=RoundRobin(g=2)),
        cell_of(),
        cell_of(20, budget=Budget(1000)),
        cell_of(budget=None),
    ):
        assert not within_budget(cell).at_most
        assert "at most, where" not in " ".join(totals(forecast(Grid("tiny", [cell])), 1))


VOTES = Cell(BlockOneMax(5, 16), Vote(Resample(0.51), ahead=20), RoundRobin(), OnePlusLambda())


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("budget", "exact"),
    [
        (only("evaluations", 10), True),
        (Budget(calls=300), False),
        pytest.param(Budget(calls=20_000), False, marks=pytest.mark.slow),
        (only("generated_tokens", 3000), False),
        (None, True),
    ],
)
def test_votes_are_counted_as_calls(budget, exact):
    """Means of 400 executed runs at 6 standard errors, false-fail rate 1e-8. The twin: answers for calls."""
    cell = replace(VOTES, budget=budget)
    within, spent = within_budget(cell), spent_by_runs(cell, 400)
    foretold = (within.calls, *mean_tokens(cell, within), mean_cost(cell, within))
    for at, mean in enumerate(foretold):
        error = 6 * spent[:, at].std() / math.sqrt(len(spent))
        assert spent[:, at].mean() - error < mean
        assert not exact or mean < spent[:, at].mean() + error
    assert within.at_most is not exact
    if budget == only("evaluations", 10):
        assert spent[:, 0].mean() > 100 * 10  # ten answers are no ten calls
        row = forecast(Grid("tiny", [cell])).iloc[0]
        votes = VOTES.mutator.mean_calls(1)
        assert within.last == pytest.approx(10 * votes)
        assert row["beyond"] == (within.mean > 10 * votes)
        mean, most = (f"{float(f'{calls:.3g}'):,.0f}" for calls in (within.mean, 10 * votes))
        assert row["note"].startswith(f"mean {mean} calls, budget spent after {most}: ")
    if budget == Budget(calls=300):
        assert within.last == 300


def test_an_answer_of_many_votes_is_evaluated_once():
    """Two answers for certain, since five blocks are incorrect: each some 400 calls at 1, and one evaluation at 500."""
    prices = TokenPrices(prompt=0.0, generated=0.0, per_call=1.0, evaluation=500.0, unit=1)
    cell = replace(VOTES, cost=prices, budget=only("evaluations", 2))
    within, votes = within_budget(cell), VOTES.mutator.mean_calls(1)
    assert not within.at_most
    assert within.calls == pytest.approx(2 * votes)
    assert mean_cost(cell, within) == pytest.approx(2 * (votes + 500.0))


def test_votes_are_no_way_around_what_is_within_reason():
    """A billion answers of some 400 votes each, of a run that never ends, are no billion calls."""
    stuck = replace(VOTES, mutator=Vote(STUCK, ahead=20))
    votes = stuck.mutator.mean_calls(0)
    assert votes == pytest.approx(400)
    for budget, refused in ((10**7, False), (10**9, True)):
        grid = Grid("tiny", [replace(stuck, budget=only("evaluations", budget))])
        if refused:
            with pytest.raises(InputError, match="calls a run within its budget, more than 1e"):
                check_budgets(grid)
        else:
            check_budgets(grid)
    check_budgets(Grid("tiny", [replace(stuck, budget=Budget(10**9))]))
    unknown = replace(VOTES, mutator=Vote(Lawless(), ahead=2))
    check_budgets(Grid("tiny", [replace(unknown, budget=Budget(10**9))]))
    with pytest.raises(InputError, match="needs a predicted finite mean"):
        check_budgets(Grid("tiny", [replace(unknown, budget=only("evaluations", 10))]))


# ------------------------------------------------------------------------------------------- beyond reason


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (cell_of(34, budget=None), "expected 1.72e+10 calls a run within its budget, more than 1e+10"),
        (cell_of(40, budget=Budget(10**12)), "expected 6.57e+11 calls a run"),
        (cell_of(40, budget=only("pass_tokens", 10**17)), "calls a run within its budget"),
        (cell_of(mutator=Lawless(), budget=Budget(10**11)), "up to 1e+11 calls a run"),
        (cell_of(mutator=STUCK, budget=Budget(10**11)), "expected 1e+11 calls a run"),
    ],
)
def test_nothing_beyond_reason_starts(cell, told):
    with pytest.raises(InputError) as caught:
        check_budgets(Grid("tiny", [cell_of(), cell]))
    assert str(caught.value).startswith(f"{cell.text}: ")
    assert told in str(caught.value)
    assert "give a smaller Budget(calls=...) or lower k, or look ahead" in str(caught.value)


def test_what_a_budget_caps_and_the_engine_law_start():
    assert 2**33 < MOST_CALLS < 2**34
    check_budgets(Grid("tiny", [cell_of(33, budget=None), cell_of(40), cell_of(40, budget=only("cost", 1e10))]))
    check_budgets(Grid("tiny", [cell_of(mutator=Lawless(), budget=Budget(10**10))]))
    check_budgets(Grid("tiny", [cell_of(40, budget=None), cell_of(50, budget=Budget(10**14))], engine="law"))
    with pytest.raises(InputError, match="finite mean, got an infinite one"):
        check_budgets(Grid("tiny", [cell_of(mutator=STUCK, budget=None)], engine="law"))


def test_a_budget_that_malformed_offspring_never_reach_is_none():
    budget = only("evaluations", 10)
    for mutator in (STUCK, Malformed(Resample(0.5), 0.1)):
        check_budgets(Grid("tiny", [cell_of(mutator=mutator, budget=budget)]))
    for mutator in (Lawless(), Malformed(STUCK, 0.5)):
        with pytest.raises(InputError, match="where malformed offspring are free needs a predicted finite mean"):
            check_budgets(Grid("tiny", [cell_of(mutator=mutator, budget=budget)]))


def test_a_price_by_tokens_alone_is_a_budget_where_blocks_differ_in_length():
    for cost in (LLMPrimitive(), TokenPrices(1, 2, unit=1)):
        cell = cell_of(mutator=Lawless(), schedule=UniformChunk(), problem=UNEQUAL, cost=cost)
        check_budgets(Grid("tiny", [replace(cell, budget=only("cost", 100.0))]))


# ------------------------------------------------------------------------------------------- what is shown


def shown(grid, width=100):
    console = Console(width=width, file=io.StringIO(), record=True)
    show_forecast(forecast(grid), grid.runs, 2, console)
    return " ".join(console.export_text().split())


def test_the_table_fits_eighty_columns_and_says_that_its_means_know_no_budget(rows_of):
    grid = Grid("tiny", [cell_of(2), replace(cell_of(16), budget=only("calls", 1e7))], runs=10)
    console = Console(width=80, file=io.StringIO(), record=True)
    show_forecast(forecast(grid).assign(series="LOCAL OnlyIncorrect"), grid.runs, 2, console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert "exact means of a run that no budget ends (10 runs a cell)" in " ".join(map(str.strip, lines))
    small, large = rows_of("\n".join(lines), "hit", "calls")
    assert (large["hit"], large["calls"]) == ("65,536", "65,536")
    assert large["censored"] == "< 1e-16"  # (1 - 2^-16)^1e7 = 5.4e-67
    assert small["label"] == large["label"] == "LOCAL OnlyIncorrect"  # once for both rows
    first = lines[: next(i for i, line in enumerate(lines) if line.startswith("What one run may take"))]
    assert sum("from theory" in line for line in first) == 1  # once, and not in pieces


def test_totals_add_up_and_cells_without_a_prediction_are_counted_apart():
    grid = Grid("tiny", [cell_of(2), cell_of(3), *(cell_of(k, Lawless()) for k in (2, 3, 4))], runs=10, batch=10)
    text = shown(grid)
    # 4 calls of 8 + 8 tokens and 8 calls of 12 + 12, ten runs of each; c o + o (o-1)/2 = 92 and 210 a call
    assert "2 cells, 20 runs within their budgets: 120 calls, 1,280 tokens read and 1,280 written, cost 20,480" in text
    assert "chance that a run is censored: 0 over all cells about" in text
    assert text.endswith("3 cells without a prediction are not counted")
    lines = totals(forecast(Grid("tiny", [cell_of(2, Lawless())])), 2)
    assert lines == ["1 cell without a prediction is not counted"]


def test_cells_that_are_not_started_are_named():
    grid = Grid("tiny", [cell_of(k, budget=None) for k in (2, 40, 50)], runs=10)
    told = (
        "cells, k = 40, lam = 1 (and 1 more cell, for the same reason): mean 1.1e+12 calls, 1.1e+12 within the budget"
    )
    assert f"{told}, over 1e+10: it is not started" in shown(grid)
    assert "not started" not in shown(replace(grid, engine="law"))
    never = shown(Grid("tiny", [cell_of(mutator=STUCK, budget=None)]))
    assert "the mean is infinite, and no budget ends a run: it is not started" in never
    assert "core" not in never


def test_prices_of_several_models_are_not_added():
    grid = Grid("tiny", [cell_of(2), cell_of(3, cost=LLMPrimitive(m=2))], runs=10)
    assert "cost by several models, not added" in shown(grid)


def test_tokens_that_are_not_predicted_are_counted_apart():
    grid = Grid("tiny", [cell_of(2), cell_of(schedule=UntilResolved(), problem=UNEQUAL)], runs=10, batch=10)
    text = shown(grid)
    assert "80 calls" not in text
    assert "2 cells, 20 runs within their budgets: 140 calls, 320 tokens read and 320 written, cost 3,680" in text
    assert "1 cell whose tokens or cost are not predicted is not counted in these" in text


def test_means_beyond_the_budget_are_named_those_alike_together():
    budget = Budget(10**7)
    grid = Grid("tiny", [cell_of(k, budget=budget) for k in (2, 24, 30, 40)])
    text = shown(grid)
    assert "cells, k = 24, lam = 1: mean 1.68e+07 calls, budget 1e+07: 55% of the runs end censored" in text
    assert (
        "cells, k = 30, lam = 1 (and 1 more cell, for the same reason): mean 1.07e+09 calls, budget 1e+07: nearly all "
        "runs end censored" in text
    )
    assert "k = 2, lam = 1" not in text.split("chance")[0]
    assert list(forecast(grid)["beyond"]) == [False, True, True, True]
    share = number(sum((1 - 2.0**-k) ** 1e7 for k in (2, 24, 30, 40)) / 4)
    assert f"{share} over all cells, at most 1 (cells, k = 40, lam = 1)" in text
    cut = forecast(Grid("tiny", [cell_of(5, schedule=UniformChunk(g=2), budget=only("pass_tokens", 300))]))
    assert cut["note"][0].endswith("many runs end censored")


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (Budget(20), "budget 20: "),
        (Budget(10), "budget 10, spent after 20: "),
        (Budget(10, generated_tokens=10**9), "budget spent after 20: "),
        (only("evaluations", 21), "budget spent after 40: "),
    ],
)
def test_a_budget_is_told_as_given_with_the_calls_that_spend_it(budget, told):
    """A generation that was begun is paid whole; quantiles are of runs without a budget, and say so."""
    text = shown(Grid("tiny", [cell_of(8, lam=20, budget=budget)]))
    assert f" calls, {told}" in text
    assert "What one run may take without a budget: 10 / 50 / 90 % of runs" in text


# ------------------------------------------------------------------------------------------- time


def test_the_time_is_that_of_this_machine():
    in_turn = cell_of(64, Halving(0.5, 1), UntilResolved())
    cells = [cell_of(8), in_turn, cell_of(17, schedule=UniformChunk(g=8))]
    grid = Grid("tiny", cells, runs=1000, batch=500)
    plain, slow = (forecast(grid, each) for each in (Slowness(), Slowness(3.0, 3.0, 3.0)))
    assert slow["seconds"].tolist() == pytest.approx((3 * plain["seconds"]).tolist())
    assert plain["seconds"].tolist() == pytest.approx((2 * plain["longest"]).tolist())
    assert plain["longest"][0] == seconds_a_batch(grid.cells[0], 500, "blocks")
    half = forecast(grid, Slowness(3.0, 1.0))["seconds"]
    assert ((half > plain["seconds"]) & (half < slow["seconds"])).tolist() == [False, True, True]
    words = forecast(grid, Slowness(words=3.0))["seconds"]
    assert (words / plain["seconds"]).tolist() == pytest.approx([3, 1, 1])


def test_a_search_on_words_is_forecast_at_their_speed():
    """Of 500 runs of a block at random some 25 million calls a second or more; a subset of 1 takes the other loop."""
    words, blocks = (cell_of(1024, schedule=each) for each in (UniformChunk(), UniformSubset(1)))
    assert 4 * seconds_a_batch(words, 500, "blocks") < seconds_a_batch(blocks, 500, "blocks")


MALFORMED = Malformed(Resample(0.5), rate=0.2)
EVALUATED = TokenPrices(prompt=1e-5, generated=1e-4, evaluation=0.01)


@pytest.mark.statistical
def test_what_is_paid_for_evaluations_is_that_of_valid_answers():
    """Within 4.9 standard errors of the mean of 2,000 runs; with all answers evaluated it would be 25 % off."""
    cells = [
        cell_of(4, MALFORMED, lam=lam, cost=EVALUATED, budget=Budget(calls=c)) for lam in (1, 3) for c in (9, 10**6)
    ]
    table = forecast(Grid("tiny", cells, runs=2000))
    assert not table["at_most"].any()
    paid = run_grid(Grid("tiny", cells, runs=2000), workers=1).table.groupby("cell")["cost"].agg(["mean", "sem"])
    for _, row in table.iterrows():
        assert row["paid"] == pytest.approx(paid["mean"][row["cell"]], abs=4.9 * paid["sem"][row["cell"]])


def test_where_answers_are_valid_with_an_unknown_probability_the_cost_is_the_most_that_it_can_be():
    """An answer that repeats the last one is malformed again; without a price of evaluations that does not matter."""
    again = Malformed(Repeating(FixKeep(0.5, 0.9), 0.3), rate=0.2)
    evaluated, free = (
        cell_of(4, again, OnlyIncorrect(), budget=Budget(calls=9), cost=cost)
        for cost in (EVALUATED, TokenPrices(prompt=1e-5, generated=1e-4))
    )
    assert within_budget(evaluated).at_most
    assert not within_budget(free).at_most


@pytest.mark.parametrize("schedule", [kind() for kind in ONE_CHUNK])
def test_calls_in_turn_are_forecast_at_the_speed_of_words(schedule):
    """Halving of one block does what Resample does, without words."""
    words, blocks = (cell_of(64, of, schedule) for of in (Resample(0.5), Halving(0.5, 1)))
    assert 2 * seconds_a_batch(words, 500, "blocks") < seconds_a_batch(blocks, 500, "blocks")


@pytest.mark.parametrize("schedule", [kind() for kind in ONE_CHUNK])
def test_calls_that_are_counted_and_not_made_take_no_time(schedule):
    """A generation ends with its first repair: lam = 64 makes the calls of lam = 1. Of whole solutions all are made.

    In turn calls on correct blocks are not made either.
    """
    one, many, whole, wholes = (
        seconds_a_batch(cell_of(k, schedule=each, lam=lam), 500, "blocks")
        for each, k in ((schedule, 64), (AllBlocks(), 10))
        for lam in (1, 64)
    )
    assert one == many
    assert wholes > 0.99 * whole
    in_turn = seconds_a_batch(cell_of(64, schedule=OnlyIncorrect()), 500, "blocks")
    assert (one == in_turn) is not isinstance(schedule, UniformChunk)
    cut = cell_of(64, schedule=schedule, lam=64, budget=Budget(64))
    assert seconds_a_batch(cut, 500, "blocks") < one


def test_chunks_of_several_blocks_are_forecast_by_their_generations():
    """All calls of a generation are made; in turn those on correct chunks are not."""
    in_turn, wrong, one, many = (
        seconds_a_batch(cell_of(24, schedule=of, lam=lam), 500, "blocks")
        for of, lam in ((RoundRobin(4), 3), (OnlyIncorrect(4), 3), (OnlyIncorrect(4), 1), (OnlyIncorrect(4), 24))
    )
    assert in_turn == wrong
    assert many < one  # fewer generations, and more offspring of each


def test_no_more_workers_than_batches_help():
    table = forecast(Grid("tiny", [cell_of(20)], runs=500))
    lines = [totals(table, cores)[-1] for cores in (1, 50)]
    assert lines[0].split(" on ")[0] == lines[1].split(" on ")[0]


@pytest.mark.parametrize("engine", ["blocks", "deap", "law"])
def test_a_machine_is_measured_with_every_engine(engine):
    found = slowness(engine)
    assert 0 < found.offspring < math.inf
    assert 0 < found.rounds < math.inf
    assert found != Slowness()


def test_sweeps_of_many_cells_are_forecast():
    cells = sweep(
        problem=[BlockOneMax(k, 4) for k in range(1, 41)], mutator=[Resample(0.5), STUCK], schedule=AllBlocks(),
        runner=OnePlusLambda(),
    )  # fmt: skip
    assert len(forecast(Grid("many", cells))) == 80


@pytest.mark.parametrize(("runs", "batches"), [(10, 1), (11, 2), (20, 2)])
def test_the_time_of_all_runs_is_that_of_whole_batches(runs, batches):
    cell = Cell(BlockOneMax(4, 1), Resample(0.5), UniformChunk(), OnePlusLambda())
    (row,) = forecast(Grid("tiny", [cell], runs=runs, batch=10)).to_dict("records")
    assert row["longest"] == pytest.approx(seconds_a_batch(cell, 10, "blocks"))
    assert row["seconds"] == pytest.approx(batches * row["longest"])
    assert row["made"] == 10 * batches
