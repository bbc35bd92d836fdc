"""Rules of exact prediction: for each family of formulas the conditions under which it holds.

Types are matched exactly: a subclass may behave differently and inherits no claim.
"""

from __future__ import annotations

from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.declared import declared_law
from experiments.grids.cell import Cell
from experiments.predictions.conditions import always_valid
from experiments.predictions.refusals import missing_rules, no_law
from experiments.predictions.rules.counts import OF_COUNTS
from experiments.predictions.rules.enumeration import OF_SOLUTIONS
from experiments.predictions.rules.errors import (
    OF_BLOCKS,
    OF_BOUNDARIES,
    OF_DIFFICULTY,
    OF_LEARNING,
    OF_QUALITY,
    OF_SPILL,
)
from experiments.predictions.rules.landscapes import OF_LANDSCAPES
from experiments.predictions.rules.noise import OF_NOISE
from experiments.predictions.rules.parallel import OF_ROUNDS
from experiments.predictions.rules.rule import Rule
from experiments.predictions.rules.selection import OF_SELECTION

__all__ = ["RULES", "Rule", "always_valid", "rule_for"]

RULES = (
    *OF_COUNTS,
    *OF_SPILL,
    *OF_BLOCKS,
    *OF_DIFFICULTY,
    *OF_QUALITY,
    *OF_BOUNDARIES,
    *OF_LEARNING,
    *OF_LANDSCAPES,
    *OF_NOISE,
    *OF_SELECTION,
    *OF_ROUNDS,
    *OF_SOLUTIONS,
)
"""The first whose every condition is met predicts; the last ones, which need no formula, only where k is small."""


def rule_for(cell: Cell) -> Rule:
    """The first rule whose every condition the cell meets.

    Raises: NoPrediction naming the nearest rules about such laws and what the cell misses of them; or that the mutator
    declares no law.
    """
    for rule in RULES:
        if rule.fits(cell):
            return rule
    law = declared_law(cell.mutator)
    if law is None:
        raise NoPrediction(no_law(cell))
    raise NoPrediction(missing_rules(cell, {rule.name: rule.misses(cell) for rule in _relevant(law)}))


def _relevant(law: object) -> list[Rule]:
    """The rules about such a law; those about counts for any other."""
    about = [rule for rule in RULES if isinstance(law, rule.about)]
    of_counts = [rule for rule in RULES if not rule.about]
    return of_counts + about if isinstance(law, CallLaw) or not about else about
