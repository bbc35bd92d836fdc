"""Which values each field of a part may have: the words of its refusal, made of the bounds that are checked."""

import re
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

import evo
import operators
import problems
from evo.errors import InputError
from evo.programs import Model
from problems import systems

ONE, CALL = problems.BlockOneMax(4, 2), operators.Resample(0.5)
PARTS = [
    problems.BlockOneMax(4, 2), problems.WeightedBlocks((1, 1, 1, 2), 2), problems.LeadingBlocks(4, 2),
    problems.Jump(4, 2, 2), problems.Trap(4, 2), problems.Needle(4, 2), problems.UnequalBlocks((2, 3, 2, 2)),
    problems.Noisy(ONE, 0.5), problems.Judged(ONE, 0.1, 0.1), problems.Minibatch(ONE, 2),
    problems.TextProblem(("a", "b"), problems.Exact(("c", "d")), 1), problems.Exact(("c", "d")),
    CALL, operators.FixKeep(0.5, 0.5), operators.BetaQuality(2, 1), operators.BetaRunQuality(2, 1),
    operators.BetaBlocks(2, 1), operators.Halving(0.5, 2), operators.Learning(0.1, 0.9, 5),
    operators.Measured({1: 0.5}, {1: 0.5}), operators.Fading(0.5, 0.9, 1), operators.Sparse(CALL, 0.1),
    operators.Refuse(CALL, 0.1), operators.Malformed(CALL, 0.1), operators.Spill(CALL, 0.1),
    operators.Repeating(CALL, 0.1), operators.Misaligned(CALL, 0.1), operators.Vote(CALL, 2), operators.LLM("m"),
    evo.RoundRobin(2), evo.UniformChunk(2), evo.UniformSubset(2), evo.EachChunk(2), evo.AllBlocks(),
    evo.UntilResolved(1), evo.OnlyIncorrect(1), evo.Decomposed(evo.RoundRobin(1), 1),
    evo.OnePlusLambda(2), evo.MuPlusLambda(2, 2), evo.Archive(size=2),
    evo.Islands(count=2, size=2, archive=2, migrate=2),
    evo.MapElites(cells=2, blocks=1), evo.Merged(2), evo.Asynchronous(2), evo.Prompt(), evo.LLMPrimitive(2),
    evo.QuadraticPrimitive(2), evo.TokenPrices(1, 2, unit=1), evo.Budget(), evo.Latency(fixed=1), Model(),
    systems.Debate(2, 2, 3), systems.SummarisedDebate(2, 2, 3, 4), systems.FocusedDebugging(3, 2, 1),
    systems.NaiveDebugging(3, 2, 1), systems.Generalist(3, 5), systems.Routing(3, 5, 2), systems.ReadThenSort(3, 2),
    systems.KnockOut(3, 2), systems.MergeSort(3, 2), systems.OneCallSort(3, 2), systems.BySections(3, 2, 1),
    systems.WholeDrafts(3, 2),
]  # fmt: skip

