"""Programs executed, and asked what they expect: whatever they give back is looked at before it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from evo.errors import InputError, NoPrediction, OperatorError
from evo.foreign import blame_part
from evo.parameters import shape_shown, shown
from evo.programs.desk import ENTRIES, Desk
from evo.programs.expected import Expected
from evo.programs.protocol import Program
from evo.programs.roles import Role, expect_roles
from evo.protocols import IntArray
from evo.text import canonical, type_name


@dataclass(frozen=True, eq=False)
class ProgramCounts:
    """What the runs of a batch came to.

    Attributes:
        hit: int64 [runs], number of calls, all roles together, where the task was done right; -1 where it was not.
        depth: int64 [runs], steps made one after the other.
        ledger: int64 [runs, roles, entries].
    """

    hit: IntArray
    depth: IntArray
    ledger: IntArray


def roles_of(program: Program) -> tuple[Role, ...]:
    """The roles of a program, each with a name of its own.

    Raises: InputError; OperatorError if its code breaks.
    """
    with blame_part(program, "roles"):
        return expect_roles(program.roles)


def run_program(program: Program, runs: int, rng: Generator) -> ProgramCounts:
    """Execute a program for a batch of runs.

    Raises: OperatorError if it breaks or gives back something else than bool [runs]; InputError for calls that are
    none.
    """
    desk = Desk(roles_of(program), runs)
    with blame_part(program, "execute"):
        done: Any = program.execute(desk, rng)
    if not isinstance(done, np.ndarray) or done.dtype != np.bool_ or done.shape != (runs,):
        raise OperatorError(
            f"{type_name(type(program))}.execute must return bool [{runs}], whether the task of each run was done "
            f"right, got {shape_shown(done)}"
        )
    calls = desk.ledger[:, :, ENTRIES.index("calls")].sum(axis=1)
    return ProgramCounts(np.where(done & desk.running, calls, -1), desk.depth, desk.ledger)


def expected_of(program: Program) -> Expected:
    """What a program expects of itself.

    Raises: NoPrediction if nothing is exact; OperatorError if its code breaks, or it gives back something else;
    InputError naming the program where a ledger or a chance is none.
    """
    ask: Any = getattr(program, "expected", None)
    if ask is None:
        raise NoPrediction(f"{type_name(type(program))} does not say what it expects; give it a method expected()")
    try:
        with blame_part(program, "expected"):
            found = ask()
    except InputError as error:
        raise InputError(f"{canonical(program)}.expected: {error}") from error
    roles = roles_of(program)
    if not isinstance(found, Expected) or found.ledger.shape[0] != len(roles):
        raise OperatorError(
            f"{type_name(type(program))}.expected must return an Expected with a ledger of its {len(roles)} roles, got "
            f"{shown(found)}"
        )
    return found
