"""All that a log of calls says about a mutator: one pass from calls to estimates, verdicts and the calibration file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.errors import InputError
from experiments.calibration.blocks import Chance, Counts, Estimate, chance, correlation, share
from experiments.calibration.laws import LawCheck, check_laws
from experiments.calibration.money import PriceLaw, price_law
from experiments.calibration.pilots import Pilot, pilots
from experiments.calibration.seconds import SecondsLaw, seconds_law
from experiments.calibration.sizes import Granularity, are_whole_tasks, clusters, counted, granularities
from experiments.calibration.tokens import TokensLaw, mean_of, tokens_law
from experiments.calibration.traps import LogTrap, Shown, traps
from experiments.grids.measured.file import (
    Calibration,
    Intervals,
    OperatorValues,
    Prices,
    Seconds,
    Source,
    Tokens,
)
from experiments.logs.calls import Calls


@dataclass(frozen=True)
class AtSize:
    """fix and keep at one granularity.

    Attributes:
        g: blocks a call, the median.
        words: how g is said.
        calls: whose blocks were counted.
        fix, keep: None where no call had such blocks.
    """

    g: int
    words: str
    calls: int
    fix: Chance | None
    keep: Chance | None


@dataclass(frozen=True)
class Report:
    """What a log says; whatever it does not tell is None.

    Attributes:
        log: the calls, of one model and kind.
        sizes: fix and keep by g.
        rho_fix, rho_keep: correlation of two blocks of a call, one for all g.
        malformed: share of the answers that could not be applied.
        refusals: share of the calls that were refused, of those that came back.
        errors: share of the calls that did not come back; whether they were paid is not told.
        tokens, seconds, evaluation, prices: of a call.
        laws, traps, pilots: verdicts, and what to buy.
    """

    log: Calls
    sizes: list[AtSize]
    rho_fix: Estimate | None
    rho_keep: Estimate | None
    malformed: Estimate | None
    refusals: Estimate | None
    errors: Estimate | None
    tokens: TokensLaw
    seconds: SecondsLaw | None
    evaluation: Estimate | None
    prices: PriceLaw
    laws: list[LawCheck]
    traps: list[LogTrap]
    pilots: list[Pilot]

    def calibration(self, unit: str | None = None) -> Calibration:
        """The calibration file; `unit` is the currency of the log's money."""
        return Calibration(
            self._operator(),
            self._tokens(),
            self._seconds(),
            self._prices(unit),
            source=Source(_short(self.log.file), self.log.sha256, len(self.log)),
        )

    @property
    def notes(self) -> list[str]:
        """What the log shows of the traps, for whoever reads the file."""
        return [f"{trap.name}: {trap.evidence}" for trap in self.traps if trap.shown is Shown.SEEN]

    def _operator(self) -> OperatorValues:
        fix = [(size.g, size.fix.mean) for size in self.sizes if size.fix is not None]
        keep = [(size.g, size.keep.mean) for size in self.sizes if size.keep is not None]
        shares = {"rho_fix": self.rho_fix, "rho_keep": self.rho_keep, "refusals": self.refusals}
        told = {name: each for name, each in (shares | {"malformed": self.malformed}).items() if each is not None}
        intervals = Intervals(
            fix=tuple((g, _rounded(each)) for g, each in fix),
            keep=tuple((g, _rounded(each)) for g, each in keep),
            **{name: _rounded(each) for name, each in told.items()},
        )
        return OperatorValues(
            tuple((g, _digits(each.value)) for g, each in fix),
            tuple((g, _digits(each.value)) for g, each in keep),
            interval=intervals,
            **{name: _digits(each.value) for name, each in told.items()},
        )

    def _tokens(self) -> Tokens:
        law = self.tokens
        cached, instructions = law.means.get("tokens_cached"), law.instructions
        share_cached = None
        if cached is not None and instructions is not None and 0 < cached.value <= instructions.value:
            share_cached = _digits(cached.value / instructions.value)
        partly = any(trap.number == 5 and trap.shown is Shown.SEEN for trap in self.traps)
        return Tokens(
            instructions=_value(instructions),
            block=_value(law.block),
            cached_share=share_cached,
            reasoning=None if partly else _value(law.means.get("tokens_reasoning")),
        )

    def _seconds(self) -> Seconds:
        law, evaluation = self.seconds, _value(self.evaluation)
        if law is None:
            return Seconds(evaluation=evaluation)
        return Seconds(
            fixed=_value(law.fixed),
            per_generated_token=_value(law.per_token),
            tail=_value(law.tail),
            evaluation=evaluation,
        )

    def _prices(self, unit: str | None) -> Prices:
        told = {name: _digits(each.value) for name, each in self.prices.prices.items()}
        return Prices(unit=unit if told else None, **told)


