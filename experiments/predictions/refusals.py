"""What a refusal to predict says: in full for Python, and in a line for the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evo.forms.texts import asks_a_model
from evo.text import canonical, type_name

HEAD = "no exact prediction for "
MOST_LISTED = 3
TABLE = "docs/predictions.md"
ELSEWHERE = f"see {TABLE}"
REFUSAL = re.compile(HEAD + r".* by any of (?P<count>\d+) rows?:\n  (?P<nearest>.*)")


@dataclass(frozen=True)
class Missed:
    """What a setting misses of a row.

    Attributes:
        row: its name.
        parts: how many of the setting's parts it is not about.
        reasons: in words; empty if nothing is missing.
    """

    row: str
    parts: int
    reasons: list[str]


def no_law(mutator: object) -> str:
    """Why a mutator without a law of its own has no prediction."""
    kind, inner = type_name(type(mutator)), getattr(mutator, "inner", None)
    if getattr(mutator, "law", None) is not None:
        return f"{kind} inherits its law and may behave differently: declare it in the class to have predictions"
    if asks_a_model(mutator):
        return (
            f"{kind} declares no law, for its calls are real: it runs and is fitted; `llm-evo calibrate` on its "
            "answers.jsonl gives a mutator that is predicted"
        )
    around = "" if inner is None else f" around {canonical(inner)}"
    return f"{kind} declares no law{around}: it runs and is fitted, not predicted"


def missing_rules(text: str, tried: Sequence[Missed]) -> str:
    """What a search misses of the nearest rows about such laws: those for its own parts first, then what misses least.

    Args:
        text: of the search that no row predicts.
        tried: what it misses of each.
    """
    if not tried:
        return f"{HEAD}{text}: no row is about the law that its mutator declares; {ELSEWHERE}"
    nearest = sorted(tried, key=lambda missed: (missed.parts, len(missed.reasons)))
    listed = nearest[:MOST_LISTED]
    lines = [f"{HEAD}{text} by any of {_rows(len(tried))}:"]
    lines += [f"  {missed.row}: {'; '.join(missed.reasons)}" for missed in listed]
    if len(tried) > len(listed):
        return "\n".join((*lines, f"  and {_other_rows(len(tried) - len(listed))}, from which it differs in more"))
    return "\n".join(lines) + f"; {ELSEWHERE}"


def in_short(reason: str) -> str:
    r"""The nearest row of such a refusal, and how many others do not fit either; any other reason as it is.

    >>> in_short("no exact prediction for X by any of 3 rows:\n  in turn: needs g = 1, got g = 2")
    'no exact prediction; in turn: needs g = 1, got g = 2; nor do 2 other rows of the table in docs/predictions.md fit'
    """
    found = REFUSAL.match(reason)
    if found is None:
        return reason
    others = int(found["count"]) - 1
    tail = f"; nor {'does' if others == 1 else 'do'} {_other_rows(others)} fit" if others else f"; {ELSEWHERE}"
    return f"no exact prediction; {found['nearest'].removesuffix(f'; {ELSEWHERE}')}{tail}"


def kind_of_reason(reason: str) -> str:
    """What refusals of cells that differ in their numbers only have in common; any other reason as it is."""
    return re.sub(r"\d[\d.e+]*", "#", in_short(reason)) if REFUSAL.match(reason) else reason


def _other_rows(count: int) -> str:
    return f"{count} other row{'' if count == 1 else 's'} of the table in {TABLE}"


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"
