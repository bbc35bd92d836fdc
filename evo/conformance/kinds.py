"""Which kind of part an object is, told by what it has."""

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

HAS: dict[str, tuple[str, ...]] = {
    "mutator": ("rewrite",),
    "problem": ("initial", "fitness"),
    "schedule": ("choose", "advance"),
    "cost": ("weights",),
}
_CHECKS: dict[str, Callable[[Any], tuple[CheckResult, ...]]] = {
    "mutator": check_mutator,
    "problem": check_problem,
    "schedule": check_schedule,
    "cost": check_cost,
}


def kind_of(part: object) -> str:
    """`mutator`, `problem`, `schedule` or `cost`.

    Raises: InputError if it is none.

    >>> from evo.schedules import AllBlocks
    >>> kind_of(AllBlocks())
    'schedule'
    """
    for kind, names in HAS.items():
        if all(_has(part, name) for name in names):
            return kind
    listed = "; ".join(f"a {kind} has {', '.join(names)}" for kind, names in HAS.items())
    raise InputError(f"{part!r} is no part of a cell: {listed}")


def _has(part: object, name: str) -> bool:
    """Looked up and not asked for: a property that raises is a fault of a part, not another kind of part."""
    missing = object()
    return inspect.getattr_static(part, name, missing) is not missing


def check_part(part: object) -> tuple[CheckResult, ...]:
    """Run the checks of the kind of part it is.

    Raises: InputError if it is none.
    """
    return _CHECKS[kind_of(part)](part)
