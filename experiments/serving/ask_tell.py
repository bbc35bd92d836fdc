"""The loop of a runner and a schedule for people whose calls and evaluations are their own: ask, call, tell."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evo import OnePlusLambda
from evo.chunks import Chunks
from evo.costs.ledger import LEDGER, CallTokens, ChunkLengths, Prompt, overheads
from evo.engine.contracts import (
    adjusted,
    described,
    named_parents,
    named_survivors,
    offspring_of_each,
)
from evo.engine.offspring_chunks import chunks_of_offspring
from evo.errors import InputError
from evo.parameters import shown, whole
from evo.protocols import AnyRunner, BoolArray, IntArray, Schedule
from evo.runners.protocol import Adjusting, Describing, Pool, Runner
from evo.schedules import (
    AllBlocks,
    EachChunk,
    RoundRobin,
    UniformChunk,
    UniformSubset,
    UntilResolved,
    inner_schedule,
    invalid_is_down,
)
from evo.seeding import Streams, streams
from evo.text import canonical

BLIND = (AllBlocks, EachChunk, RoundRobin, UniformChunk, UniformSubset, UntilResolved)
"""Schedules that do not look at which blocks are correct."""
MOST_BLOCKS = 10**6
NO_SOLUTION = "valid=False for no solution"


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution as it was told.

    Attributes:
        content: whatever it is to its owner.
        fitness: as it was seen.
        call: number of the call that made it; 0 for the start.
        correct: which blocks are correct, bool [k]; None if not told.
    """

    content: Any
    fitness: float
    call: int
    correct: BoolArray | None = None


@dataclass(frozen=True, eq=False)
class Ask:
    """A call to make.

    Attributes:
        call: its number, from 1.
        blocks: positions of the blocks of its chunk, from 0.
        parent: the solution to vary.
        loop: which loop asks; copies of that loop, such as one that was pickled, are the same.
    """

    call: int
    blocks: tuple[int, ...]
    parent: Solution
    loop: str = ""

    def outcome(self, correct: Sequence[bool]) -> dict[str, int]:
        """The columns of a table of calls, where the parent's correct blocks are known.

        Args:
            correct: of the k blocks of the offspring.

        Raises: InputError if those of the parent were not told.
        """
        if self.parent.correct is None:
            raise InputError("outcome: expected a parent whose correct blocks were told, got none; tell(correct=...)")
        chunk = list(self.blocks)
        before, after = self.parent.correct[chunk], _blocks("correct", correct, len(self.parent.correct))[chunk]
        return {
            "g": len(chunk),
            "incorrect": int((~before).sum()),
            "repaired": int((after & ~before).sum()),
            "kept": int((after & before).sum()),
        }


