"""Chunks in turn: the fitness is a sum over chunks of what their own calls made of each (theory 2g, 17a)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evo.chunks import Chunks
from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.special import BetaBlocksLaw, PerBlockLaw
from evo.protocols import FloatArray, IntArray
from evo.theory.calls.gains import check_run, chunk_steps, gains_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain
from evo.theory.numeric.beta import survival
from evo.theory.quality.law import FitnessLaw, Whens, settled, whole_times

MOST_PRODUCTS = 5_000_000_000  # multiplications of polynomials, of the laws at all the times that are asked for


def chunks_in_turn(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> FitnessLaw:
    """RoundRobin at a budget: after G = c m + r generations r chunks had c + 1 generations of their own, the others c.

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = chunks_in_turn(IndependentBlocks(0.3, 0.9), 6, 2, Start(6))
    >>> round(float((law.after([24]) @ law.values)[0]), 12)
    5.574115981963
    """
    check_run(k, start, lam)
    values = k - np.arange(k + 1.0)
    if start.most == 0:
        return settled(values[::-1])
    chunks = Chunks.cut(k, g)
    kinds = {size: ChunkAlone(law, size, min(size, start.most), lam) for size in (g, chunks.short) if size}
    return InTurn(values, kinds, chunks, start)


def workers_in_turn(law: CallLaw, k: int, g: int, start: Start, workers: int | None = None) -> FitnessLaw:
    """Merged rounds in turn: a round of W workers is W calls of a run in turn (theory 11a)."""
    one_by_one, m = chunks_in_turn(law, k, g, start), Chunks.cut(k, g).m
    return Rounds(one_by_one, m if workers is None else min(workers, m), start.independent)


def blocks_in_turn(law: PerBlockLaw, k: int, start: Start, lam: int = 1) -> FitnessLaw:
    """RoundRobin, g = 1, over blocks that differ: P(block j is incorrect) = (1-p0)(1-p_j)^(own calls) (theory 5a).

    Raises: NoPrediction for exactly j incorrect blocks.

    >>> law = blocks_in_turn(PerBlockLaw((0.5, 0.25)), 2, Start(2))
    >>> law.after([2]).tolist()
    [[0.125, 0.5, 0.375]]
    """
    check_run(k, start, lam)
    if len(law.p) != k:
        raise NoPrediction(f"p has {len(law.p)} entries for k = {k} blocks")
    miss = 1.0 - np.array(law.p)
    return _blocks(k, start, "theory 5a, 17a", lambda own: (1.0 - start.correct_rate) * miss ** (lam * own))


def beta_in_turn(law: BetaBlocksLaw, k: int, start: Start, lam: int = 1) -> FitnessLaw:
    """RoundRobin, g = 1, difficulties drawn for each block: E[(1-p)^n] = B(a, b+n)/B(a, b) in place of it (theory 5c).

    Raises: NoPrediction for exactly j incorrect blocks.
    """
    check_run(k, start, lam)
    return _blocks(
        k,
        start,
        "theory 5c, 17a",
        lambda own: (1.0 - start.correct_rate) * survival(law.a, law.b, lam * own.astype(np.float64)),
    )


def _blocks(k: int, start: Start, source: str, incorrect: Callable[[IntArray], FloatArray]) -> FitnessLaw:
    values = k - np.arange(k + 1.0)
    if start.most == 0:
        return settled(values[::-1])
    if not start.independent:
        raise NoPrediction("RoundRobin with blocks that differ needs blocks independent at the start")
    return BlocksInTurn(values, incorrect, source)


class OneChunk(Protocol):
    """The incorrect blocks of one chunk after generations of its own."""

    @property
    def most(self) -> int:
        """Incorrect blocks at the most."""
        ...

    def after(self, generations: int) -> FloatArray:
        """P(i incorrect blocks | j at first), row j, float [most+1, most+1]."""
        ...

    def improves(self, begin: FloatArray, generations: int) -> float:
        """P(the next generation improves the chunk) after so many, from the law at first, float [most+1]."""
        ...


class ChunkAlone:
    """The incorrect blocks of one chunk after generations of its own, as a matrix from those at first.

    >>> from evo.laws.counts import IndependentBlocks
    >>> ChunkAlone(IndependentBlocks(0.5, 0.5), 1, 1, 2).after(1).tolist()
    [[1.0, 0.0], [0.75, 0.25]]
    """

    def __init__(self, law: CallLaw, g: int, most: int, lam: int) -> None:
        self.most = most
        steps = chunk_steps(gains_of(law, g, most, ever=False), lam)
        self._chain = AbsorbingChain(*steps, np.zeros(most), 0.0, lam)
        self._known: dict[int, FloatArray] = {}

    def after(self, generations: int) -> FloatArray:
        """P(i incorrect blocks | j at first), row j, float [most+1, most+1]."""
        if generations not in self._known:
            powers = self._chain.powers
            states = powers.advance(np.eye(self.most + 1), generations, powers.plan(generations))
            self._known[generations] = np.asarray(states.T)
        return self._known[generations]

    def improves(self, begin: FloatArray, generations: int) -> float:
        """P(the next generation improves the chunk) after so many, from the law at first, float [most+1]."""
        return float(begin @ self.after(generations) @ np.append(0.0, self._chain.leave))


@dataclass(frozen=True, eq=False)
class InTurn:
    """The law of the sum over chunks; exactly j incorrect blocks by the coefficient of z^j (theory 2e, 2g).

    Attributes:
        values: of the fitness by incorrect blocks 0..k.
        kinds: by size, the law of a chunk alone.
        chunks: how the solution is cut.
        start: the initial law.
    """

    values: FloatArray
    kinds: Mapping[int, OneChunk]
    chunks: Chunks
    start: Start
    source: str = "theory 2g, 17a"

    def after(self, generations: Whens) -> FloatArray:
        """P(each number of incorrect blocks), float [n, k+1]."""
        times = whole_times(generations)
        counts = self.start.most + 1
        work = len(times) * self.chunks.m * min(self.chunks.g + 1, counts) ** 2 * counts
        if work * (1 if self.start.independent else counts) > MOST_PRODUCTS:
            raise NoPrediction(f"the laws of sums over {self.chunks.m} chunks at {len(times)} times take too long")
        law = self._independent if self.start.independent else self._counted
        return np.stack([law(*divmod(int(time), self.chunks.m)) for time in times])

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}): that of the chunk whose turn it is, float [n]."""
        found = []
        for time in whole_times(generations):
            before, chunk = divmod(int(time) - 1, self.chunks.m)
            size = self.chunks.g if chunk < self.chunks.full else self.chunks.short
            alone = self.kinds[size]
            found.append(alone.improves(self.start.chunk_law(size)[: alone.most + 1], before))
        return np.array(found)

    def _owns(self, sweeps: int, rest: int) -> list[tuple[int, int, int]]:
        """(chunks, their size, their own generations); the short chunk is the last."""
        chunks, more = self.chunks, min(rest, self.chunks.full)
        kinds = [(more, chunks.g, sweeps + 1), (chunks.full - more, chunks.g, sweeps), (1, chunks.short, sweeps)]
        return [kind for kind in kinds if kind[0] and kind[1]]

    def _independent(self, sweeps: int, rest: int) -> FloatArray:
        law = np.ones(1)
        for number, size, own in self._owns(sweeps, rest):
            alone = self.kinds[size]
            one = self.start.chunk_law(size)[: alone.most + 1] @ alone.after(own)
            law = np.convolve(law, _power(one, number))
        return self._padded(law)

    def _counted(self, sweeps: int, rest: int) -> FloatArray:
        """Joint polynomials in the blocks incorrect at first and now, up to z^j."""
        j = self.start.most
        joint = np.zeros((j + 1, j + 1))
        joint[0, 0] = 1.0
        for number, size, own in self._owns(sweeps, rest):
            alone = self.kinds[size]
            one = self.start.independent_law(size)[: alone.most + 1, None] * alone.after(own)
            for _ in range(number):
                joint = _times(joint, one)
        return self._padded(joint[j] / joint[j].sum())

    def _padded(self, law: FloatArray) -> FloatArray:
        return np.append(law, np.zeros(self.start.k + 1 - len(law)))


