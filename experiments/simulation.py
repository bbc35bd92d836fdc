"""One batch of runs of a cell: its counts, or its improvements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo.blocks import RunCounts
from evo.deap_engine import run_batch_deap
from evo.engine import run_blocks
from evo.errors import InputError
from evo.parameters import shown
from evo.seeding import streams
from experiments.arguments import expect_a, expect_whole
from experiments.cell import Cell
from experiments.grid import ENGINES
from experiments.law_engine import run_law_batch

if TYPE_CHECKING:
    import pandas as pd


def simulate(cell: Cell, seed: int, batch: int, size: int, engine: str = "blocks") -> RunCounts:
    """One batch of runs of a cell.

    Raises: OperatorError if a part breaks its contract; InputError for a cell that the engine `law` cannot draw.
    """
    if engine == "law":
        return run_law_batch(cell, seed, batch, size)
    run = run_blocks if engine == "blocks" else run_batch_deap
    named = streams(seed, cell.identity, batch)
    counts, _ = run(cell.problem, cell.mutator, cell.schedule, cell.runner, named, size, cell.limits)
    return counts


def trace(cell: Cell, seed: int = 1, runs: int = 500, engine: str = "blocks") -> pd.DataFrame:
    """Every improvement of the first batch of a cell: run, call (0 for the initial solution), fitness from there on.

    Where evaluators err or several solutions are kept: every change of the current solution, its true fitness and the
    `seen` one.

    The runs are those of a grid with the same seed and batch = runs.

    Raises: OperatorError if a part breaks its contract.
    """
    import pandas as pd

    expect_a(Cell, "trace", cell, "a Cell")
    expect_whole("trace: seed", seed, 0)
    expect_whole("trace: runs", runs, 1)
    if engine not in ENGINES:
        raise InputError(f"trace: engine must be {' or '.join(ENGINES)}, got {shown(engine):.200}")
    if engine == "law":
        raise InputError("trace: the engine law draws when runs hit, not how they get there; use blocks or deap")
    run = run_blocks if engine == "blocks" else run_batch_deap
    named = streams(seed, cell.identity, 0)
    size = cell.batch_size(runs)
    _, found = run(cell.problem, cell.mutator, cell.schedule, cell.runner, named, size, cell.limits, trace=True)
    assert found is not None  # asked for
    table = pd.DataFrame({"run": found.run, "call": found.call, "fitness": found.fitness})
    if found.seen is not None:
        table["seen"] = found.seen
    return table.sort_values(["run", "call"], ignore_index=True)
