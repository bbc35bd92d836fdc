"""What `llm-evo fit` tells: laws of runs or of exact means, a given form tested, crossovers, a law at another place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from evo.errors import InputError
from experiments.fits.constants import form_of, judged
from experiments.fits.crossovers import crossovers
from experiments.fits.fit import fit
from experiments.fits.predicted import fit_predicted
from experiments.fits.surfaces import fit_surface
from experiments.grids.toml import load_grid
from experiments.reports.terminal import show_fits
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


def tell_fits(results: Results, asked: Asked, given: Mapping[str, float], console: Console) -> None:
    """The laws of the runs; or a crossover, or the test of a form.

    Raises: InputError as `fit` does, and for options that do not go together.
    """
    _expect_a_form(asked, given)
    if asked.against:
        arms = [each.strip() for each in asked.against.split(",")]
        if len(arms) != 2:
            raise InputError(f"--against: expected two arms, as A,B, got {asked.against!r}")
        for each in crossovers(results, arms[0], arms[1], asked.along):
            console.print(str(each), markup=False)
        return
    if "," in asked.along:
        x, _, y = asked.along.partition(",")
        for surface in fit_surface(results, (x.strip(), y.strip()), asked.quantity, asked.confidence):
            console.print(str(surface), markup=False)
        return
    form = form_of(asked.form, asked.along) if asked.form else ""
    fits = fit(results, asked.along, asked.quantity, asked.least, asked.most, asked.confidence)
    if form:
        for line in judged(fits, form, given):
            console.print(str(line), markup=False)
        return
    show_fits(fits, console)
    for growth in fits.growths if asked.at is not None else ():
        for law in growth.left:
            console.print(f"{growth.series}, if {law.text}: {law.at(asked.at or 0.0)}", markup=False)


def tell_predicted(path: Path, asked: Asked, given: Mapping[str, float], console: Console) -> None:
    """The laws of the exact means of a grid's file or a results folder.

    Raises: InputError as `tell_fits`.
    """
    _expect_a_form(asked, given)
    if asked.against or asked.at is not None:
        raise InputError("--against and --at are of runs; leave --predicted out")
    if path.is_dir():
        found = fit_predicted(Results.stored(path), asked.along, asked.quantity, asked.least, asked.most)
    else:
        found = fit(load_grid(path), asked.along, asked.quantity, asked.least, asked.most)
    lines = judged(found, form_of(asked.form, asked.along), given) if asked.form else (found,)
    for line in lines:
        console.print(str(line), markup=False)


def _expect_a_form(asked: Asked, given: Mapping[str, float]) -> None:
    if given and not asked.form:
        raise InputError(f"--{next(iter(given))}: a constant of which form? say --form, for example --form 'k ln k'")
