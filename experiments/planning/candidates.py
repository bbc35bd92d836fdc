"""The ways of decomposing that a plan compares: schedule, blocks a call, calls a generation, votes, model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from evo.costs.prices import LLMPrimitive, TokenPrices
from evo.errors import InputError
from evo.parameters import shown, suggestion
from evo.protocols import AnyRunner, Schedule
from evo.runners.archives import Archive
from evo.runners.feature_grid import MapElites
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Merged
from evo.schedules import (
    AllBlocks,
    EachChunk,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
    UniformSubset,
    UntilResolved,
)
from experiments.grids.cell import Cell
from experiments.planning.model import Model

SCHEDULES = ("AllBlocks", "UntilResolved", "OnlyIncorrect", "RoundRobin", "UniformChunk")
"""In the order in which equally good ones are preferred: those that ask less of tests first."""
ON_DEMAND = ("UniformSubset", "EachChunk")
"""Schedules that are compared if they are named."""
RUNNERS = ("OnePlusLambda", "Merged", "Archive", "MapElites")
"""One solution is kept, or all improvements of a generation are merged into it; on demand several are kept."""
KINDS = {
    kind.__name__: kind for kind in (UntilResolved, OnlyIncorrect, RoundRobin, UniformChunk, UniformSubset, EachChunk)
}
FEEDBACK = {"none": ("OnlyIncorrect", "UntilResolved"), "score": ("OnlyIncorrect",), "blocks": ()}
"""What tests do not tell rules schedules out: only whether a solution is better than its parent; its number of correct
blocks, too; which blocks are correct, too."""
MOST, FEW = 5000, 4
TOKENS = TokenPrices(prompt=1.0, generated=1.0, unit=1.0)


@dataclass(frozen=True)
class Candidate:
    """A way of decomposing, and its cell.

    Attributes:
        model: who answers.
        schedule: its name.
        g: blocks a call.
        lam: calls a generation.
        votes: lead that an answer needs, 1 for none.
        runner: "OnePlusLambda"; "Merged", all improvements of a generation are, and its lam calls are on different
            chunks; "Archive" or "MapElites", which keep several solutions.
        kept: solutions that are kept: the size of the archive, or the cells of a grid by the number of correct blocks.
    """

    model: Model = field(repr=False)
    schedule: str
    g: int
    lam: int
    votes: int = 1
    runner: str = "OnePlusLambda"
    kept: int = 1

    @cached_property
    def cell(self) -> Cell:
        """Its cell, with the prices of the model; in the paper's unit where there are none."""
        model = self.model
        return Cell(
            model.problem, model.mutator(self.g, self.votes), self._schedule,
            self._runner, prompt=model.prompt, cost=model.prices or LLMPrimitive(),
        )  # fmt: skip

    @property
    def _schedule(self) -> Schedule:
        return AllBlocks() if self.schedule == "AllBlocks" else KINDS[self.schedule](g=self.g)

    @property
    def _runner(self) -> AnyRunner:
        if self.runner == "Archive":
            return Archive(size=self.kept, lam=self.lam)
        if self.runner == "MapElites":
            return MapElites(cells=self.kept, lam=self.lam)
        return Merged(workers=self.lam) if self.merged else OnePlusLambda(lam=self.lam)

    @property
    def merged(self) -> bool:
        """Whether improvements of a generation are merged."""
        return self.runner == "Merged"

    @property
    def decomposition(self) -> tuple[str, str, int]:
        """Model, schedule and g: others of the same are its variants, in lam, runner or votes."""
        return self.model.name, self.schedule, self.g

    def __str__(self) -> str:
        of = f", {self.model.name}" if self.model.name else ""
        votes = f", {self.votes} votes ahead" if self.votes > 1 else ""
        kept = {"Archive": f", an archive of {self.kept}", "MapElites": f", elites of {self.kept} cells"}
        return f"{self.name} with g = {self.g}, lam = {self.lam}{kept.get(self.runner, '')}{votes}{of}"

    @property
    def name(self) -> str:
        """The schedule, and whether its improvements are merged."""
        return f"merged {self.schedule}" if self.merged else self.schedule


