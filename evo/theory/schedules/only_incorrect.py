"""OnlyIncorrect: the lowest chunk that holds an incorrect block is called (theory 2a, 2j, 3a, 3b)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import Layout, at_least_once, check_run, chunk_steps, completion, gains_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain, death_chain
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.sequence import sequence_chain, sequence_states
from evo.theory.times.closed import NegativeBinomial
from evo.theory.times.derived import MomentsOnly
from evo.theory.times.law import TimeLaw


def only_incorrect(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run under the oracle of correctness.

    g = 1, j incorrect: generations ~ NB(j, 1-(1-a)^lam) (theory 2a, 2j). A call that finishes a chunk w.p. P whatever
    its count makes of m full chunks, independent at the start, so many blocks with a = P (theory 3b): the offspring
    that finishes it gains the most. Else the chains of the chunks one after the other (theory 3a, 3b).

    Raises: NoPrediction, when more than the mean is asked for, if the chain is too large.

    >>> from evo.laws.counts import IndependentBlocks
    >>> only_incorrect(IndependentBlocks(0.5, 0.5), 4, 1, Start(4)).hit.mean
    8.0
    """
    check_run(k, start, lam)
    layout = Layout.of(k, g)
    if start.most == 0:
        return finished(lam)
    if g == 1:
        return _single_blocks(float(law.pmf(1, 1)[1]), start, lam, "theory 2a, 2j")
    same = completion(law, g, g) if not layout.short and start.independent else None
    if same is not None:
        unfinished = Start(layout.full, p0=float(start.chunk_law(g)[0]))
        return _single_blocks(same, unfinished, lam, "theory 2a, 3b")
    short = partial(_short_calls, law, layout, start, lam)
    if sequence_states(layout, start) > MAX_STATES:
        return _means(law, layout, start, lam, short)
    chain = sequence_chain(law, layout, start, lam)
    return RunLaw(chain.hit, chain.generations, short, "theory 3a, 3b", lam)


def _single_blocks(fix: float, start: Start, lam: int, source: str) -> RunLaw:
    resolve = float(at_least_once(fix, lam))
    counts = start.law()
    exact = counts[start.most] == 1.0
    chain = death_chain(np.full(start.most, resolve), fix, counts[1 : start.most + 1], float(counts[0]), lam)
    generations: TimeLaw = NegativeBinomial(start.most, resolve) if exact else chain.generations
    hit = generations if lam == 1 else chain.hit
    return RunLaw(hit, generations, no_short_chunk, source, lam)


def _short_calls(law: CallLaw, layout: Layout, start: Start, lam: int) -> float:
    """Lam times the expected generations that the short chunk needs, whatever the others do."""
    return lam * _chunk_mean(law, layout.short, start.chunk_law(layout.short), lam) if layout.short else 0.0


def _chunk_mean(law: CallLaw, g: int, counts: FloatArray, lam: int) -> float:
    chain = AbsorbingChain(*chunk_steps(gains_of(law, g), lam), counts[1:], float(counts[0]), lam)
    return chain.generations.mean


def _means(law: CallLaw, layout: Layout, start: Start, lam: int, short: Callable[[], float]) -> RunLaw:
    """Too large for a chain: expectations add up over the chunks whatever their dependence."""
    missing = f"OnlyIncorrect with {layout.chunks} chunks of {layout.g} blocks needs more than {MAX_STATES} states"
    mean = layout.full * _chunk_mean(law, layout.g, start.chunk_law(layout.g), lam) + short() / lam
    generations: TimeLaw = MomentsOnly(missing, mean)
    hit = generations if lam == 1 else MomentsOnly(missing)
    return RunLaw(hit, generations, short, "theory 3b, by linearity", lam)
