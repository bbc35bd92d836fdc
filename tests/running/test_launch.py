"""Running a grid: the same table however it is run, nothing lost when it does not end, and operators that err."""

from __future__ import annotations

import importlib
import itertools
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from patience import SECONDS

from evo.costs.budget import Budget
from evo.costs.ledger import Prompt
from evo.errors import EvoError, InputError
from evo.protocols import BoolArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from experiments.checks.check import check
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid, sweep
from experiments.predictions.verdict import Verdict
from experiments.running import launch
from experiments.running.agenda import Agenda
from experiments.running.launch import GridFailure, run_grid
from experiments.running.progress import Progress
from experiments.running.simulation import trace
from experiments.store.results import load
from operators import FixKeep, Resample
from problems import BlockOneMax


@dataclass(frozen=True)
class Hidden:
    """A mutator that says nothing of its law."""

    p: float

    def rewrite(self, correct: BoolArray, rng: np.random.Generator) -> BoolArray:
        return rng.random(correct.shape) < self.p


def grid(runs: int = 30, seed: int = 1, batch: int = 10, engine: str = "blocks", ks: tuple[int, ...] = (1, 3)) -> Grid:
    """Two mutators, every schedule, both acceptance rules, budgets on calls and on cost."""
    problems = [BlockOneMax(k, l=4) for k in ks]
    runners = [OnePlusLambda(), OnePlusLambda(lam=3, accept="weak")]
    schedules = [AllBlocks(), UntilResolved(), RoundRobin(), UniformChunk(), OnlyIncorrect()]
    arms = {
        "paper": sweep(problem=problems, mutator=Resample(0.5), schedule=schedules, runner=runners),
        "others": sweep(
            problem=BlockOneMax(4, l=4, start=0.5),
            mutator=FixKeep(0.5, 0.9),
            schedule=[AllBlocks(), RoundRobin(g=3)],
            runner=OnePlusLambda(),
            prompt=Prompt(head=7),
            budget=[Budget(calls=3), Budget(calls=None, cost=500.0)],
        ),
    }
    return Grid("tiny", arms, runs=runs, seed=seed, batch=batch, engine=engine)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.fixture(autouse=True)
def short_tasks(monkeypatch):
    """A task for each batch, and a part of the store for each task, so that there is something to interrupt."""
    monkeypatch.setattr("experiments.running.agenda.SECONDS_A_TASK", 0.0)
    monkeypatch.setattr("experiments.running.driver.SECONDS_BETWEEN_WRITES", -1.0)


# ------------------------------------------------------------------------------------------- the same table


@pytest.mark.parametrize("engine", ["blocks", pytest.param("deap", marks=pytest.mark.slow)])
def test_the_table_is_the_same_for_one_worker_and_two(engine):
    small = grid(runs=12, batch=5, engine=engine)
    one, two = (run_grid(small, workers=workers) for workers in (1, 2))
    same(one.runs, two.runs)
    assert set(one.runs["engine"]) == {engine}


def test_the_rows_of_a_cell_do_not_depend_on_the_order_or_company_of_cells():
    whole = grid()
    runs = run_grid(whole, workers=1).runs
    cells = list(whole.cells)
    random.Random(1).shuffle(cells)
    same(run_grid(Grid("tiny", cells, runs=30, batch=10), workers=1).runs, runs)
    alone = run_grid(Grid("tiny", cells[:1], runs=30, batch=10), workers=1).runs
    same(alone, runs[runs["cell"] == cells[0].id].reset_index(drop=True))


def test_the_table_is_the_same_when_strings_hash_otherwise(tmp_path):
    program = """
        import sys
        from evo import AllBlocks, OnePlusLambda, UniformChunk
        from experiments import Grid, run_grid, sweep
        from operators import Resample
        from problems import BlockOneMax
        cells = sweep(problem=[BlockOneMax(k, l=4) for k in (1, 3)], mutator=Resample(0.5),
                      schedule=[AllBlocks(), UniformChunk()], runner=OnePlusLambda(lam=2))
        print(hash("x"))
        run_grid(Grid("tiny", cells, runs=30, batch=10), workers=1).runs.to_parquet(sys.argv[1])
    """
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # another than here
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), tmp_path / "there"],
        env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) != hash("x")
    here = sweep(
        problem=[BlockOneMax(k, l=4) for k in (1, 3)],
        mutator=Resample(0.5),
        schedule=[AllBlocks(), UniformChunk()],
        runner=OnePlusLambda(lam=2),
    )
    run_grid(Grid("tiny", here, runs=30, batch=10), workers=1).runs.to_parquet(tmp_path / "here")
    same(pd.read_parquet(tmp_path / "there"), pd.read_parquet(tmp_path / "here"))


