"""Which solutions a problem is shown by its checks, and how far what it says may be off; faults in one place alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evo.conformance import evaluations, landscapes, problem_checks, problems
from evo.conformance.results import FALSE_FAIL_RATE, NotConforming
from evo.evaluation import Reading
from evo.landscapes import Leading, OfCounts, OnlyOptimum, Weighted
from evo.theory import Start
from problems import BlockOneMax, Noisy

ALPHA = 1e-6


def says(checks, name):
    return next(check for check in checks if check.name == name).result()


# ------------------------------------------------------------------------------------------- solutions


@pytest.mark.parametrize("k", [1, 3, 12])
def test_all_solutions_of_few_blocks_are_judged(k):
    shown = problems._solutions(SimpleNamespace(k=k))
    assert (shown.dtype, shown.shape) == (np.bool_, (2**k, k))
    assert {tuple(row) for row in shown.tolist()} == set(product((False, True), repeat=k))


@pytest.mark.parametrize(("k", "near"), [(13, 13), (2000, 2000), (2003, 2000)])
def test_of_many_blocks_random_ones_the_neighbours_of_the_optimum_and_the_optimum_are_judged(k, near):
    shown = problems._solutions(SimpleNamespace(k=k))
    assert (shown.dtype, shown.shape) == (np.bool_, (2000 + near + 1, k))
    shares = shown[:2000].mean(axis=1)
    assert shares.min() < 0.1
    assert shares.max() > 0.9
    assert (shown[2000:-1].argmin(axis=1) == np.arange(near)).all()
    assert ((~shown[2000:-1]).sum(axis=1) == 1).all()
    assert shown[-1].all()


@dataclass(frozen=True)
class Sum:
    """The number of correct blocks; `off` where `at` says."""

    k: Any = 4
    l: Any = 1
    at: Any = None
    off: float = 1.0

    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=bool)

    def fitness(self, correct):
        return correct.sum(axis=-1) + (0.0 if self.at is None else self.off * self.at(correct))


class Own(int):
    """A whole number of another type."""


@pytest.mark.parametrize(("name", "size", "passed"), [
    ("k", 1, True), ("l", 1, True), ("k", np.int64(2), True), ("k", Own(2), True), ("k", True, False),
    ("l", True, False),
    ("k", 0, False), ("l", 0, False), ("k", 2.0, False), ("l", "1", False), ("k", -1, False),
])  # fmt: skip
def test_sizes_are_whole_numbers_from_one_on(name, size, passed):
    told = says(problem_checks(Sum(**{"k": 4, name: size})), "sizes")
    assert told.passed is passed, told
    assert told.message == (
        f"k = {size if name == 'k' else 4} blocks of l = 1 tokens" if passed else
        f"Sum.{name} must be a whole number >= 1, got {size!r}"
    )  # fmt: skip


@pytest.mark.parametrize(("off", "passed"), [(0.999, True), (1.0, False), (1.5, False)])
def test_a_second_best_solution_is_below_the_best(off, passed):
    """Of four blocks the first three have as much more as `off`: 3 + off against 4."""
    told = says(problem_checks(Sum(at=lambda x: x[..., :3].all(-1) & ~x[..., 3], off=off)), "optimum")
    assert told.passed is passed, told
    assert told.message == (
        "all blocks correct is the only best one of all solutions" if passed else
        "the solution with all blocks correct must be the only best one; it has fitness 4, and one with 3 of 4 "
        f"correct has {3 + off:g}"
    )  # fmt: skip
    assert says(problem_checks(Sum(1)), "optimum").passed is True
    assert says(problem_checks(Sum(13)), "optimum").message == (
        "all blocks correct is the only best one of 2,014 solutions"
    )


def count_of_rows(rows):
    """True for the last solution where so many are asked for at once."""
    return lambda x: (np.arange(x.shape[-2]) == x.shape[-2] - 1) & (x.shape[-2] == rows) & (x.ndim == 2)


@pytest.mark.parametrize(("at", "said"), [
    (count_of_rows(16), "Sum.fitness gives a solution 5 among others and 4 alone; the last axis holds the blocks"),
    (count_of_rows(1), "Sum.fitness gives a solution 0 among others and 1 alone; the last axis holds the blocks"),
    (lambda x: (x.ndim == 3) & (np.arange(x.shape[-2]) == 0), "Sum.fitness gives other values for [2, n, k] than for"),
])  # fmt: skip
def test_a_fitness_that_depends_on_what_stands_beside_is_found(at, said):
    told = says(problem_checks(Sum(at=at)), "fitness")
    assert (told.passed, told.message[: len(said)]) == (False, said)


def test_both_ends_of_the_solutions_are_asked_for_alone():
    asked = []
    records = type("Records", (Sum,), {"fitness": lambda self, x: asked.append(x.copy()) or x.sum(-1)})
    assert says(problem_checks(records(13)), "fitness").passed
    alone = [x[0].tolist() for x in asked if x.shape == (1, 13)]
    shown = problems._solutions(Sum(13)).tolist()
    assert len(alone) == 50
    assert (alone[0], alone[-1]) == (shown[0], shown[-1])
    assert asked[-1].shape == (2, 50, 13)
    assert asked[-1][0].tolist() == alone == asked[-1][1][::-1].tolist()


def test_the_false_fail_rate_of_a_problem_is_shared_by_what_is_drawn(monkeypatch):
    """Five shares: a batch, its rows, a start, and two of evaluations, which are one where fitness is seen exactly."""
    rates = []
    monkeypatch.setattr(problems, "batch_as_loop", lambda *given: rates.append(given[-1]) or f"{given[2]} categories")
    monkeypatch.setattr(problems, "initial_law_holds", lambda *given: rates.append(given[-1]) or "")
    monkeypatch.setattr(problems, "evaluation_checks", lambda *given: rates.append(given[-1]) or [])
    monkeypatch.setattr(problems, "drawn_checks", lambda *given: rates.append(given[-1]) or {"batch as loop": given[2]})
    asked = problem_checks(declaring(OnlyOptimum()))
    assert says(asked, "batch as loop").message == "5 categories"
    problem = type("Starts", (Sum,), {"initial_law": property(lambda self: Start(4)), "initial": Sum.initial})(4)
    assert says(problem_checks(problem), "initial law").passed
    assert rates == [pytest.approx(FALSE_FAIL_RATE / 5)] * 6


def test_of_a_problem_that_is_seen_with_errors_the_one_inside_is_judged_by_what_it_declares():
    inside = BlockOneMax(4, 1, start=0.5)
    made = problem_checks(Noisy(inside, 1.0))
    for name in ("landscape", "initial law"):
        found, expected = says(made, name), says(problem_checks(inside), name)
        assert (found.passed, found.message) == (True, expected.message)
    assert not {"landscape", "initial law"} & {check.name for check in problem_checks(Sum())}


# ------------------------------------------------------------------------------------------- change


@pytest.mark.parametrize(("k", "g", "start"), [(7, 2, 3), (7, 7, 0), (1, 1, 0), (600, 3, 597)])
def test_pairs_differ_in_the_chunk_alone_and_end_at_the_optimum(k, g, start):
    before, after = landscapes._pairs(k, g, start, np.random.default_rng(1))
    rows, near = landscapes.ROWS, min(k, 500)
    assert before.shape == after.shape == (2 * rows + near, k)
    assert (before.dtype, after.dtype) == (np.bool_, np.bool_)
    outside = np.delete(before != after, np.s_[start : start + g], axis=1)
    assert not outside.any()
    assert k == 1 or before[: rows // 2].mean() > 0.8  # nearly right
    assert 0.3 < before[rows // 2 : rows].mean() < 0.7
    assert ((~before[rows : rows + near]).sum(axis=1) == 1).all()
    assert (before[rows : rows + near].argmin(axis=1) == np.arange(near)).all()
    last = before[-rows:, start : start + g]
    assert after[-rows:].all()
    assert len({tuple(row) for row in last.tolist()}) >= min(2**g, 100)  # any chunk is the last to be mended
    inside = after[:rows, start : start + g].mean(axis=1)
    assert inside.min() == 0
    assert inside.max() == 1


def test_a_change_is_asked_for_at_both_ends_and_in_the_middle():
    asked = set()

    def compared(problem, before, after, chunk):
        asked.add((chunk.start, chunk.stop - chunk.start))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landscapes, "_compare", compared)
        offers = type("Offers", (Sum,), {"fitness": Sum.fitness, "change": lambda self, before, after: 0})
        said = [landscapes.change_is_of_fitness(offers(k)) for k in (12, 3, 8)]
    expected = {
        (start, g) for k, lengths in ((12, (*range(1, 9), 12)), (3, (1, 2, 3)), (8, range(1, 9)))
        for g in lengths for start in (0, (k - g) // 2, k - g)
    }  # fmt: skip
    assert asked == expected
    assert [each.split(", for ")[1] for each in said] == [
        "g = 1, 2, 3, 4, 5, 6, 7, 8, 12 of k = 12", "g = 1, 2, 3 of k = 3", "g = 1, 2, 3, 4, 5, 6, 7, 8 of k = 8",
    ]  # fmt: skip


@pytest.mark.parametrize(("scale", "off", "passed"), [
    (1, 0.9e-9, True), (1, 1.1e-9, False), (1000, 1.8e-6, True), (1000, 2.2e-6, False), (1000, -2.2e-6, False),
    (0.01, 0.9e-9, True), (0.01, 1.1e-9, False),
])  # fmt: skip
def test_a_change_may_be_off_by_rounding(scale, off, passed):
    """A billionth of the largest change, which is 2 * scale or a block's, and of 1 at least."""
    before, after = np.zeros((3, 4), dtype=bool), np.zeros((3, 4), dtype=bool)
    after[0, 1], after[1, 1:3] = True, scale > 1

    class Offers(Sum):
        def fitness(self, correct):
            return correct.sum(axis=-1) * float(scale)

        def change(self, old, new):
            gained = (new.sum(axis=-1) - old.sum(axis=-1, dtype=float)) * scale
            return gained + off * (np.arange(len(gained)) == 0)

    if passed:
        landscapes._compare(Offers(), before, after, slice(1, 3))
        return
    with pytest.raises(NotConforming, match=r"^Offers.change says .* where fitness changes by .* \(g = 2\); offer it"):
        landscapes._compare(Offers(), before, after, slice(1, 3))


