"""Lasting judgements against a chain over the kinds of all blocks, call by call, and against simulated texts."""

import math
from itertools import product

import numpy as np
import pytest

from evo.errors import InputError, NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.theory import Start, only_incorrect, uniform_chunk
from evo.theory.calls.acceptance import ahead_error
from evo.theory.problems.lasting_judges import (
    LastingJudge,
    accepted_calls,
    accepted_correct,
    persistent_only_incorrect,
    persistent_uniform,
)

LAWS = {"oracle": persistent_only_incorrect, "uniform": persistent_uniform}
TEXTS = tuple(product((True, False), repeat=2))  # of a block: truly right, judged right


def start_law(k, p0, incorrect):
    """Truth of all blocks with its probability."""
    for truth in product((True, False), repeat=k):
        wrong = truth.count(False)
        if incorrect is None:
            yield truth, p0 ** (k - wrong) * (1 - p0) ** wrong
        elif wrong == incorrect:
            yield truth, 1 / math.comb(k, incorrect)


def text_law(chance, judge):
    """Law of a text that is right with the given chance, and of its verdict."""
    for right, seen in TEXTS:
        yes = 1 - judge.fn if right else judge.fp
        yield (right, seen), (chance if right else 1 - chance) * (yes if seen else 1 - yes)


def offspring(parent, schedule, judge):
    """Solutions that one call makes of a parent, a pair (right, judged right) a block."""
    k = len(parent)
    wrong = [n for n in range(k) if not parent[n][0]]
    for block in wrong[:1] if schedule == "oracle" else range(k):
        for text, chance in text_law(judge.keep if parent[block][0] else judge.fix, judge):
            share = 1.0 if schedule == "oracle" else 1 / k
            yield (*parent[:block], text, *parent[block + 1 :]), share * chance


def optimal(solution):
    return all(right for right, _ in solution)


def seen(solution):
    return sum(judged for _, judged in solution)


def brute_cdf(schedule, judge, k, lam, calls, p0=0.0, incorrect=None):
    """P(hit <= t), t = 0..calls, offspring by offspring: the first of the best seen replaces the parent, if better."""
    begin: dict = {}
    for truth, chance in start_law(k, p0, incorrect):
        texts = [list(text_law(float(right), judge)) for right in truth]
        for choice in product(*texts):
            solution = tuple(text for text, _ in choice)
            begin[solution] = begin.get(solution, 0.0) + chance * math.prod(p for _, p in choice)
    moves = {s: list(offspring(s, schedule, judge)) for s in product(TEXTS, repeat=k) if not optimal(s)}
    state = {(s, s): p for s, p in begin.items() if p > 0.0}  # parent, best offspring so far
    cdf = [sum(p for (s, _), p in state.items() if optimal(s))]
    for call in range(1, calls + 1):
        after: dict = {}
        for (parent, best), chance in state.items():
            for child, share in [(parent, 1.0)] if optimal(parent) else moves[parent]:
                key = (parent, child if seen(child) > seen(best) else best)
                after[key] = after.get(key, 0.0) + chance * share
        cdf.append(sum(p for (_, best), p in after.items() if optimal(best)))
        state = after
        if call % lam == 0:
            state = {}
            for (_, best), chance in after.items():
                state[best, best] = state.get((best, best), 0.0) + chance
    return np.array(cdf)


CASES = {
    "usual": LastingJudge(0.5, 0.5, 0.25, 0.25),
    "keeps": LastingJudge(0.3, 1.0, 0.4, 0.5),
    "loses": LastingJudge(0.6, 0.1, 0.5, 0.7),
    "no_fp": LastingJudge(0.5, 0.2, 0.0, 0.4),
    "no_fn": LastingJudge(0.4, 0.7, 0.3, 0.0),
}
STARTS = {"all": {}, "half": {"p0": 0.5}, "two": {"incorrect": 2}, "one": {"incorrect": 1}}


