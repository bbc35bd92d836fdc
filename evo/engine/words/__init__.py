"""The engine `blocks` on words of 64 blocks, or on single blocks, where a mutator `rewrites_words`.

Each call is made by the operator's own code (`rewrite_words`, or `rewrite` of single blocks), with other draws than
`evo.engine.one_parent` makes: runs of both agree in law. An offspring is counted in words, its solution is only looked
at if it is accepted; of calls on single blocks those that nothing accepted can come of are counted and not made.
"""

from __future__ import annotations

from evo.batch import Batch, RunCounts, Trace
from evo.engine.words.at_random import AtRandom
from evo.engine.words.chunks_at_random import ChunksAtRandom
from evo.engine.words.in_turn import InOrder, RoundByRound
from evo.engine.words.loop import Loop
from evo.engine.words.pass_by_pass import PassByPass
from evo.engine.words.which import runs_on_words
from evo.engine.words.whole import Whole
from evo.errors import InputError
from evo.schedules import RoundRobin, UniformChunk
from evo.search import Search


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of runs of a search for which `runs_on_words`.

    Memory: k/8 bytes a run for the parents (k where single blocks or chunks are rewritten), and some buffers of half a
    megabyte, 5 MB together, whatever lam, k and the number of runs are.

    Raises: InputError for other searches; OperatorError if the mutator breaks its contract.
    """
    if not runs_on_words(search) or batch.past_optimum:
        raise InputError(f"this loop runs what `runs_on_words`, got {search.text}; use evo.engine.run_batch")
    return _loop(search)(search, batch).run()


def _loop(search: Search) -> type[Loop]:
    """Of whole solutions, of single blocks, or of chunks of several; the schedule says of which next."""
    if search.chunks.m == 1:
        return Whole
    if search.chunks.g > 1:
        return ChunksAtRandom if type(search.schedule) is UniformChunk else PassByPass
    loops: dict[type, type[Loop]] = {UniformChunk: AtRandom, RoundRobin: RoundByRound}
    return loops.get(type(search.schedule), InOrder)
