"""Blocks that are texts, and mutators that are real language models: what passes between them.

Everything else of a search works on correctness alone. Here a checker says of each text whether it is right, so that
schedules, runners, ledger and budgets are those of any other cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class TextCall:
    """What a model is handed.

    Attributes:
        blocks: positions of the g blocks of the chunk, from 0.
        texts: their texts in the parent.
        tasks: what each of them is to be, in words; "" where nothing is said.
        solution: the texts of all k blocks of the parent.
    """

    blocks: tuple[int, ...]
    texts: tuple[str, ...]
    tasks: tuple[str, ...]
    solution: tuple[str, ...]


class Unreadable(ValueError):
    """An answer that is not the g texts that were asked for; the text says what it is instead."""


@runtime_checkable
class TextProblem(Protocol):
    """A problem whose blocks are texts, beside what `evo.Problem` asks for."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The k texts that every run begins with."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """What each block is to be, in words for the model; empty, or k."""
        ...

    def judge(self, block: int, text: str) -> bool:
        """Whether a text is right for the block at that position, from 0."""
        ...


@runtime_checkable
class TextMutator(Protocol):
    """A mutator that asks a language model for texts. It makes requests and reads answers; others send them."""

    def request(self, call: TextCall) -> Mapping[str, Any]:
        """The body of a chat completion in OpenAI's format: `model`, `messages`, parameters."""
        ...

    def read(self, call: TextCall, answer: str) -> tuple[str, ...]:
        """The g texts of an answer, in the order of `call.blocks`.

        Raises: Unreadable.
        """
        ...


def asks_a_model(mutator: object) -> bool:
    """Whether a mutator makes real calls, which cost money."""
    return isinstance(mutator, TextMutator)
