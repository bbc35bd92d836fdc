"""What a schedule declares of itself is compared by its checks in each size, with its share of what may fail."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from evo.conformance import schedule_laws
from evo.conformance.results import NotConforming
from evo.conformance.schedule_laws import LAW
from evo.search import Search
from evo.theory import Start, all_blocks, round_robin

ALPHA = 1e-6


def declaring(schedule, **declared):
    """A schedule of its own class that does as another one, and declares something."""
    return type("Declares", (type(schedule),), declared)(schedule.g)


# ------------------------------------------------------------------------------------------- the same as another


def test_choices_are_compared_in_four_sizes_with_one_offspring_and_three(monkeypatch):
    asked, rates = [], []
    rows = [(np.zeros((4, 3), int), np.zeros((4, 3), int))] * 12
    monkeypatch.setattr(schedule_laws, "_side_by_side", lambda *given: asked.append(given) or rows)
    monkeypatch.setattr(schedule_laws, "same_law", lambda *given: rates.append(given[3:]))
    schedule, same = declaring(UniformChunk(2), same_as=UniformChunk(2)), UniformChunk(2)
    monkeypatch.setattr(schedule_laws, "served", lambda schedule: (12, 8, 2, 4, 16))
    assert schedule_laws.same_as_holds(schedule, ALPHA).startswith("chooses as UniformChunk(g=2) for 12 generations")
    assert asked == [(schedule, same, k, lam) for k in (12, 8, 2, 4) for lam in (1, 3)]
    # Of eight sizes and twelve generations each, half for the first choice, half for the steps to the second.
    assert rates == [(k, pytest.approx(ALPHA / 8 / 12 / 2)) for k in (12, 8, 2, 4) for _ in range(2 * 12 * 2)]


@pytest.mark.parametrize("k", [12, 8, 2, 4])
def test_other_chunks_of_one_size_are_found(monkeypatch, k):
    monkeypatch.setattr(schedule_laws, "served", lambda schedule: (12, 8, 2, 4))
    monkeypatch.setattr(schedule_laws, "_side_by_side", lambda *given: [])
    schedule = declaring(RoundRobin(1), same_as=RoundRobin(1))
    type(schedule).chunk_size = lambda self, blocks: 2 if blocks == k else 1
    with pytest.raises(NotConforming, match=rf"is RoundRobin\(g=1\), which cuts k = {k} blocks into other chunks$"):
        schedule_laws.same_as_holds(schedule, ALPHA)


@pytest.mark.parametrize(("same", "passed"), [(OnlyIncorrect(1), False), (UniformChunk(1), True)])
@pytest.mark.parametrize("generation", [1, 12])
def test_one_choice_that_differs_is_found_where_nothing_is_drawn(monkeypatch, generation, same, passed):
    """Of a schedule that draws the laws are compared."""
    rows = [(np.zeros((4, 1), int), np.zeros((4, 1), int)) for _ in range(12)]
    rows[generation - 1][0][2] = 1
    monkeypatch.setattr(schedule_laws, "served", lambda schedule: (12,))
    monkeypatch.setattr(schedule_laws, "_side_by_side", lambda *given: rows)
    schedule = declaring(RoundRobin(1), same_as=same)
    if passed:
        assert "of parents of all kinds" in schedule_laws.same_as_holds(schedule, ALPHA)
        return
    with pytest.raises(NotConforming, match=f"other chunks in generation {generation} of k = 12 blocks, lam = 1; decl"):
        schedule_laws.same_as_holds(schedule, ALPHA)


# ------------------------------------------------------------------------------------------- the law of a run


def test_a_law_of_a_run_is_compared_in_the_four_smallest_sizes_with_one_offspring_and_three(monkeypatch):
    asked = []
    monkeypatch.setattr(schedule_laws, "served", lambda schedule: (12, 7, 3, 1, 16))
    monkeypatch.setattr(schedule_laws, "_off", lambda *given: asked.append(given) or "")
    law = object()
    monkeypatch.setattr(schedule_laws, "_law", lambda formula, of, k, lam: None if (k, lam) == (3, 3) else law)
    schedule = declaring(RoundRobin(1), run_law=staticmethod(round_robin))
    compared = [(k, lam) for k in (1, 3, 7, 12) for lam in (1, 3) if (k, lam) != (3, 3)]
    assert schedule_laws.run_law_holds(schedule, ALPHA) == (
        "the laws of hit and generations, lam and calls on the last chunk are those of 10,000 runs for "
        + "; ".join(f"k = {k}, lam = {lam}" for k, lam in compared)
    )
    for (of, search, alpha), (k, lam) in zip(asked, compared, strict=True):
        assert of is law
        assert (search.problem.k, search.schedule, search.runner) == (k, schedule, OnePlusLambda(lam))
        assert alpha == pytest.approx(ALPHA / 8)


def compared_with(monkeypatch, hit, generations, shortfalls=None):
    """Runs that ended so, and what laws were compared with them, by a distance of a quarter and these p-values."""
    asked, p_values = [], {"hit": 1.0, "generations": 1.0, "last": 1.0}
    counts = SimpleNamespace(hit=np.array(hit), generations=np.array(generations), shortfalls=shortfalls)

    def distance(times, runs, law, last):
        asked.append((times.tolist(), runs, law, last))
        return 0.25 if len(asked) == 1 else 0.75

    def mean(*given):
        asked.append(given)
        return p_values["last"]

    monkeypatch.setattr(schedule_laws, "run_batch", lambda *given: (counts, None))
    monkeypatch.setattr(schedule_laws, "law_distance", distance)
    monkeypatch.setattr(
        schedule_laws, "dkw_p_value", lambda runs, far: p_values["hit" if far == 0.25 else "generations"]
    )
    monkeypatch.setattr(schedule_laws, "bounded_mean_p_value", mean)
    return asked, p_values


def searched(k, schedule, lam=3):
    return Search(schedule_laws._Counted(k), schedule_laws._FixKeep(), schedule, OnePlusLambda(lam))


BESIDE = pytest.mark.parametrize("beside", [1.001, 0.999])


def test_laws_are_compared_up_to_where_the_first_run_without_a_hit_was_left(monkeypatch):
    law, search = all_blocks(LAW, 6, Start(6), 3), searched(6, AllBlocks())
    asked, _ = compared_with(monkeypatch, [3, -1, 5, -1], [1, 9, 2, 7])
    assert schedule_laws._off(law, search, ALPHA) == ""
    assert asked == [([3, 5], 10_000, law.hit, 3 * 7), ([1, 2], 10_000, law.generations, 7)]
    asked, _ = compared_with(monkeypatch, [3, 5], [1, 2])
    assert schedule_laws._off(law, search, ALPHA) == ""
    assert [last for *_, last in asked] == [np.inf, np.inf]


@BESIDE
@pytest.mark.parametrize(("which", "distance"), [("hit", "0.250"), ("generations", "0.750")])
def test_each_of_two_laws_has_a_third_of_what_may_fail(monkeypatch, which, distance, beside):
    law, search = all_blocks(LAW, 6, Start(6), 3), searched(6, AllBlocks())
    _, p_values = compared_with(monkeypatch, [3, 5], [1, 2])
    p_values[which] = beside * ALPHA / 3
    assert schedule_laws._off(law, search, ALPHA) == ("" if beside > 1 else f"{distance} in P({which} <= t) for some t")


@BESIDE
def test_calls_on_a_shorter_last_chunk_have_a_third(monkeypatch, beside):
    """Chunks of 4 and 2 blocks: two blocks too few are one call on the last."""
    law, search = round_robin(LAW, 6, 4, Start(6), 3), searched(6, RoundRobin(4))
    asked, p_values = compared_with(monkeypatch, [3, 5], [1, 2], shortfalls=np.array([[40_000, 1], [20_000, 1]]))
    p_values["last"] = beside * ALPHA / 3
    on_last = law.calls_on_last_chunk
    told = f"last_chunk = {on_last:.4g} expected calls on the shorter last chunk, 3 in runs"
    assert schedule_laws._off(law, search, ALPHA) == ("" if beside > 1 else told)
    total, runs, expected, calls = asked[2]
    assert (total, runs, expected, calls) == (30_000, 10_000, on_last, law.calls)


def test_calls_on_the_last_chunk_are_compared_where_all_runs_hit_and_their_law_is_known(monkeypatch):
    law, search = round_robin(LAW, 6, 4, Start(6), 3), searched(6, RoundRobin(4))
    asked, p_values = compared_with(monkeypatch, [3, -1], [1, 9], shortfalls=np.array([[40_000], [20_000]]))
    p_values["last"] = 0.0
    assert schedule_laws._off(law, search, ALPHA) == ""
    assert len(asked) == 2
    assert schedule_laws._off(replace(law, lam=1), search, ALPHA) == (
        "lam = 1 where it is 3: what is paid for is lam calls a generation"
    )


@pytest.mark.parametrize(("calls", "said"), [(0.0, ""), (2.5, "last_chunk = 2.5, where no chunk is shorter")])
def test_where_no_chunk_is_shorter_no_calls_go_to_one(monkeypatch, calls, said):
    compared_with(monkeypatch, [3, 5], [1, 2])
    law = replace(all_blocks(LAW, 6, Start(6), 3), last_chunk=lambda: calls)
    assert schedule_laws._off(law, searched(6, AllBlocks()), ALPHA) == said
