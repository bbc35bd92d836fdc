"""The kind of a part, recognised by its methods."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from evo.conformance.mutators import check_mutator
from evo.conformance.parts import check_cost
from evo.conformance.problems import check_problem
from evo.conformance.results import CheckResult
from evo.conformance.schedules import check_schedule
from evo.errors import InputError

_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Any], tuple[CheckResult, ...]]]] = {
    "mutator": (("rewrite",), check_mutator),
    "problem": (("initial", "fitness"), check_problem),
    "schedule": (("choose", "advance"), check_schedule),
    "cost": (("weights",), check_cost),
}


def kind_of(part: object) -> str:
    """`mutator`, `problem`, `schedule` or `cost`.

    Raises: InputError if it is not a part.

    >>> from evo.schedules import AllBlocks
    >>> kind_of(AllBlocks())
    'schedule'
    """
    for kind, (names, _) in _KINDS.items():
        if all(_has(part, name) for name in names):
            return kind
    listed = "; ".join(f"a {kind} has {', '.join(names)}" for kind, (names, _) in _KINDS.items())
    raise InputError(f"{part!r} is no part of a cell: {listed}")


def _has(part: object, name: str) -> bool:
    """Looked up statically: a property that raises is a fault of the part, not another kind of part."""
    missing = object()
    return inspect.getattr_static(part, name, missing) is not missing


def check_part(part: object) -> tuple[CheckResult, ...]:
    """Run the checks for the part's kind.

    Raises: InputError if it is not a part.
    """
    return _KINDS[kind_of(part)][1](part)
