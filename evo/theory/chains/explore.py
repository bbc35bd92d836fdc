"""Laws of runs from what one offspring may do: the states that can be met are explored, and make an absorbing chain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.gains import best_of, never_once
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain, check_floats
from evo.theory.chains.moves import Moves
from evo.theory.run_law import Process, RunLaw, finished, no_short_chunk

State = Any  # anything hashable; None is the optimum
Event = tuple[int, Any, float]  # rank, next state, probability
MAX_MOMENTS = 1 << 17  # states of a chain of which only moments are asked for
SUM_TOLERANCE = 1e-9  # by which probabilities may sum to more or less than 1


def explored(
    begin: Mapping[State, float],
    events: Callable[[State], Iterable[Event]],
    lam: int = 1,
    source: str = "",
    short: Callable[[State], float] | None = None,
    most: int = MAX_STATES,
    idle: Callable[[State], float] | None = None,
) -> RunLaw:
    """Law of a (1+lambda)-EA on any small states, from the events of one offspring.

    Of lam offspring the highest rank takes place, and among equal ranks the first (theory 1f); an offspring without an
    event leaves the state as it is. With fitness as the rank this is the elitist choice; with one rank for all events
    the first offspring that has an event decides.

    Args:
        begin: probabilities of the initial states; None is the optimum. They sum to 1.
        events: (rank, next state, probability) of one offspring in a state; never called with None. Events may repeat.
        lam: offspring a generation. For lam > 1 the optimum has the highest rank of those possible.
        source: label of the formula.
        short: P(a call goes to the shorter last chunk) in a state; None if there is no such chunk.
        idle: P(one offspring has no event) in a state, where it is known to more digits than 1 minus the events' sum.
        most: states explored; above MAX_STATES (up to MAX_MOMENTS, in seconds) moments are known, but no distribution.

    Raises: NoPrediction beyond `most` states; InputError if the probabilities do not fit.

    Blocks called in turn from the first, begun anew after a failure (theory 10a), (1/2^-4 - 1)/(1 - 1/2) calls:

    >>> explored({0: 1.0}, lambda row: [(1, row + 1 if row < 3 else None, 0.5), (1, 0, 0.5)]).hit.mean
    30.0
    """
    if abs(sum(begin.values()) - 1.0) > SUM_TOLERANCE:
        raise InputError(f"explored: expected initial probabilities that sum to 1, got the sum {sum(begin.values())!r}")
    place, moves = _explore(begin, events, lam, most, idle)
    if not place:
        return finished(lam)
    chain = _chain(place, moves, begin, lam)
    check_floats(chain)

    def short_calls() -> float:
        assert short is not None
        return lam * chain.expected(np.array([short(state) for state in place]))

    last_chunk = no_short_chunk if short is None else short_calls
    return RunLaw(chain.hit, chain.generations, last_chunk, source, lam, Process(tuple(place), chain))


@dataclass(frozen=True)
class _Moves:
    """What a generation does in a state.

    Attributes:
        to: probabilities of the other states.
        finish: P(the optimum).
        hit: P(one offspring is the optimum).
        decides: P(one offspring has the rank of the optimum).
        stay: P(the state is kept).
    """

    to: dict[State, float]
    finish: float
    hit: float
    decides: float
    stay: float


def _explore(
    begin: Mapping[State, float],
    events: Callable[[State], Iterable[Event]],
    lam: int,
    most: int,
    idle: Callable[[State], float] | None,
) -> tuple[dict[State, int], list[_Moves]]:
    """All states that a run can meet, by their number, and the moves out of each."""
    place = {state: number for number, state in enumerate(s for s, p in begin.items() if s is not None and p > 0.0)}
    order, moves = list(place), []
    for state in order:  # grows while it is read
        moves.append(_generation(state, events(state), lam, None if idle is None else idle(state)))
        for to in moves[-1].to:
            if to not in place:
                place[to] = len(order)
                order.append(to)
        if len(order) > most:
            raise NoPrediction(f"the exact chain of this run has more than {most} states")
    return place, moves


def _generation(state: State, events: Iterable[Event], lam: int, idle: float | None) -> _Moves:
    """The best of lam offspring: F(r)^lam - F(r-)^lam for each rank r, shared among its events."""
    chances: dict[tuple[int, State], float] = {}
    each: dict[int, float] = {}
    for rank, target, chance in events:
        if chance > 0.0:
            chances[rank, target] = chances.get((rank, target), 0.0) + chance
            each[rank] = each.get(rank, 0.0) + chance
        elif not chance >= -SUM_TOLERANCE:
            raise InputError(f"explored: state {state!r} has an event of probability {chance!r}")
    if not sum(each.values()) <= 1.0 + SUM_TOLERANCE:
        raise InputError(f"explored: the events of state {state!r} have probabilities that sum to more than 1")
    scale = _scale(each, lam)
    stay = float(never_once(min(1.0, sum(each.values())), lam, idle))
    to: dict[State, float] = {}
    finish = hit = decides = 0.0
    for (rank, target), chance in chances.items():
        if target is None:
            if lam > 1 and rank < max(each):
                raise InputError(f"explored: in state {state!r} the optimum has rank {rank}, others have {max(each)}")
            finish, hit, decides = finish + scale[rank] * chance, hit + chance, each[rank]
        elif target != state:
            to[target] = to.get(target, 0.0) + scale[rank] * chance
        else:
            stay += scale[rank] * chance
    return _Moves(to, finish, hit, decides, stay)


def _scale(each: Mapping[int, float], lam: int) -> dict[int, float]:
    """By rank: P(the best of lam offspring has the rank) over P(one offspring has it)."""
    if lam == 1:
        return dict.fromkeys(each, 1.0)
    ranks = sorted(each)
    if len(ranks) == 1:  # often, and ten times as fast
        one_chance = each[ranks[0]]
        some = -math.expm1(lam * math.log1p(-one_chance)) if one_chance < 1.0 else 1.0
        return {ranks[0]: some / one_chance}
    one = np.array([each[rank] for rank in ranks])
    return dict(zip(ranks, (best_of(one, lam) / one).tolist(), strict=True))


def _chain(place: dict[State, int], moves: list[_Moves], begin: Mapping[State, float], lam: int) -> AbsorbingChain:
    rows = np.repeat(np.arange(len(place)), [len(one.to) for one in moves])
    columns = np.array([place[to] for one in moves for to in one.to], dtype=np.int64)
    step = Moves.listed(len(place), rows, columns, _numbers(p for one in moves for p in one.to.values()))
    start = _numbers(begin.get(state, 0.0) for state in place)
    names = ("finish", "hit", "decides", "stay")
    finish, hit, decides, stay = (_numbers(getattr(one, name) for one in moves) for name in names)
    same = lam == 1 or bool((hit == decides).all())
    return AbsorbingChain(step, finish, hit, start, float(begin.get(None, 0.0)), lam, None if same else decides, stay)


def _numbers(values: Iterable[float]) -> FloatArray:
    return np.fromiter(values, dtype=np.float64)
