"""How likely an offspring replaces its parent if both are evaluated afresh, noisily or by a judge (theory 8a, 8c)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import InputError
from evo.laws.counts import binomial_pmf
from evo.protocols import FloatArray
from evo.theory.calls.voting import mean_votes, win_probability


def gaussian_acceptance(
    fitness: ArrayLike, sigma: float, m: int = 1, weak: bool = False, threshold: float = 0.0
) -> FloatArray:
    """P(accepted) = Phi((f_j - f_i - c) sqrt(m) / (sigma sqrt 2)), noise of parent and offspring (theory 8a, 17h).

    Args:
        fitness: float [k+1], true fitness by the number of incorrect blocks; k - i for BlockOneMax.
        sigma: standard deviation of one evaluation; at 0 the true values are compared.
        m: number of fresh evaluations averaged on each side.
        weak: whether an equal offspring is accepted; it matters at sigma = 0 only.
        threshold: c, by which an offspring must be seen better.

    Returns: float [k+1, k+1], row i the parent's number of incorrect blocks, column j the offspring's.

    Raises: InputError.

    >>> gaussian_acceptance([1.0, 0.0], sigma=1.0).round(6).tolist()
    [[0.5, 0.23975], [0.76025, 0.5]]
    """
    from scipy.special import ndtr

    values = np.asarray(fitness, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError(f"gaussian_acceptance: fitness must be finite numbers [k+1], got shape {values.shape}")
    if not 0.0 <= sigma < math.inf:
        raise InputError(f"gaussian_acceptance: sigma must be a finite number >= 0, got {sigma!r}")
    _check_repeats("gaussian_acceptance", m)
    gain = values[None, :] - values[:, None] - threshold
    if sigma == 0.0:
        return np.asarray(gain >= 0.0 if weak else gain > 0.0, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(ndtr(gain * math.sqrt(m / 2.0) / sigma))


def judged_acceptance(k: int, fp: float, fn: float, m: int = 1, weak: bool = False) -> FloatArray:
    """P(D' > D), D = Bin(mc, 1-fn) + Bin(m(k-c), fp): all k blocks of both sides are judged m times (theory 8c).

    Sums of non-negative terms only, so that small chances keep their digits down to 1e-300; of order k (km)^2
    products, half a second for k = 200, m = 30.

    Args:
        k: blocks.
        fp: P(an incorrect block is judged correct).
        fn: P(a correct block is judged incorrect).
        m: number of fresh judgements on each block, on each side.
        weak: whether an equal score is accepted, P(D' >= D).

    Returns: float [k+1, k+1], row i the parent's number of incorrect blocks, column j the offspring's.

    Raises: InputError.

    >>> judged_acceptance(1, fp=0.25, fn=0.125).tolist()
    [[0.109375, 0.03125], [0.65625, 0.1875]]
    """
    if k < 1:
        raise InputError(f"judged_acceptance: k must be a whole number >= 1, got {k!r}")
    _check_judge("judged_acceptance", fp, fn, m)
    scores = np.array([np.convolve(binomial_pmf(m * i, fp), _judged_right(m * (k - i), fn)) for i in range(k + 1)])
    return _chance_above(scores, scores, weak)


def judged_block_acceptance(k: int, fp: float, fn: float, m: int = 1, weak: bool = False) -> FloatArray:
    """P(accepted) if one block was rewritten and only it is judged, m times on each side, both afresh (theory 8c).

    i -> i-1: P(Bin(m, 1-fn) > Bin(m, fp)), at m = 1 (1-fn)(1-fp); i -> i+1: P(Bin(m, fp) > Bin(m, 1-fn)), at m = 1
    fp fn. Weak acceptance: >= for >, at m = 1 1 - fn fp and 1 - (1-fp)(1-fn).

    Args:
        k: blocks, called one at a time (g = 1).
        fp: P(an incorrect block is judged correct).
        fn: P(a correct block is judged incorrect).
        m: judgements on the block, on each side.
        weak: whether an equal score is accepted.

    Returns: float [k+1, k+1], row i the parent's number of incorrect blocks, column j the offspring's. All other
        entries are 0: from i to i it depends on the block, but no count moves; further no rewrite of one block leads.

    Raises: InputError.

    >>> judged_block_acceptance(2, fp=0.25, fn=0.125).tolist()
    [[0.0, 0.03125, 0.0], [0.65625, 0.0, 0.03125], [0.0, 0.65625, 0.0]]
    """
    if k < 1:
        raise InputError(f"judged_block_acceptance: k must be a whole number >= 1, got {k!r}")
    _check_judge("judged_block_acceptance", fp, fn, m)
    right, wrong = _judged_right(m, fn)[None, :], binomial_pmf(m, fp)[None, :]
    up, down = float(_chance_above(wrong, right, weak)[0, 0]), float(_chance_above(right, wrong, weak)[0, 0])
    return np.asarray(np.diag(np.full(k, up), -1) + np.diag(np.full(k, down), 1))


def majority_error(f: float, votes: int) -> float:
    """P(most of an odd number of judges err) = P(Bin(votes, f) > votes/2), each on its own w.p. f.

    Raises: InputError.

    >>> round(majority_error(0.25, 3), 12)
    0.15625
    """
    if votes < 1 or votes % 2 == 0 or not 0.0 <= f <= 1.0:
        raise InputError(
            f"majority_error: expected f in [0, 1] and an odd number of votes >= 1, got f={f!r}, votes={votes!r}"
        )
    return min(1.0, float(binomial_pmf(votes, f)[(votes + 1) // 2 :].sum()))  # a sum of all may round above 1


def ahead_error(f: float, ahead: int) -> float:
    """P(a verdict is wrong) = 1/(1 + ((1-f)/f)^K): judges that err w.p. f vote until one side leads by K (theory 9a).

    Raises: InputError.

    >>> round(1 / ahead_error(0.2, 3), 9)
    65.0
    """
    return win_probability(f, ahead)


def expected_votes(f: float, ahead: int) -> float:
    """Expected votes until one side leads by K, each wrong w.p. f; the same for f and 1-f (theory 9b).

    Raises: InputError.

    >>> round(expected_votes(0.2, 3), 9), expected_votes(0.5, 4)
    (4.846153846, 16.0)
    """
    return mean_votes(f, ahead)


def _judged_right(judgements: int, fn: float) -> FloatArray:
    """Law of the judgements "correct" on correct blocks: counted by their errors, as 1 - fn may have lost digits."""
    return binomial_pmf(judgements, fn)[::-1]


def _chance_above(parents: FloatArray, children: FloatArray, weak: bool) -> FloatArray:
    """P(child's score > parent's) for all pairs; laws [n, d] and [c, d] give [n, c]. `weak`: >=."""
    upto = np.cumsum(parents, axis=1)
    if not weak:
        upto = np.hstack([np.zeros((len(parents), 1)), upto[:, :-1]])
    return np.minimum(upto @ children.T, 1.0)


def _check_repeats(name: str, m: int) -> None:
    if not m >= 1 or m % 1:
        raise InputError(f"{name}: m must be a whole number >= 1, got {m!r}")


def _check_judge(name: str, fp: float, fn: float, m: int) -> None:
    _check_repeats(name, m)
    if not (0.0 <= fp <= 1.0 and 0.0 <= fn <= 1.0):
        raise InputError(f"{name}: fp and fn must be probabilities in [0, 1], got fp={fp!r}, fn={fn!r}")
