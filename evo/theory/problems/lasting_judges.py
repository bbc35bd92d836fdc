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
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evo.errors import InputError
from evo.laws.counts import binomial_pmf
from evo.theory.calls.gains import check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES
from evo.theory.chains.explore import MAX_MOMENTS, Event, State, explored
from evo.theory.run_law import RunLaw

DEAD = "dead"
"""A block that is wrong and judged right is never replaced: such a run never hits."""


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
    """Law of a run of OnlyIncorrect, g = 1: the oracle knows the truth, the runner the judgements only.

    The lowest incorrect block is called, for ever if it is dead; shaky blocks are not. The calls until a text is judged
    correct do not depend on whether it is, so from j incorrect blocks, s = a(1-fn) + (1-a)fp,

        P(generations <= t) = ((1-fp) a(1-fn)/s)^j P(NB(j, 1-(1-s)^lam) <= t).

    `hit` is the number of the call whose offspring becomes the optimal current solution.

    Raises: InputError.

    >>> run = persistent_only_incorrect(LastingJudge(0.5, 0.5, fp=0.25, fn=0.25), 2, Start(2))
    >>> float(run.hit.tail(math.inf)), run.hit.quantile(0.3)
    (0.68359375, 8.0)
    """
    return _judged(judge, k, start, lam, drawn=False)


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
    return _judged(judge, k, start, lam, drawn=True)


def _judged(judge: LastingJudge, k: int, start: Start, lam: int, drawn: bool) -> RunLaw:
    """The chain on (open, shaky) blocks; of lam offspring the first that is accepted decides.

    Shaky blocks are counted where they are called, and can die or use up a generation.
    """
    check_run(k, start, lam)
    good, bad = judge.settle
    saved, lost = judge.shake
    counted = drawn and (lost > 0.0 or (lam > 1 and saved > 0.0))

    def events(state: State) -> Iterator[Event]:
        if state == DEAD:
            return
        y, x = state
        draw = y / k if drawn else 1.0
        yield 1, (y - 1, x) if y > 1 else None, draw * good
        yield 1, DEAD, draw * bad + x / k * lost
        if x:
            yield 1, (y, x - 1), x / k * saved

    counts = start.law()
    begin: dict[State, float] = {None: float(counts[0]), DEAD: 0.0}
    log_alive = math.log1p(-judge.fp) if judge.fp < 1.0 else -math.inf
    for j in range(1, start.most + 1):
        begin[DEAD] -= float(counts[j]) * math.expm1(j * log_alive)
        shaky = binomial_pmf(k - j, judge.fn) if counted else np.ones(1)
        alive = float(counts[j]) * math.exp(j * log_alive)
        begin |= {(j, x): alive * p for x, p in enumerate(shaky.tolist())}
    return explored(
        begin, events, lam, "theory 8e, chain on kinds of blocks", most=MAX_STATES if counted else MAX_MOMENTS
    )
