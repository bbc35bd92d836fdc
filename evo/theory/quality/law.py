"""What a law of the fitness at a budget can say, and the one of a run that is a chain on states (theory 17a)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray, IntArray
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain

MOST_STEPS = 2_000_000_000  # generations times moves of a chain too large for powers: some ten seconds
Whens = IntArray | list[int] | range
"""Numbers of generations, any order."""


class FitnessLaw(Protocol):
    """The law of the true fitness of the current solution after t whole generations; at the optimum a run stays."""

    @property
    def values(self) -> FloatArray:
        """The values that the fitness may have, float [v]; values may repeat."""
        ...

    @property
    def source(self) -> str:
        """Labels of the formulas."""
        ...

    def after(self, generations: Whens) -> FloatArray:
        """P(each value) after so many generations, float [n, v].

        Raises: NoPrediction where that would take too long.
        """
        ...

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}) for generations t >= 1, float [n].

        Raises: NoPrediction where that would take too long.
        """
        ...


def whole_times(generations: Whens) -> IntArray:
    """Numbers of generations as an array, int64 [n].

    Raises: InputError for numbers that 64 bits do not hold.
    """
    try:
        return np.asarray(generations, dtype=np.int64)
    except OverflowError as error:
        raise InputError("fitness at a budget: expected fewer than 2^63 generations, got more; lower it") from error


def where_it_is(chain: AbsorbingChain, generations: IntArray) -> FloatArray:
    """The forward law of a chain, the optimum being state 0; float [n+1, times] (theory 17a).

    By powers of the matrix, or step by step where there are more than MAX_STATES states.

    Raises: NoPrediction if that takes more than MOST_STEPS products.
    """
    times, back = np.unique(generations, return_inverse=True)
    begin = np.append(chain.start_done, chain.start)
    if len(begin) - 1 <= MAX_STATES:
        return chain.powers.at(begin, times.tolist(), chain.powers.plan(int(times[-1])))[:, back]
    if int(times[-1]) * (len(chain.moves.chance) + len(begin)) > MOST_STEPS:
        raise NoPrediction(
            f"the chain of this run has {len(begin) - 1} states, too many for {int(times[-1])} generations one by one"
        )
    columns, moves, now = [], chain.moves.sparse.T.tocsr(), 0
    done, state = float(begin[0]), begin[1:]
    for time in times.tolist():
        for _ in range(time - now):
            done, state = done + float(chain.finish @ state), moves @ state + chain.stays * state
        now = time
        columns.append(np.append(done, state))
    return np.stack(columns, axis=1)[:, back]


@dataclass(frozen=True, eq=False)
class StateFitness:
    """A run that is a chain on states, of each of which the law of the fitness is known.

    E[f_t] = sum over s of P(state after t = s) f(s); a state may leave open what was not met yet, such as how many
    blocks of the chunks to come are incorrect: that is independent of all that happened.

    Attributes:
        chain: of the run.
        values: of the fitness, float [v].
        given: P(each value | state), float [n, v], a row for each state of the chain.
        best: the index of the optimum among the values.
        rises: P(a generation ends with a fitter solution | state), float [n]; None: each state has one fitness, and
            the moves say it.
        source: labels of the formulas.
    """

    chain: AbsorbingChain
    values: FloatArray
    given: FloatArray
    best: int
    rises: FloatArray | None = None
    source: str = ""

    def after(self, generations: Whens) -> FloatArray:
        """P(each value), float [n, v]."""
        state = where_it_is(self.chain, whole_times(generations))
        law = state[1:].T @ self.given
        law[:, self.best] += state[0]
        return np.asarray(law)

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}), float [n]."""
        before = where_it_is(self.chain, whole_times(generations) - 1)
        return np.asarray(before[1:].T @ self._rising)

    @cached_property
    def _rising(self) -> FloatArray:
        if self.rises is not None:
            return self.rises
        fitness = self.given @ self.values
        moves = self.chain.moves
        better = fitness[moves.to] > fitness[moves.owner]
        up = np.bincount(moves.owner, moves.chance * better, len(fitness))
        return np.asarray(up + self.chain.finish)  # nothing is as fit as the optimum


class LogCdf(Protocol):
    """The logarithm of the product of the cdfs of an offspring over the first t generations."""

    def __call__(self, times: IntArray, /) -> FloatArray:
        """Numbers of generations int [n] -> float [n, v]."""
        ...


@dataclass(frozen=True, eq=False)
class BestSoFar:
    """The best of the start and of all offspring, which do not depend on their parents (theory 1d).

    P(f_t <= v) = P(f_0 <= v) prod over generations s of F_s(v)^lam, F_s the cdf of an offspring of generation s.

    Attributes:
        values: of the fitness, ascending, float [v].
        start: their law at the start, float [v].
        log_cdf: ln of the product of F_s(v) over the first t generations.
        lam: offspring a generation.
        source: labels of the formulas.
    """

    values: FloatArray
    start: FloatArray
    log_cdf: LogCdf
    lam: int = 1
    source: str = "theory 1d, 17a"

    def after(self, generations: Whens) -> FloatArray:
        """P(each value), float [n, v]; a value of probability 10^-15 has its digits."""
        return chances_of(logs_of(self.start) + self.lam * self.log_cdf(whole_times(generations)))

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}) = sum over v of P(f_{t-1} = v) (1 - F_t(v)^lam), float [n]."""
        times = whole_times(generations)
        with np.errstate(invalid="ignore"):
            last = self.log_cdf(times) - self.log_cdf(times - 1)  # -inf less -inf where v cannot be the best any more
        above = -np.expm1(self.lam * np.where(np.isnan(last), 0.0, last))
        return np.asarray((self.after(times - 1) * above).sum(axis=1))


def logs_of(chances: FloatArray, below: float = 0.0) -> FloatArray:
    """The logarithm of a cdf, from the smaller of cdf and tail, so that a cdf near 1 has its digits; float [.., v].

    Args:
        chances: of ascending values, float [.., v]; with `below` they sum to 1.
        below: the probability of what is below all values.
    """
    cdf = np.minimum(below + np.cumsum(chances, axis=-1), 1.0)
    above = np.zeros_like(cdf)
    above[..., :-1] = np.cumsum(chances[..., :0:-1], axis=-1)[..., ::-1]
    with np.errstate(divide="ignore"):
        return np.where(above < 0.5, np.log1p(-np.minimum(above, 0.5)), np.log(cdf))


def chances_of(logs: FloatArray) -> FloatArray:
    """The law of such a cdf, P(v) = F(v) (1 - F(v-)/F(v)), without cancellation; float [.., v].

    >>> chances_of(3 * logs_of(np.array([0.5, 0.5]))).round(12).tolist()  # the best of three coins
    [0.125, 0.875]
    """
    before = np.full_like(logs, -np.inf)
    before[..., 1:] = logs[..., :-1]
    with np.errstate(invalid="ignore"):
        step = before - logs
    return np.asarray(np.where(np.isneginf(logs), 0.0, np.exp(logs) * -np.expm1(step)))


def settled(values: FloatArray) -> BestSoFar:
    """The run that starts at the optimum, the last of ascending values."""
    start = np.zeros(len(values))
    start[-1] = 1.0
    return BestSoFar(values, start, lambda times: np.zeros((len(times), len(values))), source="start is optimal")
