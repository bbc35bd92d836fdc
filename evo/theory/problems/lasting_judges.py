"""Judges whose errors last: one verdict for ever on each text of a block (theory 8e).

An incorrect text is judged correct w.p. fp, a correct one incorrect w.p. fn; the initial texts are judged like all
others, and the seen fitness is the number of blocks judged correct. With g = 1 and strict acceptance an offspring is
accepted if and only if its block was judged incorrect before and is judged correct now, so that a block of the current
solution is of one of four kinds, and moves between them only as written:

* right, judged right: never replaced.
* wrong, judged right: dead, never replaced either, and the run never hits.
* wrong, judged wrong ("open"): if called, right and judged right w.p. a(1-fn), dead w.p. (1-a)fp.
* right, judged wrong ("shaky"): if called, right and judged right w.p. b(1-fn), dead w.p. (1-b)fp.

The hit is when the current solution is first truly optimal: nothing open, nothing dead; shaky blocks may be left. It
is infinite unless fp = 0: P(never) is the tail at infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evo.errors import InputError
from evo.laws.counts import FloatArray, binomial_pmf
from evo.protocols import IntArray
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import AbsorbingChain, check_states, death_chain
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.times.derived import NEVER, defective


@dataclass(frozen=True)
class LastingJudge:
    """A mutator of single blocks and the judge of its texts.

    Attributes:
        fix: a, P(a rewrite of an incorrect block is correct).
        keep: b, P(a rewrite of a correct block is correct).
        fp: P(an incorrect text is judged correct).
        fn: P(a correct text is judged incorrect).
    """

    fix: float
    keep: float
    fp: float
    fn: float

    def __post_init__(self) -> None:
        for name in ("fix", "keep", "fp", "fn"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"LastingJudge: {name} must be in [0, 1], got {getattr(self, name)!r}")

    @property
    def settle(self) -> tuple[float, float]:
        """P(a call makes an open block right and judged so), P(it makes it dead)."""
        return self.fix * (1.0 - self.fn), (1.0 - self.fix) * self.fp

    @property
    def shake(self) -> tuple[float, float]:
        """The same for a shaky block."""
        return self.keep * (1.0 - self.fn), (1.0 - self.keep) * self.fp


def accepted_calls(fix: float, fp: float, fn: float) -> float:
    """Expected calls on a block until a rewrite is judged correct: 1/(a(1-fn) + (1-a)fp) (theory 8e, 9d).

    >>> accepted_calls(0.5, fp=1 / 65, fn=1 / 65)
    2.0
    """
    good, bad = LastingJudge(fix, 0.0, fp, fn).settle
    return math.inf if good + bad == 0.0 else 1.0 / (good + bad)


def accepted_correct(fix: float, fp: float, fn: float) -> float:
    """P(the first rewrite that is judged correct is so): a(1-fn)/(a(1-fn) + (1-a)fp) (theory 8e, 9d).

    0 if no rewrite is ever judged correct. Asking the same judge again does not help.

    >>> accepted_correct(0.5, fp=0.25, fn=0.25)
    0.75
    """
    good, bad = LastingJudge(fix, 0.0, fp, fn).settle
    return good / (good + bad) if good > 0.0 else 0.0


def persistent_only_incorrect(judge: LastingJudge, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1: the oracle knows the truth, the runner the verdicts only.

    The lowest incorrect block is called, for ever if it is dead; shaky blocks are not. The calls until a text is judged
    correct do not depend on whether it is, so from j incorrect blocks, s = a(1-fn) + (1-a)fp,

        P(generations <= t) = ((1-fp) a(1-fn)/s)^j P(NB(j, 1-(1-s)^lam) <= t).

    `hit` is the number of the call whose offspring becomes the optimal current solution.

    Raises: InputError.

    >>> run = persistent_only_incorrect(LastingJudge(0.5, 0.5, fp=0.25, fn=0.25), 2, Start(2))
    >>> float(run.hit.tail(math.inf)), run.hit.quantile(0.3)
    (0.68359375, 8.0)
    """
    check_run(k, start, lam)
    good, bad = judge.settle
    rate = good + bad
    leave = np.full(start.most, float(at_least_once(min(rate, 1.0), lam)))
    return _independent(judge, start, leave, rate, lam)


