"""The exercise `sorting`: n documents of d tokens, in order or the best of them, by an LLM (3.4, theory 18a).

The programs are in `problems/systems/sorting.py` and `scans.py`: a comparator that reads two documents a call, in a
merge sort or a knock-out, errs or not, alone or first to ahead by K; or one call that reads all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evo import TokenPrices
from evo.theory.systems.sorting import least_lead
from experiments.fits.claims import Claim
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.measured import Arms, Measured
from experiments.reports.study import Findings, Study
from experiments.studies.exercises.growing import growing, side_by_side, size_of, with_done
from problems.systems import KnockOut, MergeSort, OneCallSort, ReadThenSort

if TYPE_CHECKING:
    from matplotlib.figure import Figure

D, H, W = 1000, 100, 2
"""Tokens of a document, of instructions, and of a document's name."""
NS, FEWER = (2, 4, 8, 16, 32, 64, 128, 256), (2, 4, 8, 16, 32, 64)
E, TARGET, COPIED = 0.1, 0.95, 0.1
"""The error of a comparator, the P(right order) that votes are to reach, and the share of votes that are copies."""
SCAN, SUMMARY = 2000, 50
"""Tokens of a scan, and of what a reader writes of it."""
PRICES = TokenPrices(prompt=0.15, generated=0.6, unit=1e6)
ALL, MERGE, BEST, BEST_ERRS = "one call on all", "merge sort", "best of n", "best of n, errs"
ERRS, VOTES, COPIES = "merge sort, errs", "merge sort, votes", "merge sort, copies"
LOOK, READ = "scans, compared", "scans, read first"
ALL_BILL, MERGE_BILL = "one call on all, bill", "merge sort, bill"


def lead(n: int) -> int:
    """The K that gets n documents in order w.p. 95 %."""
    return least_lead(n, E, TARGET)


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Each way of sorting; the comparator errs w.p. 0.1 where it does."""
    one = [OneCallSort(n=n, d=D, h=H, w=W) for n in NS]
    merge = [MergeSort(n=n, d=D, h=H) for n in NS]
    arms: dict[str, Sequence[ProgramCell]] = {
        ALL: [ProgramCell(each) for each in one],
        MERGE: [ProgramCell(each) for each in merge],
        BEST: [ProgramCell(KnockOut(n=n, d=D, h=H)) for n in NS],
        BEST_ERRS: [ProgramCell(KnockOut(n=n, d=D, h=H, e=E)) for n in NS],
        ERRS: [ProgramCell(MergeSort(n=n, d=D, h=H, e=E)) for n in FEWER],
        VOTES: [ProgramCell(MergeSort(n=n, d=D, h=H, e=E, ahead=lead(n))) for n in FEWER],
        COPIES: [ProgramCell(MergeSort(n=n, d=D, h=H, e=E, ahead=lead(n), copied=COPIED)) for n in FEWER],
        LOOK: [ProgramCell(MergeSort(n=n, d=SCAN, h=H, m=2.0)) for n in FEWER],
        READ: [ProgramCell(ReadThenSort(n=n, d=SUMMARY, h=H, v=SCAN, m_r=0.2)) for n in FEWER],
        ALL_BILL: [ProgramCell(each, PRICES) for each in one],
        MERGE_BILL: [ProgramCell(each, PRICES) for each in merge],
    }
    return Grid("sorting", arms, runs=runs, seed=seed)


def figure(arms: Arms) -> Figure:
    """Cost along the number of documents."""
    others = set(arms) - {ALL, MERGE, VOTES, BEST}
    note = f"votes: of a comparator that errs w.p. {E:g}, P(right order) >= {TARGET:g}; exact cost known up to n = 10"
    return growing(STUDY.title, arms, size_of, "n  (documents)", without=others, note=note)


def findings(arms: Arms) -> Findings:
    """Who is cheaper in which unit, and what errors and votes do."""
    whole, merge = side_by_side(arms, (ALL, MERGE)).values()
    bill = side_by_side(arms, (ALL_BILL, MERGE_BILL))
    errs = side_by_side(arms, (ERRS, VOTES, COPIES))
    scans = side_by_side(arms, (LOOK, READ))
    ratio = _mean(whole) / _mean(merge)
    cheaper = _mean(bill[MERGE_BILL]) / _mean(bill[ALL_BILL])
    votes = errs[VOTES]
    return Findings(
        sentences=(
            f"{size_of(merge):g} documents: one call on all of them costs {ratio:.3g} times a merge sort, if each "
            "token that is written pays for the whole prompt (Definition 2.2). On a bill that counts a prompt once it "
            f"is the merge sort that costs {cheaper:.3g} times as much: it reads each document some 2 lg n times.",
            f"A comparator that errs in one of {1 / E:g} gets {size_of(votes):g} documents in order in "
            f"{errs[ERRS].done} of the runs; votes first to ahead by {votes.program.ahead} in {votes.done}, at "
            f"{votes.mean('calls').value / errs[ERRS].mean('calls').value:.3g} times the calls; if the votes of one "
            f"comparison in {1 / COPIED:g} are copies of each other, in {errs[COPIES].done}.",
            f"Halves are sorted at the same time: {merge.mean('calls')} calls take "
            f"{float(merge.generations.mean()):.4g} steps, about 2 n.",
            f"Scans that a small vision model reads first cost {_mean(scans[READ]) / _mean(scans[LOOK]):.3g} of what "
            f"it costs to compare them, at n = {size_of(scans[READ]):g}.",
        ),
        headings=("arm", "n", "calls", "cost", "in order"),
        rows=with_done(arms),
        note="in order: share of the runs (exact), at the largest n of the arm; ?: the law of the comparisons of an "
        "erring comparator is known up to n = 10: of cells beyond the share in order is tested, and that their mean is "
        "within its bounds",
    )


def _mean(each: Measured) -> float:
    return each.mean("cost").value


STUDY = Study(
    name="sorting",
    question="Sorting documents: one call on all, or a comparator of two? Exercise of Section 3.4",
    grid=grid,
    claims=(
        Claim(ALL, "", "cost", "quadratic", "A", D * W + W**2 / 2,
              "holds, to the last token", along="n",
              theory="n^2 (d w + w^2/2) (18a)"),
        Claim(MERGE, "", "calls", "x log x + x", "A", 1 / math.log(2),
              "holds for merge sort", least=16, tolerance=0.02, along="n",
              theory="n lg n comparisons (18a)"),
        Claim(BEST, "", "calls", "affine", "A", 1.0, "holds, to the last call",
              along="n",
              theory="n - 1 comparisons (18a)"),
    ),
    title="Sorting: one call on all costs $n^2$, comparisons $n\\,\\lg n$, the best alone n",
    figure=figure,
    findings=findings,
)  # fmt: skip
