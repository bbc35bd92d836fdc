"""Iterative debugging: both systems against single runs on lists of tokens, every branch of which is followed."""

import math
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binomtest

from evo.errors import InputError, NoPrediction
from evo.programs import ENTRIES, Desk
from evo.theory.systems.debugging import debugger_speedup, qa_speedup, system_speedup
from problems.systems import FocusedDebugging, NaiveDebugging

# ------------------------------------------------------------------ one run, token by token


class Coin:
    """Chances are taken one way or the other; every way is gone through in turn."""

    def __init__(self, path):
        self.path, self.weights, self.at = path, [], 0

    def __call__(self, chance):
        if chance in (0, 1):
            return bool(chance)
        if self.at == len(self.path):
            self.path.append(True)
        side = self.path[self.at]
        self.at += 1
        self.weights.append(Fraction(chance) if side else 1 - Fraction(chance))
        return side


class TooLong(Exception):
    pass


class Books:
    """Calls of one run, pass by pass; prompts are lists of tokens, so that what a cache knows can be compared."""

    def __init__(self, context):
        self.context, self.counts, self.known, self.steps = context, {}, {}, 0

    def call(self, role, prompts, writes, votes=1):
        """Some calls at the same time."""
        before = self.known.get(role, [])
        for prompt in prompts:
            if self.context is not None and len(prompt) + writes > self.context:
                raise TooLong
            length = len(prompt)
            sums = self.counts.setdefault(role, [0] * 8)
            for _ in range(votes):
                add = [1, 0, length, writes, 0, 0, common(prompt, before), 0]
                for written in range(writes):
                    add[4] += length + written
                    add[5] += (length + written) ** 2
                self.counts[role] = sums = [a + b for a, b in zip(sums, add, strict=True)]
            self.known[role] = prompt
        self.steps += bool(prompts)


def common(prompt, before):
    length = 0
    while length < min(len(prompt), len(before)) and prompt[length] == before[length]:
        length += 1
    return length


def text(*what, length):
    return [(*what, place) for place in range(length)]


def majority_errs(coin, error, of):
    first = coin(error)
    if of.votes == 1:
        return first
    wrong = int(first) + sum(coin(error) for _ in range(of.votes - 1))
    return first if coin(of.copied) else wrong > of.votes // 2


def fix_chance(of, repairs):
    end = of.fix if of.fix_end is None else of.fix_end
    return (end - (end - of.fix) * 2.0 ** (-repairs / of.halfway)) * of.p**of.l


def naive(of, coin, books):
    """Whether all is right: bugs are in the first functions, the transcript is one list that grows."""
    right = [place >= of.b for place in range(of.k)]
    transcript = text("head", length=of.head) + text("code", 0, length=of.k * of.l)
    for made in range(of.b if of.rounds is None else of.rounds):
        books.call("qa", [transcript], of.u, votes=of.votes)
        bugs = [place for place in range(of.k) if not right[place]]
        found = bool(bugs) and not majority_errs(coin, of.miss, of)
        if not found and not majority_errs(coin, of.alarm, of):
            break
        transcript = transcript + text("message", made, length=of.u)
        books.call("debugger", [transcript], of.k * of.l)
        transcript = transcript + text("code", made + 1, length=of.k * of.l)
        before = list(right)
        if found and coin(fix_chance(of, made)):
            right[bugs[0]] = True
        for place in range(of.k):
            if before[place]:
                right[place] = coin(of.keep * of.p**of.l)
    return all(right)


def placed(of, coin):
    """Whether each function is right at first: bugs anywhere where their order matters, else in the first ones."""
    if of.fix_end is None or not of.alarm:
        return [place >= of.b for place in range(of.k)]
    right = []
    for place in range(of.k):
        right.append(not coin(Fraction(of.b - right.count(False), of.k - place)))
    return right


