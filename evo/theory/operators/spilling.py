"""Calls that break blocks outside their chunk: g = 1 is a chain on counts still (theory 4c)."""

from __future__ import annotations

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import UNDERFLOW, at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import death_chain
from evo.theory.run_law import RunLaw, finished, no_short_chunk


def spill_only_incorrect(law: CallLaw, rate: float, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, whose calls break each correct block outside w.p. s.

    From i incorrect blocks an offspring improves iff its block is fixed and none of the k-i correct ones breaks,
    w.p. a(1-s)^(k-i), and then by one; what is accepted otherwise leaves i as it is. So i is a chain on its own for
    strict and weak acceptance and every lam (theory 4c).

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(spill_only_incorrect(IndependentBlocks(0.5, 0.5), 0.1, 4, Start(4)).hit.mean, 12)
    9.434842249657
    """
    return _by_counts(np.ones(start.most), law, rate, k, start, lam)


def spill_uniform_chunk(law: CallLaw, rate: float, k: int, start: Start, lam: int = 1) -> RunLaw:
    """The same under UniformChunk, g = 1: an extra factor i/k, the chance to draw an incorrect block (theory 4c).

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(spill_uniform_chunk(IndependentBlocks(0.5, 0.5), 0.1, 4, Start(4)).hit.mean, 12)
    20.875171467764
    """
    return _by_counts(np.arange(1, start.most + 1) / k, law, rate, k, start, lam)


def _by_counts(drawn: FloatArray, law: CallLaw, rate: float, k: int, start: Start, lam: int) -> RunLaw:
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    fix = float(law.pmf(1, 1)[1])
    correct = k - np.arange(1, start.most + 1)
    improves = fix * drawn * (1.0 - rate) ** correct
    if fix > 0.0 and rate < 1.0 and improves.min() < UNDERFLOW:
        raise NoPrediction(f"the chance that none of {k} blocks breaks is below 1e-305, too small for floats")
    counts = start.law()[: start.most + 1]
    hit = float(improves[0])
    chain = death_chain(at_least_once(improves, lam), hit, counts[1:], float(counts[0]), lam)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "theory 4c", lam)
