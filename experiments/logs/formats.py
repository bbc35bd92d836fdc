"""Logs of other programs, translated row by row into the columns of a table of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.logs.calls import Calls
from experiments.logs.columns import Value, count
from experiments.logs.frameworks import found as frameworks
from experiments.logs.table import ENDINGS as TABLES
from experiments.logs.table import Row, read_table

SWE = ("f2p_total", "f2p_passed", "p2p_total", "p2p_passed")
EPOCHS = ("run", "epoch", "kind", "model", "latency_s", "tokens_in", "tokens_out", "outcome")
OF_EPOCHS = {
    "applied": "applied",
    "ok": "ok",
    "newbest": "improved",
    "evalerr": "eval_error",
    "patchfail": "search_mismatch",
    "noresp": "no_response",
}
"""Outcomes of CodeEvolve's logs in our words."""


def read_calls(path: Path | str, format: str = "auto") -> Calls:
    """The calls in a log of a format: table (documented columns), or one of FORMATS; auto: what its first bytes say.

    Raises: InputError naming file, line and column.
    """
    if format == "auto":
        format = frameworks.whose(path) or "table"
    if format == "table":
        return read_table(path)
    if format not in FORMATS:
        known = ", ".join(("auto", "table", *FORMATS))
        raise InputError(f"--format: expected {known}, got {shown(format)}{suggestion(format, FORMATS)}")
    return FORMATS[format](path)


def _taken(needed: Sequence[str], names: list[str], values: Sequence[Value]) -> dict[str, Value]:
    missing = [name for name in needed if name not in names]
    if missing:
        raise ValueError(f"expected the columns {', '.join(needed)}, got no {', '.join(missing)}")
    return dict(zip(names, values, strict=True))


def swe(path: Path | str) -> Calls:
    """Attempts at tasks whose tests are known: a test is a block, those that failed before are incorrect.

    Columns f2p_total, f2p_passed, p2p_total, p2p_passed; if there, instance, calls, format_errors and model.
    """

    def translate(names: list[str], row: Row) -> dict[str, Value]:
        given = _taken(SWE, names, row[1])
        counts = {}
        for name in SWE:
            try:
                counts[name] = count(given[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}, got {shown(given[name])}") from None
        for kind in ("f2p", "p2p"):
            total, passed = counts[f"{kind}_total"], counts[f"{kind}_passed"]
            if passed > total:
                raise ValueError(f"{kind}_passed: expected at most {kind}_total = {total:g}, got {passed:g}")
        g = counts["f2p_total"] + counts["p2p_total"]
        if not g:
            raise ValueError("f2p_total: expected a test at least, got none of either kind")
        return {
            "g": g,
            "k": g,
            "incorrect": counts["f2p_total"],
            "repaired": counts["f2p_passed"],
            "kept": counts["p2p_passed"],
            "item": given.get("instance"),
            "calls": given.get("calls"),
            "malformed_calls": given.get("format_errors"),
            "model": given.get("model"),
        }

    return replace(read_table(path, translate), lists_of_passing=True)


def codeevolve(path: Path | str) -> Calls:
    """Calls of CodeEvolve's island logs: as they are (results.log), or as a table.

    Its columns: run, island, epoch, kind, model, latency_s, tokens_in, tokens_out, outcome.
    """
    if not str(path).endswith(TABLES):
        return frameworks.read("codeevolve", path)

    def translate(names: list[str], row: Row) -> dict[str, Value]:
        given = _taken(EPOCHS, names, row[1])
        word = given["outcome"]
        if not isinstance(word, str) or word not in OF_EPOCHS:
            raise ValueError(f"outcome: expected one of {', '.join(OF_EPOCHS)}, got {shown(word)}")
        return {
            "run": f"{given['run']}/{given.get('island') or 0}",
            "call": f"{given['epoch']}/{given['kind']}",
            "kind": given["kind"],
            "model": given["model"],
            "seconds": given["latency_s"],
            "tokens_in": given["tokens_in"],
            "tokens_out": given["tokens_out"],
            "outcome": OF_EPOCHS[word],
        }

    return read_table(path, translate)


FORMATS: dict[str, Callable[[Path | str], Calls]] = {
    "swe": swe,
    "codeevolve": codeevolve,
    "openevolve": partial(frameworks.read, "openevolve"),
    "shinka": partial(frameworks.read, "shinka"),
    "gepa": partial(frameworks.read, "gepa"),
}
