"""What a simulated choice hangs on: the candidates simulated again at both ends of each input's interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from evo.errors import InputError
from experiments.planning.answer import RISING
from experiments.planning.by_runs import with_runs
from experiments.planning.candidates import Candidate
from experiments.planning.inputs import Hang, changed, uncertain
from experiments.planning.numbers import Aim, Numbers, exact_numbers
from experiments.planning.simulated import Simulator

if TYPE_CHECKING:
    from experiments.planning.plan import Plan

RIVALS = 2
"""The candidates after the choice that may become the best."""
A_CANDIDATE, ALL = 100_000, 6_000_000
"""The most simulated calls of a candidate at one value of an input, and of all of them together."""
CLEAR = 2.0
"""Standard errors by which another must be better to be called so."""


@dataclass(frozen=True)
class _Worth:
    """What a candidate takes, or minus what it reaches, and its standard error, 0 of a formula."""

    value: float
    error: float = 0.0

    def clearly_less(self, other: _Worth) -> bool:
        """By more than two standard errors of the difference."""
        return other.value - self.value > CLEAR * math.hypot(self.error, other.error) + 1e-9 * abs(self.value)


@dataclass
class _Asked:
    """Candidates of which a number was asked for, each once.

    Attributes:
        aim, by: which number.
        simulator: of those that no formula tells.
    """

    aim: Aim
    by: str
    simulator: Simulator = field(default_factory=lambda: Simulator(ALL, A_CANDIDATE))
    known: dict[str, _Worth] = field(default_factory=dict)

    def worth(self, candidate: Candidate) -> _Worth:
        """What a candidate takes; infinite where nothing tells it."""
        try:
            key = candidate.cell.text + str(candidate.model.latency)
        except InputError:  # ten times the tokens are more than a call may have
            return _Worth(math.inf)
        if key not in self.known:
            found = exact_numbers(candidate, self.aim)
            if math.isnan(getattr(found, self.by)):
                found = with_runs(candidate, self.aim, found, self.simulator)
            self.known[key] = worth_of(found, self.by)
        return self.known[key]


def worth_of(numbers: Numbers, by: str) -> _Worth:
    """The number of a ranking as a sum to be kept small."""
    value, error = getattr(numbers, by), numbers.error(by)
    if math.isnan(value):
        return _Worth(math.inf)
    return _Worth(-value if by in RISING else value, 0.0 if math.isnan(error) else error)


def hangs_by_runs(plan: Plan) -> tuple[Hang, ...]:
    """Each uncertain input of the models, with the flip if another is clearly better at an end of its interval.

    Clearly: by two standard errors of the difference. Where the flip lies between the value and that end is told on a
    straight line, since each further place takes as many runs again. Flips beyond the intervals are not looked for.
    """
    rivals = [each.candidate for each in plan.ranked[: RIVALS + 1] if not math.isnan(getattr(each.numbers, plan.by))]
    asked = _Asked(plan.aim, plan.by)
    here = [worth_of(each.numbers, plan.by) for each in plan.ranked[: len(rivals)]]
    models = {each.model.name: each.model for each in rivals}
    found = [
        _moved(plan, asked, rivals, here, hang)
        for model in models.values()
        for hang in uncertain(model, plan.by, plan.odds)
    ]
    return tuple(sorted(found, key=lambda hang: not hang.inside))


def _moved(plan: Plan, asked: _Asked, rivals: Sequence[Candidate], here: Sequence[_Worth], hang: Hang) -> Hang:
    """The nearer of the flips towards both ends, if there is one."""
    flips = []
    for end in dict.fromkeys((hang.low, hang.high)):
        if end == hang.value:
            continue
        worth = [asked.worth(changed(each, hang, end)) for each in rivals]
        best = min(range(len(rivals)), key=lambda i: worth[i].value)
        if best and worth[best].clearly_less(worth[0]):
            lead, lost = max(0.0, here[best].value - here[0].value), worth[0].value - worth[best].value
            flip = hang.value + (end - hang.value) * lead / (lead + lost)
            stake = lost if plan.by in RISING else worth[0].value / worth[best].value
            flips.append((abs(flip - hang.value), flip, str(rivals[best]), stake))
    if not flips:
        return replace(hang, simulated=True)
    _, flip, to, stake = min(flips)
    return replace(hang, flip=flip, to=to, stake=stake, simulated=True)
