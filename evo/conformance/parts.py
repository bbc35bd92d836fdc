"""Checks of every part (frozen dataclass, canonical text, picklable) and of cost models."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from evo.conformance.determinism import guarded, once
from evo.conformance.results import CheckResult, DoesNotApply, NotConforming, PartCheck, results
from evo.costs.ledger import EARLIER, LEDGER, PART_OF
from evo.costs.prices import are_weights, weights_of
from evo.errors import InputError
from evo.identity import expect_named, identities
from evo.protocols import CostModel
from evo.text import canonical, is_frozen_dataclass, parse, type_name


def part_checks(part: object) -> list[PartCheck]:
    """The checks of every part."""
    return [
        PartCheck("frozen dataclass", part, lambda: _frozen(part)),
        PartCheck("canonical text", part, lambda: _text(part)),
        PartCheck("picklable", part, lambda: _picklable(part)),
    ]


def _frozen(part: object) -> str:
    name = type(part).__name__
    if not is_frozen_dataclass(part):
        raise NotConforming(f"{name} is no frozen dataclass; write @dataclass(frozen=True) above the class")
    _expect_plain_comparison(part)
    try:
        hash(part)
    except TypeError as error:
        raise NotConforming(f"{name} cannot be hashed ({error}); hold tuples, not lists or arrays") from None
    return f"{name} is a frozen dataclass and can be hashed"


def _expect_plain_comparison(part: Any) -> None:
    """Cells are distinguished by their parts: parts that differ in a parameter must compare unequal."""
    kind = type(part)
    if not kind.__dataclass_params__.eq:
        raise NotConforming(
            f"{kind.__name__} is @dataclass(eq=False), so that a copy of it is another part; write "
            "@dataclass(frozen=True), which compares the fields"
        )
    for name in ("__eq__", "__hash__"):
        own = vars(kind).get(name)
        # dataclass compiles its methods from text, which has no file.
        if own is not None and getattr(getattr(own, "__code__", None), "co_filename", "<string>") != "<string>":
            raise NotConforming(
                f"{kind.__name__} has {name} of its own; leave it out: @dataclass(frozen=True) compares the fields"
            )
    for field in fields(part):
        if field.init and not field.compare:
            raise NotConforming(
                f"{kind.__name__}.{field.name} is not compared (compare=False), so that parts that differ in it are "
                "taken for the same; leave compare out"
            )


def _text(part: object) -> str:
    if not is_frozen_dataclass(part):
        raise DoesNotApply("only a frozen dataclass has a canonical text")
    try:
        expect_named(part)
        text = canonical(part)
        again = parse(text, _finder(part))
        same_text = canonical(again) == text
    except InputError as error:
        raise NotConforming(str(error)) from None
    lost = _difference(part, again)
    if lost or not same_text:
        raise NotConforming(f"the text {text} gives back {lost}; keep in fields what the constructor was given")
    return f"{text} gives the same part back{_not_seen(part)}"


def _not_seen(part: object) -> str:
    """What the part reads that cannot be seen, so that a folder of results would be gone on with though it changed."""
    unseen = [words for made in identities(part).values() for words in made.unseen]
    return f"; a change of these would go unnoticed: {'; '.join(unseen)}" if unseen else ""


def _finder(part: object) -> Callable[[str], type]:
    known: dict[str, type] = {}

    def enter(value: object) -> None:
        if isinstance(value, tuple):
            for item in value:
                enter(item)
        elif is_frozen_dataclass(value):
            known[type_name(type(value))] = type(value)
            for field in fields(value):  # type: ignore[arg-type]  # a dataclass
                enter(getattr(value, field.name))

    enter(part)

    def find(name: str) -> type:
        if name not in known:
            # A class in a function is called `test.<locals>.Mine`, which is no Python.
            raise InputError(f"unknown part {name!r}")
        return known[name]

    return find


def _picklable(part: object) -> str:
    name = type(part).__name__
    try:
        again = pickle.loads(pickle.dumps(part))
    except Exception as error:
        raise NotConforming(
            f"{name} cannot be sent to worker processes ({error}); define it at the top level of a module and hold "
            "plain values"
        ) from None
    lost = _difference(part, again)
    if lost:
        raise NotConforming(f"{name} comes back from a worker process as {lost}")
    return "the part can be sent to worker processes"


def _difference(part: object, again: object) -> str:
    """Description of how `again` differs from the part; empty if it does not."""
    name = _differing(part, again)
    if not name:
        return ""
    if repr(part) != repr(again):
        return f"{again!r}, not {part!r}"
    return f"{part!r} with another {name}: {getattr(again, name)!r}, not {getattr(part, name)!r}"


def _differing(part: object, again: object) -> str:
    """An attribute in which they differ: a field or set by the constructor, not cached later."""
    if type(part) is not type(again):
        return "__class__"
    names = {field.name for field in fields(part)} if is_frozen_dataclass(part) else set()  # type: ignore[arg-type]  # a dataclass
    names |= set(getattr(part, "__dict__", {})) & set(getattr(again, "__dict__", {}))
    missing = object()
    different = (
        name for name in sorted(names) if not _same(getattr(part, name, missing), getattr(again, name, missing))
    )
    return next(different, "")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    if is_frozen_dataclass(one):
        return not _differing(one, other)
    if getattr(type(one), "__eq__", None) is vars(object)["__eq__"]:  # cannot be compared
        return type(one) is type(other)
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)


MOST = 1e100
"""Highest price: a ledger entry times it, and the square of that, are floats."""
READINGS = 50


def check_cost(cost: CostModel) -> tuple[CheckResult, ...]:
    """Run all checks of a cost model."""
    return results(cost_checks(cost))


def cost_checks(cost: CostModel) -> list[PartCheck]:
    """The checks of a cost model, to be run one by one."""
    weights = once(lambda: _weights(cost))
    read = guarded(weights, "weights", "the prices are none")
    return [
        *part_checks(cost),
        PartCheck("weights", cost, weights),
        PartCheck("fixed prices", cost, read(lambda: _fixed(cost))),
    ]


def _weights(cost: CostModel) -> str:
    weights: Any = np.asarray(cost.weights)
    if not are_weights(weights):
        raise NotConforming(
            f"{type(cost).__name__}.weights must be {EARLIER} finite numbers, one for each of "
            f"{', '.join(LEDGER[:EARLIER])}, or {len(LEDGER)} with those of {' and '.join(LEDGER[EARLIER:])}, got "
            f"{cost.weights!r}"
        )
    if weights.dtype.kind == "f" and weights.dtype.itemsize < 8:
        raise NotConforming(
            f"{type(cost).__name__}.weights are {weights.dtype}, in which prices are rounded; write "
            "np.array([...], dtype=np.float64)"
        )
    known = dict(zip(LEDGER, weights_of(cost).tolist(), strict=True))
    for entry, price in known.items():
        whole = price + known[PART_OF[entry]] if entry in PART_OF else price  # a discount on a part is below 0
        if not 0 <= whole <= MOST:
            bound = ">= 0" if whole < 0 else f"at most {MOST:g}"
            raise NotConforming(f"{type(cost).__name__}.weights must be {bound}, got {whole:g} for {entry}")
    return f"{len(LEDGER)} prices: " + ", ".join(f"{entry} {price:g}" for entry, price in known.items())


def _fixed(cost: CostModel) -> str:
    first = np.array(cost.weights, dtype=np.float64)
    for _ in range(READINGS):
        if not np.array_equal(first, np.array(cost.weights, dtype=np.float64), equal_nan=True):
            raise NotConforming(
                f"{type(cost).__name__}.weights gives other prices each time; a price is a fixed number"
            )
    return "the same prices each time"
