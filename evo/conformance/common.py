"""Checks that several kinds of parts share."""

from __future__ import annotations

import inspect
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.conformance.results import Check, DoesNotApply, NotConforming
from evo.costs.ledger import overheads
from evo.errors import InputError

LOOP_CALLS = 5000
"""Calls made one by one, to be compared with as many in one batch."""


def overhead_check(part: object) -> list[Check]:
    """The check of LLM work that a mutator or schedule declares beside its calls, if it does."""
    if inspect.getattr_static(part, "overhead", None) is None:  # not asked for here: it may raise
        return []

    def declared() -> str:
        try:
            works = overheads(part)
        except InputError as error:
            raise NotConforming(str(error)) from None
        return f"{len(works)} declared, paid for with each call"

    return [Check("overhead", part, declared)]


def same_for_a_seed(name: str, answers: Callable[[Generator], Any]) -> str:
    """Check that answers depend on the generator and nothing else.

    Raises: NotConforming.
    """
    first, second = (answers(np.random.default_rng(1)) for _ in range(2))
    if not _equal(first, second):
        raise NotConforming(
            f"{name} gives different answers for the same seed; draw all random numbers from the `rng` handed over"
        )
    return "the same answers for the same seed"


class Repeated:
    """Answers for a seed, to be asked for again when much has happened in between."""

    def __init__(self, name: str, answers: Callable[[Generator], Any]) -> None:
        self.name = name
        self.answers = answers
        self._first: list[Any] = []

    def first(self) -> Any:
        """The answers when they were first asked for."""
        if not self._first:
            self._first.append(self.answers(np.random.default_rng(1)))
        return self._first[0]

    def again(self, when: str) -> str:
        """Check that they are the same now.

        Raises: NotConforming.
        """
        if not _equal(self.first(), self.answers(np.random.default_rng(1))):
            raise NotConforming(
                f"{self.name} gives other answers for the same seed {when}; keep nothing between calls, in the object, "
                "its class or its module"
            )
        return f"the same answers for the same seed {when}"


def global_state_untouched(
    name: str, answers: Callable[[Generator], Any], instead: str = "draw from the `rng` handed over"
) -> str:
    """Check that nothing is drawn from, or set in, the generators that all code shares.

    Raises: NotConforming.
    """
    before = pickle.dumps((np.random.get_state(), random.getstate()))  # noqa: NPY002  # it is what is looked for
    answers(np.random.default_rng(1))
    after = pickle.dumps((np.random.get_state(), random.getstate()))  # noqa: NPY002  # the same
    if before != after:
        raise NotConforming(f"{name} uses the global generator of numpy or of `random`; {instead}")
    return "the global generators of numpy and `random` stay as they were"


def changed(before: list[Any], after: list[Any]) -> bool:
    """Whether any array differs."""
    return any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, tuple):
        return all(_equal(one, other) for one, other in zip(first, second, strict=True))
    return first is second if first is None or second is None else bool(np.array_equal(first, second))


def once(check: Callable[[], str]) -> Callable[[], str]:
    """The check, run once and remembered: what errs at random must not fail where others look and pass by itself."""
    found: list[str | BaseException] = []

    def run() -> str:
        if not found:
            try:
                found.append(check())
            except (Exception, SystemExit) as error:
                found.append(error)
        if isinstance(found[0], BaseException):
            raise found[0]
        return found[0]

    return run


def guarded(first: Callable[[], object], name: str, why: str) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Makes checks that do not apply where the check `name` fails, so that one cause is reported once.

    Args:
        first: what that check runs, remembered.
        name: of that check.
        why: what its failure means for the others.
    """
    raised: dict[str, Callable[[], str]] = {}

    def guard(check: Callable[[], str]) -> Callable[[], str]:
        def run() -> str:
            try:
                first()
            except DoesNotApply:
                raise
            except (Exception, SystemExit):
                raise DoesNotApply(f"{why}, see the check `{name}`") from None
            try:
                return check()
            except DoesNotApply:
                raise
            except (Exception, SystemExit) as error:
                said = f"{type(error).__name__}: {error}"
                if raised.setdefault(said, check) is not check:
                    raise DoesNotApply(f"{said}, as in a check above") from None
                raise

        return run

    return guard
