"""Growth of exact means, without a run: families with their lower terms, told by how well they foretell the next value.

A family is fitted to all exact means but the last, and must foretell that one. Lower terms are added one by one as long
as that gets better. The error of a constant is what it moves by without the first mean, without the last one and with
another lower term, together: no bound, but of the size of what is left out. So for the (1+1)-EA
e k ln k - 1.89 k + (e/2) ln k + 0.60 comes out of 13 exact means up to k = 1,024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from experiments.fits.along import expect_to_vary, parameter_column
from experiments.fits.laws import Refusal, Told, by_series, counts, in_words
from experiments.fits.quantities import MEDIAN, Quantity, out_of_floats, parsed
from experiments.fits.series import groups
from experiments.grids.any_cell import AnyCell
from experiments.grids.cells_table import cells_table
from experiments.grids.grid import Grid
from experiments.store.grid_json import grid_record
from experiments.store.results import Results
from experiments.store.table import no_runs

WELL = 1e-3
"""Relative error of the foretold value up to which a family fits."""
CLEAR = 10.0
"""How many times better than any other family the law must foretell it."""
ROUNDING = 1e-11
"""Errors below it are rounding: families that reach it foretell equally well."""
FEWEST = 4
"""Exact means that tell a law."""


@dataclass(frozen=True)
class Expansion:
    """A family with its lower terms.

    Attributes:
        name: names it.
        terms: of E, or of log E, the leading one first.
        lower: terms that are added as far as they help.
        logs: whether they are terms of log E.
        holds: families that are special cases of it.
    """

    name: str
    terms: tuple[str, ...]
    lower: tuple[str, ...]
    logs: bool = False
    holds: tuple[str, ...] = ()

    def text(self, along: str) -> str:
        """The law in words: `A k ln k + B k + C ln k + D`."""
        if self.logs:
            return {"power": f"A {along}^b", "exponential": f"A base^{along}"}.get(
                self.name, f"A base^{along} {along}^b"
            )
        said = zip("ABCD", (term.replace("x", along) for term in self.terms), strict=False)
        return " + ".join(name if term == "1" else f"{name} {term}" for name, term in said)


EXPANSIONS = (
    Expansion("constant", ("1",), ("1/x", "1/x^2")),
    Expansion("logarithm", ("ln x", "1"), ("1/x", "1/x^2"), holds=("constant",)),
    Expansion("linear", ("x", "1"), ("1/x", "1/x^2"), holds=("constant",)),
    Expansion(
        "x log x", ("x ln x", "x", "ln x", "1"), ("ln x/x", "1/x", "ln x/x^2", "1/x^2"), holds=("linear", "logarithm")
    ),
    Expansion("quadratic", ("x^2", "x", "1"), ("1/x", "1/x^2"), holds=("linear",)),
    Expansion("cubic", ("x^3", "x^2", "x", "1"), ("1/x", "1/x^2"), holds=("quadratic",)),
    Expansion("exponential", ("x", "1"), ("1/x", "1/x^2"), logs=True, holds=("constant",)),
    Expansion("power", ("ln x", "1"), ("1/x", "1/x^2"), logs=True, holds=("constant", "linear", "quadratic", "cubic")),
    Expansion("exponential x power", ("x", "ln x", "1"), ("1/x", "1/x^2"), logs=True, holds=("exponential", "power")),
)


@dataclass(frozen=True)
class Constant:
    """A constant of a law of exact means, and what the ends of the range and a lower term move it by."""

    name: str
    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.name} = {self.value:.6g} +- {self.error:.1g}"


@dataclass(frozen=True)
class ExactLaw:
    """A family fitted to exact means.

    Attributes:
        family: with its terms.
        constants: those of the limit, as far as the lower terms that were tried go.
        foretold: relative error of the last value, foretold from the others.
        text: the law in words.
    """

    family: Expansion
    constants: tuple[Constant, ...]
    foretold: float
    text: str

    def __getitem__(self, name: str) -> Constant:
        """A constant by its name."""
        return next(each for each in self.constants if each.name == name)

    def __str__(self) -> str:
        return (
            f"{self.text}, {', '.join(map(str, self.constants))} (foretells the last value within {self.foretold:.1g})"
        )


@dataclass(frozen=True)
class ExactGrowth:
    """How the exact means of a series grow.

    Attributes:
        series: its label.
        along: the parameter.
        x: its values, rising.
        means: the exact means.
        told: LAW, UNDECIDED or NONE.
        left: the families that foretell well, the best first.
        coarse: whether medians go by steps too coarse to tell families apart.
    """

    series: str
    along: str
    x: FloatArray
    means: FloatArray
    told: Told
    left: tuple[ExactLaw, ...]
    coarse: bool = False

    @property
    def law(self) -> ExactLaw | None:
        """The law, where there is one."""
        return self.left[0] if self.told is Told.LAW else None

    @property
    def exponents(self) -> FloatArray:
        """Local exponents d ln E / d ln x between neighbours, float [values - 1]."""
        return np.asarray(np.diff(np.log(self.means)) / np.diff(np.log(self.x)))

    def __str__(self) -> str:
        said = " or ".join(map(str, self.left)) or "no family foretells the last value"
        local = ", ".join(f"{each:.4g}" for each in self.exponents)
        head = f"{self.series}: {'' if self.told is Told.LAW else f'{self.told}, '}"
        ends = f"{self.along} = {self.x[0]:g} .. {self.x[-1]:g}"
        return f"{head}{said}; exact means, {ends}; local exponents {local}"


@dataclass(frozen=True, repr=False)
class ExactFits:
    """The growths of exact means, and the series without one."""

    growths: tuple[ExactGrowth, ...]
    refused: tuple[Refusal, ...]

    def __repr__(self) -> str:
        return f"<ExactFits {counts(self)}>"

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.growths, *self.refused)))

    def _repr_html_(self) -> str:
        return by_series((*self.growths, *self.refused)).html()


def of_cells(cells: Sequence[AnyCell] | Grid) -> Results:
    """The cells as results without runs."""
    grid = cells if isinstance(cells, Grid) else Grid("predicted", {"cells": list(cells)}, runs=1)
    return Results.of(grid_record(grid), cells_table(grid), no_runs())


def fit_predicted(
    results: Results, along: str = "k", quantity: str = "hit", least: float = -math.inf, most: float = math.inf
) -> ExactFits:
    """Fit the exact means of the cells of a grid along a parameter; no run is looked at.

    Raises: InputError for a parameter or quantity that the grid does not have.
    """
    asked = parsed(quantity, results)
    expect_to_vary(results, along, "fit")
    column = parameter_column(results.cells, along)
    growths: list[ExactGrowth] = []
    refused: list[Refusal] = []
    for group in groups(results, column):
        label, cells = group.label, group.cells
        inside = cells[(cells[column] >= least) & (cells[column] <= most)]
        x = inside[column].to_numpy(dtype=float)
        try:
            means, step = _means(results, [str(cell_id) for cell_id in inside.index], asked)
        except (InputError, NoPrediction) as error:
            refused.append(Refusal(label, str(error)))
            continue
        if reason := _refuse(x, means):
            refused.append(Refusal(label, reason))
        else:
            growths.append(grown(label, along, x, means, asked.text, step))
    return ExactFits(tuple(growths), tuple(refused))


def _means(results: Results, cells: Sequence[str], asked: Quantity) -> tuple[FloatArray, float]:
    """The exact means, or medians; and the step of the last one relative to it, which is 0 of a mean."""
    known = [results.predict(cell, asked.column) for cell in cells]
    if asked.statistic != MEDIAN:
        return np.array([each.mean for each in known]), 0.0
    medians = np.array([each.quantile(0.5) for each in known])
    return medians, known[-1].unit / float(medians[-1]) if known and medians[-1] > 0 else 0.0


def _refuse(x: FloatArray, means: FloatArray) -> str:
    if len(x) < FEWEST:
        return f"exact means at {FEWEST} values of the parameter at least are expected, got {len(x)}"
    if (x <= 0).any() or len(np.unique(x)) < len(x):
        return "a law needs positive values of the parameter, each once"
    if not np.isfinite(means).all():
        return f"the mean at {x[~np.isfinite(means)][0]:g} is infinite; ask for the median"
    return out_of_floats(means) if (means > 0).all() else "a law needs positive means"


def grown(
    label: str, along: str, x: FloatArray, means: FloatArray, quantity: str = "hit", step: float = 0.0
) -> ExactGrowth:
    """The growth of exact means, by the families that foretell the last of them.

    Medians go by steps: all families that foretell the last one within a step of it are left, unless one meets it.

    >>> x = np.array([2.0, 4, 8, 16, 32, 64])
    >>> growth = grown("a", "k", x, 3 * x**2 + 5 * x)
    >>> growth.law.family.name, round(growth.law["A"].value, 9), round(growth.law["B"].value, 9)
    ('quadratic', 3.0, 5.0)
    """
    tried = [made for family in EXPANSIONS if (made := _fitted(family, along, x, means, quantity)) is not None]
    tried.sort(key=lambda each: (max(each.foretold, ROUNDING), EXPANSIONS.index(each.family)))
    if not tried or tried[0].foretold > WELL:
        return ExactGrowth(label, along, x, means, Told.NONE, ())
    best = max(tried[0].foretold, ROUNDING)
    reach = max(CLEAR * best, step if best > ROUNDING else 0.0)
    near = [each for each in tried if each.foretold <= reach]
    names = {each.family.name for each in near}
    coarse = reach > CLEAR * best
    left = tuple(each for each in near if coarse or not _inner(each.family.name) & names)
    told = Told.LAW if len(left) == 1 else Told.UNDECIDED
    return ExactGrowth(label, along, x, means, told, left, coarse and len(left) > 1)


def _inner(name: str) -> set[str]:
    below = next(each.holds for each in EXPANSIONS if each.name == name)
    return set(below).union(*(_inner(each) for each in below))


def _fitted(family: Expansion, along: str, x: FloatArray, means: FloatArray, quantity: str) -> ExactLaw | None:
    """A family with as many lower terms as foretell best; None where its leading term is not seen."""
    ways = []
    for more in range(len(family.lower) + 1):
        terms = (*family.terms, *family.lower[:more])
        if len(terms) >= len(x):
            break
        ahead = _solved(family, terms, x[:-1], means[:-1])
        with np.errstate(over="ignore"):
            foretold = abs(float(_value(family, terms, ahead, x[-1:])[0] / means[-1]) - 1)
        whole = _solved(family, terms, x, means)
        behind = _solved(family, terms, x[1:], means[1:])
        moved = (np.abs(whole - ahead) + np.abs(whole - behind))[: len(family.terms)]
        ways.append((foretold, whole[: len(family.terms)], moved))
    if not ways:
        return None
    at = min(range(len(ways)), key=lambda i: ways[i][0])
    foretold, values, moved = ways[at]
    errors = moved + np.abs(values - ways[at - 1 if at else min(1, len(ways) - 1)][1])
    named = _named(family, values, errors)
    lead, off = values[0], errors[0]
    if (
        abs(lead) <= 3 * off
        or (not family.logs and lead <= 0)
        or abs(lead) * _columns(family.terms[:1], x[-1:])[0, 0] < (ROUNDING if family.logs else ROUNDING * means[-1])
    ):
        return None
    return ExactLaw(family, named, foretold, f"{in_words(quantity)} = {family.text(along)}")


def _named(family: Expansion, values: FloatArray, errors: FloatArray) -> tuple[Constant, ...]:
    if not family.logs:
        return tuple(Constant(*each) for each in zip("ABCD", map(float, values), map(float, errors), strict=False))
    names = {"x": "base", "ln x": "b", "1": "A"}
    made = []
    for term, value, error in zip(family.terms, map(float, values), map(float, errors), strict=True):
        plain = term == "ln x"
        made.append(
            Constant(names[term], value if plain else math.exp(value), error * (1 if plain else math.exp(value)))
        )
    return tuple(sorted(made, key=lambda each: ("A", "base", "b").index(each.name)))


def _columns(terms: Sequence[str], x: FloatArray) -> FloatArray:
    log = np.log(x)
    known = {
        "1": 1 + 0 * x, "ln x": log, "x": x, "x ln x": x * log, "x^2": x**2, "x^3": x**3, "1/x": 1 / x,
        "ln x/x": log / x, "1/x^2": 1 / x**2, "ln x/x^2": log / x**2,
    }  # fmt: skip
    return np.column_stack([known[term] for term in terms])


def _solved(family: Expansion, terms: Sequence[str], x: FloatArray, means: FloatArray) -> FloatArray:
    """Least squares of relative errors, in columns of like size."""
    columns = _columns(terms, x)
    target = np.log(means) if family.logs else np.ones(len(x))
    columns = columns if family.logs else columns / means[:, None]
    sizes = np.abs(columns).max(axis=0)
    sizes = np.where(sizes > 0, sizes, 1.0)
    return np.asarray(np.linalg.lstsq(columns / sizes, target, rcond=None)[0] / sizes)


def _value(family: Expansion, terms: Sequence[str], values: FloatArray, x: FloatArray) -> FloatArray:
    found = _columns(terms, x) @ values
    return np.asarray(np.exp(found)) if family.logs else np.asarray(found)
