"""The engine `law`: runs drawn from declared laws, so that k with 2^k out of reach can be looked at.

Searches that are jump chains (`jumps.py`) are drawn improvement by improvement. Of others the time of the hit alone is
drawn from its predicted law, where that tells all that a run counts: such runs have no traces.

Such rows are no evidence for the prediction, since both are made from one declared law: each carries its engine, and
`check` refuses them. What is drawn agrees with the engine `blocks` where both can run, which is tested.
"""

from __future__ import annotations

import numpy as np

from evo.batch import Batch, RunCounts, Trace
from evo.costs.ledger import block_lengths
from evo.engine.law import books
from evo.errors import InputError, NoPrediction
from evo.evaluation import is_noisy
from evo.protocols import FloatArray, IntArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.seeding import streams
from evo.text import type_name
from evo.theory import TimeLaw
from experiments.grids.cell import Cell
from experiments.predictions.engine_law.jumps import JumpChain, jump_chain
from experiments.predictions.predict import predict
from experiments.predictions.setting import always_valid
from experiments.predictions.within_budget import generations_within

MOST = 2**62
"""The largest count of runs whose hit alone is drawn."""


def expect_drawable(cell: Cell) -> None:
    """Refuse a cell whose runs cannot be drawn exactly.

    Raises: InputError saying why.
    """
    if chain_of(cell) is None:
        law_of_hit(cell)


def chain_of(cell: Cell) -> JumpChain | None:
    """The jump chain of a cell's search; None if it is none.

    Raises: InputError where counts of a run follow neither from its improvements nor from its hit.
    """
    reason = _unfit(cell)
    if reason:
        raise _refusal(cell, reason)
    try:
        return jump_chain(cell.search)
    except NoPrediction:
        return None


def ends_by_itself(cell: Cell) -> bool:
    """Whether the jump chain of a cell tells that its mean is finite, without a prediction."""
    chain = chain_of(cell)
    return chain is not None and chain.process.ends


def law_of_hit(cell: Cell) -> TimeLaw:
    """The law that the hits of a cell are drawn from where its search is no jump chain.

    Raises: InputError where it is not known, or does not tell all that a run counts.
    """
    reason = _unfit(cell) or _unfit_by_hit(cell)
    if reason:
        raise _refusal(cell, reason)
    try:
        law = predict(cell, "hit").law
        if law is None:
            raise NoPrediction("only the mean of hit is known")
        law.cdf(1.0)  # or it raises
    except NoPrediction as error:
        raise _refusal(cell, f"draws from the predicted law of hit, which is not known ({error})") from None
    if not always_valid(cell):
        raise _refusal(
            cell,
            "needs a mutator whose law says that all answers are valid, for it does not draw which are, got "
            f"{cell.mutator!r:.200}",
        )
    return law


def _refusal(cell: Cell, reason: str) -> InputError:
    return InputError(f"{cell.short_name()}: the engine law {reason}; use the engine blocks")


def _unfit(cell: Cell) -> str:
    """Why counts of a run follow neither from its improvements nor from its hit, in words; empty if they may."""
    if type(cell.runner) is not OnePlusLambda:
        return f"needs the runner OnePlusLambda, whose calls follow from hit, got {type_name(type(cell.runner))}"
    if is_noisy(cell.problem):
        return f"needs exact evaluation, got {type_name(type(cell.problem))}, whose evaluations are not drawn"
    if block_lengths(cell.problem) is not None:
        return f"needs blocks of equal length, for it does not draw which are called, got {cell.problem!r:.200}"
    if hasattr(cell.mutator, "mean_calls"):
        return f"needs answers of one call each, got {type_name(type(cell.mutator))}, whose calls are not drawn"
    return ""


def _unfit_by_hit(cell: Cell) -> str:
    """Why counts do not follow from the hit alone, where it alone is drawn."""
    if cell.chunks.last < cell.chunks.g:
        return (
            f"needs chunks of equal length, g a divisor of k = {cell.problem.k}, for it does not draw which are "
            f"called, got g = {cell.chunks.g}"
        )
    return ""


def run_law_batch(cell: Cell, seed: int, batch: int, size: int) -> RunCounts:
    """One batch of runs of a cell.

    The last generation is paid whole. A budget ends a run as in the engine `blocks`: after the first generation that
    reaches it, and a hit in that one is a hit. So a larger budget prolongs the same runs.

    Args:
        cell: what to run.
        seed: of the grid.
        batch: number of the batch.
        size: runs.

    Raises: InputError where the runs cannot be drawn exactly; or, where their hits alone are drawn, exceed 2^62 calls.
    """
    chain = chain_of(cell)
    if chain is None:
        return _by_hit(cell, seed, batch, size)
    return _jumps(cell, chain, seed, batch, size, trace=False)[0]


