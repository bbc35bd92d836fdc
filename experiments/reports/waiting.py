"""Waiting time, read off the table of runs later: parallel rounds, and seconds with drawn latencies.

The runs are those of the table. Latencies come from a stream of their own, so that time touches no other draw and the
same runs can be timed for any number of workers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from evo.costs.latency import Latency
from evo.errors import InputError, NoPrediction
from evo.evaluation import is_noisy
from evo.parameters import shown
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.parallel import Asynchronous, Merged
from evo.runners.protocol import varies
from evo.schedules import EachChunk, inner_schedule
from evo.seeding import streams
from evo.text import canonical
from experiments.checks.completeness import missing_runs
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import expect_a, expect_whole
from experiments.grids.cell import Cell
from experiments.grids.labels import lams_of, sizes_of
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.predict import predict
from experiments.predictions.seconds import same_chunk, width_of, width_varies
from experiments.reports.waiting_programs import NOT_KEPT, seconds_of_runs
from experiments.running.again import executed_otherwise
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


LEVELS = (10, 50, 90)
"""Per cent of the quantiles of single runs."""


def timed(results: Results, workers: int | None, latency: Latency, seed: int = 1) -> pd.DataFrame:
    """The runs of a grid with their waiting time on W workers, a row a run.

    Columns beside those of `results.runs`:

    * rounds: sum over generations of ceil(calls/W): generations ceil(lam/W) for (1+lam) runs (theory 11c), generations
      for Merged where W is no less than its own workers; null for Asynchronous, which has none.
    * makespan: seconds. The calls of a generation go to the workers in order, each to the first that is free, which
      evaluates the answer before it takes the next call (`Latency.evaluation`), and all wait for the last one. For
      lam = 1 the sum of all. Where evaluators err every evaluation of the ledger takes that long, one after the other:
      known for one call at a time. A censored run's is a lower bound. For Asynchronous
      its `seconds`; null where it was run with another latency or other workers than asked for, since its runs would
      have been others (`waiting` says which).

    The latencies of a batch are drawn run by run, so that more runs of a cell leave those of the others as they were.
    Rounds of Merged under OnlyIncorrect are not in the table: their batches are run again.

    Args:
        results: of `run_grid` or `load`.
        workers: W; None: as many as a generation has calls.
        latency: seconds of a call; its tokens are those of the cell's prompt.
        seed: names the stream of the latencies, with the cell's text and the batch.

    Raises: InputError for cells whose calls' lengths are not known from the table: answers of several calls, or calls
    on chunks of different lengths within a generation; or where evaluators err, whose evaluations are known by run.
    """
    expect_a(Results, "timed", results, "results of run_grid or load")
    _expect_timing("timed", workers, latency, seed)
    found, refused = _timed(results, workers, latency, seed)
    for error in refused.values():
        raise error
    return found


def _expect_timing(role: str, workers: int | None, latency: Latency, seed: int) -> None:
    """Check how runs are to be timed.

    Raises: InputError.
    """
    expect_a(Latency, role, latency, "a Latency of calls")
    expect_whole(f"{role}: seed", seed, 0)
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int | np.integer) or workers < 1):
        raise InputError(f"{role}: expected for workers a whole number >= 1 or None, got {shown(workers)}")


def _timed(
    results: Results, workers: int | None, latency: Latency, seed: int
) -> tuple[pd.DataFrame, dict[str, InputError]]:
    """The runs with their waiting time, and why some cells, by their id, have none."""
    runs = results.runs
    rounds, makespan = np.full((2, len(runs)), np.nan)
    refused = {}
    for name, of_cell in results.by_cell.items():
        try:
            cell = results.cell(name)
        except InputError:
            continue
        try:
            for rows, its_rounds, its_makespan in _timed_parts(cell, of_cell, results, workers, latency, seed):
                rounds[rows], makespan[rows] = its_rounds, its_makespan
        except InputError as error:
            refused[name] = error
    return runs.assign(rounds=rounds, makespan=makespan), refused


Timed = tuple[IntArray, Any, Any]
"""Rows of the table of runs, their rounds and their seconds."""


@singledispatch
def _timed_parts(
    cell: AnyCell, of_cell: pd.DataFrame, results: Results, workers: int | None, latency: Latency, seed: int
) -> Iterator[Timed]:
    """The times of the runs of a cell, some rows after others.

    Raises: InputError for runs that cannot be timed.
    """
    raise NotImplementedError(type(cell).__name__)


@_timed_parts.register(ProgramCell)
def _(
    cell: ProgramCell, of_cell: pd.DataFrame, results: Results, workers: int | None, latency: Latency, seed: int
) -> Iterator[Timed]:
    yield of_cell.index.to_numpy(), of_cell["generations"], seconds_of_runs(cell, of_cell, workers, latency)


@_timed_parts.register(Cell)
def _(
    cell: Cell, of_cell: pd.DataFrame, results: Results, workers: int | None, latency: Latency, seed: int
) -> Iterator[Timed]:
    for batch, part in of_cell.groupby("batch", sort=False):
        rows, number = part.index.to_numpy(), int(str(batch))
        if isinstance(cell.runner, Asynchronous):
            yield rows, np.nan, np.nan if kept_as_run(cell, workers, latency) else part["seconds"]
            continue
        rng = streams(seed, f"timed {cell.text}", number).latency
        yield rows, *_times(results, cell, number, part, workers, latency, rng)


def waiting(results: Results, workers: int | None, latency: Latency, seed: int = 1) -> pd.DataFrame:
    """The waiting time of each cell beside its cost: series, k, lam, mean rounds, seconds and cost, censored share.

    Columns `makespan_10`, `makespan_50` and `makespan_90` are quantiles of single runs (seconds that so many per cent
    do not exceed; infinite where it is of runs that the budget ended); `makespan_predicted` is the exact mean without
    the budget, null where it is not known. Runs of Asynchronous are shaped by their latency: where another one is asked
    for, or other workers, as many are simulated anew with it, and the note says so. A column `note` says why a
    cell has no seconds, no numbers at all, or fewer runs than its grid asks for. Arguments are those of
    `timed`; rounds are null where there are none.
    """
    import pandas as pd

    expect_a(Results, "waiting", results, "results of run_grid or load")
    _expect_timing("waiting", workers, latency, seed)
    timed_runs, refused = _timed(results, workers, latency, seed)
    groups = results.with_runs(timed_runs).by_cell
    names, k, lam = results.labels, sizes_of(results.cells), lams_of(results.cells)
    texts, rows = results.cells["text"], []
    for cell_id in map(str, results.cells.index):
        runs = groups.get(cell_id, timed_runs.iloc[:0])
        note = missing_runs(results, cell_id)
        if len(runs):
            note = _note(results, cell_id, workers, latency, runs) or str(refused.get(cell_id, note))
        if len(runs) and (other := _other_runner(results, cell_id, workers, latency)) is not None:
            runs = executed_otherwise(results, *other).assign(rounds=math.nan)
            note = "; ".join(filter(None, (_simulated(other[1], runs), missing_runs(results, cell_id))))
        means = {name: runs[name].mean() for name in ("rounds", "makespan", "cost")}
        predicted = {"makespan_predicted": _predicted(results, cell_id, workers, latency)}
        if lam[cell_id] != lam[cell_id]:  # a program ends by itself, whether its task was done right or not
            runs = runs.assign(hit=runs["hit"].fillna(0))
        censored = float(runs["hit"].isna().mean())
        place = {"series": names[cell_id], "k": k[cell_id], "lam": lam[cell_id]}
        rows.append(
            {**place, **means, **_of_single_runs(runs), **predicted, "censored": censored, "note": note}
            | {"text": texts[cell_id]}
        )
    return pd.DataFrame(rows)


def _other_runner(results: Results, cell_id: str, workers: int | None, latency: Latency) -> tuple[Cell, Cell] | None:
    """A cell whose runs depend on the latency, and the same with what is asked for; None for others."""
    try:
        cell: Any = results.cell(cell_id)
    except InputError:
        return None
    runner = getattr(cell, "runner", None)  # a program has none
    if not isinstance(runner, Asynchronous) or not kept_as_run(cell, workers, latency):
        return None
    return cell, replace(cell, runner=replace(runner, latency=latency, workers=workers or runner.workers))


def _simulated(other: Cell, runs: pd.DataFrame) -> str:
    """That the numbers of a row are of other runs than those of the table, and how far their mean may be off."""
    runner: Any = other.runner
    error = runs["makespan"].std() / math.sqrt(len(runs)) if len(runs) > 1 else math.inf
    return (
        f"simulated: {len(runs):,} other runs, with {canonical(runner.latency)} on {runner.workers} workers; standard "
        f"error of the mean {error:.3g} s"
    )


def _of_single_runs(runs: pd.DataFrame) -> dict[str, float]:
    """Quantiles of the seconds of single runs; those that a budget ended took longer than any level."""
    names, seconds = [f"makespan_{level}" for level in LEVELS], runs["makespan"].to_numpy()
    if not len(runs) or np.isnan(seconds).any():
        return dict.fromkeys(names, math.nan)
    seconds = np.where(runs["hit"].isna(), np.inf, seconds)
    found = np.quantile(seconds, np.array(LEVELS) / 100.0, method="inverted_cdf")
    return dict(zip(names, found.tolist(), strict=True))


def _predicted(results: Results, cell_id: str, workers: int | None, latency: Latency) -> float:
    """The exact mean of the seconds; NaN where it is not known, or a part is not imported."""
    try:
        return predict(results.cell(cell_id), "seconds", latency=latency, workers=workers).mean
    except (InputError, NoPrediction):
        return math.nan


def kept_as_run(cell: Cell, workers: int | None, latency: Latency) -> str:
    """Why a cell cannot be timed as asked: its runner never waits, so that latency and workers shaped its runs."""
    runner = cell.runner
    if not isinstance(runner, Asynchronous) or (runner.latency == latency and workers in (None, runner.workers)):
        return ""
    return (
        f"no seconds: run with {canonical(runner.latency)} on {runner.workers} workers, and its runs would be others "
        "with what is asked for"
    )


def _note(results: Results, cell_id: str, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    """Why a cell with runs has no times: it was run with its own, or a part of it is not imported."""
    try:
        cell = results.cell(cell_id)
        return _why_untimed(cell, workers, latency, runs)
    except InputError as error:
        return str(error)


@singledispatch
def _why_untimed(cell: AnyCell, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    """Why a cell with runs has no times; empty if it has."""
    raise NotImplementedError(type(cell).__name__)


@_why_untimed.register(Cell)
def _(cell: Cell, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    return kept_as_run(cell, workers, latency)


@_why_untimed.register(ProgramCell)
def _(cell: ProgramCell, workers: int | None, latency: Latency, runs: pd.DataFrame) -> str:
    return NOT_KEPT if runs["makespan"].isna().any() else ""


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


def _times(
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
    rounds, seconds = _times(results, cell, batch, part, workers, replace(latency, evaluation=0.0), rng)
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
