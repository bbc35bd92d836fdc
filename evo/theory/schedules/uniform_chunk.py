"""UniformChunk: every offspring draws its own chunk uniformly (theory 2b, 2c, 2j, 3b)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from evo.chunks import Chunks
from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.protocols import FloatArray
from evo.theory.calls.gains import at_least_once, check_run, completion, gains_of, stalls_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain, death_chain
from evo.theory.chains.explore import MAX_MOMENTS, Event, State, explored
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.occupancy import occupancies, unfinished_law
from evo.theory.schedules.poisson import PoissonTime, poissonized_moments
from evo.theory.times.derived import MomentsOnly
from evo.theory.times.law import TimeLaw


def uniform_chunk(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run that calls random chunks.

    g = 1: with i incorrect blocks a generation improves w.p. 1-(1-ai/k)^lam (theory 2b, 2j); g > 1: the chain on
    how many chunks have how many incorrect blocks, or on unfinished chunks alone where lam = 1 and a call finishes
    one w.p. P from any count (theory 3b); beyond its limits the two first moments by Poissonization (theory 3b).

    Raises: NoPrediction if the chain is too large, and lam > 1 or exactly j blocks are incorrect.

    >>> from evo.laws.counts import IndependentBlocks
    >>> uniform_chunk(IndependentBlocks(0.5, 0.5), 4, 2, Start(4)).hit.mean
    12.0
    """
    check_run(k, start, lam)
    chunks = Chunks.cut(k, g)
    if start.most == 0:
        return finished(lam)
    if g == 1:
        wrong = float(stalls_of(law, 1)[0])
        return _single_blocks(float(law.pmf(1, 1)[1]), wrong, start, lam, "theory 2b, 2c, 2j")
    rates = _completions(law, chunks, start) if lam == 1 else None
    if rates is not None:
        return _unfinished(rates, chunks, start)
    gains = {size: gains_of(law, size) for size in (g, chunks.short)}
    try:
        return occupied(gains, chunks, start, lam)
    except NoPrediction:
        return _moments(gains, chunks, start, lam)


def _single_blocks(fix: float, miss: float, start: Start, lam: int, source: str) -> RunLaw:
    """The death chain on incorrect blocks; beyond MAX_STATES the law for lam = 1 by Poissonization."""
    wrong = np.arange(1, start.most + 1)
    rates, stay = fix * wrong / start.k, ((start.k - wrong) / start.k + miss * wrong / start.k) ** lam
    counts = start.law()[: start.most + 1]
    chain = death_chain(at_least_once(rates, lam), fix / start.k, counts[1:], float(counts[0]), lam, stay)
    if lam == 1 and start.most > MAX_STATES:
        time = _poissonized(fix, start, chain)
        return RunLaw(time, time, no_short_chunk, source, lam)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, source, lam)


def _poissonized(fix: float, start: Start, chain: AbsorbingChain) -> PoissonTime:
    """The law of T for too many blocks for a chain: called at rate 1 each, all are finished by x w.p. F(x).

    (2c) is the coefficient of F(x) = (1 - (1-p0) e^(-ax))^k, or of (1 - e^(-ax))^j for exactly j incorrect blocks.
    """
    open_rate, power = (1.0 - start.correct_rate, start.k) if start.independent else (1.0, start.most)

    def finished_by(z: Any) -> Any:
        return (1.0 - open_rate * np.exp(-fix * z)) ** power

    mean, variance = chain.moments(1)
    never = 0.0 if fix > 0.0 else 1.0 - chain.start_done
    return PoissonTime(start.k, finished_by, mean, variance, never)


def _completions(law: CallLaw, chunks: Chunks, start: Start) -> tuple[float, float] | None:
    """P(a call finishes a full chunk) and that for the short one, if neither depends on the count."""
    sizes = [size for size in (chunks.g, chunks.short) if size]
    rates = [completion(law, size, min(size, start.most)) for size in sizes]
    known = [rate for rate in rates if rate is not None]
    return (known[0], known[-1]) if len(known) == len(rates) else None


def _unfinished(rates: tuple[float, float], chunks: Chunks, start: Start) -> RunLaw:
    """The chain on the number of unfinished full chunks, and whether the short one is, for lam = 1."""
    m, law = chunks.m, unfinished_law(chunks, start)
    if not chunks.short and start.independent:
        finished_by = Start(m, p0=float(start.chunk_law(chunks.g)[0]))
        return _single_blocks(rates[0], 1.0 - rates[0], finished_by, 1, "theory 2b, 3b")

    def events(state: State) -> Iterator[Event]:
        full, short = state
        yield 1, ((full - 1, short) if full + short > 1 else None), rates[0] * full / m
        yield 1, ((full, 0) if full else None), rates[1] * short / m

    begin = {(n, last) if n + last else None: float(p) for (n, last), p in np.ndenumerate(law)}
    short = (lambda _: 1.0 / m) if chunks.short else None
    return explored(begin, events, 1, "theory 2b, 3b", short, MAX_MOMENTS)


def occupied(
    gains: dict[int, list[FloatArray]], chunks: Chunks, start: Start, lam: int, most: int = MAX_STATES
) -> RunLaw:
    """The chain on occupancies: n_1, .., n_g full chunks with 1, .., g incorrect blocks, and the short one's count.

    Raises: NoPrediction if it is too large.
    """
    full, short = ([gain.tolist() for gain in gains[size]] for size in (chunks.g, chunks.short))

    def events(state: State) -> Iterator[Event]:
        *counts, last = state
        for i, n in enumerate(counts, start=1):
            for v in range(1, i + 1) if n else ():
                after = counts.copy()
                after[i - 1] -= 1
                if v < i:
                    after[i - v - 1] += 1
                yield v, _or_optimum((*after, last)), n / chunks.m * full[i][v - 1]
        for v in range(1, last + 1):
            yield v, _or_optimum((*counts, last - v)), short[last][v - 1] / chunks.m

    begin = {_or_optimum(state): chance for state, chance in occupancies(chunks, start, most).items()}
    called = (lambda _: 1.0 / chunks.m) if chunks.short else None  # in every state
    return explored(begin, events, lam, "theory 3a, 3b", called, most)


def _or_optimum(state: tuple[int, ...]) -> State:
    return state if any(state) else None


def _moments(gains: dict[int, list[FloatArray]], chunks: Chunks, start: Start, lam: int) -> RunLaw:
    missing = f"UniformChunk with {chunks.m} chunks of {chunks.g} blocks needs more than {MAX_STATES} states"
    if lam > 1 or not start.independent:
        raise NoPrediction(f"{missing}; moments are known for lam=1 and independent blocks at the start")
    hit: TimeLaw = MomentsOnly(missing, *poissonized_moments(gains, chunks, start))
    # every call draws its chunk independently of when the run ends (Wald's identity)
    return RunLaw(hit, hit, lambda: hit.mean / chunks.m if chunks.short else 0.0, "theory 3b, Poissonization", lam)
