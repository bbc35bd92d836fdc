"""The checks for authors of parts: each is proved by an object that breaks one thing, and its exact message."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from evo.conformance import (
    NotConforming,
    check_mutator,
    check_part,
    check_problem,
    check_schedule,
    cost_checks,
    kind_of,
    mutator_checks,
    problem_checks,
    schedule_checks,
)
from evo.conformance.call_laws import DISCREPANCY, samples_needed
from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.errors import InputError
from evo.laws.counts import IndependentBlocks
from evo.protocols import Rewritten
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.text import type_name
from operators import (
    BetaBlocks,
    BetaQuality,
    BetaRunQuality,
    Decaying,
    FixKeep,
    Malformed,
    Measured,
    PerBlock,
    Refuse,
    Resample,
    Sparse,
    Spill,
    Vote,
)
from problems import BlockOneMax, Minibatch

GOOD = [
    Resample(0.5),
    FixKeep(1, 0),
    BetaQuality(2, 1),
    BetaRunQuality(2, 1),
    PerBlock((0.2, 0.5, 0.7)),
    BetaBlocks(1, 2),
    Decaying((0.9, 0.8)),
    Measured({1: 0.35, 5: 0.2}, {1: 0.9, 5: 0.8}, 0.3, 0.6),
    Sparse(FixKeep(1, 0), 0.2),
    Refuse(Resample(0.5), 0.1),
    Malformed(Resample(0.5), 0.1, 0.05),
    Spill(Resample(0.5), 0.1),
    Refuse(Spill(Malformed(Resample(0.5), 0.1), 0.1), 0.1),
    Vote(Resample(0.6), 2),
    BlockOneMax(4, 16),
    BlockOneMax(30, 16),
    BlockOneMax(1, 1),
    Minibatch(BlockOneMax(6, 2), 2),
    OnePlusLambda(1, "always"),
    OnePlusLambda(2, "weak", threshold=0.5),
    AllBlocks(),
    RoundRobin(g=2),
    UniformChunk(),
    UniformChunk(g=5),
    UntilResolved(),
    OnlyIncorrect(g=3),
    LLMPrimitive(),
    TokenPrices(1, 2, 0.5, unit=1),
]


SEEN_ELSEWHERE = (FixKeep, BetaQuality, BetaBlocks, Decaying, Sparse, Spill, Vote, Malformed, OnePlusLambda)
SEEN_ELSEWHERE += (Resample, PerBlock, BetaRunQuality)
"""Mutators whose law test_operator_laws shows in its quick part; the others, nested, stand for each kind of answer.

