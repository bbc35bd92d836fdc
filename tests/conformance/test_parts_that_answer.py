"""What mutators are asked by their checks, which answers differ, and what a price may be; each line from both sides."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evo.conformance import cost_checks, mutator_checks, mutators, parts, problem_checks
from evo.conformance.results import FALSE_FAIL_RATE, DoesNotApply, NotConforming
from evo.conformance.serving import CallState
from evo.errors import InputError
from evo.forms.texts import Unreadable
from evo.protocols import Rewritten
from operators import LLM, Resample
from problems import BlockOneMax

ALPHA = 1e-6


def says(checks, name):
    return next(check for check in checks if check.name == name).result()


# ------------------------------------------------------------------------------------------- mutators


@dataclass(frozen=True)
class Coins:
    """Bare: each block is right with probability 1/2."""

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


def test_each_length_is_asked_for_alone_and_in_batches():
    asked = []
    records = type("Records", (Coins,), {"rewrite": lambda self, x, rng: asked.append(x.copy()) or ~x})()
    assert says(mutator_checks(records), "shape and dtype").message == (
        "bool [n, g] in and out for k = 12, g = 1, 2, 3, 5, 8, 12"
    )
    assert [x.shape for x in asked] == [(n, g) for g in (1, 2, 3, 5, 8, 12) for n in (1, 7, 200, 5000)]
    assert all(((~x).sum(axis=1) == x.shape[1] // 2).all() for x in asked)


def test_answers_to_the_last_chunk_of_random_solutions_are_compared_with_all_that_comes_with_them():
    class Positions(Coins):
        sees = "solution"

        def rewrite(self, chunk, rng):
            assert chunk.correct.shape[0] == 200
            assert (chunk.blocks == np.arange(12 - chunk.correct.shape[1], 12)).all()
            np.testing.assert_array_equal(np.take_along_axis(chunk.solution, chunk.blocks, 1), chunk.correct)
            assert abs(chunk.solution.mean() - 0.5) < 0.1
            assert not chunk.generation.any()
            whole, ones = chunk.solution.copy(), np.ones(200, dtype=bool)
            return Rewritten(~chunk.correct, valid=~ones, solution=whole, calls=ones.astype(np.int64) + 1)

    made = mutators._varied_answers(Positions(), np.random.default_rng(1))
    again = mutators._varied_answers(Positions(), np.random.default_rng(2))
    assert len(made) == 6 * 4
    assert [each.shape for each in made[:4]] == [(200, 1), (200,), (200, 12), (200,)]
    assert [made[-4].shape, made[1].any(), made[3].min()] == [(200, 12), False, 2]
    assert all(np.array_equal(one, other) for one, other in zip(made, again, strict=True))  # the chunks are the same


def test_the_false_fail_rate_of_a_mutator_is_that_of_its_checks_together(monkeypatch):
    """Eight shares, of which the law has two."""
    rates = []

    def asked(name, share):
        monkeypatch.setattr(
            mutators, name, lambda *given: rates.append((name, given[-1] / FALSE_FAIL_RATE, share)) or ""
        )

    for name in ("independent_in_a_run", "calls_as_declared", "batch_as_loop", "_calls_independent", "words_as_blocks"):
        asked(name, 1 / 8)
    asked("law_holds", 2 / 8)
    drawn = mutators.drawn_checks
    monkeypatch.setattr(mutators, "drawn_checks", lambda *given: rates.append(("rows", given[-1] * 1e6, 1 / 8)) or
                        drawn(*given[:-1], given[-1]))  # fmt: skip
    for check in mutator_checks(Resample(0.5)):
        if check.name not in ("rows independent", "nothing remembered"):
            check.result()
    assert len(rates) == 7
    assert [share for _, share, _ in rates] == pytest.approx([share for *_, share in rates])
    assert sum(share for _, share, _ in rates) == pytest.approx(1)


def answers(*given):
    """Answers given in turn, one a call of `make_calls`."""
    left = iter(given)
    return lambda mutator, at, n, rng: (None, next(left))


@pytest.mark.parametrize(("beside", "passed"), [(0, True), (1, False)])
@pytest.mark.parametrize("shifted", [0, 1])
def test_two_calls_may_be_the_same_as_often_as_chance_allows(monkeypatch, beside, passed, shifted):
    """Of 1000 rows that all differ, so many are those of the other call, or the next ones: sqrt(2 ln(4/alpha)/n)."""
    most = math.floor(math.sqrt(2 * math.log(4 / ALPHA) * 1000)) + beside
    rows = (np.arange(1000)[:, None] >> np.arange(10)) % 2 == 1
    other = np.where((np.arange(1000) < most)[:, None], np.roll(rows, -shifted, axis=0), True)
    monkeypatch.setattr(mutators, "LOOP_CALLS", 1000)
    monkeypatch.setattr(mutators, "make_calls", answers(Rewritten(rows), Rewritten(other)))
    if passed:
        told = mutators._calls_independent(Coins(), ALPHA)
        assert told == "an answer says nothing of the next one; 0.35 in the probability of a repetition would be found"
        return
    shares = ("0.000", f"{most / 1000:.3f}") if shifted else (f"{most / 1000:.3f}", "0.000")
    with pytest.raises(
        NotConforming, match=f"blocks with probability {shares[0]}, and .* with probability {shares[1]}"
    ):
        mutators._calls_independent(Coins(), ALPHA)


def test_answers_that_are_invalid_are_others_than_valid_ones_with_the_same_blocks():
    blocks = np.array([[True, False], [True, True]])
    assert mutators._rows(Rewritten(blocks)).tolist() == [[1, 0, 1], [1, 1, 1]]
    assert mutators._rows(Rewritten(blocks, valid=np.array([False, True]))).tolist() == [[1, 0, 0], [1, 1, 1]]


class Claims(Coins):
    """Answers with a solution in which one block of one call is right, at one place; `valid` says of that call."""

    sees = "solution"

    def __init__(self, place=1000, old=False, new=False, valid=True, block=0):
        for name, value in (("place", place), ("old", old), ("new", new), ("valid", valid), ("block", block)):
            object.__setattr__(self, name, value)

    def rewrite(self, chunk, rng):
        after, solution, truths = np.zeros_like(chunk.correct), chunk.solution.copy(), np.ones(len(chunk.correct), bool)
        inside = chunk.blocks[0]
        if self.old:
            after |= chunk.correct
        elif chunk.generation[0] == self.place or self.place == 0:
            solution[:, inside] = False
            solution[-1, inside[self.block]] = True
            after[-1, self.block] = self.new
            truths[-1] = self.valid
        else:
            solution[:, inside] = False
        return Rewritten(after, valid=truths, solution=solution)


@pytest.mark.parametrize(("mutator", "passed"), [
    (Claims(place=-1), True), (Claims(old=True), True), (Claims(new=True), True), (Claims(valid=False), True),
    (Claims(block=-1), False), (Claims(place=0), False),
])  # fmt: skip
def test_a_solution_may_hold_what_was_right_before_and_damage_but_no_repair_that_is_not_said(mutator, passed):
    """Of a thousand calls the last says so, in the last chunk alone or in any; there correct blocks come first."""
    if passed:
        assert mutators._whole_solution(mutator) == "the solution repairs nothing in the chunk that `correct` does not"
        return
    with pytest.raises(
        NotConforming, match=r"^Claims\.rewrite answers with .* \(1 of 1,000 answers, g = [12]\); `corr"
    ):
        mutators._whole_solution(mutator)


def test_no_solution_is_nothing_to_compare():
    with pytest.raises(DoesNotApply, match="no answer comes with a solution: nothing but the chunk is changed"):
        mutators._whole_solution(Coins())


def test_what_was_said_at_first_is_asked_for_again_after_so_many_calls_of_one_row(monkeypatch):
    asked = []
    counting = type("Counting", (Coins,), {"rewrite": lambda self, x, rng: asked.append(x.shape) or x})()
    monkeypatch.setattr(mutators, "LOOP_CALLS", 321)
    again = lambda rng: (np.array([len(asked), rng.integers(100)]),)  # noqa: E731  # it is what was said
    first = (np.array([321, np.random.default_rng(1).integers(100)]),)
    assert mutators._forgets(counting, again, first) == "the same answers for the same seed after 321 more calls"
    assert Counter(asked) == {(1, 5): 321}
    with pytest.raises(NotConforming, match="other answers for the same seed after 321 more calls; keep nothing"):
        mutators._forgets(counting, again, first)


@pytest.mark.parametrize(("lengths", "g", "i"), [((4,), 4, 2), ((1, 6), 6, 3), ((1, 2, 3), 2, 1), ((3, 5), 5, 3)])
def test_the_middle_length_stands_for_all(lengths, g, i):
    def fits(k, g):
        if k != 12 or g not in lengths:
            raise InputError("no")

    at = mutators._middle_state(SimpleNamespace(fits=fits))
    assert at == CallState(12, g, i, "first")


class Asks(LLM):
    """Keeps what it is asked, lacks something in a request, and reads no answer."""

    def request(self, call):
        SEEN.append(call)
        return {name: value for name, value in super().request(call).items() if name != self.system}

    def read(self, call, answer):
        SEEN.append(answer)
        raise Unreadable("no")


SEEN: list[Any] = []


@pytest.mark.parametrize(("lacks", "got"), [("model", "messages"), ("messages", "model"), ("", "")])
def test_a_request_names_a_model_and_holds_messages_about_a_call_that_adds_up(lacks, got):
    SEEN.clear()
    told = says(mutator_checks(Asks("m", system=lacks)), "request and answer")
    assert told.passed is not bool(lacks)
    assert not lacks or got in told.message.split("got ")[1]
    assert lacks or SEEN[2:4] == ["", "I am sorry."]
    call = SEEN[0]
    names = call.__dataclass_fields__
    solution = next(getattr(call, name) for name in names if len(getattr(call, name)) == 3)
    places, blocks = (getattr(call, name) for name in list(names)[:2])
    assert tuple(solution[place] for place in places) == blocks


# ------------------------------------------------------------------------------------------- parts


@dataclass(frozen=True)
class Derived(Resample):
    """What is derived from its fields is not compared, which changes nothing."""

    twice: float = field(default=0.0, init=False, compare=False)


@dataclass(frozen=True)
class OwnHash(Resample):
    def __hash__(self):
        return 3


@pytest.mark.parametrize(("part", "said"), [
    (Derived(0.5), "Derived is a frozen dataclass and can be hashed"),
    (OwnHash(0.5), "OwnHash has __hash__ of its own; leave it out: @dataclass(frozen=True) compares the fields"),
])  # fmt: skip
def test_what_parts_are_compared_by(part, said):
    told = says(mutator_checks(part), "frozen dataclass")
    assert (told.passed, told.message) == (type(part) is Derived, said)


class Bare:
    """Cannot be compared."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Keeps its fields in slots, and has no __dict__."""

    p: float
    q: float = 0.0


