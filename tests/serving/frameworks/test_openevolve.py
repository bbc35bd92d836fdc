"""OpenEvolve 0.4.0 against theory: 2^k for whole files, 2 k H_k for edits of one block, and what its defaults cost."""

import subprocess
from math import ceil

import numpy as np
import pytest
from scipy.stats import nbinom

from evo import AllBlocks, OnePlusLambda, UniformChunk
from experiments import Cell, Grid, predict, run_grid
from experiments.presets import preset
from operators import Resample
from problems import BlockOneMax

CONFIG = """
max_iterations: {most}
checkpoint_interval: 10000
random_seed: {seed}
diff_based_evolution: {diff}
log_level: WARNING
llm:
  api_base: "http://127.0.0.1:{port}/v1"
  api_key: "none"
  models: [{{name: "sim", weight: 1.0}}]
  retries: 0
prompt: {{include_artifacts: false}}
database: {{{database}random_seed: {seed}}}
evaluator: {{parallel_evaluations: 1, cascade_evaluation: false}}
"""
ELITIST = "num_islands: 1, archive_size: 1, exploration_ratio: 0.0, exploitation_ratio: 1.0, "
pytestmark = [pytest.mark.slow, pytest.mark.statistical]


@pytest.fixture
def calls(installed, simulated, reaches, tmp_path):
    """`calls(k, schedule, diff, runs, database)`: of each run, the call that first wrote the optimum."""
    command = installed("openevolve") / "openevolve-run"

    def measure(k, schedule, diff, runs, database=ELITIST, most=400):
        found = []
        with simulated(k, schedule) as served:
            for seed in range(runs):
                served.next_run()
                config = tmp_path / "config.yaml"
                told = {"seed": seed, "diff": str(diff).lower(), "port": served.port, "database": database}
                config.write_text(CONFIG.format(most=most, **told))
                words = [
                    command,
                    "program.py",
                    "evaluator.py",
                    "-c",
                    config,
                    "-o",
                    f"out{seed}",
                    "--target-score",
                    str(k),
                ]
                subprocess.run(words, cwd=tmp_path, capture_output=True, check=True, timeout=900)
                rows = served.rows()
                assert {row["framework"] for row in rows} == {"openevolve"}
                found.append(reaches(rows, k))
        return np.array(found)

    return measure


def one_block(k):
    """The law of an elitist loop with edits of one block."""
    return predict(Cell(BlockOneMax(k=k, l=2), Resample(p=0.5), UniformChunk(), OnePlusLambda()))


@pytest.mark.parametrize("k", [4, 5, 6])
def test_whole_files_take_two_to_the_k_calls_with_an_elitist_archive(calls, tell, runs, k):
    hits = calls(k, AllBlocks(), False, runs, most=40 * 2**k)
    tell(f"whole files, k = {k}, elitist", hits, 2**k)
    assert predict(Cell(BlockOneMax(k=k, l=2), Resample(p=0.5), AllBlocks(), OnePlusLambda())).mean == 2**k
    # Failures before `runs` successes of chance 2^-k: false-fail rate 1e-6
    low, high = nbinom.ppf([5e-7, 1 - 5e-7], runs, 2.0**-k) / runs + 1
    assert low <= hits.mean() <= high


@pytest.mark.parametrize("k", [4, 5, 6])
def test_edits_of_one_block_take_2_k_h_k_calls_and_what_stale_parents_add(calls, tell, runs, k):
    hits = calls(k, UniformChunk(), True, runs)
    law = one_block(k)
    tell(f"edits of one block, k = {k}, elitist", hits, law.mean)
    assert law.mean == pytest.approx(2 * k * sum(1 / i for i in range(1, k + 1)))
    deviation = (law.variance / runs) ** 0.5
    # Two proposals are in flight, so that a parent may be stale: at the worst each call is lost once, 2 law.mean.
    assert law.mean - 5 * deviation < hits.mean() < 2 * law.mean + 5 * deviation


@pytest.mark.parametrize("k", [4, 5, 6])
def test_its_defaults_vary_mediocre_parents_and_pay_for_it(calls, tell, runs, k):
    hits = calls(k, UniformChunk(), True, ceil(runs / 3), database="", most=3000)
    elitist = one_block(k).mean
    tell(f"edits of one block, k = {k}, defaults", hits, elitist)
    islands = run_grid(Grid("defaults", [preset("openevolve", k=k)], runs=400, batch=400), workers=1).runs.calls
    print(
        f"{hits.mean() / elitist:.1f} times an elitist loop; islands without a feature grid {islands.mean():.0f} calls"
    )
    # The feature grid is not in these parts: the same order, no more. A run varies about as much as its mean.
    assert 2 * elitist < hits.mean() < 2 * islands.mean()
