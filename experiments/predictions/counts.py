"""What a generation and a call count: answers, evaluations, tokens."""

from __future__ import annotations

import numpy as np

from evo.costs.ledger import LEDGER, block_lengths, overheads
from evo.evaluation import is_noisy
from evo.protocols import FloatArray, IntArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.protocol import Adjusting, OwnGenerations
from evo.theory import call_sums
from experiments.grids.cell import Cell


def answers_of(cell: Cell, generations: IntArray) -> tuple[IntArray, IntArray]:
    """The fewest and the most answers that runs of so many generations have paid for, [runs] each."""
    if type(cell.runner) is OnePlusLambda:  # the usual one, which takes no look at protocols
        return cell.runner.lam * generations, cell.runner.lam * generations
    if isinstance(cell.runner, OwnGenerations):
        return cell.runner.answers(generations, cell.schedule, cell.problem.k)
    most = cell.runner.lam * generations
    return (generations if isinstance(cell.runner, Adjusting) else most), most


def _last_generation(
    cell: Cell, generations: IntArray, calls: IntArray | None
) -> tuple[IntArray, tuple[IntArray, IntArray]]:
    """The first number that a hit may have, and the fewest and the most offspring that came back; int [runs] each.

    `calls` are those paid for where each is an answer, else None.
    """
    fewest, most = answers_of(cell, generations)
    if isinstance(cell.runner, Adjusting) and calls is not None:
        fewest = most = calls
    if not isinstance(cell.runner, OwnGenerations):
        return np.where(generations > 0, np.maximum(fewest - cell.runner.lam + 1, 1), 0), (fewest, most)
    if calls is not None:
        fewest = most = calls
    waiting = cell.runner.in_flight * (generations > 0)
    return fewest - waiting, (fewest - waiting, most - waiting)


def offspring_back(cell: Cell, generations: IntArray) -> tuple[IntArray, IntArray]:
    """The fewest and the most offspring that have come back after so many generations, int [runs] each."""
    return _last_generation(cell, generations, None)[1]


def evaluations_of(
    cell: Cell, generations: IntArray, offspring: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray]:
    """The fewest and the most evaluations of runs all of whose answers are valid, float [runs] each."""
    least, greatest = (number.astype(np.float64) for number in offspring)
    if not is_noisy(cell.problem):
        return least, greatest
    again = generations.astype(np.float64) if cell.problem.reevaluate else np.zeros(len(generations))
    fewest, most = cell.problem.evaluations_each
    return fewest * (least + again), most * (greatest + again * len(cell.runner.founders))


def entries_of_call(cell: Cell, tokens: int) -> dict[str, int]:
    """Entries of one call that writes so many tokens, all LLM work beside it included, by counting passes."""
    all_tokens = sum(block_lengths(cell.problem) or (cell.problem.k * cell.problem.l,))
    shown, beside = (tokens if cell.prompt.shows == "chunk" else all_tokens), cell.prompt.reasoning
    works = [(cell.prompt.head + shown, tokens + beside, cell.prompt.cached, beside)]
    for work in overheads(cell.mutator, cell.schedule):
        read = work.head + {"nothing": 0, "chunk": tokens, "solution": all_tokens}[work.reads]
        works.append((read, work.writes, 0, 0))
    each = [(read, written, *call_sums(read, written), *parts) for read, written, *parts in works]
    names = LEDGER[2:]
    return {name: sum(column) for name, column in zip(names, zip(*each, strict=True), strict=True)}
