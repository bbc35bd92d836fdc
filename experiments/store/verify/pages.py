"""What a Parquet file would unpack to, by the headers of its pages: a reader believes these, whatever the footer says.

A page header is a struct in Thrift's compact protocol (parquet-format, `PageHeader`): 1 type, 2 uncompressed size, 3
compressed size, 5 or 8 data page (1 number of values), 7 dictionary page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.grids.outside.reading import Unsound

if TYPE_CHECKING:
    from pyarrow import parquet  # type: ignore[import-untyped]  # ships no types

UNPACKED, PACKED, DATA, DATA_2 = 2, 3, 5, 8
"""Numbers of the fields that are read."""
TRUE, FALSE, BYTE, DOUBLE, BINARY, STRUCT = 1, 2, 3, 7, 8, 12
"""Kinds of values."""
MOST_NESTED = 8
MOST_COLUMNS = 1000


def expect_pages(content: bytes, footer: parquet.FileMetaData, most_bytes: int, most_values: int) -> None:
    """Expect that the pages of a file unpack to no more than they may.

    Args:
        content: the bytes of the file.
        footer: what they say of the columns.
        most_bytes: of all pages.
        most_values: of all pages.

    Raises: Unsound.
    """
    if footer.num_columns > MOST_COLUMNS:
        raise Unsound(f"expected at most {MOST_COLUMNS:,} columns, got {footer.num_columns:,}")
    size = values = 0
    for group in range(footer.num_row_groups):
        for column in range(footer.num_columns):
            chunk = footer.row_group(group).column(column)
            place = min(each for each in (chunk.dictionary_page_offset, chunk.data_page_offset) if each is not None)
            end = place + chunk.total_compressed_size
            if not 0 <= place <= end <= len(content):
                raise Unsound("its columns lie outside of it")
            while place < end:
                header, place = _struct(content, place, 0)
                packed, unpacked = header.get(PACKED), header.get(UNPACKED)
                if not isinstance(packed, int) or not isinstance(unpacked, int) or min(packed, unpacked) < 0:
                    raise Unsound("a page has no size")
                place, size = place + packed, size + unpacked
                values += sum(_values(header.get(kind)) for kind in (DATA, DATA_2))
                if size > most_bytes or values > most_values:
                    raise Unsound(f"unpacks to more than {most_bytes:,} bytes, or {most_values:,} values")


def _values(page: object) -> int:
    """How many values a data page says that it has; none of another page."""
    said = page.get(1) if isinstance(page, dict) else 0
    if not isinstance(said, int) or said < 0:
        raise Unsound("a page does not say how many values it has")
    return said


def _struct(content: bytes, place: int, depth: int) -> tuple[dict[int, Any], int]:
    """The fields of a struct by their number, and the place after it."""
    if depth > MOST_NESTED:
        raise Unsound("a page's header is nested too deep")
    found: dict[int, Any] = {}
    number = 0
    while (head := _byte(content, place)) != 0:
        place += 1
        if head >> 4:
            number += head >> 4
        else:
            number, place = _whole(content, place)
        found[number], place = _value(content, place, head & 15, depth)
    return found, place + 1


def _value(content: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:
    """A value of a kind, and the place after it; of lists and words only the place."""
    if kind in (TRUE, FALSE):
        return kind == TRUE, place
    if kind == STRUCT:
        return _struct(content, place, depth + 1)
    if kind == BYTE:
        return _byte(content, place), place + 1
    if BYTE < kind < DOUBLE:
        return _whole(content, place)
    if kind == DOUBLE:
        return None, place + 8
    if kind == BINARY:
        length, place = _varint(content, place)
        return None, place + length
    raise Unsound("a page's header has a field of another kind")  # no header has lists or maps


def _whole(content: bytes, place: int) -> tuple[int, int]:
    """A number with a sign."""
    number, place = _varint(content, place)
    return (number >> 1) ^ -(number & 1), place


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 70:
        byte = _byte(content, place)
        number, place, shift = number | (byte & 127) << shift, place + 1, shift + 7
        if byte < 128:
            return number, place
    raise Unsound("a page's header has a number without an end")


def _byte(content: bytes, place: int) -> int:
    if not 0 <= place < len(content):
        raise Unsound("a page's header ends outside of the file")
    return content[place]
