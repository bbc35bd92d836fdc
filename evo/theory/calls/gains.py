"""What calls do to one chunk: best-of-lam offspring, the chain of a chunk, and when its count does not matter."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import InputError, NoPrediction
from evo.laws.counts import CallLaw, IndependentBlocks
from evo.laws.declared import SoundLaw
from evo.laws.mixtures import BetaQualityLaw, ComponentLaw, Invalid, Mixture, invalid_share, misses_of
from evo.protocols import FloatArray
from evo.theory.calls.starts import Start

UNDERFLOW = 1e-305  # a product of positive probabilities below this may have become 0 or lost its digits
NEVER = 1e-200


def check_run(k: int, start: Start, lam: int) -> None:
    """Check that the start is one of k blocks and lam is a whole number >= 1.

    Raises: InputError.
    """
    if start.k != k:
        raise InputError(f"the start has k={start.k} blocks, the run k={k}")
    if lam < 1:
        raise InputError(f"lam must be a whole number >= 1, got {lam}")


def at_least_once(chance: float | FloatArray, lam: int) -> FloatArray:
    """1 - (1-chance)^lam (theory 1c), without cancellation.

    >>> float(at_least_once(0.5, 2))
    0.75
    """
    p = np.minimum(np.asarray(chance, dtype=np.float64), 1.0)  # sums of many chances pass 1 by rounding
    if lam == 1:
        return np.asarray(p)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(lam * np.log1p(-p)))


def never_once(chance: float | FloatArray, times: ArrayLike, miss: ArrayLike | None = None) -> FloatArray:
    """(1-chance)^times, 1 for no times; `miss` is 1 - chance where it is known to more digits than chance has room for.

    >>> float(never_once(0.5, 2)), float(never_once(1.0, 2, 1e-20)), float(never_once(1.0, 0))
    (0.25, 1e-40, 1.0)
    """
    p, n = np.minimum(np.asarray(chance, dtype=np.float64), 1.0), np.asarray(times, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        never = np.exp(n * np.log1p(-p))
        if miss is not None:
            never = np.where(p < 0.5, never, np.asarray(miss, dtype=np.float64) ** n)
        return np.asarray(np.where(n > 0, never, 1.0))


def best_of(gains: FloatArray, lam: int) -> FloatArray:
    """Law of the largest gain among lam offspring, from that of one; index v-1 for gain v >= 1 (theory 1f).

    P(best = v) = F(v)^lam - F(v-1)^lam = F(v)^lam (1 - (1 - P(v)/F(v))^lam), F the cdf of one offspring's gain.

    >>> best_of(np.array([0.5, 0.25]), 2).round(12).tolist()
    [0.5, 0.4375]
    """
    if lam == 1:
        return gains
    above = np.append(np.cumsum(gains[:0:-1])[::-1], 0.0)
    below = 1.0 - above
    share = np.divide(gains, below, out=np.zeros_like(gains), where=below > 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(lam * np.log1p(-np.minimum(above, 1.0))) * at_least_once(np.minimum(share, 1.0), lam))


def gains_of(law: CallLaw, g: int, most: int | None = None, ever: bool = True) -> list[FloatArray]:
    """For i = 0..most incorrect blocks the probabilities that one offspring gains 1..i; list of float [i].

    Args:
        law: of one call.
        g: blocks of a chunk.
        most: incorrect blocks at the most; g unless said.
        ever: whether it matters that a gain is possible at all. Within a budget it does not: what has a chance below
            1e-200 a call happens w.p. 1e-180 in any number of calls that 64 bits hold.

    Raises: NoPrediction where a state seems stuck only because its probabilities are below the smallest float.
    """
    gains = [np.zeros(0)]
    for i in range(1, (g if most is None else most) + 1):
        gains.append(_gain(law, g, i, law.pmf(g, i), ever))
    return gains


def gains_and_stalls(law: CallLaw, g: int, most: int | None = None) -> tuple[list[FloatArray], FloatArray]:
    """`gains_of` and `stalls_of` of a law, which is asked once for each number of incorrect blocks.

    Raises: NoPrediction, as `gains_of`.

    >>> gains, stalls = gains_and_stalls(IndependentBlocks(0.5, 1.0), 2)
    >>> gains[2].tolist(), stalls.tolist()
    ([0.5, 0.25], [0.5, 0.25])
    """
    gains, stalls = [np.zeros(0)], []
    for i in range(1, (g if most is None else most) + 1):
        pmf = np.asarray(law.pmf(g, i), dtype=np.float64)
        gains.append(_gain(law, g, i, pmf))
        stalls.append(_stall(law, g, i, pmf))
    return gains, np.array(stalls)


def _gain(law: CallLaw, g: int, i: int, pmf: FloatArray, ever: bool = True) -> FloatArray:
    gain = np.asarray(pmf[g - i + 1 :], dtype=np.float64)
    if not ever:
        return np.where(gain < NEVER, 0.0, gain)
    if gain.sum() < UNDERFLOW:
        _check_underflow(law, g, i)
    return gain


def _stall(law: CallLaw, g: int, i: int, pmf: FloatArray) -> float:
    return float(pmf[: g - i + 1].sum()) + invalid_share(law, g, pmf)


def stalls_of(law: CallLaw, g: int, most: int | None = None) -> FloatArray:
    """P(one offspring gains nothing) for i = 1..most incorrect blocks; a sum, not 1 minus the gains; float [most].

    >>> stalls_of(IndependentBlocks(1.0, 1.0, miss=1e-20), 1).tolist()
    [1e-20]
    """
    found = []
    for i in range(1, (g if most is None else most) + 1):
        found.append(_stall(law, g, i, np.asarray(law.pmf(g, i), dtype=np.float64)))
    return np.array(found)


def completion(law: CallLaw, g: int, most: int) -> float | None:
    """P(one offspring of a chunk completes it) if that is the same for 1..most incorrect blocks, else None (theory 1a).

    Raises: NoPrediction if it is too small for floats.

    >>> round(completion(IndependentBlocks(0.5, 0.5), 10, 10) * 2**10, 12)
    1.0
    """
    same = float(law.pmf(g, most)[g])
    if not forgetful(law) and any(float(law.pmf(g, i)[g]) != same for i in range(1, most)):
        return None
    if same < UNDERFLOW:
        _check_underflow(law, g, most)
    return same


def incompletion(law: CallLaw, g: int, most: int) -> float:
    """P(one offspring does not complete a chunk with `most` incorrect blocks), a sum; see `completion`.

    >>> incompletion(IndependentBlocks(0.5, 0.5), 2, 2)
    0.75
    """
    pmf = np.asarray(law.pmf(g, most), dtype=np.float64)
    return float(pmf[:g].sum()) + invalid_share(law, g, pmf)


def forgetful(law: CallLaw) -> bool:
    """Whether fix = keep is known to hold, so that a call forgets which blocks were correct.

    >>> forgetful(Invalid(0.1, IndependentBlocks(0.5, 0.5))), forgetful(IndependentBlocks(0.5, 0.9))
    (True, False)
    """
    if type(law) is SoundLaw or type(law) is Invalid:
        return forgetful(law.law)
    if type(law) is Mixture:
        return all(forgetful(part) for part in law.laws)
    if type(law) is IndependentBlocks:
        return law.fix == law.keep and law.miss == law.damage
    return type(law) is BetaQualityLaw


def chunk_steps(gains: list[FloatArray], lam: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Step [n, n], finish [n] and offspring_hit [n] of one chunk, state i-1 for i incorrect blocks (theory 3a)."""
    most = len(gains) - 1
    step, finish, hit = np.zeros((most, most)), np.zeros(most), np.zeros(most)
    for i in range(1, most + 1):
        best = best_of(gains[i], lam)
        step[i - 1, : i - 1] = best[-2::-1]
        finish[i - 1], hit[i - 1] = best[-1], gains[i][-1]
    return step, finish, hit


