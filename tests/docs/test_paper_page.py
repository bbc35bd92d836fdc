"""docs/paper.md is what the command writes; its numbers are those of others, its order is that of the paper."""

import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from evo import AllBlocks
from experiments.fits.claims import Claim
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.paper import __main__ as command
from experiments.paper import kept, runs
from experiments.paper import page as paper_page
from experiments.paper.entry import EXAMPLES, Entry, Outcome
from experiments.paper.exact import CELLS, cell
from experiments.paper.kept import CELLS_FILE, FOLDER, GROWTH_FILE, kept_growth, kept_runs
from experiments.paper.numbers import Leaf, Number, said
from experiments.paper.page import WIDTH, claimed, page, sections
from experiments.predictions.verdict import Verdict
from experiments.reports.measured import Value, exact_mean
from experiments.running.launch import run_grid
from experiments.studies import STUDIES

FILE = Path(__file__).parents[2] / "docs" / "paper.md"
ENTRIES = [entry for section in sections() for entry in section.entries]
FOUND = {entry.place: entry for entry in ENTRIES}


def flat(text):
    return " ".join(text.split())


def exactly(text):
    """A text with the exact numbers in the place of those that were measured."""
    return re.sub(r"[\d.,e+%]+ \[([\d.,e+%]+)\]", r"\1", flat(text))


def test_the_page_is_what_the_command_writes():
    again = "make it again: python -m experiments.paper docs results"
    assert FILE.read_text(encoding="utf-8") == page(), again


def test_all_of_the_paper_is_there_in_its_order():
    places = [entry.place for entry in ENTRIES]
    for kind, numbers in (
        ("Definition 2.", range(1, 5)),
        ("Eq. ", range(1, 15)),
        ("Exercise ", range(1, 7)),
        ("Alternative View ", range(1, 4)),
        ("5.", range(1, 7)),
    ):
        named = [place.split(":")[0] for place in places if place.startswith(kind)]
        assert named == [f"{kind}{number}" for number in numbers]
    numbered = [re.search(r"Eq\. (\d+)", entry.place) for entry in ENTRIES]
    found = [int(match[1]) for match in numbered if match]
    assert found == sorted(found)
    assert len(places) == len(set(places))


def test_what_is_not_run_says_why_and_what_is_run_says_how():
    for entry in ENTRIES:
        assert len(entry.found) > 20, entry.place
        assert bool(entry.shown) == (entry.outcome is not Outcome.NOT_RUN) or entry.place == "6: conclusion", (
            entry.place
        )
        if entry.outcome in (Outcome.IF, Outcome.NOT):
            assert entry.needs or entry.fails or entry.place.startswith(("3.1, left", "6:", '3.2.3: "since')), (
                entry.place
            )


def test_commands_are_those_of_studies():
    commands = {entry.shown for entry in ENTRIES if entry.shown}
    named = {match[1] for command in commands if (match := re.fullmatch(r"`llm-evo run ([\w-]+)`", command))}
    assert named <= set(STUDIES)
    assert {command for command in commands if "llm-evo run" not in command} <= {EXAMPLES, "`llm-evo show`"}
    assert "paper" in claimed("Eq. 14")
    assert claimed("Eq. 1") != claimed("Eq. 13")
    assert all(claimed(f"Eq. {number}") for number in range(1, 15))  # each equation's growth is fitted and tested
    assert claimed("Eq. 15") == claimed("3.3.1: 2^k calls") == {}


@pytest.mark.parametrize(
    ("place", "says"),
    [  # values of theory 12b, 12e, 13.11, 18a, 18d, computed by others
        ("Eq. 3", "9.09 (k = 10), 50 (k = 100), 90.9 (k = 1,000), 99 (k = 10,000)"),
        ("Eq. 11", "to 231,788,411, the system's 13.3 times, to 8,431,730"),
        ("Eq. 14", "534,746 at k = l = 16"),
        ("3.3.1: 2^k calls", "65,536 at k = 16"),
        ("3.3.3: fuzzier decomposition", "129 calls in place of 100; w.p. 0.1, 3,475"),
        ("Exercise 1", "with 305.1 comparisons"),
        ("Exercise 1", "merge sort 610,103"),
        ("1: roles as in a human team", "fewer than lg 64! = 296 on"),
        ("2: closer to linear in practice", "59,900 and 239,800"),  # 2 (200 200) - 20,100 and four times as much, + 200
        ("3.1.2: specialists of equal size", "four of ten 40,000 on average"),  # 1,000 (60 60 + 4 10 10)/100
        ("3.1.3: thousands of tasks", "it is 98 where the delegator is as large as the generalist, and 4,950"),
        ("3.2.3: minimal chunks", "2 with 100 tokens of them in front of a call (1,125,250 in place of 1,543,875)"),
    ],
)
def test_numbers_that_others_computed(place, says):
    assert says in exactly(FOUND[place].found + FOUND[place].fails)


