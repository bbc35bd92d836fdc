"""The prices behind the money of calls, by regression; money that is missing stays missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from evo.protocols import BoolArray, FloatArray
from experiments.calibration.blocks import LEVEL, Estimate
from experiments.logs.calls import Calls

FEWEST = 8
"""Calls with money from which prices are sought."""
EXACT = 1e-3
"""Relative error of the money of calls that follows a law of prices, where money is written to some digits."""
NOTHING = 1e-9
"""Share of the money of a call that is rounding of the regression."""
APART = 1e-7
"""Of a column of tokens that is no combination of the others, relatively."""


@dataclass(frozen=True)
class PriceLaw:
    """money = prompt (in - cached) + cached cached + generated (out - reasoning) + reasoning reasoning + call.

    Attributes:
        prices: by name; those that the log does not tell are not in it.
        error: median relative error of a call's money.
        known: calls with money above 0.
        missing: without.
        zeros: calls that read or wrote tokens and have money 0, which are left out.
        untold: why some or all prices are not told; empty if all are.
    """

    prices: dict[str, Estimate]
    error: float
    known: int
    missing: int
    zeros: int
    untold: str = ""


def price_law(calls: Calls) -> PriceLaw:
    """The prices that the money of the calls follows.

    Columns of tokens that are not there count as none; columns that never vary on their own are not told apart.
    """
    money = calls.number("price")
    there = ~np.isnan(money)
    used = np.nansum([calls.number(name) for name in ("tokens_in", "tokens_out")], axis=0) > 0
    zeros = there & (money == 0) & used
    known = money > 0
    counted = (int(known.sum()), int((~there).sum()), int(zeros.sum()))
    if counted[0] < FEWEST:
        return PriceLaw({}, np.nan, *counted, f"expected money of {FEWEST} calls or more, got {counted[0]}")
    columns, known = _columns(calls, known)
    if not columns or known.sum() < FEWEST:
        return PriceLaw({}, np.nan, *counted, "no tokens stand beside the money")
    return _regression(columns, money[known], counted)


def _columns(calls: Calls, known: BoolArray) -> tuple[dict[str, FloatArray], BoolArray]:
    """Tokens that have a price of their own, of the calls whose tokens are known."""
    whole = {name: calls.number(name) for name in ("tokens_in", "tokens_out") if name in calls}
    for values in whole.values():
        known = known & ~np.isnan(values)
    parts = {name: np.nan_to_num(calls.number(name)) for name in ("tokens_cached", "tokens_reasoning")}
    made: dict[str, FloatArray] = {}
    for name, part, new, own in (
        ("tokens_in", "tokens_cached", "prompt", "cached"),
        ("tokens_out", "tokens_reasoning", "generated", "reasoning"),
    ):
        if name in whole:
            made[new] = (whole[name] - parts[part])[known]
            if part in calls:
                made[own] = parts[part][known]
    made["call"] = np.ones(int(known.sum()))
    return {name: values for name, values in made.items() if values.any()}, known


def _regression(columns: dict[str, FloatArray], money: FloatArray, counted: tuple[int, int, int]) -> PriceLaw:
    """Least squares of relative errors, without columns that are a combination of others."""
    table = np.column_stack(list(columns.values())) / money[:, None]
    scales = np.sqrt((table**2).mean(axis=0))
    scaled = table / scales
    names = list(columns)
    _, singular, directions = np.linalg.svd(scaled, full_matrices=False)
    tangled = directions[singular < APART * singular[0] * len(money) ** 0.5]
    alike = [name for j, name in enumerate(names) if np.abs(tangled[:, j]).max(initial=0.0) > 1e-3]
    solution = np.linalg.lstsq(scaled, np.ones(len(money)), rcond=None)[0]
    residuals = 1.0 - scaled @ solution
    error = float(np.median(np.abs(residuals)))
    if error > EXACT:
        told = f"money follows no prices of tokens: half of the calls are off by {100 * error:.2g} % or more"
        return PriceLaw({}, error, *counted, told)
    inverse = np.linalg.pinv(scaled.T @ scaled)
    meat = scaled.T @ (scaled * residuals[:, None] ** 2)
    freedom = max(len(money) - len(names), 1)
    variances = np.maximum(np.diag(inverse @ meat @ inverse), 0.0)  # money without error: 0, or below it by rounding
    errors = np.sqrt(variances * len(money) / freedom) * t.ppf(0.5 + LEVEL / 2.0, freedom)
    prices = {}
    for name, value, width, scale in zip(names, solution, errors, scales, strict=True):
        if name not in alike:
            shares = (value, value - width, value + width)  # of the money of a call
            price, low, high = (0.0 if share < NOTHING else float(share / scale) for share in shares)
            prices[name] = Estimate(price, low, high, len(money))
    untold = f"{', '.join(alike)} vary together: no price of each" if alike else ""
    return PriceLaw(prices, error, *counted, untold)
