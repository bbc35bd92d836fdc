"""Which searches the engine `law` draws as jump chains: a table as that of the rules, whose formulas are processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo.engine.law import schedules
from evo.engine.law.levels import Levels, check_levels
from evo.engine.law.process import Jumps
from evo.errors import NoPrediction
from evo.laws.counts import CallLaw
from evo.laws.mixtures import ComponentLaw
from evo.protocols import FloatArray, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.search import Search
from evo.theory import Start
from evo.theory.problems.on_counts import accepted_on_counts, counts_process, ranks
from experiments.predictions.conditions import ALWAYS, COUNTS, ON_COUNTS, RISING, WHOLE, Condition
from experiments.predictions.formulas import offspring_counts
from experiments.predictions.refusals import HEAD
from experiments.predictions.rules import ACCEPT, Row, first_fit
from experiments.predictions.setting import Setting, always_valid


def _valid(setting: Setting) -> str | None:
    law = setting.law
    if isinstance(law, ComponentLaw):  # whose weights sum to P(valid), whatever is incorrect
        sizes = {setting.g, setting.search.chunks.last}
        sure = all(abs(float(np.sum(law.components(size)[0])) - 1.0) <= 1e-12 for size in sizes)
    else:
        sure = always_valid(setting.search)
    return None if sure else "some that are not, whose evaluations are not drawn"


VALID = Condition("answers that are always valid", _valid)
ONE = OnePlusLambda


def levels(
    law: CallLaw, k: int, g: int, schedule: Schedule, by_count: FloatArray, start: Start, lam: int, weak: bool
) -> Jumps:
    """Any fitness of the number of correct blocks (theory 1f, 10)."""
    check_levels(k)  # before a matrix of them is made
    offspring = offspring_counts(law, k, g, schedule)
    process = counts_process(offspring, by_count, start, lam, weak)
    return Levels.of(process, offspring, ranks(by_count, k + 1, 0, "counts"), start, lam)


def levels_without_evaluator(
    law: CallLaw, k: int, g: int, schedule: Schedule, by_count: FloatArray, start: Start
) -> Jumps:
    """Every answer is accepted (theory 17c)."""
    check_levels(k)  # before a matrix of them is made
    offspring = offspring_counts(law, k, g, schedule)
    process = accepted_on_counts(offspring, np.ones_like(offspring), start).process
    if process is None:
        raise NoPrediction("the start is optimal")
    return Levels.of(process, offspring, ranks(by_count, k + 1, 0, "counts"), start, 1)


JUMPS: tuple[Row, ...] = (
    Row("whole solutions", CallLaw, WHOLE, ONE, RISING, schedules.all_blocks, (VALID,), ACCEPT),
    Row("random blocks", CallLaw, UniformChunk, ONE, RISING, schedules.uniform_chunk, (VALID,), ACCEPT),
    Row("only incorrect chunks", CallLaw, OnlyIncorrect, ONE, RISING, schedules.only_incorrect, (VALID,), ACCEPT),
    Row("chunks in turn", CallLaw, RoundRobin, ONE, RISING, schedules.round_robin, (VALID,), ACCEPT),
    Row("one block a call until resolved", CallLaw, UntilResolved, ONE, RISING, schedules.until_resolved,
        (VALID,), ACCEPT),
    Row("any fitness of the number of correct blocks", CallLaw, ON_COUNTS, ONE, COUNTS, levels, (VALID,)),
    Row("no evaluator", CallLaw, ON_COUNTS, ONE, COUNTS, levels_without_evaluator, (VALID, ALWAYS), ("always",)),
)  # fmt: skip
"""The first row that fits, and whose process does not refuse, is drawn; an equally good offspring changes no count."""


@dataclass(frozen=True, eq=False)
class JumpChain:
    """The jump chain of a search.

    Attributes:
        process: what is drawn.
        fitness: by the number of incorrect blocks, float [k+1].
        name: of the row that it is from.
    """

    process: Jumps
    fitness: FloatArray
    name: str


def jump_chain(search: Search) -> JumpChain:
    """The jump chain of a search, kept for its next batch as long as there is room.

    Raises: NoPrediction naming the nearest rows and what the search misses of them.
    """
    key = search, search.text  # the text, too: parts of a user may call themselves equal that are not
    found = _kept.get(key)
    if found is None:
        found = _kept.add(key, _made(search))
    if isinstance(found, str):
        raise NoPrediction(found)
    return found


class _Chains(dict[tuple[Search, str], JumpChain | str]):
    """Those that were made last, as many as there is room for."""

    floats = 0

    def add(self, key: tuple[Search, str], found: JumpChain | str) -> JumpChain | str:
        """Keep one, and let the oldest go if need be."""
        self[key] = found
        self.floats += _floats(found)
        while self.floats > MOST_FLOATS and len(self) > 1:
            self.floats -= _floats(self.pop(next(iter(self))))
        return found


def _floats(found: JumpChain | str) -> int:
    return FLOATS_OF_A_CHAIN + (0 if isinstance(found, str) else found.process.floats)


def forget() -> None:
    """Forget all chains."""
    _kept.clear()
    _kept.floats = 0


def _made(search: Search) -> JumpChain | str:
    """The chain, or why there is none, in words."""
    setting = Setting(search)
    try:
        row, process = first_fit(JUMPS, setting)
    except NoPrediction as error:
        return str(error).removeprefix(HEAD + search.text).lstrip(": ")
    return JumpChain(process, setting.by_count, row.name)


MOST_FLOATS = 1 << 24
"""In the tables of all chains that are kept."""
FLOATS_OF_A_CHAIN = 1 << 10
"""That it takes whatever its tables are, about."""
_kept = _Chains()
