"""Runs that call the chunks cyclically, from the law of each chunk's own calls (theory 2e, 2g)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.numeric.sums import long_sums
from evo.theory.times.centred import variance_of
from evo.theory.times.law import ByTail

HORIZON = 1 << 26  # most terms of a tail sum: a few seconds
_LARGEST = 1e150  # times whose squares are floats
_BLOCK = 1 << 22  # floats held at a time
_DIGITS = 42.0  # the sums end e^-42 < 1e-18 down the tail
_DIRECT = 1 << 12  # sweeps summed one by one before a power law is integrated
_NODES = 12  # Gauss-Legendre nodes to a doubling
_PANELS = 20_000


class Turns(Protocol):
    """m chunks in turn, each turn with `length` places at which the time is read: 1 (generations) or lam (calls)."""

    @property
    def m(self) -> int:
        """Chunks."""
        ...

    @property
    def length(self) -> int:
        """Places in a turn."""
        ...

    @property
    def floats(self) -> int:
        """Floats held at a time for a sweep."""
        ...

    def tails(self, sweeps: FloatArray) -> FloatArray:
        """P(T > t) at each place of sweeps c [n] (sorted), before the call there is made; float [n, m length]."""
        ...

    def cdfs(self, sweeps: FloatArray) -> FloatArray:
        """P(T <= t) likewise, with its digits where it is small, if they are known."""
        ...


@dataclass(frozen=True, eq=False)
class IndependentTurns:
    """Chunks that are independent of each other: P(T <= t) is a product over them.

    Attributes:
        unfinished: own calls (real numbers, [n, places]) -> P(each chunk is not finished) [n, places, m].
        m: chunks.
        lam: calls a turn.
        length: places in a turn.

    >>> pair = IndependentTurns(lambda n: np.stack([0.5**n, 0.25**n], axis=-1), m=2, lam=1, length=1)
    >>> pair.tails(np.array([1.0])).round(12).tolist()  # both called once; then the first one twice
    [[0.625, 0.4375]]
    """

    unfinished: Callable[[FloatArray], FloatArray]
    m: int
    lam: int
    length: int

    @property
    def floats(self) -> int:
        """One for each place."""
        return self.m * self.length

    def tails(self, sweeps: FloatArray) -> FloatArray:
        """P(T > t) at each place."""
        return np.asarray(-np.expm1(self._logs(sweeps)))

    def cdfs(self, sweeps: FloatArray) -> FloatArray:
        """P(T <= t) at each place."""
        return np.asarray(np.exp(self._logs(sweeps)))

    def _logs(self, sweeps: FloatArray) -> FloatArray:
        """The logarithm of P(T <= t): chunks before have one turn more behind them than those to come."""
        with np.errstate(divide="ignore", over="ignore"):
            own = self.lam * sweeps[:, None] + self.lam // self.length * np.arange(self.length + 1)
            logs = np.log1p(-np.minimum(self.unfinished(own), 1.0))
        zero = np.zeros((len(sweeps), 1))
        ahead = np.hstack((zero, np.cumsum(logs[:, -1, :-1], axis=1)))
        behind = np.hstack((np.cumsum(logs[:, 0, :0:-1], axis=1)[:, ::-1], zero))
        return np.asarray((ahead + behind)[:, :, None] + logs[:, :-1].swapaxes(1, 2)).reshape(len(sweeps), -1)


@dataclass(frozen=True, eq=False)
class SweepTime(ByTail):
    """The time of a run in turn; t = length (m c + q) + r after c sweeps, q turns and r places.

    Attributes:
        turns: the chunks.
        slowest: the least probability of leaving a state of a chunk in a turn; 0 for a power law.
        states: the most states that a chunk passes through.
        power: al where the tail falls like t^-al; infinite for a geometric fall.
        never: P(T is infinite).
        moments: mean and variance where they are known otherwise.
    """

    turns: Turns
    slowest: float
    states: int = 1
    power: float = math.inf
    never: float = 0.0
    moments: Callable[[], tuple[float, float]] | None = None
    together: ClassVar[int] = 8

    @property
    def mean(self) -> float:
        """E[T] = sum of P(T > t).

        Raises: NoPrediction if that takes more than HORIZON terms.
        """
        return self._sums[0] if self.moments is None else self.moments()[0]

    @property
    def variance(self) -> float:
        """Var[T] = sum of (2t+1) P(T > t), less the square of the mean.

        Raises: NoPrediction if that takes more than HORIZON terms.
        """
        if self.moments is not None:
            return self.moments()[1]
        mean, second, _ = self._sums
        return variance_of(self, mean, second)

    @property
    def last_turns(self) -> float:
        """Expected number of turns of the last chunk: sum over sweeps of P(its turn is reached)."""
        return self._sums[2]

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t)."""
        return self._read(t, self.turns.tails)

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= t)."""
        return self._read(t, self.turns.cdfs)

    def _read(self, t: FloatArray, of: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """Read a function that is computed sweep by sweep at times t."""
        sweep, place = np.divmod(t, self.turns.m * self.turns.length)
        unique, back = np.unique(sweep, return_inverse=True)
        values, first = np.empty(len(t)), 0
        for some in self._parts(unique):
            here = (back >= first) & (back < first + len(some))
            values[here] = of(some)[back[here] - first, place[here].astype(np.int64)]
            first += len(some)
        return values

    def _parts(self, sweeps: Sequence[int] | FloatArray) -> Iterator[FloatArray]:
        step = max(1, _BLOCK // self.turns.floats)
        for first in range(0, len(sweeps), step):
            yield np.array([float(c) for c in sweeps[first : first + step]])

    @cached_property
    def _sums(self) -> tuple[float, float, float]:
        """Sums of P(T > t), of (2t+1) P(T > t), and of P(the last chunk's turn is reached)."""
        if self.never > 0.0 or (self.slowest == 0.0 and not 1.0 < self.power < math.inf):
            return math.inf, math.inf, math.inf
        if math.isinf(self.power):
            return self._geometric()
        mean, second, last = self._added_up(range(_DIRECT)).sum(axis=0)
        square = second + self._rest(1) if self.power > 2.0 else math.inf
        return float(mean + self._rest(0)), float(square), float(last + self._rest(2))

    def _geometric(self) -> tuple[float, float, float]:
        """Sums of a tail that falls geometrically, from few of its terms where it falls slowly."""
        size = self.turns.m * self.turns.length
        rate = 1.0 if self.slowest == 1.0 else -math.log1p(-self.slowest)
        sweeps = (self.states + 1) * (_DIGITS + math.log(self.turns.m)) / rate + 2.0
        if sweeps * size > _LARGEST:
            raise NoPrediction("the times of this run are above the largest float")
        sums = long_sums(self._added_up, math.ceil(sweeps), max(1, HORIZON // size), (0, 1, 0))
        return float(sums[0]), float(sums[1]), float(sums[2])

    def _added_up(self, sweeps: Sequence[int]) -> FloatArray:
        """The terms of `_sums`, summed over the times of each sweep; float [sweeps, 3]."""
        return np.concatenate([self._terms(some) for some in self._parts(sweeps)])

    def _terms(self, sweeps: FloatArray) -> FloatArray:
        size = self.turns.m * self.turns.length
        tails = self.turns.tails(sweeps)
        weighted = (2.0 * (sweeps[:, None] * size + np.arange(size)) + 1.0) * tails
        return np.stack([tails.sum(axis=1), weighted.sum(axis=1), tails[:, -self.turns.length]], axis=1)

    def _rest(self, term: int) -> float:
        """Sum over sweeps c >= C by Euler and Maclaurin: the integral from C, f(C)/2, -f'(C)/12, +f'''(C)/720."""
        size, first = self.turns.m * self.turns.length, float(_DIRECT)
        falls = self.power - 1.0 - (term == 1)
        doublings = math.ceil(_DIGITS / falls / math.log(2.0)) + 2
        if doublings * _NODES * size > HORIZON or doublings > _PANELS:
            raise NoPrediction(f"the tail falls like t^-{self.power:g}, too slowly for its moments to be summed")
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        integral = 0.0
        for panel in range(doublings):
            low = first * 2.0**panel
            if not math.isfinite(8.0 * low * size):
                break
            c = low * np.exp2((nodes + 1.0) / 2.0)
            integral += float((self._terms(c)[:, term] * c * weights).sum()) * math.log(2.0) / 2.0
        width = first / 64
        minus2, minus, at, plus, plus2 = self._terms(first + width * np.arange(-2.0, 3.0))[:, term]
        slope = (8.0 * (plus - minus) - (plus2 - minus2)) / (12.0 * width)
        return float(integral + at / 2.0 - slope / 12.0)
