"""How one begins: `llm-evo init` writes a grid to change, `llm-evo --version` says which version this is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.exits import plain_errors

BEGIN = """\
# A grid: what is run, how often, at which prices. Everything after a # is a comment.
#
#   llm-evo predict {file}     what it will take, before anything runs
#   llm-evo run {file}         runs it (a few seconds), checks it against exact laws, fits, reports
#   llm-evo show FixKeep{pad}      explains a part by its name; llm-evo show lists all parts

name = "{name}"     # names the folder results/{name}
runs = 1000{pad_runs}     # of each cell; or {{type = "UntilPrecise", relative = 0.05, most = 20000}}
seed = 1{pad_seed}     # the same seed, the same table, on any machine

# An arm is a family of cells to be compared with others. A list of values is an axis: the arm has all combinations of
# its axes, here six values of k. A range is {{from = 4, to = 64, step = 4}}, or with factor = 2, or count = 9, in the
# place of step. Axes that several parts share are named in [arm.axes] and written "$k" (docs/grids.md).

[[arm]]
label    = "whole solution"                                           # names it in tables and figures
problem  = {{type = "BlockOneMax", k = [1, 2, 4, 6, 8, 10], l = 16}}    # k blocks of l tokens; fitness: correct blocks
mutator  = {{type = "FixKeep", fix = 0.5, keep = 0.5}}                  # one LLM call: repairs a wrong block w.p. fix,
                                                                      # leaves a right one right w.p. keep
schedule = {{type = "AllBlocks"}}                                       # which blocks a call rewrites: all
runner   = {{type = "OnePlusLambda", lam = 1}}                          # calls a generation; a better one is kept
prompt   = {{type = "Prompt", head = 100, shows = "solution"}}          # what a call reads: instructions, the solution
cost     = {{type = "TokenPrices", prompt = 0.15, generated = 0.60, unit = 1e6, currency = "$"}}   # of a million tokens
budget   = {{type = "Budget", calls = 100000}}                          # a run that has spent it is censored

[[arm]]
label    = "one block a call"
problem  = {{type = "BlockOneMax", k = [1, 2, 4, 6, 8, 10], l = 16}}
mutator  = {{type = "FixKeep", fix = 0.5, keep = 0.5}}
schedule = {{type = "UntilResolved", g = 1}}   # g blocks, until the fitness moves. Others: RoundRobin (in turn),
                                             # UniformChunk (at random), OnlyIncorrect, EachChunk, UniformSubset
runner   = {{type = "OnePlusLambda", lam = 1}}
prompt   = {{type = "Prompt", head = 100, shows = "solution"}}
cost     = {{type = "TokenPrices", prompt = 0.15, generated = 0.60, unit = 1e6, currency = "$"}}
budget   = {{type = "Budget", calls = 100000}}

# More: a mutator of your own is type = "module:Class" of a module beside this file (docs/tutorial.md); measured rates
# and list prices are {{calibration = "file"}} and {{published = "model"}} (docs/grids.md); a program of calls stands in
# the place of problem, mutator, schedule and runner (docs/programs.md).
"""


def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Must end in .toml and not be there yet.")] = Path(
        "grid.toml"
    ),
) -> None:
    """Write a grid with comments to begin with; it runs in a few seconds, and no file is written over.

    Example: `llm-evo init mine.toml`
    """
    with plain_errors():
        from evo.errors import InputError
        from experiments.cli.output import expect_free
        from experiments.grids.grid import is_grid_name
        from experiments.grids.outside.printable import is_printable
        from experiments.store.files import write_new

        if file.suffix != ".toml":
            raise InputError(f"init: expected a file that ends in .toml, got {str(file)!r:.100}")
        if not is_printable(str(file)):  # it stands in comments of the grid, a line each
            raise InputError(f"init: expected a name on one line, without control characters, got {str(file)!r:.100}")
        expect_free("init", file)
        if not file.parent.is_dir():
            raise InputError(f"init: expected a folder that is there, got {file.parent}; make it first")
        name = file.stem if is_grid_name(file.stem) else "first"
        write_new(file, beginning(name, shlex.quote(str(file))))
        quoted = shlex.quote(str(file))
        typer.echo(f"Written: {file}. Next: llm-evo predict {quoted}, then llm-evo run {quoted}")


def beginning(name: str, file: str) -> str:
    """The text of the grid.

    >>> beginning("mine", "mine.toml").splitlines()[6]
    'name = "mine"     # names the folder results/mine'
    """
    wide = len(f'name = "{name}"')
    return BEGIN.format(
        name=name,
        file=file,
        pad=" " * max(0, len(file) - len("FixKeep") + len("predict") - len("show")),
        pad_runs=" " * max(0, wide - len("runs = 1000")),
        pad_seed=" " * max(0, wide - len("seed = 1")),
    )


def told_version(asked: bool) -> None:
    """Say the version and end.

    Raises: typer.Exit if it was asked for.
    """
    if asked:
        from importlib.metadata import version

        typer.echo(f"llm-evo {version('llm-evo-testbed')}")
        raise typer.Exit
