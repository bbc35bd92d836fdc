"""How results were made: a record of each launch, kept apart from the tables.

    provenance.json     under "launches" a list: when and how they began and ended, command, versions, hosts, git

A launch that was killed has no end: `ended` and `how` stay null.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evo.parameters import shown
from experiments.grids.grid import Grid
from experiments.grids.outside.bounds import PROVENANCE_BYTES
from experiments.grids.outside.reading import Damaged, Unsound, read_file
from experiments.grids.stopping import written
from experiments.store.files import StoreError, write_json
from experiments.store.verify.seals import from_json

FILE = "provenance.json"
ENDS = ("finished", "interrupted", "failed", "stopped at a limit")
PACKAGES = ("llm-evo-testbed", "numpy", "scipy", "pandas", "joblib", "deap")
SECONDS_FOR_GIT = 10.0
OUR_GIT = ("git", "--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
           "-c", "protocol.allow=never")  # fmt: skip
"""Git, that starts no program of a folder's own: a folder may have come from somebody else."""
QUIET_GIT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}


def begin(
    grid: Grid,
    batches: int,
    folder: Path | None = None,
    accepted: Iterable[str] = (),
    told: Iterable[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """What to write down of a launch that begins.

    Args:
        grid: what is run.
        batches: that are still to run.
        folder: of the grid's file; the current one unless said.
        accepted: parts whose changed source was accepted.
        told: what the user was told of the folder.
        more: entries of the launch's own, such as the batches taken over.
    """
    numbers = {"seed": grid.seed, "runs": written(grid.runs), "batch": grid.batch, "engine": grid.engine}
    accepted, told = list(accepted), list(told)
    return {
        "started": _now(),
        "ended": None,
        "how": None,
        "command": sys.argv,
        **numbers,
        "batches to run": batches,
        **more,
        "hosts": [socket.gethostname()],
        "git": git_states(Path(__file__).parent, folder or Path.cwd()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in PACKAGES},
        **({"accepted changed code": accepted} if accepted else {}),
        **({"told": told} if told else {}),
    }


def ended(launch: dict[str, Any], how: str, hosts: Iterable[str] = ()) -> dict[str, Any]:
    """The entry of a launch that has ended.

    Args:
        launch: as it began.
        how: "finished", "interrupted", "failed" or "stopped at a limit".
        hosts: on which workers ran, besides the driver's.
    """
    return launch | {"ended": _now(), "how": how, "hosts": list(dict.fromkeys([*launch["hosts"], *hosts]))}


def write_launch(folder: Path, launch: dict[str, Any], instead_of: dict[str, Any] | None = None) -> None:
    """Append a launch to the provenance of a results folder, or put it in the place of its earlier entry.

    Raises: StoreError if the file is damaged; OSError.
    """
    file = folder / FILE
    try:
        launches = read_launches(folder)
    except Unsound as error:
        raise StoreError(f"{file}: {error}; remove this file") from None
    before = None if instead_of is None else json.loads(json.dumps(instead_of))
    place = next((n for n in reversed(range(len(launches))) if launches[n] == before), len(launches))
    launches[place : place + 1] = [launch]
    write_json(file, {"launches": launches})


def read_launches(folder: Path) -> list[dict[str, Any]]:
    """The launches into a results folder; none if nothing was written of any.

    Raises: Unsound if the file is damaged; OSError.
    """
    try:
        launches = from_json(read_file(folder / FILE, PROVENANCE_BYTES)).get("launches")
    except FileNotFoundError:
        return []
    if not isinstance(launches, list) or not all(isinstance(launch, dict) for launch in launches):
        raise Unsound(f"expected a list of launches, got {shown(launches):.80}")
    return launches


def damaged_launches(folder: Path) -> list[Damaged]:
    """The file of the launches, if it is damaged."""
    try:
        read_launches(folder)
    except Unsound as error:
        return [Damaged(folder / FILE, str(error))]
    return []


def last_launch(folder: Path) -> dict[str, Any] | None:
    """The entry of the last launch into a results folder; None if there is none.

    Raises: Unsound if the file is damaged; OSError.
    """
    return next(reversed(read_launches(folder)), None)


def other_versions(folder: Path) -> list[str]:
    """In words, whether the last launch into a folder had another numpy, whose generators may draw otherwise."""
    try:
        versions = (last_launch(folder) or {}).get("versions")
    except (Unsound, OSError):
        return []  # of which the launch tells
    before, now = versions.get("numpy") if isinstance(versions, dict) else None, _version("numpy")
    if before is None or before == now:
        return []
    return [
        f"its runs so far were made with numpy {before}, this is numpy {now}, which may draw other random numbers: "
        "what is added need not be what one launch would have given"
    ]


def git_states(package: Path, folder: Path) -> dict[str, Any]:
    """The git commits of the testbed's own folder and of the grid's, and whether tracked files were changed there.

    Null where there is no work tree, no git, or the package is none of the tree's tracked files; one entry if both are
    the same tree.

    >>> git_states(Path("/"), Path("/"))
    {'testbed': None, 'grid': None}
    """
    tracked = _git(package, "ls-files", "--error-unmatch", "__init__.py") is not None
    ours, its = _tree(package) if tracked else None, _tree(folder)
    return {"testbed": _state(package, ours), "grid": None if its == ours else _state(folder, its)}


def _tree(folder: Path) -> tuple[str, str] | None:
    """Top folder and commit of a work tree; None outside work trees."""
    found = _git(folder, "rev-parse", "--show-toplevel", "HEAD")
    return None if found is None else (found.rpartition("\n")[0], found.rpartition("\n")[2])


def _state(folder: Path, tree: tuple[str, str] | None) -> dict[str, Any] | None:
    """Top folder, commit and whether tracked files differ from it; None outside work trees."""
    if tree is None:
        return None
    words = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    changed = _git(folder, *words, without=_own_filters(folder))
    return {"folder": tree[0], "commit": tree[1], "changed": None if changed is None else bool(changed)}


def _own_filters(folder: Path) -> list[str]:
    """The settings by which a folder, not the user, lets git start a program for each file that it looks at."""
    listed = (_git(folder, "config", "--list", "--show-scope", "--name-only", "-z") or "").split("\0")
    own = {name for scope, name in zip(listed[::2], listed[1::2], strict=False) if scope in ("local", "worktree")}
    return sorted(name for name in own if name.startswith("filter.") and name.endswith((".clean", ".process")))


def _git(folder: Path, *words: str, without: Iterable[str] = ()) -> str | None:
    """What git says in a folder, without some settings; None if it fails or is not there."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    unset = {f"GIT_CONFIG_KEY_{n}": name for n, name in enumerate(without)}
    unset |= {"GIT_CONFIG_COUNT": str(len(unset)), **{f"GIT_CONFIG_VALUE_{n}": "" for n in range(len(unset))}}
    try:
        done = subprocess.run(
            [*OUR_GIT, "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=SECONDS_FOR_GIT,
            env=own | QUIET_GIT | unset,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


_version = cache(version)  # a file of each package is read to tell it


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
