"""The tutorial, block by block, as a reader would work through it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
LAW = "    @property\n    def law"


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}.", "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def squeezed(text: str) -> str:
    return " ".join(text.split())


def write(code: str, folder: Path) -> None:
    """A file, or another law for the class in it."""
    head, _, body = code.partition("\n")
    name, _, how = head.removeprefix("# ").partition(", ")
    file = folder / name
    if how:
        before = file.read_text()
        file.write_text(before.split(LAW)[0].rstrip() + "\n\n" + body)
        assert ("law" in before) == (how == "mended")
    else:
        file.write_text(body)


def shell(session: str, folder: Path, llm_evo) -> None:
    for command, expected in COMMAND.findall(session):
        words = [quoted or word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', command.removeprefix("llm-evo "))]
        code = re.search(r"\[exit code (\d)\]\n", expected)
        done = llm_evo(*words, cwd=folder, figures=False, PYTHONPATH=".", COLUMNS="200", PYTHONDONTWRITEBYTECODE="1")
        assert done.returncode == (int(code.group(1)) if code else 0), done.stdout + done.stderr
        pieces = re.sub(r"\[exit code \d\]\n", "", expected).split("...")
        found = squeezed(done.stdout + done.stderr)
        for piece in pieces:
            assert squeezed(piece) in found, f"{command}\nexpected: {squeezed(piece)}\ngot: {found}"
            found = found[found.index(squeezed(piece)) + len(squeezed(piece)) :]


def session(text: str, folder: Path) -> None:
    program = f"import doctest\ntext = {text!r}\n"
    program += "test = doctest.DocTestParser().get_doctest(text, {}, 'tutorial', 'tutorial', 0)\n"
    program += "runner = doctest.DocTestRunner()\nrunner.run(test)\nraise SystemExit(runner.failures)"
    done = run("-c", program, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tutorial_does_what_it_says(tmp_path, command):
    blocks = BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text())
    assert {kind for kind, _ in blocks} == {"pycon", "python", "toml", "console"}
    for kind, text in blocks:
        if kind == "console":
            shell(text, tmp_path, command)
        elif kind == "pycon":
            session(text, tmp_path)
        else:
            write(text, tmp_path)
    tested = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_drifting.py", cwd=tmp_path)
    assert "16 passed" in tested.stdout


def test_a_tutorial_that_lies_is_found_out(tmp_path, command):
    with pytest.raises(AssertionError, match="expected: never said"):
        shell("$ llm-evo --help\nUsage...never said...\n", tmp_path, command)
    with pytest.raises(AssertionError):
        shell("$ llm-evo nosuch\n...\n", tmp_path, command)
    with pytest.raises(AssertionError):
        session(">>> 1 + 1\n3\n", tmp_path)
