"""Schedules, ledger, costs, budgets, parameters, canonical text, seeding: everything of the core without a run."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo.chunks import Chunks, count_correct
from evo.costs.budget import Budget, Limit
from evo.costs.ledger import LEDGER, CallTokens, Prompt, call_entries
from evo.costs.prices import LLMPrimitive, QuadraticPrimitive, TokenPrices
from evo.errors import EvoError, InputError
from evo.laws.counts import IndependentBlocks
from evo.protocols import CostModel, Problem, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.seeding import streams
from evo.text import canonical, parameters, parse, type_name
from operators import FixKeep, Resample
from problems import BlockOneMax

CHUNKED = (UntilResolved, RoundRobin, UniformChunk, OnlyIncorrect)


# ------------------------------------------------------------------------------------------- schedules


def test_every_schedule_problem_and_cost_model_has_what_its_protocol_asks_for():
    assert all(isinstance(schedule, Schedule) for schedule in (AllBlocks(), *(kind() for kind in CHUNKED)))
    assert isinstance(BlockOneMax(k=4, l=16), Problem)
    assert all(isinstance(m, CostModel) for m in (LLMPrimitive(), QuadraticPrimitive(), TokenPrices(1, 2, unit=1)))


def test_only_schedules_whose_chunks_depend_on_nothing_that_happened_are_oblivious():
    assert [kind.oblivious for kind in (AllBlocks, *CHUNKED)] == [True, False, True, True, False]


@pytest.mark.parametrize("k", range(1, 12))
def test_chunks_cover_the_blocks_once(k):
    assert Chunks.of(AllBlocks(), k) == Chunks(g=k, m=1, last=k)
    for kind, g in itertools.product(CHUNKED, range(1, k + 1)):
        chunks = Chunks.of(kind(g=g), k)
        blocks = [list(range(low, min(low + g, k))) for low in range(0, k, g)]
        assert (chunks.g, chunks.m, chunks.last) == (g, len(blocks), len(blocks[-1]))


@pytest.mark.parametrize("kind", CHUNKED)
def test_a_chunk_larger_than_the_solution_is_refused(kind):
    with pytest.raises(InputError, match=rf"^{kind.__name__}: chunk size g must be at most k = 4, got g = 5$"):
        Chunks.of(kind(g=5), 4)


@dataclass
class Shown:
    """A schedule's choices for pointers 0..m-1."""

    schedule: Any
    m: int = 3
    correct: np.ndarray = field(default_factory=lambda: np.zeros((3, 8), bool))

    def choose(self, ahead: int = 1, lam: int = 2) -> list[Any]:
        pointer = np.arange(self.m)
        chunk = self.schedule.choose(pointer, self.correct, self.m, ahead, lam, np.random.default_rng(1))
        return chunk.tolist()

    def advance(self, moved: list[bool], generations: list[int]) -> list[int]:
        pointer = np.arange(self.m)
        return self.schedule.advance(pointer, np.array(moved), self.m, np.array(generations)).tolist()


def test_all_blocks_has_one_chunk():
    shown = Shown(AllBlocks(), m=1)
    assert shown.choose(ahead=3) == [[[0], [0], [0]]]
    assert shown.advance([True], [5]) == [0]


def test_until_resolved_goes_on_when_the_fitness_moved_and_then_round():
    shown = Shown(UntilResolved(g=3))
    assert shown.choose() == [[[0]], [[1]], [[2]]]
    assert shown.advance([True, True, True], [1, 1, 1]) == [1, 2, 0]
    assert shown.advance([False, True, False], [1, 1, 1]) == [0, 2, 2]


def test_round_robin_takes_the_next_chunk_each_generation_whatever_happened():
    shown = Shown(RoundRobin(g=3))
    assert shown.choose(ahead=4) == [[[0], [1], [2], [0]], [[1], [2], [0], [1]], [[2], [0], [1], [2]]]
    assert shown.advance([True, False, True], [1, 1, 1]) == [1, 2, 0]
    assert shown.advance([True, False, True], [4, 5, 6]) == [1, 0, 2]


