"""The table of rules in print: what each covers is found by trying it, so that nothing is promised that is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

from evo.errors import InputError, NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.special import (
    BetaBlocksLaw,
    HiddenRepeatsLaw,
    LearningLaw,
    MisalignedLaw,
    PerBlockLaw,
    RepeatingLaw,
    RunQualityLaw,
    SpillLaw,
)
from evo.protocols import AnyMutator, AnyRunner, Problem, Schedule
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Merged
from evo.schedules import AllBlocks, OnlyIncorrect, UniformChunk, UniformSubset, UntilResolved
from experiments.grids.cell import Cell
from experiments.predictions import conditions as c
from experiments.predictions.rules import RULES, Row, classes
from experiments.predictions.setting import Setting, run_law
from operators import (
    BetaBlocks,
    BetaRunQuality,
    FixKeep,
    Learning,
    Malformed,
    Misaligned,
    PerBlock,
    Refuse,
    Repeating,
    Resample,
    Spill,
)
from problems import BlockOneMax, Judged, LeadingBlocks, Minibatch, Needle, Noisy, Trap

K = 4
STARTS: dict[str, dict[str, Any]] = {"all incorrect": {}, "p0": {"start": 0.3}, "j": {"incorrect": 2}}
UNEVEN, EVEN = FixKeep(fix=0.4, keep=0.7), Resample(p=0.5)
PROBLEMS: dict[c.Condition, tuple[str, Callable[..., list[Problem]]]] = {
    c.ONEMAX: ("`BlockOneMax`, or runs as if", lambda k, **start: [BlockOneMax(k, 1, **start)]),
    c.RISING: ("rises with the count", lambda k, **start: [BlockOneMax(k, 1, **start)]),
    c.COUNT: ("the count", lambda k, **start: [BlockOneMax(k, 1, **start)]),
    c.COUNTS: ("of the count", lambda k, **start: [Trap(k, 1, **start)]),
    c.NEEDLE: ("flat but at the optimum", lambda k, **start: [Needle(k, 1, **start)]),
    c.LEADING: ("leading blocks", lambda k, **start: [LeadingBlocks(k, 1, **start)]),
    c.ANY: ("any declared", lambda k, **start: [LeadingBlocks(k, 1, **start), Trap(k, 1, **start)]),
    c.SEEN: (
        "of the count, `Noisy`; the count, `Judged`",
        lambda k, **start: [Noisy(Trap(k, 1, **start), 1.0), Judged(BlockOneMax(k, 1, **start), 0.1, 0.2)],
    ),
    c.NOISY: ("the count, `Noisy`", lambda k, **start: [Noisy(BlockOneMax(k, 1, **start), 1.0, reevaluate=False)]),
    c.MINIBATCH: (
        "the count, `Minibatch`",
        lambda k, **start: [Minibatch(BlockOneMax(k, 1, **start), 1), Minibatch(BlockOneMax(k, 1, **start), k)],
    ),
    c.JUDGED: (
        "the count, `Judged`",
        lambda k, **start: [Judged(BlockOneMax(k, 1, **start), 0.1, 0.2, persistent=True)],
    ),
}
"""What the fitness must be in a few words, and problems of which it is so."""
MUTATORS: dict[type, Callable[[int], list[AnyMutator]]] = {
    CallLaw: lambda k: [UNEVEN, EVEN],
    SpillLaw: lambda k: [Spill(UNEVEN, 0.1)],
    PerBlockLaw: lambda k: [PerBlock(tuple(0.3 + 0.6 * block / k for block in range(k)))],
    BetaBlocksLaw: lambda k: [BetaBlocks(2.5, 1)],
    RunQualityLaw: lambda k: [BetaRunQuality(2.5, 1)],
    MisalignedLaw: lambda k: [Misaligned(UNEVEN, 0.3)],
    RepeatingLaw: lambda k: [Repeating(UNEVEN, 0.3)],
    HiddenRepeatsLaw: lambda k: [Refuse(Repeating(UNEVEN, 0.3), 0.2)],
    LearningLaw: lambda k: [Learning(start=0.2, end=0.6, halfway=5)],
}
RUNNERS: dict[type, Callable[[int, str], AnyRunner]] = {
    OnePlusLambda: OnePlusLambda,
    Archive: lambda lam, accept: Archive(2, lam=lam),
    MuPlusLambda: lambda lam, accept: MuPlusLambda(2, lam),
    Islands: lambda lam, accept: Islands(2, 2),
    MapElites: lambda lam, accept: MapElites(2, lam=lam),
    Merged: lambda lam, accept: Merged(2),
}
LAWS: dict[type, str] = {
    CallLaw: "of counts",
    SpillLaw: "`Spill`",
    PerBlockLaw: "`PerBlock`",
    BetaBlocksLaw: "`BetaBlocks`",
}
LAWS |= {RunQualityLaw: "`BetaRunQuality`", MisalignedLaw: "`Misaligned`", LearningLaw: "`Learning`"}
LAWS |= {RepeatingLaw: "`Repeating`", HiddenRepeatsLaw: "`Repeating` in `Refuse` or `Malformed`"}
Way = tuple[str, str, str, str]
"""g, lam, start and accept in words."""


def examples(row: Row, k: int, g: int, lam: int, start: str, accept: str) -> Iterator[Cell]:
    """Cells of the row's parts that differ in what a row may leave open; those only that can be built."""
    misread = c.MISREAD in row.needs
    mutators = [each for kind in classes(row.law) for each in MUTATORS.get(kind, MUTATORS[CallLaw])(k)]
    runners = [
        RUNNERS[kind](lam, accept)
        for kind in classes(row.runner)
        if accept == "strict" or (kind is OnePlusLambda and (lam == 1 or accept != "always"))
    ]
    parts = product(PROBLEMS[row.landscape][1](k, **STARTS[start]), mutators, _schedules(row, g, misread), runners)
    for problem, mutator, schedule, runner in parts:
        try:
            cell = Cell(problem, Malformed(mutator, 0.1) if misread else mutator, schedule, runner, budget=None)
        except InputError:
            continue
        if (cell.chunks.g, cell.runner.lam) == (g, lam):
            yield cell


