"""Cells: their canonical text and id, what belongs to their random identity, and what they refuse."""

from __future__ import annotations

import hashlib
import math
import pickle
import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo.chunks import Chunks
from evo.costs.budget import Budget
from evo.costs.ledger import Prompt
from evo.costs.prices import LLMPrimitive, QuadraticPrimitive, TokenPrices
from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, Decomposed, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.seeding import streams
from experiments.grids.cell import BATCH_BLOCKS, Cell
from operators import FixKeep, Resample
from problems import BlockOneMax

PROBLEM, MUTATOR, SCHEDULE, RUNNER = BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda()


def cell(**changes: Any) -> Cell:
    return Cell(**({"problem": PROBLEM, "mutator": MUTATOR, "schedule": SCHEDULE, "runner": RUNNER} | changes))


# ------------------------------------------------------------------------------------------- text and id

# Literals that must never change: rows and random streams of results on other people's disks are named by them.
PINNED = (
    (
        cell(),
        "Cell(problem=BlockOneMax(k=4, l=16), mutator=Resample(p=0.5), schedule=UntilResolved(), "
        "runner=OnePlusLambda())",
        "f81f14a5751f",
    ),
    (
        Cell(
            BlockOneMax(k=8, l=16, incorrect=3),
            FixKeep(fix=0.5, keep=0.99),
            RoundRobin(g=2),
            OnePlusLambda(lam=8, accept="weak"),
            prompt=Prompt(head=100, shows="solution"),
            cost=TokenPrices(prompt=1e-6, generated=3e-6),
            budget=None,
        ),
        "Cell(problem=BlockOneMax(k=8, l=16, incorrect=3), mutator=FixKeep(fix=0.5, keep=0.99), "
        "schedule=RoundRobin(g=2), runner=OnePlusLambda(lam=8, accept='weak'), "
        "prompt=Prompt(head=100, shows='solution'), cost=TokenPrices(prompt=1e-06, generated=3e-06), budget=None)",
        "c87553890735",
    ),
)


@pytest.mark.parametrize(("made", "text", "name"), PINNED)
def test_text_and_id_are_those_of_the_first_release(made, text, name):
    assert made.text == text
    assert made.id == "c" + hashlib.sha256(text.encode()).hexdigest()[:12] == f"c{name}"
    assert Cell.parse(text) == made


def test_the_streams_of_a_cell_are_those_of_the_first_release():
    assert cell().identity == "BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda()"
    first = [int(rng.integers(2**32)) for rng in vars(streams(1, cell().identity, batch=0)).values()]
    assert first[:4] == [3002144326, 422091388, 1060035326, 2156244639]


def test_equal_numbers_of_other_types_are_one_cell():
    same = cell(
        problem=BlockOneMax(k=np.int64(4), l=16.0, start=np.float64(0)), mutator=Resample(p=np.float64(0.5)),
        cost=LLMPrimitive(m=1), prompt=Prompt(head=0.0),
    )  # fmt: skip
    assert same == cell()
    assert (same.text, same.id, hash(same)) == (cell().text, cell().id, hash(cell()))


def test_a_cell_keeps_its_name_in_other_processes():
    assert cell().id  # kept once it is known, so that it must not get in the way of a copy
    copied = pickle.loads(pickle.dumps(cell()))
    assert (copied, copied.id) == (cell(), cell().id)
    assert replace(cell(), runner=OnePlusLambda(lam=2)).id != cell().id


