"""What parts are shown by their checks, and how rows of batches are compared, against counts by hand."""

from __future__ import annotations

import random
from dataclasses import FrozenInstanceError, dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from evo.conformance import choosing, determinism, lookahead, serving
from evo.conformance.determinism import (
    changed,
    guarded,
    once,
    rows_independent,
    same_answers,
    same_for_a_seed,
    same_law,
)
from evo.conformance.results import DoesNotApply, NotChecked, NotConforming, PartCheck, results
from evo.conformance.serving import CallState, arrays, calls, counts, make_calls, sizes
from evo.errors import InputError, OperatorError
from evo.protocols import Rewritten
from evo.schedules import RoundRobin, UniformSubset

ALPHA = 1e-6


# ------------------------------------------------------------------------------------------- calls that are made


STATES = [
    (CallState(7, 2, 1, "first"), 0, [0]),
    (CallState(7, 2, 1, "last"), 5, [1000]),
    (CallState(7, 2, 1, "middle"), 2, [0, 1, 2, 5, 10, 100, 499, 1001]),
    (CallState(12, 5, 2, "middle"), 5, [0, 1, 2, 5, 10, 100, 499, 1001]),
    (CallState(3, 3, 3, "last"), 0, [1000]),
    (CallState(3, 3, 0, "middle"), 0, [0, 1, 2, 5, 10, 100, 499, 1001]),
]


@pytest.mark.parametrize(("at", "start", "generations"), STATES)
def test_a_state_has_so_many_incorrect_blocks_where_it_says(at, start, generations):
    solutions = at.solutions(2000)
    assert (solutions.dtype, solutions.shape, at.start) == (np.bool_, (2000, at.k), start)
    chunk = solutions[:, start : start + at.g]
    assert ((~chunk).sum(axis=1) == at.i).all()
    outside = np.delete(solutions, np.s_[start : start + at.g], axis=1)
    if at.place == "middle":
        assert {*chunk.argmin(axis=1)} == {*range(at.g - at.i + 1 if 0 < at.i < at.g else 1)}  # anywhere
        assert abs(outside.mean() - 0.5) < 0.05 if outside.size else at.k == at.g
    else:
        assert (outside == (at.place == "last")).all()
        first = [False] * at.i + [True] * (at.g - at.i)
        assert (chunk == (first if at.place == "first" else first[::-1])).all()
    made = at.generation(20)
    assert (made.dtype, made.shape, sorted(set(made.tolist()))) == (np.int64, (20,), generations)
    with pytest.raises(FrozenInstanceError):
        at.k = 3


class Sees:
    """Sees what `sees` says; `draw` gives each run its number."""

    def __init__(self, sees):
        self.sees = sees

    def draw(self, runs, k, rng):
        return 10 + np.arange(runs)

    def rewrite(self, chunk, rng):
        return chunk.correct


@pytest.mark.parametrize("sees", ["positions", "solution"])
def test_a_chunk_is_handed_over_as_by_the_engine(sees):
    solutions = np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0]], dtype=bool)
    given = calls(Sees(sees), solutions, 2, 3, np.array([5, 6]), np.array([7, 8]))
    assert given.correct.tolist() == [[False, False, True], [True, False, False]]
    assert given.blocks.tolist() == [[2, 3, 4]] * 2
    assert (given.generation.tolist(), given.traits.tolist()) == ([5, 6], [7, 8])
    assert (given.solution is None) is (sees == "positions")
    names = ["correct", "blocks", "generation", *["solution"] * (sees == "solution"), "traits"]
    assert list(arrays(given)) == [f"chunk.{name}" for name in names]
    assert all(arrays(given)[f"chunk.{name}"] is getattr(given, name) for name in names)
    given.correct[...] = True
    if sees == "solution":
        given.solution[...] = True
    assert solutions.sum() == 5
    bare = SimpleNamespace(rewrite=None)
    correct = calls(bare, solutions, 2, 3, np.array([5, 6]), None)
    assert correct.tolist() == [[False, False, True], [True, False, False]]
    assert list(arrays(correct)) == ["correct"]
    correct[...] = True
    assert solutions.sum() == 5


@pytest.mark.parametrize(("runs", "traits"), [(0, [10, 11, 12, 13, 14]), (2, [10, 11, 10, 11, 10])])
def test_each_call_is_of_its_own_run_or_of_a_few_in_turn(runs, traits):
    given, answer = make_calls(Sees("positions"), CallState(6, 2, 1, "last"), 5, np.random.default_rng(1), runs=runs)
    assert given.traits.tolist() == traits
    assert given.blocks.tolist() == [[4, 5]] * 5
    assert (answer.correct == [True, False]).all()


