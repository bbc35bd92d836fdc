"""Mutators in mutators: a wrapper holds the one inside as its `inner`."""

from __future__ import annotations

from collections.abc import Iterator


def nest(mutator: object) -> Iterator[object]:
    """A mutator and those inside it, the outermost first.

    >>> from operators import Refuse, Resample
    >>> [type(each).__name__ for each in nest(Refuse(Resample(p=0.5), rate=0.1))]
    ['Refuse', 'Resample']
    """
    while mutator is not None:
        yield mutator
        mutator = getattr(mutator, "inner", None)


def one_that_changes_outside(mutator: object) -> object | None:
    """The outermost mutator in a nest that says that it changes blocks outside its chunk; None if none does."""
    return next((each for each in nest(mutator) if getattr(each, "changes_outside", False)), None)
