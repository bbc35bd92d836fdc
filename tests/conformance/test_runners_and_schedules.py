"""What runners and schedules are shown by their checks, and what programs may count; each line from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from evo import Archive, OnePlusLambda, RoundRobin
from evo.conformance import runners, schedule_laws, schedules
from evo.conformance.programs import checks
from evo.conformance.results import FALSE_FAIL_RATE, DoesNotApply, NotChecked, NotConforming
from evo.errors import NoPrediction
from evo.runners.feature_grid import MapElites
from evo.runners.protocol import Pool
from evo.theory import Start, all_blocks

# ------------------------------------------------------------------------------------------- runners


@dataclass(frozen=True)
class Records(MapElites):
    """A grid that keeps what its survivors are named from."""

    shown: ClassVar[list[Any]] = []

    def survivors(self, pool, offspring):
        stay = super().survivors(pool, offspring)
        self.shown.append((pool, offspring, stay))
        return stay


def test_pools_are_those_of_a_run_in_the_runners_own_hands():
    """Each pool is what was named of the one before: fitness, the number of the call, and the feature."""
    runner = Records(4, lam=3)
    runner.shown.clear()
    pools = list(runners._pools(runner, 50, np.random.default_rng(1)))
    assert [pool.generation for pool in pools] == list(range(41))
    first = pools[0]
    assert (first.seen.shape, first.seen.dtype, first.born.dtype) == ((50, 4), np.float64, np.int64)
    assert set(np.unique(first.seen[:, 0])) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert np.isneginf(first.seen[:, 1:]).all()
    assert not first.born.any()
    for number, (pool, offspring, stay) in enumerate(runner.shown[:40]):
        before, after = pools[number : number + 2]
        assert pool.seen is before.seen
        calls = np.tile(3 * number + 1 + np.arange(3), (50, 1))
        for old, new, kept in (
            (before.seen, offspring, after.seen), (before.born, calls, after.born),
            (before.features, pool.arriving, after.features),
        ):  # fmt: skip
            np.testing.assert_array_equal(np.take_along_axis(np.concatenate([old, new], axis=1), stay, axis=1), kept)
            assert not kept.flags.writeable
        assert not offspring.flags.writeable
        assert not pool.arriving.flags.writeable
    assert len({pool.arriving.tobytes() for pool, _, _ in runner.shown}) == len(runner.shown)  # others each time
    features = np.concatenate([pool.arriving for pool, _, _ in runner.shown])
    assert set(np.unique(features)) == {0, 1, 2, 3}


def test_offspring_are_invalid_now_and_then_and_in_some_runs_all():
    made = runners._offspring(20_000, 4, np.random.default_rng(1))
    assert (made.shape, made.dtype, made.flags.writeable) == ((20_000, 4), np.float64, False)
    invalid = np.isneginf(made)
    assert set(np.unique(made[~invalid])) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert invalid.mean() == pytest.approx(1 - 0.8 * 0.9, abs=0.02)
    assert invalid.all(axis=1).mean() == pytest.approx(0.1 + 0.9 * 0.2**4, abs=0.02)


def test_features_are_shown_to_a_runner_that_describes_alone():
    rng = np.random.default_rng(1)
    assert runners._described(Archive(2), (5, 3), rng) is None
    shown = runners._described(MapElites(7), (500, 3), rng)
    assert (shown.shape, set(np.unique(shown)), shown.flags.writeable) == ((500, 3), set(range(7)), False)
    spread = shown.max(axis=1) - shown.min(axis=1)  # solutions of a run are alike: one share of correct blocks
    assert spread.mean() < 3


@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_run_alone_is_its_row_of_a_pool(row):
    seen, born = np.arange(6.0).reshape(3, 2), np.arange(6).reshape(3, 2) + 10
    features, arriving = born + 10, np.arange(9).reshape(3, 3)
    alone = runners._alone(Pool(seen, born, 7, features, arriving), row)
    assert alone.generation == 7
    for found, of in ((alone.seen, seen), (alone.born, born), (alone.features, features), (alone.arriving, arriving)):
        assert found.tolist() == [of[row].tolist()]
    alone = runners._alone(Pool(seen, born, 7), row)
    assert (alone.features, alone.arriving) == (None, None)


FOUNDERS = [
    (1, (0,), ""), (np.int64(2), (0, 1), ""), (1, (1, 0), ""), (1, (-1, 0), ""), (1, (0, 0, 1), ""),
    (True, (0,), "lam must be a whole number >= 1, got True"), (1.0, (0,), "lam must be a whole number >= 1, got 1.0"),
    (-1, (0,), "lam must be a whole number >= 1, got -1"), (1, (0, True), "tuple of whole numbers >= -1, one a place"),
    (1, (0, 1.0), "tuple of whole numbers >= -1, one a place"),
    (1, (0, -2), "tuple of whole numbers >= -1, one a place"),
    (1, (np.int64(0),), "tuple of whole numbers >= -1, one a place"), (1, (), "without a gap, at least one, got ()"),
    (1, (1,), "without a gap, at least one, got (1,)"), (1, (-1,), "without a gap, at least one, got (-1,)"),
]  # fmt: skip


@pytest.mark.parametrize(("lam", "founders", "said"), FOUNDERS)
def test_places_are_named_from_the_first_solution_on(lam, founders, said):
    runner = SimpleNamespace(lam=lam, founders=founders)
    if not said:
        assert runners._founders(runner) == (
            f"{len(founders)} places, {max(founders) + 1} filled at first; lam = {lam}"
        )
        return
    with pytest.raises(NotConforming) as told:
        runners._founders(runner)
    assert said in str(told.value)


@pytest.mark.parametrize(("calls", "hit", "passed"), [
    ([200, 250], [-1, -1], True), ([199, 250], [-1, -1], False), ([250, 199], [-1, -1], False),
    ([3, 200], [2, -1], True),
])  # fmt: skip
def test_a_run_without_a_hit_goes_on_to_its_budget(calls, hit, passed):
    counts = SimpleNamespace(calls=np.array(calls), hit=np.array(hit))
    if passed:
        hits = sum(each >= 0 for each in hit)
        assert runners._expect_books(OnePlusLambda(2), counts) == (
            f"{hits} of 64 runs hit within 200 calls; calls and hits hang together"
        )
        return
    with pytest.raises(NotConforming, match=r"a run without a hit \(-1\) ended before its budget of 200 calls"):
        runners._expect_books(OnePlusLambda(2), counts)


class Flies:
    """A loop of its own, in which two calls are in flight at the end."""

    lam, founders, in_flight = 1, (0,), 2

    def fits(self, *parts):
        pass

    def answers(self, generations, schedule, k):
        return generations, generations

    def run_batch(self, search, batch):
        pass


@pytest.mark.parametrize(("hit", "passed"), [(10, True), (8, True), (7, False), (0, True)])
def test_a_hit_of_a_loop_of_ones_own_is_followed_by_what_was_in_flight_alone(hit, passed):
    counts = SimpleNamespace(calls=np.array([10]), hit=np.array([hit]))
    if passed:
        assert runners._expect_books(Flies(), counts).startswith("1 of 64 runs hit")
        return
    with pytest.raises(NotConforming, match="one of the last generation's; got an earlier one"):
        runners._expect_books(Flies(), counts)


@pytest.mark.parametrize("lam", [1, 2, 5])
def test_offspring_come_in_two_parts_and_those_who_stay_are_asked_about_again(lam):
    asked = []

    class Parts(OnePlusLambda):
        def survivors(self, pool, offspring):
            asked.append(offspring[0].tolist())
            return super().survivors(pool, offspring)

    runner, offspring = Parts(lam), np.arange(float(lam))[None] + 1
    pool = Pool(np.array([[0.0]]), np.array([[0]]), 3)
    assert runners._same_in_parts(runner, pool, offspring, np.array([lam]))
    split = -(-lam // 2)
    parts = [part for part in (offspring[0, :split], offspring[0, split:]) if len(part)]
    assert asked == [*(part.tolist() for part in parts), [part[-1] for part in parts]]
    assert lam == 1 or not runners._same_in_parts(runner, pool, offspring, np.array([lam - 1]))
    assert runners._same_in_parts(runner, pool, np.zeros((1, lam)) - 1, np.array([0]))


def test_half_of_what_may_fail_is_for_a_batch_of_parents_and_half_for_its_rows(monkeypatch):
    rates = []
    drawn = runners.drawn_checks
    monkeypatch.setattr(runners, "LOOP_CALLS", 5)
    monkeypatch.setattr(runners, "drawn_checks", lambda *given: rates.append(given[-1]) or drawn(*given))
    monkeypatch.setattr(
        runners, "same_law", lambda *given: rates.append(given[-2:]) or (given[0], *map(len, given[1:3]))
    )
    made = runners._drawn(Archive(3))
    assert made["batch as loop"]() == ("place of a parent", 5, 5)
    assert rates == [FALSE_FAIL_RATE / 2, (3, FALSE_FAIL_RATE / 2)]


# ------------------------------------------------------------------------------------------- schedules


def test_the_false_fail_rate_of_a_schedule_is_shared_by_what_is_drawn_or_declared(monkeypatch):
    """Six shares at the most, of which a schedule that declares all has five."""
    rates = []
    for name in ("batch_as_loop", "looks_ahead", "same_as_holds", "run_law_holds"):
        monkeypatch.setattr(schedules, name, lambda schedule, alpha: rates.append(alpha) or "")
    drawn = schedules.drawn_checks
    monkeypatch.setattr(schedules, "drawn_checks", lambda *given: rates.append(given[-1]) or drawn(*given))
    monkeypatch.setattr(schedules, "MANY", 10)
    both = {"same_as": property(lambda self: RoundRobin(1)), "run_law": staticmethod(all_blocks)}
    schedule = type("Declares", (RoundRobin,), both)(g=1)
    for check in schedules.schedule_checks(schedule):
        if check.name in ("batch as loop", "look ahead", "same as", "law of a run"):
            assert check.result().passed
    assert rates == [pytest.approx(FALSE_FAIL_RATE / 6)] * 5


@pytest.mark.parametrize(("size", "passed"), [
    (1, True), (12, True), (np.int64(3), True), (13, False), (0, False), (True, False), (2.0, False),
])  # fmt: skip
def test_a_chunk_is_of_one_to_k_blocks(monkeypatch, size, passed):
    monkeypatch.setattr(schedules, "CANDIDATES", (12,))
    monkeypatch.setattr(schedules, "served", lambda schedule: (12,))
    schedule = SimpleNamespace(chunk_size=lambda k: size)
    if passed:
        assert schedules._chunk_size(schedule) == f"g = {size} of k = 12"
        return
    with pytest.raises(NotConforming, match=f"must be a whole number from 1 to 12, or raise InputError, got {size!r}$"):
        schedules._chunk_size(schedule)


@pytest.mark.parametrize(("sizes", "said"), [
    ((3, 3, 3), ""), ((2.0, 3, 3), "to 12, or raise InputError, got 2.0"), ((3.0, 3, 3), "InputError, got 3.0"),
    ((3, 4, 3), "the same whenever it is asked for, got [3, 4, 3]"), ((3, 3, 4), "is asked for, got [3, 3, 4]"),
])  # fmt: skip
def test_a_size_of_chunks_is_that_of_the_first_time_each_time(monkeypatch, sizes, said):
    monkeypatch.setattr(schedules, "CANDIDATES", (12,))
    monkeypatch.setattr(schedules, "served", lambda schedule: (12,))
    left = iter(sizes)
    schedule = SimpleNamespace(chunk_size=lambda k: next(left))
    if not said:
        assert schedules._chunk_size(schedule) == "g = 3 of k = 12"
        return
    with pytest.raises(NotConforming) as told:
        schedules._chunk_size(schedule)
    assert str(told.value).endswith(said)


def test_pointers_to_each_chunk_are_moved_and_not():
    asked = []

    class Keeps(RoundRobin):
        def advance(self, pointer, moved, m, generations):
            asked.append((pointer.tolist(), moved.tolist(), m, generations.tolist()))
            return super().advance(pointer, moved, m, generations)

    schedules._pointer(Keeps(g=4))
    assert asked[0] == ([0, 1, 2] * 2, [True] * 3 + [False] * 3, 3, [1] * 6)
    of_twelve = asked[1:10]
    assert [moved[0] for _, moved, *_ in of_twelve] == [True, True, False] * 3
    assert {m for *_, m, _ in asked} == {3, 2, 4, 16}


@pytest.mark.parametrize(("after", "got"), [
    (lambda p: p.tolist(), "list of shape ?"), (lambda p: p[:-1], "int64 of shape (23,)"),
    (lambda p: p[:, None], "int64 of shape (24, 1)"), (lambda p: p + 0.0, "float64 of shape (24,)"),
    (lambda p: None, "NoneType of shape ?"),
])  # fmt: skip
def test_what_is_no_pointer_a_run_is_told(after, got):
    schedule = type("Odd", (RoundRobin,), {"advance": lambda self, pointer, *given: after(pointer)})(g=1)
    with pytest.raises(NotConforming) as told:
        schedules._pointer(schedule)
    assert str(told.value) == (f"Odd.advance: expected whole numbers of shape (24,), one pointer a run, got {got}")


@pytest.mark.parametrize("oblivious", [True, False])
def test_chunks_of_every_size_are_asked_for_and_many_of_the_first(monkeypatch, oblivious):
    asked = []
    monkeypatch.setattr(schedules, "pick", lambda schedule, k, runs, ahead, rng, lam=3: asked.append(
        (k, runs, ahead, lam)))  # fmt: skip
    schedule = type("Either", (RoundRobin,), {"oblivious": oblivious})(g=1)
    schedules._chunks(schedule)
    assert sorted(asked[:-1]) == sorted(
        (k, runs, ahead, lam) for k in (12, 7, 3, 1, 16, 64) for runs in (1, 200)
        for ahead in ((1, 5) if oblivious else (1,)) for lam in (1, 3, 8)
    )  # fmt: skip
    assert asked[-1] == (12, 50_000, 1, 3)


CHOICES = {
    "by the offspring": (lambda pointer, m, lam: np.arange(lam)[None] % m + 0 * pointer[:, None], lambda moved: moved),
    "after a move": (lambda pointer, m, lam: pointer[:, None] % m, lambda moved: moved),
    "after no move": (lambda pointer, m, lam: pointer[:, None] % m, lambda moved: ~moved),
    "all but the last": (lambda pointer, m, lam: pointer[:, None] % (m - 1), lambda moved: moved),
    "all but the first": (lambda pointer, m, lam: 1 + pointer[:, None] % (m - 1), lambda moved: moved),
}


@pytest.mark.parametrize("how", CHOICES)
def test_a_chunk_may_come_after_a_move_or_none_or_to_one_offspring_but_must_come(monkeypatch, how):
    chosen, goes_on = CHOICES[how]

    class Chooses(RoundRobin):
        def choose(self, pointer, correct, m, ahead, lam, rng):
            return np.repeat(chosen(pointer, m, lam)[:, None], ahead, axis=1)

        def advance(self, pointer, moved, m, generations):
            return pointer + goes_on(moved)

    monkeypatch.setattr(schedules, "MOST_STEPS", 400)
    monkeypatch.setattr(schedules, "served", lambda schedule: (12,))
    if not how.startswith("all but"):
        assert schedules._every_chunk(Chooses()) == "every block is handed over sometimes, for k = 12"
        return
    never = 11 if how.endswith("last") else 0
    with pytest.raises(NotConforming, match=rf"never chose the chunks {never} of 0 to 11 \(k = 12\) in 400 g"):
        schedules._every_chunk(Chooses())


@pytest.mark.parametrize("late", [10, 11])
def test_a_chunk_that_comes_late_leaves_hope_for_others(monkeypatch, late):
    """Chunk 1 is chosen from generation `late` on, of one offspring: hope is after a quarter of the generations."""

    class Late(RoundRobin):
        def choose(self, pointer, correct, m, ahead, lam, rng):
            return np.minimum(pointer // late, int(lam == 1))[:, None, None]

        def advance(self, pointer, moved, m, generations):
            return pointer + generations

    monkeypatch.setattr(schedules, "MOST_STEPS", 40)
    monkeypatch.setattr(schedules, "served", lambda schedule: (12,))
    with pytest.raises(NotConforming if late == 10 else NotChecked) as told:
        schedules._every_chunk(Late())
    assert str(told.value) == (
        "Late.choose never chose the chunks 2, 3, 4, 5, 6, ... of 0 to 11 (k = 12) in 40 generations of 64 runs; "
        "blocks in them are never rewritten" if late == 10 else
        "cannot tell: 40 generations are too few to reach the chunks 2, 3, 4, 5, 6, ..."
    )  # fmt: skip


@pytest.mark.parametrize(("method", "which"), [
    ("choose", 0), ("choose", 1), ("advance", 0), ("advance", 1), ("advance", 3), ("none", 0),
])  # fmt: skip
def test_each_array_that_a_schedule_is_handed_is_compared(method, which):
    def writes(self, *given):
        given[which][...] = ~given[which] if given[which].dtype == bool else given[which] + 1
        return np.zeros((len(given[0]), 1, 1), dtype=np.int64)

    schedule = type("Writes", (RoundRobin,), {method: writes})(g=1)
    if method == "none":
        assert schedules._input_unchanged(schedule) == "pointer, correct, moved and generations left as handed over"
        return
    with pytest.raises(NotConforming, match=rf"Writes\.{method} changes the arrays that it is handed; "):
        schedules._input_unchanged(schedule)


def test_steps_between_offspring_go_round():
    """Of four chunks: one step back from 1 or forward from 0, against three forward from 0 or one forward from 1."""
    mine, its = np.tile([[1, 0], [0, 1]], (500, 1)), np.tile([[1, 2], [0, 3]], (500, 1))
    assert schedule_laws._same_law(mine, its, 4, 1e-6)
    assert not schedule_laws._same_law(mine, np.tile([[1, 1], [0, 0]], (500, 1)), 4, 1e-6)
    assert not schedule_laws._same_law(mine, np.tile([[2, 1], [0, 1]], (500, 1)), 4, 1e-6)
    assert schedule_laws._same_law(mine[:, :1], its[:, :1], 4, 1e-6)


def test_a_law_of_a_run_is_asked_for_by_the_names_of_its_parameters():
    kept = {}
    schedule, law = RoundRobin(g=2), all_blocks(schedule_laws.LAW, 6, Start(6), 1)

    def whole(law, k, g, start, lam, weak, schedule):
        kept.update(law=law, k=k, g=g, start=start, lam=lam, weak=weak, schedule=schedule)
        return known

    known = law
    assert schedule_laws._law(whole, schedule, 6, 3) is law
    assert kept == {
        "law": schedule_laws.LAW, "k": 6, "g": 2, "start": Start(6), "lam": 3, "weak": False, "schedule": schedule,
    }  # fmt: skip
    assert schedule_laws._law(lambda k, g: law, schedule, 6, 1) is law
    assert schedule_laws._law(lambda k, g: law, schedule, 6, 2) is None
    assert schedule_laws._law(lambda k, lam: law, schedule, 6, 1) is None
    assert schedule_laws._law(lambda k: law, RoundRobin(g=1), 6, 1) is law

    def refuses(k, g):
        raise NoPrediction("no")

    assert schedule_laws._law(refuses, schedule, 6, 1) is None
    with pytest.raises(NotConforming, match=r"^RoundRobin\.run_law must return an evo\.theory\.RunLaw, got 3$"):
        schedule_laws._law(lambda k, g: 3, schedule, 6, 1)


def test_choices_side_by_side_are_of_the_same_parents_and_moves():
    asked = []

    class Keeps(RoundRobin):
        def choose(self, pointer, correct, m, ahead, lam, rng):
            asked.append(("choose", correct.copy(), pointer.copy(), lam))
            return super().choose(pointer, correct, m, ahead, lam, rng)

        def advance(self, pointer, moved, m, generations):
            asked.append(("advance", moved.copy(), generations.copy(), m))
            return super().advance(pointer, moved, m, generations)

    found = schedule_laws._side_by_side(Keeps(g=2), Keeps(g=2), 6, 3)
    assert len(found) == 12
    assert {each.shape for pair in found for each in pair} == {(4000, 3)}
    assert [pair[0][0].tolist() for pair in found] == [[step % 3] * 3 for step in range(12)]
    for generation in range(12):
        mine, its, moved, its_moved = asked[4 * generation : 4 * generation + 4]
        np.testing.assert_array_equal(mine[1], its[1])
        np.testing.assert_array_equal(moved[1], its_moved[1])
        assert [each[0] for each in (mine, its, moved, its_moved)] == ["choose", "choose", "advance", "advance"]
        assert (mine[3], moved[3]) == (3, 3)
        assert set(moved[2].tolist()) == {1}
    assert len({each[1].tobytes() for each in asked}) == 24  # others in each generation


# ------------------------------------------------------------------------------------------- programs


def counted(calls):
    """Counts of runs that made so many calls, half of each by either of two roles."""
    ledger = np.zeros((len(calls), 2, 8), dtype=np.int64)
    ledger[:, 0, 0], ledger[:, 1, 0] = np.array(calls) // 2, np.array(calls) - np.array(calls) // 2
    ledger[:, :, 1:] = 5
    return SimpleNamespace(ledger=ledger)


@pytest.mark.parametrize(("stated", "said"), [
    ((2.0, 2.0), ""), ((0, 2), ""), ((2, 9), ""), ((0.0, 1.9), "says 0 to 1.9"), ((2.1, 3), "says 2.1 to 3"),
    ((3, 2), "bounds of the mean"), ((-1, 2), "bounds of the mean"), ((0, float("inf")), "bounds of the mean"),
    ([1, 2], "bounds of the mean"), ((1, 2, 3), "bounds of the mean"), ((1,), "bounds of the mean"),
    ((0, float("nan")), "bounds of the mean"),
])  # fmt: skip
def test_a_mean_of_calls_is_within_what_is_stated_both_ends_included(stated, said):
    program, counts = SimpleNamespace(calls_between=stated), counted([2] * 100)
    if not said:
        told = checks._bounds(program, counts)
        assert told == f"mean calls 2, within {stated[0]:g} to {stated[1]:g}"
        return
    with pytest.raises(NotConforming) as found:
        checks._bounds(program, counts)
    assert said in str(found.value)


@pytest.mark.parametrize("runs", [4, 1000])
@pytest.mark.parametrize("tests", [1, 16])
@pytest.mark.parametrize(("beside", "passed"), [(0.999, True), (1.001, False), (-0.999, True), (-1.001, False)])
def test_a_mean_may_be_off_by_what_chance_allows(runs, tests, beside, passed):
    """Of n runs with 1 or 3: a standard error of sqrt(1/(n-1)); two-sided, at 1e-6 in all tests together."""
    assert checks._off(np.zeros(10), 0.0, tests) == checks._off(np.ones(10), 1.0, tests) == ""
    off = beside * NormalDist().inv_cdf(1 - 1e-6 / tests / 2) / np.sqrt(runs - 1)
    assert checks._off(np.tile([1.0, 3.0], runs // 2), 2 + off, tests) == ("" if passed else "2")
    assert checks._off(np.full(10, 2.0), 2 * (1 + beside * 1e-9), tests) == ("" if passed else "2")


def test_who_says_nothing_of_a_runners_generations_is_not_checked():
    with pytest.raises(DoesNotApply, match="a generation is lam offspring of chosen parents"):
        runners._own_generations(Archive(2))
    with pytest.raises(DoesNotApply, match="every generation has lam offspring"):
        runners._adjusting(Archive(2))
    with pytest.raises(DoesNotApply, match="the runner looks at fitness alone"):
        runners._features(Archive(2))
