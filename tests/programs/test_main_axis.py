"""Laws and figure of a report on programs are along k, or along the only number of theirs that varies."""

from dataclasses import dataclass

import pytest

from evo.programs import Calls, Expected, Model, Role, expected_ledger
from experiments import Grid, ProgramCell, run_grid
from experiments.fits.along import main_axis
from experiments.reports.files import _growth_of
from experiments.reports.report import report


@dataclass(frozen=True)
class Readers:
    """k calls that read n tokens and write one."""

    k: int = 4
    n: int = 100
    size: float = 1.0

    @property
    def roles(self):
        return (Role("qa", Model(size=self.size)),)

    def execute(self, desk, rng):
        desk.call("qa", self.n, 1, times=self.k)
        return rng.random(desk.runs) < 2

    def expected(self):
        return Expected(expected_ledger(self.roles, [Calls("qa", self.n, 1, self.k)]), exact_every_run=True)


def results_of(*programs):
    return run_grid(Grid("g", list(map(ProgramCell, programs)), runs=2, batch=2), workers=1)


def test_the_only_number_that_varies_is_the_axis():
    made = report(results_of(*(Readers(n=n) for n in (100, 200, 400, 800))))
    (law,) = made.fits.best
    assert (law.along, law.form.name, law["A"].value) == ("n", "linear", pytest.approx(4))
    axes = _growth_of(made).axes[0]
    assert axes.get_xlabel() == "n"
    assert axes.lines[0].get_xdata().tolist()[:1] == [100]


@pytest.mark.parametrize(
    ("programs", "axis"),
    [
        ([Readers(k=k, n=100 * k) for k in (1, 2, 3)], "k"),
        ([Readers(k=4, n=n, size=n) for n in (1, 2, 3)], "n"),  # two that move together: the first
        ([Readers(n=n, size=size) for n in (1, 2) for size in (1, 2, 4)], "size"),  # the longer series
        # and not the one with more values
        ([Readers(n=n, size=size) for n, size in ((1, 5), (2, 5), (3, 5), (1, 6), (2, 7), (3, 8))], "n"),
        ([Readers(n=2), *(Readers(n=1, size=size) for size in (1, 2, 3))], "size"),  # the longest, beside a single cell
        ([Readers(size=size) for size in (1, 2, 3)], "size"),
        ([Readers()], "k"),
    ],
)
def test_otherwise_it_is_k(programs, axis):
    assert main_axis(results_of(*programs).cells) == axis
