"""What frameworks write of a run, beside the endpoint's log of the same run: block for block, and what is lost."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from evo import AllBlocks
from experiments.logs.formats import read_calls
from operators import FixKeep

HERE = Path(__file__).parent
CALLBACK = HERE.parents[2] / "experiments" / "logs" / "frameworks" / "gepa_callback.py"
CONFIG = """
max_iterations: 60
checkpoint_interval: 10000
random_seed: 1
diff_based_evolution: true
evolution_trace: {{enabled: true, include_prompts: false}}
llm:
  api_base: "http://127.0.0.1:{port}/v1"
  api_key: "none"
  models: [{{name: "sim", weight: 1.0}}]
  retries: 0
evaluator: {{parallel_evaluations: 1, cascade_evaluation: false}}
"""
K = 6
pytestmark = pytest.mark.slow


def counted(calls):
    """Of calls whose blocks were counted, how many there are of each kind."""
    columns = [calls.number(name) for name in ("incorrect", "repaired", "kept")]
    return Counter(row for row in zip(*columns, strict=True) if not np.isnan(row).any())


@pytest.fixture
def both(installed, simulated, tmp_path):
    """`both(name, program, words, file, **faults)`: a run's calls, by the endpoint's log and by the framework's."""

    def run(name, program, words, file, **faults):
        with simulated(K, AllBlocks(), FixKeep(fix=0.4, keep=0.8), **faults) as served:
            (tmp_path / "config.yaml").write_text(CONFIG.format(port=served.port))
            shutil.copy(CALLBACK, tmp_path)
            command = [installed(name) / program, *(str(word).format(port=served.port) for word in words)]
            done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
                                  capture_output=True, text=True, check=False, timeout=900)  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
        return read_calls(tmp_path / "calls.jsonl"), read_calls(tmp_path / file)

    return run


def test_openevolve(both):
    words = ["program.py", "evaluator.py", "-c", "config.yaml", "-o", "out"]
    truth, told = both("openevolve", "openevolve-run", words, "out", search=0.1, empty=0.1, prose=0.1)
    print(f"\nOpenEvolve: {len(told)} of {len(truth)} requests are in its output folder")
    assert 0 <= len(truth) - len(told) <= 3  # those in flight at the end are paid and dropped
    assert not counted(told) - counted(truth)
    lost = counted(truth) - counted(told)  # a program without a wrong block that came back as it was has no child
    assert sum(lost.values()) - lost[0.0, 0.0, float(K)] <= 3
    for kind in ("malformed", "refused"):
        assert abs(Counter(told.classes)[kind] - Counter(truth.classes)[kind]) <= 3


def test_shinka(both):
    words = [HERE / "drive_shinka.py", "{port}", "diff", "out", "default", 20]
    truth, told = both("shinka", "python", words, "out/programs.sqlite", search=0.2)
    print(f"\nShinka: {len(told)} of {len(truth)} requests are in its database")
    assert not counted(told) - counted(truth)
    assert 0.7 * len(truth) <= len(told) <= len(truth)
    assert Counter(told.classes)["malformed"] <= Counter(truth.classes)["malformed"]


def test_gepa(both):
    """A call shows one block of six to the endpoint, and is scored on all: repaired and broken blocks are the same."""
    words = [HERE / "drive_gepa.py", "{port}", "round_robin", 3, "written.jsonl"]
    truth, told = both("gepa", "python", words, "written.jsonl")
    assert len(told) == len(truth)
    assert told.number("repaired").tolist() == truth.number("repaired").tolist()
    assert (told.correct - told.kept).tolist() == (truth.correct - truth.kept).tolist()
