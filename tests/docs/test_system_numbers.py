"""Numbers in docs/systems.md are those that the code gives; one that nothing computes is found."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from evo.programs import ENTRIES
from evo.theory.systems.debugging import (
    debugger_speedup,
    focused_debugger,
    focused_qa,
    naive_debugger,
    naive_qa,
    system_speedup,
)
from evo.theory.systems.routing import routing_speedup, saturation
from experiments.studies import STUDIES
from experiments.studies.systems import SYSTEMS, debugging, routing

PAGE = (Path(__file__).parents[2] / "docs" / "systems.md").read_text()


def plain(text):
    """Without blocks of code, links and line ends."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"\]\([^)]*\)", "]", text).split())


def programs(name, arm):
    return [cell.program for cell in STUDIES[name].grid().arms[arm]]


def done(program):
    return program.expected().done


def tokens(program, role, entry):
    return program.expected().ledger[[each.name for each in program.roles].index(role), ENTRIES.index(entry)]


def passes(program):
    return sum(tokens(program, role.name, "pass_tokens") * role.model.size for role in program.roles)


def dollars(program):
    prices = {"prompt_tokens": 3.0, "cached_tokens": 0.3 - 3.0, "generated_tokens": 15.0}
    return sum(price * tokens(program, role.name, entry) for role in program.roles for entry, price in prices.items())


def about_routing():
    n, h = routing.N, routing.H
    yield f"the input of n = {n:,} tokens; or a delegator reads h = {h} tokens"
    small = routing_speedup(n, h, 8192, 1, 1)
    yield f"does not grow with k: {small:,.0f} at k = {8192:,}"
    large = {k: routing_speedup(n, h, k, k, 1) for k in (16, 128, 8192)}
    limit = saturation(n, h)
    some = ", ".join(f"{large[k]:.1f} at k = {k:,}" for k in large)
    yield f"{some}, and never n/h = {limit:.0f}"
    errs = {arm: next(each for each in programs("routing", arm) if each.wrong == 0.2) for arm in WRONG}
    blind, three, same = (f"{done(errs[arm]):.3g}" for arm in WRONG[:3])
    yield f"leaves {blind} of the answers right at the same cost,"
    yield f"three votes of it {three}, three copies of one vote {same}."
    seen = errs[WRONG[3]]
    assert 0.9e-14 < 1 - done(seen) < 1.2e-14
    yield f"all but some 1 in 10^14 are right, for {passes(seen) / passes(replace(seen, wrong=0.0)):.3g} times the cost"


WRONG = ("wrong, not seen", "wrong, three votes", "wrong, three copied votes", "wrong, seen and asked again")


def about_debugging():
    l, b = debugging.L, debugging.B
    for k, bugs in ((7, 3), (20, 9)):  # the formulas of the table
        n = k * l
        assert naive_qa(k, l, bugs).passes == (n + 1) * bugs * (bugs + 1) / 2 - bugs
        assert naive_debugger(k, l, bugs).passes == n * (n + 1) * bugs * (bugs + 1) / 2 + bugs * n * (n - 1) / 2
        assert focused_qa(k, l).passes == k * l
        assert focused_debugger(l, bugs).passes == bugs * (3 * l**2 + l) / 2
    assert debugger_speedup(7, 10**6, 3) == pytest.approx(7**2 * 5 / 3, rel=1e-5)
    yield f"k functions of l = {l}"
    far = programs("debugging", "naive along k")[-1]
    assert (far.k, far.b) == (4096, 5)
    yield (
        f"With five bugs in {far.k:,} functions it is {system_speedup(far.k, l, far.b):,.0f}, the debugger's "
        f"{debugger_speedup(far.k, l, far.b):,.0f}."
    )
    paid = {
        arm: programs("debugging", arm)[-1] for arm in ("naive, dollars", "naive, dollars, cached", "focused, dollars")
    }
    whole, cached, small = paid.values()
    assert (whole.b, whole.k) == (256, 256)
    yield "With 256 bugs in 256 functions the speed-up"
    yield f"is {passes(whole) / passes(small):,.0f} in passes and {dollars(whole) / dollars(small):,.0f} in dollars"
    yield f"makes the naive system {dollars(whole) / dollars(cached):.2g} times cheaper there"
    read, known = (tokens(cached, "debugger", entry) for entry in ("prompt_tokens", "cached_tokens"))
    yield f"the constant, {read / (read - 0.9 * known):.2g}-fold for the debugger's reading"
    yield f"A context** of {debugging.CONTEXT:,} tokens"
    limited = {each.k: each for each in programs("debugging", f"naive, context {debugging.CONTEXT}")}
    assert [done(limited[k]) for k in (64, 128)] == [1.0, 0.0]
    assert (limited[128].b, tokens(limited[128], "debugger", "calls")) == (b, 2)
    rights = [done(programs("debugging", f"{name}, tokens err")[-1]) for name in ("naive", "focused")]
    yield f"if each is right with {debugging.TOKEN}, repairs of four bugs"
    yield f"in 256 functions leave no bug behind in {rights[0]:.3f}"
    yield f"and in {rights[1]:.3f} by rewrites of one function"
    once, again, three, same = (
        done(debugging.ERRING[name])
        for name in ("errs", "errs, looked at again", "errs, three votes", "errs, three copied votes")
    )
    yield f"are gone in {once:.3g} of the runs; in {again:.2g} if repaired functions are looked at again"
    yield f"in {three:.3g} with three votes of QA, but in {same:.2g} if the votes are copies of one"
    called, oracle = debugging.ERRING["cut by a call"], debugging.FOCUSED
    yield f"b = 4 some {tokens(called, 'cutter', 'pass_tokens') / passes(oracle):.2g} times all the rest"
    noted, plain_one = (tokens(debugging.ERRING[name], "debugger", "pass_tokens") for name in ("learns", "learns, not"))
    yield f"{noted / plain_one:.3g} times the debugger's cost at b = 16"


SECTIONS = {"routing": about_routing, "debugging": about_debugging}
NAMED = ("repairs that succeed with 0.9,", "5 % of the bugs overlooked, 2 % false alarms")
"""What is chosen, not found."""


def section(name):
    """The part of the page about a system."""
    (found,) = (part for part in PAGE.split("\n## ") if part.startswith(f"{name}: "))
    return plain(found)


def left(name, text, numbers_of):
    """The numbers of a section that nothing here computes."""
    for said in (*SECTIONS[name](), *NAMED):
        text = text.replace(said, "")
    return numbers_of(text)


def test_each_system_has_its_section_and_its_command():
    assert list(SECTIONS) == [study.name for study in SYSTEMS]
    assert all(f"`llm-evo run {name}`" in section(name) for name in SECTIONS)


@pytest.mark.parametrize("name", SECTIONS)
def test_results_of_a_system_are_computed(name):
    text = section(name)
    assert [said for said in SECTIONS[name]() if plain(said) not in text] == []


@pytest.mark.parametrize("name", SECTIONS)
def test_no_number_of_a_system_is_typed_in(name, numbers_of):
    text = section(name)
    assert left(name, text, numbers_of) == []
    assert left(name, f"{text} It takes 162 calls, 443.2 or 1,751.", numbers_of) == ["162", "443.2", "1,751"]
