"""Chunks called one after the other until each is finished, as one chain (theory 3a, 3b)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import Layout, chunk_steps, gains_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain

IntArray = NDArray[np.int64]
Entry = tuple[IntArray, FloatArray]  # states in which the next unfinished chunk is begun, and their probabilities


def sequence_chain(law: CallLaw, layout: Layout, start: Start, lam: int) -> AbsorbingChain:
    """The chain over (unfinished chunks, incorrect blocks in the current one)."""
    kinds = {size: chunk_steps(gains_of(law, size), lam) for size in (layout.g, layout.short) if size}
    if start.independent:
        return _independent(kinds, layout, start, lam)
    return _exact_count(kinds, layout, start, lam)


def sequence_states(layout: Layout, start: Start) -> int:
    """How many states `sequence_chain` has."""
    if start.independent:
        return layout.short + 2 * layout.full * layout.g
    return sum(size * (1 + _most_left(layout, start, c)) for c, size in enumerate(_sizes(layout)))


def _independent(kinds: Any, layout: Layout, start: Start, lam: int) -> AbsorbingChain:
    """Which full chunks are unfinished does not matter, only how many; the short one comes last, if it must."""
    blocks = _Blocks()
    chunk, short = start.chunk_law(layout.g), start.chunk_law(layout.short)
    unfinished = np.asarray(Start(layout.full, p0=float(chunk[0])).law())
    begin: list[Entry] = []
    for last, chance in ((None, short[0]), (layout.short, 1.0 - short[0])):
        if chance == 0.0:
            continue
        after: Entry | None = None
        if last:
            after = _entry(blocks.add(kinds[last], None), short)
            begin.append((after[0], chance * unfinished[0] * after[1]))
        for left in range(1, layout.full + 1):
            after = _entry(blocks.add(kinds[layout.g], after), chunk)
            begin.append((after[0], chance * unfinished[left] * after[1]))
    return blocks.chain(begin, start.optimal, lam)


def _exact_count(kinds: Any, layout: Layout, start: Start, lam: int) -> AbsorbingChain:
    """Blocks of states for (chunk, incorrect blocks after it); the next chunk's count is hypergeometric."""
    blocks = _Blocks()
    entries: dict[int, Entry] = {}  # by the number of incorrect blocks from the present chunk on
    behind = 0
    sizes = _sizes(layout)
    for c in range(layout.chunks - 1, -1, -1):
        size = sizes[c]
        firsts = {}
        for left in range(_most_left(layout, start, c) + 1):
            firsts[left] = blocks.add(kinds[size], entries.get(left) if left else None)
        behind += size
        entries = {
            count: _reach(firsts, entries.get(count), Start(behind, incorrect=count).chunk_law(size), count)
            for count in range(1, min(start.most, behind) + 1)
        }
    return blocks.chain([entries[start.most]], 0.0, lam)


def _reach(firsts: dict[int, int], later: Entry | None, counts: FloatArray, count: int) -> Entry:
    """Where `count` incorrect blocks from this chunk on begin: in this chunk, or later if it has none."""
    here = [i for i in range(1, min(len(counts) - 1, count) + 1) if count - i in firsts]
    states = np.array([firsts[count - i] + i - 1 for i in here], dtype=np.int64)
    if later is None:
        return states, counts[here]
    return np.append(states, later[0]), np.append(counts[here], counts[0] * later[1])


def _entry(first: int, counts: FloatArray) -> Entry:
    """A chunk known to be unfinished, whose states begin at `first`."""
    states = first + np.arange(len(counts) - 1, dtype=np.int64)
    return states, counts[1:] / counts[1:].sum()


def _sizes(layout: Layout) -> list[int]:
    return [layout.g] * layout.full + [layout.short] * (layout.short > 0)


def _most_left(layout: Layout, start: Start, c: int) -> int:
    """The most incorrect blocks there can be after chunk c when it is unfinished."""
    after = sum(_sizes(layout)[c + 1 :])
    return min(start.most - 1, after)


@dataclass
class _Blocks:
    """Collects the blocks of states of a block-triangular chain."""

    rows: list[IntArray] = field(default_factory=list)
    columns: list[IntArray] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    finish: list[FloatArray] = field(default_factory=list)
    hit: list[FloatArray] = field(default_factory=list)
    states: int = 0

    def add(self, kind: tuple[FloatArray, FloatArray, FloatArray], after: Entry | None) -> int:
        """Add the states of a chunk that is followed by `after` (None: by the optimum); the first one's number."""
        step, finish, hit = kind
        first, own = self.states, np.arange(len(finish), dtype=np.int64)
        self.states += len(finish)
        self._link(first + own, first + own, step)
        if after is not None:
            self._link(first + own, after[0], np.outer(finish, after[1]))
        last = float(after is None)
        self.finish.append(last * finish)
        self.hit.append(last * hit)
        return first

    def chain(self, begin: list[Entry], start_done: float, lam: int) -> AbsorbingChain:
        """The chain with the given entries as its start."""
        from scipy.sparse import coo_array

        places = (np.concatenate(self.rows), np.concatenate(self.columns))
        step = coo_array((np.concatenate(self.values), places), shape=(self.states, self.states)).tocsr()
        start = np.zeros(self.states)
        for states, chances in begin:
            np.add.at(start, states, chances)
        return AbsorbingChain(step, np.concatenate(self.finish), np.concatenate(self.hit), start, start_done, lam)

    def _link(self, rows: IntArray, columns: IntArray, values: FloatArray) -> None:
        used = np.nonzero(values)
        self.rows.append(rows[used[0]])
        self.columns.append(columns[used[1]])
        self.values.append(np.asarray(values[used]))
