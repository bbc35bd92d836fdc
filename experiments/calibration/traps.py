"""Eleven traps of real logs, each met in one: whether this log shows it, with the numbers that say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.stats import chi2

from experiments.calibration.blocks import Counts, spread
from experiments.calibration.sizes import are_whole_tasks, clusters, counted, granularities
from experiments.logs.calls import Calls
from experiments.predictions.verdict import ALPHA

ENOUGH = 100
"""Calls after which a log without one failure is likely to hold survivors."""
FEWEST_MALFORMED = 20


class Shown(StrEnum):
    """Whether a log shows a trap."""

    SEEN = "seen"
    NOT_SEEN = "not seen"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class LogTrap:
    """A trap.

    Attributes:
        number: 1 to 11.
        name: what it is.
        shown: whether the log shows it.
        evidence: the numbers, or what is missing.
    """

    number: int
    name: str
    shown: Shown
    evidence: str


Found = tuple[Shown, str]


def _one_granularity(calls: Calls) -> Found:
    groups = granularities(calls)
    if not groups:
        return Shown.CANNOT_TELL, "no column g"
    if len(groups) == 1:
        return Shown.SEEN, f"one g ({groups[0].words}): how fix and keep change with g is not in it"
    return Shown.NOT_SEEN, f"g = {', '.join(group.words for group in groups)}"


def _size_and_hardness(calls: Calls) -> Found:
    if "g" not in calls:
        return Shown.CANNOT_TELL, "no column g"
    g = calls.number("g")
    sizes = np.unique(g[~np.isnan(g)])
    if len(sizes) == 1:
        return Shown.NOT_SEEN, "all calls are of one size"
    if are_whole_tasks(calls):
        return Shown.SEEN, f"g is the size of the task in all {len(calls):,} calls: {_halves(calls)}"
    if "item" not in calls:
        return Shown.CANNOT_TELL, "no column item: whether the same items were given at each g is not in it"
    at = [set(group.calls.word("item").tolist()) for group in granularities(calls)]
    shared, every = len(set.intersection(*at)), len(set.union(*at))
    return (Shown.NOT_SEEN if 2 * shared >= every else Shown.SEEN), f"{shared:,} of {every:,} items at every g"


def _halves(calls: Calls) -> str:
    """The share that is fixed of small tasks and of large ones."""
    used = counted(calls)
    g, n, y = used.number("g"), used.number("incorrect"), used.number("repaired")
    there = (n > 0) & ~np.isnan(y)
    small = g <= np.median(g[there]) if there.any() else there
    if not (there & small).any() or not (there & ~small).any():
        return "no share of small and large tasks"
    shares = [float(np.mean(y[there & half] / n[there & half])) for half in (small, ~small)]
    return f"mean share fixed {shares[0]:.2f} of the smaller half, {shares[1]:.2f} of the larger"


def _flaky(calls: Calls) -> Found:
    if calls.lists_of_passing:
        broken = float(np.nansum(calls.correct - calls.kept)), float(np.nansum(calls.correct))
        return Shown.SEEN, f"the format lists tests that pass reliably: {broken[0]:,.0f} of {broken[1]:,.0f} broken"
    return _flips(calls, "no call is logged as no_op: blocks that flip by themselves are not in it")


def _flips(calls: Calls, missing: str) -> Found:
    """Blocks that changed in calls that changed nothing."""
    idle = calls.where(calls.word("outcome").astype(str) == "no_op")
    blocks = float(np.nansum(np.where(np.isnan(idle.kept), np.nan, idle.number("g"))))
    if blocks == 0:
        return Shown.CANNOT_TELL, missing
    flips = float(np.nansum(idle.number("repaired")) + np.nansum(idle.correct - idle.kept))
    told = f"{flips:,.0f} of {blocks:,.0f} blocks changed in {len(idle):,} calls that changed nothing"
    return (Shown.SEEN if flips else Shown.NOT_SEEN), told


def _missing_price(calls: Calls) -> Found:
    price = calls.number("price")
    used = np.nansum([calls.number(name) for name in ("tokens_in", "tokens_out")], axis=0) > 0
    if "price" not in calls:
        return Shown.CANNOT_TELL, "no money in the log: prices stay missing"
    zeros, empty = int(((price == 0) & used).sum()), int(np.isnan(price).sum())
    if zeros:
        return Shown.SEEN, f"{zeros:,} of {len(calls):,} calls cost 0 though they have tokens; they are left out"
    return Shown.NOT_SEEN, f"no call with tokens costs 0; {empty:,} of {len(calls):,} have no price"


def _some_reasoning(calls: Calls) -> Found:
    if "tokens_reasoning" not in calls:
        return Shown.CANNOT_TELL, "no column tokens_reasoning"
    said = ~np.isnan(calls.number("tokens_reasoning"))
    wrote = calls.number("tokens_out") > 0
    some, of = int((said & wrote).sum()), int(wrote.sum())
    return (Shown.SEEN if 0 < some < of else Shown.NOT_SEEN), f"told of {some:,} of {of:,} calls that wrote"


def _resumed(calls: Calls) -> Found:
    if "run" not in calls or "call" not in calls:
        return Shown.CANNOT_TELL, "no columns run and call"
    seen = set(zip(calls.word("run").tolist(), calls.word("call").tolist(), strict=True))
    twice = len(calls) - len(seen)
    told = f"{twice:,} of {len(calls):,} calls have the run and number of an earlier one"
    return (Shown.SEEN if twice else Shown.NOT_SEEN), told


def _kept_is_not_improved(calls: Calls) -> Found:
    words = calls.word("outcome")
    improved, applied = int((words == "improved").sum()), int((calls.classes == "applied").sum())
    if len(counted(calls)):
        return Shown.NOT_SEEN, "blocks are counted before and after"
    if not improved:
        return Shown.CANNOT_TELL, "no counts of blocks, and no outcome improved"
    return Shown.SEEN, f"{applied:,} answers were applied, {improved:,} of them improved"


def _malformed_by_run(calls: Calls) -> Found:
    classes = calls.classes
    answers = np.isin(classes.astype(str), ["applied", "malformed"])
    y, n, part = (classes[answers] == "malformed").astype(float), np.ones(int(answers.sum())), calls.where(answers)
    words, what = clusters(part), "runs"
    if "malformed_calls" in calls:
        there = ~np.isnan(calls.number("malformed_calls"))
        n, y = calls.number("calls")[there], calls.number("malformed_calls")[there]
        words, what = np.arange(len(n)).astype(str).astype(object), "attempts"
    if not len(n) or y.sum() == 0 or words is None:
        return Shown.CANNOT_TELL, "no malformed answers, or no column run or item to see them gather in"
    if y.sum() < FEWEST_MALFORMED:
        return Shown.CANNOT_TELL, f"{y.sum():.0f} malformed answers, {FEWEST_MALFORMED} would tell"
    factor = spread(Counts(n, y), float(y.sum() / n.sum()), 0.0, words)[0]
    number = len(set(words.tolist()))
    p = float(chi2.sf(factor * (number - 1), number - 1))
    told = f"{y.sum():,.0f} of {n.sum():,.0f} answers; between {what} they vary {factor:.1f} times as much as by chance"
    return (Shown.SEEN if p < ALPHA else Shown.NOT_SEEN), told


def _survivors(calls: Calls) -> Found:
    if calls.survivors:
        return Shown.SEEN, f"{calls.survivors}: no share of malformed, refused or missing answers is told"
    if "malformed_calls" in calls:
        return Shown.NOT_SEEN, f"{np.nansum(calls.number('malformed_calls')):,.0f} malformed answers are counted"
    failed = int(np.isin(calls.classes.astype(str), ["malformed", "refused", "error"]).sum())
    worse = int((calls.number("repaired") + calls.kept < calls.correct).sum())
    if failed or worse:
        return Shown.NOT_SEEN, f"{failed:,} failed calls and {worse:,} that did harm are logged"
    if len(calls) >= ENOUGH and ("outcome" in calls or "repaired" in calls):
        return Shown.SEEN, f"not one of {len(calls):,} calls failed or did harm: calls that did may not be logged"
    return Shown.CANNOT_TELL, f"{len(calls):,} calls, no outcome of a call that failed or did harm"


def _attempts(calls: Calls) -> Found:
    if "calls" not in calls:
        return Shown.CANNOT_TELL, "no column calls: whether a row is one call is not in it"
    each = float(np.nanmean(calls.number("calls")))
    told = f"{np.nansum(calls.number('calls')):,.0f} calls in {len(calls):,} rows, {each:.1f} each"
    return (Shown.SEEN, f"{told}: fix and keep are per attempt") if each > 1 else (Shown.NOT_SEEN, told)


def _judge(calls: Calls) -> Found:
    found, told = _flips(calls, "")
    if found is not Shown.CANNOT_TELL:
        return found, told
    words = calls.word("prompt")
    again = len(words[words != ""]) - len(set(words[words != ""].tolist()))
    told = f"{again:,} prompts were run again" if again else "no prompt was run again, no call logged as no_op"
    return Shown.CANNOT_TELL, f"{told}: how often the evaluator flips by itself is not in it"


_TRAPS: tuple[tuple[str, Callable[[Calls], Found]], ...] = (
    ("one granularity", _one_granularity),
    ("size stands for hardness", _size_and_hardness),
    ("flaky tests are left out", _flaky),
    ("a missing price is 0", _missing_price),
    ("reasoning told of some calls", _some_reasoning),
    ("resumed runs count twice", _resumed),
    ("kept is not improved", _kept_is_not_improved),
    ("malformed answers gather", _malformed_by_run),
    ("survivors only", _survivors),
    ("an attempt is many calls", _attempts),
    ("the evaluator flips by itself", _judge),
)


def traps(calls: Calls) -> list[LogTrap]:
    """All eleven, in order."""
    return [LogTrap(number, name, *look(calls)) for number, (name, look) in enumerate(_TRAPS, start=1)]
