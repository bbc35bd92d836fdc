"""What is expected of a program: its ledger, role by role, and the chance that its task is done right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.costs.ledger import call_entries
from evo.errors import InputError
from evo.parameters import shown, whole
from evo.programs.desk import ENTRIES, MOST, column_of
from evo.programs.roles import Role
from evo.theory.times.closed import ALREADY_OPTIMAL, Geometric
from evo.theory.times.derived import Scaled
from evo.theory.times.law import TimeLaw

ROUNDING = 1e-12  # how far a probability may be outside [0, 1] by rounding


@dataclass(frozen=True, eq=False)
class Expected:
    """What is known of a program before it runs.

    Attributes:
        ledger: [roles, entries] in the order of `Program.roles` and `ENTRIES`: the ledger of every run, int64, if
            `exact_every_run`; else its mean, float.
        exact_every_run: whether every run has this ledger, to the last unit.
        done: probability that the task is done right.
        calls: the law of the number of calls of a run, all roles together, where it is known.
        source: labels of the formulas.
        steps: how many steps every run makes one after the other (calls made together are one), where
            `exact_every_run`; None where it is not said. It follows from `waits`.
        waits: the calls that a run waits for, one after the other, from which its seconds follow: those of the ledger,
            or of calls of different lengths made at the same time the longest alone; None where it is not said.
    """

    ledger: NDArray[Any]
    exact_every_run: bool
    done: float = 1.0
    calls: TimeLaw | None = None
    source: str = ""
    steps: int | None = None
    waits: Iterable[Calls] | None = None

    def __post_init__(self) -> None:
        ledger = np.asarray(self.ledger)
        kind = "iu" if self.exact_every_run else "iuf"
        if ledger.ndim != 2 or ledger.shape[1] != len(ENTRIES) or ledger.dtype.kind not in kind or (ledger < 0).any():
            raise InputError(
                f"Expected: ledger must be {'whole ' if self.exact_every_run else ''}numbers >= 0 [roles, "
                f"{len(ENTRIES)}] ({', '.join(ENTRIES)}), got {ledger.dtype} {list(ledger.shape)}; expected_ledger "
                "makes one"
            )
        if not np.isfinite(ledger).all():
            row, entry = np.argwhere(~np.isfinite(ledger))[0]
            raise InputError(
                f"Expected: ledger must be finite numbers, got {ledger[row, entry]} for {ENTRIES[entry]} of the role "
                f"in row {row}"
            )
        if not -ROUNDING <= self.done <= 1.0 + ROUNDING:
            raise InputError(f"Expected: done must be a probability in [0, 1], got {shown(self.done)}")
        if self.waits is not None:
            object.__setattr__(self, "waits", tuple(self.waits))
            if self.exact_every_run and self.steps is None:
                object.__setattr__(self, "steps", _count(self.mean_steps, "steps of waits"))
        if self.steps is not None:
            whole(self, "steps", least=0)
            if not self.exact_every_run:
                raise InputError(
                    f"Expected: steps are of a ledger that is the same in every run, got steps = {self.steps} without "
                    "exact_every_run"
                )
            if self.mean_steps != self.steps:
                raise InputError(
                    f"Expected: waits come to {self.mean_steps:g} steps, got steps = {self.steps}; leave steps away, "
                    "or say how many calls are made at the same time (`Calls(at_once=)`)"
                )
        object.__setattr__(self, "ledger", ledger)
        object.__setattr__(self, "done", min(max(self.done, 0.0), 1.0))

    @property
    def mean_steps(self) -> float | None:
        """The expected number of steps made one after the other; None where it is not said."""
        if self.waits is None:
            return None if self.steps is None else float(self.steps)
        return float(sum(each.steps for each in self.waits))


@dataclass(frozen=True)
class Calls:
    """Calls of one role that all have the same lengths, and how many of them there are, or are expected.

    Attributes:
        role: its name.
        prompt: tokens read by each, cached ones included.
        writes: tokens written by each, reasoning included.
        times: how many; a float where it is a mean.
        cached: prompt tokens of each that the provider has read before.
        reasoning: written tokens of each that are not part of the answer.
        at_once: how many of them are made at the same time, of which a run waits for the slowest; None, among what a
            run waits for (`Expected.waits`): a number that varies, or chains of calls side by side; `times` are steps.

    Raises: InputError for tokens or numbers of calls below 0, and parts larger than what they are parts of.

    >>> Calls("qa", prompt=100, writes=5, times=12, at_once=3).steps
    4.0
    """

    role: str
    prompt: int
    writes: int
    times: float = 1
    cached: int = 0
    reasoning: int = 0
    at_once: int | None = 1

    def __post_init__(self) -> None:
        for name in ("prompt", "writes", "cached", "reasoning"):
            whole(self, name, least=0)
        whole(self, "at_once", least=1, none=True)
        if self.times < -ROUNDING:
            raise InputError(f"Calls: {self.role}: times must be a number >= 0, got {shown(self.times)}")
        for part, of in (("cached", "prompt"), ("reasoning", "writes")):
            if getattr(self, part) > getattr(self, of):
                raise InputError(
                    f"Calls: {self.role}: {part} must be at most {of} = {getattr(self, of)}, of which it is a part, "
                    f"got {getattr(self, part)}"
                )

    @property
    def steps(self) -> float:
        """How many steps they are, one after the other."""
        return self.times / (self.at_once or 1)


def expected_ledger(
    roles: tuple[Role, ...], calls: Iterable[Calls], evaluations: Mapping[str, float] | None = None
) -> NDArray[Any]:
    """The ledger [roles, entries] of some calls: int64 where all `times` are whole, else float.

    Args:
        roles: of the program.
        calls: any number, of any roles.
        evaluations: by the name of the role they are charged to; none by default.

    Raises: InputError for a role that is none, or sums that leave 64-bit integers.

    >>> from evo.programs.models import Model
    >>> ledger = expected_ledger((Role("writer", Model()),), [Calls("writer", prompt=3, writes=4, times=2)])
    >>> dict(zip(ENTRIES, ledger[0].tolist()))["pass_tokens"]  # 2 (3 + 4 + 5 + 6)
    36
    """
    sums: list[list[Any]] = [[0] * len(ENTRIES) for _ in roles]
    whole = True
    for each in calls:
        row = sums[column_of(roles, each.role)]
        times = _count(each.times, f"times of calls of role {each.role!r}")
        whole &= isinstance(times, int)
        found = (1, 0, *call_entries(each.prompt, each.writes, each.cached, each.reasoning))
        row[:] = [before + times * entry for before, entry in zip(row, found, strict=True)]
    for role, number in (evaluations or {}).items():
        number = _count(number, f"evaluations of role {role!r}")
        whole &= isinstance(number, int)
        sums[column_of(roles, role)][1] += number
    if not whole:
        return np.array(sums, dtype=np.float64)
    if max(map(max, sums)) >= MOST:
        raise InputError(
            f"expected_ledger: a sum came to {Decimal(max(map(max, sums))):.3g}, more than 64-bit numbers hold"
        )
    return np.array(sums, dtype=np.int64)


def certain(calls: int) -> TimeLaw:
    """The law of a number of calls that is the same in every run.

    >>> certain(7).mean, certain(7).variance, certain(7).quantile(0.5)
    (7.0, 0.0, 7.0)
    """
    return Scaled(Geometric(1.0), calls) if calls else ALREADY_OPTIMAL


def _count(value: Any, what: str) -> int | float:
    """A whole number of any size, or a float.

    Raises: InputError naming `what` if it is not finite.
    """
    if not isinstance(value, int) and not np.isfinite(value):
        raise InputError(f"expected_ledger: {what} must be a finite number, got {shown(value)}")
    return int(value) if float(value).is_integer() else float(value)
