"""Operators as somebody else writes them, with a law and without one; tests write this file beside a grid."""

from dataclasses import dataclass

from evo import IndependentBlocks


@dataclass(frozen=True)
class Careful:
    p: float

    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < self.p)

    @property
    def law(self):
        return IndependentBlocks(fix=self.p, keep=1.0)


@dataclass(frozen=True)
class Lawless:
    p: float = 0.5

    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < self.p)
