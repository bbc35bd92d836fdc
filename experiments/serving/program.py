"""A solution as the lines of a program, and what a call changes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import shown
from experiments.serving import evaluator
from experiments.serving.evaluator import LINE, right_text, texts_of

MOST_BLOCKS, MOST_TOKENS = 10_000, 1_000
FRAME = '''"""Blocks, one a line. The evaluator reads the lines; nothing is executed."""


# EVOLVE-BLOCK-START
{lines}
# EVOLVE-BLOCK-END


def blocks():
    return [value for name, value in sorted(globals().items()) if name[0] == "B" and name[1:].isdigit()]
'''


@dataclass(frozen=True)
class Blocks:
    """The problem: k blocks of l tokens, whose right texts follow from a name.

    Attributes:
        k: blocks.
        l: tokens of a block, four letters each.
        name: of the problem.

    >>> Blocks(3, 2, "blocks").scores('B0 = "cakpkdic"')
    [1, 0, 0]
    """

    k: int
    l: int
    name: str = "blocks"

    def scores(self, program: str) -> list[int]:
        """For each block 1 if it is right in a program, else 0."""
        return evaluator.scores(program, self.k, self.l, self.name)

    def right(self, block: int) -> str:
        """The right text of a block."""
        return right_text(block, self.l, self.name)

    def wrong(self, block: int, rng: Generator) -> str:
        """A wrong text, new each time."""
        while (text := _letters(rng, 4 * self.l)) == self.right(block):
            pass
        return text

    def program(self, correct: list[bool], rng: Generator) -> str:
        """A program whose blocks are right or wrong as asked for, in a frame that frameworks take for Python."""
        texts = [self.right(i) if right else self.wrong(i, rng) for i, right in enumerate(correct)]
        return FRAME.format(lines="\n".join(f'B{i} = "{text}"' for i, text in enumerate(texts)))

    def evaluator_source(self) -> str:
        """The evaluator's file, with k, l and name of this problem."""
        source = Path(evaluator.__file__).read_text(encoding="utf-8")
        before = f"K, L, NAME = {evaluator.K}, {evaluator.L}, {evaluator.NAME!r}".replace("'", '"')
        if source.count(before) != 1:
            raise AssertionError(f"the evaluator's file has no line {before}")
        return source.replace(before, f"K, L, NAME = {self.k}, {self.l}, {self.name!r}")


def expect_blocks(k: int, l: int, name: str) -> Blocks:
    """The problem of an endpoint.

    Raises: InputError.
    """
    if not 1 <= k <= MOST_BLOCKS:
        raise InputError(f"--k: expected a whole number from 1 to {MOST_BLOCKS:,}, got {k}")
    if not 1 <= l <= MOST_TOKENS:
        raise InputError(f"--l: expected a whole number from 1 to {MOST_TOKENS:,}, got {l}")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", name):
        raise InputError(f"--name: expected 1 to 60 letters, digits, points, dashes, got {shown(name)}")
    return Blocks(k, l, name)


@dataclass(frozen=True)
class Edit:
    """A line of a program, and what takes its place.

    Attributes:
        start, end: where the line stands in the text.
        old, new: the line, and the line or lines instead.
    """

    start: int
    end: int
    old: str
    new: str


def edits(program: str, texts: Mapping[int, str]) -> list[Edit]:
    r"""What gives some blocks new texts, in the program's order; blocks that it lacks come after its last one.

    >>> [(edit.old, edit.new) for edit in edits('B0 = "a"\nB1 = "b"', {2: "d", 1: "e", 0: "c"})]
    [('B0 = "a"', 'B0 = "c"'), ('B1 = "b"', 'B1 = "e"\nB2 = "d"')]
    """
    lines: dict[int, re.Match[str]] = {}
    for line in LINE.finditer(program):
        lines.setdefault(int(line["number"]), line)
    new = {i: lines[i]["head"] + texts[i] + lines[i]["tail"] for i in texts if i in lines}
    missing = sorted(set(texts) - set(lines))
    if missing and lines:
        last = max(lines, key=lambda i: lines[i].start())
        whole: str = new.get(last, lines[last].group())
        margin = lines[last]["head"].partition("B")[0]
        new[last] = "\n".join([whole, *(f'{margin}B{i} = "{texts[i]}"' for i in missing)])
    made = [Edit(lines[i].start(), lines[i].end(), lines[i].group(), text) for i, text in new.items()]
    return sorted(made, key=lambda edit: edit.start)


def edited(program: str, changes: list[Edit]) -> str:
    r"""The program after edits.

    >>> edited('B0 = "a"\nB1 = "b"', edits('B0 = "a"\nB1 = "b"', {1: "c"}))
    'B0 = "a"\nB1 = "c"'
    """
    for edit in sorted(changes, key=lambda edit: -edit.start):
        program = program[: edit.start] + edit.new + program[edit.end :]
    return program


def shown_blocks(program: str, k: int) -> list[int]:
    """The numbers of the blocks that a program has, ascending; those from k on are none of the problem's.

    >>> shown_blocks('B3 = "a"' + chr(10) + 'B0 = "b"', 3)
    [0]
    """
    return sorted(i for i in texts_of(program) if i < k)


def _letters(rng: Generator, number: int) -> str:
    return "".join("abcdefghijklmnop"[i] for i in rng.integers(16, size=number))
