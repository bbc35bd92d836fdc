"""Routing: generalist, delegator and specialists against single runs, every branch of which is followed."""

import math
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binomtest

from evo.errors import InputError
from evo.programs import Desk
from evo.programs.execute import run_program
from evo.theory.systems.routing import name_tokens, routing_speedup, saturation
from problems.systems import Generalist, Routing

# ------------------------------------------------------------------ one run, token by token


def passes(prompt, writes):
    return sum(prompt + written for written in range(writes)), sum((prompt + written) ** 2 for written in range(writes))


def cost(program):
    """Expected cost of each role at one unit of size a token of a pass (Definition 2.2), and of all."""
    ledger = program.expected().ledger
    return {role.name: role.model.size * ledger[i, 4] for i, role in enumerate(program.roles)}


class Books:
    def __init__(self, roles):
        self.names = [role.name for role in roles]
        self.rows = np.zeros((len(roles), 8), dtype=object)

    def call(self, name, prompt, writes, votes):
        for _ in range(votes):
            self.rows[self.names.index(name)] += np.array([1, 0, prompt, writes, *passes(prompt, writes), 0, 0])


def majority(error, votes, copied):
    """P(most of the votes err), vote by vote."""
    total = Fraction(0)
    for wrong in range(votes + 1):
        ways = math.comb(votes, wrong) * error**wrong * (1 - error) ** (votes - wrong)
        total += ways * (wrong > votes // 2)
    return copied * error + (1 - copied) * total


def every_run(of):
    """All runs of a routing system: (probability, ledger, done), followed attempt by attempt and task by task."""
    served = of.serves or (1,) * of.k
    wrong, erred = (
        majority(Fraction(error), votes, Fraction(of.copied))
        for error, votes in ((of.wrong, of.votes_d), (1 - of.right, of.votes_s))
    )
    several = len(set(served)) > 1
    runs = []

    def ask(own, attempt, chance, calls):
        """Calls so far: names of specialists, and 'delegator' with its votes."""
        if attempt == of.attempts:
            runs.append((chance, calls, False))
            return
        calls = [*calls, "delegator"]
        if chance == 0:
            return
        nowhere, seen = Fraction(of.nowhere), Fraction(of.seen)
        ask(own, attempt + 1, chance * nowhere, calls)
        for other in range(len(served)):
            if other == own:
                share = chance * (1 - nowhere) * (1 - wrong)
                runs.append((share * (1 - erred), [*calls, other], True))
                runs.append((share * erred, [*calls, other], False))
            elif wrong:
                share = chance * (1 - nowhere) * wrong / (len(served) - 1)
                ask(own, attempt + 1, share * seen, [*calls, other])
                runs.append((share * (1 - seen), [*calls, other], False))

    for own, tasks in enumerate(served):
        ask(own, 0, Fraction(tasks, of.k), [])
    found = []
    for chance, calls, done in runs:
        if chance == 0:
            continue
        books = Books(of.roles)
        for who in calls:
            if who == "delegator":
                books.call("delegator", of.h, of.name_tokens, of.votes_d)
            else:
                name = f"specialist_of_{served[who]}" if several else "specialist"
                books.call(name, of.n, of.o, of.votes_s)
        found.append((chance, books.rows, done))
    return found


def drawn(seed):
    rng = random.Random(seed)
    k = rng.randint(1, 6)
    serves = rng.choice(((), (1,) * k, (k,), (1, k - 1) if k > 1 else (), (2, 2, k - 4) if k > 4 else ()))
    chance = lambda: rng.choice((0, 0, 1, 0.25, 0.875))  # noqa: E731
    return Routing(
        k=k, n=rng.randint(1, 30), h=rng.randint(1, 9), o=rng.randint(1, 4), o_d=rng.choice((None, 1, 3)),
        vocabulary=rng.choice((2, 50)), serves=serves, wrong=chance() if len(serves or (1,) * k) > 1 else 0,
        nowhere=rng.choice((0, 0, 0.5, 1)), seen=chance(), attempts=rng.choice((1, 1, 2, 3)), right=1 - chance(),
        votes_d=rng.choice((1, 3)), votes_s=rng.choice((1, 3, 5)), copied=rng.choice((0, 0.5, 1)),
    )  # fmt: skip


# ------------------------------------------------------------------ exact


@pytest.mark.parametrize("seed", range(3))
def test_what_is_expected_is_the_mean_of_all_branches(seed):
    certain = 0
    for each in range(100):
        program = drawn(1000 * seed + each)
        runs, expected = every_run(program), program.expected()
        assert sum(chance for chance, *_ in runs) == 1
        mean = sum(float(chance) * rows for chance, rows, _ in runs)
        assert expected.ledger == pytest.approx(mean.astype(float), rel=1e-12, abs=1e-12), program
        assert expected.done == pytest.approx(float(sum(chance for chance, _, done in runs if done)), abs=1e-12)
        for t in range(int(max(rows[:, 0].sum() for _, rows, _ in runs)) + 1):
            below = float(sum(chance for chance, rows, _ in runs if rows[:, 0].sum() <= t))
            assert float(expected.calls.cdf(t)) == pytest.approx(below, abs=1e-12), program
        same = len({tuple(rows.ravel()) for _, rows, _ in runs}) == 1
        assert expected.exact_every_run <= same
        desk = Desk(program.roles, 5)
        program.execute(desk, np.random.default_rng(each))
        if expected.exact_every_run:
            certain += 1
            assert (desk.ledger == expected.ledger).all(), program
        else:
            possible = {tuple(rows.ravel()) for _, rows, _ in runs}
            assert {tuple(rows.ravel()) for rows in desk.ledger} <= possible
    assert certain >= 20


REFERENCE = [
    # k = m_g/m_s = 1000 tasks; n, m_d, o_d, speed-up
    (1_000_000, 1000, 1, 990.09900990099009901),
    (1000, 10, 1, 909.09090909090909091),
    (1000, 1000, 2, 45.454545454545454545),
]


@pytest.mark.parametrize(("n", "m_d", "o_d", "value"), REFERENCE)
def test_reference_values(n, m_d, o_d, value):
    one, many = Generalist(k=1000, n=n), Routing(k=1000, n=n, h=10, m_d=m_d, o_d=o_d)
    assert sum(cost(one).values()) / sum(cost(many).values()) == pytest.approx(value, rel=1e-12)
    assert routing_speedup(n, 10, 1000, m_d, 1, o_d=o_d) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("seed", range(100))
def test_theory_12b(seed):
    """S = m_g G(n, o)/(m_d G(h, o_d) + m_s G(n, o)), every G pass by pass."""
    rng = random.Random(seed)
    k, n, h, o = rng.randint(1, 500), rng.randint(1, 200), rng.randint(1, 60), rng.randint(1, 20)
    x, m_s, vocabulary = rng.choice((0.5, 1.0, 1.3)), rng.choice((0.5, 2.0)), rng.choice((2, 10, 1000))
    one = Generalist(k=k, n=n, o=o, m_s=m_s, x=x)
    many = Routing(k=k, n=n, h=h, o=o, m_s=m_s, x=x, vocabulary=vocabulary)
    names = 1 if k == 1 else max(1, math.ceil(math.log(k, vocabulary) - 1e-9))
    whole = m_s * k**x * passes(n, o)[0]
    parts = m_s * k**x * passes(h, names)[0] + m_s * passes(n, o)[0]
    assert sum(cost(one).values()) == pytest.approx(whole)
    assert sum(cost(many).values()) == pytest.approx(parts)
    assert routing_speedup(n, h, k**x, k**x, 1.0, o, names) == pytest.approx(whole / parts)


def test_the_speed_up_is_k_in_the_limit_and_saturates_at_n_over_h():
    """Theory 12b, 13.9: 1/S = G(h, o_d)/G(n, o) + 1/k."""
    assert routing_speedup(10**9, 10, 50, 50, 1) == pytest.approx(50, rel=1e-5)
    assert saturation(1000, 10) == 100
    for k, speedup in ((10, 9.09), (100, 50), (1000, 90.9), (10**4, 99.0)):
        assert routing_speedup(1000, 10, k, k, 1) == pytest.approx(speedup, rel=1e-3)
    assert routing_speedup(1000, 10, 10**9, 10**9, 1) == pytest.approx(100, rel=1e-6)


def test_naming_a_task_takes_the_logarithm_of_k():
    assert [name_tokens(k, 2) for k in (1, 2, 3, 4, 5, 1024, 1025)] == [1, 1, 2, 2, 3, 10, 11]
    assert Routing(k=1025, n=10, h=1, vocabulary=2).name_tokens == 11


def test_fewer_specialists_are_larger_ones():
    """100 tasks, 10 specialists of 10 tasks each: ten times the size, less to choose from."""
    shared = Routing(k=100, n=1000, h=10, serves=(10,) * 10)
    assert [(role.name, role.model.size) for role in shared.roles] == [("delegator", 100), ("specialist", 10)]
    uneven = Routing(k=4, n=5, h=1, serves=(3, 1), x=0.5)
    assert [role.name for role in uneven.roles] == ["delegator", "specialist_of_1", "specialist_of_3"]
    assert uneven.expected().ledger[:, 0].tolist() == [1, 0.25, 0.75]
    assert uneven.roles[2].model.size == 3**0.5


def test_a_wrong_specialist_is_another_one():
    """Of tasks of two specialists, for 3 and 1, each goes to the other; P(230 of 400 for 3/4 or more) < 1e-12."""
    crossed = Routing(k=4, n=5, h=1, serves=(3, 1), wrong=1.0)
    assert crossed.expected().ledger[:, 0].tolist() == [1, 0.75, 0.25]
    desk = Desk(crossed.roles, 400)
    assert not crossed.execute(desk, np.random.default_rng(1)).any()
    assert desk.ledger[:, 1, 0].sum() > 230


def test_a_call_longer_than_the_context_ends_the_run():
    one = Generalist(k=3, n=10, context=10)
    desk = Desk(one.roles, 2)
    assert not one.execute(desk, np.random.default_rng(1)).any()
    assert one.expected().done == 0.0
    assert desk.ledger.sum() == one.expected().ledger.sum() == 0
    many = Routing(k=3, n=10, h=2, context=10)
    desk = Desk(many.roles, 2)
    assert not many.execute(desk, np.random.default_rng(1)).any()
    assert desk.ledger[0].tolist() == many.expected().ledger.tolist()
    assert desk.ledger[0, :, 0].tolist() == [1, 0]
    often = replace(many, nowhere=0.5, attempts=2, votes_d=3, votes_s=5).expected()
    assert (often.calls.mean, often.ledger[:, 0].tolist()) == (4.5, [4.5, 0])
    assert replace(many, serves=(2, 1)).expected().exact_every_run  # whichever specialist does not answer
    many = Routing(k=3, n=10, h=10, context=10)
    desk = Desk(many.roles, 2)
    assert not many.execute(desk, np.random.default_rng(1)).any()
    assert desk.ledger.sum() == many.expected().ledger.sum() == 0
    assert (many.expected().done, many.expected().calls.mean) == (0.0, 0.0)
    assert [replace(each, context=11).expected().done for each in (one, many)] == [1.0, 1.0]  # just long enough


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"serves": (4, 3)}, "serves must add up to the k = 10 tasks, got 7: 3 would be routed to nowhere"),
        ({"serves": (10, 1)}, "got 11: 1 of them do not exist"),
        ({"serves": (10, 0)}, "serves must be whole numbers >= 1"),
        ({"serves": (10,), "wrong": 0.1}, "wrong must be 0 where there is one specialist"),
        ({"m_s": 0.0}, "m_s must be a finite number > 0"),
        ({"m_d": -1}, "m_d must be a finite number > 0"),
        ({"votes_d": 4}, "votes_d must be an odd number"),
        ({"seen": 2}, "seen must be a probability"),
        ({"attempts": 0}, "attempts must be a whole number >= 1"),
        ({"vocabulary": 1}, "vocabulary must be a whole number >= 2"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        Routing(**{"k": 10, "n": 100, "h": 5} | change)


# ------------------------------------------------------------------ errors, by chance

RUNS = 20_000
DKW = math.sqrt(math.log(2 / 1e-6) / (2 * RUNS))
"""Distance of cdfs that 20,000 runs exceed once in a million tests: 0.019."""
ERRING = Routing(
    k=12, n=50, h=4, wrong=0.2, nowhere=0.1, seen=0.7, attempts=4, right=0.95, votes_d=3, votes_s=3, copied=0.4
)


def agrees(program, expected):
    desk = Desk(program.roles, RUNS)
    done = program.execute(desk, np.random.default_rng(1))
    calls = desk.ledger[:, :, 0].sum(axis=1)
    at = np.arange(calls.max() + 1)
    seen = np.searchsorted(np.sort(calls), at, side="right") / RUNS
    distance = np.abs(seen - expected.calls.cdf(at)).max()
    return bool(distance < DKW), binomtest(int(done.sum()), RUNS, expected.done).pvalue > 1e-6


@pytest.mark.statistical
def test_runs_follow_what_is_expected():
    """False-fail rate 2e-6."""
    assert agrees(ERRING, ERRING.expected()) == (True, True)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"wrong": 0.3}, (False, False)),
        ({"nowhere": 0.2}, (False, True)),
        ({"seen": 0.0}, (False, False)),
        ({"right": 0.85}, (True, False)),
        ({"copied": 1.0}, (False, False)),
    ],
)
def test_other_errors_than_expected_are_seen(change, seen):
    assert agrees(replace(ERRING, **change), ERRING.expected()) == seen


def test_a_billion_tasks_of_one_specialist_each_take_no_more_memory_than_one():
    routing = Routing(k=10**9, n=10, h=2)
    assert routing.name_tokens == 2
    done = run_program(routing, 3, np.random.default_rng(1))
    assert done.hit.tolist() == [2, 2, 2]
    assert routing.expected().ledger[1].tolist() == done.ledger[0, 1].tolist()