# ------------------------------------------------------------------------------------------- landscapes


X = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=bool)


@pytest.mark.parametrize(("landscape", "expected"), [
    (OfCounts((5, 3, 9)), [5, 3, 3, 9]), (Weighted((2, 7)), [0, 2, 7, 9]), (Leading(), [0, 1, 0, 2]),
])  # fmt: skip
def test_what_landscapes_say_of_two_blocks(landscape, expected):
    said = landscapes._expected(landscape, X)
    assert (said.dtype, said.tolist()) == (np.float64, expected)
    assert landscapes._expected(OnlyOptimum(), X) is None


ORDERS = [
    ([0, 1, 2, 3], [0, 5, 6, 9], True, ""),
    ([0, 1, 1, 3], [0, 5, 5, 9], True, ""),
    ([0, 1, 1, 3], [0, 5, 5 + 8e-9, 9], True, ""),
    ([0, 1, 1, 3], [0, 5, 5 + 10e-9, 9], False, "01 must be as good as 10"),
    ([0, 1, 1 + 2e-12, 3], [0, 5, 5, 9], True, ""),
    ([0, 1, 1 + 4e-12, 3], [0, 5, 5, 9], False, "01 must be better than 10"),
    ([0, 1, 2, 3], [0, 5, 5, 9], False, "01 must be better than 10"),
    ([0, 1, 2, 3], [0, 5, 6, 5.5], False, "11 must be better than 01"),
    ([3, 2, 1, 0], [9, 6, 6 + 1e-12, 0], False, "10 must be better than 01"),
    ([0, 1e-13, 1, 1], [0, 0, 1e-3, 1e-3 + 0.9e-9], True, ""),
    ([0, 0, 1, 1], [0, 1e-9, 1, 1], True, ""),
    ([0, 0, 1, 1], [0, np.nextafter(1e-9, 1), 1, 1], False, "10 must be as good as 00"),
    ([0, 1e-12, 1, 1], [0, 0, 1, 1], True, ""),
    ([0, np.nextafter(1e-12, 1), 1, 1], [0, 0, 1, 1], False, "10 must be better than 00"),
]


