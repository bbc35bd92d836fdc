"""What every study asks, claims, says and draws of runs that are made up, read back whole from `said.txt`.

Nothing is simulated, and nothing predicted but the curves that reach beyond what was run, so the text depends on the
studies alone: on the cells, columns and quantiles that a sentence, a table or a panel reads, and on its words. After a
change of a study that is meant, write the text anew with `python tests/studies/test_what_is_said.py`, and read what
differs line by line.
"""

import hashlib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from evo.costs.ledger import LEDGER
from experiments import Verdict
from experiments.reports import panels
from experiments.reports.measured import Measured
from experiments.studies import STUDIES

SAID = Path(__file__).with_name("said.txt")
TITLE = "==== "
UNLIKE = np.array([0.41, 1.0, 1.13, 1.37])
"""Runs of a cell over its scale: mean and median are unlike, and no two runs alike."""
EXACT = {"hit": 0.9, "generations": 0.53, "calls": 1.9, "cost": 5.3}
"""Made-up predictions over the scale of a cell."""


@dataclass(frozen=True)
class MadeUp:
    """A prediction that nothing computes."""

    mean: float
    law: None = None

    @property
    def variance(self):
        return self.mean**2

    def cdf(self, times):
        return 1 - np.exp(-np.asarray(times) / self.mean)

    def quantile(self, level):
        return level * self.mean


def uneven(arm, place):
    """Up and down, no two cells of an arm alike, the least of each arm elsewhere, below and above budgets."""
    return (10 + 3 * arm) * 6.0 ** (arm % 4 - 1) * (1 + 0.31 * ((3 * place + 2 * arm + 2) % 7) + 0.1 * place)


def falling(arm, place):
    """Each cell takes less than those before it."""
    return 4000 / (1 + arm) / (1 + place) ** 1.2


def level(arm, place):
    """All take the same: what is not less must not be told as less."""
    return 64.0


def cell_of(cell, scale, arm, place):
    """The runs of one cell; of every fifth of an arm one run ends at its budget."""
    unit = scale(arm, place)
    times = unit * UNLIKE
    hit = np.where(place % 5 == 3, [*times[:-1], np.nan], times)
    columns = [f"{role.name}.{entry}" for role in getattr(cell, "roles", ()) for entry in LEDGER]
    roles = {name: (2 + number) * times + number**2 * place for number, name in enumerate(columns)}
    exact = EXACT | {name: 2.1 + number for number, name in enumerate(columns)}
    elsewhere = scale(arm, place + 2)  # the least exact cell is not the least measured one
    return Measured(cell, list(Verdict)[(arm + place) % 3], hit, 2.0 * times, np.ceil(0.6 * times), 5.0 * times,
                    0.2 * times, roles=roles,
                    predictions=lambda quantity: MadeUp(elsewhere * exact[quantity]))  # fmt: skip


def arms_of(study, scale):
    """Made-up runs of every cell of a study."""
    return {
        label: [cell_of(cell, scale, arm, place) for place, cell in enumerate(cells)]
        for arm, (label, cells) in enumerate(study.grid().arms.items())
    }


def text_of(name):
    """All that a study asks, runs, claims, says and draws, line by line."""
    study = STUDIES[name]
    lines = [*_grid(study), *map(_fields, study.claims)]
    if study.findings:
        lines += _found(study.findings(arms_of(study, uneven)))
        for other in (falling, level):
            lines += [f"{other.__name__}: {each}" for each in study.findings(arms_of(study, other)).sentences]
    return [*lines, *(_drawn(study.figure(arms_of(study, uneven))) if study.figure else ())]


def _grid(study):
    grid, other = study.grid(), study.grid(runs=7, seed=3)
    texts = {label: "\n".join(cell.text for cell in cells) for label, cells in grid.arms.items()}
    return [
        f"question: {study.question}",
        f"speed-up: {' / '.join(study.speedup) or '-'}",
        f"runs {grid.runs}, batch {grid.batch}, seed {grid.seed}, engine {grid.engine}",
        f"with runs 7 and seed 3: runs {other.runs}, seed {other.seed}",
        *(
            f"arm {label}: {len(grid.arms[label])} cells, texts {hashlib.sha256(text.encode()).hexdigest()[:8]}"
            for label, text in texts.items()
        ),
    ]


def _fields(part):
    return f"{type(part).__name__} {', '.join(f'{each.name}={getattr(part, each.name)!r}' for each in fields(part))}"


def _found(findings):
    return [*findings.sentences, *map(" | ".join, (findings.headings, *findings.rows)), f"note: {findings.note}"]


def _drawn(figure):
    sheet = panels.sheet_of(figure)
    if sheet is None:  # a figure of its own
        return []
    return [
        f"figure: {sheet.title}",
        *(line for panel in sheet.panels for line in _panel(panel)),
        f"legend: {'; '.join(sheet.legend)}",
    ]


def _panel(panel):
    named = (each.name for each in fields(panel) if each.name not in ("title", "curves"))
    return [
        f"panel {panel.title}: {', '.join(f'{name}={getattr(panel, name)!r}' for name in named)}",
        *(line for curve in panel.curves for line in _curve(curve)),
    ]


def _curve(curve):
    marks = [name for name in ("best", "dashed", "left") if getattr(curve, name)]
    return [
        f"curve {curve.label!r}, colour {curve.colour}{''.join(f', {mark}' for mark in marks)}",
        f"  x {_numbers(curve.x)}",
        *(f"  {end} {_numbers([getattr(value, end) for value in curve.values])}" for end in ("value", "low", "high")),
        *([] if np.array_equal(curve.x, curve.line_x) else [f"  line x {_numbers(curve.line_x)}"]),
        f"  line y {_numbers(curve.line_y)}",
    ]


def _numbers(values):
    """All, or of many every seventh and the last."""
    some = values if len(values) <= 20 else [*values[::7], values[-1]]
    return " ".join(f"{value:.4g}" for value in some)


@cache
def said():
    """The lines of each study as they were."""
    parts = SAID.read_text(encoding="utf-8").split(TITLE)[1:]
    return {lines[0]: lines[1:] for lines in (part.rstrip("\n").split("\n") for part in parts)}


def undrawn(patch):
    """Panels are kept and not drawn: what is drawn of them is for other tests."""
    patch.setattr(panels, "_draw_panel", lambda *_: None)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_of_the_same_runs_what_it_said(name, monkeypatch):
    undrawn(monkeypatch)
    assert "\n".join(text_of(name)).split("\n") == said()[name]


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as context:
        undrawn(context)
        SAID.write_text("".join("\n".join([TITLE + name, *text_of(name), ""]) for name in STUDIES), encoding="utf-8")
