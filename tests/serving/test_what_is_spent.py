"""Money, caps and ends of intervals, name by name: each price, cap and share with a number of its own."""

from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evo import AllBlocks, InputError, OnePlusLambda
from experiments import Cell, Grid, run_grid
from experiments.grids.cells_table import cells_table
from experiments.grids.measured.file import Intervals, OperatorValues
from experiments.predictions.verdict import Verdict
from experiments.serving.faults import FAULTS, THINK, Faults
from experiments.serving.real import own_law
from experiments.serving.real.own_law import between, own_laws
from experiments.serving.spend import PRICES, Amount, CapReached, Caps, Prices, spent_in
from experiments.store.grid_json import grid_record
from experiments.store.results import Results
from operators import LLM, Measured
from problems import Exact, TextProblem

EACH = {"prompt": 2.0, "cached": 3.0, "generated": 5.0, "reasoning": 7.0, "call": 11.0}
CHEAP = EACH | {"cached": 0.5, "reasoning": 0.25}
FEW = {"prompt": 2.0, "generated": 5.0}


def by_hand(each, read, written, cached, reasoning):
    """Token by token."""
    prices = [each.get("cached", each["prompt"]) if at < cached else each["prompt"] for at in range(read)]
    prices += [
        each.get("reasoning", each["generated"]) if at < reasoning else each["generated"] for at in range(written)
    ]
    return sum(prices) + each.get("call", 0.0)


@pytest.mark.parametrize("each", [EACH, CHEAP, FEW, FEW | {"cached": 9.0}, FEW | {"reasoning": 9.0}], ids=str)
def test_a_call_costs_its_tokens_and_at_most_what_the_dearest_split_costs(each):
    prices, splits = Prices(each), list(product(range(5), range(4)))
    assert set(EACH) == set(PRICES)
    for cached, reasoning in splits:
        assert prices.of(4, 3, cached, reasoning) == by_hand(each, 4, 3, cached, reasoning)
    assert prices.most_of(4, 3) == max(by_hand(each, 4, 3, *split) for split in splits)


