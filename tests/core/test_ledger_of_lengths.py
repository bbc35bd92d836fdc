"""Blocks that differ in length: the ledger against tokens counted one by one in a naive simulation.

The naive (1+lambda)-EA is plain Python, one run at a time, on the engine's streams; each call appends the prompt that
it reads and every pass that it makes to lists, from which the ledger is summed up. No formula of the ledger is used.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo import AllBlocks, Decomposed, OnePlusLambda, OnlyIncorrect, Prompt, RoundRobin, UniformChunk, UntilResolved
from evo.batch import Batch
from evo.chunks import draws_subsets
from evo.conformance import check_problem
from evo.costs.budget import Budget, Limit
from evo.costs.ledger import CallTokens, ChunkLengths, block_lengths, call_entries, expect_countable
from evo.costs.overhead import Overhead
from evo.costs.prices import LLMPrimitive, QuadraticPrimitive, TokenPrices
from evo.engine import one_parent, populations, run_batch
from evo.engine.deap import run_batch_deap
from evo.errors import InputError, NoPrediction
from evo.runners.archives import MuPlusLambda
from evo.schedules import EachChunk, UniformSubset
from evo.search import Search
from evo.seeding import streams
from experiments.checks.ledger import ledger_fault
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from experiments.store.table import batch_columns, runs_table
from operators import FixKeep, Malformed, Resample, Vote
from problems import BlockOneMax, Noisy, UnequalBlocks

LENGTHS = (7, 1, 12, 3, 5)
SCHEDULES = [
    AllBlocks(),
    UntilResolved(),
    RoundRobin(g=2),
    UniformChunk(g=2),
    UniformSubset(g=2),
    EachChunk(g=2),
    OnlyIncorrect(g=2),
]
PROMPTS = [Prompt(), Prompt(head=11), Prompt(head=4, shows="solution")]
BESIDE = Overhead(head=3, reads="chunk", writes=4, calls=1)
DECOMPOSED = Decomposed(UniformChunk(g=2), writes=3, head=2)
FIXKEEP = FixKeep(0.4, 0.7)


@dataclass(frozen=True)
class Beside(FixKeep):
    """A mutator that thinks about its chunk in a call of its own."""

    @property
    def overhead(self):
        return (BESIDE,)


def run(cell, runs=1, identity="lengths", loop=run_batch):
    parts = (cell.problem, cell.mutator, cell.schedule, cell.runner)
    return loop(Search(*parts), Batch(streams(1, identity, 0), runs, cell.limits))[0]


@pytest.mark.parametrize("works", [(), (BESIDE,)], ids=["alone", "beside"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=repr)
def test_calls_on_the_shorter_chunk_are_read_off_the_ledger(prompt, works):
    calls, short = np.array([9, 12, 4]), np.array([3, 0, 4])
    for k, found in ((7, short), (6, 0 * short)):  # chunks of 3, 3, 1 blocks, and of 3, 3
        tokens = CallTokens.equal(prompt, k, 5, 3, works)
        ledger = tokens.ledger(calls, calls, found[:, None] if k == 7 else None).astype(int)
        assert tokens.shorter(ledger[:, 0], ledger[:, 3]).tolist() == found.tolist()


# ------------------------------------------------------------------------------------------- tokens one by one


def literal_call(log, lengths, blocks, prompt, works):
    """Append what a call on these blocks reads, and the tokens before it of each of its passes; the others first."""
    all_tokens, own = sum(lengths), sum(lengths[b] for b in blocks)
    for work in works:
        read = work.head + {"nothing": 0, "chunk": own, "solution": all_tokens}[work.reads]
        write(log, read, work.writes, work.calls)
    write(log, prompt.head + (own if prompt.shows == "chunk" else all_tokens), own, 1)


def write(log, read, tokens, calls):
    context = read
    log["calls"].append(calls)
    log["prompt"].append(read)
    for _ in range(tokens):
        log["passes"].append(context)
        context += 1


def naive_ledger(cell, lengths, identity, works=()):
    """One run, logged token by token: generations, hit, ledger."""
    drawn, k, lam = streams(1, identity, 0), cell.problem.k, cell.runner.lam
    schedule = cell.schedule.schedule if isinstance(cell.schedule, Decomposed) else cell.schedule
    g = k if isinstance(schedule, AllBlocks) else schedule.g
    chunks = [list(range(low, min(low + g, k))) for low in range(0, k, g)]
    parent = cell.problem.initial(1, drawn.start)[0].tolist()
    log, generation, pointer, hit = {"calls": [], "prompt": [], "passes": []}, 0, 0, -1
    while hit < 0 and sum(log["calls"]) < cell.budget.calls:
        numbers = [pointer] * lam
        if isinstance(schedule, UniformChunk):
            numbers = drawn.schedule.integers(len(chunks), size=lam).tolist()
        elif isinstance(schedule, EachChunk):
            numbers = [j % len(chunks) for j in range(lam)]
        elif isinstance(schedule, OnlyIncorrect):
            numbers = [parent.index(False) // g] * lam
        given = [chunks[number] for number in numbers]
        if isinstance(schedule, UniformSubset):
            given = [sorted(np.argsort(row)[:g].tolist()) for row in drawn.schedule.random((lam, k))]
        answers = {}
        for size in sorted({len(blocks) for blocks in chunks}, reverse=True):  # an operator gets one length at a time
            those = [j for j in range(lam) if len(given[j]) == size]
            if those:
                before = np.array([[parent[b] for b in given[j]] for j in those])
                answers |= zip(those, cell.mutator.rewrite(before, drawn.mutator).tolist(), strict=True)
        children = []
        for j, blocks in enumerate(given):
            literal_call(log, lengths, blocks, cell.prompt, works)
            child = list(parent)
            for b, right in zip(blocks, answers[j], strict=True):
                child[b] = right
            children.append(child)
        values, old = [sum(child) for child in children], sum(parent)
        if k in values:
            hit = lam * generation + values.index(k) + 1
        if max(values) > old:
            parent = children[values.index(max(values))]
        generation += 1
        if isinstance(schedule, UntilResolved):
            pointer = (pointer + any(value != old for value in values)) % len(chunks)
        elif isinstance(schedule, RoundRobin):
            pointer = (pointer + 1) % len(chunks)
    passes = log["passes"]
    tokens = [sum(log["prompt"]), len(passes), sum(passes), sum(c * c for c in passes)]
    return hit, generation, [sum(log["calls"]), lam * generation, *tokens, 0, 0]  # nothing cached, no reasoning


def measured(cell, identity, loop=run_batch):
    counts = run(cell, 1, identity, loop)
    ledger = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls)[0].tolist()
    return int(counts.hit[0]), int(counts.generations[0]), ledger


def cells(schedule, prompt, mutator=FIXKEEP):
    """Six cells with random lengths."""
    rng = np.random.default_rng(1)
    for number in range(6):
        lengths = tuple(rng.integers(1, 15, size=5).tolist())
        runner, budget = OnePlusLambda((1, 4)[number % 2]), Budget(calls=60)
        yield str(number), Cell(UnequalBlocks(lengths), mutator, schedule, runner, prompt, budget=budget)


@pytest.mark.some(at_least=14)
@pytest.mark.parametrize("loop", [one_parent.run_batch, populations.run_batch], ids=["blocks", "populations"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=["chunk", "head", "solution"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_ledger_is_that_of_tokens_counted_one_by_one(schedule, prompt, loop, monkeypatch):
    monkeypatch.setattr("evo.engine.one_parent.LOOK_AHEAD", 1)  # rounds made ahead draw more than the naive loop
    for identity, cell in cells(schedule, prompt):
        assert measured(cell, identity, loop) == naive_ledger(cell, cell.problem.lengths, identity)


@pytest.mark.parametrize("prompt", PROMPTS, ids=["chunk", "head", "solution"])
def test_overhead_is_counted_with_each_call(prompt, monkeypatch):
    monkeypatch.setattr("evo.engine.one_parent.LOOK_AHEAD", 1)
    decomposing = Overhead(head=2, reads="solution", writes=3, calls=1)
    for identity, cell in cells(DECOMPOSED, prompt, Beside(0.4, 0.7)):
        works = (BESIDE, decomposing)
        assert measured(cell, identity) == naive_ledger(cell, cell.problem.lengths, identity, works)


@pytest.mark.parametrize("schedule", [*SCHEDULES, DECOMPOSED], ids=lambda schedule: type(schedule).__name__)
def test_twin_a_wrong_length_is_found(schedule, monkeypatch):
    """Two lengths exchanged (AllBlocks: one token more): some ledger differs."""
    monkeypatch.setattr("evo.engine.one_parent.LOOK_AHEAD", 1)
    differs = []
    for identity, cell in cells(schedule, Prompt()):
        a, b, *others = cell.problem.lengths
        wrong = (a, b + 1, *others) if isinstance(schedule, AllBlocks) else (others[-1] + 1, b, *others[:-1], a)
        differs.append(measured(cell, identity)[2] != naive_ledger(cell, wrong, identity)[2])
    assert any(differs)


def test_look_ahead_counts_what_is_used_only():
    """RoundRobin's chunks are known from the generations, however many were made at once."""
    counts = run(Cell(UnequalBlocks(LENGTHS), Resample(0.5), RoundRobin(g=2), OnePlusLambda(3)), 200)
    short = 15 - np.array([8, 15, 5])  # in tokens: 7 and 10 have no common divisor
    for generations, calls, sums in zip(counts.generations, counts.calls, counts.shortfalls, strict=True):
        each = np.repeat(short[np.arange(generations) % 3], 3)
        assert calls == len(each)
        assert sums.tolist() == [int((each**power).sum()) for power in (1, 2, 3)]


