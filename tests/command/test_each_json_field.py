"""Every field of every object of `--json`, beside what it should hold: whole objects, in which no two values are alike.

An answer is compared as a whole, so that a new field must be written here; each field has a value of its own, so that
no two can change places.
"""

import json
import math
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evo.costs.latency import Latency
from experiments.checks.cell_tests import Outcome
from experiments.checks.check import CellCheck, Check
from experiments.cli.as_json import after, before, fits
from experiments.fits.claims import Claim, ClaimCheck
from experiments.fits.constants import FormVerdict
from experiments.fits.crossovers import Crossover
from experiments.fits.families.forms import Form
from experiments.fits.laws import Estimate, Fits, Growth, Refusal, ScalingLaw, Told
from experiments.fits.predicted import EXPANSIONS, Constant, ExactFits, ExactGrowth, ExactLaw
from experiments.fits.surfaces import Surface, SurfaceLaw
from experiments.grids.outside.reading import Damaged
from experiments.grids.stopping import UntilSuccesses
from experiments.predictions.verdict import Verdict
from experiments.store.launches.lock import Holder
from experiments.store.launches.status import Planned, Starting, Status

NAN, INFINITE = math.nan, math.inf
DOLLARS = "TokenPrices(prompt=3, generated=15, currency='$')"
UNKNOWN = {"null_because": {"exact": "the exact means are not known, or were not fitted"}}


