"""One block at random in each call."""

from __future__ import annotations

import numpy as np

from evo.engine.contracts import rewritten
from evo.engine.words.loop import AT_LEAST, AT_ONCE
from evo.engine.words.one_block import OneBlock
from evo.forms.words import uniform_numbers
from evo.protocols import BoolArray, IntArray


class AtRandom(OneBlock):
    """One block at random in each call; calls on correct blocks are counted and not made."""

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        self.wrong, self._room = ~correct, np.empty(AT_ONCE, dtype=np.int64)
        self.ahead = AT_LEAST // max(1, len(correct))

    def keep(self, stay: BoolArray) -> None:
        """Go on with some of the runs."""
        self.wrong = self.wrong[stay]

    def slab(self, rows: slice, ahead: int, number: IntArray) -> None:
        """The next calls of some runs, so many of each; `number` becomes that of the last one accepted."""
        wrong, runs = self.wrong[rows].reshape(-1), len(number)
        drawn = uniform_numbers(self.k, runs * ahead, self.streams.schedule).reshape(runs, ahead)
        block = self._room[: runs * ahead]
        np.add((np.arange(runs) * self.k)[:, None], drawn, out=block.reshape(runs, ahead))
        made = np.flatnonzero(wrong.take(block))
        answer = rewritten(self.mutator, np.zeros((len(made), 1), dtype=np.bool_), self.streams.mutator)
        made = made[answer.correct[:, 0]]
        made = np.delete(made, seen_before(block[made]))  # their block is correct by then
        wrong[block[made]] = False
        self.enter(rows, made // ahead, made % ahead, ahead, number)


def seen_before(values: IntArray) -> IntArray:
    """Where a value stands that stood before, in any order.

    >>> seen_before(np.array([5, 3, 5, 5])).tolist()
    [2, 3]
    """
    places = 2 ** len(values).bit_length()
    ordered = np.sort(values * places + np.arange(len(values)))
    same = ordered[1:] // places == ordered[:-1] // places
    return np.asarray(ordered[1:][same] % places)
