"""Runs of which only the number of incorrect blocks matters, which may rise and fall (theory 1f, 7d, 8b, 10).

For fitness functions of the count (needle, trap, jump) and acceptance that depends on the counts (noise). Which blocks
are called must not depend on more than the count either: AllBlocks, random subsets, OnlyIncorrect with g = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import InputError
from evo.laws.counts import CallLaw
from evo.protocols import FloatArray, IntArray
from evo.theory.calls.gains import best_of, check_run
from evo.theory.calls.offspring_counts import RAISED
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_floats, check_states
from evo.theory.chains.explore import explored
from evo.theory.chains.moves import Moves
from evo.theory.run_law import Process, RunLaw, finished, no_short_chunk
from evo.theory.times.closed import Geometric


def run_on_counts(
    offspring: FloatArray, fitness: FloatArray, start: Start, lam: int = 1, weak: bool = False, source: str = ""
) -> RunLaw:
    """Law of a (1+lambda)-EA whose fitness is a function of the number of incorrect blocks.

    Best of lam offspring: P(the best has fitness f_v) = F(f_v)^lam - F(f_v-)^lam, F the cdf of one offspring's fitness
    (theory 1f); among the equally good the first, whose count has the law of one offspring of that fitness. If every
    parent generates the optimum w.p. P, hit ~ Geom(P) (theory 1a).

    Args:
        offspring: float [k+1, k+1], of `evo.theory.calls.offspring_counts`.
        fitness: float [k+1], by the number of incorrect blocks; the only maximum is at 0.
        start: the initial law.
        lam: offspring a generation.
        weak: whether an equally good offspring replaces the parent.
        source: labels of the formulas.

    Raises: InputError if the arrays do not fit; NoPrediction if the chain is too large, or probabilities too small.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.offspring_counts import subset_offspring
    >>> single = subset_offspring(IndependentBlocks(0.5, 0.5), 4, 1)
    >>> round(run_on_counts(single, np.array([1.0, 0, 0, 0, 0]), Start(4), weak=True).hit.mean, 9)  # needle, theory 10b
    42.666666667
    """
    rank = _checked(offspring, fitness, start, lam)
    if start.most == 0:
        return finished(lam)
    same = float(offspring[1, 0])
    if RAISED < same == offspring[1:, 0].min() == offspring[1:, 0].max():
        miss = float(offspring[1, 1:].sum()) + _invalid(offspring[1])
        hit, generations = (Geometric.best_of(same, calls, start.optimal, miss) for calls in (1, lam))
        return RunLaw(hit, generations, no_short_chunk, source or "theory 1a, 1c", lam)
    process = _of_counts(*_best_of_lam(offspring, rank, lam, weak), offspring[1:, 0], start, lam)
    return _run(process, source or "theory 1f, on counts")


def counts_process(
    offspring: FloatArray, fitness: FloatArray, start: Start, lam: int = 1, weak: bool = False
) -> Process:
    """The process of `run_on_counts` on 1..k incorrect blocks, also where the time to the optimum is geometric.

    Raises: as `run_on_counts`.
    """
    rank = _checked(offspring, fitness, start, lam)
    return _of_counts(*_best_of_lam(offspring, rank, lam, weak), offspring[1:, 0], start, lam)


def accepted_on_counts(offspring: FloatArray, accept: FloatArray, start: Start, source: str = "") -> RunLaw:
    """Law of a (1+1)-EA that replaces its parent by chance, e.g. under noise (theory 8b).

    The optimum is hit when it is generated and accepted: when the current solution is first optimal. With g = 1 the
    count is a birth-death chain, h_i = (1 + d_i h_{i+1})/u_i from i to i-1; it is solved without a subtraction, so
    that a mean of 10^12 generations keeps its digits.

    Args:
        offspring: float [k+1, k+1], of `evo.theory.calls.offspring_counts`.
        accept: float [k+1, k+1], P(an offspring with j incorrect blocks replaces a parent with i).
        start: the initial law.
        source: labels of the formulas.

    Raises: InputError if the arrays do not fit; NoPrediction if the chain is too large, or probabilities too small.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.theory.calls.offspring_counts import wrong_block_offspring
    >>> calls = wrong_block_offspring(IndependentBlocks(0.5, 0.5), 4)
    >>> round(accepted_on_counts(calls, np.full((5, 5), 0.8), Start(4)).hit.mean, 9)  # j/(a A+), theory 8b
    10.0
    """
    check_states(start.k, f"the counts of k={start.k} blocks")
    _check_matrix(offspring, start.k, "offspring")
    _check_matrix(accept, start.k, "accept")
    if start.most == 0:
        return finished(1)
    moves = offspring * accept
    moves = np.where((offspring > 0.0) & (accept > 0.0), np.maximum(moves, RAISED), 0.0)
    step, finish = moves[1:, 1:], moves[1:, 0]
    stay = np.diag(step) + (offspring * (1.0 - accept)).sum(axis=1)[1:] + [_invalid(row) for row in offspring[1:]]
    return _run(_of_counts(step, finish, stay, finish, start, 1), source or "theory 8b, on counts")


def _checked(offspring: FloatArray, fitness: FloatArray, start: Start, lam: int) -> IntArray:
    """The rank of the fitness of each count; refuses arguments that do not fit."""
    check_run(start.k, start, lam)
    check_states(start.k, f"the counts of k={start.k} blocks")
    _check_matrix(offspring, start.k, "offspring")
    return ranks(fitness, start.k + 1, 0, f"counts of 0..{start.k} incorrect blocks")


def _of_counts(
    step: FloatArray, finish: FloatArray, stay: FloatArray, hit: FloatArray, start: Start, lam: int
) -> Process:
    """The chain on 1..k incorrect blocks."""
    np.fill_diagonal(step, 0.0)
    counts = start.law()
    chain = AbsorbingChain(Moves.of(step), finish, hit, counts[1:], float(counts[0]), lam, stay=stay)
    return Process(tuple(range(1, start.k + 1)), chain)


def _run(process: Process, source: str) -> RunLaw:
    """The law of a run of a process on counts.

    Raises: NoPrediction if it may hang on a probability that was raised.
    """
    chain = process.chain
    check_floats(chain)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, source, chain.lam, process)


def _invalid(chances: FloatArray) -> float:
    """P(an offspring is invalid), what its probabilities lack to 1, above rounding."""
    rest = 1.0 - float(chances.sum())
    return rest if rest > 1e-12 else 0.0


def _best_of_lam(
    offspring: FloatArray, rank: IntArray, lam: int, weak: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Moves among 1..k incorrect blocks, float [k, k], P(the optimum is generated), P(the count stays), float [k]."""
    top, k = int(rank[0]), len(rank) - 1
    step, finish, stay = np.zeros((k, k)), np.zeros(k), np.zeros(k)
    for i in range(1, k + 1):
        least = int(rank[i]) + (not weak)  # the lowest fitness that is accepted
        each = np.asarray(np.bincount(rank, offspring[i], top + 1)[least:], dtype=np.float64)
        best = best_of(each, lam)
        share = np.divide(best, each, out=np.zeros_like(best), where=each > 0.0)
        accepted = np.flatnonzero(rank[1:] >= least)
        step[i - 1, accepted] = share[rank[accepted + 1] - least] * offspring[i, accepted + 1]
        finish[i - 1] = best[-1]
        stay[i - 1] = (offspring[i, rank < least].sum() + _invalid(offspring[i])) ** lam + step[i - 1, i - 1]
    return step, finish, stay


