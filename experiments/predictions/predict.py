"""Exact predictions of a cell, its expected cost among them: by the first row that fits its search, or a refusal.

Predictions are of the run without a budget; a budget only censors it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, singledispatch
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from evo.errors import InputError, NoPrediction
from evo.evaluation import is_noisy
from evo.foreign import blame_part
from evo.laws.counts import CallLaw
from evo.laws.declared import SUM_SLACK, declared_calls
from evo.laws.special import SpillLaw
from evo.parameters import shown
from evo.protocols import FloatArray
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Merged
from evo.schedules import OnlyIncorrect, UntilResolved
from evo.search import Search
from evo.theory import RunLaw, TimeLaw
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.outside.sheet import Sheet, Told
from experiments.grids.programs.cell import ProgramCell
from experiments.predictions.conditions import ALL_INCORRECT, RISING
from experiments.predictions.programs import CHECKED, columns_of_roles, expected_in, known_of_program
from experiments.predictions.programs import TRUSTED as TRUSTED_OF_PROGRAMS
from experiments.predictions.refusals import HEAD
from experiments.predictions.rules import Row, row_and_law
from experiments.predictions.setting import Setting, always_valid, doubts_of

if TYPE_CHECKING:
    from evo.costs.latency import Latency
    from experiments.predictions.quality.fitness import Quality

QUANTITIES = ("hit", "calls", "generations", "cost")
BUDGETS = ("calls", "generations", "cost", "starts")
TIMES = ("latency", "workers")

TRUSTED = (
    "the mutator's `rewrite` follows its declared law, independently from call to call given what a run draws",
    "the run goes on to the optimum: no budget",
)

HEAVY = (
    "the variance is infinite: a simulated mean lies low for any number of runs that one can afford, and its interval "
    "means nothing; compare laws and quantiles (cdf, quantile), never means"
)


@dataclass(frozen=True, repr=False)
class Prediction(Told):
    """An exact prediction of one quantity of a cell.

    Attributes:
        quantity: "hit", "calls", "generations", "cost" or "seconds".
        mean: its expectation; may be infinite.
        source: where the formula is from.
        checked: the conditions that the code checked of this cell.
        trusted: what it could not check.
        law: the whole law, in units of `unit`; None if only the mean is known.
        unit: price of a call for "cost", seconds of a generation (or call) where all last alike, else 1.
        kind: "exact".
        doubts: what the mutator says against the number: rates that it extrapolates.

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
    doubts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Prediction {self.quantity}: {self.kind} mean {self.mean:.6g}, from {self.source}>"

    def sheet(self) -> Sheet:
        """What `print` says."""
        from experiments.predictions.singles import told_prediction  # which asks here for predictions

        return told_prediction(self)

    @property
    def variance(self) -> float:
        """Variance of the quantity."""
        return self.unit**2 * self._known.variance if self.unit else 0.0

    @property
    def warning(self) -> str:
        """What to know before the mean is used, or runs are compared with it; empty where nothing stands against it."""
        return "; ".join(filter(None, (*self.doubts, self._heavy)))

    @property
    def _heavy(self) -> str:
        if self.law is None or math.isinf(self.mean) or not self.unit:
            return ""
        try:
            heavy = math.isinf(self.law.variance)
        except NoPrediction:
            return ""
        return HEAVY if heavy else ""

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
                f"only the mean of {self.quantity} is known: the last chunk is shorter, so calls differ in price, "
                "evaluations have a price and some answers have none, or an answer or a program takes a random number "
                "of calls"
            )
        return self.law


@overload
def predict(  # type: ignore[overload-overlap]  # "fitness" is a str, too, whose answer is of another kind
    cell: Cell,
    quantity: Literal["fitness"],
    *,
    calls: int | None = None,
    generations: int | None = None,
    cost: float | None = None,
    starts: int = 1,
) -> Quality: ...


@overload
def predict(
    cell: AnyCell,
    quantity: Literal["seconds"],
    *,
    latency: Latency | Mapping[str, Latency],
    workers: int | None = None,
) -> Prediction: ...


@overload
def predict(cell: AnyCell, quantity: str = "hit") -> Prediction: ...


def predict(cell: AnyCell, quantity: str = "hit", **asked: Any) -> Prediction | Quality:
    """The exact prediction of a quantity of a cell.

    Args:
        cell: any cell.
        quantity: "hit" (the number of the call that first generates the optimum), "calls" (lam x generations, all
            paid for), "generations", or "cost"; of a program of calls also the ledger of a role, "qa.pass_tokens"; or
            "fitness", the true fitness of the current solution at a budget; or "seconds" of a latency.
        asked: for "fitness" one of calls=, generations= and cost=, and starts=; see
            `experiments.predictions.quality.fitness.predict_fitness`. For "seconds" latency= and workers=; see
            `experiments.predictions.seconds`.

    Raises: NoPrediction naming the nearest rules and what the cell misses of them; InputError for another quantity, or
    for what is no cell; OperatorError naming a part whose code breaks or whose law is none.

    >>> from evo import OnePlusLambda, UntilResolved
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda())
    >>> predict(cell).mean, predict(cell).variance, predict(cell, "cost").mean
    (8.0, 8.0, 3008.0)
    >>> predict(cell, "fitness", calls=8).mean
    3.453125
    >>> from evo import Latency
    >>> predict(cell, "seconds", latency=Latency(fixed=2.0, evaluation=10.0)).mean
    96.0
    """
    return _predicted(cell, quantity, asked)


