"""The named studies: `llm-evo run NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.reports.study import Study
    from experiments.store.results import Results

MODULES = {
    "paper": "paper",
    "keep": "keep",
    "measured": "measured",
    "cost-models": "cost_models",
    "correlation": "correlation",
    "granularity": "granularity",
    "voting": "voting",
    "spill": "spill",
    "difficulty": "difficulty",
    "noise": "noise",
    "judge": "judge",
    "nonconvex": "nonconvex",
    "parallel": "parallel",
    "selection": "selection",
    "routing": "systems.routing",
    "debugging": "systems.debugging",
    "sorting": "exercises.sorting",
    "sentences": "exercises.sentences",
    "writing": "exercises.writing",
    "debate": "exercises.debate",
    "quadratic": "exercises.quadratic",
    "vacation": "exercises.vacation",
}
"""Of each study the module here that has it as STUDY."""


class Studies(Mapping[str, "Study"]):
    """The studies by their names, each loaded when it is asked for: all of them take a while."""

    def __getitem__(self, name: str) -> Study:
        study: Study = import_module(f"{__name__}.{MODULES[name]}").STUDY
        return study

    def __contains__(self, name: object) -> bool:
        return name in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


STUDIES = Studies()

__all__ = ["MODULES", "STUDIES", "Studies", "page_of", "study_of"]

PAGES = {"paper": "README.md", "systems": "docs/systems.md", "exercises": "docs/exercises.md"}
"""Where the studies of a folder, or a study by itself, are described."""


def page_of(name: str) -> str:
    """The page that says what a named study found.

    >>> page_of("keep"), page_of("routing")
    ('docs/studies.md', 'docs/systems.md')
    """
    return PAGES.get(MODULES[name].partition(".")[0], "docs/studies.md")


def study_of(results: Results) -> Study | None:
    """The named study of a grid, if its name and arms are those of one."""
    study = STUDIES.get(str(results.grid["name"]))
    return study if study and set(study.grid().arms) <= set(results.cells["arm"]) else None