def test_correct_blocks_are_counted_and_invalid_answers_are_below_all():
    correct = np.array([[1, 1], [0, 1], [0, 0]], dtype=bool)
    assert counts(Rewritten(correct)).tolist() == [2, 1, 0]
    assert counts(Rewritten(correct, valid=np.array([False, True, True]))).tolist() == [-1, 1, 0]


SERVED = [
    (lambda k, g: k == 12, 12, (1, 2, 3, 5, 8, 12)),
    (lambda k, g: k == 12 and g in (4, 6), 12, (4, 6)),
    (lambda k, g: k == 12 and 3 <= g <= 9, 12, (3, 5, 8, 9)),
    (lambda k, g: k == 1, 1, (1,)),
    (lambda k, g: k == 4096 and g >= 4000, 4096, (4000,)),
    (lambda k, g: k == 200 and g in (128, 129), 200, (128,)),
    (lambda k, g: k == 200 and g in (2, 7, 128, 200), 200, (2, 128)),
    (lambda k, g: k in (5, 128), 5, (1, 2, 3, 5)),
]


@pytest.mark.parametrize(("serves", "k", "lengths"), SERVED)
def test_the_first_k_that_is_served_and_the_ends_of_its_lengths_are_tested(serves, k, lengths):
    def fits(k, g):
        if not serves(k, g):
            raise InputError("no")

    assert sizes(SimpleNamespace(fits=fits)) == (k, lengths)
    assert sizes(SimpleNamespace()) == (12, (1, 2, 3, 5, 8, 12))


def test_where_no_chunk_is_served_the_last_reason_is_told():
    with pytest.raises(NotChecked, match="and 4096 blocks: 4096 of 4096; nothing can be tested"):
        sizes(SimpleNamespace(fits=lambda k, g: refuse(f"{g} of {k}")))


# ------------------------------------------------------------------------------------------- chunks that are chosen


@pytest.mark.parametrize(("serves", "ks"), [
    (lambda k: True, (12, 7, 3, 1, 16, 64)), (lambda k: k in (7, 64), (7, 64)), (lambda k: k in (5, 9), (5,)),
    (lambda k: k in (3, 5), (3,)), (lambda k: k in (129, 4096), (4096,)),
])  # fmt: skip
def test_the_known_sizes_that_a_schedule_serves_are_tested_or_else_the_smallest(serves, ks):
    def chunk_size(k):
        if not serves(k):
            raise InputError(f"not {k}")
        return 1

    assert choosing.served(SimpleNamespace(chunk_size=chunk_size)) == ks
    with pytest.raises(NotChecked, match="4096 blocks: 4096; nothing can be tested"):
        choosing.served(SimpleNamespace(chunk_size=refuse))


def refuse(what):
    raise InputError(str(what))


@pytest.mark.parametrize(("k", "g", "m"), [(12, 5, 3), (12, 4, 3), (12, 12, 1), (1, 1, 1), (13, 4, 4)])
def test_the_last_chunk_may_be_shorter(k, g, m):
    assert choosing.chunks_of(RoundRobin(g=g), k) == m


@pytest.mark.parametrize("k", [1, 2, 12])
def test_parents_are_random_or_nearly_right_and_none_is_optimal(k):
    shown = choosing.parents(4000, k, np.random.default_rng(1))
    assert (shown.dtype, shown.shape) == (np.bool_, (4000, k))
    wrong = (~shown).sum(axis=1)
    assert wrong.min() == 1
    assert (wrong[1::2] == 1).all()
    assert set(shown[1::2].argmin(axis=1)) == set(range(k))  # the wrong block is anywhere
    assert set(wrong[::2]) == set(range(1, k + 1))  # any share of correct blocks


class Records:
    """A schedule that keeps what it is shown."""

    def chunk_size(self, k):
        return 1

    def choose(self, pointer, correct, m, ahead, lam, rng):
        self.shown = pointer, correct, m, ahead, lam
        return np.zeros((len(pointer), ahead, lam), dtype=np.int64)


