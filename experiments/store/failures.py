"""Batches that failed, as a results folder remembers them: a file each, with the traceback.

    results/<name>/failures/<sample>-<batch>.json

They are not tried again until somebody asks for it, since one that hangs costs its whole time limit each time.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from evo.parameters import shown
from experiments.grids.outside.bounds import FAILURE_BYTES, FAILURE_CHARACTERS
from experiments.grids.outside.reading import Damaged, Unsound, read_file
from experiments.store.files import StoreError, own_folder, there, write_json
from experiments.store.table import BatchKey
from experiments.store.verify.names import is_batch, is_sample
from experiments.store.verify.seals import from_json

T = TypeVar("T")

FOLDER = "failures"
_NAME = re.compile(r"s[0-9a-f]{12}-[0-9a-f]{8}-[0-9]{1,10}\.json")
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
        words = (self.text, self.kind, self.message, self.host, self.when)
        return is_sample(self.sample) and is_batch(self.batch) and all(isinstance(word, str) for word in words)

    @property
    def key(self) -> BatchKey:
        """What names it in the store: (sample, batch)."""
        return self.sample, self.batch


def read_failures(folder: Path) -> dict[BatchKey, FailedBatch]:
    """The failures of a results folder.

    Raises: StoreError naming the files that are damaged.
    """
    found, damaged = look_at_failures(folder)
    if damaged:
        raise StoreError(
            f"{'; '.join(map(str, damaged))}; run the grid again: it sets aside what is damaged, and tries its batches "
            "again"
        )
    return found


def look_at_failures(folder: Path) -> tuple[dict[BatchKey, FailedBatch], list[Damaged]]:
    """The failures of a results folder, and the files that are damaged; files of other names are none of ours.

    Raises: StoreError if the disk does not give a file's bytes, or the folder of the failures is none.
    """
    found, damaged = {}, []
    for file in sorted((folder / FOLDER).iterdir()) if there(folder / FOLDER) else ():
        if not _NAME.fullmatch(file.name):
            continue
        try:
            failed = _failed(from_json(read_file(file, FAILURE_BYTES)))
            if _file(folder, failed.key) != file:
                raise Unsound("its name is not that of the batch in it")
        except Unsound as error:
            damaged.append(Damaged(file, str(error)))
        except FileNotFoundError:  # the launch at work has run the batch since
            continue
        except OSError as error:
            raise StoreError(f"{file}: cannot be read ({error}); see to the disk or its permissions") from None
        else:
            found[failed.key] = failed
    return found, damaged


def write_failure(folder: Path, failed: FailedBatch) -> None:
    """Remember a failure; of a very long message its ends.

    Raises: StoreError if the folder of the failures is none; OSError.
    """
    own_folder(folder / FOLDER)
    record = {name: _shortened(word, FAILURE_CHARACTERS) for name, word in asdict(failed).items()}
    write_json(_file(folder, failed.key), record)


def forget_failure(folder: Path, key: BatchKey) -> None:
    """Forget a failure, since the batch is there now; nothing if there was none.

    Raises: StoreError if the folder of the failures is none.
    """
    if there(folder / FOLDER):
        with suppress(OSError):  # what was put there instead is nothing of ours
            _file(folder, key).unlink(missing_ok=True)


def _failed(record: dict[str, Any]) -> FailedBatch:
    """The failure of a record.

    Raises: Unsound if it is none.
    """
    names = [field.name for field in fields(FailedBatch)]
    if set(record) != set(names):
        raise Unsound(f"expected the entries {', '.join(names)}, got {shown(record)}")
    failed = FailedBatch(**record)
    if not failed.is_sound:
        raise Unsound(f"expected the name of a batch, and words, got {shown(record)}")
    return failed


def explain(failures: list[FailedBatch], folder: Path | None = None) -> str:
    """The first failure of each cell in a line; of the first of all the whole message, with its traceback.

    Args:
        failures: at least one.
        folder: the results folder, which holds all messages; None if nothing was written.
    """
    first: dict[str, FailedBatch] = {}
    for failed in failures:
        first.setdefault(failed.text, failed)
    lines = [f"{_shortened(text, MOST_OF_A_TEXT)}: {_line(failed)}" for text, failed in first.items()]
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


def _shortened(value: T, most: int) -> T | str:
    """A text, without its middle if it is long."""
    if not isinstance(value, str) or len(value) <= most:
        return value
    return f"{value[: most // 2]} ... {value[-(most // 2) :]}"


def _file(folder: Path, key: BatchKey) -> Path:
    """The file of a batch.

    Raises: StoreError if the key is of another form, and could lead out of the folder.
    """
    if not is_sample(key[0]) or not is_batch(key[1]):
        raise StoreError(f"expected the name of a batch, got {shown(key)}")
    return folder / FOLDER / f"{key[0]}-{key[1]}.json"
