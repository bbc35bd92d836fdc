"""How the command ends: exit codes, and user errors as one message without a traceback."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from experiments.grids.outside.printable import printable

if TYPE_CHECKING:
    from evo.errors import EvoError

DIFFERS, WRONG_INPUT, FAILED, LIMITED, HINDERED, INTERRUPTED = 1, 2, 3, 4, 5, 130
"""A check came out DIFFERS; wrong input; some batches failed; a limit of the grid was reached; the folder is in use,
damaged or cannot be read or written, or no worker is left; Ctrl-C."""


def say(message: str) -> None:
    """Tell the user something beside the results; no character of it acts on the terminal."""
    typer.echo(printable(message), err=True)


def exit_for(verdict: object) -> None:
    """End with the exit code of a verdict."""
    from experiments.predictions.verdict import Verdict

    if verdict is Verdict.DIFFERS:
        raise typer.Exit(DIFFERS)


@contextmanager
def plain_errors() -> Iterator[None]:
    """User errors as one message without a traceback; Ctrl-C, and a polite kill, as an exit code of their own."""
    from evo.errors import EvoError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that workers are ended and results kept
    try:
        yield
    except EvoError as error:
        say(f"error: {error}")
        raise typer.Exit(_code_of(error)) from None
    except KeyboardInterrupt:
        say("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except MemoryError:
        say("error: not enough memory; lower k, l, lam, batch or the number of workers")
        raise typer.Exit(WRONG_INPUT) from None


def _code_of(error: EvoError) -> int:
    """Whether the input is wrong, or what was asked for could not be done."""
    from experiments.running.executors.executor import WorkersLost
    from experiments.store.files import StoreError

    return HINDERED if isinstance(error, StoreError | WorkersLost) else WRONG_INPUT


@contextmanager
def told_interrupt(folder: Path) -> Iterator[None]:
    """Say what an interrupted grid leaves behind."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"finished batches are kept in {folder}; the same command goes on from there")
        raise
