"""What a check comes to."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a check came to."""

    AGREES = "AGREES"
    DIFFERS = "DIFFERS"
    CANNOT_TELL = "CANNOT_TELL"
