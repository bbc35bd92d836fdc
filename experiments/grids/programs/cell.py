"""A cell that runs a program of calls: a process beside `Search`, with the same text, table, check and fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any

from evo.costs.ledger import LEDGER
from evo.costs.prices import LLMPrimitive, expect_weights, weights_of
from evo.errors import InputError
from evo.foreign import blame_part
from evo.identity import expect_named
from evo.parameters import shown
from evo.programs.execute import roles_of
from evo.programs.protocol import Program
from evo.programs.roles import Role
from evo.protocols import CostModel, FloatArray
from evo.text import canonical, is_frozen_dataclass, parse, parts_of, read_back, type_name
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell, cell_id, sample_name
from experiments.grids.labels import place_of
from experiments.grids.parts import find_any

BATCH_NUMBERS = 2**24
"""Numbers in the ledger of a batch at the most."""
UNSCALED = ("calls", "evaluations")
"""Entries whose price does not grow with the size of the model."""


@dataclass(frozen=True)
class ProgramCell(AnyCell):
    """A program of calls, and the prices of its ledger.

    A run costs the sum over its roles of ledger @ prices, where a role whose model has size s pays s times the prices
    of tokens (Definition 2.2 with LLMPrimitive(m=1)); prices of calls and evaluations are not scaled.

    Attributes:
        program: what is run; it alone is the cell's random identity.
        cost: prices of the ledger.
        budget: None: a program ends by itself.

    Raises: InputError if a part is none; OperatorError naming a program whose code breaks.
    """

    program: Program
    cost: CostModel = LLMPrimitive()
    budget: None = None

    def __post_init__(self) -> None:
        with blame_part(self):
            try:
                self._expect_program()
            except MemoryError:
                raise InputError(
                    f"{type_name(type(self.program))}: not enough memory for its roles; lower {self.largest}"
                ) from None
            if not hasattr(self.cost, "weights") or not is_frozen_dataclass(self.cost):
                raise InputError(
                    f"ProgramCell: expected for cost a cost model such as LLMPrimitive(m=1), got {shown(self.cost)}"
                )
            expect_weights(self.cost)
            if self.budget is not None:
                raise InputError(
                    f"ProgramCell: budget must be None, since a program ends by itself, got {shown(self.budget)}; give "
                    "the program a parameter for the most that it may do"
                )
            canonical(self)  # refuses what has no text
            expect_named(self)

    def _expect_program(self) -> None:
        missing = [name for name in ("roles", "execute") if not hasattr(self.program, name)]
        if isinstance(self.program, type) or missing or not is_frozen_dataclass(self.program):
            lacks = f" without {' and '.join(missing)}" if missing else ""
            raise InputError(
                "ProgramCell: expected for program an instance of a class marked @dataclass(frozen=True) with roles "
                f"and execute (`evo.programs.Program`), got {shown(self.program)}{lacks}"
            )
        if roles_of(self.program) != self.roles:
            raise InputError(
                f"ProgramCell: expected the same roles whenever {type_name(type(self.program))}.roles is read, got "
                "others the second time; let roles follow from the parameters alone"
            )

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """Who makes calls, in the order of the table's columns."""
        return roles_of(self.program)

    @cached_property
    def text(self) -> str:
        """The canonical text, which names the cell for ever."""
        return canonical(self)

    @cached_property
    def id(self) -> str:
        """The cell's name in tables."""
        return cell_id(self.text)

    @cached_property
    def identity(self) -> str:
        """The text of the program, which names the random streams."""
        return canonical(self.program)

    @cached_property
    def sample(self) -> str:
        """What names the cell's runs: the program. Cells that differ in price only share their runs."""
        return program_sample(self.identity)

    @property
    def weights(self) -> FloatArray:
        """The prices of the ledger's entries for a model of size 1, float [8]."""
        return weights_of(self.cost)

    @property
    def prices(self) -> dict[str, float]:
        """The price of each column of the table that has one: `qa.pass_tokens` and so on."""
        return column_prices(self.weights, {role.name: role.model.size for role in self.roles})

    @property
    def sizes(self) -> dict[str, Any]:
        """Columns of the table of cells that say what follows from the program: sizes of its models."""
        return {f"role.{role.name}.size": role.model.size for role in self.roles}

    @property
    def k(self) -> float:
        """The program's own k, NaN if it has none."""
        k = getattr(self.program, "k", math.nan)
        return k if isinstance(k, int | float) and not isinstance(k, bool) else math.nan

    @property
    def lam(self) -> float:
        """NaN: a program has no offspring."""
        return math.nan

    @property
    def task(self) -> Any:
        """The program."""
        return self.program

    @property
    def ends_alone(self) -> bool:
        """True: a program ends by itself."""
        return True

    @property
    def largest(self) -> str:
        """What to lower where a batch needs too much memory, in words."""
        return largest_number(self.program)

    def short_name(self, k_first: bool = False) -> str:
        """The class of the program, and its k if it has one."""
        return ", ".join([type(self.program).__name__, *place_of(self.k, self.lam)])

    def why_not(self, engine: str) -> str:
        """Why an engine cannot run the cell: programs are executed by their own code."""
        if engine == "blocks":
            return ""
        return f"engine must be 'blocks' for programs of calls, which are executed by their own code, got {engine!r}"

    def batch_size(self, batch: int) -> int:
        """Runs simulated together: the grid's batch, less where there are thousands of roles."""
        return max(1, min(batch, BATCH_NUMBERS // (len(self.roles) * len(LEDGER))))


def largest_number(program: object) -> str:
    """The parameter of a program that is most likely too large for the memory: `k = 1000000000`.

    >>> from problems.systems import Generalist
    >>> largest_number(Generalist(k=4, n=100))
    'n = 100'
    """
    parts = [part for part in parts_of(program) if is_dataclass(part)]
    named = {field.name: getattr(part, field.name) for part in parts for field in fields(part)}
    whole = {name: value for name, value in named.items() if isinstance(value, int) and not isinstance(value, bool)}
    name = max(whole, key=lambda name: whole[name], default="")
    return f"{name} = {shown(whole[name])}" if name else "its parameters"


def column_prices(weights: FloatArray, sizes: Mapping[str, float]) -> dict[str, float]:
    """The price of each column of the table of runs, by the sizes of roles; those that are free are left out.

    >>> column_prices(LLMPrimitive(m=3, per_call=7).weights, {"qa": 0.5})
    {'qa.calls': 7.0, 'qa.pass_tokens': 1.5}
    """
    each = dict(zip(LEDGER, weights.tolist(), strict=True))
    return {
        f"{role}.{entry}": price if entry in UNSCALED else price * size
        for role, size in sizes.items()
        for entry, price in each.items()
        if price
    }


def program_sample(program: str) -> str:
    """The name of the runs of a program, by its text."""
    return sample_name(program, "", "None", None)


def parse_cell(text: str) -> AnyCell:
    """The cell of a canonical text.

    Raises: InputError if it is not the text of a cell, or names a part that is not loaded.
    """
    own = {"Cell": Cell, "ProgramCell": ProgramCell}
    with read_back():
        cell = parse(text, lambda name: own.get(name) or find_any(name))
    if not isinstance(cell, AnyCell):
        raise InputError(f"expected the canonical text of a cell, got {shown(text)}")
    return cell