def test_a_choice_is_asked_for_from_the_first_chunk_on_unless_it_is_said():
    schedule, rng = Records(), np.random.default_rng(1)
    assert choosing.pick(schedule, 4, 5, 2, rng).shape == (5, 2, 3)
    pointer, correct, m, ahead, lam = schedule.shown
    assert (pointer.tolist(), m, ahead, lam) == ([0] * 5, 4, 2, 3)
    np.testing.assert_array_equal(correct, choosing.parents(5, 4, np.random.default_rng(3)))
    given = np.ones((5, 4), dtype=bool)
    choosing.pick(schedule, 4, 5, 1, rng, np.array([3, 2, 1, 0, 3]), 1, given)
    pointer, correct, m, ahead, lam = schedule.shown
    assert (pointer.tolist(), m, ahead, lam) == ([3, 2, 1, 0, 3], 4, 1, 1)
    assert correct.all()


def test_a_set_of_blocks_is_known_by_a_number_below_k():
    chosen = np.array([[[[0, 1, 4], [2, 3, 4]]]])
    assert choosing.code(UniformSubset(3), 5, chosen).tolist() == [[[(0 + 2 + 12) % 5, (2 + 6 + 12) % 5]]]
    assert choosing.code(RoundRobin(), 5, chosen) is chosen


# ------------------------------------------------------------------------------------------- batches and rows


@pytest.mark.parametrize(("one", "other", "same"), [
    (np.arange(3), np.arange(3), True), (np.arange(3), np.array([0, 1, 3]), False), (None, None, True),
    (None, np.arange(3), False), (np.arange(3), None, False), ((None, np.ones(2)), (None, np.ones(2)), True),
    ((np.zeros(2), np.ones(2)), (np.zeros(2), np.zeros(2)), False),
    ((np.zeros(2), np.ones(2)), (np.ones(2), np.ones(2)), False), ((None, np.ones(2)), (np.ones(2), None), False),
])  # fmt: skip
def test_answers_are_the_same_if_all_their_arrays_are(one, other, same):
    assert same_answers(one, other) is same


def test_one_array_of_several_that_differs_is_a_change():
    ones, twos = np.ones(2), np.array([1, 2])
    assert [changed(*map(list, pair)) for pair in (((ones, twos), (ones, twos)), ((ones, twos), (ones, ones)), (
        (ones, twos), (twos, twos)))] == [False, True, True]  # fmt: skip


def test_answers_already_given_for_a_seed_are_not_asked_for_again():
    asked = []

    def answers(rng):
        asked.append(rng.integers(10**9))
        return np.array(asked[-1:])

    first = np.array([np.random.default_rng(1).integers(10**9)])
    assert same_for_a_seed("x", answers, first) == "the same answers for the same seed"
    assert len(asked) == 1
    same_for_a_seed("x", answers)
    assert len(asked) == 3
    with pytest.raises(NotConforming, match="x gives different answers for the same seed"):
        same_for_a_seed("x", answers, first + 1)


@pytest.mark.parametrize("touches", [np.random.rand, random.random, lambda: np.random.seed(1)])  # noqa: NPY002  # looked for
def test_a_shared_generator_that_is_drawn_from_or_set_is_found(touches):
    determinism.global_state_untouched("x", lambda rng: rng.random())
    with pytest.raises(NotConforming, match="x uses the global generator of numpy or of `random`; draw from the `rng`"):
        determinism.global_state_untouched("x", lambda rng: touches())


@pytest.mark.parametrize("ends", [lambda: "fine", lambda: refuse(3), lambda: exec("raise SystemExit(2)")])
def test_a_check_is_run_once_whatever_it_ends_with(ends):
    runs = []
    check = once(lambda: runs.append(1) or ends())
    said = []
    for _ in range(3):
        try:
            said.append(check())
        except (InputError, SystemExit) as error:
            said.append(error)
    assert len(runs) == 1
    assert said[0] is said[1] is said[2]


def raises(error):
    def check():
        raise error

    return check


@pytest.mark.parametrize(("error", "kind", "said"), [
    (ValueError("a"), DoesNotApply, "why, see the check `first`"),
    (SystemExit(3), DoesNotApply, "why, see the check `first`"),
    (NotConforming("a"), DoesNotApply, "why, see the check `first`"),
    (DoesNotApply("none of it"), DoesNotApply, "none of it"), (NotChecked("none"), NotChecked, "none"),
])  # fmt: skip
def test_what_goes_before_a_check_leaves_it_nothing_to_say(error, kind, said):
    with pytest.raises(kind, match=f"^{said}$") as told:
        guarded(raises(error), "first", "why")(lambda: "fine")()
    assert type(told.value) is kind


