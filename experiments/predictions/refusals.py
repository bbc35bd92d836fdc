"""What a refusal to predict says: in full for Python, and in a line for the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evo.text import canonical, type_name
from experiments.grids.cell import Cell

HEAD = "no exact prediction for "
MOST_LISTED = 3
"""Rules that are listed with all that the cell misses of them; of more only the nearest."""
OTHER_PARTS = ("needs schedule", "needs problem", "needs runner")
"""What a rule for other parts than the cell's misses: it says little about the cell."""
ELSEWHERE = "see docs/predictions.md"
REFUSAL = re.compile(HEAD + r".* by any of (?P<count>\d+) rules?:\n  (?P<nearest>.*)")


def no_law(cell: Cell) -> str:
    """Why a mutator without a law of its own has no prediction."""
    kind, inner = type_name(type(cell.mutator)), getattr(cell.mutator, "inner", None)
    if getattr(cell.mutator, "law", None) is not None:
        return f"{kind} inherits its law and may behave differently: declare it in the class to have predictions"
    around = "" if inner is None else f" around {canonical(inner)}"
    return f"{kind} declares no law{around}: it runs and is fitted, not predicted"


def missing_rules(cell: Cell, misses: Mapping[str, Sequence[str]]) -> str:
    """What the cell misses of the rules, the nearest first: those for its own schedule, problem and runner, if any.

    Args:
        cell: the cell that no rule predicts.
        misses: of each rule about such laws what the cell misses.
    """
    least = min(map(_other_parts, misses.values()), default=0)
    near = [rule for rule, missed in misses.items() if _other_parts(missed) == least]
    nearest = sorted(near, key=lambda rule: len(misses[rule]))
    listed = nearest if len(nearest) <= MOST_LISTED else nearest[:1]
    lines = [
        f"{HEAD}{cell.text} by any of {_rules(len(misses))}:",
        *(f"  {rule}: {'; '.join(misses[rule])}" for rule in listed),
    ]
    if len(nearest) > len(listed):
        lines.append(f"  other rules: {', '.join(nearest[len(listed) :])}")
    if len(misses) > len(nearest):
        lines.append(f"  and {_rules(len(misses) - len(nearest))} for other schedules, problems or runners")
    return "\n".join(lines) + f"; {ELSEWHERE}"


def in_short(reason: str) -> str:
    """The nearest rule of such a refusal, and how many others there are; any other reason as it is."""
    found = REFUSAL.match(reason)
    if found is None:
        return reason
    others = int(found["count"]) - 1
    tail = f", and {others} other rule{'' if others == 1 else 's'}" if others else ""
    return f"no exact prediction; {found['nearest'].removesuffix(f'; {ELSEWHERE}')}{tail}; {ELSEWHERE}"


def kind_of_reason(reason: str) -> str:
    """What refusals of cells that differ in their numbers only have in common; any other reason as it is."""
    return re.sub(r"\d[\d.e+]*", "#", in_short(reason)) if REFUSAL.match(reason) else reason


def _rules(count: int) -> str:
    return f"{count} rule{'' if count == 1 else 's'}"


def _other_parts(missed: Sequence[str]) -> int:
    return sum(miss.startswith(OTHER_PARTS) for miss in missed)
