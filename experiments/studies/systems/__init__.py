"""Studies of the paper's systems that are no search: routing (Section 3.1) and debugging (3.2)."""

from experiments.reports.study import Study
from experiments.studies.systems import debugging, routing

SYSTEMS: tuple[Study, ...] = (routing.STUDY, debugging.STUDY)
