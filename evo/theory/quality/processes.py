"""The fitness in each state of the processes of a run: counts, chunks, blocks one after the other (theory 17a)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from evo.chunks import Chunks
from evo.laws.counts import CallLaw
from evo.laws.mixtures import invalid_share
from evo.protocols import FloatArray
from evo.theory.calls.gains import check_run, gains_of, stalls_of
from evo.theory.calls.starts import Start
from evo.theory.chains.explore import MAX_MOMENTS, Event, State, explored
from evo.theory.quality.law import BestSoFar, StateFitness, settled
from evo.theory.run_law import Process, RunLaw
from evo.theory.schedules import only_incorrect, uniform_chunk, until_resolved


def of_states(
    run: RunLaw | Process,
    k: int,
    incorrect: Callable[[Any], int | FloatArray],
    rises: Callable[[Any], bool] | FloatArray | None = None,
    source: str = "",
) -> StateFitness | BestSoFar:
    """The fitness of a run whose states say how many blocks are incorrect.

    Args:
        run: its law, which is a chain, or its process.
        k: blocks.
        incorrect: of a state, their number, or the law of it, float [k+1].
        rises: whether leaving a state is an improvement, or P(a generation is one) by state; None: each state has one
            number, which says so.
        source: labels of the formulas; those of the run unless said.
    """
    process = run if isinstance(run, Process) else run.process
    values = k - np.arange(k + 1.0)
    if process is None:  # nothing to do
        return settled(values[::-1])
    given = np.zeros((len(process.states), k + 1))
    for row, state in zip(given, process.states, strict=True):
        found = incorrect(state)
        if isinstance(found, int):
            row[found] = 1.0
        else:
            row[:] = found
    up = process.chain.leave * [rises(state) for state in process.states] if callable(rises) else rises
    label = source or (run.source if isinstance(run, RunLaw) else "")
    return StateFitness(process.chain, values, given, 0, up, f"{label}, 17a")


def chunks_at_random(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> StateFitness | BestSoFar:
    """UniformChunk: the chain on how many chunks have how many incorrect blocks (theory 3b, 17a).

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = chunks_at_random(IndependentBlocks(0.3, 0.9), 6, 2, Start(6))
    >>> round(float((law.after([40]) @ law.values)[0]), 12)
    5.878835361503
    """
    check_run(k, start, lam)
    chunks = Chunks.cut(k, g)
    gains = {size: gains_of(law, size, ever=False) for size in (g, chunks.short)}

    def incorrect(state: tuple[int, ...]) -> int:
        *counts, last = state
        return sum(i * n for i, n in enumerate(counts, start=1)) + last

    return of_states(uniform_chunk.occupied(gains, chunks, start, lam, MAX_MOMENTS), k, incorrect)


def incorrect_chunks(law: CallLaw, k: int, g: int, start: Start, lam: int = 1) -> StateFitness | BestSoFar:
    """OnlyIncorrect: the chunks one after the other; those to come are as at the start (theory 3a, 17a).

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = incorrect_chunks(IndependentBlocks(0.3, 0.9), 6, 2, Start(6, p0=0.5))
    >>> round(float((law.after([9]) @ law.values)[0]), 12)
    5.272346196792
    """
    check_run(k, start, lam)
    chunks = Chunks.cut(k, g)
    gains = {size: gains_of(law, size, ever=False) for size in (g, chunks.short) if size}
    run = only_incorrect.chunk_by_chunk(law, gains, chunks, start, lam)
    return of_states(run, k, left_of(chunks, start), rises=lambda _: True)


def left_of(chunks: Chunks, start: Start) -> Callable[[Any], int | FloatArray]:
    """How many blocks are incorrect where chunks are finished one after the other, or the law of it.

    Of states (place, blocks of the chunk, those incorrect, ..): those of this chunk, and of the chunks to come.
    """
    to_come = _unfinished(chunks, start) if start.independent else None

    def incorrect(state: Any) -> int | FloatArray:
        place, here = state[0], int(state[2])
        if to_come is None:
            return int(place[1]) + here
        return _shifted(to_come(place), here, start.k)

    return incorrect


def _unfinished(chunks: Chunks, start: Start) -> Callable[[tuple[int, bool]], FloatArray]:
    """The law of the incorrect blocks of so many full chunks, and of the short one or not, each of which has some."""
    full, last = (start.chunk_law(size) for size in (chunks.g, chunks.short))

    def some(law: FloatArray) -> FloatArray:
        return np.append(0.0, law[1:] / law[1:].sum())

    @cache
    def all_of(place: tuple[int, bool]) -> FloatArray:
        left, short = place
        if short:
            return np.convolve(all_of((left, False)), some(last))
        return np.convolve(all_of((left - 1, False)), some(full)) if left else np.ones(1)

    return all_of


def _shifted(law: FloatArray, by: int, k: int) -> FloatArray:
    found = np.zeros(k + 1)
    found[by : by + len(law)] = law
    return found


def blocks_until_resolved(law: CallLaw, k: int, start: Start, lam: int = 1, g: int = 1) -> StateFitness | BestSoFar:
    """UntilResolved, g = 1: the blocks to come are as at the start (theory 2h, 17a).

    Raises: NoPrediction if g > 1 (theory 3b), or there are too many states.

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = blocks_until_resolved(IndependentBlocks(0.5, 0.5), 6, Start(6))
    >>> (law.after([8]) @ law.values).tolist()
    [3.9609375]
    """
    check_run(k, start, lam)
    until_resolved.check_single(g)
    wrong, right = law.pmf(1, 1), law.pmf(1, 0)
    fix, damage = float(wrong[1]), float(right[0])
    if start.most == 0 or not start.independent:
        return _counted_blocks(fix, damage, start, lam)
    stalls = float(stalls_of(law, 1)[0]), float(right[1]) + invalid_share(law, 1, right)
    source = "theory 2h, 2i, 2j"
    run = until_resolved.one_after_the_other([fix] * k, [damage] * k, start, lam, source, MAX_MOMENTS, stalls)
    return one_sweep(run, start)


def one_sweep(run: RunLaw, start: Start) -> StateFitness | BestSoFar:
    """The fitness of `one_after_the_other`, whose states are (blocks from this one on, whether it is incorrect).

    Behind a correct block there is another incorrect one.
    """
    k = start.k

    def incorrect(state: tuple[int, bool]) -> FloatArray:
        left, here = state
        law = start.independent_law(left - 1)
        return _shifted(law if here else np.append(0.0, law[1:] / law[1:].sum()), int(here), k)

    return of_states(run, k, incorrect, rises=lambda state: bool(state[1]))


def _counted_blocks(fix: float, damage: float, start: Start, lam: int) -> StateFitness | BestSoFar:
    """Exactly j incorrect blocks at random positions: the next of n blocks is incorrect w.p. j/n."""

    def enter(left: int, j: int) -> dict[State, float]:
        if j == 0:
            return {None: 1.0}
        return {(left, j, True): j / left, (left, j, False): (left - j) / left}

    def events(state: State) -> Iterator[Event]:
        left, j, here = state
        for then, chance in enter(left - 1, j - here).items():
            yield 1, then, (fix if here else damage) * chance

    begin = {state: p for state, p in enter(start.k, start.most).items() if p}
    run = explored(begin, events, lam, "theory 2h, 2j", most=MAX_MOMENTS)
    return of_states(run, start.k, lambda state: int(state[1]), rises=lambda state: bool(state[2]))
