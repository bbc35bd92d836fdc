"""The loop for several solutions and for evaluators that err, against the fast loop, exact values and a naive loop.

Statistical tests: fixed seed, false-fail rate 1e-6 each (|z| < 4.9).
"""

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Decomposed,
    InputError,
    Latency,
    Merged,
    OnePlusLambda,
    OnlyIncorrect,
    OperatorError,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine import one_parent, populations, run_batch
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.protocol import Pool
from evo.schedules import EachChunk, UniformSubset
from evo.search import Search
from evo.seeding import streams
from experiments.grids.cell import Cell
from operators import FixKeep, Malformed, Resample, Spill, Vote
from problems import BlockOneMax, Judged, Noisy

HALF = Resample(p=0.5)
Z = 4.9


def mean_and_error(counts):
    assert (counts.hit >= 0).all()
    return counts.hit.mean(), counts.hit.std(ddof=1) / np.sqrt(len(counts.hit))


def run(problem, schedule, runner, runs=4000, mutator=HALF, limits=(), seed=1, loop=run_batch):
    return loop(Search(problem, mutator, schedule, runner), Batch(streams(seed, "test", 0), runs, limits))[0]


@pytest.mark.some(at_least=16)
@pytest.mark.parametrize("accept", ["strict", "weak"])
@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("g", [1, 2])
@pytest.mark.parametrize("schedule", [UntilResolved, OnlyIncorrect], ids=["UntilResolved", "OnlyIncorrect"])
@pytest.mark.parametrize(
    "mutator",
    [FixKeep(0.5, 0.9), Malformed(HALF, 0.2), Spill(HALF, 0.1), Vote(HALF, 2)],
    ids=["FixKeep", "Malformed", "Spill", "Vote"],
)
def test_run_for_run_the_same_as_the_fast_loop(schedule, g, lam, accept, mutator):
    """Both take the same draws where no generation is made ahead."""
    if g > 1 and isinstance(mutator, Vote):
        g = 1  # votes are about one block
    limits = [Limit(1.0, 0.0, 300)]
    problem, runner = BlockOneMax(k=5, l=1, start=0.3), OnePlusLambda(lam, accept)
    fast = run(problem, schedule(g), runner, 200, mutator, limits, loop=one_parent.run_batch)
    slow = run(problem, schedule(g), runner, 200, mutator, limits, loop=populations.run_batch)
    for name in ("hit", "generations", "calls", "shortfalls", "evaluations"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), err_msg=name)


@pytest.mark.parametrize("lam", [1, 3])
@pytest.mark.parametrize("invalid", ["ignore", "down"])
def test_one_malformed_offspring_of_several_is_news_or_not_to_all_loops(invalid, lam):
    inside, hits = UntilResolved(invalid=invalid), []
    for schedule in (inside, Decomposed(inside, writes=3)):
        for loop in (one_parent.run_batch, populations.run_batch):
            made = run(BlockOneMax(5, 1, start=0.3), schedule, OnePlusLambda(lam), 200, Malformed(HALF, 0.4), loop=loop)
            hits.append(made.hit.tolist())
    assert all(each == hits[0] for each in hits)
    other = UntilResolved(invalid="down" if invalid == "ignore" else "ignore")
    twin = run(BlockOneMax(5, 1, start=0.3), other, OnePlusLambda(lam), 200, Malformed(HALF, 0.4))
    assert twin.hit.tolist() != hits[0]


@pytest.mark.parametrize("votes", [{}, {"votes": 3}, {"samples": 2}, {"ahead": 3, "samples": 2}], ids=str)
def test_a_judge_votes_on_the_blocks_that_changed_and_reports_the_longest_vote(votes):
    """Blocks that did not change keep what was said of them and take no votes; a sure judge needs as many as ahead."""
    correct, rng = np.array([[True, False, True]] * 4), np.random.default_rng(1)
    judge = Judged(BlockOneMax(3, 1), 0.0, 0.0, blocks="changed", **votes)
    before = judge.evaluate(~correct, rng)
    changed = np.array([[False] * 3, [True] * 3, [True, False, False], [False, False, True]])
    found = judge.evaluate(correct, rng, changed, before.judgements)
    fewest = int(judge.evaluations_each[0])
    assert found.evaluations.tolist()[1:] == [fewest] * 3
    assert "ahead" not in votes or found.evaluations[0] == 0
    assert found.seen.tolist() == np.where(changed, correct, ~correct).sum(axis=1).tolist()
    assert before.evaluations.tolist() == [fewest] * 4


