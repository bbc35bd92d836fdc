"""The exercise `quadratic`: the analyses of Section 3 if a forward pass over c tokens costs m c^2 (3.4, theory 12d).

Every system of Section 3 and of the other exercises, all at once and by parts, in both units. Cells that differ in
price only share their runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evo import AllBlocks, LLMPrimitive, OnePlusLambda, QuadraticPrimitive, Schedule, UntilResolved
from evo.protocols import CostModel
from experiments.fits.claims import Claim
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.measured import Arms, Measured, Value, beside, ratio_of
from experiments.reports.panels import Curve, Panel, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample
from problems import BlockOneMax
from problems.systems import (
    BySections,
    Debate,
    FocusedDebugging,
    Generalist,
    MergeSort,
    NaiveDebugging,
    OneCallSort,
    Routing,
    SummarisedDebate,
    WholeDrafts,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L = 16
K, U, AGENTS, N, METADATA = 10, 10, 4, 1000, 10
"""Functions of the code; tokens of a message; agents; tokens of a task's input, and of its metadata."""
SIZES, MORE = (2, 4, 6, 8, 10), (4, 8, 16, 32, 64, 128)
Made = Callable[[int, CostModel], AnyCell]


def _search(schedule: Schedule) -> Made:
    return lambda k, cost: Cell(BlockOneMax(k=k, l=L), Resample(p=0.5), schedule, OnePlusLambda(), cost=cost)


def _program(make: Callable[[int], Any]) -> Made:
    return lambda size, cost: ProgramCell(make(size), cost)


@dataclass(frozen=True)
class Pair:
    """Two systems for the same task.

    Attributes:
        along: what grows.
        letter: of what grows, for the figure.
        sizes: that are run.
        naive: makes the cell of a size of the system that does all at once; its arm is "NAME, all".
        parts: likewise of the system that does it by parts; "NAME, parts".
    """

    along: str
    letter: str
    sizes: tuple[int, ...]
    naive: Made
    parts: Made


PAIRS = {
    "evolution": Pair("problem.k", "k", tuple(range(1, 12)), _search(AllBlocks()), _search(UntilResolved())),
    "debugging": Pair(
        "program.b",
        "b",
        SIZES,
        _program(lambda b: NaiveDebugging(k=K, l=L, b=b)),
        _program(lambda b: FocusedDebugging(k=K, l=L, b=b)),
    ),
    "routing": Pair(
        "program.k",
        "k",
        SIZES,
        _program(lambda k: Generalist(k=k, n=N)),
        _program(lambda k: Routing(k=k, n=N, h=METADATA)),
    ),
    "sorting": Pair(
        "program.n", "n", MORE, _program(lambda n: OneCallSort(n=n, d=L)), _program(lambda n: MergeSort(n=n, d=L))
    ),
    "writing": Pair(
        "program.k",
        "k",
        SIZES,
        _program(lambda k: WholeDrafts(k=k, l=L)),
        _program(lambda k: BySections(k=k, l=L, o=U)),
    ),
    "debate": Pair(
        "program.rounds",
        "R",
        SIZES,
        _program(lambda rounds: Debate(agents=AGENTS, rounds=rounds, u=U)),
        _program(lambda rounds: SummarisedDebate(agents=AGENTS, rounds=rounds, u=U, s=U)),
    ),
}
"""All systems of Section 3 and of its exercises."""
UNITS: dict[str, CostModel] = {"m c": LLMPrimitive(), "m c^2": QuadraticPrimitive()}


