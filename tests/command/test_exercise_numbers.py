"""Numbers in docs/exercises.md are those that the code gives; one that nothing computes is found."""

import math
import re
from pathlib import Path

import pytest

from evo import AllBlocks, RoundRobin, UniformChunk, UntilResolved
from evo.schedules import UniformSubset
from experiments import predict
from experiments.studies import STUDIES
from experiments.studies.exercises import EXERCISES
from experiments.studies.exercises import sentences as sorted_sentences
from experiments.studies.exercises import vacation as planned

PAGE = (Path(__file__).parents[2] / "docs" / "exercises.md").read_text()


def plain(text):
    """Without blocks of code, links and line ends."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"\]\([^)]*\)", "]", text).split())


def exact(name, arm, size, quantity="hit"):
    """What is predicted of the cell of an exercise."""
    (cell,) = (cell for cell in STUDIES[name].grid().arms[arm] if cell.problem.k == size)
    return predict(cell, quantity).mean


def sentences():
    s = sorted_sentences
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


def vacation():
    v = planned
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


SECTIONS = {"sentences": sentences, "vacation": vacation}
NAMED = ("Section 3.4",)
"""What is no result."""


def section(name):
    """The part of the page about an exercise."""
    (found,) = (part for part in PAGE.split("\n## ") if part.startswith(f"{name}: "))
    return plain(found)


def left(name, text):
    """The numbers of a section that nothing here computes: those of three digits or more, or with a point."""
    for said in (*SECTIONS[name](), *NAMED):
        text = text.replace(said, "")
    return re.findall(r"(?<![\w.(])(?:\d[\d,]*\.\d+|\d,\d{3}|\d{3,})(?![\w)])", text)


def test_each_exercise_has_its_section_and_its_command():
    assert list(SECTIONS) == [study.name for study in EXERCISES]
    assert all(f"`llm-evo run {name}`" in section(name) for name in SECTIONS)


@pytest.mark.parametrize("name", SECTIONS)
def test_results_of_an_exercise_are_computed(name):
    text = section(name)
    assert [said for said in SECTIONS[name]() if said not in text] == []


@pytest.mark.parametrize("name", SECTIONS)
def test_no_number_of_an_exercise_is_typed_in(name):
    text = section(name)
    assert left(name, text) == []
    assert left(name, f"{text} It takes 162 calls, 443.2 or 1,751.") == ["162", "443.2", "1,751"]
