"""Each field of the lines that a recorder writes, of calls, of replies and of what was none, without a network."""

import io
import json
from types import SimpleNamespace

import pytest

from experiments.logs.recorded import NO_RESPONSE, SCHEMA
from experiments.serving import record
from experiments.serving.log import CallLog, recorded_calls
from experiments.serving.record import MOST_TEXT, ROOM, Recorder, _code, _word
from experiments.serving.requests import sha
from experiments.serving.spend import Amount, Caps, Prices
from experiments.serving.upstream import Answered, Unreachable
from experiments.serving.web import Request

PRICES = Prices({"prompt": 2.0, "generated": 5.0, "call": 100.0})
MESSAGES = [{"role": "user", "content": "Mend B0."}]
USAGE = {"prompt_tokens": 10, "completion_tokens": 4}


class Broken(io.BytesIO):
    """A reply that ends in its middle."""

    def __next__(self):
        line = super().readline()
        if not line:
            raise OSError("reset")
        return line


class Behind:
    """An upstream that says one thing, and remembers what it was sent."""

    def __init__(self, said=b"{}", status=200, kind="application/json", reply=io.BytesIO):
        self.said, self.status, self.kind, self.reply, self.sent = said, status, kind, reply, []

    def send(self, method, path, body, headers):
        self.sent.append((method, path, body))
        if isinstance(self.said, Exception):
            raise self.said
        content = self.said if isinstance(self.said, bytes) else json.dumps(self.said).encode()
        return Answered(self.status, {"content-type": self.kind}, self.reply(content), io.BytesIO())


def answered(*texts, finish="stop", **more):
    choices = [
        {"index": n, "message": {"content": text}, "finish_reason": finish} for n, text in enumerate(texts or ("fine",))
    ]
    return {"id": "completion", "choices": choices, "usage": USAGE} | more


def streamed(*texts):
    events = [{"id": "completion", "choices": [{"delta": {"content": text}}]} for text in texts]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """`recorded(upstream, ..)`: a recorder, whose clock goes on by a quarter of a second each time it is looked at."""
    clock, logs = SimpleNamespace(now=1000.0), []

    def look():
        clock.now += 0.25
        return clock.now

    monkeypatch.setattr(record, "time", SimpleNamespace(time=look))

    def make(upstream, **options):
        for log in logs:
            log.close()
        logs[:] = [CallLog(tmp_path / "calls.jsonl", new=False)]
        return Recorder(upstream, logs[0], **options)

    yield make
    for log in logs:
        log.close()


def asked(recorder, path="chat/completions", body=None, method="POST", kind="application/json"):
    """Status and body of a reply, all of whose pieces were taken."""
    content = json.dumps({"messages": MESSAGES} if body is None else body).encode()
    reply = recorder(Request(method, f"/v1/{path}", {"content-type": kind}, content))
    found = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
    return reply.status, json.loads(found) if reply.kind == "application/json" else found


def lines(recorder):
    return [json.loads(line) for line in recorder.log.path.read_text().splitlines()]


def told(recorder, **body):
    status, said = asked(recorder, "outcomes", {"call": "completion"} | body)
    return status, said.get("error", {}).get("code")


# ------------------------------------------------------------------------------------------------- what is sent


@pytest.mark.parametrize(
    ("path", "kind", "body", "most"),
    [
        ("chat/completions", "chat", {"messages": MESSAGES, "model": "m", "max_tokens": 20, "seed": 7}, 20),
        ("chat/completions", "chat", {"messages": MESSAGES, "n": 3, "max_tokens": 20, "seed": "7"}, 60),
        ("chat/completions", "chat", {"messages": MESSAGES, "max_tokens": 50, "max_completion_tokens": 20}, 20),
        ("chat/completions", "chat", {"messages": MESSAGES, "model": "a\nb", "stream": True}, 0),
        ("embeddings", "embeddings", {"input": ["one", "two"], "model": "e"}, 0),
    ],
)
def test_a_call_stands_in_the_log_with_the_most_it_may_come_to_before_it_is_sent(recorded, path, kind, body, most):
    """No text has more tokens than bytes, and a provider may add some."""
    behind = Behind(Unreachable("gone", sent=True))
    recorder = recorded(behind, prices=PRICES, run="mine")
    asked(recorder, path, body)
    sent = lines(recorder)[0]
    ((method, where, content),) = behind.sent
    read = len(content) + ROOM
    assert (method, where) == ("POST", f"/{path}")
    assert sent == {
        "schema": SCHEMA, "id": sent["id"], "run": "mine", "call": 1, "t0": 1000.25, "kind": kind,
        "model": None if "\n" in body.get("model", "\n") else body["model"], "outcome": NO_RESPONSE,
        "prompt": sha(json.dumps(body.get("messages", body.get("input")))), "choices": body.get("n", 1),
        "seed": 7 if body.get("seed") == 7 else None, "stream": body.get("stream", False),
        "most_tokens": read + most, "most_price": 2.0 * read + 5.0 * most + 100.0,
    }  # fmt: skip


