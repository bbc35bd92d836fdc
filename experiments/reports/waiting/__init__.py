"""Waiting time: of runs, of generations that end at a barrier, and of cells, read off the table of runs later."""

from experiments.reports.waiting.barriers import Barriers, list_schedule, waited
from experiments.reports.waiting.cells import LEVELS, waiting
from experiments.reports.waiting.runs import timed

__all__ = ["LEVELS", "Barriers", "list_schedule", "timed", "waited", "waiting"]
