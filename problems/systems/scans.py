"""Sorting scanned documents: read each scan once by a small vision model, then compare texts (Section 5.4, 18a)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from evo.parameters import positive, probability, whole
from evo.programs import Calls, Desk, Expected, Model, Role, expected_ledger
from evo.protocols import BoolArray
from evo.theory.times.derived import Shifted
from problems.systems.sorting import MergeSort


@dataclass(frozen=True)
class ReadThenSort(MergeSort):
    """A reader turns each scan of v tokens into a text of d, G(v, d), all at once; texts are sorted by merging.

    A modality is a primitive with a cost of its own (Section 5.4): the reader's model has another size than the
    comparator's. Against a comparator that looks at scans itself, `MergeSort(d=v)` with a model of size m_v, reading
    pays where n m_r d v < m_v 2 v C or so, d < 2 lg n m_v/m_r.

    Attributes:
        n, d, h, e, ahead, copied, m: as of `MergeSort`, d the tokens of a text.
        v: tokens of a scan.
        m_r: size of the reader.
        read: probability that a scan is read well enough; the order is wrong if one is not.

    >>> ReadThenSort(n=2, d=10, v=500, m_r=0.1).expected().ledger[:, 4].tolist()  # G(20, 1) and 2 (500 10 + 45)
    [20, 10090]
    """

    v: int = 1000
    m_r: float = 1.0
    read: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, "v", least=1)
        positive(self, "m_r")
        probability(self, "read")

    @property
    def roles(self) -> tuple[Role, ...]:
        """The comparator, and the reader."""
        return *super().roles, Role("reader", Model(size=self.m_r, capabilities=("vision",)), needs=("vision",))

    @property
    def done(self) -> float:
        """P(the order is right): all scans are read well, and no comparison errs."""
        return super().done * self.read**self.n

    @property
    def calls_between(self) -> tuple[float, float] | None:
        """Those of the comparator, and one call a scan."""
        bounds = super().calls_between
        return None if bounds is None else (bounds[0] + self.n, bounds[1] + self.n)

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Read all scans at the same time, then sort."""
        with desk.together():
            desk.call("reader", prompt=self.v, writes=self.d, times=self.n)
        well = (rng.random((desk.runs, self.n)) < self.read).all(axis=1)
        return np.asarray(super().execute(desk, rng) & well)

    def expected(self) -> Expected:
        """That of sorting, and n readings."""
        sorting, scans = super().expected(), Calls("reader", self.v, self.d, self.n, at_once=self.n)
        calls = None if sorting.calls is None else Shifted(sorting.calls, self.n)
        ledger = expected_ledger(self.roles, [scans]) + sorting.ledger
        waits = None if sorting.waits is None else [scans, *sorting.waits]
        return replace(sorting, ledger=ledger, calls=calls, steps=None, waits=waits)
