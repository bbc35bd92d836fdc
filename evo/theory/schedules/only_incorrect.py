"""OnlyIncorrect: the lowest chunk that holds an incorrect block is called (theory 2a, 2j, 3a, 3b)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from evo.chunks import Chunks
from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import (
    at_least_once,
    check_run,
    chunk_steps,
    completion,
    gains_of,
    incompletion,
    never_once,
    stalls_of,
)
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain, death_chain
from evo.theory.chains.explore import Event, State, explored
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.closed import NegativeBinomial
from evo.theory.times.derived import MomentsOnly
from evo.theory.times.law import TimeLaw

Entry = dict[State, float]  # the states in which a chunk is begun (None: no chunk is left), and their probabilities


def only_incorrect(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run under the oracle of correctness.

    g = 1, j incorrect: generations ~ NB(j, 1-(1-a)^lam) (theory 2a, 2j). If a call finishes
    a chunk w.p. P from any count, m full chunks, independent at the start, are m blocks with a = P (theory 3b): the
    offspring that finishes a chunk gains the most. Else the chunks one after the other, as a chain (theory 3a, 3b).

    Raises: NoPrediction, when more than the mean is asked for, if the chain is too large.

    >>> from evo.laws.counts import IndependentBlocks
    >>> only_incorrect(IndependentBlocks(0.5, 0.5), 4, 1, Start(4)).hit.mean
    8.0
    """
    check_run(k, start, lam)
    chunks = Chunks.cut(k, g)
    if start.most == 0:
        return finished(lam)
    if g == 1:
        return _single_blocks(float(law.pmf(1, 1)[1]), float(stalls_of(law, 1)[0]), start, lam, "theory 2a, 2j")
    same = completion(law, g, g) if not chunks.short and start.independent else None
    if same is not None:
        unfinished = Start(chunks.full, p0=float(start.chunk_law(g)[0]))
        return _single_blocks(same, incompletion(law, g, g), unfinished, lam, "theory 2a, 3b")
    gains = {size: gains_of(law, size) for size in (g, chunks.short) if size}
    try:
        return chunk_by_chunk(law, gains, chunks, start, lam)
    except NoPrediction:
        return _means(gains, chunks, start, lam)


def _single_blocks(fix: float, miss: float, start: Start, lam: int, source: str) -> RunLaw:
    resolve, stay = float(at_least_once(fix, lam)), float(never_once(fix, lam, miss))
    counts = start.law()
    exact = counts[start.most] == 1.0
    leave, stays = np.full(start.most, resolve), np.full(start.most, stay)
    chain = death_chain(leave, fix, counts[1 : start.most + 1], float(counts[0]), lam, stays)
    generations: TimeLaw = NegativeBinomial(start.most, resolve, stay) if exact else chain.generations
    hit = generations if lam == 1 else chain.hit
    return RunLaw(hit, generations, no_short_chunk, source, lam)


def chunk_by_chunk(law: CallLaw, gains: dict[int, list[FloatArray]], chunks: Chunks, start: Start, lam: int) -> RunLaw:
    """The chain on (where in the sequence, blocks of the chunk, those incorrect).

    Raises: NoPrediction if it is too large.
    """
    begin, enter = entries(chunks, start)

    def events(state: State) -> Iterator[Event]:
        place, size, i = state
        gain = gains[size][i].tolist()
        for v in range(1, i):
            yield v, (place, size, i - v), gain[v - 1]
        for then, chance in enter(place).items():
            yield i, then, gain[i - 1] * chance

    short = (lambda state: float(state[1] < chunks.g)) if chunks.short else None
    stalls = {size: stalls_of(law, size) for size in gains}
    return explored(
        begin, events, lam, "theory 3a, 3b", short, idle=lambda state: float(stalls[state[1]][state[2] - 1])
    )


def entries(chunks: Chunks, start: Start) -> tuple[Entry, Callable[[State], Entry]]:
    """The states (place, blocks of the chunk, those incorrect) of which a run begins in one, and where it goes then."""
    return _independent(chunks, start) if start.independent else _exact_count(chunks, start)


def _independent(chunks: Chunks, start: Start) -> tuple[Entry, Callable[[State], Entry]]:
    """Places are (full chunks still to be finished, is the short one): which of the full ones they are is the same."""
    full, last = start.chunk_law(chunks.g), start.chunk_law(chunks.short)

    @cache
    def enter(place: tuple[int, bool]) -> Entry:
        left, short_left = place
        if not (left or short_left):
            return {None: 1.0}
        then = (left - 1, short_left) if left else (0, False)
        counts = full if left else last
        some = counts[1:].sum()
        return {(then, len(counts) - 1, i): float(p / some) for i, p in enumerate(counts) if i and p}

    begin: Entry = {}
    for left, chance in enumerate(Start(chunks.full, p0=float(full[0])).law()):
        for short_left, short_chance in ((False, last[0]), (True, 1.0 - last[0])):
            for state, share in enter((left, short_left)).items():
                begin[state] = begin.get(state, 0.0) + float(chance * short_chance) * share
    return begin, enter


def _exact_count(chunks: Chunks, start: Start) -> tuple[Entry, Callable[[State], Entry]]:
    """Places are (the next chunk, incorrect blocks from it on), whose number in a chunk is hypergeometric."""
    sizes = [chunks.g] * chunks.full + [chunks.short] * (chunks.short > 0)

    @cache
    def enter(place: tuple[int, int]) -> Entry:
        chunk, incorrect = place
        if incorrect == 0:
            return {None: 1.0}
        counts = Start(sum(sizes[chunk:]), incorrect=incorrect).chunk_law(sizes[chunk])
        here = {((chunk + 1, incorrect - i), sizes[chunk], i): float(p) for i, p in enumerate(counts) if i and p}
        later = enter((chunk + 1, incorrect)).items() if counts[0] else ()
        return here | {state: float(counts[0]) * p for state, p in later}

    assert start.incorrect is not None
    return enter((0, start.incorrect)), enter


def _means(gains: dict[int, list[FloatArray]], chunks: Chunks, start: Start, lam: int) -> RunLaw:
    """The mean of a run with too many states for a chain: expectations add up over chunks, dependent or not."""

    def chunk_mean(size: int) -> float:
        counts = start.chunk_law(size)
        chain = AbsorbingChain(*chunk_steps(gains[size], lam), counts[1:], float(counts[0]), lam)
        return chain.generations.mean

    last = chunk_mean(chunks.short) if chunks.short else 0.0
    missing = f"OnlyIncorrect with {chunks.m} chunks of {chunks.g} blocks needs more than {MAX_STATES} states"
    generations: TimeLaw = MomentsOnly(missing, chunks.full * chunk_mean(chunks.g) + last)
    hit = generations if lam == 1 else MomentsOnly(missing)
    return RunLaw(hit, generations, lambda: lam * last, "theory 3b, by linearity", lam)
