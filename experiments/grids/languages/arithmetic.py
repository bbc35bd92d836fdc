"""Arithmetic on named axes, as a file writes it: `1/$k`, `1 - $p`, `2 * sqrt($n)`.

A small language, read with Python's own grammar and evaluated here: nothing but what is listed below is accepted, so a
text in a file runs no code. Numbers are taken as they are written and fractions stay exact, so that 0.1 * 3 is 0.3.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NoReturn

from evo.errors import InputError
from evo.parameters import shown

MOST_CHARACTERS = 200
MOST_FRACTION_BITS = 1000
"""Of numerators and denominators, some 300 digits: all such fractions are floats, too."""

ALLOWED = "numbers, axes such as $k, + - * / **, parentheses, sqrt(..) and log(..)"
_TOO_LONG = "expected numbers of at most 300 digits"
_TOO_LARGE = "expected numbers that a float holds, got one that is too large"
_AXIS = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_SIGNS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


@dataclass(frozen=True)
class Arithmetic:
    """A calculation on named axes; "$name" alone is the value of the axis, whatever it is.

    Attributes:
        text: as it was written.
        axes: the names in it, in order, each once.
        tree: its syntax.
        places: where in the text the names of axes begin.

    >>> Arithmetic.parse("1/$k").value({"k": 4}), Arithmetic.parse("0.1 * $k").value({"k": 3})
    (0.25, 0.3)
    >>> Arithmetic.parse("sqrt($n) / 2").value({"n": 64})
    4
    """

    text: str
    axes: tuple[str, ...]
    tree: ast.expr
    places: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Arithmetic:
        """The calculation of a text.

        Raises: InputError with the place in the text, if it says anything else than the module lists.
        """
        return _parsed(text)

    def value(self, chosen: Mapping[str, Any]) -> Any:
        """What comes out for a combination, values by name of the axis: a whole number where it is one, else a float.

        Raises: InputError if an axis holds no number, or there is no such number: 1/0, log(0), (-1) ** 0.5.
        """
        if _AXIS.fullmatch(self.text):
            return chosen[self.axes[0]]
        found = self._value(self.tree, chosen)
        if isinstance(found, float):
            return found
        return found.numerator if found.denominator == 1 else float(found)

    def _value(self, node: ast.expr, chosen: Mapping[str, Any]) -> Fraction | float:
        match node:
            case ast.Name(col_offset=place):
                return self._number(node, chosen[self._axis(place)])
            case ast.Constant(value=int() | float() as number):
                return self._number(node, number)
            case ast.UnaryOp(op=op, operand=part):
                signed: Fraction | float = _SIGNS[type(op)](self._value(part, chosen))
                return signed
            case ast.BinOp(left=left, op=op, right=right):
                return self._calculated(node, op, self._value(left, chosen), self._value(right, chosen))
            case ast.Call(func=ast.Name(id=name), args=[part]):
                return self._function(node, name, self._value(part, chosen))
        raise AssertionError(node)  # `_check` let nothing else through

    def _calculated(self, node: ast.expr, op: ast.operator, one: Any, other: Any) -> Fraction | float:
        try:
            found = self._power(node, one, other) if isinstance(op, ast.Pow) else _SIGNS[type(op)](one, other)
        except ZeroDivisionError:
            self._refuse(node, "cannot be calculated: a division by zero")
        except OverflowError:
            self._refuse(node, _TOO_LARGE)
        return self._expect_bounded(node, found)

    def _power(self, node: ast.expr, base: Any, exponent: Any) -> Any:
        if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
            if abs(exponent) * (_bits(base) - 1) > MOST_FRACTION_BITS:
                self._refuse(node, f"{_TOO_LONG}, got a power of more")
            return base**exponent.numerator
        if base < 0 and float(exponent) != int(exponent):
            self._refuse(node, f"cannot be calculated: {shown(float(base))} to a power that is no whole number")
        return float(base) ** float(exponent)

    def _function(self, node: ast.expr, name: str, of: Fraction | float) -> Fraction | float:
        if of < 0 or (name == "log" and not of):
            self._refuse(node, f"{name} is of numbers {'>= 0' if name == 'sqrt' else '> 0'}, got {shown(float(of))}")
        if name == "sqrt" and isinstance(of, Fraction):
            root = Fraction(math.isqrt(of.numerator), math.isqrt(of.denominator))
            if root * root == of:
                return root
        return math.sqrt(of) if name == "sqrt" else math.log(of)

    def _number(self, node: ast.expr, value: object) -> Fraction:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self._refuse(node, f"expected a finite number to calculate with, got {shown(value):.100}")
        found = Fraction(value) if isinstance(value, int) else Fraction(repr(float(value)))
        self._expect_bounded(node, found)
        return found

    def _expect_bounded(self, node: ast.expr, found: Any) -> Fraction | float:
        if isinstance(found, Fraction) and _bits(found) > MOST_FRACTION_BITS:
            self._refuse(node, f"{_TOO_LONG}, got a longer one")
        if isinstance(found, float) and not math.isfinite(found):
            self._refuse(node, _TOO_LARGE)
        return found  # type: ignore[no-any-return]  # a Fraction or a float

    def _axis(self, place: int) -> str:
        found = _AXIS.match(self.text, place)
        assert found is not None  # `_check` let only such names through
        return found[1]

    def _check(self) -> None:
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Name(id="sqrt" | "log"), args=[_], keywords=[]):
                    continue
                case ast.Name(id="sqrt" | "log") if node.col_offset not in self.places:
                    if self.text[node.col_offset + len(node.id) :].lstrip().startswith("("):
                        continue
                    self._refuse(node, f"expected {ALLOWED}, got {node.id} of nothing")
                case ast.Name():
                    if node.col_offset in self.places:
                        continue
                    written = self._written(node)
                    self._refuse(node, f"expected {ALLOWED}, got {written!r}; an axis is written $name")
                case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                    continue
                case (
                    ast.UnaryOp(op=ast.UAdd() | ast.USub())
                    | ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow())
                ):
                    continue
                case ast.expr():
                    self._refuse(node, f"expected {ALLOWED}, got {self._written(node)!r:.60}")

    def _written(self, node: ast.expr) -> str:
        return self.text[node.col_offset : node.end_col_offset]

    def _refuse(self, node: ast.expr, message: str) -> NoReturn:
        raise InputError(f"{self.text!r}, column {node.col_offset + 1}: {message}")


def is_calculated(text: str) -> bool:
    """Whether a word of a file stands for a value of axes: it holds a dollar that is not doubled.

    The name of a currency, a dollar alone or after capital letters, is none: no axis follows.

    >>> [is_calculated(word) for word in ("$k", "1/$k", "strict", "$$5", "5 $$", "$", "US$")]
    [True, True, False, False, False, False, False]
    """
    return "$" in text.replace("$$", "") and not re.fullmatch(r"[A-Z]*\$", text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Arithmetic:
    text = text.strip()
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{text:.40}...: expected at most {MOST_CHARACTERS} characters, got {len(text)}")
    for place, letter in enumerate(text):
        if not letter.isascii() or (letter == "$" and not _AXIS.match(text, place)):
            advice = '; an axis is written "$name", a dollar itself "$$"' if letter == "$" else ""
            raise InputError(f"{text!r}, column {place + 1}: expected {ALLOWED}, got {letter!r}{advice}")
    names = list(_AXIS.finditer(text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what `_check` tells better
            tree = ast.parse(text.replace("$", "_"), mode="eval").body
    except SyntaxError as error:
        column = "" if error.offset is None else f", column {error.offset}"
        raise InputError(f"{text!r}{column}: expected {ALLOWED}, got a syntax error: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{text!r}: expected {ALLOWED}, got {error or 'deeper nesting'}") from None
    axes = tuple(dict.fromkeys(name[1] for name in names))
    found = Arithmetic(text, axes, tree, frozenset(name.start() for name in names))
    found._check()
    return found


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())