def _check_matrix(matrix: Any, k: int, name: str) -> None:
    most = matrix.sum(axis=1) if name == "offspring" and np.ndim(matrix) == 2 else matrix
    if np.shape(matrix) != (k + 1, k + 1) or not (matrix >= 0.0).all() or not (most <= 1.0 + 1e-9).all():
        raise InputError(f"{name} must hold probabilities [{k + 1}, {k + 1}] for k={k}, got shape {np.shape(matrix)}")


def ranks(fitness: ArrayLike, size: int, optimum: int, of: str) -> IntArray:
    """The rank of each value among the different ones, 0 the lowest, equal values alike; int [size].

    Args:
        fitness: real numbers, [size].
        size: how many there must be.
        optimum: the index of the only highest one.
        of: name of the solutions, for the message.

    Raises: InputError unless there are `size` finite numbers, highest at `optimum` alone.

    >>> ranks([9.0, 0.0, 0.5, 0.0], 4, 0, "counts").tolist()
    [2, 0, 1, 0]
    """
    values = np.asarray(fitness, dtype=np.float64)
    if values.shape != (size,) or not np.isfinite(values).all():
        raise InputError(f"fitness must hold a finite number for each of {size} {of}, got {fitness!r:.200}")
    if (values >= values[optimum]).sum() > 1:
        raise InputError(f"fitness must be highest at the optimum, index {optimum % size}, alone; got {fitness!r:.200}")
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def first_run_of_successes(law: CallLaw, k: int) -> RunLaw:
    """Law of a needle in turn: one block a call, all incorrect at first, lam = 1, every valid answer accepted.

    A block is what its last call made of it, so the optimum comes with the k-th success in a row (calls of k different
    blocks): E = (p^-k - 1)/(1-p), for fix = keep = p and answers that are always valid (theory 10a).

    Raises: NoPrediction if there are too many blocks.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(first_run_of_successes(IndependentBlocks(0.5, 0.5), 4).hit.mean, 9)
    30.0
    """
    p = float(law.pmf(1, 1)[1])
    return explored({0: 1.0}, lambda row: [(1, row + 1 if row + 1 < k else None, p), (1, 0, 1.0 - p)], 1, "theory 10a")
