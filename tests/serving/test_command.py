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
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from patience import SECONDS

from experiments.cli import serving
from experiments.cli.serving import record, serve, until_ended
from experiments.serving.evaluator import LINE

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def ends_at_once(monkeypatch):
    """What is served in this process, and not in one of its own, ends before anything comes."""
    monkeypatch.setattr(serving, "until_ended", lambda server, host, what: server.end())


def listen_to_ctrl_c():
    """Whoever runs the tests in the background may have had it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def running(*words, cwd):
    """The command in a process of its own, and the address that it tells."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "experiments", *words]
    with subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=listen_to_ctrl_c,
    ) as process:  # fmt: skip
        line, process.told = process.stdout.readline(), process.stdout.readline()
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
        ({"mutator": '{type = "Resample"}'}, "mutator: Resample needs the parameter 'p'"),
        ({"mutator": '{type = "Resample", p = [0.1, 0.2]}'}, "expected one mutator"),
        ({"mutator": '{type = "Resample", p = 0.1'}, "expected a table such as"),
        ({"mutator": '{type = "RoundRobin"}'}, "mutator:"),
        ({"schedule": '{type = "RoundRobin", g = 2}'}, "shows the blocks of its chunk alone"),
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
        ({"seed": -1}, "--seed: expected a whole number >= 0, got -1"),
        ({"model": "\x1b[1m"}, "--model: expected at most"),
        ({"model": "m\u202e"}, "--model: expected at most"),
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


