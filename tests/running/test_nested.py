"""A launch inside of something else: a daemon of multiprocessing, a thread, a worker of joblib, `python -`."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys

import pytest
from patience import SECONDS

from evo.errors import InputError
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.grids.cell import Cell
from experiments.grids.grid import Grid
from experiments.running.launch import run_grid
from operators import Resample
from problems import BlockOneMax

GRID = Grid("x", [Cell(BlockOneMax(2, l=4), Resample(0.5), AllBlocks(), OnePlusLambda())], runs=20, batch=10)


@pytest.mark.parametrize(
    "options", [{"workers": 2}, {"workers": 1, "isolated": True}, {"workers": 1, "time_limit": 9.0}, {"memory": 1}]
)
def test_a_daemon_is_told_that_it_may_have_no_children(monkeypatch, tmp_path, options):
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    with pytest.raises(InputError, match=r"may start no others, got one of these; give workers=1 there"):
        run_grid(GRID, tmp_path, **options)
    assert len(run_grid(GRID, tmp_path, workers=1).runs) == 20


PROGRAM = """
import multiprocessing, threading
from dataclasses import dataclass
from joblib import Parallel, delayed
from evo import AllBlocks, OnePlusLambda
from experiments import Cell, Grid, run_grid
from evo.errors import InputError
from problems import BlockOneMax

@dataclass(frozen=True)
class Mine:
    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < 0.5)

def launch(workers):
    from evo import Budget
    cell = Cell(BlockOneMax(2, l=4), Mine(), AllBlocks(), OnePlusLambda(), budget=Budget(100))
    try:
        return run_grid(Grid("x", [cell], runs=20, batch=10), workers=workers).runs.hit.sum()
    except InputError as error:
        return str(error)

def put(found):
    found.append(launch(2))

if __name__ == "__main__":
    here, in_thread = launch(2), []
    thread = threading.Thread(target=put, args=(in_thread,))
    thread.start()
    thread.join()
    in_joblib = Parallel(n_jobs=2)(delayed(launch)(workers) for workers in (1, 2))
    queue = multiprocessing.get_context("fork").SimpleQueue()
    daemon = multiprocessing.get_context("fork").Process(target=lambda: queue.put([launch(2), launch(1)]), daemon=True)
    daemon.start()
    refused, alone = queue.get()
    daemon.join()
    assert here == in_thread[0] == alone == in_joblib[0] == in_joblib[1], (here, in_thread, alone, in_joblib)
    assert "workers=1" in refused
    print("all the same")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a fork is POSIX")
def test_a_launch_in_a_thread_in_joblib_in_a_daemon_and_in_a_program_from_standard_input(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-"],
        input=PROGRAM,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "all the same\n"), done.stderr
