"""The named studies: `llm-evo run NAME`."""

from experiments.studies import paper
from experiments.studies.study import Study

STUDIES: dict[str, Study] = {study.name: study for study in (paper.STUDY,)}

__all__ = ["STUDIES", "Study"]
