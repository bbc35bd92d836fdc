"""Which loop runs a cell: the one for a single parent and exact fitness is by far the fastest."""

from __future__ import annotations

from collections.abc import Sequence

from evo.costs.budget import Limit
from evo.engine.batch import RunCounts, Trace
from evo.engine.one_parent import run_batch
from evo.engine.populations import run_population_batch
from evo.evaluation import is_noisy
from evo.protocols import AnyMutator, Problem, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.protocol import AnyRunner, OwnLoop
from evo.seeding import Streams


def run_blocks(
    problem: Problem,
    mutator: AnyMutator,
    schedule: Schedule,
    runner: AnyRunner,
    streams: Streams,
    runs: int,
    limits: Sequence[Limit] = (),
    trace: bool = False,
) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch by the engine `blocks`, which executes the operator's own `rewrite`.

    Arguments, returns and errors are those of `evo.engine.one_parent.run_batch`; the runner may be any.
    """
    if isinstance(runner, OwnLoop):
        return runner.run_batch(problem, mutator, schedule, streams, runs, limits, trace)
    if type(runner) is OnePlusLambda and not is_noisy(problem):
        return run_batch(problem, mutator, schedule, runner, streams, runs, limits, trace)
    return run_population_batch(problem, mutator, schedule, runner, streams, runs, limits, trace)
