"""Section 2: the definitions, and what is assumed of costs."""

from __future__ import annotations

from dataclasses import replace

from evo import AllBlocks, LLMPrimitive, OnlyIncorrect, QuadraticPrimitive, UntilResolved
from evo.costs.ledger import call_entries
from evo.errors import InputError
from evo.programs import Catalogue, Model
from evo.schedules import Decomposed
from evo.theory.systems.training import runs_to_pay, runs_to_vanish, tuning_cost
from experiments.paper.entry import EXAMPLES, Entry, Outcome, Section, study
from experiments.paper.exact import SQUARES, calls, cell, cost, mean, of, speedup
from experiments.paper.numbers import combined, said
from experiments.studies.cost_models import PRICES
from experiments.studies.measured import AGENT, K, L, head
from operators import FixKeep
from problems.systems import FocusedDebugging, Generalist, NaiveDebugging, Routing

MODELS = Catalogue((Model("small", 1.0, ("qa",)), Model("large", 10.0, ("qa", "debug"))))


def _refusal() -> str:
    try:
        MODELS.cheapest("debugger", ("deploy",))
    except InputError as error:
        return str(error).split(";")[0]
    raise AssertionError("a capability that nobody has must be refused")


def _kinds_of_cost() -> Entry:
    """GLOBAL and LOCAL with a measured pair, in three units."""
    fix, keep = AGENT
    pair = [cell(schedule, K, L, FixKeep(fix=fix, keep=keep)) for schedule in (AllBlocks(), UntilResolved())]
    taken = [mean(each) for each in pair]
    passes = [mean(each, "cost") for each in pair]
    money = [mean(replace(each, prompt=head(20), cost=PRICES), "cost") for each in pair]
    return Entry(
        "2: kinds of cost",
        "Cost may be operations, money or damage to the environment; all should be highly correlated.",
        Outcome.NOT,
        f"With fix {fix:g}, keep {keep:g}, k = {K} GLOBAL takes {said(taken[1] / taken[0])} times fewer calls than "
        f"LOCAL, costs "
        f"{said(passes[0] / passes[1])} times as much in forward passes, and {said(money[1] / money[0])} times less in "
        "money where a call on one block reads 20 tokens for each it writes.",
        study("measured"),
        fails="Where calls of different length are compared.",
    )


def _orthogonal() -> Entry:
    """What a better model leaves of the gain of a decomposition."""
    kept = calls(AllBlocks(), 16, FixKeep(fix=0.5, keep=0.99))
    return Entry(
        "2: orthogonal to the model",
        "With the LLM as the atom, gains by orchestration are orthogonal to what improves inside LLMs.",
        Outcome.IF,
        "A size is a factor of every cost: with a model of a tenth of the size Eq. 14 at k = 10, l = 16 is "
        f"{said(speedup(10, price=LLMPrimitive(m=0.1)))}, as with the large one.",
        study("paper"),
        needs="The improvement is one of size or price, for all calls alike.",
        fails=f"Where it is one of reliability: from keep = 1/2 to 0.99 GLOBAL takes {said(kept)} calls at k = 16 in "
        f"place of {said(calls(AllBlocks(), 16))}, and the factor that decomposition wins is gone.",
    )


def _nearly_linear() -> Entry:
    """A call and one of twice the length, in tokens and in passes."""
    lengths = 200, 400
    tokens, passes = [2 * each for each in lengths], [call_entries(each, each)[2] for each in lengths]
    return Entry(
        "2: closer to linear in practice",
        "A pass of a transformer is quadratic in principle; sparse attention and caching bring the practical cost "
        "closer to linear, as prices reflect.",
        Outcome.IF,
        f"At a price per token a call that reads {lengths[0]} tokens and writes as many is {tokens[0]}, one of twice "
        f"the length {tokens[1]}. In passes m c they are {passes[0]:,} and {passes[1]:,}: each token that is written "
        "pays for the prompt again, and the call is quadratic.",
        study("cost-models"),
        needs="Linear in the tokens of a call: Definition 2.2 is linear in those of a pass.",
    )


