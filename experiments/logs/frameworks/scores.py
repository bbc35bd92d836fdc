"""Blocks in the metrics of an evaluator: b0, b1, .. are 1 where a block is right, else 0."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.logs.columns import Value

BLOCK = re.compile(r"b\d{1,6}")


def right_blocks(metrics: Any) -> dict[str, bool]:
    """Which blocks are right; empty if the metrics have none, or one that is neither 0 nor 1.

    >>> right_blocks({"combined_score": 1.0, "b0": 1.0, "b1": 0}), right_blocks({"b0": 0.5})
    ({'b0': True, 'b1': False}, {})
    """
    found = {name: metrics[name] for name in metrics if BLOCK.fullmatch(name)} if isinstance(metrics, dict) else {}
    told = all(isinstance(value, int | float) and value in (0, 1) for value in found.values())
    return {name: bool(value) for name, value in found.items()} if told else {}


def counts_by_name(before: Mapping[str, bool], after: Mapping[str, bool]) -> dict[str, Value]:
    """The columns of a call whose prompt had all blocks; empty where parent and child do not have the same ones.

    >>> counts_by_name({"b0": False}, {"b0": True})["repaired"], counts_by_name({"b0": False}, {"b1": True})
    (1, {})
    """
    return {} if set(before) != set(after) else counts([*before.values()], [after[name] for name in before])


def counts(before: Sequence[bool], after: Sequence[bool]) -> dict[str, Value]:
    """The same of blocks in order.

    >>> counts([True, False, False], [False, True, False])
    {'g': 3, 'k': 3, 'incorrect': 2, 'repaired': 1, 'kept': 0}
    """
    if not before or len(before) != len(after):
        return {}
    pairs = list(zip(before, after, strict=True))
    return {
        "g": len(pairs),
        "k": len(pairs),
        "incorrect": sum(not old for old, _ in pairs),
        "repaired": sum(new and not old for old, new in pairs),
        "kept": sum(old and new for old, new in pairs),
    }


def better(before: Any, after: Any) -> str:
    """The outcome of an answer that was applied and evaluated, by the scores of parent and child.

    >>> better(1.0, 2.0), better(2.0, 2.0), better(None, 2.0)
    ('improved', 'ok', 'ok')
    """
    numbers = all(isinstance(score, int | float) and not isinstance(score, bool) for score in (before, after))
    return "improved" if numbers and after > before else "ok"


def whole(value: Any) -> int | None:
    """A count as it stands in a log; nothing for what is none.

    >>> whole(3), whole("3"), whole(None)
    (3, None, None)
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def word(value: Any) -> Value:
    """A short name; nothing for what is none.

    >>> word("sim"), word(["sim"])
    ('sim', None)
    """
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 200 else None
