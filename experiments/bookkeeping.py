"""Does the ledger add up? Each entry of each run against a literal enumeration of forward passes.

The engine writes its ledger by closed forms (`evo.ledger`); here the passes are counted one by one
(`evo.theory.tokens`), from the cell's text alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.budget import ROUNDING, any_reached
from evo.decomposed import inner_schedule
from evo.evaluation import is_noisy
from evo.ledger import LEDGER, overheads
from evo.lengths import block_lengths
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.schedules import RoundRobin, draws_subsets
from evo.theory import call_sums
from experiments.cell import Cell
from experiments.rules import always_valid

if TYPE_CHECKING:
    import pandas as pd


def ledger_fault(cell: Cell, runs: pd.DataFrame) -> str | None:
    """The first entry that does not add up, in words; None if all do.

    calls = lam x generations (at least that where an answer takes several calls), and one more for each LLM call that a
    part declares beside them; hit lies in the last generation, and
    a run without one has reached its budget; evaluations <= lam x generations, and equal where the law says that all
    answers are valid (with evaluators that err: as many as they need for each solution, offspring or evaluated again);
    and with s of the calls on the shorter last chunk, each token entry = (calls - s) x entry of a
    full call + s x entry of a short one. Where blocks differ in length, entries are those of the chunks that were
    called, if the schedule tells which (AllBlocks, RoundRobin), and else between those of the shortest and longest.
    """
    beside = sum(work.calls for work in overheads(cell.mutator, cell.schedule))
    all_calls, short = runs["calls"].to_numpy(), runs["short_calls"].to_numpy()
    calls = all_calls // (1 + beside)
    evaluations = runs["evaluations"].to_numpy()
    lam = cell.runner.lam
    offspring = lam * runs["generations"].to_numpy()
    fewest, most = _evaluations(cell, runs["generations"].to_numpy())
    unevaluated = evaluations < fewest
    several = hasattr(cell.mutator, "mean_calls")
    hit = runs["hit"].to_numpy(dtype=float, na_value=np.nan)
    faults = {
        f"calls are not lam x generations with lam = {lam}": (calls < offspring) if several else (calls != offspring),
        f"calls are not in groups of {1 + beside}, one and {beside} beside it": calls * (1 + beside) != all_calls,
        "hit is not in the last generation": (hit > offspring) | ((hit <= offspring - lam) & (offspring > 0)),
        "a run without a hit ended before its budget": np.isnan(hit) & ~_spent(cell, runs, calls, short),
        "there are more evaluations than offspring need": evaluations > most,
        "there are fewer evaluations than offspring need, though all answers are valid": (
            unevaluated if unevaluated.any() and always_valid(cell) else np.zeros_like(unevaluated)
        ),
        "there are more calls on the short chunk than calls": (short < 0) | (short > calls),
    }
    for entry, (least, largest) in _counted(cell, runs["generations"].to_numpy(), calls, short).items():
        written = runs[entry].to_numpy(dtype=float)
        off = written - np.clip(written, least, largest)
        worst = int(np.argmax(np.abs(off)))
        faults[
            f"{entry} of batch {runs['batch'].iloc[worst]}, run {runs['run'].iloc[worst]} is off by {off[worst]:+.15g} "
            f"after {all_calls[worst]} calls"
        ] = np.abs(off) > 1e-12 * largest
    return next((words for words, broken in faults.items() if broken.any()), None)


def _evaluations(cell: Cell, generations: IntArray) -> tuple[FloatArray, FloatArray]:
    """The fewest and the most evaluations of runs all of whose answers are valid, float [runs] each."""
    offspring = cell.runner.lam * generations.astype(float)
    if not is_noisy(cell.problem):
        return offspring, offspring
    again = generations.astype(np.float64) if cell.problem.reevaluate else np.zeros(len(generations))
    fewest, most = cell.problem.evaluations_each
    return fewest * (offspring + again), most * (offspring + again * len(cell.runner.founders))


def _spent(cell: Cell, runs: pd.DataFrame, calls: IntArray, short_calls: IntArray) -> BoolArray:
    """Where a run has reached one of the cell's limits, bool [runs]."""
    if block_lengths(cell.problem) is None or cell.budget is None:
        return any_reached(cell.limits, calls, short_calls, runs["evaluations"].to_numpy())
    ledger = runs[list(LEDGER)].to_numpy(dtype=float)
    reached = np.zeros(len(runs), dtype=np.bool_)
    for spent, most in ((ledger[:, 0], cell.budget.calls), (ledger @ cell.cost.weights, cell.budget.cost)):
        if most is not None:
            reached |= spent >= most * (1 - ROUNDING)
    return reached


def _counted(
    cell: Cell, generations: IntArray, calls: IntArray, short_calls: IntArray
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """The least and the largest that each entry can be, float [runs] each; equal where it is known which chunks."""
    lengths, chunks = block_lengths(cell.problem), cell.chunks
    if lengths is None:
        full, last = (_entries(cell, blocks * cell.problem.l) for blocks in (chunks.g, chunks.last))
        on_full, on_last = (calls - short_calls).astype(float), short_calls.astype(float)
        known = {name: on_full * full[name] + on_last * last[name] for name in full}
        return {name: (entry, entry) for name, entry in known.items()}
    if draws_subsets(cell.schedule):
        ascending = sorted(lengths)
        of_chunks = [_entries(cell, sum(some)) for some in (ascending[: chunks.g], ascending[-chunks.g :])]
    else:
        of_chunks = [_entries(cell, sum(lengths[low : low + chunks.g])) for low in range(0, len(lengths), chunks.g)]
    in_turn = type(inner_schedule(cell.schedule)) is RoundRobin and not hasattr(cell.mutator, "mean_calls")
    bounds = {}
    for name in of_chunks[0]:
        each = np.array([entries[name] for entries in of_chunks], dtype=float)
        if in_turn:
            turns = (generations[:, None] + chunks.m - 1 - np.arange(chunks.m)) // chunks.m
            bounds[name] = (cell.runner.lam * (turns @ each),) * 2
        else:
            on_full, on_last = calls - short_calls, short_calls * each[-1]
            others = each[:-1] if chunks.last < chunks.g else each
            bounds[name] = (on_full * others.min() + on_last, on_full * others.max() + on_last)
    return bounds


def _entries(cell: Cell, tokens: int) -> dict[str, int]:
    """Entries of one call that writes so many tokens, all LLM work beside it included, by counting passes."""
    all_tokens = sum(block_lengths(cell.problem) or (cell.problem.k * cell.problem.l,))
    works = [(cell.prompt.head + (tokens if cell.prompt.shows == "chunk" else all_tokens), tokens)]
    for work in overheads(cell.mutator, cell.schedule):
        works.append((work.head + {"nothing": 0, "chunk": tokens, "solution": all_tokens}[work.reads], work.writes))
    each = [(prompt, generated, *call_sums(prompt, generated)) for prompt, generated in works]
    names = ("prompt_tokens", "generated_tokens", "pass_tokens", "pass_tokens_squared")
    return {name: sum(column) for name, column in zip(names, zip(*each, strict=True), strict=True)}
