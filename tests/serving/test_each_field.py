"""Each field of a reply and of an answer is its own: usage in a log, what stays of a stream, blocks of a program."""

import asyncio
import json
from itertools import permutations

import numpy as np
import pytest

from evo import UniformChunk
from experiments.running.real import EndpointLost
from experiments.serving.log import CallLog, recorded_calls
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.prompts.find import find
from experiments.serving.real.answers import Answers
from experiments.serving.real.client import NoAnswer
from experiments.serving.real.desk import Desk, Patience, Question
from experiments.serving.real.retries import Failed
from experiments.serving.record import Recorder
from experiments.serving.spend import Amount, Caps, Prices
from experiments.serving.streams import Told, from_body, from_event
from experiments.serving.upstream import upstream
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
