"""Focused debugging whose repairs learn: repair c, counted over all functions, corrects its bug w.p. fix[c] (5.5).

Functions are no longer independent: what a repair comes to depends on how many were made before it. Without false
alarms only functions with a bug are repaired, and the numbers of bugs and of repairs are a chain. With false alarms the
order of the reports matters: those repaired early in a sweep are the likelier to have a bug in the next. Once the
totals of all sweeps are given, a chain along the functions knows the number of each repair.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import binomial_pmf
from evo.protocols import FloatArray
from evo.theory.systems.repairs import MOST_WORK

MOST_STEPS = 1 << 18
"""Steps of the chain: a second or two."""


@dataclass(frozen=True, eq=False)
class Learned:
    """Sweeps over functions with bugs, of which each repaired one is looked at again.

    Attributes:
        repairs: P(c repairs before the last sweep, r in it), float [c, r].
        done: P(all functions are correct in the end).
    """

    repairs: FloatArray
    done: float

    @property
    def looks_again(self) -> float:
        """Expected looks after those of the first sweep: one at each repair before the last sweep."""
        return float(np.arange(len(self.repairs)) @ self.repairs.sum(axis=1))

    @property
    def number(self) -> FloatArray:
        """P(so many repairs in all)."""
        return self.weighted(1, 1)

    def weighted(self, before: int, last: int) -> FloatArray:
        """The law of `before` times the repairs before the last sweep plus `last` times those in it."""
        c, r = np.indices(self.repairs.shape)
        return np.asarray(np.bincount((before * c + last * r).ravel(), weights=self.repairs.ravel()), dtype=np.float64)


def learned_sweeps(b: int, tries: int, miss: float, fix: FloatArray) -> Learned:
    """QA looks at b functions with a bug, then those that it reported are repaired, up to `tries` times.

    A chain on (bugs among those looked at, repairs made, whether none was overlooked): of j bugs r ~ Bin(j, 1 - miss)
    are reported, and those numbered c, .., c+r-1 are corrected independently w.p. fix[c], .., fix[c+r-1].

    Args:
        b: functions with a bug.
        tries: sweeps.
        miss: chance that a look overlooks a bug; a function that is not reported is not looked at again.
        fix: of repair c, float [b tries].

    Raises: NoPrediction where b and tries are too many.

    >>> made = learned_sweeps(1, 2, miss=0.0, fix=np.array([0.5, 0.75]))  # right at once, or by the second repair
    >>> made.done, made.number.tolist(), made.looks_again
    (0.875, [0.0, 0.5, 0.5], 1.0)
    """
    if (b * tries) ** 2 > MOST_STEPS:
        raise NoPrediction(f"learning: {b} bugs and {tries} tries are too many repairs to follow one by one")
    most = b * (tries - 1)
    each = _reports(b, miss)
    none_missed = np.diag(np.diagonal(each))
    of_all, of_right = np.zeros((2, most + 1, b + 1))  # of all runs and of the right ones, by repairs made, bugs left
    of_all[0, b] = of_right[0, b] = 1.0
    for sweep in range(tries - 1):
        made = b * sweep
        of_all, of_right = _swept(of_all @ each, fix, made), _swept(of_right @ none_missed, fix, made)
    corrected = np.stack([np.append(1.0, np.cumprod(fix[c : c + b])) for c in range(most + 1)])
    return Learned(of_all @ each, float((of_right @ none_missed * corrected).sum()))


def learned_with_alarms(k: int, b: int, tries: int, miss: float, alarm: float, fix: FloatArray, keep: float) -> Learned:
    """The same where QA cries wolf: k functions in random order, b of them with a bug.

    For given totals R_1 >= .. of the repairs in all sweeps but the last, a chain along the functions on (bugs met,
    repairs made so far in each sweep): the next one has a bug w.p. bugs left over functions left; its repair in sweep s
    has the number R_1 + .. + R_(s-1) + those made before it in that sweep. The chance of the totals is that of ending
    with them.

    Args:
        k: functions.
        b: functions with a bug.
        tries: sweeps.
        miss: chance that a look overlooks a bug.
        alarm: chance that it reports one that is none.
        fix: of repair c, float [k tries].
        keep: chance that a correct function stays correct in a repair.

    Raises: NoPrediction where functions and tries are too many.

    >>> made = learned_with_alarms(2, 1, 1, 0.0, 1.0, np.array([0.5, 1.0]), keep=0.8)
    >>> round(made.done, 9), made.number.tolist()  # 0.8 (0.5 + 1)/2; both are reported
    (0.6, [0.0, 0.0, 1.0])
    """
    totals = tries - 1
    if k * (b + 1) * (k + 1) * ((k + 1) ** 2 / 2) ** totals / math.factorial(totals) > MOST_WORK:
        raise NoPrediction(
            f"learning: {k} functions, {b} of them with a bug, and {tries} tries with false alarms are too many to "
            "follow one by one"
        )
    repairs, done = np.zeros((k * totals + 1, k + 1)), 0.0
    for before in itertools.combinations_with_replacement(range(k, -1, -1), totals):
        ends, right = _along_functions(k, b, before, miss, alarm, fix, keep)
        repairs[sum(before)] += ends
        done += float(right.sum())
    return Learned(repairs, done)


def _along_functions(
    k: int, b: int, before: tuple[int, ...], miss: float, alarm: float, fix: FloatArray, keep: float
) -> FloatArray:
    """P(these repairs in all sweeps but the last, r in it), of all runs and of those that end right; float [2, k+1]."""
    made = (*before, k)  # most repairs of each sweep
    state = np.zeros((2, b + 1, *(most + 1 for most in made)))
    state.reshape(2, -1)[:, 0] = 1.0
    kinds = [_reported(bug, before, k, miss, alarm, fix, keep) for bug in (0.0, 1.0)]
    for met in range(k):
        bugs_left = (b - np.arange(b + 1.0)).reshape(-1, *(1,) * len(made))
        share = np.clip(bugs_left / (k - met), 0.0, 1.0)
        after = np.zeros_like(state)
        for bug, chances in enumerate(kinds):
            here = state * (share if bug else 1.0 - share)
            for times, chance in enumerate(chances):
                one_more = [False, bool(bug), *(times > sweep for sweep in range(len(made)))]
                to = tuple(slice(1, None) if more else slice(None) for more in one_more)
                of = tuple(slice(None, -1) if more else slice(None) for more in one_more)
                after[to] += (here * chance[:, None])[of]
        state = after
    ended = state[:, b]
    for total in before:
        ended = ended[:, total]
    return ended


def _reported(
    bug: float, before: tuple[int, ...], k: int, miss: float, alarm: float, fix: FloatArray, keep: float
) -> list[FloatArray]:
    """P(a function is reported so many times), and P(.. and is correct in the end), by the repairs made before it.

    Each float [2, R_1 + 1, .., k + 1], of the repairs made so far in each sweep.
    """
    made = (*before, k)
    shape = tuple(most + 1 for most in made)
    buggy, clean = np.full(shape, bug), np.full(shape, 1.0 - bug)
    found = []
    for sweep, most in enumerate(made):
        found.append(np.stack((miss * buggy + (1.0 - alarm) * clean, (1.0 - alarm) * clean)))
        number = np.minimum(sum(before[:sweep]) + np.arange(most + 1), len(fix) - 1)
        fixed = fix[number].reshape(-1, *(1,) * (len(made) - 1 - sweep))
        buggy, clean = (1.0 - miss) * buggy, alarm * clean
        buggy, clean = (1.0 - fixed) * buggy + (1.0 - keep) * clean, fixed * buggy + keep * clean
    return [*found, np.stack((buggy + clean, clean))]


def _reports(b: int, miss: float) -> FloatArray:
    """P(r of j bugs are reported), float [b+1, b+1], a row for each j = 0..b."""
    chances = np.zeros((b + 1, b + 1))
    for j in range(b + 1):
        chances[j, : j + 1] = binomial_pmf(j, 1.0 - miss, miss)
    return chances


def _swept(reported: FloatArray, fix: FloatArray, made: int) -> FloatArray:
    """The chances of c repairs made and j bugs left after a sweep, of c made before, at most `made`, and r reported."""
    after = np.zeros_like(reported)
    b = reported.shape[1] - 1
    for c in range(made + 1):
        left = np.eye(1, b + 1)[0]  # of r that are repaired
        for r in range(b + 1):
            after[c + r] += reported[c, r] * left
            if r < b:
                chance = fix[c + r]
                left = chance * left + (1.0 - chance) * np.append(0.0, left[:-1])
    return after
