"""Programs that are refused before anything runs, by an error that names them."""

import itertools
import re
from dataclasses import dataclass

import pytest

from evo.errors import InputError
from evo.programs import Calls, Expected, Model, Role, expected_ledger
from experiments import Grid, ProgramCell, UntilPrecise, UntilSuccesses, predict, run_grid
from experiments.grids.parts import find_part


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
    with pytest.raises(InputError, match=said):
        predict(cell, "calls")


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
