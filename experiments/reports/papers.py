"""The tables that go into papers, as LaTeX that needs no package: measured beside predicted, laws, claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evo.errors import InputError
from evo.parameters import shown
from experiments.checks.check import check
from experiments.fits.claims import ClaimCheck
from experiments.fits.laws import Fits
from experiments.grids.outside.sheet import Sheet
from experiments.predictions.verdict import CONFIDENCE, Verdict
from experiments.reports.measured import number
from experiments.reports.summary import summarise
from experiments.reports.wording import cost_unit, size_text
from experiments.store.results import Results

MEASURED = ("arm", "k", "lam", "runs", "censored", "calls", "exact", "cost", "exact", "verdict")


def to_latex(what: Results | Fits | Sequence[ClaimCheck], caption: str = "", label: str = "") -> str:
    """A table of LaTeX.

    Args:
        what: results (measured beside predicted, a row a cell), what `fit` came to (the laws), or what `check_claims`
            came to (the claims).
        caption: above it, as text; one that says what it is unless said.
        label: to refer to it by.

    Raises: InputError for anything else.
    """
    return _sheet(what).latex(caption, label)


def _sheet(what: Any) -> Sheet:
    if isinstance(what, Results):
        return measured_beside_predicted(what)
    if isinstance(what, Fits):
        return what.sheet()
    if isinstance(what, list | tuple) and what and all(isinstance(each, ClaimCheck) for each in what):
        return claims_sheet(what)
    raise InputError(f"to_latex: expected results, what fit came to, or a list of checked claims, got {shown(what)}")


def measured_beside_predicted(results: Results) -> Sheet:
    """A row a cell: means with their intervals beside the exact ones, and the verdict of `check`."""
    summary = summarise(results, check(results))
    unit = cost_unit(summary["text"]) or "each in the unit of its cost model"
    rows = tuple(_cell(row) for row in summary.to_dict("records"))
    title = f"Measured means with {CONFIDENCE:.0%} intervals beside exact ones; costs: {unit}"
    return Sheet(title, MEASURED, rows, numeric=(False, *[True] * 8, False))


def _cell(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        str(row["series"]),
        size_text(row["k"]),
        size_text(row["lam"]),
        f"{row['runs']:,}",
        f"{row['censored']:,}",
        _with_interval(row, "hit"),
        number(row["hit_predicted"]),
        _with_interval(row, "cost"),
        number(row["cost_predicted"]),
        Verdict(row["verdict"]).words,
    )


def _with_interval(row: Mapping[Any, Any], name: str) -> str:
    """A mean and its interval; a dash where runs were censored, since that of the others would be too low."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return number(row[name]) + ("" if math.isnan(low) else f" [{number(low)}, {number(high)}]")


def claims_sheet(claims: Sequence[ClaimCheck]) -> Sheet:
    """A row a claim: what the paper says, the measured law, what exact theory says, and what follows."""
    rows = tuple(
        (
            each.claim.what,
            each.claim.paper or "-",
            f"{each.law.text}, {', '.join(map(str, each.law.estimates))}" if each.law else each.found or "none",
            f"{each.claim.theory} ({each.claim.text})" if each.claim.theory else each.claim.text,
            f"{each.verdict.words}: {each.reason}",
        )
        for each in claims
    )
    return Sheet("Claims of growth", ("arm", "claim", "measured law", "exact theory", "verdict"), rows)
