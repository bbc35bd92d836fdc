"""The study `nonconvex`: fitness functions on which local mutation gets stuck, or is slower than global (theory 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo import AllBlocks, Budget, OnePlusLambda, Problem, RoundRobin, Schedule, UniformChunk
from evo.schedules import UniformSubset
from experiments.fits.claims import NEVER, Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, Value, beside
from experiments.reports.panels import Curve, Panel, curve, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample
from problems import Jump, LeadingBlocks, Needle, Trap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L, M = 16, 2
MOST = 2**15
"""Budget of a run, in calls."""
JUMP: dict[str, tuple[type[Schedule], int, tuple[int, ...]]] = {
    "GLOBAL": (AllBlocks, 0, (4, 6, 8, 10)),
    "any 2 blocks": (UniformSubset, 2, (4, 6, 8, 10, 12)),
    "any 3 blocks": (UniformSubset, 3, (4, 6, 8, 10, 12)),
    "fixed chunks of 2": (UniformChunk, 2, (4, 6, 8, 10)),
    "LOCAL": (UniformChunk, 1, (4, 6, 8, 10, 12)),
}
"""Schedules on Jump with a valley of two, and the k that they are run at."""
NEEDLE: dict[str, tuple[Schedule, tuple[int, ...]]] = {
    "needle, LOCAL random": (UniformChunk(), (2, 4, 6, 8, 10)),
    "needle, LOCAL in turn": (RoundRobin(), (2, 4, 6, 8, 10)),
    "needle, GLOBAL": (AllBlocks(), (2, 4, 6, 8, 10)),
}
NOT_SUFFICIENT = "3.3.3: local mutations will not be sufficient for all evaluation functions"
TRAP, LEADING = "trap, LOCAL", "leading blocks, LOCAL"
SEVERAL = (4, 8, 16)


def _cell(problem: Problem, schedule: Schedule, accept: str = "strict") -> Cell:
    return Cell(problem, Resample(p=0.5), schedule, OnePlusLambda(accept=accept), budget=Budget(calls=MOST))


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """P = 1/2, all blocks incorrect; runs that get stuck end at their budget and are censored."""
    arms = {
        arm: [_cell(Jump(k=k, l=L, m=M), kind() if g == 0 else kind(g=g)) for k in ks]  # type: ignore[call-arg]  # kinds of schedules that take g
        for arm, (kind, g, ks) in JUMP.items()
    }
    for arm, (schedule, ks) in NEEDLE.items():
        arms[arm] = [_cell(Needle(k=k, l=L), schedule, "weak") for k in ks]
    arms[TRAP] = [_cell(Trap(k=k, l=L), UniformChunk()) for k in SEVERAL]
    arms[LEADING] = [_cell(LeadingBlocks(k=k, l=L), UniformChunk()) for k in SEVERAL]
    return Grid("nonconvex", arms, runs=runs, seed=seed)


def _k(each: Measured) -> float:
    return each.cell.problem.k


def _calls(arm: str, cells: list[Measured], place: int) -> Curve:
    return curve(arm, cells, _k, Measured.mean, Measured.exact, colour=place)


def _arrived(each: Measured) -> Value:
    return each.within(MOST)


def _share(each: Measured) -> float:
    return float(each.exact_cdf(np.array(MOST)))


def figure(arms: Arms) -> Figure:
    """Who crosses the valley of Jump and at what price; and a needle, where no call is guided."""
    crossing = [
        _calls(arm, [*arms[arm]], place) for place, arm in enumerate(JUMP) if arm in arms and arm not in _stuck()
    ]
    shares = [
        curve(arm, arms[arm], _k, _arrived, _share, colour=place) for place, arm in enumerate(JUMP) if arm in arms
    ]
    needle = [
        _calls(arm.removeprefix("needle, "), [*arms[arm]], place)
        for place, arm in zip((4, 3, 0), NEEDLE, strict=True)
        if arm in arms
    ]
    k = "k  (blocks of the solution)"
    return panels_figure(
        STUDY.title,
        [
            Panel(f"JUMP: share of runs that arrive in {MOST:,} calls", k, "share of runs", shares, log_y=False,
                  y_range=(-0.05, 1.08)),
            Panel("JUMP: calls of those schedules that do arrive", k, "mean calls to the optimum", crossing),
            Panel("NEEDLE: nothing guides, equally good is accepted", k, "mean calls to the optimum", needle),
        ],
        note=f"JUMP: a valley of {M} blocks before the optimum; p = 1/2, all incorrect at first",
    )  # fmt: skip


def _stuck() -> tuple[str, ...]:
    return "LOCAL", "fixed chunks of 2"


def findings(arms: Arms) -> Findings:
    """Shares that arrive and calls, at each k."""
    rows = []
    for arm, cells in arms.items():
        for each in cells:
            mean = each.mean()
            rows.append(
                (arm, f"{_k(each):g}", beside(_arrived(each), _share(each), each.verdict), beside(mean, each.exact()))
            )
    local, chunks, pairs = (arms[arm][-1] for arm in ("LOCAL", "fixed chunks of 2", "any 2 blocks"))
    random, whole = (arms[arm][-1] for arm in ("needle, LOCAL random", "needle, GLOBAL"))
    return Findings(
        sentences=(
            f"Local mutation is not sufficient for all evaluation functions: on Jump {_arrived(local)} of the runs "
            f"arrive at k = {_k(local):g}; exactly, none ever does.",
            f"Fixed chunks as wide as the valley do not repair it: {_arrived(chunks)} of the runs arrive at k = "
            f"{_k(chunks):g}, those whose last {M} wrong blocks lie in one chunk. Any {M} blocks do: "
            f"{pairs.mean()} calls at k = {_k(pairs):g}.",
            f"On a needle, where nothing guides, GLOBAL is faster: {whole.mean()} calls against {random.mean()} at "
            f"k = {_k(whole):g}.",
        ),
        headings=("arm", "k", f"share within {MOST:,} calls", "mean calls"),
        rows=tuple(rows),
        note="mean calls of runs that end at the budget are lower bounds (>)",
    )


STUDY = Study(
    name="nonconvex",
    question="Is every step up reachable by one block? On Jump and Trap local mutation gets stuck; subsets do not",
    grid=grid,
    claims=(
        Claim("GLOBAL", "2^k calls (3.3.1)", "hit", "exponential", "base", 2.0,
              "holds: global mutation does not look at the fitness", tolerance=0.02,
              theory="2^k on every fitness with this optimum (1a)"),
        Claim("LOCAL", NOT_SUFFICIENT, "hit", NEVER, "share of runs", 0.0,
              f"holds: it never crosses a valley of {M} blocks", theory="E = infinity on Jump_m, m >= 2 (10)"),
        Claim(TRAP, NOT_SUFFICIENT, "hit", NEVER, "share of runs", 0.0,
              "holds: the trap leads away from the optimum", theory="E = infinity (10)"),
        Claim(LEADING, NOT_SUFFICIENT, "hit", "power", "b", 2.0,
              "does not hold here: they are, in k^2/fix calls at random, not Theta(k)", theory="2 k^2 calls (10c)"),
    ),
    title="Where local mutation gets stuck: fixed chunks do not help, random subsets do",
    figure=figure,
    findings=findings,
)  # fmt: skip
