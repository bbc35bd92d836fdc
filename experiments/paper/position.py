"""Abstract and Section 1: what is claimed of decomposition in general, by the numbers of the systems below."""

from __future__ import annotations

import math

from evo import AllBlocks, UntilResolved
from experiments.paper.entry import Entry, Outcome, Section, study
from experiments.paper.exact import CALLS, calls, of, speedup, with_rates
from experiments.paper.numbers import said
from experiments.studies.measured import AGENT, K
from problems.systems import (
    BySections,
    Debate,
    FocusedDebugging,
    Generalist,
    MergeSort,
    NaiveDebugging,
    OneCallSort,
    Routing,
    SummarisedDebate,
    WholeDrafts,
)

N = 64


def _debugging(k: int, b: int) -> float:
    return of(NaiveDebugging(k=k, l=50, b=b)) / of(FocusedDebugging(k=k, l=50, b=b))


def _debate(agents: int, rounds: int) -> float:
    heard = Debate(agents=agents, rounds=rounds, u=200, h=500)
    return of(heard) / of(SummarisedDebate(agents=agents, rounds=rounds, u=200, s=200, h=500))


def section() -> Section:
    """The statements of the abstract and of Section 1."""
    routing = of(Generalist(k=100, n=1000)) / of(Routing(k=100, n=1000, h=10, o_d=1))
    sorting = of(OneCallSort(n=N, d=1000)) / of(MergeSort(n=N, d=1000))
    writing = of(WholeDrafts(k=10, l=10_000)) / of(BySections(k=10, l=10_000, o=200))
    undone = with_rates(UntilResolved(), K, *AGENT) / with_rates(AllBlocks(), K, *AGENT)
    least = math.log2(math.factorial(N))
    return Section(
        "Section 1: the position",
        (
            Entry(
                "1: decomposition",
                "Decomposing hard problems into subproblems often makes them easier and more efficient to solve.",
                Outcome.IF,
                f"The systems by parts cost less than those that do all at once: {said(routing)} times (routing, k = "
                f"100, n = 1,000), {said(_debugging(200, 50))} (debugging, k = 200, l = 50, b = 50), "
                f"{said(speedup(16))} (evolution, k = l = 16), {said(sorting)} (sorting {N} documents), "
                f"{said(writing)} (writing 10 sections), {said(_debate(10, 5))} (a debate of 10 agents, 5 rounds).",
                study("quadratic"),
                needs="Parts that are solved by themselves, and a cost that grows with the length of a call; what each "
                "system needs, its sections say.",
                fails=f"With fix {AGENT[0]:g}, keep {AGENT[1]:g} one block a call takes {said(undone)} times the calls "
                f"at k = {K}; with summaries two agents pay {said(1 / _debate(2, 2))} times as much for a debate of "
                "two rounds.",
            ),
            Entry(
                "1: roles as in a human team",
                "Roles are often assigned by intuition, as in a human team; how close to optimal is that?",
                Outcome.ANALYSED,
                f"Where a least cost is known: merge sort takes {said(of(MergeSort(n=N, d=1000), CALLS), 4)} "
                f"comparisons of {N} documents, and no sort by comparisons fewer than lg {N}! = {said(least)} on "
                "average; LOCAL takes k/fix calls, the fewest with one block a call. The team of Section 3.2.1, QA "
                f"and a debugger with all of the transcript, costs {said(_debugging(200, 50))} times the focused one.",
                study("sorting"),
            ),
            Entry(
                "1: what works today",
                "Solutions that are intuitive and work for the problems of today may be inherently limited at scale.",
                Outcome.HOLDS,
                f"With one bug in two functions the naive system costs {said(_debugging(2, 1))} times the focused one, "
                f"with 50 in 200 {said(_debugging(200, 50))} times. With two blocks GLOBAL takes as many calls as "
                f"LOCAL, {said(calls(AllBlocks(), 2))} and {said(calls(UntilResolved(), 2))}, with 20 "
                f"{said(calls(AllBlocks(), 20))} and {said(calls(UntilResolved(), 20))}.",
                study("debugging"),
            ),
        ),
    )
