"""What a choice hangs on: flips by a formula, by plans made again on both sides of them, and pilots that tell."""

import math
from dataclasses import replace

import pytest
from scipy.stats import binom, norm

from experiments import plan
from experiments.grids.measured.file import Intervals, Seconds, parse_calibration
from experiments.planning.answer import figure, told_hangs
from experiments.planning.candidates import Candidate
from experiments.planning.inputs import with_odds
from experiments.planning.sensitivity.hangs import _calls

TOKENS = {"tokens.instructions": 0, "tokens.block": 10}


def model(fix, price, interval=None):
    made = parse_calibration(
        f"[operator]\nfix = {{ 1 = {fix} }}\nkeep = {{ 1 = 0.9 }}\n[prices]\nprompt = {price}\ngenerated = {price}\n"
    )
    if interval is None:
        return made
    return replace(made, operator=replace(made.operator, interval=Intervals(fix=((1, interval),))))


def two_models(interval=None):
    """Blocks resolved one by one cost k/fix calls, so that the dear model wins as long as its fix is above 0.5."""
    models = {"cheap": model(0.1, 1e-6), "dear": model(0.6, 5e-6, interval)}
    return plan(models, TOKENS, k=6, schedules=("UntilResolved",))


def chances(found):
    return [hang for hang in found.hangs if hang.key.startswith("operator.")]


def of(found, key, name="", g=None):
    (hang,) = [each for each in found.hangs if (each.key, each.model, each.g) == (key, name, g)]
    return hang


def test_a_flip_by_a_formula():
    found = two_models(interval=(0.45, 0.7))
    assert found.best.candidate.model.name == "dear"
    hang = of(found, "operator.fix", "dear", 1)
    assert (hang.low, hang.high, hang.given, hang.inside) == (0.45, 0.7, True, True)
    assert hang.flip == pytest.approx(0.5, abs=1e-4)
    assert hang.stake == pytest.approx((5 / 0.45) / (1 / 0.1))  # at 0.45, the end where the dear model loses
    assert (
        f"hangs on fix at g = 1 (dear): 0.6 (0.45 to 0.7); at {figure(hang.flip)} the choice is {hang.to}; not to "
        f"change it costs up to 1.11 times the money; a pilot of {hang.pilot:,} calls with g = 1 "
        f"({figure(hang.price)}) would tell"
    ) in told_hangs(found)
    assert hang.price == pytest.approx(hang.pilot * 20 * 5e-6)
    assert hang.to == "UntilResolved with g = 1, lam = 1, cheap"
    other = of(found, "operator.fix", "cheap", 1)
    assert (other.low, other.high) == (with_odds(0.1, 1 / 1.1), with_odds(0.1, 1.1))
    assert other.flip == pytest.approx(0.12, abs=1e-4)
    assert (other.inside, other.given, other.pilot) == (False, False, None)
    assert chances(found)[0] is hang


def test_a_narrower_interval_hangs_on_nothing():
    found = two_models(interval=(0.55, 0.65))
    assert not any(hang.inside for hang in chances(found))
    assert all(hang.pilot is None for hang in chances(found))
    found.__dict__["hangs"] = tuple(chances(found))
    (told,) = told_hangs(found)
    assert told.startswith("nothing within its interval (where none is given, chances: odds a tenth more or less)")
    assert "fix at g = 1 (dear) at 0.5 instead of 0.6" in told


def test_a_price_that_flips_the_choice():
    """10 calls of 20 tokens at 5e-6 against 60 at 1e-6: even where a generated token costs 7e-6."""
    found = two_models()
    hang = of(found, "prices.generated", "dear")
    assert (hang.low, hang.high, hang.given, hang.inside) == (2.5e-6, 1e-5, False, True)
    assert hang.flip == pytest.approx(7e-6, rel=1e-3)
    assert hang.stake == pytest.approx(15 / 12)  # at twice the price
    assert (hang.pilot, hang.tied) == (None, False)
    (told,) = [told for told in told_hangs(found) if "price of a generated token (dear)" in told]
    assert "5e-06 (2.5e-06 to 1e-05, half to double); at 7e-06 the choice is" in told
    assert told.endswith("costs up to 1.25 times the money; a price list tells")
    models = {"cheap": model(0.1, 1e-6), "dear": model(0.6, 5e-6)}
    for price, best in ((6.9e-6, "dear"), (7.1e-6, "cheap")):  # the plan made again on both sides
        prices = replace(models["dear"].prices, generated=price)
        again = plan(models | {"dear": replace(models["dear"], prices=prices)}, TOKENS, k=6)
        assert again.best.candidate.model.name == best


def test_a_pilot_of_timed_calls():
    """10 calls of 5 s against 60 of 1 s: even at 6 s; the mean of n logarithms has a normal law of sd tail/sqrt(n)."""
    models = {}
    for name, fix, seconds in (("quick", 0.1, 1.0), ("slow", 0.6, 5.0)):
        models[name] = replace(model(fix, 1e-6), seconds=Seconds(fixed=seconds, tail=0.3))
    found = plan(models, TOKENS, k=6, schedules=("UntilResolved",), by="hours")
    hang = of(found, "seconds.fixed", "slow")
    assert hang.flip == pytest.approx(6.0, rel=1e-3)
    step = math.log(hang.flip / 5.0) / 0.3

    def power(n):
        return float(norm.cdf(math.sqrt(n) * step - 1.959964))

    assert power(hang.pilot) >= 0.8 > power(hang.pilot - 1)
    assert any(f"a pilot of {hang.pilot} calls" in told for told in told_hangs(found) if "seconds of a call" in told)
    assert not [other for other in found.hangs if other.key.startswith("prices.")]  # hours do not look at them
    assert not [other for other in two_models().hangs if other.key.startswith("seconds.")]