def focused(of, coin, books):
    right = placed(of, coin)
    head, version, notes, made = text("head", length=of.head), [0] * of.k, [], 0
    if of.cut:
        books.call("cutter", [head + text("code", length=of.k * of.l)], of.cut)
    cut_right = not coin(of.cut_wrong)
    active = list(range(of.k))
    for _ in range(of.tries):
        batches = [active] if of.at_once else [[place] for place in active]
        for batch in batches:
            prompts = [head + text(place, version[place], length=of.l) for place in batch]
            books.call("qa", prompts, of.u, votes=of.votes)
        reported = [
            place
            for place in active
            if (majority_errs(coin, of.alarm, of) if right[place] else not majority_errs(coin, of.miss, of))
        ]
        for batch in [reported] if of.at_once else [[place] for place in reported]:
            prompts = [
                head + notes + text(place, version[place], length=of.l) + text("message", place, length=of.u)
                for place in batch
            ]
            books.call("debugger", prompts, of.l + of.memory)
            notes = notes + text("note", made, length=of.memory)
            for place in batch:
                right[place] = coin(of.keep * of.p**of.l if right[place] else fix_chance(of, made))
                version[place] += 1
                made += 1
        active = reported
    return all(right) and cut_right


def run_once(program, coin):
    books = Books(program.context)
    try:
        done = (naive if isinstance(program, NaiveDebugging) else focused)(program, coin, books)
    except TooLong:
        done = False
    names = [role.name for role in program.roles]
    ledger = np.array([books.counts.get(name, [0] * 8) for name in names])
    if not program.cache:
        ledger[:, 6] = 0
    return ledger, done, books.steps


def every_run(program, most=500):
    """All runs with their probabilities; None if there are more than that."""
    path, runs = [], []
    while True:
        coin = Coin(path)
        found = run_once(program, coin)
        runs.append((math.prod(coin.weights, start=Fraction(1)), *found))
        del path[coin.at :]
        while path and not path[-1]:
            path.pop()
        if not path:
            return runs
        path[-1] = False
        if len(runs) > most:
            return None


def executed(program, runs, seed=1):
    desk = Desk(program.roles, runs)
    done = program.execute(desk, np.random.default_rng(seed))
    return desk, done


# ------------------------------------------------------------------ parameters


def drawn(seed, sure):
    """A program of either kind; every chance 0 or 1 if `sure`."""
    rng = random.Random(seed)
    chance = (lambda: rng.choice((0, 0, 1))) if sure else (lambda: rng.choice((0, 0, 0, 1, 0.25, 0.75)))
    kind = rng.choice((NaiveDebugging, FocusedDebugging))
    most = 5 if sure else 3
    k = rng.randint(1, most)
    b = rng.choice((0, k, rng.randint(0, k)))
    fields = dict(
        k=k,
        l=rng.choice((1, rng.randint(1, 5))),
        b=b,
        u=rng.choice((1, 3)),
        head=rng.choice((0, 4)),
        context=rng.choice((None, None, None, rng.randint(1, 60))),
        cache=rng.random() < 0.5,
        miss=chance(),
        alarm=chance(),
        fix=1 - chance(),
        keep=1 - chance(),
        p=rng.choice((1, 0)) if sure else rng.choice((1, 1, 0.5)),
        votes=rng.choice((1, 3)) if sure or k == 1 else 1,
        copied=rng.choice((0.0, 0.5)),
    )
    if kind is NaiveDebugging:
        fields["rounds"] = rng.choice((None, b + 1, 0, 3))
        if not sure and rng.random() < 0.3:
            fields |= {"fix_end": 1 - chance(), "halfway": 2.0}
        return kind(**fields)
    fields["tries"] = rng.choice((1, 1, 2, 3)) if sure else rng.choice((1, 1, 2))
    fields["cut"] = rng.choice((0, 0, 4))
    fields["cut_wrong"] = chance() if fields["cut"] else 0.0
    fields["at_once"] = rng.random() < 0.4
    fields["memory"] = 0 if fields["at_once"] else rng.choice((0, 0, 2))
    if not sure and not fields["at_once"] and rng.random() < 0.5:
        fields |= {"fix_end": 1 - chance(), "halfway": 2.0}
    return kind(**fields)


# ------------------------------------------------------------------ exact


