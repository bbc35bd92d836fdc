"""Which law fits, which traps a log shows, and what to buy: each answer with a log that has it and one that has not."""

import math
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from evo.errors import InputError
from experiments.calibration import laws
from experiments.calibration.blocks import Counts, Estimate, chance
from experiments.calibration.calibrate import calibrate
from experiments.calibration.pilots import pilots
from experiments.calibration.seconds import SecondsLaw
from experiments.calibration.sizes import granularities
from experiments.calibration.tokens import TokensLaw
from experiments.calibration.traps import Shown, traps
from experiments.grids.measured.file import Prices, Seconds, Tokens, calibration_toml, parse_calibration
from experiments.logs.calls import Calls
from experiments.logs.formats import read_calls
from experiments.predictions.verdict import Verdict

DATA = Path(__file__).parent / "data"
AGREES, DIFFERS, CANNOT_TELL = Verdict.AGREES, Verdict.DIFFERS, Verdict.CANNOT_TELL
SEEN, NOT_SEEN, UNKNOWN = Shown.SEEN, Shown.NOT_SEEN, Shown.CANNOT_TELL


def calls_of(**columns):
    rows = max(len(values) for values in columns.values())
    numbers = {
        n: np.asarray(v, dtype=float)
        for n, v in columns.items()
        if n not in ("item", "run", "call", "outcome", "prompt", "model")
    }
    words = {n: np.array([str(x) for x in v], dtype=object) for n, v in columns.items() if n not in numbers}
    return Calls("x.csv", "0" * 64, np.arange(rows) + 2, numbers, words).checked()


def drawn(rng, qualities, g, items=None):
    """Calls on g incorrect blocks, each repaired w.p. the call's quality."""
    y = [sum(rng.random() < q for _ in range(g)) for q in qualities]
    rows = len(qualities)
    columns = {"g": np.full(rows, g), "incorrect": np.full(rows, g), "repaired": y, "kept": np.zeros(rows)}
    return calls_of(**columns, **({} if items is None else {"item": items}))


def verdicts(calls):
    return [law.verdict for law in calibrate(calls).laws if law.name == "fix"]


@pytest.mark.statistical
def test_each_law_is_told_from_the_others():
    """Verdicts at ALPHA = 1e-3 each, seeds fixed; 1,500 calls of 4 blocks find a correlation of .1 w.p. 1 - 1e-9."""
    rng = np.random.default_rng(61)
    items = np.repeat(np.arange(300), 5)
    independent = drawn(rng, np.full(1500, 0.4), 4, items)
    alike = drawn(rng, rng.beta(0.8, 1.2, 1500), 4, items)
    difficult = drawn(rng, rng.beta(0.8, 1.2, 300)[items], 4, items)
    two_kinds = drawn(rng, rng.choice([0.35, 0.65], 1500), 12, items)
    assert verdicts(independent)[:2] == [AGREES, AGREES]
    assert verdicts(alike) == [DIFFERS, AGREES, DIFFERS]
    assert verdicts(difficult) == [DIFFERS, DIFFERS, AGREES]
    assert verdicts(two_kinds)[0] is DIFFERS


@pytest.mark.statistical
def test_a_law_with_two_humps_is_no_beta_binomial():
    """A call repairs exactly half of its 12 blocks or all: no Beta law does; false-fail rate below 1e-6."""
    rng = np.random.default_rng(67)
    y = np.where(rng.random(1500) < 0.5, 6, 12)
    calls = calls_of(g=np.full(1500, 12), incorrect=np.full(1500, 12), repaired=y, kept=np.zeros(1500))
    assert verdicts(calls)[:2] == [DIFFERS, DIFFERS]


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize(("rho", "false"), [(0.0, 0), (0.4, 1)])
def test_a_true_law_seldom_differs(rho, false):
    """300 logs at a false-alarm rate of 1e-3 each: more than binom.isf(1e-6) DIFFER w.p. 1e-6; untrue ones are told."""
    rng = np.random.default_rng(79)
    found = np.zeros((3, 2))
    for _ in range(300):
        qualities = rng.beta(0.6 * (1 / rho - 1), 0.4 * (1 / rho - 1), 200) if rho else np.full(200, 0.6)
        for place, verdict in enumerate(verdicts(drawn(rng, qualities, 5, rng.integers(0, 50, 200)))):
            found[place] += verdict is DIFFERS, verdict is AGREES
    most = binom.isf(1e-6, 300, 1e-3)
    assert found[false, 0] <= most
    assert found[1, 0] <= most
    assert found[2, 1] <= most
    assert rho == 0.0 or found[0, 0] > 290  # the twin: independent blocks, where they are alike


