"""Arithmetic on named axes and lists of parts in a file: the cells that Python would make, or one clear sentence."""

from __future__ import annotations

import math

import pytest

from evo.costs.budget import Budget
from evo.errors import InputError
from evo.runners.archives import Archive
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import RoundRobin
from experiments.grids.grid import sweep
from experiments.grids.languages.arithmetic import ALLOWED, MOST_CHARACTERS, Arithmetic
from experiments.grids.toml import load_grid
from operators import FixKeep, Refuse, Resample
from problems import BlockOneMax

ARM = """
name = "mine"
[[arm]]
label = "a"
problem = {type = "BlockOneMax", k = "$k", l = 16}
mutator = {type = "Resample", p = 0.5}
schedule = {type = "RoundRobin", g = 1}
"""


@pytest.fixture
def load(tmp_path):
    def _load(text: str):
        file = tmp_path / "grid.toml"
        file.write_text(text, encoding="utf-8")
        return load_grid(file)

    return _load


def arm(axes: str = "k = [4, 16]", **parts: str) -> str:
    lines = [line for line in ARM.splitlines() if line.partition(" ")[0] not in parts]
    return "\n".join([*lines, *(f"{kind} = {table}" for kind, table in parts.items()), "[arm.axes]", axes])


# ------------------------------------------------------------------------------------------- arithmetic


@pytest.mark.parametrize(
    ("text", "chosen", "expected"),
    [
        ("1/$k", {"k": 3}, 1 / 3),
        ("1/$k", {"k": 4}, 0.25),
        ("1 - $p", {"p": 0.9}, 0.1),
        ("0.1 * $k", {"k": 3}, 0.3),
        ("$p + 0.2", {"p": 0.1}, 0.3),
        ("-$k", {"k": 3}, -3),
        ("+$k", {"k": 3}, 3),
        ("$k - -1", {"k": 3}, 4),
        ("($k + 1) * 2", {"k": 3}, 8),
        ("$k + 1 * 2", {"k": 3}, 5),
        ("2 ** $k", {"k": 10}, 1024),
        ("2 ** -$k", {"k": 10}, 2.0**-10),
        ("2 ** 3 ** 2", {}, 512),
        ("-2 ** 2", {}, -4),
        ("$k ** 0.5", {"k": 16}, 4.0),
        ("$k ** 0", {"k": 0}, 1),
        ("sqrt($k)", {"k": 49}, 7),
        ("sqrt($k)", {"k": 2}, math.sqrt(2)),
        ("sqrt($p)", {"p": 0.25}, 0.5),
        ("log($k)", {"k": 8}, math.log(8)),
        ("log($k) / log(2)", {"k": 8}, math.log(8) / math.log(2)),
        ("$n/$k", {"n": 64, "k": 16}, 4),
        ("$n / $k", {"n": 10, "k": 4}, 2.5),
        (" $k ", {"k": 4}, 4),
        ("$k", {"k": "a word"}, "a word"),
        ("$sqrt + 1", {"sqrt": 1}, 2),
        ("$_a1*$_a1", {"_a1": 3}, 9),
        ("1e3 * $k", {"k": 2}, 2000),
        ("$k ** 200", {"k": 2}, 2**200),
        ("1.0 * $k", {"k": 2}, 2),
    ],
)
def test_what_comes_out(text, chosen, expected):
    found = Arithmetic.parse(text).value(chosen)
    assert found == expected
    assert type(found) is type(expected) or found == int(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$k // 2", f"column 1: expected {ALLOWED}, got '$k // 2'"),
        ("$k % 2", "got '$k % 2'"),
        ("$k < 2", "got '$k < 2'"),
        ("$k if 1 else 2", "got '$k if 1 else 2'"),
        ("k + $k", "column 1: expected numbers, axes"),
        ("k + $k", "got 'k'; an axis is written $name"),
        ("exp($k)", "got 'exp($k)'"),
        ("1 + exp($k) * 2", f"column 5: expected {ALLOWED}, got 'exp($k)'"),
        ("1 + [$k] * 2", f"column 5: expected {ALLOWED}, got '[$k]'"),
        ("sqrt($k, 2)", "got 'sqrt($k, 2)'"),
        ("sqrt(x=$k)", "got 'sqrt(x=$k)'"),
        ("sqrt + $k", "got sqrt of nothing"),
        ("$sqrt(4)", "got '$sqrt(4)'"),
        ("$k.real", "got '$k.real'"),
        ("$k[0]", "got '$k[0]'"),
        ("[$k]", "got '[$k]'"),
        ("'a' * $k", "got \"'a'\""),
        ("True + $k", "got 'True'"),
        ("1j * $k", "got '1j'"),
        ("~$k", "got '~$k'"),
        ("$k and 1", "got '$k and 1'"),
        ("(lambda: 1)() + $k", "got '(lambda: 1)()'"),
        ("__import__('os') + $k", "got \"__import__('os')\""),
        ("$k := 1", "syntax error"),
        ("1 +/ $k", "syntax error"),
        ("$k $k", "syntax error"),
        ("2$k", "syntax error"),
        ("($k", "syntax error"),
        ("$k) + (1", "syntax error"),
        ("$1", "column 1: expected numbers"),
        ("${k}", "an axis is written \"$name\", a dollar itself \"$$\""),
        ("5 $", "column 3: expected numbers"),
        ("$k \u00d7 2", "column 4: expected numbers"),
        ("$k\x00", "got "),
        (" + ".join(["$k"] * 100), f"expected at most {MOST_CHARACTERS} characters, got 497"),
        ("a$k", "got 'a$k'"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_its_place(text, expected):
    with pytest.raises(InputError) as caught:
        Arithmetic.parse(text)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "k", "expected"),
    [
        ("1/$k", 0, "column 1: cannot be calculated: a division by zero"),
        ("$k ** -1", 0, "a division by zero"),
        ("log($k)", 0, "log is of numbers > 0, got 0.0"),
        ("sqrt($k)", -1, "sqrt is of numbers >= 0, got -1.0"),
        ("$k ** 0.5", -2, "cannot be calculated: -2.0 to a power that is no whole number"),
        ("9 ** 9 ** $k", 9, "expected numbers of at most 300 digits, got a power of more"),
        ("$k ** $k", 10**6, "expected numbers of at most 300 digits, got a power of more"),
        ("0.5 ** $k", 2000, "expected numbers of at most 300 digits"),
        ("$k * $k", 10**200, "expected numbers of at most 300 digits, got a longer one"),
        ("sqrt(2) * 1e300 * 1e300 * $k", 1, "one that is too large"),
        ("(2 * $k) ** 1000.5", 2, "one that is too large"),
        ("1e999 * $k", 1, "expected a finite number to calculate with, got inf"),
        ("1 * $k", math.inf, "expected a finite number to calculate with, got inf"),
        ("1 * $k", math.nan, "expected a finite number to calculate with, got nan"),
        ("1 * $k", True, "expected a finite number to calculate with, got True"),
        ("1 * $k", "four", "expected a finite number to calculate with, got 'four'"),
        ("1 * $k", (1, 2), "expected a finite number to calculate with, got (1, 2)"),
        ("1 * $k", {"type": "Resample"}, "expected a finite number to calculate with, got {'type'"),
    ],
)
def test_what_cannot_be_calculated(text, k, expected):
    with pytest.raises(InputError) as caught:
        Arithmetic.parse(text).value({"k": k})
    assert str(caught.value).startswith(f"{text!r}, column ")
    assert expected in str(caught.value)


