"""The study `granularity`: how many blocks should a call get? Cost against g, with its optimum (theory 1f, 3d, 3e).

In the paper's forward passes with fix = keep, and at prices of tokens with fix and keep apart.
"""

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
from experiments.studies.cost_models import PRICES
from operators import Decaying, FixKeep, Halving, Resample
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
INSTRUCTIONS = 1024
"""Tokens of instructions in front of every call in the panel on fix and keep."""
MONEY = f"MONEY, {INSTRUCTIONS:,} tokens of instructions"
BY_HEAD = "MONEY, fix = 0.3, keep = 0.99"


def _arm(mutator: AnyMutator, head: int = 0, per_call: int = 0, gs: tuple[int, ...] = GS) -> list[Cell]:
    return [
        Cell(BlockOneMax(k=K, l=L), mutator, OnlyIncorrect(g=g), OnePlusLambda(), Prompt(head=head),
             LLMPrimitive(per_call=per_call))
        for g in gs
        if mutator.law.pmf(g, g)[g] >= LEAST_SUCCESS  # type: ignore[union-attr]  # all of them have a law
    ]  # fmt: skip


def _money(fix: float, keep: float, head: int) -> list[Cell]:
    """One schedule and model at prices of tokens, for every g up to k that is not out of reach."""
    return [
        Cell(BlockOneMax(k=K, l=L), FixKeep(fix=fix, keep=keep), OnlyIncorrect(g=g), OnePlusLambda(), Prompt(head=head),
             PRICES)
        for g in (*GS, K)
        if keep >= LEAST_KEEP or keep**g >= LEAST_SUCCESS
    ]  # fmt: skip


LEAST_KEEP = 0.9
"""Where keep is as high a chunk is repaired a few blocks at a time; else in one call or never."""
APART = ((0.3, 0.99), (0.25, 0.93), (0.9, 0.9), (0.5, 0.5))
"""fix and keep in the panel on money."""
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
    MONEY: {f"{fix:g} / {keep:g}": _money(fix, keep, INSTRUCTIONS) for fix, keep in APART},
    BY_HEAD: {f"{head:,} tokens": _money(0.3, 0.99, head) for head in (0, 128, 512, 4096)},
}
SHOWN = {
    TOKENS: "PAPER: forward passes, fix = keep = p",
    PRICED: "PAPER, and a price of each call",
    MONEY: f"{MONEY}: fix / keep",
    BY_HEAD: f"{BY_HEAD}: instructions before each call",
}
"""What the figure shows, and what its panels are called; the other arms are in the table."""


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """OnlyIncorrect with chunks of g of 24 blocks of 16 tokens, all incorrect at first, strict (1+1)-EA."""
    arms = {arm: cells for panel in PANELS.values() for arm, cells in panel.items()}  # labels differ
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
    label, values = arm.removesuffix(", priced"), [_relative(each, whole) for each in cells]
    return Curve(label, x, values, x, lines / whole, colour, best=bool(np.argmin(lines) > 0))


def figure(arms: Arms) -> Figure:
    """Cost along g relative to g = 1, a panel a question, the cheapest g of each curve marked."""
    panels = []
    for members, title in SHOWN.items():
        shown = [arm for arm in PANELS[members] if arms.get(arm)]
        curves = [_curve(arm, list(arms[arm]), place) for place, arm in enumerate(shown)]
        panels.append(
            Panel(title, "g  (blocks a call gets)", "cost relative to g = 1", curves, log_x=2,
                  xticks=GS if members in (TOKENS, PRICED) else (*GS, K), y_range=(0.15, 15), level=1.0)
        )  # fmt: skip
    note = f"no star: one block a call is; k = {K}, l = {L}; MONEY: a generated token costs four prompt ones"
    return panels_figure(STUDY.title, panels, note=note)


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
    prices = f"(a generated token costs {PRICES.generated / PRICES.prompt:g} prompt ones)"
    money, by_head = ([_optimum(arms[arm]) for arm in PANELS[title]] for title in (MONEY, BY_HEAD))
    tokens, priced, heads = ([_g(best[arm]) for arm in PANELS[title]] for title in (TOKENS, PRICED, HEADS))
    return Findings(
        sentences=(
            f"Blocks that succeed independently with fix = keep = p: for p <= 1/2 the cheapest is {always}, whatever a "
            "call costs (theory 3e). With keep > fix it need not be.",
            f"For p = {', '.join(f'{p:g}' for p in PS)} the cheapest g is {_list(tokens)} if only tokens "
            f"cost, and {_list(priced)} if each call has a price too: that, with a high p, is what makes "
            "larger chunks pay.",
            f"At prices of tokens {prices}, with {INSTRUCTIONS:,} tokens of instructions in front of every call, "
            "instructions are a price of a call, and what decides is keep: "
            + "; ".join(
                f"with fix / keep = {arm} g = {_g(each)}, at {_share(arms[arm], each):.3g} of the cost of one block"
                for arm, each in zip(PANELS[MONEY], money, strict=True)
            )
            + ".",
            f"With fix = 0.3 and keep = 0.99 the cheapest g is {_list([_g(each) for each in by_head])} for "
            f"{', '.join(PANELS[BY_HEAD])} of instructions: without any, one block a call, however high keep is.",
            "In forward passes, in which all before a chunk is read again for every token that is written, they are "
            "no price of a call: "
            f"with {_list(HEAD_SIZES)} tokens of them the cheapest g is {_list(heads[: len(HEAD_SIZES)])}, and with "
            f"priced calls {_list(heads[len(HEAD_SIZES) :])}.",
        ),
        headings=("arm", "cheapest g", "cost there", "share of the cost at g = 1"),
        rows=tuple(rows),
        note=f"halves every j: p(g) = 0.95 2^(-(g-1)/j); a table: p(1) .. p(12) = {TABLE[0]:g} .. {TABLE[-1]:g};\n"
        f"priced: a call costs {CALL:,} forward passes over one token, some six blocks written at once",
    )


def _optimum(cells: Sequence[Measured]) -> Measured:
    """The cell of the least exact cost."""
    return min(cells, key=lambda each: each.exact("cost"))


def _share(cells: Sequence[Measured], cheapest: Measured) -> float:
    return cheapest.mean("cost").value / cells[0].mean("cost").value


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _p(arm: str) -> float:
    return float(arm.removeprefix("p = ").split(",")[0])


STUDY = Study(
    name="granularity",
    question="How many blocks should a call get? Cost against g, by fix, keep, p(g), instructions and prices",
    grid=grid,
    title="One block a call? Yes if only passes cost; not if calls cost and keep is high",
    figure=figure,
    findings=findings,
)
