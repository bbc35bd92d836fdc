"""What the terminal shows: tables of a report, a forecast, waiting times."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.checks.check import Check
from experiments.grids.cell_text import PROGRAM
from experiments.grids.labels import sizes_of
from experiments.predictions.verdict import Verdict
from experiments.reports.listing.columns import Group, lines_of, print_lines, width_of
from experiments.reports.listing.rows import Row, laid_out, print_rows
from experiments.reports.measured import number
from experiments.reports.overview import overview
from experiments.reports.quality.shown import show_budgets
from experiments.reports.waiting import LEVELS
from experiments.reports.wording import (
    COLOURED,
    alike,
    cost_heading,
    cost_unit,
    counted,
    folded,
    marked,
    merged,
    place,
    print_table,
    share_text,
    size_text,
    title,
    unit_note,
)

if TYPE_CHECKING:
    import pandas as pd

    from experiments.fits.claims import ClaimCheck
    from experiments.fits.laws import Fits, Growth, ScalingLaw
    from experiments.reports.report import Report
    from experiments.reports.study import Findings
    from experiments.store.results import Results

FEWEST_OF_A_LAW = 3
MOST_VERDICTS = 12
SINGLE = "10 / 50 / 90 %"


def show_report(made: Report, console: Console) -> None:
    """The whole report: what was found, or measured beside exact; laws, claims, speed-up, verdicts."""
    if made.findings is not None:
        show_findings(made.findings, console)
        _show_costs(made.summary, console)
    else:
        for table in overview(made.summary, console.width, made.check.wrong):
            print_table(table, console)
    _show_censored(made.summary, console)
    show_budgets(made.summary, console)
    if made.claims:
        _show_claims(made.claims, console)
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
    first, *headings = map(escape, findings.headings)
    labels = [row[0] for row in findings.rows]
    whole = (Group("", tuple((escape(arm), *map(marked, texts)) for arm, *texts in findings.rows)),)
    wide = width_of([""] * len(findings.headings), whole) > console.width
    if len(set(headings)) == len(headings) and (wide or len(set(labels)) < len(labels)):
        title(f"Measured, verdict (exact), by {findings.headings[0]}", console)
        rows = [Row(arm, dict(zip(headings, map(marked, texts), strict=True))) for arm, *texts in findings.rows]
        print_rows(rows, console, always=headings)
    else:
        title("Measured, verdict (exact)", console)
        print_lines(lines_of((first, *headings), whole, console.width, left=1), console)
    if findings.note:
        console.print(findings.note, markup=False)


def show_check(checked: Check, console: Console) -> None:
    """The verdicts in one line, and each cell that does not agree."""
    console.print(
        f"\n[bold]Check against exact predictions:[/] {checked.counts}  (of {counted(len(checked.cells), 'cell')}; "
        f"false-alarm rate {checked.alpha:g} over the grid)" + (f"\n{escape(checked.note)}" if checked.note else "")
    )
    for why, count in Counter(cell.stored for cell in checked.cells if cell.stored).items():
        told = f"{counted(count, 'cell')} checked against the prediction stored when it was run: {why}"
        console.print(told, markup=False)
    for verdict in (Verdict.DIFFERS, Verdict.CANNOT_TELL):
        cells = [cell for cell in checked.cells if cell.verdict is verdict]
        together = merged if verdict is Verdict.CANNOT_TELL else alike
        told_alike = together((cell.label, cell.reason) for cell in cells)
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
    from experiments.fits.laws import POOR_FIT

    laws = [law for growth in fits.growths for law in _shown(fits, growth)]
    quantities, ranges = ({tell(law) for law in laws} for tell in (_quantity, _range))
    one, everywhere = len(quantities) == 1, len(ranges) == 1
    of = f": {quantities.copy().pop()}" if one else ""
    title(f"Fitted laws{of}" + (f", {ranges.copy().pop()}" if everywhere else ""), console)
    if laws:
        groups = [
            Group(
                f"{growth.series}: {_told(growth)}" + ("" if everywhere else f" ({_range(_shown(fits, growth)[0])})"),
                tuple(row for law in _shown(fits, growth) for row in _rows_of(law, one)),
                _notes(fits, growth),
            )
            for growth in fits.growths
            if _shown(fits, growth)
        ]
        headings = ("law", "constant", "value", "interval", "exact means", "p (fit)")
        print_lines(lines_of(headings, groups, console.width, left=2), console)
        console.print(
            f"{100 * laws[0].confidence:.4g} % intervals, of the best approximation on this range, not of the "
            "constant in the limit; exact means: the constant of the same fit to these; p (fit): probability that a "
            "true law of this family fits as badly. A law is told where one family is left: others are refused at "
            f"{POOR_FIT:g}, or hold it",
            markup=False,
        )
    for names, reason, _ in fits.refused_alike:
        console.print(f"{names}: {Verdict.CANNOT_TELL.words}, {reason}", markup=False)
    if fits.note:
        console.print(fits.note, markup=False)


def _shown(fits: Fits, growth: Growth) -> tuple[ScalingLaw, ...]:
    """The laws that are left of a series, or the nearest."""
    return growth.left or tuple(each for each in fits.laws if each.series == growth.series)[:1]


def _notes(fits: Fits, growth: Growth) -> tuple[str, ...]:
    """Why a series is undecided, what would tell, what else there is to know, and what was dropped."""
    dropped = _dropped(fits, growth.series)
    told = [growth.reason, growth.advice, growth.note, f"dropped: {dropped}" if dropped else ""]
    return tuple(filter(None, told))


def _told(growth: Growth) -> str:
    if growth.law:
        return "a law"
    if not growth.left:
        return f"{growth.told}; nearest:"
    return f"{growth.told}, one of" if len(growth.left) > 1 else f"{growth.told}, so far"


def _quantity(law: ScalingLaw) -> str:
    return law.text.partition(" = ")[0]


def _rows_of(law: ScalingLaw, one: bool) -> list[tuple[str, ...]]:
    """A row a constant; the law beside the first."""
    rows: list[tuple[str, ...]] = []
    for i, each in enumerate(law.estimates):
        value, low, high = (f"{number + 0.0:.4g}" for number in (each.value, each.low, each.high))
        exact = "" if math.isnan(each.exact) else f"{each.exact:.4g}"
        said = law.text.partition(" = ")[2] if one else law.text
        head, p = (escape(said), law.misfit_text) if i == 0 else ("", "")
        rows.append((head, each.name, value, escape(f"[{low}, {high}]"), exact, p))
    return rows


def _dropped(fits: Fits, series: str) -> str:
    """The families that are not left, by the reason."""
    reasons: dict[str, list[str]] = {}
    for law in fits.laws:
        if law.series == series and law.dropped:
            reason = law.dropped.partition(", p ")[0]
            short = "not needed" if reason.startswith("not needed") else reason
            reasons.setdefault(short, []).append(law.form.name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())


def show_drawn(results: Results, console: Console, briefly: bool = False) -> None:
    """What was drawn from predicted laws: no verdicts, only how it grows; briefly: how many runs alone."""
    rows, cells = len(results.runs), results.cells
    console.print(
        f"{counted(rows, 'run')} of {counted(len(cells), 'cell')} drawn from the declared laws: no check, no report; "
        "`llm-evo time` tells their means, `llm-evo export` writes their rows",
        markup=False,
    )
    if not briefly and sizes_of(cells).nunique() >= FEWEST_OF_A_LAW:
        from experiments.fits.fit import fit

        show_fits(fit(results), console)


def show_waiting(table: pd.DataFrame, workers: int | None, console: Console) -> None:
    """Rounds and seconds beside the cost, a row a cell; exact means and single runs where there is room for them."""
    cost = cost_heading(table["text"])
    known_alone = (table["makespan"].isna() & table["makespan_predicted"].notna()).any()
    always = ("k", "rounds", "seconds", cost)
    for more_of in (("exact", SINGLE), *(() if known_alone else ((SINGLE,),)), ("exact",), ()):
        rows = [Row(str(row["series"]), _waited(row, cost, more_of)) for row in table.to_dict("records")]
        layout = laid_out(rows, console.width, always)
        if layout.by_columns and layout.width <= console.width:
            break
    who = "a worker for each call of a generation" if workers is None else counted(workers, "worker")
    title(f"Waiting time beside cost, {who} (means of the runs)", console)
    print_rows(rows, console, always)
    console.print(
        "rounds: generations, times the turns that the workers need for one; seconds: until the last answer is back "
        "and evaluated, with a barrier after each generation"
        f"{'; cost' + unit if (unit := unit_note(table['text'])) else ''}; >: some runs ended at their budget"
        + ("; exact: the predicted mean, without a budget" if "exact" in more_of else "")
        + (f"; {SINGLE}: of single runs, inf where the budget ended so many" if SINGLE in more_of else ""),
        markup=False,
    )
    if SINGLE not in more_of:
        console.print("a wider terminal shows single runs, too (10, 50, 90 %)", markup=False)
    noted = table[table["note"] != ""].to_dict("records")
    for told, _ in merged((place(row), row["note"]) for row in noted):
        console.print(told, markup=False)


def _waited(row: dict[Any, Any], cost: str, more_of: tuple[str, ...]) -> dict[str, str]:
    """The columns of a cell in words; bounds where runs were censored."""
    sign = "> " if row["censored"] else ""
    means = {"rounds": row["rounds"], "seconds": row["makespan"], cost: row["cost"]}
    told = {name: number(mean) for name, mean in means.items()}
    told = {name: each if each == "-" else sign + each for name, each in told.items()}
    quantiles = [number(row[f"makespan_{level}"]) for level in LEVELS]
    extra = {"exact": number(row["makespan_predicted"]), SINGLE: "-" if "-" in quantiles else " / ".join(quantiles)}
    places = {name: size_text(row[name]) for name in ("k", "lam")}
    return (
        places
        | {name: told[name] for name in ("rounds", "seconds")}
        | {n: extra[n] for n in more_of}
        | {cost: told[cost]}
    )


def _show_costs(summary: pd.DataFrame, console: Console) -> None:
    """What runs cost, from the cheapest cell to the dearest: a study's own table may be of calls alone."""
    known = summary["cost"].dropna()
    if len(known):
        unit = cost_unit(summary["text"]) or "in the unit of each cost model"
        ends = " .. ".join(dict.fromkeys(number(end) for end in (known.min(), known.max())))
        open_ones = len(summary) - len(known)
        left = (
            f"; {counted(open_ones, 'cell')} without a mean: runs are censored, or it is infinite" if open_ones else ""
        )
        console.print(f"cost of a run, means by cell: {ends} {unit}{left}; each in summary.csv", markup=False)


