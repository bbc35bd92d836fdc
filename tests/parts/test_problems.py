"""The problems: fitness by its definition, starts, sizes, texts, grids in TOML, and the checks of parts."""

from dataclasses import field, make_dataclass
from itertools import product

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda
from evo.conformance import check_problem
from evo.errors import InputError
from evo.protocols import Problem
from evo.text import canonical
from experiments.grids.cell import Cell
from experiments.grids.cells_table import cells_table
from experiments.grids.toml import load_grid
from operators import Resample
from problems import BlockOneMax, Jump, LeadingBlocks, Minibatch, Needle, Noisy, Trap, WeightedBlocks
from problems.starts import Starts

WEIGHTS = (5, 1, 3, 1, 2**40)


def leading(x):
    return next((j for j, right in enumerate(x) if not right), len(x))


DEFINED = [  # the problem of 5 blocks, and its fitness in words of plain Python
    (BlockOneMax(5, 3), sum),
    (WeightedBlocks(WEIGHTS, 3), lambda x: sum(w for w, right in zip(WEIGHTS, x, strict=True) if right)),
    (LeadingBlocks(5, 3), leading),
    (Jump(5, 3, 1), lambda x: 1 + sum(x)),
    (Jump(5, 3, 2), lambda x: {0: 2, 1: 3, 2: 4, 3: 5, 4: 1, 5: 7}[sum(x)]),
    (Jump(5, 3, 5), lambda x: {0: 5, 1: 4, 2: 3, 3: 2, 4: 1, 5: 10}[sum(x)]),
    (Trap(5, 3), lambda x: 6 if all(x) else 5 - sum(x)),
    (Needle(5, 3), lambda x: int(all(x))),
]
PROBLEMS = [problem for problem, _ in DEFINED]


@pytest.mark.parametrize(("problem", "naive"), DEFINED, ids=[repr(problem) for problem in PROBLEMS])
def test_fitness_is_what_is_defined(problem, naive):
    solutions = list(product((False, True), repeat=5))
    np.testing.assert_array_equal(problem.fitness(np.array(solutions)), [naive(x) for x in solutions])
    assert problem.fitness(np.array(solutions)).dtype == np.int64
    for x in solutions[:3]:
        assert problem.fitness(np.array(x)) == naive(x)


@pytest.mark.parametrize(
    "problem", [Jump(5, 3, 2), Trap(5, 3), LeadingBlocks(5, 3), WeightedBlocks(WEIGHTS, 3)], ids=repr
)
def test_twin_another_definition_is_found(problem):
    """Slips: another m, a trap without its optimum, leading blocks from the second one on, weights in another order."""
    solutions = np.array(list(product((False, True), repeat=5)))
    c = solutions.sum(axis=1)
    wrong = {
        Jump: Jump(5, 3, 3).fitness(solutions),
        Trap: np.where(c == 5, 5, 5 - c),
        LeadingBlocks: np.cumprod(solutions, axis=1)[:, 1:].sum(axis=1),
        WeightedBlocks: WeightedBlocks((1, 5, 3, 1, 2**40), 3).fitness(solutions),
    }[type(problem)]
    assert (problem.fitness(solutions) != wrong).any()


@pytest.mark.parametrize(
    "problem", [*PROBLEMS, WeightedBlocks((2,), 1), LeadingBlocks(30, 16), Jump(30, 16, 3)], ids=repr
)
def test_passes_every_check(problem):
    assert isinstance(problem, Problem)
    assert [(found.name, found.message) for found in check_problem(problem) if found.passed is False] == []


@pytest.mark.parametrize("k", [1, 2, 7])
def test_one_definition_for_any_number_of_blocks(k):
    x = np.arange(k) < np.arange(k + 1)[:, None]  # 0, 1, .., k correct blocks at the front
    count = list(range(k + 1))
    assert LeadingBlocks(k, 1).fitness(x).tolist() == count
    assert Jump(k, 1, 1).fitness(x).tolist() == [1 + c for c in count]
    assert Trap(k, 1).fitness(x).tolist() == [*range(k, 0, -1), k + 1]
    assert Needle(k, 1).fitness(x).tolist() == [0] * k + [1]
    assert WeightedBlocks((1,) * k, 1).fitness(x).tolist() == count


