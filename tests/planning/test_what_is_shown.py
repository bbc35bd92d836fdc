"""What a person reads of a plan, every column of its table and every number of its JSON, is what was computed."""

import io
import json
import math

import pytest
from rich.console import Console

from experiments import plan
from experiments.cli.planned import plan_json, show_plan
from experiments.reports.measured import number

VALUES = {
    "operator.fix": {1: 0.35, 3: 0.2}, "operator.keep": {1: 0.97, 3: 0.96}, "tokens.instructions": 2500,
    "tokens.block": 60, "prices.prompt": 3e-6, "prices.generated": 15e-6, "prices.unit": "$", "seconds.fixed": 900.0,
}  # fmt: skip
ASKED = {
    "k": 6,
    "values": VALUES,
    "g": (1, 3),
    "runners": ("OnePlusLambda",),
    "schedules": ("UntilResolved", "RoundRobin"),
}


def shown(found):
    """The table's rows by heading, and the text."""
    console = Console(width=250, file=io.StringIO(), record=True)
    show_plan(found, console, rows=99, hangs=False, variants=True)
    text = console.export_text()
    (heads,) = ([word.strip() for word in line.split("┃")[1:-1]] for line in text.splitlines() if "┃" in line)
    rows = [[word.strip() for word in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    return [dict(zip(heads, row, strict=True)) for row in rows], " ".join(text.split())


def short(value):
    return number(value) if value >= 100 else f"{value:.3g}"


def band(numbers, *names):
    return "-".join(short(getattr(numbers, name)) for name in names)


@pytest.mark.parametrize(("by", "limit"), [("money", {}), ("hours", {}), ("fitness", {"calls": 20})])
def test_every_column_of_the_table(by, limit):
    found = plan(**ASKED, **limit, lam=(1, 2), by=by, exact=True)
    rows, text = shown(found)
    ranked = [each for each in found.ranked if not math.isnan(getattr(each.numbers, by))]
    best = getattr(ranked[0].numbers, by)
    assert len(rows) == len(ranked) > 4
    what = {"fitness": "expected fitness at the budget"}.get(by, f"expected {by}")
    assert f" {len(found.ranked)} ways to decompose, by {what}: exact, a run to the optimum " in text
    for row, each in zip(rows, ranked, strict=True):
        one, of = each.candidate, each.numbers
        value = getattr(of, by)
        assert row == {
            "schedule": one.schedule, "g": str(one.g), "lam": str(one.lam),
            **({"fitness": short(of.fitness)} if limit else {}), "money": short(of.money), "hours": short(of.hours),
            "money 10-50-90 %": band(of, "low", "median", "high"),
            "hours 10-50-90 %": band(of, "hours_low", "hours_median", "hours_high"),
            "worse": f"{best - value:.3f}" if limit else f"{value / best:.3g}",
        }  # fmt: skip
        assert of.low < of.median < of.high
    assert f"worse: {'less than' if limit else 'times'} the best" in text
    assert "money in $" in text


def test_the_json_has_every_number_of_what_it_hangs_on():
    found = plan(k=2, values=VALUES, g=(1,), schedules=("UntilResolved",), runners=("OnePlusLambda",))
    told = json.loads(plan_json(found))
    assert told["units"] == {
        "money": "$", "hours": "hours", "calls": "calls", "tokens": "tokens", "fitness": "correct blocks",
    }  # fmt: skip
    for row, swing in zip(told["swings"], found.swings, strict=True):
        expected = [str(swing.input), swing.by, swing.input.low, swing.input.high, swing.value, swing.at_low]
        assert [row[name] for name in ("input", "by", "low", "high", "value", "at_low")] == expected
        assert (row["at_high"], row["elasticity"]) == (swing.at_high, swing.elasticity)
        assert row["low"] < row["high"]
    names = ("model", "key", "g", "value", "low", "high", "given", "to", "pilot", "negligible", "tied", "odds")
    for row, hang in zip(told["hangs"], found.hangs, strict=True):
        assert [row[name] for name in names] == [getattr(hang, name) for name in names]
        for name in ("flip", "price", "stake"):
            value = getattr(hang, name)
            assert row[name] == (None if math.isnan(value) else value)
    assert len(told["swings"]) > 3
