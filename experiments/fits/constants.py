"""A given form of growth, or a constant of it, against runs or exact means: AGREES, DIFFERS, CANNOT TELL."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.fits.families.forms import FORMS
from experiments.fits.laws import Estimate, Fits, Growth, ScalingLaw, Told
from experiments.fits.predicted import EXPANSIONS, ExactFits, ExactGrowth
from experiments.predictions.verdict import Verdict

WIDEST = 0.15
"""Half-width of an interval, relative to the given value, that still tells."""
EXACTLY = 1e-3
"""Relative difference from the constant of exact means that is none, or three of its errors."""
WRITTEN = {
    "1": "constant", "x": "linear", "x^2": "square", "x^3": "cube", "ln x": "logarithm", "log x": "logarithm",
    "x ln x": "x log x", "x^b": "power", "base^x": "exponential", "base^x x^b": "exponential x power",
    "x + c": "affine", "x^b + c": "power + c", "base^x + c": "exponential + c", "x^2 + x": "quadratic",
}  # fmt: skip


@dataclass(frozen=True)
class FormVerdict:
    """A given form beside what was found of a series."""

    series: str
    verdict: Verdict
    reason: str

    def __str__(self) -> str:
        return f"{self.series}: {self.verdict.words}, {self.reason}"


def form_of(text: str, along: str = "k") -> str:
    """The name of a family as it may be written: its name, `k ln k`, `2^k`.

    Raises: InputError for a form that is not known.

    >>> form_of("k ln k"), form_of("x log x"), form_of("A base^k"), form_of("n^2", along="n")
    ('x log x', 'x log x', 'exponential', 'square')
    """
    names = [form.name for form in FORMS]
    if text in names:
        return text
    plain = re.sub(rf"(?<![a-z]){re.escape(along)}(?![a-z])", "x", text.strip())
    plain = " ".join(re.sub(r"^A\b|\*", " ", plain).split())
    if plain in names or plain in WRITTEN:
        return WRITTEN.get(plain, plain)
    raise InputError(
        f"--form: expected a form of growth, got {shown(text)}{suggestion(text, names)}; known: {', '.join(names)}, or "
        f"written, as {', '.join(list(WRITTEN)[5:12])}, with {along} for x"
    )


def judged(fits: Fits | ExactFits, form: str, given: Mapping[str, float]) -> tuple[FormVerdict, ...]:
    """What runs or exact means say of a form, and of given values of its constants, a line a series.

    Of runs: DIFFERS where the family is refused, or the interval of a constant leaves the given value out. CANNOT TELL
    where other families are left, the interval is too wide, or the exact means of this range give a constant that the
    runs agree with and that is not the given one: then the given one may still be that of the limit.

    Of exact means: AGREES where the constant of the law is the given one within 0.1 %, or three times its error.

    Args:
        fits: of `fit`.
        form: name of a family, as `form_of` gives it.
        given: constants by their names.

    Raises: InputError for a constant that the form does not have.
    """
    if isinstance(fits, ExactFits):
        found = [_exactly(growth, form, given) for growth in fits.growths]
    else:
        known = next(each.parameters for each in FORMS if each.name == form)
        for name in set(given) - set(known):
            raise InputError(f"--{name}: {form} has the constants {', '.join(known)}; leave {name} out")
        found = [_by_runs(fits, growth, form, given) for growth in fits.growths]
    refused = (FormVerdict(each.series, Verdict.CANNOT_TELL, each.reason) for each in fits.refused)
    return (*found, *refused)


def _by_runs(fits: Fits, growth: Growth, form: str, given: Mapping[str, float]) -> FormVerdict:
    law = next((each for each in fits.laws if each.series == growth.series and each.form.name == form), None)
    if law is None:
        return FormVerdict(growth.series, Verdict.CANNOT_TELL, "the form could not be fitted")
    if law.dropped and not law.dropped.startswith("not needed"):
        few = "carry no law" in law.dropped
        return FormVerdict(growth.series, Verdict.CANNOT_TELL if few else Verdict.DIFFERS, f"{law.text}: {law.dropped}")
    told = [_constant(law[name], value) for name, value in given.items()]
    for verdict in (Verdict.DIFFERS, Verdict.CANNOT_TELL):
        for found, reason in told:
            if found is verdict:
                return FormVerdict(growth.series, verdict, reason)
    others = [each.text for each in growth.left if each.form.name != form]
    if growth.told is not Told.LAW or law.dropped:
        said = f"{_constants(law)}; left besides: {', '.join(others)}" if others else growth.reason
        return FormVerdict(growth.series, Verdict.CANNOT_TELL, said)
    return FormVerdict(growth.series, Verdict.AGREES, f"{law.text}, {_constants(law)}")


def _constants(law: ScalingLaw) -> str:
    return ", ".join(map(str, law.estimates))


def _constant(found: Estimate, value: float) -> tuple[Verdict, str]:
    if not found.low <= value <= found.high:
        if found.low <= found.exact <= found.high:
            return Verdict.CANNOT_TELL, f"{found}: on this range it is not {value:g}; of the limit --predicted tells"
        return Verdict.DIFFERS, f"{found}, not {value:g}"
    if found.high - found.low > 2 * WIDEST * abs(value):
        return Verdict.CANNOT_TELL, f"{found} is too wide to tell {value:g}"
    return Verdict.AGREES, str(found)


def _exactly(growth: ExactGrowth, form: str, given: Mapping[str, float]) -> FormVerdict:
    families = {"affine": "linear", "square": "quadratic", "cube": "cubic"}
    name = families.get(form, form)
    if name not in {each.name for each in EXPANSIONS}:
        return FormVerdict(growth.series, Verdict.CANNOT_TELL, f"{form} is not fitted to exact means")
    law = next((each for each in growth.left if each.family.name == name), None)
    if law is None and growth.told is Told.NONE:
        return FormVerdict(growth.series, Verdict.CANNOT_TELL, "no family foretells the last exact mean")
    if growth.coarse:
        return FormVerdict(growth.series, Verdict.CANNOT_TELL, "medians go by steps, within which several families fit")
    if law is None:
        return FormVerdict(growth.series, Verdict.DIFFERS, f"exact means follow {' or '.join(map(str, growth.left))}")
    for letter, value in given.items():
        constant = next((each for each in law.constants if each.name == letter), None)
        if constant is None:
            raise InputError(f"--{letter}: {law.text} has the constants {', '.join(c.name for c in law.constants)}")
        if math.fabs(constant.value - value) > max(3 * constant.error, EXACTLY * abs(value)):
            return FormVerdict(growth.series, Verdict.DIFFERS, f"{constant}, not {value:g}")
        if constant.error > WIDEST * abs(value):
            return FormVerdict(growth.series, Verdict.CANNOT_TELL, f"{constant} is not known well enough")
    alone = growth.told is Told.LAW
    return FormVerdict(growth.series, Verdict.AGREES if alone else Verdict.CANNOT_TELL, str(law))
