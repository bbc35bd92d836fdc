"""The answer of a plan in one sentence, and what stands beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.planning.plan import Plan, Ranked

SAME = 1e-9
"""Relative: two formulas for one number differ in their last digits."""


def figure(value: float, unit: str = "") -> str:
    """A number to four digits, with its unit in front if that is a sign, else behind.

    >>> figure(0.31753, "$"), figure(1234.5, "EUR"), figure(126.76)
    ('$0.3175', '1,234 EUR', '126.8')
    """
    if math.isnan(value):
        return "unknown"
    text = f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"
    if not unit:
        return text
    return f"{text} {unit}" if unit[0].isalpha() else f"{unit}{text}"


def answer(plan: Plan) -> str:
    """The choice, what it takes, the band of single runs, and how much dearer the next is."""
    best = plan.best
    value = figure(getattr(best.numbers, plan.by), plan.unit if plan.by == "money" else "")
    what = value if plan.by == "money" else f"{value} {plan.by}"
    told = f"{best.candidate}: {what} a run on average{_band(plan, best)}"
    if plan.by == "money":
        told += f", {figure(best.numbers.calls)} calls"
    alike, other = next_best(plan)
    if alike:
        told += f"; as good: {', '.join(str(each.candidate) for each in alike[:2])}"
    if other is not None:
        told += f"; next: {other.candidate}, {plan.worse(other):.3g} times as dear"
    return f"{told}."


def _band(plan: Plan, ranked: Ranked) -> str:
    numbers = ranked.numbers
    if math.isnan(numbers.low):
        return ""
    unit = plan.unit if ranked.candidate.model.priced else ""
    what = "" if ranked.candidate.model.priced else " calls"
    return f" (80 % of runs: {figure(numbers.low, unit)} to {figure(numbers.high, unit)}{what})"


def next_best(plan: Plan) -> tuple[list[Ranked], Ranked | None]:
    """Those as good as the best, and the first that is worse; None if nothing is known of any."""
    alike: list[Ranked] = []
    for each in plan.ranked[1:]:
        worse = plan.worse(each)
        if math.isnan(worse):
            break
        if worse > 1.0 + SAME:
            return alike, each
        alike.append(each)
    return alike, None


def cautions(plan: Plan) -> list[str]:
    """What the answer rests on that nobody measured."""
    found, best = [], plan.best.candidate
    operator = best.model.values.operator
    if not best.model.measured(best.g):
        least, most = max(operator.fix[0][0], operator.keep[0][0]), min(operator.fix[-1][0], operator.keep[-1][0])
        told = (
            f"g = {best.g} lies outside the calls that were measured, g = {least} to {most}: fix and keep are drawn on"
        )
        inside = next((each for each in plan.ranked if each.candidate.model.measured(each.candidate.g)), None)
        if inside is not None and not math.isnan(plan.worse(inside)):
            told += f"; the best within them is {inside.candidate}, {plan.worse(inside):.3g} times as dear"
        found.append(told)
    if plan.by != "money":
        found.append(f"no prices: ranked by {plan.by}; give prices.prompt and prices.generated to rank by money")
    if plan.assumed:
        found.append(f"not given, taken as 0: {', '.join(plan.assumed)}")
    return found
