"""The best candidates of a plan as the file of a grid, which `llm-evo run` checks by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from evo.errors import InputError
from experiments.grids.outside.arm_toml import as_arm, toml_string
from experiments.planning.model import Model
from experiments.planning.plan import Plan, Ranked


def grid_toml(plan: Plan, chosen: Sequence[Ranked], name: str = "plan", runs: int = 1000) -> str:
    """The text of a grid's file with an arm for each of some candidates of which something is known.

    A comment above an arm says which numbers of the plan are simulated, and their standard errors. Comments on top say
    how `llm-evo time` shows the runs with the seconds that the plan rests on, of each model: a grid has no seconds, for
    the same runs are timed with any.

    Args:
        plan: the plan.
        chosen: candidates of it.
        name: of the grid.
        runs: of each cell.

    Raises: InputError if nothing is known of any.
    """
    known = [each for each in chosen if each.numbers.kind != "none"]
    if not known:
        raise InputError("plan: expected a candidate of which something is known, got none to write")
    models = {each.candidate.model.name: each.candidate.model for each in known}
    timed = [_time_command(model, name, plan.aim.workers) for model in models.values() if model.timed]
    arms = [_simulated(each) + as_arm(each.candidate.cell, str(each.candidate)) for each in known]
    return "\n\n".join(["".join(timed) + f"name = {toml_string(name)}\nruns = {runs}", *arms]) + "\n"


def _time_command(model: Model, name: str, workers: int) -> str:
    """A comment, a line: the command that times the runs as the plan does, by mean seconds."""
    latency = model.latency
    options = " ".join(
        f"--{each.name.replace('_', '-')} {getattr(latency, each.name):.12g}" for each in fields(latency)
    )
    of = f" of {model.name}" if model.name else ""
    return f"# seconds{of}: llm-evo time results/{name} --workers {workers} {options}\n"


def _simulated(ranked: Ranked) -> str:
    """A comment, a line, if numbers are simulated; hours are of no grid."""
    numbers = ranked.numbers
    of_runs = [(name, error) for name, error in numbers.errors if not name.startswith("hours_")]
    told = ", ".join(f"{name} {getattr(numbers, name):.6g} +- {error:.2g}" for name, error in of_runs)
    return f"# simulated by the plan ({numbers.runs:,} runs): {told}\n" if told else ""