@pytest.mark.parametrize("seed", range(4))
def test_what_cannot_vary_is_exact_to_the_last_token(seed):
    """Hundreds of programs all of whose chances are 0 or 1: executed, expected and token by token."""
    exact = 0
    for each in range(100):
        program = drawn(1000 * seed + each, sure=True)
        ledger, done, steps = run_once(program, Coin([]))
        desk, right = executed(program, 3)
        assert (desk.ledger == ledger).all(), program
        assert (right == done).all(), program
        assert (desk.depth == steps).all(), program
        try:
            expected = program.expected()
        except NoPrediction:
            assert program.memory
            assert program.context is not None
            continue
        exact += expected.exact_every_run
        assert expected.ledger.tolist() == ledger.tolist(), program
        assert expected.done == done, program
        assert expected.calls.mean == ledger[:, 0].sum()
    assert exact >= 90


def assert_is_of(expected, runs, program):
    """That what is expected is what all runs, with their probabilities, come to."""
    assert sum(weight for weight, *_ in runs) == 1
    mean = sum(float(weight) * ledger for weight, ledger, _, _ in runs)
    assert expected.ledger == pytest.approx(mean, rel=1e-9, abs=1e-9), program
    assert expected.done == pytest.approx(float(sum(weight for weight, _, done, _ in runs if done)), abs=1e-9)
    most = max(int(ledger[:, 0].sum()) for _, ledger, _, _ in runs)
    for t in range(most + 1):
        below = float(sum(weight for weight, ledger, _, _ in runs if ledger[:, 0].sum() <= t))
        assert float(expected.calls.cdf(t)) == pytest.approx(below, abs=1e-9), (program, t)


ERRING = {"miss": 0.25, "alarm": 0.25, "fix": 0.5, "fix_end": 1.0, "keep": 0.75, "l": 1}


@pytest.mark.parametrize(
    "program",
    [
        FocusedDebugging(k=2, b=1, tries=2, **ERRING),
        FocusedDebugging(k=2, b=2, tries=2, memory=2, cache=True, **ERRING),
        FocusedDebugging(k=1, b=1, tries=3, **ERRING),
        FocusedDebugging(k=1, b=0, tries=3, cut=2, cut_wrong=0.5, **ERRING),
    ],
    ids=repr,
)
def test_learning_with_tries_and_false_alarms_is_that_of_all_branches(program):
    runs = every_run(program, most=5000)
    assert len(runs) > 10
    assert_is_of(program.expected(), runs, program)
    with pytest.raises(AssertionError):  # the twin: what it would be without false alarms
        assert_is_of(replace(program, alarm=0.0).expected(), runs, program)


@pytest.mark.parametrize("seed", range(3))
def test_means_are_those_of_all_branches(seed):
    """Every branch of hundreds of small programs that err: mean ledger, chance to be done, law of the calls."""
    compared = varied = 0
    for each in range(100):
        program = drawn(50_000 + 1000 * seed + each, sure=False)
        runs = every_run(program)
        if runs is None:
            continue
        try:
            expected = program.expected()
        except NoPrediction:
            assert program.memory
            assert program.context is not None
            continue
        assert_is_of(expected, runs, program)
        compared += 1
        varied += len({tuple(ledger.ravel()) for _, ledger, _, _ in runs}) > 1
        assert expected.exact_every_run or len(runs) > 1
    assert compared >= 60
    assert varied >= 20


REFERENCE = [
    # (role, squared, k, l, b, u, value), one token after the other elsewhere
    ("qa", False, 10, 20, 5, 1, 3010),
    ("qa", False, 6, 10, 6, 3, 3933),
    ("qa", True, 10, 20, 5, 1, 2216030),
    ("qa", True, 6, 10, 6, 3, 1067745),
    ("debugger", True, 6, 10, 6, 3, 26775420),
]
REFERENCE_FOCUSED = [("debugger", False, 1050), ("qa", True, 2190), ("debugger", True, 18870)]


def cost(program, squared=False):
    passes = program.expected().ledger[:, ENTRIES.index("pass_tokens_squared" if squared else "pass_tokens")]
    return dict(zip([role.name for role in program.roles], passes.tolist(), strict=True))


@pytest.mark.parametrize(("role", "squared", "k", "l", "b", "u", "value"), REFERENCE)
def test_reference_values_of_the_naive_system(role, squared, k, l, b, u, value):
    assert cost(NaiveDebugging(k=k, l=l, b=b, u=u), squared)[role] == value


