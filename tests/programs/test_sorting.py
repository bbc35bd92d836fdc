"""Programs that sort, beside textbook sorts run by run, literal tokens, and the exact laws of theory 18a."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evo.conformance import check_part
from evo.errors import InputError, NoPrediction
from evo.programs import ENTRIES, Desk
from evo.statistics import binomial_p_value, dkw_p_value, law_distance, mean_p_value
from evo.theory.systems.sorting import mean_comparisons_between
from experiments import Grid, ProgramCell, Verdict, check, run_grid
from problems.systems import KnockOut, MergeSort, OneCallSort, ReadThenSort
from problems.systems.sorting import Compared

RUNS = 4000
FALSE_FAIL = 1e-6


def executed(program, runs=RUNS, seed=1):
    desk = Desk(program.roles, runs)
    done = program.execute(desk, np.random.default_rng(seed))
    assert done.shape == (runs,)
    assert done.dtype == np.bool_
    return desk, done


def calls_of(desk):
    return desk.ledger[:, 0, ENTRIES.index("calls")]


def tokens(prompt, writes, calls):
    """Ledger of equal calls, token by token."""
    row = dict.fromkeys(ENTRIES, 0)
    for _ in range(calls):
        row["calls"] += 1
        row["prompt_tokens"] += prompt
        for written in range(writes):
            row["generated_tokens"] += 1
            row["pass_tokens"] += prompt + written
            row["pass_tokens_squared"] += (prompt + written) ** 2
    return list(row.values())


def sort(documents):
    """A textbook merge sort: the order, its comparisons, and those that come one after the other."""
    if len(documents) <= 1:
        return list(documents), 0, 0
    half = len(documents) // 2
    (one, c, s), (two, d, t) = sort(documents[:half]), sort(documents[half:])
    order, count = [], 0
    while one and two:
        count += 1
        order.append((one if one[0] < two[0] else two).pop(0))
    return order + one + two, c + d + count, max(s, t) + count


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 16, 33])
def test_without_errors_each_run_is_a_textbook_sort_to_the_last_token(n):
    program = MergeSort(n=n, d=5, h=3, ahead=1)
    desk, done = executed(program, runs=60, seed=n)
    orders = np.random.default_rng(n).permuted(np.tile(np.arange(n), (60, 1)), axis=1)
    for order, ledger, depth in zip(orders, desk.ledger, desk.depth, strict=True):
        sorted_, count, steps = sort(list(order))
        assert sorted_ == list(range(n))
        assert ledger.tolist() == [tokens(13, 1, count)]
        assert depth == steps
    assert done.all()


@pytest.mark.parametrize(
    ("program", "calls", "prompt", "writes", "steps"),
    [
        (KnockOut(n=1, d=4), 0, 8, 1, 0),
        (KnockOut(n=2, d=4, h=2), 1, 10, 1, 1),
        (KnockOut(n=11, d=4, h=2, e=0.3), 10, 10, 1, 4),
        (KnockOut(n=16, d=4, e=0.0, ahead=3), 45, 8, 1, 12),
        (KnockOut(n=5, d=4, e=1.0, ahead=2), 8, 8, 1, 6),
        (MergeSort(n=1, d=4, e=0.5, ahead=2), 0, 8, 1, 0),
        (MergeSort(n=2, d=4, e=0.5), 1, 8, 1, 1),
        (OneCallSort(n=6, d=7, h=9, w=2), 1, 51, 12, 1),
        (OneCallSort(n=1, d=7, p=0.5), 1, 7, 1, 1),
    ],
)
def test_ledgers_that_are_the_same_in_every_run(program, calls, prompt, writes, steps):
    desk, _ = executed(program, runs=50)
    expected = program.expected()
    assert expected.exact_every_run
    assert expected.ledger.tolist() == [tokens(prompt, writes, calls)]
    assert (desk.ledger == expected.ledger).all()
    assert expected.calls.mean == calls
    assert expected.calls.variance == 0
    assert (desk.depth == steps).all()


def p_values(program, executing=None):
    """P-values of the law of calls (or its mean) and of the share done, of what `executing` does, as `program` says."""
    desk, done = executed(executing or program)
    expected, calls = program.expected(), desk.ledger[:, :, ENTRIES.index("calls")].sum(axis=1).astype(float)
    if expected.calls is not None:
        law = dkw_p_value(RUNS, law_distance(calls, RUNS, expected.calls))
    else:  # means of thousands of votes: by the normal law
        off = (calls.mean() - expected.ledger[0, 0]) / max(calls.std() / math.sqrt(RUNS), 1e-9)
        law = math.erfc(abs(off) / math.sqrt(2))
    right = int(done.sum())
    sure = expected.done in (0.0, 1.0)
    return law, float(right == RUNS * expected.done) if sure else binomial_p_value(right, RUNS, expected.done)


DRAWN = [
    MergeSort(n=n, d=3, e=e, ahead=ahead, copied=copied)
    for n, e, ahead, copied in [
        (2, 0.25, 1, 0.0), (3, 0.25, 1, 0.0), (4, 0.5, 1, 0.0), (7, 0.1, 1, 0.0), (8, 0.25, 1, 0.0), (8, 0.9, 1, 0.0),
        (10, 0.25, 1, 0.0), (20, 0.0, 1, 0.0), (33, 0.5, 1, 0.0), (32, 1.0, 2, 0.0), (17, 0.0, 4, 0.0),
        (2, 0.2, 3, 0.0), (6, 0.3, 2, 0.0),
        (8, 0.1, 3, 0.5), (5, 0.2, 2, 1.0), (4, 0.5, 3, 0.0), (12, 0.5, 2, 0.25),
    ]
] + [
    KnockOut(n=n, d=3, e=e, ahead=ahead, copied=copied)
    for n, e, ahead, copied in [(1, 0.5, 1, 0.0), (2, 0.3, 1, 0.0), (6, 0.2, 2, 0.0), (33, 0.1, 1, 0.0),
                                (16, 0.5, 2, 0.0), (7, 1.0, 1, 0.0), (12, 0.3, 3, 0.5)]
] + [OneCallSort(n=n, d=3, p=p) for n, p in [(1, 0.5), (5, 0.8), (8, 0.0), (8, 1.0)]]  # fmt: skip


@pytest.mark.statistical
@pytest.mark.parametrize("program", DRAWN, ids=repr)
def test_calls_and_success_have_their_exact_law(program):
    """False-fail rate 2e-6 a program; 4,000 runs find a cdf off by 0.06, and a share off by 0.05, w.p. over 0.99."""
    assert min(p_values(program)) > FALSE_FAIL


class NeverWrong(MergeSort):
    """A twin: its comparator does not err."""

    def compare(self, before, where, rng):
        _, calls = super().compare(before, where, rng)
        return before, calls


class Ties(MergeSort):
    """A twin: it compares on when one side is used up."""

    def compare(self, before, where, rng):
        return super().compare(before, np.ones_like(where), rng)


class OneVote(KnockOut):
    """A twin: it takes the first answer, whatever the lead."""

    def compare(self, before, where, rng):
        return Compared.compare(replace(self, ahead=1), before, where, rng)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_scans_are_read_once_each_and_then_sorted(n):
    program, plain = ReadThenSort(n=n, d=6, h=2, e=0.25, v=40, m_r=0.1), MergeSort(n=n, d=6, h=2, e=0.25)
    desk, _ = executed(program, runs=50)
    assert (desk.ledger[:, 1] == tokens(40, 6, n)).all()
    comparisons = calls_of(desk)
    assert desk.ledger[:, 0].tolist() == [tokens(14, 1, count) for count in comparisons]
    expected, sorting = program.expected(), plain.expected()
    assert expected.ledger[0].tolist() == sorting.ledger[0].tolist()
    assert expected.calls.mean == pytest.approx(sorting.calls.mean + n)
    assert expected.exact_every_run == (n <= 2)


def test_what_is_not_known_of_a_sort_is_not_known_after_scans():
    """Answers are as many as a vote takes, and votes are taken side by side: neither calls nor steps have a law."""
    votes = dict(n=4, d=6, h=2, e=0.25, ahead=2)
    program, plain = ReadThenSort(**votes, v=40).expected(), MergeSort(**votes).expected()
    assert [plain.calls, plain.waits, program.calls, program.waits, program.steps] == [None] * 5
    assert program.ledger.tolist() == [plain.ledger[0].tolist(), tokens(40, 6, 4)]


@pytest.mark.statistical
def test_an_order_is_wrong_where_a_scan_was_not_read():
    program = ReadThenSort(n=4, d=6, e=0.1, v=40, read=0.9)
    assert min(p_values(program)) > FALSE_FAIL
    assert p_values(replace(program, read=1.0), program)[1] < FALSE_FAIL


@pytest.mark.statistical
def test_twins_are_found():
    noisy, plain = MergeSort(n=8, d=3, e=0.25), MergeSort(n=8, d=3)
    assert p_values(noisy, NeverWrong(n=8, d=3, e=0.25))[0] < FALSE_FAIL  # the law of the comparisons is another
    assert p_values(noisy, NeverWrong(n=8, d=3, e=0.25))[1] < FALSE_FAIL
    assert p_values(plain, Ties(n=8, d=3))[0] < FALSE_FAIL
    assert max(p_values(KnockOut(8, 3, e=0.2, ahead=3), OneVote(8, 3, e=0.2, ahead=3))) < FALSE_FAIL
    assert p_values(replace(noisy, e=0.2), noisy)[1] < FALSE_FAIL


@pytest.mark.statistical
def test_the_total_of_calls_has_its_law():
    program = MergeSort(n=64, d=3)
    desk, _ = executed(program)
    total = float(calls_of(desk).sum())
    law = program.expected().calls
    assert mean_p_value(total, RUNS, law)[0] > FALSE_FAIL
    assert mean_p_value(total + RUNS, RUNS, law)[0] < FALSE_FAIL  # one comparison too many in each run


@pytest.mark.statistical
def test_votes_raise_success_where_errors_do_not_go_together():
    votes, copies = MergeSort(n=16, d=3, e=0.2, ahead=5), MergeSort(n=16, d=3, e=0.2, ahead=5, copied=1.0)
    right = [executed(program)[1].mean() for program in (MergeSort(n=16, d=3, e=0.2), copies, votes)]
    assert right[0] < 0.01
    assert right[1] < 0.01
    assert right[2] > 0.94
    assert votes.error == pytest.approx(1 / 1025)
    assert copies.error == pytest.approx(0.2)


def test_what_is_not_exact_is_not_predicted():
    with pytest.raises(NoPrediction, match="n <= 10"):
        MergeSort(n=16, d=3, e=0.2).expected()
    assert 0 < MergeSort(n=16, d=3, e=1e-3).error < 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n": 0}, "n must be a whole number from 1"),
        ({"d": 0}, "d must be a whole number >= 1"),
        ({"e": 1.5}, "e must be a probability"),
        ({"ahead": 0}, "ahead must be a whole number >= 1"),
        ({"m": -1.0}, "m must be a finite number > 0"),
    ],
)
def test_bad_parameters_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        MergeSort(**{"n": 4, "d": 10, **wrong})


@pytest.mark.statistical
@pytest.mark.parametrize(
    "program",
    [
        MergeSort(16, 3, e=0.01),
        MergeSort(64, 3, e=0.003),
        MergeSort(100, 3, e=0.1, ahead=4),
        MergeSort(16, 3, e=0.1, ahead=4, copied=0.1),
    ],
    ids=repr,
)
def test_the_chance_of_a_right_order_is_exact_where_the_law_of_the_comparisons_is_not_known(program):
    """False-fail rate 1e-6; 2,000 runs find a chance that is off by 0.1."""
    right, expected = int(executed(program, runs=2000)[1].sum()), program.done
    assert 0.1 < expected < 0.99
    assert binomial_p_value(right, 2000, expected) > FALSE_FAIL
    assert binomial_p_value(right, 2000, expected - 0.1) < FALSE_FAIL


class Optimist(MergeSort):
    """A twin: it takes its order to be right more often than it is."""

    @property
    def done(self):
        return super().done + 0.1


@pytest.mark.statistical
def test_a_chance_of_success_is_checked_where_no_ledger_is_expected():
    """False-alarm rate 1e-3, one seed; 1,250 runs find a chance that is off by 0.1."""
    cells = [ProgramCell(kind(16, 3, e=0.03)) for kind in (MergeSort, Optimist)]
    results = run_grid(Grid("noisy", cells, runs=1250), workers=1)
    honest, optimist = check(results).cells
    assert honest.verdict is Verdict.CANNOT_TELL
    assert [outcome.test for outcome in honest.outcomes] == ["ledger", "done", "bounds"]
    assert "n <= 10" in honest.reason
    assert optimist.verdict is Verdict.DIFFERS
    assert "done right" in optimist.reason


class AsksAgain(MergeSort):
    """A twin: every second comparison or so is made twice."""

    def compare(self, before, where, rng):
        right, calls = super().compare(before, where, rng)
        return right, calls + (where & (rng.random(len(where)) < 0.5))


BOUNDED = [
    (MergeSort(n=16, d=3, e=0.1), 1, 0),
    (MergeSort(n=16, d=3, e=0.1, ahead=2, copied=1.0), 2, 0),
    (ReadThenSort(n=16, d=3, e=0.1), 1, 16),
]
"""Programs, the calls of each of their comparisons, and their other calls."""


@pytest.mark.parametrize(("program", "votes", "more"), BOUNDED, ids=["plain", "votes", "scans"])
def test_where_bounds_alone_are_known_a_mean_within_them_cannot_tell(program, votes, more):
    bounds = tuple(votes * bound + more for bound in mean_comparisons_between(16, 0.1))
    assert program.calls_between == pytest.approx(bounds, rel=1e-12)
    results = run_grid(Grid("bounded", {"a": [ProgramCell(program)]}, runs=300), workers=1)
    (found,) = check(results).cells
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.reason.startswith(f"mean calls {results.runs['calls'].mean():.6g} +- ")
    assert f"within its bounds {bounds[0]:.6g} to {bounds[1]:.6g}" in found.reason


@pytest.mark.statistical
def test_a_mean_outside_of_its_bounds_differs():
    """The twin, whose mean is 63 or so, is found; false-fail rate of the plain one 1e-3, as of any check."""
    results = run_grid(Grid("beyond", {"a": [ProgramCell(AsksAgain(n=16, d=3, e=0.1))]}, runs=300), workers=1)
    (found,) = check(results).cells
    assert found.verdict is Verdict.DIFFERS
    assert "outside of (p < 1e-" in found.reason
    assert MergeSort(n=2048, d=3, e=0.1).calls_between is None


class Narrow(MergeSort):
    """A twin: its bounds do not hold the mean, and its chance is another."""

    calls_between = (0.0, 20.0)
    done = 0.9


class Backwards(MergeSort):
    """A twin: its bounds are none."""

    calls_between = (20.0, 10.0)


def failing(program):
    return {each.name: each.message for each in check_part(program) if each.passed is False}


@pytest.mark.statistical
def test_check_operator_looks_at_what_is_known_without_a_ledger():
    """False-fail rate 1e-6 each, of 20,000 runs."""
    assert failing(MergeSort(n=11, d=1, e=0.1)) == {}
    wrong = failing(Narrow(n=11, d=1, e=0.1))
    assert wrong.keys() == {"done as expected", "calls within bounds"}
    assert "its property done says with probability 0.9" in wrong["done as expected"]
    assert "calls_between says 0 to 20" in wrong["calls within bounds"]
    assert "two numbers, 0 <= low <= high" in failing(Backwards(n=11, d=1, e=0.1))["calls within bounds"]
