"""What comes of each of some calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.protocols import BoolArray, FloatArray, IntArray, Rewritten


@dataclass
class Called:
    """n calls: their chunks, the answers and the changes of fitness.

    Attributes:
        before: bool [n, g], the blocks handed over (a shorter last chunk is padded).
        after: bool [n, g], the same blocks in the offspring.
        change: float [n], fitness of the offspring less the parent's.
        valid: bool [n]; None: all.
        solution: bool [n, k], the whole offspring; None where calls change nothing but their chunk.
        calls: int [n], LLM calls made; None: one each.
    """

    before: BoolArray
    after: BoolArray
    change: FloatArray
    valid: BoolArray | None
    solution: BoolArray | None
    calls: IntArray | None


@dataclass
class Offspring:
    """n offspring that are not compared with their parents.

    Attributes:
        solutions: bool [n, k].
        valid: bool [n]; None: all.
        calls: int [n], LLM calls made; None: one each.
    """

    solutions: BoolArray
    valid: BoolArray | None = None
    calls: IntArray | None = None

    def enter(self, rows: IntArray, answer: Rewritten) -> None:
        """What answers say beside the solutions, of the offspring `rows`."""
        if answer.valid is not None:
            if self.valid is None:
                self.valid = np.ones(len(self.solutions), dtype=np.bool_)
            self.valid[rows] = answer.valid
        if answer.calls is not None:
            if self.calls is None:
                self.calls = np.ones(len(self.solutions), dtype=np.int64)
            self.calls[rows] = answer.calls


def merged(groups: list[tuple[IntArray | slice, Called]], n: int, g: int) -> Called:
    """Groups of calls on chunks of different length as one; shorter chunks are padded."""

    def entered(name: str, whole: Any) -> Any:
        for calls, part in groups:
            values = getattr(part, name)
            if values is not None and values.ndim == 2:
                whole[calls, : values.shape[1]] = values
            elif values is not None:
                whole[calls] = values
        return whole if any(getattr(part, name) is not None for _, part in groups) else None

    solutions = [part.solution.shape[1] for _, part in groups if part.solution is not None]
    return Called(
        before=entered("before", np.zeros((n, g), dtype=np.bool_)),
        after=entered("after", np.zeros((n, g), dtype=np.bool_)),
        change=entered("change", np.zeros(n)),
        valid=entered("valid", np.ones(n, dtype=np.bool_)),
        solution=entered("solution", np.zeros((n, max(solutions, default=0)), dtype=np.bool_)),
        calls=entered("calls", np.ones(n, dtype=np.int64)),
    )
