"""The plan: which decomposition to pay for, ranked by exact predictions, before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evo.costs.published import Published
from evo.errors import InputError
from evo.parameters import shown
from experiments.grids.arguments import a_number, expect_whole
from experiments.grids.measured.file import Calibration, read_calibration
from experiments.grids.outside.sheet import Sheet, Told
from experiments.planning.answer import RISING, answer
from experiments.planning.by_runs import with_runs, with_simulated_band
from experiments.planning.candidates import Candidate, Choice, candidates
from experiments.planning.cautions import cautions, taken_as_usual
from experiments.planning.hours_band import with_hours_band
from experiments.planning.inputs import ODDS, Hang
from experiments.planning.model import Model
from experiments.planning.numbers import NAMES, NO_CALL, Aim, Numbers, dearest_call, exact_numbers, with_band
from experiments.planning.sensitivity.hangs import what_it_hangs_on
from experiments.planning.sensitivity.swings import Swing, swings_of
from experiments.planning.simulated import Simulator
from experiments.planning.values import NOTHING, Values, prices_said, with_values

if TYPE_CHECKING:
    import pandas as pd

MOST_AIMED = 1_000
"""Blocks of a problem with a budget or a target, whose laws are followed call by call."""
MOST_ODDS = 1e6
BY = ("money", "hours", "tokens", "calls", "fitness", "reached")
SHOWS = ("chunk", "solution")
SHOWN = 12
"""Candidates that `print` says."""
PLACE = ("model", "schedule", "runner", "kept", "g", "lam", "votes")
Source = Calibration | Path | str
"""A calibration, or the file that it stands in."""


@dataclass(frozen=True)
class Ranked:
    """A candidate with its numbers; the best comes first."""

    candidate: Candidate
    numbers: Numbers


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Told):
    """Candidates in the order of what they cost.

    Attributes:
        ranked: all of them, the best first, those of which nothing is predicted last.
        by: what they are ranked by: "money", "hours", "tokens" (read and written) or "calls"; with a budget "fitness"
            or "reached".
        aim: what is to be reached, and with what.
        unit: of the prices, such as "$".
        assumed: what nobody says and is taken for nothing, in words.
        defaults: what nobody says and is taken as usual, in words.
        sources: where published prices are from, in words.
        odds: by which factor the odds of a chance may be off where no interval is given.
    """

    ranked: tuple[Ranked, ...] = field(repr=False)
    by: str
    aim: Aim = field(repr=False)
    unit: str = ""
    assumed: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    odds: float = ODDS

    def __repr__(self) -> str:
        return f"<Plan {len(self.ranked):,} ways to decompose by {self.by}, the best: {self.best.candidate}>"

    def sheet(self) -> Sheet:
        """What `print` says: the answer, the first of the candidates, and what stands beside them."""
        table = self.table
        unit = f" ({self.unit})" if self.unit and self.by == "money" else ""
        names = [name for name in PLACE if name != "model" or (table["model"] != "").any()]
        rows = tuple(
            (*(str(row[name]) for name in names), f"{row[self.by]:.6g}", f"{row['worse']:.3g}")
            for row in table[table[self.by].notna()].head(SHOWN).to_dict("records")
        )
        more = len(table) - len(rows)
        notes = ([f"and {more} more, in `table`"] if more else []) + cautions(self)
        return Sheet(answer(self), (*names, f"{self.by}{unit}", "worse"), rows, tuple(notes))

    @property
    def best(self) -> Ranked:
        """The choice."""
        return self.ranked[0]

    @cached_property
    def firsts(self) -> tuple[Ranked, ...]:
        """The best of each decomposition: of a model, a schedule and a g the best lam, runner and votes."""
        return _firsts(self.ranked)

    @cached_property
    def hangs(self) -> tuple[Hang, ...]:
        """What the choice hangs on: each uncertain input on its own, those that may flip it first."""
        return what_it_hangs_on(self)

    @cached_property
    def swings(self) -> tuple[Swing, ...]:
        """What the bill of the choice hangs on: each uncertain input on its own, the largest first."""
        return swings_of(self)

    @property
    def table(self) -> pd.DataFrame:
        """A row a candidate, the best first.

        Columns: `model`, `schedule`, `runner`, `kept`, `g`, `lam`, `votes`; those of
        `experiments.planning.numbers.Numbers`; `worse`: by what factor it is dearer than the best, or how much less it
        reaches where they are ranked by that; `measured`: whether g lies within the calls that were measured; `error`:
        the standard error of what they are ranked by, null where that is exact. What is not known is null.
        """
        import pandas as pd

        rows = [
            {name: getattr(each.candidate, name) for name in PLACE[1:]}
            | {name: getattr(each.numbers, name) for name in NAMES}
            | {"model": each.candidate.model.name, "worse": self.worse(each)}
            | {"measured": each.candidate.model.measured(each.candidate.g), "error": each.numbers.error(self.by)}
            for each in self.ranked
        ]
        return pd.DataFrame(rows, columns=[*PLACE, *NAMES[:-4], "worse", "measured", *NAMES[-4:], "error"])

    def simulated(self, ranked: Ranked) -> bool:
        """Whether what a candidate is ranked by rests on simulated runs."""
        return not math.isnan(ranked.numbers.error(self.by))

    def worse(self, ranked: Ranked) -> float:
        """By what factor a candidate is dearer than the best, or how much less it reaches."""
        best, value = (getattr(each.numbers, self.by) for each in (self.best, ranked))
        if self.by in RISING:
            return float(best - value)
        return float(value / best) if best else math.nan


def plan(
    source: Source | Mapping[str, Source] | None = None,
    values: Values | None = None,
    *,
    k: int | None = None,
    l: int | None = None,
    start: float | None = None,
    shows: str | None = None,
    schedules: Sequence[str] = (),
    runners: Sequence[str] = (),
    kept: Sequence[int] = (4,),
    g: Sequence[int] = (),
    lam: Sequence[int] = (),
    votes: Sequence[int] = (1,),
    feedback: str | None = None,
    workers: int | None = None,
    target: float | None = None,
    budget: float | None = None,
    calls: int | None = None,
    by: str | None = None,
    bands: int | None = None,
    exact: bool = False,
    published: Published | Sequence[Published] = (),
    odds: float = ODDS,
) -> Plan:
    """Which decomposition to pay for: candidates ranked by what a run is expected to take.

    Every exact number is `predict`'s of the candidate's cell; what no formula tells is simulated, and has a standard
    error. With a budget they are ranked by the expected fitness there, or by the chance to reach the target.

    Args:
        source: a calibration, or the file of one; several models by their names; None if all is said in `values`.
        values: what is said instead, by the keys of the file: {"operator.fix": {1: 0.35, 5: 0.2}}.
        k: blocks of the problem, "problem.k".
        l: tokens of a block, "problem.l".
        start: share of blocks that are correct at first; 0 unless said.
        shows: what a call reads beside the instructions, "chunk" or "solution"; the chunk unless said.
        schedules: names; empty for all that the feedback allows, but UniformSubset and EachChunk.
        runners: names; empty for OnePlusLambda and Merged. Archive and MapElites are compared if they are named.
        kept: solutions that these keep.
        g: blocks a call; empty for the divisors of k, and what was measured.
        lam: calls a generation; empty for 1, 2, 4, .. up to the workers.
        votes: leads of first-to-ahead voting, with g = 1.
        feedback: what tests tell: "none", whether a solution is better than its parent; "score", how many blocks are
            correct; "blocks", which ones are; "score" unless said.
        workers: calls at the same time; 1 unless said.
        target: share of the blocks, up to 1, or their number, that is enough; None for all.
        budget: money that a run may cost.
        calls: calls that a run may make, instead of money.
        by: "money", "hours", "tokens" or "calls", or "fitness" and "reached" with a budget; None: the first of these
            that is known.
        bands: how many of the best, and of the best of each decomposition, get their 10, 50 and 90 %; None for all.
        exact: whether what no formula tells stays unknown, instead of being simulated.
        published: published prices, of all models or of each in turn; `values` are said instead.
        odds: by which factor the odds of a chance may be off where no interval is given, > 1; an interval is said as
            {"operator.interval.fix": {1: (0.31, 0.39)}}.

    Raises: InputError naming the key.

    >>> found = plan(k=40, values={"operator.fix": {1: 0.35, 5: 0.2}, "operator.keep": {1: 0.97, 5: 0.96}})
    >>> found.by, str(found.best.candidate), round(found.best.numbers.calls, 1)
    ('calls', 'UntilResolved with g = 1, lam = 1', 114.3)
    """
    said = dict(values or {}) | {f"problem.{name}": value for name, value in (("k", k), ("l", l)) if value is not None}
    if shows is not None and shows not in SHOWS:
        raise InputError(f"plan: shows: expected {' or '.join(SHOWS)}, got {shown(shows)}")
    if start is not None and not 0.0 <= a_number("plan: start", start) <= 1.0:
        raise InputError(f"plan: start: expected a share of the blocks, from 0 to 1, got {shown(start)}")
    sources = source if isinstance(source, Mapping) else {"": source}
    listed = _price_lists(published, len(sources))
    models = [
        _model(str(name), one, (prices_said(prices) if prices else {}) | said, 0.0 if start is None else start, shows)
        for (name, one), prices in zip(sources.items(), listed, strict=True)
    ]
    _expect_one_problem(models)
    if not 1.0 < a_number("plan: odds", odds) <= MOST_ODDS:
        raise InputError(f"plan: odds: expected a factor > 1, at most {MOST_ODDS:g}, got {shown(odds)}")
    choice = Choice(
        tuple(schedules), tuple(runners), tuple(kept), tuple(g), tuple(lam), tuple(votes),
        "score" if feedback is None else feedback, 1 if workers is None else workers,
    )  # fmt: skip
    aim = _aim(models[0].k, target, budget, calls, choice.workers)
    if models[0].k > MOST_AIMED and (aim.limited or aim.target is not None):
        raise InputError(
            f"plan: problem.k: expected at most {MOST_AIMED:,} blocks with a budget or a target, got {models[0].k:,}"
        )
    by = _by(by, models, aim)
    simulator = None if exact else Simulator()
    found = [Ranked(each, _numbers(each, aim, simulator)) for each in candidates(models, choice)]
    found.sort(key=lambda each: _rank(each.numbers, by))
    _expect_some(found, by, budget)
    banded = set(map(id, found if bands is None else [*found[:bands], *_firsts(found)[:bands]]))
    ranked = tuple(
        Ranked(each.candidate, _banded(each, aim, simulator)) if id(each) in banded else each for each in found
    )
    assumed = dict.fromkeys(name for model in models for name in model.assumed)
    taken = taken_as_usual(models, feedback is None, shows is None, start is None, workers is None)
    told = dict.fromkeys(f"{each.name}: {each.source}, {each.day}" for each in listed if each is not None)
    return Plan(
        ranked, by, aim, models[0].values.prices.unit or "", tuple(assumed), tuple(taken), tuple(told), float(odds)
    )


def _firsts(ranked: Sequence[Ranked]) -> tuple[Ranked, ...]:
    """The best of each decomposition, in the order of the ranked."""
    found: dict[tuple[str, str, int], Ranked] = {}
    for each in ranked:
        found.setdefault(each.candidate.decomposition, each)
    return tuple(found.values())


def _price_lists(published: Published | Sequence[Published], models: int) -> list[Published | None]:
    """The published prices of each model, None where there are none."""
    given = [published] if isinstance(published, Published) else list(published)
    if not all(isinstance(each, Published) for each in given):
        raise InputError(f"plan: published: expected evo.costs.published.published(..), got {shown(published)}")
    if len(given) not in (0, 1, models):
        raise InputError(f"plan: published: expected prices of one model or of {models}, got those of {len(given)}")
    return list(given) if len(given) == models else [given[0] if given else None] * models


def _expect_some(found: Sequence[Ranked], by: str, budget: float | None) -> None:
    """Refuse a plan of which nothing is known, or in which nothing can be afforded.

    Raises: InputError.
    """
    first = found[0].numbers
    if math.isnan(getattr(first, by)):
        raise InputError(f"plan: {by} is not known of any candidate; of the first: {first.note}")
    if getattr(first, by) == math.inf:
        said_of = "no run is sure to end with these chances; look at operator.fix, refusals and malformed"
        raise InputError(f"plan: the expected {by} of every candidate is infinite: {said_of}")
    if all(each.numbers.note == NO_CALL for each in found):
        least = min(dearest_call(each.candidate.cell) for each in found)
        raise InputError(f"plan: budget: expected the price of one call at least, {least:.4g} here, got {budget}")


def _numbers(candidate: Candidate, aim: Aim, simulator: Simulator | None) -> Numbers:
    found = exact_numbers(candidate, aim)
    return found if simulator is None else with_runs(candidate, aim, found, simulator)


def _banded(ranked: Ranked, aim: Aim, simulator: Simulator | None) -> Numbers:
    found = with_band(ranked.candidate, aim, ranked.numbers)
    found = found if simulator is None else with_simulated_band(ranked.candidate, aim, found, simulator)
    return with_hours_band(ranked.candidate, aim, found, simulator)


def _model(name: str, source: Source | None, said: Values, start: float, shows: str | None) -> Model:
    """A model; what its file lacks is told by the file's name."""
    try:
        return Model(name, with_values(_read(source), said), start, shows or "chunk")
    except InputError as error:
        if isinstance(source, str | Path):
            raise InputError(re.sub(r"^plan(?: \(.*?\))?: ", f"{source}: ".replace("\\", r"\\"), str(error))) from None
        raise


