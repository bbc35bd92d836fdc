"""The plan: which decomposition to pay for, ranked by exact predictions, before anything runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo.errors import InputError
from evo.parameters import shown
from experiments.calibration.file import Calibration, read_calibration
from experiments.planning.candidates import Candidate, Choice, candidates
from experiments.planning.model import Model
from experiments.planning.numbers import Numbers, means_of, with_band
from experiments.planning.values import NOTHING, Values, with_values

if TYPE_CHECKING:
    import pandas as pd

BY = ("money", "tokens", "calls")
COLUMNS = (
    "model", "schedule", "g", "lam", "votes", "calls", "tokens", "money", "low", "median", "high", "worse", "kind",
    "measured", "note",
)  # fmt: skip
Source = Calibration | Path | str
"""A calibration, or the file that it stands in."""


@dataclass(frozen=True)
class Ranked:
    """A candidate with its numbers; the best comes first."""

    candidate: Candidate
    numbers: Numbers


@dataclass(frozen=True, eq=False)
class Plan:
    """Candidates in the order of what they cost.

    Attributes:
        ranked: all of them, the best first, those of which nothing is predicted last.
        by: what they are ranked by: "money", "tokens" (read and written) or "calls".
        unit: of the prices, such as "$".
        assumed: what nobody says and is taken for nothing, in words.
    """

    ranked: tuple[Ranked, ...] = field(repr=False)
    by: str
    unit: str = ""
    assumed: tuple[str, ...] = ()

    @property
    def best(self) -> Ranked:
        """The choice."""
        return self.ranked[0]

    @property
    def table(self) -> pd.DataFrame:
        """A row a candidate, the best first.

        Columns: `model`, `schedule`, `g`, `lam`, `votes`; expected `calls`, `tokens` and `money` of a run to the
        optimum; `low`, `median`, `high`: 10, 50 and 90 % of the money of single runs (of their calls without prices);
        `worse`: by what factor it is dearer than the best; `kind`: "exact" or "none"; `measured`: whether g lies within
        the calls that were measured; `note`: why a number is null.
        """
        import pandas as pd

        return pd.DataFrame([self._row(each) for each in self.ranked], columns=list(COLUMNS))

    def worse(self, ranked: Ranked) -> float:
        """By what factor a candidate is dearer than the best."""
        least, value = (getattr(each.numbers, self.by) for each in (self.best, ranked))
        return value / least if least else math.nan

    def _row(self, ranked: Ranked) -> dict[str, Any]:
        candidate, numbers = ranked.candidate, ranked.numbers
        row = {name: getattr(candidate, name) for name in ("schedule", "g", "lam", "votes")}
        told = ("calls", "tokens", "money", "low", "median", "high", "kind", "note")
        row |= {name: getattr(numbers, name) for name in told} | {"model": candidate.model.name}
        return row | {"worse": self.worse(ranked), "measured": candidate.model.measured(candidate.g)}


def plan(
    source: Source | Mapping[str, Source] | None = None,
    values: Values | None = None,
    *,
    k: int | None = None,
    l: int | None = None,
    start: float = 0.0,
    shows: str = "chunk",
    schedules: Sequence[str] = (),
    g: Sequence[int] = (),
    lam: Sequence[int] = (),
    votes: Sequence[int] = (1,),
    feedback: str = "score",
    workers: int = 1,
    by: str | None = None,
) -> Plan:
    """Which decomposition to pay for: candidates ranked by what a run to the optimum is expected to take.

    Every exact number is `predict`'s of the candidate's cell.

    Args:
        source: a calibration, or the file of one; several models by their names; None if all is said in `values`.
        values: what is said instead, by the keys of the file: {"operator.fix": {1: 0.35, 5: 0.2}}.
        k: blocks of the problem, "problem.k".
        l: tokens of a block, "problem.l".
        start: share of blocks that are correct at first.
        shows: what a call reads beside the instructions, "chunk" or "solution".
        schedules: names; empty for all that the feedback allows.
        g: blocks a call; empty for the divisors of k, and what was measured.
        lam: calls a generation; empty for 1, 2, 4, .. up to the workers.
        votes: leads of first-to-ahead voting, with g = 1.
        feedback: what tests tell: "none", whether a solution is better than its parent; "score", how many blocks are
            correct; "blocks", which ones are.
        workers: calls at the same time.
        by: "money", "tokens" or "calls"; None: the first that is known.

    Raises: InputError naming the key.

    >>> found = plan(k=40, values={"operator.fix": {1: 0.35, 5: 0.2}, "operator.keep": {1: 0.97, 5: 0.96}})
    >>> found.by, str(found.best.candidate), round(found.best.numbers.calls, 1)
    ('calls', 'UntilResolved with g = 1, lam = 1', 114.3)
    """
    said = dict(values or {}) | {f"problem.{name}": value for name, value in (("k", k), ("l", l)) if value is not None}
    sources = source if isinstance(source, Mapping) else {"": source}
    models = [Model(str(name), with_values(_read(one), said), start, shows) for name, one in sources.items()]
    _expect_one_unit(models)
    choice = Choice(tuple(schedules), tuple(g), tuple(lam), tuple(votes), feedback, workers)
    by = _by(by, models)
    found = [(each, means_of(each)) for each in candidates(models, choice)]
    found.sort(key=lambda pair: _rank(getattr(pair[1], by)))
    ranked = tuple(Ranked(each, with_band(each, numbers)) for each, numbers in found)
    if ranked[0].numbers.kind == "none":
        raise InputError(f"plan: nothing is predicted of any candidate; of the first: {ranked[0].numbers.note}")
    assumed = dict.fromkeys(name for model in models for name in model.assumed)
    return Plan(ranked, by, models[0].values.prices.unit or "", tuple(assumed))


def _read(source: Source | None) -> Calibration:
    if source is None:
        return NOTHING
    if isinstance(source, Calibration):
        return source
    if isinstance(source, str | Path):
        return read_calibration(source)
    raise InputError(f"plan: expected a calibration or the path of its file, got {shown(source)}")


def _rank(value: float) -> float:
    """Ties in the last digits, which two formulas leave, are none: the order of `candidates` decides."""
    return math.inf if math.isnan(value) else float(f"{value:.10g}")


def _by(asked: str | None, models: Sequence[Model]) -> str:
    known = [
        name for name, there in (("money", "priced"), ("tokens", "counted")) if all(getattr(m, there) for m in models)
    ]
    if asked is None:
        return [*known, "calls"][0]
    if asked not in BY:
        raise InputError(f"plan: by: expected {', '.join(BY)}, got {shown(asked)}")
    if asked not in (*known, "calls"):
        missing = "prices.prompt and prices.generated" if asked == "money" else "tokens.block and tokens.instructions"
        raise InputError(f"plan: by = {asked!r} needs {missing}, got none")
    return asked


def _expect_one_unit(models: Sequence[Model]) -> None:
    units = {model.values.prices.unit for model in models if model.priced}
    if len(units) > 1:
        raise InputError(f"plan: prices.unit: expected one unit for all models, got {', '.join(map(str, units))}")
