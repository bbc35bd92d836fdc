"""The exercise `sentences`: the n shuffled sentences of d tokens of a novel, back in order (3.4, theory 18b).

One call that writes them all anew, each right w.p. p, is GLOBAL. Windows: a call is shown all sentences and writes
those of one window; a sentence can be placed only when those before it are, so that the fitness is LeadingBlocks.
Merges: if a model can tell which of two sentences comes first, without the others, the text is sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evo import AllBlocks, OnePlusLambda, Prompt, RoundRobin, Schedule, UntilResolved
from experiments.fits.claims import Claim
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.measured import Arms
from experiments.reports.study import Findings, Study
from experiments.studies.exercises.growing import growing, rows, side_by_side, size_of
from operators import Resample
from problems import LeadingBlocks
from problems.systems import MergeSort

if TYPE_CHECKING:
    from matplotlib.figure import Figure

D, P = 30, 0.5
WHOLE, ROUND, PAIRS, TURN = "one call on all", "windows of 1, round", "windows of 2, round", "windows of 1, in order"
MERGES = "merges, two a call"
NS = (2, 4, 8, 16, 32)
ARMS: dict[str, tuple[Schedule, tuple[int, ...]]] = {
    WHOLE: (AllBlocks(), (2, 4, 6, 8, 10, 12)),
    ROUND: (RoundRobin(), NS),
    PAIRS: (RoundRobin(g=2), (2, 4, 6, 8)),
    TURN: (UntilResolved(), NS),
}


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """All sentences out of place at first; windows are shown the whole text."""
    arms: dict[str, Sequence[AnyCell]] = {
        arm: [
            Cell(LeadingBlocks(k=n, l=D), Resample(p=P), schedule, OnePlusLambda(), Prompt(shows="solution"))
            for n in ns
        ]
        for arm, (schedule, ns) in ARMS.items()
    }
    arms[MERGES] = [ProgramCell(MergeSort(n=n, d=D)) for n in NS]
    return Grid("sentences", arms, runs=runs, seed=seed)


def figure(arms: Arms) -> Figure:
    """Cost along the number of sentences."""
    return growing(STUDY.title, arms, size_of, "n  (sentences)")


def findings(arms: Arms) -> Findings:
    """Cost at the longest text that all were run at, and beyond."""
    few = side_by_side(arms, (WHOLE, PAIRS, ROUND), size_of)
    whole, pairs, one = (each.mean("cost") for each in few.values())
    last, in_order, merges = side_by_side(arms, (ROUND, TURN, MERGES), size_of).values()
    return Findings(
        sentences=(
            f"{size_of(few[WHOLE]):g} sentences cost {whole} to put in order all at once, {pairs} in windows of two "
            f"and {one} one by one, though each window reads all of them: 2^n against powers of n.",
            f"Windows that go round in vain cost {last.mean('cost')} at n = {size_of(last):g} (n^2 + n calls); one "
            f"that stays where the next sentence belongs costs {in_order.mean('cost')} ({in_order.mean()} calls).",
            f"Merges cost {merges.mean('cost')} there, in {merges.mean('calls')} calls, if a model can tell which of "
            "two sentences comes first without reading the others: a capability of its own (Definition 2.3).",
        ),
        headings=("arm", "n", "calls", "cost"),
        rows=rows(arms, size_of, "hit", "cost"),
    )


STUDY = Study(
    name="sentences",
    question="Shuffled sentences: one call on all of them, or windows? Exercise of Section 3.4",
    grid=grid,
    claims=(
        Claim(WHOLE, "", "hit", "exponential", "base", 1 / P,
              "holds for one call on all",
              theory="p^-n calls (18b)"),
        Claim(ROUND, "", "hit", "quadratic", "A", 1.0, "holds for windows in turn",
              tolerance=0.02,
              theory="n^2 + n calls (10c)"),
        Claim(ROUND, "", "cost", "power", "b", 3.0,
              "holds in the end: each of n^2 calls reads n sentences", least=8, tolerance=0.05,
              theory="cost n^3 (10c, 12a)"),
        Claim(TURN, "", "hit", "power", "b", 1.0, "holds for windows in order",
              theory="n / p calls (2h)"),
    ),
    title="Shuffled sentences: all at once costs $2^n$, windows cost powers of n",
    figure=figure,
    findings=findings,
)  # fmt: skip
