"""Checks of `mean_calls`, the declared number of LLM calls of an answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evo.conformance.results import DoesNotApply, NotConforming
from evo.conformance.serving import CallState, make_calls, sizes
from evo.laws.declared import declared_law, is_mean_of_calls
from evo.protocols import AnyMutator, FloatArray
from evo.statistics import normal_quantile

SAMPLES = 300_000
MOST_CALLS = 10_000
"""Assumed bound on the calls of an answer; without one no sample could refute a mean that is too high."""


def calls_as_declared(mutator: AnyMutator, alpha: float) -> str:
    """Check the number of LLM calls of an answer against `mean_calls(i)`, in chunks of one block.

    In longer chunks too, where `mean_calls` is the same for correct and incorrect blocks: predictions then take it for
    any chunk.

    Raises: NotConforming if it is off, or answers take several calls and nothing is declared.
    """
    k, lengths = sizes(mutator)
    name = type(mutator).__name__
    mean_calls: Any = getattr(mutator, "mean_calls", None)
    if mean_calls is None:
        _expect_one_call(mutator, k, lengths)
        raise DoesNotApply("an answer is one call, or no law is declared")
    declared = ((i, _declared(name, mean_calls, i)) for i in (1, 0))
    means = {i: mean for i, mean in declared if mean is not None}
    if len(means) < 2:
        raise DoesNotApply("the mean number of calls of an answer is not known (mean_calls gives None)")
    same = means[0] == means[1]
    states = [CallState(k, g, i) for g in lengths for i in (g, 0) if g == 1 or same]
    if not states:
        raise DoesNotApply("mean_calls is about one block, and chunks of one block are refused")
    doubts = [_compare(mutator, at, means[min(at.i, 1)], alpha / len(states)) for at in states]
    if any(doubts):
        raise DoesNotApply(next(filter(None, doubts)))
    tested = ", ".join(str(g) for g in sorted({at.g for at in states}))
    return f"mean_calls(i) is the mean of {_samples(1):,} answers for g = {tested}, and only these"


def _expect_one_call(mutator: AnyMutator, k: int, lengths: tuple[int, ...]) -> None:
    try:
        predicted = declared_law(mutator) is not None
    except Exception:
        raise DoesNotApply("the law cannot be asked for, see the check `law adds up`") from None
    if not predicted:
        return
    for g in lengths:
        for i in (g, 0):
            taken = make_calls(mutator, CallState(k, g, i), 5000, np.random.default_rng(1 + i))[1].calls
            if taken is not None and taken.max() > 1:
                raise NotConforming(
                    f"an answer of {type(mutator).__name__} takes {taken.mean():.3g} calls (g = {g}); declare their "
                    "mean in mean_calls(i), for a block that is incorrect (i = 1) or correct (i = 0), or predictions "
                    "of calls and cost are wrong"
                )


def _declared(name: str, mean_calls: Any, i: int) -> float | None:
    if not callable(mean_calls):
        raise NotConforming(f"{name}.mean_calls must be a method mean_calls(i), got {mean_calls!r}")
    mean = mean_calls(i)
    if mean is None:
        return None
    if not is_mean_of_calls(mean) or mean == math.inf:
        raise NotConforming(
            f"{name}.mean_calls({i}) must be the mean number of calls of an answer, a number >= 1 (None if it is not "
            f"known), got {mean!r}"
        )
    return float(mean)


def _compare(mutator: AnyMutator, at: CallState, mean: float, alpha: float) -> str:
    """Compare a sample with the mean; a doubt in words if the sample cannot decide."""
    n = _samples(at.g)
    answer = make_calls(mutator, at, n, np.random.default_rng(1 + at.i))[1]
    taken = np.ones(n) if answer.calls is None else answer.calls.astype(np.float64)
    off = (
        f"{type(mutator).__name__}.mean_calls({min(at.i, 1)}) is {mean:.4g}, and {n:,} answers took "
        f"{taken.mean():.4g} calls on average" + (f" (g = {at.g})" if at.g > 1 else "")
    )
    if surely_off(taken, mean, alpha):
        raise NotConforming(
            off + ("; predictions take it for any chunk: refuse longer ones in fits(k, g)" if at.g > 1 else "")
        )
    error = float(taken.std()) / math.sqrt(n)
    if abs(taken.mean() - mean) > normal_quantile(1 - alpha / 4) * error + 1e-9 * mean:
        return f"cannot tell: {off}; it is right only if a few answers take very many calls"
    return ""


def _samples(g: int) -> int:
    return max(20_000, SAMPLES // g)


def surely_off(taken: FloatArray, mean: float, alpha: float) -> bool:
    """Whether numbers of calls, from 1 to MOST_CALLS, refute their mean at significance level alpha, however skewed.

    Bets at fixed stakes s: E[prod(1 + s (x - mean))] = 1, so that it exceeds 1/alpha w.p. alpha at the most (Markov).
    The normal law of the mean would not do: a call number that is 10 once in 500,000 answers fails it.

    >>> surely_off(np.full(1000, 3.0), 2.0, 1e-7), surely_off(np.ones(1000), 1.0001, 1e-7)
    (True, False)
    """
    values, seen = np.unique(taken, return_counts=True)
    if mean == 1:  # at least one call each: all are one call
        return bool(values[-1] > 1)
    shares = 0.95 * 0.5 ** np.arange(24)
    stakes = np.concatenate((shares / (mean - 1), -shares / max(1.0, MOST_CALLS - mean)))
    with np.errstate(divide="ignore"):  # all is lost if one more than MOST_CALLS was made
        wealth = np.log(np.maximum(0.0, 1 + np.outer(stakes, values - mean))) @ seen
    return bool(wealth.max() > math.log(len(stakes) / alpha))
