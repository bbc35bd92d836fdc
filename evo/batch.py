"""A batch of runs: what an engine is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evo.costs.budget import Limit
from evo.protocols import FloatArray, IntArray
from evo.seeding import Streams


@dataclass(frozen=True)
class Batch:
    """Independent runs of a search, simulated together.

    Attributes:
        streams: the batch's random streams.
        runs: how many.
        limits: what ends a run; none: every run goes on to the optimum.
        trace: whether to record every improvement (up to k of them a run).
    """

    streams: Streams
    runs: int
    limits: Sequence[Limit] = ()
    trace: bool = False


@dataclass(frozen=True)
class RunCounts:
    """What the runs of a batch came to; int64 [runs] each. Prices are no matter of the engine.

    Attributes:
        hit: number of the offspring (of the call, where an answer takes one call) that was the first optimal one; 0 if
            the start is optimal, -1 if censored.
        generations: generations begun, all of them paid for.
        calls: LLM calls made: lam a generation, more where an answer took several (votes).
        short_calls: those among them made on the shorter last chunk (0 where g divides k).
        evaluations: valid offspring, all evaluated; the initial solution is not counted.
        seconds: float64 [runs], when the last of the offspring came back; None where time is read off later.
        lengths: int64 [runs, 3], sums over these calls of T, T^2, T^3, where T is the tokens of the call's chunk; None
            where blocks are equally long, for it follows from calls and short_calls.
    """

    hit: IntArray
    generations: IntArray
    calls: IntArray
    short_calls: IntArray
    evaluations: IntArray
    seconds: FloatArray | None = None
    lengths: IntArray | None = None

    @classmethod
    def of(cls, hit: IntArray, paid: IntArray, seconds: FloatArray | None = None) -> RunCounts:
        """The counts of runs from their hits and what they paid for, int [runs, 4], or [runs, 7] with lengths."""
        generations, calls, short_calls, evaluations, *sums = paid.T.copy()
        lengths = np.stack(sums, axis=1) if sums else None
        return cls(hit, generations, calls, short_calls, evaluations, seconds, lengths)


@dataclass(frozen=True)
class Trace:
    """Every improvement of the parents: a row each, the initial solutions (call 0) included; arrays [rows].

    Attributes:
        run: the run's number in its batch.
        call: number of the call that generated the improvement.
        fitness: true fitness from there on.
        seen: fitness as evaluators that err saw it; None where they do not err.
    """

    run: IntArray
    call: IntArray
    fitness: FloatArray
    seen: FloatArray | None = None
