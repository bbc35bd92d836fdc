"""One batch of runs of a cell: its counts, its improvements, or its rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo.batch import Batch, RunCounts, Trace
from evo.engine import rounds, run_batch
from evo.engine.deap import run_batch_deap
from evo.errors import InputError
from evo.parameters import shown
from evo.protocols import IntArray
from evo.seeding import streams
from experiments.grids.arguments import expect_a, expect_whole
from experiments.grids.cell import Cell
from experiments.grids.grid import ENGINES
from experiments.predictions.engine_law.drawn import run_law_batch, trace_law_batch

if TYPE_CHECKING:
    import pandas as pd


def simulate(cell: Cell, seed: int, batch: int, size: int, engine: str = "blocks") -> RunCounts:
    """One batch of runs of a cell.

    Raises: OperatorError if a part breaks its contract; InputError for a cell that the engine `law` cannot draw.
    """
    if engine == "law":
        return run_law_batch(cell, seed, batch, size)
    counts, _ = _executed(cell, seed, batch, size, engine, trace=False)
    return counts


def simulate_traced(
    cell: Cell, seed: int, batch: int, size: int, engine: str = "blocks", past_optimum: bool = False
) -> tuple[RunCounts, Trace]:
    """One batch of runs of a cell with all its improvements.

    With `past_optimum` runs without an evaluator go on at the optimum, up to their budget.

    Raises: OperatorError if a part breaks its contract; InputError for a cell of which the engine `law` draws the hits
    alone.
    """
    if engine == "law":
        if past_optimum:
            raise InputError("traces past the optimum need the engine blocks, got law")
        return trace_law_batch(cell, seed, batch, size)
    counts, found = _executed(cell, seed, batch, size, engine, trace=True, past_optimum=past_optimum)
    assert found is not None  # asked for
    return counts, found


def merged_rounds(cell: Cell, seed: int, batch: int, size: int) -> list[tuple[IntArray, IntArray, IntArray]]:
    """The rounds of one batch of runs of a cell whose runner is `Merged`, in their order, as a `Watcher` is told of.

    Raises: OperatorError if a part breaks its contract.
    """
    seen: list[tuple[IntArray, IntArray, IntArray]] = []
    rounds.run_batch(cell.search, _batch(cell, seed, batch, size), watch=lambda *round_: seen.append(round_))
    return seen


def trace(cell: Cell, seed: int = 1, runs: int = 500, engine: str = "blocks") -> pd.DataFrame:
    """Every improvement of the first batch of a cell: run, call (0 for the initial solution), fitness from there on.

    Where evaluators err or several solutions are kept: every change of the current solution, its true fitness and the
    `seen` one.

    The runs are those of a grid with the same seed and batch = runs.

    Raises: OperatorError if a part breaks its contract; InputError for a cell of which the engine `law` draws the hits
    alone.
    """
    import pandas as pd

    expect_a(Cell, "trace", cell, "a Cell")
    expect_whole("trace: seed", seed, 0)
    expect_whole("trace: runs", runs, 1)
    if engine not in ENGINES:
        raise InputError(f"trace: engine must be {' or '.join(ENGINES)}, got {shown(engine):.200}")
    _, found = simulate_traced(cell, seed, 0, cell.batch_size(runs), engine)
    table = pd.DataFrame({"run": found.run, "call": found.call, "fitness": found.fitness})
    if found.seen is not None:
        table["seen"] = found.seen
    return table.sort_values(["run", "call"], ignore_index=True)


def _executed(
    cell: Cell, seed: int, batch: int, size: int, engine: str, trace: bool, past_optimum: bool = False
) -> tuple[RunCounts, Trace | None]:
    run = run_batch if engine == "blocks" else run_batch_deap
    return run(cell.search, _batch(cell, seed, batch, size, trace, past_optimum))


def _batch(cell: Cell, seed: int, batch: int, size: int, trace: bool = False, past_optimum: bool = False) -> Batch:
    return Batch(streams(seed, cell.identity, batch), size, cell.limits, trace, past_optimum)
