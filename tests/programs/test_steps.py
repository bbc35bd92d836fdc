"""Steps made one after the other (Section 5.2): what programs expect, against runs and a count by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo.conformance import check_part
from evo.errors import InputError, NoPrediction
from evo.programs import Calls, Expected, Model, Role, expected_ledger
from evo.programs.execute import run_program
from experiments import Grid, ProgramCell, check, predict, run_grid
from experiments.predictions.verdict import Verdict
from problems.systems import (
    BySections,
    Debate,
    FocusedDebugging,
    Generalist,
    KnockOut,
    MergeSort,
    NaiveDebugging,
    OneCallSort,
    ReadThenSort,
    Routing,
    SummarisedDebate,
    WholeDrafts,
)

SYSTEMS = [
    (Debate(2, 2, 3, m=5.0), {"agent": 5.0}),
    (SummarisedDebate(2, 2, 3, 4, m=5.0, m_s=7.0), {"agent": 5.0, "summariser": 7.0}),
    (NaiveDebugging(3, 2, 1, m_q=5.0, m_d=7.0), {"qa": 5.0, "debugger": 7.0}),
    (FocusedDebugging(3, 2, 1, m_q=5.0, m_d=7.0), {"qa": 5.0, "debugger": 7.0}),
    (FocusedDebugging(3, 2, 1, cut=4, m_q=5.0, m_d=7.0, m_c=11.0), {"qa": 5.0, "debugger": 7.0, "cutter": 11.0}),
    (Generalist(k=9, n=4, m_s=5.0, x=0.5), {"generalist": 15.0}),
    (Routing(9, 4, 2, m_s=5.0, x=0.5), {"delegator": 15.0, "specialist": 5.0}),
    (Routing(9, 4, 2, m_s=5.0, m_d=7.0, x=0.5, serves=(9,)), {"delegator": 7.0, "specialist": 15.0}),
    (KnockOut(3, 2, m=5.0), {"comparator": 5.0}),
    (MergeSort(3, 2, m=5.0), {"comparator": 5.0}),
    (ReadThenSort(3, 2, m=5.0, m_r=7.0), {"comparator": 5.0, "reader": 7.0}),
    (OneCallSort(3, 2, m=5.0), {"sorter": 5.0}),
    (WholeDrafts(3, 2, m=5.0), {"writer": 5.0}),
    (BySections(3, 2, 1, m=5.0, m_o=7.0), {"writer": 5.0, "planner": 7.0}),
]


@pytest.mark.parametrize(("system", "sizes"), SYSTEMS)
def test_each_role_is_of_its_own_size(system, sizes):
    assert {role.name: role.model.size for role in system.roles} == sizes


@pytest.mark.parametrize(
    "system", [NaiveDebugging(3, 2, 1), FocusedDebugging(3, 2, 1, cut=4), Generalist(9, 4), Routing(9, 4, 2)]
)
def test_the_context_is_that_of_each_role(system):
    assert {role.model.context for role in replace(system, context=50).roles} == {50}


BY_HAND = {
    Generalist(k=3, n=5, votes=3): 1,  # votes are asked at the same time
    Generalist(k=3, n=5, context=2): 0,
    Routing(k=3, n=5, h=2): 2,
    Routing(k=3, n=5, h=2, votes_d=3, votes_s=5): 2,
    Routing(k=3, n=5, h=2, nowhere=1.0, attempts=4): 4,
    Routing(k=3, n=5, h=4, context=4): 0,
    NaiveDebugging(k=5, l=2, b=3): 6,  # look, repair, three times
    NaiveDebugging(k=5, l=2, b=3, rounds=4, votes=3): 7,  # and a last look
    NaiveDebugging(k=5, l=2, b=3, context=34): 5,  # 11 tokens a round more: the third repair, of 43, is too long
    FocusedDebugging(k=5, l=2, b=3): 8,
    FocusedDebugging(k=5, l=2, b=3, at_once=True): 2,
    FocusedDebugging(k=5, l=2, b=3, at_once=True, tries=2, votes=3): 3,  # repaired functions are looked at again
    FocusedDebugging(k=5, l=2, b=0, at_once=True): 1,
    FocusedDebugging(k=5, l=2, b=3, cut=4): 9,
    FocusedDebugging(k=5, l=2, b=3, memory=2): 8,
    WholeDrafts(k=4, l=3, rounds=2): 2,
    BySections(k=4, l=3, o=2, rounds=3): 4,
    Debate(agents=3, rounds=2, u=2): 6,
    SummarisedDebate(agents=3, rounds=2, u=2, s=2): 4,
    OneCallSort(n=8, d=3): 1,
    KnockOut(n=1, d=3): 0,
    KnockOut(n=9, d=3): 4,
    KnockOut(n=8, d=3, ahead=2): 6,
}


@pytest.mark.parametrize("program", BY_HAND, ids=str)
def test_steps_are_those_that_are_counted_by_hand_and_made(program):
    steps = BY_HAND[program]
    assert run_program(program, 20, np.random.default_rng(1)).depth.tolist() == [steps] * 20
    assert program.expected().steps == steps
    known = predict(ProgramCell(program), "generations")
    assert (known.mean, known.variance) == (steps, 0)


@pytest.mark.parametrize(
    "program", [Routing(k=3, n=5, h=2, nowhere=0.5, attempts=2), NaiveDebugging(5, 2, 3, miss=0.1)]
)
def test_of_steps_that_differ_from_run_to_run_the_mean_is_known(program):
    assert program.expected().steps is None
    cell = ProgramCell(program)
    mean = run_program(program, 20_000, np.random.default_rng(1)).depth.mean()
    assert predict(cell, "generations").mean == pytest.approx(mean, rel=0.02)
    with pytest.raises(NoPrediction, match="only the mean"):
        predict(cell, "generations").quantile(0.5)


def test_steps_of_sums_side_by_side_are_refused():
    for program in (KnockOut(n=9, d=3, e=0.1, ahead=2), MergeSort(n=4, d=3, e=0.1)):
        with pytest.raises(NoPrediction, match="the number of steps is not predicted"):
            predict(ProgramCell(program), "generations")


@dataclass(frozen=True)
class Chain:
    """Calls one after the other, expected to take `said` steps."""

    k: int = 4
    said: int = 4

    @property
    def roles(self):
        return (Role("qa", Model()),)

    def execute(self, desk, rng):
        desk.call("qa", 3, 2, times=self.k)
        return rng.random(desk.runs) < 2

    def expected(self):
        return Expected(expected_ledger(self.roles, [Calls("qa", 3, 2, self.k)]), True, steps=self.said)


def test_a_step_too_many_differs():
    cells = [ProgramCell(Chain()), ProgramCell(Chain(said=5))]
    right, wrong = check(run_grid(Grid("g", cells, runs=5, batch=5), workers=1)).cells
    assert (right.verdict, wrong.verdict) == (Verdict.AGREES, Verdict.DIFFERS)
    assert "generations of batch 0, run 0 is 4, expected 5 in every run (off by -1)" in wrong.reason
    messages = [result.message for result in check_part(Chain(said=5))]
    assert any("a run makes 4 steps, expected() says 5 in every run" in message for message in messages)
    assert not any("steps, expected" in result.message for result in check_part(Chain()))


def test_steps_of_a_ledger_that_varies_are_refused():
    with pytest.raises(InputError, match="got steps = 3 without exact_every_run"):
        Expected(np.zeros((1, 8)), exact_every_run=False, steps=3)


@pytest.mark.parametrize(
    ("going", "times", "at_once"),
    [
        ([(2, 1.0), (4, 0.0)], 6, 6),
        ([(4, 0.0)], 0, 1),
        ([(2, 1.0), (1, 0.5)], 1.0, None),
        ([(2, 0.5), (1, 0.2)], 1 - 0.5**2 * 0.8, None),
    ],
)
def test_calls_of_a_step_are_counted_where_all_functions_are_sure_and_else_the_step(going, times, at_once):
    """Three votes on each function that is still looked at; of functions that may be, the chance that one is."""
    step = FocusedDebugging(k=5, l=2, b=3)._together(going, Calls("qa", 10, 1), votes=3)
    assert step.times == pytest.approx(times)
    assert step.at_once == at_once
