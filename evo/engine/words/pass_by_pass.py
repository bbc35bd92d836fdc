"""Several blocks in each call, one chunk after the other, and again from the first: passes over the chunks.

What becomes of a chunk follows from its own calls alone; the others only say when these calls are made. So the visits
to all chunks are made at once, and the numbers of their calls follow from the lengths of the visits before them.
"""

from __future__ import annotations

import numpy as np

from evo.engine.words.in_parts import InParts
from evo.engine.words.loop import AT_ONCE, firsts
from evo.engine.words.some_blocks import Answers
from evo.protocols import BoolArray, IntArray
from evo.schedules import RoundRobin, UntilResolved

FIRST = 8
"""Generations a chunk up to the first horizon."""
EVERY = slice(None)
NO_END = 2**62


class PassByPass(InParts):
    """A visit is one generation (`RoundRobin`), or as many as move the fitness (`UntilResolved`).

    By `OnlyIncorrect` it is as many as make the chunk correct, none where it is, and one pass is enough. Correct chunks
    are only called where the length of their visits is not known: by `UntilResolved`. Of its passes as many are made
    at once as were made before, for those after the end of a run are thrown away.

    All runs go on to the same generation, the horizon, which is then moved: so chunks whose turn is far away wait, and
    no draw depends on a budget.

    Attributes:
        through: int [n], generations before the passes of now.
        passes: int [n], made at once; 0 of runs that have left.
        visit: int [n m], visits that each chunk has had in these passes.
        last: int [n m], how many of them are made.
        length: int [n m, passes], generations of each visit, where a pass may have more than m.
        made: int [n m], generations of all its visits.
    """

    def go_part(self) -> None:
        """All generations of the runs that are taken up."""
        self.kind = type(self.schedule)
        chunks, runs = self.count.size, len(self.active)
        self.room = max(1, AT_ONCE // chunks) if self.kind is UntilResolved else 1
        self.through, self.passes = np.zeros(runs, dtype=np.int64), np.ones(runs, dtype=np.int64)
        self.visit, self.last, self.made = np.zeros((3, chunks), dtype=np.int64)
        self.length = np.zeros((chunks, self.room), dtype=np.int64)
        self.accepted: list[IntArray] = []
        self.at_first = self.ahead
        self._begin(np.ones(runs, dtype=np.bool_))
        self._leave(self.fitness == self.k, np.zeros(runs, dtype=np.int64))

        horizon = FIRST * self.m
        while True:
            while len(at := np.flatnonzero(self._waits() & (self._begins() < horizon))):
                self._go_to(horizon, at)
            ended = ~self._waits().reshape(self.count.shape).any(axis=1) & (self.passes > 0)
            if ended.any():
                self._enter(ended)
            elif self.lam * horizon >= self.most or not self.passes.any():
                break
            else:
                horizon *= 2
        self._note_accepted(np.ones(runs, dtype=np.bool_))

    def _waits(self, at: IntArray | slice = EVERY) -> BoolArray:
        """Which chunks have visits left."""
        waits = self.visit[at] < self.last[at]
        return waits if self.kind is UntilResolved else waits & (self.count.reshape(-1)[at] < self.g)

    def _begins(self) -> IntArray:
        """How many generations there are at least before the next one of each chunk, int [n m]."""
        made = self.made.reshape(self.count.shape)
        if self.kind is RoundRobin:
            return (made * self.m + np.arange(self.m)).reshape(-1)
        first = self.length[:, 0].reshape(made.shape)
        return (self.through[:, None] + np.cumsum(first, axis=1) - first + made).reshape(-1)

    def _go_to(self, horizon: int, at: IntArray) -> None:
        """All generations of the chunks `at` until their visits of now end, or they are at the horizon at least."""
        others, many = self._begins()[at] - self.made[at], len(at)
        self.ahead = self.at_first
        while len(at):
            self._go_on(at)
            if len(at) == many:  # the few that are left then have longer visits, which say nothing of the next ones
                self.at_first = self.ahead
            stay = self._waits(at) & (others + self.made[at] < horizon)
            at, others = at[stay], others[stay]
        if self.kind is UntilResolved:
            self._shorten()

    def _go_on(self, at: IntArray) -> None:
        """Some generations on each of the chunks `at`, up to its first improvement or the end of its last visit."""
        ahead = min(self.ahead, self.most_ahead(len(at)))
        found = self.answers(at[:, None], ahead)
        ends = self._ends(at, found, ahead)
        visit = self.visit[at, None] + np.cumsum(ends, axis=1) - ends
        improves = np.full(len(at), ahead)
        improves[found.which] = found.generation
        used = (np.arange(ahead) <= improves[:, None]) & (visit < self.last[at, None])
        if self.kind is not RoundRobin:
            row, column = used.nonzero()
            places = at[row] * self.room + visit[row, column]
            np.add.at(self.length.reshape(-1), places, 1)
        self.made[at] += used.sum(axis=1)
        self.visit[at] += (ends & used).sum(axis=1)
        self.adapt(ahead, float(1.0 - used[:, -1].mean()))

        taken = used[found.which, found.generation]
        which, gain, generation = found.which[taken], found.gain[taken], found.generation[taken]
        chunk, its = at[which], visit[which, generation]
        self.enter(chunk, found.words[taken], gain)
        before = 0 * its if self.kind is RoundRobin else self.length[chunk, its] - 1
        self.accepted.append(np.stack((chunk, its, before, found.offspring[taken], gain), axis=1))

    def _shorten(self) -> None:
        """Of runs whose chunks are all correct no visit after the last repair is made."""
        runs = np.flatnonzero((self.count == self.g).all(axis=1) & (self.passes > 0))
        if len(runs):
            each = np.concatenate(self.accepted)
            self.accepted = [each]
            of = np.isin(each[:, 0] // self.m, runs)
            run, place = each[of, 0] // self.m, each[of, 1] * self.m + each[of, 0] % self.m
            end = np.zeros(len(self.active), dtype=np.int64)
            np.maximum.at(end, run, place)
            visit, chunk = np.divmod(end[runs], self.m)
            self.last.reshape(self.count.shape)[runs] = visit[:, None] + (np.arange(self.m) <= chunk[:, None])

    def _ends(self, at: IntArray, found: Answers, ahead: int) -> BoolArray:
        """Which of the generations made end a visit, bool [n, generations]."""
        if self.kind is UntilResolved:
            return found.moved
        if self.kind is RoundRobin:
            return np.ones((len(at), ahead), dtype=np.bool_)
        ends = np.zeros((len(at), ahead), dtype=np.bool_)
        ends[found.which, found.generation] = self.count.reshape(-1)[at[found.which]] + found.gain == self.g
        return ends

    def _enter(self, ended: BoolArray) -> None:
        """Enter the passes of the runs that have `ended` them, bool [n]; those that go on begin the next ones."""
        latest = self._note_accepted(ended)
        self.fitness[ended] = self.count[ended].sum(axis=1)
        self.through[ended] += self.length.reshape(*self.count.shape, -1)[ended].sum(axis=(1, 2))
        self.passes = np.where(ended, np.minimum(2 * self.passes, self.room), self.passes)
        self._begin(ended)
        self._leave(ended & (self.fitness == self.k), latest)

    def _begin(self, runs: BoolArray) -> None:
        """Begin the next passes of some runs, bool [n]."""
        its = np.repeat(runs, self.m)
        self.visit[its], self.made[its], self.length[its] = 0, 0, 0
        self.last[its] = NO_END if self.kind is RoundRobin else np.repeat(self.passes[runs], self.m)

    def _leave(self, done: BoolArray, number: IntArray) -> None:
        """Make no further passes of the runs that generated the optimum with the call `number`, int [n]."""
        self.hit(done, number)
        self.passes[done] = 0
        self.last[np.repeat(done, self.m)] = 0

    def _note_accepted(self, ended: BoolArray) -> IntArray:
        """Note the improvements of these passes of the runs `ended`; int [n], the number of the latest of each run."""
        latest = np.zeros(len(ended), dtype=np.int64)
        each = np.concatenate([np.empty((0, 5), dtype=np.int64), *self.accepted])
        its = ended[each[:, 0] // self.m]
        self.accepted = [each[~its]]
        chunk, visit, before, offspring, gain = each[its].T
        run, chunk = np.divmod(chunk, self.m)
        place = visit * self.m + chunk
        number = self.lam * (self._begun(ended, run, place) + before) + offspring + 1
        np.maximum.at(latest, run, number)
        if self.traced:
            by_call = np.lexsort((number, run))
            run, number, gain = run[by_call], number[by_call], gain[by_call]
            total = np.cumsum(gain)
            first = firsts(np.bincount(run, minlength=len(ended)))
            self.note(run, number, self.fitness[run] + total - (total - gain)[first])
        return latest

    def _begun(self, ended: BoolArray, run: IntArray, place: IntArray) -> IntArray:
        """How many generations there were before visits of the runs `ended`, by their place in the order of all."""
        if self.kind is RoundRobin:
            return place
        in_order = self.length.reshape(*self.count.shape, self.room)[ended].transpose(0, 2, 1).reshape(ended.sum(), -1)
        begun = np.cumsum(in_order, axis=1) - in_order
        return np.asarray(self.through[run] + begun[(np.cumsum(ended) - 1)[run], place])
