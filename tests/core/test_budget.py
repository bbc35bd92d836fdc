"""Budgets on every entry of the ledger: where runs stop, against passes counted token by token in this file."""

from dataclasses import replace

import numpy as np
import pytest

from evo import Decomposed, OnePlusLambda, Prompt, RoundRobin, UniformChunk
from evo.batch import Batch
from evo.costs.budget import Budget
from evo.costs.ledger import LEDGER, PART_OF
from evo.costs.prices import TokenPrices
from evo.engine import populations, run_batch
from evo.engine.deap import run_batch_deap
from evo.errors import InputError
from evo.search import Search
from evo.seeding import streams
from experiments.checks.ledger import ledger_fault
from experiments.grids.cell import Cell
from experiments.grids.toml import load_grid
from experiments.store.table import batch_columns, runs_table
from operators import FixKeep, Malformed
from problems import BlockOneMax, UnequalBlocks

LAM, G, HEAD, CACHED, REASONING = 3, 2, 4, 3, 2
STUCK = FixKeep(0.0, 0.5)
PRICES = TokenPrices(prompt=3e-7, generated=1e-6, per_call=0.01)
LENGTHS = {"equal": (3,) * 5, "unequal": (7, 1, 12, 3, 5)}
PROBLEMS = {"equal": BlockOneMax(5, 3), "unequal": UnequalBlocks(LENGTHS["unequal"])}
SCHEDULES = {"alone": RoundRobin(g=G), "decomposed": Decomposed(RoundRobin(g=G), writes=2, head=1)}
ENGINES = {"blocks": run_batch, "deap": run_batch_deap, "population": populations.run_batch}


def cell_of(lengths="equal", schedule="alone", shows="chunk", **more):
    parts = {"mutator": STUCK, "runner": OnePlusLambda(LAM), "prompt": Prompt(HEAD, shows, CACHED, REASONING)} | more
    return Cell(PROBLEMS[lengths], schedule=SCHEDULES[schedule], **parts)


def run(cell, runs=1, loop=run_batch):
    parts = (cell.problem, cell.mutator, cell.schedule, cell.runner)
    return loop(Search(*parts), Batch(streams(1, "budget", 0), runs, cell.limits))[0]


# ------------------------------------------------------------------------------------------- token by token


def literal_ledgers(lengths, decomposed, shows, generations, late=0):
    """The ledger after each generation of a run that repairs nothing: LAM calls in turn on chunks of G blocks.

    `late`: a pass that is counted after its token instead of before it, the twin's mistake.
    """
    spent, after = dict.fromkeys(LEDGER, 0), []
    chunks = [lengths[first : first + G] for first in range(0, len(lengths), G)]

    def call(read, write, cached=0, reasoning=0):
        spent["cached_tokens"] += cached
        spent["reasoning_tokens"] += reasoning
        spent["calls"] += 1
        context = 0
        for _ in range(read):
            spent["prompt_tokens"] += 1
            context += 1
        for _ in range(write):
            spent["pass_tokens"] += context + late
            spent["pass_tokens_squared"] += (context + late) * (context + late)
            spent["generated_tokens"] += 1
            context += 1

    for generation in range(generations):
        chunk = chunks[generation % len(chunks)]
        for _ in range(LAM):
            if decomposed:
                call(1 + sum(lengths), 2)
            call(HEAD + sum(chunk if shows == "chunk" else lengths), sum(chunk) + REASONING, CACHED, REASONING)
            spent["evaluations"] += 1
        after.append(dict(spent))
    return after


def price(ledger):
    return 0.01 * ledger["calls"] + 3e-7 * ledger["prompt_tokens"] + 1e-6 * ledger["generated_tokens"]


