"""Expected seconds of a run: its generations, which are known, times what one takes (theory 11)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evo.costs.latency import Latency
from evo.errors import InputError, NoPrediction
from evo.evaluation import is_noisy
from evo.parameters import shown
from evo.runners.parallel import Asynchronous, Merged
from evo.runners.protocol import varies
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UntilResolved, inner_schedule
from evo.theory import RunLaw, TimeLaw
from evo.theory.times.derived import MomentsOnly
from evo.theory.times.seconds import Moments, slowest, sum_of
from experiments.grids.arguments import expect_a, expect_whole
from experiments.grids.cell import Cell
from experiments.predictions.predict import TRUSTED, Prediction, evaluations_a_call, known_run, times
from experiments.predictions.setting import always_valid, doubts_of

INDEPENDENT = "how long a call takes depends on its length alone, not on what it does or on other calls"
NO_LAW = "seconds of calls are random, and the law of the sum over a random number of generations has no closed form"


def predict_seconds(cell: Cell, latency: Latency | None = None, workers: int | None = None) -> Prediction:
    """The exact expected seconds of a run, E[generations] E[seconds of one], as `predict(cell, "seconds", ..)`.

    The calls of a generation go to W workers, which evaluate their answers, and the next one begins when all are done,
    as in `experiments.reports.waiting.timed`, whose mean this is. W = 1 or one call a generation: the sum of the
    calls. W no less than the calls: the largest of lognormal times (`evo.theory.times.seconds`). In between only for
    tail = 0. The variance is known where all calls are of one length, the whole law where tail = 0, too.

    Args:
        cell: any cell; its budget is not looked at.
        latency: seconds of a call and of an evaluation.
        workers: W; None: as many as a generation has calls.

    Raises: InputError; NoPrediction where generations are not predicted, or the seconds of one are not known.

    >>> from evo import OnePlusLambda, UniformChunk
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), UniformChunk(), OnePlusLambda(2))
    >>> [round(predict_seconds(cell, Latency(1.0, tail=1.0, evaluation=9.0), w).mean, 3) for w in (1, None)]
    [190.535, 100.226]
    """
    expect_a(Cell, "predict", cell, "a Cell(problem, mutator, schedule, runner)")
    if not isinstance(latency, Latency):
        raise InputError(f"predict: seconds take latency=, such as Latency(fixed=1.0, tail=0.5), got {shown(latency)}")
    if workers is not None:
        expect_whole("predict: workers", workers, 1)
    row, run = known_run(cell)
    _expect_timed(cell)
    law, mean, unit = _seconds(cell, run, latency, workers)
    trusted = (*TRUSTED, INDEPENDENT)
    return Prediction("seconds", mean, run.source, row.checked, trusted, law, unit, doubts=doubts_of(cell))


def width_of(cell: Cell) -> int:
    """The most calls of a generation."""
    if isinstance(cell.runner, Merged):
        return cell.runner.width(cell.schedule, cell.problem.k)
    return cell.runner.lam


def width_varies(cell: Cell) -> bool:
    """Whether rounds of `Merged` differ in the number of their calls."""
    return type(cell.runner) is Merged and type(inner_schedule(cell.schedule)) is OnlyIncorrect


def same_chunk(cell: Cell) -> bool:
    """Whether all calls of a generation are on the same chunk."""
    if type(cell.runner) is Merged:
        return False
    kind = type(inner_schedule(cell.schedule))
    one = len(cell.runner.founders) == 1  # several parents may have their lowest incorrect blocks in different chunks
    return kind in (AllBlocks, RoundRobin, UntilResolved) or (kind is OnlyIncorrect and one) or cell.runner.lam == 1


def _expect_timed(cell: Cell) -> None:
    """Refuse cells whose calls are not known one by one.

    Raises: NoPrediction.
    """
    if hasattr(cell.mutator, "mean_calls"):
        raise NoPrediction("seconds of answers that take a random number of calls are not known")
    if isinstance(cell.runner, Asynchronous) or (varies(cell.runner) and not isinstance(cell.runner, Merged)):
        raise NoPrediction(f"the generations of {type(cell.runner).__name__} have no known number of calls")
    if cell.tokens.powers > 1:
        raise NoPrediction("blocks differ in length, so calls do, and how many of each is not known")


@dataclass(frozen=True)
class _Turn:
    """A turn: what a run repeats until it ends, one call or all calls of a generation, spread over the workers.

    Attributes:
        number: the law of how many there are.
        calls: of each.
        slowest: of its calls' lognormal factors: the one, the largest, or the sum of constant ones.
        evaluations: that one worker makes in it, one after the other.
    """

    number: TimeLaw
    calls: int
    slowest: Moments
    evaluations: float


def _seconds(cell: Cell, run: RunLaw, latency: Latency, workers: int | None) -> tuple[TimeLaw, float, float]:
    """Law, mean and unit of the seconds of a run."""
    turn = _turn(cell, run, latency, workers)
    full, short = latency.means(cell.tokens)
    waits = latency.evaluation * turn.evaluations
    if full == short:
        each = Moments(full * turn.slowest.mean + waits, full**2 * turn.slowest.variance)
        if each.variance == 0.0:
            return turn.number, times(turn.number.mean, each.mean), each.mean
        mean, variance = sum_of(turn.number, each)
        return MomentsOnly(NO_LAW, mean, variance), mean, 1.0
    if turn.calls > 1 and not same_chunk(cell):
        raise NoPrediction("calls at the same time differ in length, and which of them are together is not known")
    shorter = 0.0 if math.isinf(turn.number.mean) else run.calls_on_last_chunk / turn.calls
    mean = times(turn.number.mean, full * turn.slowest.mean + waits) - shorter * (full - short) * turn.slowest.mean
    return (
        MomentsOnly("calls differ in length, and how many of each there are is known on average only", mean),
        mean,
        1.0,
    )


def _turn(cell: Cell, run: RunLaw, latency: Latency, workers: int | None) -> _Turn:
    """What a turn of a run of this cell is.

    Raises: NoPrediction.
    """
    width, tail = width_of(cell), latency.tail
    workers = width if workers is None else min(workers, width)
    if workers == 1:
        return _Turn(run.calls, 1, slowest(1, tail), _evaluations(cell, latency))
    if latency.evaluation and is_noisy(cell.problem):
        raise NoPrediction("evaluators err, and when several workers are through with all evaluations is not known")
    if workers == width and not (width_varies(cell) and tail):
        return _Turn(run.generations, width, slowest(width, tail), 1.0)
    if tail or width_varies(cell):
        most = f"{width} workers and tail=0" if width_varies(cell) else f"{width} workers, or tail=0"
        raise NoPrediction(
            f"when {workers} workers are through with the calls of a generation has no formula; take 1 worker, {most}"
        )
    turns = -(-width // workers)
    return _Turn(run.generations, width, Moments(turns, 0.0), turns)


def _evaluations(cell: Cell, latency: Latency) -> float:
    """Evaluations of a call where calls and evaluations follow each other.

    Raises: NoPrediction where evaluators err and their number is random.
    """
    if not (latency.evaluation and is_noisy(cell.problem)):
        return 1.0
    if not always_valid(cell):
        raise NoPrediction(
            "evaluators err and some offspring are not evaluated; the number of evaluations is not known"
        )
    return evaluations_a_call(cell)
