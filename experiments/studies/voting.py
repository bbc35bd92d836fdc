"""The study `voting`: error correction by asking again, with and without a look at the fitness (theory 9).

One cell answers both questions. A run goes on until all k blocks are right, since fitness is checked; but the share of
runs that hit with their k-th answer is the success of blind voting, which accepts k winning answers unseen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evo import OnePlusLambda, OnlyIncorrect
from evo.errors import NoPrediction
from experiments.grids.grid import Grid, sweep
from experiments.predictions.predict import calls_an_answer
from experiments.reports.measured import Arms, Measured, Value, beside, number
from experiments.reports.panels import Panel, curve, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample, Vote
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K, L = 10, 16
AHEADS = (1, 2, 3, 4, 5, 6)
VOTES: dict[str, tuple[float, str, float]] = {
    "p = 0.4": (0.4, "one", 0.0),
    "p = 0.5": (0.5, "one", 0.0),
    "p = 0.6": (0.6, "one", 0.0),
    "p = 0.8": (0.8, "one", 0.0),
    "p = 0.8, 20 % copied": (0.8, "one", 0.2),
    "p = 0.4, wrong answers distinct": (0.4, "distinct", 0.0),
}
"""Of each arm p, what wrong answers are like, and the share of votes that are copies of the first."""


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """Ten blocks, all incorrect at first; each call of the schedule is one vote, first to ahead by K."""
    arms = {
        arm: sweep(
            problem=BlockOneMax(k=K, l=L),
            mutator=[Vote(Resample(p=p), ahead=ahead, wrong=wrong, copied=copied) for ahead in AHEADS],
            schedule=OnlyIncorrect(),
            runner=OnePlusLambda(),
        )
        for arm, (p, wrong, copied) in VOTES.items()
    }
    return Grid("voting", arms, runs=runs, seed=seed)


def _ahead(each: Measured) -> float:
    return each.cell.mutator.ahead  # type: ignore[union-attr, no-any-return]  # Vote


def _blind_success(each: Measured) -> Value:
    """Share of runs whose first k answers were all right."""
    return each.within(each.cell.problem.k)


def _blind_calls(each: Measured) -> Value:
    """Calls of k answers."""
    return each.answer_calls.times(each.cell.problem.k)


def _exact_success(each: Measured) -> float:
    return float(each.exact_cdf(np.array(each.cell.problem.k)))


def _exact_calls(each: Measured) -> float:
    try:
        return each.cell.problem.k * calls_an_answer(each.cell)
    except NoPrediction:
        return math.nan


def figure(arms: Arms) -> Figure:
    """Success and calls of blind voting, and what verified search takes with the same votes."""
    success = [
        curve(arm, cells, _ahead, _blind_success, _exact_success, colour=place)
        for place, (arm, cells) in enumerate(arms.items())
    ]
    spent = [
        curve(arm, cells, _ahead, lambda each: each.mean("calls"), lambda each: each.exact("calls"),
              colour=place)
        for place, (arm, cells) in enumerate(arms.items())
    ]  # fmt: skip
    blind = [
        curve(arm, cells, _ahead, _blind_calls, _exact_calls, colour=place)
        for place, (arm, cells) in enumerate(arms.items())
    ]
    k = next(iter(arms.values()))[0].cell.problem.k
    ahead = "K  (votes ahead that decide)"
    return panels_figure(
        STUDY.title,
        [
            Panel(
                f"BLIND: P(all {k} blocks right)",
                ahead,
                "share of runs with all right",
                success,
                log_y=False,
                y_range=(-0.02, 1.05),
            ),
            Panel("BLIND: calls spent", ahead, "mean calls", blind, y_range=(8, 4000)),
            Panel(
                "FITNESS CHECKED: calls until all right, fewest at K = 1", ahead, "mean calls", spent, y_range=(8, 4000)
            ),
        ],
        note="blind: one answer a block, accepted unseen; checked: asked again until right; K = 1: no voting",
    )


def findings(arms: Arms) -> Findings:
    """Blind voting at the largest lead, beside verified search without votes."""
    rows, said = [], {}
    for arm, cells in arms.items():
        plain, last = cells[0], cells[-1]
        said[arm] = (plain, last)
        rows.append(
            (arm, beside(_blind_success(plain), _exact_success(plain), plain.verdict), f"{_ahead(last):g}",
             beside(_blind_success(last), _exact_success(last), last.verdict),
             beside(_blind_calls(last), _exact_calls(last)),
             beside(plain.mean("calls"), plain.exact("calls")))
        )  # fmt: skip
    half, good = said["p = 0.5"][1], said["p = 0.8"]
    return Findings(
        sentences=(
            f"At the paper's p = 1/2 votes carry no information: blind voting ahead by {_ahead(half):g} spends "
            f"{_blind_calls(half)} calls and has all blocks right with probability {_blind_success(half)}; below 1/2 "
            "it makes things worse, unless wrong answers differ from each other.",
            f"At p = 0.8 it works: success {_blind_success(good[0])} without, {_blind_success(good[1])} with "
            f"{_blind_calls(good[1])} calls; copied votes put a ceiling on that.",
            "If every answer can be evaluated without error and at no cost, plain local search is always right with "
            f"k/p calls, {good[0].mean('calls')} at "
            f"p = 0.8 and {said['p = 0.5'][0].mean('calls')} at p = 0.5, and " + _never_pays(arms),
        ),
        headings=("votes", "blind, K = 1", "K", "blind success", "blind calls", "checked, no votes"),
        rows=tuple(rows),
        note=f"k = {K} blocks; blind success: all of them right after one answer each; checked: calls until fitness "
        "says so",
    )


def _never_pays(arms: Arms) -> str:
    """Whether votes ever save calls where fitness is checked."""
    better = [
        f"{arm}, K = {_ahead(best):g} ({number(best.mean('calls').value)} calls)"
        for arm, cells in arms.items()
        if (best := min(cells, key=lambda each: each.mean("calls").value)) is not cells[0]
    ]
    return "votes on top only cost more." if not better else f"votes pay only at {'; '.join(better)}."


STUDY = Study(
    name="voting",
    question="Does asking again and voting correct errors? Success and calls against the lead K, blind and checked",
    grid=grid,
    title="Voting helps only above p = 1/2, or if wrong answers differ; where fitness is checked, it only costs",
    figure=figure,
    findings=findings,
)