def test_uniform_chunk_draws_for_each_offspring():
    chunk = np.array(Shown(UniformChunk(g=3)).choose(ahead=1000, lam=4))
    assert chunk.shape == (3, 1000, 4)
    assert set(np.unique(chunk)) == {0, 1, 2}
    assert any(len(set(generation)) > 1 for generation in chunk[0].tolist())
    assert Shown(UniformChunk(g=3)).advance([True, True, False], [1, 2, 3]) == [0, 1, 2]


def test_uniform_chunk_is_uniform_over_chunks_the_short_one_included():
    """Chi-square of 12,000 draws on 3 chunks: exponential with mean 2 in the limit, P(> 30) = 3e-7."""
    counts = np.bincount(np.ravel(Shown(UniformChunk(g=3)).choose(ahead=1000, lam=4)), minlength=3)
    assert ((counts - 4000) ** 2 / 4000).sum() < 30


def test_only_incorrect_takes_the_lowest_chunk_with_an_incorrect_block():
    correct = np.ones((3, 8), bool)
    correct[0, 7] = correct[1, [2, 4]] = correct[2, [3, 7]] = False
    shown = Shown(OnlyIncorrect(g=3), correct=correct)
    assert shown.choose() == [[[2]], [[0]], [[1]]]
    assert shown.advance([True, True, False], [1, 1, 1]) == [0, 1, 2]


@given(st.integers(1, 40), st.data())
def test_correct_blocks_are_counted_exactly(g, data):
    rows = data.draw(st.lists(st.lists(st.booleans(), min_size=g, max_size=g), min_size=1, max_size=4))
    assert count_correct(np.array(rows)).tolist() == [sum(row) for row in rows]
    assert count_correct(np.array([rows, rows])).tolist() == [[sum(row) for row in rows]] * 2


def test_as_many_correct_blocks_as_float32_cannot_count_are_counted():
    correct = np.ones((1, 2**24 + 3), bool)
    assert count_correct(correct).tolist() == [2**24 + 3]
    assert count_correct(correct[:, : 2**24 - 1]).tolist() == [2**24 - 1]


# ------------------------------------------------------------------------------------------- ledger, costs, budget


def token_loop(
    sizes: list[int], evaluations: int, head: int, shows: str, k: int, l: int, cached: int = 0, reasoning: int = 0
) -> dict[str, int]:
    """What calls on chunks of these sizes consume, token by token (Definition 2.2)."""
    ledger = dict.fromkeys(LEDGER, 0) | {"evaluations": evaluations}
    for size in sizes:
        context = head
        for _ in range((size if shows == "chunk" else k) * l):
            context += 1
        ledger["calls"] += 1
        ledger["prompt_tokens"] += context
        ledger["cached_tokens"] += cached
        for written in range(reasoning + size * l):
            ledger["pass_tokens"] += context
            ledger["pass_tokens_squared"] += context * context
            ledger["generated_tokens"] += 1
            ledger["reasoning_tokens"] += written < reasoning
            context += 1
    return ledger


def of_shorter(tokens, short):
    """Sums of s over calls, so many of them on the shorter last chunk, where there is one; int [runs, powers]."""
    return np.array(short)[:, None][:, : tokens.powers]


@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 20), st.sampled_from(["chunk", "solution"]), st.data())
def test_the_ledger_is_that_of_a_token_loop(k, l, head, shows, data):
    g = data.draw(st.integers(1, k))
    full, short = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 5)) if k % g else 0
    evaluations = data.draw(st.integers(0, full + short))
    cached, reasoning = data.draw(st.integers(0, head)), data.draw(st.integers(0, 9))
    looped = token_loop([g] * full + [k % g] * short, evaluations, head, shows, k, l, cached, reasoning)
    tokens = CallTokens.equal(Prompt(head, shows, cached, reasoning), k, l, g)
    ledger = tokens.ledger(np.array([full + short]), np.array([evaluations]), of_shorter(tokens, [short]))
    assert ledger.shape == (1, 8)
    assert ledger[0].tolist() == list(looped.values())


def test_an_off_by_one_ledger_is_found_out():
    looped = token_loop([1], 0, 0, "chunk", 1, 200)
    assert list(call_entries(200, 200)) == list(looped.values())[2:]
    wrong = 200 * 200 + 200 * (200 + 1) // 2  # o passes over c+1..c+o
    assert wrong != looped["pass_tokens"]


