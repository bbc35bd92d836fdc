"""Section 3.3: evolutionary optimisation, Eq. 12 to 14."""

from __future__ import annotations

import math

from evo import (
    AllBlocks,
    LLMPrimitive,
    OnePlusLambda,
    OnlyIncorrect,
    Prompt,
    QuadraticPrimitive,
    RoundRobin,
    UniformChunk,
    UntilResolved,
)
from evo.runners.archives import Archive
from evo.schedules import UniformSubset
from experiments.grids.cell import Cell
from experiments.paper.entry import Entry, Outcome, Section, study
from experiments.paper.exact import HALF, calls, cost, mean, speedup, with_rates
from experiments.paper.numbers import said
from experiments.studies.cost_models import PRICES
from experiments.studies.measured import AGENT, REAL, WEAK
from operators import BetaQuality, Spill
from problems import BlockOneMax, Jump, LeadingBlocks, Needle, Noisy, Trap

K = 16
SHOWN = Prompt(shows="solution")


def section() -> Section:
    """The statements of Section 3.3."""
    return Section(
        "Section 3.3: evolutionary optimisation",
        (*_setting(), *_global(), *_local(), *_implications()),
    )


def _setting() -> tuple[Entry, ...]:
    return (
        Entry(
            "3.3: text",
            "An LLM can be the engine of variation for every solution that text can represent, in theory all.",
            Outcome.NOT_RUN,
            "Calls are simulated by what they do to blocks; texts are not written.",
        ),
        Entry(
            "3.3: the problem",
            "A variant of OneMax: k blocks of l tokens, each correct or not, f(x) counts the correct ones; many "
            "texts may "
            "be correct.",
            Outcome.DEFINED,
            "`BlockOneMax(k, l)`: correctness is what is simulated, so it makes no difference how many texts are "
            "correct.",
            study("paper"),
        ),
        Entry(
            "3.3.1: the mutator",
            "It alters every block, each then being correct with a chance of 50 %.",
            Outcome.IF,
            f"`Resample(p=0.5)`, fix = keep = 1/2. Of {len(REAL)} measured pairs fix is "
            f"{min(fix for fix, _ in REAL):g} to {max(fix for fix, _ in REAL):g} and keep "
            f"{min(keep for _, keep in REAL):g} to {max(keep for _, keep in REAL):g}.",
            study("measured"),
            needs="A call spoils a right block as often as it repairs a wrong one.",
            fails="With every pair that was measured.",
        ),
        Entry(
            "3.3.1: the algorithm",
            "Greedy: x' replaces the current solution if f(x') > f(x); an instance of a (1+lambda)-EA.",
            Outcome.DEFINED,
            "`OnePlusLambda(lam)`, strict; the words of the paper replace x' by x' (theory 13.7).",
            study("selection"),
            fails="LOCAL in sequence is none: it keeps a pointer and uses rejections. From any of an archive of 4 in "
            "place "
            f"of the best so far, random blocks take {said(_archive() / calls(UniformChunk(), 8))} times the calls "
            "at k = 8.",
        ),
    )


def _archive() -> float:
    return mean(Cell(BlockOneMax(k=8, l=16), HALF, UniformChunk(), Archive(4)))