READ = {"tokens_in": 20, "tokens_out": 9, "tokens_cached": 6, "tokens_reasoning": 4}
ROWS = {
    "with its money": (READ | {"price": 0.5}, Amount(1, 29, 0.5)),
    "without money": (READ, Amount(1, 29, by_hand(EACH, 20, 9, 6, 4))),
    "without parts": ({"tokens_in": 20, "tokens_out": 9}, Amount(1, 29, by_hand(EACH, 20, 9, 0, 0))),
    "several answers": (READ | {"price": 0.5, "choices": 3}, Amount(3, 29, 0.5)),
    "no reply": ({"most_tokens": 40, "most_price": 90.0}, Amount(1, 40, 90.0)),
    "no reply, no money": ({"most_tokens": 40}, Amount(1, 40, Prices(EACH).most_of(40, 40))),
    "half a usage": ({"tokens_in": 20, "most_tokens": 40, "most_price": 90.0}, Amount(1, 40, 90.0)),
    "nothing known": ({}, Amount(1, 0, 11.0)),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_what_a_line_of_a_log_came_to(row):
    line, amount = ROWS[row]
    assert spent_in([line], Prices(EACH)) == amount
    twice = Amount(2 * amount.calls, 2 * amount.tokens, 2 * amount.money)
    assert spent_in([line, dict(line)], Prices(EACH)) == twice
    told = line.get("price", line.get("most_price")) if "tokens_out" in line else line.get("most_price")
    assert spent_in([line]) == Amount(amount.calls, amount.tokens, told)  # without prices


@pytest.mark.parametrize("name", ["calls", "tokens", "money"])
def test_a_cap_is_reached_exactly_and_not_overstepped(name):
    """Spent 2 of each, under way 3: what comes to the cap is sent, a unit more is not; what is settled is free."""
    caps = Caps(**{name: 9.0}, spent=Amount(2, 2, 2.0))
    assert caps.needs_length is (name != "calls")
    caps.take(Amount(3, 3, 3.0))
    with pytest.raises(CapReached, match=f"the cap of 9 {name} would be overstepped: 5 are .* may take 5"):
        caps.take(Amount(5, 5, 5.0))
    assert caps.spent == Amount(5, 5, 5.0)
    caps.take(Amount(4, 4, 4.0))
    with pytest.raises(CapReached):
        caps.take(Amount(1, 1, 1.0))
    caps.settle(Amount(3, 3, 3.0), Amount(1, 2, 0.5))
    assert caps.spent == Amount(7, 8, 6.5)
    caps.take(Amount(1, 1, 1.0))


def test_faults_exclude_each_other_and_thoughts_exclude_none():
    rates = dict.fromkeys(FAULTS, 1 / len(FAULTS))
    assert Faults(rates | {THINK: 1.0}).rates[THINK] == 1.0
    with pytest.raises(InputError, match="sum to at most 1"):
        Faults(rates | {"empty": 2 / len(FAULTS)})


# ----------------------------------------------------------------------------------------------- a model's own law

SHARES = {"refusals": (0.1, (0.05, 0.2)), "malformed": (0.3, (0.25, 0.4))}
MEASURED = OperatorValues(
    fix=((1, 0.5), (3, 0.4)), keep=((1, 0.9), (3, 0.8)),
    **{name: value for name, (value, _) in SHARES.items()},
    interval=Intervals(
        fix=((1, (0.45, 0.6)), (3, (0.35, 0.42))), keep=((1, (0.85, 0.99)), (3, (0.7, 0.83))),
        **{name: ends for name, (_, ends) in SHARES.items()},
    ),
)  # fmt: skip
ENDS = {
    -1.0: (((1, 0.45), (3, 0.35)), ((1, 0.85), (3, 0.7)), 0.2, 0.4),
    0.0: (MEASURED.fix, MEASURED.keep, 0.1, 0.3),
    1.0: (((1, 0.6), (3, 0.42)), ((1, 0.99), (3, 0.83)), 0.05, 0.25),
}


@pytest.mark.parametrize("t", ENDS)
def test_each_rate_goes_to_its_own_worse_and_better_end(t):
    made = between(MEASURED, t)
    assert (made.fix, made.keep) == tuple(
        tuple((g, pytest.approx(value)) for g, value in table) for table in ENDS[t][:2]
    )
    assert (made.refusals, made.malformed) == pytest.approx(ENDS[t][2:])


@pytest.mark.parametrize("cells", [1, 3])
def test_the_error_rate_is_that_of_all_cells_together(cells, monkeypatch):
    made = [
        Cell(TextProblem(("a",) * k, Exact(("b",) * k), l=1), LLM("m"), AllBlocks(), OnePlusLambda())
        for k in range(2, 2 + cells)
    ]
    grid = Grid("own", made, runs=2)
    rows = run_grid(
        Grid("one", [Cell(made[0].problem, Measured(fix={2: 0.9}, keep={2: 0.9}), *PARTS)], runs=2), workers=1
    )
    found = Results.of(grid_record(grid), cells_table(grid), rows.runs.assign(sample=made[0].sample))
    asked = []
    monkeypatch.setattr(own_law, "_own_law", lambda results, name, cell, operator, alpha: asked.append(alpha))
    own_laws(found, MEASURED, alpha=0.003)
    assert asked == pytest.approx([0.003 / cells] * cells)


@dataclass(frozen=True)
class Asked:
    """Stands for a cell whose mean is 10 calls, and so many fewer where the rates are best."""

    mutator: float
    falls: float


AGREE, CANNOT, DIFFER = Verdict.AGREES, Verdict.CANNOT_TELL, Verdict.DIFFERS


@pytest.mark.parametrize(
    ("hits", "falls", "says", "verdict", "tried", "reason"),
    [
        ([9.0, 10.0], 2.0, lambda t: AGREE if t == 0 else DIFFER, AGREE, [0.0, 0.25], "at 0.00"),
        ([9.0, 10.0], 2.0, lambda t: AGREE if t else CANNOT, AGREE, [0.0, 0.25], "at 0.25"),
        ([11.0, 12.0], 2.0, lambda t: DIFFER, DIFFER, [0.0, -0.75], "at 0.00"),
        ([99.0, 99.0], 2.0, lambda t: CANNOT if t else DIFFER, CANNOT, [0.0, -1.0], "at -1.00"),
        ([9.0, np.nan], 2.0, lambda t: AGREE if t == 1 else DIFFER, AGREE, [0.0, -1.0, 1.0], "at 1.00"),
        # at most one and a half times as many calls at the worst rates as at the best: 12 and 8
        ([9.0, 10.0], 2.01, lambda t: AGREE, CANNOT, [0.0, 0.2488], "leave 7.99 to 12.01 calls; log more calls"),
        ([9.0, 10.0], 2.01, lambda t: DIFFER, DIFFER, [0.0, 0.2488], "at 0.00"),
    ],
)  # fmt: skip
def test_a_calibration_agrees_if_some_rates_within_its_intervals_do(
    hits, falls, says, verdict, tried, reason, monkeypatch
):
    """Tried are its values, and the rates whose mean is that of the runs; both ends where runs were censored."""
    seen = []

    def checked(results, name, cell, alpha):
        seen.append(cell.mutator)
        assert alpha == 0.001
        return says(cell.mutator), f"at {cell.mutator:.2f}"

    for name, fake in (
        ("between", lambda operator, t: t), ("call_of", lambda t: t), ("_checked", checked),
        ("predict", lambda cell, quantity: SimpleNamespace(mean=10 - cell.falls * cell.mutator)),
    ):  # fmt: skip
        monkeypatch.setattr(own_law, name, fake)
    results = SimpleNamespace(by_cell={"c": pd.DataFrame({"hit": hits})}, labels={"c": "arm", "d": "none"})
    told = own_law._own_law(results, "c", Asked(0.5, falls), MEASURED, 0.001)
    assert seen == pytest.approx(tried, abs=1e-4)
    assert (told.verdict, reason in told.reason) == (verdict, True), told.reason
    censored = int(np.isnan(hits).sum())
    assert (told.runs, told.censored, told.measured) == (2, censored, None if censored else np.mean(hits))
    assert (told.predicted, told.least, told.most) == pytest.approx((10.0, 10 - falls, 10 + falls))
    nothing = own_law._own_law(results, "d", Asked(0.5, falls), MEASURED, 0.001)
    assert (nothing.runs, nothing.verdict, nothing.reason, nothing.most) == (0, CANNOT, "no runs yet", None)


PARTS = AllBlocks(), OnePlusLambda()
