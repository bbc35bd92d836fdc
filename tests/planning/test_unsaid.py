"""What nobody said or measured is told: defaults, intervals, what lies between, whose prices, and what it does."""

import json
import math
import re
import shlex

import pytest
from typer.testing import CliRunner

from evo import Latency
from evo.costs.published import published
from evo.errors import InputError
from experiments import load_grid, plan, predict
from experiments.cli.app import app
from experiments.grids.measured.file import parse_calibration
from experiments.planning.answer import told_hangs, told_swings
from experiments.planning.cautions import blocks_of, cautions, unsaid_intervals
from experiments.planning.inputs import with_odds

VALUES = {
    "operator.fix": {1: 0.35, 6: 0.2},
    "operator.keep": {1: 0.97, 6: 0.96},
    "operator.malformed": 0.08,
    "tokens.instructions": 2500,
    "tokens.block": 60,
    "prices.prompt": 3e-6,
    "prices.generated": 15e-6,
    "prices.unit": "$",
}
INTERVALS = {"operator.interval.fix": {1: (0.3, 0.4)}, "operator.interval.malformed": (0.02, 0.2)}
ONE = ("UntilResolved",)
OPTIONS = "--k 6 --l 60 --fix 1=.35,6=.2 --keep 1=.97,6=.96 --tokens instructions=2500 --no-hangs"


def said(options):
    result = CliRunner().invoke(app, ["plan", *shlex.split(options)], env={"COLUMNS": "80", "TERM": "dumb"})
    return result.exit_code, " ".join(result.output.split())


def noted(found, start):
    return [told for told in cautions(found) if told.startswith(start)]


# ------------------------------------------------------------------------------------------------------------ defaults


def test_defaults_that_move_the_answer_are_told_and_those_that_were_said_are_not():
    timed = VALUES | {"seconds.fixed": 1.0}
    (told,) = noted(plan(k=6, values=timed), "not said, taken as usual: ")
    words = ("--feedback score", "--shows chunk", "--start 0", "--workers 1")
    assert [word for word in words if word in told] == list(words)
    everything = {"feedback": "score", "shows": "chunk", "start": 0.0, "workers": 1}
    assert not noted(plan(k=6, values=timed, **everything), "not said")
    uncounted = {key: value for key, value in VALUES.items() if key.startswith("operator")}
    (few,) = noted(plan(k=6, values=uncounted), "not said")
    assert "--shows" not in few  # no tokens, no seconds: neither moves a number
    assert "--workers" not in few


def test_what_tests_that_tell_less_would_cost_is_told():
    found = plan(k=6, values=VALUES)
    without = plan(k=6, values=VALUES, feedback="none")
    factor = without.best.numbers.money / found.best.numbers.money
    (told,) = noted(found, "not said")
    assert told.endswith(f"With --feedback none the best is {without.best.candidate}, {factor:.3g} times as dear")
    assert "--feedback none" not in " ".join(cautions(plan(k=6, values=VALUES, feedback="score")))


def test_a_g_between_those_that_were_measured_is_told():
    found = plan(k=6, values=VALUES, feedback="none", g=(1, 2, 3, 6))
    (told,) = noted(found, "g = ")
    assert told.startswith("g = 2, 3 lie between the calls that were measured: logit fix and logit keep are")
    fewer = plan(k=6, values=VALUES | {"operator.keep": {1: 0.97, 6: 0.5}}, feedback="none", g=(2, 3))
    (told,) = noted(fewer, "g = ")
    best = fewer.best.candidate.g
    assert told.startswith(f"g = {best} (the choice), {5 - best} lie between")
    assert not noted(plan(k=6, values=VALUES, feedback="none", g=(1, 6)), "g = ")  # the twin
    flat = {"operator.keep": {1: 0.96, 6: 0.96}, "operator.fix": {1: 0.35, 2: 0.3, 6: 0.2}}
    assert noted(plan(k=6, values=VALUES | flat, feedback="none", g=(1, 2, 3, 6)), "g = 3 lies between")


