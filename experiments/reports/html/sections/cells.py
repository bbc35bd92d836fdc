"""Measured beside predicted, a row a cell; time to a success, and how many runs were censored."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from experiments.grids.cell_text import runs_program
from experiments.predictions.refusals import in_short
from experiments.predictions.verdict import Verdict
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.sections.claims import how_it_is_judged
from experiments.reports.html.table import MOST_ROWS, Entry, measure, table, verdict_entry
from experiments.reports.wording import cost_heading, share_text, size_text

SHORT = 120
"""Characters of what is missing."""
FIRST = {Verdict.DIFFERS: 0, Verdict.CANNOT_TELL: 1, Verdict.AGREES: 2}


def measured_beside_predicted(content: Content) -> Html:
    """Calls and cost, measured and exact, with the verdict and the source of the prediction."""
    rows = sorted(content.rows, key=lambda row: FIRST[Verdict(row["verdict"])])
    cost = cost_heading(content.made.summary["text"]).replace("\\", "")
    headings = (
        "series", "k", "lam", "verdict", "calls to the optimum", "exact calls", cost, "exact cost", "done right",
        "exact share", "prediction", "why",
    )  # fmt: skip
    entries = [_row(row) for row in rows[:MOST_ROWS]]
    shown = _constant(content)
    caption = joined([how_it_is_judged(content), f" {shown}" if shown else ""])
    return table(headings, _without_constants(content, headings, entries), caption, "summary.csv", len(rows))


def _row(row: dict[Any, Any]) -> list[Entry]:
    verdict = Verdict(row["verdict"])
    program = runs_program(str(row["text"]))
    nothing = Entry("")
    calls = measure(row["hit"], row["hit_low"], row["hit_high"])
    if math.isnan(row["hit"]) and row["censored"]:
        calls = Entry(f"{row['censored']:,} censored", math.nan)
    share = measure(row["success_ratio"], row["success_low"], row["success_high"])
    return [
        Entry(str(row["series"])), _size(row["k"]), _size(row["lam"]), verdict_entry(verdict),
        nothing if program else calls, nothing if program else measure(row["hit_predicted"]),
        measure(row["cost"], row["cost_low"], row["cost_high"]), measure(row["cost_predicted"]),
        share if program else nothing, measure(row["success_predicted"]) if program else nothing,
        Entry(str(row["source"] or "none")),
        Entry("" if verdict is Verdict.AGREES else _short(str(row["reason"]), verdict)),
    ]  # fmt: skip


def _short(reason: str, verdict: Verdict) -> str:
    """What differs in full; what is missing in some words, since a section of its own tells it."""
    return reason if verdict is Verdict.DIFFERS else textwrap.shorten(in_short(reason), SHORT, placeholder=" …")


def _size(value: float) -> Entry:
    return Entry(size_text(value), float(value))


def _constant(content: Content) -> str:
    """What is the same in all rows, and stands once."""
    summary = content.made.summary
    same = [name for name in ("k", "lam") if summary[name].nunique(dropna=False) == 1 and summary[name].notna().all()]
    runs = summary["runs"]
    said = [f"{name} = {size_text(summary[name].iloc[0])}" for name in same]
    said += [f"{int(runs.iloc[0]):,} runs a cell"] if runs.nunique() == 1 else []
    return f"Everywhere: {', '.join(said)}." if said else ""


def _without_constants(content: Content, headings: tuple[str, ...], rows: list[list[Entry]]) -> list[list[Entry]]:
    """The rows without the k or lam that all of them have."""
    for name in ("k", "lam"):
        if name in headings and name not in content.shown_axes:
            place = headings.index(name)
            for row in rows:
                row[place] = Entry("")
    return rows


def time_to_success(content: Content) -> Html:
    """ERT, success ratio, median, and the share that was censored, a row a cell."""
    headings = (
        "series", "k", "lam", "runs", "hits", "success ratio", "censored", "ERT, calls", "ERT, cost", "median calls",
        "fitness at the budget", "exact fitness",
    )  # fmt: skip
    rows = []
    for row in content.rows[:MOST_ROWS]:
        share = row["censored"] / row["runs"] if row["runs"] else math.nan
        censored = Entry("-" if math.isnan(share) else share_text(share), share)
        fitness = row.get("fitness", math.nan), row.get("fitness_predicted", math.nan)
        rows.append([
            Entry(str(row["series"])), _size(row["k"]), _size(row["lam"]), Entry(f"{row['runs']:,}", row["runs"]),
            Entry(f"{row['runs'] - row['censored']:,}", row["runs"] - row["censored"]),
            measure(row["success_ratio"], row["success_low"], row["success_high"]),
            censored, measure(row["ert"]), measure(row["ert_cost"]),
            measure(row["median"], row["median_low"], row["median_high"]), *map(measure, fitness),
        ])  # fmt: skip
    caption = (
        "ERT: calls (or cost) of all runs over the number of hits, infinite without a hit. Censored: ended at the "
        "budget without the optimum; such a run is a lower bound, never dropped and never a success."
    )
    return joined(
        [
            _in_short(content),
            table(headings, _without_constants(content, headings, rows), caption, "summary.csv", len(content.rows)),
        ]
    )


def _in_short(content: Content) -> Html:
    summary = content.made.summary
    runs, censored = int(summary["runs"].sum()), int(summary["censored"].sum())
    if not runs:
        return Html("")
    cells = int((summary["censored"] > 0).sum())
    if not censored:
        of = ("did their task right" if content.of_programs else
              "reached the optimum, or did their task right" if summary["text"].map(runs_program).any() else
              "reached the optimum")  # fmt: skip
        return tag("p", f"All {runs:,} runs {of}: ERT is the mean number of calls.")
    share, of = f"{censored:,} of {runs:,} runs ({share_text(censored / runs)})", f"{cells:,} of {len(summary):,} cells"
    said = f"{share}, in {of}, ended without a hit."
    return tag("p", said)
