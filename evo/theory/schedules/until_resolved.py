"""UntilResolved with g = 1: stay at a block until the fitness moves, up or down, then go on (theory 2h, 2i, 2j)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.mixtures import invalid_share
from evo.protocols import FloatArray
from evo.theory.calls.gains import at_least_once, check_run, never_once, stalls_of
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain, death_chain
from evo.theory.chains.explore import MAX_MOMENTS, Event, State, explored
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.closed import NegativeBinomial
from evo.theory.times.law import TimeLaw


def until_resolved(law: CallLaw, k: int, start: Start, lam: int = 1, g: int = 1) -> RunLaw:
    """Law of a run of blocks in sequence, up to the last incorrect one; one sweep suffices.

    A resolved block is correct for good: an incorrect one is left when an offspring fixed it, a correct one when a
    valid offspring damaged it, which the elitist parent does not take over. With a = P(fixed), d = P(damaged), an
    incorrect block takes Geom(1-(1-a)^lam) generations, a correct one Geom(1-(1-d)^lam) (theory 2h, 2j).

    Raises: NoPrediction if g > 1: a rise of the fitness does not tell that a chunk is finished (theory 3b).

    >>> from evo.laws.counts import IndependentBlocks
    >>> until_resolved(IndependentBlocks(0.5, 0.5), 4, Start(4, p0=0.5)).hit.mean
    6.125
    """
    check_run(k, start, lam)
    check_single(g)
    if start.most == 0:
        return finished(lam)
    wrong, right = law.pmf(1, 1), law.pmf(1, 0)
    fix, damage = float(wrong[1]), float(right[0])
    miss, kept = float(stalls_of(law, 1)[0]), float(right[1]) + invalid_share(law, 1, right)
    if start.incorrect is None and start.p0 > 0.0:
        source = "theory 2h, 2i, 2j"
        return one_after_the_other([fix] * k, [damage] * k, start, lam, source, MAX_MOMENTS, (miss, kept))
    resolve, skip = (
        (float(at_least_once(p, lam)), float(never_once(p, lam, q))) for p, q in ((fix, miss), (damage, kept))
    )
    chain = _exact_count(fix, resolve, skip, start, lam)
    generations: TimeLaw = NegativeBinomial(k, *resolve) if start.most == k else chain.generations
    return RunLaw(generations if lam == 1 else chain.hit, generations, no_short_chunk, "theory 2h, 2i, 2j", lam)


def check_single(g: int) -> None:
    """Refuse chunks of several blocks.

    Raises: NoPrediction.
    """
    if g != 1:
        raise NoPrediction(f"needs g = 1, got g = {g}, where a rise of f does not say that a chunk is finished")


def one_after_the_other(
    fix: Sequence[float],
    damage: Sequence[float],
    start: Start,
    lam: int = 1,
    source: str = "theory 2h, 5a",
    most: int = MAX_STATES,
    stalls: tuple[float, float] | None = None,
) -> RunLaw:
    """Law of a run of UntilResolved over blocks that may differ, independent at the start.

    A state is (blocks from the present one to the end, is it incorrect), among runs with an incorrect block from here
    on. Behind an incorrect block there is another one w.p. 1 - p0^(blocks behind it).

    Args:
        fix: P(a call makes each block correct), in their order.
        damage: P(a call makes each block incorrect).
        start: the initial law.
        lam: offspring a generation.
        source: label of the formula.
        most: states, see `explored`.
        stalls: P(a call leaves an incorrect block so), P(a call leaves a correct one so), where all blocks are alike.

    >>> one_after_the_other([0.5, 0.25], [0.5, 0.5], Start(2)).generations.mean
    6.0
    """
    k, p0 = start.k, start.correct_rate

    def some(blocks: int) -> float:
        """P(some of these blocks are incorrect)."""
        return -math.expm1(blocks * math.log(p0)) if p0 else float(blocks > 0)

    def enter(left: int) -> dict[State, float]:
        """The next block, given that some of the `left` blocks are incorrect."""
        return {(left, True): (1.0 - p0) / some(left), (left, False): p0 * some(left - 1) / some(left)}

    def events(state: State) -> Iterator[Event]:
        left, incorrect = state
        leave = fix[k - left] if incorrect else damage[k - left]
        if incorrect:
            yield 1, None, leave * p0 ** (left - 1)
        if left > 1:
            another = some(left - 1) if incorrect else 1.0
            for then, chance in enter(left - 1).items():
                yield 1, then, leave * another * chance

    begin = {state: (1.0 - start.optimal) * p for state, p in enter(k).items()} | {None: start.optimal}
    idle = None if stalls is None else lambda state: stalls[0] if state[1] else stalls[1]
    return explored(begin, events, lam, source, most=most, idle=idle)


def correct_before_last(k: int, j: int) -> FloatArray:
    """Law of the number L of correct blocks before the last of j incorrect ones, 1 <= j <= k; float [k-j+1].

    P(L = x) = C(x+j-1, j-1)/C(k, j), from P(L = k-j) = j/k downwards; E[L] = j(k-j)/(j+1) (theory 2h).

    >>> correct_before_last(4, 1).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    x = np.arange(k - j, 0, -1, dtype=np.float64)
    ratios = np.cumprod(np.append(1.0, x / (x + j - 1)))[::-1]
    return np.asarray(ratios * (j / k))


def _exact_count(
    fix: float, resolve: tuple[float, float], skip: tuple[float, float], start: Start, lam: int
) -> AbsorbingChain:
    """The L correct blocks first, then the j incorrect ones: the parts are independent, so their order is free.

    `resolve` and `skip` are P(an incorrect, a correct block is left in a generation) and P(it is not).
    """
    j = start.most
    leave, stay = (
        np.append(np.full(j, one), np.full(start.k - j, other)) for one, other in zip(resolve, skip, strict=True)
    )
    begin = np.append(np.zeros(j - 1), correct_before_last(start.k, j))
    return death_chain(leave, fix, begin, 0.0, lam, stay)
