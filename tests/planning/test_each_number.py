"""Each number of a candidate by hand, where quantities are in their units and samples are small enough to count."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from evo import Latency, OnePlusLambda, RoundRobin
from evo.errors import InputError
from experiments import Cell, plan
from experiments.grids.measured.file import Calibration, parse_calibration
from experiments.planning.answer import _stake, behind, next_best, told_hangs, told_swings
from experiments.planning.by_runs import _budget, with_runs, with_simulated_band
from experiments.planning.candidates import Candidate
from experiments.planning.hours_band import _of_runs
from experiments.planning.inputs import Hang
from experiments.planning.model import Model
from experiments.planning.numbers import NO_CALL, Aim, Numbers, exact_numbers
from experiments.planning.plan import _expect_some
from experiments.planning.sensitivity import hangs, hangs_by_runs, swings
from experiments.planning.sensitivity.hangs_by_runs import _moved, _Worth, worth_of
from experiments.planning.simulated import A_RUN, NotSimulatedError, Simulator, SpentToTarget
from operators import FixKeep
from problems import BlockOneMax

SECONDS = {"fixed": 2.0, "per_prompt_token": 0.003, "per_generated_token": 0.02}


def model(fix="{ 1 = 0.4, 2 = 0.3, 6 = 0.2 }", **tables) -> Model:
    """A model of 8 blocks, by the tables of its file."""
    text = f"[operator]\nfix = {fix}\nkeep = {{ 1 = 0.97, 2 = 0.96, 6 = 0.95 }}\n"
    given = {"problem": {"k": 8}, "tokens": {"instructions": 500, "block": 50}} | tables
    for table, values in given.items():
        text += f"[{table}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())
    values: Calibration = parse_calibration(text)
    return Model("", values)


# ------------------------------------------------------------------------------------------------- what a model says


@pytest.mark.parametrize("name", SECONDS)
def test_medians_become_means_of_every_kind_of_seconds(name):
    """A tail multiplies each of them by exp(tail^2/2), and neither itself nor evaluations."""
    latency = model(seconds={name: SECONDS[name], "tail": 0.6, "evaluation": 12.0}).latency
    expected = {other: SECONDS[other] * math.exp(0.18) if other == name else 0.0 for other in SECONDS}
    assert latency == Latency(**expected, tail=0.6, evaluation=12.0)


@pytest.mark.parametrize(("said", "block"), [(12.7, 13), (12.4, 12), (0.2, 1), (50, 50)])
def test_a_block_has_the_next_whole_number_of_tokens(said, block):
    made = model(tokens={"instructions": 500, "block": said})
    assert (made.block, made.problem.l) == (block, block)
    assert model(problem={"k": 8, "l": 7}, tokens={"instructions": 500, "block": said}).block == 7  # l goes before


@pytest.mark.parametrize(("k", "known"), [(8, [1, 4]), (6, [1]), (9, [1, 4])])
def test_a_size_between_a_certain_chance_and_another_is_not_known(k, known):
    """Its logit has no value between; nor that of the chunk of two that four leave of six blocks."""
    made = model(fix="{ 1 = 0.4, 4 = 1.0 }", problem={"k": k})
    assert [g for g in range(1, 7) if made.knows(g)] == known
    assert [g for g in range(1, 7) if made.measured(g)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("g", "low", "measured"), [(1, 1, True), (1, 2, False), (2, 2, True), (3, 2, True), (3, 3, False), (6, 2, True),
                               (5, 3, True), (5, 4, False), (7, 1, False), (8, 1, False)],
)  # fmt: skip
def test_a_chunk_and_what_it_leaves_of_8_blocks_are_within_what_was_measured(g, low, measured):
    assert model(f"{{ {low} = 0.4, 6 = 0.2 }}").measured(g) is measured


def test_as_many_calls_as_chunks_are_merged_and_no_more():
    found = plan(
        k=6, values={"operator.fix": {1: 0.4, 2: 0.3}, "operator.keep": {1: 0.97, 2: 0.96}}, g=(2,), bands=0,
        lam=(1, 2, 3, 4), schedules=("RoundRobin",), runners=("Merged",), feedback="none",
    )  # fmt: skip
    assert sorted(each.candidate.lam for each in found.ranked) == [2, 3]


# ------------------------------------------------------------------------------------------------- what is simulated

PRICES = {"prompt": 3e-6, "generated": 15e-6}


def candidate(g, lam=1, **tables) -> Candidate:
    return Candidate(model(prices=PRICES, **tables), "RoundRobin", g, lam)


def test_hours_of_runs_are_their_calls_with_an_evaluation_each():
    """One worker, three calls a generation, blocks of two: every call takes as long, and all that is off is calls."""
    one = candidate(2, 3, seconds={"fixed": 2.0, "per_generated_token": 0.01, "evaluation": 12.0})
    found = with_runs(one, Aim(), Numbers(), Simulator())
    assert found.hours == pytest.approx(found.calls * (2.0 + 1.0 + 12.0) / 3600, rel=1e-12)
    assert found.error("hours") == pytest.approx(found.error("calls") * 15.0 / 3600, rel=1e-12)
    price = (500 + 100) * 3e-6 + 100 * 15e-6
    assert found.money == pytest.approx(found.calls * price, rel=1e-12)
    assert found.tokens == pytest.approx(found.calls * 700, rel=1e-12)
    assert found.error("money") == pytest.approx(found.error("calls") * price, rel=1e-12)


@pytest.mark.parametrize("target", [None, 6])
def test_the_share_that_reaches_its_target_is_that_of_the_runs(target):
    one, aim = candidate(3), Aim(target=target, calls=25)
    few = {"a_candidate": 10_000}
    found = with_runs(one, aim, Numbers(calls=1.0, tokens=1.0, money=1.0, hours=1.0), Simulator(**few))
    sample = Simulator(**few).at_budget(one.cell, *_budget(one.cell, aim), target)
    there, runs = int((sample.values >= (8 if target is None else target)).sum()), len(sample.values)
    assert 0 < there < runs
    assert (found.reached, found.fitness, found.runs) == (there / runs, sample.mean, runs)
    near = (there + 1) / (runs + 2)
    assert found.error("reached") == pytest.approx(math.sqrt(near * (1 - near) / runs), rel=1e-12)
    squares = ((sample.values - sample.mean) ** 2).sum() + 2  # and two runs that are one off, either way
    assert found.error("fitness") == pytest.approx(math.sqrt(squares / (runs + 1) / (runs + 2)), rel=1e-12)


@pytest.mark.parametrize(("lam", "workers", "turns"), [(4, 2, 2), (4, 4, 1), (3, 2, 2), (5, 1, 5)])
def test_hours_of_single_runs_count_generations_on_the_shorter_chunk(lam, workers, turns):
    """Blocks of 3, 3 and 2 in turn; without a tail all is counted: so many turns of so many seconds a generation."""
    cell = Cell(BlockOneMax(k=8, l=50), FixKeep(0.4, 0.9), RoundRobin(g=3), OnePlusLambda(lam=lam))
    latency = Latency(fixed=1.0, per_generated_token=0.01, evaluation=2.0)
    spent = Simulator().until(cell, None)
    generations = spent.counts[:, 0]
    seconds = _of_runs(spent, latency, workers, np.random.default_rng(1)).values
    expected = turns * (4.5 * (generations - generations // 3) + 4.0 * (generations // 3))
    assert seconds == pytest.approx(expected, rel=1e-12)


# ----------------------------------------------------------------------------------------- what a simulated choice is


@pytest.mark.parametrize(("share", "called"), [(1.0, True), (1.0 - 1e-6, False), (1.0 + 1e-6, True)])
def test_money_for_one_call_makes_it_and_a_millionth_less_does_not(share, called):
    one = candidate(8)
    found = exact_numbers(one, Aim(money=share * ((500 + 400) * 3e-6 + 400 * 15e-6)))
    assert (found.note == NO_CALL) is not called
    assert (found.fitness > 0.0, found.reached > 0.0) == (called, called)


@pytest.mark.parametrize(
    ("by", "value", "error", "worth"),
    [("money", 3.0, 0.5, (3.0, 0.5)), ("fitness", 3.0, 0.5, (-3.0, 0.5)), ("money", 3.0, math.nan, (3.0, 0.0)),
     ("money", math.nan, math.nan, (math.inf, 0.0))],
)  # fmt: skip
def test_what_a_candidate_takes_is_to_be_kept_small(by, value, error, worth):
    found = worth_of(SimpleNamespace(**{by: value}, error=lambda _: error), by)
    assert (found.value, found.error) == worth


def test_clearly_less_is_by_two_standard_errors_of_the_difference():
    other = _Worth(10.0, 0.4)
    assert _Worth(8.99, 0.3).clearly_less(other)  # errors of .3 and .4 are .5 together
    assert not _Worth(9.01, 0.3).clearly_less(other)
    assert not _Worth(9.0).clearly_less(_Worth(9.0))


def test_a_choice_by_runs_hangs_on_inputs_of_its_own_and_the_next_two(monkeypatch):
    """What may flip within its interval is told first; a candidate without the number is no rival."""
    each = [
        SimpleNamespace(candidate=SimpleNamespace(model=SimpleNamespace(name=name)), numbers=numbers(money))
        for name, money in (("a", 1.0), ("b", 2.0), ("a", math.nan), ("c", 4.0))
    ]
    seen = []

    def moved(plan, asked, rivals, here, hang):
        seen.append((asked.by, len(rivals), [one.value for one in here]))
        return hang

    monkeypatch.setattr(hangs_by_runs, "_moved", moved)
    monkeypatch.setattr(hangs_by_runs, "uncertain", lambda model, by, odds: [
        SimpleNamespace(key=f"{model.name}{number}", inside=number == 2) for number in (1, 2)
    ])  # fmt: skip
    found = hangs_by_runs.hangs_by_runs(SimpleNamespace(ranked=each, by="money", aim=Aim(), odds=0.5))
    assert [hang.key for hang in found] == ["a2", "b2", "a1", "b1"]
    assert seen == [("money", 2, [1.0, 2.0])] * 4


def test_who_may_become_the_best_are_the_first_six_and_the_first_of_each_kind():
    """Not those that are simulated, nor those of which nothing is known."""

    def ranked(name, g=1, money=1.0, by_runs=False, **more):
        one = {"name": name, "runner": "OnePlusLambda", "g": g, "votes": 1, "model": SimpleNamespace(name="")} | more
        return SimpleNamespace(candidate=SimpleNamespace(**one), numbers=SimpleNamespace(money=money), by_runs=by_runs)

    same = [ranked("a") for _ in range(hangs.FIRST + 1)]
    kinds = [ranked("b"), ranked("a", g=2), ranked("a", runner="Merged"), ranked("a", votes=2),
             ranked("a", model=SimpleNamespace(name="small"))]  # fmt: skip
    runs, unknown = ranked("c", by_runs=True), ranked("d", money=math.nan)
    asked = SimpleNamespace(by="money", simulated=lambda each: each.by_runs)
    asked.ranked = [*same, *kinds, runs, *kinds, unknown, ranked("e")]
    expected = [each.candidate for each in (*same[:-1], *kinds)]
    found = hangs._rivals(asked)
    assert [id(each) for each in found] == [id(each) for each in expected]


def numbers(money):
    return SimpleNamespace(money=money, error=lambda by: 0.1)


def test_a_candidate_is_asked_once_by_a_formula_then_by_runs(monkeypatch):
    calls = []
    monkeypatch.setattr(hangs_by_runs, "exact_numbers", lambda one, aim: calls.append("formula") or numbers(one.known))
    monkeypatch.setattr(
        hangs_by_runs, "with_runs", lambda one, aim, found, simulator: calls.append("runs") or numbers(7.0)
    )
    asked = hangs_by_runs._Asked(Aim(), "money", SimpleNamespace())

    def one(text, known, fixed):
        return SimpleNamespace(
            cell=SimpleNamespace(text=text), model=SimpleNamespace(latency=Latency(fixed=fixed)), known=known
        )

    told = [
        asked.worth(each).value
        for each in (one("x", 5.0, 1), one("y", math.nan, 1), one("x", 6.0, 1), one("x", 6.0, 2))
    ]
    assert told == [5.0, 7.0, 5.0, 6.0]
    assert calls == ["formula", "formula", "runs", "formula"]


def untold(*_):
    raise NotSimulatedError("too many")


def test_what_cannot_be_simulated_says_why_and_changes_no_number():
    """The means keep what was said of them before, behind it; a band that is known is not asked for."""
    asked, aim = candidate(2), Aim(calls=9)
    found = Numbers(calls=40.0, tokens=1.0, note="as said")
    none = SimpleNamespace(until=untold, at_budget=untold)
    assert repr(with_runs(asked, aim, found, none)) == repr(replace(found, note="too many; as said"))
    assert repr(with_runs(asked, aim, replace(found, note=""), none)) == repr(replace(found, note="too many"))
    assert repr(with_simulated_band(asked, aim, found, none)) == repr(replace(found, note="too many"))
    known = replace(found, low=1.0)
    assert with_simulated_band(asked, aim, known, none) is known


@pytest.mark.parametrize(
    ("known", "simulated"),
    [
        ({}, ["calls", "tokens", "money", "low", "median", "high"]),
        ({"money": 1.0, "tokens": 1.0}, ["calls", "low", "median", "high"]),
        ({"calls": 40.0}, ["tokens", "money"]),
        ({"calls": 40.0, "money": 1.0}, ["tokens"]),
        ({"calls": 40.0, "money": 1.0, "tokens": 1.0}, []),
    ],
)
def test_only_what_no_formula_tells_is_simulated_and_with_the_calls_the_band_of_the_money(known, simulated):
    """Nine runs of 1 to 9 calls: 10, 50 and 90 % are the least, the middle and the most of them."""
    asked = candidate(2)
    calls = np.arange(1, 10)
    spent = SpentToTarget(asked.cell, np.column_stack([calls, calls, calls]))
    found = with_runs(asked, Aim(), Numbers(**known), SimpleNamespace(until=lambda cell, target: spent))
    price = (500 + 100) * 3e-6 + 100 * 15e-6
    told = {"calls": 5, "money": 5 * price, "tokens": 5 * 700, "low": price, "median": 5 * price, "high": 9 * price}
    assert [name for name, _ in found.errors] == simulated
    for name, value in told.items():
        expected = value if name in simulated else known.get(name, math.nan)
        assert getattr(found, name) == pytest.approx(expected, rel=1e-12, nan_ok=True), name
    assert (found.kind, found.runs) == (("simulated", 9) if simulated else (Numbers().kind, 0))


@pytest.mark.parametrize(("calls", "tried"), [(A_RUN / 2 - 1, True), (A_RUN / 2, False), (math.nan, False)])
def test_a_band_is_simulated_where_most_runs_are_seen_to_end(calls, tried):
    found = Numbers(calls=calls)
    told = with_simulated_band(candidate(2), Aim(), found, SimpleNamespace(until=untold))
    assert told.note == ("too many" if tried else "")


@pytest.mark.parametrize("by", ["money", "fitness"])
def test_the_flip_of_a_simulated_choice_lies_on_a_straight_line(by, monkeypatch):
    """From 0.5 to 0.8 the choice loses 12 and the other 3, which is 3 behind at first: a third of the way they meet."""
    worth = {"choice": lambda value: 10 + 40 * (value - 0.5), "other": lambda value: 13 + 10 * (value - 0.5)}
    monkeypatch.setattr(hangs_by_runs, "changed", lambda rival, hang, value: (rival, value))
    asked = SimpleNamespace(worth=lambda pair: _Worth(worth[pair[0]](pair[1]), 0.01))
    here = [_Worth(worth[name](0.5), 0.01) for name in worth]
    hang = Hang("", "operator.fix", 1, 0.5, 0.4, 0.8, True)
    found = _moved(SimpleNamespace(by=by), asked, list(worth), here, hang)
    assert found.flip == pytest.approx(0.6, rel=1e-12)
    assert (found.to, found.simulated, found.inside) == ("other", True, True)
    assert found.stake == pytest.approx(6.0 if by == "fitness" else 22 / 16)
    near = replace(hang, high=0.55)
    assert math.isnan(_moved(SimpleNamespace(by=by), asked, list(worth), here, near).flip)  # the twin: not reached


@pytest.mark.parametrize(("by", "unit"), [("money", 10.0), ("fitness", 1.0)])
def test_as_good_as_the_best_is_what_is_within_two_standard_errors(by, unit):
    """Errors of 0.3 and 0.4 are 0.5 together: 1 apart is as good, of money by the best's 10 that is a tenth."""

    def ranked(number, error):
        numbers = SimpleNamespace(money=10.0, fitness=10.0, error=lambda by: error)
        return SimpleNamespace(candidate=SimpleNamespace(decomposition=number), numbers=numbers, off=number / unit)

    best, near, far = (ranked(*each) for each in ((0.0, 0.3), (0.99, 0.4), (1.01, 0.4)))
    least = 0.0 if by == "fitness" else 1.0
    made = SimpleNamespace(by=by, best=best, ranked=[best, near, far], worse=lambda each: least + each.off)
    assert next_best(made) == ([near], far)


