"""The command `llm-evo calibrate`: what it says at 80 columns, the file it writes, and how it refuses."""

import io
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from experiments.calibration.blocks import Estimate
from experiments.calibration.calibrate import calibrate
from experiments.calibration.money import PriceLaw
from experiments.calibration.seconds import SecondsLaw
from experiments.calibration.tokens import TokensLaw
from experiments.cli import calibrated
from experiments.cli.calibrated import show_kinds
from experiments.grids.measured.file import read_calibration
from experiments.logs.columns import COLUMNS, OUTCOMES
from experiments.logs.formats import read_calls

DATA = Path(__file__).parent / "data"
PAGE = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text()


@pytest.fixture
def folder(tmp_path):
    for name in ("calls.csv", "swe_attempts_300.csv", "codeevolve_thinned.csv.gz"):
        shutil.copy(DATA / name, tmp_path)
    return tmp_path


def test_the_example_of_the_docs_is_what_the_command_says(command, folder):
    ran = command("calibrate", "calls.csv", "--out", "calibration.toml", "--unit", "$", cwd=folder, COLUMNS="80")
    assert (ran.returncode, ran.stderr) == (0, "")
    shown = [line.rstrip() for line in ran.stdout.rstrip().split("\n")]
    example = PAGE.split("```console\n")[1].split("\n```")[0].split("\n")
    assert example[0] == "$ llm-evo calibrate calls.csv --out calibration.toml --unit '$'"
    assert shown == example[1:]
    assert max(map(len, shown)) <= 80
    made = read_calibration(folder / "calibration.toml")
    assert (made.source.log, made.source.rows, made.prices.unit) == ("calls.csv", 240, "$")


def test_the_example_in_python_is_what_it_says():
    names = {}
    code = PAGE.split("```python\n")[1].split("```")[0]
    exec("\n".join(line[4:] for line in code.split("\n")), names)
    assert f"gives `{names['told'](DATA / 'calls.csv')}`" in PAGE


def test_the_docs_list_all_columns_and_outcomes():
    for column in COLUMNS.values():
        assert f"| `{column.name}` | {column.meaning} |" in PAGE
    for kind, words in OUTCOMES.items():
        assert f"| {kind} | {', '.join(f'`{word}`' for word in words)} |" in PAGE


