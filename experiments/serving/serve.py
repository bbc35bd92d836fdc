"""The simulated endpoint: requests of OpenAI's API in, answers of the model out, a line of the log each."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from evo.errors import EvoError
from experiments.logs.recorded import SCHEMA
from experiments.serving import shapes
from experiments.serving.log import CallLog
from experiments.serving.model import HTTP, Answer, Model, tokens
from experiments.serving.prompts.asked import Asked, NotUnderstood
from experiments.serving.prompts.find import find, texts_of_messages
from experiments.serving.requests import Wrong, json_of, sha, whole
from experiments.serving.shapes import Usage, error_reply
from experiments.serving.web import Reply, Request

MOST_CHOICES = 128
ROUTES = {"/v1/chat/completions": "POST", "/v1/embeddings": "POST", "/v1/models": "GET"}
KINDS = {"/v1/chat/completions": "chat", "/v1/embeddings": "embeddings", "/v1/models": "models"}


@dataclass
class Totals:
    """What was asked of an endpoint since it began."""

    requests: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass
class Endpoint:
    """Answers requests.

    Attributes:
        model: the simulated one.
        name: of the model, as clients call it.
        log: a line a request; None for none.
        prompts: which reader of prompts.
        run: the word of the column run.
        seconds: that an answer takes.
        silence: seconds of a request that times out.
    """

    model: Model
    name: str = "sim"
    log: CallLog | None = None
    prompts: str = "auto"
    run: str = "serve"
    seconds: float = 0.0
    silence: float = 600.0
    totals: Totals = field(default_factory=Totals)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        """The reply to a request, written to the log before it is given."""
        begun = time.time()
        row: dict[str, Any] = {"kind": KINDS.get(request.path, "other"), "call": next(self._numbers)}
        try:
            reply = self._reply(request, row)
        except Wrong as wrong:
            row |= {"outcome": "http_error", "told": wrong.code}
            reply = error_reply(wrong.status, str(wrong), wrong.code, wrong.param)
        except EvoError as error:  # a mutator that cannot serve what is shown
            row |= {"outcome": "http_error", "told": "cannot_serve"}
            reply = error_reply(400, str(error), "cannot_serve")
        except Exception as error:  # a part of somebody else's: the server lives on, and nothing of the prompt is told
            row |= {"outcome": "http_error", "told": type(error).__name__}
            reply = error_reply(500, f"the mutator failed with {type(error).__name__}", "fault")
        if self.seconds:
            time.sleep(max(0.0, begun + self.seconds - time.time()))
        try:
            self._note(row, reply, begun)
        except OSError as error:  # better no answer than one that no log has
            return error_reply(500, f"the log cannot be written ({error.strerror})", "log_failed")
        return reply

    def refuse(self, status: int, words: str) -> Reply:
        """The reply to what is no request."""
        row = {"kind": "other", "call": next(self._numbers), "outcome": "http_error"}
        self._note(row, reply := error_reply(status, words), time.time())
        return reply

    def _note(self, row: dict[str, Any], reply: Reply, begun: float) -> None:
        with self._lock:
            self.totals.requests += 1
            if row["kind"] == "chat" and reply.status == 200:
                self.totals.calls += row["choices"]
                self.totals.tokens_in += row["tokens_in"]
                self.totals.tokens_out += row["tokens_out"]
            if self.log is not None:
                status = None if reply.silence is not None else reply.status
                took = max(1e-6, round(time.time() - begun, 6))
                head = {"schema": SCHEMA, "run": self.run, "t0": round(begun, 3), "seconds": took}
                self.log.write(head | {"model": self.name, "http_status": status, "price": None} | row)

    def _reply(self, request: Request, row: dict[str, Any]) -> Reply:
        method = ROUTES.get(request.path)
        if method is None:
            raise Wrong(f"there is no {request.path}; there are {', '.join(ROUTES)}", 404, "unknown_url")
        if request.method != method:
            raise Wrong(f"{request.path}: expected {method}, got {request.method}", 405, "method_not_supported")
        if request.path == "/v1/models":
            row["outcome"] = "ok"
            return shapes.json_reply(shapes.models(self.name))
        body = json_of(request)
        if request.path == "/v1/embeddings":
            return self._embeddings(body, row)
        return self._chat(body, row)

    def _embeddings(self, body: dict[str, Any], row: dict[str, Any]) -> Reply:
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise Wrong("input: expected a text or a list of texts", param="input")
        read = sum(map(tokens, texts))
        row |= {"id": self._id(row), "outcome": "ok", "tokens_in": read, "tokens_out": 0}
        return shapes.json_reply(shapes.embeddings(str(body.get("model") or self.name), texts, read))

    def _chat(self, body: dict[str, Any], row: dict[str, Any]) -> Reply:
        try:
            messages = texts_of_messages(body.get("messages"))
        except ValueError as error:
            raise Wrong(str(error), param="messages") from None
        n, seed = whole(body, "n", 1, MOST_CHOICES) or 1, whole(body, "seed", -(2**63), 2**64)
        most = whole(body, "max_completion_tokens", 1) or whole(body, "max_tokens", 1)
        prompt = "\n".join(text for _, text in messages)
        row |= {"prompt": sha(prompt), "seed": seed, "choices": n, "stream": bool(body.get("stream"))}
        try:
            asked = find(messages, self.prompts)
            row |= {"framework": asked.framework, "k": self.model.blocks.k, "item": sha(asked.program)}
            answers = [self.model.answer(asked, seed, most, number) for number in range(n)]
        except NotUnderstood as error:
            raise Wrong(str(error), 400, "prompt_not_understood", "messages") from None
        row["id"] = self._id(row)
        failed = next((answer for answer in answers if answer.fault in HTTP), None)
        if failed is not None:
            return self._failing(failed, row)
        usage = Usage(
            tokens(prompt),
            sum(tokens(answer.text) for answer in answers),
            sum(answer.thoughts // 4 for answer in answers),
        )
        row |= _told(answers, asked) | _tokens(usage)
        return self._completion(row["id"], body, answers, usage)

    def _id(self, row: dict[str, Any]) -> str:
        """Of a request that is a call of the model."""
        return f"chatcmpl-{self.run}-{row['call']}"

    def _completion(self, name: str, body: dict[str, Any], answers: list[Answer], usage: Usage) -> Reply:
        model, texts = str(body.get("model") or self.name), [(answer.text, answer.finish) for answer in answers]
        if not body.get("stream"):
            return shapes.json_reply(shapes.completion(name, model, texts, usage))
        options = body.get("stream_options")
        with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return Reply(200, shapes.events(name, model, texts, usage, with_usage), "text/event-stream")

    def _failing(self, answer: Answer, row: dict[str, Any]) -> Reply:
        row |= {"outcome": answer.outcome, "fault": answer.fault}
        if answer.fault == "timeout":
            return Reply(504, b"", silence=self.silence)
        if answer.fault == "http_429":
            return error_reply(429, "simulated: too many requests", "rate_limit_exceeded")
        return error_reply(500, "simulated: the server had an error", "server_error")


def _told(answers: list[Answer], asked: Asked) -> dict[str, Any]:
    """The columns of a request's answers; several stand in a list, of which a table has a row each."""
    columns = ("g", "incorrect", "repaired", "kept", "right")
    shas = [sha(answer.text) for answer in answers]
    if len(answers) == 1:
        (answer,) = answers
        counts = {name: getattr(answer, name) for name in columns}
        told = {"outcome": answer.outcome, "fault": answer.fault or None, "finish": answer.finish}
        return counts | told | {"response": shas[0]}
    each = [
        {name: getattr(answer, name) for name in (*columns, "outcome", "finish")}
        | {"tokens_out": tokens(answer.text), "tokens_reasoning": answer.thoughts // 4, "response": response}
        for answer, response in zip(answers, shas, strict=True)
    ]
    return {"outcome": "ok", "answers": each, "response": sha("".join(shas))}


def _tokens(usage: Usage) -> dict[str, int]:
    return {"tokens_in": usage.prompt, "tokens_out": usage.completion, "tokens_reasoning": usage.reasoning}
