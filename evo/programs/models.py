"""Models: their size (Definition 2.2), what they can do (Definition 2.3), and which of them a role takes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from evo.errors import InputError
from evo.parameters import positive, shown, whole

MOST_SIZE = 1e15  # sums of tokens times sizes stay numbers


@dataclass(frozen=True)
class Model:
    """An LLM of size m with its set of capabilities.

    Attributes:
        name: what a catalogue calls it.
        size: m, by which the token prices of the cost model are multiplied.
        capabilities: C_M, what it can reliably do (Definition 2.3).
        context: tokens that prompt and answer of a call may have together; None: no limit.

    >>> Model("small", size=0.5, capabilities=("qa",)).lacks(("qa", "debug"))
    ('debug',)
    """

    name: str = ""
    size: float = 1.0
    capabilities: tuple[str, ...] = ()
    context: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputError(f"Model: name must be a word, got {shown(self.name)}")
        positive(self, "size")
        if self.size > MOST_SIZE:
            raise InputError(f"Model: size must be at most {MOST_SIZE:g}, got {shown(self.size)}")
        object.__setattr__(self, "capabilities", words(self, "capabilities"))
        whole(self, "context", least=1, none=True)

    def lacks(self, needs: Iterable[str]) -> tuple[str, ...]:
        """Those of the needs that the model has no capability for."""
        return tuple(need for need in needs if need not in self.capabilities)


@dataclass(frozen=True)
class Catalogue:
    """The models that there are.

    Attributes:
        models: one or more.

    >>> small, large = Model("small", 1.0, ("qa",)), Model("large", 10.0, ("qa", "debug"))
    >>> Catalogue((large, small)).cheapest("qa", ("qa",)).name
    'small'
    """

    models: tuple[Model, ...]

    def __post_init__(self) -> None:
        if (
            not isinstance(self.models, tuple)
            or not self.models
            or not all(isinstance(model, Model) for model in self.models)
        ):
            raise InputError(
                f"Catalogue: models must be a tuple of one Model or more, such as (Model('small', 1.0, ('qa',)),), got "
                f"{shown(self.models)}"
            )

    def cheapest(self, role: str, needs: tuple[str, ...] = ()) -> Model:
        """The smallest model that has all that a role needs; the first of several.

        Args:
            role: its name, for the error.
            needs: capabilities that the model must have, words.

        Raises: InputError naming the role and the capabilities if there is none, or for arguments of other kinds.
        """
        if not isinstance(role, str) or not role:
            raise InputError(
                "Catalogue.cheapest: role must be the name of a role, with what it needs after it, as in "
                f"cheapest('qa', ('qa',)), got {shown(role)}"
            )
        needs = expect_words("Catalogue.cheapest", "needs", needs)
        able = [model for model in self.models if not model.lacks(needs)]
        if able:
            return min(able, key=lambda model: model.size)
        nowhere = [need for need in needs if all(model.lacks((need,)) for model in self.models)]
        missing = ", ".join(map(repr, nowhere or needs))
        which = "a model with the capability" if len(nowhere) == 1 else "one model with all the capabilities"
        raise InputError(
            f"role {role!r}: expected {which} {missing}, got none among the {len(self.models)} of the catalogue; add "
            "one, or let the role need less"
        )


def size_for(base: float, tasks: int, exponent: float = 1.0) -> float:
    """The size of one model for that many tasks: m = base tasks^exponent.

    The paper's Section 3.1 has exponent 1, m_g = k m_s; scaling laws do not imply it (theory 13.9).

    Raises: InputError for sizes, numbers of tasks or exponents that mean nothing.

    >>> size_for(2.0, tasks=100, exponent=0.5)
    20.0
    """
    for name, value, least in (("base", base, 0.0), ("tasks", tasks, 1), ("exponent", exponent, -math.inf)):
        number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
        if not number or value < least or (name == "base" and value == 0):
            raise InputError(f"size_for: {name} must be a finite number{_least(name)}, got {shown(value)}")
    try:
        size = float(base * float(tasks) ** exponent)
    except OverflowError:
        size = math.inf
    if size > MOST_SIZE:
        raise InputError(
            f"size_for: sizes are at most {MOST_SIZE:g}, got {shown(base)} * {shown(tasks)}^{shown(exponent)}; lower "
            "the exponent x"
        )
    return size


def words(part: object, name: str) -> tuple[str, ...]:
    """The named field as a tuple of words.

    Raises: InputError if it is something else, a bare word for example.
    """
    return expect_words(type(part).__name__, name, getattr(part, name))


def expect_words(who: str, name: str, value: object) -> tuple[str, ...]:
    """A tuple or list of words as a tuple.

    Raises: InputError if it is something else, a bare word for example.
    """
    if not isinstance(value, tuple | list) or not all(isinstance(word, str) and word for word in value):
        raise InputError(f"{who}: {name} must be a tuple of words, such as ('qa',), got {shown(value)}")
    return tuple(value)


def _least(name: str) -> str:
    return {"base": " > 0", "tasks": " >= 1"}.get(name, "")
