"""The report on a results folder: checks, laws, claims, speed-up and figure, in memory and as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.checks.check import Check, check
from experiments.fits.along import main_axis, values_along
from experiments.grids.cell_text import PROGRAM
from experiments.grids.labels import sizes_of
from experiments.predictions.verdict import ALPHA
from experiments.reports.measured import Arms, measured
from experiments.reports.study import Findings, Study
from experiments.reports.summary import summarise
from experiments.store.results import Results

if TYPE_CHECKING:
    import pandas as pd

    from experiments.fits.claims import ClaimCheck
    from experiments.fits.laws import Fits


@dataclass(frozen=True)
class Report:
    """Everything that is said about the results of a grid.

    Attributes:
        results: the results.
        check: the verdicts.
        summary: a row a cell.
        fits: growth of hit along k, of cost where cells run programs (along the only number of theirs that varies,
            where it is not k); None for fewer than three values.
        claims: the study's claims; empty for a grid of the user's own.
        speedup: the study's speed-up; None without one.
        study: the named study, or None.
        arms: what was measured, by arm.
        findings: what the study found; None for a grid of the user's own, or one that has not run all its cells.
    """

    results: Results
    check: Check
    summary: pd.DataFrame
    fits: Fits | None
    claims: tuple[ClaimCheck, ...]
    speedup: pd.DataFrame | None
    study: Study | None
    arms: Arms
    findings: Findings | None


def report(
    results: Results, alpha: float = ALPHA, study: Study | None = None, stage: Callable[[str], object] = str
) -> Report:
    """Check, summarise and fit results; of a named study, test its claims and draw its findings.

    Args:
        results: the results.
        alpha: false-alarm rate of the check.
        study: the named study that they are of.
        stage: is told what is being done.

    Raises: InputError as `check` does.
    """
    stage(f"checking {len(results.cells):,} cells against exact predictions")
    checked = check(results, alpha)
    arms = measured(results, checked)
    stage("fitting laws of growth")
    complete = sum(map(len, arms.values())) == len(results.cells)
    return Report(
        results=results,
        check=checked,
        summary=summarise(results, checked),
        fits=_fits(results, study),
        claims=_claims(results, study),
        speedup=_speedup(results, study, alpha),
        study=study,
        arms=arms,
        findings=study.findings(arms) if study and study.findings and complete else None,
    )


def _fits(results: Results, study: Study | None) -> Fits | None:
    """The laws along what varies; None for fewer than three values."""
    along = "k" if study else main_axis(results.cells)
    if (sizes_of(results.cells) if along == "k" else values_along(results.cells, along)).nunique() < 3:
        return None
    from experiments.fits.fit import fit

    return fit(results, along, quantity="cost" if _has_programs(results) else "hit")


def _claims(results: Results, study: Study | None) -> tuple[ClaimCheck, ...]:
    if study is None or not study.claims:
        return ()
    from experiments.fits.claims import check_claims

    return tuple(check_claims(results, study.claims))


def _speedup(results: Results, study: Study | None, alpha: float) -> pd.DataFrame | None:
    if study is None or not study.speedup:
        return None
    from experiments.fits.speedups import speedup

    return speedup(results, *study.speedup, alpha=alpha)


def _has_programs(results: Results) -> bool:
    return bool(results.cells["text"].str.startswith(PROGRAM).any())
