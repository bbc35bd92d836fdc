"""The evolutionary algorithm: how many offspring a generation has, and which of them replaces the parent."""

from __future__ import annotations

from dataclasses import dataclass

from evo.parameters import choice, whole


@dataclass(frozen=True)
class OnePlusLambda:
    """The elitist (1+lambda)-EA: lam offspring a generation, one call each; the best replaces the parent.

    It does so if it is fitter (`accept="strict"`, the paper's) or not worse (`"weak"`); among equally good
    offspring the first wins.

    Attributes:
        lam: offspring a generation.
        accept: "strict" or "weak".
    """

    lam: int = 1
    accept: str = "strict"

    def __post_init__(self) -> None:
        whole(self, "lam", least=1)
        choice(self, "accept", ("strict", "weak"))
