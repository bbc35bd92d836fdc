"""The study `noise`: noisy evaluation makes random local search exponential, unless resampled (theory 8a-8d)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evo import Budget, OnePlusLambda, OnlyIncorrect, Schedule, UniformChunk
from experiments.fits.claims import Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, Value, beside, number
from experiments.reports.panels import Curve, Panel, curve, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample
from problems import BlockOneMax, Noisy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L = 16
NONE, ONE, FOUR, ENOUGH = "no noise", "1 sample", "4 samples", "4 ln k samples"
ALONG_K = {NONE: (2, 5, 10, 15, 20, 30, 50), ONE: (2, 5, 10, 15, 20), FOUR: (2, 5, 10, 20, 30, 50),
           ENOUGH: (2, 5, 10, 20, 30, 50)}  # fmt: skip
"""The k that each arm of the first panels is run at; sigma = 1."""
AGAIN, KEPT = "parent evaluated again", "parent keeps its value"
SIGMAS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BLOCKS = 2
MOST = 10**5
"""Budget of the runs whose number of calls has an infinite variance."""


def samples(arm: str, k: int) -> int:
    """Evaluations a solution: 4 sigma^2 ln k are enough for polynomial time (theory 8b)."""
    return {ONE: 1, FOUR: 4}.get(arm) or max(1, math.ceil(4 * math.log(k)))


def _cell(problem: BlockOneMax | Noisy, schedule: Schedule, budget: int) -> Cell:
    return Cell(problem, Resample(p=0.5), schedule, OnePlusLambda(), budget=Budget(calls=budget))


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Random blocks, sigma = 1, along k; and an oracle of correctness on two blocks, along sigma."""
    arms: dict[str, list[Cell]] = {}
    for arm, ks in ALONG_K.items():
        blocks = {k: BlockOneMax(k=k, l=L) for k in ks}
        problems = [blocks[k] if arm == NONE else Noisy(blocks[k], 1.0, samples(arm, k)) for k in ks]
        arms[arm] = [_cell(problem, UniformChunk(), 10**7) for problem in problems]
    for arm, again in ((AGAIN, True), (KEPT, False)):
        arms[arm] = [
            _cell(Noisy(BlockOneMax(k=BLOCKS, l=L), sigma, reevaluate=again), OnlyIncorrect(), MOST) for sigma in SIGMAS
        ]
    return Grid("noise", arms, runs=runs, seed=seed)


def _k(each: Measured) -> float:
    return each.cell.problem.k


def _sigma(each: Measured) -> float:
    problem = each.cell.problem
    return problem.sigma if isinstance(problem, Noisy) else 0.0


def _evaluations(each: Measured) -> float:
    """Evaluations a call: the offspring, and the parent again."""
    problem = each.cell.problem
    return problem.samples * (1.0 + problem.reevaluate) if isinstance(problem, Noisy) else 1.0


def _calls(each: Measured) -> Value:
    return each.mean()


def figure(arms: Arms) -> Figure:
    """Calls and evaluations along k, with and without resampling; calls along sigma, with and without re-evaluation."""
    along = [(place, arm) for place, arm in enumerate(ALONG_K) if arm in arms]
    calls = [curve(arm, arms[arm], _k, _calls, Measured.exact, colour=place) for place, arm in along]
    paid = [
        curve(arm, arms[arm], _k, lambda each: each.mean().times(_evaluations(each)),
              lambda each: each.exact() * _evaluations(each), colour=place)
        for place, arm in along
    ]  # fmt: skip
    kept: list[Curve] = [
        curve(arm, arms[arm], _sigma, _calls, Measured.exact, colour=place)
        for place, arm in ((4, AGAIN), (5, KEPT))
        if arm in arms
    ]
    k = "k  (blocks of the solution)"
    return panels_figure(
        STUDY.title,
        [
            Panel("CALLS: sigma = 1, LOCAL UniformChunk", k, "mean calls to the optimum", calls),
            Panel("EVALUATIONS that they take", k, "mean evaluations", paid),
            Panel(f"k = {BLOCKS}, only incorrect blocks: a lucky parent stays", "sigma  (of one evaluation)",
                  "mean calls to the optimum", kept),
        ],
        note="fitness: number of correct blocks; sigma: its error, normal, each evaluation anew",
    )  # fmt: skip


def findings(arms: Arms) -> Findings:
    """Slow-down over runs without noise, and what re-evaluation saves."""
    rows = []
    clean = {_k(each): each for each in arms[NONE]}
    for arm in ALONG_K:
        for each in arms.get(arm, ()):
            if _k(each) < 10:
                continue
            slower = each.mean().value / clean[_k(each)].mean().value
            rows.append(
                (arm, f"{_k(each):g}", beside(each.mean(), each.exact(), each.verdict), f"{slower:.3g}",
                 number(each.mean().value * _evaluations(each)))
            )  # fmt: skip
    for arm in (AGAIN, KEPT):
        for each in arms.get(arm, ()):
            rows.append(
                (f"{arm}, sigma = {_sigma(each):g}", str(BLOCKS), beside(each.mean(), each.exact(), each.verdict), "",
                 number(each.mean().value * _evaluations(each)))
            )  # fmt: skip
    one, enough = arms[ONE][-1], arms[ENOUGH][-1]
    again, kept = arms[AGAIN][-1], arms[KEPT][-1]
    return Findings(
        sentences=(
            f"With one evaluation each (sigma = 1) random local search takes "
            f"{one.mean().value / clean[_k(one)].mean().value:.3g} times the calls of a run without noise at k = "
            f"{_k(one):g}, and exponentially many as k grows.",
            f"4 ln k samples keep it polynomial: {enough.mean().value / clean[_k(enough)].mean().value:.3g} times at "
            f"k = {_k(enough):g}; the price is {_evaluations(enough):g} evaluations a call.",
            f"A parent that keeps the value it was accepted with is a lucky one and hard to beat: {kept.mean()} calls "
            f"against {again.mean()} at sigma = {_sigma(kept):g}, k = {BLOCKS}.",
        ),
        headings=("evaluation", "k", "calls", "times no noise", "evaluations"),
        rows=tuple(rows),
        note="a parent that keeps its value: the variance of the calls is infinite, their mean is not",
    )


STUDY = Study(
    name="noise",
    question="Does evaluation err? Resample 4 sigma^2 ln k times, or random local search takes exponential time",
    grid=grid,
    claims=(
        Claim(NONE, "Theta(k) calls (Eq. 13)", "hit", "x log x", "A", 2.0,
              "does not hold: Theta(k log k) for random blocks, even without noise", least=5, tolerance=0.02,
              theory="2 k H_k calls (2b)"),
    ),
    title="Noisy evaluation: random local search stays polynomial only with about $4\\sigma^2 \\ln k$ samples",
    figure=figure,
    findings=findings,
)  # fmt: skip
