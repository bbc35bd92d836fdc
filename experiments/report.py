"""The report on a results folder: checks, laws, claims, speed-up and figure, in memory and as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evo.errors import InputError
from experiments.checks import Check, check
from experiments.claims import ClaimCheck, check_claims
from experiments.fits import Fits, fit
from experiments.measured import Arms, measured
from experiments.results import Results
from experiments.series import parameter_column
from experiments.speedups import speedup
from experiments.store import StoreError
from experiments.studies import STUDIES, Findings, Study
from experiments.summary import summarise

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TEXT_WIDTH = 130


@dataclass(frozen=True)
class Report:
    """Everything that is said about the results of a grid.

    Attributes:
        results: the results.
        check: the verdicts.
        summary: a row a cell.
        fits: growth of hit along k; None where fewer than three values of k were run.
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


def report(results: Results, alpha: float = 1e-3) -> Report:
    """Check, summarise and fit results.

    Raises: InputError as `check` does.
    """
    checked = check(results, alpha)
    study = _study(results)
    few, along = results.cells["problem.k"].nunique() < 3, results.cells["problem.k"].nunique() > 1
    arms = measured(results, checked)
    complete = sum(map(len, arms.values())) == len(results.cells)
    return Report(
        results=results,
        check=checked,
        summary=summarise(results, checked),
        fits=None if few else fit(results),
        claims=tuple(check_claims(results, study.claims)) if study and along else (),
        speedup=speedup(results, *study.speedup, alpha=alpha) if study and study.speedup else None,
        study=study,
        arms=arms,
        findings=study.findings(arms) if study and study.findings and complete else None,
    )


def write(made: Report, folder: Path) -> list[Path]:
    """Write a report beside its results: tables as CSV, the text of the terminal, the figure as PNG and SVG.

    Raises: StoreError if the folder cannot be written.
    """
    import pandas as pd

    tables = {"summary.csv": made.summary, "checks.csv": _outcomes(made.check)}
    if made.fits is not None:
        tables["laws.csv"] = _laws(made.fits)
    if made.claims:
        tables["claims.csv"] = _claims(made.claims)
    if made.speedup is not None:
        tables["speedup.csv"] = made.speedup
    files = []
    try:
        for name, table in tables.items():
            pd.DataFrame(table).to_csv(folder / name, index=False)
            files.append(folder / name)
        files += [_write_text(made, folder / "report.txt"), *_write_figure(made, folder)]
    except OSError as error:
        raise StoreError(f"{folder}: cannot write the report ({error}); choose a folder you can write to") from None
    return files


def _study(results: Results) -> Study | None:
    """The named study of a grid, if its name and arms are those of one."""
    study = STUDIES.get(str(results.grid["name"]))
    return study if study and set(study.grid().arms) <= set(results.cells["arm"]) else None


def _outcomes(checked: Check) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {"cell": cell.cell, "label": cell.label, "verdict": str(cell.verdict), "reason": cell.reason}
            | {"test": outcome.test, "p_value": outcome.p_value, "found": outcome.found, "alpha": checked.alpha_each}
            | {"looks": cell.looks}
            for cell in checked.cells
            for outcome in cell.outcomes
        ]
    )


def _laws(fits: Fits) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for law in fits.laws:
        row = {"series": law.series, "law": law.text, "p_value": law.misfit, "aic": law.aic}
        for estimate in law.estimates:
            name = estimate.name
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        row |= {"confidence": law.confidence, "least": law.least, "most": law.most, "cells": law.cells}
        rows.append(row | {"runs": law.runs, "censored_share": law.censored_share, "method": law.method})
    rows += [{"series": refusal.series, "law": f"none: {refusal.reason}"} for refusal in fits.refused]
    return pd.DataFrame(rows)


def _claims(claims: tuple[ClaimCheck, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "arm": each.claim.arm,
                "lam": each.claim.lam,
                "paper": each.claim.paper,
                "law": each.law.text if each.law else "",
                "estimates": "; ".join(map(str, each.law.estimates)) if each.law else "",
                "claimed": each.claim.text,
                "verdict": str(each.verdict),
                "reason": each.reason,
            }
            for each in claims
        ]
    )


def _write_text(made: Report, file: Path) -> Path:
    from rich.console import Console

    from experiments.terminal import show_report

    with file.open("w", encoding="utf-8") as stream:
        show_report(made, Console(file=stream, width=TEXT_WIDTH))
    return file


def _write_figure(made: Report, folder: Path) -> list[Path]:
    from matplotlib import rc_context

    if made.results.runs.empty:
        return []
    own = made.study is not None and made.study.figure is not None and made.findings is not None
    name = made.study.name if made.study and own else "cost"
    try:
        figure = _draw(made, own)
    except InputError:
        return []
    files = [folder / f"{name}.png", folder / f"{name}.svg"]
    with rc_context({"svg.hashsalt": "llm-evo"}):  # the same figure, the same file
        figure.savefig(files[0], dpi=150)
        figure.savefig(files[1], metadata={"Date": None})
    return files


def _draw(made: Report, own: bool) -> Figure:
    """The study's own figure, or mean cost along k.

    Raises: InputError where k is no parameter.
    """
    from experiments.figures import growth_figure

    if own and made.study and made.study.figure:
        return made.study.figure(made.arms)
    parameter_column(made.results.cells, "k")
    return growth_figure(made.results, title=made.study.title if made.study else "")
