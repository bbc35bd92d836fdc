"""Books of programs that do not add up, one entry at a time, and each fault in words."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from evo.costs.ledger import LEDGER
from experiments.checks.cell_tests import Outcome
from experiments.checks.programs import FEWEST_RUNS, OfProgram, _done_fault, _exact_fault, _means_test, books_of_program

ROLES = ("qa", "debugger")


def runs(**changed):
    """Three runs of two roles, no two entries alike, the second one not done; then some columns are changed."""
    each = {
        f"{role}.{entry}": (10 + number + 50 * place) * np.array([1.0, 2.0, 3.0])
        for place, role in enumerate(ROLES)
        for number, entry in enumerate(LEDGER)
    }
    for role in ROLES:
        each[f"{role}.cached_tokens"] = each[f"{role}.prompt_tokens"]
        each[f"{role}.reasoning_tokens"] = each[f"{role}.generated_tokens"] - 1
    whole = {entry: sum(each[f"{role}.{entry}"] for role in ROLES) for entry in LEDGER}
    hit = np.where([True, False, True], whole["calls"], np.nan)
    return pd.DataFrame({"batch": [0, 0, 4], "run": [0, 1, 0], "hit": hit} | whole | each | changed)


FINE = runs()


@pytest.mark.parametrize("entry", LEDGER)
def test_each_entry_is_the_sum_over_the_roles(entry):
    assert books_of_program(FINE) is None
    off = FINE[entry] + [0.0, 1.0, 0.0]
    assert books_of_program(runs(**{entry: off})) == f"{entry} are not the sum over the roles qa, debugger"


@pytest.mark.parametrize(("part", "whole"), [("cached", "prompt"), ("reasoning", "generated")])
def test_a_part_is_no_more_than_its_whole(part, whole):
    name = f"qa.{part}_tokens"
    more = {name: FINE[f"qa.{whole}_tokens"] + [0.0, 0.0, 1.0]}
    more[f"{part}_tokens"] = more[name] + FINE[f"debugger.{part}_tokens"]
    words = f"{name} are more than qa.{whole}_tokens, of which they are a part"
    assert books_of_program(runs(**more)) == words


def test_a_run_that_is_done_has_its_calls_as_hit_and_columns_are_there():
    late = "hit is not the number of calls, of runs whose task was done right"
    assert books_of_program(runs(hit=FINE["hit"] + [1.0, 0.0, 0.0])) == late
    assert books_of_program(runs(hit=FINE["hit"] - [0.0, 0.0, 1.0])) == late
    assert books_of_program(FINE.drop(columns=[name for name in FINE if "." in name])) == (
        "the table has no ledger of any role"
    )
    others = runs(**{"other.calls": np.nan, "other.prompt_tokens": np.nan})  # of another cell
    assert books_of_program(others) is None


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"calls": 70.0}, "calls of batch 0, run 1 is 140.0, expected 70 in every run (off by +70)"),
        ({"qa.calls": 10.0}, "qa.calls of batch 0, run 1 is 20.0, expected 10 in every run (off by +10)"),
        ({"hit": 70.0}, "hit of batch 0, run 1 is nan, expected 70 in every run (nothing is there)"),
        ({"other.calls": 1.0}, "the table has no column other.calls"),
        ({"batch": 0.0}, "batch of batch 4, run 0 is 4, expected 0 in every run (off by +4)"),
        ({}, None),
    ],
)
def test_what_every_run_should_have_is_told_of_the_first_that_has_not(columns, words):
    assert _exact_fault(OfProgram(columns, exact=True, done=1.0), FINE) == words


def test_means_of_a_column_that_is_not_there_are_wrong_without_any_doubt():
    """Of two the first is named; the twin: with them the means are told."""
    many = pd.concat([FINE] * 34, ignore_index=True)
    expected = OfProgram({"qa.calls": 20.0, "no.calls": 1.0, "none.calls": 1.0}, exact=False, done=0.5)

    def told(runs):
        return _means_test(expected, runs, lambda runs: 1e-3, 0.01)

    assert told(many) == ((Outcome("ledger", 0.0, "the table has no column no.calls"),), "", math.inf)
    ((found,), _, _) = told(many.assign(**{"no.calls": 1.0, "none.calls": 1.0}))
    assert (found.test, found.p_value) == ("means", 1.0)
    few = many[: FEWEST_RUNS - 1]
    assert told(few) == ((), "1 more run would let means be told (100 in all)", math.inf)
    assert told(many[:FEWEST_RUNS]) == told(many)


TOLD = {"qa.calls": (5.0, 0.4), "debugger.calls": (95.0, 3.0), "qa.prompt_tokens": (4.9, 4.0),
        "debugger.prompt_tokens": (95.1, 2.0), "generations": (0.5, 0.25)}  # fmt: skip
"""Mean and spread: tokens of qa are less than a twentieth of all, its calls are not; steps are of their own kind."""


@pytest.mark.parametrize("spread", [0.25, 0.035])
def test_what_means_tell_is_by_the_entry_that_varies_most_of_those_that_matter(spread):
    """(z + z_0.95) e / (sqrt(n) - z_0.95 e), where z is of the level over all entries, and the runs where it is 5 %."""
    n, level, told = 400, 1e-3, TOLD | {"generations": (0.5, spread)}
    off = np.tile([-1.0, 1.0], n // 2)
    made = pd.DataFrame({name: mean + spread * off for name, (mean, spread) in told.items()})
    expected = OfProgram({name: mean for name, (mean, _) in told.items()}, exact=False, done=0.5)
    ((found,), open_, least) = _means_test(expected, made, lambda runs: level, 0.05)
    worst = max((name for name in told if name != "qa.prompt_tokens"), key=lambda name: told[name][1] / told[name][0])
    error = told[worst][1] / told[worst][0] * math.sqrt(n / (n - 1))
    z, power = NormalDist().inv_cdf(1 - level / len(told) / 2), NormalDist().inv_cdf(0.95)
    assert least == pytest.approx(100 * (z + power) * error / (math.sqrt(n) - power * error))
    needed = math.ceil((((z + power) / 0.05 + power) * error) ** 2)
    more = f"{needed - n} more runs would tell a mean off by 5% of {worst} ({needed} in all)"
    assert open_ == (more if needed > n else "")
    assert (worst, needed > n) == (("generations", True) if spread == 0.25 else ("qa.calls", False))
    assert found.p_value == 1.0


@pytest.mark.parametrize(
    ("done", "hits", "words"),
    [
        (1.0, [3.0, np.nan, np.nan], "the task of 2 of 3 runs was not done right, expected none"),
        (1.0, [3.0, 3.0, 3.0], None),
        (0.0, [3.0, np.nan, np.nan], "the task of 1 of 3 runs was done right, expected none"),
        (0.0, [np.nan] * 3, None),
        (0.5, [3.0, np.nan, 3.0], None),
    ],
)
def test_a_task_that_is_always_done_right_is(done, hits, words):
    assert _done_fault(OfProgram({}, exact=True, done=done), runs(hit=np.array(hits))) == words