def _read(source: Source | None) -> Calibration:
    if source is None:
        return NOTHING
    if isinstance(source, Calibration):
        return source
    if isinstance(source, str | Path):
        return read_calibration(source)
    raise InputError(f"plan: expected a calibration or the path of its file, got {shown(source)}")


def _aim(k: int, target: float | None, money: float | None, calls: int | None, workers: int) -> Aim:
    if target is not None:
        if not 0.0 < a_number("plan: target", target) <= k:
            raise InputError(
                f"plan: target: expected a share in (0, 1] or a number of blocks up to k = {k}, got {target}"
            )
        target = math.ceil(target * k - 1e-9) if target <= 1.0 else math.ceil(target)
        target = None if target == k else target
    if money is not None and not 0.0 < a_number("plan: budget", money) < math.inf:
        raise InputError(f"plan: budget: expected a finite amount of money > 0, got {shown(money)}")
    if calls is not None:
        expect_whole("plan: calls", calls, 1)
    if money is not None and calls is not None:
        raise InputError("plan: expected budget (money) or calls, got both")
    return Aim(None if target is None else int(target), money, calls, workers)


def _rank(numbers: Numbers, by: str) -> tuple[float, ...]:
    """In ties, which the last digits do not break, money decides, then hours, then the order of `candidates`."""
    value, *others = (_digits(getattr(numbers, name)) for name in (by, "money", "hours"))
    return (-value if by in RISING and math.isfinite(value) else value), *others


