"""The study `granularity`: how many blocks should a call get? Cost against g, with its optimum (theory 3d, 3e)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo import LLMPrimitive, OnePlusLambda, OnlyIncorrect, Prompt
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.reports.measured import Arms, Measured, Value, beside
from experiments.reports.panels import Curve, Panel, panels_figure
from experiments.reports.study import Findings, Study
from operators import Decaying, Halving, Resample
from problems import BlockOneMax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.protocols import AnyMutator

K, L = 24, 16
GS = (1, 2, 3, 4, 6, 8, 12)
LEAST_SUCCESS = 1 / 1000
"""Chunks are run as far as a call on one repairs it with this probability."""
CALL = 60 * L * L
"""A price of a call, in the unit of a forward pass over one token: as much as writing some six blocks at once."""
TABLE = (0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.9, 0.88, 0.86, 0.83, 0.8)
"""A success p(g) as one might measure it: good up to half a dozen blocks."""

TOKENS = "Tokens are all that costs"
PRICED = "Each call has a price as well"
HEADS = "Instructions before each chunk, p = 0.9"
FALLING = "Success p(g) falls with g, calls have a price"


def _arm(mutator: AnyMutator, head: int = 0, per_call: int = 0, gs: tuple[int, ...] = GS) -> list[Cell]:
    return [
        Cell(BlockOneMax(k=K, l=L), mutator, OnlyIncorrect(g=g), OnePlusLambda(), Prompt(head=head),
             LLMPrimitive(per_call=per_call))
        for g in gs
        if mutator.law.pmf(g, g)[g] >= LEAST_SUCCESS  # type: ignore[union-attr]  # all of them have a law
    ]  # fmt: skip


HEAD_SIZES = (16, 128, 1024)
PS = (0.3, 0.5, 0.7, 0.9, 0.97)
PANELS: dict[str, dict[str, list[Cell]]] = {
    TOKENS: {f"p = {p:g}": _arm(Resample(p=p)) for p in PS},
    PRICED: {f"p = {p:g}, priced": _arm(Resample(p=p), per_call=CALL) for p in PS},
    HEADS: {
        f"head {head}{', priced' if per_call else ''}": _arm(Resample(p=0.9), head, per_call)
        for per_call in (0, CALL)
        for head in HEAD_SIZES
    },
    FALLING: {
        **{f"halves every {half}": _arm(Halving(p=0.95, half=half), per_call=CALL) for half in (4, 16, 64)},
        "a table": _arm(Decaying(table=TABLE), per_call=CALL),
    },
}


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """OnlyIncorrect with chunks of g of 24 blocks of 16 tokens, all incorrect at first, strict (1+1)-EA."""
    arms = {arm: cells for panel in PANELS.values() for arm, cells in panel.items()}
    return Grid("granularity", arms, runs=runs, seed=seed)


def _g(each: Measured) -> int:
    return each.cell.chunks.g


def _relative(each: Measured, whole: float) -> Value:
    return each.mean("cost").times(1 / whole)


def _curve(arm: str, cells: list[Measured], colour: int) -> Curve:
    """Cost of a run over the exact cost at g = 1 (the measured one where that is not known)."""
    lines = np.array([each.exact("cost") for each in cells])
    whole = float(lines[0]) if np.isfinite(lines[0]) else cells[0].mean("cost").value
    x = np.array([_g(each) for each in cells], dtype=np.float64)
    label = arm.removesuffix(", priced") if arm.startswith("p = ") else arm
    dashed = arm.startswith("head") and arm.endswith("priced")
    return Curve(label, x, [_relative(each, whole) for each in cells], x, lines / whole, colour, True, dashed)


def figure(arms: Arms) -> Figure:
    """Cost along g relative to g = 1, a panel a question, the cheapest g of each curve marked."""
    panels = []
    for title, members in PANELS.items():
        shown = [arm for arm in members if arms.get(arm)]
        half = len(shown) // 2 if title == HEADS else len(shown)
        curves = [_curve(arm, list(arms[arm]), place % max(1, half)) for place, arm in enumerate(shown)]
        panels.append(
            Panel(title, "g  (blocks a call gets)", "cost relative to g = 1", curves, log_x=2, xticks=GS,
                  y_range=(0.25, 15), level=1.0)
        )  # fmt: skip
    return panels_figure(STUDY.title, panels, note=f"dashed: each call has a price; k = {K}, l = {L}")


def _best(cells: list[Measured]) -> Measured:
    return min(cells, key=lambda each: each.mean("cost").value)


def _exact_best(cells: list[Measured]) -> int:
    """The g of the least exact cost; 0 if one is not known."""
    costs = [each.exact("cost") for each in cells]
    return _g(cells[int(np.argmin(costs))]) if np.isfinite(costs).all() else 0


def findings(arms: Arms) -> Findings:
    """The cheapest g of each arm, measured and exact, and what it saves."""
    rows, best = [], {}
    for members in PANELS.values():
        for arm in members:
            cells = list(arms[arm])
            cheapest = best[arm] = _best(cells)
            one = cells[0].mean("cost")
            saved = cheapest.mean("cost").value / one.value
            rows.append(
                (arm, f"{_g(cheapest)} ({_exact_best(cells) or '-'})",
                 beside(cheapest.mean("cost"), cheapest.exact("cost"), cheapest.verdict), f"{saved:.3g}")
            )  # fmt: skip
    low = [_g(best[arm]) for arm in (*PANELS[TOKENS], *PANELS[PRICED]) if arm in best and _p(arm) <= 0.5]
    always = "always one block a call" if set(low) == {1} else f"g = {_list(low)}"
    tokens, priced, heads = ([_g(best[arm]) for arm in PANELS[title]] for title in (TOKENS, PRICED, HEADS))
    return Findings(
        sentences=(
            f"Blocks that succeed independently with fix = keep = p: for p <= 1/2 the cheapest is {always}, whatever a "
            "call costs (theory 3e). With keep > fix it need not be.",
            f"For p = {', '.join(f'{p:g}' for p in PS)} the cheapest g is {_list(tokens)} if only tokens "
            f"cost, and {_list(priced)} if each call has a price too: that, with a high p, is what makes "
            "larger chunks pay.",
            "In this unit, in which all before a chunk is read again for every token that is written, instructions are "
            "no price of a call (where a prompt is paid once a call they are): "
            f"with {_list(HEAD_SIZES)} tokens of them the cheapest g is {_list(heads[: len(HEAD_SIZES)])}, and with "
            f"priced calls {_list(heads[len(HEAD_SIZES) :])}.",
        ),
        headings=("arm", "cheapest g", "cost there", "share of the cost at g = 1"),
        rows=tuple(rows),
        note=f"halves every j: p(g) = 0.95 2^(-(g-1)/j); a table: p(1) .. p(12) = {TABLE[0]:g} .. {TABLE[-1]:g};\n"
        f"priced: a call costs {CALL:,} forward passes over one token, some six blocks written at once",
    )


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _p(arm: str) -> float:
    return float(arm.removeprefix("p = ").split(",")[0])


STUDY = Study(
    name="granularity",
    question="How many blocks should a call get? Cost against g, by p, p(g), prompt head and price of a call",
    grid=grid,
    title="How many blocks should a call get? One, unless success is high and each call has a price (fix = keep)",
    figure=figure,
    findings=findings,
)