def test_a_log_of_another_launch_is_left_as_it_is(capsys, tmp_path):
    """`serve` begins a log anew, of calls that count from 1; `record` goes on with one."""
    log = tmp_path / "calls.jsonl"
    log.write_text('{"schema": "llm-evo calls 1", "id": "a"}\n')
    assert f"expected a new file, got {log} with 41 bytes; move it away" in refused(capsys, log=log)
    assert log.read_text() == '{"schema": "llm-evo calls 1", "id": "a"}\n'


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_it_serves_until_it_is_interrupted_and_tells_its_totals(tmp_path):
    with running("serve", "Resample(p=0.5)", "--port", "0", "--log", "calls.jsonl", cwd=tmp_path) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        body = json.dumps({"messages": [{"role": "user", "content": 'B0 = "abcd"'}]})
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, err) == (0, "")
    # a token is four letters or less: 11 of B0 = "abcd", and 15 of the line that comes back, with 8 letters in quotes
    assert process.told == "sim: Resample(p=0.5) on 4 blocks; Ctrl-C ends it\n"
    assert out == "1 requests, 1 calls, 3 tokens in, 4 out\n"
    assert len((tmp_path / "calls.jsonl").read_text().splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_an_address_that_others_reach_says_so(tmp_path):
    with running("serve", "Resample(p=0.5)", "--port", "0", "--host", "0.0.0.0", cwd=tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=SECONDS)
    assert "can use this endpoint; there is no password" in err


@pytest.mark.parametrize("raised", [None, KeyboardInterrupt, OSError])
def test_whatever_ends_it_the_port_is_let_go(raised, capsys):
    done = []

    def serve_forever():
        done.append("served")
        if raised is not None:
            raise raised

    server = SimpleNamespace(port=80, serve_forever=serve_forever, end=lambda: done.append("ended"))
    with pytest.raises(OSError) if raised is OSError else nullcontext():  # noqa: PT011  # it has no words
        until_ended(server, "127.0.0.1", "answers")
    assert done == ["served", "ended"]
    assert capsys.readouterr().out == "http://127.0.0.1:80/v1\nanswers; Ctrl-C ends it\n"


TO = {"to": "http://127.0.0.1:9/v1"}


@pytest.mark.parametrize(
    ("log", "options", "told"),
    [
        ("calls.jsonl", {}, "--to: expected the base URL"),
        ("calls.csv", TO, "ends in .jsonl"),
        ("calls.jsonl", TO | {"key_env": "NO_SUCH_KEY_HERE"}, "the environment has no 'NO_SUCH_KEY_HERE'"),
        ("calls.jsonl", TO | {"max_cost": 1.0}, "a cap in money needs them"),
        ("calls.jsonl", TO | {"max_calls": -1.0}, "--max-calls: expected a number >= 0"),
        ("calls.jsonl", TO | {"prices": "prompt=3"}, "got no generated"),
        ("calls.jsonl", TO | {"prices": "prompt=3,generated=1,output=1"}, "--prices: expected prompt, cached"),
        ("calls.jsonl", TO | {"per": 0.0}, "--per: expected"),
        ("calls.jsonl", TO | {"answer_tokens": 0}, "--answer-tokens: expected"),
        ("calls.jsonl", TO | {"timeout": 0.0}, "--timeout: expected"),
        ("calls.jsonl", TO | {"run": "a\nb"}, "--run: expected"),
        ("theirs.jsonl", TO, "expected a log that `llm-evo record` wrote"),
        ("broken.jsonl", TO, "line 2: expected a JSON object"),
        ("theirs.jsonl", {"strip": Path("theirs.jsonl")}, "not there yet"),
        ("nowhere.jsonl", {"strip": Path("new.jsonl")}, "cannot read the log"),
    ],
)
def test_bad_input_of_record_is_told_before_anything_is_sent(capsys, tmp_path, monkeypatch, log, options, told):
    monkeypatch.chdir(tmp_path)
    Path("theirs.jsonl").write_text('{"g": 3}\n')
    Path("broken.jsonl").write_text('{"schema": "llm-evo calls 1"}\n{"id": \n')
    with pytest.raises(typer.Exit) as ended:
        record(Path(log), **options)
    assert ended.value.exit_code == 2
    assert told in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_record_says_what_there_is_to_know_and_shares_its_file_with_nobody(capsys, tmp_path):
    words = ["calls.jsonl", "--to", "http://example.invalid/v1", "--port", "0", "--bodies"]
    with running("record", *words, cwd=tmp_path) as (process, _):
        with pytest.raises(typer.Exit):
            record(tmp_path / "calls.jsonl", **TO)
        assert "written by another `llm-evo serve` or `record`" in capsys.readouterr().err
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
    assert process.told == "records calls of http://example.invalid/v1 in calls.jsonl; Ctrl-C ends it\n"
    assert (process.returncode, out) == (0, "0 calls, 0 tokens, all of calls.jsonl\n")
    for note in ("there is no cap", "may be private", "without encryption"):
        assert note in err


LOGGED = (
    {"schema": "llm-evo calls 1", "id": "a", "tokens_in": 1000, "tokens_out": 200, "price": 0.5},
    {"schema": "llm-evo calls 1", "id": "b", "tokens_in": 2000, "tokens_out": 300, "tokens_cached": 500},
    {"schema": "llm-evo calls 1", "id": "c", "most_tokens": 4000, "most_price": 0.25},
)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "0.75 in money"),  # what is known of it
        ({"prices": "prompt=2,cached=1,generated=10,call=.003", "per": 1e3}, "7.253 in money"),
        ({"prices": "prompt=2,cached=1,generated=10,call=.003"}, "6500.75 in money"),  # 0.753 + 6500, to six digits
    ],
)
def test_record_ends_with_all_that_its_log_has_cost(options, told, capsys, tmp_path, monkeypatch):
    """Before anything is sent: a call that never came back counts with the most that it may have come to.

    A call without money is priced: 1,500 new tokens, 500 cached ones, 300 generated: 3 + 0.5 + 3 by the thousand, and
    0.003 for the call.
    """
    monkeypatch.chdir(tmp_path)
    Path("calls.jsonl").write_text("".join(json.dumps(row) + "\n" for row in LOGGED))
    record(Path("calls.jsonl"), **TO, port=0, **options)
    said = capsys.readouterr()
    assert said.out == f"3 calls, 7500 tokens, {told}, all of calls.jsonl\n"
    assert "note: calls.jsonl holds 3 calls, which count for the caps\n" in said.err


PRICED = {"prices": "prompt=0,generated=0"}


@pytest.mark.parametrize("options", [
    {"seed": 0}, {"k": 1, "l": 1}, {"faults": "prose=.25,empty=.25,fence=.5,think=1"}, {"start": 0.0}, {"start": 1.0},
    {"name": 60 * "n"}, {"model": 200 * "m"}, {"seconds": 0.0, "silence": 0.0},
])  # fmt: skip
def test_the_limits_of_what_serve_takes_are_taken(options, capsys):
    serve("Resample(p=0.5)", port=0, **options)
    assert capsys.readouterr().out == "0 requests, 0 calls, 0 tokens in, 0 out\n"


@pytest.mark.parametrize("options", [
    {"answer_tokens": 1}, {"max_calls": 0.0}, {"max_tokens": 0.0}, {"max_cost": 0.0} | PRICED, {"per": 1e-9} | PRICED,
    {"timeout": 1e-9}, {"run": 200 * "r"},
])  # fmt: skip
def test_the_limits_of_what_record_takes_are_taken(options, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    record(Path("calls.jsonl"), **TO, port=0, **options)
    assert capsys.readouterr().out == "0 calls, 0 tokens, all of calls.jsonl\n"