def test_a_table_that_ends_before_the_other_is_named():
    """Fix at one and six blocks, keep at one: only calls on one block are compared, and it is said for want of what."""
    found = plan(k=6, values=VALUES | {"operator.keep": {1: 0.96}}, feedback="none")
    assert set(found.table["g"]) == {1}
    (told,) = noted(found, "keep was measured up to g = 1 alone")
    assert told.endswith("so that longer calls are not compared; give keep at g = 6")


# ----------------------------------------------------------------------------------------------------------- intervals


def test_an_interval_that_is_given_replaces_the_usual_one():
    found = plan(k=6, values=VALUES | INTERVALS, schedules=ONE)
    of = {(hang.key, hang.g): hang for hang in found.hangs}
    assert (of["operator.fix", 1].low, of["operator.fix", 1].high, of["operator.fix", 1].given) == (0.3, 0.4, True)
    assert (of["operator.malformed", None].low, of["operator.malformed", None].given) == (0.02, True)
    usual = of["operator.keep", 1]
    assert (usual.low, usual.high) == (with_odds(0.97, 1 / 1.1), with_odds(0.97, 1.1))
    wide = {(hang.key, hang.g): hang for hang in plan(k=6, values=VALUES, odds=3.0, schedules=ONE).hangs}[
        "operator.keep", 1
    ]
    assert (wide.low, wide.high) == (with_odds(0.97, 1 / 3), with_odds(0.97, 3.0))
    assert "odds 3 times more or less" in told_hangs(plan(k=6, values=VALUES, odds=3.0, schedules=ONE))[0]


def test_where_the_usual_interval_is_from_is_told():
    """1.96/sqrt(n p (1-p)) = ln 1.1 at the value for which the fewest blocks are enough."""
    found = plan(k=6, values=VALUES | INTERVALS, schedules=ONE)
    (told,) = unsaid_intervals(found)
    blocks = math.ceil((1.959964 / math.log(1.1)) ** 2 / (0.2 * 0.8))
    assert told.startswith("no interval is given for fix, keep: odds a tenth more or less are taken")
    assert f"as if {blocks:,} blocks had been counted at 0.2, and more" in told
    assert blocks_of(0.35, 3.0) < 20 < blocks_of(0.35, 1.5) < blocks_of(0.35, 1.1)
    every = {
        "operator.interval.fix": {1: (0.3, 0.4), 6: (0.1, 0.3)},
        "operator.interval.keep": {1: (0.9, 1), 6: (0.9, 1)},
    }
    assert not unsaid_intervals(plan(k=6, values=VALUES | INTERVALS | every, schedules=ONE))


def test_intervals_of_options_are_those_of_python():
    intervals = "--fix 1=.35:.3:.4,6=.2 --operator malformed=.08:.02:.2 --schedules UntilResolved --unit $"
    intervals += " --prices prompt=3e-6,generated=15e-6"
    result = CliRunner().invoke(
        app, ["plan", *shlex.split(OPTIONS.replace("--no-hangs", "--json")), *intervals.split()]
    )
    hangs = json.loads(result.output)["hangs"]
    given = {(hang["key"], hang["g"]): (hang["low"], hang["high"]) for hang in hangs if hang["given"]}
    assert given == {("operator.fix", 1): (0.3, 0.4), ("operator.malformed", None): (0.02, 0.2)}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--fix 1=.35:.36:.39,6=.2", "--fix, g = 1: expected an interval that holds 0.35, got [0.36, 0.39]"),
        ("--fix 1=.35:.39:.31", "--fix: expected [low, high] with low <= high"),
        ("--fix 1=.35:.31", "--fix: 1: expected a number, or a number and its interval as .35:.31:.39, got '.35:.31'"),
        ("--fix 1=.35:.31:1.2", "--fix: expected a probability in [0, 1]"),
        ("--tokens instructions=1:0:2", "--tokens: instructions: expected one number, got 1:0:2"),
        (
            "--operator malformed=.1:.2:.3",
            "--operator: operator.interval.malformed: expected an interval that holds 0.1",
        ),
        (
            "--keep .96",
            "--keep: expected name=number,name=number, got '.96'; give chances by blocks a call, such as 1=.96,5=.96",
        ),
        ("--odds 1", "--odds: expected a factor > 1, at most 1e+06, got 1.0"),
        ("--start 2", "--start: expected a share of the blocks, from 0 to 1, got 2.0"),
        ("--shows all", "--shows: expected chunk or solution, got 'all'"),
        ("--per 1e6", "--per: expected it with --prices, of whose tokens it says the number, got it alone"),
        ("--odds nan", "--odds: expected a factor > 1"),
        ("--seconds call=20", "--seconds: unknown key 'seconds.call'; did you mean 'seconds.fixed'?; allowed: fixed, "),
        ("--seconds output=20", "did you mean 'seconds.per_generated_token'?"),
        ("--prices input=3", "--prices: prices.input: expected the price of a token, got 3; give --per 1e6"),
        ("--prices input=3e-6", "--prices: unknown key 'prices.input'; did you mean 'prices.prompt'?"),
        ("--tokens prompt=9", "--tokens: unknown key 'tokens.prompt'; did you mean 'tokens.instructions'?"),
        (
            "--published gemini-2.5",
            "--published: prices.toml: expected one of the models gemini-2.5-flash, gemini-2.5-pro",
        ),
        ("--as-of 2026-11-29", "--as-of: expected it with --published NAME, got it alone"),
        ("--price-table x.toml", "--price-table: expected it with --published NAME, got it alone"),
        ("--published a,b --price-table x.toml", "--published: x.toml: expected a table of prices (TOML)"),
        ("--published x --as-of today", "--published: date: expected the day as of which genai-prices is asked"),
        (
            "--published gemini-2.5-flash,gemini-2.5-pro",
            "--published: expected prices of one model or of 1, got those of 2",
        ),
    ],
)
def test_what_says_nothing_is_refused_by_its_option(options, told):
    code, output = said(f"{OPTIONS} {options}")
    assert (code, told in output) == (2, True), output


