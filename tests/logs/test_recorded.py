"""Logs of `llm-evo serve` and `record`: what later lines say is part of a call's row."""

import json

import numpy as np
import pytest

from evo.errors import InputError
from experiments.logs.formats import read_calls
from experiments.logs.recorded import MOST_CHOICES, SCHEMA, answers_asked_for, each_answer

CALL = {"schema": SCHEMA, "id": "a", "outcome": "no_response", "g": 3, "http_status": None}


def read(tmp_path, *lines):
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_calls(file)


def test_later_lines_complete_a_call_and_requests_that_were_none_are_left_out(tmp_path):
    note = {"schema": SCHEMA, "kind": "models", "http_status": 200}
    back = {"of": "a", "outcome": None, "tokens_in": 7, "tokens_out": 2}
    found = {"of": "a", "incorrect": 2, "repaired": 1, "kept": 1, "outcome": "ok"}
    calls = read(tmp_path, CALL, note, CALL | {"id": "b"}, back, found)
    assert calls.classes.tolist() == ["applied", "error"]
    assert calls.number("repaired")[0] == 1
    assert calls.lines.tolist() == [1, 3]
    assert calls.unused == ()


def test_an_outcome_that_was_told_before_the_end_of_a_stream_stays(tmp_path):
    back = {"of": "a", "outcome": None, "tokens_in": 7, "tokens_out": 2}
    calls = read(tmp_path, CALL, {"of": "a", "outcome": "no_parse"}, back)
    assert calls.classes.tolist() == ["malformed"]
    assert calls.number("tokens_in").tolist() == [7]
    assert read(tmp_path, CALL, back).classes.tolist() == [""]


def test_a_request_for_several_answers_is_a_row_an_answer(tmp_path):
    call = CALL | {"call": 7, "choices": 3, "tokens_in": 9, "tokens_out": 30, "seconds": 2.0, "price": 0.5, "k": 8}
    call.pop("g")
    one = {"of": "a", "choice": 1, "g": 2, "incorrect": 2, "repaired": 1, "kept": 0, "outcome": "ok"}
    back = {"of": "a", "outcome": None, "answers": [{"outcome": None}, {"outcome": None}, {"outcome": "truncated"}]}
    calls = read(tmp_path, call, one, back, CALL | {"id": "b"})
    assert calls.classes.tolist() == ["", "applied", "malformed", "error"]
    assert calls.word("call").tolist() == ["7/0", "7/1", "7/2", ""]
    assert calls.number("repaired")[1] == 1
    assert calls.number("tokens_in")[0] == 9
    assert np.isnan(calls.number("tokens_in")[1:3]).all()  # read once
    assert "seconds" not in calls  # of all answers together
    assert "price" not in calls
    assert calls.number("k").tolist()[:3] == [8, 8, 8]
    assert read(tmp_path, call).classes.tolist() == ["error"]  # a request that never came back


@pytest.mark.parametrize(
    ("answers", "told_of", "classes"),
    [
        (None, (), {"7": "error"}),
        (None, (0,), {"7/0": "applied"}),
        (None, (1,), {"7/0": "error", "7/1": "applied"}),
        (None, (2,), {"7/0": "error", "7/1": "error", "7/2": "applied"}),
        (1, (), {"7/0": "malformed"}),
        (2, (2,), {"7/0": "malformed", "7/1": "malformed", "7/2": "applied"}),
        (3, (0, 2), {"7/0": "applied", "7/1": "malformed", "7/2": "applied"}),
    ],
)
def test_an_answer_is_a_row_whether_its_reply_or_its_evaluation_tells_of_it(tmp_path, answers, told_of, classes):
    """A recorder that was killed has no reply of a call whose stream was read and evaluated."""
    call = CALL | {"call": 7, "choices": 3}
    back = {"of": "a", "outcome": None, "answers": [{"outcome": "truncated"}] * (answers or 0)}
    ok = [{"of": "a", "choice": choice, "outcome": "ok"} for choice in told_of]
    calls = read(tmp_path, call, *ok, *([back] if answers else []))
    assert dict(zip(calls.word("call").tolist(), calls.classes.tolist(), strict=True)) == classes


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((CALL, {"of": "a", "choice": 1, "g": 1}), "line 2: choice: expected the number of an answer of this call"),
        ((CALL | {"choices": 2}, {"of": "a", "choice": 2}), "line 2: choice: expected the number"),
        ((CALL | {"choices": "2"}, {"of": "a", "choice": 1}), "line 2: choice: expected the number"),
        ((CALL | {"answers": 3},), "line 1: answers: expected a list of at most 1000 objects"),
        ((CALL, {"of": "b", "g": 1}), "line 2: of: expected the id of an earlier line, got 'b'"),
        ((CALL, {"of": 3}), "line 2: of: expected"),
        ((CALL, CALL), "line 2: id: expected each call once, got 'a' again"),
        (({"schema": SCHEMA},), "expected calls, got a log of none"),
        ((CALL, {"of": "a", "tokens_in": -1}), "line 1: tokens_in: expected a whole number"),
    ],
)
def test_what_contradicts_itself_is_told_with_its_line(tmp_path, lines, told):
    with pytest.raises(InputError, match=told):
        read(tmp_path, *lines)


def test_a_table_of_somebody_else_may_have_such_columns(tmp_path):
    calls = read(tmp_path, {"g": 2, "of": "x", "id": "a"}, {"g": 3, "of": "x", "id": "a"})
    assert calls.number("g").tolist() == [2, 3]


def test_a_call_has_a_thousand_answers_and_no_more():
    numbers = (0, 1, 2, 1000, 1001, True, 2.0)
    assert [answers_asked_for({"choices": asked}) for asked in numbers] == [1, 1, 2, 1000, 1, 1, 1]
    rows = each_answer({"call": 7, "answers": [{"g": g} for g in range(MOST_CHOICES)]})
    assert (len(rows), rows[999]["call"], rows[999]["g"]) == (1000, "7/999", 999)
    with pytest.raises(ValueError, match="answers: expected a list of at most 1000 objects"):
        each_answer({"call": 7, "answers": [{}] * (MOST_CHOICES + 1)})
