"""Files of a fixed name hold their own checksum, so that both are written by one rename; a part's is its name.

Such a file has the words `sha256:<64 hex digits>`, in JSON as the last entry, "checksum", in Parquet among the
metadata: the SHA-256 of its bytes, with zeros in place of these digits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from experiments.grids.outside.reading import Unsound, as_json

KEY = "checksum"
MARK, DIGITS = b"sha256:", 64
BLANK = MARK + b"0" * DIGITS
"""What stands in a file until its checksum is known."""


def sealed(content: bytes) -> bytes:
    """The content with its checksum in the place of the last zeros.

    >>> expect_sealed(sealed(b'{"checksum": "' + BLANK + b'"}'))
    """
    place = content.rindex(BLANK) + len(MARK)
    return content[:place] + _digest(content, place) + content[place + DIGITS :]


def expect_sealed(content: bytes) -> None:
    """Check the checksum in a file's content.

    Raises: Unsound if it has none, or another one.
    """
    found = content.rfind(MARK)
    place = found + len(MARK)
    if found < 0 or _digest(content, place) != content[place : place + DIGITS]:
        raise Unsound("truncated or altered: its checksum is not that of its bytes")


def to_json(record: Mapping[str, Any]) -> bytes:
    """A record in JSON, with its checksum."""
    return sealed((json.dumps({**record, KEY: BLANK.decode()}, indent=1) + "\n").encode())


def from_json(content: bytes) -> dict[str, Any]:
    """The record that `to_json` wrote.

    Raises: Unsound if the content is damaged.
    """
    expect_sealed(content)
    record = as_json(content)
    if not isinstance(record, dict):
        raise Unsound(f"expected a record in JSON, got {record!s:.80}")
    return {name: value for name, value in record.items() if name != KEY}


def _digest(content: bytes, place: int) -> bytes:
    """The SHA-256 with zeros from `place` on, in hexadecimal digits."""
    view = memoryview(content)
    hashed = hashlib.sha256(view[:place])
    hashed.update(b"0" * len(view[place : place + DIGITS]))
    hashed.update(view[place + DIGITS :])
    return hashed.hexdigest().encode()
