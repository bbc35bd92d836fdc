"""Prices from `genai-prices`, a package of price lists (MIT): optional, and as of a day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from evo.costs.prices import TokenPrices
from evo.errors import InputError
from evo.parameters import shown

PACKAGE, MODULE = "genai-prices", "genai_prices"
ASKED = 1000
"""Tokens of a call that the package is asked about: few enough for the lowest tier, where prices rise with length."""
UNIT = 1e6


def from_package(name: str, day: date) -> tuple[TokenPrices, str]:
    """The prices of a model on a day, per million tokens, and where they are from.

    The package is asked what 1,000 tokens of each kind cost at noon: prices that rise beyond a length are those below
    it. Tokens read from a cache have the price that it gives; reasoning is paid like any generated token.

    Raises: InputError if the package is not installed, or knows no such model.
    """
    package = _installed()
    when = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    def price(**tokens: int) -> Any:
        try:
            return package.calc_price(package.Usage(**tokens), name, genai_request_timestamp=when)
        except LookupError as error:
            raise InputError(f"{PACKAGE}: expected a model that it knows, got {shown(name)}: {error}") from None

    read = float(price(input_tokens=ASKED).input_price)
    cached = float(price(input_tokens=ASKED, cache_read_tokens=ASKED).input_price)
    written = float(price(output_tokens=ASKED).output_price)
    prompt, short, generated = (round(each * UNIT / ASKED, 9) for each in (read, cached, written))
    prices = TokenPrices(
        prompt=prompt, generated=generated, cached=None if short == prompt else short, unit=UNIT, currency="$"
    )
    return prices, f"list prices of {PACKAGE} {package.__version__} (MIT)"


def _installed() -> Any:
    """The package, which is imported only here.

    Raises: InputError.
    """
    try:
        import genai_prices
    except ImportError:
        raise InputError(
            f"prices of {PACKAGE} need this package, which is not installed: pip install 'llm-evo-testbed[prices]'; or "
            "look the price up and give prompt and generated"
        ) from None
    return genai_prices
