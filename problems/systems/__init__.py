"""Systems of LLM calls: programs of the paper's Section 3 and its exercises, each an example of one of your own."""

from problems.systems.sorting import KnockOut, MergeSort, OneCallSort

__all__ = ["KnockOut", "MergeSort", "OneCallSort"]
