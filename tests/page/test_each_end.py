"""Where parts of the page begin: from so many rows on a table is filtered, and not one row earlier."""

import pytest

from experiments.reports.html.table import FILTERED, Entry, table


@pytest.mark.parametrize(("rows", "filtered"), [(FILTERED - 1, False), (FILTERED, True), (FILTERED + 1, True)])
def test_a_table_can_be_filtered_from_so_many_rows_on(rows, filtered):
    assert ("data-filter" in table(["a"], [[Entry(str(n))] for n in range(rows)])) is filtered
