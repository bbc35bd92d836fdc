"""How often a law is told, and rightly: known laws drawn again and again.

`python -m experiments.fits.calibration docs 30` writes docs/laws.csv and docs/laws.png: 30 experiments of each law and
kind of runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc

from evo.protocols import FloatArray
from experiments.fits.evidence.cells import Evidence, Hits, Kind, Means, Tables, joined
from experiments.fits.evidence.censoring import root_table
from experiments.fits.evidence.spreads import log_error, smoothed
from experiments.fits.families.choice import choose

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DOUBLING = np.array([2.0, 4, 8, 16, 32, 64, 128])
STEPS = np.arange(1.0, 11.0)
Growth = Callable[[FloatArray], FloatArray]
KNOWN: dict[str, tuple[FloatArray, Growth, dict[str, float]]] = {
    "constant": (DOUBLING, lambda x: 20 + 0 * x, {"A": 20.0}),
    "linear": (DOUBLING, lambda x: 2 * x, {"A": 2.0}),
    "affine": (DOUBLING, lambda x: 2 * x + 30, {"A": 2.0, "c": 30.0}),
    "logarithm": (DOUBLING, lambda x: 5 * (np.log(x) + 1), {"A": 5.0, "c": 1.0}),
    "x log x": (DOUBLING, lambda x: 2 * x * (np.log(x) + 0.5772), {"A": 2.0, "c": 0.5772}),
    "quadratic": (DOUBLING, lambda x: x**2 + 6 * x, {"A": 1.0, "B": 6.0}),
    "power": (DOUBLING, lambda x: 2 * x**1.5, {"A": 2.0, "b": 1.5}),
    "exponential": (STEPS, lambda x: 2.0**x, {"A": 1.0, "base": 2.0}),
    "exponential x power": (STEPS, lambda x: 2.0**x * x**2, {"base": 2.0, "b": 2.0}),
}
"""Laws of the families, with their constants."""
UNKNOWN: dict[str, tuple[FloatArray, Growth]] = {
    "saturating slowly": (DOUBLING, lambda x: 100 * x / (x + 20)),
    "two pieces": (DOUBLING, lambda x: np.where(x < 16, 2 * x, x**2 / 8)),
    "shifted": (DOUBLING, lambda x: (x + 9) ** 1.5),
    "stretched": (DOUBLING, lambda x: 10 * np.exp(0.5 * np.sqrt(x))),
}
"""Growth that is of none of the families but `shifted power`."""
RUNS = 400
SHAPE = 10.0
"""Of the Gamma times that are not without memory: a tenth of the relative variance."""
CENSORED = 0.7
"""Share of the runs that are censored in the cell with the largest mean."""


def memoryless(rng: np.random.Generator, x: FloatArray, mean: FloatArray, budget: float = np.inf) -> Evidence:
    """Geometric times, cut off at a budget of calls."""
    times = rng.geometric(np.minimum(1.0, 1 / mean)[:, None], (len(x), RUNS)).astype(float)
    hits = (times <= budget).sum(axis=1).astype(float)
    trials = np.minimum(times, budget).sum(axis=1)
    return joined(x, [(range(len(x)), Hits(hits, trials, np.ones(len(x))))])


def sums(rng: np.random.Generator, x: FloatArray, mean: FloatArray, budget: float = np.inf) -> Evidence:
    """Gamma times, cut off at a budget: means with the spread of the runs, censored cells by the law to its scale."""
    times = rng.gamma(SHAPE, mean[:, None] / SHAPE, (len(x), RUNS))
    cut = (times > budget).any(axis=1)
    kinds: list[tuple[list[int], Kind]] = []
    if not cut.all():
        whole = times[~cut]
        means = whole.mean(axis=1)
        errors = np.array([log_error(each) for each in whole])
        squares, freedom = smoothed(x[~cut], whole.var(axis=1, ddof=1) / means**2, errors)
        kinds.append((np.flatnonzero(~cut).tolist(), Means(means, squares / RUNS, freedom)))
    if cut.any():
        ended = np.where(times > budget, np.inf, times)[cut]
        made = [root_table(each, budget, 1e-9, lambda z: np.asarray(gammainc(SHAPE, SHAPE * z))) for each in ended]
        grids, roots, best = zip(*made, strict=True)
        kinds.append((np.flatnonzero(cut).tolist(), Tables(grids, roots, np.array(best))))
    return joined(x, kinds)


def budget_of(draw: Callable[..., Evidence], mean: FloatArray) -> float:
    """The budget at which so many runs of the largest mean are censored."""
    from scipy.special import gammaincinv

    if draw is memoryless:
        return float(np.ceil(np.log(CENSORED) / np.log1p(-1 / mean.max())))
    return float(gammaincinv(SHAPE, 1 - CENSORED) * mean.max() / SHAPE)


def calibrated(rounds: int, rng: np.random.Generator) -> pd.DataFrame:
    """Of each law and kind of runs, in so many experiments, how often what was told.

    Columns: law, runs ("geometric" or "Gamma"), censored, experiments; told (a law), right (the true one), refused (the
    true one, by a test), covered (share of the true constants in their 95 % intervals), covered_named (of those of
    experiments in which the true law was told; null where there was none).
    """
    import pandas as pd

    rows = []
    for draw, kind in ((memoryless, "geometric"), (sums, "Gamma")):
        for censored in (False, True):
            for name, (x, law, true) in KNOWN.items():
                budget = budget_of(draw, law(x)) if censored else np.inf
                made = [_experiment(draw(rng, x, law(x) * 1.0, budget), name, true) for _ in range(rounds)]
                told, right, refused, covered = (np.array(each) for each in zip(*made, strict=True))
                named = covered[right.astype(bool)]
                rows.append(
                    {"law": name, "runs": kind, "censored": CENSORED if censored else 0.0, "experiments": rounds}
                    | {"told": told.mean(), "right": right.mean(), "refused": refused.mean()}
                    | {"covered": covered.mean(), "covered_named": named.mean() if len(named) else np.nan}
                )
    return pd.DataFrame(rows)


def _experiment(evidence: Evidence, name: str, true: dict[str, float]) -> tuple[bool, bool, bool, float]:
    choice = choose(evidence)
    refused = "fit" in choice.dropped.get(name, "")
    if name not in choice.fits:
        return bool(choice.law), False, refused, 0.0
    made = choice.fits[name]
    values, errors, logs = made.told
    inside = []
    for letter, value in true.items():
        at = made.form.parameters.index(letter)
        inside.append(abs(values[at] - (np.log(value) if logs[at] else value)) <= 1.96 * errors[at])
    return bool(choice.law), choice.law == name, refused, float(np.mean(inside))


def calibration_figure(table: pd.DataFrame) -> Figure:
    """What is told of each law, a bar a kind of runs; and the coverage of its intervals."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    kinds = list(dict.fromkeys(zip(table["runs"], table["censored"], strict=True)))
    colours = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00")
    names = list(dict.fromkeys(table["law"]))
    for number, (kind, colour) in enumerate(zip(kinds, colours, strict=False)):
        part = table[(table["runs"] == kind[0]) & (table["censored"] == kind[1])]
        y = np.arange(len(names)) + 0.2 * (number - 1.5)
        label = f"{kind[0]}, {f'to {kind[1]:.0%} censored' if kind[1] else 'all runs hit'}"
        left.barh(y, part["right"], height=0.18, color=colour, label=label)
        left.barh(y, part["told"] - part["right"], left=part["right"], height=0.18, color="black")
        right.plot(part["covered"], y, "o", color=colour, markersize=4)
        right.plot(part["covered_named"], y, "D", mfc="none", color=colour, markersize=6)
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    left.set_xlabel("share in which the law is told (black: a wrong one)")
    right.axvline(0.95, color="#444444", linewidth=1)
    right.set_xlim(0.8, 1.005)
    right.set_xticks([0.8, 0.85, 0.9, 0.95, 1.0])
    right.set_xlabel("coverage (diamonds: where it is told)")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8.5)
    return figure


def main(folder: str, rounds: str) -> None:
    """Draw, and write the table and the figure."""
    table = calibrated(int(rounds), np.random.default_rng(2026))
    table.to_csv(Path(folder) / "laws.csv", index=False)
    calibration_figure(table).savefig(Path(folder) / "laws.png", dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
