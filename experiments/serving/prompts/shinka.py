"""Prompts of ShinkaEvolve (0.0.7): the form stands in the system message, the current program after earlier ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

from experiments.serving.program import Edit
from experiments.serving.prompts.asked import Asked, Messages, fenced, in_last_match, search_replace

CURRENT = re.compile(
    r"^# (?:Current program|Incorrect Program to Fix)\n\n[^\n]+\n\n```(?P<language>[^\n`]*)\n(?P<program>.*?)\n```\n\n"
    r"(?:Here are the performance metrics|## Error Information)",
    re.M | re.S,
)
HEAD = "<NAME>\nblocks\n</NAME>\n\n<DESCRIPTION>\nI change the lines that look wrong.\n</DESCRIPTION>\n\n"


def shinka(messages: Messages) -> Asked | None:
    """What ShinkaEvolve asks for (a diff, a whole file, a crossover, a repair); None of another prompt.

    Raises: NotUnderstood if the current program has no blocks.
    """
    system = "\n".join(text for role, text in messages if role == "system")
    if "<NAME>" not in system or not ("<DIFF>" in system or "<CODE>" in system):
        return None
    found = in_last_match(messages, CURRENT)
    if found is None:
        return None
    match, _ = found
    if "<DIFF>" in system:
        return Asked("shinka", match["program"], _diff, match["language"], diff=True)
    return Asked("shinka", match["program"], _full, match["language"])


def _diff(program: str, edits: Sequence[Edit], language: str) -> str:
    return f"{HEAD}<DIFF>\n{search_replace(edits)}\n\n</DIFF>"


def _full(program: str, edits: Sequence[Edit], language: str) -> str:
    return f"{HEAD}<CODE>\n{fenced(program, edits, language)}\n</CODE>"
