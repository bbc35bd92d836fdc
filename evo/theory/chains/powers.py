"""Powers of the transition matrix of one generation, with the probability of staying kept as a logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evo.protocols import FloatArray, IntArray

NEGLIGIBLE = 1e-30  # moves below this share of all moves from their state are dropped; it keeps powers sparse
DENSE_BELOW = 64  # states; sparse products cost more than they save below
NOTHING = 1e-100  # of the mass that is not absorbed yet: states that hold less, and all above them, are left out
FEWEST = 16  # states that are kept
DENSE_SHARE = 0.1  # of non-zero entries, above which a power is stored dense


class Powers:
    """Applies M^n to column vectors, M = one generation, for whole n of any size.

    `moves` [n, n] holds the probabilities of moving between different states, from column to row; `leave` [n] the
    column sums, `stay` [n] what they lack to 1; state 0 is absorbing. M^(2^b) = A_b + D_b, D_0 = diag(stay), and
    A_{b+1} = A_b A_b + A_b D_b + D_b A_b: only non-negative terms, and no 1 - (1 - tiny). Rounding changes the sum of
    a column by 1e-16 or so, which 40 squarings would make 1e-4: each column is scaled to the sum 1 again, P(absorbed)
    or the rest, whichever is larger. A power is built where the steps it saves would cost more.
    """

    def __init__(self, moves: Any, leave: FloatArray, stay: FloatArray) -> None:
        with np.errstate(divide="ignore"):
            self._log_stay = np.where(leave < 0.5, np.log1p(-leave), np.log(stay))
        self._falls = _falls(moves)
        self._powers = [_stored(moves)]
        self._stays = [np.exp(self._log_stay)]
        self._narrower: dict[int, Powers] = {}

    def narrowed(self, state: FloatArray) -> tuple[Powers, FloatArray]:
        """The powers on the lower states alone, and the distribution there, where it holds nothing on the upper ones.

        Only where all moves lead to lower states; a run that has come far is on few of them.
        """
        if not self._falls:
            return self, state
        held = np.flatnonzero(state > NOTHING * state[1:].sum())
        used = max(FEWEST, int(held[-1]) + 1 if len(held) else 1)
        size = 1 << (used - 1).bit_length()
        if 2 * size > len(state):
            return self, state
        if size not in self._narrower:
            self._narrower[size] = self._first(size)
        return self._narrower[size], state[:size]

    def _first(self, size: int) -> Powers:
        """The powers that were made so far, on the lowest `size` states alone."""
        few = object.__new__(Powers)
        few._falls, few._narrower, few._log_stay = True, {}, self._log_stay[:size]
        few._powers = [_stored(power[:size, :size]) for power in self._powers]
        few._stays = [stay[:size] for stay in self._stays]
        return few

    def plan(self, generations: int) -> int:
        """Exponent b of the largest power M^(2^b) worth using for a number of generations; the same at each request."""
        top = 0
        while generations >> (top + 1):
            power = self._powers[top]
            if (generations >> top) * _seconds_to_apply(power) < _seconds_to_square(power):
                break
            top += 1
            if top == len(self._powers):
                self._square()
        return top

    def advance(self, state: FloatArray, generations: int, top: int) -> FloatArray:
        """The distribution `generations` later, by powers up to M^(2^top); state is [n] or [n, columns]."""
        for _ in range(generations >> top):
            state = self._apply(top, state)
        for bit in range(top - 1, -1, -1):
            if generations >> bit & 1:
                state = self._apply(bit, state)
        return state

    def at(self, state: FloatArray, generations: Sequence[int] | IntArray, top: int) -> FloatArray:
        """The distributions at several sorted numbers of generations, float [n] -> [n, times].

        From the highest bit of the numbers to the lowest, all that begin alike are one column, and each bit is one
        product for all columns that have it.
        """
        steps = np.array(generations, dtype=np.int64 if generations[-1] < 1 << 62 else object)
        known, now, walked = np.unique(steps >> top), 0, []
        for turn in known.tolist():
            state, now = self.advance(state, (turn - now) << top, top), turn
            walked.append(state)
        columns = np.stack(walked, axis=1)
        for bit in range(top - 1, -1, -1):
            longer = np.unique(steps >> bit)
            columns, known = columns[:, np.searchsorted(known, longer >> 1)], longer
            odd = (longer & 1).astype(np.bool_)
            if odd.any():
                columns[:, odd] = self._apply(bit, columns[:, odd])
        return columns[:, np.searchsorted(known, steps)]  # of equal numbers each has its column

    def _apply(self, bit: int, state: FloatArray) -> FloatArray:
        while bit >= len(self._powers):
            self._square()
        stay = self._stays[bit] if state.ndim == 1 else self._stays[bit][:, None]
        return np.asarray(self._powers[bit] @ state + stay * state)

    def _square(self) -> None:
        power, stay = self._powers[-1], self._stays[-1]
        if isinstance(power, np.ndarray):
            square: Any = power @ power + power * stay + stay[:, None] * power
        else:
            from scipy.sparse import diags_array

            diagonal = diags_array(stay)
            square = power @ power + power @ diagonal + diagonal @ power
        self._stays.append(np.exp(2.0 ** len(self._stays) * self._log_stay))
        self._powers.append(_stored(square))
        self._rescale()

    def _rescale(self) -> None:
        """Make the columns of the last power sum to 1."""
        power = self._powers[-1]
        dense = isinstance(power, np.ndarray)
        absorbed: FloatArray = power[0].copy() if dense else power[[0]].toarray()[0]
        rest = np.asarray(power[1:].sum(axis=0)) + self._stays[-1]
        early = absorbed < 0.5
        later = np.divide(1.0 - absorbed, rest, out=np.ones_like(rest), where=early)
        first = np.divide(1.0 - rest, absorbed, out=np.ones_like(rest), where=~early)
        self._stays[-1] = self._stays[-1] * later
        if dense:
            power[0] *= first
            power[1:] *= later
        else:
            begun = power.indptr[1]
            power.data[:begun] *= first[power.indices[:begun]]
            power.data[begun:] *= later[power.indices[begun:]]


def _falls(moves: Any) -> bool:
    """Whether all moves, from column to row, lead to lower states."""
    if isinstance(moves, np.ndarray):
        return not np.tril(moves).any()
    from scipy.sparse import coo_array

    entries = coo_array(moves)
    return bool((entries.coords[0] < entries.coords[1])[entries.data != 0.0].all())


def _stored(matrix: Any) -> Any:
    """The matrix as an array if small or full, else as sparse rows; a large one without negligible entries."""
    if matrix.shape[0] <= DENSE_BELOW:
        return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    least = NEGLIGIBLE * matrix.sum(axis=0)
    if isinstance(matrix, np.ndarray):
        matrix[matrix < least] = 0.0
        return matrix
    matrix = matrix.tocsr()
    matrix.data[matrix.data < least[matrix.indices]] = 0.0
    matrix.eliminate_zeros()
    states = matrix.shape[0]
    if matrix.nnz > DENSE_SHARE * states**2:
        return matrix.toarray()
    return matrix


def _seconds_to_apply(matrix: Any) -> float:
    """Rough cost on one core; only the ratio to `_seconds_to_square` matters, and only for speed."""
    if isinstance(matrix, np.ndarray):
        return float(3e-6 + 5e-10 * matrix.size)
    return float(8e-6 + 2e-9 * matrix.nnz)


def _seconds_to_square(matrix: Any) -> float:
    if isinstance(matrix, np.ndarray):
        return float(2e-5 + 1e-8 * matrix.size + 4e-11 * len(matrix) ** 3)
    return float(5e-4 + 1e-8 * matrix.nnz**2 / matrix.shape[0])