@pytest.mark.parametrize(
    ("problem", "schedule", "exact"),
    [
        (Noisy(BlockOneMax(4, 1), 1.0), UniformChunk(), 29.499197769275200615),
        (Noisy(BlockOneMax(4, 1), 1.0, samples=4), UniformChunk(), 19.579922593687432261),
        (Noisy(BlockOneMax(10, 1), 1.0, samples=4), UniformChunk(), 79.489388778183688907),
        (Noisy(BlockOneMax(10, 1), 1.0), OnlyIncorrect(), 26.307137924622845987),
        (Noisy(BlockOneMax(4, 1), 0.0), RoundRobin(), 12.809523809523809524),
        (Judged(BlockOneMax(10, 1), 0.0, 0.0, votes=3), OnlyIncorrect(), 20.0),
        # one block, judged afresh on both sides: a call fixes it w.p. 1/2 and is accepted w.p. (1-fn)(1-fp)
        (Judged(BlockOneMax(1, 1), 0.1, 0.2, blocks="changed"), OnlyIncorrect(), 2 / (0.9 * 0.8)),
        (Judged(BlockOneMax(5, 1), 0.1, 0.2, blocks="changed"), OnlyIncorrect(), 10 / (0.9 * 0.8)),
    ],
)
def test_exact_means_under_noise(problem, schedule, exact):
    mean, error = mean_and_error(run(problem, schedule, OnePlusLambda()))
    assert abs(mean - exact) < Z * error
    assert error < 0.02 * exact, "too few runs to find a discrepancy of 10 %"


def test_a_wrong_value_would_be_found():
    mean, error = mean_and_error(run(Noisy(BlockOneMax(4, 1), 1.0), UniformChunk(), OnePlusLambda()))
    assert abs(mean - 1.1 * 29.4992) > Z * error


@pytest.mark.parametrize("runner", [Archive(5), Archive(5, "proportional"), Archive(5, "last"), MuPlusLambda(3),
                                    Archive(3, lam=4), Islands(3, 4, archive=5)], ids=str)  # fmt: skip
def test_global_mutation_does_not_care_whom_it_varies(runner):
    """Theory 1a: fix = keep makes every call a fresh draw, so hit ~ Geom(1/8) whoever the parent is."""
    mean, error = mean_and_error(run(BlockOneMax(3, 1), AllBlocks(), runner))
    assert abs(mean - 8.0) < Z * error


@pytest.mark.parametrize("runner", [Archive(1), Archive(1, "last"), MuPlusLambda(1)], ids=str)
def test_one_place_is_the_elitist_runner(runner):
    mean, error = mean_and_error(run(BlockOneMax(4, 1), UniformChunk(), runner))
    assert abs(mean - (4 / 0.5) * (1 + 1 / 2 + 1 / 3 + 1 / 4)) < Z * error


def test_each_chunk_repairs_one_block_a_generation():
    """Theory 11b: E[generations] = sum 1/(1-2^-i), here 21.606694198740672193 for k = 20."""
    counts = run(BlockOneMax(20, 1), EachChunk(), OnePlusLambda(lam=20), loop=one_parent.run_batch)
    error = counts.generations.std(ddof=1) / np.sqrt(len(counts.generations))
    assert abs(counts.generations.mean() - 21.606694198740672193) < Z * error < 0.2


@pytest.mark.parametrize("loop", [one_parent.run_batch, populations.run_batch])
def test_subsets_of_one_block_are_random_blocks(loop):
    mean, error = mean_and_error(run(BlockOneMax(4, 1), UniformSubset(1), OnePlusLambda(), loop=loop))
    assert abs(mean - 50 / 3) < Z * error


@pytest.mark.parametrize("loop", [one_parent.run_batch, populations.run_batch])
def test_subsets_of_two_blocks(loop):
    """K = 2: a subset of two is the whole solution; k = 3: a chain on the number of wrong blocks."""
    mean, error = mean_and_error(run(BlockOneMax(2, 1), UniformSubset(2), OnePlusLambda(), loop=loop))
    assert abs(mean - 4.0) < Z * error
    mean, error = mean_and_error(run(BlockOneMax(3, 1), UniformSubset(2), OnePlusLambda(), loop=loop))
    assert abs(mean - _subset_mean()) < Z * error


