"""GEPA 0.1.4 against theory: its module selector is a switch between local and global mutation."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import nbinom

from evo import AllBlocks
from experiments import predict
from experiments.presets import preset

DRIVER = Path(__file__).parent / "drive_gepa.py"
pytestmark = [pytest.mark.slow, pytest.mark.statistical]


@pytest.fixture
def calls(installed, simulated, tmp_path):
    """`calls(k, selector, runs)`: of each run, the calls until all blocks were right."""
    python = installed("gepa") / "python"

    def measure(k, selector, runs):
        with simulated(k, AllBlocks()) as served:
            words = [python, DRIVER, str(served.port), selector, str(runs)]
            done = subprocess.run(words, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
                                  capture_output=True, text=True, check=False, timeout=1800)  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
            found = np.array(json.loads(done.stdout.splitlines()[-1]))
            rows = served.rows()
        assert {row["framework"] for row in rows} == {"gepa"}
        assert len(rows) == found[:, 1].sum()  # each call of the framework is a request, and none is repeated
        return found[:, 0]

    return measure


@pytest.mark.parametrize("k", [4, 6])
def test_modules_in_turn_are_local_mutation(calls, tell, runs, k):
    hits = calls(k, "round_robin", runs)
    law = predict(preset("gepa", k=k))
    tell(f"GEPA, modules in turn, k = {k}", hits, law.mean)
    assert abs(hits.mean() - law.mean) < 5 * (law.variance / runs) ** 0.5


def test_all_modules_at_once_are_global_mutation_of_k_calls_a_proposal(calls, tell, runs):
    k = 4
    hits = calls(k, "all", runs)
    tell(f"GEPA, all modules at once, k = {k}", hits, k * 2**k)
    assert predict(preset("gepa", k=k, module_selector="all")).mean == pytest.approx(2**k)
    # Proposals that fail before `runs` successes of chance 2^-k: false-fail rate 1e-6
    low, high = nbinom.ppf([5e-7, 1 - 5e-7], runs, 2.0**-k) / runs + 1
    assert k * low <= hits.mean() <= k * high