@pytest.mark.parametrize("schedule", LAWS)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("k", "lam"), [(2, 1), (3, 1), (2, 3), (3, 2)])
def test_both_clocks_against_all_kinds_of_blocks(schedule, start, case, k, lam):
    calls = 12
    exact = brute_cdf(schedule, CASES[case], k, lam, calls, **STARTS[start])
    run = LAWS[schedule](CASES[case], k, Start(k, **STARTS[start]), lam)
    np.testing.assert_allclose(run.hit.cdf(np.arange(calls + 1)), exact, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(run.hit.tail(np.arange(calls + 1)), 1 - exact, rtol=1e-12)
    np.testing.assert_allclose(run.generations.cdf(np.arange(calls // lam + 1)), exact[::lam], rtol=1e-12, atol=1e-14)


@pytest.mark.some(at_least=10)
@pytest.mark.parametrize("schedule", LAWS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("lam", [1, 2])
def test_never_and_moments_are_those_of_the_whole_distribution(schedule, case, lam):
    run = LAWS[schedule](CASES[case], 2, Start(2, p0=0.3), lam)
    never = 1 - brute_cdf(schedule, CASES[case], 2, lam, 400, p0=0.3)[-1]
    assert run.hit.tail(math.inf) == pytest.approx(never, abs=1e-12)
    assert run.generations.tail(math.inf) == pytest.approx(never, abs=1e-12)
    if CASES[case].fp > 0.0:
        assert math.isinf(run.hit.mean)
        assert math.isinf(run.generations.variance)
        assert never > 0.05
        assert run.hit.quantile(1 - 1.01 * never) < math.inf
        assert run.hit.quantile(1 - 0.99 * never) == math.inf
    else:
        tails = 1 - brute_cdf(schedule, CASES[case], 2, lam, 400, p0=0.3)
        assert run.hit.mean == pytest.approx(tails.sum(), rel=1e-10)
        second = (tails * (2 * np.arange(len(tails)) + 1)).sum()
        assert run.hit.variance == pytest.approx(second - tails.sum() ** 2, rel=1e-9)


@pytest.mark.parametrize("schedule", LAWS)
def test_quantiles_are_where_the_cdf_gets_there(schedule):
    run = LAWS[schedule](CASES["usual"], 3, Start(3, incorrect=1), 2)
    cdf = brute_cdf(schedule, CASES["usual"], 3, 2, 60, incorrect=1)
    for u in (0.0, 0.01, 0.1, 0.25, 0.4, 0.45):
        assert run.hit.quantile(u) == np.argmax(cdf >= u)


def test_a_perfect_judge_is_none():
    judge, law = LastingJudge(0.3, 0.6, 0.0, 0.0), IndependentBlocks(0.3, 0.6)
    for lam, start in ((1, Start(5)), (3, Start(5, p0=0.4)), (2, Start(5, incorrect=2))):
        for persistent, plain in ((persistent_only_incorrect, only_incorrect), (persistent_uniform, uniform_chunk)):
            one, other = persistent(judge, 5, start, lam), plain(law, 5, 1, start, lam)
            assert one.hit.mean == pytest.approx(other.hit.mean, rel=1e-12)
            assert one.calls.variance == pytest.approx(other.calls.variance, rel=1e-12)
            assert one.hit.tail(math.inf) == 0.0


@pytest.mark.parametrize("schedule", LAWS)
def test_a_judge_to_whom_nothing_is_right(schedule):
    run = LAWS[schedule](LastingJudge(0.5, 0.5, 0.2, 1.0), 3, Start(3, p0=0.5), 1)
    assert run.hit.cdf([0, 5, math.inf]) == pytest.approx([1 / 8] * 3)
    blind = LAWS[schedule](LastingJudge(0.5, 0.5, 1.0, 0.2), 3, Start(3), 1)
    assert blind.hit.tail(math.inf) == 1.0
    assert math.isinf(blind.hit.mean)
    assert blind.hit.quantile(0.5) == math.inf
    assert LAWS[schedule](LastingJudge(0.5, 0.5, 0.2, 0.2), 3, Start(3, incorrect=0), 1).hit.mean == 0.0


def test_small_errors_keep_their_digits():
    """First order in fp: an open block dies at birth or at its settling, a shaky one if it is called before the end."""
    fp, k = 1e-13, 4
    oracle = persistent_only_incorrect(LastingJudge(0.5, 0.5, fp, 0.2), k, Start(k)).hit
    assert oracle.tail(math.inf) == pytest.approx(k * fp * (1 + 0.5 / 0.4), rel=1e-9)
    # k = 2, one open block, the other shaky w.p. fn
    a, b, fn = 0.5, 0.25, 0.5
    uniform = persistent_uniform(LastingJudge(a, b, fp, fn), 2, Start(2, incorrect=1)).hit
    settle, shake = a * (1 - fn), b * (1 - fn)
    dies = fn * ((1 - a) + (1 - b)) / (settle + shake) + fn * shake / (settle + shake) * (1 - a) / settle
    assert uniform.tail(math.inf) == pytest.approx(fp * (1 + dies + (1 - fn) * (1 - a) / settle), rel=1e-9)


def test_large_runs_and_their_limits():
    judge = LastingJudge(0.5, 0.5, 0.001, 0.1)
    alive = (1 - 0.001) * 0.45 / 0.4505
    run = persistent_uniform(judge, 1000, Start(1000))
    assert run.hit.cdf(math.inf) == pytest.approx(alive**1000, rel=1e-10)
    assert persistent_uniform(judge, 85, Start(85, p0=0.5)).hit.tail(math.inf) < 1 - alive**85
    careful = LastingJudge(0.5, 0.5, 0.0, 0.1)  # 100 x 101 states, if shaky blocks were counted; they decide nothing
    all_drawn = sum(200 / j for j in range(1, 101)) / 0.45
    assert persistent_uniform(careful, 200, Start(200, incorrect=100)).hit.mean == pytest.approx(all_drawn, rel=1e-12)
    with pytest.raises(NoPrediction, match="states"):
        persistent_uniform(careful, 200, Start(200, incorrect=100), lam=2)  # they use up a generation
    half = persistent_uniform(judge, 120, Start(120, incorrect=60)).hit  # 60 x 61 states
    assert 1 - alive**60 < half.tail(math.inf) < 1 - alive**60 + 0.01
    with pytest.raises(NoPrediction, match="states"):
        persistent_uniform(judge, 200, Start(200, p0=0.5))
    hopeless = persistent_only_incorrect(LastingJudge(0.5, 0.5, 0.99, 0.1), 1000, Start(1000)).hit
    assert hopeless.tail(math.inf) == 1.0


def test_the_first_accepted_rewrite():
    error = ahead_error(0.2, 3)
    assert accepted_calls(0.5, error, error) == pytest.approx(2.0, rel=1e-14)  # vote-judge-calls
    assert accepted_correct(0.5, error, error) == pytest.approx(64 / 65, rel=1e-14)
    for right, fp, fn in ((0.3, 0.2, 0.4), (1.0, 0.5, 0.0), (0.1, 0.9, 0.5)):
        accepted = {text: p for text, p in text_law(right, LastingJudge(0, 0, fp, fn)) if text[1]}
        assert accepted_calls(right, fp, fn) == pytest.approx(1 / sum(accepted.values()), rel=1e-14)
        assert accepted_correct(right, fp, fn) == pytest.approx(accepted[True, True] / sum(accepted.values()))
    assert accepted_calls(0.5, 0.0, 1.0) == math.inf
    assert accepted_correct(0.5, 0.0, 1.0) == 0.0


def test_bad_input_is_refused():
    for judge in ((1.1, 0.5, 0, 0), (0.5, -0.1, 0, 0), (0.5, 0.5, math.nan, 0), (0.5, 0.5, 0, 2)):
        with pytest.raises(InputError, match="must be in"):
            LastingJudge(*judge)
    for law in LAWS.values():
        with pytest.raises(InputError, match="start"):
            law(CASES["usual"], 3, Start(4))
        with pytest.raises(InputError, match="lam"):
            law(CASES["usual"], 3, Start(3), 0)


def simulated(judge, k, p0, runs, calls, rng):
    """Hits under UniformChunk, lam = 1, from texts and judgements; `calls` + 1 if later."""

    def judged(right):
        return rng.random(right.shape) < np.where(right, 1 - judge.fn, judge.fp)

    right = rng.random((runs, k)) < p0
    verdict, every = judged(right), np.arange(runs)
    hit = np.where(right.all(axis=1), 0, calls + 1)
    for call in range(1, calls + 1):
        block = rng.integers(k, size=runs)
        text = rng.random(runs) < np.where(right[every, block], judge.keep, judge.fix)
        seen = judged(text)
        taken = seen & ~verdict[every, block]
        right[every[taken], block[taken]] = text[taken]
        verdict[every[taken], block[taken]] = True
        hit = np.where((hit > calls) & right.all(axis=1), call, hit)
    return hit


@pytest.mark.statistical
def test_uniform_against_simulated_texts(request):
    """DKW: the empirical cdf is off by more than sqrt(ln(2/1e-6)/(2 runs)) = 0.0085 somewhere w.p. < 1e-6."""
    rng = np.random.default_rng(None if request.config.getoption("--vary-seed") else 5)
    judge, k, runs, calls = LastingJudge(0.4, 0.3, 0.1, 0.3), 6, 100_000, 150
    hit = simulated(judge, k, 0.5, runs, calls, rng)
    empirical = np.searchsorted(np.sort(hit), np.arange(calls + 1), side="right") / runs
    distance = math.sqrt(math.log(2 / 1e-6) / (2 * runs))
    law = persistent_uniform(judge, k, Start(k, p0=0.5)).hit
    assert np.abs(law.cdf(np.arange(calls + 1)) - empirical).max() < distance
    # that shaky blocks can die is told from that they cannot
    kept = persistent_uniform(LastingJudge(0.4, 1.0, 0.1, 0.3), k, Start(k, p0=0.5)).hit
    assert np.abs(kept.cdf(np.arange(calls + 1)) - empirical).max() > distance
