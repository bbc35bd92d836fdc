"""Numbers in words change their form at limits: told just below, at and just above each of them."""

import pytest

from experiments.cli.planned import _short
from experiments.cli.predicting.forecast import _share
from experiments.cli.progress import duration, short_number
from experiments.planning.answer import figure
from experiments.reports.measured import number
from experiments.store.launches import status

DAY, HOUR, MINUTE = 86400, 3600, 60
WORDS = {
    number: {
        999.94: "999.9", 1000: "1,000", 9_999_999: "9,999,999", 1e7: "1.000e+07", 0.001: "0.001", 0.00099: "9.900e-04",
        -2000.4: "-2,000", 123.456: "123.5",
    },
    figure: {999.94: "999.9", 1000: "1,000", 9_999_999: "9,999,999", 1e7: "1e+07", 0.000123456: "0.0001235"},
    duration: {
        0.4: "0 s", 1.5 * MINUTE - 1: "89 s", 1.5 * MINUTE: "1.5 min", 599: "10 min", 1.5 * HOUR - 1: "90 min",
        1.5 * HOUR: "1.5 h", 2 * DAY - 1: "48.0 h", 2 * DAY: "2.0 days",
    },
    short_number: {9_999: "9999", 10_000: "10k", 123_456: "123k", 1e6: "1M", 12_345_678: "12.3M", 1e9: "1G"},
    _short: {99.94: "99.9", 100: "100", 123.456: "123.5", float("nan"): "-"},
    _share: {None: "-", 0.00099: "9.9e-04", 0.001: "0.001", 1e-16: "1.0e-16", 9e-17: "< 1e-16", 0.25: "0.25"},
}  # fmt: skip


@pytest.mark.parametrize("words", WORDS, ids=lambda each: each.__name__)
def test_numbers_around_each_limit(words):
    assert [words(value) for value in WORDS[words]] == list(WORDS[words].values())


def test_how_long_ago_changes_its_unit_at_the_unit(monkeypatch):
    for seconds, said in ((MINUTE, "1 min"), (HOUR, "1 h"), (DAY, "1 d"), (2 * HOUR - 1, "1 h"), (0, "0 s")):
        monkeypatch.setattr(status.time, "time", lambda now=1e9 + seconds: now)
        assert status._ago(1e9).endswith(f"({said} ago)")
