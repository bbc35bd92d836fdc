"""What the answer of a plan rests on that nobody measured, or said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evo.statistics import normal_quantile
from experiments.planning.answer import RISING, behind, figure
from experiments.planning.candidates import FEEDBACK
from experiments.planning.inputs import Hang, odds_words
from experiments.planning.model import Model

if TYPE_CHECKING:
    from experiments.planning.plan import Plan

FEEDBACK_TAKEN = "tests tell how many blocks are correct (--feedback score)"


def cautions(plan: Plan) -> list[str]:
    """What the answer rests on that nobody measured, in sentences."""
    found, best = [], plan.best.candidate
    operator = best.model.values.operator
    least, most = max(operator.fix[0][0], operator.keep[0][0]), min(operator.fix[-1][0], operator.keep[-1][0])
    if not best.model.measured(best.g):
        told = f"g = {best.g} lies outside the calls that were measured, g = {least} to {most}, whose values are taken"
        inside = next((each for each in plan.ranked if each.candidate.model.measured(each.candidate.g)), None)
        if inside is not None and not math.isnan(plan.worse(inside)):
            told += f"; the best within them is {inside.candidate}, {behind(plan, inside)}"
        found.append(told)
    elif most < best.model.k and all(each.candidate.g <= most for each in plan.ranked):
        found.append(_longer(best.model, most))
    found += _between(plan)
    if not best.model.priced:
        found.append(f"no prices: ranked by {plan.by}; give prices.prompt and prices.generated to rank by money")
    found += [f"prices of {told}" for told in plan.sources]
    found += _on_runs(plan)
    if plan.assumed:
        found.append(f"not given, taken as 0: {', '.join(plan.assumed)}")
    if plan.defaults:
        found.append(f"not said, taken as usual: {'; '.join(plan.defaults)}{_if_tests_tell_less(plan)}")
    return found


def _longer(model: Model, most: int) -> str:
    """That longer calls are not compared, and which table ends before the other."""
    operator = model.values.operator
    ends = {"fix": operator.fix[-1][0], "keep": operator.keep[-1][0]}
    short = [name for name, end in ends.items() if end == most]
    if len(short) == 2:
        return f"calls on more than g = {most} blocks were not measured and are not compared; give g for them"
    other = max(ends.values())
    told = f"{short[0]} was measured up to g = {most} alone, so that longer calls are not compared"
    return f"{told}; give {short[0]} at g = {other}"


def taken_as_usual(models: Sequence[Model], feedback: bool, shows: bool, start: bool, workers: bool) -> list[str]:
    """What was left at its default, in words; what makes no difference to any number is not told."""
    k, counted = models[0].k, any(model.counted for model in models)
    known = [
        (FEEDBACK_TAKEN, feedback and k > 1),
        ("a call reads its own chunk (--shows chunk)", shows and counted and k > 1),
        ("all blocks are incorrect at first (--start 0)", start),
        ("one call at a time (--workers 1)", workers and any(model.timed for model in models)),
    ]
    return [words for words, told in known if told]


def _between(plan: Plan) -> list[str]:
    """Which g were not measured themselves, the best one's told first."""
    interpolated = {each.candidate.g for each in plan.ranked if each.candidate.model.interpolated(each.candidate.g)}
    if not interpolated:
        return []
    first = [plan.best.candidate.g] if plan.best.candidate.g in interpolated else []
    listed = [*first, *sorted(interpolated - set(first))]
    named = ", ".join(map(str, listed[:6])) + (", .." if len(listed) > 6 else "")
    choice = " (the choice)" if first and len(listed) > 1 else ""
    named = named.replace(str(listed[0]), f"{listed[0]}{choice}", 1)
    lie = "lies" if len(listed) == 1 else "lie"
    told = "between the calls that were measured: logit fix and logit keep are interpolated, linear in log g"
    return [f"g = {named} {lie} {told}"]


def _if_tests_tell_less(plan: Plan) -> str:
    """The best if tests only tell better from worse, where that is another."""
    if FEEDBACK_TAKEN not in plan.defaults:
        return ""
    without = next((each for each in plan.ranked if each.candidate.schedule not in FEEDBACK["none"]), None)
    if without is None or without is plan.best or math.isnan(plan.worse(without)):
        return ""
    return f". With --feedback none the best is {without.candidate}, {behind(plan, without)}"


def _on_runs(plan: Plan) -> list[str]:
    """What rests on simulated runs."""
    simulated = [each.numbers for each in plan.ranked if plan.simulated(each)]
    found = []
    if simulated:
        errors = [each.error(plan.by) / (1.0 if plan.by in RISING else getattr(each, plan.by)) for each in simulated]
        most = figure(max(errors)) if plan.by in RISING else f"{100 * max(errors):.2g} %"
        said = "1 candidate is" if len(simulated) == 1 else f"{len(simulated):,} candidates are"
        said += f" simulated (no formula tells their {plan.by}), standard errors up to {most}; --exact leaves them out"
        found.append(said)
    return found


def unsaid_intervals(plan: Plan) -> list[str]:
    """Chances of the choice without an interval, and how many counted blocks would leave one as wide as is taken."""
    unsaid = [hang for hang in plan.hangs if hang.is_chance and not hang.given and hang.key != "tokens.cached_share"]
    narrow = [(blocks_of(hang.value, plan.odds), hang) for hang in unsaid if 0.0 < hang.value < 1.0]
    if not narrow:
        return []
    names = ", ".join(dict.fromkeys(_named(hang) for _, hang in narrow))
    blocks, hang = min(narrow, key=lambda each: each[0])
    said = f"no interval is given for {names}: odds {odds_words(plan.odds)} are taken, not measured. That is as if "
    said += f"{blocks:,} blocks had been counted at {figure(hang.value)}, and more at the others"
    return [f"{said}; give yours (--fix 1=.35:.31:.39, in the file [operator.interval]), or another --odds"]


def _named(hang: Hang) -> str:
    name = hang.key.partition(".")[2]
    return f"{name} ({hang.model})" if hang.model else name


def blocks_of(p: float, odds: float) -> int:
    """Independent blocks n after which a 95 % interval of the odds is that wide: 1.96/sqrt(n p (1-p)) = ln odds.

    >>> blocks_of(0.35, 1.1), blocks_of(0.35, 2.0)
    (1859, 36)
    """
    return math.ceil((normal_quantile(0.975) / math.log(odds)) ** 2 / (p * (1.0 - p)))
