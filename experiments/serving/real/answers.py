"""The answers that were paid for: each on the disk before it is used, found again by what was asked.

A call is named by its run and the content of its request, and by how often this run had asked the same before. So a
launch that goes on asks nothing twice, whatever ended the one before, and a larger budget prolongs the same runs.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.logs.recorded import NO_RESPONSE

ANSWERS = "answers.jsonl"
"""In a results folder; a log that `llm-evo calibrate` reads."""


@dataclass(frozen=True)
class Answer:
    """What came back of a call.

    Attributes:
        id: of its line in the log.
        text: of the answer.
        outcome: a word of the table of calls if it cannot be used (`truncated`, `refusal`, `empty`); else None.
        usage: tokens read, written, of the read ones cached, of the written ones reasoning; None if not told.
        requests: sent for it, with those that failed.
        noted: whether the log tells already what became of it.
    """

    id: str
    text: str
    outcome: str | None
    usage: tuple[int, int, int, int] | None
    requests: int
    noted: bool


def asked_as(run: str, request: Mapping[str, Any], nth: int) -> str:
    """What names a call: 32 hexadecimal digits of its run, its request, and how often the run had asked it before.

    >>> asked_as("a", {"model": "m"}, 0) == asked_as("a", {"model": "m"}, 1)
    False
    """
    content = json.dumps([run, request, nth], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


class Answers:
    """Answers of a log by what was asked, and how many requests were sent for each.

    Attributes:
        file: the log, as it is told.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], file: str = ANSWERS) -> None:
        self.file = file
        self._found: dict[str, Answer] = {}
        self._sent: Counter[str] = Counter()
        for row in rows:
            asked = row.get("asked")
            if not isinstance(asked, str):
                continue
            self._sent[asked] += 1
            if isinstance(row.get("reply"), str) and asked not in self._found:
                self._found[asked] = _answer(row, self._sent[asked])

    def __len__(self) -> int:
        return len(self._found)

    def get(self, asked: str) -> Answer | None:
        """The answer, if there is one."""
        return self._found.get(asked)

    def sent(self, asked: str) -> int:
        """Count one more request; how many there were with it."""
        self._sent[asked] += 1
        return self._sent[asked]


def _answer(row: Mapping[str, Any], requests: int) -> Answer:
    read, written = row.get("tokens_in"), row.get("tokens_out")
    usage = None
    if isinstance(read, int) and isinstance(written, int):
        usage = (read, written, int(row.get("tokens_cached") or 0), int(row.get("tokens_reasoning") or 0))
    outcome = row.get("outcome")
    spoilt = outcome if outcome in ("truncated", "refusal", "empty") else None
    noted = spoilt is not None or outcome not in (None, NO_RESPONSE)
    return Answer(str(row["id"]), str(row["reply"]), spoilt, usage, requests, noted)