def _subset_mean():
    """E[calls] for k = 3, g = 2, p = 1/2 from all incorrect, by states i = 3, 2, 1 wrong blocks."""
    # from i = 1 (one wrong, two right): a pair with the wrong block w.p. 2/3, both right w.p. 1/4
    one = 1 / (2 / 3 / 4)
    # from i = 2: both wrong ones w.p. 1/3: to 0 w.p. 1/4, to 1 w.p. 1/2; one of each w.p. 2/3: to 1 w.p. 1/4
    two = (1 + (1 / 3 / 2 + 2 / 3 / 4) * one) / (1 / 3 / 4 + 1 / 3 / 2 + 2 / 3 / 4)
    # from i = 3: to 1 w.p. 1/4, to 2 w.p. 1/2
    return (1 + one / 4 + two / 2) / (3 / 4)


def test_evaluations_are_paid_for():
    counts = run(Noisy(BlockOneMax(4, 1), 1.0, samples=3), UniformChunk(), OnePlusLambda(2), 100)
    np.testing.assert_array_equal(counts.evaluations, 3 * 3 * counts.generations)
    counts = run(Noisy(BlockOneMax(2, 1), 0.1, samples=3, reevaluate=False), OnlyIncorrect(), OnePlusLambda(2), 100)
    np.testing.assert_array_equal(counts.evaluations, 2 * 3 * counts.generations)
    counts = run(Noisy(BlockOneMax(4, 1), 0.1, reevaluate=True), UniformChunk(), MuPlusLambda(3, 2), 100)
    np.testing.assert_array_equal(counts.evaluations, 5 * counts.generations)


@pytest.mark.parametrize(
    ("runner", "kept"),
    [
        (Archive(3, lam=2), [1, 3, 3, 3, 3]),
        (Archive(9, lam=2), [1, 3, 5, 7, 9]),
        (MuPlusLambda(3, 2), [3, 3, 3, 3, 3]),
        (OnePlusLambda(2), [1, 1, 1, 1, 1]),
    ],
    ids=str,
)
def test_places_that_are_empty_and_answers_that_cannot_be_applied_are_not_evaluated(runner, kept):
    """Five generations in which no block is repaired: those kept before each, and two offspring, three times each."""
    problem, limits = Noisy(BlockOneMax(4, 1), 0.5, samples=3), [Limit(1.0, 0.0, 10)]
    counts = run(problem, UniformChunk(), runner, 50, FixKeep(0.0, 1.0), limits)
    assert set(counts.generations.tolist()) == {5}
    assert set(counts.evaluations.tolist()) == {3 * (sum(kept) + 2 * 5)}
    broken = run(problem, UniformChunk(), runner, 50, Malformed(HALF, 1.0), limits)
    assert set(broken.evaluations.tolist()) == {3 * 5 * kept[0]}
    once = Noisy(BlockOneMax(4, 1), 0.5, samples=3, reevaluate=False)
    assert set(run(once, UniformChunk(), runner, 50, Malformed(HALF, 1.0), limits).evaluations.tolist()) == {0}


@pytest.mark.parametrize(("count", "migrate"), [(2, 1), (2, 3), (3, 2)])
def test_the_best_migrate_after_so_many_generations_of_each_island(count, migrate):
    """Generations go to the islands in turn, so that each has had `migrate` after count x migrate of them."""
    runner, seen = Islands(count, 2, archive=1, migrate=migrate), np.full((1, 2 * count), -np.inf)
    seen[0, ::2] = np.arange(1.0, count + 1)  # a free place on each island
    moved = []
    for generation in range(12):
        stay = runner.survivors(Pool(seen, np.arange(2 * count)[None], generation), np.array([[-np.inf]]))
        moved.append((stay != np.arange(2 * count)).any())
    assert [n + 1 for n, each in enumerate(moved) if each] == list(range(count * migrate, 13, count * migrate))


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("seen", "shares"),
    [((-5.0, 1.0, -np.inf, 3.0), (0, 1 / 4, 0, 3 / 4)), ((-5.0, 0.0, -np.inf, -1.0), (1 / 3, 1 / 3, 0, 1 / 3))],
    ids=["some", "all"],
)
def test_fitness_below_0_counts_as_0_where_parents_are_chosen_by_it(seen, shares):
    """40,000 draws: a share that is 0.0125 off is 5 standard errors off."""
    pool = Pool(np.tile(seen, (20_000, 1)), np.tile([7, 2, 9, 6], (20_000, 1)), 0)
    who = Archive(4, "proportional", lam=2).parents(pool, np.random.default_rng(6))
    assert np.abs(np.bincount(who.ravel(), minlength=4) / 40_000 - shares).max() < 0.0125


