"""What the engines ask of the parts they run, and what they say when a part answers with something else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from evo.errors import OperatorError
from evo.protocols import AnyMutator, BoolArray, Chunk, FloatArray, IntArray, Problem, Rewritten, Schedule


def initial_solutions(problem: Problem, runs: int, rng: Generator) -> BoolArray:
    """The problem's initial solutions, bool [runs, k], a copy.

    Raises: OperatorError if they are of another shape or dtype.
    """
    correct = problem.initial(runs, rng)
    expected = (runs, problem.k)
    if not isinstance(correct, np.ndarray) or correct.shape != expected or correct.dtype != np.bool_:
        raise OperatorError(
            f"{type(problem).__name__}.initial: expected a bool array of shape {expected}, got "
            f"{getattr(correct, 'dtype', type(correct).__name__)} of shape {getattr(correct, 'shape', '?')}"
        )
    return correct.copy()


def drawn_traits(mutator: AnyMutator, runs: int, k: int, rng: Generator) -> Any:
    """What the mutator draws for each run, [runs, ...]; None if it draws nothing.

    Raises: OperatorError if there is not one row a run.
    """
    if not hasattr(mutator, "draw"):
        return None
    traits = mutator.draw(runs, k, rng)
    if not isinstance(traits, np.ndarray) or traits.shape[:1] != (runs,):
        raise OperatorError(
            f"{type(mutator).__name__}.draw: expected an array of shape ({runs}, ...), one row a run, got "
            f"{getattr(traits, 'shape', type(traits).__name__)}"
        )
    return traits


def chosen_chunks(
    schedule: Schedule, pointer: IntArray, correct: BoolArray, m: int, ahead: int, lam: int, rng: Generator
) -> IntArray:
    """The chunk of each call of the next generations, int [runs, ahead, 1 or lam].

    Raises: OperatorError if they are of another shape, or not whole numbers from 0 to m-1.
    """
    chunk = schedule.choose(pointer, correct, m, ahead, lam, rng)
    shapes = ((len(pointer), ahead, 1), (len(pointer), ahead, lam))
    if not isinstance(chunk, np.ndarray) or chunk.shape not in shapes or not np.issubdtype(chunk.dtype, np.integer):
        raise OperatorError(
            f"{type(schedule).__name__}.choose: expected whole numbers of shape {shapes[0]} or {shapes[1]}, got "
            f"{getattr(chunk, 'dtype', type(chunk).__name__)} of shape {getattr(chunk, 'shape', '?')}"
        )
    if chunk.size and not (chunk.min() >= 0 and chunk.max() < m):
        raise OperatorError(
            f"{type(schedule).__name__}.choose: expected chunks from 0 to {m - 1}, got {chunk.min()} to {chunk.max()}"
        )
    return chunk


def rewritten(mutator: AnyMutator, given: BoolArray | Chunk, rng: Generator) -> Rewritten:
    """The mutator's answer to what it was given, a bare array of correctness taken as valid in one call each.

    Raises: OperatorError if the answer is of another shape or dtype, or the mutator writes into its input.
    """
    try:
        answer = mutator.rewrite(given, rng)  # type: ignore[arg-type]  # each mutator is given what it asks for
    except ValueError as error:
        if "read-only" in str(error):
            raise OperatorError(
                f"{type(mutator).__name__}.rewrite changes its input; it must leave the blocks handed over as they are "
                "and return a new array (copy them first)"
            ) from error
        raise
    shape = given.correct.shape if isinstance(given, Chunk) else given.shape
    if not isinstance(answer, Rewritten):
        answer = Rewritten(answer)
    _check_answer(mutator, "the blocks", answer.correct, shape, np.bool_)
    if answer.valid is not None:
        _check_answer(mutator, "valid", answer.valid, shape[:-1], np.bool_)
    if answer.calls is not None:
        _check_answer(mutator, "calls", answer.calls, shape[:-1], np.int64)
    if answer.solution is not None:
        if not isinstance(given, Chunk) or given.solution is None:
            raise OperatorError(
                f'{type(mutator).__name__}.rewrite: a mutator that answers with a solution must say sees = "solution"'
            )
        _check_answer(mutator, "the solution", answer.solution, given.solution.shape, np.bool_)
    return answer


def fitness_values(problem: Problem, what: str, fitness: Any, shape: tuple[int, ...]) -> FloatArray:
    """What a problem answered as floats, one number a solution.

    Raises: OperatorError if it is of another shape, or not finite.
    """
    if np.shape(fitness) != shape:
        raise OperatorError(
            f"{type(problem).__name__}: expected one fitness {what}, shape {shape}, got shape {np.shape(fitness)}; "
            "fitness maps bool [..., k] to numbers [...]"
        )
    values = np.asarray(fitness, dtype=np.float64)
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)].flat[0]
        raise OperatorError(f"{type(problem).__name__}: expected a finite fitness of {what}, got {wrong}")
    return values


def _check_answer(mutator: AnyMutator, what: str, answer: Any, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    if not isinstance(answer, np.ndarray) or answer.shape != shape or answer.dtype != dtype:
        got = (
            f"{answer.dtype} array of shape {answer.shape}"
            if isinstance(answer, np.ndarray)
            else f"{type(answer).__name__}"
        )
        raise OperatorError(
            f"{type(mutator).__name__}.rewrite: expected for {what} a {np.dtype(dtype).name} array of shape {shape}, "
            f"got {got}; return an array of the shape handed over, for example `rng.random(correct.shape) < p`"
        )