def test_the_file_hints_at_the_same_keys():
    with pytest.raises(
        InputError, match=r"unknown key 'seconds\.call'; did you mean 'seconds\.fixed'\?; allowed: fixed"
    ):
        parse_calibration("[operator]\nfix = {1 = 0.3}\nkeep = {1 = 0.9}\n[seconds]\ncall = 20\n")


# -------------------------------------------------------------------------------------------------------------- prices


def test_published_prices_are_those_of_the_table_and_their_day_is_told():
    unpriced = {key: value for key, value in VALUES.items() if not key.startswith("prices")}
    listed = published("gemini-2.5-flash")
    found = plan(k=6, values=unpriced, published=listed)
    by_hand = plan(k=6, values=unpriced | {"prices.prompt": 0.3e-6, "prices.generated": 2.5e-6})
    assert found.table["money"].tolist() == pytest.approx(by_hand.table["money"].tolist(), rel=1e-12)
    assert found.unit == "$"
    assert noted(found, f"prices of gemini-2.5-flash: {listed.source}, {listed.day}")
    code, output = said(f"{OPTIONS} --published gemini-2.5-flash")
    assert code == 0
    assert f"note: prices of gemini-2.5-flash: {listed.source}, {listed.day}" in output
    own = plan(k=6, values=unpriced | {"prices.prompt": 3e-6}, published=listed)  # what is said stands instead
    assert own.best.numbers.money > found.best.numbers.money
    with pytest.raises(InputError, match=r"published: expected evo\.costs\.published"):
        plan(k=6, values=unpriced, published="gemini-2.5-flash")


def test_each_model_has_the_price_of_its_name():
    models = {
        name: parse_calibration(f"[operator]\nfix = {{1 = {fix}}}\nkeep = {{1 = 0.9}}\n")
        for name, fix in (("cheap", 0.3), ("dear", 0.6))
    }
    tokens = {"tokens.instructions": 100, "tokens.block": 10}
    prices = [published(name) for name in ("gemini-2.5-flash", "gemini-2.5-pro")]
    found = plan(models, tokens, k=6, schedules=ONE, published=prices)
    money = {each.candidate.model.name: each.numbers.money for each in found.ranked}
    expected = {"cheap": 20 * (110 * 0.3 + 10 * 2.5) * 1e-6, "dear": 10 * (110 * 1.25 + 10 * 10.0) * 1e-6}
    assert money == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------------------------------------------------ the bill