def test_calls_are_numbered_from_those_that_the_log_has(recorded):
    for calls in (1, 2):
        recorder = recorded(Behind(answered()))
        for _ in range(calls):
            asked(recorder)
    assert [line["call"] for line in lines(recorder) if "call" in line] == [1, 2, 3]


# ------------------------------------------------------------------------------------------------- what came back


def test_a_reply_has_its_own_line_with_what_it_cost(recorded):
    recorder = recorded(Behind(answered("so", finish="length")), prices=PRICES, caps=Caps(calls=9))
    asked(recorder)
    sent, reply = lines(recorder)
    assert reply == {
        "of": sent["id"], "seconds": 0.25, "http_status": 200, "outcome": "truncated", "finish": "length",
        "response": sha("so"), "told": None, "tokens_in": 10, "tokens_out": 4, "tokens_cached": 0,
        "tokens_reasoning": 0, "price": 140.0,
    }  # fmt: skip
    assert recorder.caps.spent == Amount(1, 14, 140.0)


def test_answers_beyond_those_that_were_asked_for_are_not_told(recorded):
    """Of several answers none is that of the request."""
    recorder = recorded(Behind(answered("one", "", "three")))
    asked(recorder, body={"messages": MESSAGES, "n": 2})
    reply = lines(recorder)[1]
    assert reply["answers"] == [
        {"outcome": None, "finish": "stop", "response": sha("one")},
        {"outcome": "empty", "finish": "stop", "response": sha("")},
    ]
    assert (reply["outcome"], reply["finish"]) == (None, None)
    assert recorder.caps.spent.calls == 2


@pytest.mark.parametrize(("prices", "nothing"), [(PRICES, 0.0), (None, None)])
def test_what_is_refused_upstream_costs_nothing(recorded, prices, nothing):
    error = {"error": {"message": "no such model my-key", "code": "model_not_found"}}
    recorder = recorded(Behind(error, status=404), prices=prices)
    assert asked(recorder) == (404, error)
    reply = lines(recorder)[1]
    assert (reply["http_status"], reply["outcome"], reply["told"]) == (404, "http_error", "model_not_found")
    assert (reply["most_tokens"], reply["most_price"]) == (0, nothing)
    assert recorder.caps.spent == Amount(1, 0, nothing)


@pytest.mark.parametrize(
    ("error", "status", "outcome", "spent"),
    [
        (Unreachable("gone", sent=False), 502, "http_error", False),
        (Unreachable("gone", sent=True), 502, "http_error", True),
        (Unreachable("slow", sent=True, slow=True), 504, "timeout", True),
    ],
)
@pytest.mark.parametrize("prices", [PRICES, None])
def test_what_may_have_arrived_stays_spent(recorded, error, status, outcome, spent, prices):
    recorder = recorded(Behind(error), prices=prices)
    found, body = asked(recorder)
    sent, reply = lines(recorder)
    assert (found, body["error"]["code"]) == (status, "upstream_unreachable")
    expected = {"of": sent["id"], "seconds": 0.25, "outcome": outcome, "told": "upstream_unreachable"}
    most = Amount(1, sent["most_tokens"], sent["most_price"])
    nothing = None if prices is None else 0.0
    assert reply == expected | ({} if spent else {"most_tokens": 0, "most_price": nothing})
    assert recorder.caps.spent == (most if spent else Amount(1, 0, nothing))


def test_a_stream_that_ends_in_its_middle_is_no_answer_and_what_came_is_kept(recorded):
    recorder = recorded(Behind(streamed("a", "b"), kind="text/event-stream", reply=Broken), bodies=True)
    asked(recorder, body={"messages": MESSAGES, "stream": True})
    _, reply = lines(recorder)
    assert (reply["outcome"], reply["response"]) == (NO_RESPONSE, sha("ab"))
    assert reply["reply"].encode() == streamed("a", "b")


