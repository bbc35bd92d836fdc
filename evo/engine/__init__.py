"""The choice of the loop for a search: on words where they will do, else for one parent, else for any runner."""

from __future__ import annotations

from evo.batch import Batch, RunCounts, Trace
from evo.engine import asynchronous, one_parent, populations, rounds, words
from evo.engine.contracts import counts_of_own_loop
from evo.engine.words.which import runs_on_words
from evo.evaluation import is_noisy
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Asynchronous, Merged
from evo.runners.protocol import OwnLoop
from evo.search import Search


def run_batch(search: Search, batch: Batch) -> tuple[RunCounts, Trace | None]:
    """Simulate one batch of runs by the engine `blocks`, which executes the operator's own code, call by call.

    Which loop it is depends on the search alone, and so do the draws: a larger budget prolongs the same runs, and a
    trace is that of the same runs.

    Args:
        search: problem, mutator, schedule and runner, which may be any.
        batch: streams, number of runs, limits, and whether to trace.

    Returns:
        The counts, and the trace if the batch asks for it.

    Raises: OperatorError if a part breaks its contract, InputError if parts do not fit each other.
    """
    runner = search.runner
    if isinstance(runner, OwnLoop):
        counts, trace = runner.run_batch(search, batch)
        return counts_of_own_loop(runner, search, counts, batch.runs), trace
    if isinstance(runner, Merged):
        return rounds.run_batch(search, batch)
    if isinstance(runner, Asynchronous):
        return asynchronous.run_batch(search, batch)
    if runs_on_words(search) and not batch.past_optimum:  # which the loop of one parent refuses with the reason
        return words.run_batch(search, batch)
    if type(runner) is OnePlusLambda and not is_noisy(search.problem):
        return one_parent.run_batch(search, batch)
    return populations.run_batch(search, batch)
