"""What the check of a program says it found, or would have found."""

from dataclasses import dataclass
from io import StringIO

import pytest

from evo.programs import Calls, Expected, Model, Role, expected_ledger
from experiments import Grid, ProgramCell, check, run_grid
from experiments.predictions.verdict import Verdict
from experiments.reports.printing import PlainConsole
from experiments.reports.report import report
from experiments.reports.terminal import show_report


@dataclass(frozen=True)
class Twice:
    """A call, another w.p. 1/2; each reads n tokens, expected n + off; right w.p. p, expected `believed`."""

    p: float = 0.5
    believed: float = 0.5
    n: int = 100
    off: int = 0

    @property
    def roles(self):
        return (Role("qa", Model()),)

    def execute(self, desk, rng):
        desk.call("qa", self.n, 2)
        desk.call("qa", self.n, 2, where=rng.random(desk.runs) < 0.5)
        return rng.random(desk.runs) < self.p

    def expected(self):
        ledger = expected_ledger(self.roles, [Calls("qa", self.n + self.off, 2, 1.5)])
        return Expected(ledger, exact_every_run=False, done=self.believed)


def results_of(program, runs=4000):
    return run_grid(Grid("g", [ProgramCell(program)], runs=runs, batch=1000), workers=1)


def shown(results):
    stream = StringIO()
    show_report(report(results), PlainConsole(file=stream, width=100))
    return " ".join(stream.getvalue().split())


def test_agrees_says_which_error_of_a_mean_would_have_been_found():
    """1.5 calls of sd 1/2: e = 1/3. One token of 100, 2 % of the squares at most, passes; 15 % differ."""
    (cell,) = check(results_of(Twice(), runs=2000)).cells
    assert cell.verdict is Verdict.AGREES
    told = float(cell.reason.removeprefix("a mean off by ").partition(" %")[0])
    assert told == pytest.approx(100 * (1 / 3) * (1.645 + 4.4) / 2000**0.5, rel=0.1)  # z of 1e-3 over some 100 tests
    assert check(results_of(Twice(off=1), runs=2000)).cells[0].verdict is Verdict.AGREES
    (wrong,) = check(results_of(Twice(off=7), runs=2000)).cells
    assert wrong.verdict is Verdict.DIFFERS


def test_the_share_that_is_wrong_is_marked_and_not_the_cost():
    text = shown(results_of(Twice(believed=0.6)))
    assert "✗ (0.6)" in text
    assert text.count("✗") == 2  # in the table and below it
    assert "0.6" not in shown(results_of(Twice())).partition("Check")[0]


def test_a_cost_that_is_wrong_is_marked_and_not_the_share():
    text = shown(results_of(Twice(off=50))).partition("Check")[0]
    assert text.count("✗") == 1
    assert "(0.5)" in text
    assert "✗ (0.5)" not in text


def test_a_share_that_must_be_one_is_marked():
    text = shown(results_of(Twice(p=0.9, believed=1.0))).partition("Check")[0]
    assert "✗ (1)" in text
    assert text.count("✗") == 1
