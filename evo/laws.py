"""The law of one LLM call on a chunk: how many of its blocks are correct afterwards.

`pmf(g, i)` is what exact predictions are made from. It is a law of *counts*: it holds for operators that treat
all blocks of a chunk alike, so that which blocks end up correct does not matter, only how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Number, Real
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from evo.errors import OperatorError
from evo.faults import told
from evo.parameters import probability
from evo.text import type_name

FloatArray = NDArray[np.float64]
Components = tuple[FloatArray, FloatArray, FloatArray]
"""Weights, fix and keep of calls that treat blocks independently, float [n] each."""
SUM_SLACK = 1e-9
"""By so much the probabilities of a law may sum to another number than 1, or a mean of calls be less than 1."""
PROBABILITY_SLACK = 1e-12
"""By so much a probability of a law may be less than 0."""


@runtime_checkable
class CallLaw(Protocol):
    """What one call does to a chunk, as the law of its number of correct blocks."""

    def pmf(self, g: int, i: int) -> FloatArray:
        """Probabilities of 0..g correct blocks after a valid call; float [g+1], sums to 1 - P(invalid).

        Args:
            g: blocks in the chunk.
            i: how many of them were incorrect before the call, 0..g.
        """
        ...


def declared_law(mutator: object) -> Any:
    """The mutator's law, if its own class declares it, as a property or a field; else None.

    A subclass may behave differently and inherits no claim.
    """
    return getattr(mutator, "law", None) if _declares_law(type(mutator)) else None


def expected_law(mutator: object) -> Any:
    """As `declared_law`; what is no law is an error, and does not pass for none.

    Raises: OperatorError for a method, a class, a word or a number, or a property that raises AttributeError.
    """
    if not _declares_law(type(mutator)):
        return None
    try:
        law = mutator.law  # type: ignore[attr-defined]  # it declares one
    except AttributeError as error:  # which `getattr` would take for no law
        raise OperatorError(told(error, mutator, "law")) from error
    if isinstance(law, _NO_LAW) or (callable(law) and not hasattr(law, "pmf")):
        raise OperatorError(
            f"{type_name(type(mutator))}.law must be a property that gives a CallLaw or None, got {law!r:.100}"
            + ("; write @property above it" if callable(law) and not isinstance(law, type) else "")
        )
    return law


def _declares_law(kind: type) -> bool:
    return "law" in vars(kind) or "law" in vars(kind).get("__annotations__", {})


_NO_LAW = (type, str, bytes, Number, tuple, list, dict, set, np.ndarray)


def declared_calls(mutator: Any, i: int) -> float | None:
    """Expected calls of an answer for a block that is incorrect (i = 1) or correct (i = 0); None if not known.

    Raises: OperatorError if `mean_calls` is no method that gives a number >= 1 or None.
    """
    if not hasattr(mutator, "mean_calls"):
        return 1.0
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
    """A declared law whose every answer is checked, so that a wrong one gives no prediction instead of a wrong number.

    Attributes:
        law: the law.
        name: whose it is.
    """

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


def binomial_pmf(n: int, p: float) -> FloatArray:
    """Probabilities of 0..n successes in n independent trials; float [n+1].

    P(x+1)/P(x) = (n-x)/(x+1) * p/(1-p), multiplied outwards from the mode and scaled to sum 1: a relative error of
    a few n ulp even for P(n) = p^n, where differences of log-gamma would lose digits.

    >>> binomial_pmf(2, 0.5).tolist()
    [0.25, 0.5, 0.25]
    """
    if p in (0.0, 1.0):
        sure = np.zeros(n + 1)
        sure[n if p == 1.0 else 0] = 1.0
        return sure
    x = np.arange(n, dtype=np.float64)
    rising = (n - x) / (x + 1) * (p / (1 - p))
    mode = min(int((n + 1) * p), n)
    above = np.cumprod(rising[mode:])
    below = np.cumprod(1 / rising[:mode][::-1])[::-1]
    shape = np.concatenate((below, [1.0], above))
    return np.asarray(shape / shape.sum())


@dataclass(frozen=True)
class IndependentBlocks:
    """Each block of the chunk on its own: correct afterwards w.p. `fix` if it was incorrect, `keep` if correct.

    Correct blocks after the call = Bin(i, fix) + Bin(g-i, keep) (theory 0, 1f). The paper's mutator is
    fix = keep = 1/2 (Section 3.3.1).

    >>> IndependentBlocks(fix=0.5, keep=1.0).pmf(2, 1).tolist()
    [0.0, 0.5, 0.5]
    """

    fix: float
    keep: float

    def __post_init__(self) -> None:
        probability(self, "fix", "keep")

    def pmf(self, g: int, i: int) -> FloatArray:
        """Law of the number of correct blocks, float [g+1] (convolution of two binomials)."""
        if self.fix == self.keep:
            return binomial_pmf(g, self.fix)
        return np.convolve(binomial_pmf(i, self.fix), binomial_pmf(g - i, self.keep))

    def components(self, g: int) -> Components:
        """One component, whatever g."""
        return np.ones(1), np.array([self.fix]), np.array([self.keep])
