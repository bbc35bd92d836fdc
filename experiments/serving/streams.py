"""What a real reply says of itself: usage, finish reason and text, from a body or from its events."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

Usage = tuple[int, int, int, int]
"""Tokens read, written, of the read ones cached, of the written ones reasoning."""


@dataclass
class Told:
    """What a reply says.

    Attributes:
        id: of the completion.
        text: of its first choice.
        finish: of its first choice.
        usage: tokens; None if not told.
        outcome: a word of the table of calls; None for an answer of which only an evaluation can tell more.
        code: of an error.
    """

    id: str | None = None
    text: str = ""
    finish: str | None = None
    usage: Usage | None = None
    outcome: str | None = None
    code: str | None = None


def from_body(status: int, content: bytes) -> Told:
    """What a whole reply says.

    >>> from_body(200, b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}').outcome
    'empty'
    """
    body = _object(content)
    if status != 200:
        error = body.get("error")
        code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
        return Told(outcome="http_error", code=code if isinstance(code, str) else None)
    told = _head(Told(), body)
    if "choices" not in body:
        return told
    choice = _first(body)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text = message.get("content")
    told.text = text if isinstance(text, str) else ""
    told.finish = _text(choice.get("finish_reason"))
    refused = bool(message.get("refusal")) or told.finish == "content_filter"
    told.outcome = _outcome(told, refused)
    return told


def from_event(told: Told, line: bytes) -> Told:
    r"""What is known after one more line of a stream.

    >>> line = b'data: {"choices": [{"delta": {"content": "ab"}, "finish_reason": "length"}]}\n'
    >>> from_event(Told(), line).outcome
    'truncated'
    """
    if not line.startswith(b"data:"):
        return told
    content = line.removeprefix(b"data:").strip()
    if content == b"[DONE]":
        return replace(told, outcome=_outcome(told, told.finish == "content_filter"))
    body = _object(content)
    told = _head(told, body)
    choice = _first(body)
    delta = choice.get("delta")
    piece = delta.get("content") if isinstance(delta, dict) else None
    told = replace(told, text=told.text + (piece if isinstance(piece, str) else ""))
    told.finish = _text(choice.get("finish_reason")) or told.finish
    if told.finish == "length":
        told.outcome = "truncated"
    return told


def is_usage_alone(line: bytes) -> bool:
    r"""Whether a line is the event that tells the usage and nothing else.

    >>> is_usage_alone(b'data: {"choices": [], "usage": {"prompt_tokens": 1}}\n'), is_usage_alone(b"data: [DONE]")
    (True, False)
    """
    body = _object(line.removeprefix(b"data:")) if line.startswith(b"data:") else {}
    return body.get("choices") == [] and body.get("usage") is not None


def _outcome(told: Told, refused: bool) -> str | None:
    if refused:
        return "refusal"
    if told.finish == "length":
        return "truncated"
    return None if told.text.strip() else "empty"


def _head(told: Told, body: dict[str, Any]) -> Told:
    name = _text(body.get("id"))
    return replace(told, id=name or told.id, usage=_usage(body.get("usage")) or told.usage)


def _usage(usage: Any) -> Usage | None:
    """Tokens, where they are whole numbers that fit together."""
    if not isinstance(usage, dict):
        return None
    read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if read is None:
        return None
    cached = _count(_object_of(usage.get("prompt_tokens_details")).get("cached_tokens")) or 0
    reasoning = _count(_object_of(usage.get("completion_tokens_details")).get("reasoning_tokens")) or 0
    return read, written or 0, min(cached, read), min(reasoning, written or 0)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _first(body: dict[str, Any]) -> dict[str, Any]:
    choices = body.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(content: bytes) -> dict[str, Any]:
    try:
        return _object_of(json.loads(content))
    except (ValueError, RecursionError):
        return {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
