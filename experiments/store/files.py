"""Files that are written whole or not at all, on the disk before they get their name; a part's name is its checksum.

    runs/part-sha256-<64 hex digits>.parquet        `sha256sum` of the file gives the digits

The checksum in the name comes with the one rename that makes a part visible, so that a kill at any moment leaves a part
with its checksum, or none; readers of `runs/*.parquet` need not know. Files of a fixed name hold theirs
(`experiments.store.verify.seals`). A rename replaces a link, and never writes to what the link leads to.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo.errors import EvoError, InputError
from experiments.grids.outside.reading import Unsound, is_folder, kind_of
from experiments.store.verify.names import is_temporary
from experiments.store.verify.seals import BLANK, KEY, sealed, to_json

if TYPE_CHECKING:
    import pandas as pd


SETTINGS: dict[str, Any] = {"compression": "zstd", "use_dictionary": ["sample", "engine"]}
"""Of the Parquet files of runs: numbers in dictionaries of their own take half as much again, and twice the time."""
DRAWN = b"llm_evo.drawn_with"
"""Under which a part's metadata say what names the random streams of its rows."""


class StoreError(EvoError):
    """A results folder cannot be read or written."""


def write_json(file: Path, record: Mapping[str, Any]) -> None:
    """Write a record whole or not at all, with its checksum."""
    write_whole(file, lambda temporary: temporary.write_bytes(to_json(record)))


def write_parquet(file: Path, table: pd.DataFrame) -> None:
    """Write a Parquet file whole or not at all, with its checksum among the metadata."""
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
    from pyarrow import parquet

    rows, stream = pa.Table.from_pandas(table, preserve_index=False), BytesIO()
    parquet.write_table(rows.replace_schema_metadata((rows.schema.metadata or {}) | {KEY.encode(): BLANK}), stream)
    write_whole(file, lambda temporary: temporary.write_bytes(sealed(stream.getvalue())))


def write_whole(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all.

    Args:
        file: the file, which is replaced if it is there.
        write: called with the path to write to.
    """
    _write_whole(file, write, lambda temporary: file)


def write_new(file: Path, text: str) -> None:
    """Write a text file that is not there yet, whole or not at all; nothing is written over, whoever made it meanwhile.

    Raises: InputError if it is there; OSError.
    """
    temporary = file.with_name(f".new.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, file)
        except FileExistsError:
            raise
        except OSError:  # a disk without a second name for a file
            if os.path.lexists(file):
                raise FileExistsError from None
            os.replace(temporary, file)
        _sync_folder(file.parent)
    except FileExistsError:
        raise InputError(f"{file}: somebody has made this file meanwhile; remove it or choose another name") from None
    except OSError as error:  # by the name that the user knows
        raise OSError(error.errno, error.strerror, str(file)) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_part(folder: Path, table: pd.DataFrame, drawn: str | None = None) -> Path:
    """Write a part whole or not at all, under the name of its checksum; that file.

    Args:
        folder: where.
        table: its rows.
        drawn: what names their random streams (`experiments.store.grid_json.drawn_with`), among the metadata; None if
            it is not known.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rows = pa.Table.from_pandas(table, preserve_index=False)
    if drawn is not None:
        rows = rows.replace_schema_metadata((rows.schema.metadata or {}) | {DRAWN: drawn.encode()})
    return _write_whole(
        folder / "part",
        lambda temporary: parquet.write_table(rows, temporary, **SETTINGS),
        lambda temporary: folder / part_name(hashlib.sha256(temporary.read_bytes()).hexdigest()),
    )


def part_name(checksum: str) -> str:
    """The name of a part whose bytes have this SHA-256 (hex digits)."""
    return f"part-sha256-{checksum}.parquet"


def checksum_in(name: str) -> str | None:
    """The SHA-256 that a part's name promises; None for parts of earlier versions, which have none.

    >>> checksum_in("part-0123456789abcdef0123456789abcdef.parquet")
    """
    found = re.fullmatch(r"part-sha256-([0-9a-f]{64})\.parquet", name)
    return found[1] if found else None


def own_folder(folder: Path) -> Path:
    """A folder inside the results folder, made if it is not there.

    Raises: StoreError if it is a link, which would lead out of the results folder, or no folder; OSError.
    """
    if not there(folder):
        folder.mkdir()
    return folder


def there(folder: Path) -> bool:
    """Whether a folder inside the results folder is there.

    Raises: StoreError if something else has its name.
    """
    try:
        return is_folder(folder)
    except Unsound as error:
        raise StoreError(f"{folder}: {error}") from None


def leftovers(folder: Path) -> list[Path]:
    """The files in a folder that a killed launch left unfinished; nothing that has another name than ours."""
    if not there(folder):
        return []
    return [file for file in folder.iterdir() if is_temporary(file.name) and not kind_of(file.lstat().st_mode)]


def move(file: Path, folder: Path) -> Path:
    """Move a file into a folder on the same disk, under a name that is free there; a link itself is moved.

    Raises: StoreError if that folder is none; OSError.
    """
    own_folder(folder)
    target, copies = folder / file.name, 1
    while os.path.lexists(target):
        copies += 1
        target = folder / f"{file.name}.{copies}"
    os.replace(file, target)
    _sync_folder(folder)
    _sync_folder(file.parent)
    return target


def _write_whole(file: Path, write: Callable[[Path], object], final: Callable[[Path], Path]) -> Path:
    """Write a temporary file, bring it to the disk, and give it its final name; that file."""
    # a dot first: pandas reads all of a folder but such files
    temporary = file.with_name(f".{file.name}.{uuid.uuid4().hex}.tmp")
    try:
        write(temporary)
        target = final(temporary)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
        return target
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where folders can be opened."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
