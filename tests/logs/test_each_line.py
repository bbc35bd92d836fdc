"""Each kind of line, row or event of a framework's log becomes what it says, at its two ends; logs are made up here."""

import hashlib
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from evo.errors import InputError
from experiments.logs.formats import read_calls
from experiments.logs.frameworks import codeevolve, files, shinka
from experiments.logs.frameworks.files import files_of
from experiments.logs.frameworks.gepa_callback import CallLog
from experiments.logs.frameworks.scores import word

SQL = Path(__file__).parent / "frameworks" / "shinka.sql"


def outcomes(calls):
    return calls.word("outcome").tolist()


def seconds(calls):
    """With None where they are not told."""
    return [None if np.isnan(each) else each for each in calls.number("seconds").tolist()]


# ------------------------------------------------------------------------------------------------- CodeEvolve


def island(folder, *lines):
    """A log of (seconds of the day, words)."""
    file = folder / "results.log"
    stamps = [at if isinstance(at, str) else f"2025-10-12 04:06:{at:02d},000" for at, _ in lines]
    file.write_text(
        "".join(f"[island 3] {at} | INFO | 1 | {words}\n" for at, (_, words) in zip(stamps, lines, strict=True))
    )
    return read_calls(file, "codeevolve")


ASK = "Attempting to run prompt on llm(model_name=m, x=1)"
CAME = "Successfully retrieved response, using 10 prompt tokens and 20 completion tokens"


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("Error with SEARCH/REPLACE: 'No DIFF blocks found'", "no_parse"),
        ("Error with SEARCH/REPLACE: 'not found'", "search_mismatch"),
        ("Successfully modified parent", "applied"),
        ("Error in evaluating program -> 'TimeoutError'", "eval_timeout"),
        ("Error in evaluating program -> 'ValueError'", "eval_error"),
        ("Evaluated program without errors", "ok"),
        ("New best program found", "improved"),
        ("something else", "applied"),
    ],
)
def test_the_last_line_that_tells_of_an_answer_is_its_outcome(tmp_path, words, outcome):
    """One that is told before it has come is of no answer; a line that says nothing of it changes nothing."""
    calls = island(tmp_path, (1, ASK), (2, "New best program found"), (3, CAME), (4, words), (5, "and more"))
    assert outcomes(calls) == [outcome]
    assert {word for _, word in codeevolve.OUTCOMES} >= {outcome}
    assert outcomes(island(tmp_path, (1, ASK), (2, words))) == ["no_response"]


def test_calls_of_an_island_have_the_epoch_that_they_are_in(tmp_path):
    """0 before the first; what is told after an epoch has begun is of none of its calls."""
    lines = [(1, ASK), (2, CAME), (3, "=== EPOCH 7 ==="), (4, "New best program found"), (5, CAME),
             (6, ASK.replace("prompt", "meta_prompt")), (8, CAME)]  # fmt: skip
    calls = island(tmp_path, *lines)
    assert (calls.word("call").tolist(), calls.word("kind").tolist()) == (["0/code", "7/meta"], ["code", "meta"])
    assert (outcomes(calls), set(calls.word("run"))) == (["applied", "applied"], {"island 3"})
    assert (calls.lines.tolist(), seconds(calls)) == ([1, 6], [1.0, 2.0])
    assert (calls.number("tokens_in").tolist(), calls.number("tokens_out").tolist()) == ([10, 10], [20, 20])


@pytest.mark.parametrize(
    ("begun", "between", "came", "took"),
    [(1, 2, 5, 4.0), (5, 5, 5, None), (9, 9, 5, None), (1, 4, "2025-99-12 04:06:00,000", 3.0)],
)
def test_seconds_of_a_call_are_told_where_its_clock_goes_on(tmp_path, begun, between, came, took):
    """A time that no calendar has is that of the line before."""
    assert seconds(island(tmp_path, (begun, ASK), (between, "waiting"), (came, CAME))) == [took]


# ------------------------------------------------------------------------------------------------- GEPA


def proposals(folder, *events):
    file = folder / "calls.jsonl"
    file.write_text("".join(json.dumps({"format": "gepa callbacks 1"} | event) + "\n" for event in events))
    return read_calls(file, "gepa")


