"""What the study `routing` shows and says: its figure and its findings, all of it from the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evo.theory.systems.routing import saturation
from experiments.reports.measured import Arms, Measured, Value, beside, number
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

TITLE = "Routing saves k-fold while the delegator is small; one as large as the generalist ends that at n/h"
K, N = parameter("k"), parameter("n")
SAVINGS = {
    "small delegator": ("generalist along k", "small delegator along k"),
    "large delegator,\nn = 10,000": ("generalist, n = 10,000", "large delegator, n = 10,000"),
    "large delegator,\nn = 1,000": ("generalist along k", "large delegator along k"),
}
ERRING = {"seen, asked again": "wrong, seen and asked again", "three votes": "wrong, three votes",
          "not seen": "wrong, not seen"}  # fmt: skip


def figure(arms: Arms) -> Figure:
    """Speed-up along k; share of right answers along the errors of the delegator."""
    speedups = [
        Curve(
            label,
            x := places(arms[above], K),
            _ratios(arms, above, below),
            x,
            _exact_ratios(arms, above, below),
            colour,
        )
        for colour, (label, (above, below)) in enumerate(SAVINGS.items())
    ]
    wrong = parameter("wrong")
    rights = [
        Curve(label, x := places(cells := arms[arm], wrong), [each.done for each in cells], x,
              np.array([each.exact_done for each in cells]), colour)
        for colour, (label, arm) in enumerate(ERRING.items())
    ]  # fmt: skip
    panels = [
        Panel("Speed-up over one generalist (10 tokens of metadata)", "k  (tasks)", "cost, generalist over routing",
              speedups, log_x=2),
        Panel("A delegator that errs", "chance that it names a wrong specialist", "share of right answers", rights,
              log_y=False, y_range=(0.5, 1.02)),
    ]  # fmt: skip
    return panels_figure(TITLE, panels, note="m_g = k m_s; the large delegator has the generalist's size")


def _ratios(arms: Arms, above: str, below: str) -> list[Value]:
    pairs = zip(arms[above], arms[below], strict=True)
    return [quotient(over.mean("cost"), under.mean("cost")) for over, under in pairs]


def _exact_ratios(arms: Arms, above: str, below: str) -> Any:
    pairs = zip(arms[above], arms[below], strict=True)
    return np.array([over.exact("cost") / under.exact("cost") for over, under in pairs])


def findings(arms: Arms) -> Findings:
    """What the paper leaves unsaid, each line from cells that were run; a row an arm."""
    sentences = (make(arms) for make in (_saturates, _small, _assumed, _named, _shared, _errs, _votes))
    return Findings(
        sentences=tuple(sentences),
        headings=("arm", "at", "cost", "calls", "share right"),
        rows=tuple(_row(arm, cells[-1]) for arm, cells in arms.items() if cells),
        note="the last cell of each arm; measured, exact in brackets",
    )


def _row(arm: str, each: Measured) -> tuple[str, ...]:
    program = each.program
    costs = [beside(each.mean(name), each.exact(name)) for name in ("cost", "calls")]
    return arm, f"k = {program.k:,}, n = {program.n:,}", *costs, f"{each.done} ({number(each.exact_done)})"


def _speedups(arms: Arms, name: str) -> list[float]:
    return [each.value for each in _ratios(arms, *SAVINGS[name])]


def _saturates(arms: Arms) -> str:
    *_, near = SAVINGS
    cells = arms[SAVINGS[near][1]]
    found, ks = _speedups(arms, near), places(cells, K).tolist()
    program = cells[-1].program
    most = saturation(program.n, program.h)
    half = next((f"{k:,.0f}" for k, value in zip(ks, found, strict=True) if value >= most / 2), "none that was run")
    far = _speedups(arms, list(SAVINGS)[1])
    return (
        f"With a delegator as large as the generalist the speed-up at n = {program.n:,} and h = {program.h} ends "
        f"below n/h = {most:g}: half of that is reached at k = {half}, {found[-1]:.3g} at k = {ks[-1]:,.0f}, "
        f"where k is still {ks[-1] / found[-1]:.3g} times as much; at n = 10,000 it is {far[-1]:.3g}. Eq. 3 needs n "
        "far above k h (theory 13.9), so a giant delegator is okay only for long inputs."
    )


def _small(arms: Arms) -> str:
    found = _speedups(arms, "small delegator")
    ks = places(arms["small delegator along k"], K).tolist()
    return (
        f"With a delegator as large as a specialist it is {found[-1]:,.0f} at k = {ks[-1]:,.0f}, exponent "
        f"{far_exponent(ks, found):.3f} over the last doubling: linear as in Eq. 3. Shrinking the delegator does "
        "pay, once k is above n/h."
    )


def _assumed(arms: Arms) -> str:
    root = [each.mean("cost").value for each in arms["generalist, m_g = m_s sqrt(k)"]]
    ks = places(arms["generalist along k"], K).tolist()
    return (
        "That size is linear in the number of tasks is assumed. With m_g = m_s k^(1/2) the generalist's cost grows "
        f"with exponent {far_exponent(ks, root):.3f}, and all that specialists can save is sqrt(k)."
    )


def _named(arms: Arms) -> str:
    plain, words = arms["large delegator along k"][-1], arms["names in words of 10"][-1]
    tokens = words.mean("delegator.generated_tokens").value
    return (
        f"Naming one of k = {K(words):,.0f} tasks takes ceil(log_V k) tokens, here {tokens:g} with V = 10: the "
        f"delegator makes {ratio(words, plain, 'delegator.pass_tokens'):.3g} times the passes, and the system costs "
        f"{ratio(words, plain):.3g} times as much."
    )


def _shared(arms: Arms) -> str:
    cells = arms["shared specialists"]
    costs = [each.mean("cost").value for each in cells]
    program = cells[-1].program
    return (
        f"Specialists of several tasks are larger: of {program.k} tasks, {_list(_tasks(each) for each in cells)} "
        f"tasks a specialist cost {_list(number(cost) for cost in costs)}. The last has no choice left, and pays for "
        "the delegator on top."
    )


def _errs(arms: Arms) -> str:
    blind, seen = (at(arms[name], wrong=0.2) for name in ("wrong, not seen", "wrong, seen and asked again"))
    exact = at(arms["wrong, not seen"], wrong=0.0)
    return (
        f"A delegator that is wrong in a fifth of the cases leaves a share of {blind.done} of the answers "
        "right, at the same cost. If a wrong specialist says so and the delegator is asked again, the share is "
        f"{seen.done} for {ratio(seen, exact):.3g} times the cost: 1/(1 - wrong) attempts."
    )


def _votes(arms: Arms) -> str:
    three, same = (at(arms[name], wrong=0.2) for name in ("wrong, three votes", "wrong, three copied votes"))
    exact = at(arms["wrong, not seen"], wrong=0.0)
    return (
        f"Three votes of the delegator bring {three.done} for {ratio(three, exact):.3g} times the cost, and "
        f"three copies of one vote {same.done} for the same (Section 5.1)."
    )


def _tasks(each: Measured) -> str:
    program = each.program
    return str(program.serves[0])


def _list(words: Any) -> str:
    return ", ".join(words)