def _separation_of_labor() -> Entry:
    """What a smaller model for one of two roles saves."""
    saved = [
        of(system(k=10_000, l=50, b=5, m_q=10.0, m_d=10.0)) / of(system(k=10_000, l=50, b=5, m_q=1.0, m_d=10.0))
        for system in (FocusedDebugging, NaiveDebugging)
    ]
    return Entry(
        "2: separation of labor",
        "Operations need different capabilities, so that no single giant model is needed for the most basic tasks.",
        Outcome.IF,
        f"QA by a model of a tenth of the size makes focused debugging (k = 10,000, l = 50, b = 5) {said(saved[0])} "
        f"times cheaper, and the naive one {said(saved[1], 8)} times.",
        study("debugging"),
        needs="The basic task is most of the cost, which hangs on the decomposition.",
    )


def _training() -> Entry:
    """What training costs once, beside runs that it makes cheaper."""
    k, tuned, tokens = 64, 0.95, 10**6
    once = tuning_cost(tokens)
    before, after = (mean(cell(OnlyIncorrect(), k, mutator=FixKeep(fix=fix, keep=0.5)), "cost") for fix in (0.5, tuned))
    pays = combined(lambda one, two: runs_to_pay(once, one, two), before, after)
    gone = combined(lambda two: runs_to_vanish(once, two, 0.01), after)
    return Entry(
        "2: training is ignored",
        "Inference over a long period of time dominates, so the cost of training is left out.",
        Outcome.IF,
        f"Tuning on {tokens:,} tokens, three passes over each, costs {said(once)} once. If it raises fix from 1/2 to "
        f"{tuned:g}, LOCAL (k = {k}, l = 16) costs {said(after)} a run in place of {said(before)}: it has paid after "
        f"{said(pays)} runs, and is below 1 % of all cost after {said(gone)} (theory 12f).",
        study("paper"),
        needs="So many runs of the same kind, before the next model.",
        fails="Where a model is tuned for fewer runs: there the one-time cost decides. Nothing is trained here: what "
        "tuning does to fix is assumed.",
    )


