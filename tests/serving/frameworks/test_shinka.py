"""ShinkaEvolve 0.0.7 against theory: 2^k for whole files, 2 k H_k for edits of one block, and its defaults.

It has no target score: a run is ended when the endpoint has written the optimum.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import nbinom

from evo import AllBlocks, OnePlusLambda, UniformChunk
from experiments import Cell, predict
from operators import Resample
from problems import BlockOneMax

DRIVER = Path(__file__).parent / "drive_shinka.py"
K = 4
MOST_SECONDS = 900
pytestmark = [pytest.mark.slow, pytest.mark.statistical]


@pytest.fixture
def calls(installed, simulated, reaches, tmp_path):
    """`calls(schedule, form, runs, settings)`: of each run, the call that first wrote the optimum."""
    python = installed("shinka") / "python"

    def one_run(served, words):
        """Until the optimum is written, then a moment more, as the framework would see it."""
        with (tmp_path / "run.log").open("w") as log, subprocess.Popen(
            words, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        ) as process:  # fmt: skip
            deadline = time.monotonic() + MOST_SECONDS
            while not any(row.get("right") == K for row in served.rows()):
                assert process.poll() is None, (tmp_path / "run.log").read_text()[-2000:]
                assert time.monotonic() < deadline, f"no optimum in {MOST_SECONDS} seconds"
                time.sleep(0.2)
            os.killpg(process.pid, signal.SIGKILL)

    def measure(schedule, form, runs, settings="elitist"):
        found = []
        with simulated(K, schedule) as served:
            for number in range(runs):
                served.next_run()
                one_run(served, [python, DRIVER, str(served.port), form, f"out{number}", settings])
                rows = served.rows()
                assert {row["framework"] for row in rows} == {"shinka"}
                found.append(reaches(rows, K))
        return np.array(found)

    return measure


def one_block():
    """The law of an elitist loop with edits of one block."""
    return predict(Cell(BlockOneMax(k=K, l=2), Resample(p=0.5), UniformChunk(), OnePlusLambda()))


def test_whole_files_take_two_to_the_k_calls(calls, tell, runs):
    hits = calls(AllBlocks(), "full", runs)
    tell(f"Shinka, whole files, k = {K}, the best as parent", hits, 2**K)
    # Failures before `runs` successes of chance 2^-K: false-fail rate 1e-6
    low, high = nbinom.ppf([5e-7, 1 - 5e-7], runs, 2.0**-K) / runs + 1
    assert low <= hits.mean() <= high


def test_edits_of_one_block_take_2_k_h_k_calls(calls, tell, runs):
    hits, law = calls(UniformChunk(), "diff", runs), one_block()
    tell(f"Shinka, edits of one block, k = {K}, the best as parent", hits, law.mean)
    deviation = (law.variance / runs) ** 0.5
    # A proposal may be under way while its parent is replaced: at the worst each call is lost once, 2 law.mean.
    assert law.mean - 5 * deviation < hits.mean() < 2 * law.mean + 5 * deviation


def test_its_defaults(calls, tell, runs):
    hits, law = calls(UniformChunk(), "diff", max(3, runs // 3), "default"), one_block()
    tell(f"Shinka, edits of one block, k = {K}, defaults", hits, law.mean)
    assert hits.mean() > law.mean - 5 * (law.variance / len(hits)) ** 0.5
