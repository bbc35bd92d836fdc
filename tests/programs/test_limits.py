"""What the expectations of programs hold and follow: the last size that they tell, and the first that they do not."""

import pytest

from evo.errors import InputError
from evo.programs import ENTRIES, Calls, Model, Role, expected_ledger
from problems.systems import MergeSort, NaiveDebugging, Routing, naive_debugging, routing, sorting


def test_a_sum_is_told_up_to_the_largest_number_of_64_bits():
    """A call that reads a token and writes one counts 1 for itself, its tokens, and their pass."""
    roles = (Role("qa", Model()),)
    ledger = expected_ledger(roles, [Calls("qa", 1, 1, times=2**63 - 1)])
    assert ledger[0, ENTRIES.index("pass_tokens_squared")] == 2**63 - 1
    with pytest.raises(InputError, match=r"expected_ledger: a sum came to 9.22e\+18, more than 64-bit numbers hold"):
        expected_ledger(roles, [Calls("qa", 1, 1, times=2**63)])


def test_a_sum_of_the_same_calls_in_every_run_is_told_up_to_the_largest_number(monkeypatch):
    """Two tokens of code and a report of one are read by the debugger, who writes two: 3^2 + 4^2 are squared."""
    program = NaiveDebugging(k=1, l=2, b=1)
    monkeypatch.setattr(naive_debugging, "MOST", 26)
    assert program.expected().ledger.max() == 25
    monkeypatch.setattr(naive_debugging, "MOST", 25)
    with pytest.raises(InputError, match="NaiveDebugging: a sum came to 25, more than 64-bit numbers hold; lower k, l"):
        program.expected()


def waits_of_rounds(rounds):
    return NaiveDebugging(k=1, l=2, b=1, rounds=rounds, fix=0.5).expected().waits


def calls_of_attempts(attempts):
    """A name is none w.p. 1/2, and asked for again; one that is none goes to no specialist."""
    law = Routing(k=2, n=3, h=1, nowhere=0.5, attempts=attempts).expected().calls
    return None if law is None else law.mean


def calls_of_documents(n):
    return MergeSort(n=n, d=3, e=0.1, ahead=1).calls_between


@pytest.mark.parametrize(
    ("module", "name", "size", "ask", "told"),
    [
        (routing, "MOST_ATTEMPTS", 2, calls_of_attempts, 1 / 2 * 2 + 1 / 4 * 3 + 1 / 4 * 2),
        (sorting, "MOST_COMPARED", 2, calls_of_documents, (1.0, 1.0)),
    ],
    ids=["attempts", "documents"],
)
def test_calls_have_a_law_up_to_a_number_and_none_beyond(monkeypatch, module, name, size, ask, told):
    monkeypatch.setattr(module, name, size)
    assert ask(size) == pytest.approx(told, rel=1e-12)
    assert ask(size + 1) is None


def test_what_rounds_wait_for_is_listed_up_to_a_number_of_them(monkeypatch):
    """A look and a repair in each."""
    monkeypatch.setattr(naive_debugging, "MOST_WAITS", 3)
    assert [each.role for each in waits_of_rounds(3)] == ["qa", "debugger"] * 3
    assert waits_of_rounds(4) is None
