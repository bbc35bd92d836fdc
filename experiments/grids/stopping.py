"""How many runs a cell has: a number, or a stopping rule that looks at the runs so far; and which runs its table holds.

A rule is asked after each whole batch, in number order, whatever the order in which batches finish: the table of a
cell holds its batches 0 .. b, where b is the first after which the runs so far are enough, or the last that the cap
allows, which is cut to it. So the table depends on neither workers nor interruptions, and as no random stream depends
on the rule, another rule (or number) reuses all batches that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from evo.errors import InputError
from evo.parameters import positive, whole
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.statistics import normal_quantile
from evo.text import canonical, parse

if TYPE_CHECKING:
    import pandas as pd

MOST_RUNS = 10**9
"""Runs a cell at the most: the table numbers them in 32 bits."""


class StoppingRule(Protocol):
    """When a cell has runs enough; a small frozen dataclass, whose canonical text is in the store."""

    @property
    def most(self) -> int:
        """Runs a cell at the most."""

    @property
    def words(self) -> str:
        """The rule in words, after "runs": `until 100 of them hit`."""

    def enough(self, hits: IntArray) -> bool:
        """Whether these runs are enough; `hits` in number order, int64 [runs], -1 where a run is censored."""

    def enough_at(self, hits: IntArray, ends: IntArray) -> BoolArray:
        """Whether the first `end` of the runs are enough, for each of `ends`; bool [ends]."""


Runs = int | StoppingRule
"""How many runs a cell."""


@dataclass(frozen=True)
class UntilPrecise:
    """Runs until the relative half-width of the 95 % interval of the mean of `hit` is at most `relative`.

    z s / sqrt(n) <= relative * mean, z = 1.96, s^2 the sample variance of the n runs. Never with fewer than 100 runs,
    whose sample variance is no standard error to rely on, and never where a run is censored: a lower bound has no
    interval, and the cell goes to its cap.

    Attributes:
        relative: half-width over mean, in (0, 1).
        most: runs a cell at the most.

    >>> UntilPrecise(relative=0.05, most=20000).enough(np.array([3, 4, 5] * 100))
    True
    """

    relative: float
    most: int
    LEAST: ClassVar[int] = 100
    CONFIDENCE: ClassVar[float] = 0.95

    def __post_init__(self) -> None:
        positive(self, "relative")
        if self.relative >= 1:
            raise InputError(f"UntilPrecise: relative must be a number in (0, 1), got {self.relative!r}")
        whole(self, "most", least=1, most=MOST_RUNS)

    @property
    def words(self) -> str:
        """The rule in words."""
        return f"until the mean of hit is known to {100 * self.relative:g} %"

    def enough(self, hits: IntArray) -> bool:
        """Whether these runs are enough."""
        return bool(self.enough_at(hits, np.array([len(hits)]))[0])

    def enough_at(self, hits: IntArray, ends: IntArray) -> BoolArray:
        """Whether the first `end` of the runs are enough, for each of `ends`."""
        n = np.maximum(ends, 2)  # fewer are not enough anyway
        first = int(hits[0]) if len(hits) else 0
        far = (hits - first).astype(np.float64)  # so that squares do not cancel
        total, squares = _sums(far)[ends], _sums(far**2)[ends]
        variance = np.maximum(squares - total**2 / n, 0.0) / (n - 1)
        half = normal_quantile(0.5 + self.CONFIDENCE / 2) * np.sqrt(variance / n)
        precise = half <= self.relative * (first + total / n)
        return np.asarray(precise & (ends >= self.LEAST) & (_sums(hits < 0)[ends] == 0))


@dataclass(frozen=True)
class UntilSuccesses:
    """Runs until so many of them hit: for cells in which a budget ends many.

    Attributes:
        successes: runs that hit, at least.
        most: runs a cell at the most.

    >>> UntilSuccesses(successes=2, most=1000).enough(np.array([7, -1, 3]))
    True
    """

    successes: int
    most: int

    def __post_init__(self) -> None:
        whole(self, "most", least=1, most=MOST_RUNS)
        whole(self, "successes", least=1, most=self.most)

    @property
    def words(self) -> str:
        """The rule in words."""
        return f"until {self.successes:,} hit"

    def enough(self, hits: IntArray) -> bool:
        """Whether these runs are enough."""
        return bool(self.enough_at(hits, np.array([len(hits)]))[0])

    def enough_at(self, hits: IntArray, ends: IntArray) -> BoolArray:
        """Whether the first `end` of the runs are enough, for each of `ends`."""
        return np.asarray(_sums(hits >= 0)[ends] >= self.successes)


STOPPING_RULES: tuple[type, ...] = (UntilPrecise, UntilSuccesses)
EXPECTED = (
    f"a whole number from 1 to {MOST_RUNS}, or a stopping rule such as UntilPrecise(relative=0.05, most=20000) or "
    "UntilSuccesses(successes=100, most=20000)"
)
"""What `runs` of a grid may be, in words."""


def most_runs(runs: Runs) -> int:
    """Runs a cell at the most."""
    return runs if isinstance(runs, int) else runs.most


def most_batches(runs: Runs, size: int) -> int:
    """Batches of `size` runs that hold them, at the most.

    >>> most_batches(1000, 500), most_batches(UntilSuccesses(100, most=1001), 500)
    (2, 3)
    """
    return -(-most_runs(runs) // size)


def in_words(runs: Runs) -> str:
    """What is asked of a cell.

    >>> in_words(1000), in_words(UntilSuccesses(100, most=20000))
    ('1,000 runs', 'up to 20,000 runs (until 100 hit)')
    """
    return f"{runs:,} runs" if isinstance(runs, int) else f"up to {runs.most:,} runs ({runs.words})"


def written(runs: Runs) -> int | str:
    """As it stands in grid.json: a number, or the canonical text of the rule."""
    return runs if isinstance(runs, int) else canonical(runs)


def as_runs(value: object) -> Runs:
    """What stands in grid.json; the inverse of `written`.

    Raises: InputError if it is neither a number of runs nor the text of a rule.

    >>> as_runs("UntilSuccesses(successes=100, most=20000)")
    UntilSuccesses(successes=100, most=20000)
    """
    known: dict[str, Any] = {rule.__name__: rule for rule in STOPPING_RULES}
    try:
        found = parse(value, known.__getitem__) if isinstance(value, str) else value
    except (InputError, KeyError):
        found = None
    sound = isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= MOST_RUNS
    if type(found) not in STOPPING_RULES and (isinstance(value, str) or not sound):
        raise InputError(f"runs must be {EXPECTED}, got {value!r:.200}")
    return found  # type: ignore[return-value]  # one of STOPPING_RULES, or a sound number


def every_stop(batches: int) -> int:
    """What a p-value is multiplied by so that it holds wherever a rule stops: b (b + 1) after b batches.

    Whatever the rule looked at: the probability that some p-value p_b, b = 1, 2, .. falls below alpha / (b (b + 1)) is
    at most the sum of those, alpha (union bound), so that it is for the one at which the rule stopped.

    >>> sum(1 / every_stop(batches) for batches in range(1, 10)) + 1 / 10
    1.0
    """
    return batches * (batches + 1)


def kept_batches(runs: Runs, hits_of_batches: Sequence[IntArray | None], size: int) -> int | None:
    """How many batches of a cell its table holds; None while more are needed to decide it.

    Args:
        runs: a number, which needs ceil(runs / size) batches whatever is in them, or a rule.
        hits_of_batches: `hit` of the batches 0, 1, ..: int64 [size] each, -1 where a run is censored; None for a batch
            that is not there yet, which hides all later ones.
        size: runs a batch.

    >>> kept_batches(UntilSuccesses(2, most=9), [np.array([5, -1, -1]), np.array([-1, 2, 4]), np.array([1, 1, 1])], 3)
    2
    """
    cap = most_batches(runs, size)
    if isinstance(runs, int):
        return cap
    there: list[IntArray] = []
    for hits in hits_of_batches[:cap]:
        if hits is None:
            break
        there.append(hits)
    if there:
        enough = runs.enough_at(np.concatenate(there), np.cumsum([len(hits) for hits in there]))
        if enough.any():
            return int(np.argmax(enough)) + 1
    return cap if len(there) == cap else None


@dataclass(frozen=True)
class KeptRuns:
    """What of the stored runs of one cell its table holds.

    Attributes:
        runs: how many, from the first on.
        batches: of how many batches.
        decided: whether that is all that the rule asks for.
        by_rule: whether the rule had enough; False where the cap cut the runs, or nothing is decided.
    """

    runs: int
    batches: int
    decided: bool
    by_rule: bool


def kept(rule: StoppingRule, batch: IntArray, hit: IntArray) -> KeptRuns:
    """What a rule keeps of the stored runs of a cell; while it is not decided, the batches before the first gap.

    Args:
        rule: the rule.
        batch: number of each run's batch, in rising order.
        hit: int64 [runs], -1 where a run is censored, in number order.
    """
    numbers, first, sizes = np.unique(batch, return_index=True, return_counts=True)
    if len(numbers) == 0:
        return KeptRuns(0, 0, decided=False, by_rule=False)
    size, places = int(sizes.max()), np.arange(len(numbers))
    whole_ones = (numbers == places) & (
        sizes >= np.minimum(size, rule.most - places * size)
    )  # the cap may cut the last
    before = int(np.argmin(whole_ones)) if not whole_ones.all() else len(numbers)
    hits: list[IntArray | None] = [hit[low : low + runs] for low, runs in zip(first, sizes, strict=True)]
    batches = kept_batches(rule, hits[:before], size)
    if batches is None:
        return KeptRuns(int(sizes[:before].sum()), before, decided=False, by_rule=False)
    runs = min(int(sizes[:batches].sum()), rule.most)
    return KeptRuns(runs, batches, decided=True, by_rule=rule.enough(hit[:runs]))


def kept_of(rule: StoppingRule, batch: IntArray, hit: FloatArray) -> KeptRuns:
    """What a rule keeps of the rows of one cell, which are in order of batch and run; hit is NaN of censored runs."""
    hits = np.nan_to_num(hit, nan=-1.0)
    far = hits.max(initial=0.0) >= 2.0**63  # of the engine law, which keeps such counts as floats
    return kept(rule, batch, hits if far else hits.astype(np.int64))  # type: ignore[arg-type]  # whole numbers, too


def hits_of(rows: pd.DataFrame) -> IntArray:
    """The column `hit`, -1 where a run is censored; int64 [runs]."""
    kind = np.float64 if rows["hit"].dtype.kind == "f" else np.int64  # see experiments.store.table.FAR
    return np.asarray(rows["hit"].to_numpy(dtype=kind, na_value=-1))


def kept_rows(runs: Runs, cell: IntArray, batch: IntArray, hit: IntArray) -> BoolArray:
    """Which rows the tables of their cells hold, bool [rows].

    Args:
        runs: a number: the first so many of each cell; or a rule.
        cell: numbers that tell cells apart; all rows of a cell stand together.
        batch: number of each run's batch; rows of a cell are in order of batch and run.
        hit: int64 [rows], -1 where a run is censored.
    """
    begins = np.flatnonzero(np.append(True, cell[1:] != cell[:-1])) if len(cell) else np.empty(0, dtype=np.int64)
    lengths = np.diff(np.append(begins, len(cell)))
    number = np.arange(len(cell)) - np.repeat(begins, lengths)
    if isinstance(runs, int):
        return np.asarray(number < runs)
    spans = [slice(begin, begin + length) for begin, length in zip(begins, lengths, strict=True)]
    return np.asarray(number < np.repeat([kept(runs, batch[span], hit[span]).runs for span in spans], lengths))


def _sums(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Sums of the first 0, 1, .. values; one after the other, so that they do not depend on what follows."""
    return np.concatenate(([0], np.cumsum(values)))