numbers = st.floats(0, 1e12, allow_nan=False)
probabilities = st.floats(0, 1)
sizes = st.integers(1, 2000)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    k = draw(sizes)
    starts = st.one_of(
        st.builds(lambda start: {"start": start}, probabilities),
        st.builds(lambda wrong: {"incorrect": wrong}, st.integers(0, k)),
    )
    chunked = st.sampled_from((UntilResolved, RoundRobin, UniformChunk, OnlyIncorrect))
    schedule = st.one_of(st.just(AllBlocks()), st.builds(lambda kind, g: kind(g=g), chunked, st.integers(1, k)))
    cost = st.one_of(
        st.builds(LLMPrimitive, numbers, numbers),
        st.builds(QuadraticPrimitive, numbers, numbers),
        st.builds(TokenPrices, numbers, numbers, numbers, unit=st.sampled_from([1, 1e6])),
    )
    budget = st.one_of(st.none(), st.builds(Budget, sizes, numbers), st.builds(Budget, st.none(), numbers))
    return Cell(
        BlockOneMax(k, draw(sizes), **draw(starts)),
        draw(st.one_of(st.builds(Resample, probabilities), st.builds(FixKeep, probabilities, probabilities))),
        draw(schedule),
        draw(st.builds(OnePlusLambda, sizes, st.sampled_from(("strict", "weak")))),
        draw(st.builds(Prompt, st.integers(0, 10**6), st.sampled_from(("chunk", "solution")))),
        draw(cost),
        draw(budget),
    )


@given(cells())
def test_any_cell_is_read_back_from_its_text(made):
    again = Cell.parse(made.text)
    assert again == made
    assert (again.text, again.id, again.identity) == (made.text, made.id, made.identity)


@given(cells(), cells())
def test_cells_have_the_same_text_only_if_they_are_equal(one, other):
    assert (one.text == other.text) == (one == other)


# ------------------------------------------------------------------------------------------- identity


@pytest.mark.parametrize(
    "change",
    [{"prompt": Prompt(head=200)}, {"cost": TokenPrices(1, 2, unit=1)}, {"budget": Budget(calls=7)}, {"budget": None}],
)
def test_prompt_cost_and_budget_change_the_name_but_not_the_draws(change):
    assert cell(**change).identity == cell().identity
    assert cell(**change).id != cell().id


@pytest.mark.parametrize(
    "change",
    [
        {"problem": BlockOneMax(k=4, l=17)},
        {"mutator": Resample(p=0.25)},
        {"schedule": RoundRobin()},
        {"runner": OnePlusLambda(accept="weak")},
    ],
)
def test_problem_mutator_schedule_and_runner_change_the_draws(change):
    assert cell(**change).identity != cell().identity


@pytest.mark.parametrize(("k", "batch", "size"), [(1, 500, 500), (2**20, 500, 16), (2**23, 500, 2), (2**25, 500, 1)])
def test_a_batch_is_as_large_as_memory_allows(k, batch, size):
    assert cell(problem=BlockOneMax(k=k, l=1)).batch_size(batch) == size
    assert size * k <= BATCH_BLOCKS or size == 1


# ------------------------------------------------------------------------------------------- refusals


def refused(expected: str, **changes: Any) -> None:
    with pytest.raises(InputError, match=expected):
        cell(**changes)


@pytest.mark.parametrize(
    ("kind", "part"),
    [("problem", BlockOneMax), ("mutator", Resample), ("schedule", UntilResolved), ("cost", LLMPrimitive)],
)
def test_a_class_in_place_of_a_part(kind, part):
    refused(
        rf"Cell: expected for {kind} .* got the class {part.__name__}; write it with its parameters", **{kind: part}
    )


@pytest.mark.parametrize("kind", ["prompt", "budget"])
def test_something_else_in_place_of_a_part(kind):
    refused(rf"Cell: expected for {kind} a \w+, got 'x'", **{kind: "x"})


def test_parts_in_the_wrong_places():
    refused(r"Cell: expected for problem .* got Resample\(p=0\.5\) without k, l, initial, fitness", problem=MUTATOR)
    refused(r"Cell: expected for mutator .* got UntilResolved\(.*\) without rewrite", mutator=SCHEDULE)
    refused(r"Cell: expected for schedule .* got OnePlusLambda\(.*\) without chunk_size", schedule=RUNNER)
    refused("Cell: expected for cost .* got None without weights", cost=None)
    refused("Cell: expected for runner .* got 'x' without lam, founders, parents, survivors", runner="x")


@dataclass(frozen=True)
class Told:
    """A mutator of a user's own with a parameter of any type."""

    value: Any = None

    def rewrite(self, correct, rng):
        return correct


@dataclass
class Thawed:
    """A mutator whose parameter may change under way."""

    value: Any = None

    def rewrite(self, correct, rng):
        return correct


