"""The ask/tell loop: the engine's runs draw for draw, the predicted law, and what it refuses."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest

from evo import (
    AllBlocks,
    EachChunk,
    Islands,
    MapElites,
    MuPlusLambda,
    OnePlusLambda,
    OnlyIncorrect,
    RoundRobin,
    Search,
    UniformChunk,
    UniformSubset,
    UntilResolved,
)  # fmt: skip
from evo.batch import Batch
from evo.costs.ledger import LEDGER, Prompt
from evo.engine import populations
from evo.errors import InputError
from evo.runners.archives import Archive
from evo.seeding import streams
from experiments import Cell, predict
from experiments.serving.ask_tell import AskTell
from operators import Malformed, Resample
from problems import BlockOneMax

K = 5
NO_BLOCK = [False] * K
SEARCHES = [
    (RoundRobin(), OnePlusLambda()),
    (UniformChunk(), OnePlusLambda(lam=3, accept="weak")),
    (RoundRobin(g=2), OnePlusLambda(accept="weak")),
    (UntilResolved(), OnePlusLambda()),
    (UntilResolved(invalid="down"), OnePlusLambda()),
    (EachChunk(), OnePlusLambda(lam=5)),
    (UniformSubset(g=2), MuPlusLambda(mu=2, lam=2)),
    (AllBlocks(), Archive(size=3, parent="proportional")),
    (OnlyIncorrect(), OnePlusLambda(lam=2)),
    (UniformChunk(), Islands(count=2, size=3, archive=2, migrate=2)),
    (UniformChunk(g=2), MapElites(K + 1)),
]


def told(loop, mutator, rng, order=1):
    """A whole run, its calls and evaluations made here; the offspring of a generation told forwards or backwards."""
    while not loop.done:
        asks = [loop.ask()]
        while len(asks) < loop.runner.lam:
            asks.append(loop.ask())
        made = []
        for ask in asks:
            correct = np.array(ask.parent.content)
            answer = mutator.rewrite(correct[None, list(ask.blocks)], rng)
            valid = answer.valid is None or bool(answer.valid[0]) if hasattr(answer, "valid") else True
            correct[list(ask.blocks)] = (answer.correct if hasattr(answer, "correct") else answer)[0]
            made.append((ask, correct.tolist(), valid))
        for ask, correct, valid in made[::order]:
            if valid:
                loop.tell(ask, correct, sum(correct), correct=correct)
            else:
                loop.tell(ask, valid=False)
    return loop


def engine(search, seed, prompt):
    """Hit and ledger of the engine's run with the same streams."""
    counts, _ = populations.run_batch(search, Batch(streams(seed, "x", 0), 1))
    cell = Cell(search.problem, search.mutator, search.schedule, search.runner, prompt=prompt)
    ledger = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls)[0]
    return int(counts.hit[0]), int(counts.generations[0]), dict(zip(LEDGER, map(int, ledger), strict=True))


@pytest.mark.parametrize(("schedule", "runner"), SEARCHES, ids=str)
@pytest.mark.parametrize("mutator", [Resample(p=0.5), Malformed(Resample(p=0.6), rate=0.3)], ids=["plain", "malformed"])
def test_it_is_the_engine_draw_for_draw(schedule, runner, mutator):
    if isinstance(mutator, Malformed) and runner.lam > 1:
        mutator = Resample(p=0.4)  # draws of a generation at once are others than one by one
    search, prompt = Search(BlockOneMax(k=K, l=3), mutator, schedule, runner), Prompt(head=7)
    for seed in range(4):
        draws = streams(seed, "x", 0)
        loop = AskTell(K, NO_BLOCK, 0, schedule, runner, target=K, correct=NO_BLOCK, l=3, prompt=prompt, streams=draws)
        told(loop, mutator, draws.mutator)
        assert (loop.hit, loop.generations, loop.ledger) == engine(search, seed, prompt)


def test_another_loop_would_be_found_by_that():
    search, prompt = Search(BlockOneMax(k=K, l=3), Resample(p=0.5), RoundRobin(), OnePlusLambda()), Prompt(head=7)
    found = []
    for seed in range(4):
        draws = streams(seed, "x", 0)
        loop = AskTell(K, NO_BLOCK, 0, UntilResolved(), target=K, l=3, prompt=prompt, streams=draws)
        told(loop, Resample(p=0.5), draws.mutator)
        found.append((loop.hit, loop.generations, loop.ledger) == engine(search, seed, prompt))
    assert not all(found)


def distance(hits, law):
    calls = np.arange(hits.max() + 1)
    return max(abs((hits <= call).mean() - float(law.cdf(call))) for call in calls)


@pytest.mark.statistical
def test_its_calls_have_the_predicted_law():
    runs, rng = 300, np.random.default_rng(5)
    band = math.sqrt(math.log(2 / 1e-6) / (2 * runs))  # DKW: false-fail rate 1e-6
    law = predict(Cell(BlockOneMax(k=K, l=1), Resample(p=0.5), UniformChunk(), OnePlusLambda()))

    def hits(schedule):
        loops = (AskTell(K, NO_BLOCK, 0, schedule, target=K, seed=seed) for seed in range(runs))
        return np.array([told(loop, Resample(p=0.5), rng).hit for loop in loops])

    assert distance(hits(UniformChunk()), law) < band < 0.16
    assert distance(hits(UntilResolved()), law) > band  # a twin that must fail


def test_the_order_of_telling_within_a_generation_makes_no_difference():
    runs = []
    for order in (1, -1):
        loop = AskTell(K, NO_BLOCK, 0, UniformChunk(), OnePlusLambda(lam=4, accept="weak"), target=K)
        told(loop, Resample(p=0.5), np.random.default_rng(2), order)
        runs.append((loop.hit, loop.best.content, loop.best.call, loop.calls))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("runner", [OnePlusLambda(3), MuPlusLambda(mu=2, lam=3), Archive(size=4, lam=3)], ids=str)
