"""What the canonical text of a cell tells without any of its parts: nothing is looked up, imported or built."""

from __future__ import annotations

import ast
from functools import lru_cache

from evo.errors import InputError

RANDOM = ("problem", "mutator", "schedule", "runner")
"""The parts that name the random streams of a cell that searches."""
PROGRAM = "ProgramCell("
"""How texts of cells that run programs of calls begin."""
KINDS = {"Cell": RANDOM, "ProgramCell": ("program",)}
"""The same of each kind of cell."""


@lru_cache(maxsize=4096)
def parts_in(text: str) -> dict[str, str]:
    """The texts of a cell's parts by their kind; those at their default are left out.

    Raises: InputError if it is not the text of a cell.

    >>> parts_in("Cell(problem=BlockOneMax(k=4, l=16), mutator=Resample(p=0.5), schedule=AllBlocks(), "
    ...          "runner=OnePlusLambda())")["problem"]
    'BlockOneMax(k=4, l=16)'
    """
    call = _parsed(text)
    found = {str(word.arg): ast.get_source_segment(text, word.value) or "" for word in call.keywords}
    if not set(random_parts(text)) <= set(found):
        raise InputError(f"expected the canonical text of a cell, got {text!r:.200}")
    return found


def identity_in(text: str) -> str:
    """The random identity in a cell's text, as `Cell.identity` gives it.

    Raises: InputError if it is not the text of a cell.
    """
    parts = parts_in(text)
    return ", ".join(parts[name] for name in random_parts(text))


def kind_of_cell(text: str) -> str:
    """`Cell` or `ProgramCell`.

    Raises: InputError if it is not the text of a cell.
    """
    kind = text.partition("(")[0]
    if kind not in KINDS:
        raise InputError(f"expected the canonical text of a cell, got {text!r:.200}")
    return kind


def runs_program(text: str) -> bool:
    """Whether a text is that of a cell that runs a program of calls."""
    return text.startswith(PROGRAM)


def random_parts(text: str) -> tuple[str, ...]:
    """The parts that name the random streams of a cell.

    Raises: InputError if it is not the text of a cell.
    """
    return KINDS[kind_of_cell(text)]


def foreign_in(text: str) -> list[str]:
    """The third-party parts that a cell's text names, as `module.Class`.

    Raises: InputError if it is not the text of a cell.

    >>> foreign_in("Cell(problem=my.Problem(k=4), mutator=Refuse(inner=my.Mutator(), rate=0.1))")
    ['my.Problem', 'my.Mutator']
    """
    return list(_foreign_in(text))


@lru_cache(maxsize=4096)
def _foreign_in(text: str) -> tuple[str, ...]:
    calls = [node for node in ast.walk(_parsed(text)) if isinstance(node, ast.Call)]
    return tuple(dict.fromkeys(ast.unparse(call.func) for call in calls if isinstance(call.func, ast.Attribute)))


def _parsed(text: str) -> ast.Call:
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    if not isinstance(call, ast.Call):
        raise InputError(f"expected the canonical text of a cell, got {text!r:.200}")
    return call
