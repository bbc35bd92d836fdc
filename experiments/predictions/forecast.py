"""What a grid will take before anything runs: calls, tokens, cost, censored runs and time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from evo.declarations import is_oblivious
from evo.engine.words.loop import AT_ONCE
from evo.engine.words.which import runs_on_words
from evo.errors import InputError, NoPrediction
from evo.evaluation import is_noisy
from evo.forms.words import words_for
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import OnlyIncorrect, RoundRobin
from evo.statistics import probability_text
from evo.text import canonical
from experiments.grids.any_cell import AnyCell
from experiments.grids.arguments import expect_a
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.grids.labels import labels, three_digits
from experiments.grids.programs.cell import ProgramCell
from experiments.grids.stopping import Runs, UntilPrecise
from experiments.predictions.engine_law.drawn import ends_by_itself, expect_drawable
from experiments.predictions.expected_runs import expected_runs
from experiments.predictions.predict import predict, predicted_mean
from experiments.predictions.programs import known_done
from experiments.predictions.setting import doubts_of
from experiments.predictions.singles import singles
from experiments.predictions.waiting import waits_for_ever
from experiments.predictions.within_budget import (
    Within,
    calls_at_the_end,
    calls_within,
    generations_within,
    mean_cost,
    mean_tokens,
    within_budget,
)

if TYPE_CHECKING:
    import pandas as pd

# Measured on one core of a small machine (tests/bench/bench_engines.py); they order tasks and show the time left.
SECONDS_A_BLOCK = 2.5e-9
SECONDS_AN_OFFSPRING = 1e-7
SECONDS_A_ROUND = 1.5e-4
SECONDS_A_DEAP_CALL = 6e-5
OFFSPRING_A_ROUND = 4096
SECONDS_A_CALL_ON_WORDS = 8e-9  # that is made (`_drawn`)
SECONDS_A_WORD = 8e-9
SECONDS_A_GENERATION_ON_CHUNKS = 1.5e-7
SECONDS_A_ROUND_ON_WORDS = 1e-4
SECONDS_A_BATCH_ON_WORDS = 5e-4

SECONDS_A_LAW_BATCH = 2e-3

MOST_CALLS = 10**10
"""Expected calls of a run beyond which none is started: some 10 minutes of one core each."""
NEARLY_ALL = 0.95


@dataclass(frozen=True)
class Slowness:
    """Seconds of this machine over those of the one that the constants are from (`experiments.running.speed`).

    Attributes:
        offspring: of making offspring, many at once.
        rounds: of a round, however few offspring it makes.
        words: of all that is run on words of 64 blocks.
    """

    offspring: float = 1.0
    rounds: float = 1.0
    words: float = 1.0


def check_budgets(grid: Grid) -> None:
    """Refuse cells that may never end, or not within reason.

    Raises: InputError naming the first cell that the engine `law` cannot draw; that has no budget and a mean that is
    infinite, or not known (a budget on cost where calls cost nothing is none); or, unless the engine is `law`, whose
    expected calls a run within its budget are more than 10^10; or a program that a rule could not stop before its cap.
    """
    for cell in grid.cells:
        expect_an_end(cell, grid.runs, grid.engine)


@singledispatch
def expect_an_end(cell: AnyCell, runs: Runs, engine: str) -> None:
    """Refuse a cell whose runs may never end, or not within reason, or that a rule could not stop before its cap.

    Raises: InputError.
    """
    raise NotImplementedError(type(cell).__name__)


@expect_an_end.register
def _(cell: Cell, runs: Runs, engine: str) -> None:
    if engine == "law":
        expect_drawable(cell)
    _, most = generations_within(cell)
    if math.isinf(most) and not (engine == "law" and ends_by_itself(cell)):
        _expect_finite_mean(cell)
    if engine == "law" or calls_at_the_end(cell) <= MOST_CALLS:
        return
    within = within_budget(cell)
    if (calls := _reached(within)) > MOST_CALLS:
        expected = "up to" if within.mean is None else "expected"
        raise InputError(
            f"{cell.text}: {expected} {calls:.3g} calls a run within its budget, more than "
            f"{MOST_CALLS:.0e}; give a smaller Budget(calls=...) or lower k, or look ahead by drawing from the "
            'predicted law (engine = "law", `--engine law`)'
        )


@expect_an_end.register
def _(cell: ProgramCell, runs: Runs, engine: str) -> None:
    """A program ends by itself; but its `hit` has no precision where it has none in some of so many runs w.p. 1/2."""
    if not isinstance(runs, UntilPrecise):
        return
    done = known_done(cell)
    if done >= 0 and done**runs.LEAST < 0.5:
        raise InputError(
            f"{cell.text}: UntilPrecise asks for the mean of hit, which a program has only where its task is done "
            f"right in every run, and here it is with probability {done:.4g}: the cell would go to its cap; give "
            "`runs` as a number, or UntilSuccesses"
        )


def _reached(within: Within) -> float:
    """Calls of a run, roughly, to judge whether it can be run: no generation begins after the last of the budget."""
    return min(within.calls, within.last)


def _expect_finite_mean(cell: Cell) -> None:
    """Refuse a cell that no budget ends, unless it is known to end.

    Raises: InputError.
    """
    malformed = any(limit.per_evaluation > 0 for limit in cell.limits)
    unpaid = "malformed offspring are free" if malformed else "calls cost nothing"
    none = "budget=None" if cell.budget is None else f"{cell.budget} where {unpaid}"
    try:
        mean = predict(cell, "calls").mean
    except NoPrediction as error:
        raise InputError(
            f"{none} needs a predicted finite mean, got none for {cell.text}; give a Budget(calls=...). "
            f"{'. '.join(filter(None, (waits_for_ever(cell), str(error))))}"
        ) from None
    if math.isinf(mean):
        why = f"; {waits}" if (waits := waits_for_ever(cell)) else ""
        raise InputError(
            f"{none} needs a predicted finite mean, got an infinite one for {cell.text}; give a Budget(calls=...){why}"
        )


@singledispatch
def seconds_a_batch(cell: AnyCell, size: int, engine: str, slowness: Slowness = Slowness()) -> float:
    """Rough single-core time of one batch, for order and progress; 1 s where no expectation is known.

    Of a finite mean the lesser of it and the budget: what the budget cuts off a tail can take seconds to know.
    """
    return 1.0


@seconds_a_batch.register
def _(cell: Cell, size: int, engine: str, slowness: Slowness = Slowness()) -> float:
    if engine == "law":  # whatever a run takes
        return SECONDS_A_LAW_BATCH * slowness.rounds
    mean = predicted_mean(cell, "calls")
    if mean is None:
        return 1.0
    last = calls_at_the_end(cell)
    return seconds_of_batch(
        cell, min(mean, last) if math.isfinite(mean) else calls_within(cell), size, engine, slowness
    )


@singledispatch
def _seconds(cell: AnyCell, calls: float, size: int, engine: str, slowness: Slowness) -> float | None:
    """The time of one batch of runs with so many calls on average; None where it is not known."""
    return None


@_seconds.register
def _(cell: Cell, calls: float, size: int, engine: str, slowness: Slowness) -> float:
    return seconds_of_batch(cell, calls, size, engine, slowness)


def seconds_of_batch(cell: Cell, calls: float, size: int, engine: str, slowness: Slowness) -> float:
    """The time of one batch of runs of a search with so many calls on average."""
    if engine == "law":
        return SECONDS_A_LAW_BATCH * slowness.rounds
    offspring = size * calls
    if engine == "deap":
        return offspring * SECONDS_A_DEAP_CALL * slowness.offspring
    if runs_on_words(cell.search):
        return _seconds_on_words(cell, size * _drawn(cell, calls)) * slowness.words
    lockstep = offspring / size / cell.runner.lam
    rounds = min(lockstep, offspring / OFFSPRING_A_ROUND + cell.problem.k) if looks_ahead(cell) else lockstep
    an_offspring = SECONDS_AN_OFFSPRING + cell.chunks.g * SECONDS_A_BLOCK
    return offspring * an_offspring * slowness.offspring + rounds * SECONDS_A_ROUND * slowness.rounds


def _seconds_on_words(cell: Cell, offspring: float) -> float:
    """The time of so many offspring on words of 64 blocks: of whole solutions or chunks, or of a block each."""
    chunks = cell.chunks
    whole = chunks.m == 1
    width = words_for(chunks.g) if chunks.g > 1 else 0
    rounds = offspring * max(1, width) / AT_ONCE + (cell.problem.k if whole else 0)
    made = offspring * (SECONDS_A_CALL_ON_WORDS + width * SECONDS_A_WORD)
    if width and not whole:
        made += offspring / cell.lam * SECONDS_A_GENERATION_ON_CHUNKS
    return SECONDS_A_BATCH_ON_WORDS + made + rounds * SECONDS_A_ROUND_ON_WORDS


def _drawn(cell: Cell, calls: float) -> float:
    """Calls of a run that a loop on words makes: with a block a call those alone of which something may come.

    A generation ends there with its first repair, and what is left of it is counted and not made: so many calls are
    made as a run of lam = 1 takes, whatever lam is. `RoundRobin` makes no calls on correct chunks: as `OnlyIncorrect`.
    """
    in_turn, g = type(cell.schedule) is RoundRobin, cell.chunks.g
    lam = 1 if g == 1 else cell.runner.lam
    if cell.chunks.m == 1 or (lam == cell.lam and not in_turn):
        return calls
    alone = replace(cell, schedule=OnlyIncorrect(g) if in_turn else cell.schedule, runner=OnePlusLambda(lam))
    mean = predicted_mean(alone, "calls")
    return calls if mean is None else min(calls, mean)


def looks_ahead(cell: Cell) -> bool:
    """Whether the engine rewrites several generations at once, so that a round is not one generation of all runs."""
    return is_oblivious(cell.schedule) and cell.runner == OnePlusLambda(cell.runner.lam) and not is_noisy(cell.problem)


def forecast(
    grid: Grid,
    slowness: Slowness = Slowness(),
    watch: Callable[[AnyCell, int, int], None] = lambda cell, done, of: None,
) -> pd.DataFrame:
    """A row a cell: what a run takes on average without its budget and within it, and how long all its runs take.

    Columns: `series` is the arm with all that varies within it beside k and lam; `hit`, `calls` and `cost` are means
    without a budget; `spent` (calls), `read` and `written` (tokens) and `paid` (cost, in the unit of `prices`) are
    means within the budget, upper bounds instead in rows where `at_most` is true (calls differ in price, or votes make
    their number random); `censored` is P(no hit within the budget); `runs` is the grid's number, under a stopping rule
    the estimate of `experiments.predictions.expected_runs`; `made` are those of the whole batches that hold them, which
    are all run and paid for, and 0 where an earlier cell differs in price only and shares its runs; `seconds` (of one
    core) is the time of all runs, `longest` the time of a batch; `beyond` says whether the mean is beyond the budget.
    `calls_10`, `calls_50`, `calls_90` and those of `cost` are quantiles of a single run that no budget ends, null where
    only the mean is known. Where there is no prediction
    the numbers are null and `note` says why; `note` also tells of means that are infinite or beyond the budget.

    Args:
        grid: what would be run.
        slowness: of this machine (`experiments.running.speed.slowness`); that of the constants unless said.
        watch: called with each cell before it is predicted, how many were before it, and of how many.
    """
    import pandas as pd

    expect_a(Grid, "forecast", grid, "a Grid")
    arms, series = grid.labels, labels(cells_table(grid))
    rows = []
    for done, cell in enumerate(grid.cells):
        watch(cell, done, len(grid.cells))
        rows.append(_row(grid, cell, arms[cell.id], series[cell.id], slowness))
    table = pd.DataFrame(rows)
    first = {cells[0].id for cells in grid.samples.values()}
    table.loc[~table["cell"].isin(first), "made"] = 0
    return table


def _row(grid: Grid, cell: AnyCell, arm: str, series: str, slowness: Slowness) -> dict[str, Any]:
    size, within = cell.batch_size(grid.batch), within_budget(cell)
    runs = expected_runs(grid.runs, cell, size, within.censored)
    read, written = mean_tokens(cell, within)
    longest = None
    if within.mean is not None:
        longest = _seconds(cell, within.calls, size, grid.engine, slowness)
    row: dict[str, Any] = {
        "cell": cell.id,
        "arm": arm,
        "series": series,
        "k": cell.k,
        "lam": cell.lam,
        "hit": None,
        "calls": within.mean,
        "spent": None if within.mean is None else within.calls,
        "read": read,
        "written": written,
        "cost": predicted_mean(cell, "cost"),
        "paid": mean_cost(cell, within),
        "prices": canonical(cell.cost),
        "at_most": within.at_most,
        "censored": within.censored,
        "runs": runs,
        "made": math.ceil(runs / size) * size,
        "seconds": None if longest is None else longest * math.ceil(runs / size),
        "longest": longest,
        "beyond": within.mean is not None and within.mean > within.last,
        "source": "",
        "note": "",
    }
    try:
        row |= _hit(cell)
    except NoPrediction as error:
        row["note"] = str(error)
    row["note"] = row["note"] or _note(within, grid.engine, cell)
    if row["source"]:
        row["note"] = "; ".join(filter(None, (row["note"], *doubts_of(cell))))
    if isinstance(cell, Cell) and (waits := waits_for_ever(cell)):
        row["note"] = f"{waits}; {row['note']}" if row["note"] else waits
    return row | singles(cell)


@singledispatch
def _hit(cell: AnyCell) -> dict[str, Any]:
    """Mean and source of `hit`.

    Raises: NoPrediction.
    """
    known = predict(cell)
    return {"hit": known.mean, "source": known.source}


@_hit.register
def _(cell: ProgramCell) -> dict[str, Any]:
    """A program has calls, whether its task is done right or not."""
    return {"hit": predicted_mean(cell, "hit"), "source": predict(cell, "calls").source}


def _note(within: Within, engine: str, cell: AnyCell) -> str:
    """What to know of a cell with a prediction: that its mean is beyond reason, infinite, or beyond its budget."""
    mean, share = within.mean or 0.0, within.censored
    if math.isinf(within.calls):
        return "the mean is infinite, and no budget ends a run: it is not started"
    if (reached := _reached(within)) > MOST_CALLS and engine != "law":
        return f"mean {mean:.3g} calls, {reached:.3g} within the budget, over {MOST_CALLS:.0e}: it is not started"
    if math.isinf(mean):
        return f"the mean is infinite: {_ended(share)} at the budget"
    if mean > within.last:
        told = _end(cell, three_digits(within.last))
        return f"mean {three_digits(mean)} calls, {told}: {_censored(share)} end censored"
    return ""


def _end(cell: AnyCell, last: str) -> str:
    """The budget and the calls after which a run has spent it, in words: a generation that was begun is paid whole."""
    budget = cell.budget if isinstance(cell, Cell) else None
    if budget is None or budget.calls is None or budget.cost is not None or len(budget.entries) > 1:
        return f"budget spent after {last}"
    given = three_digits(budget.calls)
    return f"budget {given}" if given == last else f"budget {given}, spent after {last}"


def _ended(share: float | None) -> str:
    """The share of runs that the budget ends, in words."""
    if share is None:
        return "some runs end"
    if share == 1.0:
        return "all runs end"
    return (
        f"a share {probability_text(share, 3)} of the runs ends"
        if share < 0.9995
        else "more than 0.999 of the runs end"
    )


def _censored(share: float | None) -> str:
    """The share of runs that are censored, in words, where the mean is beyond the budget."""
    if share is None:
        return "many runs"
    return "nearly all runs" if share > NEARLY_ALL else f"{share:.0%} of the runs"
