"""The exercise `sentences`: the n shuffled sentences of d tokens of a novel, back in order (3.4, theory 18b).

One call that writes them all anew, each right w.p. p, is GLOBAL. Windows: a call is shown all sentences and writes
those of one window; a sentence can be placed only when those before it are, so that the fitness is LeadingBlocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo import AllBlocks, OnePlusLambda, Prompt, RoundRobin, Schedule, UntilResolved
from experiments.fits.claims import Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured
from experiments.reports.study import Findings, Study
from experiments.studies.exercises.growing import growing, rows, side_by_side
from operators import Resample
from problems import LeadingBlocks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

D, P = 30, 0.5
WHOLE, ROUND, PAIRS, TURN = "one call on all", "windows of 1, round", "windows of 2, round", "windows of 1, in order"
ARMS: dict[str, tuple[Schedule, tuple[int, ...]]] = {
    WHOLE: (AllBlocks(), (2, 4, 6, 8, 10, 12)),
    ROUND: (RoundRobin(), (2, 4, 8, 16, 32)),
    PAIRS: (RoundRobin(g=2), (2, 4, 6, 8)),
    TURN: (UntilResolved(), (2, 4, 8, 16, 32)),
}


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """All sentences out of place at first; windows are shown the whole text."""
    arms = {
        arm: [
            Cell(LeadingBlocks(k=n, l=D), Resample(p=P), schedule, OnePlusLambda(), Prompt(shows="solution"))
            for n in ns
        ]
        for arm, (schedule, ns) in ARMS.items()
    }
    return Grid("sentences", arms, runs=runs, seed=seed)


def _n(each: Measured) -> float:
    return each.cell.problem.k


def figure(arms: Arms) -> Figure:
    """Cost along the number of sentences."""
    return growing(STUDY.title, arms, _n, "n  (sentences)")


def findings(arms: Arms) -> Findings:
    """Cost at the longest text that all were run at, and beyond."""
    few = side_by_side(arms, (WHOLE, PAIRS, ROUND), _n)
    whole, pairs, one = (each.mean("cost") for each in few.values())
    last, in_order = side_by_side(arms, (ROUND, TURN), _n).values()
    return Findings(
        sentences=(
            f"{_n(few[WHOLE]):g} sentences cost {whole} to put in order all at once, {pairs} in windows of two and "
            f"{one} one by one, though each window reads all of them: 2^n against powers of n.",
            f"Windows that go round in vain cost {last.mean('cost')} at n = {_n(last):g} (n^2 + n calls); one that "
            f"stays where the next sentence belongs costs {in_order.mean('cost')} ({in_order.mean()} calls).",
        ),
        headings=("arm", "n", "calls", "cost"),
        rows=rows(arms, _n, "hit", "cost"),
    )


STUDY = Study(
    name="sentences",
    question="Shuffled sentences: one call on all of them, or windows? Exercise of Section 3.4",
    grid=grid,
    claims=(
        Claim(WHOLE, "exercise (3.4); p^-n calls (18b)", "hit", "exponential", "base", 1 / P,
              "holds for one call on all"),
        Claim(ROUND, "exercise (3.4); n^2 + n calls (10c)", "hit", "quadratic", "A", 1.0, "holds for windows in turn",
              tolerance=0.02),
        Claim(ROUND, "exercise (3.4); cost n^3 (10c, 12a)", "cost", "power", "b", 3.0,
              "holds in the end: each of n^2 calls reads n sentences", least=8, tolerance=0.05),
        Claim(TURN, "exercise (3.4); n / p calls (2h)", "hit", "power", "b", 1.0, "holds for windows in order"),
    ),
    title="Shuffled sentences: all at once costs $2^n$, windows cost powers of n",
    figure=figure,
    findings=findings,
)  # fmt: skip
