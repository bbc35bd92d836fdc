"""Grids that name a calibration and published prices: the cells that a person would write, errors by file and key."""

import sys
from datetime import date
from types import SimpleNamespace

import pytest

from evo import Prompt
from evo.costs.prices import TokenPrices
from evo.costs.published import published
from evo.errors import InputError
from experiments import load_grid
from operators import Malformed, Measured, Refuse, Vote

CALIBRATION = """\
[operator]
fix  = { 1 = 0.35, 5 = 0.20 }
keep = { 1 = 0.97, 5 = 0.96 }
rho_fix = 0.25
refusals = 0.02
malformed = 0.08

[tokens]
instructions = 2500
cached_share = 0.9

[prices]
unit = "$"
prompt = 3e-6
cached = 3e-7
generated = 15e-6
"""
CALL = Refuse(Malformed(Measured(fix={1: 0.35, 5: 0.2}, keep={1: 0.97, 5: 0.96}, rho_fix=0.25), rate=0.08), rate=0.02)
PRICES = TokenPrices(prompt=3e-6, generated=15e-6, cached=3e-7, currency="$")
GRID = """\
name = "priced"

[[arm]]
label = "one"
problem = {type = "BlockOneMax", k = 10, l = 60}
mutator = {calibration = "calibration.toml"}
schedule = {type = "RoundRobin", g = [1, 5]}
prompt = {calibration = "calibration.toml", shows = "solution"}
cost = {calibration = "calibration.toml"}
"""


MUTATOR, COST = (f'{kind} = {{calibration = "calibration.toml"}}' for kind in ("mutator", "cost"))


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "calibration.toml").write_text(CALIBRATION, encoding="utf-8")

    def of(text):
        path = tmp_path / "grid.toml"
        path.write_text(text, encoding="utf-8")
        return load_grid(path).cells

    return of


def test_the_cells_are_those_that_a_person_would_write(loaded):
    cells = loaded(GRID)
    assert [cell.schedule.g for cell in cells] == [1, 5]
    for cell in cells:
        assert (cell.mutator, cell.cost) == (CALL, PRICES)
        assert cell.prompt == Prompt(head=2500, cached=2250, shows="solution")
        assert type(cell).parse(cell.text) == cell  # results are read without the file
    other = loaded(
        GRID.replace('mutator = {calibration = "calibration.toml"}', 'mutator = {type = "Resample", p = 0.5}')
    )
    assert other[0].text != cells[0].text


def test_a_list_of_files_is_an_axis_and_a_wrapper_takes_one(loaded, tmp_path):
    (tmp_path / "better.toml").write_text(CALIBRATION.replace("0.35", "0.5"), encoding="utf-8")
    both = loaded(GRID.replace(MUTATOR, 'mutator = {calibration = ["calibration.toml", "better.toml"]}'))
    assert [cell.mutator.inner.inner.fix[0][1] for cell in both] == [0.35, 0.35, 0.5, 0.5]
    vote = 'mutator = {type = "Vote", ahead = 2, inner = {calibration = "calibration.toml"}}'
    voted = loaded(GRID.replace(MUTATOR, vote).replace(", g = [1, 5]", ""))
    assert [cell.mutator for cell in voted] == [Vote(CALL, ahead=2)]


