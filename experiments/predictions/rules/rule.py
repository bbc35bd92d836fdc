"""What a rule of exact prediction is: the conditions under which a family of formulas holds, and the formulas.

Types are matched exactly: a subclass may behave differently and inherits no claim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evo.laws.declared import declared_law
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.theory import RunLaw
from experiments.grids.cell import Cell
from experiments.predictions.conditions import declares, is_a, law_of, start_of
from problems import BlockOneMax

Condition = tuple[str, Callable[[Cell], str | None]]


@dataclass(frozen=True)
class Rule:
    """When a family of formulas applies, and the law of a run that it gives.

    Attributes:
        name: what it is about.
        conditions: pairs of what is needed and a test that gives what the cell has instead, or None if it is met.
        run_law: the law of a run of a cell that meets them all.
        about: classes of laws that it is about, if not laws of counts; a refusal names only rules about the cell's law.
    """

    name: str
    conditions: tuple[Condition, ...]
    run_law: Callable[[Cell], RunLaw]
    about: tuple[type, ...] = ()

    def fits(self, cell: Cell) -> bool:
        """Whether the cell meets every condition; the first that it does not meet ends the search."""
        return all(test(cell) is None for _, test in self.conditions)

    def misses(self, cell: Cell) -> list[str]:
        """What the cell lacks."""
        found = ((needs, test(cell)) for needs, test in self.conditions)
        return [f"needs {needs}, got {got}" for needs, got in found if got is not None]


def chunked(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    """A formula of law, k, g, start and lam."""
    return lambda cell: formula(law_of(cell), cell.problem.k, cell.chunks.g, start_of(cell), cell.runner.lam)


def whole(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    """A formula of law, k, start and lam."""
    return lambda cell: formula(law_of(cell), cell.problem.k, start_of(cell), cell.runner.lam)


def own_law(cell: Cell) -> Any:
    """The law that the mutator declares, of whatever class."""
    return declared_law(cell.mutator)


def rule_of(law: type, name: str, run_law: Callable[[Cell], RunLaw], *conditions: Condition) -> Rule:
    """A rule about mutators that declare a law of exactly this class, on BlockOneMax."""
    common = (is_a("problem", BlockOneMax), declares(law), is_a("runner", OnePlusLambda))
    return Rule(name, (*common, *conditions), run_law, (law,))