def block_chances(law: CallLaw, g: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """(P(incorrect after), P(correct after)) a call on g blocks, for a correct and for an incorrect block.

    For a law without components: the chances in a call on a single block.

    >>> block_chances(IndependentBlocks(0.5, 0.75), 4)
    ((0.25, 0.75), (0.5, 0.5))
    """
    if isinstance(law, ComponentLaw):
        weights, fix, keep = law.components(g)
        miss, damage = misses_of(law, (weights, fix, keep), g)
        chances = [(float(weights @ q), float(weights @ p)) for p, q in ((keep, damage), (fix, miss))]
    else:
        chances = [(float(pmf[0]), float(pmf[1])) for pmf in (law.pmf(1, 0), law.pmf(1, 1))]
    return chances[0], chances[1]


def _check_underflow(law: CallLaw, g: int, i: int) -> None:
    """Tell a true zero from an underflow by the chances of single blocks."""
    (_, keep), (_, fix) = block_chances(law, g)
    possible = fix > 0.0 and (keep > 0.0 or i == g)
    if possible and g * np.log(min(fix, keep or 1.0)) < np.log(UNDERFLOW):
        raise NoPrediction(
            f"the chance of improving {i} incorrect of {g} blocks is below {UNDERFLOW:g}, too small for floats"
        )
