"""docs/your-llm.md and docs/real-models.md: written, run, and compared with what they say."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from patience import SECONDS

from experiments import load
from experiments.serving.faults import FAULTS, THINK
from experiments.serving.prompts.find import READERS
from experiments.serving.record import TOLD

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "your-llm.md"
REAL = ROOT / "docs" / "real-models.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def listen_to_ctrl_c():
    """Whoever runs the tests in the background may have had it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def environment():
    return os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}.", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}


def squeezed(text):
    return " ".join(text.split())


def expect(command, expected, found):
    """The pieces between dots stand in what was found, in that order."""
    found = squeezed(found)
    for piece in map(squeezed, expected.split("...")):
        assert piece in found, f"{command}\nexpected: {piece}\ngot: {found}"
        found = found[found.index(piece) + len(piece) :]


class Page:
    """A page that is worked through in a folder."""

    def __init__(self, text, folder, ports, llm_evo):
        self.llm_evo = llm_evo
        for shown, port in zip(("8017", "8018"), ports, strict=True):
            text = text.replace(shown, port)
        self.text, self.folder, self.ports, self.started = text, folder, ports, []

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        for process in self.started:
            process.kill()
            process.communicate()

    def run(self):
        for kind, block in BLOCK.findall(self.text):
            if kind in ("python", "toml") and block.startswith("# "):
                name, _, code = block.removeprefix("# ").partition("\n")
                (self.folder / name).write_text(code)
            elif kind == "console":
                for command, expected in COMMAND.findall(block):
                    self.command(command, expected)

    def command(self, line, expected):
        if line.endswith(" &"):
            return self.start(line.removesuffix(" &"), expected)
        if line.startswith("kill -INT %"):
            return self.end(int(line.removeprefix("kill -INT %")) - 1, expected)
        words = shlex.split(line)
        if words[0] == "llm-evo":
            done = self.llm_evo(*words[1:], cwd=self.folder, COLUMNS="80", PYTHONIOENCODING="utf-8")
        else:
            done = subprocess.run([sys.executable, *words[1:]], cwd=self.folder, env=environment(), capture_output=True,
                                  text=True, check=False)  # fmt: skip
        assert done.returncode == 0, f"{line}: exit code {done.returncode}: {done.stderr}"
        return expect(line, expected, done.stdout + done.stderr)

    def end(self, number, expected):
        """Of the commands that were started, one is ended as Ctrl-C does."""
        self.started[number].send_signal(signal.SIGINT)
        out, _ = self.started[number].communicate(timeout=SECONDS)
        return expect(f"kill -INT %{number + 1}", expected, out)

    def start(self, line, expected):
        """A command that goes on; its port is that of its place on the page."""
        port = [] if "--port" in line else ["--port", self.ports[len(self.started)]]
        words = [sys.executable, "-m", "experiments", *shlex.split(line)[1:], *port]
        process = subprocess.Popen(words, cwd=self.folder, env=environment(), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   preexec_fn=listen_to_ctrl_c)  # fmt: skip
        self.started.append(process)
        expect(line, expected, "".join(process.stdout.readline() for _ in expected.splitlines()))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_the_walk_through_does_what_it_says(tmp_path, command):
    pytest.importorskip("openai", reason="the package openai is not installed")
    with Page(PAGE.read_text(encoding="utf-8"), tmp_path, free_ports(2), command) as page:
        page.run()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_real_models_are_run_calibrated_and_replayed_as_the_page_says(tmp_path, command):
    pytest.importorskip("openai", reason="the package openai is not installed")
    with Page(REAL.read_text(encoding="utf-8"), tmp_path, free_ports(2), command) as page:
        page.run()
    pd.testing.assert_frame_equal(*(load(tmp_path / "results" / name).runs for name in ("real", "again")))


@pytest.mark.parametrize(
    ("session", "told"),
    [("$ python -c 'print(1)'\n2\n", "expected: 2"), ("$ python -c 'raise SystemExit(3)'\n", "exit code 3")],
)
def test_a_page_that_lies_is_found_out(tmp_path, command, session, told):
    page = Page(f"```console\n{session}```\n", tmp_path, ("1", "2"), command)
    with pytest.raises(AssertionError, match=told):
        page.run()


def test_the_page_knows_all_faults_and_prompts():
    text = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    for name in (*FAULTS, THINK, *READERS, *TOLD):
        assert f"`{name}`" in text, name