@pytest.mark.parametrize(("role", "squared", "value"), REFERENCE_FOCUSED)
def test_reference_values_of_the_focused_system(role, squared, value):
    assert cost(FocusedDebugging(k=6, l=10, b=6, u=3), squared)[role] == value


@pytest.mark.parametrize(("k", "l", "b", "u", "value"), [(10, 20, 5, 1, 217.08), (6, 10, 6, 3, 75.266826923076923077)])
def test_reference_values_of_the_whole_system(k, l, b, u, value):
    sizes = dict(k=k, l=l, b=b, u=u)
    ratio = sum(cost(NaiveDebugging(**sizes)).values()) / sum(cost(FocusedDebugging(**sizes)).values())
    assert ratio == pytest.approx(value, rel=1e-12)
    assert system_speedup(**sizes) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_sums_of_theory_12c_and_12d(seed):
    rng = random.Random(seed)
    for _ in range(50):
        k, l, u = rng.randint(1, 50), rng.randint(1, 40), rng.randint(1, 9)
        b = rng.randint(0, k)
        n = k * l
        w, s1, s2 = n + u, b * (b + 1) // 2, b * (b + 1) * (2 * b + 1) // 6
        program = NaiveDebugging(k=k, l=l, b=b, u=u)
        linear, squared = cost(program), cost(program, squared=True)
        assert linear["qa"] * 2 == u * ((n + u) * b * (b + 1) - 2 * b * u) + b * u * (u - 1)
        assert linear["debugger"] * 2 == n * (n + u) * b * (b + 1) + b * n * (n - 1)
        assert squared["debugger"] == n * w**2 * s2 + w * n * (n - 1) * s1 + b * (n - 1) * n * (2 * n - 1) // 6
        assert squared["qa"] == (
            u * (w**2 * s2 - 2 * u * w * s1 + b * u**2)
            + u * (u - 1) * (w * s1 - b * u)
            + b * (u - 1) * u * (2 * u - 1) // 6
        )
        small = cost(FocusedDebugging(k=k, l=l, b=b, u=u))
        assert small["qa"] * 2 == k * (2 * l * u + u * (u - 1))
        assert small["debugger"] * 2 == b * (3 * l**2 + (2 * u - 1) * l)
        if b:
            ratio = Fraction(n * (n + u) * (b + 1) + n * (n - 1), 3 * l**2 + (2 * u - 1) * l)
            assert debugger_speedup(k, l, b, u) == pytest.approx(float(ratio), rel=1e-12)
            exact = Fraction(b * (b + 1), 2) + Fraction(b * (b - 1), 2 * k * l)
            assert qa_speedup(k, l, b) == pytest.approx(float(exact), rel=1e-12)


def test_leading_terms_of_theory_12():
    """The table at the end of section 12, at l so large that the rest is below a thousandth."""
    k, l, b = 20, 10**5, 8
    ratio = debugger_speedup(k, l, b)
    assert ratio == pytest.approx(k**2 * (b + 2) / 3, rel=1e-3)
    whole, one = NaiveDebugging(k=k, l=2000, b=b), FocusedDebugging(k=k, l=2000, b=b)
    squares = cost(whole, squared=True)["debugger"] / cost(one, squared=True)["debugger"]
    assert squares == pytest.approx(k**3 * (b**2 + 3 * b + 3) / 7, rel=3e-3)
    read, written = whole.expected().ledger[1, 2:4]
    assert (read, written) == (pytest.approx(b * (b + 1) / 2 * k * 2000, rel=1e-3), b * k * 2000)
    assert one.expected().ledger[1, 2:4].sum() == pytest.approx(2 * b * 2000, rel=1e-3)


def test_the_whole_systems_ratio_is_linear_in_k_in_the_end():
    """Theory 13.11: reading the code once dominates the focused system once k is far above b l."""
    assert system_speedup(10**4, 50, 5) == pytest.approx(8.43e6, rel=1e-3)
    assert debugger_speedup(10**4, 50, 5) == pytest.approx(2.32e8, rel=3e-3)
    exponent = math.log2(system_speedup(2 * 10**6, 50, 5) / system_speedup(10**6, 50, 5))
    assert exponent == pytest.approx(1.0, abs=1e-3)
    assert math.log2(debugger_speedup(2 * 10**6, 50, 5) / debugger_speedup(10**6, 50, 5)) == pytest.approx(2, abs=1e-3)