def calibrate(calls: Calls) -> Report:
    """What the calls of one model and kind say.

    Raises: InputError if they are of several.

    >>> g = np.array([1.0] * 60)
    >>> calls = Calls("none", "", np.arange(60), {"g": g, "incorrect": g, "repaired": np.repeat([1.0, 0.0], 30)}, {})
    >>> report = calibrate(calls)
    >>> report.sizes[0].fix.mean.value, report.sizes[0].keep, report.seconds
    (0.5, None, None)
    """
    expect_one_kind(calls)
    with_blocks = counted(calls)
    groups = granularities(with_blocks) if len(with_blocks) else []
    sizes = [_at(group) for group in groups]
    rho = {name: correlation(_counts(groups, name)) for name in ("fix", "keep")}
    laws = [
        law
        for name in ("fix", "keep")
        if _counts(groups, name)
        for law in check_laws(name, _counts(groups, name), rho[name], _items(groups, name))
    ]
    failed = not calls.survivors  # a log of survivors tells no share of what failed
    malformed = _malformed(calls) if failed else None
    return Report(
        calls,
        sizes,
        rho["fix"],
        rho["keep"],
        malformed,
        _share_of(calls, "refused", ("applied", "malformed", "refused")) if failed else None,
        _share_of(calls, "error", ("applied", "malformed", "refused", "error")) if failed else None,
        tokens_law(calls),
        seconds_law(calls.number("seconds"), calls.number("tokens_out"), clusters(calls)),
        mean_of(calls.number("evaluation_seconds"), calls),
        price_law(calls),
        laws,
        traps(calls),
        pilots(sizes, malformed, are_whole_tasks(with_blocks)),
    )


def expect_one_kind(calls: Calls) -> None:
    """Refuse calls of several models or kinds, whose mean nobody pays for.

    Raises: InputError.
    """
    found = calls.groups("model", "kind")
    if len(found) > 1:
        named = "; ".join(kind_words(*each) for each in found[:6])
        expected = f"{calls.file}: expected calls of one model and kind, got {len(found)} sorts ({named})"
        raise InputError(f"{expected}; choose with --model and --kind")


def kind_words(model: str, kind: str) -> str:
    """A model and a kind of calls in words.

    >>> kind_words("flash", "code"), kind_words("", "")
    ('model flash, kind code', 'calls without a model')
    """
    told = (f"{name} {word}" for name, word in (("model", model), ("kind", kind)) if word)
    return ", ".join(told) or "calls without a model"


def _counts(groups: list[Granularity], name: str) -> list[Counts]:
    return [counts for group in groups if (counts := group.counts(name)) is not None]


def _items(groups: list[Granularity], name: str) -> list[np.ndarray | None]:
    return [group.items(name) for group in groups if group.counts(name) is not None]


def _at(group: Granularity) -> AtSize:
    found = {}
    for name in ("fix", "keep"):
        counts = group.counts(name)
        found[name] = None if counts is None else chance(counts, group.clusters(name))
    return AtSize(group.g, group.words, len(group.calls), found["fix"], found["keep"])


def _malformed(calls: Calls) -> Estimate | None:
    """Of the answers, those that could not be applied: by row, or as attempts count them."""
    if "malformed_calls" in calls:
        there = ~np.isnan(calls.number("malformed_calls"))
        part = calls.where(there)
        rows = clusters(part)
        words = np.arange(len(part)).astype(str).astype(object) if rows is None else rows
        return share(Counts(part.number("calls"), part.number("malformed_calls")), words)
    return _share_of(calls, "malformed", ("applied", "malformed"))


def _share_of(calls: Calls, kind: str, among: tuple[str, ...]) -> Estimate | None:
    classes = calls.classes.astype(str)
    there = np.isin(classes, among)
    if not there.any():
        return None
    part = calls.where(there)
    return share(Counts(np.ones(len(part)), (classes[there] == kind).astype(float)), clusters(part))


def _digits(value: float) -> float:
    """To six digits, which no log exceeds."""
    return float(f"{value:.6g}")


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else _digits(estimate.value)


def _rounded(estimate: Estimate) -> tuple[float, float]:
    return _digits(estimate.low), _digits(estimate.high)


def _short(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[2][:200]