def test_nearly_tied_choices_get_no_pilot():
    """At 0.5 the two cost the same: at 0.497 keeping the dear one costs 1.006 times as much."""
    found = plan({"cheap": model(0.1, 1e-6), "dear": model(0.503, 5e-6, (0.497, 0.51))}, TOKENS, k=6)
    hang = of(found, "operator.fix", "dear", 1)
    assert (hang.inside, hang.tied, hang.pilot) == (True, True, None)
    (told,) = [told for told in told_hangs(found) if "fix at g = 1 (dear)" in told]
    assert told.endswith("nearly tied: not to change it costs up to 1.01 times the money, and no pilot is worth while")
    far = plan({"cheap": model(0.1, 1e-6), "dear": model(0.503, 5e-6, (0.4, 0.6))}, TOKENS, k=6)
    wide = of(far, "operator.fix", "dear", 1)
    assert wide.stake > 1.2
    assert (wide.tied, wide.negligible, wide.pilot) == (True, False, None)  # 200,000 calls
    assert any(told.endswith("1.25 times the money, and more than 10,000 calls would tell") for told in told_hangs(far))
    clear = of(two_models(interval=(0.45, 0.7)), "operator.fix", "dear", 1)  # the twin
    assert (clear.tied, clear.pilot) == (False, 189)


def test_the_pilot_tells_with_the_chance_that_it_says():
    """The exact chance that a 95 % interval around what the pilot finds leaves the flip out."""

    def power(calls):
        chances = ((x / calls, float(binom.pmf(x, calls, hang.value))) for x in range(calls + 1))
        return sum(p for mean, p in chances if abs(mean - hang.flip) > 1.96 * math.sqrt(mean * (1 - mean) / calls))

    hang = of(two_models(interval=(0.45, 0.7)), "operator.fix", "dear", 1)
    assert hang.pilot == math.ceil((1.959964 + 0.841621) ** 2 * 0.6 * 0.4 / (0.6 - hang.flip) ** 2) == 189
    assert hang.price == pytest.approx(189 * (10 + 10) * 5e-6)
    assert 0.77 < power(hang.pilot) < 0.83
    assert power(hang.pilot // 2) < 0.55  # the twin: half of it would not


def test_blocks_of_a_call_that_are_alike_tell_less():
    """A pilot of calls on g blocks with correlation rho: (1 + (g - 1) rho) / g times the blocks."""
    rho = {"fix": 0.3, "keep": 0.05}
    more = {f"operator.rho_{name}": value for name, value in rho.items()}
    found = plan(k=10, values=VALUES | more, schedules=("RoundRobin",), g=(1, 5), bands=0)
    flips = [hang for hang in chances(found) if not math.isnan(hang.flip) and hang.g]
    assert {hang.key for hang in flips} == {"operator.fix", "operator.keep"}
    assert {hang.g for hang in flips} >= {5}
    for hang in flips:
        one = (1.959964 + 0.841621) ** 2 * hang.value * (1 - hang.value) / (hang.value - hang.flip) ** 2
        calls = one * (1 + (hang.g - 1) * rho[hang.key.removeprefix("operator.")]) / hang.g
        assert _calls(found, hang) == math.ceil(calls)


VALUES = {
    "operator.fix": {1: 0.35, 5: 0.2},
    "operator.keep": {1: 0.97, 5: 0.96},
    "operator.malformed": 0.08,
    "tokens.instructions": 2500,
    "tokens.cached_share": 0.9,
    "tokens.block": 60,
    "prices.prompt": 3e-6,
    "prices.cached": 3e-7,
    "prices.generated": 15e-6,
}


def best_with(values, key, g, value):
    table = values[key] | {g: value} if g else value
    return plan(k=20, values=values | {key: table}, schedules=("RoundRobin",), bands=0).best.candidate


def place(candidate: Candidate):
    return candidate.schedule, candidate.g, candidate.lam


def test_plans_made_again_on_both_sides_of_a_flip():
    found = plan(k=20, values=VALUES, schedules=("RoundRobin",), bands=0)
    flips = [hang for hang in chances(found) if not math.isnan(hang.flip)]
    assert {hang.key for hang in flips} >= {"operator.fix", "operator.keep"}
    for hang in flips:
        towards, beyond = (hang.value + share * (hang.flip - hang.value) for share in (0.99, 1.01))
        assert place(best_with(VALUES, hang.key, hang.g, towards)) == place(found.best.candidate), str(hang)
        then = best_with(VALUES, hang.key, hang.g, beyond)
        assert place(then) != place(found.best.candidate), str(hang)
        assert str(then) == hang.to
    quiet = [hang for hang in chances(found) if math.isnan(hang.flip)]
    for hang in quiet:  # none within ten times the odds
        for factor in (0.1, 10.0):
            assert place(best_with(VALUES, hang.key, hang.g, with_odds(hang.value, factor))) == place(
                found.best.candidate
            )
