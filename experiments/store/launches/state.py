"""Where what belongs to the user, and not to a results folder, is kept: a folder may come from anybody."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def state_file(kind: str, path: Path) -> Path:
    """The file of a kind for a results folder, where the user's state is kept.

    That is XDG_STATE_HOME or ~/.local/state, on Windows LOCALAPPDATA.

    Args:
        kind: what is kept, the name of a folder.
        path: the results folder.

    Raises: RuntimeError or OSError if no home is known.
    """
    home = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_STATE_HOME")
    state = Path(home) if home and Path(home).is_absolute() else Path.home() / ".local" / "state"
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return state / "llm-evo" / kind / f"{name}.json"
