"""Checks that all kinds of parts share, and the comparison of two samples."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.conformance.results import Check, DoesNotApply, NotConforming
from evo.errors import InputError
from evo.ledger import overheads
from evo.text import canonical, is_frozen_dataclass, parse, type_name

LOOP_CALLS = 5000
"""Calls made one by one, to be compared with as many in one batch."""


def part_checks(part: object) -> list[Check]:
    """What every part must be: a frozen dataclass with a text, that can be sent to worker processes."""
    return [
        Check("frozen dataclass", part, lambda: _frozen(part)),
        Check("canonical text", part, lambda: _text(part)),
        Check("picklable", part, lambda: _picklable(part)),
    ]


def _frozen(part: object) -> str:
    name = type(part).__name__
    if not is_frozen_dataclass(part):
        raise NotConforming(f"{name} is no frozen dataclass; write @dataclass(frozen=True) above the class")
    try:
        hash(part)
    except TypeError as error:
        raise NotConforming(f"{name} cannot be hashed ({error}); hold tuples, not lists or arrays") from None
    return f"{name} is a frozen dataclass and can be hashed"


def _text(part: object) -> str:
    if not is_frozen_dataclass(part):
        raise DoesNotApply("only a frozen dataclass has a canonical text")
    try:
        text = canonical(part)
        again = parse(text, _finder(part))
    except InputError as error:
        raise NotConforming(str(error)) from None
    if again != part or canonical(again) != text:
        raise NotConforming(
            f"the text {text} gives back {again!r}, not {part!r}; keep in fields what the constructor was given"
        )
    return f"{text} gives the same part back"


def _finder(part: object) -> Callable[[str], type]:
    known: dict[str, type] = {}

    def enter(value: object) -> None:
        if isinstance(value, tuple):
            for item in value:
                enter(item)
        elif is_frozen_dataclass(value):
            known[type_name(type(value))] = type(value)
            for field in fields(value):  # type: ignore[arg-type]  # a dataclass
                enter(getattr(value, field.name))

    enter(part)

    def find(name: str) -> type:
        if name not in known:
            # A class in a function is called `test.<locals>.Mine`, which is no Python.
            raise InputError(f"unknown part {name!r}")
        return known[name]

    return find


def _picklable(part: object) -> str:
    name = type(part).__name__
    try:
        again = pickle.loads(pickle.dumps(part))
    except Exception as error:
        raise NotConforming(
            f"{name} cannot be sent to worker processes ({error}); define it at the top level of a module and hold "
            "plain values"
        ) from None
    if again != part:
        raise NotConforming(f"{name} comes back from a worker process as {again!r}, not {part!r}")
    return "the part can be sent to worker processes"


def overhead_check(part: object) -> list[Check]:
    """The check of LLM work that a mutator or schedule declares beside its calls, if it does."""
    if not hasattr(part, "overhead"):
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


def global_state_untouched(name: str, answers: Callable[[Generator], Any]) -> str:
    """Check that nothing is drawn from, or set in, the generators that all code shares.

    Raises: NotConforming.
    """
    before = pickle.dumps((np.random.get_state(), random.getstate()))  # noqa: NPY002  # it is what is looked for
    answers(np.random.default_rng(1))
    after = pickle.dumps((np.random.get_state(), random.getstate()))  # noqa: NPY002  # the same
    if before != after:
        raise NotConforming(
            f"{name} uses the global generator of numpy or of `random`; draw from the `rng` handed over"
        )
    return "the global generators of numpy and `random` stay as they were"


def same_law(what: str, batch: NDArray[np.int64], loop: NDArray[np.int64], most: int, alpha: float) -> str:
    """Check that two samples of categories, one a call, have the same law and the same law of neighbours.

    |P_n(x) - P'_n(x)| <= sqrt(ln(2 c/alpha)/n) for all c categories, `most` of them, w.p. 1 - alpha (Hoeffding).
    Neighbours: P(a call gives what the call before it gave), from disjoint pairs.

    Raises: NotConforming.
    """
    pairs = len(batch) // 2
    log = math.log(2 * (most + 1) / alpha)
    compared = []
    for x in np.union1d(batch, loop):
        shares = (float(np.mean(batch == x)), float(np.mean(loop == x)))
        compared.append((*shares, math.sqrt(log / len(batch)), f"P({what} = {x})"))
    in_pairs = [float(np.mean(sample[0 : 2 * pairs : 2] == sample[1 : 2 * pairs : 2])) for sample in (batch, loop)]
    compared.append((in_pairs[0], in_pairs[1], math.sqrt(log / pairs), f"P(two neighbours have the same {what})"))
    in_batch, alone, width, event = max(compared, key=lambda each: abs(each[0] - each[1]) / each[2])
    if abs(in_batch - alone) > width:
        raise NotConforming(
            f"{event} is {in_batch:.3f} in a batch of {len(batch):,} and {alone:.3f} when asked one by one; each row "
            "of a batch is a run of its own: draw random numbers in the shape of what is handed over"
        )
    return f"a batch is as many single ones; {2 * compared[0][2]:.2g} in any probability would have been found"


def changed(before: list[Any], after: list[Any]) -> bool:
    """Whether any array differs."""
    return any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, tuple):
        return all(_equal(one, other) for one, other in zip(first, second, strict=True))
    return first is second if first is None or second is None else bool(np.array_equal(first, second))
