"""Sorting by comparisons of two, some of them wrong: laws of their number, and P(the order is right) (theory 18a).

A comparator that errs w.p. e, independently, spoils the order as soon as it errs: what a merge has put the wrong way
round no later merge compares again. So the order is right w.p. E[(1-e)^C], C the number of comparisons without errors.

The number of comparisons with errors has another law, since errors change which run is used up first. It is known where
the answers say nothing (e = 1/2) or all (e = 0, 1), and by enumeration up to 10 documents. A recursion over merges on
places alone cannot give it for other e: whether the documents at the heads of two runs are in order depends on all that
was compared before, and each order in which a run may stand leads to another law. (Of 5 documents that are merged with
5 in order, at e = 1/4, all 120 orders lead to different mean numbers of comparisons; a test counts them.) So the
recursion has to carry the law of the whole order of a run, n! states. Nor is the chance of a single order easily had:
it is the sum over the true orders of (1-e)^agreeing e^differing, over the comparisons that lead to it, which for e -> 0
counts the linear extensions of a partial order, a #P-complete task in general (Brightwell and Winkler, Order 8, 1991).
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np

from evo.errors import InputError, NoPrediction
from evo.protocols import FloatArray
from evo.theory.calls.voting import win_probability
from evo.theory.times.finite import FiniteLaw

MOST_DOCUMENTS = 1024
"""Documents whose law of comparisons is computed: convolutions of some n lg n numbers."""
MOST_ENUMERATED = 10
"""Documents whose orders are enumerated where the comparator errs: a second; 12 would take minutes, 16 months."""
MOST_AT_ONCE = 5
"""Documents whose orders are enumerated in no time."""
MOST_AHEAD = 1000
"""Lead of a vote that is tried to reach a target."""


def worst_comparisons(n: int) -> int:
    """The most comparisons of merge sort: n ceil(lg n) - 2^ceil(lg n) + 1 (theory 18a).

    >>> [worst_comparisons(n) for n in (1, 2, 3, 8, 1000)]
    [0, 1, 3, 17, 8977]
    """
    _expect_documents(n)
    levels = (n - 1).bit_length()
    return n * levels - (1 << levels) + 1


def merge_comparisons(a: int, b: int) -> FloatArray:
    """Law of the comparisons that merge two sorted runs whose orders are all equally likely; float [a+b].

    A merge takes a + b - r of them, r = what is left over at the end:
    P(the last r all from the second run) = C(a+b-r-1, a-1)/C(a+b, a), and with a, b exchanged (theory 18a).

    >>> merge_comparisons(1, 2).round(6).tolist()
    [0.0, 0.333333, 0.666667]
    """
    law = np.zeros(a + b)
    for other in (a, b):
        left = np.arange(1, other)
        # C(N-r-2, a-1)/C(N-r-1, a-1) = (b-r)/(N-r-1), from a b/(N(N-1)) at r = 1
        ratios = np.concatenate(([1.0], np.cumprod((other - left) / (a + b - left - 1.0))))
        law[a + b - np.arange(1, other + 1)] += a * b / ((a + b) * (a + b - 1.0)) * ratios
    return law


def fair_merge_comparisons(a: int, b: int) -> FloatArray:
    """The same for a comparator that tosses a coin, e = 1/2: P(r left of the second) = C(a+b-r-1, a-1) 2^-(a+b-r).

    >>> fair_merge_comparisons(1, 2).tolist()
    [0.0, 0.5, 0.5]
    """
    law = np.zeros(a + b)
    for one, other in ((a, b), (b, a)):
        lost = np.arange(other)  # of the other run, when the last of this one has gone
        ratios = np.concatenate(([1.0], np.cumprod((one + lost[:-1]) / (2.0 * (lost[:-1] + 1)))))
        law[one + lost] += 0.5**one * ratios
    return law


def comparisons(n: int, e: float = 0.0) -> FiniteLaw:
    """Law of merge sort's number of comparisons, halves n//2 and n - n//2, all orders equally likely (theory 18a).

    A convolution down the tree where the comparator never errs, always errs (which sorts the other way round) or tosses
    a coin. For other e the orders of up to 10 documents are enumerated; why not more, the module says.

    Args:
        n: documents, 1 to 1024.
        e: probability that a comparison is wrong.

    Raises: NoPrediction for other e and n > 10, with bounds of the mean; InputError for n that are none.

    >>> round(comparisons(64).mean, 9), round(comparisons(8, 0.25).mean, 6), round(comparisons(4).mean, 9)
    (305.051455734, 15.010793, 4.666666667)
    """
    _expect_documents(n)
    _expect_probability(e)
    if n > MOST_DOCUMENTS:
        raise NoPrediction(f"comparisons: the law is computed for n <= {MOST_DOCUMENTS:,}, got n = {n:,}")
    if e in (0.0, 0.5, 1.0):
        return FiniteLaw.of(_tree(n, e == 0.5))
    if n > MOST_ENUMERATED:
        least, most = mean_comparisons_between(n, e)
        raise NoPrediction(
            f"comparisons: with errors, e = {e:g}, the law is known for n <= {MOST_ENUMERATED} (by enumeration of all "
            f"n! orders, each of which leads to a law of its own), got n = {n}; its mean lies from {least:.6g} to "
            f"{most:.6g}; for e = 0, 1/2 and 1 the law is known for any n, and P(the order is right) for any e"
        )
    return FiniteLaw.of(_with_errors(n, e))


def mean_comparisons_between(n: int, e: float) -> tuple[float, float]:
    """Bounds of the mean number of comparisons with errors, for any n and e: narrow where few sorts have an error.

    The means of both halves, and that of the last merge of runs of a <= b: E[M (1-e)^C] + (1 - E[(1-e)^C]) times a and
    a + b - 1, M and C its comparisons and all, without errors. For w.p. (1-e)^C a sort goes as without errors, and else
    a merge takes some number that is possible. e and 1 - e have the same law, of orders that are reversed.

    >>> [round(bound, 3) for bound in mean_comparisons_between(8, 0.01)]  # the mean is 15.692
    [15.364, 15.802]
    """
    if n <= MOST_AT_ONCE:
        mean = comparisons(n, e).mean
        return mean, mean
    half, rest, right = n // 2, n - n // 2, 1.0 - min(e, 1.0 - e)
    number = np.arange(n)
    as_without = merge_comparisons(half, rest) * right**number
    as_without *= comparisons(half).transform(right) * comparisons(rest).transform(right)
    others = max(0.0, 1.0 - float(as_without.sum()))
    halves = zip(mean_comparisons_between(half, e), mean_comparisons_between(rest, e), strict=True)
    least, most = (float(sum(means) + number @ as_without) for means in halves)
    return least + others * half, most + others * (n - 1)


def sorted_right(n: int, e: float) -> float:
    """P(merge sort gives the right order) = E[(1-e)^C], C as without errors (theory 18a).

    >>> [round(sorted_right(n, 0.01), 6) for n in (1, 8, 16)]
    [1.0, 0.85379, 0.631901]
    """
    _expect_probability(e)
    return min(1.0, comparisons(n).transform(1.0 - e)) if e > 0.0 else 1.0


def best_right(n: int, e: float) -> float:
    """P(a knock-out finds the best of n): (1-e)^depth, ceil(lg n) w.p. 2(n - 2^f)/n, else f = floor(lg n) (18a).

    >>> best_right(1, 0.1), round(best_right(4, 0.1), 9), round(best_right(6, 0.1), 9)
    (1.0, 0.81, 0.756)
    """
    _expect_documents(n)
    _expect_probability(e)
    floor = n.bit_length() - 1
    deeper = 2 * (n - (1 << floor)) / n
    return float((1.0 - e) ** floor * (1.0 - deeper * e))


def rounds(n: int, e: float = 0.0) -> FiniteLaw:
    """Law of the makespan of merge sort: both halves at the same time, the comparisons of a merge one by one.

    max(halves) + merge; about 2n, where all comparisons together are n lg n (the paper's Section 5.2). Known for a
    comparator that never errs, always errs or tosses a coin: else what a merge takes depends on its halves.

    Raises: NoPrediction for other e, or n > 1,024; InputError for n that are none.

    >>> [round(rounds(n).mean, 6) for n in (1, 2, 4, 64)]
    [0.0, 1.0, 3.666667, 118.450072]
    """
    _expect_documents(n)
    if n > MOST_DOCUMENTS:
        raise NoPrediction(f"rounds: the law is computed for n <= {MOST_DOCUMENTS:,}, got n = {n:,}")
    if e not in (0.0, 0.5, 1.0):
        raise NoPrediction(f"rounds: with errors, e = {e:g}, the law is known for e = 1/2 and 1 alone")
    return FiniteLaw.of(_rounds(n, e == 0.5))


def least_lead(n: int, e: float, target: float) -> int:
    """The least K with P(right order) >= target, each comparison a vote first to ahead by K (theory 9a, 18a).

    It grows as ln n: about ln(n lg n / -ln target) / ln((1-e)/e).

    Raises: InputError unless 0 <= e < 1/2 and 0 < target < 1.

    >>> [least_lead(n, 0.2, 0.95) for n in (2, 16, 128, 1024)]
    [3, 5, 7, 9]
    """
    if not 0.0 <= e < 0.5 or not 0.0 < target < 1.0:
        raise InputError(
            f"least_lead: expected 0 <= e < 1/2 and 0 < target < 1, got e = {e!r}, target = {target!r}; at e = 1/2 no "
            "lead helps"
        )
    law = comparisons(n)
    for ahead in range(1, MOST_AHEAD + 1):
        if law.transform(1.0 - vote_error(e, ahead)) >= target:
            return ahead
    raise InputError(f"least_lead: no lead up to {MOST_AHEAD:,} reaches {target!r} with e = {e!r}; lower e or target")


def vote_error(e: float, ahead: int) -> float:
    """P(a vote first to ahead by K is wrong), its single answers wrong w.p. e (theory 9a).

    >>> round(vote_error(0.2, 3), 9)
    0.015384615
    """
    return win_probability(e, ahead, q=1.0 - e)


@lru_cache(maxsize=256)
def _tree(n: int, fair: bool) -> FloatArray:
    """The law of all comparisons: that of a merge convolved with those of its halves, down the tree."""
    if n == 1:
        return np.ones(1)
    merge = fair_merge_comparisons if fair else merge_comparisons
    half, rest = n // 2, n - n // 2
    return np.convolve(np.convolve(_tree(half, fair), _tree(rest, fair)), merge(half, rest))


@lru_cache(maxsize=256)
def _rounds(n: int, fair: bool) -> FloatArray:
    if n == 1:
        return np.ones(1)
    half, rest = n // 2, n - n // 2
    longer = _rounds(rest, fair)
    shorter = np.zeros(len(longer))
    shorter[: len(_rounds(half, fair))] = _rounds(half, fair)
    before = (np.cumsum(law) - law for law in (longer, shorter))  # P(X < t)
    less_long, less_short = before
    most = longer * shorter + longer * less_short + shorter * less_long
    return np.convolve(most, (fair_merge_comparisons if fair else merge_comparisons)(half, rest))


@lru_cache(maxsize=256)
def _with_errors(n: int, e: float) -> FloatArray:
    """The law by all orders that merges of halves can give: which one a half is in depends on its comparisons."""
    if n == 1:
        return np.ones(1)
    half, rest = n // 2, n - n // 2
    one, two = _orders(half, e), _orders(rest, e)
    order_one, order_two = np.array(list(one)), np.array(list(two))
    last = np.zeros((len(one), len(two), n))
    sets = list(itertools.combinations(range(n), half))
    for ranks in sets:  # of the first half, all equally likely
        first = np.array(ranks)[order_one][:, None, :, None]
        second = np.setdiff1d(np.arange(n), ranks)[order_two][None, :, None, :]
        last += _last_merge(np.where(first < second, 1.0 - e, e)) / len(sets)
    before = itertools.product(one.values(), two.values())
    law = np.zeros(worst_comparisons(n) + 1)
    for (each, other), merge in zip(before, last.reshape(-1, n), strict=True):
        law += np.convolve(np.convolve(each, other), merge)
    return law


def _last_merge(first: FloatArray) -> FloatArray:
    """Laws of the comparisons of merges, [..., a+b], of the chances [..., a, b] that i of one run goes before j."""
    *shape, a, b = first.shape
    law = np.zeros((*shape, a + b))
    reached = {(0, 0): np.ones(shape)}
    for i, j in itertools.product(range(a), range(b)):
        here = reached.pop((i, j))
        for to, chance in (((i + 1, j), here * first[..., i, j]), ((i, j + 1), here * (1.0 - first[..., i, j]))):
            if to[0] == a or to[1] == b:
                law[..., i + j + 1] += chance
            else:
                reached[to] = reached.get(to, 0.0) + chance
    return law


@lru_cache(maxsize=256)
def _orders(n: int, e: float) -> dict[tuple[int, ...], FloatArray]:
    """P(merge sort gives this order of 0..n-1, with c comparisons), by the order; float [n lg n]."""
    if n == 1:
        return {(0,): np.ones(1)}
    half = n // 2
    found: dict[tuple[int, ...], FloatArray] = {}
    sets = list(itertools.combinations(range(n), half))
    size = worst_comparisons(n) + 1
    for (one, first), (two, second) in itertools.product(_orders(half, e).items(), _orders(n - half, e).items()):
        before = np.convolve(first, second) / len(sets)
        for ranks in sets:
            others = [rank for rank in range(n) if rank not in ranks]
            for order, chance, taken in _merges([ranks[i] for i in one], [others[i] for i in two], e):
                row = found.setdefault(order, np.zeros(size))
                row[taken : taken + len(before)] += chance * before
    return found


def _merges(one: list[int], two: list[int], e: float) -> list[tuple[tuple[int, ...], float, int]]:
    """Orders that merging two runs can give, each with its probability and its comparisons."""
    if not one or not two:
        return [((*one, *two), 1.0, 0)]
    first = 1.0 - e if one[0] < two[0] else e
    ends = []
    for chance, head, rest in ((first, one[0], (one[1:], two)), (1.0 - first, two[0], (one, two[1:]))):
        ends += [((head, *order), chance * p, taken + 1) for order, p, taken in _merges(*rest, e)]
    return ends


def _expect_documents(n: int) -> None:
    if n < 1:
        raise InputError(f"sorting: expected n >= 1 documents, got n = {n!r}")


def _expect_probability(e: float) -> None:
    if not 0.0 <= e <= 1.0:
        raise InputError(f"sorting: expected e to be a probability in [0, 1], got e = {e!r}")