def _digits(value: float) -> float:
    return math.inf if math.isnan(value) else float(f"{value:.10g}")


NEEDS = {
    "money": "prices.prompt and prices.generated",
    "hours": "seconds.fixed, seconds.per_generated_token or seconds.evaluation",
    "tokens": "tokens.block and tokens.instructions",
    "fitness": "budget or calls",
    "reached": "budget or calls",
}
"""What a quantity cannot do without."""


def _by(asked: str | None, models: Sequence[Model], aim: Aim) -> str:
    """What they are ranked by: what was asked for, or the first that is known."""
    there = {
        "fitness": aim.limited and aim.target is None,
        "reached": aim.limited,
        "money": all(model.priced for model in models),
        "tokens": all(model.counted for model in models),
        "calls": True,
        "hours": all(model.timed for model in models),
    }
    if aim.money is not None and not there["money"]:
        raise InputError(f"plan: budget needs {NEEDS['money']}, got none; give calls instead")
    if asked is None:
        return next(name for name, known in there.items() if known)
    if asked not in BY:
        raise InputError(f"plan: by: expected {', '.join(BY)}, got {shown(asked)}")
    if not (there[asked] or (asked == "fitness" and aim.limited)):
        raise InputError(f"plan: by = {asked!r} needs {NEEDS[asked]}, got none")
    return asked


def _expect_one_problem(models: Sequence[Model]) -> None:
    sizes = {(model.k, model.block) for model in models}
    if len({k for k, _ in sizes}) > 1:
        raise InputError(f"plan: problem.k: expected one problem for all models, got k = {sorted(k for k, _ in sizes)}")
    units = {model.values.prices.unit for model in models if model.priced}
    if len(units) > 1:
        raise InputError(f"plan: prices.unit: expected one unit for all models, got {', '.join(map(str, units))}")
