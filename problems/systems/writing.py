"""Writing a text of k sections of l tokens: whole drafts, or by sections after an outline (Section 3.4, theory 18c)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.parameters import flag, positive, probability, whole
from evo.programs import Calls, Desk, Expected, Model, Role, certain, expected_ledger
from evo.protocols import BoolArray
from evo.theory.times.closed import Geometric
from evo.theory.times.derived import Shifted


@dataclass(frozen=True)
class WholeDrafts:
    """Writes the whole text anew in each of `rounds` rounds, G(h + k l, k l) a round (theory 18c).

    Attributes:
        k, l: sections, and tokens of each.
        h: tokens of the brief.
        rounds: how many drafts.
        m: size of the writer.

    >>> int(WholeDrafts(k=10, l=100, h=50).expected().ledger[0, 4])  # 1050 1000 + 1000 999/2
    1549500
    """

    k: int
    l: int
    h: int = 0
    rounds: int = 1
    m: float = 1.0

    def __post_init__(self) -> None:
        _expect_lengths(self)
        positive(self, "m")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One writer."""
        return (Role("writer", Model(size=self.m)),)

    @property
    def _draft(self) -> Calls:
        return Calls("writer", self.h + self.k * self.l, self.k * self.l, self.rounds)

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """One draft after the other."""
        draft = self._draft
        desk.call("writer", prompt=draft.prompt, writes=draft.writes, times=self.rounds)
        return np.ones(desk.runs, dtype=np.bool_)

    def expected(self) -> Expected:
        """The same in every run."""
        drafts = [self._draft]
        ledger = expected_ledger(self.roles, drafts)
        return Expected(ledger, True, 1.0, certain(self.rounds), "theory 18c", waits=drafts)


@dataclass(frozen=True)
class BySections:
    """An outline of o tokens first, G(h, o); then k calls a round, G(h + o + l, l) each, all at the same time (18c).

    The outline is the decomposition, and here it costs a call that errs (Section 5.3): it is right w.p. `right`. If it
    is `checked`, by an evaluation without error, it is asked for again until right; else the text is wrong with it.

    Attributes:
        k, l: sections, and tokens of each.
        o: tokens of the outline, which every section's call reads.
        h: tokens of the brief.
        rounds: how often each section is written.
        right: probability that an outline is right.
        checked: whether the outline is evaluated before sections are written.
        m: size of the writer.
        m_o: size of the model that makes the outline.

    >>> BySections(k=10, l=100, o=20, h=50).expected().ledger[:, 4].tolist()  # 10 (170 100 + 100 99/2), 20 50 + 20 19/2
    [219500, 1190]
    """

    k: int
    l: int
    o: int
    h: int = 0
    rounds: int = 1
    right: float = 1.0
    checked: bool = True
    m: float = 1.0
    m_o: float = 1.0

    def __post_init__(self) -> None:
        _expect_lengths(self)
        whole(self, "o", least=0)
        flag(self, "checked")
        probability(self, "right")
        positive(self, "m", "m_o", *(("right",) if self.checked else ()))

    @property
    def roles(self) -> tuple[Role, ...]:
        """The writer of sections, and who makes the outline."""
        return Role("writer", Model(size=self.m)), Role("planner", Model(size=self.m_o))

    @property
    def _section(self) -> Calls:
        return Calls("writer", self.h + self.o + self.l, self.l, self.k * self.rounds, at_once=self.k)

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Plan until the plan is right, or once; then write the sections of a round at the same time."""
        right = rng.random(desk.runs) < self.right
        desk.call("planner", prompt=self.h, writes=self.o)
        if self.checked:
            desk.evaluate("planner")
            while not right.all():
                desk.call("planner", prompt=self.h, writes=self.o, where=~right)
                desk.evaluate("planner", where=~right)
                right |= rng.random(desk.runs) < self.right
        section = self._section
        with desk.together(self.rounds):
            desk.call("writer", prompt=section.prompt, writes=section.writes, times=self.k * self.rounds)
        return right

    def expected(self) -> Expected:
        """Plans are geometric where they are checked; the rest is the same in every run."""
        plans = Geometric(self.right) if self.checked else Geometric(1.0)
        calls = [self._section, Calls("planner", self.h, self.o, plans.mean)]
        ledger = expected_ledger(self.roles, calls, {"planner": plans.mean} if self.checked else None)
        sure, sections = not self.checked or self.right == 1.0, self.k * self.rounds
        law = certain(sections + 1) if sure else Shifted(plans, sections)
        return Expected(ledger, sure, 1.0 if self.checked else self.right, law, "theory 18c, 12a", waits=calls)


def _expect_lengths(part: WholeDrafts | BySections) -> None:
    for name, least in (("k", 1), ("l", 1), ("h", 0), ("rounds", 1)):
        whole(part, name, least=least)
