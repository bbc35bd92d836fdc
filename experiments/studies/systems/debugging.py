"""The study `debugging`: Section 3.2, the whole transcript as the prompt against one function a call (Eq. 4-11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evo import TokenPrices
from experiments.fits.claims import Claim
from experiments.grids.grid import Grid
from experiments.grids.programs.cell import ProgramCell
from experiments.reports.study import Study
from experiments.studies.systems.debugging_findings import TITLE, figure, findings
from problems.systems import FocusedDebugging, NaiveDebugging

if TYPE_CHECKING:
    from evo.programs import Program

K, L, B = 32, 16, 4
"""Functions, tokens of each, bugs."""
ALONG: dict[str, tuple[dict[str, Any], tuple[float, ...]]] = {
    "b": ({}, (1, 2, 4, 8, 16, 32)),
    "k": ({"b": 5}, (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)),
    "l": ({"k": 24}, (2, 4, 8, 16, 32, 64)),
    "m_q": ({"k": 20, "m_d": 3.0}, (1.0, 10.0, 100.0, 1000.0, 10_000.0)),
    "m_d": ({"k": 20, "m_q": 3.0}, (1.0, 2.0, 4.0, 8.0)),
}
"""What varies in an arm, with what is another there than K, L and B: no cell stands in two arms."""
PAID_K, PAID_B = 256, (1, 4, 16, 64, 256)
"""Functions and bugs where the price is in dollars."""
DOLLARS = TokenPrices(prompt=3.0, generated=15.0, cached=0.3, unit=1e6)
"""Dollars, as one provider charged for its middle model in 2025: a cached token a tenth of a new one."""
CONTEXT = 8192
TOKEN = 0.9999
"""Chance that a token is written right."""

NAIVE, FOCUSED = NaiveDebugging(k=K, l=L, b=B), FocusedDebugging(k=K, l=L, b=B)
PAPERS: dict[str, Any] = {"naive": NAIVE, "focused": FOCUSED}
BUGGY: dict[str, Any] = {"k": K, "l": L, "b": 8}
ERRORS: dict[str, Any] = {"miss": 0.05, "alarm": 0.02, "fix": 0.9, "keep": 0.99}
"""Of a QA that overlooks bugs and cries wolf, and a debugger whose repairs fail or break something."""
QUALITY, LEARNER = FocusedDebugging(**BUGGY, **ERRORS), FocusedDebugging(k=K, l=L, b=16, fix=0.9)
ERRING: dict[str, Program] = {
    "errs, naive": NaiveDebugging(**BUGGY, **ERRORS),
    "errs, naive, until QA is content": NaiveDebugging(**BUGGY, **ERRORS, rounds=40),
    "errs": QUALITY,
    "errs, looked at again": replace(QUALITY, tries=4),
    "errs, three votes": replace(QUALITY, tries=4, votes=3),
    "errs, three copied votes": replace(QUALITY, tries=4, votes=3, copied=1.0),
    "at once": replace(FOCUSED, at_once=True),
    "cut by a call": replace(FOCUSED, cut=K),
    "learns, not": LEARNER,
    "learns": replace(LEARNER, fix_end=1.0, halfway=2.0, memory=L),
}


def _along(program: Any, name: str, values: Sequence[float], cost: Any = None) -> list[ProgramCell]:
    cells = [replace(program, **{name: value}) for value in values]
    return [ProgramCell(each) if cost is None else ProgramCell(each, cost) for each in cells]


def grid(runs: int = 1250, seed: int = 1) -> Grid:
    """Both systems along each letter of Eq. 4-11; in dollars with and without a cache; with a context; with errors."""
    arms: dict[str, list[ProgramCell]] = {}
    for name, program in PAPERS.items():
        for letter, (other, values) in ALONG.items():
            arms[f"{name} along {letter}"] = _along(replace(program, **other), letter, values)
        paid = replace(program, k=PAID_K)
        arms[f"{name}, dollars"] = _along(paid, "b", PAID_B, DOLLARS)
        arms[f"{name}, dollars, cached"] = _along(replace(paid, cache=True), "b", PAID_B, DOLLARS)
        arms[f"{name}, context {CONTEXT}"] = _along(replace(program, context=CONTEXT), "k", ALONG["k"][1][2:8])
        arms[f"{name}, tokens err"] = _along(replace(program, p=TOKEN), "k", ALONG["k"][1][:6])
    arms |= {name: [ProgramCell(program)] for name, program in ERRING.items()}
    return Grid("debugging", arms, runs=runs, seed=seed)


EXACT = "holds to the last token"
N, L2 = K * L, 3 * L**2 + L
"""Tokens of the code where k = K; twice the passes of the repair of one function, u = 1."""
FIVE, FEW, SIZED = int(ALONG["k"][0]["b"]), int(ALONG["l"][0]["k"]), int(ALONG["m_q"][0]["k"]) * L
"""Bugs along k, functions along l, tokens of the code along m_q and m_d."""
QA, REPAIR = "qa.pass_tokens", "debugger.pass_tokens"
EQ_4, EQ_6, EQ_7 = (
    "Eq. 4: QA costs Theta(m_q b^2 n)",
    "Eq. 5, 6: the debugger costs Theta(m_d b^2 n^2)",
    "Eq. 7: the sum",
)
EQ_8, EQ_9, EQ_10 = "Eq. 8: QA costs Theta(m_q k l)", "Eq. 9: the debugger costs Theta(m_d l^2 b)", "Eq. 10: the sum"
EQ_11 = "Eq. 11: speed-up of the debugger Theta(b k^2)"
NAIVE_QA, NAIVE_REPAIR = "(n+1) b(b+1)/2 - b (12c)", "n(n+1) b(b+1)/2 + b n(n-1)/2 (12c)"
FOCUSED_REPAIR, RATIO = "b (3 l^2 + l)/2 (12c)", "[n(n+1)(b+1) + n(n-1)]/(3 l^2 + l) (12c)"


def _says(
    paper: str,
    letter: str,
    quantity: str,
    form: str,
    value: float,
    theory: str,
    holds: str = EXACT,
    of: str = "naive",
    over: bool = False,
) -> Claim:
    """That an arm, or one over the other, grows along a letter by a form with this leading coefficient or exponent."""
    below = f"focused along {letter}" if over else ""
    parameter = "b" if form == "power" else "A"
    return Claim(f"{of} along {letter}", paper, quantity, form, parameter, value, holds, along=letter, over=below,
                 theory=theory)  # fmt: skip


CLAIMS = (
    _says(EQ_4, "b", QA, "quadratic", (N + 1) / 2, NAIVE_QA),
    _says(EQ_4, "k", QA, "affine", L * FIVE * (FIVE + 1) / 2, NAIVE_QA),
    _says(EQ_4, "l", QA, "affine", FEW * B * (B + 1) / 2, NAIVE_QA),
    _says(EQ_6, "b", REPAIR, "quadratic", N * (N + 1) / 2, NAIVE_REPAIR),
    _says(EQ_6, "k", REPAIR, "quadratic", L**2 * FIVE * (FIVE + 2) / 2, NAIVE_REPAIR),
    _says(EQ_6, "l", REPAIR, "quadratic", FEW**2 * B * (B + 2) / 2, NAIVE_REPAIR),
    _says(EQ_7, "m_q", "cost", "affine", (SIZED + 1) * B * (B + 1) / 2 - B, "m_q QA + m_d debugger (12c)"),
    _says(EQ_7, "m_d", "cost", "affine", SIZED * (SIZED + 1) * B * (B + 1) / 2 + B * SIZED * (SIZED - 1) / 2,
          "m_q QA + m_d debugger (12c)"),
    _says(EQ_8, "k", QA, "power", 1.0, "k l (12c)", of="focused"),
    _says(EQ_8, "l", QA, "power", 1.0, "k l (12c)", of="focused"),
    _says(EQ_8, "b", QA, "constant", N, "k l (12c)", "holds: QA reads the code once", of="focused"),
    _says(EQ_9, "b", REPAIR, "power", 1.0, FOCUSED_REPAIR, of="focused"),
    _says(EQ_9, "l", REPAIR, "quadratic", 1.5 * B, FOCUSED_REPAIR, of="focused"),
    _says(EQ_9, "k", REPAIR, "constant", FIVE * L2 / 2, FOCUSED_REPAIR, "holds: the size of the code does not matter",
          of="focused"),
    _says(EQ_10, "m_q", "cost", "affine", SIZED, "m_q QA + m_d debugger (12c)", of="focused"),
    _says(EQ_10, "m_d", "cost", "affine", B * L2 / 2, "m_q QA + m_d debugger (12c)", of="focused"),
    _says("3.2.3: speed-up of QA Theta(b^2)", "b", QA, "quadratic", 0.5 + 0.5 / N, "b(b+1)/2 + b(b-1)/(2kl) (12c)",
          "holds, with the constant 1/2", over=True),
    _says(EQ_11, "b", REPAIR, "affine", N * (N + 1) / L2, RATIO, "holds for the debugger alone", over=True),
    _says(EQ_11, "k", REPAIR, "quadratic", L**2 * (FIVE + 2) / L2, RATIO, "holds for the debugger alone", over=True),
    _says(EQ_11, "k", "debugger.prompt_tokens", "affine", L * (FIVE + 1) / (2 * (L + 1)),
          "Theta(b k) under prices per token (13.8)", "does not hold where a prompt is paid once a call, as APIs do",
          over=True),
)  # fmt: skip

STUDY = Study(
    name="debugging",
    question="Section 3.2: what does it cost to debug by the whole transcript, and what one function at a time?",
    grid=grid,
    claims=CLAIMS,
    speedup=("naive along k", "focused along k"),
    title=TITLE,
    figure=figure,
    findings=findings,
)
