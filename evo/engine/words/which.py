"""Which searches are run on words of 64 blocks, or on single blocks."""

from __future__ import annotations

from typing import Any

from evo.declarations import declared
from evo.foreign import is_foreign
from evo.landscapes import OfCounts
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import SparseLaw
from evo.protocols import is_informed
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.search import Search

ONE_CHUNK = (UniformChunk, UntilResolved, OnlyIncorrect, RoundRobin)
"""Schedules by which what becomes of a chunk follows from the answers of its own calls alone."""


def runs_on_words(search: Search) -> bool:
    """Whether a search is run on words: it asks nothing of its parts that words do not have.

    That is OnePlusLambda with strict acceptance, chunks of all blocks, or of equally many handed out by one of
    `ONE_CHUNK`, the number of correct blocks as exact fitness, and a mutator that `rewrites_words`. Problems and
    schedules of others are always asked themselves.

    >>> from evo import AllBlocks, RoundRobin
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> runs_on_words(Search(BlockOneMax(4, l=16), Resample(0.5), AllBlocks(), OnePlusLambda()))
    True
    >>> runs_on_words(Search(BlockOneMax(4, l=16), Resample(0.5), RoundRobin(g=3), OnePlusLambda()))
    False
    """
    problem, schedule, runner = search.problem, search.schedule, search.runner
    if type(runner) is not OnePlusLambda or runner != OnePlusLambda(runner.lam):
        return False
    if is_foreign(type(problem)) or declared(problem, "landscape") != OfCounts(range(problem.k + 1)):
        return False
    if is_foreign(type(schedule)) or search.lengths.powers:
        return False
    chunks = search.chunks
    if chunks.m > 1 and (type(schedule) not in ONE_CHUNK or chunks.last < chunks.g):
        return False
    return rewrites_words(search.mutator)


def rewrites_words(mutator: Any) -> bool:
    """Whether a mutator and those inside it have `rewrite_words`, and are told of nothing but blocks.

    Those inside are asked for some blocks alone: they must declare a law by which blocks do not depend on each other.

    >>> from operators import FixKeep, Malformed, Sparse
    >>> rewrites_words(Sparse(FixKeep(1.0, 0.0), rate=0.1)), rewrites_words(Malformed(FixKeep(1.0, 0.0), 0.1))
    (True, False)
    """
    if declared(mutator, "rewrite_words") is None or is_informed(mutator):
        return False
    inner = getattr(mutator, "inner", None)
    return inner is None or (_is_apart(declared(inner, "law")) and rewrites_words(inner))


def _is_apart(law: object) -> bool:
    """Whether by a law of calls blocks do not depend on each other."""
    return isinstance(law, IndependentBlocks) or (isinstance(law, SparseLaw) and _is_apart(law.law))
