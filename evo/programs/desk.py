"""The desk: where the calls of a program are made and counted, all runs of a batch at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evo.costs.ledger import LEDGER
from evo.errors import InputError
from evo.parameters import shape_shown, shown, suggestion
from evo.programs.roles import Role, expect_roles
from evo.protocols import BoolArray, IntArray

ENTRIES = LEDGER
"""What is counted of each role: the entries of the ledger."""
MOST = 2**63
_NEAR = float(MOST) * (1 - 1e-12)
"""Sums are tried in floats first, whose rounding is far below this margin."""


class Desk:
    """Counts the calls of some roles, in exact integers.

    Attributes:
        roles: who may call.
        runs: how many runs there are.
        ledger: int64 [runs, roles, entries], entries in the order of `ENTRIES`.
        depth: int64 [runs], steps made one after the other: each call is one, unless it is made `together` with others.
        running: bool [runs]; False from the first call on that was longer than its model's context: it and all later
            calls of the run are not made, and its task is not done.

    >>> from evo.programs.models import Model
    >>> desk = Desk((Role("qa", Model()),), runs=2)
    >>> desk.call("qa", prompt=np.array([3, 5]), writes=2)
    >>> desk.ledger[:, 0, ENTRIES.index("pass_tokens")].tolist()  # 3 + 4 and 5 + 6
    [7, 11]
    """

    def __init__(self, roles: tuple[Role, ...], runs: int) -> None:
        self.roles: tuple[Role, ...] = expect_roles(roles)
        self.runs: int = _expect_runs(runs)
        self.ledger: IntArray = np.zeros((self.runs, len(roles), len(ENTRIES)), dtype=np.int64)
        self.depth: IntArray = np.zeros(self.runs, dtype=np.int64)
        self.running: BoolArray = np.ones(self.runs, dtype=np.bool_)
        self._together: BoolArray | None = None

    def call(
        self,
        role: str,
        prompt: ArrayLike,
        writes: ArrayLike,
        *,
        cached: ArrayLike = 0,
        reasoning: ArrayLike = 0,
        where: ArrayLike | None = None,
        times: ArrayLike = 1,
    ) -> None:
        """Make calls that read `prompt` tokens and write `writes`; all numbers are one for all runs, or int [runs].

        Writing o tokens after a prompt of c takes passes over c, c+1, .., c+o-1 tokens: sum c = c o + o(o-1)/2 (theory
        12a), sum c^2 = o c^2 + c o(o-1) + (o-1) o (2o-1)/6 (theory 12d).

        Args:
            role: who calls, by its name.
            prompt: c, cached tokens included.
            writes: o, reasoning included.
            cached: those of the prompt's tokens that the provider has read before.
            reasoning: those of the written tokens that are not part of the answer.
            where: bool [runs], the runs that call; all by default.
            times: how many calls of these lengths, one after the other; 0 for none.

        Raises: InputError for an unknown role, numbers that are no counts, or sums that leave 64-bit integers.
        """
        at = column_of(self.roles, role)
        given = {"prompt": prompt, "writes": writes, "cached": cached, "reasoning": reasoning, "times": times}
        numbers = {name: self._counts(f"{role}: {name}", value) for name, value in given.items()}
        for part, of in (("cached", "prompt"), ("reasoning", "writes")):
            if np.any(numbers[part] > numbers[of]):
                raise InputError(f"Desk.call: {role}: {part} must be at most {of}, of which it is a part")
        calling = self._calling(role, numbers, where)
        if calling.any():
            self._add(at, _entries(role, **numbers), calling)
            self._step(np.where(calling, numbers["times"], 0))

    def evaluate(self, role: str | None = None, *, where: ArrayLike | None = None, times: ArrayLike = 1) -> None:
        """Count evaluations, which are no LLM calls and no steps.

        Args:
            role: whom they are charged to; the first role by default.
            where: bool [runs], the runs that evaluate.
            times: how many, one for all runs or int [runs].
        """
        at = 0 if role is None else column_of(self.roles, role)
        number = self._counts("times", times)
        self._add(at, {"evaluations": number}, self.running & self._runs_where(where))

    @contextmanager
    def together(self, steps: ArrayLike = 1) -> Iterator[None]:
        """Calls inside are made at the same time: `steps` steps for the runs that make any (Section 5.2, makespan).

        Args:
            steps: the longest chain of calls among them, one for all runs or int [runs].

        >>> from evo.programs.models import Model
        >>> desk = Desk((Role("author", Model()),), runs=1)
        >>> with desk.together():
        ...     desk.call("author", prompt=10, writes=5, times=8)
        >>> desk.depth.tolist(), desk.ledger[0, 0, 0].tolist()
        ([1], 8)
        """
        if self._together is not None:
            raise InputError("Desk.together: expected it outside of another one, got it inside; give the outer `steps`")
        number = self._counts("steps", steps)
        self._together = np.zeros(self.runs, dtype=np.bool_)
        try:
            yield
            self.depth += np.where(self._together, number, 0)
        finally:
            self._together = None

    def _calling(self, role: str, numbers: dict[str, IntArray], where: ArrayLike | None) -> BoolArray:
        """Runs that make the call, after those are ended whose call is longer than the context."""
        calling = self.running & self._runs_where(where) & (numbers["times"] > 0)
        limit = self.roles[column_of(self.roles, role)].model.context
        if limit is not None:
            too_long = calling & (numbers["prompt"] + numbers["writes"] > limit)
            self.running, calling = self.running & ~too_long, calling & ~too_long
        return calling

    def _add(self, at: int, entries: dict[str, IntArray], where: BoolArray) -> None:
        for entry, values in entries.items():
            if not values.any():
                continue
            column = self.ledger[:, at, ENTRIES.index(entry)]
            added = np.where(where, values, 0)
            if np.max(column + added.astype(np.float64)) >= _NEAR:
                raise _too_large(self.roles[at].name, entry)
            column += added

    def _step(self, calls: IntArray) -> None:
        if self._together is None:
            self.depth += calls
        else:
            self._together |= calls > 0

    def _counts(self, name: str, value: ArrayLike) -> IntArray:
        """Whole numbers >= 0, int64, one or [runs].

        Raises: InputError.
        """
        found: NDArray[Any] = np.asarray(value)
        if found.dtype.kind not in "iu" or found.shape not in ((), (self.runs,)) or np.any(found < 0):
            raise InputError(
                f"Desk: {name} must be a whole number >= 0, or int [{self.runs}], one for each run, got {shown(value)}"
            )
        if np.any(found >= 2**62):
            raise InputError(f"Desk: {name} must be below 2^62, got {shown(value)}")
        return found.astype(np.int64)

    def _runs_where(self, where: ArrayLike | None) -> BoolArray:
        if where is None:
            return np.ones(self.runs, dtype=np.bool_)
        found = np.asarray(where)
        if found.dtype != np.bool_ or found.shape != (self.runs,):
            raise InputError(f"Desk: where must be bool [{self.runs}], one for each run, got {shape_shown(where)}")
        return found


def _expect_runs(runs: Any) -> int:
    if isinstance(runs, bool) or not isinstance(runs, Integral) or int(runs) < 1:
        raise InputError(f"Desk: runs must be a whole number >= 1, got {shown(runs)}")
    return int(runs)


def column_of(roles: tuple[Role, ...], name: object) -> int:
    """The place of a role.

    Raises: InputError naming those that there are.
    """
    names = [role.name for role in roles]
    if name not in names:
        raise InputError(
            f"expected a role of the program ({', '.join(names)}), got {shown(name)}{suggestion(name, names)}"
        )
    return names.index(str(name))


def _entries(
    role: str, prompt: IntArray, writes: IntArray, cached: IntArray, reasoning: IntArray, times: IntArray
) -> dict[str, IntArray]:
    """What calls of these lengths add to each entry; exact int64, refused where it would leave 64 bits.

    Raises: InputError.
    """
    c, o = prompt, writes
    rough = times * (o.astype(float) * c * c + c.astype(float) * o * o + o.astype(float) ** 3 / 3)
    roughly = np.maximum(rough, times * np.maximum(c, o).astype(float))
    if np.max(roughly) >= _NEAR:
        raise _too_large(role, "pass_tokens_squared")
    half = o * (o - 1) // 2
    thirds = np.where(half % 3 == 0, half // 3 * (2 * o - 1), half * ((2 * o - 1) // 3))  # o(o-1)(2o-1)/6
    linear, squared = c * o + half, o * c * c + 2 * half * c + thirds
    each = {"prompt_tokens": c, "generated_tokens": o, "pass_tokens": linear, "pass_tokens_squared": squared}
    each |= {"cached_tokens": cached, "reasoning_tokens": reasoning}
    return {"calls": times} | {entry: times * values for entry, values in each.items()}


def _too_large(who: str, entry: str) -> InputError:
    return InputError(
        f"Desk.call: {who}: {entry} came to 2^63 or more, which cannot be counted exactly; lower the lengths or the "
        "number of calls"
    )
