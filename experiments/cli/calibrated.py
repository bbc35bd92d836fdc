"""What the terminal shows of a calibration, at 80 columns: estimates, verdicts, traps, what to buy."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.calibration.blocks import Chance, Estimate
from experiments.calibration.calibrate import Report, calibrate, kind_words
from experiments.calibration.seconds import SecondsLaw
from experiments.calibration.traps import Shown
from experiments.logs.calls import Calls
from experiments.predictions.verdict import Verdict
from experiments.reports.wording import counted, print_table

COLOURS = {Verdict.AGREES: "green", Verdict.DIFFERS: "red bold", Verdict.CANNOT_TELL: "yellow"}
NONE, UNTOLD = "-", Verdict.CANNOT_TELL.words


def show_report(report: Report, console: Console) -> None:
    """All of it."""
    log = report.log
    kind = f", {kind_words(*log.groups('model', 'kind')[0])}" if log.groups("model", "kind")[0] != ("", "") else ""
    console.print(f"{log.file}: {counted(len(log), 'row')}{kind}; 95 % intervals", markup=False, soft_wrap=True)
    if log.unused:
        console.print(f"not used: {', '.join(log.unused)}", markup=False)
    _show_lines(
        "What such a log does not tell", ((f"{i}.", words) for i, words in enumerate(log.lost, start=1)), console
    )
    if report.sizes:
        _show_blocks(report, console)
    _show_lines("Answers", _answers(report), console)
    _show_lines("Tokens and seconds of a call", [*_tokens(report), *_seconds(report)], console)
    _show_lines("Prices of a token", _prices(report), console)
    _show_laws(report, console)
    _show_traps(report, console)
    _show_lines("What to buy", ((f"{i}.", pilot.words) for i, pilot in enumerate(report.pilots, start=1)), console)


def show_kinds(calls: Calls, console: Console) -> None:
    """A row for each model and kind of a log of several, which have no calibration together."""
    table = Table(title=f"{calls.file}: {counted(len(calls), 'row')} of several models or kinds")
    for heading in ("model", "kind", "calls", "malformed", "s / 1,000 tokens", "sigma", "given tokens"):
        table.add_column(heading, justify="left" if heading in ("model", "kind") else "right")
    for model, kind in calls.groups("model", "kind"):
        report = calibrate(calls.where((calls.word("model") == model) & (calls.word("kind") == kind)))
        law, malformed = report.seconds, report.malformed
        table.add_row(
            escape(model or NONE),
            escape(kind or NONE),
            f"{len(report.log):,}",
            NONE if malformed is None else f"{100 * malformed.value:.1f} %",
            *((f"{each.value:.3g}" for each in (law.per_thousand, law.sigma, law.tail)) if law else (NONE,) * 3),
        )
    print_table(table, console)
    console.print("Choose one with --model and --kind: they have no calibration together.", markup=False)


def _show_blocks(report: Report, console: Console) -> None:
    table = Table(title="Blocks: of the incorrect ones repaired (fix), of the correct ones kept (keep)")
    for heading in ("g", "calls", "fix", "95 %", "keep", "95 %"):
        table.add_column(heading, justify="right", overflow="fold")
    for size in report.sizes:
        table.add_row(escape(size.words), f"{size.calls:,}", *_chance(size.fix), *_chance(size.keep))
    print_table(table, console)
    lines = []
    for name, rho in (("fix", report.rho_fix), ("keep", report.rho_keep)):
        told = f"{UNTOLD}: no call has two such blocks that could differ" if rho is None else _number(rho)
        lines.append((f"rho_{name}", told))
    for size in report.sizes if len(report.sizes) == 1 else ():
        for name, chance in (("fix", size.fix), ("keep", size.keep)):
            if chance is not None:
                lines.append((f"{name} law", _law(chance)))
    _show_lines("", lines, console)


def _law(chance: Chance) -> str:
    right = round(chance.pooled * chance.blocks)
    pooled = f"pooled {right:,} / {chance.blocks:,} = {chance.pooled:.5g}"
    if chance.ab is None:
        return f"{pooled}; log likelihood {chance.log_likelihood:.3f}"
    a, b = chance.ab
    return f"a {a:.4g}, b {b:.4g}, log likelihood {chance.log_likelihood:.3f}; {pooled}"


def _chance(chance: Chance | None) -> tuple[str, str]:
    if chance is None:
        return NONE, UNTOLD
    return f"{chance.mean.value:.4f}", f"{chance.mean.low:.3f} to {chance.mean.high:.3f}"


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"


def _tokens_number(estimate: Estimate) -> str:
    return f"{estimate.value:,.0f} ({estimate.low:,.0f} to {estimate.high:,.0f})"


def _answers(report: Report) -> Iterable[tuple[str, str]]:
    for name, estimate, of in (
        ("malformed", report.malformed, "answers"),
        ("refused", report.refusals, "calls"),
        ("no answer", report.errors, "calls"),
    ):
        if estimate is None:
            yield name, f"{UNTOLD}: {report.log.survivors or 'no column outcome'}"
        else:
            share = f"{100 * estimate.value:.3g} % ({100 * estimate.low:.2g} to {100 * estimate.high:.2g} %)"
            yield name, f"{share} of {estimate.n:,} {of}"


def _tokens(report: Report) -> Iterable[tuple[str, str]]:
    law = report.tokens
    for column, estimate in law.means.items():
        yield column.removeprefix("tokens_"), _tokens_number(estimate)
    if law.means:
        for name, found, why in (
            ("instructions", law.instructions, "calls of one g, or none: what a prompt has beside the blocks"),
            ("a block", law.block, "no column g, or no generated tokens"),
        ):
            yield name, f"{UNTOLD}: {why}" if found is None else _tokens_number(found)


def _seconds(report: Report) -> Iterable[tuple[str, str]]:
    law: SecondsLaw | None = report.seconds
    if law is None:
        yield "seconds", f"{UNTOLD}: fewer than 30 calls with seconds and generated tokens"
    else:
        yield "per 1,000", f"{_number(law.per_thousand)} s per 1,000 generated tokens, the median"
        yield "sigma", f"{_number(law.sigma)} of the logarithm over all calls"
        yield "", f"{_number(law.tail)} given the generated tokens"
        yield "law", f"{law.fixed.value:.3g} s + {1000 * law.per_token.value:.3g} s per 1,000 tokens, the median"
    if report.evaluation is not None:
        yield "evaluation", f"{_number(report.evaluation)} s"


def _prices(report: Report) -> Iterable[tuple[str, str]]:
    law = report.prices
    for name, estimate in law.prices.items():
        yield name, _number(estimate)
    if law.untold:
        yield "", f"{UNTOLD}: {law.untold}"


def _show_laws(report: Report, console: Console) -> None:
    if not report.laws:
        return
    console.print("\n[bold]Which law fits[/]")
    listed = Table.grid(padding=(0, 1))
    for law in report.laws:
        listed.add_row(law.name, f"[{COLOURS[law.verdict]}]{law.verdict.words}[/]", escape(f"{law.law}: {law.reason}"))
    console.print(listed)


def _show_traps(report: Report, console: Console) -> None:
    console.print("\n[bold]What real logs do to an estimate: seen in this one?[/]")
    listed = Table.grid(padding=(0, 1))
    for trap in report.traps:
        style = "yellow" if trap.shown is Shown.SEEN else "none"
        words = trap.shown.replace(" ", "\xa0")
        listed.add_row(f"{trap.number}", f"[{style}]{words}[/]", escape(f"{trap.name}: {trap.evidence}"))
    console.print(listed)


def _show_lines(title: str, lines: Iterable[tuple[str, str]], console: Console) -> None:
    """Lines of a name and what is said of it, under a title; nothing if there are none."""
    listed = Table.grid(padding=(0, 2))
    for name, told in lines:
        listed.add_row(escape(name), escape(told))
    if listed.row_count:
        if title:
            console.print(f"\n[bold]{title}[/]")
        console.print(listed)
