"""The named studies: `llm-evo run NAME`."""

from experiments.studies import (
    correlation,
    difficulty,
    granularity,
    judge,
    keep,
    noise,
    nonconvex,
    paper,
    parallel,
    selection,
    spill,
    voting,
)
from experiments.studies.study import Findings, Study

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        paper.STUDY,
        keep.STUDY,
        correlation.STUDY,
        granularity.STUDY,
        voting.STUDY,
        spill.STUDY,
        difficulty.STUDY,
        noise.STUDY,
        judge.STUDY,
        nonconvex.STUDY,
        parallel.STUDY,
        selection.STUDY,
    )
}

__all__ = ["STUDIES", "Findings", "Study"]
