"""The checks of a mutator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.call_laws import adds_up, calls_as_declared, independent_in_a_run, law_holds
from evo.conformance.common import (
    LOOP_CALLS,
    changed,
    global_state_untouched,
    overhead_check,
    part_checks,
    same_for_a_seed,
    same_law,
)
from evo.conformance.results import FALSE_FAIL_RATE, Check, CheckResult, DoesNotApply, NotConforming, results
from evo.conformance.serving import arrays, ask, calls, counts, sizes, state
from evo.contracts import drawn_traits, rewritten
from evo.errors import EvoError
from evo.protocols import AnyMutator


def check_mutator(mutator: AnyMutator) -> tuple[CheckResult, ...]:
    """Run all checks of a mutator, informed ones included; a few seconds at the most.

    >>> from evo.laws import IndependentBlocks
    >>> check_mutator(object())[0].message
    'object is no frozen dataclass; write @dataclass(frozen=True) above the class'
    """
    return results(mutator_checks(mutator))


def mutator_checks(mutator: AnyMutator) -> list[Check]:
    """The checks of a mutator, to be run one by one."""
    name = f"{type(mutator).__name__}.rewrite"

    def answers(rng: Generator) -> Any:
        return _varied_answers(mutator, rng)

    def served(check: Any) -> Any:
        def run() -> str:
            try:
                _shapes(mutator)
            except Exception as error:
                raise DoesNotApply("rewrite does not answer as it must, see the check `shape and dtype`") from error
            found: str = check()
            return found

        return run

    rate = FALSE_FAIL_RATE / 5
    return [
        *part_checks(mutator),
        Check("shape and dtype", mutator, lambda: _shapes(mutator)),
        Check("input unchanged", mutator, lambda: _input_unchanged(mutator)),
        Check("same for a seed", mutator, served(lambda: same_for_a_seed(name, answers))),
        Check("global generators", mutator, served(lambda: global_state_untouched(name, answers))),
        Check("batch as loop", mutator, served(lambda: _batch_as_loop(mutator, rate))),
        Check("law adds up", mutator, lambda: adds_up(mutator)),
        Check("law holds", mutator, served(lambda: law_holds(mutator, 2 * rate))),
        Check("calls of a run independent", mutator, served(lambda: independent_in_a_run(mutator, rate))),
        Check("calls of an answer", mutator, served(lambda: calls_as_declared(mutator, rate))),
        *overhead_check(mutator),
    ]


def _varied_answers(mutator: AnyMutator, rng: Generator) -> Any:
    """Answers to 200 random chunks of each length, as arrays; the chunks are the same each time."""
    k, lengths = sizes(mutator)
    made: list[Any] = []
    for g in lengths:
        solutions = np.random.default_rng(g).random((200, k)) < 0.5
        given = calls(mutator, solutions, k - g, g, False, drawn_traits(mutator, 200, k, rng))
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
        for n in (1, 7, 200):
            _, answer = ask(mutator, state(k, g, g // 2, False), g, n, rng)
            if answer.calls is not None and answer.calls.min() < 1:
                raise NotConforming(
                    f"{type(mutator).__name__}.rewrite: expected at least 1 call an answer, got {answer.calls.min()}"
                )
    return f"bool [n, g] in and out for k = {k}, g = {', '.join(map(str, lengths))}"


def _input_unchanged(mutator: AnyMutator) -> str:
    """Twice: arrays that may be written into and are compared, and read-only ones, as the engine has them."""
    k, lengths = sizes(mutator)
    rng = np.random.default_rng(1)
    name = type(mutator).__name__
    for g in lengths:
        solutions = rng.random((200, k)) < 0.5
        for writeable in (True, False):
            given = calls(mutator, solutions, 0, g, False, drawn_traits(mutator, 200, k, rng))
            handed = arrays(given)
            before = {what: array.copy() for what, array in handed.items()}
            for array in handed.values():
                array.flags.writeable = writeable
            try:
                mutator.rewrite(given, rng)  # type: ignore[arg-type]  # each mutator is given what it asks for
            except EvoError:
                raise
            except Exception as error:
                if "read-only" in str(error):
                    raise NotConforming(f"{name}.rewrite writes into what it is handed; copy it first") from None
                raise DoesNotApply("rewrite does not answer at all, see the check `shape and dtype`") from None
            for what, array in handed.items():
                if changed([before[what]], [array]):
                    raise NotConforming(f"{name}.rewrite changes `{what}`, which it is handed; copy it first")
    return f"{', '.join(arrays(given))} left as handed over"


def _batch_as_loop(mutator: AnyMutator, alpha: float) -> str:
    k, lengths = sizes(mutator)
    g = lengths[len(lengths) // 2]
    at = state(k, g, (g + 1) // 2, False)
    batch = counts(ask(mutator, at, g, LOOP_CALLS, np.random.default_rng(1))[1])
    rng = np.random.default_rng(2)
    loop = np.concatenate([counts(ask(mutator, at, g, 1, rng)[1]) for _ in range(LOOP_CALLS)])
    return same_law("number of correct blocks", batch, loop, g + 2, alpha)
