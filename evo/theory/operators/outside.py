"""Calls that change blocks outside their chunk: they break correct ones, or miss the block that was meant (4c, 5.3)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from evo.errors import NoPrediction
from evo.laws.special import MisalignedLaw, SpillLaw
from evo.theory.calls.gains import UNDERFLOW, check_run, stalls_of
from evo.theory.calls.starts import Start
from evo.theory.chains.explore import MAX_MOMENTS, Event, State, explored
from evo.theory.run_law import RunLaw, finished


def spill_only_incorrect(law: SpillLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, whose calls break each correct block outside w.p. s.

    From i incorrect blocks an offspring improves iff its block is fixed and none of the k-i correct ones breaks,
    w.p. a(1-s)^(k-i), and then by one; any other accepted offspring leaves i unchanged. So i is a Markov chain for
    strict and weak acceptance and every lam (theory 4c).

    Raises: NoPrediction if the chance that no block breaks is too small for floats.

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = SpillLaw(IndependentBlocks(0.5, 0.5), 0.1)
    >>> round(spill_only_incorrect(law, 4, Start(4)).hit.mean, 12)
    9.434842249657
    """
    return _spill(law, k, start, lam, drawn=False)


def spill_uniform_chunk(law: SpillLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """The same under UniformChunk, g = 1: an extra factor i/k, the chance to draw an incorrect block (theory 4c).

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = SpillLaw(IndependentBlocks(0.5, 0.5), 0.1)
    >>> round(spill_uniform_chunk(law, 4, Start(4)).hit.mean, 12)
    20.875171467764
    """
    return _spill(law, k, start, lam, drawn=True)


def _spill(law: SpillLaw, k: int, start: Start, lam: int, drawn: bool) -> RunLaw:
    check_run(k, start, lam)
    fix, rest = float(law.inside.pmf(1, 1)[1]), 1.0 - law.rate

    def improves(i: int) -> float:
        return fix * rest ** (k - i) * (i / k if drawn else 1.0)

    if fix > 0.0 and rest > 0.0 and improves(1) < UNDERFLOW:
        raise NoPrediction(f"the chance that none of {k} blocks breaks is below {UNDERFLOW:g}, too small for floats")
    miss = float(stalls_of(law.inside, 1)[0])

    def idle(i: int) -> float:
        """P(no improvement): another block is drawn, the block is not fixed, or some other one breaks."""
        breaks = -math.expm1((k - i) * math.log1p(-law.rate)) if law.rate < 1.0 else float(i < k)
        failed = miss + fix * breaks
        return (k - i) / k + i / k * failed if drawn else failed

    def events(i: int) -> Iterator[Event]:
        yield 1, i - 1 or None, improves(i)

    begin = {i or None: float(p) for i, p in enumerate(start.law())}
    return explored(begin, events, lam, "theory 4c", most=MAX_MOMENTS, idle=idle)


def misaligned_only_incorrect(law: MisalignedLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Law of a run of OnlyIncorrect, g = 1, whose calls w.p. r rewrite the next block instead (`by` = 1), k > 1.

    All blocks before the lowest incorrect one are correct. While the block after it is incorrect too, an offspring
    gains w.p. a, the lowest block w.p. a(1-r) and the next one w.p. ar; once the next one is correct, only aligned
    calls help. Of lam equally good offspring the first is taken. All incorrect, lam = 1: f(0) = 0, f(1) = 1/(a(1-r))
    and f(j) = 1/a + (1-r) f(j-1) + r (f(1) + f(j-2)).

    Raises: NoPrediction for exactly j incorrect blocks, for k = 1, for calls that miss by other than one block, or if
    the chain is too large.

    >>> from evo.laws.counts import IndependentBlocks
    >>> misaligned_only_incorrect(MisalignedLaw(IndependentBlocks(0.5, 0.5), 0.5, 1), 2, Start(2)).hit.mean
    6.0
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    if not start.independent:
        raise NoPrediction("misaligned calls under OnlyIncorrect need blocks independent at the start")
    if k == 1 or law.by % k != 1:
        raise NoPrediction(f"needs boundaries that miss by one block, got by = {law.by} with k = {k}")
    fix, p0 = float(law.inside.pmf(1, 1)[1]), start.correct_rate

    def begun(n: int) -> dict[State, float]:
        """The state of n blocks that are as at the start."""
        found: dict[State, float] = {None: p0**n}
        for left in range(n, 0 if p0 else max(n - 1, 0), -1):
            found |= {state: p0 ** (n - left) * (1.0 - p0) * share for state, share in at_block(left).items()}
        return found

    def at_block(n: int) -> dict[State, float]:
        """The state at an incorrect block: n blocks from it on, and whether the next one is incorrect."""
        return {(1, False): 1.0} if n == 1 else {(n, False): p0, (n, True): 1.0 - p0}

    def events(state: State) -> Iterator[Event]:
        n, next_incorrect = state
        if next_incorrect:
            yield 1, (n, False), fix * law.rate
        for then, chance in (at_block(n - 1) if next_incorrect else begun(max(n - 2, 0))).items():
            yield 1, then, fix * (1.0 - law.rate) * chance

    miss = float(stalls_of(law.inside, 1)[0])

    def idle(state: State) -> float:
        """P(no event): the block is not fixed, or one that is correct already was rewritten."""
        return miss if state[1] else miss + fix * law.rate

    return explored(begun(k), events, lam, "the chain of its lowest incorrect block", idle=idle)
