"""The last file of a results folder that is read, and the first that is not: rows, bytes, columns that it declares."""

from io import BytesIO
from types import SimpleNamespace

import pyarrow as pa
import pytest
from pyarrow import parquet

from experiments.grids.outside.reading import Unsound
from experiments.store.table import DTYPES
from experiments.store.verify import cells, part_values
from experiments.store.verify.pages import expect_pages
from experiments.store.verify.part_values import expect_size, expect_types

KINDS = {"str": pa.string(), "Int64": pa.int64(), "int64": pa.int64(), "int32": pa.int32(), "float64": pa.float64()}


def as_parquet(**columns):
    stream = BytesIO()
    parquet.write_table(pa.table(columns), stream)
    return stream.getvalue()


def refused(function, *arguments):
    """The words of a refusal; None if there is none."""
    try:
        function(*arguments)
    except Unsound as error:
        return str(error)
    return None


@pytest.mark.parametrize(("most", "words"), [(3, None), (2, "expected at most 2 cells, got 3")])
def test_a_table_has_as_many_cells_as_a_grid_may(most, words, monkeypatch):
    monkeypatch.setattr(cells, "MOST_CELLS", most)
    assert refused(cells._table, as_parquet(k=[1, 2, 3])) == words


@pytest.mark.parametrize(
    ("most", "words"),
    [(12, None), (11, "unpacks to words of up to 12 bytes, more than the 11 that it may have")],
)
def test_words_have_as_many_bytes_as_a_table_of_cells_may(most, words, monkeypatch):
    """Three rows in a chunk, as if each had its longest word: of one byte and of three."""
    monkeypatch.setattr(cells, "CELLS_BYTES", most)
    assert refused(cells._expect_short_words, as_parquet(a=["x", "", "y"], b=["abc", "d", "e"], n=[1, 2, 3])) == words


@pytest.mark.parametrize(("columns", "words"), [(1000, None), (1001, "expected at most 1,000 columns, got 1,001")])
def test_a_file_has_at_most_a_thousand_columns(columns, words):
    footer = SimpleNamespace(num_columns=columns, num_row_groups=0)
    assert refused(expect_pages, b"", footer, 1, 1) == words


MOST = "a part has at most 1,048,576 in 268,435,456"


@pytest.mark.parametrize(
    ("rows", "size", "words"),
    [
        (2**20, 2**28, None),
        (2**20 + 1, 2**28, f"declares 1,048,577 rows in 268,435,456 bytes, {MOST}"),
        (2**20, 2**28 + 1, f"declares 1,048,576 rows in 268,435,457 bytes, {MOST}"),
    ],
)
def test_a_part_declares_at_most_a_million_rows_and_256_bytes_for_each(rows, size, words, monkeypatch):
    """In two groups, whose bytes are added."""
    groups = [SimpleNamespace(total_byte_size=each) for each in (1000, size - 1000)]
    footer = SimpleNamespace(num_rows=rows, num_columns=2, num_row_groups=2, row_group=lambda n: groups[n])
    looked = []
    monkeypatch.setattr(part_values, "expect_pages", lambda *arguments: looked.append(arguments))
    assert refused(expect_size, b"content", footer) == words
    assert looked == ([(b"content", footer, 2**28, 2 * 2**20)] if words is None else [])


@pytest.mark.parametrize(("most", "words"), [(3, None), (2, "has 3 columns of roles, a part has at most 2")])
def test_a_part_has_as_many_columns_of_roles_as_a_table_may(most, words, monkeypatch):
    assert part_values.MOST_COLUMNS == 1000
    monkeypatch.setattr(part_values, "MOST_COLUMNS", most)
    roles = [(f"{role}.calls", pa.int64()) for role in ("planner", "writer", "judge")]
    schema = pa.schema([(name, KINDS[kind]) for name, kind in DTYPES.items()] + roles)
    assert refused(expect_types, schema) == words