def test_attempts_and_islands(command, folder):
    ran = command("calibrate", "swe_attempts_300.csv", "--format", "swe", cwd=folder, COLUMNS="80")
    assert ran.returncode == 0
    for told in ("0.8122", "0.643 (", "a 0.4507, b 0.1042, log likelihood -247.497", "294 calls tell how fix and keep"):
        assert told in " ".join(ran.stdout.split())
    ran = command("calibrate", "codeevolve_thinned.csv.gz", "--format", "codeevolve", cwd=folder, COLUMNS="80")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Choose one with --model and --kind" in ran.stdout
    words = ("calibrate", "codeevolve_thinned.csv.gz", "--format", "codeevolve", "--model", "pro", "--out", "pro.toml")
    assert command(*words, cwd=folder, COLUMNS="80").returncode == 0
    written = (folder / "pro.toml").read_text()
    assert "# fix = { 1 = ... }  not in the log" in written
    assert written.startswith("# kept is not improved: ")
    assert "[prices]" not in written


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.csv",), "error: none.csv: cannot read the log: No such file or directory"),
        (("calls.csv", "--out", "calls.csv"), "error: --out: expected a file that is not there yet, got calls.csv"),
        (("calls.csv", "--out", "."), "error: --out: expected a file to write, got '.'"),
        (("calls.csv", "--model", "x"), "error: --model: calls.csv has no model, got 'x'"),
        (("calls.csv", "--format", "x"),
             "--format: expected auto, table, swe, codeevolve, openevolve, shinka, gepa, got"),
        (("calls.csv", "--unit", "a price"), "error: --unit: expected a word of at most 8 signs, such as $ or EUR"),
        (("calls.csv", "--unit", ""), "error: --unit: expected a word of at most 8 signs, such as $ or EUR, got ''"),
        (("calls.csv", "--format", "swe"), "error: calls.csv: line 2: expected the columns f2p_total"),
        (("codeevolve_thinned.csv.gz", "--format", "codeevolve", "--model", "por"),
         "error: --model: expected one of flash, pro, got 'por'; did you mean 'pro'?"),
        (("codeevolve_thinned.csv.gz", "--format", "codeevolve", "--out", "x.toml"),
         "got 3 sorts (model flash, kind code; model flash, kind meta; model pro, kind code); choose with"),
        (("half.jsonl",), "error: half.jsonl: line 2: expected one JSON object a line, got a syntax error"),
        (("calls.csv", "--out", "no/such/folder.toml"), "error: cannot read or write"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_one_message(command, folder, words, told):
    (folder / "half.jsonl").write_text('{"g": 1}\n{"g": 1, "incorr')
    ran = command("calibrate", *words, cwd=folder, COLUMNS="80")
    assert ran.returncode == (5 if "no/such" in words[-1] else 2)
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (folder / "x.toml").exists()


def test_a_table_of_one_g_and_nothing_else_says_what_to_buy(command, folder):
    (folder / "one.csv").write_text("g,incorrect,repaired,kept\n" + "4,2,1,2\n4,2,0,2\n" * 5)
    ran = command("calibrate", "one.csv", cwd=folder, COLUMNS="80")
    assert ran.returncode == 0
    assert "one granularity: one g (4): how fix and keep change" in ran.stdout
    assert "at one block a call (g = 1), on the same items: 50 calls tell" in ran.stdout
    assert "CANNOT TELL" in ran.stdout


ONE, TWO, THREE = (Estimate(value, value / 2, 2 * value, 40) for value in (0.25, 1234.5, 3.0))
UNTOLD = "CANNOT TELL: "
NOT_LOGGED = f"{UNTOLD}no column outcome"


@pytest.mark.parametrize(
    ("law", "lines"),
    [
        (TokensLaw({}, None, None, None), {}),
        (TokensLaw({"tokens_in": TWO, "tokens_cached": THREE}, THREE, TWO, ONE),
         {"in": "1,234 (617 to 2,469)", "cached": "3 (2 to 6)", "instructions": "3 (2 to 6)",
          "a block": "1,234 (617 to 2,469)"}),
        (TokensLaw({"tokens_out": TWO}, None, None, None),
         {"out": "1,234 (617 to 2,469)", "a block": f"{UNTOLD}no column g, or no generated tokens",
          "instructions": f"{UNTOLD}calls of one g, or none: what a prompt has beside the blocks"}),
        (TokensLaw({"tokens_reasoning": THREE}, TWO, None, None),
         {"reasoning": "3 (2 to 6)", "instructions": "1,234 (617 to 2,469)",
          "a block": f"{UNTOLD}no column g, or no generated tokens"}),
    ],
)  # fmt: skip
def test_tokens_that_are_told_and_what_would_tell_the_others(law, lines):
    assert dict(calibrated._tokens(SimpleNamespace(tokens=law))) == lines


@pytest.mark.parametrize(
    ("seconds", "evaluation", "lines"),
    [
        (None, None, [("seconds", f"{UNTOLD}fewer than 30 calls with seconds and generated tokens")]),
        (SecondsLaw(per_thousand=TWO, sigma=ONE, fixed=THREE, per_token=ONE, tail=THREE), ONE, [
            ("per 1,000", "1.23e+03 (617 to 2.47e+03) s per 1,000 generated tokens, the median"),
            ("sigma", "0.25 (0.125 to 0.5) of the logarithm over all calls"),
            ("", "3 (1.5 to 6) given the generated tokens"),
            ("law", "3 s + 250 s per 1,000 tokens, the median"), ("evaluation", "0.25 (0.125 to 0.5) s"),
        ]),
    ],
)  # fmt: skip
def test_seconds_of_calls_and_of_evaluations(seconds, evaluation, lines):
    assert list(calibrated._seconds(SimpleNamespace(seconds=seconds, evaluation=evaluation))) == lines


def test_each_share_of_the_answers_stands_under_its_name_with_what_it_is_of():
    """In percent; what is not told says that the log holds survivors only, if it does, or no outcomes."""
    told = {"malformed": ONE, "refusals": Estimate(0.01, 0.002, 0.03, 1200), "errors": None}
    report = SimpleNamespace(log=SimpleNamespace(survivors=""), **told)
    shares = {
        "malformed": "25 % (12 to 50 %) of 40 answers",
        "refused": "1 % (0.2 to 3 %) of 1,200 calls",
        "no answer": NOT_LOGGED,
    }
    assert dict(calibrated._answers(report)) == shares
    report.log.survivors = "only applied ones"
    assert dict(calibrated._answers(report)) == shares | {"no answer": f"{UNTOLD}only applied ones"}
    for name in told:
        setattr(report, name, THREE if told[name] is None else None)
    answers = list(calibrated._answers(report))
    assert [told.startswith(UNTOLD) for _, told in answers] == [True, True, False]
    assert answers[2] == ("no answer", "300 % (1.5e+02 to 6e+02 %) of 40 calls")


@pytest.mark.parametrize(
    ("prices", "untold", "lines"),
    [
        ({"prompt": ONE, "generated": THREE}, "", [("prompt", "0.25 (0.125 to 0.5)"), ("generated", "3 (1.5 to 6)")]),
        ({"prompt": ONE}, "few calls", [("prompt", "0.25 (0.125 to 0.5)"), ("", f"{UNTOLD}few calls")]),
    ],
)
def test_prices_that_are_told_and_why_others_are_not(prices, untold, lines):
    assert list(calibrated._prices(SimpleNamespace(prices=PriceLaw(prices, 0.0, 40, 0, 0, untold)))) == lines


def test_the_law_of_a_chance_has_its_parameters_and_what_was_pooled():
    """Of blocks that are alike there is no beta law; the likelihood is then that of the pooled chance."""
    chance = SimpleNamespace(pooled=0.625, blocks=1600, ab=(1.5, 0.25), log_likelihood=-247.49712, mean=ONE)
    pooled = "pooled 1,000 / 1,600 = 0.625"
    assert calibrated._law(chance) == f"a 1.5, b 0.25, log likelihood -247.497; {pooled}"
    chance.ab = None
    assert calibrated._law(chance) == f"{pooled}; log likelihood -247.497"
    assert (calibrated._chance(chance), calibrated._chance(None)) == (("0.2500", "0.125 to 0.500"), ("-", UNTOLD[:-2]))


def test_the_table_of_models_and_kinds_says_what_is_calibrated_of_each():
    calls = read_calls(DATA / "codeevolve_thinned.csv.gz", "codeevolve")
    console = Console(width=200, file=io.StringIO(), record=True)
    show_kinds(calls, console)
    rows = [
        [word.strip() for word in line.split("│")[1:-1]] for line in console.export_text().splitlines() if "│" in line
    ]
    assert len(rows) == len(calls.groups("model", "kind")) > 2
    for model, kind, number, malformed, *seconds in rows:
        part = calls.where((calls.word("model") == model) & (calls.word("kind") == kind))
        made = calibrate(part)
        assert number == f"{len(part):,}"
        assert malformed == ("-" if made.malformed is None else f"{made.malformed.value:.1%}".replace("%", " %"))
        law = made.seconds
        told = [] if law is None else [law.per_thousand.value, law.sigma.value, law.tail.value]
        assert seconds == ([f"{each:.3g}" for each in told] or ["-"] * 3)
    assert {row[3] for row in rows} - {"-", "0.0 %"}
