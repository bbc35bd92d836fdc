"""What every engine has to get right alike: cells whose books can be written down by hand. One table of all engines.

Nothing is random here: calls always repair, so that what a wrong engine does is a failure at once.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from evo import AllBlocks, Merged, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from evo.batch import Batch
from evo.costs.budget import Limit
from evo.engine import run_batch
from evo.engine.deap import run_batch_deap
from evo.engine.optimum import Optimum, first_solutions
from evo.errors import OperatorError
from evo.protocols import Rewritten
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.parallel import Asynchronous
from evo.schedules import EachChunk
from evo.search import Search
from evo.seeding import streams
from evo.theory.calls.voting import least_ahead, win_probability
from experiments.grids.parts import PART_TYPES
from operators import FixKeep, PerBlock
from problems import BlockOneMax, Noisy

RUNS = 3
ENGINES = {
    "one parent": (run_batch, OnePlusLambda()),
    "one parent, weak": (run_batch, OnePlusLambda(accept="weak")),
    "no evaluator": (run_batch, OnePlusLambda(accept="always")),
    "several kept": (run_batch, Archive(1)),
    "several founders": (run_batch, MuPlusLambda(1)),
    "islands": (run_batch, Islands(1, 1)),
    "feature grid": (run_batch, MapElites(1)),
    "rounds": (run_batch, Merged(1)),
    "asynchronous": (run_batch, Asynchronous(1)),
    "deap": (run_batch_deap, OnePlusLambda()),
    "deap, weak": (run_batch_deap, OnePlusLambda(accept="weak")),
}


def batch_of(search, engine=run_batch, runs=RUNS, seed=1):
    enough = [Limit(per_call=1.0, per_evaluation=0.0, most=2000)]  # so that a broken engine ends
    return engine(search, Batch(streams(seed, search.text, 0), runs, enough))[0]


@dataclass(frozen=True)
class Thrice:
    """Repairs its chunk, by three LLM calls."""

    def rewrite(self, correct, rng):
        return Rewritten(np.ones_like(correct), calls=np.full(correct.shape[:-1], 3))


def test_every_runner_has_its_engine():
    assert {type(runner) for _, runner in ENGINES.values()} == set(PART_TYPES["runner"])


@pytest.mark.parametrize(("engine", "runner"), ENGINES.values(), ids=ENGINES)
def test_calls_of_an_answer_on_the_short_chunk_are_all_counted(engine, runner):
    """k = 3 in chunks of 2: an answer on the full chunk and one on the short one, three calls each."""
    counts = batch_of(Search(BlockOneMax(3, 1), Thrice(), RoundRobin(2), runner), engine)
    assert counts.hit.tolist() == counts.generations.tolist() == counts.evaluations.tolist() == [2] * RUNS
    assert counts.calls.tolist() == [6] * RUNS
    assert counts.shortfalls[:, 0].tolist() == [3] * RUNS


@dataclass(frozen=True)
class Idle:
    """Leaves all as it is."""

    def rewrite(self, correct, rng):
        return correct.copy()


@pytest.mark.parametrize(("engine", "runner"), ENGINES.values(), ids=ENGINES)
def test_a_limit_of_nothing_is_reached_by_the_first_generation_and_not_by_the_start(engine, runner):
    """As by a budget of cost 0: one call is made, but for a start that is the optimum."""
    for start, hit, calls in ((0.0, -1, 1), (1.0, 0, 0)):
        search = Search(BlockOneMax(2, 1, start=start), Idle(), RoundRobin(), runner)
        nothing = Batch(streams(1, search.text, 0), RUNS, [Limit(1.0, 0.0, 0.0)], trace=True)
        counts, trace = engine(search, nothing)
        assert counts.hit.tolist() == [hit] * RUNS
        assert counts.calls.tolist() == counts.generations.tolist() == [calls] * RUNS
        assert sorted(trace.run.tolist()) == [*range(RUNS)]
        assert trace.call.tolist() == [0] * RUNS


WIDE = {
    "one parent": (run_batch, OnePlusLambda(2)),
    "noise of none": (run_batch, OnePlusLambda(2)),
    "several kept": (run_batch, Archive(1, lam=2)),
    "deap": (run_batch_deap, OnePlusLambda(2)),
}


@pytest.mark.parametrize("name", WIDE)
def test_the_offspring_of_a_generation_get_their_chunks_in_order(name):
    """Offspring 1 repairs block 1 at once, offspring 2 the other one some time: every hit is a second offspring."""
    engine, runner = WIDE[name]
    problem = BlockOneMax(2, 1) if name != "noise of none" else Noisy(BlockOneMax(2, 1), sigma=0.0)
    counts = batch_of(Search(problem, PerBlock((1.0, 0.3)), EachChunk(1), runner), engine, runs=40)
    assert (counts.hit % 2 == 0).all()
    assert (counts.hit > 2).any()
    turned = batch_of(Search(problem, PerBlock((0.3, 1.0)), EachChunk(1), runner), engine, runs=40)
    assert (turned.hit % 2 == 1).any()


@pytest.mark.parametrize("runner", [Archive(2), Archive(3, "last"), MuPlusLambda(2), MuPlusLambda(2, 2)], ids=repr)
@pytest.mark.parametrize("schedule", [AllBlocks(), UniformChunk(), OnlyIncorrect()], ids=repr)
def test_a_solution_that_is_current_since_it_was_judged_again_hits_with_the_last_call(runner, schedule):
    """With noise anew each generation an older solution may come to be seen best: then, and not when it was made."""
    search = Search(Noisy(BlockOneMax(3, 1), sigma=1.0), FixKeep(0.5, 0.6), schedule, runner)
    counts = batch_of(search, runs=300, seed=2)
    later = counts.generations > 0
    assert (counts.hit[later] > runner.lam * (counts.generations[later] - 1)).all()
    assert (counts.hit[later] <= runner.lam * counts.generations[later]).all()


@pytest.mark.parametrize("steps_a_vote", [1, 7, 1000])
@pytest.mark.parametrize("p", [0.6, 0.9, 0.9978])
def test_the_least_lead_where_a_vote_is_on_several_steps(p, steps_a_vote):
    steps, target = 2**14, 0.95
    votes = steps / steps_a_vote
    least = next(lead for lead in range(1, 200) if win_probability(p, lead) ** votes >= target)
    assert least_ahead(p, steps, target, steps_a_vote) == least


@pytest.mark.parametrize(("k", "g", "m"), [(5, 2, 3), (4, 4, 1), (3, 1, 3)])
def test_the_calls_of_a_generation_go_to_every_chunk_in_turn(k, g, m):
    """Before any run of it: one that leaves out a chunk never ends."""
    correct, rng = np.zeros((2, k), dtype=bool), np.random.default_rng(1)
    chosen = EachChunk(g).choose(np.zeros(2, dtype=int), correct, m, ahead=2, lam=7, rng=rng)
    assert chosen.shape[:3] == (2, 2, 7)
    assert (chosen == [j % m for j in range(7)]).all()


# ------------------------------------------------------------------------------- what all take for the optimum


ENGINES_OF_ANY_FITNESS = [name for name in ENGINES if name != "rounds"]
"""Rounds add up changes of fitness, and are refused for a problem without."""


@dataclass(frozen=True)
class Fewest:
    """The fewer blocks are correct, the fitter; with `prize` all of them are the best."""

    prize: float
    k: int = 3
    l: int = 1

    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=np.bool_)

    def fitness(self, correct):
        return np.where(correct.all(axis=-1), self.prize, -correct.sum(axis=-1))


@pytest.mark.parametrize("name", ENGINES_OF_ANY_FITNESS)
@pytest.mark.parametrize("prize", [-3.0, 0.0])
def test_a_start_as_fit_as_the_optimum_is_refused(name, prize):
    """One engine would stop where all blocks are correct, the other never take that solution."""
    engine, runner = ENGINES[name]
    with pytest.raises(OperatorError, match=f"Fewest: .* got fitness {prize:g} for it and 0 for one with 0 of 3"):
        batch_of(Search(Fewest(prize), FixKeep(1, 1), RoundRobin(3), runner), engine)


@pytest.mark.parametrize("name", ENGINES_OF_ANY_FITNESS)
def test_a_trap_is_none_of_them(name):
    engine, runner = ENGINES[name]
    assert (batch_of(Search(Fewest(0.5), FixKeep(1, 1), RoundRobin(3), runner), engine).hit == 1).all()


@dataclass(frozen=True)
class OneMore:
    """Repairs the first incorrect block."""

    def rewrite(self, correct, rng):
        after = correct.copy()
        after[np.arange(len(after)), np.argmin(after, axis=1)] = True
        return after


@dataclass(frozen=True)
class Rival(BlockOneMax):
    """Counts correct blocks, `rival` where all but one are, in units of `unit`."""

    rival: float = 2.0
    unit: float = 1.0

    def fitness(self, correct):
        count = correct.sum(axis=-1)
        return self.unit * np.where(count == self.k - 1, self.rival, count)


class RivalBySums(Rival):
    """The same; the engine adds up changes, which are right for chunks of all blocks."""

    def change(self, before, after):
        return self.fitness(after) - self.fitness(before)


class Halves(BlockOneMax):
    """Each block weighs half as much as the one before it."""

    def fitness(self, correct):
        return correct @ 2.0 ** np.arange(self.k)[::-1]


OF_RIVALS = [(name, kind) for name in ENGINES for kind in (Rival, RivalBySums) if name != "rounds" or kind is not Rival]


@pytest.mark.parametrize(("name", "kind"), OF_RIVALS)
def test_a_run_that_meets_a_rival_of_the_optimum_is_refused(name, kind):
    """Engine `deap` stopped at the optimum all the same, the others stayed at the rival for ever."""
    engine, runner = ENGINES[name]
    for problem in (kind(3, 1, rival=3.0), kind(3, 1, rival=4.0)):
        says = rf"got fitness 3 for it and {problem.rival:g} for one with 2 of 3 correct \(all but block 2\)"
        with pytest.raises(OperatorError, match=f"{kind.__name__}: .* {says}"):
            batch_of(Search(problem, OneMore(), RoundRobin(3), runner), engine)
    assert (batch_of(Search(kind(3, 1, rival=2.9), OneMore(), RoundRobin(3), runner), engine).hit == 3).all()


@pytest.mark.parametrize(("k", "wrong", "told"), [
    (3, [0], " (all but block 0);"), (3, [0, 2], " (all but blocks 0, 2);"), (3, [0, 1, 2], "with 0 of 3 correct;"),
    (12, range(1, 11), " (all but blocks 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);"),
    (12, range(1, 12), " (all but blocks 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..);"),
])  # fmt: skip
def test_a_rival_is_told_by_its_incorrect_blocks_ten_at_most(k, wrong, told):
    problem = Flat(k, 1)
    correct = np.ones((3, k), dtype=bool)
    correct[1, list(wrong)] = False
    with pytest.raises(OperatorError) as found:
        Optimum.of(problem).refuse_rivals(correct, problem.fitness(correct))
    assert told in str(found.value)


class Flat(BlockOneMax):
    """All solutions are as good."""

    def fitness(self, correct):
        return np.ones(correct.shape[:-1])


@pytest.mark.parametrize(("unit", "near"), [(1e-3, 1e-9), (1.0, 3e-9), (1000.0, 3e-6), (-1000.0, 3e-6)])
def test_solutions_are_looked_at_from_a_billionth_below_the_optimum_on(unit, near):
    """Of its fitness, and of 1 at least."""
    found = Optimum.of(Rival(3, 1, unit=unit))
    assert found.fitness == 3 * unit
    assert found.fitness - found.near == pytest.approx(near, rel=1e-3)


@pytest.mark.parametrize("at_once", [3, 5, 6, 2**18])
def test_first_solutions_are_judged_some_at_a_time_and_all_of_them(monkeypatch, at_once):
    monkeypatch.setattr("evo.engine.optimum.AT_ONCE", at_once)
    problem = BlockOneMax(3, 1, start=0.5)
    correct, fitness, _ = first_solutions(problem, 50, np.random.default_rng(1))
    assert fitness.tolist() == correct.sum(axis=1).tolist()
    assert len(set(fitness.tolist())) == 4


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "rounds"])
def test_a_rival_by_rounding_is_refused(name):
    """2^60 - 1 and 2^60 - 2 are one float: a run would stand before the lightest blocks for ever."""

    engine, runner = ENGINES[name]
    with pytest.raises(OperatorError, match=r"with 54 of 60 correct \(all but blocks 54, 55, 56, 57, 58, 59\)"):
        batch_of(Search(Halves(60, 1), OneMore(), RoundRobin(60), runner), engine)
    assert (batch_of(Search(Halves(50, 1), OneMore(), RoundRobin(50), runner), engine).hit == 50).all()


def test_sums_of_changes_that_miss_a_rival_by_rounding_find_it_all_the_same():
    """Ten times 0.1 are less than 1, which eleven blocks are worth here: the solution is asked for its fitness."""
    problem = RivalBySums(11, 1, rival=11.0, unit=0.1)
    assert np.cumsum(np.full(10, 0.1))[-1] < 1.0
    with pytest.raises(OperatorError, match="with 10 of 11 correct"):
        batch_of(Search(problem, OneMore(), RoundRobin(11), Merged(1)), runs=1)


@pytest.mark.parametrize("runner", [OnePlusLambda(), MuPlusLambda(2), Archive(2)], ids=repr)
def test_the_rival_of_a_noisy_problem_is_one_in_truth(runner):
    def run(problem):
        return batch_of(Search(problem, OneMore(), RoundRobin(3), runner))

    with pytest.raises(OperatorError, match=r"Rival: .* one with 2 of 3 correct"):
        run(Noisy(Rival(3, 1, rival=3.0), sigma=0.1))
    assert (
        run(Noisy(Rival(3, 1, rival=2.0), sigma=0.5, reevaluate=False)).hit >= 3
    ).all()  # it is seen fitter at times


@dataclass(frozen=True)
class Mute(Noisy):
    """A noisy evaluation that says nothing of the true fitness itself: that is its inner problem's to say."""

    def fitness(self, correct):
        return np.zeros(correct.shape[:-1])


def test_the_true_fitness_of_a_noisy_problem_is_that_of_the_inner_one():
    problem, cell = BlockOneMax(3, 1), (FixKeep(1, 1), RoundRobin(3), MuPlusLambda(1))
    assert (batch_of(Search(Mute(problem, 0.1), *cell)).hit == 1).all()
    with pytest.raises(OperatorError, match="Fewest: expected all blocks correct to be the only best"):
        batch_of(Search(Mute(Fewest(-3.0), 0.1), *cell))
