"""How many chunks have how many incorrect blocks at the start: the initial law of UniformChunk (theory 3b)."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb, exp, lgamma

import numpy as np

from evo.chunks import Chunks
from evo.errors import NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES

Occupancy = tuple[int, ...]  # n_1, .., n_g full chunks with 1, .., g incorrect blocks; then the short chunk's count


def occupancies(chunks: Chunks, start: Start, most: int = MAX_STATES) -> dict[Occupancy, float]:
    """The initial law of the occupancies: multinomial for independent blocks, conditioned on the total for exactly j.

    Raises: NoPrediction if there are more than `most`.

    >>> {state: round(chance, 12) for state, chance in occupancies(Chunks.cut(3, 2), Start(3, incorrect=1)).items()}
    {(0, 0, 1): 0.333333333333, (1, 0, 0): 0.666666666667}
    """
    if start.most == start.k and comb(chunks.full + chunks.g, chunks.g) * (chunks.short + 1) > most:
        raise _too_many(chunks, most)  # before the first thousands are made
    states: dict[Occupancy, float] = {}
    full, short = start.independent_law(chunks.g), start.independent_law(chunks.short)
    for counts in _multisets(chunks.full, chunks.g, start.most):
        left = start.most - sum(i * n for i, n in enumerate(counts, start=1))
        for last in range(min(chunks.short, left) + 1):
            if start.independent or last == left:
                states[(*counts, last)] = _multinomial(counts, chunks.full, full) * float(short[last])
        if len(states) > most:
            raise _too_many(chunks, most)
    scale = sum(states.values())
    return {state: chance / scale for state, chance in states.items()}


def _too_many(chunks: Chunks, most: int) -> NoPrediction:
    return NoPrediction(f"the start of {chunks.m} chunks has more than {most} occupancies")


def unfinished_law(chunks: Chunks, start: Start) -> FloatArray:
    """Joint law of the unfinished full chunks and of whether the short one is; float [M+1, 2].

    >>> unfinished_law(Chunks.cut(3, 2), Start(3, incorrect=1)).round(12).tolist()
    [[0.0, 0.333333333333], [0.666666666667, 0.0]]
    """
    chunk, last = start.independent_law(chunks.g), start.independent_law(chunks.short)
    finished = np.array([last[0], 1.0 - last[0]])
    if start.independent:
        unfinished = Start(chunks.full, p0=float(chunk[0])).law()
        return np.outer(unfinished, finished)
    # as polynomials in the number of incorrect blocks, of which only the power `most` is wanted
    law = np.zeros((chunks.full + 1, 2))
    some, power = np.append(0.0, chunk[1:] / chunk[1:].sum()), np.ones(1)
    numbers = Start(chunks.full, p0=float(chunk[0])).law()
    parts = (last[:1], np.append(0.0, last[1:]))
    for left in range(min(chunks.full, start.most) + 1):
        for flag, part in enumerate(parts):
            product = np.convolve(power, part)
            law[left, flag] = numbers[left] * product[start.most] if start.most < len(product) else 0.0
        power = np.convolve(power, some)[: start.most + 1]
    return np.asarray(law / law.sum())


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
