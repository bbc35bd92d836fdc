"""Published prices: dated data, replaced by a user's own; what is wrong is named."""

import io
import re
from datetime import date

import pytest

from evo import InputError
from evo.costs import LLMPrimitive, TokenPrices
from evo.costs.ledger import call_entries
from evo.costs.published import TABLE, published
from evo.text import canonical

OWN = """
[mine]
date = 2026-01-02
source = "my bill"
currency = "EUR"
unit = 1e3
prompt = 2
generated = 7.5
cached = 0.5
"""


def test_a_call_costs_what_the_list_says():
    """10,300 tokens read and 10,000 written at 0.30 and 2.50 a million."""
    prices = TokenPrices.published("gemini-2.5-flash")
    ledger = (1, 0, *call_entries(10_300, 10_000))
    assert float(prices.weights @ ledger) == pytest.approx(0.30 * 0.0103 + 2.50 * 0.01, rel=1e-12)
    dearer = TokenPrices.published("gemini-2.5-pro")
    assert float(dearer.weights @ ledger) == pytest.approx(1.25 * 0.0103 + 10.0 * 0.01, rel=1e-12)


def test_every_price_has_a_day_and_a_source():
    names = re.findall(r'^\["(.+)"\]', TABLE.read_text(), re.M)
    assert names == ["gemini-2.5-flash", "gemini-2.5-pro"]
    for name in names:
        found = published(name)
        assert isinstance(found.day, date)
        assert found.source
        assert (found.prices.currency, found.prices.unit) == ("$", 1e6)


def test_a_table_of_ones_own_replaces_it(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    found = published("mine", file)
    assert found.prices == TokenPrices(2, 7.5, cached=0.5, unit=1e3, currency="EUR")
    assert (found.day, found.source) == (date(2026, 1, 2), "my bill")
    with pytest.raises(InputError, match=r"own.toml: expected one of the models mine, got 'gemini-2.5-pro'"):
        TokenPrices.published("gemini-2.5-pro", file)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("date = 2026-01-02\n", "", r"own.toml: mine.date: expected a value, got none"),
        ("2026-01-02", '"today"', r"mine.date: expected a day, such as 2026-11-29, got 'today'"),
        ('"my bill"', '" "', r"mine.source: expected words"),
        ("prompt = 2", "promt = 2", r"mine: unknown key 'promt'; did you mean 'prompt'"),
        ("prompt = 2", "prompt = -2", r"mine: TokenPrices: prompt must be"),
        ('"EUR"', '"euros and cents"', r"mine: TokenPrices: currency must be a word of at most 8"),
        ("[mine]", "mine = 3\n[other]", r"mine: expected a table with date, source, .*, got 3"),
        ("[mine]", "#" * 2**20 + "\n[mine]", r"a table of prices of at most 1,048,576 bytes, got a longer file"),
        ("[mine]", "[mine", r"expected a table of prices \(TOML\)"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(tmp_path, old, new, words):
    file = tmp_path / "own.toml"
    file.write_text(OWN.replace(old, new))
    with pytest.raises(InputError, match=words):
        published("mine", file)


def test_a_table_is_read_up_to_its_most_bytes_and_not_one_beyond(tmp_path, monkeypatch):
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    monkeypatch.setattr("evo.costs.published.MOST_BYTES", len(OWN))
    assert published("mine", file).prices.prompt == 2
    file.write_text(OWN + "#")
    with pytest.raises(InputError, match=f"of at most {len(OWN)} bytes, got a longer file"):
        published("mine", file)


def test_unknown_names_and_files():
    with pytest.raises(InputError, match=r"gemini-2.5-flash, gemini-2.5-pro, got 'gemini-2.5-flas'; did you mean"):
        published("gemini-2.5-flas")
    with pytest.raises(InputError, match="cannot be read"):
        published("mine", "/nowhere.toml")


def test_a_currency_is_no_number():
    """Weights and the texts of cells without one are what they were."""
    plain, named = (TokenPrices(3, 15, unit=1e6, currency=currency) for currency in ("", "$"))
    assert plain.weights.tolist() == named.weights.tolist()
    assert "currency" not in canonical(plain)
    assert canonical(named) == "TokenPrices(prompt=3, generated=15, unit=1000000, currency='$')"
    assert not hasattr(LLMPrimitive(), "currency")


def test_a_cost_is_told_in_its_currency():
    """By forecast, report, waiting times and figure; the twin without a currency, and one of two, say cost alone."""
    from rich.console import Console

    from evo import Latency, OnePlusLambda, UniformChunk
    from experiments import Cell, Grid, run_grid
    from experiments.checks.check import check
    from experiments.cli.predicting.forecast import show_forecast
    from experiments.predictions.forecast import forecast
    from experiments.reports.figures import growth_figure
    from experiments.reports.overview import overview
    from experiments.reports.summary import summarise
    from experiments.reports.terminal import show_waiting
    from experiments.reports.waiting import waiting
    from experiments.reports.wording import print_table
    from operators import Resample
    from problems import BlockOneMax

    def told(*prices):
        cells = [Cell(BlockOneMax(k, 4), Resample(0.5), UniformChunk(), OnePlusLambda(), cost=p)
                 for k, p in enumerate(prices, 2)]  # fmt: skip
        grid = Grid("money", cells, runs=20)
        results = run_grid(grid, workers=1)
        console = Console(width=150, record=True, file=io.StringIO())
        show_forecast(forecast(grid), 20, 1, console)
        for table in overview(summarise(results, check(results)), 150):
            print_table(table, console)
        show_waiting(waiting(results, None, Latency(1.0)), None, console)
        figure = growth_figure(results, "k", "cost")
        return console.export_text(), " ".join(ax.get_ylabel() for ax in figure.axes)

    in_dollars, plain, euros = (TokenPrices(3, 15, unit=1e6, currency=each) for each in ("$", "", "EUR"))
    text, label = told(in_dollars, in_dollars)
    assert text.count("cost ($)") + text.count("Cost of a run ($)") >= 4 + (" success " in text)
    assert re.search(r"cost [\d.e-]+ \$", text)
    assert "($: prices per token" in label
    for prices in ((plain, plain), (in_dollars, euros)):
        text, label = told(*prices)
        assert ("cost (" in text, "$" in text, "(money: prices" in label) == (False, False, True)