def test_the_same_error_of_another_check_is_told_once_and_of_the_same_check_each_time():
    guard = guarded(lambda: None, "first", "why")
    one, other, third, fourth = (guard(raises(error)) for error in (
        ValueError("a"), ValueError("a"), ValueError("b"), DoesNotApply("a")))  # fmt: skip
    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            one()
    with pytest.raises(DoesNotApply, match=r"^ValueError: a, as in a check above$"):
        other()
    with pytest.raises(ValueError, match="b"):
        third()
    with pytest.raises(DoesNotApply, match=r"^a$"):
        fourth()
    assert guard(lambda: "fine")() == "fine"
    with pytest.raises(SystemExit):
        guard(raises(SystemExit(3)))()


def shares(n, right):
    """N categories, 0 or 1, of which `right` are 1, in pairs of equal ones as often as of different ones."""
    return np.repeat(np.arange(2), [n - right, right])


@pytest.mark.parametrize(("right", "passed"), [(576, True), (577, False), (424, True), (423, False)])
def test_shares_of_a_batch_may_differ_by_what_chance_allows(right, passed):
    """sqrt(ln(2 (c + 1)/alpha)/n) is 0.07672 for n = 1000, two categories and alpha = 1/60; 500 are 1 alone."""
    if passed:
        assert same_law("side", shares(1000, right), shares(1000, 500), 2, 1 / 60) == (
            "a batch is as many single ones; 0.15 in any probability would have been found"
        )
        return
    with pytest.raises(NotConforming, match=r"^P\(side = [01]\) is 0\.(423|577) in a batch of 1,000 and 0\.500 when"):
        same_law("side", shares(1000, right), shares(1000, 500), 2, 1 / 60)


@pytest.mark.parametrize(("equal", "passed"), [(304, True), (305, False), (195, False), (196, True)])
@pytest.mark.parametrize("odd", [0, 1])
def test_neighbours_may_be_equal_as_often_as_chance_allows(equal, passed, odd):
    """Of 500 disjoint pairs 250 are equal alone; sqrt(ln(360)/500) is 0.10850."""

    def pairs(equal):
        one = np.tile([0, 1], 250)
        return np.append(np.column_stack([one, np.where(np.arange(500) < equal, one, 1 - one)]).ravel(), [0] * odd)

    if passed:
        same_law("side", pairs(equal), pairs(250), 2, 1 / 60)
        return
    with pytest.raises(NotConforming, match=r"^P\(two neighbours have the same side\) is 0\.\d+ in a batch of 1,00"):
        same_law("side", pairs(equal), pairs(250), 2, 1 / 60)


