"""Exact predictions of a cell: the first rule whose every condition the cell meets, or a refusal that says why.

Types are matched exactly: a subclass may behave differently and inherits no claim. Predictions are of the run without
a budget; a budget only cuts what can be seen of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from evo import theory
from evo.errors import InputError, NoPrediction
from evo.laws import CallLaw
from evo.protocols import FloatArray
from evo.runner import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.text import type_name
from evo.theory import RunLaw, Start, TimeLaw
from experiments.cell import Cell
from problems import BlockOneMax

QUANTITIES = ("hit", "calls", "generations", "cost")

TRUSTED = (
    "the mutator's `rewrite` follows its declared law, independently from call to call",
    "the run goes on to the optimum: no budget",
)


@dataclass(frozen=True)
class Prediction:
    """An exact prediction of one quantity of a cell.

    Attributes:
        quantity: "hit", "calls", "generations" or "cost".
        mean: its expectation; may be infinite.
        source: where the formula is from.
        checked: the conditions that the code checked of this cell.
        trusted: what it could not check.
        law: the whole law, in units of `unit`; None if only the mean is known.
        unit: price of a call for "cost", else 1.
        kind: "exact".

    The variance, quantiles and cdf raise NoPrediction where they are not known.
    """

    quantity: str
    mean: float
    source: str
    checked: tuple[str, ...]
    trusted: tuple[str, ...]
    law: TimeLaw | None
    unit: float = 1.0
    kind: str = "exact"

    @property
    def variance(self) -> float:
        """Variance of the quantity."""
        return self.unit**2 * self._known.variance if self.unit else 0.0

    def quantile(self, u: float) -> float:
        """The least value that is not exceeded with probability u, 0 <= u < 1."""
        times = self._known.quantile(u)
        return self.unit * times if self.unit else 0.0

    def cdf(self, t: ArrayLike) -> FloatArray:
        """P(quantity <= t), in the shape of t."""
        if self.unit == 0.0:
            return np.where(np.asarray(t) >= 0, 1.0, 0.0)
        # A cost that is a whole number of calls must not be rounded below it.
        return self._known.cdf(np.asarray(t, dtype=np.float64) / self.unit * (1 + 1e-12))

    @property
    def _known(self) -> TimeLaw:
        if self.law is None:
            raise NoPrediction(
                f"only the mean of {self.quantity} is known: the last chunk is shorter, so calls differ in price"
            )
        return self.law


@dataclass(frozen=True)
class Rule:
    """When a family of formulas applies, and the law of a run that it gives.

    Attributes:
        name: what it is about.
        conditions: pairs of what is needed and a test that gives what the cell has instead, or None if it is met.
        run_law: the law of a run of a cell that meets them all.
    """

    name: str
    conditions: tuple[tuple[str, Callable[[Cell], str | None]], ...]
    run_law: Callable[[Cell], RunLaw]

    def misses(self, cell: Cell) -> list[str]:
        """What the cell lacks."""
        found = ((needs, test(cell)) for needs, test in self.conditions)
        return [f"needs {needs}, got {got}" for needs, got in found if got is not None]


def predict(cell: Cell, quantity: str = "hit") -> Prediction:
    """The exact prediction of a quantity of a cell.

    Args:
        cell: any cell.
        quantity: "hit" (the number of the call that first generates the optimum), "calls" (lam x generations, all
            paid for), "generations", or "cost".

    Raises: NoPrediction naming each rule and what the cell misses of it; InputError for another quantity.

    >>> from evo import OnePlusLambda, UntilResolved
    >>> from operators import Resample
    >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda())
    >>> predict(cell).mean, predict(cell).variance, predict(cell, "cost").mean
    (8.0, 8.0, 3008.0)
    """
    if quantity not in QUANTITIES:
        raise InputError(f"predict: expected a quantity of {', '.join(QUANTITIES)}, got {quantity!r}")
    rule = _rule(cell)
    run = _run_law(rule, _without_price(cell))
    checked = tuple(needs for needs, _ in rule.conditions)
    if quantity == "cost":
        law, mean, unit = _cost(cell, run)
    else:
        law = {"hit": run.hit, "calls": run.calls, "generations": run.generations}[quantity]
        mean, unit = law.mean, 1.0
    return Prediction(quantity, mean, run.source, checked, TRUSTED, law, unit)


def predicted_mean(cell: Cell, quantity: str) -> float | None:
    """The predicted mean, or None if there is no prediction."""
    try:
        return predict(cell, quantity).mean
    except NoPrediction:
        return None


def short_calls_mean(cell: Cell) -> float:
    """Expected calls on the shorter last chunk.

    Raises: NoPrediction.
    """
    return _run_law(_rule(cell), _without_price(cell)).short_calls


def _rule(cell: Cell) -> Rule:
    misses = {rule.name: rule.misses(cell) for rule in RULES}
    for rule in RULES:
        if not misses[rule.name]:
            return rule
    nearest = sorted(misses, key=lambda name: any(miss.startswith("needs schedule") for miss in misses[name]))
    listed = "".join(f"\n  {name}: {'; '.join(misses[name])}" for name in nearest)
    raise NoPrediction(f"no exact prediction for {cell.text}; rules and what they miss:{listed}")


@lru_cache(maxsize=1024)
def _run_law(rule: Rule, cell: Cell) -> RunLaw:
    return rule.run_law(cell)


def _without_price(cell: Cell) -> Cell:
    """The cell's random identity as a cell: cells that differ only in price share their law."""
    return Cell(cell.problem, cell.mutator, cell.schedule, cell.runner)


