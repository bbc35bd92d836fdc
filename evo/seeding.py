"""Streams of random numbers, named by what a run *is*: seed, random identity of the cell, batch, role.

So the draws of a cell depend neither on the other cells of its grid, nor on the number of workers, nor on the
order in which tasks finish.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class Streams:
    """One generator for each role, so that a change of one part leaves the draws of the others alone."""

    start: Generator
    schedule: Generator
    mutator: Generator
    evaluation: Generator
    selection: Generator
    latency: Generator


def streams(seed: int, identity: str, batch: int) -> Streams:
    """The streams of one batch of runs, one a role.

    SeedSequence([seed, *words(sha256(identity))], spawn_key=(batch, role)).

    Args:
        seed: the grid's seed, >= 0.
        identity: canonical text of problem, mutator, schedule and runner.
        batch: number of the batch, >= 0.

    >>> a, b = streams(1, "x", 0), streams(1, "x", 0)
    >>> bool(a.mutator.random() == b.mutator.random() != b.start.random())
    True
    """
    words = np.frombuffer(hashlib.sha256(identity.encode()).digest(), dtype=">u4")
    entropy = [seed, *map(int, words)]
    return Streams(
        *(
            np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(batch, role)))
            for role in range(len(fields(Streams)))
        )
    )
