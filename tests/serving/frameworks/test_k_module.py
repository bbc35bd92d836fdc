"""OpenEvolve's own example `k_module_problem` with a mutator that knows nothing: an elitist loop takes 16 H_4 calls.

4 modules of 5 options, the score says how many are right. The mutator changes one random module to a random other
option: fix = 1/4, keep = 0, one block a call.
"""

import itertools
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from evo import OnePlusLambda, UniformChunk
from experiments import Cell, predict
from experiments.serving import shapes
from experiments.serving.prompts.asked import fenced
from experiments.serving.prompts.openevolve import CURRENT
from operators import FixKeep
from problems import BlockOneMax

EXAMPLE = Path(__file__).parent / "k_module"
OPTIONS = {
    "loader": ["csv_reader", "json_reader", "xml_reader", "parquet_reader", "sql_reader"],
    "preprocess": ["normalize", "standardize", "minmax", "scale", "none"],
    "algorithm": ["quicksort", "mergesort", "heapsort", "bubblesort", "insertion"],
    "formatter": ["json", "xml", "csv", "yaml", "protobuf"],
}
RIGHT = {name: options[0] for name, options in OPTIONS.items()}
SETTINGS = """
random_seed: {seed}
max_iterations: 400
checkpoint_interval: 10000
early_stopping_patience: 10000
log_level: WARNING
llm:
  api_base: "http://127.0.0.1:{port}/v1"
  api_key: "none"
  models: [{{name: "sim", weight: 1.0}}]
  retries: 0
"""
ELITIST = """
database: {{num_islands: 1, archive_size: 1, exploration_ratio: 0.0, exploitation_ratio: 1.0, random_seed: {seed}}}
evaluator: {{parallel_evaluations: 1, cascade_evaluation: false}}
"""
pytestmark = [pytest.mark.slow, pytest.mark.statistical]


class KnowsNothing:
    """An endpoint that changes one random module of the current program to a random other option."""

    def __init__(self, seed):
        self.rng, self.numbers, self.calls, self.hit = np.random.default_rng(seed), itertools.count(1), 0, None

    def __call__(self, request):
        messages = json.loads(request.body)["messages"]
        *_, found = CURRENT.finditer(messages[-1]["content"])
        program = found["program"]
        name = str(self.rng.choice([*OPTIONS]))
        line = re.search(rf"'{name}': '(\w+)',", program)
        other = str(self.rng.choice([option for option in OPTIONS[name] if option != line[1]]))
        program = program[: line.start(1)] + other + program[line.end(1) :]
        self.calls += 1
        if self.hit is None and dict(re.findall(r"'(\w+)': '(\w+)',", program)) == RIGHT:
            self.hit = self.calls
        text = fenced(program, (), found["language"])
        usage = shapes.Usage(len(messages[-1]["content"]) // 4, len(text) // 4)
        return shapes.json_reply(shapes.completion(f"c{next(self.numbers)}", "sim", [(text, "stop")], usage))

    def refuse(self, status, words):
        return shapes.error_reply(status, words)


@pytest.fixture
def calls(installed, serving, tmp_path):
    """`calls(settings, runs)`: of each run, the call that first wrote the right one; nan if it ended before."""
    command = installed("openevolve") / "openevolve-run"
    for file in EXAMPLE.glob("*.txt"):
        (tmp_path / file.stem).write_bytes(file.read_bytes())

    def measure(settings, runs):
        found = []
        for seed in range(runs):
            with serving(endpoint := KnowsNothing(seed)) as client:
                text = (EXAMPLE / "config.yaml").read_text() + (SETTINGS + settings).format(seed=seed, port=client.port)
                (tmp_path / "config.yaml").write_text(text)  # of a key that stands twice the last one counts
                words = [command, "initial_program.py", "evaluator.py", "-c", "config.yaml", "-o", f"out{seed}"]
                subprocess.run(
                    [*words, "--target-score", "1.0"], cwd=tmp_path, capture_output=True, check=True, timeout=900
                )
            found.append(np.nan if endpoint.hit is None else endpoint.hit)
        return np.array(found)

    return measure


def test_an_elitist_archive_takes_16_h_4_calls(calls, tell, runs):
    hits = calls(ELITIST, runs)
    law = predict(Cell(BlockOneMax(k=4, l=1), FixKeep(fix=1 / 4, keep=0), UniformChunk(), OnePlusLambda()))
    tell("k_module_problem, elitist, a mutator that knows nothing", hits, law.mean)
    assert law.mean == pytest.approx(16 * (1 + 1 / 2 + 1 / 3 + 1 / 4))
    deviation = (law.variance / runs) ** 0.5
    # Proposals in flight: as in test_openevolve.py
    assert law.mean - 5 * deviation < hits.mean() < 2 * law.mean + 5 * deviation


def test_its_own_settings_take_longer(calls, tell, runs):
    hits = calls("", max(3, runs // 3))
    law = predict(Cell(BlockOneMax(k=4, l=1), FixKeep(fix=1 / 4, keep=0), UniformChunk(), OnePlusLambda()))
    done = hits[~np.isnan(hits)]
    soon = f"{(hits <= 100).sum()} within 100 calls, elitist loops {float(law.cdf(100)):.0%} by theory"
    print(f"\nk_module_problem, its own settings: {len(done)} of {len(hits)} runs ended in 400 calls, {soon}")
    assert np.nanmean(np.where(np.isnan(hits), 400, hits)) > law.mean