@dataclass(frozen=True, eq=False)
class BlocksInTurn:
    """Blocks that are independent of each other, and may differ.

    Attributes:
        values: of the fitness by incorrect blocks 0..k.
        incorrect: P(each block is incorrect) after own generations, int [k] -> float [k].
        source: the formulas of `incorrect`.
    """

    values: FloatArray
    incorrect: Callable[[IntArray], FloatArray]
    source: str

    def after(self, generations: Whens) -> FloatArray:
        """P(each number of incorrect blocks), float [n, k+1]."""
        found = []
        for time in whole_times(generations):
            law = np.ones(1)
            for wrong in self._chances(int(time)):
                law = np.convolve(law, (1.0 - wrong, wrong))
            found.append(law)
        return np.stack(found)

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}): what the block whose turn it is becomes correct with, float [n]."""
        found, k = [], len(self.values) - 1
        for time in whole_times(generations).tolist():
            block = (time - 1) % k
            found.append(float(self._chances(time - 1)[block] - self._chances(time)[block]))
        return np.array(found)

    def _chances(self, time: int) -> FloatArray:
        sweeps, rest = divmod(time, len(self.values) - 1)
        own = sweeps + (np.arange(len(self.values) - 1) < rest).astype(np.int64)
        return np.asarray(self.incorrect(own))


@dataclass(frozen=True, eq=False)
class Rounds:
    """A run whose rounds are so many generations of another one, each on another chunk: merged rounds in turn.

    Attributes:
        law: of the other run.
        width: its generations to a round.
        independent: whether the chunks are independent of each other.
    """

    law: FitnessLaw
    width: int
    independent: bool

    @property
    def values(self) -> FloatArray:
        """Those of the other run."""
        return self.law.values

    @property
    def source(self) -> str:
        """Labels of the formulas."""
        return f"theory 11a; {self.law.source}"

    def after(self, generations: Whens) -> FloatArray:
        """P(each value) after so many rounds, float [n, v]."""
        return self.law.after(self.width * whole_times(generations))

    def improves(self, generations: Whens) -> FloatArray:
        """P(some worker improves) = 1 - prod over the workers of P(it does not), float [n].

        Raises: NoPrediction where the chunks depend on each other.
        """
        if not self.independent:
            raise NoPrediction("P(improve) of a round is not known where exactly j blocks are incorrect at the start")
        calls = self.width * (whole_times(generations)[:, None] - 1) + np.arange(1, self.width + 1)
        each = self.law.improves(calls.ravel()).reshape(calls.shape)
        return np.asarray(1.0 - np.prod(1.0 - each, axis=1))


def _power(law: FloatArray, number: int) -> FloatArray:
    """The law of the sum of independent copies of a number."""
    found, square = np.ones(1), law
    while number:
        if number & 1:
            found = np.convolve(found, square)
        number >>= 1
        square = np.convolve(square, square) if number else square
    return found


def _times(joint: FloatArray, one: FloatArray) -> FloatArray:
    """The product of two polynomials in two variables, cut at the degree of the first."""
    size, found = len(joint), np.zeros_like(joint)
    for (i, j), chance in np.ndenumerate(one):
        if chance and i < size and j < size:
            found[i:, j:] += chance * joint[: size - i, : size - j]
    return found
