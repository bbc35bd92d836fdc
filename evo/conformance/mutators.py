"""The checks of a mutator."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.call_laws import adds_up, independent_in_a_run, law_holds, words_as_blocks
from evo.conformance.call_numbers import calls_as_declared
from evo.conformance.determinism import (
    LOOP_CALLS,
    batch_as_loop,
    changed,
    drawn_checks,
    guarded,
    once,
    overhead_check,
    same_answers,
    same_for_a_seed,
)
from evo.conformance.parts import part_checks
from evo.conformance.results import FALSE_FAIL_RATE, CheckResult, DoesNotApply, NotConforming, PartCheck, results
from evo.conformance.serving import CallState, arrays, calls, counts, make_calls, sizes
from evo.declarations import declared
from evo.engine.contracts import drawn_traits, rewritten
from evo.engine.words.which import rewrites_words
from evo.errors import EvoError, InputError
from evo.forms.texts import TextCall, TextMutator, Unreadable
from evo.protocols import AnyMutator, Chunk, is_informed


def check_mutator(mutator: AnyMutator) -> tuple[CheckResult, ...]:
    """Run all checks of a mutator, informed ones included; a few seconds at the most.

    >>> from evo.laws.counts import IndependentBlocks
    >>> check_mutator(object())[0].message
    'object is no frozen dataclass; write @dataclass(frozen=True) above the class'
    """
    return results(mutator_checks(mutator))


def mutator_checks(mutator: AnyMutator) -> list[PartCheck]:
    """The checks of a mutator, to be run one by one; of a real model those of its requests."""
    if isinstance(mutator, TextMutator):
        return [*part_checks(mutator), PartCheck("request and answer", mutator, lambda: _asks_and_reads(mutator))]
    name = f"{type(mutator).__name__}.rewrite"
    rate = FALSE_FAIL_RATE / 8

    def answers(rng: Generator) -> Any:
        return _varied_answers(mutator, rng)

    middle = cache(lambda: _middle_state(mutator))  # once: `fits` may take as long as an answer

    def rows(n: int, rng: Generator) -> Any:
        return counts(make_calls(mutator, middle(), n, rng)[1])

    def batch() -> str:
        return batch_as_loop("number of correct blocks", rows, middle().g + 2, rate)

    first = cache(lambda: answers(np.random.default_rng(1)))
    shapes, same = once(lambda: _shapes(mutator)), once(lambda: same_for_a_seed(name, answers, first()))
    served = guarded(shapes, "shape and dtype", "rewrite does not answer as it must")
    seeded = guarded(same, "same for a seed", "answers differ at once")
    adds = once(lambda: adds_up(mutator))
    lawful = guarded(adds, "law adds up", "the declared law is none")
    sized = guarded(lambda: sizes(mutator), "shape and dtype", "fits does not say what is served")
    drawn = drawn_checks(name, answers, batch, rows, rate) | {"same for a seed": same}
    return [
        *part_checks(mutator),
        PartCheck("shape and dtype", mutator, shapes),
        PartCheck("input unchanged", mutator, sized(lambda: _input_unchanged(mutator))),
        *(PartCheck(what, mutator, served(check)) for what, check in drawn.items()),
        PartCheck("calls independent", mutator, served(lambda: _calls_independent(mutator, rate))),
        PartCheck("whole solution", mutator, served(lambda: _whole_solution(mutator))),
        PartCheck("law adds up", mutator, sized(adds)),
        PartCheck("law holds", mutator, served(lawful(lambda: law_holds(mutator, 2 * rate)))),
        PartCheck("calls of a run independent", mutator, served(lawful(lambda: independent_in_a_run(mutator, rate)))),
        PartCheck("calls of an answer", mutator, served(lambda: calls_as_declared(mutator, rate))),
        PartCheck("nothing remembered", mutator, served(seeded(lambda: _forgets(mutator, answers, first())))),
        *overhead_check(mutator),
        *_words_checks(mutator, rate),
    ]


def _words_checks(mutator: AnyMutator, alpha: float) -> list[PartCheck]:
    """The check of what the engine calls in place of `rewrite`, where a mutator has it."""
    if rewrites_words(mutator):
        return [PartCheck("words as blocks", mutator, lambda: words_as_blocks(mutator, alpha))]
    if not hasattr(mutator, "rewrite_words") or declared(mutator, "rewrite_words") is not None:
        return []
    return [PartCheck("words as blocks", mutator, lambda: _outranked(mutator))]


def _outranked(mutator: AnyMutator) -> str:
    raise DoesNotApply(
        f"{type(mutator).__name__} inherits rewrite_words and has a rewrite of its own: runs call rewrite alone"
    )


def _asks_and_reads(mutator: TextMutator) -> str:
    """A request is JSON with a model and messages, the same for the same call; an answer is g texts, or Unreadable."""
    name, call = type(mutator).__name__, TextCall((0, 2), ("a", "b"), ("", ""), ("a", "x", "b"))
    made = mutator.request(call)
    try:
        text = json.dumps(made, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise NotConforming(f"{name}.request: expected what JSON can hold: {error}") from None
    if not {"model", "messages"} <= set(made):
        raise NotConforming(f"{name}.request: expected model and messages, got {', '.join(made) or 'nothing'}")
    if json.dumps(mutator.request(call), sort_keys=True) != text:
        raise NotConforming(f"{name}.request: expected the same for the same call, by which answers are found again")
    for answer in ("", "I am sorry.", text):
        try:
            read = mutator.read(call, answer)
        except Unreadable:
            continue
        if not isinstance(read, tuple) or len(read) != 2 or not all(isinstance(each, str) for each in read):
            raise NotConforming(f"{name}.read: expected 2 texts, or Unreadable raised, got {read!r:.100}")
    return "requests hold a model and messages, and are the same for the same call; answers are texts, or refused"


def _varied_answers(mutator: AnyMutator, rng: Generator) -> Any:
    """Answers to 200 random chunks of each length, as arrays; the chunks are the same each time."""
    k, lengths = sizes(mutator)
    made: list[Any] = []
    for g in lengths:
        solutions = np.random.default_rng(g).random((200, k)) < 0.5
        traits = drawn_traits(mutator, 200, k, rng)
        given = calls(mutator, solutions, k - g, g, np.zeros(200, dtype=np.int64), traits)
        answer = rewritten(mutator, given, rng)
        made += [answer.correct, answer.valid, answer.solution, answer.calls]
    return tuple(made)


def _shapes(mutator: AnyMutator) -> str:
    if not hasattr(mutator, "rewrite"):
        raise NotConforming(f"{type(mutator).__name__} has no method rewrite(correct, rng)")
    sees = getattr(mutator, "sees", "chunk")
    if sees not in ("chunk", "positions", "solution"):
        raise NotConforming(
            f"{type(mutator).__name__}.sees must be 'positions' or 'solution' (or be left out), got {sees!r}"
        )
    k, lengths = sizes(mutator)
    rng = np.random.default_rng(1)
    for g in lengths:
        for n in (1, 7, 200, LOOP_CALLS):
            try:
                make_calls(mutator, CallState(k, g, g // 2), n, rng)
            except Exception as error:
                _explain(mutator, g, k, error, works_for_shorter=g > lengths[0])
                raise
    return f"bool [n, g] in and out for k = {k}, g = {', '.join(map(str, lengths))}"


def _explain(mutator: AnyMutator, g: int, k: int, error: Exception, works_for_shorter: bool) -> None:
    """Raise a more helpful error where the mutator did not expect its input."""
    name = type(mutator).__name__
    if isinstance(error, AttributeError) and not is_informed(mutator) and error.name in Chunk.__dataclass_fields__:
        raise NotConforming(
            f"{name}.rewrite asks for `.{error.name}` and is handed an array; a mutator that wants a Chunk sets sees = "
            '"positions" or "solution", or has draw(runs, k, rng)'
        ) from error
    if isinstance(error, InputError) or (works_for_shorter and not isinstance(error, EvoError)):
        raise NotConforming(
            f"{name}.rewrite raised {type(error).__name__}: {error} (g = {g}, k = {k}); if chunks of {g} blocks cannot "
            "be served, say so in fits(k, g) by raising InputError"
        ) from error


def _input_unchanged(mutator: AnyMutator) -> str:
    """Tried with writeable arrays, compared afterwards, and with read-only ones, as in the engine."""
    k, lengths = sizes(mutator)
    rng = np.random.default_rng(1)
    name = type(mutator).__name__
    for g in lengths:
        solutions = rng.random((200, k)) < 0.5
        for writeable in (True, False):
            generation = np.zeros(200, dtype=np.int64)
            try:
                given = calls(mutator, solutions, 0, g, generation, drawn_traits(mutator, 200, k, rng))
                handed = arrays(given)
                before = {what: array.copy() for what, array in handed.items()}
                for array in handed.values():
                    array.flags.writeable = writeable
                mutator.rewrite(given, rng)
            except (Exception, SystemExit) as error:
                if "read-only" in str(error):
                    raise NotConforming(f"{name}.rewrite writes into what it is handed; copy it first") from None
                raise DoesNotApply("rewrite does not answer at all, see the check `shape and dtype`") from None
            for what, array in handed.items():
                if changed([before[what]], [array]):
                    raise NotConforming(f"{name}.rewrite changes `{what}`, which it is handed; copy it first")
    return f"{', '.join(arrays(given))} left as handed over"


def _middle_state(mutator: AnyMutator) -> CallState:
    k, lengths = sizes(mutator)
    g = lengths[len(lengths) // 2]
    return CallState(k, g, (g + 1) // 2)


def _calls_independent(mutator: AnyMutator, alpha: float) -> str:
    """Two calls on the same chunks: a row is as often the same as the next row of the other call.

    Each of the two shares is off by sqrt(ln(4/alpha)/2n) at the most w.p. 1 - alpha/2 (Hoeffding).
    """
    at, n = _middle_state(mutator), LOOP_CALLS
    rng = np.random.default_rng(3)
    first, second = (_rows(make_calls(mutator, at, n, rng)[1]) for _ in range(2))
    same = float((first == second).all(axis=1).mean())
    other = float((first == np.roll(second, 1, axis=0)).all(axis=1).mean())
    width = math.sqrt(2 * math.log(4 / alpha) / n)
    if abs(same - other) > width:
        raise NotConforming(
            f"{type(mutator).__name__}.rewrite answers the same chunk twice in succession with the same blocks with "
            f"probability {same:.3f}, and independent answers would be the same with probability {other:.3f}; draw "
            "anew for every call and keep nothing between calls"
        )
    return f"an answer says nothing of the next one; {2 * width:.2g} in the probability of a repetition would be found"


def _rows(answer: Any) -> Any:
    valid = np.ones(len(answer.correct), dtype=np.bool_) if answer.valid is None else answer.valid
    return np.column_stack((answer.correct, valid))


def _whole_solution(mutator: AnyMutator) -> str:
    k, lengths = sizes(mutator)
    answered = False
    for g in lengths:
        for place in ("first", "last", "middle"):
            given, answer = make_calls(mutator, CallState(k, g, g // 2, place), 1000, np.random.default_rng(1))
            if answer.solution is None or not isinstance(given, Chunk):
                continue
            answered = True
            inside = np.take_along_axis(answer.solution, given.blocks, axis=1)
            # The engine enters `correct`, so that damage to the old chunk is overwritten; a repair would be lost.
            claims = inside & ~answer.correct & ~given.correct
            wrong = claims.any(axis=1) & (counts(answer) >= 0)
            if wrong.any():
                raise NotConforming(
                    f"{type(mutator).__name__}.rewrite answers with a solution in which blocks of the chunk are "
                    f"correct that are not in `correct` ({int(wrong.sum())} of {len(wrong):,} answers, g = {g}); "
                    "`correct` counts: enter it into the solution"
                )
    if not answered:
        raise DoesNotApply("no answer comes with a solution: nothing but the chunk is changed")
    return "the solution repairs nothing in the chunk that `correct` does not"


def _forgets(mutator: AnyMutator, answers: Callable[[Generator], Any], first: Any) -> str:
    """The same answers for a seed as at first, after thousands of calls of one row."""
    at, rng = _middle_state(mutator), np.random.default_rng(4)
    for _ in range(LOOP_CALLS):
        make_calls(mutator, at, 1, rng)
    when = f"for the same seed after {LOOP_CALLS:,} more calls"
    if not same_answers(first, answers(np.random.default_rng(1))):
        raise NotConforming(
            f"{type(mutator).__name__}.rewrite gives other answers {when}; keep nothing between calls, in the object, "
            "its class or its module"
        )
    return f"the same answers {when}"
