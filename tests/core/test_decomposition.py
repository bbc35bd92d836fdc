"""LLM work beside calls: what decomposing and learning cost, against token loops; and what it must leave alone."""

from __future__ import annotations

import itertools
import math
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo import (
    LEDGER,
    AllBlocks,
    Budget,
    Decomposed,
    InputError,
    LLMPrimitive,
    NoPrediction,
    OnePlusLambda,
    OnlyIncorrect,
    Overhead,
    Prompt,
    QuadraticPrimitive,
    RoundRobin,
    TokenPrices,
    UniformChunk,
    UntilResolved,
)
from evo.batch import Batch
from evo.costs.ledger import CallTokens, overheads
from evo.engine.deap import run_batch_deap
from evo.engine.one_parent import run_batch
from evo.laws.counts import IndependentBlocks
from evo.schedules import inner_schedule
from evo.search import Search
from evo.seeding import streams
from experiments.checks.ledger import ledger_fault
from experiments.grids.cell import Cell
from experiments.predictions.predict import mean_calls_on_last_chunk, predict
from experiments.store.table import batch_columns, runs_table
from operators import FixKeep, Learning, Malformed, Refuse, Resample, Sparse, Vote
from problems import BlockOneMax

READS = {"nothing": lambda g, k: 0, "chunk": lambda g, k: g, "solution": lambda g, k: k}


def token_loop(sizes, evaluations, prompt, k, l, works=()):
    """What calls on chunks of these sizes consume with the work beside each of them, token by token."""
    ledger = dict.fromkeys(LEDGER, 0) | {"evaluations": evaluations}
    for size in sizes:
        tasks = [(prompt.head + READS[prompt.shows](size, k) * l, size * l, 1)]
        tasks += [(work.head + READS[work.reads](size, k) * l, work.writes, work.calls) for work in works]
        for context, writes, calls in tasks:
            ledger["calls"] += calls
            ledger["prompt_tokens"] += context
            for _ in range(writes):
                ledger["pass_tokens"] += context
                ledger["pass_tokens_squared"] += context * context
                ledger["generated_tokens"] += 1
                context += 1
    return list(ledger.values())


works = st.builds(
    Overhead,
    head=st.integers(0, 9),
    reads=st.sampled_from(sorted(READS)),
    writes=st.integers(0, 9),
    calls=st.integers(0, 2),
)


@given(
    st.integers(1, 6),
    st.integers(1, 5),
    st.builds(Prompt, head=st.integers(0, 9), shows=st.sampled_from(["chunk", "solution"])),
    st.lists(works, max_size=3),
    st.data(),
)
def test_the_ledger_with_overhead_is_that_of_a_token_loop(k, l, prompt, beside, data):
    g = data.draw(st.integers(1, k))
    full, short = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4)) if k % g else 0
    tokens = CallTokens.equal(prompt, k, l, g, tuple(beside))
    ledger = tokens.ledger(np.array([full + short]), np.array([1]), np.array([[short]])[:, : tokens.powers])[0].tolist()
    assert ledger == token_loop([g] * full + [k % g] * short, 1, prompt, k, l, beside)


def test_a_loop_that_forgets_the_work_beside_is_found_out():
    beside = (Overhead(head=2, reads="solution", writes=3, calls=1), Overhead(reads="chunk", writes=1))
    ledger = (
        CallTokens.equal(Prompt(), 5, 3, 2, beside).ledger(np.array([4]), np.array([1]), np.array([[1]]))[0].tolist()
    )
    assert ledger == token_loop([2, 2, 2, 1], 1, Prompt(), 5, 3, beside)
    for wrong in (
        (),
        beside[:1],
        beside[1:],
        (replace(beside[0], writes=4), beside[1]),
        (replace(beside[0], reads="chunk"), beside[1]),
    ):
        assert ledger != token_loop([2, 2, 2, 1], 1, Prompt(), 5, 3, wrong)


def test_without_overhead_nothing_changes():
    tokens = CallTokens.equal(Prompt(head=4), 5, 3, 2)
    assert tokens.entries(0)[:4] == (10, 6, 75, sum(c * c for c in range(10, 16)))
    assert tokens.entries(1)[:4] == (7, 3, 24, 7 * 7 + 8 * 8 + 9 * 9)
    assert CallTokens.equal(Prompt(head=4), 5, 3, 2, ()).calls == 1
    assert overheads(Resample(0.5), UntilResolved(), Refuse(Resample(0.5), rate=0.1), Learning(0, 1, 1)) == ()


