"""The first sentences of a page, of contents that are made up: who is cheapest, what holds, and what cannot be told."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from evo.costs.prices import TokenPrices
from experiments.fits.claims import Claim
from experiments.predictions.verdict import Verdict
from experiments.reports.html.sections import first

DOLLARS = f"Cell(cost={TokenPrices(prompt=2.0, generated=5.0, unit=1, currency='$')})"
PASSES = "Cell(x=1)"
AGREES, DIFFERS, CANNOT_TELL = Verdict.AGREES, Verdict.DIFFERS, Verdict.CANNOT_TELL


def row(series, cost, *, k=8, lam=1.0, low=math.nan, high=math.nan, **more):
    """A row of the summary: no run was censored, and no cost is predicted, unless it is said."""
    plain = {"cell": f"{series} {k} {lam}", "series": series, "k": k, "lam": lam, "cost": cost, "cost_low": low}
    plain |= {"cost_high": high, "ert_cost": math.inf, "cost_predicted": math.nan, "hit_predicted": math.nan}
    plain |= {"hit": math.nan}
    return plain | {"censored": 0, "runs": 40, "text": DOLLARS} | more


def content(*rows, along="", name="", verdicts=(), claims=()):
    cells = [SimpleNamespace(verdict=verdict, label=f"cell {i}", reason="too many calls")
             for i, verdict in enumerate(verdicts)]  # fmt: skip
    check = SimpleNamespace(cells=cells, alpha=0.01, count=lambda asked: sum(each.verdict is asked for each in cells))
    made = SimpleNamespace(summary=pd.DataFrame(list(rows)), check=check, claims=claims, findings=None, study=None)
    made.results = SimpleNamespace(cells=pd.DataFrame({"arm": [each["series"] for each in rows]}))
    return SimpleNamespace(
        made=made, rows=list(rows), along=along, is_size=along == "k", shown_axes=[],
        place={each["cell"]: float(each[along]) for each in rows} if along else {},
    )  # fmt: skip


CHEAP = row("a", 20.0, low=18.0, high=22.0)
ENDED = {"censored": 3, "ert_cost": 30.0, "cost_predicted": 25.0}
ERT = "ERT, the cost of all runs over the hits, since 7.5% of 40 runs were censored"
FREE = {"hit": 0.0, "cost_predicted": 0.0}


@pytest.mark.parametrize(
    ("rows", "along", "said"),
    [
        ([CHEAP, row("b", 50.0, low=40.0, high=60.0)], "",
         "“a” is cheapest: $20 a run (18 to 22), 2.5 times less than “b” ($50)."),
        ([row("b", 50.0, low=22.1, high=60.0), CHEAP], "",
         "“a” is cheapest: $20 a run (18 to 22), 2.5 times less than “b” ($50)."),
        ([CHEAP, row("b", 50.0, low=22.0, high=60.0)], "",
         "“a” ($20 a run (18 to 22)) and “b” ($50) cannot be told apart."),
        ([CHEAP, row("b", 50.0, low=9.0, high=60.0), row("c", 70.0), row("d", 80.0)], "",
         "“a” ($20 a run (18 to 22)) and “b” ($50) cannot be told apart; 2 others cost more."),
        ([row("a", math.nan, **ENDED), row("b", 45.0)], "",
         f"“a” is cheapest: $30 a hit ({ERT}), 1.5 times less than “b” ($45)."),
        ([row("b", math.nan, **ENDED), row("a", 10.0)], "",
         "“a” is cheapest: $10 a run, 3 times less than “b” ($30, ERT, since 3 of 40 runs were censored)."),
        ([row("b", math.nan, censored=40), row("a", 10.0, text=PASSES, cost_predicted=11.5)], "",
         "“a” costs 10 a run, where 11.5 is exact."),
        ([row("b", math.nan, censored=40)], "", "No run of the compared cells hit."),
        ([row("b", math.nan, runs=0)], "", "No cell has runs yet."),
        ([CHEAP, row("b", 50.0, cost_predicted=math.inf), row("c", 60.0, cost_predicted=math.inf)], "",
         "“a” is cheapest: $20 a run (18 to 22); the mean cost of “b” and “c” is infinite."),
        ([CHEAP | {"cost_predicted": math.inf}, row("b", 50.0)], "",
         "“a” has the least measured cost, but its mean is infinite: medians, below, can be compared."),
        # where most series are, the larger of two such places; of several lam the least
        ([row("a", 1.0, k=4), row("b", 2.0, k=4), row("a", 20.0), row("b", 10.0), row("a", 3.0, k=9)], "k",
         "At k = 8 “b” is cheapest: $10 a run, 2 times less than “a” ($20)."),
        ([row("a", 20.0, lam=4.0), row("b", 10.0, lam=4.0), row("a", 5.0, lam=2.0), row("b", 15.0, lam=2.0)], "k",
         "At k = 8, lam = 2 “a” is cheapest: $5 a run, 3 times less than “b” ($15)."),
        ([row("a", 1.0, k=4, runs=0), row("a", 5.0, k=2), row("a", 8.0, k=9, low=7.0, high=9.0)], "k",
         "“a” costs $5 a run at k = 2 and $8 a run (7 to 9) at k = 9."),
        # other series stand at other places, or at another lam, or have no hit there: nothing is told of them as of one
        ([row("a", 5.0, k=2), row("b", 8.0, k=6, cost_predicted=9.0)], "k",
         "At k = 6 “b” costs $8 a run, where 9 is exact; no other series has a run there."),
        ([row("a", 5.0, k=2), row("b", 7.0, k=3), row("b", 8.0, k=6)], "k",
         "“b” costs $7 a run at k = 3 and $8 a run at k = 6; no other series has a run at k = 6."),
        ([row("a", 5.0, k=2), row("b", math.nan, k=6, censored=40), row("a", 8.0, k=6)], "k",
         "“a” costs $5 a run at k = 2 and $8 a run at k = 6; no other series has a hit at k = 6."),
        ([row("a", 5.0, k=2), row("a", 3.0, k=2, lam=2.0), row("a", 8.0), row("a", 6.0, lam=2.0)], "k",
         "At lam = 1 “a” costs $5 a run at k = 2 and $8 a run at k = 8."),
        ([row("a", 9.0, k=math.nan), row("b", 8.0, k=2)], "k",
         "At k = 2 “b” costs $8 a run; no other series has a run there."),
        # no other is a multiple of nothing
        ([row("b", 50.0), row("a", 0.0, **FREE)], "",
         "“a” costs nothing: its runs start at the optimum; “b” costs $50 a run."),
        ([row("a", 0.0, **FREE), row("b", 0.0, **FREE), row("c", 9.0), row("d", 7.0)], "",
         "“a” and “b” cost nothing: their runs start at the optimum; of the others “d” costs $7 a run."),
        ([row("a", 0.0, **FREE), row("b", 0.0, hit=4.0), row("c", 9.0)], "",
         "“a” and “b” cost nothing; “c” costs $9 a run."),
        ([row("a", 0.0, hit=4.0), row("b", 5.0, cost_predicted=math.inf)], "", "“a” costs nothing."),
        # what runs that a budget ended took over the hits is no mean of a run; programs have one all the same
        ([row("a", math.nan, **ENDED)], "", f"“a” costs $30 a hit ({ERT})."),
        ([row("a", 5.0, k=2), row("a", math.nan, **ENDED)], "k",
         f"“a” costs $5 a run at k = 2 and $30 a hit ({ERT}) at k = 8."),
        ([row("a", math.nan, **ENDED | {"cost_predicted": math.inf}), row("b", 45.0)], "",
         f"“a” is cheapest: $30 a hit ({ERT}), 1.5 times less than “b” ($45)."),
        ([row("a", 10.0), row("b", 25.0, **ENDED)], "", "“a” is cheapest: $10 a run, 2.5 times less than “b” ($25)."),
    ],
)  # fmt: skip
def test_the_first_sentence_says_who_is_cheapest(rows, along, said):
    assert first.cheapest(content(*rows, along=along)) == said


def test_a_bar_of_censored_runs_says_so_and_has_no_exact_mean_beside_it():
    ended = row("a", math.nan, text=PASSES, **ENDED)
    alone = str(first._as_bars(content(ended)))
    assert "Mean cost of a run; ERT where runs were censored<" in alone
    assert "a, ERT, since 3 of 40 runs were censored<" in alone
    assert "exact" not in alone
    both = str(first._as_bars(content(ended, row("b", 45.0, text=PASSES, cost_predicted=44.0))))
    assert "(line: exact)<" in both
    assert "45; exact 44<" in both
    assert "exact 25" not in both


@pytest.mark.parametrize(
    ("verdicts", "unknown", "said"),
    [
        ([AGREES], 0, "The one cell agrees with exact predictions (false-alarm rate 0.01 over the grid)."),
        ([AGREES] * 3, 0, "All 3 cells agree with exact predictions (false-alarm rate 0.01 over the grid)."),
        ([AGREES, CANNOT_TELL, DIFFERS, DIFFERS], 0,
         "2 of 4 cells DIFFER from exact predictions, first cell 2: too many calls."),
        ([AGREES, AGREES, CANNOT_TELL], 0, "2 of 3 cells agree with exact predictions; 1 cannot be told."),
        ([AGREES, CANNOT_TELL, CANNOT_TELL], 1,
         "1 of 3 cells agree with exact predictions; 2 cannot be told, 1 of them since they have no exact prediction."),
        ([AGREES, CANNOT_TELL, CANNOT_TELL], 2,
         "1 of 3 cells agree with exact predictions; 2 cannot be told, since they have no exact prediction."),
    ],
)  # fmt: skip
def test_the_second_says_what_the_check_came_to(verdicts, unknown, said):
    rows = [row("a", 1.0, k=i, hit_predicted=math.nan if i < unknown else 2.0) for i in range(len(verdicts))]
    assert first.verdict_in_words(content(*rows, verdicts=verdicts)) == said


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"hit_predicted": 2.0}, "1 cannot be told."),
        ({"cost_predicted": 2.0}, "1 cannot be told."),  # of programs the cost alone is predicted
        ({}, "1 cannot be told, since they have no exact prediction."),
    ],
)
def test_a_cell_whose_calls_or_cost_are_predicted_has_a_prediction(known, said):
    made = content(row("a", 1.0, cost_predicted=1.0), row("b", 1.0, **known), verdicts=(AGREES, CANNOT_TELL))
    assert first.verdict_in_words(made) == f"1 of 2 cells agree with exact predictions; {said}"


def claim(arm, verdict, reason, paper="Eq. 1"):
    return SimpleNamespace(claim=Claim(arm, paper, "hit", "power", "b", 2.0, ""), verdict=verdict, reason=reason)


HOLDS, NOT = claim("a", AGREES, "holds here"), claim("b", AGREES, "does not hold")


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ([HOLDS], "Of 1 claim tested, 1 hold as measured."),
        ([HOLDS, HOLDS, NOT], "Of 3 claims tested, 2 hold as measured and 1 does not: Eq. 1 of b."),
        ([NOT, claim("c", AGREES, "does not hold"), claim("d", AGREES, "does not hold", "Eq. 2"),
          claim("e", DIFFERS, "holds")],
         "Of 4 claims tested, 0 hold as measured and 3 do not: Eq. 1 of b and c; Eq. 2 of d; 1 stay open."),
        ([HOLDS, claim("f", AGREES, "sharper"), claim("g", CANNOT_TELL, "does not hold")],
         "Of 3 claims tested, 1 hold as measured; 2 stay open."),
    ],
)  # fmt: skip
def test_claims_are_counted_by_what_follows_for_the_paper(claims, said):
    assert first.answer(content(row("a", 1.0), verdicts=[AGREES], claims=tuple(claims)))[0] == said


def test_a_grid_asks_for_the_cost_of_its_arms():
    assert first.question(content(row("a", 1.0))) == "What does “a” cost?"
    assert first.question(content(*[row(name, 1.0) for name in "ab"], along="k")) == (
        "How does the cost of “a” and “b” change with k?"
    )
    assert first.question(content(*[row(name, 1.0) for name in "abcdef"])) == (
        "What do “a”, “b”, “c”, “d” and 2 more cost?"
    )