def test_the_ledger_of_many_runs_is_that_of_each():
    tokens = CallTokens.equal(Prompt(head=3), k=5, l=2, g=2)
    calls, short, evaluations = np.array([4, 0, 9]), np.array([1, 0, 9]), np.array([4, 0, 3])
    ledger = tokens.ledger(calls, evaluations, of_shorter(tokens, short))
    for row, c, s, e in zip(ledger.tolist(), calls, short, evaluations, strict=True):
        assert row == list(token_loop([2] * (c - s) + [1] * s, int(e), 3, "chunk", 5, 2).values())


def test_a_ledger_is_exact_where_64_bit_integers_are_not():
    calls, k, l = 10_000_000, 8, 1000
    tokens = CallTokens.equal(Prompt(), k, l, k)
    squares = calls * call_entries(k * l, k * l)[3]
    assert squares > 2**63
    assert tokens.ledger(np.array([calls]), np.array([calls]))[0, 5] == pytest.approx(squares, rel=1e-15)


def test_a_call_has_its_published_cost():
    ledger = np.array([1, 1, *call_entries(200, 200)])
    assert float(LLMPrimitive().weights @ ledger) == 59900
    assert float(QuadraticPrimitive().weights @ ledger) == 18606700
    assert float(LLMPrimitive(m=3, per_call=7).weights @ ledger) == 3 * 59900 + 7
    assert float(QuadraticPrimitive(m=3, per_call=7).weights @ ledger) == 3 * 18606700 + 7
    assert float(TokenPrices(prompt=2, generated=5, per_call=11, unit=1).weights @ ledger) == 400 + 1000 + 11


def test_what_a_call_reads_is_its_chunk_or_the_solution_after_the_head():
    assert Prompt().tokens(g=2, k=5, l=7) == 14
    assert Prompt(head=100).tokens(g=2, k=5, l=7) == 114
    assert Prompt(shows="solution").tokens(g=2, k=5, l=7) == 35
    assert Prompt(head=100, shows="solution").tokens(g=2, k=5, l=7) == 135
    tokens = CallTokens.equal(Prompt(head=100, shows="solution"), k=5, l=7, g=2)
    assert (tokens.entries(0)[:2], tokens.entries(1)[:2]) == ((135, 14), (135, 7))
    assert CallTokens.equal(Prompt(), k=6, l=7, g=2).powers == 0


