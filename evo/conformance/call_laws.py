"""The declared law of a mutator against samples of it, in several states."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evo.conformance.results import DoesNotApply, NotConforming
from evo.conformance.serving import ask, counts, sizes, state
from evo.laws import CallLaw, declared_law
from evo.protocols import AnyMutator, Chunk, FloatArray
from evo.statistics import binomial_p_value, normal_quantile

DISCREPANCY = 0.02
POWER = 0.999
"""An error of DISCREPANCY in any probability is found with probability POWER."""


def adds_up(mutator: AnyMutator) -> str:
    """Check that the law is one: pmf(g, i), g+1 probabilities that sum to 1 or, with invalid answers, to less.

    Raises: NotConforming.
    """
    law = _law(mutator)
    k, lengths = sizes(mutator)
    for g in lengths:
        for i in range(g + 1):
            pmf = law.pmf(g, i)
            where = f"{type(law).__name__}.pmf({g}, {i})"
            if not isinstance(pmf, np.ndarray) or pmf.shape != (g + 1,):
                got = f"shape {pmf.shape}" if isinstance(pmf, np.ndarray) else type(pmf).__name__
                raise NotConforming(
                    f"{where} must be the probabilities of 0..{g} correct blocks, an array of shape ({g + 1},), got "
                    f"{got}"
                )
            if not np.isfinite(pmf).all() or pmf.min() < -1e-12 or pmf.sum() > 1 + 1e-9:
                raise NotConforming(f"{where} must be probabilities >= 0 with a sum of at most 1, got {pmf.tolist()}")
    return f"pmf(g, i) is a law for k = {k}, g = {', '.join(map(str, lengths))} and all i"


def law_holds(mutator: AnyMutator, alpha: float) -> str:
    """Check samples against the law: every probability by the exact binomial law, for several g, i and places.

    n samples a state, so that z_{1-alpha/2c} + z_POWER standard errors, 1/(2 sqrt(n)) at the most, are DISCREPANCY,
    for c probabilities in all.

    Raises: NotConforming naming the probability that is furthest off.
    """
    law = _sound(mutator)
    k, lengths = sizes(mutator)
    states = [(g, i, late) for g in lengths for i in sorted({0, (g + 1) // 2, g}) for late in (False, True)]
    alpha_each = alpha / sum(g + 2 for g, _, _ in states)
    n = samples_needed(alpha_each)
    rng = np.random.default_rng(1)
    worst, message = alpha_each, ""
    for g, i, late in states:
        given, answer = ask(mutator, state(k, g, i, late), g, n, rng, late)
        _only_the_chunk(mutator, given, answer, g)
        found = counts(answer)
        for x, p in zip(range(-1, g + 1), _with_invalid(law, g, i), strict=True):
            seen = int(np.sum(found == x))
            p_value = binomial_p_value(seen, n, p)
            if p_value < worst:
                event = "the answer is invalid" if x < 0 else f"{x} of {g} blocks are correct"
                worst, message = (
                    p_value,
                    f"{event}) after a call with {i} incorrect is {p:.4f} by the declared law "
                    + (f"and {seen / n:.4f} in {n:,} samples ({_place(late)})"),
                )
    if message:
        raise NotConforming(f"P({message}; mend `rewrite` or `law`")
    return f"{len(states)} states, {n:,} samples each; {DISCREPANCY} in any probability would have been found"


def independent_in_a_run(mutator: AnyMutator, alpha: float) -> str:
    """Check that two calls of a run are independent, which predictions from a law of counts need.

    P(both have x correct blocks) = pmf(x)^2.

    Raises: NotConforming.
    """
    law = _sound(mutator)
    if not hasattr(mutator, "draw"):
        raise DoesNotApply("nothing is drawn for a run")
    k, lengths = sizes(mutator)
    g = lengths[0]
    alpha_each = alpha / (g + 2)
    n = samples_needed(alpha_each)
    _, answer = ask(mutator, state(k, g, g, False), g, 2 * n, np.random.default_rng(1), runs=n)
    found = counts(answer)
    both = found[:n][found[:n] == found[n:]]
    for x, p in zip(range(-1, g + 1), _with_invalid(law, g, g), strict=True):
        seen = int(np.sum(both == x))
        if binomial_p_value(seen, n, p**2) < alpha_each:
            raise NotConforming(
                f"two calls of a run both have {x} of {g} blocks correct with probability {seen / n:.4f}; if they were "
                f"independent, as predictions from the declared law take them to be, it would be {p**2:.4f}; what "
                "`draw` draws for a run correlates them: declare no law"
            )
    return f"two calls of a run are independent; {DISCREPANCY} in any probability would have been found"


def calls_as_declared(mutator: AnyMutator, alpha: float) -> str:
    """Check the number of LLM calls of an answer against `mean_calls(i)`, by the normal law of the mean of samples.

    Raises: NotConforming if it is off, or answers take several calls and nothing is declared.
    """
    k, lengths = sizes(mutator)
    g = lengths[0]
    n = samples_needed(alpha)
    name = type(mutator).__name__
    declared = getattr(mutator, "mean_calls", None)
    for i in (1, 0):
        _, answer = ask(mutator, state(k, g, min(i, g), False), g, n, np.random.default_rng(1 + i))
        taken = np.ones(n) if answer.calls is None else answer.calls.astype(np.float64)
        if declared is None:
            if taken.max() > 1 and declared_law(mutator) is not None:
                raise NotConforming(
                    f"an answer of {name} takes {taken.mean():.3g} calls; declare their mean in mean_calls(i), for a "
                    "block that is incorrect (i = 1) or correct (i = 0), or predictions of calls and cost are wrong"
                )
            continue
        mean = declared(i)
        if mean is None or g != 1:
            raise DoesNotApply("no mean number of calls of an answer for one block is declared")
        error = float(taken.std()) / math.sqrt(n)
        if math.isfinite(mean) and abs(float(taken.mean()) - mean) > normal_quantile(1 - alpha / 4) * error + 1e-9:
            raise NotConforming(
                f"{name}.mean_calls({i}) is {mean:.4g}, and {n:,} answers took {taken.mean():.4g} calls on average"
            )
    if declared is None:
        raise DoesNotApply("an answer is one call, or no law is declared")
    return f"mean_calls(i) is the mean of {n:,} answers"


def samples_needed(alpha: float) -> int:
    """Samples that show an error of DISCREPANCY with probability POWER, at a false-alarm rate alpha.

    >>> samples_needed(1e-8)
    48631
    """
    z = normal_quantile(1 - alpha / 2) + normal_quantile(POWER)
    return math.ceil((z / (2 * DISCREPANCY)) ** 2)


def _law(mutator: AnyMutator) -> CallLaw:
    law = declared_law(mutator)
    name = type(mutator).__name__
    if law is None and getattr(mutator, "law", None) is not None:
        raise DoesNotApply(f"{name} inherits its law and declares none of its own: cells run and are not predicted")
    if law is None and "law" in vars(type(mutator)):
        _refuse_a_fault(mutator)
    if callable(law) and not hasattr(law, "pmf"):
        raise NotConforming(f"{name}.law is a method, which nobody calls; write @property above it")
    if law is None:
        raise DoesNotApply("no law is declared: cells run and are fitted, not predicted")
    if not hasattr(law, "pmf"):
        raise DoesNotApply(f"{type(law).__name__} has no pmf(g, i): counts in a chunk do not suffice")
    counted: CallLaw = law
    return counted


def _refuse_a_fault(mutator: Any) -> None:
    """An AttributeError in the property would pass for a mutator without a law."""
    try:
        _ = mutator.law
    except AttributeError as error:
        raise NotConforming(f"{type(mutator).__name__}.law raises AttributeError: {error}") from None


def _sound(mutator: AnyMutator) -> CallLaw:
    try:
        adds_up(mutator)
    except NotConforming:
        raise DoesNotApply("the declared law is none, see the check `law adds up`") from None
    return _law(mutator)


def _with_invalid(law: CallLaw, g: int, i: int) -> FloatArray:
    """P(invalid), and the law of correct blocks of a valid call; float [g+2]."""
    pmf = np.clip(np.asarray(law.pmf(g, i), dtype=np.float64), 0.0, 1.0)
    invalid = 1 - pmf.sum()
    return np.concatenate(([0.0 if invalid < 1e-12 else invalid], pmf))


def _only_the_chunk(mutator: AnyMutator, given: Any, answer: Any, g: int) -> None:
    if answer.solution is None or not isinstance(given, Chunk) or given.solution is None:
        return
    different = answer.solution != given.solution
    np.put_along_axis(different, given.blocks, False, axis=1)
    if different.any():
        raise NotConforming(
            f"{type(mutator).__name__} declares a law of counts and changes blocks outside its chunk, for which counts "
            "do not suffice; declare no law, or one without pmf"
        )


def _place(late: bool) -> str:
    return (
        "incorrect ones last, in the last chunk, all else correct, generation 1,000"
        if late
        else "incorrect ones first, in the first chunk, all else incorrect, generation 0"
    )