# ------------------------------------------------------------------------------------------------------- in sentences

BEHIND = {"fitness": "1.23 blocks fewer", "reached": "chance 0.25", "hours": "1.23 times as long",
          "money": "1.23 times as dear", "calls": "1.23 times as many", "tokens": "1.23 times as many"}  # fmt: skip
STAKE = {"fitness": "1.5 blocks", "reached": "1.5 of the chance", "money": "1.5 times the money"}


@pytest.mark.parametrize("by", BEHIND)
def test_how_much_worse_and_what_is_at_stake(by):
    asked = SimpleNamespace(by=by, worse=lambda other: 1.2345)
    assert behind(asked, SimpleNamespace(numbers=SimpleNamespace(reached=0.25))) == BEHIND[by]
    assert _stake(asked, SimpleNamespace(stake=1.5)) == STAKE.get(by, f"1.5 times the {by}")


class Named(SimpleNamespace):
    """Something with a name."""

    def __str__(self):
        return self.name


def swing(name, by, given, low, high, range=""):
    return SimpleNamespace(
        by=by, input=Named(name=name, given=given, low=0.1, high=0.2, range=range), at_low=low, at_high=high
    )


def test_what_the_bill_hangs_on_is_told_of_given_intervals_first():
    several = (
        swing("keep", "money", False, 1.0, 2.0), swing("fix", "money", True, 3.0, 4.0), swing("start",
         "hours", False, 5.0, 6.0),
        swing("tail", "money", True, 7.0, 8.0, "of 95 %"), *(swing(f"more {i}",
         "reached", False, 0.1, 0.2) for i in range(5)),
    )  # fmt: skip
    assert told_swings(SimpleNamespace(swings=several, unit="$"), most=2) == [
        "the bill of the choice hangs on fix (0.1 to 0.2): $3 to $4; tail (of 95 %): $7 to $8; where no interval is "
        "given, keep (0.1 to 0.2): $1 to $2",
        "the hours of the choice hang on start (0.1 to 0.2): 5 to 6",
        "the chance of the choice hangs on more 0 (0.1 to 0.2): 0.1 to 0.2; more 1 (0.1 to 0.2): 0.1 to 0.2",
    ]


