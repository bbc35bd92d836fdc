"""What the terminal shows: tables of a report, a forecast, waiting times."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.checks.check import Check
from experiments.fits.claims import CLAIM_CONFIDENCE, ClaimCheck
from experiments.fits.fit import fit
from experiments.fits.laws import POOR_FIT, Fits, ScalingLaw
from experiments.grids.cell_text import PROGRAM
from experiments.grids.labels import sizes_of
from experiments.predictions.verdict import Verdict
from experiments.reports.measured import number
from experiments.reports.overview import overview
from experiments.reports.quality.shown import show_budgets
from experiments.reports.waiting import LEVELS
from experiments.reports.wording import (
    COLOURED,
    add_rows,
    alike,
    by_series,
    cost_heading,
    counted,
    folded,
    marked,
    place,
    print_table,
    size_text,
)

if TYPE_CHECKING:
    import pandas as pd

    from experiments.reports.report import Report
    from experiments.reports.study import Findings
    from experiments.store.results import Results

AGREES_WITH_THEORY = {Verdict.AGREES: "agrees", Verdict.DIFFERS: "differs", Verdict.CANNOT_TELL: "cannot tell"}
FEWEST_OF_A_LAW = 3
MOST_VERDICTS = 12
SINGLE = "10 / 50 / 90 %"
NO_LIMIT = 10_000
"""Columns of a terminal on which no table is cut."""


def show_report(made: Report, console: Console) -> None:
    """The whole report: what was found, or measured beside exact; laws, claims, speed-up, verdicts."""
    if made.findings is not None:
        show_findings(made.findings, console)
    else:
        for table in overview(made.summary, console.width, made.check.wrong):
            print_table(table, console)
    _show_censored(made.summary, console)
    show_budgets(made.summary, console)
    if made.claims:
        print_table(_claims_table(made.claims, console.width), console)
    elif made.fits is not None and made.findings is None:
        show_fits(made.fits, console)
    if made.speedup is not None and len(made.speedup):
        _show_speedup(made, console)
    show_check(made.check, console)


def show_findings(findings: Findings, console: Console) -> None:
    """The sentences, and the table that they are from."""
    console.print()
    for sentence in findings.sentences:
        console.print(f"* {sentence}", markup=False)
    table = Table(title="Measured, verdict (exact)", caption=findings.note or None, caption_justify="left")
    for i, heading in enumerate(findings.headings):
        table.add_column(escape(heading), justify="right" if i else "left", overflow="fold", no_wrap=i == 0)
    for arm, *row in findings.rows:
        table.add_row(folded(arm, console.width), *(marked(text) for text in row))
    print_table(table, console)


def show_check(checked: Check, console: Console) -> None:
    """The verdicts in one line, and each cell that does not agree."""
    counts = ", ".join(f"{checked.count(verdict)} {verdict}" for verdict in Verdict)
    console.print(
        f"\n[bold]Check against exact predictions:[/] {counts}  (of {counted(len(checked.cells), 'cell')}; "
        f"false-alarm rate {checked.alpha:g} over the grid)" + (f"\n{checked.note}" if checked.note else "")
    )
    for why, count in Counter(cell.stored for cell in checked.cells if cell.stored).items():
        told = f"{counted(count, 'cell')} checked against the prediction stored when it was run: {why}"
        console.print(told, markup=False)
    for verdict in (Verdict.DIFFERS, Verdict.CANNOT_TELL):
        cells = [cell for cell in checked.cells if cell.verdict is verdict]
        told_alike = alike((cell.label, cell.reason) for cell in cells)
        listed = Table.grid(padding=(0, 0, 0, 1))
        for told, _ in told_alike[:MOST_VERDICTS]:
            listed.add_row("", COLOURED[verdict], escape(told))
        left = sum(count for _, count in told_alike[MOST_VERDICTS:])
        if left:
            listed.add_row("", COLOURED[verdict], f"and {left} more, all in summary.csv")
        if cells:
            console.print(listed)


def show_fits(fits: Fits, console: Console) -> None:
    """For each series its law, or the families that the runs leave; below it what would tell, and what was dropped."""
    table = Table(title="Fitted laws", caption_justify="left")
    for heading in ("series", "law", "constants", "p (fit)", "range"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("series", "p (fit)"))
    for growth in fits.growths:
        laws = growth.left or tuple(each for each in fits.laws if each.series == growth.series)[:1]
        for i, law in enumerate(laws):
            told = "" if growth.law else f"{growth.told}: " if i == 0 else "or "
            named = folded(growth.series, console.width) if i == 0 else ""
            said = f"{told}{_law(law)}" if growth.left else f"{growth.told}; nearest {_law(law)}"
            table.add_row(named, said, _estimates(law), law.misfit_text, _range(law) if i == 0 else "")
    for refusal in fits.refused:
        table.add_row(folded(refusal.series, console.width), "CANNOT TELL", escape(refusal.reason), "", "")
    if fits.laws:
        table.caption = (
            f"{100 * fits.laws[0].confidence:.4g} % intervals, of the best approximation on this range, not of the "
            "constant in the limit; p (fit): probability that a true law of this family fits as badly. A law is told "
            f"where one family is left: others are refused at {POOR_FIT:g}, or hold it"
        )
    print_table(table, console)
    for growth in fits.growths:
        for line in filter(None, [growth.reason, growth.advice, growth.note]):
            console.print(f"{growth.series}: {line}", markup=False)
        console.print(f"{growth.series}, dropped: {_dropped(fits, growth.series)}", markup=False)
    if fits.note:
        console.print(fits.note, markup=False)


def _dropped(fits: Fits, series: str) -> str:
    """The families that are not left, by the reason."""
    reasons: dict[str, list[str]] = {}
    for law in fits.laws:
        if law.series == series and law.dropped:
            reason = law.dropped.partition(", p ")[0]
            short = "not needed" if reason.startswith("not needed") else reason
            reasons.setdefault(short, []).append(law.form.name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())


def show_drawn(results: Results, console: Console) -> None:
    """What was drawn from predicted laws: no verdicts, only how it grows."""
    rows, cells = len(results.runs), results.cells
    console.print(f"{counted(rows, 'run')} of {counted(len(cells), 'cell')} drawn from the predicted laws: no check")
    if sizes_of(cells).nunique() >= FEWEST_OF_A_LAW:
        show_fits(fit(results), console)


def show_waiting(table: pd.DataFrame, workers: int | None, console: Console) -> None:
    """Rounds and seconds beside the cost, a row a cell; exact means and single runs where there is room for them."""
    known_alone = (table["makespan"].isna() & table["makespan_predicted"].notna()).any()
    for more in (("exact", SINGLE), *(() if known_alone else ((SINGLE,),)), ("exact",), ()):
        shown = _waiting_table(table, workers, more, console.width)
        if console.measure(shown, options=console.options.update(width=NO_LIMIT)).maximum <= console.width:
            break
    print_table(shown, console)
    if SINGLE not in more:
        console.print("a wider terminal shows single runs, too (10, 50, 90 %)", markup=False)
    noted = table[table["note"] != ""].to_dict("records")
    for told, _ in alike((place(row), row["note"]) for row in noted):
        console.print(told, markup=False)


def _waiting_table(table: pd.DataFrame, workers: int | None, more: tuple[str, ...], width: int) -> Table:
    """The table of waiting times with some of the columns that are left out where there is no room."""
    who = "a worker for each call of a generation" if workers is None else counted(workers, "worker")
    shown = Table(
        title=f"Waiting time beside cost, {who} (means of the runs)",
        caption="rounds: generations, times the turns that the workers need for one; seconds: until the last answer is "
        "back and evaluated, with a barrier after each generation; >: some runs ended at their budget"
        + ("; exact: the predicted mean, without a budget" if "exact" in more else "")
        + (f"; {SINGLE}: of single runs, inf where the budget ended so many" if SINGLE in more else ""),
        caption_justify="left",
    )
    shown.add_column("arm", no_wrap=True)
    headings = ("k", "lam", "rounds", "seconds", *more, "cost")
    for heading in headings:
        words = cost_heading(table["text"]) if heading == "cost" else heading
        shown.add_column(words, justify="right", no_wrap=True)
    for series, rows in by_series(table):
        told = [_waited(row) for row in rows]
        add_rows(shown, folded(series, width), [tuple(row[heading] for heading in headings) for row in told])
    return shown


def _waited(row: dict[Any, Any]) -> dict[str, str]:
    """The columns of a cell in words; bounds where runs were censored."""
    sign = "> " if row["censored"] else ""
    means = {"rounds": row["rounds"], "seconds": row["makespan"], "cost": row["cost"]}
    told = {name: number(mean) for name, mean in means.items()}
    quantiles = [number(row[f"makespan_{level}"]) for level in LEVELS]
    return {
        "k": size_text(row["k"]),
        "lam": size_text(row["lam"]),
        **{name: each if each == "-" else sign + each for name, each in told.items()},
        "exact": number(row["makespan_predicted"]),
        SINGLE: "-" if "-" in quantiles else " / ".join(quantiles),
    }


def _show_censored(summary: pd.DataFrame, console: Console) -> None:
    """Say where a budget bit."""
    of_programs = summary["text"].str.startswith(PROGRAM)
    if undone := int(summary.loc[of_programs, "censored"].sum()):
        console.print(f"{counted(undone, 'run')} of programs ended without their task done right (no hit)")
    cells = summary[(summary["censored"] > 0) & ~of_programs]
    if len(cells):
        console.print(
            f"{counted(int(cells['censored'].sum()), 'run')} of {counted(len(cells), 'cell')} ended at their budget "
            "without the optimum (censored): they count as lower bounds"
            + ("" if (cells["hit_predicted"] == math.inf).all() else "; give a larger budget to see more")
        )


def _claims_table(claims: tuple[ClaimCheck, ...], width: int) -> Table:
    table = Table(
        title=f"What the paper claims, and the law that was measured ({CLAIM_CONFIDENCE:.1%} intervals)",
        caption="claim of the paper: its words, with the equation; - where it says nothing. exact theory: what it says "
        "of the arm, and whether the interval of the measured law meets its value, with the tolerance named for the "
        "range that was run; the mark is of the measurement, not of the claim. so the claim: what both together say of "
        "the paper's claim",
        caption_justify="left",
    )
    for heading in ("arm", "claim of the paper", "measured law", "exact theory", "so the claim"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "arm")
    for each in claims:
        paper = escape(each.claim.paper) or "-"
        arm = folded(each.claim.what, width)
        table.add_row(arm, paper, _law_of(each), _theory_of(each), _so(each), end_section=True)
    return table


def _law_of(each: ClaimCheck) -> str:
    """The measured law with the parameter that is claimed, or what else was found."""
    if each.law is None:
        return each.found or "none"
    return f"{_law(each.law)}\n{escape(str(each.law[each.claim.parameter]))}\n{_range(each.law)}"


def _theory_of(each: ClaimCheck) -> str:
    """What exact theory says, and whether the measured law agrees with it."""
    agrees = f"{COLOURED[each.verdict]} {AGREES_WITH_THEORY[each.verdict]}"
    said = f"{escape(each.claim.theory)}\n" if each.claim.theory else ""
    return f"{agrees}\n{said}({escape(each.claim.text)})"


def _so(each: ClaimCheck) -> str:
    """What follows for the paper's claim; nothing where the measured law is not the one that exact theory gives."""
    if each.verdict is not Verdict.AGREES:
        return f"[bold]open[/]: {escape(each.reason)}"
    for words, style in (("does not hold", "red"), ("holds", "green")):
        if each.reason.startswith(words):
            return f"[bold {style}]{words}[/]{escape(each.reason.removeprefix(words))}"
    return escape(each.reason)