# ------------------------------------------------------------------------------------------- equal lengths, votes


@pytest.mark.parametrize("runner", [OnePlusLambda(3), MuPlusLambda(2, 3)], ids=["one", "several"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_equal_lengths_have_the_ledger_of_block_onemax(schedule, runner):
    prompt, mutator = Prompt(head=5), Malformed(FIXKEEP, 0.2)
    equal = Cell(BlockOneMax(5, 6), mutator, schedule, runner, prompt)
    equal = replace(equal, budget=Budget(cost=12 * equal.tokens.entries()[2]))  # four generations
    unequal = replace(equal, problem=UnequalBlocks((6,) * 5))
    one, other = run(unequal, 300), run(equal, 300)
    for name in ("hit", "generations", "calls", "shortfalls", "evaluations"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.hit == -1).any()
    assert (other.shortfalls is None) == (5 % equal.chunks.g == 0 or draws_subsets(schedule))
    np.testing.assert_array_equal(
        unequal.tokens.ledger(one.calls, one.evaluations, one.shortfalls),
        equal.tokens.ledger(other.calls, other.evaluations, other.shortfalls),
    )


def test_each_vote_is_a_call():
    cell = Cell(UnequalBlocks(LENGTHS), Vote(Resample(0.6), 2), RoundRobin(), OnePlusLambda(), budget=Budget(calls=300))
    counts = run(cell, 100)
    assert (counts.calls > counts.generations).any()
    tokens = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls)[:, 3]
    np.testing.assert_array_equal(tokens, 12 * counts.calls - counts.shortfalls[:, 0])
    assert (tokens != counts.calls * 28 // 5).any()
    assert tokens.max() > 12 * counts.generations.max()


@pytest.mark.parametrize("schedule", [AllBlocks(), RoundRobin(g=2), UntilResolved()], ids=lambda s: type(s).__name__)
def test_deap_counts_the_same(schedule):
    """A mutator that always succeeds draws nothing that matters: both engines make the same calls."""
    cell = Cell(UnequalBlocks(LENGTHS), FixKeep(1, 1), schedule, OnePlusLambda(2), budget=Budget(cost=500))
    for problem in (cell.problem, UnequalBlocks((9, 9, 9, 30, 1))):
        one, other = (run(replace(cell, problem=problem), 3, loop=loop) for loop in (run_batch, run_batch_deap))
        for name in ("hit", "generations", "calls", "evaluations", "shortfalls"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_evaluators_that_err_change_no_length():
    noisy = Cell(Noisy(UnequalBlocks(LENGTHS), 0.0), FIXKEEP, RoundRobin(g=2), OnePlusLambda(), budget=Budget(calls=50))
    exact = replace(noisy, problem=UnequalBlocks(LENGTHS))
    assert noisy.tokens == exact.tokens
    counts = run(noisy, 50)
    turns = np.stack([(counts.generations + 2 - c) // 3 for c in range(3)], axis=1)
    np.testing.assert_array_equal(counts.shortfalls[:, 0], turns @ [7, 0, 10])


# ------------------------------------------------------------------------------------------- prices and budgets


@pytest.mark.parametrize("lengths", [(500, 300, 199, 1), (500, 300, 183, 17), (999, 1), (600, 400), (1000,)], ids=str)
def test_entries_are_polynomials_of_the_tokens(lengths):
    known = ChunkLengths.of(UnequalBlocks(lengths), RoundRobin())
    assert known.powers == {4: 3, 2: 1, 1: 0}[len(lengths)]
    for prompt in PROMPTS:
        tokens = CallTokens.of(prompt, known, (BESIDE,))
        for chunk, length in enumerate(lengths):
            own = call_entries(prompt.head + (length if prompt.shows == "chunk" else 1000), length)
            beside = call_entries(3 + length, 4)
            one, s = np.array([1]), int(known.short(np.array([chunk]))[0])
            assert known.tokens(s) == length
            ledger = tokens.ledger(one, one, np.array([[s, s**2, s**3]])[:, : known.powers])[0]
            assert ledger.tolist() == [2, 1, *(a + b for a, b in zip(own, beside, strict=True))]
            assert tokens.entries(s) == tuple(ledger[2:])


@pytest.mark.parametrize("cost", [LLMPrimitive(2, 3), QuadraticPrimitive(), TokenPrices(3e-7, 1e-6, 0.01)], ids=repr)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_a_budget_on_cost_is_a_threshold_on_the_ledger(schedule, cost):
    """The last generation reaches it: without its dearest possible calls the run was below."""
    cell = Cell(UnequalBlocks(LENGTHS), FixKeep(0.01, 0.5), schedule, OnePlusLambda(2), Prompt(head=4), cost)
    weights = cost.weights
    dearest = float(weights[0] + weights[2:] @ np.array(call_entries(32, 28), dtype=float))
    cell = replace(cell, budget=Budget(calls=None, cost=2 * dearest))
    counts = run(cell, 100)
    spent = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls) @ weights
    over = counts.hit == -1
    assert over.any()
    assert (spent[over] >= 2 * dearest * (1 - 1e-9)).all()
    assert (spent - 2 * dearest < 2 * dearest).all()


def test_calls_of_different_price_have_no_exact_cost():
    cell = Cell(UnequalBlocks(LENGTHS), Resample(0.5), UntilResolved(), OnePlusLambda())
    with pytest.raises(NoPrediction, match="calls differ in price"):
        predict(cell, "cost")
    with pytest.raises(InputError, match="sums of s"):
        cell.tokens.ledger(*(np.ones(1, dtype=np.int64),) * 2)


# ------------------------------------------------------------------------------------------- the table, bookkeeping


def table(cell, runs=100):
    return runs_table([(cell.sample, "blocks", 0, batch_columns(cell, run(cell, runs)))])


@pytest.mark.parametrize("schedule", [*SCHEDULES, DECOMPOSED], ids=lambda schedule: type(schedule).__name__)
def test_the_table_adds_up(schedule):
    for budget in (Budget(calls=40), Budget(calls=None, cost=30_000), Budget(calls=10_000)):
        cell = Cell(UnequalBlocks(LENGTHS), FIXKEEP, schedule, OnePlusLambda(3), PROMPTS[2], budget=budget)
        assert ledger_fault(cell, table(cell)) is None
    equal = Cell(UnequalBlocks((3,) * 5), FIXKEEP, schedule, OnePlusLambda(3))
    assert ledger_fault(equal, table(equal)) is None


def test_twin_bookkeeping_finds_a_wrong_ledger():
    """Exactly where the schedule tells which chunks; else what no chunks can come to."""
    in_turn = Cell(UnequalBlocks(LENGTHS), FIXKEEP, RoundRobin(g=2), OnePlusLambda(2))
    off = table(in_turn)
    off.loc[7, "pass_tokens"] += 1
    assert "pass_tokens of batch 0, run 7 is off by +1 " in ledger_fault(in_turn, off)
    exchanged = replace(in_turn, problem=UnequalBlocks((7, 1, 12, 4, 4)))
    assert "_tokens" in ledger_fault(exchanged, table(in_turn))
    drawn = replace(in_turn, schedule=UniformChunk(g=2))
    assert "is off by" in ledger_fault(replace(drawn, problem=UnequalBlocks((90,) * 5)), table(drawn))
    over = table(replace(drawn, budget=Budget(calls=None, cost=200)))
    assert "ended before its budget" in ledger_fault(replace(drawn, budget=Budget(calls=None, cost=10**6)), over)


# ------------------------------------------------------------------------------------------- sizes


def test_the_problem_passes_every_check():
    problem = UnequalBlocks(LENGTHS, start=0.2)
    assert [(found.name, found.message) for found in check_problem(problem) if found.passed is False] == []
    assert (problem.k, problem.l) == (5, 12)
    cell = Cell(problem, FIXKEEP, AllBlocks(), OnePlusLambda())
    assert Cell.parse(cell.text) == cell


@dataclass(frozen=True)
class Claims(BlockOneMax):
    lengths: tuple = (1, 2)


@pytest.mark.parametrize("lengths", [(1, 2), (1, 2, 0), (1, 2, 2.5), (1, 2, True)], ids=["few", "zero", "half", "bool"])
def test_wrong_lengths_are_refused(lengths):
    with pytest.raises(InputError, match="lengths must be k = 3 whole numbers >= 1"):
        block_lengths(Claims(3, 1, lengths=lengths))
    with pytest.raises(InputError):
        UnequalBlocks((*lengths, 0))


def test_what_cannot_be_counted_exactly_is_refused():
    most = 208_063  # the largest s with s^3 < 2^53
    cell = Cell(UnequalBlocks((most + 1, 1, 2)), FixKeep(1, 1), UntilResolved(), OnePlusLambda())
    counts = run(cell)
    assert counts.shortfalls.tolist() == [[most**i + (most - 1) ** i for i in (1, 2, 3)]]
    ledger = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls)[0]
    each = [call_entries(tokens, tokens) for tokens in (most + 1, 1, 2)]
    assert ledger[2:].tolist() == [float(sum(entries)) for entries in zip(*each, strict=True)]
    for wrong in ({"problem": UnequalBlocks((most + 2, 1, 2))}, {"runner": OnePlusLambda(2)}):
        with pytest.raises(InputError, match=r"2\^53"):
            replace(cell, **wrong)
    never = replace(cell, mutator=FixKeep(0, 0), schedule=RoundRobin())
    for loop in (run_batch, populations.run_batch, run_batch_deap):
        with pytest.raises(InputError, match=r"a run came to 2\^63"):
            run(never, loop=loop)
    voted = np.array([1000])  # so many calls behind one answer
    with pytest.raises(InputError, match=r"a generation came to 2\^53"):
        cell.search.lengths.sums(np.array([1]), voted, (1, 1, 1))
    expect_countable(np.array([2**63 - 1]))


@pytest.mark.parametrize("lengths", [(10**7, 1), (10**7, 10**7 - 10, 10**7 - 20), (4,) * 6], ids=str)
def test_only_how_lengths_differ_is_counted(lengths):
    """Long calls are no hindrance: sums are of whole multiples of what lengths differ by."""
    cell = Cell(UnequalBlocks(lengths), FixKeep(1, 1), RoundRobin(), OnePlusLambda(1000), budget=Budget(calls=3000))
    counts = run(cell)
    if lengths[0] == 4:
        assert counts.shortfalls is None
    else:
        expected = {2: [1000], 3: [1000 * (1 + 2**i) for i in (1, 2, 3)]}[len(lengths)]
        assert counts.shortfalls.tolist() == [expected]
    tokens = cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls)[0, 3]
    assert tokens == 1000 * sum(lengths[turn % len(lengths)] for turn in range(int(counts.generations[0])))


def test_blocks_of_equal_length_count_nothing_more():
    counts = run(Cell(BlockOneMax(5, 6), FIXKEEP, RoundRobin(g=2), OnePlusLambda()), 10)
    assert counts.shortfalls.shape == (10, 1)  # calls on the shorter last chunk
    assert run(Cell(BlockOneMax(6, 6), FIXKEEP, RoundRobin(g=2), OnePlusLambda()), 10).shortfalls is None
    assert not Limit(1.0, 0.0, 5).reached(np.array([4]), np.array([0]))[0]
