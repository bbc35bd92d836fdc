"""The identity of the class of a part: a table of what its methods read, its digest, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from evo.errors import InputError
from evo.foreign import is_foreign
from evo.identity.classes import functions_in
from evo.identity.code import CODE, digest
from evo.identity.walk import Walk
from evo.identity.whose import is_the_users_function, module_of
from evo.text import OWN_PACKAGES, parts_of, type_name

MOST_TOLD = 3


@dataclass(frozen=True)
class Identity:
    """What a class is.

    Attributes:
        kind: the class.
        reads: by the name of a function, class, global, default or variable what stood behind it.
        unseen: in words, what its methods read and nobody can see.
    """

    kind: type
    reads: Mapping[str, str]
    unseen: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits, the same in every process of the same version of Python."""
        return digest("\n".join(f"{name} = {said}" for name, said in sorted(self.reads.items())))


def identity_of(kind: type) -> Identity:
    """The identity of a class.

    >>> dict(identity_of(Identity).reads)  # one of the testbed's own is named, and no more
    {}
    """
    walk = Walk(kind)
    return Identity(kind, walk.found, tuple(walk.unseen))


def identities(value: object) -> dict[str, Identity]:
    """The identities of the classes among a part or cell and all parts in it, by name; without those of the testbed.

    Raises: InputError if two of the classes have one name and are different, or one of the testbed was changed.
    """
    found: dict[str, Identity] = {}
    for kind in dict.fromkeys(type(part) for part in parts_of(value)):
        if not is_foreign(kind):
            _expect_unpatched(kind)
            continue
        name, made = type_name(kind), identity_of(kind)
        if name in found and found[name].digest != made.digest:
            raise InputError(
                f"{name} stands for two different classes here: {differences(found[name].reads, made.reads)}; make "
                "all parts by the class as it is now, or keep what differs in a field"
            )
        found[name] = made
    return found


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """In words, how what a class reads has changed; empty if it has not.

    Codes of two versions of Python are not compared.

    >>> differences({"__main__.RATE": "0.1", "f": "code 3.12 a"}, {"__main__.RATE": "0.9", "f": "code 3.12 b"})
    '__main__.RATE was 0.1 and is 0.9; the code of f is another'
    """
    told = [_difference(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    some = [each for each in told if each]
    more = f"; and {len(some) - MOST_TOLD} more" if len(some) > MOST_TOLD else ""
    return "; ".join(some[:MOST_TOLD]) + more


def other_python(old: Mapping[str, str]) -> bool:
    """Whether codes were written down by another version of Python, so that they cannot be compared."""
    return any(said.startswith("code ") and not said.startswith(CODE) for said in old.values())


def _difference(name: str, old: str | None, new: str | None) -> str:
    if old == new:
        return ""
    if old is None or new is None:
        return f"{name} is {'read now' if old is None else 'read no more'}"
    if old.startswith("code ") and new.startswith("code "):
        return f"the code of {name} is another" if old.split()[1] == new.split()[1] else ""
    return f"{name} was {old} and is {new}"


def _expect_unpatched(kind: type) -> None:
    """Refuse a class of the testbed with a method that somebody has put in the place of its own."""
    for each in kind.__mro__:
        for name, value in vars(each).items() if each.__module__.partition(".")[0] in OWN_PACKAGES else ():
            for function in filter(is_the_users_function, functions_in(value)):
                raise InputError(
                    f"{each.__name__}.{name} of the testbed was replaced by {module_of(function)}."
                    f"{function.__qualname__}; put it into a class of your own, class Mine({each.__name__}), so that "
                    "its runs have a name of their own"
                )
