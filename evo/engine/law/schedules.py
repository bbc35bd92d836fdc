"""Runs from the lives of their chunks, a class a schedule; each is exact for what it is made of."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from evo.chunks import Chunks
from evo.engine.law.gains import Gains, single_steps
from evo.engine.law.lives import Table, lives, table_of
from evo.engine.law.process import Drawn, Jumps, RunSteps, begin
from evo.engine.law.waiting import generations, log_stay, place, spans
from evo.laws.counts import CallLaw
from evo.laws.mixtures import invalid_share
from evo.protocols import FloatArray, IntArray
from evo.seeding import Streams
from evo.theory.calls.gains import stalls_of
from evo.theory.calls.starts import Start
from evo.theory.schedules.until_resolved import check_single

ROOM = 1 << 17
"""Chunks of all runs that are drawn at once."""


def all_blocks(law: CallLaw, k: int, start: Start, lam: int = 1) -> Jumps:
    """Whole solutions are called: one life of k blocks (theory 1a, 1f)."""
    return AsOne(table_of(law, k, max(start.most, 1), lam), k, start)


def uniform_chunk(law: CallLaw, k: int, start: Start, lam: int = 1) -> Jumps:
    """Random blocks are called: i incorrect ones are improved w.p. ai/k an offspring (theory 2b, 2j)."""
    i = np.arange(1.0, max(start.most, 1) + 1)
    fix, miss = float(law.pmf(1, 1)[1]), float(stalls_of(law, 1)[0])
    return AsOne(single_steps(fix * i / k, (k - i) / k + miss * i / k, lam), k, start)


def only_incorrect(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> Jumps:
    """The lowest chunk that holds an incorrect block is called: lives one after the other (theory 2a, 3a)."""
    chunks = Chunks.cut(k, g)
    if g == 1:
        ones = np.ones(max(start.most, 1))
        return AsOne(single_steps(float(law.pmf(1, 1)[1]) * ones, float(stalls_of(law, 1)[0]) * ones, lam), k, start)
    return OneAfterTheOther(*_tables(law, chunks, start, lam), chunks, start)


def round_robin(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> Jumps:
    """Chunk c = 0, 1, .. is called in generations c + 1, c + 1 + m, ..: its n-th own one is (n-1) m + c + 1 (2g)."""
    chunks = Chunks.cut(k, g)
    return InTurn(*_tables(law, chunks, start, lam), chunks, start)


def until_resolved(law: CallLaw, k: int, start: Start, lam: int = 1, g: int = 1) -> Jumps:
    """Blocks in sequence: an incorrect one until it is repaired, a correct one until an offspring damages it (2h)."""
    check_single(g)
    right = law.pmf(1, 0)
    kept = float(right[1]) + invalid_share(law, 1, right)
    fixing = single_steps(np.array([float(law.pmf(1, 1)[1])]), stalls_of(law, 1), lam)
    return BlockByBlock(fixing, float(spans(log_stay([right[0]], [kept]), lam)[0]), k, start)


def _tables(law: CallLaw, chunks: Chunks, start: Start, lam: int) -> tuple[Table, Table | None]:
    long, short = (
        table_of(law, size, max(1, min(size, start.most)), lam) if size else None for size in (chunks.g, chunks.short)
    )
    assert long is not None  # chunks have blocks
    return (long, short) if chunks.full else (short or long, None)


@dataclass(frozen=True, eq=False)
class AsOne:
    """A run is one life: only the number of incorrect blocks matters.

    Attributes:
        table: of all blocks together.
        k: blocks.
        start: the initial law.
    """

    table: Table
    k: int
    start: Start

    @property
    def lam(self) -> int:
        """Offspring a generation."""
        return self.table.lam

    @property
    def floats(self) -> int:
        """Numbers in its table."""
        return self.table.floats

    @property
    def ends(self) -> bool:
        """Whether it is known that the mean number of generations is finite."""
        return self.table.ends

    def draw(self, runs: int, streams: Streams, steps: bool, end: float) -> Drawn:
        """A life a run."""
        incorrect = begin(self.start, np.array([self.k]), runs, streams.start)[:, 0]
        found = lives(self.table, incorrect, streams, steps)
        last, improved = found.place_of(np.arange(runs), streams.evaluation), None
        if found.steps is not None and found.places is not None:
            each = found.steps
            improved = RunSteps(each.chunk, each.generation, found.places, each.before - each.after)
        return Drawn(incorrect, found.turns, last, improved)

    def on_last_chunk(self, drawn: Drawn, generations: FloatArray) -> FloatArray:
        """None is shorter."""
        return np.zeros_like(generations)


@dataclass(frozen=True, eq=False)
class _Chunked(ABC):
    """Runs whose chunks live apart from each other.

    Attributes:
        long: of chunks of g blocks.
        short: of the last one where it is shorter, else None.
        chunks: how solutions are cut.
        start: the initial law.
    """

    long: Table
    short: Table | None
    chunks: Chunks
    start: Start

    @property
    def lam(self) -> int:
        """Offspring a generation."""
        return self.long.lam

    @property
    def floats(self) -> int:
        """Numbers in its tables."""
        return self.long.floats + (0 if self.short is None else self.short.floats)

    @property
    def ends(self) -> bool:
        """Whether it is known that the mean number of generations is finite."""
        return self.long.ends and (self.short is None or self.short.ends)

    @cached_property
    def _sizes(self) -> IntArray:
        return np.array([self.chunks.g] * self.chunks.full + [self.chunks.short] * (self.chunks.short > 0))

    def draw(self, runs: int, streams: Streams, steps: bool, end: float) -> Drawn:
        """The lives of all chunks, some runs at a time, put together."""
        rows = max(1, ROOM // self.chunks.m)
        return _together([self._some(first, min(rows, runs - first), streams, steps) for first in range(0, runs, rows)])

    def _some(self, first: int, runs: int, streams: Streams, steps: bool) -> Drawn:
        incorrect = begin(self.start, self._sizes, runs, streams.start)
        full = len(self._sizes) - (self.short is not None)
        parts = [lives(self.long, incorrect[:, :full].ravel(), streams, steps)]
        turns = parts[0].turns.reshape(runs, full)
        if self.short is not None:
            parts.append(lives(self.short, incorrect[:, full], streams, steps))
            turns = np.column_stack((turns, parts[1].turns))
        rows = np.arange(runs)
        last, ends = self._ends(turns)
        places = parts[0].place_of(rows * full + np.minimum(last, full - 1), streams.evaluation)
        if self.short is not None:
            places = np.where(last < full, places, parts[1].place_of(rows, streams.evaluation))
        improved = []
        for part, begun, width in zip(parts, (0, full), (full, 1), strict=False):
            if part.steps is not None and part.places is not None:
                each = part.steps
                run, chunk = each.chunk // width, begun + each.chunk % width
                generation = self._when(turns, run, chunk, each.generation)
                improved.append(RunSteps(first + run, generation, part.places, each.before - each.after))
        steps_of_all = _joined(improved) if steps else None
        return Drawn(incorrect.sum(axis=1), ends, places, steps_of_all, self._short_from(turns))

    @abstractmethod
    def _ends(self, turns: FloatArray) -> tuple[IntArray, FloatArray]:
        """The chunk that is finished last, and the generation in which all are, [runs] each."""

    @abstractmethod
    def _when(self, turns: FloatArray, run: IntArray, chunk: IntArray, own: FloatArray) -> FloatArray:
        """The generations of a run that own generations of its chunks are."""

    def _short_from(self, turns: FloatArray) -> FloatArray | None:
        return None


class InTurn(_Chunked):
    """RoundRobin: the chunks in turn."""

    def _ends(self, turns: FloatArray) -> tuple[IntArray, FloatArray]:
        at = np.where(turns > 0, (turns - 1.0) * self.chunks.m + np.arange(1.0, self.chunks.m + 1), 0.0)
        last = np.argmax(at, axis=1)
        return last, at[np.arange(len(last)), last]

    def _when(self, turns: FloatArray, run: IntArray, chunk: IntArray, own: FloatArray) -> FloatArray:
        return (own - 1.0) * self.chunks.m + chunk + 1.0

    def on_last_chunk(self, drawn: Drawn, generations: FloatArray) -> FloatArray:
        """One of each m."""
        return np.floor(generations / self.chunks.m)


class OneAfterTheOther(_Chunked):
    """OnlyIncorrect: the lowest chunk that holds an incorrect block."""

    def _ends(self, turns: FloatArray) -> tuple[IntArray, FloatArray]:
        last = turns.shape[1] - 1 - np.argmax(turns[:, ::-1] > 0, axis=1)
        return last, np.asarray(turns.sum(axis=1))

    def _when(self, turns: FloatArray, run: IntArray, chunk: IntArray, own: FloatArray) -> FloatArray:
        before = np.cumsum(turns, axis=1)
        return np.where(chunk > 0, before[run, chunk - 1], 0.0) + own

    def _short_from(self, turns: FloatArray) -> FloatArray | None:
        return None if self.short is None else np.asarray(turns[:, :-1].sum(axis=1))

    def on_last_chunk(self, drawn: Drawn, generations: FloatArray) -> FloatArray:
        """All after the others are finished."""
        if drawn.short_from is None:
            return np.zeros_like(generations)
        return np.maximum(generations - drawn.short_from, 0.0)


@dataclass(frozen=True, eq=False)
class BlockByBlock:
    """UntilResolved with g = 1: each block up to the last incorrect one until its fitness moves.

    Attributes:
        fixing: of one incorrect block.
        skip: the span of a correct one.
        k: blocks.
        start: the initial law.
    """

    fixing: Gains
    skip: float
    k: int
    start: Start

    @property
    def lam(self) -> int:
        """Offspring a generation."""
        return self.fixing.lam

    @property
    def floats(self) -> int:
        """Numbers in its table."""
        return self.fixing.floats

    @property
    def ends(self) -> bool:
        """Whether it is known that the mean number of generations is finite: of correct blocks, too."""
        return self.fixing.ends and math.isfinite(self.skip)

    def draw(self, runs: int, streams: Streams, steps: bool, end: float) -> Drawn:
        """Some runs at a time."""
        rows = max(1, ROOM // self.k)
        return _together([self._some(first, min(rows, runs - first), streams, steps) for first in range(0, runs, rows)])

    def _some(self, first: int, runs: int, streams: Streams, steps: bool) -> Drawn:
        wrong = begin(self.start, np.ones(self.k, dtype=np.int64), runs, streams.start) > 0
        met = np.logical_or.accumulate(wrong[:, ::-1], axis=1)[:, ::-1]
        span = np.where(wrong, self.fixing.span[1], np.where(met, self.skip, 0.0))
        waited = generations(streams.schedule.standard_exponential(wrong.shape), span)
        some = wrong.any(axis=1)
        last = self._places(runs, streams.evaluation) * some
        found = None
        if steps:
            run, block = np.nonzero(wrong)
            when = np.cumsum(waited, axis=1)[run, block]
            found = RunSteps(first + run, when, self._places(len(run), streams.selection), np.ones_like(run))
        return Drawn(wrong.sum(axis=1), waited.sum(axis=1), last, found)

    def _places(self, number: int, draws: Generator) -> FloatArray:
        if self.lam == 1:
            return np.ones(number)
        return place(draws.random(number), np.full(number, self.fixing.tilt[1, 1]), self.lam)

    def on_last_chunk(self, drawn: Drawn, generations: FloatArray) -> FloatArray:
        """None is shorter."""
        return np.zeros_like(generations)


def _joined(pieces: list[RunSteps]) -> RunSteps:
    names = ("run", "generation", "place", "gain")
    return RunSteps(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))


def _together(pieces: list[Drawn]) -> Drawn:
    """Runs one below the other."""
    if len(pieces) == 1:
        return pieces[0]
    incorrect, ends, places = (
        np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("incorrect", "generations", "place")
    )
    steps = [piece.steps for piece in pieces if piece.steps is not None]
    short = [piece.short_from for piece in pieces if piece.short_from is not None]
    return Drawn(incorrect, ends, places, _joined(steps) if steps else None, np.concatenate(short) if short else None)