def _show_censored(summary: pd.DataFrame, console: Console) -> None:
    """Say where a budget bit."""
    of_programs = summary["text"].str.startswith(PROGRAM)
    if undone := int(summary.loc[of_programs, "censored"].sum()):
        console.print(
            f"{counted(undone, 'run')} of programs ended without their task done right (no hit)", markup=False
        )
    cells = summary[(summary["censored"] > 0) & ~of_programs]
    if len(cells):
        console.print(
            f"{counted(int(cells['censored'].sum()), 'run')} of {counted(len(cells), 'cell')} ended at their budget "
            "without the optimum (censored): they count as lower bounds"
            + ("" if (cells["hit_predicted"] == math.inf).all() else "; give a larger budget to see more"),
            markup=False,
        )


def _show_claims(claims: tuple[ClaimCheck, ...], console: Console) -> None:
    """A claim after the other, each with what the paper says, what was measured, what theory says, what follows."""
    from experiments.fits.claims import CLAIM_CONFIDENCE

    title(f"What the paper claims, and the law that was measured ({CLAIM_CONFIDENCE:.1%} intervals)", console)
    for each in claims:
        console.print(each.claim.what, style="bold", markup=False)
        listed = Table.grid(padding=(0, 2, 0, 0))
        for name, said in (
            ("  paper", escape(each.claim.paper) or "-"),
            ("  measured", _law_of(each)),
            ("  theory", _theory_of(each)),
            ("  so", _so(each)),
        ):
            listed.add_row(name, said)
        console.print(listed)
    console.print(
        "paper: its words, with the equation; - where it says nothing. theory: what it says of the arm, and whether "
        "the interval of the measured law meets its value, with the tolerance named for the range that was run; the "
        "mark is of the measurement, not of the claim. so: what both together say of the paper's claim",
        markup=False,
    )


