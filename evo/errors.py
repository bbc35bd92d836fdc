"""The tree of errors a user can meet; each message says what was expected, what came and what to do."""

from __future__ import annotations


class EvoError(Exception):
    """Root of all errors raised on purpose by the testbed."""


class InputError(EvoError, ValueError):
    """A parameter, a file or a folder given by the user is not what is needed."""


class OperatorError(EvoError):
    """A part (mutator, problem, schedule) broke its contract while it ran."""


class NoPrediction(EvoError):
    """No rule gives an exact value for this quantity; the message names what each rule misses."""
