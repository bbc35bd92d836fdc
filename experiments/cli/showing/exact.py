"""Whether a part has an exact law, in words: what it declares, and which rules of the table name it."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

from experiments.predictions import conditions as c
from experiments.predictions.rules import RULES, Row, classes
from problems import Judged, Minibatch, Noisy

SEEN_BY: dict[type, tuple[c.Condition, ...]] = {
    Noisy: (c.SEEN, c.NOISY),
    Minibatch: (c.MINIBATCH,),
    Judged: (c.SEEN, c.JUDGED),
}
NO_LAW_NEEDED = {
    "prompt": "none is needed: the tokens of a call follow from it",
    "cost": "none is needed: costs are priced from the law of the ledger",
    "budget": "none is needed: predictions are of runs without a budget, which only censors them",
}
LISTED = 4
"""Rules that are named before the others are only counted."""


def exact_law(kind: str, part: type) -> str:
    """Whether searches with this part have exact predictions, and what that rests on.

    >>> from operators import Resample
    >>> exact_law("mutator", Resample)
    'yes. Correct blocks after a call on g of them: Bin(g, p) (theory 1a).'
    >>> from evo.runners.parallel import Asynchronous
    >>> exact_law("runner", Asynchronous)
    'no: no rule names it. It runs and is fitted, not predicted'
    """
    if kind in NO_LAW_NEEDED:
        return NO_LAW_NEEDED[kind]
    if kind == "mutator":
        said = _doc(part, "law")
        return f"yes. {said}".rstrip() if hasattr(part, "law") else "no: it declares no law. It runs and is fitted"
    if kind == "program":
        return f"yes. {_doc(part, 'expected')}" if hasattr(part, "expected") else "no: it has no `expected`"
    if kind == "schedule" and hasattr(part, "run_law"):
        return f"yes, it declares one. {_doc(part, 'run_law')}"
    if kind == "schedule" and "schedule" in {field.name for field in fields(part)}:
        return "that of the schedule inside it"
    if kind in ("schedule", "runner", "problem"):
        return _by_rules(kind, part)
    return ""


def _by_rules(kind: str, part: type) -> str:
    declared = f"yes. {_doc(part, 'landscape')}" if kind == "problem" and hasattr(part, "landscape") else ""
    names = [row.name for row in RULES if _names(row, kind, part)]
    if declared and not names:
        return f"{declared} What is known of such a fitness: docs/predictions.md"
    if not names:
        return "no: no rule names it. It runs and is fitted, not predicted"
    more = f", and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"yes, by these rules: {'; '.join(names[:LISTED])}{more} (docs/predictions.md)"


def _names(row: Row, kind: str, part: type) -> bool:
    """Whether a rule is about such a part; where it has a condition in the place of classes, whether that can hold."""
    if kind == "problem":
        return row.landscape in SEEN_BY.get(part, ())
    wanted: Any = row.schedule if kind == "schedule" else row.runner
    if isinstance(wanted, c.Condition):
        return part.__name__ in wanted.words.replace(",", "").split()
    return part in classes(wanted)


def _doc(part: type, name: str) -> str:
    """The first paragraph of what a property or method says of itself."""
    found = inspect.getattr_static(part, name, None)
    said = getattr(found, "fget", found).__doc__ if found is not None else None
    return " ".join(inspect.cleandoc(said or "").split("\n\n")[0].split())
