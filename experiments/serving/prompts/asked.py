"""What a prompt asks for: the program to vary, and the form of the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments.serving.evaluator import texts_of
from experiments.serving.program import Edit

Messages = Sequence[tuple[str, str]]
"""Of each message its role and its text."""
FENCE = re.compile(
    r"^(?P<marks>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=marks)`*[ \t\r]*$", re.MULTILINE | re.DOTALL
)


class NotUnderstood(Exception):
    """A prompt in which no current program was found; the text says what was looked for."""


@dataclass(frozen=True)
class Asked:
    """What a prompt asks for.

    Attributes:
        framework: whose prompt it is.
        program: the current program, as it stands in the prompt.
        write: the answer, from the new program, the edits that make it, and the language of a fence.
        language: what the fence of the answer is to say.
        diff: whether the answer is made of edits that have to match.
        whole: whether the answer is a whole program, so that blocks which are missing are written, too.
    """

    framework: str
    program: str
    write: Callable[[str, Sequence[Edit], str], str]
    language: str = ""
    diff: bool = False
    whole: bool = True


def in_last_match(messages: Messages, current: re.Pattern[str]) -> tuple[re.Match[str], str] | None:
    """Where the current program stands in the latest message of the user that has one, and what comes after it.

    A conversation goes on with complaints about the last answer: the program then stands in an earlier message.

    Raises: NotUnderstood if that program has no blocks.
    """
    for role, text in reversed(messages):
        *_, last = (None, *current.finditer(text)) if role == "user" else (None,)
        if last is not None:
            if not has_blocks(last["program"]):
                raise NotUnderstood('expected lines such as B0 = "abcdefgh" in the current program, got none')
            return last, text[last.end() :]
    return None


def has_blocks(text: str) -> bool:
    """Whether lines of blocks stand in a text."""
    return bool(texts_of(text))


def fences(text: str) -> list[tuple[str, str]]:
    r"""Language and content of the fenced parts of a text.

    >>> fences("a\n```python\nB0 = 1\n```\nb\n```\nc\n```\n")
    [('python', 'B0 = 1\n'), ('', 'c\n')]
    """
    return [(found["language"].strip(), found["text"]) for found in FENCE.finditer(text)]


def fenced(program: str, edits: Sequence[Edit], language: str) -> str:
    """The whole program in a fence."""
    return f"```{language}\n{program.rstrip()}\n```"


def bare(program: str, edits: Sequence[Edit], language: str) -> str:
    """The whole program as it is."""
    return program


def search_replace(edits: Sequence[Edit]) -> str:
    """Edits as SEARCH/REPLACE blocks."""
    made = (f"<<<<<<< SEARCH\n{edit.old}\n=======\n{edit.new}\n>>>>>>> REPLACE" for edit in edits)
    return "\n\n".join(made)
