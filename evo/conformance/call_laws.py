"""Checks of a mutator's declared law against samples in several states."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from evo.conformance.results import DoesNotApply, NotChecked, NotConforming
from evo.conformance.serving import CallState, calls, counts, make_calls, sizes
from evo.engine.contracts import drawn_traits, rewritten, rewritten_words
from evo.errors import InputError, OperatorError
from evo.forms.words import packed, unpacked
from evo.laws.counts import CallLaw, binomial_pmf
from evo.laws.declared import are_probabilities, declared_law, declares_law
from evo.laws.mixtures import ComponentLaw, is_mixture
from evo.protocols import AnyMutator, BoolArray, Chunk, FloatArray, Rewritten, is_informed
from evo.statistics import binomial_p_value, normal_quantile
from evo.text import is_frozen_dataclass

DISCREPANCY = 0.02
POWER = 0.999
"""An error of DISCREPANCY in any probability is found with probability POWER."""

WORD_BLOCKS, WORD_CALLS = 130, 20_000
IN_A_ROW = "block 0 is right in two calls in a row"
"""Blocks of a solution, two words and a piece of a third, and calls whose words are compared with blocks."""


def adds_up(mutator: AnyMutator) -> str:
    """Check that pmf(g, i) gives g+1 probabilities that sum to at most 1 (less with invalid answers)."""
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
            if not are_probabilities(pmf, g):
                raise NotConforming(f"{where} must be probabilities >= 0 with a sum of at most 1, got {pmf.tolist()}")
            _expect_same_components(law, g, i, pmf)
    return f"pmf(g, i) is a law for k = {k}, g = {', '.join(map(str, lengths))} and all i"


def _expect_same_components(law: CallLaw, g: int, i: int, pmf: FloatArray) -> None:
    """Wrappers use the components, predictions of the bare mutator the pmf: the two must agree."""
    if not isinstance(law, ComponentLaw):
        return
    if not is_mixture(law.components(g), g, i, pmf):
        mixed, name = ComponentLaw.pmf(law, g, i), type(law).__name__
        x = int(np.abs(mixed - pmf).argmax())
        raise NotConforming(
            f"{name}.pmf({g}, {i}) says {pmf[x]:.8g} of {x} correct blocks and the mixture of {name}.components({g}) "
            f"{mixed[x]:.8g}; wrappers go by the components: mend them, or write a law that has none"
        )


def law_holds(mutator: AnyMutator, alpha: float) -> str:
    """Check samples against the law: every probability by the exact binomial law, for several g, i and places.

    Where the law has components, the correct ones among the formerly incorrect blocks, too. n samples a state, so that
    z_{1-alpha/2c} + z_POWER standard errors, 1/(2 sqrt(n)) at the most, are DISCREPANCY, for c probabilities in all.

    Raises: NotConforming naming the probability that is furthest off.
    """
    law = _law(mutator)
    states = states_of(mutator)
    alpha_each = alpha / sum(at.g + at.i + 4 for at in states)
    n = samples_needed(alpha_each)
    rng = np.random.default_rng(1)
    worst, message = alpha_each, ""
    for at in states:
        given, answer = make_calls(mutator, at, n, rng)
        _only_the_chunk(mutator, given, answer)
        for seen, p, event in _events(law, at, given, answer):
            p_value = binomial_p_value(seen, n, p)
            if p_value < worst:
                worst, message = (
                    p_value,
                    f"{event}) after a call with {at.i} incorrect is {p:.4f} by the declared law "
                    f"and {seen / n:.4f} in {n:,} samples ({at.words})",
                )
    if message:
        raise NotConforming(f"P({message}; mend `rewrite` or `law`")
    return (
        f"{DISCREPANCY} in any probability would have been found in {len(states)} states, {n:,} samples each, and only "
        f"these: {_listed(states)}; first, middle and last chunk"
    )


def states_of(mutator: AnyMutator) -> list[CallState]:
    """The states in which the law is tested."""
    k, lengths = sizes(mutator)
    states = []
    for g in lengths:
        for i in sorted({0, 1, (g + 1) // 2, g - 1, g}):
            # A bare chunk that is all correct or all incorrect is the same wherever it is.
            places = ("first", "last", "middle") if is_informed(mutator) or 0 < i < g else ("first",)
            states += [CallState(k, g, i, place) for place in places]
    return states


def _listed(states: list[CallState]) -> str:
    incorrect: dict[int, list[int]] = {}
    for at in states:
        incorrect.setdefault(at.g, []).append(at.i)
    return ", ".join(f"g = {g} (i = {', '.join(map(str, sorted(set(i))))})" for g, i in incorrect.items())


def _events(law: CallLaw, at: CallState, given: Any, answer: Rewritten) -> Iterator[tuple[int, float, str]]:
    """Observed count, probability by the law, and name of each event."""
    g, i = at.g, at.i
    found = counts(answer)
    for x, p in zip(range(-1, g + 1), _with_invalid(law.pmf(g, i)), strict=True):
        event = "the answer is invalid" if x < 0 else f"{x} of {g} blocks are correct"
        yield int(np.sum(found == x)), p, event
    if not isinstance(law, ComponentLaw) or not 0 < i < g:
        return
    before = given.correct if isinstance(given, Chunk) else given
    repaired = np.where(found < 0, -1, (answer.correct & ~before).sum(axis=1))
    weights, fix, _ = law.components(g)
    pmf = sum(w * binomial_pmf(i, float(f)) for w, f in zip(weights, fix, strict=True))
    for x, p in zip(range(i + 1), _with_invalid(pmf)[1:], strict=True):
        yield int(np.sum(repaired == x)), p, f"{x} of the {i} incorrect among {g} blocks are correct"


def independent_in_a_run(mutator: AnyMutator, alpha: float) -> str:
    """Check that two calls of a run are independent, which predictions from a law of counts need.

    P(both have x correct blocks) = pmf(x)^2, for all g, all blocks incorrect or all correct.
    """
    law = _law(mutator)
    if not hasattr(mutator, "draw"):
        raise DoesNotApply("nothing is drawn for a run")
    k, lengths = sizes(mutator)
    alpha_each = alpha / sum(2 * (g + 2) for g in lengths)
    n = samples_needed(alpha_each)
    for at in (CallState(k, g, i) for g in lengths for i in (g, 0)):
        _, answer = make_calls(mutator, at, 2 * n, np.random.default_rng(1), runs=n)
        found = counts(answer)
        both = found[:n][found[:n] == found[n:]]
        for x, p in zip(range(-1, at.g + 1), _with_invalid(law.pmf(at.g, at.i)), strict=True):
            seen = int(np.sum(both == x))
            if binomial_p_value(seen, n, p**2) < alpha_each:
                raise NotConforming(
                    f"two calls of a run with {at.i} incorrect both have {x} of {at.g} blocks correct with probability "
                    f"{seen / n:.4f}; if they were independent, as predictions from the declared law take them to be, "
                    f"it would be {p**2:.4f}; what `draw` draws for a run correlates them: declare no law"
                )
    return (
        f"two calls of a run are independent; {DISCREPANCY} in any probability would have been found for g = "
        f"{', '.join(map(str, lengths))}, all blocks incorrect or all correct, and only these"
    )


def samples_needed(alpha: float) -> int:
    """Samples that show an error of DISCREPANCY with probability POWER, at significance level alpha.

    >>> samples_needed(1e-8)
    48631
    """
    z = normal_quantile(1 - alpha / 2) + normal_quantile(POWER)
    return math.ceil((z / (2 * DISCREPANCY)) ** 2)


def _law(mutator: AnyMutator) -> CallLaw:
    name = type(mutator).__name__
    if not declares_law(type(mutator)) and getattr(mutator, "law", None) is not None:
        raise NotChecked(f"{name} inherits its law and declares none of its own: cells run and are not predicted")
    try:
        law = declared_law(mutator)
    except OperatorError as error:
        raise NotConforming(str(error)) from None
    if law is None:
        raise DoesNotApply("no law is declared: cells run and are fitted, not predicted")
    if not hasattr(law, "pmf"):
        if not is_frozen_dataclass(law):
            raise NotConforming(
                f"{name}.law must be a law with a method pmf(g, i), such as IndependentBlocks(fix=0.5, keep=0.5), or "
                f"None, got {law!r}"
            )
        raise DoesNotApply(f"{type(law).__name__} has no pmf(g, i): counts in a chunk do not suffice")
    counted: CallLaw = law
    return counted


def _with_invalid(pmf: Any) -> FloatArray:
    """P(invalid), and the law of correct blocks of a valid call; one entry more."""
    clipped = np.clip(np.asarray(pmf, dtype=np.float64), 0.0, 1.0)
    invalid = 1 - clipped.sum()
    return np.concatenate(([0.0 if invalid < 1e-12 else invalid], clipped))


def _only_the_chunk(mutator: AnyMutator, given: Any, answer: Rewritten) -> None:
    if answer.solution is None or not isinstance(given, Chunk) or given.solution is None:
        return
    different = answer.solution != given.solution
    np.put_along_axis(different, given.blocks, False, axis=1)
    if different.any():
        raise NotConforming(
            f"{type(mutator).__name__} declares a law of counts and changes blocks outside its chunk, for which counts "
            "do not suffice; declare no law, or one without pmf"
        )


def words_as_blocks(mutator: AnyMutator, alpha: float) -> str:
    """Check that `rewrite_words` leaves blocks right as often as `rewrite` does, one by one and two together.

    |P_n - P'_n| <= sqrt(ln(2 c/alpha)/n) for all c shares of each, of n calls or of n pairs of calls, w.p. 1 - alpha
    (Hoeffding).
    """
    rng, k = np.random.default_rng(6), _most_blocks(mutator)
    solutions = rng.random((WORD_CALLS, k)) < 0.5
    traits = drawn_traits(mutator, WORD_CALLS, k, rng)
    given = calls(mutator, solutions, 0, k, np.zeros(WORD_CALLS, dtype=np.int64), traits)
    answer = rewritten(mutator, given, rng)
    invalid = answer.valid is not None and not answer.valid.all()
    if invalid or (answer.calls is not None and answer.calls.max() > 1):
        raise NotConforming(
            f"{type(mutator).__name__} has rewrite_words, by which each call is valid and one call, and its rewrite "
            "answers otherwise; drop rewrite_words"
        )
    by_blocks, by_words = (_shares(solutions, after) for after in (answer.correct, _by_words(mutator, solutions)))
    width = math.sqrt(math.log(2 * len(by_blocks) / alpha) / WORD_CALLS)
    allowed = dict.fromkeys(by_blocks, width) | {IN_A_ROW: width * math.sqrt(2)}  # half as many pairs as calls
    event = max(by_blocks, key=lambda event: abs(by_blocks[event] - by_words[event]) / allowed[event])
    if abs(by_blocks[event] - by_words[event]) > allowed[event]:
        raise NotConforming(
            f"P({event}) is {by_blocks[event]:.3f} by rewrite and {by_words[event]:.3f} by rewrite_words; both must be "
            "the same call, or the engine runs another mutator"
        )
    return f"blocks and words agree; {2 * width:.2g} in any share would have been found"


def _most_blocks(mutator: AnyMutator) -> int:
    """The largest number of blocks, up to `WORD_BLOCKS`, of which the mutator serves a chunk of all.

    Raises: DoesNotApply if there is none.
    """
    for k in range(WORD_BLOCKS, 0, -1):
        try:
            getattr(mutator, "fits", lambda k, g: None)(k, k)
        except InputError:
            continue
        return k
    raise NotChecked(f"{type(mutator).__name__}.fits refuses all chunks of all blocks, up to k = {WORD_BLOCKS}")


def _by_words(mutator: AnyMutator, solutions: BoolArray) -> BoolArray:
    """The solutions after a call each, by `rewrite_words`; read-only words are handed over, as by the engine.

    Raises: NotConforming if another call with the same generator gives others.
    """
    words = packed(solutions)
    words.flags.writeable = False
    first, again = (rewritten_words(mutator, words, np.random.default_rng(7)) for _ in range(2))
    if (first != again).any():
        raise NotConforming(
            f"{type(mutator).__name__}.rewrite_words gives other words for the same state of the generator that it is "
            "given; draw all numbers from that one"
        )
    return unpacked(first, solutions.shape[1])


def _shares(before: BoolArray, after: BoolArray) -> dict[str, float]:
    """Shares of calls, by the event in words."""
    k = before.shape[1]
    shares = {
        "a right block is right": _mean_share(after & before, before),
        "a wrong block is right": _mean_share(after & ~before, ~before),
    }
    for place in range(k):
        shares[f"block {place} changes"] = float(np.mean(before[:, place] != after[:, place]))
    for one, other in ((0, 1), (0, 64), (63, 64), (0, k - 1)):
        if other < k:
            shares[f"blocks {one} and {other} are right"] = float(np.mean(after[:, one] & after[:, other]))
    shares[IN_A_ROW] = float(np.mean(after[::2, 0] & after[1::2, 0]))
    return shares


def _mean_share(some: BoolArray, of: BoolArray) -> float:
    """The mean of a share of each call, in [0, 1] however blocks of a call depend on each other."""
    return float(np.mean(some.sum(axis=1) / np.maximum(of.sum(axis=1), 1)))
