"""Runs on all 2^k solutions, for few blocks: what has no law on counts still has an exact one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evo.errors import NoPrediction
from evo.laws import FloatArray
from evo.mixtures import ComponentLaw
from evo.protocols import BoolArray, IntArray
from evo.theory.chain import MAX_STATES
from evo.theory.chunks import Layout, at_least_once, best_of, check_run
from evo.theory.cyclic import CyclicChain
from evo.theory.run import RunLaw, finished
from evo.theory.starts import Start

Offspring = tuple[IntArray, FloatArray]  # solutions as bits, and their probabilities
Moves = list[tuple[IntArray, FloatArray, int]]  # to these solutions with these probabilities; pointer + 0 or 1

ALL, ROBIN, RESOLVED, UNIFORM, INCORRECT = "all", "robin", "resolved", "uniform", "incorrect"


@dataclass(frozen=True)
class BlockCall:
    """One call whose blocks are independent of each other given the solution and a component of a mixture.

    Attributes:
        inside: law of the blocks of the chunk, if all are alike.
        p: fix = keep = p_j of each block instead (theory 5a).
        spill: probability that a correct block outside the chunk breaks (theory 4c).
    """

    inside: ComponentLaw | None
    p: tuple[float, ...] | None = None
    spill: float = 0.0

    def after(self, correct: BoolArray, chunk: slice) -> tuple[FloatArray, FloatArray]:
        """Weights [n] of the components, and P(each block is correct afterwards) [n, k]."""
        outside: FloatArray = np.where(correct, 1.0 - self.spill, 0.0)
        if self.p is not None:
            own: FloatArray = outside[None, :].copy()
            own[0, chunk] = self.p[chunk]
            return np.ones(1), own
        assert self.inside is not None
        weights, fix, keep = self.inside.components(chunk.stop - chunk.start)
        chances: FloatArray = np.tile(outside, (len(weights), 1))
        chances[:, chunk] = np.where(correct[chunk], keep[:, None], fix[:, None])
        return weights, chances


def enumeration_states(schedule: str, k: int, g: int) -> float:
    """States of the chain: 2^k - 1 solutions, times the places of the pointer; infinite for k > 60."""
    pointers = -(-k // g) if schedule in (ROBIN, RESOLVED) else 1
    return float(2**k - 1) * pointers if k <= 60 else float("inf")


def enumerated(
    call: BlockCall, schedule: str, k: int, g: int, start: Start, lam: int = 1, weak: bool = False, down: bool = False
) -> RunLaw:
    """Law of a run as an absorbing chain on all solutions and pointers.

    Args:
        call: what a call does.
        schedule: ALL, ROBIN, RESOLVED, UNIFORM or INCORRECT.
        k: blocks.
        g: blocks a chunk; k for ALL.
        start: the initial law.
        lam: offspring a generation.
        weak: whether an equally good offspring replaces the parent.
        down: whether RESOLVED takes an invalid offspring for a fall of the fitness.

    Raises: NoPrediction if there are more than MAX_STATES states.

    >>> from evo.laws import IndependentBlocks
    >>> spilling = BlockCall(IndependentBlocks(0.5, 0.5), spill=0.1)
    >>> round(enumerated(spilling, ROBIN, 4, 1, Start(4)).hit.mean, 12)
    17.056486220767
    """
    check_run(k, start, lam)
    states = enumeration_states(schedule, k, g)
    if states > MAX_STATES:
        raise NoPrediction(f"the chain on all solutions would have {states:.4g} states, more than {MAX_STATES}")
    if start.most == 0:
        return finished(lam)
    layout = Layout.of(k, g)
    chain, short = _Enumerator(call, schedule, layout, k, lam, weak, down).chain(start)

    def short_calls() -> float:
        return lam * chain.expected(short) if layout.short else 0.0

    return RunLaw(chain.hit, chain.generations, short_calls, "chain on all 2^k solutions", lam)


@dataclass(frozen=True)
class _Enumerator:
    call: BlockCall
    schedule: str
    layout: Layout
    k: int
    lam: int
    weak: bool
    down: bool

    @property
    def pointers(self) -> int:
        return self.layout.chunks if self.schedule in (ROBIN, RESOLVED) else 1

    def chain(self, start: Start) -> tuple[CyclicChain, FloatArray]:
        """The chain, and P(a call goes to the short chunk) in each state."""
        from scipy.sparse import coo_array

        full, pointers = (1 << self.k) - 1, self.pointers
        n = full * pointers
        solutions = np.arange(full)
        right = np.bitwise_count(solutions).astype(np.int64)
        finish, hit, short = np.zeros((3, n))
        rows, columns, values = [], [], []
        for at in range(n):
            parent, pointer = divmod(at, pointers)
            drawn = self._drawn(parent, pointer)
            short[at] = sum(self.layout.short > 0 and chunk == self.layout.chunks - 1 for chunk in drawn) / len(drawn)
            finish[at], hit[at], moves = self._generation(parent, self._offspring(parent, drawn))
            for children, chances, step in moves:
                targets = children * pointers + (pointer + step) % pointers
                used = (chances > 0.0) & (targets != at)
                rows.append(np.full(int(used.sum()), at))
                columns.append(targets[used])
                values.append(chances[used])
        places = (np.concatenate(rows), np.concatenate(columns))
        step_matrix = coo_array((np.concatenate(values), places), shape=(n, n)).tocsr()
        begin = np.zeros(n)
        begin[::pointers] = _start_law(start)[right]
        level = np.repeat(self.k - right, pointers)
        return CyclicChain(step_matrix, finish, hit, begin, start.optimal, self.lam, level), short

    def _drawn(self, parent: int, pointer: int) -> list[int]:
        """The chunks an offspring may get, each as likely."""
        if self.schedule == UNIFORM:
            return list(range(self.layout.chunks))
        if self.schedule == INCORRECT:
            return [((~parent & (parent + 1)).bit_length() - 1) // self.layout.g]
        return [pointer]

    def _offspring(self, parent: int, drawn: list[int]) -> Offspring:
        """Valid offspring of one call."""
        g, k = self.layout.g, self.k
        correct = (parent >> np.arange(k)) & 1 == 1
        parts = [_products(*self.call.after(correct, slice(c * g, min(c * g + g, k)))) for c in drawn]
        children, chances = (np.concatenate([part[n] for part in parts]) for n in (0, 1))
        return children, chances / len(drawn)

    def _generation(self, parent: int, offspring: Offspring) -> tuple[float, float, Moves]:
        """P(the optimum is generated), that for one offspring, and the moves; the first of the best is taken."""
        children, chances = offspring
        fitness, now = np.bitwise_count(children).astype(np.int64), parent.bit_count()
        each: FloatArray = np.asarray(np.bincount(fitness, chances, self.k + 1), dtype=np.float64)
        best = best_of(each[now + 1 :], self.lam)
        fitter = (fitness > now) & (fitness < self.k) & (chances > 0.0)
        share = best[fitness[fitter] - now - 1] / each[fitness[fitter]]
        moves: Moves = [(children[fitter], share * chances[fitter], self._step(True))]
        equal = fitness == now
        for moved, changed, stayed in self._nothing_better(each, now):
            step = self._step(moved)
            moves.append((np.array([parent]), np.array([stayed]), step))
            if changed > 0.0:
                moves.append((children[equal], changed / each[now] * chances[equal], step))
        return float(best[-1]), float(each[self.k]), moves

    def _nothing_better(self, each: FloatArray, now: int) -> Iterator[tuple[bool, float, float]]:
        """Whether the fitness was seen to move, P(an equal offspring takes over), P(the parent stays)."""
        same, worse, invalid = float(each[now]), float(each[:now].sum()), max(0.0, 1.0 - float(each.sum()))
        if invalid < 1e-14:
            invalid = 0.0  # what rounding leaves of 1 - 1
        ignored, loud = (0.0, worse + invalid) if self.down else (invalid, worse)
        lam, everything = self.lam, same + worse + invalid
        if not self.weak:
            yield False, 0.0, (same + ignored) ** lam
            yield True, 0.0, _gap(everything, loud, lam)
            return
        quiet = _gap(same + ignored, same, lam)
        yield False, quiet, ignored**lam
        yield True, max(0.0, _gap(everything, same, lam) - quiet), _gap(worse + invalid, loud, lam)

    def _step(self, moved: bool) -> int:
        return 1 if self.schedule == ROBIN else int(moved and self.schedule == RESOLVED)


def _products(weights: FloatArray, chances: FloatArray) -> Offspring:
    """All solutions that are possible for independent blocks, and their probabilities."""
    sure = (chances == 1.0).all(axis=0)
    free = np.flatnonzero(~sure & ~(chances == 0.0).all(axis=0))
    children = np.array([sum(1 << int(block) for block in np.flatnonzero(sure))], dtype=np.int64)
    products = weights[:, None]
    for block in free:
        right = chances[:, block, None]
        products = np.concatenate((products * (1.0 - right), products * right), axis=1)
        children = np.concatenate((children, children | 1 << int(block)))
    return children, products.sum(axis=0)


def _gap(whole: float, part: float, lam: int) -> float:
    """whole^lam - (whole-part)^lam without cancellation, 0 <= part <= whole."""
    return 0.0 if part == 0.0 else whole**lam * float(at_least_once(min(part / whole, 1.0), lam))


def _start_law(start: Start) -> FloatArray:
    """Probability of one solution with so many correct blocks; float [k+1]."""
    from scipy.special import comb

    counts = start.law()[::-1]
    return np.asarray(counts / comb(start.k, np.arange(start.k + 1)))
