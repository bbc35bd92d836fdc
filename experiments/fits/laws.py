"""Fitted scaling laws, what is left of them for a series, a refusal to give one, and all of a table's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from evo.errors import InputError
from evo.statistics import normal_quantile, p_value_text
from experiments.fits.families.choice import LEVEL
from experiments.fits.families.forms import Form
from experiments.fits.families.likelihoods import Fitted
from experiments.grids.outside.sheet import Sheet
from experiments.predictions.verdict import Verdict

POOR_FIT = LEVEL
"""Misfit below which a form is taken not to fit: by itself that errs once in a thousand."""
FARTHEST_LOG = 600.0
"""Of a mean: one beyond it stands for none."""
NO_FIT = "none of the forms fits; nearest:"


class Told(StrEnum):
    """What is said of the growth of a series."""

    LAW = "LAW"
    UNDECIDED = "UNDECIDED"
    NONE = "NONE"


@dataclass(frozen=True)
class Estimate:
    """A fitted parameter with its interval.

    Attributes:
        name: the parameter.
        value: the estimate.
        low, high: its interval.
        exact: what the same fit gives of the exact means of these cells; NaN where they are not known.
    """

    name: str
    value: float
    low: float
    high: float
    exact: float = math.nan

    def __str__(self) -> str:
        value, low, high = (each + 0.0 for each in (self.value, self.low, self.high))  # -0.0 is told as 0
        exact = "" if math.isnan(self.exact) else f" (exact means {self.exact:.4g})"
        return f"{self.name} = {value:.4g} [{low:.4g}, {high:.4g}]{exact}"


@dataclass(frozen=True)
class ScalingLaw:
    """A Theta-claim about a slice of a grid; never a number for a cell.

    Its constants are those of the best approximation on this range, not the asymptotic ones.

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
        distance: the deviance, a chi-square where the form holds.
        method: how it was fitted, with what that assumes.
        dropped: why the family is not among those that are left; empty if it is.
        curve: the fitted curve; None of a law that was not fitted.
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
    distance: float
    method: str
    dropped: str = ""
    curve: Fitted | None = field(default=None, repr=False, compare=False)

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of a parameter by its name."""
        return next(estimate for estimate in self.estimates if estimate.name == name)

    @property
    def text(self) -> str:
        """The law in words: `E[hit] = A base^k`."""
        return f"{in_words(self.quantity)} = {self.form.text.format(x=self.along)}"

    def at(self, x: float) -> Estimate:
        """The mean at a value of the parameter with its interval, which holds if this law holds there, too.

        NaN where the law has no mean that is positive, as A (k + c)^b below -c.

        Raises: InputError for a law that was not fitted, or x that is not positive.
        """
        if self.curve is None or not x > 0:
            raise InputError(f"at: expected a fitted law and a positive value of {self.along}, got {x!r}")
        z = normal_quantile(0.5 + self.confidence / 2)
        with np.errstate(all="ignore"):
            (log,), (error,) = self.curve.at(np.array([float(x)]))
            ends = [log, log - z * error, log + z * error] if abs(log) < FARTHEST_LOG else [math.nan] * 3
            value, low, high = np.exp(ends)
        beyond = "" if self.least <= x <= self.most else ", EXTRAPOLATED"
        if math.isnan(value):
            beyond += ", where this law has no mean"
        return Estimate(f"{in_words(self.quantity)} at {self.along} = {x:g}{beyond}", value, low, high)

    @property
    def constants_text(self) -> str:
        """Its constants with their intervals."""
        return ", ".join(map(str, self.estimates))

    @property
    def fits(self) -> bool:
        """Whether the runs do not contradict the form by its misfit."""
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


def in_words(quantity: str) -> str:
    """`E[hit]`, `median[cost]`, `ERT[hit]`.

    >>> in_words("cost"), in_words("median cost"), in_words("ERT")
    ('E[cost]', 'median[cost]', 'ERT[hit]')
    """
    head, _, rest = quantity.partition(" ")
    return f"{head}[{rest or 'hit'}]" if head in ("median", "ERT") else f"E[{quantity}]"


@dataclass(frozen=True)
class Growth:
    """What the runs of a series leave of the families.

    Attributes:
        series: its label.
        told: whether that is a law, several families or none.
        left: the minimal families that are not refused, with their constants.
        reason: why it is undecided, or how the nearest family is off.
        advice: where the families part, and how many runs there would tell; empty where there is nothing to advise.
        note: what else there is to know, such as that medians are fitted.
    """

    series: str
    told: Told
    left: tuple[ScalingLaw, ...]
    reason: str = ""
    advice: str = ""
    note: str = ""

    @property
    def law(self) -> ScalingLaw | None:
        """The law, where one family is left."""
        return self.left[0] if self.told is Told.LAW else None

    def __str__(self) -> str:
        if self.law is not None:
            said = str(self.law)
        elif self.told is Told.UNDECIDED:
            left = " or ".join(each.text for each in self.left) or "too few cells"
            said = f"{self.series}: UNDECIDED, {left}; {self.reason}"
        else:
            said = f"{self.series}: none of the families; {self.reason}"
        return "; ".join(filter(None, [said, self.advice, self.note]))


@dataclass(frozen=True)
class Refusal:
    """A series that cannot be fitted, and why."""

    series: str
    reason: str

    def __str__(self) -> str:
        return f"{self.series}: {Verdict.CANNOT_TELL.words}, {self.reason}"


@dataclass(frozen=True, repr=False)
class Fits:
    """What `fit` came to.

    Attributes:
        laws: every family fitted to every series; for each series those that are left first, then by deviance.
        refused: the series without a fit.
        note: what rows of the engine `law` were drawn from; empty without any.
        growths: for each series that was fitted what the runs leave.
    """

    laws: tuple[ScalingLaw, ...]
    refused: tuple[Refusal, ...]
    note: str = ""
    growths: tuple[Growth, ...] = ()

    def __repr__(self) -> str:
        return f"<Fits {counts(self)}>"

    def __str__(self) -> str:
        return "\n".join([*map(str, (*self.growths, *self.refused)), *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        return by_series((*self.growths, *self.refused), self.note).html()

    def sheet(self) -> Sheet:
        """A row a law, or a family that is left: for papers."""
        rows = [
            (growth.series, "or" if i else str(growth.told), law.text, law.constants_text, law.misfit_text)
            for growth in self.growths
            for i, law in enumerate(growth.left)
        ]
        rows += [(each.series, str(each.told), each.reason, "", "") for each in self.growths if not each.left]
        rows += [(each.series, Verdict.CANNOT_TELL.words, each.reason, "", "") for each in self.refused]
        title = (
            "Scaling laws"
            if not self.laws
            else (
                f"Scaling laws with {100 * self.laws[0].confidence:.4g} % intervals, along {self.laws[0].along} on the "
                "range that was run"
            )
        )
        return Sheet(title, ("series", "told", "law", "constants", "p of the fit"), tuple(rows))

    def to_latex(self, caption: str = "", label: str = "") -> str:
        """The laws as a table of LaTeX."""
        return self.sheet().latex(caption, label)

    @property
    def refused_alike(self) -> list[tuple[str, str, int]]:
        """The series without a fit by their reason: "A", or "A and 3 more series", the reason, how many they are."""
        found: dict[str, list[str]] = {}
        for each in self.refused:
            found.setdefault(each.reason, []).append(each.series)
        return [
            (names[0] + (f" and {len(names) - 1:,} more series" if len(names) > 1 else ""), reason, len(names))
            for reason, names in found.items()
        ]

    @property
    def best(self) -> tuple[ScalingLaw, ...]:
        """The law of each series that has one; a series that is undecided, or that none fits, has none here."""
        return tuple(growth.law for growth in self.growths if growth.law is not None)


def counts(fits: Any) -> str:
    """How many series came to what, in words; of laws of runs or of exact means."""
    told = [f"{sum(each.told is told for each in fits.growths)} {told}" for told in Told]
    refused = [f"{len(fits.refused)} {Verdict.CANNOT_TELL.words}"] if fits.refused else []
    return ", ".join([*told, *refused])


def by_series(told: Sequence[Any], note: str = "") -> Sheet:
    """What is said of each series, in the words of `print`."""
    rows = tuple((each.series, str(each).removeprefix(f"{each.series}: ")) for each in told)
    return Sheet("", ("series", "how it grows"), rows, (note,) if note else ())
