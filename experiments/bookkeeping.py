"""Does the ledger add up? Each entry of each run against a literal enumeration of forward passes.

The engine writes its ledger by closed forms (`evo.ledger`); here the passes are counted one by one
(`evo.theory.tokens`), from the cell's text alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.budget import any_reached
from evo.evaluation import is_noisy
from evo.ledger import overheads
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.theory import call_sums
from experiments.cell import Cell
from experiments.rules import always_valid

if TYPE_CHECKING:
    import pandas as pd

UNLESS = "; a mutator whose answers take several calls (Rewritten.calls) must declare `mean_calls`"


def ledger_fault(cell: Cell, runs: pd.DataFrame) -> str | None:
    """The first entry that does not add up, in words; None if all do.

    calls = lam x generations (at least that where an answer takes several calls), and one more for each LLM call that a
    part declares beside them; hit lies in the last generation, and
    a run without one has reached its budget; evaluations <= lam x generations, and equal where the law says that all
    answers are valid (with evaluators that err: as many as they need for each solution, offspring or evaluated again);
    and with s of the calls on the shorter last chunk, each token entry = (calls - s) x entry of a
    full call + s x entry of a short one.
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
        f"calls are not lam x generations with lam = {lam}{'' if several else UNLESS}": (
            (calls < offspring) if several else (calls != offspring)
        ),
        f"calls are not in groups of {1 + beside}, one and {beside} beside it": calls * (1 + beside) != all_calls,
        "hit is not in the last generation": (hit > offspring) | ((hit <= offspring - lam) & (offspring > 0)),
        "a run without a hit ended before its budget": np.isnan(hit) & ~_spent(cell, calls, short, evaluations),
        "there are more evaluations than offspring need": evaluations > most,
        "there are fewer evaluations than offspring need, though all answers are valid": (
            unevaluated if unevaluated.any() and always_valid(cell) else np.zeros_like(unevaluated)
        ),
        "there are more calls on the short chunk than calls": (short < 0) | (short > calls),
    }
    for entry, (full, last) in _entries(cell).items():
        counted = (calls - short).astype(float) * full + short.astype(float) * last
        off = runs[entry].to_numpy(dtype=float) - counted
        worst = int(np.argmax(np.abs(off)))
        faults[
            f"{entry} of batch {runs['batch'].iloc[worst]}, run {runs['run'].iloc[worst]} is off by {off[worst]:+.15g} "
            f"after {all_calls[worst]} calls"
        ] = np.abs(off) > 1e-12 * counted
    return next((words for words, broken in faults.items() if broken.any()), None)


def _evaluations(cell: Cell, generations: IntArray) -> tuple[FloatArray, FloatArray]:
    """The fewest and the most evaluations of runs all of whose answers are valid, float [runs] each."""
    offspring = cell.runner.lam * generations.astype(float)
    if not is_noisy(cell.problem):
        return offspring, offspring
    again = generations.astype(np.float64) if cell.problem.reevaluate else np.zeros(len(generations))
    fewest, most = cell.problem.evaluations_each
    return fewest * (offspring + again), most * (offspring + again * len(cell.runner.founders))


def _spent(cell: Cell, calls: IntArray, short_calls: IntArray, evaluations: IntArray) -> BoolArray:
    """Where a run has reached one of the cell's limits, bool [runs]."""
    return any_reached(cell.limits, calls, short_calls, evaluations)


def _entries(cell: Cell) -> dict[str, tuple[int, int]]:
    """Entries of one call on a full chunk and on the last one, all LLM work beside it included, by counting passes."""
    k, l, chunks = cell.problem.k, cell.problem.l, cell.chunks
    per_call = []
    for blocks in (chunks.g, chunks.last):
        shown = blocks if cell.prompt.shows == "chunk" else k
        works = [(cell.prompt.head + shown * l, blocks * l)]
        for work in overheads(cell.mutator, cell.schedule):
            read = {"nothing": 0, "chunk": blocks, "solution": k}[work.reads] * l
            works.append((work.head + read, work.writes))
        each = [(prompt, generated, *call_sums(prompt, generated)) for prompt, generated in works]
        per_call.append(tuple(sum(column) for column in zip(*each, strict=True)))
    names = ("prompt_tokens", "generated_tokens", "pass_tokens", "pass_tokens_squared")
    return {name: (full, last) for name, full, last in zip(names, *per_call, strict=True)}
