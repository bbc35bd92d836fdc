"""The best candidates of a plan as the file of a grid, which `llm-evo run` checks by simulation."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from evo.errors import InputError
from experiments.planning.plan import Plan

PARTS = ("problem", "mutator", "schedule", "runner", "prompt", "cost")


def grid_toml(plan: Plan, most: int, name: str = "plan", runs: int = 1000) -> str:
    """The text of a grid's file with an arm for each of the best candidates that is predicted.

    Args:
        plan: the plan.
        most: candidates, at the most.
        name: of the grid.
        runs: of each cell.

    Raises: InputError if there are none.
    """
    chosen = [each.candidate for each in plan.ranked if each.numbers.kind == "exact"][:most]
    if not chosen:
        raise InputError("plan: expected a candidate that is predicted, got none to write")
    arms = [
        "\n".join(
            ["[[arm]]", f"label = {json.dumps(str(one))}", *(f"{p} = {inline(getattr(one.cell, p))}" for p in PARTS)]
        )
        for one in chosen
    ]
    return "\n\n".join([f"name = {json.dumps(name)}\nruns = {runs}", *arms]) + "\n"


def inline(value: Any) -> str:
    """A part, or a value of one, as TOML; fields at their default are left out.

    >>> from operators import FixKeep, Refuse
    >>> inline(Refuse(FixKeep(0.5, 0.9), rate=0.02))
    '{type = "Refuse", inner = {type = "FixKeep", fix = 0.5, keep = 0.9}, rate = 0.02}'
    """
    if isinstance(value, tuple):  # chances by blocks a call; a list would be an axis
        return f"{{{', '.join(f'{g} = {inline(p)}' for g, p in value)}}}"
    if not is_dataclass(value):
        return json.dumps(value)
    said = [f'type = "{type(value).__name__}"']
    for each in fields(value):
        found = getattr(value, each.name)
        if found is None or (each.default is not MISSING and found == each.default):
            continue
        said.append(f"{each.name} = {inline(found)}")
    return f"{{{', '.join(said)}}}"
