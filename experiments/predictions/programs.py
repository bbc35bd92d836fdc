"""What programs of calls are predicted to come to: their own `expected()`, priced."""

from __future__ import annotations

import math
from functools import lru_cache, singledispatch

import numpy as np

from evo.costs.ledger import LEDGER
from evo.errors import InputError, NoPrediction, OperatorError
from evo.programs import Expected, Program, certain
from evo.programs.execute import expected_of
from evo.theory import TimeLaw
from evo.theory.times.derived import defective
from experiments.grids.any_cell import AnyCell
from experiments.grids.programs.cell import ProgramCell, largest_number

CHECKED = ("the program states its expected ledger",)
TRUSTED = ("`execute` makes the calls that `expected` states",)

Known = tuple[TimeLaw | None, float, float]
"""Law (None if only the mean is known), mean and unit of a quantity."""


def expected_in(cell: ProgramCell) -> Expected:
    """What the program of a cell expects; cells that differ in price only ask it once.

    Raises: NoPrediction, also if its code breaks or gives back what is no expectation: that costs this cell its
        prediction, and no other.
    """
    found = _asked(cell.program, cell.identity)  # type: ignore[arg-type]  # parts are frozen dataclasses
    if isinstance(found, str):
        raise NoPrediction(f"{cell.text}: {found}")
    return found


@lru_cache(maxsize=4096)
def _asked(program: Program, text: str) -> Expected | str:
    try:
        return expected_of(program)
    except NoPrediction as error:
        return str(error)
    except (InputError, OperatorError) as error:
        return f"its expected() is of no use: {error}"
    except MemoryError:
        return f"not enough memory to work out what it expects; lower {largest_number(program)}"


@singledispatch
def known_done(cell: AnyCell) -> float:
    """P(the task of a cell is done right), where cells of its kind have one; NaN if it is not known."""
    return math.nan


@known_done.register
def _(cell: ProgramCell) -> float:
    """Of the whole expectation, or of the property `done` alone."""
    try:
        return expected_in(cell).done
    except NoPrediction:
        done = getattr(cell.program, "done", None)
        return done if isinstance(done, float) else math.nan


@singledispatch
def runs_alike(cell: AnyCell) -> bool:
    """Whether every run of a cell is known to have the same ledger."""
    return False


@runs_alike.register
def _(cell: ProgramCell) -> bool:
    try:
        return expected_in(cell).exact_every_run
    except NoPrediction:
        return False


def known_of_program(cell: ProgramCell, quantity: str) -> Known:
    """Law, mean and unit of "hit", "calls", "cost" or a column of a role such as "qa.pass_tokens".

    Raises: NoPrediction.
    """
    expected = expected_in(cell)
    calls = float(expected.ledger[:, LEDGER.index("calls")].sum())
    law = certain(int(calls)) if expected.exact_every_run else expected.calls
    if quantity == "calls":
        return law, calls, 1.0
    if quantity == "hit":
        return _hit(cell, expected, law, calls)
    if quantity == "cost":
        cost = sum(price * expected_column(cell, name) for name, price in cell.prices.items())
        sure = expected.exact_every_run and calls > 0
        return (law, cost, cost / calls) if sure else (None, cost, 1.0)
    if quantity == "generations" and expected.mean_steps is not None:
        steps = None if expected.steps is None else certain(expected.steps)
        return steps, expected.mean_steps, 1.0
    if quantity == "generations":
        raise NoPrediction(
            f"{cell.text}: the number of steps is not predicted: the program does not say what it waits for "
            "(`Expected(waits=)`)"
        )
    if quantity in columns_of_roles(cell):
        return None, expected_column(cell, quantity), 1.0
    raise NoPrediction(f"{cell.text}: {quantity} of a program is not predicted")


def _hit(cell: ProgramCell, expected: Expected, law: TimeLaw | None, calls: float) -> Known:
    """The number of calls where the task is done right, infinite where it is not."""
    if expected.done == 1.0:
        return law, calls, 1.0
    if not expected.exact_every_run or law is None:
        raise NoPrediction(
            f"{cell.text}: the task is done right with probability {expected.done:.4g}; the number of calls of "
            "the runs that do it right is not known. `calls` and `cost`, of all runs, are predicted"
        )
    return defective(law, 1.0 - expected.done), math.inf, 1.0


def columns_of_roles(cell: ProgramCell) -> list[str]:
    """The columns of the table of runs that tell the ledger role by role."""
    return [f"{role.name}.{entry}" for role in cell.roles for entry in LEDGER]


def expected_column(cell: ProgramCell, name: str) -> float:
    """The expected value of a role's column, `qa.pass_tokens`.

    Raises: NoPrediction.
    """
    role, _, entry = name.partition(".")
    at = [each.name for each in cell.roles].index(role)
    return float(expected_in(cell).ledger[at, LEDGER.index(entry)])


def expected_total(cell: ProgramCell, entry: str) -> float:
    """The expected value of an entry, all roles together.

    Raises: NoPrediction.
    """
    return float(np.asarray(expected_in(cell).ledger[:, LEDGER.index(entry)], dtype=float).sum())
