"""A mutator with a law, which predictions are made from."""

from dataclasses import dataclass

from evo import IndependentBlocks
from evo.parameters import probability


@dataclass(frozen=True)
class Careful:
    """Repairs a wrong block w.p. p and never damages a right one."""

    p: float = 0.5

    def __post_init__(self):
        probability(self, "p")

    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < self.p)

    @property
    def law(self):
        return IndependentBlocks(fix=self.p, keep=1.0)