def trace_law_batch(cell: Cell, seed: int, batch: int, size: int) -> tuple[RunCounts, Trace]:
    """The same runs with all their improvements.

    Raises: InputError where only the hits of the cell can be drawn.
    """
    chain = chain_of(cell)
    if chain is None:
        law_of_hit(cell)
        try:
            jump_chain(cell.search)
        except NoPrediction as error:
            raise _refusal(cell, f"draws of this cell when runs hit, not how they get there ({error})") from None
    assert chain is not None  # else refused
    counts, found = _jumps(cell, chain, seed, batch, size, trace=True)
    assert found is not None  # asked for
    return counts, found


def _jumps(
    cell: Cell, chain: JumpChain, seed: int, batch: int, size: int, trace: bool
) -> tuple[RunCounts, Trace | None]:
    """The runs of a jump chain."""
    drawn = Batch(streams(seed, cell.identity, batch), size, cell.limits, trace)
    try:
        counts, found = books.run_batch(chain.process, chain.fitness, cell.search.lengths.powers, drawn)
    except InputError as error:
        raise InputError(f"{cell.text}: {error}") from None
    return (counts if _most_tokens(cell, counts) < 2.0**63 else books.in_floats(counts)), found


def _most_tokens(cell: Cell, counts: RunCounts) -> float:
    """The largest number in the ledger of runs; where calls are alike it is one of the longest run."""
    calls, evaluations = counts.calls, counts.evaluations
    if counts.shortfalls is None and len(calls):
        calls, evaluations = calls.max(keepdims=True), evaluations.max(keepdims=True)
    return float(cell.tokens.ledger(calls, evaluations, counts.shortfalls).max(initial=0.0))


def _by_hit(cell: Cell, seed: int, batch: int, size: int) -> RunCounts:
    """Runs of which hit = the least t with P(hit <= t) >= U, U uniform; one draw a run."""
    law, lam = law_of_hit(cell), cell.runner.lam
    levels = streams(seed, cell.identity, batch).mutator.random(size)
    last = generations_within(cell)[1]
    within = int(min(lam * last, MOST))
    hit = quantiles(law, levels, within)
    late = hit > within
    if late.any() and lam * last > MOST:
        raise InputError(
            f"{cell.text}: a run came to more than 2^62 calls, which tables cannot hold; lower k, or give a "
            "Budget(calls=...)"
        )
    generations = np.where(late, within // lam, -(-hit // lam))
    calls = lam * generations
    return RunCounts(np.where(late, -1, hit), generations, calls, calls.copy())


def quantiles(law: TimeLaw, levels: FloatArray, most: int) -> IntArray:
    """For each level u the least whole t <= most with P(T <= t) >= u, most + 1 where there is none; int64 [n].

    All levels at once: an octave by its ends, then by halves, each time that several ask for once.

    Args:
        law: of T.
        levels: in [0, 1), float [n].
        most: at most 2^62.

    >>> from evo.theory import Geometric
    >>> quantiles(Geometric(0.5), np.array([0.0, 0.5, 0.51, 0.87, 0.99]), 5).tolist()
    [0, 1, 2, 3, 6]
    """
    ends = np.array([-1, 0, *(2**i for i in range(max(1, most).bit_length()) if 2**i < most), most], dtype=np.int64)
    low, high = np.full(len(levels), -1, dtype=np.int64), np.full(len(levels), most + 1, dtype=np.int64)
    for end in np.unique(ends[1:]):
        open_ = np.flatnonzero(high > most)
        if not len(open_):
            break
        reached = _reached(law, np.full(len(open_), end), levels[open_])
        high[open_[reached]], low[open_[~reached]] = end, end
    while len(wide := np.flatnonzero((high - low > 1) & (high <= most))):
        middle = low[wide] + (high[wide] - low[wide]) // 2
        reached = _reached(law, middle, levels[wide])
        high[wide[reached]], low[wide[~reached]] = middle[reached], middle[~reached]
    return high


def _reached(law: TimeLaw, times: IntArray, levels: FloatArray) -> np.ndarray:
    """Whether P(T <= t) >= u, judged from the smaller of cdf and tail; bool [n]."""
    different, which = np.unique(times, return_inverse=True)
    t = different.astype(np.float64)
    answer = np.empty(len(times), dtype=np.bool_)
    for small, side in ((True, law.cdf), (False, law.tail)):
        rows = np.flatnonzero((levels <= 0.5) == small)
        if len(rows):
            value = np.atleast_1d(side(t))[which[rows]]
            answer[rows] = value >= levels[rows] if small else value <= 1 - levels[rows]
    return answer
