"""Rules about runners that keep several solutions: chains on the counts of all of them, where these suffice."""

from __future__ import annotations

from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.theory import Geometric, RunLaw
from evo.theory.calls.gains import at_least_once, completion
from evo.theory.problems.archives import Keeper, archive_run
from evo.theory.run_law import no_short_chunk
from experiments.grids.cell import Cell
from experiments.predictions.conditions import (
    all_at_once,
    counts_suffice,
    is_one_of,
    landscape,
    law_of,
    on_counts,
    one_offspring,
    plain_onemax,
    same_success,
    start_of,
)
from experiments.predictions.rules.offspring import offspring_counts
from experiments.predictions.rules.rule import Rule


def _keeper(cell: Cell) -> Keeper:
    runner = cell.runner
    if isinstance(runner, MuPlusLambda):
        return Keeper(runner.mu, founders=runner.mu)
    assert isinstance(runner, Archive)  # the rule's condition
    return Keeper(runner.size, runner.parent)


def _fresh(cell: Cell) -> RunLaw:
    """Theory 1a: no offspring depends on a parent, so it does not matter who that is."""
    start, lam = start_of(cell), cell.runner.lam
    chance = completion(law_of(cell), cell.problem.k, max(1, start.most))
    done = 1.0 - (1.0 - start.optimal) ** len({place for place in cell.runner.founders if place >= 0})
    assert chance is not None  # the rule's condition
    hit = Geometric(chance, done)
    generations = Geometric(float(at_least_once(chance, lam)), done)
    return RunLaw(hit, generations, no_short_chunk, "theory 1a, 1c", lam)


OF_SELECTION = (
    Rule(
        "whole solutions that do not depend on the parent",
        (
            ("problem whose fitness is known", landscape),
            ("a mutator that declares a law of counts", counts_suffice),
            is_one_of("runner", OnePlusLambda, Archive, MuPlusLambda, Islands),
            ("schedule AllBlocks, or chunks of g = k", all_at_once),
            ("the same chance to get all blocks right whatever the parent", same_success),
        ),
        _fresh,
    ),
    Rule(
        "several solutions kept",
        (
            ("problem BlockOneMax or UnequalBlocks", plain_onemax),
            ("a mutator that declares a law of counts", counts_suffice),
            is_one_of("runner", Archive, MuPlusLambda),
            ("schedule AllBlocks or UniformSubset, or UniformChunk or OnlyIncorrect of g = 1", on_counts),
            ("lam = 1", one_offspring),
        ),
        lambda cell: archive_run(_keeper(cell), offspring_counts(cell), start_of(cell)),
    ),
)
