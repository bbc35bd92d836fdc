"""Logs of `llm-evo serve` and `record`: what later lines say is part of a call's row."""

import json

import pytest

from evo.errors import InputError
from experiments.logs.formats import read_calls
from experiments.logs.recorded import SCHEMA

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


@pytest.mark.parametrize(
    ("lines", "told"),
    [
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
