"""What a page is made of: a report, and what was drawn of it for its other files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from experiments.fits.along import BOTH, main_axis, parameter_column, values_along
from experiments.grids.cell_text import PROGRAM

if TYPE_CHECKING:
    from experiments.reports.panels import Sheet
    from experiments.reports.quality.in_report import QualityCurve
    from experiments.reports.report import Report


@dataclass(frozen=True, eq=False)
class Content:
    """What a page is made of.

    Attributes:
        made: the report.
        sheet: the panels of the study's figure; None where it has no figure of its own.
        curves: the fitness before the optimum of some cells.
        files: names of the other files of the report.
    """

    made: Report
    sheet: Sheet | None
    curves: Sequence[QualityCurve]
    files: Sequence[str] = ()

    @cached_property
    def rows(self) -> list[dict[Any, Any]]:
        """The summary, a row a cell."""
        return self.made.summary.to_dict("records")

    @cached_property
    def of_programs(self) -> bool:
        """Whether all cells run programs of calls."""
        return bool(self.made.summary["text"].str.startswith(PROGRAM).all())

    @cached_property
    def along(self) -> str:
        """The parameter that varies; empty if none does."""
        cells = self.made.results.cells
        name = "k" if self.made.study else main_axis(cells)
        try:
            return name if values_along(cells, name).nunique() > 1 else ""
        except InputError:
            return ""

    @cached_property
    def place(self) -> dict[str, float]:
        """The value of the parameter that varies, by the id of the cell, NaN where it has none; empty if none does."""
        if not self.along:
            return {}
        return {str(cell): float(value) for cell, value in values_along(self.made.results.cells, self.along).items()}

    @cached_property
    def shown_axes(self) -> list[str]:
        """Of k and lam, which have columns of their own, those that vary."""
        return [name for name in ("k", "lam") if self.made.summary[name].nunique(dropna=False) > 1]

    @cached_property
    def is_size(self) -> bool:
        """Whether the parameter that varies is the size of the cells."""
        cells = self.made.results.cells
        return bool(self.along) and parameter_column(cells, self.along) in ("problem.k", "program.k", BOTH)