def test_another_seed_or_batch_size_gives_other_rows():
    calls = [
        run_grid(grid(seed=seed, batch=batch), workers=1).runs["calls"] for seed, batch in ((1, 10), (2, 10), (1, 15))
    ]
    assert all((one != other).any() for one, other in itertools.combinations(calls, 2))


def test_a_larger_budget_prolongs_the_same_runs():
    def run(calls: int) -> pd.DataFrame:
        cells = sweep(
            problem=BlockOneMax(4, 4), mutator=Resample(0.5), schedule=AllBlocks(), runner=OnePlusLambda(),
            budget=Budget(calls=calls),
        )  # fmt: skip
        return run_grid(Grid("tiny", cells, runs=100, batch=50), workers=1).runs

    short, long = run(10), run(1000)
    hit = short["hit"].notna()
    assert 0 < hit.sum() < 100
    assert (short.loc[hit, "hit"] == long.loc[hit, "hit"]).all()
    assert (short.loc[~hit, "calls"] == 10).all()
    assert (long.loc[~hit, "hit"] > 10).all()


def test_the_engine_deap_runs_a_grid_and_is_checked_like_any_other(tmp_path):
    cells = sweep(
        problem=BlockOneMax(2, l=4),
        mutator=Resample(0.5),
        schedule=[AllBlocks(), UntilResolved()],
        runner=OnePlusLambda(lam=2),
    )
    results = run_grid(Grid("tiny", cells, runs=600, batch=300, engine="deap"), tmp_path / "out", workers=1)
    assert set(results.runs["engine"]) == {"deap"}
    assert results.runs["hit"].notna().all()
    assert check(load(tmp_path / "out")).verdict is Verdict.AGREES


def test_a_trace_is_that_of_the_first_batch():
    cell = grid().cells[-1]
    table = trace(cell, seed=1, runs=10)
    runs = run_grid(Grid("tiny", [cell], runs=10, batch=10), workers=1).runs
    last = table.groupby("run")["call"].max()
    hit = runs.set_index("run")["hit"].dropna().astype("int64")
    assert len(hit) > 0
    assert (last[hit.index] == hit).all()


# ------------------------------------------------------------------------------------------- more runs, fewer runs


def test_more_runs_reuse_what_is_there(tmp_path):
    seen: list[Progress] = []
    first = run_grid(grid(runs=25), tmp_path / "out", workers=1).runs
    more = run_grid(grid(runs=45), tmp_path / "out", workers=1, watch=seen.append).runs
    cells = len(grid().cells)
    assert [progress.batches for progress in seen] == list(range(3 * cells, 5 * cells + 1))
    same(more.groupby("cell").head(25).reset_index(drop=True), first)
    same(more, run_grid(grid(runs=45), workers=1).runs)


def test_runs_that_do_not_fill_a_batch_are_the_first_of_it():
    few, many = (run_grid(grid(runs=runs), workers=1).runs for runs in (3, 10))
    same(few, many.groupby("cell").head(3).reset_index(drop=True))


# ------------------------------------------------------------------------------------------- progress


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_only_grows_and_ends_at_the_end(workers):
    seen: list[Progress] = []
    small = grid(ks=(2,))
    run_grid(small, workers=workers, watch=seen.append)
    cells = len(small.cells)
    assert seen[0] == Progress(None, 0, 3 * cells, of_cells=cells, of_runs=30 * cells)
    last = seen[-1]
    assert (last.batches, last.cells, last.runs) == (last.of_batches, last.of_cells, last.of_runs)
    assert last.left == pytest.approx(0.0, abs=1e-9)
    assert all(one.batches < next_.batches for one, next_ in itertools.pairwise(seen))
    assert all(one.cells <= next_.cells and one.runs < next_.runs for one, next_ in itertools.pairwise(seen))
    assert {progress.cell for progress in seen[1:]} == set(small.cells)


@pytest.mark.parametrize(
    ("asked", "foreseen", "started"),
    [(None, 0.5, 1), (None, 60.0, 4), (None, None, 4), (2, 0.5, 2), (8, 60.0, 6)],
)
def test_processes_are_started_for_more_work_than_starting_them_is(monkeypatch, asked, foreseen, started):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    plan: Any = SimpleNamespace(foreseen=foreseen, of_batches=7, batches=1)
    assert launch._workers(asked, plan) == started
    assert launch._workers(asked, plan, strange=True) == min(asked or 4, 6)


def test_the_work_of_a_grid_is_foreseen_where_all_cells_are_predicted():
    known = Agenda(grid(ks=(2,)))
    assert known.foreseen is not None
    assert 0 < known.foreseen < launch.SECONDS_TO_START
    assert Agenda(grid(ks=(2,), runs=60)).foreseen == pytest.approx(2 * known.foreseen)
    strange = Cell(BlockOneMax(4, l=4), Hidden(0.5), UntilResolved(), OnePlusLambda(), budget=Budget(calls=50))
    assert Agenda(Grid("strange", [strange], runs=30)).foreseen is None


