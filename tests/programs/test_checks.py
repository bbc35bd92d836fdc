"""Programs that break one thing each, and what the checks of a program say of it."""

from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest

from evo.conformance.programs import checks
from evo.conformance.programs.checks import program_checks
from evo.errors import InputError, NoPrediction
from evo.programs import Calls, Expected, Model, Role, expected_ledger

ASKED = count()
"""How often, by whichever program: what breaks does otherwise each second time."""
OTHERWISE = (
    "two executions with the same rng give other ledgers; draw from the rng that is passed, and keep nothing in "
)


@dataclass(frozen=True)
class Asks:
    """One call of 3 + 2 tokens a run, whose answer is always right; `breaks` names what is wrong."""

    breaks: str = ""

    @property
    def roles(self):
        if self.breaks == "no role":
            raise InputError("nobody is asked")
        return (Role("qa", Model(size=1.0 + (next(ASKED) if self.breaks == "roles" else 0))),)

    def execute(self, desk, rng):
        if self.breaks == "raises":
            raise InputError("no desk today")
        odd = next(ASKED) % 2
        with desk.together(1 + odd * (self.breaks == "steps")):
            desk.call("qa", 3, 2 + odd * (self.breaks == "ledger"), times=2)
        done = np.ones(desk.runs, dtype=np.bool_)
        done[0] = not (odd and self.breaks == "hit")
        if self.breaks == "chance":
            done &= rng.random(desk.runs) < 0.5
        return done

    def expected(self):
        if self.breaks in ("refuses", "unknown"):
            raise InputError("no price") if self.breaks == "refuses" else NoPrediction("too long")
        each = 3 + (self.breaks == "prompt")
        return Expected(expected_ledger(self.roles, [Calls("qa", each, 2, 2.0)]), self.breaks != "mean", 1.0)


def result(breaks, name):
    (check,) = [each for each in program_checks(Asks(breaks)) if each.name == name]
    found = check.result()
    return found.passed, found.message


@dataclass(frozen=True)
class TwoAsk(Asks):
    """Two roles, one of which waits for the other in half of the runs; done in the first `right` runs."""

    right: float = 1.0

    @property
    def roles(self):
        return Role("qa", Model()), Role("writer", Model())

    def execute(self, desk, rng):
        desk.call("qa", 3, 2)
        desk.call("writer", 3, 2, where=rng.random(desk.runs) < 0.5)
        return np.arange(desk.runs) < self.right * desk.runs

    def expected(self):
        calls = [Calls("qa", 3, 2, 1.0), Calls("writer", 3, 2, 0.5)]
        return Expected(expected_ledger(self.roles, calls), False, self.right, waits=calls)


def test_the_false_fail_rate_of_a_program_is_shared_by_all_entries_of_all_roles_and_by_steps(monkeypatch):
    """Sixteen means of entries, of two roles; steps have as much as one role."""
    tests, off = [], checks._off
    monkeypatch.setattr(checks, "_off", lambda *given: tests.append(given[2]) or off(*given))
    (check,) = [each for each in program_checks(TwoAsk()) if each.name == "ledger as expected"]
    assert check.result().message == "the mean of every entry is as expected (20,000 runs)"
    assert tests == [16] * 16 + [8]


@pytest.mark.parametrize(("right", "said"), [(1.0, ""), (0.5, ""), (0.0, " its task is never done;")])
def test_a_task_that_no_run_does_is_told(right, said):
    (check,) = [each for each in program_checks(TwoAsk(right=right)) if each.name == "executes"]
    assert check.result().message.startswith(f"batches of 1, 2, 100 runs;{said} 1.")


def test_what_roles_refuse_is_told_as_it_is():
    assert result("no role", "roles") == (False, "nobody is asked")


@pytest.mark.parametrize(
    ("breaks", "name", "passed", "said"),
    [
        ("", "roles", True, "its roles: qa (size 1)"),
        ("", "executes", True, "batches of 1, 2, 100 runs; 2 calls a run in 1 steps"),
        ("", "draws from its stream", True, "the same rng, the same ledgers"),
        ("", "ledger as expected", True, "every run has the expected ledger (20,000 runs)"),
        ("mean", "ledger as expected", True, "the mean of every entry is as expected (20,000 runs)"),
        ("", "done as expected", True, "done right 1, expected 1"),
        ("roles", "roles", False, "roles are others each time: (Role("),
        ("raises", "executes", False, "no desk today"),
        ("hit", "draws from its stream", False, OTHERWISE),
        ("steps", "draws from its stream", False, OTHERWISE),
        ("ledger", "draws from its stream", False, OTHERWISE),
        ("refuses", "ledger as expected", False, "no price"),
        ("unknown", "ledger as expected", None, "too long"),
        ("unknown", "done as expected", None, "too long"),
        ("prompt", "ledger as expected", False, "qa.prompt_tokens is 6 in a run, expected() says 8 in every run"),
        ("chance", "done as expected", False, "of 20,000 runs, expected() says with probability 1"),
    ],
)
def test_each_check_of_a_program_says_what_is_wrong(breaks, name, passed, said):
    found = result(breaks, name)
    assert (found[0], said in found[1]) == (passed, True), found
