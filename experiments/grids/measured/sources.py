"""Tables of a grid that name another file or list: `{calibration = "calibration.toml"}`, `{published = "gpt-5"}`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evo.costs.published import published
from evo.errors import InputError
from evo.parameters import shown, suggestion
from experiments.grids.measured.file import read_calibration
from experiments.grids.measured.parts import call_of, prices_of, prompt_of

CALIBRATION, PUBLISHED = "calibration", "published"
KEYS = {
    ("mutator", CALIBRATION): (), ("prompt", CALIBRATION): ("shows",), ("cost", CALIBRATION): (),
    ("cost", PUBLISHED): ("file", "package", "date"),
}  # fmt: skip
"""The parts that may name a source, and what may stand beside it."""


@dataclass(frozen=True)
class Ready:
    """A part that was made of a source."""

    part: Any


def with_sources(kind: str, key: str, written: Any, folder: Path) -> Any:
    """A table, or a list of tables, in which those that name a source are the parts that it says.

    Args:
        kind: "mutator" and so on: of what the table stands for.
        key: where it stands.
        written: the table.
        folder: where files are looked for.

    Raises: InputError naming the file and the key.
    """
    if isinstance(written, list):
        return [with_sources(kind, f"{key}[{n}]", each, folder) for n, each in enumerate(written, start=1)]
    if not isinstance(written, dict):
        return written
    for source in (CALIBRATION, PUBLISHED):
        if source in written and "type" not in written:
            return _made(kind, source, key, written, folder)
    return {
        word: with_sources(kind if word == "inner" else word, f"{key}.{word}", inner, folder)
        for word, inner in written.items()
    }


def _made(kind: str, source: str, key: str, written: dict[str, Any], folder: Path) -> Ready | list[Ready]:
    """The part of a source, or those of a list of them, which is an axis."""
    if (kind, source) not in KEYS:
        known = " or ".join(sorted({each for each, of in KEYS if of == source}))
        raise InputError(f"{key}.{source}: expected it in {known}, got it in {kind}")
    allowed = (source, *KEYS[kind, source])
    for word in written:
        if word not in allowed:
            near = suggestion(word, allowed)
            raise InputError(f"{key}: unknown key {shown(word)}{near}; allowed beside {source}: {', '.join(allowed)}")
    names = written[source] if isinstance(written[source], list) else [written[source]]
    if not names or not all(isinstance(name, str) and name for name in names):
        what = "the path of a file" if source == CALIBRATION else "the name of a model"
        raise InputError(f"{key}.{source}: expected {what}, or a list of them, got {shown(written[source])}")
    made = [_part(kind, source, f"{key}.{source}", name, written, folder) for name in names]
    return made if isinstance(written[source], list) else made[0]


def _part(kind: str, source: str, key: str, name: str, written: dict[str, Any], folder: Path) -> Ready:
    try:
        if source == PUBLISHED:
            file = written.get("file")
            if file is not None and not isinstance(file, str):
                raise InputError(f"expected for file the path of a table of prices, got {shown(file)}")
            table = None if file is None else folder / file
            return Ready(published(name, table, written.get("package"), written.get("date")).prices)
        found = read_calibration(folder / name)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
    try:
        if kind == "mutator":
            return Ready(call_of(found.operator))
        if kind == "cost":
            return Ready(prices_of(found.prices))
        if found.tokens.instructions is None:
            raise InputError("tokens.instructions: expected the prompt tokens of every call, got none")
        return Ready(prompt_of(found.tokens, written.get("shows", "chunk")))
    except InputError as error:
        raise InputError(f"{key}: {folder / name}: {error}") from None
