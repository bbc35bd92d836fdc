"""Notes and refusals of commands, read back whole of objects that are made up."""

import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from evo.conformance import CheckResult
from evo.errors import InputError
from experiments.cli import calibrating, inputs, run, serving
from experiments.cli.as_json import fits
from experiments.cli.as_json.values import BECAUSE
from experiments.cli.showing.part_checks import show_part_checks
from experiments.fits import surfaces
from experiments.fits.laws import Estimate, Growth, Told
from experiments.grids.outside.reading import Damaged
from experiments.reports import terminal
from experiments.serving import evaluator
from experiments.store.launches.lock import Holder
from experiments.store.launches.status import Status

# ---------------------------------------------------------------------------------------------------------- recording

NO_CAP = "there is no cap: whatever is asked is sent and paid; --max-calls, --max-tokens, --max-cost"
BODIES = (
    "prompts and answers are written into my log in full, and may be private; "
    "`llm-evo record 'my log' --strip NEW.jsonl` writes a log without them"
)  # fmt: skip
OPEN = "keys and prompts travel to http://far without encryption"
CUT = "the last line of my log was not whole and is cut off; its call counts with the most it may have cost"


@pytest.mark.parametrize(
    ("more", "notes"),
    [
        ({}, [NO_CAP]),
        ({"calls": 3}, []),
        ({"tokens": 3}, []),
        ({"money": 0.0}, []),
        ({"calls": 3, "bodies": True}, [BODIES]),
        ({"calls": 3, "in_the_open": True}, [OPEN]),
        ({"calls": 3, "cut": True}, [CUT]),
        ({"calls": 3, "logged": [1, 2]}, ["my log holds 2 calls, which count for the caps"]),
        ({"bodies": True, "in_the_open": True, "cut": True, "logged": [1]},
         [NO_CAP, BODIES, OPEN, CUT, "my log holds 1 calls, which count for the caps"]),
    ],
)  # fmt: skip
def test_what_is_to_be_known_before_anything_is_recorded(more, notes):
    said = {"calls": None, "tokens": None, "money": None, "bodies": False, "in_the_open": False, "cut": False} | more
    recorder = SimpleNamespace(
        caps=SimpleNamespace(**{name: said[name] for name in ("calls", "tokens", "money")}),
        bodies=said["bodies"],
        upstream=SimpleNamespace(in_the_open=said["in_the_open"], address="http://far"),
        log=SimpleNamespace(cut=said["cut"], calls=said.get("logged", [])),
    )
    assert list(serving._notes(recorder, "my log")) == notes


@pytest.mark.parametrize(("host", "shown", "warned"), [
    ("127.0.0.1", "http://127.0.0.1:80/v1", False), ("::1", "http://[::1]:80/v1", False),
    ("0.0.0.0", "http://0.0.0.0:80/v1", True), ("::", "http://[::]:80/v1", True),
])  # fmt: skip
def test_where_an_endpoint_listens_and_who_can_reach_it(host, shown, warned, capsys):
    serving._tell(SimpleNamespace(port=80), host, "answers")
    told = capsys.readouterr()
    assert told.out == f"{shown}\nanswers; Ctrl-C ends it\n"
    assert (f"note: whoever reaches {host}:80 over the network can use this endpoint" in told.err) is warned


