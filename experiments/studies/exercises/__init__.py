"""The exercises of the paper's Section 3.4, one short file each: parts or a program, a grid, claims, what was found.

Each is an example of how to analyse a system of one's own: copy one.
"""

from experiments.reports.study import Study
from experiments.studies.exercises import debate, quadratic, sentences, sorting, vacation, writing

EXERCISES: tuple[Study, ...] = (
    sorting.STUDY,
    sentences.STUDY,
    writing.STUDY,
    debate.STUDY,
    quadratic.STUDY,
    vacation.STUDY,
)
"""In the order of the paper."""
