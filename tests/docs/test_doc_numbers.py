"""Results in README and docs/studies.md are those that the code gives; a number that nothing computes is found."""

import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from evo import (
    AllBlocks,
    LLMPrimitive,
    OnePlusLambda,
    OnlyIncorrect,
    Prompt,
    QuadraticPrimitive,
    RoundRobin,
    TokenPrices,
    UniformChunk,
    UntilResolved,
)
from evo.runners.archives import Archive, MuPlusLambda
from evo.schedules import EachChunk, UniformSubset
from experiments import Cell, predict
from experiments.predictions.predict import NoPrediction
from experiments.studies import STUDIES, granularity
from experiments.studies.exercises import EXERCISES
from experiments.studies.measured import AGENT, PAPER, REAL, WEAK
from experiments.studies.systems import SYSTEMS
from operators import FixKeep, Resample, Spill
from problems import BlockOneMax, Judged, Jump, LeadingBlocks, Needle, Noisy, Trap

ROOT = Path(__file__).parents[2]
HALF, ONE = Resample(p=0.5), OnePlusLambda()


def law(problem, schedule=None, mutator=HALF, runner=ONE):
    return predict(Cell(problem, mutator, schedule or UniformChunk(), runner))


def mean(problem, *parts, **more):
    return law(problem, *parts, **more).mean


def blocks(k):
    return BlockOneMax(k=k, l=16)


def digits(value, count=3):
    """To so many digits, as the pages write them."""
    if math.isinf(value):
        return "never"
    shown = float(f"{value:.{count}g}")
    return f"{value:,.0f}" if shown >= 10 ** (count - 1) else f"{shown:g}"


def row(*values, count=3):
    return " | ".join(digits(value, count) for value in values)


@cache
def of(name):
    return STUDIES[name].grid()


def jump(k, *parts):
    return Jump(k=k, l=16, m=2), *parts


def ever(k, *parts):
    return float(law(*jump(k, *parts)).cdf(math.inf))


def judged(error=0.1, **more):
    return mean(Judged(blocks(10), fp=error, fn=error, **more))


def lasting(**more):
    return float(law(Judged(blocks(10), fp=0.1, fn=0.1, persistent=True, **more)).cdf(math.inf))


def slower(k, samples=1):
    return mean(Noisy(blocks(k), 1.0, samples)) / mean(blocks(k))


def stored(sigma, again):
    return digits(mean(Noisy(blocks(1), sigma, reevaluate=again), OnlyIncorrect()))


def archive(runner):
    return row(*(mean(blocks(k), runner=runner) for k in (4, 6, 8)))


def first_win(runner):
    return min(k for k in range(1, 9) if all(mean(blocks(j), runner=runner) < 2**j for j in range(k, 9)))


def with_pair(pair, schedule, ratio=0):
    """Mean calls, and mean cost: in the paper's unit, or in money with so many prompt tokens for a block written."""
    cell = Cell(BlockOneMax(k=50, l=100), FixKeep(*pair), schedule, ONE)
    if ratio:
        dollars = TokenPrices(prompt=0.15e-6, generated=0.6e-6)
        cell = replace(cell, prompt=Prompt(head=100 * (ratio - 1)), cost=dollars)
    return predict(cell).mean, predict(cell, "cost").mean


@cache
def pair_of(pair):
    """Calls of GLOBAL, LOCAL and at random at k = 50; GLOBAL / LOCAL in tokens written, m c, money 20:1 and 60:1."""
    (whole, dear), (local, cheap) = (with_pair(pair, each) for each in (AllBlocks(), UntilResolved()))
    random, _ = with_pair(pair, UniformChunk())
    money = [with_pair(pair, AllBlocks(), ratio)[1] / with_pair(pair, UntilResolved(), ratio)[1] for ratio in (20, 60)]
    return whole, local, random, 50 * whole / local, dear / cheap, *money


def short(value):
    return f"{value:.1e}" if value >= 1e7 else f"{float(f'{value:.3g}'):,.12g}"


def who(ratio):
    return f"GLOBAL, {1 / ratio:.3g} times" if ratio < 1 else f"LOCAL, {ratio:.3g} times"