def _show_speedup(made: Report, console: Console) -> None:
    """The speed-ups at lam = 1, and under them what is to be known of some and why there are none of others."""
    assert made.speedup is not None
    assert made.study is not None
    slow, fast = made.study.speedup or ("", "")
    if "lam" not in made.speedup:
        _show_speedup_of_programs(made.speedup, f"Speed-up: cost of {slow} over cost of {fast}", console)
        return
    shown = made.speedup[made.speedup["lam"] == 1].to_dict("records")
    table = Table(
        title=f"Speed-up: cost of {slow} over cost of {fast} (lam = 1)",
        caption=f"exact: of the predicted means; intervals hold for all rows together w.p. {1 - made.check.alpha:g}",
        caption_justify="left",
    )
    for heading in ("k", "measured", "interval", "exact", "measured / (2^k k)", ""):
        table.add_column(heading, justify="right")
    for row in shown:
        ratio = "-" if math.isnan(row["speedup"]) else f"{row['speedup'] / (2 ** row['k'] * row['k']):.3f}"
        mark = COLOURED[Verdict(row["verdict"])]
        table.add_row(f"{row['k']:g}", *_ratio(row), number(row["exact"]), ratio, mark)
    print_table(table, console)
    for told, _ in alike((f"k = {row['k']:g}", row["note"]) for row in shown if row["note"]):
        console.print(told, markup=False)


