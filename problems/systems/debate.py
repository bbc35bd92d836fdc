"""A proposal by debate: everybody reads everything, or everybody reads a summary (Section 3.4, theory 18d)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.parameters import flag, positive, probability, whole
from evo.programs import Calls, Desk, Expected, Model, Role, certain, expected_ledger
from evo.protocols import BoolArray


@dataclass(frozen=True)
class Debate:
    """Agents speak in turn, and read all that was said: N = agents x rounds calls, G(h + j u, u) (theory 18d).

    u (h N + u N(N-1)/2) + N u(u-1)/2 in all: quadratic in N. The transcript only grows, so a provider that keeps
    prefixes has read all but the last message before (theory 18f).

    Attributes:
        agents, rounds: how many speak, and how often each.
        u: tokens of a message.
        h: tokens of instructions.
        cached: whether what the call before has read is cached.
        m: size of the agents.

    >>> int(Debate(agents=2, rounds=2, u=3, h=5).expected().ledger[0, 4])  # 3 (5 4 + 3 6) + 4 3
    126
    """

    agents: int
    rounds: int
    u: int
    h: int = 0
    cached: bool = False
    m: float = 1.0

    def __post_init__(self) -> None:
        _expect_sizes(self)
        flag(self, "cached")
        positive(self, "m")

    @property
    def roles(self) -> tuple[Role, ...]:
        """Agents of one size."""
        return (Role("agent", Model(size=self.m)),)

    @property
    def _messages(self) -> list[Calls]:
        heard = [self.h + self.u * j for j in range(self.agents * self.rounds)]
        before = [0, *heard[:-1]] if self.cached else [0] * len(heard)
        return [Calls("agent", prompt, self.u, cached=old) for prompt, old in zip(heard, before, strict=True)]

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """One message after the other; nothing is forgotten."""
        for each in self._messages:
            desk.call("agent", prompt=each.prompt, writes=each.writes, cached=each.cached)
        return np.ones(desk.runs, dtype=np.bool_)

    def expected(self) -> Expected:
        """The same in every run."""
        messages = self._messages
        ledger, number = expected_ledger(self.roles, messages), len(messages)
        return Expected(ledger, True, 1.0, certain(number), "theory 18d, 18f", waits=messages)


@dataclass(frozen=True)
class SummarisedDebate:
    """Agents speak at the same time and read a summary of s tokens, which one call a round renews (theory 18d).

    rounds (agents G(h + s, u) + G(h + agents u, s)): linear in agents and rounds. But a point that a summary drops is
    lost: each message makes one, which each later summary keeps w.p. `keep`, so that the proposal has all points w.p.
    keep^(agents rounds (rounds + 1)/2).

    Attributes:
        agents, rounds: how many speak, and how often each.
        u, s: tokens of a message, and of a summary.
        h: tokens of instructions.
        keep: probability that a summary keeps a point.
        m: size of the agents.
        m_s: size of the summariser.

    >>> SummarisedDebate(agents=2, rounds=2, u=3, s=4, h=5).expected().ledger[:, 4].tolist()  # 4 30, 2 50
    [120, 100]
    """

    agents: int
    rounds: int
    u: int
    s: int
    h: int = 0
    keep: float = 1.0
    m: float = 1.0
    m_s: float = 1.0

    def __post_init__(self) -> None:
        _expect_sizes(self)
        whole(self, "s", least=1)
        probability(self, "keep")
        positive(self, "m", "m_s")

    @property
    def roles(self) -> tuple[Role, ...]:
        """Agents, and who sums up."""
        return Role("agent", Model(size=self.m)), Role("summariser", Model(size=self.m_s))

    @property
    def _round(self) -> tuple[Calls, Calls]:
        message = Calls("agent", self.h + self.s, self.u, self.agents * self.rounds, at_once=self.agents)
        return message, Calls("summariser", self.h + self.agents * self.u, self.s, self.rounds)

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Round by round; right if the last summary has every point."""
        message, summary = self._round
        kept = np.ones((desk.runs, self.rounds, self.agents), dtype=np.bool_)
        for last in range(self.rounds):
            with desk.together():
                desk.call("agent", prompt=message.prompt, writes=message.writes, times=self.agents)
            desk.call("summariser", prompt=summary.prompt, writes=summary.writes)
            kept[:, : last + 1] &= rng.random((desk.runs, last + 1, self.agents)) < self.keep
        return np.asarray(kept.all(axis=(1, 2)))

    def expected(self) -> Expected:
        """The same calls in every run; points are lost at random."""
        done = self.keep ** (self.agents * self.rounds * (self.rounds + 1) // 2)
        law = certain(self.rounds * (self.agents + 1))
        return Expected(expected_ledger(self.roles, self._round), True, done, law, "theory 18d", waits=self._round)


def _expect_sizes(part: Debate | SummarisedDebate) -> None:
    for name, least in (("agents", 1), ("rounds", 1), ("u", 1), ("h", 0)):
        whole(part, name, least=least)
