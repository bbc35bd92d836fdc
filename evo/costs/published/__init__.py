"""Published prices as dated data that a user replaces: a table (TOML) of names, each with its day and its source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from evo.costs.prices import TokenPrices
from evo.errors import InputError
from evo.parameters import shown, suggestion

TABLE = Path(__file__).with_name("prices.toml")
PRICES = ("prompt", "generated", "cached", "reasoning", "per_call", "unit", "currency")
NEEDED = ("date", "source", "prompt", "generated", "unit", "currency")
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Published:
    """Prices of a model as a provider published them.

    Attributes:
        name: of the model.
        prices: per call and per token.
        day: on which they were looked up.
        source: where.
    """

    name: str
    prices: TokenPrices
    day: date
    source: str


def published(
    name: str, file: str | Path | None = None, package: str | None = None, day: date | str | None = None
) -> Published:
    """The published prices of a model.

    Args:
        name: of the model, as the table, or the package, has it.
        file: a table of your own, in the form of `evo/costs/published/prices.toml`; None: that one, which grows old.
        package: "genai-prices", a package of price lists that is not installed with the testbed, instead of a table.
        day: as of which the package is asked, as 2026-11-29; needed there.

    Raises: InputError naming the names that there are; or the file, the name and the key that is wrong; or what is
    missing for the package.

    >>> found = published("gemini-2.5-flash")
    >>> found.prices
    TokenPrices(prompt=0.3, generated=2.5, per_call=0.0, cached=None, reasoning=None, evaluation=0.0, unit=1000000.0, \
currency='$')
    >>> str(found.day), found.source
    ('2026-11-29', 'list prices of genai-prices 0.2.3 (MIT)')
    """
    if package is not None or day is not None:
        return _of_package(name, file, package, day)
    path = TABLE if file is None else Path(file)
    table = _read(path)
    if not isinstance(name, str) or name not in table:
        known = ", ".join(table) or "none"
        near = suggestion(name, table) if isinstance(name, str) else ""
        raise InputError(f"{path.name}: expected one of the models {known}, got {shown(name)}{near}")
    return _made(f"{path.name}: {name}", name, table[name])


def _of_package(name: str, file: str | Path | None, package: str | None, day: date | str | None) -> Published:
    """What a package of price lists says."""
    from evo.costs.published.genai import PACKAGE, from_package

    if package != PACKAGE:
        raise InputError(f"package: expected {PACKAGE}, from which prices of a date are known, got {shown(package)}")
    if file is not None:
        raise InputError(f"expected a file or a package, got both: {file} and {package}")
    try:
        when = date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError:
        when = None
    if type(when) is not date:
        raise InputError(f"date: expected the day as of which {package} is asked, such as 2026-11-29, got {shown(day)}")
    prices, source = from_package(name, when)
    return Published(name, prices, when, source)


def _read(path: Path) -> dict[str, Any]:
    """The tables of a file.

    Raises: InputError.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise InputError(f"{path}: expected a table of prices of at most {MOST_BYTES:,} bytes, got a longer file")
        return tomllib.loads(text.decode())
    except OSError as error:
        raise InputError(f"{path}: expected a table of prices (TOML), which cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected a table of prices (TOML): {error}") from None


def _made(where: str, name: str, given: Any) -> Published:
    """What stands under a name.

    Raises: InputError.
    """
    if not isinstance(given, dict):
        raise InputError(f"{where}: expected a table with {', '.join(NEEDED)}, got {shown(given)}")
    known = {*NEEDED, *PRICES}
    for key in given:
        if key not in known:
            raise InputError(f"{where}: unknown key {shown(key)}{suggestion(key, known)}")
    for key in NEEDED:
        if key not in given:
            raise InputError(f"{where}.{key}: expected a value, got none: prices without it cannot be compared")
    if type(given["date"]) is not date:
        raise InputError(f"{where}.date: expected a day, such as 2026-11-29, got {shown(given['date'])}")
    if not isinstance(given["source"], str) or not given["source"].strip():
        raise InputError(f"{where}.source: expected words, got {shown(given['source'])}")
    prices = {key: given[key] for key in PRICES if key in given}
    try:
        return Published(name, TokenPrices(**prices), given["date"], given["source"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
