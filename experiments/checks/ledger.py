"""Does the ledger add up? Each entry of each run against a literal enumeration of forward passes.

The engine writes its ledger by closed forms (`evo.costs.ledger`); here the passes are counted one by one
(`evo.theory.calls.passes`), from the cell's text alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.costs.budget import Budget
from evo.costs.ledger import LEDGER, overheads
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.runners.protocol import Adjusting, OwnGenerations, varies
from evo.schedules import RoundRobin, inner_schedule
from experiments.grids.cell import Cell
from experiments.grids.cells_table import WEIGHTS
from experiments.predictions.counts import _last_generation, answers_of, entries_of_call, evaluations_of
from experiments.predictions.setting import always_valid
from experiments.store.by_cell import RunArrays
from experiments.store.predictions import StoredPrediction

if TYPE_CHECKING:
    import pandas as pd

OF_FLOATS = 1e-15
"""Relative: whole numbers are told apart up to 1e15, sums beyond are rounded."""
UNLESS = "; a mutator whose answers take several calls (Rewritten.calls) must declare `mean_calls`"


def ledger_fault(cell: Cell, runs: RunArrays | pd.DataFrame) -> str | None:
    """The first entry that does not add up, in words; None if all do.

    calls = lam x generations (at least that where an answer takes several calls; for runners with a loop of their own
    as many as they say), and one more for each LLM call that a
    part declares beside them; hit lies in the last generation, and
    a run without one has reached its budget; evaluations <= lam x generations, and equal where the law says that all
    answers are valid (with evaluators that err: as many as they need for each solution, offspring or evaluated again);
    each token entry is that of the chunks that were called, if the schedule tells which (AllBlocks, RoundRobin); where
    chunks have two lengths, as many calls on the shorter one are taken as generated tokens tell; else the entry lies
    between those of the shortest and the longest chunk.
    """
    beside = sum(work.calls for work in overheads(cell.mutator, cell.schedule))
    runs = RunArrays.of(runs)
    all_calls = runs["calls"]
    calls = all_calls // (1 + beside)
    evaluations = runs["evaluations"]
    several = hasattr(cell.mutator, "mean_calls")
    generations = runs["generations"]
    least_paid, most_paid = answers_of(cell, generations)
    first, back = _last_generation(cell, generations, None if several else calls)
    fewest, most = evaluations_of(cell, generations, back)
    unevaluated = evaluations < fewest
    hit = runs.floats("hit")
    faults = {
        f"calls are not {_identity(cell)}{'' if several else UNLESS}": (
            (calls < least_paid) | ((calls > most_paid) & (not several))
        ),
        f"calls are not in groups of {1 + beside}, one and {beside} beside it": calls * (1 + beside) != all_calls,
        _hit_rule(cell): (hit > back[1]) | (hit < first),
        "a run without a hit ended before its budget": _too_early(hit, cell.budget, cell.weights, runs),
        "there are more evaluations than offspring need": evaluations > most,
        "there are fewer evaluations than offspring need, though all answers are valid": (
            unevaluated if unevaluated.any() and always_valid(cell) else np.zeros_like(unevaluated)
        ),
    }
    for entry, (least, largest) in _counted(cell, runs, calls).items():
        written = runs.floats(entry)
        off = written - np.clip(written, least, largest)
        worst = int(np.argmax(np.abs(off)))
        faults[
            f"{entry} of batch {runs['batch'][worst]}, run {runs['run'][worst]} is off by {off[worst]:+.15g} "
            f"after {all_calls[worst]} calls"
        ] = np.abs(off) > 1e-12 * largest
    return next((words for words, broken in faults.items() if broken.any()), None)


def stored_ledger_fault(stored: StoredPrediction, place: pd.Series[Any], runs: RunArrays | pd.DataFrame) -> str | None:
    """The first entry that does not add up by what was stored when the cell was run; None if all do.

    Calls, the last generation, the budget and all entries of tokens are compared; evaluations are not.

    Args:
        stored: of the cell, whose parts are not imported.
        place: the cell's row of the table of cells.
        runs: its runs.
    """
    runs = RunArrays.of(runs)
    calls = runs.floats("calls")
    answers = calls / stored.calls
    hit, generations = runs.floats("hit"), runs.floats("generations")
    faults = {
        f"calls are not in groups of {stored.calls}": answers % 1 != 0,
        "a run without a hit ended before its budget": _too_early(hit, *_limits(place), runs),
    }
    if stored.a_generation is not None:
        first = stored.lam * np.maximum(generations - 1, 0) + (generations > 0)
        faults["calls are not lam x generations"] = calls != stored.a_generation * generations
        faults["hit is not in the last generation"] = (hit > stored.lam * generations) | (hit < first)
    for entry, expected in (_of_two(stored.call, stored.short_call, answers, runs) if stored.call else {}).items():
        written = runs.floats(entry)
        faults[f"{entry} are not those of the calls"] = np.abs(written - expected) > 1e-12 * expected
    return next((words for words, broken in faults.items() if broken.any()), None)


def _limits(place: pd.Series[Any]) -> tuple[Budget | None, FloatArray]:
    """The budget and the prices in a row of the table of cells."""
    given = {name: place.get(f"budget.{name}") for name in (*LEDGER, "cost")}
    limits: dict[str, Any] = {name: most for name, most in given.items() if most is not None and not math.isnan(most)}
    return Budget(limits.pop("calls", None), **limits) if limits else None, place[list(WEIGHTS)].to_numpy(dtype=float)


def _identity(cell: Cell) -> str:
    """What calls are, in words."""
    if isinstance(cell.runner, OwnGenerations):
        return f"as many as {type(cell.runner).__name__} makes in so many generations"
    if isinstance(cell.runner, Adjusting):
        return f"1 to lam = {cell.runner.lam} a generation"
    return f"lam x generations with lam = {cell.runner.lam}"


def _hit_rule(cell: Cell) -> str:
    """What hit breaks, in words."""
    if isinstance(cell.runner, OwnGenerations):
        return (
            f"hit is not the number of all offspring that had returned when the optimum was found, as a runner with "
            f"generations of its own counts it ({type(cell.runner).__name__}; protocol `OwnGenerations`)"
        )
    return "hit is not in the last generation"


def _too_early(hit: FloatArray, budget: Budget | None, weights: FloatArray, runs: RunArrays) -> BoolArray:
    """Where a run without a hit has not reached a limit of the budget, by its own ledger; bool [runs]."""
    early = np.isnan(hit)
    if budget is not None and early.any():
        ledger = np.column_stack([runs.floats(entry)[early] for entry in LEDGER])
        early[early] = ~budget.reached(ledger, weights, OF_FLOATS)
    return early


def _counted(cell: Cell, runs: RunArrays, calls: IntArray) -> dict[str, tuple[FloatArray, FloatArray]]:
    """The least and the largest that each entry can be, float [runs] each; equal where it is known which chunks.

    Args:
        cell: whose runs they are.
        runs: rows of the table.
        calls: int [runs], those that vary solutions.
    """
    lengths = cell.search.lengths
    each = {s: entries_of_call(cell, lengths.tokens(s)) for s in lengths.possible}
    names = list(each[0])
    table = np.array([[float(entries[name]) for name in names] for entries in each.values()])
    if lengths.powers and _in_turn(cell):
        of_chunks = np.array(list(each)).searchsorted(lengths.short(np.arange(cell.chunks.m)))
        rounds, more = np.divmod(runs["generations"], cell.chunks.m)
        spent = np.vstack((np.zeros(len(names)), np.cumsum(table[of_chunks], axis=0)))  # after so many chunks
        known = cell.runner.lam * (np.multiply.outer(rounds, spent[-1]) + spent[more])
        return {name: (column, column) for name, column in zip(names, known.T, strict=True)}
    if lengths.powers == 1:
        known = _of_two(each[0], each[1], calls, runs)
        return {name: (column, column) for name, column in known.items()}
    return {name: (calls * column.min(), calls * column.max()) for name, column in zip(names, table.T, strict=True)}


def _of_two(
    full: Mapping[str, float], last: Mapping[str, float], calls: IntArray | FloatArray, runs: RunArrays
) -> dict[str, FloatArray]:
    """The entries of calls on chunks of two lengths, as many on the shorter as generated tokens tell; float [runs].

    Args:
        full: entries of a call on a full chunk.
        last: of a call on the shorter last one, the same if there is none.
        calls: [runs].
        runs: rows of the table.
    """
    less = full["generated_tokens"] - last["generated_tokens"]
    missing = calls * full["generated_tokens"] - runs.floats("generated_tokens")
    short = np.clip(np.round(missing / less), 0, calls) if less else np.zeros(len(runs))
    return {name: (calls - short) * float(full[name]) + short * float(last[name]) for name in full}


def _in_turn(cell: Cell) -> bool:
    """Whether generation t calls chunk t mod m, lam times."""
    turns = type(inner_schedule(cell.schedule)) is RoundRobin and not varies(cell.runner)
    return turns and not hasattr(cell.mutator, "mean_calls")