@pytest.mark.parametrize(
    ("given", "value", "found", "ends", "width", "elasticity"),
    [
        ((1.0, 2.0), 4.0, (3.0, 6.0), (3.0, 6.0), 0.75, 1.0),  # twice the input, twice the number
        ((1.0, 2.0), 5.0, (8.0, 2.0), (2.0, 8.0), 1.2, -2.0),  # twice the input, a quarter of the number
        ((1.0, 16.0), 3.0, (2.0, 4.0), (2.0, 4.0), 2 / 3, 0.25),
        ((1.0, 2.0), -4.0, (-3.0, -6.0), (-6.0, -3.0), 0.75, math.nan),
        ((1.0, 2.0), 0.0, (1.0, 3.0), (1.0, 3.0), math.inf, math.log2(3)),
        ((0.0, 2.0), 2.0, (1.0, 3.0), (1.0, 3.0), 1.0, math.nan),
        ((2.0, 2.0), 2.0, (1.0, 3.0), (1.0, 3.0), 1.0, math.nan),
        ((1.0, 2.0), 2.0, (0.0, 3.0), (0.0, 3.0), 1.5, math.nan),
        ((1.0, 2.0), 2.0, (1.0, math.inf), (1.0, math.inf), math.inf, math.nan),
    ],
)
def test_a_swing_goes_from_the_least_to_the_most_and_has_a_power(given, value, found, ends, width, elasticity):
    low, high = given
    one = swings.Swing(SimpleNamespace(low=low, high=high), "money", value, *found)
    assert (one.ends, one.width) == (ends, pytest.approx(width, rel=1e-12))
    assert one.elasticity == pytest.approx(elasticity, rel=1e-12, nan_ok=True)