def test_of_a_stream_may_be_told_before_it_has_ended(recorded):
    behind = Behind(streamed("a", "b"), kind="text/event-stream")
    recorder = recorded(behind)
    content = json.dumps({"messages": MESSAGES, "stream": True}).encode()
    pieces = recorder(Request("POST", "/v1/chat/completions", {"content-type": "application/json"}, content)).body
    assert told(recorder, outcome="ok") == (400, "invalid_request")
    next(pieces)
    assert told(recorder, outcome="ok") == (200, None)
    assert json.loads(behind.sent[0][2])["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("longer", [0, 1])
def test_a_body_is_written_up_to_so_many_characters(recorded, longer):
    reply = json.dumps(answered("")).encode()
    reply += b" " * (MOST_TEXT + longer - len(reply))
    recorder = recorded(Behind(reply), bodies=True)
    asked(recorder)
    sent, came = lines(recorder)
    assert json.loads(sent["request"]) == {"messages": MESSAGES}
    assert came["reply"] == (None if longer else reply.decode())
    assert came.get("reply_characters") == (MOST_TEXT + 1 if longer else None)


# ------------------------------------------------------------------------------------------------- what is no call


@pytest.mark.parametrize(
    ("path", "method", "kind", "row"),
    [
        ("models", "GET", "", {"kind": "other", "http_status": 203, "told": None}),
        ("nowhere", "POST", "application/json", {"kind": "other", "http_status": 404, "told": "unknown_url"}),
        ("chat/completions", "GET", "", {"kind": "chat", "http_status": 404, "told": "unknown_url"}),
        ("embeddings", "POST", "text/plain", {"kind": "embeddings", "http_status": 415,
                                              "told": "unsupported_media_type"}),
    ],
)  # fmt: skip
def test_a_request_that_is_no_call_has_a_line_of_its_kind(recorded, path, method, kind, row):
    recorder = recorded(Behind({"data": []}, status=203))
    status, _ = asked(recorder, path, None, method, kind)
    assert status == row["http_status"]
    assert lines(recorder) == [{"schema": SCHEMA, "t0": 1000.25} | row]
    assert recorded_calls(recorder.log.path) == []


def test_a_request_that_could_not_be_read_is_noted(recorded):
    recorder = recorded(Behind())
    assert recorder.refuse(413, "too long").status == 413
    assert lines(recorder) == [{"schema": SCHEMA, "t0": 1000.25, "kind": "other", "http_status": 413, "told": None}]


def test_a_log_that_cannot_be_written_is_told_and_nothing_is_sent(recorded, monkeypatch):
    behind = Behind(answered())
    recorder = recorded(behind)

    def full(row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder.log, "write", full)
    status, body = asked(recorder)
    assert (status, body["error"]["code"], behind.sent) == (500, "log_failed", [])
    assert body["error"]["message"] == "the log cannot be written (No space left on device)"


@pytest.mark.parametrize(
    ("word", "kept"), [("w" * 200, True), ("w" * 201, False), ("a\tb", False), (7, False), (None, False)]
)
def test_a_name_that_no_table_may_hold_is_not_written(word, kept):
    assert _word(word) == (word if kept else None)


@pytest.mark.parametrize(("code", "kept"), [("a_b" * 13 + "c", True), ("a_b" * 13 + "cd", False), ("sk-1", False)])
def test_a_code_of_an_error_is_no_words_which_may_quote_a_key(code, kept):
    assert _code(code) == (code if kept else None)


# ------------------------------------------------------------------------------------------------- what is told later


def test_which_of_several_answers_is_told_of_has_to_be_said(recorded):
    recorder = recorded(Behind(answered("one", "two")))
    asked(recorder, body={"messages": MESSAGES, "n": 2})
    for choice, code in ((None, "invalid_request"), (2, "invalid_request"), (-1, "invalid_request"), (1, None)):
        given = {} if choice is None else {"choice": choice}
        assert told(recorder, g=1, incorrect=0, **given) == (400 if code else 200, code)
    assert lines(recorder)[-1] == {"of": lines(recorder)[0]["id"], "choice": 1, "g": 1, "incorrect": 0}


def test_what_was_told_of_one_answer_is_known_after_a_new_start_and_not_taken_for_another(recorded):
    recorder = recorded(Behind(answered("one", "two")))
    asked(recorder, body={"messages": MESSAGES, "n": 2})
    name = lines(recorder)[0]["id"]
    assert told(recorder, choice=1, g=1, incorrect=0)[0] == 200
    again = recorded(Behind())
    assert told(again, call=name, choice=1, g=1, incorrect=1) == (409, "told_before")
    assert told(again, call=name, choice=0, g=1, incorrect=1) == (200, None)
    assert told(again, call=name, choice=0, g=1, incorrect=1) == (409, "told_before")


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ({"evaluation_seconds": 2.5}, None),  # it says nothing of blocks
        ({"outcome": "ok", "item": "first"}, None),
        ({"g": 2, "incorrect": 1, "evaluation_seconds": 2.5}, None),
        ({"g": 2, "incorrect": 3}, "invalid_request"),
        ({"incorrect": 1, "repaired": 2}, "invalid_request"),
        ({"price": 1.0}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_outcomes_that_fit_together_are_taken(recorded, outcome, code):
    recorder = recorded(Behind(answered()))
    asked(recorder)
    assert told(recorder, **outcome) == (400 if code else 200, code)
    kept = {name: value for name, value in lines(recorder)[-1].items() if name != "of"}
    assert code or kept == outcome
