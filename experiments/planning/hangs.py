"""What a choice hangs on: which value of each uncertain input makes another the best, and the pilot that would tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from experiments.planning.answer import RISING
from experiments.planning.candidates import Candidate
from experiments.planning.model import Model
from experiments.planning.numbers import number_of
from experiments.planning.values import with_values

if TYPE_CHECKING:
    from experiments.planning.plan import Plan

ODDS, FAR = 1.1, 10.0
"""Where no interval is given, the odds may be a tenth more or less; and how far a flip is looked for beyond it."""
FIRST = 6
"""The best candidates that may become the best; beside them the first of each schedule, g and model."""
CLEAR = 1e-7
"""Relative: what is better by less is as good."""
HALVINGS = 24
CONFIDENCE, POWER = 1.959964, 0.841621
"""Normal quantiles of a 95 % interval that leaves the flip out with chance 0.8."""


@dataclass(frozen=True)
class Hang:
    """One input, the others as they are said to be.

    Attributes:
        model: whose; empty where there is only one.
        key: of the calibration file.
        g: blocks of the calls that it is about, None where it is about all.
        value, low, high: what is said, and between which values it may lie.
        given: whether that interval is the file's; otherwise its odds are a tenth more or less.
        flip: the nearest value at which another becomes the best; NaN if there is none within 10 times the odds.
        to: which one, in words.
        pilot: calls (of g blocks, if it is about a g) after which a 95 % interval leaves the flip out with chance 0.8
            if the value is what it is said to be; None where none is needed.
        price: of that pilot; NaN without prices.
        stake: what keeping the choice costs at the end of the interval where it loses: how many times the best there,
            or how much less it reaches.
    """

    model: str
    key: str
    g: int | None
    value: float
    low: float
    high: float
    given: bool
    flip: float = math.nan
    to: str = ""
    pilot: int | None = None
    price: float = math.nan
    stake: float = math.nan

    @property
    def inside(self) -> bool:
        """Whether the flip lies within the interval."""
        return self.low <= self.flip <= self.high

    def __str__(self) -> str:
        name = self.key.partition(".")[2].replace("_", " ") + (f" at g = {self.g}" if self.g else "")
        return f"{name} ({self.model})" if self.model else name


def what_it_hangs_on(plan: Plan) -> tuple[Hang, ...]:
    """Each uncertain input on its own, those that may flip the choice first, then by how near the flip is.

    Of a choice that is simulated nothing is told: runs at two values of an input differ by chance, too.
    """
    if plan.simulated(plan.best):
        return ()
    rivals = _rivals(plan)
    models = {each.candidate.model.name: each.candidate.model for each in plan.ranked}
    found = [_flipped(plan, rivals, hang) for model in models.values() for hang in uncertain(model)]
    return tuple(sorted(found, key=lambda hang: (not hang.inside, _distance(hang))))


def uncertain(model: Model) -> Iterator[Hang]:
    """The chances of a model that somebody measured, with their intervals."""
    operator = model.values.operator
    for name in ("fix", "keep"):
        intervals = dict(getattr(operator.interval, name))
        for g, value in getattr(operator, name):
            if g <= model.k:
                yield _between(model, f"operator.{name}", g, value, intervals.get(g))
    for name in ("refusals", "malformed", "rho_fix", "rho_keep"):
        value = getattr(operator, name)
        if value:
            yield _between(model, f"operator.{name}", None, value, getattr(operator.interval, name))


def _between(model: Model, key: str, g: int | None, value: float, interval: tuple[float, float] | None) -> Hang:
    low, high = interval or (with_odds(value, 1.0 / ODDS), with_odds(value, ODDS))
    return Hang(model.name, key, g, value, min(low, value), max(high, value), interval is not None)


def with_odds(p: float, factor: float) -> float:
    """The chance whose odds are a multiple of those of p.

    >>> round(with_odds(0.5, 1.1), 6), with_odds(1.0, 0.5)
    (0.52381, 1.0)
    """
    return factor * p / (1.0 - p + factor * p)


def _rivals(plan: Plan) -> list[Candidate]:
    """The best, those after it, and the first of each kind: who may become the best."""
    found: list[Candidate] = []
    seen: set[tuple[str, Any]] = set()
    for i, each in enumerate(plan.ranked):
        if math.isnan(getattr(each.numbers, plan.by)):
            break
        if plan.simulated(each):
            continue
        one = each.candidate
        kinds = {
            ("schedule", one.name),
            ("runner", one.runner),
            ("g", one.g),
            ("model", one.model.name),
            ("votes", one.votes),
        }
        if i < FIRST or not kinds <= seen:
            found.append(one)
        seen |= kinds
    return found


def _flipped(plan: Plan, rivals: Sequence[Candidate], hang: Hang) -> Hang:
    """The nearest flip within the interval, or beyond it."""
    wide = (with_odds(hang.value, 1.0 / FAR), with_odds(hang.value, FAR))
    for ends in ((hang.low, hang.high), wide):
        flips = [_flip(plan, rivals, hang, end) for end in ends if end != hang.value]
        known = [each for each in flips if each is not None]
        if known:
            flip, to, stake = min(known, key=lambda each: abs(_logit(each[0]) - _logit(hang.value)))
            found = replace(hang, flip=flip, to=str(to), stake=stake)
            return _with_pilot(plan, found) if found.inside else found
    return hang


def _flip(plan: Plan, rivals: Sequence[Candidate], hang: Hang, end: float) -> tuple[float, Candidate, float] | None:
    """Where between the value and an end another becomes the best, by bisection, and what is at stake at the end.

    None if the choice stays the best at the end.
    """
    better = _better(plan, rivals, hang, end)
    if not better:
        return None
    kept, best = (_worth(plan, _changed(each, hang, end)) for each in (rivals[0], better[0]))
    stake = kept - best if plan.by in RISING else kept / best
    good, bad = hang.value, end
    for _ in range(HALVINGS):
        middle = (good + bad) / 2.0
        then = _better(plan, [rivals[0], *better], hang, middle)
        good, bad, better = (good, middle, then) if then else (middle, bad, better)
        if abs(bad - good) < 1e-4 * abs(bad - hang.value):
            break
    return bad, better[0], stake


def _better(plan: Plan, rivals: Sequence[Candidate], hang: Hang, value: float) -> list[Candidate]:
    """The rivals that beat the best of the plan if the input had another value, the best of them first."""
    worth = [_worth(plan, _changed(each, hang, value)) for each in rivals]
    least = worth[0] - CLEAR * abs(worth[0])
    order = sorted((w, i) for i, w in enumerate(worth) if w < least)
    return [rivals[i] for _, i in order]


def _worth(plan: Plan, candidate: Candidate) -> float:
    """What a candidate takes, or minus what it reaches; infinite where that is not known."""
    value = number_of(candidate, plan.aim, plan.by)
    return math.inf if math.isnan(value) else -value if plan.by in RISING else value


def _changed(candidate: Candidate, hang: Hang, value: float) -> Candidate:
    """The candidate with another value of the input, if it is its model's."""
    if candidate.model.name != hang.model:
        return candidate
    values: Any = value
    if hang.g is not None:
        table = getattr(candidate.model.values.operator, hang.key.partition(".")[2])
        values = dict(table) | {hang.g: value}
    return replace(
        candidate, model=replace(candidate.model, values=with_values(candidate.model.values, {hang.key: values}))
    )


def _with_pilot(plan: Plan, hang: Hang) -> Hang:
    """The same with calls after which the interval leaves the flip out, and their price.

    g blocks of one call count as many as g/(1 + (g-1) rho) that are independent.
    """
    if hang.key.startswith("operator.rho"):
        return hang
    model = next(each.candidate.model for each in plan.ranked if each.candidate.model.name == hang.model)
    operator, g = model.values.operator, hang.g or 1
    rho = (operator.rho_fix if hang.key == "operator.fix" else operator.rho_keep) or 0.0
    blocks = (CONFIDENCE + POWER) ** 2 * hang.value * (1.0 - hang.value) / (hang.value - hang.flip) ** 2
    calls = math.ceil(blocks * (1.0 + (g - 1) * rho) / g)
    return replace(hang, pilot=calls, price=calls * model.price_of_a_call(g))


def _distance(hang: Hang) -> float:
    return math.inf if math.isnan(hang.flip) else abs(_logit(hang.flip) - _logit(hang.value))


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p)) if 0.0 < p < 1.0 else math.copysign(math.inf, p - 0.5)
