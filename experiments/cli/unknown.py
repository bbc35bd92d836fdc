"""What an unknown word in the place of a command was meant to be: a study, a file, a folder, a command."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path


def refused_command(words: Sequence[str], commands: Iterable[str]) -> str:
    """Why these words of a command line are no command, and what to write; empty if they may be one.

    Args:
        words: after `llm-evo`.
        commands: the names of those that there are.

    >>> refused_command(["paper", "--runs", "9"], ["run", "report"])
    "there is no command 'paper'; did you mean: llm-evo run paper --runs 9"
    >>> refused_command(["--runs", "9"], ["run", "report"])
    "expected a command before the option '--runs', as in: llm-evo run --runs 9"
    """
    known = list(commands)
    if not words or words[0] in (*known, "--help", "--version"):
        return ""
    first, *others = words
    if first.startswith("-"):
        return f"expected a command before the option {first!r}, as in: llm-evo run {shlex.join(words)}"
    meant = _meant(first, known)
    if not meant:
        return f"there is no command {first!r}; commands: {', '.join(known)}"
    return f"there is no command {first!r}; did you mean: llm-evo {shlex.join([*meant, *others])}"


def _meant(word: str, commands: list[str]) -> list[str]:
    """The words in place of one that is no command; none if nothing is near."""
    from experiments.studies import STUDIES

    if word.endswith(".toml") or ".py:" in word:
        return ["run", word]
    if (Path(word) / "grid.json").is_file():
        return ["report", word]
    near = difflib.get_close_matches(word, [*commands, *STUDIES], n=1, cutoff=0.7)
    return [] if not near else near if near[0] in commands else ["run", near[0]]
