"""How an endpoint errs beside its mutator: answers that cannot be used, and HTTP that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import shown, suggestion

FAULTS = {
    "prose": "no_parse",
    "refusal": "refusal",
    "empty": "empty",
    "truncated": "truncated",
    "fence": "no_parse",
    "search": "search_mismatch",
    "http_429": "http_error",
    "http_500": "http_error",
    "timeout": "timeout",
}
"""Faults of which a request has one at the most, and what the log calls such a call."""
THINK = "think"
"""Tells of thoughts in <think> before the answer, whatever else is wrong with it."""
PROSE = (
    "I would look at the blocks one by one. The first ones seem to be fine, the others need another look; changing "
    "them should bring the score up. Let me know whether you want me to write the program."
)
REFUSAL = "I'm sorry, but I can't help with that request."
THOUGHTS = "<think>\nWhich of the blocks are wrong? I go through them and keep those that look right.\n</think>\n\n"


@dataclass(frozen=True)
class Faults:
    """Probabilities of faults, by name; `think` is independent of the others, which exclude each other.

    Attributes:
        rates: by the names of FAULTS, and think.
    """

    rates: Mapping[str, float]

    def __post_init__(self) -> None:
        for name, rate in self.rates.items():
            if name != THINK and name not in FAULTS:
                known = ", ".join((*FAULTS, THINK))
                raise InputError(f"--faults: expected {known}, got {shown(name)}{suggestion(name, (*FAULTS, THINK))}")
            if not 0.0 <= rate <= 1.0:
                raise InputError(f"--faults: {name}: expected a probability in [0, 1], got {rate:g}")
        total = sum(rate for name, rate in self.rates.items() if name != THINK)
        if total > 1.0 + 1e-12:
            raise InputError(f"--faults: expected probabilities that sum to at most 1 (without think), got {total:g}")

    def drawn(self, rng: Generator) -> tuple[str, bool]:
        """The fault of a request, empty for none, and whether thoughts are told.

        >>> import numpy as np
        >>> Faults({"empty": 1.0}).drawn(np.random.default_rng(1))
        ('empty', False)
        """
        u, thinks = rng.random(2)
        for name in FAULTS:
            u -= self.rates.get(name, 0.0)
            if u < 0.0:
                return name, bool(thinks < self.rates.get(THINK, 0.0))
        return "", bool(thinks < self.rates.get(THINK, 0.0))
