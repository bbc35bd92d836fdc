"""Logs of frameworks, as they wrote them, become tables of calls; what each loses is told."""

import contextlib
import gzip
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evo.errors import InputError
from experiments.calibration.calibrate import calibrate
from experiments.calibration.traps import Shown, traps
from experiments.logs.formats import read_calls
from experiments.logs.frameworks.found import whose
from experiments.logs.frameworks.gepa_callback import CallLog

FOLDER = Path(__file__).parent / "frameworks"
OPENEVOLVE = FOLDER / "openevolve"


def shinka_file(folder, *more):
    """The database of ShinkaEvolve, and what else is to be done to it."""
    file = folder / "programs.sqlite"
    with sqlite3.connect(file) as made:
        made.executescript((FOLDER / "shinka.sql").read_text())
        for each in more:
            made.execute(each)
    made.close()
    return file


def outcomes(calls):
    return calls.word("outcome").tolist()


def survivors(calls):
    return traps(calls)[8].shown


def test_a_trace_of_openevolve_has_the_blocks_of_its_children_and_no_failure():
    calls = read_calls(OPENEVOLVE / "evolution_trace.jsonl")
    assert outcomes(calls) == ["ok", "improved", "ok", "improved", "ok"]
    assert calls.number("incorrect").tolist() == [4, 4, 2, 2, 2]
    assert calls.number("repaired").tolist() == [0, 2, 0, 1, 0]
    assert calls.number("kept").tolist() == [0, 0, 2, 2, 2]
    assert calls.number("tokens_in").tolist() == [641, 641, 661, 661, 661]
    assert calls.word("call").tolist() == ["4", "6", "9", "10", "11"]
    assert set(calls.word("model")) == {"sim"}
    assert (calls.number("g") == 4).all()
    assert "iterations that failed" in calls.lost[2]
    report = calibrate(calls)
    assert report.malformed is report.refusals is report.errors is None  # no share of what is not in it
    assert survivors(calls) is Shown.SEEN


def test_the_output_folder_of_openevolve_has_the_iterations_that_failed_too():
    calls = read_calls(OPENEVOLVE)
    assert len(calls) == 12
    failed = ["no_parse", "malformed", "search_mismatch", "empty", "search_mismatch", "malformed", "search_mismatch"]
    assert outcomes(calls)[5:] == failed
    assert sorted(map(int, calls.word("call"))) == list(range(1, 13))
    assert np.nansum(calls.number("tokens_out")) == 5 * 45 + 10 + 33 + 52 + 0 + 52 + 38 + 52
    assert survivors(calls) is not Shown.SEEN
    assert calibrate(calls).malformed.n == 11  # all but the empty one


def test_the_logs_of_openevolve_alone_tell_the_same(tmp_path):
    shutil.copytree(OPENEVOLVE / "logs", tmp_path / "logs")
    both, alone = read_calls(OPENEVOLVE), read_calls(tmp_path)
    order = (
        np.argsort([int(call) for call in alone.word("call")]),
        np.argsort([int(call) for call in both.word("call")]),
    )
    assert len(alone) == 12
    for name in ("g", "incorrect", "repaired", "kept", "tokens_in", "tokens_out"):
        assert np.array_equal(alone.number(name)[order[0]], both.number(name)[order[1]], equal_nan=True), name
    assert alone.word("outcome")[order[0]].tolist() == both.word("outcome")[order[1]].tolist()
    (tmp_path / "evolution_trace.jsonl").write_text((OPENEVOLVE / "evolution_trace.jsonl").read_text().splitlines()[0])
    part = read_calls(tmp_path)  # what the trace lost, since a parent was gone, the log has
    assert len(part) == 12
    assert np.nansum(part.number("repaired")) == np.nansum(both.number("repaired"))
    assert set(part.word("model")) == {"sim"}


@pytest.mark.parametrize("logs", [0, 1, 2])
def test_lines_of_a_log_in_a_prompt_of_the_trace_are_no_iterations(tmp_path, logs):
    """A prompt may show what a program printed; logs alone tell what failed, all of them."""
    told = "2026-01-01 00:00:00,000 - x - WARNING - Iteration {} error: No valid diffs found in response"
    rows = (OPENEVOLVE / "evolution_trace.jsonl").read_text().splitlines()
    shown = [json.dumps(json.loads(row) | {"prompt": {"user": f"it printed\n{told.format(70 + n)}"}})
             for n, row in enumerate(rows)]  # fmt: skip
    (tmp_path / "evolution_trace.jsonl").write_text("\n".join(shown))
    (tmp_path / "logs").mkdir()
    for n in range(logs):
        (tmp_path / "logs" / f"openevolve_{n}.log").write_text(told.format(90 + n))
    calls = read_calls(tmp_path)
    assert calls.word("call").tolist() == ["4", "6", "9", "10", "11", *(str(90 + n) for n in range(logs))]
    assert outcomes(calls)[5:] == ["no_parse"] * logs
    assert (survivors(calls) is Shown.SEEN) == (not logs)


