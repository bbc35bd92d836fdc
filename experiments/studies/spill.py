"""The study `spill`: a local call that also damages what it was not given costs e^{sk} (theory 4c)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evo import OnePlusLambda, OnlyIncorrect, UniformChunk
from experiments.fits.claims import Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, beside, ratio_noise
from experiments.reports.panels import Panel, growth, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample, Spill
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.protocols import AnyMutator

L = 16
KS = (1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50)
RATES = (0.0, 0.01, 0.05, 0.1)
SCHEDULES = {"OnlyIncorrect": (OnlyIncorrect(), 50), "UniformChunk": (UniformChunk(), 30)}
"""Schedules, and the largest k that is run."""


def label(schedule: str, rate: float) -> str:
    """The arm of a schedule and a rate."""
    return f"{schedule}, s = {rate:g}"


def _mutator(rate: float) -> AnyMutator:
    return Spill(Resample(p=0.5), rate=rate) if rate else Resample(p=0.5)


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """One block a call, p = 1/2, all incorrect at first; each correct block elsewhere breaks w.p. s."""
    arms = {
        label(name, rate): [
            Cell(BlockOneMax(k=k, l=L), _mutator(rate), schedule, OnePlusLambda()) for k in KS if k <= most
        ]
        for name, (schedule, most) in SCHEDULES.items()
        for rate in RATES
    }
    return Grid("spill", arms, runs=runs, seed=seed)


def _k(each: Measured) -> float:
    return each.cell.problem.k


def figure(arms: Arms) -> Figure:
    """Mean calls along k, linear in k and log in calls: exponentials are straight lines."""
    panels = []
    for name in SCHEDULES:
        shown = [(place, arms[label(name, rate)], rate) for place, rate in enumerate(RATES)]
        curves = [
            growth(f"s = {rate:g}" if rate else "s = 0 (no spill)", cells, colour=place) for place, cells, rate in shown
        ]
        panels.append(Panel(f"LOCAL {name}", "k  (blocks of the solution)", "mean calls to the optimum", curves))
    return panels_figure(
        STUDY.title, panels, note="s: P(a call breaks a correct block that it was not given), for each such block"
    )


def findings(arms: Arms) -> Findings:
    """Calls with and without spill at the largest k, and the growth over the last blocks."""
    rows, factors, noise = [], {}, 0.0
    for name in SCHEDULES:
        clean = arms[label(name, 0.0)][-1].mean().value
        for rate in RATES:
            cells = arms[label(name, rate)]
            last, before = cells[-1], cells[-2]
            factors[name, rate] = last.mean().value / clean
            noise = max(noise, ratio_noise(last.mean(), before.mean()) / (_k(last) - _k(before)))
            slope = math.log(last.mean().value / before.mean().value) / (_k(last) - _k(before))
            rows.append(
                (label(name, rate), f"{_k(last):g}", beside(last.mean(), last.exact(), last.verdict),
                 f"{factors[name, rate]:.3g}", f"{slope:.3f}", f"{abs(math.log(1 - rate)):.3f}")
            )  # fmt: skip
    ks = {name: _k(arms[label(name, 0.0)][-1]) for name in SCHEDULES}
    worst = RATES[-1]
    return Findings(
        sentences=(
            f"Local mutation is linear only if calls leave the rest alone: breaking each other correct block w.p. "
            f"{worst:g} costs "
            + " and ".join(f"{factors[n, worst]:.3g} times as much at k = {ks[n]:g} ({n})" for n in SCHEDULES)
            + ".",
            f"Growth is e^(sk): s = {RATES[1]:g} is harmless up to k = 1/s = {1 / RATES[1]:g}, here "
            + " and ".join(f"{factors[n, RATES[1]]:.3g} times" for n in SCHEDULES)
            + ".",
        ),
        headings=("arm", "k", "calls", "times no spill", "ln growth a block", "-ln(1-s)"),
        rows=tuple(rows),
        note=f"ln growth a block: over the last two k, of measured means, 95 % intervals ±{noise:.2g} at most; "
        "-ln(1-s): what it falls to as k grows, slowly for small s",
    )


STUDY = Study(
    name="spill",
    question="Does a local call damage what it was not given? With probability s a block, costs grow like e^(sk)",
    grid=grid,
    claims=(
        Claim(label("OnlyIncorrect", 0.0), "Theta(k) (Eq. 13)", "hit", "power", "b", 1.0,
              "holds exactly, without spill", theory="2k calls (2a)"),
        Claim(label("OnlyIncorrect", 0.1), "Theta(k) (Eq. 13)", "hit", "exponential", "base", 1 / 0.9,
              "does not hold: exponential, base 1/(1-s)", least=25, tolerance=0.02,
              theory="(1-s)^-k (4c)"),
    ),
    title="Local calls that break what they were not given: cost grows like $e^{sk}$, not like $k$",
    figure=figure,
    findings=findings,
)  # fmt: skip
