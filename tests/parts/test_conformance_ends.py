"""Faults of parts at the ends of what conformance checks look at, each in a part that breaks this and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from evo.conformance import cost_checks, problem_checks, schedule_checks
from evo.conformance.parts import _same
from evo.conformance.programs.checks import _done
from evo.conformance.results import DoesNotApply, NotConforming
from evo.conformance.runners import GENERATIONS, _expect_books, _own_generations
from evo.costs.prices import TokenPrices
from evo.forms.words import unpacked
from evo.schedules import RoundRobin
from operators import Resample
from problems import BlockOneMax
from problems.systems import MergeSort


def found(checks, name):
    return next(check for check in checks if check.name == name).result()


@dataclass(frozen=True)
class Priced:
    """A cost model with a price of a cached token beside one of 2 of any token read."""

    cached: float

    @property
    def weights(self):
        return np.array([0.0, 0.0, 2.0, 5.0, 0.0, 0.0, self.cached, 0.0])


@pytest.mark.parametrize(("cached", "passed"), [(0.0, True), (-2.0, True), (-2.5, False)])
def test_a_discount_is_at_most_the_whole_price(cached, passed):
    """The weight of a part is what it costs beyond the whole: -2 makes a cached token free, and less than that pays."""
    told = found(cost_checks(Priced(cached)), "weights")
    assert told.passed is passed, told
    assert passed or told.message == "Priced.weights must be >= 0, got -0.5 for cached_tokens"
    assert found(cost_checks(TokenPrices(prompt=2.0, generated=5.0, cached=0.5, unit=1)), "weights").passed


@dataclass(frozen=True)
class Invalid(RoundRobin):
    """A schedule that says what its pointer does at an invalid answer."""

    invalid: ClassVar[str] = "up"


def test_what_an_invalid_answer_does_is_one_of_two_words():
    told = found(schedule_checks(Invalid()), "oblivious declared")
    assert (told.passed, told.message) == (False, "Invalid.invalid must be 'ignore' or 'down', got 'up'")


@dataclass(frozen=True)
class Looks(RoundRobin):
    """Chooses by the parents, but only where so many generations are asked for at once."""

    at: ClassVar[str] = "once"

    def choose(self, pointer, correct, m, ahead, lam, rng):
        chosen = super().choose(pointer, correct, m, ahead, lam, rng)
        return chosen if (ahead == 1) != (self.at == "one") else (chosen + correct[:, :1, None]) % m


class LooksAtOne(Looks):
    at: ClassVar[str] = "one"


@pytest.mark.parametrize("schedule", [Looks(), LooksAtOne()])
def test_an_oblivious_schedule_may_not_look_however_many_generations_are_asked_for(schedule):
    told = found(schedule_checks(schedule), "oblivious")
    assert (told.passed, "chooses by the correctness of the parents" in told.message) == (False, True)


@pytest.mark.parametrize(("one", "other", "same"), [
    ((1, 2), (1, 2), True), ((1, 2), (1, 3), False), ((1, 2), (1, 2, 3), False), ((1, 2, 3), (1, 2), False),
    ((), (1,), False),
])  # fmt: skip
def test_tuples_that_differ_in_length_differ(one, other, same):
    assert _same(one, other) is same
    assert _same((one, np.array(one)), (other, np.array(other))) is same


class Flying:
    """A runner with two calls in flight at the end, whose numbers of answers are given."""

    lam, founders, in_flight = 1, (0,), 0

    def __init__(self, least, most, in_flight=0):
        self.given, self.in_flight = (least, most), in_flight

    def answers(self, generations, schedule, k):
        return tuple(np.array([each(t) for t in generations]) for each in self.given)

    def fits(self, *_):
        return None


def rising(t):
    return 2 * t


@pytest.mark.parametrize(("least", "most", "in_flight", "passed"), [
    (rising, rising, 0, True), (rising, rising, 3, True), (rising, rising, -1, False),
    (lambda t: min(t, 20) - (t == 30), rising, 0, False),
    (lambda t: t // 2, lambda t: 4 * t - 2 * (t == GENERATIONS - 1) * t, 0, False),
    (lambda t: t + 1, rising, 0, False), (lambda t: 3 * t, rising, 0, False),
])  # fmt: skip
def test_the_fewest_and_the_most_answers_rise_from_nothing(monkeypatch, least, most, in_flight, passed):
    monkeypatch.setattr("evo.conformance.runners.OwnGenerations", Flying)
    runner = Flying(least, most, in_flight)
    if passed:
        assert _own_generations(runner).endswith(f"{in_flight} in flight at the end")
        return
    with pytest.raises(NotConforming, match="must be"):
        _own_generations(runner)


@pytest.mark.parametrize(("hit", "passed"), [(9, True), (8, True), (7, True), (6, False), (0, True), (-1, False)])
def test_a_hit_is_of_the_last_generation(monkeypatch, hit, passed):
    """Of nine calls in generations of three the last are 7, 8 and 9; an optimal start is hit 0."""
    monkeypatch.setattr("evo.conformance.runners.Runner", Flying)
    runner = Flying(rising, rising)
    runner.lam = 3

    class Counts:
        pass

    counts = Counts()
    counts.hit, counts.calls = np.array([hit]), np.array([9])
    if passed:
        assert _expect_books(runner, counts).startswith("1 of")
        return
    with pytest.raises(NotConforming):
        _expect_books(runner, counts)


@dataclass(frozen=True)
class Twins(Resample):
    """Two blocks of a call, at these places, are one coin where words are used, as is not so with blocks."""

    one: int = 0
    other: int = 1

    def rewrite_words(self, words, rng):
        from evo.forms.words import packed

        after = unpacked(super().rewrite_words(words, rng), 130)
        after[:, self.other] = after[:, self.one]
        return packed(after)


@pytest.mark.parametrize(("one", "other"), [(0, 64), (63, 64), (0, 129)])
def test_blocks_of_one_coin_are_found_across_words(one, other):
    from evo.conformance.call_laws import words_as_blocks

    with pytest.raises(NotConforming, match=f"blocks {one} and {other} are right"):
        words_as_blocks(Twins(0.5, one, other), 1e-6)


@pytest.mark.parametrize(("k", "expected"), [(2, 300), (3, 300), (4, 250), (5, 200), (8, 200)])
def test_as_many_initial_solutions_are_looked_at_as_blocks_allow_but_no_less_than_200(monkeypatch, k, expected):
    monkeypatch.setattr("evo.conformance.landscapes.INITIAL", 300)
    monkeypatch.setattr("evo.conformance.landscapes.INITIAL_BLOCKS", 1000)
    told = found(problem_checks(BlockOneMax(k, l=1, start=0.5)), "initial law")
    assert told.message.startswith(f"{expected} initial solutions have the law Start(")


def test_of_few_blocks_20_000_initial_solutions_are_looked_at():
    told = found(problem_checks(BlockOneMax(2, l=1, start=0.5)), "initial law")
    assert told.message.startswith("20,000 initial solutions have the law Start(")


class Says(MergeSort):
    """A program whose whole expectation is not known, and that says a chance of success all the same."""

    done: ClassVar[object]


def says(chance):
    return type("Says", (Says,), {"done": chance, "__module__": __name__})(16, 3, e=0.03)


@pytest.mark.parametrize(("chance", "right", "other"), [(0.0, 0, 1), (0.5, 500, 600), (1.0, 1000, 999)])
def test_a_chance_of_success_may_be_at_both_ends(chance, right, other):
    """Where it is 0 or 1 one run of a thousand is enough to see that it is wrong; 100 of them in the middle."""
    hits = np.where(np.arange(1000) < right, 5, -1)
    assert _done(says(chance), SimpleNamespace(hit=hits)) == f"done right {chance:g}, expected {chance:g}"
    hits = np.where(np.arange(1000) < other, 0, -1)
    with pytest.raises(NotConforming, match=f"in {other} of 1,000 runs, its property done says with probability"):
        _done(says(chance), SimpleNamespace(hit=hits))


@pytest.mark.parametrize("chance", [-0.001, 1.001, float("nan"), 1, "0.5", None])
def test_what_is_no_chance_of_success_is_not_compared(chance):
    with pytest.raises(DoesNotApply, match="n <= 10"):
        _done(says(chance), SimpleNamespace(hit=np.zeros(10)))
