"""Absorbing Markov chains of (1+lambda)-EA runs, with exact laws of generations and of the call that hits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.offspring_counts import RAISED
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.chains.levels import Levels
from evo.theory.chains.moves import Moves
from evo.theory.chains.powers import DENSE_BELOW, Powers
from evo.theory.chains.time import ChainTime
from evo.theory.times.law import TimeLaw

LONGEST = 1e280  # generations; a longer run may hang on a probability that was below the smallest float
MAX_STATES = 4096  # of a chain whose distribution is asked for, or whose transitions are listed one by one


def check_states(states: int, of: str) -> None:
    """Refuse chains that are too large.

    Raises: NoPrediction.
    """
    if states > MAX_STATES:
        raise NoPrediction(f"the exact chain of {of} would have {states} states, more than {MAX_STATES}")


@dataclass(frozen=True, eq=False, repr=False)
class AbsorbingChain:
    """A run as a chain on n transient states that ends at the optimum (theory 1f).

    All numbers are sums of non-negative ones: a mean of 10^15 generations keeps its digits.

    Attributes:
        step: [n, n], an array, a sparse one or `Moves`; probability per generation of moving from row to column, 0 on
            the diagonal.
        finish: [n], probability per generation of moving to the optimum.
        offspring_hit: [n], probability that one offspring is the optimum.
        start: [n], initial distribution; the rest of the mass is `start_done`.
        start_done: probability that the start is optimal already.
        lam: offspring a generation.
        decides: [n], probability that one offspring has the highest rank; the first such offspring takes place. None:
            only the optimum has the highest rank, `offspring_hit`.
        stay: [n], probability per generation of staying, where it is known to more digits than 1 minus that of leaving.

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
    decides: FloatArray | None = None
    stay: FloatArray | None = None

    def __post_init__(self) -> None:
        """Chances of one offspring are at most 1, which sums of many pass by rounding: ln(1 - chance) would be nan."""
        object.__setattr__(self, "offspring_hit", np.minimum(self.offspring_hit, 1.0))
        if self.decides is not None:
            object.__setattr__(self, "decides", np.minimum(self.decides, 1.0))

    @cached_property
    def generations(self) -> TimeLaw:
        """Law of the number of generations."""
        return ChainTime(self, calls=1)

    @cached_property
    def hit(self) -> TimeLaw:
        """Law of the number of the call that first generates the optimum (and decides)."""
        return self.generations if self.lam == 1 else ChainTime(self, calls=self.lam)

    @property
    def deciding(self) -> FloatArray:
        """`decides`, or `offspring_hit` in its place, [n]."""
        return self.offspring_hit if self.decides is None else self.decides

    @cached_property
    def moves(self) -> Moves:
        """`step`, what is above 0 of it."""
        return Moves.of(self.step)

    @cached_property
    def leave(self) -> FloatArray:
        """Probability per generation of leaving each state, [n]."""
        return np.asarray(np.minimum(self.moves.sums + self.finish, 1.0))

    @cached_property
    def stays(self) -> FloatArray:
        """Probability per generation of staying in each state, [n]."""
        return 1.0 - self.leave if self.stay is None else np.minimum(self.stay, 1.0)

    @cached_property
    def powers(self) -> Powers:
        """Powers of the matrix on the n+1 states, state 0 being the optimum.

        Raises: NoPrediction if there are too many states.
        """
        check_states(states := len(self.finish), "this run")
        if states < DENSE_BELOW:
            moves = np.zeros((states + 1, states + 1))
            moves[0, 1:], moves[1:, 1:] = self.finish, self.moves.dense.T
        else:
            moves = self._sparse_moves()
        return Powers(moves, np.append(0.0, self.leave), np.append(1.0, self.stays))

    def _sparse_moves(self) -> Any:
        """Probabilities of moving between different states of the n+1, from column to row."""
        from scipy.sparse import block_array, csr_array

        none = csr_array((len(self.finish), 1))
        return block_array([[None, csr_array(self.finish[None, :])], [none, self.moves.sparse.T]])

    @cached_property
    def escape(self) -> float:
        """Probability that the optimum is never generated; exactly 0 where nothing can trap."""
        return float(self.start @ self._levels.solve(np.zeros_like(self.finish), closed=1.0))

    @cached_property
    def longest_mean(self) -> float:
        """The largest finite mean number of generations from any state."""
        means = self._levels.solve(np.ones_like(self.finish))
        return float(means[np.isfinite(means)].max(initial=0.0))

    def expected(self, reward: FloatArray) -> float:
        """Expectation of the sum of `reward` [n] over the generations of a run."""
        used = self.start > 0.0
        return float(self.start[used] @ self._levels.solve(reward)[used])

    def moments(self, calls: int) -> tuple[float, float]:
        """Mean and variance of the time that counts `calls` a generation.

        h_i = c_i + sum_j P_ij h_j, and by total variance V_i = sum_j P_ij (V_j + (calls + h_j - h_i)^2) + .. (1f).
        """
        last, unit, finish = self._last_generation(calls), float(calls), self.finish
        mean = self._levels.solve(unit * (1.0 - finish) + finish * last.mean)
        centre = np.where(np.isfinite(mean), mean, 0.0)
        moves = self.moves
        with np.errstate(over="ignore"):
            gap = (unit + centre[moves.to] - centre[moves.owner]) ** 2
            ends = np.where(finish > 0.0, (last.mean - centre) ** 2 + last.variance, 0.0)
            moved = np.bincount(moves.owner, moves.chance * gap, len(finish)) + finish * ends
        variance = self._levels.solve(self.stays * unit**2 + moved)
        return _mixed(self.start, self.start_done, mean, variance)

    @cached_property
    def _levels(self) -> Levels:
        return Levels(self.moves, self.finish)

    def _last_generation(self, calls: int) -> LastGeneration:
        """The law of the calls of the last generation, up to the one that hits; 1 where the time counts generations."""
        return LastGeneration.of(self.deciding if calls > 1 else np.ones_like(self.finish), calls)


