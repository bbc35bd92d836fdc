"""Seconds of programs of calls: predictions beside a clock that each call of an execution moves on."""

import math
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo import Latency, NoPrediction
from evo.conformance import check_part
from evo.errors import InputError
from evo.programs import Calls, Desk, Expected, Model, Role, expected_ledger
from experiments import Grid, ProgramCell, check, predict, run_grid
from experiments.checks.programs import mean_p_value
from experiments.predictions.verdict import Verdict
from experiments.reports.waiting import timed, waiting
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

RUNS = 4000
FALSE_FAIL = 1e-6
LATENCY = Latency(fixed=0.5, per_prompt_token=0.01, per_generated_token=0.25)


class Clock(Desk):
    """A desk with a clock for each run: calls in turn add up, of calls together the slowest counts.

    Latencies are drawn call by call.
    """

    def __init__(self, roles, runs, latency, seed=1):
        super().__init__(roles, runs)
        self.latency, self.rng = latency, np.random.default_rng(seed)
        self.seconds, self.slowest, self.inside = np.zeros(runs), np.zeros(runs), False

    def call(self, role, prompt, writes, *, where=None, times=1, **kinds):
        super().call(role, prompt, writes, where=where, times=times, **kinds)
        of = self.latency[role] if isinstance(self.latency, dict) else self.latency
        each = of.fixed + of.per_prompt_token * np.asarray(prompt) + of.per_generated_token * np.asarray(writes)
        number = np.broadcast_to(times, (self.runs,)) * (True if where is None else where) * self.running
        for run in np.flatnonzero(number):
            factors = of.factors(int(number[run]), self.rng)
            seconds = float(np.broadcast_to(each, (self.runs,))[run]) * factors
            if self.inside:
                self.slowest[run] = max(self.slowest[run], seconds.max())
            else:
                self.seconds[run] += seconds.sum()

    @contextmanager
    def together(self, steps=1):
        self.inside, self.slowest = True, np.zeros(self.runs)
        with super().together(steps):
            yield
        self.inside = False
        self.seconds += self.slowest * steps


def seconds_of(program, latency=LATENCY, runs=RUNS):
    desk = Clock(program.roles, runs, latency)
    program.execute(desk, np.random.default_rng(7))
    return desk.seconds


CERTAIN = [
    Generalist(k=3, n=5, votes=3),
    Generalist(k=3, n=5, context=2),
    Routing(k=3, n=5, h=2, votes_d=3, votes_s=5),
    Routing(k=3, n=5, h=2, nowhere=1.0, attempts=4),
    NaiveDebugging(k=5, l=2, b=3, u=2, head=4, rounds=4, votes=3, cache=True),
    NaiveDebugging(k=5, l=2, b=3, context=34),
    FocusedDebugging(k=5, l=2, b=3, u=2, tries=2, votes=3, cut=4),
    FocusedDebugging(k=5, l=2, b=3, at_once=True, tries=3, votes=3),
    FocusedDebugging(k=5, l=2, b=3, memory=2, head=3, cache=True),
    FocusedDebugging(k=5, l=2, b=3, context=4),
    WholeDrafts(k=4, l=3, rounds=2),
    BySections(k=4, l=3, o=2, rounds=3),
    Debate(agents=3, rounds=2, u=2),
    SummarisedDebate(agents=3, rounds=2, u=2, s=2, keep=0.5),
    OneCallSort(n=8, d=3),
    KnockOut(n=9, d=3, e=0.2),
    KnockOut(n=1, d=3),
    MergeSort(n=2, d=3, e=0.2),
    ReadThenSort(n=2, d=3, v=40),
]
DRAWN = [
    Routing(k=3, n=5, h=2, serves=(1, 2), wrong=0.3, nowhere=0.2, seen=0.5, attempts=3, votes_d=3),
    NaiveDebugging(k=6, l=2, b=3, miss=0.2, alarm=0.1, fix=0.6, keep=0.9, rounds=6, votes=3),
    FocusedDebugging(k=6, l=2, b=3, miss=0.2, alarm=0.1, fix=0.6, keep=0.9, tries=3, votes=3, memory=2),
    FocusedDebugging(k=6, l=2, b=3, miss=0.3, alarm=0.1, fix=0.6, keep=0.9, tries=3, at_once=True),
    FocusedDebugging(k=6, l=2, b=3, miss=0.1, fix=0.4, fix_end=0.9, tries=3),
    BySections(k=4, l=3, o=2, rounds=3, right=0.4),
    MergeSort(n=3, d=3, e=0.2, ahead=2),
    MergeSort(n=12, d=3),
    MergeSort(n=12, d=3, e=0.5),
    ReadThenSort(n=9, d=3, v=40),
]


