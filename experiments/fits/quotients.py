"""The quotient of two series: how a speed-up grows along a parameter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from experiments.fits.series import Series
from experiments.fits.tails import Tail


def quotient(above: Series, below: Series) -> Series:
    """The mean of one series over that of another where both have cells; its variance by the delta method.

    (E1/E2)^2 (v1/(n1 E1^2) + v2/(n2 E2^2)) is the variance of the quotient of the means of n1 and n2 runs; it counts as
    that of the mean of min(n1, n2) runs. Censored runs and heavy tails of either refuse a fit as in one series.
    """
    shared = np.intersect1d(above.x, below.x)
    i, j = (np.searchsorted(each.x, shared) for each in (above, below))
    runs = np.minimum(above.runs[i], below.runs[j])
    with np.errstate(all="ignore"):  # a mean of 0 below gives no quotient, which a fit refuses
        mean = above.mean[i] / below.mean[j]
        squares = above.variance[i] / (above.runs[i] * above.mean[i] ** 2)
        squares = squares + below.variance[j] / (below.runs[j] * below.mean[j] ** 2)
        unit = mean * np.maximum(above.unit[i] / above.mean[i], below.unit[j] / below.mean[j])
    tails = [(above.tails[p], below.tails[q]) for p, q in zip(i, j, strict=True)]
    return replace(
        above,
        label=f"{above.label} / {below.label}",
        arm=f"{above.arm} / {below.arm}",
        x=shared,
        cells=tuple(above.cells[p] for p in i),
        runs=runs,
        censored=above.censored[i] + below.censored[j],
        mean=np.where(np.isfinite(mean), mean, 0.0),
        variance=mean**2 * squares * runs,
        trials=np.zeros(len(shared)),
        unit=unit,
        memoryless=False,
        median=above.median[i] / below.median[j],
        tails=tuple(max(pair, key=list(Tail).index) for pair in tails),
        unrun=np.empty(0),
        samples=(),  # there are no runs of a quotient
        reach=np.empty(0),
        shapes=(),
        sure=above.sure and below.sure,
    )
