"""Runs on all 2^k solutions, for few blocks: exact also where no law on counts is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from evo.chunks import Chunks
from evo.errors import InputError, NoPrediction
from evo.laws.mixtures import ComponentLaw, misses_of
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.theory.calls.gains import at_least_once, best_of, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain
from evo.theory.problems.on_counts import ranks
from evo.theory.run_law import Process, RunLaw, finished

Offspring = tuple[IntArray, FloatArray]  # solutions as bits, and their probabilities
Accept = Callable[[int, IntArray], FloatArray]  # the parent's bits, offspring's bits [n] -> P(replaces it) [n]
Moves = list[tuple[IntArray, FloatArray, int]]  # to these solutions with these probabilities; pointer + 0 or 1

ALL, ROBIN, RESOLVED, UNIFORM, INCORRECT = "all", "robin", "resolved", "uniform", "incorrect"
MAX_LEVEL = 1100  # states among which a run may go to and fro on a landscape: seconds
MAX_CALLS = 1 << 17  # pairs of a solution and a chunk drawn for it: seconds
SUBSET = "subset"  # a uniformly random g-subset of the blocks for each offspring


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

    def after(self, correct: BoolArray, chunk: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weights [n] of the components, P(each block is correct afterwards) [n, k], P(it is not) [n, k].

        Args:
            correct: the solution, bool [k].
            chunk: positions, int [g].
        """
        if self.p is not None:
            own = np.asarray(self.p)[None, :]
            weights, fix, miss = np.ones(1), own[:, chunk], 1.0 - own[:, chunk]
            keep, damage = fix, miss
        else:
            assert self.inside is not None
            components = self.inside.components(len(chunk))
            weights, fix, keep = components[0], components[1][:, None], components[2][:, None]
            miss, damage = (part[:, None] for part in misses_of(self.inside, components, len(chunk)))
        right: FloatArray = np.tile(np.where(correct, 1.0 - self.spill, 0.0), (len(weights), 1))
        wrong: FloatArray = np.tile(np.where(correct, self.spill, 1.0), (len(weights), 1))
        right[:, chunk] = np.where(correct[chunk], keep, fix)
        wrong[:, chunk] = np.where(correct[chunk], damage, miss)
        return weights, right, wrong