@pytest.mark.parametrize("program", CERTAIN, ids=str)
def test_seconds_that_are_certain_are_those_of_each_run(program):
    seconds = seconds_of(program, runs=5)
    known = predict(ProgramCell(program), "seconds", latency=LATENCY)
    assert known.mean == pytest.approx(seconds[0], rel=1e-12)
    assert np.ptp(seconds) == 0
    assert known.variance == 0.0
    assert known.quantile(0.5) == known.mean
    one, ledger = predict(ProgramCell(program), "seconds", latency=LATENCY, workers=1), program.expected().ledger
    calls, prompts, written = ledger[:, [0, 2, 3]].sum(axis=0)
    assert one.mean == pytest.approx(0.5 * calls + 0.01 * prompts + 0.25 * written)


@pytest.mark.statistical
@pytest.mark.parametrize("program", DRAWN, ids=str)
def test_mean_seconds_are_those_of_runs(program):
    """False-fail rate 1e-6 each; a mean off by 5 % is found."""
    seconds, known = seconds_of(program), predict(ProgramCell(program), "seconds", latency=LATENCY)
    assert mean_p_value(seconds, known.mean) > FALSE_FAIL
    assert mean_p_value(seconds, 1.05 * known.mean) < FALSE_FAIL
    with pytest.raises(NoPrediction, match="how many calls"):
        known.quantile(0.5)


@pytest.mark.statistical
@pytest.mark.parametrize(
    "program",
    [
        Generalist(k=3, n=5, votes=5),
        Routing(k=3, n=5, h=2, wrong=0.3, nowhere=0.2, seen=0.5, attempts=3, votes_d=3),
        NaiveDebugging(k=5, l=2, b=3, votes=3),
        SummarisedDebate(agents=4, rounds=2, u=2, s=2),
    ],
    ids=str,
)
def test_a_step_waits_for_its_slowest_call(program):
    """False-fail rate 1e-6 each; 4,000 runs find that the slowest of several lognormal calls is taken for any."""
    latency = {role.name: Latency(1.0, per_prompt_token=0.01, tail=0.7) for role in program.roles}
    seconds, known = seconds_of(program, latency), predict(ProgramCell(program), "seconds", latency=latency)
    plain = {name: replace(each, tail=0.0) for name, each in latency.items()}
    assert mean_p_value(seconds, known.mean) > FALSE_FAIL
    assert mean_p_value(seconds, predict(ProgramCell(program), "seconds", latency=plain).mean) < FALSE_FAIL
    if program.expected().exact_every_run:
        assert seconds.var(ddof=1) == pytest.approx(known.variance, rel=0.25)  # heavy tails: a rough comparison
        assert known.variance > 0


def test_roles_have_latencies_of_their_own():
    cell = ProgramCell(Routing(k=3, n=50, h=20, o=5))
    of = {"delegator": Latency(fixed=1.0), "specialist": Latency(per_prompt_token=0.1, per_generated_token=2.0)}
    assert predict(cell, "seconds", latency=of).mean == pytest.approx(1 + 50 * 0.1 + 5 * 2)
    for wrong in ({"delegator": Latency()}, of | {"qa": Latency()}, None, 3.0, {**of, "specialist": 2.0}):
        with pytest.raises(InputError, match=r"one for each role \(delegator, specialist\)"):
            predict(cell, "seconds", latency=wrong)
    with pytest.raises(InputError, match="latency, workers; got calls"):
        predict(cell, "seconds", latency=of, calls=3)


def test_evaluations_take_their_time():
    cell, latency = ProgramCell(BySections(k=4, l=3, o=2, right=0.4)), Latency(fixed=1.0, evaluation=10.0)
    assert predict(cell, "seconds", latency=latency).mean == pytest.approx(2.5 * 11 + 1)  # 1/0.4 outlines, one round
    assert predict(cell, "seconds", latency=latency, workers=1).mean == pytest.approx(2.5 * 11 + 4)


def test_a_few_workers_take_turns():
    cell, latency = ProgramCell(Generalist(k=3, n=5, votes=7)), Latency(fixed=1.0)
    taken = [predict(cell, "seconds", latency=latency, workers=w).mean for w in (1, 2, 3, 6, 7, 8, None)]
    assert taken == [7, 4, 3, 2, 1, 1, 1]
    with pytest.raises(NoPrediction, match="when 3 workers are through with 7 calls"):
        predict(cell, "seconds", latency=Latency(1.0, tail=1.0), workers=3)
    one = predict(cell, "seconds", latency=Latency(1.0, tail=1.0), workers=1)
    assert (one.mean, one.variance) == (pytest.approx(7), pytest.approx(7 * (math.e - 1)))