@pytest.mark.parametrize(
    ("components", "ended", "calls", "took", "prompt"),
    [
        (["a"], 3.5, 1, 1.5, "pa"),
        (["a", "b"], 3.5, 2, None, ""),  # which of the two calls took how long is not told
        ([], 3.5, 1, None, ""),
        (["a"], 2.0, 1, None, "pa"),
        (["a"], 2.0001, 1, 0.0001, "pa"),
        (["c"], 3.5, 1, 1.5, ""),
    ],
)
def test_a_proposal_makes_a_call_for_each_component(tmp_path, components, ended, calls, took, prompt):
    found = proposals(
        tmp_path,
        {"event": "evaluated", "scores": [1, 0]},
        {"event": "asks", "iteration": 4, "components": components, "t": 2.0},
        {"event": "answered", "prompts": {"a": "pa", "b": "pb"}, "t": ended},
        {"event": "evaluated", "child": True, "scores": [1, 1]},
    )
    assert (found.number("calls").tolist(), seconds(found)) == ([calls], [took])
    assert (found.word("prompt").tolist(), found.word("call").tolist()) == ([prompt], ["4"])
    assert found.word("item").tolist() == [", ".join(components)]


def test_the_callback_tells_the_iteration_and_the_time_of_each_event(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.logs.frameworks.gepa_callback.time.time", lambda: 12.345678)
    log = CallLog(str(tmp_path / "calls.jsonl"))
    log.on_evaluation_end({"iteration": 5, "candidate_idx": 0, "scores": [1]})
    log.on_proposal_start({"iteration": 6, "components": ("a",)})
    log.on_proposal_end(
        {"iteration": 7, "raw_lm_outputs": {"a": " \n", "b": "x"}, "new_instructions": {"b": "x"}, "prompts": {"b": 5}}
    )
    log.on_error({"iteration": 8, "exception": KeyError("secret")})
    head = {"format": "gepa callbacks 1", "t": 12.3457}
    assert [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()] == [
        head | {"event": "evaluated", "iteration": 5, "child": False, "scores": [1.0]},
        head | {"event": "asks", "iteration": 6, "components": ["a"]},
        head | {"event": "answered", "iteration": 7, "components": ["b"], "empty": ["a"],
                "prompts": {"b": hashlib.sha256(b"5").hexdigest()[:16]}},
        head | {"event": "failed", "iteration": 8, "error": "KeyError"},
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------- OpenEvolve

STAMP = "2026-11-29 17:11:51,041 - openevolve"


def logged(folder, *lines, trace=()):
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / "a.log").write_text("".join(f"{STAMP} - {line}\n" for line in lines))
    if trace:
        (folder / "evolution_trace.jsonl").write_text("".join(json.dumps(row) + "\n" for row in trace))
    return read_calls(folder, "openevolve")


@pytest.mark.parametrize(
    ("words", "written", "outcome"),
    [
        ("LLM returned None", None, "empty"),
        ("LLM generation failed: gone", None, "error"),
        ("None of the 2 SEARCH block(s) matched", 9, "search_mismatch"),
        ("Diff did not change the program", 9, "no_op"),
        ("Rewrite is identical to the parent", 9, "no_op"),
        ("No valid diffs found in response", 9, "no_parse"),
        ("No valid code found in response", 9, "no_parse"),
        ("No valid code found in response", 0, "empty"),
        ("No valid code found in response", None, "no_parse"),
        ("Generated code exceeds the length", 0, "malformed"),
    ],
)
def test_an_iteration_that_failed_says_why_and_what_it_took(tmp_path, words, written, outcome):
    tokens = "" if written is None else f" | tokens: {10 + written} (prompt: 10, completion: {written})"
    calls = logged(tmp_path, f"WARNING - Iteration 5 error: {words}{tokens}")
    assert (outcomes(calls), calls.word("call").tolist()) == ([outcome], ["5"])
    told = [calls.number(name).tolist() for name in ("tokens_in", "tokens_out")]
    assert told == [[10], [written]] if written is not None else np.isnan(told).all()


def test_a_child_stands_where_its_iteration_does_with_the_blocks_of_its_parent(tmp_path):
    """Its metrics are some lines further down; those of other lines between are not its."""
    calls = logged(
        tmp_path,
        "INFO - Evaluated program p in 0.00s: combined_score=1.0000, b0=0.0000, b1=1.0000",
        "INFO - Iteration 3: Program c (parent: p) completed in 1.0s | tokens: 30 (prompt: 10, completion: 20)",
        "INFO - something else",
        "INFO - Metrics: combined_score=2.0000, b0=1.0000, b1=1.0000",
        "INFO - Metrics: combined_score=9.0000, b0=0.0000, b1=0.0000",
        "INFO - Iteration 4: Program d (parent: c) completed in 1.0s",
        "INFO - Metrics: error=0.0000, timeout=1.0000",
    )
    assert (calls.lines.tolist(), calls.word("call").tolist(), outcomes(calls)) == (
        [2, 6], ["3", "4"], ["improved", "eval_timeout"],
    )  # fmt: skip
    assert calls.word("item").tolist() == ["p", "c"]
    for name, value in (("incorrect", 1), ("repaired", 1), ("kept", 1), ("tokens_in", 10), ("tokens_out", 20)):
        assert calls.number(name)[0] == value
        assert np.isnan(calls.number(name)[1])


def traced(number, model, **more):
    usage = {"token_usage": {"prompt_tokens": 1, "completion_tokens": 2, "model": model}}
    return {"iteration": number, "id": "mine", "parent_id": "p", "parent_metrics": {"combined_score": 1.0},
            "child_metrics": {"combined_score": 1.0}, "metadata": usage} | more  # fmt: skip


@pytest.mark.parametrize(("models", "of_failure"), [(["m", "m"], "m"), (["m", "n"], ""), (["m", None], "m")])
def test_a_failure_is_of_the_model_of_all_others_where_they_have_one(tmp_path, models, of_failure):
    rows = [traced(number, model) for number, model in enumerate(models)]
    calls = logged(tmp_path, "WARNING - Iteration 5 error: LLM returned None", trace=rows)
    assert dict(zip(calls.word("call"), calls.word("model"), strict=True))["5"] == of_failure
    assert set(calls.word("item")) == {"p", ""}


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        ({"error": 0.0}, "eval_error"),
        ({"error": 0.0, "timeout": True}, "eval_timeout"),
        ({"stage1_passed": 0.0, "error": 0.0}, "eval_error"),
        ({"stage1_passed": 1.0, "combined_score": 2.0}, "improved"),
        ({"combined_score": 0.5, "error": 0.0}, "ok"),
        ({}, "ok"),
        (None, "eval_error"),
    ],
)
def test_a_child_whose_evaluation_failed_has_nothing_but_its_error(tmp_path, after, outcome):
    file = tmp_path / "evolution_trace.jsonl"
    file.write_text(json.dumps(traced(1, "m", child_metrics=after)) + "\n")
    assert outcomes(read_calls(file, "openevolve")) == [outcome]


