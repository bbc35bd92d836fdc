"""What a named study is: a grid that needs no arguments, and what is asked of its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.grids.grid import Grid
from experiments.reports.measured import Arms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.fits.claims import Claim


@dataclass(frozen=True)
class Findings:
    """What a study found: sentences and a small table, every number in them computed from the results.

    Attributes:
        sentences: what was found.
        headings: of the table's columns.
        rows: of the table.
        note: how to read the table.
    """

    sentences: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Study:
    """A named study.

    Attributes:
        name: names it and its results folder.
        question: the question it answers, in one line.
        grid: makes its grid.
        claims: growth laws to be tested.
        speedup: arms whose ratio of costs is shown, the slow one first; empty for none.
        title: title of its figure.
        figure: draws its figure, `NAME.png`, from what was measured; None for mean cost along k, `cost.png`.
        findings: says what was found; None for measured means beside exact ones.
    """

    name: str
    question: str
    grid: Callable[[], Grid]
    claims: tuple[Claim, ...] = ()
    speedup: tuple[str, str] | tuple[()] = ()
    title: str = ""
    figure: Callable[[Arms], Figure] | None = None
    findings: Callable[[Arms], Findings] | None = None
