"""Programs of calls of a user's own: drafts that are read, and an answer that is tried again."""

from dataclasses import dataclass

import numpy as np

from evo.parameters import probability, whole
from evo.programs import Calls, Expected, Model, Role, certain, expected_ledger
from evo.theory import Geometric

SMALL = Model("small", 0.5)


@dataclass(frozen=True)
class Drafts:
    """k drafts of l tokens each, written at the same time, then read by qa; `late` tokens more than expected."""

    k: int = 3
    l: int = 10
    small: Model = SMALL
    late: int = 0

    def __post_init__(self):
        whole(self, "k", least=1)
        whole(self, "l", least=1)

    @property
    def roles(self):
        return Role("qa", self.small), Role("writer", Model("large", 2.0))

    def execute(self, desk, rng):
        with desk.together():
            desk.call("writer", prompt=5, writes=self.l, cached=4, times=self.k)
        desk.call("qa", prompt=self.l * self.k + self.late, writes=3, reasoning=2)
        return np.ones(desk.runs, dtype=bool)

    def expected(self):
        calls = [Calls("writer", 5, self.l, self.k, cached=4), Calls("qa", self.l * self.k, 3, reasoning=2)]
        ledger = expected_ledger(self.roles, calls)
        return Expected(ledger, True, calls=certain(self.k + 1), source="of my own")


@dataclass(frozen=True)
class Tries:
    """At most k tries, each right w.p. p, of which qa is asked; `believed` is what the author takes p for."""

    k: int = 3
    p: float = 0.5
    believed: float = 0.5

    def __post_init__(self):
        whole(self, "k", least=1)
        probability(self, "p", "believed")

    @property
    def roles(self):
        return Role("qa", Model()), Role("writer", Model())

    def execute(self, desk, rng):
        done = np.zeros(desk.runs, dtype=bool)
        for _ in range(self.k):
            desk.call("writer", prompt=5, writes=10, where=~done)
            desk.call("qa", prompt=10, writes=1, where=~done)
            done |= rng.random(desk.runs) < self.p
        return done

    def expected(self):
        failed = (1 - self.believed) ** self.k
        tries = (1 - failed) / self.believed
        ledger = expected_ledger(self.roles, [Calls("writer", 5, 10, tries), Calls("qa", 10, 1, tries)])
        return Expected(ledger, False, done=1 - failed, source="a cut geometric law")


@dataclass(frozen=True)
class Endless:
    """Tries until it is right: the law of the number of calls is known; `believed` as of `Tries`."""

    p: float = 0.25
    believed: float = 0.25

    @property
    def roles(self):
        return (Role("writer", Model()),)

    def execute(self, desk, rng):
        desk.call("writer", prompt=5, writes=10, times=rng.geometric(self.p, desk.runs))
        return np.ones(desk.runs, dtype=bool)

    def expected(self):
        ledger = expected_ledger(self.roles, [Calls("writer", 5, 10, 1 / self.believed)])
        return Expected(ledger, False, calls=Geometric(self.believed), source="theory 1a")
