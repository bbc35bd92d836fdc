"""Overhead: LLM work besides the calls that vary solutions, such as decomposing or learning."""

from __future__ import annotations

from dataclasses import dataclass

from evo.parameters import choice, whole


@dataclass(frozen=True)
class Overhead:
    """Tokens read and written besides each call without changing the solution, priced like any LLM work.

    A mutator or a schedule declares it in a property `overhead`, a tuple of these; the ledger, prices and budgets
    count it with each call (each vote, where an answer takes several calls). The engine does not see it.

    Attributes:
        head: tokens of instructions that are read.
        reads: text read after the head: "nothing", the "chunk" of the call, or the whole "solution".
        writes: tokens that are written, each by a forward pass over all that was read and written before.
        calls: number of additional LLM calls; 0 if the work is part of the same call.

    >>> Overhead(head=10, reads="solution", writes=5, calls=1).prompt_tokens(g=1, k=4, l=16)
    74
    """

    head: int = 0
    reads: str = "nothing"
    writes: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        for name in ("head", "writes", "calls"):
            whole(self, name, least=0)
        choice(self, "reads", ("nothing", "chunk", "solution"))

    def prompt_tokens(self, g: int, k: int, l: int) -> int:
        """Tokens read beside a call on g of k blocks of l tokens."""
        return self.head + {"nothing": 0, "chunk": g, "solution": k}[self.reads] * l
