"""What `llm-evo check-operator` shows: each check of a part, and what it came to."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Console

from evo.conformance import CheckResult

OUTCOME = 16
"""Characters of what a check came to, and the space behind it."""


def show_part_checks(part: str, found: Sequence[CheckResult], console: Console) -> int:
    """Show what each check of a part came to, within the width of the terminal; how many failed."""
    console.print(part, markup=False)
    for result in found:
        lines = textwrap.wrap(
            f"{result.name}: {result.message}",
            max(console.width - OUTCOME, OUTCOME),
            break_long_words=False,
            break_on_hyphens=False,
        )
        said = f"\n{'':{OUTCOME}}".join(lines)
        style = "bold red" if result.passed is False else None
        console.print(f"{result.outcome:<{OUTCOME}}{said}", markup=False, soft_wrap=True, style=style)
    passed, failed = (sum(result.outcome == word for result in found) for word in ("passed", "FAILED"))
    apart = len(found) - passed - failed
    console.print(f"{passed} passed, {failed} FAILED, {apart} do not apply{_unchecked(found)}", markup=False)
    return failed


def _unchecked(found: Sequence[CheckResult]) -> str:
    """What could not be checked, and why, behind the counts; checks of one reason together."""
    reasons: dict[str, list[str]] = {}
    for result in found:
        if result.unchecked:
            reasons.setdefault(result.message, []).append(result.name)
    told = "; ".join(f"{', '.join(names)} ({why})" for why, names in reasons.items())
    return f"; not checked: {told}" if told else ""
