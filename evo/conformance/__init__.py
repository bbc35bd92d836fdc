"""Checks for the parts that users write: small, named, each with the message that says what to do.

`check_mutator(x)` runs them all and returns what each found; `mutator_checks(x)` gives them one by one, for pytest:

    @pytest.mark.parametrize("check", mutator_checks(MyMutator(p=0.5)))
    def test_my_mutator(check):
        check()

A part that does what it declares fails with probability 1e-6 at the most, all checks together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from evo.conformance.mutators import check_mutator, mutator_checks
from evo.conformance.parts import check_cost, cost_checks
from evo.conformance.problems import check_problem, problem_checks
from evo.conformance.programs import check_program, program_checks
from evo.conformance.results import CheckResult, NotConforming, PartCheck
from evo.conformance.runners import check_runner, runner_checks
from evo.conformance.schedules import check_schedule, schedule_checks
from evo.errors import InputError

__all__ = [
    "CheckResult",
    "NotConforming",
    "PartCheck",
    "check_cost",
    "check_mutator",
    "check_part",
    "check_problem",
    "check_program",
    "check_runner",
    "check_schedule",
    "cost_checks",
    "kind_of",
    "mutator_checks",
    "problem_checks",
    "program_checks",
    "runner_checks",
    "schedule_checks",
]

_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Any], tuple[CheckResult, ...]]]] = {
    "mutator": (("rewrite",), check_mutator),
    "problem": (("initial", "fitness"), check_problem),
    "schedule": (("choose", "advance"), check_schedule),
    "runner": (("founders",), check_runner),
    "cost": (("weights",), check_cost),
    "program": (("roles", "execute"), check_program),
}


def kind_of(part: object) -> str:
    """`mutator`, `problem`, `schedule`, `runner`, `cost` or `program`.

    Raises: InputError if it is not a part.

    >>> from evo.schedules import AllBlocks
    >>> kind_of(AllBlocks())
    'schedule'
    """
    for kind, (names, _) in _KINDS.items():
        if all(_has(part, name) for name in names):
            return kind
    for kind, (names, _) in _KINDS.items():
        lacks = [name for name in names if not _has(part, name)]
        if 0 < len(lacks) < len(names):
            raise InputError(f"{part!r} is no {kind}: a {kind} has {' and '.join(names)}, it lacks {lacks[0]}")
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
