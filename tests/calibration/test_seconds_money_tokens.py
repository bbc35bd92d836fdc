"""Seconds, tokens, shares and prices of calls: known laws come back, intervals cover, missing money is never 0."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from experiments.calibration.blocks import Counts, share
from experiments.calibration.calibrate import calibrate
from experiments.calibration.money import price_law
from experiments.calibration.seconds import seconds_law
from experiments.calibration.tokens import tokens_law
from experiments.logs.calls import Calls
from experiments.logs.formats import read_calls

DATA = Path(__file__).parent / "data"
PRICES = {"prompt": 3e-6, "cached": 3e-7, "generated": 15e-6, "reasoning": 9e-6, "call": 1e-4}


def calls_of(**columns):
    rows = len(next(iter(columns.values())))
    words = {name: columns.pop(name) for name in ("run", "item") if name in columns}
    return Calls(
        "x.csv", "", np.arange(rows) + 2, {name: np.asarray(v, dtype=float) for name, v in columns.items()}, words
    )


def test_numbers_of_public_calls_are_what_numpy_makes_of_them():
    """The whole of that log gave .29 given the tokens and 6.25 and 8.3 s per 1,000; this is a twelfth of it."""
    log = read_calls(DATA / "codeevolve_thinned.csv.gz", "codeevolve")
    for model, low, high in (("flash", 6.1, 6.4), ("pro", 8.1, 8.5)):
        part = log.where((log.word("model") == model) & (log.word("kind") == "code"))
        s, o = part.number("seconds"), part.number("tokens_out")
        there = ~np.isnan(s)
        law = seconds_law(s, o, part.word("run"))
        assert law.per_thousand.value == pytest.approx(np.median(1000 * s[there] / o[there]))
        assert low < law.per_thousand.value < high
        assert law.sigma.value == pytest.approx(np.std(np.log(s[there]), ddof=1))
        assert law.tail.value == pytest.approx(np.std(np.log(s[there] / o[there]), ddof=1), rel=0.05)
        assert 0.5 < law.sigma.value < 0.65
        assert law.tail.value < 0.32


def covered(rng, logs):
    """Of logs of 100 calls in one law: shares whose intervals hold the truth, by name."""
    hits = {
        name: 0 for name in ("fixed", "per_token", "tail", "median", "instructions", "block", "out", "share", "price")
    }
    for _ in range(logs):
        g = rng.choice([1.0, 5.0], 100)
        out = np.ceil(60 * g * np.exp(0.3 * rng.standard_normal(100) - 0.045))
        seconds = (2 + 0.02 * out) * np.exp(0.3 * rng.standard_normal(100))
        prompt = 2500 + 60 * g + rng.normal(0, 30, 100)
        money = 3e-6 * prompt + 15e-6 * out
        money *= 1 + 1e-5 * rng.standard_normal(100)  # as rounding does
        law = seconds_law(seconds, out)
        rate = seconds_law(0.02 * out * np.exp(0.3 * rng.standard_normal(100)), out)
        tokens = tokens_law(calls_of(g=g, tokens_in=prompt, tokens_out=out))
        prices = price_law(calls_of(tokens_in=prompt, tokens_out=out, price=money))
        bad = share(Counts(np.ones(100), (rng.random(100) < 0.2) * 1.0))
        for name, estimate, truth in (
            ("fixed", law.fixed, 2.0),
            ("per_token", law.per_token, 0.02),
            ("tail", law.tail, 0.3),
            ("median", rate.per_thousand, 20.0),
            ("instructions", tokens.instructions, 2500.0),
            ("block", tokens.block, 60.0 + 0.5 / 3),  # whole tokens: half a token more a call of 3 blocks
            ("out", tokens.means["tokens_out"], 180.0 + 0.5),
            ("share", bad, 0.2),
            ("price", prices.prices["generated"], 15e-6),
        ):
            hits[name] += estimate.low <= truth <= estimate.high
    return {name: hit / logs for name, hit in hits.items()}


@pytest.mark.statistical
def test_intervals_cover():
    """100 logs: fewer than 81 has probability 1e-6 at a coverage of .93; one of .6 is found w.p. .99999."""
    found = covered(np.random.default_rng(41), 100)
    assert not {name: hit for name, hit in found.items() if hit < binom.ppf(1e-6, 100, 0.93) / 100}


@pytest.mark.slow
@pytest.mark.statistical
def test_95_percent_intervals_cover_93_to_97():
    """1,000 logs: an interval that covers .95 is outside w.p. .004, at another seed; this one is fixed."""
    found = covered(np.random.default_rng(43), 1000)
    assert not {name: hit for name, hit in found.items() if not 0.93 <= hit <= 0.97}


def test_runs_that_differ_widen_the_interval_of_the_median():
    rng = np.random.default_rng(47)
    runs = np.repeat(np.arange(20), 20).astype(str).astype(object)
    speed = np.exp(0.5 * rng.standard_normal(20)).repeat(20)
    o = rng.lognormal(6, 0.5, 400)
    s = 0.01 * o * speed * np.exp(0.1 * rng.standard_normal(400))
    alone, together = seconds_law(s, o).per_thousand, seconds_law(s, o, runs).per_thousand
    assert together.high - together.low > 2 * (alone.high - alone.low)


def priced(rows=60):
    rng = np.random.default_rng(53)
    prompt = rng.integers(500, 4000, rows).astype(float)
    cached = np.floor(prompt * rng.random(rows))
    out = rng.integers(10, 900, rows).astype(float)
    reasoning = np.floor(out * rng.random(rows))
    money = []
    for row in range(rows):  # token by token
        paid = PRICES["call"]
        for token in range(int(prompt[row])):
            paid += PRICES["cached"] if token < cached[row] else PRICES["prompt"]
        for token in range(int(out[row])):
            paid += PRICES["reasoning"] if token < reasoning[row] else PRICES["generated"]
        money.append(paid)
    columns = dict(tokens_in=prompt, tokens_cached=cached, tokens_out=out, tokens_reasoning=reasoning)
    return columns, np.array(money)


def test_prices_come_back_from_money_paid_token_by_token():
    columns, money = priced()
    law = price_law(calls_of(**columns, price=money))
    assert {name: each.value for name, each in law.prices.items()} == pytest.approx(PRICES, rel=1e-6)
    assert (law.known, law.missing, law.zeros, law.untold) == (60, 0, 0, "")


def test_missing_money_is_left_out_and_never_0():
    columns, money = priced()
    money[:7], money[7:12] = np.nan, 0.0
    law = price_law(calls_of(**columns, price=money))
    assert {name: each.value for name, each in law.prices.items()} == pytest.approx(PRICES, rel=1e-6)
    assert (law.known, law.missing, law.zeros) == (48, 7, 5)
    for nothing in (np.full(60, np.nan), np.zeros(60)):
        none = price_law(calls_of(**columns, price=nothing))
        assert none.prices == {}
        assert "got 0" in none.untold


@pytest.mark.parametrize(
    ("paid", "written", "untold"),
    [
        (7, 7, "expected money of 8 calls or more, got 7"),
        (8, 8, ""),
        (9, 8, ""),
        (9, 7, "no tokens stand beside the money"),
    ],
)
def test_eight_calls_with_money_and_tokens_tell_prices(paid, written, untold):
    """A token costs 2, of calls that wrote 1 to 8 of them; the money of a call that wrote none is not known."""
    tokens, money = np.arange(1.0, 11), 2 * np.arange(1.0, 11)
    tokens[written:], money[paid:] = np.nan, np.nan
    law = price_law(calls_of(tokens_out=tokens, price=money))
    assert (law.untold, law.known) == (untold, paid)
    prices = {name: each.value for name, each in law.prices.items()}
    assert prices == ({} if untold else pytest.approx({"generated": 2.0, "call": 0.0}, abs=1e-9))


def test_money_that_follows_no_prices_is_refused():
    columns, money = priced()
    money *= 1 + 0.1 * np.random.default_rng(3).random(60)
    assert "follows no prices of tokens" in price_law(calls_of(**columns, price=money)).untold


def test_a_price_that_money_hardly_tells_is_what_it_is_and_not_0():
    """A call costs at most a thousandth of its tokens, and money errs by half of that: least squares by hand."""
    columns, _ = priced()
    money = 3e-6 * columns["tokens_in"] + 15e-6 * columns["tokens_out"] + 1e-6
    money *= 1 + 5e-4 * np.random.default_rng(8).standard_normal(60)
    law = price_law(calls_of(tokens_in=columns["tokens_in"], tokens_out=columns["tokens_out"], price=money))
    table = np.column_stack([columns["tokens_in"], columns["tokens_out"], np.ones(60)]) / money[:, None]
    wanted = np.linalg.lstsq(table, np.ones(60), rcond=None)[0]
    assert [law.prices[name].value for name in ("prompt", "generated", "call")] == pytest.approx(wanted, rel=1e-6)
    assert law.prices["call"].low == 0.0 < law.prices["call"].value < law.prices["call"].high


def test_prices_that_cannot_be_told_apart_are_not_told():
    columns, _ = priced()
    columns["tokens_cached"] = np.full(60, 100.0)
    money = 3e-6 * (columns["tokens_in"] - 100) + 3e-7 * 100 + 15e-6 * columns["tokens_out"] + 1e-4
    law = price_law(calls_of(**columns, price=money))
    assert set(law.prices) == {"prompt", "generated", "reasoning"}
    assert law.untold == "cached, call vary together: no price of each"


def test_one_g_tells_no_instructions():
    g, prompt = np.full(40, 3.0), 2500 + np.random.default_rng(1).integers(0, 9, 40)
    law = tokens_law(calls_of(g=g, tokens_in=prompt, tokens_out=np.full(40, 180)))
    assert law.instructions is None
    assert law.block.value == 60


def test_one_value_has_no_mean():
    report = calibrate(calls_of(tokens_in=[900, np.nan], evaluation_seconds=[np.nan, 3]))
    assert (report.evaluation, report.tokens.means) == (None, {})
    assert report.calibration().seconds.evaluation is None


def test_few_seconds_tell_nothing():
    assert seconds_law(np.ones(29), np.ones(29)) is None
    assert seconds_law(np.full(30, 2.0), np.full(30, 500.0)).per_thousand.interval == (4.0, 4.0)
    assert seconds_law(np.full(90, np.nan), np.ones(90)) is None


@pytest.mark.parametrize(("runs", "widened"), [(7, False), (8, True)])
def test_from_eight_runs_on_seconds_are_errors_of_runs_and_not_of_calls(runs, widened):
    """Calls of a run are as quick as each other: their squares are summed over runs, and Student's law is of these."""
    names = np.repeat(np.arange(runs), 10)
    seconds, tokens = np.exp(0.1 * names), np.full(len(names), 100.0)
    found = seconds_law(seconds, tokens, names.astype(str).astype(object))
    alone = seconds_law(seconds, tokens)
    assert (found.sigma.interval != alone.sigma.interval) is widened
    assert (found.per_token.interval != alone.per_token.interval) is widened


