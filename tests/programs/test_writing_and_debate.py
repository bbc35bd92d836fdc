"""Writing by parts and debates: every call written out token by token, run by run, and what is drawn by its law."""

from dataclasses import replace

import numpy as np
import pytest

from evo.errors import InputError
from evo.programs import ENTRIES, Desk
from evo.statistics import binomial_p_value, dkw_p_value, law_distance, mean_p_value
from evo.theory import Geometric
from problems.systems import BySections, Debate, SummarisedDebate, WholeDrafts

FALSE_FAIL = 1e-6
SECTIONS = BySections(k=5, l=6, o=4, h=7, rounds=2)


class Tokens:
    """Ledgers of roles, one token after the other."""

    def __init__(self, *roles):
        self.rows = {role: dict.fromkeys(ENTRIES, 0) for role in roles}

    def call(self, role, prompt, writes, cached=0):
        row = self.rows[role]
        row["calls"] += 1
        row["prompt_tokens"] += prompt
        row["cached_tokens"] += cached
        for seen in range(prompt, prompt + writes):
            row["generated_tokens"] += 1
            row["pass_tokens"] += seen
            row["pass_tokens_squared"] += seen**2
        return writes

    @property
    def ledger(self):
        return [list(row.values()) for row in self.rows.values()]


def drafts(p):
    tokens = Tokens("writer")
    for _ in range(p.rounds):
        tokens.call("writer", p.h + p.k * p.l, p.k * p.l)
    return tokens.ledger, p.rounds


def sections(p):
    tokens = Tokens("writer", "planner")
    outline = tokens.call("planner", p.h, p.o)
    tokens.rows["planner"]["evaluations"] += p.checked
    for _ in range(p.rounds):
        for _ in range(p.k):
            tokens.call("writer", p.h + outline + p.l, p.l)
    return tokens.ledger, 1 + p.rounds


def debate(p):
    tokens, transcript, read = Tokens("agent"), p.h, 0
    for _ in range(p.rounds):
        for _ in range(p.agents):
            said = tokens.call("agent", transcript, p.u, read if p.cached else 0)
            transcript, read = transcript + said, transcript
    return tokens.ledger, p.rounds * p.agents


def summarised(p):
    tokens = Tokens("agent", "summariser")
    for _ in range(p.rounds):
        said = [tokens.call("agent", p.h + p.s, p.u) for _ in range(p.agents)]
        tokens.call("summariser", p.h + sum(said), p.s)
    return tokens.ledger, 2 * p.rounds


LOOPS = {WholeDrafts: drafts, BySections: sections, Debate: debate, SummarisedDebate: summarised}


def some():
    """The smallest of each, and some at random."""
    rng = np.random.default_rng(7)
    yield from (WholeDrafts(1, 1), BySections(1, 1, 0), Debate(1, 1, 1), SummarisedDebate(1, 1, 1, 1))
    for _ in range(6):
        a, b, c, d, e, f = (int(x) for x in rng.integers(1, 9, 6))
        yield WholeDrafts(k=a, l=b, h=c, rounds=d)
        yield BySections(k=a, l=b, o=c, h=d, rounds=e, checked=bool(f % 2))
        yield Debate(agents=a, rounds=b, u=c, h=d, cached=bool(e % 2))
        yield SummarisedDebate(agents=a, rounds=b, u=c, s=d, h=e)


@pytest.mark.parametrize("program", list(some()), ids=repr)
def test_every_run_is_the_loop_over_tokens(program):
    ledger, steps = LOOPS[type(program)](program)
    desk = Desk(program.roles, runs=3)
    assert program.execute(desk, np.random.default_rng(1)).all()
    expected = program.expected()
    assert expected.exact_every_run
    assert expected.ledger.tolist() == ledger
    assert desk.ledger.tolist() == [ledger] * 3
    assert desk.depth.tolist() == [steps] * 3
    assert (expected.calls.mean, expected.calls.variance) == (sum(row[0] for row in ledger), 0)


def test_an_off_by_one_transcript_is_found():
    """A twin: a debate whose speakers do not read the last message."""

    class Deaf(Debate):
        @property
        def _messages(self):
            return [replace(each, prompt=max(self.h, each.prompt - self.u)) for each in super()._messages]

    desk = Desk(Debate(2, 2, 3).roles, runs=1)
    Deaf(2, 2, 3).execute(desk, np.random.default_rng(1))
    assert desk.ledger.tolist() != [debate(Debate(2, 2, 3))[0]]