def measured_pairs():
    """The table of README.md."""
    whole, local, random, *others = pair_of(PAPER)
    assert min(others) > 1e13
    calls = f"{short(whole)} | {short(local)} (at random {short(random)})"
    yield f"| 0.5 / 0.5, the paper's | {calls} | LOCAL | LOCAL | LOCAL |"
    for pair, name in ((AGENT, "as coding agents have"), (WEAK, "a weaker model")):
        whole, local, random, tokens, _, *money = pair_of(pair)
        calls = f"{short(float(f'{whole:.3g}')) if whole > 100 else f'{whole:.2g}'} | {short(local)} ({short(random)})"
        yield f"| {pair[0]:g} / {pair[1]:g}, {name} | {calls} | {' | '.join(map(who, (*money, tokens)))} |"
    keeps = [keep for _, keep in REAL]
    yield f"Measured, models keep {min(keeps):g} to {max(keeps):.3f} of what is right"
    assert len(REAL) == 9


def priced_speedups():
    """GLOBAL over UntilResolved, k = 10, l = 16: m c, m c^2, per token, shown the solution, local model of size m/k."""
    prices = TokenPrices(prompt=0.15e-6, generated=0.6e-6)
    for cost, prompt, local in (
        (LLMPrimitive(), Prompt(), LLMPrimitive()),
        (QuadraticPrimitive(), Prompt(), QuadraticPrimitive()),
        (prices, Prompt(), prices),
        (LLMPrimitive(), Prompt(shows="solution"), LLMPrimitive()),
        (LLMPrimitive(), Prompt(), LLMPrimitive(m=0.1)),
    ):
        whole = Cell(blocks(10), HALF, AllBlocks(), ONE, cost=cost)
        one = Cell(blocks(10), HALF, UntilResolved(), ONE, prompt=prompt, cost=local)
        yield predict(whole, "cost").mean / predict(one, "cost").mean


def readme():
    yield from measured_pairs()
    keep = mean(blocks(16), AllBlocks(), FixKeep(0.5, 0.99))
    costs = [predict(Cell(blocks(16), HALF, each, ONE), "cost").mean for each in (AllBlocks(), UntilResolved())]
    yield f"measures both ({len(of('paper').cells)} cells, {of('paper').runs:,} runs each)"
    yield f"| k = 16: {mean(blocks(16), AllBlocks()):,.0f} |"
    yield f"| k = 1,024: {mean(blocks(1024), UntilResolved()):,.0f} |"
    yield f"k = 1,024: {mean(blocks(1024), RoundRobin()):,.0f} and {mean(blocks(1024)):,.0f} |"
    yield f"with keep = 0.99 it is gone | k = 16: {keep:.1f} |"
    yield f"k = l = 16: {costs[0] / costs[1]:,.0f} |"
    others = {study.name for study in (*EXERCISES, *SYSTEMS)}
    numbers = {13: "Thirteen", 6: "six"}
    yield f"{numbers[len(set(STUDIES) - others) - 1]} more studies of it ask"
    yield f"its {numbers[len(EXERCISES)]} exercises have a page of their own"
    yield f"`llm-evo show` lists all {len(STUDIES)} studies."