@pytest.mark.statistical
def test_elites_of_the_own_island_go_before_those_of_others():
    """All elites are two: where the island has one it is that, where it has none any of the two."""
    islands = Islands(3, 2, archive=2, explore=0.0, exploit=1.0, migrate=0)
    seen = np.tile([3.0, 9.0, 8.0, 1.0, 2.0, 0.0], (20_000, 1))
    for generation, shares in enumerate([(0, 1, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0), (0, 0.5, 0.5, 0, 0, 0)]):
        pool = Pool(seen, np.tile(np.arange(6), (20_000, 1)), generation)
        found = np.bincount(islands.parents(pool, np.random.default_rng(6)).ravel(), minlength=6) / 20_000
        assert np.abs(found - shares).max() < 0.0177  # 5 standard errors of a half


def test_a_trace_knows_truth_and_what_was_seen():
    problem = Noisy(BlockOneMax(4, 1), 1.0)
    counts, trace = run_batch(
        Search(problem, HALF, UniformChunk(), OnePlusLambda()), Batch(streams(1, "test", 0), 300, trace=True)
    )
    assert set(trace.fitness) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert (trace.seen != trace.fitness).all()
    last = {run: call for run, call in zip(trace.run.tolist(), trace.call.tolist(), strict=True)}
    assert [last[number] for number in range(300)] == counts.hit.tolist()


def test_a_larger_budget_prolongs_the_same_runs():
    problem = Noisy(BlockOneMax(6, 1), 1.0)
    short = run(problem, UniformChunk(), Archive(3), 100, limits=[Limit(1.0, 0.0, 30)])
    long = run(problem, UniformChunk(), Archive(3), 100, limits=[Limit(1.0, 0.0, 100)])
    hit = short.hit >= 0
    assert 0 < hit.sum() < 100
    np.testing.assert_array_equal(short.hit[hit], long.hit[hit])
    assert ((long.hit[~hit] > 30) | (long.hit[~hit] < 0)).all()


def test_who_migrates_does_not_displace_the_newcomer():
    """Both places of the second island are free: one for the offspring, one for the migrant."""
    runner = Islands(2, 2, archive=4, migrate=1)
    pool = Pool(np.array([[3.0, 1.0, -np.inf, -np.inf]]), np.array([[1, 2, 0, 0]]), 1)
    stay = runner.survivors(pool, np.array([[2.0]]))
    assert sorted(stay[0, 2:].tolist()) == [0, 4]
    assert stay[0, 0] == 0
    full = Pool(np.array([[3.0, 1.0, 0.5, 0.7]]), np.array([[1, 2, 3, 4]]), 1)
    assert sorted(runner.survivors(full, np.array([[9.0]]))[0, 2:].tolist()) == [0, 4]