def test_a_budget_on_calls_counts_calls_of_either_length():
    (limit,) = Budget(calls=10).limits(CallTokens.equal(Prompt(), 5, 3, 2), LLMPrimitive().weights)
    assert limit == Limit(per_call=1.0, per_evaluation=0.0, most=10)
    calls = np.array([8, 9, 10, 11])
    assert limit.reached(calls, calls, calls[:, None] // 2).tolist() == [False, False, True, True]


def test_the_default_budget_is_ten_million_calls():
    (limit,) = Budget().limits(CallTokens.equal(Prompt(), 5, 3, 2), LLMPrimitive().weights)
    assert limit.most == 10_000_000


@given(
    st.sampled_from(["chunk", "solution"]),
    st.sampled_from(
        [LLMPrimitive(m=3, per_call=5), QuadraticPrimitive(m=2), TokenPrices(prompt=1, generated=4, unit=1)]
    ),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(-1, 1),
)
def test_a_budget_on_cost_is_reached_at_what_the_ledger_costs(shows, model, full, short, off):
    prompt = Prompt(head=2, shows=shows)
    cost = sum(
        weight * entry
        for weight, entry in zip(
            model.weights, token_loop([2] * full + [1] * short, 4, 2, shows, 5, 3).values(), strict=True
        )
    )
    budget = Budget(calls=None, cost=max(0, cost + off))
    (limit,) = budget.limits(CallTokens.equal(prompt, 5, 3, 2), model.weights)
    reached = limit.reached(np.array([full + short]), np.array([4]), np.array([[short]]))
    assert reached.tolist() == [cost >= max(0, cost + off)]


def test_a_budget_on_both_has_two_limits_and_a_price_of_evaluations_counts():
    weights = np.array([1.0, 10.0, 0, 0, 0, 0])
    by_calls, by_cost = Budget(calls=7, cost=50).limits(CallTokens.equal(Prompt(), 5, 3, 2), weights)
    assert (by_calls.most, by_cost.most) == (7, 50)
    assert by_cost.reached(np.array([5, 5]), np.array([4, 5]), np.zeros((2, 1))).tolist() == [False, True]


def test_a_budget_without_a_limit_is_refused():
    with pytest.raises(
        InputError,
        match=r"^Budget: expected a limit on calls, cost, .*squared, cached_tokens or reasoning_tokens, got none",
    ):
        Budget(calls=None)


# ------------------------------------------------------------------------------------------- parameters

Make = Callable[[Any], Any]
PROBABILITIES: dict[str, Make] = {
    "p": lambda x: Resample(p=x),
    "fix": lambda x: FixKeep(fix=x, keep=0.5),
    "keep": lambda x: FixKeep(fix=0.5, keep=x),
    "fix of the law": lambda x: IndependentBlocks(fix=x, keep=0.5),
    "keep of the law": lambda x: IndependentBlocks(fix=0.5, keep=x),
    "start": lambda x: BlockOneMax(k=4, l=16, start=x),
}
WHOLE: dict[str, tuple[Make, int]] = {
    "k": (lambda x: BlockOneMax(k=x, l=16), 1),
    "l": (lambda x: BlockOneMax(k=4, l=x), 1),
    "incorrect": (lambda x: BlockOneMax(k=4, l=16, incorrect=x), 0),
    "lam": (lambda x: OnePlusLambda(lam=x), 1),
    "g": (lambda x: UntilResolved(g=x), 1),
    "head": (lambda x: Prompt(head=x), 0),
    "calls": (lambda x: Budget(calls=x), 1),
}
NON_NEGATIVE: dict[str, Make] = {
    "m": lambda x: LLMPrimitive(m=x),
    "per_call": lambda x: LLMPrimitive(per_call=x),
    "m squared": lambda x: QuadraticPrimitive(m=x),
    "per_call squared": lambda x: QuadraticPrimitive(per_call=x),
    "prompt": lambda x: TokenPrices(prompt=x, generated=1, unit=1),
    "generated": lambda x: TokenPrices(prompt=1, generated=x, unit=1),
    "per_call of prices": lambda x: TokenPrices(prompt=1, generated=1, per_call=x, unit=1),
    "cost": lambda x: Budget(cost=x),
}
NO_NUMBERS = (True, False, np.True_, "1", "half", b"1", [1], (1,), {}, np.array([1]), np.array(1), 1j, object())
NOT_FINITE = (math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf"), 10**400, -(10**400))


def refused(make: Make, value: object, name: str) -> None:
    with pytest.raises(InputError) as error:
        make(value)
    message = str(error.value)
    assert f": {name.split()[0]} must be " in message
    assert message.endswith(f", got {value!r}")
    assert isinstance(error.value, EvoError)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize("name", PROBABILITIES)
def test_a_probability_is_a_number_in_0_1(name):
    make = PROBABILITIES[name]
    for value in (*NO_NUMBERS, *NOT_FINITE, None, -1e-300, np.nextafter(1, 2), 2, -1):
        refused(make, value, name)
    for value in (0, 1, 0.5, np.float32(0.5), np.float64(0.25), np.int8(1), Fraction(1, 2), 5e-324):
        stored = parameters(make(value))[name.split()[0]]
        assert type(stored) is float
        assert stored == value


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_number_is_whole_and_large_enough(name):
    make, least = WHOLE[name]
    values = [*NO_NUMBERS, *NOT_FINITE, 1.5, least - 1, -1, least - 0.5, Fraction(3, 2)]
    values += [5] if name == "incorrect" else []  # more than k
    values += [None] if name not in ("incorrect", "calls") else []
    for value in values:
        refused(make, value, name)
    for value in (least, 2, 2.0, np.int64(3), np.float64(3), np.uint8(1), Fraction(4, 2)):
        stored = parameters(make(value))[name]
        assert type(stored) is int
        assert stored == value


@pytest.mark.parametrize("name", NON_NEGATIVE)
def test_a_price_is_finite_and_not_negative(name):
    make = NON_NEGATIVE[name]
    for value in (*NO_NUMBERS, *NOT_FINITE, -1e-300, -1, *([None] if name != "cost" else [])):
        refused(make, value, name)
    for value in (0, 1, 0.5, 1e300, np.float32(0.5), np.int64(7), Fraction(1, 2)):
        stored = parameters(make(value))[name.split()[0]]
        assert type(stored) is float
        assert stored == value


def test_a_whole_number_keeps_all_its_digits():
    assert Budget(calls=2**60 + 1).calls == 2**60 + 1


@pytest.mark.parametrize("value", ["Strict", "", None, 1, True, ["strict"], ("strict", "weak")])
def test_a_word_is_one_of_those_allowed(value):
    refused(lambda x: OnePlusLambda(accept=x), value, "accept")
    refused(lambda x: Prompt(shows=x), value, "shows")


def test_messages_say_what_was_expected_and_what_came():
    with pytest.raises(InputError, match=r"^Resample: p must be a probability in \[0, 1\], got 1\.5$"):
        Resample(1.5)
    with pytest.raises(InputError, match=r"^BlockOneMax: incorrect must be a whole number from 0 to 4, got 5$"):
        BlockOneMax(k=4, l=16, incorrect=5)
    with pytest.raises(InputError, match=r"^OnePlusLambda: lam must be a whole number >= 1, got 0$"):
        OnePlusLambda(lam=0)
    with pytest.raises(InputError, match=r"^LLMPrimitive: m must be a finite number >= 0, got nan$"):
        LLMPrimitive(m=math.nan)
    with pytest.raises(InputError, match=r"^OnePlusLambda: accept must be 'strict' or 'weak' or 'always', got 'best'$"):
        OnePlusLambda(accept="best")


def test_a_start_is_given_in_one_way():
    with pytest.raises(
        InputError, match=r"^BlockOneMax: expected start or incorrect, got both \(start=0.5, incorrect=1\)"
    ):
        BlockOneMax(k=4, l=16, start=0.5, incorrect=1)


def test_exactly_so_many_blocks_are_incorrect_at_first():
    correct = BlockOneMax(k=5, l=3, incorrect=2).initial(1000, np.random.default_rng(1))
    assert set(correct.sum(axis=1).tolist()) == {3}
    assert len(np.unique(correct, axis=0)) == 10


# ------------------------------------------------------------------------------------------- canonical text


@dataclass(frozen=True)
class Anything:
    """A user's part with values of all kinds."""

    value: Any
    other: Any = (1, "a")


@dataclass
class Melting:
    p: float = 0.5


@dataclass(frozen=True)
class Holder:
    items: Any = field(default_factory=tuple)


@dataclass(frozen=True)
class Derives:
    p: float
    twice: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twice", 2 * self.p)


OWN = (
    AllBlocks,
    *CHUNKED,
    BlockOneMax,
    OnePlusLambda,
    Resample,
    FixKeep,
    IndependentBlocks,
    Prompt,
    LLMPrimitive,
    QuadraticPrimitive,
    TokenPrices,
    Budget,
    Anything,
    Holder,
)
CLASSES = {type_name(kind): kind for kind in OWN}


def find(name: str) -> type:
    if name not in CLASSES:
        raise InputError(f"no part {name}")
    return CLASSES[name]


def whole_numbers(least: int) -> st.SearchStrategy[Any]:
    return st.one_of(st.integers(least, 10**12), st.integers(least, 2**52).map(float))


probabilities = st.one_of(st.floats(0, 1), st.sampled_from([0, 1, 0.1, 1e-300, 5e-324, 1 / 3, np.float32(0.1)]))
prices = st.one_of(st.floats(0, 1e308), st.integers(0, 10**18), st.sampled_from([-0.0, 0.1, 3e-06, 1e16, 2.0**53]))
problems = st.one_of(
    st.builds(BlockOneMax, k=whole_numbers(1), l=whole_numbers(1), start=probabilities),
    st.integers(1, 1000).flatmap(
        lambda k: st.builds(BlockOneMax, k=st.just(k), l=whole_numbers(1), incorrect=st.integers(0, k))
    ),
)
own_parts = st.one_of(
    problems,
    st.just(AllBlocks()),
    st.sampled_from(CHUNKED).flatmap(lambda kind: st.builds(kind, g=whole_numbers(1))),
    st.builds(OnePlusLambda, lam=whole_numbers(1), accept=st.sampled_from(["strict", "weak"])),
    st.builds(Resample, p=probabilities),
    st.builds(FixKeep, fix=probabilities, keep=probabilities),
    st.builds(IndependentBlocks, fix=probabilities, keep=probabilities),
    st.builds(Prompt, head=whole_numbers(0), shows=st.sampled_from(["chunk", "solution"])),
    st.builds(LLMPrimitive, m=prices, per_call=prices),
    st.builds(QuadraticPrimitive, m=prices, per_call=prices),
    st.builds(TokenPrices, prompt=prices, generated=prices, per_call=prices, unit=st.sampled_from([1, 1e6])),
    st.builds(Budget, calls=st.none() | whole_numbers(1), cost=prices),
    st.builds(Budget, calls=whole_numbers(1)),
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(),
        own_parts,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.builds(Anything, inner), st.builds(Anything, inner, inner)
    ),
    max_leaves=8,
)


@settings(max_examples=100)
@given(own_parts)
def test_a_part_is_what_its_text_says(part):
    text = canonical(part)
    again = parse(text, find)
    assert again == part
    assert type(again) is type(part)
    assert canonical(again) == text
    assert "\n" not in text


@settings(max_examples=60)
@given(values)
def test_a_part_of_anything_is_what_its_text_says(value):
    text = canonical(Anything(value))
    assert parse(text, find) == Anything(value)
    assert canonical(parse(text, find)) == text


@settings(max_examples=80)
@given(own_parts, own_parts)
def test_equal_texts_are_equal_parts(a, b):
    assert (canonical(a) == canonical(b)) == (a == b)


STABLE = {
    "AllBlocks()": AllBlocks(),
    "UntilResolved()": UntilResolved(),
    "RoundRobin(g=2)": RoundRobin(g=2),
    "UniformChunk(g=3)": UniformChunk(3),
    "OnlyIncorrect()": OnlyIncorrect(g=1.0),
    "BlockOneMax(k=4, l=16)": BlockOneMax(k=4, l=16, start=0.0, incorrect=None),
    "BlockOneMax(k=4, l=16, start=0.5)": BlockOneMax(4, 16, 0.5),
    "BlockOneMax(k=4, l=16, incorrect=0)": BlockOneMax(k=np.int64(4), l=16, incorrect=0),
    "OnePlusLambda()": OnePlusLambda(),
    "OnePlusLambda(lam=8, accept='weak')": OnePlusLambda(lam=8, accept="weak"),
    "Resample(p=0.5)": Resample(0.5),
    "Resample(p=0.1)": Resample(0.1),
    "Resample(p=1)": Resample(1.0),
    "Resample(p=0)": Resample(-0.0),
    "FixKeep(fix=0.3333333333333333, keep=1)": FixKeep(fix=1 / 3, keep=1),
    "IndependentBlocks(fix=1e-300, keep=0.99)": IndependentBlocks(fix=1e-300, keep=0.99),
    "Prompt()": Prompt(),
    "Prompt(head=100, shows='solution')": Prompt(head=100, shows="solution"),
    "LLMPrimitive()": LLMPrimitive(m=1, per_call=0),
    "LLMPrimitive(m=2)": LLMPrimitive(m=2.0),
    "LLMPrimitive(m=1e+16)": LLMPrimitive(m=10**16),
    "LLMPrimitive(per_call=0.001)": LLMPrimitive(per_call=0.001),
    "QuadraticPrimitive(m=3)": QuadraticPrimitive(m=3),
    "TokenPrices(prompt=3e-06, generated=1.5e-05)": TokenPrices(prompt=3e-06, generated=1.5e-05),
    "Budget()": Budget(calls=10**7),
    "Budget(cost=1000)": Budget(cost=1000),
    "Budget(calls=None, cost=1000)": Budget(calls=None, cost=1000),
    "Budget(pass_tokens=1000)": Budget(pass_tokens=1e3),
}


@pytest.mark.parametrize("text", STABLE)
def test_texts_are_stable(text):
    """These name rows and streams of tables that exist: a change here is a breaking one."""
    assert canonical(STABLE[text]) == text
    assert parse(text, find) == STABLE[text]


def test_one_number_has_one_text():
    ones = (1, 1.0, np.float64(1), np.int64(1), np.float32(1), Fraction(1))
    assert {canonical(LLMPrimitive(m=one, per_call=one)) for one in ones} == {"LLMPrimitive(per_call=1)"}
    assert {canonical(FixKeep(one, 0.5)) for one in ones} == {"FixKeep(fix=1, keep=0.5)"}
    assert {canonical(value) for value in (7, 7.0, np.int8(7), np.float64(7))} == {"7"}


def test_values_have_stable_texts():
    texts = {
        (): "()",
        (1,): "(1,)",
        (1, (2.5, "a'b")): '(1, (2.5, "a\'b",),)',
        (None, True, False): "(None, True, False,)",
        (math.inf, -math.inf): "(1e999, -1e999,)",
        (2**53, 2.0**53, 1e22): "(9007199254740992, 9007199254740992.0, 1e+22,)",
    }
    for value, text in texts.items():
        assert canonical(value) == text
        assert parse(text, find) == value
    assert canonical(np.True_) == "True"
    assert canonical(np.str_("a")) == "'a'"


def test_what_has_no_text_or_makes_no_part_is_refused():
    with pytest.raises(InputError, match="expected a number in a part, got one of thousands of digits"):
        canonical(Anything(10**5000))
    with pytest.raises(InputError, match=r"cannot build Resample\(p=\(1,\)\): .*"):
        parse("Resample(p=(1,))", {"Resample": lambda p: p + 1}.get)


def test_a_true_is_no_1():
    assert canonical(Anything(True)) != canonical(Anything(1))
    assert parse(canonical(Anything(True)), find).value is True


def test_defaults_are_left_out_nested_and_made_ones_too():
    name = type_name(Anything)
    assert canonical(Anything(1, (1, "a"))) == f"{name}(value=1)"
    assert canonical(Anything(1, (1.0, "a"))) == f"{name}(value=1)"
    assert canonical(Anything(RoundRobin(g=1), 2)) == f"{name}(value=RoundRobin(), other=2)"
    assert canonical(Holder(())) == f"{type_name(Holder)}()"
    assert canonical(Holder((1,))) == f"{type_name(Holder)}(items=(1,))"


def test_what_a_part_makes_of_its_fields_is_none_of_its_text():
    """It could not be read again."""
    part = Derives(0.25)
    assert canonical(part) == f"{type_name(Derives)}(p=0.25)"
    assert parse(canonical(part), {type_name(Derives): Derives}.get) == part
    assert parameters(part) == {"p": 0.25}


def test_parts_of_others_are_named_with_their_module():
    assert type_name(Resample) == "Resample"
    assert type_name(Anything) == f"{__name__}.Anything"


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [1],
        {1: 2},
        {1},
        np.zeros(2),
        1j,
        b"x",
        object(),
        Melting(),
        Melting,
        Anything,
        Ellipsis,
        lambda: 1,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_text_is_told(value):
    for whole in (value, (value,), Anything(value), Anything((1, value))):
        with pytest.raises(InputError, match="expected a"):
            canonical(whole)


def test_a_whole_number_beyond_floats_has_a_text():
    assert parse(canonical(Anything(10**400)), find) == Anything(10**400)


REFUSED = [
    "",
    " ",
    "Resample",
    "Resample(",
    "Resample(0.5)",
    "Resample(p=x)",
    "Resample(p=0.1 + 0.2)",
    "Resample(p=[0.5])",
    "Resample(p={'a': 1})",
    "Resample(p={1})",
    "Resample(q=0.5)",
    "Resample()",
    "Resample(p=0.5, **{'q': 1})",
    "Resample(*(1,))",
    "Resample(p=2)",
    "Resample(p='a')",
    "Resample(p=Resample(p=0.5))",
    "Resample(p=0.5).law",
    "Resample(p=0.5).rewrite(correct=1)",
    "Resample(p=(lambda: 1)())",
    "Resample(p=open('x'))",
    "Resample(p=max(0, 1))",
    "__import__('os').system('true')",
    "__import__(name='os')",
    "(1).__class__()",
    "os.system(command='true')",
    "(Resample for _ in (1,))",
    "(x for x in (1,))",
    "[x for x in (1,)]",
    "{x: 1 for x in (1,)}",
    "(Resample)(p=0.5)(p=0.5)",
    "(1, *(2,))",
    "f'{1}'",
    "1 if 1 else 2",
    "1 < 2",
    "x := 1",
    "(x := 1)",
    "lambda: 1",
    "'a' % ()",
    "1; 2",
    "import os",
    "Resample(p=0.5)\nResample(p=0.5)",
    "await x",
    "\0",
    "'\ud800",
    "'\ud800'",
    "1" * 5000,
    "Nothing(p=1)",
    "nan",
    "...",
    "b'x'",
    "1j",
]


@pytest.mark.parametrize("text", REFUSED)
def test_anything_but_calls_and_literals_is_refused(text):
    with pytest.raises(InputError):
        parse(text, find)


@pytest.mark.parametrize("text", ["not 1", "~1", "-'a'", "-None", "-True", "not None"])
def test_a_sign_is_for_numbers(text):
    with pytest.raises(InputError):
        parse(text, find)


def test_a_keyword_given_twice_is_refused():
    with pytest.raises(InputError):
        parse("Resample(p=0.5, p=0.25)", find)


@pytest.mark.parametrize("depth", [50, 150, 1000, 20_000])
@pytest.mark.parametrize(
    ("opening", "middle", "closing"),
    [
        ("(", "x", ",)"),
        ("Resample(p=", "0.5", ")"),
        ("-", "1", ""),
        ("not ", "1", ""),
        ("", "Resample", ".a"),
        ("", "Resample(p=0.5)", ".a"),
        ("", "1", " + 1"),
        ("", "Resample", "(p=1)"),
        ("", "Resample", "[0]"),
        ("1 if 1 else ", "1", ""),
        ("lambda: ", "1", ""),
    ],
    ids=repr,
)
def test_deep_nesting_is_refused_as_any_other_text(opening, middle, closing, depth):
    text = opening * depth + middle + closing * depth
    with pytest.raises(InputError):
        parse(text, find)
    with pytest.raises(InputError):
        parse(f"{text}(p=0.5)", find)


@settings(max_examples=100)
@given(st.text(alphabet="Resample(p=0.5), -'[]{}:1*+.x\n\\", max_size=40))
def test_no_text_raises_anything_else(text):
    with contextlib.suppress(InputError):
        parse(text, find)


# ------------------------------------------------------------------------------------------- seeding

IDENTITY = "Resample(p=0.5)"
PINNED = {
    "start": 653546938679651088,
    "schedule": 3082724251776859591,
    "mutator": 2223549779228007660,
    "evaluation": 387930790100319772,
}


def draws(seed: int = 1, identity: str = IDENTITY, batch: int = 0) -> dict[str, int]:
    found = streams(seed, identity, batch)
    return {role: int(getattr(found, role).integers(2**63)) for role in ("start", "schedule", "mutator", "evaluation")}


def test_streams_depend_on_seed_identity_batch_and_role_alone():
    names = itertools.product((0, 1, 2**32, 2**64 + 1), (IDENTITY, "Resample(p=0.25)", "", "\u00e9"), (0, 1, 10**6))
    rows = [draws(*name) for name in names]
    assert len({value for row in rows for value in row.values()}) == 4 * len(rows)
    assert draws() == draws()


def test_streams_are_those_of_the_seed_sequence_that_is_documented():
    digest = hashlib.sha256(IDENTITY.encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "big") for i in range(0, 32, 4)]
    for role, name in enumerate(("start", "schedule", "mutator", "evaluation")):
        rng = np.random.default_rng(np.random.SeedSequence([7, *words], spawn_key=(3, role)))
        assert int(rng.integers(2**63)) == draws(7, IDENTITY, 3)[name]


def test_first_draws_are_pinned():
    """A change here makes every table that exists another one."""
    assert draws() == PINNED


def test_streams_are_the_same_in_another_process():
    program = (
        "import json, sys; from evo.seeding import streams; s = streams(1, sys.argv[1], 0); "
        "print(json.dumps({r: int(getattr(s, r).integers(2**63)) for r in sys.argv[2:]}))"
    )
    for hash_seed in ("0", "12345"):
        done = subprocess.run(
            [sys.executable, "-c", program, IDENTITY, *PINNED],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == PINNED
