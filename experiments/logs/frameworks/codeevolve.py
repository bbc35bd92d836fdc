"""CodeEvolve (inter-co/science-codeevolve at eaaaadb): the text log of an island, results.log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from experiments.logs.calls import Calls
from experiments.logs.columns import Value
from experiments.logs.frameworks.files import text_of
from experiments.logs.table import table_of

LINE = re.compile(
    r"\[island (?P<island>\d{1,6})\] (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \| [A-Z]+ \| \d+ \| (?P<words>.*)"
)
ASKS = re.compile(r"Attempting to run (?P<kind>meta_prompt|prompt) on \w+\(model_name=(?P<model>[^,)]{1,100})")
CAME = re.compile(r"Successfully retrieved response, using (?P<read>\d{1,15}) prompt tokens and (?P<written>\d{1,15}) ")
EPOCH = re.compile(r"=+ EPOCH (?P<number>\d{1,9}) =+")
KINDS = {"meta_prompt": "meta", "prompt": "code"}
OUTCOMES = (
    ("Error with SEARCH/REPLACE: 'No DIFF blocks", "no_parse"),
    ("Error with SEARCH/REPLACE", "search_mismatch"),
    ("Successfully modified parent", "applied"),
    ("Error in evaluating program -> 'TimeoutError", "eval_timeout"),
    ("Error in evaluating program", "eval_error"),
    ("Evaluated program without errors", "ok"),
    ("New best program found", "improved"),
)
"""How a line begins that tells what became of an answer; the last such line before the next call counts."""
LOST = (
    "which blocks were right before and after: a fitness alone, so that no fix and keep can be told",
    "prompts and answers, whether one was cut off, and why one did not come; retries over HTTP, money",
)


def is_log(head: bytes) -> bool:
    """Whether a file begins as such a log.

    >>> is_log(b"[island 0] 2025-10-12 04:06:00,962 | INFO | 4312 | === EVOLVE ALGORITHM ===")
    True
    """
    return LINE.match(head.decode("utf-8", "replace").lstrip("\ufeff")) is not None


def island(path: Path, told: str, content: bytes) -> Calls:
    """The calls of an island: those that rewrite code, and those that rewrite the prompt (kinds code and meta)."""
    return table_of(told, content, _rows(text_of(told, content)), lost=LOST)


def _rows(text: str) -> Iterator[tuple[int, dict[str, Value]]]:
    epoch, begun, now, line = "0", datetime.min, datetime.min, 0
    call: dict[str, Value] = {}
    for number, written in enumerate(text.splitlines(), start=1):
        found = LINE.match(written)
        if found is None:
            continue  # of a message of several lines, the first says what it is
        words, now = found["words"], _time(found["time"]) or now
        if (asks := ASKS.match(words)) is not None:
            if call:
                yield line, call
            kind, line, begun = KINDS[asks["kind"]], number, now
            call = {"run": f"island {found['island']}", "call": f"{epoch}/{kind}", "kind": kind, "model": asks["model"],
                    "outcome": "no_response"}  # fmt: skip
        elif (head := EPOCH.match(words)) is not None:
            if call:
                yield line, call
            epoch, call = head["number"], {}
        elif (came := CAME.match(words)) is not None and call:
            took = (now - begun).total_seconds()
            call |= {"tokens_in": int(came["read"]), "tokens_out": int(came["written"]), "outcome": "applied"}
            call["seconds"] = took if took > 0 else None
        elif call and call["outcome"] != "no_response":
            call["outcome"] = next((word for begin, word in OUTCOMES if words.startswith(begin)), call["outcome"])
    if call:
        yield line, call


def _time(text: str) -> datetime | None:
    """A time of the log; None for one that no calendar has."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f")
    except ValueError:
        return None
