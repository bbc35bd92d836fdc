"""Programs that are refused before anything runs, by an error that names them."""

import builtins
import itertools
import re
from dataclasses import dataclass

import pytest
from rich.console import Console

from evo.errors import InputError, NoPrediction
from evo.programs import Calls, Expected, Model, Role, expected_ledger
from experiments import Grid, ProgramCell, UntilPrecise, UntilSuccesses, predict, run_grid
from experiments.cli.predicting.forecast import show_forecast
from experiments.grids.parts import find_part
from experiments.predictions.forecast import forecast
from experiments.predictions.verdict import Verdict
from experiments.reports import ioh
from experiments.reports.report import report
from experiments.running.tasks import in_words
from problems.systems import FocusedDebugging


@dataclass(frozen=True)
class Coin:
    """One call, done right with probability p; expected with another chance if `believed` is given."""

    p: float = 0.5
    believed: float | None = None

    @property
    def roles(self):
        return (Role("qa", Model()),)

    def execute(self, desk, rng):
        desk.call("qa", 3, 2)
        return rng.random(desk.runs) < self.p

    def expected(self):
        done = self.p if self.believed is None else self.believed
        return Expected(expected_ledger(self.roles, [Calls("qa", 3, 2)]), exact_every_run=True, done=done)


@dataclass(frozen=True)
class Unsure(Coin):
    """The same with a chance alone."""

    expected = None

    @property
    def done(self):
        return self.p


def test_a_chance_that_is_none_is_told_by_the_program():
    cell = ProgramCell(Coin(believed=2.0))
    said = r"Coin\(.*believed=2.*\)\.expected: Expected: done must be a probability in \[0, 1\], got 2\.0"
    with pytest.raises(NoPrediction, match=said):
        predict(cell, "calls")


@dataclass(frozen=True)
class Breaks(Coin):
    """A coin whose expectation cannot be worked out."""

    how: str = "ZeroDivisionError"

    def expected(self):
        raise getattr(builtins, self.how)("no")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Coin(believed=2.0), "done must be a probability in [0, 1], got 2.0"),
        (Breaks(), "Breaks.expected raised ZeroDivisionError: no"),
        (Breaks(p=0.25, how="MemoryError"), "not enough memory to work out what it expects; lower its parameters"),
    ],
)
def test_an_expectation_that_is_none_costs_its_cell_alone(bad, said):
    good = [ProgramCell(Coin(p)) for p in (0.0, 1.0)]
    grid = Grid("g", [good[0], ProgramCell(bad), good[1]], runs=400, batch=400)
    first, told, last = report(run_grid(grid, workers=1)).check.cells
    assert (first.verdict, last.verdict) == (Verdict.AGREES, Verdict.AGREES)
    assert told.verdict is Verdict.CANNOT_TELL
    assert said in told.reason
    forecasts = forecast(grid)
    assert forecasts["spent"].notna().tolist() == [True, False, True]
    assert said in forecasts["note"].iloc[1]


def test_too_little_memory_names_the_largest_parameter():
    @dataclass(frozen=True)
    class Crowd(Coin):
        k: int = 10**9
        size: int = 3

        @property
        def roles(self):
            raise MemoryError

    with pytest.raises(InputError, match=r"Crowd: not enough memory for its roles; lower k = 1000000000$"):
        ProgramCell(Crowd())


def test_a_batch_that_needs_too_much_memory_names_the_largest_parameter():
    cell = ProgramCell(FocusedDebugging(k=10**9, l=10, b=5))
    assert in_words(MemoryError(), cell).startswith(
        "not enough memory for this batch; allow more, or lower k = 1000000000 or batch"
    )


def test_a_forecast_of_programs_speaks_of_their_tasks(capsys):
    cells = [ProgramCell(Coin(p)) for p in (0.25, 1.0)]
    table = forecast(Grid("g", cells, runs=10, batch=10))
    show_forecast(table, 10, 2, Console(width=100))
    said = " ".join(capsys.readouterr().out.split())
    for word in ("done right", "0.25", "20 runs: 20 calls", "chance that a program's task is not done right: 0.375"):
        assert word in said
    for word in ("lam", "hit", "censored", "budget", "about 0 s", "is not known"):
        assert word not in said


def test_roles_that_change_are_refused_when_the_cell_is_made():
    number = itertools.count(1)

    @dataclass(frozen=True)
    class Changing(Coin):
        @property
        def roles(self):
            return (Role("qa", Model(size=float(next(number)))),)

    with pytest.raises(InputError, match=r"expected the same roles whenever .*Changing\.roles is read"):
        ProgramCell(Changing())


@pytest.mark.parametrize("program", [Coin(0.6), Unsure(0.6), Coin(0.99), Coin(0.0)])
def test_a_rule_that_cannot_stop_a_program_is_refused(program):
    cell = ProgramCell(program)
    with pytest.raises(InputError, match=re.escape(f"{cell.text}: UntilPrecise asks for the mean of hit")):
        run_grid(Grid("g", [cell], runs=UntilPrecise(0.1, most=1000), batch=100), workers=1)


def test_a_rule_that_can_stop_a_program_is_not():
    sure = run_grid(Grid("g", [ProgramCell(Coin(1.0))], runs=UntilPrecise(0.1, most=1000), batch=100), workers=1)
    assert len(sure.runs) == 100
    tried = run_grid(Grid("g", [ProgramCell(Coin(0.6))], runs=UntilSuccesses(50, most=1000), batch=100), workers=1)
    assert 100 <= len(tried.runs) <= 200


def test_the_known_programs_are_programs():
    with pytest.raises(
        InputError, match="unknown program 'BlockOneMax', which is a problem; known: Generalist"
    ) as told:
        find_part("program", "BlockOneMax")
    assert str(told.value).endswith('; one of your own is named "module:Class"')
    assert not re.search("Model|Role|Catalogue", str(told.value))
    assert find_part("program", "Model") is Model  # it may stand inside a program


def test_programs_of_calls_have_no_fitness_to_export():
    results = run_grid(Grid("told", [ProgramCell(Coin())], runs=2, batch=2), workers=1)
    words = "--to ioh: expected cells that search, got a program of calls, which has no fitness; use --to csv or --to "
    with pytest.raises(InputError, match=f"^{words}parquet$"):
        ioh._places(results)
