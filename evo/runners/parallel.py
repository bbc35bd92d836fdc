"""Runners for waiting time: calls in parallel, in merged rounds or by workers that never wait (theory 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from evo.chunks import Chunks
from evo.costs.latency import Latency
from evo.costs.ledger import Prompt, block_lengths
from evo.errors import InputError
from evo.evaluation import is_noisy, offers_change
from evo.laws.declared import one_that_changes_outside
from evo.parameters import shown, whole
from evo.protocols import AnyMutator, IntArray, Problem, Schedule
from evo.schedules import OnlyIncorrect, RoundRobin, inner_schedule

MOST_WORKERS = 10_000


@dataclass(frozen=True)
class Merged:
    """Rounds of up to W calls in parallel, on different chunks; every improvement is merged into the parent.

    Under RoundRobin(g) a round calls the next W chunks, under OnlyIncorrect(g) the W lowest that hold an incorrect
    block, fewer near the end. All m chunks of one block, j incorrect: E[rounds] = sum_{t>=0} 1-(1-q^t)^j, logarithmic
    in j, where keeping one winner a generation takes Theta(j) (theory 11a, 11b). Each offspring is evaluated
    separately. `generations` are rounds; `hit` is all calls up to the end of the round that completes the optimum.

    Needs an additive exact fitness (`problem.change`) and calls that change only their chunk; otherwise improvements
    need not add up.

    Attributes:
        workers: W, calls in parallel; None: one for each chunk.
    """

    workers: int | None = None

    lam: ClassVar[int] = 1
    founders: ClassVar[tuple[int, ...]] = (0,)
    in_flight: ClassVar[int] = 0

    def __post_init__(self) -> None:
        whole(self, "workers", least=1, most=MOST_WORKERS, none=True)

    def width(self, schedule: Schedule, k: int) -> int:
        """Largest number of calls in a round: min(W, m)."""
        m = Chunks.of(schedule, k).m
        return m if self.workers is None else min(self.workers, m)

    def fits(self, problem: Problem, mutator: AnyMutator, schedule: Schedule, prompt: Prompt) -> None:
        """Refuse what cannot be merged.

        Raises: InputError.
        """
        kind = type(inner_schedule(schedule))
        if kind not in (RoundRobin, OnlyIncorrect):
            raise InputError(
                "Merged: expected the schedule RoundRobin or OnlyIncorrect, which name different chunks for the calls "
                f"of a round, got {kind.__name__}"
            )
        if is_noisy(problem):
            raise InputError(
                "Merged: expected exact evaluation, got "
                f"{type(problem).__name__}: each of the merged improvements must be a real one (theory 11a)"
            )
        if not offers_change(problem):
            raise InputError(
                f"Merged: expected a problem with an additive fitness, which says so by its method `change`, got "
                f"{type(problem).__name__}: else improvements of several chunks need not add up (theory 11a)"
            )
        _refuse_unequal_blocks("Merged", problem)
        _refuse_spill("Merged", mutator, Chunks.of(schedule, problem.k).m)

    def answers(self, generations: IntArray, schedule: Schedule, k: int) -> tuple[IntArray, IntArray]:
        """W a round under RoundRobin; from 1 to W a round under OnlyIncorrect; int [runs] each."""
        most = self.width(schedule, k) * generations
        return (generations if type(inner_schedule(schedule)) is OnlyIncorrect else most), most


@dataclass(frozen=True)
class Asynchronous:
    """W workers that are always busy: an answer is compared when it returns, and its worker starts the next call.

    A call is made from the solution that is current at its start, and compared with that at its return: with an
    additive fitness its chunk is merged if it is better there, else the whole offspring replaces the current one if it
    is fitter. `generations` are answers that came back, `hit` is the number of the one that completes the optimum, in
    the order of return; `calls` are all that were started, the W-1 under way at the end included: they are paid for.
    `seconds` is when the last answer came back. With W = 1 it is the strict OnePlusLambda.

    Attributes:
        workers: W.
        latency: seconds of a call; not 0.
        prompt: the cell's prompt, for a latency per prompt token.
    """

    workers: int
    latency: Latency = Latency(fixed=1.0)
    prompt: Prompt = Prompt()

    lam: ClassVar[int] = 1
    founders: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        whole(self, "workers", least=1, most=MOST_WORKERS)
        for name, kind in (("latency", Latency), ("prompt", Prompt)):
            if not isinstance(getattr(self, name), kind):
                raise InputError(f"Asynchronous: {name} must be a {kind.__name__}, got {shown(getattr(self, name))}")
        seconds = self.latency
        if not (seconds.fixed or seconds.per_prompt_token or seconds.per_generated_token or seconds.evaluation):
            raise InputError(
                "Asynchronous: expected calls that take time, such as Latency(fixed=1.0), got none; in no time no "
                "answer returns before another"
            )

    @property
    def in_flight(self) -> int:
        """Calls under way when the last answer comes back, W-1."""
        return self.workers - 1

    def fits(self, problem: Problem, mutator: AnyMutator, schedule: Schedule, prompt: Prompt) -> None:
        """Refuse parts whose answers cannot be compared one at a time.

        Raises: InputError.
        """
        if is_noisy(problem):
            raise InputError(f"Asynchronous: expected exact evaluation, got {type(problem).__name__}")
        if self.latency.per_prompt_token and prompt != self.prompt:
            raise InputError(
                f"Asynchronous: seconds are counted by prompt token, and the cell's prompt is {shown(prompt)}; give "
                f"the same to the runner, whose prompt is {shown(self.prompt)}: it is part of what names the draws"
            )
        _refuse_unequal_blocks("Asynchronous", problem)
        if offers_change(problem):
            _refuse_spill("Asynchronous", mutator, Chunks.of(schedule, problem.k).m)

    def answers(self, generations: IntArray, schedule: Schedule, k: int) -> tuple[IntArray, IntArray]:
        """The answers returned plus the W-1 in flight; int [runs] each."""
        started = generations + self.in_flight * (generations > 0)
        return started, started


def _refuse_unequal_blocks(runner: str, problem: Problem) -> None:
    """Refuse problems with blocks of unequal length: the table of runs does not hold the time of each call.

    Raises: InputError.
    """
    if block_lengths(problem) is not None:
        raise InputError(
            f"{runner}: expected blocks of equal length, for calls of more than two lengths cannot be timed, got "
            f"{type(problem).__name__}; use OnePlusLambda"
        )


def _refuse_spill(runner: str, mutator: AnyMutator, m: int) -> None:
    """Refuse mutators that declare changes outside their chunk; undeclared changes are refused when they occur.

    Raises: InputError.
    """
    outside = one_that_changes_outside(mutator)
    if outside is not None and m > 1:
        raise InputError(
            f"{runner}: expected a mutator that changes nothing but its chunk, got {type(outside).__name__}: its "
            "answers cannot be merged with those of calls made at the same time (theory 11a)"
        )
