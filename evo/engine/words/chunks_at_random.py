"""A chunk of several blocks at random in each call."""

from __future__ import annotations

from evo.engine.words.first_improvement import FirstImprovement
from evo.engine.words.in_parts import CHUNKS, InParts
from evo.engine.words.loop import InRounds
from evo.forms.words import uniform_numbers
from evo.protocols import IntArray


class ChunksAtRandom(InParts, FirstImprovement):
    """A chunk at random in each call."""

    def at_once(self) -> int:
        """Words of the chunks that are taken up together: nothing is known of them but the number of correct blocks."""
        return 8 * CHUNKS

    def go_part(self) -> None:
        """All generations of the runs that are taken up."""
        InRounds.go(self)

    def chosen(self, runs: IntArray, calls: int) -> IntArray:
        """A chunk at random for each call."""
        chunk = uniform_numbers(self.m, len(runs) * calls, self.streams.schedule)
        return (runs * self.m)[:, None] + chunk.reshape(len(runs), calls)
