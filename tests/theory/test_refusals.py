"""What no formula is asked for in vain: each refusal of a theory, with the number in it that was asked for."""

import importlib
import inspect
import math
import pkgutil
from functools import partial

import numpy as np
import pytest

from evo import theory
from evo.engine.law.gains import gains_of_chunk
from evo.engine.law.levels import check_levels
from evo.errors import InputError, NoPrediction
from evo.laws.by_chunk import ByChunk
from evo.laws.counts import IndependentBlocks
from evo.laws.mixtures import Invalid, Mixture
from evo.laws.special import (
    BetaBlocksLaw,
    LearningLaw,
    MisalignedLaw,
    PerBlockLaw,
    RepeatingLaw,
    RunQualityLaw,
    SpillLaw,
)
from evo.theory import Geometric, NegativeBinomial, Start
from evo.theory.calls.gains import check_run
from evo.theory.calls.minibatch import minibatch_moves
from evo.theory.calls.offspring_counts import subset_offspring
from evo.theory.calls.voting import judge_least_ahead, least_ahead, mean_votes, task_success, win_probability
from evo.theory.chains.explore import explored
from evo.theory.numeric.beta import BetaNodes
from evo.theory.operators.difficulty import _OwnSums, beta_all_blocks, beta_round_robin
from evo.theory.operators.learning import learning_all_blocks
from evo.theory.operators.per_block import blocks_all_at_once
from evo.theory.problems.archives import Keeper, archive_run
from evo.theory.problems.enumeration import BlockCall
from evo.theory.problems.lasting_judges import LastingJudge
from evo.theory.quality.in_turn import beta_in_turn, blocks_in_turn, chunks_in_turn
from evo.theory.quality.law import where_it_is
from evo.theory.quality.no_evaluator import accepted_in_turn
from evo.theory.quality.stored import stored_fitness
from evo.theory.quality.whole import MOST_LEARNED, learned, sampled, sampled_blocks
from evo.theory.schedules.misread import until_misread
from evo.theory.schedules.poisson import PoissonTime
from evo.theory.schedules.round_robin import round_robin
from evo.theory.systems.debugging import (
    focused_debugger,
    focused_qa,
    naive_debugger,
    naive_qa,
    qa_speedup,
    system_speedup,
)
from evo.theory.systems.repairs import whole_rewrites
from evo.theory.systems.routing import routing_speedup, saturation
from evo.theory.systems.sorting import least_lead, mean_comparisons_between, rounds
from evo.theory.systems.training import runs_to_pay, runs_to_vanish
from evo.theory.times.at_times import LawAtTimes
from evo.theory.times.derived import InRounds
from evo.theory.times.law import GivenTail

HALF = IndependentBlocks(0.5, 0.5)
TWO = PerBlockLaw((0.5, 0.25))
SOME = LawAtTimes(np.array([0.0, 2.0, np.inf]), np.array([0.0, 0.5, 1.0]), 3.0)
MIXED, NEVER = IndependentBlocks(0.5, 0.9), IndependentBlocks(1e-160, 0.5)
RARE = Invalid(0.1, IndependentBlocks(1.7e-7, 0.5))
SLOW = beta_round_robin(BetaBlocksLaw(1.0005, 1.0), 4, Start(4))
MANY = subset_offspring(HALF, 60, 1)
COUNTS = subset_offspring(HALF, 2, 1)
LAST = learned(LearningLaw(0.5, 0.5, 10), 2, Start(2))


def in_a_row(states):
    """The chain of so many steps, each taken w.p. 1/2."""
    return explored({1: 1.0}, lambda n: [(1, n + 1 if n < states else None, 0.5)], most=states).process.chain