# ------------------------------------------------------------------ what else there is


def test_the_context_ends_the_naive_system_and_not_the_focused_one():
    """n = 200 tokens of code in 1,000 of context: round 4 reads 804 and writes 200 more; 804 + 200 > 1000."""
    naive_one, focused_one = (
        NaiveDebugging(k=10, l=20, b=5, context=1000),
        FocusedDebugging(k=10, l=20, b=5, context=41),
    )
    desk, done = executed(naive_one, 4)
    assert not done.any()
    assert not desk.running.any()
    assert desk.ledger[0, :, 0].tolist() == [4, 3]
    assert naive_one.expected().done == 0.0
    assert naive_one.expected().source.endswith("a context of 1,000 tokens that holds 3 of 5 rounds")
    assert "context" not in replace(naive_one, context=5 * 201 + 200).expected().source
    assert naive_one.expected().ledger[:, 0].tolist() == [4, 3]
    assert replace(naive_one, context=5 * 201 + 200).expected().done == 1.0
    assert executed(focused_one, 4)[1].all()
    assert not executed(replace(focused_one, context=40), 4)[1].any()
    longer = replace(naive_one, rounds=7).expected().source
    assert longer.endswith("a context of 1,000 tokens that holds 3 of 7 rounds")


def test_notes_and_cuts_up_to_the_last_token_of_the_context():
    """The sixth repair reads 1 + 2 + 3 tokens and five notes of 4, and writes 2 + 4: 32 tokens."""
    noting = FocusedDebugging(k=3, l=2, b=3, u=3, head=1, memory=4, tries=2, fix=0.5, context=32)
    assert noting.expected().ledger[1, 0] > 3
    with pytest.raises(NoPrediction, match="notes may outgrow the context"):
        replace(noting, context=31).expected()
    cutting = FocusedDebugging(k=1, l=2, b=0, cut=1, cut_wrong=0.25, context=3)  # no repair has room: none is asked for
    assert cutting.expected().done == 0.75
    varying = FocusedDebugging(k=3, l=2, b=1, cut=1, fix=0.5, tries=2).expected()
    assert varying.calls.mean == pytest.approx(varying.ledger[:, 0].sum(), rel=1e-12)


def test_a_cache_lowers_the_constant_and_leaves_the_exponent():
    """Theory 18f: the naive debugger reads b(b+1)/2 versions, of which b are new."""
    n, u, b = 200, 1, 40
    ledger = NaiveDebugging(k=40, l=5, b=b, cache=True).expected().ledger
    read, cached = (ledger[1, ENTRIES.index(entry)] for entry in ("prompt_tokens", "cached_tokens"))
    assert read - cached == b * (n + u)
    assert read == (n + u) * b * (b + 1) // 2
    assert ledger[0, ENTRIES.index("prompt_tokens")] - ledger[0, ENTRIES.index("cached_tokens")] == b * n + (b - 1) * u


def test_success_a_step_is_p_to_the_number_of_tokens():
    """A whole rewrite is right w.p. p^n, that of a function w.p. p^l."""
    k, l, p = 8, 25, 0.999
    assert NaiveDebugging(k=k, l=l, b=1, p=p).expected().done == pytest.approx(p ** (k * l))
    assert FocusedDebugging(k=k, l=l, b=1, p=p).expected().done == pytest.approx(p**l)
    assert FocusedDebugging(k=k, l=l, b=k, p=p).expected().done == pytest.approx(p ** (k * l))


def test_repairs_until_all_is_right_are_negative_binomial():
    """Rounds far beyond need: b bugs take NB(b, fix) repairs, b/fix on average, and one more look."""
    looks, repairs = NaiveDebugging(k=6, l=1, b=4, fix=0.5, rounds=200).expected().ledger[:, 0]
    assert (looks, repairs) == (pytest.approx(9), pytest.approx(8))
    looks, repairs = FocusedDebugging(k=6, l=1, b=4, fix=0.5, tries=200).expected().ledger[:, 0]
    assert (looks, repairs) == (pytest.approx(6 + 8), pytest.approx(8))


