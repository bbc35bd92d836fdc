"""Latency: how long a call takes, and the evaluation of its answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.costs.ledger import CallTokens
from evo.errors import InputError
from evo.parameters import non_negative, shown
from evo.protocols import FloatArray

MOST_SECONDS, MOST_TAIL = 1e9, 10.0
"""Of a call, a token or an evaluation; and of the logarithm's sigma, beyond which sums of latencies mean nothing."""


@dataclass(frozen=True)
class Latency:
    """Seconds of a call that reads c tokens and writes o: (fixed + per_prompt_token c + per_generated_token o) X.

    X is lognormal with mean 1: X = exp(tail Z - tail^2/2), Z standard normal; constant for tail = 0. Var[X] =
    exp(tail^2) - 1, and for tail above 1 a few calls take most of the time. LLM work beside a call (see
    `evo.costs.overhead`) is done before it: its tokens and its own `fixed` are added, under the same X.

    The worker that made a call evaluates its answer right after it, which takes `evaluation` seconds, always the same:
    also of an answer that cannot be applied, for that is what its evaluation finds. So a worker is busy for the sum of
    both, and evaluations are done in parallel on the same workers as calls.

    Attributes:
        fixed: seconds whatever the length.
        per_prompt_token: seconds a token read.
        per_generated_token: seconds a token written.
        tail: sigma of the lognormal factor.
        evaluation: seconds of one evaluation, on which X does not act.

    >>> from evo.costs.ledger import Prompt
    >>> Latency(fixed=0.5, per_generated_token=0.01).means(CallTokens.equal(Prompt(), k=7, l=100, g=2))
    (2.5, 1.5)
    >>> Latency(fixed=0.5, evaluation=12.0).evaluation
    12.0
    """

    fixed: float = 0.0
    per_prompt_token: float = 0.0
    per_generated_token: float = 0.0
    tail: float = 0.0
    evaluation: float = 0.0

    def __post_init__(self) -> None:
        names = ("fixed", "per_prompt_token", "per_generated_token", "tail", "evaluation")
        non_negative(self, *names)
        for name in names:
            most = MOST_TAIL if name == "tail" else MOST_SECONDS
            if getattr(self, name) > most:
                raise InputError(f"Latency: {name} must be at most {most:g}, got {shown(getattr(self, name))}")

    def means(self, tokens: CallTokens) -> tuple[float, float]:
        """Expected seconds of a call, evaluation apart, on a full chunk and on the shorter last one if there is one."""
        longest, shorter = (
            self.fixed * tokens.calls + self.per_prompt_token * prompt + self.per_generated_token * generated
            for prompt, generated, *_ in (tokens.entries(0), tokens.entries(min(1, tokens.powers)))
        )
        return longest, shorter

    def factors(self, calls: int, rng: Generator) -> FloatArray:
        """The factor X of each of some calls, float [calls]; nothing is drawn for tail = 0.

        Drawn in pieces they are the same as at once.

        >>> Latency(fixed=1.0).factors(2, np.random.default_rng(1)).tolist()
        [1.0, 1.0]
        """
        if self.tail == 0.0:
            return np.ones(calls)
        return np.asarray(np.exp(self.tail * rng.standard_normal(calls) - self.tail**2 / 2.0))
