"""How long one chunk takes in calls of its own: the factors of the round-robin product (theory 2g)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo.laws.counts import CallLaw, FloatArray
from evo.theory.calls.gains import chunk_steps, completion, gains_of
from evo.theory.chains.chain import AbsorbingChain


@dataclass(frozen=True, eq=False)
class OwnCalls:
    """A chunk of g blocks of which at most `most` are incorrect, called lam times a turn.

    >>> from evo.laws.counts import IndependentBlocks
    >>> OwnCalls(IndependentBlocks(0.5, 0.5), 1, 1, 2).tails([1], [0, 1, 2])[0, :, 1].round(12).tolist()
    [0.25, 0.125, 0.0625]
    """

    law: CallLaw
    g: int
    most: int
    lam: int

    def tails(self, turns: Sequence[int], calls: Sequence[int]) -> FloatArray:
        """P(not finished within lam c + r own calls) from i incorrect blocks; float [turns, calls, g+1].

        Args:
            turns: whole turns c, sorted.
            calls: r in 0..lam, calls of a broken turn.
        """
        tails = np.zeros((len(turns), len(calls), self.g + 1))
        if self.same is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                own = np.add.outer(self.lam * np.asarray(turns, dtype=np.float64), np.asarray(calls, dtype=np.float64))
                log_miss = np.log1p(-self.same)
                tails[:, :, 1:] = np.where(own > 0, np.exp(own * log_miss), 1.0)[:, :, None]
            return tails
        chain = self._chain
        with np.errstate(divide="ignore", invalid="ignore"):
            miss = np.outer(calls, np.log1p(-chain.offspring_hit))
            miss = np.where(np.asarray(calls)[:, None] > 0, np.exp(miss), 1.0)
        state, now = np.vstack([np.zeros(self.most), np.eye(self.most)]), 0
        top = chain.powers.plan(max(turns))
        for at, turn in enumerate(turns):
            state, now = chain.powers.advance(state, turn - now, top), turn
            tails[at, :, 1 : self.most + 1] = miss @ state[1:]
        return tails

    def slowest(self, counts: FloatArray) -> float:
        """The smallest probability per turn of leaving a state that can be met from the given counts, float [g+1]."""
        if self.same is not None:
            return self.same
        reached = counts[1 : self.most + 1] > 0.0
        rows = self._chain.rows
        for i in range(self.most - 1, -1, -1):
            if reached[i]:
                reached[rows.indices[rows.indptr[i] : rows.indptr[i + 1]]] = True
        return float(self._chain.leave[reached].min(initial=1.0))

    @cached_property
    def same(self) -> float | None:
        """P(a call finishes the chunk) if that is the same for all counts, else None."""
        return completion(self.law, self.g, self.most)

    @cached_property
    def _chain(self) -> AbsorbingChain:
        steps = chunk_steps(gains_of(self.law, self.g, self.most), self.lam)
        return AbsorbingChain(*steps, np.zeros(self.most), 0.0, self.lam)