def harmonic(t):
    """A tail of finite mean that falls too slowly to be summed."""
    return (1.0 + t) ** -1.01


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda: Mixture((0.5,), (HALF, HALF)), InputError, r"a weight for each law, got \(0.5,\) for 2 laws"),
        (lambda: Mixture((), ()), InputError, r"a weight for each law, got \(\) for 0 laws"),
        (lambda: Mixture((0.5, 0.6), (HALF, HALF)), InputError, r"that sum to 1, got \(0.5, 0.6\)"),
        (lambda: Mixture((1.5, -0.5), (HALF, HALF)), InputError, r"weights >= 0 that sum to 1, got \(1.5, -0.5\)"),
        (lambda: ByChunk({}), InputError, r"ByChunk: expected a law for each length of chunk, .*, got \{\}"),
        (lambda: ByChunk({0: HALF}), InputError, r"ByChunk: expected a law for each length of chunk, .*, got \{0: "),
        (
            lambda: ByChunk({1: 0.5}),
            InputError,
            r"ByChunk: expected a law for each length of chunk, .*, got \{1: 0.5\}",
        ),
        (
            lambda: ByChunk({1: HALF, 3: HALF}).pmf(2, 1),
            NoPrediction,
            r"g = 2 blocks is not declared, only .* \[1, 3\]",
        ),
        (lambda: minibatch_moves(HALF, 4, 1, 5, False), InputError, "a sample of 1 to k = 4 blocks, got 5"),
        (lambda: minibatch_moves(HALF, 4, 1, 0, False), InputError, "a sample of 1 to k = 4 blocks, got 0"),
        (lambda: BetaNodes.of(1.0, 1.0, down=1e-7), NoPrediction, r"Beta\(1, 1\) takes more than 2097152 nodes"),
        (lambda: beta_all_blocks(BetaBlocksLaw(1.01, 99), 200, Start(200)), NoPrediction, "annealed mean or variance"),
        (lambda: blocks_all_at_once(PerBlockLaw((1e-200,) * 2), 2, Start(2)), NoPrediction, "product of all p_j is"),
        (lambda: blocks_all_at_once(TWO, 3, Start(3)), NoPrediction, "p has 2 entries for k = 3 blocks"),
        (lambda: blocks_in_turn(TWO, 3, Start(3)), NoPrediction, "p has 2 entries for k = 3 blocks"),
        (lambda: sampled_blocks(TWO, 3, Start(3)), NoPrediction, "p has 2 entries for k = 3 blocks"),
        (lambda: sampled(IndependentBlocks(0.3, 0.6), 3, Start(3)), NoPrediction, "the same of every parent"),
        (lambda: stored_fitness(COUNTS, math.nan, Start(2)), InputError, "sigma >= 0 .*, got sigma=nan, m=1"),
        (lambda: stored_fitness(COUNTS, -1.0, Start(2)), InputError, r"sigma >= 0 .*, got sigma=-1.0, m=1"),
        (lambda: stored_fitness(COUNTS, 0.0, Start(2), m=0), InputError, "whole number m >= 1, got sigma=0.0, m=0"),
        (lambda: stored_fitness(COUNTS, 0.0, Start(3)), InputError, r"probabilities \[4, 4\], got shape \(3, 3\)"),
        (lambda: blocks_in_turn(TWO, 2, Start(2, incorrect=1)), NoPrediction, "blocks independent at the start"),
        (lambda: beta_in_turn(BetaBlocksLaw(2, 1), 2, Start(2, incorrect=1)), NoPrediction, "independent at the start"),
        (lambda: accepted_in_turn(HALF, 4, 2, Start(4, incorrect=1)), NoPrediction, "independent at the start"),
        (lambda: LAST.after([MOST_LEARNED + 1]), NoPrediction, f"over {MOST_LEARNED + 1} generations of a mutator"),
        (lambda: rounds(1025), NoPrediction, "computed for n <= 1,024, got n = 1,025"),
        (lambda: rounds(4, 0.25), NoPrediction, "with errors, e = 0.25, the law is known for e = 1/2 and 1 alone"),
        (lambda: least_lead(4, 0.5, 0.9), InputError, "got e = 0.5, target = 0.9; at e = 1/2 no lead helps"),
        (lambda: least_lead(4, 0.2, 0.0), InputError, "got e = 0.2, target = 0.0; at"),
        (lambda: least_lead(4, 0.2, 1.0), InputError, "got e = 0.2, target = 1.0; at"),
        (lambda: Invalid(-0.1, HALF), InputError, r"rate must be a probability in \[0, 1\], got -0.1"),
        (lambda: Invalid(0.1, HALF, 1.5), InputError, r"per_block must be a probability in \[0, 1\], got 1.5"),
        (lambda: least_lead(4, 0.4999999, 0.9), InputError, "no lead up to 1,000 reaches 0.9 with e = 0.4999999"),
        (
            lambda: whole_rewrites(2000, 3, 0.0, 0.0, np.full(40, 0.5), 0.9),
            NoPrediction,
            "40 rewrites of 2000 functions that may break: 2001 numbers of bugs",
        ),
        (lambda: runs_to_pay(-1.0, 2.0, 1.0), InputError, r"all finite, got \(-1.0, 2.0, 1.0\)"),
        (lambda: runs_to_pay(1.0, 2.0, 0.0), InputError, r"all finite, got \(1.0, 2.0, 0.0\)"),
        (lambda: runs_to_vanish(1.0, 2.0, 1.5), InputError, r"expected a share in \(0, 1\], got 1.5"),
        *(
            (
                partial(of, *bad),
                InputError,
                r"voting: expected p in \[0, 1\], ahead >= 1 and wrong 'one' or 'distinct', got",
            )
            for of, rest in ((win_probability, ("one",)), (mean_votes, ("one",)), (task_success, (5.0,)))
            for bad in ((-0.1, 3, *rest), (1.1, 3, *rest), (0.6, 0, *rest))
        ),
        *(
            (partial(of, 0.6, 3, "none"), InputError, "got p=0.6, ahead=3, wrong='none'")
            for of in (win_probability, mean_votes)
        ),
        (lambda: least_ahead(0.5, 3, 0.9, 2), InputError, "got p=0.5, target=0.9, steps=3, steps_a_vote=2; below"),
        (lambda: least_ahead(0.8, 3, 0.9, 0), InputError, "got p=0.8, target=0.9, steps=3, steps_a_vote=0; below"),
        (lambda: judge_least_ahead(0.5, 0.4, 9, 0.1), InputError, "got vote_right=0.4, fix=0.5, risk=0.1"),
        (lambda: SOME.variance, NoPrediction, "the variance is not known"),
        (lambda: SOME.quantile(0.5), NoPrediction, "known at some times only"),
        (lambda: NegativeBinomial(2, 1e-200).variance, NoPrediction, "of mean 2e.200 is above the largest float"),
        (lambda: Geometric(1e-200).variance, NoPrediction, "of mean 1e.200 is above the largest float"),
        (
            lambda: learning_all_blocks(LearningLaw(0.5, 0.5, 10), 700, Start(700)).hit.variance,
            NoPrediction,
            r"of mean 5.26014e\+210 is above the largest float",
        ),
        (
            lambda: gains_of_chunk(MIXED, 4097, 4097, 1),
            NoPrediction,
            "4,097 incorrect blocks take .* 16,777,216 numbers",
        ),
        (lambda: check_levels(1025), NoPrediction, "k = 1025 blocks take a table of more than 1,024 by as many"),
        (lambda: until_misread(RARE, 4, Start(4)), NoPrediction, r"the sum over visits would take 1\.\de\+08 terms"),
        (
            lambda: PoissonTime(1, np.exp, 1.0, 1.0).tail(2.0**40 + 1),
            NoPrediction,
            r"not computed beyond 1.1e\+12 calls",
        ),
        (
            lambda: round_robin(NEVER, 4, 2, Start(4)).hit.mean,
            NoPrediction,
            "the times of this run are above the largest",
        ),
        (lambda: SLOW.hit.mean, NoPrediction, r"the tail falls like t\^-1.0005, too slowly for its moments"),
        (
            lambda: InRounds(GivenTail(harmonic, 101.0, math.inf), 2).mean,
            NoPrediction,
            "too slowly for the moments of r",
        ),
        (
            lambda: archive_run(Keeper(1, founders=6), MANY, Start(60, p0=0.5)),
            NoPrediction,
            "6 initial solutions can have",
        ),
        (lambda: _OwnSums(0.5, 2.0, Start(4))._convolved(1 << 21), NoPrediction, "is not computed at 2097152 calls"),
        (
            lambda: chunks_in_turn(MIXED, 600, 3, Start(600)).after(np.arange(2700)),
            NoPrediction,
            "sums over 200 chunks at 2700 times take too long",
        ),
        (
            lambda: where_it_is(in_a_row(4200), np.array([10**6])),
            NoPrediction,
            "has 4200 states, too many for 1000000 generations one by one",
        ),
    ],
)
def test_what_is_not_known_is_refused_with_what_was_asked_for(ask, error, said):
    with pytest.raises(error, match=said):
        ask()