@dataclass
class AskTell:
    """A run of a search whose calls and evaluations are made by somebody else.

    `ask` says which blocks of which parent the next call gets, `tell` what came of it. Parents, survivors and chunks
    are those of the runner and the schedule, draw for draw as in the engine; a generation begins when all offspring of
    the one before were told, in any order. A solution keeps the fitness that it was told with.

    Attributes:
        k: blocks of a solution.
        start: the solution to begin with.
        fitness: its fitness, to be maximised.
        schedule: which blocks a call gets.
        runner: who is varied and who stays.
        target: the fitness that is enough; `done` is then true.
        correct: which blocks of the start are correct; needed where schedule or runner look at them.
        l, prompt: tokens of a block, and what a call reads beside its chunk, for the ledger.
        seed: of schedule and runner.
        streams: instead of the seed.

    >>> loop = AskTell(k=3, start="aaa", fitness=0, schedule=RoundRobin(), target=3)
    >>> while not loop.done:
    ...     ask = loop.ask()
    ...     made = [*ask.parent.content]
    ...     made[ask.blocks[0]] = "b"
    ...     loop.tell(ask, "".join(made), fitness=made.count("b"))
    >>> loop.best.content, loop.hit, loop.ledger["calls"]
    ('bbb', 3, 3)
    """

    k: int
    start: Any
    fitness: float
    schedule: Schedule
    runner: AnyRunner = field(default_factory=OnePlusLambda)
    target: float = math.inf
    correct: Sequence[bool] | None = None
    l: int = 1
    prompt: Prompt = field(default_factory=Prompt)
    seed: int = 1
    streams: Streams | None = None

    def __post_init__(self) -> None:
        self._expect_input()
        self._name = secrets.token_hex(8)  # two loops of one seed ask the same calls, of different solutions
        self._chunks = Chunks.of(self.schedule, self.k)
        self._lengths = ChunkLengths.equal(self.k, self.l, self._chunks)
        name = f"{self.k}, {canonical(self.schedule)}, {canonical(self.runner)}"
        self._draws = streams(self.seed, name, 0) if self.streams is None else self.streams
        first = Solution(self.start, _finite("fitness", self.fitness, NO_SOLUTION), 0, self._told(self.correct))
        self._kept = [first if founder >= 0 else None for founder in self.runner.founders]
        self._pointer = np.zeros(1, dtype=np.int64)
        self._state = np.full(1, float(self.runner.initial_state)) if isinstance(self.runner, Adjusting) else None
        self.generations = self.calls = self.evaluations = 0
        self.hit: int | None = None
        self._shortfalls = np.zeros((1, self._lengths.powers), dtype=np.int64)
        self._begin()
        self._look()

    @property
    def done(self) -> bool:
        """Whether the best solution has reached the target."""
        return self.hit is not None

    @property
    def best(self) -> Solution:
        """The kept solution with the best fitness, the oldest among equals."""
        kept = [solution for solution in self._kept if solution is not None]
        return min(kept, key=lambda solution: (-solution.fitness, solution.call))

    @property
    def shortfalls(self) -> IntArray:
        """By how much its chunks fell short of the longest, int [1, powers] (`evo.costs.ledger.ChunkLengths`)."""
        return self._shortfalls.copy()

    @property
    def ledger(self) -> dict[str, int]:
        """What the run has counted, as a run of the testbed: calls, evaluations, tokens, passes."""
        tokens = CallTokens.of(self.prompt, self._lengths, overheads(self.schedule))
        counted = tokens.ledger(np.array([self.calls]), np.array([self.evaluations]), self._shortfalls)[0]
        return {name: int(value) for name, value in zip(LEDGER, counted, strict=True)}

    def ask(self) -> Ask:
        """The next call of this generation.

        Raises: InputError if all of its calls were asked for and some were not told yet, or the target is reached.
        """
        if self.done:
            raise InputError(f"ask: the target was reached at call {self.hit}; nothing is left to ask for")
        if self._asked == len(self._asks):
            waiting = ", ".join(str(ask.call) for ask in self._asks if ask.call not in self._offspring)
            raise InputError(f"ask: expected the outcomes of this generation first; tell those of calls {waiting}")
        self._asked += 1
        return self._asks[self._asked - 1]

    def ask_all(self) -> list[Ask]:
        """All calls of this generation that were not asked for yet, to be made at the same time.

        Raises: InputError as `ask`.
        """
        first = self.ask()
        return [first, *(self.ask() for _ in range(len(self._asks) - self._asked))]

    def tell(
        self,
        ask: Ask,
        solution: Any = None,
        fitness: float | None = None,
        *,
        valid: bool = True,
        correct: Sequence[bool] | None = None,
    ) -> None:
        """What came of a call.

        Args:
            ask: which one.
            solution: the offspring.
            fitness: of it.
            valid: False for an answer that could not be used: it is paid for, and displaces nobody.
            correct: which of its k blocks are correct; needed where schedule or runner look at them.

        Raises: InputError for a call of another loop, one that was not asked for, or was told before.
        """
        self._expect_asked(ask)
        if ask.call in self._offspring:
            raise InputError(f"tell: call {ask.call} was told before")
        if not isinstance(valid, bool | np.bool_):
            raise InputError(f"tell: valid must be True or False, got {shown(valid)}")
        if valid:
            made = Solution(solution, _finite("fitness", fitness, NO_SOLUTION), ask.call, self._told(correct))
        else:
            made = Solution(None, -math.inf, ask.call, None)
        self._offspring[ask.call] = made
        self.calls += 1
        self.evaluations += int(valid)
        if len(self._offspring) == len(self._asks):
            self._end()

    def _expect_input(self) -> None:
        """Check what the loop is made of.

        Raises: InputError.
        """
        if isinstance(self.schedule, type) or not isinstance(self.schedule, Schedule):
            raise InputError(f"AskTell: expected a schedule, such as RoundRobin(), got {shown(self.schedule)}")
        if isinstance(self.runner, type) or not isinstance(self.runner, Runner):
            raise InputError(
                f"AskTell: expected a runner that chooses parents and survivors, such as OnePlusLambda(), got "
                f"{shown(self.runner)}"
            )
        if not isinstance(self.prompt, Prompt):
            raise InputError(f"AskTell: expected a prompt, such as Prompt(head=300), got {shown(self.prompt)}")
        if not isinstance(self.streams, Streams | None):
            raise InputError(
                f"AskTell: expected streams of evo.seeding or None, got {shown(self.streams)}; give a seed"
            )
        whole(self, "k", least=1, most=MOST_BLOCKS)
        whole(self, "l", least=1)
        whole(self, "seed", least=0)
        if not (isinstance(self.target, float) and self.target == math.inf):
            self.target = _finite("target", self.target, "leave it out where no fitness is enough")

    def _expect_asked(self, ask: Ask) -> None:
        """Check that a call is one that this loop asked for, or a copy of it that came back from another process.

        Raises: InputError.
        """
        if not isinstance(ask, Ask):
            raise InputError(f"tell: expected what ask() gave, got {shown(ask)}")
        if ask.loop != self._name:
            raise InputError(f"tell: call {ask.call} is one of another loop; tell it there")
        for asked in self._asks[: self._asked]:
            if asked.call == ask.call:
                if (asked.blocks, asked.parent.call, asked.parent.fitness) != (
                    ask.blocks, ask.parent.call, ask.parent.fitness,
                ):  # fmt: skip
                    raise InputError(f"tell: call {ask.call} was altered since it was asked; tell it as ask() gave it")
                return
        raise InputError(f"tell: expected a call of this generation that was asked for, got call {ask.call}")

    def _told(self, correct: Sequence[bool] | None) -> BoolArray | None:
        if correct is not None:
            return _blocks("correct", correct, self.k)
        if type(inner_schedule(self.schedule)) not in BLIND or isinstance(self.runner, Describing):
            looks = self.schedule if type(inner_schedule(self.schedule)) not in BLIND else self.runner
            raise InputError(
                f"AskTell: {type(looks).__name__} looks at which blocks are correct; give correct=[...] of the start "
                "and with each tell"
            )
        return None

    def _pool(self) -> Pool:
        seen = np.array([[-math.inf if each is None else each.fitness for each in self._kept]])
        born = np.array([[0 if each is None else each.call for each in self._kept]])
        return Pool(seen, born, self.generations, self._described(self._kept))

    def _described(self, solutions: Sequence[Solution | None]) -> IntArray | None:
        """What a runner that looks at solutions says of them; None for any other."""
        return described(self.runner, self._correct(solutions)) if isinstance(self.runner, Describing) else None

    def _correct(self, solutions: Sequence[Solution | None]) -> BoolArray:
        """Which blocks of solutions are correct, bool [1, n, k]; all False where it was not told."""
        correct = np.zeros((1, len(solutions), self.k), dtype=np.bool_)
        for row, solution in enumerate(solutions):
            if solution is not None and solution.correct is not None:
                correct[0, row] = solution.correct
        return correct

    def _begin(self) -> None:
        """Choose the parents and chunks of a generation."""
        runner: Any = self.runner
        self._before = self._pool()
        (who,), _ = named_parents(runner, self._before, self._draws.selection)
        parents = [self._kept[place] for place in who]
        correct, same = self._correct(parents), len(self._kept) == 1
        chosen = chunks_of_offspring(
            self.schedule, self._pointer, lambda j: correct[:, j], len(who), same, self._draws.schedule
        )[0]
        number = len(who) if self._state is None else int(offspring_of_each(runner, self._state)[0])
        self._chosen = np.array(chosen[:number])
        self._asks = [
            Ask(self.calls + 1 + j, self._positions(self._chosen[j]), parents[j], self._name) for j in range(number)
        ]
        self._asked, self._offspring = 0, dict[int, Solution]()

    def _positions(self, chunk: np.ndarray) -> tuple[int, ...]:
        (size, _), *_ = self._chunks.groups(chunk[None])
        return tuple(map(int, self._chunks.blocks(chunk[None], size)[0]))

    def _end(self) -> None:
        """Choose who stays, and let the schedule go on."""
        runner: Any = self.runner
        made = [self._offspring[ask.call] for ask in self._asks]
        seen = np.full((1, runner.lam), -math.inf)
        seen[0, : len(made)] = [each.fitness for each in made]
        arriving = [*made, *[None] * (runner.lam - len(made))]
        features = self._described(arriving)
        pool = Pool(self._before.seen, self._before.born, self.generations, self._before.features, features)
        stay = named_survivors(runner, pool, seen)[0]
        if self._state is not None:
            self._state = adjusted(runner, self._state, pool, seen)
        self._kept = [[*self._kept, *arriving][place] for place in stay]
        self._shortfalls += self._lengths.sums(self._chosen, None, (1, 1, len(made)))[0]
        self._pointer = self.schedule.advance(
            self._pointer, self._moved(made), self._chunks.m, np.ones(1, dtype=np.int64)
        )
        self.generations += 1
        self._look()
        if not self.done:
            self._begin()

    def _moved(self, made: Sequence[Solution]) -> BoolArray:
        """Whether some offspring was seen to differ from its parent, bool [1]."""
        valid = [each.fitness > -math.inf for each in made]
        moved = any(
            one and each.fitness != ask.parent.fitness for one, each, ask in zip(valid, made, self._asks, strict=True)
        )
        return np.array([moved or (invalid_is_down(self.schedule) and not all(valid))])

    def _look(self) -> None:
        if self.hit is None and self.best.fitness >= self.target:
            self.hit = self.best.call


def _finite(name: str, value: object, otherwise: str) -> float:
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise InputError(f"{name}: expected a finite number, got {shown(value)}; {otherwise}")


def _blocks(name: str, correct: Sequence[bool], k: int) -> BoolArray:
    try:
        made = np.asarray(correct)
    except ValueError:  # lists of different lengths in it
        made = np.empty(0)
    if made.shape != (k,) or made.dtype.kind not in "biu" or not np.isin(made, (0, 1)).all():
        raise InputError(f"{name}: expected {k} values True or False, one a block, got {shown(correct)}")
    return made.astype(np.bool_)
