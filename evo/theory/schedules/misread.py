"""UntilResolved that takes malformed output for a fall of the fitness: the trap of theory 4b."""

from __future__ import annotations

import math

import numpy as np

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.theory.calls.gains import at_least_once, check_run
from evo.theory.calls.starts import Start
from evo.theory.chains.last_generation import LastGeneration
from evo.theory.run_law import RunLaw, finished, no_short_chunk
from evo.theory.schedules.sweep import HORIZON
from evo.theory.times.derived import MomentsOnly


def until_misread(law: CallLaw, k: int, start: Start, lam: int = 1) -> RunLaw:
    """Mean of a run of UntilResolved(invalid="down"), g = 1.

    A visit to an incorrect block ends it fixed w.p. s = A/(A+B), A = 1-(1-a)^lam, B = (1-a)^lam - (1-a-e)^lam, and
    takes Geom(A+B) generations either way; a visit to a correct one takes Geom(1-(1-d-e)^lam). The numbers of visits
    V_m ~ Geom(s) that the blocks need are independent, and visit c of block m takes place unless all blocks are
    fixed before it: E is the sum over visits of P(it takes place) E[its length].

    Raises: NoPrediction for exactly j incorrect blocks, and where the sum is too long.

    >>> from evo.laws.counts import IndependentBlocks
    >>> from evo.laws.mixtures import Invalid
    >>> round(until_misread(Invalid(0.1, IndependentBlocks(0.5, 0.5)), 4, Start(4)).hit.mean, 12)
    11.0754853612
    """
    check_run(k, start, lam)
    if start.most == 0:
        return finished(lam)
    if not start.independent:
        raise NoPrediction("misread malformed output: the sum over visits needs blocks independent at the start")
    wrong, right = law.pmf(1, 1), law.pmf(1, 0)
    fix, damage, bad = float(wrong[1]), float(right[0]), max(0.0, 1.0 - float(wrong.sum()))
    fixed, leave = float(at_least_once(fix, lam)), float(at_least_once(min(1.0, fix + bad), lam))
    skip = float(at_least_once(min(1.0, damage + max(0.0, 1.0 - float(right.sum()))), lam))
    missing = 'UntilResolved(invalid="down") beyond the mean'
    if fix == 0.0:
        return _known(math.inf, math.inf, missing, lam)
    share = fixed / leave
    open_rate = 1.0 - start.correct_rate
    at_fixed = _visits_to_fixed(k, share, open_rate)
    if at_fixed > 0.0 and skip == 0.0:
        return _known(math.inf, math.inf, missing, lam)
    mean = k * open_rate / share / leave + (at_fixed / skip if at_fixed > 0.0 else 0.0)
    last = float(LastGeneration.of(np.array([fix]), lam).mean[0])
    return _known(mean, lam * mean - (1.0 - start.optimal) * (lam - last), missing, lam)


def _visits_to_fixed(k: int, share: float, open_rate: float) -> float:
    """Expected visits to blocks that are fixed already: sum over visits (c, m) of P(m is fixed, another is not)."""
    sweeps = 2 if share == 1.0 else math.ceil((42.0 + math.log(k)) / -math.log1p(-share)) + 2
    if sweeps * k > HORIZON:
        raise NoPrediction(f"the sum over visits would take {sweeps * k:.2g} terms, more than {HORIZON}")
    total, m = 0.0, np.arange(k)
    for first in range(0, sweeps, step := max(1, (1 << 20) // k)):
        c = np.arange(first, min(first + step, sweeps), dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            before = open_rate * np.where(c > 0, np.exp(c * np.log1p(-share)), 1.0)
            after = open_rate * np.exp((c + 1) * np.log1p(-share))
            ahead, behind = np.log1p(-after), np.log1p(-before)
            others = np.where(m > 0, m * ahead[:, None], 0.0)
            others = others + np.where(m < k - 1, (k - 1 - m) * behind[:, None], 0.0)
        total += float(((1.0 - before)[:, None] * -np.expm1(others)).sum())
    return total


def _known(generations: float, hit: float, missing: str, lam: int) -> RunLaw:
    return RunLaw(MomentsOnly(missing, hit), MomentsOnly(missing, generations), no_short_chunk, "theory 4b", lam)
