"""The exercise `vacation`: a k-night vacation, whose constraints decide what the same model costs (3.4, theory 18e).

Each night is a block of l tokens, right or not; a call plans nights anew, each right w.p. 1/2. Nights that depend on
nothing are BlockOneMax; a night that can be right only after the one before it is LeadingBlocks; one budget for all,
met only by two changes at once, is Jump.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evo import AllBlocks, Budget, OnePlusLambda, Problem, RoundRobin, Schedule, UniformChunk, UntilResolved
from evo.schedules import UniformSubset
from experiments.fits.claims import Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured
from experiments.reports.study import Findings, Study
from experiments.studies.exercises.growing import growing, rows, side_by_side
from operators import Resample
from problems import BlockOneMax, Jump, LeadingBlocks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L, P = 100, 0.5
KS, FEW = (4, 8, 16, 24, 32), (4, 5, 6, 8, 10)
MOST, GIVEN_UP = 2**15, 2**11
"""Budget of a run, in calls; and of a run that can only get stuck."""
FREE_ANY, FREE_TURN = "free nights, any", "free nights, one by one"
NEXT_ANY, NEXT_ROUND, NEXT_TURN = "neighbours, any", "neighbours, round and round", "neighbours, one by one"
BUDGET_ANY, BUDGET_TWO, BUDGET_ALL = "one budget, any night", "one budget, any two", "one budget, all nights"


def _free(k: int) -> Problem:
    return BlockOneMax(k=k, l=L)


def _neighbours(k: int) -> Problem:
    return LeadingBlocks(k=k, l=L)


def _one_budget(k: int) -> Problem:
    return Jump(k=k, l=L, m=2)


ARMS: dict[str, tuple[Callable[[int], Problem], Schedule, tuple[int, ...]]] = {
    FREE_ANY: (_free, UniformChunk(), KS),
    FREE_TURN: (_free, UntilResolved(), KS),
    NEXT_ANY: (_neighbours, UniformChunk(), KS),
    NEXT_ROUND: (_neighbours, RoundRobin(), KS),
    NEXT_TURN: (_neighbours, UntilResolved(), KS),
    BUDGET_ANY: (_one_budget, UniformChunk(), FEW),
    BUDGET_TWO: (_one_budget, UniformSubset(g=2), FEW),
    BUDGET_ALL: (_one_budget, AllBlocks(), FEW),
}


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """The same mutator on three graphs of constraints; runs that get stuck end at their budget."""
    budgets = {arm: Budget(calls=GIVEN_UP if arm == BUDGET_ANY else MOST) for arm in ARMS}
    arms = {
        arm: [Cell(nights(k), Resample(p=P), schedule, OnePlusLambda(), budget=budgets[arm]) for k in ks]
        for arm, (nights, schedule, ks) in ARMS.items()
    }
    return Grid("vacation", arms, runs=runs, seed=seed)


def _k(each: Measured) -> float:
    return each.cell.problem.k


def figure(arms: Arms) -> Figure:
    """Calls along the number of nights."""
    return growing(STUDY.title, arms, _k, "k  (nights)", "hit", without=[BUDGET_ANY])


def findings(arms: Arms) -> Findings:
    """Calls at the longest vacation that was planned."""
    nights = side_by_side(arms, (FREE_ANY, FREE_TURN, NEXT_ANY, NEXT_TURN), _k)
    budget = side_by_side(arms, (BUDGET_ANY, BUDGET_TWO, BUDGET_ALL), _k)
    calls, stuck = {arm: each.mean() for arm, each in {**nights, **budget}.items()}, budget[BUDGET_ANY]
    k, few = _k(nights[FREE_ANY]), _k(stuck)
    return Findings(
        sentences=(
            f"Same model, same {k:g} nights: {calls[FREE_ANY]} calls if no night depends on another and "
            f"{calls[NEXT_ANY]} if each depends on the one before, both planned at random: the exponent is that of the "
            "constraints.",
            f"The order of planning can undo it: one night after the other takes {calls[NEXT_TURN]} calls in spite of "
            f"the neighbours, as if there were none ({calls[FREE_TURN]}): a constraint that the decomposition follows "
            "is free.",
            f"One budget for all is another matter: night by night {stuck.censored / stuck.runs:.0%} of the runs are "
            f"stuck at {few:g} nights (exactly, all are, for ever), any two nights a call take {calls[BUDGET_TWO]} "
            f"calls, and all nights at once {calls[BUDGET_ALL]}.",
        ),
        headings=("arm", "k", "calls", "cost"),
        rows=rows(arms, _k, "hit", "cost"),
        note="means of runs that end at the budget are lower bounds (>)",
    )


STUDY = Study(
    name="vacation",
    question="A k-night vacation: what do constraints between nights cost? Exercise of Section 3.4",
    grid=grid,
    claims=(
        Claim(FREE_ANY, "", "hit", "x log x", "A", 1 / P, "holds for free nights",
              least=8, tolerance=0.03,
              theory="k H_k / fix (2b)"),
        Claim(NEXT_ANY, "", "hit", "power", "b", 2.0, "holds for neighbours at random",
              theory="k^2 / fix (10c)"),
        Claim(NEXT_ROUND, "", "hit", "quadratic", "A", 1.0, "holds for neighbours in turn",
              tolerance=0.02,
              theory="k^2 + k (10c)"),
        Claim(NEXT_TURN, "", "hit", "power", "b", 1.0,
              "holds: in the order of the constraints they cost nothing",
              theory="k / fix (2h)"),
        Claim(BUDGET_ALL, "", "hit", "exponential", "base", 1 / P, "holds on every fitness",
              tolerance=0.02,
              theory="2^k (1a)"),
    ),
    title="A vacation of k nights: constraints and the order of planning set the exponent, not the model",
    figure=figure,
    findings=findings,
)  # fmt: skip
