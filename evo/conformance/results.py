"""A check, and what it found."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from evo.errors import OperatorError

FALSE_FAIL_RATE = 1e-6
"""Probability that a part that does what it declares fails any check of its kind."""


class NotConforming(OperatorError):
    """A part fails a check; the message says which, and what to do."""


class DoesNotApply(Exception):  # not an error: leaves a check early
    """There is nothing to check; the message says why."""


class NotChecked(DoesNotApply):
    """There is something to check, which cannot be; the message says why."""


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        name: of the check.
        passed: True or False; None if the check does not apply.
        message: what was checked, what is wrong and what to do, or why it does not apply.
        unchecked: whether it does not apply because something cannot be checked, not because there is nothing to check.
    """

    name: str
    passed: bool | None
    message: str
    unchecked: bool = False

    @property
    def outcome(self) -> str:
        """`passed`, `FAILED` or `does not apply`."""
        return {True: "passed", False: "FAILED", None: "does not apply"}[self.passed]


@dataclass(frozen=True)
class PartCheck:
    """One named check of one part.

    Attributes:
        name: of the check; pytest shows it as the test's id.
        part: what is checked.
        run: returns in words what was checked, or raises NotConforming or DoesNotApply, as every function of a check.
    """

    name: str
    part: object
    run: Callable[[], str] = field(repr=False)

    @property
    def __name__(self) -> str:
        """What pytest names a parameter by."""
        return self.name

    def __call__(self) -> CheckResult:
        """Run the check.

        Raises: NotConforming if the part fails it.
        """
        found = self.result()
        if found.passed is False:
            raise NotConforming(f"{found.name}: {found.message}")
        return found

    def result(self) -> CheckResult:
        """Run the check, and return what it found."""
        try:
            return CheckResult(self.name, True, self.run())
        except DoesNotApply as reason:
            return CheckResult(self.name, None, str(reason), isinstance(reason, NotChecked))
        except OperatorError as error:
            return CheckResult(self.name, False, str(error))
        except (Exception, SystemExit) as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}, line {where.lineno}, in {where.name}"
            raised = f"{type(self.part).__name__} raised {type(error).__name__}: {error} ({place})"
            return CheckResult(self.name, False, raised)


def results(checks: Iterable[PartCheck]) -> tuple[CheckResult, ...]:
    """The results of all checks."""
    return tuple(check.result() for check in checks)