@singledispatch
def _predicted(cell: AnyCell, quantity: str, asked: dict[str, Any]) -> Prediction | Quality:
    """The prediction of a cell of one kind."""
    raise _no_cell(cell)


@_predicted.register(Cell)
def _(cell: Cell, quantity: str, asked: dict[str, Any]) -> Prediction | Quality:
    if quantity == "fitness":
        from experiments.predictions.quality.fitness import predict_fitness  # which asks here what evaluations cost

        return predict_fitness(cell, **_known_names(quantity, asked, BUDGETS))
    if quantity == "seconds":
        from experiments.predictions.seconds import predict_seconds  # which asks here for the law of a run

        with blame_part(cell):
            return predict_seconds(cell, **_known_names(quantity, asked, TIMES))
    if not isinstance(quantity, str) or quantity not in QUANTITIES:
        raise InputError(
            f"predict: expected a quantity of {', '.join((*QUANTITIES, 'fitness', 'seconds'))}, got {shown(quantity)}"
        )
    if asked:
        raise InputError(f"predict: {', '.join(asked)} is for fitness or seconds; {quantity} is of a run to its end")
    law: TimeLaw | None
    with blame_part(cell):
        row, run = known_run(cell)
        if quantity == "cost":
            law, mean, unit = _cost(cell, run)
        elif quantity == "calls" and takes_several_calls(cell):
            law, mean, unit = None, times(run.calls.mean, calls_an_answer(cell)), 1.0
        else:
            law = {"hit": run.hit, "calls": run.calls, "generations": run.generations}[quantity]
            mean, unit = law.mean, 1.0
        return Prediction(quantity, mean, run.source, row.checked, TRUSTED, law, unit, doubts=doubts_of(cell))


@_predicted.register(ProgramCell)
def _(cell: ProgramCell, quantity: str, asked: dict[str, Any]) -> Prediction:
    if quantity == "seconds":
        from experiments.predictions.seconds import predict_program_seconds  # whose answer is a Prediction of here

        with blame_part(cell):
            return predict_program_seconds(cell, **_known_names(quantity, asked, TIMES))
    if asked or quantity == "fitness":
        raise InputError("predict: fitness at a budget is of cells that search, got a program of calls")
    if quantity not in (*QUANTITIES, *columns_of_roles(cell)):
        known = f"{', '.join(QUANTITIES)}, or of a role, as {columns_of_roles(cell)[0]}"
        raise InputError(f"predict: expected a quantity of {known}, got {shown(quantity)}")
    with blame_part(cell):
        law, mean, unit = known_of_program(cell, quantity)
        return Prediction(quantity, mean, expected_in(cell).source, CHECKED, TRUSTED_OF_PROGRAMS, law, unit)