def test_a_program_of_a_checkpoint_has_the_iteration_in_which_it_was_found(tmp_path):
    (tmp_path / "programs").mkdir()
    program = {"iteration_found": 8, "iteration": 3, "parent_id": "p", "metrics": {"b0": 1.0}}
    for name, metadata in (("a", {"parent_metrics": {"b0": 0.0}}), ("b", {})):  # the first program has no parent
        (tmp_path / "programs" / f"{name}.json").write_text(json.dumps(program | {"metadata": metadata}))
    calls = read_calls(tmp_path, "openevolve")
    assert (calls.word("call").tolist(), calls.word("item").tolist()) == (["8"], ["p"])
    assert calls.number("repaired").tolist() == [1.0]


# ------------------------------------------------------------------------------------------------- ShinkaEvolve


def database(folder, *changes):
    file = folder / "programs.sqlite"
    with sqlite3.connect(file) as made:
        made.executescript(SQL.read_text())
        for each in changes:
            made.execute(*each)
    made.close()
    return file


def failed(**details):
    return "UPDATE attempt_log SET details = ?", [json.dumps(details)]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("patch_apply_failed", "malformed"),
        ("llm_output_invalid", "no_parse"),
        ("novelty_rejected", "applied"),
        ("evaluation_submit_failed", "eval_error"),
        ("proposal_generation_failed", "error"),
        ("of another version", "malformed"),
        (None, "malformed"),
    ],
)
def test_a_proposal_that_failed_has_the_outcome_of_its_class_and_a_name_of_its_own(tmp_path, kind, outcome):
    """Before it stand the answers that were asked for again."""
    same = ("UPDATE attempt_log SET generation = 4", [])
    calls = read_calls(
        database(tmp_path, failed(failure_class=kind, resample_attempt=3, parent_id="p"), same), "shinka"
    )
    of = [place for place, name in enumerate(calls.word("call")) if name.startswith("failed 4/1")]
    assert calls.word("call")[of].tolist() == ["failed 4/1/1", "failed 4/1/2", "failed 4/1"]
    assert [outcomes(calls)[place] for place in of] == ["malformed", "malformed", outcome]
    assert calls.word("item")[of].tolist() == ["p"] * 3
    assert len(set(calls.word("call"))) == len(calls)


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ({"output_tokens": 40, "thinking_tokens": 7}, {"tokens_out": 47, "tokens_reasoning": 7}),
        ({"output_tokens": 40}, {"tokens_out": 40, "tokens_reasoning": None}),
        ({"thinking_tokens": 7}, {"tokens_out": None, "tokens_reasoning": None}),
        ({"cost": 0}, {"price": 0}),
        ({"cost": -1.0}, {"price": None}),
        ({"input_tokens": 3}, {"tokens_in": 3}),
    ],
)
def test_numbers_of_an_answer_of_shinka_that_are_not_told_are_none(tmp_path, said, numbers):
    metadata = json.dumps({"llm_result": said, "evaluation_seconds": 0.0})
    changed = ("UPDATE programs SET metadata = ? WHERE parent_id IS NOT NULL", [metadata])
    calls = read_calls(database(tmp_path, changed), "shinka")
    of = [place for place, name in enumerate(calls.word("call")) if name.startswith("program")]
    assert len(of) == 5
    for name, value in numbers.items():
        assert {None if np.isnan(each) else each for each in calls.number(name)[of].tolist()} == {value}
    assert "evaluation_seconds" not in calls  # of 0 s is not known


