"""Each field of a reply and of an answer is its own: usage in a log, what stays of a stream, blocks of a program."""

import asyncio
import http.client
import json
import re
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from evo import UniformChunk
from experiments.running.real import EndpointLost
from experiments.serving import evaluator, model, shapes, web
from experiments.serving.log import CallLog, recorded_calls
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.prompts.find import find
from experiments.serving.real import executor as real_executor
from experiments.serving.real import retries, runs
from experiments.serving.real.answers import Answer, Answers
from experiments.serving.real.client import NoAnswer
from experiments.serving.real.desk import Desk, Patience, Question, was_sent
from experiments.serving.real.executor import RealExecutor
from experiments.serving.real.retries import Failed
from experiments.serving.record import Recorder
from experiments.serving.requests import sha
from experiments.serving.shapes import error_reply
from experiments.serving.spend import Amount, Caps, Prices, spent_in
from experiments.serving.streams import Told, from_body, from_event
from experiments.serving.upstream import Unreachable, upstream
from experiments.serving.web import Reply
from operators import FixKeep

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 40,
    "prompt_tokens_details": {"cached_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 7},
}
PRICES = {"prompt": 2.0, "cached": 3.0, "generated": 5.0, "reasoning": 11.0, "call": 13.0}
PRICE = 2.0 * 70 + 3.0 * 30 + 5.0 * 33 + 11.0 * 7 + 13.0


def lines(*events):
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events) + b"data: [DONE]\n\n"


ANSWER = {"index": 0, "message": {"content": "text"}, "finish_reason": "stop"}
PIECES = [{"choices": [{"index": 0, "delta": {"content": each}}]} for each in ("te", "xt")]
LAST = {"choices": [], "usage": USAGE}
REPLIES = {
    "whole": Reply(200, json.dumps({"id": "one", "choices": [ANSWER], "usage": USAGE}).encode()),
    "streamed": Reply(200, lines({"id": "one"} | PIECES[0], PIECES[1], LAST), "text/event-stream"),
}  # fmt: skip


class Says:
    """An endpoint that says one thing."""

    def __init__(self, reply):
        self.reply = reply

    def __call__(self, request):
        return self.reply

    def refuse(self, status, words):
        return Reply(status, b"{}")


@pytest.mark.parametrize("how", REPLIES)
def test_each_kind_of_tokens_stands_in_its_own_column_and_has_its_own_price(how, serving, tmp_path):
    log, caps = CallLog(tmp_path / "calls.jsonl", new=True), Caps(money=10_000.0)
    with serving(Says(REPLIES[how])) as behind:
        recorder = Recorder(upstream(f"http://127.0.0.1:{behind.port}/v1", None, 5.0), log, caps, Prices(PRICES))
        with serving(recorder) as client:
            client.raw_chat("x", max_tokens=50, stream=how == "streamed")
    log.close()
    (row,) = recorded_calls(log.path)
    found = {name: row[name] for name in ("tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning", "price")}
    assert found == {
        "tokens_in": 100, "tokens_cached": 30, "tokens_out": 40, "tokens_reasoning": 7, "price": PRICE
    }  # fmt: skip
    assert caps.spent == Amount(1, 140, PRICE)


def told_of(events):
    told = Told()
    for event in events:
        told = from_event(told, b"data: " + json.dumps(event).encode())
    return told


def said(**delta):
    return {"choices": [{"index": 0, "delta": delta}]}


PARTS = [
    {"id": "one", **said()}, said(refusal="no"), {"choices": [], "usage": USAGE},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
]  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_what_a_stream_has_told_once_stays(order):
    """Events of four kinds in any order, each followed by one that tells nothing of it."""
    told = told_of([event for at in order for event in (PARTS[at], said(content="a"))])
    (answer,) = told.answers
    assert (told.id, told.usage) == ("one", (100, 40, 30, 7))
    assert (answer.refused, answer.finish, answer.text) == (True, "length", "aaaa")
    assert told.outcome == "refusal"


