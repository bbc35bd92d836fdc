"""What the study `debugging` shows and says: its figure and its findings, all of it from the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo.protocols import FloatArray
from experiments.reports.measured import Arms, Measured, beside, number
from experiments.reports.panels import Curve, Panel, panels_figure
from experiments.reports.study import Findings
from experiments.studies.systems.growth import (
    at,
    far_exponent,
    parameter,
    places,
    quotient,
    ratio,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Debug one function a call: b bugs cost b, not b²; the more code, the more that saves, and the less breaks"
B, K = parameter("b"), parameter("k")


def figure(arms: Arms) -> Figure:
    """Cost along b, what focusing saves along k, and how often the code is right along k."""
    systems = [(name, colour) for colour, name in enumerate(("naive", "focused"))]
    costs = [
        Curve(name, x := places(cells := arms[f"{name} along b"], B), [each.mean("cost") for each in cells], x,
              _line([each.exact("cost") for each in cells]), colour)
        for name, colour in systems
    ]  # fmt: skip
    rights = [
        Curve(name, x := places(cells := arms[f"{name}, tokens err"], K), [each.done for each in cells], x,
              _line([each.exact_done for each in cells]), colour)
        for name, colour in systems
    ]  # fmt: skip
    k = "k  (functions in the code)"
    bugs, functions = B(arms["naive along k"][0]), K(arms["naive along b"][0])
    panels = [
        Panel(f"Cost of b bugs ({functions:.0f} functions)", "b  (bugs)", "cost  (tokens of all forward passes)", costs,
              log_x=2),
        Panel(f"What focusing saves ({bugs:.0f} bugs)", k, "cost, naive over focused", _savings(arms), log_x=2),
        Panel("Each token is right with 0.9999", k, "share of runs that end without a bug", rights, log_x=2,
              log_y=False, y_range=(0.0, 1.02)),
    ]  # fmt: skip
    return panels_figure(TITLE, panels, note="functions of 16 tokens; models of equal size")


def _savings(arms: Arms) -> list[Curve]:
    pairs = list(zip(arms["naive along k"], arms["focused along k"], strict=True))
    x = places([above for above, _ in pairs], K)
    named = {"debugger: k²": "debugger.pass_tokens", "whole system": "cost", "QA: constant": "qa.pass_tokens"}
    return [
        Curve(label, x, [quotient(above.mean(entry), below.mean(entry)) for above, below in pairs], x,
              _line([above.exact(entry) / below.exact(entry) for above, below in pairs]), colour + 2)
        for colour, (label, entry) in enumerate(named.items())
    ]  # fmt: skip


def _line(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float64)


# ------------------------------------------------------------------ what was found


def findings(arms: Arms) -> Findings:
    """What the paper leaves unsaid, each line from cells that were run; a row of costs an arm."""
    told = (_in_whole, _in_dollars, _in_cache, _in_context, _with_tokens_that_err, _with_errors, _with_votes, _at_once)
    return Findings(
        sentences=tuple(tell(arms) for tell in (*told, _cut, _learning)),
        headings=("arm", "at", "cost", "QA's passes", "debugger's passes", "calls", "share done"),
        rows=tuple(_row(arm, cells[-1]) for arm, cells in arms.items() if cells),
        note="the last cell of each arm; measured, exact in brackets; share done: all functions correct in the end",
    )


def _row(arm: str, each: Measured) -> tuple[str, ...]:
    names = ("cost", "qa.pass_tokens", "debugger.pass_tokens", "calls")
    passes = [beside(each.mean(name), each.exact(name)) for name in names]
    place = ", ".join(f"{letter} = {parameter(letter)(each):.0f}" for letter in ("k", "l", "b"))
    return arm, place, *passes, f"{each.done} ({number(each.exact_done)})"


def _ratios(arms: Arms, quantity: str, arm: str) -> list[float]:
    pairs = zip(arms[f"naive{arm}"], arms[f"focused{arm}"], strict=True)
    return [ratio(above, below, quantity) for above, below in pairs]


def _in_whole(arms: Arms) -> str:
    ks = places(arms["naive along k"], K).tolist()
    repair, whole = (_ratios(arms, quantity, " along k") for quantity in ("debugger.pass_tokens", "cost"))
    return (
        f"Eq. 11 is the speed-up of the debugger, not of the system: at k = {ks[-1]:,.0f} it is {number(repair[-1])}, "
        f"that of the system {number(whole[-1])}, and over the last doubling of k they grow with the exponents "
        f"{far_exponent(ks, repair):.2f} and {far_exponent(ks, whole):.2f}: once k is far above b l, reading the code "
        "once is what the focused system costs (theory 13.11)."
    )


def _in_dollars(arms: Arms) -> str:
    last, small = (arms[f"{name}, dollars"][-1] for name in ("naive", "focused"))
    passes = _passes(last) / _passes(small)
    return (
        "An API does not charge the primitive of Definition 2.2: it charges a prompt once a call, not once a token "
        f"that is written. At k = {K(last):.0f} and b = {B(last):.0f} the system's speed-up is {number(passes)} in "
        f"passes and {number(ratio(last, small))} in dollars; the debugger's is Theta(b k) in place of Theta(b k^2) "
        "(theory 13.8)."
    )


def _passes(each: Measured) -> float:
    return sum(each.mean(f"{role}.pass_tokens").value for role in ("qa", "debugger"))


def _in_cache(arms: Arms) -> str:
    bs = places(arms["naive, dollars"], B).tolist()
    plain, cached = (arms[f"naive, dollars{end}"][-1] for end in ("", ", cached"))
    read, known = (_read(arms[f"naive, dollars{end}"]) for end in ("", ", cached"))
    return (
        "A cache that reads the old transcript at a tenth of the price makes the naive system "
        f"{ratio(plain, cached):.2g} times cheaper at b = {bs[-1]:.0f}. What the debugger reads still grows as b^2 "
        f"(exponent {far_exponent(bs, known):.2f} with and {far_exponent(bs, read):.2f} without it over the last step "
        f"of b): its constant falls, {read[-1] / known[-1]:.2g}-fold here, tenfold in the limit (theory 18f)."
    )


def _read(cells: Sequence[Measured]) -> list[float]:
    """What the debugger pays for reading, in prices of new tokens."""
    read, cached = (
        [each.mean(f"debugger.{entry}").value for each in cells] for entry in ("prompt_tokens", "cached_tokens")
    )
    return [whole - 0.9 * known for whole, known in zip(read, cached, strict=True)]


def _in_context(arms: Arms) -> str:
    (name,) = [arm for arm in arms if arm.startswith("naive, context")]
    can = [each for each in arms[name] if not each.censored]
    stopped = next(each for each in arms[name] if each.censored)
    small = [each for each in arms[name.replace("naive", "focused")] if not each.censored]
    return (
        f"In a context of {name.split()[-1]} tokens the naive system repairs all up to k = {_most(can)}; at k = "
        f"{K(stopped):.0f} it cannot go on after {number(stopped.mean('debugger.calls').value)} of {B(stopped):.0f} "
        f"repairs. The focused one does at every k that was run, up to {_most(small)}."
    )


def _most(cells: Sequence[Measured]) -> str:
    return f"{max(map(K, cells)):,.0f}" if cells else "none"


def _with_tokens_that_err(arms: Arms) -> str:
    whole, small = (arms[f"{name}, tokens err"][-1] for name in ("naive", "focused"))
    return (
        f"If a token is right with 0.9999, a rewrite of k = {K(whole):.0f} functions often breaks one: "
        f"{whole.done} of the naive runs end without a bug ({number(whole.exact_done)} exactly), "
        f"{small.done} of the focused ones ({number(small.exact_done)}). The chance falls as p^t with the t "
        "tokens that are written; the paper compares cost alone."
    )


def _with_errors(arms: Arms) -> str:
    once, again = arms["errs"][0], arms["errs, looked at again"][0]
    naive, content = arms["errs, naive"][0], arms["errs, naive, until QA is content"][0]
    return (
        "Eq. 8-10 need a QA that never errs and repairs that never fail (theory 13.9). With 5 % of the bugs "
        "overlooked, 2 % false alarms, fix = 0.9 and keep = 0.99 the focused system ends right in "
        f"{once.done} of the runs, and in {again.done} if repaired functions are looked at again, for "
        f"{ratio(again, once):.3g} times the cost. The naive one ends right in {naive.done} after b rounds, "
        f"and in {content.done} if it goes on until QA is content, for {number(ratio(content, again))} times "
        "the cost of the focused one."
    )


def _with_votes(arms: Arms) -> str:
    names = ("errs, looked at again", "errs, three votes", "errs, three copied votes")
    one, three, same = (arms[name][0] for name in names)
    return (
        f"Three votes of QA raise that to {three.done} for {ratio(three, one):.3g} times the cost; three votes "
        f"that are copies of one leave it at {same.done} for {ratio(same, one):.3g} times: errors must be "
        "decorrelated (Section 5.1)."
    )


def _at_once(arms: Arms) -> str:
    together = arms["at once"][0]
    each_bug = [at(arms[f"{name} along b"], b=B(together)) for name in ("naive", "focused")]
    naive, turns, once = (number(float(each.generations.mean())) for each in (*each_bug, together))
    return (
        f"In time (Section 5.2) the naive system takes {naive} calls one after the other, the focused one {turns}, or "
        f"{once} steps if the calls of a role are made at once; calls on a transcript have to wait for each other."
    )


def _cut(arms: Arms) -> str:
    called = arms["cut by a call"][0]
    naive, oracle = (at(arms[f"{name} along b"], b=B(called)) for name in ("naive", "focused"))
    cutting = called.mean("cutter.pass_tokens").value
    return (
        "An oracle decomposition is free; an LLM that reads all the code and writes a token a function costs "
        f"{number(cutting)} passes at k = {K(called):.0f}, k^2 l, which is {cutting / oracle.mean('cost').value:.3g} "
        "times all the rest of the focused system: the speed-up over the naive one falls from "
        f"{number(ratio(naive, oracle))} to {number(ratio(naive, called))} (Section 5.3)."
    )


def _learning(arms: Arms) -> str:
    plain, noted = arms["learns, not"][0], arms["learns"][0]
    return (
        f"Learning by notes as long as a function (Section 5.5): {noted.done} of the runs end right, in "
        f"place of {plain.done}, and the debugger costs {ratio(noted, plain, 'debugger.pass_tokens'):.3g} "
        "times as much, since every repair reads the notes of those before it: a memory brings the b^2 back."
    )
