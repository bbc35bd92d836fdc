"""`plan`: its numbers are those of `predict`, its order is that of all candidates tried by hand, refusals name keys."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from itertools import pairwise, product

import pytest
from rich.console import Console
from typer.testing import CliRunner

from evo import AllBlocks, Merged, OnePlusLambda, OnlyIncorrect, Prompt, RoundRobin, UniformChunk, UntilResolved
from evo.costs.prices import TokenPrices
from evo.errors import InputError
from experiments import Cell, plan, predict
from experiments.cli.app import app
from experiments.cli.planned import show_plan
from experiments.cli.planning import _prices
from experiments.grids.measured.file import parse_calibration
from experiments.planning.answer import RISING, answer, figure, next_best
from experiments.planning.candidates import SCHEDULES
from experiments.planning.cautions import cautions
from experiments.planning.numbers import LEVELS
from experiments.planning.plan import BY
from operators import FixKeep, Malformed, Measured, Refuse, Vote
from problems import BlockOneMax

CALLS = {1: (0.35, 0.97), 2: (0.3, 0.965), 4: (0.25, 0.962), 12: (0.1, 0.95)}
VALUES = {
    "operator.fix": {g: fix for g, (fix, _) in CALLS.items()},
    "operator.keep": {g: keep for g, (_, keep) in CALLS.items()},
    "operator.refusals": 0.02,
    "operator.malformed": 0.08,
    "tokens.instructions": 2500,
    "tokens.cached_share": 0.9,
    "tokens.block": 60,
    "prices.prompt": 3e-6,
    "prices.cached": 3e-7,
    "prices.generated": 15e-6,
    "prices.unit": "$",
}
KINDS = {kind.__name__: kind for kind in (UntilResolved, OnlyIncorrect, RoundRobin, UniformChunk)}
SIZES, LAMS = (1, 2, 4, 12), (1, 3)


def made_by_hand(name, g, lam, merged=False, votes=1, tables=CALLS, k=12):
    """The cell of a candidate, from the numbers that a person has."""
    mutator = Refuse(Malformed(FixKeep(*tables[g]), rate=0.08), rate=0.02)
    return Cell(
        BlockOneMax(k=k, l=60),
        mutator if votes == 1 else Vote(mutator, ahead=votes),
        AllBlocks() if name == "AllBlocks" else KINDS[name](g=g),
        Merged(workers=lam) if merged else OnePlusLambda(lam=lam),
        prompt=Prompt(head=2500, cached=2250),
        cost=TokenPrices(prompt=3e-6, generated=15e-6, cached=3e-7),
    )


def every_candidate():
    """All that make sense: whole solutions are AllBlocks, and `until resolved` is about one block."""
    for name, g, lam in product(SCHEDULES, SIZES, LAMS):
        if (name == "AllBlocks") == (g == 12) and not (name == "UntilResolved" and g > 1):
            yield name, g, lam, False
        if lam == 3 and (name, g) in {("OnlyIncorrect", 1), ("RoundRobin", 1), ("RoundRobin", 2), ("RoundRobin", 4)}:
            yield name, g, lam, True


def differences(found, tables=CALLS):
    """Candidates of which a number is not that of `predict`."""
    wrong = []
    for row in found.table.to_dict("records"):
        cell = made_by_hand(row["schedule"], row["g"], row["lam"], row["runner"] == "Merged", tables=tables)
        cost = predict(cell, "cost")
        exact = (predict(cell, "calls").mean, cost.mean, *(cost.quantile(u) for u in (0.1, 0.5, 0.9)))
        if [row[name] for name in ("calls", "money", "low", "median", "high")] != list(exact):
            wrong.append((row["schedule"], row["g"], row["lam"]))
    return wrong


@pytest.fixture(scope="module")
def found():
    return plan(k=12, values=VALUES, g=SIZES, lam=LAMS, feedback="blocks")


def test_all_numbers_are_those_of_predict(found):
    assert len(found.table) == len(list(every_candidate())) == 26
    assert set(found.table["kind"]) == {"exact"}
    assert differences(found) == []


def test_a_keep_that_is_off_by_a_thousandth_is_found(found):
    off = {g: (fix, keep - (g == 4) * 0.001) for g, (fix, keep) in CALLS.items()}
    assert {g for _, g, _ in differences(found, off)} == {4}


def test_the_order_is_that_of_all_candidates_tried_by_hand(found):
    cost = {each: predict(made_by_hand(*each), "cost").mean for each in every_candidate()}
    order = [
        (each.candidate.schedule, each.candidate.g, each.candidate.lam, each.candidate.merged) for each in found.ranked
    ]
    assert set(order) == set(cost)
    costs = [cost[each] for each in order]
    assert all(first <= then * (1 + 1e-9) for first, then in pairwise(costs))
    worse = [cost[each] / min(cost.values()) for each in order]
    assert found.table["worse"].tolist() == pytest.approx(worse, rel=1e-12)
    assert order[:2] == [("UntilResolved", 1, 1, False), ("OnlyIncorrect", 1, 1, False)]  # what asks less comes first


def test_the_best_by_a_formula_and_a_bill_by_hand(found):
    """UntilResolved leaves each of k blocks after a geometric number of calls (theory 2h)."""
    calls = 12 / (0.35 * 0.92 * 0.98)
    bill = (2500 - 2250 + 60) * 3e-6 + 2250 * 3e-7 + 60 * 15e-6
    assert found.best.numbers.calls == pytest.approx(calls, rel=1e-12)
    assert found.best.numbers.money == pytest.approx(calls * bill, rel=1e-12)


def test_success_that_falls_less_makes_longer_chunks_the_best():
    flat = VALUES | {"operator.fix": {1: 0.35, 4: 0.35}, "operator.keep": {1: 0.999, 4: 0.999}}
    longer = plan(k=12, values=flat, feedback="none")
    assert longer.best.candidate.g > 1
    steep = flat | {"operator.fix": {1: 0.35, 4: 0.02}}
    assert plan(k=12, values=steep, feedback="none").best.candidate.g == 1


def test_what_tests_tell_rules_schedules_out():
    used = {
        feedback: set(plan(k=4, values=VALUES, g=(1, 2), feedback=feedback).table["schedule"])
        for feedback in ("none", "score", "blocks")
    }
    assert used["blocks"] - used["score"] == {"OnlyIncorrect"}
    assert used["score"] - used["none"] == {"UntilResolved"}


def test_votes_are_ranked_by_their_exact_mean():
    found = plan(k=12, values=VALUES, g=(1,), votes=(1, 2), schedules=("UntilResolved", "RoundRobin"), exact=True)
    rows = {(row["schedule"], row["votes"]): row for row in found.table.to_dict("records")}
    exact = predict(made_by_hand("UntilResolved", 1, 1, votes=2), "cost")
    assert rows["UntilResolved", 2]["money"] == exact.mean
    assert math.isnan(rows["UntilResolved", 2]["low"])
    assert "only the mean" in rows["UntilResolved", 2]["note"]
    assert rows["RoundRobin", 2]["kind"] == "none"  # correct blocks take other numbers of votes than incorrect ones
    assert found.ranked[-1].candidate.schedule == "RoundRobin"


def test_several_models_are_ranked_together():
    cheap = parse_calibration(
        "[operator]\nfix = { 1 = 0.1 }\nkeep = { 1 = 0.9 }\n[prices]\nprompt = 1e-7\ngenerated = 1e-6"
    )
    dear = parse_calibration(
        "[operator]\nfix = { 1 = 0.8 }\nkeep = { 1 = 0.99 }\n[prices]\nprompt = 1e-6\ngenerated = 1e-5"
    )
    said = {"tokens.instructions": 0, "tokens.block": 10}
    found = plan({"cheap": cheap, "dear": dear}, said, k=6, schedules=("UntilResolved",))
    money = {each.candidate.model.name: each.numbers.money for each in found.ranked}
    assert money["cheap"] == pytest.approx(6 / 0.1 * 10 * (1e-7 + 1e-6))
    assert money["dear"] == pytest.approx(6 / 0.8 * 10 * (1e-6 + 1e-5))
    assert list(money) == ["cheap", "dear"]


def test_models_are_compared_on_one_problem_in_one_currency():
    one, other = (
        parse_calibration(
            "[operator]\nfix = { 1 = 0.5 }\nkeep = { 1 = 0.9 }\n[tokens]\ninstructions = 0\nblock = 9\n"
            f'[prices]\nunit = "{unit}"\nprompt = 1e-6\ngenerated = 1e-6\n[problem]\nk = {k}'
        )
        for unit, k in (("$", 4), ("EUR", 6))
    )
    with pytest.raises(InputError, match=r"problem\.k: expected one problem for all models, got k = \[4, 6\]"):
        plan({"one": one, "other": other})
    with pytest.raises(InputError, match=r"prices\.unit: expected one unit for all models"):
        plan({"one": one, "other": other}, k=4)
    assert len(plan({"one": one, "other": one}, k=4).ranked) == 6  # the twin: alike, they are compared


# ----------------------------------------------------------------------------------------------- what nobody has said


def without(*names):
    return {key: value for key, value in VALUES.items() if not key.startswith(names)}


def test_without_prices_it_ranks_by_tokens_and_without_tokens_by_calls():
    by_tokens, by_calls = (plan(k=12, values=without(*names)) for names in (("prices",), ("prices", "tokens")))
    assert (by_tokens.by, by_calls.by) == ("tokens", "calls")
    assert by_tokens.table["money"].isna().all()  # never 0
    assert by_calls.table[["money", "tokens"]].isna().all().all()
    assert by_calls.table["calls"].is_monotonic_increasing
    assert not by_tokens.table["calls"].is_monotonic_increasing
    assert any("no prices" in told for told in cautions(by_tokens))
    assert not any("no prices" in told for told in cautions(plan(k=12, values=VALUES)))


def test_what_is_taken_for_nothing_is_said():
    alike = "correlation of the blocks of a call"
    assert plan(k=4, values=without("operator.malformed")).assumed == ("malformed", alike, "price of an evaluation")
    assert plan(k=4, values=VALUES | {"prices.evaluation": 0.0, "operator.rho_fix": 0.1}).assumed == ()
    (timed,) = [plan(k=1, values=VALUES | {"seconds.evaluation": 2.0}).assumed]
    assert timed[1:] == ("seconds of a call", "seconds of a generated token", "tail of the seconds")


FLAT = VALUES | {"operator.fix": {1: 0.35, 2: 0.35}, "operator.keep": {1: 1.0, 2: 1.0}}


def test_a_choice_beyond_what_was_measured_is_marked():
    found = plan(k=12, values=FLAT, feedback="none", g=SIZES)
    (told,) = [each for each in cautions(found) if "outside" in each]
    assert found.best.candidate.g > 2
    assert "g = 1 to 2, whose values are taken" in told
    assert "the best within them is RoundRobin with g = 2" in told
    assert found.table.set_index("g")["measured"].to_dict() == {1: True, 2: True, 4: False, 12: False}


def test_what_was_not_measured_is_compared_on_demand_alone():
    found = plan(k=12, values=FLAT, feedback="none")
    assert set(found.table["g"]) == {1, 2}
    assert "calls on more than g = 2 blocks were not measured and are not compared" in cautions(found)[0]
    assert not any("not compared" in told for told in cautions(plan(k=12, values=VALUES)))


def test_blocks_of_a_call_that_correlate_are_those_of_measured_calls():
    said = VALUES | {"operator.rho_fix": 0.3, "operator.rho_keep": 0.2}
    found = plan(k=12, values=said, g=(1, 4), feedback="none", schedules=("RoundRobin", "UniformChunk"))
    tables = {"fix": dict(VALUES["operator.fix"]), "keep": dict(VALUES["operator.keep"])}
    call = Refuse(Malformed(Measured(**tables, rho_fix=0.3, rho_keep=0.2), rate=0.08), rate=0.02)
    for row in found.table.to_dict("records"):
        schedule = KINDS[row["schedule"]](g=row["g"])
        exact = predict(Cell(BlockOneMax(k=12, l=60), call, schedule, OnePlusLambda())).mean
        assert row["calls"] == pytest.approx(exact, rel=1e-12)
        alone = predict(made_by_hand(row["schedule"], row["g"], 1)).mean  # the twin: they do not correlate
        assert (row["calls"] == pytest.approx(alone, rel=1e-9)) == (row["g"] == 1)


def test_a_shorter_last_chunk_has_its_own_chances():
    """12 blocks by 5: the last chunk has 2, whose chances are those of g = 2."""
    found = plan(k=12, values=VALUES, g=(5,), schedules=("RoundRobin",), bands=0)
    call = Measured(fix=VALUES["operator.fix"], keep=VALUES["operator.keep"])
    cell = Cell(BlockOneMax(12, 60), Refuse(Malformed(call, 0.08), 0.02), RoundRobin(g=5), OnePlusLambda())
    assert found.best.numbers.calls == pytest.approx(predict(cell).mean, rel=1e-12)
    other = replace(cell, mutator=Refuse(Malformed(FixKeep(0.23, 0.961), 0.08), 0.02))
    assert found.best.numbers.calls != pytest.approx(predict(other).mean, rel=1e-4)


def test_the_next_is_no_other_name_of_the_best(found):
    alike, other = next_best(found)
    assert [str(each.candidate) for each in alike] == [
        "OnlyIncorrect with g = 1, lam = 1",
        "merged OnlyIncorrect with g = 1, lam = 3",
    ]
    assert found.worse(other) > 1.1


WORDS = {
    "money": ("as cheap", "{:.3g} times as dear"),
    "hours": ("as quick", "{:.3g} times as long"),
    "tokens": ("as good", "{:.3g} times as many"),
    "calls": ("as good", "{:.3g} times as many"),
    "fitness": ("as good", "{:.3g} blocks fewer"),
    "reached": ("as good", ""),
}
"""What `answer` says of candidates that are as good, and of the next one."""


@pytest.mark.parametrize("by", BY)
def test_the_answer_says_in_words_what_the_numbers_are(by):
    limit = {"calls": 40} if by in RISING else {}
    timed = VALUES | {"seconds.fixed": 900.0}
    made = plan(k=6, values=timed, g=(1, 3), lam=(1, 2), feedback="blocks", by=by, exact=True, **limit)
    alike, other = next_best(made)
    told, best = answer(made), made.best.numbers
    same, behind = WORDS[by]
    assert told.startswith(f"{made.best.candidate}: ")
    assert (f"; {same}: " in told) == bool(alike)
    behind = behind.format(made.worse(other)) or f"chance {figure(other.numbers.reached)}"
    assert told.endswith(f"; next: {other.candidate}, {behind}.")
    band = f"{LEVELS[2] - LEVELS[0]:.0%}".replace("%", " %")
    assert f"{band} of runs take {figure(best.low, '$')} to {figure(best.high, '$')}" in told
    assert f"{figure(best.money, '$')}, {figure(best.calls)} calls" in told
    assert f"{figure(best.calls * 900 / 3600 / made.best.candidate.lam)} hours" in told


@pytest.mark.parametrize(
    ("changed", "more", "told"),
    [
        ({}, {"k": None}, "problem.k: expected the number of blocks, got none"),
        ({}, {"k": 0}, "problem.k: expected a whole number >= 1, got 0"),
        ({"operator.fix": {1: 1.35}}, {}, "operator.fix: expected a probability in [0, 1], got {1: 1.35}"),
        ({"operator.malformed": -0.1}, {}, "operator.malformed: expected a probability in [0, 1], got -0.1"),
        ({"seconds.evaluation": -12}, {}, "seconds.evaluation: expected a finite number >= 0, got -12"),
        ({"prices.prompt": math.nan}, {}, "prices.prompt: expected a finite number >= 0, got nan"),
        ({"operator.mallformed": 0.1}, {}, "unknown key 'operator.mallformed'; did you mean 'operator.malformed'?"),
        ({"malformed": 0.1}, {}, "unknown key 'malformed'; did you mean 'operator.malformed'?"),
        ({"operator.fix": {1: 0.35}}, {"g": (4,)}, "operator.fix is measured at g = 1 only, and calls on g = 4 blocks"),
        ({}, {"g": (13,)}, "g: expected at most k = 12 blocks a call, got 13"),
        ({}, {"g": (0,)}, "g: expected a whole number >= 1, got 0"),
        ({}, {"lam": (1.5,)}, "lam: expected a whole number >= 1, got 1.5"),
        ({}, {"workers": 0}, "workers: expected a whole number >= 1, got 0"),
        ({}, {"feedback": "all"}, "feedback: expected none, score, blocks, got 'all'"),
        ({}, {"schedules": ("RoundRobbin",)}, "got 'RoundRobbin'; did you mean 'RoundRobin'?"),
        ({}, {"schedules": ("OnlyIncorrect",)}, "OnlyIncorrect needs more of tests than feedback = 'score'"),
        ({}, {"schedules": ("AllBlocks",), "g": (1,)}, "no schedule and runner go with this g, lam and feedback"),
        ({}, {"by": "joy"}, "by: expected money, hours, tokens, calls, fitness, reached, got 'joy'"),
        ({}, {"start": 1.5}, "start: expected a share of the blocks, from 0 to 1, got 1.5"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_its_key(changed, more, told):
    with pytest.raises(InputError) as raised:
        plan(**{"k": 12, "values": VALUES | changed} | more)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        ("prices.generated", "prices.generated: expected a price beside the other one, got none"),
        ("tokens.instructions", "tokens.instructions: expected the prompt tokens of every call, which prices need"),
        ("tokens.block", "tokens.block: expected the tokens of a block, which prices need, got none"),
        ("operator.keep", "operator.keep: expected chances by blocks a call"),
    ],
)
def test_what_is_needed_and_missing_is_named(left_out, told):
    with pytest.raises(InputError) as raised:
        plan(k=12, values=without(left_out))
    assert told in str(raised.value)


# -------------------------------------------------------------------------------------------------------- the command

OPTIONS = """--k 12 --l 60 --fix 1=.35,2=.3,4=.25,12=.1 --keep 1=.97,2=.965,4=.962,12=.95 --unit $
--operator refusals=.02,malformed=.08 --tokens instructions=2500,cached_share=.9 --feedback blocks
--prices prompt=3,cached=.3,generated=15 --per 1e6 --g 1,2,4,12 --lam 1,3"""


def test_hours_are_marked_by_how_they_are_known():
    """Exact ones have no mark, those at most a <, simulated ones a ~, as the caption says."""
    timed = VALUES | {"seconds.fixed": 900.0, "seconds.tail": 0.3}
    made = plan(k=6, values=timed, g=(1,), lam=(1, 3), workers=2, feedback="blocks", exact=True)
    console = Console(width=200, file=io.StringIO(), record=True)
    show_plan(made, console, rows=99, hangs=False, variants=True)
    text = console.export_text()
    rows = [[word.strip() for word in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    (heads,) = ([word.strip() for word in line.split("┃")[1:-1]] for line in text.splitlines() if "┃" in line)
    marks = {"exact": "", "at most": "<", "simulated": "~"}
    numbers = [each.numbers for each in made.ranked if not math.isnan(each.numbers.money)]
    assert {each.hours_kind for each in numbers} == set(marks)
    for row, each in zip(rows, numbers, strict=True):
        assert row[heads.index("hours")] == f"{marks[each.hours_kind]}{each.hours:.3g}"
    assert "<: at most; ~: simulated" in " ".join(text.split())


def told_by(*options):
    return CliRunner().invoke(app, ["plan", *options], env={"COLUMNS": "80", "TERM": "dumb"})


def test_the_command_says_the_same_within_80_columns(found):
    result = told_by(*OPTIONS.split(), "--all")
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.output.splitlines()) <= 80
    assert " ".join(result.output.split()).startswith(answer(found))
    rows = [[word.strip() for word in line.split("│")[1:-1]] for line in result.output.splitlines() if "│" in line]
    for (schedule, g, lam, calls, *_), row in zip(rows, found.table.to_dict("records"), strict=False):
        assert (schedule, int(g), int(lam)) == (
            row["schedule"] + "+" * (row["runner"] == "Merged"),
            row["g"],
            row["lam"],
        )
        assert float(calls) == pytest.approx(row["calls"], rel=5e-3)
    assert len(rows) == 12


def test_the_best_of_each_decomposition_comes_first_and_variants_are_listed_on_demand(found):
    """No two rows of one schedule and g; the others are counted."""
    result = told_by(*OPTIONS.split(), "--no-hangs", "--rows", "20")
    rows = [line.split("│")[1:4] for line in result.output.splitlines() if "│" in line]
    listed = [(row[0].strip().rstrip("+"), int(row[1])) for row in rows]
    of_all = [(each.candidate.schedule, each.candidate.g) for each in found.ranked]
    assert listed == list(dict.fromkeys(of_all))
    assert len(of_all) > len(listed)
    assert f"{len(of_all) - len(listed)} variants more: --all" in " ".join(result.output.split())
    assert [each.candidate.decomposition[1:] for each in found.firsts] == listed
    assert all(each is found.ranked[of_all.index(name)] for each, name in zip(found.firsts, listed, strict=True))


def test_json_has_all_numbers_and_no_zero_for_what_is_unknown(found):
    told = json.loads(told_by(*OPTIONS.split(), "--json").output)
    assert told["answer"] == answer(found)
    assert [row["money"] for row in told["candidates"]] == pytest.approx(found.table["money"].tolist(), rel=1e-12)
    unpriced = told_by("--k", "4", "--fix", "1=.3", "--keep", "1=.9", "--json")
    assert {row["money"] for row in json.loads(unpriced.output)["candidates"]} == {None}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--fix", "0.35"], "--fix: expected name=number,name=number, got '0.35'"),
        (["--fix", "1=.35,1=.2"], "--fix: 1 stands in it twice"),
        (["--prices", "prompt=3,generated=15"], "expected the price of a token, got 3; give --per 1e6 or --per 1"),
        (["--g", "one"], "--g: expected whole numbers between commas, as 1,5, got 'one'"),
        (["--per", "0"], "--per: expected a number of tokens > 0, such as 1e6, got 0"),
        ([], "operator.fix: expected chances by blocks a call"),
    ],
)
def test_options_that_say_nothing_are_refused(options, told):
    result = told_by("--k", "4", *options)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())


def test_a_cent_a_token_is_a_price_and_more_is_asked_about():
    """What a call and an evaluation cost may be more."""
    assert _prices("prompt=0.01,call=3", None) == {"prices.prompt": 0.01, "prices.call": 3.0}
    with pytest.raises(InputError, match=r"prices\.prompt: expected the price of a token, got 0\.011; give --per 1e6"):
        _prices("prompt=0.011", None)
    assert _prices("prompt=0.011", 1.0) == {"prices.prompt": 0.011}


def test_options_override_the_file(tmp_path):
    path = tmp_path / "measured.toml"
    path.write_text("[operator]\nfix = { 1 = 0.5 }\nkeep = { 1 = 0.9 }\n[problem]\nk = 10\n", encoding="utf-8")
    one = json.loads(told_by(str(path), "--json").output)
    two = json.loads(told_by(str(path), "--json", "--k", "20", "--fix", "1=.25").output)
    assert [round(each["candidates"][0]["calls"], 9) for each in (one, two)] == [20.0, 80.0]