@pytest.mark.parametrize("workers", [0, -1])
def test_a_number_of_workers_that_is_none(tmp_path, workers):
    with pytest.raises(InputError, match=f"workers must be a whole number >= 1, got {workers}"):
        run_grid(grid(), tmp_path / "out", workers=workers)
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------- interruptions


class Stop:
    """Watches, and raises after some calls."""

    def __init__(self, after: int, error: type[BaseException]) -> None:
        self.after, self.error, self.seen = after, error, list[int]()

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress.batches)
        if len(self.seen) > self.after:
            raise self.error


@pytest.mark.parametrize(
    ("error", "workers"),
    [
        (KeyboardInterrupt, 1),
        (KeyboardInterrupt, 2),
        *(pytest.param(RuntimeError, workers, marks=pytest.mark.slow) for workers in (1, 2)),
    ],
)
def test_what_is_finished_before_an_interruption_is_kept(tmp_path, workers, error):
    alone = replace(grid(), arms=[*{cell.search.text: cell for cell in grid().cells}.values()])  # none is taken over
    whole = run_grid(alone, workers=1).runs
    batches = 3 * len(alone.cells)
    done = 0
    for after in (0, 5)[workers - 1 :]:  # nothing done with one worker only: the sink is the same
        stop = Stop(after, error)
        with pytest.raises(error):
            run_grid(alone, tmp_path / "out", workers=workers, watch=stop)
        assert stop.seen[0] == done
        done += after
        partial = load(tmp_path / "out").runs
        assert len(partial[["cell", "batch"]].drop_duplicates()) == done
        same(partial, whole.merge(partial[["cell", "batch", "run"]]))
    stop = Stop(batches, error)
    same(run_grid(alone, tmp_path / "out", workers=workers, watch=stop).runs, whole)
    assert stop.seen == list(range(done, batches + 1))


def members(group: int) -> list[str]:
    """What still runs of a process group; the dead that nobody has collected do not count."""
    listed = subprocess.run(["ps", "-e", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 2) for line in listed.splitlines())
    return [row[-1] for row in rows if row[0] == str(group) and not row[1].startswith("Z")]


def listen_to_ctrl_c() -> None:
    """Whoever runs the tests in the background may have had it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupt(command: list[str], where: Path, when: Any, times: int = 1) -> subprocess.CompletedProcess[str]:
    """Ctrl-C as a terminal sends it: to the command and to all processes it has started."""
    process = subprocess.Popen(
        command,
        cwd=where,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=listen_to_ctrl_c,
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not when(process.pid) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        for _ in range(times):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.3)
        out, err = process.communicate(timeout=SECONDS)
        deadline = time.monotonic() + SECONDS
        while members(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert members(process.pid) == []
    finally:
        if members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


PATIENT = """
    import os, time
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Patient:
        seconds: float

        def rewrite(self, correct, rng):
            open("begun", "a").close()
            time.sleep(self.seconds)
            return rng.random(correct.shape) < 1.0
"""
"""An operator whose calls take their time on any machine: on a fast one, runs are done before they are interrupted."""

PATIENT_GRID = """
    name = "slow"
    runs = 240
    batch = 10

    [[arm]]
    label = "a"
    problem = {{type = "BlockOneMax", k = {lengths}, l = 4}}
    mutator = {{type = "patient:Patient", seconds = {seconds}}}
    schedule = {{type = "AllBlocks"}}