def enumeration_states(schedule: str, k: int, g: int) -> float:
    """States of the chain: 2^k - 1 solutions, times the places of the pointer; infinite for k > 60."""
    pointers = -(-k // g) if schedule in (ROBIN, RESOLVED) else 1
    return float(2**k - 1) * pointers if k <= 60 else float("inf")


def enumerated(
    call: BlockCall,
    schedule: str,
    k: int,
    g: int,
    start: Start,
    lam: int = 1,
    weak: bool = False,
    down: bool = False,
    fitness: FloatArray | None = None,
    accept: Accept | None = None,
) -> RunLaw:
    """Law of a run as an absorbing chain on all solutions and pointers.

    Args:
        call: law of a call.
        schedule: ALL, ROBIN, RESOLVED, UNIFORM, INCORRECT or SUBSET.
        k: blocks.
        g: blocks a chunk; k for ALL.
        start: the initial law.
        lam: offspring a generation.
        weak: whether an equally good offspring replaces the parent.
        down: whether RESOLVED takes an invalid offspring for a fall of the fitness.
        fitness: float [2^k], of the solution whose block j is correct where bit j of its number is 1; the only maximum
            is at 2^k - 1. None: the number of correct blocks.
        accept: for lam = 1, whether the offspring replaces its parent, in place of a fitness (noise, theory 8). The run
            ends when the optimum is generated and accepted. Not for RESOLVED.

    Raises: InputError if a fitness or accept does not fit; NoPrediction if there are more than MAX_STATES states,
    MAX_LEVEL among which the run may go to and fro, or MAX_CALLS subsets of all solutions.

    >>> from evo.laws.counts import IndependentBlocks
    >>> spilling = BlockCall(IndependentBlocks(0.5, 0.5), spill=0.1)
    >>> round(enumerated(spilling, ROBIN, 4, 1, Start(4)).hit.mean, 12)
    17.056486220767
    >>> needle = np.arange(16) == 15.0
    >>> half = BlockCall(IndependentBlocks(0.5, 0.5))
    >>> round(enumerated(half, ROBIN, 4, 1, Start(4), weak=True, fitness=needle).hit.mean, 9)  # theory 10a
    30.0
    """
    check_run(k, start, lam)
    states = enumeration_states(schedule, k, g)
    if states > MAX_STATES:
        raise NoPrediction(f"the chain on all solutions would have {states:.4g} states, more than {MAX_STATES}")
    if accept is not None:
        _check_accept(schedule, lam, weak, fitness)
    if fitness is None:
        rank = np.bitwise_count(np.arange(1 << k)).astype(np.int64)
    else:
        rank = ranks(fitness, 1 << k, -1, f"solutions of k={k} blocks")
    if start.most == 0:
        return finished(lam)
    enumerator = _Enumerator(call, schedule, Chunks.cut(k, g), k, lam, weak, down, rank, accept)
    if fitness is not None or accept is not None or schedule == SUBSET:
        _check_work(enumerator)
    chain, short = enumerator.chain(start)

    def short_calls() -> float:
        return lam * chain.expected(short) if short.any() else 0.0

    process = Process(tuple(divmod(at, enumerator.pointers) for at in range(len(chain.finish))), chain)
    return RunLaw(chain.hit, chain.generations, short_calls, "chain on all 2^k solutions", lam, process)


@dataclass(frozen=True, eq=False)
class _Enumerator:
    call: BlockCall
    schedule: str
    cut: Chunks
    k: int
    lam: int
    weak: bool
    down: bool
    rank: IntArray  # [2^k], of each solution's fitness among the different ones
    accept: Accept | None

    @property
    def pointers(self) -> int:
        return self.cut.m if self.schedule in (ROBIN, RESOLVED) else 1

    @property
    def level(self) -> IntArray:
        """The level of each state: the rank of its fitness, 0 the best; all on one if acceptance is by chance."""
        below = self.rank[-1] - self.rank[:-1] if self.accept is None else np.zeros_like(self.rank[:-1])
        return np.repeat(below, self.pointers)

    @cached_property
    def chunks(self) -> list[IntArray]:
        """Positions of the blocks of each chunk."""
        g, k = self.cut.g, self.k
        if self.schedule == SUBSET:
            return [np.array(some, dtype=np.int64) for some in combinations(range(k), g)]
        return [np.arange(first, min(first + g, k), dtype=np.int64) for first in range(0, k, g)]

    def chain(self, start: Start) -> tuple[AbsorbingChain, FloatArray]:
        """The chain, and P(a call goes to the short chunk) in each state."""
        from scipy.sparse import coo_array

        full, pointers = (1 << self.k) - 1, self.pointers
        n = full * pointers
        right = np.bitwise_count(np.arange(full)).astype(np.int64)
        finish, hit, short, stay = np.zeros((4, n))
        rows, columns, values = [], [], []
        for at in range(n):
            parent, pointer = divmod(at, pointers)
            drawn = self._drawn(parent, pointer)
            short[at] = sum(len(chunk) < self.cut.g for chunk in drawn) / len(drawn)
            offspring = self._offspring(parent, drawn)
            generation = self._generation if self.accept is None else self._by_chance
            finish[at], hit[at], moves = generation(parent, offspring)
            for children, chances, step in moves:
                targets = children * pointers + (pointer + step) % pointers
                used = (chances > 0.0) & (targets != at)
                stay[at] += chances[targets == at].sum()
                rows.append(np.full(int(used.sum()), at))
                columns.append(targets[used])
                values.append(chances[used])
        places = (np.concatenate(rows), np.concatenate(columns))
        step_matrix = coo_array((np.concatenate(values), places), shape=(n, n)).tocsr()
        begin = np.zeros(n)
        begin[::pointers] = _start_law(start)[right]
        return AbsorbingChain(step_matrix, finish, hit, begin, start.optimal, self.lam, stay=stay), short

    def _drawn(self, parent: int, pointer: int) -> list[IntArray]:
        """The chunks that an offspring may get; all have the same probability."""
        if self.schedule in (UNIFORM, SUBSET):
            return self.chunks
        if self.schedule == INCORRECT:
            return [self.chunks[((~parent & (parent + 1)).bit_length() - 1) // self.cut.g]]
        return [self.chunks[pointer]]

    def _offspring(self, parent: int, drawn: list[IntArray]) -> Offspring:
        """The valid offspring that one call may make, with their probabilities."""
        correct = (parent >> np.arange(self.k)) & 1 == 1
        parts = [_products(*self.call.after(correct, chunk)) for chunk in drawn]
        children, chances = (np.concatenate([part[n] for part in parts]) for n in (0, 1))
        return children, chances / len(drawn)

    def _by_chance(self, parent: int, offspring: Offspring) -> tuple[float, float, Moves]:
        """P(the optimum is generated and accepted), twice, and the moves, of a single offspring accepted by chance."""
        assert self.accept is not None
        children, chances = offspring
        chance = np.asarray(self.accept(parent, children), dtype=np.float64)
        if chance.shape != children.shape or not ((chance >= 0.0) & (chance <= 1.0)).all():
            raise InputError(
                f"accept must return a probability for each of {len(children)} offspring, got {chance!r:.200}"
            )
        taken = chances * chance
        best = children == len(self.rank) - 1
        stayed = _rest(chances) + float((chances * (1.0 - chance)).sum())
        step = self._step(False)
        finish = float(taken[best].sum())
        return finish, finish, [(children[~best], taken[~best], step), (np.array([parent]), np.array([stayed]), step)]

    def _generation(self, parent: int, offspring: Offspring) -> tuple[float, float, Moves]:
        """P(the optimum is generated), that for one offspring, and the moves; the first of the best is taken."""
        children, chances = offspring
        fitness, now, top = self.rank[children], int(self.rank[parent]), int(self.rank[-1])
        each: FloatArray = np.asarray(np.bincount(fitness, chances, top + 1), dtype=np.float64)
        best = best_of(each[now + 1 :], self.lam)
        fitter = (fitness > now) & (fitness < top) & (chances > 0.0)
        share = best[fitness[fitter] - now - 1] / each[fitness[fitter]]
        moves: Moves = [(children[fitter], share * chances[fitter], self._step(True))]
        equal = fitness == now
        for moved, changed, stayed in self._nothing_better(each, now):
            step = self._step(moved)
            moves.append((np.array([parent]), np.array([stayed]), step))
            if changed > 0.0:
                moves.append((children[equal], changed / each[now] * chances[equal], step))
        return float(best[-1]), float(each[top]), moves

    def _nothing_better(self, each: FloatArray, now: int) -> Iterator[tuple[bool, float, float]]:
        """Whether the fitness was seen to move, P(an equal offspring takes over), P(the parent stays)."""
        same, worse, invalid = float(each[now]), float(each[:now].sum()), _rest(each)
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


def _check_accept(schedule: str, lam: int, weak: bool, fitness: FloatArray | None) -> None:
    """Refuse options that `accept` replaces, and the schedule that depends on the observed fitness."""
    if lam != 1 or weak or fitness is not None or schedule == RESOLVED:
        raise InputError(
            f"accept is for lam=1, without weak and fitness, and not for the schedule {RESOLVED!r}; "
            f"got lam={lam}, weak={weak}, schedule={schedule!r}"
        )


def _check_work(enumerator: _Enumerator) -> None:
    """Refuse long computations: large groups of mutually reachable states, or many subsets of each solution.

    Raises: NoPrediction.
    """
    calls = len(enumerator.chunks) << enumerator.k
    if enumerator.schedule == SUBSET and calls > MAX_CALLS:
        raise NoPrediction(f"{calls} pairs of a solution and a chunk, more than {MAX_CALLS}, are too many")
    largest = int(np.bincount(enumerator.level).max())
    if (enumerator.accept is not None or enumerator.weak) and largest > MAX_LEVEL:
        raise NoPrediction(f"{largest} states of the same level, more than {MAX_LEVEL}, are too many to solve for")


def _rest(chances: FloatArray) -> float:
    """The probability of an invalid offspring: 1 - sum, with rounding errors set to 0."""
    invalid = max(0.0, 1.0 - float(chances.sum()))
    return invalid if invalid >= 1e-14 else 0.0


def _products(weights: FloatArray, right: FloatArray, wrong: FloatArray) -> Offspring:
    """All solutions that are possible for independent blocks, and their probabilities."""
    sure = (wrong == 0.0).all(axis=0)
    free = np.flatnonzero(~sure & ~(right == 0.0).all(axis=0))
    children = np.array([sum(1 << int(block) for block in np.flatnonzero(sure))], dtype=np.int64)
    products = weights[:, None]
    for block in free:
        products = np.concatenate((products * wrong[:, block, None], products * right[:, block, None]), axis=1)
        children = np.concatenate((children, children | 1 << int(block)))
    return children, products.sum(axis=0)


def _gap(whole: float, part: float, lam: int) -> float:
    """whole^lam - (whole-part)^lam without cancellation, 0 <= part <= whole."""
    return 0.0 if part == 0.0 else whole**lam * float(at_least_once(min(part / whole, 1.0), lam))


def _start_law(start: Start) -> FloatArray:
    """Probability of a single solution, by its number of correct blocks; float [k+1]."""
    from scipy.special import comb

    counts = start.law()[::-1]
    return np.asarray(counts / comb(start.k, np.arange(start.k + 1)))
