"""What comes of calls: of each of them, and of each generation its best offspring and what it spent."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from evo.protocols import BoolArray, FloatArray, IntArray, Rewritten


@dataclass(frozen=True)
class Round:
    """The best offspring of each generation of a round, and the spending of the generation; arrays [runs, ahead].

    Attributes:
        change: float, fitness of the best valid offspring less the parent's; -inf where none is valid.
        winner: int, its number among the offspring, from 0; the first of equally good ones.
        chunk: int, the chunk it was made from; [runs, ahead, g], its blocks, if the schedule draws subsets.
        after: bool [runs, ahead, g], that chunk's blocks in it (a shorter last chunk is padded).
        solution: bool [runs, ahead, k], the whole winner; None where calls change nothing but their chunk.
        moved: bool, whether any valid offspring's fitness differs from the parent's.
        optimal: int, number of the first optimal offspring, from 1; 0 if there is none.
        calls: int, LLM calls made.
        valid: int, how many offspring are valid.
        shortfalls: int [runs, ahead, powers], sums over the LLM calls, see `evo.costs.ledger.ChunkLengths`.
    """

    change: FloatArray
    winner: IntArray
    chunk: IntArray
    after: BoolArray
    solution: BoolArray | None
    moved: BoolArray
    optimal: IntArray
    calls: IntArray
    valid: IntArray
    shortfalls: IntArray

    def taken(self) -> IntArray:
        """Spending of each generation, int [runs, ahead, 3 + powers], in the columns of `Records.spent`."""
        each = np.stack((np.ones_like(self.calls), self.calls, self.valid), axis=2)
        return each if self.shortfalls.shape[2] == 0 else np.concatenate((each, self.shortfalls), axis=2)

    def taken_by_any(self) -> IntArray:
        """`taken`, or int [3] where all generations take the same: then nothing has to be added up."""
        calls, valid = self.calls[0, 0], self.valid[0, 0]
        if self.shortfalls.shape[2] == 0 and (self.calls == calls).all() and (self.valid == valid).all():
            return np.array([1, calls, valid])
        return self.taken()


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


def better_of(old: Round, new: Round) -> Round:
    """The best of two slabs of offspring of the same generations; the earlier wins ties."""
    take = new.change > old.change

    def better(name: str) -> Any:
        values, others = getattr(old, name), getattr(new, name)
        return None if values is None else np.where(take if values.ndim == 2 else take[..., None], others, values)

    return Round(
        change=better("change"),
        winner=better("winner"),
        chunk=better("chunk"),
        after=better("after"),
        solution=better("solution"),
        moved=old.moved | new.moved,
        optimal=np.where(old.optimal > 0, old.optimal, new.optimal),
        calls=old.calls + new.calls,
        valid=old.valid + new.valid,
        shortfalls=old.shortfalls + new.shortfalls,
    )


def stacked(pieces: list[Round]) -> Round:
    """Rounds of different runs, one below the other."""
    columns: dict[str, Any] = {each.name: [getattr(piece, each.name) for piece in pieces] for each in fields(Round)}
    whole: dict[str, Any] = {
        name: None if parts[0] is None else np.concatenate(parts) for name, parts in columns.items()
    }
    return Round(**whole)