@pytest.mark.parametrize(("place", "name"), [
    (lambda row: row % 300, "the first half"), (lambda row: row // 2, "every second one"),
    (lambda row: np.where(row % 4 >= 2, row - 2, row), "every second pair"), (lambda row: row, ""),
])  # fmt: skip
def test_rows_that_are_those_of_another_half_are_found(monkeypatch, place, name):
    def batch(n, rng):
        return rng.random(n)[place(np.arange(n))]

    monkeypatch.setattr(determinism, "BATCHES", 64)
    if not name:
        assert rows_independent("x", batch, ALPHA) == "rows of 64 batches of 600 know nothing of each other"
        assert rows_independent("x", lambda n, rng: np.ones(n), ALPHA)
        return
    with pytest.raises(NotConforming, match=f"in 32 of 32 pairs of batches, each of 600 rows, {name} of the rows"):
        rows_independent("x", batch, ALPHA)


def test_the_first_half_of_600_rows_ends_with_the_row_numbered_299(monkeypatch):
    """The two rows in the middle are one, the others nothing."""
    monkeypatch.setattr(determinism, "BATCHES", 64)
    with pytest.raises(NotConforming, match="in 32 of 32 pairs of batches, each of 600 rows, the first half of the"):
        rows_independent("x", lambda n, rng: rng.random() * np.isin(np.arange(n), (299, 300)), ALPHA)


@pytest.mark.parametrize(("beside", "passed"), [(1.01, True), (0.99, False)])
def test_each_of_three_halves_has_its_share_of_what_may_fail(monkeypatch, beside, passed):
    asked = []
    monkeypatch.setattr(determinism, "BATCHES", 64)
    monkeypatch.setattr(determinism, "binomial_p_value", lambda *given: asked.append(given) or beside * ALPHA / 3)
    if passed:
        rows_independent("x", lambda n, rng: rng.random(n), ALPHA)
        assert len(asked) == 3
        assert {each[1:] for each in asked} == {(32, 0.5)}
        return
    with pytest.raises(NotConforming, match="the first half"):
        rows_independent("x", lambda n, rng: rng.random(n), ALPHA)


# ------------------------------------------------------------------------------------------- looking ahead


@dataclass(frozen=True)
class Looks(RoundRobin):
    """Chooses by parents of one kind alone."""

    kind: str = "none"

    def choose(self, pointer, correct, m, ahead, lam, rng):
        chosen = super().choose(pointer, correct, m, ahead, lam, rng)
        right = correct.sum(axis=1)
        half = (correct == (np.arange(correct.shape[1]) < correct.shape[1] // 2)).all(axis=1)
        seen = {"none": right < 0, "half": half & (right > 1), "nearly": right == correct.shape[1] - 1}[self.kind]
        return (chosen + seen[:, None, None]) % m


@pytest.mark.parametrize(("kind", "passed"), [("none", True), ("half", False), ("nearly", False)])
def test_a_schedule_that_looks_at_parents_of_one_kind_is_found(kind, passed):
    schedule = Looks(kind=kind)
    if passed:
        assert lookahead.does_not_look(schedule) == "chunks do not depend on what calls did"
        return
    with pytest.raises(NotConforming, match="chooses by the correctness of the parents; say False"):
        lookahead.does_not_look(schedule)


@dataclass(frozen=True)
class Late(RoundRobin):
    """Right for all but the last generation of a look ahead, or for all but one of the larger sizes."""

    where: str = "nowhere"

    def choose(self, pointer, correct, m, ahead, lam, rng):
        chosen = np.array(super().choose(pointer, correct, m, ahead, lam, rng))
        if ahead > 1 and (self.where == "last" or (self.where == "three blocks" and m == 3)):
            chosen[:, -1] = (chosen[:, -1] + 1) % m
        return chosen


@pytest.mark.parametrize("where", ["nowhere", "last", "three blocks"])
def test_the_last_generation_of_a_look_ahead_is_compared_in_each_of_three_sizes(monkeypatch, where):
    monkeypatch.setattr(lookahead, "LOOP_CALLS", 500)
    if where == "nowhere":
        assert lookahead.looks_ahead(Late(), ALPHA) == (
            "5 generations ahead are as 5 generations one by one, for k = 12, 7, 3"
        )
        return
    with pytest.raises(NotConforming, match="gives other chunks for generation 5 than advance by 4 and choose with"):
        lookahead.looks_ahead(Late(where=where), ALPHA)


def test_each_row_of_a_batch_is_asked_for_alone_too(monkeypatch):
    """The wrong parents first, then parents of all kinds: both times a batch, and each of its rows."""
    asked = []

    class Keeps(RoundRobin):
        def choose(self, pointer, correct, m, ahead, lam, rng):
            asked.append((correct.copy(), ahead, lam))
            return super().choose(pointer, correct, m, ahead, lam, rng)

    monkeypatch.setattr(lookahead, "LOOP_CALLS", 5)
    shares = []
    monkeypatch.setattr(
        lookahead, "same_law", lambda what, *given: shares.append((what, given[-2], given[-1])) or "said"
    )
    assert lookahead.batch_as_loop(Keeps(g=1), ALPHA) == "said"
    assert shares == [("chunk", 12, ALPHA / 2)] * 2
    for of in (asked[:6], asked[6:]):
        assert {each[1:] for each in of} == {(1, 1)}
        np.testing.assert_array_equal(of[0][0], np.concatenate([each[0] for each in of[1:]]))
        assert [len(each[0]) for each in of] == [5, 1, 1, 1, 1, 1]
    assert not asked[0][0].any()
    assert (~asked[6][0]).any(axis=1).all()
    assert asked[6][0].any()


def test_each_comparison_of_a_look_ahead_has_its_share_of_what_may_fail(monkeypatch):
    """Chunk and step of four later generations in three sizes; shares are for five."""
    shares = []
    monkeypatch.setattr(lookahead, "LOOP_CALLS", 50)
    monkeypatch.setattr(lookahead, "same_law", lambda what, *given: shares.append((what, given[-2], given[-1])))
    lookahead.looks_ahead(RoundRobin(), ALPHA)
    each = pytest.approx(ALPHA / 30)
    assert shares == [(what, k, each) for k in (12, 7, 3) for _ in range(4) for what in ("chunk", "step")]


class Numbers:
    """An oblivious schedule of one chunk after another, that keeps by how many generations it was advanced."""

    oblivious: ClassVar[bool] = True

    def __init__(self):
        self.asked = []

    def chunk_size(self, k):
        return 1

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return (pointer[:, None, None] + np.arange(ahead)[None, :, None]) % m

    def advance(self, pointer, moved, m, generations):
        self.asked.append((set(pointer.tolist()), set(moved.tolist()), m, set(generations.tolist())))
        return (pointer + generations) % m


def test_every_chunk_is_pointed_at_four_times_where_a_schedule_may_not_look(monkeypatch):
    """Each pointer that there is, with parents of three kinds, one generation ahead and five."""
    asked, chosen = [], lookahead.pick

    def pick(schedule, k, runs, ahead, rng, pointer, **more):
        asked.append((k, ahead, runs, np.bincount(pointer).tolist(), more["correct"].mean()))
        return chosen(schedule, k, runs, ahead, rng, pointer, **more)

    monkeypatch.setattr(lookahead, "pick", pick)
    monkeypatch.setattr(lookahead, "served", lambda schedule: (64, 7))
    assert lookahead.does_not_look(RoundRobin(1)) == "chunks do not depend on what calls did"
    assert [(k, ahead) for k, ahead, *_ in asked] == [(k, ahead) for k in (64, 7) for ahead in (1, 5) for _ in range(3)]
    assert all(pointed == [4] * 64 for k, _, _, pointed, _ in asked if k == 64)
    assert all(pointed == [8] + [7] * 6 for k, _, _, pointed, _ in asked if k == 7)
    assert [share for *_, share in asked][:2] == [0.0, 0.5]


def test_generations_one_by_one_are_advanced_to_at_once():
    schedule = Numbers()
    assert lookahead._one_by_one(schedule, 4, 3).tolist() == [[0, 1, 2, 3, 0]] * 3
    assert schedule.asked == [({0}, {False}, 4, {j}) for j in (1, 2, 3, 4)]


# ------------------------------------------------------------------------------------------- results


def test_a_check_tells_what_it_found_whatever_is_raised():
    def run(check):
        return PartCheck("name", 3, check).result()

    errors = [DoesNotApply("not here"), NotChecked("not known"), OperatorError("wrong"), SystemExit(2), KeyError("b7")]
    told = [run(lambda: "fine"), *(run(raises(error)) for error in errors)]
    assert [(each.passed, each.unchecked, each.outcome) for each in told] == [
        (True, False, "passed"), (None, False, "does not apply"), (None, True, "does not apply"),
        (False, False, "FAILED"), (False, False, "FAILED"), (False, False, "FAILED"),
    ]  # fmt: skip
    assert [each.message.split(" (")[0] for each in told] == [
        "fine", "not here", "not known", "wrong", "int raised SystemExit: 2", "int raised KeyError: 'b7'",
    ]  # fmt: skip
    assert told[-1].message.endswith(", in check)")
    checks = [PartCheck(name, 3, lambda: "fine") for name in ("a", "b")]
    assert [(each.name, each()) for each in checks] == [(each.name, each) for each in results(checks)]
    with pytest.raises(NotConforming, match=r"^name: wrong$"):
        PartCheck("name", 3, raises(OperatorError("wrong")))()
    assert PartCheck("name", 3, raises(DoesNotApply("not here")))().passed is None
    deep = run(lambda: [each for each in (0,) if raises(KeyError("b7"))()])
    assert deep.message.endswith(", in check)")  # where it was raised, not where it was asked for
    for fixed in (told[0], checks[0]):
        with pytest.raises(FrozenInstanceError):
            fixed.name = "another"
    assert repr(checks[0]) == "PartCheck(name='a', part=3)"


def test_candidates_are_each_tried_once():
    for candidates in (choosing.CANDIDATES, serving.CANDIDATES[1:]):
        assert len(set(candidates)) == len(candidates)
    assert set(choosing.CANDIDATES) == set(serving.CANDIDATES) == {
        *range(1, 129), 200, 256, 500, 512, 1000, 1024, 2048, 4096,
    }  # fmt: skip
