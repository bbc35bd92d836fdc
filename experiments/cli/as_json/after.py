"""`--json` of `check`, `report`, `time` and `status`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.checks.check import Check
from experiments.cli.as_json.fits import law_json
from experiments.cli.as_json.values import answer, record, records
from experiments.predictions.verdict import Verdict
from experiments.reports.wording import cost_unit

if TYPE_CHECKING:
    import pandas as pd

    from evo.costs.latency import Latency
    from experiments.reports.report import Report
    from experiments.store.launches.status import Planned, Starting, Status

TOLD_ONCE = ("text",)
CENSORED = "censored runs, or an infinite mean: that of the finished runs would be too cheap"
UNREACHED = "most runs were censored"
REASONS = {name: CENSORED for name in ("hit", "hit_low", "hit_high", "cost", "cost_low", "cost_high")}
REASONS |= dict.fromkeys(("median", "median_low", "median_high"), UNREACHED)
REASONS |= dict.fromkeys(("hit_predicted", "cost_predicted"), "no exact prediction")
REASONS |= {"success_predicted": "told of programs only"}
ENDED = "told where a budget ended runs"
REASONS |= dict.fromkeys(
    ("fitness", "fitness_predicted", "fitness_10", "fitness_50", "fitness_90", "fitness_from"), ENDED
)


def check_json(checked: Check) -> str:
    """The verdicts, with every test of every cell."""
    return answer("check", {"p_value": "probability"}, _checked(checked))


def _checked(checked: Check) -> dict[str, Any]:
    return {
        "verdict": str(checked.verdict),
        "counts": {str(verdict): checked.count(verdict) for verdict in Verdict},
        "alpha": checked.alpha,
        "alpha_each": checked.alpha_each,
        "notes": checked.note.splitlines(),
        "cells": [
            {
                "cell": cell.cell,
                "label": cell.label,
                "verdict": str(cell.verdict),
                "reason": cell.reason,
                "runs": cell.runs,
                "censored": cell.censored,
                "looks": cell.looks,
                "stored": cell.stored,
                "tests": [{"test": one.test, "p_value": one.p_value, "found": one.found} for one in cell.outcomes],
            }
            for cell in checked.cells
        ],
    }


def report_json(made: Report, folder: Path, files: list[str]) -> str:
    """The whole report: verdicts, a record a cell, laws, claims, speed-up, findings, and what was written."""
    summary = made.summary
    unit = cost_unit(summary["text"]) or "that of the cell's cost model"
    costs = ("cost", "cost_low", "cost_high", "cost_predicted", "ert_cost")
    calls = ("hit", "hit_low", "hit_high", "hit_predicted", "median", "median_low", "median_high", "ert")
    units = dict.fromkeys(calls, "calls a run") | dict.fromkeys(costs, f"{unit}, a run")
    claims = [
        asdict(each.claim)
        | {"verdict": str(each.verdict), "reason": each.reason, "found": each.found}
        | {"law": law_json(each.law) if each.law else None}
        for each in made.claims
    ]
    fits = made.fits
    content = {
        "folder": folder.as_posix(),
        "files": files,
        "check": _checked(made.check),
        "cells": records(summary, leave=TOLD_ONCE, reasons=REASONS),
        "laws": [] if fits is None else [law_json(law) | {"series": law.series} for law in fits.best],
        "series": [] if fits is None else [{"series": each.series, "told": str(each.told)} for each in fits.growths],
        "claims": claims,
        "speedup": [] if made.speedup is None else records(made.speedup),
        "findings": [] if made.findings is None else list(made.findings.sentences),
    }
    return answer("report", units, content)


def time_json(table: pd.DataFrame, workers: int | None, latency: Latency) -> str:
    """Waiting times: the rows of `experiments.waiting`."""
    unit = cost_unit(table["text"]) or "that of the cell's cost model"
    seconds = [name for name in map(str, table.columns) if name.startswith("makespan")]
    units = {"rounds": "rounds a run", "cost": f"{unit}, a run"} | dict.fromkeys(seconds, "seconds a run")
    told = records(table, leave=TOLD_ONCE)
    return answer("time", units, {"workers": workers, "latency": asdict(latency), "cells": told})


def status_json(found: Status | Starting | Planned) -> str:
    """How far a folder is: its numbers where it has begun, and the lines of the terminal."""
    told: dict[str, Any] = {"folder": found.path, "state": type(found).__name__.lower(), "title": found.title}
    numbers = ("cells", "batches", "of_batches", "runs", "of_runs", "strays", "set_aside", "failed")
    told |= {name: getattr(found, name) for name in numbers if hasattr(found, name)}
    grid = getattr(found, "grid", None)
    told |= {} if grid is None else {"name": grid["name"], "of_cells": grid["cells"]}
    driver, written = getattr(found, "driver", None), getattr(found, "written", None)
    told |= {"launch": None if driver is None else asdict(driver)}
    told |= {"last_launch": getattr(found, "last", ""), "error": getattr(found, "contradiction", "")}
    told |= {"written": None if written is None else datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds")}
    told |= {"damaged": [{"file": each.file.name, "why": each.why} for each in getattr(found, "damaged", ())]}
    told |= {"lines": dict(found.lines())}
    return answer("status", {"written": "UTC"}, record(told, "none"))
