"""A law for each length of chunk, for mutators whose success depends on how much they are handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evo.errors import InputError, NoPrediction
from evo.laws.counts import Components, Misses
from evo.laws.mixtures import ComponentLaw, invalid_share, misses_of, sound_components
from evo.parameters import shown
from evo.protocols import FloatArray


@dataclass(frozen=True)
class ByChunk(ComponentLaw):
    """A law for each length g of a chunk, as it may be measured on a real model.

    Attributes:
        laws: the law of a call on g blocks, for each g; a dict, or pairs of g and law.

    >>> from evo.laws.counts import IndependentBlocks
    >>> law = ByChunk({1: IndependentBlocks(fix=0.5, keep=1.0), 2: IndependentBlocks(fix=0.25, keep=0.5)})
    >>> law.pmf(1, 1).tolist(), law.pmf(2, 1).tolist()
    ([0.5, 0.5], [0.375, 0.5, 0.125])
    """

    laws: Mapping[int, ComponentLaw] | tuple[tuple[int, ComponentLaw], ...]

    def __post_init__(self) -> None:
        pairs = tuple(self.laws.items() if isinstance(self.laws, Mapping) else self.laws)
        if not pairs or not all(isinstance(g, int) and g >= 1 and hasattr(law, "components") for g, law in pairs):
            raise InputError(
                "ByChunk: expected a law for each length of chunk, such as {1: IndependentBlocks(0.5, 0.9)}, got "
                f"{shown(self.laws)}"
            )
        object.__setattr__(self, "laws", pairs)

    def components(self, g: int) -> Components:
        """The components of the law for g."""
        return sound_components(self._of(g), g)

    def misses(self, g: int) -> Misses:
        """Those of the law for g."""
        return misses_of(self._of(g), self.components(g), g)

    def invalid(self, g: int) -> float:
        """That of the law for g."""
        return invalid_share(self._of(g), g, self.pmf(g, 0))

    def pmf(self, g: int, i: int) -> FloatArray:
        """The pmf of the law for g, float [g+1]."""
        return self._of(g).pmf(g, i)

    def _of(self, g: int) -> ComponentLaw:
        known = dict(self.laws)
        if g not in known:
            raise NoPrediction(f"the law of a call on g = {g} blocks is not declared, only for g = {sorted(known)}")
        return known[g]
