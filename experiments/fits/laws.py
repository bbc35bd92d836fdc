"""A fitted scaling law, a refusal to give one, and all of a table's."""

from __future__ import annotations

from dataclasses import dataclass

from evo.statistics import p_value_text
from experiments.fits.forms import Form

POOR_FIT = 1e-3
"""Misfit below which a form is taken not to fit: by itself that errs once in a thousand."""
NO_FIT = "none of the forms fits; nearest:"


@dataclass(frozen=True)
class Estimate:
    """A fitted parameter with its interval."""

    name: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = (each + 0.0 for each in (self.value, self.low, self.high))  # -0.0 is told as 0
        return f"{self.name} = {value:.4g} [{low:.4g}, {high:.4g}]"


@dataclass(frozen=True)
class ScalingLaw:
    """A Theta-claim about a slice of a grid; never a number for a cell.

    Attributes:
        series: label of the series.
        arm: its arm.
        fixed: its other varying parameters.
        quantity: what grows.
        along: with what.
        form: the family.
        estimates: its parameters.
        confidence: level of their intervals, each for itself.
        least, most: range of the parameter.
        cells: number of cells.
        runs: number of runs.
        censored_share: share of the runs that were censored.
        misfit: probability that a true law of this form fits as badly; small means that the form is wrong.
        aic: chi-square or deviance plus twice the number of parameters; the least is the best form.
        method: how it was fitted, with what that assumes.
    """

    series: str
    arm: str
    fixed: dict[str, object]
    quantity: str
    along: str
    form: Form
    estimates: tuple[Estimate, ...]
    confidence: float
    least: float
    most: float
    cells: int
    runs: int
    censored_share: float
    misfit: float
    aic: float
    method: str

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of a parameter by its name."""
        return next(estimate for estimate in self.estimates if estimate.name == name)

    @property
    def text(self) -> str:
        """The law in words: `E[hit] = A base^k`."""
        return f"E[{self.quantity}] = {self.form.text.format(x=self.along)}"

    @property
    def fits(self) -> bool:
        """Whether the runs do not contradict the form."""
        return self.misfit >= POOR_FIT

    @property
    def misfit_text(self) -> str:
        """The misfit as a reader can use it: `0.3`, `< 1e-16`."""
        return p_value_text(self.misfit, digits=1).removeprefix("p ").removeprefix("= ")

    def __str__(self) -> str:
        said = f"{self.text}, {', '.join(map(str, self.estimates))}" if self.fits else f"{NO_FIT} {self.text}"
        return (
            f"{self.series}: {said} ({self.along} = {self.least:g} .. {self.most:g}, p of the fit {self.misfit_text})"
        )


@dataclass(frozen=True)
class Refusal:
    """A series that cannot be fitted, and why."""

    series: str
    reason: str


@dataclass(frozen=True)
class Fits:
    """What `fit` came to.

    Attributes:
        laws: every form fitted to every series; for each series the best first.
        refused: the series without a law.
        note: what rows of the engine `law` were drawn from; empty without any.
    """

    laws: tuple[ScalingLaw, ...]
    refused: tuple[Refusal, ...]
    note: str = ""

    def __str__(self) -> str:
        refused = (f"{each.series}: none, {each.reason}" for each in self.refused)
        return "\n".join([*map(str, self.best), *refused, *([self.note] if self.note else [])])

    @property
    def best(self) -> tuple[ScalingLaw, ...]:
        """The best form of each series."""
        first: dict[str, ScalingLaw] = {}
        for law in self.laws:
            first.setdefault(law.series, law)
        return tuple(first.values())
