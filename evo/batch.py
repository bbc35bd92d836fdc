"""A batch of runs: the input and the output of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        past_optimum: whether traced runs go on at the optimum up to their limits; only without an evaluator, who would
            see it. Their draws are then others than those of runs that end there.
    """

    streams: Streams
    runs: int
    limits: Sequence[Limit] = ()
    trace: bool = False
    past_optimum: bool = False


@dataclass(frozen=True)
class RunCounts:
    """Hits and ledger counts of the runs of a batch, before pricing; int64 [runs] each.

    Attributes:
        hit: number of the offspring (of the call, where an answer takes one call) that was the first optimal one; 0 if
            the start is optimal, -1 if censored.
        generations: number of generations begun; each is paid for in full.
        calls: LLM calls made: lam a generation, more where an answer took several (votes).
        evaluations: valid offspring, all evaluated; the initial solution is not counted.
        seconds: float64 [runs], when the last of the offspring came back; None where time is read off later.
        shortfalls: int64 [runs, powers], sums over these calls of s (s^2, s^3), by how much a chunk falls short of the
            longest (`evo.costs.ledger.ChunkLengths`); None where all chunks are equally long.
    """

    hit: IntArray
    generations: IntArray
    calls: IntArray
    evaluations: IntArray
    seconds: FloatArray | None = None
    shortfalls: IntArray | None = None

    @classmethod
    def of(cls, hit: IntArray, paid: IntArray, seconds: FloatArray | None = None) -> RunCounts:
        """The counts of runs from their hits and spending, int [runs, 3 + powers]."""
        generations, calls, evaluations = paid[:, :3].T.copy()
        shortfalls = paid[:, 3:].copy() if paid.shape[1] > 3 else None
        return cls(hit, generations, calls, evaluations, seconds, shortfalls)


@dataclass(frozen=True)
class Trace:
    """Every improvement of the parents and every accepted loss: a row each, the initial solutions (call 0) too.

    Arrays [rows].

    Attributes:
        run: the run's number in its batch.
        call: number of the call that generated the improvement.
        fitness: true fitness from there on.
        seen: fitness as evaluators that err saw it; None where they do not err.
        spent: int64 [rows, 3 + powers], what the run has spent up to the end of this generation: generations, calls,
            evaluations, and the sums of `RunCounts.shortfalls`; None from engines that do not note it.
    """

    run: IntArray
    call: IntArray
    fitness: FloatArray
    seen: FloatArray | None = None
    spent: IntArray | None = None
