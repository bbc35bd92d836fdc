"""Batches that were simulated under another budget, and need not be simulated again.

Under the same seed, batch and engine, runs of the same search and prompt have the same trajectories whatever their
budget; the names of their samples begin alike (`Cell.sample`). So a whole batch is taken over

* if all its runs hit, and none reaches a limit of the new budget: a run that hit left the batch by that alone;
* if all generations of the cell have one ledger: what a smaller budget cuts off is then known row by row.

Any other batch is simulated again, which gives the same trajectories, prolonged or cut. Nothing is taken over from
third-party parts whose source has changed since, or from third-party runners, whose draws may depend on the budget.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo.costs.budget import ROUNDING, Budget
from evo.costs.ledger import LEDGER
from evo.evaluation import is_noisy
from evo.foreign import is_foreign
from evo.protocols import FloatArray
from evo.runners.protocol import varies
from experiments.grids.cell import Cell
from experiments.grids.cell_text import foreign_in
from experiments.grids.grid import Grid
from experiments.grids.stopping import most_batches
from experiments.store.batches import Batches
from experiments.store.table import DTYPES, KEY, BatchKey

if TYPE_CHECKING:
    import pandas as pd

PRICE_TOLERANCE = 1e3 * ROUNDING
"""Relative: what is this close to a limit may have reached it."""
ROWS = 100_000
"""After so many a part is written, and batches more."""
ADDITIVE = [name for name in DTYPES if name not in (*KEY, "engine", "hit", "seconds")]
"""Columns that are sums over the generations of a run."""


def rows_of_other_budgets(grid: Grid, found: Batches, changed: Collection[str] = ()) -> Iterator[pd.DataFrame]:
    """Whole batches that the grid need not simulate, under the names of its own samples; a part at a time.

    Args:
        grid: the grid, with the folder's seed, batch and engine.
        found: the batches in the folder.
        changed: third-party parts that have runs made by an earlier source.
    """
    missing: set[tuple[str, int]] = set()
    wanted: dict[Path, dict[BatchKey, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell, source in _pairs(grid, found, changed):
        missing.add((cell.sample, source[1]))
        wanted[found.file[source]][source].append(cell)
    for file, sources in sorted(wanted.items()):
        taken: list[pd.DataFrame] = []
        for (_, batch), rows in found.rows(file, sources).groupby(["sample", "batch"], sort=True):
            for cell in sources[str(rows["sample"].iloc[0]), int(str(batch))]:
                key = cell.sample, int(str(batch))
                made = _under_budget_of(cell, rows, grid) if key in missing else None
                if made is not None:
                    missing.remove(key)
                    taken.append(made.assign(sample=cell.sample))
            if sum(map(len, taken)) > ROWS:
                yield _together(taken)
                taken = []
        if taken:
            yield _together(taken)


def _together(taken: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(taken, ignore_index=True)


def _pairs(grid: Grid, found: Batches, changed: Collection[str]) -> Iterator[tuple[Cell, BatchKey]]:
    """Each batch that is missing, with each batch of another budget that might do."""
    alike: dict[str, list[str]] = defaultdict(list)
    for sample in sorted(found.size):
        alike[sample.partition("-")[0]].append(sample)
    for sample, (cell, *_) in grid.samples.items():
        others = [other for other in alike[sample.partition("-")[0]] if other != sample]
        if (
            not isinstance(cell, Cell)
            or not others
            or is_foreign(type(cell.runner))
            or set(foreign_in(cell.text)) & set(changed)
        ):
            continue
        for batch in range(most_batches(grid.runs, cell.batch_size(grid.batch))):
            if (sample, batch) not in found.file:
                yield from ((cell, (other, batch)) for other in others if (other, batch) in found.file)


def _under_budget_of(cell: Cell, rows: pd.DataFrame, grid: Grid) -> pd.DataFrame | None:
    """The rows of a batch as they are under the cell's budget; None if that is not known."""
    if len(rows) != cell.batch_size(grid.batch) or not (rows["engine"] == grid.engine).all():
        return None
    if rows["hit"].notna().all() and not _reach_a_limit(cell, rows):
        return rows
    counted = rows["hit"].dtype.kind != "f"  # else in floats, some of whose waits are rounded
    cuttable = grid.engine in ("blocks", "law") and counted  # whose draws do not depend on what is cut
    return _cut(cell, rows) if cuttable else None