def test_few_calls_cannot_tell_and_say_how_many_would():
    rng = np.random.default_rng(71)
    laws = calibrate(drawn(rng, np.full(25, 0.4), 3)).laws
    assert [law.verdict for law in laws] == [CANNOT_TELL] * 3
    assert "more calls tell" in laws[0].reason
    assert "column item" in laws[2].reason
    one = calibrate(drawn(rng, np.full(40, 0.4), 1))
    assert one.rho_fix is None
    assert [law.verdict for law in one.laws] == [CANNOT_TELL] * 3


def estimate(value, error, n=41):
    """By its standard error; the interval is that of 95 %."""
    return Estimate(value, value - 1.96 * error, value + 1.96 * error, n)


@pytest.mark.parametrize(
    ("rho", "across", "verdict", "words"),
    [
        # errors .03 and .04 make .05: 3.2905 of them are .1645
        (estimate(0.5, 0.03), estimate(0.335, 0.04), DIFFERS, "an item 0.34 (0.26 to 0.41), of two blocks"),
        (estimate(0.5, 0.03), estimate(0.336, 0.04), AGREES, "of two blocks of a call 0.50 (0.44 to 0.56)"),
        # one-sided, 3.0902 errors of .04 are .1236
        (estimate(0.2, 0.03), estimate(0.124, 0.04), AGREES, "0.12 (0.05 to 0.20)"),
        (estimate(0.2, 0.03), estimate(0.123, 0.04), CANNOT_TELL, "; 130 more items halve the interval"),
        # half an interval of 1.96 .051 is .09996
        (estimate(0.2, 0.03), estimate(0.3, 0.0510), AGREES, "0.30 (0.20 to 0.40)"),
        (estimate(0.2, 0.03), estimate(0.3, 0.0511, 40), CANNOT_TELL, "; 120 more items halve the interval"),
        (None, estimate(0.3, 0.01), CANNOT_TELL, "two calls at an item correlate by 0.30 (0.28 to 0.32)"),
        (estimate(0.2, 0.03), None, CANNOT_TELL, "log two calls or more at each of 20 items"),
    ],
)  # fmt: skip
def test_fixed_difficulty_is_told_by_errors_of_both_correlations(rho, across, verdict, words):
    found, told = laws._fixed_difficulty(rho, across)
    assert (found, words in told) == (verdict, True), told


@pytest.mark.parametrize(
    ("rho", "words"),
    [
        (Estimate(0.05, 0.0, 0.1, 10), "rho is below 0.1"),
        (Estimate(0.04, -0.08, 0.16, 500), "about 1,500 more calls tell it from 0.1"),  # .12 to be .06: four times
        (Estimate(0.09, 0.04, 0.14, 229), "about 690 more calls tell it from 0.1"),  # .05 to be .025, not .01
        (estimate(0.2, 0.05, 1000), "about 410 more calls tell it from 0"),  # (3.0902 + 1.6449) .05 / .2, squared
    ],
)
def test_independent_blocks_are_told_or_how_many_calls_would(rho, words):
    counts = laws.Counts(np.full(8, 2.0), np.array([0, 1, 1, 1, 1, 1, 1, 2.0]))
    verdict, told = laws._independent([counts], rho)
    assert (verdict, words in told) == (AGREES if rho.high <= 0.1 else CANNOT_TELL, True), told