LAWS_OF_CALLS = {
    "CallLaw": HALF,
    "PerBlockLaw": TWO,
    "BetaBlocksLaw": BetaBlocksLaw(2, 1),
    "RunQualityLaw": RunQualityLaw(2, 1),
    "LearningLaw": LearningLaw(0.5, 0.5, 10),
    "MisalignedLaw": MisalignedLaw(HALF, 0.25, 1),
    "SpillLaw": SpillLaw(HALF, 0.1),
    "HiddenRepeatsLaw": RepeatingLaw(HALF, 0.3).hidden(0.2),
}
GIVEN = {"g": 1, "schedule": "robin", "call": BlockCall(HALF), "judge": LastingJudge(0.5, 0.5, 0.1, 0.1)}


def laws_of_runs():
    """Every public function of the theory that is told both k and a start, with what else it asks for."""
    found = []
    for of in pkgutil.walk_packages(theory.__path__, "evo.theory."):
        for name, ask in vars(importlib.import_module(of.name)).items():
            told = inspect.signature(ask).parameters if inspect.isfunction(ask) else {}
            if {"k", "start"} <= set(told) and ask.__module__ == of.name and name[0] != "_" and ask is not check_run:
                needed = {word: each.annotation for word, each in told.items() if each.default is each.empty}
                given = {word: GIVEN.get(word, LAWS_OF_CALLS.get(kind)) for word, kind in needed.items()}
                found.append(pytest.param(ask, {**given, "k": 2}, "lam" in told, id=f"{of.name}.{name}"[11:]))
    return found


