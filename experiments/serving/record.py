"""A recording pass-through: requests go on to a real endpoint, and a log keeps what they were and came to.

A line is on the disk before a request is sent, and one more when its reply has come: whatever kills the process, no
call that may be paid is missing. Keys and headers are never written, bodies only if asked for.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evo.errors import InputError
from experiments.logs.calls import Calls
from experiments.logs.columns import COLUMNS
from experiments.logs.recorded import MOST_CHOICES, NO_RESPONSE, OF_EACH, SCHEMA, answers_asked_for
from experiments.serving.log import CallLog
from experiments.serving.requests import Wrong, json_of, sha, whole
from experiments.serving.shapes import error_reply, json_reply
from experiments.serving.spend import Amount, CapReached, Caps, Prices
from experiments.serving.streams import Told, from_body, from_event, is_usage_alone
from experiments.serving.upstream import Answered, Unreachable, Upstream
from experiments.serving.web import Reply, Request

CALLS = {"/v1/chat/completions": "chat", "/v1/embeddings": "embeddings"}
OUTCOMES = "/v1/outcomes"
TOLD = ("g", "k", "incorrect", "repaired", "correct", "kept", "broken", "outcome", "item", "run", "evaluation_seconds")
"""Columns that an evaluator may tell of a call."""
BLOCKS = frozenset(("g", "k", "incorrect", "repaired", "correct", "kept", "broken"))
"""Those that have to fit together, and so are told at once."""
MOST_TEXT = 100_000
"""Characters of a body that are written."""
ROOM = 64
"""Tokens that a provider may add to a request beside one for each byte of its body."""


@dataclass
class Recorder:
    """Answers requests by asking another endpoint.

    Attributes:
        upstream: the other endpoint.
        log: of the calls.
        caps: on what is spent.
        prices: of its tokens; None if unknown, and then no money is told.
        answer_tokens: put into requests that do not limit their answer.
        bodies: whether to write requests and replies in full.
        run: the word of the column run.
    """

    upstream: Upstream
    log: CallLog
    caps: Caps = field(default_factory=Caps)
    prices: Prices | None = None
    answer_tokens: int | None = None
    bodies: bool = False
    run: str = "record"
    tell: Callable[[str], None] = lambda words: None

    def __post_init__(self) -> None:
        self._numbers, self._lock = itertools.count(1 + len(self.log.calls)), threading.Lock()
        self._ids = {str(row["id"]): str(row["id"]) for row in self.log.calls}
        self._choices = {str(row["id"]): answers_asked_for(row) for row in self.log.calls}
        self._evaluated = {
            (str(row["id"]), number)
            for row in self.log.calls
            for number, told in {0: row, **row.get(OF_EACH, {})}.items()
            if any(told.get(name) is not None for name in BLOCKS)
        }
        self._capped = False

    def __call__(self, request: Request) -> Reply:
        """The reply to a request."""
        try:
            if request.path == OUTCOMES and request.method == "POST":
                return self._outcome(json_of(request))
            if request.path == "/v1/models" and request.method == "GET":
                return self._models(request)
            if request.path in CALLS and request.method == "POST":
                return self._call(request)
            there = ", ".join((*CALLS, "/v1/models", OUTCOMES))
            raise Wrong(f"there is no {request.method} {request.path}; there are {there}", 404, "unknown_url")
        except Wrong as wrong:
            self._note(request.path, wrong.status, wrong.code)
            return error_reply(wrong.status, str(wrong), wrong.code, wrong.param)
        except OSError as error:  # of the log; a call is sent only after its line was written
            return error_reply(500, f"the log cannot be written ({error.strerror})", "log_failed")

    def refuse(self, status: int, words: str) -> Reply:
        """The reply to what is no request."""
        self._note("", status, None)
        return error_reply(status, words)

    def _note(self, path: str, status: int, code: str | None) -> None:
        """A line of a request that was no call."""
        kind = CALLS.get(path, "other")
        self.log.write(
            {"schema": SCHEMA, "t0": round(time.time(), 3), "kind": kind, "http_status": status, "told": code}
        )

    def _models(self, request: Request) -> Reply:
        try:
            found = self.upstream.send("GET", "/models", b"", request.headers)
            body = found.read()
        except Unreachable as error:
            raise Wrong(str(error), 502, "upstream_unreachable") from None
        self._note(request.path, found.status, None)
        return Reply(
            found.status, body, found.headers.pop("content-type", "application/json"), tuple(found.headers.items())
        )

    def _outcome(self, body: dict[str, Any]) -> Reply:
        """What an evaluation found of a call, as a line of the log."""
        name = body.pop("call", None)
        with self._lock:
            of = self._ids.get(name) if isinstance(name, str) else None
        if of is None:
            raise Wrong("call: expected the id of a completion, or the header x-llm-evo-call of a reply", param="call")
        choice = self._choice(of, body)
        told = {}
        for column, value in body.items():
            if column not in TOLD:
                raise Wrong(f"expected columns {', '.join(TOLD)}, got {column!r:.60}", param="columns")
            try:
                made = COLUMNS[column].read(value)
            except ValueError as error:
                raise Wrong(f"{column}: {error}, got {value!r:.60}", param=column) from None
            told[column] = int(made) if isinstance(made, float) and made.is_integer() else made
        _expect_together(told)
        if BLOCKS.intersection(told):
            with self._lock:
                before = (of, choice) in self._evaluated
                self._evaluated.add((of, choice))
            if before:
                raise Wrong("the blocks of this call were told before", 409, "told_before", "call")
        one = {"choice": choice} if self._choices[of] > 1 else {}
        self.log.write({"of": of} | one | told)
        return json_reply({"object": "outcome", "call": of} | one)

    def _choice(self, of: str, body: dict[str, Any]) -> int:
        """Which answer of a call is told of; where there are several it has to be said."""
        choice, asked = whole(body, "choice", 0), self._choices[of]
        body.pop("choice", None)
        if choice is None and asked > 1:
            raise Wrong(f"choice: expected which of the {asked} answers of this call, from 0", param="choice")
        if choice is not None and choice >= asked:
            raise Wrong(f"choice: expected a whole number from 0 to {asked - 1}, got {choice}", param="choice")
        return choice or 0

    def _call(self, request: Request) -> Reply:
        body = json_of(request)
        chat = CALLS[request.path] == "chat"
        if chat and self.caps.needs_length:
            body = self._bounded(body)
        hides = chat and bool(body.get("stream")) and not _object_of(body.get("stream_options")).get("include_usage")
        if hides:
            body = body | {"stream_options": _object_of(body.get("stream_options")) | {"include_usage": True}}
        content = json.dumps(body).encode()
        most = self._most(body, content)
        try:
            self.caps.take(most)
        except CapReached as error:
            self._tell_cap(str(error))
            raise Wrong(f"{error}; nothing was sent", 402, "cap_reached") from None
        name, begun = uuid.uuid4().hex[:16], time.time()
        self._write_sent(name, begun, request, body, most)
        try:
            found = self.upstream.send("POST", request.path.removeprefix("/v1"), content, request.headers)
        except Unreachable as error:
            return self._failed(name, begun, most, error)
        call = _Call(name, begun, most)
        if found.status == 200 and found.headers.get("content-type", "").startswith("text/event-stream"):
            stream = self._streamed(call, found, hides)
            return Reply(200, stream, "text/event-stream", (("x-llm-evo-call", name),))
        return self._whole(call, found)

    def _bounded(self, body: dict[str, Any]) -> dict[str, Any]:
        """A request of which is known how much it may come to."""
        messages = body.get("messages")
        if not isinstance(messages, list):
            raise Wrong("messages: expected a list of messages", param="messages")
        for message in messages:
            parts = message.get("content") if isinstance(message, dict) else None
            if isinstance(parts, list) and any(not isinstance(part, dict) or "text" not in part for part in parts):
                raise Wrong(
                    "expected text alone: what else a message holds no cap can bound", 400, "not_bounded", "messages"
                )
        if _answer_tokens(body) is not None:
            return body
        if self.answer_tokens is None:
            raise Wrong(
                "expected max_tokens or max_completion_tokens, since a cap on tokens or money is set; --answer-tokens "
                "N of `llm-evo record` puts one into each request that has none",
                400,
                "length_needed",
                "max_tokens",
            )
        return body | {"max_tokens": self.answer_tokens}

    def _most(self, body: dict[str, Any], content: bytes) -> Amount:
        """The most that a request may come to: no text has more tokens than bytes."""
        read, answers = len(content) + ROOM, whole(body, "n", 1, MOST_CHOICES) or 1
        written = (_answer_tokens(body) or 0) * answers
        return Amount(answers, read + written, None if self.prices is None else self.prices.most_of(read, written))

    def _write_sent(self, name: str, begun: float, request: Request, body: dict[str, Any], most: Amount) -> None:
        prompt = json.dumps(body.get("messages", body.get("input")))
        row = {
            "schema": SCHEMA, "id": name, "run": self.run, "call": next(self._numbers), "t0": round(begun, 3),
            "kind": CALLS[request.path], "model": _word(body.get("model")), "outcome": NO_RESPONSE,
            "prompt": sha(prompt), "choices": most.calls,
            "seed": body.get("seed") if isinstance(body.get("seed"), int) else None, "stream": bool(body.get("stream")),
            "most_tokens": most.tokens, "most_price": most.money,
        }  # fmt: skip
        with self._lock:
            self._choices[name] = most.calls
        self._know(name, name)
        self.log.write(row | self._body("request", json.dumps(body)))

    def _body(self, name: str, text: str) -> dict[str, Any]:
        if not self.bodies:
            return {}
        return {name: text} if len(text) <= MOST_TEXT else {name: None, f"{name}_characters": len(text)}

    def _failed(self, name: str, begun: float, most: Amount, error: Unreachable) -> Reply:
        """No reply: what was sent may be paid, and stays set aside."""
        outcome = "timeout" if error.slow else "http_error"
        row = {"of": name, "seconds": _since(begun), "outcome": outcome, "told": "upstream_unreachable"}
        if not error.sent:
            self.caps.settle(most, Amount(most.calls, 0, None if most.money is None else 0.0))
            row |= {"most_tokens": 0, "most_price": None if most.money is None else 0.0}
        self.log.write(row)
        words = f"{error}; `llm-evo record` passes requests on to it and cannot reach it"
        return error_reply(504 if error.slow else 502, words, "upstream_unreachable")

    def _whole(self, call: _Call, found: Answered) -> Reply:
        try:
            content = found.read()
        except Unreachable as error:
            return self._failed(call.name, call.begun, call.most, error)
        self._came_back(call, found.status, from_body(found.status, content), content.decode("utf-8", "replace"))
        kind = found.headers.pop("content-type", "application/json")
        return Reply(found.status, content, kind, (*found.headers.items(), ("x-llm-evo-call", call.name)))

    def _streamed(self, call: _Call, found: Answered, hides: bool) -> Iterator[bytes]:
        """Pass lines on as they come. A client that leaves does not end it: the usage stands in the last lines.

        `hides` says that the client did not ask for the usage, and does not get the event that tells it.
        """
        told, kept = Told(), list[bytes]()
        lines = found.lines()
        try:
            for line in lines:
                told = from_event(told, line)
                self._know(told.id, call.name)
                kept.append(line)
                if not (hides and is_usage_alone(line)):
                    yield line
        except Unreachable:
            told.failed = NO_RESPONSE
        except GeneratorExit:
            for line in _rest(lines):
                told = from_event(told, line)
                kept.append(line)
            raise
        finally:
            self._came_back(call, 200, told, b"".join(kept).decode("utf-8", "replace"))

    def _came_back(self, call: _Call, status: int, told: Told, text: str) -> None:
        """Write what a call came to, and settle it; without usage what was set aside stays spent."""
        row: dict[str, Any] = {"of": call.name, "seconds": _since(call.begun), "http_status": status}
        row |= {"outcome": told.outcome, "finish": told.finish, "response": sha(told.text), "told": _code(told.code)}
        if call.most.calls > 1 and told.said:
            each = [(answer.outcome(told.whole), answer) for answer in told.answers[: call.most.calls]]
            row["answers"] = [
                {"outcome": word, "finish": answer.finish, "response": sha(answer.text)} for word, answer in each
            ]
            row |= {"outcome": told.failed, "finish": None}  # of no single answer
        usage = told.usage
        if usage is not None:
            read, written, cached, reasoning = usage
            price = None if self.prices is None else round(self.prices.of(*usage), 12)
            row |= {"tokens_in": read, "tokens_out": written, "tokens_cached": cached, "tokens_reasoning": reasoning}
            row["price"] = price
            self.caps.settle(call.most, Amount(call.most.calls, read + written, price))
        elif status != 200:
            nothing = None if call.most.money is None else 0.0
            self.caps.settle(call.most, Amount(call.most.calls, 0, nothing))
            row |= {"most_tokens": 0, "most_price": nothing}
        self._know(told.id, call.name)
        self.log.write(row | self._body("reply", text))

    def _know(self, completion: str | None, name: str) -> None:
        """An evaluation may tell of a call as soon as the client has the id of its completion."""
        if completion is not None:
            with self._lock:
                self._ids[completion] = name

    def _tell_cap(self, words: str) -> None:
        with self._lock:
            first, self._capped = not self._capped, True
        if first:
            self.tell(f"note: {words}; from here on requests are answered by an error, and none is sent")


@dataclass(frozen=True)
class _Call:
    """A call under way: its name, when it was sent, the most it may come to."""

    name: str
    begun: float
    most: Amount


def _rest(lines: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from lines
    except Unreachable:
        return


def _object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _answer_tokens(body: dict[str, Any]) -> int | None:
    return whole(body, "max_completion_tokens", 1) or whole(body, "max_tokens", 1)


def _expect_together(told: dict[str, Any]) -> None:
    """Counts of an outcome that fit together, since a log with others would be refused when it is read."""
    if not told:
        raise Wrong(f"expected some of the columns {', '.join(TOLD)}", param="columns")
    numbers = {name: np.array([float(value)]) for name, value in told.items() if COLUMNS[name].is_number}
    words = {name: np.array([value], dtype=object) for name, value in told.items() if not COLUMNS[name].is_number}
    if not numbers.keys() - {"evaluation_seconds"}:
        return
    try:
        Calls("an outcome", "", np.array([1]), numbers, words).checked()
    except InputError as error:
        told_wrong = str(error).removeprefix("an outcome: ").removeprefix("line 1: ")
        raise Wrong(told_wrong, param="columns") from None


def _word(value: Any) -> str | None:
    """A name that a table may hold."""
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 200 else None


def _code(code: Any) -> str | None:
    """A code of an error, never its words, which may quote a key."""
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else None


def _since(begun: float) -> float:
    return max(1e-6, round(time.time() - begun, 6))