@pytest.mark.parametrize(("pairs", "verdict"), [(36, CANNOT_TELL), (37, DIFFERS)])
def test_blocks_of_a_call_correlate_where_a_likelihood_ratio_of_one_parameter_says_so(pairs, verdict):
    """Calls on two blocks: so many with none right, as many with both, 40 with one. A correlation is any such law.

    The ratio by hand, with half of the normal law's two tails, as a correlation is above 0: p = 1.2e-3 and 6.7e-4.
    """
    numbers, calls = np.array([pairs, 40, pairs]), 2 * pairs + 40
    ratio = 2.0 * float(numbers @ np.log(numbers / (calls * np.array([0.25, 0.5, 0.25]))))
    p = 0.5 * math.erfc(math.sqrt(ratio / 2.0))
    assert (p < 1e-3) is (verdict is DIFFERS)
    assert 5e-4 < p < 2e-3
    counts = laws.Counts(np.full(calls, 2.0), np.repeat([0.0, 1.0, 2.0], numbers))
    assert laws._independent([counts], Estimate(0.4, 0.2, 0.6, calls))[0] is verdict


def test_classes_of_calls_are_of_two_blocks_and_up_to_the_most(monkeypatch):
    """Of calls on 1 to 4 blocks those on 2, one right, and on 3, all right, where 3 are the most that are compared."""
    assert laws.MOST_BLOCKS == 10_000
    monkeypatch.setattr(laws, "MOST_BLOCKS", 3)
    counts = laws.Counts(np.array([1.0, 2, 3, 4]), np.array([1.0, 1, 3, 0]))
    seen, expected, _, calls = laws.shares_of_right([counts])
    assert (calls, seen.tolist()) == (2, [0, 0, 1, 0, 1])
    assert expected.sum() == pytest.approx(2)


def shown(calls, number):
    trap = traps(calls)[number - 1]
    assert trap.number == number
    assert trap.evidence
    return trap.shown


BLOCKS = dict(g=[1, 5] * 60, incorrect=[1, 3] * 60, repaired=[0, 1] * 60, kept=[0, 2] * 60)


@pytest.mark.parametrize(
    ("number", "seen", "not_seen", "unknown"),
    [
        (1, dict(g=[5] * 9), BLOCKS, dict(seconds=[1.0])),
        (2, dict(g=[2, 9], k=[2, 9], incorrect=[1, 1], repaired=[1, 0]),
         dict(g=[2, 9] * 5, item=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5]), dict(g=[2, 9])),
        (3, dict(g=[5], incorrect=[2], repaired=[1], kept=[3], outcome=["no_op"]),
         dict(g=[5], incorrect=[2], repaired=[0], kept=[3], outcome=["no_op"]), BLOCKS),
        (4, dict(tokens_in=[9, 9], price=[0, 1]), dict(tokens_in=[9, 9], price=[np.nan, 1]), dict(tokens_in=[9])),
        (5, dict(tokens_out=[9, 9], tokens_reasoning=[np.nan, 1]), dict(tokens_out=[9, 9], tokens_reasoning=[0, 1]),
         dict(tokens_out=[9])),
        (6, dict(g=[1, 1], run=[1, 1], call=[1, 1]), dict(g=[1, 1], run=[1, 2], call=[1, 1]), dict(g=[1], call=[1])),
        (7, dict(seconds=[1, 1], outcome=["ok", "improved"]), BLOCKS, dict(seconds=[1], outcome=["ok"])),
        (8, dict(seconds=[1] * 200, run=np.repeat(np.arange(10), 20), outcome=["no_parse"] * 60 + ["ok"] * 140),
         dict(seconds=[1] * 200, run=np.repeat(np.arange(10), 20), outcome=["no_parse", "ok", "ok", "ok"] * 50),
         dict(seconds=[1] * 200, outcome=["no_parse", "ok", "ok", "ok"] * 50)),
        (9, BLOCKS | dict(repaired=[1, 1] * 60), BLOCKS | dict(outcome=["ok"] * 119 + ["timeout"]),
         dict(seconds=[1.0], outcome=["ok"])),
        (10, dict(g=[3], calls=[20]), dict(g=[3], calls=[1]), BLOCKS),
        (11, dict(g=[5], incorrect=[2], repaired=[1], kept=[3], outcome=["no_op"]),
         dict(g=[5], incorrect=[2], repaired=[0], kept=[3], outcome=["no_op"]), dict(g=[3, 3], prompt=["a", "a"])),
    ],
)  # fmt: skip
def test_each_trap_is_seen_not_seen_or_unknown(number, seen, not_seen, unknown):
    assert shown(calls_of(**seen), number) is SEEN
    assert shown(calls_of(**not_seen), number) is NOT_SEEN
    assert shown(calls_of(**unknown), number) is UNKNOWN