RUNS = laws_of_runs()


@pytest.mark.parametrize(("ask", "given", "by_lam"), RUNS)
def test_each_law_of_a_run_refuses_the_start_of_another_one_and_generations_of_no_offspring(ask, given, by_lam):
    for other in (1, 3):
        with pytest.raises(InputError, match=f"^the start has k={other} blocks, the run k=2$"):
            ask(**{**given, "start": Start(other)})
    if by_lam:
        with pytest.raises(InputError, match=r"^lam must be a whole number >= 1, got 0$"):
            ask(**{**given, "start": Start(2), "lam": 0})


def test_the_laws_of_runs_are_found():
    assert len(RUNS) >= 50


def test_what_lies_just_within_is_told():
    assert Mixture((0.5, 0.5), (HALF, HALF)).pmf(1, 1).tolist() == [0.5, 0.5]
    assert minibatch_moves(HALF, 4, 1, 4, False).shape == (5, 5)
    assert rounds(1024).mean > 2000
    assert SOME.tail([1, 2, math.inf]).tolist() == [1.0, 0.5, 0.0]


def test_a_law_that_is_known_to_forget_is_asked_for_one_parent_alone(monkeypatch):
    """One that is not is asked for all: with 10^4 blocks that takes minutes."""
    asked = []
    pmf = IndependentBlocks.pmf
    monkeypatch.setattr(IndependentBlocks, "pmf", lambda law, g, i: asked.append(i) or pmf(law, g, i))
    known = sampled(HALF, 5, Start(5)).after([3])
    assert asked == [5]
    assert sampled(ByChunk({5: HALF}), 5, Start(5)).after([3]).tolist() == known.tolist()
    assert set(asked) == set(range(6))


def test_a_quotient_that_rounds_above_a_whole_number_is_that_number():
    assert (2.6 / (2.3 - 1.0) > 2, runs_to_pay(2.6, 2.3, 1.0)) == (True, 2)
    once = 3 * 1.1 * 0.1 / 0.9
    assert (once * 0.9 / (0.1 * 1.1) > 3, runs_to_vanish(once, 1.1, 0.1)) == (True, 3)
    assert [least_ahead(p, 1, target) for p, target in ((0.75, 0.9), (0.6, 27 / 35), (0.8, 64 / 65))] == [2, 3, 3]


def test_sizes_messages_and_names_of_a_system_count_each_for_itself():
    """By hand: QA naive over focused is (20 3 + 3) + (43 3 + 3) over 10 (2 3 + 3); sizes weigh both roles."""
    assert qa_speedup(10, 2, 2, u=3) == (63 + 132) / 90
    naive = [naive_qa(10, 2, 2, 3).passes, naive_debugger(10, 2, 2, 3).passes]
    focused = [focused_qa(10, 2, 3).passes, focused_debugger(2, 2, 3).passes]
    expected = (5 * naive[0] + 7 * naive[1]) / (5 * focused[0] + 7 * focused[1])
    assert system_speedup(10, 2, 2, u=3, m_q=5.0, m_d=7.0) == expected
    assert saturation(100, 10, o=2, o_d=3) == (100 + 101) / (10 + 11 + 12)
    assert routing_speedup(100, 10, 7.0, 5.0, 3.0, o=2, o_d=3) == 7 * 201 / (5 * 33 + 3 * 201)
    assert mean_comparisons_between(9, 0.9) == mean_comparisons_between(9, 1.0 - 0.9)  # orders are reversed
