"""A model as a plan sees it: the parts of cells that follow from its calibration, and what had to be assumed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from evo.costs.latency import Latency
from evo.costs.ledger import CallTokens, Prompt
from evo.costs.prices import TokenPrices
from evo.errors import InputError
from evo.protocols import AnyMutator
from experiments.grids.measured.file import Calibration
from experiments.grids.measured.parts import call_of, prices_of, prompt_of
from experiments.grids.measured.values import PerG
from operators import Vote
from operators.calibrated.rates import rate
from problems import BlockOneMax

MOST_BLOCKS = 100_000


@dataclass(frozen=True)
class Model:
    """A model that can be paid for.

    Attributes:
        name: in the table; empty where there is only one.
        values: its calibration; what it lacks is assumed, see `assumed`.
        start: share of blocks that are correct at first.
        shows: what a call reads beside the instructions, "chunk" or "solution".
    """

    name: str
    values: Calibration
    start: float = 0.0
    shows: str = "chunk"

    def __post_init__(self) -> None:
        for name in ("fix", "keep"):
            if not getattr(self.values.operator, name):
                raise InputError(
                    f"plan{self._of}: operator.{name}: expected chances by blocks a call, as {{ 1 = 0.35, 5 = 0.2 }}, "
                    "got none"
                )
        if self.values.problem.k is None:
            raise InputError(
                f"plan{self._of}: problem.k: expected the number of blocks, got none; give k = 40 or --k 40"
            )
        if self.k > MOST_BLOCKS:
            raise InputError(f"plan{self._of}: problem.k: expected at most {MOST_BLOCKS:,} blocks, got {self.k:,}")
        given = [getattr(self.values.prices, name) is not None for name in ("prompt", "generated")]
        if any(given) and not all(given):
            missing = "generated" if given[0] else "prompt"
            raise InputError(f"plan{self._of}: prices.{missing}: expected a price beside the other one, got none")
        if self.priced and self.block is None:
            raise InputError(
                f"plan{self._of}: tokens.block: expected the tokens of a block, which prices need, got none"
            )
        if self.priced and self.values.tokens.instructions is None:
            raise InputError(
                f"plan{self._of}: tokens.instructions: expected the prompt tokens of every call, which prices need, "
                "got none; give 0 if there are none"
            )

    @property
    def _of(self) -> str:
        return f" ({self.name})" if self.name else ""

    @property
    def k(self) -> int:
        """Blocks of the problem."""
        assert self.values.problem.k is not None  # refused above
        return self.values.problem.k

    @cached_property
    def block(self) -> int | None:
        """Tokens of a block, None if nobody says."""
        said = self.values.problem.l or self.values.tokens.block
        return None if said is None else max(1, round(said))

    @property
    def priced(self) -> bool:
        """Whether its tokens have prices."""
        return self.values.prices.prompt is not None or self.values.prices.generated is not None

    @property
    def counted(self) -> bool:
        """Whether the tokens of its calls are known."""
        return self.block is not None and self.values.tokens.instructions is not None

    @property
    def timed(self) -> bool:
        """Whether the seconds of its calls or of evaluations are known."""
        seconds = self.values.seconds
        return any(each is not None for each in (seconds.fixed, seconds.per_generated_token, seconds.evaluation))

    @cached_property
    def problem(self) -> BlockOneMax:
        """The number of correct blocks."""
        return BlockOneMax(k=self.k, l=self.block or 1, start=self.start)

    @cached_property
    def prompt(self) -> Prompt:
        """What a call reads, and the reasoning that it writes."""
        return prompt_of(self.values.tokens, self.shows)

    @cached_property
    def prices(self) -> TokenPrices | None:
        """The bill of a token each, None without prices."""
        return prices_of(self.values.prices) if self.priced else None

    @cached_property
    def latency(self) -> Latency:
        """Seconds of a call, whose mean is exp(tail^2/2) times the median that calibrations have, and an evaluation."""
        seconds = self.values.seconds
        mean = math.exp((seconds.tail or 0.0) ** 2 / 2.0)
        return Latency(
            fixed=mean * (seconds.fixed or 0.0),
            per_prompt_token=mean * (seconds.per_prompt_token or 0.0),
            per_generated_token=mean * (seconds.per_generated_token or 0.0),
            tail=seconds.tail or 0.0,
            evaluation=seconds.evaluation or 0.0,
        )

    def mutator(self, g: int, votes: int = 1) -> AnyMutator:
        """A call on g blocks, or votes until an answer is `votes` ahead.

        Tables are cut down to g where no chunk is shorter, so that candidates do not differ by what they never use.

        Raises: InputError where fix or keep of such a call is neither measured nor between two that are.
        """
        operator, last = self.values.operator, self.k % g
        fix, keep = (chance_at(getattr(operator, name), g, name) for name in ("fix", "keep"))
        if not last:
            operator = replace(operator, fix=((g, fix),), keep=((g, keep),))
        else:  # the tables stay whole; they must know the last chunk, too
            for name in ("fix", "keep"):
                chance_at(getattr(operator, name), last, name, f"; k = {self.k} by g = {g} leaves a chunk of {last}")
        call = call_of(operator)
        return call if votes == 1 else Vote(call, ahead=votes)

    def price_of_a_call(self, g: int) -> float:
        """Of one answer to g blocks, evaluated; NaN without prices."""
        if self.prices is None:
            return math.nan
        each = CallTokens.equal(self.prompt, self.k, self.problem.l, g).prices(self.prices.weights)[0]
        return each + self.prices.evaluation

    def measured(self, g: int) -> bool:
        """Whether g, and a shorter last chunk, lie within the calls that were measured."""
        tables, least = (self.values.operator.fix, self.values.operator.keep), self.k % g or g
        return all(table[0][0] <= least and g <= table[-1][0] for table in tables)

    def knows(self, g: int) -> bool:
        """Whether g was measured, or a chance of it follows from those that were."""
        try:
            self.mutator(g)
        except InputError:
            return False
        return self.measured(g)

    def interpolated(self, g: int) -> bool:
        """Whether a chance of a call on g blocks, or on the shorter last chunk, lies between two that differ."""
        tables = (self.values.operator.fix, self.values.operator.keep)
        return self.measured(g) and any(_between(table, each) for table in tables for each in {g, self.k % g or g})

    @property
    def assumed(self) -> list[str]:
        """What nobody says, and is taken for nothing."""
        values, longer = self.values, self.k > 1
        known: list[tuple[str, float | None, bool]] = [
            ("refusals", values.operator.refusals, True), ("malformed", values.operator.malformed, True),
            ("correlation of the blocks of a call", _either(values.operator.rho_fix, values.operator.rho_keep), longer),
            ("cached share", values.tokens.cached_share, self.counted),
            ("price of an evaluation", values.prices.evaluation, self.priced),
            ("seconds of an evaluation", values.seconds.evaluation, self.timed),
            ("seconds of a call", values.seconds.fixed, self.timed),
            ("seconds of a generated token", values.seconds.per_generated_token, self.timed),
            ("tail of the seconds", values.seconds.tail, self.timed),
        ]  # fmt: skip
        return [name for name, value, needed in known if needed and value is None]


def _between(table: PerG, g: int) -> bool:
    """Whether g was not measured, and the next below and above it have different chances."""
    below, above = ([p for each, p in table if each < g], [p for each, p in table if each > g])
    return g not in dict(table) and bool(below and above) and below[-1] != above[0]


def _either(first: float | None, second: float | None) -> float | None:
    return second if first is None else first


def chance_at(table: PerG, g: int, name: str, where: str = "") -> float:
    """The chance at g, as `Measured` takes it.

    Raises: InputError where nothing follows from what was measured.
    """
    try:
        return rate(table, g, name)[0]
    except InputError as error:
        raise InputError(f"plan: operator.{error}{where}") from None