def test_a_folder_without_its_log_is_one_of_survivors(tmp_path):
    shutil.copy(OPENEVOLVE / "evolution_trace.jsonl", tmp_path)
    calls = read_calls(tmp_path)
    assert (len(calls), survivors(calls)) == (5, Shown.SEEN)


def test_a_checkpoint_of_openevolve_has_parents_that_are_gone():
    calls = read_calls(OPENEVOLVE / "checkpoint")
    assert len(calls) == 2
    assert (calls.number("g") == 4).all()
    assert survivors(calls) is Shown.SEEN
    assert "displaced" in calls.lost[2]


def test_a_database_of_shinka_has_every_answer_that_was_asked_for_again(tmp_path):
    calls = read_calls(shinka_file(tmp_path))
    assert len(calls) == 19  # requests that the endpoint had
    assert outcomes(calls).count("malformed") == 14
    there = ~np.isnan(calls.number("g"))
    assert there.sum() == 5
    assert calls.number("price")[there].tolist() == [0] * 5
    assert traps(calls)[3].shown is Shown.SEEN  # unknown prices are written as 0
    assert set(calls.word("model")) == {"local/sim"}  # no address
    assert (calls.number("evaluation_seconds")[there] > 0).all()
    assert len(set(calls.word("call"))) == 19


def test_what_shinka_did_not_evaluate_has_no_blocks(tmp_path):
    changed = "UPDATE programs SET correct = 0 WHERE parent_id IS NOT NULL"
    calls = read_calls(shinka_file(tmp_path, changed))
    assert outcomes(calls).count("eval_error") == 5
    assert "g" not in calls


def test_proposals_of_gepa_by_the_examples_of_their_minibatch():
    calls = read_calls(FOLDER / "gepa_calls.jsonl")
    assert len(calls) == 10
    assert calls.word("item").tolist()[:5] == ["block0", "block1", "block2", "block3", "block0"]
    assert (calls.number("calls") == 1).all()
    assert (calls.number("seconds") > 0).all()
    assert set(outcomes(calls)) <= {"ok", "improved"}
    assert len(set(calls.word("prompt"))) > 5
    assert "tokens" in calls.lost[0]


def test_the_callback_writes_what_is_read(tmp_path):
    file = tmp_path / "calls.jsonl"
    log = CallLog(str(file))

    def proposal(iteration, components, raw, after):
        log.on_evaluation_end({"iteration": iteration, "candidate_idx": 0, "scores": [1.0, 0.0]})
        log.on_proposal_start({"iteration": iteration, "components": components})
        if raw is None:
            log.on_error({"iteration": iteration, "exception": ValueError("a secret")})
            return
        prompts = dict.fromkeys(components, "private words")
        texts = dict.fromkeys(components, raw)
        log.on_proposal_end({"iteration": iteration, "new_instructions": texts, "prompts": prompts,
                             "raw_lm_outputs": texts})  # fmt: skip
        log.on_evaluation_end({"iteration": iteration, "candidate_idx": None, "scores": after})

    proposal(1, ["a"], "x", [1.0, 1.0])
    proposal(2, ["a", "b"], "x", [0.0, 0.5])
    proposal(3, ["a"], " ", [1.0, 0.0])
    proposal(4, ["a"], None, None)
    calls = read_calls(file)
    assert outcomes(calls) == ["improved", "ok", "empty", "error"]
    assert calls.number("repaired")[0] == 1
    assert np.isnan(calls.number("g")[1])  # a score that is neither 0 nor 1
    assert calls.number("calls").tolist() == [1, 2, 1, 1]
    assert calls.word("item")[1] == "a, b"
    assert "private" not in file.read_text()
    assert "secret" not in file.read_text()


def test_each_number_of_a_program_of_shinka_stands_in_its_column(tmp_path):
    """Written tokens are those of the answer and those of thoughts; an address is no part of a model's name."""
    said = {"input_tokens": 100, "output_tokens": 40, "thinking_tokens": 7, "cost": 0.5}
    metadata = json.dumps({"llm_result": said, "evaluation_seconds": 2.5, "model_name": "m@http://host"})
    changed = f"UPDATE programs SET metadata = '{metadata}' WHERE parent_id IS NOT NULL"
    calls = read_calls(shinka_file(tmp_path, changed))
    there = ~np.isnan(calls.number("price"))
    expected = {"tokens_in": 100, "tokens_out": 47, "tokens_reasoning": 7, "price": 0.5, "evaluation_seconds": 2.5}
    assert there.sum() == 5
    assert {name: set(calls.number(name)[there]) for name in expected} == {n: {each} for n, each in expected.items()}
    assert set(calls.word("model")[there]) == {"m"}


