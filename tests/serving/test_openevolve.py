"""OpenEvolve itself, in an environment of its own, against the simulated endpoint (make test-openevolve).

A run of it takes seconds, so that this is a step of its own: LLM_EVO_OPENEVOLVE names the command `openevolve-run` of
an environment, or says `install`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import nbinom

from evo import AllBlocks, OnePlusLambda, UniformChunk
from experiments import Cell, predict
from experiments.serving.log import CallLog
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.serve import Endpoint
from operators import Resample
from problems import BlockOneMax

ASKED = os.environ.get("LLM_EVO_OPENEVOLVE", "")
VERSION = "openevolve==0.4.0"
K, RUNS = 4, 20
CONFIG = """
max_iterations: 400
checkpoint_interval: 1000
random_seed: {seed}
diff_based_evolution: {diff}
log_level: WARNING
llm:
  api_base: "http://127.0.0.1:{port}/v1"
  api_key: "none"
  models: [{{name: "sim", weight: 1.0}}]
  retries: 0
prompt: {{include_artifacts: false}}
database: {{num_islands: 1, archive_size: 1, exploration_ratio: 0.0, exploitation_ratio: 1.0, random_seed: {seed}}}
evaluator: {{parallel_evaluations: 1, cascade_evaluation: false}}
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ASKED, reason="LLM_EVO_OPENEVOLVE is not set: it names openevolve-run, or says install"),
]


@pytest.fixture(scope="module")
def openevolve(tmp_path_factory):
    """The command."""
    if ASKED != "install":
        if not Path(ASKED).is_file():
            pytest.skip(f"LLM_EVO_OPENEVOLVE: there is no file {ASKED}")
        return ASKED
    folder = tmp_path_factory.mktemp("openevolve")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    words = [folder / "bin" / "python", "-m", "pip", "install", "-q", VERSION]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{VERSION} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return str(folder / "bin" / "openevolve-run")


def calls_to_the_optimum(command, serving, folder, schedule, diff):
    """Of each run the number of the call that first wrote a program without a wrong block, and all its calls."""
    log = CallLog(folder / "calls.jsonl", new=True)
    model = Model(Blocks(K, 2), Resample(p=0.5), schedule, seed=1)
    (folder / "program.py").write_text(Blocks(K, 2).program([False] * K, np.random.default_rng(1)))
    (folder / "evaluator.py").write_text(Blocks(K, 2).evaluator_source())
    found, seen = [], 0
    with serving(Endpoint(model, log=log)) as client:
        for seed in range(RUNS):
            config = folder / "config.yaml"
            config.write_text(CONFIG.format(seed=seed, diff=str(diff).lower(), port=client.port))
            words = [command, "program.py", "evaluator.py", "-c", config, "-o", f"out{seed}", "--target-score", str(K)]
            subprocess.run(words, cwd=folder, capture_output=True, check=True, timeout=300)
            rows = [json.loads(line) for line in log.path.read_text().splitlines()][seen:]
            seen += len(rows)
            assert {row["framework"] for row in rows} == {"openevolve"}
            found.append((1 + next(n for n, row in enumerate(rows) if row["right"] == K), len(rows)))
    log.close()
    return np.array(found)


@pytest.mark.statistical
def test_whole_files_take_two_to_the_k_calls_with_an_elitist_archive(openevolve, serving, tmp_path):
    hits, calls = calls_to_the_optimum(openevolve, serving, tmp_path, AllBlocks(), False).T
    print(
        f"whole files: {hits.mean():.1f} +- {hits.std() / len(hits) ** 0.5:.1f} calls, {calls.sum() - hits.sum()} after"
    )
    cell = Cell(BlockOneMax(k=K, l=2), Resample(p=0.5), AllBlocks(), OnePlusLambda())
    assert predict(cell).mean == 2**K
    # Failures before RUNS successes of chance 2^-K: false-fail rate 1e-6
    low, high = nbinom.ppf([5e-7, 1 - 5e-7], RUNS, 2.0**-K) / RUNS + 1
    assert low <= hits.mean() <= high
    assert high < 2 * 2 * 2**K  # so much another mean would have to differ to be found for sure


@pytest.mark.statistical
def test_edits_of_one_block_take_2_k_h_k_calls_and_what_stale_parents_add(openevolve, serving, tmp_path):
    hits, calls = calls_to_the_optimum(openevolve, serving, tmp_path, UniformChunk(), True).T
    print(f"edits: {hits.mean():.1f} +- {hits.std() / len(hits) ** 0.5:.1f} calls, {calls.sum() - hits.sum()} after")
    law = predict(Cell(BlockOneMax(k=K, l=2), Resample(p=0.5), UniformChunk(), OnePlusLambda()))
    assert law.mean == pytest.approx(2 * K * sum(1 / i for i in range(1, K + 1)))
    deviation = (law.variance / RUNS) ** 0.5
    # Two proposals are in flight, so that a parent may be stale: at the worst each call is lost once, 2 law.mean.
    assert law.mean - 5 * deviation < hits.mean() < 2 * law.mean + 5 * deviation
