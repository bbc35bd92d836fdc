"""Numbers in docs/exercises.md are those that the code gives; one that nothing computes is found."""

import math
import re
from functools import cache
from pathlib import Path

import pytest

from evo import AllBlocks, RoundRobin, UniformChunk, UntilResolved
from evo.schedules import UniformSubset
from evo.theory.systems.sorting import comparisons, least_lead, rounds, sorted_right
from experiments import ProgramCell, predict
from experiments.studies import STUDIES
from experiments.studies.exercises import EXERCISES
from experiments.studies.exercises import debate as debate_study
from experiments.studies.exercises import quadratic as quadratic_study
from experiments.studies.exercises import sentences as sentences_study
from experiments.studies.exercises import sorting as sorting_study
from experiments.studies.exercises import vacation as vacation_study
from experiments.studies.exercises import writing as writing_study
from problems.systems import Debate, MergeSort, OneCallSort, SummarisedDebate

PAGE = (Path(__file__).parents[2] / "docs" / "exercises.md").read_text()


def plain(text):
    """Without blocks of code, links and line ends."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"\]\([^)]*\)", "]", text).split())


@cache
def arms_of(name):
    """The cells of an exercise, by arm."""
    return STUDIES[name].grid().arms


def size_of(cell):
    """What grows in a cell of an exercise."""
    if not isinstance(cell, ProgramCell):
        return cell.problem.k
    part = cell.program
    return part.rounds if hasattr(part, "agents") else getattr(part, "n", getattr(part, "k", None))


def cell_of(name, arm, size):
    """The cell of an exercise."""
    (cell,) = (cell for cell in arms_of(name)[arm] if size_of(cell) == size)
    return cell


def exact(name, arm, size, quantity="hit"):
    """What is predicted of it."""
    return predict(cell_of(name, arm, size), quantity).mean


def costs(name, arms, size, digits=",.0f"):
    """A row of the costs of some arms."""
    return " | ".join(f"{exact(name, arm, size, 'cost'):{digits}}" for arm in arms)


def short(value, digits=3):
    """To so many digits, as the page writes them."""
    return f"{value:,.0f}" if value >= 10 ** (digits - 1) - 0.5 else f"{value:.{digits}g}"


def sorting():
    s = sorting_study
    for n in (8, 64, 256):
        yield f"| n = {n} | {costs('sorting', (s.ALL, s.MERGE, s.BEST), n)} |"
    assert [claim.value for claim in STUDIES["sorting"].claims] == [s.D * s.W + s.W**2 / 2, 1 / math.log(2), 1.0]
    yield f"Documents have {s.D:,} tokens, instructions {s.H}, a name {s.W}"
    one, merges = (exact("sorting", arm, 256, "cost") for arm in (s.ALL_BILL, s.MERGE_BILL))
    yield f"On a bill of {s.PRICES.prompt:.2f} and {s.PRICES.generated:.2f} dollars a million tokens"
    yield f"256 documents cost {short(one)} dollars in one call and {short(merges)} by merges, {merges / one:.1f} times"

    def cheaper(h, w):
        passes = lambda program: float(program.expected().ledger[:, 4].sum())  # noqa: E731
        sizes = range(2, 65)
        return [n for n in sizes if passes(OneCallSort(n, s.D, h, w)) < passes(MergeSort(n, s.D, h))]

    assert cheaper(s.H, s.W) == cheaper(s.H, 1) == cheaper(s.H, s.W) == []
    found = cheaper(10_000, 1)
    assert found == list(range(found[0], found[-1] + 1))
    yield "instructions of 10,000 tokens in front of every call, the single one too, make one call that writes names"
    yield f"the cheaper way, for n = {found[0]} to {found[-1]}."
    assert comparisons(8).mean == pytest.approx(236 / 15)
    means = [f"{comparisons(n).mean:,.{digits}f}" for n, digits in ((8, 4), (64, 3), (1000, 2))]
    yield f"its mean is 236/15 = {means[0]} at n = 8, {means[1]} at n = 64, {means[2]} at n = 1,000"
    right = [short(sorted_right(n, s.E)) for n in (8, 16)]
    yield f"errs w.p. {s.E:g} puts 8 documents in order w.p. {right[0]} and 16 w.p. {right[1]}"
    leads = [least_lead(n, s.E, s.TARGET) for n in (3, 4, 13, 14, 68, 69, 407, 408, 1024)]
    assert leads == [2, 3, 3, 4, 4, 5, 5, 6, 6]
    yield f"keep that above {s.TARGET:g}: K = 3 from n = 4 to 13, 4 up to 68, 5 up to 407, 6 from there to 1,024"
    done = [cell_of("sorting", arm, 64).program.done for arm in (s.COPIES, s.VOTES)]
    assert s.COPIED == 0.1
    yield f"64 documents are in order w.p. {short(done[0])} instead of {short(done[1])}"
    assert cell_of("sorting", s.BEST_ERRS, 64).program.expected().done == pytest.approx(0.9**6)
    yield f"finds the best of 64 w.p. 0.9^6 = {0.9**6:.3f}, in {exact('sorting', s.BEST, 64):.0f} comparisons"
    yield f"at n = 8 and e = 1/4 {comparisons(8, 0.25).mean:.4f} on average"
    yield f"256 documents take {exact('sorting', s.MERGE, 256):,.0f} calls, but {rounds(256).mean:.0f} steps"
    look, read = cell_of("sorting", s.LOOK, 64).program, cell_of("sorting", s.READ, 64).program
    assert (look.m, read.m, read.m_r, read.d) == (2.0, 1.0, 0.2, 50)
    yield f"Scans of {look.d:,} tokens: a comparator twice the size"
    yield f"looks at two scans costs {costs('sorting', [s.LOOK], 64)} at n = 64"
    yield f"a comparator of these texts, {costs('sorting', [s.READ], 64)} "


def sentences():
    s = sentences_study
    cost = {(arm, n): f"{exact('sentences', arm, n, 'cost'):,.0f}" for arm in (s.ROUND, s.TURN) for n in (8, 32)}
    assert exact("sentences", s.WHOLE, 8) == pytest.approx(2**8)
    assert exact("sentences", s.ROUND, 32) == pytest.approx(32**2 + 32)
    assert exact("sentences", s.TURN, 32) == pytest.approx(2 * 32)
    assert [schedule for schedule, _ in s.ARMS.values()] == [
        AllBlocks(),
        RoundRobin(),
        RoundRobin(g=2),
        UntilResolved(),
    ]
    yield f"A sentence has {s.D} tokens"
    yield f"| all sentences, `AllBlocks` | 2^n | {exact('sentences', s.WHOLE, 8, 'cost'):,.0f} | |"
    pairs = [exact("sentences", s.PAIRS, 8, quantity) for quantity in ("hit", "cost")]
    yield f"`RoundRobin(g=2)` | {pairs[0]:.0f} at n = 8 | {pairs[1]:,.0f} | |"
    yield f"`RoundRobin()` | n^2 + n | {cost[s.ROUND, 8]} | {cost[s.ROUND, 32]} |"
    yield f"`UntilResolved()` | 2 n | {cost[s.TURN, 8]} | {cost[s.TURN, 32]} |"
    calls, few, many = (exact("sentences", s.MERGES, n, of) for n, of in ((32, "hit"), (8, "cost"), (32, "cost")))
    yield f"`MergeSort` | {calls:.0f} at n = 32 | {few:,.0f} | {many:,.0f} |"


def writing():
    s = writing_study
    assert s.ROUNDS == 3
    yield f"If it is right w.p. {s.RIGHT:g} and checked"
    yield f"repairs a section w.p. {s.FIX:g} and keeps a right one w.p. {s.KEEP:g} is"
    yield f"Three drafts of sections of {s.L} tokens; an outline of {s.O} tokens"
    yield f"a brief of {s.H} in front of all"
    for k in (8, 24):
        yield f"| {k} | {costs('writing', (s.WHOLE, s.SECTIONS), k)} |"
    checked, sections = (exact("writing", arm, 24, "cost") for arm in (s.CHECKED, s.SECTIONS))
    yield f"it costs {checked / sections:.3f} times as much in the end (k = 24)"
    assert cell_of("writing", s.UNCHECKED, 24).program.expected().done == pytest.approx(0.7)
    yield "0.3 of the papers are wrong"
    whole, parts = (exact("writing", arm, 30) for arm in (s.REFINE_WHOLE, s.REFINE))
    dear, cheap = (exact("writing", arm, 30, "cost") for arm in (s.REFINE_WHOLE, s.REFINE))
    yield f"at k = 30 the whole takes {whole:.1f} calls, fewer than the {parts:.0f} by"
    yield f"sections, at {dear / cheap:.0f} times the cost"


def debate():
    s = debate_study
    yield f"messages of {s.U} tokens, instructions of {s.H}, a summary of {s.S}"
    assert s.AGENTS == 4
    for rounds_ in (4, 16):
        passes = costs("debate", (s.ALL, s.SUMMARY), rounds_)
        bills = " | ".join(short(exact("debate", arm, rounds_, "cost")) for arm in (s.BILL, s.CACHED))
        yield f"| {rounds_} | {passes} | {bills} |"
    pays = [
        r
        for r in range(1, 17)
        if Debate(s.AGENTS, r, s.U, s.H).expected().ledger[:, 4].sum()
        > SummarisedDebate(s.AGENTS, r, s.U, s.S, s.H).expected().ledger[:, 4].sum()
    ]
    assert pays == list(range(4, 17))
    yield f"if it keeps each point w.p. {s.KEEP:g}, a proposal of 16 rounds has all its points w.p. 0.58"
    assert round(cell_of("debate", s.FORGETS, 16).program.expected().done, 3) == 0.58
    bills = [exact("debate", arm, 16, "cost") for arm in (s.BILL, s.CACHED)]
    assert s.PRICES.prompt == pytest.approx(10 * s.PRICES.cached)
    yield f"divides the bill by {bills[0] / bills[1]:.2f}"


def quadratic():
    q = quadratic_study
    names = {"evolution": "GLOBAL / LOCAL | k", "debugging": "naive / focused | b", "sorting": "one call / merges | n",
             "writing": "drafts / sections | k", "debate": "everything / summaries | R",
             "routing": "generalist / delegated | k"}  # fmt: skip
    assert set(names) == set(q.PAIRS)
    assert q.K == 10
    for system, pair in q.PAIRS.items():
        size = pair.sizes[-1]
        ratios = []
        for unit in q.UNITS:
            ends = [arms_of("quadratic")[q.name(system, which, unit)][-1] for which in ("all", "parts")]
            naive, parts = (predict(cell, "cost").mean for cell in ends)
            ratios.append(short(naive / parts))
        of = " of 10 functions" if system == "debugging" else ""
        yield f"| {system}, {names[system]} = {size}{of} | {' | '.join(ratios)} |"


def vacation():
    v = vacation_study
    assert [schedule for _, schedule, _ in v.ARMS.values()][-3:] == [UniformChunk(), UniformSubset(g=2), AllBlocks()]
    calls = {arm: exact("vacation", arm, ks[-1]) for arm, (_, _, ks) in v.ARMS.items()}
    assert (v.KS[-1], v.FEW[-1], v.P) == (32, 10, 0.5)
    assert calls[v.FREE_ANY] == pytest.approx(64 * sum(1 / i for i in range(1, 33)))
    assert math.isinf(calls[v.BUDGET_ANY])
    yield f"`UniformChunk` | 2 k H_k | {calls[v.FREE_ANY]:,.0f} | |"
    yield f"`UntilResolved` | 2 k | {calls[v.FREE_TURN]:,.0f} | |"
    yield f"`LeadingBlocks` | any night | 2 k^2 | {calls[v.NEXT_ANY]:,.0f} | |"
    yield f"`RoundRobin` | k^2 + k | {calls[v.NEXT_ROUND]:,.0f} | |"
    yield f"| one night after the other | 2 k | {calls[v.NEXT_TURN]:,.0f} | |"
    yield f"`UniformSubset(g=2)` | about 2 k^2 | | {calls[v.BUDGET_TWO]:,.0f} |"
    yield f"`AllBlocks` | 2^k | | {calls[v.BUDGET_ALL]:,.0f} |"


SECTIONS = {
    "sorting": sorting,
    "sentences": sentences,
    "writing": writing,
    "debate": debate,
    "quadratic": quadratic,
    "vacation": vacation,
}
NAMED = (
    "Section 3.4",
    "Section 3.3",
    *(f"Section 5.{part}" for part in range(1, 5)),
    "Definition 2.3",
    "Definition 2.2",
)
"""What is no result."""


def section(name):
    """The part of the page about an exercise."""
    (found,) = (part for part in PAGE.split("\n## ") if part.startswith(f"{name}: "))
    return plain(found)


def left(name, text, numbers_of):
    """The numbers of a section that nothing here computes."""
    for said in (*SECTIONS[name](), *NAMED):
        text = text.replace(said, "")
    return numbers_of(text)


def test_each_exercise_has_its_section_and_its_command():
    assert list(SECTIONS) == [study.name for study in EXERCISES]
    assert all(f"`llm-evo run {name}`" in section(name) for name in SECTIONS)


@pytest.mark.parametrize("name", SECTIONS)
def test_results_of_an_exercise_are_computed(name):
    text = section(name)
    assert [said for said in SECTIONS[name]() if said not in text] == []


@pytest.mark.parametrize("name", SECTIONS)
def test_no_number_of_an_exercise_is_typed_in(name, numbers_of):
    text = section(name)
    assert left(name, text, numbers_of) == []
    assert left(name, f"{text} It takes 162 calls, 443.2 or 1,751.", numbers_of) == ["162", "443.2", "1,751"]
