"""Absorbing Markov chains of (1+lambda)-EA runs, with exact laws of generations and of the call that hits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import NoPrediction
from evo.laws.counts import FloatArray
from evo.theory.chains.moments import LastGeneration, absorption_chance, absorption_moments, mixed
from evo.theory.chains.powers import Powers
from evo.theory.times.law import TimeLaw, below, check_level, tied

MAX_STATES = 4096  # of a chain whose distribution is asked for, or whose transitions are listed one by one


def check_states(states: int, of: str) -> None:
    """Refuse chains that are too large.

    Raises: NoPrediction.
    """
    if states > MAX_STATES:
        raise NoPrediction(f"the exact chain of {of} would have {states} states, more than {MAX_STATES}")


@dataclass(frozen=True, eq=False, repr=False)
class AbsorbingChain:
    """A run as a chain on n transient states that moves to lower states only, and ends at the optimum (theory 1f).

    Attributes:
        step: [n, n], dense or sparse; probability per generation of moving from row to a lower column.
        finish: [n], probability per generation that the optimum is generated, 1-(1-offspring_hit)^lam.
        offspring_hit: [n], probability that one offspring is the optimum.
        start: [n], initial distribution; the rest of the mass is `start_done`.
        start_done: probability that the start is optimal already.
        lam: offspring a generation.

    >>> one = AbsorbingChain(np.zeros((1, 1)), np.array([0.75]), np.array([0.5]), np.array([1.0]), 0.0, lam=2)
    >>> one.hit.mean, round(one.generations.mean, 12)
    (2.0, 1.333333333333)
    """

    step: Any
    finish: FloatArray
    offspring_hit: FloatArray
    start: FloatArray
    start_done: float
    lam: int
    powers_kind: ClassVar[type[Powers]] = Powers

    @property
    def generations(self) -> TimeLaw:
        """Law of the number of generations."""
        return ChainTime(self, calls=1)

    @property
    def hit(self) -> TimeLaw:
        """Law of the number of the call that first generates the optimum."""
        return ChainTime(self, calls=self.lam)

    @cached_property
    def rows(self) -> Any:
        """`step` as sparse rows, [n, n]."""
        from scipy.sparse import csr_array

        rows = csr_array(self.step)
        rows.eliminate_zeros()
        return rows

    @cached_property
    def leave(self) -> FloatArray:
        """Probability per generation of leaving each state, [n]."""
        return np.asarray(np.minimum(self.rows.sum(axis=1) + self.finish, 1.0))

    @cached_property
    def powers(self) -> Powers:
        """Powers of the matrix on the n+1 states, state 0 being the optimum.

        Raises: NoPrediction if there are too many states.
        """
        from scipy.sparse import block_array, csr_array

        check_states(len(self.finish), "this run")
        moves = block_array([[None, csr_array(self.finish[None, :])], [csr_array((len(self.finish), 1)), self.rows.T]])
        return self.powers_kind(moves, np.append(0.0, self.leave))

    @cached_property
    def escape(self) -> float:
        """Probability that the optimum is never generated; exactly 0 where nothing can trap."""
        chance = absorption_chance(self.rows, self.finish, self.leave)
        return float(self.start @ (1.0 - chance))

    def moments(self, calls: int) -> tuple[float, float]:
        """Mean and variance of the clock that counts `calls` a generation."""
        each = absorption_moments(self.rows, self.finish, self.leave, float(calls), self.last_generation(calls))
        return mixed(self.start, self.start_done, *each)

    def last_generation(self, calls: int) -> LastGeneration:
        """What the clock that counts `calls` a generation shows for the one that generates the optimum."""
        return LastGeneration.of(self.offspring_hit if calls > 1 else np.ones_like(self.finish), calls)


@dataclass(frozen=True, eq=False, repr=False)
class ChainTime:
    """A clock of a chain: `calls` = 1 counts generations, `calls` = lam counts calls up to the hit."""

    chain: AbsorbingChain
    calls: int

    @property
    def mean(self) -> float:
        """E[T], infinite if a state that cannot be left is reached."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Var[T].

        Raises: NoPrediction if it is finite but above the largest float.
        """
        mean, variance = self._moments
        if math.isinf(variance) and not math.isinf(mean):
            raise NoPrediction(f"the variance of a time of mean {mean:g} is above the largest float")
        return variance

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(T <= t): absorbed by then, sum_i pi_c(i) (1-(1-s_i)^r) in the broken generation; to 1e-12 or better."""
        return self._spread(t)[0]

    def tail(self, t: ArrayLike) -> FloatArray:
        """P(T > t) = sum_i pi_c(i) (1-s_i)^r, t = lam c + r."""
        return self._spread(t)[1]

    def quantile(self, u: float) -> float:
        """The least t with cdf(t) >= u: whole generations by doubling and halving, then the call."""
        check_level(u)
        if not below(self.chain.start_done, 1.0 - self.chain.start_done, u, 1.0):
            return 0.0
        if self.chain.escape > 0.0 and u > 1.0 - self.chain.escape - 1e-13:
            return math.inf
        strict, tie = self._first(u, 0.0)
        return float(self._first(u, 1.0)[0] if tie else strict)

    def total(self, runs: int) -> TimeLaw | None:
        """No closed form."""
        return None

    def _first(self, u: float, slack: float) -> tuple[int, bool]:
        """The first t at u, and whether the one before is too, but for rounding."""
        whole, state = self._last_below(u, slack)
        low, high = 0, self.calls
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if below(*self._split(state, middle), u, slack) else (low, middle)
        tie = tied(self._split(state, high - 1), self._after(state, high), u)
        return whole * self.calls + high, tie

    def _after(self, state: FloatArray, calls: int) -> tuple[float, float]:
        """P(T <= t) and P(T > t) some calls into a generation, or after a whole one."""
        if calls < self.calls:
            return self._split(state, calls)
        return self._split(self.chain.powers.advance(state, 1, 0), 0)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return self.chain.moments(self.calls)

    def _spread(self, t: ArrayLike) -> tuple[FloatArray, FloatArray]:
        times = np.floor(np.asarray(t, dtype=np.float64))
        cdf, tail = np.zeros(times.shape), np.ones(times.shape)
        cdf[times == np.inf], tail[times == np.inf] = 1.0 - self.chain.escape, self.chain.escape
        usual = (times >= 0) & np.isfinite(times)
        unique, back = np.unique(times[usual], return_inverse=True)
        turns = [divmod(int(time), self.calls) for time in unique]
        states = self._walk([turn[0] for turn in turns])
        both = np.array([self._split(state, turn[1]) for state, turn in zip(states, turns, strict=True)])
        if len(unique):
            cdf[usual], tail[usual] = both[back].T
        return cdf, tail

    def _walk(self, generations: list[int]) -> Iterator[FloatArray]:
        """Distributions over the n+1 states at sorted generations."""
        state, now = self._begin(), 0
        top = self.chain.powers.plan(max(generations, default=0))
        for generation in generations:
            state, now = self.chain.powers.advance(state, generation - now, top), generation
            yield state

    def _split(self, state: FloatArray, calls: int) -> tuple[float, float]:
        """P(T <= t) and P(T > t) some calls into a generation; each from the smaller side."""
        left = state[1:]
        if calls:
            with np.errstate(divide="ignore"):
                miss = calls * np.log1p(-self.chain.offspring_hit)
            done, left = state[0] - left @ np.expm1(miss), left * np.exp(miss)
        else:
            done = state[0]
        tail = float(left.sum())
        return (float(done), 1.0 - float(done)) if done < 0.5 else (1.0 - tail, tail)

    def _last_below(self, u: float, slack: float) -> tuple[int, FloatArray]:
        """The last generation c with P(generations <= c) < u, and the distribution there."""
        now, state, gap = 0, self._begin(), 1
        powers = self.chain.powers

        def advance(state: FloatArray, gap: int) -> FloatArray:
            return powers.advance(state, gap, powers.plan(gap))

        while below(*self._split(ahead := advance(state, gap), 0), u, slack):
            now, state, gap = now + gap, ahead, 2 * gap
        while gap > 1:
            gap //= 2
            ahead = advance(state, gap)
            if below(*self._split(ahead, 0), u, slack):
                now, state = now + gap, ahead
        return now, state

    def _begin(self) -> FloatArray:
        return np.append(self.chain.start_done, self.chain.start)


def death_chain(leave: FloatArray, last_hit: float, start: FloatArray, start_done: float, lam: int) -> AbsorbingChain:
    """The chain n, n-1, .., 1, done that goes down by one; leaving probabilities [n], the state of 1 first.

    >>> death_chain(np.array([0.5, 0.5]), 0.5, np.array([0.0, 1.0]), 0.0, lam=1).hit.mean
    4.0
    """
    from scipy.sparse import diags_array

    states = len(leave)
    step: Any = diags_array(leave[1:], offsets=-1, shape=(states, states)) if states > 1 else np.zeros((1, 1))
    only_last = np.arange(states) == 0
    hit = np.where(only_last, last_hit, 0.0)
    return AbsorbingChain(step, np.where(only_last, leave, 0.0), hit, start, start_done, lam)