NUMBERS = {  # of inputs at both ends: money, hours; 10 dollars and 4 hours as they are said to be
    "wide": ((5.0, 25.0), (3.0, 5.0)),
    "narrow": ((9.0, 11.0), (2.0, 8.0)),
    "still": ((10.0, 10.0), (4.0, 4.0)),
    "unknown": ((math.nan, 12.0), (2.0, math.nan)),
}
MONEY = [("wide", "money", 10.0, 5.0, 25.0), ("narrow", "money", 10.0, 9.0, 11.0)]
HOURS = [("narrow", "hours", 4.0, 2.0, 8.0), ("wide", "hours", 4.0, 3.0, 5.0)]


@pytest.mark.parametrize(("by", "priced", "limited", "hours", "told"), [
    ("money", True, False, 4.0, MONEY), ("hours", True, False, 4.0, HOURS + MONEY), ("hours", False, False, 4.0, HOURS),
    ("hours", True, True, 4.0, HOURS), ("hours", True, False, math.inf, MONEY), ("hours", True, False, math.nan, MONEY),
])  # fmt: skip
def test_what_a_choice_is_ranked_by_comes_before_its_money_and_the_widest_first(
    by, priced, limited, hours, told, monkeypatch
):
    """What does not move, or is not known at an end, is not told; nor money where that is what is given."""
    best = SimpleNamespace(model=SimpleNamespace(priced=priced), at=None)
    inputs = [SimpleNamespace(key=key, low=0, high=1) for key in ("still", "narrow", "unknown", "wide")]

    def number_of(candidate, aim, by):
        place = ("money", "hours").index(by)
        return (10.0, hours)[place] if candidate is best else NUMBERS[candidate[0]][place][candidate[1]]

    monkeypatch.setattr(swings, "number_of", number_of)
    monkeypatch.setattr(swings, "changed", lambda candidate, hang, value: (hang.key, value))
    monkeypatch.setattr(swings, "uncertain", lambda model, by, odds: inputs)
    asked = SimpleNamespace(
        best=SimpleNamespace(candidate=best), aim=SimpleNamespace(limited=limited), by=by, odds=None
    )
    found = [(each.input.key, each.by, each.value, each.at_low, each.at_high) for each in swings.swings_of(asked)]
    assert found == told