def test_of_equally_good_solutions_the_first_is_the_best(runner):
    loop = AskTell(K, "start", 0, UniformChunk(), runner, target=2)
    for fitness in (1.0, 2.0, 2.0):
        loop.tell(loop.ask(), str(fitness), fitness)
    assert (loop.hit, loop.best.call, loop.best.content) == (2, 2, "2.0")


def test_an_outcome_is_a_row_of_a_table_of_calls():
    start = [True, False, True, False, False]
    loop = AskTell(K, start, 2, UniformChunk(g=5), correct=start)
    ask = loop.ask()
    assert ask.outcome([True, True, False, False, True]) == {"g": 5, "incorrect": 3, "repaired": 2, "kept": 1}
    assert ask.outcome(start) == {"g": 5, "incorrect": 3, "repaired": 0, "kept": 2}
    with pytest.raises(InputError, match="whose correct blocks were told"):
        AskTell(K, "start", 0, RoundRobin()).ask().outcome(start)


def test_what_cannot_be_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"OnlyIncorrect looks at which blocks are correct"):
        AskTell(K, "start", 0, OnlyIncorrect())
    with pytest.raises(InputError, match=r"MapElites looks at"):
        AskTell(K, "start", 0, RoundRobin(), MapElites(K + 1))
    with pytest.raises(InputError, match="g = 9"):
        AskTell(K, "start", 0, RoundRobin(g=9))
    with pytest.raises(InputError, match="chooses parents"):
        AskTell(K, "start", 0, RoundRobin(), object())
    with pytest.raises(InputError, match="expected a finite number"):
        AskTell(K, "start", math.nan, RoundRobin())
    loop = AskTell(K, "start", 0, RoundRobin(), OnePlusLambda(lam=2), target=1)
    first, second = loop.ask(), loop.ask()
    with pytest.raises(InputError, match="tell those of calls 1, 2"):
        loop.ask()
    loop.tell(first, "one", 1.0)
    for wrong, words in ((first, "was told before"), (replace(second, call=9), "got call 9")):
        with pytest.raises(InputError, match=words):
            loop.tell(wrong, "two", 0.0)
    with pytest.raises(InputError, match="valid=False for no solution"):
        loop.tell(second, "two")
    with pytest.raises(InputError, match="expected 5 values"):
        loop.tell(second, "two", 0.0, correct=[True])
    assert not loop.done  # a generation is paid whole
    loop.tell(second, valid=False)
    assert (loop.hit, loop.calls, loop.evaluations, loop.best.content) == (1, 2, 1, "one")
    with pytest.raises(InputError, match="reached at call 1"):
        loop.ask()


UNFIT = {
    "k": [0, -1, 1.5, "3", True, math.nan, None, 10**18, [3]],
    "fitness": [math.inf, "0", None, True, 10**400, np.complex128(1), np.zeros(1)],
    "target": [math.nan, -math.inf, "x", None, True, [1], 10**400],
    "schedule": [None, RoundRobin, "RoundRobin()", OnePlusLambda(), 3],
    "runner": [None, OnePlusLambda, "OnePlusLambda()", RoundRobin()],
    "correct": [[1, 0], [math.nan] * K, "abcde", [2, 0, 0, 0, 0], [[1], [0], [0, 1], [0], [0]], 7, [1.0] * K],
    "l": [0, -1, 1.5, "x", math.nan, [1, 2]],
    "prompt": [None, "hello", 300, Prompt],
    "seed": [-1, "x", None, 1.5, math.nan, True],
    "streams": ["x", np.random.default_rng(1)],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in UNFIT.items() for value in values])
def test_whatever_a_loop_is_made_of_is_refused_by_name(name, value):
    given = {"k": K, "start": "start", "fitness": 0, "schedule": RoundRobin()}
    with pytest.raises(InputError, match=name):
        AskTell(**given | {name: value})
    AskTell(**given)


@pytest.mark.parametrize("valid", ["no", None, 7, 1.0])
def test_what_is_told_as_valid_is_a_yes_or_a_no_and_counts_one_evaluation(valid):
    loop = AskTell(K, "start", 0, RoundRobin())
    ask = loop.ask()
    with pytest.raises(InputError, match="valid must be True or False"):
        loop.tell(ask, "two", 1, valid=valid)
    loop.tell(ask, "two", 1, valid=np.True_)
    assert loop.ledger["evaluations"] == 1


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("schedule", [AllBlocks(), RoundRobin()])
def test_a_call_of_another_loop_is_told_there_and_a_copy_of_ones_own_here(schedule, number):
    """The other loop may be of the same seed: then it asks for the same calls, of another solution."""
    runner = OnePlusLambda(lam=number)
    loop, other, twin = (AskTell(K, "start", 0, each, runner) for each in (RoundRobin(), schedule, RoundRobin()))
    asks, strange = loop.ask_all(), [*other.ask_all(), *twin.ask_all()]
    altered = replace(asks[0], blocks=(1,))
    cases = [*((each, "is one of another loop; tell it there") for each in strange), (altered, "was altered since")]
    for wrong, words in [*cases, (None, "expected what ask"), (1, "expected what ask")]:
        with pytest.raises(InputError, match=words):
            loop.tell(wrong, "two", 1)
    again = pickle.loads(pickle.dumps(loop))
    for one, told in ((loop, pickle.loads(pickle.dumps(asks))), (again, asks)):
        for ask in told:
            one.tell(ask, "two", 1)
        assert (one.best.content, one.calls) == ("two", number)