# classes and fields by what a refusal of theirs says
EXPECTED = {
    "'all' or 'changed'": "Judged: blocks",
    "'chunk' or 'solution'": "Prompt: shows",
    "'count' or 'pattern'": "MapElites: feature",
    "'ignore' or 'down'": "UntilResolved: invalid",
    "'lines' or 'blocks'": "LLM: form",
    "'one' or 'distinct'": "Vote: wrong",
    "'strict' or 'weak' or 'always'": "OnePlusLambda: accept",
    "'uniform' or 'proportional' or 'last'": "Archive: parent",
    "True or False": (
        "Noisy: reevaluate; Judged: persistent reevaluate; Exact: ignore_case; LLM: fresh_seed; Debate: cached; "
        "FocusedDebugging: cache at_once; NaiveDebugging: cache; BySections: checked"
    ),
    "a finite number > 0": (
        "BetaQuality: a b; BetaRunQuality: a b; BetaBlocks: a b; Halving: half; Learning: halfway; TokenPrices: unit; "
        "Model: size; Debate: m; SummarisedDebate: m m_s; FocusedDebugging: m_q m_d halfway m_c; NaiveDebugging: m_q "
        "m_d halfway; Generalist: m_s; Routing: m_s m_d; ReadThenSort: m m_r; KnockOut: m; MergeSort: m; OneCallSort: "
        "m; BySections: m m_o; WholeDrafts: m"
    ),
    "a finite number >= 0": (
        "Noisy: sigma; Fading: exponent; LLM: temperature; LLMPrimitive: m per_call per_evaluation; "
        "QuadraticPrimitive: m per_call per_evaluation; TokenPrices: prompt generated per_call cached reasoning "
        "evaluation; Budget: cost; Latency: fixed per_prompt_token per_generated_token tail evaluation; Generalist: "
        "x; Routing: x"
    ),
    "a probability in [0, 1]": (
        "BlockOneMax: start; WeightedBlocks: start; LeadingBlocks: start; Jump: start; Trap: start; Needle: start; "
        "UnequalBlocks: start; Judged: fp fn; Resample: p; FixKeep: fix keep; Halving: p; Learning: start end; "
        "Measured: rho_fix rho_keep; Fading: fix keep; Sparse: rate; Refuse: rate; Malformed: rate per_block; Spill: "
        "rate; Repeating: rate; Misaligned: rate; Vote: copied; Islands: explore exploit; SummarisedDebate: keep; "
        "FocusedDebugging: miss alarm fix keep p copied fix_end cut_wrong; NaiveDebugging: miss alarm fix keep p "
        "copied fix_end; Generalist: right copied; Routing: wrong nowhere seen right copied; ReadThenSort: e copied "
        "read; KnockOut: e copied; MergeSort: e copied; OneCallSort: p; BySections: right"
    ),
    "a whole number >= 0": (
        "Learning: training; Decomposed: writes head; Islands: migrate; Prompt: head cached reasoning; Debate: h; "
        "SummarisedDebate: h; FocusedDebugging: b head cut memory; NaiveDebugging: b head rounds; ReadThenSort: h; "
        "KnockOut: h; MergeSort: h; OneCallSort: h; BySections: o h; WholeDrafts: h"
    ),
    "a whole number >= 1": (
        "BlockOneMax: k l; WeightedBlocks: l; LeadingBlocks: k l; Jump: k l; Trap: k l; Needle: k l; TextProblem: l; "
        "Misaligned: by; LLM: max_tokens; RoundRobin: g; UniformChunk: g; UniformSubset: g; EachChunk: g; "
        "UntilResolved: g; OnlyIncorrect: g; OnePlusLambda: lam; Islands: count size archive; MapElites: blocks; "
        "Budget: calls evaluations prompt_tokens generated_tokens pass_tokens pass_tokens_squared cached_tokens "
        "reasoning_tokens; Model: context; Debate: agents rounds u; SummarisedDebate: agents rounds u s; "
        "FocusedDebugging: k l u context votes tries; NaiveDebugging: k l u context votes; Generalist: k n o votes "
        "context; Routing: k n h o o_d attempts votes_d votes_s context; ReadThenSort: d ahead v; KnockOut: d ahead; "
        "MergeSort: d ahead; OneCallSort: d w; BySections: k l rounds; WholeDrafts: k l rounds"
    ),
    "a whole number >= 2": "Routing: vocabulary",
    "a whole number from 0 to 4": (
        "BlockOneMax: incorrect; WeightedBlocks: incorrect; LeadingBlocks: incorrect; Jump: incorrect; Trap: "
        "incorrect; Needle: incorrect; UnequalBlocks: incorrect"
    ),
    "a whole number from 1 to 1000": "Judged: samples",
    "a whole number from 1 to 10000": (
        "MuPlusLambda: mu lam; Archive: size lam; MapElites: cells lam; Merged: workers; Asynchronous: workers"
    ),
    "a whole number from 1 to 1000000": "Noisy: samples; Judged: votes ahead; Vote: ahead",
    "a whole number from 1 to 16384": ("ReadThenSort: n; KnockOut: n; MergeSort: n; OneCallSort: n"),
    "a whole number from 1 to 4": "Jump: m; Minibatch: size",
    "a word": "Model: name",
    "a word of at most 8 signs, such as $ or EUR": "TokenPrices: currency",
    "different positions of blocks, from 0 to 1": "TextProblem: right",
    "whole numbers >= 1, the tasks of each specialist": "Routing: serves",
}


def test_each_field_says_what_it_may_be():
    """A bound that moves moves these words, too: both are made of one number."""
    found = {}
    for part in PARTS:
        for name in (field.name for field in fields(part)):
            with pytest.raises(InputError, match=rf"^{type(part).__name__}: ") as refusal:
                replace(part, **{name: [-7.5]})
            if said := re.search(f"{name} must be (.*?), got", str(refusal.value)):
                found[type(part).__name__, name] = said[1]
    for words, classes in EXPECTED.items():
        for kind, names in (each.split(": ") for each in classes.split("; ")):
            assert {found.pop((kind, name)) for name in names.split()} == {words}, (kind, names)
    left = [words for words in found.values() if "number" in words and "numbers" not in words]
    assert left == ["a finite number"]  # the threshold of OnePlusLambda


