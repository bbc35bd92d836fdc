"""Where the checks of laws and of numbers of calls draw the line: just inside it a part passes, just outside it fails.

What chance decides (samples, p-values) is put in by hand, so that the line itself is seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pytest

from evo.conformance import call_laws, call_numbers
from evo.conformance.call_laws import independent_in_a_run, law_holds, states_of, words_as_blocks
from evo.conformance.call_numbers import MOST_CALLS, calls_as_declared, surely_off
from evo.conformance.results import DoesNotApply, NotChecked, NotConforming
from evo.conformance.serving import CallState
from evo.errors import InputError
from evo.laws.counts import IndependentBlocks
from evo.protocols import Chunk, Rewritten
from operators import Resample

ALPHA = 1e-6


class Counted:
    """A law of counts that has no components."""

    def pmf(self, g, i):
        return IndependentBlocks(0.5, 0.25).pmf(g, i)


@dataclass(frozen=True)
class Coins:
    """Bare: each block is right with probability 1/2."""

    law = property(lambda self: Counted())

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


@dataclass(frozen=True)
class Drawn(Coins):
    """A trait is drawn for each run, and not used."""

    law = property(lambda self: Counted())

    def draw(self, runs, k, rng):
        return np.arange(runs)

    def rewrite(self, chunk, rng):
        return rng.random(chunk.correct.shape) < 0.5


# ------------------------------------------------------------------------------------------- states and events


def test_the_law_is_tested_at_both_ends_and_in_each_place_that_differs():
    mixed = [(g, i) for g in (2, 3, 5, 8, 12) for i in {1, (g + 1) // 2, g - 1}]
    ends = [(g, i) for g in (1, 2, 3, 5, 8, 12) for i in (0, g)]
    places = ("first", "last", "middle")
    bare = {(g, i, place) for (g, i), place in product(mixed, places)} | {(g, i, "first") for g, i in ends}
    seen = {(g, i, place) for (g, i), place in product([*mixed, *ends], places)}
    for mutator, expected in ((Coins(), bare), (Drawn(), seen)):
        states = states_of(mutator)
        assert {(at.k, at.g, at.i, at.place) for at in states} == {(12, *each) for each in expected}
        assert len(states) == len(expected)


def test_events_of_a_law_are_counted_as_by_hand():
    """Of five answers one is invalid, and two of three blocks were incorrect at first."""
    before = np.tile([False, False, True], (5, 1))
    after = np.array([[1, 1, 1], [1, 0, 1], [1, 0, 0], [0, 0, 1], [1, 1, 1]], dtype=bool)
    answer = Rewritten(after, valid=np.array([True, True, True, True, False]))
    law, at = IndependentBlocks(0.5, 0.25), CallState(3, 3, 2)
    found = list(call_laws._events(law, at, before, answer))
    assert [seen for seen, _, _ in found] == [1, 0, 2, 1, 1, 1, 2, 1]
    assert [p for _, p, _ in found] == pytest.approx([0, 0.1875, 0.4375, 0.3125, 0.0625, 0.25, 0.5, 0.25])
    assert [event for _, _, event in found] == [
        "the answer is invalid", *(f"{x} of 3 blocks are correct" for x in range(4)),
        *(f"{x} of the 2 incorrect among 3 blocks are correct" for x in range(3)),
    ]  # fmt: skip
    chunk = Chunk(before, np.tile(np.arange(3), (5, 1)), np.zeros(5, dtype=int))
    assert list(call_laws._events(law, at, chunk, answer)) == found
    assert len(list(call_laws._events(Counted(), at, before, answer))) == 5
    for i in (0, 3):
        assert len(list(call_laws._events(law, CallState(3, 3, i), before, answer))) == 5


@pytest.mark.parametrize(("pmf", "expected"), [
    ([0.2, 0.3], [0.5, 0.2, 0.3]), ([0.5, 0.5], [0.0, 0.5, 0.5]), ([0.5, 0.5 - 5e-13], [0.0, 0.5, 0.5 - 5e-13]),
    ([0.5, 0.5 - 2e-12], [2e-12, 0.5, 0.5 - 2e-12]), ([-1e-17, 1.0], [0.0, 0.0, 1.0]), ([0.0, 1 + 1e-12], [0, 0, 1]),
])  # fmt: skip
def test_what_lacks_to_one_is_an_invalid_answer_but_for_rounding(pmf, expected):
    assert call_laws._with_invalid(pmf).tolist() == pytest.approx(expected, rel=1e-3, abs=1e-30)


@pytest.mark.parametrize(("beside", "passed"), [(1.01, True), (0.99, False)])
def test_the_law_fails_with_less_than_its_share_for_each_probability(monkeypatch, beside, passed):
    """A state has g + 2 probabilities of a whole call, and i + 1 of the incorrect ones: g + i + 4 are allowed for."""
    asked = []
    shares = sum(g + i + 4 for g in (1, 2, 3, 5, 8, 12) for i in {0, 1, (g + 1) // 2, g - 1, g} for _ in (
        range(3) if 0 < i < g else range(1)
    ))  # fmt: skip
    monkeypatch.setattr(call_laws, "samples_needed", lambda alpha: asked.append(alpha) or 10)
    monkeypatch.setattr(call_laws, "binomial_p_value", lambda *_: beside * ALPHA / shares)
    if passed:
        assert "in 48 states, 10 samples each" in law_holds(Coins(), ALPHA)
    else:
        with pytest.raises(NotConforming, match=r"; mend `rewrite` or `law`$"):
            law_holds(Coins(), ALPHA)
    assert asked == [pytest.approx(ALPHA / shares)]


def test_the_probability_that_is_furthest_off_is_the_one_named(monkeypatch):
    order = iter([1e-20, 1e-30, *[1e-25] * 10_000])
    monkeypatch.setattr(call_laws, "samples_needed", lambda alpha: 10)
    monkeypatch.setattr(call_laws, "binomial_p_value", lambda *_: next(order))
    with pytest.raises(NotConforming, match=r"^P\(0 of 1 blocks are correct\) after a call with 0 incorrect is 0\.75"):
        law_holds(Coins(), ALPHA)


@pytest.mark.parametrize(("beside", "passed"), [(1.01, True), (0.99, False)])
def test_two_calls_of_a_run_fail_with_less_than_their_share_for_each_probability(monkeypatch, beside, passed):
    """All g with all blocks incorrect, or all correct: g + 2 probabilities each."""
    asked, share = [], ALPHA / sum(2 * (g + 2) for g in (1, 2, 3, 5, 8, 12))
    monkeypatch.setattr(call_laws, "samples_needed", lambda alpha: 10)
    monkeypatch.setattr(call_laws, "binomial_p_value", lambda *given: asked.append(given) or beside * share)
    if not passed:
        with pytest.raises(NotConforming, match="with 1 incorrect both have -1 of 1 blocks correct with probability"):
            independent_in_a_run(Drawn(), ALPHA)
        return
    independent_in_a_run(Drawn(), ALPHA)
    assert len(asked) == round(ALPHA / share)
    assert {n for _, n, _ in asked} == {10}
    assert [p for _, _, p in asked][:6] == pytest.approx([0, 0.25, 0.25, 0, 0.75**2, 0.25**2])


def test_the_two_calls_compared_are_of_the_same_run(monkeypatch):
    """Where each run has an answer of its own, both calls have it: as many pairs are equal as there are such runs."""

    class Own(Drawn):
        law = property(lambda self: Counted())

        def rewrite(self, chunk, rng):
            return np.repeat(chunk.traits[:, None] % 4 == 0, chunk.correct.shape[1], axis=1)

    asked = []
    monkeypatch.setattr(call_laws, "samples_needed", lambda alpha: 10)
    monkeypatch.setattr(call_laws, "binomial_p_value", lambda *given: asked.append(given) or 1.0)
    independent_in_a_run(Own(), ALPHA)
    assert [seen for seen, _, _ in asked][:3] == [0, 7, 3]


@pytest.mark.parametrize(("row", "block", "passed"), [(0, 1, True), (4, 2, True), (0, 0, False), (4, 3, False)])
def test_a_law_of_counts_goes_with_blocks_of_the_chunk_alone(row, block, passed):
    """Of five answers on blocks 1 and 2 of four, one changes one block more."""
    before = np.zeros((5, 4), dtype=bool)
    given = Chunk(before[:, 1:3], np.tile([1, 2], (5, 1)), np.zeros(5, dtype=int), before)
    after = before.copy()
    after[row, block] = True
    answer = Rewritten(after[:, 1:3], solution=after)
    if passed:
        call_laws._only_the_chunk(Coins(), given, answer)
        return
    with pytest.raises(NotConforming, match="Coins declares a law of counts and changes blocks outside its chunk"):
        call_laws._only_the_chunk(Coins(), given, answer)


def test_where_no_whole_solution_was_handed_over_or_given_back_none_is_compared():
    correct, after = np.zeros((5, 2), dtype=bool), np.ones((5, 4), dtype=bool)
    chunk = Chunk(correct, np.tile([1, 2], (5, 1)), np.zeros(5, dtype=int))
    for given in (correct, chunk):
        for answer in (Rewritten(correct), Rewritten(correct, solution=after)):
            call_laws._only_the_chunk(Coins(), given, answer)
    call_laws._only_the_chunk(Coins(), replace(chunk, solution=~after), Rewritten(correct))


# ------------------------------------------------------------------------------------------- words


def test_shares_of_calls_by_hand():
    before = np.array([[1, 1], [1, 0], [0, 0], [0, 1]], dtype=bool)
    after = np.array([[1, 1], [1, 1], [1, 0], [0, 0]], dtype=bool)
    assert call_laws._shares(before, after) == {
        "a right block is right": (1 + 1 + 0 + 0) / 4,
        "a wrong block is right": (0 + 1 + 0.5 + 0) / 4,
        "block 0 changes": 1 / 4,
        "block 1 changes": 2 / 4,
        "blocks 0 and 1 are right": 2 / 4,
        call_laws.IN_A_ROW: 1 / 2,
    }


def test_which_blocks_are_compared_two_together():
    for k, pairs in ((1, []), (2, [(0, 1)] * 2), (65, [(0, 1), (0, 64), (63, 64)]), (130, [(0, 1), (0, 64), (63, 64),
                                                                                       (0, 129)])):  # fmt: skip
        names = [name for name in call_laws._shares(*[np.ones((2, k), dtype=bool)] * 2) if name.startswith("blocks ")]
        assert names == list(dict.fromkeys(f"blocks {one} and {other} are right" for one, other in pairs or [(0, 0)]))


@pytest.mark.parametrize("event", ["one", call_laws.IN_A_ROW])
@pytest.mark.parametrize(("beside", "passed"), [(0.999, True), (1.001, False), (-0.999, True), (-1.001, False)])
def test_words_may_differ_from_blocks_by_what_chance_allows(monkeypatch, event, beside, passed):
    """sqrt(ln(2 c/alpha)/n) for c = 3 shares; pairs of calls are half as many."""
    width = math.sqrt(math.log(2 * 3 / ALPHA) / 20_000 * (2 if event == call_laws.IN_A_ROW else 1))
    blocks = {"one": 0.5, "other": 0.5, call_laws.IN_A_ROW: 0.5}
    shares = iter([blocks, {**blocks, "other": 0.501, event: 0.5 + beside * width}])
    monkeypatch.setattr(call_laws, "WORD_BLOCKS", 3)
    monkeypatch.setattr(call_laws, "_shares", lambda before, after: next(shares))
    if passed:
        assert words_as_blocks(Resample(0.5), ALPHA).startswith("blocks and words agree; 0.056 in any")
        return
    with pytest.raises(NotConforming, match=rf"^P\({event}\) is 0\.500 by rewrite and "):
        words_as_blocks(Resample(0.5), ALPHA)


@pytest.mark.parametrize("most", [1, 7, 130, 131])
def test_words_are_compared_in_the_largest_whole_solution_that_is_served(most):
    def fits(k, g):
        if g > most or k != g:
            raise InputError("too long")

    assert call_laws._most_blocks(SimpleNamespace(fits=fits)) == min(most, 130)
    assert call_laws._most_blocks(SimpleNamespace()) == 130
    with pytest.raises(NotChecked, match="up to k = 130"):
        call_laws._most_blocks(SimpleNamespace(fits=lambda k, g: fits(0, g)))


@pytest.mark.parametrize(("calls", "valid", "passed"), [
    (None, None, True), (1, None, True), (2, None, False), (None, True, True), (None, False, False),
])  # fmt: skip
def test_one_answer_that_is_invalid_or_of_two_calls_is_no_answer_of_words(monkeypatch, calls, valid, passed):
    """Of many answers the last is such a one, the others are valid and of one call."""

    class Last(Resample):
        def rewrite(self, correct, rng):
            ones = np.ones(len(correct), dtype=np.int64)
            ones[-1] = calls or 1
            truths = np.ones(len(correct), dtype=bool)
            truths[-1] = valid is not False
            given = (None if valid is None else truths, None, None if calls is None else ones)
            return Rewritten(super().rewrite(correct, rng), *given)

    monkeypatch.setattr(call_laws, "WORD_BLOCKS", 3)
    if passed:
        assert words_as_blocks(Last(0.5), ALPHA).startswith("blocks and words agree")
        return
    with pytest.raises(NotConforming, match="has rewrite_words, by which each call is valid and one call, and its"):
        words_as_blocks(Last(0.5), ALPHA)


# ------------------------------------------------------------------------------------------- numbers of calls


@pytest.mark.parametrize(("value", "mean", "stake"), [
    (3, 2.0, 0.95), (1, 2.0, 0.95 / 9998), (9999, 9999.5, 0.95), (1, 20_000.0, 0.95), (2, 1.5, 0.95 / 0.5),
])  # fmt: skip
def test_equal_numbers_of_calls_refute_a_mean_after_as_many_as_the_best_stake_needs(value, mean, stake):
    """(1 + s |x - mean|)^n > 48/alpha for the largest stake s; of x > mean it is 0.95/(mean - 1), of x < mean less."""
    needed = math.log(48 / ALPHA) / math.log1p(stake * abs(value - mean))
    assert surely_off(np.full(math.ceil(needed), float(value)), mean, ALPHA)
    assert not surely_off(np.full(math.floor(needed), float(value)), mean, ALPHA)


def test_a_mean_of_one_is_refuted_by_a_single_second_call():
    assert not surely_off(np.ones(1000), 1.0, ALPHA)
    assert surely_off(np.array([1.0] * 999 + [2.0]), 1.0, ALPHA)


def test_more_calls_than_are_assumed_at_most_do_not_undo_what_others_refute():
    """A stake on fewer calls is lost at one number beyond the bound; the bet on more is not."""
    assert surely_off(np.full(10**5, 1.0), 3.0, ALPHA)
    assert surely_off(np.array([1.0, MOST_CALLS + 1000.0] + [30.0] * 20), 3.0, ALPHA)


class Talks(Coins):
    """Takes two calls in chunks of `g` blocks of which `i` are incorrect, at the last answer of each batch."""

    def __init__(self, g, i):
        object.__setattr__(self, "at", (g, i))

    law = property(lambda self: Counted())

    def rewrite(self, correct, rng):
        calls = np.ones(len(correct), dtype=np.int64)
        calls[-1] += (correct.shape[1], int((~correct[-1]).sum())) == self.at
        return Rewritten(correct, calls=calls)


@pytest.mark.parametrize(
    ("g", "i", "passed"), [(1, 0, False), (1, 1, False), (12, 0, False), (12, 12, False), (4, 4, True)]
)
def test_one_answer_of_two_calls_is_found_in_any_chunk_that_is_tried(g, i, passed):
    with pytest.raises(DoesNotApply if passed else NotConforming) as told:
        calls_as_declared(Talks(g, i), ALPHA)
    assert str(told.value).startswith(
        "an answer is one call" if passed else f"an answer of Talks takes 1 calls (g = {g}); declare their mean"
    )


def compared(monkeypatch, g, i, taken, mean):
    """What a comparison of these numbers of calls with a mean says."""
    asked = []

    def answers(mutator, at, n, rng):
        asked.append(n)
        return None, Rewritten(
            np.ones((len(taken), g), dtype=bool), calls=None if taken[0] is None else np.array(taken)
        )

    monkeypatch.setattr(call_numbers, "make_calls", answers)
    said = call_numbers._compare(Coins(), CallState(12, g, i), mean, ALPHA)
    return said, asked


def test_how_many_answers_are_looked_at(monkeypatch):
    for g, n in ((1, 300_000), (2, 150_000), (14, 21_428), (15, 20_000), (16, 20_000)):
        assert compared(monkeypatch, g, 0, [1] * 4, 1.0) == ("", [n])


@pytest.mark.parametrize(("beside", "doubt"), [(0.999, False), (1.001, True), (-0.999, False), (-1.001, True)])
def test_a_doubt_is_a_mean_further_off_than_the_normal_law_allows(monkeypatch, beside, doubt):
    """Calls 1 and 3 equally often: a standard error of 1/sqrt(n); two-sided, at half of alpha."""
    off = NormalDist().inv_cdf(1 - ALPHA / 4) / math.sqrt(150_000)
    monkeypatch.setattr(call_numbers, "surely_off", lambda *_: False)
    said, _ = compared(monkeypatch, 2, 1, [1, 3] * 500, 2 + beside * off)
    assert bool(said) is doubt
    if doubt:
        assert said == (
            f"cannot tell: Coins.mean_calls(1) is {2 + beside * off:.4g}, and 150,000 answers took 2 calls on average "
            "(g = 2); it is right only if a few answers take very many calls"
        )


@pytest.mark.parametrize(("g", "more"), [
    (1, ""), (2, " (g = 2); predictions take it for any chunk: refuse longer ones in fits(k, g)"),
])  # fmt: skip
def test_what_is_surely_off_says_for_which_block(monkeypatch, g, more):
    monkeypatch.setattr(call_numbers, "surely_off", lambda *_: True)
    with pytest.raises(NotConforming, match="mean_calls") as told:
        compared(monkeypatch, g, 2, [3, 3], 2.0)
    assert str(told.value) == (
        f"Coins.mean_calls(1) is 2, and {call_numbers._samples(g):,} answers took 3 calls on average{more}"
    )


def test_means_that_differ_by_block_are_compared_in_chunks_of_one_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(call_numbers, "_compare", lambda mutator, at, mean, alpha: seen.append((at, mean, alpha)) or "")

    def tried(mean_calls):
        seen.clear()
        mutator = SimpleNamespace(mean_calls=mean_calls)
        return calls_as_declared(mutator, ALPHA), [(at.g, at.i, mean, alpha / ALPHA) for at, mean, alpha in seen]

    said, looked = tried(lambda i: 2.0 + i)
    assert looked == [(1, 1, 3.0, pytest.approx(1 / 2)), (1, 0, 2.0, pytest.approx(1 / 2))]
    assert said == "mean_calls(i) is the mean of 300,000 answers for g = 1, and only these"
    said, looked = tried(lambda i: 2.0)
    assert looked == [(g, i, 2.0, pytest.approx(1 / 12)) for g in (1, 2, 3, 5, 8, 12) for i in (g, 0)]
    assert said == "mean_calls(i) is the mean of 300,000 answers for g = 1, 2, 3, 5, 8, 12, and only these"
