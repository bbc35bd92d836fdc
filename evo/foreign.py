"""Attribution of errors: what a third-party part raised, with the part, the file and the line."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np

from evo.errors import EvoError, OperatorError
from evo.text import OWN_PACKAGES, parts_of, type_name

_ROOT = Path(__file__).resolve().parent.parent
_NUMERICAL = ("numpy", "scipy", "pandas")


def is_foreign(kind: type) -> bool:
    """Whether a class is third-party: defined outside the testbed's own packages."""
    return kind.__module__.split(".")[0] not in OWN_PACKAGES


def foreign(value: object) -> Iterator[type]:
    """The third-party classes among a part or cell and all parts nested in it."""
    yield from (type(part) for part in parts_of(value) if is_foreign(type(part)))


@contextmanager
def blame_part(part: object, what: str = "") -> Iterator[None]:
    """Turn errors raised by third-party code into an OperatorError that names its source; other errors pass unchanged.

    Args:
        part: the part, or a cell of parts, whose code runs.
        what: the method, if it is known.
    """
    try:
        yield
    except (EvoError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        if not _frames(error) and next(foreign(part), None) is None and not is_foreign(type(part)):
            raise  # a bug of the testbed
        raise OperatorError(describe_error(error, part, what)) from error


def describe_error(error: BaseException, part: object = None, what: str = "") -> str:
    """Who raised what, and where: `pp.Mine.law raised ValueError: no law (/home/me/pp.py, line 27)`."""
    raised = f"raised {type(error).__name__}: {error}"
    if isinstance(error, SystemExit):
        raised += ", which would have ended the program; raise another error"
    frames = _frames(error)
    if frames:
        frame = frames[-1][0]
        name = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"
    else:
        name = " or ".join(type_name(kind) + (f".{what}" if what else "") for kind in _kinds(part))
    return f"{name} {raised} {place(error, part)}"


def place(error: BaseException, part: object) -> str:
    """File and line where third-party code raised the error; if our own code raised it, the file of the part."""
    frames = _frames(error)
    if frames:
        frame, line = frames[-1]
        return f"({frame.f_code.co_filename}, line {line})"
    return f"({', '.join(dict.fromkeys(_file(kind) for kind in _kinds(part)))})"


def _kinds(part: object) -> list[type]:
    """The third-party classes of a part or cell; the class of the part itself if there are none."""
    return list(dict.fromkeys(foreign(part))) or [part if isinstance(part, type) else type(part)]


def _frames(error: BaseException) -> list[tuple[FrameType, int]]:
    """The frames of an error in third-party code with their line numbers, innermost last."""
    found, step = [], error.__traceback__
    while step is not None:
        if _is_third_party(step.tb_frame.f_code.co_filename):
            found.append((step.tb_frame, step.tb_lineno))
        step = step.tb_next
    return found


def _is_third_party(file: str) -> bool:
    """Whether a file is no part of the testbed, of Python or of a numerical library."""
    if file == "<string>" or file.startswith("<frozen"):
        return False
    packages = Path(np.__file__).parent.parent
    ours = [_ROOT / name for name in OWN_PACKAGES] + [packages / name for name in _NUMERICAL]
    if any(file.startswith(f"{folder}{os.sep}") for folder in ours):
        return False
    return not file.startswith(sysconfig.get_path("stdlib") + os.sep) or "site-packages" in file


def _file(kind: type) -> str:
    return getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__