def studies():
    own_page = {study.name for study in (*EXERCISES, *SYSTEMS)}
    runs = {name: of(name).runs for name in STUDIES if name not in own_page}
    assert {name for name, number in runs.items() if number == 1250} == {"noise", "judge", "nonconvex"}
    assert {name for name, number in runs.items() if number not in (1000, 1250)} == {"selection", "cost-models"}
    few, many = runs["selection"], runs["cost-models"]
    others = {name: of(name).runs for name in own_page}
    assert others.pop("sentences") == 1000
    assert set(others.values()) == {1250}
    in_short = "1,250 in `noise`, `judge`, `nonconvex` and those of several roles, and in the exercises but `sentences`"
    yield f"Each study has 1,000 runs a cell ({in_short}; {few} in `selection`, {many:,} in `cost-models`)"
    yield f"| exact at k = 10, l = 16 | {' | '.join(f'{speedup:,.0f}' for speedup in priced_speedups())} |"
    keeps = [mean(blocks(20), AllBlocks(), FixKeep(0.5, keep)) for keep in (0.5, 0.9, 1.0)]
    yield f"at k = 20 they fall from {keeps[0]:,.0f} (keep = 1/2) to {keeps[1]:.1f} (0.9) and {keeps[2]:.1f} (1)"
    for pair in (PAPER, *REAL):
        yield f"| {pair[0]:g} / {pair[1]:g} | {' | '.join(map(short, pair_of(pair)))} |"
        assert pair_of(pair)[3] >= 1
    yield f"Measured, keep is {min(keep for _, keep in REAL):g} to {max(keep for _, keep in REAL):.3f}:"
    spill = mean(blocks(100), OnlyIncorrect(), Spill(HALF, rate=0.01)) / 200
    yield f"some {spill:.1f} times the calls at k = 1/s"
    yield f"at k = 10, 20 and 50 by factors of {', '.join(map(digits, (slower(10), slower(20))))} and {slower(50):,.0f}"
    enough = math.ceil(4 * math.log(50))
    yield f"polynomial: {digits(slower(50, enough))} times the calls at k = 50, with {enough} evaluations"
    assert 4 * slower(30, 4) < math.ceil(4 * math.log(30)) * slower(30, math.ceil(4 * math.log(30)))
    assert 4 * slower(50, 4) > enough * slower(50, enough)
    yield f"One block, sigma = 1: {stored(1.0, False)} calls instead of {stored(1.0, True)};"
    yield f"sigma = 2: {stored(2.0, False)} instead of {stored(2.0, True)}."
    yield f"All {len(of('noise').cells)} cells come to AGREES."
    yield f"the exact means are {digits(judged())} calls where all ten blocks"
    yield f"{digits(judged(votes=3))} with a majority of three judges, {digits(judged(ahead=3))} with votes until"
    yield f"{digits(judged(blocks='changed'))} where only the block that was rewritten is judged,"
    yield f"and {digits(mean(blocks(10)))} without errors"
    yield f"a share of {digits(lasting())} of the runs ever gets all ten right;"
    yield f"with a majority of three {digits(lasting(votes=3))}, with three ahead {digits(lasting(ahead=3))}."
    arms = of("judge").arms
    lasting_cells = sum(len(cells) for arm, cells in arms.items() if arm.startswith("lasting"))
    yield f"All {lasting_cells} cells of lasting judgements"
    yield f"All {len(of('judge').cells)} cells come to AGREES."
    for k in (4, 8, 12):
        assert ever(k, UniformChunk()) == 0
    chunks = [ever(k, UniformChunk(g=2)) for k in (4, 8)]
    yield f"| fixed chunks of two, `UniformChunk(g=2)` | P(ever) = {row(*chunks)} | |"
    yield f"`UniformSubset(g=2)` | {row(*(mean(*jump(k, UniformSubset(g=2))) for k in (4, 8, 12)))} |"
    yield f"| any three blocks | {row(*(mean(*jump(k, UniformSubset(g=3))) for k in (4, 8, 12)))} |"
    yield f"`AllBlocks` | {row(*(mean(*jump(k, AllBlocks())) for k in (4, 8, 12)))} |"
    assert math.isinf(mean(Trap(k=6, l=16)))
    weak = OnePlusLambda(accept="weak")
    needle = Needle(k=10, l=16)
    yield (
        f"at k = 10 {mean(needle, AllBlocks(), runner=weak):,.0f} calls against "
        f"{mean(needle, RoundRobin(), runner=weak):,.0f} in turn and {mean(needle, runner=weak):,.0f} at random"
    )
    assert mean(LeadingBlocks(k=9, l=16)) == pytest.approx(2 * 81)
    for pair, cells in granularity.PANELS[granularity.MONEY].items():
        costs = {cell.chunks.g: predict(cell, "cost").mean for cell in cells}
        best = min(costs, key=costs.get)
        whole = f"{costs[24] / costs[1]:.3g}" if 24 in costs else "out of reach"
        yield f"| {pair} | {best} | {costs[best] / costs[1]:.3g} | {whole} |"
    best = [min(cells, key=lambda cell: predict(cell, "cost").mean).chunks.g
            for cells in granularity.PANELS[granularity.BY_HEAD].values()]  # fmt: skip
    yield f"the cheapest g is {', '.join(map(str, best[:-1]))} and {best[-1]} for 0, 128, 512 and 4,096 tokens of them"
    yield f"All {len(of('nonconvex').cells)} cells come to AGREES."
    yield f"| GLOBAL, any | {row(*(mean(blocks(k), AllBlocks()) for k in (4, 6, 8)))} |"
    kept = {
        "the best so far, `OnePlusLambda`": OnePlusLambda(),
        "the last that entered an archive of 4": Archive(4, "last"),
        "any of an archive of 4": Archive(4),
        "any of four, `MuPlusLambda(mu=4)`": MuPlusLambda(4),
    }
    for name, runner in kept.items():
        yield f"| {name} | {archive(runner)} | from k = {first_win(runner)} on |"
    unknown = sum(is_unknown(cell) for arm, cells in of("selection").arms.items() for cell in cells if arm in UNKNOWN)
    yield f"{unknown} cells come to CANNOT TELL, since they have no exact law"
    yield f"lam is near 2^k = {2**8}"
    each = predict(Cell(blocks(32), HALF, EachChunk(), OnePlusLambda(32)), "generations").mean
    yield f"k + {each - 32:.1f} rounds"


