"""The exercises of the paper's Section 3.4, one short file each: parts or a program, a grid, claims, what was found.

Each is an example of how to analyse a system of one's own: copy one.
"""

from experiments.reports.study import Study
from experiments.studies.exercises import sentences, vacation

EXERCISES: tuple[Study, ...] = (sentences.STUDY, vacation.STUDY)