def test_the_cell_holds_the_value(load):
    refuse = '{type = "Refuse", rate = "1/$k", inner = {type = "FixKeep", fix = "1 - $p", keep = "$p"}}'
    grid = load(arm("k = [4, 16]\np = [0.9, 0.7]", mutator=refuse))
    assert [cell.mutator for cell in grid.cells] == [
        Refuse(FixKeep(fix, keep), rate=1 / k) for k in (4, 16) for fix, keep in ((0.1, 0.9), (0.3, 0.7))
    ]
    assert "rate=0.0625" in grid.cells[2].text
    assert "fix=0.1" in grid.cells[0].text


def test_whole_numbers_stay_whole(load):
    problem = '{type = "BlockOneMax", k = "$k", l = "64/$k"}'
    schedule = '{type = "RoundRobin", g = "sqrt($k)"}'
    grid = load(arm(problem=problem, schedule=schedule, budget='{type = "Budget", calls = "1000 * $k ** 2"}'))
    assert [(cell.problem.l, cell.schedule.g, cell.budget.calls) for cell in grid.cells] == [
        (16, 2, 16_000), (4, 4, 256_000)
    ]  # fmt: skip
    assert all(type(cell.problem.l) is type(cell.schedule.g) is int for cell in grid.cells)
    with pytest.raises(InputError) as caught:
        load(arm("k = [4, 5]", problem=problem))
    assert str(caught.value).endswith(
        "grid.toml: arm 1 ('a'): at k = 5: problem: BlockOneMax: l must be a whole number >= 1, got 12.8 "
        '(problem.l = "64/$k" is 12.8)'
    )


