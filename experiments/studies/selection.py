"""The study `selection`: local mutation needs few calls only from an elitist parent (theory 1a, 2b)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evo import AllBlocks, Budget, OnePlusLambda, UniformChunk
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.protocol import Runner
from experiments.fits.claims import Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, beside
from experiments.reports.panels import Panel, curve, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample
from problems import BlockOneMax, Jump

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L = 16
GLOBAL, GLOBAL_ISLANDS, ELITIST = "GLOBAL, any parent", "GLOBAL, islands", "LOCAL, best parent"
ISLANDS = "LOCAL, islands"
VALLEY_K, VALLEY_CALLS = 4, 300
KS = (1, 2, 3, 4, 5, 6, 7, 8)
LOCAL: dict[str, Runner] = {
    ELITIST: OnePlusLambda(),
    "LOCAL, last of 4": Archive(4, "last"),
    "LOCAL, any of 4": Archive(4),
    "LOCAL, any of 100": Archive(100),
    "LOCAL, fit of 100": Archive(100, "proportional"),
    ISLANDS: Islands(),
}
"""Arms of local mutation, UniformChunk, by how the parent is chosen."""
VALLEY: dict[str, Runner] = {
    "valley, best parent": OnePlusLambda(),
    "valley, any of 100": Archive(100),
    "valley, grid of counts": MapElites(VALLEY_K + 1),
}
"""The same where two blocks must be right at once: who keeps worse solutions may cross."""


def grid(runs: int = 750, seed: int = 1) -> Grid:
    """P = 1/2, all blocks incorrect, one call a generation."""
    half = Resample(p=0.5)
    blocks = [BlockOneMax(k=k, l=L) for k in KS]
    arms = {
        GLOBAL: [Cell(block, half, AllBlocks(), OnePlusLambda()) for block in blocks],
        GLOBAL_ISLANDS: [Cell(block, half, AllBlocks(), Islands()) for block in blocks if block.k <= 6],
        "LOCAL, (4+1)": [Cell(block, half, UniformChunk(), MuPlusLambda(4)) for block in blocks],
    }
    for arm, runner in LOCAL.items():
        arms[arm] = [Cell(block, half, UniformChunk(), runner) for block in blocks]
    jump, budget = Jump(k=VALLEY_K, l=L, m=2), Budget(calls=VALLEY_CALLS)
    for arm, runner in VALLEY.items():
        arms[arm] = [Cell(jump, half, UniformChunk(), runner, budget=budget)]
    return Grid("selection", arms, runs=runs, seed=seed)


def _k(each: Measured) -> float:
    return each.cell.problem.k


def figure(arms: Arms) -> Figure:
    """Mean calls along k, log scale: where the curves of local mutation cross 2^k."""
    shown = [arm for arm in (GLOBAL, *LOCAL) if arm in arms]
    curves = [
        curve(arm, arms[arm], _k, Measured.mean, Measured.exact, colour=place, dashed=arm == GLOBAL)
        for place, arm in enumerate(shown)
    ]
    panel = Panel("who is varied: the best solution so far, or any of those kept", "k  (blocks of the solution)",
                  "mean calls to the optimum", curves)  # fmt: skip
    return panels_figure(
        STUDY.title,
        [panel],
        note="LOCAL: UniformChunk; dashed: GLOBAL; p = 1/2; any, last, fit of s: parent from an archive of the best s",
    )


def _first_win(cells: Sequence[Measured]) -> float:
    """The first k from which on local mutation takes surely fewer calls than 2^k; infinite if there is none here."""
    slow = [_k(each) for each in cells if each.mean().high >= 2.0 ** _k(each)]
    return min((_k(each) for each in cells if _k(each) > max(slow, default=0)), default=math.inf)


def _across(arms: Arms) -> tuple[str, ...]:
    """Who crosses a valley within the budget; nothing where its cells were not run."""
    crossed = [(arm, arms[arm][0].within(VALLEY_CALLS)) for arm in VALLEY if arms.get(arm)]
    if not crossed:
        return ()
    told = "; ".join(f"{arm.removeprefix('valley, ')} {share.value:.0%}" for arm, share in crossed)
    return (
        f"Where two blocks must be right at once (Jump, k = {VALLEY_K}, m = 2) worse solutions help: runs that arrive "
        f"within {VALLEY_CALLS} calls: {told}.",
    )


def findings(arms: Arms) -> Findings:
    """Calls relative to an elitist parent, and whether local mutation still wins."""
    base = {_k(each): each.mean().value for each in arms[ELITIST]}
    rows, wins = [], {}
    for arm, cells in arms.items():
        if arm in (GLOBAL, GLOBAL_ISLANDS, *VALLEY):
            continue
        wins[arm] = _first_win(cells)
        for each in cells:
            if _k(each) in (4, 6, 8):
                rows.append(
                    (arm, f"{_k(each):g}", beside(each.mean(), each.exact(), each.verdict),
                     f"{each.mean().value / base[_k(each)]:.2f}", f"{each.mean().value / 2 ** _k(each):.2f}")
                )  # fmt: skip
    islands = {_k(each): each.mean().value for each in arms[ISLANDS]}
    some = [k for k in (4, 5, 6) if k in islands]
    return Findings(
        sentences=(
            "GLOBAL mutation does not care whom it varies: 2^k calls whatever the runner.",
            f"LOCAL mutation does: with islands, their elites and 20 % exploration it takes "
            f"{islands[some[0]] / base[some[0]]:.3g} to {islands[some[-1]] / base[some[-1]]:.3g} times the calls of an "
            f"elitist parent at k = {some[0]:g} to {some[-1]:g}, "
            + ("more than GLOBAL." if all(islands[k] > 2**k for k in some) else "not always more than GLOBAL."),
            "First k from which LOCAL takes fewer calls than GLOBAL: "
            + "; ".join(
                f"{arm.removeprefix('LOCAL, ')} {f'none up to {KS[-1]}' if math.isinf(k) else f'{k:g}'}"
                for arm, k in wins.items()
            )
            + ".",
            *_across(arms),
        ),
        headings=("parent", "k", "calls", "times elitist", "times 2^k"),
        rows=tuple(rows),
    )


STUDY = Study(
    name="selection",
    question="Whom does a call vary? The separation needs an elitist parent; archives and islands delay it",
    grid=grid,
    claims=(
        Claim(
            GLOBAL,
            "2^k calls (3.3.1)",
            "hit",
            "exponential",
            "base",
            2.0,
            "holds, whoever the parent is",
            theory="2^k (1a)",
        ),
    ),
    title="Whom a call varies matters: local mutation wins early only from the best solution so far",
    figure=figure,
    findings=findings,
)
