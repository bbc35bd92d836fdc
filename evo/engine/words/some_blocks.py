"""Several blocks in each call: a chunk is a row of words, and calls on it are compared by its number of correct blocks.

What all schedules of chunks share: the chunks of the active runs, and the calls of some generations on each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.engine.contracts import rewritten_words
from evo.engine.words.loop import AT_ONCE, FEW, MANY, Loop
from evo.forms.words import Words, bits_set, packed, used_bits, words_for
from evo.protocols import BoolArray, IntArray
from evo.schedules import UntilResolved

NOT_ASKED = np.zeros((0, 0), dtype=np.bool_)
"""Which generations moved the fitness, where nothing waits for that."""


@dataclass(frozen=True)
class Answers:
    """The calls of some generations on n chunks, or of n runs, from the same parents: f first improvements.

    Attributes:
        which: int [f], of which chunks, or runs, ascending.
        gain: int [f], by how many blocks each is better.
        generation: int [f], which generation made it, from 0.
        offspring: int [f], its number in the generation, from 0: the first of the best ones.
        words: uint64 [f, w], the chunk that it has.
        moved: bool [n, generations], whether an offspring of a generation differs from the parent in fitness; [0, 0]
            where the schedule does not wait for that.
    """

    which: IntArray
    gain: IntArray
    generation: IntArray
    offspring: IntArray
    words: Words
    moved: BoolArray


class SomeBlocks(Loop):
    """Chunks of g blocks, all as long.

    Attributes:
        words: uint64 [n, m, w], the chunks of the active runs.
        count: int [n, m], their correct blocks.
        ahead: generations made at once from the same parents.
    """

    words: Words
    count: NDArray[np.integer[Any]]

    def take(self, correct: BoolArray) -> None:
        """Begin with these solutions, bool [n, k]."""
        self.g = self.schedule.chunk_size(self.k)
        self.m, self.width, self.mask = self.k // self.g, words_for(self.g), used_bits(self.g)
        self.signed = np.int16 if self.width == 1 else np.int64  # differences of what `_counted` gives
        self.watches = type(self.schedule) is UntilResolved

    def hold(self, correct: BoolArray) -> None:
        """Hold the solutions of the active runs, bool [n, k], as chunks."""
        self.words = packed(correct.reshape(-1, self.m, self.g))
        self.count = self._counted(self.words)

    def answers(self, at: IntArray, ahead: int) -> Answers:
        """The calls of some generations on the chunks `at`, int [n, ahead lam], or [n, 1] if all are on the same."""
        slabs = list(self.slabs(len(at), ahead))
        pieces = [self._slab(at[rows], ahead) for rows in slabs]
        if len(pieces) == 1:
            return pieces[0]
        pieces = [replace(piece, which=piece.which + rows.start) for piece, rows in zip(pieces, slabs, strict=True)]
        columns = ([getattr(each, field.name) for each in pieces] for field in fields(Answers))
        return Answers(*(np.concatenate(each) for each in columns))

    def slabs(self, n: int, ahead: int) -> Iterator[slice]:
        """Chunks, or runs, whose calls are made together; at least one."""
        rows = max(1, AT_ONCE // (ahead * self.lam * self.width))
        return (slice(low, low + rows) for low in range(0, max(n, 1), rows))

    def most_ahead(self, n: int) -> int:
        """Generations of n chunks, or runs, that fit into a slab; at least one."""
        return max(1, AT_ONCE // (n * self.lam * self.width))

    def enter(self, chunks: IntArray, words: Words, gain: IntArray) -> None:
        """Take these words for some chunks, each a number of its own among all; they are better by `gain` blocks."""
        self.words.reshape(-1, self.width)[chunks] = words
        self.count.reshape(-1)[chunks] += gain.astype(self.count.dtype)

    def _slab(self, at: IntArray, ahead: int) -> Answers:
        """As `answers`; where not all offspring of a generation fit, one generation of one chunk, part by part."""
        most = max(1, AT_ONCE // self.width)
        best = self._part(at, ahead, 0, min(most, self.lam))
        for first in range(most, self.lam, most):
            best = _better(best, self._part(at, ahead, first, min(most, self.lam - first)))
        return best

    def _part(self, at: IntArray, ahead: int, first: int, lam: int) -> Answers:
        """So many offspring of each generation, from the number `first` on."""
        calls = ahead * lam
        if at.shape[1] > calls:  # of one generation
            at = at[:, first : first + lam]
        words, right = self.words.reshape(-1, self.width)[at], self.count.reshape(-1)[at]
        shape = (len(at), calls, self.width)
        after = rewritten_words(self.mutator, np.broadcast_to(words, shape), self.streams.mutator)
        if self.g % 64:
            after &= self.mask
        count = self._counted(after)
        better = count > right
        which = np.flatnonzero(better.any(axis=1))
        call = np.argmax(better[which], axis=1)
        if lam > 1:  # the best of that generation, the first of equally good ones
            generation = call // lam
            gains = np.subtract(count, right, dtype=self.signed).reshape(-1, ahead, lam)
            call = generation * lam + np.argmax(gains[which, generation], axis=1)
        moved = NOT_ASKED
        if self.watches:
            moved = (count != right).reshape(-1, ahead, lam).any(axis=2)
        return Answers(
            which=which,
            gain=(count[which, call] - of_calls(right, which, call)).astype(np.int64),
            generation=call // lam,
            offspring=call % lam + first,
            words=after[which, call],
            moved=moved,
        )

    def _counted(self, words: Words) -> NDArray[Any]:
        """Correct blocks of chunks, uint64 [.., w] -> whole numbers [..], in as few bytes as hold them."""
        return bits_set(words) if self.width > 1 else np.bitwise_count(words)[..., 0]

    def adapt(self, ahead: int, share: float) -> None:
        """Make fewer generations at once where much of what is made is thrown away, more where little is."""
        self.ahead = max(1, ahead // 2) if share > MANY else 2 * ahead if share < FEW else ahead


def of_calls(values: NDArray[Any], rows: IntArray | BoolArray, call: IntArray) -> NDArray[Any]:
    """Of [n, calls], or [n, 1] if all calls share a value: those of one call in each of the rows."""
    return np.asarray(values[rows, call if values.shape[1] > 1 else 0])


def _better(old: Answers, new: Answers) -> Answers:
    """Of one generation on one chunk, made in two parts; the earlier wins ties."""
    best = new if len(new.which) and (not len(old.which) or new.gain[0] > old.gain[0]) else old
    return replace(best, moved=old.moved | new.moved)
