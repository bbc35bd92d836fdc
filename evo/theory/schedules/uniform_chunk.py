"""UniformChunk: every offspring draws its own chunk uniformly (theory 2b, 2c, 2j, 3b)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import Layout, at_least_once, check_run, completion, gains_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain, death_chain
from evo.theory.run_law import RunLaw, finished
from evo.theory.schedules.occupancy import Occupancy, chunk_occupancies, occupancy_chain, unfinished_law
from evo.theory.schedules.poisson import poissonized_moments
from evo.theory.schedules.poisson_clock import PoissonClock
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
    layout = Layout.of(k, g)
    if start.most == 0:
        return finished(lam)
    if g == 1:
        fix = float(law.pmf(1, 1)[1])
        chain = _single_blocks(fix, start, lam)
        clock = _clock(fix, k, start, chain) if lam == 1 and start.most > MAX_STATES else None
        return _run(chain, layout, lam, "theory 2b, 2c, 2j", clock)
    rates = _completions(law, layout, start) if lam == 1 else None
    if rates is not None:
        chain = _unfinished(rates, layout, start)
        many = layout.chunks > MAX_STATES and start.independent and not layout.short
        clock = _clock(rates[0], layout.full, _chunks_as_blocks(layout, start), chain) if many else None
        return _run(chain, layout, lam, "theory 2b, 3b", clock)
    occupancies = chunk_occupancies(layout, start)
    if occupancies is None:
        return _moments(law, layout, start, lam)
    gains = [gains_of(law, size) for size in (layout.g, layout.short)]
    chain = occupancy_chain(occupancies, gains[0], gains[1], layout.chunks, lam)
    return _run(chain, layout, lam, "theory 3a, 3b")


def _run(chain: AbsorbingChain, layout: Layout, lam: int, source: str, clock: PoissonClock | None = None) -> RunLaw:
    short = partial(_short_calls, layout, chain.generations, lam)
    hit, generations = (chain.hit, chain.generations) if clock is None else (clock, clock)
    return RunLaw(hit, generations, short, source, lam)


def _clock(fix: float, m: int, start: Start, chain: AbsorbingChain) -> PoissonClock:
    """The law of T for too many blocks for a chain: called at rate 1 each, all are finished by x w.p. F(x).

    (2c) is the coefficient of F(x) = (1 - (1-p0) e^(-ax))^m, or of (1 - e^(-ax))^j for exactly j incorrect blocks.
    """
    open_rate, power = (1.0 - start.correct_rate, m) if start.independent else (1.0, start.most)

    def finished_by(z: Any) -> Any:
        return (1.0 - open_rate * np.exp(-fix * z)) ** power

    mean, variance = chain.moments(1)
    never = 0.0 if fix > 0.0 else 1.0 - chain.start_done
    return PoissonClock(m, finished_by, mean, variance, never)


def _chunks_as_blocks(layout: Layout, start: Start) -> Start:
    return Start(layout.full, p0=float(start.chunk_law(layout.g)[0]))


def _short_calls(layout: Layout, generations: TimeLaw, lam: int) -> float:
    """E[calls]/m, by Wald's identity: every call draws its chunk independently of when the run ends."""
    return lam * generations.mean / layout.chunks if layout.short else 0.0


def _single_blocks(fix: float, start: Start, lam: int) -> AbsorbingChain:
    rates = fix * np.arange(1, start.most + 1) / start.k
    counts = start.law()[: start.most + 1]
    return death_chain(at_least_once(rates, lam), fix / start.k, counts[1:], float(counts[0]), lam)


def _completions(law: CallLaw, layout: Layout, start: Start) -> tuple[float, float] | None:
    """P(a call finishes a full chunk) and that for the short one, if neither depends on the count."""
    sizes = [size for size in (layout.g, layout.short) if size]
    rates = [completion(law, size, min(size, start.most)) for size in sizes]
    known = [rate for rate in rates if rate is not None]
    return (known[0], known[-1]) if len(known) == len(rates) else None


def _unfinished(rates: tuple[float, float], layout: Layout, start: Start) -> AbsorbingChain:
    """The chain on the number of unfinished full chunks, and whether the short one is."""
    begin = unfinished_law(layout, start)
    if not layout.short:
        leave: FloatArray = rates[0] * np.arange(1, layout.full + 1) / layout.chunks
        return death_chain(leave, rates[0] / layout.chunks, begin[1:, 0], float(begin[0, 0]), 1)
    lefts = range(layout.full + 1)
    states: dict[Occupancy, float] = {(n, last): float(begin[n, last]) for n in lefts for last in (0, 1)}
    gains = [[np.zeros(0), np.array([rate])] for rate in rates]
    return occupancy_chain(states, gains[0], gains[1], layout.chunks, 1)


def _moments(law: CallLaw, layout: Layout, start: Start, lam: int) -> RunLaw:
    missing = f"UniformChunk with {layout.chunks} chunks of {layout.g} blocks needs more than {MAX_STATES} states"
    if lam > 1 or not start.independent:
        raise NoPrediction(f"{missing}; moments are known for lam=1 and independent blocks at the start")
    mean, variance = poissonized_moments(law, layout, start)
    hit = MomentsOnly(missing, mean, variance)
    return RunLaw(hit, hit, partial(_short_calls, layout, hit, 1), "theory 3b, Poissonization", lam)