def leaves(value):
    """The numbers and words of an object; not what is null, nor which verdict or kind it is."""
    if isinstance(value, dict):
        return [leaf for name, each in value.items() if name not in KINDS for leaf in leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [] if value is None else [value]


KINDS = ("null_because", "units", "command", "format", "told", "verdict", "at_most", "rises", "extrapolated")


def expect(answer, expected):
    """That an answer is all of this, and that no two values of it could change places unseen."""
    assert json.loads(answer, parse_constant=pytest.fail) == expected
    seen = Counter(map(repr, leaves(expected)))
    assert not [leaf for leaf, times in seen.items() if times > 1]


# ----------------------------------------------------------------------------------------------------------- checks

CHECKED = Check(
    cells=(
        CellCheck("c1", "first", Verdict.CANNOT_TELL, "few", (Outcome("mean", 0.25, "far"),), 100, 7, "foreign", 3),
        CellCheck("c2", "second", Verdict.AGREES, "near", (), 200, 8, "kept", 4),
    ),
    alpha=0.5,
    alpha_each=0.125,
    strays=0,
    doubts=("rates",),
)
CHECK = {
    "verdict": "CANNOT_TELL",
    "counts": {"AGREES": 1, "DIFFERS": 0, "CANNOT_TELL": 1},
    "alpha": 0.5,
    "alpha_each": 0.125,
    "notes": ["2 cells stopped by a rule: p-values hold at every stop", "predicted with rates"],
    "cells": [
        {
            "cell": "c1", "label": "first", "verdict": "CANNOT_TELL", "reason": "few", "runs": 100, "censored": 7,
            "looks": 3, "stored": "foreign", "tests": [{"test": "mean", "p_value": 0.25, "found": "far"}],
        },
        {
            "cell": "c2", "label": "second", "verdict": "AGREES", "reason": "near", "runs": 200, "censored": 8,
            "looks": 4, "stored": "kept", "tests": [],
        },
    ],
}  # fmt: skip


def test_check():
    made = json.loads(after.check_json(CHECKED))
    assert made == {"command": "check", "format": 1, "units": {"p_value": "probability"}, **CHECK}
    expect(json.dumps(made["cells"]), CHECK["cells"])


# ------------------------------------------------------------------------------------------------------------- fits


def law(series="local", dropped="", more=0):
    """A fitted law; another `more` changes each number of it."""
    return ScalingLaw(
        series=series, arm="an arm", fixed={"l": 16}, quantity="cost", along="k",
        form=Form(f"family {more}", f"A {{x}} + {more}", ("A", "b")),
        estimates=(Estimate("A", 1.5 + more, 1.25 + more, 1.75 + more, 1.625 + more), Estimate("b", 2.5, 2.0, 3.0)),
        confidence=0.875 + more, least=4.0 + more, most=64.0 + more, cells=5 + more, runs=700 + more,
        censored_share=0.0625 + more, misfit=0.375 + more, distance=3.5 + more, method=f"by {more}", dropped=dropped,
    )  # fmt: skip


LAW = {
    "law": "E[cost] = A k + 0",
    "family": "family 0",
    "constants": [
        {"name": "A", "value": 1.5, "low": 1.25, "high": 1.75, "exact": 1.625},
        {"name": "b", "value": 2.5, "low": 2.0, "high": 3.0, "exact": None, **UNKNOWN},
    ],
    "confidence": 0.875,
    "from": 4.0,
    "to": 64.0,
    "cells": 5,
    "runs": 700,
    "censored_share": 0.0625,
    "p_fit": 0.375,
    "deviance": 3.5,
    "method": "by 0",
}


def of_fits(of, at=None):
    asked = SimpleNamespace(along="k", quantity="cost", at=at)
    return fits.fits_json(SimpleNamespace(asked=asked, of=of, unit="$"))


def told(**content):
    return {"command": "fit", "format": 1, "units": {"cost": "$"}, "along": "k", "quantity": "cost", **content}


RUNS = Fits(
    laws=(law(), law(dropped="bends", more=1), law("other", "no matter", 2)),
    refused=(Refusal("third", "too few"),),
    note="drawn",
    growths=(Growth("local", Told.UNDECIDED, (law(),), "several", "run more", "medians"),),
)


def test_fit_of_runs():
    series = {
        "series": "local", "told": "UNDECIDED", "left": [LAW], "reason": "several", "advice": "run more",
        "note": "medians",
        "dropped": [{"family": "family 1", "law": "E[cost] = A k + 1", "reason": "bends", "p_fit": 1.375}],
    }  # fmt: skip
    refused = [{"series": "third", "reason": "too few"}]
    made = json.loads(of_fits(RUNS))
    assert made == told(series=[series], refused=refused, notes=["drawn"])
    expect(json.dumps(made["series"]), [series])
    assert json.loads(of_fits(Fits((), ()))) == told(series=[], refused=[], notes=[])


@pytest.mark.parametrize(("at", "extrapolated"), [(3.75, True), (4.0, False), (64.0, False), (64.25, True)])
def test_a_law_at_a_place(at, extrapolated, monkeypatch):
    """Within its range, ends and all, it is not extrapolated; where it has no mean that is said."""
    monkeypatch.setattr(ScalingLaw, "at", lambda self, x: Estimate("", 100 + x, 200 + x, 300 + x))
    expected = {"x": at, "extrapolated": extrapolated, "value": 100 + at, "low": 200 + at, "high": 300 + at}
    assert fits.law_json(law(), at) == {**LAW, "at": expected}
    assert json.loads(of_fits(RUNS, at))["series"][0]["left"][0]["at"] == expected
    monkeypatch.setattr(ScalingLaw, "at", lambda self, x: Estimate("", NAN, 2.0, INFINITE))
    why = {"value": "this law has no mean there", "high": "infinite"}
    expected = {"x": at, "extrapolated": extrapolated, "value": None, "low": 2.0, "high": None, "null_because": why}
    assert fits.law_json(law(), at)["at"] == expected


def test_fit_of_exact_means():
    of = ExactLaw(EXPANSIONS[2], (Constant("A", 1.5, 0.25), Constant("B", 2.5, 0.125)), 0.0625, "E = A k + B")
    growth = ExactGrowth("local", "k", np.array([1.0, 2.0, 8.0]), np.array([3.0, 12.0, 48.0]), Told.LAW, (of,))
    constants = [{"name": "A", "value": 1.5, "error": 0.25}, {"name": "B", "value": 2.5, "error": 0.125}]
    left = [{"law": "E = A k + B", "family": "linear", "constants": constants, "foretold": 0.0625}]
    made = json.loads(of_fits(ExactFits((growth,), (Refusal("third", "too few"),))))
    exponents = made["series"][0].pop("local_exponents")
    assert exponents == pytest.approx([2.0, 1.0])
    series = {"series": "local", "told": "LAW", "left": left, "x": [1.0, 2.0, 8.0], "exact_means": [3.0, 12.0, 48.0]}
    expect(json.dumps(made), told(series=[series], refused=[{"series": "third", "reason": "too few"}], notes=[]))


def test_a_form_crossovers_and_surfaces():
    """Each under its own name, and only those that there are."""
    refused, form = Refusal("third", "too few"), FormVerdict("local", Verdict.DIFFERS, "bends")
    one = Crossover("slow", "fast", "n", 5.0, 4.0, 6.0, NAN, "at an end", rises=False)
    constant = Estimate("c", 1.5, 1.25, 1.75, 1.625)
    surfaces = (
        Surface("even", Told.LAW, (SurfaceLaw("A x^c", (constant,), 0.375),)),
        Surface("bent", Told.NONE, ()),
        Surface("open", Told.UNDECIDED, ()),
    )
    crossed = {
        "slow": "slow", "fast": "fast", "along": "n", "value": 5.0, "low": 4.0, "high": 6.0, "exact": None,
        "reason": "at an end", "rises": False, "null_because": {"exact": "at an end"},
    }  # fmt: skip
    constants = [{"name": "c", "value": 1.5, "low": 1.25, "high": 1.75, "exact": 1.625}]
    parts = {
        "form": [{"series": "local", "verdict": "DIFFERS", "reason": "bends"}],
        "crossovers": [crossed],
        "surfaces": [
            {"series": "even", "told": "LAW", "left": [{"law": "A x^c", "constants": constants, "p_fit": 0.375}]},
            {"series": "bent", "told": "NONE", "left": [], "reason": "no product of powers and an exponential fits"},
            {"series": "open", "told": "UNDECIDED", "left": []},
        ],
    }
    kept = {"refused": [{"series": "third", "reason": "too few"}], "notes": []}
    expect(of_fits((form, one, *surfaces, refused)), told(**kept, **parts))
    for name, of in (("form", (form,)), ("crossovers", (one,)), ("surfaces", surfaces)):
        assert json.loads(of_fits(of)) == told(refused=[], notes=[], **{name: parts[name]})


# ---------------------------------------------------------------------------------------------------------- reports

CENSORED = "censored runs, or an infinite mean: that of the finished runs would be too cheap"
UNREACHED, ENDED = "most runs were censored", "told where a budget ended runs"
WHY_NOT_KNOWN = {
    "hit": CENSORED, "hit_low": CENSORED, "hit_high": CENSORED, "cost": CENSORED, "cost_low": CENSORED,
    "cost_high": CENSORED, "median": UNREACHED, "median_low": UNREACHED, "median_high": UNREACHED,
    "hit_predicted": "no exact prediction", "cost_predicted": "no exact prediction",
    "success_predicted": "told of programs only", "fitness": ENDED, "fitness_predicted": ENDED, "fitness_10": ENDED,
    "fitness_50": ENDED, "fitness_90": ENDED, "fitness_from": ENDED, "ert": "not known",
}  # fmt: skip
CALLS = ("hit", "hit_low", "hit_high", "hit_predicted", "median", "median_low", "median_high", "ert")
COSTS = ("cost", "cost_low", "cost_high", "cost_predicted", "ert_cost")


def claimed(law_of_it):
    claim = Claim(
        "the arm", "Eq. 1", "of what", "which form", "which", 2.25, "what follows", 9, 12.0, "a rival", True, 0.03125,
        "along n", "below", "a theorem",
    )  # fmt: skip
    return ClaimCheck(claim, Verdict.DIFFERS, law_of_it, "so far off", "what was found")


CLAIMED = {
    "arm": "the arm", "paper": "Eq. 1", "quantity": "of what", "form": "which form", "parameter": "which",
    "value": 2.25, "holds": "what follows", "lam": 9, "least": 12.0, "rival": "a rival", "at_most": True,
    "tolerance": 0.03125, "along": "along n", "over": "below", "theory": "a theorem", "verdict": "DIFFERS",
    "reason": "so far off", "found": "what was found",
}  # fmt: skip


def of_report(**others):
    summary = pd.DataFrame({"cell": ["c9"], "text": [DOLLARS], "ert": [11.5]})
    parts = {"check": CHECKED, "summary": summary, "fits": None, "claims": (), "speedup": None, "findings": None}
    return after.report_json(SimpleNamespace(**(parts | others)), Path("in/it"), ["a file"])


def test_report():
    units = dict.fromkeys(CALLS, "calls a run") | dict.fromkeys(COSTS, "$, a run")
    head = {"command": "report", "format": 1, "units": units, "folder": "in/it", "files": ["a file"], "check": CHECK}
    bare = {"cells": [{"cell": "c9", "ert": 11.5}], "laws": [], "series": [], "claims": [], "speedup": []}
    assert json.loads(of_report()) == {**head, **bare, "findings": []}
    found = SimpleNamespace(
        best=(law("which series"),), growths=(SimpleNamespace(series="a series", told=Told.NONE, left=()),)
    )
    made = of_report(
        fits=found,
        claims=(claimed(law(more=100)), claimed(None)),
        speedup=pd.DataFrame({"k": [4096], "speedup": [NAN], "note": ["no runs"]}),
        findings=SimpleNamespace(sentences=("a sentence", "another")),
    )
    full = json.loads(made)
    assert full["laws"] == [{**LAW, "series": "which series"}]
    assert full["series"] == [{"series": "a series", "told": "NONE"}]
    assert full["claims"] == [{**CLAIMED, "law": fits.law_json(law(more=100))}, {**CLAIMED, "law": None}]
    speedup = {"k": 4096, "speedup": None, "note": "no runs", "null_because": {"speedup": "no runs"}}
    assert full["speedup"] == [speedup]
    assert full["findings"] == ["a sentence", "another"]
    assert full.keys() == {*head, *bare, "findings"}
    expect(json.dumps(CLAIMED), CLAIMED)


def test_each_column_of_a_summary_says_why_a_number_is_not_known():
    """Of its own, where the note of the cell says nothing."""
    row = dict.fromkeys(WHY_NOT_KNOWN, NAN)
    table = pd.DataFrame([{**row, "note": ""}, {**row, "note": "as noted"}]).assign(text=DOLLARS)
    nulls = [each["null_because"] for each in json.loads(of_report(summary=table))["cells"]]
    assert nulls == [WHY_NOT_KNOWN, dict.fromkeys(WHY_NOT_KNOWN, "as noted")]
    assert after.REASONS.keys() == WHY_NOT_KNOWN.keys() - {"ert"}


# --------------------------------------------------------------------------------------------------- times and folders


def test_time():
    """Each column that begins with makespan is in seconds."""
    table = pd.DataFrame({"text": [DOLLARS], "cell": ["c9"], "makespan": [1.5], "makespan_90": [2.5], "rounds": [3.5]})
    latency = {
        "fixed": 0.5, "per_prompt_token": 0.25, "per_generated_token": 0.125, "tail": 0.0625, "evaluation": 0.75,
    }  # fmt: skip
    units = {
        "rounds": "rounds a run", "cost": "$, a run", "makespan": "seconds a run", "makespan_90": "seconds a run",
    }  # fmt: skip
    cells = [{"cell": "c9", "makespan": 1.5, "makespan_90": 2.5, "rounds": 3.5}]
    told_of = {"command": "time", "format": 1, "units": units, "workers": 6, "latency": latency, "cells": cells}
    expect(after.time_json(table, 6, Latency(**latency)), told_of)


DRIVER = Holder(17, "a host", "a time")
LAUNCH = {"pid": 17, "host": "a host", "since": "a time"}
GRID = {"name": "the grid", "cells": 12, "runs": 64}


def test_status(monkeypatch):
    monkeypatch.setattr(Status, "lines", lambda self: [("a line", "its words")])
    found = Status(
        path=Path("in/it"), grid=GRID, cells=1, batches=2, of_batches=3, runs=4, of_runs=5, made=6, driver=DRIVER,
        written=86_400.0, damaged=[Damaged(Path("in/bad.json"), "no JSON")], strays=7, set_aside=8,
        contradiction="at odds", failed=9, last="as it ended",
    )  # fmt: skip
    told_of = {
        "command": "status", "format": 1, "units": {"written": "UTC"}, "folder": "in/it", "state": "status",
        "title": "the grid, in in/it", "cells": 1, "batches": 2, "of_batches": 3, "runs": 4, "of_runs": 5, "strays": 7,
        "set_aside": 8, "failed": 9, "name": "the grid", "of_cells": 12, "launch": LAUNCH, "last_launch": "as it ended",
        "error": "at odds", "written": "1970-01-02T00:00:00+00:00",
        "damaged": [{"file": "bad.json", "why": "no JSON"}], "lines": {"a line": "its words"},
    }  # fmt: skip
    expect(after.status_json(found), told_of)


@pytest.mark.parametrize("kind", [Starting, Planned])
def test_status_of_a_folder_without_cells(kind):
    found = kind(Path("in/it"), DRIVER if kind is Starting else GRID)
    head = {"command": "status", "format": 1, "units": {"written": "UTC"}, "folder": "in/it"}
    of_kind = (
        {"state": "starting", "title": "a grid that is starting, in in/it", "launch": LAUNCH}
        if kind is Starting
        else {"state": "planned", "title": "the grid, in in/it", "name": "the grid", "of_cells": 12, "launch": None}
    )
    lacking = {name: "none" for name, value in {"launch": of_kind["launch"], "written": None}.items() if value is None}
    rest = {"last_launch": "", "error": "", "written": None, "damaged": [], "lines": dict(found.lines())}
    assert json.loads(after.status_json(found)) == {**head, **of_kind, **rest, "null_because": lacking}


# ---------------------------------------------------------------------------------------------------------- forecasts


def of_grid(runs=64):
    return SimpleNamespace(name="the grid", cells=range(12), runs=runs, seed=5, engine="deap")


PLANNED = {"name": "the grid", "cells": 12, "runs": 64, "seed": 5, "engine": "deap"}


def test_predict(monkeypatch):
    monkeypatch.setattr(before, "totals", lambda table, cores: [f"on {cores} cores"])
    table = pd.DataFrame({"cell": ["c9"], "prices": [DOLLARS], "hit": [1.5], "cost_10": [NAN], "cost_50": [NAN]})
    dear = "calls differ in price, and only the mean is known"
    cell = {
        "cell": "c9", "prices": DOLLARS, "hit": 1.5, "cost_10": None, "cost_50": None,
        "null_because": {"cost_10": dear, "cost_50": dear},
    }  # fmt: skip
    units = dict.fromkeys(("hit", "calls", "spent", "calls_10", "calls_50", "calls_90"), "calls a run")
    units |= dict.fromkeys(("cost", "paid", "cost_10", "cost_50", "cost_90"), "$, a run")
    units |= {
        "read": "tokens a run", "written": "tokens a run", "censored": "chance that a run is, or its task wrong",
        "seconds": "seconds of one core, all runs", "longest": "seconds of one core, a batch",
    }  # fmt: skip
    told_of = {"command": "predict", "format": 1, "units": units, "grid": PLANNED, "cells": [cell]}
    expect(before.forecast_json(of_grid(), table, 3), {**told_of, "totals": ["on 3 cores"]})
    columns = ["cost_10", "cost_50", "cost_90", "cost", "paid", "hit"]
    (row,) = before.records(pd.DataFrame([dict.fromkeys(columns, NAN)]), reasons=before.REASONS)
    assert row["null_because"] == dict(zip(columns, [dear] * 3 + ["not known"] * 3, strict=True))


def test_predict_the_fitness():
    table = pd.DataFrame({"cell": ["c9"], "mean": [1.5], "gain": [INFINITE]})
    units = dict.fromkeys(("best", "mean", "low", "median", "high", "gain"), "fitness")
    units |= {"solved": "chance", "improve": "chance", "generations": "generations a run"}
    cell = {"cell": "c9", "mean": 1.5, "gain": None, "null_because": {"gain": "infinite"}}
    told_of = {"command": "predict", "format": 1, "units": units, "grid": PLANNED, "calls": 77, "cells": [cell]}
    expect(before.fitness_json(of_grid(), table, 77), told_of)


def test_a_rule_in_the_place_of_a_number_of_runs_is_told_in_words():
    rule = UntilSuccesses(3, most=120)
    made = json.loads(before.fitness_json(of_grid(rule), pd.DataFrame(), 77))
    assert made["grid"] == {**PLANNED, "runs": str(rule)}


@pytest.mark.parametrize("of", ["report", "time", "predict"])
def test_costs_of_several_units_are_in_that_of_each_cell(of, monkeypatch):
    monkeypatch.setattr(before, "totals", lambda table, cores: [])
    texts = pd.DataFrame({"text": [DOLLARS, "LLMPrimitive()"], "prices": [DOLLARS, "LLMPrimitive()"]})
    made = {
        "report": lambda: of_report(summary=texts),
        "time": lambda: after.time_json(texts, None, Latency()),
        "predict": lambda: before.forecast_json(of_grid(), texts, 1),
    }[of]()
    own = "`prices` of the cell" if of == "predict" else "the cell's cost model"
    assert json.loads(made)["units"]["cost"] == f"that of {own}, a run"
