"""The ledger of runs by what was stored of their cell: each entry, one off, is told."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evo.costs.ledger import LEDGER
from experiments.checks.ledger import stored_ledger_fault
from experiments.grids.cells_table import WEIGHTS

FULL = {"prompt_tokens": 900.0, "generated_tokens": 500.0, "pass_tokens": 574_750.0, "pass_tokens_squared": 7e8,
        "cached_tokens": 300.0, "reasoning_tokens": 40.0}  # fmt: skip
SHORT = {name: value / 2 for name, value in FULL.items()}
STORED = SimpleNamespace(calls=3, a_generation=6, lam=2, call=FULL, short_call=SHORT)
"""Two offspring a generation, three calls each."""
NO_BUDGET = pd.Series(dict.fromkeys(WEIGHTS, 1.0))


def runs(**changed):
    """Runs of no, one and five generations, of the last one 4 of 10 offspring on the shorter chunk."""
    answers, short = np.array([0.0, 2.0, 10.0]), np.array([0.0, 0.0, 4.0])
    columns = {name: (answers - short) * value + short * SHORT[name] for name, value in FULL.items()}
    plain = {"calls": 3 * answers, "evaluations": answers, "generations": answers / 2, "hit": [0.0, 1.0, 10.0]}
    return pd.DataFrame(plain | columns | changed)


FINE = runs()


@pytest.mark.parametrize("entry", FULL)
def test_one_token_off_is_told(entry):
    assert stored_ledger_fault(STORED, NO_BUDGET, FINE) is None
    off = runs(**{entry: FINE[entry] + [0.0, 0.0, 1.0]})
    assert str(stored_ledger_fault(STORED, NO_BUDGET, off)).endswith("are not those of the calls")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"hit": [0.0, 2.0, 9.0]}, None),
        ({"hit": [0.0, 2.0, 8.0]}, "hit is not in the last generation"),
        ({"hit": [0.0, 3.0, 9.0]}, "hit is not in the last generation"),
        ({"hit": [0.0, 0.0, 9.0]}, "hit is not in the last generation"),
        ({"hit": [1.0, 1.0, 9.0]}, "hit is not in the last generation"),
        ({"hit": [0.0, 1.0, np.nan]}, None),
        ({"generations": [0.0, 2.0, 5.0]}, "calls are not lam x generations"),
        ({"calls": [0.0, 7.0, 30.0]}, "calls are not in groups of 3"),
    ],
)
def test_calls_and_hits_belong_to_generations(changed, words):
    budget = NO_BUDGET.copy()
    budget["budget.calls"] = 30.0
    assert stored_ledger_fault(STORED, budget, runs(**changed)) == words


SPENT = float(FINE[list(LEDGER)].iloc[2].sum())
"""Of the last run, where an entry costs 1."""


@pytest.mark.parametrize(
    ("limit", "most", "early"),
    [
        ("calls", 30.0, False),
        ("calls", 31.0, True),
        ("generated_tokens", 4000.0, False),
        ("generated_tokens", 4001.0, True),
        ("cost", SPENT, False),
        ("cost", 1.01 * SPENT, True),
    ],
)
def test_a_run_without_a_hit_has_reached_its_budget(limit, most, early):
    place = pd.concat([NO_BUDGET, pd.Series({f"budget.{limit}": most})])
    found = stored_ledger_fault(STORED, place, runs(hit=[0.0, 1.0, np.nan]))
    assert found == ("a run without a hit ended before its budget" if early else None)
