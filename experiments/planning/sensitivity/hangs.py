"""What a choice hangs on: which value of each uncertain input makes another the best, and the pilot that would tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from experiments.planning.answer import RISING
from experiments.planning.candidates import Candidate
from experiments.planning.inputs import MOST_CALLS, Hang, changed, uncertain
from experiments.planning.model import Model
from experiments.planning.numbers import number_of
from experiments.planning.sensitivity.hangs_by_runs import hangs_by_runs

if TYPE_CHECKING:
    from experiments.planning.plan import Plan

FAR = 10.0
"""How many times the odds, or the value, a flip is looked for beyond the interval."""
FIRST = 6
"""The best candidates that may become the best; beside them the first of each schedule, g and model."""
CLEAR = 1e-7
"""Relative: what is better by less is as good."""
HALVINGS = 24
NEGLIGIBLE = 0.01
"""Of the best: two choices are nearly tied if less is at stake."""
CONFIDENCE, POWER = 1.959964, 0.841621
"""Normal quantiles of a 95 % interval that leaves the flip out with chance 0.8."""


def what_it_hangs_on(plan: Plan) -> tuple[Hang, ...]:
    """Each uncertain input on its own, those that may flip the choice first, then by how near the flip is.

    A choice that is simulated is simulated again at both ends of each interval, see `hangs_by_runs`.
    """
    if plan.simulated(plan.best):
        return tuple(_settled(plan, hang) if hang.inside else hang for hang in hangs_by_runs(plan))
    rivals = _rivals(plan)
    models = {each.candidate.model.name: each.candidate.model for each in plan.ranked}
    found = [_flipped(plan, rivals, hang) for model in models.values() for hang in uncertain(model, plan.by, plan.odds)]
    return tuple(sorted(found, key=lambda hang: (not hang.inside, _distance(hang))))


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
    wide = (hang.moved(1.0 / FAR), hang.moved(FAR))
    for ends in ((hang.low, hang.high), wide):
        flips = [_flip(plan, rivals, hang, end) for end in ends if end != hang.value]
        known = [each for each in flips if each is not None]
        if known:
            flip, to, stake = min(known, key=lambda each: abs(hang.place(each[0]) - hang.place(hang.value)))
            found = replace(hang, flip=flip, to=str(to), stake=stake)
            return _settled(plan, found) if found.inside else found
    return hang


def _flip(plan: Plan, rivals: Sequence[Candidate], hang: Hang, end: float) -> tuple[float, Candidate, float] | None:
    """Where between the value and an end another becomes the best, by bisection, and what is at stake at the end.

    None if the choice stays the best at the end.
    """
    better = _better(plan, rivals, hang, end)
    if not better:
        return None
    kept, best = (_worth(plan, changed(each, hang, end)) for each in (rivals[0], better[0]))
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
    worth = [_worth(plan, changed(each, hang, value)) for each in rivals]
    least = worth[0] - CLEAR * abs(worth[0])
    order = sorted((w, i) for i, w in enumerate(worth) if w < least)
    return [rivals[i] for _, i in order]


def _worth(plan: Plan, candidate: Candidate) -> float:
    """What a candidate takes, or minus what it reaches; infinite where that is not known."""
    try:
        value = number_of(candidate, plan.aim, plan.by)
    except InputError:  # ten times the tokens are more than a call may have
        return math.inf
    return math.inf if math.isnan(value) else -value if plan.by in RISING else value


def _settled(plan: Plan, hang: Hang) -> Hang:
    """The same with the calls that would tell on which side of the flip it is, or as nearly tied."""
    best = getattr(plan.best.numbers, plan.by)
    if hang.stake < (NEGLIGIBLE * best if plan.by in RISING else 1.0 + NEGLIGIBLE):
        return replace(hang, negligible=True, tied=True)
    calls = _calls(plan, hang)
    if calls is None or calls > MOST_CALLS:
        return replace(hang, tied=calls is not None)
    model = _model(plan, hang)
    return replace(hang, pilot=calls, price=calls * model.price_of_a_call(hang.g or plan.best.candidate.g))


def _calls(plan: Plan, hang: Hang) -> int | None:
    """Calls after which a 95 % interval leaves the flip out w.p. 0.8; None where no number of calls is known.

    Of chances n = z^2 p (1-p)/(p - flip)^2 blocks, of which g of one call count as many as g/(1 + (g-1) rho) that are
    independent. Of seconds n = z^2 tail^2/ln(s/s')^2 calls, of which the median is s, and s' at the flip.
    """
    z = CONFIDENCE + POWER
    if hang.table == "seconds":
        tail = _model(plan, hang).values.seconds.tail
        if not tail or hang.key in ("seconds.tail", "seconds.evaluation"):
            return None
        said, then = (_seconds(changed(plan.best.candidate, hang, value)) for value in (hang.value, hang.flip))
        return math.ceil((z * tail / math.log(then / said)) ** 2) if said != then else None
    if hang.table != "operator" or hang.key.startswith("operator.rho"):
        return None
    operator, g = _model(plan, hang).values.operator, hang.g or 1
    rho = (operator.rho_fix if hang.key == "operator.fix" else operator.rho_keep) or 0.0
    blocks = z**2 * hang.value * (1.0 - hang.value) / (hang.value - hang.flip) ** 2
    return math.ceil(blocks * (1.0 + (g - 1) * rho) / g)


def _model(plan: Plan, hang: Hang) -> Model:
    return next(each.candidate.model for each in plan.ranked if each.candidate.model.name == hang.model)


def _seconds(candidate: Candidate) -> float:
    """Of a call on a full chunk, evaluation apart."""
    return candidate.model.latency.means(candidate.cell.tokens)[0]


def _distance(hang: Hang) -> float:
    return math.inf if math.isnan(hang.flip) else abs(hang.place(hang.flip) - hang.place(hang.value))