def name(system: str, which: str, unit: str) -> str:
    """An arm: `debugging, all, m c^2`."""
    return f"{system}, {which}, {unit}"


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Every system under m c and under m c^2."""
    arms: dict[str, Sequence[AnyCell]] = {}
    for system, pair in PAIRS.items():
        for which, make in (("all", pair.naive), ("parts", pair.parts)):
            for unit, cost in UNITS.items():
                arms[name(system, which, unit)] = [make(size, cost) for size in pair.sizes]
    return Grid("quadratic", arms, runs=runs, seed=seed)


def _size(system: str, each: Measured) -> float:
    part, _, parameter = PAIRS[system].along.partition(".")
    return float(getattr(getattr(each.process, part), parameter))


def _speedups(arms: Arms, system: str, unit: str) -> list[tuple[float, Value, float]]:
    """Size, measured ratio of costs, and the exact one."""
    found = []
    naives, others = (
        {_size(system, each): each for each in arms[name(system, which, unit)]} for which in ("all", "parts")
    )
    for size in sorted(naives.keys() & others.keys()):
        naive, parts = naives[size], others[size]
        measured = ratio_of(naive.mean("cost"), parts.mean("cost"))
        found.append((size, measured, naive.exact("cost") / parts.exact("cost")))
    return found


def figure(arms: Arms) -> Figure:
    """Speed-ups along the size of the task, in both units."""
    panels = []
    for unit in UNITS:
        curves = []
        for place, system in enumerate(PAIRS):
            sizes, values, exact = zip(*_speedups(arms, system, unit), strict=True)
            x = np.array(sizes)
            curves.append(Curve(f"{system}, {PAIRS[system].letter}", x, values, x, np.array(exact), colour=place))
        panels.append(
            Panel(f"a pass costs ${unit}$", "size of the task", "cost of all at once / by parts", curves, log_x=2,
                  y_range=(0.3, 1e6))
        )  # fmt: skip
    return panels_figure(STUDY.title, panels)


def findings(arms: Arms) -> Findings:
    """Speed-ups at the largest size, in both units."""
    last = {(system, unit): _speedups(arms, system, unit)[-1] for system in PAIRS for unit in UNITS}
    sharper = [system for system in PAIRS if last[system, "m c^2"][2] > 1.5 * last[system, "m c"][2]]
    same = [system for system in PAIRS if system not in sharper]
    return Findings(
        sentences=(
            "A pass that costs m c^2 makes the separations sharper, as Section 2 says, for "
            f"{', '.join(sharper)}: by a factor that grows with the task.",
            f"It does not for {', '.join(same)}: there both systems read the same input, and the speed-up is the "
            "number of tasks in either unit.",
        ),
        headings=("system", "size", "speed-up, m c", "speed-up, m c^2"),
        rows=tuple(
            (system, f"{last[system, 'm c'][0]:g}", *(beside(*last[system, unit][1:]) for unit in UNITS))
            for system in PAIRS
        ),
        note="speed-up: cost of all at once over that by parts, measured (exact), at the largest size",
    )


def _exactly(system: str, which: str, unit: str, form: str, value: float, theory: str, paper: str = "") -> Claim:
    return Claim(name(system, which, unit), paper, "cost", form, "A", value, "holds, to the last token",
                 along=PAIRS[system].along, theory=theory)  # fmt: skip


_W = K * L + 1
"""Tokens that a round adds to the transcript of naive debugging."""

STUDY = Study(
    name="quadratic",
    question="What if a forward pass costs m c^2? Exercise of Section 3.4",
    grid=grid,
    claims=(
        Claim(name("evolution", "all", "m c"), "cost 2^k k^2 (Eq. 12)", "cost", "exponential x power", "b", 2.0,
              "holds", tolerance=0.05, along="problem.k"),
        Claim(name("evolution", "all", "m c^2"), "", "cost", "exponential x power",
              "b", 3.0, "holds", tolerance=0.05, along="problem.k",
              theory="cost 2^k k^3 (12d)"),
        Claim(name("evolution", "parts", "m c^2"), "", "cost", "power", "b", 1.0,
              "holds: the exponent of Eq. 13 stays", along="problem.k",
              theory="cost k (Eq. 13, 12d)"),
        _exactly("debugging", "all", "m c", "quadratic", _W**2 / 2, "b^2 (n + u)^2 / 2 (12c)",
                 "cost b^2 n + b^2 n^2 (Eq. 7)"),
        _exactly("debugging", "all", "m c^2", "cubic", _W**3 / 3, "b^3 (n + u)^3 / 3 (12d)"),
        _exactly("sorting", "all", "m c^2", "cubic", L**2 + L + 1 / 3, "n^3 (d^2 w + d w^2 + w^3 / 3) (18a)"),
        Claim(name("sorting", "parts", "m c^2"), "", "cost", "x log x + x", "A",
              (2 * L) ** 2 / math.log(2), "holds", least=8, tolerance=0.02, along="n",
              theory="n lg n (2d)^2 (18a)"),
        _exactly("writing", "all", "m c^2", "cubic", 7 / 3 * L**3, "7/3 k^3 l^3 (18c)"),
        _exactly("debate", "all", "m c^2", "cubic", (U * AGENTS) ** 3 / 3, "R^3 (A u)^3 / 3 (18d)"),
        Claim(name("debate", "parts", "m c^2"), "", "cost", "power", "b", 1.0,
              "holds, to the last token", along="rounds",
              theory="linear in R (18d)"),
    ),
    title="If a pass costs $m c^2$, doing all at once loses by more",
    figure=figure,
    findings=findings,
)  # fmt: skip