@pytest.mark.parametrize(("expected", "values", "passed", "said"), ORDERS)
def test_ranks_and_ties_are_those_of_the_landscape_but_for_rounding(expected, values, passed, said):
    """Values differ from a billionth of the largest on, and of 1; what is said of them from 1e-12 of it on."""
    given = X, np.array(values, dtype=float), np.array(expected, dtype=float)
    if passed:
        landscapes._expect_order("It is so", *given)
        return
    with pytest.raises(NotConforming, match=f"^It is so, so that {said}; their fitness is "):
        landscapes._expect_order("It is so", *given)


def declaring(landscape, **fields):
    """A problem that declares a landscape."""
    body = {"landscape": property(lambda self: landscape), "fitness": Sum.fitness, "__module__": __name__}
    return dataclass(frozen=True)(type("Declares", (Sum,), body))(**fields)


@pytest.mark.parametrize(("landscape", "at", "off", "passed"), [
    (OfCounts(range(5)), lambda x: x[..., 0], 3e-9, True), (OfCounts(range(5)), lambda x: x.any(-1), 5e-9, False),
    (OfCounts(range(5)), lambda x: 1 + x[..., 0] * 0, 5e-9, False),
    (Weighted([1] * 4), lambda x: x.any(-1) | 1, 5.0, True),
    (Weighted([1] * 4), lambda x: x.any(-1), 5e-9, False), (Weighted([1] * 4), lambda x: x.any(-1), 3e-9, True),
    (Weighted([1] * 4), lambda x: x.any(-1), -5e-9, False),
])  # fmt: skip
def test_a_fitness_is_that_of_its_landscape_but_for_rounding_and_a_constant_of_a_linear_one(landscape, at, off, passed):
    problem = declaring(landscape, at=at, off=off)
    if passed:
        # All 16, five beginnings, and each of these with the last block correct, and with the others turned.
        assert landscapes.landscape_holds(problem, problems._solutions(problem)).endswith(" holds for 31 solutions")
        return
    with pytest.raises(NotConforming, match=r"\.landscape is (OfCounts|Weighted) and says \S+ of [01]{4}, whose fit"):
        landscapes.landscape_holds(problem, problems._solutions(problem))


