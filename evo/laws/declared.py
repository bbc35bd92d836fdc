"""Declarations of a mutator, validated: its law, its calls per answer and the mutator that it wraps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Number, Real
from typing import Any

import numpy as np

from evo.declarations import holds
from evo.errors import OperatorError
from evo.foreign import describe_error
from evo.laws.counts import CallLaw
from evo.protocols import FloatArray
from evo.text import type_name

SUM_SLACK = 1e-9
"""Tolerance when checking that a pmf sums to 1 and that E[calls] >= 1."""
PROBABILITY_SLACK = 1e-12
"""Tolerance when checking that a probability is >= 0."""


def declared_law(mutator: object) -> Any:
    """The law that the mutator's own class declares, as a property or a field; None if it declares none.

    A subclass may behave differently, and inherits no claim.

    Raises: OperatorError for a method, a class, a word or a number in place of a law, or a property that raises
    AttributeError.
    """
    if not declares_law(type(mutator)):
        return None
    try:
        law = mutator.law  # type: ignore[attr-defined]  # it declares one
    except AttributeError as error:  # which `getattr` would take for no law
        raise OperatorError(describe_error(error, mutator, "law")) from error
    if isinstance(law, _NO_LAW) or (callable(law) and not hasattr(law, "pmf")):
        raise OperatorError(
            f"{type_name(type(mutator))}.law must be a property that gives a CallLaw or None, got {law!r:.100}"
            + ("; write @property above it" if callable(law) and not isinstance(law, type) else "")
        )
    return law


def declares_law(kind: type) -> bool:
    """Whether the class itself, and not a base class, has a `law`."""
    return holds(kind, "law")


_NO_LAW = (type, str, bytes, Number, tuple, list, dict, set, np.ndarray)


def declared_calls(mutator: Any, i: int) -> float | None:
    """Expected calls of an answer for a block that is incorrect (i = 1) or correct (i = 0); None if not known.

    Raises: OperatorError if `mean_calls` is no method that gives a number >= 1 or None.
    """
    if not hasattr(mutator, "mean_calls"):
        return 1.0
    if hasattr(type(mutator), "mean_calls") and not holds(type(mutator), "mean_calls"):
        return None  # inherited, and not of its own `rewrite`
    method = mutator.mean_calls
    mean = method(i) if callable(method) else method
    if mean is None and callable(method):
        return None
    if not callable(method) or not is_mean_of_calls(mean):
        raise OperatorError(
            f"{type_name(type(mutator))}: mean_calls must be a method mean_calls(i) that gives the expected calls of "
            f"an answer, a number >= 1, or None; got {mean!r:.100}"
        )
    return float(mean)


def is_mean_of_calls(mean: object) -> bool:
    """Whether this can be the expected calls of an answer: a number >= 1, or infinity."""
    return not isinstance(mean, bool) and isinstance(mean, Real) and float(mean) >= 1 - SUM_SLACK


def are_probabilities(pmf: FloatArray, g: int) -> bool:
    """Whether these can be the probabilities of 0..g correct blocks: g+1 numbers >= 0 that sum to at most 1."""
    return pmf.shape == (g + 1,) and bool((pmf >= -PROBABILITY_SLACK).all() and pmf.sum() <= 1 + SUM_SLACK)


@dataclass(frozen=True)
class SoundLaw:
    """A declared law whose every answer is checked, so that a wrong law gives no prediction, not a wrong number."""

    law: CallLaw
    name: str

    def pmf(self, g: int, i: int) -> FloatArray:
        """The law's pmf, float [g+1].

        Raises: OperatorError unless it holds g+1 numbers >= 0 that sum to at most 1.
        """
        given = self.law.pmf(g, i)
        try:
            answer = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):  # words, lists of several lengths
            answer = np.empty(0)
        if not are_probabilities(answer, g):
            raise OperatorError(
                f"{self.name}: law.pmf({g}, {i}) must be {g + 1} probabilities, of 0..{g} correct blocks, that sum to "
                f"1 less the probability of an invalid answer; got {given!r:.200}"
            )
        return answer


def nest(mutator: object) -> Iterator[object]:
    """The mutator and, along `inner`, the mutators that it wraps; the outermost first.

    >>> from operators import Refuse, Resample
    >>> [type(each).__name__ for each in nest(Refuse(Resample(p=0.5), rate=0.1))]
    ['Refuse', 'Resample']
    """
    while mutator is not None:
        yield mutator
        mutator = getattr(mutator, "inner", None)


def doubts(mutator: object, lengths: Iterable[int]) -> tuple[str, ...]:
    """What the mutators of a nest say against numbers about calls on chunks of these lengths, each once.

    >>> from operators import Measured, Refuse
    >>> part = Measured(fix={1: 0.35, 5: 0.2}, keep={1: 0.97, 8: 0.96})
    >>> doubts(Refuse(part, rate=0.1), (5, 6))
    ('fix at g = 6 is extrapolated: that of g = 5 is taken, measured from g = 1 to 5',)
    """
    doubting: list[Any] = [each for each in nest(mutator) if callable(getattr(type(each), "doubt", None))]
    told = [each.doubt(g) for each in doubting for g in lengths]
    return tuple(dict.fromkeys(str(words) for words in told if words))


def one_that_changes_outside(mutator: object) -> object | None:
    """The outermost mutator of a nest that changes blocks outside its chunk (`changes_outside`); None if none does."""
    return next((each for each in nest(mutator) if getattr(each, "changes_outside", False)), None)