def test_weights_are_exact_and_never_tie_with_what_is_better():
    heavy = WeightedBlocks((2**53 - 3, 1, 2), 1)
    assert heavy.fitness(np.array([True, True, True])) == 2**53
    assert heavy.fitness(np.array([True, False, True])) == 2**53 - 1
    assert WeightedBlocks((2**53,), 1).fitness(np.array([True])) == 2**53
    many = WeightedBlocks(tuple(range(1, 1001)), 1)
    flipped = WeightedBlocks(tuple(range(1000, 0, -1)), 1)
    x = np.random.default_rng(1).random((50, 1000)) < 0.5
    np.testing.assert_array_equal(many.fitness(x), flipped.fitness(x[:, ::-1]))


# ------------------------------------------------------------------------------------------- starts

STARTED = [
    lambda **start: BlockOneMax(6, 1, **start),
    lambda **start: WeightedBlocks((1, 2, 3, 4, 5, 6), 1, **start),
    lambda **start: LeadingBlocks(6, 1, **start),
    lambda **start: Jump(6, 1, 2, **start),
    lambda **start: Trap(6, 1, **start),
    lambda **start: Needle(6, 1, **start),
]
NAMES = ["BlockOneMax", "WeightedBlocks", "LeadingBlocks", "Jump", "Trap", "Needle"]


@pytest.mark.parametrize("make", STARTED, ids=NAMES)
def test_starts_are_drawn_the_same_way(make):
    """All at once from one uniform number a block, or as a permutation: what BlockOneMax always did."""
    drawn = make(start=0.3).initial(4, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn, np.random.default_rng(1).random((4, 6)) < 0.3)
    drawn = make(incorrect=2).initial(4, np.random.default_rng(1))
    rows = np.array([[False, False, True, True, True, True]] * 4)
    np.testing.assert_array_equal(drawn, np.random.default_rng(1).permuted(rows, axis=1))
    assert not make().initial(3, np.random.default_rng(1)).any()


@pytest.mark.parametrize(("make", "name"), list(zip(STARTED, NAMES, strict=True)), ids=NAMES)
def test_wrong_starts_are_refused(make, name):
    for start, message in (
        ({"start": 1.1}, f"^{name}: start must be a probability"),
        ({"incorrect": 7}, f"^{name}: incorrect must be a whole number from 0 to 6, got 7"),
        ({"start": 0.5, "incorrect": 1}, rf"^{name}: expected start or incorrect, got both \(start=0.5, incorrect=1\)"),
    ):
        with pytest.raises(InputError, match=message):
            make(**start)


@pytest.mark.parametrize("kind", [BlockOneMax, LeadingBlocks, Trap, Needle], ids=lambda kind: kind.__name__)
def test_wrong_sizes_are_refused(kind):
    with pytest.raises(InputError, match=f"^{kind.__name__}: k must be a whole number >= 1, got 0"):
        kind(0, 1)
    with pytest.raises(InputError, match=f"^{kind.__name__}: l must be a whole number >= 1, got 1.5"):
        kind(1, 1.5)


@pytest.mark.parametrize("m", [0, 5, 1.5, True])
def test_jump_needs_a_valley_that_fits(m):
    with pytest.raises(InputError, match=r"^Jump: m must be a whole number from 1 to 4"):
        Jump(4, 1, m)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (3, r"one a block, got 3; in a TOML file write a list in a list, weights = \[\[1, 2, 4\]\]"),
        ((), r"got \(\)"),
        ("12", "got '12'"),
        ((1, 0.5), "got 0.5 among them"),
        ((1, 0, 2.5), "got 0 among them"),
        (np.array([[1, 2]]), r"got array\(\[\[1, 2\]\]\)"),
        ((1, True), "got True among them"),
        ((1, float("nan")), "got nan among them"),
        ((1, float("inf")), "got inf among them"),
        ((2**52, 2**52, 1), r"add up to at most 2\^53"),
    ],
    ids=["number", "empty", "word", "half", "zero", "matrix", "bool", "nan", "inf", "sum"],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(InputError, match=f"^WeightedBlocks: weights must be .*{message}"):
        WeightedBlocks(weights, 1)