def _known_names(quantity: str, given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InputError(f"predict: {quantity} takes {', '.join(names)}; got {', '.join(unknown)}")
    return given


def predicted_mean(cell: AnyCell, quantity: str) -> float | None:
    """The predicted mean, or None if there is no prediction."""
    try:
        return predict(cell, quantity).mean
    except NoPrediction:
        return None


def mean_calls_on_last_chunk(cell: Cell) -> float:
    """Expected calls on the shorter last chunk.

    Raises: NoPrediction; InputError for what is no cell.
    """
    if not isinstance(cell, Cell):
        raise _no_cell(cell)
    with blame_part(cell):
        return known_run(cell)[1].calls_on_last_chunk


def _no_cell(given: object) -> InputError:
    return InputError(f"predict: expected a Cell(problem, mutator, schedule, runner), got {shown(given):.200}")


def known_run(cell: Cell) -> tuple[Row, RunLaw]:
    """The row that a cell fits, and the law of a run: cells that differ only in price share it.

    Raises: NoPrediction.
    """
    found = _looked_up(cell.search, cell.search.text)
    if isinstance(found, str):
        raise NoPrediction(found.replace(HEAD + cell.search.text, HEAD + cell.text, 1))
    return found


@lru_cache(maxsize=4096)
def _looked_up(search: Search, text: str) -> tuple[Row, RunLaw] | str:
    """The row and the law of a search, or why there is none, in words; kept for the next cell of that search.

    The text is an argument since parts of a user may call themselves equal that are not.
    """
    try:
        return row_and_law(Setting(search))
    except NoPrediction as error:
        return str(error)


def takes_several_calls(cell: Cell) -> bool:
    """Whether an answer of the mutator may take several LLM calls (votes, or calls that a part makes beside it)."""
    return hasattr(cell.mutator, "mean_calls") or cell.tokens.calls > 1


def calls_an_answer(cell: Cell) -> float:
    """Expected LLM calls of an answer; with it E[calls] = E[answers] * this (Wald's identity).

    Raises: NoPrediction for chunks of several blocks, of which `mean_calls(i)` says nothing, and where it differs
    between correct and incorrect blocks and both are handed over.
    """
    if not hasattr(cell.mutator, "mean_calls"):
        return float(cell.tokens.calls)
    if cell.chunks.g != 1:
        raise NoPrediction(f"mean_calls is of one block, the schedule hands over g = {cell.chunks.g}")
    wrong, right = (declared_calls(cell.mutator, i) for i in (1, 0))
    if wrong is None or right is None:
        raise NoPrediction(f"the number of calls of an answer of {type(cell.mutator).__name__} is not known")
    if wrong == right or _only_incorrect_blocks(cell):
        return wrong * cell.tokens.calls
    raise NoPrediction(
        f"an answer takes {wrong:.4g} calls for an incorrect block and {right:.4g} for a correct one, and how often "
        f"each is called under {type(cell.schedule).__name__} is not known"
    )


def _only_incorrect_blocks(cell: Cell) -> bool:
    """Whether every call is on an incorrect block, given that g = 1.

    UntilResolved leaves a block when it is repaired: from an all-incorrect start it never meets a correct one.
    """
    setting = Setting(cell.search)
    if type(setting.schedule) is OnlyIncorrect:
        return isinstance(setting.law, CallLaw | SpillLaw)
    return (
        type(setting.schedule) is UntilResolved
        and isinstance(setting.law, CallLaw)
        and type(cell.runner) is OnePlusLambda
        and cell.runner.lam == 1
        and not any(condition.miss(setting) for condition in (RISING, ALL_INCORRECT))
        and not setting.down
    )


def evaluations_a_call(cell: Cell) -> float:
    """Evaluations paid for with each call: of the offspring, and of the parent again (theory 8a).

    Raises: NoPrediction where their number is random.
    """
    problem = cell.problem
    if not is_noisy(problem):
        return 1.0
    fewest, most = problem.evaluations_each
    again = len(cell.runner.founders) / cell.runner.lam if problem.reevaluate else 0.0
    if fewest != most or len(cell.runner.founders) > 1:
        raise NoPrediction("evaluations have a price, and how many a solution takes is random")
    return fewest * (1.0 + again)


def valid_share(cell: Cell) -> float:
    """P(an answer is valid) where it is the same for all calls: E[evaluations] = E[answers] * this (Wald's identity).

    Raises: NoPrediction where it is not, or evaluations are not one for each valid answer.
    """
    law = Setting(cell.search).law
    if is_noisy(cell.problem) or type(cell.runner) not in (OnePlusLambda, Merged) or not isinstance(law, CallLaw):
        raise NoPrediction("evaluations have a price and some offspring are not evaluated; their number is not known")
    shares = [float(law.pmf(g, i).sum()) for g in {cell.chunks.g, cell.chunks.last} for i in range(g + 1)]
    if max(shares) - min(shares) > SUM_SLACK:
        raise NoPrediction("evaluations have a price, and how many answers are not evaluated depends on their blocks")
    return shares[0]


def _cost(cell: Cell, run: RunLaw) -> tuple[TimeLaw | None, float, float]:
    """Law, mean and unit of the cost: the expected ledger times the prices (theory 3c, 12a)."""
    weights, several = cell.weights, calls_an_answer(cell) / cell.tokens.calls
    sure = weights[1] == 0 or always_valid(cell)
    evaluations = 0.0 if weights[1] == 0 else evaluations_a_call(cell) * (1.0 if sure else valid_share(cell))
    price, *shorter = (times(several, price) for price in cell.tokens.prices(weights))
    price += float(weights[1] * evaluations)
    if not any(shorter):
        mean = times(price, run.calls.mean)
        return (run.calls, mean, price) if sure and not hasattr(cell.mutator, "mean_calls") else (None, mean, 1.0)
    if cell.search.lengths.blocks is not None:
        raise NoPrediction("blocks differ in length, so calls differ in price, and how many of each is not known")
    if math.isinf(run.calls.mean):
        return None, math.inf, 1.0
    return None, times(run.calls.mean, price) + times(run.calls_on_last_chunk, shorter[0]), 1.0


def times(number: float, each: float) -> float:
    """The product, 0 where nothing is counted: no calls of infinitely many votes each are none.

    >>> times(0.0, math.inf), times(2.0, 3.0)
    (0.0, 6.0)
    """
    return number * each if number and each else 0.0
