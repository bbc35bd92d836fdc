"""The study `parallel`: what calls made at the same time buy GLOBAL and LOCAL mutation (theory 11, Section 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from evo.costs.latency import Latency
from evo.protocols import AnyRunner, FloatArray
from evo.runners.parallel import Asynchronous, Merged
from evo.schedules import EachChunk
from evo.seeding import streams
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, Value, beside, mean_value, number
from experiments.reports.panels import Curve, Panel, curve, panels_figure
from experiments.reports.study import Findings, Study
from experiments.reports.waiting import Barriers, waited
from operators import Resample
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K, L = 8, 16
GLOBAL, BEST = "GLOBAL, lam at once", "LOCAL, best of lam kept"
EACH, TURN, WRONG = "LOCAL, each block, best kept", "LOCAL, merged, in turn", "LOCAL, merged, only wrong"
BARRIERS, FREE = "barriers", "asynchronous"
LAMS, WORKERS = (1, 4, 16, 64, 256, 1024), (1, 2, 4, 8)
TIMED_K, TIMED_WORKERS = 32, 16
TAILS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Sigma of the lognormal latency of a call, mean 1 s."""


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """P = 1/2, all blocks incorrect at first: more and more calls at once, and latencies with heavier tails."""
    problem, half = BlockOneMax(k=K, l=L), Resample(p=0.5)
    several: list[AnyRunner] = [Merged(workers=w) for w in WORKERS]
    timed = BlockOneMax(k=TIMED_K, l=L)
    free = [Asynchronous(workers=TIMED_WORKERS, latency=Latency(fixed=1.0, tail=tail)) for tail in TAILS]
    arms = {
        GLOBAL: [Cell(problem, half, AllBlocks(), OnePlusLambda(lam)) for lam in LAMS],
        BEST: [Cell(problem, half, UniformChunk(), OnePlusLambda(lam)) for lam in LAMS[:4]],
        EACH: [Cell(problem, half, EachChunk(), OnePlusLambda(K))],
        TURN: [Cell(problem, half, RoundRobin(), runner) for runner in several],
        WRONG: [Cell(problem, half, OnlyIncorrect(), runner) for runner in several],
        BARRIERS: [Cell(timed, half, RoundRobin(), Merged(workers=TIMED_WORKERS))],
        FREE: [Cell(timed, half, RoundRobin(), runner) for runner in free],
    }
    return Grid("parallel", arms, runs=runs, seed=seed)


def at_once(each: Measured) -> float:
    """Calls made at the same time."""
    runner = each.cell.runner
    return float(runner.workers or K) if isinstance(runner, Merged) else float(runner.lam)


def _rounds(each: Measured) -> Value:
    return mean_value(each.generations)


def _exact_rounds(each: Measured) -> float:
    return each.exact("generations")


def barrier_seconds(each: Measured, tail: float) -> FloatArray:
    """Seconds of each run if every round waits for the last of its calls; the same runs for every latency."""
    rounds = Barriers.full(each.generations.astype(np.int64), int(at_once(each)))
    rng = streams(1, f"{each.cell.text} {tail}", 0).latency
    return waited([rounds], each.runs, (1.0, 1.0), None, Latency(fixed=1.0, tail=tail), rng)[1]


def _tail(each: Measured) -> float:
    runner = each.cell.runner
    return runner.latency.tail if isinstance(runner, Asynchronous) else 0.0


def _waiting(arms: Arms) -> list[Curve]:
    none = np.empty(0)
    curves = []
    if BARRIERS in arms:
        values = [mean_value(barrier_seconds(arms[BARRIERS][0], tail)) for tail in TAILS]
        curves.append(Curve("merged, each round\nwaits for its slowest", np.array(TAILS), values, none, none, 3))
    if FREE in arms:
        tails = np.array([_tail(each) for each in arms[FREE]])
        curves.append(Curve(FREE, tails, [mean_value(each.seconds) for each in arms[FREE]], none, none, 5))
    return curves


