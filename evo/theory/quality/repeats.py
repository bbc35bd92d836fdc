"""The fitness at a budget where answers may be repeats, of which a wrapper hides some (theory 17a, 17g)."""

from __future__ import annotations

import numpy as np

from evo.chunks import Chunks
from evo.laws.special import HiddenRepeatsLaw
from evo.protocols import Schedule
from evo.schedules import RoundRobin
from evo.theory.calls.gains import check_run, stalls_of
from evo.theory.calls.starts import Start
from evo.theory.operators.repeats import OwnHidden, judged, one_chunk_after_the_other
from evo.theory.quality.in_turn import InTurn
from evo.theory.quality.law import FitnessLaw, settled
from evo.theory.quality.processes import left_of, of_states


def hidden_repeats(law: HiddenRepeatsLaw, k: int, g: int, schedule: Schedule, start: Start) -> FitnessLaw:
    """One call a generation: all blocks, the lowest incorrect chunk, or chunks in turn.

    Raises: NoPrediction if the chain is too large.

    >>> from evo import AllBlocks
    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.laws.special import RepeatingLaw
    >>> one = hidden_repeats(RepeatingLaw(IndependentBlocks(0.5, 0.5), 0.5).hidden(0.2), 1, 1, AllBlocks(), Start(1))
    >>> round(float((one.after([1]) @ one.values)[0]), 9)                      # new, shown and right: .5 .8 .5
    0.2
    """
    check_run(k, start, 1)
    chunks = Chunks.cut(k, g)
    if start.most == 0:
        return settled(np.arange(k + 1.0))
    sizes = [size for size in (g, chunks.short) if size]
    if type(schedule) is RoundRobin and chunks.m > 1:
        own = {size: OwnHidden(law, size, min(size, start.most)) for size in sizes}
        return InTurn(k - np.arange(k + 1.0), own, chunks, start, "theory 2g, 17a, 17g")
    process = one_chunk_after_the_other(law, chunks, start).process
    assert process is not None  # most > 0
    stalls = {size: stalls_of(law.inside, size) for size in sizes}
    rises = [judged(law, size, last) * (1.0 - float(stalls[size][i - 1])) for _, size, i, last in process.states]
    return of_states(process, k, left_of(chunks, start), rises=np.array(rises), source="theory 3a, 17g")