def test_votes_help_against_errors_of_their_own_and_not_against_copied_ones():
    one = FocusedDebugging(k=50, l=10, b=5, alarm=0.1, miss=0.1, keep=0.5)
    three, same = replace(one, votes=3), replace(one, votes=3, copied=1.0)
    assert one.expected().done < three.expected().done
    assert same.expected().done == pytest.approx(one.expected().done)
    assert three.expected().ledger[0, 0] == 3 * 50


def test_calls_at_once_take_two_steps_and_find_nothing_in_the_cache():
    one = FocusedDebugging(k=30, l=10, b=4, head=100, cache=True)
    alone, together = executed(one, 2)[0], executed(replace(one, at_once=True), 2)[0]
    assert alone.depth.tolist() == [34, 34]
    assert together.depth.tolist() == [2, 2]
    assert executed(NaiveDebugging(k=30, l=10, b=4), 2)[0].depth.tolist() == [8, 8]
    cached = ENTRIES.index("cached_tokens")
    assert together.ledger[:, :, cached].sum() == 0
    assert alone.ledger[0, :, cached].tolist() == [29 * 100, 3 * 100]


def test_cutting_the_code_by_a_call_costs_more_than_all_the_rest():
    """Section 5.3: to write a token a function after reading n = k l is k^2 l passes, QA k l, repairs (3/2) b l^2."""
    found = cost(FocusedDebugging(k=100, l=20, b=5, cut=100))
    assert found["cutter"] == 100 * 2000 + 100 * 99 // 2
    assert found["cutter"] > 10 * (found["qa"] + found["debugger"])
    assert FocusedDebugging(k=10, l=20, b=5, cut=10, cut_wrong=0.25).expected().done == 0.75


