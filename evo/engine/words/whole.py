"""All blocks in each call, on words of 64 blocks."""

from __future__ import annotations

import numpy as np

from evo.engine.contracts import rewritten_words
from evo.engine.words.loop import AT_ONCE, FEW, MANY, InRounds
from evo.forms.words import bits_set, packed, used_bits, words_for
from evo.protocols import BoolArray, IntArray


class Whole(InRounds):
    """All blocks in each call: solutions are words, and a round is some generations up to the first improvement."""

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        self.width, self.mask = words_for(self.k), used_bits(self.k)
        self.parents = packed(correct)

    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        self.parents = self.parents[stay]

    def round(self) -> IntArray:
        """Some generations of all runs, up to the first improvement of each."""
        ahead = max(1, min(self.ahead, AT_ONCE // (len(self.active) * self.lam * self.width)))
        offspring = np.full(len(self.active), -1, dtype=np.int64)
        lam_slab = min(self.lam, max(1, AT_ONCE // self.width))
        rows = max(1, AT_ONCE // (ahead * lam_slab * self.width))
        for low in range(0, len(self.active), rows):
            for first in range(0, self.lam, lam_slab):
                self._slab(slice(low, low + rows), ahead, first, min(lam_slab, self.lam - first), offspring)
        better = offspring >= 0
        number = self.calls + offspring + 1
        self.calls += self.lam * np.where(better, offspring // self.lam + 1, ahead)
        self.note(np.flatnonzero(better), number[better], self.fitness[better])
        share = float(better.mean())
        self.ahead = max(1, ahead // 2) if share > MANY else 2 * ahead if share < FEW else ahead
        return number

    def _slab(self, rows: slice, ahead: int, first: int, lam: int, offspring: IntArray) -> None:
        """The offspring from `first` on of some runs; better ones than those found before are taken."""
        parents, fitness = self.parents[rows], self.fitness[rows]
        if first == 0:
            self._before = parents.copy()
        shape = (len(parents), ahead * lam, self.width)
        words = np.broadcast_to(self._before[:, None], shape)
        after = rewritten_words(self.mutator, words, self.streams.mutator)
        if self.k % 64:
            after &= self.mask
        count = bits_set(after)
        better = count > fitness[:, None]
        at = np.flatnonzero(better.any(axis=1))
        if lam == 1 and self.lam == 1:
            place = np.argmax(better[at], axis=1)
        else:  # the best of the first generation with an improvement, the first of equally good ones
            generation = np.argmax(better[at], axis=1) // lam
            each = count[at].reshape(len(at), ahead, lam)[np.arange(len(at)), generation]
            place = generation * lam + np.argmax(each, axis=1)
        parents[at] = after[at, place]
        fitness[at] = count[at, place]
        offspring[rows][at] = place // lam * self.lam + first + place % lam
