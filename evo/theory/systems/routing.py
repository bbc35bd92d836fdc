"""Routing among k tasks (Section 3.1): the speed-up of delegator and specialists, its limit, where it saturates."""

from __future__ import annotations

import numpy as np

from evo.costs.ledger import call_entries
from evo.protocols import FloatArray


def name_tokens(k: int, vocabulary: int) -> int:
    """Tokens that name one of k tasks: ceil(log_V k), at least 1 (theory 13.9).

    >>> name_tokens(1000, 10), name_tokens(1001, 10), name_tokens(1, 10)
    (3, 4, 1)
    """
    tokens = 1
    while vocabulary**tokens < k:
        tokens += 1
    return tokens


def passes(prompt: int, writes: int) -> int:
    """G(c, o) = c o + o(o-1)/2, the cost of a call of a model of size 1 (theory 12a)."""
    return call_entries(prompt, writes)[2]


def routing_speedup(n: int, h: int, m_g: float, m_d: float, m_s: float, o: int = 1, o_d: int = 1) -> float:
    """S = m_g G(n, o)/(m_d G(h, o_d) + m_s G(n, o)) (Eq. 1-3, theory 12b).

    Args:
        n: tokens of the input.
        h: tokens of metadata, which the delegator reads.
        m_g: size of the generalist.
        m_d: size of the delegator.
        m_s: size of a specialist.
        o: tokens of an answer.
        o_d: tokens that name a task.

    >>> [round(routing_speedup(1000, 10, k, k, 1), 2) for k in (10, 100, 1000, 10_000)]
    [9.09, 50.0, 90.91, 99.01]
    """
    whole = m_g * passes(n, o)
    return whole / (m_d * passes(h, o_d) + m_s * passes(n, o))


def saturation(n: int, h: int, o: int = 1, o_d: int = 1) -> float:
    """The most that specialists save where delegator and generalist are equally large: G(n, o)/G(h, o_d).

    1/S = G(h, o_d)/G(n, o) + m_s/m_g, so half of it is reached at m_g/m_s = n/h for o = o_d = 1 (theory 12b, 13.9).

    >>> saturation(1000, 10)
    100.0
    """
    return passes(n, o) / passes(h, o_d)


def mean_attempts(again: float, attempts: int) -> float:
    """Expected attempts, if each leads to another one w.p. r, up to A of them: (1 - r^A)/(1 - r).

    >>> mean_attempts(0.5, 2), mean_attempts(1.0, 3)
    (1.5, 3.0)
    """
    return float(attempts) if again == 1.0 else (1.0 - again**attempts) / (1.0 - again)


def attempts_law(attempts: int, nowhere: float, again: float, asked: int, answered: int) -> FloatArray:
    """P(so many calls): an attempt is `asked` calls, and `answered` more unless it names no one.

    Args:
        attempts: the most there are.
        nowhere: P(an attempt names no one), which leads to another one.
        again: P(an attempt leads to another one), at least `nowhere`.
        asked: calls of the delegator.
        answered: calls of a specialist.

    >>> attempts_law(2, nowhere=0.0, again=0.5, asked=1, answered=1).tolist()
    [0.0, 0.0, 0.5, 0.0, 0.5]
    """
    both = asked + answered
    law, going = np.zeros(attempts * both + 1), np.zeros(attempts * both + 1)
    going[0] = 1.0
    for _ in range(attempts):
        law[both:] += (1.0 - again) * going[: len(law) - both]
        after = np.zeros_like(law)
        after[asked:] += nowhere * going[: len(law) - asked]
        after[both:] += (again - nowhere) * going[: len(law) - both]
        going = after
    return np.asarray(law + going)