NAN = np.nan


@pytest.mark.parametrize(
    ("number", "columns", "found", "evidence"),
    [
        (2, dict(g=[2, 2, 4], k=[2, 2, 4], incorrect=[2, 2, 4], repaired=[2, 1, 1], kept=[0, 0, 0]), SEEN,
         "g is the size of the task in all 3 calls: mean share fixed 0.75 of the smaller half, 0.25 of the larger"),
        (2, dict(g=[2, 4], k=[2, 4]), SEEN,
         "g is the size of the task in all 2 calls: no share of small and large tasks"),
        (2, dict(g=[1, 1, 4], item=["a", "b", "b"]), NOT_SEEN, "1 of 2 items at every g"),
        (2, dict(g=[1, 1, 4, 4], item=["a", "b", "b", "c"]), SEEN, "1 of 3 items at every g"),
        (4, dict(price=[0, 1, NAN], tokens_in=[5, 5, 5]), SEEN,
         "1 of 3 calls cost 0 though they have tokens; they are left out"),
        (4, dict(price=[0, 1, NAN], tokens_out=[5, 5, 5]), SEEN,
         "1 of 3 calls cost 0 though they have tokens; they are left out"),
        (4, dict(price=[0, 1, NAN], tokens_in=[0, 5, 5]), NOT_SEEN,
         "no call with tokens costs 0; 1 of 3 have no price"),
        (5, dict(tokens_reasoning=[3, NAN, NAN], tokens_out=[9, 9, 0]), SEEN, "told of 1 of 2 calls that wrote"),
        (5, dict(tokens_reasoning=[3, 4, NAN], tokens_out=[9, 9, 0]), NOT_SEEN, "told of 2 of 2 calls that wrote"),
        (5, dict(tokens_reasoning=[3, 0, NAN], tokens_out=[9, 0, 9]), SEEN, "told of 1 of 2 calls that wrote"),
        (6, dict(seconds=[1, 1, 1], run=["a", "a", "b"], call=[1, 1, 1]), SEEN,
         "1 of 3 calls have the run and number of an earlier one"),
        (10, dict(g=[3, 3], calls=[20, 1]), SEEN, "21 calls in 2 rows, 10.5 each: fix and keep are per attempt"),
        (10, dict(g=[3, 3], calls=[1, 1]), NOT_SEEN, "2 calls in 2 rows, 1.0 each"),
        (11, dict(g=[5, 5], incorrect=[2, 2], repaired=[1, 1], kept=[2, 2], outcome=["no_op", "ok"]), SEEN,
         "2 of 5 blocks changed in 1 calls that changed nothing"),
        (11, dict(g=[3, 3, 3], prompt=["a", "a", "b"]), UNKNOWN,
         "1 prompts were run again: how often the evaluator flips by itself is not in it"),
    ],
)  # fmt: skip
def test_the_evidence_of_a_trap_is_in_numbers(number, columns, found, evidence):
    trap = traps(calls_of(**columns))[number - 1]
    assert (trap.shown, trap.evidence) == (found, evidence)


def test_of_lists_of_passing_tests_the_broken_ones_are_told_of_those_that_passed():
    """Two calls on 5 blocks each, of which 3 and 4 were correct before, and 2 and 4 of these after."""
    calls = calls_of(g=[5, 5], incorrect=[2, 1], repaired=[1, 0], kept=[2, 4])
    trap = traps(replace(calls, lists_of_passing=True))[2]
    assert (trap.shown, trap.evidence) == (SEEN, "the format lists tests that pass reliably: 1 of 7 broken")


@pytest.mark.parametrize(
    ("malformed", "found", "evidence"),
    [
        (19, UNKNOWN, "19 malformed answers, 20 would tell"),
        (20, SEEN, "20 of 160 answers; between runs they vary 22.9 times as much as by chance"),
    ],
)
def test_twenty_malformed_answers_tell_whether_they_gather(malformed, found, evidence):
    """All in the first of 8 runs of 20: (17.5^2 + 7 x 2.5^2) / (7/64 x 160) x 8/7 = 22.9."""
    kinds = ["no_parse"] * malformed + ["ok"] * (160 - malformed)
    trap = traps(calls_of(outcome=kinds, run=np.repeat(np.arange(8), 20)))[7]
    assert (trap.shown, trap.evidence) == (found, evidence)


