"""Whatever a request or a reply holds: an answer or an error of OpenAI's shape, and a log that calibrate reads."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo.errors import InputError
from experiments.logs.formats import read_calls
from experiments.serving.log import CallLog
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.record import TOLD, Recorder
from experiments.serving.serve import Endpoint
from experiments.serving.spend import Caps, Prices
from experiments.serving.upstream import Answered
from experiments.serving.web import Request
from operators import Resample

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TEXT = (
    st.sampled_from(['B0 = "aaaa"', '# Current Program\n```\nB1 = "x"\n```\n\n# Task\n', "", "\ud800", "```\nB0"])
    | st.text()
)
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]) | JSON, "content": TEXT | JSON})
BODY = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE | JSON, max_size=3) | JSON},
    optional={
        "n": st.integers(-1, 4) | JSON, "seed": st.integers() | JSON, "max_tokens": st.integers(-1, 9) | JSON,
        "stream": JSON, "stream_options": JSON | st.just({"include_usage": True}), "model": JSON,
    },
)  # fmt: skip
USAGE = {"prompt_tokens": st.integers(-1, 9) | JSON, "completion_tokens": st.integers(-1, 9) | JSON}
DETAILS = {"prompt_tokens_details": JSON, "completion_tokens_details": st.just({"reasoning_tokens": 99}) | JSON}
REPLY = st.fixed_dictionaries(
    {}, optional={"id": JSON, "choices": JSON | st.lists(st.fixed_dictionaries({}, optional={
        "message": JSON, "delta": JSON, "finish_reason": JSON}), max_size=2), "error": JSON,
        "usage": JSON | st.fixed_dictionaries(USAGE, optional=DETAILS)},
) | JSON  # fmt: skip


def chat(body):
    return Request("POST", "/v1/chat/completions", {"content-type": "application/json"}, json.dumps(body).encode())


def content(reply):
    return reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)


def expect_shape(reply):
    found = content(reply)
    if reply.kind == "text/event-stream":
        assert reply.status == 200
        return
    body = json.loads(found)
    if reply.status != 200:
        assert set(body["error"]) == {"message", "type", "param", "code"}


@settings(max_examples=100)
@given(body=BODY | JSON, path=st.sampled_from(["chat/completions", "embeddings", "models", "else"]))
def test_the_simulated_endpoint_answers_everything(body, path):
    endpoint = Endpoint(Model(Blocks(3, 1), Resample(p=0.5)))
    request = chat(body)
    reply = endpoint(Request("POST", f"/v1/{path}", request.headers, request.body))
    expect_shape(reply)
    assert reply.status != 500  # no fault of ours


class Says:
    """An upstream that replies with a body, whole or as the lines of a stream."""

    def __init__(self, status, body, streams):
        self.status, self.body, self.kind = status, body, "text/event-stream" if streams else "application/json"

    def send(self, method, path, body, headers):
        return Answered(self.status, {"content-type": self.kind}, io.BytesIO(self.body), io.BytesIO())


@settings(max_examples=100, deadline=None)
@given(body=BODY, said=REPLY, status=st.sampled_from([200, 200, 200, 401, 500]), streams=st.booleans())
def test_whatever_an_upstream_says_is_a_log_that_calibrate_reads_and_no_cap_is_overstepped(
    tmp_path_factory, body, said, status, streams
):
    lines = b"data: " + json.dumps(said).encode() + b"\n\ndata: [DONE]\n\n"
    upstream = Says(status, lines if streams else json.dumps(said).encode(), streams)
    log = CallLog(tmp_path_factory.mktemp("log") / "calls.jsonl", new=True)
    answers = body.get("n") or 1
    caps = Caps(calls=max(1, answers) if isinstance(answers, int) else 1, tokens=10**6, money=1.0)
    recorder = Recorder(upstream, log, caps, Prices({"prompt": 1e-6, "generated": 1e-6}), answer_tokens=5, bodies=True)
    replies = [recorder(chat(body)) for _ in range(2)]
    for reply in replies:
        content(reply)
        assert reply.status != 500 or status == 500  # no fault of ours
    log.close()
    sent = [reply for reply in replies if reply.status not in (400, 402)]
    assert len(sent) <= 1
    if sent:
        assert 1 <= len(read_calls(log.path)) <= 4  # a row an answer
    else:
        with pytest.raises(InputError, match="a log of none"):
            read_calls(log.path)


OUTCOME = st.dictionaries(st.sampled_from(TOLD), st.integers(-1, 5) | st.sampled_from(["ok", "no_parse", 1.5]) | JSON)


@settings(max_examples=60, deadline=None)
@given(outcomes=st.lists(OUTCOME, max_size=4))
def test_whatever_is_told_of_a_call_leaves_a_log_that_calibrate_reads(tmp_path_factory, outcomes):
    log = CallLog(tmp_path_factory.mktemp("log") / "calls.jsonl", new=True)
    said = json.dumps({"id": "a", "choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1}}).encode()
    recorder = Recorder(Says(200, said, False), log)
    assert recorder(chat({"messages": []})).status == 200
    for outcome in outcomes:
        body = json.dumps({"call": "a"} | outcome).encode()
        expect_shape(recorder(Request("POST", "/v1/outcomes", {"content-type": "application/json"}, body)))
    log.close()
    assert len(read_calls(log.path)) == 1
