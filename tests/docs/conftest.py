"""How tests read the numbers of a page."""

import re

import pytest


@pytest.fixture(scope="session")
def numbers_of():
    """The numbers of a text that must be computed: those of three digits or more, or with a point."""
    return lambda text: re.findall(r"(?<![\w.(])(?:\d[\d,]*\.\d+|\d,\d{3}|\d{3,})(?![\w)])", text)