def persistent_uniform(judge: LastingJudge, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of UniformChunk, g = 1, as a chain on (open, shaky) blocks and one state for all with a dead block.

    From y open and x shaky blocks an offspring is accepted with y - 1 open w.p. (y/k) a(1-fn), with x - 1 shaky w.p.
    (x/k) b(1-fn), with a dead one w.p. (y/k) (1-a)fp + (x/k) (1-b)fp; the first accepted one of lam replaces the
    parent. Without shaky blocks (all incorrect at the start, or fn = 0), or if they can neither die nor use up a
    generation, it is the chain of j = y blocks whose P(never) is 1 - ((1-fp) a(1-fn)/s)^j, as for OnlyIncorrect.

    `hit` is the number of the call whose offspring becomes the optimal current solution.

    Raises: InputError; NoPrediction if the chain has too many states.

    >>> run = persistent_uniform(LastingJudge(0.5, 0.5, fp=0.25, fn=0.25), 2, Start(2, incorrect=1))
    >>> round(float(run.hit.tail(math.inf)), 12)
    0.455078125
    """
    check_run(k, start, lam)
    good, bad = judge.settle
    saved, lost = judge.shake
    no_shaky = judge.fn == 0.0 or start.incorrect == k or (start.incorrect is None and start.p0 == 0.0)
    if start.most == 0 or no_shaky or (lost == 0.0 and (lam == 1 or saved == 0.0)):
        rate = (good + bad) / k
        return _independent(judge, start, at_least_once(np.minimum(rate * _range(start.most), 1.0), lam), rate, lam)
    chain = _shaky_chain(judge, k, start, lam)
    return RunLaw(chain.hit, chain.generations, no_short_chunk, "theory 8e, chain on kinds of blocks", lam)


def _range(most: int) -> FloatArray:
    return np.arange(1, most + 1, dtype=np.float64)


def _independent(judge: LastingJudge, start: Start, leave: FloatArray, last: float, lam: int) -> RunLaw:
    """Each of j blocks is settled well w.p. c, whenever it is: the death chain from P(j) c^j, made infinite else.

    Args:
        judge: the judge.
        start: the initial law.
        leave: P(a generation settles one of j blocks), [most].
        last: P(an offspring settles the last one).
        lam: offspring a generation.
    """
    if start.most == 0:
        return finished(lam)
    good, bad = judge.settle
    counts = start.law()[: start.most + 1]
    doomed = judge.fp + (1.0 - judge.fp) * (bad / (good + bad)) if good > 0.0 else 1.0
    chances, misses = _powers((1.0 - judge.fp) * good / (good + bad) if good > 0.0 else 0.0, doomed, start.most)
    weights, never = counts * chances, float(counts @ misses)
    if weights.sum() == 0.0:
        return RunLaw(NEVER, NEVER, no_short_chunk, "theory 8e", lam)
    weights = weights / weights.sum()
    chain = death_chain(leave, min(last, 1.0), weights[1:], float(weights[0]), lam)
    return RunLaw(defective(chain.hit, never), defective(chain.generations, never), no_short_chunk, "theory 8e", lam)


def _shaky_chain(judge: LastingJudge, k: int, start: Start, lam: int) -> AbsorbingChain:
    from scipy.sparse import coo_array

    most = start.most
    least = 0 if start.incorrect is None else start.incorrect
    widths = [k - max(y, least) + 1 for y in range(most + 1)]  # shaky blocks 0..k-j, j >= y were incorrect
    first = np.concatenate([[0, 1], 1 + np.cumsum(widths[1:])])
    states = int(first[-1])
    check_states(states, "a persistent judge under UniformChunk")
    good, bad = judge.settle
    saved, lost = judge.shake
    y = np.concatenate([[0], np.repeat(np.arange(1, most + 1), widths[1:])])
    x = np.arange(states) - first[y]
    accept = np.minimum((y * (good + bad) + x * (saved + lost)) / k, 1.0)
    # the chance of a move by one offspring, to that of a generation: only one of the accepted ones is taken
    scale = np.divide(at_least_once(accept, lam), accept, out=np.zeros(states), where=accept > 0.0)
    alive = np.arange(1, states)
    settled, calmed = alive[y[1:] > 1], alive[x[1:] > 0]
    rows = np.concatenate([settled, calmed, alive])
    columns = np.concatenate([first[y[settled] - 1] + x[settled], calmed - 1, np.zeros_like(alive)])
    chances = np.concatenate([y[settled] * good, x[calmed] * saved, y[alive] * bad + x[alive] * lost]) / k
    step = coo_array((chances * scale[rows], (rows, columns)), shape=(states, states)).tocsr()
    hit = np.where(y == 1, good / k, 0.0)
    begin, optimal = _shaky_start(judge, start, first, states)
    return AbsorbingChain(step, hit * scale, hit, begin, optimal, lam, accept)


def _shaky_start(judge: LastingJudge, start: Start, first: IntArray, states: int) -> tuple[FloatArray, float]:
    """Initial law of the states, and P(optimal): j incorrect blocks are all open w.p. (1-fp)^j, else one is dead."""
    counts, begin = start.law()[: start.most + 1], np.zeros(states)
    open_chance, dead_chance = _powers(1.0 - judge.fp, judge.fp, start.most)
    begin[0] = counts @ dead_chance
    for j in np.flatnonzero(counts[1:]) + 1:
        shaky = binomial_pmf(start.k - int(j), judge.fn)
        begin[first[j] : first[j] + len(shaky)] = counts[j] * open_chance[j] * shaky
    return begin, float(counts[0])


def _powers(chance: float, miss: float, j: int) -> tuple[FloatArray, FloatArray]:
    """chance^0..chance^j and 1 minus them, each without cancellation; chance + miss = 1.

    >>> _powers(0.75, 0.25, 2)[1].round(12).tolist()
    [0.0, 0.25, 0.4375]
    """
    exponents = np.arange(j + 1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(chance) if chance < 0.5 else np.log1p(-miss)
        logs = np.where(exponents > 0.0, exponents * log, 0.0)
    return np.exp(logs), 0.0 - np.expm1(logs)
