"""Generations that end at a barrier: their rounds and seconds, with drawn latencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from evo.costs.latency import Latency
from evo.errors import InputError
from evo.evaluation import is_noisy
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.parallel import Merged
from evo.runners.protocol import varies
from evo.schedules import EachChunk, inner_schedule
from experiments.grids.cell import Cell
from experiments.predictions.seconds import same_chunk, width_of, width_varies
from experiments.running.simulation import merged_rounds
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd

SLAB_CALLS = 2**20
"""Latencies held at once, unless a single generation makes more calls: 8 MB."""


@dataclass(frozen=True)
class Barriers:
    """The generations of some runs, one after the other, run by run: a barrier ends each.

    Attributes:
        owner: int [n], whose generation it is: a row of the runs.
        calls: int [n], its calls.
        short: bool [n, most calls], which of them are on the shorter last chunk.
    """

    owner: IntArray
    calls: IntArray
    short: BoolArray

    @classmethod
    def full(cls, generations: IntArray, width: int) -> Barriers:
        """The generations of runs that made so many, int [runs], each of `width` calls on full chunks."""
        owner = np.repeat(np.arange(len(generations)), generations)
        return cls(owner, np.full(len(owner), width), np.zeros((len(owner), width), dtype=np.bool_))


def list_schedule(seconds: FloatArray, workers: int | None) -> FloatArray:
    """When the last of some calls is done, each given in order to the first worker that is free.

    Args:
        seconds: float [n, calls], a row a generation.
        workers: None for as many as calls.

    Returns:
        Float [n].

    >>> list_schedule(np.array([[3.0, 1.0, 1.0, 1.0]]), 2).tolist()
    [3.0]
    """
    n, calls = seconds.shape
    if workers == 1:
        return np.asarray(seconds.sum(axis=1))
    if workers is None or workers >= calls:
        return np.asarray(seconds.max(axis=1))
    free, rows = np.zeros((n, workers)), np.arange(n)
    for call in range(calls):
        first = np.argmin(free, axis=1)
        free[rows, first] += seconds[:, call]
    return np.asarray(free.max(axis=1))


def waited(
    slabs: Iterable[Barriers],
    runs: int,
    means: tuple[float, float],
    workers: int | None,
    latency: Latency,
    rng: Generator,
) -> tuple[FloatArray, FloatArray]:
    """Rounds and makespan of runs whose latencies are drawn, float [runs] each.

    Args:
        slabs: their generations.
        runs: how many they are.
        means: expected seconds of a call on a full chunk, and of one on the shorter last chunk.
        workers: W; None: as many as a generation has calls.
        latency: of which the factors are drawn, and the seconds of an evaluation taken.
        rng: where from.
    """
    full, last = means
    rounds, makespan = np.zeros((2, runs))
    for slab in slabs:
        width = slab.short.shape[1]
        there = np.arange(width) < slab.calls[:, None]
        seconds = np.zeros(there.shape)
        seconds[there] = np.where(slab.short[there], last, full) * latency.factors(int(slab.calls.sum()), rng)
        seconds[there] += latency.evaluation
        np.add.at(rounds, slab.owner, -(-slab.calls // (workers or width)))
        np.add.at(makespan, slab.owner, list_schedule(seconds, workers))
    return rounds, makespan


def times_of_batch(
    results: Results,
    cell: Cell,
    batch: int,
    part: pd.DataFrame,
    workers: int | None,
    latency: Latency,
    rng: Generator,
) -> tuple[FloatArray, FloatArray]:
    """Rounds and makespan of the kept runs of a batch, float [runs] each."""
    if hasattr(cell.mutator, "mean_calls"):
        raise InputError(f"timed: expected one call an answer, got {cell.text}: the table does not keep their numbers")
    if varies(cell.runner) and type(cell.runner) is not Merged:
        raise InputError(
            f"timed: expected generations of a known number of calls, got {cell.text}: the table keeps only their sum"
        )
    if latency.evaluation and is_noisy(cell.problem):
        return _one_by_one(results, cell, batch, part, workers, latency, rng)
    tokens = cell.tokens
    if tokens.powers > 1:
        raise InputError(f"timed: expected blocks of equal length, got {cell.text}: the table keeps no lengths")
    full, short = latency.means(tokens)
    if full != short:
        _expect_known_lengths(cell)
    if latency.tail == 0.0 and not width_varies(cell) and (full == short or same_chunk(cell)):
        width, number = width_of(cell), part["generations"].to_numpy()
        each = -(-width // (workers or width))
        shorter = _shorter(cell, part) // width if full != short else np.zeros_like(number)
        seconds = full * (number - shorter) + short * shorter + latency.evaluation * number
        return each * number.astype(np.float64), each * seconds
    return waited(_generations(results, cell, batch, part), len(part), (full, short), workers, latency, rng)


def _one_by_one(
    results: Results,
    cell: Cell,
    batch: int,
    part: pd.DataFrame,
    workers: int | None,
    latency: Latency,
    rng: Generator,
) -> tuple[FloatArray, FloatArray]:
    """The same where evaluators err: of one call at a time, whose evaluations follow each other as the ledger has them.

    Raises: InputError where several calls are made at the same time.
    """
    if min(width_of(cell), workers or width_of(cell)) > 1:
        raise InputError(
            f"timed: expected one call at a time where evaluators err and an evaluation takes {latency.evaluation:g} "
            f"seconds, got {cell.text}: the table does not tell which generation has which evaluations; take 1 worker, "
            "or evaluation=0"
        )
    rounds, seconds = times_of_batch(results, cell, batch, part, workers, replace(latency, evaluation=0.0), rng)
    return rounds, seconds + latency.evaluation * part["evaluations"].to_numpy()


def _shorter(cell: Cell, part: pd.DataFrame) -> IntArray:
    """Calls of each run on the shorter last chunk, as its ledger tells, int [runs]."""
    return cell.tokens.shorter(part["calls"].to_numpy(), part["generated_tokens"].to_numpy())


def _expect_known_lengths(cell: Cell) -> None:
    """Refuse cells whose table does not tell which calls of a generation are shorter.

    Raises: InputError.
    """
    known = type(cell.runner) is Merged or type(inner_schedule(cell.schedule)) is EachChunk
    if not (known or same_chunk(cell)):
        raise InputError(
            f"timed: expected chunks of one length, or a schedule that gives the calls of a generation the same chunk; "
            f"got {cell.text}; let g divide k, or take latencies that do not depend on tokens"
        )


def _generations(results: Results, cell: Cell, batch: int, part: pd.DataFrame) -> Iterator[Barriers]:
    """The generations of the kept runs of a batch, in slabs of some SLAB_CALLS calls."""
    if width_varies(cell):
        yield from _run_again(results, cell, batch, part)
        return
    number = part["generations"].to_numpy()
    width, ends = width_of(cell), np.cumsum(number)
    short_calls = _shorter(cell, part)
    step = max(1, SLAB_CALLS // width)
    for low in range(0, int(ends[-1]) if len(ends) else 0, step):
        places = np.arange(low, min(low + step, int(ends[-1])))
        owner = np.searchsorted(ends, places, side="right")
        turn = places - (ends - number)[owner]
        short = _short(cell, width, turn, (number - short_calls // width)[owner])
        yield Barriers(owner, np.full(len(places), width), short)


def _short(cell: Cell, width: int, turn: IntArray, full: IntArray) -> BoolArray:
    """Which calls of generations number `turn` of their runs are on the shorter last chunk; bool [n, width].

    Where all calls of a generation get the same chunk, it does not matter which of a run's generations those are:
    latencies are independent of that. They are taken to be those after the first `full`.
    """
    m, place = cell.chunks.m, np.arange(width)
    if type(cell.runner) is Merged:  # calls number turn width, .. of a round-robin run
        return np.asarray((turn[:, None] * width + place) % m == m - 1)
    if type(inner_schedule(cell.schedule)) is EachChunk:
        return np.broadcast_to(place % m == m - 1, (len(turn), width))
    return np.broadcast_to((turn >= full)[:, None], (len(turn), width))


def _run_again(results: Results, cell: Cell, batch: int, part: pd.DataFrame) -> Iterator[Barriers]:
    """The rounds of the kept runs of a batch of Merged under OnlyIncorrect, run by run."""
    size = cell.batch_size(results.grid["batch"])
    seen = merged_rounds(cell, results.grid["seed"], batch, size)
    if not seen:
        return
    run, calls, short = (np.concatenate(column) for column in zip(*seen, strict=True))
    turn = np.concatenate([np.full(len(rows), turn) for turn, (rows, _, _) in enumerate(seen)])
    kept = {int(number): row for row, number in enumerate(part["run"])}
    number = np.zeros(size, dtype=np.int64)  # 0 for runs that are not kept; those over their budget went on
    number[list(kept)] = part["generations"].to_numpy()
    rows = np.flatnonzero(turn < number[run])
    rows = rows[np.lexsort((turn[rows], run[rows]))]
    owner = np.searchsorted(part["run"].to_numpy(), run[rows])
    calls, short, width = calls[rows], short[rows], width_of(cell)
    step = max(1, SLAB_CALLS // width)
    for low in range(0, len(rows), step):
        at = slice(low, low + step)
        place = np.arange(width) + 1  # the last chunk comes last in its round
        yield Barriers(owner[at], calls[at], (place == calls[at, None]) & (short[at, None] > 0))
