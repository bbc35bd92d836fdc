"""The answer of a plan in one sentence, and what stands beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from experiments.planning.inputs import MOST_CALLS, SETTLED

if TYPE_CHECKING:
    from experiments.planning.inputs import Hang
    from experiments.planning.numbers import Numbers
    from experiments.planning.plan import Plan, Ranked
    from experiments.planning.sensitivity.swings import Swing

RISING = ("fitness", "reached")
"""What there should be much of."""
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
    """The choice, what it takes, the band of single runs, and how much worse the next is."""
    best = plan.best
    said = ", ".join([*_reached(plan, best.numbers), *_taken(plan, best)])
    alike, other = next_best(plan)
    if alike:
        same = {"money": "as cheap", "hours": "as quick"}.get(plan.by, "as good")
        near = " within two standard errors" if any(plan.simulated(each) for each in (best, *alike[:2])) else ""
        said += f"; {same}{near}: {', '.join(_with_hours(each) for each in alike[:2])}"
    if other is not None:
        said += f"; next: {other.candidate}, {behind(plan, other)}"
    return f"{best.candidate}: {said}."


def _reached(plan: Plan, numbers: Numbers) -> list[str]:
    """What there is at the budget."""
    aim = plan.aim
    if not aim.limited:
        return []
    within = f"{aim.calls:,} calls" if aim.calls is not None else figure(aim.money or 0.0, plan.unit)
    blocks = f"{figure(numbers.fitness)} correct blocks on average after {within}"
    goal = "all" if aim.target is None else f"{aim.target} of them"
    return [
        blocks + _give(numbers, "fitness"),
        f"{goal} with chance {figure(numbers.reached)}{_give(numbers, 'reached')}",
    ]


def _taken(plan: Plan, best: Ranked) -> list[str]:
    """What it takes until the target, whatever the budget."""
    numbers, until = best.numbers, "until all are" if plan.aim.limited else "on average"
    if plan.aim.target is not None:
        until = f"until {plan.aim.target} blocks are correct, on average"
    priced = best.candidate.model.priced
    sums = [figure(numbers.money, plan.unit) + _give(numbers, "money")] if priced else []
    sums += [f"{figure(numbers.calls)} calls{_give(numbers, 'calls') if plan.by == 'calls' else ''}"]
    sums += [f"{figure(numbers.tokens)} tokens{_give(numbers, 'tokens')}"] if plan.by == "tokens" else []
    if not math.isnan(numbers.hours):
        sums += [f"{'' if numbers.hours_kind == 'exact' else numbers.hours_kind + ' '}{figure(numbers.hours)} hours"]
    told = [f"{', '.join(sums)} {until}"]
    if not math.isnan(numbers.low):
        unit, what = (plan.unit, "") if priced else ("", " calls")
        told.append(f"80 % of runs take {figure(numbers.low, unit)} to {figure(numbers.high, unit)}{what}")
    if not math.isnan(numbers.hours_low):
        told[-1] += " and " if not math.isnan(numbers.low) else ", 80 % of runs take "
        drawn = "" if math.isnan(numbers.error("hours_low")) else "~"
        told[-1] += f"{drawn}{figure(numbers.hours_low)} to {figure(numbers.hours_high)} hours"
    return told


def _give(numbers: Numbers, name: str) -> str:
    """The standard error of a number that is simulated, and of how many runs."""
    error = numbers.error(name)
    return "" if math.isnan(error) else f" +- {error:.2g} ({numbers.runs:,} simulated runs)"


def _with_hours(ranked: Ranked) -> str:
    hours = ranked.numbers.hours
    return f"{ranked.candidate}" + ("" if math.isnan(hours) else f" ({figure(hours)} hours)")


def behind(plan: Plan, other: Ranked) -> str:
    """How much worse another is, in words."""
    worse = plan.worse(other)
    if plan.by == "fitness":
        return f"{worse:.3g} blocks fewer"
    if plan.by == "reached":
        return f"chance {figure(other.numbers.reached)}"
    return f"{worse:.3g} times as {'long' if plan.by == 'hours' else 'dear' if plan.by == 'money' else 'many'}"


def next_best(plan: Plan) -> tuple[list[Ranked], Ranked | None]:
    """Those as good as the best, and the first of another decomposition that is worse; None if nothing is known of any.

    Of numbers that are simulated what is less than two standard errors apart is as good.
    """
    alike: list[Ranked] = []
    for each in plan.ranked[1:]:
        worse = plan.worse(each)
        if math.isnan(worse):
            break
        if worse <= (0.0 if plan.by in RISING else 1.0) + max(SAME, _twice_the_error(plan, each)):
            alike.append(each)
        elif each.candidate.decomposition not in {one.candidate.decomposition for one in (plan.best, *alike)}:
            return alike, each
    return alike, None


def _twice_the_error(plan: Plan, each: Ranked) -> float:
    """Of what `worse` says of a candidate, if it or the best is simulated; else 0."""
    errors = [error for one in (plan.best, each) if not math.isnan(error := one.numbers.error(plan.by))]
    best = getattr(plan.best.numbers, plan.by)
    return 2.0 * math.hypot(*errors) / (1.0 if plan.by in RISING or not best else best)


def _stake(plan: Plan, hang: Hang) -> str:
    """What is lost at the worse end of the interval."""
    if plan.by == "fitness":
        return f"{figure(hang.stake)} blocks"
    return f"{figure(hang.stake)} of the chance" if plan.by == "reached" else f"{hang.stake:.3g} times the {plan.by}"


def told_swings(plan: Plan, most: int = 3) -> list[str]:
    """What the numbers of the choice hang on, a sentence for each number: the inputs that move it most.

    Those that somebody gave an interval come first: that of the others is no more than a habit.
    """
    told = []
    for by in dict.fromkeys(swing.by for swing in plan.swings):
        swings = [swing for swing in plan.swings if swing.by == by]
        given = [_swing(plan, swing) for swing in swings if swing.input.given][:most]
        others = [_swing(plan, swing) for swing in swings if not swing.input.given][:most]
        what = {"money": "the bill", "reached": "the chance"}.get(by, f"the {by}")
        ranges = "where no interval is given, " if given else ""
        listed = [*given, *([ranges + "; ".join(others)] if others else [])]
        hangs = "hangs" if by in ("money", "reached", "fitness") else "hang"
        told.append(f"{what} of the choice {hangs} on {'; '.join(listed)}")
    return told


def _swing(plan: Plan, swing: Swing) -> str:
    """From which input to which number."""
    given, unit = swing.input, plan.unit if swing.by == "money" else ""
    ends = f"{figure(swing.at_low, unit)} to {figure(swing.at_high, unit)}"
    between = given.range or f"{figure(given.low)} to {figure(given.high)}"
    return f"{given} ({between}): {ends}"


def told_hangs(plan: Plan, most: int = 2) -> list[str]:
    """What the choice hangs on, in sentences: flips within the intervals, else the nearest beyond them."""
    inside = [hang for hang in plan.hangs if hang.inside]
    if inside or not plan.hangs:
        return [_told(plan, hang) for hang in inside]
    far = [f"{hang} at {figure(hang.flip)} instead of {figure(hang.value)}: {hang.to}" for hang in plan.hangs]
    near = [told for told, hang in zip(far, plan.hangs, strict=True) if not math.isnan(hang.flip)][:most]
    ranges = ", ".join(dict.fromkeys(f"{hang.kind}: {hang.range}" for hang in plan.hangs if hang.range))
    told = f"nothing within its interval{' (where none is given, ' * (ranges != '')}{ranges}{')' * (ranges != '')}"
    told += " changes the choice"
    if plan.simulated(plan.best):
        return [f"{told} by more than two standard errors of runs"]
    return [f"{told}; nearest: {'; '.join(near)}" if near else f"{told}, nor ten times its odds or value"]


def _told(plan: Plan, hang: Hang) -> str:
    """A flip within the interval, what is at stake, and what would tell."""
    between = ", ".join(filter(None, (f"{figure(hang.low)} to {figure(hang.high)}", hang.range)))
    about = "about " if hang.simulated else ""
    said = f"hangs on {hang}: {figure(hang.value)} ({between}); at {about}{figure(hang.flip)} the choice is {hang.to}"
    if hang.tied:
        tell = "no pilot is worth while" if hang.negligible else f"more than {MOST_CALLS:,} calls would tell"
        return f"{said}; nearly tied: not to change it costs up to {_stake(plan, hang)}, and {tell}"
    said += f"; not to change it costs up to {_stake(plan, hang)}"
    if hang.pilot is not None:
        each = f" with g = {hang.g}" if hang.g else ""
        price = "" if math.isnan(hang.price) else f" ({figure(hang.price, plan.unit)})"
        return f"{said}; a pilot of {hang.pilot:,} calls{each}{price} would tell"
    return "; ".join(filter(None, (said, SETTLED.get(hang.table))))