@pytest.mark.parametrize(("one", "other", "same"), [
    (Slots(0.5), Slots(0.5), True), (Slots(0.5), Slots(0.6), False), (Slots(0.5), Slots(0.5, 0.1), False),
    (1, 1, True), (1, 2, False), (np.ones(2), np.ones(2), True), (np.ones(2), np.zeros(2), False), ((), (), True),
    (Bare(), Bare(), True), (Bare(), 3, False), (Resample(0.5), Resample(0.5), True), ((1,), 1, False),
    (Resample(0.5), Resample(0.6), False), (Resample(0.5), Coins(), False),
    ((1, Resample(0.5)), (1, Resample(0.6)), False),
])  # fmt: skip
def test_what_is_the_same_in_two_parts(one, other, same):
    assert parts._same(one, other) is same


@dataclass(frozen=True, slots=True)
class Forgets(Slots):
    """Comes back from a worker process without its last field."""

    def __reduce__(self):
        return Forgets, (self.p,)


class Plain:
    """No dataclass; what it holds comes back."""

    def __init__(self, held=3, sent=3, remembered=None):
        self.held, self.sent = held, sent
        if remembered:
            self.memo = remembered

    def __reduce__(self):
        return Plain, (self.sent, self.sent)

    def __repr__(self):
        return "Plain()"