@pytest.mark.parametrize(
    ("make", "most", "beyond", "said"),
    [
        (lambda each: evo.Latency(fixed=each), 1e9, 1.001e9, "fixed must be at most 1e+09, got 1001000000.0"),
        (lambda each: evo.Latency(evaluation=each), 1e9, 1.1e9, "evaluation must be at most 1e+09, got 1100000000.0"),
        (lambda each: evo.Latency(tail=each), 10, 10.01, "tail must be at most 10, got 10.01"),
        (lambda each: Model(size=each), 1e15, 1.1e15, "size must be at most 1e+15, got 1100000000000000.0"),
        (lambda each: problems.Noisy(ONE, each), 1e100, 1.1e100, "sigma must be at most 1e+100, got 1.1e+100"),
        (
            lambda each: problems.TextProblem(("a",) * each, problems.ByFunction("json:loads"), 1),
            10_000, 10_001, "expected 1 to 10,000 texts, got 10,001",
        ),
        (
            lambda each: evo.Islands(count=each, size=5), 2000, 2001,
            "count x size must be at most 10,000, got 2001 x 5",
        ),
        (lambda each: evo.Islands(explore=each, exploit=0.75), 0.25, 0.251, "must be at most 1, got 0.251 + 0.75"),
        (
            lambda each: evo.TokenPrices(1, 2, unit=1, currency="$" * each), 8, 9,
            "currency must be a word of at most 8 signs, such as $ or EUR, got '$$$$$$$$$'",
        ),
        (lambda each: evo.TokenPrices(0.01, each), 0.01, 0.02, "generated: expected the price of a token, got 0.02"),
        (lambda each: operators.LLM("m" * each), 200, 201, "model must be the name of a model, got 'mmm"),
        (lambda each: evo.Prompt(head=3, cached=each), 3, 4, "cached must be at most head = 3, of which"),
        (lambda each: systems.NaiveDebugging(3, 2, each), 3, 4, "b must be at most k = 3, one bug in a function"),
        (lambda each: evo.MapElites(cells=each).fits(ONE), 5, 6, "at most 5 cells for a count of 4 blocks, got 6"),
        (lambda each: evo.MapElites(cells=2, blocks=each).fits(ONE), 4, 5, "at most k = 4 blocks, got one of 5"),
        (
            lambda each: operators.Vote(CALL, each).fits(4, 1), 316, 317,
            "at most 100,000 votes on average, got 1.005e+05 for an incorrect block with ahead = 317",
        ),
        (
            lambda each: operators.Vote(operators.Resample(1.0), each).fits(4, 1), 100_000, 100_001,
            "at most 100,000 votes on average, got 1e+05 for an incorrect block with ahead = 100001",
        ),
        (
            lambda each: problems.Judged(ONE, 0.0, 0.0, ahead=each), 1000, 1001,
            "Judged: ahead = 1001 takes 1e+03 votes a block on average with fp = 0.0, fn = 0.0; at most 1,000",
        ),
    ],
)  # fmt: skip
def test_the_largest_value_is_taken_and_one_beyond_is_not(make, most, beyond, said):
    make(most)
    with pytest.raises(InputError, match=re.escape(said)):
        make(beyond)


def test_one_text_is_a_problem_and_none_is_not():
    assert problems.TextProblem(("a",), problems.ByFunction("json:loads"), 1).k == 1
    with pytest.raises(InputError, match=r"TextProblem: expected 1 to 10,000 texts, got 0"):
        problems.TextProblem((), problems.ByFunction("json:loads"), 1)


def test_votes_that_never_end_are_refused_in_the_run_that_meets_them_and_not_before(monkeypatch):
    """An incorrect block is never repaired, and no two wrong answers are alike; a correct one takes two votes."""
    monkeypatch.setattr("operators.vote.SOME_VOTES", 5)
    vote = operators.Vote(operators.FixKeep(0.0, 1.0), 2, wrong="distinct")
    vote.fits(4, 1)
    assert [vote.mean_calls(i) for i in (1, 0)] == [np.inf, 2.0]
    assert vote.rewrite(np.array([[True]]), np.random.default_rng(1)).calls.tolist() == [2]
    with pytest.raises(InputError, match="no answer of FixKeep for an incorrect block ever gets 2 ahead"):
        vote.rewrite(np.array([[False]]), np.random.default_rng(1))


@pytest.mark.parametrize("inside", [problems.UnequalBlocks, SimpleNamespace(k=1, l=1, fitness=len), CALL])
def test_a_noisy_problem_looks_at_a_problem(inside):
    with pytest.raises(InputError, match="Noisy: expected a problem to look at, such as BlockOneMax"):
        problems.Noisy(inside, 0.5)


def test_an_answer_repeated_in_part_is_as_malformed_as_its_worst_block():
    part, rng = operators.Repeating(operators.Malformed(CALL, rate=0.5), rate=1.0), np.random.default_rng(1)
    traits = part.draw(1, 3, rng)
    traits[0, 0].answers[:] = [3, 1, 0]  # what was said of block 0 could not be read
    for blocks, valid in (([0, 1], False), ([1, 0], False), ([1, 2], True)):
        chunk = evo.Chunk(np.zeros((1, 2), dtype=np.bool_), np.array([blocks]), np.zeros(1, int), traits=traits)
        assert part.rewrite(chunk, rng).valid.tolist() == [valid]
