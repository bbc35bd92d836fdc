"""The exercise `debate`: a policy proposal, argued out by agents in rounds (3.4, theory 18d, 18f).

The programs are in `problems/systems/debate.py`: everybody reads all that was said, or everybody reads a summary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evo import TokenPrices
from experiments.fits.claims import Claim
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.measured import Arms, Measured
from experiments.reports.study import Findings, Study
from experiments.studies.exercises.growing import growing, side_by_side, with_done
from problems.systems import Debate, SummarisedDebate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AGENTS, U, S, H = 4, 200, 400, 500
"""Agents; tokens of a message, of a summary, of instructions."""
RS, KEEP = (1, 2, 4, 8, 12, 16), 0.999
"""Rounds; and how often a summary keeps a point, where it may lose one."""
PRICES = TokenPrices(prompt=0.15, generated=0.6, cached=0.015, unit=1e6)
CACHED_TOKEN = 0.015 / 1e6
ALL, SUMMARY, FORGETS = "all is read", "a summary is read", "the summary forgets"
BILL, CACHED = "all is read, bill", "all is read, cached, bill"


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Four agents, one to sixteen rounds; in passes, and on a bill with and without a cache."""
    debates = [Debate(agents=AGENTS, rounds=r, u=U, h=H) for r in RS]
    arms: dict[str, Sequence[ProgramCell]] = {
        ALL: [ProgramCell(each) for each in debates],
        SUMMARY: [ProgramCell(SummarisedDebate(agents=AGENTS, rounds=r, u=U, s=S, h=H)) for r in RS],
        FORGETS: [ProgramCell(SummarisedDebate(agents=AGENTS, rounds=r, u=U, s=S, h=H, keep=KEEP)) for r in RS],
        BILL: [ProgramCell(each, PRICES) for each in debates],
        CACHED: [ProgramCell(Debate(agents=AGENTS, rounds=r, u=U, h=H, cached=True), PRICES) for r in RS],
    }
    return Grid("debate", arms, runs=runs, seed=seed)


def _rounds(each: Measured) -> float:
    return float(each.program.rounds)


def figure(arms: Arms) -> Figure:
    """Cost along the number of rounds."""
    return growing(STUDY.title, arms, _rounds, "R  (rounds)", without=[FORGETS, BILL, CACHED])


def findings(arms: Arms) -> Findings:
    """What a summary saves and what it loses, and what a cache saves."""
    full, summary, forgets, bill, cached = side_by_side(arms, (ALL, SUMMARY, FORGETS, BILL, CACHED), _rounds).values()
    saved, hits = (
        above.mean("cost").value / below.mean("cost").value for above, below in ((full, summary), (bill, cached))
    )
    return Findings(
        sentences=(
            f"{_rounds(full):g} rounds of {AGENTS} agents who read all that was said cost {saved:.3g} times those who "
            "read a summary of it: quadratic in rounds against linear.",
            f"The summary pays for it with what it drops: if it keeps a point w.p. {KEEP:g}, the proposal has all "
            f"points in {forgets.done} of the runs, since early points pass all later summaries.",
            f"On a bill a cache of what was read before divides the debate's cost by {hits:.3g}; the exponent stays.",
        ),
        headings=("arm", "R", "calls", "cost", "all points"),
        rows=with_done(arms, _rounds),
    )


STUDY = Study(
    name="debate",
    question="A policy proposal by debate: read everything, or a summary? Exercise of Section 3.4",
    grid=grid,
    claims=(
        Claim(ALL, "", "cost", "quadratic", "A", U**2 * AGENTS**2 / 2,
              "holds, to the last token", along="rounds",
              theory="u^2 A^2 R^2 / 2 (18d)"),
        Claim(SUMMARY, "", "cost", "power", "b", 1.0, "holds, to the last token",
              along="rounds",
              theory="linear in R (18d)"),
        Claim(CACHED, "", "cost", "quadratic + c", "A",
              CACHED_TOKEN * U * AGENTS**2 / 2, "holds: a cache divides the constant, not the exponent",
              along="rounds",
              theory="quadratic on a bill, too (18f)"),
    ),
    title="A debate of R rounds: reading everything costs $R^2$, reading summaries R",
    figure=figure,
    findings=findings,
)  # fmt: skip
