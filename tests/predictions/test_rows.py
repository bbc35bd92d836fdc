"""Every row of the table against something that knows nothing of it: a chain of all solutions written here, or runs.

The chain is of `hit`, by brute force over the offspring of a generation; it is exact, so that 1e-9 is asked for. Runs
are compared by DKW: each row fails falsely w.p. 1e-6 (fixed seed), and an error of 0.09 in a cdf is found w.p. 0.98.
Quick, at most a tenth of the cells of a row by the chain and one by runs: random cells of every row are compared with
another chain in `tests/oracle/test_every_row.py`.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from itertools import islice, product
from pathlib import Path

import numpy as np
import pytest

from evo import AllBlocks, Budget, OnlyIncorrect, RoundRobin, UniformChunk, UniformSubset, UntilResolved
from evo.laws.counts import CallLaw
from evo.laws.declared import declared_law
from evo.laws.mixtures import ComponentLaw
from evo.laws.special import MisalignedLaw, PerBlockLaw, SpillLaw
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import EachChunk
from evo.statistics import dkw_halfwidth, dkw_p_value, law_distance
from experiments.grids.cell import Cell
from experiments.predictions import conditions as c
from experiments.predictions.predict import predict
from experiments.predictions.printed import STARTS, _exceptions, examples, predicts, printed_rules, ways
from experiments.predictions.rules import RULES, classes
from experiments.predictions.setting import NAMES, Setting, asked, run_law
from experiments.running.simulation import simulate
from operators import BetaBlocks, FixKeep, Malformed, Misaligned, PerBlock, Resample
from problems import BlockOneMax, LeadingBlocks, Needle, Trap

K, LAST = 3, 40
NAMED = pytest.mark.parametrize("row", RULES, ids=lambda row: row.name)


# ------------------------------------------------------------------------- a chain of all solutions by brute force


def blocks_after(law, parent, chunk):
    """P(block j is correct after the call) for each component: pairs of weight and float [k]."""
    correct = np.array(parent, dtype=float)
    if type(law) is PerBlockLaw:
        chances = correct.copy()
        chances[chunk] = np.array(law.p)[chunk]
        return [(1.0, chances)]
    inside, outside = (law.inside, law.rate) if type(law) is SpillLaw else (law, 0.0)
    found = []
    for weight, fix, keep in zip(*inside.components(len(chunk)), strict=True):
        chances = correct * (1 - outside)
        chances[chunk] = np.where(correct[chunk] == 1, keep, fix)
        found.append((weight, chances))
    return found


def offspring(law, parent, chunk):
    """Probabilities of the solutions after a call; what is missing is invalid."""
    k = len(parent)
    if type(law) is MisalignedLaw:
        aligned, missed = offspring(law.inside, parent, chunk), offspring(law.inside, parent, (chunk + law.by) % k)
        return {x: (1 - law.rate) * aligned.get(x, 0) + law.rate * missed.get(x, 0) for x in {*aligned, *missed}}
    found = defaultdict(float)
    for weight, chances in blocks_after(law, parent, chunk):
        for child in product((False, True), repeat=k):
            found[child] += weight * math.prod(p if right else 1 - p for p, right in zip(chances, child, strict=True))
    return {child: chance for child, chance in found.items() if chance > 0}


def chunks_of(cell, parent, pointer, number):
    """The chunks that offspring `number` of a generation may get, and their probabilities."""
    k, g, schedule = cell.problem.k, cell.chunks.g, cell.schedule
    cut = [np.arange(first, min(first + g, k)) for first in range(0, k, g)]
    if isinstance(schedule, UniformChunk):
        return [(1 / len(cut), chunk) for chunk in cut]
    if isinstance(schedule, UniformSubset):
        sets = [np.array(some) for some in product(range(k), repeat=g) if list(some) == sorted(set(some))]
        return [(1 / len(sets), some) for some in sets]
    if isinstance(schedule, OnlyIncorrect):
        return [(1.0, cut[parent.index(False) // g])]
    if isinstance(schedule, EachChunk):
        return [(1.0, cut[number % len(cut)])]
    return [(1.0, cut[0 if isinstance(schedule, AllBlocks) else pointer])]


def generation(cell, law, parent, pointer):
    """Where a generation leads: P(hit with offspring j), and of each next parent and pointer."""
    fit = {x: float(cell.problem.fitness(np.array([x]))[0]) for x in product((False, True), repeat=len(parent))}
    each = []
    for number in range(cell.runner.lam):
        mixed = defaultdict(float)
        for share, chunk in chunks_of(cell, parent, pointer, number):
            for child, chance in offspring(law, parent, chunk).items():
                mixed[child] += share * chance
        mixed[None] = max(0.0, 1 - sum(mixed.values()))
        each.append([(child, chance) for child, chance in mixed.items() if chance > 1e-15])
    hits, moves = np.zeros(cell.runner.lam), defaultdict(float)
    for family in product(*each):
        chance = math.prod(p for _, p in family)
        children = [child for child, _ in family]
        if tuple([True] * len(parent)) in children:
            hits[children.index(tuple([True] * len(parent)))] += chance
            continue
        best = max(children, key=lambda child: -math.inf if child is None else fit[child])
        least = {"strict": 1e-9, "weak": 0.0, "always": -np.inf}[cell.runner.accept]
        takes = best is not None and fit[best] - fit[parent] >= least
        down = getattr(cell.schedule, "invalid", "ignore") == "down"
        moved = any(down if child is None else fit[child] != fit[parent] for child in children)
        step = isinstance(cell.schedule, RoundRobin) or (isinstance(cell.schedule, UntilResolved) and moved)
        moves[best if takes else parent, (pointer + step) % cell.chunks.m] += chance
    return hits, moves


def hit_cdf(cell):
    """P(hit <= t) for t = 0..LAST."""
    problem, law, lam = cell.problem, declared_law(cell.mutator), cell.runner.lam
    now, done = defaultdict(float), np.zeros(LAST + lam + 1)
    for x in product((False, True), repeat=problem.k):
        wrong = x.count(False)
        if problem.incorrect is not None:
            chance = float(wrong == problem.incorrect) / math.comb(problem.k, wrong)
        else:
            chance = problem.start ** (problem.k - wrong) * (1 - problem.start) ** wrong
        if all(x):
            done[0] += chance
        else:
            now[x, 0] += chance
    known = {}
    for made in range(0, LAST, lam):
        after = defaultdict(float)
        for state, chance in now.items():
            if chance == 0.0:
                continue
            if state not in known:
                known[state] = generation(cell, law, *state)
            hits, moves = known[state]
            done[made + 1 : made + lam + 1] += chance * hits
            for to, p in moves.items():
                after[to] += chance * p
        now = after
    return np.cumsum(done)[: LAST - lam]


MISREAD = next(row for row in RULES if row.name.endswith("misread"))
ALL = next(row for row in RULES if row.name == "all solutions, one by one")
LISTED = [
    row
    for row in RULES
    if row is not MISREAD
    and OnePlusLambda in classes(row.runner)
    and row.landscape not in (c.SEEN, c.NOISY, c.JUDGED, c.MINIBATCH)
    and set(classes(row.law)) & {CallLaw, ComponentLaw, PerBlockLaw, SpillLaw, MisalignedLaw}
]
"""Rows that the chain can be compared with: exact fitness, one parent, blocks that are independent given the call."""
MOST = 100


def tried(row):
    """Cells of the parts of a row, at most about MOST where formulas take long."""
    found = [
        cell
        for g, lam, start, accept in product((1, 2, K), (1, 2, K), STARTS, ("strict", "weak", "always"))
        for cell in examples(row, K, g, lam, start, accept)
    ]
    return found[:: max(1, len(found) // MOST) if row in (ALL, RULES[-2]) else 1]


def cdf_of(row, cell):
    return run_law(row.formula, Setting(cell.search)).hit.cdf(np.arange(LAST - cell.runner.lam))


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("row", LISTED, ids=lambda row: row.name)
def test_rows_say_what_a_chain_of_all_solutions_says(row, every):
    most = K if row.schedule is EachChunk else 2  # a chain of three offspring takes long
    cells = [of for of in tried(row) if of.runner.lam <= most and type(of.runner) is OnePlusLambda]
    predicted = (of for of in random.Random(1).sample(cells, len(cells)) if predicts(row, of))
    found = list(islice(predicted, max(1, len(cells) // (2 * every)) if every > 1 else None))
    assert found
    for cell in found:
        assert cdf_of(row, cell) == pytest.approx(hit_cdf(cell), rel=1e-9, abs=1e-12), cell.text


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("lam", [1, 2])
def test_misread_output(start, lam):
    """The list of all solutions against the chain, and where its formula does not refuse, the mean against the list."""
    problem, mutator = BlockOneMax(K, 1, **start), Malformed(FixKeep(0.4, 0.7), 0.1)
    cell = Cell(problem, mutator, UntilResolved(invalid="down"), OnePlusLambda(lam))
    assert cdf_of(ALL, cell) == pytest.approx(hit_cdf(cell), rel=1e-9)
    if "incorrect" not in start:
        listed, summed = (run_law(row.formula, Setting(cell.search)) for row in (ALL, MISREAD))
        assert summed.generations.mean == pytest.approx(listed.generations.mean, rel=1e-9)


@pytest.mark.parametrize(
    "schedule", [UntilResolved(g=K), RoundRobin(g=K), OnlyIncorrect(g=K), EachChunk(g=K)], ids=repr
)
@pytest.mark.parametrize("problem", [BlockOneMax(K, 1), LeadingBlocks(K, 1), Trap(K, 1), Needle(K, 1)], ids=repr)
def test_where_a_chunk_is_the_whole_solution_every_schedule_is_as_all_blocks(problem, schedule):
    for mutator, runner in product((FixKeep(0.6, 1.0), Resample(0.4)), (OnePlusLambda(2), OnePlusLambda(1, "weak"))):
        said, expected = (predict(Cell(problem, mutator, each, runner)) for each in (schedule, AllBlocks()))
        assert said.mean == pytest.approx(expected.mean, rel=1e-12)


def test_a_wrong_formula_is_found():
    """The twin: the law of theory 10a where fix and keep differ, as it was predicted once."""
    row = next(row for row in RULES if row.name == "a needle, in turn")
    right, wrong = (
        Cell(Needle(K, 1), mutator, RoundRobin(), OnePlusLambda(accept="weak"))
        for mutator in (FixKeep(0.3, 0.1), Resample(0.3))
    )
    assert cdf_of(row, wrong) == pytest.approx(hit_cdf(wrong), rel=1e-9)
    assert cdf_of(row, wrong) != pytest.approx(hit_cdf(right), rel=1e-2)
    assert not predicts(row, right)


# ------------------------------------------------------------------------------------------------------------- by runs

RUNS, CASES = 3000, 3
EACH = 1e-6 / CASES


def spread_out(row, cases):
    """The last cell that the row predicts, or a few as different as can be: the first, the last, one between them."""
    if cases == 1:
        return [next(of for of in reversed(tried(row)) if predicts(row, of))]
    found = [of for of in tried(row) if predicts(row, of)]
    return [found[round(at * (len(found) - 1) / (cases - 1))] for at in range(cases)] if found else []


@pytest.mark.statistical
@pytest.mark.parametrize("cases", [1, pytest.param(CASES, marks=pytest.mark.slow)])
@NAMED
def test_rows_say_what_runs_do(row, cases):
    assert dkw_halfwidth(RUNS, EACH) + dkw_halfwidth(RUNS, 0.02) < 0.09
    cells = spread_out(row, cases)
    assert cells, "a row without a case; write an example of its parts in printed.py"
    if row is MISREAD:  # only its mean is known, which is compared above
        return
    for number, cell in enumerate(cells):
        of = Cell(cell.problem, cell.mutator, cell.schedule, cell.runner, budget=Budget(calls=120))
        runs, law = simulate(of, number, 0, RUNS), run_law(row.formula, Setting(of.search)).hit
        hits = runs.hit[runs.hit >= 0].astype(float)
        last = math.inf if len(hits) == len(runs.hit) else float(runs.calls[runs.hit < 0].min())
        assert dkw_p_value(len(runs.hit), law_distance(hits, len(runs.hit), law, last)) >= EACH, of.text


# ----------------------------------------------------------------------------------------------------------- the table


@NAMED
def test_formulas_ask_only_for_what_a_setting_has(row):
    assert set(asked(row.formula)) <= NAMES
    assert {"law", "k"} <= set(asked(row.formula)) or "refusing" in asked(row.formula)
    assert row.checked == tuple(dict.fromkeys(row.checked))


def test_a_formula_that_asks_for_something_else_is_an_error():
    with pytest.raises(TypeError, match="asks for p; a setting has always, by_count, down, "):
        asked(lambda p, k: None)


def test_names_of_rows_are_their_own():
    assert len({row.name for row in RULES}) == len(RULES)


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_the_page_prints_the_table(every):
    page = (Path(__file__).parents[2] / "docs" / "predictions.md").read_text(encoding="utf-8")
    begin, end = "<!-- printed by experiments.predictions.printed -->\n", "\n<!-- end -->"
    assert page.count(begin) == page.count(end) == 1
    head, line, *printed = page.split(begin)[1].split(end)[0].splitlines()
    wanted = printed_rules(RULES[::every]).splitlines()
    assert [head, line, *printed[::every]] == wanted, "write printed_rules() between the two markers"
    assert [row.split(" | ")[0] for row in printed] == [f"| {row.name}" for row in RULES]


def test_boundaries_that_miss_from_exactly_j_are_not_in_the_table():
    """Misaligned, OnlyIncorrect, exactly j incorrect: no formula is known."""
    row = next(row for row in RULES if row.name == "boundaries that miss, only incorrect blocks")
    found = ways(row)
    assert ("1", "2", "all incorrect", "strict") in found
    assert ("1", "2", "p0", "strict") in found
    assert {start for _, _, start, _ in found} == {"all incorrect", "p0"}
    assert f"| {row.name} |" in printed_rules((row,))


@pytest.mark.parametrize(
    ("name", "mutator", "schedule"),
    [
        ("boundaries that miss, only incorrect blocks", Misaligned(FixKeep(0.4, 0.7), 0.3), OnlyIncorrect()),
        ("difficulties drawn, one block a call until resolved", BetaBlocks(2.5, 1), UntilResolved()),
        ("blocks that differ, random blocks", PerBlock((0.3, 0.5, 0.6, 0.9)), UniformChunk()),
    ],
)
def test_the_table_does_not_promise_what_is_refused(name, mutator, schedule):
    """Misaligned with lam = 2 and start = 0.3 was listed as covered once, and refused."""
    row = next(row for row in RULES if row.name == name)
    covered = ways(row)
    for lam, start, accept in product((1, 2), STARTS, ("strict", "weak")):
        cell = Cell(BlockOneMax(4, 1, **STARTS[start]), mutator, schedule, OnePlusLambda(lam, accept))
        if ("1", str(lam), start, accept) in covered:
            assert predict(cell).mean > 0
        else:
            assert not predicts(row, cell)


def test_each_value_that_is_not_covered_together_with_another_is_told():
    """Ways are g, lam, start and accept; of g = k only lam = 1 is covered, from where all blocks are incorrect."""
    ways = {("1", lam, start, "strict") for lam in ("1", "2", "k") for start in ("all incorrect", "p0")}
    ways |= {("k", "1", "all incorrect", "strict")}
    assert list(_exceptions(ways)) == ["not g = k with lam = 2 or k", "not g = k with start = p0"]
