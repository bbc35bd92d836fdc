"""Gaussian noise with a stored value: a lucky evaluation freezes the search (theory 8d, 17d, 17e)."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import BoolArray, FloatArray
from evo.theory.calls.gains import check_run
from evo.theory.calls.offspring_counts import RAISED
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import check_states
from evo.theory.numeric.sums import Panels
from evo.theory.problems.on_counts import run_on_counts
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.closed import Geometric
from evo.theory.times.law import ByTail, TimeLaw, below, check_level

SMALLEST = 0.05  # of less noise no float of a law depends: an evaluation is 10 standard deviations off w.p. 1e-23
EDGE = 8.6  # standard deviations; an evaluation is further out w.p. 1e-17
WIDEST = 0.5  # of a panel, in standard deviations: tails are within 1e-13 of those on finer panels
MOST_WORK = 1_000_000_000  # calls times values of the recursion: some ten seconds
LEAST_WORK = 5_000  # of a call, however few values it has
ACCURACY = 3e-14  # relative, of a step of the integration of the mean
LOWEST = -12.0  # standard deviations from where the mean is integrated
MOST_RANGE = 5_000  # standard deviations that the mean is integrated over
MOST_MEAN_TERMS = 50_000_000  # these times moves


def stored_on_counts(offspring: FloatArray, sigma: float, start: Start, m: int = 1) -> RunLaw:
    """Law of a (1+1)-EA on BlockOneMax that evaluates a solution once, when it is new (theory 8d, 17d, 17e).

    An evaluation is the fitness plus N(0, s^2), s = sigma/sqrt(m), and the parent keeps the value it got. The hit is
    when the optimum becomes the current solution. The variance is infinite for every s > 0: while a value z is kept, a
    call is accepted w.p. at most P(k + noise > z), and the mean of the inverse square of that over z is infinite. A
    mean of runs therefore converges slowly and has no standard error: compare distributions, not means.

    Args:
        offspring: float [k+1, k+1], of `evo.theory.calls.offspring_counts`.
        sigma: standard deviation of one evaluation, in units of a block's fitness; 0 is no noise.
        start: the initial law.
        m: evaluations of a new solution, of which the mean is stored.

    Raises: InputError if the numbers do not fit; NoPrediction if the hit may be infinite with a probability that is not
    known; and when asked, for a mean above the largest float or a distribution beyond what can be computed call by
    call, some 10^5 calls.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.offspring_counts import wrong_block_offspring
    >>> calls = wrong_block_offspring(IndependentBlocks(0.5, 0.5), 1)
    >>> round(stored_on_counts(calls, 0.5, Start(1)).hit.mean, 12)
    2.501740309372
    """
    check_stored(offspring, sigma, start, m)
    k = start.k
    if start.most == 0:
        return finished(1)
    s = sigma / math.sqrt(m)
    if s <= SMALLEST:
        return run_on_counts(offspring, k - np.arange(k + 1.0), start, source="theory 8d")
    moves = moves_of(offspring)
    ends = _ends(moves, start)
    hit: TimeLaw = StoredTime(moves, s, start) if ends else Geometric(success=0.0, zero=start.optimal)
    return RunLaw(hit, hit, no_short_chunk, "theory 8d, 17d, 17e")


def check_stored(offspring: FloatArray, sigma: float, start: Start, m: int) -> None:
    """Check what a run with stored noise is given.

    Raises: InputError if the numbers do not fit.
    """
    k = start.k
    check_run(k, start, 1)
    check_states(k, f"the counts of k={k} blocks")
    if np.shape(offspring) != (k + 1, k + 1):
        raise InputError(f"offspring must hold probabilities [{k + 1}, {k + 1}], got shape {np.shape(offspring)}")
    if not 0.0 <= sigma < math.inf or not m >= 1 or m % 1:
        raise InputError(f"expected a finite sigma >= 0 and a whole number m >= 1, got sigma={sigma!r}, m={m!r}")


def moves_of(offspring: FloatArray) -> FloatArray:
    """P(an offspring has j incorrect blocks | its parent has i) for runs that end at the optimum: row 0 is 0."""
    moves = np.where(offspring > RAISED, offspring, 0.0)
    moves[0] = 0.0
    return moves


class StoredTime(ByTail):
    """Calls until the hit, from the density p_i(x) of i incorrect blocks and a stored noise of x s, call by call (17e).

    One call, q the chances of the offspring, phi and S density and tail of N(0, 1), d = (i - j)/s:

        p_j(x) <- p_j(x) (1 - sum_n q(j, n) S(x - (j - n)/s)) + phi(x) sum_i q(i, j) int_{-inf}^{x + d} p_i(y) dy.

    P(T > t) falls like 1/t, a little faster, so that the mean is finite and the variance is not.

    >>> time = StoredTime(np.array([[0.0, 0.0], [0.5, 0.5]]), 1.0, Start(1))
    >>> time.tail([0, 1, 2]).round(9).tolist(), time.quantile(0.5)
    ([1.0, 0.619875031, 0.429812546], 2.0)
    """

    never = 0.0

    def __init__(self, moves: FloatArray, s: float, start: Start, widest: float = WIDEST) -> None:
        """Set up; all results are computed on demand.

        Args:
            moves: float [k+1, k+1], P(an offspring has j incorrect blocks | its parent has i); row 0 is 0.
            s: standard deviation of the stored noise, > 0.
            start: the initial law.
            widest: panel of the stored value, in standard deviations.
        """
        self._moves, self._s, self._start, self._widest = moves, s, start, widest
        self._shift = math.ceil(1.0 / s / widest)  # panels that one block is
        width = 1.0 / s / self._shift
        self._panels = Panels(-EDGE, width, math.ceil(2 * EDGE / width))
        self._counts = [start.law()]  # P(i blocks are incorrect), [k+1], after each call
        self._rises = [0.0]  # P(the call raised the true fitness)
        self._normal = np.exp(-0.5 * self._panels.nodes**2) / math.sqrt(2.0 * math.pi)
        self._density = self._counts[0][:, None, None] * self._normal

    @cached_property
    def mean(self) -> float:
        """E[T].

        Raises: NoPrediction if it is above the largest float, infinite, or takes too long.
        """
        return float(self._start.law() @ stored_means(self._moves, self._s))

    @property
    def variance(self) -> float:
        """Infinite."""
        return math.inf

    def quantile(self, u: float) -> float:
        """The least t with P(T <= t) >= u, by bisection.

        Raises: NoPrediction where it is beyond what can be computed call by call: as soon as the runs that accept
        nothing any more until then are too many already, which is asked at 0, 1, 2, 4, ... calls.
        """
        check_level(u)
        calls = 0
        while calls < self._feasible and self._counts_after(calls)[1:].sum() > 1.0 - u:
            frozen = self._frozen(self._feasible)
            if below(1.0 - frozen, frozen, u, 1.0):
                self._expect_feasible(math.inf)
            calls = min(self._feasible, max(1, 2 * calls))
        return super().quantile(u)

    def cdf_at(self, t: FloatArray) -> FloatArray:
        """P(T <= t)."""
        return self.incorrect_at(t)[:, 0]

    def tail_at(self, t: FloatArray) -> FloatArray:
        """P(T > t).

        Raises: NoPrediction where that would take too long.
        """
        return np.asarray(self.incorrect_at(t)[:, 1:].sum(axis=1))

    def fitness_at(self, t: FloatArray) -> FloatArray:
        """The expected number of correct blocks of the current solution after t calls (17e)."""
        k = self._start.k
        return np.asarray(k - self.incorrect_at(t) @ np.arange(k + 1.0))

    def rises_at(self, t: FloatArray) -> FloatArray:
        """P(call t raises the true fitness of the current solution), float [n]."""
        self._reach(int(t.max(initial=0.0)))
        return np.array([self._rises[int(time)] for time in t])

    def error_at(self, t: FloatArray) -> float:
        """How much the laws at these times move at most where the panels are half as wide."""
        finer = StoredTime(self._moves, self._s, self._start, self._widest / 2)
        return float(np.abs(finer.incorrect_at(t) - self.incorrect_at(t)).max(initial=0.0))

    def incorrect_at(self, t: FloatArray) -> FloatArray:
        """P(i blocks are incorrect) after t calls, float [n, k+1].

        Raises: NoPrediction where that would take too long.
        """
        self._reach(int(t.max(initial=0.0)))
        return np.array([self._counts[int(time)] for time in t])

    def _reach(self, calls: int) -> None:
        """Follow the density p_i(x) of count and stored noise until the given number of calls."""
        self._expect_feasible(calls)
        while len(self._counts) <= calls:
            above, whole = self._panels.beyond(self._density)
            below, inflow = whole[:, None, None] - above, np.zeros_like(above)
            better = np.zeros_like(self._normal)
            for rise, first, chances in self._diagonals:
                old = slice(first, first + len(chances))
                new = slice(first - rise, first - rise + len(chances))
                taken = chances[:, None, None] * self._further(below[old], whole[old], rise * self._shift)
                inflow[new] += taken
                if rise > 0:
                    better += taken.sum(axis=0)
            self._density = self._density * self._kept + self._normal * inflow
            self._rises.append(float(self._panels.beyond(self._normal * better)[1]))
            self._counts.append(np.maximum(self._panels.beyond(self._density)[1], 0.0))

    @property
    def _feasible(self) -> int:
        """The number of calls up to which the density is followed call by call; later calls take too long."""
        return int(MOST_WORK // max(LEAST_WORK, int(np.count_nonzero(self._moves)) * self._normal.size))

    def _expect_feasible(self, calls: float) -> None:
        if calls > self._feasible:
            raise NoPrediction(
                f"the distribution with stored noise is computed call by call, here up to {self._feasible} calls, not "
                f"{'more' if math.isinf(calls) else calls}"
            )

    def _frozen(self, calls: int) -> float:
        """P(a run is frozen): not optimal after the calls that were followed, and nothing is accepted until `calls`.

        It is a bound from below on P(T > calls).
        """
        kept = np.minimum(self._kept, 1.0) ** (calls + 1 - len(self._counts))
        return float(self._panels.beyond(self._density * kept)[1][1:].sum())

    def _counts_after(self, calls: int) -> FloatArray:
        """P(i blocks of the current solution are incorrect) after so many calls, i = 0..k; float [k+1]."""
        self._reach(calls)
        return self._counts[calls]

    @staticmethod
    def _further(below: FloatArray, whole: FloatArray, panels: int) -> FloatArray:
        """The integrals shifted by a number of panels to the right (left if negative), [.., count, NODES]."""
        count = below.shape[1]
        moved = np.zeros_like(below)
        if panels < 0:
            moved[:, -panels:] = below[:, : max(0, count + panels)]
            return moved
        moved[:] = whole[:, None, None]
        moved[:, : max(0, count - panels)] = below[:, panels:]
        return moved

    @cached_property
    def _diagonals(self) -> list[tuple[int, int, FloatArray]]:
        """Moves by their rise d of the fitness: d, the first count i that has it, and P(i -> i - d) from there on."""
        k = self._start.k
        all_of_them = [(rise, max(0, rise), np.diagonal(self._moves, -rise)) for rise in range(-k, k + 1)]
        return [(rise, first, chances) for rise, first, chances in all_of_them if chances.any()]

    @cached_property
    def _kept(self) -> FloatArray:
        """P(a call is rejected | i blocks are incorrect, the stored noise is at a node); float [k+1, count, NODES]."""
        from scipy.special import ndtr

        x = self._panels.nodes
        rejected = np.broadcast_to((1.0 - self._moves.sum(axis=1))[:, None, None], self._density.shape).copy()
        for rise, first, chances in self._diagonals:
            rejected[first : first + len(chances)] += chances[:, None, None] * ndtr(x - rise / self._s)
        return rejected


def stored_means(moves: FloatArray, s: float) -> FloatArray:
    """E[T] from each count of incorrect blocks, float [k+1] (17d).

    With phi_i and S_i density and tail of an evaluation, J_i(z) = int_z^inf phi_i h_i, h_i(z) the calls still needed:

        J_i'(z) = -phi_i(z) (1 + sum_j q(i, j) J_j(z)) / sum_j q(i, j) S_j(z),  J_i(inf) = 0,  E = J_i(-inf).

    Args:
        moves: float [k+1, k+1], P(an offspring has j incorrect blocks | its parent has i); row 0, the optimum, is 0.
        s: standard deviation of the stored noise, > 0.

    Raises: NoPrediction if a mean is above the largest float, or infinite since no call raises the fitness of some
    solutions, or takes too long.

    >>> moves = np.array([[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]])
    >>> stored_means(moves, 1.0).round(9).tolist()
    [0.0, 6.869562406, 16.961044676]
    """
    from scipy.integrate import solve_ivp
    from scipy.sparse import csr_array
    from scipy.special import log_ndtr

    k = len(moves) - 1
    rows = csr_array(moves[1:])
    if (rows.indices[rows.indptr[:-1]] > np.arange(k)).any():
        raise NoPrediction("the mean with stored noise is infinite or not known where no call raises the fitness")
    fitness = (k - np.arange(k + 1.0)) / s
    highest = fitness[0] + max(40.0 * s, 12.0)
    if highest - LOWEST > MOST_RANGE or (highest - LOWEST) * rows.nnz > MOST_MEAN_TERMS:
        raise NoPrediction(f"the mean with stored noise of s={s:g} is not computed for k={k} blocks")
    chances, ends = np.log(rows.data), rows.indptr[:-1]
    owner = np.repeat(np.arange(k), np.diff(rows.indptr))

    def slope(z: float, later: FloatArray) -> FloatArray:
        accepted = chances + log_ndtr(fitness - z)[rows.indices]
        largest = np.maximum.reduceat(accepted, ends)
        accepted = largest + np.log(np.add.reduceat(np.exp(accepted - largest[owner]), ends))
        rate = np.exp(-0.5 * (z - fitness[1:]) ** 2 - 0.5 * math.log(2.0 * math.pi) - accepted)
        needed: FloatArray = rate * (1.0 + rows @ np.append(0.0, later))
        if not np.isfinite(needed).all():
            raise NoPrediction(f"the mean with stored noise of s={s:g} is above the largest float")
        return np.asarray(-needed)

    with np.errstate(over="ignore", invalid="ignore"):
        over = (highest, LOWEST)
        found = solve_ivp(slope, over, np.zeros(k), "DOP853", over, rtol=ACCURACY, atol=1e-20, max_step=2.0)
    if not found.success:
        raise NoPrediction(f"the mean with stored noise of s={s:g} is not found: {found.message}")
    return np.append(0.0, found.y[:, -1])


def _ends(moves: FloatArray, start: Start) -> bool:
    """Whether a run reaches the optimum with probability 1; False if only a start that is optimal hits.

    Noise accepts every possible offspring with some probability, so that only the possible moves decide.

    Raises: NoPrediction if it is reached from some counts that are met and not from others.
    """
    possible, counts = moves > 0.0, np.arange(len(moves))
    met = _reached(possible, start.law() > 0.0) & (counts > 0)
    good = _reached(possible.T, counts == 0)[met]
    if good.any() and not good.all():
        raise NoPrediction(
            "with stored noise a run may get to where no call helps, with a probability that is not known"
        )
    return bool(good.all())


def _reached(possible: BoolArray, begin: BoolArray) -> BoolArray:
    """Counts of incorrect blocks that can be reached from some, bool [k+1], by moves from row to column."""
    found, more = np.zeros_like(begin), begin
    while (found != more).any():
        found = more
        more = found | possible[found].any(axis=0)
    return found