def test_beginnings_of_every_length_are_judged_and_a_correct_block_behind():
    """Of 30 blocks that are random nearly none begins with more than a few correct ones."""
    places = (
        lambda x: x[..., :17].all(-1) & ~x[..., 17],
        lambda x: x[..., :20].all(-1) & ~x[..., 20] & x[..., -1],
        lambda x: (x.sum(-1) == 1) & x[..., -1],
    )
    for at in places:
        problem = declaring(Leading(), k=30, at=at, off=100.0)
        type(problem).fitness = lambda self, x: np.cumprod(x, axis=-1).sum(axis=-1) + self.off * self.at(x)
        with pytest.raises(NotConforming, match=r"Declares\.landscape is Leading, so that "):
            landscapes.landscape_holds(problem, np.zeros((1, 30), dtype=bool))


@pytest.mark.parametrize(("law", "one", "two"), [
    (Start(4, p0=0.3), 0.7, 0.49), (Start(4, incorrect=2), 0.5, 1 / 6), (Start(4, incorrect=1), 0.25, 0),
    (Start(1, incorrect=1), 1, 1), (Start(4, incorrect=4), 1, 1), (Start(5, incorrect=3), 0.6, 0.3),
])  # fmt: skip
def test_how_often_a_block_and_two_blocks_are_incorrect(law, one, two):
    assert landscapes._rates(law) == pytest.approx((one, two))