def test_published_prices_by_the_name_of_the_model(loaded, tmp_path):
    cells = loaded(GRID.replace(COST, 'cost = {published = ["gemini-2.5-pro", "gemini-2.5-flash"]}'))
    known = [TokenPrices.published(name) for name in ("gemini-2.5-pro", "gemini-2.5-flash")]
    assert [cell.cost for cell in cells] == known * 2
    (tmp_path / "mine.toml").write_text(
        '[house]\ndate = 2026-11-01\nsource = "a contract"\ncurrency = "EUR"\nunit = 1e6\nprompt = 2\ngenerated = 8\n',
        encoding="utf-8",
    )
    mine = loaded(GRID.replace(COST, 'cost = {published = "house", file = "mine.toml"}'))
    assert mine[0].cost == TokenPrices(prompt=2, generated=8, unit=1e6, currency="EUR")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("calibration.toml", "nowhere.toml", r"mutator\.calibration: .*nowhere\.toml: cannot read"),
        ('{calibration = "calibration.toml"}', "{calibration = 3}", r"mutator\.calibration: expected the path"),
        ('{calibration = "calibration.toml"}', "{calibration = []}", r"mutator\.calibration: expected the path"),
        ('{type = "RoundRobin", g = [1, 5]}', '{calibration = "calibration.toml"}',
         r"schedule\.calibration: expected it in cost or mutator or prompt, got it in schedule"),
        ('"solution"}', '"solution", head = 3}', r"prompt: unknown key 'head'; allowed beside calibration"),
        ('"solution"}', '"all"}', r"prompt\.calibration: .*calibration\.toml: Prompt: shows must be 'chunk' or"),
        (COST, 'cost = {published = "gemini"}',
         r"cost\.published: prices\.toml: expected one of the models .*, got 'gemini'"),
        (COST, 'cost = {published = "x", file = "gone.toml"}',
         r"cost\.published: .*gone\.toml: expected a table of prices"),
        (COST, 'cost = {published = "x", package = "genai"}',
         r"cost\.published: package: expected genai-prices, .*, got 'genai'"),
        (COST, 'cost = {published = "x", package = "genai-prices"}',
         r"cost\.published: date: expected the day as of which genai-prices is asked, such as 2026-11-29, got None"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_file_and_key(loaded, old, new, told):
    with pytest.raises(InputError, match=rf"grid\.toml: arm 1 \('one'\): {told}"):
        loaded(GRID.replace(old, new, 1))


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (
            "keep = { 1 = 0.97, 5 = 0.96 }",
            r"mutator\.calibration: .*n\.toml: operator\.keep: expected a table",
        ),
        (
            "generated = 15e-6",
            r"cost\.calibration: .*n\.toml: prices\.generated: expected the price",
        ),
        (
            "instructions = 2500",
            r"prompt\.calibration: .*n\.toml: tokens\.instructions: expected the",
        ),
    ],
)
def test_what_the_calibration_lacks_is_no_zero(loaded, tmp_path, left_out, told):
    (tmp_path / "calibration.toml").write_text(CALIBRATION.replace(left_out, ""), encoding="utf-8")
    with pytest.raises(InputError, match=told):
        loaded(GRID)


# -------------------------------------------------------------------------------------------------------- genai-prices


def price_list(prompt, cached, generated):
    """A stand-in with the interface of the package that is used: prices per million tokens of one model."""

    def calc_price(usage, model_ref, *, genai_request_timestamp):
        if model_ref != "known":
            raise LookupError(f"Unable to find provider with model matching {model_ref!r}")
        day = prompt * (2.0 if genai_request_timestamp.year < 2026 else 1.0)
        new = usage.input_tokens - usage.cache_read_tokens
        paid = (new * day + usage.cache_read_tokens * cached) / 1e6
        return SimpleNamespace(input_price=paid, output_price=usage.output_tokens * generated / 1e6)

    def usage(input_tokens=0, output_tokens=0, cache_read_tokens=0):
        return SimpleNamespace(
            input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cache_read_tokens
        )

    return SimpleNamespace(calc_price=calc_price, Usage=usage, __version__="9.9")


def test_prices_of_a_package_are_those_of_the_day(loaded, monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", price_list(3.0, 0.3, 15.0))
    text = 'cost = {published = "known", package = "genai-prices", date = 2026-11-29}'
    cells = loaded(GRID.replace(COST, text))
    assert cells[0].cost == TokenPrices(prompt=3, generated=15, cached=0.3, unit=1e6, currency="$")
    found = published("known", package="genai-prices", day="2025-01-31")
    assert (found.prices.prompt, found.day) == (6.0, date(2025, 1, 31))
    assert found.source == "list prices of genai-prices 9.9 (MIT)"
    with pytest.raises(InputError, match=r"genai-prices: expected a model that it knows, got 'other': Unable to find"):
        published("other", package="genai-prices", day="2025-01-31")
    with pytest.raises(InputError, match=r"expected a file or a package, got both: mine\.toml and genai-prices"):
        published("known", "mine.toml", package="genai-prices", day="2025-01-31")
    with pytest.raises(InputError, match=r"date: expected the day .*, got '31 January'"):
        published("known", package="genai-prices", day="31 January")
    monkeypatch.setitem(sys.modules, "genai_prices", price_list(3.0, 3.0, 15.0))  # nothing is said of cached tokens
    assert published("known", package="genai-prices", day="2026-11-29").prices.cached is None


def test_without_the_package_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)  # importing it fails
    with pytest.raises(InputError, match=r"prices of genai-prices need this package, which is not installed: pip"):
        published("known", package="genai-prices", day="2026-11-29")


def test_the_package_itself_where_it_is_installed():
    """Its prices are those of our own table, which were copied from it."""
    pytest.importorskip("genai_prices")
    for name in ("gemini-2.5-pro", "gemini-2.5-flash"):
        ours, theirs = (
            published(name, **more).prices for more in ({}, {"package": "genai-prices", "day": "2026-11-29"})
        )
        assert (theirs.prompt, theirs.generated, theirs.unit) == (ours.prompt, ours.generated, ours.unit)
        assert theirs.cached < theirs.prompt
    with pytest.raises(InputError, match="expected a model that it knows"):
        published("no-such-model-at-all", package="genai-prices", day="2026-11-29")
