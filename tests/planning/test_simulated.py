"""What no formula tells is simulated: near the exact numbers where there are some, marked, and left out on demand."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from evo import Latency, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk
from experiments import Cell, plan, predict
from experiments.cli.app import app
from experiments.planning import simulated
from experiments.planning.answer import answer, told_hangs
from experiments.planning.by_runs import _budget, with_runs, with_simulated_band
from experiments.planning.cautions import cautions
from experiments.planning.grid_file import grid_toml
from experiments.planning.numbers import Aim, Numbers, dearest_call, exact_numbers, with_band
from experiments.planning.seconds import seconds_of, seconds_of_runs
from experiments.planning.simulated import MOST, NotSimulatedError, Sample, Simulator
from experiments.running.simulation import simulate, simulate_traced
from operators import FixKeep
from problems import BlockOneMax

VALUES = {
    "operator.fix": {1: 0.4, 2: 0.3, 8: 0.15},
    "operator.keep": {1: 0.97, 2: 0.96, 8: 0.95},
    "operator.malformed": 0.08,
    "tokens.instructions": 500,
    "tokens.block": 50,
    "prices.prompt": 3e-6,
    "prices.generated": 15e-6,
    "seconds.fixed": 2.0,
    "seconds.per_generated_token": 0.01,
    "seconds.evaluation": 12.0,
}
Z = 5.3  # two-sided false-fail rate 1e-7 a comparison
NAMES = ("calls", "tokens", "money", "hours", "fitness", "reached")


def both(found, aim):
    """Pairs of exact and simulated numbers of each candidate that has both."""
    for each in found.ranked:
        exact = exact_numbers(each.candidate, aim)
        runs = with_runs(each.candidate, aim, Numbers(), Simulator())
        for name in NAMES:
            if exact.kind == "exact" and not math.isnan(getattr(exact, name)):
                yield (
                    f"{each.candidate}: {name}",
                    getattr(exact, name),
                    getattr(runs, name),
                    runs.error(name),
                    runs.runs,
                )


@pytest.mark.statistical
@pytest.mark.parametrize(
    "more", [{"calls": 25}, pytest.param({"budget": 0.06, "target": 6, "lam": (1, 3)}, marks=pytest.mark.slow)]
)
def test_simulated_numbers_are_those_of_the_formulas(more):
    """Some 30 comparisons at 1e-7 each. The twin: sums that are a tenth larger are found."""
    found = plan(k=8, values=VALUES, feedback="blocks", g=(1, 2), bands=0, exact=True, **more)
    compared = list(both(found, found.aim))
    assert len(compared) > 20
    assert [told for told, exact, mean, error, _ in compared if abs(mean - exact) > Z * error + 1e-12] == []
    money = [each for each in compared if each[0].endswith("money")]
    assert max(error / exact for _, exact, _, error, runs in money if runs < MOST) < 0.0115
    assert all(abs(mean - 1.1 * exact) > Z * error for _, exact, mean, error, _ in money)


@pytest.mark.statistical
def test_simulated_bands_are_those_of_the_formulas():
    """Quantiles of steps of one call: within the error, and a step; a band a tenth too high is found."""
    found = plan(k=8, values=VALUES, feedback="none", g=(1, 2), exact=True)
    for each in found.ranked:
        call = predict(each.candidate.cell, "cost").unit
        runs = with_simulated_band(each.candidate, found.aim, exact_numbers(each.candidate, found.aim), Simulator())
        assert runs.kind == "exact"  # its means are
        for name in ("low", "median", "high"):
            exact, value, error = getattr(each.numbers, name), getattr(runs, name), runs.error(name)
            assert abs(value - exact) < Z * error + call, (str(each.candidate), name)
        assert abs(runs.median - 1.2 * each.numbers.median) > Z * runs.error("median") + call


def test_the_errors_are_those_of_the_mean_and_of_ranks():
    sample = Sample(np.arange(1.0, 101.0))
    assert (sample.mean, sample.quantile(0.5), sample.quantile(0.9)) == (50.5, 50.0, 90.0)
    assert sample.error == pytest.approx(math.sqrt(101 * 100 / 12) / 10)
    assert sample.quantile_error(0.5) == 5.0  # ranks 45 and 55


def test_what_a_trace_says_was_spent_is_what_the_run_was_charged():
    """The last improvement is the hit: spent up to its generation is what the counts of the run say."""
    for schedule, lam in ((RoundRobin(g=3), 1), (UniformChunk(g=3), 4), (OnlyIncorrect(g=3), 2)):
        cell = Cell(BlockOneMax(k=8, l=50), FixKeep(0.4, 0.9), schedule, OnePlusLambda(lam=lam))
        counts, trace = simulate_traced(cell, 1, 0, 50)
        last = [np.flatnonzero(trace.run == run)[np.argmax(trace.fitness[trace.run == run])] for run in range(50)]
        columns = np.column_stack([counts.generations, counts.calls, counts.evaluations, counts.shortfalls])
        assert (trace.spent[last] == columns).all()
        assert (trace.spent[trace.call == 0] == 0).all()
        assert (columns != simulate(cell, 2, 0, 50).generations[:, None]).any()  # the twin: other runs


def test_a_target_with_a_shorter_chunk_is_simulated_on_the_way():
    """Under RoundRobin the chunk of a generation is known by its number: 3, 3, 2 blocks and so on."""
    cell = Cell(BlockOneMax(k=8, l=50), FixKeep(0.4, 0.9), RoundRobin(g=3), OnePlusLambda())
    spent = Simulator().until(cell, 6)
    assert (spent.short == spent.counts[:, 0] // 3).all()
    assert (spent.calls.values == spent.counts[:, 0]).all()
    written = 150 * spent.calls.values - 50 * spent.short
    read = written  # no instructions: a call reads its chunk
    assert (spent.tokens.values == written + read).all()


def spent_by(cell, budget, size=200):
    limited = Cell(cell.problem, cell.mutator, cell.schedule, cell.runner, cell.prompt, cell.cost, budget)
    counts = simulate(limited, 1, 0, size)
    return cell.tokens.ledger(counts.calls, counts.evaluations, counts.shortfalls) @ cell.weights, counts.hit < 0


def test_a_generation_begins_while_what_is_left_pays_a_call():
    found = plan(k=8, values=VALUES, g=(3,), feedback="none", schedules=("UniformChunk",), budget=0.05, lam=(1, 4))
    for each in found.ranked:
        assert each.numbers.kind == "simulated"
        cell = each.candidate.cell
        budget, most = _budget(cell, Aim(money=0.05))
        call, lam = dearest_call(cell), cell.runner.lam
        spent, stopped = spent_by(cell, budget)
        assert stopped.any()
        if lam == 1:  # the last call counts if it is paid: more than the money is one call more
            assert most == pytest.approx(0.05)
            assert (spent > most).any()
            assert (spent[spent > most] - call <= most).all()
        else:  # a generation of 4 calls was begun with one of them paid
            assert math.isinf(most)
            assert (spent <= 0.05 + 3 * call + 1e-9).all()
            assert (spent[stopped] + call > 0.05).all()


@pytest.mark.statistical
def test_what_a_budget_of_money_buys_is_what_the_formula_says():
    """Chunks of 3, 3 and 2 blocks in turn, of which the law is known: 5.3 standard errors, false-fail rate 1e-7."""
    (each,) = plan(k=8, values=VALUES, g=(3,), feedback="none", schedules=("RoundRobin",), budget=0.05).ranked
    assert each.numbers.kind == "exact"
    budget, most = _budget(each.candidate.cell, Aim(money=0.05))
    sample = Simulator().at_budget(each.candidate.cell, budget, most, None)
    assert abs(sample.mean - each.numbers.fitness) < Z * sample.error
    beyond = Simulator().at_budget(each.candidate.cell, budget, math.inf, None)  # the twin: a call that is not paid
    assert beyond.mean - each.numbers.fitness > Z * beyond.error


@pytest.mark.statistical
def test_hours_of_runs_are_those_of_formulas():
    latency = Latency(fixed=1.0, per_generated_token=0.01, tail=0.8, evaluation=2.0)
    for schedule, lam, workers in ((RoundRobin(g=3), 1, 1), (RoundRobin(g=3), 4, 4), (UniformChunk(g=2), 3, 2)):
        cell = Cell(BlockOneMax(k=8, l=50), FixKeep(0.4, 0.9), schedule, OnePlusLambda(lam=lam))
        exact, _ = seconds_of(cell, latency, workers)
        mean, error, kind = seconds_of_runs(Simulator().until(cell, None), latency, workers)
        assert kind == "simulated"
        assert abs(mean - exact) < Z * error
        assert abs(mean - 1.1 * exact) > Z * error  # the twin


def test_runs_that_do_not_end_tell_no_mean(monkeypatch):
    cell = Cell(BlockOneMax(k=8, l=50), FixKeep(0.4, 0.9), RoundRobin(g=3), OnePlusLambda())
    monkeypatch.setattr(simulated, "A_RUN", 30)
    with pytest.raises(NotSimulatedError, match=r"not simulated: \d+ of 64 runs had not ended after 30 calls"):
        Simulator().until(cell, None)
    found = plan(k=8, values=VALUES, g=(1,), votes=(2,), schedules=("RoundRobin", "UntilResolved"), bands=0)
    assert [each.numbers.kind for each in found.ranked if each.candidate.votes > 1][-1] == "none"


def test_a_plan_stops_simulating_when_it_has_made_enough(monkeypatch):
    monkeypatch.setattr(simulated, "A_PLAN", 200_000)
    found = plan(k=8, values=VALUES, g=(3, 5, 6, 7), feedback="none", budget=0.05, lam=(1, 2))
    notes = [each.numbers.note for each in found.ranked if math.isnan(each.numbers.fitness)]
    assert notes
    assert all("the candidates before it took 200,000 simulated calls; give fewer" in note for note in notes)


def test_the_same_plan_has_the_same_numbers():
    one, other = (plan(k=8, values=VALUES, g=(3,), feedback="none", budget=0.05).table for _ in range(2))
    assert one.equals(other)


OPTIONS = """plan --k 8 --l 50 --fix 1=.4,2=.3,8=.15 --keep 1=.97,2=.96,8=.95 --operator malformed=.08 --unit $
--tokens instructions=500 --prices prompt=3,generated=15 --per 1e6 --g 2,3 --feedback none --budget 0.05
--schedules UniformChunk""".split()  # noqa: SIM905  # as it is typed


def told(*more):
    result = CliRunner().invoke(app, [*OPTIONS, *more], env={"COLUMNS": "80", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


def test_what_is_simulated_is_marked_everywhere(tmp_path):
    text = told("--toml", str(tmp_path / "grid.toml"))
    assert max(len(line) for line in text.splitlines()) <= 80
    rows = [[word.strip() for word in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    assert {row[1]: row[3].startswith("~") for row in rows} == {"2": False, "3": True}
    assert {row[1]: row[5] != "-" for row in rows} == {"2": False, "3": True}  # the column of standard errors
    words = " ".join(text.split())
    assert "1 candidate is simulated (no formula tells their fitness), standard errors up to" in words
    rows = json.loads(told("--json"))["candidates"]
    assert {(row["g"], row["kind"], "fitness" in row["errors"], row["error"] is not None) for row in rows} == {
        (2, "exact", False, False), (3, "simulated", True, True)
    }  # fmt: skip
    assert (tmp_path / "grid.toml").read_text().count("# simulated by the plan (") == 1


def test_exact_leaves_out_what_is_simulated(tmp_path):
    exact = json.loads(told("--exact", "--json"))
    assert {row["g"] for row in exact["candidates"] if row["fitness"] is not None} == {2}
    assert not any("simulated" in note for note in exact["notes"])
    found = plan(k=8, values=VALUES, g=(3,), feedback="none", target=6, exact=False, bands=0)
    assert "# simulated by the plan" in grid_toml(found, found.ranked[:2])


def test_a_simulated_choice_says_so():
    found = plan(k=8, values=VALUES, g=(3,), feedback="none", target=6)
    assert found.simulated(found.best)
    assert f"+- {found.best.numbers.error('money'):.2g} ({found.best.numbers.runs:,} simulated runs)" in answer(found)
    assert "simulated (no formula tells their money)" in " ".join(cautions(found))
    exact = plan(k=8, values=VALUES, g=(2,), feedback="none", target=6)
    assert not any("simulated" in told for told in cautions(exact))


@pytest.mark.slow
@pytest.mark.statistical
def test_a_simulated_choice_is_moved_too():
    """A call on 3 of 8 blocks that gets much better or worse changes which of two shorter last chunks is chosen.

    What flips is better by two standard errors there; the twin: plans made again at that end have the other choice,
    and at the value itself the same.
    """
    interval = {"operator.interval.fix": {1: (0.3, 0.5), 2: (0.2, 0.4), 8: (0.02, 0.6)}}
    asked = {"g": (3, 5), "feedback": "none", "target": 6, "schedules": ("UniformChunk",)}
    found = plan(k=8, values=VALUES | interval, **asked)
    assert found.simulated(found.best)
    assert found.hangs
    assert all(hang.simulated for hang in found.hangs)
    (hang,) = [each for each in found.hangs if (each.key, each.g) == ("operator.fix", 8)]
    assert hang.inside
    end = hang.high if hang.flip > hang.value else hang.low
    then = plan(k=8, values=VALUES | {"operator.fix": VALUES["operator.fix"] | {8: end}}, **asked)
    assert str(then.best.candidate) == hang.to != str(found.best.candidate)
    (told,) = [each for each in told_hangs(found) if "fix at g = 8" in each]
    assert "at about" in told
    quiet = [each for each in found.hangs if math.isnan(each.flip)]
    assert quiet
    assert all(not each.inside and each.pilot is None for each in quiet)


def test_bands_where_calls_differ_in_price_and_with_votes():
    found = plan(
        k=8, values=VALUES, g=(1, 3), votes=(1, 2), schedules=("UntilResolved", "OnlyIncorrect"), feedback="blocks"
    )
    for each in found.ranked:
        numbers = each.numbers
        assert numbers.low < numbers.median < numbers.high
        known = with_band(each.candidate, found.aim, exact_numbers(each.candidate, found.aim))
        assert math.isnan(known.low) == (not math.isnan(numbers.error("low")))
    assert any(math.isnan(each.numbers.error("low")) for each in found.ranked)
