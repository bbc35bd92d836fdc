"""Rounds of calls in parallel whose improvements are all merged (theory 11a, 11c).

A round calls up to W different chunks at once; fitness is additive, so each improvement counts by itself. In parallel
or one after the other, a chunk meets the same calls: the law of all calls is that of the sequential run, and only the
number of rounds is new.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.chunks import Chunks
from evo.errors import InputError
from evo.laws.counts import CallLaw, binomial_pmf
from evo.theory.calls.gains import incompletion
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states
from evo.theory.run_law import RunLaw, no_short_chunk
from evo.theory.schedules.only_incorrect import only_incorrect
from evo.theory.schedules.round_robin import round_robin
from evo.theory.times.derived import InRounds, MomentsOnly, Scaled
from evo.theory.times.law import TimeLaw


@dataclass(frozen=True)
class MergedLaw(RunLaw):
    """Law of a run whose rounds are merged: `generations` are rounds, `hit` is all calls of all rounds."""

    @property
    def calls(self) -> TimeLaw:
        """Calls paid for: those up to the end of the round that completes the optimum, as `hit`."""
        return self.hit


def merged_in_turn(law: CallLaw, k: int, g: int, start: Start, workers: int | None = None) -> RunLaw:
    """Law of a run that calls the next W of m chunks in parallel, cyclically, and merges all improvements.

    In a round all chunks differ, so it is W calls of a round-robin run of T calls: rounds = ceil(T/W). W = m, g = 1, j
    incorrect: the largest of j geometric times, E = sum_{t>=0} 1-(1-q^t)^j (theory 11a); hit = calls = W rounds.

    Args:
        law: of one call.
        k: blocks.
        g: blocks a call gets.
        start: the initial law.
        workers: W, calls in parallel; None or more than m: all m chunks.

    Raises: InputError; NoPrediction, when moments are asked for, if the tail sums are too long.

    >>> from evo.laws.counts import IndependentBlocks
    >>> round(merged_in_turn(IndependentBlocks(0.9, 0.5), 10, 1, Start(10)).generations.mean, 12)
    1.758005261367
    """
    chunks = _chunks(k, g, workers)
    width = chunks if workers is None else min(workers, chunks)
    one_by_one = round_robin(law, k, g, start)
    if start.most == 0:
        return one_by_one
    rounds = InRounds(one_by_one.hit, width, chunks)

    def short_calls() -> float:
        """Of n calls in turn floor(n/m) are on the last chunk: sum over s >= 1 of P(W rounds >= s m)."""
        return rounds.sum_of_tails(chunks) if k % g else 0.0

    return MergedLaw(Scaled(rounds, width), rounds, short_calls, "theory 11a, 2g")


def merged_only_incorrect(law: CallLaw, k: int, g: int, start: Start, workers: int | None = None) -> RunLaw:
    """Law of a run that calls the W lowest chunks that hold an incorrect block in parallel, and merges.

    For every W each chunk is called until it is repaired, so hit = calls follow the law of one worker: NB(j, a) for
    g = 1. Rounds for g = 1: h_i = (1 + sum_{n>=1} P(Bin(min(W,i),a) = n) h_{i-n})/(1-q^min(W,i)) (theory 11c); W = m:
    the slowest chunk (theory 11a); else the rounds raise NoPrediction.

    Args:
        law: of one call.
        k: blocks.
        g: blocks a call gets.
        start: the initial law.
        workers: W, calls in parallel; None or more than m: all m chunks.

    Raises: InputError; NoPrediction if the chain is too large.

    >>> from evo.laws.counts import IndependentBlocks
    >>> half = IndependentBlocks(0.5, 0.5)
    >>> [round(merged_only_incorrect(half, 20, 1, Start(20), W).generations.mean, 3) for W in (1, 4, 8, 20)]
    [40.0, 11.577, 7.486, 5.69]
    """
    chunks = _chunks(k, g, workers)
    one_by_one = only_incorrect(law, k, g, start)
    if start.most == 0 or workers == 1:
        return MergedLaw(one_by_one.hit, one_by_one.generations, one_by_one.last_chunk, one_by_one.source)
    if g == 1:
        rounds = repair_chain(law, start, workers or k).generations
        return MergedLaw(one_by_one.hit, rounds, no_short_chunk, "theory 11c, 2a")
    if workers is None or workers >= chunks:
        rounds = merged_in_turn(law, k, g, start).generations
    else:
        rounds = MomentsOnly(f"rounds of {workers} workers on {chunks} chunks of g = {g} > 1 blocks have no formula")
    return MergedLaw(one_by_one.hit, rounds, one_by_one.last_chunk, "theory 11a, 3b")


def repair_chain(law: CallLaw, start: Start, workers: int) -> AbsorbingChain:
    """The chain on the number i of incorrect blocks when each round calls min(W,i) incorrect blocks (theory 11c).

    Raises: NoPrediction if it is too large.
    """
    most = start.most
    check_states(most, f"merged rounds with {most} incorrect blocks")
    fix, miss = float(law.pmf(1, 1)[1]), incompletion(law, 1, 1)
    step, finish, stay = np.zeros((most, most)), np.zeros(most), np.zeros(most)
    for i in range(1, most + 1):
        width = min(workers, i)
        repaired = binomial_pmf(width, fix, miss)
        left = i - width  # blocks that no worker is at
        step[i - 1, max(left - 1, 0) : i - 1] = repaired[1:][::-1] if left else repaired[1:-1][::-1]
        finish[i - 1], stay[i - 1] = 0.0 if left else repaired[-1], repaired[0]
    counts = start.law()
    return AbsorbingChain(step, finish, finish, counts[1 : most + 1], float(counts[0]), 1, stay=stay)


def _chunks(k: int, g: int, workers: int | None) -> int:
    """The number m of chunks; refuses a number W of workers that does not fit."""
    if workers is not None and workers < 1:
        raise InputError(f"workers must be a whole number >= 1 or None, got {workers}")
    return Chunks.cut(k, g).m
