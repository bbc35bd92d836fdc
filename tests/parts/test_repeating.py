"""`Repeating`: runs take as long as under refusals where a rejected repeat is no information, and do not elsewhere.

DKW: false-fail rate 1e-6 for all tests of this file together.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Chunk,
    InputError,
    NoPrediction,
    OnePlusLambda,
    OnlyIncorrect,
    RoundRobin,
    TokenPrices,
    UniformChunk,
    UntilResolved,
)
from evo.batch import Batch
from evo.conformance import check_mutator
from evo.engine.deap import run_batch_deap
from evo.engine.one_parent import run_batch
from evo.seeding import streams
from experiments import Cell, check_fitness
from experiments.predictions.predict import predict
from experiments.reports.quality.measured import compared
from operators import BetaBlocks, FixKeep, FromLog, Malformed, Measured, Refuse, Repeating, Resample, Sparse, Spill
from problems import BlockOneMax, LeadingBlocks, Noisy

RUNS = 8_000
INNER = FixKeep(0.4, 0.7)


def epsilon(runs):
    return math.sqrt(math.log(2 / (1e-6 / 12)) / (2 * runs))


def hits(mutator, schedule, problem, lam=1, runs=RUNS, engine=run_batch):
    made = Cell(problem, mutator, schedule, OnePlusLambda(lam))
    return engine(made.search, Batch(streams(5, made.text, 0), runs, limits=made.limits))[0].hit


def distance(found, law):
    points = np.unique(np.concatenate((found, found - 1)))
    return np.abs(np.searchsorted(np.sort(found), points, side="right") / len(found) - law.cdf(points)).max()


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("inner", "schedule", "lam"),
    [
        (INNER, AllBlocks(), 1),
        (INNER, AllBlocks(), 3),
        (INNER, RoundRobin(g=2), 1),
        (Malformed(Measured({1: 0.5, 4: 0.4}, {1: 0.9, 4: 0.8}, 0.3), rate=0.2), OnlyIncorrect(g=2), 2),
    ],
    ids=str,
)
def test_runs_take_as_long_as_under_refusals(inner, schedule, lam):
    """Laws 0.07 apart are told apart, as that of calls that never repeat."""
    assert 2 * epsilon(RUNS) < 0.07
    problem = BlockOneMax(k=4, l=2)
    found = hits(Repeating(inner, 0.5), schedule, problem, lam)
    refusing = predict(Cell(problem, Refuse(inner, 0.5), schedule, OnePlusLambda(lam)))
    plain = predict(Cell(problem, inner, schedule, OnePlusLambda(lam)))
    assert distance(found, refusing.law) <= epsilon(RUNS)
    assert distance(found, plain.law) > epsilon(RUNS)
    if schedule == AllBlocks() and lam == 1:
        assert refusing.mean == pytest.approx(plain.mean / 0.5)  # the sentence of theory 17g


@pytest.mark.slow  # quick, engines beside each other on a mutator with a state a run: tests/engine/test_deap.py
@pytest.mark.statistical
def test_deap_runs_it_too():
    problem = BlockOneMax(k=3, l=2)
    found = hits(Repeating(INNER, 0.5), AllBlocks(), problem, runs=600, engine=run_batch_deap)
    refusing = predict(Cell(problem, Refuse(INNER, 0.5), AllBlocks(), OnePlusLambda()))
    assert distance(found, refusing.law) <= epsilon(600) < 0.12


@pytest.mark.statistical
def test_where_a_repeat_is_information_runs_take_another_time():
    """The twin: an answer that was no gain, for blocks before it were wrong, has become one."""
    inner, problem = FixKeep(0.5, 1.0), LeadingBlocks(k=3, l=2)
    repeating, refusing = (hits(part, RoundRobin(g=1), problem) for part in (Repeating(inner, 0.9), Refuse(inner, 0.9)))
    points = np.union1d(repeating, refusing)
    one, other = (np.searchsorted(np.sort(each), points, side="right") / RUNS for each in (repeating, refusing))
    assert np.abs(one - other).max() > 2 * epsilon(RUNS)


def test_it_gives_what_it_wrote_last_run_by_run():
    part, rng = Repeating(Resample(0.5), 1.0), np.random.default_rng(1)
    traits = part.draw(3, 4, rng)
    blocks, before = np.array([[0, 1], [2, 3], [0, 1]]), np.zeros((3, 2), dtype=np.bool_)
    given = Chunk(before, blocks, np.zeros(3, dtype=np.int64), None, traits)
    assert (part.rewrite(given, rng).correct == before).all()  # never written
    fresh = Repeating(Resample(1.0), 0.0).rewrite(given, rng)  # writes ones, and is remembered
    assert fresh.correct.all()
    assert part.rewrite(given, rng).correct.all()
    assert (
        not part.rewrite(Chunk(before, blocks[::-1][[1, 0, 2]], given.generation, None, traits), rng).correct[0].any()
    )
    Repeating(Malformed(Resample(1.0), rate=1.0), 0.0).rewrite(given, rng)
    assert not part.rewrite(given, rng).valid.any()


def test_it_conforms_and_what_it_cannot_repeat_is_refused():
    assert [each.message for each in check_mutator(Repeating(INNER, 0.3)) if each.passed is False] == []
    for inner, words in ((BetaBlocks(1, 1), "a state of its own"), (Spill(INNER, 0.1), "outside its chunk")):
        with pytest.raises(InputError, match=words):
            Repeating(Refuse(inner, 0.1), 0.5)


# ------------------------------------------------------------------------------------------------------- predictions


def cell(part, schedule=None, lam=1, problem=None, accept="strict", **more):
    return Cell(problem or BlockOneMax(k=4, l=2), part, schedule or AllBlocks(), OnePlusLambda(lam, accept), **more)


@pytest.mark.parametrize("schedule", [AllBlocks(), RoundRobin(3), OnlyIncorrect(2), UniformChunk(2)])
def test_the_ends_of_the_rate(schedule):
    """Never: the inner mutator. Always: nothing is ever written, so that a run stays where it began."""
    assert predict(cell(Repeating(INNER, 0.0), schedule)).mean == pytest.approx(
        predict(cell(INNER, schedule)).mean, rel=1e-12
    )
    always = cell(Repeating(INNER, 1.0), schedule)
    assert predict(always).mean == math.inf
    assert predict(always, "fitness", calls=100).mean == 0.0
    done = cell(Repeating(INNER, 1.0), schedule, problem=BlockOneMax(k=4, l=2, start=1.0))
    assert predict(done).mean == 0.0


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (cell(Repeating(INNER, 0.3), UniformChunk(1), lam=2), "is a gain later"),
        (cell(Repeating(INNER, 0.3), UntilResolved()), "got UntilResolved"),
        (cell(Repeating(INNER, 0.3), problem=LeadingBlocks(k=4, l=2)), "got LeadingBlocks"),
        (cell(Repeating(INNER, 0.3), problem=Noisy(BlockOneMax(k=4, l=2), 0.5)), "got Noisy"),
        (cell(Repeating(INNER, 0.3), accept="always"), "needs an evaluator"),
        (cell(Refuse(Repeating(INNER, 0.3), 0.1), UniformChunk(2)), "got UniformChunk"),
        (cell(Refuse(Repeating(INNER, 0.3), 0.1), lam=2), "lam = 2"),
        (cell(Refuse(Repeating(INNER, 0.3), 0.1), problem=Noisy(BlockOneMax(k=4, l=2), 0.5)), "got Noisy"),
        (cell(Sparse(Repeating(INNER, 0.3), 0.5)), "declares no law|law None|Sparse"),
    ],
)
def test_where_a_repeat_may_be_information_nothing_is_predicted(part, words):
    for quantity, budget in (("hit", {}), ("fitness", {"calls": 5})):
        with pytest.raises(NoPrediction, match=words):
            predict(part, quantity, **budget)


@pytest.mark.statistical
def test_a_gain_that_another_beat_is_taken_later():
    """The twin of the refusal under UniformChunk, lam > 1: runs are quicker than under refusals."""
    problem, schedule, inner = BlockOneMax(k=8, l=2), UniformChunk(1), FixKeep(0.9, 1.0)
    repeating, refusing = (hits(part, schedule, problem, lam=8) for part in (Repeating(inner, 0.7), Refuse(inner, 0.7)))
    points = np.union1d(repeating, refusing)
    one, other = (np.searchsorted(np.sort(each), points, side="right") / RUNS for each in (repeating, refusing))
    assert np.abs(one - other).max() > 2 * epsilon(RUNS)


@pytest.mark.parametrize("schedule", [AllBlocks(), RoundRobin(3), OnlyIncorrect(2)], ids=str)
def test_what_a_wrapper_hides_is_remembered_inside(schedule):
    """Hidden never: as without the wrapper. Repeats never: as without `Repeating`. Both: quicker than if forgotten."""
    hides, repeats, both = (
        predict(cell(part, schedule)).mean
        for part in (
            Refuse(Repeating(INNER, 0.0), 0.2),
            Refuse(Repeating(INNER, 0.3), 0.0),
            Refuse(Repeating(INNER, 0.3), 0.2),
        )
    )
    assert hides == pytest.approx(predict(cell(Refuse(INNER, 0.2), schedule)).mean, rel=1e-9)
    assert repeats == pytest.approx(predict(cell(Repeating(INNER, 0.3), schedule)).mean, rel=1e-9)
    forgotten = predict(cell(Refuse(INNER, 1.0 - 0.7 * 0.8), schedule)).mean
    assert both < 0.98 * forgotten
    never = cell(Malformed(Repeating(INNER, 0.3), 1.0), schedule)
    assert predict(never).mean == math.inf
    assert predict(never, "fitness", calls=50).mean == 0.0


def test_between_two_judged_answers_lie_so_many_calls():
    """1/(1-r) + (1-s)/s, by hand; times the answers that AllBlocks needs of one law whatever the parent."""
    part = Refuse(Malformed(Repeating(Resample(0.5), 0.25), 0.2, per_block=0.1), 0.5)
    shown = 0.5 * 0.8 * 0.9**4
    assert predict(cell(part)).mean == pytest.approx(16 * (1 / 0.75 + (1 - shown) / shown), rel=1e-12)


@pytest.mark.statistical
def test_hidden_repeats_are_those_of_runs():
    """DKW at 1e-6; the twin: as if what was hidden were forgotten."""
    problem, inner = BlockOneMax(k=4, l=2), FixKeep(0.3, 0.8)
    for schedule in (AllBlocks(), RoundRobin(g=2)):
        found = hits(Malformed(Repeating(inner, 0.5), 0.6), schedule, problem)
        law = predict(Cell(problem, Malformed(Repeating(inner, 0.5), 0.6), schedule, OnePlusLambda())).law
        forgotten = predict(Cell(problem, Refuse(inner, 0.8), schedule, OnePlusLambda())).law
        assert distance(found, law) <= epsilon(RUNS) < distance(found, forgotten)


def test_the_price_of_evaluations_is_not_guessed():
    """A repeated malformed answer is malformed again, and not evaluated: a refusal would be."""
    price = TokenPrices(prompt=0.0, generated=1e-6, evaluation=1e-3)
    malformed = cell(Repeating(Malformed(INNER, 0.2), 0.3), cost=price)
    assert predict(malformed).mean > 0
    with pytest.raises(NoPrediction, match="not evaluated"):
        predict(malformed, "cost")
    assert predict(cell(Repeating(INNER, 0.3), cost=price), "cost").mean > 0
    with pytest.raises(NoPrediction, match="not evaluated"):
        predict(cell(Refuse(Malformed(Repeating(INNER, 0.3), 0.2), 0.1), cost=price), "cost")
    assert predict(cell(Refuse(Repeating(INNER, 0.3), 0.2), cost=price), "cost").mean > 0


@pytest.mark.statistical
def test_checks_of_runs_agree():
    part = Malformed(FromLog([(2, 2, 1, 0, 2), (2, 2, 2, 0, 1), (2, 1, 1, 0), (2, 1, 0, 1), (2, 0, 0, 0)]), 0.1)
    for schedule in (RoundRobin(2), OnlyIncorrect(2), UniformChunk(2)):
        found = check_fitness(cell(Repeating(part, 0.4), schedule), calls=9, runs=3000, alpha=1e-7)
        assert found.verdict == "AGREES"
        wrong = predict(cell(part, schedule), "fitness", calls=9)
        assert compared(wrong, found.measured, 1e-7, 0.1).verdict == "DIFFERS"  # without repeats
