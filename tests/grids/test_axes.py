"""Named axes, ranges, axes that run together, conditions: in TOML and Python the same cells, or one clear sentence."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evo.costs.budget import Budget
from evo.costs.ledger import Prompt
from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, Decomposed, RoundRobin, UniformChunk, UntilResolved
from experiments.grids.axes import MOST_VALUES, combinations, grid_cells, span
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.grids.languages.where import MOST_LETTERS, Where
from experiments.grids.toml import load_grid
from operators import FixKeep, PerBlock, Refuse, Resample
from problems import BlockOneMax, Noisy

PARTS = {
    "problem": '{type = "BlockOneMax", k = "$k", l = 16}',
    "mutator": '{type = "Resample", p = 0.5}',
    "schedule": '{type = "RoundRobin", g = "$g"}',
}
AXES = "k = [2, 4, 8]\ng = [1, 2, 4, 8]"


def arm(axes: str = AXES, head: str = "", label: str = "a", **parts: str) -> str:
    lines = [f"{kind} = {table}" for kind, table in (PARTS | parts).items()]
    under = f"[arm.axes]\n{axes}\n" if axes else ""
    return "\n".join(["[[arm]]", f'label = "{label}"', head, *lines, under])


@pytest.fixture
def load(tmp_path):
    def _load(text: str) -> Grid:
        file = tmp_path / "grid.toml"
        file.write_text(f'name = "mine"\n{text}', encoding="utf-8")
        return load_grid(file)

    return _load


@pytest.fixture
def refusal(load, tmp_path):
    """The message about a broken arm, without the file and the arm that it names."""

    def _refusal(text: str) -> str:
        with pytest.raises(InputError) as caught:
            load(text)
        start = f"{tmp_path / 'grid.toml'}: "
        assert str(caught.value).startswith(start)
        return str(caught.value).removeprefix(start)

    return _refusal


def cell(k: int, g: int, **more: Any) -> Cell:
    parts = {"problem": BlockOneMax(k, 16), "mutator": Resample(0.5), "runner": OnePlusLambda()} | more
    return Cell(schedule=RoundRobin(g), **parts)


# ------------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"start": 4, "to": 16, "step": 4}, (4, 8, 12, 16)),
        ({"start": 4, "to": 15, "step": 4}, (4, 8, 12)),
        ({"start": 4, "to": 5, "step": 4}, (4,)),
        ({"start": -4, "to": 4, "step": 4}, (-4, 0, 4)),
        ({"start": 4, "to": 1024, "factor": 2}, (4, 8, 16, 32, 64, 128, 256, 512, 1024)),
        ({"start": 1, "to": 1023, "factor": 10}, (1, 10, 100, 1000)),
        ({"start": 0.1, "to": 0.9, "count": 9}, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ({"start": 0.1, "to": 0.9, "step": 0.1}, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ({"start": 0.001, "to": 10, "factor": 10}, (0.001, 0.01, 0.1, 1.0, 10.0)),
        ({"start": 0, "to": 1, "count": 3}, (0, 0.5, 1)),
        ({"start": 0, "to": 100, "count": 5}, (0, 25, 50, 75, 100)),
        ({"start": 10**20, "to": 10**20 + 2, "step": 1}, (10**20, 10**20 + 1, 10**20 + 2)),
        ({"start": np.int64(1), "to": np.int64(3), "step": np.float64(0.5)}, (1.0, 1.5, 2.0, 2.5, 3.0)),
    ],
)
def test_a_range_has_both_ends_and_the_numbers_as_they_are_written(given, expected):
    found = span(**given)
    assert found == expected
    whole = all(isinstance(number, int | np.integer) for number in given.values())
    assert {type(value) for value in found if not whole or value == int(value)} == {int if whole else float}


def test_ranges_have_as_many_values_as_are_allowed():
    assert len(span(1, MOST_VALUES, step=1)) == len(span(0, 1, count=MOST_VALUES)) == MOST_VALUES
    with pytest.raises(InputError, match="a range: expected at most 10,000 values, got more; take a larger step"):
        span(1, MOST_VALUES + 1, step=1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"step": 0}, "step must be > 0, got 0"),
        ({"step": -1}, "step must be > 0, got -1"),
        ({"step": 1e-300}, "expected at most 10,000 values, got more"),
        ({"factor": 1}, "factor must be > 1, got 1"),
        ({"factor": 0.5}, "factor must be > 1, got 0.5"),
        ({"factor": 1 + 1e-12}, "expected at most 10,000 values"),
        ({"factor": 2, "start": 0}, "with a factor, from must be > 0, got 0"),
        ({"count": 1}, "count must be a whole number from 2 to 10,000, got 1"),
        ({"count": 10_001}, "count must be a whole number from 2 to 10,000, got 10001"),
        ({"count": 2.5}, "count must be a whole number from 2 to 10,000, got 2.5"),
        ({"step": math.nan}, "step must be a finite number, got nan"),
        ({"step": 1, "to": math.inf}, "to must be a finite number, got inf"),
        ({"step": 1, "start": "4"}, "from must be a finite number, got '4'"),
        ({"step": True}, "step must be a finite number, got True"),
        ({"step": 10**400}, "step must be a finite number, got a whole number of more than 300 digits"),
        ({"step": 1, "to": 4}, "from must be below to = 4, got 4"),
        ({"step": 1, "to": 2}, "from must be below to = 2, got 4"),
        ({}, "expected one of step, factor and count, got none"),
        ({"step": 1, "count": 3}, "expected one of step, factor and count, got step and count"),
    ],
)
def test_a_range_that_is_none(given, expected, refusal):
    arguments = {"start": 4, "to": 64} | given
    with pytest.raises(InputError) as caught:
        span(**arguments)
    assert f"a range: {expected}" in str(caught.value)
    words = {"start": "from"}
    table = ", ".join(f"{words.get(name, name)} = {_toml(value)}" for name, value in arguments.items())
    message = f"arm 1 ('a'): axes.k: {caught.value}"
    assert refusal(arm(f"k = {{{table}}}\ng = 1")) == message
    inline = refusal(arm("g = 1", problem=f'{{type = "BlockOneMax", k = {{{table}}}, l = 16}}'))
    assert inline == message.replace("axes.k", "problem.k")


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def test_ranges_stand_for_lists_and_in_lists(load):
    k = {"schedule": '{type = "AllBlocks"}'}
    inline = arm("", problem='{type = "BlockOneMax", k = [1, {from = 2, to = 8, factor = 2}, 9], l = 16}', **k)
    named = arm("k = [1, {from = 2, to = 8, factor = 2}, 9]", **k)
    ks = [1, *span(2, 8, factor=2), 9]
    made = sweep(
        problem=[BlockOneMax(each, 16) for each in ks],
        mutator=Resample(0.5),
        schedule=AllBlocks(),
        runner=OnePlusLambda(),
    )
    assert load(inline).cells == load(named).cells == tuple(made)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("{form = 4, to = 64, step = 4}", "axes.k: a range has no 'form'; did you mean 'from'?"),
        ("{from = 4, to = 64, setp = 4}", "axes.k: a range has no 'setp'; did you mean 'step'?"),
        ("{from = 4, step = 4}", "axes.k: a range: expected from and to, got no to"),
        ("[{from = 1, to = 9999, step = 1}, 0, {from = -9, to = -1, step = 1}]", "axes.k: expected at most 10,000"),
    ],
)
def test_ranges_with_words_that_are_none(refusal, table, expected):
    assert expected in refusal(arm(f"k = {table}\ng = 1"))


# ------------------------------------------------------------------------------------------- the same in both


def test_named_axes_in_a_file_are_those_of_python(load):
    text = arm("k = {from = 2, to = 8, factor = 2}\ng = [1, 2, 4, 8]", head='where = ["g <= k"]')
    made = grid_cells(
        axes={"k": span(2, 8, factor=2), "g": [1, 2, 4, 8]}, make=lambda k, g: cell(k, g), where=lambda k, g: g <= k
    )
    assert load(text) == Grid("mine", {"a": made})
    assert len(made) == 9


def test_parts_share_an_axis_in_nested_wrappers_too(load):
    text = arm(
        "k = [4, 8]\nr = [0.1, 0.2]\ns = [1, 4]",
        problem='{type = "Noisy", problem = {type = "BlockOneMax", k = "$k", l = 4}, sigma = 1.0, samples = "$s"}',
        mutator='{type = "Refuse", rate = "$r", inner = {type = "FixKeep", fix = 0.5, keep = ["$r", 0.9]}}',
        schedule='{type = "Decomposed", writes = "$k", schedule = {type = "UntilResolved", g = "$s"}}',
        prompt='{type = "Prompt", head = "$k"}',
        head='zip = [["k", "s"]]',
    )

    def make(k: int, r: float, s: int) -> list[Cell]:
        return sweep(
            problem=Noisy(BlockOneMax(k, 4), 1.0, samples=s),
            mutator=[Refuse(FixKeep(0.5, keep), rate=r) for keep in (r, 0.9)],
            schedule=Decomposed(UntilResolved(s), writes=k),
            runner=OnePlusLambda(),
            prompt=Prompt(k),
        )

    made = grid_cells(axes={"k": [4, 8], "r": [0.1, 0.2], "s": [1, 4]}, make=make, zip=(("k", "s"),))
    assert load(text) == Grid("mine", {"a": made})
    assert len(made) == 8


def test_an_axis_may_have_parts_types_and_words(load):
    text = arm(
        """m = [{type = "Resample", p = [0.3, 0.5]}, {type = "PerBlock", p = [[0.1, 0.2]]}]
        s = ["RoundRobin", "UniformChunk"]
        b = [{type = "Budget", calls = 9}, "none"]""",
        problem='{type = "BlockOneMax", k = 2, l = 4}',
        mutator='"$m"',
        schedule='{type = "$s"}',
        budget='"$b"',
    )
    made = grid_cells(
        axes={
            "mutator": [[Resample(0.3), Resample(0.5)], PerBlock((0.1, 0.2))],
            "schedule": [RoundRobin(), UniformChunk()],
            "budget": [Budget(9), None],
        },
        make=lambda **parts: sweep(problem=BlockOneMax(2, 4), runner=OnePlusLambda(), **parts),
    )
    assert load(text).cells == tuple(made)
    assert len(made) == 12


def test_a_list_in_a_named_axis_is_one_value_a_tuple(load):
    tuples = arm(
        "p = [[0.1, 0.2], [0.3, 0.4]]\nlast = [0.5, 0.6]",
        problem='{type = "BlockOneMax", k = 2, l = 4}',
        mutator='{type = "PerBlock", p = ["$p", [0.7, "$last"]]}',
        schedule='{type = "AllBlocks"}',
        head='zip = [["p", "last"]]',
    )
    found = [one.mutator.p for one in load(tuples).cells]
    assert found == [(0.1, 0.2), (0.7, 0.5), (0.3, 0.4), (0.7, 0.6)]


def test_a_tuple_may_be_a_range(load, refusal):
    parts = {"problem": '{type = "BlockOneMax", k = 4, l = 4}', "schedule": '{type = "AllBlocks"}'}
    inline = arm("", mutator='{type = "PerBlock", p = [[0.1, {from = 0.5, to = 0.9, count = 3}]]}', **parts)
    named = arm("p = [[0.1, {from = 0.5, to = 0.9, count = 3}]]", mutator='{type = "PerBlock", p = "$p"}', **parts)
    assert load(inline).cells == load(named).cells
    assert load(named).cells[0].mutator == PerBlock((0.1, 0.5, 0.7, 0.9))
    flat = inline.replace("p = [[", "p = [").replace("]]}", "]}")
    assert "for one tuple write p = [[" in refusal(flat)
    short = arm("p = [[0.1, 0.2]]", mutator='{type = "PerBlock", p = ["$p", "$p"]}', **parts)
    assert "for one tuple" not in refusal(short)


def test_two_dollars_are_one(refusal):
    fixed = {"problem": '{type = "BlockOneMax", k = 2, l = 4}', "schedule": '{type = "AllBlocks"}'}
    assert refusal(arm("", mutator='{type = "Resample", p = "$$p"}', **fixed)).endswith("got '$p'")
    assert refusal(arm('r = "$$p"', mutator='{type = "Resample", p = "$r"}', **fixed)).endswith("got '$p'")


def test_named_axes_are_slower_than_lists_and_the_last_named_is_the_fastest_of_them(load):
    text = arm("k = [4, 2]\ng = [2, 1]", runner='{type = "OnePlusLambda", lam = [8, 1]}')
    found = [(one.problem.k, one.schedule.g, one.runner.lam) for one in load(text).cells]
    assert found == list(itertools.product((4, 2), (2, 1), (8, 1)))


def test_axes_that_run_together_stand_where_the_first_of_them_does():
    axes = {"a": (1, 2), "b": (5, 6), "c": (7, 8), "d": (0,)}
    found = [tuple(chosen.values()) for chosen in combinations(axes, [["c", "a"]])]
    assert found == [(1, 5, 7, 0), (1, 6, 7, 0), (2, 5, 8, 0), (2, 6, 8, 0)]
    assert list(combinations({})) == [{}]


def test_arms_have_axes_of_their_own_and_keep_their_labels(load):
    text = arm("k = 3\ng = [1, 2]", label="one") + arm("k = [4, 5]\ng = 1", label="two")
    grid = load(text)
    assert [(grid.labels[one.id], one.problem.k) for one in grid.cells] == [
        ("one", 3), ("one", 3), ("two", 4), ("two", 5)
    ]  # fmt: skip


def test_conditions_hold_together_and_one_may_stand_alone(load):
    both = load(arm(head='where = ["g <= k", "not (k == 8 and g == 8)"]')).cells
    assert both == load(arm(head="where = 'g <= k and not (k == 8 and g == 8)'")).cells
    assert len(both) == 8


# ------------------------------------------------------------------------------------------- files that are wrong


@pytest.mark.parametrize(
    ("axes", "head", "parts", "expected"),
    [
        (AXES, 'where = ["g <= kk"]', {}, "where[1]: 'g <= kk', column 6: unknown axis 'kk'; did you mean 'k'?; axes"),
        (AXES, 'where = ["g <= k", "g = 1"]', {}, "where[2]: 'g = 1', column "),
        (AXES, 'where = ["g < 1"]', {}, "where leaves none of 12 combinations of the axes"),
        (AXES, "where = 3", {}, 'where: expected conditions in a list, as in ["g <= k"], got 3'),
        (AXES, "where = [3]", {}, "where[1]: expected a condition in quotes, such as \"g <= k\", got 3"),
        (AXES, "where = ['k == \"a\"']", {}, "at k = 2, g = 1: where: 'k == \"a\"', column 6: expected two"),
        ("", 'where = ["k > 1"]',
         {"problem": '{type = "BlockOneMax", k = 3, l = 4}', "schedule": '{type = "AllBlocks"}'},
         "where[1]: 'k > 1', column 1: unknown axis 'k'; axes: none"),
        (AXES, 'zip = [["k", "gg"]]', {}, "zip: unknown axis 'gg'; did you mean 'g'?; axes: k, g"),
        (AXES, 'zip = [["k", "g"]]', {}, "zip: expected axes of equal length to run together, got k with 3 and g with"),
        (AXES, 'zip = ["k", "g"]', {}, 'zip: expected lists of names in a list, as in [["k", "m"]], got ['),
        (AXES, 'zip = [["k"]]', {}, "zip: expected two axes or more that run together, got ['k']"),
        (AXES, 'zip = [["k", "k"]]', {}, "zip: expected each axis once, got 'k' again"),
        (AXES, "zip = [[[1]]]", {}, "zip: unknown axis [1]; axes: k, g"),
        (AXES, "zip = 3", {}, "zip: expected lists of names in a list"),
        (AXES + "\nm = [1]", "", {}, 'axes.m: expected "$m" somewhere in the arm, got none'),
        (AXES + '\nwhere = ["g <= k"]', "", {}, "got none; if it is the arm's where, write it above [arm.axes]"),
        ("kk = 3\ng = 1", "", {}, 'problem: unknown axis "$k"; did you mean \'kk\'?; axes: kk, g'),
        ("", "", {}, 'problem: unknown axis "$k"; name it in [arm.axes]'),
        (AXES, "", {"schedule": '{type = "RoundRobin", g = "$k // 2"}'}, "schedule.g: '$k // 2', column 1: exp"),
        (AXES, "", {"schedule": '"$-"'}, "schedule: '$-', column 1: expected numbers, axes"),
        ("k = []\ng = 1", "", {}, "axes.k: expected values in a list, got an empty one"),
        ("k = 3\ng = \"$k\"", "", {}, "axes.g: expected values, got a reference to another axis in '$k'"),
        ("k = 3\ng = 1\n\"a b\" = 1", "", {"prompt": '{type = "Prompt", head = 1}'}, 'axes.a b: expected "$a b" some'),
        ("k = 3\nfor = 1", "", {"schedule": '{type = "RoundRobin", g = "$for"}'}, "expected letters, digits and _ as"),
        ("k = 3\ng = [0, 1]", "", {}, "at g = 0: schedule: RoundRobin: g must be a whole number >= 1, got 0"),
        ("k = 3\ng = 1", "", {"mutator": '{type = "Resample", q = 1}'}, "('a'): mutator: Resample has no parameter"),
        ("k = 3\ng = [1, 1]", "", {}, "stands in it twice; leave one out"),
        ("k = 3\ng = 1", "", {"mutator": '"Resample"'}, "mutator: expected a table with a type, such as {type ="),
        ("k = 3\nm = 1", "", {"mutator": '"$m"', "schedule": '{type = "AllBlocks"}'},
         "at m = 1: mutator: expected a table with a type, such as {type = \"Resample\"}, or a list of them, got 1"),
        ("k = {from = 1, to = 9999, step = 1}\ng = {from = 1, to = 9999, step = 1}", "", {},
         "expected at most 1,000,000 combinations in an arm, got 99,980,001; shorten the axes"),
        ("g = 1", "", {"problem": '{type = "BlockOneMax", k = {from = 1, to = 9999, step = 1}, '
         'l = {from = 1, to = 9999, step = 1}}'}, "expected at most 1,000,000 combinations"),
        ("g = 1", "", {"problem": '{type = "BlockOneMax", k = {from = 1, to = 2000, step = 1}, l = 1}',
         "runner": '{type = "OnePlusLambda", lam = {from = 1, to = 1000, step = 1}}'}, "arm, got 2,000,000; shorten"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_arm(refusal, axes, head, parts, expected):
    assert expected in refusal(arm(axes, head, **parts))


def test_keys_in_the_wrong_place(refusal):
    lines = arm("k = 3\ng = 1").splitlines()
    schedule = next(line for line in lines if line.startswith("schedule"))
    moved = "\n".join([*(line for line in lines if line != schedule), schedule])
    assert refusal(moved).startswith("expected the key 'arm[1].schedule', got it in [arm.axes]; write it above")
    assert "axes is a key of an arm, write it below [[arm]] (a table: [arm.axes])" in refusal("[axes]\nk = 3\n" + arm())
    assert refusal(arm("", head="axes = 3")).startswith("arm[1].axes: input should be a valid dict")
    assert refusal('[[arm]]\nlabel = "x"\naxes = 3\n').startswith("expected the key 'arm[1].problem', got none")


@pytest.mark.parametrize(
    ("axes", "parts", "advice"),
    [
        (AXES, {}, 'at k = 2, g = 4: RoundRobin: chunk size g must be at most k = 2, got g = 4; leave such cells '
         'out by where = ["g <= k"]'),
        ("k = 3\nsize = [1, 4]", {"schedule": '{type = "RoundRobin", g = "$size"}'}, 'where = ["size <= k"]'),
        ("k = [4, 2]", {"schedule": '{type = "RoundRobin", g = 3}'}, 'where = ["3 <= k"]'),
        ("g = 9", {"problem": '{type = "BlockOneMax", k = 8, l = 4}'}, 'where = ["g <= 8"]'),
        ("k = 3\ng = [1, 4]",
         {"schedule": '{type = "Decomposed", writes = 1, schedule = {type = "RoundRobin", g = "$g"}}'},
         'where = ["g <= k"]'),
        ("", {"problem": '{type = "BlockOneMax", k = [2, 4], l = 4}', "schedule": '{type = "RoundRobin", g = [1, 3]}'},
         'name k and g in [arm.axes], write "$k" and "$g", and where = ["g <= k"]'),
    ],
)  # fmt: skip
def test_chunks_longer_than_the_solution_come_with_advice(refusal, axes, parts, advice):
    assert refusal(arm(axes, **parts)).endswith(advice)


def test_no_advice_where_nothing_varies(refusal):
    one = arm("", problem='{type = "BlockOneMax", k = 2, l = 4}', schedule='{type = "RoundRobin", g = 3}')
    assert refusal(one).endswith("chunk size g must be at most k = 2, got g = 3")


# ------------------------------------------------------------------------------------------- Python that is wrong


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"axes": {"k": [2, 4]}}, "make takes 'g', which is no axis; axes: k"),
        ({"axes": {"k": [2], "gg": [1]}}, "make takes 'g', which is no axis; did you mean 'gg'?"),
        ({"axes": {"k": [2], "g": [1], "m": [1]}}, "make does not take the axis 'm'"),
        ({"axes": {"k": [2], "g": []}}, "axes.g: expected values, got none"),
        ({"axes": {"k": [2], "g": 3}}, "axes.g: expected a list of values, or a span, got 3"),
        ({"axes": {"k": [2], "g": "12"}}, "axes.g: expected a list of values, or a span, got '12'"),
        ({"axes": {"k": [2], "g": itertools.count()}}, "axes.g: expected at most 10,000 values, got more"),
        ({"where": lambda k, h: True}, "where takes 'h', which is no axis"),
        ({"where": lambda k: k > 9}, "where leaves none of 4 combinations"),
        ({"where": "g <= k"}, "where must be a function of the axes, got 'g <= k'"),
        ({"zip": [("k", "m")]}, "zip: unknown axis 'm'; axes: k, g"),
        ({"zip": ("k", "g")}, "zip: expected lists of names in a list"),
        ({"make": lambda k, g: k}, "make must return a cell or a list of cells, got 2"),
        ({"axes": {"k": [2], "g": [1, 3]}}, "at k = 2, g = 3: RoundRobin: chunk size g must be at most k = 2"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_axes_in_python(arguments, expected):
    with pytest.raises(InputError) as caught:
        grid_cells(**({"axes": {"k": [2, 4], "g": [1, 2]}, "make": lambda k, g: cell(k, g)} | arguments))
    assert expected in str(caught.value)


def test_make_and_where_take_what_they_name():
    axes = {"k": range(1, 4), "g": np.array([1, 2])}
    assert len(grid_cells(axes=axes, make=lambda **chosen: cell(**chosen), where=lambda k: k > 1)) == 4
    assert len(grid_cells(axes=axes, make=lambda k, g, l=3: cell(k, g), where=lambda **chosen: chosen["k"] == 3)) == 2
    with pytest.raises(ZeroDivisionError):  # a fault of the user's own function is told as it is
        grid_cells(axes=axes, make=lambda k, g: cell(k // 0, g))


# ------------------------------------------------------------------------------------------- conditions

CHOSEN = {"k": 8, "g": 2, "p": 0.3, "shows": "chunk", "again": True, "part": {"type": "Resample"}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("g <= k", True),
        ("not (k == 8 and p == 0.3)", False),
        ("1 < g < k <= 8", True),
        ("1 < g < k < 8", False),
        ("k // 3 == 2 and k % 3 == 2 and k / 16 == 0.5", True),
        ("k - g * 3 + -1 == +1", True),
        ("k != 8 or g != 2 or shows == 'chunk'", True),
        ('shows != "chunk"', False),
        ("again", True),
        ("again == false or not True", False),
        ("again == true", True),
        ("g == 0 or k % g == 0", True),
        ("k == 8 or 1 % 0 == 0", True),  # what stands behind is not looked at
        ("  k == 8\t", True),
        ("0.1 + 0.2 > p", True),  # as Python has it
        (r"shows == '\d'", False),  # Python warns of it
    ],
)
def test_conditions_mean_what_they_mean_in_python(text, holds):
    assert Where.parse(text, CHOSEN).holds(CHOSEN) is holds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__import__('os').system('true')", "column 1: expected comparisons of axes, numbers and words"),
        ("k.real == 8", "column 1: expected comparisons"),
        ("k ** 9 > 1", "column 1: expected comparisons"),
        ("k in (4, 8)", "got 'k in (4, 8)'"),
        ("k is 8", "expected comparisons"),
        ("[k] == [8]", "expected comparisons"),
        ("(k := 3) > 1", "expected comparisons"),
        ("(lambda: 1) == 1", "expected comparisons"),
        ("k if g else p", "expected comparisons"),
        ("f'{k}' == 'a'", "expected comparisons"),
        ("k == 8j", "column 6: expected comparisons"),
        ("k == None", "column 6: expected comparisons"),
        ("shows == b'a'", "expected comparisons"),
        ("k | g == 1", "expected comparisons"),
        ("~k == 1", "expected comparisons"),
        ("k", "column 1: expected a comparison, which is true or false, got a number"),
        ("k == 8 and g", "column 12: expected a comparison"),
        ("not k", "column 5: expected a comparison"),
        ("shows + shows == 'a'", "column 1: expected a number to calculate with, got a word"),
        ("again + 1 == 2", "expected a number to calculate with, got true or false"),
        ("shows == 8", "column 10: expected two values of a kind to compare, got a word and a number"),
        ("'é' == shows or k == 'a'", "column 22: expected two values"),
        ("again == 1", "got true or false and a number"),
        ("shows < 'd'", "expected == or !=, for values without an order, got a word"),
        ("part == 1", "expected numbers, words or true and false in the axis 'part' to compare"),
        ("k % 0 == 1", "column 1: cannot be calculated: "),
        ("1e308 * 10 // p == 1 or 10 ** 2", "expected comparisons"),
        (f"{'9' * 310} * p == 1", "cannot be calculated: int too large to convert to float"),
        ("k = 8", 'column 3: invalid syntax; expected a condition such as "g <= k" or'),
        ("k <= 8 && g <= 8", "invalid syntax"),
        ("k <=", "invalid syntax"),
        ("k == 8; g", "invalid syntax"),
        ("kay == 8", "column 1: unknown axis 'kay'"),
        ("show == 'chunk'", "did you mean 'shows'?; axes: k, g, p, shows, again, part"),
        ("", "expected a condition in quotes, such as"),
        (" \n", "expected a condition in quotes, such as"),
        (None, "expected a condition in quotes, such as \"g <= k\", got None"),
        ("k == 8 or " * 60 + "k == 8", f"expected at most {MOST_LETTERS} characters, got 606; write"),
        ("not " * 120 + "again", "expected at most 60 levels"),
        ("-" * 499 + "k", "expected at most 60 levels"),
        ("(" * 249 + "k" + ")" * 249, "too many nested parentheses"),
        ("k == 8\x00", "null bytes"),
        ("\ud800 == 8", "expected a simpler condition"),
    ],
)  # fmt: skip
def test_conditions_that_are_none(text, expected):
    with pytest.raises(InputError) as caught:
        Where.parse(text, CHOSEN).holds(CHOSEN)
    assert expected in str(caught.value)


# ------------------------------------------------------------------------------------------- anything

quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def outcome(make: Callable[[], Any]) -> Any:
    """What is made, or the message of the refusal."""
    try:
        return make()
    except InputError as error:
        return str(error)


TOKENS = st.lists(
    st.sampled_from(
        ("k", "g", "p", "shows", "again", "part", "kk", "true", "0", "1", "0.3", "1e999", "9" * 30, "'chunk'", '"a"',
         "and", "or", "not", "in", "is", "if", "lambda", "==", "!=", "<", "<=", ">", ">=", "=", "+", "-", "*", "**",
         "'", "/", "//", "%", "(", ")", "[", "]", ",", ":", ".", "\\", "\n", "#", "1j", "None", "f''", "é", "\x00",
         "&&", ":=")
    ),
    max_size=12,
).map(" ".join)  # fmt: skip
NUMBERS = st.sampled_from(("k", "g", "p", "2", "0.3", "-1"))
ORDERS = st.sampled_from(("<", "<=", "==", "!=", ">", ">="))
SUMS = st.recursive(NUMBERS, lambda one: st.tuples(one, st.sampled_from("+-*"), one).map(" ".join).map("({})".format))
TRUTHS = st.recursive(
    st.tuples(SUMS, ORDERS, SUMS).map(" ".join) | st.sampled_from(("again", "shows == 'chunk'")),
    lambda one: (
        st.tuples(one, st.sampled_from(("and", "or")), one).map(" ".join).map("({})".format)
        | one.map("(not {})".format)
    ),
    max_leaves=5,
)


@settings(quick, max_examples=60)
@given(text=TOKENS | st.text(max_size=30))
def test_any_text_is_a_condition_or_refused(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        held = outcome(lambda: Where.parse(text, CHOSEN).holds(CHOSEN))
    assert isinstance(held, bool) or len(held) < 600


@settings(quick, max_examples=80)
@given(text=TRUTHS)
def test_a_condition_is_what_python_evaluates(text):
    """The values of CHOSEN and of Python agree, whatever is nested in whatever (texts too long are refused)."""
    held = outcome(lambda: Where.parse(text, CHOSEN).holds(CHOSEN))
    if isinstance(held, str):
        assert len(text) > MOST_LETTERS or "levels" in held
    else:
        assert held is eval(text, {}, dict(CHOSEN))


ENDS = st.integers(-9, 40) | st.floats() | st.sampled_from([0.1, 0.9, 10**400, "a", True, -0.0, 5e-324, 1.7e308])


def test_the_last_of_so_many_values_is_the_end_that_was_given():
    tiny = 1.0678359164794702e-116
    assert span(-1.0, tiny, count=2) == (-1.0, tiny)
    assert span(-1.0, tiny, count=3) == (-1.0, -0.5, tiny)


@settings(quick, max_examples=400)
@given(start=ENDS, to=ENDS, by=st.dictionaries(st.sampled_from(("step", "factor", "count")), ENDS, max_size=2))
def test_any_range_rises_from_its_start_or_is_refused(start, to, by):
    found = outcome(lambda: span(start, to, **by))
    if isinstance(found, str):
        assert found.startswith("a range: ")
        assert len(found) < 300
    else:
        assert found[0] == start
        assert found[-1] <= to
        assert 1 <= len(found) <= MOST_VALUES
        assert list(found) == sorted(found)
        if "count" in by:
            assert (len(found), found[-1]) == (by["count"], to)


SMALL = st.integers(-1, 9) | st.sampled_from(["0.5", '"$k"', '"$g"', '"$x"', '"$$"', "{}", "[]", "[1, 2]", '"none"'])
RANGES = st.dictionaries(st.sampled_from(("from", "to", "step", "factor", "count", "by")), SMALL, max_size=4)
AXIS = SMALL | RANGES.map(lambda one: "{" + ", ".join(f"{word} = {value}" for word, value in one.items()) + "}")
WORDS = st.sampled_from(('["k", "g"]', '["k"]', '"k"', "3", '["k", "x"]', "[]", "[[]]"))


@settings(quick, max_examples=100)
@given(
    axes=st.dictionaries(st.sampled_from("kgxa"), AXIS, max_size=3),
    where=st.sampled_from(("g <= k", "k == 1", "x > 1", "k + g", "1 == 1", "k == 'none'")) | TOKENS,
    together=st.lists(WORDS, max_size=2),
    g=SMALL | st.just('"$g"'),
)
def test_any_axes_are_a_grid_or_refused(tmp_path, axes, where, together, g):
    quoted = '"' + "".join(f"\\U{ord(char):08x}" for char in where) + '"'
    text = arm(
        "\n".join(f"{name} = {value}" for name, value in axes.items()),
        head=f"where = [{quoted}]\nzip = [{', '.join(together)}]",
        schedule=f'{{type = "RoundRobin", g = {g}}}',
    )
    file = tmp_path / "grid.toml"
    file.write_text(f'name = "mine"\n{text}', encoding="utf-8")
    grid = outcome(lambda: load_grid(file))
    if isinstance(grid, str):
        assert grid.startswith(f"{file}: ")
        assert len(grid) < 1500
    else:
        assert all(Cell.parse(one.text) == one for one in grid.cells)
