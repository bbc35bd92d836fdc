"""Iterative debugging (Section 3.2): the tokens of either system to the last one, and speed-ups (theory 12c, 12d)."""

from __future__ import annotations

from evo.theory.systems.transcripts import Tokens, alike, growing

# k functions of l tokens, n = k l, b bugs, messages of u tokens, all as in the paper


def naive_qa(k: int, l: int, b: int, u: int = 1) -> Tokens:
    """The b calls of QA on the whole transcript: call i reads i n + (i-1) u tokens (Eq. 4).

    >>> naive_qa(10, 20, 5).passes, naive_qa(6, 10, 6, u=3).passes, naive_qa(6, 10, 6, u=3).squared
    (3010, 3933, 1067745)
    """
    n = k * l
    return growing(b, n, n + u, u)


def naive_debugger(k: int, l: int, b: int, u: int = 1) -> Tokens:
    """The b calls of the debugger on the whole transcript: call i reads i (n+u) tokens and writes n (Eq. 5, 6).

    >>> naive_debugger(6, 10, 6, u=3).squared
    26775420
    """
    n = k * l
    return growing(b, n + u, n + u, n)


def focused_qa(k: int, l: int, u: int = 1) -> Tokens:
    """The k calls of QA, each on one function (Eq. 8).

    >>> focused_qa(6, 10, u=3).squared
    2190
    """
    return alike(k, l, u)


def focused_debugger(l: int, b: int, u: int = 1) -> Tokens:
    """The b calls of the debugger, each on one function and a message: b (3/2 l^2 + (u - 1/2) l) passes (Eq. 9).

    >>> focused_debugger(10, 6, u=3).passes, focused_debugger(10, 6, u=3).squared
    (1050, 18870)
    """
    return alike(b, l + u, l)


def qa_speedup(k: int, l: int, b: int, u: int = 1) -> float:
    """Cost of QA, naive over focused: b(b+1)/2 + b(b-1)/(2kl) for u = 1, Theta(b^2) (theory 12c)."""
    return naive_qa(k, l, b, u).passes / focused_qa(k, l, u).passes


def debugger_speedup(k: int, l: int, b: int, u: int = 1) -> float:
    """Cost of the debugger, naive over focused: -> k^2 (b+2)/3 as l grows, Theta(b k^2) (Eq. 11, theory 12c).

    >>> round(debugger_speedup(10_000, 50, 5) / 1e8, 2)
    2.32
    """
    return naive_debugger(k, l, b, u).passes / focused_debugger(l, b, u).passes


def system_speedup(k: int, l: int, b: int, u: int = 1, m_q: float = 1.0, m_d: float = 1.0) -> float:
    """Cost of the whole system, naive over focused: Theta(b^2 k^2 l/(k + b l)) at equal sizes (theory 13.11).

    >>> round(system_speedup(10, 20, 5), 9), round(system_speedup(10_000, 50, 5) / 1e6, 2)
    (217.08, 8.43)
    """
    naive = m_q * naive_qa(k, l, b, u).passes + m_d * naive_debugger(k, l, b, u).passes
    return naive / (m_q * focused_qa(k, l, u).passes + m_d * focused_debugger(l, b, u).passes)