@pytest.mark.parametrize(
    ("calls", "found", "evidence"),
    [
        (99, UNKNOWN, "99 calls, no outcome of a call that failed or did harm"),
        (100, SEEN, "not one of 100 calls failed or did harm: calls that did may not be logged"),
    ],
)
def test_a_hundred_calls_without_harm_are_too_good(calls, found, evidence):
    trap = traps(calls_of(outcome=["ok"] * calls))[8]
    assert (trap.shown, trap.evidence) == (found, evidence)


def test_traps_of_public_logs():
    attempts = traps(read_calls(DATA / "swe_attempts_300.csv", "swe"))
    assert [trap.number for trap in attempts if trap.shown is SEEN] == [1, 2, 3, 8, 10]
    islands = read_calls(DATA / "codeevolve_thinned.csv.gz", "codeevolve")
    assert [trap.number for trap in traps(islands) if trap.shown is SEEN] == [7]  # resumed runs, 6, are thinned out


def test_what_to_buy_where_one_granularity_is_logged():
    report = calibrate(read_calls(DATA / "swe_attempts_300.csv", "swe"))
    assert [size.g for size in report.sizes] == [61]
    assert report.pilots[0].calls == 294
    assert report.pilots[0].words.startswith("at one block a call (g = 1), on the same items: 294 calls")
    assert report.pilots[1].words.startswith("fix at g = 61: 900 calls more halve the interval")
    nothing = calibrate(calls_of(seconds=[1.0] * 3))
    assert nothing.pilots[0].words.startswith("two granularities, g = 1 and another")


@pytest.mark.parametrize(
    ("g", "whole_tasks", "calls", "told"),
    [
        (1, False, 60, "at more blocks a call (g = 4, say), on the same items: 60 calls"),
        (1, True, 60, "at one block a call (g = 1), on the same items: 60 calls"),
        (2, False, 49, "at one block a call (g = 1), on the same items: 50 calls"),
    ],
)
def test_another_granularity_is_bought_with_as_many_calls_as_there_are_but_fifty(g, whole_tasks, calls, told):
    """As many as tell the less known of fix and keep; half of the blocks were right."""
    known = {name: chance(Counts(np.ones(n), np.arange(n) % 2 * 1.0)) for name, n in (("fix", calls), ("keep", 80))}
    size = type("Size", (), {"g": g, **known})()
    first = pilots([size], None, whole_tasks)[0]
    assert first.words.startswith(told)
    assert first.calls == max(calls, 50)


@pytest.mark.slow
@pytest.mark.statistical
def test_three_times_as_many_calls_more_do_halve_the_interval():
    """20 logs each; the ratio of the mean widths is .5 within .1, three standard errors of it."""
    rng = np.random.default_rng(73)
    widths = {
        calls: np.mean(
            [np.diff(calibrate(drawn(rng, rng.beta(2, 3, calls), 3)).sizes[0].fix.mean.interval) for _ in range(20)]
        )
        for calls in (100, 400)
    }
    assert widths[400] / widths[100] == pytest.approx(0.5, abs=0.1)


def test_a_correct_block_that_no_call_had_is_asked_for():
    report = calibrate(drawn(np.random.default_rng(1), np.full(50, 0.4), 2))
    assert report.sizes[0].keep is None
    (told,) = [pilot.words for pilot in report.pilots if pilot.words.startswith("keep at g = 2")]
    assert told == "keep at g = 2: no such block is in the log; 50 calls with some tell it within 14 points"
    assert 13 < 100 * 1.96 * 0.5 / 50**0.5 <= 14
    text = calibration_toml(report.calibration())
    assert "# keep = { 1 = ... }  not in the log" in text
    with pytest.raises(InputError, match=r"operator.keep: expected a table"):
        parse_calibration(text)