# ------------------------------------------------------------------------------------------- the schedule


@pytest.mark.parametrize("accept", ["strict", "weak"])
@pytest.mark.parametrize(
    "inside",
    [AllBlocks(), UntilResolved(g=2, invalid="down"), RoundRobin(g=2), UniformChunk(), OnlyIncorrect(g=3)],
    ids=str,
)
def test_chunks_are_those_of_the_schedule_inside(inside, accept):
    """On the same streams the counts are the same, to the last run, in both engines."""
    mutator, runner = Malformed(FixKeep(0.5, 0.8), rate=0.2), OnePlusLambda(2, accept)
    for engine, runs in ((run_batch, 200), (run_batch_deap, 20)):
        plain, wrapped = (
            engine(Search(BlockOneMax(k=5, l=1), mutator, schedule, runner), Batch(streams(1, "same", 0), runs))[0]
            for schedule in (inside, Decomposed(Decomposed(inside, writes=5), writes=3, head=2))
        )
        for name in ("hit", "generations", "calls", "shortfalls", "evaluations"):
            assert np.array_equal(getattr(plain, name), getattr(wrapped, name)), name
    assert inner_schedule(Decomposed(Decomposed(inside, writes=5), writes=3)) == inside


@dataclass(frozen=True)
class Own(Decomposed):
    """May behave differently."""


def test_types_are_matched_exactly():
    own = Own(RoundRobin(), writes=1)
    assert inner_schedule(own) is own
    assert inner_schedule(Decomposed(own, writes=1)) is own
    assert inner_schedule(AllBlocks()) == AllBlocks()


def test_a_decomposed_cell_has_a_text_and_a_pickle():
    made = decomposed(Decomposed(UntilResolved(g=2), writes=5))
    assert made.text.endswith("schedule=Decomposed(schedule=UntilResolved(g=2), writes=5), runner=OnePlusLambda())")
    assert Cell.parse(made.text) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.chunks.g == 2


def test_what_cannot_be_decomposed_is_told():
    for wrong in (UntilResolved, None, Resample(0.5), "UntilResolved"):
        with pytest.raises(
            InputError, match=r"^Decomposed: expected a schedule to wrap, such as UntilResolved\(\), got"
        ):
            Decomposed(wrong, writes=1)
    for value in (-1, 0.5, math.nan, None, "1"):
        with pytest.raises(InputError, match=r"^Decomposed: writes must be a whole number >= 0"):
            Decomposed(RoundRobin(), writes=value)
        with pytest.raises(InputError, match=r"^Overhead: writes must be a whole number >= 0"):
            Overhead(writes=value)
    with pytest.raises(InputError, match=r"^Overhead: reads must be 'nothing' or 'chunk' or 'solution', got 'all'"):
        Overhead(reads="all")
    with pytest.raises(InputError, match=r"UntilResolved: chunk size g must be at most k = 4, got g = 5"):
        decomposed(Decomposed(UntilResolved(g=5), writes=1), k=4)


@dataclass(frozen=True)
class Declares(RoundRobin):
    """A schedule that declares what it is told."""

    overhead: object = ()


@pytest.mark.parametrize("value", [None, Overhead(writes=1), [Overhead(writes=1)], (1,), 3])
def test_an_overhead_that_is_none_is_told(value):
    with pytest.raises(InputError, match=r"^Declares: overhead must be a tuple of Overhead"):
        overheads(Declares(overhead=value))


# ------------------------------------------------------------------------------------------- cells


@dataclass(frozen=True)
class Notes:
    """A mutator with a law and work beside each call."""

    p: float
    calls: int = 0

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.p

    @property
    def law(self):
        return IndependentBlocks(self.p, self.p)

    @property
    def overhead(self):
        return (Overhead(head=3, reads="chunk", writes=4, calls=self.calls), Overhead(writes=2))


def decomposed(schedule, mutator=None, k=5, **named):
    mutator = Resample(0.5) if mutator is None else mutator
    return Cell(BlockOneMax(k=k, l=3), mutator, schedule, OnePlusLambda(), **named)


