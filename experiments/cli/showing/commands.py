"""The commands `show` and `check-operator`. Nothing heavy is imported before they are run."""

# Annotations are no strings here, which typer would compile for each command before --help is shown.
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.exits import DIFFERS, plain_errors
from experiments.cli.inputs import new_console


def show(
    what: Annotated[str, typer.Argument(metavar="NAME | parts | presets", help="What to show.")] = "parts",
) -> None:
    """List studies and parts; or explain one by its name: what it does, its parameters, whether it has an exact law.

    Example: `llm-evo show FixKeep`, `llm-evo show paper`, `llm-evo show my_pkg:MyMutator`, `llm-evo show presets`
    """
    with plain_errors():
        from experiments.cli.showing.lists import show_parts, show_presets
        from experiments.cli.showing.one import show_one

        if what in ("parts", "presets"):
            (show_presets if what == "presets" else show_parts)(new_console())
        else:
            show_one(what, new_console())


def check_operator(
    part: Annotated[str, typer.Argument(metavar="MODULE:CLASS", help='As "my_pkg:MyMutator(p=0.5)".')],
) -> None:
    """Check a part of your own: mutator, problem, schedule, runner, cost model, program; exit code 1 if a check fails.

    The module is looked up in the current folder too.

    Example: `llm-evo check-operator "my_pkg:MyMutator(p=0.5)"`
    """
    with plain_errors():
        from evo.conformance import check_part, kind_of
        from experiments.cli.showing.part_checks import show_part_checks
        from experiments.grids.extensions import build

        made = build(part, Path.cwd())
        kind, found = kind_of(made), check_part(made)
        if show_part_checks(f"{kind} {made!r}", found, new_console()):
            raise typer.Exit(DIFFERS)
