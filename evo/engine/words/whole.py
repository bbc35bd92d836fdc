"""All blocks in each call."""

from __future__ import annotations

from evo.engine.words.first_improvement import FirstImprovement
from evo.protocols import BoolArray, IntArray


class Whole(FirstImprovement):
    """All blocks in each call: the solution is the only chunk."""

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        super().take(correct)
        self.hold(correct)

    def chosen(self, runs: IntArray, calls: int) -> IntArray:
        """The solutions themselves."""
        return runs[:, None]
