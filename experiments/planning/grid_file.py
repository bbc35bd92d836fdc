"""The best candidates of a plan as the file of a grid, which `llm-evo run` checks by simulation."""

from __future__ import annotations

import json

from evo.errors import InputError
from experiments.grids.outside.arm_toml import as_arm
from experiments.planning.plan import Plan, Ranked


def grid_toml(plan: Plan, most: int, name: str = "plan", runs: int = 1000) -> str:
    """The text of a grid's file with an arm for each of the best candidates of which something is known.

    A comment above an arm says which numbers of the plan are simulated, and their standard errors.

    Args:
        plan: the plan.
        most: candidates, at the most.
        name: of the grid.
        runs: of each cell.

    Raises: InputError if there are none.
    """
    chosen = [each for each in plan.ranked if each.numbers.kind != "none"][:most]
    if not chosen:
        raise InputError("plan: expected a candidate of which something is known, got none to write")
    arms = [_simulated(each) + as_arm(each.candidate.cell, str(each.candidate)) for each in chosen]
    return "\n\n".join([f"name = {json.dumps(name)}\nruns = {runs}", *arms]) + "\n"


def _simulated(ranked: Ranked) -> str:
    """A comment, a line, if numbers are simulated."""
    numbers = ranked.numbers
    told = ", ".join(f"{name} {getattr(numbers, name):.6g} +- {error:.2g}" for name, error in numbers.errors)
    return f"# simulated by the plan ({numbers.runs:,} runs): {told}\n" if told else ""
