"""What `llm-evo fit` tells: laws of runs or of exact means, a given form tested, crossovers, a law at another place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from evo.errors import InputError
from experiments.fits.constants import FormVerdict, form_of, judged
from experiments.fits.crossovers import Crossover, crossovers
from experiments.fits.fit import fit
from experiments.fits.laws import Fits, Refusal
from experiments.fits.predicted import ExactFits, fit_predicted, of_cells
from experiments.fits.surfaces import Surface, fit_surface
from experiments.grids.toml import load_grid
from experiments.reports.terminal import show_fits
from experiments.reports.wording import cost_unit
from experiments.store.results import Results


@dataclass(frozen=True)
class Asked:
    """What is asked of a fit, by the options of the command."""

    along: str
    quantity: str
    least: float
    most: float
    confidence: float
    at: float | None
    against: str
    form: str


@dataclass(frozen=True)
class Answer:
    """What a fit came to.

    Attributes:
        asked: what was asked.
        of: laws of runs or of exact means; or crossovers, surfaces or verdicts on a form, one a series.
        unit: of the quantity.
    """

    asked: Asked
    of: Fits | ExactFits | tuple[Crossover | Surface | Refusal | FormVerdict, ...]
    unit: str


def of_runs(results: Results, asked: Asked, given: Mapping[str, float]) -> Answer:
    """The laws of the runs; or a crossover, or the test of a form.

    Raises: InputError as `fit` does, and for options that do not go together.
    """
    _expect_a_form(asked, given)
    unit = unit_of(asked.quantity, results)
    if asked.against:
        arms = [each.strip() for each in asked.against.split(",")]
        if len(arms) != 2:
            raise InputError(f"--against: expected two arms, as A,B, got {asked.against!r}")
        return Answer(asked, tuple(crossovers(results, arms[0], arms[1], asked.along)), unit)
    if "," in asked.along:
        x, _, y = asked.along.partition(",")
        return Answer(asked, fit_surface(results, (x.strip(), y.strip()), asked.quantity, asked.confidence), unit)
    form = form_of(asked.form, asked.along) if asked.form else ""
    fits = fit(results, asked.along, asked.quantity, asked.least, asked.most, asked.confidence)
    return Answer(asked, judged(fits, form, given) if form else fits, unit)


def of_exact_means(path: Path, asked: Asked, given: Mapping[str, float]) -> Answer:
    """The laws of the exact means of a grid's file or a results folder.

    Raises: InputError as `of_runs`.
    """
    _expect_a_form(asked, given)
    if asked.against or asked.at is not None:
        raise InputError("--against and --at are of runs; leave --predicted out")
    results = Results.stored(path) if path.is_dir() else of_cells(load_grid(path))
    found = fit_predicted(results, asked.along, asked.quantity, asked.least, asked.most)
    form = form_of(asked.form, asked.along) if asked.form else ""
    return Answer(asked, judged(found, form, given) if form else found, unit_of(asked.quantity, results))


def unit_of(quantity: str, results: Results) -> str:
    """The unit of a quantity, as `median cost`, in words."""
    column = quantity.split()[-1] if quantity.split() else ""
    if column == "cost":
        return cost_unit(results.cells["text"]) or "that of the cell's cost model"
    words = {"seconds": "seconds", "makespan": "seconds", "generations": "generations", "rounds": "generations"}
    default = "calls" if column in ("hit", "calls", "median", "ERT") else column.rpartition(".")[2].replace("_", " ")
    return words.get(column, default)


def show_answer(found: Answer, console: Console) -> None:
    """On the terminal."""
    asked = found.asked
    if isinstance(found.of, Fits):
        show_fits(found.of, console)
        for growth in found.of.growths if asked.at is not None else ():
            for law in growth.left:
                console.print(f"{growth.series}, if {law.text}: {law.at(asked.at or 0.0)}", markup=False)
        return
    for line in (found.of,) if isinstance(found.of, ExactFits) else found.of:
        console.print(str(line), markup=False)


def _expect_a_form(asked: Asked, given: Mapping[str, float]) -> None:
    if given and not asked.form:
        raise InputError(f"--{next(iter(given))}: a constant of which form? say --form, for example --form 'k ln k'")