def hang(name, flip, kind="rates", range=""):
    return Named(name=name, flip=flip, value=0.5, to="other", kind=kind, range=range, inside=False)


@pytest.mark.parametrize(
    ("hangs", "simulated", "told"),
    [
        ((), False, []),
        ((hang("fix", 0.9), hang("keep", math.nan), hang("start", 0.1), hang("tail", 0.2)), False,
         "nothing within its interval changes the choice; nearest: fix at 0.9 instead of 0.5: other; start at 0.1 "
         "instead of 0.5: other"),
        ((hang("fix", math.nan, range="10 %"), hang("keep", math.nan, range="10 %"), hang("x", math.nan, "times",
         "5 %")), False,
         "nothing within its interval (where none is given, rates: 10 %, times: 5 %) changes the choice, nor ten times "
         "its odds or value"),
        ((hang("fix", 0.9),), True,
         "nothing within its interval changes the choice by more than two standard errors of runs"),
    ],
)  # fmt: skip
def test_what_flips_no_choice_is_told_with_the_nearest(hangs, simulated, told):
    asked = SimpleNamespace(hangs=hangs, best=None, simulated=lambda best: simulated)
    assert told_hangs(asked) == ([told] if told else [])


@pytest.mark.parametrize(
    ("numbers", "by", "words"),
    [
        (
            {"money": math.nan, "note": "no prices"},
            "money",
            "money is not known of any candidate; of the first: no prices",
        ),
        ({"calls": math.inf, "note": ""}, "calls", "the expected calls of every candidate is infinite"),
        ({"fitness": 1.0, "note": NO_CALL}, "fitness", "expected the price of one call at least, 0.5 here, got 0.1"),
        ({"fitness": 1.0, "note": ""}, "fitness", None),
    ],
)
def test_a_plan_of_nothing_is_refused(numbers, by, words, monkeypatch):
    monkeypatch.setattr("experiments.planning.plan.dearest_call", lambda cell: cell)
    found = [
        SimpleNamespace(numbers=SimpleNamespace(**numbers), candidate=SimpleNamespace(cell=cell))
        for cell in (0.75, 0.5)
    ]
    if words is None:
        assert _expect_some(found, by, 0.1) is None
        return
    with pytest.raises(InputError) as refused:
        _expect_some(found, by, 0.1)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("low", "high", "asked_at"),
    [(0.5, 0.8, [0.8]), (0.4, 0.5, [0.4]), (0.5, 0.5, []), (0.4, 0.8, [0.4, 0.8]), (0.8, 0.8, [0.8])],
)
def test_a_candidate_is_simulated_again_at_the_ends_that_are_not_the_value(low, high, asked_at, monkeypatch):
    """At the value it was already; an end that is both is one; and what noise would show there is no flip."""
    monkeypatch.setattr(hangs_by_runs, "changed", lambda rival, hang, value: (rival, value))
    seen = []

    def worth(pair):
        seen.append(pair)
        return _Worth(2.0 if pair == ("choice", 0.5) else 1.0)

    hang = Hang("", "operator.fix", 1, 0.5, low, high, True)
    here = [_Worth(1.0), _Worth(1.5)]
    found = _moved(SimpleNamespace(by="money"), SimpleNamespace(worth=worth), ["choice", "other"], here, hang)
    assert seen == [(name, end) for end in asked_at for name in ("choice", "other")]
    assert math.isnan(found.flip)
    assert found.simulated
