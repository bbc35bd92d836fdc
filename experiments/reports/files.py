"""A report as files beside its results: tables, text, figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evo.errors import InputError
from experiments.checks.check import Check
from experiments.fits.along import main_axis, values_along
from experiments.predictions.verdict import Verdict
from experiments.store.files import StoreError, write_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from experiments.fits.claims import ClaimCheck
    from experiments.fits.laws import Fits
    from experiments.reports.html.content import Content
    from experiments.reports.measured import Arms
    from experiments.reports.panels import Sheet
    from experiments.reports.quality.in_report import QualityCurve
    from experiments.reports.report import Report

NOT_ALWAYS = frozenset(
    {"laws.csv", "claims.csv", "speedup.csv", "quality.csv", "cost.png", "cost.svg", "quality.png", "quality.svg"}
)
"""Files that some reports have: of another grid they would be told beside this one."""
TEXT_WIDTH, DOTS_AN_INCH, DOTS_AN_INCH_OF_QUALITY = 130, 150, 110


def write(made: Report, folder: Path, stage: Callable[[str], object] = str) -> list[Path]:
    """Write a report beside its results: tables as CSV, the text of the terminal, the figures as PNG and SVG, the page.

    Figures are drawn where there is something to compare: costs where a parameter varies, quality of several cells.
    What an earlier report wrote, and this one has nothing of, is removed.

    Args:
        made: the report.
        folder: where its files go.
        stage: is told what is being done.

    Raises: StoreError if the folder cannot be written.
    """
    import pandas as pd

    from experiments.reports.html.content import Content

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
            write_whole(folder / name, partial(pd.DataFrame(table).to_csv, index=False))
            files.append(folder / name)
        files.append(_write_text(made, folder / "report.txt"))
        stage("drawing the figure")
        figure = _figure_of(made)
        files += _write_figure(made, figure, folder)
        stage("drawing quality before the optimum")
        curves = _curves_of(made)
        files += _write_quality(curves, folder, drawn=len(made.results.cells) > 1)
        stage("writing the page")
        names = [file.name for file in files]
        content = Content(made, _sheet_of(figure), curves, names)
        files += _write_page(content, folder)
        for name in sorted(NOT_ALWAYS - {*names}):
            _forget(folder / name)
    except OSError as error:
        raise StoreError(f"{folder}: cannot write the report ({error}); choose a folder you can write to") from None
    return files


def _forget(file: Path) -> None:
    """Remove what an earlier report of other cells has written."""
    if file.is_file() or file.is_symlink():
        file.unlink()


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
    told = {growth.series: (growth.told, growth.left) for growth in fits.growths}
    for law in fits.laws:
        verdict, left = told[law.series]
        row: dict[str, object] = {
            "series": law.series,
            "law": law.text,
            "verdict": str(verdict) if law in left else "dropped",
        }
        row |= {"dropped": law.dropped, "p_value": law.misfit, "deviance": law.distance}
        for estimate in law.estimates:
            name = estimate.name
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            row |= {} if math.isnan(estimate.exact) else {f"{name}_exact": estimate.exact}
        row |= {"confidence": law.confidence, "least": law.least, "most": law.most, "cells": law.cells}
        rows.append(row | {"runs": law.runs, "censored_share": law.censored_share, "method": law.method})
    rows += [
        {"series": refusal.series, "verdict": str(Verdict.CANNOT_TELL), "dropped": refusal.reason}
        for refusal in fits.refused
    ]
    return pd.DataFrame(rows)


def _claims(claims: tuple[ClaimCheck, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "arm": each.claim.what,
                "lam": each.claim.lam,
                "along": each.claim.along,
                "paper": each.claim.paper,
                "theory": each.claim.theory,
                "law": each.law.text if each.law else each.found,
                "estimates": "; ".join(map(str, each.law.estimates)) if each.law else "",
                "claimed": each.claim.text,
                "verdict": str(each.verdict),
                "reason": each.reason,
            }
            for each in claims
        ]
    )


def _write_text(made: Report, file: Path) -> Path:
    from experiments.reports.printing import PlainConsole
    from experiments.reports.terminal import show_report

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8") as stream:
            show_report(made, PlainConsole(file=stream, width=TEXT_WIDTH))

    write_whole(file, write)
    return file


def _write_page(content: Content, folder: Path) -> list[Path]:
    from experiments.reports.html.page import FILE, page

    whole = page(content)
    write_whole(folder / FILE, lambda temporary: temporary.write_text(whole, encoding="utf-8"))
    return [folder / FILE]


def _curves_of(made: Report) -> list[QualityCurve]:
    """The fitness before the optimum, of some cells."""
    from experiments.reports.quality.in_report import quality_curves

    return [] if made.results.runs.empty else quality_curves(made.results)


def _figure_of(made: Report) -> Figure | None:
    """The study's own figure, or mean cost along what varies; None without runs, or where nothing does."""
    if made.results.runs.empty:
        return None
    try:
        own = _own_figure(made)
        return _growth_of(made) if own is None else own(made.arms)
    except InputError:
        return None