CELLS = [
    decomposed(Decomposed(UntilResolved(), writes=7, head=11)),
    decomposed(Decomposed(RoundRobin(g=2), writes=7), prompt=Prompt(head=5, shows="solution")),
    decomposed(Decomposed(Decomposed(UniformChunk(g=3), writes=1), writes=0)),
    decomposed(UntilResolved(), Notes(0.5)),
    decomposed(Decomposed(AllBlocks(), writes=2), Sparse(Notes(0.6, calls=2), rate=0.9)),
    decomposed(RoundRobin(g=2), Refuse(Learning(0.2, 0.9, halfway=5, training=6), rate=0.1)),
    decomposed(Decomposed(OnlyIncorrect(), writes=3), Vote(Resample(0.6), ahead=2)),
]
BESIDE = [
    (Overhead(11, "solution", 7, 1),),
    (Overhead(0, "solution", 7, 1),),
    (Overhead(0, "solution", 0, 1), Overhead(0, "solution", 1, 1)),
    (Overhead(3, "chunk", 4), Overhead(writes=2)),
    (Overhead(3, "chunk", 4, 2), Overhead(writes=2), Overhead(0, "solution", 2, 1)),
    (Overhead(0, "chunk", 6),),
    (Overhead(0, "solution", 3, 1),),
]


def short_calls(counts):
    """Calls on the shorter last chunk, int [runs]."""
    return 0 * counts.calls if counts.shortfalls is None else counts.shortfalls[:, 0]


def counted(cell, runs=40, limits=()):
    return run_batch(
        Search(cell.problem, cell.mutator, cell.schedule, cell.runner), Batch(streams(1, cell.text, 0), runs, limits)
    )[0]


@pytest.mark.parametrize(("cell", "beside"), list(zip(CELLS, BESIDE, strict=True)), ids=range(len(CELLS)))
def test_the_table_of_a_cell_is_that_of_a_token_loop(cell, beside):
    assert overheads(cell.mutator, cell.schedule) == beside
    counts = counted(cell)
    table = runs_table([(cell.sample, "blocks", 0, batch_columns(cell, counts))])
    g, last = cell.chunks.g, cell.chunks.last
    for row, calls, short, evaluations in zip(
        table[list(LEDGER)].to_numpy().tolist(), counts.calls, short_calls(counts), counts.evaluations, strict=True
    ):
        sizes = [g] * (calls - short) + [last] * short
        assert row == token_loop(sizes, evaluations, cell.prompt, cell.problem.k, cell.problem.l, beside)
    assert table["hit"].tolist() == counts.hit.tolist()
    assert ledger_fault(cell, table) is None


@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
@pytest.mark.parametrize("entry", ["calls", "prompt_tokens", "generated_tokens", "pass_tokens", "pass_tokens_squared"])
def test_books_that_are_off_by_one_are_found_out(cell, entry):
    table = runs_table([(cell.sample, "blocks", 0, batch_columns(cell, counted(cell)))])
    table.loc[7, entry] += 1
    assert ledger_fault(cell, table) is not None


@pytest.mark.parametrize(
    ("cell", "without"), [(CELLS[0], decomposed(UntilResolved())), (CELLS[3], decomposed(UntilResolved()))]
)
def test_books_without_the_overhead_are_found_out(cell, without):
    table = runs_table([(without.sample, "blocks", 0, batch_columns(without, counted(without)))])
    assert ledger_fault(without, table) is None
    assert ledger_fault(cell, table) is not None


PRICES = [
    LLMPrimitive(m=3, per_call=50),
    QuadraticPrimitive(m=2),
    TokenPrices(prompt=2, generated=5, per_call=11, unit=1),
]


@pytest.mark.parametrize("cost", PRICES, ids=str)
@pytest.mark.parametrize("place", range(len(CELLS)))
def test_a_budget_ends_a_run_at_the_first_generation_that_the_loop_says(cost, place):
    never = Refuse(CELLS[place].mutator, rate=1)
    cell, beside = replace(CELLS[place], mutator=never, cost=cost), BESIDE[place]
    k, l = cell.problem.k, cell.problem.l

    def spent(sizes):
        return cost.weights @ token_loop(sizes, 0, cell.prompt, k, l, beside)

    full = spent([cell.chunks.g])
    for most, off in itertools.product((1, 3), (0, 0.5)):
        bounded = replace(cell, budget=Budget(calls=None, cost=(most + off) * full))
        counts = counted(bounded, runs=5, limits=bounded.limits)
        g, last = cell.chunks.g, cell.chunks.last
        for calls, short, generations in zip(counts.calls, short_calls(counts), counts.generations, strict=True):
            sizes = [g] * (calls - short) + [last] * short
            assert spent(sizes) >= (most + off) * full * (1 - 1e-12)
            if generations == calls:  # without votes: one call less is within the budget
                fewer = [last] * (short - 1) + [g] * (calls - short) if short else sizes[1:]
                assert spent(fewer) < (most + off) * full or spent(sizes[1:]) < (most + off) * full
        assert ledger_fault(bounded, runs_table([(bounded.id, "blocks", 0, batch_columns(bounded, counts))])) is None


