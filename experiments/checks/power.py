"""How many runs a verdict takes: so many that a discrepancy worth the name would have been found.

Where the mean is tested, one of the mean; where it is not - runs are censored, or the law is known but not that of the
total, or its variance is infinite - times that are longer or shorter by the same share, as the law shows them. Where
the predicted mean is infinite, a difference of the cdf.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from evo import statistics
from evo.errors import NoPrediction
from evo.theory.times.at_times import LawAtTimes
from experiments.predictions.predict import Prediction
from experiments.predictions.verdict import POWER

MOST_CENSORED = 0.5
MOST_OF_A_LAW = 0.999
"""Up to this quantile laws are compared when runs are counted whose means are not tested."""
RESOLUTION_OF_CDF = 0.1
"""Difference of a cdf that must be found for AGREES where the mean is infinite."""
SHARES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Discrepancies of a mean that are named where no law is known: the least that so many runs would tell."""

Level = Callable[[float], float]
"""The significance level of a test of a cell, by the number of its runs.

It falls with their number where a stopping rule looked at them, since p-values are then multiplied.
"""


def worth(resolution: float, of_law: bool) -> str:
    """The discrepancy that must be found, in words."""
    return f"times longer or shorter by {resolution:.0%}" if of_law else f"a mean off by {resolution:.0%}"


def too_censored(censored: int, runs: int) -> str:
    """What is missing where most runs are censored; empty if they are not."""
    if censored <= MOST_CENSORED * runs:
        return ""
    return f"{censored} of {runs} runs are censored; give a larger budget"


def missing(hit: Prediction, runs: int, level: Level, resolution: float, last: float, tested: bool) -> tuple[str, str]:
    """What is missing for AGREES where the mean is finite (empty if nothing is), and what would have been found.

    Args:
        hit: its prediction.
        runs: how many there are.
        level: of a test.
        resolution: relative discrepancy that must be found.
        last: the last offspring up to which it is known of every run whether it has hit; infinite if none is censored.
        tested: whether the mean was.
    """
    told = worth(resolution, of_law=not tested)
    if hit.mean == 0:
        return "", told
    try:
        most = needed(lambda alpha: _runs_needed(hit, last, tested, resolution, alpha), level, runs)
    except NoPrediction as error:
        return f"the spread of hit is not predicted: {error}", told
    if math.isinf(most):
        return f"{told} would not show within the budget; give a larger one", told
    if most > runs:
        bound = _of_moments(hit, runs, level(runs), resolution) if tested else ""
        return f"{more(most - runs)} would tell {told} ({most:.0f} in all){bound}", told
    return "", told


def _of_moments(hit: Prediction, runs: int, alpha: float, resolution: float) -> str:
    """That the number of runs is a bound, and what those that are there would tell; empty where the law is known.

    Only mean and variance are known of some laws (by their transform), and Chebyshev's bound holds for any such law.
    """
    law = hit.law
    if law is None or statistics.is_sure(law) or not statistics.only_moments(law):
        return ""
    error = math.sqrt(hit.variance) / hit.mean
    told = next(
        (share for share in SHARES if statistics.runs_to_resolve_by_moments(error, share, alpha, POWER) <= runs), None
    )
    now = "tell no share yet" if told is None else f"tell {worth(told, of_law=False)}"
    usual = statistics.runs_to_resolve(error, resolution, alpha, POWER)
    return (
        f", by Chebyshev's bound, for only mean and variance of this time are known; these {runs} {now}, and if totals "
        f"were normal {usual} would tell {resolution:.0%}"
    )


def _runs_needed(hit: Prediction, last: float, tested: bool, resolution: float, alpha: float) -> float:
    law = hit.law
    if law is None:
        raise NoPrediction("its law was not stored")
    if not tested:
        if math.isinf(last) and not isinstance(law, LawAtTimes):
            last = hit.quantile(MOST_OF_A_LAW)
        return statistics.runs_to_resolve_by_law(law, last, resolution, alpha, POWER)
    error = math.sqrt(hit.variance) / hit.mean
    if statistics.only_moments(law) and not statistics.is_sure(law):
        return statistics.runs_to_resolve_by_moments(error, resolution, alpha, POWER)
    return statistics.runs_to_resolve(error, resolution, alpha, POWER)


def missing_of_law(hit: Prediction, last: float, runs: int, level: Level, tested: bool) -> str:
    """What is missing for AGREES where the mean is infinite; empty if nothing is.

    The budget must let hits be seen, if there are to be any: a law that says that none comes so early is not put to the
    test by none that came.

    Args:
        hit: its prediction.
        last: as of `missing`.
        runs: how many there are.
        level: of a test.
        tested: whether the law was.
    """
    if not tested:
        return "the mean is infinite, and the law of hit is not known"
    within, ever = (float(hit.cdf(t)) for t in (last, math.inf))
    if within < min(RESOLUTION_OF_CDF, ever / 2):
        share = statistics.probability_text(within)
        return (
            f"the mean is infinite, and only {share} of the runs hit within the budget; give a larger one to see "
            "the law"
        )
    shown = RESOLUTION_OF_CDF - (hit.law.gap(last) if isinstance(hit.law, LawAtTimes) else 0.0)
    if shown <= 0:
        return f"the mean is infinite, and the stored law has gaps of more than {RESOLUTION_OF_CDF:g}"
    most = needed(lambda alpha: runs_for_distance(shown, alpha), level, runs)
    if most <= runs:
        return ""
    return (
        f"the mean is infinite; {more(most - runs)} would tell a cdf off by {RESOLUTION_OF_CDF:g} within the "
        f"budget ({most:.0f} in all)"
    )


def runs_for_distance(distance: float, alpha: float) -> int:
    """Runs that find a cdf that is so far off somewhere w.p. 0.95.

    The law is found to differ where the empirical cdf is sqrt(ln(2/alpha)/2n) off, and a cdf that is off by d differs
    from the empirical one by d less z/(2 sqrt n) with the power that belongs to z.

    >>> runs_for_distance(0.1, 2.5e-4)
    866
    """
    z = math.sqrt(math.log(2 / alpha) / 2) + statistics.normal_quantile(POWER) / 2
    return math.ceil((z / distance) ** 2)


def needed(by_level: Callable[[float], float], level: Level, runs: int) -> float:
    """The runs needed to tell a discrepancy, at the level of so many runs; if they are there, at that of those."""
    found = by_level(level(runs))
    while runs < found < math.inf and (larger := by_level(level(found))) > found:
        found = larger
    return found


def more(runs: float) -> str:
    """So many more runs, in words."""
    return f"{runs:.0f} more run{'' if runs == 1 else 's'}"
