"""Roles: who makes the calls of a program."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evo.costs.ledger import LEDGER
from evo.errors import InputError
from evo.parameters import shown
from evo.programs.models import Model, words

NAME = r"[a-z][a-z0-9_]*"
"""Of a role: it heads columns of the table, as in `qa.pass_tokens`."""
TAKEN = (
    frozenset(LEDGER)
    | {"hit", "generations", "seconds", "cell", "arm", "text", "sample", "label", "series", "engine", "batch", "run"}
    | {
        "problem",
        "mutator",
        "schedule",
        "runner",
        "prompt",
        "cost",
        "cost_model",
        "budget",
        "program",
        "role",
        "weight",
    }
    | {"k", "l", "lam"}
)
"""What other columns of tables are called, or begin with, as in `weight.calls`: no names of roles."""


@dataclass(frozen=True)
class Role:
    """An agent of a program: a name, the model behind it, and what it must be able to do.

    Attributes:
        name: lower-case letters, digits and _, such as "qa".
        model: the LLM that makes its calls.
        needs: capabilities that the model must have.

    Raises: InputError for a name that other columns have, a role without a model, or with a model that cannot do
        what the role needs.

    >>> Role("qa", Model("small", 0.5, ("qa",)), needs=("qa",)).model.size
    0.5
    """

    name: str
    model: Model = None  # type: ignore[assignment]  # so that a role without a model is told by its name
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(NAME, self.name):
            raise InputError(
                f"Role: name must be lower-case letters, digits and _, such as 'qa', got {shown(self.name)}"
            )
        if self.name in TAKEN:
            raise InputError(
                f"Role: expected a name that heads no other columns of the tables, got {self.name!r}; choose another, "
                f"such as '{self.name}_role'"
            )
        if not isinstance(self.model, Model):
            raise InputError(
                f"role {self.name!r}: expected a model, such as Model(size=1.0), got {shown(self.model)}; each role "
                "needs one"
            )
        object.__setattr__(self, "needs", words(self, "needs"))
        missing = self.model.lacks(self.needs)
        if missing:
            call = f"Catalogue((...)).cheapest({self.name!r}, {self.needs!r})"
            raise InputError(
                f"role {self.name!r}: expected a model that has the capability {', '.join(map(repr, missing))}, got "
                f"{self.model.name or 'a model'} with {shown(self.model.capabilities)}; choose another model "
                f"({call} finds the smallest), or add the capability"
            )


def expect_roles(roles: object) -> tuple[Role, ...]:
    """The roles of a program: one or more, each with a name of its own.

    Raises: InputError.
    """
    if not isinstance(roles, tuple) or not roles or not all(isinstance(role, Role) for role in roles):
        raise InputError(
            f"expected for roles a tuple of one Role or more, such as (Role('qa', Model()),), got {shown(roles)}"
        )
    names = [role.name for role in roles]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"roles: expected another name for each role, got {name!r} twice")
    return roles