def test_a_decomposed_schedule_hands_out_subsets():
    plain = run(BlockOneMax(4, 1), UniformSubset(2), OnePlusLambda(), 200)
    paid = run(BlockOneMax(4, 1), Decomposed(UniformSubset(2), writes=1), OnePlusLambda(), 200)
    np.testing.assert_array_equal(plain.hit, paid.hit)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Noisy(BlockOneMax(4, 1), -1.0), "sigma must be a finite number >= 0"),
        (lambda: Noisy(BlockOneMax(4, 1), 1e308), "sigma must be at most"),
        (lambda: Noisy(BlockOneMax(4, 1), 1.0, samples=10**30), "samples must be a whole number from 1"),
        (lambda: Noisy(Noisy(BlockOneMax(4, 1), 1.0), 1.0), "a problem whose fitness is exact"),
        (lambda: Judged(BlockOneMax(4, 1), 0.1, 1.1), "fn must be a probability"),
        (lambda: Judged(BlockOneMax(4, 1), 0.1, 0.1, votes=4), "votes must be odd"),
        (lambda: Judged(BlockOneMax(4, 1), 0.5, 0.1, ahead=32), "ahead = 32 takes 1.02e.03 votes a block"),
        (lambda: Judged(BlockOneMax(4, 1), 0.1, 0.5, ahead=32), "ahead = 32 takes 1.02e.03 votes a block"),
        (lambda: Judged(BlockOneMax(4, 1), 0.1, 0.1, votes=3, ahead=2), "votes or ahead, got both"),
        (lambda: Judged(BlockOneMax(4, 1), 0.1, 0.1, reevaluate=1), "reevaluate must be True or False"),
        (lambda: Archive(0), "size must be a whole number from 1"),
        (lambda: Archive(2, "best"), "parent must be 'uniform' or 'proportional' or 'last'"),
        (lambda: MuPlusLambda(2, 10**6), "lam must be a whole number from 1"),
        (lambda: Islands(explore=0.8, exploit=0.7), "explore . exploit must be at most 1"),
        (lambda: Islands(1000, 1000), "count x size must be at most"),
        (lambda: Merged(workers=0), "workers must be a whole number from 1"),
        (lambda: Latency(tail=1e200), "tail must be at most 10"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_votes_just_below_what_is_simulated_are_taken():
    """At fp = 1/2 a lead of K takes K^2 votes: 961, where 1,000 are the most."""
    assert Judged(BlockOneMax(4, 1), 0.5, 0.1, ahead=31).ahead == 31


def test_many_offspring_under_noise_are_cut_into_small_batches():
    cell = Cell(Noisy(BlockOneMax(1000, 1), 1.0), HALF, UniformChunk(), OnePlusLambda(lam=10_000))
    assert cell.batch_size(500) * 1000 * 10_000 <= 2**25


@pytest.mark.parametrize("runner", [Archive(4), MuPlusLambda(3), Islands(2, 3, archive=2, migrate=1)], ids=str)
def test_changes_of_the_current_solution_are_told_in_the_order_of_calls(runner):
    """Evaluated again, an older solution may become current: since the last call made, not since its own."""
    problem, limit = Noisy(BlockOneMax(6, 1), 2.0), Limit(1.0, 0.0, 60)
    counts, trace = run_batch(
        Search(problem, HALF, UniformChunk(), runner), Batch(streams(1, "test", 0), 200, [limit], trace=True)
    )
    for number in range(200):
        calls = trace.call[trace.run == number]
        assert (np.diff(calls) >= 0).all()
        assert calls[-1] <= counts.calls[number]
        if counts.hit[number] >= 0:
            assert calls[-1] == counts.hit[number]
    assert (counts.hit >= 0).any()


def test_a_single_island_has_nowhere_to_migrate_to():
    pool = Pool(np.array([[3.0, 1.0, -np.inf, -np.inf]]), np.array([[1, 2, 0, 0]]), 0)
    stay = Islands(1, 4, archive=2, migrate=1).survivors(pool, np.array([[2.0]]))
    assert sorted(stay[0].tolist()) == [0, 1, 3, 4]


def test_a_runner_that_keeps_an_invalid_offspring_is_found():
    class Careless(MuPlusLambda):
        def survivors(self, pool, offspring):
            return np.full(pool.seen.shape, pool.seen.shape[1])

    with pytest.raises(OperatorError, match="must not be kept"):
        run(BlockOneMax(4, 1), UniformChunk(), Careless(1), 50, Malformed(HALF, 0.9))


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("parent", "shares"),
    [("uniform", (1 / 3, 1 / 3, 0, 1 / 3)), ("proportional", (0.3, 0.5, 0, 0.2)), ("last", (1, 0, 0, 0))],
)
def test_an_archive_names_parents_as_it_says_and_never_an_empty_place(parent, shares):
    """40,000 draws: a share that is 0.0125 off is 5 standard errors off."""
    seen, born = np.array([3.0, 5.0, -np.inf, 2.0]), np.array([7, 2, 9, 6])
    pool = Pool(np.tile(seen, (20_000, 1)), np.tile(born, (20_000, 1)), 0)
    who = Archive(4, parent, lam=2).parents(pool, np.random.default_rng(6))
    assert who.shape == (20_000, 2)
    found = np.bincount(who.ravel(), minlength=4) / 40_000
    assert np.abs(found - shares).max() < 0.0125
    assert found[2] == 0


@pytest.mark.statistical
def test_islands_explore_exploit_and_else_take_anybody_and_an_equal_does_not_enter():
    """20,000 draws: a share that is 0.0177 off is 5 standard errors off."""
    islands = Islands(2, 2, archive=1, explore=0.2, exploit=0.5, migrate=0)
    pool = Pool(np.tile([3.0, 5.0, 4.0, 2.0], (20_000, 1)), np.tile([1, 2, 3, 4], (20_000, 1)), 0)
    found = np.bincount(islands.parents(pool, np.random.default_rng(6)).ravel(), minlength=4) / 20_000
    assert np.abs(found - (0.1 + 0.075, 0.1 + 0.5 + 0.075, 0.075, 0.075)).max() < 0.0177
    one = Pool(np.array([[3.0, 5.0, 4.0, 2.0]]), np.array([[1, 2, 3, 4]]), 0)
    for fitness, stay in ((3.0, [0, 1, 2, 3]), (3.5, [4, 1, 2, 3])):
        assert islands.survivors(one, np.array([[fitness]]))[0].tolist() == stay
