"""The study `keep`: the 2^k of Eq. 12 is the price of damaging what was right, and vanishes as keep -> 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo import AllBlocks, OnePlusLambda
from experiments.fits.claims import Claim
from experiments.grids.grid import Grid, sweep
from experiments.reports.measured import Arms, beside, number, ratio_noise
from experiments.reports.panels import Panel, growth, mean_at, panels_figure
from experiments.reports.study import Findings, Study
from operators import FixKeep
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L = 16
FIX = 0.5
KS = (1, 2, 4, 6, 8, 10, 12, 14, 17, 20, 25, 30)
KEEPS = {0.5: 14, 0.75: 25, 0.9: 30, 0.95: 30, 0.99: 30, 1.0: 30}
"""keep, and the largest k that is run: at keep = 1/2 a run takes 2^k calls."""
FURTHEST, SHOWN = 30, 20
"""The k to which exact curves go, and the one that the findings speak of."""


def label(keep: float) -> str:
    """The arm of a value of keep."""
    return f"keep {keep:g}"


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """GLOBAL mutation, fix = 1/2, all blocks incorrect at first, strict (1+1)-EA."""
    arms = {
        label(keep): sweep(
            problem=[BlockOneMax(k=k, l=L) for k in KS if k <= most],
            mutator=FixKeep(fix=FIX, keep=keep),
            schedule=AllBlocks(),
            runner=OnePlusLambda(),
        )
        for keep, most in KEEPS.items()
    }
    return Grid("keep", arms, runs=runs, seed=seed)


def figure(arms: Arms) -> Figure:
    """Mean calls along k, a curve a keep; exact curves go on where 2^k calls were not run."""
    curves = [
        growth(f"{arm}:\n{number(mean_at(cells[0], SHOWN))} calls at k = {SHOWN}", cells, FURTHEST, colour=place)
        for place, (arm, cells) in enumerate(arms.items())
    ]
    panel = Panel("", "k  (blocks of the solution)", "mean calls to the optimum", curves, upright=SHOWN)
    return panels_figure(STUDY.title, [panel], note="beyond the points: exact, not run")


def findings(arms: Arms) -> Findings:
    """Calls at the largest k that were run, and growth a block, by keep."""
    rows = []
    for arm, cells in arms.items():
        keep = cells[0].cell.mutator.keep  # type: ignore[union-attr]  # FixKeep
        last, before = cells[-1], cells[-2]
        ks = (last.cell.problem.k, before.cell.problem.k)
        step = (last.mean().value / before.mean().value) ** (1 / (ks[0] - ks[1]))
        noise = step * ratio_noise(last.mean(), before.mean()) / (ks[0] - ks[1])
        base = 1 / max(FIX, keep)
        rows.append(
            (arm, str(ks[0]), beside(last.mean(), last.exact(), last.verdict), f"{step:.3f} ±{noise:.2g}",
             f"{base:.3f}", number(mean_at(last, SHOWN)))
        )  # fmt: skip
    ends = {arm: number(mean_at(cells[0], SHOWN)) for arm, cells in arms.items()}
    first, *_, final = ends
    return Findings(
        sentences=(
            f"The exponential is what a call does to correct blocks: at k = {SHOWN} GLOBAL mutation takes "
            f"{ends[first]} calls with {first} and {ends[final]} with {final}, repairing wrong blocks equally well "
            f"(fix = {FIX:g}).",
            "Calls grow by at most 1/max(fix, keep) a block, and by that much in the end (theory 1f).",
        ),
        headings=("arm", "k", "calls", "growth a block, last two k", "1/max(fix, keep)", f"exact at k = {SHOWN}"),
        rows=tuple(rows),
        note="growth a block: of measured means, with its 95 % interval; the bound 1/max(fix, keep) is on exact means",
    )


STUDY = Study(
    name="keep",
    question="Does the model damage what was right? The 2^k of global mutation vanishes as keep -> 1",
    grid=grid,
    claims=(
        Claim(label(0.5), "2^k calls (3.3.1)", "hit", "exponential", "base", 2.0, "holds exactly at keep = 1/2",
              theory="2^k (1a)"),
        Claim(label(0.75), "2^k calls (3.3.1)", "hit", "exponential x power", "base", 1 / 0.75,
              "does not hold: base 1/keep", least=8, tolerance=0.03, theory="base 1/keep in the end (1f)"),
        Claim(label(0.99), "2^k calls (3.3.1)", "hit", "exponential x power", "base", 1 / 0.99,
              "does not hold: no factor 2 a block is left", least=4, at_most=True, tolerance=0.01,
              theory="base 1/keep at the most (1f)"),
    ),
    title="The $2^k$ is the price of damaging correct blocks: gone as keep $\\to$ 1",
    figure=figure,
    findings=findings,
)  # fmt: skip