def _cost(cell: Cell, run: RunLaw) -> tuple[TimeLaw | None, float, float]:
    """Law, mean and unit of the cost: the expected ledger times the prices (theory 3c, 12a)."""
    weights = cell.cost.weights
    if weights[1] != 0 and not always_valid(cell):
        raise NoPrediction("evaluations have a price and some offspring are not evaluated; their number is not known")
    full, short = (
        float(weights[0] + weights[1] + np.dot(weights[2:], entries))
        for entries in (cell.tokens.full, cell.tokens.short)
    )
    if full == short:
        return run.calls, full * run.calls.mean if full else 0.0, full
    if math.isinf(run.calls.mean):
        return None, math.inf, 1.0
    return None, (run.calls.mean - run.short_calls) * full + run.short_calls * short, 1.0


def always_valid(cell: Cell) -> bool:
    """Whether the mutator's law, if it declares one, says that every answer is valid."""
    if _has_law(cell) is not None:
        return False
    law, chunks = _law(cell), cell.chunks
    return all(abs(float(law.pmf(g, i).sum()) - 1) < 1e-12 for g in {chunks.g, chunks.last} for i in range(g + 1))


def _law(cell: Cell) -> CallLaw:
    law: CallLaw = cell.mutator.law  # type: ignore[union-attr]  # checked by the rule's condition
    return law


def _start(cell: Cell) -> Start:
    problem: BlockOneMax = cell.problem  # type: ignore[assignment]  # checked by the rule's condition
    return Start(problem.k, problem.start, problem.incorrect)


def _is(kind: str, wanted: type) -> tuple[str, Callable[[Cell], str | None]]:
    def test(cell: Cell) -> str | None:
        found = type(getattr(cell, kind))
        return None if found is wanted else type_name(found)

    return f"{kind} {wanted.__name__}", test


def _has_law(cell: Cell) -> str | None:
    """A law counts only if the mutator's own class declares it, as a property or a field."""
    kind = type(cell.mutator)
    if getattr(cell.mutator, "law", None) is None:
        return f"{type_name(kind)} without one"
    if "law" not in vars(kind) and "law" not in vars(kind).get("__annotations__", {}):
        return f"{type_name(kind)}, which inherits its law and may behave differently; declare it in the class"
    return None


def _one_block_a_call(cell: Cell) -> str | None:
    return (
        None if cell.chunks.g == 1 else f"g = {cell.chunks.g}, where a rise of f does not say that a chunk is finished"
    )


_COMMON = (
    _is("problem", BlockOneMax),
    ("a mutator that declares its law", _has_law),
    _is("runner", OnePlusLambda),
)


def _chunked(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(_law(cell), cell.problem.k, cell.chunks.g, _start(cell), cell.runner.lam)


def _whole(formula: Callable[..., RunLaw]) -> Callable[[Cell], RunLaw]:
    return lambda cell: formula(_law(cell), cell.problem.k, _start(cell), cell.runner.lam)


RULES = (
    Rule("global mutation", (*_COMMON, _is("schedule", AllBlocks)), _whole(theory.all_blocks)),
    Rule(
        "one block a call until resolved",
        (*_COMMON, _is("schedule", UntilResolved), ("g = 1", _one_block_a_call)),
        _whole(theory.until_resolved),
    ),
    Rule("chunks in turn", (*_COMMON, _is("schedule", RoundRobin)), _chunked(theory.round_robin)),
    Rule("random chunks", (*_COMMON, _is("schedule", UniformChunk)), _chunked(theory.uniform_chunk)),
    Rule("only incorrect chunks", (*_COMMON, _is("schedule", OnlyIncorrect)), _chunked(theory.only_incorrect)),
)
"""Both kinds of acceptance give the same law here: an equally good offspring has equally many incorrect blocks."""
