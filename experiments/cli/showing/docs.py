"""What the docstring of a part says: its paragraphs, and the meaning of each parameter."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, dataclass, fields

from evo.text import canonical

ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*)$")
HEADED = re.compile(r"^(Attributes|Raises|Args|Returns|Examples?):")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a part.

    Attributes:
        name: what it is called.
        type: what it takes, as its code says.
        default: as in a grid's text; empty where it must be given.
        meaning: from the docstring; empty where that says nothing.
    """

    name: str
    type: str
    default: str
    meaning: str

    @property
    def is_part(self) -> bool:
        """Whether a part stands there, by the name of its type: those of Python's own types are small."""
        return self.type[:1].isupper()


def paragraphs(part: type) -> list[str]:
    """The paragraphs of the docstring above its sections and examples, each on one line; none without a docstring.

    >>> from operators import FixKeep
    >>> paragraphs(FixKeep)[0]
    'Rewrites every block: a wrong one is right afterwards w.p. `fix`, a right one stays right w.p. `keep`.'
    """
    if _is_generated(part.__doc__ or "", part):
        return []
    found = []
    for each in (inspect.getdoc(part) or "").split("\n\n"):
        if HEADED.match(each) or each.lstrip().startswith(">>>"):
            break
        found.append(" ".join(each.split()))
    return [each for each in found if each]


def _is_generated(doc: str, part: type) -> bool:
    """Whether a docstring is the signature that `dataclass` gives to a class without one."""
    return doc.startswith(f"{part.__name__}(") and doc.endswith(")") and "\n" not in doc


def parameters(part: type) -> list[Parameter]:
    """The parameters that a grid gives, in their order.

    >>> from evo import OnePlusLambda
    >>> lam = parameters(OnePlusLambda)[0]
    >>> lam.name, lam.type, lam.default, lam.meaning
    ('lam', 'int', '1', 'offspring a generation; 1 for "always".')
    """
    meanings: dict[str, str] = {}
    for kind in reversed(part.__mro__):  # what a wrapper says of its own parameters stands above what all wrappers say
        meanings |= _meanings(inspect.cleandoc(kind.__doc__ or ""))
    return [
        Parameter(each.name, _type(each.type), _default(each), meanings.get(each.name, ""))
        for each in fields(part)
        if each.init
    ]


def _meanings(doc: str) -> dict[str, str]:
    """What the section `Attributes` says of each name."""
    found: dict[str, str] = {}
    names: list[str] = []
    _, _, section = doc.partition("Attributes:\n")
    for line in section.split("\n"):
        entry = ENTRY.match(line)
        if entry:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        elif line.startswith(" " * 8):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            break
    return found


def _type(declared: object) -> str:
    return declared if isinstance(declared, str) else getattr(declared, "__name__", str(declared))


def _default(field: object) -> str:
    default = getattr(field, "default", MISSING)
    if default is not MISSING:
        return canonical(default)
    factory = getattr(field, "default_factory", MISSING)
    return "" if factory is MISSING else canonical(factory())
