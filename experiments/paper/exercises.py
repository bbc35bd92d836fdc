"""Section 3.4: the exercises."""

from __future__ import annotations

import math
from itertools import count

from evo import AllBlocks, OnePlusLambda, QuadraticPrimitive, RoundRobin, Schedule, UniformChunk, UntilResolved
from evo.schedules import UniformSubset
from evo.theory.systems.sorting import least_lead
from experiments.grids.cell import Cell
from experiments.paper.entry import Entry, Outcome, Section, study
from experiments.paper.exact import CALLS, HALF, SQUARES, done, exactly, mean, of, speedup
from experiments.paper.numbers import said
from problems import BlockOneMax, Jump, LeadingBlocks
from problems.systems import (
    BySections,
    Debate,
    FocusedDebugging,
    MergeSort,
    NaiveDebugging,
    OneCallSort,
    SummarisedDebate,
    WholeDrafts,
)

N, D = 64, 1000
Nights = BlockOneMax | LeadingBlocks | Jump


def _calls(problem: Nights, schedule: Schedule) -> float:
    return mean(Cell(problem, HALF, schedule, OnePlusLambda()))


def _dearer() -> int:
    """The fewest documents at which one call on all costs more than merge sort."""
    return next(n for n in count(2) if exactly(OneCallSort(n=n, d=D)) > exactly(MergeSort(n=n, d=D)))


def section() -> Section:
    """The exercises of Section 3.4, each of which is a study."""
    naive, focused = (system(k=100, l=50, b=10) for system in (NaiveDebugging, FocusedDebugging))
    whole, parts = WholeDrafts(k=10, l=10_000), BySections(k=10, l=10_000, o=200)
    heard, summed = (
        Debate(agents=10, rounds=5, u=200, h=500),
        SummarisedDebate(agents=10, rounds=5, u=200, s=200, h=500),
    )
    twice = Debate(agents=20, rounds=5, u=200, h=500), SummarisedDebate(agents=20, rounds=5, u=200, s=200, h=500)
    lossy = SummarisedDebate(agents=10, rounds=5, u=200, s=200, h=500, keep=0.999)
    free, leading, budget = BlockOneMax(k=32, l=100), LeadingBlocks(k=32, l=100), Jump(k=10, l=100, m=2)
    assert math.isinf(_calls(budget, UniformChunk()))
    return Section(
        "Section 3.4: the exercises",
        (
            Entry(
                "Exercise 1",
                "Sorting sets of large documents.",
                Outcome.ANALYSED,
                f"{N} documents of {D:,} tokens: one call on all {said(of(OneCallSort(n=N, d=D)))}, merge sort "
                f"{said(of(MergeSort(n=N, d=D)))} with {said(of(MergeSort(n=N, d=D), CALLS), 4)} comparisons; one "
                f"call is "
                f"dearer from n = {_dearer()} on: Theta(n^2 d) against Theta(n log n d).",
                study("sorting"),
                fails=f"A comparator that errs w.p. 0.001 leaves the order right w.p. "
                f"{said(done(MergeSort(n=N, d=D, e=0.001)))}; one "
                f"that errs w.p. 0.1 needs votes with a lead of {least_lead(N, 0.1, 0.95)} for 0.95.",
            ),
            Entry(
                "Exercise 2",
                "A text-based puzzle: the shuffled sentences of a novel.",
                Outcome.ANALYSED,
                "A sentence can be placed when those before it are (`LeadingBlocks`), 32 sentences, p = 1/2: in order "
                f"{said(_calls(leading, UntilResolved()))} calls, round and round "
                f"{said(_calls(leading, RoundRobin()))}, all "
                f"in each call {said(_calls(leading, AllBlocks()))}.",
                study("sentences"),
            ),
            Entry(
                "Exercise 3",
                "Writing and refining a paper.",
                Outcome.ANALYSED,
                f"10 sections of 10,000 tokens: whole drafts cost {said(of(whole) / of(parts))} times what sections "
                f"after "
                f"an outline do, {said(of(whole, SQUARES) / of(parts, SQUARES))} times if a pass costs m c^2: k and "
                f"k^2 in "
                "the end. Refining is GLOBAL against LOCAL of Section 3.3.",
                study("writing"),
                needs="An outline that is right: it is the decomposition, and costs a call.",
            ),
            Entry(
                "Exercise 4",
                "Creating a policy proposal.",
                Outcome.ANALYSED,
                f"A debate of 10 agents, 5 rounds, 200 tokens a message: if everybody reads everything "
                f"{said(of(heard))}, with a summary each round {said(of(summed))}; twice the agents, "
                f"{said(of(twice[0]) / of(heard))} and {said(of(twice[1]) / of(summed))} times.",
                study("debate"),
                fails=f"If each summary keeps a point w.p. 0.999, all points are in the end w.p. {said(done(lossy))}.",
            ),
            Entry(
                "Exercise 5",
                "The analyses of Section 3 with a pass quadratic in its input.",
                Outcome.ANALYSED,
                f"Evolution 2^(k-1) k^2: {said(speedup(10, price=QuadraticPrimitive()))} in place of "
                f"{said(speedup(10))} at "
                f"k = 10, l = 16. Debugging (k = 100, l = 50, b = 10) "
                f"{said(of(naive, SQUARES) / of(focused, SQUARES))} in "
                f"place of {said(of(naive) / of(focused))}. The limit of routing stays k.",
                study("quadratic"),
            ),
            Entry(
                "Exercise 6",
                "Designing and booking an optimal k-night vacation given constraints.",
                Outcome.ANALYSED,
                f"32 nights, planned at random: {said(_calls(free, UniformChunk()))} calls if none depends on another, "
                f"{said(_calls(leading, UniformChunk()))} if each needs the one before; one after the other "
                f"{said(_calls(leading, UntilResolved()))}. One budget for all that takes two changes at once: night "
                f"by "
                f"night never, any two nights {said(_calls(budget, UniformSubset(g=2)))} calls at 10 nights.",
                study("vacation"),
            ),
        ),
    )