def _impact() -> Entry:
    """What is saved by parts, at two sizes of each system."""
    routing = [of(Generalist(k=k, n=1000)) / of(Routing(k=k, n=1000, h=10, o_d=1)) for k in (10, 100)]
    debugging = [
        of(NaiveDebugging(k=k, l=50, b=k // 10)) / of(FocusedDebugging(k=k, l=50, b=k // 10)) for k in (10, 100)
    ]
    return Entry(
        "2: the impact of decomposition",
        "The impact of a decomposition scales in a way that the naive approach has no access to.",
        Outcome.IF,
        f"From k = 10 to 100 what is saved grows from {said(debugging[0])} to {said(debugging[1])} times (debugging, "
        f"l = 50, k/10 bugs), from {said(speedup(10))} to {said(speedup(100))} (evolution, l = 16), from "
        f"{said(routing[0])} to {said(routing[1])} (routing, n = 1,000, h = 10).",
        study("quadratic"),
        needs="What Eq. 3, 11 and 14 need.",
        fails="Routing at fixed n, whose speed-up ends at n/h.",
    )


def section() -> Section:
    """The statements of Section 2."""
    reads, writes = 200, 200
    passes = call_entries(reads, writes)[2]
    naive, focused = (system(k=100, l=50, b=10) for system in (NaiveDebugging, FocusedDebugging))
    debugging = of(naive) / of(focused), of(naive, SQUARES) / of(focused, SQUARES)
    one, two = Generalist(k=100, n=10**6), Routing(k=100, n=10**6, h=10, o_d=1)
    routing = of(one) / of(two), of(one, SQUARES) / of(two, SQUARES)
    evolution = speedup(10), speedup(10, price=QuadraticPrimitive())
    free, paid = (cost(schedule, 64) for schedule in (UntilResolved(), Decomposed(UntilResolved(), writes=5)))
    return Section(
        "Section 2: the framework",
        (
            Entry(
                "Definition 2.1",
                "A language-based algorithm (LbA) is any algorithm with steps that an LLM performs.",
                Outcome.DEFINED,
                "Two kinds of process: a search (problem, mutator, schedule, runner) and a program of calls "
                "(roles, and a desk that counts: [programs.md](programs.md)). Both have a text, a ledger and, where "
                "known, "
                "exact laws.",
                "`llm-evo show`",
            ),
            Entry(
                "2: the primitive",
                "The unit is a forward pass that writes one token; only LLM operations are counted.",
                Outcome.DEFINED,
                f"The ledger counts passes: a call that reads {reads} tokens and writes {writes} takes {writes} passes "
                f"over {passes:,} tokens in all. Evaluations are counted beside, at a price of 0 unless one is given.",
                study("paper"),
                needs="Evaluations are free: GLOBAL takes 2^k of them, LOCAL 2k.",
            ),
            _orthogonal(),
            _training(),
            Entry(
                "2: cost is linear in n and m",
                "The cost of an execution is linear in input and size, as APIs charge linearly per token.",
                Outcome.NOT,
                "Under API prices a prompt is paid once a call, under the primitive once for each token written: "
                f"{reads + writes} tokens against {passes:,}. Eq. 14 at k = 10, l = 16 is {said(speedup(10))} in the "
                f"one and {said(speedup(10, price=PRICES))} in the other (theory 13.8).",
                study("cost-models"),
                fails="Under prices per token the factor k of Eq. 14 is gone, Eq. 12 is 2^k k l, Eq. 13 k l.",
            ),
            _nearly_linear(),
            Entry(
                "2: sharper if superlinear",
                "If the cost is superlinear, separations are generally even sharper.",
                Outcome.IF,
                f"From passes m c to m c^2: evolution (k = 10) {said(evolution[0])} to {said(evolution[1])}, debugging "
                f"(k = 100, l = 50, b = 10) {said(debugging[0])} to {said(debugging[1])}; routing (k = 100, n = 10^6, "
                f"h = 10) {said(routing[0], 4)} to {said(routing[1], 4)}, whose limit stays k.",
                study("cost-models"),
                fails="Routing: the limit of its speed-up is k under every cost model (theory 12).",
            ),
            _kinds_of_cost(),
            Entry(
                "Definition 2.2",
                "An LLM primitive of size m costs m n on a string of length n.",
                Outcome.DEFINED,
                f"`LLMPrimitive(m=1)`: that call costs "
                f"{LLMPrimitive().weights @ (1, 0, *call_entries(reads, writes)):,.0f}; "
                f"in m c^2 {QuadraticPrimitive().weights @ (1, 0, *call_entries(reads, writes)):,.0f}. Each run's "
                f"ledger "
                "is compared with a literal count of its passes.",
                study("cost-models"),
            ),
            Entry(
                "Definition 2.3",
                "Every LLM has a set of capabilities, what it can reliably do.",
                Outcome.DEFINED,
                "`Model(size, capabilities)` and `Catalogue.cheapest`. A capability that nobody has is an error: "
                f'"{_refusal()}".',
                EXAMPLES,
                needs="Reliably: an error rate is no capability, but a parameter of the role (Section 5.1).",
            ),
            Entry(
                "2: minimal sets are optimal",
                "An optimal LbA uses models with minimal sets: a larger set cannot have a smaller minimal size.",
                Outcome.HOLDS,
                f"A role that needs `qa` takes the model of size {MODELS.cheapest('qa', ('qa',)).size:g}, one that "
                f"needs "
                f"`qa` and `debug` that of size {MODELS.cheapest('both', ('qa', 'debug')).size:g}: the minimum over "
                f"fewer "
                "models is never smaller.",
                EXAMPLES,
            ),
            _separation_of_labor(),
            Entry(
                "2: prefer accessible capabilities",
                "Of two algorithms of like complexity that with the more accessible capabilities is preferred.",
                Outcome.NOT_RUN,
                "A rule for whoever chooses; the catalogue says what each system needs.",
            ),
            Entry(
                "2: only what is needed is specified",
                "Capabilities are named to design the algorithm; of a real model only those required are verified.",
                Outcome.DEFINED,
                "`Role(needs=)` names what a role must be able to do, and is compared with its model as soon as the "
                "role is made; what else a model can do is never asked.",
                EXAMPLES,
            ),
            _impact(),
            Entry(
                "Definition 2.4",
                "An oracle decomposition is an assumed operation, no LLM, that decomposes a problem.",
                Outcome.DEFINED,
                "Schedules are such oracles of boundaries (`OnlyIncorrect` of correctness, too), and free. One that "
                "costs "
                f"a call of 5 tokens for each choice (`Decomposed`) makes LOCAL at k = 64, l = 16 {said(paid / free)} "
                f"times as expensive ({said(cost(OnlyIncorrect(), 64))} to {said(paid)}).",
                study("paper"),
                fails="A decomposition that reads the solution costs Theta(k l) a call: LOCAL is then Theta(k^2).",
            ),
        ),
    )