def test_a_search_of_others_has_its_score_in_the_files_it_reads(tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text('B0 = "a"\n')
    monkeypatch.setattr(evaluator, "scores", lambda text: (1.0, 0.0, 0.5) if text.startswith("B0") else ())
    expected = {"combined_score": 1.5, "b0": 1.0, "b1": 0.0, "b2": 0.5}
    assert evaluator.evaluate(str(program)) == expected
    out = tmp_path / "results"
    evaluator.main(["--program_path", str(program), "--results_dir", str(out)])
    public = {name: expected[name] for name in ("b0", "b1", "b2")}
    assert json.loads((out / "metrics.json").read_text()) == {"combined_score": 1.5, "public": public, "private": {}}
    assert json.loads((out / "correct.json").read_text()) == {"correct": True, "error": None}


# ------------------------------------------------------------------------------------------------- choices and refusals


def calls_of(*models):
    return SimpleNamespace(
        file="mine.csv",
        groups=lambda name: [(each,) for each in models],
        word=lambda name: np.array(models),
        where=lambda chosen: chosen.tolist(),
    )


def test_calls_of_one_model_are_chosen_by_its_name():
    assert calibrating._chosen(calls_of("a", "b"), "model", "b") == [False, True]
    some = calls_of("a")
    assert calibrating._chosen(some, "model", None) is some
    with pytest.raises(InputError, match=r"^--model: expected one of gpt, lama, got 'lamb'; did you mean 'lama'\?$"):
        calibrating._chosen(calls_of("gpt", "", "lama"), "model", "lamb")
    with pytest.raises(InputError, match=r"^--kind: mine.csv has no kind, got 'x'"):
        calibrating._chosen(calls_of(""), "kind", "x")


def test_options_that_contradict_each_other_or_the_grid_are_refused(tmp_path):
    with pytest.raises(InputError, match="--import and --stored contradict each other"):
        inputs.read(tmp_path, imports=True, stored=True)
    with pytest.raises(InputError, match=r"^--unit: .*, got 'a\\tb'$"):
        calibrating._expect_unit("a\tb")
    simulated = SimpleNamespace(cells=(), name="mine")
    asked = {"base_url": None, "replay": None}
    assert run.real_calls(simulated, tmp_path, None, 1.0, **asked) is None
    for given, named in (({"base_url": "x"}, "--base-url"), ({"replay": "x", "base_url": "y"}, "--base-url, --replay")):
        with pytest.raises(
            InputError, match=rf"^{named}: expected a grid with a mutator LLM\(..\), got mine, which has"
        ):
            run.real_calls(simulated, tmp_path, None, 1.0, **asked | given)
    with pytest.raises(InputError, match=r"^--prices: expected a grid"):
        run.real_calls(simulated, tmp_path, "prompt=1", 1.0, **asked)


# ------------------------------------------------------------------------------------------------------- what was found


def test_what_could_not_be_checked_stands_behind_the_counts():
    """Checks of one reason together; where there was nothing to check no word is said."""
    found = [CheckResult("shape", True, "fine"), CheckResult("draws", None, "no law"),
             *(CheckResult(name, None, "inherited", unchecked=True) for name in ("law adds up", "law holds")),
             CheckResult("visits", None, "cannot tell", unchecked=True)]  # fmt: skip
    console = Console(width=200, record=True, file=io.StringIO())
    assert show_part_checks("Mine", found, console) == 0
    told = "1 passed, 0 FAILED, 4 do not apply; not checked: law adds up, law holds (inherited); visits (cannot tell)"
    assert console.export_text().splitlines()[-1].rstrip() == told


def test_each_check_of_a_part_is_told_and_those_that_failed_are_counted():
    found = [CheckResult("shape", True, "fine"), CheckResult("law", False, "a [b] of three words"),
             CheckResult("draws", None, "no law"), CheckResult("text", True, "")]  # fmt: skip
    console = Console(width=34, record=True, file=io.StringIO())
    assert show_part_checks("Mine[p]", found, console) == 1
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines == [
        "Mine[p]", "passed          shape: fine", "FAILED          law: a [b] of", "                three words",
        f"{found[2].outcome:<16}draws: no law", "passed          text:", "2 passed, 1 FAILED, 1 do not apply",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "left", "said"),
    [
        (Told.LAW, 1, "a law"),
        (Told.UNDECIDED, 2, "UNDECIDED, one of"),
        (Told.UNDECIDED, 1, "UNDECIDED, so far"),
        (Told.UNDECIDED, 0, "UNDECIDED; nearest:"),
        (Told.NONE, 0, "NONE; nearest:"),
    ],
)
def test_what_is_said_before_the_laws_of_a_series(told, left, said):
    assert terminal._told(Growth("a", told, ("law",) * left)) == said