def test_a_child_of_shinka_that_scores_more_than_its_parent_is_better(tmp_path):
    changes = [("UPDATE programs SET combined_score = 1.0 WHERE parent_id IS NULL", []),
               ("UPDATE programs SET combined_score = rowid WHERE parent_id IS NOT NULL", [])]  # fmt: skip
    calls = read_calls(database(tmp_path, *changes), "shinka")
    assert [each for each in outcomes(calls) if each in ("ok", "improved")] == ["improved"] * 5


@pytest.mark.parametrize("size", [0, 1])
def test_a_database_is_at_rest_where_nothing_waits_beside_it(tmp_path, size):
    file = database(tmp_path)
    file.with_name(f"{file.name}-wal").write_bytes(b"x" * size)
    if size:
        with pytest.raises(InputError, match=r"at rest, got one with programs\.sqlite-wal beside it"):
            read_calls(file, "shinka")
    else:
        assert len(read_calls(file, "shinka")) == 19


def test_an_answer_is_asked_for_again_a_thousand_times_at_the_most(tmp_path, monkeypatch):
    monkeypatch.setattr(shinka, "MOST_RESAMPLES", 5)
    for attempts, rows in ((1, 1), (4, 4), (5, 5), (10**9, 5), ("many", 1)):
        found = list(shinka._asked_again(1, "c", {}, {"resample_attempt": attempts}))
        assert [row["call"] for _, row in found] == [f"c/{n}" for n in range(1, rows)]


# ------------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize(("files_there", "size", "fine"), [(2, 5, True), (3, 5, False), (2, 6, False)])
def test_a_folder_may_have_so_many_files_of_so_many_bytes(tmp_path, monkeypatch, files_there, size, fine):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    monkeypatch.setattr(files, "LOG_BYTES", 5)
    for number in range(files_there):
        (tmp_path / f"{number}.log").write_bytes(b"x" * (size if not number else 0))
    (tmp_path / "other.txt").write_bytes(b"x" * 99)
    if fine:
        assert [each.name for each in files_of(tmp_path, ".log", "told")] == ["0.log", "1.log"]
        return
    with pytest.raises(InputError, match=rf"at most 2 files of 5 bytes in .*, got {files_there} of {size}$"):
        files_of(tmp_path, ".log", "told")


@pytest.mark.parametrize(("value", "kept"), [("w" * 200, True), ("w" * 201, False), ("a\nb", False), (3, False)])
def test_a_name_that_is_too_long_or_no_name_is_none(value, kept):
    assert word(value) == (value if kept else None)
