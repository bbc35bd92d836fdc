"""What cannot be planned ends with exit code 2 and names the option, or the file and its key; nothing is guessed."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evo.errors import InputError
from experiments import plan
from experiments.cli.app import app
from experiments.grids.measured.file import calibration_toml, parse_calibration

BASE = """\
[operator]
fix = { 1 = 0.35, 5 = 0.20 }
keep = { 1 = 0.97, 5 = 0.96 }
[tokens]
instructions = 2500
block = 60
[prices]
prompt = 3e-6
generated = 15e-6
[problem]
k = 40
"""
OPTIONS = "--k 40 --fix 1=.35,5=.2 --keep 1=.97,5=.96 --no-hangs --rows 2".split()  # noqa: SIM905  # as it is typed


def said(*words):
    result = CliRunner().invoke(app, ["plan", *words], env={"COLUMNS": "80", "TERM": "dumb"})
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--fix 1=1.35", "--fix: expected a probability in [0, 1], got {'1': 1.35}"),
        ("--fix 1=nan", "--fix: expected a probability in [0, 1], got {'1': nan}"),
        ("--operator malformed=1.2", "--operator: operator.malformed: expected a probability in [0, 1], got 1.2"),
        ("--operator mallformed=.1", "--operator: unknown key 'operator.mallformed'; did you mean"),
        ("--operator refusals=1", "the expected calls of every candidate is infinite: no run is sure to end"),
        ("--fix 1=0,5=0", "the expected calls of every candidate is infinite: no run is sure to end"),
        ("--seconds evaluation=-5", "--seconds: seconds.evaluation: expected a finite number >= 0, got -5.0"),
        ("--seconds tail=60", "--seconds: seconds.tail: expected a number from 0 to 10, got 60"),
        ("--seconds tail=1e200", "--seconds: seconds.tail: expected a number from 0 to 10"),
        ("--g 1,,2", "--g: expected values between commas, got nothing at a place of '1,,2'"),
        ("--lam ", "--lam: expected values between commas, got nothing at a place of ''"),
        ("--by hours", "--by = 'hours' needs seconds.fixed"),
        ("--budget 1", "--budget needs prices.prompt and prices.generated, got none; give calls instead"),
        ("--calls 0", "--calls must be a whole number >= 1, got 0"),
        ("--target nan", "--target: expected a share in (0, 1] or a number of blocks up to k = 40, got nan"),
        ("--g 41", "--g: expected at most k = 40 blocks a call, got 41"),
        ("--rows -1", "--rows must be a whole number >= 1, got -1"),
        ("--k 1000000000000", "--k: expected at most 100,000 blocks, got 1,000,000,000,000"),
        ("--k 2000 --calls 5", "--k: expected at most 1,000 blocks with a budget or a target, got 2,000"),
        ("--fix 5=.2 --keep 5=.9 --k 42", "plan: expected measured calls (fix: g = 5) into which k = 42 blocks can be"),
        ("--fix 5=.2 --keep 5=.9 --k 42 --g 5", "k = 42 by g = 5 leaves a chunk of 2"),
        ("--keep ", "--keep: expected name=number,name=number, got ''"),
    ],
)
def test_options_are_named(words, told):
    code, output = said(*OPTIONS, *words.split(" "))
    assert (code, told in output) == (2, True), output


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("prompt = 3e-6", "", "m.toml: prices.prompt: expected a price beside the other one, got none"),
        ("block = 60", "", "m.toml: tokens.block: expected the tokens of a block, which prices need, got none"),
        ("k = 40", "", "m.toml: problem.k: expected the number of blocks, got none; give k = 40 or --k 40"),
        ("keep = { 1 = 0.97, 5 = 0.96 }", "", "m.toml: operator.keep: expected a table such as { 1 = 0.9 }"),
        (
            "15e-6",
            "15",
            "m.toml: prices.generated: expected the price of a token, got 15: per million? write per = 1e6",
        ),
        ("[prices]", "[prices]\nper = 0", "m.toml: prices.per: expected a number of tokens > 0, such as 1e6, got 0"),
        ("15e-6", "nan", "m.toml: prices.generated: expected a finite number >= 0, got nan"),
        (BASE, "", "m.toml: operator.fix: expected a table such as { 1 = 0.9 }, chances by blocks a call, got none"),
        (BASE, BASE[:20], "m.toml: expected TOML, got a syntax error"),
    ],
)
def test_the_file_and_its_key_are_named(tmp_path, monkeypatch, old, new, told):
    monkeypatch.chdir(tmp_path)
    Path("m.toml").write_text(BASE.replace(old, new), encoding="utf-8")
    code, output = said("m.toml", "--no-hangs")
    assert (code, told in output) == (2, True), output


def test_what_is_no_calibration_is_refused():
    with pytest.raises(InputError, match=r"plan: expected a calibration or the path of its file, got 3"):
        plan(3, k=24)


def test_prices_of_a_million_tokens_are_those_of_one():
    million = parse_calibration(
        BASE.replace("prompt = 3e-6", "per = 1e6\nprompt = 3").replace("generated = 15e-6", "generated = 15")
    )
    assert million == parse_calibration(BASE)
    dear = parse_calibration(BASE.replace("3e-6", "0.5\nper = 1"))  # of a currency of small units
    assert dear.prices.prompt == 0.5
    assert parse_calibration(calibration_toml(dear)) == dear
    assert "per = " not in calibration_toml(parse_calibration(BASE))


def test_a_chunk_that_is_shorter_than_all_measured_ones_is_not_compared():
    values = {"operator.fix": {4: 0.3, 8: 0.2}, "operator.keep": {4: 0.97, 8: 0.96}}
    assert set(plan(k=24, values=values, bands=0).table["g"]) == {4, 6, 8}
    assert set(plan(k=26, values=values, bands=0, g=(4, 6)).table["measured"]) == {False}  # chunks of 2 are left


PAGE = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")


def answers_without_a_file(page):
    """The command of the page that needs no file, and whether the sentence below it has its numbers."""
    (command, sentence) = re.search(r"```bash\n(llm-evo plan .*?)```\n\n(.*?) Without prices", page, re.DOTALL).groups()
    code, output = said(*shlex.split(command.replace("\\\n", " "))[2:], "--no-hangs")
    numbers = re.search(r"(\$[\d.]+, [\d.]+ calls, [\d.]+ hours on average)", " ".join(sentence.split()))[1]
    return code == 0 and numbers in output and "UntilResolved with g = 1" in output


def test_one_command_answers_the_question_of_the_page():
    assert answers_without_a_file(PAGE)
    assert not answers_without_a_file(PAGE.replace("evaluation=60", "evaluation=61"))