def test_counts_that_were_seen_or_are_likely_are_compared():
    wrong = np.arange(30) < np.array([[3], [30], [3]])
    law = Start(30, p0=0.5)
    likely = {*np.argsort(law.law())[-20:].tolist()}
    compared = landscapes._counts(law, wrong)
    assert [j for j, _ in compared] == sorted(likely | {3, 30})
    assert [p for _, p in compared] == pytest.approx([math.comb(30, j) / 2**30 for j, _ in compared])


@pytest.mark.parametrize(("beside", "passed"), [(1.01, True), (0.99, False)])
def test_a_start_fails_with_less_than_its_share_for_each_event(monkeypatch, beside, passed):
    """Of four blocks: one count that is seen and four that are not, four blocks and three pairs of neighbours."""
    asked = []
    monkeypatch.setattr(landscapes, "INITIAL", 300)
    monkeypatch.setattr(landscapes, "binomial_p_value", lambda *given: asked.append(given) or beside * ALPHA / 12)
    problem = type("Starts", (Sum,), {"initial_law": property(lambda self: Start(4)), "initial": Sum.initial})(4)
    if passed:
        assert landscapes.initial_law_holds(problem, ALPHA) == (
            "300 initial solutions have the law Start(k=4, p0=0.0, incorrect=None)"
        )
        assert asked == [(0, 300, 0.0)] * 4 + [(300, 300, 1.0)] * 8
        return
    with pytest.raises(NotConforming, match=r"^P\(0 of 4 blocks are incorrect\) is 0\.0000 by initial_law = Start\("):
        landscapes.initial_law_holds(problem, ALPHA)


# ------------------------------------------------------------------------------------------- evaluation


class Reads(Sum):
    """Keeps what it is asked to evaluate; how many evaluations it takes is given, in the order of the readings."""

    def __init__(self, taken=(1, 1, 1, 1, 1), each=(1, 1)):
        super().__init__()
        for name, value in (("taken", iter(taken)), ("evaluations_each", each), ("asked", [])):
            object.__setattr__(self, name, value)

    def evaluate(self, correct, rng, changed=None, judgements=None):
        self.asked.append((correct, changed, judgements))
        taken = np.ones(len(correct), dtype=int)
        taken[-1] = next(self.taken, 1)
        return Reading(correct.sum(axis=-1) + 0.0, taken, np.column_stack([correct[:, 0], np.arange(len(correct))]))


def test_offspring_and_the_same_solutions_again_are_evaluated_with_what_was_found_of_the_parents():
    problem = Reads()
    told = evaluations._history(problem, np.random.default_rng(1))
    (parents, none, nothing), (children, changed, before), (again, none_again, same) = problem.asked
    assert (none, nothing, none_again) == (None, None, None)
    assert np.shares_memory(parents, again)
    assert (parents.dtype, parents.shape) == (np.bool_, (200, 4))
    assert abs(parents.mean() - 0.5) < 0.1
    np.testing.assert_array_equal(children, np.where(changed, ~parents, parents))
    assert 0.2 < changed.mean() < 0.4
    np.testing.assert_array_equal(before[:, 0], parents[:, 0])
    assert np.shares_memory(same, before)
    assert np.shares_memory(before, told[0][2].judgements)
    assert [what for what, _, _ in told] == ["solutions", "offspring", "the same solutions again"]
    assert [
        np.shares_memory(solutions, asked[0]) for (_, solutions, _), asked in zip(told, problem.asked, strict=True)
    ] == [True] * 3