def test_the_bill_hangs_on_what_moves_it_most():
    """UntilResolved: money = 6/(fix .92) (read 2560 x 3e-6 + written 60 x 15e-6), at both ends of each interval."""
    found = plan(k=6, values=VALUES | INTERVALS, schedules=ONE, g=(1,))

    def money(fix=0.35, malformed=0.08, prompt=3e-6):
        return 6 / (fix * (1 - malformed)) * (2560 * prompt + 60 * 15e-6)

    of = {(swing.input.key, swing.input.g): swing for swing in found.swings}
    fix, invalid, price = of["operator.fix", 1], of["operator.malformed", None], of["prices.prompt", None]
    assert (fix.at_low, fix.at_high) == pytest.approx((money(fix=0.3), money(fix=0.4)), rel=1e-12)
    assert (invalid.at_low, invalid.at_high) == pytest.approx((money(malformed=0.02), money(malformed=0.2)), rel=1e-12)
    assert (price.at_low, price.at_high) == pytest.approx((money(prompt=1.5e-6), money(prompt=6e-6)), rel=1e-12)
    assert fix.elasticity == pytest.approx(-1.0, rel=1e-9)
    assert price.elasticity == pytest.approx(math.log(money(prompt=6e-6) / money(prompt=1.5e-6), 4), rel=1e-9)
    assert fix.value == found.best.numbers.money == pytest.approx(money())
    assert [swing.width for swing in found.swings] == sorted((swing.width for swing in found.swings), reverse=True)
    assert ("operator.fix", 6) not in of  # nothing that no call of the choice looks at
    (told,) = told_swings(found)
    assert told.startswith(f"the bill of the choice hangs on fix at g = 1 (0.3 to 0.4): ${money(fix=0.3):.4g} to ")
    assert told.index("malformed (0.02 to 0.2)") < told.index("price of a prompt token (half to double)")


def test_ranked_by_hours_both_are_told_and_at_a_budget_the_fitness():
    timed = plan(k=6, values=VALUES | {"seconds.fixed": 10.0}, by="hours", schedules=ONE, g=(1,))
    told = told_swings(timed)
    assert [each.split(" of the choice")[0] for each in told] == ["the hours", "the bill"]
    assert "seconds of a call (half to double): 0.02588 to 0.1035" in told[0]
    spent = plan(k=6, values=VALUES, budget=0.1, schedules=ONE, g=(1,))
    assert told_swings(spent)[0].startswith("the fitness of the choice hangs on ")
    fitness = {swing.input.key: swing for swing in spent.swings if swing.input.g == 1}["operator.fix"]
    assert fitness.value == predict(spent.best.candidate.cell, "fitness", cost=0.1).mean
    assert fitness.at_low < fitness.value < fitness.at_high


# ------------------------------------------------------------------------------------------------------------- seconds


def test_the_grid_says_how_its_runs_are_timed_as_the_plan_is(tmp_path):
    """The command on its first line has the seconds with which `predict` tells the hours of the plan."""
    seconds = "--seconds fixed=2,per_generated_token=.01,tail=.3,evaluation=12 --workers 2 --feedback none --rows 2"
    path = tmp_path / "timed.toml"
    assert said(f"{OPTIONS} {seconds} --toml {path}")[0] == 0
    (told,) = re.match(r"# seconds: llm-evo time results/timed (.*)", path.read_text()).groups()
    options = {name.replace("-", "_"): float(value) for name, value in re.findall(r"--([\w-]+) (\S+)", told)}
    workers = int(options.pop("workers"))
    values = VALUES | {"operator.malformed": 0.0, "seconds.fixed": 2.0, "seconds.per_generated_token": 0.01}
    values |= {"seconds.tail": 0.3, "seconds.evaluation": 12.0}
    found = plan(k=6, values=values, feedback="none", workers=2)
    hours = {each.candidate.cell.search.text: each.numbers.hours for each in found.ranked}
    for cell in load_grid(path).cells:
        told_hours = predict(cell, "seconds", latency=Latency(**options), workers=workers).mean / 3600
        assert told_hours == pytest.approx(hours[cell.search.text], rel=1e-9)
        slower = Latency(**options | {"evaluation": 13.0})  # the twin
        assert predict(cell, "seconds", latency=slower, workers=workers).mean / 3600 > 1.01 * told_hours
