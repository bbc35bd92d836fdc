"""Batches that failed, as a results folder remembers them: a file each, with the traceback.

    results/<name>/failures/<sample>-<batch>.json

They are not tried again until somebody asks for it, since one that hangs costs its whole time limit each time.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.store.files import write_text
from experiments.store.table import BatchKey

FOLDER = "failures"
MOST_LISTED, MOST_OF_A_TEXT = 20, 200
"""Cells, and characters of the text of each, that are told at the end of a launch."""


@dataclass(frozen=True)
class FailedBatch:
    """A batch that failed.

    Attributes:
        sample: what names the runs (`Cell.sample`).
        batch: number of the batch.
        text: canonical text of the cell, the first of those that share the runs.
        kind: "raised", "timed out" or "died".
        message: what happened, with the traceback if there is one.
        host: where; empty if not known.
        when: in UTC.
    """

    sample: str
    batch: int
    text: str
    kind: str
    message: str
    host: str
    when: str

    @property
    def is_sound(self) -> bool:
        """Whether all entries have the right type; the file may have been altered."""
        words = (self.sample, self.text, self.kind, self.message, self.host, self.when)
        return type(self.batch) is int and all(isinstance(word, str) for word in words)

    @property
    def key(self) -> BatchKey:
        """What names it in the store: (sample, batch)."""
        return self.sample, self.batch


def read_failures(folder: Path) -> dict[BatchKey, FailedBatch]:
    """The failures of a results folder; a file that is none of ours is left out, and its batch is tried again."""
    found = {}
    for file in sorted((folder / FOLDER).glob("*.json")):
        try:
            failed = FailedBatch(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if failed.is_sound:
            found[failed.key] = failed
    return found


def write_failure(folder: Path, failed: FailedBatch) -> None:
    """Remember a failure."""
    (folder / FOLDER).mkdir(exist_ok=True)
    write_text(_file(folder, failed.key), json.dumps(asdict(failed), indent=1) + "\n")


def forget_failure(folder: Path, key: BatchKey) -> None:
    """Forget a failure, since the batch is there now; nothing if there was none."""
    with suppress(OSError):  # what was put there instead is nothing of ours
        _file(folder, key).unlink(missing_ok=True)


def explain(failures: list[FailedBatch], folder: Path | None = None) -> str:
    """The first failure of each cell in a line; of the first of all the whole message, with its traceback.

    Args:
        failures: at least one.
        folder: the results folder, which holds all messages; None if nothing was written.
    """
    first: dict[str, FailedBatch] = {}
    for failed in failures:
        first.setdefault(failed.text, failed)
    lines = [f"{_shortened(text)}: {_line(failed)}" for text, failed in first.items()]
    left = len(lines) - MOST_LISTED
    if left > 0:
        lines[MOST_LISTED:] = [f"and {left:,} more cell{'' if left == 1 else 's'}"]
    message = failures[0].message.strip()
    if "\n" in message:
        lines += ["the first in full:", message]
    if folder is not None:
        lines.append(f"all messages in full: {folder / FOLDER}")
    listed = "\n".join(lines)
    batches = f"{len(failures):,} batch{'' if len(failures) == 1 else 'es'}"
    cells = f"{len(first):,} cell{'' if len(first) == 1 else 's'}"
    return f"{batches} of {cells} failed; all others are done.\n{listed}"


def _line(failed: FailedBatch) -> str:
    """Kind and first line of the message."""
    return f"{failed.kind}: {(failed.message.strip().splitlines() or ['no message'])[0]}"


def _shortened(text: str) -> str:
    """The text of a cell, without its middle if it is long."""
    half = MOST_OF_A_TEXT // 2
    return text if len(text) <= MOST_OF_A_TEXT else f"{text[:half]} ... {text[-half:]}"


def _file(folder: Path, key: BatchKey) -> Path:
    return folder / FOLDER / f"{key[0]}-{key[1]}.json"
