"""How blocks stand in a prompt and in an answer: as numbered lines, or as `B3 = "text"`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evo.forms.texts import TextCall, Unreadable

MARK = re.compile(r"^(?:\(?\d{1,4}[.):]|[-*])\s+")
BLOCK = re.compile(r'^\s*B(?P<number>\d{1,6})\s*=\s*(?P<text>"(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class Form:
    """A way to write blocks.

    Attributes:
        write: texts at positions of blocks, as text.
        read: the g texts of an answer; raises Unreadable.
    """

    write: Callable[[Sequence[int], Sequence[str]], str]
    read: Callable[[TextCall, str], tuple[str, ...]]


def as_lines(blocks: Sequence[int], texts: Sequence[str]) -> str:
    """A line each, numbered from 1 if there are several.

    >>> as_lines((4, 5), ("a", "b")).splitlines()
    ['1. a', '2. b']
    """
    flat = [" ".join(text.split()) for text in texts]
    return flat[0] if len(flat) == 1 else "\n".join(f"{n}. {text}" for n, text in enumerate(flat, start=1))


def from_lines(call: TextCall, answer: str) -> tuple[str, ...]:
    r"""The lines of an answer, without numbers or marks before them: as many as blocks were asked for.

    >>> from_lines(TextCall((4, 5), ("?", "?"), ("", ""), ()), "1. Paris\n\n2. Rome\n")
    ('Paris', 'Rome')
    """
    lines = [MARK.sub("", line.strip()).strip() for line in answer.splitlines()]
    found = tuple(line for line in lines if line)
    if len(found) != len(call.blocks):
        raise Unreadable(f"expected {len(call.blocks)} lines, got {len(found)}")
    return found


def as_blocks(blocks: Sequence[int], texts: Sequence[str]) -> str:
    r"""A line each, with the block's number.

    >>> as_blocks((0, 3), ("a", 'b"'))
    'B0 = "a"\nB3 = "b\\""'
    """
    return "\n".join(f"B{at} = {json.dumps(text, ensure_ascii=False)}" for at, text in zip(blocks, texts, strict=True))


def from_blocks(call: TextCall, answer: str) -> tuple[str, ...]:
    r"""The blocks of an answer: each that was asked for once, and no other; prose and fences around them do not count.

    >>> from_blocks(TextCall((0, 3), ("a", "b"), ("", ""), ()), 'Here:\nB3 = "d"\nB0 = "c"')
    ('c', 'd')
    """
    found: dict[int, str] = {}
    for line in answer.splitlines():
        if (match := BLOCK.match(line)) is None:
            continue
        try:
            text = json.loads(match["text"])
        except ValueError:
            raise Unreadable(f"B{match['number']}: expected a text in JSON's quotes") from None
        if int(match["number"]) in found:
            raise Unreadable(f"expected each block once, got B{match['number']} again")
        found[int(match["number"])] = text
    if found.keys() != set(call.blocks):
        raise Unreadable(f"expected {len(call.blocks)} blocks that were asked for, got {len(found)}")
    return tuple(found[at] for at in call.blocks)


FORMS = {"lines": Form(as_lines, from_lines), "blocks": Form(as_blocks, from_blocks)}
