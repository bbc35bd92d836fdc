"""Systems of LLM calls: programs of the paper's Section 3 and its exercises, each an example of one of your own."""

from problems.systems.debate import Debate, SummarisedDebate
from problems.systems.focused_debugging import FocusedDebugging
from problems.systems.naive_debugging import NaiveDebugging
from problems.systems.routing import Generalist, Routing
from problems.systems.scans import ReadThenSort
from problems.systems.sorting import KnockOut, MergeSort, OneCallSort
from problems.systems.writing import BySections, WholeDrafts

__all__ = [
    "BySections",
    "Debate",
    "FocusedDebugging",
    "Generalist",
    "KnockOut",
    "MergeSort",
    "NaiveDebugging",
    "OneCallSort",
    "ReadThenSort",
    "Routing",
    "SummarisedDebate",
    "WholeDrafts",
]