def token_loop(calls):
    """Passes of calls given as (prompt, written), token by token."""
    return sum(prompt + t for prompt, written in calls for t in range(written))


def focused_calls(k, l, b):
    """QA looks at each function once, the debugger rewrites those with a bug."""
    return token_loop([(l, 1)] * k), token_loop([(l + 1, l)] * b)


def test_debugging_is_a_token_loop():
    """The transcript written out: version i of the code, then a message of one token, then the next version."""
    k, l, b = 200, 50, 50
    n = k * l
    qa, debugger, transcript = [], [], n
    for _ in range(b):
        qa.append((transcript, 1))
        transcript += 1
        debugger.append((transcript, n))
        transcript += n
    seen = token_loop(qa)
    assert f"(a message of one token): {seen:,}" in flat(FOUND["Eq. 4"].found)
    repaired = sum(c * n + n * (n - 1) // 2 for c, _ in debugger)
    first = debugger[0][0] * n + n * (n - 1) // 2
    assert first == token_loop(debugger[:1])
    assert sum(focused_calls(k, l, b)) < first  # "less than one call of the naive debugger"
    assert f"{repaired:.1e}" in FOUND["Eq. 6"].found
    all_bugs = token_loop([(n, b)]) + (n + b) * n + n * (n - 1) // 2
    assert f"the naive system costs {all_bugs:,}:" in flat(FOUND["3.2.1: one bug at a time"].found)
    last = b * (token_loop([(n, 1)]) + (n + 1) * n + n * (n - 1) // 2)
    assert f"cost {last:.1e} at k = 200" in flat(FOUND["3.2.1: the whole history"].found)
    focused = focused_calls(k, l, b)
    assert f"{focused[0]:,}." in FOUND["Eq. 8"].found
    assert f"exactly: {focused[1]:,};" in FOUND["Eq. 9"].found
    assert f"{(seen + repaired) / sum(focused):,.0f} at k = 200" in flat(FOUND["Eq. 11"].found)


def test_evolution_is_a_token_loop():
    k = l = 16
    whole, one = token_loop([(k * l, k * l)]), token_loop([(l, l)])
    assert f"{2**k * whole / (2 * k * one):,.0f} at k = l = 16" in exactly(FOUND["Eq. 14"].found)
    assert f"{2**k * whole:.1e}" in exactly(FOUND["Eq. 12"].found)
    assert f"{2 * 64 * one:,} at k = 64" in exactly(FOUND["Eq. 13"].found)
    harmonic = sum(1 / i for i in range(1, 65))
    assert f"at random ({128 * harmonic:,.0f})" in exactly(FOUND["Eq. 13"].fails)


def test_counts_at_the_top_are_those_of_the_page():
    text = page()
    counted = {outcome: text.count(f"({outcome}).") for outcome in Outcome}
    assert f"| of {sum(counted.values())} statements |" in text
    assert all(f"| {outcome} | {count} |" in text for outcome, count in counted.items())
    assert max(map(len, text.splitlines())) <= WIDTH


# ------------------------------------------------------------------ the runs behind it


def test_every_number_of_a_cell_was_run_unless_a_run_takes_too_long():
    """Rows are those of the cells that the page tells, in its order, with their exact means computed anew."""
    told = [leaf for leaf in runs.leaves() if runs.feasible(CELLS[leaf.cell])]
    assert list(kept_runs()) == told
    for leaf, row in kept_runs().items():
        assert row["text"] == CELLS[leaf.cell].text
        if leaf.quantity != "done":
            assert exact_mean(CELLS[leaf.cell], leaf.quantity) == pytest.approx(float(row["exact"]), rel=1e-9)
    assert {row["verdict"] for row in kept_runs().values()} <= {"AGREES", "CANNOT_TELL"}
    assert all(bool(row["reason"]) == (row["verdict"] != "AGREES") for row in kept_runs().values())


def test_growth_is_that_of_the_claims_on_numbered_equations():
    claims = [(name, claim.paper, claim.text) for name in runs.claiming() for claim in STUDIES[name].claims]
    kept = [(row["study"], row["paper"], row["claimed"]) for row in kept_growth()]
    assert kept == [each for each in claims if "Eq. " in each[1]]
    assert {row["verdict"] for row in kept_growth()} == {"AGREES"}


def test_what_runs_gave_is_what_is_told(monkeypatch):
    """The twin: with other numbers in the file, the page is another in just that place."""
    leaf = next(leaf for leaf, row in kept_runs().items() if leaf.quantity == "hit" and float(row["mean"]) > 1000)
    before = page()
    monkeypatch.setitem(kept_runs(), leaf, {**kept_runs()[leaf], "mean": "777777", "verdict": "DIFFERS"})
    sections.cache_clear()
    after = page()
    monkeypatch.undo()
    sections.cache_clear()
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert any("777,777 [" in line for line in changed)
    assert any("DIFFERS" in line for line in changed)
    assert page() == before


def test_numbers_keep_their_cells_through_sums_and_ratios():
    one, two = (
        Number(exact, found, frozenset({Leaf(name, "hit")})) for name, exact, found in (("a", 4, 5), ("b", 2, 2))
    )
    entry = Entry("x", "y", Outcome.HOLDS, f"{said((one + 2 * two) / two)} and {one / two - 1:g}", needs=said(two))
    assert (entry.found, entry.needs) == ("4.5 [4] and 1.5 [1]", "2")
    assert set(entry.leaves) == one.leaves | two.leaves
    assert said(one * Number(3.0, leaves=one.leaves)).startswith("12 [exact]")


@pytest.mark.slow
def test_fresh_runs_are_those_that_were_kept(tmp_path):
    """All cells of the page and all studies whose claims it tells, run anew: the same files, bit for bit."""
    list(runs.run(tmp_path, tmp_path, workers=1))
    for name in (CELLS_FILE, GROWTH_FILE):
        assert (tmp_path / name).read_text(encoding="utf-8") == (FOLDER / name).read_text(encoding="utf-8"), name


def test_a_row_of_the_kept_file_is_the_mean_of_its_own_quantity(monkeypatch):
    """Each quantity of a search and of a program is read anew from the table of runs; no two of them are alike."""
    kinds = {isinstance(CELLS[leaf.cell], Cell): leaf.cell for leaf in runs.leaves() if runs.feasible(CELLS[leaf.cell])}
    asked = [Leaf(name, word) for name in kinds.values() for word in ("calls", "cost", "generations")]
    asked = [leaf for leaf in asked if kinds[True] == leaf.cell or leaf.quantity != "generations"]
    monkeypatch.setattr(runs, "leaves", lambda: asked)
    results = run_grid(Grid("two", {name: [CELLS[name]] for name in kinds.values()}, runs=30), workers=1)
    rows = runs.cell_rows(results)
    assert [(row["cell"], row["quantity"]) for row in rows] == [(leaf.cell, leaf.quantity) for leaf in asked]
    for row in rows:
        values = results.numbers(row["cell"]).floats(row["quantity"])
        half = norm.ppf(0.975) * values.std(ddof=1) / math.sqrt(30)
        told = [float(row[name]) for name in ("mean", "low", "high")]
        assert told == pytest.approx([values.mean(), values.mean() - half, values.mean() + half], rel=1e-9), row
        assert (row["runs"], row["text"]) == ("30", CELLS[row["cell"]].text)


def test_a_fitted_constant_stands_before_its_interval_from_low_to_high():
    def told(low, value, high):
        law = {"b": SimpleNamespace(low=low, value=value, high=high)}
        return runs._found(SimpleNamespace(law=law, claim=SimpleNamespace(parameter="b")))  # type: ignore[arg-type]

    assert (told(1.5, 2.0, 2.75), told(2.0, 2.0, 2.0)) == ("2 [1.5, 2.75]", "2")
    assert runs._found(SimpleNamespace(law=None, found="", reason="too few")) == "too few"  # type: ignore[arg-type]


def test_runs_behind_an_entry_are_the_fewest_of_its_cells(monkeypatch):
    """And a claim on Eq. 12 is none on Eq. 1."""
    row = {"verdict": "AGREES", "reason": "", "runs": "2000"}
    of = {Leaf("a", "hit"): {**row, "cell": "a"}, Leaf("b", "hit"): {**row, "cell": "b", "runs": "30"}}
    monkeypatch.setattr(paper_page, "kept_runs", lambda: of)
    grown = {"study": "x", "quantity": "hit", "along": "k", "form": "power", "claimed": "b = 1", "found": "1"}
    monkeypatch.setattr(paper_page, "kept_growth", lambda: ({**grown, "paper": "Eq. 12: much", "verdict": "AGREES"},))
    entry = Entry("Eq. 1", "y", Outcome.HOLDS, "z")
    object.__setattr__(entry, "leaves", tuple(of))
    assert list(paper_page._runs(entry)) == ["* Runs: 2 cells of 30 runs, AGREES"]
    assert list(paper_page.claimed("Eq. 12")) == ["x"]
    some = [{"verdict": verdict} for verdict in ("CANNOT_TELL", "AGREES", "CANNOT_TELL")]
    assert paper_page._verdicts(some) == "1 AGREES, 2 CANNOT TELL"  # in one order on every page
    assert paper_page._verdicts(some[::2]) == "CANNOT TELL"


@pytest.mark.parametrize(("quantity", "numbers"), [
    ("done", {"mean": "0.75", "low": "0.5", "high": "0.875", "exact": "0.7"}),
    ("generations", {"mean": "3", "low": "3", "high": "3", "exact": "nan"}),  # of a program that tells no steps
])  # fmt: skip
@pytest.mark.parametrize(("verdict", "reason"), [
    (Verdict.AGREES, ""), (Verdict.CANNOT_TELL, "mean 5 within 4 to 6"), (Verdict.DIFFERS, "mean 5 within 4 to 6"),
])  # fmt: skip
def test_a_row_of_the_kept_file_has_the_verdict_and_what_is_open(quantity, numbers, verdict, reason, monkeypatch):
    """What no number of runs changes is told without the words on it, and where all is told nothing is open."""
    monkeypatch.setattr(runs, "exact_mean", lambda process, quantity: math.nan)
    found = SimpleNamespace(
        done=Value(0.75, 0.5, 0.875), exact_done=0.7, generations=np.array([3.0, 3.0]), runs=40,
        process=SimpleNamespace(text="Cell(..)"), mean=None,
    )  # fmt: skip
    checked = SimpleNamespace(
        verdict=verdict, reason="mean 5 within 4 to 6, which no number of runs makes narrower; share 0.7"
    )
    row = runs._row(Leaf("a", quantity), found, checked)  # type: ignore[arg-type]
    assert row == {
        "cell": "a", "quantity": quantity, "runs": "40", **numbers, "verdict": str(verdict), "reason": reason,
        "text": "Cell(..)",
    }  # fmt: skip


def test_a_claim_on_a_numbered_equation_is_a_row_of_the_growth(monkeypatch):
    """Each column of a claim of which no two words are alike; a claim on no equation is no row."""
    claim = Claim("top", "Eq. 3: much", "cost", "power", "b", 2.0, "holds", along="l", over="under", tolerance=0.05)
    law = {"b": SimpleNamespace(low=1.5, value=2.0, high=2.75)}
    checked = [
        SimpleNamespace(claim=replace(claim, paper="3.1: much"), law=law, verdict=Verdict.AGREES),
        SimpleNamespace(claim=claim, law=law, verdict=Verdict.CANNOT_TELL),
    ]
    monkeypatch.setattr(runs, "check_claims", lambda results, claims: checked if results == "table" else [])
    assert list(runs.growth_rows("paper", "table")) == [{  # type: ignore[arg-type]
        "study": "paper", "paper": "Eq. 3: much", "arm": "top / under", "quantity": "cost", "along": "l",
        "form": "power", "claimed": "b = 2 within 5%", "found": "2 [1.5, 2.75]", "verdict": "CANNOT_TELL",
    }]  # fmt: skip


def test_a_run_of_the_page_tells_each_step_and_where_it_goes(tmp_path, monkeypatch):
    """The cells of the page and each study in a folder of its own name, and one file of each."""
    went = []
    monkeypatch.setattr(runs, "run_grid", lambda grid, out, workers: went.append((grid.name, out, workers)) or grid)
    monkeypatch.setattr(runs, "cell_rows", lambda results: [{"cell": results.name}])
    monkeypatch.setattr(runs, "growth_rows", lambda name, results: [{"study": name, "of": results.name}])
    monkeypatch.setattr(runs, "claiming", lambda: ["routing", "keep"])
    results, kept = tmp_path / "results", tmp_path / "kept"
    kept.mkdir()
    said = list(runs.run(results, kept, workers=3))
    assert said == [
        f"the cells of the page, into {results / 'statements'}",
        f"the study routing, into {results / 'routing'}",
        f"the study keep, into {results / 'keep'}",
    ]
    assert went == [(name, results / name, 3) for name in ("statements", "routing", "keep")]
    assert {file.name: file.read_text(encoding="utf-8") for file in kept.iterdir()} == {
        "cells.csv": "cell\nstatements\n", "growth.csv": "study,of\nrouting,routing\nkeep,keep\n",
    }  # fmt: skip


@pytest.mark.parametrize(("file", "read"), [(CELLS_FILE, kept_runs), (GROWTH_FILE, kept_growth)])
def test_what_is_kept_anew_is_told_anew_and_before_anything_is_kept_nothing_is(file, read, tmp_path, monkeypatch):
    row = {"cell": "a", "quantity": "hit", "mean": "1"}
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    try:
        read.cache_clear()
        assert len(read()) == 0
        for mean in ("1", "2"):
            kept.keep([row | {"mean": mean}], tmp_path / file)
            (told,) = read().values() if read is kept_runs else read()
            assert told == row | {"mean": mean}
    finally:
        read.cache_clear()


@pytest.mark.parametrize(("k", "runs_it"), [(16, True), (17, True), (18, False)])
def test_a_cell_is_run_up_to_as_many_calls_as_the_page_says(k, runs_it):
    """GLOBAL takes 2^k: of more than 131,072 = 2^17 calls a run is too long."""
    assert "since a run would take more than 131,072 calls" in flat(page())
    assert runs.feasible(cell(AllBlocks(), k)) is runs_it


def test_the_kept_numbers_are_those_of_the_runs_and_the_seed_that_a_fresh_launch_has():
    """Two of the cells, a search and a program, run anew: the same numbers to the last digit of the file."""
    rows = list(kept_runs().values())
    fresh = runs.grid()
    assert {row["runs"] for row in rows} == {str(fresh.runs)}
    drawn = [row for row in rows if row["quantity"] != "done" and row["low"] != row["high"]]
    for kind in ("Cell(", "ProgramCell("):
        row = min((row for row in drawn if row["text"].startswith(kind)), key=lambda row: float(row["high"]))
        one = run_grid(replace(fresh, arms={"one": [CELLS[row["cell"]]]}), workers=1)
        found = one.numbers(row["cell"]).floats(row["quantity"])
        assert f"{found.mean():.10g}" == row["mean"], row


@pytest.mark.parametrize("outcome", Outcome)
def test_what_is_said_of_cells_that_were_not_run_is_told_to_be_exact_alone(outcome):
    exact = outcome in (Outcome.HOLDS, Outcome.IF, Outcome.NOT, Outcome.ANALYSED)
    lines = list(paper_page._runs(Entry("x", "y", outcome, "z")))
    assert lines == (["* Runs: none; what is said here is exact alone"] if exact else [])


# ------------------------------------------------------------------ the command


def test_the_command_without_a_folder_prints_the_page_and_runs_nothing(monkeypatch, capsys):
    monkeypatch.setattr(command, "page", lambda: "the page\n")
    monkeypatch.setattr(command, "run", None)
    command.main([])
    assert capsys.readouterr().out == "the page\n"


def test_the_command_with_folders_runs_what_is_missing_and_then_writes_the_page_anew(tmp_path, monkeypatch, capsys):
    """Into the first of them, from runs in the second, after what was told of earlier runs is forgotten."""
    done = []

    def run(results, kept):
        assert (results, kept) == (tmp_path / "results", FOLDER)
        for step in ("one", "two"):
            done.append(step)
            yield step

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(command, "page", lambda: f"after {', '.join(done)}: \u2265\n")
    monkeypatch.setattr(command, "sections", SimpleNamespace(cache_clear=lambda: done.append("forgotten")))
    command.main([str(tmp_path), str(tmp_path / "results")])
    assert (tmp_path / "paper.md").read_text(encoding="utf-8") == "after one, two, forgotten: \u2265\n"
    assert capsys.readouterr().out == "one\ntwo\n"
    assert [file.name for file in tmp_path.iterdir()] == ["paper.md"]


@pytest.mark.parametrize("folders", [1, 3])
def test_the_command_with_another_number_of_folders_says_how_it_is_used(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "run", lambda *of: pytest.fail("nothing is to run"))
    with pytest.raises(SystemExit, match=r"^usage: python -m experiments\.paper \[DOCS RESULTS\]"):
        command.main([str(tmp_path)] * folders)
    assert not list(tmp_path.iterdir())