class Plain:
    def rewrite(self, correct, rng):
        return correct


def test_a_part_that_is_no_frozen_dataclass():
    for part in (Plain(), Thawed()):
        refused(r"Cell: expected for mutator an instance of a class marked @dataclass\(frozen=True\)", mutator=part)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ([1, 2], r"got \[1, 2\] of type list; .* hold tuples, not lists"),
        (np.ones(2), "got array.* of type ndarray"),
        ({1: 2}, "of type dict"),
        (Plain(), "of type Plain"),
        ((1, [2]), r"got \[2\] of type list"),
        (math.nan, "expected a number in a part, got NaN"),
        ((1, math.nan), "expected a number in a part, got NaN"),
    ],
)
def test_a_value_without_a_text(value, got):
    refused(got, mutator=Told(value))


def test_values_with_a_text_are_read_back():
    for value in (None, True, -1, 2.5, math.inf, -math.inf, "a 'quoted' word", (1, ("x", None)), (), Prompt(3)):
        made = cell(mutator=Told(value))
        assert Cell.parse(made.text) == made, made.text


@pytest.mark.parametrize("k", [0, -1, 1.5, math.nan, math.inf, True, "4", None, [4]])
def test_sizes_that_are_none(k):
    for name in ("k", "l"):
        with pytest.raises(
            InputError, match=f"BlockOneMax: {name} must be a whole number >= 1, got {re.escape(repr(k))}"
        ):
            BlockOneMax(**({"k": 4, "l": 16} | {name: k}))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan, math.inf, True, "0.5", None, [0.5], np.array([0.5])])
def test_probabilities_that_are_none(p):
    for make in (lambda: Resample(p), lambda: FixKeep(fix=p, keep=0.5), lambda: FixKeep(fix=0.5, keep=p)):
        with pytest.raises(InputError, match=r"(p|fix|keep) must be a probability in \[0, 1\], got "):
            make()


@pytest.mark.parametrize("kind", [UntilResolved, RoundRobin, UniformChunk, OnlyIncorrect])
def test_a_chunk_that_is_longer_than_the_solution(kind):
    refused(f"{kind.__name__}: chunk size g must be at most k = 4, got g = 5", schedule=kind(g=5))
    assert cell(schedule=kind(g=4)).chunks == Chunks(g=4, m=1, last=4)


@dataclass(frozen=True)
class OwnProblem:
    """A problem that does not check its sizes."""

    k: Any = 4
    l: Any = 16

    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=bool)

    def fitness(self, correct):
        return correct.sum(axis=-1)


@dataclass(frozen=True)
class OwnSchedule:
    """A schedule that does not check its chunk size."""

    g: Any
    oblivious: ClassVar[bool] = True

    def chunk_size(self, k):
        return self.g

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.zeros((len(pointer), ahead, 1), dtype=np.int64)

    def advance(self, pointer, moved, m, generations):
        return pointer


@dataclass(frozen=True)
class OwnCost:
    """A cost model that does not check its weights."""

    prices: tuple[Any, ...]

    @property
    def weights(self):
        return np.array(self.prices)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "4", None])
def test_sizes_of_parts_that_do_not_check_their_own(size):
    refused("OwnProblem: k must be a whole number >= 1, got", problem=OwnProblem(k=size))
    refused("OwnProblem: l must be a whole number >= 1, got", problem=OwnProblem(l=size))
    refused("OwnSchedule: chunk_size must be a whole number from 1 to k = 4, got", schedule=OwnSchedule(size))
    refused("OwnSchedule: chunk_size must be a whole number from 1 to k = 4, got 5", schedule=OwnSchedule(5))
    assert cell(problem=OwnProblem(k=np.int64(4)), schedule=OwnSchedule(np.int64(2))).chunks.m == 2