def test_a_body_tells_the_same_of_each_answer():
    choices = [
        {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"},
        {"index": 1, "message": {"content": "b", "refusal": "no"}, "finish_reason": "stop"},
        {"index": 2, "message": {"content": ""}, "finish_reason": "length"},
        {"index": 3, "message": {"content": " "}, "finish_reason": "stop"},
        {"index": 4, "message": {"content": "c"}, "finish_reason": "content_filter"},
    ]
    told = from_body(200, json.dumps({"id": "one", "choices": choices, "usage": USAGE}).encode())
    assert [each.outcome(told.whole) for each in told.answers] == [None, "refusal", "truncated", "empty", "refusal"]
    assert [each.text for each in told.answers] == ["a", "b", "", " ", "c"]
    assert (told.id, told.usage) == ("one", (100, 40, 30, 7))


def test_counts_of_an_answer_are_those_of_its_chunk_and_right_are_those_of_the_whole_program():
    blocks, rng = Blocks(6, 1), np.random.default_rng(2)
    model, seen = Model(blocks, FixKeep(fix=0.5, keep=0.5), UniformChunk(g=2)), set()
    for _ in range(40):
        before = rng.random(6) < 0.5
        asked = find([("user", blocks.program(before.tolist(), rng))])
        made = model.answer(asked)
        after = np.array(blocks.scores(made.text), dtype=bool)
        repaired, broken = int((after & ~before).sum()), int((before & ~after).sum())
        assert (made.g, made.right, made.repaired) == (2, int(after.sum()), repaired)
        assert made.g - made.incorrect - made.kept == broken
        assert made.right == int(before.sum()) + repaired - broken
        seen.add((made.incorrect, made.repaired, made.kept))
    assert len(seen) > 5


# -------------------------------------------------------------------------------------------------- how often is tried


@pytest.mark.parametrize(
    ("status", "tries", "sent"), [(503, 1, 1), (503, 3, 3), (None, 2, 2), (429, 2, 2), (401, 3, 1)]
)
def test_a_request_is_sent_as_often_as_patience_says(status, tries, sent, tmp_path):
    """And once where no other try may change anything."""
    requests = []

    class Fails:
        address = "http://127.0.0.1:9/v1"

        async def send(self, request):
            requests.append(request)
            raise NoAnswer(Failed(status, None, f"status {status}"))

        async def close(self):
            pass

    async def asked():
        log = CallLog(tmp_path / "calls.jsonl", new=True)
        desk = Desk(Answers([]), log, Fails(), Caps(), None, Patience(tries, longest_wait=0.0))
        with pytest.raises(EndpointLost, match=f"status {status}" + (f", {sent} times;" if sent > 1 else ";")):
            await desk.ask(Question("run", 1, 0, {"messages": []}, {}))
        await desk.close()

    asyncio.run(asked())
    assert len(requests) == sent


@pytest.mark.parametrize("prices", [None, Prices({"prompt": 2.0, "generated": 5.0})], ids=["unpriced", "priced"])
@pytest.mark.parametrize(("failed", "outcome", "calls", "paid"), [
    (Failed(429, "rate_limited", "status 429"), "http_error", 1, False),  # an error is a request, and is not paid
    (Failed(500, None, "status 500"), "http_error", 1, False),
    (Failed(None, None, "no reply", slow=True), "timeout", 1, True),  # it may have arrived
    (Failed(None, None, "no reply"), "http_error", 1, True),
    (Failed(None, None, "no reply", sent=False), "http_error", 0, False),  # it has not left this machine
    (Failed(None, None, "no reply in time", sent=False, slow=True), "timeout", 0, False),
])  # fmt: skip
def test_what_a_request_that_failed_may_have_cost_stays_spent(failed, outcome, calls, paid, prices, tmp_path):
    """The caps of this launch, the line of the log, and the caps of the next launch say the same."""
    most = Amount(1, 60, None if prices is None else 150.0)
    log, caps = CallLog(tmp_path / "calls.jsonl", new=True), Caps()
    desk = Desk(Answers([]), log, None, caps, prices, Patience())
    caps.take(most)
    sent = {"schema": "llm-evo calls 1", "id": "one", "most_tokens": 60, "most_price": most.money}
    log.write(sent)
    desk._failed("one", 0.0, most, failed)
    log.close()
    nothing = Amount(calls, 0, None if prices is None else 0.0)
    assert caps.spent == (most if paid else nothing)
    row = json.loads(log.path.read_text().splitlines()[-1])
    assert row.pop("seconds") > 0
    assert row == {"of": "one", "http_status": failed.status, "outcome": outcome, "told": failed.code} | (
        {} if paid else {"most_tokens": 0, "most_price": nothing.money}
    )
    after = spent_in([row for row in recorded_calls(log.path) if was_sent(row)], prices)
    assert (after.calls, after.tokens, after.money or 0.0) == (
        caps.spent.calls, caps.spent.tokens, caps.spent.money or 0.0,
    )  # fmt: skip


@pytest.mark.parametrize("untold", [(), (0,), (1,), (2,), (0, 2)])
def test_tokens_of_a_run_are_told_where_those_of_all_of_its_calls_are(untold):
    """And requests in any case: 1, 2 and 3 of three calls, the last one with 30 of 300 tokens read from a cache."""
    spent = np.zeros(len(runs.ENTRIES), dtype=np.int64)
    usages = [(100, 10, 0, 0), (200, 20, 0, 5), (300, 30, 30, 0)]
    for number, usage in enumerate(usages):
        told = None if number in untold else usage
        spent = runs._plus(spent, Answer(str(number), "text", None, told, number + 1, False))
    assert runs.ENTRIES == ("calls", "prompt_tokens", "generated_tokens", "cached_tokens", "reasoning_tokens")
    assert spent.tolist() == ([6, -1, -1, -1, -1] if untold else [6, 600, 60, 30, 5])


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("after", [True, False])
def test_a_block_is_repaired_or_kept_by_what_it_was(before, after):
    """Two of the kind beside one that was repaired, one kept, one broken and one left wrong."""
    olds, news = [False, True, True, False, before, before], [True, True, False, False, after, after]
    assert runs._counts(olds, news) == {"repaired": 1 + 2 * (after and not before), "kept": 1 + 2 * (after and before)}


DATE = "Thu, 01 Jan 2026 00:01:40 GMT"
AT_THE_DATE = 1767225700.0


@pytest.mark.parametrize(
    ("headers", "now", "seconds"),
    [
        ({"retry-after": "2", "retry-after-ms": "250"}, 0.0, 0.25),  # the finer one
        ({"retry-after": "2", "retry-after-ms": "soon"}, 0.0, 2.0),
        ({"retry-after": "0"}, 0.0, 0.0),
        ({"retry-after": "-1"}, 0.0, None),
        ({"retry-after": "inf"}, 0.0, None),
        ({"retry-after": "nan"}, 0.0, None),
        ({"retry-after": "-1", "retry-after-ms": "-1"}, 0.0, None),
        ({"retry-after": DATE}, AT_THE_DATE - 100.0, 100.0),
        ({"retry-after": DATE}, AT_THE_DATE + 100.0, 0.0),  # a date that is past
        ({"retry-after": "some day"}, 0.0, None),
    ],
    ids=str,
)
def test_what_an_endpoint_asks_to_wait_for_is_read_in_each_of_its_ways(headers, now, seconds, monkeypatch):
    monkeypatch.setattr(retries.time, "time", lambda: now)
    assert retries.retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("wait", "tries", "seconds"),
    [(None, 1, 0.5), (None, 2, 1.0), (None, 5, 8.0), (None, 6, 10.0), (None, 5000, 10.0), (0.0, 6, 0.0), (3.0, 1, 3.0),
     (11.0, 1, 10.0)],
)  # fmt: skip
def test_waits_double_from_half_a_second_to_the_longest_unless_the_endpoint_says_another(wait, tries, seconds):
    assert retries.seconds_to_wait(Failed(503, None, "", wait=wait), tries, 10.0) == seconds