def test_notes_bring_the_square_of_b_back():
    """Repair c reads c notes of 10 tokens for each token it writes: b^2/2 of that."""
    plain, noted = (cost(FocusedDebugging(k=200, l=20, b=200, memory=memory))["debugger"] for memory in (0, 10))
    assert noted == sum((20 + 1 + 10 * c) * 30 + 30 * 29 // 2 for c in range(200))
    assert noted > 10 * plain


def test_a_debugger_that_learns_is_right_more_often():
    plain = FocusedDebugging(k=10, l=5, b=4, fix=0.5)
    learned = replace(plain, fix_end=1.0, halfway=1.0)
    assert plain.expected().done == 0.5**4
    assert learned.expected().done == pytest.approx(0.5 * 0.75 * 0.875 * 0.9375)
    tried = replace(learned, tries=2)
    assert tried.expected().done > learned.expected().done
    assert replace(tried, alarm=0.1, keep=0.5).expected().done < tried.expected().done
    with pytest.raises(NoPrediction, match="2 tries with false alarms are too many to follow"):
        replace(tried, k=1000, alarm=0.1).expected()
    with pytest.raises(NoPrediction, match="too many repairs"):
        replace(tried, k=1000, b=1000).expected()
    with pytest.raises(NoPrediction, match="too many to follow"):
        replace(learned, k=1000, b=1000).expected()
    with pytest.raises(NoPrediction, match="notes after thousands of repairs: the law of their number is too long"):
        replace(plain, fix=1e-6, tries=10**5, memory=5).expected()


def test_a_debugger_that_learns_nothing_new_is_the_plain_one():
    """The chain of repairs beside functions taken by themselves."""
    for alarm, tries in ((0.0, 3), (0.2, 1), (0.2, 2)):
        plain = FocusedDebugging(k=20, l=3, b=6, miss=0.1, alarm=alarm, fix=0.6, keep=0.9, tries=tries, cut=3, votes=3)
        chain, alone = replace(plain, fix_end=0.6).expected(), plain.expected()
        assert chain.ledger == pytest.approx(alone.ledger, rel=1e-12)
        assert chain.done == pytest.approx(alone.done, rel=1e-12)
        assert chain.calls.cdf(np.arange(300)) == pytest.approx(alone.calls.cdf(np.arange(300)), abs=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"b": 11}, "b must be at most k = 10"),
        ({"l": 0}, "l must be a whole number >= 1"),
        ({"m_d": -1.0}, "m_d must be a finite number > 0"),
        ({"votes": 2}, "votes must be an odd number"),
        ({"keep": 1.5}, "keep must be a probability"),
        ({"context": 0}, "context must be a whole number >= 1"),
        ({"cut_wrong": 0.1}, "expected cut >= 1"),
        ({"at_once": True, "fix_end": 1.0}, "expected at_once = False"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        FocusedDebugging(**{"k": 10, "l": 20, "b": 5} | change)


# ------------------------------------------------------------------ errors, by chance

RUNS = 20_000
DKW = math.sqrt(math.log(2 / 1e-6) / (2 * RUNS))
"""Distance of cdfs that 20,000 runs exceed once in a million tests: 0.019."""
ERRING = [
    NaiveDebugging(k=12, l=3, b=5, miss=0.1, alarm=0.2, fix=0.7, keep=0.98, rounds=12, votes=3, copied=0.3),
    NaiveDebugging(k=12, l=3, b=5, miss=0.05, fix=0.3, fix_end=0.9, halfway=3.0, rounds=15, context=400),
    FocusedDebugging(k=40, l=3, b=10, miss=0.1, alarm=0.1, fix=0.7, keep=0.9, p=0.99, tries=3),
    FocusedDebugging(k=40, l=3, b=4, alarm=0.05, fix=0.9, keep=0.5, votes=3, copied=0.5, cut=5, cut_wrong=0.1),
    FocusedDebugging(k=40, l=3, b=8, miss=0.02, fix=0.4, fix_end=0.95, halfway=4.0, tries=3),
    FocusedDebugging(k=12, l=3, b=4, alarm=0.3, fix=0.4, fix_end=1.0, halfway=2.0, keep=0.95),
]


def agrees(program, expected):
    """Law of the calls by DKW and the share that is done by its binomial, each wrongly refused once in a million."""
    desk, done = executed(program, RUNS)
    calls = desk.ledger[:, :, 0].sum(axis=1)
    at = np.arange(calls.max() + 1)
    seen = np.searchsorted(np.sort(calls), at, side="right") / RUNS
    distance = np.abs(seen - expected.calls.cdf(at)).max()
    return bool(distance < DKW), binomtest(int(done.sum()), RUNS, expected.done).pvalue > 1e-6


@pytest.mark.statistical
@pytest.mark.parametrize("program", ERRING, ids=lambda program: type(program).__name__)
def test_runs_follow_what_is_expected(program):
    """False-fail rate 2e-6 each."""
    assert agrees(program, program.expected()) == (True, True)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("number", "change", "seen"),
    [
        (0, {"miss": 0.2}, (False, False)),
        (0, {"keep": 0.9}, (False, False)),
        (1, {"halfway": 6.0}, (False, False)),
        (2, {"alarm": 0.13}, (False, True)),
        (2, {"fix": 0.6}, (False, False)),
        (3, {"cut_wrong": 0.2}, (True, False)),
        (3, {"copied": 0.0}, (False, False)),
        (4, {"halfway": 6.0}, (False, False)),
        (4, {"tries": 4}, (False, False)),
        (5, {"halfway": 3.0}, (True, False)),
    ],
)
def test_other_errors_than_expected_are_seen(number, change, seen):
    """The twin: runs of a program that errs otherwise, against what was expected of this one."""
    assert agrees(replace(ERRING[number], **change), ERRING[number].expected()) == seen


class Forgetful(NaiveDebugging):
    """Its debugger reads no messages but the last: an off-by-one of a transcript."""

    def _repair(self, desk, i, where):
        desk.call("debugger", self.head + i * self.n + self.u, self.n, where=where)


def test_a_transcript_that_lacks_a_message_is_seen():
    program = Forgetful(k=3, l=4, b=2)
    desk, _ = executed(program, 1)
    assert desk.ledger[0].tolist() != program.expected().ledger.tolist()
    assert desk.ledger[0].tolist() != run_once(program, Coin([]))[0].tolist()
