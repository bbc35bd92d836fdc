"""What the launches of this user recorded of the modules of their parts: kept outside of the results folders.

A results folder may come from anybody. So the modules that are imported when it is read again are not taken from it
but from here: a file a folder, where the user's state is kept (XDG_STATE_HOME or ~/.local/state; on Windows
LOCALAPPDATA).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.grids.extensions import module_file
from experiments.store.files import write_json
from experiments.store.launches.state import state_file
from experiments.store.third_party.origins import Origin


@dataclass(frozen=True)
class Recorded:
    """The module of a part at a launch.

    Attributes:
        file: its file.
        sha256: of that file.
        folder: where it was looked up besides the path.
    """

    file: str
    sha256: str
    folder: str | None


def record(path: Path, parts: Mapping[str, Origin]) -> str:
    """Record the modules of the parts of a launch into a results folder; in words what hinders it, if anything.

    Those that only earlier launches had are kept.
    """
    made = recorded(path)
    for name, origin in parts.items():
        file = module_file(origin.module)
        if origin.module != "__main__" and file is not None and Path(file).is_file():
            digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
            made[name] = Recorded(str(Path(file).resolve()), digest, origin.folder)
    if not made:
        return ""
    content = {"results": str(path.resolve()), "parts": {name: asdict(each) for name, each in made.items()}}
    try:
        _file(path).parent.mkdir(parents=True, exist_ok=True)
        write_json(_file(path), content)
    except (OSError, RuntimeError) as error:
        return f"check and report will import no parts of yours ({error}), unless you say --import"
    return ""


def recorded(path: Path) -> dict[str, Recorded]:
    """What launches of this user recorded for a results folder, by the name of a part."""
    try:
        content = json.loads(_file(path).read_text(encoding="utf-8"))
        if content["results"] != str(path.resolve()):
            return {}
        return {str(name): Recorded(**each) for name, each in content["parts"].items()}
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _file(path: Path) -> Path:
    """Where the record of a results folder is kept."""
    return state_file("launches", path)
