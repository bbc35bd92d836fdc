"""What a person reads of a plan, every column of its table and every number of its JSON, is what was computed."""

import io
import json
import math
from types import SimpleNamespace

import pytest
from rich.console import Console

from experiments import plan
from experiments.cli import planned
from experiments.cli.planned import plan_json, show_plan
from experiments.planning.answer import told_swings
from experiments.planning.cautions import cautions
from experiments.reports.measured import number

VALUES = {
    "operator.fix": {1: 0.35, 3: 0.2}, "operator.keep": {1: 0.97, 3: 0.96}, "tokens.instructions": 2500,
    "tokens.block": 60, "prices.prompt": 3e-6, "prices.generated": 15e-6, "prices.unit": "$", "seconds.fixed": 900.0,
}  # fmt: skip
ASKED = {
    "k": 6,
    "values": VALUES,
    "g": (1, 3),
    "runners": ("OnePlusLambda",),
    "schedules": ("UntilResolved", "RoundRobin"),
}


def shown(found):
    """The table's rows by heading, and the text."""
    console = Console(width=250, file=io.StringIO(), record=True)
    show_plan(found, console, rows=99, hangs=False, variants=True)
    text = console.export_text()
    (heads,) = ([word.strip() for word in line.split("┃")[1:-1]] for line in text.splitlines() if "┃" in line)
    rows = [[word.strip() for word in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    return [dict(zip(heads, row, strict=True)) for row in rows], " ".join(text.split())


def short(value):
    return number(value) if value >= 100 else f"{value:.3g}"


def band(numbers, *names):
    return "-".join(short(getattr(numbers, name)) for name in names)


@pytest.mark.parametrize(("by", "limit"), [("money", {}), ("hours", {}), ("fitness", {"calls": 20})])
def test_every_column_of_the_table(by, limit):
    found = plan(**ASKED, **limit, lam=(1, 2), by=by, exact=True)
    rows, text = shown(found)
    ranked = [each for each in found.ranked if not math.isnan(getattr(each.numbers, by))]
    best = getattr(ranked[0].numbers, by)
    assert len(rows) == len(ranked) > 4
    what = {"fitness": "expected fitness at the budget"}.get(by, f"expected {by}")
    assert f" {len(found.ranked)} ways to decompose, by {what}: exact, a run to the optimum " in text
    for row, each in zip(rows, ranked, strict=True):
        one, of = each.candidate, each.numbers
        value = getattr(of, by)
        assert row == {
            "schedule": one.schedule, "g": str(one.g), "lam": str(one.lam),
            **({"fitness": short(of.fitness)} if limit else {}), "money": short(of.money), "hours": short(of.hours),
            "money 10-50-90 %": band(of, "low", "median", "high"),
            "hours 10-50-90 %": band(of, "hours_low", "hours_median", "hours_high"),
            "worse": f"{best - value:.3f}" if limit else f"{value / best:.3g}",
        }  # fmt: skip
        assert of.low < of.median < of.high
    assert f"worse: {'less than' if limit else 'times'} the best" in text
    assert "money in $" in text


def test_the_json_has_every_number_of_what_it_hangs_on():
    found = plan(k=2, values=VALUES, g=(1,), schedules=("UntilResolved",), runners=("OnePlusLambda",))
    told = json.loads(plan_json(found))
    assert told["units"] == {
        "money": "$", "hours": "hours", "calls": "calls", "tokens": "tokens", "fitness": "correct blocks",
    }  # fmt: skip
    for row, swing in zip(told["swings"], found.swings, strict=True):
        expected = [str(swing.input), swing.by, swing.input.low, swing.input.high, swing.value, swing.at_low]
        assert [row[name] for name in ("input", "by", "low", "high", "value", "at_low")] == expected
        assert (row["at_high"], row["elasticity"]) == (swing.at_high, swing.elasticity)
        assert row["low"] < row["high"]
    names = ("model", "key", "g", "value", "low", "high", "given", "to", "pilot", "negligible", "tied", "odds")
    for row, hang in zip(told["hangs"], found.hangs, strict=True):
        assert [row[name] for name in names] == [getattr(hang, name) for name in names]
        for name in ("flip", "price", "stake"):
            value = getattr(hang, name)
            assert row[name] == (None if math.isnan(value) else value)
    assert len(told["swings"]) > 3


# ------------------------------------------------------------------------------- of plans that are made up


def of_plan(*candidates, by="money", at_budget=False, **more):
    """A plan whose candidates differ from an ordinary one in what is said of each, and the best of each g."""
    ranked = []
    for given in candidates or ({},):
        model = {"name": "", "priced": True, "timed": True, "measured": lambda g: g < 9} | given.get("model", {})
        one = {"runner": "OnePlusLambda", "g": 1, "votes": 1, "lam": 1, "schedule": "RoundRobin"}
        of = {"errors": (), "hours_kind": "exact", by: 1.0}
        ranked.append(
            SimpleNamespace(
                candidate=SimpleNamespace(**one | given.get("candidate", {}), model=SimpleNamespace(**model)),
                numbers=SimpleNamespace(**of | given.get("numbers", {})),
            )
        )
    firsts = {each.candidate.g: each for each in reversed(ranked)}
    aim = SimpleNamespace(target=None, limited=at_budget)
    plain = {"ranked": ranked, "best": ranked[0], "firsts": list(firsts.values()), "by": by, "unit": "$", "aim": aim}
    return SimpleNamespace(**plain | {"simulated": lambda each: bool(each.numbers.errors)} | more)


FIVE = [{"candidate": {"g": g, "lam": lam}} for g, lam in ((1, 1), (2, 1), (1, 2), (3, 1), (2, 2))]
UNKNOWN = {"candidate": {"g": 4}, "numbers": {"money": math.nan}}


@pytest.mark.parametrize(
    ("rows", "variants", "told"),
    [
        (5, True, []),
        (4, True, ["1 more candidate; --rows 5 lists all"]),
        (3, True, ["2 more candidates; --rows 5 lists all"]),
        (3, False, ["the best lam, runner and votes of each schedule and g; 2 variants more: --all"]),
        (1, False, ["2 more candidates; --rows 3 lists all",
                    "the best lam, runner and votes of each schedule and g; 2 variants more: --all"]),
    ],
)  # fmt: skip
def test_what_the_table_leaves_out_is_counted_without_what_is_not_known(rows, variants, told):
    found = of_plan(*FIVE, UNKNOWN)
    assert planned._left_out(found, rows, variants) == told
    assert len(planned.listed(found, rows, variants)) == min(rows, 5 if variants else 3)


@pytest.mark.parametrize(
    ("model", "by", "bands"),
    [
        ({}, "money", [("money", "hours"), ("money",)]),
        ({}, "hours", [("money", "hours"), ("hours",)]),
        ({"priced": False}, "calls", [("calls", "hours"), ("calls",)]),
        ({"priced": False}, "hours", [("calls", "hours"), ("hours",)]),
        ({"timed": False}, "money", [("money",)]),
        ({"timed": False, "priced": False}, "calls", [("calls",)]),
    ],
)
def test_bands_of_both_are_told_where_there_is_room_else_that_of_what_is_ranked(model, by, bands):
    assert planned._bands(of_plan({"model": model}, by=by)) == bands


RUNNERS = {"Merged": "+: improvements of a generation are merged", "Archive": "A: an archive of so many",
           "MapElites": "E: elites of so many cells"}  # fmt: skip
RUNS = {"numbers": {"errors": (("money", 0.1),)}}


@pytest.mark.parametrize(
    ("candidates", "more", "told"),
    [
        ([{}], {}, []),
        ([{}], {"unit": ""}, ["-money in $"]),
        ([{"model": {"priced": False}}], {}, ["-money in $"]),
        ([{}, {"candidate": {"runner": "Merged"}}], {}, [RUNNERS["Merged"]]),
        ([{"candidate": {"runner": "Archive"}}, {"candidate": {"runner": "MapElites"}}], {},
         [RUNNERS["Archive"], RUNNERS["MapElites"]]),
        ([{"candidate": {"g": 8}}, {"candidate": {"g": 9}}], {}, ["*: g was not measured"]),
        ([{"candidate": {"g": 9}}, {"candidate": {"g": 10}}], {}, ["*: g was not measured"]),
        ([{}, {"numbers": {"hours_kind": "at most"}}], {}, ["<: at most"]),
        ([{}, {"numbers": {"hours_kind": "simulated"}}], {}, ["~: simulated"]),
        ([{}, RUNS], {}, ["~: simulated", "+-: standard error of the money"]),
        ([RUNS], {"simulated": lambda each: False}, ["~: simulated"]),  # a number that it is not ranked by
        ([{}], {"by": "fitness"}, ["worse: less than the best"]),
    ],
)  # fmt: skip
def test_each_mark_of_the_table_is_explained_where_it_stands(candidates, more, told):
    found = planned._caption(of_plan(*candidates, **more), ("money", "hours")).split("; ")
    expected = ["money in $", "10-50-90 %: money and hours of single runs"]
    expected += [] if "worse: less than the best" in told else ["worse: times the best"]
    assert found == [each for each in expected if f"-{each}" not in told] + [t for t in told if t[0] != "-"]


@pytest.mark.parametrize(
    ("candidates", "more", "headings"),
    [
        ([{}], {}, ["money", "hours"]),
        ([{}], {"by": "tokens"}, ["money", "hours", "tokens"]),
        ([{"model": {"priced": False}}], {"by": "calls"}, ["calls", "hours"]),
        ([{"model": {"priced": False, "timed": False}}], {"by": "tokens"}, ["calls", "tokens"]),
        ([{"model": {"timed": False}}], {}, ["calls", "money"]),
        ([{}], {"by": "fitness", "at_budget": True}, ["fitness", "money", "hours"]),
        ([RUNS], {"by": "fitness", "at_budget": True}, ["fitness", "money"]),  # so many columns have no room
        ([RUNS], {}, ["money", "hours"]),
        ([RUNS, {"candidate": {"votes": 2}}], {}, ["calls", "money"]),
        ([RUNS, {"model": {"name": "small"}}], {}, ["calls", "money"]),
        ([RUNS, {"candidate": {"votes": 2}}], {"by": "hours"}, ["money", "hours"]),
    ],
)
def test_the_numbers_that_have_columns(candidates, more, headings):
    assert planned._sums(of_plan(*candidates, **more)) == headings


@pytest.mark.parametrize(
    ("votes", "name", "columns"), [(1, "", []), (2, "", ["votes"]), (3, "m", ["model", "votes"]), (1, "m", ["model"])]
)
def test_models_and_votes_have_columns_where_there_are_some(votes, name, columns):
    found = of_plan({}, {"candidate": {"votes": votes}, "model": {"name": name}})
    assert [*planned._models(found), *planned._votes(found)] == columns


@pytest.mark.parametrize(
    ("aim", "by", "simulated", "title"),
    [
        (None, "money", False, "3 ways to decompose, by expected money: exact, a run to the optimum"),
        (5, "hours", True, "3 ways to decompose, by expected hours: exact but for ~, a run to 5 correct blocks"),
        (None, "reached", False,
         "3 ways to decompose, by chance to be there at the budget: exact, a run to the optimum"),
    ],
)  # fmt: skip
def test_the_title_says_what_is_compared(aim, by, simulated, title):
    found = of_plan(*([RUNS] if simulated else [{}]), by=by, aim=SimpleNamespace(target=aim, limited=False))
    assert planned._title(found, 3) == title


ROW = {"schedule": "RoundRobin", "runner": "OnePlusLambda", "kept": 1, "g": 2, "measured": True, "lam": 3, "votes": 1,
       "money": 12.345, "hours": 100.4, "hours_kind": "exact", "errors": (), "error": math.nan, "worse": 1.23456,
       "low": 1.0, "median": 99.96, "high": 1234.5,
       "hours_low": math.nan, "hours_median": math.nan, "hours_high": math.nan}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "place", "words"),
    [
        ({}, slice(None), ["RoundRobin", "2", "3", "12.3", "100.4", "1-100-1,234", "-", "1.23"]),
        ({"measured": False}, 1, "2*"),
        ({"runner": "Merged"}, 0, "RoundRobin+"),
        ({"runner": "Archive", "kept": 4}, 0, "RoundRobin A4"),
        ({"runner": "MapElites", "kept": 2}, 0, "RoundRobin E2"),
        ({"hours_kind": "at most"}, slice(4, 7), ["<100.4", "1-100-1,234", "-"]),
        ({"hours_kind": "at most", "hours_low": 1.0, "hours_median": 2.0, "hours_high": 3.0}, 6, "<1-2-3"),
        ({"errors": (("money", 0.1), ("low", 0.2))}, slice(3, 6), ["~12.3", "100.4", "~1-100-1,234"]),
        ({"money": math.nan}, 3, "-"),
    ],
)
def test_each_word_of_a_row(changed, place, words):
    row = planned._row(of_plan(), ROW | changed, ("money", "hours"))
    assert row[place] == words


def test_a_standard_error_and_what_is_lost_have_digits_of_their_own():
    """Less than the best is told to three places after the point; a row that is exact has no error."""
    found = of_plan(RUNS, by="fitness", at_budget=True)
    row = ROW | {"fitness": 3.0, "error": 0.0123}
    assert planned._row(found, row, ())[3:] == ["3", "12.3", "0.01", "1.235"]
    assert planned._row(found, row | {"error": math.nan}, ())[5] == "-"


def test_notes_and_what_is_not_known_stand_below_the_table():
    asked = ASKED | {"k": 7, "schedules": ("UniformChunk", "RoundRobin"), "feedback": "none"}
    found = plan(**asked, lam=(1,), exact=True, budget=0.1)
    console = Console(width=120, file=io.StringIO(), record=True)
    show_plan(found, console, rows=2)
    text = console.export_text().splitlines()
    said = " ".join(" ".join(text).split())
    for told in (*cautions(found), *told_swings(found)):
        assert told in said
    assert [line.startswith("note: ") for line in text].count(True) == len(cautions(found)) > 1
    assert found.table["fitness"].isna().sum() == 1
    (unknown,) = [line for line in text if line.startswith("not known: ")]
    assert unknown.startswith("not known: UniformChunk, g = 3: ")
