"""What `llm-evo show NAME` tells: a part with its parameters and its law, a study, or a preset."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from evo.conformance import kind_of
from evo.errors import InputError
from experiments.cli.showing.docs import paragraphs, parameters
from experiments.cli.showing.exact import exact_law
from experiments.cli.showing.lists import show_preset
from experiments.grids.described import arms_told, heading
from experiments.grids.extensions import GROUPS, find_named, offered
from experiments.grids.parts import EVERY, OF_PROGRAMS
from experiments.presets import PRESETS
from experiments.reports.study import Study
from experiments.reports.wording import print_table
from experiments.studies import STUDIES, page_of
from experiments.studies.own import imported, own_study

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS_OF_OWN = ("mutator", "problem", "schedule", "runner", "cost", "program")


def show_one(name: str, console: Console) -> None:
    """Explain a part, a study or a preset by its name; a part or study of one's own as `module:Class`, `module:STUDY`.

    Raises: InputError with names that are near.
    """
    if ":" in name:
        if isinstance(imported(name), Study):
            _show_study(own_study(name), console, name)
            return
        found = find_named("part", name, Path())
        _show_part(kind_of(found), found, name, console)
        return
    known = _known(console)
    same = [name] if name in known else [each for each in known if each.lower() == name.strip().lower()]
    if len(same) != 1:
        raise InputError(
            f"show: there is no part, study or preset {name!r:.60}{_near(name, known, same)}; `llm-evo show` lists "
            'all, and a part of your own is "module:Class"'
        )
    known[same[0]]()


def _near(name: str, known: Mapping[str, object], same: list[str]) -> str:
    """Up to three names that may have been meant."""
    lower = {each.lower(): each for each in known}
    near = [*same, *(lower[each] for each in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.5))]
    near += [each for each in known if len(name) > 2 and name.lower() in each.lower()]
    meant = list(dict.fromkeys(near))[:3]
    return f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""


def _known(console: Console) -> dict[str, Callable[[], None]]:
    """By its name what shows a thing; parts that installed packages offer are imported when they are shown."""
    found: dict[str, Callable[[], None]] = {name: partial(show_preset, name, console) for name in PRESETS}
    found |= {name: partial(_show_study, study, console) for name, study in STUDIES.items()}
    for kind in GROUPS:
        found |= {name: partial(_show_offered, kind, name, console) for name in offered(kind)}
    for kind, parts in EVERY.items():
        found |= {part.__name__: partial(_show_part, kind, part, part.__name__, console) for part in parts}
    return found


def _show_offered(kind: str, name: str, console: Console) -> None:
    _show_part(kind, find_named(kind, name, Path()), name, console)


def _show_part(kind: str, part: type, name: str, console: Console) -> None:
    console.print(f"[bold]{escape(name)}[/] ({kind})")
    for paragraph in paragraphs(part):
        console.print(Padding(escape(paragraph), (1, 0, 0, 2)))
    given = parameters(part)
    if given:
        console.print("\n[bold]Parameters[/]")
        table = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(2):
            table.add_column()
        for each in given:
            needed = f"= {each.default}" if each.default else "(must be given)"
            said = escape(f"{each.type} {needed}") + (f"\n{escape(each.meaning)}" if each.meaning else "")
            table.add_row(f"  {escape(each.name)}", said)
        console.print(table)
    law = exact_law(kind, part)
    if law:
        console.print("\n[bold]Exact law[/]")
        console.print(Padding(escape(law), (0, 0, 0, 2)))
    console.print("\n[bold]In a grid's file[/]")
    must = (f"{each.name} = {'{type = ...}' if each.is_part else '...'}" for each in given if not each.default)
    words = ", ".join([f'type = "{name}"', *must])
    key = "inside a program" if kind in OF_PROGRAMS else "runs" if kind == "stopping rule" else kind
    console.print(f"  {key} = {{{words}}}" if key != "inside a program" else f"  {key}: {{{words}}}", markup=False)


def _show_study(study: Study, console: Console, own: str = "") -> None:
    """A study by its name, or one of the user's own by how it was named."""
    grid = study.grid()
    console.print(f"[bold]{study.name}[/] (study)")
    console.print(Padding(escape(study.question), (1, 0, 1, 2)))
    console.print(heading(grid), markup=False)
    table = Table(title="Arms", title_justify="left")
    table.add_column("arm", overflow="fold")
    table.add_column("cells", justify="right")
    table.add_column("what varies", overflow="fold")
    for label, cells, varies in arms_told(grid):
        table.add_row(escape(label), str(cells), escape(varies))
    print_table(table, console)
    if study.claims:
        console.print("\n[bold]Claims of growth that it tests[/]")
        for claim in study.claims:
            said = f"{claim.what}: {claim.text}" + (f" (paper: {claim.paper})" if claim.paper else "")
            console.print(Padding(escape(said), (0, 0, 0, 2)))
    name, found = own or study.name, "" if own else f"; what it found: {page_of(study.name)}"
    console.print(f"\nllm-evo predict {name}, llm-evo run {name}{found}", markup=False)
