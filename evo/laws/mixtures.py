"""The algebra of call laws: how wrappers map the law of the inner mutator.

For each chunk length g every law here is a finite mixture of calls that treat blocks independently: components
(weight, fix, keep) whose weights sum to 1 - P(invalid). A wrapper maps components to components, so any nesting has an
exact law; a law without components has none to offer to a wrapper.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from evo.errors import InputError, OperatorError
from evo.foreign import is_foreign
from evo.laws.beta_rule import beta_rule
from evo.laws.counts import Components, IndependentBlocks, Misses, binomial_pmf
from evo.laws.gamma import log_gamma_ratio
from evo.parameters import positive, probability, shown
from evo.protocols import FloatArray
from evo.text import type_name

_NO_CANCELLATION = 500
_ROUNDING = 1e-12  # of a sum of probabilities
_ALL_COUNTS = 64
"""Up to this g components are compared with the pmf for every number of incorrect blocks."""


@runtime_checkable
class ComponentLaw(Protocol):
    """A call law that wrappers can map."""

    @abstractmethod
    def components(self, g: int) -> Components:
        """The mixture of independent-block calls on a chunk of g blocks."""
        ...

    def pmf(self, g: int, i: int) -> FloatArray:
        """Sum over components of weight * (Bin(i, fix) + Bin(g-i, keep)); float [g+1]."""
        components = self.components(g)
        return _mixed(components, misses_of(self, components, g), g, i)


def misses_of(law: object, components: Components, g: int) -> Misses:
    """1 - fix and 1 - keep of a law's components, which laws of our own know to all their digits.

    >>> law = SparseLaw(1e-8, IndependentBlocks(1.0, 1 - 1e-9))
    >>> float(law.components(1)[2][0]), float(misses_of(law, law.components(1), 1)[1][0])
    (1.0, 9.999999717180686e-18)
    """
    if hasattr(law, "misses") and not is_foreign(type(law)):
        found: Misses = law.misses(g)
        return found
    _, fix, keep = components
    return 1.0 - np.asarray(fix), 1.0 - np.asarray(keep)


def invalid_share(law: object, g: int, pmf: FloatArray) -> float:
    """P(an answer on g blocks is invalid), which laws of our own know; else what the pmf lacks to 1, above rounding.

    >>> law = Invalid(1e-20, IndependentBlocks(0.5, 0.5))
    >>> invalid_share(law, 1, law.pmf(1, 1))
    1e-20
    """
    if hasattr(law, "invalid") and not is_foreign(type(law)):
        return float(law.invalid(g))
    rest = 1.0 - float(pmf.sum())
    return rest if rest > _ROUNDING else 0.0


def is_mixture(components: Components, g: int, i: int, pmf: FloatArray) -> bool:
    """Whether pmf, float [g+1], is the law of the components on g blocks, i of them incorrect, up to rounding."""
    _, fix, keep = components
    mixture = _mixed(components, (1.0 - fix, 1.0 - keep), g, i)
    return pmf.shape == (g + 1,) and np.allclose(mixture, pmf, rtol=1e-6, atol=1e-14)


def _mixed(components: Components, misses: Misses, g: int, i: int) -> FloatArray:
    weights, fix, keep = components
    repairs, fixed = _different(fix, misses[0])
    stays, kept = _different(keep, misses[1])
    if len(weights) > len(repairs) + len(stays):  # each of one kind with each of the other
        shares = np.zeros((len(repairs), len(stays)))
        np.add.at(shares, (fixed, kept), weights)
        among = shares @ np.array([binomial_pmf(g - i, *rates) for rates in stays])
        pairs = zip(repairs, among, strict=True)
        return np.asarray(sum(np.convolve(binomial_pmf(i, *rates), others) for rates, others in pairs))
    law = np.zeros(g + 1)
    for weight, *rates in zip(*components, *misses, strict=True):
        law += weight * IndependentBlocks(*map(float, rates)).pmf(g, i)
    return law


def _different(rates: FloatArray, misses: FloatArray) -> tuple[list[tuple[float, float]], list[int]]:
    """The different pairs of a rate and 1 less it, and which of them each is."""
    places: dict[tuple[float, float], int] = {}
    pairs = zip(np.asarray(rates).tolist(), np.asarray(misses).tolist(), strict=True)
    found = [places.setdefault(pair, len(places)) for pair in pairs]
    return list(places), found


def sound_components(law: ComponentLaw, g: int) -> Components:
    """The components of a law on g blocks, compared with its pmf if the law is third-party.

    Raises: OperatorError naming the class.
    """
    components = law.components(g)
    if not is_foreign(type(law)):
        return components
    found = _three(law, components, g)
    for i in range(g + 1) if g <= _ALL_COUNTS else (0, 1, 2, g - 1, g):
        if not is_mixture(found, g, i, np.asarray(law.pmf(g, i), dtype=np.float64)):
            raise OperatorError(
                f"{type_name(type(law))}: components({g}) must be the mixture that pmf({g}, i) is, got {found!r:.100}, "
                f"which is another law for i = {i}; mend one, or leave out `components` (a base class may have them)"
            )
    return found


def _three(law: object, components: object, g: int) -> Components:
    """Weights, fix and keep as arrays of one length."""
    try:
        weights, fix, keep = (np.asarray(each, dtype=np.float64) for each in components)  # type: ignore[attr-defined]  # or TypeError
        sound = weights.ndim == 1 and weights.shape == fix.shape == keep.shape and bool((weights >= 0).all())
        sound = sound and all(bool(((rate >= 0) & (rate <= 1)).all()) for rate in (fix, keep))
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise OperatorError(
            f"{type_name(type(law))}: components({g}) must be three arrays of one length, weights >= 0 and the "
            f"probabilities fix and keep, got {shown(components):.200}"
        )
    return weights, fix, keep


@dataclass(frozen=True)
class Mixture(ComponentLaw):
    """One of several laws, drawn for each call: the refusal of a call is Mixture((e, 1-e), (no-op, law)) (theory 4a).

    Attributes:
        weights: probabilities, one a law, that sum to 1.
        laws: the laws.

    >>> Mixture((0.1, 0.9), (IndependentBlocks(0, 1), IndependentBlocks(0.5, 0.5))).pmf(1, 1).tolist()
    [0.55, 0.45]
    """

    weights: tuple[float, ...]
    laws: tuple[ComponentLaw, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.laws) or not self.laws:
            raise InputError(
                f"Mixture: expected a weight for each law, got {shown(self.weights)} for {len(self.laws)} laws"
            )
        if min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-12:
            raise InputError(f"Mixture: expected weights >= 0 that sum to 1, got {shown(self.weights)}")

    def components(self, g: int) -> Components:
        """The components of all laws, each weighted."""
        parts = [sound_components(law, g) for law in self.laws]
        weights = [weight * part[0] for weight, part in zip(self.weights, parts, strict=True)]
        fix, keep = (np.concatenate([part[n] for part in parts]) for n in (1, 2))
        return np.concatenate(weights), fix, keep

    def misses(self, g: int) -> Misses:
        """Those of all laws."""
        parts = [misses_of(law, sound_components(law, g), g) for law in self.laws]
        miss, damage = (np.concatenate([part[n] for part in parts]) for n in (0, 1))
        return miss, damage

    def invalid(self, g: int) -> float:
        """The mean over the laws."""
        return sum(w * invalid_share(law, g, law.pmf(g, 0)) for w, law in zip(self.weights, self.laws, strict=True))


@dataclass(frozen=True)
class BetaQualityLaw(ComponentLaw):
    """Quality q ~ Beta(a, b) drawn for each call; given q all blocks are correct independently w.p. q (theory 6a).

    P(all g correct) = B(a+g, b)/B(a, b): for uniform quality GLOBAL takes k+1 calls instead of 2^k. The components are
    the nodes of a Gauss-Jacobi rule that is exact for the polynomials of degree g that the pmf consists of.

    >>> round(float(1 / BetaQualityLaw(1, 1).pmf(20, 20)[20]), 9)
    21.0
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        positive(self, "a", "b")

    def components(self, g: int) -> Components:
        """Nodes and weights of the Beta law, exact for degree g."""
        weights, nodes, _ = beta_rule(self.a, self.b, g)
        return weights, nodes, nodes

    def misses(self, g: int) -> Misses:
        """1 - q of the nodes."""
        rests = beta_rule(self.a, self.b, g)[2]
        return rests, rests

    def pmf(self, g: int, i: int) -> FloatArray:
        """Beta-binomial, whatever i: C(g, x) B(a+x, b+g-x)/B(a, b); float [g+1].

        Long chunks go by ratios of Gamma functions whose arguments differ by a and b alone: their logarithms are small,
        where those of Beta functions cancel.
        """
        from scipy.special import betaln

        x = np.arange(g + 1.0)
        if g <= _NO_CANCELLATION:  # P(x+1)/P(x) = (g-x)/(x+1) (a+x)/(b+g-x-1), from which nothing cancels
            x = x[:-1]
            ratios = (g - x) / (x + 1.0) * (self.a + x) / (self.b + (g - x - 1.0))
            log = np.append(0.0, np.cumsum(np.log(ratios)))
            shape = np.exp(log - log.max())
            return np.asarray(shape / shape.sum())
        log = log_gamma_ratio(g + 1.0, self.a + self.b - 1.0) - betaln(self.a, self.b)
        log = log - log_gamma_ratio(x + 1.0, self.a - 1.0) - log_gamma_ratio(g - x + 1.0, self.b - 1.0)
        return np.asarray(np.exp(log))


