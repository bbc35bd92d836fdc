"""Prompts of GEPA (0.1.4): the text of one component between backticks, then examples with feedback."""

from __future__ import annotations

import re

from experiments.serving.prompts.asked import Asked, Messages, fenced, in_last_match

CURRENT = re.compile(
    r"^I provided an assistant with the following instructions[^\n]*\n```\n(?P<program>.*?)\n```\n\n"
    r"The following are examples of different task inputs",
    re.M | re.S,
)


def gepa(messages: Messages) -> Asked | None:
    """What GEPA asks for; None of another prompt. A component holds some of the blocks, and gets these back.

    Raises: NotUnderstood if the component has no blocks.
    """
    found = in_last_match(messages, CURRENT)
    return None if found is None else Asked("gepa", found[0]["program"], fenced, whole=False)