def _schedules(row: Row, g: int, misread: bool) -> list[Schedule]:
    if row.schedule is c.WHOLE:
        return [AllBlocks()]
    if isinstance(row.schedule, c.Condition):
        return [AllBlocks(), *(kind(g) for kind in (UniformSubset, UniformChunk, OnlyIncorrect))]
    if misread:
        return [UntilResolved(g, "down")]
    return [kind() if kind is AllBlocks else kind(g) for kind in classes(row.schedule)]


def predicts(row: Row, cell: Cell) -> bool:
    """Whether the row fits a cell, and its formula does not refuse."""
    setting = Setting(cell.search)
    try:
        return not row.missed(setting).reasons and run_law(row.formula, setting) is not None
    except NoPrediction:
        return False


def ways(row: Row, mutators: tuple[AnyMutator, ...] = ()) -> set[Way]:
    """What the row predicts, of k = 4 blocks: the ways in which some example is predicted.

    Args:
        row: of the table.
        mutators: only examples of these.
    """
    return set(_ways(row, mutators))


def _ways(row: Row, mutators: tuple[AnyMutator, ...]) -> Iterator[Way]:
    for (g, size), (lam, offspring), start, accept in product(
        ((1, "1"), (2, "2"), (K, "k")), ((1, "1"), (2, "2"), (K, "k")), STARTS, ("strict", "weak", "always")
    ):
        tried = (cell for cell in examples(row, K, g, lam, start, accept) if not mutators or cell.mutator in mutators)
        if any(predicts(row, cell) for cell in tried):
            yield size, offspring, start, accept


def printed_rules(rules: tuple[Row, ...] = RULES) -> str:
    """Rules as a table in Markdown: what each is about, and what of g, lam, start and acceptance it covers."""
    heads = ("rule", "law", "schedule", "runner", "fitness", "g", "lam", "start", "accept", "also needs")
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *(f"| {' | '.join(_line(row))} |" for row in rules)])


def _line(row: Row) -> list[str]:
    found = ways(row)
    sizes, offspring, starts, accepts = ({way[i] for way in found} for i in range(4))
    schedule = row.schedule.words if isinstance(row.schedule, c.Condition) else _names(row.schedule)
    needs = [*(condition.words for condition in row.needs), *_exceptions(found)]
    if CallLaw in classes(row.law) and c.MISREAD not in row.needs and not any(_ways(row, (UNEVEN,))):
        needs.append("fix = keep")
    return [
        row.name,
        "; ".join(LAWS.get(kind, "of counts that wrappers can map") for kind in classes(row.law)),
        schedule.removeprefix("schedule "),
        _names(row.runner),
        PROBLEMS[row.landscape][0],
        _range(sizes),
        "-" if row.runner is Merged else _range(offspring),
        "any" if len(starts) == len(STARTS) else " or ".join(start for start in STARTS if start in starts),
        "-" if OnePlusLambda not in classes(row.runner) else "both" if len(accepts) == 2 else min(accepts),
        "; ".join(needs),
    ]


def _names(kinds: type | tuple[type, ...]) -> str:
    return ", ".join(f"`{kind.__name__}`" for kind in classes(kinds))


def _range(values: set[str]) -> str:
    return "any" if len(values) == 3 else " or ".join(sorted(values))


def _exceptions(found: set[Way]) -> Iterator[str]:
    """Pairs of values each of which is covered, but not both together."""
    names = ("g", "lam", "start", "accept")
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        firsts, seconds = sorted({way[i] for way in found}), sorted({way[j] for way in found})
        both = {(way[i], way[j]) for way in found}
        for first in firsts:
            missing = [second for second in seconds if (first, second) not in both]
            if missing:
                yield f"not {one} = {first} with {other} = {' or '.join(missing)}"
