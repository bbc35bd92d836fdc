"""A cell: one combination of parts, the unit of every grid, table and prediction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

from evo.chunks import Chunks, draws_subsets
from evo.costs.budget import Budget, Limit
from evo.costs.ledger import EARLIER, LEDGER, CallTokens, Prompt, overheads
from evo.costs.prices import LLMPrimitive, expect_weights, weights_of
from evo.engine.deap import why_not_deap
from evo.errors import InputError
from evo.evaluation import is_noisy
from evo.foreign import blame_part
from evo.forms.texts import asks_a_model
from evo.identity import expect_named
from evo.parameters import shown
from evo.protocols import AnyMutator, AnyRunner, CostModel, FloatArray, Problem, Schedule
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Asynchronous, Merged
from evo.runners.protocol import Describing, OwnGenerations
from evo.search import Search
from evo.text import canonical, is_frozen_dataclass, parse, read_back
from experiments.grids.any_cell import AnyCell
from experiments.grids.parts import find_any

MOST_BLOCKS = 10**8
MOST_OFFSPRING = 10**6
MOST_TOKENS = 2**26
"""Read, or written, by a call at the most: sums of squares over its passes stay exact."""
BATCH_BLOCKS = 2**24
"""Blocks held by one batch of runs at the most, one byte each."""
BATCH_PLACES = 2**21
"""Solutions kept, or calls under way, by one batch of runs at the most: some 25 bytes each beside the blocks, 50 MB."""
BATCH_CALLS = 2**22
"""Calls of one generation of a batch of runs at the most (blocks of these calls, if each is drawn): 8 bytes each."""


@dataclass(frozen=True)
class Cell(AnyCell):
    """A problem, the mutator that varies its solutions, the schedule of its calls, and the algorithm.

    Only these first four are the cell's random identity: cells that differ in prompt, cost or budget share their
    trajectories, and a price cannot touch the draws.

    Attributes:
        problem: what is optimised.
        mutator: the simulated LLM call.
        schedule: which chunk each call gets.
        runner: the (1+lambda)-EA, or another way to choose parents and survivors.
        prompt: what a call reads.
        cost: prices of the ledger.
        budget: when a run is given up; None only where the predicted mean is finite.

    Raises: InputError if a part is none, or does not fit the others; OperatorError naming a part whose code breaks.

    >>> from evo import OnePlusLambda, UntilResolved
    >>> from problems import BlockOneMax
    >>> from operators import Resample
    >>> cell = Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda())
    >>> cell.text
    'Cell(problem=BlockOneMax(k=4, l=16), mutator=Resample(p=0.5), schedule=UntilResolved(), runner=OnePlusLambda())'
    >>> Cell.parse(cell.text) == cell
    True
    """

    problem: Problem
    mutator: AnyMutator
    schedule: Schedule
    runner: AnyRunner
    prompt: Prompt = Prompt()
    cost: CostModel = LLMPrimitive()
    budget: Budget | None = Budget()

    def __post_init__(self) -> None:
        with blame_part(self):
            self._expect_all()

    def _expect_all(self) -> None:
        self._expect("problem", ("k", "l", "initial", "fitness"), "BlockOneMax(k=4, l=16)")
        self._expect("mutator", ("rewrite",), "Resample(p=0.5)")
        self._expect("schedule", ("chunk_size", "choose", "advance", "oblivious"), "UntilResolved()")
        self._expect("cost", ("weights",), "LLMPrimitive(m=1)")
        own = ("fits", "answers", "in_flight")
        loop = (
            own
            if isinstance(self.runner, Merged | Asynchronous) or hasattr(self.runner, "run_batch")
            else ("parents", "survivors")
        )
        self._expect("runner", ("lam", "founders", *loop), "OnePlusLambda(lam=8)")
        self._expect_a("prompt", Prompt)
        if self.budget is not None:
            self._expect_a("budget", Budget)
            self._expect_reachable(self.budget)
        _ = self.text  # refuses what has no text, such as arrays in a part
        expect_named(self)
        self._expect_sizes()
        if hasattr(self.mutator, "fits"):
            with blame_part(self.mutator, "fits"):
                for g in dict.fromkeys((self.chunks.g, self.chunks.last)):
                    self.mutator.fits(self.problem.k, g)
        if type(self.runner) is not OnePlusLambda and isinstance(self.runner, OwnGenerations | Describing):
            with blame_part(self.runner, "fits"):
                self.runner.fits(self.problem, self.mutator, self.schedule, self.prompt)
        expect_weights(self.cost)
        for work in overheads(self.mutator, self.schedule):  # which refuses what is none
            beside = max(work.prompt_tokens(self.chunks.g, self.problem.k, self.problem.l), work.writes)
            if beside > MOST_TOKENS:
                raise InputError(
                    f"Cell: expected LLM work beside a call that reads and writes at most {MOST_TOKENS:,} tokens, got "
                    f"{shown(beside)}; lower what the mutator or the schedule declares, its head or what it writes"
                )

    @cached_property
    def text(self) -> str:
        """The canonical text, which names the cell for ever."""
        return canonical(self)

    @cached_property
    def id(self) -> str:
        """The cell's name in tables: "c" and 12 hexadecimal digits of the text's SHA-256."""
        return cell_id(self.text)

    @cached_property
    def sample(self) -> str:
        """What names the cell's runs: search and prompt, "-", budget. Cells that differ in price only share their runs.

        Prices belong to the name only where the budget limits the cost: there they say when a run ends.
        """
        limits_cost = self.budget is not None and self.budget.cost is not None
        weights = tuple(self.weights.tolist()) if limits_cost else None
        return sample_name(self.search.text, canonical(self.prompt), canonical(self.budget), weights)

    @cached_property
    def search(self) -> Search:
        """The four parts that decide what a run does."""
        return Search(self.problem, self.mutator, self.schedule, self.runner)

    @property
    def identity(self) -> str:
        """The text of the search, which names the random streams."""
        return self.search.text

    @property
    def k(self) -> float:
        """Blocks of a solution."""
        return self.problem.k

    @property
    def lam(self) -> float:
        """Offspring a generation."""
        return self.runner.lam

    @property
    def chunks(self) -> Chunks:
        """How the schedule cuts the solution."""
        return self.search.chunks

    @cached_property
    def tokens(self) -> CallTokens:
        """Ledger entries of one call, with the LLM work that mutator and schedule declare beside it."""
        return CallTokens.of(self.prompt, self.search.lengths, overheads(self.mutator, self.schedule))

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """The budget as the engine sees it."""
        return () if self.budget is None else self.budget.limits(self.tokens, self.weights)

    @property
    def weights(self) -> FloatArray:
        """The prices of the ledger's entries, float [8]."""
        return weights_of(self.cost)

    @property
    def prices(self) -> dict[str, float]:
        """The price of each column of the table that has one."""
        return {entry: price for entry, price in zip(LEDGER, self.weights.tolist(), strict=True) if price}

    @property
    def sizes(self) -> dict[str, Any]:
        """Columns of the table of cells that every search has, whether they are fields of its parts or not."""
        return {"problem.k": self.problem.k, "problem.l": self.problem.l, "runner.lam": self.runner.lam}

    @classmethod
    def parse(cls, text: str) -> Cell:
        """The cell of a canonical text.

        Raises: InputError if it is not the text of a cell, or names a part that is not loaded.
        """
        with read_back():
            cell = parse(text, lambda name: cls if name == "Cell" else find_any(name))
        if not isinstance(cell, Cell):
            raise InputError(f"expected the canonical text of a cell, got {shown(text)}")
        return cell

    @property
    def task(self) -> Any:
        """The problem."""
        return self.problem

    @property
    def ends_alone(self) -> bool:
        """False: a run without a hit ends at its budget."""
        return False

    @property
    def largest(self) -> str:
        """What to lower where a batch needs too much memory, in words."""
        return "k, l, lam"

    def short_name(self, k_first: bool = False) -> str:
        """The schedule, k and lam."""
        schedule, at = type(self.schedule).__name__, f"k={self.problem.k} lam={self.runner.lam}"
        return f"{at} {schedule}" if k_first else f"{schedule} {at}"

    def why_not(self, engine: str) -> str:
        """Why an engine cannot run the cell; of `law` empty: its table of jumps says it."""
        if engine != "blocks" and asks_a_model(self.mutator):
            return f"{self.short_name()}: expected the engine blocks for a mutator that makes real calls, got {engine}"
        reason = why_not_deap(self.search) if engine == "deap" else ""
        return f"{self.short_name()}: {reason}" if reason else ""

    def batch_size(self, batch: int) -> int:
        """Runs simulated together: the grid's batch, less where k, lam or the solutions kept would make memory grow.

        Of real calls none is made that the table does not need, and a run stands in it as soon as it is done.
        """
        if asks_a_model(self.mutator):
            return 1
        k, kept = self.problem.k, len(self.runner.founders)
        if type(self.runner) is not OnePlusLambda and isinstance(self.runner, OwnGenerations):
            kept += self.runner.in_flight
            return max(1, min(batch, BATCH_BLOCKS // (k * kept), BATCH_PLACES // kept))
        slabs = kept == 1 and not is_noisy(self.problem)  # the loop for one parent cuts its offspring into slabs
        a_run = max(k, self.runner.lam) if slabs else k * (kept + self.runner.lam)
        calls = self.runner.lam * (self.chunks.g if draws_subsets(self.schedule) else 1)
        return max(1, min(batch, BATCH_BLOCKS // a_run, BATCH_PLACES // kept, BATCH_CALLS // calls))

    def _expect(self, name: str, needed: tuple[str, ...], example: str) -> None:
        part: Any = getattr(self, name)
        missing = [attribute for attribute in needed if not hasattr(part, attribute)]
        if isinstance(part, type):
            raise InputError(
                f"Cell: expected for {name} a {name} such as {example}, got the class {part.__name__}; write it with "
                "its parameters in parentheses"
            )
        if missing:
            raise InputError(
                f"Cell: expected for {name} a {name} such as {example}, got {shown(part)} without {', '.join(missing)}"
            )
        if not is_frozen_dataclass(part):
            raise InputError(
                f"Cell: expected for {name} an instance of a class marked @dataclass(frozen=True), so that it has a "
                f"text that names its runs, got {shown(part)}"
            )

    def _expect_a(self, name: str, kind: type) -> None:
        part = getattr(self, name)
        if not isinstance(part, kind):
            raise InputError(f"Cell: expected for {name} a {kind.__name__}, got {shown(part)}")

    def _expect_reachable(self, budget: Budget) -> None:
        """Refuse a limit on tokens that no call has: no run would come to it."""
        for name, tokens in (("cached", self.prompt.cached), ("reasoning", self.prompt.reasoning)):
            entry = f"{name}_tokens"
            if entry in budget.entries and tokens == 0:
                raise InputError(
                    f"Cell: budget.{entry}: expected a prompt with {name} tokens, without which no run comes to this "
                    f"limit, got {self.prompt}; give Prompt({name}=..) or limit another entry"
                )

    def _expect_sizes(self) -> None:
        """Refuse sizes no solution can have, from parts that do not check their own."""
        kind = type(self.problem).__name__
        for name, size in (("k", self.problem.k), ("l", self.problem.l)):
            if not _is_whole(size) or size < 1:
                raise InputError(f"{kind}: {name} must be a whole number >= 1, got {shown(size)}")
        with blame_part(self.schedule, "chunk_size"):
            g = self.schedule.chunk_size(self.problem.k)
        if not _is_whole(g) or not 1 <= g <= self.problem.k:
            raise InputError(
                f"{type(self.schedule).__name__}: chunk_size must be a whole number from 1 to k = {self.problem.k}, "
                f"got {shown(g)}"
            )

        for name, size, most in (("k", self.problem.k, MOST_BLOCKS), ("lam", self.runner.lam, MOST_OFFSPRING)):
            if size > most:
                raise InputError(f"Cell: expected {name} to be at most {most:,}, which memory allows, got {size:,}")
        _ = self.search.lengths  # refuses what cannot be counted exactly
        writes = g * self.problem.l + self.prompt.reasoning
        longest = max(self.prompt.tokens(g, self.problem.k, self.problem.l), writes)
        if longest > MOST_TOKENS:
            raise InputError(
                f"Cell: expected calls that read and write at most {MOST_TOKENS:,} tokens each, got {longest:,}; "
                "lower k, l, or the prompt's head or reasoning"
            )


def cell_id(text: str) -> str:
    """The id of the cell of this text."""
    return f"c{_digits(text, 12)}"


def sample_name(search: str, prompt: str, budget: str, weights: tuple[float, ...] | None) -> str:
    """The name of the runs of cells, of the texts of their parts, and their prices if the budget limits the cost."""
    if weights is not None and not any(weights[EARLIER:]):
        weights = weights[:EARLIER]  # runs keep the names that they had before there were more entries
    prices = "" if weights is None else canonical(weights)
    return f"s{_digits(f'{search}, {prompt}', 12)}-{_digits(budget + prices, 8)}"


def _digits(text: str, number: int) -> str:
    """The first hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:number]


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