def _global() -> tuple[Entry, ...]:
    random = mean(Cell(BlockOneMax(k=K, l=16, start=0.5), HALF, AllBlocks(), OnePlusLambda()))
    uniform = calls(AllBlocks(), K, BetaQuality(a=1, b=1))
    years = calls(AllBlocks(), 40) / (365.25 * 24 * 3600)
    return (
        Entry(
            "3.3.1: 2^k calls",
            "The expected number of applications until all blocks are correct is 2^k.",
            Outcome.IF,
            f"{said(calls(AllBlocks(), K))} at k = {K}, geometric, for every lambda and every fitness with this "
            f"optimum.",
            study("paper"),
            needs="Blocks are independent within a call, keep = 1/2, and the start is not optimal (a random one takes "
            f"{said(random)}).",
            fails=f"keep = 0.99: {said(with_rates(AllBlocks(), K, 0.5, 0.99))} calls; a quality of the call that all "
            f"its "
            f"blocks share, uniform: {said(uniform)}, k + 1, each block still being right w.p. 1/2; fix {AGENT[0]:g}, "
            f"keep {AGENT[1]:g}: {said(with_rates(AllBlocks(), 50, *AGENT))} at k = 50.",
        ),
        Entry(
            "Eq. 12",
            "GLOBAL costs Theta(m_u 2^k k^2 l^2), impractical for any decent k.",
            Outcome.IF,
            f"2^k (3 k^2 l^2 - k l)/2: {said(cost(AllBlocks(), K))} at k = l = {K}. The exponents in k, l "
            f"and m are "
            f"fitted and tested. At k = 40 its {said(calls(AllBlocks(), 40))} calls take {said(years)} years at a "
            "second each.",
            study("cost-models"),
            needs="As for the 2^k; passes that cost m c.",
            fails="2^k k^3 l^3 if a pass costs m c^2; 2^k k l under prices per token.",
        ),
        Entry(
            "3.3.1: small problems",
            "This may be why LLM-based optimisation is applied to small problems: whole solutions are rewritten.",
            Outcome.NOT,
            f"Not with the keep that was measured: at k = 50 GLOBAL takes "
            f"{said(with_rates(AllBlocks(), 50, *AGENT))} calls "
            f"with fix {AGENT[0]:g} and keep {AGENT[1]:g}, LOCAL {said(with_rates(UntilResolved(), 50, *AGENT))}.",
            study("measured"),
            fails=f"Where keep is smaller it does hold: fix {WEAK[0]:g}, keep {WEAK[1]:g}: "
            f"{said(with_rates(AllBlocks(), 50, *WEAK))} against {said(with_rates(UntilResolved(), 50, *WEAK))} at k "
            f"= 50, "
            f"{said(with_rates(AllBlocks(), 100, *WEAK))} against {said(with_rates(UntilResolved(), 100, *WEAK))} at "
            f"k = "
            "100.",
        ),
    )


def _local() -> tuple[Entry, ...]:
    k = 64
    noisy = mean(Cell(Noisy(BlockOneMax(k=20, l=16), 1.0), HALF, UniformChunk(), OnePlusLambda()))
    return (
        Entry(
            "Eq. 13",
            "Applied to each block individually and in sequence, the mutator costs Theta(m_u k l^2).",
            Outcome.IF,
            f"k (3 l^2 - l) under `UntilResolved` and `OnlyIncorrect`: {said(cost(UntilResolved(), k))} at k "
            f"= {k}, "
            f"l = 16, {said(calls(UntilResolved(), k))} calls. The exponents in k, l and m are fitted and tested.",
            study("cost-models"),
            needs="Boundaries are known; a call sees its block alone; each call is evaluated by itself and without "
            "error; "
            "the parent is the best so far; and the schedule stays with a block until it is right (theory 13.3 to "
            "13.5, "
            "13.15, 13.16).",
            fails=f"Theta(k log k) calls in turn ({said(calls(RoundRobin(), k))}) or at random "
            f"({said(calls(UniformChunk(), k))}); Theta(k^2 l^2) if a call sees the whole solution "
            f"({said(cost(UntilResolved(), k, prompt=SHOWN))}); exponential with noise of one block's worth, for "
            f"random "
            f"blocks ({said(noisy)} calls in place of {said(calls(UniformChunk(), 20))} at k = 20).",
        ),
    )


