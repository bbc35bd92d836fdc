"""Expected seconds of a program of calls: what it waits for, one after the other (Section 5.2, theory 11)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from evo.costs.latency import Latency
from evo.costs.ledger import LEDGER
from evo.errors import InputError, NoPrediction
from evo.parameters import shown
from evo.programs import Calls, Expected, certain
from evo.theory import TimeLaw
from evo.theory.times.derived import MomentsOnly
from evo.theory.times.seconds import Moments, slowest
from experiments.grids.arguments import expect_whole
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.predict import Prediction
from experiments.predictions.programs import CHECKED, TRUSTED, expected_column, expected_in

Latencies = Mapping[str, Latency]
"""By the name of the role."""
TRUSTED_SECONDS = (
    *TRUSTED,
    "`waits` are the calls that a run waits for",
    "how long a call takes depends on its length alone, not on what it does or on other calls",
    "evaluations are made one after the other",
)
NO_LAW = "seconds of calls are random, or how many calls a run waits for is"
NOT_SAID = (
    "which calls of a run are made at the same time is not known: its program does not say it (`Expected(waits=)`), or "
    "it differs from run to run; workers=1, one call after the other, is predicted"
)


def predict_program_seconds(
    cell: ProgramCell, latency: Latency | Latencies | None = None, workers: int | None = None
) -> Prediction:
    """The exact expected seconds of a run of a program, as `predict(cell, "seconds", ..)`.

    W = 1: all calls one after the other, the ledger's sum of fixed + per_prompt_token c + per_generated_token o. Else
    the sum over the steps that a run makes one after the other, each the slowest of its calls, which are independent
    lognormal times (`evo.theory.times.seconds`). The variance is known where the ledger is the same in every run and
    the lengths of all calls are said; the whole law where, besides, tail = 0.

    Args:
        cell: a program of calls.
        latency: seconds of a call and of an evaluation: one for all roles, or one for each by its name.
        workers: W, calls at the same time; None: as many as the program has.

    Raises: InputError; NoPrediction where the ledger, or what a run waits for, is not known.

    >>> from problems.systems import Generalist
    >>> cell = ProgramCell(Generalist(k=4, n=100, o=10, votes=3))
    >>> [predict_program_seconds(cell, Latency(1.0, per_generated_token=0.1), w).mean for w in (1, 2, None)]
    [6.0, 4.0, 2.0]
    """
    latencies = _of_roles(cell, latency)
    if workers is not None:
        expect_whole("predict: workers", workers, 1)
    expected = expected_in(cell)
    if workers == 1 or _all_in_turn(expected):
        mean, variance = _in_turn(cell, expected, latencies)
    else:
        mean, variance = _in_steps(expected, latencies, workers)
    mean += _sum(cell, _evaluating(latencies))
    law: TimeLaw
    if expected.exact_every_run and variance == 0.0:
        law, unit = certain(1), mean
    else:
        law, unit = MomentsOnly(NO_LAW, mean, variance if expected.exact_every_run else None), 1.0
    return Prediction("seconds", mean, expected.source, CHECKED, TRUSTED_SECONDS, law, unit)


def second_prices(cell: ProgramCell, latency: Latency) -> dict[str, float]:
    """Seconds of a unit of each column of the table of runs, where all calls are made one after the other."""
    latencies = _of_roles(cell, latency)
    return _calling(latencies) | _evaluating(latencies)


def _of_roles(cell: ProgramCell, latency: Latency | Latencies | None) -> Latencies:
    """The latency of the calls of each role, by the name of the role.

    Raises: InputError.
    """
    names = [role.name for role in cell.roles]
    if isinstance(latency, Latency):
        return dict.fromkeys(names, latency)
    given = dict(latency) if isinstance(latency, Mapping) else {}
    if set(given) != set(names) or not all(isinstance(each, Latency) for each in given.values()):
        raise InputError(
            "predict: seconds take latency=, such as Latency(fixed=1.0, tail=0.5), or one for each role "
            f"({', '.join(names)}), as {{'{names[0]}': Latency(fixed=1.0), ..}}, got {shown(latency)}"
        )
    return given


def _calling(latencies: Latencies) -> dict[str, float]:
    prices: dict[str, float] = {}
    for role, each in latencies.items():
        prices |= {
            f"{role}.calls": each.fixed,
            f"{role}.prompt_tokens": each.per_prompt_token,
            f"{role}.generated_tokens": each.per_generated_token,
        }
    return prices


def _evaluating(latencies: Latencies) -> dict[str, float]:
    return {f"{role}.evaluations": each.evaluation for role, each in latencies.items()}


def _sum(cell: ProgramCell, prices: Mapping[str, float]) -> float:
    return sum(seconds * expected_column(cell, name) for name, seconds in prices.items() if seconds)


def _total_calls(expected: Expected) -> float:
    return float(expected.ledger[:, LEDGER.index("calls")].sum())


def _all_said(expected: Expected) -> bool:
    """Whether the run waits for all calls of its ledger, so that their lengths are known one by one."""
    if expected.waits is None or any(each.at_once is None for each in expected.waits):
        return False
    return math.isclose(sum(each.times for each in expected.waits), _total_calls(expected), abs_tol=1e-9)


def _all_in_turn(expected: Expected) -> bool:
    """Whether the program makes no two calls at the same time."""
    return expected.mean_steps is not None and math.isclose(expected.mean_steps, _total_calls(expected), abs_tol=1e-9)


def _in_turn(cell: ProgramCell, expected: Expected, latencies: Latencies) -> tuple[float, float | None]:
    """Mean and, where it is known, variance of the seconds of all calls, made one after the other."""
    mean = _sum(cell, _calling(latencies))
    if not any(each.tail for each in latencies.values()):
        return mean, 0.0
    if not _all_said(expected):
        return mean, None
    each = [_Step.of(calls, latencies[calls.role], 1) for calls in expected.waits or ()]
    return mean, sum(step.variance for step in each)


def _in_steps(expected: Expected, latencies: Latencies, workers: int | None) -> tuple[float, float]:
    """Mean and variance of the seconds of all steps; a step takes as long as its slowest call.

    Raises: NoPrediction where they are not known.
    """
    if expected.waits is None or (workers is not None and not _all_said(expected)):
        raise NoPrediction(NOT_SAID)
    steps = [_Step.of(each, latencies[each.role], workers) for each in expected.waits if each.times]
    return sum(step.mean for step in steps), sum(step.variance for step in steps)


@dataclass(frozen=True)
class _Step:
    """Equal steps one after the other: mean and variance of their seconds, the latter for a certain number of them."""

    mean: float
    variance: float

    @classmethod
    def of(cls, calls: Calls, latency: Latency, workers: int | None) -> _Step:
        """Of some calls on W workers.

        Raises: NoPrediction.
        """
        each = latency.fixed + latency.per_prompt_token * calls.prompt + latency.per_generated_token * calls.writes
        turns, slowest_of = _turns(calls.at_once, workers, latency.tail)
        number = calls.steps * turns
        return cls(number * each * slowest_of.mean, number * each**2 * slowest_of.variance)


def _turns(at_once: int | None, workers: int | None, tail: float) -> tuple[int, Moments]:
    """How many turns the calls of a step take, and the slowest factor of a turn.

    Raises: NoPrediction.
    """
    if at_once is None:
        if tail:
            raise NoPrediction("the slowest of a number of calls that varies, or of chains, is known for tail=0 alone")
        return 1, slowest(1, 0.0)
    if workers is None or workers >= at_once:
        return 1, slowest(at_once, tail)
    if workers > 1 and tail:
        raise NoPrediction(
            f"when {workers} workers are through with {at_once} calls has no formula; take 1 worker, {at_once}, or "
            "tail=0"
        )
    return -(-at_once // workers), slowest(1, tail)
