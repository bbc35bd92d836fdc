"""The engine `law`: the same runs in law as those of `blocks`, budgets, refusals, and that it is no evidence."""

import math
import secrets
from dataclasses import dataclass, replace

import numpy as np
import pytest
from typer.testing import CliRunner

from evo import (
    AllBlocks,
    Asynchronous,
    Decomposed,
    Merged,
    MuPlusLambda,
    OnePlusLambda,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.costs.budget import Budget
from evo.errors import InputError
from evo.theory import Geometric
from experiments.checks.check import check
from experiments.checks.ledger import ledger_fault
from experiments.cli.app import app
from experiments.fits.fit import DRAWN, fit
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.predictions.engine_law.drawn import ends_by_itself, quantiles, run_law_batch
from experiments.predictions.predict import predict
from experiments.reports.export import export_results
from experiments.running.launch import run_grid
from experiments.running.simulation import simulate, trace
from experiments.store.results import load
from experiments.store.table import batch_columns, runs_table
from operators import BetaBlocks, FixKeep, Malformed, Resample, Sparse, Vote
from problems import BlockOneMax, Noisy, UnequalBlocks, WeightedBlocks

FALSE_FAIL = 1e-6
RUNS = 20_000


@pytest.fixture
def seed(request):
    """Constant, unless --vary-seed asks for the real false-fail rate."""
    return secrets.randbits(32) if request.config.getoption("--vary-seed", default=False) else 20_240_611


def cell_of(k=6, mutator=Resample(0.5), schedule=AllBlocks(), lam=1, problem=None, runner=None, **more):  # noqa: B008  # parts are immutable
    return Cell(problem or BlockOneMax(k, 4), mutator, schedule, runner or OnePlusLambda(lam), **more)


# ------------------------------------------------------------------------------------------- agreement with blocks


SETTINGS = {
    "GLOBAL": cell_of(),
    "GLOBAL, lam = 3": cell_of(lam=3),
    "in turn": cell_of(mutator=FixKeep(0.4, 0.7), schedule=RoundRobin(g=2), problem=BlockOneMax(6, 4, start=0.3)),
    "drawn chunks": cell_of(schedule=UniformChunk(), lam=2),
    "until resolved, cut": cell_of(schedule=UntilResolved(), budget=Budget(calls=11)),
    "heavy tails, cut by cost": cell_of(
        mutator=BetaBlocks(0.7, 0.7), schedule=OnlyIncorrect(), budget=Budget(calls=None, cost=2000)
    ),
    "beside": cell_of(schedule=Decomposed(OnlyIncorrect(), writes=3), budget=Budget(calls=31)),
}


def distance(one, other):
    """The largest difference of two empirical cdfs; a censored run (-1) hits later than any."""
    one, other = (np.sort(np.where(hit < 0, np.iinfo(np.int64).max, hit)) for hit in (one, other))
    at = np.unique(np.concatenate((one, other)))
    return np.abs(np.searchsorted(one, at, "right") / len(one) - np.searchsorted(other, at, "right") / len(other)).max()


LIMIT = math.sqrt(math.log(4 / (FALSE_FAIL / len(SETTINGS) / 2)) / (2 * RUNS)) * 2
"""Each empirical cdf is off by more than half of it w.p. 2 exp(-2 n e^2) at most (DKW); two columns a setting."""


@pytest.mark.statistical
@pytest.mark.parametrize("name", SETTINGS)
def test_drawn_runs_have_the_law_of_executed_ones(name, seed):
    """False-fail rate 1e-6 over all settings; cdfs that are off by 0.05 would be found."""
    assert LIMIT < 0.05
    cell = SETTINGS[name]
    drawn, executed = (simulate(cell, seed, 0, RUNS, engine) for engine in ("law", "blocks"))
    assert distance(drawn.hit, executed.hit) < LIMIT
    assert distance(drawn.generations, executed.generations) < LIMIT
    assert (drawn.hit < 0).any() == (executed.hit < 0).any() == ("cut" in name or name == "beside")
    for counts in (drawn, executed):
        assert (counts.calls == cell.runner.lam * counts.generations).all()
        assert (counts.evaluations == counts.calls).all()
        assert counts.shortfalls is None
        assert ledger_fault(cell, runs_table([(cell.sample, "law", 0, batch_columns(cell, counts))])) is None
    cut = drawn.hit < 0
    assert set(drawn.generations[cut]) == set(executed.generations[executed.hit < 0])


@pytest.mark.statistical
def test_twin_a_wrong_law_differs(seed):
    """The same tests tell p = 0.5 from p = 0.53, and one offspring a generation from two."""
    executed = simulate(cell_of(), seed, 0, RUNS)
    drawn = simulate(cell_of(mutator=Resample(0.53)), seed, 0, RUNS, "law")
    assert distance(drawn.hit, executed.hit) > LIMIT
    two = simulate(cell_of(3, lam=2), seed, 0, RUNS, "law")
    assert distance(two.calls, simulate(cell_of(3), seed, 0, RUNS).calls) > LIMIT


ENDLESS = [
    cell_of(mutator=FixKeep(0.0, 1.0)),
    cell_of(mutator=FixKeep(0.0, 1.0), schedule=UniformChunk()),
    cell_of(4, FixKeep(0.5, 0.0), OnlyIncorrect(g=3)),  # what is left of a chunk is never finished
    cell_of(5, FixKeep(0.5, 0.0), RoundRobin(g=3)),
    cell_of(mutator=FixKeep(0.5, 1.0), schedule=UntilResolved(), problem=BlockOneMax(6, 4, start=0.5)),
]


@pytest.mark.parametrize("cell", ENDLESS, ids=lambda cell: cell.schedule)
def test_without_a_budget_law_refuses_what_may_never_end(cell):
    assert predict(cell, "calls").mean == math.inf
    with pytest.raises(InputError, match="needs a predicted finite mean, got an infinite one"):
        run_grid(Grid("endless", [replace(cell, budget=None)], runs=2, engine="law"), workers=1)


@pytest.mark.parametrize("cell", ENDLESS, ids=lambda cell: cell.schedule)
def test_twin_without_a_budget_law_draws_what_ends(cell):
    """The waits of its chain say so, and no prediction is asked for."""
    ends = replace(cell, mutator=FixKeep(0.5, 0.5), budget=None)
    assert ends_by_itself(ends)
    assert math.isfinite(predict(ends, "calls").mean)


def test_without_a_budget_law_goes_further_than_predictions():
    many = Cell(BlockOneMax(5000, 4), Sparse(FixKeep(1.0, 0.0), rate=1 / 5000), AllBlocks(), OnePlusLambda())
    with pytest.raises(InputError, match="more than 4096"):
        run_grid(Grid("many", [replace(many, budget=None)], runs=2), workers=1)
    assert (
        run_grid(Grid("many", [replace(many, budget=None)], runs=2, engine="law"), workers=1).runs["hit"].min() > 5000
    )


@pytest.mark.parametrize("u", [0.0, 1e-12, 0.3, 0.5, 0.999, 1 - 1e-12])
def test_quantiles_are_those_of_the_law(u):
    for law in (Geometric(0.5), Geometric(2.0**-30), Geometric(1e-6, zero=0.4), predict(SETTINGS["in turn"]).law):
        found = quantiles(law, np.array([0.9, u, 0.1]), 2**62)[1]
        assert found == pytest.approx(law.quantile(u), rel=1e-5)  # which allows for rounding of the level
        assert float(law.cdf(found)) >= u if u <= 0.5 else float(law.tail(found)) <= 1 - u
        if found > 0:
            assert float(law.cdf(found - 1)) < u if u <= 0.5 else float(law.tail(found - 1)) > 1 - u
        if 0 < found < 2**40:
            assert quantiles(law, np.array([u]), int(found)) == found
            assert quantiles(law, np.array([u]), int(found) - 1) == found  # one more than there may be


# ------------------------------------------------------------------------------------------- far ahead


@pytest.mark.statistical
def test_the_median_of_what_is_out_of_reach_is_right(seed):
    """GLOBAL at k = 40: P(hit <= median) = 1/2; by Hoeffding off by e w.p. 2 exp(-2 n e^2) at most."""
    cell = cell_of(40, budget=None)
    hit = simulate(cell, seed, 0, RUNS, "law").hit
    assert hit.min() >= 1
    middle = math.log(2) * 2.0**40
    within = math.sqrt(math.log(2 / FALSE_FAIL) / (2 * RUNS))
    assert within < 0.02
    assert abs((hit <= middle).mean() - 0.5) < within
    assert abs((hit <= 1.1 * middle).mean() - 0.5) > within  # a median 10 % off would be found


def test_a_larger_budget_prolongs_the_same_runs_and_batches_differ():
    base = cell_of(40)
    short, long = (run_law_batch(replace(base, budget=Budget(most)), 1, 0, 300) for most in (2**40, 2**50))
    hit = short.hit >= 0
    assert 100 < hit.sum() < 250
    assert (short.hit[hit] == long.hit[hit]).all()
    assert (long.hit[~hit] > 2**40).all()
    assert (short.calls[~hit] == 2**40).all()
    endless = replace(base, budget=None)
    first, again, batch, seed = (run_law_batch(endless, *at, 300).hit for at in ((1, 0), (1, 0), (1, 1), (2, 0)))
    assert (first == again).all()
    assert (first[hit] == long.hit[hit]).all()
    assert len(set(first) & set(batch)) == len(set(first) & set(seed)) == 0


def test_a_start_at_the_optimum_costs_nothing():
    counts = run_law_batch(cell_of(problem=BlockOneMax(3, 1, incorrect=0)), 1, 0, 5)
    assert counts.hit.tolist() == counts.calls.tolist() == [0] * 5


# ------------------------------------------------------------------------------------------- refusals


@dataclass(frozen=True)
class Lawless:
    """A mutator that declares no law."""

    def rewrite(self, correct, rng):
        return ~correct


REFUSED = {
    "declares no law": cell_of(mutator=Lawless()),
    "needs answers of one call each": cell_of(mutator=Vote(Resample(0.6), 2), schedule=RoundRobin()),
    "all answers are valid": cell_of(mutator=Malformed(Resample(0.5), 0.1)),
    "needs chunks of equal length, g a divisor of k = 5": cell_of(5, schedule=UniformChunk(g=2)),
    "needs blocks of equal length": cell_of(problem=UnequalBlocks((1, 2, 3))),
    "needs exact evaluation": cell_of(problem=Noisy(BlockOneMax(3, 1), 1.0)),
    "needs the runner OnePlusLambda, whose calls follow from hit, got Merged": cell_of(
        schedule=RoundRobin(), runner=Merged()
    ),
    "needs the runner OnePlusLambda, whose calls follow from hit, got Asynchronous": cell_of(runner=Asynchronous(1)),
    "needs the runner OnePlusLambda, whose calls follow from hit, got MuPlusLambda": cell_of(runner=MuPlusLambda(2)),
    "draws from the predicted law of hit, which is not known": cell_of(12, schedule=UntilResolved(g=6)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_it_cannot_draw_is_refused_before_anything_runs(reason, tmp_path):
    cell = REFUSED[reason]
    with pytest.raises(InputError, match=reason) as caught:
        run_law_batch(cell, 1, 0, 3)
    assert str(caught.value).startswith(f"{cell.short_name()}: ")
    with pytest.raises(InputError, match=reason):
        run_grid(Grid("tiny", [cell_of(), cell], runs=3, engine="law"), tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


def test_counts_that_tables_cannot_hold_are_refused():
    """Where hits alone are drawn, in whole numbers."""
    far = cell_of(problem=WeightedBlocks((1, 2) * 40, 1), budget=None)
    for cell in (far, replace(far, budget=Budget(2**70))):
        with pytest.raises(InputError, match=r"a run came to more than 2\^62 calls"):
            run_law_batch(cell, 1, 0, 3)


def test_there_is_no_trace_where_hits_alone_are_drawn():
    with pytest.raises(InputError, match=r"the engine law draws of this cell when runs hit, not how they get there"):
        trace(cell_of(4, schedule=UniformChunk(g=2), lam=2), engine="law")


# ------------------------------------------------------------------------------------------- no evidence


FAR = sweep(
    problem=[BlockOneMax(k, 4) for k in (20, 30, 40)], mutator=Resample(0.5), schedule=AllBlocks(),
    runner=OnePlusLambda(), budget=None,
)  # fmt: skip


def test_rows_carry_their_engine_and_check_refuses_them(tmp_path):
    run_grid(Grid("far", FAR, runs=200, engine="law"), tmp_path / "out", workers=1)
    results = load(tmp_path / "out")
    assert set(results.runs["engine"]) == {"law"}
    assert len(results.runs) == 600
    with pytest.raises(InputError, match="rows of the engine law, which are drawn from the law"):
        check(results)
    export_results(results, "ioh", tmp_path / "ioh")


@pytest.mark.statistical
def test_a_fit_finds_the_slope_and_says_what_it_was_drawn_from():
    """log E[hit] = k log 2: 4,000 runs a cell tell the slope to 0.0011; 6 standard errors, false-fail rate 2e-9."""
    fits = fit(run_grid(Grid("far", FAR, runs=4000, engine="law"), workers=1))
    law = next(law for law in fits.laws if law.form.name == "exponential")
    error = 1 / math.sqrt(4000 * 200)  # of a slope through k = 20, 30, 40, log means known to 1/sqrt(runs)
    assert math.log(law["base"].value) == pytest.approx(math.log(2), abs=6 * error)
    assert fits.note == DRAWN
    assert str(fits).endswith("drawn from the declared laws: a look ahead, no evidence for these.")
    executed = run_grid(Grid("near", [cell_of(k) for k in (2, 3, 4)], runs=200), workers=1)
    assert fit(executed).note == ""


def test_the_command_runs_it_and_does_not_check_it(tmp_path, monkeypatch):
    (tmp_path / "far.toml").write_text(
        'name = "far"\nruns = 200\n[[arm]]\nlabel = "GLOBAL"\n'
        'problem = {type = "BlockOneMax", k = [20, 30, 40], l = 4}\n'
        'mutator = {type = "Resample", p = 0.5}\nschedule = {type = "AllBlocks"}\nrunner = {type = "OnePlusLambda"}\n'
        'budget = {type = "Budget", calls = 1e15}\n'
    )
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    for command in ("run", "predict"):
        refused = run(app, [command, "far.toml", "--workers", "1"][: 4 if command == "run" else 2])
        assert refused.exit_code == 2
        assert "expected 1.1e+12 calls a run within its budget, more than 1e+10" in " ".join(refused.stderr.split())
    done = run(app, ["run", "far.toml", "--engine", "law", "--workers", "1"])
    assert done.exit_code == 0, done.output
    shown = " ".join(done.stdout.split())
    assert "600 runs of 3 cells drawn from the declared laws: no check, no report; `llm-evo time` tells their" in shown
    assert DRAWN in shown  # the twin of --quiet, which shows no fit
    quiet = run(app, ["run", "far.toml", "--engine", "law", "--workers", "1", "--quiet"])
    assert quiet.exit_code == 0
    assert shown.startswith(words := " ".join(quiet.stdout.split()), shown.index("600 runs"))
    assert "Fitted laws" not in words
    assert "Fitted laws" in shown
    assert DRAWN in " ".join(run(app, ["fit", "results/far"]).stdout.split())
    for command in ("check", "report"):
        refused = run(app, [command, "results/far"])
        assert refused.exit_code == 2
        assert "read these rows with `llm-evo fit`, `time` or `export`" in " ".join(refused.stderr.split())
    for command in (["fit"], ["time"], ["export", "--to", "csv", "--out", "far"]):
        assert run(app, [*command, "results/far"]).exit_code == 0
    assert run(app, ["predict", "far.toml", "--engine", "law"]).exit_code == 0
