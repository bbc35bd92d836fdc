"""GEPA (0.1.4): what it tells its callbacks, as `gepa_callback.py` beside this file writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from experiments.logs.calls import Calls
from experiments.logs.columns import Value
from experiments.logs.frameworks.files import text_of
from experiments.logs.frameworks.gepa_callback import FORMAT
from experiments.logs.frameworks.scores import better, counts, whole, word
from experiments.logs.table import json_objects, table_of

LOST = (
    "tokens, money and model of a call; calls of the task's own model; retries over HTTP",
    "seconds of a proposal that rewrites several components: it makes a call for each",
    "whether an answer had a program in its fence: what was not understood was evaluated as it is",
    "blocks: an example of the minibatch (scored 0 or 1) stands for one, whatever component a call rewrote",
)


def is_callbacks(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this object was written by our callback."""
    return first.get("format") == FORMAT


def callbacks(path: Path, told: str, content: bytes) -> Calls:
    """The proposals of a run, each of a call for each component that it rewrites."""
    return table_of(told, content, _rows(json_objects(told, text_of(told, content))), lost=LOST)


def _rows(events: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, dict[str, Value]]]:
    """A proposal is asked for, answered, and evaluated, or fails before; iterations of several are not kept apart."""
    parent: list[bool] = []
    asked: dict[str, Any] = {}
    answered: dict[str, Any] = {}
    for line, event in events:
        name = event.get("event")
        if name == "evaluated" and not event.get("child"):
            parent, asked, answered = _right(event), {}, {}
        elif name == "asks":
            asked = event
        elif name == "answered":
            answered = event
        elif name == "evaluated" and answered:
            after = _right(event)
            told = {"outcome": better(sum(parent), sum(after))} | counts(parent, after)
            yield line, _of(asked, answered) | (told if not answered.get("empty") else {"outcome": "empty"})
            asked, answered = {}, {}
        elif name == "failed" and asked:
            yield line, _of(asked, answered) | {"outcome": "error"}
            asked, answered = {}, {}


def _of(asked: dict[str, Any], answered: dict[str, Any]) -> dict[str, Value]:
    named = asked.get("components")
    components = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    prompts = answered.get("prompts")
    one = len(components) == 1
    took = _seconds(asked.get("t"), answered.get("t"))
    return {
        "call": whole(asked.get("iteration")),
        "item": word(", ".join(components)),
        "calls": len(components) or 1,
        "seconds": took if one else None,
        "prompt": word(prompts.get(components[0])) if one and isinstance(prompts, dict) else None,
    }


def _seconds(begun: Any, ended: Any) -> float | None:
    if not (isinstance(begun, int | float) and isinstance(ended, int | float)) or ended <= begun:
        return None
    return round(ended - begun, 4)


def _right(event: dict[str, Any]) -> list[bool]:
    """Which examples of a minibatch were right; none where a score is neither 0 nor 1."""
    scores = event.get("scores")
    scores = scores if isinstance(scores, list) else []
    return [bool(score) for score in scores] if all(score in (0, 1) for score in scores) else []