@pytest.mark.parametrize(("part", "said"), [
    (Forgets(0.5), "the part can be sent to worker processes"), (Plain(), "the part can be sent to worker processes"),
    (Plain(remembered=3), "the part can be sent to worker processes"),
    (Forgets(0.5, 0.1), "Forgets comes back from a worker process as Forgets(p=0.5, q=0.0), not Forgets(p=0.5, q=0.1)"),
    (Plain(held=4), "Plain comes back from a worker process as Plain() with another held: 3, not 4"),
])  # fmt: skip
def test_what_comes_back_from_a_worker_process_is_the_part_whole(part, said):
    assert says(parts.part_checks(part), "picklable").message == said


def test_a_part_in_a_part_in_a_tuple_is_found_by_its_name():
    outer = dataclass(frozen=True)(type("Outer", (), {"__annotations__": {"held": tuple}, "__module__": __name__}))
    find = parts._finder(outer((1, (Resample(0.5), "a"))))
    assert find(parts.type_name(Resample)) is Resample
    assert find(parts.type_name(outer)) is outer
    with pytest.raises(InputError, match=r"^unknown part 'operators.Nothing'$"):
        find("operators.Nothing")


# ------------------------------------------------------------------------------------------- prices


@dataclass(frozen=True)
class Priced:
    weights: Any

    def __hash__(self):
        return 1