@pytest.mark.parametrize(("taken", "each", "said"), [
    ((1, 1, 1, 1, 1), (1, 1), ""), ((1, 1, 1, 2, 1), (1, 2), ""), ((1, 1, 1, 0, 0), (1, 2), ""),
    ((1, 1, 0, 1, 1), (1, 1), "solutions took 0 to 1"), ((1, 1, 1, 3, 1), (1, 2), "offspring took 1 to 3"),
    ((1, 1, 1, 1, 3), (1, 2), "the same solutions again took 1 to 3"),
    ((1, 1, 2, 1, 1), (1, 1), "solutions took 1 to 2"),
    ((), (0, 1), ""), ((), (0, math.inf), ""), ((), (-1, 2), "got (-1, 2)"), ((), (2, 1), "got (2, 1)"),
    ((), (0, math.nan), "got (0, nan)"), ((), (math.nan, 2), "got (nan, 2)"),
])  # fmt: skip
def test_evaluations_are_within_what_is_said_but_for_what_is_known(taken, each, said):
    """The first two readings are of 1 and of 7 solutions, then come parents, offspring and parents again."""
    problem = Reads(taken, each)
    if not said:
        assert evaluations._readings(problem) == "a Reading of n solutions, of offspring, and of the same again"
        assert [len(correct) for correct, _, _ in problem.asked] == [1, 7, 200, 200, 200]
        return
    with pytest.raises(NotConforming) as told:
        evaluations._readings(problem)
    assert str(told.value).endswith(said)


@pytest.mark.parametrize(("which", "passed"), [(None, True), (0, False), (1, False), (2, False)])
def test_an_evaluation_that_writes_into_what_it_is_handed_is_found(which, passed):
    """Into the solutions, what was rewritten, or what was found of the parents."""

    class Writes(Reads):
        def evaluate(self, correct, rng, changed=None, judgements=None):
            reading = super().evaluate(correct, rng, changed, judgements)
            handed = (correct, changed, judgements)
            if which is not None and handed[which] is not None:
                handed[which][...] ^= 1  # twice, and all is as it was
            return reading

    told = says(evaluations.evaluation_checks(Writes(), ALPHA), "evaluation")
    assert told.passed is passed, told
    assert passed or told.message == "Writes.evaluate changes what it is handed; copy it first"


def test_half_of_what_may_fail_is_for_a_batch_and_half_for_its_rows(monkeypatch):
    rates = []
    drawn = evaluations.drawn_checks
    monkeypatch.setattr(evaluations, "drawn_checks", lambda *given: rates.append(given[-1]) or drawn(*given))
    monkeypatch.setattr(evaluations, "_batch_as_loop", lambda rows, alpha: rates.append(alpha) or "said")
    made = evaluations.evaluation_checks(Noisy(BlockOneMax(4, 1), 1.0), ALPHA)
    assert says(made, "evaluation: batch as loop").message == "said"
    assert rates == [ALPHA / 2] * 2
    assert [each.name.removeprefix("evaluation: ") for each in made] == [
        "evaluation", "same for a seed", "global generators", "batch as loop", "rows independent",
    ]  # fmt: skip
    assert evaluations.evaluation_checks(Sum(), ALPHA) == []


def test_seen_fitness_is_compared_by_eighths(monkeypatch):
    """Of the numbers 0 to 79, whose order is no matter, ten are in each."""
    kept = []
    monkeypatch.setattr(evaluations, "LOOP_CALLS", 80)
    monkeypatch.setattr(evaluations, "batch_as_loop", lambda *given: kept.append(given) or "said")
    assert evaluations._batch_as_loop(lambda n, rng: np.arange(n)[::-1], 0.25) == "said"
    ((what, rows, most, alpha),) = kept
    assert (what, most, alpha) == ("eighth of the seen fitness", 8, 0.25)
    assert np.bincount(rows(80, None)).tolist() == [10] * 8
