"""Prompts of OpenEvolve (0.4.0): other programs, the current one before its task, SEARCH/REPLACE or a whole file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from experiments.serving.program import Edit
from experiments.serving.prompts.asked import Asked, Messages, fenced, in_last_match, search_replace

CURRENT = re.compile(r"^# Current Program\n```(?P<language>[^\n`]*)\n(?P<program>.*?)\n```\n\n# Task$", re.M | re.S)
DIFF = "You MUST use the exact SEARCH/REPLACE diff format"


def openevolve(messages: Messages) -> Asked | None:
    """What OpenEvolve asks for; None of another prompt.

    Raises: NotUnderstood if the current program has no blocks.
    """
    found = in_last_match(messages, CURRENT)
    if found is None:
        return None
    match, rest = found
    if DIFF in rest:
        return Asked("openevolve", match["program"], _diff, match["language"], diff=True)
    return Asked("openevolve", match["program"], fenced, match["language"])


def _diff(program: str, edits: Sequence[Edit], language: str) -> str:
    return f"I change the lines that look wrong.\n\n{search_replace(edits)}"
