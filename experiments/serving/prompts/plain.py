"""The plain format: the lines of one program in the last message of the user, fenced or not."""

from __future__ import annotations

from experiments.serving.evaluator import LINE
from experiments.serving.prompts.asked import Asked, Messages, NotUnderstood, bare, fenced, fences, has_blocks


def plain(messages: Messages) -> Asked:
    r"""The program in a prompt: the only fence with blocks, else all lines of blocks; the answer is in the same form.

    Only the blocks that the prompt shows are written back: a loop that shows a chunk gets the chunk.

    Raises: NotUnderstood where there is none, or several.

    >>> plain([("user", 'Improve this.\nB0 = "abcd"\nThank you.')]).program
    'B0 = "abcd"'
    """
    text = next((text for role, text in reversed(messages) if role == "user"), "")
    shown = [(language, content) for language, content in fences(text) if has_blocks(content)]
    if len(shown) > 1:
        raise NotUnderstood(
            f"expected one program in the last message of the user, got {len(shown)} fences with blocks; show one"
        )
    if shown:
        language, content = shown[0]
        return Asked("plain", content, fenced, language, whole=False)
    lines = [line.group().strip() for line in LINE.finditer(text)]
    if not lines:
        raise NotUnderstood(
            'expected lines such as B0 = "abcdefgh" in the last message of the user, got none; `llm-evo serve --files '
            "FOLDER` writes a program to begin with"
        )
    return Asked("plain", "\n".join(lines), bare, whole=False)
