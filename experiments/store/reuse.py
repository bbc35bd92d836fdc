"""Runs that need not be made again: those of an earlier cell that differs in budget or prices only.

Such a cell has the same random identity and the same prompt, so under the same seed, batch and engine its runs have the
same trajectories, and its rows hold the same counts. A whole batch is taken over under the new cell's id

* if both cells end a run at the same limits (only prices were changed), or
* if all its runs hit, and none reaches a limit of the new budget: a run that hit leaves the batch by that alone.

Any other batch (censored runs and a larger budget; a smaller one that some run reaches) is simulated again under the
same seed, which gives the same trajectories, prolonged or cut. Nothing is taken over of parts of others whose source
has changed since, nor of runners of others, whose loops may draw otherwise under another budget.

The texts of cells that are no longer in the grid stay in `former_cells.parquet`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo.costs.budget import ROUNDING
from evo.costs.ledger import LEDGER
from evo.errors import InputError
from evo.foreign import is_foreign
from evo.text import canonical
from experiments.grids.cell import Cell
from experiments.grids.cell_text import foreign_in, identity_in, parts_in
from experiments.grids.grid import Grid
from experiments.grids.stopping import most_batches
from experiments.store.files import write_parquet
from experiments.store.parts import Damaged, read_table
from experiments.store.table import KEY, BatchKey, no_runs

if TYPE_CHECKING:
    import pandas as pd

FORMER = "former_cells.parquet"
COLUMNS = ("cell", "text")
SLACK = 1e3 * ROUNDING
"""Relative: what is this close to a limit may have reached it."""
Key = tuple[str, str]
"""What names a cell's counts under a seed: its random identity, and what its calls read."""


def keep_former(path: Path, now: Collection[str]) -> list[str]:
    """Keep the texts of a folder's cells that are not in the grid `now`; call it before its table of cells is replaced.

    Returns what the user should know. Texts that are kept already stay, so that a kill at any moment loses none.
    """
    import pandas as pd

    told: list[str] = []
    held, former = (_texts(path / name, told) for name in ("cells.parquet", FORMER))
    leaving = {cell: text for cell, text in held.items() if cell not in now and cell not in former}
    if leaving:
        kept = former | leaving
        write_parquet(path / FORMER, pd.DataFrame({"cell": list(kept), "text": list(kept.values())}, dtype="str"))
    return told


def former_texts(path: Path) -> dict[str, str]:
    """The texts of cells that were in earlier grids of a folder, by their ids; empty if none were kept."""
    return _texts(path / FORMER, [])


def reusable(
    grid: Grid,
    former: Mapping[str, str],
    finished: Collection[BatchKey],
    read: Callable[[set[str]], pd.DataFrame],
    changed: Collection[str] = (),
) -> pd.DataFrame:
    """Rows to be added to a folder before the grid goes on in it: whole batches that need not be simulated.

    Args:
        grid: the grid, with the folder's seed, batch and engine.
        former: texts of cells that were run in the folder, by their ids.
        finished: the batches that are there, (cell id, batch).
        read: gives the rows of the cells with these ids; not called if nothing can be taken over.
        changed: parts of others of which not all runs were made by the source of now.
    """
    import pandas as pd

    texts = dict(former) | {cell.id: cell.text for cell in grid.cells}
    there: dict[str, set[int]] = defaultdict(set)
    for cell_id, batch in finished:
        there[cell_id].add(batch)
    sources: dict[Key, list[str]] = defaultdict(list)
    for cell_id in texts:
        if there[cell_id] and (key := _key(texts[cell_id])) is not None:
            sources[key].append(cell_id)
    wanted = [pair for cell in grid.cells if (pair := _wanted(cell, grid, there, sources, changed))]
    if not wanted:
        return no_runs()
    rows = read({source for _, pairs in wanted for source, _ in pairs})
    rows = rows[rows["engine"] == grid.engine]
    batches = {
        (str(source), int(str(batch))): group
        for source, of_cell in rows.groupby("cell", sort=False)
        for batch, group in of_cell.groupby("batch", sort=False)
    }
    taken = [
        found for cell, pairs in wanted for found in _taken(cell, cell.batch_size(grid.batch), pairs, batches, texts)
    ]
    return pd.concat([no_runs(), *taken], ignore_index=True).sort_values(KEY, ignore_index=True)


def _wanted(
    cell: Cell,
    grid: Grid,
    there: Mapping[str, set[int]],
    sources: Mapping[Key, list[str]],
    changed: Collection[str],
) -> tuple[Cell, list[BatchKey]] | None:
    """The cell, with the batches of others that would do if their runs do."""
    key = _key(cell.text)
    if key is None or key not in sources or is_foreign(type(cell.runner)) or set(foreign_in(cell.text)) & set(changed):
        return None
    missing = set(range(most_batches(grid.runs, cell.batch_size(grid.batch)))) - there.get(cell.id, set())
    pairs = [(other, batch) for batch in sorted(missing) for other in sources[key] if batch in there[other]]
    return (cell, pairs) if pairs else None


def _taken(
    cell: Cell,
    size: int,
    pairs: Iterable[BatchKey],
    batches: Mapping[BatchKey, pd.DataFrame],
    texts: Mapping[str, str],
) -> Iterable[pd.DataFrame]:
    """The rows of each batch that can be taken over, from the first cell that has it, under the new cell's id."""
    done: set[int] = set()
    for source, batch in pairs:
        rows = batches.get((source, batch))
        if batch in done or rows is None or len(rows) != size:
            continue
        if _same_limits(cell, texts[source]) or (rows["hit"].notna().all() and not _reaches_a_limit(cell, rows)):
            done.add(batch)
            yield rows.assign(cell=cell.id)


def _key(text: str) -> Key | None:
    """None for a text that cannot be read without its parts, such as that of a class inside a function."""
    try:
        return identity_in(text), parts_in(text).get("prompt", "")
    except InputError:
        return None


def _same_limits(cell: Cell, text: str) -> bool:
    """Whether a cell of the same identity ends its runs at the same limits: one budget, on calls or at equal prices."""
    budgets = ["None" if cell.budget is None else canonical(cell.budget), parts_in(text).get("budget", "Budget()")]
    prices = [parts_in(each).get("cost", "") for each in (cell.text, text)]
    return budgets[0] == budgets[1] and (cell.budget is None or cell.budget.cost is None or prices[0] == prices[1])


def _reaches_a_limit(cell: Cell, rows: pd.DataFrame) -> bool:
    """Whether a run may have reached a limit of the cell's budget before or when it hit."""
    if cell.budget is None:
        return False
    ledger, weights = rows[list(LEDGER)].to_numpy(dtype=float), np.asarray(cell.cost.weights, dtype=float)
    if cell.budget.cost is not None and (weights < 0).any():
        return True  # what is spent may have been more before
    return bool(cell.budget.reached(ledger, weights, SLACK).any())


def _texts(file: Path, told: list[str]) -> dict[str, str]:
    """Texts of cells by their ids, of a file that may be missing or damaged: without it runs are only made again."""
    if not file.is_file():
        return {}
    table = read_table(file, COLUMNS)
    if isinstance(table, Damaged):
        told.append(f"{table}; it is written anew, and runs of cells that only it named are not used again")
        return {}
    return dict(zip(table["cell"].astype(str), table["text"].astype(str), strict=True))