@pytest.mark.parametrize(
    ("status", "passes"),
    [(None, True), (400, False), (401, False), (404, False), (408, True), (409, True), (429, True), (499, False),
     (500, True), (503, True)],
)  # fmt: skip
def test_another_try_is_made_where_it_may_succeed(status, passes):
    assert Failed(status, None, "").may_pass is passes


# ----------------------------------------------------------------------------------------- what a kept answer says

TOKENS = {"tokens_in": 100, "tokens_out": 40, "tokens_cached": 30, "tokens_reasoning": 7}


@pytest.mark.parametrize(
    ("outcome", "spoilt", "noted"),
    [
        (None, None, False),
        ("no_response", None, False),  # its reply has come, and the launch was killed before it was evaluated
        ("ok", None, True),
        ("no_parse", None, True),
        ("truncated", "truncated", True),
        ("refusal", "refusal", True),
        ("empty", "empty", True),
    ],
)
def test_what_became_of_a_kept_answer_is_noted_once_and_what_did_not_is_noted_when_it_is_used_again(
    outcome, spoilt, noted
):
    row = {"id": "x", "asked": "a", "reply": "text", "outcome": outcome}
    assert Answers([row]).get("a") == Answer("x", "text", spoilt, None, 1, noted)


def test_a_kept_answer_is_the_first_with_a_reply_with_all_requests_until_then():
    """Usage is that of its own row; tokens that are not told are none of those two kinds, or no usage at all."""
    rows = [
        {"id": "w", "asked": "a", "outcome": "http_error"},
        {"id": "x", "asked": "a", "reply": "first"} | TOKENS,
        {"id": "y", "asked": "a", "reply": "second"} | TOKENS,
        {"id": "z", "asked": "b", "reply": "other", "tokens_in": 3, "tokens_out": 2},
        {"id": "v", "asked": "c", "reply": "last", "tokens_in": 3},
        {"id": "t", "asked": "e", "reply": "least", "tokens_out": 2},
        {"id": "u", "reply": "of somebody else"},
    ]
    kept = Answers(rows)
    assert kept.get("a") == Answer("x", "first", None, (100, 40, 30, 7), 2, False)
    assert kept.get("b") == Answer("z", "other", None, (3, 2, 0, 0), 1, False)
    assert kept.get("c") == Answer("v", "last", None, None, 1, False)
    assert kept.get("e") == Answer("t", "least", None, None, 1, False)
    assert (kept.get("d"), len(kept)) == (None, 4)
    assert [kept.sent(each) for each in ("a", "b", "d")] == [4, 2, 1]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "insufficient_quota"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (499, "invalid_request_error"),
        (500, "server_error"),
        (504, "server_error"),
    ],
)
def test_an_error_has_the_type_of_its_status(status, kind):
    reply = error_reply(status, "no", "a_code", "messages")
    error = {"message": "no", "type": kind, "param": "messages", "code": "a_code"}
    assert (reply.status, json.loads(reply.body)) == (status, {"error": error})
    assert dict(reply.headers) == ({"Retry-After": "1"} if status == 429 else {})


