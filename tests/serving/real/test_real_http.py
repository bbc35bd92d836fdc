"""Real calls over HTTP by the package `openai`: tries, usage, a launch that is killed, no key anywhere."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from patience import SECONDS

from evo import Budget, OnePlusLambda, RoundRobin
from experiments import Cell, Grid, RealCalls, WorkersLost, load, run_grid
from experiments.serving.faults import Faults
from experiments.serving.log import CallLog
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.real.client import NoAnswer, OpenAIClient
from experiments.serving.serve import Endpoint
from experiments.serving.upstream import upstream
from experiments.serving.web import Reply
from operators import LLM, FixKeep
from problems import Exact, TextProblem

pytest.importorskip("openai", reason="the package openai is not installed")
K = 6
RIGHT = tuple(Blocks(K, 2).right(at) for at in range(K))
KEY = "sk-nobody-may-read-this"


class Counting:
    """An endpoint that counts its requests, remembers their keys, and answers some of them only when told to."""

    def __init__(self, endpoint, at_first=10**9):
        self.endpoint, self.at_first, self.requests, self.keys = endpoint, at_first, 0, set()
        self.go_on = threading.Event()

    def __call__(self, request):
        self.requests += 1
        self.keys.add(request.headers.get("authorization"))
        if self.requests > self.at_first:
            assert self.go_on.wait(600)
        return self.endpoint(request)

    def refuse(self, status, words):
        return self.endpoint.refuse(status, words)


def endpoint(tmp_path, at_first=10**9, **faults):
    model = Model(Blocks(K, 2), FixKeep(fix=0.5, keep=0.9), faults=Faults(faults))
    return Counting(Endpoint(model, log=CallLog(tmp_path / "served.jsonl", new=True), silence=1.0), at_first)


def grid(runs=4):
    problem = TextProblem(("aaaaaaaa",) * K, Exact(RIGHT), l=2)
    return Grid(
        "real", [Cell(problem, LLM("sim"), RoundRobin(g=2), OnePlusLambda(), budget=Budget(500))], runs, batch=4
    )


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def everything(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_usage_is_that_of_the_endpoint_and_the_key_is_written_nowhere(serving, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    asked = endpoint(tmp_path, http_429=0.2, prose=0.1)
    with serving(asked) as server:
        real = RealCalls(f"http://127.0.0.1:{server.port}/v1", max_calls=500, longest_wait=0.01, tries=50)
        found = run_grid(grid(2), tmp_path / "out", real=real).runs
    served = rows(tmp_path / "served.jsonl")
    assert asked.requests == len(served) == found["measured.calls"].sum()
    for column, entry in (("tokens_in", "prompt"), ("tokens_out", "generated")):
        assert sum(row.get(column) or 0 for row in served) == found[f"measured.{entry}_tokens"].sum()
    assert any(row.get("fault") == "http_429" for row in served)
    assert asked.keys == {f"Bearer {KEY}"}
    assert KEY.encode() not in everything(tmp_path)


class Silent:
    """Takes a request, and says nothing until it is let go."""

    def __init__(self):
        self.go_on, self.requests = threading.Event(), 0

    def __call__(self, request):
        self.requests += 1
        self.go_on.wait(SECONDS)
        return self.refuse(500, "late")

    def refuse(self, status, words):
        return Reply(status, b"{}")


def test_a_reply_is_waited_for_as_long_as_was_asked_for_and_no_longer(serving):
    """Once: the client tries nothing again by itself. What was sent may be paid; what found nobody was not sent."""

    async def sent(port):
        client = OpenAIClient(upstream(f"http://127.0.0.1:{port}/v1", None, 0.2))
        try:
            with pytest.raises(NoAnswer) as failed:
                await asyncio.wait_for(client.send({"model": "any", "messages": []}), 20)
        finally:
            await client.close()
        return failed.value.failed

    silent = Silent()
    with serving(silent) as server:
        late, port = asyncio.run(sent(server.port)), server.port
        silent.go_on.set()
    assert (late.status, late.told, late.sent, late.slow, silent.requests) == (None, "no reply in time", True, True, 1)
    down = asyncio.run(sent(port))
    assert (down.status, down.told, down.sent, down.slow) == (None, "no reply (ConnectError)", False, False)


@pytest.mark.slow
def test_an_endpoint_that_is_down_or_refuses_the_key_is_told_without_the_key(serving, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    class Refuses(Counting):
        def __call__(self, request):
            return self.endpoint.refuse(401, f"no such key: {KEY}")

    with serving(Refuses(endpoint(tmp_path).endpoint)) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        with pytest.raises(WorkersLost, match=r"status 401 \(authentication_error\); what was answered") as refused:
            run_grid(grid(), tmp_path / "out", real=RealCalls(url, max_calls=9))
    with pytest.raises(WorkersLost, match=r"no reply \(ConnectError\), 2 times") as down:
        run_grid(grid(), tmp_path / "out", real=RealCalls(url, max_calls=9, tries=2, longest_wait=0.01))
    assert KEY not in f"{refused.value}{down.value}"
    assert KEY.encode() not in everything(tmp_path)


@pytest.mark.slow
def test_a_killed_launch_has_lost_no_answer_and_the_next_one_asks_nothing_twice(serving, tmp_path):
    (tmp_path / "my_grid.toml").write_text(
        f"""name = "real"