Runners are in tests/engine/test_own_runners.py.
"""


@pytest.mark.parametrize(
    "part",
    [pytest.param(part, marks=pytest.mark.slow if isinstance(part, SEEN_ELSEWHERE) else ()) for part in GOOD],
    ids=repr,
)
def test_what_conforms_passes_every_check(part):
    assert [(found.name, found.message) for found in check_part(part) if found.passed is False] == []


# ------------------------------------------------------------------------------------------- broken mutators


@dataclass(frozen=True)
class Mine:
    """A good mutator, whose subclasses break one thing each."""

    p: float = 0.5

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.p

    @property
    def law(self) -> Any:
        return IndependentBlocks(self.p, self.p)


@dataclass
class Thawed:
    p: float = 0.5

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.p


@dataclass(frozen=True)
class Unhashable(Mine):
    p: Any = field(default_factory=lambda: [0.5])

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.p[0]


@dataclass(frozen=True)
class Doubling(Mine):
    def __post_init__(self) -> None:
        object.__setattr__(self, "p", self.p / 2)


@dataclass(frozen=True)
class WithFunction(Mine):
    how: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "how", lambda: 1)


@dataclass(frozen=True)
class Changing(Mine):
    def __setstate__(self, state) -> None:
        object.__setattr__(self, "p", state["p"] / 2)

    def __getstate__(self):
        return {"p": self.p}


@dataclass(frozen=True)
class Silent:
    p: float = 0.5


@dataclass(frozen=True)
class Flat(Mine):
    def rewrite(self, correct, rng):
        return rng.random(correct.shape[0]) < self.p


@dataclass(frozen=True)
class Floats(Mine):
    def rewrite(self, correct, rng):
        return rng.random(correct.shape)


@dataclass(frozen=True)
class Raising(Mine):
    def rewrite(self, correct, rng):
        raise ValueError("the model is out to lunch")


@dataclass(frozen=True)
class Clairvoyant(Mine):
    sees: ClassVar[str] = "everything"


@dataclass(frozen=True)
class Free(Mine):
    def rewrite(self, correct, rng):
        return Rewritten(rng.random(correct.shape) < self.p, calls=np.zeros(len(correct), dtype=np.int64))


@dataclass(frozen=True)
class Picky(Mine):
    def fits(self, k, g):
        raise InputError("Picky: not today")


@dataclass(frozen=True)
class InPlace(Mine):
    def rewrite(self, correct, rng):
        correct[:] = rng.random(correct.shape) < self.p
        return correct


@dataclass(frozen=True)
class Sly(Mine):
    """Writes only where it is allowed to."""

    sees: ClassVar[str] = "solution"

    def rewrite(self, chunk, rng):
        if chunk.solution.flags.writeable:
            chunk.solution[:] = True
        return rng.random(chunk.correct.shape) < self.p


@dataclass(frozen=True)
class OwnGenerator(Mine):
    def rewrite(self, correct, rng):
        return np.random.default_rng().random(correct.shape) < self.p


@dataclass(frozen=True)
class GlobalNumpy(Mine):
    def rewrite(self, correct, rng):
        np.random.rand(3)  # noqa: NPY002
        return rng.random(correct.shape) < self.p


@dataclass(frozen=True)
class GlobalPython(Mine):
    def rewrite(self, correct, rng):
        random.random()
        return rng.random(correct.shape) < self.p


@dataclass(frozen=True)
class OneForAll(Mine):
    def rewrite(self, correct, rng):
        return np.tile(rng.random(correct.shape[1:]) < self.p, (len(correct), 1))


@dataclass(frozen=True)
class Twins(Mine):
    """Neighbours share their draws: every answer follows the law, and they are not independent."""

    def rewrite(self, correct, rng):
        half = rng.random(((len(correct) + 1) // 2, *correct.shape[1:])) < self.p
        return np.repeat(half, 2, axis=0)[: len(correct)]


@dataclass(frozen=True)
class ShortLaw(Mine):
    @property
    def law(self):
        @dataclass(frozen=True)
        class Short:
            def pmf(self, g, i):
                return np.full(g, 1 / g)

        return Short()


@dataclass(frozen=True)
class MethodLaw(Mine):
    def law(self):
        return IndependentBlocks(self.p, self.p)


@dataclass(frozen=True)
class FaultyLaw(Mine):
    @property
    def law(self):
        return IndependentBlocks(self.fix, self.p)


@dataclass(frozen=True)
class ListLaw(Mine):
    @property
    def law(self):
        @dataclass(frozen=True)
        class Listed:
            def pmf(self, g, i):
                return [1 / (g + 1)] * (g + 1)

        return Listed()


@dataclass(frozen=True)
class HeavyLaw(Mine):
    @property
    def law(self):
        @dataclass(frozen=True)
        class Heavy:
            def pmf(self, g, i):
                return np.full(g + 1, 1.0)

        return Heavy()


@dataclass(frozen=True)
class SlightlyOff(Mine):
    @property
    def law(self):
        return IndependentBlocks(self.p, self.p + DISCREPANCY)


@dataclass(frozen=True)
class FirstBlockOnly(Mine):
    """The law of counts holds where incorrect blocks come first, and not where they come last."""

    def rewrite(self, correct, rng):
        after = np.ones_like(correct)
        after[:, 0] = np.where(correct[:, 0], True, rng.random(len(correct)) < self.p)
        return after

    @property
    def law(self):
        @dataclass(frozen=True)
        class OneBlock:
            p: float

            def pmf(self, g, i):
                pmf = np.zeros(g + 1)
                pmf[g] = 1.0 if i == 0 else self.p
                pmf[g - 1] = 1 - pmf[g]
                return pmf

        return OneBlock(self.p)


@dataclass(frozen=True)
class Tiring(Mine):
    """Worse in later generations."""

    sees: ClassVar[str] = "positions"

    def rewrite(self, chunk, rng):
        return rng.random(chunk.correct.shape) < self.p / (1 + (chunk.generation > 100))[:, None]

    @property
    def law(self):
        return IndependentBlocks(self.p, self.p)


@dataclass(frozen=True)
class Secretive(Mine):
    def rewrite(self, correct, rng):
        return Rewritten(rng.random(correct.shape) < self.p, valid=rng.random(len(correct)) < 0.9)

    @property
    def law(self):
        return IndependentBlocks(self.p, self.p)


@dataclass(frozen=True)
class Spilling(Mine):
    sees: ClassVar[str] = "solution"

    def rewrite(self, chunk, rng):
        return Rewritten(rng.random(chunk.correct.shape) < self.p, solution=np.zeros_like(chunk.solution))

    @property
    def law(self):
        return IndependentBlocks(self.p, self.p)


@dataclass(frozen=True)
class Moody(Mine):
    """Uniform quality drawn once a run: each call alone is right w.p. 1/2."""

    def draw(self, runs, k, rng):
        return rng.random((runs, 1))

    def rewrite(self, chunk, rng):
        return np.repeat(rng.random((len(chunk.correct), 1)) < chunk.traits, chunk.correct.shape[1], axis=1)

    @property
    def law(self):
        @dataclass(frozen=True)
        class AllOrNone:
            def pmf(self, g, i):
                return np.array([0.5, *[0.0] * (g - 1), 0.5])

        return AllOrNone()


def named(value: object) -> str | None:
    return None if isinstance(value, str) else type(value).__name__


@dataclass(frozen=True)
class SecretVotes(Mine):
    def rewrite(self, correct, rng):
        return Rewritten(rng.random(correct.shape) < self.p, calls=np.full(len(correct), 3))

    @property
    def law(self):
        return IndependentBlocks(self.p, self.p)


@dataclass(frozen=True)
class Miscounted(SecretVotes):
    def mean_calls(self, i):
        return 2.0


@dataclass(frozen=True)
class CheapTalk(Mine):
    overhead: ClassVar[Any] = 10


PLACE_FIRST = "incorrect ones first, in the first chunk, all else incorrect, generation 0"
PLACE_LAST = "incorrect ones last, in the last chunk, all else correct, generation 1,000"
PLACE_MIDDLE = "incorrect ones anywhere, in a middle chunk, all else random, generations 0 to 1,001"
PLACES = (PLACE_FIRST, PLACE_LAST, PLACE_MIDDLE)
BROKEN_MUTATORS = [
    (Thawed(), "frozen dataclass", "Thawed is no frozen dataclass; write @dataclass(frozen=True) above the class"),
    (
        Unhashable(),
        "frozen dataclass",
        "Unhashable cannot be hashed (unhashable type: 'list'); hold tuples, not lists or arrays",
    ),
    (
        Unhashable([1.0]),
        "canonical text",
        "expected a frozen dataclass, tuple, number, string or None in a part, got [1.0] of type list; parts are "
        "@dataclass(frozen=True) and hold tuples, not lists",
    ),
    (
        Doubling(0.5),
        "canonical text",
        f"the text {type_name(Doubling)}(p=0.25) gives back Doubling(p=0.125), not Doubling(p=0.25); keep in "
        "fields what the constructor was given",
    ),
    (
        WithFunction(),
        "picklable",
        "WithFunction cannot be sent to worker processes (REASON); define it at the top level of a module and hold "
        "plain values",
    ),
    (
        Changing(),
        "picklable",
        "Changing comes back from a worker process as Changing(p=0.25), not Changing(p=0.5)",
    ),
    (Silent(), "shape and dtype", "Silent has no method rewrite(correct, rng)"),
    (
        Flat(),
        "shape and dtype",
        "Flat.rewrite: expected for the blocks a bool array of shape (1, 1), got bool array of shape (1,); return an "
        "array of the shape handed over, for example `rng.random(correct.shape) < p`",
    ),
    (
        Floats(),
        "shape and dtype",
        "Floats.rewrite: expected for the blocks a bool array of shape (1, 1), got float64 array of shape (1, 1); "
        "return an array of the shape handed over, for example `rng.random(correct.shape) < p`",
    ),
    (
        Raising(),
        "shape and dtype",
        "Raising raised ValueError: the model is out to lunch (test_conformance.py, line N, in rewrite)",
    ),
    (
        MethodLaw(),
        "law adds up",
        f"{__name__}.MethodLaw.law must be a property that gives a CallLaw or None, got <bound method MethodLaw.law of "
        "MethodLaw(p=0.5)>; write @property above it",
    ),
    (
        FaultyLaw(),
        "law adds up",
        f"{__name__}.FaultyLaw.law raised AttributeError: 'FaultyLaw' object has no attribute 'fix' "
        f"({__file__}, line N)",
    ),
    (
        ListLaw(),
        "law adds up",
        "Listed.pmf(1, 0) must be the probabilities of 0..1 correct blocks, an array of shape (2,), got list",
    ),
    (
        Clairvoyant(),
        "shape and dtype",
        "Clairvoyant.sees must be 'positions' or 'solution' (or be left out), got 'everything'",
    ),
    (Free(), "shape and dtype", "Free.rewrite: expected at least 1 call an answer, got 0"),
    (InPlace(), "input unchanged", "InPlace.rewrite changes `correct`, which it is handed; copy it first"),
    (Sly(), "input unchanged", "Sly.rewrite changes `chunk.solution`, which it is handed; copy it first"),
    (
        OwnGenerator(),
        "same for a seed",
        "OwnGenerator.rewrite gives different answers for the same seed; draw all random numbers from the `rng` "
        "handed over",
    ),
    (
        GlobalNumpy(),
        "global generators",
        "GlobalNumpy.rewrite uses the global generator of numpy or of `random`; draw from the `rng` handed over",
    ),
    (
        GlobalPython(),
        "global generators",
        "GlobalPython.rewrite uses the global generator of numpy or of `random`; draw from the `rng` handed over",
    ),
    (
        OneForAll(),
        "batch as loop",
        "P(number of correct blocks = N) is N in a batch of 5,000 and N when asked one by one; each row of a batch "
        "is a run of its own: draw random numbers in the shape of what is handed over",
    ),
    (
        Twins(),
        "batch as loop",
        "P(two neighbours have the same number of correct blocks) is N in a batch of 5,000 and N when asked one by "
        "one; each row of a batch is a run of its own: draw random numbers in the shape of what is handed over",
    ),
    (
        ShortLaw(),
        "law adds up",
        "Short.pmf(1, 0) must be the probabilities of 0..1 correct blocks, an array of shape (2,), got shape (1,)",
    ),
    (
        HeavyLaw(),
        "law adds up",
        "Heavy.pmf(1, 0) must be probabilities >= 0 with a sum of at most 1, got [1.0, 1.0]",
    ),
    (
        SlightlyOff(),
        "law holds",
        "P(N of N blocks are correct) after a call with N incorrect is N by the declared law and N in N samples "
        "(PLACE); mend `rewrite` or `law`",
    ),
    (
        FirstBlockOnly(),
        "law holds",
        "P(N of N blocks are correct) after a call with N incorrect is N by the declared law and N in N samples "
        f"({PLACE_LAST}); mend `rewrite` or `law`",
    ),
    (
        Tiring(),
        "law holds",
        "P(N of N blocks are correct) after a call with N incorrect is N by the declared law and N in N samples "
        f"({PLACE_LAST}); mend `rewrite` or `law`",
    ),
    (
        Secretive(),
        "law holds",
        "P(the answer is invalid) after a call with N incorrect is 0.0000 by the declared law and N in N samples "
        f"({PLACE_FIRST}); mend `rewrite` or `law`",
    ),
    (
        Spilling(),
        "law holds",
        "Spilling declares a law of counts and changes blocks outside its chunk, for which counts do not suffice; "
        "declare no law, or one without pmf",
    ),
    (
        Moody(),
        "calls of a run independent",
        "two calls of a run with 1 incorrect both have 0 of 1 blocks correct with probability N; if they were "
        "independent, as predictions from the declared law take them to be, it would be 0.2500; what `draw` draws for "
        "a run correlates them: declare no law",
    ),
    (
        SecretVotes(),
        "calls of an answer",
        "an answer of SecretVotes takes 3 calls (g = 1); declare their mean in mean_calls(i), for a block that is "
        "incorrect (i = 1) or correct (i = 0), or predictions of calls and cost are wrong",
    ),
    (
        Miscounted(),
        "calls of an answer",
        "Miscounted.mean_calls(1) is 2, and N answers took 3 calls on average",
    ),
    (
        CheapTalk(),
        "overhead",
        "CheapTalk: overhead must be a tuple of Overhead, such as (Overhead(writes=10),), got 10",
    ),
]


def pattern(message: str) -> str:
    """A message as a regular expression: N is a number, REASON anything, PLACE any place."""
    text = re.escape(message)
    text = re.sub(r"\bN\b", r"-?[\\d.,]+", text)
    return text.replace("REASON", ".+").replace("PLACE", f"({'|'.join(map(re.escape, PLACES))})")


def assert_found(checks: Any, name: str, message: str) -> None:
    (check,) = (each for each in checks if each.name == name)
    found = check.result()
    assert found.passed is False
    assert re.fullmatch(pattern(message), found.message), found.message


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_MUTATORS, ids=named)
def test_a_broken_mutator_fails_the_check_of_what_it_breaks(broken, name, message):
    assert_found(mutator_checks(broken), name, message)


def test_what_one_fault_makes_impossible_is_not_counted_as_another():
    found = {each.name: each for each in check_mutator(Floats())}
    assert [name for name, each in found.items() if each.passed is False] == ["shape and dtype"]
    why = "rewrite does not answer as it must, see the check `shape and dtype`"
    assert found["batch as loop"].message == found["same for a seed"].message == why
    found = {each.name: each for each in check_mutator(HeavyLaw())}
    assert [name for name, each in found.items() if each.passed is False] == ["law adds up"]
    assert found["law holds"].message == "the declared law is none, see the check `law adds up`"


def test_checks_that_do_not_apply_say_why():
    def why(mutator, name="law holds"):
        (found,) = (each.result() for each in mutator_checks(mutator) if each.name == name)
        assert (found.passed, found.outcome) == (None, "does not apply")
        return found.message

    @dataclass(frozen=True)
    class Lawless:
        def rewrite(self, correct, rng):
            return correct

    assert why(Lawless()) == "no law is declared: cells run and are fitted, not predicted"
    assert why(Twins()) == "Twins inherits its law and declares none of its own: cells run and are not predicted"
    assert why(BetaBlocks(1, 1)) == "BetaBlocksLaw has no pmf(g, i): counts in a chunk do not suffice"
    assert why(Resample(0.5), "calls of a run independent") == "nothing is drawn for a run"
    assert (
        why(Picky(), "shape and dtype")
        == why(Picky(), "law holds")
        == (
            "Picky.fits refuses all chunks of 1 to 128, 200, 256, 500, 512, 1000, 1024, 2048 and 4096 blocks: Picky: "
            "not today; nothing can be tested"
        )
    )
    (chunks,) = (each for each in check_schedule(NoneFits()) if each.name == "chunks")
    assert chunks.outcome == "does not apply"
    assert chunks.message == (
        "NoneFits.chunk_size refuses 1 to 128, 200, 256, 500, 512, 1000, 1024, 2048 and 4096 blocks: NoneFits: too "
        "short; nothing can be tested"
    )


def test_a_claim_that_is_inherited_below_a_method_of_its_own_is_unchecked_not_inapplicable():
    @dataclass(frozen=True)
    class Own(FixKeep):
        def rewrite(self, correct, rng):
            return correct

    def found(part, checks, name):
        return next(each.result() for each in checks(part) if each.name == name)

    assert found(Own(0.5, 0.5), mutator_checks, "law holds").unchecked
    words = found(Own(0.5, 0.5), mutator_checks, "words as blocks")
    assert (words.passed, words.unchecked) == (None, False)
    assert words.message == "Own inherits rewrite_words and has a rewrite of its own: runs call rewrite alone"
    assert not found(BetaBlocks(1, 1), mutator_checks, "law holds").unchecked
    assert found(Picky(), mutator_checks, "shape and dtype").unchecked


def test_the_discrepancy_that_is_stated_is_detected():
    """Of the law check: false-fail rate 1e-6 over all probabilities, an error of 0.02 found w.p. 0.999 at least."""
    from evo.statistics import binomial_interval

    assert DISCREPANCY <= 0.02
    n = samples_needed(1e-9)
    low, high = binomial_interval(n // 2, n, 1e-9)
    assert high - low < 2 * DISCREPANCY


@pytest.mark.statistical
@pytest.mark.parametrize("seeds", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_honest_mutators_pass_whatever_the_seed(monkeypatch, seeds):
    """Other seeds of all samples; false-fail rate 1e-6 each."""
    honest = np.random.default_rng
    for seed in range(seeds):
        monkeypatch.setattr(np.random, "default_rng", lambda given=None, seed=seed: honest((seed + 1) * 1000 + given))
        for check in mutator_checks(BetaQuality(1, 1)):
            if check.name in ("batch as loop", "law holds"):
                check()


# ------------------------------------------------------------------------------------------- broken problems


@dataclass(frozen=True)
class Count:
    k: int = 6
    l: int = 4

    def initial(self, runs, rng):
        return rng.random((runs, self.k)) < 0.5

    def fitness(self, correct):
        return correct.sum(axis=-1)


@dataclass(frozen=True)
class NoTokens(Count):
    l: int = 0


@dataclass(frozen=True)
class StartInts(Count):
    def initial(self, runs, rng):
        return np.zeros((runs, self.k), dtype=int)


@dataclass(frozen=True)
class StartTwins(Count):
    def initial(self, runs, rng):
        return np.tile(rng.random(self.k) < 0.5, (runs, 1))


@dataclass(frozen=True)
class StartUnseeded(Count):
    def initial(self, runs, rng):
        return np.random.default_rng().random((runs, self.k)) < 0.5


@dataclass(frozen=True)
class StartGlobal(Count):
    def initial(self, runs, rng):
        np.random.rand()  # noqa: NPY002
        return rng.random((runs, self.k)) < 0.5


@dataclass(frozen=True)
class OneForAllFitness(Count):
    def fitness(self, correct):
        return correct.sum()


@dataclass(frozen=True)
class Ranked(Count):
    def fitness(self, correct):
        return correct.sum(axis=-1) - 0.5 * correct.sum(axis=-1).max()


@dataclass(frozen=True)
class FirstAxis(Count):
    def fitness(self, correct):
        return correct.sum(axis=1) if correct.ndim == 2 else correct.sum(axis=-1)[::-1]


@dataclass(frozen=True)
class Endless(Count):
    def fitness(self, correct):
        return np.log(correct.sum(axis=-1), where=correct.any(axis=-1), out=np.full(correct.shape[:-1], -np.inf))


@dataclass(frozen=True)
class Clearing(Count):
    def fitness(self, correct):
        values = correct.sum(axis=-1)
        correct[...] = False
        return values


@dataclass(frozen=True)
class Plateau(Count):
    def fitness(self, correct):
        return np.minimum(correct.sum(axis=-1), self.k - 1)


@dataclass(frozen=True)
class LongTrap(Count):
    k: int = 40

    def fitness(self, correct):
        right = correct.sum(axis=-1)
        return np.where(right == 39, 99, right)


@dataclass(frozen=True)
class WrongChange(Count):
    def fitness(self, correct):
        return correct.sum(axis=-1) ** 2

    def change(self, before, after):
        return after.sum(axis=-1) ** 2 - before.sum(axis=-1) ** 2


BROKEN_PROBLEMS = [
    (NoTokens(), "sizes", "NoTokens.l must be a whole number >= 1, got 0"),
    (
        StartInts(),
        "initial solutions",
        "StartInts.initial: expected a bool array of shape (1, 6), got int64 of shape (1, 6)",
    ),
    (
        StartTwins(),
        "batch as loop",
        "P(number of correct blocks = N) is 1.000 in a batch of 5,000 and N when asked one by one; "
        "each row of a batch is a run of its own: draw random numbers in the shape of what is handed over",
    ),
    (
        StartUnseeded(),
        "same for a seed",
        "StartUnseeded.initial gives different answers for the same seed; draw all random numbers from the `rng` "
        "handed over",
    ),
    (
        StartGlobal(),
        "global generators",
        "StartGlobal.initial uses the global generator of numpy or of `random`; draw from the `rng` handed over",
    ),
    (
        OneForAllFitness(),
        "fitness",
        "OneForAllFitness: expected one fitness a solution, shape (64,), got shape (); fitness maps bool [..., k] to "
        "numbers [...]",
    ),
    (
        Ranked(),
        "fitness",
        "Ranked.fitness gives a solution -3 among others and 0 alone; the last axis holds the blocks, each row is a "
        "solution of its own",
    ),
    (FirstAxis(), "fitness", "FirstAxis.fitness gives other values for [2, n, k] than for [n, k]; use the last axis"),
    (Endless(), "fitness", "Endless: expected a finite fitness of a solution, got -inf"),
    (Clearing(), "fitness", "Clearing.fitness changes the solutions that it is handed; copy them first"),
    (
        Plateau(),
        "optimum",
        "the solution with all blocks correct must be the only best one; it has fitness 5, and one with 5 of 6 correct "
        "has 5",
    ),
    (
        LongTrap(),
        "optimum",
        "the solution with all blocks correct must be the only best one; it has fitness 40, and one with 39 of 40 "
        "correct has 99",
    ),
    (
        WrongChange(),
        "change",
        "WrongChange.change says N where fitness changes by N (g = N); offer it only where the fitness is a sum over "
        "blocks",
    ),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_PROBLEMS, ids=named)
def test_a_broken_problem_fails_the_check_of_what_it_breaks(broken, name, message):
    assert_found(problem_checks(broken), name, message)


def test_the_problem_that_they_break_is_sound_and_offers_no_change():
    found = {each.name: each for each in check_problem(Count())}
    assert {name: each.message for name, each in found.items() if not each.passed} == {
        "change": "no change(before, after) is offered: the engine looks at whole solutions"
    }


# ------------------------------------------------------------------------------------------- broken schedules


@dataclass(frozen=True)
class Undeclared:
    g: int = 1

    def chunk_size(self, k):
        return self.g

    def choose(self, pointer, correct, m, ahead, lam, rng):
        return pointer[:, None, None]

    def advance(self, pointer, moved, m, generations):
        return (pointer + moved) % m


@dataclass(frozen=True)
class Turn(Undeclared):
    oblivious: ClassVar[bool] = False


@dataclass(frozen=True)
class Panics(Turn):
    invalid: ClassVar[str] = "panic"


@dataclass(frozen=True)
class HalfBlocks(Turn):
    g: float = 0.5


@dataclass(frozen=True)
class NoneFits(Turn):
    def chunk_size(self, k):
        raise InputError("NoneFits: too short")


@dataclass(frozen=True)
class OneTooFar(Turn):
    def choose(self, pointer, correct, m, ahead, lam, rng):
        return pointer[:, None, None] + m


@dataclass(frozen=True)
class Runaway(Turn):
    def advance(self, pointer, moved, m, generations):
        return pointer + moved


@dataclass(frozen=True)
class FloatPointer(Turn):
    def advance(self, pointer, moved, m, generations):
        return (pointer + 0.5) % m


@dataclass(frozen=True)
class MovesInPlace(Turn):
    def advance(self, pointer, moved, m, generations):
        pointer += moved
        pointer %= m
        return pointer


@dataclass(frozen=True)
class WipesParents(Turn):
    def choose(self, pointer, correct, m, ahead, lam, rng):
        correct[:] = True
        return pointer[:, None, None]


@dataclass(frozen=True)
class Unseeded(Turn):
    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.random.default_rng().integers(m, size=(len(pointer), ahead, 1))


@dataclass(frozen=True)
class Global(Turn):
    def choose(self, pointer, correct, m, ahead, lam, rng):
        np.random.rand()  # noqa: NPY002
        return pointer[:, None, None]


@dataclass(frozen=True)
class AllTheSame(Turn):
    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.full((len(pointer), ahead, 1), rng.integers(m))


@dataclass(frozen=True)
class Peeks(RoundRobin):
    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.tile(np.argmin(correct, axis=1)[:, None, None], (1, ahead, 1))


@dataclass(frozen=True)
class Follows(RoundRobin):
    def advance(self, pointer, moved, m, generations):
        return (pointer + moved) % m


@dataclass(frozen=True)
class Stuck(RoundRobin):
    def choose(self, pointer, correct, m, ahead, lam, rng):
        return np.tile(pointer[:, None, None], (1, ahead, 1))


BROKEN_SCHEDULES = [
    (
        Undeclared(),
        "oblivious declared",
        "Undeclared must say `oblivious: ClassVar[bool] = False` (or True, if its chunks never depend on what calls "
        "did), got None",
    ),
    (Panics(), "oblivious declared", "Panics.invalid must be 'ignore' or 'down', got 'panic'"),
    (
        HalfBlocks(),
        "chunk size",
        "HalfBlocks.chunk_size(12) must be a whole number from 1 to 12, or raise InputError, got 0.5",
    ),
    (OneTooFar(), "chunks", "OneTooFar.choose: expected chunks from 0 to 11, got 12 to 12"),
    (Runaway(), "pointer", "Runaway.choose: expected chunks from 0 to 11, got N to N"),
    (
        FloatPointer(),
        "pointer",
        "FloatPointer.advance: expected whole numbers of shape (24,), one pointer a run, got float64 of shape (24,)",
    ),
    (
        MovesInPlace(),
        "input unchanged",
        "MovesInPlace.advance changes the arrays that it is handed; return new ones, `pointer + moved` and not "
        "`pointer += moved`",
    ),
    (
        WipesParents(),
        "input unchanged",
        "WipesParents.choose changes the arrays that it is handed; copy them first",
    ),
    (
        Unseeded(),
        "same for a seed",
        "Unseeded.choose gives different answers for the same seed; draw all random numbers from the `rng` handed over",
    ),
    (
        Global(),
        "global generators",
        "Global.choose uses the global generator of numpy or of `random`; draw from the `rng` handed over",
    ),
    (
        AllTheSame(),
        "batch as loop",
        "P(chunk = N) is 1.000 in a batch of 5,000 and N when asked one by one; each row of "
        "a batch is a run of its own: draw random numbers in the shape of what is handed over",
    ),
    (
        Peeks(),
        "oblivious",
        "Peeks says oblivious = True and chooses by the correctness of the parents; say False",
    ),
    (
        Follows(),
        "oblivious",
        "Follows says oblivious = True and its pointer depends on whether the fitness moved; say False",
    ),
    (
        Stuck(),
        "look ahead",
        "Stuck.choose with ahead = 5 gives other chunks for generation 2 than advance by 1 and choose with ahead = 1",
    ),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_SCHEDULES, ids=named)
def test_a_broken_schedule_fails_the_check_of_what_it_breaks(broken, name, message):
    assert_found(schedule_checks(broken), name, message)


def test_the_schedule_that_they_break_is_sound():
    found = {each.name: each.message for each in check_schedule(Turn()) if not each.passed}
    why = "the schedule is not oblivious: the engine does not look ahead"
    assert found == {"oblivious": why, "look ahead": why}


# ------------------------------------------------------------------------------------------- broken costs


@dataclass(frozen=True)
class Five:
    @property
    def weights(self):
        return np.ones(5)


@dataclass(frozen=True)
class Rebate:
    @property
    def weights(self):
        return np.array([1.0, 0, 0, -2, 0, 0])


@dataclass(frozen=True)
class Market:
    @property
    def weights(self):
        return np.random.default_rng().random(6)


def test_a_broken_cost_fails_the_check_of_what_it_breaks():
    assert_found(
        cost_checks(Five()),
        "weights",
        "Five.weights must be 6 finite numbers, one for each of calls, evaluations, prompt_tokens, generated_tokens, "
        "pass_tokens, pass_tokens_squared, or 8 with those of cached_tokens and reasoning_tokens, got array([1., 1., "
        "1., 1., 1.])",
    )
    assert_found(cost_checks(Rebate()), "weights", "Rebate.weights must be >= 0, got -2 for generated_tokens")
    assert_found(
        cost_checks(Market()), "fixed prices", "Market.weights gives other prices each time; a price is a fixed number"
    )


# ------------------------------------------------------------------------------------------- for authors


@pytest.mark.parametrize("check", mutator_checks(Mine(p=0.3)))
def test_the_parametrisation_that_authors_write(check):
    assert check().outcome in ("passed", "does not apply")


def test_ids_are_the_names_of_the_checks(request):
    names = [each.name for each in mutator_checks(Mine())]
    shown = {item.name for item in request.session.items if item.name.startswith("test_the_parametrisation_that")}
    assert shown <= {f"test_the_parametrisation_that_authors_write[{name}]" for name in names}
    for checks in (mutator_checks(Mine()), problem_checks(Count()), schedule_checks(Turn()), cost_checks(Five())):
        assert [check.__name__ for check in checks] == [check.name for check in checks]
        assert len({check.name for check in checks}) == len(checks)


def test_a_check_that_fails_raises_its_message_for_pytest():
    (check,) = (each for each in mutator_checks(Thawed()) if each.name == "frozen dataclass")
    with pytest.raises(NotConforming, match=r"frozen dataclass: Thawed is no frozen dataclass; write @dataclass"):
        check()


def test_what_an_object_is_told_by_what_it_has():
    kinds = [kind_of(part) for part in (Mine(), Count(), Turn(), LLMPrimitive())]
    assert kinds == ["mutator", "problem", "schedule", "cost"]
    with pytest.raises(InputError, match=r"is no program: a program has roles and execute, it lacks roles$"):
        kind_of(SimpleNamespace(execute=print))
    with pytest.raises(InputError, match=r"^3 is no part of a cell: a mutator has rewrite; a problem has initial, fit"):
        check_part(3)
