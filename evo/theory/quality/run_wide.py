"""A quality drawn once a run: given it, the calls of a run are independent, and the laws of 17a hold (theory 6a)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.laws.counts import IndependentBlocks
from evo.laws.special import RunQualityLaw
from evo.protocols import FloatArray
from evo.theory.numeric.beta import BetaNodes
from evo.theory.quality.law import FitnessLaw, Whens

STEP, FINE_STEP = 1 / 8, 1 / 32
"""Distance of two qualities in ln(q/(1-q)); the fine one for whole solutions, where P(all k correct) = q^k is steep."""
LEAST = 1e-18
"""Weight below which a quality is left out: all that are left out weigh less than rounding."""
LOWEST, HIGHEST = -70.0, 42.0
"""Of ln(q/(1-q)): the quality there stands for all beyond: in t generations of lam calls such runs stay as they were
but w.p. 1e-30 lam t, and a block of theirs is right at once but w.p. 1e-18."""


@dataclass(frozen=True, eq=False)
class RunWide:
    """E over q ~ Beta(a, b) of the law given q, each run having a q of its own.

    Attributes:
        law: of the quality.
        given: the law of the fitness where each call has this law.
        step: distance of two qualities in ln(q/(1-q)).

    >>> from evo.theory.calls.starts import Start
    >>> from evo.theory.quality.whole import sampled
    >>> found = RunWide(RunQualityLaw(1.0, 1.0), lambda call: sampled(call, 1, Start(1)))
    >>> found.after([1, 2]).round(12).tolist()  # P(still incorrect) = E[(1 - q)^t] = 1/(t + 1)
    [[0.5, 0.5], [0.333333333333, 0.666666666667]]
    """

    law: RunQualityLaw
    given: Callable[[IndependentBlocks], FitnessLaw]
    step: float = STEP

    @cached_property
    def _parts(self) -> list[tuple[float, FitnessLaw]]:
        from scipy.special import expit

        nodes = BetaNodes.of(self.law.a, self.law.b, self.step)
        kept = nodes.weight > LEAST
        with np.errstate(divide="ignore"):
            logit = nodes.log_p - np.log(-np.expm1(nodes.log_p))
        places, owner = np.unique(np.clip(logit[kept], LOWEST, HIGHEST), return_inverse=True)
        weights = np.bincount(owner, nodes.weight[kept] / nodes.weight[kept].sum())
        return [
            (weight, self.given(IndependentBlocks(right, right, miss=wrong, damage=wrong)))
            for weight, right, wrong in zip(
                weights.tolist(), expit(places).tolist(), expit(-places).tolist(), strict=True
            )
        ]

    @property
    def values(self) -> FloatArray:
        """The values that the fitness may have, float [v]."""
        return self._parts[0][1].values

    @property
    def source(self) -> str:
        """Labels of the formulas."""
        return f"theory 6a, {self._parts[0][1].source}"

    def after(self, generations: Whens) -> FloatArray:
        """P(each value) after so many generations, float [n, v]."""
        return np.asarray(sum(weight * law.after(generations) for weight, law in self._parts))

    def improves(self, generations: Whens) -> FloatArray:
        """P(f_t > f_{t-1}), float [n]."""
        return np.asarray(sum(weight * law.improves(generations) for weight, law in self._parts))