SIZES = {
    "read": lambda n: cell(prompt=Prompt(head=n - 64), schedule=AllBlocks()),  # 4 blocks of 16 tokens behind the head
    "read in part": lambda n: cell(prompt=Prompt(head=n - 16)),
    "read, whole solution": lambda n: cell(prompt=Prompt(head=n - 64, shows="solution")),
    "written": lambda n: cell(prompt=Prompt(reasoning=n - 64), schedule=AllBlocks()),
    "long blocks": lambda n: cell(problem=BlockOneMax(k=1, l=n)),
    "written beside": lambda n: cell(schedule=Decomposed(SCHEDULE, writes=n)),
    "read beside": lambda n: cell(schedule=Decomposed(SCHEDULE, writes=1, head=n - 64)),
    "k": lambda n: cell(problem=BlockOneMax(k=n, l=1)),
    "lam": lambda n: cell(runner=OnePlusLambda(lam=n)),
}


@pytest.mark.parametrize(
    ("name", "most", "expected"),
    [
        *((name, 2**26, "calls that read and write at most 67,108,864 tokens each, got 67,108,865")
          for name in ("read", "read in part", "read, whole solution", "written", "long blocks")),
        *((name, 2**26, "LLM work beside a call that reads and writes at most 67,108,864 tokens, got 67108865")
          for name in ("written beside", "read beside")),
        ("k", 10**8, "k to be at most 100,000,000, which memory allows, got 100,000,001"),
        ("lam", 10**6, "lam to be at most 1,000,000, which memory allows, got 1,000,001"),
    ],
)  # fmt: skip
def test_sizes_at_their_limit_are_cells_and_one_more_is_none(name, most, expected):
    made = [SIZES[name](most - 1), SIZES[name](most)]
    assert made[0].id != made[1].id
    with pytest.raises(InputError, match=f"^Cell: expected {expected}"):
        SIZES[name](most + 1)


@pytest.mark.parametrize("prices", [(), (1.0,) * 5, (1.0,) * 5 + (math.nan,), (1.0,) * 5 + (math.inf,), ("a",) * 6])
def test_prices_that_are_none(prices):
    with pytest.raises(InputError, match=r"(OwnCost: weights must be 6 finite numbers|expected a number in a part)"):
        cell(cost=OwnCost(prices))
    assert cell(cost=OwnCost((0.0,) * 6)).tokens.entries()


# ------------------------------------------------------------------------------------------- texts of others


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected the canonical text of a part"),
        ("Cell(", "expected the canonical text of a part"),
        (7, "expected the canonical text of a part, got 7"),
        ("Cell(problem={1: 2, 1: 3})", r"expected each key once, got '\{1: 2, 1: 3\}'"),
        ("(" * 10_000, "expected the canonical text of a part"),
        ("Resample(p=0.5)", "expected the canonical text of a cell"),
        ("Cell()", "Cell needs the parameter 'problem', got none; allowed: problem, mutator, schedule, runner, "),
        ("Cell(problem=1)", "Cell needs the parameter 'mutator', got none"),
        ("Cell(problm=1)", "Cell has no parameter 'problm'; did you mean 'problem'\\?; allowed: problem, mutator"),
        ("Cell(problem=BlockOneMx(k=1, l=1))", "unknown part 'BlockOneMx'; did you mean 'BlockOneMax'"),
        ("Cell(problem=lost.Part(k=1))", r"the part 'lost\.Part' is not loaded; import the module 'lost' first"),
        ("Cell(problem=open('x'))", "expected calls and literals"),
        ("Cell(problem=subprocess.Popen(args='true'))", "no part: expected a class marked @dataclass"),
        ("Cell(problem=BlockOneMax(k=0, l=1))", "k must be a whole number >= 1, got 0"),
    ],
)
def test_a_text_that_is_none_of_a_cell(text, expected):
    import subprocess  # noqa: F401  # is loaded, and still no text may start a process

    with pytest.raises(InputError, match=expected):
        Cell.parse(text)


@given(st.text(alphabet="Cel()=,'.k1- BlockOneMaxproblm[]{}\"\\\n", max_size=60))
def test_any_other_text_is_refused_in_words(text):
    with pytest.raises(InputError):
        Cell.parse(text)


class Outer:
    @dataclass(frozen=True)
    class Inner(Told):
        """A part inside a class."""


def test_parts_of_other_modules_are_named_with_their_module():
    made = cell(mutator=Outer.Inner(3))
    assert f"mutator={__name__}.Outer.Inner(value=3)" in made.text
    assert Cell.parse(made.text) == made
