"""The study `cost-models`: Eq. 12 to 14 as costs in k, l and m, under each cost model (theory 12, 13.4, 13.8).

The same runs are paid for in three ways: a forward pass over c tokens costs m c (Definition 2.2) or m c^2 (the paper's
exercise), or tokens have prices, as APIs charge. A local call sees its block or the whole solution, and may be made by
a smaller model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evo import AllBlocks, LLMPrimitive, OnePlusLambda, Prompt, QuadraticPrimitive, Schedule, TokenPrices, UntilResolved
from evo.protocols import CostModel
from experiments.fits.claims import Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, Value, beside, number, ratio_of
from experiments.reports.panels import Curve, Panel, panels_figure
from experiments.reports.study import Findings, Study
from operators import Resample
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

L, K = 16, 5
"""Tokens of a block along k; blocks along l and along m."""
MOST_GLOBAL, SHOWN = 12, 10
"""The largest k that GLOBAL is run at, in 2^k calls, and the one that the findings speak of."""
KS = (*range(1, MOST_GLOBAL + 1), 16, 32, 64)
LS = (L, 64, 256, 1024)
MS = (0.25, 0.5, 1.0, 2.0, 4.0)
GLOBAL, LOCAL, SEES_ALL, SMALL = "GLOBAL", "LOCAL", "LOCAL, sees all", "LOCAL, model of size m/k"
SYSTEMS: dict[str, tuple[Schedule, Prompt]] = {
    GLOBAL: (AllBlocks(), Prompt()),
    LOCAL: (UntilResolved(), Prompt()),
    SEES_ALL: (UntilResolved(), Prompt(shows="solution")),
}
PASS, SQUARE, TOKEN = "m c", "m c^2", "per token"
PRICES = TokenPrices(prompt=0.15e-6, generated=0.6e-6)
"""Dollars a token: a generated one costs four prompt ones, as is usual."""


def arm(system: str, model: str) -> str:
    """The arm of a system under a cost model."""
    return f"{system}, {model}"


def _cost(model: str, m: float = 1.0) -> CostModel:
    models: dict[str, CostModel] = {PASS: LLMPrimitive(m=m), SQUARE: QuadraticPrimitive(m=m), TOKEN: PRICES}
    return models[model]


def _cell(system: str, cost: CostModel, k: int = K, l: int = L) -> Cell:
    schedule, prompt = SYSTEMS[system]
    return Cell(BlockOneMax(k=k, l=l), Resample(p=0.5), schedule, OnePlusLambda(), prompt, cost)


def _arm(system: str, model: str) -> list[Cell]:
    """Cells along k, along l at k = 5, and along m at k = 5."""
    cells = [_cell(system, _cost(model), k=k) for k in KS if system != GLOBAL or k <= MOST_GLOBAL]
    cells += [_cell(system, _cost(model), l=l) for l in LS]
    cells += [_cell(system, _cost(model, m)) for m in MS if model != TOKEN]
    return list(dict.fromkeys(cells))


def grid(runs: int = 2000, seed: int = 1) -> Grid:
    """P = 1/2, all blocks incorrect at first, strict (1+1)-EA; cells that differ in price only share their runs."""
    arms = {arm(system, model): _arm(system, model) for model in (PASS, SQUARE, TOKEN) for system in SYSTEMS}
    arms[SMALL] = [_cell(LOCAL, LLMPrimitive(m=1 / k), k=k) for k in KS if k > 1]
    return Grid("cost-models", arms, runs=runs, seed=seed)


@dataclass(frozen=True)
class Speedup:
    """A speed-up of GLOBAL's cost over that of a local system.

    Attributes:
        over: arm above the line.
        under: arm below it.
        label: in the figure.
    """

    over: str
    under: str
    label: str


SPEEDUPS = (
    Speedup(arm(GLOBAL, SQUARE), arm(LOCAL, SQUARE), "pass m c$^2$: k$^2$"),
    Speedup(arm(GLOBAL, PASS), SMALL, "pass m c, local\nmodel of size m/k: k$^2$"),
    Speedup(arm(GLOBAL, PASS), arm(LOCAL, PASS), "pass m c (Eq. 14): k"),
    Speedup(arm(GLOBAL, PASS), arm(SEES_ALL, PASS), "pass m c, local call\nsees all: constant"),
    Speedup(arm(GLOBAL, TOKEN), arm(LOCAL, TOKEN), "prices per token: constant"),
)


def _along_k(cells: list[Measured] | tuple[Measured, ...]) -> dict[int, Measured]:
    """The cells along k, of those at k = 5 the one with l = 16 and m = 1."""
    return {
        each.cell.problem.k: each
        for each in cells
        if each.cell.problem.l == L
        and (each.cell.problem.k != K or getattr(each.cell.cost, "m", 1.0) in (1.0, 1 / each.cell.problem.k))
    }


def _ratio(over: Measured, under: Measured) -> Value:
    return ratio_of(over.mean("cost"), under.mean("cost"))


def _curve(arms: Arms, of: Speedup, colour: int) -> Curve:
    above, below = (_along_k(list(arms[name])) for name in (of.over, of.under))
    ks = sorted(set(above) & set(below))
    values = [_ratio(above[k], below[k]).times(2.0**-k) for k in ks]
    exact = np.array([above[k].exact("cost") / below[k].exact("cost") / 2.0**k for k in ks])
    x = np.array(ks, dtype=np.float64)
    return Curve(of.label, x, values, x, exact, colour)


def figure(arms: Arms) -> Figure:
    """What is left of the speed-up beside its 2^k, along k."""
    curves = [_curve(arms, each, place) for place, each in enumerate(SPEEDUPS)]
    panel = Panel("", "k  (blocks of the solution)", "cost of GLOBAL / cost of LOCAL / $2^k$", curves, log_x=2,
                  xticks=(1, 2, 4, 8, MOST_GLOBAL))  # fmt: skip
    return panels_figure(STUDY.title, [panel], note=f"p = 1/2, l = {L}; LOCAL: UntilResolved")


GROWTH = {
    arm(GLOBAL, PASS): "2^k (3/2) k^2 l^2 m",
    arm(LOCAL, PASS): "3 k l^2 m",
    arm(SEES_ALL, PASS): "(2k^2 + k) l^2 m",
    arm(GLOBAL, SQUARE): "2^k (7/3) k^3 l^3 m",
    arm(LOCAL, SQUARE): "(14/3) k l^3 m",
    arm(SEES_ALL, SQUARE): "2 (k^3 + k^2 + k/3) l^3 m",
    arm(GLOBAL, TOKEN): "2^k k l (pi_in + pi_out)",
    arm(LOCAL, TOKEN): "2 k l (pi_in + pi_out)",
    arm(SEES_ALL, TOKEN): "2 k l (k pi_in + pi_out)",
    SMALL: "3 l^2 m",
}
"""Leading terms of the exact mean cost in l (theory 12a, 12d)."""


def _in_l(arms: Arms, system: str) -> str:
    """The measured exponents in l under each cost model, between the shortest block and the longest."""
    exponents = []
    for model in (PASS, SQUARE, TOKEN):
        cells = {
            each.cell.problem.l: each.mean("cost").value
            for each in arms[arm(system, model)]
            if each.cell.problem.k == K and getattr(each.cell.cost, "m", 1.0) == 1.0
        }
        exponents.append(math.log(cells[LS[-1]] / cells[LS[0]]) / math.log(LS[-1] / LS[0]))
    return ", ".join(f"l^{each:.2f}" for each in exponents)


def findings(arms: Arms) -> Findings:
    """Cost of each system at k = 10 under each cost model, and the speed-ups."""
    at = {name: _along_k(list(cells))[SHOWN] for name, cells in arms.items()}
    rows = [
        (name, beside(each.mean("cost"), each.exact("cost"), each.verdict), GROWTH[name]) for name, each in at.items()
    ]
    square, small, first, seeing, token = (number(_ratio(at[of.over], at[of.under]).value) for of in SPEEDUPS)
    costs = [at[arm(system, PASS)].mean("cost") for system in (GLOBAL, LOCAL)]
    return Findings(
        sentences=(
            f"Eq. 14, 2^k k, is the speed-up of passes that cost m c: {first} at k = {SHOWN} "
            f"({costs[0]} over {costs[1]}). Of its factors only 2^k is left under prices per token ({token}), and "
            f"where "
            f"a local call sees the whole solution ({seeing}).",
            f"Passes that cost m c^2 make it 2^k k^2 ({square}): sharper, as Section 2 says of costs beyond linear. So "
            f"does a local model of size m/k ({small}), which 3.3.3 leaves out of account.",
            f"From l = {LS[0]} to {LS[-1]:,} the cost of GLOBAL grows as {_in_l(arms, GLOBAL)}, that of LOCAL as "
            f"{_in_l(arms, LOCAL)}, for passes m c, m c^2 and prices per token: Eq. 12 and 13 say l^2.",
        ),
        headings=("system, cost model", f"cost at k = {SHOWN}, l = {L}", "leading term (theory 12)"),
        rows=tuple(rows),
        note="pi_in, pi_out: prices of a prompt token and of a generated one; costs per token in dollars",
    )


def _global(model: str, paper: str, power: float, holds: str, theory: str) -> tuple[Claim, ...]:
    of = arm(GLOBAL, model)
    return (
        Claim(of, f"{paper}, in k", "cost", "exponential x power", "base", 2.0, holds, theory=theory, tolerance=0.02),
        Claim(of, f"{paper}, in k", "cost", "exponential x power", "b", power, holds, theory=theory, tolerance=0.02),
        Claim(of, f"{paper}, in l", "cost", "power", "b", power, holds, along="l", theory=theory, tolerance=0.02),
    )


def _local(system: str, model: str, paper: str, power: float, holds: str, theory: str) -> tuple[Claim, ...]:
    of = arm(system, model)
    in_l = Claim(of, f"{paper}, in l", "cost", "power", "b", power, holds, along="l", theory=theory, tolerance=0.02)
    if system == LOCAL:
        return Claim(of, f"{paper}, in k", "cost", "power", "b", 1.0, holds, theory=theory), in_l
    form, lead = {
        PASS: ("quadratic", 2.0 * L**2),
        SQUARE: ("cubic", 2.0 * L**3),
        TOKEN: ("quadratic", 2.0 * L * PRICES.prompt),
    }[model]
    return Claim(of, f"{paper}, in k", "cost", form, "A", lead, holds, theory=theory), in_l


def _in_m(system: str, model: str, paper: str) -> Claim:
    return Claim(arm(system, model), f"{paper}, in m", "cost", "power", "b", 1.0, "holds: linear in m", along="cost.m")


def _speedup(of: Speedup, paper: str, power: float, holds: str, theory: str, least: float = -math.inf) -> Claim:
    form, parameter, value = ("exponential x power", "b", power) if power else ("exponential", "base", 2.0)
    return Claim(of.over, paper, "cost", form, parameter, value, holds, over=of.under, theory=theory, tolerance=0.02,
                 least=least)  # fmt: skip


EQ_12, EQ_13, EQ_14 = "Eq. 12: Theta(m 2^k k^2 l^2)", "Eq. 13: Theta(m k l^2)", "Eq. 14: Theta(2^k k)"
EXERCISE = "3.4: the pass quadratic in its input"
API = "2: as APIs charge, per token"
ONCE = "does not hold under prices per token: a prompt is paid once, not once for each token written"
CLAIMS = (
    *_global(PASS, EQ_12, 2.0, "holds", "2^k (3 k^2 l^2 - k l)/2 (12e)"),
    *_local(LOCAL, PASS, EQ_13, 2.0, "holds, if a local call sees its block alone", "k (3 l^2 - l) (12e)"),
    *_local(SEES_ALL, PASS, EQ_13, 2.0, "does not hold in k, if a local call sees the whole solution: k^2 (13.4)",
            "2 k^2 l^2 + k l (l-1) (12e)"),
    *_global(SQUARE, EXERCISE, 3.0, "2^k k^3 l^3 in place of Eq. 12", "2^k (7/3) k^3 l^3 (12d)"),
    *_local(LOCAL, SQUARE, EXERCISE, 3.0, "k l^3 in place of Eq. 13", "(14/3) k l^3 (12d)"),
    *_local(SEES_ALL, SQUARE, EXERCISE, 3.0, "k^3 l^3 in place of Eq. 13, if a local call sees the whole solution",
            "2 l^3 (k^3 + k^2 + k/3) (12d)"),
    *_global(TOKEN, f"{EQ_12} ({API})", 1.0, f"{ONCE}: 2^k k l (13.8)", "2^k k l (pi_in + pi_out) (13.8)"),
    *_local(LOCAL, TOKEN, f"{EQ_13} ({API})", 1.0, f"{ONCE}: k l (13.8)", "2 k l (pi_in + pi_out) (13.8)"),
    *_local(SEES_ALL, TOKEN, f"{EQ_13} ({API})", 1.0, f"{ONCE}: k^2 l, if a local call sees the whole solution",
            "2 k l (k pi_in + pi_out) (13.8)"),
    *(_in_m(system, model, EQ_12 if system == GLOBAL else EQ_13) for model in (PASS, SQUARE) for system in SYSTEMS),
    _speedup(SPEEDUPS[2], EQ_14, 1.0, "holds, for passes m c and calls that see their block alone",
             "2^(k-1) (3kl-1)/(3l-1) (12e)"),
    _speedup(SPEEDUPS[0], "2: sharper, if a pass costs more than m c", 2.0, "holds: 2^k k^2", "2^(k-1) k^2 (12)"),
    _speedup(SPEEDUPS[4], f"{EQ_14} ({API})", 0.0, "does not hold under prices per token: Theta(2^k)", "2^(k-1) (12)"),
    _speedup(SPEEDUPS[3], EQ_14, 0.0, "does not hold, if a local call sees the whole solution: Theta(2^k)",
             "(3/4) 2^k in the end (12e)", least=5),
)  # fmt: skip

STUDY = Study(
    name="cost-models",
    question="Eq. 12 to 14 as costs in k, l and m: passes of m c or m c^2, prices per token, what a local call sees",
    grid=grid,
    claims=CLAIMS,
    title="Eq. 14 in other prices: the $2^k$ stays, its factor k does not",
    figure=figure,
    findings=findings,
)
