"""The recording pass-through: what is sent, what it came to, caps that hold before, and what is never written."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from patience import SECONDS

from evo.errors import InputError
from experiments.calibration.calibrate import calibrate
from experiments.cli.calibrating import calibrate as calibrate_command
from experiments.logs.formats import read_calls
from experiments.serving.faults import Faults
from experiments.serving.log import CallLog, recorded_calls, strip
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.record import Recorder
from experiments.serving.serve import Endpoint
from experiments.serving.spend import Caps, Prices
from experiments.serving.upstream import upstream
from experiments.serving.web import Reply
from operators import FixKeep

ROOT = Path(__file__).parents[2]
KEY = "sk-very-secret"
PROGRAM = Blocks(4, 2).program([False] * 4, np.random.default_rng(1))
PRICES = Prices({"prompt": 3e-6, "generated": 15e-6})


def simulated(**more):
    return Endpoint(Model(Blocks(4, 2), FixKeep(fix=1, keep=1), **more))


class Stub:
    """An endpoint that always says the same, and remembers what it was told."""

    def __init__(self, status, body, kind="application/json"):
        self.reply, self.requests = Reply(status, body, kind), []

    def __call__(self, request):
        self.requests.append(request)
        return self.reply

    def refuse(self, status, words):
        return Reply(status, b"{}")


@pytest.fixture
def recorded(serving, tmp_path):
    """`recorded(endpoint, use, ...)`: what a client gets through a recorder, and the calls in its log."""

    def run(endpoint, use, key=None, **options):
        log = CallLog(tmp_path / "calls.jsonl", new=False)
        try:
            with serving(endpoint) as behind:
                where = upstream(f"http://127.0.0.1:{behind.port}/v1", key, 5.0)
                recorder = Recorder(where, log, **options)
                with serving(recorder) as client:
                    found = use(client)
        finally:
            log.close()
        run.recorder = recorder
        return found, recorded_calls(log.path)

    run.file, run.serving = tmp_path / "calls.jsonl", serving
    return run


@contextmanager
def recorded_again(recorded):
    """A client of a recorder that goes on with the log and has no endpoint."""
    log = CallLog(recorded.file, new=False)
    try:
        with recorded.serving(Recorder(upstream("http://127.0.0.1:9/v1"), log)) as client:
            yield client
    finally:
        log.close()


def test_a_call_goes_through_and_is_a_row_with_its_money(recorded):
    (status, body), (row,) = recorded(simulated(), lambda client: client.chat(PROGRAM, model="m"), prices=PRICES)
    assert status == 200
    usage = body["usage"]
    assert (row["tokens_in"], row["tokens_out"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert row["price"] == pytest.approx(3e-6 * row["tokens_in"] + 15e-6 * row["tokens_out"])
    assert (row["model"], row["outcome"], row["http_status"]) == ("m", None, 200)
    calls = read_calls(recorded.file)
    assert calls.number("price").tolist() == [row["price"]]
    assert calls.classes.tolist() == [""]  # only an evaluation can tell


def test_an_outcome_that_is_told_later_is_part_of_its_row(recorded):
    def use(client):
        _, one = client.chat(PROGRAM)
        _, headers, _ = client.raw_chat(PROGRAM)
        told = {"g": 4, "incorrect": 3, "repaired": 2, "kept": 1, "outcome": "ok", "item": "first"}
        assert client.post("/v1/outcomes", {"call": one["id"]} | told)[0] == 200
        assert client.post("/v1/outcomes", {"call": headers["x-llm-evo-call"], "outcome": "no_parse"})[0] == 200
        status, error = client.post("/v1/outcomes", {"call": one["id"], "g": 1, "incorrect": 0})
        assert (status, error["error"]["code"]) == (409, "told_before")  # two that differ would spoil the log
        _, headers, _ = client.raw_chat(PROGRAM)
        third = {"call": headers["x-llm-evo-call"]}
        assert client.post("/v1/outcomes", third | {"k": 2, "outcome": "ok"})[0] == 200
        assert client.post("/v1/outcomes", third | {"g": 3, "incorrect": 0})[0] == 409
        wrong = (
            ({"outcome": "ok"}, "call: expected"),
            ({"call": "nobody", "g": 1}, "call: expected"),
            ({"call": one["id"]}, "expected some of the columns"),
            ({"call": one["id"], "price": 0}, "expected columns"),
            ({"call": one["id"], "g": 1, "incorrect": 2}, "incorrect: expected at most g = 1"),
            ({"call": one["id"], "repaired": 2}, "expected some of the columns"),
            ({"call": one["id"], "outcome": "fine"}, "outcome: expected one of"),
        )
        for body, words in wrong:
            status, error = client.post("/v1/outcomes", body)
            assert (status, words in error["error"]["message"]) == (400, True), error

    _, rows = recorded(simulated(), use)
    assert [row["outcome"] for row in rows] == ["ok", "no_parse", "ok"]
    calls = read_calls(recorded.file)
    assert calls.number("repaired")[0] == 2
    assert calls.word("item").tolist() == ["first", "", ""]


@pytest.mark.parametrize("stream", [False, True])
def test_several_answers_are_as_many_calls_and_as_many_rows(recorded, stream):
    def use(client):
        _, headers, content = client.raw_chat(PROGRAM, n=3, stream=stream, max_tokens=200)
        of = {"call": headers["x-llm-evo-call"], "outcome": "ok"}
        counts = {"g": 4, "incorrect": 4, "repaired": 4, "kept": 0}
        replies = [client.post("/v1/outcomes", of | told | counts) for told in ({"choice": 2}, {"choice": 2}, {},
                   {"choice": 3}, {"choice": 0})]  # fmt: skip
        assert [status for status, _ in replies] == [200, 409, 400, 400, 200]
        assert "choice: expected which of the 3 answers" in replies[2][1]["error"]["message"]
        return content

    caps = Caps(calls=5, tokens=10**6)
    content, (row,) = recorded(simulated(), use, caps=caps)
    assert (caps.spent.calls, row["choices"]) == (3, 3)
    calls = read_calls(recorded.file)
    assert calls.classes.tolist() == ["applied", "", "applied"]
    assert np.nansum(calls.number("repaired")) == 8
    assert np.nansum(calls.number("tokens_in")) == row["tokens_in"]
    assert (b"data:" in content) == stream
    _, rows = recorded(simulated(), lambda client: client.chat(PROGRAM, n=3, max_tokens=200),
                       caps=Caps(calls=5, spent=caps.spent))  # fmt: skip
    assert len(rows) == 1  # three more would be six
    with recorded_again(recorded) as client:
        told = {"call": row["id"], "choice": 0, "g": 1, "incorrect": 1}
        assert client.post("/v1/outcomes", told)[0] == 409  # known after a restart, too
        assert client.post("/v1/outcomes", told | {"choice": 1})[0] == 200


def test_a_stream_goes_through_with_its_usage_which_only_those_see_who_asked(recorded):
    def asked(**more):
        def use(client):
            _, headers, raw = client.raw_chat(PROGRAM, stream=True, **more)
            assert headers["content-type"] == "text/event-stream"
            return raw.decode()

        return use

    text, (row,) = recorded(simulated(), asked())
    assert "usage" not in text.replace('"usage": null', "")
    assert text.endswith("data: [DONE]\n\n")
    assert row["tokens_out"] > 0
    text, rows = recorded(simulated(), asked(stream_options={"include_usage": True}))
    assert f'"completion_tokens": {rows[1]["tokens_out"]}' in text
    assert [row["call"] for row in rows] == [1, 2]


def test_a_client_that_leaves_in_the_middle_of_a_stream_has_its_usage_logged(recorded):
    def use(client):
        body = {"messages": [{"role": "user", "content": PROGRAM * 200}], "stream": True}
        content = json.dumps(body).encode()
        client.connection.request("POST", "/v1/chat/completions", content, {"Content-Type": "application/json"})
        client.connection.sock.close()
        client.connection.close()
        deadline = time.monotonic() + SECONDS
        while '"tokens_out"' not in recorded.file.read_text() and time.monotonic() < deadline:
            time.sleep(0.01)

    _, (row,) = recorded(simulated(), use)
    assert row["tokens_in"] > 0


def test_keys_and_headers_are_passed_on_and_never_written(recorded, monkeypatch):
    words = json.dumps({"error": {"message": f"Incorrect API key: {KEY}", "code": "invalid_api_key", "type": KEY}})
    stub = Stub(401, words.encode())
    chat, given = {"messages": [{"role": "user", "content": "x"}]}, {"Authorization": f"Bearer {KEY}"}
    (status, body), (row,) = recorded(stub, lambda client: client.post("/v1/chat/completions", chat, **given))
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")  # the client is told what it was told
    assert stub.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert (row["outcome"], row["told"]) == ("http_error", "invalid_api_key")
    monkeypatch.setenv("MINE", KEY)
    recorded(stub, lambda client: client.chat("x"), key="MINE", bodies=False)
    assert stub.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in recorded.file.read_text()
    assert KEY not in repr(recorded.recorder)


def test_bodies_are_written_only_if_asked_for_and_can_be_taken_out(recorded, tmp_path, capsys):
    recorded(simulated(), lambda client: client.chat(PROGRAM))
    assert "EVOLVE-BLOCK" not in recorded.file.read_text()
    recorded(simulated(), lambda client: client.chat(PROGRAM), bodies=True)
    assert recorded.file.read_text().count("EVOLVE-BLOCK") > 1
    assert strip(recorded.file, tmp_path / "clean.jsonl") == 2
    assert "EVOLVE-BLOCK" not in (tmp_path / "clean.jsonl").read_text()
    one, two = read_calls(recorded.file), read_calls(tmp_path / "clean.jsonl")
    assert (one.unused, two.unused) == (("request", "reply"), ())
    for file, private in ((recorded.file, True), (tmp_path / "clean.jsonl", False)):
        calibrate_command(file)
        assert ("which may be private" in capsys.readouterr().err) == private
    assert one.number("tokens_in").tolist() == two.number("tokens_in").tolist()
    assert oct(recorded.file.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize(
    ("caps", "sent"),
    [
        (Caps(calls=3), 3),
        (Caps(tokens=3000), None),
        (Caps(money=0.01), None),
    ],
)
def test_no_cap_is_ever_overstepped_also_by_requests_at_the_same_time(recorded, caps, sent):
    garbage = Stub(200, json.dumps({"choices": [{"message": {"content": "?"}, "finish_reason": "stop"}],
                                    "usage": {"prompt_tokens": 20, "completion_tokens": 200}}).encode())  # fmt: skip

    def use(client):
        def ask():
            other = type(client)(client.port)
            statuses.extend(other.chat("more", max_tokens=200)[0] for _ in range(8))
            other.connection.close()

        statuses, threads = [], [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses

    said = []
    statuses, rows = recorded(garbage, use, caps=caps, prices=PRICES, tell=said.append)
    (note,) = said  # once, however many are refused
    assert re.fullmatch(r"note: .*cap.*; from here on requests are answered by an error, and none is sent", note), note
    assert set(statuses) == {200, 402}
    assert len(garbage.requests) == statuses.count(200) == len(rows)
    assert sent is None or len(rows) == sent
    assert sum(row["tokens_in"] + row["tokens_out"] for row in rows) <= (caps.tokens or 1e9)
    assert sum(row["price"] for row in rows) <= (caps.money or 1e9)
    assert (caps.spent.calls, caps.spent.tokens) == (len(rows), 220 * len(rows))
    assert read_calls(recorded.file).number("tokens_out").tolist() == [200] * len(rows)  # refusals are no calls


def test_what_a_cap_cannot_bound_is_refused(recorded):
    stub = Stub(200, b"{}")
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]

    def use(client):
        return [
            client.chat("x"),
            client.post("/v1/chat/completions", {"max_tokens": 5, "messages": [{"role": "user", "content": picture}]}),
        ]

    replies, rows = recorded(stub, use, caps=Caps(tokens=10**6))
    assert [(status, body["error"]["code"]) for status, body in replies] == [
        (400, "length_needed"),
        (400, "not_bounded"),
    ]
    assert (rows, stub.requests) == ([], [])
    recorded(stub, lambda client: client.chat("x"), caps=Caps(tokens=10**6), answer_tokens=7)
    assert json.loads(stub.requests[0].body)["max_tokens"] == 7
    recorded(stub, lambda client: client.chat("x"), caps=Caps(calls=10))
    assert "max_tokens" not in json.loads(stub.requests[1].body)  # a request is otherwise what it was


def test_a_reply_without_usage_counts_with_the_most_it_may_have_come_to(recorded):
    caps = Caps(tokens=10**6)
    recorded(Stub(200, b'{"choices": [{"message": {"content": "a"}}]}'), lambda client: client.chat("x", max_tokens=50),
             caps=caps)  # fmt: skip
    assert caps.spent.tokens > 50
    (row,) = recorded_calls(recorded.file)
    assert row["most_tokens"] == caps.spent.tokens
    assert "tokens_in" not in row


@pytest.mark.parametrize(
    ("faults", "status", "outcome"),
    [("http_429", 429, "http_error"), ("http_500", 500, "http_error"), ("timeout", 504, "timeout"),
     ("empty", 200, "empty"), ("truncated", 200, "truncated")],
)  # fmt: skip
def test_what_can_be_seen_of_a_failure_is_its_outcome(recorded, faults, status, outcome):
    endpoint = simulated(faults=Faults({faults: 1.0}))
    endpoint.silence = 0.3
    caps = Caps(calls=9)

    def use(client):
        return client.raw_chat(PROGRAM)

    (found, headers, _), (row,) = recorded(endpoint, use, caps=caps)
    if faults == "timeout":  # the simulated one closes the connection
        status, outcome = 502, "http_error"
    assert (found, row["outcome"]) == (status, outcome)
    assert ("retry-after" in headers) == (status == 429)
    assert caps.spent.calls == 1


def test_an_endpoint_that_is_down_or_slow_is_told(serving, tmp_path):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    with serving(Recorder(upstream("http://127.0.0.1:9/v1"), log, Caps(tokens=5000, money=1.0), PRICES)) as client:
        status, body = client.chat("x", max_tokens=5)
        assert client.raw("GET", "/v1/models")[0] == 502
        assert client.raw("GET", "/v1/else")[0] == 404
    assert status == 502
    assert "http://127.0.0.1:9/v1 gave no reply" in body["error"]["message"]
    slow = simulated()
    slow.seconds = 3.0
    with serving(slow) as behind:
        recorder = Recorder(upstream(f"http://127.0.0.1:{behind.port}/v1", timeout=1.0), log)
        with serving(recorder) as client:
            assert client.chat(PROGRAM)[0] == 504
    log.close()
    down, slow = recorded_calls(log.path)
    assert (down["outcome"], down["most_tokens"]) == ("http_error", 0)  # never sent
    assert (slow["outcome"], slow["most_tokens"] > 0) == ("timeout", True)  # perhaps paid


def test_nothing_is_sent_where_the_log_cannot_be_written(recorded, monkeypatch):
    stub = Stub(200, b"{}")

    def use(client):
        def full(self, row):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(CallLog, "write", full)
            return client.chat("x")

    (status, body), rows = recorded(stub, use)
    assert (status, body["error"]["code"]) == (500, "log_failed")
    assert (rows, stub.requests) == ([], [])


@pytest.mark.parametrize(
    ("url", "key", "words"),
    [
        ("ftp://host/v1", None, "expected a base URL"),
        ("host/v1", None, "expected a base URL"),
        (f"https://user:{KEY}@host/v1", None, "without a password"),
        (f"https://host/v1?key={KEY}", None, "expected a base URL"),
        ("https://host:port/v1", None, "bad port"),
        ("https://host/v1", "NO_SUCH_KEY_HERE", "the environment has no 'NO_SUCH_KEY_HERE'"),
    ],
)
def test_bad_base_urls_and_missing_keys_are_told(url, key, words):
    with pytest.raises(InputError, match=re.escape(words)) as raised:
        upstream(url, key)
    assert KEY not in str(raised.value) or "?key" in url


def test_calibrate_finds_the_truth_in_a_recorded_pilot(recorded):
    blocks, rng = Blocks(4, 2), np.random.default_rng(4)
    truth = FixKeep(fix=0.4, keep=0.8)

    def use(client):
        for number in range(120):
            program = blocks.program(rng.random(4) < 0.5, rng)
            before = blocks.scores(program)
            _, body = client.chat(program)
            after = blocks.scores(body["choices"][0]["message"]["content"])
            told = {"g": 4, "incorrect": 4 - sum(before), "outcome": "ok", "item": f"item {number}"}
            told["repaired"] = sum(a and not b for a, b in zip(after, before, strict=True))
            told["kept"] = sum(a and b for a, b in zip(after, before, strict=True))
            assert client.post("/v1/outcomes", {"call": body["id"]} | told)[0] == 200

    recorded(Endpoint(Model(blocks, truth, seed=2)), use, prices=PRICES)
    (size,) = calibrate(read_calls(recorded.file)).sizes
    assert size.fix.mean.low <= 0.4 <= size.fix.mean.high
    assert size.keep.mean.low <= 0.8 <= size.keep.mean.high
    assert not size.fix.mean.low <= 0.8 <= size.fix.mean.high


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_recorder_has_lost_no_call_and_the_next_one_counts_it(serving, tmp_path):
    slow = simulated()
    slow.seconds = 30.0
    with serving(slow) as behind:
        words = [
            "record",
            "calls.jsonl",
            "--to",
            f"http://127.0.0.1:{behind.port}/v1",
            "--port",
            "0",
            "--max-calls",
            "1",
        ]
        command = [sys.executable, "-m", "experiments", *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE) as process:
            port = int(re.search(r":(\d+)/v1", process.stdout.readline())[1])
            client = type(behind)(port)
            body = json.dumps({"messages": [{"role": "user", "content": PROGRAM}]})
            client.connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            deadline = time.monotonic() + SECONDS
            while not (tmp_path / "calls.jsonl").stat().st_size and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            client.connection.close()
        (row,) = recorded_calls(tmp_path / "calls.jsonl")
        assert row["outcome"] == "no_response"
        slow.seconds = 0.0
        with (tmp_path / "calls.jsonl").open("a") as file:
            file.write('{"half')
        log = CallLog(tmp_path / "calls.jsonl", new=False)
        from experiments.serving.spend import spent_in

        caps = Caps(calls=1, spent=spent_in(log.calls))
        with serving(Recorder(upstream(f"http://127.0.0.1:{behind.port}/v1"), log, caps)) as client:
            assert client.chat(PROGRAM)[0] == 402
        log.close()
    assert len(read_calls(tmp_path / "calls.jsonl")) == 1
