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
from evo.runner import OwnLoop
from evo.theory import call_sums
from experiments.cell import Cell
from experiments.rules import always_valid

if TYPE_CHECKING:
    import pandas as pd

UNLESS = "; a mutator whose answers take several calls (Rewritten.calls) must declare `mean_calls`"


def ledger_fault(cell: Cell, runs: pd.DataFrame) -> str | None:
    """The first entry that does not add up, in words; None if all do.

    calls = lam x generations (at least that where an answer takes several calls; for runners with a loop of their own
    as many as they say), and one more for each LLM call that a
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
    several = hasattr(cell.mutator, "mean_calls")
    generations = runs["generations"].to_numpy()
    least_paid, most_paid = _answers(cell, generations)
    first, back = _last_generation(cell, generations, None if several else calls)
    fewest, most = _evaluations(cell, generations, back)
    unevaluated = evaluations < fewest
    hit = runs["hit"].to_numpy(dtype=float, na_value=np.nan)
    faults = {
        f"calls are not {_identity(cell)}{'' if several else UNLESS}": (
            (calls < least_paid) | ((calls > most_paid) & (not several))
        ),
        f"calls are not in groups of {1 + beside}, one and {beside} beside it": calls * (1 + beside) != all_calls,
        "hit is not in the last generation": (hit > back[1]) | (hit < first),
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


def _identity(cell: Cell) -> str:
    """What calls are, in words."""
    if isinstance(cell.runner, OwnLoop):
        return f"as many as {type(cell.runner).__name__} makes in so many generations"
    return f"lam x generations with lam = {cell.runner.lam}"


def _answers(cell: Cell, generations: IntArray) -> tuple[IntArray, IntArray]:
    """The fewest and the most answers paid for, int [runs] each."""
    if isinstance(cell.runner, OwnLoop):
        return cell.runner.answers(generations, cell.schedule, cell.problem.k)
    offspring = cell.runner.lam * generations
    return offspring, offspring


def _last_generation(
    cell: Cell, generations: IntArray, calls: IntArray | None
) -> tuple[IntArray, tuple[IntArray, IntArray]]:
    """The first number that a hit may have, and the fewest and the most offspring that came back; int [runs] each.

    `calls` are those paid for where each is an answer, else None.
    """
    fewest, most = _answers(cell, generations)
    if not isinstance(cell.runner, OwnLoop):
        return np.where(generations > 0, fewest - cell.runner.lam + 1, 0), (fewest, most)
    if calls is not None:
        fewest = most = calls
    waiting = cell.runner.in_flight * (generations > 0)
    return fewest - waiting, (fewest - waiting, most - waiting)


def _evaluations(
    cell: Cell, generations: IntArray, offspring: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray]:
    """The fewest and the most evaluations of runs all of whose answers are valid, float [runs] each."""
    least, greatest = (number.astype(np.float64) for number in offspring)
    if not is_noisy(cell.problem):
        return least, greatest
    again = generations.astype(np.float64) if cell.problem.reevaluate else np.zeros(len(generations))
    fewest, most = cell.problem.evaluations_each
    return fewest * (least + again), most * (greatest + again * len(cell.runner.founders))


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