USED = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12,
        "completion_tokens_details": {"reasoning_tokens": 2}}  # fmt: skip


@pytest.mark.parametrize("with_usage", [True, False])
def test_each_event_of_a_stream_is_told_and_the_usage_where_it_was_asked_for(with_usage, monkeypatch):
    """Ten letters in four pieces are 3, 3, 3 and 1; an empty answer has its beginning and its end alone."""
    monkeypatch.setattr("experiments.serving.shapes.time.time", lambda: 1234.5)
    head = {"id": "one", "object": "chat.completion.chunk", "created": 1234, "model": "m"}
    head |= {"usage": None} if with_usage else {}  # a client that did not ask for it does not see the word

    def chunk(index, delta, finish=None):
        return head | {"choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}]}

    said = [
        chunk(0, {"role": "assistant", "content": ""}),
        *(chunk(0, {"content": piece}) for piece in ("abc", "def", "ghi", "j")), chunk(0, {}, "stop"),
        chunk(1, {"role": "assistant", "content": ""}), chunk(1, {}, "length"),
        *([head | {"choices": [], "usage": USED}] if with_usage else []),
    ]  # fmt: skip
    *told, end = shapes.events("one", "m", [("abcdefghij", "stop"), ("", "length")], shapes.Usage(7, 5, 2), with_usage)
    assert [json.loads(each.removeprefix(b"data: ")) for each in told] == said
    assert all(each.startswith(b"data: ") and each.endswith(b"\n\n") for each in told)
    assert end == b"data: [DONE]\n\n"


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize(("host", "local"), [
    ("localhost", True), ("localhost:8017", True), ("127.0.0.1", True), ("127.0.0.1:8017", True), ("[::1]", True),
    ("[::1]:8017", True), ("::1", False), ("evil.example", False), ("evil.example:8017", False),
    ("localhost.evil.example:8017", False), ("127.0.0.1.evil.example", False), ("[::1].evil.example", False),
    ("192.168.0.7:8017", False), ("", False),
])  # fmt: skip
def test_a_page_in_a_browser_reaches_this_machine_under_none_of_its_names(host, local, guarded):
    """A name that leads here from elsewhere is another host to a browser; an open endpoint asks nobody."""
    refused = SimpleNamespace(guarded=guarded, refuse=lambda status, words: (status, words))
    handler = SimpleNamespace(headers={"host": host}, server=refused, _closing=refused.refuse)
    found = web._Handler._refused(handler)
    names = "expected the host to be one of localhost, 127.0.0.1, [::1], ::1, got another name"
    assert found == (None if local or not guarded else (421, names))


@pytest.mark.parametrize(("url", "address", "in_the_open"), [
    ("http://far.example/v1", "http://far.example/v1", True), ("http://10.0.0.7:80/v1/", "http://10.0.0.7:80/v1", True),
    ("https://far.example/v1", "https://far.example/v1", False), ("http://0.0.0.0:9", "http://0.0.0.0:9", True),
    ("http://localhost:9/v1", "http://localhost:9/v1", False), ("http://127.0.0.1/v1", "http://127.0.0.1/v1", False),
    ("https://127.0.0.1/v1", "https://127.0.0.1/v1", False), ("http://[::1]:9/v1", "http://[::1]:9/v1", False),
    ("http://[2001:db8::7]/v1", "http://[2001:db8::7]/v1", True),
])  # fmt: skip
def test_a_key_is_read_by_others_on_its_way_to_another_machine_without_encryption_alone(url, address, in_the_open):
    found = upstream(url)
    assert (found.address, found.in_the_open) == (address, in_the_open)


@pytest.mark.parametrize(("url", "kind", "to"), [
    ("http://far.example/v1", "HTTPConnection", ("far.example", 80)),
    ("https://far.example/v1", "HTTPSConnection", ("far.example", 443)),
    ("http://[2001:db8::7]/v1", "HTTPConnection", ("2001:db8::7", 80)),
    ("https://[2001:db8::7]/v1", "HTTPSConnection", ("2001:db8::7", 443)),
    ("http://[::1]:9/v1", "HTTPConnection", ("::1", 9)),
    ("https://far.example:9/v1", "HTTPSConnection", ("far.example", 9)),
])  # fmt: skip
def test_a_request_goes_to_the_host_and_the_port_of_its_url(url, kind, to, monkeypatch):
    """The port of its scheme where none is said: nothing of an address of IPv6 is taken for one."""
    went = []

    def connect(connection):
        went.append((type(connection).__name__, (connection.host, connection.port)))
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", connect)
    monkeypatch.setattr(http.client.HTTPSConnection, "connect", connect)
    found = upstream(url)
    with pytest.raises(Unreachable, match=rf"^{re.escape(found.address)} gave no reply \(refused\)$") as error:
        found.send("GET", "/models", b"", {})
    assert (went, error.value.sent) == ([(kind, to)], False)


def test_a_text_is_told_by_the_first_digits_of_its_hash():
    """Of FIPS 180-2, B.1."""
    assert sha("abc") == "ba7816bf8f01cfea"


# ------------------------------------------------------------------------------------------- batches that are given up


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_batches_that_came_back_are_given_before_those_that_were_given_up_end_the_launch(waiting, monkeypatch):
    """In one round: one is done, one was under way as the desk ended, some waited."""
    desk = SimpleNamespace(ended=None)
    executor = RealExecutor(lambda: desk, at_once=2)
    executor._desk, executor._loop = desk, asyncio.new_event_loop()
    monkeypatch.setattr(real_executor, "outcome_of", lambda job, answer: (job, answer))

    async def answered(job):
        desk.ended = EndpointLost("gone")
        return "rows" if job == "done" else None

    monkeypatch.setattr(executor, "_answer", answered)
    executor.submit(["done", "under way", *["waits"] * waiting])
    assert executor.finished(1.0) == [("done", "rows")]
    assert executor.busy == 1 + waiting
    with pytest.raises(EndpointLost, match="gone"):
        executor.finished(1.0)
    assert (executor.busy, executor.free) == (0, 0)
    executor._loop.close()


def test_the_file_of_the_evaluator_is_its_own_source_with_one_line_for_the_problem(monkeypatch):
    """A source that has another line than is looked for is told, not written without the problem."""
    source = Path(evaluator.__file__).read_text(encoding="utf-8").splitlines()
    made = Blocks(3, 5, "it's").evaluator_source().splitlines()
    assert [(old, new) for old, new in zip(source, made, strict=True) if old != new] == [
        ('K, L, NAME = 4, 2, "blocks"', 'K, L, NAME = 3, 5, "it\'s"')
    ]
    for name, value, line in (("K", 5, '5, 2, "blocks"'), ("L", 1, '4, 1, "blocks"'), ("NAME", "b", '4, 2, "b"')):
        with monkeypatch.context() as other:
            other.setattr(evaluator, name, value)
            with pytest.raises(AssertionError, match=f"^the evaluator's file has no line K, L, NAME = {line}$"):
                Blocks(3, 5).evaluator_source()


@pytest.mark.parametrize(("outcome", "most"), [("ok", 2), ("ok", 3), ("ok", None), ("refused", 2)])
def test_an_answer_that_is_cut_off_says_nothing_of_blocks(outcome, most):
    """Of 12 letters, 3 tokens of 4: what 2 tokens leave is no program; refusals stay what they are."""
    made = model.Answer("123412341234", "stop", outcome, g=2, incorrect=1, repaired=1, kept=1, right=2, thoughts=9)
    cut = {"text": "12341234", "finish": "length", "thoughts": 8} if most == 2 else {}
    if cut and outcome == "ok":
        cut |= {"outcome": "truncated", "repaired": None, "kept": None, "right": None}
    assert model._limited(made, most) == replace(made, **cut)