def test_a_proposal_of_gepa_that_was_given_up_is_none_of_the_next_iteration(tmp_path):
    """An iteration begins with the evaluation of its parent, whatever was asked or answered before."""
    parent, child = {"event": "evaluated", "scores": [1, 0]}, {"event": "evaluated", "child": True, "scores": [1, 1]}
    asks = [{"event": "asks", "iteration": n, "components": [f"part {n}"], "t": float(n)} for n in range(3)]
    answered = [{"event": "answered", "prompts": {f"part {n}": f"p{n}"}, "t": n + 0.5} for n in range(3)]
    events = [parent, asks[0], answered[0], parent, child, {"event": "failed"}, parent, asks[1], parent,
              {"event": "failed"}, parent, asks[2], answered[2], child, {"event": "failed"}]  # fmt: skip
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps({"format": "gepa callbacks 1"} | event) + "\n" for event in events))
    calls = read_calls(file)
    assert (outcomes(calls), calls.word("call").tolist()) == (["improved"], ["2"])
    assert (calls.word("item").tolist(), calls.number("seconds").tolist()) == (["part 2"], [0.5])
    assert (calls.number("incorrect").tolist(), calls.number("repaired").tolist()) == ([1.0], [1.0])


def test_an_island_of_codeevolve():
    calls = read_calls(FOLDER / "codeevolve_results.log")
    assert [*zip(calls.word("kind"), outcomes(calls), strict=True)] == [
        ("meta", "applied"), ("code", "eval_timeout"), ("meta", "applied"), ("code", "eval_timeout"),
        ("meta", "search_mismatch"), ("code", "eval_error"), ("code", "ok"), ("code", "eval_error"),
        ("code", "improved"), ("code", "no_parse"),
    ]  # fmt: skip
    assert calls.number("seconds")[0] == 33.979
    assert calls.number("tokens_out")[-1] == 10546
    assert calls.word("model").tolist()[:2] == ["GOOGLE_GEMINI-2.5-FLASH", "GOOGLE_GEMINI-2.5-PRO"]
    assert calls.word("call").tolist()[:3] == ["1/meta", "1/code", "2/meta"]
    assert "g" not in calls


def test_an_answer_of_codeevolve_that_did_not_come(tmp_path):
    lines = (FOLDER / "codeevolve_results.log").read_text().splitlines(keepends=True)
    file = tmp_path / "results.log"
    file.write_text("".join(line for line in lines if "retrieved" not in line))
    calls = read_calls(file)
    assert set(outcomes(calls)) == {"no_response"}
    assert "tokens_in" not in calls


def test_logs_are_known_by_what_is_in_them(tmp_path):
    trace = OPENEVOLVE / "evolution_trace.jsonl"
    packed = tmp_path / "evolution_trace.jsonl.gz"
    packed.write_bytes(gzip.compress(trace.read_bytes()))
    table = tmp_path / "table.jsonl"
    table.write_text('{"g": 3, "iteration": 1}\n')
    found = [whose(file) for file in (trace, packed, OPENEVOLVE, shinka_file(tmp_path), table,
             FOLDER / "gepa_calls.jsonl", FOLDER / "codeevolve_results.log", tmp_path / "nothing")]  # fmt: skip
    assert found == ["openevolve", "openevolve", "openevolve", "shinka", None, "gepa", "codeevolve", None]
    assert len(read_calls(packed)) == 5
    assert read_calls(table).number("g").tolist() == [3]


def bad_folder(folder):
    (folder / "programs").mkdir()
    (folder / "programs" / "a.json").write_text("{")
    return folder


def linked(folder):
    (folder / "evolution_trace.jsonl").symlink_to(OPENEVOLVE / "evolution_trace.jsonl")
    return folder


def being_written(folder):
    file = shinka_file(folder)
    file.with_name("programs.sqlite-wal").write_bytes(b"x")
    return file


def written(name, text):
    def make(folder):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder / name

    return make


BLOCKS = json.dumps({"iteration": 1, "parent_metrics": {"b0": 0.0}, "child_metrics": {"b0": 1.0}})


