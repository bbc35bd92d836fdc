"""The one way to a terminal or a text file: no character of a label, a message or a name acts there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import NoReturn

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment

from experiments.grids.outside.printable import printable


class PlainConsole(Console):
    """A console whose texts have no control characters but those that it writes itself, such as colours."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of what is shown; rich asks for all of them here."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)

    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        """Columns and lines; 80 columns where the environment says that there is none, as of a terminal that does."""
        found = super().size
        return found if found.width > 0 else ConsoleDimensions(80, found.height)

    def on_broken_pipe(self) -> NoReturn:
        """Raise what was met: rich would end the process with 1, which is the exit of a finding."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