def test_texts():
    assert canonical(WeightedBlocks([1.0, np.int64(2)], 16)) == "WeightedBlocks(weights=(1, 2,), l=16)"
    assert WeightedBlocks(np.array([1, 2]), 16) == WeightedBlocks((1, 2), 16)
    assert canonical(Jump(4, 16, m=2, start=0.5)) == "Jump(k=4, l=16, m=2, start=0.5)"
    assert canonical(BlockOneMax(4, 16, incorrect=2)) == "BlockOneMax(k=4, l=16, incorrect=2)"
    for problem in PROBLEMS:
        assert isinstance(problem, Starts)
        cell = Cell(problem, Resample(0.5), AllBlocks(), OnePlusLambda())
        assert Cell.parse(cell.text) == cell
    assert Cell.parse(Cell(Noisy(Needle(3, 1), 1.0), Resample(0.5), AllBlocks(), OnePlusLambda()).text)


# ------------------------------------------------------------------------------------------- in a grid

GRID = """
name = "landscapes"
{arms}
"""
ARM = """
[[arm]]
label    = "{label}"
problem  = {{{problem}}}
mutator  = {{type = "Resample", p = 0.5}}
schedule = {{type = "AllBlocks"}}
"""


def grid_of(path, **problems):
    arms = "".join(ARM.format(label=label, problem=problem) for label, problem in problems.items())
    path.write_text(GRID.format(arms=arms))
    return load_grid(path)


def test_toml(tmp_path):
    grid = grid_of(
        tmp_path / "grid.toml",
        weighted='type = "WeightedBlocks", weights = [[1, 2, 4], [1, 1]], l = 16',
        leading='type = "LeadingBlocks", k = 3, l = 16, start = 0.5',
        jump='type = "Jump", k = 8, l = 16, m = [1, 3]',
        trap='type = "Trap", k = 3, l = 16, incorrect = 1',
        needle='type = "Needle", k = 3, l = 16',
    )
    assert [cell.problem for cell in grid.cells] == [
        WeightedBlocks((1, 2, 4), 16),
        WeightedBlocks((1, 1), 16),
        LeadingBlocks(3, 16, start=0.5),
        Jump(8, 16, 1),
        Jump(8, 16, 3),
        Trap(3, 16, incorrect=1),
        Needle(3, 16),
    ]
    assert cells_table(grid)["problem.k"].tolist() == [3, 2, 3, 8, 8, 3, 3]


def test_toml_says_how_to_write_weights(tmp_path):
    with pytest.raises(InputError, match=r"list in a list"):
        grid_of(tmp_path / "grid.toml", weighted='type = "WeightedBlocks", weights = [1, 2, 4], l = 16')


@pytest.mark.parametrize("lacking", [("start",), ("incorrect",), ("start", "incorrect"), ("k",), ("l",)], ids=str)
def test_a_problem_on_starts_is_told_which_fields_it_lacks(lacking):
    fields = {"k": (int, 4), "l": (int, 4), "start": (float, 0.0), "incorrect": (int | None, None)}
    there = [(name, kind, field(default=value)) for name, (kind, value) in fields.items() if name not in lacking]
    words = rf"^Mine: a problem on `Starts` needs the fields k, l, start, incorrect; .* {lacking[0]}: "
    with pytest.raises(InputError, match=words):
        make_dataclass("Mine", there, bases=(Starts,), frozen=True)()
    own = make_dataclass("Mine", there, bases=(Starts,), frozen=True, namespace={"__post_init__": lambda self: None})()
    for use in (lambda: own.initial(1, np.random.default_rng(1)), lambda: own.initial_law):
        with pytest.raises(InputError, match=words):
            use()
    complete = [(name, kind, field(default=value)) for name, (kind, value) in fields.items()]
    assert make_dataclass("Mine", complete, bases=(Starts,), frozen=True)().initial_law.most == 4


def test_offspring_are_judged_on_the_blocks_of_their_parents_and_parents_on_new_ones():
    rng, all_right = np.random.default_rng(1), np.ones((50, 6), dtype=np.bool_)
    few = Minibatch(BlockOneMax(6, 2), 2)
    first = few.evaluate(all_right, rng)
    assert (first.judgements.sum(axis=1) == first.seen).all()
    assert (first.seen == 2).all()
    offspring = few.evaluate(first.judgements, rng, all_right, first.judgements)  # right on those blocks alone
    assert (offspring.judgements == first.judgements).all()
    assert (offspring.seen == 2).all()
    assert (few.evaluate(~first.judgements, rng, all_right, first.judgements).seen == 0).all()
    again = few.evaluate(all_right, rng, None, first.judgements).judgements  # another generation
    assert (again != first.judgements).any(axis=1).sum() > 35  # the same blocks w.p. 1/15
