"""UniformChunk as a chain on occupancies: how many full chunks have how many incorrect blocks (theory 3b)."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, lgamma

import numpy as np

from evo.laws.counts import FloatArray
from evo.theory.calls.gains import Layout, best_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain

Occupancy = tuple[int, ...]  # n_1, .., n_g full chunks with 1, .., g incorrect blocks; then the short chunk's count
Kind = tuple[int, int]  # (0 full, 1 short; incorrect blocks)


def chunk_occupancies(layout: Layout, start: Start) -> dict[Occupancy, float] | None:
    """The occupancies that can be met with their initial probabilities, None if more than MAX_STATES.

    Multinomial for independent blocks, and that given the total for exactly j of them.
    """
    states: dict[Occupancy, float] = {}
    full, short = start.independent_law(layout.g), start.independent_law(layout.short)
    for counts in _multisets(layout.full, layout.g, start.most):
        incorrect = total_incorrect((*counts, 0))
        for last in range(min(layout.short, start.most - incorrect) + 1):
            if len(states) == MAX_STATES:
                return None
            possible = start.independent or incorrect + last == start.most
            chance = _multinomial(counts, layout.full, full) * float(short[last]) if possible else 0.0
            states[(*counts, last)] = chance
    scale = sum(states.values())
    return {state: chance / scale for state, chance in states.items()}


def unfinished_law(layout: Layout, start: Start) -> FloatArray:
    """Joint law of the unfinished full chunks and of whether the short one is; float [M+1, 2].

    >>> unfinished_law(Layout.of(3, 2), Start(3, incorrect=1)).round(12).tolist()
    [[0.0, 0.333333333333], [0.666666666667, 0.0]]
    """
    chunk, last = start.independent_law(layout.g), start.independent_law(layout.short)
    finished = np.array([last[0], 1.0 - last[0]])
    if start.independent:
        unfinished = Start(layout.full, p0=float(chunk[0])).law()
        return np.outer(unfinished, finished)
    # as polynomials in the number of incorrect blocks, of which only the power `most` is wanted
    law = np.zeros((layout.full + 1, 2))
    some, power = np.append(0.0, chunk[1:] / chunk[1:].sum()), np.ones(1)
    numbers = Start(layout.full, p0=float(chunk[0])).law()
    parts = (last[:1], np.append(0.0, last[1:]))
    for left in range(min(layout.full, start.most) + 1):
        for flag, part in enumerate(parts):
            product = np.convolve(power, part)
            law[left, flag] = numbers[left] * product[start.most] if start.most < len(product) else 0.0
        power = np.convolve(power, some)[: start.most + 1]
    return np.asarray(law / law.sum())


def occupancy_chain(
    states: dict[Occupancy, float], full: list[FloatArray], short: list[FloatArray], chunks: int, lam: int
) -> AbsorbingChain:
    """The chain from the gains of one offspring in a chunk of each kind.

    A generation gains v if that is its best offspring's gain, and the first of those decides the chunk: the law of
    one offspring's chunk given that it gains v.

    Args:
        states: occupancies with their initial probabilities, closed under gains.
        full: for a full chunk with i incorrect blocks, the probabilities of gaining 1..i.
        short: the same for the short last chunk.
        chunks: m, of all chunks.
        lam: offspring a generation.
    """
    from scipy.sparse import coo_array

    order = sorted(states, key=total_incorrect)
    index = {state: number - 1 for number, state in enumerate(order)}  # the optimum, first of all, is -1
    transient = len(order) - 1
    finish, hit = np.zeros((2, transient))
    moves: list[tuple[int, int, float]] = []
    for state in order[1:]:
        at = index[state]
        for target, chance, single in _moves(state, full, short, chunks, lam):
            to = index[target]
            if to < 0:
                finish[at], hit[at] = chance, single
            else:
                moves.append((at, to, chance))
    rows, columns, values = np.array(moves, dtype=np.float64).reshape(-1, 3).T
    places = (rows.astype(np.int64), columns.astype(np.int64))
    step = coo_array((values, places), shape=(transient, transient))
    start = np.array([states[state] for state in order[1:]])
    return AbsorbingChain(step, finish, hit, start, states[order[0]], lam)


def total_incorrect(state: Occupancy) -> int:
    """Incorrect blocks of an occupancy."""
    return sum(i * n for i, n in enumerate(state[:-1], start=1)) + state[-1]


def _moves(
    state: Occupancy, full: list[FloatArray], short: list[FloatArray], chunks: int, lam: int
) -> Iterator[tuple[Occupancy, float, float]]:
    """Targets with their probability a generation and for one offspring."""
    kinds: dict[Kind, FloatArray] = {(0, i): full[i] * (n / chunks) for i, n in enumerate(state[:-1], start=1) if n}
    if state[-1]:
        kinds[1, state[-1]] = short[state[-1]] / chunks
    single = np.zeros(max(i for _, i in kinds))
    for (_, i), gains in kinds.items():
        single[:i] += gains
    best = best_of(single, lam)
    for (kind, i), gains in kinds.items():
        for gain in np.flatnonzero(gains):
            chance = best[gain] * (gains[gain] / single[gain])
            yield _after(state, kind, i, i - int(gain) - 1), float(chance), float(gains[gain])


def _after(state: Occupancy, kind: int, before: int, now: int) -> Occupancy:
    if kind == 1:
        return (*state[:-1], now)
    counts = list(state)
    counts[before - 1] -= 1
    if now:
        counts[now - 1] += 1
    return tuple(counts)


def _multisets(chunks: int, g: int, most: int) -> Iterator[tuple[int, ...]]:
    """All (n_1, .., n_g) with sum n_i <= chunks and sum i n_i <= most."""
    if g == 0:
        yield ()
        return
    for n in range(min(chunks, most // g) + 1):
        for fewer in _multisets(chunks - n, g - 1, most - n * g):
            yield (*fewer, n)


def _multinomial(counts: tuple[int, ...], chunks: int, law: FloatArray) -> float:
    """Probability that of `chunks` independent ones counts[i-1] have i incorrect blocks."""
    numbers = (chunks - sum(counts), *counts)
    log = lgamma(chunks + 1)
    for n, chance in zip(numbers, law, strict=True):
        if n and chance == 0.0:
            return 0.0
        log += (n * float(np.log(chance)) if n else 0.0) - lgamma(n + 1)
    return exp(log)
