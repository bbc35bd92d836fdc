"""Grids from TOML: the same cells as from Python, and one clear sentence for whatever is wrong with a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evo.costs.budget import Budget
from evo.costs.ledger import Prompt
from evo.costs.prices import TokenPrices
from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, RoundRobin, UntilResolved
from evo.text import parse
from experiments.grids.extensions import build
from experiments.grids.grid import Grid, sweep
from experiments.grids.parts import find_any
from experiments.grids.toml import EXAMPLE, load_grid
from operators import FixKeep, Resample
from problems import BlockOneMax

ARM = """
[[arm]]
label    = "local"
problem  = {type = "BlockOneMax", k = 4, l = 16}
mutator  = {type = "Resample", p = 0.5}
schedule = {type = "UntilResolved"}
"""
GRID = f'name = "mine"\n{ARM}'


@pytest.fixture
def load(tmp_path):
    def _load(text: str | bytes) -> Grid:
        file = tmp_path / "grid.toml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_grid(file)

    return _load


@pytest.fixture
def refusal(load, tmp_path):
    """The message about a broken file; it names the file."""

    def _refusal(text: str | bytes) -> str:
        with pytest.raises(InputError) as caught:
            load(text)
        assert str(caught.value).startswith(f"{tmp_path / 'grid.toml'}: ")
        return str(caught.value).removeprefix(f"{tmp_path / 'grid.toml'}: ")

    return _refusal


def changed(old: str, new: str) -> str:
    assert GRID.count(old) == 1
    return GRID.replace(old, new)


# ------------------------------------------------------------------------------------------- what a file says


def test_a_file_gives_the_grid_that_python_gives(load):
    text = """
        name = "mine"
        runs = 200
        seed = 7
        batch = 50
        engine = "deap"

        [[arm]]
        label    = "local"
        problem  = {type = "BlockOneMax", k = [4, 8], l = 16}
        mutator  = {type = "Resample", p = 0.5}
        schedule = {type = "RoundRobin", g = [1, 2]}
        runner   = {type = "OnePlusLambda", lam = [1, 8]}
        prompt   = {type = "Prompt", head = 200, shows = ["chunk", "solution"]}
        cost     = {type = "TokenPrices", prompt = 1e-6, generated = 3e-6}
        budget   = {type = "Budget", calls = 5000}

        [[arm]]
        label = "global"
        budget = "none"

        [arm.problem]
        type = "BlockOneMax"
        k = 2
        l = 16
        incorrect = 1

        [arm.mutator]
        type = "FixKeep"
        fix = 0.5
        keep = [0.9, 0.99]

        [arm.schedule]
        type = "AllBlocks"
    """
    arms = {
        "local": sweep(
            problem=[BlockOneMax(k, 16) for k in (4, 8)],
            mutator=Resample(0.5),
            schedule=[RoundRobin(1), RoundRobin(2)],
            runner=[OnePlusLambda(1), OnePlusLambda(8)],
            prompt=[Prompt(200), Prompt(200, "solution")],
            cost=TokenPrices(1e-6, 3e-6),
            budget=Budget(5000),
        ),
        "global": sweep(
            problem=BlockOneMax(2, 16, incorrect=1),
            mutator=[FixKeep(0.5, 0.9), FixKeep(0.5, 0.99)],
            schedule=AllBlocks(),
            runner=OnePlusLambda(),
            budget=None,
        ),
    }
    expected = Grid("mine", arms, runs=200, seed=7, batch=50, engine="deap")
    assert load(text) == expected
    assert [cell.text for cell in load(text).cells] == [cell.text for cell in expected.cells]


def test_what_is_left_out_is_at_its_default(load):
    parts = {"problem": BlockOneMax(4, 16), "mutator": Resample(0.5), "schedule": UntilResolved()}
    assert load(GRID) == Grid("mine", {"local": sweep(**parts, runner=OnePlusLambda())})


def test_the_example_of_the_error_message_is_a_grid(load):
    assert len(load(EXAMPLE).cells) == 6


def test_a_path_may_be_a_string_and_the_file_may_start_with_a_byte_order_mark(load, tmp_path):
    grid = load(b"\xef\xbb\xbf" + GRID.encode())
    assert load_grid(str(tmp_path / "grid.toml")) == grid


@pytest.mark.parametrize("number", ["4", "4.0", "4e0", "0x4", "[4]", "[4.0]"])
def test_a_whole_number_may_be_written_as_a_float(load, number):
    assert load(changed("k = 4", f"k = {number}")) == load(GRID)
    assert load(changed('"mine"', f'"mine"\nruns = {number}') if "[" not in number else GRID).runs in (4, 1000)


# ------------------------------------------------------------------------------------------- misspelt keys and words


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "mine"', 'name = "mine"\nrunz = 3', "unknown key 'runz'; did you mean 'runs'?; allowed: name, arm"),
        ('"local"', '"local"\nbugdet = "none"', "unknown key 'arm[1].bugdet'; did you mean 'budget'?; allowed: label"),
        ("problem ", "programm ", "unknown key 'arm[1].programm'; did you mean 'program'?; allowed: label, problem"),
        ('"local"', '"local"\nzzz = 1', "unknown key 'arm[1].zzz'; allowed: label, problem, mutator, schedule, runner"),
        ('"local"', '"local"\nruns = 1', "unknown key 'arm[1].runs'; runs is a key of the whole file, write it above"),
        ("k = 4", "kk = 4", "problem: BlockOneMax has no parameter 'kk'; did you mean 'k'?; allowed: k, l"),
        ("p = 0.5", "q = 0.5", "arm 1 ('local'): mutator: Resample has no parameter 'q'; allowed: p"),
        ("p = 0.5", "law = 1", "arm 1 ('local'): mutator: Resample has no parameter 'law'; allowed: p"),
        ('"UntilResolved"', '"AllBlocks", g = 1', "schedule: AllBlocks has no parameter 'g'; allowed: none"),
        ('"Resample"', '"Resampel"', "mutator: unknown mutator 'Resampel'; did you mean 'Resample'?; known: Resample"),
        ('"Resample"', '"UniformChunk"', "mutator: unknown mutator 'UniformChunk', which is a schedule; known: "),
        ('"BlockOneMax"', '"blockonemax"', "problem: unknown problem 'blockonemax'"),
        ('"UntilResolved"', '"UntilResolve"', "did you mean 'UntilResolved'?"),
        ('"local"', '"local"\nbudget = "nine"', "or \"none\", or a list of them, got 'nine'"),
    ],
)  # fmt: skip
def test_a_misspelt_word_is_told_with_what_is_allowed(refusal, old, new, expected):
    assert expected in refusal(changed(old, new))


def test_keys_that_are_missing(refusal):
    assert refusal("").startswith("expected the key 'name', got none; a grid looks like this:\n\n")
    assert EXAMPLE in refusal('name = "mine"')
    for key in ("label", "problem", "mutator", "schedule"):
        without = "\n".join(line for line in GRID.splitlines() if not line.startswith(key))
        assert f"expected the key 'arm[1].{key}', got none" in refusal(without)
    assert "problem: BlockOneMax needs the parameter 'l', got none; allowed: k, l" in refusal(changed(", l = 16", ""))
    assert (
        'problem: expected a table with a type, such as {type = "BlockOneMax"}, or a list of them, got none'
        in refusal(changed('type = "BlockOneMax", ', ""))
    )


def test_the_second_arm_is_named_and_not_the_first(refusal):
    second = ARM.replace('"local"', '"other"').replace("k = 4", "k = 0")
    assert refusal(GRID + second) == "arm 2 ('other'): problem: BlockOneMax: k must be a whole number >= 1, got 0"
    assert "'local' twice" in refusal(GRID + ARM)


# ------------------------------------------------------------------------------------------- wrong values


@pytest.mark.parametrize(
    ("value", "got"),
    [('"many"', "'many'"), ("[1]", "[1]"), ("1.5", "1.5"), ("nan", "nan"), ("inf", "inf"), ("true", "True"),
     ("-1", "-1"), ("1979-05-27", "datetime.date(1979, 5, 27)"), ("{a = 1}", "{'a': 1}")],
)  # fmt: skip
@pytest.mark.parametrize("key", ["runs", "seed", "batch"])
def test_a_value_of_the_file_that_is_no_number(refusal, key, value, got):
    message = refusal(changed('"mine"', f'"mine"\n{key} = {value}'))
    assert message.startswith(f"Grid: {key} must be a whole number")
    assert message.endswith(f"got {got}")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"mine"', '"../mine"', "Grid: name must be letters, digits, "),
        ('"mine"', '"mine"\nengine = "lore"', "Grid: engine must be 'blocks' or 'deap' or 'law', got"),
        ('"local"', "3", "arm[1].label: input should be a valid string, got 3"),
        ('{type = "Resample", p = 0.5}', '"Resample"', "mutator: expected a table with a type, such as"),
        ('{type = "Resample", p = 0.5}', "{}", "arm 1 ('local'): mutator: expected a table with a type"),
        ('"Resample"', "3", "such as {type = \"Resample\"}, or a list of them, got type = 3"),
        ('"Resample"', '["Resample", "FixKeep"]', "got type = ['Resample', 'FixKeep']"),
        ('"local"', '"local"\nbudget = 3', "such as {type = \"Budget\"} or \"none\", or a list of them, got 3"),
        ("k = 4", 'k = "4"', "problem: BlockOneMax: k must be a whole number >= 1, got '4'"),
        ("k = 4", "k = 4.5", "problem: BlockOneMax: k must be a whole number >= 1, got 4.5"),
        ("k = 4", "k = nan", "problem: BlockOneMax: k must be a whole number >= 1, got nan"),
        ("k = 4", "k = inf", "problem: BlockOneMax: k must be a whole number >= 1, got inf"),
        ("k = 4", "k = []", "problem.k: expected values in a list, got an empty one"),
        ("k = 4", "k = [[4]]", "problem: BlockOneMax: k must be a whole number >= 1, got (4,)"),
        ("k = 4", "k = {a = 4}", "problem: BlockOneMax: k must be a whole number >= 1, got {'a': 4}"),
        ("k = 4", "k = [4, 0]", "problem: BlockOneMax: k must be a whole number >= 1, got 0"),
        ("k = 4", "k = 4, start = 0.5, incorrect = 1", "problem: BlockOneMax: expected start or incorrect, got both"),
        ("p = 0.5", "p = 1.5", "mutator: Resample: p must be a probability in [0, 1], got 1.5"),
        ("p = 0.5", "p = nan", "mutator: Resample: p must be a probability in [0, 1], got nan"),
        ("p = 0.5", 'p = "half"', "mutator: Resample: p must be a probability in [0, 1], got 'half'"),
        ("p = 0.5", "p = true", "mutator: Resample: p must be a probability in [0, 1], got True"),
        ('"UntilResolved"', '"UntilResolved", g = 5', "UntilResolved: chunk size g must be at most k = 4, got g = 5"),
        ('"UntilResolved"', '"UntilResolved", g = 0', "UntilResolved: g must be a whole number >= 1, got 0"),
        ('"local"', '"local"\nbudget = {type = "Budget", calls = 0}', "Budget: calls must be a whole number >= 1"),
        ('"local"', '"local"\nrunner = {type = "OnePlusLambda", accept = "x"}', "or 'weak' or 'always', got 'x'"),
        ("k = 4", "k = [4, 4]", "stands in it twice; leave one out"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit(refusal, old, new, expected):
    assert expected in refusal(changed(old, new))


def test_arms_that_are_no_list_of_tables(refusal):
    one = GRID.replace("[[arm]]", "[arm]")
    for text in (one, 'name = "mine"\narm = {}', 'name = "mine"\narm = 3'):
        assert refusal(text).startswith("arm: expected one [[arm]] or more, in two brackets, got ")
    assert refusal('name = "mine"\narm = []') == "Grid 'mine': expected at least one cell, got none"
    assert refusal('name = "mine"\narm = [3]').startswith("arm[1]: ")


def test_whole_numbers_beyond_all_bounds(load, refusal):
    assert load(changed('"mine"', f'"mine"\nseed = {10**40}')).seed == 10**40
    assert "runs must be a whole number from 1 to" in refusal(changed('"mine"', f'"mine"\nruns = {10**40}'))
    assert "runs must be a whole number from 1 to" in refusal(changed('"mine"', f'"mine"\nruns = {10**400}'))
    assert "k must be a whole number >= 1, got 1000" in refusal(changed("k = 4", f"k = {10**400}"))
    assert "expected TOML in UTF-8, got a syntax error" in refusal(changed("k = 4", f"k = {'9' * 5000}"))


# ------------------------------------------------------------------------------------------- no grid at all


@pytest.mark.parametrize(
    "text",
    ["name = ", "= 3", "[[arm]", "\x00", "{}", "a" * 10_000,
     b"\xff\xfe\x00", b'name = "\xe9"', b"PAR1\x15\x04"],
)  # fmt: skip
def test_a_file_that_is_not_toml(refusal, text):
    assert refusal(text).startswith("expected TOML in UTF-8, got a syntax error: ")


def test_no_file(tmp_path):
    for path, reason in ((tmp_path / "nosuch.toml", "No such file"), (tmp_path, "expected a file, got a folder")):
        with pytest.raises(InputError, match=rf"{re.escape(str(path))}: cannot read the grid: {reason}"):
            load_grid(path)


def test_deep_nesting(refusal):
    for depth in (50, *range(200, 520, 8), 5_000):
        assert refusal(changed("k = 4", f"k = {'[' * depth}4{']' * depth}"))
        assert refusal(changed("k = 4", "k = 4, " + ".".join("k" * depth) + " = 1"))
        assert refusal(changed('"mine"', '"mine"\n' + ".".join(["runs"] * depth) + " = 1"))
        assert refusal(changed('"local"', '"local"\n' + ".".join(["prompt"] * depth) + " = 1"))
        assert refusal(
            changed('"Resample"', '"Resample", p.' + ".".join("x" * depth) + " = 1").replace(", p = 0.5", "")
        )


# ------------------------------------------------------------------------------------------- the same words everywhere


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"fix": 0.5}, "FixKeep needs the parameter 'keep', got none; allowed: fix, keep"),
        ({"fix": 0.5, "kep": 1}, "FixKeep has no parameter 'kep'; did you mean 'keep'?; allowed: fix, keep"),
        ({"fix": 2, "keep": 0.5}, "FixKeep: fix must be a probability in [0, 1], got 2"),
        ({"keep": 0.5}, "FixKeep needs the parameter 'fix', got none; allowed: fix, keep"),
    ],
)  # fmt: skip
def test_a_file_a_text_and_the_command_line_say_the_same(refusal, given, expected):
    words = ", ".join(f"{name} = {value}" for name, value in given.items())
    assert refusal(changed('"Resample", p = 0.5', f'"FixKeep", {words}')) == f"arm 1 ('local'): mutator: {expected}"
    call = f"FixKeep({words.replace(' ', '').replace(',', ', ')})"
    for read in (
        lambda: parse(call, find_any),
        lambda: build(call, Path()),
        lambda: build(f"operators:{call}", Path()),
    ):
        with pytest.raises(InputError) as told:
            read()
        assert str(told.value) == expected


def test_a_key_that_is_given_twice(refusal):
    assert "expected each key once, got one again: " in refusal(changed("k = 4", "k = 4, k = 8"))
    for twice in (GRID + "schedule = 3", 'name = "a"\nname = "b"', "name = 'x'\n[name]\n"):
        assert "expected each key once, got one again: " in refusal(twice)
    with pytest.raises(InputError, match="expected each parameter once, got 'Resample"):
        build("Resample(p=0.5, p=0.6)", Path())
