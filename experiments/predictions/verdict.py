"""What a check comes to."""

from __future__ import annotations

from enum import StrEnum

ALPHA = 1e-3
"""False-alarm rate over all tests of a grid, unless said."""
RESOLUTION = 0.25
"""Relative discrepancy of a mean that must be found for AGREES, unless said."""
POWER = 0.95
"""With which probability it must be found."""
CONFIDENCE = 0.95
"""Of an interval that is shown, unless said; verdicts have error rates of their own."""


class Verdict(StrEnum):
    """What a check came to."""

    AGREES = "AGREES"
    DIFFERS = "DIFFERS"
    CANNOT_TELL = "CANNOT_TELL"

    @property
    def words(self) -> str:
        """The verdict as people read it; its value is for machines, in CSV, JSON and stored files.

        >>> Verdict.CANNOT_TELL.words, Verdict.CANNOT_TELL.value
        ('CANNOT TELL', 'CANNOT_TELL')
        """
        return self.value.replace("_", " ")
