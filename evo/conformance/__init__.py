"""Checks for the parts that users write: small, named, each with the message that says what to do.

`check_mutator(x)` runs them all and returns what each found; `mutator_checks(x)` gives them one by one, for pytest:

    @pytest.mark.parametrize("check", mutator_checks(MyMutator(p=0.5)))
    def test_my_mutator(check):
        check()

A part that does what it declares fails with probability 1e-6 at the most, all checks together.
"""

from evo.conformance.kinds import check_part, kind_of
from evo.conformance.mutators import check_mutator, mutator_checks
from evo.conformance.parts import check_cost, cost_checks
from evo.conformance.problems import check_problem, problem_checks
from evo.conformance.results import CheckResult, NotConforming, PartCheck
from evo.conformance.schedules import check_schedule, schedule_checks

__all__ = [
    "CheckResult",
    "NotConforming",
    "PartCheck",
    "check_cost",
    "check_mutator",
    "check_part",
    "check_problem",
    "check_schedule",
    "cost_checks",
    "kind_of",
    "mutator_checks",
    "problem_checks",
    "schedule_checks",
]
