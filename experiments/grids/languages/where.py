"""Conditions on named axes, as a file writes them: `g <= k`, `not (k == 64 and p == 0.3)`.

A small language, read with Python's own grammar and evaluated here: nothing but what is listed below is accepted, so a
text in a file runs no code, and needs no more time or memory than its length.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from evo.errors import InputError
from evo.parameters import shown, suggestion

MOST_LETTERS = 500
MOST_DEEP = 60
"""Levels of a condition's tree at the most."""

WORDS = {"true": True, "false": False}
"""Names that TOML's own spelling gives to True and False."""

_ARITHMETIC: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_EQUAL: dict[type, Callable[..., bool]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}
_ORDER: dict[type, Callable[..., bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = (
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.BinOp, ast.Compare, ast.Constant, ast.Name, ast.Load),
    *(*_ARITHMETIC, *_EQUAL, *_ORDER),
)


@dataclass(frozen=True)
class Where:
    """What a combination of axes must meet to be a cell.

    Comparisons (`== != < <= > >=`, chained too) with `and`, `or`, `not`, of numbers with `+ - * / // %`; words in
    quotes, true and false are compared by `==` and `!=` only.

    Attributes:
        text: as it was written.
        tree: its syntax.

    >>> condition = Where.parse("g <= k and k % g == 0", ["k", "g"])
    >>> [g for g in range(1, 10) if condition.holds({"k": 6, "g": g})]
    [1, 2, 3, 6]
    """

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: object, names: Iterable[str]) -> Where:
        """The condition of a text.

        Args:
            text: what was written.
            names: of the axes.

        Raises: InputError with the place in the text, if it says anything else than the class lists.
        """
        if not isinstance(text, str) or not text.strip():
            raise InputError(f'expected a condition in quotes, such as "g <= k", got {shown(text):.100}')
        text = text.strip()
        if len(text) > MOST_LETTERS:
            raise InputError(
                f"{text:.40}...: expected at most {MOST_LETTERS} characters, got {len(text)}; write several conditions"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a wrong escape in a word, which the comparison will tell
                condition = cls(text, ast.parse(text, mode="eval").body)
        except SyntaxError as error:
            raise InputError(
                f'{text!r}{_column(error.offset)}: {error.msg}; expected a condition such as "g <= k" or '
                '"not (k == 64 and p == 0.3)"'
            ) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise InputError(f"{text!r}: expected a simpler condition: {error or 'nested too deeply'}") from None
        condition._check(list(names))
        return condition

    def holds(self, chosen: Mapping[str, Any]) -> bool:
        """Whether a combination, values by name of the axis, meets it.

        Raises: InputError if it compares, or calculates with, what cannot be, such as numbers with words.
        """
        return self._truth(self.tree, chosen)

    def _check(self, names: list[str]) -> None:
        level: list[ast.AST] = [self.tree]
        for _ in range(MOST_DEEP):
            for node in level:
                self._check_node(node, names)
            level = [inner for node in level for inner in ast.iter_child_nodes(node)]
            if not level:
                return
        raise InputError(f"{self.text!r}: expected at most {MOST_DEEP} levels; write several conditions")

    def _check_node(self, node: ast.AST, names: list[str]) -> None:
        if isinstance(node, ast.Name) and node.id not in [*names, *WORDS]:
            self._refuse(
                node, f"unknown axis {node.id!r}{suggestion(node.id, names)}; axes: {', '.join(names) or 'none'}"
            )
        signs = [inner for inner in ast.iter_child_nodes(node) if not isinstance(inner, ast.expr)]
        known = all(isinstance(each, _ALLOWED) for each in (node, *signs))
        if not known or (isinstance(node, ast.Constant) and type(node.value) not in (bool, int, float, str)):
            self._refuse(
                node,
                "expected comparisons of axes, numbers and words, with and, or, not and + - * / // %, got "
                f"{ast.unparse(node)!r:.60}",
            )

    def _truth(self, node: ast.expr, chosen: Mapping[str, Any]) -> bool:
        value = self._value(node, chosen)
        if not isinstance(value, bool):
            self._refuse(node, f"expected a comparison, which is true or false, got {_kind(value)}")
        return value

    def _number(self, node: ast.expr, chosen: Mapping[str, Any]) -> Any:
        value = self._value(node, chosen)
        if isinstance(value, bool | str):
            self._refuse(node, f"expected a number to calculate with, got {_kind(value)}")
        return value

    def _value(self, node: ast.expr, chosen: Mapping[str, Any]) -> Any:
        match node:
            case ast.Name(id=name):
                value = chosen[name] if name in chosen else WORDS[name]
                if not isinstance(value, bool | int | float | str):
                    self._refuse(node, f"expected numbers, words or true and false in the axis {name!r} to compare")
                return value
            case ast.BoolOp(op=op, values=parts):
                enough = isinstance(op, ast.Or)
                return enough if any(self._truth(part, chosen) is enough for part in parts) else not enough
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return not self._truth(part, chosen)
            case ast.UnaryOp(op=op, operand=part):
                return _ARITHMETIC[type(op)](self._number(part, chosen))
            case ast.BinOp(left=left, op=op, right=right):
                numbers = self._number(left, chosen), self._number(right, chosen)
                try:
                    return _ARITHMETIC[type(op)](*numbers)
                except (ZeroDivisionError, OverflowError) as error:
                    self._refuse(node, f"cannot be calculated: {error}")
            case ast.Compare(left=left, ops=ops, comparators=others):
                values = [self._value(part, chosen) for part in (left, *others)]
                pairs = zip(ops, values, values[1:], others, strict=False)
                return all([self._compare(place, op, one, other) for op, one, other, place in pairs])
            case ast.Constant(value=value):
                return value
        raise AssertionError(node)  # _check let nothing else through

    def _compare(self, node: ast.expr, op: ast.cmpop, one: Any, other: Any) -> bool:
        if _kind(one) != _kind(other):
            self._refuse(node, f"expected two values of a kind to compare, got {_kind(one)} and {_kind(other)}")
        if type(op) in _ORDER and isinstance(one, bool | str):
            self._refuse(node, f"expected == or !=, for values without an order, got {_kind(one)}")
        return (_EQUAL | _ORDER)[type(op)](one, other)

    def _refuse(self, node: ast.AST, message: str) -> NoReturn:
        first = getattr(node, "col_offset", None)
        line = self.text.splitlines()[getattr(node, "lineno", 1) - 1]
        column = None if first is None else len(line.encode()[:first].decode(errors="replace")) + 1
        raise InputError(f"{self.text!r}{_column(column)}: {message}")


def _column(column: int | None) -> str:
    return "" if column is None else f", column {column}"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "a word" if isinstance(value, str) else "a number"
