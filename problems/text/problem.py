"""A problem whose blocks are texts, for mutators that are real language models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evo.chunks import count_correct
from evo.errors import InputError, NoPrediction
from evo.landscapes import OfCounts
from evo.parameters import shown, whole
from evo.protocols import BoolArray, IntArray
from evo.text import is_frozen_dataclass
from evo.theory.calls.starts import Start
from problems.text.checkers import Exact, expect_texts, said_of

MOST_TEXTS = 10_000


@dataclass(frozen=True)
class TextProblem:
    """A solution of k texts; fitness f(x) = number of right ones, as the checker says.

    Every run begins with the same texts. Simulated mutators can be run on it, too, as on `BlockOneMax`: so a
    calibrated one predicts what a real one will take.

    Attributes:
        texts: the texts of the k blocks that every run begins with.
        checker: says of the position of a block, from 0, and a text whether it is right: `Exact`, `ByFunction`, or a
            frozen dataclass of yours with `__call__(block, text)`.
        l: tokens of a block, for the ledger's model of a call; what real calls took is measured beside it.
        tasks: what each block is to be, in words for the model; empty, or k.
        right: positions of the blocks whose texts are right at the start.

    >>> from problems.text.checkers import Exact
    >>> problem = TextProblem(("?", "?", "Oslo"), Exact(("Paris", "Rome", "Oslo")), l=2, right=(2,))
    >>> problem.k, problem.judge(1, "Rome"), problem.initial(1, np.random.default_rng(1)).tolist()
    (3, True, [[False, False, True]])
    """

    texts: tuple[str, ...]
    checker: Callable[[int, str], bool]
    l: int
    tasks: tuple[str, ...] = ()
    right: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        expect_texts(self, "texts")
        expect_texts(self, "tasks")
        whole(self, "l", least=1)
        if not 1 <= len(self.texts) <= MOST_TEXTS:
            raise InputError(f"TextProblem: expected 1 to {MOST_TEXTS:,} texts, got {len(self.texts):,}")
        if self.tasks and len(self.tasks) != len(self.texts):
            raise InputError(f"TextProblem: expected no tasks, or one a text ({self.k}), got {len(self.tasks)}")
        if not callable(self.checker) or not is_frozen_dataclass(self.checker):
            raise InputError(
                "TextProblem: checker must say of a block and a text whether it is right, as Exact(texts=(..)) or "
                f'ByFunction(name="module:function"), a frozen dataclass, got {shown(self.checker)}'
            )
        if isinstance(self.checker, Exact) and len(self.checker.texts) != self.k:
            raise InputError(f"TextProblem: expected a checker of {self.k} texts, got {len(self.checker.texts)}")
        places = self.right if isinstance(self.right, tuple) else (None,)
        if not all(type(at) is int and 0 <= at < self.k for at in places) or len(set(places)) < len(places):
            raise InputError(
                f"TextProblem: right must be different positions of blocks, from 0 to {self.k - 1}, got "
                f"{shown(self.right)}"
            )

    @property
    def k(self) -> int:
        """Blocks of a solution."""
        return len(self.texts)

    @property
    def landscape(self) -> OfCounts:
        """The number of right blocks."""
        return OfCounts(range(self.k + 1))

    @property
    def initial_law(self) -> Start:
        """The law of `initial`.

        Raises: NoPrediction if some but not all are right: at given places, not at random ones.
        """
        if 0 < len(self.right) < self.k:
            raise NoPrediction(
                f"TextProblem: {len(self.right)} of {self.k} blocks are right at the start, at given places; rules are "
                "about none, or places at random"
            )
        return Start(self.k, incorrect=self.k - len(self.right))

    def initial(self, runs: int, rng: Generator) -> BoolArray:
        """Which blocks are right at the start, bool [runs, k]; the same in each run."""
        correct = np.zeros((runs, self.k), dtype=np.bool_)
        correct[:, list(self.right)] = True
        return correct

    def fitness(self, correct: BoolArray) -> IntArray:
        """Number of right blocks; bool [..., k] -> int [...]."""
        return count_correct(correct)

    def change(self, before: BoolArray, after: BoolArray) -> IntArray:
        """Change of fitness when a chunk `before` becomes `after`; bool [..., g] -> int [...]."""
        return count_correct(after) - count_correct(before)

    def judge(self, block: int, text: str) -> bool:
        """Whether a text is right for a block, as the checker says.

        Raises: OperatorError if it says neither True nor False.
        """
        return said_of(type(self.checker).__name__, self.checker(block, text))
