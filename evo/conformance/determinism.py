"""Checks of randomness: answers are reproducible, and the rows of a batch are independent."""

from __future__ import annotations

import inspect
import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.conformance.results import DoesNotApply, NotConforming, PartCheck
from evo.costs.ledger import overheads
from evo.errors import InputError
from evo.statistics import binomial_p_value

LOOP_CALLS = 5000
"""Number of single calls compared with one batch."""


def overhead_check(part: object) -> list[PartCheck]:
    """The check of the overhead that a mutator or schedule declares, if any."""
    if inspect.getattr_static(part, "overhead", None) is None:  # a property may raise
        return []

    def declared() -> str:
        try:
            works = overheads(part)
        except InputError as error:
            raise NotConforming(str(error)) from None
        return f"{len(works)} declared, paid for with each call"

    return [PartCheck("overhead", part, declared)]


def drawn_checks(
    method: str,
    answers: Callable[[Generator], Any],
    batch: Callable[[], str],
    rows: Callable[[int, Generator], Any],
    alpha: float,
) -> dict[str, Callable[[], str]]:
    """Checks of a method that draws; `answers`: to varied input, `rows`: a number for each of n equal inputs."""
    return {
        "same for a seed": lambda: same_for_a_seed(method, answers),
        "global generators": lambda: global_state_untouched(method, answers),
        "batch as loop": batch,
        "rows independent": lambda: rows_independent(method, rows, alpha),
    }


def same_for_a_seed(name: str, answers: Callable[[Generator], Any], first: Any = None) -> str:
    """Check that answers depend on the generator and nothing else; `first`: answers already given for seed 1."""
    first, second = (answers(np.random.default_rng(1)) if first is None else first), answers(np.random.default_rng(1))
    if not same_answers(first, second):
        raise NotConforming(
            f"{name} gives different answers for the same seed; draw all random numbers from the `rng` handed over"
        )
    return "the same answers for the same seed"


def global_state_untouched(
    name: str, answers: Callable[[Generator], Any], instead: str = "draw from the `rng` handed over"
) -> str:
    """Check that nothing is drawn from, or set in, the generators that all code shares."""
    before = pickle.dumps((np.random.get_state(), random.getstate()))  # noqa: NPY002  # it is what is looked for
    answers(np.random.default_rng(1))
    after = pickle.dumps((np.random.get_state(), random.getstate()))  # noqa: NPY002  # the same
    if before != after:
        raise NotConforming(f"{name} uses the global generator of numpy or of `random`; {instead}")
    return "the global generators of numpy and `random` stay as they were"


def changed(before: list[Any], after: list[Any]) -> bool:
    """Whether any array differs."""
    return any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def same_answers(first: Any, second: Any) -> bool:
    """Whether arrays, None or tuples of these are equal."""
    if isinstance(first, tuple):
        return all(same_answers(one, other) for one, other in zip(first, second, strict=True))
    return first is second if first is None or second is None else bool(np.array_equal(first, second))


def once(check: Callable[[], str]) -> Callable[[], str]:
    """The check, run once and cached: guards and the check itself must see the same outcome of a random fault."""
    found: list[str | BaseException] = []

    def run() -> str:
        if not found:
            try:
                found.append(check())
            except (Exception, SystemExit) as error:
                found.append(error)
        if isinstance(found[0], BaseException):
            raise found[0]
        return found[0]

    return run


def guarded(first: Callable[[], object], name: str, why: str) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Make checks inapplicable where the check `name`, run by `first`, fails: each cause is reported once."""
    raised: dict[str, Callable[[], str]] = {}

    def guard(check: Callable[[], str]) -> Callable[[], str]:
        def run() -> str:
            try:
                first()
            except DoesNotApply:
                raise
            except (Exception, SystemExit):
                raise DoesNotApply(f"{why}, see the check `{name}`") from None
            try:
                return check()
            except DoesNotApply:
                raise
            except (Exception, SystemExit) as error:
                said = f"{type(error).__name__}: {error}"
                if raised.setdefault(said, check) is not check:
                    raise DoesNotApply(f"{said}, as in a check above") from None
                raise

        return run

    return guard


BATCHES = 640
ROWS = 600


def same_law(what: str, batch: NDArray[np.int64], loop: NDArray[np.int64], most: int, alpha: float) -> str:
    """Check that two samples of categories, one a call, have the same law and the same law of neighbours.

    |P_n(x) - P'_n(x)| <= sqrt(ln(2 c/alpha)/n) for all c categories, `most` of them, w.p. 1 - alpha (Hoeffding).
    Neighbours: P(a call gives what the call before it gave), from disjoint pairs.
    """
    pairs = len(batch) // 2
    log = math.log(2 * (most + 1) / alpha)
    compared = []
    for x in np.union1d(batch, loop):
        shares = (float(np.mean(batch == x)), float(np.mean(loop == x)))
        compared.append((*shares, math.sqrt(log / len(batch)), f"P({what} = {x})"))
    in_pairs = [float(np.mean(sample[0 : 2 * pairs : 2] == sample[1 : 2 * pairs : 2])) for sample in (batch, loop)]
    compared.append((in_pairs[0], in_pairs[1], math.sqrt(log / pairs), f"P(two neighbours have the same {what})"))
    in_batch, alone, width, event = max(compared, key=lambda each: abs(each[0] - each[1]) / each[2])
    if abs(in_batch - alone) > width:
        raise NotConforming(
            f"{event} is {in_batch:.3f} in a batch of {len(batch):,} and {alone:.3f} when asked one by one; each row "
            "of a batch is a run of its own: draw random numbers in the shape of what is handed over"
        )
    return f"a batch is as many single ones; {2 * compared[0][2]:.2g} in any probability would have been found"


def batch_as_loop(what: str, rows: Callable[[int, Generator], Any], most: int, alpha: float) -> str:
    """Check that LOOP_CALLS answers in one batch have the law of as many single ones; see `same_law`."""
    rng = np.random.default_rng(2)
    loop = np.concatenate([rows(1, rng) for _ in range(LOOP_CALLS)])
    return same_law(what, rows(LOOP_CALLS, np.random.default_rng(1)), loop, most, alpha)


def rows_independent(what: str, batch: Callable[[int, Generator], Any], alpha: float) -> str:
    """Check that the rows of a batch are independent: sums over one half do not predict the other half.

    Of two batches, the one with the larger sum over one half has the larger sum over the other half w.p. 1/2, if
    neither is equal: an exact sign test, whatever the law of a row. Halves: first and second, even and odd, pairs.
    `batch` gives a number for each of n rows in the same state; alpha is the significance level.
    """
    rng = np.random.default_rng(7)
    rows = np.array([batch(ROWS, rng) for _ in range(BATCHES)])
    place = np.arange(ROWS)
    halves = {
        "the first half": place < ROWS // 2,
        "every second one": place % 2 == 0,
        "every second pair": place % 4 < 2,
    }
    for name, half in halves.items():
        one, other = (np.sign(np.diff(rows[:, part].sum(axis=1))[::2]) for part in (half, ~half))
        together = int(np.sum(one * other > 0))
        all_ = int(np.sum(one * other != 0))
        if all_ and binomial_p_value(together, all_, 0.5) < alpha / len(halves):
            raise NotConforming(
                f"the rows of a batch of {what} depend on each other: in {together} of {all_} pairs of batches, "
                f"each of {ROWS} rows, {name} of the rows says which batch has more in the other rows (half of them if "
                "rows are independent); draw random numbers in the shape of what is handed over"
            )
    return f"rows of {BATCHES} batches of {ROWS} know nothing of each other"
