"""Lives of chunks: from their first incorrect blocks until there are none, with the offspring that improve them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.engine.law.climbs import Steps, climb
from evo.engine.law.forgetful import Counts, finish, records
from evo.engine.law.gains import ROWS, Gains, few_at_once, gains_of_chunk, single_steps
from evo.engine.law.rows import Rows, climb_by_rows
from evo.engine.law.waiting import place
from evo.foreign import is_foreign
from evo.laws.counts import CallLaw, IndependentBlocks
from evo.laws.mixtures import ComponentLaw, misses_of, sound_components
from evo.protocols import FloatArray, IntArray
from evo.seeding import Streams
from evo.theory.calls.gains import forgetful, stalls_of

Table = Gains | Counts | Rows


@dataclass(frozen=True)
class Lives:
    """What became of n chunks.

    Attributes:
        table: what calls on them may do.
        turns: own generations until a chunk has no incorrect block, float [n]; 0 if it had none, infinite for never.
        gain: of the last improvement, int [n]; 0 if there was none. None where the place is known.
        place: number 1..lam of the offspring of the last one, float [n]; None where it is yet to be drawn.
        steps: all improvements; None unless asked for.
        places: the number of the offspring of each improvement but the last ones of runs, which are drawn apart.
    """

    table: Table
    turns: FloatArray
    gain: IntArray | None
    place: FloatArray | None
    steps: Steps | None = None
    places: FloatArray | None = None

    def place_of(self, chunk: IntArray, draws: Generator) -> FloatArray:
        """The number 1..lam of the offspring of the last improvements of some chunks."""
        if self.place is not None:
            return self.place[chunk]
        assert self.gain is not None
        assert isinstance(self.table, Gains | Rows)
        gain = self.gain[chunk]
        return np.where(gain > 0, _places(self.table, gain, gain, draws), 0.0)


def table_of(law: CallLaw, g: int, most: int, lam: int) -> Table:
    """What calls on a chunk of g blocks, at most `most` of them incorrect, may do.

    Raises: NoPrediction if probabilities are too small for floats, or the tables too large.
    """
    if g == 1:
        return single_steps(np.asarray(law.pmf(1, 1))[1:], stalls_of(law, 1), lam)
    if forgetful(law):
        return Counts.of(law, g, lam)
    alone = _alone(law, g)
    if type(alone) is IndependentBlocks and most > ROWS and Rows.fit(alone, g) and few_at_once(alone, g, most) is None:
        return Rows(alone, g, lam, most)
    return gains_of_chunk(alone, g, most, lam)


def _alone(law: CallLaw, g: int) -> CallLaw:
    """A law that is a mixture of one as the law of independent blocks that it is."""
    if not isinstance(law, ComponentLaw) or is_foreign(type(law)):
        return law
    weights, fix, keep = sound_components(law, g)
    if len(weights) > 1 or weights[0] != 1.0:
        return law
    (miss,), (damage,) = misses_of(law, (weights, fix, keep), g)
    return IndependentBlocks(float(fix[0]), float(keep[0]), float(miss), float(damage))


def lives(table: Table, incorrect: IntArray, streams: Streams, steps: bool = False) -> Lives:
    """The lives of chunks of one length.

    Args:
        table: of `table_of`.
        incorrect: at first, int [n].
        streams: of the batch. Nothing is drawn otherwise because improvements are asked for.
        steps: whether to give all improvements.
    """
    if isinstance(table, Counts):
        turns, last = finish(table, incorrect, streams.mutator)
        if not steps:
            return Lives(table, turns, None, last)
        found, places = records(table, incorrect, turns, streams.selection)
        return Lives(table, turns, None, last, found, np.where(found.after == 0, last[found.chunk], places))
    climbing = climb_by_rows if isinstance(table, Rows) else climb
    way = climbing(table, incorrect, streams.mutator, streams.schedule, steps)  # type: ignore[arg-type]  # each its own
    if way.steps is None:
        return Lives(table, way.generations, way.last, None)
    places = _places(table, way.steps.before, way.steps.before - way.steps.after, streams.selection)
    return Lives(table, way.generations, way.last, None, way.steps, places)


def _places(table: Gains | Rows, before: IntArray, gain: IntArray, draws: Generator) -> FloatArray:
    if table.lam == 1:
        return np.ones(len(gain))
    tilt = table.tilt[before, gain] if isinstance(table, Gains) else table.tilt(before, np.maximum(gain, 1))
    return place(draws.random(len(gain)), tilt, table.lam)