@pytest.mark.some(at_least=8)
@pytest.mark.parametrize("entry", LEDGER)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_run_stops_after_the_generation_that_reaches_its_budget(lengths, schedule, entry):
    """To the very token, on whole and short chunks, with the calls beside each."""
    for shows in ("chunk", "solution"):
        after = literal_ledgers(LENGTHS[lengths], schedule == "decomposed", shows, 12)
        for generation in (1, 2, 3, 7, 11):
            total = after[generation - 1][entry]
            for most, expected in ((total - 1, generation), (total, generation), (total + 1, generation + 1)):
                cell = cell_of(lengths, schedule, shows, budget=Budget(**({"calls": None} | {entry: most})))
                counts = run(cell)
                assert (counts.generations[0], counts.hit[0]) == (expected, -1)
                row = runs_table([(cell.sample, "blocks", 0, batch_columns(cell, counts))]).iloc[0]
                assert {name: row[name] for name in LEDGER} == after[expected - 1]


def test_twin_a_loop_that_counts_passes_late_stops_elsewhere():
    for lengths in LENGTHS.values():
        right, wrong = (literal_ledgers(lengths, False, "chunk", 9, late) for late in (0, 1))
        for entry in ("pass_tokens", "pass_tokens_squared"):
            name = "equal" if lengths == LENGTHS["equal"] else "unequal"
            stops = [
                run(cell_of(name, budget=Budget(**{"calls": None, entry: ledger[6][entry]}))).generations[0]
                for ledger in (right, wrong)
            ]
            assert stops[0] == 7
            assert stops[1] > 7


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("entry", [*LEDGER, "cost"])
def test_every_engine_stops_there(entry, engine):
    for lengths in LENGTHS:
        last = literal_ledgers(LENGTHS[lengths], True, "solution", 5)[-1]
        most = price(last) if entry == "cost" else last[entry]
        budget = Budget(**({"calls": None} | {entry: most}))
        cell = cell_of(lengths, "decomposed", "solution", cost=PRICES, budget=budget)
        assert run(cell, loop=ENGINES[engine]).generations[0] == 5


def test_the_first_limit_that_is_reached_ends_a_run():
    after = literal_ledgers(LENGTHS["equal"], False, "chunk", 9)
    for first in ("evaluations", "pass_tokens", "cost"):
        most = {"evaluations": after[6]["evaluations"], "pass_tokens": after[6]["pass_tokens"], "cost": price(after[6])}
        most[first] = price(after[2]) if first == "cost" else after[2][first]
        assert run(cell_of(cost=PRICES, budget=Budget(**most))).generations[0] == 3


def test_malformed_offspring_are_no_evaluations():
    counts = run(cell_of(mutator=Malformed(STUCK, 0.5), budget=Budget(calls=None, evaluations=30)), 200)
    assert (counts.evaluations >= 30).all()
    assert (counts.evaluations < 30 + LAM).all()
    assert counts.calls.max() > 60 > 30 < counts.calls.min()


def test_large_whole_numbers_are_told_apart():
    """No rounding: a run one short of a budget of 10^13 goes on."""
    cell = cell_of("unequal", budget=Budget(calls=None, pass_tokens_squared=10**13))
    (limit,) = cell.limits
    each = int(cell.tokens.ledger(*np.ones((2, 1), dtype=int), np.array([[7, 49, 343]]))[0][5])
    calls = 10**13 // each
    shortfalls = calls * np.array([[7, 49, 343]])
    for most, reached in ((calls * each, True), (calls * each + 1, False)):
        made = replace(limit, most=6 * most).reached(np.array([calls]), np.array([calls]), shortfalls)
        assert made.tolist() == [reached]


# ------------------------------------------------------------------------------------------- trajectories, books


