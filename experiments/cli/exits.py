"""How the command ends: exit codes, and errors as one message without a traceback."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from experiments.cli.output import say
from experiments.cli.signals import EndedBySignal, signals_heard

if TYPE_CHECKING:
    from evo.errors import EvoError

DIFFERS, WRONG_INPUT, FAILED, LIMITED, HINDERED, CRASHED, INTERRUPTED, UNREAD = 1, 2, 3, 4, 5, 70, 130, 141
"""A check came out DIFFERS; wrong input; some batches failed; a limit of the grid was reached; the folder is in use,
damaged or cannot be read or written, or no worker is left; a fault of the testbed; Ctrl-C, SIGTERM or SIGHUP; whoever
read the output has gone."""
WANT_OF_MEMORY = "can't start new thread", "failed to map segment", "cannot allocate memory in static TLS block"
"""What other errors than MemoryError say of it: threads that are not started, libraries that are not loaded."""
TRACEBACK = "LLM_EVO_TRACEBACK"
"""Set in the environment it lets a fault of the testbed show its traceback."""


def exit_for(verdict: object) -> None:
    """End with the exit code of a verdict."""
    from experiments.predictions.verdict import Verdict

    if verdict is Verdict.DIFFERS:
        raise typer.Exit(DIFFERS)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Errors as one message, each kind with an exit code of its own: 1 is left to a check that came out DIFFERS."""
    try:
        with signals_heard():
            yield
    except (typer.Exit, typer.Abort):
        raise
    except (Exception, KeyboardInterrupt) as error:
        code, said = _ending(error)
        if code == CRASHED and os.environ.get(TRACEBACK):
            traceback.print_exception(error)
        if said:
            say(said)
        _forget_output()
        raise typer.Exit(code) from None


@contextmanager
def whole_command() -> Iterator[None]:
    """All of the command: its parser and its helps end as its sub-commands do; the parser's own exits stay.

    Both it and rich end with 1 where nobody reads a help, which is the exit of a finding.
    """
    try:
        with plain_errors():
            try:
                yield
            except SystemExit as ended:
                if isinstance(ended.__context__, BrokenPipeError):
                    raise ended.__context__ from None
                raise
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    finally:
        _forget_output()


def _ending(error: BaseException) -> tuple[int, str]:
    """Exit code, and what to say."""
    from evo.errors import EvoError

    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, f"ended by {error}" if isinstance(error, EndedBySignal) else "interrupted"
    if isinstance(error, EvoError):
        return _code_of(error), f"error: {error}"
    if isinstance(error, MemoryError) or any(words in str(error) for words in WANT_OF_MEMORY):
        return WRONG_INPUT, "error: not enough memory; lower k, l, lam, batch or the number of workers"
    if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and error.errno == errno.EPIPE):
        return UNREAD, ""
    if isinstance(error, OSError):
        return HINDERED, f"error: cannot read or write ({error}); what was finished before is kept"
    return CRASHED, _crash(error)


def _crash(error: BaseException) -> str:
    """One line with what a report should hold."""
    frames = traceback.extract_tb(error.__traceback__)
    here = Path(__file__).parents[2]
    own = [frame for frame in frames if here in Path(frame.filename).parents]
    place = (own or frames)[-1:]
    where = "".join(f" at {'/'.join(Path(each.filename).parts[-3:])}:{each.lineno}" for each in place)
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return (
        f"error: a fault of the testbed, {what}{where}; please report this line, the command and its input "
        f"({TRACEBACK}=1 shows more)"
    )


def _forget_output() -> None:
    """Let nothing be written at the end of the process where nobody takes it: Python would end with another code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with suppress(OSError, ValueError, AttributeError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


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
