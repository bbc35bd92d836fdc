"""What `llm-evo show` lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def show_parts(console: Console) -> None:
    """Studies, and the parts that a grid can name, with their parameters."""
    from rich.table import Table

    from experiments.grids.extensions import describe_entry, offered
    from experiments.grids.parts import EVERY, describe
    from experiments.studies import STUDIES

    table = Table("study", "question", title="Studies: llm-evo run NAME", title_justify="left", title_style="bold")
    for study in STUDIES.values():
        table.add_row(study.name, study.question)
    console.print(table)
    for kind, parts in EVERY.items():
        table = Table(kind, "", title_justify="left")
        for part in parts:
            signature, summary = describe(part)
            table.add_row(signature, summary)
        for name, entries in offered(kind).items():
            for entry in entries:
                table.add_row(name, describe_entry(entry))
        console.print(table)
    console.print(
        'Parts of your own: type = "module:Class", of a module beside the TOML file or installed.', markup=False
    )


def show_presets(console: Console) -> None:
    """Frameworks as arms of a grid's file, which can be read back as it is printed."""
    from experiments.presets import PRESETS

    _print_arms(list(PRESETS), console)


def show_preset(name: str, console: Console) -> None:
    """One framework as a grid's file."""
    _print_arms([name], console)


def _print_arms(names: list[str], console: Console) -> None:
    from experiments.presets import PRESETS, as_arm, preset

    lines = [
        "# frameworks as arms of a grid; your mutator in the place of Resample (docs/frameworks.md)",
        'name = "mine"',
    ]
    for found in (PRESETS[name] for name in names):
        options = ", ".join(f"{name} = {value!r}" for name, value in found.options)
        lines += ["", f"# {found.says}; in Python: {options}", as_arm(preset(found.name, k=8), found.name)]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