def test_sums_are_those_of_theory_18d_and_18c():
    a, r, u, s, h = 7, 5, 11, 9, 13
    n = a * r
    assert Debate(a, r, u, h).expected().ledger[0, 4] == u * (h * n + u * n * (n - 1) // 2) + n * u * (u - 1) // 2
    agents = (h + s) * u + u * (u - 1) // 2
    summary = (h + a * u) * s + s * (s - 1) // 2
    assert SummarisedDebate(a, r, u, s, h).expected().ledger[:, 4].tolist() == [n * agents, r * summary]
    for entry, ratio in ((4, 10), (5, 100)):  # whole drafts against sections: k as l grows, and k^2 for m c^2
        costs = [p.expected().ledger[0, entry] for p in (WholeDrafts(10, 10**5, 50), BySections(10, 10**5, 50, 50))]
        assert costs[0] / costs[1] == pytest.approx(ratio, rel=2e-3)


def test_the_cache_has_all_but_the_last_message():
    prompts, cached = Debate(agents=4, rounds=5, u=10, h=30, cached=True).expected().ledger[0, [2, 6]].tolist()
    assert prompts - cached == 30 + 19 * 10  # the instructions once, and each message but the last once


@pytest.mark.statistical
@pytest.mark.parametrize("right", [0.3, 0.9])
def test_outlines_are_asked_for_until_right(right):
    """False-fail rate 1e-6; 4,000 runs find a cdf that is off by 0.06."""
    program = replace(SECTIONS, right=right)
    desk = Desk(program.roles, runs=4000)
    assert program.execute(desk, np.random.default_rng(3)).all()
    plans = desk.ledger[:, 1, 0].astype(float)
    assert dkw_p_value(4000, law_distance(plans, 4000, Geometric(right))) > FALSE_FAIL
    assert dkw_p_value(4000, law_distance(plans, 4000, Geometric(right - 0.1))) < FALSE_FAIL  # would be found
    assert (desk.ledger[:, 1, 1] == plans).all()
    assert (desk.ledger[:, 0] == sections(SECTIONS)[0][0]).all()
    assert (desk.depth == plans + 2).all()
    assert program.expected().ledger[1, 0] == pytest.approx(1 / right)
    calls, law = plans + 10, program.expected().calls
    assert dkw_p_value(4000, law_distance(calls, 4000, law)) > FALSE_FAIL
    assert mean_p_value(calls.sum(), 4000, law)[0] > FALSE_FAIL
    assert mean_p_value(calls.sum() + 1000 / right, 4000, law)[0] < FALSE_FAIL
    assert not program.expected().exact_every_run


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        (replace(SECTIONS, right=0.7, checked=False), replace(SECTIONS, right=0.8, checked=False)),
        (SummarisedDebate(3, 4, 5, 5, keep=0.97), SummarisedDebate(3, 3, 5, 5, keep=0.97)),
        (SummarisedDebate(1, 1, 5, 5, keep=0.5), SummarisedDebate(1, 1, 5, 5, keep=0.4)),
    ],
)
def test_what_is_lost_is_lost_with_its_probability(program, wrong):
    """False-fail rate 1e-6; 4,000 runs find a share that is off by 0.08."""
    desk = Desk(program.roles, runs=4000)
    right = int(program.execute(desk, np.random.default_rng(5)).sum())
    assert binomial_p_value(right, 4000, program.expected().done) > FALSE_FAIL
    assert binomial_p_value(right, 4000, wrong.expected().done) < FALSE_FAIL


def test_points_of_all_rounds_pass_all_later_summaries():
    """keep^(A R (R+1)/2), by counting; and nothing is lost, or all."""
    summaries = sum(3 for spoken in range(4) for later in range(spoken, 4))
    assert SummarisedDebate(3, 4, 5, 5, keep=0.9).expected().done == pytest.approx(0.9**summaries)
    assert [SummarisedDebate(3, 4, 5, 5, keep=keep).expected().done for keep in (0.0, 1.0)] == [0, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BySections(0, 1, 1), "k must be a whole number >= 1"),
        (lambda: BySections(2, 1, 1, right=0.0), "right must be a finite number > 0"),
        (lambda: Debate(2, 0, 1), "rounds must be a whole number >= 1"),
        (lambda: Debate(2, 1, 1, cached=1), "cached must be True or False"),
        (lambda: SummarisedDebate(2, 1, 1, 0), "s must be a whole number >= 1"),
        (lambda: WholeDrafts(2, 1, m=0.0), "m must be a finite number > 0"),
    ],
)
def test_bad_parameters_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