def _reach_a_limit(cell: Cell, rows: pd.DataFrame) -> bool:
    """Whether a run may have reached a limit of the cell's budget before or when it hit."""
    if cell.budget is None:
        return False
    ledger, weights = rows[list(LEDGER)].to_numpy(dtype=float), cell.weights
    if cell.budget.cost is not None and (weights < 0).any():
        return True  # what is spent may have been more before
    return bool(cell.budget.reached(ledger, weights, PRICE_TOLERANCE).any())


def _cut(cell: Cell, rows: pd.DataFrame) -> pd.DataFrame | None:
    """The rows, cut at the generation at which the cell's budget ends a run; None if that is not known of all."""
    each = _ledger_of_a_generation(cell, rows)
    last = None if each is None or cell.budget is None else _last_generation(cell, cell.budget, each)
    if each is None or last is None:
        return None
    longer = rows["generations"] > last
    if (rows["hit"].isna() & (rows["generations"] < last)).any():
        return None  # ended by a smaller budget
    cut = rows.copy()
    cut.loc[longer, "hit"] = None
    cut.loc[longer, "generations"] = last
    for name, value in each.items():
        cut.loc[longer, name] = value * last
    return cut.astype(DTYPES)


def _ledger_of_a_generation(cell: Cell, rows: pd.DataFrame) -> dict[str, float] | None:
    """What every generation of the cell adds to the columns; None if generations may differ, or it is not exact.

    As many evaluations in the whole run as offspring says that each offspring was evaluated.
    """
    may_differ = varies(cell.runner) or hasattr(cell.mutator, "mean_calls")
    if may_differ or is_noisy(cell.problem) or cell.search.lengths.powers:
        return None
    generations = rows["generations"].to_numpy()
    sums = rows[ADDITIVE].to_numpy(dtype=float)
    some = np.flatnonzero(generations > 0)
    if not len(some) or sums.max() >= 2**53 or (rows["evaluations"] != cell.runner.lam * generations).any():
        return None
    each = sums[some[0]] / generations[some[0]]
    exact = (each == np.floor(each)).all() and (sums == each * generations[:, None]).all()
    return dict(zip(ADDITIVE, each.tolist(), strict=True)) if exact else None


def _last_generation(cell: Cell, budget: Budget, each: dict[str, float]) -> int | None:
    """The first generation whose end reaches a limit; None if none does, or rounding decides it."""
    one, weights = np.array([each[name] for name in LEDGER]), cell.weights
    spent = [(each[name], float(most)) for name, most in budget.entries.items()]
    if budget.cost is not None:
        spent.append((float(one @ weights), budget.cost))
    about = min((most / price for price, most in spent if price > 0), default=np.inf)
    if not about < 2**53:
        return None
    tried = np.unique(np.maximum(1, [1, *range(int(about) - 2, int(about) + 3)]))
    surely = budget if budget.cost is None else replace(budget, cost=budget.cost * (1 + PRICE_TOLERANCE))
    early, late = (_first_reached(one, tried, weights, *how) for how in ((budget, PRICE_TOLERANCE), (surely, 0.0)))
    return early if early == late else None


def _first_reached(one: FloatArray, tried: FloatArray, weights: FloatArray, budget: Budget, slack: float) -> int | None:
    reached = budget.reached(tried[:, None] * one, weights, slack)
    return int(tried[np.argmax(reached)]) if reached.any() else None
