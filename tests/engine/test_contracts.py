"""What parts answer is checked where it is asked for: each refusal is read whole, whatever the way around it."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from evo import OperatorError, Rewritten, UniformSubset
from evo.engine.contracts import (
    chosen_chunks,
    fitness_change,
    fitness_of,
    named_parents,
    read_fitness,
    rewritten,
    rewritten_words,
)
from evo.evaluation import Reading
from evo.protocols import Chunk
from problems import BlockOneMax

NONE = np.zeros((2, 5), dtype=np.bool_)
BLOCKS = np.array([[0, 1], [2, 3]])
GIVEN, WHOLE = (Chunk(NONE[:, :2], BLOCKS, np.zeros(2, int), solution=each) for each in (None, NONE))
ONE = np.ones(2, dtype=np.int64)


@dataclass(frozen=True)
class Says:
    """A part whose methods all give one answer."""

    said: Any
    lam: ClassVar[int] = 2

    def answer(self, *given):
        return self.said

    rewrite = evaluate = parents = answer


@dataclass(frozen=True)
class Drawn(UniformSubset):
    """Chooses given positions."""

    at: Any = None

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.broadcast_to(self.at, (len(pointer), ahead, 1, 2))


def chosen(*at):
    return lambda: chosen_chunks(Drawn(g=2, at=np.array(at)), np.zeros(2, int), NONE, 1, 1, np.random.default_rng(1))


def answered(given, *said, **more):
    return lambda: rewritten(Says(Rewritten(NONE[:, :2], *said, **more)), given, None)


def read(*said):
    return lambda: read_fitness(Says(Reading(*said)), NONE, None)


def parents(*who):
    pool = SimpleNamespace(seen=np.array([[1.0, 2.0, -np.inf]] * 2))
    return lambda: named_parents(Says(np.array([who] * 2)), pool, None)


ORDER = "Drawn.choose: expected 2 different blocks a call, in ascending order"


def test_errors_of_a_part_that_are_not_about_its_input_are_its_own():
    def fails(*given):
        raise ValueError("no such model")

    part = SimpleNamespace(rewrite=fails, rewrite_words=fails, change=fails, fitness=fails, evaluate=fails)
    for ask in (
        lambda: rewritten(part, NONE, None),
        lambda: rewritten_words(part, np.zeros((2, 1), dtype=np.uint64), None),
        lambda: fitness_change(part, NONE, NONE),
        lambda: fitness_of(part, "a solution", NONE),
        lambda: read_fitness(part, NONE, None),
    ):
        with pytest.raises(ValueError, match=r"^no such model$"):
            ask()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (chosen(0, 4), ""),
        (chosen(4, 0), ORDER),
        (chosen(4, 4), ORDER),
        (chosen(0, 5), "Drawn.choose: expected blocks from 0 to 4, got 0 to 5"),
        (chosen(-1, 4), "Drawn.choose: expected blocks from 0 to 4, got -1 to 4"),
        (answered(GIVEN, calls=ONE), ""),
        (
            lambda: rewritten(Says(Rewritten(NONE[:0, :2], calls=ONE[:0])), replace(GIVEN, correct=NONE[:0, :2]), None),
            "",
        ),
        (answered(GIVEN, calls=np.array([3, 0])), "Says.rewrite: expected at least 1 call an answer, got 0"),
        (
            answered(GIVEN, calls=ONE[:1]),
            "Says.rewrite: expected for calls a int64 array of shape (2,), got int64 array of shape (1,); one number a "
            "call, for example `np.full(correct.shape[:-1], 2, dtype=np.int64)`",
        ),
        (answered(WHOLE, solution=NONE), ""),
        (
            answered(WHOLE, solution=NONE[:, :2]),
            "Says.rewrite: expected for the solution a bool array of shape (2, 5), got bool array of shape (2, 2); "
            "return the whole parent as it is after the call, for example a changed `chunk.solution.copy()`",
        ),
        (
            answered(GIVEN, solution=NONE),
            'Says.rewrite: a mutator that answers with a solution must say sees = "solution"',
        ),
        (read(ONE * 0.5, 0 * ONE), ""),
        (read(ONE * 0.5, -ONE), "Says.evaluate: expected for evaluations whole numbers >= 0 of shape (2,)"),
        (read(ONE * 0.5, ONE[:1]), "Says.evaluate: expected for evaluations whole numbers >= 0 of shape (2,)"),
        (read(ONE * 0.5, ONE * 1.0), "Says.evaluate: expected for evaluations whole numbers >= 0 of shape (2,)"),
        (read(ONE * np.inf, ONE), "Says: expected a finite fitness of a solution, got inf"),
        (parents(0, 1), ""),
        (parents(0, 2), "Says.parents: expected places that hold a solution, got an empty one"),
        (parents(0, 3), "Says.parents: expected numbers from 0 to 2, got 0 to 3"),
    ],
)
def test_what_a_part_answers_is_taken_or_refused(ask, message):
    said = ""
    try:
        ask()
    except OperatorError as error:
        said = str(error)
    assert said == message


@dataclass(frozen=True)
class Turns(BlockOneMax):
    """Turns the solutions over, and back."""

    def fitness(self, correct):
        np.logical_not(correct, out=correct)
        values = (~correct).sum(axis=-1) + 0.0
        np.logical_not(correct, out=correct)
        return values


def test_a_fitness_that_writes_into_solutions_is_refused_even_if_it_leaves_them_as_they_were():
    said = r"^Turns.fitness changes the solutions that it is handed; copy them first$"
    solutions = np.zeros((3, 4), dtype=np.bool_)
    with pytest.raises(OperatorError, match=said):
        fitness_of(Turns(4, 1), "a solution", solutions)
    assert fitness_of(BlockOneMax(4, 1), "a solution", ~solutions).tolist() == [4.0] * 3
    assert solutions.flags.writeable  # for the engine itself


def test_judgements_that_are_handed_back_can_be_entered_into():
    def same(correct, rng, changed, judgements):
        return Reading(np.zeros(len(correct)), np.ones(len(correct), dtype=int), judgements)

    before = np.zeros((2, 3))
    reading = read_fitness(SimpleNamespace(evaluate=same), NONE, None, judgements=before)
    assert reading.judgements.flags.writeable
    assert not np.shares_memory(reading.judgements, before)