SIX = (1.0, 0.0, 2.0, 3.0, 0.0, 0.0)


def at(place, price, numbers=(*SIX, 0.0, 0.0)):
    return np.array([*numbers[:place], price, *numbers[place + 1 :]])


@pytest.mark.parametrize(("weights", "said"), [
    (np.array(SIX), ""), (np.array([1, 0, 2, 3, 0, 0]), ""), (list(SIX), ""), (np.zeros(8), ""),
    (at(0, 1e100), ""), (at(0, np.nextafter(1e100, 2e100)), "must be at most 1e+100, got 1e+100 for calls"),
    (at(5, 1e100), ""), (at(0, -1e-300), "must be >= 0, got -1e-300 for calls"),
    (at(7, -3.0), ""), (at(7, -3.5), "must be >= 0, got -0.5 for reasoning_tokens"), (at(6, 9e99), ""),
    (at(6, 2e100), "must be at most 1e+100, got 2e+100 for cached_tokens"), (np.ones(7), "must be 6 finite numbers"),
    (at(1, math.inf), "must be 6 finite numbers"), (np.array(SIX, dtype=np.float32), "are float32, in which prices"),
    (np.array(SIX, dtype=np.int32), ""), (np.array(SIX, dtype=np.longdouble), ""),
])  # fmt: skip
def test_prices_are_from_nothing_to_a_bound_and_a_discount_is_at_most_the_whole(weights, said):
    told = says(cost_checks(Priced(weights)), "weights")
    assert told.passed is not bool(said)
    assert told.message.startswith(f"Priced.weights {said}" if said else "8 prices: calls ")


@pytest.mark.parametrize(("changes", "passed"), [(51, True), (50, False), (1, False)])
def test_prices_are_read_fifty_times_more(changes, passed):
    """Reading 0 is the first; one that changes after the last is not seen."""
    readings = iter(range(100))
    cost = type("Market", (), {"weights": property(lambda self: np.ones(6) + (next(readings) >= changes))})()
    if passed:
        assert parts._fixed(cost) == "the same prices each time"
        assert next(readings) == 51
        return
    with pytest.raises(NotConforming, match=r"Market.weights gives other prices each time; a price is a fixed number"):
        parts._fixed(cost)


def test_checks_of_a_part_come_in_an_order_and_of_what_is_declared_alone():
    assert [each.name for each in mutator_checks(Coins())] == [
        "frozen dataclass", "canonical text", "picklable", "shape and dtype", "input unchanged", "same for a seed",
        "global generators", "batch as loop", "rows independent", "calls independent", "whole solution", "law adds up",
        "law holds", "calls of a run independent", "calls of an answer", "nothing remembered",
    ]  # fmt: skip
    assert [each.name for each in problem_checks(BlockOneMax(4, 1))][3:] == [
        "sizes", "initial solutions", "same for a seed", "global generators", "batch as loop", "rows independent",
        "fitness", "fitness draws nothing", "optimum", "change", "landscape", "initial law",
    ]  # fmt: skip