@pytest.mark.parametrize(
    ("program", "workers", "said"),
    [
        (MergeSort(n=12, d=3), None, "tail=0 alone"),  # merges are chains, side by side
        (KnockOut(n=9, d=3, e=0.2, ahead=3), None, "which calls of a run are made at the same time"),
        (MergeSort(n=12, d=3), 2, "which calls of a run are made at the same time"),
        (MergeSort(n=16, d=3, e=0.2), 1, "n <= 10"),
    ],
)
def test_what_is_not_known_is_refused(program, workers, said):
    with pytest.raises(NoPrediction, match=said):
        predict(ProgramCell(program), "seconds", latency=Latency(1.0, tail=0.5), workers=workers)


@dataclass(frozen=True)
class Pair:
    """Two calls of one role, at the same time or not, and what is said of that."""

    together: bool
    at_once: int | None = None

    @property
    def roles(self):
        return (Role("qa", Model()),)

    def execute(self, desk, rng):
        for _ in range(1 if self.together else 2):
            with desk.together():
                desk.call("qa", 3, 2, times=2 if self.together else 1)
        return rng.random(desk.runs) < 2

    def expected(self):
        calls = [Calls("qa", 3, 2, 2, at_once=self.at_once or 1)]
        return Expected(expected_ledger(self.roles, calls), True, waits=calls if self.at_once else None)


def test_what_is_waited_for_is_checked_by_the_steps_of_runs():
    cells = [ProgramCell(Pair(together, at_once)) for together in (True, False) for at_once in (1, 2)]
    found = check(run_grid(Grid("g", cells, runs=5, batch=5), workers=1)).cells
    right, wrong = Verdict.AGREES, Verdict.DIFFERS
    assert [each.verdict for each in found] == [wrong, right, right, wrong]
    with pytest.raises(NoPrediction, match=r"does not say it \(`Expected\(waits=\)`\)"):
        predict(ProgramCell(Pair(together=True)), "seconds", latency=LATENCY)
    with pytest.raises(InputError, match="waits come to 2 steps, got steps = 1"):
        Expected(np.zeros((1, 8), dtype=int), True, steps=1, waits=[Calls("qa", 3, 2, 2)])


@dataclass(frozen=True)
class Rounds:
    """Rounds of two calls at the same time, until one of them is right, and what is said of that."""

    at_once: int = 2

    @property
    def roles(self):
        return (Role("qa", Model()),)

    def execute(self, desk, rng):
        going = np.ones(desk.runs, dtype=bool)
        while going.any():
            with desk.together():
                desk.call("qa", 3, 2, times=2, where=going)
            going &= rng.random(desk.runs) < 0.5
        return ~going

    def expected(self):
        calls = [Calls("qa", 3, 2, 4.0, at_once=self.at_once)]
        return Expected(expected_ledger(self.roles, calls), False, waits=calls)


def test_steps_of_a_ledger_that_varies_are_checked_in_the_mean():
    assert not [each for each in check_part(Rounds()) if each.passed is False]
    (failed,) = [each for each in check_part(Rounds(at_once=1)) if each.passed is False]
    assert re.search(r"mean steps of 20,000 runs are .*, expected\(\) says 4 by what it waits for", failed.message)
    right, wrong = check(
        run_grid(Grid("g", [ProgramCell(Rounds(n)) for n in (2, 1)], runs=1000, batch=1000), workers=1)
    ).cells
    assert (right.verdict, wrong.verdict) == (Verdict.AGREES, Verdict.DIFFERS)
    assert "mean generations" in wrong.reason


def test_the_table_of_waiting_times_has_programs():
    """The mean of 400 runs is within five of its standard errors, 6e-7; fixed seed."""
    cells = [ProgramCell(NaiveDebugging(k=4, l=2, b=2, miss=0.3)), ProgramCell(Generalist(k=3, n=5, votes=3))]
    results = run_grid(Grid("g", cells, runs=400, batch=400), workers=1)
    beside, alone = (waiting(results, workers, LATENCY).to_dict("records") for workers in (None, 1))
    for rows in (beside, alone):
        error = timed(results, None, LATENCY)["makespan"][:400].std() / 20
        assert rows[0]["censored"] == 0  # though some tasks were not done: a program ends by itself
        assert 0.2 < results.runs["hit"].isna().mean() < 0.8
        assert 0 < abs(rows[0]["makespan"] - rows[0]["makespan_predicted"]) < 5 * error
        assert rows[0]["note"] == ""
    assert alone[1]["makespan"] == pytest.approx(3 * beside[1]["makespan_predicted"])
    assert alone[1]["makespan_predicted"] == pytest.approx(3 * beside[1]["makespan_predicted"])
    assert math.isnan(beside[1]["makespan"])
    assert "no seconds of single runs" in beside[1]["note"]
