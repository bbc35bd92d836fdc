"""What a real reply says of itself: usage, finish reason and text, from a body or from its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from experiments.logs.recorded import MOST_CHOICES

Usage = tuple[int, int, int, int]
"""Tokens read, written, of the read ones cached, of the written ones reasoning."""


@dataclass
class Said:
    """One of the answers of a reply.

    Attributes:
        text: of it.
        finish: why it ended.
        refused: whether the model, or a filter, refused.
    """

    text: str = ""
    finish: str | None = None
    refused: bool = False

    def outcome(self, whole: bool) -> str | None:
        """A word of the table of calls; None for an answer of which only an evaluation can tell more.

        Args:
            whole: whether no more of it will come.
        """
        if self.refused or (whole and self.finish == "content_filter"):
            return "refusal"
        if self.finish == "length":
            return "truncated"
        return "empty" if whole and not self.text.strip() else None


@dataclass
class Told:
    """What a reply says.

    Attributes:
        id: of the completion.
        said: its answers, by their numbers.
        usage: tokens of all of them; None if not told.
        whole: whether all of it has come.
        failed: the outcome of a reply that is no answer.
        code: of an error.
    """

    id: str | None = None
    said: dict[int, Said] = field(default_factory=dict)
    usage: Usage | None = None
    whole: bool = False
    failed: str | None = None
    code: str | None = None

    @property
    def answers(self) -> list[Said]:
        """In order; of one that is missing, nothing was said."""
        return [self.said.get(number, Said()) for number in range(max(self.said, default=-1) + 1)]

    @property
    def text(self) -> str:
        """Of all answers."""
        return "".join(each.text for each in self.answers)

    @property
    def outcome(self) -> str | None:
        """Of the first answer."""
        return self.failed or (self.said[0].outcome(self.whole) if 0 in self.said else None)

    @property
    def finish(self) -> str | None:
        """Of the first answer."""
        return self.said[0].finish if 0 in self.said else None


def from_body(status: int, content: bytes) -> Told:
    """What a whole reply says.

    >>> from_body(200, b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}').outcome
    'empty'
    """
    body = _object(content)
    if status != 200:
        error = body.get("error")
        code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
        return Told(failed="http_error", code=code if isinstance(code, str) else None)
    told = _head(Told(whole=True), body)
    if "choices" in body:
        told.said[0] = Said()  # a reply without choices is an empty answer
    for number, choice in _choices(body):
        message = _object_of(choice.get("message"))
        finish, refused = _text(choice.get("finish_reason")), bool(message.get("refusal"))
        told.said[number] = Said(_text(message.get("content")) or "", finish, refused)
    return told


def from_event(told: Told, line: bytes) -> Told:
    r"""What is known after one more line of a stream, which may tell of any of its answers.

    >>> line = b'data: {"choices": [{"delta": {"content": "ab"}, "finish_reason": "length"}]}\n'
    >>> from_event(Told(), line).outcome
    'truncated'
    """
    if not line.startswith(b"data:"):
        return told
    content = line.removeprefix(b"data:").strip()
    if content == b"[DONE]":
        told.said.setdefault(0, Said())
        return replace(told, whole=True)
    body = _object(content)
    told = _head(told, body)
    for number, choice in _choices(body):
        delta, said = _object_of(choice.get("delta")), told.said.setdefault(number, Said())
        said.text += _text(delta.get("content")) or ""
        said.finish = _text(choice.get("finish_reason")) or said.finish
        said.refused |= bool(delta.get("refusal"))
    return told


def is_usage_alone(line: bytes) -> bool:
    r"""Whether a line is the event that tells the usage and nothing else.

    >>> is_usage_alone(b'data: {"choices": [], "usage": {"prompt_tokens": 1}}\n'), is_usage_alone(b"data: [DONE]")
    (True, False)
    """
    body = _object(line.removeprefix(b"data:")) if line.startswith(b"data:") else {}
    return body.get("choices") == [] and body.get("usage") is not None


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


def _choices(body: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The choices of a body or an event, with their numbers; where they stand if they do not say it."""
    choices = body.get("choices")
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        number = _object_of(choice).get("index", place)
        if isinstance(choice, dict) and type(number) is int and 0 <= number < MOST_CHOICES:
            yield number, choice


def _object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(content: bytes) -> dict[str, Any]:
    try:
        return _object_of(json.loads(content))
    except (ValueError, RecursionError):
        return {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
