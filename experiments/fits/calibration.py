"""How often a law is told, and rightly: known laws drawn again and again.

`python -m experiments.fits.calibration docs 1000` writes docs/fits.csv and docs/fits.png: 1,000 experiments of each law
and kind of runs. It begins where the table that is there ends, so that it may be stopped; without that table it makes
all of them anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammainc, gammaincinv

from evo.protocols import FloatArray
from experiments.fits.evidence.cells import Evidence, Hits, Kind, Means, Tables, joined
from experiments.fits.evidence.censoring import root_table
from experiments.fits.evidence.spreads import log_error, smoothed
from experiments.fits.families.choice import Choice, choose

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DOUBLING = np.array([2.0, 4, 8, 16, 32, 64, 128])
STEPS = np.arange(1.0, 11.0)
Growth = Callable[[FloatArray], FloatArray]
KNOWN: dict[str, tuple[FloatArray, Growth, dict[str, float]]] = {
    "constant": (DOUBLING, lambda x: 20 + 0 * x, {"A": 20.0}),
    "linear": (DOUBLING, lambda x: 2 * x, {"A": 2.0}),
    "square": (DOUBLING, lambda x: x**2 / 2, {"A": 0.5}),
    "cube": (DOUBLING, lambda x: x**3 / 5, {"A": 0.2}),
    "exponential": (STEPS, lambda x: 2.0**x, {"A": 1.0, "base": 2.0}),
    "power": (DOUBLING, lambda x: 2 * x**1.5, {"A": 2.0, "b": 1.5}),
    "logarithm": (DOUBLING, lambda x: 5 * (np.log(x) + 1), {"A": 5.0, "c": 1.0}),
    "affine": (DOUBLING, lambda x: 2 * x + 30, {"A": 2.0, "c": 30.0}),
    "x log x": (DOUBLING, lambda x: 2 * x * (np.log(x) + 0.5772), {"A": 2.0, "c": 0.5772}),
    "quadratic": (DOUBLING, lambda x: x**2 + 6 * x, {"A": 1.0, "B": 6.0}),
    "exponential x power": (STEPS, lambda x: 2.0**x * x**2, {"A": 1.0, "base": 2.0, "b": 2.0}),
    "x log x + x": (DOUBLING, lambda x: 2 * x * np.log(x) + x + 40, {"A": 2.0, "B": 1.0, "C": 40.0}),
    "power + c": (DOUBLING, lambda x: 2 * x**1.5 + 40, {"A": 2.0, "c": 40.0, "b": 1.5}),
    "exponential + c": (STEPS, lambda x: 2.0**x + 40, {"A": 1.0, "c": 40.0, "base": 2.0}),
    "shifted power": (DOUBLING, lambda x: (x + 9) ** 1.5, {"A": 1.0, "b": 1.5, "c": 9.0}),
    "saturating": (STEPS, lambda x: 100 - 80 * 0.7**x, {"A": 80.0, "c": 100.0, "r": 0.7}),
}
"""Laws of the families, with their constants."""
UNKNOWN: dict[str, tuple[FloatArray, Growth]] = {
    "k / (k + c)": (DOUBLING, lambda x: 100 * x / (x + 20)),
    "two pieces": (DOUBLING, lambda x: np.where(x < 16, 2 * x, x**2 / 8)),
    "k^1.5 ln k": (DOUBLING, lambda x: 2 * x**1.5 * np.log(x)),
    "stretched": (DOUBLING, lambda x: 10 * np.exp(0.5 * np.sqrt(x))),
}
"""Growth that is of none of the families."""
NOISE = "noise"
"""Means that are drawn at random, and have no law."""
RUNS = 400
SHAPE = 10.0
"""Of the Gamma times that are not without memory: a tenth of the relative variance."""
CENSORED = 0.7
"""Share of the runs that are censored in the cell with the largest mean."""
FEWEST_TOLD = 0.1
"""Share in which a law is told from which the coverage of those is shown: of a few experiments it is noise."""


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
        grids, roots, best, _ = zip(*made, strict=True)
        kinds.append((np.flatnonzero(cut).tolist(), Tables(grids, roots, np.array(best))))
    return joined(x, kinds)


def budget_of(draw: Callable[..., Evidence], mean: FloatArray) -> float:
    """The budget at which so many runs of the largest mean are censored."""
    if draw is memoryless:
        return float(np.ceil(np.log(CENSORED) / np.log1p(-1 / mean.max())))
    return float(gammaincinv(SHAPE, 1 - CENSORED) * mean.max() / SHAPE)


DRAWS = {"geometric": memoryless, "Gamma": sums}


@dataclass
class Counts:
    """What so many experiments of a law and a kind of runs came to; a row of docs/fits.csv.

    Attributes:
        law: the truth.
        runs: "geometric" or "Gamma".
        censored: share of the runs that are censored in the cell with the largest mean.
        constants: how many the truth has.
        experiments: how many were made.
        told: of them those in which a law is told.
        right: in which it is the true one.
        refused: in which a test refuses the true one.
        covered: true constants in their 95 % intervals, of all experiments.
        covered_named: of those of experiments in which the true law is told.
        least_aic: experiments in which the family with the least AIC, the rule before this one, is a wrong one.
    """

    law: str
    runs: str
    censored: float
    constants: int
    experiments: int = 0
    told: int = 0
    right: int = 0
    refused: int = 0
    covered: int = 0
    covered_named: int = 0
    least_aic: int = 0
    draw: Callable[..., Evidence] = field(default=memoryless, repr=False)

    def experiment(self) -> None:
        """Make one more, whose random numbers hang on its number alone."""
        name, known = self.law, KNOWN.get(self.law)
        rng = np.random.default_rng([2026, self.experiments, int(self.censored > 0), *f"{name}, {self.runs}".encode()])
        if name == NOISE:
            x, mean = DOUBLING, np.exp(rng.normal(4.0, 0.5, len(DOUBLING)))
        else:
            x, growth = known[:2] if known else UNKNOWN[name]
            mean = growth(x) * 1.0
        choice = choose(self.draw(rng, x, mean, budget_of(self.draw, mean) if self.censored else np.inf))
        inside = _inside(choice, name, known[2]) if known else 0
        self.experiments += 1
        self.told += bool(choice.law)
        self.right += choice.law == name
        self.refused += "fit" in choice.dropped.get(name, "")
        self.covered += inside
        self.covered_named += inside * (choice.law == name)
        self.least_aic += least_aic(choice) != name


def _inside(choice: Choice, name: str, true: dict[str, float]) -> int:
    """How many true constants are in their 95 % intervals."""
    if name not in choice.fits:
        return 0
    made = choice.fits[name]
    found = zip(made.form.parameters, *made.told, strict=True)
    return sum(
        abs(value - (np.log(true[letter]) if log else true[letter])) <= 1.96 * error
        for letter, value, error, log in found
    )


def least_aic(choice: Choice) -> str:
    """The rule before this one: of all families that could be fitted the one with the least AIC."""
    return min(choice.fits.values(), key=lambda made: made.distance + 2 * made.model.size).form.name


def cases(laws: Sequence[str] = (*KNOWN, *UNKNOWN, NOISE)) -> list[Counts]:
    """Each law with each kind of runs, no experiment made."""
    sizes = {name: len(constants) for name, (_, _, constants) in KNOWN.items()}
    kinds = [(kind, draw, share) for kind, draw in DRAWS.items() for share in (0.0, CENSORED)]
    return [Counts(law, kind, share, sizes.get(law, 0), draw=draw) for kind, draw, share in kinds for law in laws]


def calibrated(made: Sequence[Counts], experiments: int, stretch: int = 20) -> Iterator[pd.DataFrame]:
    """The table after each stretch of experiments of each case, up to so many."""
    for until in range(stretch, experiments + stretch, stretch):
        for each in made:
            while each.experiments < min(until, experiments):
                each.experiment()
        yield table_of(made)


def table_of(made: Sequence[Counts]) -> pd.DataFrame:
    """A row a case."""
    import pandas as pd

    return pd.DataFrame([{name: value for name, value in vars(each).items() if name != "draw"} for each in made])


def read(path: Path) -> list[Counts]:
    """Each case with what a table says of it; not made where there is none."""
    import pandas as pd

    made = {(each.law, each.runs, each.censored): each for each in cases()}
    for row in pd.read_csv(path).to_dict("records") if path.exists() else ():
        vars(made[row["law"], row["runs"], row["censored"]]).update({str(name): value for name, value in row.items()})
    return list(made.values())


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """The counts as shares: of experiments, and of constants for `covered` and `covered_named` (null without any)."""
    made = table[["law", "runs", "censored", "experiments"]].copy()
    for name in ("told", "right", "refused", "least_aic"):
        made[name] = table[name] / table["experiments"]
    for name, of in (("covered", "experiments"), ("covered_named", "right")):
        made[name] = table[name] / (table["constants"] * table[of]).where(lambda count: count > 0)
    return made


def calibration_figure(counted: pd.DataFrame) -> Figure:
    """What is told of each law, a bar a kind of runs; and the coverage of its intervals."""
    from matplotlib.figure import Figure

    table = shares(counted)
    figure = Figure(figsize=(9.0, 8.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    kinds = list(dict.fromkeys(zip(table["runs"], table["censored"], strict=True)))
    colours = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00")
    names = list(dict.fromkeys(table["law"]))
    right.axvspan(0.93, 0.97, color="#EEEEEE")
    right.axvline(0.95, color="#444444", linewidth=1)
    for number, (kind, colour) in enumerate(zip(kinds, colours, strict=False)):
        part = table[(table["runs"] == kind[0]) & (table["censored"] == kind[1])]
        y = np.arange(len(names)) + 0.2 * (number - 1.5)
        label = f"{kind[0]}, {f'to {kind[1]:.0%} censored' if kind[1] else 'all runs hit'}"
        left.barh(y, part["right"], height=0.18, color=colour, label=label)
        left.barh(y, part["told"] - part["right"], left=part["right"], height=0.18, color="black")
        right.plot(part["covered"], y, "o", color=colour, markersize=4)
        right.plot(part["covered_named"].where(part["right"] >= FEWEST_TOLD), y, "D", mfc="none", color=colour)
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    left.set_xlabel("share told (black: a wrong law)")
    right.set_xlim(0.86, 1.01)
    right.set_xlabel("coverage of 95 % intervals (diamonds: where told)")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8.5)
    return figure


def printed(counted: pd.DataFrame) -> str:
    """The table of docs/fits.md: a line a law, how often it is told and what its intervals cover of each kind."""
    table = shares(counted)
    kinds = list(dict.fromkeys(zip(table["runs"], table["censored"], strict=True)))
    lines = ["| law | " + " | ".join(f"{kind}{', censored' if cut else ''}" for kind, cut in kinds) + " |"]
    lines.append("|---" * (1 + len(kinds)) + "|")
    for law, part in table.groupby("law", sort=False):
        lines.append(f"| {law} | " + " | ".join(map(_told, part.to_dict("records"))) + " |")
    return "\n".join(lines)


def _told(row: dict[Hashable, Any]) -> str:
    if np.isnan(row["covered"]):
        return f"{100 * row['told']:.1f}"
    named = f"{100 * row['covered_named']:.1f}" if row["right"] >= FEWEST_TOLD else "-"
    return f"{100 * row['right']:.0f}: {100 * row['covered']:.1f}, {named}"


def main(folder: str, experiments: str) -> None:
    """Draw, and write the table after each stretch, and the figure."""
    path = Path(folder) / "fits.csv"
    made = read(path)
    for table in calibrated(made, int(experiments)):
        table.to_csv(path, index=False)
    calibration_figure(table_of(made)).savefig(Path(folder) / "fits.png", dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
