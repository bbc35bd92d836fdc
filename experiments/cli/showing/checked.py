"""What `llm-evo check` shows: the verdicts, or runs of a real model beside the law of its calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evo.errors import InputError
from experiments.cli.as_json.after import check_json
from experiments.cli.inputs import new_console
from experiments.cli.progress import stages
from experiments.grids.measured.file import read_calibration
from experiments.predictions.verdict import Verdict
from experiments.reports.terminal import show_check
from experiments.serving.real.own_law import OwnLaw, own_laws
from experiments.store.results import Results


def tell_check(results: Results, calibration: Path | None, alpha: float, json: bool) -> Verdict:
    """Show the verdicts on results; the verdict on all of them.

    Args:
        results: the results.
        calibration: a file, whose law real calls are compared with; None: exact predictions.
        alpha: false-alarm rate.
        json: whether to print JSON instead.

    Raises: InputError.
    """
    if calibration is not None:
        if json:
            raise InputError("--json is of the check against exact predictions; leave out --calibration")
        return tell_own_laws(results, calibration, alpha, new_console())
    from experiments.checks.check import check

    with stages(new_console(stderr=True)) as stage:
        stage(f"checking {len(results.cells):,} cells against exact predictions")
        checked = check(results, alpha)
    if json:
        print(check_json(checked))
    else:
        show_check(checked, new_console())
    return checked.verdict


def tell_own_laws(results: Results, calibration: Path, alpha: float, console: Console) -> Verdict:
    """Show each cell of real calls beside its calibration; the worst verdict.

    Raises: InputError if there are no real calls, or the calibration cannot be read.
    """
    found = own_laws(results, read_calibration(calibration).operator, alpha)
    table = Table(title=f"Calls to the optimum, and what {calibration.name} predicts", title_justify="left")
    for heading in ("cell", "runs", "measured", "predicted", "within its intervals", "verdict"):
        table.add_column(heading, overflow="fold", justify="left" if heading in ("cell", "verdict") else "right")
    for own in found:
        left = "" if own.least is None or own.most is None else f"{own.least:.4g} to {own.most:.4g}"
        ended = f", {own.censored} at the budget" if own.censored else ""
        table.add_row(
            escape(own.label), f"{own.runs}{ended}", _number(own.measured), _number(own.predicted), left,
            own.verdict.words,
        )  # fmt: skip
    console.print(table)
    for own in found:
        console.print(f"{own.label}: {own.reason}", markup=False)
    return _worst(found)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _worst(found: Sequence[OwnLaw]) -> Verdict:
    verdicts = {own.verdict for own in found}
    return next(one for one in (Verdict.DIFFERS, Verdict.CANNOT_TELL, Verdict.AGREES) if one in verdicts)