def _implications() -> tuple[Entry, ...]:
    small = cost(AllBlocks(), 10) / cost(UntilResolved(), 10, price=LLMPrimitive(m=0.1))
    return (
        Entry(
            "Eq. 14",
            "The improvement of LOCAL over GLOBAL is Theta(2^k k).",
            Outcome.IF,
            f"2^(k-1) (3kl-1)/(3l-1): {said(speedup(K))} at k = l = {K}; its growth is fitted and tested.",
            study("paper"),
            needs="What Eq. 12 and 13 need, keep = 1/2 above all.",
            fails=f"At k = 10, l = 16 it is {said(speedup(10))}; {said(speedup(10, prompt=SHOWN))} if a local call "
            f"sees the "
            f"whole solution, {said(speedup(10, price=PRICES))} under prices per token (both Theta(2^k)), "
            f"{said(speedup(10, price=QuadraticPrimitive()))} for a quadratic pass; with {said(_in_calls(), 2)} in "
            f"calls at "
            f"k = 50 for fix {AGENT[0]:g}, keep {AGENT[1]:g} GLOBAL is ahead.",
        ),
        Entry(
            "3.3.3: model size",
            "This is before considering that a local mutator may be a smaller model.",
            Outcome.HOLDS,
            f"A local model of size m/k makes it {said(small)} in place of {said(speedup(10))} at k = 10.",
            study("cost-models"),
        ),
        Entry(
            "3.3.3: non-convex functions",
            "Local mutations will not be sufficient for all evaluation functions, particularly non-convex ones.",
            Outcome.HOLDS,
            f"On Jump with a valley of two blocks and on Trap they never arrive (exact means "
            f"{_never(Jump(k=8, l=16, m=2))} "
            f"and {_never(Trap(k=8, l=16))}); any two blocks a call take "
            f"{said(_mean(Jump(k=8, l=16, m=2), UniformSubset(g=2)))} "
            f"calls at k = 8, GLOBAL {said(_mean(Jump(k=8, l=16, m=2), AllBlocks()))}.",
            study("nonconvex"),
            fails=f"Not convex is not enough: on LeadingBlocks they are sufficient "
            f"({said(_mean(LeadingBlocks(k=8, l=16)))} "
            f"calls at k = 8), on a needle slow ({said(_needle())} at k = 10, GLOBAL 2^k).",
        ),
        Entry(
            "3.3.3: gradient descent",
            "They can be powerful: gradient descent is a local variation operator.",
            Outcome.NOT_RUN,
            "An analogy; blocks that are right or wrong have no gradient.",
        ),
        Entry(
            "3.3.3: fuzzier decomposition",
            "Components may be less clear than blocks with known boundaries.",
            Outcome.HOLDS,
            f"If a local call breaks each block elsewhere w.p. 0.01, k = 50 takes {said(_spilled(0.01))} calls in "
            f"place of "
            f"{said(calls(OnlyIncorrect(), 50))}; w.p. 0.1, {said(_spilled(0.1))}: exponential unless the chance is "
            f"O(1/k).",
            study("spill"),
        ),
        Entry(
            "3.3.3: super-exponential",
            "Decomposition leads to super-exponential improvements at scale.",
            Outcome.NOT,
            f"2^k k is exponential: from k = 100 to 101 it grows by {said(speedup(101) / speedup(100))}.",
            study("paper"),
            fails="For every k: 2^k k = 2^(k + log2 k).",
        ),
        Entry(
            "3.3.3: reliable, not deterministic",
            "Here the LLM acts reliably, but not deterministically.",
            Outcome.DEFINED,
            "Every cell has the law of its calls, not only their mean, and is tested against it.",
            study("paper"),
        ),
    )


def _in_calls() -> float:
    """Calls of GLOBAL over those of LOCAL with a measured pair."""
    return with_rates(AllBlocks(), 50, *AGENT) / with_rates(UntilResolved(), 50, *AGENT)


def _mean(
    problem: Jump | Trap | LeadingBlocks, schedule: UniformChunk | UniformSubset | AllBlocks | None = None
) -> float:
    return mean(Cell(problem, HALF, schedule or UniformChunk(), OnePlusLambda()))


def _never(problem: Jump | Trap) -> str:
    assert math.isinf(_mean(problem))
    return "infinite"


def _needle() -> float:
    return mean(Cell(Needle(k=10, l=16), HALF, UniformChunk(), OnePlusLambda(accept="weak")))


def _spilled(rate: float) -> float:
    return calls(OnlyIncorrect(), 50, Spill(HALF, rate=rate))
