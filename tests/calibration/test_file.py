"""The calibration file: what is written is read, each key is checked by name, and what is missing stays missing."""

import re
from pathlib import Path

import pytest

from evo.errors import InputError
from experiments.grids.measured.file import (
    Calibration,
    Intervals,
    OperatorValues,
    Prices,
    ProblemSize,
    Seconds,
    Source,
    Tokens,
    calibration_toml,
    parse_calibration,
    read_calibration,
)
from experiments.grids.measured.keys import MEANT, unknown_key

LEAST = "[operator]\nfix = { 1 = 0.35 }\nkeep = { 1 = 0.97 }\n"
WHOLE = Calibration(
    OperatorValues(
        fix=((1, 0.35), (5, 0.2)),
        keep=((1, 0.97), (5, 0.96)),
        rho_fix=0.0,
        rho_keep=0.25,
        refusals=0.02,
        malformed=0.08,
        interval=Intervals(
            fix=((1, (0.31, 0.39)),),
            keep=((5, (0.93, 1.0)),),
            rho_fix=(0.0, 0.1),
            rho_keep=(0.2, 0.3),
            refusals=(0.0, 0.05),
            malformed=(0.06, 0.1),
        ),
    ),
    Tokens(instructions=2500.0, block=60.0, cached_share=0.9, reasoning=0.0),
    Seconds(fixed=1.0, per_prompt_token=0.0, per_generated_token=0.008, tail=0.3, evaluation=12.0),
    Prices(unit="$", prompt=3e-6, cached=3e-7, generated=15e-6, reasoning=15e-6, call=0.0, evaluation=0.0),
    ProblemSize(k=40, l=60),
    Source(log='calls "of" May é.csv', sha256="ab" * 32, rows=1234),
)


def test_what_is_written_is_read():
    assert parse_calibration(calibration_toml(WHOLE)) == WHOLE


def test_the_example_of_the_format_is_read(tmp_path):
    file = tmp_path / "calibration.toml"
    file.write_text('format = 1\n[prices]\nunit = "$"\nprompt = 3e-6\n' + LEAST)
    made = read_calibration(file)
    assert dict(made.operator.fix) == {1: 0.35}
    assert made.prices.prompt == 3e-6


def test_what_is_missing_is_none_and_never_zero():
    made = parse_calibration(LEAST)
    assert (made.operator.rho_fix, made.operator.malformed, made.operator.interval.fix) == (None, None, ())
    for table in (made.tokens, made.seconds, made.prices, made.problem, made.source):
        assert set(vars(table).values()) == {None}
    assert "prices" not in calibration_toml(made)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "operator.fix: expected a table such as { 1 = 0.9 }, chances by blocks a call, got none"),
        ("[operator]\nfix = { 1 = 0.3 }", "operator.keep: expected a table"),
        (LEAST + "rho = 0.1", "unknown key 'operator.rho'; did you mean 'operator.rho_"),
        (LEAST + "[token]\nblock = 3", "unknown key 'token'; did you mean 'tokens'?"),
        ("format = 2\n" + LEAST, "format: expected 1, got 2"),
        ("format = true\n" + LEAST, "format: expected 1, got True"),
        (LEAST + "malformed = 1.2", "operator.malformed: expected a probability in [0, 1], got 1.2"),
        (LEAST + "malformed = nan", "operator.malformed: expected a probability in [0, 1], got nan"),
        (LEAST + "malformed = true", "operator.malformed: expected a probability in [0, 1], got True"),
        (LEAST + "rho_fix = 1.0", "operator.rho_fix: expected a correlation in [0, 1), got 1.0"),
        (LEAST.replace("0.35", "-0.1"), "operator.fix: expected a probability in [0, 1], got {'1': -0.1}"),
        (LEAST.replace("1 = 0.35", "0 = 0.35"), "operator.fix: expected a table by blocks a call"),
        (LEAST.replace("1 = 0.35", '"1.5" = 0.35'), "operator.fix: expected a table by blocks a call"),
        (LEAST.replace("{ 1 = 0.35 }", "0.35"), "operator.fix: expected a table by blocks a call"),
        (LEAST + "[operator.interval]\nfix = { 1 = [0.5, 0.4] }", "operator.interval.fix: expected [low, high] with"),
        (LEAST + "[operator.interval]\nmalformed = 0.4", "operator.interval.malformed: expected [low, high]"),
        (
            LEAST + "[operator.interval]\nfix = { 1 = [0.9, 0.95] }",
            "operator.interval.fix, g = 1: expected an interval that holds 0.35, got [0.9, 0.95]",
        ),
        (
            LEAST + "[operator.interval]\nfix = { 7 = [0.1, 0.5] }",
            "operator.interval.fix, g = 7: expected an interval of",
        ),
        (LEAST + "[operator.interval]\nmalformed = [0.1, 0.5]", "operator.interval.malformed: expected an interval of"),
        (
            LEAST + "malformed = 0.0\n[operator.interval]\nmalformed = [0.1, 0.5]",
            "operator.interval.malformed: expected an interval that holds 0, got [0.1, 0.5]",
        ),
        (LEAST + "[tokens]\nblock = -1", "tokens.block: expected a finite number >= 0, got -1"),
        (LEAST + "[seconds]\ntail = inf", "seconds.tail: expected a number from 0 to 10, got inf"),
        (LEAST + '[prices]\nunit = "US dollars"', "prices.unit: expected a word of at most 8 signs, such as $ or EUR"),
        (LEAST + '[prices]\nunit = ""', "prices.unit: expected a word of at most 8 signs, such as $ or EUR, got ''"),
        (LEAST + '[prices]\nprompt = "3"', "prices.prompt: expected a finite number >= 0, got '3'"),
        (LEAST + "[problem]\nk = 2.5", "problem.k: expected a whole number >= 1, got 2.5"),
        (LEAST + '[source]\nsha256 = "x"', "source.sha256: expected a sha256"),
        ("operator = 3", "operator: expected a table, got 3"),
        ("[operator", "expected TOML, got a syntax error"),
        ("a = " + "[" * 5000, "expected tables of numbers, got deeper nesting"),
    ],
)
def test_a_wrong_value_is_named(text, told):
    with pytest.raises(InputError, match=re.escape(told)):
        parse_calibration(text)


def test_errors_name_the_file(tmp_path):
    file = tmp_path / "mine.toml"
    with pytest.raises(InputError, match=r"mine.toml: cannot read the calibration: No such file"):
        read_calibration(file)
    file.write_text(LEAST + "malformed = 3")
    with pytest.raises(InputError, match=r"mine.toml: operator.malformed"):
        read_calibration(Path(file))
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"^\S*mine.toml: expected TOML in UTF-8"):
        read_calibration(file)


def test_the_file_of_the_docs_is_read():
    text = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text()
    made = parse_calibration(text.split("```toml\n")[1].split("```")[0])
    assert made.operator.interval.malformed == (0.06, 0.1)
    assert None not in {*vars(made.prices).values(), *vars(made.seconds).values(), *vars(made.tokens).values()}


OTHERS = [(table, key, word) for table, keys in MEANT.items() for key, words in keys.items() for word in words]


@pytest.mark.parametrize("spelt", [str.lower, str.upper])
def test_what_others_call_a_key_is_told_whatever_its_case(spelt):
    """No word stands for two keys of a table, nor for one that there is."""
    for table, key, word in OTHERS:
        others = list(MEANT[table])
        assert word not in others or word == key
        told = str(unknown_key(table, spelt(word), others))
        assert f"did you mean '{table}.{key}'?" in told
    assert len({(table, word) for table, _, word in OTHERS}) == len(OTHERS)
