"""Debugging by a QA and a debugger that err: how many calls each makes, and whether the code is right in the end.

A look of QA at what has a bug reports one w.p. 1 - miss; where there is none it cries wolf w.p. alarm. The naive QA,
who looks at all functions at once, does so also where it overlooked them all; the focused QA does not. A repair
corrects the reported bug w.p. fix, and each correct function that it rewrites stays correct w.p. keep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import binomial_pmf
from evo.protocols import FloatArray

MOST_WORK = 1 << 27  # multiplications of the chain of whole rewrites: about a second
MOST_CALLS = 1 << 13  # of a law of the calls on single functions


@dataclass(frozen=True, eq=False)
class WholeRewrites:
    """Looks at the whole code and rewrites of it, one after the other.

    Attributes:
        looks: P(QA makes its look i+1), float [rounds].
        repairs: P(the debugger makes its call i+1), float [rounds].
        done: P(no bug is left, and the context sufficed).
        calls: P(so many calls are made), float [most + 1].
    """

    looks: FloatArray
    repairs: FloatArray
    done: float
    calls: FloatArray


def whole_rewrites(
    k: int,
    b: int,
    miss: float,
    alarm: float,
    fix: FloatArray,
    keep: float,
    votes: int = 1,
    fitting: tuple[int, int] | None = None,
) -> WholeRewrites:
    """The naive system: QA looks, the debugger rewrites all, until QA reports nothing or the rounds are over.

    The chain on the number j of bugs: a report on a real one takes j to j - Bin(1, fix) + Bin(k-j, 1-keep), a false one
    to j + Bin(k-j, 1-keep).

    Args:
        k: functions.
        b: bugs at the start.
        miss: of a look, votes counted already.
        alarm: of a look, likewise.
        fix: of each round, float [rounds].
        keep: of each correct function in a rewrite.
        votes: calls of each look.
        fitting: the number of looks and of repairs whose calls are not longer than the context; None: all.

    Raises: NoPrediction if k and the rounds are too many.

    >>> made = whole_rewrites(3, 2, miss=0.0, alarm=0.0, fix=np.array([0.5, 0.5, 0.5]), keep=1.0)
    >>> made.looks.tolist(), made.repairs.tolist(), made.done  # two bugs in three rounds: 1/4 + 1/4
    ([1.0, 1.0, 1.0], [1.0, 1.0, 0.75], 0.5)
    """
    rounds = len(fix)
    most = b if keep == 1.0 else k
    if rounds * (most + 1) ** 2 > MOST_WORK:
        raise NoPrediction(
            f"{rounds} rewrites of {k} functions that may break: {most + 1} numbers of bugs are too many to follow"
        )
    last_look, last_repair = fitting or (rounds, rounds)
    worse = _broken(k, most, keep)
    bugs = np.zeros(most + 1)
    bugs[b] = 1.0
    looks, repairs = np.zeros(rounds), np.zeros(rounds)
    calls, done = np.zeros((votes + 1) * rounds + 1), 0.0
    ended = 0.0  # as long as no run has ended, looks and repairs are certain, whatever the sums round to
    for i in range(rounds):
        before = (votes + 1) * i
        if i >= last_look:
            calls[before] += bugs.sum()
            break
        looks[i] = min(1.0, bugs.sum()) if ended else 1.0
        real = (1.0 - miss) * bugs
        real[0] = 0.0
        unseen = np.append(bugs[0], miss * bugs[1:])
        calls[before + votes] += (1.0 - alarm) * unseen.sum()
        done += float((1.0 - alarm) * unseen[0])
        ended += float((1.0 - alarm) * unseen.sum())
        if i >= last_repair:
            calls[before + votes] += float(real.sum() + alarm * unseen.sum())
            break
        corrected = (fix[i] * real) @ worse  # a function that is corrected in this call is not broken by it
        bugs = np.append(corrected[1:], 0.0) + ((1.0 - fix[i]) * real + alarm * unseen) @ worse
        repairs[i] = min(1.0, float(real.sum() + alarm * unseen.sum())) if ended else 1.0
    else:
        calls[-1] += bugs.sum()
        done += float(bugs[0])
    return WholeRewrites(looks, repairs, done, calls)


def _broken(k: int, most: int, keep: float) -> FloatArray:
    """P(j bugs become j + Bin(k-j, 1-keep)), float [most + 1, most + 1]."""
    if keep == 1.0:
        return np.eye(most + 1)
    change = np.zeros((most + 1, most + 1))
    for j in range(most + 1):
        change[j, j:] = binomial_pmf(k - j, 1.0 - keep, keep)
    return change


@dataclass(frozen=True, eq=False)
class OneFunction:
    """Looks at one function and repairs of it, until QA reports nothing or the tries are over.

    Attributes:
        repairs: P(so many repairs), float [tries + 1]; looks are one more, at most `tries`.
        right: P(the function is correct in the end).
    """

    repairs: FloatArray
    right: float

    @property
    def looks(self) -> FloatArray:
        """How many looks go with each number of repairs, float [tries + 1]."""
        tries = len(self.repairs) - 1
        return np.asarray(np.minimum(np.arange(tries + 1) + 1.0, tries))

    @property
    def mean_repairs(self) -> float:
        """Expected repairs."""
        return float(np.arange(len(self.repairs)) @ self.repairs)

    @property
    def mean_looks(self) -> float:
        """Expected looks."""
        return float(self.looks @ self.repairs)

    def calls(self, votes: int) -> FloatArray:
        """P(so many calls), float [votes tries + tries + 1], where a look is `votes` calls."""
        tries = len(self.repairs) - 1
        pmf = np.zeros((votes + 1) * tries + 1)
        for repairs, (looks, chance) in enumerate(zip(self.looks, self.repairs, strict=True)):
            pmf[votes * int(looks) + repairs] += chance
        return pmf


def one_function(buggy: bool, tries: int, miss: float, alarm: float, fix: float, keep: float) -> OneFunction:
    """The focused system on one function: a report leads to a repair, which QA looks at again if tries remain.

    >>> made = one_function(True, 2, miss=0.0, alarm=0.0, fix=0.5, keep=1.0)
    >>> made.repairs.tolist(), made.right, made.mean_looks
    ([0.0, 0.5, 0.5], 0.75, 2.0)
    """
    bug, clean, right = float(buggy), 1.0 - float(buggy), 0.0
    repairs = np.zeros(tries + 1)
    for made in range(tries):
        repairs[made] = miss * bug + (1.0 - alarm) * clean
        right += (1.0 - alarm) * clean
        bug, clean = (1.0 - miss) * bug, alarm * clean
        bug, clean = (1.0 - fix) * bug + (1.0 - keep) * clean, fix * bug + keep * clean
    repairs[tries] = bug + clean
    return OneFunction(repairs, right + clean)


def calls_of_functions(functions: list[tuple[int, OneFunction]], votes: int) -> FloatArray | None:
    """P(so many calls on all functions), None where there are more than 8,192.

    Args:
        functions: how many of each kind, and what one of them takes.
        votes: calls of a look.

    >>> made = one_function(True, 1, miss=0.5, alarm=0.0, fix=1.0, keep=1.0)
    >>> calls_of_functions([(2, made)], votes=1).tolist()
    [0.0, 0.0, 0.25, 0.5, 0.25]
    """
    if sum(number * (len(each.repairs) - 1) * (votes + 1) for number, each in functions) > MOST_CALLS:
        return None
    total = np.ones(1)
    for number, each in functions:
        total = np.asarray(np.convolve(total, _power(each.calls(votes), number)))
    return total


def _power(pmf: FloatArray, copies: int) -> FloatArray:
    """The probabilities of the sum of independent copies, by repeated squaring: all terms are positive."""
    total, square = np.ones(1), pmf
    while copies:
        if copies & 1:
            total = np.asarray(np.convolve(total, square))
        copies >>= 1
        if copies:
            square = np.asarray(np.convolve(square, square))
    return total
