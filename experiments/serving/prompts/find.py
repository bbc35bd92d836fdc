"""Whose prompt it is, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.serving.prompts.asked import Asked, Messages, NotUnderstood
from experiments.serving.prompts.gepa import gepa
from experiments.serving.prompts.openevolve import openevolve
from experiments.serving.prompts.plain import plain
from experiments.serving.prompts.shinka import shinka

READERS: dict[str, Callable[[Messages], Asked | None]] = {
    "shinka": shinka,
    "openevolve": openevolve,
    "gepa": gepa,
    "plain": plain,
}
"""In the order in which they are tried; None: a prompt of somebody else."""


def find(messages: Messages, reader: str = "auto") -> Asked:
    """What a prompt asks for.

    Args:
        messages: of the request.
        reader: of READERS, or auto: the first whose prompt it is.

    Raises: NotUnderstood.
    """
    for name in READERS if reader == "auto" else (reader,):
        asked = READERS[name](messages)
        if asked is not None:
            return asked
    raise NotUnderstood(f"expected a prompt of {reader}, got none of its headings; try --prompts auto")


def expect_reader(name: str) -> str:
    """The name of a reader of prompts.

    Raises: InputError.
    """
    if name != "auto" and name not in READERS:
        known = ", ".join(("auto", *READERS))
        raise InputError(f"--prompts: expected one of {known}, got {shown(name)}{suggestion(name, READERS)}")
    return name


def texts_of_messages(messages: Any) -> list[tuple[str, str]]:
    """Role and text of the messages of a request; parts that are no text are left out.

    Raises: ValueError if they are none.

    >>> texts_of_messages([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}])
    [('user', 'a')]
    """
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages: expected a list of messages")
    found = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise ValueError("messages: expected objects with role and content")
        content = message.get("content")
        if isinstance(content, list):
            parts = (part.get("text") for part in content if isinstance(part, dict))
            content = "\n".join(part for part in parts if isinstance(part, str))
        found.append((message["role"], content if isinstance(content, str) else ""))
    return found
