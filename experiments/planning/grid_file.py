"""The best candidates of a plan as the file of a grid, which `llm-evo run` checks by simulation."""

from __future__ import annotations

import json

from evo.errors import InputError
from experiments.grids.outside.arm_toml import as_arm
from experiments.planning.plan import Plan


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
    arms = [as_arm(one.cell, str(one)) for one in chosen]
    return "\n\n".join([f"name = {json.dumps(name)}\nruns = {runs}", *arms]) + "\n"
