"""The families of growth that are fitted, a row each: name, law, parameters, and which families it holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Form:
    """A family of laws: log E = linear predictor, or E = a sum of terms.

    Attributes:
        name: names it.
        text: the law with its parameters, {x} for the parameter.
        parameters: their names, the leading constant first; that of a curved summand last.
        terms: of the linear predictor of log E, beside the constant: "x", "ln x" and those of rivals, or "ln(x+c)" with
            a parameter of its own; none for a constant, or a sum.
        summands: of a sum: the leading one, whose coefficient must be positive, and the others. At most the leading
            one is curved: "x^b" or "base^x", with a parameter of its own.
        holds: families that are special cases or limits of it; nested ones are compared by likelihood ratio.
        factored: whether a sum of two is written with its leading coefficient before the bracket.
        falls: whether its base is below 1: written as c - A r^x.
        asked: "always"; or of "exact" series only, whose runs all came out the same, as ledgers do; or as a "rival" of
            a family that bends as any smooth curve may.
    """

    name: str
    text: str
    parameters: tuple[str, ...]
    terms: tuple[str, ...] = ()
    summands: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    factored: bool = False
    falls: bool = False
    asked: str = "always"

    @property
    def curved(self) -> str:
        """The summand with a parameter of its own, empty without one."""
        return self.summands[0] if self.summands and self.summands[0] in CURVED else ""

    @property
    def shifted(self) -> bool:
        """Whether its parameter is shifted."""
        return "ln(x+c)" in self.terms

    @property
    def bends(self) -> bool:
        """Whether an offset or a shift lets it bend as any smooth curve may."""
        return bool(self.curved) or self.shifted

    @property
    def name_of_base(self) -> str:
        """Its parameter that is a base, which must not be below 1 of times that grow; empty without one."""
        return "base" if "base" in self.parameters else ""


CURVED = ("x^b", "base^x")
FORMS = (  # of families that fit alike the first is told
    Form("constant", "A", ("A",)),
    Form("linear", "A {x}", ("A",), summands=("x",)),
    Form("square", "A {x}^2", ("A",), summands=("x^2",)),
    Form("cube", "A {x}^3", ("A",), summands=("x^3",)),
    Form("exponential", "A base^{x}", ("A", "base"), ("x",), holds=("constant",)),
    Form("power", "A {x}^b", ("A", "b"), ("ln x",), holds=("constant", "linear", "square", "cube")),
    Form("logarithm", "A (ln {x} + c)", ("A", "c"), summands=("ln x", "1"), holds=("constant",), factored=True),
    Form("affine", "A {x} + c", ("A", "c"), summands=("x", "1"), holds=("constant", "linear")),
    Form("x log x", "A {x} (ln {x} + c)", ("A", "c"), summands=("x ln x", "x"), holds=("linear",), factored=True),
    Form("quadratic", "A {x}^2 + B {x}", ("A", "B"), summands=("x^2", "x"), holds=("linear", "square")),
    Form(
        "exponential x power", "A base^{x} {x}^b", ("A", "base", "b"), ("x", "ln x"), holds=("exponential", "power")
    ),
    Form(
        "x log x + x", "A {x} ln {x} + B {x} + C", ("A", "B", "C"), summands=("x ln x", "x", "1"),
        holds=("x log x", "affine"),
    ),
    Form(
        "quadratic + c", "A {x}^2 + B {x} + C", ("A", "B", "C"), summands=("x^2", "x", "1"),
        holds=("affine", "quadratic"),
        asked="exact",
    ),
    Form(
        "cubic", "A {x}^3 + B {x}^2 + C {x}", ("A", "B", "C"), summands=("x^3", "x^2", "x"),
        holds=("quadratic", "cube"), asked="exact",
    ),
    Form(
        "power + c", "A {x}^b + c", ("A", "c", "b"), summands=("x^b", "1"), holds=("power", "affine", "logarithm")
    ),
    Form(
        "exponential + c", "A base^{x} + c", ("A", "c", "base"), summands=("base^x", "1"),
        holds=("exponential", "affine"),
    ),
    Form(
        "shifted power", "A ({x} + c)^b", ("A", "b", "c"), ("ln(x+c)",),
        holds=("power", "exponential", "affine"),
    ),
    Form(
        "saturating", "c - A r^{x}", ("A", "c", "r"), summands=("base^x", "1"), holds=("constant", "affine"),
        falls=True,
    ),
    Form(
        "cubic + c", "A {x}^3 + B {x}^2 + C {x} + D", ("A", "B", "C", "D"), summands=("x^3", "x^2", "x", "1"),
        holds=("cubic", "quadratic + c"), asked="exact",
    ),
)  # fmt: skip
NAMED = {form.name: form for form in FORMS}
RIVALS = (
    Form("power x log^d", "A {x}^b (ln {x})^d", ("A", "b", "d"), ("ln x", "ln ln x"), asked="rival"),
    Form("power x base^sqrt", "A {x}^b base^(sqrt {x})", ("A", "b", "base"), ("ln x", "sqrt x"), asked="rival"),
    Form("bent power", "A {x}^(b + d ln {x})", ("A", "b", "d"), ("ln x", "ln^2 x"), asked="rival"),
)
"""Other smooth curves of three parameters: where one of them fits as well, an offset or a shift is not told."""


@cache
def held(form: Form) -> frozenset[str]:
    """The names of all families that are special cases of one, at any depth.

    >>> sorted(held(NAMED["exponential"])), "linear" in held(NAMED["power + c"])
    (['constant'], True)
    """
    below = [held(NAMED[name]) for name in form.holds]
    return frozenset(form.holds).union(*below)