"""
"""Each cell has 24 batches of one call; more than are sent at once: work that is all sent is finished at Ctrl-C."""


def patient(where: Path, seconds: float, lengths: list[int]) -> Path:
    """The folder of the results of such a grid, a cell for each k."""
    (where / "patient.py").write_text(textwrap.dedent(PATIENT))
    (where / "grid.toml").write_text(textwrap.dedent(PATIENT_GRID).format(seconds=seconds, lengths=lengths))
    return where / "results" / "slow"


@pytest.mark.slow  # quick: what is kept, above; Ctrl-C of the command, below; one that is killed and goes on, in store/
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(tmp_path):
    folder = patient(tmp_path, 0.4, [1, 2])
    command = [sys.executable, "-m", "experiments", "run", "grid.toml", "--workers", "2", "--quiet"]

    def workers_start(group: int) -> bool:
        return sum("loky" in each for each in members(group)) >= 2

    def another_part(group: int) -> bool:
        return set(folder.glob("runs/*.parquet")) > parts

    kept = [0]
    for when in (workers_start, another_part):
        parts = set(folder.glob("runs/*.parquet"))
        done = interrupt(command, tmp_path, when)
        assert done.returncode == 130
        assert done.stdout == ""
        assert done.stderr.endswith(
            "note: finishing what is at work; Ctrl-C again stops at once\n"
            "finished batches are kept in results/slow; the same command goes on from there\ninterrupted\n"
        )
        kept.append(len(load(folder).runs))
    assert kept[0] <= kept[1] <= kept[2] > 0

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "interrupted" not in done.stderr
    runs = load(folder).runs
    assert len(runs) == 480
    assert not runs.duplicated(["cell", "batch", "run"]).any()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")
@pytest.mark.parametrize(
    ("seconds", "times"), [pytest.param(1.0, 1, marks=pytest.mark.slow), (60.0, 2)], ids=["once", "twice"]
)
def test_ctrl_c_once_finishes_what_is_at_work_and_twice_does_not(tmp_path, seconds, times):
    folder = patient(tmp_path, seconds, [1])
    command = [sys.executable, "-m", "experiments", "run", "grid.toml", "--workers", "1", "--quiet"]
    done = interrupt(command, tmp_path, lambda group: (tmp_path / "begun").exists(), times)
    assert done.returncode == 130
    assert "note: finishing what is at work; Ctrl-C again stops at once\n" in done.stderr
    kept = len(load(folder).runs)
    assert (0 < kept < 240) if times == 1 else kept == 0


# ------------------------------------------------------------------------------------------- operators that err

BROKEN = """
    import os
    from dataclasses import dataclass

    import numpy as np


    @dataclass(frozen=True)
    class Broken:
        how: str

        def rewrite(self, correct, rng):
            after = rng.random(correct.shape) < 0.5
            if self.how == "shape":
                return after[..., :-1]
            if self.how == "dtype":
                return after.astype(int)
            if self.how == "none":
                return None
            if self.how == "writes":
                correct[...] = after
                return correct
            if self.how == "raises":
                raise ValueError("the model is out to lunch")
            if self.how == "dies":
                os._exit(1)
            return after
"""


@pytest.fixture
def broken(tmp_path, monkeypatch) -> Iterator[ModuleType]:
    """A module of a user's own, where workers find it too."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "broken_operators.py").write_text(textwrap.dedent(BROKEN))
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("broken_operators")
    sys.modules.pop("broken_operators")


def with_broken(broken: ModuleType, *hows: str) -> Grid:
    parts = {"schedule": AllBlocks(), "runner": OnePlusLambda(), "budget": Budget(calls=50)}
    good = [Cell(BlockOneMax(k, l=4), Resample(0.5), **parts) for k in (1, 2)]
    bad = [Cell(BlockOneMax(3, l=4), broken.Broken(how), **parts) for how in hows]
    return Grid("tiny", [good[0], *bad, good[1]], runs=20, batch=10)


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("shape", r"Broken\.rewrite: expected for the blocks a bool array of shape \(\d+, 3\), got .*\(\d+, 2\)"),
        ("dtype", r"Broken\.rewrite: expected for the blocks a bool array .*, got int64 array"),
        ("none", r"Broken\.rewrite: expected for the blocks a bool array .*, got NoneType"),
        ("writes", r"Broken\.rewrite changes its input; it must leave the blocks handed over as they are"),
        ("raises", r'broken_operators\.py", line \d+, in rewrite[\s\S]*ValueError: the model is out to lunch'),
    ],
)
@pytest.mark.parametrize("engine", ["blocks", pytest.param("deap", marks=pytest.mark.slow)])
def test_an_operator_that_errs_costs_its_own_cell_only(tmp_path, broken, how, cause, engine):
    made = replace(with_broken(broken, how), engine=engine)
    with pytest.raises(GridFailure, match=cause) as caught:
        run_grid(made, tmp_path / "out", workers=1)
    message = str(caught.value)
    assert message.startswith("2 batches of 1 cell failed; all others are done.\n" + made.cells[1].text)
    assert issubclass(GridFailure, EvoError)  # so that the command says it in plain words, with exit code 2
    stored = load(tmp_path / "out").runs
    assert dict(stored.groupby("cell").size()) == {made.cells[0].id: 20, made.cells[2].id: 20}
    same(caught.value.results.runs, stored)


def test_cells_that_err_are_told_together(broken):
    made = with_broken(broken, "shape", "raises", "writes")
    seen: list[Progress] = []
    with pytest.raises(GridFailure, match="6 batches of 3 cells failed; all others are done") as caught:
        run_grid(made, workers=1, watch=seen.append)
    assert len(caught.value.results.runs) == 40
    assert (seen[-1].batches, seen[-1].failures) == (10, 6)
    for cell in made.cells[1:-1]:
        assert str(caught.value).count(cell.text) == 1


def test_an_operator_that_a_user_wrote_runs_in_worker_processes(broken):
    made = with_broken(broken, "not at all")
    same(run_grid(made, workers=1).runs, run_grid(made, workers=2).runs)
