"""The command `llm-evo calibrate`: a log of real calls in, estimates with intervals and a calibration file out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.exits import plain_errors

if TYPE_CHECKING:
    from experiments.logs.calls import Calls


def calibrate(
    log: Annotated[
        Path,
        typer.Argument(metavar="LOG", help="Table of calls (.csv, .csv.gz, .jsonl, .parquet), or a framework's log."),
    ],
    format: Annotated[
        str, typer.Option(help="auto, table (docs/calibration.md), swe, openevolve, shinka, gepa, codeevolve.")
    ] = "auto",
    out: Annotated[Path | None, typer.Option(help="Calibration file (TOML) to write; must be free.")] = None,
    model: Annotated[str | None, typer.Option(help="Only calls of this model.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only calls of this kind.")] = None,
    unit: Annotated[str | None, typer.Option(help="Currency of the log's money, for the file.")] = None,
) -> None:
    """What a log of real calls says: fix, keep, tokens, seconds, prices, with 95 % intervals, and what it cannot say.

    Example: `llm-evo calibrate calls.csv --out calibration.toml`
    """
    with plain_errors():
        from experiments.cli.output import expect_free
        from experiments.logs.formats import read_calls

        if out is not None:
            expect_free("--out", out)
        if unit is not None:
            _expect_unit(unit)
        every = read_calls(log, format)
        _warn_of_bodies(every, log)
        calls = _chosen(_chosen(every, "model", model), "kind", kind)

        from experiments.calibration.calibrate import calibrate as calibrate_calls
        from experiments.calibration.calibrate import expect_one_kind
        from experiments.cli.calibrated import show_kinds, show_report
        from experiments.grids.measured.file import calibration_toml
        from experiments.reports.printing import PlainConsole
        from experiments.store.files import write_new

        console = PlainConsole(highlight=False)
        if len(calls.groups("model", "kind")) > 1:
            if out is not None:
                expect_one_kind(calls)
            show_kinds(calls, console)
            return
        report = calibrate_calls(calls)
        if out is not None:  # before it is shown, whoever stops to read
            write_new(out, calibration_toml(report.calibration(unit), report.notes))
        show_report(report, console)
        if out is not None:
            console.print(f"\nWritten to {out}", markup=False, soft_wrap=True)


def _expect_unit(unit: str) -> None:
    """Refuse a currency that the calibration file could not be read with, before the log is looked at."""
    from evo.errors import InputError
    from experiments.grids.measured.values import currency

    try:
        currency(unit)
    except ValueError as error:
        raise InputError(f"--unit: {error}, got {unit!r:.100}") from None


def _warn_of_bodies(calls: Calls, log: Path) -> None:
    """Say that a log holds what was said, before somebody hands it on."""
    from experiments.cli.output import say
    from experiments.logs.recorded import BODIES

    if any(name in BODIES for name in calls.unused):
        say(
            f"note: {log} holds prompts or answers in full, which may be private; "
            f"`llm-evo record {shlex.quote(str(log))} --strip NEW.jsonl` writes a log without them"
        )


def _chosen(calls: Calls, name: str, word: str | None) -> Calls:
    """The calls of a model or kind."""
    from evo.errors import InputError
    from evo.parameters import shown, suggestion

    if word is None:
        return calls
    known = [each[0] for each in calls.groups(name) if each[0]]
    if word not in known:
        told = f"expected one of {', '.join(known[:12])}" if known else f"{calls.file} has no {name}"
        raise InputError(f"--{name}: {told}, got {shown(word)}{suggestion(word, known)}")
    return calls.where(calls.word(name) == word)
