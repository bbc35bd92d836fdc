"""OpenEvolve (0.4.0): its trace, its checkpoints, and its output folder, whose logs tell of every iteration."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evo.errors import InputError
from experiments.logs.calls import Calls
from experiments.logs.columns import Value
from experiments.logs.frameworks.files import content_of, files_of, text_of
from experiments.logs.frameworks.scores import better, counts_by_name, right_blocks, whole, word
from experiments.logs.table import json_objects, table_of

TRACE = "evolution_trace.jsonl"
NOT_TOLD = (
    "which blocks a call was to change: g is all that the evaluator scores (b0, b1, .. of its metrics)",
    "seconds of a call (iteration_time holds the evaluation, too), retries over HTTP, money",
)
FAILED = "iterations that failed (no diff, no match, no change, no answer) and children that were not admitted"
EVICTED = "children whose parent was gone when they came back"
TOKENS = r" \| tokens: \d+ \(prompt: (?P<read>\d+), completion: (?P<written>\d+)\)"
FAILURE = re.compile(rf"WARNING - Iteration (?P<number>\d+) error: (?P<words>.*?)({TOKENS})?$")
CHILD = re.compile(
    r"INFO - Iteration (?P<number>\d+): Program (?P<id>\S{1,60}) \(parent: (?P<parent>\S{1,60})\) completed in [\d.]+s"
    rf"({TOKENS})?"
)
METRICS = re.compile(r"INFO - Metrics: (?P<metrics>.*)")
EVALUATED = re.compile(r"INFO - Evaluated program (?P<id>\S{1,60}) in [\d.]+s: (?P<metrics>.*)")
METRIC = re.compile(r"(\w{1,60})=(-?\d{1,300}\.\d{4})(?![^,])")
FAILURES = (
    ("LLM returned None", "empty"),
    ("LLM generation failed", "error"),
    ("None of the", "search_mismatch"),
    ("Diff did not change", "no_op"),
    ("Rewrite is identical", "no_op"),
    ("No valid diffs", "no_parse"),
    ("No valid code", "no_parse"),
)
"""How a failure begins, and what it is in our words; any other is an answer that was not applied."""


def is_trace(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this object is a trace."""
    return {"iteration", "parent_metrics", "child_metrics"} <= set(first)


def trace(path: Path, told: str, content: bytes) -> Calls:
    """The calls of a trace, of which no iteration that failed is one."""
    lost = (*NOT_TOLD, f"{FAILED}; {EVICTED}")
    rows = ((line, _of_trace(row)) for line, row in json_objects(told, text_of(told, content)))
    return table_of(told, content, rows, lost=lost, survivors="OpenEvolve's trace has no iteration that failed")


def folder(path: Path, told: str) -> Calls:
    """The calls of an output folder (logs, and a trace where there is one), or of a checkpoint (its programs).

    Raises: InputError if it is neither.
    """
    if (path / "programs").is_dir():
        return _checkpoint(path, told)
    traces = [path / TRACE] if (path / TRACE).is_file() else []
    logs = files_of(path / "logs", ".log", told) if (path / "logs").is_dir() else []
    if not traces and not logs:
        raise InputError(
            f"{told}: expected a file, or OpenEvolve's output folder with logs/ or {TRACE}, or a checkpoint with "
            "programs/, got a folder with none of them"
        )
    contents = [content_of(file, told) for file in (*traces, *logs)]
    rows = [
        (line, _of_trace(row))
        for each in contents[: len(traces)]
        for line, row in json_objects(told, text_of(told, each))
    ]
    known = {row["call"] for _, row in rows}
    for each in contents[len(traces) :]:
        rows += [(line, row) for line, row in _of_log(text_of(told, each)) if row["call"] not in known]
    models = {row["model"] for _, row in rows if row.get("model")}
    if len(models) == 1:  # of a failure the log does not say it
        rows = [(line, row | {"model": next(iter(models))}) for line, row in rows]
    survivors = "" if logs else f"{path.name} has no logs/, and the trace no iteration that failed"
    return table_of(
        told, b"".join(contents), rows, lost=(*NOT_TOLD, "children that were not admitted"), survivors=survivors
    )


