"""Conditions of rows: a test gives what the setting has instead, or None if the condition is met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evo.foreign import is_foreign
from evo.landscapes import Leading, OfCounts, Weighted
from evo.laws.counts import CallLaw
from evo.laws.declared import nest, one_that_changes_outside
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import OnlyIncorrect, UniformChunk, UniformSubset, UntilResolved
from evo.text import canonical, type_name
from evo.theory.calls.gains import completion
from experiments.predictions.formulas import KIND_OF_SCHEDULE
from experiments.predictions.setting import Setting, always_valid
from operators.refuse import Refuse
from operators.sparse import Sparse
from problems import Judged, Minibatch, Noisy


@dataclass(frozen=True)
class Condition:
    """What a row needs, in words, and a test: None if it is met, else a phrase for the refusal ('g = 4')."""

    words: str
    test: Callable[[Setting], str | None] = field(repr=False)

    def miss(self, setting: Setting) -> list[str]:
        """In words, what the setting has instead; empty if it meets the condition."""
        got = self.test(setting)
        return [] if got is None else [f"needs {self.words}, got {got}"]


# ------------------------------------------------------------------------------------------------------------- classes


def _is_one_of(law: object, protocols: tuple[type, ...]) -> bool:
    """Whether a law has the methods of one of some protocols; a class of ours is looked at once, which takes long."""
    kind = type(law)
    if is_foreign(kind):
        return isinstance(law, protocols)
    if (kind, protocols) not in _SEEN:
        _SEEN[kind, protocols] = issubclass(kind, protocols)
    return _SEEN[kind, protocols]


_SEEN: dict[tuple[type, tuple[type, ...]], bool] = {}


def of_law(kinds: tuple[type, ...]) -> Condition:
    """A law of counts (any class that has its method), or one of exactly these classes."""
    loose = tuple(kind for kind in kinds if issubclass(kind, CallLaw))

    def test(setting: Setting) -> str | None:
        law = setting.law
        if type(law) in kinds or _is_one_of(law, loose):
            return None
        return "none" if law is None else f"{type_name(type(law))}"

    of_counts = kinds == (CallLaw,)
    words = "a law of counts" if of_counts else f"a {' or '.join(kind.__name__ for kind in kinds)}"
    return Condition(f"a mutator that declares {words}", test)


def of_class(part: str, kinds: tuple[type, ...]) -> Condition:
    """A part of exactly one of these classes."""

    def test(setting: Setting) -> str | None:
        found = type(getattr(setting, part))
        return None if found in kinds else type_name(found)

    *others, last = [kind.__name__ for kind in kinds]
    return Condition(f"{part} {', '.join(others)} or {last}" if others else f"{part} {last}", test)


# ------------------------------------------------------------------------------------------------ what is called, when


def _whole(setting: Setting) -> str | None:
    return None if setting.g == setting.k else f"{type_name(type(setting.schedule))}, g = {setting.g}"


def _on_counts(setting: Setting) -> str | None:
    one_block = setting.g == 1 and type(setting.schedule) in (UniformChunk, OnlyIncorrect)
    return None if one_block or type(setting.schedule) is UniformSubset else _whole(setting)


def _grid_of_counts(setting: Setting) -> str | None:
    runner: Any = setting.runner
    if runner.cells_of_counts(setting.k) is not None:
        return None
    return f"{canonical(runner)}: what an offspring may do depends on which blocks of its parent are correct"


def _resolved_block(setting: Setting) -> str | None:
    waits = type(setting.schedule) is UntilResolved and setting.g > 1
    return f"g = {setting.g}, where a rise of f does not say that a chunk is finished" if waits else None


def _no_news(setting: Setting) -> str | None:
    """A chunk is changed by calls on it alone, and of several offspring the best is of the same chunk as the others."""
    if type(setting.schedule) is UniformChunk and setting.lam > 1 and setting.search.chunks.m > 1:
        return f"lam = {setting.lam} under UniformChunk: what a better offspring of another chunk beat is a gain later"
    return None


NO_NEWS = Condition("lam = 1 under UniformChunk of several chunks", _no_news)
WHOLE = Condition("schedule AllBlocks, or chunks of g = k", _whole)
"""Whatever the schedule: where a chunk is the whole solution there is nothing to choose."""
ON_COUNTS = Condition("schedule AllBlocks or UniformSubset, or UniformChunk or OnlyIncorrect of g = 1", _on_counts)
"""How many of the blocks called are incorrect depends on the number of incorrect ones alone."""
GRID_OF_COUNTS = Condition("a feature that counts all correct blocks, or a single cell", _grid_of_counts)
RESOLVED_BLOCK = Condition("g = 1 under UntilResolved", _resolved_block)


# ---------------------------------------------------------------------------------------------------------- landscapes


def _count(setting: Setting) -> bool:
    found = setting.landscape
    return isinstance(found, OfCounts) and np.array_equal(found.by_count, range(setting.k + 1))


def _rises(setting: Setting) -> bool:
    found = setting.landscape
    return isinstance(found, OfCounts) and found.increasing


def _is_a(kind: type) -> Callable[[Setting], bool]:
    return lambda setting: isinstance(setting.landscape, kind)


def _exact(test: Callable[[Setting], bool]) -> Callable[[Setting], str | None]:
    return lambda setting: None if setting.evaluators is None and test(setting) else named(setting)


def _onemax(setting: Setting) -> str | None:
    """Weighted blocks are as equal ones where a call rewrites one block: the fitness rises or falls with that block.

    Nor where a chunk is finished w.p. P whatever it holds, for a finished chunk is always better (but of several chunks
    at once the heaviest wins).
    """
    if setting.evaluators is not None or not (_rises(setting) or isinstance(setting.landscape, Weighted)):
        return named(setting)
    if _rises(setting) or setting.g == 1:
        return None
    at_once = type(setting.schedule) is UniformChunk and setting.lam > 1 and setting.search.chunks.m > 1
    ours = type(setting.schedule) in KIND_OF_SCHEDULE and type(setting.schedule) is not UniformSubset
    if ours and not at_once and type(setting.runner) is OnePlusLambda and isinstance(setting.law, CallLaw):
        sizes = {setting.g, setting.search.chunks.last}
        if all(completion(setting.law, size, size) is not None for size in sizes):
            return None
    return f"{named(setting)} with chunks of g = {setting.g}" + (f" and lam = {setting.lam}" if at_once else "")


def _needle(setting: Setting) -> bool:
    found = setting.landscape
    return isinstance(found, OfCounts) and len(set(found.by_count[:-1])) == 1


def named(setting: Setting) -> str:
    """The problem in the words of a refusal, and what it declares where that is not seen from its name."""
    problem, around = setting.problem, ""
    if setting.evaluators is not None:
        around = f"{type_name(type(setting.evaluators))} around "
    if setting.landscape is not None:
        return around + type_name(type(problem))
    inherits = hasattr(type(problem), "landscape")
    return around + type_name(type(problem)) + (INHERITS if inherits else NO_LANDSCAPE)


NO_LANDSCAPE = ", which declares no landscape (see evo.landscapes)"
INHERITS = ", which inherits its landscape and may behave differently (declare it in the class)"

ONEMAX = Condition("problem BlockOneMax, or one whose runs have the same law", _onemax)
RISING = Condition("problem whose fitness rises with the number of correct blocks", _exact(_rises))
COUNT = Condition("problem whose fitness is the number of correct blocks", _exact(_count))
COUNTS = Condition(
    "problem of the number of correct blocks alone", _exact(lambda of: isinstance(of.landscape, OfCounts))
)
NEEDLE = Condition("problem Needle, or one that is as flat", _exact(_needle))
LEADING = Condition(
    "problem LeadingBlocks, or one of the same landscape", _exact(lambda of: isinstance(of.landscape, Leading))
)
ANY = Condition("problem whose landscape is declared", _exact(lambda of: of.landscape is not None))


# ------------------------------------------------------------------------------------------------ evaluators that err


def _seen(setting: Setting) -> str | None:
    kind = type(setting.evaluators)
    of_counts = kind is Noisy and isinstance(setting.landscape, OfCounts)
    return None if of_counts or (kind is Judged and _count(setting)) else named(setting)


def _around(kind: type) -> Callable[[Setting], str | None]:
    return lambda setting: None if type(setting.evaluators) is kind and _count(setting) else named(setting)


def _afresh(setting: Setting) -> str | None:
    evaluators = setting.evaluators
    if not isinstance(evaluators, Noisy | Judged) or not evaluators.reevaluate:
        return "reevaluate = false"
    if isinstance(evaluators, Noisy):
        return None
    if evaluators.persistent:
        return "persistent = true"
    if evaluators.blocks == "all" or setting.g == setting.k:
        return None
    if setting.g > 1:
        return f'blocks = "changed" with g = {setting.g}'
    outside = one_that_changes_outside(setting.search.mutator)
    return None if outside is None else 'blocks = "changed", and calls that change others too'


def _stored(setting: Setting) -> str | None:
    noisy: Any = setting.evaluators
    return "reevaluate = true" if noisy.reevaluate else None


def _new_texts(setting: Setting) -> str | None:
    keeps = (each for each in nest(setting.search.mutator) if isinstance(each, Refuse | Sparse))
    return next((type_name(type(each)) for each in keeps), None)


def _lasting(setting: Setting) -> str | None:
    judged: Any = setting.evaluators
    if judged.samples > 1:
        return f"samples = {judged.samples}"
    lasts = judged.persistent or (judged.blocks == "changed" and not judged.reevaluate)
    return None if lasts else "judgements that are drawn anew"


SEEN = Condition("problem Noisy or Judged, of the number of correct blocks", _seen)
NOISY = Condition("problem Noisy around BlockOneMax", _around(Noisy))
MINIBATCH = Condition("problem Minibatch around BlockOneMax", _around(Minibatch))
JUDGED = Condition("problem Judged around BlockOneMax", _around(Judged))
AFRESH = Condition("parent and offspring judged afresh", _afresh)
STORED = Condition("reevaluate = false", lambda of: "reevaluate = true" if of.evaluators.reevaluate else None)  # type: ignore[union-attr]  # beside NOISY
LASTING = Condition(
    "judgements that last: persistent, or of changed blocks with reevaluate = false; samples = 1", _lasting
)
NEW_TEXTS = Condition("calls that write their blocks anew", _new_texts)
"""A refusal leaves a text, and its verdict, as it was."""


# -------------------------------------------------------------------------------------------------------------- others


def _all_incorrect(setting: Setting) -> str | None:
    start = setting.start
    if start.law()[start.k] == 1.0:
        return None
    return f"start = {start.p0:g}" if start.incorrect is None else f"incorrect = {start.incorrect}"


def _valid(setting: Setting) -> str | None:
    return None if always_valid(setting.search) else f"{canonical(setting.search.mutator)}, some of whose are not"


def _accept(setting: Setting) -> str:
    return "weak" if setting.weak else "strict"


ALL_INCORRECT = Condition("all blocks incorrect at the start", _all_incorrect)
VALID = Condition("answers that are always valid", _valid)
WEAK = Condition('accept = "weak"', lambda of: None if of.weak else 'accept = "strict"')
ALWAYS = Condition('accept = "always"', lambda of: None if of.always else f'accept = "{_accept(of)}"')
MISREAD = Condition('invalid = "down", and answers that may be', lambda of: None if of.down else "exact feedback")

NEUTRAL = {
    "lam": Condition("lam = 1", lambda of: None if of.lam == 1 else f"lam = {of.lam}"),
    "g": Condition("g = 1", lambda of: None if of.g == 1 else f"g = {of.g}"),
    "start": ALL_INCORRECT,
    "weak": Condition('accept = "strict"', lambda of: 'accept = "weak"' if of.weak else None),
    "always": Condition("an evaluator", lambda of: 'accept = "always"' if of.always else None),
    "threshold": Condition("threshold = 0", lambda of: f"threshold = {of.threshold:g}" if of.threshold else None),
    "down": Condition("exact feedback", lambda of: 'invalid = "down"' if of.down else None),
}
"""What a formula that does not take these parameters stands for: the value that it may have then."""
