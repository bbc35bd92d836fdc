"""The contracts between engines and parts: each answer of a part is validated here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from evo.batch import RunCounts
from evo.chunks import draws_subsets
from evo.errors import OperatorError
from evo.evaluation import NoisyProblem, Reading
from evo.forms.words import Words
from evo.protocols import AnyMutator, BoolArray, Chunk, FloatArray, IntArray, Problem, Rewritten, Schedule
from evo.runners.protocol import Adjusting, Describing, OwnLoop, Pool, Runner
from evo.search import Search


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
    schedule: Schedule, pointer: IntArray, correct: BoolArray, ahead: int, lam: int, rng: Generator
) -> IntArray:
    """The chunk of each call of the next generations, int [runs, ahead, 1 or lam]; [..., g] positions for `subsets`.

    Raises: OperatorError if they are of another shape, or not whole numbers from 0 to m-1 (positions: to k-1, in
    ascending order).
    """
    k, subsets = correct.shape[1], draws_subsets(schedule)
    g = schedule.chunk_size(k)
    m = -(-k // g)
    chunk = schedule.choose(pointer, correct, m, ahead, lam, rng)
    size, m = ((g,), k) if subsets else ((), m)
    shapes = ((len(pointer), ahead, 1, *size), (len(pointer), ahead, lam, *size))
    if not isinstance(chunk, np.ndarray) or chunk.shape not in shapes or chunk.dtype.kind not in "iu":
        raise OperatorError(
            f"{type(schedule).__name__}.choose: expected whole numbers of shape {shapes[0]} or {shapes[1]}, got "
            f"{getattr(chunk, 'dtype', type(chunk).__name__)} of shape {getattr(chunk, 'shape', '?')}"
        )
    if not _all_below(chunk, m):
        raise OperatorError(
            f"{type(schedule).__name__}.choose: expected {'blocks' if subsets else 'chunks'} from 0 to {m - 1}, got "
            f"{chunk.min()} to {chunk.max()}"
        )
    if subsets and (np.diff(chunk, axis=-1) <= 0).any():
        raise OperatorError(
            f"{type(schedule).__name__}.choose: expected {g} different blocks a call, in ascending order"
        )
    return chunk.astype(np.int64, copy=False)


def rewritten(mutator: AnyMutator, given: BoolArray | Chunk, rng: Generator) -> Rewritten:
    """The mutator's validated answer; a bare array of correctness counts as valid, one call each.

    Raises: OperatorError if the answer is of another shape or dtype, or the mutator writes into its input.
    """
    try:
        answer = mutator.rewrite(given, rng)  # type: ignore[arg-type]  # each mutator is given what it asks for
    except ValueError as error:
        _refuse_writing(
            error,
            f"{type(mutator).__name__}.rewrite changes its input; it must leave the blocks handed over as they are and "
            "return a new array (copy them first)",
        )
        raise
    shape = given.correct.shape if isinstance(given, Chunk) else given.shape
    if not isinstance(answer, Rewritten):
        answer = Rewritten(answer)
    _check_answer(mutator, "the blocks", answer.correct, shape, np.bool_)
    if answer.valid is not None:
        _check_answer(mutator, "valid", answer.valid, shape[:-1], np.bool_)
    if answer.calls is not None:
        _check_answer(mutator, "calls", answer.calls, shape[:-1], np.int64)
        if answer.calls.size and answer.calls.min() < 1:
            raise OperatorError(
                f"{type(mutator).__name__}.rewrite: expected at least 1 call an answer, got {answer.calls.min()}"
            )
    if answer.solution is not None:
        if not isinstance(given, Chunk) or given.solution is None:
            raise OperatorError(
                f'{type(mutator).__name__}.rewrite: a mutator that answers with a solution must say sees = "solution"'
            )
        _check_answer(mutator, "the solution", answer.solution, given.solution.shape, np.bool_)
    return answer


def rewritten_words(mutator: AnyMutator, words: Words, rng: Generator) -> Words:
    """The validated words of a mutator with `rewrite_words`, uint64 of the shape handed over, to be written into.

    Raises: OperatorError if they are of another shape or dtype, or the mutator writes into its input.
    """
    try:
        after = mutator.rewrite_words(words, rng)  # type: ignore[union-attr]  # asked of those that have it
    except ValueError as error:
        _refuse_writing(
            error,
            f"{type(mutator).__name__}.rewrite_words changes its input; it must return new words (copy them first)",
        )
        raise
    if not isinstance(after, np.ndarray) or after.shape != words.shape or after.dtype != np.uint64:
        raise OperatorError(
            f"{type(mutator).__name__}.rewrite_words: expected a uint64 array of shape {words.shape}, got "
            f"{getattr(after, 'dtype', type(after).__name__)} of shape {getattr(after, 'shape', '?')}"
        )
    return after if after.flags.writeable else after.copy()


def _only_to_look_at(array: Any) -> Any:
    """The same array, which the part that it is handed to cannot write into; None stays None."""
    if array is None:
        return None
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _refuse_writing(error: ValueError, told: str) -> None:
    """Tell a part that wrote into a read-only array what it did; other errors are its own."""
    if "read-only" in str(error):
        raise OperatorError(told) from error


def fitness_change(problem: Problem, before: BoolArray, after: BoolArray) -> FloatArray:
    """Change of fitness by chunks bool [n, g], from a problem with `change`; float [n].

    The chunks are entered into the parents afterwards: a `change` that wrote into them would rewrite solutions.

    Raises: OperatorError if it writes into them, or does not answer with one finite number each.
    """
    kept = _only_to_look_at(after)
    try:
        change = problem.change(before, kept)  # type: ignore[attr-defined]  # optional in the protocol
    except ValueError as error:
        _refuse_writing(error, f"{type(problem).__name__}.change changes the blocks that it is handed; copy them first")
        raise
    return fitness_values(problem, "an offspring", change, (len(after),))


def fitness_of(problem: Problem, what: str, correct: BoolArray) -> FloatArray:
    """The true fitness of solutions bool [..., k], float [...]; `what` says what they are.

    A `fitness` that wrote into the solutions would rewrite those of runs.

    Raises: OperatorError if it writes into them, or does not answer with one finite number each.
    """
    try:
        fitness = problem.fitness(_only_to_look_at(correct))
    except ValueError as error:
        _refuse_writing(
            error, f"{type(problem).__name__}.fitness changes the solutions that it is handed; copy them first"
        )
        raise
    return fitness_values(problem, what, fitness, correct.shape[:-1])


def fitness_values(problem: object, what: str, fitness: Any, shape: tuple[int, ...]) -> FloatArray:
    """The fitness values of a problem as floats, one a solution.

    Raises: OperatorError if it is of another shape, or not finite.
    """
    if np.shape(fitness) != shape:
        raise OperatorError(
            f"{type(problem).__name__}: expected one fitness {what}, shape {shape}, got shape {np.shape(fitness)}; "
            "fitness maps bool [..., k] to numbers [...]"
        )
    if np.iscomplexobj(fitness):
        raise OperatorError(f"{type(problem).__name__}: expected a real fitness of {what}, got complex numbers")
    values = np.asarray(fitness, dtype=np.float64)
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)].flat[0]
        raise OperatorError(f"{type(problem).__name__}: expected a finite fitness of {what}, got {wrong}")
    return values


_ADVICE = {
    "the blocks": "return an array of the shape handed over, for example `rng.random(correct.shape) < p`",
    "valid": "one truth value a call, for example `rng.random(correct.shape[:-1]) < p`",
    "calls": "one number a call, for example `np.full(correct.shape[:-1], 2, dtype=np.int64)`",
    "the solution": "return the whole parent as it is after the call, for example a changed `chunk.solution.copy()`",
}


def _check_answer(mutator: AnyMutator, what: str, answer: Any, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    if not isinstance(answer, np.ndarray) or answer.shape != shape or answer.dtype != dtype:
        got = (
            f"{answer.dtype} array of shape {answer.shape}"
            if isinstance(answer, np.ndarray)
            else f"{type(answer).__name__}"
        )
        raise OperatorError(
            f"{type(mutator).__name__}.rewrite: expected for {what} a {np.dtype(dtype).name} array of shape {shape}, "
            f"got {got}; {_ADVICE[what]}"
        )


def read_fitness(
    evaluator: NoisyProblem,
    correct: BoolArray,
    rng: Generator,
    changed: BoolArray | None = None,
    judgements: Any = None,
) -> Reading:
    """The readings of n solutions by noisy evaluators.

    Raises: OperatorError if it is no Reading of n finite numbers and whole numbers of evaluations, or `evaluate` writes
        into what it is handed.
    """
    name = f"{type(evaluator).__name__}.evaluate"
    solutions, rewritten_blocks, before = map(_only_to_look_at, (correct, changed, judgements))
    try:
        reading = evaluator.evaluate(solutions, rng, rewritten_blocks, before)
    except ValueError as error:
        _refuse_writing(error, f"{name} changes what it is handed; copy it first")
        raise
    if not isinstance(reading, Reading):
        raise OperatorError(f"{name}: expected a Reading(seen, evaluations), got {type(reading).__name__}")
    seen = fitness_values(evaluator, "a solution", reading.seen, (len(correct),))
    counted = np.asarray(reading.evaluations)
    if counted.shape != (len(correct),) or counted.dtype.kind not in "iu" or (counted < 0).any():
        raise OperatorError(f"{name}: expected for evaluations whole numbers >= 0 of shape ({len(correct)},)")
    found = reading.judgements
    if isinstance(found, np.ndarray) and not found.flags.writeable:
        found = found.copy()  # perhaps what was handed over; the loops enter later ones into it
    return Reading(seen, counted.astype(np.int64), found)


def named_parents(runner: Runner, pool: Pool, rng: Generator) -> tuple[IntArray, FloatArray]:
    """The place of each offspring's parent, int [runs, lam], and how the parent is seen, float [runs, lam].

    Raises: OperatorError if they are of another shape, or no places that hold a solution.
    """
    who = runner.parents(pool, rng)
    runs, places = pool.seen.shape
    _check_places(f"{type(runner).__name__}.parents", who, (runs, runner.lam), places)
    who = who.astype(np.int64, copy=False)
    seen: FloatArray = pool.seen.take(who + np.arange(runs)[:, None] * places)
    if seen.min() == -np.inf:
        raise OperatorError(f"{type(runner).__name__}.parents: expected places that hold a solution, got an empty one")
    return who, seen


def named_survivors(runner: Runner, pool: Pool, offspring: FloatArray) -> IntArray:
    """The solution in each place after the generation, int [runs, s].

    Raises: OperatorError if they are of another shape, or no members or offspring.
    """
    stay = runner.survivors(pool, offspring)
    runs, places = pool.seen.shape
    _check_places(f"{type(runner).__name__}.survivors", stay, (runs, places), places + offspring.shape[1])
    if offspring.min() == -np.inf:
        _refuse_invalid(runner, stay, offspring, places)
    return stay.astype(np.int64, copy=False)


def _refuse_invalid(runner: Runner, stay: IntArray, offspring: FloatArray, places: int) -> None:
    row, place = np.nonzero(stay >= places)
    if (offspring[row, stay[row, place] - places] == -np.inf).any():
        raise OperatorError(f"{type(runner).__name__}.survivors: an invalid offspring (seen -inf) must not be kept")


def described(runner: Describing, correct: BoolArray) -> IntArray:
    """The features of solutions bool [runs, n, k], int [runs, n].

    Raises: OperatorError if they are of another shape, or no numbers from 0 to s-1.
    """
    features = runner.describe(_only_to_look_at(correct))
    _check_places(f"{type(runner).__name__}.describe", features, correct.shape[:-1], len(runner.founders))
    return features


def offspring_of_each(runner: Adjusting, state: FloatArray) -> IntArray:
    """How many offspring each run has in the next generation, int [runs].

    Raises: OperatorError if they are no whole numbers from 1 to lam.
    """
    number = runner.offspring(state)
    _check_places(f"{type(runner).__name__}.offspring", number, state.shape, runner.lam + 1)
    if number.size and number.min() < 1:
        raise OperatorError(f"{type(runner).__name__}.offspring: expected at least 1 a run, got {number.min()}")
    return number


def adjusted(runner: Adjusting, state: FloatArray, pool: Pool, offspring: FloatArray) -> FloatArray:
    """The state of each run after a generation, float [runs].

    Raises: OperatorError if it is of another shape, or not finite.
    """
    after = runner.adjust(state, pool, offspring)
    if not isinstance(after, np.ndarray) or after.shape != state.shape or after.dtype.kind not in "iuf":
        raise OperatorError(
            f"{type(runner).__name__}.adjust: expected numbers of shape {state.shape}, got "
            f"{getattr(after, 'dtype', type(after).__name__)} of shape {getattr(after, 'shape', '?')}"
        )
    if not np.isfinite(after).all():
        raise OperatorError(f"{type(runner).__name__}.adjust: expected finite numbers")
    return after.astype(np.float64)


def counts_of_own_loop(runner: OwnLoop, search: Search, counts: RunCounts, runs: int) -> RunCounts:
    """The counts that a runner's own loop gives back, if they hang together as the runner says.

    Raises: OperatorError if a count is of another shape, `calls` is not what `answers` says, or `hit` is not the number
    of offspring that had returned.
    """
    name = f"{type(runner).__name__}.run_batch"
    if not isinstance(counts, RunCounts):
        raise OperatorError(f"{name}: expected RunCounts and a trace or None, got {type(counts).__name__}")
    for entry in ("hit", "generations", "calls", "evaluations"):
        values = getattr(counts, entry)
        if not isinstance(values, np.ndarray) or values.shape != (runs,) or values.dtype.kind not in "iu":
            raise OperatorError(
                f"{name}: expected for {entry} whole numbers of shape ({runs},), got "
                f"{getattr(values, 'dtype', type(values).__name__)} of shape {getattr(values, 'shape', '?')}"
            )
    if hasattr(search.mutator, "mean_calls"):
        return counts  # an answer takes several calls: how many offspring there were is not told
    least, most = runner.answers(counts.generations, search.schedule, search.problem.k)
    off = np.flatnonzero((counts.calls < least) | (counts.calls > most))
    if len(off):
        at = off[0]
        raise OperatorError(
            f"{name}: expected as many calls as `answers` says, {least[at]} to {most[at]} in {counts.generations[at]} "
            f"generations, got {counts.calls[at]}"
        )
    back = counts.calls - runner.in_flight * (counts.generations > 0)
    off = np.flatnonzero((counts.hit >= 0) & (counts.hit != back))
    if len(off):
        at = off[0]
        raise OperatorError(
            f"{name}: `hit` must be the number of all offspring that had returned when the optimum was found, calls - "
            f"in_flight = {back[at]}, got {counts.hit[at]} (-1 for a run without a hit); offspring that count "
            "one by one within a generation are those of an `Adjusting` runner: `offspring(state)` says how many"
        )
    return counts


def _all_below(values: IntArray, below: int) -> bool:
    """Whether whole numbers are from 0 to below-1: read without a sign, a negative number is larger than those."""
    unsigned = values if values.dtype.kind == "u" else values.view(f"u{values.dtype.itemsize}")
    return not values.size or bool(unsigned.max() < below)


def _check_places(what: str, places: Any, shape: tuple[int, ...], below: int) -> None:
    if not isinstance(places, np.ndarray) or places.shape != shape or places.dtype.kind not in "iu":
        raise OperatorError(
            f"{what}: expected whole numbers of shape {shape}, got {getattr(places, 'dtype', type(places).__name__)} "
            f"of shape {getattr(places, 'shape', '?')}"
        )
    if not _all_below(places, below):
        raise OperatorError(f"{what}: expected numbers from 0 to {below - 1}, got {places.min()} to {places.max()}")