def test_the_tail_is_what_two_parameters_leave_of_the_logarithms():
    """The sum of squares over n - 2 at the law that is told, of few calls: n - 1 would be 2 % off."""
    rng = np.random.default_rng(8)
    out = rng.integers(50, 2000, 32).astype(float)
    seconds = (3 + 0.01 * out) * np.exp(0.4 * rng.standard_normal(32))
    law = seconds_law(seconds, out)
    left = np.log(seconds) - np.log(law.fixed.value + law.per_token.value * out)
    assert law.tail.value == pytest.approx(np.sqrt((left**2).sum() / 30), rel=1e-6)


def test_no_money_is_told_apart_from_money_that_is_not_known_and_from_nothing_bought():
    """A 0 beside tokens is counted, since no call is free; a 0 beside none, and an empty place, are not."""
    money = [0.01] * 10 + [0.0] * 3 + [np.nan] * 2 + [0.0] * 4
    calls = calls_of(price=money, tokens_in=[5.0] * 15 + [0.0] * 2 + [np.nan] * 2, tokens_out=[5.0] * 15 + [np.nan] * 4)
    law = price_law(calls)
    assert (law.known, law.missing, law.zeros) == (10, 2, 3)


@pytest.mark.parametrize("tokens", ["tokens_in", "tokens_out"])
def test_a_call_that_read_or_wrote_has_used_something(tokens):
    law = price_law(calls_of(price=[0.01] * 8 + [0.0] * 3, **{tokens: [5.0] * 10 + [0.0]}))
    assert (law.known, law.missing, law.zeros) == (8, 0, 2)


def test_each_number_of_tokens_says_how_many_calls_tell_it():
    """Four calls: one without g, one that wrote nothing known, two that tell what was cached."""
    nan = np.nan
    columns = {"tokens_in": [11, 20, 30, 40], "tokens_cached": [1, nan, nan, 2], "tokens_out": [10, 20, nan, 40]}
    law = tokens_law(calls_of(g=[1, 2, 3, nan], **columns))
    assert {name: mean.n for name, mean in law.means.items()} == dict(tokens_in=4, tokens_cached=2, tokens_out=3)
    assert (law.instructions.n, law.block.n, law.cached_of_prompt.n) == (3, 2, 2)
    assert law.instructions.value == pytest.approx(61 / 3 - 2 * 9.5)  # the mean, less two of the slope (30 - 11) / 2
    assert (law.block.value, law.cached_of_prompt.value) == pytest.approx((30 / 3, 3 / 51))