def test_a_surface_says_whether_it_is_a_law():
    law = surfaces.SurfaceLaw("E = A k^b l^d", (Estimate("A", 2.0, 1.5, 2.5), Estimate("b", 1.0, 0.9, 1.1)), 0.25)
    said = "E = A k^b l^d, A = 2 [1.5, 2.5], b = 1 [0.9, 1.1] (p = 0.2 of the fit)"
    told = {Told.LAW: f"a: {said}", Told.UNDECIDED: f"a: UNDECIDED, {said} or {said}",
            Told.NONE: "a: NONE, no product of powers and an exponential fits"}  # fmt: skip
    for each, words in told.items():
        assert str(surfaces.Surface("a", each, (law,) * (1 + (each is Told.UNDECIDED)))) == words
    assert law["b"].value == 1.0


FINE = {"x": [1, 2, 3] * 2, "y": [1] * 3 + [2] * 3, "mean": [1.0] * 6, "runs": [surfaces.FEWEST_RUNS] * 6}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ""),
        ({"x": [1, 2, 2] * 2}, "a surface needs 3 values of the first parameter, 2 of the second"),
        ({"y": [1] * 6}, "a surface needs 3 values of the first parameter, 2 of the second"),
        ({"x": [0, 2, 3] * 2}, "a surface needs positive parameters and means"),
        ({"y": [0] * 3 + [2] * 3}, "a surface needs positive parameters and means"),
        ({"mean": [0.0] + [1.0] * 5}, "a surface needs positive parameters and means"),
        ({"runs": [surfaces.FEWEST_RUNS - 1] + [99] * 5}, f"a law of means needs at least {surfaces.FEWEST_RUNS} runs"),
        ({"runs": [1] * 6, "memoryless": True}, ""),
        ({"runs": [1] * 6, "sure": True}, ""),
    ],
)
def test_a_surface_needs_values_that_have_logs_and_enough_of_them(more, words):
    columns = {
        name: np.array(values, dtype=float) for name, values in (FINE | more).items() if isinstance(values, list)
    }
    part = SimpleNamespace(**{"memoryless": False, "sure": False} | more | columns)
    assert surfaces._refuse(part, columns["y"]).startswith(words)
    assert bool(surfaces._refuse(part, columns["y"])) is bool(words)


LAW = SimpleNamespace(
    text="calls = A k", form=SimpleNamespace(name="linear"), estimates=(Estimate("A", 2.0, 1.5, 2.5, 2.25),),
    confidence=0.9, least=2.0, most=8.0, cells=4, runs=40, censored_share=0.125, misfit=0.5, distance=3.5, method="GLM",
    at=lambda x: SimpleNamespace(value=2 * x, low=1.5 * x, high=2.5 * x),
)  # fmt: skip
TOLD = {
    "law": "calls = A k", "family": "linear", "confidence": 0.9, "from": 2.0, "to": 8.0, "cells": 4, "runs": 40,
    "constants": [{"name": "A", "value": 2.0, "low": 1.5, "high": 2.5, "exact": 2.25}],
    "censored_share": 0.125, "p_fit": 0.5, "deviance": 3.5, "method": "GLM",
}  # fmt: skip


@pytest.mark.parametrize(("at", "beyond"), [(2.0, False), (1.99, True), (8.0, False), (8.01, True), (None, None)])
def test_a_law_as_json_says_where_it_is_extrapolated(at, beyond):
    there = {} if at is None else {
        "at": {"x": at, "extrapolated": beyond, "value": 2 * at, "low": 1.5 * at, "high": 2.5 * at}
    }  # fmt: skip
    assert fits.law_json(LAW, at) == TOLD | there


