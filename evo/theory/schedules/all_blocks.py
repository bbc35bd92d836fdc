"""AllBlocks: every call rewrites the whole solution, g = k (theory 1)."""

from __future__ import annotations

from evo.laws.counts import CallLaw
from evo.theory.calls.gains import check_run, chunk_steps, completion, gains_and_stalls, incompletion
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.closed import Geometric


def all_blocks(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of global mutation.

    If a call makes all blocks correct w.p. P from every parent, hit ~ Geom(P) and generations ~ Geom(1-(1-P)^lam)
    (theory 1a, 1c); else the chain on the number of incorrect blocks (theory 1f).

    Raises: NoPrediction if the chain is too large, or probabilities too small for floats.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(all_blocks(IndependentBlocks(0.5, 0.5), 10, Start(10)).hit.mean, 9)
    1024.0
    >>> round(all_blocks(IndependentBlocks(0.5, 1.0), 4, Start(4)).hit.mean, 9)
    3.504761905
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    same = completion(law, k, start.most)
    if same is not None:
        miss = incompletion(law, k, start.most)
        hit, generations = (Geometric.best_of(same, calls, start.optimal, miss) for calls in (1, lam))
        return RunLaw(hit, generations, no_short_chunk, "theory 1a, 1c", lam)
    check_states(start.most, f"AllBlocks with k={k}")
    counts = start.law()
    gains, stalls = gains_and_stalls(law, k, start.most)
    chain = AbsorbingChain(
        *chunk_steps(gains, lam),
        counts[1 : start.most + 1],
        float(counts[0]),
        lam,
        stay=stalls**lam,
    )
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "theory 1f", lam)