def _growth_of(made: Report) -> Figure | None:
    """Mean cost along k, or, where there is one k, along the parameter with the longest series; None for one value.

    Raises: InputError where k is no parameter and nothing else varies.
    """
    cells, study = made.results.cells, made.study
    along = "k" if study else main_axis(cells)
    if values_along(cells, along).nunique() < 2:
        return None
    from experiments.reports.figures import growth_figure

    return growth_figure(made.results, along, title=study.title if study else "")


def _sheet_of(figure: Figure | None) -> Sheet | None:
    """The panels that a study's own figure was drawn from."""
    if figure is None:
        return None
    from experiments.reports.panels import sheet_of

    return sheet_of(figure)


def _own_figure(made: Report) -> Callable[[Arms], Figure] | None:
    """What draws the study's own figure; None where it has none, or nothing was found."""
    return None if made.study is None or made.findings is None else made.study.figure


def _write_figure(made: Report, figure: Figure | None, folder: Path) -> list[Path]:
    if figure is None:
        return []
    name = made.study.name if made.study and _own_figure(made) else "cost"
    return _write_both(figure, folder / name, DOTS_AN_INCH)


def _write_both(figure: Figure, name: Path, dots: int) -> list[Path]:
    """A figure as PNG, with so many dots an inch, and as SVG."""
    from matplotlib import rc_context

    from experiments.reports.drawing.shown import png_metadata

    files = [name.with_name(f"{name.name}.{kind}") for kind in ("png", "svg")]
    with rc_context({"svg.hashsalt": "llm-evo"}):  # the same figure, the same file
        _lay_out(figure, dots)
        write_whole(files[0], partial(figure.savefig, format="png", dpi=dots, metadata=png_metadata(figure)))
        write_whole(files[1], partial(figure.savefig, format="svg", metadata={"Date": None}))
    return files


def _write_quality(curves: list[QualityCurve], folder: Path, drawn: bool) -> list[Path]:
    """The fitness before the optimum, as a figure and a table, where it is known exactly of a cell at least."""
    if not curves:
        return []
    from experiments.reports.quality.in_report import quality_figure, quality_table

    table = folder / "quality.csv"
    files = _write_both(quality_figure(curves), folder / "quality", DOTS_AN_INCH_OF_QUALITY) if drawn else []
    write_whole(table, partial(quality_table(curves).to_csv, index=False))
    return [*files, table]


def _lay_out(figure: Figure, dots: int) -> None:
    """Lay a figure out for good: both files have the same layout, found once, and each of them is drawn once."""
    figure.set_dpi(dots)
    engine = figure.get_layout_engine()
    assert engine is not None  # all our figures have one
    engine.execute(figure)
    figure.set_layout_engine(None)
