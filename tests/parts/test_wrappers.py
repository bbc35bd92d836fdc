"""What operators refuse, and in which words; their texts, pickles and contracts, in any nesting that makes sense."""

from __future__ import annotations

import itertools
import math
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from evo import (
    AllBlocks,
    Budget,
    Chunk,
    InputError,
    NoPrediction,
    OnePlusLambda,
    OnlyIncorrect,
    Overhead,
    Rewritten,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.batch import Batch
from evo.engine.deap import mutate_chunk
from evo.engine.one_parent import run_batch
from evo.laws.counts import IndependentBlocks
from evo.laws.special import MisalignedLaw, SpillLaw
from evo.search import Search
from evo.seeding import streams
from evo.text import canonical
from experiments.grids.cell import Cell
from experiments.grids.parts import PART_TYPES
from experiments.predictions.predict import predict
from operators import (
    BetaBlocks,
    BetaQuality,
    BetaRunQuality,
    Decaying,
    Fading,
    FixKeep,
    FromLog,
    Halving,
    Learning,
    Malformed,
    Measured,
    Misaligned,
    PerBlock,
    Refuse,
    Resample,
    Sparse,
    Spill,
    Vote,
)
from problems import BlockOneMax

HALF = Resample(p=0.5)
LEAVES = [
    HALF,
    FixKeep(fix=0.2, keep=0.9),
    BetaQuality(a=1, b=2.5),
    BetaRunQuality(a=3, b=1),
    PerBlock(p=(0.5, 0.25, 1, 0)),
    BetaBlocks(a=2, b=1),
    Decaying(table=(0.9, 0.5, 0.4, 0.3)),
    Halving(p=0.8, half=2),
    Learning(start=0.1, end=0.9, halfway=10, training=7),
    Measured(fix={1: 0.35, 5: 0.2}, keep={1: 0.97, 5: 0.96}, rho_fix=0.2, rho_keep=0.5),
    Fading(fix=0.4, keep=0.9, exponent=0.5),
    FromLog(log=[(g, i, fixed, 0) for g in (1, 2, 3, 4, 5) for i in range(g + 1) for fixed in {0, i}]),
]
WRAPPERS = {
    "Sparse": lambda inner: Sparse(inner, rate=0.75),
    "Refuse": lambda inner: Refuse(inner, rate=0.25),
    "Malformed": lambda inner: Malformed(inner, rate=0.125, per_block=0.0625),
    "Spill": lambda inner: Spill(inner, rate=0.1),
    "Misaligned": lambda inner: Misaligned(inner, rate=0.2, by=3),
}
VOTES = [
    Vote(HALF, ahead=2),
    Vote(Refuse(PerBlock(p=(0.5, 0.25, 1, 0.5)), rate=0.2), ahead=1, wrong="distinct"),
    Malformed(Vote(Malformed(Learning(0.4, 0.9, 5), rate=0.5), ahead=2, copied=0.5), rate=0.1),
    Vote(Vote(HALF, ahead=2), ahead=2),
    Spill(Vote(BetaBlocks(2, 1), ahead=2), rate=0.1),
]
NESTS = [
    WRAPPERS[outer](WRAPPERS[middle](leaf))
    for (outer, middle), leaf in zip(itertools.product(WRAPPERS, repeat=2), itertools.cycle(LEAVES))
]
ALL = [*LEAVES, *NESTS, *VOTES]


def cell(mutator, schedule=None, k=4):
    return Cell(BlockOneMax(k=k, l=2), mutator, RoundRobin() if schedule is None else schedule, OnePlusLambda(lam=2))


def refused(words, make, *arguments, **named):
    with pytest.raises(InputError) as told:
        make(*arguments, **named)
    for word in words:
        assert word in str(told.value)
    assert len(str(told.value)) < 300


# ------------------------------------------------------------------------------------------- in any nesting


@pytest.mark.parametrize("mutator", ALL, ids=str)
def test_any_nest_is_read_back_from_its_text_and_from_its_pickle(mutator):
    made = cell(mutator)
    again = Cell.parse(made.text)
    assert again == made
    assert canonical(again.mutator) == canonical(mutator)
    assert pickle.loads(pickle.dumps(mutator)) == mutator
    assert hash(pickle.loads(pickle.dumps(mutator))) == hash(mutator)
    assert hasattr(pickle.loads(pickle.dumps(mutator)), "draw") == hasattr(mutator, "draw")


def test_numbers_of_other_types_are_one_part():
    assert canonical(PerBlock(p=[1, np.float32(0.5), np.int64(0)])) == canonical(PerBlock(p=(1.0, 0.5, 0)))
    assert PerBlock(p=np.array([0.5, 0.25])) == PerBlock(p=(0.5, 0.25))
    assert Decaying(table=[1, 0.5]) == Decaying(table=(1.0, 0.5))
    assert canonical(Decaying(table=(1, 0.5))) == "Decaying(table=(1, 0.5,))"
    assert canonical(Vote(Sparse(PerBlock((0.5,)), rate=1), ahead=2.0)) == (
        "Vote(inner=Sparse(inner=PerBlock(p=(0.5,)), rate=1), ahead=2)"
    )


@pytest.mark.some
@pytest.mark.parametrize("mutator", ALL, ids=str)
@pytest.mark.parametrize("schedule", [RoundRobin(), UniformChunk(g=3), AllBlocks()], ids=str)
def test_any_nest_keeps_the_contract_in_the_engine(mutator, schedule):
    """The engine checks shapes, dtypes and that the input is left alone; the same seed gives the same runs."""
    if schedule != RoundRobin() and any(isinstance(one, Vote) for one in nest(mutator)):
        refused(["Vote", "one block", "g = "], cell, mutator, schedule)
        return
    made = cell(mutator, schedule)
    counts = [
        run_batch(
            Search(made.problem, made.mutator, made.schedule, made.runner),
            Batch(streams(1, made.identity, 0), 30, Budget(calls=200).limits(made.tokens, made.cost.weights)),
        )[0]
        for _ in range(2)
    ]
    assert np.array_equal(counts[0].hit, counts[1].hit)
    assert np.array_equal(counts[0].calls, counts[1].calls)
    assert (counts[0].hit != 0).all()


def nest(mutator):
    while True:
        yield mutator
        if not hasattr(mutator, "inner"):
            return
        mutator = mutator.inner


@pytest.mark.parametrize("mutator", [one for one in ALL if "draw" not in dir(one)], ids=str)
def test_operators_without_chunks_work_on_any_leading_axes(mutator):
    if getattr(mutator, "sees", "chunk") != "chunk" or hasattr(mutator, "draw"):
        return
    g = 1 if any(isinstance(one, Vote) for one in nest(mutator)) else 3
    before = np.random.default_rng(1).random((2, 5, g)) < 0.5
    before.flags.writeable = False
    answers = [mutator.rewrite(given, np.random.default_rng(2)) for given in (before, before.reshape(-1, g))]
    for name in ("correct", "valid", "calls"):
        shaped, flat = (getattr(a, name, None) if isinstance(a, Rewritten) else a for a in answers)
        if isinstance(answers[0], Rewritten) and shaped is not None:
            assert shaped.shape[:2] == (2, 5)
            assert np.array_equal(shaped.reshape(flat.shape), flat)


def test_a_wrapper_has_of_its_inner_one_what_that_one_has():
    assert not hasattr(Refuse(HALF, rate=0.1), "draw")
    assert not hasattr(Refuse(HALF, rate=0.1), "mean_calls")
    assert hasattr(Sparse(Refuse(BetaBlocks(1, 1), rate=0.1), rate=0.5), "draw")
    assert Malformed(Vote(HALF, ahead=3), rate=0.1).mean_calls(1) == 9
    assert (Refuse(HALF, rate=0.1).sees, Refuse(PerBlock((1,)), rate=0.1).sees) == ("chunk", "positions")
    assert Refuse(Spill(HALF, rate=0.1), rate=0.1).sees == "solution"
    assert Refuse(Learning(0, 1, 1, training=5), rate=0.1).overhead == (Overhead(reads="chunk", writes=5),)
    assert Refuse(HALF, rate=0.1).overhead == ()


def test_laws_are_composed_where_they_are_known_and_none_elsewhere():
    half = IndependentBlocks(0.5, 0.5)
    assert Spill(HALF, rate=0.1).law == SpillLaw(half, 0.1)
    assert Misaligned(HALF, rate=0.1).law == MisalignedLaw(half, 0.1, 1)
    for unknown in (
        Refuse(Spill(HALF, rate=0.1), rate=0.1),  # a refusal spares the other blocks too
        Spill(Misaligned(HALF, rate=0.1), rate=0.1),
        Misaligned(Spill(HALF, rate=0.1), rate=0.1),
        Sparse(Misaligned(HALF, rate=0.1), rate=0.1),
        Refuse(PerBlock((0.5,) * 4), rate=0.1),
        Sparse(Learning(0, 1, 1), rate=0.5),
        Malformed(BetaBlocks(2, 1), rate=0.5),
        Vote(BetaRunQuality(2, 1), ahead=2),
    ):
        assert unknown.law is None
        with pytest.raises(NoPrediction, match=type(unknown).__name__):
            predict(cell(unknown))


@pytest.mark.parametrize("mutator", [Learning(0.1, 0.9, 3), Misaligned(HALF, rate=0.1)], ids=str)
def test_a_law_that_is_not_one_of_counts_is_told(mutator):
    with pytest.raises(NoPrediction, match=rf"{type(mutator).__name__}(.|\n)*needs schedule .*, got UntilResolved"):
        predict(cell(mutator, UntilResolved()))


def test_every_operator_is_known_by_name():
    for one in {type(one) for mutator in ALL for one in nest(mutator)}:
        assert one in PART_TYPES["mutator"]


# ------------------------------------------------------------------------------------------- refusals


@dataclass(frozen=True)
class Peeks:
    """Sees the solution, and leaves it alone or not."""

    breaks: bool
    sees = "solution"

    def rewrite(self, chunk, rng):
        return Rewritten(chunk.correct, solution=chunk.solution if self.breaks else None)


WRAP = [
    lambda inner: Sparse(inner, rate=0.5),
    lambda inner: Refuse(inner, rate=0.5),
    lambda inner: Malformed(inner),
    lambda inner: Spill(inner, rate=0.5),
    lambda inner: Misaligned(inner, rate=0.5),
    lambda inner: Vote(inner, ahead=2),
]


@pytest.mark.parametrize("wrap", WRAP)
def test_what_cannot_be_wrapped_is_named(wrap):
    kind = type(wrap(HALF)).__name__
    refused([f"{kind}: expected a mutator to wrap", "the class Resample; write it with its parameters"], wrap, Resample)
    for wrong in (0.5, None, "Resample", RoundRobin(), BlockOneMax(k=4, l=1)):
        refused([f"{kind}: expected a mutator to wrap, such as Resample(p=0.5), got {wrong!r}"], wrap, wrong)


def test_votes_are_refused_where_they_make_no_sense():
    for outside in (Spill(HALF, rate=0.1), Misaligned(HALF, rate=0.1)):
        reason = [f"Vote: cannot wrap {type(outside).__name__}", "blocks outside its chunk", "the other way round"]
        refused(reason, Vote, outside, ahead=2)
        refused(reason, Vote, Refuse(Sparse(outside, rate=0.5), rate=0.1), ahead=2)
    assert Spill(Vote(HALF, ahead=2), rate=0.1).rewrite
    solution = np.zeros((1, 3), dtype=np.bool_)
    given = Chunk(solution[:, :1], np.array([[0]]), np.array([0]), solution)
    refused(["Vote: cannot wrap Peeks"], Vote(Peeks(True), ahead=1).rewrite, given, np.random.default_rng(1))
    assert Vote(Peeks(False), ahead=1).rewrite(given, np.random.default_rng(1)).calls.tolist() == [1]
    refused(["Vote: votes are cast over the answer for one block", "g = 2"], cell, Vote(HALF, ahead=2), RoundRobin(g=2))
    refused(["Vote", "g = 3"], mutate_chunk, [0, 0, 0], Vote(HALF, ahead=2), np.random.default_rng(1))
    for ahead in (0, -1, 1.5, math.nan, math.inf, "2", None):
        refused(["Vote: ahead must be a whole number from 1 to 1000000"], Vote, HALF, ahead)
    refused(["Vote: wrong must be 'one' or 'distinct', got 'two'"], Vote, HALF, 2, "two")


@pytest.mark.parametrize(
    "vote",
    [
        Vote(FixKeep(fix=0, keep=1), ahead=2, wrong="distinct"),
        Vote(Malformed(HALF, rate=1), ahead=1),
        Vote(Refuse(FixKeep(0.5, 0), rate=0), ahead=3, wrong="distinct"),
    ],
    ids=str,
)
def test_a_vote_that_never_ends_is_told(vote):
    before = np.array([[False], [True]])
    refused(["Vote: no answer of", "ever gets"], vote.rewrite, before, np.random.default_rng(1))


def test_a_vote_is_held_in_the_generation_of_its_call():
    """Calls of generation 0 are wrong, later ones right; half of the votes are copies and decided at once."""
    late = np.arange(100) % 2 == 1
    chunk = Chunk(np.zeros((100, 1), dtype=np.bool_), np.zeros((100, 1), dtype=np.int64), late.astype(np.int64))
    vote = Vote(Learning(0, 1, halfway=1e-3), ahead=2, copied=0.5)
    answer = vote.rewrite(chunk, np.random.default_rng(1))
    assert answer.correct[:, 0].tolist() == late.tolist()
    assert (answer.calls == 2).all()
    assert Vote(FixKeep(0, 1), ahead=3, wrong="distinct", copied=1).mean_calls(1) == 3.0  # uncopied it would never end


def test_rates_are_probabilities():
    wrong = (-0.1, 1.1, math.nan, math.inf, "0.5", None, True, (0.5,))
    for value, (make, kind, name) in itertools.product(
        wrong,
        [
            (lambda rate: Sparse(HALF, rate=rate), "Sparse", "rate"),
            (lambda rate: Refuse(HALF, rate=rate), "Refuse", "rate"),
            (lambda rate: Malformed(HALF, rate=rate), "Malformed", "rate"),
            (lambda rate: Malformed(HALF, per_block=rate), "Malformed", "per_block"),
            (lambda rate: Spill(HALF, rate=rate), "Spill", "rate"),
            (lambda rate: Misaligned(HALF, rate=rate), "Misaligned", "rate"),
            (lambda rate: Vote(HALF, ahead=2, copied=rate), "Vote", "copied"),
            (lambda p: Halving(p=p, half=1), "Halving", "p"),
            (lambda p: Learning(start=p, end=1, halfway=1), "Learning", "start"),
            (lambda p: Learning(start=0, end=p, halfway=1), "Learning", "end"),
        ],
    ):
        refused([f"{kind}: {name} must be a probability in [0, 1], got {value!r}"], make, value)


def test_shapes_of_laws_are_positive():
    for value in (0, -1, math.nan, math.inf, "1", None, True):
        for kind in (BetaQuality, BetaRunQuality, BetaBlocks):
            refused([f"{kind.__name__}: a must be a finite number > 0, got {value!r}"], kind, value, 1)
            refused([f"{kind.__name__}: b must be a finite number > 0, got {value!r}"], kind, 1, value)
        refused(["Halving: half must be a finite number > 0"], Halving, 0.5, value)
        refused(["Learning: halfway must be a finite number > 0"], Learning, 0.5, 0.6, value)
    for value in (-1, 0.5, math.nan, "1"):
        refused(["Learning: training must be a whole number >= 0"], Learning, 0.5, 0.6, 1, value)
        refused(["Misaligned: by must be a whole number >= 1"], Misaligned, HALF, 0.5, value)


@pytest.mark.parametrize(("kind", "name"), [(PerBlock, "p"), (Decaying, "table")])
def test_tables_hold_probabilities(kind, name):
    for value in ((), 0.5, "0.5", None, {0.5}, np.zeros((2, 2))):
        refused([f"{kind.__name__}: {name} must be a tuple of probabilities in [0, 1]"], kind, value)
    for value in (-0.1, 1.1, math.nan, math.inf, "0.5", None, True, np.bool_(True), (0.5,)):
        refused([f"{kind.__name__}: {name} must be", f"got {value!r} in it"], kind, (0.5, value))


WHOLE = np.tile([True, False, True, False], (500, 1))
FIRST_TWO = Chunk(WHOLE[:, :2], np.tile([0, 1], (500, 1)), np.zeros(500, dtype=np.int64), solution=WHOLE)
BREAKS = Spill(FixKeep(fix=1, keep=0), rate=1.0)  # all blocks are wrong afterwards, but the one of the chunk that was


@pytest.mark.parametrize("wrapper", [Refuse, Sparse])
def test_what_a_wrapper_undoes_it_undoes_outside_the_chunk_too(wrapper):
    """Undone w.p. 0, 1 and 1/2: P(fewer than 220 or more than 280 of 500) = 0.006 each, for a fixed seed."""
    rng = np.random.default_rng(1)
    for rate, undone in ((1.0, wrapper is Refuse), (0.0, wrapper is Sparse)):
        answer = wrapper(BREAKS, rate=rate).rewrite(FIRST_TWO, rng)
        assert (answer.solution[:, 2] == undone).all()
        assert (answer.correct == (WHOLE[:, :2] if undone else ~WHOLE[:, :2])).all()
    half = wrapper(BREAKS, rate=0.5).rewrite(FIRST_TWO, rng)
    assert 220 < half.solution[:, 2].sum() < 280
    assert 220 < half.correct[:, 0].sum() < 280
    assert ((half.solution[:, 2] == half.correct[:, 0]).all()) == (wrapper is Refuse)  # a call, or a block


def test_tables_cover_what_they_are_used_for():
    table = Decaying(table=(0.9, 0.8))
    for schedule in (AllBlocks(), RoundRobin(g=3)):
        refused(["Decaying: the table covers chunks of 1 to 2 blocks", "g = "], cell, table, schedule)
        refused(["Decaying: the table covers"], cell, Refuse(Sparse(table, rate=1), rate=0), schedule)
    refused(["Decaying: the table covers", "g = 3"], table.law.pmf, 3, 1)
    refused(["Decaying", "g = 3"], mutate_chunk, [0, 0, 0], table, np.random.default_rng(1))
    for p in ((0.5,) * 3, (0.5,) * 5):
        words = [f"PerBlock: expected one probability for each of k = 4 blocks, got {len(p)}"]
        refused(words, cell, PerBlock(p))
        refused(words, cell, Vote(Malformed(PerBlock(p)), ahead=2))
    refused(["Misaligned: by = 4", "k = 4"], cell, Misaligned(HALF, rate=0.1, by=4))
    assert cell(Misaligned(HALF, rate=0.1), k=1).problem.k == 1  # a single block is missed by itself
    refused(["Misaligned: by = 8"], cell, Refuse(Misaligned(HALF, rate=0.1, by=8), rate=0.1))


def test_a_toolbox_of_ones_own_takes_operators_that_draw_nothing_for_a_run():
    for operator in (PerBlock((1, 1, 1)), Misaligned(FixKeep(1, 1), rate=1), Refuse(Learning(1, 1, 1), rate=0)):
        (individual,) = mutate_chunk([0, 0, 0], operator, np.random.default_rng(1))
        assert individual == [1, 1, 1]
    refused(["BetaBlocks draws something"], mutate_chunk, [0], BetaBlocks(1, 1), np.random.default_rng(1))


def test_only_incorrect_with_a_never_fixed_block_still_has_a_budget():
    made = Cell(BlockOneMax(k=4, l=1), PerBlock((1, 0, 1, 1)), OnlyIncorrect(), OnePlusLambda(), budget=Budget(50))
    counts, _ = run_batch(
        Search(made.problem, made.mutator, made.schedule, made.runner), Batch(streams(1, "x", 0), 5, limits=made.limits)
    )
    assert counts.hit.tolist() == [-1] * 5
    assert counts.calls.tolist() == [50] * 5
