"""First-to-ahead-by-K voting over answers: error probability and expected votes (theory 9)."""

from __future__ import annotations

import math

from evo.errors import InputError


def win_probability(p: float, ahead: int, wrong: str = "one", q: float | None = None) -> float:
    """P(the correct answer wins): 1/(1 + rho^K), rho = (1-p)/p; 1 if all wrong answers are distinct (theory 9a, 9c).

    Args:
        p: probability that an answer is correct.
        ahead: the lead K that decides.
        wrong: "one" alternative, or all wrong answers "distinct".
        q: 1 - p, where it is known to more digits than p has room for.

    >>> round(win_probability(2 / 3, 3), 9), win_probability(0.1, 2, "distinct")
    (0.888888889, 1.0)
    """
    _check(p, ahead, wrong)
    q = 1.0 - p if q is None else q
    if p == 0.0 or q == 0.0:
        return p
    if wrong == "distinct" and ahead >= 2:
        return 1.0
    lead = ahead * (_log_odds(p) if 0.01 < p < 0.99 else math.log(p) - math.log(q))
    return 1.0 / (1.0 + math.exp(-lead)) if lead >= 0 else math.exp(lead) / (1.0 + math.exp(lead))


def mean_votes(p: float, ahead: int, wrong: str = "one") -> float:
    """Expected valid votes of one answer (theory 9b, 9c).

    One alternative: K/(2p-1) (1-rho^K)/(1+rho^K) = K tanh(K L/2)/tanh(L/2), L = ln(p/(1-p)); K^2 at p = 1/2. All
    wrong ones distinct, K >= 2: (K+1)/p - p^(K-1).

    >>> round(mean_votes(0.9978, 3), 9), round(mean_votes(0.4, 3, "distinct"), 9), mean_votes(0.5, 4)
    (3.013258272, 9.84, 16.0)
    """
    _check(p, ahead, wrong)
    if wrong == "distinct" and ahead >= 2:
        return math.inf if p == 0.0 else (ahead + 1) / p - p ** (ahead - 1)
    if p in (0.0, 1.0):
        return float(ahead)
    half = _log_odds(p) / 2
    return float(ahead**2) if half == 0.0 else ahead * math.tanh(ahead * half) / math.tanh(half)


def task_success(p: float, ahead: int, subtasks: float) -> float:
    """P(the correct answer wins all of `subtasks` votes) = p_sub^(s/m), s steps of m a vote (theory 9d).

    >>> round(task_success(0.9978, 3, 2**20 - 1), 5)
    0.98882
    """
    _check(p, ahead, "one")
    if p == 0.0:
        return 0.0
    return math.exp(-subtasks * _softplus(-ahead * _log_odds(p))) if p < 1.0 else 1.0


def least_ahead(p: float, steps: int, target: float, steps_a_vote: int = 1) -> int:
    """Smallest K with P(no error in `steps` steps) >= target (MAKER's k_min, theory 9d).

    ceil(ln(t^(-m/s) - 1) / ln((1-p)/p)), m steps a vote.

    Raises: InputError unless 1/2 < p < 1 and 0 < target < 1.

    >>> least_ahead(0.9978, 2**20 - 1, 0.95)
    3
    """
    if not 0.5 < p < 1.0 or not 0.0 < target < 1.0 or steps < 1 or steps_a_vote < 1:
        raise InputError(
            f"least_ahead: expected 1/2 < p < 1, 0 < target < 1 and steps >= 1, got p={p!r}, target={target!r}, "
            f"steps={steps!r}, steps_a_vote={steps_a_vote!r}; below p = 1/2 no lead helps"
        )
    allowed = math.log(math.expm1(-math.log(target) * steps_a_vote / steps))
    return max(1, math.ceil(-allowed / _log_odds(p) - 1e-12))


def judge_least_ahead(fix: float, vote_right: float, blocks: int, risk: float) -> int:
    """A K that makes all k accepted blocks correct w.p. >= 1 - d: K >= ln(k(1-a)/(a d))/ln(r/(1-r)) (theory 9d).

    >>> judge_least_ahead(0.5, 0.8, 100, 0.01)
    7
    """
    if not 0.5 < vote_right < 1.0 or not 0.0 < fix <= 1.0 or not 0.0 < risk < 1.0:
        raise InputError(
            f"judge_least_ahead: expected 1/2 < vote_right < 1, 0 < fix <= 1 and 0 < risk < 1, got "
            f"vote_right={vote_right!r}, fix={fix!r}, risk={risk!r}"
        )
    if fix == 1.0:
        return 1
    return max(1, math.ceil(math.log(blocks * (1.0 - fix) / (fix * risk)) / _log_odds(vote_right) - 1e-12))


def _log_odds(p: float) -> float:
    """The log odds ln(p/(1-p)) of a probability, accurate near p = 1/2, where p and 1-p cancel."""
    return math.log1p((2.0 * p - 1.0) / (1.0 - p)) if abs(p - 0.5) < 0.25 else math.log(p) - math.log1p(-p)


def _softplus(x: float) -> float:
    """ln(1 + e^x) without overflow, for large x as well."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _check(p: float, ahead: int, wrong: str) -> None:
    if not 0.0 <= p <= 1.0 or ahead < 1 or wrong not in ("one", "distinct"):
        raise InputError(
            f"voting: expected p in [0, 1], ahead >= 1 and wrong 'one' or 'distinct', got p={p!r}, ahead={ahead!r}, "
            f"wrong={wrong!r}"
        )
