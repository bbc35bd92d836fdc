"""The exercise `writing`: a paper of k sections, in whole drafts or by sections (3.4, theory 18c).

The programs are in `problems/systems/writing.py`. Refining a draft, with a model that spoils a right section w.p.
1 - keep, is GLOBAL against LOCAL of Section 3.3, exactly: cells of the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evo import AllBlocks, OnePlusLambda, Prompt, Schedule, UntilResolved
from experiments.fits.claims import Claim
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.measured import Arms
from experiments.reports.study import Findings, Study
from experiments.studies.exercises.growing import growing, side_by_side, size_of, with_done
from operators import FixKeep
from problems import BlockOneMax
from problems.systems import BySections, WholeDrafts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L, O, H, ROUNDS = 500, 300, 200, 3
"""Tokens of a section, of the outline, of the brief; and drafts."""
FIX, KEEP, RIGHT = 0.5, 0.9, 0.7
"""Of a model that refines a section; and how often an outline is right."""
KS, REFINED = (2, 4, 6, 8, 12, 16, 24), (2, 4, 6, 8, 12, 16, 24, 30)
WHOLE, SECTIONS = "whole drafts", "by sections"
CHECKED, UNCHECKED = "by sections, outline checked", "by sections, outline not checked"
REFINE_WHOLE, REFINE = "refining the whole", "refining by sections"


def _written(**outline: float | bool) -> list[ProgramCell]:
    return [ProgramCell(BySections(k=k, l=L, o=O, h=H, rounds=ROUNDS, **outline)) for k in KS]  # type: ignore[arg-type]  # right, checked


def _refined(schedule: Schedule, head: int) -> list[Cell]:
    return [
        Cell(BlockOneMax(k=k, l=L), FixKeep(fix=FIX, keep=KEEP), schedule, OnePlusLambda(), Prompt(head=head))
        for k in REFINED
    ]


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Three drafts of up to 24 sections; then refining until all sections are right."""
    arms: dict[str, Sequence[AnyCell]] = {
        WHOLE: [ProgramCell(WholeDrafts(k=k, l=L, h=H, rounds=ROUNDS)) for k in KS],
        SECTIONS: _written(),
        CHECKED: _written(right=RIGHT),
        UNCHECKED: _written(right=RIGHT, checked=False),
        REFINE_WHOLE: _refined(AllBlocks(), H),
        REFINE: _refined(UntilResolved(), H + O),
    }
    return Grid("writing", arms, runs=runs, seed=seed)


def figure(arms: Arms) -> Figure:
    """Cost along the number of sections."""
    return growing(STUDY.title, arms, size_of, "k  (sections)", without=[CHECKED, UNCHECKED])


def findings(arms: Arms) -> Findings:
    """What an outline saves, what it costs if it errs, and what refining costs."""
    whole, parts, checked, blind = side_by_side(arms, (WHOLE, SECTIONS, CHECKED, UNCHECKED)).values()
    both = side_by_side(arms, (REFINE_WHOLE, REFINE))
    saved, dearer = (
        above.mean("cost").value / below.mean("cost").value
        for above, below in ((whole, parts), (both[REFINE_WHOLE], both[REFINE]))
    )
    outline = checked.mean("cost").value / parts.mean("cost").value
    return Findings(
        sentences=(
            f"Whole drafts of {size_of(whole):g} sections cost {saved:.3g} times what sections with an outline do, "
            f"and take {float(whole.generations.mean()):g} steps instead of {float(parts.generations.mean()):g}: the "
            "sections of a round are written at the same time.",
            f"An outline that is right in {RIGHT:g} of all cases costs next to nothing if it is checked before "
            f"anything is written ({outline:.4g} times the cost); unchecked, {blind.done} of the papers are right.",
            f"Refining {size_of(both[REFINE]):g} sections until all are right takes {both[REFINE_WHOLE].mean()} calls "
            f"on the whole and {both[REFINE].mean()} on one section each (keep = {KEEP:g}), at {dearer:.3g} times the "
            "cost.",
        ),
        headings=("arm", "k", "calls", "cost", "right"),
        rows=with_done(arms),
    )


STUDY = Study(
    name="writing",
    question="Writing a paper: whole drafts, or sections with an outline? Exercise of Section 3.4",
    grid=grid,
    claims=(
        Claim(WHOLE, "", "cost", "quadratic", "A", ROUNDS * 1.5 * L**2,
              "holds, to the last token", along="program.k",
              theory="3/2 k^2 l^2 a draft (18c)"),
        Claim(SECTIONS, "", "cost", "affine", "A",
              ROUNDS * ((H + O + L) * L + L * (L - 1) / 2), "holds, to the last token", along="program.k",
              theory="k G(h + o + l, l) a round (18c)"),
        Claim(REFINE, "", "hit", "power", "b", 1.0, "holds, as Eq. 13 does",
              along="problem.k",
              theory="k / fix calls (2h)"),
        Claim(REFINE_WHOLE, "", "hit", "exponential x power", "base", 1 / KEEP,
              "holds: exponential, if slowly at keep = 0.9", least=6, at_most=True, tolerance=0.01, along="problem.k",
              theory="base 1/keep (1f)"),
    ),
    title="Writing k sections: whole drafts cost $k^2$, sections with an outline k",
    figure=figure,
    findings=findings,
)  # fmt: skip