def test_surfaces_and_exact_laws_as_json():
    law = surfaces.SurfaceLaw("E = A k", (Estimate("A", 2.0, 1.5, 2.5),), 0.25)
    told = {"law": "E = A k", "p_fit": 0.25}
    why = {"exact": "the exact means are not known, or were not fitted"}
    constant = {"name": "A", "value": 2.0, "low": 1.5, "high": 2.5, "exact": None, BECAUSE: why}
    assert fits._surface(surfaces.Surface("a", Told.LAW, (law,))) == {
        "series": "a", "told": str(Told.LAW), "left": [told | {"constants": [constant]}],
    }  # fmt: skip
    assert fits._surface(surfaces.Surface("a", Told.NONE, ())) == {
        "series": "a", "told": str(Told.NONE), "left": [], "reason": "no product of powers and an exponential fits",
    }  # fmt: skip


def status_of(**changed):
    """A folder whose numbers are all unlike; what is asked of may be changed."""
    plain = {
        "path": Path("out"),
        "grid": {"name": "mine", "cells": 3_001, "runs": 10},
        "cells": 3_001,
        "batches": 1_002,
    }
    plain |= {"of_batches": 2_003, "runs": 4_004, "of_runs": 5_005, "made": 4_004, "driver": None, "written": None}
    plain |= {"damaged": [], "strays": 0, "set_aside": 0, "contradiction": "", "failed": 0, "last": ""}
    return Status(**plain | changed)


LINES = {
    "cells done": "3,001 of 3,001", "batches done": "1,002 of 2,003", "runs": "4,004 of 5,005",
    "launch": "none at work", "last write": "none", "damaged": "none",
}  # fmt: skip
ORDER = (
    "cells done", "batches done", "runs", "failed", "launch", "last launch", "last write", "not counted", "damaged",
    "error",
)  # fmt: skip
RULE = {"name": "mine", "cells": 3_001, "runs": "until 5 %"}
AGAIN = "the next launch sets them aside and computes their batches anew"


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, {}),
        ({"made": 4_005}, {"runs": "4,004 of 5,005; 4,005 made, since batches are run whole"}),
        ({"failed": 1}, {"failed": "1 batch; --retry-failed runs only what failed"}),
        ({"failed": 1_006}, {"failed": "1,006 batches; --retry-failed runs only what failed"}),
        ({"driver": Holder(7, "here", "now")}, {"launch": "at work: pid 7 on here, since now"}),
        ({"last": "stopped, then"}, {"last launch": "stopped, then"}),
        ({"strays": 1_007}, {"not counted": "1,007 batches of no cell of this grid"}),
        ({"contradiction": "two of one"}, {"error": "two of one"}),
        ({"set_aside": 8}, {"damaged": f"8 set aside in {Path('out') / 'damaged'}"}),
        ({"damaged": [Damaged(Path("out/runs/a.parquet"), "cut short")], "set_aside": 8},
         {"damaged": f"a.parquet: cut short; {AGAIN}; 8 set aside in {Path('out') / 'damaged'}"}),
        ({"grid": RULE}, {}),
        ({"grid": RULE, "cells": 3_000},
         {"cells done": "3,000 of 3,001", "batches done": "1,002 of up to 2,003", "runs": "4,004 of up to 5,005"}),
    ],
)  # fmt: skip
def test_each_line_of_a_status(changed, lines):
    found = status_of(**changed)
    assert found.title == "mine, in out"
    assert dict(found.lines()) == LINES | lines
    assert [name for name, _ in found.lines()] == sorted(LINES | lines, key=ORDER.index)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (86_399, "23 h"), (200_000, "2 d")],
)
def test_the_last_write_is_told_with_its_age(seconds, words, monkeypatch):
    monkeypatch.setattr("experiments.store.launches.status.time.time", lambda: 86_400.0 + seconds)
    (told,) = [said for name, said in status_of(written=86_400.0).lines() if name == "last write"]
    assert told == f"1970-01-02T00:00:00+00:00 ({words} ago)"
