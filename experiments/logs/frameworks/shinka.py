"""ShinkaEvolve (0.0.7): the SQLite database of its programs, and of proposals that failed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evo.errors import InputError
from experiments.grids.outside.bounds import LOG_LINE, LOG_ROWS
from experiments.grids.outside.printable import printable
from experiments.logs.calls import Calls
from experiments.logs.columns import Value
from experiments.logs.frameworks.scores import better, counts_by_name, right_blocks, whole, word
from experiments.logs.table import table_of

MAGIC = b"SQLite format 3\0"
MOST_RESAMPLES = 1000
STEPS = 10**8
"""Of SQLite's machine, after which a query is given up: a file of a stranger may ask for any number."""
FAILURES = {
    "patch_apply_failed": "malformed",
    "llm_output_invalid": "no_parse",
    "novelty_rejected": "applied",
    "evaluation_submit_failed": "eval_error",
    "proposal_generation_failed": "error",
}
"""Classes of proposals that failed, in our words."""
LOST = (
    "which blocks a call was to change: g is all that the evaluator scores (b0, b1, .. of public)",
    "tokens of answers that were asked for again in a proposal (its last one has them), and all answers of a round "
    "that was too similar",
    "seconds of a call (sampling_seconds holds all calls of a proposal); embeddings, retries over HTTP",
    "prices of models that Shinka does not know: it writes 0",
)
PROGRAMS = (
    "SELECT id, parent_id, combined_score, public_metrics, correct, metadata FROM programs ORDER BY rowid LIMIT ?"
)
ATTEMPTS = "SELECT generation, details FROM attempt_log WHERE status = 'failed' ORDER BY id LIMIT ?"


def database(path: Path, told: str, content: bytes) -> Calls:
    """The calls of a database, which is opened to be read, as it stands on the disk.

    Raises: InputError if it is none of Shinka, or one that is being written.
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.lstat().st_size:
        raise InputError(
            f"{told}: expected a database at rest, got one with {log.name} beside it, with programs "
            "in it; let the run end, or make a copy: sqlite3 FILE '.backup NEW'"
        )
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as file:
            file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 16 * LOG_LINE)
            file.execute("PRAGMA trusted_schema = OFF")
            file.text_factory = lambda text: text.decode("utf-8", "replace")
            left = iter(range(STEPS // 10_000))
            file.set_progress_handler(lambda: next(left, None) is None, 10_000)
            _expect_tables(file, told)
            programs = file.execute(PROGRAMS, (LOG_ROWS + 1,)).fetchall()
            attempts = file.execute(ATTEMPTS, (LOG_ROWS + 1,)).fetchall()
    except sqlite3.Error as error:
        raise InputError(
            printable(f"{told}: expected a database of ShinkaEvolve, got one that fails: {error}")
        ) from None
    return table_of(told, content, _rows(programs, attempts), place="program", lost=LOST)


def _expect_tables(file: sqlite3.Connection, told: str) -> None:
    """Tables, no views, which could be anything."""
    kinds = dict(file.execute("SELECT name, type FROM sqlite_master WHERE name IN ('programs', 'attempt_log')"))
    for name in ("programs", "attempt_log"):
        if kinds.get(name) != "table":
            raise InputError(f"{told}: expected a database of ShinkaEvolve with the table {name}, got none")


def _rows(programs: list[Any], attempts: list[Any]) -> Iterator[tuple[int, dict[str, Value]]]:
    known = {row[0]: row for row in programs}
    for number, row in enumerate(programs, start=1):
        metadata, parent = _object(row[5]), known.get(row[1])
        if parent is None or "llm_result" not in metadata:
            continue  # the first program, and copies of it on other islands
        call, shared = f"program {number}", {"item": word(row[1]), "model": _model(metadata)}
        yield from _asked_again(number, call, shared, metadata)
        yield number, {"call": call} | shared | _of_program(row, parent, metadata)
    for number, (generation, details) in enumerate(attempts, start=1):
        told = _object(details)
        call, shared = f"failed {generation}/{number}", {"item": word(told.get("parent_id")), "model": _model(told)}
        yield from _asked_again(number, call, shared, told)
        yield number, {"call": call} | shared | {"outcome": FAILURES.get(str(told.get("failure_class")), "malformed")}


def _asked_again(
    number: int, call: str, shared: dict[str, Value], told: dict[str, Any]
) -> Iterator[tuple[int, dict[str, Value]]]:
    """The answers of a proposal before its last one, which could not be applied."""
    last = whole(told.get("resample_attempt"))
    for attempt in range(1, min(last if isinstance(last, int) else 1, MOST_RESAMPLES)):
        yield number, {"call": f"{call}/{attempt}"} | shared | {"outcome": "malformed"}


def _of_program(row: Any, parent: Any, metadata: dict[str, Any]) -> dict[str, Value]:
    said = metadata.get("llm_result")
    said = said if isinstance(said, dict) else {}
    read, wrote, thought = (whole(said.get(name)) for name in ("input_tokens", "output_tokens", "thinking_tokens"))
    price, seconds = said.get("cost"), metadata.get("evaluation_seconds")
    made: dict[str, Value] = {
        "tokens_in": read,
        "tokens_out": wrote + thought if isinstance(wrote, int) and isinstance(thought, int) else wrote,
        "tokens_reasoning": thought if isinstance(wrote, int) else None,
        "price": price if isinstance(price, int | float) and price >= 0 else None,
        "evaluation_seconds": seconds if isinstance(seconds, int | float) and seconds > 0 else None,
    }
    if not row[4]:
        return made | {"outcome": "eval_error"}
    blocks = counts_by_name(right_blocks(_object(parent[3])), right_blocks(_object(row[3])))
    return made | {"outcome": better(parent[2], row[2])} | blocks


def _model(told: dict[str, Any]) -> Value:
    """Which model; not at which address."""
    name = told.get("model_name")
    return word(name.partition("@")[0]) if isinstance(name, str) else None


def _object(text: Any) -> dict[str, Any]:
    try:
        made = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        made = None
    return made if isinstance(made, dict) else {}
