"""Frameworks themselves, each in an environment of its own, against the simulated endpoint (make test-frameworks).

LLM_EVO_FRAMEWORKS says `install`, or names a folder of environments; those that are missing are made there.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from experiments.serving.faults import Faults
from experiments.serving.log import CallLog
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.serve import Endpoint
from operators import Resample

collect_ignore_glob = ["drive_*.py"]  # executed by the frameworks' own Pythons, which alone have what they import
ASKED = os.environ.get("LLM_EVO_FRAMEWORKS", "")
RUNS = int(os.environ.get("LLM_EVO_FRAMEWORK_RUNS", "20"))
PACKAGES = {
    "openevolve": ("openevolve==0.4.0",),
    "shinka": ("shinka-evolve==0.0.7",),
    "gepa": ("gepa==0.1.4", "litellm"),
}


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """`installed(name)`: the folder of the programs of an environment with a framework."""
    made = {}

    def programs_of(name):
        if not ASKED:
            pytest.skip("LLM_EVO_FRAMEWORKS is not set: it says install, or names a folder of environments")
        if name not in made:
            folder = (tmp_path_factory.mktemp("frameworks") if ASKED == "install" else Path(ASKED).absolute()) / name
            made[name] = folder / "bin", "" if folder.exists() else _why_not(folder, PACKAGES[name])
        programs, why_not = made[name]
        if why_not:
            pytest.skip(why_not)
        return programs

    return programs_of


def _why_not(folder, packages):
    """Install; why it does not work, empty if it does."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    done = subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *packages], capture_output=True,
                          text=True, check=False)  # fmt: skip
    return f"{packages[0]} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}" if done.returncode else ""


class Served:
    """An endpoint, and the rows of its log that are new."""

    def __init__(self, port, log):
        self.port, self.log, self.seen = port, log, 0

    def rows(self):
        """Those that came since `next_run`."""
        lines = self.log.read_text().splitlines()
        return [row for row in map(json.loads, lines[self.seen :]) if row["kind"] == "chat"]

    def next_run(self):
        """From here on the rows are those of another run."""
        self.seen = len(self.log.read_text().splitlines())


@pytest.fixture
def simulated(serving, tmp_path):
    """`with simulated(k, schedule) as served:` p = 1/2 unless said; program.py and evaluator.py in tmp_path."""

    @contextmanager
    def serve(k, schedule, mutator=None, **faults):
        blocks, log = Blocks(k, 2), CallLog(tmp_path / "calls.jsonl", new=True)
        model = Model(blocks, mutator or Resample(p=0.5), schedule, seed=1, faults=Faults(faults))
        (tmp_path / "program.py").write_text(blocks.program([False] * k, np.random.default_rng(1)))
        (tmp_path / "evaluator.py").write_text(blocks.evaluator_source())
        with serving(Endpoint(model, log=log)) as client:
            yield Served(client.port, log.path)
        log.close()

    return serve


@pytest.fixture
def runs():
    """How many runs a cell gets."""
    return RUNS


@pytest.fixture
def tell():
    """Print what was measured, as docs/frameworks.md tells it."""

    def say(what, hits, theory):
        error = np.std(hits, ddof=1) / len(hits) ** 0.5
        print(f"\n{what}: {np.mean(hits):.1f} +- {error:.1f} calls ({len(hits)} runs), theory {theory:.1f}")

    return say


@pytest.fixture
def reaches():
    """The number of the call that first wrote a program with k right blocks."""
    return lambda rows, k: 1 + next(n for n, row in enumerate(rows) if row.get("right") == k)
