"""Logs that `llm-evo serve` and `record` write: what is known later of a call stands in a later line.

{"schema": "llm-evo calls 1", "id": "a", ..}    a call; `record` writes it before the request is sent
{"of": "a", ..}                                 what came back, or what an evaluation found
{"schema": "llm-evo calls 1", ..}               without an id: a request that was no call
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

SCHEMA = "llm-evo calls 1"
NO_RESPONSE = "no_response"
"""The outcome of a call until a reply has come."""
Lines = Iterable[tuple[int, dict[str, Any]]]


class Stray(ValueError):
    """A line of no call; `line` says which."""

    def __init__(self, line: int, told: str) -> None:
        super().__init__(told)
        self.line = line


def is_recorded(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this object is such a log."""
    return first.get("schema") == SCHEMA


def calls_of(lines: Lines) -> Iterator[tuple[int, dict[str, Any]]]:
    """The calls of a log, each with all that later lines say of it.

    Args:
        lines: numbers of lines and their objects; gone through once.

    Raises: Stray for a line of a call that is not there.

    >>> list(calls_of([(1, {"id": "a", "g": 2}), (2, {"of": "a", "price": 0.5}), (3, {"kind": "models"})]))
    [(1, {'id': 'a', 'g': 2, 'price': 0.5})]
    """
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, row in lines:
        of = row.pop("of", None)
        if of is not None:
            if not isinstance(of, str) or of not in found:
                raise Stray(line, f"of: expected the id of an earlier line, got {of!r:.60}")
            _complete(found[of][1], row)
        elif isinstance(name := row.get("id"), str):
            if name in found:
                raise Stray(line, f"id: expected each call once, got {name!r:.60} again")
            found[name] = line, row
    yield from found.values()


def _complete(call: dict[str, Any], later: dict[str, Any]) -> None:
    """Enter what a later line says; what it does not know leaves what is known, but for a reply that has come."""
    for name, value in later.items():
        if value is not None or call.get(name) == NO_RESPONSE:
            call[name] = value
