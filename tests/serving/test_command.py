"""`llm-evo serve` as people type it: its files, its errors, its end."""

import http.client
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from experiments.cli.serving import serve
from experiments.serving.evaluator import LINE

ROOT = Path(__file__).parents[2]


@contextmanager
def running(*words, cwd):
    """The command in a process of its own, and the address that it tells."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "experiments", *words]
    with subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        line = process.stdout.readline()
        try:
            yield process, int(re.search(r":(\d+)/v1", line)[1])
        finally:
            process.kill()


def test_the_files_score_themselves_without_the_testbed(command, capsys, tmp_path):
    done = command("serve", "FixKeep(fix=0.5, keep=0.9)", "--k", 3, "--files", "mine", "--start", 1.0, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "mine"
    code = "import evaluator, json; print(json.dumps(evaluator.evaluate('program.py')))"
    scored = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.append('.'); {code}"], cwd=folder,
                            capture_output=True, text=True, check=True)  # fmt: skip
    assert json.loads(scored.stdout) == {"combined_score": 3.0, "b0": 1.0, "b1": 1.0, "b2": 1.0}
    program = folder / "program.py"
    program.write_text(program.read_text().replace('B1 = "', 'B1 = "x') + "\nraise SystemExit('executed')\n")
    subprocess.run([sys.executable, "-I", "evaluator.py", "--program_path", "program.py", "--results_dir", "found"],
                   cwd=folder, check=True)  # fmt: skip
    assert json.loads((folder / "found" / "metrics.json").read_text())["combined_score"] == 2.0
    assert json.loads((folder / "found" / "correct.json").read_text())["correct"] is True
    assert len(LINE.findall(program.read_text())) == 3
    assert "not there yet" in refused(capsys, k=3, files=folder)
    assert runpy.run_path(str(program.parent / "evaluator.py"))["K"] == 3


def refused(capsys, mutator="Resample(p=0.5)", **options):
    """What the command says before it ends with exit code 2."""
    with pytest.raises(typer.Exit) as ended:
        serve(mutator, **options)
    assert ended.value.exit_code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mutator": "Nothing(p=1)"}, 'expected "module:Class"'),
        ({"mutator": "RoundRobin()"}, "expected a mutator"),
        ({"schedule": "RoundRobin()"}, "shows the blocks of its chunk alone"),
        ({"schedule": "Resample(p=0.5)"}, "expected a schedule"),
        ({"faults": "prosa=.1"}, "did you mean 'prose'?"),
        ({"faults": "prose=.6,empty=.6"}, "sum to at most 1"),
        ({"faults": "prose=2"}, "expected a probability"),
        ({"faults": "prose"}, "expected name=number"),
        ({"prompts": "opnevolve"}, "expected one of auto"),
        ({"k": 0}, "--k: expected"),
        ({"l": 0}, "--l: expected"),
        ({"name": "a b"}, "--name: expected"),
        ({"port": 70000}, "from 0 (any free port) to 65535"),
        ({"host": "no.such.host.invalid"}, "--host: cannot listen"),
        ({"log": Path("calls.csv")}, "ends in .jsonl"),
    ],
)
def test_bad_input_is_told_before_anything_is_served(capsys, options, told):
    assert told in refused(capsys, **options)


def test_a_port_in_use_is_told(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"got {port}, at which another program listens" in refused(capsys, port=port)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_it_serves_until_it_is_interrupted_and_tells_its_totals(tmp_path):
    with running("serve", "Resample(p=0.5)", "--port", "0", "--log", "calls.jsonl", cwd=tmp_path) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = json.dumps({"messages": [{"role": "user", "content": 'B0 = "abcd"'}]})
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("1 requests, 1 calls")
    assert len((tmp_path / "calls.jsonl").read_text().splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_an_address_that_others_reach_says_so(tmp_path):
    with running("serve", "Resample(p=0.5)", "--port", "0", "--host", "0.0.0.0", cwd=tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert "can use this endpoint; there is no password" in err
