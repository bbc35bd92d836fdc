"""Votes of a role: it is asked several times at once, and what most answers say counts (Section 5.1)."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from evo.errors import InputError
from evo.parameters import probability, whole
from evo.protocols import BoolArray
from evo.theory.calls.acceptance import majority_error


def expect_votes(part: object, *names: str) -> None:
    """Check that the named fields are odd numbers of votes, and `copied` a probability.

    Raises: InputError.
    """
    for name in names:
        whole(part, name, least=1)
        if getattr(part, name) % 2 == 0:
            raise InputError(
                f"{type(part).__name__}: {name} must be an odd number, so that most votes agree, got "
                f"{getattr(part, name)}"
            )
    probability(part, "copied")


def decision_error(error: float, votes: int, copied: float) -> float:
    """P(most votes err) = copied e + (1 - copied) P(Bin(votes, e) > votes/2).

    Args:
        error: e, of a vote; votes that err agree with each other, as verdicts of yes and no do.
        votes: an odd number.
        copied: share of decisions in which all votes are the first one again: their errors are correlated.

    >>> round(decision_error(0.1, 3, 0.0), 9), round(decision_error(0.1, 3, 0.5), 9), decision_error(0.1, 3, 1.0)
    (0.028, 0.064, 0.1)
    """
    if error in (0.0, 1.0):
        return error
    return copied * error + (1.0 - copied) * majority_error(error, votes)


def decisions_err(rng: Generator, shape: tuple[int, ...], error: float, votes: int, copied: float) -> BoolArray:
    """Whether most votes err, decision by decision, each vote drawn."""
    wrong = rng.random((*shape, votes)) < error
    if votes == 1:
        return np.asarray(wrong[..., 0])
    most = wrong.sum(axis=-1) > votes // 2
    return np.where(rng.random(shape) < copied, wrong[..., 0], most)
