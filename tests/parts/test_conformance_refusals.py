"""What checks say of parts that break one thing each, or of which a check says nothing: every line is read whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from evo import AllBlocks, Archive, InputError, Merged, RoundRobin
from evo.conformance import mutator_checks, problem_checks, runner_checks, schedule_checks
from evo.errors import NoPrediction
from evo.evaluation import Reading
from evo.laws.counts import IndependentBlocks
from evo.theory import all_blocks
from problems import BlockOneMax, Noisy

HALF = IndependentBlocks(0.5, 0.5)
SHAPES = "must be the probabilities of 0..{0} correct blocks, an array of shape ({1},), got shape ({2},)"


def broken(name: str, base: type, *given: Any, **methods: Any) -> Any:
    """A part like `base`, with other methods."""
    return dataclass(frozen=True)(type(name, (base,), {"__module__": __name__, **methods}))(*given)


class Coins:
    """The paper's mutator at p = 1/2."""

    law = property(lambda self: HALF)

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


class Traits(Coins):
    def draw(self, runs, k, rng):
        return rng.random((runs, 1))

    def rewrite(self, chunk, rng):
        return rng.random(chunk.correct.shape) < 0.5


class ShortAt:
    """A law that lacks a number where all blocks are incorrect, or all correct."""

    def __init__(self, all_wrong):
        self.all_wrong = all_wrong

    def pmf(self, g, i):
        return HALF.pmf(g, i)[: -1 if i == (g if self.all_wrong else 0) else None]


def one_block_is_refused(self, k, g):
    if g == 1:
        raise InputError("chunks of one block are refused")


def raises(error):
    def method(*given, **more):
        raise error

    return method


def reads(readings):
    """`evaluate` of a fitness without noise, with other judgements."""
    return lambda self, correct, rng, changed=None, judgements=None: Reading(
        self.problem.fitness(correct) + 0.0, np.ones(len(correct), int), readings(correct)
    )


