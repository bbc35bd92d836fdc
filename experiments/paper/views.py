"""Sections 4 to 6: alternative views, research directions, conclusion."""

from __future__ import annotations

from dataclasses import replace

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, UntilResolved
from evo.runners.parallel import Merged
from evo.schedules import Decomposed
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.paper.entry import Entry, Outcome, Section, study
from experiments.paper.exact import HALF, calls, cost, done, mean, of, speedup, with_rates
from experiments.paper.numbers import said
from experiments.studies.measured import WEAK
from problems import BlockOneMax
from problems.systems import BySections, FocusedDebugging, MergeSort, NaiveDebugging, ReadThenSort

FIX, KEEP = WEAK


def views(run: int, needing: int) -> Section:
    """The alternative views of Section 4, after a page with so many claims that were run, so many with a but."""
    small, large = (
        (with_rates(AllBlocks(), k, FIX, KEEP), with_rates(UntilResolved(), k, FIX, KEEP)) for k in (10, 100)
    )
    return Section(
        "Section 4: alternative views",
        (
            Entry(
                "Alternative View 1",
                "All implications of such analysis are things people would do anyway.",
                Outcome.NOT_RUN,
                "A statement about people. What analysis adds to intuition is the rest of this page: of "
                f"{run} claims and equations that can be run {needing} need an assumption that they do not name, or do "
                "not hold as said.",
            ),
            Entry(
                "Alternative View 2",
                "Direct optimisation for cost is good enough, without thinking about asymptotic behaviour.",
                Outcome.NOT,
                f"With fix {FIX:g} and keep {KEEP:g} who tunes at k = 10 chooses GLOBAL, {said(small[0])} calls "
                f"against "
                f"{said(small[1])}; at k = 100 it takes {said(large[0])} against {said(large[1])}.",
                study("measured"),
                fails="Where the problem stays as large as it is; and where prices, not exponents, decide: in money "
                "the "
                "winner changes with the instructions in front of a call.",
            ),
            Entry(
                "Alternative View 3",
                "Superintelligence will optimise everything better than humans could.",
                Outcome.NOT_RUN,
                "A forecast. Exact laws bind whoever makes the calls: no schedule of one block a call needs fewer than "
                "k/fix of them.",
            ),
        ),
    )


def directions() -> Section:
    """The research directions of Section 5, as far as operators and ledger express them."""
    misses = [FocusedDebugging(k=100, l=50, b=5, miss=0.1, votes=votes, copied=copied) for votes, copied in
              ((1, 0.0), (3, 0.0), (3, 0.5))]  # fmt: skip
    waiting = [
        mean(Cell(BlockOneMax(k=8, l=16), HALF, schedule, runner), "generations")
        for schedule, runner in ((AllBlocks(), OnePlusLambda(64)), (OnlyIncorrect(), Merged(workers=8)))
    ]
    free, paid = (cost(schedule, 64) for schedule in (UntilResolved(), Decomposed(UntilResolved(), writes=5)))
    outline = BySections(k=10, l=1000, o=100, right=0.9, checked=False)
    looked, read = MergeSort(n=64, d=2000, h=100, m=2.0), ReadThenSort(n=64, d=50, h=100, v=2000, m_r=0.2)
    steps = [
        mean(ProgramCell(each), "generations")
        for each in (NaiveDebugging(k=200, l=50, b=50), FocusedDebugging(k=200, l=50, b=50, at_once=True))
    ]
    learning = [FocusedDebugging(k=20, l=50, b=10, fix=0.5, fix_end=end, halfway=3.0) for end in (None, 0.95)]
    noted = replace(learning[1], memory=20)
    more_noted = replace(noted, k=200, b=100)
    return Section(
        "Section 5: research directions",
        (
            Entry(
                "5.1: error correction",
                "Errors compound and can be corrected, given agents whose errors are decorrelated.",
                Outcome.IF,
                f"QA that overlooks a bug w.p. 0.1, five bugs: all repaired w.p. {said(done(misses[0]))}; with the "
                f"majority "
                f"of three {said(done(misses[1]))}; if half of the votes are copies {said(done(misses[2]))}.",
                study("voting"),
                needs="Each vote is right more often than not: at p = 1/2, the paper's, votes say nothing (theory "
                "13.14).",
            ),
            Entry(
                "5.2: asynchrony",
                "Agents that work in parallel save time.",
                Outcome.HOLDS,
                f"k = 8, p = 1/2: 64 GLOBAL calls at once take {said(waiting[0])} rounds, one call for each wrong "
                f"block, "
                f"improvements merged, {said(waiting[1])} rounds of 8 calls at most; one at a time "
                f"{said(calls(OnlyIncorrect(), 8))}. Of 50 bugs naive debugging takes {said(steps[0])} steps, each of "
                f"which waits for the one before, focused debugging {said(steps[1])}: all looks, then all repairs.",
                study("parallel"),
                needs="Fitness adds up over blocks, and each improvement is evaluated by itself.",
            ),
            Entry(
                "5.3: automatic decomposition",
                "Decomposition by LLMs has a cost that must be counted.",
                Outcome.HOLDS,
                f"A call of 5 tokens that reads the solution before each local call makes LOCAL {said(paid / free)} "
                f"times as "
                f"expensive at k = 64, l = 16. An outline that is right w.p. 0.9 and not checked makes a text right "
                f"w.p. "
                f"{said(done(outline))}.",
                study("writing"),
            ),
            Entry(
                "5.4: other modalities",
                "Each modality is a primitive with a cost of its own; visual tasks should go to compact vision models.",
                Outcome.IF,
                f"Sorting 64 scans of 2,000 tokens: a comparator of size 2 that looks at two scans a call costs "
                f"{said(of(looked))}; a reader of size 0.2 that writes 50 tokens about each scan, and a comparator of "
                f"size 1 of these texts, {said(of(read))}.",
                study("sorting"),
                needs="Texts that say enough: if each scan is read well w.p. 0.99, the order is right w.p. "
                f"{said(done(replace(read, read=0.99)))}.",
            ),
            Entry(
                "5.5: learning",
                "Agents that learn during deployment cost more, and are worth more.",
                Outcome.HOLDS,
                f"Ten bugs, one try each, fix = 0.5: all repaired w.p. {said(done(learning[0]))}; if fix rises to "
                f"0.95 with "
                f"the repairs made (half of the way after 3), w.p. {said(done(learning[1]))}. Learning by notes of "
                f"{noted.memory} tokens, which each repair writes and all later ones read, costs "
                f"{said(of(noted) / of(learning[1]))} times as much with {noted.b} bugs, "
                f"{said(of(more_noted) / of(replace(more_noted, memory=0)))} times with {more_noted.b}.",
                study("debugging"),
                fails="Learning by gradients, which the paper names as well, is not run; as a cost paid once it stands "
                "in Section 2.",
            ),
            Entry(
                "5.6: ethics and sentience",
                "Decomposed systems may reduce the suffering of machines.",
                Outcome.NOT_RUN,
                "Nothing that is simulated here bears on it.",
            ),
            Entry(
                "6: conclusion",
                "Asymptotic analysis with LLM primitives will be critical to scaling LLM-based systems.",
                Outcome.IF,
                f"Its exponents come out (Eq. 14 at k = l = 16: {said(speedup(16))}), and each hangs on assumptions "
                f"that "
                "only more exact analysis, or measurement, brings to light.",
            ),
            Entry(
                "Impact statement",
                "Decomposed systems are easier to interpret and to audit, and so safer.",
                Outcome.NOT_RUN,
                "Nothing that is simulated here bears on it; the ledger of each role stands by itself.",
            ),
        ),
    )
