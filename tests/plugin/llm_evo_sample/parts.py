"""A problem, a schedule and a cost model."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Weighted:
    """Block j counts j+1."""

    k: int
    l: int = 16

    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=np.bool_)

    def fitness(self, correct):
        return correct @ np.arange(1.0, self.k + 1)


@dataclass(frozen=True)
class Backwards:
    """One block a generation, the last one first."""

    oblivious: ClassVar[bool] = True

    def chunk_size(self, k):
        return 1

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return (-1 - pointer[:, None, None] - np.arange(ahead)[None, :, None]) % m

    def advance(self, pointer, moved, m, generations):
        return (pointer + generations) % m


@dataclass(frozen=True)
class FlatFee:
    """So much a call, whatever it holds."""

    fee: float = 1.0

    @property
    def weights(self):
        return np.array([self.fee, 0.0, 0.0, 0.0, 0.0, 0.0])
