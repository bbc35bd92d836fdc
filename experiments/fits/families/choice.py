"""Which families the data do not refuse, and whether one of them is the law: a set, not a winner.

A family is refused if the runs do not fit it, if another one that they fit does so much better that the likelihood
ratio says so, if it breaks a constraint, or if there are too few cells for its parameters. Of what is left the minimal
ones count. One alone is the law, if the upper half of the range by itself grows as the law says; several are UNDECIDED.

An offset or a shift bends as any smooth curve may: such a family is alone only if no rival curve fits as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from evo.protocols import FloatArray
from evo.statistics import normal_quantile, p_value_text
from experiments.fits.evidence.cells import Evidence
from experiments.fits.families.forms import FORMS, RIVALS, Form, held
from experiments.fits.families.likelihoods import Fitted, fitted

LEVEL = 1e-3
"""Of each test that refuses a family: of the misfit, and of a likelihood ratio."""
SPARE = 2
"""Cells that a law must have beyond its parameters: that it meets so many more is no accident."""
FEW_CELLS = "cells carry no law"
RUNS_AWAY = "its shift runs away"
SIMPLE = 2
"""Parameters of a family that needs no refusal of simpler ones; richer ones count where no simple one is left."""
ALIKE, LEAST_ALIKE, LEAST_OF_CONSTANT = 0.2, 0.07, 0.1
"""Two laws grow alike if their exponents at the end of the range differ by this share, and by no less than that."""
SURE = 0.98
"""Level of the interval of the bend that must lie within: a law that bends by more passes w.p. 0.01 at most."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What is left of the families.

    Attributes:
        fits: every family that could be fitted, by its name.
        left: names of the minimal families that are not refused.
        dropped: why the others are not among them, by name.
        bend: interval of what is added to the exponent in the upper half of the range, where one family is left.
        bends: whether the bend keeps that family from being the law.
    """

    fits: dict[str, Fitted]
    left: tuple[str, ...]
    dropped: dict[str, str]
    bend: tuple[float, float] | None = None
    bends: bool = False

    @property
    def law(self) -> str:
        """The name of the law; empty if it is undecided, or no family is left."""
        return self.left[0] if len(self.left) == 1 and not self.bends else ""


def choose(evidence: Evidence, forms: Sequence[Form] = FORMS) -> Choice:
    """The families that the evidence leaves; those asked of exact series only are tried of no other."""
    forms = [form for form in forms if form.asked == "always" or evidence.exact is not None]
    fits = {form.name: made for form in forms if (made := fitted(evidence, form)) is not None}
    lost = {form.name: RUNS_AWAY if form.shifted else "no fit was found" for form in forms}
    dropped = {name: why for name, why in lost.items() if name not in fits}
    for name, made in fits.items():
        if reason := _broken(evidence, made) or _unfit(made):
            dropped[name] = reason
    standing = [made for name, made in fits.items() if name not in dropped]
    for made in standing:
        if rival := _beaten(made, standing):
            dropped[made.form.name] = rival
    left = _minimal([made.form for made in standing if made.form.name not in dropped], dropped)
    if evidence.exact is None and len(left) == 1 and fits[left[0]].form.bends:
        rivals = _rivals(evidence, fits[left[0]])
        fits, left = fits | rivals, (*left, *rivals)
    if len(left) != 1 or evidence.exact is not None:
        return Choice(fits, left, dropped)
    bend = bend_of(evidence, fits[left[0]])
    return Choice(fits, left, dropped, bend, not _alike(fits[left[0]], bend))


def _broken(evidence: Evidence, made: Fitted) -> str:
    """Which constraint a family breaks; empty if none."""
    form, spare = made.form, 1 if evidence.exact is not None and not made.form.curved else SPARE
    if made.cells < len(form.parameters) + spare:
        return f"{made.cells} {FEW_CELLS} of {len(form.parameters)} parameters"
    logs, _ = made.at(np.array([evidence.x.min(), evidence.x.max()]))
    if form.name_of_base and made.value("base") < 1 and logs[1] > logs[0]:
        return "its base is below 1, of times that grow"
    if form.curved == "base^x" and bool(made.free[2] < 0) is not form.falls:
        return "it does not saturate" if form.falls else "its base is below 1"
    if form.summands and not form.curved and len(form.summands) > 1 and made.free[0] < 0:
        return "its leading term is negative"
    return ""


def _unfit(made: Fitted) -> str:
    return f"does not fit, {p_value_text(made.misfit, digits=1)}" if made.misfit < LEVEL else ""


def _beaten(made: Fitted, standing: Sequence[Fitted]) -> str:
    """By which family a likelihood ratio refuses one; empty if by none.

    The ratio to a family that holds it has as many degrees of freedom as that has more parameters; to any other, by a
    family that holds both, at most as many as the other has parameters.
    """
    for other in standing:
        more = len(other.form.parameters)
        more -= len(made.form.parameters) if made.form.name in held(other.form) else 0
        if other is not made and more > 0 and made.distance - other.distance > chdtri(more, LEVEL):
            return f"{other.form.name} fits better, by a likelihood ratio"
    return ""


def _rivals(evidence: Evidence, made: Fitted) -> dict[str, Fitted]:
    """The smooth curves that the runs do not refuse beside a family that bends as they do."""
    found = [other for form in RIVALS if (other := fitted(evidence, form)) is not None and not _unfit(other)]
    most = made.distance + chdtri(len(made.form.parameters), LEVEL)
    return {other.form.name: other for other in found if other.distance <= most}


def _minimal(forms: Sequence[Form], dropped: dict[str, str]) -> tuple[str, ...]:
    simple = any(len(form.parameters) <= SIMPLE for form in forms)
    left = []
    for form in forms:
        inner = [other.name for other in forms if other.name in held(form)]  # in the order of the forms
        if inner:
            dropped[form.name] = f"not needed: {inner[0]} is enough"
        elif simple and len(form.parameters) > SIMPLE:
            dropped[form.name] = "not needed: simpler families are enough"
        else:
            left.append(form.name)
    return tuple(left)


def knot_of(x: FloatArray) -> float:
    """The middle of the range, with two cells above it at least."""
    ordered = np.unique(x)
    return float(ordered[(len(ordered) - 1) // 2])


def bend_of(evidence: Evidence, made: Fitted) -> tuple[float, float]:
    """The interval of what the upper half of the range adds to the exponent of a law."""
    bent = fitted(evidence, made.form, knot_of(evidence.x[evidence.known]), made)
    if bent is None:
        return -np.inf, np.inf
    half = normal_quantile(0.5 + SURE / 2) * float(np.sqrt(bent.covariance[-1, -1]))
    return float(bent.free[-1]) - half, float(bent.free[-1]) + half


def _alike(made: Fitted, bend: tuple[float, float]) -> bool:
    return -margin_of(made) <= bend[0] <= 0 <= bend[1] <= margin_of(made)


def margin_of(made: Fitted) -> float:
    """By how much the exponent of the upper half may differ; half as much where three parameters follow any bend."""
    share = ALIKE if len(made.form.parameters) <= SIMPLE else ALIKE / 2
    least = LEAST_OF_CONSTANT if made.form.name == "constant" else LEAST_ALIKE
    return max(least, share * abs(made.model.exponent(made.free)[0]))