def _of_log(text: str) -> Iterator[tuple[int, dict[str, Value]]]:
    """The iterations in a log, which tells the metrics of each program to four digits."""
    metrics: dict[str, dict[str, float]] = {}
    child: tuple[int, re.Match[str]] | None = None
    for line, words in enumerate(text.splitlines(), start=1):
        if (first := EVALUATED.search(words)) is not None:
            metrics[first["id"]] = _metrics(first["metrics"])
        elif (failure := FAILURE.search(words)) is not None:
            yield line, _of_failure(failure)
        elif (found := CHILD.search(words)) is not None:
            child = line, found
        elif child is not None and (after := METRICS.search(words)) is not None:
            at, found = child
            metrics[found["id"]], child = _metrics(after["metrics"]), None
            usage = {"prompt_tokens": _number(found["read"]), "completion_tokens": _number(found["written"])}
            row = {"parent_id": found["parent"]}
            before = metrics.get(found["parent"], {})
            made = _of_child(row, before, metrics[found["id"]], {"token_usage": usage})
            yield at, made | {"call": int(found["number"][:15])}


def _metrics(text: str) -> dict[str, float]:
    """Numbers of a line such as combined_score=1.0000, b0=1.0000."""
    return {name: float(value) for name, value in METRIC.findall(text)}


def _number(text: str | None) -> int | None:
    return None if text is None else int(text[:15])


def _checkpoint(path: Path, told: str) -> Calls:
    """Children among the programs of a checkpoint, with the metrics that their parents had."""
    contents = [content_of(file, told) for file in files_of(path / "programs", ".json", told)]

    def rows() -> Iterator[tuple[int, dict[str, Value]]]:
        for number, content in enumerate(contents, start=1):
            try:
                program = json.loads(content)
            except (ValueError, RecursionError):
                raise InputError(f"{told}: programs/: expected JSON in each file, got what is none") from None
            metadata = program.get("metadata") if isinstance(program, dict) else None
            before = metadata.get("parent_metrics") if isinstance(metadata, dict) else None
            if isinstance(metadata, dict) and isinstance(before, dict):
                yield (
                    number,
                    _of_child(program, before, program.get("metrics"), metadata)
                    | {"call": whole(program.get("iteration_found"))},
                )

    lost = (*NOT_TOLD, f"{FAILED}; programs that were displaced before the checkpoint")
    survivors = "a checkpoint has the programs that are kept, and no iteration that failed"
    return table_of(told, b"".join(contents), rows(), place="program", lost=lost, survivors=survivors)


def _of_trace(row: dict[str, Any]) -> dict[str, Value]:
    metadata = row.get("metadata")
    made = _of_child(row, row.get("parent_metrics"), row.get("child_metrics"), metadata)
    prompt = row.get("prompt")
    hashed = hashlib.sha256(json.dumps(prompt).encode()).hexdigest()[:16] if prompt else None
    return made | {"call": whole(row.get("iteration")), "prompt": hashed}


def _of_child(row: dict[str, Any], before: Any, after: Any, metadata: Any) -> dict[str, Value]:
    usage = metadata.get("token_usage") if isinstance(metadata, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    return {
        "item": word(row.get("parent_id")),
        "outcome": _outcome(before, after),
        "tokens_in": whole(usage.get("prompt_tokens")),
        "tokens_out": whole(usage.get("completion_tokens")),
        "model": word(usage.get("model")),
    } | counts_by_name(right_blocks(before), right_blocks(after))


def _outcome(before: Any, after: Any) -> str:
    """Of a child that was evaluated; an evaluation that failed leaves `error` alone, and `timeout`."""
    if not isinstance(after, dict) or (after and set(after) <= {"error", "timeout", "stage1_passed"}):
        return "eval_timeout" if isinstance(after, dict) and after.get("timeout") else "eval_error"
    return better(before.get("combined_score") if isinstance(before, dict) else None, after.get("combined_score"))


def _of_failure(failure: re.Match[str]) -> dict[str, Value]:
    written = failure["written"]
    outcome = next((word for begin, word in FAILURES if failure["words"].startswith(begin)), "malformed")
    if outcome == "no_parse" and written == "0":
        outcome = "empty"
    row: dict[str, Value] = {"call": int(failure["number"][:15]), "outcome": outcome}
    if written is not None:
        row |= {"tokens_in": _number(failure["read"]), "tokens_out": _number(written)}
    return row