@pytest.mark.parametrize(
    ("axes", "p", "expected"),
    [
        ("k = 4", "1/$kk", "mutator: unknown axis \"$kk\"; did you mean 'k'?; axes: k"),
        ("k = 4\nr = 0", "1/$r", "at r = 0: mutator.p: '1/$r', column 1: cannot be calculated: a division by zero"),
        ("k = 4", "1//$k", "mutator.p: '1//$k', column 1: expected numbers, axes such as $k"),
        ("k = 4", "$k/3", 'got 1.3333333333333333 (mutator.p = "$k/3" is 1.333333'),
        ("k = 4", "1/k", "got '1/k'; to calculate with an axis write it with a dollar, as in p = \"1/$k\""),
        ('k = 4\nr = [1, "$k"]', "$r", "axes.r: expected values, got a reference to another axis"),
        ('k = 4\nr = "1/$k"', "$r", "axes.r: expected values, got a reference to another axis"),
    ],
)
def test_errors_name_the_key(load, axes, p, expected):
    with pytest.raises(InputError) as caught:
        load(arm(axes, mutator=f'{{type = "Resample", p = "{p}"}}'))
    assert expected in str(caught.value)


def test_chunks_longer_than_solutions_are_left_out_by_the_axis_of_the_calculation(load):
    with pytest.raises(InputError, match=r'leave such cells out by where = \["2\*k <= k"\]'):
        load(arm(schedule='{type = "RoundRobin", g = "2*$k"}'))


# ------------------------------------------------------------------------------------------- lists of parts


def test_a_list_of_parts_is_an_axis(load):
    runner = '[{type = "OnePlusLambda", lam = [1, 8]}, {type = "Archive", size = 4}]'
    grid = load(arm(runner=runner, budget='["none", {type = "Budget", calls = [10, "10 * $k"]}]'))
    expected = [
        cell
        for k in (4, 16)
        for cell in sweep(
            problem=BlockOneMax(k, 16),
            mutator=Resample(0.5),
            schedule=RoundRobin(1),
            runner=[OnePlusLambda(1), OnePlusLambda(8), Archive(size=4)],
            budget=[None, Budget(10), Budget(10 * k)],
        )
    ]
    assert list(grid.cells) == expected
    assert len(expected) == 2 * 3 * 3


@pytest.mark.parametrize(
    ("kind", "tables"),
    [
        ("problem", '{type = "BlockOneMax", k = 4, l = [16, 8]}, {type = "LeadingBlocks", k = 4, l = 8}'),
        ("mutator", '{type = "Resample", p = 0.5}, {type = "Resample", p = [0.1, 0.2]}'),
        ("schedule", '{type = "RoundRobin", g = 1}, {type = "UniformChunk", g = [1, 2]}'),
        ("runner", '{type = "OnePlusLambda"}, {type = "MuPlusLambda", mu = [2, 3]}'),
        ("prompt", '{type = "Prompt"}, {type = "Prompt", head = [10, 20]}'),
        ("cost", '{type = "LLMPrimitive"}, {type = "TokenPrices", prompt = [1.0, 2.0], generated = 1.0, unit = 1}'),
        ("budget", '"none", {type = "Budget", calls = [10, 20]}'),
    ],
)
def test_every_kind_of_part_may_be_listed(load, kind, tables):
    fixed = {} if kind == "problem" else {"problem": '{type = "BlockOneMax", k = 4, l = 16}'}
    text = arm("", **fixed, **{kind: f"[{tables}]"})
    assert len(load(text).cells) == 3


def test_parts_in_double_brackets_are_the_same_list(load):
    text = arm("k = 4") + '\n[[arm.runner]]\ntype = "OnePlusLambda"\n[[arm.runner]]\ntype = "Archive"\nsize = 2\n'
    assert [cell.runner for cell in load(text).cells] == [OnePlusLambda(), Archive(size=2)]


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("[]", "runner: expected values in a list, got an empty one"),
        ("[3]", "runner[1]: expected a table with a type"),
        ('[{type = "OnePlusLambda"}, {lam = 2}]', "runner[2]: expected a table with a type, such as"),
        ('[{type = "OnePlusLambda"}, {type = "Archiv", size = 2}]', "runner[2]: unknown runner 'Archiv'; did you mean"),
        ('[{type = "OnePlusLambda"}, {type = "Archive"}]', "runner[2]: Archive needs the parameter 'size'"),
        ('[{type = "OnePlusLambda", lam = 0}]', "runner[1]: OnePlusLambda: lam must be a whole number >= 1, got 0"),
        ('[{type = "OnePlusLambda"}, {type = "OnePlusLambda", lam = 1}]', "stands in it twice"),
        ('[["none"]]', "runner[1][1]: expected a table with a type"),
        ('["$k"]', "runner[1]: expected a table with a type"),
    ],
)
def test_a_list_of_parts_that_is_wrong_is_told_by_its_place(load, tables, expected):
    with pytest.raises(InputError) as caught:
        load(arm("k = 4", runner=tables))
    assert expected in str(caught.value)
