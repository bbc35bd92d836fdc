"""The named studies: `llm-evo run NAME`."""

from experiments.reports.study import Findings, Study
from experiments.store.results import Results
from experiments.studies import (
    correlation,
    cost_models,
    difficulty,
    granularity,
    judge,
    keep,
    measured,
    noise,
    nonconvex,
    paper,
    parallel,
    selection,
    spill,
    voting,
)
from experiments.studies.exercises import EXERCISES
from experiments.studies.systems import SYSTEMS

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        paper.STUDY,
        keep.STUDY,
        measured.STUDY,
        cost_models.STUDY,
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
        *SYSTEMS,
        *EXERCISES,
    )
}

__all__ = ["STUDIES", "Findings", "Study", "study_of"]


def study_of(results: Results) -> Study | None:
    """The named study of a grid, if its name and arms are those of one."""
    study = STUDIES.get(str(results.grid["name"]))
    return study if study and set(study.grid().arms) <= set(results.cells["arm"]) else None
