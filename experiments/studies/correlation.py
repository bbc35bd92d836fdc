"""The study `correlation`: at the same success 1/2 a block, correlated errors turn 2^k calls into a power law."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect
from experiments.fits.claims import Claim
from experiments.grids.grid import Grid, sweep
from experiments.reports.measured import Arms, Measured, beside
from experiments.reports.panels import Panel, growth, panels_figure
from experiments.reports.study import Findings, Study
from operators import BetaQuality, Resample
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L = 16
KS = (1, 2, 4, 6, 8, 10, 12, 16, 24, 32, 48, 64)
INDEPENDENT, UNIFORM = "independent blocks", "Beta(1, 1), uniform"
LOCAL = "LOCAL OnlyIncorrect"
QUALITIES = {"Beta(8, 8)": (8, 16), "Beta(4, 4)": (4, 32), "Beta(2, 2)": (2, 64), UNIFORM: (1, 64),
             "Beta(0.5, 0.5)": (0.5, 64)}  # fmt: skip
"""Quality of a call, by arm: a = b, and the largest k that is run."""
MOST_INDEPENDENT = 12
TOP = 2e4
"""Calls where the figure ends."""


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """GLOBAL mutation, all marginals 1/2, from independent blocks to strongly correlated ones; and local mutation."""
    one = OnePlusLambda()
    blocks = [BlockOneMax(k=k, l=L) for k in KS]
    arms = {
        INDEPENDENT: sweep(
            problem=[block for block in blocks if block.k <= MOST_INDEPENDENT],
            mutator=Resample(p=0.5),
            schedule=AllBlocks(),
            runner=one,
        )
    }
    for arm, (a, most) in QUALITIES.items():
        some = [block for block in blocks if block.k <= most]
        arms[arm] = sweep(problem=some, mutator=BetaQuality(a=a, b=a), schedule=AllBlocks(), runner=one)
    arms[LOCAL] = sweep(problem=blocks, mutator=Resample(p=0.5), schedule=OnlyIncorrect(), runner=one)
    return Grid("correlation", arms, runs=runs, seed=seed)


def _correlation(arm: str) -> float:
    """Correlation of two blocks of a call, 1/(a+b+1) (theory 6a)."""
    return 1 / (2 * QUALITIES[arm][0] + 1) if arm in QUALITIES else 0.0


def _label(arm: str) -> str:
    if arm == LOCAL:
        return "LOCAL OnlyIncorrect:\n2k calls"
    law = {INDEPENDENT: "$2^k$", UNIFORM: "k+1"}.get(arm) or f"~$k^{{{QUALITIES[arm][0]:g}}}$"
    return f"corr. {_correlation(arm):.2g}:\n{law} calls"


def figure(arms: Arms) -> Figure:
    """Mean calls along k on log scales: power laws are straight, the exponential is not."""
    curves = [
        growth(_label(arm), cells, KS[-1], colour=place, dashed=arm == LOCAL)
        for place, (arm, cells) in enumerate(arms.items())
    ]
    panel = Panel("GLOBAL, success 1/2 a block; corr.: correlation of two blocks of a call",
                  "k  (blocks of the solution)", "mean calls to the optimum", curves, log_x=2,
                  y_range=(1.5, TOP))  # fmt: skip
    return panels_figure(STUDY.title, [panel], note="beyond the points: exact, not run; dashed: one block a call")


def findings(arms: Arms) -> Findings:
    """Calls at the largest k of each arm, and at the largest that all have."""
    shared = max(set.intersection(*({each.cell.problem.k for each in cells} for cells in arms.values())))
    rows, at = [], {}
    for arm, cells in arms.items():
        common = next(each for each in cells if each.cell.problem.k == shared)
        at[arm] = common.mean()
        last = cells[-1]
        rows.append(
            (arm, "-" if arm == LOCAL else f"{_correlation(arm):.3f}",
             beside(common.mean(), common.exact(), common.verdict), str(last.cell.problem.k),
             beside(last.mean(), last.exact(), last.verdict))
        )  # fmt: skip
    uniform, local = arms[UNIFORM][-1], arms[LOCAL][-1]
    return Findings(
        sentences=(
            f"The paper's 50 % a block does not give 2^k: at k = {shared} global mutation takes {at[INDEPENDENT]} "
            f"calls if blocks are independent and {at[UNIFORM]} if the quality of a call is uniform (correlation 1/3).",
            f"Uniform quality takes k + 1 calls (theory 6a), local mutation 2k: {_compared(uniform, local)}.",
        ),
        headings=("quality of a call", "correlation", f"calls at k = {shared}", "largest k", "calls there"),
        rows=tuple(rows),
    )


def _compared(one: Measured, other: Measured) -> str:
    """Calls of two cells, with their k once if it is the same."""
    ks = [each.cell.problem.k for each in (one, other)]
    at = "" if ks[0] == ks[1] else f" at k = {ks[0]}"
    return f"{one.mean()}{at} against {other.mean()} at k = {ks[1]}"


STUDY = Study(
    name="correlation",
    question="Do the errors of one call go together? Exponential becomes power law, at the same success 1/2 a block",
    grid=grid,
    claims=(
        Claim(INDEPENDENT, "2^k calls (3.3.1)", "hit", "exponential", "base", 2.0,
              "holds exactly, for calls whose blocks are independent",
              theory="2^k (1a)"),
        Claim(UNIFORM, "2^k calls (3.3.1)", "hit", "power", "b", 1.0,
              "does not hold: k + 1 calls, though each block succeeds w.p. 1/2", least=16, tolerance=0.05,
              theory="k + 1 calls (6a)"),
        Claim("Beta(2, 2)", "2^k calls (3.3.1)", "hit", "power", "b", 2.0,
              "does not hold: a power law k^2", least=16, tolerance=0.1, theory="(k+2)(k+3)/6 calls (6a)"),
    ),
    title="The more errors go together, the fewer calls: from $2^k$ to a few",
    figure=figure,
    findings=findings,
)  # fmt: skip
