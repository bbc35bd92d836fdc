"""The evidence of a series: which likelihood each of its cells has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import FloatArray, IntArray
from experiments.fits.evidence.cells import Evidence, Hits, Kind, Means, Tables, joined
from experiments.fits.evidence.censoring import RootTable, median_table, root_table
from experiments.fits.evidence.spreads import log_error, smoothed
from experiments.fits.quantities import MEDIAN

if TYPE_CHECKING:
    from experiments.fits.series import Series

LEAST_VARIANCE = 1 / 12
"""Of a whole number that was the same in every run."""
ROUNDING = 1e-9
"""Relative error of a mean of runs that were all the same, and of a law that meets it."""
FEWEST_RUNS = 100
"""Runs a cell from which the spread of runs says how far their mean may be off."""
FEW_STEPS = 1.5
"""Mean trials of a run up to which a sample variance says little of its law."""
FAR = 5.0
"""Standard errors that a sample variance may be off that of runs without memory."""

HITS = "binomial likelihood of hits out of trials, censored runs included; every call hits with the same probability"
MEANS = "means of runs, Gamma likelihood with the relative variance of the runs"
CENSORED = "; censored runs by the predicted law up to its scale"
ASSUMED = "; censored runs by a Gamma law, which is assumed"
MEDIANS = "medians, binomial likelihood of the runs below; of any law, censored runs included"
ROUNDED = "all runs of a cell came out the same: a law meets every mean up to rounding"


def evidence_of(part: Series) -> tuple[Evidence, str]:
    """What the runs of a series say of the means of its cells, and by which likelihood."""
    if part.statistic == MEDIAN:
        return _of_medians(part), MEDIANS
    if part.exact:
        error = np.sqrt(LEAST_VARIANCE * part.unit**2 / part.runs) / part.mean
        known = Means(part.mean, np.full(len(part.x), ROUNDING**2), np.full(len(part.x), np.inf))
        return joined(part.x, [(range(len(part.x)), known)], error), ROUNDED
    if part.memoryless and is_memoryless(part):
        return joined(part.x, [(range(len(part.x)), Hits(part.runs - part.censored, part.trials, part.unit))]), HITS
    whole, cut = np.flatnonzero(part.censored == 0), np.flatnonzero(part.censored > 0)
    kinds: list[tuple[list[int], Kind]] = []
    if len(whole):
        squares, freedom = _spreads(part, whole)
        kinds.append((whole.tolist(), Means(part.mean[whole], squares / part.runs[whole], freedom)))
    method = MEANS
    if len(cut):
        made = [root_table(part.samples[i], float(part.reach[i]), float(part.unit[i]), part.shapes[i]) for i in cut]
        kinds.append((cut.tolist(), _tables(made)))
        method += ASSUMED if any(each.assumed for each in made) else CENSORED
    return joined(part.x, kinds), method


def _of_medians(part: Series) -> Evidence:
    made = [median_table(sample) for sample in part.samples]
    return joined(part.x, [(range(len(part.x)), _tables(made))])


def _tables(made: list[RootTable]) -> Tables:
    grids, roots, best, _ = zip(*made, strict=True)
    return Tables(grids, roots, np.array(best))


def _spreads(part: Series, whole: IntArray) -> tuple[FloatArray, FloatArray]:
    mean, unit = part.mean[whole], part.unit[whole]
    squares = np.maximum(part.variance[whole], LEAST_VARIANCE * unit**2) / mean**2
    usable = part.samples and part.statistic != "ERT"
    errors = np.array([log_error(part.samples[i]) if usable else 4 / part.runs[i] for i in whole])
    return smoothed(part.x[whole], squares, errors)


def is_memoryless(part: Series) -> bool:
    """Whether the spread of the runs is that of geometric times, as the predicted law says, where all runs hit."""
    for i in np.flatnonzero((part.censored == 0) & (part.trials / part.runs > FEW_STEPS)):
        steps = part.mean[i] / part.unit[i]
        expected = part.unit[i] ** 2 * steps * (steps - 1)
        ratio = part.variance[i] / expected
        error = max(log_error(part.samples[i]) if part.samples else 0.0, 8 / part.runs[i])
        if ratio <= 0 or abs(np.log(ratio)) > FAR * np.sqrt(error):
            return False
    return True