MUTATORS = [
    ("law adds up", broken("Lacks", Coins, law=property(lambda self: ShortAt(True))), False,
     "ShortAt.pmf(1, 1) " + SHAPES.format(1, 2, 1)),
    ("law adds up", broken("Lacks", Coins, law=property(lambda self: ShortAt(False))), False,
     "ShortAt.pmf(1, 0) " + SHAPES.format(1, 2, 1)),
    ("law adds up", broken("Bare", Coins, law=property(lambda self: Coins())), False,
     "Bare.law must be a law with a method pmf(g, i), such as IndependentBlocks(fix=0.5, keep=0.5), or None, got "),
    ("calls of an answer", broken("Unknown", Coins, mean_calls=lambda self, i: None), None,
     "the mean number of calls of an answer is not known (mean_calls gives None)"),
    ("calls of an answer", broken("Half", Coins, mean_calls=lambda self, i: 2.0 if i else None), None,
     "the mean number of calls of an answer is not known (mean_calls gives None)"),
    ("calls of an answer",
     broken("Long", Coins, mean_calls=lambda self, i: 1.0 + i, fits=one_block_is_refused), None,
     "mean_calls is about one block, and chunks of one block are refused"),
    ("input unchanged", broken("Writes", Coins, rewrite=raises(ValueError("assignment destination is read-only"))),
     False, "Writes.rewrite writes into what it is handed; copy it first"),
    ("calls of a run independent", broken("Drawn", Traits, law=property(lambda self: HALF)), True,
     "two calls of a run are independent; 0.02 in any probability would have been found for g = "),
]  # fmt: skip
PROBLEMS = [
    ("initial law", broken("Ruled", BlockOneMax, 4, 2, initial_law=property(lambda self: 0.5)), False,
     "Ruled.initial_law must be an evo.theory.Start(k=4, ..), got 0.5"),
    ("fitness draws nothing", broken("Fails", BlockOneMax, 4, 2, fitness=raises(KeyError("b7"))), None,
     "there is no fitness to go by, see the check `fitness`"),
    ("evaluation", broken("Few", Noisy, BlockOneMax(4, 2), 0.0, evaluations_each=(3, 1)), False,
     "Few.evaluations_each must be the fewest and the most evaluations of a solution, got (3, 1)"),
    ("evaluation", broken("Rows", Noisy, BlockOneMax(4, 2), 0.0, evaluate=reads(lambda correct: correct[:1])), False,
     "Rows.evaluate: judgements must be an array with one row a solution, or None"),
    ("evaluation", broken("Lists", Noisy, BlockOneMax(4, 2), 0.0, evaluate=reads(lambda correct: [1] * len(correct))),
     False, "Lists.evaluate: judgements must be an array with one row a solution, or None"),
]  # fmt: skip
ASKED = iter(range(10**6))
RUNNERS = [
    ("survivors", broken("Draws", Archive, 2, survivors=lambda self, pool, offspring: np.full(
        pool.seen.shape, next(ASKED) % 2)), False,
     "Draws.survivors answers differently when asked again; draw only in `parents`"),
    ("survivors", broken("Empties", Archive, 2, survivors=lambda self, pool, offspring: np.ones(
        pool.seen.shape, int)), False,
     "Empties.survivors keeps no solution of a run; one place at least must hold one"),
    ("survivors", broken("Batches", Archive, 2, survivors=lambda self, pool, offspring: np.tile(
        [0, 1 - (len(pool.seen) > 1)], (len(pool.seen), 1))), False,
     "Batches.survivors answers otherwise for a run alone than in a batch; rows are runs of their own"),
    ("generations", broken("Scalars", Merged, answers=lambda self, generations, schedule, k: (0, 9)), False,
     "Scalars.answers must give two arrays in the shape of the generations"),
    ("generations", broken("Early", Merged, answers=lambda self, generations, schedule, k: (
        generations, generations + 1)), False,
     "Early.answers must be 0 for no generation, and rise: the fewest and the most answers"),
    ("generations", broken("Swaps", Merged, answers=lambda self, generations, schedule, k: (
        2 * generations, generations)), False,
     "Swaps.answers must be 0 for no generation, and rise: the fewest and the most answers"),
    ("generations", broken("Falls", Merged, answers=lambda self, generations, schedule, k: (
        0 * generations, generations % 3)), False,
     "Falls.answers must be 0 for no generation, and rise: the fewest and the most answers"),
    ("generations", broken("Back", Merged, in_flight=-1), False,
     "Back.in_flight must be a whole number >= 0, got -1"),
    ("founders", broken("Gap", Archive, 2, founders=(0, 2)), False,
     "Gap.founders must name the initial solutions 0, 1, .. without a gap, at least one, got (0, 2)"),
    ("founders", broken("Nobody", Archive, 2, founders=(-1, -1)), False,
     "Nobody.founders must name the initial solutions 0, 1, .. without a gap, at least one, got (-1, -1)"),
    ("founders", broken("Below", Archive, 2, founders=(0, -2)), False,
     "Below.founders must be a tuple of whole numbers >= -1, one a place, got (0, -2)"),
    ("founders", broken("Idle", Merged, lam=0), False, "Idle.lam must be a whole number >= 1, got 0"),
]  # fmt: skip


def lawful(name, base, law):
    return broken(name, base, run_law=staticmethod(law))


def off_by_lam(law, k, start, lam):
    return replace(all_blocks(law, k, start, 1), lam=1)


SCHEDULES = [
    ("chunk size", broken("Raises", RoundRobin, chunk_size=raises(KeyError("k"))), False,
     "Raises.chunk_size(12) must be a whole number from 1 to 12, or raise InputError; it raised KeyError: 'k'"),
    ("law of a run", lawful("Refuses", AllBlocks, raises(NoPrediction("no"))), None,
     "run_law refuses all that is tried: fix = 0.4, keep = 0.7, lam = 1 and 3, all incorrect"),
    ("law of a run", lawful("Numbers", AllBlocks, lambda law, k: 3.0), False,
     "Numbers.run_law must return an evo.theory.RunLaw, got 3.0"),
    ("law of a run", lawful("Lam", AllBlocks, off_by_lam), False,
     "Lam.run_law is off by lam = 1 where it is 3: what is paid for is lam calls a generation, k = "),
]  # fmt: skip
CASES = [
    (checks, *case)
    for checks, cases in (
        (mutator_checks, MUTATORS),
        (problem_checks, PROBLEMS),
        (runner_checks, RUNNERS),
        (schedule_checks, SCHEDULES),
    )
    for case in cases
]


@pytest.mark.parametrize(
    ("checks", "name", "part", "passed", "message"), CASES, ids=[f"{type(case[2]).__name__}" for case in CASES]
)
def test_a_check_says_what_it_found(checks, name, part, passed, message):
    (check,) = [each for each in checks(part) if each.name == name]
    found = check.result()
    assert (found.passed, found.message[: len(message)]) == (passed, message)
