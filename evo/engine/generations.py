"""A round of generations: the best offspring of each, and what each took.

Slabs of offspring are put together here: those of the same generations, of which the better is kept, and those of
different runs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.protocols import BoolArray, FloatArray, IntArray


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
        spent: int [runs, ahead, 3 + powers], what each generation took, in the columns of `Records.spent`: a
            generation, LLM calls, valid offspring, and sums over the calls, see `evo.costs.ledger.ChunkLengths`; or
            int [3], where all generations took the same.
    """

    change: FloatArray
    winner: IntArray
    chunk: IntArray
    after: BoolArray
    solution: BoolArray | None
    moved: BoolArray
    optimal: IntArray
    spent: IntArray

    def valid(self, at: IntArray) -> IntArray:
        """How many offspring of the generations `at` are valid, by their number among all of the round."""
        return np.full(len(at), self.spent[2]) if self.spent.ndim == 1 else picked(self.spent, at)[:, 2]


@dataclass(frozen=True)
class Best:
    """The best offspring of each generation.

    Attributes:
        winner: int [runs, ahead], its number in the generation, from 0.
        place: int [runs, ahead], its number among all offspring; None where a generation has one.
    """

    winner: IntArray
    place: IntArray | None

    @classmethod
    def of(cls, change: FloatArray) -> Best:
        """By the changes of fitness, float [runs, ahead, lam]; the first of equally good ones."""
        *shape, lam = change.shape
        if lam == 1:
            return cls(np.zeros(shape, dtype=np.int64), None)
        winner = np.argmax(change, axis=2)
        return cls(winner, np.arange(winner.size).reshape(shape) * lam + winner)

    def of_each(self, values: NDArray[Any]) -> NDArray[Any]:
        """What they have of the values of all offspring, [n, ...] -> [runs, ahead, ...]."""
        if self.place is None:
            return values.reshape(*self.winner.shape, *values.shape[1:])
        return values.take(self.place, axis=0)


def picked(values: NDArray[Any], at: IntArray) -> NDArray[Any]:
    """Of values of generations, [runs, ahead, ...], those of some by their number among all, int [n] -> [n, ...]."""
    return values.reshape(-1, *values.shape[2:]).take(at, axis=0)


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
        spent=_together(old.spent, new.spent),
    )


def _together(old: IntArray, new: IntArray) -> IntArray:
    """What a generation took whose calls were made in two slabs."""
    spent = old + new
    spent[..., 0] = 1
    return spent


def stacked(pieces: list[Round], shape: tuple[int, int]) -> Round:
    """A round of [runs, ahead] from its pieces, which are in the order of its generations."""
    columns: dict[str, Any] = {each.name: [getattr(piece, each.name) for piece in pieces] for each in fields(Round)}
    if any(spent.ndim == 3 for spent in columns["spent"]):
        columns["spent"] = [np.broadcast_to(each.spent, (*each.change.shape, each.spent.shape[-1])) for each in pieces]
    together: dict[str, Any] = {
        name: None if parts[0] is None else parts[0] if parts[0].ndim == 1 else _in_order(parts, shape)
        for name, parts in columns.items()
    }
    return Round(**together)


def _in_order(parts: list[NDArray[Any]], shape: tuple[int, int]) -> NDArray[Any]:
    """Values of generations, one piece behind the other, as those of all: [.., .., ...] -> [runs, ahead, ...]."""
    each = [part.reshape(-1, *part.shape[2:]) for part in parts]
    return np.concatenate(each).reshape(*shape, *each[0].shape[1:])
