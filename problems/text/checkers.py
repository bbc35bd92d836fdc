"""Checkers: which text is right for a block. A class of your own with the same `__call__` will do, too.

A text comes from a model. The checkers here compare it and do nothing else; what one of yours does with it is yours.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from evo.errors import InputError, OperatorError
from evo.parameters import flag, shown


@dataclass(frozen=True)
class Exact:
    """Right is the text that is the block's own, without blanks around it.

    Attributes:
        texts: the right text of each block.
        ignore_case: whether small and capital letters are the same.

    >>> Exact(("Paris", "Rome"))(0, " Paris "), Exact(("Paris", "Rome"))(1, "Paris")
    (True, False)
    """

    texts: tuple[str, ...]
    ignore_case: bool = False

    def __post_init__(self) -> None:
        expect_texts(self, "texts")
        flag(self, "ignore_case")

    def __call__(self, block: int, text: str) -> bool:
        """Whether the text is the block's."""
        right, text = self.texts[block].strip(), text.strip()
        return right.casefold() == text.casefold() if self.ignore_case else right == text


@dataclass(frozen=True)
class ByFunction:
    """Right is what a function of yours says of the position of a block and its text.

    The module is imported when a text is judged, not when results are read. A change of its code is not noticed: write
    a frozen dataclass with `__call__`, and results of other code are not added to.

    Attributes:
        name: as "module:function".

    >>> ByFunction("operator:lt")(0, "a")
    Traceback (most recent call last):
    evo.errors.OperatorError: operator:lt: '<' not supported between instances of 'int' and 'str'
    """

    name: str

    def __post_init__(self) -> None:
        words = self.name.split(":") if isinstance(self.name, str) else []
        if len(words) != 2 or not all(word.isidentifier() for part in words for word in part.split(".")):
            raise InputError(f'ByFunction: name must be as "module:function", got {shown(self.name)}')

    def __call__(self, block: int, text: str) -> bool:
        """What the function says.

        Raises: InputError if there is none; OperatorError if it raises, or says neither yes nor no.
        """
        function = self.function
        try:
            said = function(block, text)
        except Exception as error:
            raise OperatorError(f"{self.name}: {error}") from error
        return said_of(self.name, said)

    @property
    def function(self) -> Any:
        """The function.

        Raises: InputError if it cannot be had.
        """
        module, _, name = self.name.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for word in name.split("."):
                found = getattr(found, word)
        except (ImportError, AttributeError) as error:
            raise InputError(f"ByFunction: expected {self.name} on the path of this Python: {error}") from None
        if not callable(found):
            raise InputError(f"ByFunction: expected a function, got {self.name} = {shown(found)}")
        return found


def said_of(name: str, said: object) -> bool:
    """What a checker said.

    Raises: OperatorError if it is neither True nor False.
    """
    if type(said).__name__ not in ("bool", "bool_"):
        raise OperatorError(f"{name}: expected True or False of a text, got {shown(said)}")
    return bool(said)


def expect_texts(part: Any, name: str) -> None:
    """Check that a field is a tuple of strings.

    Raises: InputError.
    """
    texts = getattr(part, name)
    if not isinstance(texts, tuple) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{type(part).__name__}: {name} must be a tuple of texts, got {shown(texts)}")
