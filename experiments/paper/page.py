"""The page docs/paper.md: all statements in the paper's order, with what became of them."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from functools import cache

from experiments.paper import debugging, evolution, exercises, framework, position, routing, views
from experiments.paper.entry import Entry, Outcome, Section

WIDTH = 120
HEAD = """# The paper, statement by statement

Meyerson and Qiu, "Position: Scaling LLM Agents Requires Asymptotic Analysis with LLM Primitives": its definitions,
equations, claims, exercises and alternative views in their order. Under each the statement in short, what came out, the
assumption that it needs beyond those that it names, where it does not hold, and the command that shows it. Numbers are
exact predictions, computed when this page is made (`python -m experiments.paper > docs/paper.md`; a test compares it);
the studies compare the same predictions with runs, cell by cell, and each Theta with a fitted law. "Theory" is
[theory.md](theory.md). Letters are the paper's; GLOBAL rewrites all blocks in a call, LOCAL one.
"""


@cache
def sections() -> tuple[Section, ...]:
    """All sections in the paper's order."""
    analysed = (framework.section(), routing.section(), debugging.section(), evolution.section())
    outcomes = [entry.outcome for section in analysed for entry in section.entries]
    needing = sum(outcome in (Outcome.IF, Outcome.NOT) for outcome in outcomes)
    run = needing + outcomes.count(Outcome.HOLDS)
    return (position.section(), *analysed, exercises.section(), views.views(run, needing), views.directions())


def page() -> str:
    """The page, as Markdown."""
    made = sections()
    return "\n".join([HEAD, *_overview(made), *(line for section in made for line in _section(section))]) + "\n"


def _overview(made: tuple[Section, ...]) -> Iterator[str]:
    """How many statements came to what."""
    counts = Counter(entry.outcome for section in made for entry in section.entries)
    yield f"| of {counts.total()} statements | |"
    yield "| --- | --- |"
    yield from (f"| {outcome} | {counts[outcome]} |" for outcome in Outcome)
    yield ""


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {section.title}", "")
    for entry in section.entries:
        yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    yield _wrapped(f"**{entry.place}** ({entry.outcome}). {entry.says}")
    yield ""
    yield _wrapped(f"* Came out: {entry.found}")
    if entry.needs:
        yield _wrapped(f"* Needs: {entry.needs}")
    if entry.fails:
        yield _wrapped(f"* Does not hold: {entry.fails}")
    if entry.shown:
        tested = ", ".join(f"`{name}`" for name in claimed(entry.place))
        yield _wrapped(f"* Shown by: {entry.shown}{f'; its growth is a claim of {tested}' if tested else ''}")
    yield ""


def claimed(place: str) -> list[str]:
    """The studies that test the growth that a numbered equation claims."""
    from experiments.studies import STUDIES

    says = re.compile(rf"Eq\. (?:\d+, )*{place.removeprefix('Eq. ')}\b") if place.startswith("Eq. ") else None
    return [name for name, study in STUDIES.items() if says and any(says.search(claim.paper) for claim in study.claims)]


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("* ") else ""
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
