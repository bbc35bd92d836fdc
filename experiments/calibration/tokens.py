"""Tokens of calls: means, and how prompts and answers grow with the blocks of a call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from evo.protocols import FloatArray
from experiments.calibration.blocks import LEVEL, Estimate
from experiments.calibration.sizes import clusters
from experiments.logs.calls import Calls

MEANS = ("tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning")


@dataclass(frozen=True)
class TokensLaw:
    """Tokens of a call.

    Attributes:
        means: by column, of the calls that tell it.
        instructions: prompt tokens of a call of no blocks, where calls of different g tell it.
        block: generated tokens a block, without those of reasoning.
        cached_of_prompt: share of all prompt tokens that was cached.
    """

    means: dict[str, Estimate]
    instructions: Estimate | None
    block: Estimate | None
    cached_of_prompt: Estimate | None


def tokens_law(calls: Calls) -> TokensLaw:
    """Means and laws of the tokens; what the log does not tell is None."""
    found = {name: mean_of(calls.number(name), calls) for name in MEANS}
    means = {name: mean for name, mean in found.items() if mean is not None}
    g, answer = calls.number("g"), calls.number("tokens_out") - np.nan_to_num(calls.number("tokens_reasoning"))
    applied = np.isin(calls.classes.astype(str), ["", "applied"])
    block = ratio(np.where(applied, answer, np.nan), g, calls)
    cached = ratio(calls.number("tokens_cached"), calls.number("tokens_in"), calls)
    return TokensLaw(means, _intercept(calls), block, cached)


def mean_of(values: FloatArray, calls: Calls) -> Estimate | None:
    """The mean of what is there, with Student's interval over calls or clusters; None for fewer than two values."""
    return ratio(values, np.ones(len(values)), calls)


def ratio(above: FloatArray, below: FloatArray, calls: Calls) -> Estimate | None:
    """Sum of one over sum of the other, with the spread over calls or clusters; None for fewer than two calls."""
    there = ~np.isnan(above) & ~np.isnan(below)
    if there.sum() < 2 or below[there].sum() <= 0:
        return None
    value = float(above[there].sum() / below[there].sum())
    error = _spread_of((above - value * below)[there], calls.where(there)) / float(below[there].sum())
    return Estimate(value, max(value - error, 0.0), value + error, int(there.sum()))


def _spread_of(terms: FloatArray, calls: Calls) -> float:
    """Half of the interval of a sum of terms."""
    words = clusters(calls)
    if words is not None:
        terms = np.bincount(np.unique(words.astype(str), return_inverse=True)[1], terms).astype(float)
    number = len(terms)
    spread = float(np.sqrt(((terms - terms.mean()) ** 2).sum() * number / (number - 1)))
    return spread * float(t.ppf(0.5 + LEVEL / 2.0, number - 1))


def _intercept(calls: Calls) -> Estimate | None:
    """Prompt tokens of a call of no blocks, by least squares on g; None where g does not vary."""
    g, prompt = calls.number("g"), calls.number("tokens_in")
    there = ~np.isnan(g) & ~np.isnan(prompt)
    if there.sum() < 3 or len(np.unique(g[there])) < 2:
        return None
    table = np.column_stack([np.ones(int(there.sum())), g[there]])
    inverse = np.linalg.pinv(table.T @ table)
    first = table @ inverse[0]
    value = float(first @ prompt[there])
    residuals = prompt[there] - table @ (inverse @ (table.T @ prompt[there]))
    error = _spread_of(first * residuals, calls.where(there))
    return None if value < 0 else Estimate(value, max(value - error, 0.0), value + error, int(there.sum()))
