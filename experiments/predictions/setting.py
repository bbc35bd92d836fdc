"""What the theory needs of a search, built once from it; formulas take what they need by the names here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, singledispatch
from inspect import Parameter, signature
from typing import Any, TypeVar

import numpy as np

from evo.declarations import declared
from evo.errors import NoPrediction, OperatorError
from evo.evaluation import NoisyProblem, is_noisy
from evo.foreign import is_foreign
from evo.landscapes import Landscape, OfCounts, landscape_of
from evo.laws.changes import refused
from evo.laws.counts import CallLaw, Components
from evo.laws.declared import SUM_SLACK, SoundLaw, declared_law, doubts
from evo.laws.mixtures import ComponentLaw, sound_components
from evo.laws.special import HiddenRepeatsLaw
from evo.protocols import AnyRunner, FloatArray, Problem, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import inner_schedule, invalid_is_down
from evo.search import Search
from evo.text import type_name
from evo.theory import Start
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell

Law = TypeVar("Law")


class SoundComponents(SoundLaw):
    """A third-party law that is a mixture: its components, too, are checked where they are used."""

    def components(self, g: int) -> Components:
        """The components of the law on g blocks.

        Raises: OperatorError unless they are the mixture that its pmf is.
        """
        return sound_components(self.law, g)  # type: ignore[arg-type]  # see `sound`


def sound(law: Any, name: str) -> Any:
    """A law, each of whose answers is checked if it is one of counts by others."""
    if not isinstance(law, CallLaw) or not is_foreign(type(law)):
        return law
    return (SoundComponents if isinstance(law, ComponentLaw) else SoundLaw)(law, name)


@dataclass(frozen=True)
class _Refusing:
    """A mutator of which the theory knows the law alone."""

    law: CallLaw | None


@dataclass(frozen=True)
class Setting:
    """A search as the theory sees it.

    Attributes:
        search: problem, mutator, schedule and runner.
    """

    search: Search

    @cached_property
    def evaluators(self) -> NoisyProblem | None:
        """The problem, if it is seen through evaluators that err."""
        return self.search.problem if is_noisy(self.search.problem) else None

    @cached_property
    def problem(self) -> Problem:
        """What is optimised, without the evaluators through whom it is seen."""
        return self.search.problem if self.evaluators is None else self.evaluators.problem

    @cached_property
    def landscape(self) -> Landscape | None:
        """What the problem declares of its fitness."""
        return landscape_of(self.problem)

    @cached_property
    def by_count(self) -> FloatArray:
        """Fitness by the number of incorrect blocks, float [k+1], where only that counts."""
        assert isinstance(self.landscape, OfCounts)  # the row's landscape
        return np.asarray(self.landscape.by_count, dtype=np.float64)[::-1]

    @property
    def k(self) -> int:
        """Blocks."""
        return self.problem.k

    @property
    def g(self) -> int:
        """Blocks a call gets."""
        return self.search.chunks.g

    @cached_property
    def schedule(self) -> Schedule:
        """Which chunk each call gets: without what it costs to say so, and as what it declares to be.

        Raises: OperatorError if it declares to be a schedule of other chunks.
        """
        found = inner_schedule(self.search.schedule)
        same = declared(found, "same_as")
        if same is None:
            return found
        name = type_name(type(found))
        if not hasattr(same, "choose") or isinstance(same, type):
            raise OperatorError(f"{name}.same_as must be a schedule such as RoundRobin(g=2), got {same!r:.100}")
        if same.chunk_size(self.k) != self.g:
            raise OperatorError(
                f"{name}.same_as is {same!r:.100}, which hands out g = {same.chunk_size(self.k)} blocks, and {name} "
                f"g = {self.g}"
            )
        return same  # type: ignore[no-any-return]  # it has been seen to be a schedule

    @property
    def runner(self) -> AnyRunner:
        """The runner."""
        return self.search.runner

    @property
    def lam(self) -> int:
        """Offspring a generation."""
        return self.runner.lam

    @property
    def weak(self) -> bool:
        """Whether an equally good offspring replaces its parent."""
        return type(self.runner) is OnePlusLambda and self.runner.accept == "weak"

    @property
    def always(self) -> bool:
        """Whether every valid answer is accepted: there is no evaluator."""
        return type(self.runner) is OnePlusLambda and self.runner.accept == "always"

    @property
    def threshold(self) -> float:
        """The gain in seen fitness that an offspring must exceed."""
        return self.runner.threshold if type(self.runner) is OnePlusLambda else 0.0

    @property
    def workers(self) -> int | None:
        """Calls in parallel that are merged; None: one for each chunk."""
        return getattr(self.runner, "workers", None)

    @cached_property
    def start(self) -> Start:
        """The law of the initial solutions.

        Raises: NoPrediction if the problem does not declare it; OperatorError if what it declares is none.
        """
        name, found = type_name(type(self.problem)), declared(self.problem, "initial_law")
        if found is None:
            raise NoPrediction(
                f"how runs of {name} start is not known; build it on problems.Starts, or declare a property "
                "initial_law, such as evo.theory.Start(self.k) for all blocks incorrect"
            )
        if not isinstance(found, Start) or found.k != self.k:
            raise OperatorError(f"{name}.initial_law must be an evo.theory.Start(k={self.k}, ..), got {found!r:.100}")
        return found

    @cached_property
    def law(self) -> Any:
        """The law that the mutator declares; each answer of a law of counts by others is checked.

        Raises: OperatorError if it is none, or its components are another law than its pmf.
        """
        law = declared_law(self.search.mutator)
        inside = getattr(law, "inside", law)
        if isinstance(inside, ComponentLaw):
            for g in {self.g, self.search.chunks.last}:
                sound_components(inside, g)
        return sound(law, type_name(type(self.search.mutator)))

    @cached_property
    def refusing(self) -> Setting:
        """The same search where an answer that would be a repeat leaves its blocks as they are (theory 17g)."""
        mutator: Any = _Refusing(refused(self.law.inside, self.law.rate))
        return Setting(replace(self.search, mutator=mutator))

    @cached_property
    def down(self) -> bool:
        """Whether a malformed answer may pass for a fall of the fitness, and so change what is called next."""
        return invalid_is_down(self.search.schedule) and self.search.chunks.m > 1 and not always_valid(self.search)


NAMES = frozenset(name for name, member in vars(Setting).items() if isinstance(member, property | cached_property))
"""What a formula may ask for."""


@cache
def asked(formula: Callable[..., Any]) -> tuple[str, ...]:
    """The parameters of a formula that a setting gives; others must have a default and keep it.

    Raises: TypeError for a parameter that no setting has.
    """
    given = signature(formula).parameters.values()
    missing = [each.name for each in given if each.name not in NAMES and each.default is Parameter.empty]
    if missing:
        raise TypeError(f"{formula.__name__} asks for {', '.join(missing)}; a setting has {', '.join(sorted(NAMES))}")
    return tuple(each.name for each in given if each.name in NAMES)


def run_law(formula: Callable[..., Law], setting: Setting) -> Law:
    """What a formula says of a setting: the law of a run, or what else its table is about."""
    return formula(**{name: getattr(setting, name) for name in asked(formula)})


@singledispatch
def doubts_of(of: Search | AnyCell) -> tuple[str, ...]:
    """What stands against predicted numbers of a cell, by its own parts; nothing unless a case below says so."""
    return ()


@doubts_of.register
def _(of: Search | Cell) -> tuple[str, ...]:
    """Warnings of the mutator about numbers of calls on the chunks of a search: rates that it extrapolates."""
    return doubts(of.mutator, dict.fromkeys((of.chunks.g, of.chunks.last)))


def shares_valid(of: Search | Cell) -> tuple[float, float]:
    """The least and the largest probability that an answer is valid, whatever it is handed; 0 and 1 if not known.

    >>> from evo import AllBlocks, OnePlusLambda
    >>> from operators import Malformed, Resample
    >>> from problems import BlockOneMax
    >>> shares_valid(Search(BlockOneMax(4, l=1), Malformed(Resample(0.5), rate=0.25), AllBlocks(), OnePlusLambda()))
    (0.75, 0.75)
    """
    if always_valid(of):
        return 1.0, 1.0
    law = declared_law(of.mutator)
    if not isinstance(law, ComponentLaw):
        return 0.0, 1.0
    shares = [float(law.components(g)[0].sum()) for g in (of.chunks.g, of.chunks.last)]
    return min(shares), max(shares)


def always_valid(of: Search | Cell) -> bool:
    """Whether the mutator's law, if it declares one, says that every answer is valid."""
    mutator, chunks = of.mutator, of.chunks
    law = declared_law(mutator)
    if isinstance(law, HiddenRepeatsLaw) and not law.answered:
        return False
    if hasattr(law, "inside"):
        law = law.inside
    elif law is not None and not isinstance(law, CallLaw):
        return not is_foreign(type(law))  # our laws of other kinds are of mutators that never fail
    if not isinstance(law, CallLaw):
        return False
    if hasattr(law, "always_valid") and not is_foreign(type(law)):
        return bool(law.always_valid)
    law = sound(law, type_name(type(mutator)))
    return all(abs(float(law.pmf(g, i).sum()) - 1) <= SUM_SLACK for g in {chunks.g, chunks.last} for i in range(g + 1))