@dataclass(frozen=True)
class Choice:
    """What may be chosen.

    Attributes:
        schedules: their names; empty for all of `SCHEDULES` that the feedback allows.
        runners: their names; empty for OnePlusLambda and Merged.
        kept: solutions that an Archive or MapElites keeps.
        g: blocks a call; empty for `usual_sizes` of which the calibration says something.
        lam: calls a generation; empty for 1, 2, 4, .. up to the workers.
        votes: leads of first-to-ahead voting, with g = 1 and lam = 1.
        feedback: what tests tell, "none", "score" or "blocks" (`FEEDBACK`).
        workers: calls at the same time.
    """

    schedules: tuple[str, ...] = ()
    runners: tuple[str, ...] = ()
    kept: tuple[int, ...] = (4,)
    g: tuple[int, ...] = ()
    lam: tuple[int, ...] = ()
    votes: tuple[int, ...] = (1,)
    feedback: str = "score"
    workers: int = 1

    def __post_init__(self) -> None:
        if self.feedback not in FEEDBACK:
            raise InputError(f"plan: feedback: expected {', '.join(FEEDBACK)}, got {shown(self.feedback)}")
        for key, known in (("schedules", (*SCHEDULES, *ON_DEMAND)), ("runners", RUNNERS)):
            for name in getattr(self, key):
                if name not in known:
                    near = suggestion(name, known)
                    raise InputError(f"plan: {key}: expected {', '.join(known)}, got {shown(name)}{near}")
        for name in self.schedules:
            if name in FEEDBACK[self.feedback]:
                raise InputError(f"plan: {name} needs more of tests than feedback = {self.feedback!r}; see feedback")
        for key in ("g", "lam", "votes", "kept"):
            object.__setattr__(self, key, tuple(_whole(key, each) for each in getattr(self, key)))
        object.__setattr__(self, "workers", _whole("workers", self.workers))

    def of(self, model: Model) -> Iterator[Candidate]:
        """The candidates of a model.

        Raises: InputError for a g that k blocks or the calibration do not have.
        """
        allowed = [name for name in self.schedules or SCHEDULES if name not in FEEDBACK[self.feedback]]
        for g in self._sizes(model):
            for name in allowed:
                if _makes_sense(name, g, model.k):
                    for runner in self.runners or RUNNERS[:2]:
                        yield from self._with_runner(model, name, g, runner)

    def _with_runner(self, model: Model, name: str, g: int, runner: str) -> Iterator[Candidate]:
        """The candidates of a schedule and a runner."""
        lams, m = self._lams(name, -(-model.k // g)), -(-model.k // g)
        if runner == "OnePlusLambda":
            yield from (Candidate(model, name, g, lam) for lam in lams)
            if g == 1 and name != "EachChunk":
                yield from (Candidate(model, name, g, 1, votes) for votes in self.votes if votes > 1)
        elif runner == "Merged":
            if name == "RoundRobin" or (name == "OnlyIncorrect" and g == 1):  # which name chunks that differ
                yield from (Candidate(model, name, g, lam, runner=runner) for lam in lams if 1 < lam <= m)
        elif name != "UntilResolved":  # which stays at a chunk of one solution
            kept = [kept for kept in self.kept if runner == "Archive" or kept <= model.k + 1]
            yield from (Candidate(model, name, g, lam, runner=runner, kept=each) for lam in lams for each in kept)

    def _lams(self, name: str, m: int) -> tuple[int, ...]:
        """Calls a generation: of EachChunk at least one a chunk, and no more unless more are asked for."""
        if name != "EachChunk":
            return self.lam or tuple(_doubling(self.workers))
        return tuple(lam for lam in self.lam or (m,) if lam >= m)

    def _sizes(self, model: Model) -> list[int]:
        for g in self.g:
            if g > model.k:
                raise InputError(f"plan: g: expected at most k = {model.k} blocks a call, got {g}")
            if not model.knows(g):
                model.mutator(g)  # which says what is missing
        found = sorted(set(self.g)) or [g for g in usual_sizes(model) if model.knows(g)]
        if not found:
            known = ", ".join(str(g) for g, _ in model.values.operator.fix)
            told = f"expected measured calls (fix: g = {known}) into which k = {model.k} blocks can be cut, got none"
            raise InputError(f"plan: {told}; measure another g, or give the same values at g = 1")
        return found


def candidates(models: Iterable[Model], choice: Choice) -> list[Candidate]:
    """All candidates.

    Raises: InputError if there are none, or too many.
    """
    found = [each for model in models for each in choice.of(model)]
    if not found:
        told = "no schedule and runner go with this g, lam and feedback"
        raise InputError(f"plan: {told}; leave schedules, runners or g out to compare all")
    if len(found) > MOST:
        raise InputError(f"plan: expected at most {MOST:,} candidates, got {len(found):,}; give fewer g, lam or votes")
    return found


def _makes_sense(name: str, g: int, k: int) -> bool:
    """Whether a schedule of g blocks is none that another name has: whole solutions are AllBlocks."""
    if name == "AllBlocks" or g == k:
        return name == "AllBlocks" and g == k
    return not (name == "UntilResolved" and g > 1) and not (name == "UniformSubset" and g == 1)


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"plan: {key}: expected a whole number >= 1, got {shown(value)}")
    return value


def usual_sizes(model: Model) -> list[int]:
    """Divisors of k, the g that were measured, and powers of 2 where k has few divisors."""
    k, operator = model.k, model.values.operator
    divisors = {g for g in range(1, k + 1) if k % g == 0}
    powers = {2**i for i in range(k.bit_length()) if 2**i <= k} if len(divisors) < FEW else set()
    return sorted(divisors | powers | {g for g, _ in (*operator.fix, *operator.keep) if g <= k})


def _doubling(most: int) -> Sequence[int]:
    """1, 2, 4, .. and the largest.

    >>> _doubling(6)
    [1, 2, 4, 6]
    """
    found = [1]
    while 2 * found[-1] <= most:
        found.append(2 * found[-1])
    return found if found[-1] == most else [*found, most]
