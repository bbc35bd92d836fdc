"""A folder of somebody else's may hold settings that let git start programs: none is started to know its commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.store.launches import provenance
from experiments.store.launches.provenance import git_states

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or sys.platform == "win32", reason="needs git and a POSIX shell"
)
SETTINGS = {
    "fsmonitor": '[core]\n fsmonitor = "{program}"',
    "hooks": "",
    "hooks elsewhere": '[core]\n hooksPath = "{hooks}"',
    "pager": '[core]\n pager = "{program}"\n[pager]\n status = true\n config = true',
    "clean": '[filter "any"]\n clean = "{program}"',
    "clean and required": '[filter "any"]\n clean = "{program}"\n required = true',
    "process": '[filter "any"]\n process = "{program}"',
    "clean of a name with signs": '[filter "a=b.c"]\n clean = "{program}"',
    "included": "[include]\n path = {included}",
    "of the work tree": "[extensions]\n worktreeConfig = true",
    "external diff": '[diff]\n external = "{program}"',
    "editor": '[core]\n editor = "{program}"\n sshCommand = "{program}"\n askPass = "{program}"',
    "alias": '[alias]\n status = "!{program}"\n config = "!{program}"',
}
RUN_BY_PLAIN_GIT = [name for name in SETTINGS if name not in ("pager", "external diff", "editor", "alias")]


def git(folder: Path, *words: str) -> None:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *settings, *words], cwd=folder, capture_output=True, check=True)


@pytest.fixture
def tree(tmp_path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "__init__.py").touch()
    (tree / ".gitattributes").write_text("*.py filter=any\n*.txt filter=a=b.c\n")
    (tree / "file.txt").write_text("one")
    git(tree, "init")
    git(tree, "add", ".")
    git(tree, "commit", "-m", "all")
    return tree


def infect(tree: Path, setting: str) -> Path:
    """Let git start a program that leaves a file; that file."""
    left, hooks = tree.parent / "left", tree.parent / "hooks"
    program = tree.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch '{left}'\n")
    program.chmod(0o700)
    hooks.mkdir()
    shutil.copy(program, (tree / ".git" / "hooks" if setting == "hooks" else hooks) / "post-index-change")
    included = tree.parent / "included"
    fsmonitor = SETTINGS["clean"].format(program=program) + f'\n[core]\n fsmonitor = "{program}"\n'
    included.write_text(fsmonitor)
    (tree / ".git" / "config.worktree").write_text(fsmonitor)
    written = SETTINGS[setting].format(program=program, hooks=hooks, included=included)
    with (tree / ".git" / "config").open("a") as config:
        config.write("\n" + written + "\n")
    for file in (tree / "__init__.py", tree / "file.txt"):
        os.utime(file, (1, 1))  # so that git must look into it
    return left


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_program_of_the_folder_is_started(tree, setting):
    left = infect(tree, setting)
    found = git_states(tree, tree)["testbed"]
    assert not left.exists()
    assert found["folder"] == str(tree.resolve())
    assert found["changed"] in ((False,) if setting != "clean and required" else (False, None))


@pytest.mark.parametrize("setting", RUN_BY_PLAIN_GIT)
def test_plain_git_would_start_it(tree, setting):
    """The twin, without which the test above would show nothing."""
    left = infect(tree, setting)
    subprocess.run(["git", "-C", str(tree), "status", "--porcelain"], capture_output=True, check=False)
    assert left.exists()


def test_git_that_never_answers_is_not_waited_for(tree, monkeypatch, tmp_path):
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(provenance, "SECONDS_FOR_GIT", 0.05)
    assert git_states(tree, tree) == {"testbed": None, "grid": None}
