"""The page docs/paper.md: all statements in the paper's order, with what became of them."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from experiments.paper import debugging, evolution, exercises, framework, position, routing, views
from experiments.paper.entry import Entry, Outcome, Section
from experiments.paper.kept import Row, kept_growth, kept_runs

WIDTH = 120
FEASIBLE = 2**17
"""Mean calls of a run from which on a number is exact alone."""
HEAD = """# The paper, statement by statement

Meyerson and Qiu, "Position: Scaling LLM Agents Requires Asymptotic Analysis with LLM Primitives": its definitions,
equations, claims, exercises and alternative views in their order. Under each the statement in short, what came out, the
assumption that it needs beyond those that it names, where it does not hold, the runs that its numbers are from, and the
command that shows more. "Theory" is [theory.md](theory.md). Letters are the paper's; GLOBAL rewrites all blocks in a
call, LOCAL one.

Of numbers of cells, or made of those of several, what runs gave stands first, and in square brackets what is exact, if
that is written otherwise: "16.2 [16]". "[exact]" behind a number: cells of it were not run, since a run would take more
than {feasible:,} calls. AGREES and so on are the verdicts of `check` on the cells, and of claims on the growth that was
fitted, with its 99.9 % interval: what grows along which parameter, in which form, the claimed constant and the fitted
one. `python -m experiments.paper docs results` runs what is missing, keeps what came out in `experiments/paper/data/`,
and makes this page of it; tests compare the page with these files, and the files with runs.
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
    return (
        "\n".join(
            [
                HEAD.format(feasible=FEASIBLE),
                *_overview(made),
                *(line for section in made for line in _section(section)),
            ]
        )
        + "\n"
    )


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
    yield from map(_wrapped, _runs(entry))
    if entry.shown:
        yield _wrapped(f"* Shown by: {entry.shown}")
    yield ""


def _runs(entry: Entry) -> Iterator[str]:
    """The runs behind an entry: the verdicts on its cells, and on the growth that it claims."""
    kept = [kept_runs()[leaf] for leaf in entry.leaves if leaf in kept_runs()]
    cells = {row["cell"]: row for row in kept}
    if cells:
        number, runs = len(cells), min(int(row["runs"]) for row in kept)
        open_ = "".join(f"; {row['reason']}" for row in cells.values() if row["reason"])
        yield f"* Runs: {number} cell{'s' * (number > 1)} of {runs:,} runs, {_verdicts([*cells.values()])}{open_}"
    elif entry.leaves or entry.outcome in (Outcome.HOLDS, Outcome.IF, Outcome.NOT, Outcome.ANALYSED):
        yield "* Runs: none; what is said here is exact alone"
    for name, claims in claimed(entry.place).items():
        told = "; ".join(dict.fromkeys(map(_grows, claims)))
        yield f"* Growth in the runs of `{name}`, {_verdicts(claims)}: {told}"


def _grows(row: Row) -> str:
    """What grows by which form, the constant that is claimed, and the fitted one."""
    return f"{row['quantity']} along {row['along']}, {row['form']}, {row['claimed']}: {row['found']}"


def _verdicts(rows: Sequence[Row]) -> str:
    """The verdict on all, or how many have which."""
    counts = Counter(row["verdict"].replace("_", " ") for row in rows)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def claimed(place: str) -> dict[str, list[Row]]:
    """The claims on the growth of a numbered equation, by the study that tests them."""
    found: dict[str, list[Row]] = {}
    for row in kept_growth():
        if place in equations(row["paper"]):
            found.setdefault(row["study"], []).append(row)
    return found


def equations(claim: str) -> list[str]:
    """The numbered equations in the words of a claim.

    >>> equations("Eq. 5, 6: the debugger costs"), equations("3.1.3: a giant delegator is okay")
    (['Eq. 5', 'Eq. 6'], [])
    """
    named = re.search(r"Eq\. (\d+(?:, \d+)*)", claim)
    return [f"Eq. {number}" for number in named[1].split(", ")] if named else []


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("* ") else ""
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