@pytest.mark.parametrize(
    ("make", "format", "told"),
    [
        (lambda folder: folder, "auto", "OpenEvolve's output folder"),
        (lambda folder: folder, "gepa", "expected a file of gepa, got a folder"),
        (bad_folder, "auto", "expected JSON in each file"),
        (linked, "auto", "cannot read evolution_trace.jsonl"),
        (being_written, "auto", "expected a database at rest"),
        (written("a.sqlite", b"SQLite format 3\0" + b"x" * 4000), "auto", "ShinkaEvolve, got one that fails"),
        (written("a.db", "hello"), "shinka", "a database of ShinkaEvolve, got one that fails"),
        (written("a.jsonl", BLOCKS + "\n{"), "auto", "line 2: expected one JSON object a line"),
        (written("a.jsonl", ""), "openevolve", "got an empty file"),
        (written("a.jsonl", "[1]"), "openevolve", "expected one JSON object a line"),
        (written("a.log", "nothing of the kind"), "codeevolve", "expected a row for each call, got none"),
        (lambda folder: shinka_file(folder, "DROP TABLE attempt_log"), "auto", "with the table attempt_log, got none"),
        (lambda folder: shinka_file(folder, "ALTER TABLE programs RENAME TO p",
                                    "CREATE VIEW programs AS SELECT * FROM p"), "auto", "the table programs, got none"),
        (lambda folder: folder / "nothing.db", "shinka", "cannot read the log"),
    ],
)  # fmt: skip
def test_what_is_no_log_of_that_framework_is_told(tmp_path, make, format, told):
    with pytest.raises(InputError, match=told):
        read_calls(make(tmp_path), format)


def test_metrics_of_all_kinds_are_no_error(tmp_path):
    file = tmp_path / "trace.jsonl"
    rows = [
        {"parent_metrics": {"b0": 0.5}, "child_metrics": {"b0": 1.0}},
        {"parent_metrics": {"b0": 0}, "child_metrics": {"b0": 1, "b1": 1}},
        {"parent_metrics": 3, "child_metrics": {"error": 0.0}},
        {"parent_metrics": {}, "child_metrics": {"error": 0.0, "timeout": True}},
        {"parent_metrics": {"b0": 0}, "child_metrics": {"b0": 1}, "metadata": {"token_usage": {"prompt_tokens": -3}}},
        {"parent_metrics": {"b0": 0}, "child_metrics": {"b0": 1}, "metadata": [1], "prompt": "x", "parent_id": 3},
    ]
    file.write_text("".join(json.dumps({"iteration": n} | row) + "\n" for n, row in enumerate(rows)))
    calls = read_calls(file)
    assert outcomes(calls) == ["ok", "ok", "eval_error", "eval_timeout", "ok", "ok"]
    assert np.isnan(calls.number("g")).tolist() == [True] * 4 + [False] * 2
    assert "tokens_in" not in calls


def test_the_command_says_what_is_lost(command):
    done = command("calibrate", "evolution_trace.jsonl", cwd=OPENEVOLVE, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "What such a log does not tell" in done.stdout
    assert "malformed  CANNOT TELL: OpenEvolve's trace has no iteration that failed" in done.stdout


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["b0", "b1", "error", "x"]), inner),
    max_leaves=5,
)
SOME = ("metadata", "prompt", "parent_id", "components", "prompts", "scores", "child", "t", "empty")
EVENT = st.sampled_from(["evaluated", "asks", "answered", "failed"]) | JSON
METRICS = {"iteration": JSON, "parent_metrics": JSON, "child_metrics": JSON}
ROW = st.fixed_dictionaries(
    METRICS | {"format": st.just("gepa callbacks 1"), "event": EVENT}, optional=dict.fromkeys(SOME, JSON)
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=6), details=JSON)
def test_whatever_stands_in_a_log_it_is_a_table_or_a_message(tmp_path, rows, details):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.log").write_text(f"[island 1] 2025-99-12 04:06:00,960 | INFO | 1 | {json.dumps(details)}\n")
    file = tmp_path / "programs.sqlite"
    texts = ("UPDATE programs SET metadata = ?, public_metrics = ?", "UPDATE attempt_log SET details = ?")
    with sqlite3.connect(file if file.exists() else shinka_file(tmp_path)) as made:
        made.execute("PRAGMA synchronous = OFF")
        for text in texts:
            made.execute(text, [json.dumps(details)] * text.count("?"))
    made.close()
    names = {"a.jsonl": ("openevolve", "gepa"), "a.log": ("codeevolve",), "programs.sqlite": ("shinka",)}
    for each, formats in names.items():
        for name in formats:
            with contextlib.suppress(InputError):
                assert len(read_calls(tmp_path / each, name))