runs = 6
[[arm]]
label = "real"
problem = {{type = "TextProblem", texts = [{["aaaaaaaa"] * K}], checker = {{type = "Exact", texts = [{list(RIGHT)}]}},
           l = 2}}
mutator = {{type = "LLM", model = "sim"}}
schedule = {{type = "RoundRobin", g = 2}}
runner = {{type = "OnePlusLambda", lam = 2}}
budget = {{type = "Budget", calls = 500}}
""".replace("\n           ", " ")
    )
    at_once, answers = 3, tmp_path / "out" / "answers.jsonl"
    asked = endpoint(tmp_path, at_first=15)
    with serving(asked) as server:
        command = [sys.executable, "-m", "experiments", "run", "my_grid.toml", "--out", "out", "-q",
                   "--max-calls", "5000", "--at-once", str(at_once)]  # fmt: skip
        command += ["--base-url", f"http://127.0.0.1:{server.port}/v1"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + SECONDS
            while not answers.exists() or answers.read_bytes().count(b'"reply"') < 12:
                assert process.poll() is None, "ended before it was killed"
                assert time.monotonic() < deadline
                time.sleep(0.01)
            second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
            assert (second.returncode, "at work" in second.stderr) == (5, True), second.stderr
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            asked.go_on.set()
        kept = {row["of"]: row["reply"] for row in rows_whole(answers) if "reply" in row}
        before = {row["id"]: row["asked"] for row in rows_whole(answers) if "asked" in row}
        assert len(kept) >= 12
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
    written = rows(answers)
    sent = [row["asked"] for row in written if "asked" in row]
    replies = {row["of"]: row["reply"] for row in written if "reply" in row}
    assert kept.items() <= replies.items()  # no answer is lost
    assert all(sent.count(before[name]) == 1 for name in kept)  # and none was asked for again
    assert len(sent) - len(set(sent)) <= at_once  # but what was under way
    assert len(replies) == len(set(sent)) <= asked.requests <= len(sent)
    found = load(tmp_path / "out")
    again = run_grid(Grid("real", [found.cell(name) for name in found.cells.index], runs=6),
                     tmp_path / "again", real=RealCalls(replay=answers))  # fmt: skip
    pd.testing.assert_frame_equal(found.runs, again.runs)
    assert np.isfinite(found.runs["measured.prompt_tokens"].to_numpy(dtype=float)).all()


def rows_whole(path):
    """The rows of a file whose last line may be half."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1] if line]