def _show_speedup_of_programs(speedups: pd.DataFrame, title: str, console: Console) -> None:
    """The speed-ups of programs, with what else varies within an arm beside them."""
    table = Table(title=title, caption="exact: of the expected means", caption_justify="left")
    headings = ["slow", "k"] if speedups["slow"].nunique() > 1 else ["k"]
    for heading in (*headings, "measured", "interval", "exact", ""):
        table.add_column(heading, justify="left" if heading == "slow" else "right", overflow="fold")
    for row in speedups.to_dict("records"):
        place = [folded(str(row["slow"]), console.width)] if "slow" in headings else []
        mark = COLOURED[Verdict(row["verdict"])]
        table.add_row(*place, size_text(row["k"]), *_ratio(row), number(row["exact"]), mark)
    print_table(table, console)


def _ratio(row: dict[Any, Any]) -> tuple[str, str]:
    """A speed-up and its interval in words, where it is no ratio of means with what it is of."""
    low, high = number(row["low"]), number(row["high"])
    interval = f"> {low}" if math.isinf(row["high"]) else "-" if math.isnan(row["low"]) else f"{low} .. {high}"
    if math.isnan(row["speedup"]):
        return ("-" if math.isnan(row["medians"]) else f"{number(row['medians'])} (medians)"), interval
    return number(row["speedup"]) + (f" ({row['of']})" if row["of"] != "mean" else ""), interval


def _law(law: ScalingLaw) -> str:
    return escape(law.text)


def _estimates(law: ScalingLaw) -> str:
    return escape("\n".join(str(estimate) for estimate in law.estimates))


def _range(law: ScalingLaw) -> str:
    censored = f", {law.censored_share:.1%} censored" if law.censored_share else ""
    return f"{law.along} = {law.least:g} .. {law.most:g}{censored}"