@pytest.mark.parametrize("entry", LEDGER[1:])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_larger_budget_prolongs_the_same_trajectories(lengths, entry):
    prompt = Prompt(HEAD, "chunk", CACHED, REASONING)
    base = Cell(PROBLEMS[lengths], FixKeep(0.4, 0.8), UniformChunk(g=2), OnePlusLambda(2), prompt)
    counts = run(base, 300)
    ledger = base.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls)
    middle = int(np.median(ledger[:, LEDGER.index(entry)]))
    cells = [replace(base, budget=Budget(**{"calls": None, entry: most})) for most in (middle, 3 * middle)]
    short, long = (run(cell, 300) for cell in cells)
    hit = short.hit >= 0
    assert 50 < hit.sum() < 250
    for name in ("hit", "generations", "calls", "shortfalls", "evaluations"):
        assert (getattr(short, name)[hit] == getattr(long, name)[hit]).all()
    assert ((long.hit[~hit] == -1) | (long.hit[~hit] > 2 * short.generations[~hit])).all()
    assert (long.generations[~hit] > short.generations[~hit]).any()
    assert (long.hit[~hit] > 0).any()


@pytest.mark.parametrize("entry", [*LEDGER, "cost"])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_the_books_know_every_budget(lengths, entry):
    """And the twin: runs that gave up before their budget are found out, to the very token."""
    base = cell_of(lengths, mutator=FixKeep(0.05, 0.8), cost=PRICES)
    most = {"calls": 31, "evaluations": 31, "cost": 0.3}.get(entry, 70 if entry in PART_OF else 700)
    cell = replace(base, budget=Budget(**({"calls": None} | {entry: most})))
    table = runs_table([(cell.sample, "blocks", 0, batch_columns(cell, run(cell, 40)))])
    assert table["hit"].isna().any()
    assert ledger_fault(cell, table) is None
    spent = table[list(LEDGER)].to_numpy(dtype=float) @ np.array(PRICES.weights) if entry == "cost" else table[entry]
    least = spent[table["hit"].isna().to_numpy()].min()
    early = Budget(**({"calls": None} | {entry: least * 1.001 if entry == "cost" else int(least) + 1}))
    assert ledger_fault(replace(cell, budget=early), table) == "a run without a hit ended before its budget"


# ------------------------------------------------------------------------------------------- as a part


def test_a_grid_in_a_file_names_any_limit(tmp_path):
    (tmp_path / "grid.toml").write_text(
        'name = "tiny"\n[[arm]]\nlabel = "a"\nproblem = {type = "BlockOneMax", k = 3, l = 4}\n'
        'mutator = {type = "Resample", p = 0.5}\nschedule = {type = "AllBlocks"}\nrunner = {type = "OnePlusLambda"}\n'
        'budget = {type = "Budget", pass_tokens = [1e6, 2e6], evaluations = 50}\n'
    )
    budgets = [cell.budget for cell in load_grid(tmp_path / "grid.toml").cells]
    assert budgets == [Budget(evaluations=50, pass_tokens=most) for most in (10**6, 2 * 10**6)]
    assert "budget=Budget(evaluations=50, pass_tokens=1000000)" in load_grid(tmp_path / "grid.toml").cells[0].text


@pytest.mark.parametrize("entry", LEDGER)
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "many"])
def test_a_limit_is_a_whole_number(entry, value):
    with pytest.raises(InputError, match=f"^Budget: {entry} must be a whole number >= 1, got"):
        Budget(**{entry: value})


@pytest.mark.parametrize("name", [*LEDGER, "cost"])
def test_a_limit_is_reached_by_what_is_exactly_it_and_within_its_slack(name):
    """10 of an entry, or of what an entry costs: 9 are none, and with a slack of a tenth they are."""
    entry = LEDGER.index("prompt_tokens" if name == "cost" else name)
    budget, weights = Budget(**({"calls": None} | {name: 10})), np.eye(len(LEDGER))[LEDGER.index("prompt_tokens")]
    ledger = np.full((3, len(LEDGER)), 8.0 if name == "cost" else 99.0)
    ledger[:, entry] = 9.0, 10.0, 11.0
    assert budget.reached(ledger, weights).tolist() == [False, True, True]
    assert budget.reached(ledger, weights, slack=0.1).tolist() == [True, True, True]
    assert budget.reached(ledger, weights, slack=0.09).tolist() == [False, True, True]
