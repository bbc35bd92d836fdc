"""The study `judge`: judges of blocks that err, vote, or never change their mind (theory 8c, 8e, 9d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evo import Budget, OnePlusLambda, UniformChunk
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, beside
from experiments.reports.panels import Panel, curve, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample
from problems import BlockOneMax, Judged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K, L = 10, 16
MOST = 2000
"""Budget of runs whose judgements last: those that still go on never end."""
AFRESH: dict[str, tuple[dict[str, Any], tuple[float, ...]]] = {
    "all blocks judged": ({}, (0.01, 0.03, 0.05, 0.1, 0.15, 0.2)),
    "all blocks, 3 judges vote": ({"votes": 3}, (0.01, 0.03, 0.05, 0.1, 0.2, 0.3)),
    "all blocks, first ahead by 3": ({"ahead": 3}, (0.01, 0.03, 0.05, 0.1, 0.2, 0.3)),
    "the changed block only": ({"blocks": "changed"}, (0.01, 0.03, 0.05, 0.1, 0.2, 0.3)),
}
LASTING: dict[str, dict[str, Any]] = {
    "lasting, 1 judge": {},
    "lasting, 3 judges vote": {"votes": 3},
    "lasting, first ahead by 3": {"ahead": 3},
}
ERRORS = (0.01, 0.03, 0.05, 0.1, 0.2, 0.3)


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Ten blocks, all incorrect, random blocks called, p = 1/2; each verdict wrong w.p. f, either way."""

    def cell(error: float, most: int, **settings: Any) -> Cell:
        problem = Judged(BlockOneMax(k=K, l=L), fp=error, fn=error, **settings)
        return Cell(problem, Resample(p=0.5), UniformChunk(), OnePlusLambda(), budget=Budget(calls=most))

    arms = {arm: [cell(error, 10**6, **how) for error in errors] for arm, (how, errors) in AFRESH.items()}
    for arm, how in LASTING.items():
        arms[arm] = [cell(error, MOST, persistent=True, **how) for error in ERRORS]
    return Grid("judge", arms, runs=runs, seed=seed)


def _error(each: Measured) -> float:
    problem = each.cell.problem
    return problem.fp if isinstance(problem, Judged) else 0.0


def _share(each: Measured) -> float:
    return float(each.exact_cdf(np.array(_budget(each))))


def _budget(each: Measured) -> int:
    budget = each.cell.budget
    return MOST if budget is None or budget.calls is None else budget.calls


def figure(arms: Arms) -> Figure:
    """Calls along the error rate where judgements are drawn anew, and how many runs get it right where they last."""
    calls = [
        curve(arm, arms[arm], _error, Measured.mean, Measured.exact, colour=place)
        for place, arm in enumerate(AFRESH)
        if arm in arms
    ]
    right = [
        curve(arm.removeprefix("lasting, "), arms[arm], _error, lambda each: each.within(_budget(each)), _share,
              colour=place)
        for place, arm in zip((0, 1, 2), LASTING, strict=True) if arm in arms
    ]  # fmt: skip
    error = "error rate of a verdict, f = fp = fn"
    return panels_figure(
        STUDY.title,
        [
            Panel("VERDICTS DRAWN ANEW: it takes longer", error, "mean calls to the optimum", calls),
            Panel("SAME TEXT, SAME VERDICT: it ends wrong", error, f"share of runs truly correct after {MOST:,} calls",
                  right, log_y=False, y_range=(0.0, 1.05)),
        ],
        note=f"k = {K}, LOCAL UniformChunk, p = 1/2; who votes judges each block of offspring and parent",
    )  # fmt: skip


def findings(arms: Arms) -> Findings:
    """Calls and shares at each error rate."""
    rows = []
    for arm in (*AFRESH, *LASTING):
        for each in arms.get(arm, ()):
            lasting = arm in LASTING
            right = each.within(_budget(each)) if lasting else None
            rows.append(
                (arm, f"{_error(each):g}",
                 "-" if lasting else beside(each.mean(), each.exact(), each.verdict),
                 "1" if right is None else beside(right, _share(each), each.verdict))
            )  # fmt: skip
    plain = arms["all blocks judged"][-1]
    changed = next(each for each in arms["the changed block only"] if _error(each) == _error(plain))
    one, ahead = (arms[arm][3] for arm in ("lasting, 1 judge", "lasting, first ahead by 3"))
    return Findings(
        sentences=(
            f"Judging all {K} blocks again drowns one block's progress in {K} blocks' errors: {plain.mean()} calls at "
            f"f = {_error(plain):g}, against {changed.mean()} if only what changed is judged.",
            f"If the same text always gets the same verdict, asking again says nothing: at f = {_error(one):g} only "
            f"{one.within(MOST)} of the runs end correct; judges who vote until one verdict is 3 ahead: "
            f"{ahead.within(MOST)}.",
        ),
        headings=("judges", "f", "calls", "share correct"),
        rows=tuple(rows),
        note="lasting: the mean is infinite, the share is of runs within the budget",
    )


STUDY = Study(
    name="judge",
    question="Do judges err? Afresh it costs calls; lasting errors cost the solution, less if judges vote",
    grid=grid,
    title="Judges that err: fresh errors cost calls, lasting ones cost correctness; judge what changed, or vote",
    figure=figure,
    findings=findings,
)
