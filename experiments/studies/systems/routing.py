"""The study `routing`: Section 3.1, one generalist against a delegator and k specialists (Eq. 1-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from experiments.fits.claims import Claim
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.study import Study
from experiments.studies.systems.routing_findings import TITLE, figure, findings
from problems.systems import Generalist, Routing

N, H, K = 1000, 10, 20
"""Tokens of the input and of the metadata, and tasks, where they do not vary; no cell stands in two arms."""
K_ALONG = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
N_ALONG = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
SIZES = (1.0, 2.0, 4.0, 8.0)
WRONG = (0.0, 0.05, 0.1, 0.2, 0.4)
GROUPS = (1, 2, 4, 8, 16, 32, 64)
TASKS = 64
"""Tasks of the arm in which specialists share them."""

ONE = Generalist(k=K, n=N)
LARGE = Routing(k=K, n=N, h=H)
"""The delegator is as large as the generalist, which the paper finds okay."""
SMALL = replace(LARGE, m_d=1.0)
"""The delegator is as large as a specialist, whatever k."""


def _along(program: Any, name: str, values: Sequence[Any]) -> list[ProgramCell]:
    return [ProgramCell(replace(program, **{name: value})) for value in values]


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Costs along each letter of Eq. 1-3; specialists of several tasks; delegators that err, seen or not."""
    arms = {
        "generalist along k": _along(ONE, "k", K_ALONG),
        "generalist along n": _along(replace(ONE, k=10), "n", N_ALONG),
        "generalist along m_s": _along(ONE, "m_s", SIZES),
        "generalist, m_g = m_s sqrt(k)": _along(replace(ONE, x=0.5), "k", K_ALONG),
        "small delegator along k": _along(SMALL, "k", K_ALONG),
        "large delegator along k": _along(LARGE, "k", K_ALONG),
        "large delegator, n = 10,000": _along(replace(LARGE, n=10_000), "k", K_ALONG),
        "generalist, n = 10,000": _along(replace(ONE, n=10_000), "k", K_ALONG),
        "large delegator along n": _along(replace(LARGE, k=10), "n", N_ALONG),
        "delegator along m_d": _along(LARGE, "m_d", (1.0, 10.0, 100.0, 1000.0)),
        "specialists along m_s": _along(replace(SMALL, k=24), "m_s", SIZES),
        "names in words of 10": _along(replace(LARGE, vocabulary=10), "k", K_ALONG),
        "shared specialists": [
            ProgramCell(Routing(k=TASKS, n=N, h=H, serves=(tasks,) * (TASKS // tasks))) for tasks in GROUPS
        ],
        "wrong, not seen": _along(LARGE, "wrong", WRONG),
        "wrong, seen and asked again": _along(replace(LARGE, seen=1.0, attempts=20), "wrong", WRONG),
        "wrong, three votes": _along(replace(LARGE, votes_d=3), "wrong", WRONG),
        "wrong, three copied votes": _along(replace(LARGE, votes_d=3, copied=1.0), "wrong", WRONG),
    }
    return Grid("routing", arms, runs=runs, seed=seed)


EQ_1, EQ_2 = "Eq. 1: Theta(m_g n)", "Eq. 2: Theta(m_d) + Theta(m_s n)"
SIZE, SPEED = "Eq. 3: m_g = Theta(k m_s)", "Eq. 3: the speed-up is linear in k"
ROUTED = "m_d G(h, o_d) + m_s G(n, o) (12b)"
CLAIMS = (
    Claim("generalist along n", EQ_1, "cost", "power", "b", 1.0, "holds exactly", along="n",
          theory="m_g G(n, o) (12b)"),
    Claim("generalist along m_s", EQ_1, "cost", "power", "b", 1.0, "holds exactly", along="m_s",
          theory="m_g G(n, o) (12b)"),
    Claim("large delegator along n", EQ_2, "cost", "affine", "A", 1.0, "holds exactly: m_s n and a constant", along="n",
          theory=ROUTED),
    Claim("delegator along m_d", EQ_2, "cost", "affine", "A", float(H), "holds exactly: the term of m_d has no n",
          along="m_d", theory=ROUTED),
    Claim("specialists along m_s", EQ_2, "cost", "affine", "A", float(N), "holds exactly", along="m_s", theory=ROUTED),
    Claim("small delegator along k", EQ_2, "cost", "constant", "A", float(N + H),
          "holds: there is no k in it while m_d has none", theory=ROUTED),
    Claim("generalist along k", SIZE, "cost", "power", "b", 1.0, "holds by assumption: size linear in tasks",
          theory="m_g G(n, o), m_g = k m_s (12b)"),
    Claim("generalist, m_g = m_s sqrt(k)", SIZE, "cost", "power", "b", 0.5,
          "does not hold for other laws of size", theory="m_g = m_s k^x gives k^x (13.9)"),
    Claim("generalist along k", SPEED, "cost", "power", "b", 1.0,
          "holds for a delegator whose size does not grow with k", over="small delegator along k",
          theory="1/S = m_d h/(m_g n) + 1/k (12b)"),
    Claim("large delegator along k", "3.1.3: a giant delegator is okay", "cost", "affine", "A", float(H),
          "does not hold at fixed n: its k m_s h is paid for each input", theory="S ends at n/h (13.9)"),
)  # fmt: skip

STUDY = Study(
    name="routing",
    question="Section 3.1: what do k specialists and a delegator save over one generalist, and until when?",
    grid=grid,
    claims=CLAIMS,
    speedup=("generalist along k", "large delegator along k"),
    title=TITLE,
    figure=figure,
    findings=findings,
)
