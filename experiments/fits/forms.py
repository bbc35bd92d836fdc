"""The forms of growth that are fitted: families of laws with one to three parameters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """A family of laws: log E = linear predictor, or E = a sum of two terms or three.

    Attributes:
        name: names it.
        text: the law with its parameters, {x} for the parameter.
        terms: of the linear predictor of log E, beside the constant: "x" and "ln x"; none for a constant, or a sum.
        parameters: names of the parameters, the constant first.
        summands: of a sum: the leading one, whose coefficient must be seen, and the others.
        factored: whether a sum of two is written with its leading coefficient before the bracket.
        asked: "always"; or, of three free terms, which fit any few means that have errors, of "exact" series only,
            whose runs all came out the same as ledgers of programs do, or only where a "claim" names it.
    """

    name: str
    text: str
    terms: tuple[str, ...]
    parameters: tuple[str, ...]
    summands: tuple[str, ...] = ()
    factored: bool = False
    asked: str = "always"


FORMS = (  # of forms that fit alike the first is told
    Form("constant", "A", (), ("A",)),
    Form("exponential", "A base^{x}", ("x",), ("A", "base")),
    Form("power", "A {x}^b", ("ln x",), ("A", "b")),
    Form("exponential x power", "A base^{x} {x}^b", ("x", "ln x"), ("A", "base", "b")),
    Form("logarithm", "A (ln {x} + c)", (), ("A", "c"), summands=("ln x", "1"), factored=True),
    Form("affine", "A {x} + c", (), ("A", "c"), summands=("x", "1")),
    Form("x log x", "A {x} (ln {x} + c)", (), ("A", "c"), summands=("x ln x", "x"), factored=True),
    Form("quadratic", "A {x}^2 + B {x}", (), ("A", "B"), summands=("x^2", "x")),
    Form("quadratic + c", "A {x}^2 + B {x} + C", (), ("A", "B", "C"), summands=("x^2", "x", "1"), asked="exact"),
    Form("cubic", "A {x}^3 + B {x}^2 + C {x}", (), ("A", "B", "C"), summands=("x^3", "x^2", "x"), asked="exact"),
    Form("x log x + x", "A {x} ln {x} + B {x} + C", (), ("A", "B", "C"), summands=("x ln x", "x", "1"), asked="claim"),
)
