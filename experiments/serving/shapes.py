"""The shapes of OpenAI's API: completions, whole and streamed, models, embeddings, errors."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.serving.web import Reply

TYPES = {401: "authentication_error", 402: "insufficient_quota", 404: "not_found_error", 429: "rate_limit_error"}
DIMENSIONS = 256
PIECES = 4
"""In which an answer is streamed."""


@dataclass(frozen=True)
class Usage:
    """Tokens of a request, those of reasoning among the completion's."""

    prompt: int
    completion: int
    reasoning: int = 0

    def as_json(self) -> dict[str, Any]:
        """As OpenAI tells it."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }


def error_reply(status: int, words: str, code: str | None = None, param: str | None = None) -> Reply:
    """An error in OpenAI's shape; 429 says after how many seconds to try again.

    >>> json.loads(error_reply(404, "no such page").body)["error"]["type"]
    'not_found_error'
    """
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    body = {"error": {"message": words, "type": kind, "param": param, "code": code}}
    return Reply(status, json.dumps(body).encode(), headers=(("Retry-After", "1"),) if status == 429 else ())


def json_reply(body: Any) -> Reply:
    """A reply of 200."""
    return Reply(200, json.dumps(body).encode())


def completion(name: str, model: str, texts: Sequence[tuple[str, str]], usage: Usage) -> dict[str, Any]:
    """A completion.

    Args:
        name: its id.
        model: which one.
        texts: of each choice its text and its finish reason.
        usage: tokens of all choices.
    """
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text, "refusal": None}, "finish_reason": finish,
         "logprobs": None}
        for i, (text, finish) in enumerate(texts)
    ]  # fmt: skip
    return _head(name, model, "chat.completion") | {"choices": choices, "usage": usage.as_json()}


def events(name: str, model: str, texts: Sequence[tuple[str, str]], usage: Usage, with_usage: bool) -> Iterator[bytes]:
    """The same as server-sent events: a few pieces a choice, its end, the usage if asked for, [DONE]."""
    head = _head(name, model, "chat.completion.chunk") | ({"usage": None} if with_usage else {})

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event(head | {"choices": [choice]})

    for index, (text, finish) in enumerate(texts):
        yield chunk(index, {"role": "assistant", "content": ""})
        size = -(-len(text) // PIECES) or 1
        for start in range(0, len(text), size):
            yield chunk(index, {"content": text[start : start + size]})
        yield chunk(index, {}, finish)
    if with_usage:
        yield _event(head | {"choices": [], "usage": usage.as_json()})
    yield b"data: [DONE]\n\n"


def models(name: str) -> dict[str, Any]:
    """The list of the one model."""
    return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "llm-evo"}]}


def embeddings(model: str, texts: Sequence[str], tokens: int) -> dict[str, Any]:
    """Embeddings by counts of hashed triples of letters, of length 1: texts that share much lie near each other."""
    data = [{"object": "embedding", "index": i, "embedding": _embedding(text)} for i, text in enumerate(texts)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": model, "data": data, "usage": usage}


def _embedding(text: str) -> list[float]:
    counts = [0.0] * DIMENSIONS
    for start in range(max(1, len(text) - 2)):
        counts[hashlib.sha256(text[start : start + 3].encode()).digest()[0]] += 1.0
    length = math.sqrt(sum(count * count for count in counts))
    return [round(count / length, 6) for count in counts]


def _head(name: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": name, "object": kind, "created": int(time.time()), "model": model}


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"
