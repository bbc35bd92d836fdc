"""Answers that may be repeats, of which a wrapper hides some from the search: a hidden one, given again, is news.

What the mutator wrote last on a chunk is either known to the search, and then a repeat changes nothing: rejected again,
or there already. Or it was hidden, and then it is as good as a new answer, for the chunk is what it was. So a chunk is
in one of two kinds of states for each number of incorrect blocks (theory 17g). With s = P(shown), r = P(repeat): known,
judged w.p. (1-r) s, hidden w.p. (1-r) (1-s); hidden, judged w.p. s whether it is new or not. A call that is judged has
the law inside; between two of them lie 1/(1-r) + (1-s)/s calls in the mean, not 1/((1-r) s) as if hidden answers were
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from evo.chunks import Chunks
from evo.laws.special import HiddenRepeatsLaw
from evo.protocols import FloatArray, Schedule
from evo.schedules import RoundRobin
from evo.theory.calls.gains import check_run, gains_of, stalls_of
from evo.theory.calls.starts import Start
from evo.theory.chains.explore import Event, State, explored
from evo.theory.run_law import Process, RunLaw, finished
from evo.theory.schedules.only_incorrect import Entry, entries
from evo.theory.schedules.round_robin import of_own_calls

SOURCE = "theory 17g"
KNOWN, HIDDEN = False, True


def hidden_repeats(law: HiddenRepeatsLaw, k: int, g: int, schedule: Schedule, start: Start) -> RunLaw:
    """Law of a run, one call a generation: all blocks, the lowest incorrect chunk, or chunks in turn.

    Raises: NoPrediction if the chain is too large.

    >>> from evo import AllBlocks
    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.laws.special import RepeatingLaw
    >>> law = RepeatingLaw(IndependentBlocks(0.5, 0.5), 0.5).hidden(0.2)
    >>> round(hidden_repeats(law, 2, 2, AllBlocks(), Start(2)).hit.mean, 9)      # 4 (1/.5 + .2/.8)
    9.0
    """
    check_run(k, start, 1)
    chunks = Chunks.cut(k, g)
    if start.most == 0:
        return finished(1)
    if type(schedule) is RoundRobin and chunks.m > 1:
        sizes = [g] * (chunks.full > 0) + [chunks.short] * (chunks.short > 0)
        own = [OwnHidden(law, size, min(size, start.most)) for size in sizes]
        return of_own_calls(own, chunks, start, 1, f"{SOURCE}, 2g", states=2)
    return one_chunk_after_the_other(law, chunks, start)


def one_chunk_after_the_other(law: HiddenRepeatsLaw, chunks: Chunks, start: Start) -> RunLaw:
    """The chain on (place in the sequence, blocks of the chunk, those incorrect, was the last answer hidden)."""
    begin, enter = entries(chunks, start)
    sizes = [size for size in (chunks.g, chunks.short) if size]
    gains, stalls = ({size: of(law.inside, size) for size in sizes} for of in (gains_of, stalls_of))

    def events(state: State) -> Iterator[Event]:
        place, size, i, last = state

        def after(gain: int) -> Entry:
            if gain < i:
                return {(place, size, i - gain, KNOWN): 1.0}
            return {_known(then): chance for then, chance in enter(place).items()}

        yield from _events(law, size, (gains[size][i], stalls[size][i - 1]), (place, size, i), last, after)

    short = (lambda state: float(state[1] < chunks.g)) if chunks.short else None
    return explored({_known(state): p for state, p in begin.items()}, events, 1, f"{SOURCE}, 3a", short)


def judged(law: HiddenRepeatsLaw, g: int, last: bool) -> float:
    """P(a call shows the search an answer that it has not judged), by whether the last one was hidden."""
    return law.shown(g) if last is HIDDEN else (1.0 - law.rate) * law.shown(g)


def _known(state: State) -> State:
    return None if state is None else (*state, KNOWN)


def _events(
    law: HiddenRepeatsLaw,
    g: int,
    answer: tuple[FloatArray, float],
    here: State,
    last: bool,
    after: Callable[[int], Entry],
) -> Iterator[Event]:
    """What a call does to a chunk of i incorrect blocks, by what was written of it last; all of one rank.

    Args:
        law: of the calls.
        g: blocks of the chunk.
        answer: P(a judged one raises the correct blocks by 1, 2, .., i), and that it does not.
        here: the chunk, without what was written last.
        last: whether that was hidden.
        after: where a gain leads, and with which chances.
    """
    chance_judged = judged(law, g, last)
    for more, chance in enumerate(answer[0].tolist(), start=1):
        for then, share in after(more).items():
            yield 1, then, chance_judged * chance * share
    if last is HIDDEN:
        yield 1, (*here, KNOWN), chance_judged * float(answer[1])
    else:
        yield 1, (*here, HIDDEN), (1.0 - law.rate) * (1.0 - law.shown(g))


@dataclass(frozen=True, eq=False)
class OwnHidden:
    """Own calls until a chunk of g blocks is finished, one a turn, from at most `most` incorrect blocks.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.laws.special import RepeatingLaw
    >>> one = OwnHidden(RepeatingLaw(IndependentBlocks(0.5, 0.5), 0.0).hidden(0.5), 1, 1)
    >>> one.tails(np.array([1.0, 2.0]), np.array([[0.0], [1.0]])).ravel().tolist()
    [0.75, 0.5625]
    """

    law: HiddenRepeatsLaw
    g: int
    most: int
    same: ClassVar[float | None] = None
    missing: ClassVar[float] = 1.0

    def tails(self, own: FloatArray, begin: FloatArray) -> FloatArray:
        """P(not finished within n own calls), from laws of the incorrect blocks at first.

        Args:
            own: n, whole numbers of any shape.
            begin: [g+1, laws].

        Returns: float [.., laws].
        """
        process, times = self._process, np.unique(own)
        state = np.zeros((1 + len(process.states), begin.shape[1]))
        for row, (i, last) in enumerate(process.states, start=1):
            state[row] = 0.0 if last is HIDDEN else begin[i]
        table, now = np.empty((len(times), begin.shape[1])), 0
        top = process.chain.powers.plan(int(times[-1]))
        for place, time in enumerate(times.tolist()):
            state, now = process.chain.powers.advance(state, int(time) - now, top), int(time)
            table[place] = state[1:].sum(axis=0)
        return np.asarray(table[np.searchsorted(times, own)])

    def after(self, generations: int) -> FloatArray:
        """P(i incorrect blocks after so many own calls | j at first), row j, float [most+1, most+1]."""
        found = np.zeros((self.most + 1, self.most + 1))
        state = self._states(generations)
        found[:, 0] = state[0]
        for row, (i, _) in enumerate(self._process.states, start=1):
            found[:, i] += state[row]
        return found

    def improves(self, begin: FloatArray, generations: int) -> float:
        """P(the next call improves the chunk) after so many, from the law at first, float [most+1]."""
        stalls = stalls_of(self.law.inside, self.g, self.most)
        rises = [judged(self.law, self.g, last) * (1.0 - float(stalls[i - 1])) for i, last in self._process.states]
        return float(np.append(0.0, rises) @ self._states(generations) @ begin)

    def _states(self, generations: int) -> FloatArray:
        """Where a chunk of each count is after so many own calls, float [1 + states, most+1]."""
        process = self._process
        begin = np.zeros((1 + len(process.states), self.most + 1))
        begin[0, 0] = 1.0
        for row, (i, last) in enumerate(process.states, start=1):
            begin[row, i] = float(last is KNOWN)
        powers = process.chain.powers
        return np.asarray(powers.advance(begin, generations, powers.plan(generations)))

    def slowest(self, counts: FloatArray) -> float:
        """1 - the largest eigenvalue among the pairs of states of one count, which are left for fewer alone."""
        process = self._process
        rows, least = process.chain.moves.dense + np.diag(process.chain.stays), 1.0
        for i in range(1, self.most + 1):
            pair = [row for row, (count, _) in enumerate(process.states) if count == i]
            least = min(least, 1.0 - float(np.abs(np.linalg.eigvals(rows[np.ix_(pair, pair)])).max()))
        return max(0.0, least)

    @cached_property
    def _process(self) -> Process:
        gains, stalls = (of(self.law.inside, self.g, self.most) for of in (gains_of, stalls_of))

        def events(state: State) -> Iterator[Event]:
            i, last = state

            def after(gain: int) -> Entry:
                return {(i - gain, KNOWN) if gain < i else None: 1.0}

            yield from _events(self.law, self.g, (gains[i], stalls[i - 1]), (i,), last, after)

        begin = {(i, KNOWN): 1.0 / self.most for i in range(1, self.most + 1)}
        found = explored(begin, events, 1, SOURCE).process
        assert found is not None  # most >= 1
        return found