def _law_of(each: ClaimCheck) -> str:
    """The measured law with the parameter that is claimed, or what else was found."""
    if each.law is None:
        return each.found or "none"
    return f"{_law(each.law)}, {escape(str(each.law[each.claim.parameter]))}, {_range(each.law)}"


def _theory_of(each: ClaimCheck) -> str:
    """What exact theory says, and whether the measured law agrees with it."""
    agrees = f"{COLOURED[each.verdict]} {each.verdict.words.lower()}"
    said = f": {escape(each.claim.theory)}" if each.claim.theory else ""
    return f"{agrees}{said} ({escape(each.claim.text)})"


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
    if math.isnan(row["speedup"]):
        told = "-" if math.isnan(row["medians"]) else f"{number(row['medians'])} (medians)"
        return told, _interval(row["medians_low"], row["medians_high"])
    interval = _interval(row["low"], row["high"])
    return number(row["speedup"]) + (f" ({row['of']})" if row["of"] != "mean" else ""), interval


def _interval(low: float, high: float) -> str:
    """An interval in words, or the one end that it has.

    >>> _interval(2.0, 3.5), _interval(2.0, math.inf), _interval(math.nan, 0.5), _interval(math.nan, math.nan)
    ('2 .. 3.5', '> 2', '< 0.5', '-')
    """
    if math.isinf(high):
        return f"> {number(low)}" if low > 0 else "-"
    if math.isnan(low):
        return "-" if math.isnan(high) else f"< {number(high)}"
    return f"{number(low)} .. {number(high)}"


def _law(law: ScalingLaw) -> str:
    return escape(law.text)


def _range(law: ScalingLaw) -> str:
    censored = f", {share_text(law.censored_share)} censored" if law.censored_share else ""
    return f"{law.along} = {law.least:g} .. {law.most:g}{censored}"