def _short(arm: str) -> str:
    """The name of an arm in the figure, where all but GLOBAL are LOCAL."""
    return arm.removeprefix("LOCAL, ")


def figure(arms: Arms) -> Figure:
    """Rounds and calls along the number of calls at once; seconds along the tail of the latency."""
    shown = [(place, arm) for place, arm in enumerate((GLOBAL, BEST, EACH, TURN, WRONG)) if arm in arms]
    rounds = [curve(_short(arm), arms[arm], at_once, _rounds, _exact_rounds, colour=place) for place, arm in shown]
    calls = [
        curve(
            _short(arm),
            arms[arm],
            at_once,
            lambda each: mean_value(each.calls),
            lambda each: each.exact("calls"),
            colour=place,
        )
        for place, arm in shown
    ]
    width = "calls at the same time  (lam, or workers)"
    return panels_figure(
        STUDY.title,
        [
            Panel(f"ROUNDS: waiting time, k = {K}", width, "mean rounds to the optimum", rounds, log_x=2),
            Panel("CALLS: what is paid", width, "mean calls", calls, log_x=2),
            Panel(f"SECONDS with {TIMED_WORKERS} workers, k = {TIMED_K}, 1 s a call",
                  "tail of the latency  (sigma of its logarithm)", "mean seconds to the optimum", _waiting(arms),
                  log_y=False),
        ],
        note="p = 1/2; all but GLOBAL are LOCAL, one block a call; merged: all improvements of a round are kept, each "
        "evaluated by itself",
    )  # fmt: skip


def findings(arms: Arms) -> Findings:
    """Rounds and calls of every way, and seconds with and without barriers."""
    rows = []
    for arm, cells in arms.items():
        for each in cells:
            timed = arm in (BARRIERS, FREE)
            seconds = mean_value(each.seconds) if arm == FREE else mean_value(barrier_seconds(each, 0.0))
            rows.append(
                (
                    f"{arm}, tail {_tail(each):g}" if timed else arm,
                    number(TIMED_WORKERS if timed else at_once(each)),
                    "-" if arm == FREE else beside(_rounds(each), _exact_rounds(each), each.verdict),
                    beside(mean_value(each.calls), each.exact("calls")),
                    str(seconds) if timed else "-",
                )
            )
    many, one = arms[GLOBAL][-1], arms[GLOBAL][0]
    merged, kept = arms[WRONG][-1], arms[EACH][0]
    barrier, free = arms[BARRIERS][0], arms[FREE][-1]
    last = TAILS[-1]
    return Findings(
        sentences=(
            f"Calls at once make GLOBAL mutation as fast as one likes, at its price: {_rounds(one)} rounds one by one, "
            f"{_rounds(many)} with {number(at_once(many))} at once, and {mean_value(many.calls)} calls. The "
            f"speed-up is nearly linear until lam is near 2^k = {2**K}.",
            f"LOCAL mutation needs {_rounds(merged)} rounds and {mean_value(merged.calls)} calls if all improvements "
            f"of a round are merged, but {_rounds(kept)} rounds if only the best offspring is kept: one repair a "
            "generation.",
            f"Barriers wait for the slowest call: with a tail of {last:g} merged rounds take "
            f"{mean_value(barrier_seconds(barrier, last))} s, asynchronous workers {mean_value(free.seconds)} s.",
        ),
        headings=("calls at once", "number", "rounds", "calls", "seconds"),
        rows=tuple(rows),
        note="seconds: mean latency 1 s a call; asynchronous runs have no exact prediction",
    )


STUDY = Study(
    name="parallel",
    question="What do calls at the same time buy? Merged repairs take log k rounds, one winner a round takes k",
    grid=grid,
    title="Waiting time: GLOBAL buys speed with calls, LOCAL merges its repairs; barriers wait for the slowest",
    figure=figure,
    findings=findings,
)
