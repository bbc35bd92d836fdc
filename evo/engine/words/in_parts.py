"""Chunks of several blocks, some runs after the others."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import numpy as np

from evo.engine.words.some_blocks import SomeBlocks
from evo.protocols import BoolArray

CHUNKS = 2**14
"""Chunks of the runs that are taken up together, if much is known of each; a run may have more."""


class InParts(SomeBlocks):
    """So many runs to their ends that a megabyte holds what is known of their chunks, then the next ones."""

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        super().take(correct)
        self.correct = correct

    def go(self) -> None:
        """All generations of all parts.

        Each part has streams of its own: where the runs before it end, which a budget says, changes none of its draws.
        """
        runs, fitness, size = self.active, self.fitness, max(1, self.at_once() // (self.m * self.width))
        parts = [slice(low, low + size) for low in range(0, len(runs), size)]
        mutator, schedule = (stream.spawn(len(parts)) for stream in (self.streams.mutator, self.streams.schedule))
        for n, its in enumerate(parts):
            self.streams = replace(self.streams, mutator=mutator[n], schedule=schedule[n])
            self.active, self.fitness, self.ahead = runs[its], fitness[its], 1
            self.calls = np.zeros(len(self.active), dtype=np.int64)
            self.hold(self.correct[its])
            self.go_part()

    def at_once(self) -> int:
        """Words of the chunks that are taken up together."""
        return CHUNKS

    @abstractmethod
    def go_part(self) -> None:
        """All generations of the runs that are taken up."""
