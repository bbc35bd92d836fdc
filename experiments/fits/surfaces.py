"""Growth along two parameters at once: E = A base^k k^b l^d, as Eq. 12 (2^k k^2 l^2) and Eq. 13 (k l^2) are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import leastsq
from scipy.special import chdtrc, chdtri

from evo.errors import InputError
from evo.protocols import FloatArray
from evo.statistics import normal_quantile, p_value_text
from experiments.fits.along import parameter_column
from experiments.fits.evidence.cells import Evidence
from experiments.fits.evidence.reading import FEWEST_RUNS, evidence_of
from experiments.fits.families.choice import LEVEL, SPARE
from experiments.fits.laws import Estimate, Refusal, Told, in_words
from experiments.fits.quantities import parsed
from experiments.fits.series import Series, measured_along
from experiments.predictions.verdict import CONFIDENCE
from experiments.store.results import Results

FORMS = (("ln x",), ("x",), ("x", "ln x"))
"""Terms of log E in the first parameter; the log of the second is always there."""
NAMES = {"x": "base", "ln x": "b"}


@dataclass(frozen=True)
class SurfaceLaw:
    """A law along two parameters, with its constants and the p of its fit."""

    text: str
    estimates: tuple[Estimate, ...]
    misfit: float

    def __getitem__(self, name: str) -> Estimate:
        """A constant by its name."""
        return next(each for each in self.estimates if each.name == name)

    def __str__(self) -> str:
        return f"{self.text}, {', '.join(map(str, self.estimates))} ({p_value_text(self.misfit, digits=1)} of the fit)"


@dataclass(frozen=True)
class Surface:
    """What the runs of an arm leave of the laws along two parameters."""

    series: str
    told: Told
    left: tuple[SurfaceLaw, ...]

    def __str__(self) -> str:
        if self.told is Told.NONE:
            return f"{self.series}: NONE, no product of powers and an exponential fits"
        head = "" if self.told is Told.LAW else "UNDECIDED, "
        return f"{self.series}: {head}{' or '.join(map(str, self.left))}"


def fit_surface(
    results: Results, along: tuple[str, str], quantity: str = "cost", confidence: float = CONFIDENCE
) -> tuple[Surface | Refusal, ...]:
    """Fit E = A base^x x^b y^d along two parameters; a law without base or without x^b is told where it is enough.

    Args:
        results: of `run_grid` or `load`.
        along: x and y, for example ("k", "l").
        quantity: as of `experiments.fits.fit.fit`.
        confidence: level of the intervals.

    Raises: InputError for parameters or a quantity that the grid does not have.
    """
    columns = [parameter_column(results.cells, name) for name in along]
    if columns[0] == columns[1]:
        raise InputError(f"along: expected two parameters, got {along[0]} twice")
    asked = parsed(quantity, results)
    found: list[Surface | Refusal] = []
    for part in measured_along(results, columns[0], columns[1], asked):
        y = results.cells.loc[list(part.cells), columns[1]].to_numpy(dtype=float)
        if reason := _refuse(part, y):
            found.append(Refusal(part.label, reason))
        else:
            found.append(_surface(part, y, along, quantity, confidence))
    return tuple(found)


def _refuse(part: Series, y: FloatArray) -> str:
    if len(np.unique(part.x)) < 3 or len(np.unique(y)) < 2 or len(y) < 4 + SPARE:
        return (
            f"a surface needs 3 values of the first parameter, 2 of the second, {4 + SPARE} cells; got {len(y)} cells"
        )
    if (part.x <= 0).any() or (y <= 0).any() or (part.mean <= 0).any():
        return "a surface needs positive parameters and means"
    few = not part.memoryless and not part.sure and (part.runs < FEWEST_RUNS).any()
    return f"a law of means needs at least {FEWEST_RUNS} runs a cell" if few else ""


def _surface(part: Series, y: FloatArray, along: tuple[str, str], quantity: str, confidence: float) -> Surface:
    evidence = evidence_of(part)[0]
    fits = {terms: _fitted(evidence, _design(terms, part.x, y)) for terms in FORMS}
    whole = fits[FORMS[-1]]
    left = []
    for terms, (free, errors, distance) in fits.items():
        misfit = float(chdtrc(len(y) - len(free), distance))
        beaten = len(terms) == 1 and distance - whole[2] > chdtri(1, LEVEL)
        if misfit >= LEVEL and not (beaten and chdtrc(len(y) - 4, whole[2]) >= LEVEL):
            left.append((terms, _law(terms, free, errors, misfit, along, quantity, confidence)))
    minimal = [law for terms, law in left if len(terms) == 1] or [law for _, law in left]
    told = Told.NONE if not minimal else Told.LAW if len(minimal) == 1 else Told.UNDECIDED
    return Surface(part.label, told, tuple(minimal))


def _design(terms: tuple[str, ...], x: FloatArray, y: FloatArray) -> FloatArray:
    columns = {"x": x, "ln x": np.log(x)}
    return np.column_stack([np.ones(len(x)), *(columns[term] for term in terms), np.log(y)])


def _fitted(evidence: Evidence, design: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Free parameters, their standard errors, and the deviance."""
    known = evidence.known
    weights = 1 / evidence.errors[known]
    start = np.linalg.lstsq(design[known] * weights[:, None], evidence.best[known] * weights, rcond=None)[0]

    def roots(free: FloatArray) -> FloatArray:
        return evidence.roots(design @ free)

    def slopes(free: FloatArray) -> FloatArray:
        return np.asarray(design * evidence.slopes(design @ free)[:, None])

    with np.errstate(all="ignore"):
        free = np.asarray(leastsq(roots, start, Dfun=slopes)[0])
        distance = float((roots(free) ** 2).sum())
        scaled = slopes(free) if evidence.exact is None else design / evidence.exact[:, None]
        inverse = np.linalg.pinv(scaled)
    return free, np.sqrt(np.diag(inverse @ inverse.T)), distance


def _law(
    terms: tuple[str, ...], free: FloatArray, errors: FloatArray, misfit: float, along: tuple[str, str], quantity: str,
    confidence: float,
) -> SurfaceLaw:  # fmt: skip
    names = ("A", *(NAMES[term] for term in terms), "d")
    z = normal_quantile(0.5 + confidence / 2)
    estimates = []
    for name, value, error in zip(names, free, errors, strict=True):
        ends = np.array([value, value - z * error, value + z * error])
        middle, low, high = np.exp(ends) if name in ("A", "base") else ends
        estimates.append(Estimate(name, float(middle), float(low), float(high)))
    grows = " ".join({"x": f"base^{along[0]}", "ln x": f"{along[0]}^b"}[term] for term in terms)
    return SurfaceLaw(f"{in_words(quantity)} = A {grows} {along[1]}^d", tuple(estimates), misfit)
