"""Writing and showing the report of a results folder, or what an earlier one of the same came to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from experiments.cli.inputs import new_console, study_of
from experiments.cli.progress import stages
from experiments.predictions.verdict import ALPHA, Verdict
from experiments.reports.kept import KeptReport, checksums, keep, kept_report, key_of
from experiments.reports.study import Study
from experiments.store.results import Results


def write_and_show(
    results: Results,
    folder: Path,
    console: Console,
    alpha: float = ALPHA,
    briefly: bool = False,
    whole: bool = True,
    study: Study | None = None,
) -> tuple[Verdict, list[str]]:
    """Write the report into the folder and show it; its verdict, and the names of its files.

    Args:
        results: those in the folder.
        folder: the results folder.
        console: where it is shown.
        alpha: false-alarm rate of the check.
        briefly: whether only the verdicts are shown.
        whole: whether the results are all that the folder's files tell; else nothing is kept.
        study: of the user's own, which they are of; its code may change, so nothing is kept.
    """
    key, look = key_of(results, alpha) if whole and study is None else None, _look(console, briefly)
    made = kept_report(folder, key)
    if made is not None and look in made.shown:
        console.file.write(made.shown[look])
        console.file.flush()
        return made.verdict, list(made.files)
    before = {} if made is None else made.shown
    made, text = _made(results, folder, console, alpha, briefly, key, study)
    if key is not None and key == key_of(results, alpha):  # nobody has written into the folder meanwhile
        keep(folder, replace(made, shown={**before, look: text}))
    return made.verdict, list(made.files)


def write_and_tell(
    results: Results, folder: Path, alpha: float = ALPHA, study: Study | None = None
) -> tuple[str, Verdict]:
    """Write the report into the folder; all that it says as JSON, and its verdict."""
    from experiments.cli.as_json.after import report_json
    from experiments.reports.files import write
    from experiments.reports.report import report

    with stages(new_console(stderr=True)) as stage:
        made = report(results, alpha, study or study_of(results), stage)
        files = [file.name for file in write(made, folder, stage)]
    return report_json(made, folder, files), made.check.verdict


def _made(
    results: Results,
    folder: Path,
    console: Console,
    alpha: float,
    briefly: bool,
    key: str | None,
    study: Study | None,
) -> tuple[KeptReport, str]:
    """The report, written and shown, and what was shown."""
    from experiments.reports.files import write
    from experiments.reports.report import report
    from experiments.reports.terminal import show_check, show_report

    with stages(new_console(stderr=True), quiet=briefly) as stage:
        made = report(results, alpha, study or study_of(results), stage)
        files = write(made, folder, stage)
    with console.capture() as captured:
        if briefly:
            show_check(made.check, console)
        else:
            show_report(made, console)
    console.file.write(captured.get())
    console.file.flush()
    return KeptReport(key or "", made.check.verdict, checksums(files)), captured.get()


def _look(console: Console, briefly: bool) -> str:
    """What the text on a terminal depends on, beside the report."""
    parts = (console.width, console.color_system, console.encoding, console.is_terminal, console.legacy_windows)
    return " ".join(map(str, (*parts, "briefly" if briefly else "whole")))