def test_what_a_log_says_is_what_its_file_says():
    report = calibrate(read_calls(DATA / "calls.csv"))
    made = report.calibration("$")
    assert parse_calibration(calibration_toml(made, ["a note", "of two\nlines"])) == made
    assert [g for g, _ in made.operator.fix] == [1, 5]
    for name in ("fix", "keep"):
        for (g, value), (same, (low, high)) in zip(
            getattr(made.operator, name), getattr(made.operator.interval, name), strict=True
        ):
            assert g == same
            assert low <= value <= high
    assert made.prices.reasoning is None
    assert made.seconds.evaluation is None
    assert made.prices.prompt == pytest.approx(3e-6)
    assert made.tokens.instructions == pytest.approx(2500, abs=10)


def test_each_number_of_a_log_stands_under_its_own_name_in_its_file():
    """Each estimate is given another value, and its file has it under its name, to six digits."""
    numbers = count(1)

    def one():
        value = next(numbers) + 1 / 3
        return Estimate(value, value - 0.1, value + 0.1, 40)

    report = calibrate(calls_of(g=[1, 2], incorrect=[1, 2], repaired=[0, 2]))
    seconds = SecondsLaw(**{name: one() for name in ("per_thousand", "sigma", "fixed", "per_token", "tail")})
    means = {"tokens_reasoning": one(), "tokens_cached": one(), "tokens_out": one()}  # 6, 7, 8 and a third
    tokens = TokensLaw(means, instructions=one(), block=one(), cached_of_prompt=one())
    prices = {name: one() for name in ("prompt", "cached", "generated", "reasoning", "call")}
    told = replace(report, seconds=seconds, tokens=tokens, evaluation=one(), traps=[],
                   prices=replace(report.prices, prices=prices))  # fmt: skip
    made = told.calibration("$")
    assert made.seconds == Seconds(fixed=3.33333, per_generated_token=4.33333, tail=5.33333, evaluation=17.3333)
    assert made.tokens == Tokens(instructions=9.33333, block=10.3333, cached_share=0.785714, reasoning=6.33333)
    assert made.prices == Prices(unit="$", prompt=12.3333, cached=13.3333, generated=14.3333, reasoning=15.3333,
                                 call=16.3333)  # fmt: skip
    assert replace(told, seconds=None).calibration().seconds == Seconds(evaluation=17.3333)
    assert replace(told, prices=replace(report.prices, prices={})).calibration("$").prices == Prices()


def test_reasoning_that_is_told_of_some_calls_only_stays_missing():
    made = calls_of(tokens_out=[900] * 9, tokens_reasoning=[200] * 8 + [np.nan])
    assert calibrate(made).calibration().tokens.reasoning is None
    every = calls_of(tokens_out=[900] * 9, tokens_reasoning=[200] * 9)
    assert calibrate(every).calibration().tokens.reasoning == 200


def test_many_sizes_are_put_together_by_octaves():
    rng = np.random.default_rng(2)
    g = rng.integers(1, 33, 400)
    columns = dict(g=g, incorrect=g, repaired=rng.binomial(g, 0.3), kept=np.zeros(400))
    assert [size.words for size in calibrate(calls_of(**columns)).sizes] == [
        "1",
        "2-3",
        "4-7",
        "8-15",
        "16-31",
        "32",
    ]


@pytest.mark.parametrize(
    ("sizes", "medians", "words"),
    [
        (12, [*range(1, 13)], [str(g) for g in range(1, 13)]),
        (13, [1, 2, 5, 10], ["1", "2-3", "4-7", "8-13"]),
    ],
)
def test_twelve_sizes_are_told_each_and_thirteen_by_octaves(sizes, medians, words):
    """The median of 4 to 7 is 5.5, that of 8 to 13 10.5: blocks are whole."""
    found = granularities(calls_of(g=np.arange(1, sizes + 1)))
    assert [size.words for size in found] == words
    assert [size.g for size in found] == medians


def test_whole_tasks_are_one_size_the_median_of_theirs():
    (found,) = granularities(calls_of(g=[2, 3, 9], k=[2, 3, 9]))
    assert (found.g, len(found.calls), found.words) == (3, 3, "whole tasks, 2 to 9 blocks")


def test_two_models_have_no_calibration_together():
    calls = calls_of(g=[1, 1], model=["a", "b"])
    with pytest.raises(InputError, match=r"2 sorts \(model a; model b\); choose with --model and --kind"):
        calibrate(calls)
    assert len(calibrate(calls.where(calls.word("model") == "a")).log) == 1
    assert replace(calls, words={}).groups("model", "kind") == [("", "")]