@dataclass(frozen=True)
class Invalid(ComponentLaw):
    """A call whose output is malformed w.p. 1 - (1-rate)(1-per_block)^g, else follows the law (theory 4b).

    Attributes:
        rate: probability that a call is malformed, whatever its length.
        law: law of a valid call.
        per_block: probability that a block spoils the whole output.

    >>> Invalid(0.1, IndependentBlocks(0.5, 0.5)).pmf(1, 1).tolist()
    [0.45, 0.45]
    """

    rate: float
    law: ComponentLaw
    per_block: float = 0.0

    def __post_init__(self) -> None:
        probability(self, "rate", "per_block")

    def components(self, g: int) -> Components:
        """The components of the law, times P(valid)."""
        weights, fix, keep = sound_components(self.law, g)
        return (1 - self.rate) * (1 - self.per_block) ** g * weights, fix, keep

    def misses(self, g: int) -> Misses:
        """Those of the law."""
        return misses_of(self.law, sound_components(self.law, g), g)

    def invalid(self, g: int) -> float:
        """P(the output is malformed) + P(it is not) P(the answer inside is invalid)."""
        spoilt = -math.expm1(g * math.log1p(-self.per_block)) if self.per_block < 1 else 1.0
        valid = (1 - self.rate) * (1 - spoilt)
        return self.rate + (1 - self.rate) * spoilt + valid * invalid_share(self.law, g, self.law.pmf(g, 0))


@dataclass(frozen=True)
class SparseLaw(ComponentLaw):
    """Each block is rewritten only w.p. `rate`, else left: fix -> rate fix, keep -> 1 - rate (1-keep) (theory 7a).

    Attributes:
        rate: probability that a block is rewritten.
        law: law of the rewriting.

    >>> round(float(SparseLaw(0.25, IndependentBlocks(0.5, 0.5)).pmf(1, 0)[1]), 9)
    0.875
    """

    rate: float
    law: ComponentLaw

    def __post_init__(self) -> None:
        probability(self, "rate")

    def components(self, g: int) -> Components:
        """The components of the law, thinned."""
        weights, fix, keep = sound_components(self.law, g)
        return weights, self.rate * fix, 1 - self.rate * (1 - keep)

    def misses(self, g: int) -> Misses:
        """1 - rate fix = 1 - rate + rate (1-fix), and rate (1-keep)."""
        miss, damage = misses_of(self.law, sound_components(self.law, g), g)
        return 1 - self.rate + self.rate * miss, self.rate * damage

    def invalid(self, g: int) -> float:
        """That of the law."""
        return invalid_share(self.law, g, self.law.pmf(g, 0))


Thinned = SparseLaw
"""Former name."""
