"""Simulated LLM calls: what one call does to the correctness of its chunk, and the law it follows."""

from operators.fix_keep import FixKeep
from operators.resample import Resample

__all__ = ["FixKeep", "Resample"]
