"""Which calls to buy: what would narrow most what a plan rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.calibration.blocks import Estimate

if TYPE_CHECKING:
    from experiments.calibration.calibrate import AtSize

HALVING = 3
"""Times as many calls again as there are: four times the calls have half the interval."""
PILOT = 50
"""Calls at another g, at the least."""
POINTS = 14
NEAR = f"within {POINTS} points"
"""Of a chance: half of a 95 % interval after so many calls, 1.96 / (2 sqrt(50)), at the worst, where it is 1/2."""
MOST_TOLD = 3


@dataclass(frozen=True)
class Pilot:
    """Calls to buy, and what they are for."""

    calls: int
    words: str


def pilots(sizes: list[AtSize], malformed: Estimate | None, whole_tasks: bool) -> list[Pilot]:
    """What would narrow most the gain of a call, that with the widest interval first.

    A call on as many wrong as right blocks gains (fix - (1 - keep)) g / 2 blocks, so errors of fix and keep weigh the
    same; both are seen beside fix. A share of malformed answers m costs a factor 1 / (1 - m).
    """
    made: list[Pilot] = []
    wide: list[tuple[float, Pilot]] = []
    for size in sizes:
        for name, chance in (("fix", size.fix), ("keep", size.keep)):
            if chance is None:
                made.append(
                    Pilot(
                        PILOT,
                        f"{name} at g = {size.g}: no such block is in the log; {PILOT} calls with some tell it {NEAR}",
                    )
                )
            elif size.fix is not None:
                estimate = chance.mean
                width = (estimate.high - estimate.low) / max(size.fix.mean.value, estimate.high - estimate.low)
                wide.append((width, _halved(f"{name} at g = {size.g}", estimate)))
    if malformed is not None:
        width = (malformed.high - malformed.low) / max(1.0 - malformed.value, 1e-9)
        wide.append((width, _halved("malformed answers", malformed)))
    if not sizes:
        told = "two granularities, g = 1 and another, with the columns g, incorrect, repaired, kept"
        made.append(Pilot(2 * PILOT, f"{told}: {PILOT} calls at each, with such blocks, tell it {NEAR}"))
    if len(sizes) == 1:
        made.insert(0, _other_size(sizes[0], whole_tasks))
    return made + [pilot for _, pilot in sorted(wide, key=lambda each: -each[0])[:MOST_TOLD]]


def _halved(what: str, estimate: Estimate) -> Pilot:
    calls = HALVING * estimate.n
    width = 100 * (estimate.high - estimate.low) / 2
    return Pilot(calls, f"{what}: {calls:,} calls more halve the interval (now +- {width:.2g} points)")


def _other_size(size: AtSize, whole_tasks: bool) -> Pilot:
    """Calls at another g, as many as there are at this one but at least fifty."""
    known = [chance.mean.n for chance in (size.fix, size.keep) if chance is not None]
    calls = max(PILOT, min(known, default=PILOT))
    other = "one block a call (g = 1)" if whole_tasks or size.g > 1 else "more blocks a call (g = 4, say)"
    told = f"at {other}, on the same items: {calls:,} calls tell how fix and keep change with g, as well as here"
    return Pilot(calls, told)
