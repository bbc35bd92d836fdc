"""Claims of asymptotic growth, each tied to a fitted law: does the measured growth bear it out?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.fits.along import values_along
from experiments.fits.fit import fit_one
from experiments.fits.laws import Fits, ScalingLaw
from experiments.fits.quotients import quotient
from experiments.fits.series import Series, series
from experiments.predictions.verdict import Verdict
from experiments.store.results import Results

NOT_FITTED = "the form could not be fitted"
CLAIM_CONFIDENCE = 0.999
WIDEST = 0.15
"""Half-width of an interval, relative to the claimed value, that still tells."""
NEVER = "never"
"""The form of a claim that no run of an arm arrives, from `least` on; parameter and value say nothing."""
FEWEST_NEVER = 500
"""Runs without a hit that tell: a share of 1.4 % would have been seen w.p. 0.999."""


@dataclass(frozen=True)
class Claim:
    """That one arm grows by a law.

    Attributes:
        arm: label of the arm.
        lam: offspring a generation.
        paper: what the paper says, with its equation; "" where it says nothing.
        quantity: "hit" or "cost"; of programs the ledger of a role, too, such as "qa.pass_tokens".
        form: name of the form that the law should have; "never" for the claim that no run arrives.
        parameter: its parameter that is claimed.
        value: the claimed value.
        at_most: whether the claim is that the parameter is at most the value; otherwise it is the value.
        tolerance: relative difference that an asymptotic value may have at the k that were run, where the exact means
            bend away from the form; without it, more runs would refute a true claim.
        least: smallest k at which the law is asked for: an asymptotic form need not hold at small k.
        rival: name of a form that must not fit; "" if there is none.
        holds: what follows if the measured law is as claimed: does the paper's statement hold here, and on what
            assumption.
        along: the parameter along which the arm grows, such as "k", or with its part "program.n".
        theory: what exact theory says, with its label in docs/theory.md; "" where form and value say it all.
        over: label of the arm below the line, where the claim is on a speed-up; "" for the arm alone.
    """

    arm: str
    paper: str
    quantity: str
    form: str
    parameter: str
    value: float
    holds: str
    lam: int = 1
    least: float = -math.inf
    rival: str = ""
    at_most: bool = False
    tolerance: float = 0.0
    along: str = "k"
    over: str = ""
    theory: str = ""

    @property
    def what(self) -> str:
        """The arm, or the arms above and below the line."""
        return f"{self.arm} / {self.over}" if self.over else self.arm

    @property
    def text(self) -> str:
        """`base = 2`, with its tolerance if it has one."""
        if self.form == NEVER:
            return "no run arrives"
        within = f" within {self.tolerance:.0%}" if self.tolerance else ""
        return f"{self.parameter} {'<=' if self.at_most else '='} {self.value:.4g}{within}"

    @property
    def range(self) -> tuple[float, float]:
        """The values of the parameter that bear the claim out."""
        least = -math.inf if self.at_most else self.value * (1 - self.tolerance)
        return least, self.value * (1 + self.tolerance)


@dataclass(frozen=True)
class ClaimCheck:
    """A claim beside what was fitted, or what else was found."""

    claim: Claim
    verdict: Verdict
    law: ScalingLaw | None
    reason: str
    found: str = ""


def check_claims(results: Results, claims: Sequence[Claim]) -> list[ClaimCheck]:
    """The claims whose arm is in the grid, and whose parameter varies, each with its verdict.

    AGREES: the 99.9 % interval of the fitted parameter meets the claimed range (or lies below it, for "at most"), the
    form fits, its rival does not. DIFFERS: the interval misses the range, or the form does not fit. CANNOT TELL: the
    interval is too wide, the rival fits too, or the series cannot be fitted.

    Error rates are those of one claim, not of all together: a true claim DIFFERS about twice in a thousand, by its
    interval or by its misfit. Beyond some 20,000 runs a cell even an asymptotic form that holds does not fit.
    """
    arms = {*results.cells["arm"], ""}
    checks = []
    for claim in claims:
        if claim.form == NEVER and claim.arm in arms:
            checks.append(_never(claim, results))
        elif {claim.arm, claim.over} <= arms and _varies(results, claim.along):
            checks.append(_check_quotient(claim, results) if claim.over else _check_arm(claim, results))
    return checks


def _check_arm(claim: Claim, results: Results) -> ClaimCheck:
    """By the law of the longest series of an arm alone: no claim is on the others."""
    asked = _longest(results, claim, claim.arm)
    if asked is None:
        return ClaimCheck(claim, Verdict.CANNOT_TELL, None, NOT_FITTED)
    fits = fit_one(results, asked, claim.along, claim.quantity, claim.least, CLAIM_CONFIDENCE, claim.form)
    return _check(claim, fits, asked.label)


def _check_quotient(claim: Claim, results: Results) -> ClaimCheck:
    ends = [_longest(results, claim, arm) for arm in (claim.arm, claim.over)]
    if ends[0] is None or ends[1] is None:
        return ClaimCheck(claim, Verdict.CANNOT_TELL, None, "there is no series of both arms")
    part = quotient(ends[0], ends[1])
    fits = fit_one(results, part, claim.along, "speed-up", claim.least, CLAIM_CONFIDENCE)
    return _check(claim, fits, part.label)


def _never(claim: Claim, results: Results) -> ClaimCheck:
    """That no run of an arm arrives, from `least` on."""
    along = values_along(results.cells, claim.along)
    cells = results.cells[(results.cells["arm"] == claim.arm) & (along >= claim.least)]
    runs = [results.numbers(str(cell_id)) for cell_id in cells.index]
    hits, of = sum(each.hits for each in runs), sum(map(len, runs))
    found = f"{hits:,} of {of:,} runs arrive"
    if hits:
        return ClaimCheck(claim, Verdict.DIFFERS, None, found, found)
    if of < FEWEST_NEVER:
        return ClaimCheck(claim, Verdict.CANNOT_TELL, None, f"only {found}", found)
    return ClaimCheck(claim, Verdict.AGREES, None, claim.holds, found)


def _varies(results: Results, along: str) -> bool:
    """Whether a parameter has several values in what there is of a grid."""
    return int(values_along(results.cells, along).nunique()) > 1


def _check(claim: Claim, fits: Fits, label: str) -> ClaimCheck:
    laws = {law.form.name: law for law in fits.laws if law.series == label}
    law = laws.get(claim.form)
    if law is None:
        reasons = [refusal.reason for refusal in fits.refused if refusal.series == label]
        return ClaimCheck(claim, Verdict.CANNOT_TELL, None, "; ".join(reasons) or NOT_FITTED)
    estimate = law[claim.parameter]
    if not law.fits:
        return ClaimCheck(claim, Verdict.DIFFERS, law, f"{law.text} does not fit (misfit {law.misfit_text})")
    least, most = claim.range
    if estimate.low > most or estimate.high < least:
        return ClaimCheck(claim, Verdict.DIFFERS, law, f"{estimate}, claimed {claim.text}")
    if claim.at_most and estimate.high > most:
        return ClaimCheck(claim, Verdict.CANNOT_TELL, law, f"{estimate} does not tell {claim.text}")
    if estimate.high - estimate.low > 2 * WIDEST * claim.value:
        return ClaimCheck(claim, Verdict.CANNOT_TELL, law, f"the interval of {claim.parameter} is too wide to tell")
    rival = laws.get(claim.rival)
    if rival is not None and rival.fits:
        return ClaimCheck(claim, Verdict.CANNOT_TELL, law, f"{rival.text} fits too (misfit {rival.misfit_text})")
    return ClaimCheck(claim, Verdict.AGREES, law, claim.holds)


def _longest(results: Results, claim: Claim, arm: str) -> Series | None:
    """Of the series of an arm with the claim's lam the one with most cells, the first of these; None without any."""
    found = [
        each
        for each in series(results, claim.along, claim.quantity)
        if each.arm == arm and each.lam in (claim.lam, None) and len(each.x)  # None: a program
    ]
    return max(found, key=lambda each: len(each.x), default=None)
