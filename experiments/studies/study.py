"""What a named study is: a grid that needs no arguments, and what is asked of its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from experiments.claims import Claim
from experiments.grid import Grid


@dataclass(frozen=True)
class Study:
    """A named study.

    Attributes:
        name: names it and its results folder.
        question: the question it answers, in one line.
        grid: makes its grid.
        claims: growth laws to be tested.
        speedup: arms whose ratio of costs is shown, the slow one first; empty for none.
        title: title of its figure.
    """

    name: str
    question: str
    grid: Callable[[], Grid]
    claims: tuple[Claim, ...] = ()
    speedup: tuple[str, str] | tuple[()] = ()
    title: str = ""
