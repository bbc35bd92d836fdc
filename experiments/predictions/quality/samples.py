"""How many evaluations of each solution serve a noisy evaluation best (theory 8b, 17h)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evo.costs.prices import TokenPrices
from evo.errors import InputError
from evo.parameters import shown
from experiments.grids.arguments import expect_whole
from experiments.grids.cell import Cell
from experiments.predictions.predict import predict
from experiments.predictions.quality.thresholds import judged_afresh, or_infinite

MOST = 64


@dataclass(frozen=True)
class BestSamples:
    """A number of evaluations that are averaged, and what it is worth.

    Attributes:
        samples: of each solution, each time that it is evaluated; the largest that was tried, if it is that one.
        value: mean price of a run to the optimum with them.
        without: the same with one.
        calls: mean number of calls with them.
    """

    samples: int
    value: float
    without: float
    calls: float


def best_samples(cell: Cell, evaluation: float = 1.0, call: float = 0.0, most: int = MOST) -> BestSamples:
    """The number m of evaluations to average that makes runs to the optimum cheapest, at sigma, k and prices.

    E[price] = E[calls] (call + 2 evaluation m), E[calls] by the chain of theory 8b, whose noise is that of a mean of m,
    sigma/sqrt(m); 2, for parents are evaluated again with each offspring: the cost that `predict` knows at these
    prices. Every m from 1 to `most` is tried: no shape of the price along m is taken for granted.

    Args:
        cell: a `Noisy` problem whose parents are evaluated again, under `OnePlusLambda`, lam = 1; its own samples are
            not looked at.
        evaluation: price of one evaluation, > 0, in any unit: money, or seconds.
        call: price of a call in the same unit.
        most: the largest m that is tried.

    Raises: InputError for another cell or prices; NoPrediction where no mean is known, as where some answers are
    malformed, which are not evaluated.

    >>> from evo import OnePlusLambda, UniformChunk
    >>> from operators import FixKeep
    >>> from problems import BlockOneMax, Noisy
    >>> seen = Noisy(BlockOneMax(k=10, l=16), sigma=1.0)
    >>> cell = Cell(seen, FixKeep(0.5, 0.5), UniformChunk(), OnePlusLambda())
    >>> [best_samples(cell, call=price).samples for price in (0.0, 10.0, 1000.0)]
    [1, 4, 16]
    """
    problem, _ = judged_afresh("best_samples", cell)
    expect_whole("best_samples: most", most, 1)
    for name, price in (("evaluation", evaluation), ("call", call)):
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0.0 <= price < float("inf"):
            raise InputError(f"best_samples: {name} must be a price >= 0, got {shown(price)}")
    if evaluation == 0.0:
        raise InputError("best_samples: evaluation must be a price > 0: free evaluations are averaged without end")
    priced = replace(cell, cost=TokenPrices(prompt=0.0, generated=0.0, per_call=call, evaluation=evaluation))

    def a_run(samples: int) -> float:
        return predict(replace(priced, problem=replace(problem, samples=samples)), "cost").mean

    prices = [or_infinite(a_run, m) for m in range(1, most + 1)]
    best = min(range(most), key=prices.__getitem__)
    value = a_run(best + 1)  # which says why, if no mean is known
    return BestSamples(best + 1, value, prices[0], value / (call + 2.0 * evaluation * (best + 1)))
