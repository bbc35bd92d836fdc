"""A statement of the paper, and what became of it here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from experiments.paper.numbers import Leaf, leaves_of, plain

EXAMPLES = "`make test`"
"""The command that runs the examples in the docstrings, those of programs of calls (`evo/programs`) among them."""


class Outcome(StrEnum):
    """What became of a statement."""

    HOLDS = "holds"
    IF = "holds on an assumption"
    NOT = "does not hold as said"
    DEFINED = "built in"
    ANALYSED = "analysed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Entry:
    """A definition, equation, claim, exercise or alternative view of the paper.

    Attributes:
        place: "Definition 2.1", "Eq. 12", or the section of a claim.
        says: the statement, in short.
        outcome: what became of it.
        found: what came out, every number computed.
        shown: the command that shows it; "" where it is not run.
        needs: the assumption that it needs, beyond those that it names.
        fails: where it does not hold.
        leaves: the quantities of cells in these texts, without which no number of them would be.
    """

    place: str
    says: str
    outcome: Outcome
    found: str
    shown: str = ""
    needs: str = ""
    fails: str = ""
    leaves: tuple[Leaf, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        texts = {name: getattr(self, name) for name in ("found", "needs", "fails")}
        object.__setattr__(self, "leaves", tuple(dict.fromkeys(leaves_of("".join(texts.values())))))
        for name, text in texts.items():
            object.__setattr__(self, name, plain(text))


@dataclass(frozen=True)
class Section:
    """A section of the paper with its statements, in the paper's order."""

    title: str
    entries: tuple[Entry, ...]


def study(name: str) -> str:
    """The command that runs a study; where there is none of that name, the examples of the programs of calls."""
    from experiments.studies import STUDIES

    return f"`llm-evo run {name}`" if name in STUDIES else EXAMPLES
