"""What every kind of cell says of itself, so that nobody has to ask for its class.

A later stage that does something else with each kind (predict it, check it, time it) has one generic function for it
(`functools.singledispatch`), with a case for each kind: a new kind of cell is a class here, and its cases there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from evo.protocols import CostModel, FloatArray


class AnyCell(ABC):
    """A cell of a grid: something with a text that runs, a ledger with prices, and a place in tables.

    Attributes:
        cost: prices of the ledger.
    """

    cost: CostModel

    @property
    @abstractmethod
    def text(self) -> str:
        """The canonical text, which names the cell for ever."""

    @property
    @abstractmethod
    def id(self) -> str:
        """The name of the cell in tables."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """The text of what names the random streams."""

    @property
    @abstractmethod
    def sample(self) -> str:
        """What names the runs of the cell; cells that differ in price only share their runs."""

    @property
    @abstractmethod
    def weights(self) -> FloatArray:
        """The prices of the ledger's entries, float [8]."""

    @property
    @abstractmethod
    def prices(self) -> dict[str, float]:
        """The price of each column of the table of runs that has one."""

    @property
    @abstractmethod
    def sizes(self) -> dict[str, Any]:
        """Columns of the table of cells that all cells of the kind have, whether they are fields of parts or not."""

    @property
    @abstractmethod
    def k(self) -> float:
        """The size of the task, NaN if it has none."""

    @property
    @abstractmethod
    def lam(self) -> float:
        """Offspring a generation, NaN where there are none."""

    @property
    @abstractmethod
    def task(self) -> Any:
        """The part that says what is to be done: a problem, or a program."""

    @property
    @abstractmethod
    def ends_alone(self) -> bool:
        """Whether runs end by themselves, so that calls and cost are whole, whether the task was done or not."""

    @property
    @abstractmethod
    def largest(self) -> str:
        """What to lower where a batch needs too much memory, in words."""

    @abstractmethod
    def short_name(self, k_first: bool = False) -> str:
        """A name of a few words for a line of progress; with k and lam before the rest if asked for."""

    @abstractmethod
    def why_not(self, engine: str) -> str:
        """Why an engine cannot run the cell, as the end of an error; empty if it can."""

    @abstractmethod
    def batch_size(self, batch: int) -> int:
        """Runs simulated together: the batch of the grid, or less where memory would grow."""
