"""Runs of every cell that the page tells a number of, and of the studies in which the growth of an equation is claimed.

What comes out is kept in data/, cells.csv and growth.csv, of which the page is made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from experiments.checks.check import CellCheck, check
from experiments.fits.claims import ClaimCheck, check_claims
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.paper.exact import CELLS, DONE
from experiments.paper.kept import CELLS_FILE, GROWTH_FILE, Row, keep
from experiments.paper.numbers import Leaf
from experiments.paper.page import FEASIBLE, equations, sections
from experiments.predictions.predict import predict
from experiments.predictions.verdict import Verdict
from experiments.reports.measured import Measured, Value, exact_mean, mean_value, measured
from experiments.running.launch import run_grid
from experiments.store.results import Results
from experiments.studies import STUDIES

NAME = "statements"


def leaves() -> list[Leaf]:
    """The quantities of cells that the page tells, in its order."""
    return list(dict.fromkeys(leaf for section in sections() for entry in section.entries for leaf in entry.leaves))


def grid(runs: int = 2000, seed: int = 1) -> Grid:
    """The cells that the page tells numbers of, but for those whose runs would take too many calls."""
    arms: defaultdict[str, list[AnyCell]] = defaultdict(list)
    for cell in (CELLS[name] for name in dict.fromkeys(leaf.cell for leaf in leaves())):
        if feasible(cell):
            arms[type(cell.schedule if isinstance(cell, Cell) else cell.program).__name__].append(cell)  # type: ignore[attr-defined]
    return Grid(NAME, arms, runs=runs, seed=seed)


def feasible(cell: AnyCell) -> bool:
    """Whether a run takes few enough calls; a program ends by itself."""
    return not isinstance(cell, Cell) or predict(cell).mean <= FEASIBLE


def run(results: Path, folder: Path, workers: int | None = None) -> Iterator[str]:
    """Run what is missing in a folder of results, and keep what came out.

    Args:
        results: where the results folders of the page and of the studies are, or will be.
        folder: where cells.csv and growth.csv go.
        workers: processes.

    Yields: what is being done.
    """
    yield f"the cells of the page, into {results / NAME}"
    keep(cell_rows(run_grid(grid(), results / NAME, workers)), folder / CELLS_FILE)
    rows: list[Row] = []
    for name in claiming():
        yield f"the study {name}, into {results / name}"
        rows += growth_rows(name, run_grid(STUDIES[name].grid(), results / name, workers))
    keep(rows, folder / GROWTH_FILE)


def claiming() -> list[str]:
    """The studies that claim the growth of a numbered equation."""
    return [name for name, study in STUDIES.items() if any(equations(claim.paper) for claim in study.claims)]


def cell_rows(results: Results) -> list[Row]:
    """A row a quantity: what runs gave, with its 95 % interval, what is exact, and the verdict on the cell."""
    checked = check(results)
    verdicts = {each.cell: each for each in checked.cells}
    found = {each.process.id: each for cells in measured(results, checked).values() for each in cells}
    return [_row(leaf, found[leaf.cell], verdicts[leaf.cell]) for leaf in leaves() if leaf.cell in found]


def _row(leaf: Leaf, found: Measured, checked: CellCheck) -> Row:
    value = found.done if leaf.quantity == DONE else _mean(found, leaf.quantity)
    exact = found.exact_done if leaf.quantity == DONE else exact_mean(found.process, leaf.quantity)
    numbers = {"mean": value.value, "low": value.low, "high": value.high, "exact": exact}
    return {
        "cell": leaf.cell,
        "quantity": leaf.quantity,
        "runs": str(found.runs),
        **{name: f"{each:.10g}" for name, each in numbers.items()},
        "verdict": str(checked.verdict),
        "reason": "" if checked.verdict is Verdict.AGREES else checked.reason.split(", which no number")[0],
        "text": found.process.text,
    }


def _mean(found: Measured, quantity: str) -> Value:
    return mean_value(found.generations) if quantity == "generations" else found.mean(quantity)


def growth_rows(name: str, results: Results) -> Iterator[Row]:
    """A row a claim of the growth of a numbered equation: what is claimed, what was fitted, and the verdict."""
    for each in check_claims(results, STUDIES[name].claims):
        if equations(each.claim.paper):
            claim = each.claim
            yield {"study": name, "paper": claim.paper, "arm": claim.what, "quantity": claim.quantity,
                   "along": claim.along, "form": claim.form, "claimed": claim.text, "found": _found(each),
                   "verdict": str(each.verdict)}  # fmt: skip


def _found(each: ClaimCheck) -> str:
    """The fitted parameter with its 99.9 % interval, or what else was found."""
    if each.law is None:
        return each.found or each.reason
    estimate = each.law[each.claim.parameter]
    low, value, high = (f"{one + 0.0:.4g}" for one in (estimate.low, estimate.value, estimate.high))
    return value if low == high else f"{value} [{low}, {high}]"