def is_unknown(cell):
    try:
        predict(cell)
    except NoPrediction:
        return True
    return False


UNKNOWN = ("LOCAL, any of 100", "LOCAL, fit of 100", "LOCAL, islands")
PAGES = {"README.md": readme, "docs/studies.md": studies}
MEASURED = {
    "docs/studies.md": (
        "| 37 | 155 | 348 |",
        "| 113 | 344 | 590 |",
        "| 164 | 437 | 739 |",
        "0 %, 48 % and 100 % of the runs",
    )
}
"""Compared with the runs of the whole study by its slow test (`tests/studies/test_studies.py`)."""
PARAMETERS = {
    "README.md": ("Python 3.11",),
    "docs/studies.md": (*(f"{fix:g} / {keep:g}" for fix, keep in REAL), "300 attempts", "(correlation 0.64)",
                        "up to k = 14", "an archive of 100", "five of 200", "the counts of 100", "4,096 states",
                        "within 2,000 calls", "takes 1,119 runs", "off by 0.1", "f = 0.1", "750 runs a cell",
                        "1,024 tokens", "within 500 calls", "two archives of 100", "An archive of 100",
                        "Islands of 200", "within 300 calls",
                        "fix = 0.3 and keep = 0.99",
                        ),
}  # fmt: skip
"""What is chosen or stands in the code, not found."""


def plain(page):
    """A page without its blocks of code, links and line ends."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    return " ".join(re.sub(r"\]\([^)]*\)", "]", text).split())


def islands(measured):
    """What other pages say of the measured rows of `selection`: calls, and times those of an elitist parent."""
    any_of_100, of_islands = ([float(calls) for calls in row.strip("| ").split(" | ")] for row in measured)
    best = [predict(Cell(blocks(k), HALF, UniformChunk(), OnePlusLambda())).mean for k in (4, 6, 8)]
    calls = "{:.0f}, {:.0f} and {:.0f}".format(*of_islands)
    times = ", ".join(f"{each / one:.0f}" for each, one in zip(of_islands, best, strict=True))
    yield "docs/frameworks.md", f"at k = 4, 6, 8 one-block edits take {calls} calls"
    yield "docs/theory.md", f"five islands of 200 with elites and 20 % exploration: {times} times at k = 4, 6, 8."
    yield "docs/theory.md", f"of 100: {any_of_100[-1] / best[-1]:.0f} times at k = 8;"


def test_islands_are_on_all_pages_what_the_study_found():
    """The study's own page is compared with its runs by the slow test of the study."""
    measured = MEASURED["docs/studies.md"][1:3]
    assert not [said for page, said in islands(measured) if said not in plain(page)]
    others = ("| 113 | 344 | 660 |", "| 181 | 480 | 800 |")
    assert all(said not in plain(page) for page, said in islands(others))


@pytest.mark.parametrize("page", PAGES)
def test_results_on_a_page_are_computed(page):
    text = plain(page)
    assert not [said for said in PAGES[page]() if said not in text]


def left(page, text, numbers_of):
    """The numbers of a page that nothing here computes."""
    for said in (*PAGES[page](), *MEASURED.get(page, ()), *PARAMETERS[page]):
        text = text.replace(said, "")
    return numbers_of(text)


@pytest.mark.parametrize("page", PAGES)
def test_no_number_on_a_page_is_typed_in(page, numbers_of):
    text = plain(page)
    assert left(page, text, numbers_of) == []
    assert left(page, f"{text} It takes 162 calls, 443.2 or 1,751.", numbers_of) == ["162", "443.2", "1,751"]


def test_advice_that_has_conditions_fails_without_them():
    """One block a call is not cheapest where a model seldom damages, or a prompt is paid once a call."""
    text = plain("docs/studies.md")
    for condition in ("independently with fix = keep = p", "Neither half is a rule", "without error and at no cost"):
        assert condition in text
