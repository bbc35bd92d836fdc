"""Parts with a hidden fault, one that shows only in some states, rows or sizes, or only after many calls.

The conformance checks must find each of them, with the exact message."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import InitVar, dataclass, field, make_dataclass
from typing import Any

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda
from evo.batch import Batch
from evo.conformance import (
    check_mutator,
    check_schedule,
    cost_checks,
    kind_of,
    mutator_checks,
    problem_checks,
    schedule_checks,
)
from evo.conformance.call_numbers import surely_off
from evo.engine.one_parent import run_batch
from evo.errors import InputError, OperatorError
from evo.evaluation import Reading
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import ComponentLaw, Invalid, sound_components
from evo.protocols import Rewritten
from evo.schedules import Decomposed, EachChunk, RoundRobin, UniformSubset
from evo.search import Search
from evo.seeding import streams
from operators import Resample
from problems import BlockOneMax, Judged, Noisy

frozen = dataclass(frozen=True)
HALF = IndependentBlocks(0.5, 0.5)
FIRST = "incorrect ones first, in the first chunk, all else incorrect, generation 0"
MIDDLE = "incorrect ones anywhere, in a middle chunk, all else random, generations 0 to 1,001"


def coins(correct: Any, rng: Any) -> Any:
    return rng.random(correct.shape) < 0.5


def mutator(name: str, rewrite: Any = coins, **more: Any) -> Any:
    """A mutator whose declared law is Bin(g, 1/2), while `rewrite` does what the test puts in its place."""
    made = {"rewrite": lambda self, correct, rng: rewrite(correct, rng), "law": property(lambda self: HALF), **more}
    return frozen(type(name, (), {"__module__": __name__, **made}))()


def found(checks: Any, name: str) -> Any:
    (check,) = (each for each in checks if each.name == name)
    return check.result()


def expect(checks: Any, name: str, message: str) -> None:
    """Expect that a check fails with this message, where N in the message stands for any number."""
    result = found(checks, name)
    assert result.passed is False, result
    assert re.fullmatch(re.sub(r"\bN\b", r"-?[\\d.,]+", re.escape(message)), result.message), result.message


def failed(results: Any) -> list[str]:
    """Names of the checks that a part fails, but for `picklable`, which classes within tests fail anyway."""
    return [each.name for each in results if each.passed is False and each.name != "picklable"]


# ------------------------------------------------------------------------------------------- laws of mutators


class AllOrNone(IndependentBlocks):
    """A law whose `components`, inherited from another law, contradict its own `pmf`."""

    def pmf(self, g, i):
        return np.array([0.5, *[0.0] * (g - 1), 0.5])


def right_total_wrong_place(correct, rng):
    x = rng.binomial(correct.shape[1], 0.5, size=len(correct))
    rank = np.argsort(np.argsort(~correct, axis=1, kind="stable"), axis=1)
    return rank < x[:, None]


def law_message(event: str, i: Any, place: str) -> str:
    return (
        f"P({event}) after a call with {i} incorrect is N by the declared law and N in N samples ({place}); mend "
        "`rewrite` or `law`"
    )


def informed(name: str, p: Any, sees: str = "positions") -> Any:
    """A `rewrite` after which blocks are correct w.p. p(chunk), an array of one number a row or a block."""
    return mutator(name, lambda chunk, rng: rng.random(chunk.correct.shape) < p(chunk), sees=sees)


def traits(name: str, p: Any) -> Any:
    def rewrite(chunk, rng):
        drawn = np.take_along_axis(chunk.traits, chunk.blocks, 1)
        return rng.random(chunk.correct.shape) < p(chunk, drawn)

    return mutator(name, rewrite, draw=lambda self, runs, k, rng: rng.beta(0.5, 0.5, size=(runs, k)))


def mixed(chunk):
    out = chunk.solution.sum(1) - chunk.correct.sum(1)
    return np.where((out > 0) & (out < chunk.solution.shape[1] - chunk.correct.shape[1]), 0.2, 0.5)[:, None]


def two_calls(i: Any, x: Any, g: Any) -> str:
    return (
        f"two calls of a run with {i} incorrect both have {x} of {g} blocks correct with probability N; if they were "
        "independent, as predictions from the declared law take them to be, it would be N; what `draw` draws for a run "
        "correlates them: declare no law"
    )


def only_g(g: int) -> Any:
    return lambda correct, rng: rng.random(correct.shape) < (0.6 if correct.shape[1] == g else 0.5)


def last_one_worse(correct, rng):
    one = ((~correct).sum(1) == 1) & (correct.shape[1] > 2)
    return correct | (rng.random(correct.shape) < np.where(one, 0.1, 0.5)[:, None])


BROKEN_LAWS = [
    (
        mutator(
            "Inherited",
            lambda correct, rng: np.repeat(rng.random((len(correct), 1)) < 0.5, correct.shape[1], 1),
            law=property(lambda self: AllOrNone(0.5, 0.5)),
        ),
        "law adds up",
        "AllOrNone.pmf(2, 0) says 0 of 1 correct blocks and the mixture of AllOrNone.components(2) 0.5; "
        "wrappers go by the components: mend them, or write a law that has none",
    ),
    (
        mutator("WrongPlace", right_total_wrong_place),
        "law holds",
        law_message("N of the N incorrect among N blocks are correct", "N", FIRST),
    ),
    (mutator("OffAt3", only_g(3)), "law holds", law_message("N of 3 blocks are correct", "N", FIRST)),
    (mutator("OffAt8", only_g(8)), "law holds", law_message("N of 8 blocks are correct", "N", FIRST)),
    (
        mutator("LastOne", last_one_worse, law=property(lambda self: IndependentBlocks(0.5, 1.0))),
        "law holds",
        law_message("N of N blocks are correct", "1", FIRST),
    ),
    (
        informed("OddGenerations", lambda chunk: np.where(chunk.generation % 2 == 1, 0.1, 0.5)[:, None]),
        "law holds",
        law_message("N of N blocks are correct", "N", MIDDLE),
    ),
    (
        informed("Early", lambda chunk: np.where((chunk.generation > 0) & (chunk.generation < 500), 0.1, 0.5)[:, None]),
        "law holds",
        law_message("N of N blocks are correct", "N", MIDDLE),
    ),
    (
        informed("MiddleWorse", lambda chunk: np.where((chunk.blocks > 0) & (chunk.blocks < 11), 0.2, 0.5)),
        "law holds",
        law_message("N of N blocks are correct", "N", MIDDLE),
    ),
    (informed("Mixed", mixed, "solution"), "law holds", law_message("N of N blocks are correct", "N", MIDDLE)),
    (
        traits("KeepIsDrawn", lambda chunk, drawn: np.where(chunk.correct, drawn, 0.5)),
        "calls of a run independent",
        two_calls(0, 0, 1),
    ),
    (
        traits("ManyAreDrawn", lambda chunk, drawn: drawn if drawn.shape[1] > 1 else 0.5),
        "calls of a run independent",
        two_calls(2, 0, 2),
    ),
    (
        mutator("Word", law="half"),
        "law adds up",
        f"{__name__}.Word.law must be a property that gives a CallLaw or None, got 'half'",
    ),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_LAWS, ids=lambda each: type(each).__name__)
def test_a_law_that_fails_in_some_states_only_is_found(broken, name, message):
    expect(mutator_checks(broken), name, message)


def test_what_passes_says_what_was_tested_and_that_nothing_else_was():
    result = found(mutator_checks(Resample(0.5)), "law holds")
    assert re.fullmatch(
        r"0\.02 in any probability would have been found in 48 states, [\d,]+ samples each, and only these: g = 1 \(i "
        r"= 0, 1\), g = 2 \(i = 0, 1, 2\), g = 3 \(i = 0, 1, 2, 3\), g = 5 \(i = 0, 1, 3, 4, 5\), g = 8 \(i = 0, 1, 4, "
        r"7, 8\), g = 12 \(i = 0, 1, 6, 11, 12\); first, middle and last chunk",
        result.message,
    )


# ------------------------------------------------------------------------------------------- number of calls


def calling(name: str, calls: Any, mean: Any = None) -> Any:
    def rewrite(correct, rng):
        return Rewritten(coins(correct, rng), calls=calls(correct, rng).astype(np.int64))

    declared = {} if mean is None else {"mean_calls": mean if not callable(mean) else lambda self, i: mean(i)}
    return mutator(name, rewrite, **declared)


def two(correct, rng):
    return np.full(len(correct), 2)


def as_many_as_blocks(correct, rng):
    return np.full(len(correct), correct.shape[1])


def mean_must_be(name: str, got: str) -> str:
    return (
        f"{name}.mean_calls(1) must be the mean number of calls of an answer, a number >= 1 (None if it is not known), "
        f"got {got}"
    )


BROKEN_CALLS = [
    (
        calling("ManyForLong", as_many_as_blocks),
        "calls of an answer",
        "an answer of ManyForLong takes 2 calls (g = 2); declare their mean in mean_calls(i), for a block that is "
        "incorrect (i = 1) or correct (i = 0), or predictions of calls and cost are wrong",
    ),
    (
        calling("OneSaid", as_many_as_blocks, lambda i: 1.0),
        "calls of an answer",
        "OneSaid.mean_calls(1) is 1, and 150,000 answers took 2 calls on average (g = 2); predictions take it for any "
        "chunk: refuse longer ones in fits(k, g)",
    ),
    (calling("Endless", two, lambda i: np.inf), "calls of an answer", mean_must_be("Endless", "inf")),
    (calling("NotANumber", two, lambda i: np.nan), "calls of an answer", mean_must_be("NotANumber", "nan")),
    (calling("Half", two, lambda i: 0.5), "calls of an answer", mean_must_be("Half", "0.5")),
    (calling("Text", two, lambda i: "2"), "calls of an answer", mean_must_be("Text", "'2'")),
    (
        calling("Value", two, 2.0),
        "calls of an answer",
        "Value.mean_calls must be a method mean_calls(i), got 2.0",
    ),
    (
        calling("TooMany", two, lambda i: 3.0),
        "calls of an answer",
        "TooMany.mean_calls(1) is 3, and 300,000 answers took 2 calls on average",
    ),
    (
        calling("RarelyNone", lambda correct, rng: rng.random(len(correct)) >= 0.001),
        "shape and dtype",
        "RarelyNone.rewrite: expected at least 1 call an answer, got 0",
    ),
    (
        mutator("Decimals", lambda correct, rng: Rewritten(coins(correct, rng), calls=np.full(len(correct), 1.5))),
        "shape and dtype",
        "Decimals.rewrite: expected for calls a int64 array of shape (1,), got float64 array of shape (1,); one number "
        "a call, for example `np.full(correct.shape[:-1], 2, dtype=np.int64)`",
    ),
    (
        mutator("PerBlock", lambda correct, rng: Rewritten(coins(correct, rng), valid=np.ones_like(correct))),
        "shape and dtype",
        "PerBlock.rewrite: expected for valid a bool array of shape (1,), got bool array of shape (1, 1); one truth "
        "value a call, for example `rng.random(correct.shape[:-1]) < p`",
    ),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_CALLS, ids=lambda each: type(each).__name__)
def test_a_wrong_number_of_calls_is_found(broken, name, message):
    expect(mutator_checks(broken), name, message)


def test_a_wrong_number_of_calls_stops_the_engine():
    broken = calling("RarelyNone", lambda correct, rng: np.zeros(len(correct)))
    with pytest.raises(OperatorError, match=r"^RarelyNone.rewrite: expected at least 1 call an answer, got 0$"):
        run_batch(Search(BlockOneMax(3, 1), broken, AllBlocks(), OnePlusLambda(1)), Batch(streams(1, "x", 0), 5))


@pytest.mark.statistical
@pytest.mark.parametrize(("rate", "many"), [(1e-4, 1000), (2e-6, 10), (1e-5, 100), (1e-3, 5000)])
def test_rare_long_answers_that_are_declared_do_not_fail(rate, many):
    mean = 1 + (many - 1) * rate
    right = calling("Rare", lambda correct, rng: np.where(rng.random(len(correct)) < rate, many, 1), lambda i: mean)
    assert found(mutator_checks(right), "calls of an answer").passed is not False
    rng = np.random.default_rng(1)
    samples = (np.where(rng.random(20_000) < rate, many, 1).astype(float) for _ in range(300))
    assert not any(surely_off(sample, mean, 1e-7) for sample in samples)


def test_what_a_sample_cannot_tell_is_said():
    result = found(mutator_checks(calling("Vague", two, lambda i: 2.1)), "calls of an answer")
    assert (result.passed, result.message) == (
        None,
        "cannot tell: Vague.mean_calls(1) is 2.1, and 300,000 answers took 2 calls on average; it is right only if a "
        "few answers take very many calls",
    )


# ------------------------------------------------------------------------------------------- rows and state


def depends(name: str, where: str, part: str = "rewrite") -> str:
    return (
        f"the rows of a batch of {name}.{part} depend on each other: in N of N pairs of batches, each of 600 rows, "
        f"{where} of the rows says which batch has more in the other rows (half of them if rows are independent); draw "
        "random numbers in the shape of what is handed over"
    )


def halves(correct, rng):
    drawn = coins(correct[: (len(correct) + 1) // 2], rng)
    return np.concatenate([drawn, drawn])[: len(correct)]


def pairs(correct, rng):
    row = np.arange(len(correct))
    return coins(correct, rng)[np.where(row % 4 >= 2, row - 2, row)]


def stratified(correct, rng):
    n = len(correct)
    return np.stack([(rng.permutation(n) + rng.random(n)) / n for _ in range(correct.shape[1])], 1) < 0.5


class Cache:
    """Keeps the draws of a call, and uses them again for the next call of the same shape."""

    def __init__(self) -> None:
        self.draws: Any = np.zeros((0, 0))

    def __call__(self, correct, rng):
        if self.draws.shape != correct.shape or len(correct) == 1:
            self.draws = rng.random(correct.shape)
        return self.draws < 0.5


class Tired:
    """Follows its law for 6,000 calls, and changes nothing after them."""

    calls = 0

    def __call__(self, correct, rng):
        self.calls += 1
        return correct.copy() if self.calls > 6000 else coins(correct, rng)


BROKEN_ROWS = [
    (mutator("Halves", halves), "rows independent", depends("Halves", "the first half")),
    (mutator("Pairs", pairs), "rows independent", depends("Pairs", "every second pair")),
    (mutator("Stratified", stratified), "rows independent", depends("Stratified", "the first half")),
    (
        mutator("OneQuality", lambda correct, rng: rng.random(correct.shape) < rng.beta(100, 100)),
        "rows independent",
        depends("OneQuality", "the first half"),
    ),
    (
        mutator(
            "OneDraw",
            lambda chunk, rng: rng.random(chunk.correct.shape) < np.take_along_axis(chunk.traits, chunk.blocks, 1),
            draw=lambda self, runs, k, rng: np.tile(rng.beta(100, 100, size=(1, k)), (runs, 1)),
        ),
        "rows independent",
        depends("OneDraw", "the first half"),
    ),
    (
        mutator("Cached", Cache()),
        "calls independent",
        "Cached.rewrite answers the same chunk twice in succession with the same blocks with probability N, and "
        "independent answers would be the same with probability N; draw anew for every call and keep nothing between "
        "calls",
    ),
    (
        mutator("Tiring", Tired()),
        "nothing remembered",
        "Tiring.rewrite gives other answers for the same seed after 5,000 more calls; keep nothing between calls, in "
        "the object, its class or its module",
    ),
    (
        mutator(
            "Claims",
            lambda chunk, rng: Rewritten(coins(chunk.correct, rng), solution=np.ones_like(chunk.solution)),
            sees="solution",
        ),
        "whole solution",
        "Claims.rewrite answers with a solution in which blocks of the chunk are correct that are not in `correct` (N "
        "of 1,000 answers, g = 2); `correct` counts: enter it into the solution",
    ),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_ROWS, ids=lambda each: type(each).__name__)
def test_rows_and_calls_that_know_of_each_other_are_found(broken, name, message):
    checks = mutator_checks(broken)
    if name == "nothing remembered":
        expect([each for each in checks if each.result() and each.name == name], name, message)
    else:
        expect(checks, name, message)


# ------------------------------------------------------------------------------------------- dataclasses


@dataclass(frozen=True)
class Lost(Resample):
    start: InitVar[float] = 0.5

    def __post_init__(self, start) -> None:
        object.__setattr__(self, "q", start)


@dataclass(frozen=True)
class AllEqual(Resample):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


@dataclass(frozen=True, eq=False)
class Identity(Resample):
    pass


@dataclass(frozen=True)
class Ignored(Resample):
    q: float = field(default=0.5, compare=False)


BROKEN_DATACLASSES = [
    (
        Lost(0.5, start=0.3),
        "canonical text",
        f"{__name__}.Lost: start is an InitVar, which the part's text does not name; keep it in a field",
    ),
    (
        AllEqual(0.5),
        "frozen dataclass",
        "AllEqual has __eq__ of its own; leave it out: @dataclass(frozen=True) compares the fields",
    ),
    (
        Identity(0.5),
        "frozen dataclass",
        "Identity is @dataclass(eq=False), so that a copy of it is another part; write @dataclass(frozen=True), which "
        "compares the fields",
    ),
    (
        Ignored(0.5),
        "frozen dataclass",
        "Ignored.q is not compared (compare=False), so that parts that differ in it are taken for the same; leave "
        "compare out",
    ),
]


@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_DATACLASSES, ids=lambda each: type(each).__name__)
def test_parts_that_cannot_be_told_apart_are_found(broken, name, message):
    expect(mutator_checks(broken), name, message)
    assert failed(mutator_check.result() for mutator_check in mutator_checks(broken)[:3]) == [name]


# ------------------------------------------------------------------------------------------- messages


def boom(error: Any) -> Any:
    def rewrite(correct, rng):
        if correct.shape[1] > 1:
            raise error
        return coins(correct, rng)

    return rewrite


def refuse(self: Any, k: int, g: int) -> None:
    if g > 1:
        raise ValueError("one only")


def exits(correct: Any, rng: Any) -> Any:
    raise SystemExit(3)


ONE_ONLY = "(g = 2, k = 12); if chunks of 2 blocks cannot be served, say so in fits(k, g) by raising InputError"
FITS = "fits(k, g) must raise InputError for chunks of g of k blocks that cannot be served, and else return nothing"
EXPLAINED = [
    (mutator("Raises", boom(ValueError("one"))), f"Raises.rewrite raised ValueError: one {ONE_ONLY}"),
    (mutator("RaisesInput", boom(InputError("one"))), f"RaisesInput.rewrite raised InputError: one {ONE_ONLY}"),
    (mutator("SaysNo", fits=lambda self, k, g: g == 1), f"SaysNo.{FITS}; fits(12, 1) returned True"),
    (mutator("FitsRaises", fits=refuse), f"FitsRaises.{FITS}; fits(12, 2) raised ValueError: one only"),
    (
        mutator("Forgot", lambda chunk, rng: coins(chunk.correct, rng)),
        "Forgot.rewrite asks for `.correct` and is handed an array; a mutator that wants a Chunk sets sees = "
        '"positions" or "solution", or has draw(runs, k, rng)',
    ),
    (
        mutator("Sees", lambda chunk, rng: coins(chunk.correct.blocks, rng), sees="positions"),  # of what is a Chunk
        "Sees raised AttributeError: 'numpy.ndarray' object has no attribute 'blocks' "
        f"({__name__.split('.')[-1]}.py, line N, in <lambda>)",
    ),
    (mutator("Exits", exits), f"Exits raised SystemExit: 3 ({__name__.split('.')[-1]}.py, line N, in exits)"),
]


@pytest.mark.parametrize(("broken", "message"), EXPLAINED, ids=lambda each: type(each).__name__)
def test_one_cause_is_one_failed_check_with_what_to_do(broken, message):
    expect(mutator_checks(broken), "shape and dtype", message)
    assert failed(check_mutator(broken)) == ["shape and dtype"]


def test_a_law_that_raises_is_one_failed_check():
    def law(self):
        raise ValueError("no law today")

    results = check_mutator(mutator("NoLaw", law=property(law)))
    assert failed(results) == ["law adds up"]


def test_the_same_error_in_several_checks_is_reported_once():
    class Sometimes:
        calls = 0

        def __call__(self, correct, rng):
            self.calls += 1
            if self.calls > 100:
                raise RuntimeError("boom")
            return coins(correct, rng)

    results = check_mutator(mutator("Sometimes", Sometimes()))
    assert failed(results) == ["batch as loop"]
    (later,) = (each for each in results if each.name == "law holds")
    assert later.message == "RuntimeError: boom, as in a check above"


def test_parts_that_raise_where_they_are_looked_at_fail_a_check():
    def raises(self):
        raise ValueError("oh")

    broken = mutator("Overhead", overhead=property(raises))
    assert kind_of(broken) == "mutator"
    result = found(mutator_checks(broken), "overhead")
    assert result.passed is False
    assert result.message.startswith("Overhead raised ValueError: oh (")
    price = cost("Price", property(raises))
    assert kind_of(price) == "cost"
    assert failed(each.result() for each in cost_checks(price)) == ["weights"]


def test_a_mutator_of_one_odd_size_is_tested_there():
    def fits(self, k, g):
        if k != 100:
            raise InputError("k = 100 only")

    result = found(mutator_checks(mutator("Hundred", fits=fits)), "shape and dtype")
    assert result.message == "bool [n, g] in and out for k = 100, g = 1, 2, 3, 5, 8, 100"


@pytest.mark.statistical
def test_an_honest_mutator_of_a_rare_invalid_answer_passes():
    def rewrite(correct, rng):
        return Rewritten(coins(correct, rng), valid=rng.random(len(correct)) >= 1e-6)

    assert failed(check_mutator(mutator("Rarely", rewrite, law=property(lambda self: Invalid(1e-6, HALF))))) == []


# ------------------------------------------------------------------------------------------- problems


def gain(before: Any, after: Any) -> Any:
    return after.sum(-1) - before.sum(-1)


def problem(name: str, k: int = 8, **more: Any) -> Any:
    """A problem whose fitness is the number of correct blocks, except for the methods that a test replaces."""
    made = {
        "initial": lambda self, runs, rng: np.zeros((runs, self.k), dtype=bool),
        "fitness": lambda self, correct: correct.sum(-1),
        **{what: (lambda self, *given, how=how: how(*given)) for what, how in more.items()},
        "__module__": __name__,
    }
    return make_dataclass(name, [("k", int, k), ("l", int, 4)], namespace=made, frozen=True)()


def writes(which: int) -> Any:
    def change(*given):
        gained = gain(*given)
        given[which][...] = True
        return gained

    return change


def jump(correct: Any) -> Any:
    right = correct.sum(-1)
    return np.where((right >= 37) & (right < 40), 30 - right, right)


def twins(runs: int, rng: Any) -> Any:
    half = rng.random((-(-runs // 2), 8)) < 0.5
    return np.concatenate([half, half])[:runs]


class Drifting:
    asked = 0

    def __call__(self, correct):
        self.asked += 1
        return correct.sum(-1) + float(self.asked)


def rarely(correct: Any) -> Any:
    return correct.sum(-1) - (np.random.random(correct.shape[:-1]) < 1e-9)  # noqa: NPY002


def not_a_sum(name: str, g: Any) -> str:
    return (
        f"{name}.change says N where fitness changes by N (g = {g}); offer it only where the fitness is a sum over "
        "blocks"
    )


BROKEN_PROBLEMS = [
    (
        problem("WritesAfter", change=writes(1)),
        "change",
        "WritesAfter.change changes the blocks that it is handed; copy them first",
    ),
    (
        problem("WritesBefore", change=writes(0)),
        "change",
        "WritesBefore.change changes the blocks that it is handed; copy them first",
    ),
    (problem("Jump", 40, fitness=jump, change=gain), "change", not_a_sum("Jump", 1)),
    (
        problem("Bonus", 30, fitness=lambda correct: correct.sum(-1) + 10 * correct.all(-1), change=gain),
        "change",
        not_a_sum("Bonus", 1),
    ),
    (
        problem("Triple", change=lambda before, after: gain(before, after) * (1 + (before.shape[-1] == 3))),
        "change",
        not_a_sum("Triple", 3),
    ),
    (
        problem("Four", change=lambda before, after: gain(before, after) + (before.shape[-1] == 4)),
        "change",
        not_a_sum("Four", 4),
    ),
    (
        problem("Drifting", fitness=Drifting()),
        "fitness",
        "Drifting.fitness gives the same solutions other values when asked again; it must depend on the solution alone "
        "(for a fitness that is seen with errors see problems.Noisy)",
    ),
    (
        problem("Rarely", fitness=rarely),
        "fitness draws nothing",
        "Rarely.fitness uses the global generator of numpy or of `random`; it is a number for each solution; draw "
        "nothing",
    ),
    (
        problem("Imaginary", fitness=lambda correct: correct.sum(-1) + 0j),
        "fitness",
        "Imaginary: expected a real fitness of a solution, got complex numbers",
    ),
    (problem("Twins", initial=twins), "rows independent", depends("Twins", "the first half", "initial")),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_PROBLEMS, ids=lambda each: type(each).__name__)
def test_a_problem_that_fails_in_some_places_is_found(broken, name, message):
    expect(problem_checks(broken), name, message)


@pytest.mark.parametrize("which", [0, 1])
def test_a_change_that_writes_into_what_it_is_handed_stops_the_engine(which):
    message = r"^Writes.change changes the blocks that it is handed; copy them first$"
    with pytest.raises(OperatorError, match=message):
        run_batch(
            Search(problem("Writes", change=writes(which)), Resample(0.5), AllBlocks(), OnePlusLambda(1)),
            Batch(streams(1, "x", 0), 5),
        )


@dataclass(frozen=True)
class Seen(Noisy):
    def evaluate(self, correct, rng, changed=None, judgements=None):
        return Reading(self.problem.fitness(correct) + rng.normal(), np.full(len(correct), self.samples))


@dataclass(frozen=True)
class Generous(Noisy):
    def evaluate(self, correct, rng, changed=None, judgements=None):
        return Reading(self.problem.fitness(correct) + 0.0, np.full(len(correct), self.samples + 1))


@dataclass(frozen=True)
class Bare(Noisy):
    def evaluate(self, correct, rng, changed=None, judgements=None):
        return self.problem.fitness(correct)


@dataclass(frozen=True)
class Unseeded(Noisy):
    def evaluate(self, correct, rng, changed=None, judgements=None):
        return super().evaluate(correct, np.random.default_rng(), changed, judgements)


@dataclass(frozen=True)
class Wipes(Noisy):
    def evaluate(self, correct, rng, changed=None, judgements=None):
        reading = super().evaluate(correct, rng, changed, judgements)
        correct[...] = True
        return reading


INSIDE = BlockOneMax(4, 2)
BROKEN_EVALUATIONS = [
    (Seen, "evaluation: rows independent", depends("Seen", "the first half", "evaluate")),
    (
        Generous,
        "evaluation",
        "Generous.evaluations_each says 2 to 2 evaluations a solution, and solutions took 3 to 3",
    ),
    (Bare, "evaluation", "Bare.evaluate: expected a Reading(seen, evaluations), got ndarray"),
    (Wipes, "evaluation", "Wipes.evaluate changes what it is handed; copy it first"),
    (
        Unseeded,
        "evaluation: same for a seed",
        "Unseeded.evaluate gives different answers for the same seed; draw all random numbers from the `rng` handed "
        "over",
    ),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("kind", "name", "message"), BROKEN_EVALUATIONS)
def test_an_evaluation_that_breaks_its_contract_is_found(kind, name, message):
    expect(problem_checks(kind(INSIDE, 0.5, 2)), name, message)


@pytest.mark.statistical
@pytest.mark.parametrize(
    "good",
    [
        Noisy(INSIDE, 0.5, 2),
        Judged(INSIDE, 0.1, 0.2, ahead=2),
        pytest.param(Judged(INSIDE, 0.1, 0.2, persistent=True), marks=pytest.mark.slow),
        Judged(INSIDE, 0.1, 0.2, blocks="changed", votes=3),
    ],
    ids=repr,
)
def test_shipped_evaluations_pass(good):
    assert failed(each.result() for each in problem_checks(good)) == []


# ------------------------------------------------------------------------------------------- schedules


def schedule(name: str, oblivious: bool = True, **more: Any) -> Any:
    """A schedule that stays at one chunk, except for the methods that a test replaces."""
    made = {
        "oblivious": oblivious,
        "chunk_size": lambda self, k: 1,
        "choose": lambda self, p, correct, m, ahead, lam, rng: np.tile(p[:, None, None], (1, ahead, 1)),
        "advance": lambda self, p, moved, m, generations: p if oblivious else (p + moved) % m,
        **{what: (lambda self, *given, how=how: how(*given)) for what, how in more.items()},
        "__module__": __name__,
    }
    return frozen(type(name, (), made))()


def lie_late(p, correct, m, ahead, lam, rng):
    chunk = rng.integers(m, size=(len(p), ahead, lam))
    late = correct.sum(1) >= correct.shape[1] - 2
    chunk[late] = np.argmin(correct, axis=1)[late, None, None]
    return chunk


def shuffled(p, correct, m, ahead, lam, rng):
    return np.argsort(rng.random((len(p), max(m, ahead))), axis=1)[:, :ahead, None] % m


class Alternating:
    asked = 0

    def __call__(self, k):
        self.asked += 1
        return 1 + self.asked % 2


BROKEN_SCHEDULES = [
    (
        schedule("LiesLate", choose=lie_late),
        "oblivious",
        "LiesLate says oblivious = True and chooses by the correctness of the parents; say False",
    ),
    (
        schedule("Shuffled", choose=shuffled),
        "look ahead",
        "Shuffled.choose with ahead = 5 goes on from generation 1 to 2 in other steps than one generation after the "
        "other; generations of a look ahead must be as independent as those",
    ),
    (
        schedule("Twelve", False, advance=lambda p, moved, m, generations: (p + moved) % min(m, 12)),
        "every chunk",
        "Twelve.choose never chose the chunks 12, 13, 14, 15 of 0 to 15 (k = 16) in 4,000 generations of 64 runs; "
        "blocks in them are never rewritten",
    ),
    (
        schedule("Short", chunk_size=lambda k: 0 if k > 12 else 1),
        "chunk size",
        "Short.chunk_size(16) must be a whole number from 1 to 16, or raise InputError, got 0",
    ),
    (
        schedule("Alternates", chunk_size=Alternating()),
        "chunk size",
        "Alternates.chunk_size(12) must be the same whenever it is asked for, got [2, 1, 2]",
    ),
    (
        schedule(
            "FewOnly", choose=lambda p, c, m, ahead, lam, rng: np.zeros((len(p), ahead, 1 if lam < 4 else 2), int)
        ),
        "chunks",
        "FewOnly.choose: expected whole numbers of shape (1, 1, 1) or (1, 1, 8), got int64 of shape (1, 1, 2)",
    ),
    (
        schedule(
            "FirstRow", False, choose=lambda p, c, m, ahead, lam, rng: np.broadcast_to(np.argmin(c[0]), (len(p), 1, 1))
        ),
        "batch as loop",
        "P(chunk = N) is 1.000 in a batch of 5,000 and N when asked one by one; each row of a batch is a run of its "
        "own: draw random numbers in the shape of what is handed over",
    ),
]


@pytest.mark.statistical
@pytest.mark.parametrize(("broken", "name", "message"), BROKEN_SCHEDULES, ids=lambda each: type(each).__name__)
def test_a_schedule_that_fails_in_some_places_is_found(broken, name, message):
    expect(schedule_checks(broken), name, message)


def test_a_schedule_that_takes_its_time_cannot_be_judged():
    patient = schedule(
        "Patient",
        False,
        choose=lambda p, c, m, ahead, lam, rng: (p // 500 % m)[:, None, None],
        advance=lambda p, moved, m, generations: p + generations,
    )
    result = found(schedule_checks(patient), "every chunk")
    assert (result.passed, result.message) == (
        None,
        "cannot tell: 4,000 generations are too few to reach the chunks 8, 9, 10, 11",
    )


@pytest.mark.statistical
@pytest.mark.parametrize(
    "good",
    [
        UniformSubset(g=3),
        pytest.param(UniformSubset(), marks=pytest.mark.slow),
        EachChunk(),
        pytest.param(EachChunk(g=5), marks=pytest.mark.slow),
        pytest.param(RoundRobin(g=100), marks=pytest.mark.slow),
        Decomposed(RoundRobin(g=2), 3),
    ],
    ids=repr,
)
def test_shipped_schedules_pass(good):
    assert failed(check_schedule(good)) == []


# ------------------------------------------------------------------------------------------- costs


def cost(name: str, weights: Any) -> Any:
    given = weights if isinstance(weights, property) else property(lambda self: weights)
    return frozen(type(name, (), {"weights": given, "__module__": __name__}))()


def test_prices_that_break_later_or_round_are_found():
    readings = iter(range(1000))
    third = cost("Third", property(lambda self: np.ones(6) * (1 + (next(readings) > 4))))
    expect(cost_checks(third), "fixed prices", "Third.weights gives other prices each time; a price is a fixed number")
    huge = cost("Huge", np.full(6, 1e308))
    expect(cost_checks(huge), "weights", "Huge.weights must be at most 1e+100, got 1e+308 for calls")
    expect(
        cost_checks(cost("Small", np.full(6, 6e4, dtype=np.float16))),
        "weights",
        "Small.weights are float16, in which prices are rounded; write np.array([...], dtype=np.float64)",
    )
    nan = cost("Nan", np.full(6, np.nan))
    assert failed(each.result() for each in cost_checks(nan)) == ["weights"]


@frozen
class Rare(ComponentLaw):
    """A law that repairs a block with probability 1e-10, while its components say `factor` times that."""

    factor: float

    def components(self, g):
        return IndependentBlocks(1e-10 * self.factor, 0.5).components(g)

    def pmf(self, g, i):
        return IndependentBlocks(1e-10, 0.5).pmf(g, i)


@pytest.mark.parametrize(("factor", "sound"), [(1 + 1e-9, True), (2.0, False)])
def test_core_and_conformance_judge_small_probabilities_alike(factor, sound):
    checks = mutator_checks(mutator("Repairs", law=property(lambda self: Rare(factor))))
    assert found(checks, "law adds up").passed is sound
    with nullcontext() if sound else pytest.raises(OperatorError, match="must be the mixture"):
        sound_components(Rare(factor), 3)