def check_floats(chain: AbsorbingChain) -> None:
    """Refuse a chain with a state whose exit probabilities underflow or were raised; exact zeros are traps, allowed.

    Raises: NoPrediction.
    """
    least = (chain.moves.chance.min(initial=1.0), chain.finish[chain.finish > 0.0].min(initial=1.0))
    if min(least) > 10 * RAISED:
        return
    longest = chain.longest_mean
    if longest > LONGEST:
        raise NoPrediction(f"a mean of {longest:.2g} generations rests on probabilities that are too small for floats")


def _mixed(weights: FloatArray, zero: float, mean: FloatArray, variance: FloatArray) -> tuple[float, float]:
    """Mean and variance of a mixture over starting states, with mass `zero` at time 0."""
    used = weights > 0.0
    if not used.any():
        return 0.0, 0.0
    if not np.isfinite(mean[used]).all():
        return np.inf, np.inf
    centre = float(weights[used] @ mean[used])
    with np.errstate(over="ignore"):
        spread = weights[used] @ (variance[used] + (mean[used] - centre) ** 2)
        done = np.float64(zero) * np.float64(centre) ** 2 if zero > 0.0 else 0.0  # 0 times infinity is none
        return centre, float(spread + done)


def death_chain(
    leave: FloatArray, last_hit: float, start: FloatArray, start_done: float, lam: int, stay: FloatArray | None = None
) -> AbsorbingChain:
    """The chain n, n-1, .., 1, done that goes down by one; leaving probabilities [n], the state of 1 first.

    >>> death_chain(np.array([0.5, 0.5]), 0.5, np.array([0.0, 1.0]), 0.0, lam=1).hit.mean
    4.0
    """
    states = len(leave)
    down = np.arange(1, states)
    step = Moves.listed(states, down, down - 1, leave[1:])
    only_last = np.arange(states) == 0
    hit = np.where(only_last, last_hit, 0.0)
    return AbsorbingChain(step, np.where(only_last, leave, 0.0), hit, start, start_done, lam, stay=stay)
