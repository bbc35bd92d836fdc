"""The study `paper`: Section 3.3, global against local mutation, and on what assumptions its statements hold."""

from __future__ import annotations

import math

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from experiments.fits.claims import Claim
from experiments.grids.grid import Grid, sweep
from experiments.reports.study import Study
from operators import FixKeep, Resample
from problems import BlockOneMax

SHARED_K = tuple(range(1, 17))
LOCAL_K = (*SHARED_K, 32, 64, 128, 256, 512, 1024)
L = 16
LAM = (1, 8)

GLOBAL, NO_DAMAGE = "GLOBAL", "GLOBAL, keep 0.99"
LOCAL = {
    "LOCAL UntilResolved": UntilResolved(),
    "LOCAL RoundRobin": RoundRobin(),
    "LOCAL UniformChunk": UniformChunk(),
    "LOCAL OnlyIncorrect": OnlyIncorrect(),
}


def grid(runs: int = 1000, seed: int = 1) -> Grid:
    """The paper's mutator (p = 1/2), strict (1+lambda)-EA, l = 16, m = 1, all blocks incorrect at first."""
    runners = [OnePlusLambda(lam=lam) for lam in LAM]
    shared, local = ([BlockOneMax(k=k, l=L) for k in ks] for ks in (SHARED_K, LOCAL_K))
    paper = Resample(p=0.5)
    arms = {GLOBAL: sweep(problem=shared, mutator=paper, schedule=AllBlocks(), runner=runners)}
    for label, schedule in LOCAL.items():
        arms[label] = sweep(problem=local, mutator=paper, schedule=schedule, runner=runners)
    undamaging = FixKeep(fix=0.5, keep=0.99)
    arms[NO_DAMAGE] = sweep(problem=shared, mutator=undamaging, schedule=AllBlocks(), runner=runners)
    return Grid("paper", arms, runs=runs, seed=seed)


PRICE = (3 * L * L - L) / 2
"""Of a call on one block: G(l, l) (theory 12a)."""

CLAIMS = (
    Claim(GLOBAL, "2^k calls (3.3.1)", "hit", "exponential", "base", 2.0,
          "holds exactly, for calls whose blocks are independent and keep = 1/2", theory="2^k (1a)"),
    Claim(GLOBAL, "Eq. 12: cost Theta(m 2^k k^2 l^2)", "cost", "exponential x power", "b", 2.0,
          "holds, as the 2^k does", tolerance=0.02, theory="2^k (3 k^2 l^2 - k l)/2 (12e)"),
    Claim("LOCAL UntilResolved", "Eq. 13: cost Theta(m k l^2)", "cost", "power", "b", 1.0,
          "holds exactly, for exact fitness (and keep < 1 from other starts)", theory="2k calls (2h)"),
    Claim("LOCAL OnlyIncorrect", "Eq. 13: cost Theta(m k l^2)", "cost", "power", "b", 1.0,
          "holds exactly, given an oracle of correctness", theory="2k calls (2a)"),
    Claim("LOCAL RoundRobin", "Eq. 13: cost Theta(m k l^2)", "cost", "x log x", "A", PRICE / math.log(2),
          "does not hold: Theta(k log k), no k^b fits", least=16, rival="power", tolerance=0.02,
          theory="k ln k/ln 2 calls (2g)"),
    Claim("LOCAL UniformChunk", "Eq. 13: cost Theta(m k l^2)", "cost", "x log x", "A", 2.0 * PRICE,
          "does not hold: Theta(k log k), no k^b fits", least=16, rival="power", tolerance=0.02,
          theory="2 k H_k calls (2b)"),
    Claim(NO_DAMAGE, "2^k calls (3.3.1)", "hit", "exponential x power", "base", 1 / 0.99,
          "does not hold: no factor 2 a block is left; the 2^k is what a call does to correct blocks", at_most=True,
          theory="base 1/keep at the most (1f)"),
    Claim(GLOBAL, "Eq. 14: speed-up Theta(2^k k)", "cost", "exponential x power", "b", 1.0,
          "holds exactly over UntilResolved whose calls see only their block", tolerance=0.02,
          theory="2^(k-1) (3kl-1)/(3l-1) (12e)", over="LOCAL UntilResolved"),
)  # fmt: skip

STUDY = Study(
    name="paper",
    question="Section 3.3: what do global and local mutation cost as the number of blocks grows?",
    grid=grid,
    claims=CLAIMS,
    speedup=(GLOBAL, "LOCAL UntilResolved"),
    title="Rewriting all k blocks a call costs $2^k k^2$; one block a call costs $k$ or $k\\,\\log k$",
)