def test_a_budget_on_calls_counts_those_beside():
    cell = decomposed(Decomposed(RoundRobin(), writes=1), Refuse(Resample(0.5), rate=1), budget=Budget(calls=9))
    counts = counted(cell, runs=3, limits=cell.limits)
    assert counts.calls.tolist() == [5] * 3  # 5 calls and 5 beside them
    table = runs_table([(cell.sample, "blocks", 0, batch_columns(cell, counts))])
    assert table["calls"].tolist() == [10] * 3
    assert ledger_fault(cell, table) is None


@pytest.mark.parametrize("cost", PRICES, ids=str)
@pytest.mark.parametrize(
    ("cell", "beside"),
    [
        *list(zip(CELLS, BESIDE, strict=True))[:5],
        (replace(CELLS[0], schedule=Decomposed(RoundRobin(), writes=2)), (Overhead(0, "solution", 2, 1),)),
    ],
)
def test_predicted_cost_is_the_expected_number_of_loops(cost, cell, beside):
    cell = replace(cell, cost=cost)
    bare = replace(cell, schedule=inner_schedule(cell.schedule))
    hit, calls = predict(cell, "hit"), predict(cell, "calls")
    assert hit.mean == predict(bare, "hit").mean
    assert hit.quantile(0.9) == predict(bare, "hit").quantile(0.9)
    answers = predict(cell, "generations").mean
    assert calls.mean == pytest.approx(answers * (1 + sum(work.calls for work in beside)), rel=1e-12)

    k, l = cell.problem.k, cell.problem.l
    full, short = (
        cost.weights @ token_loop([size], 0, cell.prompt, k, l, beside) for size in (cell.chunks.g, cell.chunks.last)
    )
    on_short = mean_calls_on_last_chunk(cell) if cell.chunks.last < cell.chunks.g else 0.0
    expected = (answers - on_short) * full + on_short * short
    assert predict(cell, "cost").mean == pytest.approx(expected, rel=1e-12)
    plain = cost.weights @ token_loop([cell.chunks.g], 0, cell.prompt, k, l)
    assert expected > 1.01 * ((answers - on_short) * plain + on_short * short * plain / full)  # it matters


def test_predicted_cost_of_votes_with_a_decomposition():
    cell = CELLS[6]  # 5 blocks, all incorrect: answers until each is right
    vote = Vote(Resample(0.6), ahead=2)
    answers = 5 / vote.law.pmf(1, 1)[1]
    loop = token_loop([1], 0, cell.prompt, 5, 3, BESIDE[6])
    assert predict(cell, "hit").mean == pytest.approx(answers)
    assert predict(cell, "calls").mean == pytest.approx(2 * answers * vote.mean_calls(1))
    assert predict(cell, "cost").mean == pytest.approx(answers * vote.mean_calls(1) * (cell.cost.weights @ loop))


def test_the_variance_of_the_cost_is_in_units_of_a_call_with_its_overhead():
    cell = CELLS[0]
    unit = cell.cost.weights @ token_loop([1], 0, cell.prompt, 5, 3, BESIDE[0])
    assert predict(cell, "cost").variance == pytest.approx(unit**2 * predict(cell, "hit").variance)
    with pytest.raises(NoPrediction):
        predict(cell, "calls").quantile(0.5)  # only the mean: a run's calls come in pairs


def test_a_decomposition_makes_local_mutation_quadratic():
    """Section 5.3 priced: the oracle's Theta(k) of Eq. 13 becomes Theta(k^2) when each chunk is asked for."""
    free, paid = (
        [
            predict(Cell(BlockOneMax(k=k, l=4), Resample(0.5), schedule, OnePlusLambda()), "cost").mean
            for k in (200, 400)
        ]
        for schedule in (UntilResolved(), Decomposed(UntilResolved(), writes=4))
    )
    assert free[1] / free[0] == pytest.approx(2)
    assert 3.9 < paid[1] / paid[0] < 4
