"""Logs that `llm-evo serve` and `record` write: what is known later of a call stands in a later line.

{"schema": "llm-evo calls 1", "id": "a", ..}    a call; `record` writes it before the request is sent
{"of": "a", ..}                                 what came back, or what an evaluation found
{"of": "a", "choice": 2, ..}                    the same of one answer, where a request asked for several (n > 1)
{"schema": "llm-evo calls 1", ..}               without an id: a request that was no call

A request that got several answers has a list of them, `answers`; `each_answer` makes a row of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

SCHEMA = "llm-evo calls 1"
BODIES = ("request", "reply")
"""Columns of what was said, in full: they may be private."""
NO_RESPONSE = "no_response"
"""The outcome of a call until a reply has come."""
MOST_CHOICES = 1000
"""Answers of one request."""
OF_THE_REQUEST = ("seconds", "price", "tokens_out", "tokens_reasoning", "evaluation_seconds")
"""Columns that are measured of all answers of a request together, and so of none of them."""
ONCE = ("tokens_in", "tokens_cached")
"""Those of the prompt, which is read and paid once for all answers: they stand with the first."""
OF_EACH = "told_of_each"
"""Where `calls_of` keeps what later lines say of single answers, by their numbers."""
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
            _complete(_part_of(found[of][1], line, row), row)
        elif isinstance(name := row.get("id"), str):
            if name in found:
                raise Stray(line, f"id: expected each call once, got {name!r:.60} again")
            found[name] = line, row
    yield from found.values()


def each_answer(call: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a call: one, or one for each answer that its request got.

    Answers are numbered after their call: 7/0, 7/1. The prompt's tokens stand with the first. Seconds, money and,
    unless each answer has its own, generated tokens are those of the request, and stand with none.

    Raises: ValueError for answers that are no list of objects.

    >>> [(row["g"], row.get("tokens_in")) for row in each_answer({"tokens_in": 9, "answers": [{"g": 2}, {"g": 3}]})]
    [(2, 9), (3, None)]
    """
    answers, later = call.get("answers"), call.get(OF_EACH) or {}
    if answers is None and not later:
        return [call]
    answers = [] if answers is None else answers
    if (
        not isinstance(answers, list)
        or len(answers) > MOST_CHOICES
        or not all(isinstance(each, dict) for each in answers)
    ):
        raise ValueError(f"answers: expected a list of at most {MOST_CHOICES} objects")
    shared = {name: value for name, value in call.items() if name not in (*OF_THE_REQUEST, "answers", OF_EACH)}
    rows = []
    for number in range(max(len(answers), *(each + 1 for each in later), 0)):
        row = shared if not number else {name: value for name, value in shared.items() if name not in ONCE}
        said = answers[number] if number < len(answers) else {}
        told = {name: value for each in (said, later.get(number, {})) for name, value in each.items()}
        named = {"call": f"{call['call']}/{number}"} if "call" in call else {}
        rows.append(row | named | {name: value for name, value in told.items() if value is not None})
    return rows


def answers_asked_for(call: dict[str, Any]) -> int:
    """How many answers a call's request asked for.

    >>> answers_asked_for({"choices": 3}), answers_asked_for({})
    (3, 1)
    """
    asked = call.get("choices")
    return asked if type(asked) is int and 1 <= asked <= MOST_CHOICES else 1


def _part_of(call: dict[str, Any], line: int, row: dict[str, Any]) -> dict[str, Any]:
    """Whom a later line tells of: a call, or one of the answers that its request asked for.

    Raises: Stray if there is no such answer.
    """
    choice = row.pop("choice", None)
    if choice is None:
        return call
    asked = answers_asked_for(call)
    if type(choice) is not int or not 0 <= choice < asked:
        raise Stray(line, f"choice: expected the number of an answer of this call, from 0, got {choice!r:.60}")
    if asked == 1:
        return call
    told: dict[str, Any] = call.setdefault(OF_EACH, {}).setdefault(choice, {})
    return told


def _complete(call: dict[str, Any], later: dict[str, Any]) -> None:
    """Enter what a later line says; what it does not know leaves what is known, but for a reply that has come."""
    for name, value in later.items():
        if value is not None or call.get(name) == NO_RESPONSE:
            call[name] = value
